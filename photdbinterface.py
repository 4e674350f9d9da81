"""The database of zeropoints: its tables behind one class, values in and out as dataclasses and arrays.

`lcophot` has one row per measured frame and `telescopemodel` the throughput model per telescope and filter; both are
older than this module, and their names and columns are an interface.  `throughputinterval` and `throughputstep` say how
that model is made up.  `photreject` has one row per frame that was looked at and not measured, so that the next run
need not open it again, and `photrun` one row per run of a script.

A database is named by a file, a directory or an SQLAlchemy URL (SQLite and PostgreSQL).  What an older database lacks
is added when it is opened, and nothing is taken away: looked up and done in one transaction that holds the write lock,
so that several processes may open it together, after a copy was put beside the file.  A database opened read-only is
taken as it is; a column that it lacks reads as missing.

A frame is known by its base name.  Older rows have a full path for a name: the same frame, which keeps its row.  The
column `frame` holds the exposure (the base name without level and extension) and is what look-ups go by.

Tables and their values are at home in `database/tables.py`; places, connections and what is said when they
fail, always as `DatabaseUnusable`, in `database/places.py`.
"""

import os
import socket
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import sqlalchemy as sa
from numpy.typing import ArrayLike
from sqlalchemy import exc

from photzp.database.places import (
    WRITE_CHUNK,
    Place,
    add_columns,
    back_up,
    check_file,
    choose_journal,
    chunks_of,
    copy_database,
    file_system_type,
    locate,
    lock,
    make_engine,
    refusal,
    reset_counters,
    secrets_of,
    upsert,
)
from photzp.database.tables import (
    CONVERTERS,
    INTERVAL,
    MODEL,
    PHOT,
    READ_CHUNK,
    REJECT,
    RUN,
    STEP,
    Base,
    Fingerprint,
    LcoPhot,
    best_of_exposure,
    described_columns,
    digested,
    fitting_row,
    json_text,
    key_of,
    model_of,
    names_of,
    number_of,
    plain_rows,
    read_columns,
    row_of,
    run_of,
    stored_value,
    text_of,
)
from photzp.errors import ENDED_WELL, EXPOSURE_TOO_SHORT, DatabaseUnusable
from photzp.names import TelescopeKey, base_name, exposure_of, level_of
from photzp.plaintext import without_passwords
from photzp.records import (
    Column,
    FileFacts,
    Measurement,
    RejectedFrame,
    RowDigest,
    Run,
    StoredModel,
    Watch,
    Zeropoints,
    unwatched,
)
from photzp.times import Time, day_of, instant_of, time_text

__all__ = [
    'Base',
    'LcoPhot',
    'Measurement',
    'PhotDatabase',
    'RejectedFrame',
    'Run',
    'StoredModel',
    'Zeropoints',
    'file_system_type',
    'without_passwords',
]


_IN_CHUNK = 900  # names per IN (...): SQLite before 3.32 takes 999 parameters


