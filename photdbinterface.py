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
column `frame` holds the exposure (the base name without level and extension) and is what look-ups go by.  Missing
numbers are NULL in the database and NaN in arrays; text or infinity in a column of numbers is read as missing.  Times
are UTC, 'YYYY-MM-DD HH:MM:SS.sss' in the database and datetime64[ms] in arrays.

Everything that a database or its driver refuses is raised as `DatabaseUnusable`, without passwords.
"""

import json
import logging
import math
import os
import re
import shutil
import socket
import sqlite3
from collections import defaultdict
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from urllib.parse import quote, quote_plus

import numpy as np
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from names import base_name, exposure_of, level_of
from rejections import EXPOSURE_TOO_SHORT, DatabaseUnusable

log = logging.getLogger('photzp.photdbinterface')

BUSY_TIMEOUT_S = 60  # chosen because a write transaction here takes well under a second, ten waiting ones a few
MOUNTINFO = Path('/proc/self/mountinfo')  # Linux only; elsewhere SQLite's own answer has to do
# File systems without the shared memory that SQLite's write-ahead log needs (https://sqlite.org/wal.html).
REMOTE_FILE_SYSTEMS = re.compile(
    r'nfs\d?|cifs|smb\w*|ncpfs|afs|coda|9p|virtiofs|fuse\..*|lustre|ceph|glusterfs|gpfs|beegfs|panfs|orangefs|pvfs2'
    r'|ocfs2|gfs2'
)
_IN_CHUNK = 900  # names per IN (...): SQLite before 3.32 takes 999 parameters
_WRITE_CHUNK = 10_000  # rows per statement when many are written
_READ_CHUNK = 5_000  # rows per conversion to arrays: a few MB at a time
_UPSERT = {'sqlite': sqlite.insert, 'postgresql': postgresql.insert}
_HINTS = (  # what a driver says -> what to do about it
    ('not a database', 'move the file away or name another database'),
    ('malformed', 'the file is damaged: put a copy of it back, or recover it with the sqlite3 shell'),
    ('locked', f'another process has held it for more than {BUSY_TIMEOUT_S} s: wait for it or end it, then run again'),
    ('readonly', 'make the file and its directory writable, or name another database'),
    ('read-only', 'make it writable, or name another database'),
    ('disk is full', 'make room, then run again'),
    ('unable to open', 'see whether the directory exists and may be written, or name another database'),
    ('disk i/o', 'see whether the disk is full or failing, then run again'),
)


class Base(DeclarativeBase):
    """The tables.  Beyond the key every column may be NULL: older rows, and other programs' rows, lack some."""

    type_annotation_map = {str: sa.Text, float: sa.Double}  # noqa: RUF012 (SQLAlchemy's own idiom)


class LcoPhot(Base):
    """One measured frame; `Measurement` says what the columns mean."""

    __tablename__ = 'lcophot'
    name: Mapped[str] = mapped_column(primary_key=True)
    dateobs: Mapped[str | None]
    site: Mapped[str | None]
    dome: Mapped[str | None]
    telescope: Mapped[str | None]
    camera: Mapped[str | None]
    filter: Mapped[str | None]
    airmass: Mapped[float | None]
    zp: Mapped[float | None]
    colorterm: Mapped[float | None]
    zpsig: Mapped[float | None]
    zperr: Mapped[float | None]
    colortermerr: Mapped[float | None]
    zpcolor: Mapped[float | None]
    nstars: Mapped[int | None]
    exptime: Mapped[float | None]
    zpcolortermcov: Mapped[float | None]
    colortermheld: Mapped[bool | None]
    refcomplete: Mapped[bool | None]
    wcsoffset: Mapped[float | None]
    processed: Mapped[str | None]
    frame: Mapped[str | None]
    __table_args__ = (
        sa.Index('ix_lcophot_frame', 'frame'),
        sa.Index('ix_lcophot_series', 'site', 'dome', 'telescope', 'filter', 'dateobs'),
    )


class TelescopeModel(Base):
    """One date of the throughput model of a telescope and filter.  Some databases have no `entryid`: never used."""

    __tablename__ = 'telescopemodel'
    entryid: Mapped[int] = mapped_column(primary_key=True)
    telescopeid: Mapped[str | None]
    filter: Mapped[str | None]
    dateobs: Mapped[str | None]
    modelzp: Mapped[float | None]
    modelzperr: Mapped[float | None]
    __table_args__ = (sa.Index('ix_telescopemodel_series', 'telescopeid', 'filter', 'dateobs'),)


class ThroughputInterval(Base):
    """One interval of a throughput model between events: a line with its slope.  Times as in `lcophot`."""

    __tablename__ = 'throughputinterval'
    id: Mapped[int] = mapped_column(primary_key=True)
    telescopeid: Mapped[str | None]
    filter: Mapped[str | None]
    starttime: Mapped[str | None]
    endtime: Mapped[str | None]
    openedby: Mapped[str | None]
    nights: Mapped[int | None]
    measurements: Mapped[int | None]
    startzp: Mapped[float | None]
    startzperr: Mapped[float | None]
    endzp: Mapped[float | None]
    endzperr: Mapped[float | None]
    slope: Mapped[float | None]
    slopeerr: Mapped[float | None]
    __table_args__ = (sa.Index('ix_throughputinterval_series', 'telescopeid', 'filter'),)


