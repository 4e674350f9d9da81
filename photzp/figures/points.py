"""Points of single frames: a style for each camera, one dot a pixel, limits, and marks of points beyond them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from photzp.figures.sheet import CAMERA_COLOURS, DARK_GREY, HEIGHT_PX, SMALL, WIDTH_PX
from photzp.robust import robust_spread

_Colour = str | tuple[float, float, float]

_CAMERA_MARKERS = ('o', '^', 's', 'D', 'v', 'P', 'X')
_REGULAR_SIGMA = 8.0
_MARKER_SIZES = {'x': 3.0, '^': 3.2, 'v': 3.2}  # pt; the others, which look larger, have 2.6


@dataclass(frozen=True)
class DotStyle:
    """How points look.

    Attributes
    ----------
    colour : str or (float, float, float)
        As matplotlib takes it.
    marker : str
        One of matplotlib's.
    scale : float
        Size relative to the usual one.
    """

    colour: _Colour
    marker: str
    scale: float = 1.0

    def lighter(self) -> 'DotStyle':
        """Mix the colour with white.

        Returns
        -------
        DotStyle
        """
        red, green, blue = (0.28 * part + 0.72 for part in to_rgb(self.colour))
        return replace(self, colour=(red, green, blue))

    def key(self, label: str) -> Line2D:
        """Make a handle for the legend.

        Parameters
        ----------
        label : str
            What the points are.

        Returns
        -------
        Line2D
        """
        return Line2D([], [], color=self.colour, marker=self.marker, ms=5, ls='none', label=label)


def camera_styles(time: np.ndarray, camera: np.ndarray, scale: float = 1.0) -> dict[str, DotStyle]:
    """Choose a style for each camera by its first appearance, so that a new camera changes no older one.

    Parameters
    ----------
    time : ndarray of datetime64, shape (n,)
        Times of the frames.
    camera : ndarray of str, shape (n,)
        Their cameras.
    scale : float
        Size of the points relative to the usual one.

    Returns
    -------
    dict of {str: DotStyle}
        By camera, the oldest first.
    """
    first = sorted((time[camera == name].min(), str(name)) for name in np.unique(camera))
    return {name: DotStyle(CAMERA_COLOURS[number % len(CAMERA_COLOURS)],
                           _CAMERA_MARKERS[number % len(_CAMERA_MARKERS)], scale)
            for number, (_, name) in enumerate(first)}


def draw_dots(axes: Axes, x: np.ndarray, y: np.ndarray, style: DotStyle, label: str) -> Line2D:
    """Draw the points within the limits, one for each pixel.

    Parameters
    ----------
    axes : Axes
        Axes with their final limits.
    x, y : ndarray of float, shape (n,)
        Points.
    style : DotStyle
        How they look.
    label : str
        What they are.

    Returns
    -------
    Line2D
        Handle for the legend.
    """
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    shown = np.flatnonzero((x >= left) & (x <= right) & (y >= low) & (y <= high))
    column = np.floor((x[shown] - left) / (right - left) * WIDTH_PX).astype(int)
    row = np.floor((y[shown] - low) / (high - low) * HEIGHT_PX).astype(int)
    shown = shown[np.unique(column * 10_000 + row, return_index=True)[1]]
    edge: dict[str, Any] = {'mew': 0.7} if style.marker == 'x' else {'mec': 'none'}
    axes.plot(x[shown], y[shown], style.marker, color=style.colour, ms=style.scale * _MARKER_SIZES.get(
        style.marker, 2.6), ls='none', rasterized=True, zorder=2, label=label, scalex=False, scaley=False, **edge)
    return style.key(label)


def mark_outside(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Draw triangles at the edges beyond which there are points, and write how many there are.

    Parameters
    ----------
    axes : Axes
        Axes with their final limits.
    x, y : ndarray of float, shape (n,)
        Points.
    """
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    within = (x >= left) & (x <= right)
    for beyond, edge, marker, triangle, side in ((y < low, 0.0, 'v', '▾', 'below'), (y > high, 1.0, '^', '▴', 'above')):
        beyond = beyond & within
        if not beyond.any():
            continue
        column = np.unique(np.floor((x[beyond] - left) / (right - left) * 150))  # one for every 5 pixels
        inwards = 0.012 if edge == 0 else -0.012
        axes.plot(left + (column + 0.5) / 150 * (right - left), np.full(len(column), edge + inwards), marker,
                  color=DARK_GREY, ms=3.5, mec='none', ls='none', transform=axes.get_xaxis_transform(), zorder=5,
                  label=f'{side} ({beyond.sum()})')
        axes.annotate(f'{triangle} {beyond.sum()} {side}', (0, edge), (4, 5 if edge == 0 else -5), 'axes fraction',
                      textcoords='offset points', va='bottom' if edge == 0 else 'top', fontsize=SMALL,
                      color=DARK_GREY, zorder=6, bbox={'boxstyle': 'square,pad=0.1', 'fc': 'white', 'ec': 'none',
                                                      'alpha': 0.85})


def padded(low: float, high: float, *, least: float = 0.1) -> tuple[float, float]:
    """Widen limits a little.

    Parameters
    ----------
    low, high : float
        Values to hold; where one is not finite, 0 is held instead.
    least : float
        Least distance of the limits.

    Returns
    -------
    low, high : float
        Limits.
    """
    if not np.isfinite([low, high]).all():
        low, high = 0.0, 0.0
    margin = max(0.06 * (high - low), (least - (high - low)) / 2, 0.01)
    return low - margin, high + margin


def are_regular(values: np.ndarray, least: float) -> np.ndarray:
    """Find the values near their median.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Finite values.
    least : float
        This distance is near whatever the spread.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether a value is within 8 robust standard deviations, or within `least`.
    """
    if not len(values):
        return np.zeros(0, bool)
    return np.abs(values - np.median(values)) <= max(_REGULAR_SIGMA * robust_spread(values), least)
