"""The likelihood of a night that is clear or cloudy, for all filters of a telescope at once.

With r the residuals of a night about the level in the filters that it has (F of them), and C their covariance (errors
of the means, and the noise of nights, which filters share in part), the weighted mean and its variance are

    rbar = V 1' C^-1 r,    V = 1 / (1' C^-1 1).

Clouds dim all filters alike, so what r says of them is in rbar:

- a clear night has rbar ~ t(0, V), Student's distribution of _FREEDOM degrees: nights have tails;
- a cloudy one has rbar = -D + noise, with a density f(D), D >= 0, of the depth.

f is linear between nodes, so that its convolution with the noise is a sum of error functions.  What else is known of
clouds, by other telescopes (`siteair`) and by the scatter of rows (`contrasts`), multiplies the likelihood of each
element of f.  Clouds only dim: a night above the level is clear, but for one so far above it that all its rows must be
wild.  A filter that disagrees with the others of its night (an outlier) counts less.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln, logit, ndtr

MISSING = 1e8  # mag^2: variance of a value that is not there
SEASON_NIGHTS = 20  # a season reaches so many nights to either side
_SEASON_WEIGHT = 3.0  # nights: weight of the mean share of clear nights in that of a season
_SHARE_MIN = 0.02  # of clear and of cloudy nights, in any season

_FREEDOM = 6.0
_T_NORM = gammaln((_FREEDOM + 1) / 2) - gammaln(_FREEDOM / 2) - 0.5 * np.log(_FREEDOM * np.pi)
_NODES_MAG = np.array([0.0, 0.03, 0.07, 0.15, 0.3, 0.6, 1.2, 2.4, 4.8])  # of f(D), which is 0 at the last
_GAPS = np.diff(_NODES_MAG)
# Mean depth of each element of f, k of them [mag].
DEPTH_MAG = np.append(_NODES_MAG[1], _NODES_MAG[:-2] + _NODES_MAG[1:-1] + _NODES_MAG[2:]) / 3
_MASS = np.append(_GAPS[0], _GAPS[:-1] + _GAPS[1:]) / 2
_THIN_MAG = 0.034  # about two night noises of a telescope, grey and of its filters, with extinction and fields
# Part of each element of f below that.
_THIN_PART = np.append([1.0, 1 - (_NODES_MAG[2] - _THIN_MAG) ** 2 / (_NODES_MAG[2] * _GAPS[1])],
                       np.zeros(len(_MASS) - 2))
_FLOOR = 1e-12  # of densities [1/mag]
_WILD = 0.002     # density of nights whose rows are all wild [1/mag]: not cloudy, and not clear
_OUTLIER_SIGMA = 3.5

# Prior of the shares of depths, worth _DEPTH_NIGHTS cloudy nights: lognormal, of median 0.1 mag and a factor of 3.
_DEPTH_NIGHTS = 8.0
_edges = np.append(_NODES_MAG[1:] - _GAPS / 2, np.inf)
_DEPTH_PRIOR = np.diff(np.append(0, ndtr(np.log(_edges[:-1] / 0.1) / np.log(3.0))))
_DEPTH_PRIOR = _DEPTH_PRIOR / _DEPTH_PRIOR.sum()


@dataclass(frozen=True, kw_only=True)
class SkyState:
    """Shares of clear nights and of depths of cloud.

    Attributes
    ----------
    clear : ndarray, shape (N,)
        Probability that each night is clear, before its own data.
    depths : ndarray, shape (k,)
        Shares of the elements of f among cloudy nights.
    """

    clear: np.ndarray
    depths: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Nights judged at given levels.

    Attributes
    ----------
    clear : ndarray, shape (N,)
        Probability of each night to be clear.
    loglike, log_clear, log_cloudy : ndarray, shape (N,)
        Log likelihood of each night; if it is clear; if it is cloudy.
    weight : ndarray, shape (N, F, F)
        Inverse covariance of its values if clear, with outliers down-weighted; not multiplied by `clear`.
    mean, variance : ndarray, shape (N,)
        rbar and V [mag, mag^2].
    by_depth : ndarray, shape (k, N)
        Log likelihood of cloud of each element of f over that of no cloud, by the values alone.
    depths : ndarray, shape (k,)
        Expected numbers of cloudy nights by element of f.
    """

    clear: np.ndarray
    loglike: np.ndarray
    log_clear: np.ndarray
    log_cloudy: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    by_depth: np.ndarray
    depths: np.ndarray


