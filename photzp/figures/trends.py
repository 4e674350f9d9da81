"""Figures of the long-term report: each function returns a matplotlib Figure, of which `sheet.png` makes bytes;
nothing is written here.

Time runs to the end of the month of `until`, not to today, so that a figure without new data is the same file tomorrow.
Usable points outside the limits are marked by triangles at the edge, with their number.
Text from outside (titles, cameras, notes) is drawn as it is, never as mathematical notation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
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
    DIGIT_PX,
    DPI,
    GREEN,
    GREY,
    HEIGHT_PX,
    LEFT_PX,
    LINE_COLOURS,
    LINE_PX,
    NAMED_PX,
    ORANGE,
    SMALL,
    VERMILLION,
    WIDTH_PX,
    YELLOW,
    axes_px,
    bare,
    lay_scale,
    legend,
    margins,
    no_math,
    number_scale,
    percent_scale,
    sheet,
    time_axis,
    time_scale,
    title_of,
)
from photzp.magnitudes import mag_of_percent, percent_of_reference
from photzp.robust import median_error, robust_spread
from photzp.throughput.boundaries import INSTRUMENT_DAYS
from photzp.throughput.model import ThroughputFit
from photzp.throughput.summary import Interval, Step
from photzp.times import DAYS_PER_MONTH, Date, day_of, month_end

Colour = tuple[float, float, float]
Curve = tuple[np.ndarray, np.ndarray, np.ndarray]  # time, model, error of an interval
Model = tuple[str, np.ndarray, np.ndarray, float | None]  # telescope, time, model, reference

CAMERA_MARKERS = ('o', '^', 's', 'D', 'v', 'P', 'X')
LINE_STYLES = ('-', '--', ':')  # 7 colours in 3 styles: 21 lines
MIRROR_EVENTS = ('wash', 'recoating', 'break')

BAND_REACH_MAG = 1.5  # data so far off the reference (25%) are shown without it: it is not theirs
CLOUD_REACH_MAG = (0.2, 0.5)  # of cloudy points below the others: as much as those take, within this, for the trend
CLOUD_QUANTILE = 0.05
ERROR_REACH_MAG = 0.1  # of the error band that limits provide for
REGULAR_MAG, REGULAR_SIGMA = 0.5, 8.0  # points without a model are regular within the larger of both about the median
COLORTERM_REACH = 0.04  # least half-height of a colour-term plot
GAP_DAYS, JUMP_MAG = 60, 0.05  # lines of many telescopes are not drawn across longer gaps and larger steps
RECENT_DAYS = 183  # of colour terms
FEW = 400  # points of a trend that leave room for larger ones
AIRMASS_MAX = 4.0  # shown at most

_MAX_LANES = 6  # of slope labels
MOST_CAMERAS = 6  # in the legend of a trend, which has up to eight other keys


@dataclass(frozen=True)
class TrendData:
    """Zeropoints of one telescope in one filter, of any number of cameras, in any order.

    time (n,) datetime64[ms].  camera (n,) str.
    zp_mag (n,) : at airmass 1, gain repaired, and less the offset of the camera where the model is meant to run
        through the points.
    usable (n,) bool : False is drawn grey.
    """

    time: np.ndarray
    zp_mag: np.ndarray
    camera: np.ndarray
    usable: np.ndarray


@dataclass(frozen=True)
class ColortermLine:
    """Colour terms of one camera at one telescope [mag per mag of g-i]: median of all, range of 68%, of the last half
    year; kind : camera type.  rows : how many frames.  recent is None where there are none of late.
    """

    label: str
    kind: str
    rows: int
    low: float
    median: float
    high: float
    recent: float | None


# --- figures

def trend_plot(title: str, data: TrendData, fit: ThroughputFit, *, events: Iterable[Sequence],
               reference_mag: float | None, healthy_mag: float, until: Date) -> Figure:
    """Zeropoint at airmass 1 against time, with model, slopes, events, and throughput in percent of the reference.

    data : TrendData.  fit : ThroughputFit over the same rows, or over the usable ones among them.
    events : (date, kind) or (date, kind, note), kinds as in observatory.toml.  reference_mag : None where not known.
    healthy_mag : of the healthy band, below the reference.  until : date up to which the report goes.
    """
    figure, axes = sheet(title)
    clear = _clear_rows(data, fit)
    curves = model_curves(fit)
    modelled = len(curves) > 0
    time_axis(axes, data.time, until)
    axes.set_ylim(*_zeropoint_limits(data, clear, curves, reference_mag, healthy_mag))
    number_scale(axes, 'left', 'zeropoint at airmass 1 [mag]')
    handles: list[Artist] = [*_lay_points(axes, data, clear, modelled)]
    handles += _lay_model(axes, curves)
    lanes, slopes = _lay_slopes(axes, fit.intervals)
    handles += slopes + _lay_events(axes, events, fit.steps)
    if reference_mag is not None:
        handles += _lay_reference(axes, reference_mag, healthy_mag)
    if not modelled:
        _remark(axes, 'too few points for a model')
    legend(figure, handles, above_px=lanes * LINE_PX, below_px=time_scale(axes))
    return figure


def airmass_plot(title: str, airmass: np.ndarray, zp_less_model_mag: np.ndarray, clear: np.ndarray, adopted_k: float,
                 fitted_k: float = np.nan, fitted_k_error: float = np.nan) -> Figure:
    """Zeropoint, not corrected for airmass, minus the model at airmass 1 against airmass, with -k (X - 1).

    airmass, zp_less_model_mag (n,).  clear (n,) : probability that a row is of a clear night, NaN where not usable.
    adopted_k, fitted_k, fitted_k_error : extinction in mag per airmass; NaN where there is no fit.
    """
    figure, axes = sheet(title)
    each, clear = np.asarray(zp_less_model_mag, float), np.asarray(clear, float)
    airmass = np.asarray(airmass, float)
    finite = np.isfinite(airmass) & np.isfinite(each)
    judged = finite & ~np.isnan(clear)
    good = finite & (clear > 0.5)
    top = min(max(1.2, airmass[judged if judged.any() else finite].max(initial=1.2)) + 0.05, AIRMASS_MAX)
    axes.set_xlim(0.97, top)
    shown = each[good] if good.any() else each[finite]
    axes.set_ylim(*_padded(min(shown.min(initial=-0.1), -adopted_k * (top - 1)), shown.max(initial=0.1)))
    handles = []
    for rows, colour, marker, label in ((finite & ~judged, GREY, 'x', 'not usable'),
                                        (judged & ~good, _lighter(BLUE), 'o', 'cloudy or wild'),
                                        (good, BLUE, 'o', 'clear')):
        if rows.any():
            handles += [_lay_dots(axes, airmass[rows], each[rows], colour, marker, f'{label} ({rows.sum()})')]
    handles += _lay_bins(axes, airmass[good], each[good])
    handles += _lay_extinction(axes, adopted_k, fitted_k, fitted_k_error)
    number_scale(axes, 'bottom', 'airmass')
    number_scale(axes, 'left', 'zeropoint − model at airmass 1 [mag]')
    _mark_outside(axes, airmass[judged], each[judged])
    legend(figure, handles, below_px=NAMED_PX)
    return figure


def colorterm_plot(title: str, time: np.ndarray, colorterm: np.ndarray, camera: np.ndarray,
                   until: Date) -> Figure:
    """Colour term of each frame against time by camera, with the median of each camera.

    time (n,) datetime64; colorterm (n,) [mag per mag of g-i]; camera (n,) str; until : as for trend_plot.
    """
    figure, axes = sheet(title)
    time, colorterm, camera = np.asarray(time, 'datetime64[ms]'), np.asarray(colorterm, float), np.asarray(camera)
    finite = np.isfinite(colorterm) & ~np.isnat(time)
    time, colorterm, camera = time[finite], colorterm[finite], camera[finite]
    styles = _camera_styles(time, camera)
    time_axis(axes, time, until)
    regular = np.zeros(len(time), bool)
    for name in styles:
        regular[camera == name] = _is_regular(colorterm[camera == name], COLORTERM_REACH)
    shown = colorterm[regular]
    axes.set_ylim(*_padded(shown.min(initial=np.inf), shown.max(initial=-np.inf), least=2 * COLORTERM_REACH))
    handles = []
    for name, (colour, marker) in styles.items():
        rows = camera == name
        median, error = np.median(colorterm[rows]), median_error(colorterm[rows])
        said = f'{median:+.4f}'.replace('-', '−') + (f' ± {error:.4f}' if rows.sum() > 1 else '')
        handles += [_lay_dots(axes, date2num(time[rows]), colorterm[rows], colour, marker,
                              f'{name} ({rows.sum()}), median {said}')]
        span = date2num(np.array([time[rows].min(), time[rows].max()]))
        axes.plot(span, [median, median], color='white', lw=3.4, zorder=4)
        axes.plot(span, [median, median], color=_darker(colour), lw=1.8, zorder=4, label=f'median of {name}')
    if not styles:
        _remark(axes, 'no colour terms')
    number_scale(axes, 'left', 'colour term [mag per mag of g−i]')
    _mark_outside(axes, date2num(time), colorterm)
    legend(figure, handles, below_px=time_scale(axes))
    return figure


def error_histogram(title: str, zperr_mag: np.ndarray, zpsig_mag: np.ndarray) -> Figure:
    """Histograms of the zeropoints' errors and of the scatter of single stars, on a common logarithmic axis.

    zperr_mag, zpsig_mag (n,) : values that are missing or not positive are not counted.
    """
    figure, axes = sheet(title)
    edges = np.geomspace(0.5, 1000, 80)
    handles, tallest = [], 1
    for values, colour, style, name in ((zperr_mag, BLUE, '-', 'error of the zeropoint, zperr'),
                                        (zpsig_mag, VERMILLION, '--', 'scatter of single stars, zpsig')):
        mmag = 1000 * np.asarray(values, float)
        mmag = mmag[np.isfinite(mmag) & (mmag > 0)]
        counts = np.histogram(np.clip(mmag, edges[0], edges[-1]), edges)[0]
        tallest = max(tallest, counts.max())
        middle = f'median {np.median(mmag):.3g} mmag' if len(mmag) else 'none known'
        x, y = np.repeat(edges, 2), np.concatenate([[0], np.repeat(counts, 2), [0]])
        axes.fill_between(x, y, color=colour, alpha=0.2, lw=0)
        axes.plot(x, y, color=colour, ls=style, lw=1.4, label=name)
        handles.append(Line2D([], [], color=colour, ls=style, lw=1.6, label=f'{name}: {middle} ({len(mmag)} frames)'))
        if len(mmag):
            axes.axvline(np.median(mmag), color=colour, ls=style, lw=1, label=f'median of {name}')
    axes.set_xscale('log')
    axes.set(xlim=(edges[0], edges[-1]), ylim=(0, max(1.08 * tallest, 6)))
    places = np.array([0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])
    lay_scale(axes, 'bottom', places, [f'{place:g}' for place in places],
              name='error or scatter [mmag]; the bins at either end hold all beyond')
    number_scale(axes, 'left', 'frames')
    legend(figure, handles, below_px=NAMED_PX)
    return figure


def all_models_plot(title: str, models: Iterable[Model], until: Date, *, healthy_mag: float) -> Figure:
    """Models of all telescopes of a class in one filter, as throughput relative to the reference of each.

    models : (telescope, time (m,) datetime64, model_mag (m,), reference_mag or None).  Telescopes without a reference
    are drawn in a panel of their own, in magnitudes.  The legend is in the order of current values.
    healthy_mag : of the healthy band, below the reference.
    """
    figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI)
    styled = [(_finite_model(*model), _line_style(number)) for number, model in enumerate(models)]
    styled = [each for each in styled if len(each[0][1])]
    panels = [panel for panel in ([each for each in styled if each[0][3] is not None],
                                  [each for each in styled if each[0][3] is None]) if panel] or [[]]
    share = [max(len(panel), 0.3 * len(styled), 1) for panel in panels]
    every = np.concatenate([model[1] for model, _ in styled]) if styled else np.empty(0, 'datetime64[ms]')
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=share)[:, 0]
    figure.subplots_adjust(hspace=0.08)
    margins(figure, left=LEFT_PX, right=245, bottom=34, top=30)
    for axes, panel in zip(grid, panels, strict=True):
        time_axis(bare(axes), every, until)
        _lay_panel(axes, panel, healthy_mag)
        time_scale(axes, labels=axes is grid[-1])
    if not styled:
        _remark(grid[0], 'no models')
    title_of(figure, title)
    return figure


def colorterm_lines(telescope: str, time: np.ndarray, colorterm: np.ndarray, camera: np.ndarray,
                    until: Date, *, kind_of: Callable[[str], str]) -> list[ColortermLine]:
    """What all_colorterms_plot shows of a telescope: a ColortermLine for each of its cameras, oldest first.

    time (n,) datetime64; colorterm (n,); camera (n,) str; until : date up to which the report goes.
    kind_of : the camera type of a camera.
    """
    colorterm, time = np.asarray(colorterm, float), np.asarray(time, 'datetime64[ms]')
    finite = np.isfinite(colorterm) & ~np.isnat(time)
    time, colorterm, camera = time[finite], colorterm[finite], np.asarray(camera)[finite]
    recent = time >= month_end(until) - np.timedelta64(RECENT_DAYS, 'D')
    lines = []
    for name in _camera_styles(time, camera):
        values, last = colorterm[camera == name], colorterm[recent & (camera == name)]
        low, median, high = (float(value) for value in np.percentile(values, [16, 50, 84]))
        lines.append(ColortermLine(f'{telescope}  {name}', kind_of(name), len(values), low, median, high,
                                   float(np.median(last)) if len(last) else None))
    return lines


def all_colorterms_plot(title: str, lines: Sequence[ColortermLine], colours: Mapping[str, str]) -> Figure:
    """Colour terms of many telescopes in one filter: median and spread by telescope and camera.

    lines : those of colorterm_lines.  colours : of camera types, '#rrggbb'; the others take the palette's in turn.
    A bar holds 68% of the frames; an open circle is the median of the last half year before the end of the month up to
    which the report goes.  The figure is as high as it has lines.
    """
    slots = max(len(lines), 6)
    height = 100 + 15 * slots
    figure, axes = sheet(title, height)
    kinds = _kind_colours({line.kind for line in lines}, colours)
    for row, line in enumerate(lines):
        _lay_spread(axes, row, line, kinds[line.kind])
    for kind, colour in kinds.items():
        middle = np.median([line.median for line in lines if line.kind == kind])
        axes.axvline(middle, color=colour, lw=0.8, ls='--', zorder=0.5, label=f'median of {kind}')
    axes.set_ylim(slots - 0.4, -0.6)
    regular = _is_regular(np.array([line.median for line in lines]), COLORTERM_REACH)
    ends = [end for line, shown in zip(lines, regular, strict=True) if shown for end in (line.low, line.high)]
    axes.set_xlim(*_padded(min(ends, default=0.0), max(ends, default=0.0), least=COLORTERM_REACH))
    lay_scale(axes, 'left', np.arange(len(lines)), [line.label for line in lines], grid=False)
    number_scale(axes, 'bottom', 'colour term [mag per mag of g−i]; at the right: median (frames)')
    handles = [Line2D([], [], color=colour, marker='o', lw=3, ms=5, label=f'{kind}: median, 68% of frames')
               for kind, colour in kinds.items()]
    handles += [Line2D([], [], color=BLACK, marker='o', mfc='none', ls='none', ms=7, label='last half year')]
    longest = max((len(line.label) for line in lines), default=0)
    legend(figure, handles, below_px=NAMED_PX, left_px=max(150, min(longest, 50) * DIGIT_PX + 10), right_px=100)
    if not lines:
        _remark(axes, 'no colour terms')
    return figure


def _kind_colours(kinds: Iterable[str], colours: Mapping[str, str]) -> dict[str, str]:
    """{camera type: colour} in order; those without a colour of their own take what is left of the palette."""
    ordered = sorted(kinds)
    given = {kind: colours[kind] for kind in ordered if kind in colours}
    taken = {colour.upper() for colour in given.values()}
    palette = [colour for colour in LINE_COLOURS if colour not in taken] or LINE_COLOURS
    others = (kind for kind in ordered if kind not in given)
    found = given | {kind: palette[number % len(palette)] for number, kind in enumerate(others)}
    return {kind: found[kind] for kind in ordered}


# --- what a trend is made of

def _clear_rows(data: TrendData, fit: ThroughputFit) -> np.ndarray:
    """Mask of the usable rows that count as clear (n,); without a model, of those that are not far from the rest."""
    usable, zp = np.asarray(data.usable, bool), np.asarray(data.zp_mag, float)
    probability = np.full(len(zp), np.nan)
    if len(fit.row_clear_probability) == len(zp):
        probability[:] = fit.row_clear_probability
    elif len(fit.row_clear_probability) == usable.sum():
        probability[usable] = fit.row_clear_probability
    else:
        raise ValueError(f'a fit over {len(fit.row_clear_probability)} rows is not one of these {len(zp)} rows')
    clear = usable & np.isfinite(zp) & (probability > 0.5)
    if not clear.any():
        clear = usable & np.isfinite(zp)
        clear[clear] = _is_regular(zp[clear], REGULAR_MAG)
    return clear


def _is_regular(values: np.ndarray, least: float) -> np.ndarray:
    """Mask of the values near their median."""
    if not len(values):
        return np.zeros(0, bool)
    return np.abs(values - np.median(values)) <= max(REGULAR_SIGMA * robust_spread(values), least)


def model_curves(fit: ThroughputFit) -> list[Curve]:
    """(time, model_mag, error_mag) of each interval, with both sides of each step inside it."""
    beside, curves = np.timedelta64(1, 'ms'), []
    for interval in fit.intervals:
        start, end = interval.start, max(interval.end - beside, interval.start)
        steps = [step.time for step in fit.steps if start < step.time < end]
        time = np.unique(np.concatenate([start + (end - start) * np.arange(41) // 40,
                                         np.array([[step - beside, step] for step in steps], start.dtype).ravel()]))
        model, error = fit.at(time)
        if np.isfinite(model).any():
            curves.append((time, model, error))
    return curves


def _zeropoint_limits(data: TrendData, clear: np.ndarray, curves: list[Curve],
                      reference_mag: float | None, healthy_mag: float) -> tuple[float, float]:
    """Limits that hold all clear points, the model, and the upper part of what clouds dim."""
    zp = np.asarray(data.zp_mag, float)
    levels = [zp[clear]]
    for _, model, error in curves:
        error = np.minimum(np.nan_to_num(error), ERROR_REACH_MAG)
        levels += [model - error, model + error]
    held = np.concatenate(levels)
    held = held[np.isfinite(held)]
    if not len(held):
        held = np.array([20.0, 25.0]) if reference_mag is None else reference_mag + np.array([-0.5, 0.2])
    low, high = np.min(held), np.max(held)
    if reference_mag is not None and reference_mag - BAND_REACH_MAG < high and low < reference_mag + BAND_REACH_MAG:
        low, high = min(low, reference_mag - healthy_mag), max(high, reference_mag)
    cloudy = zp[np.asarray(data.usable, bool) & ~clear & np.isfinite(zp)]
    if len(cloudy):
        low = min(low, max(np.quantile(cloudy, CLOUD_QUANTILE), low - np.clip(high - low, *CLOUD_REACH_MAG)))
    return _padded(low, high, least=0.2)


def _lay_points(axes: Axes, data: TrendData, clear: np.ndarray, modelled: bool) -> list[Line2D]:
    """Points by camera; handles for the legend."""
    time, zp, camera = np.asarray(data.time, 'datetime64[ms]'), np.asarray(data.zp_mag, float), np.asarray(data.camera)
    finite = np.isfinite(zp) & ~np.isnat(time)
    day, usable = date2num(time), np.asarray(data.usable, bool) & finite
    styles = _camera_styles(time[finite], camera[finite])
    unusable, dim = finite & ~usable, usable & ~clear
    scale = 1.5 if len(zp) < FEW else 1.0
    for name, (colour, marker) in styles.items():  # all that is dim first, so that it hides nothing
        rows = dim & (camera == name)
        _lay_dots(axes, day[rows], zp[rows], _lighter(colour), marker, f'{name}, cloudy ({rows.sum()})', scale)
    handles, notes = [], []
    for name, (colour, marker) in styles.items():
        rows = usable & (camera == name)
        shown = rows & clear
        _lay_dots(axes, day[shown], zp[shown], colour, marker, f'{name}, clear ({shown.sum()})', scale)
        handles.append(_key(colour, marker, f'{name} ({rows.sum()})'))
    if dim.any():
        notes.append(_key(_lighter(DARK_GREY), 'o',
                          f'lighter: {"cloudy, wild, not fitted" if modelled else "off the rest"} ({dim.sum()})'))
    if unusable.any():
        notes.append(_lay_dots(axes, day[unusable], zp[unusable], GREY, 'x', f'not usable ({unusable.sum()})',
                               scale))
    _mark_outside(axes, day[usable], zp[usable])
    return _newest(handles) + notes


def _newest(cameras: list[Line2D]) -> list[Line2D]:
    """Keys of the newest cameras, so many that there is room for other keys."""
    if len(cameras) <= MOST_CAMERAS:
        return cameras
    older = len(cameras) - MOST_CAMERAS + 1
    return [Line2D([], [], ls='none', label=f'{older} older cameras'), *cameras[older:]]


def _lay_model(axes: Axes, curves: list[Curve]) -> list[Line2D]:
    for number, (time, model, error) in enumerate(curves):
        day = date2num(time)
        axes.fill_between(day, model - error, model + error, color=BLACK, alpha=0.25, lw=0, zorder=4)
        axes.plot(day, model, color=BLACK, lw=2.2, zorder=4.2, label=f'model {number + 1}',
                  marker=dot_if_short(axes, day), ms=4, path_effects=[withStroke(linewidth=3.6, foreground='white')])
    return [Line2D([], [], color=BLACK, lw=2.2, label='model ± error')] if curves else []


def dot_if_short(axes: Axes, day: np.ndarray) -> str:
    """Marker of a line: a dot where it is too short to be seen."""
    return 'o' if np.ptp(day) < 0.004 * np.ptp(axes.get_xlim()) else ''


def _lay_slopes(axes: Axes, intervals: Iterable[Interval]) -> tuple[int, list[Line2D]]:
    """A dashed line per interval, and its slope above the axes: (number of lanes of labels, handles)."""
    # Seen on the model as well as off it.
    style: dict[str, Any] = {'color': YELLOW, 'ls': (0, (4, 3)), 'lw': 1.2,
             'path_effects': [withStroke(linewidth=2.6, foreground=BLACK)]}
    known = [each for each in intervals if np.isfinite(each.slope_mag_per_month)]
    lanes: list[float] = []  # where the last label of each ends [pixel]
    for each in known:
        day = date2num(np.array([each.start, each.end]))
        change = each.slope_mag_per_month * (day[1] - day[0]) / DAYS_PER_MONTH
        label = _slope_label(each)
        axes.plot(day, each.start_mag + np.array([0, change]), **style, zorder=4.5, scalex=False, scaley=False,
                  label=f'{label} mmag/month')
        _label_interval(axes, day, label, lanes)
    return len(lanes), [Line2D([], [], **style, label='slope between cleanings [mmag/month]')] if known else []


def _slope_label(interval: Interval) -> str:
    slope, error = 1000 * interval.slope_mag_per_month, 1000 * interval.slope_error_mag_per_month
    digits = 2 if error < 0.095 else 1
    return f'{slope:+.{digits}f} ± {error:.{digits}f}'.replace('-', '−')


def _label_interval(axes: Axes, day: np.ndarray, label: str, lanes: list[float]) -> None:
    """Write a slope over its interval, in the lowest lane that is free there; `lanes` is kept."""
    width = axes_px(axes)[0]
    first, last = np.clip((day - axes.get_xlim()[0]) / np.ptp(axes.get_xlim()), 0, 1) * width + (2, -2)
    text = f'{label} mmag/month'
    if len(text) * DIGIT_PX > last - first:
        text = label
    half = len(text) * DIGIT_PX / 2
    centre = np.clip((first + last) / 2, half, width - half)
    lane = next((number for number, taken in enumerate(lanes) if taken < min(centre - half, first)), len(lanes))
    if last <= first or lane == _MAX_LANES:
        return
    lanes[lane:lane + 1] = [max(centre + half, last)]
    lift = ScaledTranslation(0, (3 + lane * LINE_PX) / DPI, axes.figure.dpi_scale_trans)
    axes.add_artist(Line2D([first / width, last / width], [1, 1], color=DARK_GREY, lw=0.8, clip_on=False,
                           transform=axes.transAxes + lift))
    axes.text(centre / width, 1, text, ha='center', va='bottom', fontsize=SMALL, transform=axes.transAxes + lift)


def _lay_events(axes: Axes, events: Iterable[Sequence], steps: Iterable[Step]) -> list[Line2D]:
    """Lines for what happened at the telescope; handles for the legend."""
    events = [(day_of(date), kind, ' '.join(' '.join(note).split())) for date, kind, *note in events]
    handles = []
    kinds = ((('cleaning',), GREY, ':', 1.3, 'cleaning'), (MIRROR_EVENTS, ORANGE, '--', 1.6, 'wash, recoating, break'))
    for names, colour, style, width, label in kinds:
        days = [date for date, kind, _ in events if kind in names]
        handles += _lay_verticals(axes, days, colour, style, width, label)
    recorded = [(date, note or 'instrument') for date, kind, note in events if kind == 'instrument']
    changes = [(date, 'camera change') for date in camera_changes([date for date, _ in recorded], steps)]
    handles += _lay_verticals(axes, [date for date, _ in recorded + changes], BLUE, '-.', 1.3, 'instrument change')
    _label_lines(axes, sorted(recorded + changes))
    return handles


def camera_changes(recorded: Iterable[np.datetime64], steps: Iterable[Step]) -> list[np.datetime64]:
    """Dates of the instrument's steps that are near none of those on record."""
    near, recorded = np.timedelta64(INSTRUMENT_DAYS, 'D'), list(recorded)
    dates = [day_of(step.time) for step in steps if step.kind == 'instrument']
    return [date for date in dates if all(abs(date - each) > near for each in recorded)]


