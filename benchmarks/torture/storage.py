"""A bucket that refuses, is slow, drops connections or fails for a while, and a disk that is full: `make torture`."""

import http.client
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from benchmarks.torture.ground import (
    BUCKET,
    KEY,
    NIGHT,
    ROOT,
    SECRET,
    Place,
    Rows,
    broken,
    differences,
    look_at_bucket,
    look_at_directory,
    make_bucket,
    make_night,
    rows_of,
    s3_client,
    s3_environment,
    s3_server,
)
from benchmarks.torture.kill import years_of
from benchmarks.torture.tally import Tally

ERROR = ('<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message>'
         '<Region>eu-north-1</Region><Bucket>throughput</Bucket></Error>')
# A run of seconds where the product's own patience is minutes; all else is the script.
HASTY = ('import functools, sys; sys.path.insert(0, {root!r}); from photzp.store import open as place; '
         'place.Patience = functools.partial(place.Patience, attempts=3, connect_s=1, read_s=1.5, waiting_s=8); '
         'import longtermphotzp; sys.exit(longtermphotzp.main())')
LONGEST_S = 60  # that a hasty run may take, on a machine that others use too


@dataclass
class Fault:
    """What goes wrong with requests: `kind`, for `times` of them after `spared` ones, of `methods` only.

    kind : refused, hangs, drips, drops, halves, slow, or an HTTP status.  code, message : of S3's answer.
    """

    kind: str | int = 'none'
    times: float = math.inf
    spared: int = 0
    methods: tuple[str, ...] = ('GET', 'PUT', 'HEAD')
    code: str = 'InternalError'
    message: str = 'We encountered an internal error. Please try again.'
    met: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def strikes(self, method: str) -> bool:
        """Whether the next request of this method is hit."""
        with self.lock:
            if method in self.methods:
                self.met += 1
            return method in self.methods and self.spared < self.met <= self.spared + self.times