def start_state(nights: int) -> SkyState:
    """Shares before any data.

    Parameters
    ----------
    nights : int
        Number of nights.

    Returns
    -------
    SkyState
        Half of all nights are clear.
    """
    return SkyState(clear=np.full(nights, 0.5), depths=_DEPTH_PRIOR)


def judge(residual: np.ndarray, variance: np.ndarray, noise: np.ndarray, state: SkyState,
          clouds: np.ndarray | None = None, *, inverse: np.ndarray | None = None) -> Judged:
    """Judge nights.

    Parameters
    ----------
    residual : ndarray, shape (N, F)
        Values minus level [mag]; 0 where missing.
    variance : ndarray, shape (N, F)
        Of the errors of the values [mag^2], MISSING where there is none.
    noise : ndarray, shape (F, F)
        Covariance of the noise of nights [mag^2].
    state : SkyState
        Shares.
    clouds : ndarray, shape (N, k), optional
        What else is known of the clouds of each night: log likelihood with those of each depth over that without.
    inverse : ndarray, shape (N, F, F), optional
        As `inverse_covariances` returns it, where it is known.

    Returns
    -------
    Judged
        Probabilities, weights and likelihood.
    """
    weight = _weights(residual, variance, noise, inverse)
    mean, scale, rest = _grey(residual, variance, weight)
    clear = _log_clear(mean, scale)
    elements = density_elements(-mean, scale) / _MASS[:, None]
    told = 1.0 if clouds is None else np.exp(clouds.T)
    by_depth = elements * told * state.depths[:, None]
    cloudy = np.log(by_depth.sum(axis=0) + _WILD)
    both = np.logaddexp(clear + np.log(state.clear), cloudy + np.log1p(-state.clear))
    probability = np.exp(clear + np.log(state.clear) - both)
    depths = (by_depth / np.maximum(by_depth.sum(axis=0), _FLOOR) * (1 - probability)).sum(axis=1)
    return Judged(clear=probability, loglike=both + rest, log_clear=clear + rest,
                  log_cloudy=cloudy + rest, weight=_with_tails(weight, mean, scale),
                  mean=mean, variance=scale**2, by_depth=np.log(elements) - clear, depths=depths)


@dataclass(frozen=True)
class ClearNights:
    """Nights if they are clear; the two attributes are as those of `Judged`."""

    log_clear: np.ndarray
    weight: np.ndarray


def as_clear(residual: np.ndarray, variance: np.ndarray, noise: np.ndarray, inverse: np.ndarray) -> ClearNights:
    """Weigh nights as if they were clear: `judge` without clouds.

    Parameters
    ----------
    residual, variance, noise, inverse
        As for `judge`.

    Returns
    -------
    ClearNights
    """
    weight = _weights(residual, variance, noise, inverse)
    mean, scale, rest = _grey(residual, variance, weight)
    return ClearNights(_log_clear(mean, scale) + rest, _with_tails(weight, mean, scale))