def _lay_verticals(axes: Axes, dates: Iterable, colour: str, style: Any, width: float, label: str) -> list[Line2D]:
    days = _inside(axes, dates)
    if not len(days):
        return []
    axes.vlines(days, 0, 1, transform=axes.get_xaxis_transform(), colors=colour, linestyles=style, lw=width, zorder=3.5,
                label=label)
    return [Line2D([], [], color=colour, ls=style, lw=width, label=f'{label} ({len(days)})')]


def _inside(axes: Axes, dates: Iterable) -> np.ndarray:
    """Those of the dates that the axis holds, as its numbers; an event is at noon."""
    days = date2num(np.array(sorted(dates), 'datetime64[D]')) + 0.5
    first, last = axes.get_xlim()
    return days[(days >= first) & (days <= last)]


def _label_lines(axes: Axes, labels: Iterable[tuple[np.datetime64, str]]) -> None:
    """Small upright labels beside lines, where there is room."""
    scale = axes_px(axes)[0] / np.ptp(axes.get_xlim())
    end = -np.inf
    for date, text in labels:
        for day in _inside(axes, [date]):
            place = (day - axes.get_xlim()[0]) * scale
            if place - end > LINE_PX + 4:
                text = text if len(text) <= 34 else text[:33] + '…'
                box = {'boxstyle': 'square,pad=0.1', 'fc': 'white', 'ec': 'none', 'alpha': 0.8}
                axes.annotate(text, (day, 0.07), (-2, 0), axes.get_xaxis_transform(), textcoords='offset points',
                              rotation=90, ha='right', va='bottom', fontsize=SMALL, color=BLUE, bbox=box, zorder=6,
                              parse_math=False)
                end = place


