"""Telescopes and their filters as the pages show them, from the statuses and files of a `page.Page`."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple, TypeVar

from photzp.answers.status import SeriesStatus, status_sentence
from photzp.observatory import Observatory
from photzp.observatorytables import AlarmLimits
from photzp.pages.page import Page, Plot
from photzp.pages.text import anchor, days_from, parse_time, time_in_words
from photzp.records import CameraSpan
from photzp.reportnames import ReportName, parse_report_name, telescope_page_name, telescope_plot_name

_FAST_MONTHS = 20  # a slope that uses up the healthy band in fewer months is fast; few mirrors have one
_SERIES_PLOTS = {'photzptrend': 'Throughput', 'colortermtrend': 'Colour term', 'airmasstrend': 'Extinction',
                 'errorhist': 'Errors of single frames'}

_Key = tuple[str, str]  # telescope, filter
_T = TypeVar('_T')


class NamedPlot(NamedTuple):
    """A plot with its title.

    Attributes
    ----------
    name : str
        File name.
    title : str
        What it shows.
    plot : Plot
        Its size and sentence.
    """

    name: str
    title: str
    plot: Plot


@dataclass(frozen=True, kw_only=True)
class SeriesView:
    """One telescope in one filter.

    Attributes
    ----------
    telescope, filter : str
        Their names.
    status : SeriesStatus or None
        Its row of the status table; None if only files are left of the series.
    plots : tuple of NamedPlot
        In the order of the page.
    table, data : str or None
        File names of the nightly model (CSV) and of the data of the interactive trend plot (trenddata.py).
    days_silent : int or None
        Days since the last observation; None if not known.
    silent : bool
        Whether that is more than `silent_days` of [alarms] in observatory.toml.
    falls_fast : bool
        Whether the slope, significantly, uses up the healthy band within 20 months.
    as_of : str or None
        Date of the status if it is older than the page by more than `run_overdue_hours`.
    days_since_event : int or None
        Days since the last event; None if none is known.
    made : str or None
        When model and plots were made, in words.
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
        """Anchor (HTML id) of its section of the page.

        Returns
        -------
        str
        """
        return anchor('telescope', self.telescope, self.filter)

    @property
    def trend(self) -> NamedPlot | None:
        """Its plot of throughput against time.

        Returns
        -------
        NamedPlot or None
        """
        return next((plot for plot in self.plots if plot.name.startswith('photzptrend-')), None)

    @property
    def low(self) -> bool:
        """Whether the throughput is below the healthy band.

        Returns
        -------
        bool
        """
        return bool(self.status and self.status.state == 'low')

    @property
    def finding(self) -> str | None:
        """Its status in words, such as 'too few points for a model'.

        Returns
        -------
        str or None
            None without a status.
        """
        return status_sentence(self.status) if self.status else None


@dataclass(frozen=True, kw_only=True)
class TelescopeView:
    """One telescope with its filters.

    Attributes
    ----------
    name : str
        Site, enclosure and telescope.
    series : tuple of SeriesView
        Filters by wavelength.
    days_silent : int or None
        Days since the last observation in any filter; None if not known.
    silent, dormant : bool
        Whether that is more than `silent_days`, and `closed_days`, of [alarms] in observatory.toml.
    plot : (str, Plot) or None
        File name and plot of all filters.
    cameras : tuple of CameraSpan
        In order of time.
    """

    name: str
    series: tuple[SeriesView, ...]
    days_silent: int | None
    silent: bool
    dormant: bool
    plot: tuple[str, Plot] | None = None
    cameras: tuple[CameraSpan, ...] = ()

    @property
    def page(self) -> str | None:
        """File name of its own page.

        Returns
        -------
        str or None
            None if its name cannot be that of a file.
        """
        return _or_none(telescope_page_name, self.name)

    @property
    def site(self) -> str:
        """Code of the site.

        Returns
        -------
        str
        """
        return self.name.split('-')[0]

    @property
    def anchor(self) -> str:
        """Anchor (HTML id) of its section of the page.

        Returns
        -------
        str
        """
        return anchor('telescope', self.name)

    @property
    def event(self) -> SeriesView | None:
        """The series with the newest event.

        Returns
        -------
        SeriesView or None
            None if no event is known.
        """
        dated = [(series.status.event_date, series) for series in self.series
                 if series.status and series.status.event_date]
        return max(dated, key=lambda pair: pair[0])[1] if dated else None


