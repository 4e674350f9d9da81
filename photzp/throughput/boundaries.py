"""Steps that are known before the fit: recorded events, and changes between cameras that never overlap."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from photzp.throughput.nightmeans import TelescopeRows
from photzp.throughput.stepprior import StepAt

INSTRUMENT_DAYS = 30  # an instrument event stands for a change of cameras that is so near

BOUNDING = ('wash', 'recoating', 'break', 'instrument')  # kinds of events with a step of any size
EVENT_KINDS = (*BOUNDING, 'cleaning')

TimedEvent = tuple[float, str]  # day of an event, and its kind
_Gap = tuple[float, float, frozenset[str]]  # last day of one camera, first of the next, and the filters


def known_steps(rows: Mapping[str, TelescopeRows], day: np.ndarray, events: Sequence[TimedEvent]) -> list[StepAt]:
    """Find steps at events and at changes of cameras.

    Parameters
    ----------
    rows : mapping of str to TelescopeRows
        By filter.
    day : ndarray, shape (N,)
        Nights of the telescope, ascending.
    events : sequence of (float, str)
        Day and kind, in order of time.

    Returns
    -------
    list of StepAt
        In order of time, with nights before and after.
    """
    steps = [StepAt(day=at, kind=kind, written=at) for at, kind in events if kind in BOUNDING[:-1]]
    changes = _changes(rows, [step.day for step in steps])
    for at, kind in events:
        if kind == 'instrument':
            near = [change for change in changes if abs((change[0] + change[1]) / 2 - at) < INSTRUMENT_DAYS]
            changes = [change for change in changes if change not in near]
            changed = frozenset().union(*(change[2] for change in near)) if near else frozenset(rows)
            inside = at if not near or near[0][0] < at <= near[0][1] else (near[0][0] + near[0][1]) / 2
            steps.append(StepAt(day=inside, kind=kind, written=at, changed=changed))
    steps += [StepAt(day=(last + first) / 2, kind='instrument', changed=filters) for last, first, filters in
              _changes(rows, [step.day for step in steps])]
    steps = _merged(sorted(steps, key=lambda step: step.day), day)
    steps += [StepAt(day=at, kind=kind, written=at) for at, kind in events if kind == 'cleaning']
    return sorted((step for step in steps if day[0] < step.day <= day[-1]), key=lambda step: step.day)


def _changes(rows: Mapping[str, TelescopeRows], edges: Iterable[float]) -> list[_Gap]:
    """Gaps between groups that never overlap between the edges; those of several filters at one time are joined."""
    gaps = sorted((last, first, name) for name, one in rows.items() for last, first in _changes_of(one, edges))
    joined: list[_Gap] = []
    for last, first, name in gaps:
        if joined and last < joined[-1][1]:
            earlier = joined[-1]
            joined[-1] = max(last, earlier[0]), min(first, earlier[1]), earlier[2] | {name}
        else:
            joined.append((last, first, frozenset({name})))
    return joined


def _changes_of(rows: TelescopeRows, edges: Iterable[float]) -> list[tuple[float, float]]:
    """(last day of one, first day of the next) where groups of a filter change between the edges without overlap."""
    piece = np.searchsorted(np.sort(list(edges)), rows.day, side='right')
    changes = []
    for number in np.unique(piece):
        day, group = rows.day[piece == number], rows.group[piece == number]
        ranges = sorted((day[group == code][0], day[group == code][-1]) for code in np.unique(group))
        last = ranges[0][1]
        for first, end in ranges[1:]:
            if first > last:
                changes.append((float(last), float(first)))
            last = max(last, end)
    return changes


def _merged(steps: Iterable[StepAt], day: np.ndarray) -> list[StepAt]:
    """Keep one step per gap between nights, the last of them."""
    merged: dict[int, StepAt] = {}
    for step in steps:
        night = int(np.searchsorted(day, step.day))
        earlier = merged.get(night)
        merged[night] = step if earlier is None else replace(
            step if step.kind != 'instrument' else earlier, changed=step.changed | earlier.changed)
    return list(merged.values())


def references(rows: TelescopeRows, edges: Sequence[float], other_scale: frozenset[int]) -> dict[int, int]:
    """Which group the offset of each group counts from.

    Groups that share a piece between steps are connected; of connected groups the one with most rows is the reference,
    and one of another scale only where all are.

    Parameters
    ----------
    rows : TelescopeRows
        Of one filter.
    edges : sequence of float
        Days of steps at which levels are free.
    other_scale : frozenset of int
        Groups whose zp means something else.

    Returns
    -------
    dict of int to int
        {group: its reference}, which is itself for a reference.
    """
    piece = np.searchsorted(np.sort(list(edges)), rows.day, side='right')
    codes, counts = np.unique(rows.group, return_counts=True)
    connected = {code: {code} for code in codes.tolist()}
    for number in np.unique(piece):
        merged = set().union(*(connected[code] for code in np.unique(rows.group[piece == number]).tolist()))
        for code in merged:
            connected[code] = merged
    number_of = dict(zip(codes.tolist(), counts.tolist(), strict=True))
    return {code: max(connected[code], key=lambda each: (each not in other_scale, number_of[each], -each))
            for code in codes.tolist()}