def _lay_reference(axes: Axes, reference_mag: float, healthy_mag: float) -> list[Patch]:
    """The band of good throughput, and a second axis in percent."""
    axes.axhspan(reference_mag - healthy_mag, reference_mag, color=GREEN, alpha=0.13, lw=0, zorder=0.5,
                 label='good throughput')
    _percent_scale(axes, reference_mag)
    label = f'good: {reference_mag - healthy_mag:g} to {reference_mag:g} mag'
    return [Patch(color=GREEN, alpha=0.13, lw=0, label=label)]


def _percent_scale(axes: Axes, reference_mag: float) -> None:
    def magnitude(percent: Any) -> Any:
        return reference_mag + mag_of_percent(np.maximum(percent, 1e-9))

    def percent(zp: Any) -> Any:
        return percent_of_reference(zp, reference_mag)

    percent_scale(axes, percent, magnitude)


# --- what other figures are made of

def _lay_extinction(axes: Axes, adopted_k: float, fitted_k: float, error: float) -> list[Line2D]:
    """Lines of the adopted and, where there is one, the fitted extinction; handles for the legend."""
    x = np.array(axes.get_xlim())
    handles = axes.plot(x, -adopted_k * (x - 1), color=VERMILLION, ls='--', lw=1.6, zorder=4,
                        label=f'adopted: {adopted_k:.3f} mag/airmass')
    if np.isfinite(fitted_k):
        handles += axes.plot(x, -fitted_k * (x - 1), color=BLACK, lw=1.4, zorder=4,
                             label=f'fitted: {fitted_k:.3f} ± {error:.3f} mag/airmass')
        axes.fill_between(x, -(fitted_k - error) * (x - 1), -(fitted_k + error) * (x - 1), color=BLACK, alpha=0.2, lw=0,
                          zorder=3)
    return handles


