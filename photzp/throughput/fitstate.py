"""What is fitted of a telescope, and the values of all that is fitted, from one stage of the fit to the next."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from photzp.throughput.levelprior import Bins, LevelPrior, Stiffness
from photzp.throughput.levels import Solution
from photzp.throughput.nightmeans import Covariates, NightMeans, TelescopeRows
from photzp.throughput.nightsky import MISSING, Judged, SkyState


@dataclass(frozen=True, kw_only=True)
class OthersSaid:
    """What other telescopes of the site say, at the nights of a telescope; zeros where they say nothing.

    Attributes
    ----------
    clouds : ndarray, shape (N, k)
        As in `SkyEvidence`.
    haze_weight, haze_value : ndarray, shape (N,)
        As in `SkyEvidence`, of the nights of the others that are nearest to each night.
    """

    clouds: np.ndarray
    haze_weight: np.ndarray
    haze_value: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is to be fitted; N nights, F filters, p coefficients.

    Attributes
    ----------
    filters : tuple of str
        Names.
    rows : mapping of str to TelescopeRows
        By filter.
    designs, known_fields : mapping of str to ndarray
        Covariates of rows (n, p), and whether the field of each has an offset.
    covariates : Covariates
        Coefficients and their priors.
    day : ndarray, shape (N,)
        Mean time of the rows of each night.
    window : ndarray of int, shape (2, N)
        Season of each night.
    others : OthersSaid
        What other telescopes of the site say.
    """

    filters: tuple[str, ...]
    rows: Mapping[str, TelescopeRows]
    designs: Mapping[str, np.ndarray]
    known_fields: Mapping[str, np.ndarray]
    covariates: Covariates
    day: np.ndarray
    window: np.ndarray
    others: OthersSaid


@dataclass(frozen=True, kw_only=True)
class State:
    """Values of all that is fitted.

    Attributes
    ----------
    means : NightMeans
        Of the nights.
    noise : ndarray, shape (F, F)
        Covariance of the noise of nights [mag^2].
    stiffness : Stiffness
        Of the levels.
    sky : SkyState
        Shares of clear nights and depths.
    beta : ndarray, shape (p,)
        Coefficients of covariates.
    level, expected : ndarray, shape (N, F)
        Level x; and with covariates, lasting noise and haze what a clear night shows [mag].
    lasting : ndarray, shape (N, F)
        Lasting noise l less the dimming by haze, which are a part of what is expected [mag].
    judged : Judged
        Of the residuals.
    bins : Bins or None
        Of the solution.
    solution : Solution or None
        The last one.
    prior : LevelPrior or None
        Of the solution.
    evidence : float
        Logarithm of the evidence, up to a constant of the problem.
    """

    means: NightMeans
    noise: np.ndarray
    stiffness: Stiffness
    sky: SkyState
    beta: np.ndarray
    level: np.ndarray
    expected: np.ndarray
    lasting: np.ndarray
    judged: Judged
    bins: Bins | None = None
    solution: Solution | None = None
    prior: LevelPrior | None = None
    evidence: float = -np.inf


def about(means: NightMeans, expected: np.ndarray) -> np.ndarray:
    """Values of nights about what is expected.

    Parameters
    ----------
    means : NightMeans
        Of N nights in F filters.
    expected : ndarray, shape (N, F)
        What a clear night shows [mag].

    Returns
    -------
    ndarray, shape (N, F)
        Value minus expected, 0 where there is no value [mag].
    """
    return np.where(means.variance < MISSING / 2, means.value - expected, 0.0)


def everything_but_level(state: State) -> np.ndarray:
    """Covariance of a clear night about the level.

    Parameters
    ----------
    state : State

    Returns
    -------
    ndarray, shape (F, F)
        Of noise of the night, lasting noise, and haze at a typical airmass [mag^2].
    """
    haze = state.stiffness.haze_mag * state.stiffness.haze
    return state.noise + state.stiffness.lasting + np.outer(haze, haze)
