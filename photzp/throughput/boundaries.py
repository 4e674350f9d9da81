"""Where a line of throughput ends and the next begins: recorded events, camera changes, and jumps that nobody recorded.

An unrecorded jump is a change of the upper envelope of nightly values within a piece: clouds only dim, so the fifth
brightest of 40 nights is hardly dimmed even if most of them are cloudy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from photzp.throughput.cloudmixture import Data
from photzp.throughput.lines import Line, SeriesRows
from photzp.times import days_since

INSTRUMENT_DAYS = 30  # an instrument event stands for a change of cameras that is so near

_BOUNDING = ('wash', 'recoating', 'break', 'instrument')  # kinds of events

# An unrecorded jump is a change of _JUMP_MAG between the fifth brightest of 40 nights before and after.  After a rise,
# or before a fall, _FEW_NIGHTS are enough, as no cloud brightens.
_JUMP_MAG, _JUMP_NIGHTS, _FEW_NIGHTS, _BRIGHTEST = 0.12, 40, 8, 5

TimedEvent = tuple[np.datetime64, str]  # time of an event, and its kind


@dataclass(frozen=True)
class Boundary:
    """End of one line and start of the next.

    Attributes
    ----------
    day : float
        Days since the first row.
    kind : str
        Of the event; without one 'instrument' for a change of cameras and 'break' for a jump.
    recorded : bool
        An event records it.
    instrumental : bool
        A camera or telescope may have changed.
    """

    day: float
    kind: str
    recorded: bool = True
    instrumental: bool = False


def find_boundaries(rows: SeriesRows, events: Sequence[TimedEvent]) -> list[Boundary]:
    """Find boundaries at events and at changes between cameras that never overlap.

    Parameters
    ----------
    rows : SeriesRows
        The rows.
    events : sequence of (datetime64, str)
        Time and kind.

    Returns
    -------
    list of Boundary
        In order of time, with rows between any two of them.
    """
    boundaries = [Boundary(days_since(time, rows.time[0]), kind) for time, kind in events
                  if kind in _BOUNDING and kind != 'instrument']
    instruments = [Boundary(days_since(time, rows.time[0]), kind) for time, kind in events if kind == 'instrument']
    changes = _camera_changes(rows, boundaries)
    for event in instruments:
        near = [change for change in changes if abs(sum(change) / 2 - event.day) < INSTRUMENT_DAYS]
        if near and not near[0][0] < event.day <= near[0][1]:
            event = replace(event, day=sum(near[0]) / 2)
        changes = [change for change in changes if change not in near]
        boundaries.append(event)
    boundaries += [Boundary((last + first) / 2, 'instrument', recorded=False)
                   for last, first in _camera_changes(rows, boundaries)]
    return _merged(sorted(boundaries, key=lambda boundary: boundary.day), rows.day)


def _camera_changes(rows: SeriesRows, boundaries: Iterable[Boundary]) -> list[tuple[float, float]]:
    """(last day of one, first day of the next) where groups change between boundaries and never overlap there."""
    edges = np.sort([boundary.day for boundary in boundaries])
    piece = np.searchsorted(edges, rows.day, side='right')
    changes = []
    for number in np.unique(piece):
        day, group = rows.day[piece == number], rows.group[piece == number]
        ranges = sorted((day[group == code][0], day[group == code][-1]) for code in np.unique(group))
        last = ranges[0][1]
        for first, end in ranges[1:]:
            if first > last:
                changes.append((last, first))
            last = max(last, end)
    return changes


def _merged(boundaries: Iterable[Boundary], day: np.ndarray) -> list[Boundary]:
    """Keep one boundary per gap between rows, the last of them; none before the first row or after the last."""
    merged: dict[int, Boundary] = {}
    for boundary in boundaries:
        row = int(np.searchsorted(day, boundary.day))
        earlier = merged.get(row)
        instrumental = boundary.kind == 'instrument' or (earlier is not None and earlier.instrumental)
        merged[row] = replace(boundary, instrumental=instrumental)
    return [boundary for row, boundary in sorted(merged.items()) if 0 < row < len(day)]


# --- jumps

def find_jump(rows: SeriesRows, line: Line, data: Data, residual: np.ndarray) -> float | None:
    """Find the largest unrecorded jump within a piece.

    Parameters
    ----------
    rows : SeriesRows
        The rows.
    line : Line
        The pieces.
    data : Data
        The same rows by night.
    residual : ndarray, shape (n,)
        Of the rows about the line [mag].

    Returns
    -------
    float or None
        Day since the first row; None without a jump.
    """
    order = np.lexsort((residual, data.night))
    counts = np.diff(np.append(data.first, len(order)))
    medians = residual[order][data.first + counts // 2]
    piece = line.piece(rows.day[data.first])
    largest, jump = _JUMP_MAG, None
    for number in np.unique(piece):
        first, nights = int(np.argmax(piece == number)), medians[piece == number].tolist()
        for split in range(_FEW_NIGHTS, len(nights) - _FEW_NIGHTS + 1):
            size = _jump_size(nights[max(split - _JUMP_NIGHTS, 0):split], nights[split:split + _JUMP_NIGHTS])
            if abs(size) > largest:
                largest, jump = abs(size), (first, nights, split)
    if jump is None:
        return None
    first, nights, split = jump
    row = data.first[first + _sharpest(np.array(nights), split)]
    return float(rows.day[row - 1] + rows.day[row]) / 2


def _jump_size(before: Sequence[float], after: Sequence[float]) -> float:
    """Difference of the upper envelopes of nights, 0 where weather may be the cause."""
    size = _upper(after) - _upper(before)
    return size if len(before if size > 0 else after) == _JUMP_NIGHTS else 0.0


def _upper(nights: Sequence[float]) -> float:
    """Upper envelope of nightly values."""
    return sorted(nights)[-_BRIGHTEST]


def _sharpest(nights: np.ndarray, split: int) -> int:
    """The split near the given one that best parts the nights near the upper envelope before from those after."""
    start, end = max(split - _JUMP_NIGHTS, 0), min(split + _JUMP_NIGHTS, len(nights))
    levels = _upper(nights[start:split].tolist()), _upper(nights[split:end].tolist())
    cost = [np.minimum(np.abs(nights[start:end] - level), _JUMP_MAG) for level in levels]
    total = np.append(0, np.cumsum(cost[0])) + np.append(np.cumsum(cost[1][::-1])[::-1], 0)
    return start + _FEW_NIGHTS + int(np.argmin(total[_FEW_NIGHTS:len(total) - _FEW_NIGHTS]))
