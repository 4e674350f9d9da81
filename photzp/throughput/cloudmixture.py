"""The likelihood of nights that are clear or cloudy, where clouds only dim: a mixture of two classes of nights.

The zeropoints y of a series are a linear model of the clear sky, with noise e, and dimmed by cloud c:

    y = design @ parameters + e - c,    e ~ N(0, sigma^2),    sigma^2 = error^2 + s^2,    c >= 0

`error` is that of each zeropoint, s the intrinsic scatter, left after those errors.  Rows (exposures) of one night
share the weather, so a night belongs to one class as a whole:

- clear: c = 0 for all of its rows;
- cloudy: its mean depth D > 0 has a density f(D), and the c of its rows scatter about D by kappa D.

With r the residuals of a night about the clear-sky level, rbar their weighted mean and tau the error of rbar, the
likelihood of a night is

    w prod_rows [(1 - eps) N(r; 0, sigma^2) + eps / WILD_RANGE_MAG]
    + (1 - w) Int f(D) N(rbar; -D, tau^2) dD * (likelihood of the scatter of r about rbar)

- w, the share of clear nights, changes with the season: it is that of the nights around.
- A share eps of the rows is wild (outliers), spread evenly over WILD_RANGE_MAG.
- f is linear between nodes, so that the integral is a sum of error functions: the distribution of nightly means has a
  Gaussian core and a tail to the faint side of any shape.  Below _THIN_MAG, where thin cloud and noise look alike, f
  follows an exponential: only clear nights may pile up at 0.

As D is free, a cloudy night only says that the clear-sky level is not below it.  A model with an independent cloud for
each row would instead draw the level towards nights under an even veil.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

WILD_RANGE_MAG = 6.0  # over which wild values are evenly spread
SEASON_NIGHTS = 20    # a season reaches so many nights to either side: dates here, nights with data in `answers`
SEASON_WEIGHT = 1.0   # weight of the mean share of clear nights in that of a season, in nights

_NODES_MAG = np.array([0.0, 0.03, 0.07, 0.15, 0.3, 0.6, 1.2, 2.4, 4.8])  # of f(D), which is 0 at the last
_THIN_MAG = 0.1
_GAPS = np.diff(_NODES_MAG)
_FLOOR = 1e-12  # of densities [1/mag]: rounding of the error functions is below it
_LOG_2PI = np.log(2 * np.pi)

# f is a sum of elements: hats (triangles) about the nodes, the first one falling from 0 on.
DEPTH_MAG = np.append(_NODES_MAG[1] / 3, _NODES_MAG[1:-1])  # typical depth of each element
MASS = np.append(_GAPS[0], _GAPS[:-1] + _GAPS[1:]) / 2      # integral of each element of height 1
THIN = _NODES_MAG[:-1] < _THIN_MAG                          # elements whose heights are tied to an exponential
KAPPA = np.array([0.1, 0.35, 0.8, 1.6])                     # scatter of cloud in a night, relative to its depth


@dataclass(frozen=True, kw_only=True)
class Data:
    """Rows of a series in order of nights, and the linear model of their clear-sky level.

    Attributes
    ----------
    y, error : ndarray, shape (n,)
        Zeropoints and their 1-sigma errors [mag].
    design : ndarray, shape (n, p)
        Clear-sky level = design @ parameters.
    prior : ndarray, shape (p, 2)
        Value and width of the Gaussian prior of each parameter; an infinite width for none.
    first : ndarray of int, shape (m,)
        First row of each night.
    night : ndarray of int, shape (n,)
        Number of the night of each row.
    window : ndarray of int, shape (2, m)
        Season of each night: its first night, and the one after its last.
    """

    y: np.ndarray
    error: np.ndarray
    design: np.ndarray
    prior: np.ndarray
    first: np.ndarray
    night: np.ndarray
    window: np.ndarray


def make_data(y: np.ndarray, error: np.ndarray, design: np.ndarray, night: np.ndarray, prior: np.ndarray) -> Data:
    """Group rows by night.

    Parameters
    ----------
    y, error : ndarray, shape (n,)
        Zeropoints and their 1-sigma errors [mag], in order of nights.
    design : ndarray, shape (n, p)
        Clear-sky level = design @ parameters.
    night : ndarray of int, shape (n,)
        Ascending whole numbers, one per date.
    prior : ndarray, shape (p, 2)
        Value and width of the Gaussian prior of each parameter; an infinite width for none.

    Returns
    -------
    Data
        The rows with their nights and seasons.
    """
    new = np.append(True, night[1:] != night[:-1])
    nights = night[new]
    window = np.stack([np.searchsorted(nights, nights - SEASON_NIGHTS),
                       np.searchsorted(nights, nights + SEASON_NIGHTS, side='right')])
    return Data(y=y, error=error, design=design, prior=prior, first=np.flatnonzero(new), night=np.cumsum(new) - 1,
                window=window)


@dataclass(frozen=True)
class SkyState:
    """Parameters of noise and cloud.

    Attributes
    ----------
    scatter : float
        Intrinsic scatter s [mag].
    shares : ndarray, shape (1 + k,)
        Share of clear nights among all, and those of the k elements of f; their sum is 1.
    season : ndarray, shape (m,)
        Share w of clear nights in the season of each night.
    kappa : ndarray, shape (l,)
        Shares of the values of KAPPA among cloudy nights.
    wild : float
        Share eps of wild rows.
    """

    scatter: float
    shares: np.ndarray
    season: np.ndarray
    kappa: np.ndarray
    wild: float


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """Expected classes of nights and rows, given the data and all parameters (the E step of EM).

    Attributes
    ----------
    classes : ndarray, shape (1 + k, m)
        Probability that each night is clear, or cloudy by each element of f.
    kappa : ndarray, shape (l,)
        Expected number of cloudy nights with each value of KAPPA.
    not_wild : ndarray, shape (n,)
        Probability that each row is not wild, if its night is clear.
    weight : ndarray, shape (n,)
        Weight of each row in the mean of its night.
    slope, curve : ndarray, shape (k, m)
        First derivative of the log likelihood of each element by the level of the night, and minus the second one.
    variance : ndarray, shape (n,)
        sigma^2 [mag^2].
    loglike : float
        Log likelihood of the data.
    """

    classes: np.ndarray
    kappa: np.ndarray
    not_wild: np.ndarray
    weight: np.ndarray
    slope: np.ndarray
    curve: np.ndarray
    variance: np.ndarray
    loglike: float


def expect(data: Data, residual: np.ndarray, state: SkyState) -> Expectation:
    """Judge nights and rows at given parameters.

    Parameters
    ----------
    data : Data
        The rows.
    residual : ndarray, shape (n,)
        Zeropoints minus clear-sky level [mag].
    state : SkyState
        Parameters of noise and cloud.

    Returns
    -------
    Expectation
        Probabilities, and the likelihood with its derivatives.
    """
    variance = data.error**2 + state.scatter**2
    core = (1 - state.wild) * np.exp(-0.5 * residual**2 / variance) / np.sqrt(2 * np.pi * variance)
    density = core + state.wild / WILD_RANGE_MAG
    not_wild = core / density
    clear = np.add.reduceat(np.log(density), data.first) + np.log(state.season)
    # A row above the clear-sky level is not dimmed: it counts in a cloudy night as far as it is not wild.
    means = _night_means(data, residual, variance, np.where(residual < 0, 1, not_wild), state)
    element, slope, curve = _elements(-means.mean, np.sqrt(means.variance))
    cloudy = (means.rest + np.log(element / MASS[:, None])
              + np.log(state.shares[1:] / (1 - state.shares[0]))[:, None]
              + np.log(1 - state.season))[:, None] + (means.scatter + np.log(state.kappa)[:, None])
    top = np.maximum(clear, cloudy.max(axis=(0, 1)))
    cloudy, clear = np.exp(cloudy - top), np.exp(clear - top)
    total = clear + cloudy.sum(axis=(0, 1))
    return Expectation(
        classes=np.concatenate([clear[None], cloudy.sum(axis=1)]) / total,
        kappa=(cloudy.sum(axis=0) / total).sum(axis=1), not_wild=not_wild, weight=means.weight, slope=slope,
        curve=curve, variance=variance, loglike=float(np.sum(np.log(total) + top)))


@dataclass(frozen=True)
class _NightMeans:
    """Weighted mean rbar of each night (m,) and its variance, the log likelihood of the scatter about it by element
    and kappa (k, l, m), that of all else (m,), and the weight of each row in the mean (n,)."""

    mean: np.ndarray
    variance: np.ndarray
    scatter: np.ndarray
    rest: np.ndarray
    weight: np.ndarray


def _night_means(data: Data, residual: np.ndarray, variance: np.ndarray, kept: np.ndarray,
                 state: SkyState) -> _NightMeans:
    """Means of nights as if cloudy, and the likelihood of the scatter in them; `kept` (n,) of each row counts, from 0
    to 1, the rest of it is wild."""
    weight = kept / variance
    sums = np.add.reduceat(np.stack([weight, weight * residual, weight * residual**2, kept, kept * np.log(variance)]),
                           data.first, axis=1)
    total = np.maximum(sums[0], 1e-9)
    mean, count = sums[1] / total, sums[3]
    chi2 = np.maximum(sums[2] - total * mean**2, 0)
    rows = np.diff(np.append(data.first, len(residual)))
    rest = (-0.5 * (sums[4] + count * _LOG_2PI) + 0.5 * (_LOG_2PI - np.log(total)) + count * np.log1p(-state.wild)
            + (rows - count) * np.log(state.wild / WILD_RANGE_MAG))
    wider = (KAPPA * DEPTH_MAG[:, None])[:, :, None] ** 2 * total / np.maximum(count, 1e-9)
    scatter = -0.5 * (np.maximum(count - 1, 0) * np.log1p(wider) + chi2 / (1 + wider))
    return _NightMeans(mean, 1 / total, scatter, rest, weight / total[data.night])


def _elements(depth: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Elements of f convolved with the error tau of the mean, at depth = -rbar (m,): density, slope, curve (k, m).

    With R(x) = x Phi(x / tau) + tau phi(x / tau), a ramp convolved with a Gaussian, an element is the difference of two
    smooth steps T_j = (R(x - d_j) - R(x - d_j+1)) / (d_j+1 - d_j), the first of which is Phi(x / tau).
    """
    x = depth - _NODES_MAG[:, None]
    cumulative, bell = ndtr(x / tau), np.exp(-0.5 * (x / tau) ** 2) / np.sqrt(2 * np.pi) / tau
    ramp = x * cumulative + tau**2 * bell
    gaps = _GAPS[:, None]
    steps = np.concatenate([cumulative[:1], -np.diff(ramp, axis=0) / gaps])
    first = np.concatenate([bell[:1], -np.diff(cumulative, axis=0) / gaps])
    second = np.concatenate([-x[:1] / tau**2 * bell[:1], -np.diff(bell, axis=0) / gaps])
    element, first, second = (-np.diff(values, axis=0) for values in (steps, first, second))
    above_floor = element > _FLOOR
    element = np.maximum(element, _FLOOR)
    slope = np.where(above_floor, first / element, 0.0)
    return element, slope, np.where(above_floor, np.maximum(slope**2 - second / element, 0), 0.0)


