"""Fit a clear-sky level to zeropoints that clouds dim: maximum likelihood of the mixture of `cloudmixture`, by EM.

Each round judges which nights are clear (E step), then moves the parameters of the level by one Newton step, and
re-estimates scatter, shares of clear nights, depths of cloud and the share of wild rows (M step).  It starts from
upper regression quantiles of the data, as clouds only dim.  Errors are those of `sandwich`.
"""

from dataclasses import dataclass

import numpy as np

from photzp.throughput.cloudmixture import (
    DEPTH_MAG,
    KAPPA,
    MASS,
    SEASON_WEIGHT,
    THIN,
    Data,
    Expectation,
    SkyState,
    derivatives,
    expect,
    normalised,
)
from photzp.throughput.sandwich import confusion_of, sandwich

CLOUD_MAG = 0.3  # mean dimming of cloudy nights: the start value here, fixed in `answers`
RIDGE = 1e-6  # curvature that each parameter has at least; one row at the error of a frame has about 1e3

_SCATTER_MAG = (0.002, 0.1)  # range of s
_START_SCATTER_MAG, _START_CLEAR, _START_WILD = 0.03, 0.5, 0.02
_START_QUANTILES = (0.6, 0.9)
_START_ROWS = 2000  # about so many rows are enough for a start
# Weights of priors: as if so much had been seen with the start values.
_WEIGHT_NIGHTS = 2.0       # nights, for the shares
_WEIGHT_ROWS = 2.0         # rows, for s
_WILD_ROWS = (1.0, 100.0)  # one wild row among a hundred
_ROUNDS = 60
_TRIAL_ROUNDS = 6  # for each start
_TOLERANCE_MAG = 5e-5  # the fit has converged where no row moves farther in a round
_STEP_MAX_MAG = 1.0  # of a round, at any row


@dataclass(frozen=True, kw_only=True)
class ClearSkyFit:
    """A fitted clear-sky level.

    Attributes
    ----------
    parameters : ndarray, shape (p,)
        Of the linear model.
    covariance : ndarray, shape (p, p)
        Sandwich covariance of the parameters.
    night_clear : ndarray, shape (m,)
        Probability that each night was clear.
    row_clear : ndarray, shape (n,)
        Probability that each row is of a clear night and not wild.
    residual : ndarray, shape (n,)
        Zeropoints minus clear-sky level [mag].
    state : SkyState
        Parameters of noise and cloud.
    loglike : float
        Log likelihood of data and priors.
    gradient, curvature : ndarray, shape (n,)
        Derivatives of the log likelihood by the level of each row, as `cloudmixture.derivatives`.
    confusion : float
        Factor on variances for veils that pass for clear sky.
    """

    parameters: np.ndarray
    covariance: np.ndarray
    night_clear: np.ndarray
    row_clear: np.ndarray
    residual: np.ndarray
    state: SkyState
    loglike: float
    gradient: np.ndarray
    curvature: np.ndarray
    confusion: float


def fit_clear_sky(data: Data, start: np.ndarray | None = None) -> ClearSkyFit:
    """Fit the clear-sky level.

    Parameters
    ----------
    data : Data
        Rows, model and priors.
    start : ndarray, shape (p,), optional
        Parameters to start from; by default upper quantiles of the data, the best of several.

    Returns
    -------
    ClearSkyFit
        The fit.
    """
    starts = [start] if start is not None else [_upper_quantile(data, quantile) for quantile in _START_QUANTILES]
    trials = [_climb(data, beta, _start_state(len(data.first)), _TRIAL_ROUNDS) for beta in starts]
    beta, state, _ = max(trials, key=lambda trial: trial[2])
    beta, state, loglike = _climb(data, beta, state, _ROUNDS)
    residual = data.y - data.design @ beta
    expected = expect(data, residual, state)
    gradient, curvature = derivatives(data, residual, expected)
    return ClearSkyFit(
        parameters=beta, covariance=sandwich(data, residual, expected, state), night_clear=expected.classes[0],
        row_clear=expected.classes[0][data.night] * expected.not_wild, residual=residual, state=state,
        loglike=loglike, gradient=gradient, curvature=curvature, confusion=confusion_of(state))


# --- start

