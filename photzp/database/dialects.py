"""Statements that differ between SQLite and PostgreSQL, and how many rows or names are handled at once."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

READ_CHUNK = 5_000  # rows in memory at a time when many are read: a few MB
WRITE_CHUNK = 10_000  # rows per statement when many are written
IN_CHUNK = 900  # names per IN (...): SQLite before 3.32 takes 999 parameters
_INSERT: dict[str, Callable[[sa.Table], sqlite.Insert | postgresql.Insert]] = {
    'sqlite': sqlite.insert, 'postgresql': postgresql.insert}
_Item = TypeVar('_Item')


def lock(connection: sa.Connection, name: str) -> None:
    """Keep other processes out until the end of the transaction; in SQLite BEGIN IMMEDIATE does so already.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that writes.
    name : str
        Of the lock: a process waits while another one holds the lock of the same name.
    """
    if connection.dialect.name == 'postgresql':
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f'lcophot {name}'))))


def add_columns(connection: sa.Connection, columns: Sequence[sa.Column]) -> None:
    """Add columns with Alembic's operations, which know what each database allows.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that writes.
    columns : sequence of sqlalchemy.Column
        Of existing tables.
    """
    if not columns:
        return
    logging.getLogger('alembic').setLevel(logging.WARNING)  # it announces its dialect at every start
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    operations = Operations(MigrationContext.configure(connection))
    for column in columns:
        operations.add_column(column.table.name, sa.Column(column.name, column.type, nullable=True))


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows by name, or replace all their columns; columns that the rows lack stay as they are.

    Rows are written in the order of their names: else two processes with the same rows could deadlock on a server.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that writes.
    table : sqlalchemy.Table
        With the key `name`.
    rows : sequence of dict
        At least one; all with the same columns.
    """
    statement = _INSERT[connection.dialect.name](table)
    values = {name: statement.excluded[name] for name in rows[0] if name != 'name'}
    statement = statement.on_conflict_do_update(index_elements=['name'], set_=values)
    for chunk in chunks_of(sorted(rows, key=itemgetter('name')), WRITE_CHUNK):
        connection.execute(statement, chunk)


def chunks_of(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Cut a sequence into chunks.

    Parameters
    ----------
    items : sequence
        Of any length.
    size : int
        Items per chunk.

    Returns
    -------
    iterator of sequence
        Slices; the last one may be shorter.
    """
    return (items[at : at + size] for at in range(0, len(items), size))


def reset_counters(connection: sa.Connection, tables: Iterable[sa.Table]) -> None:
    """Let numbered rows go on after the highest number in the table; SQLite does so by itself.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that writes.
    tables : iterable of sqlalchemy.Table
        Tables whose rows were inserted with their numbers.
    """
    if connection.dialect.name != 'postgresql':
        return
    for table in tables:
        for column in table.primary_key.columns:
            if isinstance(column.type, sa.Integer):
                sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
                last = sa.select(sa.func.max(column)).scalar_subquery()
                connection.execute(sa.select(sa.func.setval(sequence, sa.func.coalesce(last, 1), last.is_not(None))))
