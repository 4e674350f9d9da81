"""What is reported of fitted levels: intervals between steps, the steps, and offsets of groups of rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from photzp.throughput.boundaries import references
from photzp.throughput.curve import Curve
from photzp.throughput.fitstate import Problem, State
from photzp.throughput.fitvalues import NEVER, GroupOffset, Interval, Step
from photzp.throughput.levels import Solution
from photzp.throughput.nightmeans import EXTINCTION_PRIOR
from photzp.throughput.nightsky import mean_depth
from photzp.throughput.siteair import without_prior
from photzp.throughput.stepprior import StepAt, jump_of
from photzp.throughput.stepsearch import clear_beside
from photzp.times import DAYS_PER_MONTH, days_of, span_of

_SLOPE_NIGHTS, _SLOPE_DAYS = 5, 14  # a slope is reported from so many nights and days on
_END_DAYS = 60.0  # slope at the end of an interval: over so many days
_UNRECORDED = {'instrument': 'camera change', 'break': 'jump'}


@dataclass(frozen=True, kw_only=True)
class FilterFit:
    """One filter of a fitted telescope.

    Attributes
    ----------
    number : int
        Of the filter in those of the problem.
    name : str
        The filter.
    curve : Curve
        Its level.
    problem, state, steps
        As fitted.
    edges : list of float
        Days of the steps across which groups are not tied.
    other_scale : frozenset of int
        As of `FilterRows`.
    """

    number: int
    name: str
    curve: Curve
    problem: Problem
    state: State
    steps: Sequence[StepAt]
    edges: list[float]
    other_scale: frozenset[int]

    @property
    def solution(self) -> Solution:
        """The solution of the state."""
        assert self.state.solution is not None
        return self.state.solution

    def function(self, entries: Iterable[tuple[int, float, float]]) -> np.ndarray:
        """Write a sum of levels as a linear function of the states.

        Parameters
        ----------
        entries : iterable of (int, float, float)
            Bin, months from it, and factor of the level there.

        Returns
        -------
        ndarray, shape (m J,)
            Coefficients of the states.
        """
        n_filters = len(self.problem.filters)
        values = np.zeros((len(self.solution.state), 3 * n_filters + 1))
        for number, months, factor in entries:
            values[number, self.number] += factor
            values[number, n_filters + self.number] += factor * months
        return values.ravel()

    def value_of(self, function: np.ndarray) -> float:
        """Evaluate a linear function of the levels and slopes.

        Parameters
        ----------
        function : ndarray, shape (m J,)
            As `function` returns it.

        Returns
        -------
        float
            Its most likely value.
        """
        n_bins = len(self.solution.state)
        return float(np.sum(function.reshape(n_bins, -1)[:, :-1] * self.solution.state.reshape(n_bins, -1)))

    def error_of(self, function: np.ndarray) -> float:
        """Propagate errors to a linear function of the states.

        Parameters
        ----------
        function : ndarray, shape (m J,)
            As `function` returns it.

        Returns
        -------
        float
            Its 1-sigma error.
        """
        return float(np.sqrt(max(self.solution.covariance(function[:, None])[0, 0], 0.0)))


def curve_of(problem: Problem, state: State, steps: Sequence[StepAt], number: int,
             origin: np.datetime64, covariance: np.ndarray) -> Curve:
    """The level of one filter.

    Parameters
    ----------
    problem : Problem
    state : State
        With its solution.
    steps : sequence of StepAt
        In order of time.
    number : int
        Of the filter.
    origin : datetime64[ms]
        Time from which days count.
    covariance : ndarray, shape (J, m, m)
        Of the states of bins, m = 3F + 1.

    Returns
    -------
    Curve
    """
    bins, solution, n = state.bins, state.solution, len(problem.filters)
    assert bins is not None
    assert solution is not None
    x, b = number, n + number
    variance = np.stack([covariance[:, x, x], covariance[:, x, b], covariance[:, b, b]], axis=1)
    variance[:, 0] += doubt_of(problem, state, steps)[bins.piece]
    start = min(problem.day[0], *(one.day[0] for one in problem.rows.values() if len(one.day)))
    # In whole milliseconds, as the times of steps are told: at such a time the level is that after the step.
    opened = days_of(span_of([start, *(step.day for step in steps)]))
    return Curve(origin=origin, opened=opened,
                 knot=bins.month * DAYS_PER_MONTH, level=solution.state[:, 0, number],
                 slope=solution.state[:, 1, number], variance=variance,
                 stiffness=state.stiffness.grey + state.stiffness.filter,
                 mean_slope=float(state.stiffness.slope[number]))


def doubt_of(problem: Problem, state: State, steps: Sequence[StepAt]) -> np.ndarray:
    """Variance of the level between steps for the chance that none of its nights was clear.

    Parameters
    ----------
    problem : Problem
    state : State
    steps : sequence of StepAt
        In order of time.

    Returns
    -------
    ndarray, shape (steps + 1,)
        That chance times the square of the mean dimming of cloudy nights [mag^2].
    """
    piece = np.searchsorted([step.day for step in steps], problem.day, side='right')
    cloudy = np.log1p(-np.minimum(state.judged.clear, 1 - 1e-9))
    return np.exp(np.bincount(piece, cloudy, len(steps) + 1)) * mean_depth(state.sky) ** 2


def intervals_of(fit: FilterFit) -> tuple[Interval, ...]:
    """Summarise a fit between steps.

    Parameters
    ----------
    fit : FilterFit
        One filter.

    Returns
    -------
    tuple of Interval
        In order of time.
    """
    rows, opened = fit.problem.rows[fit.name], fit.curve.opened
    piece = np.searchsorted(opened, rows.day, side='right') - 1
    night_piece = np.searchsorted(opened, rows.day[np.append(True, np.diff(rows.night) > 0)], side='right') - 1
    reference = references(rows, fit.edges, fit.other_scale)
    opened_by = ['first data', *(_opened_by(step) for step in fit.steps)]
    ends = np.append(opened[1:], max(fit.problem.day[-1], rows.day[-1]))
    intervals = []
    for number, (start, end) in enumerate(zip(opened, ends, strict=True)):
        inside = piece == number
        nights = int(np.count_nonzero(night_piece == number))
        if end <= start and len(opened) > 1:
            continue
        mags, errors = (np.append(*both).tolist() for both in zip(
            fit.curve.at(np.array([start, (start + end) / 2])), fit.curve.at(np.array([end]), before=True),
            strict=True))
        slopes = [np.nan] * 4
        if nights >= _SLOPE_NIGHTS and end - start >= _SLOPE_DAYS:
            slopes = [*_slope(fit, start, end), *_slope(fit, max(start, end - _END_DAYS), end)]
        group = int(rows.group[inside][0]) if inside.any() else int(rows.group[np.argmin(np.abs(rows.day - start))])
        intervals.append(Interval(
            start=fit.curve.origin + span_of(start), end=fit.curve.origin + span_of(end), opened_by=opened_by[number],
            nights=nights, rows=int(np.count_nonzero(inside)), start_mag=mags[0], start_error_mag=errors[0],
            mid_mag=mags[1], mid_error_mag=errors[1], end_mag=mags[2], end_error_mag=errors[2],
            slope_mag_per_month=slopes[0], slope_error_mag_per_month=slopes[1], end_slope_mag_per_month=slopes[2],
            end_slope_error_mag_per_month=slopes[3], reference_group=reference[group]))
    return tuple(intervals)


def _opened_by(step: StepAt) -> str:
    recorded = step.origin != 'found' and not np.isnan(step.written)
    return step.kind if recorded else _UNRECORDED[step.kind]


def _nearest_bin(fit: FilterFit, day: float, *, before: bool = False) -> tuple[int, float]:
    """The bin whose line is nearest to a day in the same piece, and the months from it."""
    knot, opened = fit.curve.knot, fit.curve.opened
    piece = max(int(np.searchsorted(opened, day, side='left' if before else 'right')) - 1, 0)
    own = np.flatnonzero(np.searchsorted(opened, knot, side='right') - 1 == piece)
    j = int(own[np.argmin(np.abs(knot[own] - day))])
    return j, (day - knot[j]) / DAYS_PER_MONTH


def _slope(fit: FilterFit, start: float, end: float) -> tuple[float, float]:
    """Mean slope between two days of a piece, and its error [mag/month]."""
    months = (end - start) / DAYS_PER_MONTH
    last, first = _nearest_bin(fit, end, before=True), _nearest_bin(fit, start)
    function = fit.function([(*last, 1 / months), (*first, -1 / months)])
    return fit.value_of(function), fit.error_of(function)


def steps_of(fit: FilterFit) -> tuple[Step, ...]:
    """Summarise the steps of a fit.

    Parameters
    ----------
    fit : FilterFit
        One filter.

    Returns
    -------
    tuple of Step
        In order of time.
    """
    origin, steps = fit.curve.origin, []
    scale = _scales(fit)
    for number, step in enumerate(fit.steps):
        size, error = _size(fit, step)
        day = origin + span_of(step.day)
        early, late = (NEVER if np.isnan(at) else origin + span_of(at) for at in (step.early, step.late))
        steps.append(Step(
            time=day, kind=step.kind, size_mag=size, error_mag=error, recorded=not np.isnan(step.written),
            instrumental=fit.name in step.changed or scale[number] != scale[number + 1], origin=step.origin,
            early=early, late=late, written=NEVER if np.isnan(step.written) else origin + span_of(step.written),
            log_evidence=step.log_evidence, nights=clear_beside(fit.problem, fit.state, fit.steps, step)))
    return tuple(steps)


def _scales(fit: FilterFit) -> list[int]:
    """Reference of the groups before the first step, and after each step."""
    rows = fit.problem.rows[fit.name]
    reference = references(rows, fit.edges, fit.other_scale)
    first = np.minimum(np.searchsorted(rows.day, fit.curve.opened), len(rows.day) - 1)
    return [reference[int(code)] for code in rows.group[first]]


def _size(fit: FilterFit, step: StepAt) -> tuple[float, float]:
    """Size of a step and its error: of those in one gap between nights, its part by their priors."""
    day = fit.problem.day
    same = [other for other in fit.steps if np.searchsorted(day, other.day) == np.searchsorted(day, step.day)]
    knot = fit.curve.knot
    night = int(np.searchsorted(day, step.day))
    assert fit.state.bins is not None
    after = int(fit.state.bins.of_night[night])
    at = step.day
    function = fit.function([(after, (at - knot[after]) / DAYS_PER_MONTH, 1.0),
                             (after - 1, (at - knot[after - 1]) / DAYS_PER_MONTH, -1.0)])
    doubt = doubt_of(fit.problem, fit.state, fit.steps)[fit.state.bins.piece[[after - 1, after]]].sum()
    total, error = fit.value_of(function), float(np.hypot(fit.error_of(function), np.sqrt(doubt)))
    if len(same) == 1:
        return total, error
    priors = [jump_of(other, fit.problem.filters) for other in same]
    width = [prior.covariance[fit.number, fit.number] for prior in priors]
    own = width[same.index(step)]
    share = own / sum(width)
    mean = priors[same.index(step)].mean[fit.number]
    rest = total - sum(prior.mean[fit.number] for prior in priors)
    return float(mean + share * rest), float(np.sqrt(own - share * own + share**2 * error**2))


def offsets_of(fit: FilterFit) -> tuple[GroupOffset, ...]:
    """Summarise the offsets of groups.

    Parameters
    ----------
    fit : FilterFit
        One filter.

    Returns
    -------
    tuple of GroupOffset
        In order of the codes of groups.
    """
    rows = fit.problem.rows[fit.name]
    offsets = []
    for code, reference in sorted(references(rows, fit.edges, fit.other_scale).items()):
        value, error = (0.0, 0.0) if code == reference else coefficient(fit, ('offset', fit.name, code))
        offsets.append(GroupOffset(code, reference, value, error, int(np.count_nonzero(rows.group == code))))
    return tuple(offsets)


def coefficient(fit: FilterFit, column: tuple) -> tuple[float, float]:
    """Value of a coefficient and its error.

    Parameters
    ----------
    fit : FilterFit
        One filter.
    column : tuple
        As in `Covariates.columns`.

    Returns
    -------
    tuple of (float, float)
        NaN where there is no such coefficient.
    """
    if column not in fit.problem.covariates.columns:
        return np.nan, np.nan
    number = fit.problem.covariates.columns.index(column)
    return float(fit.state.beta[number]), float(np.sqrt(fit.solution.schur[number, number]))


def own_extinction(fit: FilterFit) -> tuple[float, float]:
    """Value of the extinction beyond the adopted one, and its error, without what others said of it.

    Parameters
    ----------
    fit : FilterFit
        One filter.

    Returns
    -------
    tuple of (float, float)
        By the data of the telescope and the usual prior [mag/airmass]; NaN where no airmass was given.
    """
    columns, column = fit.problem.covariates.columns, ('extinction', fit.name)
    if column not in columns:
        return np.nan, np.nan
    precision, weighted = without_prior(fit.problem, fit.state, columns.index(column))
    mean, usual = EXTINCTION_PRIOR[0], EXTINCTION_PRIOR[1] ** -2
    return (weighted + usual * mean) / (precision + usual), (precision + usual) ** -0.5
