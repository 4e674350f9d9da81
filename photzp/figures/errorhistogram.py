"""Histograms of the errors and of the scatter of single frames."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from photzp.figures.legends import draw_legend
from photzp.figures.scales import NAMED_SCALE_PX, Scale, draw_scale, number_scale
from photzp.figures.sheet import BLUE, VERMILLION, sheet

_EDGES_MMAG = np.geomspace(0.5, 1000, 80)
_LARGEST_MAG = 1e9  # what is beyond is damage, and must not overflow
_LABELS_MMAG = np.array([0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])


def error_histogram(title: str, zperr_mag: np.ndarray, zpsig_mag: np.ndarray) -> Figure:
    """Draw histograms of the zeropoints' errors and of the scatter of single stars, on one logarithmic axis.

    Parameters
    ----------
    title : str
        Text at the top.
    zperr_mag, zpsig_mag : ndarray of float, shape (n,)
        Error and scatter of each frame; values that are not finite or not positive are not counted.

    Returns
    -------
    Figure
    """
    figure, axes = sheet(title)
    handles, tallest = [], 1
    for values, colour, style, name in ((zperr_mag, BLUE, '-', 'error of the zeropoint, zperr'),
                                        (zpsig_mag, VERMILLION, '--', 'scatter of single stars, zpsig')):
        mmag = 1000 * np.minimum(values[np.isfinite(values) & (values > 0)], _LARGEST_MAG)
        tallest = max(tallest, _draw_histogram(axes, mmag, colour, style, name))
        middle = f'median {np.median(mmag):.3g} mmag' if len(mmag) else 'none known'
        handles.append(Line2D([], [], color=colour, ls=style, lw=1.6, label=f'{name}: {middle} ({len(mmag)} frames)'))
    axes.set_xscale('log')
    axes.set(xlim=(_EDGES_MMAG[0], _EDGES_MMAG[-1]), ylim=(0, max(1.08 * tallest, 6)))
    draw_scale(axes, 'bottom', Scale(_LABELS_MMAG, [f'{place:g}' for place in _LABELS_MMAG],
                                     name='error or scatter [mmag]; the bins at either end hold all beyond'))
    number_scale(axes, 'left', 'frames')
    draw_legend(figure, handles, below_px=NAMED_SCALE_PX)
    return figure


def _draw_histogram(axes: Axes, mmag: np.ndarray, colour: str, style: str, name: str) -> int:
    """One outline with the median; returns the frames in the tallest bin."""
    counts = np.histogram(np.clip(mmag, _EDGES_MMAG[0], _EDGES_MMAG[-1]), _EDGES_MMAG)[0]
    x, y = np.repeat(_EDGES_MMAG, 2), np.concatenate([[0], np.repeat(counts, 2), [0]])
    axes.fill_between(x, y, color=colour, alpha=0.2, lw=0)
    axes.plot(x, y, color=colour, ls=style, lw=1.4, label=name)
    if len(mmag):
        axes.axvline(np.median(mmag), color=colour, ls=style, lw=1, label=f'median of {name}')
    return counts.max()
