"""The trend of one telescope and filter: zeropoints against time, with model, slopes, events and the reference.

Time runs to the end of the month of `until`, not to today, so that a figure without new data is the same file tomorrow.
Usable points outside the limits are marked by triangles at the edge, with their number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from photzp.figures.curves import Curve, dot_if_short, model_curves
from photzp.figures.events import draw_events
from photzp.figures.healthyband import HealthyBand, draw_healthy_band
from photzp.figures.lanes import Label, write_labels
from photzp.figures.legends import draw_legend
from photzp.figures.points import DotStyle, are_regular, camera_styles, draw_dots, mark_outside, padded
from photzp.figures.scales import number_scale, time_axis, time_scale
from photzp.figures.sheet import BLACK, CHARACTER_PX, DARK_GREY, GREY, YELLOW, axes_px, draw_remark, sheet
from photzp.throughput.model import ThroughputFit
from photzp.throughput.summary import Interval
from photzp.times import DAYS_PER_MONTH, Date

_BAND_REACH_MAG = 1.5  # data this far off the reference (25%) are shown without it: it is not theirs
_CLOUD_REACH_MAG = (0.2, 0.5)  # for cloudy points below the others: as much as those take, within these limits
_CLOUD_QUANTILE = 0.05
_ERROR_REACH_MAG = 0.1  # of the error band that limits provide for
_REGULAR_MAG = 0.5  # points without a model are not far off within this distance from the median
_FEW, _LARGER = 400, 1.5  # fewer points leave room for larger ones
_MOST_LANES = 6  # of slope labels
_MOST_CAMERAS = 6  # in the legend, which has up to eight other keys


@dataclass(frozen=True)
class TrendData:
    """Zeropoints of one telescope in one filter, of any number of cameras, in any order.

    Attributes
    ----------
    time : ndarray of datetime64[ms], shape (n,)
        Times of the frames.
    zp_mag : ndarray of float, shape (n,)
        At airmass 1, gain repaired, less the offset of the camera where the model runs through the points.
    camera : ndarray of str, shape (n,)
        Cameras of the frames.
    usable : ndarray of bool, shape (n,)
        Other points are grey.
    """

    time: np.ndarray
    zp_mag: np.ndarray
    camera: np.ndarray
    usable: np.ndarray


def trend_plot(title: str, data: TrendData, fit: ThroughputFit, *, events: Iterable[Sequence],
               band: HealthyBand | None, until: Date) -> Figure:
    """Draw zeropoints at airmass 1 against time.

    Parameters
    ----------
    title : str
        Text at the top.
    data : TrendData
        Points.
    fit : ThroughputFit
        Model over the same rows, or over the usable ones among them.
    events : iterable of (Date, str) or (Date, str, str)
        Date, kind as in observatory.toml, and perhaps a note.
    band : HealthyBand or None
        None where no reference is known.
    until : Date
        Day in the last month shown.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If the model is of other rows.
    """
    figure, axes = sheet(title)
    clear, curves = _clear_rows(data, fit), model_curves(fit)
    time_axis(axes, data.time, until)
    axes.set_ylim(*_zeropoint_limits(data, clear, curves, band))
    number_scale(axes, 'left', 'zeropoint at airmass 1 [mag]')
    handles: list[Artist] = [*_draw_points(axes, data, clear, 'cloudy, wild, not fitted' if curves else 'off the rest')]
    handles += _draw_model(axes, curves)
    above_px, slopes = _draw_slopes(axes, fit.intervals)
    handles += slopes + draw_events(axes, events, fit.steps)
    handles += [draw_healthy_band(axes, band)] if band else []
    draw_legend(figure, handles, above_px=above_px, below_px=time_scale(axes))
    return figure


def _clear_rows(data: TrendData, fit: ThroughputFit) -> np.ndarray:
    """Mask of the usable rows that count as clear (n,); without a model, of those that are not far from the rest."""
    probability = np.full(len(data.zp_mag), np.nan)
    if len(fit.row_clear_probability) == len(probability):
        probability[:] = fit.row_clear_probability
    elif len(fit.row_clear_probability) == data.usable.sum():
        probability[data.usable] = fit.row_clear_probability
    else:
        raise ValueError(f'a fit over {len(fit.row_clear_probability)} rows is not one of these {len(probability)} '
                         'rows')
    finite = data.usable & np.isfinite(data.zp_mag)
    clear = finite & (probability > 0.5)
    if not clear.any():
        clear = finite.copy()
        clear[clear] = are_regular(data.zp_mag[clear], _REGULAR_MAG)
    return clear


def _zeropoint_limits(data: TrendData, clear: np.ndarray, curves: list[Curve],
                      band: HealthyBand | None) -> tuple[float, float]:
    """Limits that hold all clear points, the model, and the upper part of what clouds dim."""
    levels = [data.zp_mag[clear]]
    for _, model, error in curves:
        error = np.minimum(np.nan_to_num(error), _ERROR_REACH_MAG)
        levels += [model - error, model + error]
    held = np.concatenate(levels)
    held = held[np.isfinite(held)]
    if not len(held):
        held = np.array([20.0, 25.0]) if band is None else band.reference_mag + np.array([-0.5, 0.2])
    low, high = np.min(held), np.max(held)
    if band and band.reference_mag - _BAND_REACH_MAG < high and low < band.reference_mag + _BAND_REACH_MAG:
        low, high = min(low, band.low_mag), max(high, band.reference_mag)
    cloudy = data.zp_mag[data.usable & ~clear & np.isfinite(data.zp_mag)]
    if len(cloudy):
        low = min(low, max(np.quantile(cloudy, _CLOUD_QUANTILE), low - np.clip(high - low, *_CLOUD_REACH_MAG)))
    return padded(low, high, least=0.2)


def _draw_points(axes: Axes, data: TrendData, clear: np.ndarray, lighter: str) -> list[Line2D]:
    """Points by camera; handles for the legend, where `lighter` says what the lighter points are."""
    zp, camera = data.zp_mag, data.camera
    finite = np.isfinite(zp) & ~np.isnat(data.time)
    day, usable = date2num(data.time), data.usable & finite
    scale = _LARGER if len(zp) < _FEW else 1.0
    styles = camera_styles(data.time[finite], camera[finite], scale)
    unusable, dim = finite & ~usable, usable & ~clear
    for name, style in styles.items():  # all that is dim first, so that it hides nothing
        rows = dim & (camera == name)
        draw_dots(axes, day[rows], zp[rows], style.lighter(), f'{name}, cloudy ({rows.sum()})')
    handles, notes = [], []
    for name, style in styles.items():
        rows = usable & (camera == name)
        shown = rows & clear
        draw_dots(axes, day[shown], zp[shown], style, f'{name}, clear ({shown.sum()})')
        handles.append(style.key(f'{name} ({rows.sum()})'))
    if dim.any():
        notes.append(DotStyle(DARK_GREY, 'o').lighter().key(f'lighter: {lighter} ({dim.sum()})'))
    if unusable.any():
        notes.append(draw_dots(axes, day[unusable], zp[unusable], DotStyle(GREY, 'x', scale),
                               f'not usable ({unusable.sum()})'))
    mark_outside(axes, day[usable], zp[usable])
    return _newest(handles) + notes


def _newest(cameras: list[Line2D]) -> list[Line2D]:
    """Keys of the newest cameras, few enough to leave room for other keys."""
    if len(cameras) <= _MOST_CAMERAS:
        return cameras
    older = len(cameras) - _MOST_CAMERAS + 1
    return [Line2D([], [], ls='none', label=f'{older} older cameras'), *cameras[older:]]


def _draw_model(axes: Axes, curves: list[Curve]) -> list[Line2D]:
    """The model with its error, or a remark that there is none; a handle for the legend."""
    if not curves:
        draw_remark(axes, 'too few points for a model')
        return []
    for number, (time, model, error) in enumerate(curves):
        day = date2num(time)
        axes.fill_between(day, model - error, model + error, color=BLACK, alpha=0.25, lw=0, zorder=4)
        axes.plot(day, model, color=BLACK, lw=2.2, zorder=4.2, label=f'model {number + 1}',
                  marker=dot_if_short(axes, day), ms=4, path_effects=[withStroke(linewidth=3.6, foreground='white')])
    return [Line2D([], [], color=BLACK, lw=2.2, label='model ± error')]


def _draw_slopes(axes: Axes, intervals: Iterable[Interval]) -> tuple[int, list[Line2D]]:
    """A dashed line per interval, and its slope above the axes: height of the labels [pixel], handles."""
    # Seen on the model as well as off it.
    look: dict[str, Any] = {'color': YELLOW, 'ls': (0, (4, 3)), 'lw': 1.2,
                            'path_effects': [withStroke(linewidth=2.6, foreground=BLACK)]}
    width = axes_px(axes)[0]
    sloping = [interval for interval in intervals if np.isfinite(interval.slope_mag_per_month)]
    labels = []
    for interval in sloping:
        day = date2num(np.array([interval.start, interval.end]))
        change = interval.slope_mag_per_month * (day[1] - day[0]) / DAYS_PER_MONTH
        slope = _slope_text(interval)
        axes.plot(day, interval.start_mag + np.array([0, change]), **look, zorder=4.5, scalex=False, scaley=False,
                  label=f'{slope} mmag/month')
        first, last = np.clip((day - axes.get_xlim()[0]) / np.ptp(axes.get_xlim()), 0, 1) * width + (2, -2)
        if first < last:
            labels.append(_slope_label(slope, first, last, width))
    handles = [Line2D([], [], **look, label='slope between cleanings [mmag/month]')] if sloping else []
    return write_labels(axes, labels, width_px=width, most=_MOST_LANES, gap_px=3), handles


def _slope_text(interval: Interval) -> str:
    slope, error = 1000 * interval.slope_mag_per_month, 1000 * interval.slope_error_mag_per_month
    digits = 2 if error < 0.095 else 1
    return f'{slope:+.{digits}f} ± {error:.{digits}f}'.replace('-', '−')


def _slope_label(slope: str, first: float, last: float, width: float) -> Label:
    """The label of a slope from first to last pixel of an axis, with its unit if there is room."""
    text = f'{slope} mmag/month'
    if len(text) * CHARACTER_PX > last - first:
        text = slope
    half = len(text) * CHARACTER_PX / 2
    middle = np.clip((first + last) / 2, half, width - half)
    return Label(text, middle, (min(middle - half, first), max(middle + half, last)), bar=(first, last))
