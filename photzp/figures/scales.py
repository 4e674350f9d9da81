"""Scales of axes: round numbers, percent of the reference and dates, with names and grid lines.

Numbers and grid lines are drawn here, as texts and one collection of lines: matplotlib makes each tick of five artists
and measures its label several times over, which took as long as all else in a figure.  Where numbers stand and how
times are written is left to its locators and formatters.  Draw scales once the limits of the axes are final.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num, num2date
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation, Transform

from photzp.figures.sheet import BLACK, DPI, GRID, LEFT_PX, LINE_PX, RIGHT_PX, SMALL, figure_of
from photzp.magnitudes import mag_of_percent, percent_of_reference
from photzp.times import Date, month_end

NAMED_SCALE_PX = 38  # height of the numbers and the name of a scale below axes

_GAP_PX = 6  # between axes and numbers
_MOST_NUMBERS = 9
_MOST_PERCENTS = 9
# Of labels: alignment, and pixels from their place at the edge.  Of names: share of the axes, rotation, and the same.
_LABELS = {'bottom': ('center', 'top', 0, -_GAP_PX), 'left': ('right', 'center', -_GAP_PX, 0),
           'right': ('left', 'center', _GAP_PX, 0)}
_NAMES = {'bottom': (0.5, 0, 0, 'center', 'top', 0, -_GAP_PX - LINE_PX - 2),
          'left': (0, 0.5, 90, 'left', 'center', 8 - LEFT_PX, 0),
          'right': (1, 0.5, 90, 'right', 'center', RIGHT_PX - 8, 0)}
_END = (1, 0, 0, 'right', 'top', 0, -_GAP_PX - LINE_PX)


@dataclass(frozen=True)
class Scale:
    """What is written along one side of axes.

    Attributes
    ----------
    places : ndarray of float, shape (n,)
        Where labels and grid lines stand, in units of the axis.
    labels : sequence of str
        As many as places, or none.
    name : str
        What the scale shows.
    end : str
        Text below the labels at the end of a scale of times.
    """

    places: np.ndarray
    labels: Sequence[str]
    name: str = ''
    end: str = ''


def draw_scale(axes: Axes, side: str, scale: Scale, *, grid: bool = True) -> None:
    """Draw a scale; the gid of its texts is `side`, that of its name 'side name'.

    Parameters
    ----------
    axes : Axes
        Axes with their final limits.
    side : {'bottom', 'left', 'right'}
        Where it goes.
    scale : Scale
        Labels and names.
    grid : bool
        Whether to draw grid lines, at the right short marks.
    """
    figure = figure_of(axes)
    along = axes.get_xaxis_transform() if side == 'bottom' else axes.get_yaxis_transform()
    if grid:
        low, high, colour = (1, 1.005, BLACK) if side == 'right' else (0, 1, GRID)
        ends = [[(place, low), (place, high)] if side == 'bottom' else [(low, place), (high, place)]
                for place in scale.places]
        axes.add_collection(LineCollection(ends, colors=colour, linewidths=0.6, zorder=0.9, transform=along,
                                           clip_on=False, label=f'grid {side}'), autolim=False)
    ha, va, dx, dy = _LABELS[side]
    for place, label in zip(scale.places, scale.labels, strict=bool(scale.labels)):
        x, y = (place, 0) if side == 'bottom' else (int(side == 'right'), place)
        figure.text(x, y, label, ha=ha, va=va, fontsize=SMALL, transform=_shifted(figure, along, dx, dy),
                    parse_math=False, gid=side)
    for text, size, gid, (x, y, rotation, ha, va, dx, dy) in ((scale.name, 9, f'{side} name', _NAMES[side]),
                                                              (scale.end, SMALL, f'{side} end', _END)):
        if text:
            figure.text(x, y, text, ha=ha, va=va, rotation=rotation, fontsize=size, gid=gid,
                        transform=_shifted(figure, axes.transAxes, dx, dy))


def _shifted(figure: Figure, transform: Transform, dx: float, dy: float) -> Transform:
    """A transform and then a shift [pixel]."""
    return transform + ScaledTranslation(dx / DPI, dy / DPI, figure.dpi_scale_trans)


def number_scale(axes: Axes, side: str, name: str) -> None:
    """Draw round numbers along axes.

    Parameters
    ----------
    axes : Axes
        Axes with their final limits.
    side : {'left', 'bottom'}
        Where they go.
    name : str
        What the scale shows, with its unit.
    """
    low, high = sorted(axes.get_ylim() if side == 'left' else axes.get_xlim())
    draw_scale(axes, side, Scale(*_round_numbers(low, high, _MOST_NUMBERS), name=name))


def percent_scale(axes: Axes, to_percent: Callable, from_percent: Callable) -> None:
    """Draw percent of the reference at the right of axes.

    Parameters
    ----------
    axes : Axes
        Axes with their final limits.
    to_percent, from_percent : callable
        Functions of an array, from the scale at the left to percent and back.
    """
    low, high = sorted(to_percent(np.array(axes.get_ylim())))
    values = np.array(_round_percents(max(low, 1e-9 * high), high) if np.isfinite(high) else [])
    draw_scale(axes, 'right', Scale(from_percent(values), [f'{value:g}' for value in values],
                                    name='throughput [% of reference]'))


def zeropoint_percent_scale(axes: Axes, reference_mag: float) -> None:
    """Draw percent of the reference at the right of an axis of zeropoints.

    Parameters
    ----------
    axes : Axes
        Axes with their final limits [mag].
    reference_mag : float
        Zeropoint that is 100 %.
    """
    percent_scale(axes, lambda zp_mag: percent_of_reference(zp_mag, reference_mag),
                  lambda percent: reference_mag + mag_of_percent(np.maximum(percent, 1e-9)))


def time_axis(axes: Axes, time: np.ndarray, until: Date) -> None:
    """Set the limits of an axis of time, which ends with a month, so that figures without new data stay the same.

    Parameters
    ----------
    axes : Axes
        Axes to change.
    time : ndarray of datetime64, shape (n,)
        Times to show; at least the last week is.
    until : Date
        Day in the last month shown.
    """
    time = np.asarray(time, 'datetime64[ms]')
    end = month_end(until)
    start = np.min(np.append(time[~np.isnat(time)], end - np.timedelta64(7, 'D')))
    start, end = date2num(np.array([start, end - np.timedelta64(1, 's')]))  # no number of the next month
    axes.set_xlim(start - 0.012 * (end - start), end)


def time_scale(axes: Axes, *, labels: bool = True) -> float:
    """Draw dates along the bottom of axes that have a `time_axis`.

    Parameters
    ----------
    axes : Axes
        Axes with their final limits.
    labels : bool
        Whether to write dates, or to draw grid lines alone.

    Returns
    -------
    float
        Height of the dates [pixel].
    """
    places, dates, year = _round_dates(*axes.get_xlim())
    draw_scale(axes, 'bottom', Scale(places, dates if labels else [], end=year if labels else ''))
    return 24 + (LINE_PX if year else 0)


@lru_cache(maxsize=8)  # figures of one series share their time
def _round_dates(first: float, last: float) -> tuple[np.ndarray, list[str], str]:
    """Round dates between two days of matplotlib, their texts, and the year that all have in common, or ''."""
    locator = AutoDateLocator(minticks=4, maxticks=11)
    formatter = ConciseDateFormatter(locator)
    formatter.formats[2] = formatter.zero_formats[2] = '%d %b'
    formatter.offset_formats[2] = '%Y'
    places = np.array([place for place in locator.tick_values(*num2date([first, last])) if first <= place <= last])
    dates = formatter.format_ticks([*places])
    return places, dates, formatter.get_offset()


def _round_numbers(low: float, high: float, most: int) -> tuple[np.ndarray, list[str]]:
    """At most `most` round numbers from low to high, and their texts."""
    values = np.array(MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high))
    digits = max(0, -int(np.floor(np.log10(values[1] - values[0]) + 1e-9)))
    values = np.round(values, digits) + 0.0  # no -0
    values = values[(values >= low) & (values <= high)]
    return values, [f'{value:.{digits}f}'.replace('-', '−') for value in values]


def _round_percents(low: float, high: float) -> list[float]:
    """The roundest numbers from low to high > low > 0 that are a ninth of their logarithmic scale apart.

    Each is a small multiple of 1, 2 or 5 times a power of ten, so that none has more digits than its neighbours need.
    """
    apart, least = np.log(high / low) / _MOST_PERCENTS, min(low, high - low)
    chosen: list[float] = []
    for power in range(int(np.ceil(np.log10(high))), int(np.floor(np.log10(least))) - 2, -1):
        for step in (5 * 10.0**power, 2 * 10.0**power, 10.0**power):
            last = high if step >= (high - low) / 20 else min(11 * step, high)
            for value in step * np.arange(np.ceil(low / step), np.floor(last / step + 1e-9) + 1):
                if all(abs(np.log(value / other)) > apart for other in chosen):
                    chosen.append(float(value))
    return sorted(chosen)
