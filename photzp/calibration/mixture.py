"""Gross errors among the stars of a frame: a mixture of good stars and outliers, fitted by maximum likelihood.

Residuals r are drawn from a mixture (Hogg, Bovy & Lang 2010, arXiv:1008.4686, sec. 3, made one-sided):

    p(r) = (1 - e+ - e-) N(r; sigma^2) + (e+ Phi(r / sigma) + e- Phi(-r / sigma)) / W
    sigma^2 = photon noise^2 + catalogue error^2 + s0^2 + s1^2 (25 / (S/N))

s0 is the scatter of bright stars (flat field, variability, transformation); s1 that of faint ones beyond their noise,
which goes as the loss of Kron fluxes does and is three times the noise on a real crowded frame.  e+ and e- are the
shares of outliers: stars that are too bright or too faint by anything up to W (blends, galaxies, variables, wrong
partners).  Each side has its own share, so that outliers on one side do not pull: far outliers lose all influence, and
the scatter cannot collapse as in iterated sigma clipping.

All parameters are fitted together, with a flexible Kron loss: the shares by expectation maximisation, the others by
Fisher's scoring.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from photzp.calibration.kronloss import B_MAG, KRON_SNR
from photzp.errors import FIT_NOT_CONVERGED, FrameRejected
from photzp.robust import robust_spread

_MAX_SCATTER_MAG = 0.5        # stars that scatter more were not matched to themselves
_OUTLIER_MAG = 0.6            # W; larger outliers count as if they were as likely
_FIRST_SHARES = (0.05, 0.05)  # e+ and e- at the start
# Prior on the shares: as if 0.5 outliers per side had been seen among 10 stars.
_OUTLIER_PRIOR, _OUTLIER_PRIOR_STARS = 0.5, 10.0
# Prior on s0 and s1: as if 5 stars with a scatter of this size had been seen for each.
_SCATTER_PRIOR_MAG, _SCATTER_PRIOR_STARS = (0.012, 0.03), 5.0
_FLEXIBLE_SNRS = np.array([10.0, 40.0, 160.0, 640.0, 2560.0])  # knots of the flexible loss
_FLEXIBLE_MAG = 0.03          # prior width of the flexible loss about the usual form, at each knot
_DENSEST_STARS = 500          # the densest value is searched for among the stars of the smallest errors ...
_DENSEST_CANDIDATES = 100     # ... and is one of the first of them
_ITERATIONS = 200
_TOLERANCE_MAG = 2e-5
# Damping of the scatter update, which can oscillate undamped.
_DAMPING_EARLY, _EARLY_ITERATIONS, _DAMPING_LATE = 0.5, 20, 0.1
_WORST_CONDITION = 1e10       # of the normal matrix; terms of a sound fit are of order one


@dataclass(frozen=True)
class MixtureFit:
    """The mixture fitted to the stars of a frame.

    Attributes
    ----------
    inlier : ndarray, shape (n,)
        Probability that a star is no outlier.
    data : ndarray, shape (n,)
        Magnitudes for a linear fit with any form of the Kron loss, as good as the mixture near its maximum.
    information : ndarray, shape (n,)
        Weights of `data` [1/mag^2].
    scatter_mag : float
        Intrinsic scatter, left after photon and catalogue errors.
    """

    inlier: np.ndarray
    data: np.ndarray
    information: np.ndarray
    scatter_mag: float


@dataclass(frozen=True, kw_only=True)
class _Model:
    """Stars (n,), a linear model (n, q) with its priors (q,), and what s0^2 and s1^2 are multiplied by (n, 2)."""

    design: np.ndarray
    data: np.ndarray
    error: np.ndarray
    variance_shapes: np.ndarray
    prior_mean: np.ndarray
    prior_precision: np.ndarray


def fit_mixture(design: np.ndarray, data: np.ndarray, error: np.ndarray, snr: np.ndarray) -> MixtureFit:
    """Fit the mixture by maximum likelihood, with a flexible Kron loss.

    The likelier of two results counts: one starts from the median and the whole scatter, the other from the densest
    value and the scatter of good stars, which is right where many others are off by the same amount.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Of the parameters without those of the loss; the first column is 1.
    data, error, snr : ndarray, shape (n,)
        Magnitudes, their photon and catalogue errors [mag], and the S/N of each star.

    Returns
    -------
    MixtureFit

    Raises
    ------
    FrameRejected
        If the stars do not agree, or neither start converges.
    """
    model = _model_with_flexible_loss(design, data, error, snr)
    zeropoints = data - model.design[:, 1:] @ model.prior_mean[1:]
    scatter = robust_spread(zeropoints)
    if scatter > _MAX_SCATTER_MAG:
        raise FrameRejected(FIT_NOT_CONVERGED, f'the stars do not agree, scatter {scatter:.2f} mag')
    wide = np.full(2, max(scatter, _SCATTER_PRIOR_MAG[0]) ** 2 / 2)
    narrow = np.square(_SCATTER_PRIOR_MAG)
    densest = _densest(zeropoints, np.sqrt(error**2 + model.variance_shapes @ narrow))
    results = []
    for zp, variances in (np.median(zeropoints), wide), (densest, narrow):
        try:
            results.append(_maximise(model, float(zp), variances))
        except FrameRejected as rejection:  # the other start may end well
            failure = rejection
    if not results:
        raise failure
    return max(results, key=lambda result: result[0])[1]


def _model_with_flexible_loss(design: np.ndarray, data: np.ndarray, error: np.ndarray, snr: np.ndarray) -> _Model:
    """The model with a flexible loss added to the design: the usual form, and hat functions in ln S/N."""
    knots = np.log(_FLEXIBLE_SNRS)
    hats = [np.interp(np.log(snr), knots, row) for row in np.eye(len(knots))]
    full = np.column_stack([design, -(snr / KRON_SNR) ** -0.5, *(-hat for hat in hats)])
    flat, prior_mean = np.zeros(design.shape[1]), np.zeros(full.shape[1])
    prior_mean[len(flat)] = B_MAG[0]
    return _Model(
        design=full, data=data, error=error, variance_shapes=np.stack([np.ones(len(data)), KRON_SNR / snr], axis=-1),
        prior_mean=prior_mean,
        prior_precision=np.concatenate([flat, [B_MAG[1] ** -2], np.full(len(knots), _FLEXIBLE_MAG**-2)]))


def _densest(values: np.ndarray, sigma: np.ndarray) -> float:
    """The value with the highest density of others about it, each of them spread out by its sigma; arrays (n,)."""
    sharpest = np.argsort(sigma, kind='stable')[:_DENSEST_STARS]
    values, sigma = values[sharpest], sigma[sharpest]
    candidates = slice(0, _DENSEST_CANDIDATES)
    distance = (values[candidates, None] - values) / np.hypot(sigma[candidates, None], sigma)
    return float(values[np.argmax((np.exp(-(distance**2) / 2) / sigma).sum(axis=1))])


def _maximise(model: _Model, zp: float, variances: np.ndarray) -> tuple[float, MixtureFit]:
    """(log posterior, MixtureFit) of the local maximum that a start leads to."""
    parameters = np.append(zp, model.prior_mean[1:])
    residual = model.data - model.design @ parameters
    shares = np.array(_FIRST_SHARES)
    for iteration in range(_ITERATIONS):
        damping = _DAMPING_EARLY if iteration < _EARLY_ITERATIONS else _DAMPING_LATE
        sigma2 = model.error**2 + model.variance_shapes @ variances
        inlier, outlier_slope, likelihood = _split(residual, np.sqrt(sigma2), shares)
        score = inlier * residual / sigma2 - outlier_slope
        normal = (model.design * (inlier / sigma2)[:, None]).T @ model.design + np.diag(model.prior_precision)
        covariance = _inverse(normal)
        step = covariance @ (model.design.T @ score - model.prior_precision * (parameters - model.prior_mean))
        parameters = parameters + step
        residual = model.data - model.design @ parameters
        free_parameters = float(len(parameters) - model.prior_precision @ np.diag(covariance))
        variances = variances * np.exp(damping * _scatter_step(model, variances, residual, inlier, free_parameters))
        outliers = np.array([np.sum((1 - inlier)[side]) for side in (residual > 0, residual <= 0)])
        shares = (outliers + _OUTLIER_PRIOR) / (len(residual) + _OUTLIER_PRIOR_STARS)
        if np.max(np.abs(step)) < _TOLERANCE_MAG:
            break
    else:
        raise FrameRejected(FIT_NOT_CONVERGED, f'after {_ITERATIONS} iterations')
    scatter2 = (inlier @ (model.variance_shapes @ variances)) / inlier.sum()
    # The likelihood is quadratic around the flexible fit: these data have the same one.
    data = model.data - residual + score * sigma2 / np.maximum(inlier, 1e-12)
    log_prior = (-model.prior_precision @ (parameters - model.prior_mean) ** 2 / 2
                 + _log_prior_of_scatter(variances))
    information = _information(inlier, score, residual, sigma2, free_parameters)
    return float(np.log(likelihood).sum() + log_prior), MixtureFit(inlier, data, information, math.sqrt(scatter2))


def _split(residual: np.ndarray, sigma: np.ndarray,
           shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(probability that a star is no outlier, score of the outliers, p(r)) by the mixture of this module."""
    u = residual / sigma
    normal = np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi) / sigma
    inlier = (1 - shares.sum()) * normal
    outlier = (shares[0] * ndtr(u) + shares[1] * ndtr(-u)) / _OUTLIER_MAG
    total = inlier + outlier
    return inlier / total, (shares[0] - shares[1]) * normal / _OUTLIER_MAG / total, total


