"""Jobs of the report: the nights of a telescope, the series of a telescope, and plots that show several telescopes.

A job carries all that it needs, but for rows.  A drawing does itself by `do`, the others are done by `maker`; figures
are imported where they are drawn, so that a report with nothing to draw starts without that.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from photzp.records import CameraSpan, StoredModel
from photzp.throughput.model import SkyEvidence, ThroughputFit
from photzp.throughput.rows import Series

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class File:
    """A file of the report; of an image also its size [pixel] and its text alternative."""

    name: str
    content: bytes
    width: int | None = None
    height: int | None = None
    alt: str = ''


def image_file(name: str, figure: 'Figure', alt: str) -> File:
    """A figure as a file.

    Parameters
    ----------
    name : str
        Of the file.
    figure : matplotlib.figure.Figure
    alt : str
        Its text alternative.

    Returns
    -------
    File
    """
    from photzp.figures.sheet import png

    content = png(figure)
    width, height = struct.unpack('>II', content[16:24])  # of the PNG's first chunk
    return File(name, content, width, height, alt)


@dataclass(frozen=True)
class Failure:
    """The result of a job that this program failed on; the log has the traceback."""

    error: str


@dataclass(frozen=True, eq=False)
class NightsJob:
    """Find what a telescope says of the air, from its own rows in all its filters.

    Attributes
    ----------
    series : tuple of Series
        All of the telescope that have rows.
    """

    series: tuple[Series, ...]

    @property
    def telescope(self) -> str:
        """Site-enclosure-telescope."""
        return str(self.series[0].telescope)

    def __str__(self) -> str:
        return f'the nights of {self.telescope}'


@dataclass(frozen=True, eq=False)
class TelescopeJob:
    """Fit a telescope in all its filters, and make some of its series.

    Attributes
    ----------
    series : tuple of Series
        All of the telescope that have rows.
    shown : tuple of Series
        Those of them to be made.
    others : SkyEvidence or None
        What the other telescopes of the site say of the air.
    """

    series: tuple[Series, ...]
    shown: tuple[Series, ...]
    others: SkyEvidence | None

    @property
    def telescope(self) -> str:
        """Site-enclosure-telescope."""
        return str(self.series[0].telescope)

    def __str__(self) -> str:
        return f'{self.telescope} {", ".join(series.filter for series in self.shown)}'


@dataclass(frozen=True, eq=False)
class Drawing:
    """Draw an image.

    Attributes
    ----------
    name : str
        Of the file.
    alt : str
        Text alternative.
    draw : callable
        Returns the figure.
    fingerprint : str
        Of what it shows.
    """

    name: str
    alt: str
    draw: 'Callable[[], Figure]'
    fingerprint: str

    def do(self) -> File:
        """Draw it.

        Returns
        -------
        File
        """
        return image_file(self.name, self.draw(), self.alt)

    def __str__(self) -> str:
        return self.name


# -- figures, each as a function of what is pickled --------------------------------------------------------------------


def models_figure(title: str, models: Iterable[tuple[str, StoredModel, float | None]], until: np.datetime64,
                  healthy_mag: float) -> 'Figure':
    """Draw models of several telescopes.

    Parameters
    ----------
    title : str
    models : iterable of tuple
        Telescope, model, and reference zeropoint [mag] or None.
    until : numpy.datetime64
        Time is drawn to the end of its month.
    healthy_mag : float
        Width of the healthy band below the reference.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from photzp.figures.allmodels import DrawnModel, all_models_plot

    return all_models_plot(title, [DrawnModel(name, model.dateobs, model.modelzp, reference_mag)
                                   for name, model, reference_mag in models], until, healthy_mag=healthy_mag)


def colorterms_figure(title: str, lines: Sequence[tuple], colours: Mapping[str, str]) -> 'Figure':
    """Draw colour terms of several cameras.

    Parameters
    ----------
    title : str
    lines : sequence of tuple
        Fields of ColortermLine.
    colours : mapping of str to str
        By camera type.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from photzp.figures.colourterms import ColortermLine, all_colorterms_plot

    return all_colorterms_plot(title, [ColortermLine.from_fields(line) for line in lines], colours)


@dataclass(frozen=True, kw_only=True)
class TelescopeTrends:
    """What the plot of a telescope in all filters shows.

    Attributes
    ----------
    telescope : str
    trends : list of tuple
        Fields of FilterTrend of each filter.
    marks : list of tuple
        Fields of EventMark of each event.
    spans : list of CameraSpan
        When each camera was in use.
    threshold_percent : float
        Throughput below which a telescope is a finding.
    healthy_mag : float
        Width of the healthy band below the reference.
    """

    telescope: str
    trends: list[tuple[str, ThroughputFit, float | None, str | None]]
    marks: list[tuple[np.datetime64, str, float, float]]
    spans: list[CameraSpan]
    threshold_percent: float
    healthy_mag: float


def telescope_figure(shown: TelescopeTrends, until: np.datetime64) -> 'Figure':
    """Draw one telescope in all filters.

    Parameters
    ----------
    shown : TelescopeTrends
    until : numpy.datetime64
        Time is drawn to the end of its month.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from photzp.figures.telescopes import EventMark, FilterTrend, Levels, telescope_plot

    return telescope_plot(shown.telescope, [FilterTrend(*trend) for trend in shown.trends],
                          [EventMark(*mark) for mark in shown.marks], shown.spans,
                          Levels(shown.threshold_percent, shown.healthy_mag), until)


def calendar_figure(title: str, night: np.ndarray, state: np.ndarray, frames: np.ndarray,
                    until: np.datetime64) -> 'Figure':
    """Draw the nights of a site.

    Parameters
    ----------
    title : str
    night, state, frames : ndarray
        As for `calendar_plot`.
    until : numpy.datetime64
        Time is drawn to the end of its month.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from photzp.figures.calendars import calendar_plot

    return calendar_plot(title, night, state, frames, until)
