"""What an older database lacks is added when it is opened, and nothing is taken away."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from photzp.database.backups import back_up
from photzp.database.dialects import WRITE_CHUNK, add_columns, chunks_of, lock
from photzp.database.tables import PHOT, Base
from photzp.names import exposure_of


def upgrade(connection: sa.Connection, file: Path | None, now: Callable[[], datetime]) -> None:
    """Add tables, columns and indexes that the database lacks, and fill in `frame`.

    All in one transaction that holds the write lock, so that several processes may open the database together.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that holds the write lock.
    file : Path or None
        Copied before anything is added to it; None where the database is not a file.
    now : callable
        Returns the time, with time zone, by which the copy is named.

    Raises
    ------
    DatabaseUnusable
        The copy cannot be written.
    """
    lock(connection, 'schema')
    present = stored_columns(connection)
    tables = [table for table in Base.metadata.sorted_tables if table.name not in present]
    columns = [
        column
        for name, names in present.items()
        for column in Base.metadata.tables[name].columns
        if column.name not in names and not column.primary_key
    ]
    if file and (tables or columns) and sa.inspect(connection).get_table_names():
        back_up(file, now().astimezone(UTC))
    Base.metadata.create_all(connection, tables=tables)
    add_columns(connection, columns)
    _fill_in_frame(connection)
    for index in (index for table in Base.metadata.sorted_tables for index in table.indexes):
        connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))


def stored_columns(connection: sa.Connection) -> dict[str, set[str]]:
    """Columns that the database has of our tables.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To any database.

    Returns
    -------
    dict of set of str
        Names of columns in lower case, by table; tables that it lacks are left out.
    """
    tables = sa.inspect(connection).get_multi_columns(filter_names=list(Base.metadata.tables))
    return {name: {column['name'].lower() for column in columns} for (_, name), columns in tables.items()}


def _fill_in_frame(connection: sa.Connection) -> None:
    """Fill in the exposure where a row lacks it: all rows of an older database, or those of an older program."""
    lacking = sa.select(PHOT.c.name).where(PHOT.c.frame.is_(None), PHOT.c.name.is_not(None))
    names = [name for name in connection.scalars(lacking) if isinstance(name, str)]  # SQLite keeps bytes as they are
    statement = sa.update(PHOT).where(PHOT.c.name == sa.bindparam('key')).values(frame=sa.bindparam('exposure'))
    for chunk in chunks_of(names, WRITE_CHUNK):
        connection.execute(statement, [{'key': name, 'exposure': exposure_of(name)} for name in chunk])
