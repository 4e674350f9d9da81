"""The sheet of all figures: colours, size, margins, title, and its bytes as PNG."""

import io
import warnings

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe & Ito's palette: distinct for colour-blind readers (Okabe & Ito 2008, Color Universal Design).  Its yellow is
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
CHARACTER_PX = 0.66 * SMALL * DPI / 72  # width of a character of small text, a little more than on average


def sheet(title: str, height_px: float = HEIGHT_PX) -> tuple[Figure, Axes]:
    """Make a figure with one pair of axes that have no scales yet.

    Parameters
    ----------
    title : str
        Text at the top, never read as mathematical notation.
    height_px : float
        Height of the figure; its width is WIDTH_PX.

    Returns
    -------
    figure : Figure
    axes : Axes
    """
    figure = Figure(figsize=(WIDTH_PX / DPI, height_px / DPI), dpi=DPI)
    axes = hide_ticks(figure.add_subplot())
    set_margins(figure, left=LEFT_PX, right=RIGHT_PX, bottom=30, top=TITLE_PX)
    draw_title(figure, title)
    return figure, axes


def hide_ticks(axes: Axes) -> Axes:
    """Take matplotlib's ticks and labels from axes.

    Parameters
    ----------
    axes : Axes
        Axes to change.

    Returns
    -------
    Axes
        The same axes.
    """
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)
    return axes


def set_margins(figure: Figure, *, left: float, right: float, bottom: float, top: float) -> None:
    """Set the space between the axes and the edges of a figure.

    Parameters
    ----------
    figure : Figure
        Figure to change.
    left, right, bottom, top : float
        Space at each side [pixel].
    """
    width, height = figure.get_size_inches() * DPI
    figure.subplots_adjust(left=left / width, right=1 - right / width, bottom=bottom / height, top=1 - top / height)


def draw_title(figure: Figure, title: str) -> None:
    """Write the title of a figure whose height is final.

    Parameters
    ----------
    figure : Figure
        Figure to write on.
    title : str
        Text, never read as mathematical notation.
    """
    figure.suptitle(title, x=LEFT_PX / WIDTH_PX, y=1 - 6 / (figure.get_figheight() * DPI), ha='left', va='top',
                    fontsize=11, parse_math=False)


def draw_remark(axes: Axes, text: str) -> None:
    """Write a sentence in a box at the top of axes that have nothing to show.

    Parameters
    ----------
    axes : Axes
        Axes to write on.
    text : str
        What is missing.
    """
    axes.text(0.5, 0.94, text, transform=axes.transAxes, ha='center', va='top', fontsize=11, color=DARK_GREY, zorder=7,
              bbox={'fc': 'white', 'ec': DARK_GREY, 'lw': 0.6, 'boxstyle': 'round,pad=0.4'})


def axes_px(axes: Axes) -> tuple[float, float]:
    """Measure axes.

    Parameters
    ----------
    axes : Axes
        Axes of a figure with its final margins.

    Returns
    -------
    width, height : float
        Size [pixel].
    """
    box = axes.get_position()
    width, height = figure_of(axes).get_size_inches() * DPI
    return box.width * width, box.height * height


def figure_of(axes: Axes) -> Figure:
    """Find the figure that axes are in.

    Parameters
    ----------
    axes : Axes
        Axes of a figure, not of a part of one.

    Returns
    -------
    Figure
    """
    assert isinstance(axes.figure, Figure), 'there are no figures in figures here'
    return axes.figure


def png(figure: Figure) -> bytes:
    """Draw a figure as PNG; the same figure gives the same bytes: no date, no version.

    Parameters
    ----------
    figure : Figure
        Complete figure.

    Returns
    -------
    bytes
        Content of the file, of at most 256 colours for size: 30,000 points take 67 kB instead of 227 kB.
    """
    from PIL import Image  # matplotlib needs Pillow, too

    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings(), mpl.rc_context({'text.hinting': 'none'}):  # hinted, letters take twice the time
        # A name may hold any character; the font shows a box for some.
        warnings.filterwarnings('ignore', message='Glyph')
        canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert('RGB')
    content = io.BytesIO()
    image.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(content, 'png', compress_level=4)
    return content.getvalue()