class Gateway(ThreadingHTTPServer):
    """Stands before an S3 server on a socket of its own and does to requests what `fault` says."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, behind: tuple[str, int]) -> None:
        super().__init__(('127.0.0.1', 0), _Passage)
        self.behind, self.fault, self.ending = behind, Fault(), threading.Event()

    def handle_error(self, *_: object) -> None:
        """A client that went away is nothing to talk about."""


class _Passage(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Gateway

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _pass_on(self) -> None:
        length = int(self.headers.get('Content-Length') or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client was killed; S3 does not take a part for the whole
            self.close_connection = True
            return
        fault = self.server.fault
        strikes = fault.strikes(self.command)
        if strikes and fault.kind in ('drops', 'hangs'):
            self.server.ending.wait(0 if fault.kind == 'drops' else None)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if strikes and isinstance(fault.kind, int):
            status, headers = fault.kind, [('Content-Type', 'application/xml'), ('x-amz-bucket-region', 'eu-north-1')]
            answer = ERROR.format(code=fault.code, message=fault.message).encode()
        else:
            status, headers, answer = self._ask_behind(body)
        if strikes and fault.kind == 'slow':
            time.sleep(0.3)
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ('content-length', 'transfer-encoding', 'connection'):
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(answer)))
        if strikes and fault.kind == 'drips':
            self._drip()
            return
        self.end_headers()
        if strikes and fault.kind == 'halves':
            answer, self.close_connection = answer[:len(answer) // 2], True
        if self.command != 'HEAD':
            self.wfile.write(answer)

    do_GET = do_PUT = do_HEAD = _pass_on  # noqa: N815 (http.server's own names)

    def _ask_behind(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self.server.behind, timeout=30)
        connection.request(self.command, self.path, body, dict(self.headers))
        response = connection.getresponse()
        found = response.status, response.getheaders(), response.read()
        connection.close()
        return found

    def _drip(self) -> None:
        """Never come to an end, but never be silent for long either."""
        self.flush_headers()
        self.close_connection = True
        while not self.server.ending.wait(0.2):
            self.wfile.write(b'X')
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Bucket(NamedTuple):
    """A bucket behind a gateway: place whose report goes there, its client past the gateway, and the gateway."""

    place: Place
    client: object
    gateway: Gateway


@contextmanager
def faulty_bucket(place: Path) -> Iterator[Bucket]:
    """A place whose report goes to an empty bucket behind a `Gateway`."""
    with s3_server() as address, Gateway(address) as gateway:
        threading.Thread(target=gateway.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()
        client = s3_client(address)
        make_bucket(client)
        here = Place(place / 'here')
        here.more = s3_environment(gateway.server_address)
        try:
            yield Bucket(here, client, gateway)
        finally:
            gateway.ending.set()
            gateway.shutdown()


# What a run outlives by trying again, and what ends it with one line that has this word in it.
OUTLIVED = {
    'one listing answers 500': Fault(500, 2),
    'three uploads answer 503': Fault(503, 3, methods=('PUT',), code='SlowDown'),
    'a listing and uploads drop connections': Fault('drops', 2),
    'uploads drop connections': Fault('drops', 2, spared=4, methods=('PUT',)),
    'answers end half-way': Fault('halves', 1, methods=('GET',)),
    'the manifest ends half-way': Fault('halves', 1, spared=1, methods=('GET',)),
    'every answer takes 0.3 s': Fault('slow'),
    'one upload hangs': Fault('hangs', 1, spared=3, methods=('PUT',)),
}
ENDED = {
    'refuses connections': (Fault('refused'), 'Could not connect'),
    'answers 500 for ever': (Fault(500), 'InternalError'),
    'answers 503 for ever': (Fault(503, code='SlowDown', message='Please reduce your request rate.'), 'SlowDown'),
    'answers 503 for ever after four uploads': (Fault(503, spared=4, methods=('PUT',), code='SlowDown'), 'SlowDown'),
    'drops every connection': (Fault('drops'), 'closed'),
    'drops every upload': (Fault('drops', methods=('PUT',)), 'closed'),
    'hangs for ever': (Fault('hangs'), 'timeout'),
    'uploads hang for ever': (Fault('hangs', methods=('PUT',)), r'timeout|too slow'),
    'drips for ever': (Fault('drips'), 'too slow'),
    'uploads drip for ever': (Fault('drips', spared=2, methods=('PUT',)), 'too slow'),
    'credentials expired': (Fault(403, code='ExpiredToken', message='The provided token has expired.'), 'ExpiredToken'),
    'credentials expire half-way': (
        Fault(403, spared=3, methods=('PUT',), code='ExpiredToken', message='The provided token has expired.'),
        'ExpiredToken'),
    'no such bucket': (Fault(404, code='NoSuchBucket', message='The specified bucket does not exist'), 'NoSuchBucket'),
    'another region': (Fault(301, code='PermanentRedirect', message='must be addressed using the specified endpoint'),
                       'PermanentRedirect'),
    'signed for another region': (
        Fault(400, code='AuthorizationHeaderMalformed', message="the region 'us-west-2' is wrong"),
        'AuthorizationHeaderMalformed'),
    'access denied': (Fault(403, code='AccessDenied', message='Access Denied'), 'AccessDenied'),
}


def again(fault: Fault) -> Fault:
    """The same fault, not met yet."""
    return Fault(fault.kind, fault.times, fault.spared, fault.methods, fault.code, fault.message)


def errors(said: str) -> list[str]:
    """The lines of a log that are errors."""
    return [line for line in said.splitlines() if ' ERROR ' in line]


def what_is_wrong_with_the_end(status: int, said: str, word: str) -> str:
    """Why this is not the end that is promised: status 2, and one line with the bucket, the cause and no secret."""
    lines = errors(said)
    for wrong, reason in ((status != 2, f'status {status}'), (len(lines) != 1, f'{len(lines)} lines of ERROR'),
                          ('Traceback' in said, 'a traceback'), (KEY in said or SECRET in said, 'a secret is told'),
                          (not re.search(word, ''.join(lines)), f'nothing of {word}'),
                          (BUCKET not in ''.join(lines), 'the bucket is not named')):
        if wrong:
            return f'{reason}: {said.splitlines()[-1:]}'
    return ''


def what_is_wrong_with_the_bucket(client: object) -> str:
    """What of the objects is not whole, or missing from the page."""
    seen = look_at_bucket(client, BUCKET)
    told = [f'{name}: {wrong}' for name, each in seen.items() if (wrong := broken(name, each.content()))]
    return '; '.join(told + [f'no {name}' for name in ('index.html', 'status.json', 'manifest.json')
                             if name not in seen])


def hasty(command: list[str]) -> list[str]:
    """The command of the report with a patience of seconds."""
    return [command[0], '-c', HASTY.format(root=str(ROOT)), *command[2:]]


def run_with(bucket: Bucket, fault: Fault, command: list[str]) -> tuple[int, str]:
    """Run a command with a fault: (exit status, standard error)."""
    bucket.gateway.fault = fault
    url = bucket.place.more['AWS_ENDPOINT_URL']
    if fault.kind == 'refused':
        with socket.socket() as closed:  # bound, so that nobody else takes it, and deaf
            closed.bind(('127.0.0.1', 0))
            bucket.place.more['AWS_ENDPOINT_URL'] = f'http://127.0.0.1:{closed.getsockname()[1]}'
            ended = bucket.place.run(command, LONGEST_S)
    else:
        ended = bucket.place.run(command, LONGEST_S)
    bucket.place.more['AWS_ENDPOINT_URL'] = url
    bucket.gateway.ending.set()  # what hangs still
    bucket.gateway.ending = threading.Event()
    bucket.gateway.fault = Fault()
    return ended


def faults_of_a_bucket(place: Path, outlived: tuple[str, ...] = tuple(OUTLIVED),
                       ended: tuple[str, ...] = tuple(ENDED)) -> Tally:
    """Each fault under the report; after those that end it, a run without one completes the bucket."""
    lost = []
    with faulty_bucket(place) as bucket:
        here = bucket.place
        shutil.copytree(years_of(place, telescopes=1), here.directory, dirs_exist_ok=True)
        command = hasty(here.report('--no-errorhistogram', '--no-createsummaryplots'))
        for name in outlived:
            make_bucket(bucket.client)
            if name.startswith('the manifest'):
                here.run(command)
            status, said = run_with(bucket, again(OUTLIVED[name]), command)
            wrong = f'status {status}: {said.splitlines()[-1:]}' if status else what_is_wrong_with_the_bucket(
                bucket.client)
            lost += [f'{name}: {wrong}'] if wrong else []
        for name in ended:
            make_bucket(bucket.client)
            fault, word = ENDED[name]
            wrong = what_is_wrong_with_the_end(*run_with(bucket, again(fault), command), word)
            if not wrong:
                status, said = here.run(command)
                wrong = f'status {status} in the run after' if status else what_is_wrong_with_the_bucket(bucket.client)
            lost += [f'{name}: {wrong}'] if wrong else []
    return Tally(len(outlived) + len(ended), tuple(lost))


# -- the calibration beside ------------------------------------------------------------------------------------------


def nightly(here: Place, **settings: object) -> tuple[int, str]:
    """The nightly script over the night of a place: (status, log)."""
    given = {'PHOTZP_PYTHON': sys.executable, 'PHOTZP_ARCHIVE': here.archive, 'PHOTZP_PS1DIR': here.ps1,
             'PHOTZP_DATABASE': here.database, 'PHOTZP_OUTPUTDIR': here.out, 'PHOTZP_NICE': 0, 'PHOTZP_PROCESSES': 1,
             **settings}
    before, here.more = here.more, here.more | {name: str(value) for name, value in given.items()}
    ended = here.run([str(ROOT / 'deploy' / 'runphotzp.sh'), '--date', NIGHT])
    here.more = before
    return ended


def what_is_wrong_with_a_night(here: Place, wanted: Rows, status: int, said: str) -> str:
    """Why this night is not as promised: everything measured, the report failed, and the last line says so."""
    told = [] if status == 2 else [f'status {status}: {said.splitlines()[-1:]}']
    if 'report could not run' not in (said.splitlines() or [''])[-1]:
        told.append('the last line does not say that the report could not run')
    if len(errors(said)) != 1:
        told.append(f'{len(errors(said))} lines of ERROR')
    measured = {table: rows for table, rows in rows_of(here.database).items() if table in ('lcophot', 'photreject')}
    wanted = {table: wanted[table] for table in measured}
    return '; '.join([*told, *filter(None, [differences(measured, wanted)])])


def calibration_beside_faults(place: Path, frames: int = 6,
                              names: tuple[str, ...] = ('refuses connections', 'answers 503 for ever', 'no such bucket',
                                                        'credentials expired')) -> Tally:
    """The nightly script with a bucket that cannot be used, and with an output place that is full."""
    night = make_night(place / 'night', frames, 5, '--sites', 'lsc', '--defects', '0')
    quiet = Place(place / 'quiet', night)
    quiet.run(quiet.calibration('--mintexp', 10))
    wanted = rows_of(quiet.database)
    lost = []
    with faulty_bucket(place) as bucket:
        here = bucket.place
        here.archive, here.ps1 = quiet.archive, quiet.ps1
        for name in names:
            here.clear()
            bucket.gateway.fault = again(ENDED[name][0])
            more = dict(here.more)
            if name == 'refuses connections':
                here.more['AWS_ENDPOINT_URL'] = 'http://127.0.0.1:9'
            wrong = what_is_wrong_with_a_night(here, wanted, *nightly(here))
            here.more = more
            lost += [f'{name}: {wrong}'] if wrong else []
    tried = len(names)
    with small_disk(place / 'disk', 64) as disk:
        if disk is not None:
            tried += 1
            quiet.clear()
            quiet.out = disk
            wrong = what_is_wrong_with_a_night(quiet, wanted, *nightly(quiet))
            lost += [f'full disk: {wrong}'] if wrong else []
    return Tally(tried, tuple(lost))


# -- a full disk -------------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[Path | None]:
    """A directory with little room: a tmpfs, for which root is needed; None where it cannot be had."""
    place.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={kilobytes}k', 'small', place], check=False,
                          capture_output=True)
    if made.returncode:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(['umount', '--lazy', place], check=True)


def full_disk(place: Path) -> Tally:
    """The report, with room for a part of its files, then with enough; and the database with no room for all rows."""
    lost, notes, tried = [], [], 0
    begin = years_of(place, telescopes=1)
    for kilobytes in (4, 40, 80):
        with small_disk(place / 'disk', kilobytes) as disk:
            if disk is None:
                notes.append('no tmpfs here (root is needed): not tried')
                break
            tried += 1
            wrong = report_on_full_disk(Place(place / f'here{kilobytes}'), begin, disk)
            lost += [f'output of {kilobytes} kB: {wrong}'] if wrong else []
    with small_disk(place / 'disk', 300) as disk:
        if disk is not None:
            tried += 1
            wrong = database_on_full_disk(Place(place / 'database', make_night(
                place / 'night', 6, 5, '--sites', 'lsc', '--defects', '0')), disk)
            lost += [f'database: {wrong}'] if wrong else []
    return Tally(tried, tuple(lost), tuple(notes))


def report_on_full_disk(here: Place, begin: Path, disk: Path) -> str:
    """What is wrong with a report on a disk that is too small, and with the one after it was enlarged."""
    shutil.copytree(begin, here.directory, dirs_exist_ok=True)
    rows = rows_of(here.database)['lcophot']
    here.out = disk
    status, said = here.run(here.report())
    told = [] if status == 2 and len(errors(said)) == 1 and 'No space left' in errors(said)[0] else [
        f'status {status}: {said.splitlines()[-1:]}']
    told += [f'{name}: {wrong}' for name, each in look_at_directory(disk).items()
             if (wrong := broken(name, each.content()))]
    told += [f'left over: {name}' for name in os.listdir(disk) if 'partial' in name]
    subprocess.run(['mount', '-o', 'remount,size=4m', disk], check=True)
    status, said = here.run(here.report())
    told += [] if status == 0 and 'index.html' in os.listdir(disk) else [f'after: status {status}: {said[-200:]}']
    told += [] if rows_of(here.database)['lcophot'] == rows else ['zeropoints changed']
    return '; '.join(told)


def database_on_full_disk(here: Place, disk: Path) -> str:
    """What is wrong with a calibration into a database without room, and with the one after there was."""
    here.run(here.calibration())
    wanted = rows_of(here.database)
    here.database = disk / 'lcophotzp.db'
    # Room for the tables, not for the rows: 150 kB hold both where all frames come in one commit.
    (disk / 'ballast').write_bytes(bytes(shutil.disk_usage(disk).free - 110_000))
    status, said = here.run(here.calibration())
    told = [] if status == 2 and len(errors(said)) == 1 and 'make room' in errors(said)[0] else [
        f'status {status}: {said.splitlines()[-1:]}']
    (disk / 'ballast').unlink()
    subprocess.run(['mount', '-o', 'remount,size=4m', disk], check=True)
    status, said = here.run(here.calibration())
    told += [] if status == 0 else [f'after: status {status}: {said.splitlines()[-1:]}']
    return '; '.join([*told, *filter(None, [differences(rows_of(here.database), wanted)])])


CLASSES: list[tuple[str, Callable[[Path], Tally]]] = [
    ('faults of a bucket', faults_of_a_bucket),
    ('full disk', full_disk),
    ('calibration beside both', calibration_beside_faults),
]
