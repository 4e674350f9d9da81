"""What the telescopes of a site tell one another of its air.

All telescopes of a site look through the same air.  Each one is fitted alone first, and says

- how deep the clouds of each night may have been, as log likelihoods of depths (`nightsky`);
- what contrasts between frames of one night say of the haze (`contrasts`): levels drop out of these;
- the mean extinction of each filter, and its swing over the year: values and errors as its own data have them.

A telescope is then fitted with what the others said, as if these were further data.  Nothing is told of levels: the
dust of a storm falls on all mirrors, but not as much on each.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from photzp.throughput.fitstate import OthersSaid, Problem, State
from photzp.throughput.fitvalues import SkyEvidence
from photzp.throughput.nightmeans import Covariates, NightMeans
from photzp.throughput.nightsky import DEPTH_MAG, Judged, SkyState

_OF_AIR = ('extinction', 'cos', 'sin')  # kinds of coefficients that a site shares
_OWN_MAG = 0.003    # mag/airmass: so much may a coefficient of one telescope differ from those of the others
_LEAST_GAIN = 0.02  # part by which data must sharpen what is known of a coefficient before they say something of it
_NEAR_DAYS = 10     # a night of others is told to the nearest one within: haze lasts for weeks
_SAME_DEPTH = 0.7   # of cloudy nights dim telescopes of a site alike.  Chosen on simulated years


def evidence_of(problem: Problem, state: State, night: np.ndarray) -> SkyEvidence:
    """Find what a telescope says of its site.

    Parameters
    ----------
    problem : Problem
    state : State
        Fitted without others.
    night : ndarray of datetime64[D], shape (N,)
        Date of each night.

    Returns
    -------
    SkyEvidence
    """
    assert state.solution is not None
    contrasts, prior, told = state.means.contrasts, problem.covariates, {}
    for number, column in enumerate(prior.columns):
        if column[0] in _OF_AIR:
            precision, weighted = without_prior(problem, state, number)
            if precision * prior.width[number] ** 2 > _LEAST_GAIN:
                told[name_of(column)] = weighted / precision, precision**-0.5
    return SkyEvidence(night=night, clouds=_clouds(state.judged, state.sky), haze_weight=contrasts.haze_normal,
                       haze_value=contrasts.haze_right - contrasts.haze_crossed @ state.beta, coefficients=told)


def without_prior(problem: Problem, state: State, number: int) -> tuple[float, float]:
    """What the data of a telescope say of a coefficient, without its prior and what others said.

    Parameters
    ----------
    problem : Problem
    state : State
        With a solution.
    number : int
        Of the coefficient.

    Returns
    -------
    precision : float
        Inverse variance, 0 where the data say nothing.
    weighted : float
        Precision times value.
    """
    assert state.solution is not None
    prior, posterior = problem.covariates, 1 / state.solution.schur[number, number]
    before = prior.width[number] ** -2
    return float(posterior - before), float(posterior * state.beta[number] - before * prior.mean[number])


def _clouds(judged: Judged, sky: SkyState) -> np.ndarray:
    """Log likelihood of clouds of each depth (N, k), where not all clouds dim telescopes alike."""
    ratio = np.exp(judged.by_depth.T)
    return np.log(_SAME_DEPTH * ratio + (1 - _SAME_DEPTH) * (ratio @ sky.depths)[:, None])


def name_of(column: Sequence[object]) -> str:
    """Name a coefficient.

    Parameters
    ----------
    column : sequence
        As in `Covariates.columns`.

    Returns
    -------
    str
        Such as 'extinction gp'.
    """
    return ' '.join(str(part) for part in column)


def told_coefficients(covariates: Covariates, others: SkyEvidence) -> Covariates:
    """Priors of coefficients with what others say of them.

    Parameters
    ----------
    covariates : Covariates
        Of a telescope.
    others : SkyEvidence

    Returns
    -------
    Covariates
        With other means and widths.
    """
    mean, width = covariates.mean.copy(), covariates.width.copy()
    for number, column in enumerate(covariates.columns):
        if name_of(column) in others.coefficients:
            value, error = others.coefficients[name_of(column)]
            weight, before = 1 / (error**2 + _OWN_MAG**2), 1 / width[number] ** 2
            mean[number] = (weight * value + before * mean[number]) / (weight + before)
            width[number] = (weight + before) ** -0.5
    return replace(covariates, mean=mean, width=width)


def told_nights(night: np.ndarray, others: SkyEvidence | None) -> OthersSaid:
    """What others say, at the nights of a telescope.

    Parameters
    ----------
    night : ndarray of datetime64[D], shape (N,)
        Date of each night of the telescope, ascending.
    others : SkyEvidence or None

    Returns
    -------
    OthersSaid
        The haze of a night of theirs is told to the nearest of these nights within _NEAR_DAYS.
    """
    said = OthersSaid(clouds=np.zeros((len(night), len(DEPTH_MAG))), haze_weight=np.zeros(len(night)),
                      haze_value=np.zeros(len(night)))
    if others is None:
        return said
    _, ours, theirs = np.intersect1d(night, others.night, return_indices=True)
    said.clouds[ours] = others.clouds[theirs]
    after = np.clip(np.searchsorted(night, others.night), 0, len(night) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(np.abs(others.night - night[before]) < np.abs(night[after] - others.night), before, after)
    near = np.abs(others.night - night[nearest]) <= np.timedelta64(_NEAR_DAYS, 'D')
    np.add.at(said.haze_weight, nearest[near], others.haze_weight[near])
    np.add.at(said.haze_value, nearest[near], others.haze_value[near])
    return said


def with_others(means: NightMeans, problem: Problem) -> NightMeans:
    """Add what others say to what is known of each night.

    Parameters
    ----------
    means : NightMeans
        Of the telescope alone.
    problem : Problem

    Returns
    -------
    NightMeans
        With their clouds and haze.
    """
    others, contrasts = problem.others, means.contrasts
    return replace(means, clouds=means.clouds + others.clouds, contrasts=replace(
        contrasts, haze_normal=contrasts.haze_normal + others.haze_weight,
        haze_right=contrasts.haze_right + others.haze_value))
