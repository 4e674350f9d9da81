"""Telescopes, filters, sites and runs as the pages show them, from the rows of a `page.Page`."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from photzp.answers.status import SeriesStatus, status_sentence
from photzp.errors import COULD_NOT_RUN, DONE, ENDED_WELL, FINDINGS, SIGNALLED, SOME_UNREADABLE
from photzp.observatory import AlarmLimits, Observatory
from photzp.pages.page import Page, Plot, RunInfo
from photzp.pages.text import anchor, days_from, moment, spaced, words
from photzp.records import CameraSpan
from photzp.reportnames import ReportName, parse_report_name, telescope_page_name, telescope_plot_name

FAST_MONTHS = 20  # a slope is fast that uses up the healthy band in so many: chosen as what few mirrors do
SCRIPTS = {'photcalibration.py': 'Calibration', 'longtermphotzp.py': 'Report'}
OUTCOMES = {  # of the scripts' exit status: sentence, whether somebody should look
    DONE: ('ended well', False),
    # One broken file must not raise the alarm every morning.
    SOME_UNREADABLE: ('ended well, some input was unreadable', False),
    COULD_NOT_RUN: ('could not run', True),
    FINDINGS: ('ended, a check has findings', True),
}
SERIES_PLOTS = {'photzptrend': 'Throughput', 'colortermtrend': 'Colour term', 'airmasstrend': 'Extinction',
                'errorhist': 'Errors of single frames'}

NamedPlot = tuple[str, str, Plot]  # file name, title, plot
T = TypeVar('T')


@dataclass(frozen=True)
class Series:
    """One telescope in one filter as the page shows it; status is None where only plots are left of it.

    table : file name of the nightly model.  data : of the data of the trend, see pages/trenddata.py.
    silent : whether nothing was seen for more than `silent_days`.  as_of : date of the row where it is older than the
    page by more than `run_overdue_hours`.  made : when model and plots were made, in words.
    falls_fast : whether the throughput uses up the healthy band within FAST_MONTHS, beyond doubt.
    """

    telescope: str
    filter: str
    status: SeriesStatus | None
    plots: tuple[NamedPlot, ...]
    table: str | None
    data: str | None
    days_silent: int | None
    silent: bool
    falls_fast: bool
    as_of: str | None
    days_since_event: int | None
    made: str | None

    @property
    def anchor(self) -> str:
        """Where the page shows it."""
        return anchor('telescope', self.telescope, self.filter)

    @property
    def trend(self) -> NamedPlot | None:
        """Its plot of the throughput."""
        return next((plot for plot in self.plots if plot[0].startswith('photzptrend-')), None)

    @property
    def low(self) -> bool:
        """Whether the throughput is below the healthy band."""
        return bool(self.status and self.status.state == 'low')

    @property
    def finding(self) -> str | None:
        """What a person would say of it, None without a row."""
        return status_sentence(self.status) if self.status else None


@dataclass(frozen=True)
class Telescope:
    """One telescope with its series, filters by wavelength.

    days_silent : since the last observation in any filter, None where none is known.
    silent : whether nothing was seen for more than `silent_days`.  dormant : for more than `closed_days`.
    plot : of all filters, (file name, Plot).  cameras : in order of time.
    """

    name: str
    series: tuple[Series, ...]
    days_silent: int | None
    silent: bool
    dormant: bool
    plot: tuple[str, Plot] | None = None
    cameras: tuple[CameraSpan, ...] = ()

    @property
    def page(self) -> str | None:
        """File name of its own page; None where its name cannot be that of a file."""
        return or_none(telescope_page_name, self.name)

    @property
    def site(self) -> str:
        """Code of the site."""
        return self.name.split('-')[0]

    @property
    def anchor(self) -> str:
        """Where the page shows it."""
        return anchor('telescope', self.name)

    @property
    def event(self) -> Series | None:
        """The series with the newest event, None where no event is known."""
        known = [(each.status.event_date, each) for each in self.series if each.status and each.status.event_date]
        return max(known, key=lambda pair: pair[0])[1] if known else None


def telescopes_of(page: Page, observatory: Observatory, now: datetime | None) -> tuple[Telescope, ...]:
    """All telescopes with a row or a plot, in order of their names."""
    statuses = {(status.telescope, status.filter): status for status in page.statuses}
    plots = _plots_by_series(page)
    tables, data = (_files_by_series(page, kind) for kind in ('mirrormodel', 'trenddata'))
    cameras: dict[str, list[CameraSpan]] = defaultdict(list)
    for span in page.cameras:
        cameras[span.telescope].append(span)
    keys = sorted({*statuses, *plots, *tables, *data}, key=lambda key: (key[0], observatory.wavelength_order(key[1])))
    series = [_series(key, statuses.get(key), plots.get(key, ()), tables.get(key), data.get(key), observatory, now)
              for key in keys]
    return tuple(_telescope(name, tuple(group), _own_plot(page, name), tuple(cameras[name]), observatory.alarms)
                 for name, group in groupby(series, key=lambda each: each.telescope))


def _telescope(name: str, series: tuple[Series, ...], plot: tuple[str, Plot] | None, cameras: tuple[CameraSpan, ...],
               limits: AlarmLimits) -> Telescope:
    days_silent = min((each.days_silent for each in series if each.days_silent is not None), default=None)
    return Telescope(name, series, days_silent=days_silent, silent=_more(days_silent, limits.silent_days),
                     dormant=_more(days_silent, limits.closed_days), plot=plot, cameras=cameras)


def _more(days: int | None, limit_days: int) -> bool:
    return days is not None and days > limit_days


def _own_plot(page: Page, telescope: str) -> tuple[str, Plot] | None:
    name = or_none(telescope_plot_name, telescope) or ''
    return (name, page.plots[name]) if name in page.plots else None


def _series(key: tuple[str, str], status: SeriesStatus | None, plots: Iterable[NamedPlot], table: str | None,
            data: str | None, observatory: Observatory, now: datetime | None) -> Series:
    limits, made = observatory.alarms, moment(status.updated) if status else None
    old = made is not None and now is not None and (now - made).total_seconds() > 3600 * limits.run_overdue_hours
    days_silent = days_from(status.last_observation if status else None, now)
    return Series(*key, status, tuple(plots), table, data, days_silent=days_silent,
                  silent=_more(days_silent, limits.silent_days),
                  falls_fast=status is not None and _falls_fast(status, observatory),
                  as_of=status.updated[:10] if status and old else None,
                  days_since_event=days_from(status.event_date if status else None, now),
                  made=words(moment(status.made)) if status else None)


def _falls_fast(status: SeriesStatus, observatory: Observatory) -> bool:
    slope, error = status.slope_mag_per_month, status.slope_error_mag_per_month or 0.0
    fast = observatory.throughput.healthy_mag / FAST_MONTHS
    return slope is not None and slope <= -fast and -slope >= observatory.alarms.significance * error


def _plots_by_series(page: Page) -> dict[tuple[str, str], list[NamedPlot]]:
    """{(telescope, filter): [(file name, title, Plot)]}, in the order of SERIES_PLOTS."""
    found = defaultdict(list)
    for kind, title in SERIES_PLOTS.items():
        for name, plot in page.plots.items():
            parsed = _parsed(name)
            if parsed and parsed.telescope and parsed.kind == kind:
                found[parsed.telescope, parsed.filter].append((name, title, plot))
    return found


def _files_by_series(page: Page, kind: str) -> dict[tuple[str, str], str]:
    """{(telescope, filter): file name} of the files of a kind that are no plots."""
    named = ((_parsed(name), name) for name in page.files)
    return {(parsed.telescope, parsed.filter): name for parsed, name in named
            if parsed and parsed.telescope and parsed.kind == kind}


def _parsed(name: str) -> ReportName | None:
    return or_none(parse_report_name, name)


def or_none(function: Callable[[str], T], name: str) -> T | None:
    """What a function of names.py makes of a name; None where it refuses it."""
    try:
        return function(name)
    except ValueError:
        return None


@dataclass(frozen=True)
class Filter:
    """One filter: its overview plots, and the series in it."""

    name: str
    plots: tuple[NamedPlot, ...]
    series: tuple[Series, ...]

    @property
    def anchor(self) -> str:
        """Where the page shows it."""
        return anchor('filter', self.name)

    @property
    def code(self) -> str:
        """As addresses and the page's script name it, for which nothing is all filters."""
        return anchor(self.name) or '_'


