"""Zeropoints against airmass, with the lines of the adopted and the fitted extinction."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from photzp.figures.legends import draw_legend
from photzp.figures.points import DotStyle, draw_dots, mark_outside, padded
from photzp.figures.scales import NAMED_SCALE_PX, number_scale
from photzp.figures.sheet import BLACK, BLUE, GREY, VERMILLION, sheet
from photzp.robust import median_error

_AIRMASS_MAX = 4.0  # the axis ends there at the latest
_BINS, _LEAST_IN_BIN = 10, 5  # number of bins of airmass, and points in each at least


@dataclass(frozen=True)
class Extinction:
    """Extinction of one telescope and filter [mag per airmass].

    Attributes
    ----------
    adopted : float
        That of observatory.toml.
    fitted, error : float
        From the fit of the throughput model, and its 1-sigma error; NaN without a fit.
    """

    adopted: float
    fitted: float = np.nan
    error: float = np.nan


def airmass_plot(title: str, airmass: np.ndarray, zp_less_model_mag: np.ndarray, clear: np.ndarray,
                 extinction: Extinction) -> Figure:
    """Draw zeropoint minus model at airmass 1 against airmass X, with the lines -k (X - 1) of extinction k.

    The zeropoints are not corrected for extinction.

    Parameters
    ----------
    title : str
        Text at the top.
    airmass, zp_less_model_mag : ndarray of float, shape (n,)
        Airmass and zeropoint minus model of single frames; frames with a value that is not finite are left out.
    clear : ndarray of float, shape (n,)
        Probability that a frame is of a clear night; NaN where it is not usable.
    extinction : Extinction
        The adopted and the fitted k.

    Returns
    -------
    Figure
    """
    figure, axes = sheet(title)
    finite = np.isfinite(airmass) & np.isfinite(zp_less_model_mag)
    airmass, residual, clear = airmass[finite], zp_less_model_mag[finite], clear[finite]
    judged, good = ~np.isnan(clear), clear > 0.5
    _set_limits(axes, airmass[judged if judged.any() else slice(None)], residual[good if good.any() else slice(None)],
                extinction.adopted)
    handles = [draw_dots(axes, airmass[rows], residual[rows], style, f'{label} ({rows.sum()})')
               for rows, style, label in ((~judged, DotStyle(GREY, 'x'), 'not usable'),
                                          (judged & ~good, DotStyle(BLUE, 'o').lighter(), 'cloudy or wild'),
                                          (good, DotStyle(BLUE, 'o'), 'clear')) if rows.any()]
    handles += _draw_bins(axes, airmass[good], residual[good])
    handles += _draw_extinction(axes, extinction)
    number_scale(axes, 'bottom', 'airmass')
    number_scale(axes, 'left', 'zeropoint − model at airmass 1 [mag]')
    mark_outside(axes, airmass[judged], residual[judged])
    draw_legend(figure, handles, below_px=NAMED_SCALE_PX)
    return figure


def _set_limits(axes: Axes, airmass: np.ndarray, residual: np.ndarray, adopted_k: float) -> None:
    """Set limits that include the points and the line of the adopted extinction."""
    top = min(max(1.2, airmass.max(initial=1.2)) + 0.05, _AIRMASS_MAX)
    axes.set_xlim(0.97, top)
    axes.set_ylim(*padded(min(residual.min(initial=-0.1), -adopted_k * (top - 1)), residual.max(initial=0.1)))


def _draw_bins(axes: Axes, airmass: np.ndarray, residual: np.ndarray) -> list[Line2D]:
    """Draw medians, with errors, of airmass bins of equally many points; returns at most one handle for the legend."""
    order = np.argsort(airmass, kind='stable')
    bins = [rows for rows in np.array_split(order, _BINS) if len(rows) >= _LEAST_IN_BIN]
    if not bins:
        return []
    x = [np.median(airmass[rows]) for rows in bins]
    y, error = np.transpose([(np.median(residual[rows]), median_error(residual[rows])) for rows in bins])
    axes.errorbar(x, y, error, fmt='o', color=BLACK, mfc='white', ms=5, capsize=2, lw=1, zorder=5)
    return [Line2D([], [], color=BLACK, marker='o', mfc='white', ls='none', ms=5, label='medians of clear')]


def _draw_extinction(axes: Axes, extinction: Extinction) -> list[Line2D]:
    """Draw -k (X - 1) [mag] for the adopted and, with its error band, the fitted k; returns handles for the legend."""
    x = np.array(axes.get_xlim())
    handles = axes.plot(x, -extinction.adopted * (x - 1), color=VERMILLION, ls='--', lw=1.6, zorder=4,
                        label=f'adopted: {extinction.adopted:.3f} mag/airmass')
    if np.isfinite(extinction.fitted):
        handles += axes.plot(x, -extinction.fitted * (x - 1), color=BLACK, lw=1.4, zorder=4,
                             label=f'fitted: {extinction.fitted:.3f} ± {extinction.error:.3f} mag/airmass')
        axes.fill_between(x, -(extinction.fitted - extinction.error) * (x - 1),
                          -(extinction.fitted + extinction.error) * (x - 1), color=BLACK, alpha=0.2, lw=0, zorder=3)
    return handles
