"""Where a database is: files, directories and URLs, connections to it, and what is said when it cannot be used.

A place is a file, a directory or an SQLAlchemy URL (SQLite and PostgreSQL).  An SQLite file has a write-ahead log where
its file system can share memory between processes, else a rollback journal.  What the two kinds of database do each in
its own way is here too.  Everything that a database or its driver refuses is raised as `DatabaseUnusable`, with a hint
what to do and without passwords.
"""

import glob
import logging
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date
from itertools import count
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite

from photzp.errors import DatabaseUnusable
from photzp.plaintext import without_passwords
from photzp.wholefile import Unneeded, whole_path

log = logging.getLogger('photzp.database')

Place = str | os.PathLike[str] | sa.URL  # a file, a directory or a URL
Row = TypeVar('Row')

BUSY_TIMEOUT_S = 60  # chosen because a write transaction here takes well under a second, ten waiting ones a few
MOUNTINFO = Path('/proc/self/mountinfo')  # Linux only; elsewhere SQLite's own answer has to do
# File systems without the shared memory that SQLite's write-ahead log needs (https://sqlite.org/wal.html).
REMOTE_FILE_SYSTEMS = re.compile(
    r'nfs\d?|cifs|smb\w*|ncpfs|afs|coda|9p|virtiofs|fuse\..*|lustre|ceph|glusterfs|gpfs|beegfs|panfs|orangefs|pvfs2'
    r'|ocfs2|gfs2'
)
WRITE_CHUNK = 10_000  # rows per statement when many are written
_UPSERT: dict[str, Callable[[sa.Table], sqlite.Insert | postgresql.Insert]] = {
    'sqlite': sqlite.insert, 'postgresql': postgresql.insert}
_HINTS = (  # what a driver says -> what to do about it
    ('not a database', 'move the file away or name another database'),
    ('malformed', 'the file is damaged: put a copy of it back, or recover it with the sqlite3 shell'),
    ('could not decode', 'the file is damaged: put a copy of it back, or recover it with the sqlite3 shell'),
    ('locked', f'another process has held it for more than {BUSY_TIMEOUT_S} s: wait for it or end it, then run again'),
    ('readonly', 'make the file and its directory writable, or name another database'),
    ('read-only', 'make it writable, or name another database'),
    ('disk is full', 'make room, then run again'),
    ('unable to open', 'see whether the directory exists and may be written, or name another database'),
    ('disk i/o', 'see whether the disk is full or failing, then run again'),
)


# -- places ------------------------------------------------------------------------------------------------------------


def locate(place: Place, default_name: str) -> tuple[sa.URL, Path | None]:
    """URL of a database, and its Path where it is an SQLite file (else None)."""
    url = sa.URL.create('sqlite')
    if isinstance(place, sa.URL) or re.match(r'[A-Za-z][\w+]*://', os.fspath(place)):
        url = _parse_url(place if isinstance(place, sa.URL) else os.fspath(place))
        if url.get_backend_name() != 'sqlite' or (url.database or ':memory:').startswith((':', 'file:')):
            return url, None
        if url.query:
            raise DatabaseUnusable('the URL of an SQLite file takes no options; leave out what follows the ?')
        place = str(url.database)
    text = os.path.expanduser(os.fspath(place))
    file = Path(text)
    if text.endswith(os.sep) or file.is_dir():
        file = file / default_name
    return url.set(database=str(file)), file


def _parse_url(text: str | sa.URL) -> sa.URL:
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


def secrets_of(url: sa.URL) -> set[str]:
    """All forms in which the password of a URL may turn up in a message."""
    words = [url.password, *(value for key, value in url.query.items() if 'pass' in key.lower())]
    return {form for word in words if word for form in (str(word), quote(str(word), safe=''), quote_plus(str(word)))}


def check_file(file: Path, readonly: bool) -> None:
    """Make the parent directories, and see early whether the file may be used, for a message that says what to do."""
    if readonly:
        if not file.is_file():
            raise DatabaseUnusable(f'{file}: there is no such database; measure some frames first, or name another')
        return
    if file.exists() and not file.is_file():  # SQLite would wait for a FIFO for ever
        raise DatabaseUnusable(f'{file}: is not a regular file; name another database')
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnusable(
            f'{file}: its directory cannot be made ({error.strerror}); name another database') from None
    for path in (file.parent, file):
        if path.exists() and not os.access(path, os.W_OK):
            raise DatabaseUnusable(
                f'{file}: a database is written to, and {path} is read-only; make it writable, or name another database'
            )


# -- mounts ------------------------------------------------------------------------------------------------------------


def remote_file_system(path: Path | str) -> str:
    """Type of the network file system that a path is on, '' where it is a local one or the system does not say."""
    try:
        kind = file_system_type(Path(path).resolve(), MOUNTINFO.read_text(errors='surrogateescape'))
    except OSError:
        return ''
    return kind if REMOTE_FILE_SYSTEMS.fullmatch(kind) else ''


def file_system_type(path: Path | str, mountinfo: str) -> str:
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


# -- connections -------------------------------------------------------------------------------------------------------