class ThroughputStep(Base):
    """One step of a throughput model at an event, gains positive; `instrumental` where two cameras differ in it."""

    __tablename__ = 'throughputstep'
    id: Mapped[int] = mapped_column(primary_key=True)
    telescopeid: Mapped[str | None]
    filter: Mapped[str | None]
    dateobs: Mapped[str | None]
    kind: Mapped[str | None]
    step: Mapped[float | None]
    steperr: Mapped[float | None]
    instrumental: Mapped[bool | None]
    __table_args__ = (sa.Index('ix_throughputstep_series', 'telescopeid', 'filter'),)


class PhotReject(Base):
    """One frame that was looked at and not measured; `RejectedFrame` says what the columns mean."""

    __tablename__ = 'photreject'
    name: Mapped[str] = mapped_column(primary_key=True)
    frame: Mapped[str | None]
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    retry: Mapped[bool | None]
    size: Mapped[int | None] = mapped_column(sa.BigInteger)
    mtime: Mapped[int | None] = mapped_column(sa.BigInteger)
    exptime: Mapped[float | None]
    looked: Mapped[str | None]


class PhotRun(Base):
    """One run of a script; `Run` says what the columns mean."""

    __tablename__ = 'photrun'
    id: Mapped[int] = mapped_column(primary_key=True)
    script: Mapped[str | None] = mapped_column(index=True)
    started: Mapped[str | None]
    ended: Mapped[str | None]
    status: Mapped[int | None]
    options: Mapped[str | None]
    counts: Mapped[str | None]
    pertelescope: Mapped[str | None]
    version: Mapped[str | None]
    host: Mapped[str | None]
    pid: Mapped[int | None]


PHOT, MODEL, INTERVAL, STEP, REJECT, RUN = (model.__table__ for model in (
    LcoPhot, TelescopeModel, ThroughputInterval, ThroughputStep, PhotReject, PhotRun))


@dataclass(frozen=True)
class Measurement:
    """One measured frame, a row of `lcophot`; NaN and None are stored as NULL.

    name : base name, or a path that ends in it.
    dateobs : start of the exposure, UTC, 'YYYY-MM-DD HH:MM:SS.sss'.
    zp, zperr, zpsig [mag], colorterm, colortermerr, zpcolor [mag] : zeropoint at the colour g-i = zpcolor and its
        error, scatter of single stars, colour term and its error.
    zpcolortermcov [mag^2] : covariance of zp and colorterm.
    nstars : stars used in the fit.  exptime [s].
    colortermheld : the colour term was not fitted but held at the camera's usual value.
    refcomplete : False where a part of the reference catalogue was missing.
    wcsoffset [arcsec] : offset between frame and catalogue that matching removed.
    """

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
    zperr: float = math.nan
    colortermerr: float = math.nan
    zpcolor: float = math.nan
    nstars: int | None = None
    exptime: float = math.nan
    zpcolortermcov: float = math.nan
    colortermheld: bool | None = None
    refcomplete: bool | None = None
    wcsoffset: float = math.nan


@dataclass(frozen=True)
class RejectedFrame:
    """One frame that was looked at and not measured.

    name : base name, or a path that ends in it.
    reason, detail : name of a `rejections.Reason`, and what was found.
    retry : True where the next run should look again although nothing changed.
    size [bytes], mtime [ns] : of the file when it was looked at, None where there was none.
    exptime_s : exposure time, None where it was not known.
    """

    name: str
    reason: str
    detail: str = ''
    retry: bool = False
    size: int | None = None
    mtime: int | None = None
    exptime_s: float | None = None


