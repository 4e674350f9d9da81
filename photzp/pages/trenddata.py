"""The trend of one telescope and filter as JSON: what its plot shows, for the chart of the page and for other programs.

docs/trenddata.md describes the file.  It is made of columns of whole numbers, for size: times and dates of points are
differences to the point before, zeropoints are mmag above a common one, and a frame name is the number of its form, its
date and its number.  6,000 points take some 150 kB, the same data give the same bytes, and all of it is ASCII.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from photzp.times import month_end

_SCHEMA = 1
_UNITS = {'time': 's since 1970-01-01 UTC', 'zp': 'mmag above zero_mag', 'error': 'mmag', 'clear': 'tenths'}
_NOT_USABLE, _NOT_JUDGED = -2, -1  # in place of the probability to be clear
_LARGEST_MAG = 1000.0  # what is farther off is damage, and no scale of a chart holds it
_NUMBERED = re.compile(r'(.*?)([0-9]{8})-([0-9]{1,9})([^0-9].*)?', re.DOTALL)

_Curve = tuple[np.ndarray, np.ndarray, np.ndarray]  # time, model_mag, error_mag of an interval


@dataclass(frozen=True)
class Chart:
    """What a trend is of, and its fixed lines.

    Attributes
    ----------
    telescope, filter : str
        Their names.
    reference_mag : float or None
        Zeropoint of a clean telescope; None if not known.
    healthy_mag : float
        Depth of the healthy band below it.
    until : datetime64
        Time in the last month drawn.
    """

    telescope: str
    filter: str
    reference_mag: float | None
    healthy_mag: float
    until: np.datetime64


@dataclass(frozen=True, kw_only=True)
class Points:
    """Zeropoints of one telescope and filter, in any order.

    Attributes
    ----------
    time : ndarray of datetime64[ms], shape (n,)
        Times of the frames.
    zp_mag : ndarray of float, shape (n,)
        At airmass 1, on the scale of the model.
    camera, name : ndarray of str, shape (n,)
        Camera and file name of the frames.
    usable : ndarray of bool, shape (n,)
        Whether the model may rest on a frame.
    clear_probability : ndarray of float, shape (n,)
        NaN where not judged.
    """

    time: np.ndarray
    zp_mag: np.ndarray
    camera: np.ndarray
    name: np.ndarray
    usable: np.ndarray
    clear_probability: np.ndarray


def trend_json(chart: Chart, points: Points, curves: Iterable[_Curve], events: Iterable[tuple[str, str, str]]) -> str:
    """Write a trend as JSON.

    Parameters
    ----------
    chart : Chart
        What it is of.
    points : Points
        Those without a time or a zeropoint are left out.
    curves : iterable of (ndarray of datetime64, ndarray, ndarray), each of shape (m,)
        Time, model and its error [mag] of each interval.
    events : iterable of (str, str, str)
        Date as 'YYYY-MM-DD', kind, note.

    Returns
    -------
    str
        One line.
    """
    zp = np.asarray(points.zp_mag, float)
    shown = np.flatnonzero(~np.isnat(points.time) & (np.abs(zp) < _LARGEST_MAG))
    shown = shown[np.lexsort((points.camera[shown], points.time[shown]))]
    zero = round(float(np.median(zp[shown])), 3) if len(shown) else 0.0
    cameras = list(dict.fromkeys(points.camera[shown].tolist()))
    tree = {
        'schema': _SCHEMA, 'telescope': chart.telescope, 'filter': chart.filter, 'units': _UNITS,
        'reference_mag': chart.reference_mag, 'healthy_mag': chart.healthy_mag, 'zero_mag': zero,
        'until': int(_seconds(month_end(chart.until))),
        'events': [list(event) for event in events], 'cameras': cameras, 'model': _model_columns(curves, zero),
        'points': {
            'time': _differences(_seconds(points.time[shown])),
            'zp': np.round(1000 * (zp[shown] - zero)).astype(int).tolist(),
            'camera': [cameras.index(name) for name in points.camera[shown].tolist()],
            'clear': _clear_tenths(points.usable[shown], points.clear_probability[shown])},
        'frames': _frame_columns(points.name[shown].tolist()),
    }
    return json.dumps(tree, separators=(',', ':'), allow_nan=False) + '\n'


def _frame_columns(names: Sequence[str]) -> dict[str, list]:
    """Names by column: {forms: [[head, tail, width]], form, date, number}.

    A name is `<head><date of eight digits>-<number of `width` digits><tail>`, or all of it is the head where the width
    is 0.  form : index of its form; date : as a number, the difference to the name before.
    """
    forms: dict[tuple[str, str, int], int] = {}
    form, dates, numbers = [], [], []
    day = 0
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match is None:
            parts, number = (name, '', 0), 0
        else:
            head, date, digits, tail = match.groups('')
            parts, day, number = (head, tail, len(digits)), int(date), int(digits)
        form.append(forms.setdefault(parts, len(forms)))
        dates.append(day)
        numbers.append(number)
    return {'forms': [list(parts) for parts in forms], 'form': form, 'date': _differences(np.array(dates, int)),
            'number': numbers}


def _model_columns(curves: Iterable[_Curve], zero: float) -> dict[str, list]:
    """Columns of the model, interval after interval; start : index of the first point of each."""
    columns: dict[str, list[Any]] = {'start': [], 'time': [], 'zp': [], 'error': []}
    for time, model, error in curves:
        drawable = np.isfinite(model) & (np.abs(model) < _LARGEST_MAG)
        columns['start'].append(len(columns['time']))
        columns['time'] += _seconds(time[drawable]).tolist()
        columns['zp'] += np.round(1000 * (model[drawable] - zero), 1).tolist()
        columns['error'] += [mmag if mmag < 1000 * _LARGEST_MAG else None
                             for mmag in np.round(1000 * error[drawable], 1).tolist()]
    return columns


def _seconds(time: Any) -> Any:
    """Whole seconds since 1970 of a datetime64 or an array of them."""
    return time.astype('datetime64[s]').astype(np.int64)


def _differences(values: np.ndarray) -> list[int]:
    """The first value, and of every other its difference to the one before."""
    return np.diff(values, prepend=0).tolist()


def _clear_tenths(usable: np.ndarray, probability: np.ndarray) -> list[int]:
    """Probability in tenths, rounded up, so that above 5 is clear just as a probability above one half is."""
    judged = ~np.isnan(probability)
    tenths = np.ceil(10 * np.where(judged, probability, 0.0)).astype(int)
    return np.where(usable, np.where(judged, tenths, _NOT_JUDGED), _NOT_USABLE).tolist()
