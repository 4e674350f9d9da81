"""The state that the fit of a telescope starts from: rough offsets of cameras, and the best path of the levels."""

from collections.abc import Mapping, Sequence

import numpy as np

from photzp.throughput.envelope import align_filters, best_path
from photzp.throughput.fitstate import Problem, State, about
from photzp.throughput.levelprior import GREY_STIFFNESS, START_SLOPE, Stiffness
from photzp.throughput.nightmeans import TelescopeRows, night_means, swing_colour
from photzp.throughput.nightsky import MISSING, judge, start_state
from photzp.throughput.noise import prior_noise
from photzp.throughput.siteair import with_others
from photzp.throughput.stepprior import StepAt


def first_state(problem: Problem, steps: Sequence[StepAt], tied: Mapping[str, Mapping[int, int]],
                event_days: float) -> tuple[State, np.ndarray]:
    """State of the best path through a grid of levels.

    Parameters
    ----------
    problem : Problem
    steps : sequence of StepAt
        Known ones, in order of time.
    tied : mapping of str to mapping of int to int
        {group: its reference} by filter.
    event_days : float
        So far off may the date of an event be.

    Returns
    -------
    state : State
    path : ndarray, shape (N,)
        Grey level of each night [mag].
    """
    n_nights, day = len(problem.day), problem.day
    noise, lasting = prior_noise(problem.filters)
    beta = _start_offsets(problem, tied)
    means = with_others(
        night_means(problem.rows, problem.designs, beta, np.full(n_nights, 1.0), problem.known_fields), problem)
    corrected = np.where(means.variance < MISSING / 2, means.value - means.covariates @ beta, 0.0)
    cameras = np.array([step.day for step in steps if step.changed])
    shift = align_filters(corrected, means.variance, np.searchsorted(cameras, day))
    weight = 1 / (means.variance + 0.01**2)
    grey = np.sum(weight * (corrected - shift), axis=1) / weight.sum(axis=1)
    path = best_path(grey, 1 / weight.sum(axis=1), day, _may_jump(day, steps, event_days))
    level = path[:, None] + shift
    sky = start_state(n_nights)
    residual = about(means, level + means.covariates @ beta)
    stiffness = Stiffness(grey=0.0, filter=0.0, lasting=lasting, slope=np.full(len(problem.filters), START_SLOPE[0]),
                          colour=np.array([swing_colour(name) for name in problem.filters])).of_grey(GREY_STIFFNESS[0])
    return State(means=means, noise=noise, sky=sky, beta=beta, level=level, expected=level + means.covariates @ beta,
                 lasting=np.zeros(level.shape), stiffness=stiffness,
                 judged=judge(residual, means.variance, noise + lasting, sky)), path


def _may_jump(day: np.ndarray, steps: Sequence[StepAt], event_days: float) -> np.ndarray:
    """Whether a known step may be before each night (N,)."""
    events = np.zeros(len(day), bool)
    for step in steps:
        reach = 0.0 if step.changed else event_days
        events |= (day >= step.day - reach) & (np.append(-np.inf, day[:-1]) <= step.day + reach)
    return events


def _start_offsets(problem: Problem, tied: Mapping[str, Mapping[int, int]]) -> np.ndarray:
    """Rough offsets of groups from their references: of medians in the same nights, else of bright nights (p,)."""
    beta = np.zeros(len(problem.covariates.columns))
    for name, references in tied.items():
        rows = problem.rows[name]
        for group, reference in references.items():
            if group != reference:
                column = problem.covariates.columns.index(('offset', name, group))
                beta[column] = _rough_offset(rows, group, reference)
    return beta


def _rough_offset(rows: TelescopeRows, group: int, reference: int) -> float:
    """Offset of one group from another [mag]."""
    ours, theirs = rows.group == group, rows.group == reference
    both = np.intersect1d(rows.night[ours], rows.night[theirs])
    if len(both) >= 3:
        return float(np.median([np.median(rows.zp[ours & (rows.night == night)])
                                - np.median(rows.zp[theirs & (rows.night == night)]) for night in both]))
    days = rows.day[ours]
    near = theirs & (rows.day >= days[0] - 60) & (rows.day <= days[-1] + 60)
    near = near if near.any() else theirs
    return float(np.quantile(rows.zp[ours], 0.8) - np.quantile(rows.zp[near], 0.8))
