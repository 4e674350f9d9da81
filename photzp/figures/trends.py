"""The trend of one telescope and filter: zeropoints against time, with model, slopes, events and the reference.

Time runs to the end of the month of `until`, not to today, so that a figure without new data is the same file tomorrow.
Usable points outside the limits of the magnitude axis are marked by triangles at the edge, with their number.
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

# The axis does not extend to a reference this far (a factor of 4) from the data, which must be that of others.
_BAND_REACH_MAG = 1.5
# For cloudy points the axis extends below clear points and model, down to this quantile of theirs, but at most by the
# range of the others, which counts as no less and no more than these limits.
_CLOUD_QUANTILE = 0.05
_CLOUD_REACH_MAG = (0.2, 0.5)
_ERROR_REACH_MAG = 0.1  # the axis holds the error band of the model up to this error
_REGULAR_MAG = 0.5  # without a model, points within this distance from the median are always regular
_FEW, _LARGER = 400, 1.5  # with fewer points than this, they are drawn larger by this factor
_MOST_LANES = 6  # lanes of slope labels above the axes
_LABELLED_PX = 12  # an interval has a label from this width on: it would not be seen what the label belongs to
_MOST_CAMERAS = 6  # cameras in the legend, which has up to eight other keys


@dataclass(frozen=True)
class TrendData:
    """Zeropoints of one telescope in one filter, of any number of cameras, in any order.

    Attributes
    ----------
    time : ndarray of datetime64[ms], shape (n,)
        Times of the frames; those of NaT are counted and not drawn.
    zp_mag : ndarray of float, shape (n,)
        Zeropoints at airmass 1, with the gain repaired, minus the fitted offset of the group of each point.
    camera : ndarray of str, shape (n,)
        Cameras of the frames.
    usable : ndarray of bool, shape (n,)
        Whether the fit may use the point; others are grey crosses.
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
        The points.
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
    """Limits (low, high) [mag] that hold all clear points, the model, and the upper part of the cloudy points."""
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
    """Draw the points of each camera; returns the legend handles, where `lighter` says what the lighter points are."""
    zp, camera = data.zp_mag, data.camera
    finite = np.isfinite(zp) & ~np.isnat(data.time)
    day, usable = date2num(data.time), data.usable & finite
    scale = _LARGER if len(zp) < _FEW else 1.0
    styles = camera_styles(data.time[finite], camera[finite], scale)
    unusable, cloudy = finite & ~usable, usable & ~clear
    for name, style in styles.items():  # cloudy points of all cameras first, so that they hide no clear ones
        rows = cloudy & (camera == name)
        draw_dots(axes, day[rows], zp[rows], style.lighter(), f'{name}, cloudy ({rows.sum()})')
    handles, notes = [], []
    for name, style in styles.items():
        rows = usable & (camera == name)
        shown = rows & clear
        draw_dots(axes, day[shown], zp[shown], style, f'{name}, clear ({shown.sum()})')
        handles.append(style.key(f'{name} ({rows.sum()})'))
    if cloudy.any():
        notes.append(DotStyle(DARK_GREY, 'o').lighter().key(f'lighter: {lighter} ({cloudy.sum()})'))
    if unusable.any():
        notes.append(draw_dots(axes, day[unusable], zp[unusable], DotStyle(GREY, 'x', scale),
                               f'not usable ({unusable.sum()})'))
    if undated := np.count_nonzero(np.isfinite(zp) & np.isnat(data.time)):
        notes.append(Line2D([], [], ls='none', label=f'without date, not drawn ({undated})'))
    mark_outside(axes, day[usable], zp[usable])
    return _newest(handles) + notes


def _newest(cameras: list[Line2D]) -> list[Line2D]:
    """Legend handles of the newest of `cameras` (oldest first), few enough to leave room for others."""
    if len(cameras) <= _MOST_CAMERAS:
        return cameras
    older = len(cameras) - _MOST_CAMERAS + 1
    return [Line2D([], [], ls='none', label=f'{older} older cameras'), *cameras[older:]]


def _draw_model(axes: Axes, curves: list[Curve]) -> list[Line2D]:
    """Draw the model with its error, or a remark that there is none; returns the legend handle."""
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
    """Draw a dashed line per interval, and slopes above the axes; (height of the labels [pixel], legend handles)."""
    # Yellow with black edges is seen on the black model as well as off it.
    look: dict[str, Any] = {'color': YELLOW, 'ls': (0, (4, 3)), 'lw': 1.2,
                            'path_effects': [withStroke(linewidth=2.6, foreground=BLACK)]}
    width_px = axes_px(axes)[0]
    sloping = [interval for interval in intervals if np.isfinite(interval.slope_mag_per_month)]
    labels = []
    for interval in sloping:
        day = date2num(np.array([interval.start, interval.end]))
        change = interval.slope_mag_per_month * (day[1] - day[0]) / DAYS_PER_MONTH
        slope = _slope_text(interval)
        axes.plot(day, interval.start_mag + np.array([0, change]), **look, zorder=4.5, scalex=False, scaley=False,
                  label=f'{slope} mmag/month')
        first_px, last_px = np.clip((day - axes.get_xlim()[0]) / np.ptp(axes.get_xlim()), 0, 1) * width_px + (2, -2)
        if last_px - first_px > _LABELLED_PX:
            labels.append(_slope_label(slope, first_px, last_px, width_px))
    handles = [Line2D([], [], **look, label='mean slope between steps [mmag/month]')] if sloping else []
    return write_labels(axes, labels, width_px=width_px, most=_MOST_LANES, gap_px=3), handles


def _slope_text(interval: Interval) -> str:
    """Slope and error in mmag/month, without the unit."""
    slope, error = 1000 * interval.slope_mag_per_month, 1000 * interval.slope_error_mag_per_month
    digits = 2 if error < 0.095 else 1
    return f'{slope:+.{digits}f} ± {error:.{digits}f}'.replace('-', '−')


def _slope_label(slope: str, first_px: float, last_px: float, width_px: float) -> Label:
    """The label over an interval from first to last pixel of axes of this width; with its unit if there is room."""
    text = f'{slope} mmag/month'
    if len(text) * CHARACTER_PX > last_px - first_px:
        text = slope
    half_px = len(text) * CHARACTER_PX / 2
    middle_px = np.clip((first_px + last_px) / 2, half_px, width_px - half_px)
    span_px = min(middle_px - half_px, first_px), max(middle_px + half_px, last_px)
    return Label(text, middle_px, span_px, bar=(first_px, last_px))
