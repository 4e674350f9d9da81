"""The nights of a site as a calendar: a row per month, a square per night, and the share of photometric nights.

The last row is the month of `until`, so that a figure without new data is the same file tomorrow.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from photzp.figures.sheet import BLUE, DARK_GREY, DPI, GRID, LEFT_PX, ORANGE, SMALL, WIDTH_PX, draw_title
from photzp.times import Date, instant_of

_MOST_MONTHS = 24  # two years, so that seasons can be distinguished from weather
_STATES = {'photometric': BLUE, 'cloudy': ORANGE, 'unknown': GRID}
_NO_FRAMES = '#ffffff'
_ROW_PX, _RIGHT_PX, _TOP_PX, _BOTTOM_PX = 20, 190, 50, 46


def calendar_plot(title: str, night: np.ndarray, state: np.ndarray, frames: np.ndarray, until: Date) -> Figure:
    """Draw the last 24 months of a site, back to its first night.

    Parameters
    ----------
    title : str
        Text at the top.
    night : ndarray of datetime64[D], shape (n,)
        Local dates of the evenings.
    state : ndarray of str, shape (n,)
        'photometric', 'cloudy' or 'unknown'.
    frames : ndarray of int, shape (n,)
        Frames of each night; a night without frames is left empty.
    until : Date
        Day in the last month shown.

    Returns
    -------
    Figure
    """
    first, last = _months(night, until)
    months = first + np.arange(int((last - first) / np.timedelta64(1, 'M')) + 1)
    height = len(months) * _ROW_PX + _TOP_PX + _BOTTOM_PX
    figure = Figure(figsize=(WIDTH_PX / DPI, height / DPI), dpi=DPI)
    axes = figure.add_axes((LEFT_PX / WIDTH_PX, _BOTTOM_PX / height, 1 - (LEFT_PX + _RIGHT_PX) / WIDTH_PX,
                            1 - (_TOP_PX + _BOTTOM_PX) / height))
    squares = _squares(night, state, frames, months)
    axes.imshow(np.ma.masked_equal(squares, -1), cmap=ListedColormap(list(_STATES.values())), vmin=0,
                vmax=len(_STATES) - 1, aspect='auto', interpolation='nearest')
    _draw_scales(axes, months)
    for row in range(len(months)):
        axes.text(31.2, row, _share_text(squares[row]), fontsize=SMALL, va='center', color='black')
    axes.text(31.2, -0.9, 'photometric of known', fontsize=SMALL, va='bottom', color=DARK_GREY)
    draw_title(figure, title)
    figure.legend(handles=[Patch(color=colour, label=name) for name, colour in _STATES.items()]
                  + [Patch(facecolor=_NO_FRAMES, edgecolor=GRID, label='no frames')], loc='lower left', ncols=4,
                  bbox_to_anchor=(LEFT_PX / WIDTH_PX - 0.01, 0), frameon=False, fontsize=SMALL)
    return figure


def _draw_scales(axes: Axes, months: np.ndarray) -> None:
    """Days of the month, months, and white lines between the squares."""
    axes.set_xticks(np.arange(31) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(months)) + 0.5, minor=True)
    axes.grid(which='minor', color=_NO_FRAMES, lw=2)
    axes.tick_params(which='both', length=0, labelsize=SMALL)
    axes.set_xticks([0, 4, 9, 14, 19, 24, 30], ['1', '5', '10', '15', '20', '25', '31'])
    axes.set_yticks(np.arange(len(months)), [month.item().strftime('%b %Y') for month in months])
    axes.spines[:].set_color(GRID)


def _months(night: np.ndarray, until: Date) -> tuple[np.datetime64, np.datetime64]:
    """First and last month shown."""
    last = instant_of(until).astype('datetime64[M]')
    earliest = night.min().astype('datetime64[M]') if len(night) else last
    return max(last - np.timedelta64(_MOST_MONTHS - 1, 'M'), min(earliest, last)), last


def _squares(night: np.ndarray, state: np.ndarray, frames: np.ndarray, months: np.ndarray) -> np.ndarray:
    """Index of each night's state by month and day, shape (months, 31); -1 for a square to leave empty."""
    squares = np.full((len(months), 31), -1)
    row = ((night.astype('datetime64[M]') - months[0]) / np.timedelta64(1, 'M')).astype(int)
    day = (night - night.astype('datetime64[M]').astype('datetime64[D]')).astype(int)
    number = np.array([list(_STATES).index(name) for name in state.tolist()], int)
    shown = (row >= 0) & (row < len(months)) & (frames > 0)
    squares[row[shown], day[shown]] = number[shown]
    return squares


def _share_text(row: np.ndarray) -> str:
    """'72 %   13 of 18 nights' of a month; a dash if no night is known."""
    photometric, cloudy = (np.count_nonzero(row == list(_STATES).index(name)) for name in ('photometric', 'cloudy'))
    known = photometric + cloudy
    return f'{100 * photometric / known:.0f} %   {photometric} of {known} nights' if known else '\u2013'