@dataclass(frozen=True)
class Zeropoints:
    """Measured frames by column, in order of time: arrays of one length n, named as the columns of `lcophot`.

    name : object array of base names.  dateobs, processed : datetime64[ms], NaT where missing.
    site, dome, telescope, camera, filter : str arrays, '' where missing.
    colortermheld, refcomplete : bool; rows older than these columns read False and True.
    All others : float64, NaN where missing; units as in `Measurement`.
    """

    name: np.ndarray
    dateobs: np.ndarray
    site: np.ndarray
    dome: np.ndarray
    telescope: np.ndarray
    camera: np.ndarray
    filter: np.ndarray
    airmass: np.ndarray
    zp: np.ndarray
    colorterm: np.ndarray
    zpsig: np.ndarray
    zperr: np.ndarray
    colortermerr: np.ndarray
    zpcolor: np.ndarray
    nstars: np.ndarray
    exptime: np.ndarray
    zpcolortermcov: np.ndarray
    colortermheld: np.ndarray
    refcomplete: np.ndarray
    wcsoffset: np.ndarray
    processed: np.ndarray

    def __len__(self):
        """Number of rows."""
        return len(self.name)

    def __getitem__(self, rows):
        """The same columns of some rows: a mask, an index array or a slice."""
        return Zeropoints(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class StoredModel:
    """Throughput model of one telescope and filter in order of time.

    dateobs (n,) datetime64[ms]; modelzp, modelzperr (n,) [mag], modelzperr NaN where missing.
    """

    dateobs: np.ndarray
    modelzp: np.ndarray
    modelzperr: np.ndarray


@dataclass(frozen=True)
class Run:
    """One run of a script: `ended` and `status` are None while it runs, and for ever where it was killed."""

    id: int
    script: str
    started: str
    ended: str | None
    status: int | None
    options: dict
    counts: dict
    per_telescope: dict
    version: str
    host: str
    pid: int


class PhotDatabase:
    """The database at one place; use it in a `with` block, or call `close`.

    place : a file, a directory (then `default_name` in it; also a path that ends in a slash), or an SQLAlchemy URL.
        `~` is expanded and missing parent directories are made.
    readonly : read an existing database without changing anything, not even its schema.
    now : callable that returns the time, with time zone.
    Raises DatabaseUnusable where the database cannot be opened; so does every method that cannot read or write it.
    """

    def __init__(self, place, *, readonly=False, default_name='lcophotzp.db', now=lambda: datetime.now(UTC)):
        url, file = _locate(place, default_name)
        self.place = str(file) if file else url.set(query={}).render_as_string(hide_password=True)
        self._secrets = _secrets(url)
        self._readonly = readonly
        self._now = now
        if file:
            _check_file(file, readonly)
        self._engine = self._connectable(url, file)
        try:
            self._open(file)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def exists(place, *, default_name='lcophotzp.db'):
        """Whether there is a file at this place; True for a server, which only opening can tell."""
        _, file = _locate(place, default_name)
        return file is None or file.is_file()

    def close(self):
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- opening -------------------------------------------------------------------------------------------------------

    def _connectable(self, url, file):
        try:
            return _engine(url, file, self._readonly)
        except (exc.SQLAlchemyError, ImportError) as error:
            raise self._unusable(error) from None

    def _open(self, file):
        if not self._readonly:
            self._upgrade(file)
        with self._transaction() as connection:
            self._columns = _columns_there(connection)
        if file and not self._readonly:
            self._choose_journal(file)

    def _upgrade(self, file):
        """Add the tables, columns and indexes that the database lacks, and fill in `frame`."""
        with self._writing() as connection:
            _lock_schema(connection)
            there = _columns_there(connection)
            tables = [table for table in Base.metadata.sorted_tables if table.name not in there]
            columns = [
                column
                for name, present in there.items()
                for column in Base.metadata.tables[name].columns
                if column.name not in present and not column.primary_key
            ]
            if file and (tables or columns) and sa.inspect(connection).get_table_names():
                self._back_up(file)
            Base.metadata.create_all(connection, tables=tables)
            _add_columns(connection, columns)
            _fill_in_frame(connection)
            for index in (index for table in Base.metadata.sorted_tables for index in table.indexes):
                connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))

    def _back_up(self, file):
        """Copy the database to a new file beside it.  The caller holds the write lock, so only one process does."""
        name = f'{file.name}.before-upgrade-{self._now().astimezone(UTC):%Y%m%d}'
        names = (name if number == 1 else f'{name}-{number}' for number in count(1))
        copy = next(path for path in map(file.with_name, names) if not path.exists())
        partial = copy.with_name(f'{copy.name}.partial')
        try:
            partial.unlink(missing_ok=True)
            with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(partial)) as target:
                source.backup(target)
            shutil.copymode(file, partial)
            partial.rename(copy)
        except (OSError, sqlite3.Error) as error:
            partial.unlink(missing_ok=True)
            raise DatabaseUnusable(
                f'{file}: an older database is only upgraded after a copy of it was made, and {copy} cannot be written '
                f'({error}); make room in the directory'
            ) from None
        log.info('%s is of an older kind: it is upgraded, a copy is kept in %s', file, copy)

    def _choose_journal(self, file):
        """Write-ahead log on a local file system (readers never wait), rollback journal where it would lose data."""
        remote = remote_file_system(file)
        wanted = 'delete' if remote else 'wal'
        if remote:
            log.warning('%s is on a network file system (%s): slower, and only as safe as its locks', file, remote)
        with closing(self._engine.raw_connection()) as connection:
            try:
                for statement in ('PRAGMA journal_mode', f'PRAGMA journal_mode={wanted}'):
                    answer = connection.driver_connection.execute(statement).fetchone()[0]
                    if answer == wanted:
                        return
            except sqlite3.Error as error:
                answer = f'{error}'  # another process is at it: this one, or the next, works with either
        log.info('%s: journal mode is not %s (%s); it works all the same', file, wanted, answer)

    # -- transactions --------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, **options):
        try:
            with self._engine.connect() as connection:
                connection.execution_options(**options)
                with connection.begin():
                    yield connection
        except (exc.DBAPIError, exc.TimeoutError) as error:
            raise self._unusable(error) from None

    def _writing(self):
        """A transaction that takes the write lock at once, so that it cannot fail half-way for want of it."""
        if self._readonly:
            raise DatabaseUnusable(f'{self.place} was opened for reading only')
        return self._transaction(sqlite_begin='BEGIN IMMEDIATE')

    def _unusable(self, error):
        text = ' '.join(str(getattr(error, 'orig', None) or error).split())
        for secret in self._secrets:
            text = text.replace(secret, '***')
        text = without_passwords(text)
        hint = next((hint for said, hint in _HINTS if said in text.lower()), 'see whether it is there and may be used')
        return DatabaseUnusable(f'{self.place}: the database cannot be used ({text}): {hint}')

    def _column(self, column):
        """The column, or NULL under its name where a database that was opened read-only lacks it."""
        return column if column.name in self._columns.get(column.table.name, ()) else sa.null().label(column.name)

    def _select(self, table, *names):
        """SELECT of columns of a table: no rows where a database that was opened read-only lacks the table."""
        statement = sa.select(*(self._column(table.c[name]) for name in names))
        return statement if table.name in self._columns else statement.where(sa.false())

    # -- measured frames -----------------------------------------------------------------------------------------------

    def add(self, measurement):
        """Store one `Measurement`: see `add_many`."""
        self.add_many([measurement])

    def add_many(self, measurements):
        """Store measurements in one transaction; each replaces all columns of an earlier row of the same frame.

        A row that has a full path of the frame for its name keeps it.  What was noted in `photreject` under the same
        base name is removed.
        """
        processed = _time_text(self._now())
        rows = {_key(each.name): _row_of(each, processed=processed) for each in measurements}
        if not rows:
            return
        with self._writing() as connection:
            keys = self._keys_of(connection, rows)
            _upsert(connection, PHOT, [row | {'name': keys[name]} for name, row in rows.items()])
            for names in _chunks(list(rows), _IN_CHUNK):
                connection.execute(sa.delete(REJECT).where(REJECT.c.name.in_(names)))

    def _keys_of(self, connection, names):
        """The key under which each base name is stored: itself, unless only a full path of it is there."""
        stored = set(self._stored_names(connection, {exposure_of(name) for name in names}))
        paths = {base_name(key): key for key in sorted(stored)}
        return {name: name if name in stored else paths.get(name, name) for name in names}

    def _stored_names(self, connection, exposures):
        """Yield the names of all rows of these exposures (and of rows not yet filled in: an older program's)."""
        frame, name = self._column(PHOT.c.frame), self._column(PHOT.c.name)
        names = self._select(PHOT, 'name')
        yield from connection.scalars(names.where(frame.is_(None), name.is_not(None)))
        for chunk in _chunks(list(exposures), _IN_CHUNK):
            yield from connection.scalars(names.where(frame.in_(chunk)))

    # -- frames that were looked at ------------------------------------------------------------------------------------

    def reject(self, rejected):
        """Note one `RejectedFrame`: see `reject_many`."""
        self.reject_many([rejected])

    def reject_many(self, rejected):
        """Note frames that were looked at and not measured, in one transaction; measured rows stay as they are."""
        looked = _time_text(self._now())
        rows = {_key(each.name): _row_of(each, looked=looked) for each in rejected}
        for row in rows.values():
            row['exptime'] = row.pop('exptime_s')
        if rows:
            with self._writing() as connection:
                _upsert(connection, REJECT, [row | {'name': name} for name, row in rows.items()])

    def rejections(self):
        """All frames noted as looked at and not measured, a list of `RejectedFrame` by name."""
        names = ('name', 'reason', 'detail', 'retry', 'size', 'mtime', 'exptime')
        with self._transaction() as connection:
            rows = connection.execute(self._select(REJECT, *names)).all()
        return sorted((RejectedFrame(*row) for row in rows), key=lambda each: each.name)

    def known(self, names, *, mintexp_s=None, stat=None):
        """Which of these frames need no second look.

        names : base names or paths.
        mintexp_s : the shortest exposure time that is measured now.
        stat : callable(name) -> (size in bytes, mtime in ns) of the file now; called only for names with a rejection
            that would stand otherwise.  OSError means that the file is to be looked at.
        Returns {name: 'measured' or 'rejected'}.  Measured is a frame that has a row, under its base name or a path,
        or whose exposure has a row of a higher level.  Rejected is a frame of exactly this base name whose rejection
        was not to be tried again, whose file is unchanged, and which is not too short only by an earlier `mintexp_s`.
        """
        bases = {name: _key(name) for name in names}
        with self._transaction() as connection:
            measured = self._measured(connection, set(bases.values()))
            rejected = self._rejected(connection, set(bases.values()) - measured)
        verdicts = {name: 'measured' for name, base in bases.items() if base in measured}
        for name, base in bases.items():
            if base in rejected and _still_rejected(rejected[base], name, mintexp_s, stat):
                verdicts[name] = 'rejected'
        return verdicts

    def _measured(self, connection, names):
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

    def _rejected(self, connection, names):
        """{base name: row of `photreject`} for those of the names that have one."""
        statement = self._select(REJECT, 'name', 'reason', 'retry', 'size', 'mtime', 'exptime')
        name = self._column(REJECT.c.name)
        chunks = (connection.execute(statement.where(name.in_(chunk))) for chunk in _chunks(list(names), _IN_CHUNK))
        return {row.name: row for rows in chunks for row in rows}

    # -- reading -------------------------------------------------------------------------------------------------------

    def zeropoints(
        self,
        *,
        site=None,
        dome=None,
        telescope=None,
        camera=None,
        filter=None,  # noqa: A002 (the name of the column)
        start=None,
        end=None,
        one_per_exposure=True,
    ):
        """Measured frames as `Zeropoints`, in order of time.

        site, dome, telescope, camera, filter : a value or several; None takes all.
        start, end : times (str, datetime or datetime64, UTC); start <= dateobs < end.
        one_per_exposure : of the rows of one exposure only the one of the highest level, among these the one processed
            last; False takes all rows.
        """
        wanted = {'site': site, 'dome': dome, 'telescope': telescope, 'camera': camera, 'filter': filter}
        start, end = (None if time is None else _instant(time) for time in (start, end))
        statement = self._select(PHOT, *_CONVERTERS, 'frame').where(*self._conditions(wanted, start, end))
        with self._transaction() as connection:
            columns, exposures = _read_columns(connection, statement)
        keep = np.ones(len(exposures), bool)
        if start is not None:
            keep &= columns['dateobs'] >= start
        if end is not None:
            keep &= columns['dateobs'] < end
        if one_per_exposure:
            keep &= _best_of_exposure(columns['name'], exposures, columns['processed'])
        rows = np.flatnonzero(keep)
        rows = rows[np.argsort(columns['dateobs'][rows], kind='stable')]
        columns = {name: values[rows] for name, values in columns.items()}
        columns['name'] = _names(base_name(name) if os.sep in name else name for name in columns['name'])
        return Zeropoints(**columns)

    def _conditions(self, wanted, start, end):
        """WHERE for the wanted values, and for whole days, as dateobs has a blank or a T between date and time."""
        for name, values in wanted.items():
            if values is not None:
                yield self._column(PHOT.c[name]).in_([values] if isinstance(values, str) else list(values))
        dateobs = self._column(PHOT.c.dateobs)
        if start is not None:
            yield dateobs >= str(start.astype('datetime64[D]'))
        if end is not None:
            yield dateobs < str(end.astype('datetime64[D]') + 1)

    def telescopes(self):
        """Telescopes that have rows: a sorted list of (site, dome, telescope)."""
        return self._distinct('site', 'dome', 'telescope')

    def filters(self):
        """Filters that have rows: a sorted list of names."""
        return [name for (name,) in self._distinct('filter')]

    def _distinct(self, *names):
        with self._transaction() as connection:
            rows = connection.execute(self._select(PHOT, *names).distinct())
            return sorted(tuple(row) for row in rows if None not in tuple(row))

    # -- throughput model ----------------------------------------------------------------------------------------------

    def store_model(self, telescopeid, filter, dateobs, modelzp, modelzperr=None, intervals=(), steps=()):  # noqa: A002
        """Replace the throughput model of one telescope and filter, in one transaction.

        dateobs (n,) times; modelzp, modelzperr (n,) [mag].  intervals, steps : dicts of the columns of
        `throughputinterval` and `throughputstep`.  Raises ValueError for unequal lengths or no time.
        """
        dateobs = np.asarray(dateobs, dtype='datetime64[ms]')
        modelzperr = np.full(len(dateobs), np.nan) if modelzperr is None else modelzperr
        if np.isnat(dateobs).any():
            raise ValueError('a throughput model needs a time in every row')
        columns = zip(dateobs, modelzp, modelzperr, strict=True)
        nightly = [{'dateobs': time, 'modelzp': zp, 'modelzperr': zperr} for time, zp, zperr in columns]
        series = {'telescopeid': telescopeid, 'filter': filter}
        with self._writing() as connection:
            for table, rows in ((MODEL, nightly), (INTERVAL, intervals), (STEP, steps)):
                rows = [series | {name: _stored(value) for name, value in row.items()} for row in rows]
                connection.execute(sa.delete(table).where(*(table.c[name] == value for name, value in series.items())))
                for chunk in _chunks(rows, _WRITE_CHUNK):
                    connection.execute(sa.insert(table).inline(), chunk)

    def intervals_and_steps(self, telescopeid, filter):  # noqa: A002
        """Stored intervals and steps of one telescope and filter: two lists of dicts of their columns."""
        found = []
        for table in (INTERVAL, STEP):
            names = [column.name for column in table.columns if column.name != 'id']
            telescope, band = self._column(table.c.telescopeid), self._column(table.c.filter)
            with self._transaction() as connection:
                rows = connection.execute(self._select(table, *names).where(telescope == telescopeid, band == filter))
                found.append([dict(zip(names, row, strict=True)) for row in rows])
        return tuple(found)

    def model(self, telescopeid, filter):  # noqa: A002
        """The `StoredModel` of one telescope and filter, of length 0 where there is none."""
        telescope, band = self._column(MODEL.c.telescopeid), self._column(MODEL.c.filter)
        statement = self._select(MODEL, 'dateobs', 'modelzp', 'modelzperr')
        with self._transaction() as connection:
            rows = connection.execute(statement.where(telescope == telescopeid, band == filter)).all()
        dateobs, modelzp, modelzperr = zip(*rows, strict=True) if rows else ((), (), ())
        dateobs = _instants(dateobs)
        order = np.argsort(dateobs, kind='stable')
        return StoredModel(dateobs[order], _numbers(modelzp)[order], _numbers(modelzperr)[order])

    # -- checks --------------------------------------------------------------------------------------------------------

    def integrity(self):
        """What the database itself finds wrong with its file, one text each; a server looks after itself."""
        if self._engine.dialect.name != 'sqlite':
            return []
        with self._transaction() as connection:
            found = connection.exec_driver_sql('PRAGMA integrity_check').scalars().all()
        return [text for text in found if text != 'ok']

    def raw_rows(self):
        """Every row of `lcophot` as stored, a dict of (name, dateobs, site, dome, telescope, filter, airmass, zp)."""
        names = ('name', 'dateobs', 'site', 'dome', 'telescope', 'filter', 'airmass', 'zp')
        statement = self._select(PHOT, *names)
        with self._transaction(yield_per=_READ_CHUNK) as connection:
            for row in connection.execute(statement):
                yield dict(zip(names, row, strict=True))

    # -- runs ----------------------------------------------------------------------------------------------------------

    def start_run(self, script, options, version):
        """Note that a script has started.

        options : dict, stored as JSON without the passwords of URLs.  Returns the number of the run.
        """
        row = {
            'script': script,
            'started': _time_text(self._now()),
            'options': without_passwords(_json(options)),
            'version': version,
            'host': socket.gethostname(),
            'pid': os.getpid(),
        }
        with self._writing() as connection:
            return connection.execute(sa.insert(RUN).values(row)).inserted_primary_key[0]

    def finish_run(self, run_id, status, counts, per_telescope=None):
        """Note that a run has ended, with its exit status, counts by reason, and a dict per telescope."""
        row = {
            'ended': _time_text(self._now()),
            'status': int(status),
            'counts': _json(counts),
            'pertelescope': _json(per_telescope or {}),
        }
        with self._writing() as connection:
            connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(row))

    def runs(self, limit=100, *, script=None):
        """The last runs (of one script), newest first: a list of `Run`."""
        statement = self._select(RUN, *(column.name for column in RUN.columns))
        if script is not None:
            statement = statement.where(self._column(RUN.c.script) == script)
        with self._transaction() as connection:
            rows = connection.execute(statement.order_by(self._column(RUN.c.id).desc()).limit(limit)).all()
        return [_run_of(row) for row in rows]

    def last_run(self, script):
        """The newest `Run` of a script, or None where it never ran."""
        return next(iter(self.runs(1, script=script)), None)


