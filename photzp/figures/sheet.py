"""What the figures of the long-term report share: a sheet with a title, scales, a legend, and bytes of it all.

Numbers and grid lines of a scale are drawn here, as texts and one collection of lines: matplotlib makes each tick of
five artists and measures its label several times over, which took as long as all else in a figure.  Where numbers stand
and how times are written is left to its locators and formatters.
"""

import io
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num, num2date
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation, Transform

from photzp.times import Date, month_end

# Okabe & Ito's palette: told apart by colour-blind readers (Okabe & Ito 2008, Color Universal Design).  Its yellow is
# too faint on white to stand alone.
BLUE, VERMILLION, PURPLE, GREEN = '#0072B2', '#D55E00', '#CC79A7', '#009E73'
SKY_BLUE, ORANGE, YELLOW, BLACK = '#56B4E9', '#E69F00', '#F0E442', '#000000'
GREY, DARK_GREY, GRID = '#9a9a9a', '#6a6a6a', '#d9d9d9'
CAMERA_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, SKY_BLUE)  # orange is a wash, black the model
LINE_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, SKY_BLUE, ORANGE, BLACK)

DPI, WIDTH_PX, HEIGHT_PX = 100, 900, 450
LEFT_PX, RIGHT_PX, TITLE_PX = 68, 62, 28  # of the sheet, beside and above the axes
SMALL = 8  # pt, the smallest text
LINE_PX = 14  # height of a line of small text
DIGIT_PX = 0.66 * SMALL * DPI / 72  # width of a sign of small text, on average and a little more
NAMED_PX = 38  # height of the numbers and the name of a scale below axes
_GAP_PX = 6  # between axes and numbers
_NUMBERS = 9  # of a scale at most
_PERCENTS = 9
_KEY_PX = 15  # height of a line of a legend
_MOST_LABELS = 14  # of a legend, as a line each leaves some room; no telescope has had so many cameras


def sheet(title: str, height_px: float = HEIGHT_PX) -> tuple[Figure, Axes]:
    """A figure with one pair of axes that have no scales yet."""
    figure = Figure(figsize=(WIDTH_PX / DPI, height_px / DPI), dpi=DPI)
    axes = bare(figure.add_subplot())
    margins(figure, left=LEFT_PX, right=RIGHT_PX, bottom=30, top=TITLE_PX)
    title_of(figure, title)
    return figure, axes


def bare(axes: Axes) -> Axes:
    """Axes without matplotlib's ticks and labels."""
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)
    return axes


def margins(figure: Figure, *, left: float, right: float, bottom: float, top: float) -> None:
    """What the axes leave at each side [pixel]."""
    width, height = figure.get_size_inches() * DPI
    figure.subplots_adjust(left=left / width, right=1 - right / width, bottom=bottom / height, top=1 - top / height)


def title_of(figure: Figure, title: str) -> None:
    """Write the title of a figure."""
    figure.suptitle(title, x=LEFT_PX / WIDTH_PX, y=1 - 6 / (figure.get_figheight() * DPI), ha='left', va='top',
                    fontsize=11, parse_math=False)


def axes_px(axes: Axes) -> tuple[float, float]:
    """Width and height of axes [pixel]."""
    box = axes.get_position()
    width, height = figure_of(axes).get_size_inches() * DPI
    return box.width * width, box.height * height


def figure_of(axes: Axes) -> Figure:
    """The figure that axes are in."""
    assert isinstance(axes.figure, Figure), 'there are no figures in figures here'
    return axes.figure


# --- scales, to be laid when the limits are final

# Of labels: alignment, and pixels from their place at the edge.  Of names: share of the axes, rotation, and the same.
_LABELS = {'bottom': ('center', 'top', 0, -_GAP_PX), 'left': ('right', 'center', -_GAP_PX, 0),
           'right': ('left', 'center', _GAP_PX, 0)}
_NAMES = {'bottom': (0.5, 0, 0, 'center', 'top', 0, -_GAP_PX - LINE_PX - 2),
          'left': (0, 0.5, 90, 'left', 'center', 8 - LEFT_PX, 0),
          'right': (1, 0.5, 90, 'right', 'center', RIGHT_PX - 8, 0)}
_END = (1, 0, 0, 'right', 'top', 0, -_GAP_PX - LINE_PX)


def number_scale(axes: Axes, side: str, name: str, most: int = _NUMBERS) -> None:
    """Round numbers along the left or the bottom of axes."""
    low, high = sorted(axes.get_ylim() if side == 'left' else axes.get_xlim())
    lay_scale(axes, side, *round_numbers(low, high, most), name=name)


