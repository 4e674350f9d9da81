"""The nights of a site as a calendar: a row per month, a square per night, and the share of photometric nights.

As in `trends`, whose colours these are, a figure is returned and nothing is written; the last row is the month of
`until`, so that a figure without new data is the same file tomorrow.
"""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from photzp.figures.sheet import BLUE, DARK_GREY, DPI, GRID, LEFT_PX, ORANGE, SMALL, WIDTH_PX, title_of
from photzp.times import Date, instant_of

MONTHS = 24  # at most: two years, so that seasons can be told from weather
STATES = {'photometric': BLUE, 'cloudy': ORANGE, 'unknown': GRID}
_NO_FRAMES = '#ffffff'
_ROW_PX, _RIGHT_PX, _TOP_PX, _BOTTOM_PX = 20, 190, 50, 46


def calendar_plot(title: str, night: np.ndarray, state: np.ndarray, frames: np.ndarray, until: Date) -> Figure:
    """The last MONTHS months of a site, back to its first night.

    night (n,) datetime64[D].  state (n,) str : of STATES.  frames (n,) int : behind it; none leaves the square empty.
    """
    first, last = _months(night, until)
    count = int((last - first) / np.timedelta64(1, 'M')) + 1
    figure = Figure(figsize=(WIDTH_PX / DPI, (count * _ROW_PX + _TOP_PX + _BOTTOM_PX) / DPI), dpi=DPI)
    height = count * _ROW_PX + _TOP_PX + _BOTTOM_PX
    axes = figure.add_axes((LEFT_PX / WIDTH_PX, _BOTTOM_PX / height, 1 - (LEFT_PX + _RIGHT_PX) / WIDTH_PX,
                            1 - (_TOP_PX + _BOTTOM_PX) / height))
    squares = _squares(night, state, frames, first, count)
    axes.imshow(np.ma.masked_equal(squares, -1), cmap=ListedColormap(list(STATES.values())), vmin=0,
                vmax=len(STATES) - 1, aspect='auto', interpolation='nearest')
    axes.set_xticks(np.arange(31) + 0.5, minor=True)
    axes.set_yticks(np.arange(count) + 0.5, minor=True)
    axes.grid(which='minor', color=_NO_FRAMES, lw=2)
    axes.tick_params(which='both', length=0, labelsize=SMALL)
    axes.set_xticks([0, 4, 9, 14, 19, 24, 30], ['1', '5', '10', '15', '20', '25', '31'])
    months = first + np.arange(count)
    axes.set_yticks(np.arange(count), [each.item().strftime('%b %Y') for each in months])
    axes.spines[:].set_color(GRID)
    for row in range(count):
        axes.text(31.2, row, _share(squares[row]), fontsize=SMALL, va='center', color='black')
    axes.text(31.2, -0.9, 'photometric of known', fontsize=SMALL, va='bottom', color=DARK_GREY)
    title_of(figure, title)
    figure.legend(handles=[Patch(color=colour, label=name) for name, colour in STATES.items()]
                  + [Patch(facecolor=_NO_FRAMES, edgecolor=GRID, label='no frames')], loc='lower left', ncols=4,
                  bbox_to_anchor=(LEFT_PX / WIDTH_PX - 0.01, 0), frameon=False, fontsize=SMALL)
    return figure


def _months(night: np.ndarray, until: Date) -> tuple[np.datetime64, np.datetime64]:
    """First and last month that are shown."""
    last = instant_of(until).astype('datetime64[M]')
    earliest = night.min().astype('datetime64[M]') if len(night) else last
    return max(last - np.timedelta64(MONTHS - 1, 'M'), min(earliest, last)), last


def _squares(night: np.ndarray, state: np.ndarray, frames: np.ndarray, first: np.datetime64,
             count: int) -> np.ndarray:
    """(count, 31) numbers of STATES, -1 where there is nothing to show."""
    squares = np.full((count, 31), -1)
    row = ((night.astype('datetime64[M]') - first) / np.timedelta64(1, 'M')).astype(int)
    day = (night - night.astype('datetime64[M]').astype('datetime64[D]')).astype(int)
    number = np.array([list(STATES).index(each) for each in state.tolist()], int)
    shown = (row >= 0) & (row < count) & (frames > 0)
    squares[row[shown], day[shown]] = number[shown]
    return squares


def _share(row: np.ndarray) -> str:
    """'72 %  (13 of 18)' of a month; a dash where no night is known."""
    photometric, cloudy = (np.count_nonzero(row == list(STATES).index(name)) for name in ('photometric', 'cloudy'))
    known = photometric + cloudy
    return f'{100 * photometric / known:.0f} %   {photometric} of {known} nights' if known else '\u2013'
