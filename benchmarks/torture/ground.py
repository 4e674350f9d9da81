"""Common ground of several classes of faults: a place of its own for each, the scripts as programs, rows of a database,
and an observer of published files."""

import io
import json
import logging
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from simulation.__main__ import main as simulate

ROOT = Path(__file__).resolve().parents[2]
NIGHT = '20200213'
OBJECT = re.compile(rb'(?:src|href)="([^":/#?]+)"')
# Tables that are compared, and columns that are not: times of processing, and numbers of rows.
TABLES = ('lcophot', 'photreject', 'telescopemodel', 'throughputinterval', 'throughputstep')
NOT_COMPARED = {'processed', 'looked', 'id', 'entryid'}
KEY, SECRET = 'AKIDEXAMPLEONLY', 'wJalrXUtnFEMIK7MDENGbPxRfiCYKEY'
BUCKET = 'throughput'

Rows = dict[str, set[tuple]]


class Place:
    """A directory in which scripts run: a home, a place for temporary files, an archive and a catalogue, and no more.

    archive, ps1 : of frames without pixels.  database : file.  out : directory of the report.
    """

    def __init__(self, directory: Path, night: Path | None = None) -> None:
        self.directory = directory
        self.night = night or directory / 'night'
        self.archive, self.ps1 = self.night / 'archive', self.night / 'ps1'
        self.database, self.out = directory / 'data' / 'lcophotzp.db', directory / 'out'
        self.more: dict[str, str] = {}
        self.clear()

    def clear(self) -> None:
        """Remove all results; the night stays."""
        for name in ('data', 'out', 'home', 'tmp'):
            shutil.rmtree(self.directory / name, ignore_errors=True)
            (self.directory / name).mkdir(parents=True)

    def environment(self) -> dict[str, str]:
        """Environment of a script: the necessary variables, and `more`."""
        return {'PATH': os.environ['PATH'], 'HOME': str(self.directory / 'home'), 'TMPDIR': str(self.directory / 'tmp'),
                'MPLCONFIGDIR': str(self.directory / 'home'), 'AWS_EC2_METADATA_DISABLED': 'true', **self.more}

    def calibration(self, *options: object) -> list[str]:
        """Command that measures the night."""
        return self.command('photcalibration.py', '--imagerootdir', self.archive, '--ps1dir', self.ps1, '--photodb',
                            self.database, '--date', NIGHT, *options)

    def report(self, *options: object) -> list[str]:
        """Command that makes the report."""
        return self.command('longtermphotzp.py', '--database', self.database, '--outputdirectory', self.out, *options)

    @staticmethod
    def command(script: str, *options: object) -> list[str]:
        """Command of one of the scripts, with the Python of this process."""
        return [sys.executable, str(ROOT / script), *map(str, options)]

    def start(self, command: list[str]) -> subprocess.Popen[str]:
        """Start a command in a session, and so a process group, of its own."""
        return subprocess.Popen(command, env=self.environment(), start_new_session=True, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True, cwd=self.directory)

    def run(self, command: list[str], timeout_s: float = 300) -> tuple[int, str]:
        """Run a command to its end: (exit status, standard error)."""
        process = self.start(command)
        try:
            said = process.communicate(timeout=timeout_s)[1]
        except subprocess.TimeoutExpired:
            kill_group(process)
            return -1, f'did not end within {timeout_s:g} s'
        return process.returncode, said


