"""Alarms: which facts of the report somebody should look at today, the worst first.

Each finding names what was measured, the limit it crossed and where that limit is set, so that nobody has to guess why
the alarm rings.  A change that is measured with an error has to be beyond its limit and beyond `significance` standard
errors, so that a noisy series rings no more often than a quiet one; of the level of throughput the estimate decides.

What changed lately is told from medians, which one bad night cannot move: those of the last days against those of a
longer time before, counted back from the last night with data, so that a week without data changes nothing.  The error
of a median is that of `photzp.robust.median_error`.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from photzp.answers.status import SeriesStatus
from photzp.observatorytables import AlarmLimits
from photzp.robust import median_error
from photzp.throughput.model import ThroughputFit
from photzp.throughput.rows import Rows
from photzp.times import days_since

WEEK_DAYS, WEEK_BEFORE_DAYS = 7, 30      # a fall within a week, against the month before
MONTH_DAYS, MONTH_BEFORE_DAYS = 30, 365  # what needs many frames, against the year before
FEWEST_NIGHTS = 3                        # on either side, so that a median is one
FEWEST_FRAMES = 10

# Kinds of findings, the worst first: what keeps every other finding from being made comes before the rest.
KINDS = {
    'run-overdue': 'a script has not ended well for too long',
    'silent': 'a telescope has no new zeropoints',
    'below-threshold': 'throughput is below the threshold',
    'fell-in-week': 'throughput fell within a week',
    'unrecorded-step': 'throughput jumped and no event says why',
    'cameras-disagree': 'cameras of one telescope see different throughput',
    'colour-term-moved': 'the colour term of a camera moved',
    'scatter-grew': 'stars of one frame agree less than they did',
}


@dataclass(frozen=True)
class Finding:
    """One line of `--check`.

    kind : of KINDS.  telescope, filter, camera : '' where it is of none in particular.  text : what was measured.
    value, error, limit : the same as numbers in `unit`; error is 1-sigma, None of what is counted.
    setting : of [alarms] in observatory.toml, that is the limit.
    excess : how far the value is beyond its limit, as a fraction of the limit; sorts findings of one kind.
    """

    kind: str
    telescope: str
    filter: str
    camera: str
    text: str
    value: float
    error: float | None
    limit: float
    unit: str
    setting: str
    excess: float

    def line(self) -> str:
        """For people: kind, where, what, and the limit with its setting."""
        where = ' '.join(part for part in (self.telescope, self.filter, self.camera) if part)
        return f'{self.kind}: {where + ": " if where else ""}{self.text} ({self.setting} = {self.limit:g})'


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """In the order of KINDS, then by how far beyond the limit, then by name."""
    order = {kind: place for place, kind in enumerate(KINDS)}
    return tuple(sorted(findings, key=lambda f: (order[f.kind], -f.excess, f.telescope, f.filter, f.camera)))


# -- what changed lately -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """Of what a median was before: value lately minus before, 1-sigma error, and how many values are on each side."""

    value: float
    error: float
    lately: int
    before: int


@dataclass(frozen=True)
class Recent:
    """What changed lately in one telescope and filter; None and empty where there are too few data.

    week_mag : level of photometric nights.  scatter : natural logarithm of the scatter of single stars.
    colorterms : (camera, Change [mag/mag]).  cameras : (camera, reference camera, Change [mag]) : how far the first has
    moved against the second, beyond the offset that ties them.
    """

    week_mag: Change | None = None
    scatter: Change | None = None
    colorterms: tuple[tuple[str, Change], ...] = ()
    cameras: tuple[tuple[str, str, Change], ...] = ()


def change_of_median(time: np.ndarray, value: np.ndarray, *, lately_days: int, before_days: int,
                     fewest: int) -> Change | None:
    """The median of the last days minus that of the days before; None where either side has too few values.

    time (n,) datetime64, value (n,) finite.  Days count back from the newest time.
    """
    if not len(time):
        return None
    age = days_since(time.max(), time)
    lately, before = value[age < lately_days], value[(age >= lately_days) & (age < lately_days + before_days)]
    if min(len(lately), len(before)) < fewest:
        return None
    error = math.hypot(median_error(lately), median_error(before))
    return Change(float(np.median(lately) - np.median(before)), error, len(lately), len(before))


def week_change(night: np.ndarray, level_mag: np.ndarray) -> Change | None:
    """Of the level of throughput; night (n,) datetime64[D] photometric ones, level_mag (n,) of each."""
    return change_of_median(night, level_mag, lately_days=WEEK_DAYS, before_days=WEEK_BEFORE_DAYS,
                            fewest=FEWEST_NIGHTS)


def month_change(time: np.ndarray, value: np.ndarray) -> Change | None:
    """Of what is measured in each frame; values that are not finite are left out."""
    good = np.isfinite(value) & ~np.isnat(time)
    return change_of_median(time[good], value[good], lately_days=MONTH_DAYS, before_days=MONTH_BEFORE_DAYS,
                            fewest=FEWEST_FRAMES)


def camera_changes(night: np.ndarray, camera: np.ndarray,
                   residual_mag: np.ndarray) -> tuple[tuple[str, str, Change], ...]:
    """How far cameras of one telescope have moved apart lately: (camera, reference, Change) of each against the first.

    night (n,) datetime64[D], camera (n,) str, residual_mag (n,) : of rows of clear nights about a model that holds one
    constant offset per camera; the reference is the camera with most rows.  Nights with both cameras count.
    """
    names, counts = np.unique(camera, return_counts=True)
    if len(names) < 2:
        return ()
    medians = {str(name): _by_night(night[camera == name], residual_mag[camera == name]) for name in names}
    reference = str(names[counts.argmax()])
    found = []
    for name, own in medians.items():
        common = np.array(sorted(own.keys() & medians[reference].keys()), 'datetime64[D]')
        apart = np.array([own[each] - medians[reference][each] for each in common.tolist()])
        change = change_of_median(common, apart, lately_days=MONTH_DAYS, before_days=MONTH_BEFORE_DAYS,
                                  fewest=FEWEST_NIGHTS) if name != reference else None
        if change is not None:
            found.append((name, reference, change))
    return tuple(found)


def _by_night(night: np.ndarray, value: np.ndarray) -> dict[date, float]:
    """Median of each night."""
    order = np.lexsort((value, night))
    nights, first, count = np.unique(night[order], return_index=True, return_counts=True)
    medians = (value[order][first + (count - 1) // 2] + value[order][first + count // 2]) / 2
    return dict(zip(nights.tolist(), medians.tolist(), strict=True))


def recent_changes(rows: Rows, fit: ThroughputFit, night: np.ndarray) -> Recent:
    """What changed lately in frames, for the alarms: their scatter, colour terms, and what cameras differ by.

    night (n,) datetime64[D] : of each row.  By native filter; cameras are compared in frames of clear nights that the
    fit has used.  The level of nights is left to `gather`, which knows the other telescopes of the site.
    """
    z, used = rows.zeropoints, np.isfinite(fit.row_residual_mag)
    scatter = np.log(np.where(used & (z.zpsig > 0), z.zpsig, np.nan))
    free = rows.usable & np.isfinite(z.colorterm) & ~z.colortermheld
    moved = ((str(camera), month_change(z.dateobs[of], z.colorterm[of])) for name in np.unique(z.filter[free])
             for camera in np.unique(z.camera[free]) for of in [free & (z.camera == camera) & (z.filter == name)])
    sure = used & (fit.row_clear_probability > 0.5)
    apart = (change for name in np.unique(z.filter[sure]) for of in [sure & (z.filter == name)]
             for change in camera_changes(night[of], z.camera[of], fit.row_residual_mag[of]))
    return Recent(None, month_change(z.dateobs[used], scatter[used]),
                  tuple((camera, change) for camera, change in moved if change is not None), tuple(apart))


# -- findings ----------------------------------------------------------------------------------------------------------


def series_findings(status: SeriesStatus, recent: Recent, limits: AlarmLimits) -> Iterator[Finding]:
    """Of one telescope in one filter."""
    def finding(kind: str, setting: str, value: float, error: float | None, unit: str, text: str,
                camera: str = '') -> Finding:
        return _finding(limits, kind, setting, value, error, unit, text, telescope=status.telescope,
                        filter=status.filter, camera=camera)

    if status.percent is not None and status.percent < limits.throughput_below_percent:
        yield finding('below-threshold', 'throughput_below_percent', status.percent, status.percent_error, '%',
                      f'throughput {status.percent:.1f} +- {status.percent_error or 0:.1f} % of reference')
    week = recent.week_mag
    if week is not None and _crossed(-week.value, week.error, limits.fell_in_week_mag, limits):
        yield finding('fell-in-week', 'fell_in_week_mag', -week.value, week.error, 'mag',
                      f'{-1000 * week.value:.0f} +- {1000 * week.error:.0f} mmag below the {WEEK_BEFORE_DAYS} days '
                      f'before ({week.lately} and {week.before} photometric nights)')
    for name, reference, apart in recent.cameras:
        if _crossed(abs(apart.value), apart.error, limits.cameras_apart_mag, limits):
            yield finding('cameras-disagree', 'cameras_apart_mag', abs(apart.value), apart.error, 'mag',
                          f'moved {1000 * apart.value:+.0f} +- {1000 * apart.error:.0f} mmag against {reference} in '
                          f'{MONTH_DAYS} days', name)
    for name, moved in recent.colorterms:
        if _crossed(abs(moved.value), moved.error, limits.colorterm_moved, limits):
            yield finding('colour-term-moved', 'colorterm_moved', abs(moved.value), moved.error, 'mag/mag',
                          f'colour term moved by {moved.value:+.3f} +- {moved.error:.3f} in {MONTH_DAYS} days', name)
    grown = recent.scatter
    if grown is not None and _crossed(grown.value, grown.error, math.log(limits.scatter_grew_factor), limits):
        factor = math.exp(grown.value)
        yield finding('scatter-grew', 'scatter_grew_factor', factor, factor * grown.error, 'factor',
                      f'scatter of the stars of a frame is {factor:.2f} times that of the year before')


def step_findings(telescope: str, filters: Sequence[str], when: date, size_mag: float, error_mag: float,
                  limits: AlarmLimits, today: date) -> Iterator[Finding]:
    """Of a step that no event explains: none where it is small, uncertain, or no news any more."""
    if (today - when).days <= limits.step_news_days and _crossed(abs(size_mag), error_mag, limits.step_mag, limits):
        yield _finding(limits, 'unrecorded-step', 'step_mag', abs(size_mag), error_mag, 'mag',
                       f'{1000 * size_mag:+.0f} +- {1000 * error_mag:.0f} mmag about {when}; record the event in '
                       'observatory.toml, or find the cause', telescope=telescope, filter=' '.join(filters))


def silent_findings(days_silent: dict[str, int], limits: AlarmLimits) -> Iterator[Finding]:
    """Of telescopes; days_silent : since the newest zeropoint in any filter.  Closed ones ring no more."""
    for telescope, days in days_silent.items():
        if limits.silent_days < days <= limits.closed_days:
            yield _finding(limits, 'silent', 'silent_days', days, None, 'days', f'no zeropoint for {days} days',
                           telescope=telescope)


def run_findings(last_good: dict[str, datetime | None], now: datetime, limits: AlarmLimits) -> Iterator[Finding]:
    """Of scripts; last_good : when each last ended well, None for never."""
    for script, ended in last_good.items():
        hours = math.inf if ended is None else (now - ended).total_seconds() / 3600
        if hours > limits.run_overdue_hours:
            yield _finding(limits, 'run-overdue', 'run_overdue_hours', hours, None, 'hours',
                           f'{script} has never ended well' if ended is None else
                           f'{script} has not ended well for {hours:.0f} hours')


def _finding(limits: AlarmLimits, kind: str, setting: str, value: float, error: float | None, unit: str, text: str,
             **where: str) -> Finding:
    limit = float(getattr(limits, setting))
    telescope, filter_name, camera = (where.get(name, '') for name in ('telescope', 'filter', 'camera'))
    return Finding(kind, telescope, filter_name, camera, text, value, error, limit, unit, setting,
                   abs(value - limit) / limit)


def _crossed(value: float, error: float, limit: float, limits: AlarmLimits) -> bool:
    return value > max(limit, limits.significance * error)