def without_passwords(text):
    """The text with the passwords of all URLs in it replaced by ***."""
    text = re.sub(r'(://[^\s:/@"]*:)(?:[^\s"\\]|\\.)*@', r'\1***@', text)
    return re.sub(r'(?i)((?:password|passwd|passfile|pwd)=)[^\s&"]*', r'\1***', text)


def remote_file_system(path):
    """Type of the network file system that a path is on, '' where it is a local one or the system does not say."""
    try:
        kind = file_system_type(Path(path).resolve(), MOUNTINFO.read_text(errors='surrogateescape'))
    except OSError:
        return ''
    return kind if REMOTE_FILE_SYSTEMS.fullmatch(kind) else ''


def file_system_type(path, mountinfo):
    """Type of the file system of an absolute path, from the text of /proc/self/mountinfo (see `man 5 proc`).

    Of all mount points above the path the longest counts, of equal ones the last, which hides those before.
    """
    found = ('', '')
    for line in mountinfo.splitlines():
        before, _, after = line.partition(' - ')
        point = re.sub(r'\\([0-7]{3})', lambda match: chr(int(match[1], 8)), (before.split() + [''] * 5)[4])
        if point and Path(path).is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, (after.split() or [''])[0])
    return found[1]


# -- places and connections --------------------------------------------------------------------------------------------


