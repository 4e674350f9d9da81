"""A clear-sky level that clouds only dim: a linear model of magnitudes, fitted by the likelihood of whole nights.

    y = design @ parameters + e - c,    e ~ N(0, sigma^2 = error^2 + s^2),    c >= 0 the cloud

The night is the unit, because its rows share the weather.  A night is clear (c = 0 for all its rows), or has cloud of
mean depth D > 0 with a density f(D); c of its rows scatters about D by kappa D.  With r the residuals of a night about
the clear level, rbar their weighted mean and tau its error, the likelihood of a night is

    w prod_rows [(1 - eps) N(r; 0, sigma^2) + eps / WILD_RANGE_MAG]
    + (1 - w) Int f(D) N(rbar; -D, tau^2) dD * (likelihood of the scatter about rbar)

Any row may be wild: evenly spread over WILD_RANGE_MAG.  f is linear between nodes, so that the integral is a sum of
error functions: a Gaussian core with a tail to the faint side of any shape.  f does not rise below THIN_MAG, where
cloud and noise look alike: only clear nights may pile up at 0.  As D is free, a cloudy night says of the level only
that it is not below that night; a model of c row by row would draw the level towards nights under an even veil.

w goes with the season: it is the share of clear nights in the weeks around.  It, f, the shares of kappa, eps and s
are fitted, by EM with one Newton step per round.  Errors come from the observed
information (Louis 1982, J. R. Statist. Soc. B 44, 226) and the scores of the nights, as a sandwich, so that noise
that the rows of a night share is counted.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag
from scipy.special import ndtr

NODES_MAG = np.array([0.0, 0.03, 0.07, 0.15, 0.3, 0.6, 1.2, 2.4, 4.8])  # of f(D); f = 0 at the last
THIN_MAG = 0.1
KAPPA = np.array([0.1, 0.35, 0.8, 1.6])
WILD_RANGE_MAG = 6.0  # that wild values are evenly spread over
CLOUD_MAG = 0.3  # mean dimming of nights with cloud: here where the fit starts from, fixed in `answers`
SCATTER_MAG = (0.002, 0.1)  # range of s
START_SCATTER_MAG, START_CLEAR, START_WILD = 0.03, 0.5, 0.02
START_QUANTILES = (0.6, 0.9)
START_ROWS = 2000
SEASON_NIGHTS = 20  # the share of clear nights is that within so many on either side: dates here, nights in `answers`
SEASON_WEIGHT = 1.0  # and so many of the mean of all
WEIGHT_NIGHTS = 2.0  # weight of the start value of the shares, in nights
SCATTER_ROWS = 2.0  # weight of the start value of s, in rows
WILD_ROWS = (1.0, 100.0)  # of which one is wild: prior
MISSING_MAX = 0.98  # of the information, for want of knowing which nights were clear: errors grow 7 times at most
# Nights under the thinnest veils pass for clear where hardly any night is.  Simulated years with three cloudy nights in
# four, and seasons without a clear one, scatter 1.0 to 1.4 times as much as the likelihood says; with two in five, 1.0.
CONFUSION = 1.0  # variance is scaled by 1 + CONFUSION * cloudy share^4
RIDGE = 1e-6  # curvature that each parameter has at least; one row at the error of a frame has about 1e3
_ROUNDS = 60
_TRIAL_ROUNDS = 6
_TOLERANCE_MAG = 5e-5
_STEP_MAX_MAG = 1.0  # of a round, at any row
_WEAK = 1e-10  # smallest eigenvalue of a scaled information matrix: smaller ones are rounding
_FLOOR = 1e-12  # of densities [1/mag]: rounding of the error functions is below it
_LOG_2PI = np.log(2 * np.pi)

_GAPS = np.diff(NODES_MAG)
DEPTH_MAG = np.append(NODES_MAG[1] / 3, NODES_MAG[1:-1])  # typical depth of each element of f
_MASS = np.append(_GAPS[0], _GAPS[:-1] + _GAPS[1:]) / 2   # integral of each element
_THIN = NODES_MAG[:-1] < THIN_MAG


@dataclass(frozen=True)
class State:
    """Parameters of the sky: scatter s [mag], shares (1 + k,) of clear nights and of the elements of f, season (m,)
    share of clear nights about each night, kappa (l,) shares of KAPPA, wild share of rows."""

    scatter: float
    shares: np.ndarray
    season: np.ndarray
    kappa: np.ndarray
    wild: float


@dataclass(frozen=True)
class ClearSkyFit:
    """parameters (p,), covariance (p, p); night_clear (m,), row_clear (n,) : probabilities; residual (n,) [mag];
    state : State; loglike : of the data and priors; gradient, curvature (n,) : of the log likelihood by the model
    value of each row; confusion : what variances were scaled by."""

    parameters: np.ndarray
    covariance: np.ndarray
    night_clear: np.ndarray
    row_clear: np.ndarray
    residual: np.ndarray
    state: State
    loglike: float
    gradient: np.ndarray
    curvature: np.ndarray
    confusion: float


@dataclass(frozen=True)
class Data:
    """Rows in order of nights: y, error (n,) [mag], design (n, p).

    prior (p, 2) : value and width of the parameters, inf for none.  first (m,) : first row of each night.
    night (n,) : number of the night of each row.  window (2, m) : the season about each night, its first and last + 1.
    """

    y: np.ndarray
    error: np.ndarray
    design: np.ndarray
    first: np.ndarray
    night: np.ndarray
    window: np.ndarray
    prior: np.ndarray


@dataclass(frozen=True)
class Expectation:
    """What the data say of the classes of nights at given parameters.

    nights (1 + k, m) : probability of clear and of each element of f; kappa (l,) : expected nights of each.
    tame (n,) : row is not wild, if the night is clear.  share (n,) : weight of each row in the mean of its night.
    slope, curve (k, m) : of the log density of each element, by the model value of the mean, and minus the second
    derivative.  variance (n,) : sigma^2.  loglike : of the data.
    """

    nights: np.ndarray
    kappa: np.ndarray
    tame: np.ndarray
    share: np.ndarray
    slope: np.ndarray
    curve: np.ndarray
    variance: np.ndarray
    loglike: float


def make_data(y: np.ndarray, error: np.ndarray, design: np.ndarray, night: np.ndarray, prior: np.ndarray) -> Data:
    """Data from rows in order of nights; night (n,) : ascending whole numbers, one per date."""
    new = np.append(True, night[1:] != night[:-1])
    nights = night[new]
    window = np.stack([np.searchsorted(nights, nights - SEASON_NIGHTS),
                       np.searchsorted(nights, nights + SEASON_NIGHTS, side='right')])
    return Data(y, error, design, np.flatnonzero(new), np.cumsum(new) - 1, window, prior)


def fit_clear_sky(data: Data, start: np.ndarray | None = None) -> ClearSkyFit:
    """Fit the clear-sky level: a ClearSkyFit.

    start : parameters to start from; otherwise upper quantiles of the data, the best of several.
    """
    starts = [start] if start is not None else [upper_quantile(data, quantile) for quantile in START_QUANTILES]
    trials = [_climb(data, each, start_state(len(data.first)), _TRIAL_ROUNDS) for each in starts]
    beta, state, _ = max(trials, key=lambda trial: trial[2])
    return _finish(data, *_climb(data, beta, state, _ROUNDS))


def start_state(n: int) -> State:
    """Shares of n nights before data: half of them clear, depths exponential."""
    shares = np.append(START_CLEAR, (1 - START_CLEAR) * _normal(_MASS * np.exp(-DEPTH_MAG / CLOUD_MAG)))
    kappa = np.full(len(KAPPA), 1 / len(KAPPA))
    return State(START_SCATTER_MAG, _thin_tied(shares), np.full(n, START_CLEAR), kappa, START_WILD)


def mean_depth(state: State) -> float:
    """Mean dimming of a night with cloud [mag]."""
    return float(_normal(state.shares[1:]) @ DEPTH_MAG)


def upper_quantile(data: Data, quantile: float) -> np.ndarray:
    """Parameters of the regression quantile of some rows (iteratively reweighted least squares)."""
    some = slice(None, None, max(len(data.y) // START_ROWS, 1))
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


def _normal(values: np.ndarray) -> np.ndarray:
    return values / values.sum()


def _thin_tied(shares: np.ndarray) -> np.ndarray:
    """Shares with an f that falls no faster than an exponential of the mean depth where it is thin."""
    shares = shares.copy()
    thin = np.append(False, _THIN)
    depth = _normal(shares[1:]) @ DEPTH_MAG
    shares[thin] = shares[thin].sum() * _normal((_MASS * np.exp(-DEPTH_MAG / depth))[_THIN])
    return _normal(shares)


# --- likelihood

def _expect(data: Data, residual: np.ndarray, state: State) -> Expectation:
    """The E step: an Expectation."""
    variance = data.error**2 + state.scatter**2
    core = (1 - state.wild) * np.exp(-0.5 * residual**2 / variance) / np.sqrt(2 * np.pi * variance)
    density = core + state.wild / WILD_RANGE_MAG
    tame = core / density
    clear = np.add.reduceat(np.log(density), data.first) + np.log(state.season)
    mean, error2, scatter, base, share = _night_means(data, residual, variance, np.where(residual < 0, 1, tame), state)
    element, slope, curve = _elements(-mean, np.sqrt(error2))
    joint = (base + np.log(element / _MASS[:, None]) + np.log(state.shares[1:] / (1 - state.shares[0]))[:, None]
             + np.log(1 - state.season))[:, None] + (
        scatter + np.log(state.kappa)[:, None])
    top = np.maximum(clear, joint.max(axis=(0, 1)))
    joint, clear = np.exp(joint - top), np.exp(clear - top)
    total = clear + joint.sum(axis=(0, 1))
    nights = np.concatenate([clear[None], joint.sum(axis=1)]) / total
    return Expectation(nights, (joint.sum(axis=0) / total).sum(axis=1), tame, share, slope, curve, variance,
                       float(np.sum(np.log(total) + top)))


def _night_means(data: Data, residual: np.ndarray, variance: np.ndarray, kept: np.ndarray,
                 state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of the rows that are too bright to be dimmed: none; of the others of each night (`kept` of 1 each):

    weighted mean (m,), its variance (m,), log likelihood of the scatter about it (k, l, m), that of all else (m,), and
    the weight of each row in the mean (n,).
    """
    weight = kept / variance
    sums = np.add.reduceat(np.stack([weight, weight * residual, weight * residual**2, kept, kept * np.log(variance)]),
                           data.first, axis=1)
    total = np.maximum(sums[0], 1e-9)
    mean, count = sums[1] / total, sums[3]
    chi2 = np.maximum(sums[2] - total * mean**2, 0)
    rows = np.diff(np.append(data.first, len(residual)))
    base = (-0.5 * (sums[4] + count * _LOG_2PI) + 0.5 * (_LOG_2PI - np.log(total)) + count * np.log1p(-state.wild)
            + (rows - count) * np.log(state.wild / WILD_RANGE_MAG))
    wide = (KAPPA * DEPTH_MAG[:, None])[:, :, None] ** 2 * total / np.maximum(count, 1e-9)
    scatter = -0.5 * (np.maximum(count - 1, 0) * np.log1p(wide) + chi2 / (1 + wide))
    return mean, 1 / total, scatter, base, weight / total[data.night]


