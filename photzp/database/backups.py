"""Copies of an SQLite file that appear whole or not at all; one is made before an older database is upgraded."""

import glob
import logging
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import date
from itertools import count
from pathlib import Path

from photzp.errors import DatabaseUnusable
from photzp.wholefile import Unneeded, whole_path

log = logging.getLogger('photzp.database')

_CHUNK_BYTES = 1 << 20


def back_up(file: Path, day: date) -> None:
    """Copy a database file to a new one beside it, named by the day.  The caller holds the write lock.

    Where an earlier run was killed between copy and upgrade, its copy is used, and there is no second one.

    Parameters
    ----------
    file : Path
        The database.
    day : datetime.date
        The day, UTC.

    Raises
    ------
    DatabaseUnusable
        The copy cannot be written.
    """
    name = f'{file.name}.before-upgrade-{day:%Y%m%d}'
    names = (name if number == 1 else f'{name}-{number}' for number in count(1))
    copy = next(path for path in map(file.with_name, names) if not path.exists())
    try:
        for leftover in file.parent.glob(f'{glob.escape(file.name)}.before-upgrade-*.partial'):  # a killed run's
            leftover.unlink()
        earlier = sorted(file.parent.glob(f'{glob.escape(file.name)}.before-upgrade-*'))
        copy = copy_database(file, copy, earlier)
    except (OSError, sqlite3.Error) as error:
        raise DatabaseUnusable(
            f'{file}: an older database is only upgraded after a copy of it was made, and {copy} cannot be written '
            f'({error}); make room in the directory'
        ) from None
    log.info('%s is of an older kind: it is upgraded, a copy is kept in %s', file, copy)


def copy_database(file: Path, copy: Path, earlier: Iterable[Path] = ()) -> Path:
    """Copy an SQLite database as it is at one moment, also while others write.

    Parameters
    ----------
    file : Path
        The database.
    copy : Path
        The new file; an older one is replaced.
    earlier : iterable of Path
        Copies from earlier runs.

    Returns
    -------
    Path
        The copy, or one of the earlier copies where that has the same content: then there is no new one.

    Raises
    ------
    OSError, sqlite3.Error
        The copy cannot be written; an older one is unchanged.
    """
    partial = copy.with_name(f'{copy.name}.partial')
    partial.unlink(missing_ok=True)
    same = None
    with whole_path(copy, partial):
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(partial)) as target:
            target.execute('PRAGMA journal_mode=OFF')  # else a killed run leaves its journal, too
            source.backup(target)
        same = next((path for path in earlier if _same_content(path, partial)), None)
        if same is not None:
            raise Unneeded
        shutil.copymode(file, partial)
    return same or copy


def _same_content(one: Path, other: Path) -> bool:
    """Whether two SQLite databases differ in nothing but the file header, which counts changes.

    The header has 100 bytes: https://www.sqlite.org/fileformat.html
    """
    if one.stat().st_size != other.stat().st_size:
        return False
    with open(one, 'rb') as first, open(other, 'rb') as second:
        first.seek(100)
        second.seek(100)
        return all(chunk == second.read(_CHUNK_BYTES) for chunk in iter(lambda: first.read(_CHUNK_BYTES), b''))