def _locate(place, default_name):
    """URL of a database, and its Path where it is an SQLite file (else None)."""
    url = sa.URL.create('sqlite')
    if isinstance(place, sa.URL) or re.match(r'[A-Za-z][\w+]*://', os.fspath(place)):
        url = _parse_url(place)
        if url.get_backend_name() != 'sqlite' or (url.database or ':memory:').startswith((':', 'file:')):
            return url, None
        place = url.database
    text = os.path.expanduser(place)
    file = Path(text)
    if text.endswith(os.sep) or file.is_dir():
        file = file / default_name
    return url.set(database=str(file)), file


def _parse_url(text):
    """SQLAlchemy URL of a text.  No message repeats the text: its password cannot be told from the rest."""
    rule = 'a database URL is dialect://user:password@host/name, with signs like @ : / in the password percent-encoded'
    try:
        url = sa.make_url(text)
    except (exc.ArgumentError, ValueError):
        raise DatabaseUnusable(f'the URL of the database cannot be understood; {rule}') from None
    if '@' in (url.host or ''):
        raise DatabaseUnusable(f'the URL of the database has more than one @; {rule}')
    if url.get_backend_name() not in _UPSERT:
        kind = url.get_backend_name()
        raise DatabaseUnusable(f'a database may be {" or ".join(_UPSERT)}, not {kind}; name another database')
    return url.set(drivername='postgresql+psycopg') if url.drivername == 'postgresql' else url


