"""Legends below axes: keys that look like what they stand for, and their texts, column by column."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from photzp.figures.sheet import CHARACTER_PX, DPI, LEFT_PX, RIGHT_PX, SMALL, TITLE_PX, WIDTH_PX, set_margins

_ROW_PX = 15
_MOST_KEYS = 14  # as a row each leaves some room; no telescope has had so many cameras


def draw_legend(figure: Figure, handles: Sequence[Artist], *, below_px: float, above_px: float = 0,
                left_px: float = LEFT_PX, right_px: float = RIGHT_PX) -> None:
    """Draw a legend at the bottom of a figure; the axes get the height that is left.

    Parameters
    ----------
    figure : Figure
        Figure to draw on.
    handles : sequence of Artist
        Lines and patches with their labels; beyond the 14th they are only counted.
    below_px, above_px : float
        Height of the labels below and above the axes.
    left_px, right_px : float
        Margins beside the axes.
    """
    rows = 0
    if len(handles) > _MOST_KEYS:
        more = Line2D([], [], ls='none', label=f'and {len(handles) - _MOST_KEYS} more')
        handles = [*handles[:_MOST_KEYS], more]
    if handles:
        rows = next(rows for rows in range(1, len(handles) + 1)
                    if sum(_columns_px(handles, rows)) < WIDTH_PX - 10 or rows == len(handles))
        draw_keys(figure, handles, rows, (WIDTH_PX - sum(_columns_px(handles, rows))) / 2)
    set_margins(figure, left=left_px, right=right_px, bottom=rows * _ROW_PX + below_px + 8, top=TITLE_PX + above_px)


def draw_keys(figure: Figure, handles: Sequence[Artist], rows: int, left_px: float) -> None:
    """Draw keys and their texts at the bottom of a figure; the gid of the texts is 'legend'.

    Parameters
    ----------
    figure : Figure
        Figure to draw on.
    handles : sequence of Artist
        Lines and patches with their labels.
    rows : int
        Keys in a column.
    left_px : float
        Where the first column begins.
    """
    for first, width in zip(range(0, len(handles), rows), _columns_px(handles, rows), strict=True):
        for row, handle in enumerate(handles[first:first + rows]):
            x, y = left_px, 4 + (rows - row - 0.5) * _ROW_PX
            figure.add_artist(_key(figure, handle, x, y))
            figure.text((x + 27) / DPI, y / DPI, str(handle.get_label()), va='center', fontsize=SMALL,
                        transform=figure.dpi_scale_trans, parse_math=False, gid='legend')
        left_px += width


def _key(figure: Figure, handle: Artist, x: float, y: float) -> Artist:
    """A copy of a handle, 22 pixels wide: a line with its marker in the middle, or a bar."""
    if isinstance(handle, Line2D):
        key: Artist = Line2D(np.array([x, x + 11, x + 22]) / DPI, np.full(3, y / DPI), markevery=[1])
    else:
        key = Rectangle((x / DPI, (y - 4) / DPI), 22 / DPI, 8 / DPI)
    key.update_from(handle)
    key.set(transform=figure.dpi_scale_trans, clip_box=None, clip_path=None)
    return key


def _columns_px(handles: Sequence[Artist], rows: int) -> list[float]:
    """Widths of the columns of a legend with that many rows."""
    widths = [len(str(handle.get_label())) * 0.92 * CHARACTER_PX + 46 for handle in handles]
    return [max(widths[first:first + rows]) for first in range(0, len(widths), rows)]