def _lay_bins(axes: Axes, airmass: np.ndarray, each: np.ndarray) -> list[Line2D]:
    """Medians of ten bins of airmass with as many points each, with their errors."""
    order = np.argsort(airmass, kind='stable')
    bins = [rows for rows in np.array_split(order, 10) if len(rows) >= 5]
    if not bins:
        return []
    x = [np.median(airmass[rows]) for rows in bins]
    y, error = np.transpose([(np.median(each[rows]), median_error(each[rows])) for rows in bins])
    axes.errorbar(x, y, error, fmt='o', color=BLACK, mfc='white', ms=5, capsize=2, lw=1, zorder=5)
    return [Line2D([], [], color=BLACK, marker='o', mfc='white', ls='none', ms=5, label='medians of clear')]


def _lay_spread(axes: Axes, row: int, line: ColortermLine, colour: str) -> None:
    """A line of median and spread."""
    axes.plot([line.low, line.high], [row, row], color=colour, lw=3, alpha=0.45, solid_capstyle='butt')
    axes.plot(line.median, row, 'o', color=colour, ms=5, label=line.label)
    if line.recent is not None:
        axes.plot(line.recent, row, 'o', mfc='none', mec=BLACK, ms=7.5, mew=1, label=f'{line.label}, last half year')
    axes.annotate(f'{line.median:+.3f}  ({line.rows})'.replace('-', '−'), (1, row), (5, 0), axes.get_yaxis_transform(),
                  textcoords='offset points', va='center', fontsize=SMALL)


