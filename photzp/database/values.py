"""Conversion of values: of records to rows that every driver takes, and of columns to arrays.

Missing numbers are NULL in the database and NaN in arrays; text or infinity in a column of numbers is read as missing.
Times are UTC, 'YYYY-MM-DD HH:MM:SS.sss' in the database and datetime64[ms] in arrays.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from photzp.measurements import Measurement, RejectedFrame
from photzp.names import base_name, exposure_of
from photzp.records import Zeropoints
from photzp.times import instant_of, time_text

LONGEST_TEXT = 100  # of a site, camera, ...: `names.safe_part` allows 64, so that no two valid names become the same


# -- to the database ---------------------------------------------------------------------------------------------------


def row_of(record: Measurement | RejectedFrame, **more: object) -> dict[str, Any]:
    """A row of a table.

    Parameters
    ----------
    record : Measurement or RejectedFrame
        What is stored.
    **more : object
        Further columns.

    Returns
    -------
    dict
        Values by column.
    """
    row = {name.removesuffix('_s'): plain(value) for name, value in asdict(record).items()} | more
    row['frame'] = exposure_of(row['name'])
    if 'dateobs' in row:
        row['dateobs'] = row['dateobs'].replace('T', ' ')
    return row


def key_of(name: str) -> str:
    """The base name of a frame as it is stored.

    Parameters
    ----------
    name : str
        Base name or path.

    Returns
    -------
    str
        Without characters that no database takes.
    """
    return plain(base_name(name))


def plain(value: Any) -> Any:
    """A value as every driver takes it.

    Parameters
    ----------
    value : object
        For a column.

    Returns
    -------
    object
        Numpy scalars as Python's, datetime64 as text, NaN and NaT as None, text without characters that cannot be
        encoded.
    """
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else time_text(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode('utf-8', 'backslashreplace').decode().replace('\0', '')
    return value


# -- from the database -------------------------------------------------------------------------------------------------


def numbers_of(values: Sequence) -> np.ndarray:
    """A column of numbers.

    Parameters
    ----------
    values : sequence of object
        As the driver gives them.

    Returns
    -------
    ndarray of float
        NaN for NULL, text and infinity.
    """
    try:
        numbers = np.array(values, dtype=float)
    except (TypeError, ValueError):
        numbers = np.array([number_of(value) for value in values])
    return np.where(np.isfinite(numbers), numbers, np.nan)


def number_of(value: object) -> float:
    """A number of a column.

    Parameters
    ----------
    value : object
        As the driver gives it.

    Returns
    -------
    float or int
        NaN where the value is no number.
    """
    return value if isinstance(value, (int, float)) else math.nan


def text_of(value: object) -> str:
    """A text of a column: SQLite may hold any type there, also bytes.

    Parameters
    ----------
    value : object
        As the driver gives it.

    Returns
    -------
    str
        '' for NULL.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode('utf-8', 'backslashreplace')
    return '' if value is None else str(value)


def _texts(values: Sequence) -> np.ndarray:
    """str array of a column; NULL is ''.  Cut at LONGEST_TEXT, as all of the array is as wide as the longest."""
    return np.array([text_of(value)[:LONGEST_TEXT] for value in values], dtype=str)


def names_of(values: Iterable[object]) -> np.ndarray:
    """A column of names of frames: they are many and long, and arrays of str are as wide as the longest.

    Parameters
    ----------
    values : iterable of object
        As the driver gives them.

    Returns
    -------
    ndarray of object
        Of str.
    """
    return np.array([text_of(value) for value in values], dtype=object)


_TIME = re.compile(r'(\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?)(?:Z|\+00:00)?')
_USUAL_TIMES = re.compile(r'(?:(?:\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{3}|NaT)(?:\||$))+')


def instants_of(values: Sequence) -> np.ndarray:
    """A column of times.

    Parameters
    ----------
    values : sequence of object
        As the driver gives them; texts with a blank or a T between date and time.

    Returns
    -------
    ndarray of datetime64[ms]
        UTC; NaT for anything that is not a time.
    """
    texts = [value if isinstance(value, str) else 'NaT' for value in values]
    try:
        if _USUAL_TIMES.fullmatch('|'.join(texts)):  # all at once, ten times faster
            return np.array(texts, dtype='datetime64[ms]')
    except ValueError:  # the 30th of February, say: find it one by one
        pass
    return np.array([_instant_or_nat(text) for text in texts], dtype='datetime64[ms]')


def _instant_or_nat(text: str) -> np.datetime64:
    """The time in a text, NaT where there is none."""
    match = _TIME.fullmatch(text)
    try:
        return instant_of(match[1] if match else 'NaT')
    except ValueError:
        return instant_of('NaT')


def _flags(when_missing: bool) -> Callable[[Sequence], np.ndarray]:
    """Converter of a column of booleans to a bool array."""
    return lambda values: np.array([when_missing if value is None else bool(value) for value in values], dtype=bool)


CONVERTERS = {field.name: numbers_of for field in fields(Zeropoints)} | {  # of the values of a column, by its name
    'name': names_of,
    'dateobs': instants_of,
    'processed': instants_of,
    'colortermheld': _flags(False),
    'refcomplete': _flags(True),
    **dict.fromkeys(('site', 'dome', 'telescope', 'camera', 'filter'), _texts),
}


def column_bytes(name: str, values: Sequence) -> bytes:
    """Bytes of a column for a digest: they differ where any value would be read as another.

    Parameters
    ----------
    name : str
        A key of `CONVERTERS`, or 'frame'.
    values : sequence of object
        As the driver gives them.

    Returns
    -------
    bytes
        Numbers as they are read, all others as they are stored.
    """
    if CONVERTERS.get(name) is numbers_of:
        return numbers_of(values).tobytes()
    return repr(values).encode('utf-8', 'backslashreplace')