def make_engine(url: sa.URL, file: Path | None, readonly: bool) -> sa.Engine:
    """Engine that leaves BEGIN to `_begin`, which the sqlite3 module would do too late."""
    if url.get_backend_name() != 'sqlite':
        return sa.create_engine(url, pool_pre_ping=True, execution_options={'postgresql_readonly': readonly})
    if file and readonly:
        query = {'mode': 'ro', 'uri': 'true'} | ({'immutable': '1'} if _is_frozen(file) else {})
        url = url.set(database=file.absolute().as_uri(), query=query)
    engine = sa.create_engine(url, connect_args={'timeout': BUSY_TIMEOUT_S, 'isolation_level': None})
    sa.event.listen(engine, 'begin', _begin)
    return engine


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get('sqlite_begin', 'BEGIN'))


def _is_frozen(file: Path) -> bool:
    """Whether an SQLite file is in write-ahead mode, at rest, and in a directory where its index cannot be made.

    SQLite refuses to open such a file (a read-only mount, say) unless told that nobody changes it.
    """
    with file.open('rb') as stream:
        write_ahead = stream.read(20)[18:20] == b'\2\2'  # https://sqlite.org/fileformat.html, section 1.3.3
    return write_ahead and not os.access(file.parent, os.W_OK) and not file.with_name(f'{file.name}-wal').exists()


def choose_journal(engine: sa.Engine, file: Path) -> None:
    """Write-ahead log on a local file system (readers never wait), rollback journal where it would lose data."""
    remote = remote_file_system(file)
    wanted = 'delete' if remote else 'wal'
    if remote:
        log.warning('%s is on a network file system (%s): slower, and only as safe as its locks', file, remote)
    with closing(engine.raw_connection()) as connection:
        try:
            for statement in ('PRAGMA journal_mode', f'PRAGMA journal_mode={wanted}'):
                answer = connection.cursor().execute(statement).fetchone()[0]
                if answer == wanted:
                    return
        except sqlite3.Error as error:
            answer = f'{error}'  # another process is at it: this one, or the next, works with either
    log.info('%s: journal mode is not %s (%s); it works all the same', file, wanted, answer)


_CHUNK_BYTES = 1 << 20


def back_up(file: Path, day: date) -> None:
    """Copy a database file to a new one beside it, named by the day.  The caller holds the write lock: no two do it.

    Where a run was killed between copy and upgrade, that copy is the one, and no other is kept.
    Raises DatabaseUnusable where the copy cannot be written.
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
    """Copy an SQLite database as it is at one moment, also while others write; `copy` appears whole or not at all.

    Returns the copy: where one of the `earlier` ones has the same content, it is that, and there is no new one.
    Raises OSError or sqlite3.Error.
    """
    partial = copy.with_name(f'{copy.name}.partial')
    partial.unlink(missing_ok=True)
    same = None
    with whole_path(copy, partial):
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(partial)) as target:
            target.execute('PRAGMA journal_mode=OFF')  # else a killed run leaves its journal, too
            source.backup(target)
        same = next((each for each in earlier if _same_content(each, partial)), None)
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


# -- what each kind of database does in its own way --------------------------------------------------------------------


def lock(connection: sa.Connection, what: str) -> None:
    """Until the end of the transaction no other process locks the same; SQLite's BEGIN IMMEDIATE has seen to that."""
    if connection.dialect.name == 'postgresql':
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f'lcophot {what}'))))


def add_columns(connection: sa.Connection, columns: Iterable[sa.Column]) -> None:
    """Add columns with Alembic's operations, which know what each database allows."""
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

    In the order of their names: two processes that have rows in common would else wait for each other on a server.
    """
    statement = _UPSERT[connection.dialect.name](table)
    values = {name: statement.excluded[name] for name in rows[0] if name != 'name'}
    statement = statement.on_conflict_do_update(index_elements=['name'], set_=values)
    for chunk in chunks_of(sorted(rows, key=itemgetter('name')), WRITE_CHUNK):
        connection.execute(statement, chunk)


def chunks_of(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """Yield slices of a list."""
    return (rows[at : at + size] for at in range(0, len(rows), size))


def reset_counters(connection: sa.Connection, tables: Iterable[sa.Table]) -> None:
    """Let numbered rows go on after the highest number there is; SQLite does so by itself."""
    if connection.dialect.name != 'postgresql':
        return
    for table in tables:
        for column in table.primary_key.columns:
            if isinstance(column.type, sa.Integer):
                sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
                last = sa.select(sa.func.max(column)).scalar_subquery()
                connection.execute(sa.select(sa.func.setval(sequence, sa.func.coalesce(last, 1), last.is_not(None))))


# -- refusals ----------------------------------------------------------------------------------------------------------


def refusal(place: str, error: Exception, secrets: Iterable[str]) -> DatabaseUnusable:
    """DatabaseUnusable that says what SQLAlchemy or a driver refused, and what to do; without the secrets."""
    text = ' '.join(str(getattr(error, 'orig', None) or error).split())
    for secret in secrets:
        text = text.replace(secret, '***')
    text = without_passwords(text)
    hint = next((hint for said, hint in _HINTS if said in text.lower()), 'see whether it is there and may be used')
    return DatabaseUnusable(f'{place}: the database cannot be used ({text}): {hint}')
