"""Zeropoints of earlier versions taken into a database: from SQLite files, or from ASCII files of eleven columns

    name dateobs site dome telescope camera filter airmass zp colorterm zpsig

separated by blanks.  dateobs is ISO with a T; airmass may be a word such as UNKNOWN; a line that begins with # is a
comment.
"""

import math
from datetime import datetime
from pathlib import Path

from photzp.database.measuredframes import add_many
from photzp.database.reading import zeropoints
from photzp.database.rejectedframes import known
from photzp.database.session import Session
from photzp.errors import DatabaseUnusable
from photzp.measurements import Measurement
from photzp.names import base_name
from photzp.times import time_text

_SQLITE_MAGIC = b'SQLite format 3\0'
_COLUMNS = 11


def import_file(session: Session, path: Path | str) -> tuple[int, int, list[tuple[str, str]]]:
    """Take the rows of one older file that the database does not have.

    Parameters
    ----------
    session : Session
        The database.
    path : Path or str
        The file.

    Returns
    -------
    new, old : int
        Number of rows taken, and of those that the database has already.
    unreadable : list of tuple of str
        (place in the file, what is wrong there).
    """
    try:
        measurements, unreadable = (_read_sqlite(path), []) if _is_sqlite(path) else _read_ascii(path)
    except (DatabaseUnusable, OSError) as error:
        return 0, 0, [('file', str(error))]
    verdicts = known(session, [row.name for row in measurements])
    new = {row.name: row for row in measurements if verdicts.get(row.name) != 'measured'}
    add_many(session, new.values())
    return len(new), len(measurements) - len(new), unreadable


def _is_sqlite(path: Path | str) -> bool:
    """Whether a file is an SQLite database."""
    with open(path, 'rb') as file:
        return file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC


def _read_sqlite(path: Path | str) -> list[Measurement]:
    """Every row of an older database, also those without a date, which cannot be placed in time."""
    with Session(path, readonly=True) as old:
        rows = zeropoints(old, one_per_exposure=False)
    columns = [name for name in Measurement.__dataclass_fields__ if name != 'dateobs']
    return [Measurement(dateobs=time_text(rows.dateobs[row]),
                        **{name: getattr(rows, name)[row] for name in columns}) for row in range(len(rows))]


def _read_ascii(path: Path | str) -> tuple[list[Measurement], list[tuple[str, str]]]:
    """The rows of an ASCII file, and (line, what is wrong there) of the others."""
    rows, unreadable = [], []
    with open(path, encoding='utf-8', errors='replace') as file:
        for number, line in enumerate(file, start=1):
            if not line.strip() or line.lstrip().startswith('#'):
                continue
            try:
                rows.append(_parse(line))
            except ValueError as error:
                unreadable.append((f'line {number}', str(error)))
    return rows, unreadable


def _parse(line: str) -> Measurement:
    """One line; ValueError where it is none, or without a zeropoint."""
    words = line.split()
    if len(words) != _COLUMNS:
        raise ValueError(f'{len(words)} columns instead of {_COLUMNS}')
    name, date, site, dome, telescope, camera, filter_name, airmass, zp, colorterm, zpsig = words
    dateobs = datetime.fromisoformat(date).isoformat(' ', 'milliseconds')
    zp_mag = float(zp)
    if not math.isfinite(zp_mag):
        raise ValueError(f'zp is {zp_mag}')
    return Measurement(name=base_name(name), dateobs=dateobs, site=site, dome=dome, telescope=telescope, camera=camera,
                       filter=filter_name, airmass=_number(airmass), zp=zp_mag, colorterm=float(colorterm),
                       zpsig=float(zpsig))


def _number(word: str) -> float:
    """The number in a word, NaN where it is none."""
    try:
        return float(word)
    except ValueError:
        return math.nan
