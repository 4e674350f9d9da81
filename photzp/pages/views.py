"""Telescopes, filters, sites and runs as the pages show them, from the rows of a `webpage.Page`."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from photzp.answers.status import SeriesStatus, finding
from photzp.errors import COULD_NOT_RUN, DONE, ENDED_WELL, FINDINGS, SIGNALLED, SOME_UNREADABLE
from photzp.names import OVERVIEW_FILES, ReportName, parse_report_name, telescope_page_name, telescope_plot_name
from photzp.pages.page import Page, Plot, RunInfo
from photzp.pages.text import anchor, days_from, moment, words
from photzp.records import CameraSpan

FALLING_FAST_MAG_PER_MONTH = 0.010  # chosen because it uses up the healthy band of 0.2 mag in 20 months
SIGNIFICANT = 3                     # standard errors that a slope must be away from zero to be called fast
SILENT_DAYS = 7                     # chosen because a week of bad weather happens, and more is worth a look
DORMANT_DAYS = 180                  # half a year: closed or replaced, named in one line and no longer every morning
OVERDUE_HOURS = 26                  # both scripts run at least once a day; two hours for a slow run
STALE_HOURS = 26                    # a row that older runs left is marked with its date
FILTER_ORDER = ('up', 'U', 'B', 'gp', 'V', 'rp', 'R', 'ip', 'I', 'zp', 'zs', 'Y')  # by wavelength
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
OVERVIEW_PLOTS = {'allmodels_2m01m0': 'Throughput of all 2 m and 1 m telescopes',
                  'allmodels_0m4': 'Throughput of all 0.4 m telescopes', 'colorterms': 'Colour terms'}

NamedPlot = tuple[str, str, Plot]  # file name, title, plot
T = TypeVar('T')


@dataclass(frozen=True)
class Series:
    """One telescope in one filter as the page shows it; status is None where only plots are left of it."""

    telescope: str
    filter: str
    status: SeriesStatus | None
    plots: tuple[NamedPlot, ...]
    table: str | None  # file name of the nightly model
    data: str | None  # and of the data of the trend, see pages/trenddata.py
    days_silent: int | None
    as_of: str | None  # date of the row where it is older than the page
    days_since_event: int | None
    made: str | None  # when model and plots were made, in words

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
    def falls_fast(self) -> bool:
        """Whether the throughput falls faster than FALLING_FAST_MAG_PER_MONTH, beyond doubt."""
        if self.status is None or self.status.slope_mag_per_month is None:
            return False
        slope, error = self.status.slope_mag_per_month, self.status.slope_error_mag_per_month or 0.0
        return slope <= -FALLING_FAST_MAG_PER_MONTH and -slope >= SIGNIFICANT * error

    @property
    def silent(self) -> bool:
        """Whether nothing was seen for more than SILENT_DAYS."""
        return self.days_silent is not None and self.days_silent > SILENT_DAYS

    @property
    def finding(self) -> str | None:
        """What a person would say of it, None without a row."""
        return finding(self.status) if self.status else None


@dataclass(frozen=True)
class Telescope:
    """One telescope with its series, filters by wavelength.

    plot : of all filters, (file name, Plot).  cameras : in order of time.
    """

    name: str
    series: tuple[Series, ...]
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
    def days_silent(self) -> int | None:
        """Days since the last observation in any filter, None where none is known."""
        return min((each.days_silent for each in self.series if each.days_silent is not None), default=None)

    @property
    def dormant(self) -> bool:
        """Whether nothing was seen for more than DORMANT_DAYS."""
        return self.days_silent is not None and self.days_silent > DORMANT_DAYS

    @property
    def event(self) -> Series | None:
        """The series with the newest event, None where no event is known."""
        known = [(each.status.event_date, each) for each in self.series if each.status and each.status.event_date]
        return max(known, key=lambda pair: pair[0])[1] if known else None


def telescopes_of(page: Page, now: datetime | None) -> tuple[Telescope, ...]:
    """All telescopes with a row or a plot, in order of their names."""
    statuses = {(status.telescope, status.filter): status for status in page.statuses}
    plots = _plots_by_series(page)
    tables, data = (_files_by_series(page, kind) for kind in ('mirrormodel', 'trenddata'))
    cameras: dict[str, list[CameraSpan]] = defaultdict(list)
    for span in page.cameras:
        cameras[span.telescope].append(span)
    keys = sorted({*statuses, *plots, *tables, *data}, key=lambda key: (key[0], by_wavelength(key[1])))
    return tuple(
        Telescope(name, tuple(_series(key, statuses.get(key), plots.get(key, ()), tables.get(key), data.get(key),
                                      now)
                              for key in group), _own_plot(page, name), tuple(cameras[name]))
        for name, group in groupby(keys, key=lambda key: key[0]))


def _own_plot(page: Page, telescope: str) -> tuple[str, Plot] | None:
    name = or_none(telescope_plot_name, telescope) or ''
    return (name, page.plots[name]) if name in page.plots else None


def _series(key: tuple[str, str], status: SeriesStatus | None, plots: Iterable[NamedPlot], table: str | None,
            data: str | None, now: datetime | None) -> Series:
    made = moment(status.updated) if status else None
    old = made is not None and now is not None and (now - made).total_seconds() > 3600 * STALE_HOURS
    return Series(*key, status, tuple(plots), table, data,
                  days_silent=days_from(status.last_observation if status else None, now),
                  as_of=status.updated[:10] if status and old else None,
                  days_since_event=days_from(status.event_date if status else None, now),
                  made=words(moment(status.made)) if status else None)


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


def filters_of(page: Page, telescopes: Iterable[Telescope]) -> tuple[Filter, ...]:
    """All filters with a row or a plot, by wavelength."""
    series, plots = defaultdict(list), defaultdict(list)
    for telescope in telescopes:
        for each in telescope.series:
            series[each.filter].append(each)
    for kind in OVERVIEW_FILES:
        for name, plot in page.plots.items():
            parsed = _parsed(name)
            if parsed and parsed.kind == kind:
                plots[parsed.filter].append((name, OVERVIEW_PLOTS[kind], plot))
    return tuple(Filter(name, tuple(plots[name]), tuple(series[name]))
                 for name in sorted({*series, *plots}, key=by_wavelength))


def by_wavelength(filter_name: str) -> tuple[int, str]:
    """What sorts filters."""
    known = filter_name in FILTER_ORDER
    return (FILTER_ORDER.index(filter_name) if known else len(FILTER_ORDER)), filter_name


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


def runs_of(runs: Sequence[RunInfo], now: datetime | None) -> tuple[RunShown, ...]:
    """The newest run of each script, those that should be there first."""
    names = [*SCRIPTS, *sorted({run.script for run in runs} - {*SCRIPTS})]
    return tuple(_run_shown(name, [run for run in runs if run.script == name], now) for name in names)


def _run_shown(script: str, runs: Sequence[RunInfo], now: datetime | None) -> RunShown:
    title = SCRIPTS.get(script, script)
    if not runs:
        return RunShown(title, script, 'no run on record', True, None, None, '', None)
    run = max(runs, key=lambda run: run.started or '')
    outcome, bad = _outcome(run)
    good = [each.ended for each in runs if each.status in ENDED_WELL and each.ended]
    when = moment(run.ended or run.started)
    hours = None if when is None or now is None else (now - when).total_seconds() / 3600
    if hours is not None and hours > OVERDUE_HOURS:
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