def _inverse(normal: np.ndarray) -> np.ndarray:
    """Inverse of a normal matrix; FrameRejected where it is not reliable (condition in the 1-norm)."""
    try:
        inverse = np.linalg.inv(normal)
        condition = np.abs(normal).sum(axis=0).max() * np.abs(inverse).sum(axis=0).max()
    except np.linalg.LinAlgError:
        condition = math.inf
    if not condition <= _WORST_CONDITION:
        raise FrameRejected(FIT_NOT_CONVERGED, 'the stars do not determine the fit')
    return inverse


def _scatter_step(model: _Model, variances: np.ndarray, residual: np.ndarray, inlier: np.ndarray,
                  free_parameters: float) -> np.ndarray:
    """One step of Fisher's scoring for the logarithms of the variances (2,).

    The log likelihood is the sum of inlier (-ln sigma^2 - residual^2 / sigma^2) / 2, and for each variance the same of
    _SCATTER_PRIOR_STARS stars whose residual is _SCATTER_PRIOR_MAG, and which have no other variance.
    """
    parts = model.variance_shapes * variances
    sigma2 = model.error**2 + parts.sum(axis=1)
    weight = inlier / (2 * sigma2**2)
    excess = residual**2 * inlier.sum() / max(inlier.sum() - free_parameters, 1.0) - sigma2
    score = parts.T @ (weight * excess) + _SCATTER_PRIOR_STARS / 2 * (np.square(_SCATTER_PRIOR_MAG) / variances - 1)
    information = (parts * weight[:, None]).T @ parts + _SCATTER_PRIOR_STARS / 2 * np.eye(2)
    return np.clip(np.linalg.solve(information, score), -1, 1)


def _log_prior_of_scatter(variances: np.ndarray) -> float:
    """Log of the prior that _scatter_step describes."""
    return float(-_SCATTER_PRIOR_STARS / 2 * np.sum(np.log(variances) + np.square(_SCATTER_PRIOR_MAG) / variances))


def _information(inlier: np.ndarray, score: np.ndarray, residual: np.ndarray, sigma2: np.ndarray,
                 free_parameters: float) -> np.ndarray:
    """Information of each star about its mean (n,) [1/mag^2]: curvature^2 / square of the score.

    Both are means over the stars, in units of their noise, shared out by the weights of the stars (Huber 1981, sec.
    3.2).
    """
    curvature = _mean_with_prior(inlier * (1 - (1 - inlier) * residual**2 / sigma2))
    square = _mean_with_prior(score**2 * sigma2 * len(score) / max(len(score) - free_parameters, 1))
    return inlier / sigma2 * curvature**2 / square / inlier.mean()


def _mean_with_prior(values: np.ndarray) -> float:
    """Mean with some values of 1 added, since few stars determine it badly."""
    return (values.sum() + _SCATTER_PRIOR_STARS) / (len(values) + _SCATTER_PRIOR_STARS)
