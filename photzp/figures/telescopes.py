"""One telescope in all filters on one axis of time: the light it lost, what each event gave back, and its cameras.

Time runs to the end of the month of `until`, so that a figure without new data is the same file tomorrow.
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
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from photzp.figures.curves import Curve, dot_if_short, model_curves
from photzp.figures.events import MIRROR_EVENTS, UNRECORDED_STYLE
from photzp.figures.lanes import Label, write_labels
from photzp.figures.legends import draw_keys
from photzp.figures.scales import Scale, draw_scale, number_scale, percent_scale, time_axis, time_scale
from photzp.figures.sheet import (
    BLACK,
    BLUE,
    CAMERA_COLOURS,
    DARK_GREY,
    DPI,
    GREEN,
    LEFT_PX,
    LINE_COLOURS,
    ORANGE,
    RIGHT_PX,
    VERMILLION,
    WIDTH_PX,
    draw_title,
    hide_ticks,
)
from photzp.magnitudes import mag_of_percent, percent_of_reference
from photzp.records import CameraSpan
from photzp.throughput.model import ThroughputFit
from photzp.times import Date, instant_of

_EVENT_STYLES = {'cleaning': (DARK_GREY, ':'), 'instrument': (BLUE, '-.'), 'unrecorded': (VERMILLION, UNRECORDED_STYLE)}
_MIRROR_STYLE = (ORANGE, '--')
_MOST_CAMERAS = 8  # rows for cameras, the newest ones; a telescope has two or three in ten years
_REACH_MAG = 0.3  # nights farther than this from their line may be outside the limits of the axis of loss
_NAME_CHARACTERS = 8  # of a camera at the left
_PANEL_PX, _ROW_PX, _GAP_PX, _TITLE_PX, _LEGEND_PX = 330, 15, 8, 30, 24
_CHARACTER_PX, _MOST_LANES = 6.6, 5  # width of a character, and number of lines, of the labels of events


@dataclass(frozen=True)
class FilterTrend:
    """Throughput in one filter.

    Attributes
    ----------
    filter : str
        Its name.
    fit : ThroughputFit
        Its model; a fit without intervals, as without usable rows, is not drawn.
    reference_mag : float or None
        Zeropoint of a clean telescope; None if not known.
    colour : str or None
        '#rrggbb'; None for the next of the palette.
    """

    filter: str
    fit: ThroughputFit
    reference_mag: float | None
    colour: str | None = None


@dataclass(frozen=True)
class EventMark:
    """An event at the telescope.

    Attributes
    ----------
    time : datetime64[ms]
        When it was.
    kind : str
        As in observatory.toml, or 'unrecorded'.
    gain_mag, error_mag : float
        Mean gain over all filters, positive for more light, and its 1-sigma error; NaN if not known.
    """

    time: np.datetime64
    kind: str
    gain_mag: float
    error_mag: float


@dataclass(frozen=True)
class Levels:
    """Levels that are drawn where a reference is known.

    Attributes
    ----------
    threshold_percent : float
        Throughput in percent of the reference, below which a telescope needs care.
    healthy_mag : float
        Largest loss against the reference that is drawn as healthy.
    """

    threshold_percent: float
    healthy_mag: float


def telescope_plot(title: str, trends: Iterable[FilterTrend], events: Iterable[EventMark],
                   cameras: Iterable[CameraSpan], levels: Levels, until: Date) -> Figure:
    """Draw loss in every filter against time, events with their measured gains, and below it the cameras in use.

    Loss is the reference minus the zeropoint; without a reference, the best level of the model takes its place.

    Parameters
    ----------
    title : str
        Text at the top.
    trends : iterable of FilterTrend
        In the order of the legend.
    events : iterable of EventMark
        In any order.
    cameras : iterable of CameraSpan
        Times in use, in any order.
    levels : Levels
        Levels to mark.
    until : Date
        Day in the last month shown.

    Returns
    -------
    Figure
    """
    used = [trend for trend in trends if trend.fit.intervals]
    spans = sorted(cameras, key=lambda span: (span.first, span.camera))
    names = list(dict.fromkeys(span.camera for span in spans))
    figure, axes, camera_axes = _new_figure(used, spans, until)
    handles = _draw_losses(axes, used, levels)
    events_px, event_keys = _draw_events(axes, sorted(events, key=lambda event: event.time))
    _draw_cameras(camera_axes, spans, names[-_MOST_CAMERAS:])
    time_scale(axes, labels=False)
    _set_heights(figure, events_px, _ROW_PX * max(len(names[-_MOST_CAMERAS:]), 1), time_scale(camera_axes))
    draw_title(figure, title)
    if names[:-_MOST_CAMERAS]:
        event_keys.append(Line2D([], [], ls='none', label=f'{len(names) - _MOST_CAMERAS} older cameras'))
    draw_keys(figure, handles + event_keys, 1, LEFT_PX)
    return figure


def _new_figure(trends: Iterable[FilterTrend], spans: Iterable[CameraSpan], until: Date) -> tuple[Figure, Axes, Axes]:
    """A new figure, its axes for loss, and its axes for cameras below them, both with the same limits of time."""
    times = np.concatenate([np.empty(0, 'datetime64[ms]'), *(trend.fit.time for trend in trends),
                            np.array([instant_of(span.first) for span in spans], 'datetime64[ms]')])
    figure = Figure(figsize=(WIDTH_PX / DPI, _PANEL_PX / DPI), dpi=DPI)
    axes, camera_axes = figure.add_subplot(2, 1, 1), figure.add_subplot(2, 1, 2)
    for panel in (axes, camera_axes):
        time_axis(hide_ticks(panel), times, until)
    return figure, axes, camera_axes


def _set_heights(figure: Figure, events_px: float, cameras_px: float, dates_px: float) -> None:
    """Set the height of the figure and place its axes, by the heights of event labels, rows of cameras, and dates."""
    axes, camera_axes = figure.axes
    height = _TITLE_PX + events_px + _PANEL_PX + _GAP_PX + cameras_px + dates_px + _LEGEND_PX
    figure.set_figheight(height / DPI)
    width = 1 - (LEFT_PX + RIGHT_PX) / WIDTH_PX
    bottom = dates_px + _LEGEND_PX
    camera_axes.set_position((LEFT_PX / WIDTH_PX, bottom / height, width, cameras_px / height))
    axes.set_position((LEFT_PX / WIDTH_PX, (bottom + cameras_px + _GAP_PX) / height, width, _PANEL_PX / height))


# -- losses ------------------------------------------------------------------------------------------------------------


def _draw_losses(axes: Axes, trends: Sequence[FilterTrend], levels: Levels) -> list[Artist]:
    """Draw clear nights and model lines of each filter, with loss downwards; returns handles for the legend."""
    if not trends:
        axes.text(0.5, 0.5, 'too few points for a model', transform=axes.transAxes, ha='center', color=DARK_GREY)
    handles: list[Artist] = []
    reach = [0.0]
    for number, trend in enumerate(trends):
        colour = trend.colour or LINE_COLOURS[number % len(LINE_COLOURS)]
        curves = model_curves(trend.fit)
        zero = trend.reference_mag
        if zero is None:
            zero = max(float(np.nanmax(model)) for _, model, _ in curves)
        reach += _draw_trend(axes, trend, curves, zero, colour)
        label = trend.filter if trend.reference_mag is not None else f'{trend.filter} (below its best)'
        handles.append(Line2D([], [], color=colour, lw=2, label=label))
    known = any(trend.reference_mag is not None for trend in trends)
    low, high = min(reach), max(reach)
    if known:
        high = max(high, 1000 * levels.healthy_mag)
    margin = max(0.06 * (high - low), 10)
    axes.set_ylim(high + margin, low - margin)  # what is lost goes down
    number_scale(axes, 'left', 'loss [mmag]')
    if known:
        handles += _draw_reference(axes, levels)
    return handles


def _draw_trend(axes: Axes, trend: FilterTrend, curves: Sequence[Curve], zero: float, colour: str) -> list[float]:
    """Draw clear nights and model lines of one filter; returns losses that the limits have to include [mmag]."""
    fit = trend.fit
    clear = (fit.clear_probability > 0.5) & np.isfinite(fit.night_residual_mag)
    levels = 1000 * (zero - fit.model_mag - fit.night_residual_mag)[clear]
    axes.plot(date2num(fit.time[clear]), levels, 'o', color=colour, alpha=0.35, ms=2.2, mec='none', rasterized=True,
              zorder=2, scalex=False, label=f'{trend.filter}, clear nights')
    near = levels[np.abs(fit.night_residual_mag[clear]) < _REACH_MAG]
    reach = list(np.quantile(near, (0.005, 0.995))) if len(near) else []
    for number, (time, model, error) in enumerate(curves):
        loss = 1000 * (zero - model)
        day = date2num(time)
        axes.fill_between(day, loss - 1000 * error, loss + 1000 * error, color=colour, alpha=0.2, lw=0, zorder=3)
        axes.plot(day, loss, color=colour, lw=1.9, zorder=4, scalex=False, label=f'{trend.filter}, line {number + 1}',
                  marker=dot_if_short(axes, day), ms=4, path_effects=[withStroke(linewidth=3, foreground='white')])
        reach += [float(np.nanmin(loss)), float(np.nanmax(loss))]
    return reach


def _draw_reference(axes: Axes, levels: Levels) -> list[Artist]:
    """Draw the healthy band, the threshold, and an axis in percent; returns handles for the legend."""
    axes.axhspan(0, 1000 * levels.healthy_mag, color=GREEN, alpha=0.1, lw=0, zorder=0.5, label='healthy')
    axes.axhline(_loss_of(levels.threshold_percent), color=BLACK, lw=1, ls=(0, (6, 3)), zorder=1, label='threshold')
    percent_scale(axes, _percent_of, lambda percent: _loss_of(np.maximum(percent, 1e-9)))
    return [Patch(color=GREEN, alpha=0.1, lw=0, label='healthy'),
            Line2D([], [], color=BLACK, lw=1, ls=(0, (6, 3)), label=f'{levels.threshold_percent:g} %')]


def _percent_of(loss_mmag: Any) -> Any:
    """Throughput in percent of the reference."""
    return percent_of_reference(-np.asarray(loss_mmag) / 1000)


def _loss_of(percent: Any) -> Any:
    """Loss [mmag] at a throughput in percent of the reference."""
    return -1000 * mag_of_percent(percent)


# -- events and cameras ------------------------------------------------------------------------------------------------


def _draw_events(axes: Axes, events: Iterable[EventMark]) -> tuple[int, list[Artist]]:
    """Draw a line at each event, and its gain above; returns the height of the labels [pixel] and legend handles."""
    first, last = axes.get_xlim()
    width = WIDTH_PX - LEFT_PX - RIGHT_PX
    labels: list[Label] = []
    handles: dict[str, Artist] = {}
    for event in events:
        day = float(date2num(event.time))
        if first <= day <= last:
            colour, style = _EVENT_STYLES.get(event.kind, _MIRROR_STYLE)
            kind = 'wash, recoating, break' if event.kind in MIRROR_EVENTS else event.kind
            axes.axvline(day, color=colour, ls=style, lw=1.3, zorder=3.5, label=event.kind)
            handles.setdefault(kind, Line2D([], [], color=colour, ls=style, lw=1.3, label=kind))
            text = _gain_text(event)
            half = len(text) * _CHARACTER_PX / 2
            middle = float(np.clip((day - first) / (last - first) * width, half, width - half))
            labels.append(Label(text, middle, (middle - half, middle + half + 4), colour))
    return write_labels(axes, labels, width_px=width, most=_MOST_LANES, gap_px=4), [*handles.values()]


def _gain_text(event: EventMark) -> str:
    """The label of an event: its kind unless a cleaning, and its gain [mmag] where it is known."""
    if not np.isfinite(event.gain_mag):
        return event.kind
    gain = f'{1000 * event.gain_mag:+.0f}'.replace('-', '−')
    return gain if event.kind == 'cleaning' else f'{event.kind} {gain} ± {1000 * event.error_mag:.0f}'


def _draw_cameras(axes: Axes, spans: Iterable[CameraSpan], names: Sequence[str]) -> None:
    """Draw a row for each named camera, the newest on top, with bars for the times when it was in use."""
    for span in spans:
        if span.camera in names:
            row = names.index(span.camera)
            left, right = date2num(instant_of(span.first)), date2num(instant_of(span.last))
            axes.barh(row, max(right - left, 1), left=left, height=0.7,
                      color=CAMERA_COLOURS[row % len(CAMERA_COLOURS)], lw=0, label=span.camera)
    axes.set_ylim(-0.6, max(len(names), 1) - 0.4)
    short = [name if len(name) <= _NAME_CHARACTERS else f'{name[:_NAME_CHARACTERS - 1]}…' for name in names]
    draw_scale(axes, 'left', Scale(np.arange(len(names)), short), grid=False)
