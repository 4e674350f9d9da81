"""An open database: its connections, its transactions, and its errors.

Every error of a database or its driver is raised as `DatabaseUnusable`, with a hint what to do and without passwords.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import exc

from photzp.database.journal import choose_journal
from photzp.database.places import Place, check_file, locate, secrets_of
from photzp.database.upgrade import stored_columns, upgrade
from photzp.errors import DatabaseUnusable
from photzp.plaintext import without_passwords
from photzp.times import time_text

_BUSY_TIMEOUT_S = 60  # chosen because a write transaction here takes well under a second, ten waiting ones a few
_HINTS = (  # part of a driver's message -> what to do
    ('not a database', 'move the file away or name another database'),
    ('malformed', 'the file is damaged: put a copy of it back, or recover it with the sqlite3 shell'),
    ('could not decode', 'the file is damaged: put a copy of it back, or recover it with the sqlite3 shell'),
    ('locked', f'another process has held it for more than {_BUSY_TIMEOUT_S} s: wait for it or end it, then run again'),
    ('readonly', 'make the file and its directory writable, or name another database'),
    ('read-only', 'make it writable, or name another database'),
    ('disk is full', 'make room, then run again'),
    ('unable to open', 'check that the directory exists and that you may write to it, or name another database'),
    ('disk i/o', 'check whether the disk is full or failing, then run again'),
)


class Session:
    """One open database; use it in a `with` block, or call `close`.

    Parameters
    ----------
    place : str, os.PathLike or sqlalchemy.URL
        A file, a directory (then `default_name` in it; also a path that ends in a slash), or a URL of SQLite or
        PostgreSQL.  `~` is expanded and missing parent directories are created.
    readonly : bool
        Read an existing database without changing anything, not even its schema; a column that it lacks reads as
        missing.
    default_name : str
        Name of the file in a directory.
    now : callable
        Returns the time, with time zone.

    Attributes
    ----------
    place : str
        The database in messages, without a password.
    file : Path or None
        None where the database is not an SQLite file.

    Raises
    ------
    DatabaseUnusable
        The database cannot be opened.
    """

    def __init__(self, place: Place, *, readonly: bool = False, default_name: str = 'lcophotzp.db',
                 now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:  # noqa: TID251 (stamps rows)
        url, self.file = locate(place, default_name)
        self.place = str(self.file) if self.file else url.set(query={}).render_as_string(hide_password=True)
        self._secrets = secrets_of(url)
        self._readonly = readonly
        self._now = now
        if self.file:
            check_file(self.file, readonly)
        try:
            self._engine = _make_engine(url, self.file, readonly)
        except (exc.SQLAlchemyError, ImportError) as error:
            raise self._unusable(error) from None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        """Upgrade the database unless it is only read, and look up which columns it has."""
        if not self._readonly:
            with self.writing() as connection:
                upgrade(connection, self.file, self._now)
        with self.transaction() as connection:
            self._stored = stored_columns(connection)
        if self.file and not self._readonly:
            choose_journal(self._engine, self.file)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self, **options: Any) -> Iterator[sa.Connection]:
        """Open a transaction: committed at the end of the block, rolled back where an exception ends it.

        Parameters
        ----------
        **options : object
            Execution options of SQLAlchemy.

        Yields
        ------
        sqlalchemy.Connection
            In the transaction.

        Raises
        ------
        DatabaseUnusable
            The database refuses a statement of the block.
        """
        try:
            with self._engine.connect() as connection:
                connection.execution_options(**options)
                with connection.begin():
                    yield connection
        except (exc.DBAPIError, exc.TimeoutError, self._engine.dialect.loaded_dbapi.Error) as error:
            raise self._unusable(error) from None  # of the driver itself where its cursor is read

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """Open a transaction that takes the write lock at once, so that it cannot fail half-way for want of it.

        Returns
        -------
        context manager of sqlalchemy.Connection
            As `transaction`.

        Raises
        ------
        DatabaseUnusable
            The database was opened for reading only.
        """
        if self._readonly:
            raise DatabaseUnusable(f'{self.place} was opened for reading only')
        return self.transaction(sqlite_begin='BEGIN IMMEDIATE')

    def stamp(self) -> str:
        """The time now, for a row that is written.

        Returns
        -------
        str
            'YYYY-MM-DD HH:MM:SS.sss' UTC.
        """
        return time_text(self._now())

    def has_column(self, column: sa.Column) -> bool:
        """Whether the database has a column; one that was opened read-only may lack some.

        Parameters
        ----------
        column : sqlalchemy.Column
            Of our tables.

        Returns
        -------
        bool
            Always True once it was opened for writing.
        """
        return column.name in self._stored.get(column.table.name, ())

    def column_or_null(self, column: sa.Column) -> sa.ColumnElement:
        """A column for a statement.

        Parameters
        ----------
        column : sqlalchemy.Column
            Of our tables.

        Returns
        -------
        sqlalchemy.ColumnElement
            The column, or NULL under its name where the database lacks it.
        """
        return column if self.has_column(column) else sa.null().label(column.name)

    def select(self, table: sa.Table, *names: str) -> sa.Select:
        """SELECT of columns of a table.

        Parameters
        ----------
        table : sqlalchemy.Table
            One of our tables.
        *names : str
            Of its columns.

        Returns
        -------
        sqlalchemy.Select
            Of no rows where the database lacks the table.
        """
        statement = sa.select(*(self.column_or_null(table.c[name]) for name in names))
        return statement if table.name in self._stored else statement.where(sa.false())

    def _unusable(self, error: Exception) -> DatabaseUnusable:
        """The error of SQLAlchemy or a driver with a hint, without passwords."""
        text = ' '.join(str(getattr(error, 'orig', None) or error).split())
        for secret in self._secrets:
            text = text.replace(secret, '***')
        text = without_passwords(text)
        hint = next((hint for part, hint in _HINTS if part in text.lower()), 'check that it exists and may be used')
        return DatabaseUnusable(f'{self.place}: the database cannot be used ({text}): {hint}')


def _make_engine(url: sa.URL, file: Path | None, readonly: bool) -> sa.Engine:
    """Engine that leaves BEGIN to `_begin`, which the sqlite3 module would do too late."""
    if url.get_backend_name() != 'sqlite':
        return sa.create_engine(url, pool_pre_ping=True, execution_options={'postgresql_readonly': readonly})
    if file and readonly:
        query = {'mode': 'ro', 'uri': 'true'} | ({'immutable': '1'} if _is_frozen(file) else {})
        url = url.set(database=file.absolute().as_uri(), query=query)
    engine = sa.create_engine(url, connect_args={'timeout': _BUSY_TIMEOUT_S, 'isolation_level': None})
    sa.event.listen(engine, 'begin', _begin)
    return engine


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get('sqlite_begin', 'BEGIN'))


def _is_frozen(file: Path) -> bool:
    """Whether an SQLite file is in write-ahead mode, at rest, and in a directory where its index cannot be written.

    SQLite refuses to open such a file (a read-only mount, say) unless it is opened as immutable.
    """
    with file.open('rb') as stream:
        write_ahead = stream.read(20)[18:20] == b'\2\2'  # https://sqlite.org/fileformat.html, section 1.3.3
    return write_ahead and not os.access(file.parent, os.W_OK) and not file.with_name(f'{file.name}-wal').exists()