def _start_state(n: int) -> SkyState:
    """Assume, before any data, that half of n nights are clear and depths of cloud exponential."""
    shares = np.append(_START_CLEAR, (1 - _START_CLEAR) * normalised(MASS * np.exp(-DEPTH_MAG / CLOUD_MAG)))
    return SkyState(scatter=_START_SCATTER_MAG, shares=_thin_tied(shares), season=np.full(n, _START_CLEAR),
                    kappa=np.full(len(KAPPA), 1 / len(KAPPA)), wild=_START_WILD)


def _thin_tied(shares: np.ndarray) -> np.ndarray:
    """Tie the elements of thin cloud: their shares are those of an exponential of the mean depth."""
    shares = shares.copy()
    thin = np.append(False, THIN)
    depth = normalised(shares[1:]) @ DEPTH_MAG
    shares[thin] = shares[thin].sum() * normalised((MASS * np.exp(-DEPTH_MAG / depth))[THIN])
    return normalised(shares)


def _upper_quantile(data: Data, quantile: float) -> np.ndarray:
    """Parameters of the regression quantile of some rows, by iteratively reweighted least squares."""
    some = slice(None, None, max(len(data.y) // _START_ROWS, 1))
    y, design = data.y[some], data.design[some]
    precision = 1 / data.prior[:, 1] ** 2
    weight = np.ones(len(y))
    for _ in range(12):
        scaled = design * weight[:, None]
        beta = np.linalg.solve(scaled.T @ design + np.diag(precision + 1e-6),
                               scaled.T @ y + precision * data.prior[:, 0])
        residual = y - design @ beta
        weight = np.where(residual > 0, quantile, 1 - quantile) / np.maximum(np.abs(residual), 0.01) / 0.02
    return beta


# --- maximum

def _climb(data: Data, beta: np.ndarray, state: SkyState, rounds: int) -> tuple[np.ndarray, SkyState, float]:
    """Raise the likelihood from given values for some rounds: (parameters, state, log likelihood)."""
    value, width = data.prior.T
    precision = 1 / width**2
    for _ in range(rounds):
        residual = data.y - data.design @ beta
        expected = expect(data, residual, state)
        gradient, curvature = derivatives(data, residual, expected)
        loglike = expected.loglike - 0.5 * np.sum((beta - value) ** 2 * precision)
        # A start among rows that are far too bright has all others beyond any cloud, where the likelihood is flat.
        step = np.linalg.solve((data.design * curvature[:, None]).T @ data.design + np.diag(precision + RIDGE),
                               data.design.T @ gradient - precision * (beta - value))
        moved = np.max(np.abs(data.design @ step))
        beta = beta + step * min(1, _STEP_MAX_MAG / max(moved, _TOLERANCE_MAG))
        state = _new_state(data, residual, expected, state)
        if moved < _TOLERANCE_MAG:
            break
    return beta, state, loglike


def _new_state(data: Data, residual: np.ndarray, expected: Expectation, state: SkyState) -> SkyState:
    """Estimate the parameters of noise and cloud from the expected classes, with priors at the start values."""
    start = _start_state(len(data.first))
    shares = _thin_tied(expected.classes.sum(axis=1) + _WEIGHT_NIGHTS * start.shares)
    kappa = normalised(expected.kappa + _WEIGHT_NIGHTS * start.kappa)
    clear = expected.classes[0][data.night]
    wild = (np.sum(clear * (1 - expected.not_wild)) + _WILD_ROWS[0]) / (np.sum(clear) + _WILD_ROWS[1])
    weight = clear * expected.not_wild / expected.variance**2
    prior = _WEIGHT_ROWS / _START_SCATTER_MAG**4
    excess = np.sum(weight * (residual**2 - expected.variance)) + prior * (_START_SCATTER_MAG**2 - state.scatter**2)
    excess /= np.sum(weight) + prior
    scatter = np.sqrt(np.clip(state.scatter**2 + excess, _SCATTER_MAG[0] ** 2, _SCATTER_MAG[1] ** 2))
    return SkyState(scatter=float(scatter), shares=shares, season=_season(data, expected.classes[0], shares[0]),
                    kappa=kappa, wild=float(wild))


def _season(data: Data, clear: np.ndarray, mean: float) -> np.ndarray:
    """Share of clear nights in the season of each night, itself left out (m,)."""
    total = np.append(0, np.cumsum(clear))
    near = total[data.window[1]] - total[data.window[0]] - clear
    return (near + SEASON_WEIGHT * mean) / (data.window[1] - data.window[0] - 1 + SEASON_WEIGHT)