def filters_of(page: Page, telescopes: Iterable[Telescope], observatory: Observatory) -> tuple[Filter, ...]:
    """All filters with a row or a plot, by wavelength."""
    series, plots = defaultdict(list), defaultdict(list)
    for telescope in telescopes:
        for each in telescope.series:
            series[each.filter].append(each)
    for kind, title in _overview_titles(observatory).items():
        for name, plot in page.plots.items():
            parsed = _parsed(name)
            if parsed and parsed.kind == kind:
                plots[parsed.filter].append((name, title, plot))
    return tuple(Filter(name, tuple(plots[name]), tuple(series[name]))
                 for name in sorted({*series, *plots}, key=observatory.wavelength_order))


def _overview_titles(observatory: Observatory) -> dict[str, str]:
    """{kind of overview: title} in the order of the page."""
    sizes = {f'allmodels_{key}': f'Throughput of all {spaced(observatory.size_classes[key].title)}'
             for key in observatory.size_classes_by_size()}
    return sizes | {'colorterms': 'Colour terms'}


@dataclass(frozen=True)
class Site:
    """One site with its telescopes."""

    name: str
    telescopes: tuple[Telescope, ...]

    @property
    def anchor(self) -> str:
        """Where the page shows it."""
        return anchor('site', self.name)


