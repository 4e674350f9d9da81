"""When steps were: where the nights beside them want them, found ones anywhere, events near their recorded dates."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from photzp.robust import INTERVAL_QUANTILES
from photzp.throughput.fitstate import Problem, State, everything_but_level
from photzp.throughput.nightsky import MISSING, SkyState, judge
from photzp.throughput.stepprior import StepAt
from photzp.throughput.telescopefit import climb
from photzp.times import DAYS_PER_MONTH

EVENT_DAYS = 14.5      # so far off may a recorded date be: two weeks, from local noon to any time of a day
TRIAL_ROUNDS = 4       # of the fit for a trial
_ROUNDS = 3            # and after a step was moved
_NIGHT_MAX = 4.0       # log likelihood ratio that one night may give
DATED_BONUS = 5.0     # for the recorded date against any other night: most dates are right
_REACH_NIGHTS = 40     # on either side, where a step may be instead


def day_before(problem: Problem, night: int) -> float:
    """Day of a step before a night: between it and the night before.

    Parameters
    ----------
    problem : Problem
    night : int
        Its number, 1 or more.

    Returns
    -------
    float
        Midway between the two nights.
    """
    return float(problem.day[night - 1] + problem.day[night]) / 2


def night_after(problem: Problem, step: StepAt) -> int:
    """Number of the first night after a step.

    Parameters
    ----------
    problem : Problem
    step : StepAt

    Returns
    -------
    int
        That of nights where there is none.
    """
    return int(np.searchsorted(problem.day, step.day))


def dated(problem: Problem, state: State, steps: Sequence[StepAt]) -> tuple[State, list[StepAt]]:
    """Move steps to where the nights beside them want them: found ones anywhere, events up to EVENT_DAYS.

    Parameters
    ----------
    problem : Problem
    state : State
        Fitted with these steps.
    steps : sequence of StepAt
        In order of time.

    Returns
    -------
    state : State
    steps : list of StepAt
        With their intervals.
    """
    steps = list(steps)
    for _ in range(2):
        placed = [_placed(problem, state, steps, number) for number in range(len(steps))]
        moved = any(abs(one.day - other.day) > 1e-6 for one, other in zip(placed, steps, strict=True))
        steps = sorted(placed, key=lambda one: one.day)
        if not moved:
            break
        state = climb(problem, state, steps, _ROUNDS, trial=True)
    return state, steps


def _placed(problem: Problem, state: State, steps: Sequence[StepAt], number: int) -> StepAt:
    """A step at its likeliest day, with the interval of that."""
    step = steps[number]
    if step.changed or (np.isnan(step.written) and step.origin != 'found'):
        return step  # frames show when a camera changed
    night = night_after(problem, step)
    low = 1 if number == 0 else night_after(problem, steps[number - 1]) + 1
    high = len(problem.day) - 1 if number + 1 == len(steps) else night_after(problem, steps[number + 1]) - 1
    candidates = np.arange(max(low, night - _REACH_NIGHTS), min(high, night + _REACH_NIGHTS) + 1)
    if step.origin != 'found':
        day = (problem.day[candidates - 1] + problem.day[candidates]) / 2
        candidates = candidates[(np.abs(day - step.written) <= EVENT_DAYS) | (candidates == night)]
    if night not in candidates or len(candidates) < 2:
        return step
    score = _score(problem, state, night, candidates)
    at_date = int(np.searchsorted(problem.day, step.written)) if step.origin != 'found' else -1
    score = score + np.where(candidates == at_date, DATED_BONUS, 0.0)
    best = int(candidates[np.argmax(score)])
    early, middle, late = _quantiles(problem, candidates, score - score.max())
    if step.origin == 'found':
        day = middle if problem.day[best - 1] < middle < problem.day[best] else day_before(problem, best)
        return replace(step, day=float(day), early=min(early, float(day)), late=max(late, float(day)))
    if best == at_date:
        return replace(step, day=step.written, origin='recorded', early=np.nan, late=np.nan)
    day = day_before(problem, best)
    return replace(step, day=day, origin='moved', early=min(early, day), late=max(late, day))


def _score(problem: Problem, state: State, night: int, candidates: np.ndarray) -> np.ndarray:
    """Log likelihood of a step before each candidate night instead of the one before `night`."""
    assert state.bins is not None
    assert state.solution is not None
    bins, states = state.bins, state.solution.state
    months = problem.day / DAYS_PER_MONTH
    after_bin = int(bins.of_night[night])
    span = np.arange(candidates[0], candidates[-1])
    if not len(span):
        return np.zeros(len(candidates))
    rest = (state.expected - state.level - state.lasting)[span]
    likely = []
    for j, ours in ((after_bin - 1, span < night), (after_bin, span >= night)):
        line = states[j, 0] + states[j, 1] * (months[span] - bins.month[j])[:, None]
        level = np.where(ours[:, None], state.level[span], line)
        residual = np.where(state.means.variance[span] < MISSING / 2, state.means.value[span] - level - rest, 0.0)
        even = SkyState(clear=np.full(len(span), 0.5), depths=state.sky.depths)
        likely.append(judge(residual, state.means.variance[span], everything_but_level(state), even,
                            state.means.clouds[span]).loglike)
    # One night alone, with a wild frame, must not move a date.
    before = np.append(0, np.cumsum(np.clip(likely[0] - likely[1], -_NIGHT_MAX, _NIGHT_MAX)))
    return before[candidates - candidates[0]]


def _quantiles(problem: Problem, candidates: np.ndarray, score: np.ndarray) -> tuple[float, float, float]:
    """16, 50 and 84% quantiles of the day of a step, whose likelihood is constant between two nights."""
    start, end = problem.day[candidates - 1], problem.day[candidates]
    mass = np.exp(score) * (end - start)
    total = np.append(0, np.cumsum(mass)) / mass.sum()
    early, middle, late = np.interp(INTERVAL_QUANTILES, total, np.append(start, end[-1]))
    return float(early), float(middle), float(late)
