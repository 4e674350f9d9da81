"""The throughput of a telescope as a function of time, from the zeropoints of its frames: arrays in, frozen values out.

Throughput is the zeropoint at airmass 1 under a clear sky [mag].  Between events that bound (wash, recoating, break,
instrument) it is a straight line in time, with a step at each cleaning; where a line is clearly not enough, a line with
a few kinks.  Cameras and native filters that overlap in time are tied by additive offsets to the one with most rows.
`lines` lays out these lines; clouds only dim: `clearsky` tells them from noise by likelihood, night by night.

The way through it:

    rows.correct_gain -> rows.at_unit_airmass -> records.usable_rows -> fit_throughput -> ThroughputFit
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike

from photzp.throughput.clearsky import ClearSkyFit
from photzp.throughput.cloudmixture import mean_depth
from photzp.throughput.lines import Boundary, Line, Series, TimedEvent, find_boundaries, fit_pieces, nights_in
from photzp.times import DAYS_PER_MONTH, Date, instant_of, local_noon, night_of, span_of

WILD_SIGMA = 5.0  # rows farther from their night are no part of its mean
SLOPE_NIGHTS, SLOPE_DAYS = 5, 14  # a slope is reported from so many nights and days on


@dataclass(frozen=True)
class Interval:
    """Throughput between two bounding events.

    start, end : datetime64[ms]; the bounding events, or the first and last night with usable rows.
    opened_by : kind of the event it begins with; without a recorded event 'first data', 'camera change' or 'jump'.
    nights, rows : usable nights and rows in it.
    start_mag, mid_mag, end_mag (and _error_mag) : model at start, middle and end, with 1-sigma error.
    slope_mag_per_month, slope_error_mag_per_month : mean slope without the steps of cleanings; negative is a loss.
        NaN where there are too few nights for one.
    end_slope_mag_per_month, end_slope_error_mag_per_month : slope at the end; another one only where there are kinks.
    kinks : number of kinks in the line.
    reference_group : code of the camera (and native filter) whose zeropoint scale the model is on.
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


@dataclass(frozen=True)
class Step:
    """Change of throughput at one event: gains are positive.

    time : datetime64[ms], local noon of the event's date; for a change of camera that no event records, between the
        last frame of one and the first of the other.
    kind : of the event; without a recorded one 'instrument' for a change of camera and 'break' for a jump.
    recorded : an event records it.
    size_mag, error_mag : cleanings: the fitted step; bounding events: difference of the adjoining lines at that time.
    instrumental : the step holds the difference of two cameras, so that it is no gain of a mirror, whatever its kind.
    """

    time: np.datetime64
    kind: str
    size_mag: float
    error_mag: float
    instrumental: bool
    recorded: bool = True


@dataclass(frozen=True)
class GroupOffset:
    """Offset of a group of rows (camera, native filter) from the group it is tied to: its zp = model + offset.

    group : code as the caller gave it.  reference : code of the group it is tied to, itself for a reference.
    offset_mag, error_mag : 0 and 0 for a reference.  rows : usable rows of the group.
    """

    group: int
    reference: int
    offset_mag: float
    error_mag: float
    rows: int