def inverse_covariances(variance: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Inverse covariances of clear nights, which are the same whatever their levels are.

    Parameters
    ----------
    variance, noise
        As for `judge`.

    Returns
    -------
    ndarray, shape (N, F, F)
        In mag^-2.
    """
    return np.linalg.inv(noise + variance[:, :, None] * np.eye(len(noise)))


def _with_tails(weight: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Weights (N, F, F) of nights, less in the tails."""
    return weight * tail_weight((mean / scale) ** 2)[:, None, None]


def _grey(residual: np.ndarray, variance: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """rbar and sqrt(V) of each night, and the logarithm of the likelihood of what is not in rbar (N,)."""
    along = weight.sum(axis=2)
    total = along.sum(axis=1)
    mean = (along * residual).sum(axis=1) / total
    apart = residual - mean[:, None]
    chi2 = ((weight @ apart[:, :, None])[:, :, 0] * apart).sum(axis=1)
    present = np.maximum((variance < MISSING / 2).sum(axis=1), 1)
    log_determinant = 0.5 * (np.linalg.slogdet(weight)[1] + (variance.shape[1] - present) * np.log(MISSING)
                             - np.log(total))
    rest = log_determinant - 0.5 * np.minimum(chi2, 9.0 * present) - 0.5 * (present - 1) * np.log(2 * np.pi)
    return mean, 1 / np.sqrt(total), rest


def photometric(judged: Judged, state: SkyState, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nights as they are reported: cloud that is no deeper than the noise of nights does not make a night cloudy.

    Parameters
    ----------
    judged : Judged
        The nights.
    state : SkyState
        Shares that they were judged with.
    others : ndarray, shape (N, k)
        What other telescopes say of the clouds of each night.

    Returns
    -------
    probability : ndarray, shape (N,)
        That a night was clear, or dimmed by less than _THIN_MAG.
    log_odds : ndarray, shape (N,)
        log of the likelihood if it was over that if it was not: without any prior.
    """
    prior = logit(state.clear + (1 - state.clear) * float(_THIN_PART @ state.depths))
    # The scatter of rows says that there were clouds, not how much they dim the median frame: it does not count here.
    own, together = (_thin_odds(judged, state, told) for told in (0.0, others.T))
    return expit(together), own - prior


def _thin_odds(judged: Judged, state: SkyState, others: np.ndarray | float) -> np.ndarray:
    """Log odds of nights (N,) that are clear or dimmed by less than _THIN_MAG."""
    log_clear = _log_clear(judged.mean, np.sqrt(judged.variance))
    by_depth = np.exp(judged.by_depth + log_clear + others) * state.depths[:, None] * (1 - state.clear)
    clear = np.exp(log_clear) * state.clear + _THIN_PART @ by_depth
    return np.log(clear) - np.log((1 - _THIN_PART) @ by_depth + _WILD * (1 - state.clear))


def _log_clear(mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Logarithm of Student's density of the value of a clear night."""
    return _T_NORM - np.log(scale) - 0.5 * (_FREEDOM + 1) * np.log1p((mean / scale) ** 2 / _FREEDOM)


def value_loglike(mean: np.ndarray, scale: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """Log likelihood of nights by one value each, where clear and cloudy are as likely.

    Parameters
    ----------
    mean, scale : ndarray, of shapes that broadcast to (N, G)
        Value about a level and its 1-sigma error [mag].
    depths : ndarray, shape (k,)
        Shares of the elements of f.

    Returns
    -------
    ndarray, shape (N, G)
    """
    cloudy = np.full(np.broadcast_shapes(mean.shape, scale.shape), _WILD)
    for element, share in zip(density_elements(-mean, scale), depths / _MASS, strict=True):
        cloudy += share * element
    return np.logaddexp(_log_clear(mean, scale), np.log(cloudy)) + np.log(0.5)


def tail_weight(chi2: np.ndarray) -> np.ndarray:
    """Weight of a night by Student's distribution: less in its tails.

    Parameters
    ----------
    chi2 : ndarray, shape (N,)
        rbar^2 / V.

    Returns
    -------
    ndarray, shape (N,)
    """
    return (_FREEDOM + 1) / (_FREEDOM + chi2)


def expected_loglike(judged: Judged, near: Judged | ClearNights, state: SkyState) -> float:
    """Log likelihood of all nights, with the classes of one judgement and the likelihood of clear nights of another.

    Parameters
    ----------
    judged : Judged
        Has the classes, and the likelihood of cloudy nights.
    near : Judged or ClearNights
        About the level and the lasting noise: has the likelihood of clear nights.
    state : SkyState
        Shares.

    Returns
    -------
    float
        Lower bound of the logarithm by these classes (Neal & Hinton 1998, in Learning in Graphical Models, p. 355).
    """
    clear = np.clip(judged.clear, 1e-12, 1 - 1e-12)
    return float(np.sum(clear * (near.log_clear + np.log(state.clear / clear))
                        + (1 - clear) * (judged.log_cloudy + np.log((1 - state.clear) / (1 - clear)))))


def _weights(residual: np.ndarray, variance: np.ndarray, noise: np.ndarray,
             inverse: np.ndarray | None) -> np.ndarray:
    """Inverse covariance of each night (N, F, F), with the variance of outlying filters raised."""
    eye = np.eye(variance.shape[1])
    weight = inverse_covariances(variance, noise) if inverse is None else inverse.copy()
    if variance.shape[1] == 1:
        return weight
    # About the median: the mean goes along with a wild filter, and then the others seem to be wild.
    whole = variance + np.diag(noise)
    apart = np.abs(residual - _middle(residual, 1 / whole)[:, None]) / np.sqrt(whole)
    wide = (apart > _OUTLIER_SIGMA) & (variance < MISSING / 2)
    some = np.flatnonzero(wide.any(axis=1))
    raised = np.where(wide, whole * (apart / _OUTLIER_SIGMA) ** 2 - np.diag(noise), variance)[some]
    weight[some] = np.linalg.inv(noise + raised[:, :, None] * eye)
    return weight


def _middle(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted median of each row (N,); of two values that weigh the same the higher one, as clouds dim both."""
    order = np.argsort(-values, axis=1)
    share = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1)
    at = np.argmax(share >= (0.5 - 1e-6) * share[:, -1:], axis=1)
    return np.take_along_axis(values, np.take_along_axis(order, at[:, None], axis=1), axis=1)[:, 0]


def density_elements(depth: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Elements of f convolved with Gaussian noise.

    Parameters
    ----------
    depth : ndarray, shape (...)
        -rbar [mag].
    sigma : ndarray, of a shape that broadcasts to it
        Of the noise [mag].

    Returns
    -------
    ndarray, shape (k, ...)
        Density, times the height 1 of each element.

    Notes
    -----
    With R(x) = x Phi(x / sigma) + sigma phi(x / sigma), a ramp convolved with a Gaussian, an element is the difference
    of two smooth steps T_j = (R(x - d_j) - R(x - d_j+1)) / (d_j+1 - d_j), the first of which is Phi(x / sigma).
    """
    last = (slice(None),) + (None,) * depth.ndim
    x = depth - _NODES_MAG[last]
    cumulative = ndtr(x / sigma)
    ramp = x * cumulative + sigma * np.exp(-0.5 * (x / sigma) ** 2) / np.sqrt(2 * np.pi)
    steps = np.concatenate([cumulative[:1], -np.diff(ramp, axis=0) / _GAPS[last]])
    return np.maximum(-np.diff(steps, axis=0), _FLOOR)


def new_state(judged: Judged, window: np.ndarray) -> SkyState:
    """Shares from judged nights.

    Parameters
    ----------
    judged : Judged
        The nights.
    window : ndarray of int, shape (2, N)
        First night of the season of each, and the one after its last.

    Returns
    -------
    SkyState
        For the next round.
    """
    total = np.append(0, np.cumsum(judged.clear))
    near = total[window[1]] - total[window[0]] - judged.clear
    mean = (judged.clear.sum() + 1) / (len(judged.clear) + 2)
    share = (near + _SEASON_WEIGHT * mean) / (window[1] - window[0] - 1 + _SEASON_WEIGHT)
    share = np.clip(share, _SHARE_MIN, 1 - _SHARE_MIN)
    depths = judged.depths + _DEPTH_NIGHTS * _DEPTH_PRIOR
    return SkyState(clear=share, depths=depths / depths.sum())


def mean_depth(state: SkyState) -> float:
    """Mean dimming of cloudy nights.

    Parameters
    ----------
    state : SkyState
        Shares of depths.

    Returns
    -------
    float
        Magnitudes.
    """
    return float(state.depths @ DEPTH_MAG)