def kill_group(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the process and all that it started, at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def make_night(directory: Path, frames: int, seed: int, *options: str) -> Path:
    """Simulate a night without pixels; returns its directory."""
    status = simulate(['night', str(directory), '--frames', str(frames), '--seed', str(seed), '--no-pixels',
                              '--date', NIGHT, *options])
    if status:
        raise RuntimeError('the night could not be simulated')
    return directory


def names_below(directory: Path) -> set[str]:
    """Names of all files and folders below a directory."""
    return {str(path.relative_to(directory)) for path in directory.rglob('*')}


# -- databases ---------------------------------------------------------------------------------------------------------


def rows_of(database: Path) -> Rows:
    """Rows of a database by table, without times of processing: as another process would read it now.

    A copy is read, as reading may repair.  Raises RuntimeError where it fails its own check.
    """
    copy = database.with_name('looked-at')
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for name in (database.name, f'{database.name}-wal', f'{database.name}-journal'):
        if database.with_name(name).exists():
            shutil.copyfile(database.with_name(name), copy / name)
    with closing(sqlite3.connect(copy / database.name)) as connection:
        check = connection.execute('PRAGMA integrity_check').fetchall()
        if check != [('ok',)]:
            raise RuntimeError(f'integrity check: {check[:3]}')
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables = {table: _rows_of_table(connection, table) for table in TABLES if table in names}
    shutil.rmtree(copy)
    return tables


def _rows_of_table(connection: sqlite3.Connection, table: str) -> set[tuple]:
    columns = [row[1] for row in connection.execute(f'PRAGMA table_info({table})')]
    kept = ', '.join(f'"{name}"' for name in columns if name not in NOT_COMPARED)
    rows = connection.execute(f'SELECT {kept} FROM {table}').fetchall()
    if len(set(rows)) != len(rows):
        raise RuntimeError(f'{table}: a row occurs twice')
    return set(rows)


def differences(rows: Rows, wanted: Rows) -> str:
    """Differences of two databases in words; empty if they are equal."""
    texts = []
    for table in sorted(rows.keys() | wanted.keys()):
        actual, expected = rows.get(table, set()), wanted.get(table, set())
        if actual != expected:
            texts.append(f'{table}: {len(expected - actual)} rows missing, {len(actual - expected)} others, as '
                         f'{min(map(str, expected ^ actual))}')
    return '; '.join(texts)


def half_written(rows: Rows, *complete: Rows) -> str:
    """Rows that are neither those before nor those after, in words; empty if there are none.

    Rows of frames are compared one by one; a throughput model (its three tables begin with telescope and filter) as a
    whole.
    """
    texts = []
    for table in ('lcophot', 'photreject'):
        odd = rows.get(table, set()).difference(*(state.get(table, set()) for state in complete))
        texts += [f'{table}: {row}' for row in odd]
    all_series = {row[:2] for table in TABLES[2:] for state in complete for row in state.get(table, ())}
    for series in all_series:
        actual, *states = (_series(state, series) for state in (rows, *complete))
        if actual not in [[set()] * 3, *states]:
            texts.append(f'model of {series}: {[len(table) for table in actual]} rows of '
                         f'{[[len(table) for table in state] for state in states]}')
    return '; '.join(texts)


def _series(rows: Rows, series: tuple) -> list[set[tuple]]:
    return [{row for row in rows.get(table, ()) if row[:2] == series} for table in TABLES[2:]]


# -- published files ---------------------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """A published file: its mark changes when it does."""

    mark: object
    content: Callable[[], bytes]


class Observer(threading.Thread):
    """Looks at all published files again and again until `stop`, and collects in `found` what is broken.

    look : returns {name: Seen} of all files.  looks, contents : how often it looked, and different contents seen.
    """

    def __init__(self, look: Callable[[], dict[str, Seen]]) -> None:
        super().__init__(daemon=True)
        self._look, self._stop_asked = look, threading.Event()
        self.found: list[str] = []
        self.looks = self.contents = 0
        self._marks: dict[str, object] = {}

    def run(self) -> None:
        """Look until `stop` was called, and once more."""
        last = False
        while not last:
            last = self._stop_asked.is_set()
            self._look_once()
            time.sleep(0.002)

    def _look_once(self) -> None:
        self.looks += 1
        for name, seen in self._look().items():
            if self._marks.get(name) == seen.mark:
                continue
            self._marks[name] = seen.mark
            try:
                content = seen.content()
            except FileNotFoundError:  # replaced between the two
                continue
            self.contents += 1
            wrong = broken(name, content)
            if wrong:
                self.found.append(f'{name}: {wrong}')
            if name.endswith('.html'):
                # A page of a telescope leads back to the index, which comes last.
                missing = {target.decode() for target in OBJECT.findall(content)} - self._look().keys() - {'index.html'}
                self.found += [f'{name} names {target}, which is missing' for target in missing]

    def stop(self) -> list[str]:
        """End; returns what is broken."""
        self._stop_asked.set()
        self.join()
        return self.found


def broken(name: str, content: bytes) -> str:
    """What is wrong with the content of a published file; empty where it is whole."""
    try:
        if name.endswith('.png'):
            Image.open(io.BytesIO(content)).verify()
            Image.open(io.BytesIO(content)).load()
        elif name.endswith('.json'):
            json.loads(content)
        elif name.endswith('.html') and not content.rstrip().endswith(b'</html>'):
            return 'does not end'
        elif name.endswith('.csv') and not content.endswith(b'\n'):
            return 'ends within a line'
    except (OSError, ValueError, SyntaxError) as error:  # Pillow raises the latter for a broken PNG
        return f'{type(error).__name__} {error}'
    return ''


def look_at_directory(directory: Path) -> dict[str, Seen]:
    """{name: Seen} of the files of a directory as a web server shows them: without those that begin with a dot."""
    files = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            if not entry.name.startswith('.') and entry.is_file():
                facts = os.stat(entry.path)
                files[entry.name] = Seen((facts.st_ino, facts.st_mtime_ns, facts.st_size), Path(entry.path).read_bytes)
    return files


def look_at_bucket(client: object, bucket: str) -> dict[str, Seen]:
    """{name: Seen} of the objects of a bucket; client : of boto3."""
    listed = client.list_objects_v2(Bucket=bucket).get('Contents', ())
    return {entry['Key']: Seen((entry['ETag'], entry['LastModified']), lambda key=entry['Key']: client.get_object(
        Bucket=bucket, Key=key)['Body'].read()) for entry in listed}


# -- a bucket ----------------------------------------------------------------------------------------------------------


@contextmanager
def s3_server() -> Iterator[tuple[str, int]]:
    """Moto's S3 server in this process: (host, port)."""
    from moto.server import ThreadedMotoServer

    logging.getLogger('werkzeug').setLevel(logging.ERROR)  # not a line for each request
    server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
    server.start()
    try:
        yield server.get_host_and_port()
    finally:
        server.stop()


def s3_client(address: tuple[str, int]) -> object:
    """boto3's client of a server."""
    import boto3

    return boto3.client('s3', endpoint_url='http://{}:{}'.format(*address), region_name='us-west-2',
                        aws_access_key_id=KEY, aws_secret_access_key=SECRET)


def s3_environment(address: tuple[str, int], bucket: str = BUCKET) -> dict[str, str]:
    """Environment with which a script publishes to a bucket of this server."""
    return {'AWS_S3_BUCKET': bucket, 'AWS_ENDPOINT_URL': 'http://{}:{}'.format(*address), 'AWS_ACCESS_KEY_ID': KEY,
            'AWS_SECRET_ACCESS_KEY': SECRET, 'AWS_DEFAULT_REGION': 'us-west-2', 'NO_PROXY': '127.0.0.1'}


def make_bucket(client: object, bucket: str = BUCKET) -> None:
    """Make an empty bucket, or empty the one that is there: all servers of a process have the same buckets."""
    if bucket in [entry['Name'] for entry in client.list_buckets()['Buckets']]:
        for name in look_at_bucket(client, bucket):
            client.delete_object(Bucket=bucket, Key=name)
    else:
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={'LocationConstraint': 'us-west-2'})
