"""A database that is damaged, locked, full, read-only, of another version, or gone in the middle of a run.

A case survives where calibration and report end in time, without a traceback, and each either

- ends with status 2 and one ERROR line that names the database (the rows in it stay as they were), or
- works, and keeps the rows in it.

Flipped bits in the values of an SQLite file reveal nothing, as it has no checksums.  For them only the first sentence
is promised; `longtermphotzp.py --testdb` and backups are for the rest.
"""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.torture import inputs
from benchmarks.torture.baseframes import Base, bases
from benchmarks.torture.frames import NOBODY, SEED
from benchmarks.torture.scripts import ROOT, Run, as_program, calibrate, calibration, rows
from benchmarks.torture.tally import Tally
from photzp.database import journal, session
from tests.support import postgresqlserver

PAGE = 4096


@dataclass(frozen=True)
class Case:
    """A damaged database: description, a function that damages a whole file, and whether its rows must survive."""

    label: str
    damage: Callable[[Path], object]
    keeps_rows: bool = False


def damaged(rng: np.random.Generator) -> Iterator[Case]:
    """Cut off, with bits flipped or pages lost, or something else with this name."""
    def changed(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
        return lambda path: path.write_bytes(change(path.read_bytes()))

    for at in (0, 1, 15, 16, 99, 100, 512, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 3 * PAGE, 5 * PAGE, 8 * PAGE):
        yield Case(f'cut off at byte {at}', changed(lambda data, at=at: data[:at]))
    for count in (1, 10, 100):
        for _ in range(12):
            yield Case(f'{count} bits flipped', changed(partial(_flip, seed=int(rng.integers(2**31)), count=count)))
    for at in range(100):
        yield Case(f'byte {at} of the header is 255', changed(lambda data, at=at: data[:at] + b'\xff' + data[at + 1:]))
    for page in range(8):
        yield Case(f'page {page} is zeros', changed(
            lambda data, page=page: data[:page * PAGE] + bytes(PAGE) + data[(page + 1) * PAGE:]))
    for label, content in (('noise', rng.bytes(PAGE)), ('a FITS file', b'SIMPLE  =                    T'.ljust(2880)),
                           ('a web page', b'<html>'), ('zeros', bytes(PAGE))):
        yield Case(label, changed(lambda _, content=content: content))

    def replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
        def damage(path: Path) -> None:
            path.unlink()
            make(path)
        return damage

    yield Case('a FIFO', replaced(os.mkfifo))
    yield Case('a link to itself', replaced(lambda path: path.symlink_to(path.name)))
    yield Case('a link to a link to itself', replaced(lambda path: (
        path.symlink_to('a'), (path.parent / 'a').symlink_to('b'), (path.parent / 'b').symlink_to('a'))))
    yield Case('a link to /dev/zero', replaced(lambda path: path.symlink_to('/dev/zero')))
    yield Case('a link to /dev/null', replaced(lambda path: path.symlink_to('/dev/null')))
    yield Case('a link into no directory', replaced(lambda path: path.symlink_to('no/such/file')))
    for ending in ('-wal', '-shm', '-journal'):
        yield Case(f'a directory for {ending}', lambda path, ending=ending: path.with_name(
            path.name + ending).mkdir(), keeps_rows=ending == '-shm')
        yield Case(f'noise for {ending}', lambda path, ending=ending: path.with_name(path.name + ending).write_bytes(
            rng.bytes(3 * PAGE)), keeps_rows=True)


def _flip(data: bytes, *, seed: int, count: int) -> bytes:
    generator, flipped = np.random.default_rng(seed), bytearray(data)
    for at in generator.integers(0, len(data), count).tolist():
        flipped[at] ^= 1 << int(generator.integers(8))
    return bytes(flipped)


def other_schemas(_rng: np.random.Generator) -> Iterator[Case]:
    """Of a newer version, or of another program."""
    for label, sql, keeps in (
            ('a new column', 'ALTER TABLE lcophot ADD COLUMN seeing REAL', True),
            ('a new column with a default', "ALTER TABLE lcophot ADD COLUMN seeing TEXT NOT NULL DEFAULT 'x'", True),
            ('a new table', 'CREATE TABLE later (x INTEGER)', True),
            ('a new index', 'CREATE UNIQUE INDEX later ON lcophot (frame, name)', True),
            ('a column fewer', 'ALTER TABLE lcophot DROP COLUMN meancolor', True),
            ('a renamed column', 'ALTER TABLE lcophot RENAME COLUMN zp TO zeropoint', True),
            ('a table fewer', 'DROP TABLE photrun', True),
            ('a renamed table', 'ALTER TABLE lcophot RENAME TO lcophot2', False),
            ('a trigger that refuses', 'CREATE TRIGGER no BEFORE INSERT ON lcophot BEGIN SELECT RAISE(ABORT, '
             "'read only by decree'); END", True),
            ('no key', 'CREATE TABLE x AS SELECT * FROM lcophot; DROP TABLE lcophot; ALTER TABLE x RENAME TO lcophot',
             True),
            ('a view', 'ALTER TABLE lcophot RENAME TO x; CREATE VIEW lcophot AS SELECT * FROM x', True),
            ('a key of runs as text', 'DROP TABLE photrun; CREATE TABLE photrun (id TEXT PRIMARY KEY, script TEXT)',
             True),
            ('runs that are no JSON', "UPDATE photrun SET options = '{', counts = '[1]', pertelescope = 'x'", True),
            ('runs of no status', "UPDATE photrun SET status = 'x', started = 7, ended = 1e9", True)):
        def change(path: Path, sql: str = sql) -> None:
            with closing(sqlite3.connect(path)) as connection:
                connection.executescript(sql)
        yield Case(label, change, keeps)


KINDS = {'databases cut off, with bits flipped, none': damaged, 'databases of other versions': other_schemas}


def judge(cases: list[Case], frames: list[Base], place: Path) -> Tally:
    """Calibrate into each database, and report from it."""
    directory = _frames(frames, place)
    whole = place / 'whole.db'
    inputs.old_database(whole)
    assert calibrate(directory, frames[0].ps1, whole, limit_s=120).status == 0
    before = _names(whole)
    lost: list[str] = []
    for case in cases:
        shutil.rmtree(place / 'try', ignore_errors=True)
        (place / 'try').mkdir()
        database = place / 'try' / 'x.db'
        shutil.copy(whole, database)
        case.damage(database)
        for run in (calibrate(directory, frames[0].ps1, database, '--redo', limit_s=60),
                    inputs.report(database, place / 'try' / 'out', '--no-pertelescopeplots',
                                         '--no-createsummaryplots')):
            wrong = trouble_of(run, database)
            if wrong:
                lost.append(f'{case.label}: {wrong}')
        with suppress(sqlite3.Error):
            if case.keeps_rows and not before <= _names(database):
                lost.append(f'{case.label}: {len(before - _names(database))} rows are gone')
    return Tally(len(cases), tuple(lost))


def _names(database: Path) -> set[str]:
    return {name for (name,) in rows(database, 'select name from lcophot')}


def _frames(frames: list[Base], place: Path) -> Path:
    directory = place / 'frames'
    directory.mkdir()
    for base in frames:
        (directory / base.name).write_bytes(base.data)
    return directory


def trouble_of(run: Run, database: Path | str) -> str | None:
    """What is wrong with how a run ended: it must work, or end with status 2 and one line that names the database."""
    errors = [line for line in run.log.splitlines() if ' ERROR ' in line]
    if run.trouble:
        return run.trouble
    if run.status == 2:
        return None if len(errors) == 1 and str(database) in errors[0] else f'status 2 with {errors or run.log}'
    return None if run.status == 0 and not errors else f'status {run.status} with {errors}'


def _class(kind: Callable[[np.random.Generator], Iterator[Case]]) -> Callable[[Path], Tally]:
    """The class of fault of one kind of cases."""
    def try_all(place: Path) -> Tally:
        frames = bases(place, real=False)[:1]
        return judge(list(kind(np.random.default_rng(SEED))), frames, place)
    return try_all


# -- databases that may not or cannot be written -----------------------------------------------------------------------


def refused(place: Path) -> Tally:
    """Locked by another process; a file or directory that is read-only; a disk that is full; no shared memory."""
    frames = bases(place, real=False)[:3]
    directory, ps1 = _frames(frames, place), frames[0].ps1
    results = [_locked(place, directory, ps1, 'IMMEDIATE'), _locked(place, directory, ps1, 'EXCLUSIVE'),
               *(_limited(place, directory, ps1, size) for size in (8192, 30_000, 60_000, 100_000, 130_000)),
               _remote(place, directory, ps1)]
    notes = []
    if os.geteuid() == 0:
        results += [_read_only(place, directory, ps1, 0o444, 0o755), _read_only(place, directory, ps1, 0o644, 0o555)]
        full = [_full(place, directory, ps1, kilobytes) for kilobytes in (40, 80, 120, 160, 200, 240)]
        results += full
        if None in full:
            notes.append('a small tmpfs cannot be mounted here: a full disk was left out')
    else:
        notes.append('not root: read-only files and full disks were left out')
    tried = [result for result in results if result is not None]
    return Tally(len(tried), tuple(result for result in tried if result), tuple(notes))


def _locked(place: Path, frames: Path, ps1: Path, mode: str) -> str:
    database = place / f'{mode}.db'
    inputs.old_database(database)
    patience, session._BUSY_TIMEOUT_S = session._BUSY_TIMEOUT_S, 0.2
    try:
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute(f'BEGIN {mode}')
            run = calibrate(frames, ps1, database, limit_s=60)
            other.execute('ROLLBACK')
        again = calibrate(frames, ps1, database, limit_s=60)
    finally:
        session._BUSY_TIMEOUT_S = patience
    wrong = trouble_of(run, database)
    if run.status != 2 or 'locked' not in run.log:
        wrong = f'not refused: {run.log}'
    return f'locked ({mode}): {wrong or again.log}' if wrong or again.status else ''


def _read_only(place: Path, frames: Path, ps1: Path, file_mode: int, directory_mode: int) -> str:
    import alembic.operations  # noqa: F401  now, as nobody may have no permission to read it

    directory = place / f'ro{file_mode:o}'
    directory.mkdir()
    inputs.old_database(directory / 'x.db')
    for path, mode in ((directory / 'x.db', file_mode), (directory, directory_mode)):
        os.chown(path, NOBODY, NOBODY)
        path.chmod(mode)
    for path in (place, place / 'sim', frames):
        path.chmod(0o755)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        run = calibrate(frames, ps1, directory / 'x.db', limit_s=60)
    finally:
        os.setresuid(0, 0, 0)
    ended_well = run.status == 2 and 'read-only' in run.log and trouble_of(run, directory / 'x.db') is None
    return '' if ended_well and len(_names(directory / 'x.db')) == 40 else f'read-only: {run.status}: {run.log}'


def _limited(place: Path, frames: Path, ps1: Path, size: int) -> str:
    """No file may grow beyond this size [bytes]: what a quota does."""
    database = place / f'limit{size}.db'
    run = as_program('photcalibration.py', calibration(frames, ps1, database, '--processes', 1), limit_s=120,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    return _trouble_without_room(run, database, frames, ps1, f'no file above {size} bytes')


def _full(place: Path, frames: Path, ps1: Path, kilobytes: int) -> str | None:
    mount = place / f'full{kilobytes}'
    mount.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={kilobytes}k', 'tmpfs', mount], check=False,
                      capture_output=True).returncode:
        return None
    try:
        run = as_program('photcalibration.py', calibration(frames, ps1, mount / 'x.db', '--processes', 1), limit_s=120)
        subprocess.run(['mount', '-o', 'remount,size=9m', mount], check=True)
        return _trouble_without_room(run, mount / 'x.db', frames, ps1, f'a disk of {kilobytes} kB')
    finally:
        subprocess.run(['umount', mount], check=True)


def _trouble_without_room(run: Run, database: Path, frames: Path, ps1: Path, label: str) -> str:
    """The run must be refused or work; with room, the next one must complete, without half rows."""
    wrong = trouble_of(run, database)
    again = calibrate(frames, ps1, database, limit_s=60)
    if not wrong and again.status == 0:
        sound = rows(database, 'PRAGMA integrity_check') == [('ok',)]
        complete = rows(database, 'select count(*) from lcophot where zp > 0 and zperr > 0')[0][0] == len(
            list(frames.iterdir()))
        wrong = None if sound and complete else 'damaged or incomplete after the next run'
    return f'{label}: {wrong or again.log}' if wrong or again.status else ''


def _remote(place: Path, frames: Path, ps1: Path) -> str:
    """On a mount that the system calls NFS, a file that was in write-ahead mode, too."""
    database = place / 'nfs' / 'x.db'
    database.parent.mkdir()
    first = calibrate(frames, ps1, database, limit_s=60)
    mounts, journal._MOUNTINFO = journal._MOUNTINFO, place / 'mountinfo'
    journal._MOUNTINFO.write_text(f'1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {database.parent} rw - nfs4 x rw\n')
    try:
        second = calibrate(frames, ps1, database, '--redo', limit_s=60)
    finally:
        journal._MOUNTINFO = mounts
    mode = rows(database, 'PRAGMA journal_mode')[0][0]
    return '' if (first.status, second.status, mode) == (0, 0, 'delete') else f'NFS: {mode}: {second.log}'


# -- a server that goes away -------------------------------------------------------------------------------------------


def server_lost(place: Path) -> Tally:
    """PostgreSQL stopped hard at several moments of a run: status 2, one line, rows kept; the next run completes."""
    import sqlalchemy as sa

    frames = bases(place, real=False)[:4]
    directory = _many(frames[0], place, 40)
    lost = []
    try:
        with postgresqlserver.server() as server:
            for wanted in (1, 5, 12):
                engine = sa.create_engine(server.url, isolation_level='AUTOCOMMIT')
                _forget(engine)
                program = subprocess.Popen(
                    [sys.executable, ROOT / 'photcalibration.py', *map(str, calibration(
                        directory, frames[0].ps1, server.url, '--processes', 1))], stderr=subprocess.PIPE, text=True)
                count = _wait_for(engine, wanted)
                engine.dispose()
                server.stop()
                _, log = program.communicate(timeout=120)
                server.start()
                wrong = trouble_of(Run(program.returncode, log, ''), server.url.split('@')[1].split('?')[0])
                kept = _count(engine)
                again = calibrate(directory, frames[0].ps1, server.url, limit_s=240)
                if wrong or program.returncode != 2 or kept < count or again.status or _count(engine) != 40:
                    lost.append(f'after {wanted} rows: {wrong}; {program.returncode}; {count} rows before, {kept} '
                                f'after, then {_count(engine)}: {log[-300:]}')
                engine.dispose()
    except FileNotFoundError as error:
        return Tally(0, notes=(str(error),))
    return Tally(3, tuple(lost))


def _many(base: Base, place: Path, count: int) -> Path:
    directory = place / 'many'
    directory.mkdir()
    prefix = base.name.rsplit('-', 2)[0]
    for number in range(count):
        (directory / f'{prefix}-{number:04d}-e91{base.suffix}').write_bytes(base.data)
    return directory


def _forget(engine: object) -> None:
    import sqlalchemy as sa

    with engine.connect() as connection:
        for table in ('lcophot', 'photreject', 'photrun'):
            connection.execute(sa.text(f'DROP TABLE IF EXISTS {table}'))


def _count(engine: object) -> int:
    import sqlalchemy as sa

    with engine.connect() as connection:
        has_rows = sa.inspect(connection).has_table('lcophot')
        return connection.scalar(sa.text('SELECT count(*) FROM lcophot')) if has_rows else 0


def _wait_for(engine: object, wanted: int) -> int:
    """Wait for this number of rows; returns how many there are."""
    for _ in range(1200):
        if (count := _count(engine)) >= wanted:
            return count
        time.sleep(0.05)
    return -1


CLASSES = [(name, _class(kind)) for name, kind in KINDS.items()] + [
    ('databases locked, full, read-only, on NFS', refused), ('a PostgreSQL server that goes away', server_lost)]