def _elements(depth: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Elements of f folded with the error tau of the mean, at depth = -rbar (m,): density (k, m), slope, curve.

    With R(x) = x Phi(x / tau) + tau phi(x / tau), a ramp folded with a Gaussian, an element is the difference of two
    smooth stairs T_j = (R(x - d_j) - R(x - d_j+1)) / (d_j+1 - d_j), the first one being Phi(x / tau).
    """
    x = depth - NODES_MAG[:, None]
    cumulative, bell = ndtr(x / tau), np.exp(-0.5 * (x / tau) ** 2) / np.sqrt(2 * np.pi) / tau
    ramp = x * cumulative + tau**2 * bell
    gaps = _GAPS[:, None]
    stairs = np.concatenate([cumulative[:1], -np.diff(ramp, axis=0) / gaps])
    first = np.concatenate([bell[:1], -np.diff(cumulative, axis=0) / gaps])
    second = np.concatenate([-x[:1] / tau**2 * bell[:1], -np.diff(bell, axis=0) / gaps])
    element, first, second = (-np.diff(values, axis=0) for values in (stairs, first, second))
    known = element > _FLOOR
    element = np.maximum(element, _FLOOR)
    slope = np.where(known, first / element, 0.0)
    return element, slope, np.where(known, np.maximum(slope**2 - second / element, 0), 0.0)


# --- maximum

def _climb(data: Data, beta: np.ndarray, state: State, rounds: int) -> tuple[np.ndarray, State, float]:
    """EM from given values: (parameters, State, log likelihood)."""
    value, width = data.prior.T
    precision = 1 / width**2
    for _ in range(rounds):
        residual = data.y - data.design @ beta
        found = _expect(data, residual, state)
        gradient, curvature = _derivatives(data, residual, found)
        loglike = found.loglike - 0.5 * np.sum((beta - value) ** 2 * precision)
        # A start among rows that are far too bright has all others beyond any cloud, where the likelihood is flat.
        step = np.linalg.solve((data.design * curvature[:, None]).T @ data.design + np.diag(precision + RIDGE),
                               data.design.T @ gradient - precision * (beta - value))
        moved = np.max(np.abs(data.design @ step))
        beta = beta + step * min(1, _STEP_MAX_MAG / max(moved, _TOLERANCE_MAG))
        state = _new_state(data, residual, found, state)
        if moved < _TOLERANCE_MAG:
            break
    return beta, state, loglike


def _derivatives(data: Data, residual: np.ndarray, found: Expectation) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of the log likelihood by the model value of each row, and a bound on the curvature: (n,), (n,)."""
    clear = found.nights[0][data.night] * found.tame / found.variance
    slope, curve = (np.einsum('km,km->m', found.nights[1:], each) for each in (found.slope, found.curve))
    return (clear * residual + slope[data.night] * found.share, clear + curve[data.night] * found.share)


def _new_state(data: Data, residual: np.ndarray, found: Expectation, state: State) -> State:
    """The M step of the sky."""
    anchor = start_state(len(data.first))
    shares = _thin_tied(found.nights.sum(axis=1) + WEIGHT_NIGHTS * anchor.shares)
    kappa = _normal(found.kappa + WEIGHT_NIGHTS * anchor.kappa)
    clear = found.nights[0][data.night]
    wild = (np.sum(clear * (1 - found.tame)) + WILD_ROWS[0]) / (np.sum(clear) + WILD_ROWS[1])
    weight = clear * found.tame / found.variance**2
    few = SCATTER_ROWS / START_SCATTER_MAG**4
    excess = np.sum(weight * (residual**2 - found.variance)) + few * (START_SCATTER_MAG**2 - state.scatter**2)
    excess /= np.sum(weight) + few
    scatter = np.sqrt(np.clip(state.scatter**2 + excess, SCATTER_MAG[0] ** 2, SCATTER_MAG[1] ** 2))
    return State(float(scatter), shares, _season(data, found.nights[0], shares[0]), kappa, float(wild))


def _season(data: Data, clear: np.ndarray, mean: float) -> np.ndarray:
    """Share of clear nights about each night, itself left out (m,)."""
    total = np.append(0, np.cumsum(clear))
    near = total[data.window[1]] - total[data.window[0]] - clear
    return (near + SEASON_WEIGHT * mean) / (data.window[1] - data.window[0] - 1 + SEASON_WEIGHT)


# --- errors

def _confusion(state: State) -> float:
    return 1 + CONFUSION * float(np.mean(1 - state.season)) ** 4


def _finish(data: Data, beta: np.ndarray, state: State, loglike: float) -> ClearSkyFit:
    residual = data.y - data.design @ beta
    found = _expect(data, residual, state)
    return ClearSkyFit(beta, _sandwich(data, residual, found, state), found.nights[0],
                       found.nights[0][data.night] * found.tame, residual, state, loglike,
                       *_derivatives(data, residual, found), _confusion(state))


def _sandwich(data: Data, residual: np.ndarray, found: Expectation, state: State) -> np.ndarray:
    """Covariance of the parameters, the shares of the classes being fitted, too.

    Louis: the information of the data is that of data with known classes, minus the covariance, given the data, of
    its score.  The score of a night of class k is h_0(k) clear + h_1(k) mean for the parameters, with h_0 = 1 and
    clear = sum_rows a r / sigma^2 for the clear class, h_1 the slope of any other, mean = sum_rows share a; it is
    h_2(k) = 1 (clear) - w for the share of clear nights in its season, and h_3.. for the shares of the elements of f.
    """
    core = residual / found.variance
    clear = np.add.reduceat(data.design * (found.tame * core)[:, None], data.first, axis=0)
    mean = np.add.reduceat(data.design * found.share[:, None], data.first, axis=0)
    cloud, functions = _score_functions(found, state)
    expected = np.einsum('km,kmj->mj', found.nights, functions)
    centred = (functions - expected) * np.sqrt(found.nights)[:, :, None]
    covariance = np.einsum('kmi,kmj->mij', centred, centred)
    seasons = _seasons(len(data.first))
    score = np.concatenate([expected[:, :1] * clear + expected[:, 1:2] * mean,
                            seasons.T * expected[:, 2:3], expected[:, 3:]], axis=1)

    p = data.design.shape[1]
    complete = _complete(data, found, state, mean, seasons, cloud)
    complete[:p, :p] += np.diag(1 / data.prior[:, 1] ** 2)
    tame = found.nights[0][data.night] * found.tame * (1 - found.tame) * core**2
    half = clear * covariance[:, 0, 1:2]
    within = ((data.design * tame[:, None]).T @ data.design + half.T @ mean + mean.T @ half
              + (clear * covariance[:, 0, :1]).T @ clear + (mean * covariance[:, 1, 1:2]).T @ mean)
    by_season = seasons @ (clear * covariance[:, 0, 2:3] + mean * covariance[:, 1, 2:3])
    by_cloud = covariance[:, 3:, 0].T @ clear + covariance[:, 3:, 1].T @ mean
    season_cloud = seasons @ covariance[:, 2, 3:]
    missing = np.block([[within, by_season.T, by_cloud.T],
                        [by_season, np.diag(seasons @ covariance[:, 2, 2]), season_cloud],
                        [by_cloud, season_cloud.T, covariance[:, 3:, 3:].sum(axis=0)]])
    bread = _inverse_of_difference(complete, missing)[:p]
    prior = np.zeros(len(complete))
    prior[:p] = 1 / data.prior[:, 1] ** 2
    robust = bread @ (score.T @ score + np.diag(prior)) @ bread.T
    # Where a few nights decide, their scores at the maximum are 0 and say nothing of their noise.
    scale = np.sqrt(np.maximum(np.diag(bread) / np.maximum(np.diag(robust), 1e-300), 1))
    return _confusion(state) * robust * np.outer(scale, scale)


def _complete(data: Data, found: Expectation, state: State, mean: np.ndarray, seasons: np.ndarray,
              cloud: np.ndarray) -> np.ndarray:
    """Information of data with known classes, in the order of the scores."""
    known = found.nights[0][data.night] * found.tame / found.variance
    cloudy = np.einsum('km,km->m', found.nights[1:], found.curve)
    parameters = (data.design * known[:, None]).T @ data.design + (mean * cloudy[:, None]).T @ mean
    shrunk = SEASON_WEIGHT * state.shares[0] * (1 - state.shares[0])
    elements = (np.diag(cloud) - np.outer(cloud, cloud)) * np.sum(1 - state.season) + 1e-3 * np.eye(len(cloud))
    return block_diag(parameters, np.diag(seasons @ (state.season * (1 - state.season)) + shrunk), elements)


def _inverse_of_difference(complete: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """(complete - missing)^-1, where no direction misses more than MISSING_MAX of its information."""
    size = np.sqrt(np.maximum(np.diag(complete), 1e-300))
    values, vectors = np.linalg.eigh(complete / np.outer(size, size))
    root = vectors / np.sqrt(np.maximum(values, _WEAK)) / size[:, None]  # root root^T = complete^-1
    share, directions = np.linalg.eigh(root.T @ missing @ root)
    root = root @ directions / np.sqrt(1 - np.clip(share, 0, MISSING_MAX))
    return root @ root.T


def _score_functions(found: Expectation, state: State) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the elements of f among cloudy nights (q,), those that are tied as one; h_j(k), (1 + k, m, 3 + q)."""
    block = np.append(0, np.cumsum(~_THIN[1:]))
    cloud = np.bincount(block, _normal(state.shares[1:]))
    functions = np.zeros((*found.nights.shape, 3 + len(cloud)))
    functions[0, :, 0] = 1
    functions[1:, :, 1] = found.slope
    functions[:, :, 2] = -state.season
    functions[0, :, 2] += 1
    functions[1:, :, 3:] = (np.eye(len(cloud))[block] - cloud)[:, None]
    return cloud, functions


def _seasons(m: int) -> np.ndarray:
    """Mask of the nights of each season of twice SEASON_NIGHTS nights with data: (seasons, m)."""
    season = np.arange(m) // (2 * SEASON_NIGHTS)
    return season == np.arange(season[-1] + 1)[:, None]
