"""What is reported of fitted lines: intervals between events, steps at events, and offsets of groups of rows."""

from dataclasses import dataclass

import numpy as np

from photzp.throughput.clearsky import ClearSkyFit
from photzp.throughput.linefit import LineFit
from photzp.throughput.lines import Line, SeriesRows, nights_in
from photzp.times import DAYS_PER_MONTH, instant_of, span_of

_SLOPE_NIGHTS, _SLOPE_DAYS = 5, 14  # a slope is reported from so many nights and days on
NEVER = instant_of('NaT')
_UNRECORDED = {'instrument': 'camera change', 'break': 'jump'}


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Throughput between two bounding events.

    Attributes
    ----------
    start, end : datetime64[ms]
        The bounding events, or the first and last usable row.
    opened_by : str
        Kind of the event that it begins with; without an event 'first data', 'camera change' or 'jump'.
    nights, rows : int
        Usable nights and rows.
    start_mag, mid_mag, end_mag : float
        Model at start, middle and end.
    start_error_mag, mid_error_mag, end_error_mag : float
        1-sigma errors of the model.
    slope_mag_per_month, slope_error_mag_per_month : float
        Mean slope without the steps of cleanings, negative for a loss; NaN with too few nights.
    end_slope_mag_per_month, end_slope_error_mag_per_month : float
        Slope at the end, which differs from the mean one only where there are kinks.
    kinks : int
        Number of kinks.
    reference_group : int
        Code of the camera (and native filter) on whose zeropoint scale the model is.
    """

    start: np.datetime64
    end: np.datetime64
    opened_by: str
    nights: int
    rows: int
    start_mag: float
    start_error_mag: float
    mid_mag: float
    mid_error_mag: float
    end_mag: float
    end_error_mag: float
    slope_mag_per_month: float
    slope_error_mag_per_month: float
    end_slope_mag_per_month: float
    end_slope_error_mag_per_month: float
    kinks: int
    reference_group: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """Change of throughput at one event.

    Attributes
    ----------
    time : datetime64[ms]
        Local noon of the date of the event; for a change of cameras without an event, between the last frame of one and
        the first of the other.
    kind : str
        Of the event; without one 'instrument' for a change of cameras and 'break' for a jump.
    size_mag, error_mag : float
        Gain and its 1-sigma error: the fitted step of a cleaning; at a bounding event the difference of both lines.
    instrumental : bool
        The step holds the difference of two cameras, so it is no gain of a mirror, whatever its kind.
    recorded : bool
        An event records it.
    origin : str
        'recorded' (at the date of its event, or at a change of cameras), 'moved' (to the jump near an event, whose
        recorded date is `written`), or 'found' (neither an event nor a change of cameras explains it).
    early, late : datetime64[ms]
        68.3% interval of the time; both are `time` where that is known.
    written : datetime64[ms]
        When the event is recorded; NaT without an event.
    log_evidence : float
        Logarithm of the evidence for the step against none, over all filters; NaN where it was not asked for.
    nights : tuple of (float, float)
        Clear nights before and after that it rests on.
    """

    time: np.datetime64
    kind: str
    size_mag: float
    error_mag: float
    instrumental: bool
    recorded: bool = True
    origin: str = 'recorded'
    early: np.datetime64 = NEVER
    late: np.datetime64 = NEVER
    written: np.datetime64 = NEVER
    log_evidence: float = np.nan
    nights: tuple[float, float] = (np.nan, np.nan)


@dataclass(frozen=True)
class GroupOffset:
    """Offset of a group of rows (camera, native filter): its zp = model + offset.

    Attributes
    ----------
    group : int
        Code of the group.
    reference : int
        Code of the group that it is tied to, itself for a reference.
    offset_mag, error_mag : float
        Offset and its 1-sigma error; 0 and 0 for a reference.
    rows : int
        Usable rows of the group.
    """

    group: int
    reference: int
    offset_mag: float
    error_mag: float
    rows: int


def intervals_of(rows: SeriesRows, fit: LineFit) -> tuple[Interval, ...]:
    """Summarise the pieces of a fit.

    Parameters
    ----------
    rows : SeriesRows
        The rows that were fitted.
    fit : LineFit
        Their fit.

    Returns
    -------
    tuple of Interval
        In order of time.
    """
    line = fit.line
    piece, nights = line.piece(rows.day), nights_in(rows, line).tolist()
    ends = np.append(line.opened[1:], rows.day[-1])
    opened_by = ['first data'] + [b.kind if b.recorded else _UNRECORDED[b.kind] for b in fit.boundaries]
    intervals = []
    for number, (start, end) in enumerate(zip(line.opened, ends, strict=True)):
        days, groups = rows.day[piece == number], rows.group[piece == number]
        functions = line.design(np.array([start, (start + end) / 2, end]), number)
        mags, errors = (values.tolist() for values in line.value(functions, line.doubt[number]))
        slopes = [np.nan] * 4
        if nights[number] >= _SLOPE_NIGHTS and days[-1] - days[0] >= _SLOPE_DAYS:
            slopes = _slopes(line, number, functions, end - start)
        intervals.append(Interval(
            start=line.origin + span_of(start), end=line.origin + span_of(end), opened_by=opened_by[number],
            nights=nights[number], rows=len(days), start_mag=mags[0], start_error_mag=errors[0], mid_mag=mags[1],
            mid_error_mag=errors[1], end_mag=mags[2], end_error_mag=errors[2], slope_mag_per_month=slopes[0],
            slope_error_mag_per_month=slopes[1], end_slope_mag_per_month=slopes[2],
            end_slope_error_mag_per_month=slopes[3], kinks=sum(at == number for at, _ in line.kinks),
            reference_group=fit.reference[int(groups[0])]))
    return tuple(intervals)


def _slopes(line: Line, number: int, functions: np.ndarray, days: float) -> list[float]:
    """Mean slope of a piece and its error, slope at its end and its error; functions (3, q) at start, middle, end."""
    mean = (functions[2] - functions[0]) / days * DAYS_PER_MONTH
    mean[line.first_step:][:len(line.steps)] = 0
    pieces = np.arange(len(line.opened)) == number
    kinks = [at == number for at, _ in line.kinks]
    derivative = np.concatenate([np.zeros(len(pieces)), pieces, np.zeros(len(line.steps)), kinks])
    at_end = np.where(functions[2] != 0, derivative, 0.0)
    return [float(value) for slope in (mean, at_end) for value in line.value(slope)]


def steps_of(rows: SeriesRows, fit: LineFit) -> tuple[Step, ...]:
    """Summarise the steps of a fit.

    Parameters
    ----------
    rows : SeriesRows
        The rows that were fitted.
    fit : LineFit
        Their fit.

    Returns
    -------
    tuple of Step
        In order of time; an event without usable rows on both sides has none.
    """
    line, steps = fit.line, []
    for number, (_, day) in enumerate(line.steps):
        functions = np.zeros(line.size)
        functions[line.first_step + number] = 1
        size, error = line.value(functions)
        steps.append((day, Step(time=line.origin + span_of(day), kind='cleaning', size_mag=float(size),
                                error_mag=float(error), instrumental=False)))
    scale = [fit.reference[int(code)] for code in rows.group[np.searchsorted(rows.day, line.opened)]]
    for number, boundary in enumerate(fit.boundaries, start=1):
        functions = (line.design(boundary.day, number) - line.design(boundary.day, number - 1))[0]
        size, error = line.value(functions, line.doubt[number] + line.doubt[number - 1])
        steps.append((boundary.day, Step(
            time=line.origin + span_of(boundary.day), kind=boundary.kind, size_mag=float(size), error_mag=float(error),
            instrumental=boundary.instrumental or scale[number] != scale[number - 1], recorded=boundary.recorded)))
    return tuple(step for _, step in sorted(steps, key=lambda dated: dated[0]))


def offsets_of(rows: SeriesRows, fit: LineFit) -> tuple[GroupOffset, ...]:
    """Summarise the offsets of a fit.

    Parameters
    ----------
    rows : SeriesRows
        The rows that were fitted.
    fit : LineFit
        Their fit.

    Returns
    -------
    tuple of GroupOffset
        In order of the codes of groups.
    """
    offsets = []
    for code in sorted(fit.reference):
        value, error = 0.0, 0.0
        if code in fit.groups:
            value, error = parameter_of(fit.sky, fit.line.size + fit.groups.index(code))
        offsets.append(GroupOffset(code, fit.reference[code], value, error, int(np.count_nonzero(rows.group == code))))
    return tuple(offsets)


def parameter_of(sky: ClearSkyFit, column: int) -> tuple[float, float]:
    """Look up a parameter.

    Parameters
    ----------
    sky : ClearSkyFit
        The fit.
    column : int
        Column of the design.

    Returns
    -------
    tuple of (float, float)
        Value and 1-sigma error.
    """
    return float(sky.parameters[column]), float(np.sqrt(sky.covariance[column, column]))
