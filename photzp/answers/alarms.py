"""Alarms: which facts of the report somebody should look at today, the worst first.

Each finding names what was measured, the limit it crossed and where that limit is set, so that nobody has to guess why
the alarm rings.  A change that is measured with an error has to be beyond its limit and beyond `significance` standard
errors, so that a noisy series rings no more often than a quiet one; of the level of throughput the estimate decides.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from photzp.answers.recent import MONTH_DAYS, WEEK_BEFORE_DAYS, Recent
from photzp.answers.status import SeriesStatus
from photzp.answers.steps import UnrecordedStep
from photzp.observatorytables import AlarmLimits
from photzp.times import day_of

# Kinds of findings, the worst first: what prevents all other findings comes before the rest.
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
_SETTINGS = {  # of each kind: field of AlarmLimits with its limit, and the unit of that
    'run-overdue': ('run_overdue_hours', 'hours'),
    'silent': ('silent_days', 'days'),
    'below-threshold': ('throughput_below_percent', '%'),
    'fell-in-week': ('fell_in_week_mag', 'mag'),
    'unrecorded-step': ('step_mag', 'mag'),
    'cameras-disagree': ('cameras_apart_mag', 'mag'),
    'colour-term-moved': ('colorterm_moved', 'mag/mag'),
    'scatter-grew': ('scatter_grew_factor', 'factor'),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of `--check`.

    Attributes
    ----------
    kind : str
        One of KINDS.
    telescope, filter, camera : str
        '' where the finding is of none in particular.
    text : str
        What was measured.
    value, limit : float
        What was measured, and the limit it crossed, in `unit`.
    error : float or None
        1-sigma error of the value; None for what is counted.
    unit : str
        As in 'mag'.
    setting : str
        Name of the limit in [alarms] of observatory.toml.
    excess : float
        How far the value is beyond its limit, as a fraction of the limit.
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
        """For people.

        Returns
        -------
        str
            Kind, where, what, and the limit with its setting.
        """
        where = ' '.join(part for part in (self.telescope, self.filter, self.camera) if part)
        return f'{self.kind}: {where + ": " if where else ""}{self.text} ({self.setting} = {self.limit:g})'


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in order.

    Parameters
    ----------
    findings : iterable of Finding
        In any order.

    Returns
    -------
    tuple of Finding
        In the order of KINDS, then by how far beyond the limit, then by name.
    """
    order = {kind: place for place, kind in enumerate(KINDS)}
    return tuple(sorted(findings, key=lambda finding: (
        order[finding.kind], -finding.excess, finding.telescope, finding.filter, finding.camera)))


def series_findings(status: SeriesStatus, recent: Recent, limits: AlarmLimits) -> Iterator[Finding]:
    """Findings of one telescope in one filter.

    Parameters
    ----------
    status : SeriesStatus
        Of the telescope and filter.
    recent : Recent
        What changed there lately.
    limits : AlarmLimits
        [alarms] of observatory.toml.

    Yields
    ------
    Finding
        For throughput below the threshold, and each change that crossed its limit.
    """
    where = {'telescope': status.telescope, 'filter': status.filter}
    if status.percent is not None and status.percent < limits.throughput_below_percent:
        yield _finding(limits, 'below-threshold', status.percent, status.percent_error,
                       f'throughput {status.percent:.1f} +- {status.percent_error or 0:.1f} % of reference', **where)
    week = recent.week_mag
    if week is not None and _is_beyond(-week.value, week.error, limits.fell_in_week_mag, limits):
        yield _finding(limits, 'fell-in-week', -week.value, week.error,
                       f'{-1000 * week.value:.0f} +- {1000 * week.error:.0f} mmag below the {WEEK_BEFORE_DAYS} days '
                       f'before ({week.lately} and {week.before} photometric nights)', **where)
    yield from _camera_findings(recent, limits, where)
    grown = recent.scatter
    if grown is not None and _is_beyond(grown.value, grown.error, math.log(limits.scatter_grew_factor), limits):
        factor = math.exp(grown.value)
        yield _finding(limits, 'scatter-grew', factor, factor * grown.error,
                       f'scatter of the stars of a frame is {factor:.2f} times that of the year before', **where)