def percent_scale(axes: Axes, percent: Callable, back: Callable) -> None:
    """Percent of the reference at the right of axes.

    percent, back : functions of an array, from the left scale to percent and back.
    """
    low, high = sorted(percent(np.array(axes.get_ylim())))
    values = np.array(round_percents(max(low, 1e-9 * high), high) if np.isfinite(high) else [])
    lay_scale(axes, 'right', back(values), [f'{value:g}' for value in values], name='throughput [% of reference]')


def time_axis(axes: Axes, time: np.ndarray, until: Date) -> None:
    """Give axes the times (n,) datetime64 up to the end of the month of `until`."""
    time = np.asarray(time, 'datetime64[ms]')
    end = month_end(until)
    start = np.min(np.append(time[~np.isnat(time)], end - np.timedelta64(7, 'D')))
    start, end = date2num(np.array([start, end - np.timedelta64(1, 's')]))  # no number of the next month
    axes.set_xlim(start - 0.012 * (end - start), end)


def time_scale(axes: Axes, *, labels: bool = True) -> float:
    """Dates along the bottom of axes that have a time axis, or grid lines alone: height of the labels [pixel]."""
    places, dates, year = _round_dates(*axes.get_xlim())
    lay_scale(axes, 'bottom', places, dates if labels else [], end=year if labels else '')
    return 24 + (LINE_PX if year else 0)


@lru_cache(maxsize=8)  # figures of one series share their time
def _round_dates(first: float, last: float) -> tuple[np.ndarray, list[str], str]:
    """Round dates between two days of matplotlib, how they are written, and the year that all have in common, or ''."""
    locator = AutoDateLocator(minticks=4, maxticks=11)
    formatter = ConciseDateFormatter(locator)
    formatter.formats[2] = formatter.zero_formats[2] = '%d %b'
    formatter.offset_formats[2] = '%Y'
    places = np.array([place for place in locator.tick_values(*num2date([first, last])) if first <= place <= last])
    dates = formatter.format_ticks([*places])
    return places, dates, formatter.get_offset()


def round_numbers(low: float, high: float, most: int) -> tuple[np.ndarray, list[str]]:
    """At most so many round numbers from low to high, and how they are written."""
    values = np.array(MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high))
    digits = max(0, -int(np.floor(np.log10(values[1] - values[0]) + 1e-9)))
    values = np.round(values, digits) + 0.0  # no -0
    values = values[(values >= low) & (values <= high)]
    return values, [f'{value:.{digits}f}'.replace('-', '−') for value in values]


def round_percents(low: float, high: float) -> list[float]:
    """The roundest numbers from low to high > low > 0 that are a _PERCENTS-th of their logarithmic scale apart.

    Each is a small multiple of 1, 2 or 5 times a power of ten, so that none has more digits than its neighbours need.
    """
    apart, least = np.log(high / low) / _PERCENTS, min(low, high - low)
    chosen: list[float] = []
    for power in range(int(np.ceil(np.log10(high))), int(np.floor(np.log10(least))) - 2, -1):
        for step in (5 * 10.0**power, 2 * 10.0**power, 10.0**power):
            last = high if step >= (high - low) / 20 else min(11 * step, high)
            for value in step * np.arange(np.ceil(low / step), np.floor(last / step + 1e-9) + 1):
                if all(abs(np.log(value / other)) > apart for other in chosen):
                    chosen.append(float(value))
    return sorted(chosen)


def lay_scale(axes: Axes, side: str, places: np.ndarray, labels: Sequence[str], *, name: str = '', end: str = '',
              grid: bool = True) -> None:
    """Draw labels along a side of axes, what they are of, and grid lines, or short marks at the right.

    side : 'bottom', 'left', 'right'.  places (n,) : on the axis.  name : of the scale.  end : what stands below the
    labels at the end of a scale of times.  The texts' gid is `side`, that of the name `side name`.
    """
    figure = figure_of(axes)
    along = axes.get_xaxis_transform() if side == 'bottom' else axes.get_yaxis_transform()
    if grid:
        low, high, colour = (1, 1.005, BLACK) if side == 'right' else (0, 1, GRID)
        ends = [[(place, low), (place, high)] if side == 'bottom' else [(low, place), (high, place)]
                for place in places]
        axes.add_collection(LineCollection(ends, colors=colour, linewidths=0.6, zorder=0.9, transform=along,
                                           clip_on=False, label=f'grid {side}'), autolim=False)
    ha, va, dx, dy = _LABELS[side]
    for place, label in zip(places, labels, strict=bool(labels)):
        x, y = (place, 0) if side == 'bottom' else (int(side == 'right'), place)
        figure.text(x, y, label, ha=ha, va=va, fontsize=SMALL, transform=_moved(figure, along, dx, dy),
                    parse_math=False, gid=side)
    for text, size, gid, (x, y, turn, ha, va, dx, dy) in ((name, 9, f'{side} name', _NAMES[side]),
                                                          (end, SMALL, f'{side} end', _END)):
        if text:
            figure.text(x, y, text, ha=ha, va=va, rotation=turn, fontsize=size, gid=gid,
                        transform=_moved(figure, axes.transAxes, dx, dy))