class PhotDatabase:
    """The database at one place; use it in a `with` block, or call `close`.

    place : a file, a directory (then `default_name` in it; also a path that ends in a slash), or an SQLAlchemy URL.
        `~` is expanded and missing parent directories are made.
    readonly : read an existing database without changing anything, not even its schema.
    now : callable that returns the time, with time zone.
    Raises DatabaseUnusable where the database cannot be opened; so does every method that cannot read or write it.
    """

    def __init__(self, place: Place, *, readonly: bool = False, default_name: str = 'lcophotzp.db',
                 now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:  # noqa: TID251 (stamps rows)
        url, file = locate(place, default_name)
        self.place = str(file) if file else url.set(query={}).render_as_string(hide_password=True)
        self._secrets = secrets_of(url)
        self._file = file
        self._readonly = readonly
        self._now = now
        if file:
            check_file(file, readonly)
        self._engine = self._connectable(url, file)
        try:
            self._open(file)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def exists(place: Place, *, default_name: str = 'lcophotzp.db') -> bool:
        """Whether there is a file at this place; True for a server, which only opening can tell."""
        _, file = locate(place, default_name)
        return file is None or file.is_file()

    def backup(self, copy: Path) -> None:
        """Copy the database to a file as it is at one moment, also while others write; an older copy is replaced.

        Raises DatabaseUnusable where that cannot be done, or where the database is not a file.
        """
        if self._file is None:
            raise DatabaseUnusable(f'{self.place}: only SQLite files are copied; use pg_dump for PostgreSQL')
        try:
            if copy.exists() and copy.samefile(self._file):
                raise DatabaseUnusable(f'{copy}: is the database itself; name another file')
            copy_database(self._file, copy)
        except (OSError, sqlite3.Error) as error:
            raise DatabaseUnusable(f'{copy}: the copy cannot be written ({error}); see --backup') from None

    def copy_from(self, source: 'PhotDatabase', watch: Watch = unwatched) -> dict[str, tuple[int, int]]:
        """Take all rows of another database into this one, which must be empty: all of them or none.

        watch : is given an iterator, what it is of and how much that is, and gives it back, as for a progress bar.

        Values that their column has no room for (a text where a number belongs) become NULL, which is how they are
        read.  The rows are read again before they count.  Returns {table: (rows, values that became NULL)}.
        Raises DatabaseUnusable where this database holds rows, or does not give back what was put into it.
        """
        copied = {}
        with source._transaction() as reading, self._writing() as writing:
            for table in Base.metadata.sorted_tables:
                if _count_rows(writing, table):
                    raise DatabaseUnusable(f'{self.place}: holds rows in {table.name} already; only an empty database '
                                           'takes those of another: name a new one by --copyto')
            for table in Base.metadata.sorted_tables:
                names = [column.name for column in table.columns if column.name in source._columns.get(table.name, ())]
                copied[table.name] = self._copy_table(reading, writing, table, names, watch)
            reset_counters(writing, Base.metadata.sorted_tables)
        return copied

    def _copy_table(self, reading: sa.Connection, writing: sa.Connection, table: sa.Table,
                    names: list[str], watch: Watch) -> tuple[int, int]:
        """Copy columns of one table and compare: (rows, values that became NULL)."""
        put, there, lost = Fingerprint(), Fingerprint(), 0
        parts = _count_rows(reading, table) // READ_CHUNK + 1 if names else 0
        for rows in watch(_partitions(reading, table, names), 'parts', parts):
            fitting = [fitting_row(table, row) for row in rows]
            lost += sum(row[name] is None and value is not None
                        for before, row in zip(rows, fitting, strict=True) for name, value in before.items())
            put.add(fitting)
            writing.execute(sa.insert(table), fitting)
        for rows in watch(_partitions(writing, table, names), 'parts', parts):
            there.add(rows)
        if there != put:
            raise DatabaseUnusable(f'{self.place}: {table.name} does not give back what was put into it; nothing was '
                                   'copied')
        return put.rows, lost

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- opening -------------------------------------------------------------------------------------------------------

    def _connectable(self, url: sa.URL, file: Path | None) -> sa.Engine:
        try:
            return make_engine(url, file, self._readonly)
        except (exc.SQLAlchemyError, ImportError) as error:
            raise self._unusable(error) from None

    def _open(self, file: Path | None) -> None:
        if not self._readonly:
            self._upgrade(file)
        with self._transaction() as connection:
            self._columns = _columns_there(connection)
        if file and not self._readonly:
            choose_journal(self._engine, file)

    def _upgrade(self, file: Path | None) -> None:
        """Add the tables, columns and indexes that the database lacks, and fill in `frame`."""
        with self._writing() as connection:
            lock(connection, 'schema')
            there = _columns_there(connection)
            tables = [table for table in Base.metadata.sorted_tables if table.name not in there]
            columns = [
                column
                for name, present in there.items()
                for column in Base.metadata.tables[name].columns
                if column.name not in present and not column.primary_key
            ]
            if file and (tables or columns) and sa.inspect(connection).get_table_names():
                back_up(file, self._now().astimezone(UTC))
            Base.metadata.create_all(connection, tables=tables)
            add_columns(connection, columns)
            _fill_in_frame(connection)
            for index in (index for table in Base.metadata.sorted_tables for index in table.indexes):
                connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))

    # -- transactions --------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, **options: Any) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                connection.execution_options(**options)
                with connection.begin():
                    yield connection
        except (exc.DBAPIError, exc.TimeoutError, self._engine.dialect.loaded_dbapi.Error) as error:
            raise self._unusable(error) from None  # of the driver itself where its cursor is read

    def _writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that takes the write lock at once, so that it cannot fail half-way for want of it."""
        if self._readonly:
            raise DatabaseUnusable(f'{self.place} was opened for reading only')
        return self._transaction(sqlite_begin='BEGIN IMMEDIATE')

    def _unusable(self, error: Exception) -> DatabaseUnusable:
        return refusal(self.place, error, self._secrets)

    def _column(self, column: sa.Column) -> sa.ColumnElement:
        """The column, or NULL under its name where a database that was opened read-only lacks it."""
        return column if column.name in self._columns.get(column.table.name, ()) else sa.null().label(column.name)

    def _select(self, table: sa.Table, *names: str) -> sa.Select:
        """SELECT of columns of a table: no rows where a database that was opened read-only lacks the table."""
        statement = sa.select(*(self._column(table.c[name]) for name in names))
        return statement if table.name in self._columns else statement.where(sa.false())

    # -- measured frames -----------------------------------------------------------------------------------------------

    def add(self, measurement: Measurement) -> None:
        """Store one `Measurement`: see `add_many`."""
        self.add_many([measurement])

    def add_many(self, measurements: Iterable[Measurement]) -> None:
        """Store measurements in one transaction; each replaces all columns of an earlier row of the same frame.

        A row that has a full path of the frame for its name keeps it.  What was noted in `photreject` under the same
        base name is removed.
        """
        processed = time_text(self._now())
        rows = {key_of(each.name): row_of(each, processed=processed) for each in measurements}
        if not rows:
            return
        with self._writing() as connection:
            keys = self._keys_of(connection, rows)
            upsert(connection, PHOT, [row | {'name': keys[name]} for name, row in rows.items()])
            for names in chunks_of(list(rows), _IN_CHUNK):
                connection.execute(sa.delete(REJECT).where(REJECT.c.name.in_(names)))

    def _keys_of(self, connection: sa.Connection, names: Iterable[str]) -> dict[str, str]:
        """The key under which each base name is stored: itself, unless only a full path of it is there."""
        stored = set(self._stored_names(connection, {exposure_of(name) for name in names}))
        paths = {base_name(key): key for key in sorted(stored)}
        return {name: name if name in stored else paths.get(name, name) for name in names}

    def _stored_names(self, connection: sa.Connection, exposures: Iterable[str]) -> Iterator[str]:
        """Yield the names of all rows of these exposures (and of rows not yet filled in: an older program's)."""
        frame, name = self._column(PHOT.c.frame), self._column(PHOT.c.name)
        names = self._select(PHOT, 'name')
        yield from map(text_of, connection.scalars(names.where(frame.is_(None), name.is_not(None))))
        for chunk in chunks_of(list(exposures), _IN_CHUNK):
            yield from connection.scalars(names.where(frame.in_(chunk)))

    # -- frames that were looked at ------------------------------------------------------------------------------------

    def reject(self, rejected: RejectedFrame) -> None:
        """Note one `RejectedFrame`: see `reject_many`."""
        self.reject_many([rejected])

    def reject_many(self, rejected: Iterable[RejectedFrame]) -> None:
        """Note frames that were looked at and not measured, in one transaction; measured rows stay as they are."""
        looked = time_text(self._now())
        rows = {key_of(each.name): row_of(each, looked=looked) for each in rejected}
        for row in rows.values():
            row['exptime'] = row.pop('exptime_s')
        if rows:
            with self._writing() as connection:
                upsert(connection, REJECT, [row | {'name': name} for name, row in rows.items()])

    def rejections(self) -> list[RejectedFrame]:
        """All frames noted as looked at and not measured, a list of `RejectedFrame` by name."""
        names = ('name', 'reason', 'detail', 'retry', 'size', 'mtime', 'exptime')
        with self._transaction() as connection:
            rows = connection.execute(self._select(REJECT, *names)).all()
        frames = [RejectedFrame(row.name, row.reason, row.detail, row.retry, row.size, row.mtime, row.exptime)
                  for row in rows]
        return sorted(frames, key=lambda each: each.name)

    def rejected_for(self, reason: str) -> set[str]:
        """Base names of the frames that were last rejected for this reason."""
        statement = self._select(REJECT, 'name').where(self._column(REJECT.c.reason) == reason)
        with self._transaction() as connection:
            return {key_of(name) for name in connection.scalars(statement)}

    def known(self, names: Iterable[str], *, mintexp_s: float | None = None,
              stat: FileFacts | None = None) -> dict[str, str]:
        """Which of these frames need no second look.

        names : base names or paths.
        mintexp_s : the shortest exposure time that is measured now.
        stat : callable(name) -> (size in bytes, mtime in ns) of the file now; called only for names with a rejection
            that would stand otherwise.  OSError means that the file is to be looked at.
        Returns {name: 'measured' or 'rejected'}.  Measured is a frame that has a row, under its base name or a path,
        or whose exposure has a row of a higher level.  Rejected is a frame of exactly this base name whose rejection
        was not to be tried again, whose file is unchanged, and which is not too short only by an earlier `mintexp_s`.
        """
        bases = {name: key_of(name) for name in names}
        with self._transaction() as connection:
            measured = self._measured(connection, set(bases.values()))
            rejected = self._rejected(connection, set(bases.values()) - measured)
        verdicts = {name: 'measured' for name, base in bases.items() if base in measured}
        for name, base in bases.items():
            if base in rejected and _still_rejected(rejected[base], name, mintexp_s, stat):
                verdicts[name] = 'rejected'
        return verdicts

    def _measured(self, connection: sa.Connection, names: Iterable[str]) -> set[str]:
        """Those of the base names that have a row, or whose exposure has a row of a higher level."""
        exposures = {name: exposure_of(name) for name in names}
        rows = defaultdict(set)
        for key in self._stored_names(connection, set(exposures.values())):
            rows[exposure_of(key)].add(base_name(key))
        return {
            name
            for name, exposure in exposures.items()
            if name in rows[exposure] or any(level_of(name) < level_of(stored) for stored in rows[exposure])
        }

    def _rejected(self, connection: sa.Connection, names: Iterable[str]) -> dict[str, sa.Row]:
        """{base name: row of `photreject`} for those of the names that have one."""
        statement = self._select(REJECT, 'name', 'reason', 'retry', 'size', 'mtime', 'exptime')
        name = self._column(REJECT.c.name)
        chunks = (connection.execute(statement.where(name.in_(chunk))) for chunk in chunks_of(list(names), _IN_CHUNK))
        return {row.name: row for rows in chunks for row in rows}

    # -- reading -------------------------------------------------------------------------------------------------------

    def zeropoints(
        self,
        *,
        site: str | Iterable[str] | None = None,
        dome: str | Iterable[str] | None = None,
        telescope: str | Iterable[str] | None = None,
        camera: str | Iterable[str] | None = None,
        filter: str | Iterable[str] | None = None,  # noqa: A002 (the name of the column)
        start: Time | None = None,
        end: Time | None = None,
        one_per_exposure: bool = True,
        digest: RowDigest | None = None,
    ) -> Zeropoints:
        """Measured frames as `Zeropoints`, in order of time.

        site, dome, telescope, camera, filter : a value or several; None takes all.
        start, end : times (str, datetime or datetime64, UTC); start <= dateobs < end.
        one_per_exposure : of the rows of one exposure only the one of the highest level, among these the one processed
            last; False takes all rows.
        digest : updated with every row read; only its columns are read (name, frame, dateobs and processed among
            them), the others are as where they are missing.
        """
        wanted = {'site': site, 'dome': dome, 'telescope': telescope, 'camera': camera, 'filter': filter}
        start, end = (None if time is None else instant_of(time) for time in (start, end))
        names = (*CONVERTERS, 'frame') if digest is None else digest.names
        statement = self._select(PHOT, *names).where(*self._conditions(wanted, start, end))
        if digest is not None:
            statement = statement.order_by(*self._order())
        with self._transaction() as connection:
            columns, exposures = read_columns(connection, statement, names, digest)
        keep = np.ones(len(exposures), bool)
        if start is not None:
            keep &= columns['dateobs'] >= start
        if end is not None:
            keep &= columns['dateobs'] < end
        if one_per_exposure:
            keep &= best_of_exposure(columns['name'], exposures, columns['processed'])
        rows = np.flatnonzero(keep)
        rows = rows[np.argsort(columns['dateobs'][rows], kind='stable')]
        columns = {name: values[rows] for name, values in columns.items()}
        columns['name'] = names_of(base_name(name) if os.sep in name else name for name in columns['name'])
        return Zeropoints(**columns)

    def _conditions(self, wanted: Mapping[str, str | Iterable[str] | None], start: np.datetime64 | None,
                    end: np.datetime64 | None) -> Iterator[sa.ColumnElement[bool]]:
        """WHERE for the wanted values, and for whole days, as dateobs has a blank or a T between date and time."""
        for name, values in wanted.items():
            if values is not None:
                yield self._column(PHOT.c[name]).in_([values] if isinstance(values, str) else list(values))
        dateobs = self._column(PHOT.c.dateobs)
        if start is not None:
            yield dateobs >= str(day_of(start))
        if end is not None:
            yield dateobs < str(day_of(end) + np.timedelta64(1, 'D'))

    def digest(self, names: Sequence[str], **wanted: str | Iterable[str]) -> RowDigest:
        """Digest of some columns of the rows of one telescope: it differs where any value would be read as another.

        names : of the columns.  wanted : column = value or values.
        """
        statement = self._select(PHOT, *names).where(*self._conditions(wanted, None, None)).order_by(*self._order())
        found = RowDigest(names)
        with self._transaction() as connection:
            for rows in plain_rows(connection, statement):
                found.add(len(rows), digested(dict(zip(names, zip(*rows, strict=True), strict=True)), names))
        return found

    def _order(self) -> tuple[sa.ColumnElement, sa.ColumnElement]:
        """What the rows of one telescope are sorted by, so that they are always read alike."""
        return self._column(PHOT.c.dateobs), self._column(PHOT.c.name)

    def count(self, **wanted: str | Iterable[str]) -> int:
        """Number of rows; wanted : column = value or values."""
        statement = sa.select(sa.func.count()).select_from(PHOT).where(*self._conditions(wanted, None, None))
        with self._transaction() as connection:
            return connection.execute(statement).scalar_one()

    def telescopes(self) -> list[TelescopeKey]:
        """Telescopes that have rows: a sorted list of (site, dome, telescope)."""
        return self._distinct('site', 'dome', 'telescope')

    def filters(self) -> list[str]:
        """Filters that have rows: a sorted list of names."""
        return [name for (name,) in self._distinct('filter')]

    @staticmethod
    def columns() -> tuple[Column, ...]:
        """A `Column` for each field of `Zeropoints`: its unit, its meaning, and the type of its values."""
        return described_columns()

    def _distinct(self, *names: str) -> list[tuple]:
        with self._transaction() as connection:
            rows = connection.execute(self._select(PHOT, *names).distinct())
            return sorted(tuple(row) for row in rows if all(isinstance(part, str) for part in row))

    # -- throughput model ----------------------------------------------------------------------------------------------

    def store_model(self, telescopeid: str, filter: str, dateobs: ArrayLike,  # noqa: A002
                    modelzp: Sequence[float] | np.ndarray, modelzperr: Sequence[float] | np.ndarray | None = None,
                    intervals: Iterable[dict[str, Any]] = (), steps: Iterable[dict[str, Any]] = ()) -> None:
        """Replace the throughput model of one telescope and filter, in one transaction.

        dateobs (n,) times; modelzp, modelzperr (n,) [mag].  intervals, steps : dicts of the columns of
        `throughputinterval` and `throughputstep`.  Raises ValueError for unequal lengths or no time.
        """
        dateobs = np.asarray(dateobs, dtype='datetime64[ms]')
        modelzperr = np.full(len(dateobs), np.nan) if modelzperr is None else modelzperr
        if np.isnat(dateobs).any():
            raise ValueError('a throughput model needs a time in every row')
        times = [text.replace('T', ' ') for text in np.datetime_as_string(dateobs).tolist()]  # as `time_text` of each
        columns = zip(times, np.asarray(modelzp).tolist(), np.asarray(modelzperr).tolist(), strict=True)
        nightly = [{'dateobs': time, 'modelzp': zp, 'modelzperr': zperr} for time, zp, zperr in columns]
        series = {'telescopeid': telescopeid, 'filter': filter}
        with self._writing() as connection:
            lock(connection, f'{telescopeid} {filter}')  # else each of two deletes what it finds and adds its own
            for table, rows in ((MODEL, nightly), (INTERVAL, intervals), (STEP, steps)):
                rows = [series | {name: stored_value(value) for name, value in row.items()} for row in rows]
                connection.execute(sa.delete(table).where(*(table.c[name] == value for name, value in series.items())))
                for chunk in chunks_of(rows, WRITE_CHUNK):
                    connection.execute(sa.insert(table).inline(), chunk)

    def intervals_and_steps(self, telescopeid: str,
                            filter: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:  # noqa: A002
        """Stored intervals and steps of one telescope and filter: two lists of dicts of their columns."""
        found = []
        for table in (INTERVAL, STEP):
            names = [column.name for column in table.columns if column.name != 'id']
            telescope, band = self._column(table.c.telescopeid), self._column(table.c.filter)
            with self._transaction() as connection:
                rows = connection.execute(self._select(table, *names).where(telescope == telescopeid, band == filter))
                found.append([dict(zip(names, row, strict=True)) for row in rows])
        return found[0], found[1]

    def model(self, telescopeid: str, filter: str) -> StoredModel:  # noqa: A002
        """The `StoredModel` of one telescope and filter, of length 0 where there is none."""
        telescope, band = self._column(MODEL.c.telescopeid), self._column(MODEL.c.filter)
        statement = self._select(MODEL, 'dateobs', 'modelzp', 'modelzperr')
        with self._transaction() as connection:
            rows = connection.execute(statement.where(telescope == telescopeid, band == filter)).all()
        return model_of(rows)

    # -- checks --------------------------------------------------------------------------------------------------------

    def integrity(self) -> list[str]:
        """What the database itself finds wrong with its file, one text each; a server looks after itself."""
        if self._engine.dialect.name != 'sqlite':
            return []
        with self._transaction() as connection:
            found: Sequence[str] = connection.exec_driver_sql('PRAGMA integrity_check').scalars().all()
        return [text for text in found if text != 'ok']

    def raw_rows(self) -> Iterator[dict[str, Any]]:
        """Every row of `lcophot` as stored, a dict of (name, dateobs, site, dome, telescope, filter, airmass, zp)."""
        names = ('name', 'dateobs', 'site', 'dome', 'telescope', 'filter', 'airmass', 'zp')
        statement = self._select(PHOT, *names)
        with self._transaction(yield_per=READ_CHUNK) as connection:
            for row in connection.execute(statement):
                yield dict(zip(names, row, strict=True))

    # -- runs ----------------------------------------------------------------------------------------------------------

    def start_run(self, script: str, options: dict[str, Any], version: str) -> int:
        """Note that a script has started.

        options : dict, stored as JSON without the passwords of URLs.  Returns the number of the run.
        """
        row = {
            'script': script,
            'started': time_text(self._now()),
            'options': without_passwords(json_text(options)),
            'version': version,
            'host': socket.gethostname(),
            'pid': os.getpid(),
        }
        with self._writing() as connection:
            key = connection.execute(sa.insert(RUN).values(row)).inserted_primary_key
        assert key is not None, 'one row was inserted'
        return key[0]

    def finish_run(self, run_id: int, status: int, counts: dict[str, int],
                   per_telescope: dict[str, Any] | None = None) -> None:
        """Note that a run has ended, with its exit status, counts by reason, and a dict per telescope."""
        row = {
            'ended': time_text(self._now()),
            'status': int(status),
            'counts': json_text(counts),
            'pertelescope': json_text(per_telescope or {}),
        }
        with self._writing() as connection:
            connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(row))

    def runs(self, limit: int = 100, *, script: str | None = None) -> list[Run]:
        """The last runs (of one script), newest first: a list of `Run`."""
        statement = self._select(RUN, *(column.name for column in RUN.columns))
        if script is not None:
            statement = statement.where(self._column(RUN.c.script) == script)
        with self._transaction() as connection:
            rows = connection.execute(statement.order_by(self._column(RUN.c.id).desc()).limit(limit)).all()
        return [run_of(row) for row in rows]

    def last_run(self, script: str) -> Run | None:
        """The newest `Run` of a script, or None where it never ran."""
        return next(iter(self.runs(1, script=script)), None)

    def last_good(self, script: str) -> datetime | None:
        """When a script last ended well, whatever it found: naive UTC, None for never."""
        statement = sa.select(sa.func.max(self._column(RUN.c.ended))).where(
            self._column(RUN.c.script) == script, self._column(RUN.c.status).in_(ENDED_WELL))
        with self._transaction() as connection:
            ended = connection.execute(statement).scalar()
        return None if ended is None else datetime.fromisoformat(ended)


# -- schema and rejections ---------------------------------------------------------------------------------------------


def _columns_there(connection: sa.Connection) -> dict[str, set[str]]:
    """{table: set of its columns} for those of the tables that the database has."""
    inspector = sa.inspect(connection)
    tables = inspector.get_multi_columns(filter_names=list(Base.metadata.tables))
    return {name: {column['name'].lower() for column in columns} for (_, name), columns in tables.items()}


def _fill_in_frame(connection: sa.Connection) -> None:
    """Fill in the exposure where a row lacks it: all rows of an older database, or those of an older program."""
    lacking = sa.select(PHOT.c.name).where(PHOT.c.frame.is_(None), PHOT.c.name.is_not(None))
    names = [name for name in connection.scalars(lacking) if isinstance(name, str)]  # SQLite keeps bytes as they are
    statement = sa.update(PHOT).where(PHOT.c.name == sa.bindparam('key')).values(frame=sa.bindparam('exposure'))
    for chunk in chunks_of(names, WRITE_CHUNK):
        connection.execute(statement, [{'key': name, 'exposure': exposure_of(name)} for name in chunk])


def _still_rejected(record: sa.Row, name: str, mintexp_s: float | None, stat: FileFacts | None) -> bool:
    """Whether a row of `photreject` still says all there is to say about a frame."""
    if record.retry:
        return False
    if record.reason == EXPOSURE_TOO_SHORT.name and mintexp_s is not None:
        exptime = number_of(record.exptime)
        if not exptime < mintexp_s:
            return False
    if stat is None:
        return True
    try:
        return tuple(stat(name)) == (record.size, record.mtime)
    except OSError:
        return False


def _count_rows(connection: sa.Connection, table: sa.Table) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def _partitions(connection: sa.Connection, table: sa.Table, names: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a table in parts, as dicts of the columns named; nothing where none is."""
    if names:
        statement = sa.select(*(table.c[name] for name in names))
        found = connection.execute(statement, execution_options={'yield_per': READ_CHUNK})
        for part in found.mappings().partitions():
            yield [dict(row) for row in part]
