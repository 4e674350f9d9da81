"""One telescope in all filters on one axis of time: the light it lost, what each event gave back, and its cameras.

As in `trends`, whose colours and axes these are, a figure is returned and nothing is written; time runs to the end
of the month of `until`; text from outside is drawn as it is.
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
from matplotlib.transforms import ScaledTranslation

from photzp.figures.sheet import (
    BLACK,
    BLUE,
    CAMERA_COLOURS,
    DARK_GREY,
    DPI,
    GREEN,
    LEFT_PX,
    LINE_COLOURS,
    LINE_PX,
    ORANGE,
    RIGHT_PX,
    SMALL,
    VERMILLION,
    WIDTH_PX,
    bare,
    lay_keys,
    lay_scale,
    number_scale,
    percent_scale,
    time_axis,
    time_scale,
    title_of,
)
from photzp.figures.trends import MIRROR_EVENTS, dot_if_short, model_curves
from photzp.magnitudes import mag_of_percent, percent_of_reference
from photzp.throughput.model import ThroughputFit
from photzp.times import Date

EVENT_STYLES = {'cleaning': (DARK_GREY, ':'), 'instrument': (BLUE, '-.'), 'unrecorded': (VERMILLION, (0, (1, 2)))}
MIRROR_STYLE = (ORANGE, '--')
MOST_CAMERAS = 8  # the newest ones; a telescope has two or three in ten years
REACH_MAG = 0.3  # of the lines: nights farther off have no say in the scale
_NAME_SIGNS = 8  # of a camera at the left
_PANEL_PX, _ROW_PX, _GAP_PX, _TITLE_PX, _LEGEND_PX = 330, 15, 8, 30, 24
_SIGN_PX, _MOST_LANES = 6.6, 5


@dataclass(frozen=True)
class FilterTrend:
    """Throughput in one filter.

    reference_mag : zeropoint of a clean telescope, None where not known.
    colour : '#rrggbb', None for the next of the palette.
    """

    filter: str
    fit: ThroughputFit
    reference_mag: float | None
    colour: str | None = None


@dataclass(frozen=True)
class EventMark:
    """What happened: kind of the event or 'unrecorded', and what it gave over all filters [mag], nan if not known."""

    time: np.datetime64
    kind: str
    gain_mag: float
    error_mag: float


CameraTime = tuple[str, np.datetime64, np.datetime64]  # camera, first and last frame of a time in use


def telescope_plot(title: str, trends: Iterable[FilterTrend], events: Iterable[EventMark],
                   cameras: Iterable[CameraTime], threshold_percent: float, until: Date, *,
                   healthy_mag: float) -> Figure:
    """Loss in every filter against time, events with their measured gains, and below it the cameras in use.

    Loss is counted from the reference, or where none is known from the best level of the model.  Filters without a
    model are left out.  trends : in the order of the legend.
    threshold_percent : of the reference, and healthy_mag, the healthy band, are marked where a reference is known.
    """
    used = [trend for trend in trends if trend.fit.intervals]
    spans = sorted(cameras, key=lambda span: (span[1], span[0]))
    names = list(dict.fromkeys(name for name, *_ in spans))
    older, names = names[:-MOST_CAMERAS], names[-MOST_CAMERAS:]
    times = np.concatenate([np.empty(0, 'datetime64[ms]'), *(trend.fit.time for trend in used),
                            np.array([span[1] for span in spans], 'datetime64[ms]')])
    figure = Figure(figsize=(WIDTH_PX / DPI, _PANEL_PX / DPI), dpi=DPI)
    axes, strip = figure.add_subplot(2, 1, 1), figure.add_subplot(2, 1, 2)
    for each in (axes, strip):
        time_axis(bare(each), times, until)
    handles = _lay_losses(axes, used, threshold_percent, healthy_mag)
    lanes, marks = _lay_events(axes, sorted(events, key=lambda event: event.time))
    _lay_cameras(strip, [span for span in spans if span[0] in names], names)
    time_scale(axes, labels=False)
    _place(figure, axes, strip, lanes, len(names), time_scale(strip))
    title_of(figure, title)
    if older:
        marks += [Line2D([], [], ls='none', label=f'{len(older)} older cameras')]
    lay_keys(figure, handles + marks, 1, LEFT_PX)
    if not used:
        axes.text(0.5, 0.5, 'too few points for a model', transform=axes.transAxes, ha='center', color=DARK_GREY)
    return figure


def _place(figure: Figure, axes: Axes, strip: Axes, lanes: int, cameras: int, labels_px: float) -> None:
    """Give the panels their pixels; the figure is as high as they are."""
    above, rows = _TITLE_PX + lanes * LINE_PX, max(cameras, 1) * _ROW_PX
    height = above + _PANEL_PX + _GAP_PX + rows + labels_px + _LEGEND_PX
    figure.set_figheight(height / DPI)
    width = 1 - (LEFT_PX + RIGHT_PX) / WIDTH_PX
    bottom = labels_px + _LEGEND_PX
    strip.set_position((LEFT_PX / WIDTH_PX, bottom / height, width, rows / height))
    axes.set_position((LEFT_PX / WIDTH_PX, (bottom + rows + _GAP_PX) / height, width, _PANEL_PX / height))


# -- losses ------------------------------------------------------------------------------------------------------------


def _lay_losses(axes: Axes, trends: Sequence[FilterTrend], threshold_percent: float,
                healthy_mag: float) -> list[Artist]:
    """Lines by filter over the levels of clear nights, loss downwards; handles for the legend."""
    handles: list[Artist] = []
    reach = [0.0]
    for number, trend in enumerate(trends):
        colour = trend.colour or LINE_COLOURS[number % len(LINE_COLOURS)]
        curves = model_curves(trend.fit)
        zero = trend.reference_mag
        if zero is None:
            zero = max(float(np.nanmax(model)) for _, model, _ in curves)
        reach += _lay_trend(axes, trend, curves, zero, colour)
        label = trend.filter if trend.reference_mag is not None else f'{trend.filter} (below its best)'
        handles.append(Line2D([], [], color=colour, lw=2, label=label))
    known = any(trend.reference_mag is not None for trend in trends)
    low, high = min(reach), max(reach)
    if known:
        high = max(high, 1000 * healthy_mag)
    margin = max(0.06 * (high - low), 10)
    axes.set_ylim(high + margin, low - margin)  # what is lost goes down
    number_scale(axes, 'left', 'loss [mmag]')
    if known:
        handles += _lay_reference(axes, threshold_percent, healthy_mag)
    return handles


def _lay_trend(axes: Axes, trend: FilterTrend, curves: Sequence[Any], zero: float, colour: str) -> list[float]:
    """One filter; returns the losses that the axis has to hold [mmag]."""
    fit = trend.fit
    clear = (fit.clear_probability > 0.5) & np.isfinite(fit.night_residual_mag)
    levels = 1000 * (zero - fit.model_mag - fit.night_residual_mag)[clear]
    axes.plot(date2num(fit.time[clear]), levels, 'o', color=colour, alpha=0.35, ms=2.2, mec='none', rasterized=True,
              zorder=2, scalex=False, label=f'{trend.filter}, clear nights')
    near = levels[np.abs(fit.night_residual_mag[clear]) < REACH_MAG]
    reach = list(np.quantile(near, (0.005, 0.995))) if len(near) else []
    for number, (time, model, error) in enumerate(curves):
        loss = 1000 * (zero - model)
        day = date2num(time)
        axes.fill_between(day, loss - 1000 * error, loss + 1000 * error, color=colour, alpha=0.2, lw=0, zorder=3)
        axes.plot(day, loss, color=colour, lw=1.9, zorder=4, scalex=False, label=f'{trend.filter}, line {number + 1}',
                  marker=dot_if_short(axes, day), ms=4, path_effects=[withStroke(linewidth=3, foreground='white')])
        reach += [float(np.nanmin(loss)), float(np.nanmax(loss))]
    return reach


def _lay_reference(axes: Axes, threshold_percent: float, healthy_mag: float) -> list[Artist]:
    """The healthy band, the threshold, and an axis in percent."""
    axes.axhspan(0, 1000 * healthy_mag, color=GREEN, alpha=0.1, lw=0, zorder=0.5, label='healthy')
    threshold = -1000 * mag_of_percent(threshold_percent)
    axes.axhline(threshold, color=BLACK, lw=1, ls=(0, (6, 3)), zorder=1, label='threshold')

    def percent(loss: Any) -> Any:
        return percent_of_reference(-np.asarray(loss) / 1000)

    def loss(percent: Any) -> Any:
        return -1000 * mag_of_percent(np.maximum(percent, 1e-9))

    percent_scale(axes, percent, loss)
    return [Patch(color=GREEN, alpha=0.1, lw=0, label='healthy'),
            Line2D([], [], color=BLACK, lw=1, ls=(0, (6, 3)), label=f'{threshold_percent:g} %')]


# -- events and cameras ------------------------------------------------------------------------------------------------


def _lay_events(axes: Axes, events: Sequence[EventMark]) -> tuple[int, list[Artist]]:
    """A line for each event, its gain above the axes where there is room: (lanes of labels, handles)."""
    first, last = axes.get_xlim()
    lanes: list[float] = []
    kinds: dict[str, Line2D] = {}
    for event in events:
        day = float(date2num(event.time))
        if not first <= day <= last:
            continue
        colour, style = EVENT_STYLES.get(event.kind, MIRROR_STYLE)
        kind = 'wash, recoating, break' if event.kind in MIRROR_EVENTS else event.kind
        axes.axvline(day, color=colour, ls=style, lw=1.3, zorder=3.5, label=event.kind)
        kinds.setdefault(kind, Line2D([], [], color=colour, ls=style, lw=1.3, label=kind))
        _label(axes, (day - first) / (last - first), _words(event), colour, lanes)
    return len(lanes), list(kinds.values())


def _words(event: EventMark) -> str:
    if not np.isfinite(event.gain_mag):
        return event.kind
    gain = f'{1000 * event.gain_mag:+.0f}'.replace('-', '−')
    return gain if event.kind == 'cleaning' else f'{event.kind} {gain} ± {1000 * event.error_mag:.0f}'


def _label(axes: Axes, place: float, text: str, colour: str, lanes: list[float]) -> None:
    """Write over a line, in the lowest lane that is free there; `lanes` has the end of the last label in each [px]."""
    width = WIDTH_PX - LEFT_PX - RIGHT_PX
    half = len(text) * _SIGN_PX / 2
    centre = float(np.clip(place * width, half, width - half))
    lane = next((number for number, taken in enumerate(lanes) if taken < centre - half), len(lanes))
    if lane == _MOST_LANES:
        return
    lanes[lane:lane + 1] = [centre + half + 4]
    lift = ScaledTranslation(0, (4 + lane * LINE_PX) / DPI, axes.figure.dpi_scale_trans)
    axes.text(centre / width, 1, text, ha='center', va='bottom', fontsize=SMALL, color=colour, parse_math=False,
              transform=axes.transAxes + lift)


def _lay_cameras(axes: Axes, spans: Sequence[CameraTime], names: Sequence[str]) -> None:
    """A row for each camera, the newest on top, with bars where it was in use."""
    for name, start, end in spans:
        row = names.index(name)
        left, right = date2num(start), date2num(end)
        axes.barh(row, max(right - left, 1), left=left, height=0.7, color=CAMERA_COLOURS[row % len(CAMERA_COLOURS)],
                  lw=0, label=name)
    axes.set_ylim(-0.6, max(len(names), 1) - 0.4)
    short = [name if len(name) <= _NAME_SIGNS else f'{name[:_NAME_SIGNS - 1]}…' for name in names]
    lay_scale(axes, 'left', np.arange(len(names)), short, grid=False)