def _moved(figure: Figure, transform: Transform, dx: float, dy: float) -> Transform:
    """A transform and so many pixels."""
    return transform + ScaledTranslation(dx / DPI, dy / DPI, figure.dpi_scale_trans)


# --- legend, text, file

def legend(figure: Figure, handles: Sequence[Artist], *, above_px: float = 0, below_px: float, left_px: float = LEFT_PX,
           right_px: float = RIGHT_PX) -> None:
    """A legend below the axes; the axes get the height that it, labels above and labels below leave."""
    rows = 0
    if len(handles) > _MOST_LABELS:
        more = Line2D([], [], ls='none', label=f'and {len(handles) - _MOST_LABELS} more')
        handles = [*handles[:_MOST_LABELS], more]
    if handles:
        rows = next(rows for rows in range(1, len(handles) + 1)
                    if sum(_columns_px(handles, rows)) < WIDTH_PX - 10 or rows == len(handles))
        lay_keys(figure, handles, rows, (WIDTH_PX - sum(_columns_px(handles, rows))) / 2)
    margins(figure, left=left_px, right=right_px, bottom=rows * _KEY_PX + below_px + 8, top=TITLE_PX + above_px)


def lay_keys(figure: Figure, handles: Sequence[Artist], rows: int, left_px: float) -> None:
    """Keys of a legend and what they mean at the bottom of a figure, column by column.

    handles : lines and patches.  The texts' gid is `legend`.
    """
    for first, width in zip(range(0, len(handles), rows), _columns_px(handles, rows), strict=True):
        for row, handle in enumerate(handles[first:first + rows]):
            x, y = left_px, 4 + (rows - row - 0.5) * _KEY_PX
            figure.add_artist(_key(figure, handle, x, y))
            figure.text((x + 27) / DPI, y / DPI, str(handle.get_label()), va='center', fontsize=SMALL,
                        transform=figure.dpi_scale_trans, parse_math=False, gid='legend')
        left_px += width


def _key(figure: Figure, handle: Artist, x: float, y: float) -> Artist:
    """A thing that looks like the handle, 22 pixels wide: a line with its marker in the middle, or a bar."""
    if isinstance(handle, Line2D):
        key: Artist = Line2D(np.array([x, x + 11, x + 22]) / DPI, np.full(3, y / DPI), markevery=[1])
    else:
        key = Rectangle((x / DPI, (y - 4) / DPI), 22 / DPI, 8 / DPI)
    key.update_from(handle)
    key.set(transform=figure.dpi_scale_trans, clip_box=None, clip_path=None)
    return key


def _columns_px(handles: Sequence[Artist], rows: int) -> list[float]:
    """Widths of the columns of a legend of so many rows."""
    widths = [len(str(handle.get_label())) * 0.92 * DIGIT_PX + 46 for handle in handles]
    return [max(widths[first:first + rows]) for first in range(0, len(widths), rows)]


def no_math(texts: Iterable[Text]) -> None:
    """No text of ours is mathematical notation; a name with two $ would be taken for one."""
    for text in texts:
        text.set_parse_math(False)


def png(figure: Figure) -> bytes:
    """The figure as PNG; the same figure gives the same bytes: no date, no version.

    Of at most 256 colours, for size: 30,000 points take 67 kB instead of 227 kB.
    """
    from PIL import Image  # matplotlib needs Pillow, too

    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings(), mpl.rc_context({'text.hinting': 'none'}):  # hinted, letters take twice the time
        warnings.filterwarnings('ignore', message='Glyph')  # a name may hold any sign; the font shows a box for some
        canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert('RGB')
    place = io.BytesIO()
    image.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(place, 'png', compress_level=4)
    return place.getvalue()