def derivatives(data: Data, residual: np.ndarray, expected: Expectation) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of the log likelihood by the clear-sky level of each row.

    Parameters
    ----------
    data : Data
        The rows.
    residual : ndarray, shape (n,)
        Zeropoints minus clear-sky level [mag].
    expected : Expectation
        Of these residuals.

    Returns
    -------
    gradient : ndarray, shape (n,)
        First derivative [1/mag].
    curvature : ndarray, shape (n,)
        Minus the second derivative if the classes were known, which is not below the true one [1/mag^2].
    """
    clear = expected.classes[0][data.night] * expected.not_wild / expected.variance
    slope, curve = (np.einsum('km,km->m', expected.classes[1:], by_element)
                    for by_element in (expected.slope, expected.curve))
    return clear * residual + slope[data.night] * expected.weight, clear + curve[data.night] * expected.weight


def mean_depth(state: SkyState) -> float:
    """Mean dimming of cloudy nights.

    Parameters
    ----------
    state : SkyState
        Parameters of noise and cloud.

    Returns
    -------
    float
        Magnitudes.
    """
    return float(normalised(state.shares[1:]) @ DEPTH_MAG)


def normalised(values: np.ndarray) -> np.ndarray:
    """Scale values to a sum of 1.

    Parameters
    ----------
    values : ndarray
        With a positive sum.

    Returns
    -------
    ndarray
        Values divided by their sum.
    """
    return values / values.sum()