def _camera_findings(recent: Recent, limits: AlarmLimits, where: Mapping[str, str]) -> Iterator[Finding]:
    for camera, reference, apart in recent.cameras:
        if _is_beyond(abs(apart.value), apart.error, limits.cameras_apart_mag, limits):
            yield _finding(limits, 'cameras-disagree', abs(apart.value), apart.error,
                           f'moved {1000 * apart.value:+.0f} +- {1000 * apart.error:.0f} mmag against {reference} in '
                           f'{MONTH_DAYS} days', camera=camera, **where)
    for camera, moved in recent.colorterms:
        if _is_beyond(abs(moved.value), moved.error, limits.colorterm_moved, limits):
            yield _finding(limits, 'colour-term-moved', abs(moved.value), moved.error,
                           f'colour term moved by {moved.value:+.3f} +- {moved.error:.3f} in {MONTH_DAYS} days',
                           camera=camera, **where)


def step_findings(steps: Iterable[tuple[str, UnrecordedStep]], limits: AlarmLimits, today: date) -> Iterator[Finding]:
    """Findings of steps that no event explains.

    Parameters
    ----------
    steps : iterable of (str, UnrecordedStep)
        With their telescopes.
    limits : AlarmLimits
        [alarms] of observatory.toml.
    today : datetime.date
        UTC.

    Yields
    ------
    Finding
        For each step that is large, certain and recent enough.
    """
    for telescope, step in steps:
        day, size, error = day_of(step.time).item(), step.joint_mag, step.joint_error_mag
        if (today - day).days <= limits.step_news_days and _is_beyond(abs(size), error, limits.step_mag, limits):
            yield _finding(limits, 'unrecorded-step', abs(size), error,
                           f'{1000 * size:+.0f} +- {1000 * error:.0f} mmag about {day}; record the event in '
                           'observatory.toml, or find the cause', telescope=telescope,
                           filter=step.filter or ' '.join(step.filters))


def silent_findings(days_silent: Mapping[str, int], limits: AlarmLimits) -> Iterator[Finding]:
    """Findings of telescopes without new zeropoints.

    Parameters
    ----------
    days_silent : mapping of str to int
        Days since the newest zeropoint in any filter, by telescope.
    limits : AlarmLimits
        [alarms] of observatory.toml.

    Yields
    ------
    Finding
        For each telescope that is silent, but not for so long that it counts as closed.
    """
    for telescope, days in days_silent.items():
        if limits.silent_days < days <= limits.closed_days:
            yield _finding(limits, 'silent', days, None, f'no zeropoint for {days} days', telescope=telescope)


def run_findings(last_good: Mapping[str, datetime | None], now: datetime, limits: AlarmLimits) -> Iterator[Finding]:
    """Findings of scripts that have not ended well for too long.

    Parameters
    ----------
    last_good : mapping of str to (datetime or None)
        When each script last ended well, naive UTC; None for never.
    now : datetime
        Naive UTC.
    limits : AlarmLimits
        [alarms] of observatory.toml.

    Yields
    ------
    Finding
        For each such script.
    """
    for script, ended in last_good.items():
        hours = math.inf if ended is None else (now - ended).total_seconds() / 3600
        if hours > limits.run_overdue_hours:
            yield _finding(limits, 'run-overdue', hours, None, f'{script} has never ended well' if ended is None else
                           f'{script} has not ended well for {hours:.0f} hours')


def _finding(limits: AlarmLimits, kind: str, value: float, error: float | None, text: str, **where: str) -> Finding:
    """A finding of a kind; where : telescope, filter and camera, as far as it is of one."""
    setting, unit = _SETTINGS[kind]
    limit = float(getattr(limits, setting))
    return Finding(kind=kind, text=text, value=value, error=error, limit=limit, unit=unit, setting=setting,
                   excess=abs(value - limit) / limit, **{'telescope': '', 'filter': '', 'camera': '', **where})


def _is_beyond(value: float, error: float, limit: float, limits: AlarmLimits) -> bool:
    """Whether a value is beyond its limit and beyond its error."""
    return value > max(limit, limits.significance * error)