def _secrets(url):
    """All forms in which the password of a URL may turn up in a message."""
    words = [url.password, *(value for key, value in url.query.items() if 'pass' in key.lower())]
    return {form for word in words if word for form in (str(word), quote(str(word), safe=''), quote_plus(str(word)))}


def _check_file(file, readonly):
    """Make the parent directories, and see early whether the file may be used, for a message that says what to do."""
    if readonly:
        if not file.is_file():
            raise DatabaseUnusable(f'{file}: there is no such database; measure some frames first, or name another')
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnusable(f'{file}: its directory cannot be made ({error}); name another database') from None
    for path in (file.parent, file):
        if path.exists() and not os.access(path, os.W_OK):
            raise DatabaseUnusable(
                f'{file}: a database is written to, and {path} is read-only; make it writable, or name another database'
            )


def _engine(url, file, readonly):
    """Engine that leaves BEGIN to `_begin`, which the sqlite3 module would do too late."""
    if url.get_backend_name() != 'sqlite':
        return sa.create_engine(url, pool_pre_ping=True, execution_options={'postgresql_readonly': readonly})
    if file and readonly:
        query = {'mode': 'ro', 'uri': 'true'} | ({'immutable': '1'} if _is_frozen(file) else {})
        url = url.set(database=file.absolute().as_uri(), query=query)
    engine = sa.create_engine(url, connect_args={'timeout': BUSY_TIMEOUT_S, 'isolation_level': None})
    sa.event.listen(engine, 'begin', _begin)
    return engine