def sites_of(telescopes: Iterable[Telescope]) -> tuple[Site, ...]:
    """All sites in order of their names."""
    by_site = defaultdict(list)
    for telescope in telescopes:
        by_site[telescope.site].append(telescope)
    return tuple(Site(name, tuple(by_site[name])) for name in sorted(by_site))


@dataclass(frozen=True)
class RunShown:
    """The newest run of a script in words; bad where somebody should look."""

    title: str
    script: str
    outcome: str
    bad: bool
    when: str | None
    hours: float | None
    summary: str
    last_good: str | None


def runs_of(runs: Sequence[RunInfo], overdue_hours: float, now: datetime | None) -> tuple[RunShown, ...]:
    """The newest run of each script, those that should be there first; overdue_hours : after which one is too old."""
    names = [*SCRIPTS, *sorted({run.script for run in runs} - {*SCRIPTS})]
    return tuple(_run_shown(name, [run for run in runs if run.script == name], overdue_hours, now)
                 for name in names)


def _run_shown(script: str, runs: Sequence[RunInfo], overdue_hours: float, now: datetime | None) -> RunShown:
    title = SCRIPTS.get(script, script)
    if not runs:
        return RunShown(title, script, 'no run on record', True, None, None, '', None)
    run = max(runs, key=lambda run: run.started or '')
    outcome, bad = _outcome(run)
    good = [each.ended for each in runs if each.status in ENDED_WELL and each.ended]
    when = moment(run.ended or run.started)
    hours = None if when is None or now is None else (now - when).total_seconds() / 3600
    if hours is not None and hours > overdue_hours:
        outcome, bad = f'{outcome}; nothing since', True
    return RunShown(title, script, outcome, bad, words(when), hours, run.summary,
                    words(moment(max(good))) if good and run.status not in ENDED_WELL else None)


def _outcome(run: RunInfo) -> tuple[str, bool]:
    """(sentence, whether somebody should look)."""
    if run.status is None:
        return ('has not ended: it is running, or was killed', True) if run.ended is None else ('made this page', False)
    if run.status > SIGNALLED:
        return f'was stopped by signal {run.status - SIGNALLED}', True
    return OUTCOMES.get(run.status, (f'failed with exit status {run.status}', True))
