"""Colour terms: of one telescope and filter against time, and of all telescopes in one filter."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from photzp.figures.legends import draw_legend
from photzp.figures.points import DotStyle, are_regular, camera_styles, draw_dots, mark_outside, padded
from photzp.figures.scales import NAMED_SCALE_PX, Scale, draw_scale, number_scale, time_axis, time_scale
from photzp.figures.sheet import BLACK, CHARACTER_PX, LINE_COLOURS, SMALL, draw_remark, sheet
from photzp.robust import median_error
from photzp.times import Date, month_end

_REACH = 0.04  # [mag/mag] values within it of the median are always shown; half the least height of the axis
_RECENT_DAYS = 183  # half a year
_AXIS_NAME = 'colour term [mag per mag of g−i]'


@dataclass(frozen=True, kw_only=True)
class ColortermLine:
    """Colour terms of one camera at one telescope [mag per mag of g-i].

    Attributes
    ----------
    label : str
        Telescope and camera.
    kind : str
        Camera type.
    rows : int
        Number of frames.
    low, median, high : float
        Percentiles 16, 50 and 84 of all frames.
    recent : float or None
        Median of the last half year; None without frames in it.
    """

    label: str
    kind: str
    rows: int
    low: float
    median: float
    high: float
    recent: float | None

    @classmethod
    def from_fields(cls, values: Iterable) -> 'ColortermLine':
        """Restore a line from the tuple that `dataclasses.astuple` made of it.

        Parameters
        ----------
        values : iterable
            One value for each field, in the order of the fields.

        Returns
        -------
        ColortermLine
        """
        return cls(**dict(zip((field.name for field in fields(cls)), values, strict=True)))


def colorterm_plot(title: str, time: np.ndarray, colorterm: np.ndarray, camera: np.ndarray, until: Date) -> Figure:
    """Draw the colour term of each frame against time by camera, with the median of each camera.

    Parameters
    ----------
    title : str
        Text at the top.
    time : ndarray of datetime64, shape (n,)
        Times of the frames.
    colorterm : ndarray of float, shape (n,)
        Colour terms [mag per mag of g-i], all finite.
    camera : ndarray of str, shape (n,)
        Cameras of the frames.
    until : Date
        Day in the last month shown.

    Returns
    -------
    Figure
    """
    figure, axes = sheet(title)
    styles = camera_styles(time, camera)
    time_axis(axes, time, until)
    regular = np.zeros(len(time), bool)
    for name in styles:
        regular[camera == name] = are_regular(colorterm[camera == name], _REACH)
    shown = colorterm[regular]
    axes.set_ylim(*padded(shown.min(initial=np.inf), shown.max(initial=-np.inf), least=2 * _REACH))
    handles = [_draw_camera(axes, time[camera == name], colorterm[camera == name], style, name)
               for name, style in styles.items()]
    if not styles:
        draw_remark(axes, 'no colour terms')
    number_scale(axes, 'left', _AXIS_NAME)
    mark_outside(axes, date2num(time), colorterm)
    draw_legend(figure, handles, below_px=time_scale(axes))
    return figure


def _draw_camera(axes: Axes, time: np.ndarray, colorterm: np.ndarray, style: DotStyle, name: str) -> Line2D:
    """Draw the colour terms (n,) [mag/mag] of one camera against time, and their median; returns the legend handle."""
    median, error = np.median(colorterm), median_error(colorterm)
    text = f'{median:+.4f}'.replace('-', '−') + (f' ± {error:.4f}' if len(colorterm) > 1 else '')
    handle = draw_dots(axes, date2num(time), colorterm, style, f'{name} ({len(colorterm)}), median {text}')
    span = date2num(np.array([time.min(), time.max()]))
    darker = tuple(0.6 * channel for channel in to_rgb(style.colour))
    axes.plot(span, [median, median], color='white', lw=3.4, zorder=4)
    axes.plot(span, [median, median], color=darker, lw=1.8, zorder=4, label=f'median of {name}')
    return handle


def colorterm_lines(telescope: str, time: np.ndarray, colorterm: np.ndarray, camera: np.ndarray,
                    until: Date, *, kind_of: Callable[[str], str]) -> list[ColortermLine]:
    """Sum up the colour terms of a telescope for `all_colorterms_plot`.

    Parameters
    ----------
    telescope : str
        Name for the labels.
    time : ndarray of datetime64, shape (n,)
        Times of the frames.
    colorterm : ndarray of float, shape (n,)
        Colour terms [mag per mag of g-i]; those that are not finite are left out.
    camera : ndarray of str, shape (n,)
        Cameras of the frames.
    until : Date
        Day in the last month; 'recent' is the half year that ends with it.
    kind_of : callable
        Camera type of a camera.

    Returns
    -------
    list of ColortermLine
        One for each camera, the oldest first.
    """
    finite = np.isfinite(colorterm) & ~np.isnat(time)
    time, colorterm, camera = time[finite], colorterm[finite], camera[finite]
    is_recent = time >= month_end(until) - np.timedelta64(_RECENT_DAYS, 'D')
    lines = []
    for name in camera_styles(time, camera):
        values, recent = colorterm[camera == name], colorterm[is_recent & (camera == name)]
        low, median, high = np.percentile(values, [16, 50, 84]).tolist()
        lines.append(ColortermLine(label=f'{telescope}  {name}', kind=kind_of(name), rows=len(values), low=low,
                                   median=median, high=high, recent=float(np.median(recent)) if len(recent) else None))
    return lines


def all_colorterms_plot(title: str, lines: Sequence[ColortermLine], colours: Mapping[str, str]) -> Figure:
    """Draw median and spread of the colour terms of many telescopes in one filter, a line for each camera.

    A bar reaches from percentile 16 to 84 of the frames; an open circle is the median of the last half year.  The
    height of the figure grows with the number of lines.

    Parameters
    ----------
    title : str
        Text at the top.
    lines : sequence of ColortermLine
        From top to bottom.
    colours : mapping of {str: str}
        '#rrggbb' by camera type; types that are not in it take the colours of the palette in turn.

    Returns
    -------
    Figure
    """
    slots = max(len(lines), 6)
    figure, axes = sheet(title, 100 + 15 * slots)
    colour_of = _kind_colours({line.kind for line in lines}, colours)
    for row, line in enumerate(lines):
        _draw_spread(axes, row, line, colour_of[line.kind])
    for kind, colour in colour_of.items():
        middle = np.median([line.median for line in lines if line.kind == kind])
        axes.axvline(middle, color=colour, lw=0.8, ls='--', zorder=0.5, label=f'median of {kind}')
    axes.set_ylim(slots - 0.4, -0.6)
    axes.set_xlim(*_spread_limits(lines))
    draw_scale(axes, 'left', Scale(np.arange(len(lines)), [line.label for line in lines]), grid=False)
    number_scale(axes, 'bottom', f'{_AXIS_NAME}; at the right: median (frames)')
    longest = max((len(line.label) for line in lines), default=0)
    draw_legend(figure, _spread_handles(colour_of), below_px=NAMED_SCALE_PX,
                left_px=max(150, min(longest, 50) * CHARACTER_PX + 10), right_px=100)
    if not lines:
        draw_remark(axes, 'no colour terms')
    return figure


def _kind_colours(kinds: Iterable[str], colours: Mapping[str, str]) -> dict[str, str]:
    """{camera type: colour}, sorted by type; types without a given colour take what is left of the palette."""
    ordered = sorted(kinds)
    given = {kind: colours[kind] for kind in ordered if kind in colours}
    taken = {colour.upper() for colour in given.values()}
    palette = [colour for colour in LINE_COLOURS if colour not in taken] or LINE_COLOURS
    others = (kind for kind in ordered if kind not in given)
    chosen = given | {kind: palette[number % len(palette)] for number, kind in enumerate(others)}
    return {kind: chosen[kind] for kind in ordered}


def _draw_spread(axes: Axes, row: int, line: ColortermLine, colour: str) -> None:
    """Draw the bar, the median and the recent median of one camera in a row of the plot, and write their numbers."""
    axes.plot([line.low, line.high], [row, row], color=colour, lw=3, alpha=0.45, solid_capstyle='butt')
    axes.plot(line.median, row, 'o', color=colour, ms=5, label=line.label)
    if line.recent is not None:
        axes.plot(line.recent, row, 'o', mfc='none', mec=BLACK, ms=7.5, mew=1, label=f'{line.label}, last half year')
    axes.annotate(f'{line.median:+.3f}  ({line.rows})'.replace('-', '−'), (1, row), (5, 0), axes.get_yaxis_transform(),
                  textcoords='offset points', va='center', fontsize=SMALL)


def _spread_limits(lines: Sequence[ColortermLine]) -> tuple[float, float]:
    """Limits [mag/mag] of the axis that hold the bars of all lines whose median is not far from the others."""
    regular = are_regular(np.array([line.median for line in lines]), _REACH)
    ends = [end for line, shown in zip(lines, regular, strict=True) if shown for end in (line.low, line.high)]
    return padded(min(ends, default=0.0), max(ends, default=0.0), least=_REACH)


def _spread_handles(colour_of: Mapping[str, str]) -> list[Line2D]:
    """Make the handles of the legend: one per camera type, and the open circle."""
    handles = [Line2D([], [], color=colour, marker='o', lw=3, ms=5, label=f'{kind}: median, 68% of frames')
               for kind, colour in colour_of.items()]
    return [*handles, Line2D([], [], color=BLACK, marker='o', mfc='none', ls='none', ms=7, label='last half year')]