def telescopes_of(page: Page, observatory: Observatory, now: datetime | None) -> tuple[TelescopeView, ...]:
    """Collect what the pages show of all telescopes that have a status or a file.

    Parameters
    ----------
    page : Page
        Statuses and files of the report.
    observatory : Observatory
        Limits, and the order of filters.
    now : datetime or None
        Time of the page.

    Returns
    -------
    tuple of TelescopeView
        In order of their names.
    """
    statuses = {(status.telescope, status.filter): status for status in page.statuses}
    files = _files_by_series(page)
    cameras: dict[str, list[CameraSpan]] = defaultdict(list)
    for span in page.cameras:
        cameras[span.telescope].append(span)
    keys = sorted({*statuses, *files}, key=lambda key: (key[0], observatory.wavelength_order(key[1])))
    views = [_series(key, statuses.get(key), files.get(key, _Files()), observatory, now) for key in keys]
    return tuple(_telescope(name, tuple(group), _plot_of_all_filters(page, name), tuple(cameras[name]),
                            observatory.alarms)
                 for name, group in groupby(views, key=lambda view: view.telescope))


def _telescope(name: str, series: tuple[SeriesView, ...], plot: tuple[str, Plot] | None,
               cameras: tuple[CameraSpan, ...], limits: AlarmLimits) -> TelescopeView:
    """Join the series of a telescope."""
    days = min((view.days_silent for view in series if view.days_silent is not None), default=None)
    return TelescopeView(name=name, series=series, days_silent=days, silent=_more(days, limits.silent_days),
                         dormant=_more(days, limits.closed_days), plot=plot, cameras=cameras)


def _more(days: int | None, limit_days: int) -> bool:
    """Whether a known number of days is more than the limit."""
    return days is not None and days > limit_days


def _plot_of_all_filters(page: Page, telescope: str) -> tuple[str, Plot] | None:
    """File name and plot of all filters of a telescope, where the page has it."""
    name = _or_none(telescope_plot_name, telescope) or ''
    return (name, page.plots[name]) if name in page.plots else None


class _Files(NamedTuple):
    """Files of one telescope and filter."""

    plots: tuple[NamedPlot, ...] = ()
    table: str | None = None
    data: str | None = None


def _series(key: _Key, status: SeriesStatus | None, files: _Files, observatory: Observatory,
            now: datetime | None) -> SeriesView:
    """Join status and files of a series; days count to `now`, the time of the page."""
    limits, updated = observatory.alarms, parse_time(status.updated) if status else None
    old = bool(updated and now and (now - updated).total_seconds() > 3600 * limits.run_overdue_hours)
    days_silent = days_from(status.last_observation if status else None, now)
    return SeriesView(telescope=key[0], filter=key[1], status=status, plots=files.plots, table=files.table,
                      data=files.data, days_silent=days_silent, silent=_more(days_silent, limits.silent_days),
                      falls_fast=status is not None and _falls_fast(status, observatory),
                      as_of=status.updated[:10] if status and old else None,
                      days_since_event=days_from(status.event_date if status else None, now),
                      made=time_in_words(parse_time(status.made)) if status else None)


def _falls_fast(status: SeriesStatus, observatory: Observatory) -> bool:
    """Whether throughput falls by more than the healthy band in _FAST_MONTHS, with significance."""
    slope, error = status.slope_mag_per_month, status.slope_error_mag_per_month or 0.0
    fast = observatory.throughput.healthy_mag / _FAST_MONTHS
    return slope is not None and slope <= -fast and -slope >= observatory.alarms.significance * error


def _files_by_series(page: Page) -> dict[_Key, _Files]:
    """Plots, table and data by telescope and filter."""
    plots: dict[_Key, list[NamedPlot]] = defaultdict(list)
    for kind, title in _SERIES_PLOTS.items():
        for key, name in _names_of_kind(page.plots, kind):
            plots[key].append(NamedPlot(name, title, page.plots[name]))
    tables, data = (dict(_names_of_kind(page.files, kind)) for kind in ('mirrormodel', 'trenddata'))
    return {key: _Files(tuple(plots.get(key, ())), tables.get(key), data.get(key))
            for key in {*plots, *tables, *data}}


def _names_of_kind(names: Iterable[str], kind: str) -> list[tuple[_Key, str]]:
    """((telescope, filter), file name) of the files of one kind that belong to a single telescope."""
    parsed_names = ((parsed_name(name), name) for name in names)
    return [((parsed.telescope, parsed.filter), name) for parsed, name in parsed_names
            if parsed and parsed.telescope and parsed.kind == kind]


def parsed_name(name: str) -> ReportName | None:
    """Parse the name of a file of the report.

    Parameters
    ----------
    name : str
        File name.

    Returns
    -------
    ReportName or None
        None if it is not a name that the report gives.
    """
    return _or_none(parse_report_name, name)


def _or_none(function: Callable[[str], _T], name: str) -> _T | None:
    """What a function of reportnames.py returns; None if it refuses the name."""
    try:
        return function(name)
    except ValueError:
        return None
