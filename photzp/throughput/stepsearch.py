"""Steps of a telescope that nobody recorded.

A step is proposed where the nights before and after it agree with different levels better than with one, whether they
are clear or cloudy, and kept where the evidence of the whole model is larger with it than without it by more than
FOUND_COST: it competes with the curve of the level, the noise of nights and clouds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from photzp.throughput.envelope import JUMP_MAG, best_path
from photzp.throughput.fitstate import Problem, State, everything_but_level
from photzp.throughput.levels import jump_evidence
from photzp.throughput.nightsky import MISSING, SkyState, judge, value_loglike
from photzp.throughput.stepdates import EVENT_DAYS, TRIAL_ROUNDS, dated, day_before, night_after
from photzp.throughput.stepprior import StepAt, jump_of
from photzp.throughput.telescopefit import climb
from photzp.times import DAYS_PER_MONTH

FOUND_COST = 8.0       # of a step that nobody recorded: about one in two years of a telescope, at any night
_MOVED_COST = 4.0      # of an event at another date: two of three dates are right, others equally likely within weeks
NIGHTS_MIN = 8.0       # clear nights on either side of a found step, at least: fewer may be weather
_NIGHTS_FEW, _OVERWHELMING = 4.0, 20.0  # so many are enough with that evidence, if a later step shows that it lasts
_WINDOWS = (12, 30, 60)  # nights on either side
_LLR_MIN = 6.0         # of a proposal
_GRID_MAG = np.arange(-0.5, 0.5001, 0.01)
_TRIALS = 2            # proposals of each kind that are tried in a round
_STEPS_MAX = 20
_STEP_MIN_MAG = 0.02   # in some filter; less is a bend of the curve
_SMALL_MAG, _SMALL_COST = 0.04, 20.0  # below that size weather and haze do the same: such a step needs more evidence
_SPELL_DAYS, _SPELL_BACK = 60.0, 0.65  # a fall that is made up by so much within so long is weather
_SURE = 5.0            # a step of so many times FOUND_COST is not asked again
_APART_NIGHTS = 40     # between proposals
_SLOPE_CHANGE = 0.03   # mag/month: largest change of slope


def path_steps(problem: Problem, path: np.ndarray, steps: Sequence[StepAt]) -> list[StepAt]:
    """Add the jumps of a path that are not near an event or a change of cameras.

    Parameters
    ----------
    problem : Problem
    path : ndarray, shape (N,)
        Level of each night [mag].
    steps : sequence of StepAt
        Known ones.

    Returns
    -------
    list of StepAt
        In order of time.
    """
    found = list(steps)
    for night in np.flatnonzero(np.abs(np.diff(path)) > JUMP_MAG) + 1:
        day = day_before(problem, int(night))
        if all(abs(day - step.day) > (EVENT_DAYS if not np.isnan(step.written) else 4) for step in found):
            found.append(_found_at(day))
    return sorted(found, key=lambda step: step.day)


def _found_at(day: float) -> StepAt:
    return StepAt(day=day, kind='break', origin='found')


def find_steps(problem: Problem, state: State, steps: Sequence[StepAt],
               only_remove: bool = False) -> tuple[State, list[StepAt]]:
    """Remove found steps that the evidence does not need, and add those that it does.

    Parameters
    ----------
    problem : Problem
    state : State
        Fitted with these steps.
    steps : sequence of StepAt
        In order of time.
    only_remove : bool
        Add none.

    Returns
    -------
    state : State
    steps : list of StepAt
        In order of time.
    """
    # Evidence is compared between trials only: the coefficients of covariates are not among their unknowns.
    state, steps = dated(problem, climb(problem, state, steps, 2, trial=True), steps)
    state, steps = _pruned(problem, state, steps)
    if only_remove:
        return state, steps
    state, steps = _escaped(problem, state, steps)
    refused: set[int] = set()
    for _ in range(_STEPS_MAX):
        added = _best_addition(problem, state, steps, refused)
        if added is None:
            break
        state, steps = dated(problem, *added)
    return _without_spells(problem, *_pruned(problem, state, steps))


def _without_spells(problem: Problem, state: State, steps: Sequence[StepAt]) -> tuple[State, list[StepAt]]:
    """Take out pairs of found steps, down and up again within weeks: a veil or haze, more likely than a mirror."""
    steps = list(steps)
    for first, second in pairwise(steps):
        down, up = (_size(problem, state, step) for step in (first, second))
        is_spell = first.origin == second.origin == 'found' and second.day - first.day <= _SPELL_DAYS
        if is_spell and down < 0 < up and up > _SPELL_BACK * -down:
            others = [step for step in steps if step is not first and step is not second]
            return _without_spells(problem, climb(problem, state, others, 2 * TRIAL_ROUNDS, trial=True), others)
    return state, steps


def _size(problem: Problem, state: State, step: StepAt) -> float:
    """Rough size of a step: the change of level between the nights beside it, as the mean of all filters [mag]."""
    night = night_after(problem, step)
    return float(np.mean(state.level[night] - state.level[night - 1]))


def _escaped(problem: Problem, state: State, steps: Sequence[StepAt]) -> tuple[State, list[StepAt]]:
    """Start again from the best path about the levels: it may have jumps that come in pairs, or a decline."""
    judged = judge(_about_level(state), state.means.variance, everything_but_level(state), state.sky,
                   state.means.clouds)
    near = np.zeros(len(problem.day), bool)
    for step in steps:
        near |= np.abs(problem.day - step.day) < 2
    path = best_path(judged.mean, judged.variance, problem.day, near)
    more = path_steps(problem, path, steps)
    trial = climb(problem, _shifted(state, path), more, 2 * TRIAL_ROUNDS, trial=True)
    trial, more = _pruned(problem, *dated(problem, trial, more))
    added = sum(step.origin == 'found' for step in more) - sum(step.origin == 'found' for step in steps)
    if trial.evidence - state.evidence > FOUND_COST * max(added, 0) + 1:
        return trial, more
    return state, list(steps)


def _about_level(state: State) -> np.ndarray:
    """Values of nights about the level (N, F) [mag]."""
    return np.where(state.means.variance < MISSING / 2, state.means.value - state.expected + state.lasting, 0.0)


def _shifted(state: State, shift: np.ndarray) -> State:
    """A state whose nights are judged about levels that are higher by a shift (N,) [mag]."""
    present = state.means.variance < MISSING / 2
    residual = np.where(present, _about_level(state) - shift[:, None], 0.0)
    even = replace(state.sky, clear=np.full(len(shift), 0.5))
    judged = judge(residual, state.means.variance, everything_but_level(state), even, state.means.clouds)
    return replace(state, judged=judged, sky=even)


def _with(steps: Sequence[StepAt], step: StepAt) -> list[StepAt]:
    return sorted([*steps, step], key=lambda one: one.day)


def _pruned(problem: Problem, state: State, steps: Sequence[StepAt]) -> tuple[State, list[StepAt]]:
    """Take out, one by one, found steps that the evidence does not need or that have too few nights."""
    steps = list(steps)
    while True:
        trials = {}
        for number, step in enumerate(steps):
            if step.origin == 'found' and not _is_sure(step, steps):
                trials[number] = _without(problem, state, steps, step)
        gains = {number: gain if _is_certain(problem, state, steps, steps[number], gain) else -np.inf
                 for number, (gain, _, _) in trials.items()}
        steps = [replace(step, log_evidence=gains.get(number, step.log_evidence)) for number, step in enumerate(steps)]
        if not gains or min(gains.values()) >= FOUND_COST:
            return state, steps
        known = {step.day: step.log_evidence for step in steps}
        _, state, steps = trials[min(gains, key=lambda number: gains[number])]
        steps = [replace(step, log_evidence=known[step.day]) if step.origin == 'found' else step for step in steps]


def _is_sure(step: StepAt, steps: Sequence[StepAt]) -> bool:
    """Whether a found step need not be asked again: it explains much, and there is no event that may be it."""
    return step.log_evidence > _SURE * FOUND_COST and not _events_near(step, steps)


def _events_near(step: StepAt, steps: Sequence[StepAt]) -> list[StepAt]:
    """Events that a found step may be, if their date is off."""
    early, late = (step.day, step.day) if np.isnan(step.early) else (step.early, step.late)
    return [event for event in steps
            if not event.changed and early - EVENT_DAYS <= event.written <= late + EVENT_DAYS]


def _is_certain(problem: Problem, state: State, steps: Sequence[StepAt], step: StepAt, gain: float) -> bool:
    """Whether enough clear nights are beside a step, and it is more than a bend, also in a gap between them."""
    night = night_after(problem, step)
    size = np.max(np.abs(state.level[night] - state.level[night - 1]))
    is_step = size > _STEP_MIN_MAG and (size > _SMALL_MAG or gain > _SMALL_COST)
    clear = min(clear_beside(problem, state, steps, step))
    inside = gain > _OVERWHELMING and any(other.day > step.day for other in steps)
    return bool(is_step and clear >= (_NIGHTS_FEW if inside else NIGHTS_MIN) and not _in_gap(problem, state, step))


def _without(problem: Problem, state: State, steps: Sequence[StepAt],
             step: StepAt) -> tuple[float, State, list[StepAt]]:
    """What a found step gains, and the best fit without it: with an event at its day whose date is off, or none."""
    others = [other for other in steps if other is not step]
    choices = [(0.0, others), *((_MOVED_COST, more) for more in _as_events(step, others))]
    trials = [(cost, climb(problem, state, choice, TRIAL_ROUNDS, trial=True), choice) for cost, choice in choices]
    cost, trial, choice = max(trials, key=lambda each: each[1].evidence - each[0])
    return state.evidence - trial.evidence + cost, trial, choice


def _as_events(step: StepAt, steps: Sequence[StepAt]) -> list[list[StepAt]]:
    """Steps with, in place of a found one that is not among them, an event near it at its day; for each such event."""
    return [_with([other for other in steps if other is not event],
                  replace(event, day=step.day, origin='moved', early=step.early, late=step.late))
            for event in _events_near(step, steps)]


def _in_gap(problem: Problem, state: State, step: StepAt) -> bool:
    """Whether a step lies in a gap between clear nights in which a change of slope can do the same."""
    clear = problem.day[state.judged.clear > 0.5]
    before, after = clear[clear < step.day], clear[clear >= step.day]
    if not len(before) or not len(after):
        return True
    months = (after[0] - before[-1]) / DAYS_PER_MONTH
    level = [state.level[problem.day == day].mean() for day in (before[-1], after[0])]
    return bool(abs(level[1] - level[0]) < _SLOPE_CHANGE * months)


def clear_beside(problem: Problem, state: State, steps: Sequence[StepAt], step: StepAt) -> tuple[float, float]:
    """Count clear nights between a step and its neighbours.

    Parameters
    ----------
    problem : Problem
    state : State
        With its judged nights.
    steps : sequence of StepAt
        All steps.
    step : StepAt
        One of them.

    Returns
    -------
    tuple of (float, float)
        Sums of the probabilities to be clear, before and after the step.
    """
    edges = [0, *(night_after(problem, other) for other in steps if other is not step), len(problem.day)]
    night = night_after(problem, step)
    before, after = max(edge for edge in edges if edge <= night), min(edge for edge in edges if edge >= night)
    clear = state.judged.clear
    return float(clear[before:night].sum()), float(clear[night:after].sum())


# --- proposals

def _best_addition(problem: Problem, state: State, steps: Sequence[StepAt],
                   refused: set[int]) -> tuple[State, list[StepAt]] | None:
    """The best of some proposed steps, and the state with it; None where none is worth its cost."""
    best = None
    for night, shift in _proposals(problem, state, steps, refused):
        step, gains = _found_at(day_before(problem, night)), []
        moved = ((_MOVED_COST, more) for more in _as_events(step, steps))
        for cost, more in ((FOUND_COST, _with(steps, step)), *moved):
            added = dated(problem, climb(problem, _shifted(state, shift), more, TRIAL_ROUNDS, trial=True), more)
            gains.append(added[0].evidence - state.evidence - cost)
            if gains[-1] > max(best[0] if best else 0.0, 0.0):
                best = gains[-1], added
        if max(gains) < 0:
            refused.add(night)
        elif max(gains) > _SURE * FOUND_COST:
            break
    return best[1] if best else None


def _proposals(problem: Problem, state: State, steps: Sequence[StepAt],
               refused: set[int]) -> list[tuple[int, np.ndarray]]:
    """Nights before which a step may be missing, each with the shift of the levels (N,) that it may bring [mag]."""
    edges = np.array(sorted({0, len(problem.day), *(night_after(problem, step) for step in steps)}))
    profiles = list(_profiles(state))
    ratios = [_ratios(values, edges) for values in profiles]
    ratio = np.max(ratios, axis=0)
    found: list[tuple[int, np.ndarray]] = []
    for score in (_smoothed(problem, state, edges), ratio):
        for night in (*refused, *(night for night, _ in found)):
            score[max(night - 5, 0):night + 6] = -np.inf
        for _ in range(_TRIALS):
            night = int(np.argmax(score))
            if not score[night] > _LLR_MIN:
                break
            grey = score is ratio and ratios[0][night] == ratio[night]
            found.append((night, _shift_at(profiles[0], night, edges) if grey else np.zeros(len(score))))
            score[max(night - _APART_NIGHTS, 0):night + _APART_NIGHTS + 1] = -np.inf
    return found


def _shift_at(values: np.ndarray, night: int, edges: np.ndarray) -> np.ndarray:
    """Shift of the levels (N,) before and after a night, up to the neighbouring edges, by the nights beside it."""
    right = int(np.searchsorted(edges, night, side='right'))
    low, high = edges[right - 1], edges[min(right, len(edges) - 1)]
    shift = np.zeros(len(values))
    for first, last in ((low, night), (night, high)):
        beside = values[max(first, night - _WINDOWS[1]):min(last, night + _WINDOWS[1])]
        shift[first:last] = _GRID_MAG[int(np.argmax(beside.sum(axis=0)))]
    return shift


def _smoothed(problem: Problem, state: State, edges: np.ndarray) -> np.ndarray:
    """Evidence of a step before each night (N,), as the nights are judged now; -inf but for the first of each bin."""
    assert state.bins is not None
    assert state.solution is not None
    assert state.prior is not None
    gain = jump_evidence(state.solution, state.prior, jump_of(_found_at(0.0), problem.filters))
    first = np.flatnonzero(np.append(True, np.diff(state.bins.of_night) > 0))
    score = np.full(len(problem.day), -np.inf)
    score[first[1:]] = gain
    for edge in edges:
        score[max(edge - 4, 0):edge + 4] = -np.inf
    return score


def _profiles(state: State) -> Iterator[np.ndarray]:
    """Log likelihood of each night (N, G) at each shift of the level: of all filters, then of each against others."""
    means = state.means
    residual = _about_level(state)
    even = SkyState(clear=np.full(len(residual), 0.5), depths=state.sky.depths)
    noise = everything_but_level(state)
    grey = judge(residual, means.variance, noise, even)
    yield value_loglike(grey.mean[:, None] - _GRID_MAG, np.sqrt(grey.variance)[:, None], even.depths)
    if residual.shape[1] == 1:
        return
    for name in range(residual.shape[1]):
        rest = means.variance.copy()
        rest[:, name] = MISSING
        other = judge(np.where(rest < MISSING / 2, residual, 0.0), rest, noise, even)
        both = (means.variance[:, name] < MISSING / 2) & (other.variance < MISSING / 100)
        change = np.where(both, residual[:, name] - other.mean, 0.0)
        spread = np.sqrt(means.variance[:, name] + noise[name, name] + other.variance)
        pull = (change[:, None] - _GRID_MAG) / spread[:, None]
        yield np.where(both[:, None], -3.5 * np.log1p(pull**2 / 6), 0.0)


def _ratios(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Largest log likelihood ratio of a step before each night (N,), over several windows, within the edges."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    night = np.arange(len(values))
    right = np.searchsorted(edges, night, side='right')
    low, high = edges[right - 1], edges[np.minimum(right, len(edges) - 1)]
    ratio = np.full(len(values), -np.inf)
    for window in _WINDOWS:
        first, last = np.maximum(night - window, low), np.minimum(night + window, high)
        before, after = total[night] - total[first], total[last] - total[night]
        gain = before.max(axis=1) + after.max(axis=1) - (before + after).max(axis=1)
        enough = (night - first >= 4) & (last - night >= 4)
        ratio = np.where(enough, np.maximum(ratio, gain), ratio)
    return ratio
