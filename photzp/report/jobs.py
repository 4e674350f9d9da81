"""What the report gives its processes to do beside series: a search for steps, and plots that show several series.

A job carries all that it needs and `do` does it; drawing is imported there, so that a report with nothing to draw
starts without it.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from photzp.answers.steps import UnrecordedStep, find_steps
from photzp.records import CameraSpan, StoredModel
from photzp.throughput.model import ThroughputFit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class File:
    """A file of the report; of an image also its size [pixel] and what it says."""

    name: str
    content: bytes
    width: int | None = None
    height: int | None = None
    alt: str = ''


def image_file(name: str, figure: 'Figure', alt: str) -> File:
    """A figure as a file."""
    from photzp.figures.sheet import png

    content = png(figure)
    width, height = struct.unpack('>II', content[16:24])  # of the PNG's first chunk
    return File(name, content, width, height, alt)


@dataclass(frozen=True)
class Failure:
    """What comes of a job that this program failed on; the log has the traceback."""

    error: str


@dataclass(frozen=True, eq=False)
class StepSearch:
    """Look for steps of a telescope that nobody recorded.

    fits : by filter.  fingerprint : of them, None where rows are still left out of one.
    """

    telescope: str
    fits: Mapping[str, ThroughputFit]
    fingerprint: str | None

    def do(self) -> tuple[UnrecordedStep, ...]:
        """The steps in order of time."""
        return find_steps(self.fits)

    def __str__(self) -> str:
        return f'the steps of {self.telescope}'


@dataclass(frozen=True, eq=False)
class Drawing:
    """Draw an image.  alt : the sentence that stands for it.  fingerprint : of what it shows."""

    name: str
    alt: str
    draw: 'Callable[[], Figure]'
    fingerprint: str

    def do(self) -> File:
        """The image as a file of the report."""
        return image_file(self.name, self.draw(), self.alt)

    def __str__(self) -> str:
        return self.name


# -- figures, each as a function of what is pickled --------------------------------------------------------------------


def models_figure(title: str, models: Iterable[tuple[str, StoredModel, float | None]], until: np.datetime64,
                  healthy_mag: float) -> 'Figure':
    """Models of several telescopes: (name, model, reference_mag or None) of each; healthy_mag : of the healthy band."""
    from photzp.figures.allmodels import TelescopeModel, all_models_plot

    return all_models_plot(title, [TelescopeModel(name, model.dateobs, model.modelzp, reference_mag)
                                   for name, model, reference_mag in models], until, healthy_mag=healthy_mag)


def colorterms_figure(title: str, lines: Sequence[tuple], colours: Mapping[str, str]) -> 'Figure':
    """Colour terms of several cameras: fields of ColortermLine of each; colours : of camera types."""
    from photzp.figures.colourterms import ColortermLine, all_colorterms_plot

    return all_colorterms_plot(title, [ColortermLine.from_fields(line) for line in lines], colours)


def telescope_figure(telescope: str, trends: Iterable[tuple[str, ThroughputFit, float | None, str | None]],
                     marks: Iterable[tuple[np.datetime64, str, float, float]], spans: Iterable[CameraSpan],
                     threshold_percent: float, until: np.datetime64, healthy_mag: float) -> 'Figure':
    """One telescope in all filters; trends, marks : fields of FilterTrend and EventMark."""
    from photzp.figures.telescopes import EventMark, FilterTrend, Levels, telescope_plot

    return telescope_plot(telescope, [FilterTrend(*trend) for trend in trends], [EventMark(*mark) for mark in marks],
                          spans, Levels(threshold_percent, healthy_mag), until)


def calendar_figure(title: str, night: np.ndarray, state: np.ndarray, frames: np.ndarray,
                    until: np.datetime64) -> 'Figure':
    """The nights of a site, as for calendar_plot."""
    from photzp.figures.calendars import calendar_plot

    return calendar_plot(title, night, state, frames, until)