def _begin(connection):
    connection.exec_driver_sql(connection.get_execution_options().get('sqlite_begin', 'BEGIN'))


def _is_frozen(file):
    """Whether an SQLite file is in write-ahead mode, at rest, and in a directory where its index cannot be made.

    SQLite refuses to open such a file (a read-only mount, say) unless told that nobody changes it.
    """
    with file.open('rb') as stream:
        write_ahead = stream.read(20)[18:20] == b'\2\2'  # https://sqlite.org/fileformat.html, section 1.3.3
    return write_ahead and not os.access(file.parent, os.W_OK) and not file.with_name(f'{file.name}-wal').exists()


# -- schema ------------------------------------------------------------------------------------------------------------


def _columns_there(connection):
    """{table: set of its columns} for those of the four tables that the database has."""
    inspector = sa.inspect(connection)
    tables = inspector.get_multi_columns(filter_names=list(Base.metadata.tables))
    return {name: {column['name'].lower() for column in columns} for (_, name), columns in tables.items()}


def _lock_schema(connection):
    """One process at a time looks at the schema and changes it; SQLite's BEGIN IMMEDIATE has seen to that."""
    if connection.dialect.name == 'postgresql':
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext('lcophot schema'))))


def _add_columns(connection, columns):
    """Add columns with Alembic's operations, which know what each database allows."""
    if not columns:
        return
    logging.getLogger('alembic').setLevel(logging.WARNING)  # it announces its dialect at every start
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    operations = Operations(MigrationContext.configure(connection))
    for column in columns:
        operations.add_column(column.table.name, sa.Column(column.name, column.type, nullable=True))


def _fill_in_frame(connection):
    """Fill in the exposure where a row lacks it: all rows of an older database, or those of an older program."""
    names = connection.scalars(sa.select(PHOT.c.name).where(PHOT.c.frame.is_(None), PHOT.c.name.is_not(None))).all()
    statement = sa.update(PHOT).where(PHOT.c.name == sa.bindparam('key')).values(frame=sa.bindparam('exposure'))
    for chunk in _chunks(names, _WRITE_CHUNK):
        connection.execute(statement, [{'key': name, 'exposure': exposure_of(name)} for name in chunk])


# -- values to the database --------------------------------------------------------------------------------------------


def _upsert(connection, table, rows):
    """Insert rows by name, or replace all their columns; columns that this module does not know stay as they are."""
    statement = _UPSERT[connection.dialect.name](table)
    values = {name: statement.excluded[name] for name in rows[0] if name != 'name'}
    statement = statement.on_conflict_do_update(index_elements=['name'], set_=values)
    for chunk in _chunks(rows, _WRITE_CHUNK):
        connection.execute(statement, chunk)


def _row_of(record, **more):
    """{column: value} of a Measurement or RejectedFrame."""
    row = {name: _plain(value) for name, value in asdict(record).items()} | more
    row['frame'] = exposure_of(row['name'])
    if 'dateobs' in row:
        row['dateobs'] = row['dateobs'].replace('T', ' ')
    return row


def _key(name):
    """The base name of a frame as it is stored."""
    return _plain(base_name(name))