@dataclass(frozen=True)
class ThroughputFit:
    """Throughput of one telescope in one filter.  Without usable rows all arrays and tuples are empty.

    night (m,) datetime64[D] : nights with usable rows, ascending, by the date on which each begins.
    time (m,) datetime64[ms] : mean time of the usable rows of each night.
    model_mag, model_error_mag (m,) : zeropoint at airmass 1 under a clear sky, and its error; at(time) for any time.
    night_rows (m,) int : usable rows of each night.
    night_residual_mag, night_residual_error_mag (m,) : mean of row_residual_mag over the rows of each night that are
        no wild values, and its error from zperr and scatter_mag; about 0 in clear nights, below in cloudy ones.
    clear_probability (m,) : that the night was free of cloud.  photometric (m,) bool : it is more likely than not.
    row_clear_probability (n,) : in the caller's order: row of a clear night and no wild value; NaN where not used.
    row_residual_mag (n,) : zp - offset - extinction - model, in the caller's order; NaN where not used.
    intervals : tuple of Interval, in order of time.  steps : tuple of Step, in order of time; an event without usable
        rows on both sides has none.  offsets : tuple of GroupOffset, by group code.
    scatter_mag : s, the scatter that zperr does not explain.  clear_share : of the nights.
    cloud_mag : mean dimming in nights with cloud.  wild_share : of the rows.
    extinction_offset_mag, extinction_offset_error_mag : fitted minus adopted extinction [mag per airmass]; NaN where no
        airmass was given.
    """

    night: np.ndarray
    time: np.ndarray
    model_mag: np.ndarray
    model_error_mag: np.ndarray
    night_rows: np.ndarray
    clear_probability: np.ndarray
    photometric: np.ndarray
    row_clear_probability: np.ndarray = field(repr=False)
    row_residual_mag: np.ndarray = field(repr=False)
    intervals: tuple[Interval, ...] = ()
    steps: tuple[Step, ...] = ()
    offsets: tuple[GroupOffset, ...] = ()
    scatter_mag: float = np.nan
    clear_share: float = np.nan
    cloud_mag: float = np.nan
    wild_share: float = np.nan
    extinction_offset_mag: float = np.nan
    extinction_offset_error_mag: float = np.nan
    night_residual_mag: np.ndarray = field(default_factory=lambda: np.empty(0))
    night_residual_error_mag: np.ndarray = field(default_factory=lambda: np.empty(0))
    _line: Line | None = field(default=None, repr=False)

    def at(self, time: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Model and error at any times: (model_mag, model_error_mag), NaN before the first interval.

        time : datetime64 array (q,).  After the last night the last line goes on and its error grows.
        """
        time = np.asarray(time, 'datetime64[ms]')
        if self._line is None:
            return np.full(time.shape, np.nan), np.full(time.shape, np.nan)
        return self._line.at(self._line.days(time))


# --- rows


# --- the fit

def fit_throughput(time: ArrayLike, zp: ArrayLike, zperr: ArrayLike, *, longitude_deg: float,
                   group: ArrayLike | None = None, airmass: ArrayLike | None = None,
                   other_scale: Iterable[int] = (), events: Iterable[tuple[Date, str]] = (),
                   now: Date | datetime | None = None) -> ThroughputFit:
    """Throughput of one telescope in one filter as a function of time: a ThroughputFit.

    time (n,) datetime64[ms], in any order; zp (n,) mag, gain corrected and at unit airmass.
    zperr (n,) : NaN where unknown.  group (n,) int : code of camera, native filter and kind of row.
    airmass (n,) : where given, what the adopted extinction lacks is fitted, too.
    other_scale : codes of groups whose zp means something else (older rows, at g-i = 0): the model is on the scale of
        another group wherever one is tied to them.
    events : pairs (date, kind), kinds as in observatory.toml; the last `start` opens the fit.
    now : datetime64; rows and events after it are not used.
    Rows that are not finite in time, zp or airmass are not used.
    """
    time = np.asarray(time, 'datetime64[ms]')
    latest = instant_of('9999-01-01' if now is None else now)
    timed = [(local_noon(date, longitude_deg), str(kind)) for date, kind in events]
    timed = sorted(((at, kind) for at, kind in timed if at <= latest), key=lambda event: event[0])
    opened = last_start(timed)
    group = np.zeros(len(time), int) if group is None else np.asarray(group)
    good = np.isfinite(zp) & (time >= opened) & (time <= latest)
    if airmass is not None:
        good &= np.isfinite(airmass)
    rows = np.flatnonzero(good)
    if not len(rows):
        return _empty_fit(len(time))
    rows = rows[np.argsort(time[rows], kind='stable')]
    series = Series(time[rows], np.asarray(zp)[rows], np.nan_to_num(np.asarray(zperr, float)[rows]), group[rows],
                     None if airmass is None else np.asarray(airmass)[rows] - 1, night_of(time[rows], longitude_deg),
                     frozenset(other_scale))
    return _fit(series, [event for event in timed if event[0] > opened], rows, len(time))


def last_start(events: Iterable[TimedEvent]) -> np.datetime64:
    """When the last `start` among the events was, before which rows are not used; long ago without one."""
    return max((at for at, kind in events if kind == 'start'), default=instant_of('0001-01-01'))


def _fit(series: Series, events: Sequence[TimedEvent], rows: np.ndarray, n: int) -> ThroughputFit:
    """The fit of rows that are all usable; n, rows : how many the caller has, and which these are."""
    boundaries = find_boundaries(series, events)
    line, sky, groups, boundaries, reference = fit_pieces(series, boundaries, events)
    night = np.flatnonzero(np.append(True, series.night[1:] != series.night[:-1]))
    counts = np.diff(np.append(night, len(series.day)))
    nightly = np.add.reduceat(series.day, night) / counts
    model, error = line.at(nightly)
    residual, residual_error = night_means(sky.residual, np.hypot(series.zperr, sky.state.scatter), night)
    extinction = _value_of(sky, -1) if series.excess is not None else (np.nan, np.nan)
    row_clear, row_residual = np.full((2, n), np.nan)
    row_clear[rows], row_residual[rows] = sky.row_clear, sky.residual
    return ThroughputFit(
        night=series.night[night], time=series.time[0] + span_of(nightly),
        model_mag=model, model_error_mag=error, night_rows=counts, clear_probability=sky.night_clear,
        photometric=sky.night_clear > 0.5, row_clear_probability=row_clear, row_residual_mag=row_residual,
        intervals=_intervals(series, line, boundaries, reference), steps=_steps(series, line, boundaries, reference),
        offsets=_offsets(series, sky, line, groups, reference), scatter_mag=sky.state.scatter,
        clear_share=float(sky.state.shares[0]), cloud_mag=mean_depth(sky.state), wild_share=sky.state.wild,
        extinction_offset_mag=extinction[0], extinction_offset_error_mag=extinction[1],
        night_residual_mag=residual, night_residual_error_mag=residual_error, _line=line)


def night_means(residual: np.ndarray, error: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean of the rows of each night, and its error (m,); rows in order of nights, first (m,) of each.

    Rows are wild where they lie farther from the (upper) median of their night than WILD_SIGMA errors and its depth:
    cloud scatters by about its depth.
    """
    counts = np.diff(np.append(first, len(residual)))
    night = np.repeat(np.arange(len(first)), counts)
    middle = residual[np.lexsort((residual, night))][first + counts // 2][night]
    weight = (np.abs(residual - middle) <= WILD_SIGMA * error + np.abs(middle)) / error**2
    total = np.add.reduceat(weight, first)
    return np.add.reduceat(weight * residual, first) / total, 1 / np.sqrt(total)


def _empty_fit(n: int) -> ThroughputFit:
    none = np.empty(0)
    time = np.empty(0, 'datetime64[ms]')
    return ThroughputFit(time.astype('datetime64[D]'), time, none, none, none.astype(int), none, none.astype(bool),
                         np.full(n, np.nan), np.full(n, np.nan))


def _value_of(sky: ClearSkyFit, column: int) -> tuple[float, float]:
    return float(sky.parameters[column]), float(np.sqrt(sky.covariance[column, column]))


# --- results

def _intervals(series: Series, line: Line, boundaries: Sequence[Boundary],
               reference: dict[int, int]) -> tuple[Interval, ...]:
    piece, nights = line.piece(series.day), nights_in(series, line)
    ends = np.append(line.opened[1:], series.day[-1])
    unrecorded = {'instrument': 'camera change', 'break': 'jump'}
    kinds = ['first data'] + [b.kind if b.recorded else unrecorded[b.kind] for b in boundaries]
    return tuple(_interval(series, line, each, ends[each], kinds[each], int(nights[each]), piece == each, reference)
                 for each in range(len(ends)))


def _interval(series: Series, line: Line, each: int, end: float, kind: str, nights: int, rows: np.ndarray,
              reference: dict[int, int]) -> Interval:
    start = line.opened[each]
    functions = line.design(np.array([start, (start + end) / 2, end]), each)
    (first, mid, last), errors = line.value(functions, line.doubt[each])
    slope = slope_error = end_slope = end_slope_error = np.nan
    days = series.day[rows]
    if nights >= SLOPE_NIGHTS and days[-1] - days[0] >= SLOPE_DAYS:
        smooth = (functions[2] - functions[0]) / (end - start) * DAYS_PER_MONTH
        smooth[2 * len(line.opened):][:len(line.steps)] = 0
        slope, slope_error = map(float, line.value(smooth))
        end_slope, end_slope_error = map(float, line.value(np.where(functions[2] != 0, _slopes(line, each), 0.0)))
    since, until = (line.origin + span_of(day) for day in (start, end))
    return Interval(since, until, kind, nights, int(np.count_nonzero(rows)), float(first), float(errors[0]), float(mid),
                    float(errors[1]), float(last), float(errors[2]), slope, slope_error, end_slope, end_slope_error,
                    sum(at == each for at, _ in line.kinks), reference[int(series.group[rows][0])])


def _slopes(line: Line, each: int) -> np.ndarray:
    """Derivative of the functions at the end of a piece [per month]."""
    pieces = np.arange(len(line.opened)) == each
    kinks = [at == each for at, _ in line.kinks]
    return np.concatenate([np.zeros(len(pieces)), pieces, np.zeros(len(line.steps)), kinks])


def _steps(series: Series, line: Line, boundaries: Sequence[Boundary], reference: dict[int, int]) -> tuple[Step, ...]:
    steps = []
    for number, (_, day) in enumerate(line.steps):
        functions = np.zeros(len(line.parameters))
        functions[2 * len(line.opened) + number] = 1
        steps.append((day, 'cleaning', *line.value(functions), False, True))
    first = np.searchsorted(series.day, line.opened)
    scale = [reference[int(code)] for code in series.group[first]]
    for each, boundary in enumerate(boundaries, start=1):
        functions = (line.design(boundary.day, each) - line.design(boundary.day, each - 1))[0]
        instrumental = boundary.instrumental or scale[each] != scale[each - 1]
        steps.append((boundary.day, boundary.kind, *line.value(functions, line.doubt[each] + line.doubt[each - 1]),
                      instrumental, boundary.recorded))
    return tuple(Step(line.origin + span_of(day), kind, float(size), float(error), *flags)
                 for day, kind, size, error, *flags in sorted(steps, key=lambda step: step[0]))


def _offsets(series: Series, sky: ClearSkyFit, line: Line, groups: Sequence[int],
             reference: dict[int, int]) -> tuple[GroupOffset, ...]:
    offsets = []
    for code in sorted(reference):
        value = _value_of(sky, len(line.parameters) + groups.index(code)) if code in groups else (0.0, 0.0)
        offsets.append(GroupOffset(code, reference[code], *value, int(np.count_nonzero(series.group == code))))
    return tuple(offsets)
