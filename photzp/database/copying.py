"""A whole database copied: to a file, or row by row into another database."""

import hashlib
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from photzp.database.backups import copy_database
from photzp.database.dialects import READ_CHUNK, reset_counters
from photzp.database.session import Session
from photzp.database.tables import Base
from photzp.database.values import number_of, plain
from photzp.errors import DatabaseUnusable

Watch = Callable[[Iterator[Any], str, int], Iterator[Any]]  # items, their unit, their number -> the items


def backup(session: Session, copy: Path) -> None:
    """Copy the database to a file as it is at one moment, also while others write; an older copy is replaced.

    Parameters
    ----------
    session : Session
        The database, an SQLite file.
    copy : Path
        The new file.

    Raises
    ------
    DatabaseUnusable
        The copy cannot be written, or the database is not a file.
    """
    if session.file is None:
        raise DatabaseUnusable(f'{session.place}: only SQLite files are copied; use pg_dump for PostgreSQL')
    try:
        if copy.exists() and copy.samefile(session.file):
            raise DatabaseUnusable(f'{copy}: is the database itself; name another file')
        copy_database(session.file, copy)
    except (OSError, sqlite3.Error) as error:
        raise DatabaseUnusable(f'{copy}: the copy cannot be written ({error}); see --backup') from None


def copy_from(session: Session, source: Session,
              watch: Watch = lambda items, _unit, _total: items) -> dict[str, tuple[int, int]]:
    """Take all rows of another database into this one, which must be empty: all of them or none.

    A value that its column has no room for (text for a number) becomes NULL.  All rows are compared afterwards.

    Parameters
    ----------
    session : Session
        The database that is written.
    source : Session
        The other one.
    watch : callable
        Wraps an iterator for a progress bar: given the iterator, the name of its items and their number.

    Returns
    -------
    dict of tuple of int
        By table, the number of rows and the number of values that became NULL.

    Raises
    ------
    DatabaseUnusable
        This database holds rows, or they read back differently from what was written.
    """
    tables, copied = Base.metadata.sorted_tables, {}
    with source.transaction() as reading, session.writing() as writing:
        for table in tables:
            if _count_rows(writing, table):
                raise DatabaseUnusable(f'{session.place}: holds rows in {table.name} already; only an empty database '
                                       'takes those of another: name a new one by --copyto')
        for table in tables:
            names = [column.name for column in table.columns if source.has_column(column)]
            written, stored, lost = _copy_table(reading, writing, table, names, watch)
            if stored != written:
                raise DatabaseUnusable(f'{session.place}: {table.name} reads back differently from what was written; '
                                       'nothing was copied')
            copied[table.name] = written.rows, lost
        reset_counters(writing, tables)
    return copied


def _copy_table(reading: sa.Connection, writing: sa.Connection, table: sa.Table, names: list[str],
                watch: Watch) -> tuple['_RowSetDigest', '_RowSetDigest', int]:
    """Copy columns of one table: digests of what was written and of what is stored, and how many values became NULL."""
    written, stored, lost = _RowSetDigest(), _RowSetDigest(), 0
    chunks = _count_rows(reading, table) // READ_CHUNK + 1 if names else 0
    for rows in watch(_chunks(reading, table, names), 'parts', chunks):
        fitting = [_fitting_row(table, row) for row in rows]
        lost += sum(row[name] is None and value is not None
                    for before, row in zip(rows, fitting, strict=True) for name, value in before.items())
        written.add(fitting)
        writing.execute(sa.insert(table), fitting)
    for rows in watch(_chunks(writing, table, names), 'parts', chunks):
        stored.add(rows)
    return written, stored, lost


def _count_rows(connection: sa.Connection, table: sa.Table) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def _chunks(connection: sa.Connection, table: sa.Table, names: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a table in chunks, as dicts of the columns named; nothing where none is."""
    if names:
        statement = sa.select(*(table.c[name] for name in names))
        result = connection.execute(statement, execution_options={'yield_per': READ_CHUNK})
        for rows in result.mappings().partitions():
            yield [dict(row) for row in rows]


def _fitting_row(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """A row of any database with values that the columns of every database hold; None for a value that fits none."""
    return {name: _fitting(table.c[name].type.python_type, value) for name, value in row.items()}


def _fitting(kind: type, value: Any) -> Any:
    """A value of a column of this type."""
    if kind is str:
        return None if value is None else plain(value) if isinstance(value, str) else str(value)
    number = number_of(value)
    return kind(number) if math.isfinite(number) else None


class _RowSetDigest:
    """Digest of a set of rows in any order: their number, and the sum of their hashes.

    Attributes
    ----------
    rows : int
        Number of rows so far.
    """

    def __init__(self) -> None:
        self.rows, self._sum = 0, 0

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Take rows.

        Parameters
        ----------
        rows : iterable of dict
            Values by column, of the same columns in the same order.
        """
        for row in rows:
            self.rows += 1
            self._sum += int.from_bytes(hashlib.sha256(repr(list(row.values())).encode()).digest(), 'big')

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _RowSetDigest) and (self.rows, self._sum) == (other.rows, other._sum)

    __hash__ = None  # type: ignore[assignment]  # it changes