def _finite_model(name: str, time: np.ndarray, model: np.ndarray, reference: float | None) -> Model:
    """The same in order of time and without what is missing."""
    time, model = np.asarray(time, 'datetime64[ms]'), np.asarray(model, float)
    rows = np.flatnonzero(np.isfinite(model) & ~np.isnat(time))
    rows = rows[np.argsort(time[rows], kind='stable')]
    return str(name), time[rows], model[rows], reference


def _line_style(number: int) -> tuple[str, str]:
    count = len(LINE_COLOURS)
    return LINE_COLOURS[number % count], LINE_STYLES[number // count % len(LINE_STYLES)]


def _lay_panel(axes: Axes, panel: Sequence[tuple[Model, tuple[str, str]]], healthy_mag: float) -> None:
    """Lines of telescopes, all with or all without a reference, and a legend beside them by current value."""
    relative = bool(panel) and panel[0][0][3] is not None
    current = []
    for (name, time, model, reference), (colour, style) in panel:
        value = model if reference is None else model - reference
        now = f'{model[-1]:.2f}' if reference is None else f'{percent_of_reference(model[-1], reference):.0f}%'
        line, = axes.plot(*_with_gaps(time, value), color=colour, ls=style, lw=1.6, marker='o', ms=3.5, markevery=[-1],
                          label=f'{name}  {now}')  # with a dot at the end, which is all there is of one night
        current.append((-value[-1], name, line))
    if relative:
        axes.axhspan(-healthy_mag, 0, color=GREEN, alpha=0.13, lw=0, zorder=0.5, label='good throughput')
        _percent_scale(axes, 0.0)
    number_scale(axes, 'left', 'zeropoint − reference [mag]' if relative else 'zeropoint\n[mag]')
    beside = axes.legend(handles=[line for *_, line in sorted(current, key=lambda each: each[:2])], loc='upper left',
                         bbox_to_anchor=(1.105, 1.03), fontsize=SMALL, frameon=False, handlelength=2.6,
                         labelspacing=0.25, borderpad=0)
    no_math(beside.get_texts())


def _with_gaps(time: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days and values in order of time, with NaN between them where a line is not to be drawn."""
    day = date2num(time)
    after = np.flatnonzero((np.diff(day) > GAP_DAYS) | (np.abs(np.diff(value)) > JUMP_MAG)) + 1
    return np.insert(day, after, np.nan), np.insert(value, after, np.nan)


# --- points and limits

def _padded(low: float, high: float, *, least: float = 0.1) -> tuple[float, float]:
    """Limits a little wider than low to high, and `least` at least; 0 in the middle of nothing."""
    if not np.isfinite([low, high]).all():
        low, high = 0.0, 0.0
    margin = max(0.06 * (high - low), (least - (high - low)) / 2, 0.01)
    return low - margin, high + margin


def _camera_styles(time: np.ndarray, camera: np.ndarray) -> dict[str, tuple[str, str]]:
    """{camera: (colour, marker)} by first appearance, so that a new camera changes no old one."""
    first = sorted((time[camera == name].min(), str(name)) for name in np.unique(camera))
    return {name: (CAMERA_COLOURS[number % len(CAMERA_COLOURS)], CAMERA_MARKERS[number % len(CAMERA_MARKERS)])
            for number, (_, name) in enumerate(first)}


def _lighter(colour: str) -> Colour:
    red, green, blue = (0.28 * part + 0.72 for part in to_rgb(colour))
    return red, green, blue


def _darker(colour: str) -> Colour:
    red, green, blue = (0.6 * part for part in to_rgb(colour))
    return red, green, blue


def _key(colour: str | Colour, marker: str, label: str) -> Line2D:
    return Line2D([], [], color=colour, marker=marker, ms=5, ls='none', label=label)


def _lay_dots(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str | Colour, marker: str, label: str,
              scale: float = 1.0) -> Line2D:
    """Points within the limits, one for each pixel; a handle for the legend."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    shown = np.flatnonzero((x >= left) & (x <= right) & (y >= low) & (y <= high))
    column = np.floor((x[shown] - left) / (right - left) * WIDTH_PX).astype(int)
    row = np.floor((y[shown] - low) / (high - low) * HEIGHT_PX).astype(int)
    shown = shown[np.unique(column * 10_000 + row, return_index=True)[1]]
    size = scale * {'x': 3, '^': 3.2, 'v': 3.2}.get(marker, 2.6)
    edge: dict[str, Any] = {'mew': 0.7} if marker == 'x' else {'mec': 'none'}
    axes.plot(x[shown], y[shown], marker, color=colour, ms=size, ls='none', rasterized=True, zorder=2, label=label,
              scalex=False, scaley=False, **edge)
    return _key(colour, marker, label)


def _mark_outside(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Triangles at the edge where points lie beyond it, and how many."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    within = (x >= left) & (x <= right)
    for beyond, place, marker, sign, side in ((y < low, 0.0, 'v', '▾', 'below'), (y > high, 1.0, '^', '▴', 'above')):
        beyond = beyond & within
        if not beyond.any():
            continue
        column = np.unique(np.floor((x[beyond] - left) / (right - left) * 150))  # one for every 5 pixels
        inwards = 0.012 if place == 0 else -0.012
        axes.plot(left + (column + 0.5) / 150 * (right - left), np.full(len(column), place + inwards), marker,
                  color=DARK_GREY, ms=3.5, mec='none', ls='none', transform=axes.get_xaxis_transform(), zorder=5,
                  label=f'{side} ({beyond.sum()})')
        axes.annotate(f'{sign} {beyond.sum()} {side}', (0, place), (4, 5 if place == 0 else -5), 'axes fraction',
                      textcoords='offset points', va='bottom' if place == 0 else 'top', fontsize=SMALL,
                      color=DARK_GREY, zorder=6, bbox={'boxstyle': 'square,pad=0.1', 'fc': 'white', 'ec': 'none',
                                                      'alpha': 0.85})


def _remark(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.94, text, transform=axes.transAxes, ha='center', va='top', fontsize=11, color=DARK_GREY, zorder=7,
              bbox={'fc': 'white', 'ec': DARK_GREY, 'lw': 0.6, 'boxstyle': 'round,pad=0.4'})