def _plain(value):
    """A value as every driver takes it: numpy scalars as Python's, NaN as None, text without what cannot be encoded."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode('utf-8', 'backslashreplace').decode().replace('\0', '')
    return value


def _stored(value):
    """As `_plain`, and times as the database has them."""
    return _time_text(value) if isinstance(value, np.datetime64) else _plain(value)


def _time_text(time):
    """A time as the database has it, 'YYYY-MM-DD HH:MM:SS.sss' in UTC."""
    return str(_instant(time)).replace('T', ' ')


def _instant(time):
    """A time (str, date, datetime with or without time zone, datetime64) as datetime64[ms], UTC."""
    if isinstance(time, datetime) and time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(time, 'ms')


def _json(value):
    return json.dumps(value, default=lambda each: each.item() if isinstance(each, np.generic) else str(each))


def _chunks(rows, size):
    """Yield slices of a list."""
    return (rows[at : at + size] for at in range(0, len(rows), size))


# -- values from the database ------------------------------------------------------------------------------------------


def _numbers(values):
    """float64 array of a column; NULL, text and infinity are NaN."""
    try:
        numbers = np.array(values, dtype=float)
    except (TypeError, ValueError):
        numbers = np.array([_number(value) for value in values])
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _number(value):
    return value if isinstance(value, (int, float)) else math.nan


def _texts(values):
    """str array of a column; NULL is ''."""
    return np.array(['' if value is None else value for value in values], dtype=str)


def _names(values):
    """object array of a column of names: they are many and long, and arrays of str are as wide as the longest."""
    return np.array(['' if value is None else value for value in values], dtype=object)


_TIME = re.compile(r'(\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?)(?:Z|\+00:00)?')

_USUAL_TIMES = re.compile(r'(?:(?:\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{3}|NaT)(?:\||$))+')


def _instants(values):
    """datetime64[ms] array of a column of times with a blank or a T in the middle; what is no time is NaT."""
    texts = [value if isinstance(value, str) else 'NaT' for value in values]
    try:
        if _USUAL_TIMES.fullmatch('|'.join(texts)):  # all at once, ten times faster
            return np.array(texts, dtype='datetime64[ms]')
    except ValueError:  # the 30th of February, say: look for it one by one
        pass
    return np.array([_instant_or_nat(text) for text in texts], dtype='datetime64[ms]')


def _instant_or_nat(text):
    match = _TIME.fullmatch(text)
    try:
        return np.datetime64(match[1] if match else 'NaT', 'ms')
    except ValueError:
        return np.datetime64('NaT', 'ms')


def _flags(when_missing):
    """Converter of a column of booleans to a bool array."""
    return lambda values: np.array([when_missing if value is None else bool(value) for value in values], dtype=bool)


_CONVERTERS = {field.name: _numbers for field in fields(Zeropoints)} | {
    'name': _names,
    'dateobs': _instants,
    'processed': _instants,
    'colortermheld': _flags(False),
    'refcomplete': _flags(True),
    **dict.fromkeys(('site', 'dome', 'telescope', 'camera', 'filter'), _texts),
}


def _read_columns(connection, statement):
    """Read rows of _CONVERTERS and `frame` in chunks: ({column: array (n,)}, number of the exposure (n,) int)."""
    parts = {name: [convert(())] for name, convert in _CONVERTERS.items()}
    numbers = {}
    exposures = [np.empty(0, dtype=np.int64)]
    for rows in connection.execution_options(yield_per=_READ_CHUNK).execute(statement).partitions():
        *columns, frames = zip(*rows, strict=True)
        for name, values in zip(parts, columns, strict=True):
            parts[name].append(_CONVERTERS[name](values))
        frames = (frame or exposure_of(name or '') for frame, name in zip(frames, columns[0], strict=True))
        exposures.append(np.array([numbers.setdefault(frame, len(numbers)) for frame in frames]))
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}, np.concatenate(exposures)


def _best_of_exposure(names, exposures, processed):
    """Mask of one row per exposure: the highest level, then the newest, then a base name before a path, then the last.

    names (n,) as stored; exposures (n,) numbers from 0; processed (n,) datetime64, NaT counts as the oldest.
    """
    twins = np.flatnonzero(np.bincount(exposures)[exposures] > 1)
    levels = np.array([level_of(names[row]) for row in twins], dtype=int)
    plain = np.array([os.sep not in names[row] for row in twins], dtype=bool)
    order = np.lexsort((plain, processed[twins].astype(np.int64), levels, exposures[twins]))
    ordered = exposures[twins][order]
    last = np.append(ordered[1:] != ordered[:-1], True)[: len(twins)]
    best = np.ones(len(names), bool)
    best[twins[order[~last]]] = False
    return best


def _still_rejected(record, name, mintexp_s, stat):
    """Whether a row of `photreject` still says all there is to say about a frame."""
    if record.retry:
        return False
    if record.reason == EXPOSURE_TOO_SHORT.name and mintexp_s is not None:
        exptime = _number(record.exptime)
        if not exptime < mintexp_s:
            return False
    if stat is None:
        return True
    try:
        return tuple(stat(name)) == (record.size, record.mtime)
    except OSError:
        return False


def _run_of(row):
    values = dict(row._mapping)
    per_telescope = json.loads(values.pop('pertelescope') or '{}')
    jsons = {name: json.loads(values[name] or '{}') for name in ('options', 'counts')}
    return Run(**values | jsons, per_telescope=per_telescope)
