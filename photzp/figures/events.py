"""Lines in a trend for what happened at the telescope: cleanings, other work on its mirror, changes of instrument, and
steps that nobody recorded.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.lines import Line2D

from photzp.figures.sheet import BLUE, GREY, LINE_PX, ORANGE, SMALL, VERMILLION, axes_px
from photzp.throughput.boundaries import INSTRUMENT_DAYS
from photzp.throughput.summary import Step
from photzp.times import day_of

MIRROR_EVENTS = ('wash', 'recoating', 'break')
UNRECORDED_STYLE: Any = (0, (1, 2))

_LABEL_CHARACTERS = 34


def draw_events(axes: Axes, events: Iterable[Sequence], steps: Iterable[Step]) -> list[Line2D]:
    """Draw a line for each event, with a label beside changes of instrument.

    Parameters
    ----------
    axes : Axes
        Axes with their final limits of time.
    events : iterable of (Date, str) or (Date, str, str)
        Date, kind as in observatory.toml, and perhaps a note.
    steps : iterable of Step
        Of the model; those that no event explains are marked, too.

    Returns
    -------
    list of Line2D
        Handles for the legend.
    """
    steps = list(steps)
    events = [(date, kind, ' '.join(' '.join(note).split())) for date, kind, *note in dated_events(events, steps)]
    handles = []
    kinds = ((('cleaning',), GREY, ':', 1.3, 'cleaning'), (MIRROR_EVENTS, ORANGE, '--', 1.6, 'wash, recoating, break'))
    for names, colour, style, width, label in kinds:
        dates = [date for date, kind, _ in events if kind in names]
        handles += _draw_verticals(axes, dates, colour, style, width, label)
    recorded = [(date, note or 'instrument') for date, kind, note in events if kind == 'instrument']
    changes = [(date, 'camera change') for date in unrecorded_camera_changes([date for date, _ in recorded], steps)]
    handles += _draw_verticals(axes, [date for date, _ in recorded + changes], BLUE, '-.', 1.3, 'instrument change')
    found = [day_of(step.time) for step in steps if step.origin == 'found']
    handles += _draw_verticals(axes, found, VERMILLION, UNRECORDED_STYLE, 1.6, 'unrecorded step')
    _label_lines(axes, sorted(recorded + changes))
    return handles


def dated_events(events: Iterable[Sequence], steps: Iterable[Step]) -> list[tuple]:
    """Events with the dates at which the model has them.

    Parameters
    ----------
    events : iterable of (Date, str) or (Date, str, str)
        Date, kind as in observatory.toml, and perhaps a note.
    steps : iterable of Step
        Of the model.

    Returns
    -------
    list of tuple
        The same with dates as datetime64[D], those of the jumps where the model has moved events to these.
    """
    jumps = {(day_of(step.written), step.kind): day_of(step.time) for step in steps if step.origin == 'moved'}
    dates = [(day_of(date), kind, note) for date, kind, *note in events]
    return [(jumps.get((date, kind), date), kind, *note) for date, kind, note in dates]


def unrecorded_camera_changes(recorded: Iterable[np.datetime64], steps: Iterable[Step]) -> list[np.datetime64]:
    """Find changes of the instrument that no event records.

    Parameters
    ----------
    recorded : iterable of datetime64[D]
        Dates of the events of the instrument.
    steps : iterable of Step
        Of the model.

    Returns
    -------
    list of datetime64[D]
        Dates of the instrument's steps that are near no event.
    """
    near, recorded = np.timedelta64(INSTRUMENT_DAYS, 'D'), list(recorded)
    dates = [day_of(step.time) for step in steps if step.kind == 'instrument']
    return [date for date in dates if all(abs(date - other) > near for other in recorded)]


def _draw_verticals(axes: Axes, dates: Iterable, colour: str, style: Any, width: float, label: str) -> list[Line2D]:
    """Lines from the bottom to the top; a handle for the legend, none where no date is within the limits."""
    days = _days_within(axes, dates)
    if not len(days):
        return []
    axes.vlines(days, 0, 1, transform=axes.get_xaxis_transform(), colors=colour, linestyles=style, lw=width, zorder=3.5,
                label=label)
    return [Line2D([], [], color=colour, ls=style, lw=width, label=f'{label} ({len(days)})')]


def _days_within(axes: Axes, dates: Iterable) -> np.ndarray:
    """The dates within the limits, as matplotlib counts days; an event is at noon."""
    days = date2num(np.array(sorted(dates), 'datetime64[D]')) + 0.5
    first, last = axes.get_xlim()
    return days[(days >= first) & (days <= last)]


def _label_lines(axes: Axes, labels: Iterable[tuple[np.datetime64, str]]) -> None:
    """Small upright labels beside lines, where there is room."""
    scale = axes_px(axes)[0] / np.ptp(axes.get_xlim())
    end = -np.inf
    for date, text in labels:
        for day in _days_within(axes, [date]):
            place = (day - axes.get_xlim()[0]) * scale
            if place - end > LINE_PX + 4:
                text = text if len(text) <= _LABEL_CHARACTERS else text[:_LABEL_CHARACTERS - 1] + '…'
                box = {'boxstyle': 'square,pad=0.1', 'fc': 'white', 'ec': 'none', 'alpha': 0.8}
                axes.annotate(text, (day, 0.07), (-2, 0), axes.get_xaxis_transform(), textcoords='offset points',
                              rotation=90, ha='right', va='bottom', fontsize=SMALL, color=BLUE, bbox=box, zorder=6,
                              parse_math=False)
                end = place
