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

SCHEMA = 1
UNITS = {'time': 's since 1970-01-01 UTC', 'zp': 'mmag above zero_mag', 'error': 'mmag', 'clear': 'tenths'}
NOT_USABLE, NOT_JUDGED = -2, -1  # in place of the probability to be clear
_LARGEST_MAG = 1000.0  # what is farther off is damage, and no scale of a chart holds it
_NUMBERED = re.compile(r'(.*?)([0-9]{8})-([0-9]{1,9})([^0-9].*)?', re.DOTALL)

Curve = tuple[np.ndarray, np.ndarray, np.ndarray]  # time, model, error of an interval


@dataclass(frozen=True)
class Points:
    """Zeropoints of one telescope and filter, in any order; arrays of shape (n,).

    time datetime64[ms].  zp_mag : at airmass 1, on the scale of the model.  camera, name : str.
    usable bool : the model may rest on it.  clear_probability : NaN where not judged.
    """

    time: np.ndarray
    zp_mag: np.ndarray
    camera: np.ndarray
    name: np.ndarray
    usable: np.ndarray
    clear_probability: np.ndarray


def trend_json(telescope: str, filter_name: str, points: Points, curves: Iterable[Curve], *,
               events: Iterable[tuple[str, str, str]], reference_mag: float | None, healthy_mag: float,
               until: np.datetime64) -> str:
    """The trend as JSON, a str of one line.  Points without a time or a zeropoint are left out.

    curves : (time, model_mag, error_mag) of each interval of the model.  events : (date as YYYY-MM-DD, kind, note).
    reference_mag : None where not known; healthy_mag : below it begins what is no longer good.
    until : datetime64; time is drawn to the end of its month, as in the plot.
    """
    zp = np.asarray(points.zp_mag, float)
    shown = np.flatnonzero(~np.isnat(points.time) & (np.abs(zp) < _LARGEST_MAG))
    shown = shown[np.lexsort((points.camera[shown], points.time[shown]))]
    zero = round(float(np.median(zp[shown])), 3) if len(shown) else 0.0
    camera = points.camera[shown]
    cameras = list(dict.fromkeys(camera.tolist()))
    number = {name: n for n, name in enumerate(cameras)}
    tree = {
        'schema': SCHEMA, 'telescope': telescope, 'filter': filter_name, 'units': UNITS,
        'reference_mag': reference_mag, 'healthy_mag': healthy_mag, 'zero_mag': zero,
        'until': int(_seconds(month_end(until))),
        'events': [list(event) for event in events], 'cameras': cameras,
        'model': _model(curves, zero),
        'points': {
            'time': _differences(_seconds(points.time[shown])), 'zp': _mmag(zp[shown], zero).astype(int).tolist(),
            'camera': [number[name] for name in camera.tolist()],
            'clear': _clear(points.usable[shown], points.clear_probability[shown])},
        'frames': frame_columns(points.name[shown].tolist()),
    }
    return json.dumps(tree, separators=(',', ':'), allow_nan=False) + '\n'


def frame_columns(names: Sequence[str]) -> dict[str, list]:
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
            head, digits, counted, tail = match.groups('')
            parts, day, number = (head, tail, len(counted)), int(digits), int(counted)
        form.append(forms.setdefault(parts, len(forms)))
        dates.append(day)
        numbers.append(number)
    return {'forms': [list(parts) for parts in forms], 'form': form, 'date': _differences(np.array(dates, int)),
            'number': numbers}


def _model(curves: Iterable[Curve], zero: float) -> dict[str, list]:
    """Columns of the model, interval after interval; start : index of the first point of each."""
    columns: dict[str, list[Any]] = {'start': [], 'time': [], 'zp': [], 'error': []}
    for time, model, error in curves:
        known = np.isfinite(model) & (np.abs(model) < _LARGEST_MAG)
        columns['start'].append(len(columns['time']))
        columns['time'] += _seconds(time[known]).tolist()
        columns['zp'] += np.round(1000 * (model[known] - zero), 1).tolist()
        columns['error'] += [each if each < 1000 * _LARGEST_MAG else None
                             for each in np.round(1000 * error[known], 1).tolist()]
    return columns


def _seconds(time: Any) -> Any:
    """Whole seconds since 1970 of a datetime64 or an array of them."""
    return time.astype('datetime64[s]').astype(np.int64)


def _mmag(values: np.ndarray, zero: float) -> np.ndarray:
    return np.round(1000 * (values - zero))


def _differences(values: np.ndarray) -> list[int]:
    """The first value, and of each other what it is above the one before."""
    return np.diff(values, prepend=0).tolist()


def _clear(usable: np.ndarray, probability: np.ndarray) -> list[int]:
    """Tenths, rounded up: clear is what is above 5, as a probability above one half is."""
    judged = ~np.isnan(probability)
    tenths = np.ceil(10 * np.where(judged, probability, 0.0)).astype(int)
    return np.where(usable, np.where(judged, tenths, NOT_JUDGED), NOT_USABLE).tolist()
