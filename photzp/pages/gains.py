"""What events gave, as the pages show it: by kind over the fleet, and event by event."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from photzp.answers.gains import FleetGain, Gain
from photzp.answers.gather import Answers
from photzp.magnitudes import percent_error, percent_gained
from photzp.pages.text import date_of, days_in_words, is_known

FilterOrder = Callable[[str], tuple[float, str]]  # sort key of filters, as Observatory.wavelength_order


@dataclass(frozen=True, kw_only=True)
class FleetView:
    """Gains of one kind of event.

    Attributes
    ----------
    kind : str
        Kind of event.
    total : FleetGain
        Over all filters.
    percent, percent_error : float
        Mean gain of light, and its error.
    lasted : str
        How long, in words.
    filters : tuple of FleetGain or None
        By filter in the order of the columns; None if there is none.
    """

    kind: str
    total: FleetGain
    percent: float
    percent_error: float
    lasted: str
    filters: tuple[FleetGain | None, ...]


def fleet_of(fleet: Iterable[FleetGain], order: FilterOrder) -> tuple[tuple[str, ...], tuple[FleetView, ...]]:
    """Show gains by kind of event.

    Parameters
    ----------
    fleet : iterable of FleetGain
        By kind and filter; the filter of a total is ''.
    order : callable
        Sort key of filters.

    Returns
    -------
    filters : tuple of str
        Columns.
    rows : tuple of FleetView
        The kind with most events first.
    """
    cells = {(gain.kind, gain.filter): gain for gain in fleet}
    filters = tuple(sorted({name for _, name in cells if name}, key=order))
    rows = [FleetView(kind=kind, total=total, percent=percent_gained(total.mean_mag),
                      percent_error=percent_error(total.mean_mag, total.mean_error_mag),
                      lasted=days_in_words(total.lasted_days),
                      filters=tuple(cells.get((kind, column)) for column in filters))
            for (kind, name), total in cells.items() if not name]
    return filters, tuple(sorted(rows, key=lambda row: (-row.total.number, row.kind)))


@dataclass(frozen=True, kw_only=True)
class EventView:
    """One event.

    Attributes
    ----------
    date, telescope, kind : str
        What happened, when and where.
    written : str
        Date under which the event is recorded, if it is another one; else ''.
    total : Gain
        Over all filters.
    filters : tuple of (str, Gain or None)
        By filter in the order of the columns; None if there is none.
    lasted : str
        How long the gain did, in words.
    """

    date: str
    telescope: str
    kind: str
    written: str
    total: Gain
    filters: tuple[tuple[str, Gain | None], ...]
    lasted: str


def events_of(answers: Answers, order: FilterOrder, telescope: str | None = None) -> tuple[EventView, ...]:
    """Show events with their gains.

    Parameters
    ----------
    answers : Answers
        Gains by event and by filter.
    order : callable
        Sort key of filters.
    telescope : str or None
        Its events alone; None for those of all telescopes.

    Returns
    -------
    tuple of EventView
        The newest first.
    """
    chosen = [gain for gain in answers.events if telescope in (None, gain.telescope)]
    by_filter: dict[tuple[str, str, str], dict[str, Gain]] = defaultdict(dict)
    for gain in answers.gains:
        by_filter[_event_key(gain)][gain.filter] = gain
    filters = sorted({name for gain in chosen for name in by_filter[_event_key(gain)]}, key=order)
    chosen.sort(key=lambda gain: (gain.telescope, gain.kind))
    chosen.sort(key=lambda gain: gain.time, reverse=True)
    return tuple(EventView(date=date_of(gain.time), telescope=gain.telescope, kind=gain.kind, total=gain,
                           written='' if np.isnat(gain.written) else date_of(gain.written),
                           filters=tuple((name, by_filter[_event_key(gain)].get(name)) for name in filters),
                           lasted=_lasted(gain))
                 for gain in chosen)


def _event_key(gain: Gain) -> tuple[str, str, str]:
    return gain.telescope, str(gain.time), gain.kind


def _lasted(gain: Gain) -> str:
    """How long a gain lasted, in words."""
    if gain.instrumental:
        return 'cameras differ in it' if gain.kind == 'instrument' else 'unknown, the camera was changed, too'
    if gain.outcome == 'no gain' or not is_known(gain.lasted_days):
        return 'no gain' if gain.outcome == 'no gain' else '–'
    days = days_in_words(gain.lasted_days)
    return f'lost after {days}' if gain.outcome == 'lost' else f'not lost yet, expected after {days}'
