"""Zeropoints of earlier versions, kept in ASCII files of eleven columns separated by blanks.

    name dateobs site dome telescope camera filter airmass zp colorterm zpsig

dateobs is ISO with a T; airmass may be a word such as UNKNOWN; a line that begins with # is a comment.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

SQLITE_MAGIC = b'SQLite format 3\0'
_COLUMNS = 11


@dataclass(frozen=True)
class OldZeropoint:
    """One line; dateobs 'YYYY-MM-DD HH:MM:SS.sss' UTC, airmass nan where it was a word."""

    name: str
    dateobs: str
    site: str
    dome: str
    telescope: str
    camera: str
    filter: str
    airmass: float
    zp: float
    colorterm: float
    zpsig: float


def is_sqlite(path: Path | str) -> bool:
    """Whether a file is an SQLite database."""
    with open(path, 'rb') as file:
        return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC


def read_ascii(path: Path | str) -> tuple[list[OldZeropoint], list[tuple[int, str]]]:
    """Read a file: (list of OldZeropoint, list of (line number, what is wrong with it))."""
    rows, unreadable = [], []
    with open(path, encoding='utf-8', errors='replace') as file:
        for number, line in enumerate(file, start=1):
            if not line.strip() or line.lstrip().startswith('#'):
                continue
            try:
                rows.append(_parse(line))
            except ValueError as error:
                unreadable.append((number, str(error)))
    return rows, unreadable


def _parse(line: str) -> OldZeropoint:
    words = line.split()
    if len(words) != _COLUMNS:
        raise ValueError(f'{len(words)} columns instead of {_COLUMNS}')
    name, date, site, dome, telescope, camera, filter_name, airmass, zp, colorterm, zpsig = words
    dateobs = datetime.fromisoformat(date).isoformat(' ', 'milliseconds')
    zp_mag = float(zp)
    if not math.isfinite(zp_mag):
        raise ValueError(f'zp is {zp_mag}')
    return OldZeropoint(name, dateobs, site, dome, telescope, camera, filter_name, _number(airmass), zp_mag,
                        float(colorterm), float(zpsig))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
