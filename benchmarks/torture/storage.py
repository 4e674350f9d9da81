"""A bucket that refuses, is slow, drops connections or fails for a while, and a disk that is full: `make torture`."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.torture.gateway import NO_FAULT, Bucket, Fault, faulty_bucket
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
)
from benchmarks.torture.kill import years_of
from benchmarks.torture.tally import Tally

# A run of seconds where the product's own patience is minutes; all else is the script.
HASTY = ('import functools, sys; sys.path.insert(0, {root!r}); from photzp.store import open as place; '
         'place.Patience = functools.partial(place.Patience, attempts=3, connect_s=1, read_s=1.5, waiting_s=8); '
         'import longtermphotzp; sys.exit(longtermphotzp.main())')
LONGEST_S = 60  # that a hasty run may take, on a machine that others use too

SLOW_DOWN = 'SlowDown', 'Please reduce your request rate.'
EXPIRED = 'ExpiredToken', 'The provided token has expired.'
# Faults that a run outlives by trying again; and those that end it with one line that has a certain word in it.
OUTLIVED = {
    'one listing answers 500': Fault(500, times=2),
    'three uploads answer 503': Fault(503, times=3, methods=('PUT',), error=SLOW_DOWN),
    'a listing and uploads drop connections': Fault('drops', times=2),
    'uploads drop connections': Fault('drops', times=2, spared=4, methods=('PUT',)),
    'answers end half-way': Fault('halves', times=1, methods=('GET',)),
    'the manifest ends half-way': Fault('halves', times=1, spared=1, methods=('GET',)),
    'every answer takes 0.3 s': Fault('slow'),
    'one upload hangs': Fault('hangs', times=1, spared=3, methods=('PUT',)),
}
ENDED = {
    'refuses connections': (Fault('refused'), 'Could not connect'),
    'answers 500 for ever': (Fault(500), 'InternalError'),
    'answers 503 for ever': (Fault(503, error=SLOW_DOWN), 'SlowDown'),
    'answers 503 for ever after four uploads': (Fault(503, spared=4, methods=('PUT',), error=SLOW_DOWN), 'SlowDown'),
    'drops every connection': (Fault('drops'), 'closed'),
    'drops every upload': (Fault('drops', methods=('PUT',)), 'closed'),
    'hangs for ever': (Fault('hangs'), 'timeout'),
    'uploads hang for ever': (Fault('hangs', methods=('PUT',)), r'timeout|too slow'),
    'drips for ever': (Fault('drips'), 'too slow'),
    'uploads drip for ever': (Fault('drips', spared=2, methods=('PUT',)), 'too slow'),
    'credentials expired': (Fault(403, error=EXPIRED), 'ExpiredToken'),
    'credentials expire half-way': (Fault(403, spared=3, methods=('PUT',), error=EXPIRED), 'ExpiredToken'),
    'no such bucket': (Fault(404, error=('NoSuchBucket', 'The specified bucket does not exist')), 'NoSuchBucket'),
    'another region': (Fault(301, error=('PermanentRedirect', 'must be addressed using the specified endpoint')),
                       'PermanentRedirect'),
    'signed for another region': (
        Fault(400, error=('AuthorizationHeaderMalformed', "the region 'us-west-2' is wrong")),
        'AuthorizationHeaderMalformed'),
    'access denied': (Fault(403, error=('AccessDenied', 'Access Denied')), 'AccessDenied'),
}


def error_lines(said: str) -> list[str]:
    """The lines of a log that are errors."""
    return [line for line in said.splitlines() if ' ERROR ' in line]


def trouble_of_end(status: int, said: str, word: str) -> str:
    """How the end of a run differs from status 2 and one line with the bucket, the cause and no secret."""
    lines = error_lines(said)
    for wrong, reason in ((status != 2, f'status {status}'), (len(lines) != 1, f'{len(lines)} lines of ERROR'),
                          ('Traceback' in said, 'a traceback'), (KEY in said or SECRET in said, 'the log has a secret'),
                          (not re.search(word, ''.join(lines)), f'{word} is not mentioned'),
                          (BUCKET not in ''.join(lines), 'the bucket is not named')):
        if wrong:
            return f'{reason}: {said.splitlines()[-1:]}'
    return ''


def trouble_of_bucket(client: object) -> str:
    """Which objects are broken or missing."""
    seen = look_at_bucket(client, BUCKET)
    wrong = [f'{name}: {trouble}' for name, file in seen.items() if (trouble := broken(name, file.content()))]
    return '; '.join(wrong + [f'no {name}' for name in ('index.html', 'status.json', 'manifest.json')
                              if name not in seen])


def hasty(command: list[str]) -> list[str]:
    """The command of the report with a patience of seconds."""
    return [command[0], '-c', HASTY.format(root=str(ROOT)), *command[2:]]


def run_with(bucket: Bucket, fault: Fault, command: list[str]) -> tuple[int, str]:
    """Run a command with a fault: (exit status, standard error)."""
    bucket.gateway.begin(fault)
    url = bucket.place.more['AWS_ENDPOINT_URL']
    if fault.kind == 'refused':
        with socket.socket() as closed:  # bound, so that nobody else takes it, and not listening
            closed.bind(('127.0.0.1', 0))
            bucket.place.more['AWS_ENDPOINT_URL'] = f'http://127.0.0.1:{closed.getsockname()[1]}'
            ended = bucket.place.run(command, LONGEST_S)
    else:
        ended = bucket.place.run(command, LONGEST_S)
    bucket.place.more['AWS_ENDPOINT_URL'] = url
    bucket.gateway.ending.set()  # ends requests that still hang
    bucket.gateway.ending = threading.Event()
    bucket.gateway.begin(NO_FAULT)
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
            status, said = run_with(bucket, OUTLIVED[name], command)
            wrong = f'status {status}: {said.splitlines()[-1:]}' if status else trouble_of_bucket(
                bucket.client)
            lost += [f'{name}: {wrong}'] if wrong else []
        for name in ended:
            make_bucket(bucket.client)
            fault, word = ENDED[name]
            wrong = trouble_of_end(*run_with(bucket, fault, command), word)
            if not wrong:
                status, said = here.run(command)
                wrong = f'status {status} in the run after' if status else trouble_of_bucket(bucket.client)
            lost += [f'{name}: {wrong}'] if wrong else []
    return Tally(len(outlived) + len(ended), tuple(lost))


# -- the calibration meanwhile ----------------------------------------------------------------------------------------


def nightly(here: Place, **settings: object) -> tuple[int, str]:
    """The nightly script over the night of a place: (status, log)."""
    given = {'PHOTZP_PYTHON': sys.executable, 'PHOTZP_ARCHIVE': here.archive, 'PHOTZP_PS1DIR': here.ps1,
             'PHOTZP_DATABASE': here.database, 'PHOTZP_OUTPUTDIR': here.out, 'PHOTZP_NICE': 0, 'PHOTZP_PROCESSES': 1,
             **settings}
    before, here.more = here.more, here.more | {name: str(value) for name, value in given.items()}
    ended = here.run([str(ROOT / 'deploy' / 'runphotzp.sh'), '--date', NIGHT])
    here.more = before
    return ended


def trouble_of_night(here: Place, wanted: Rows, status: int, said: str) -> str:
    """How a night differs from everything measured, the report failed, and the last line says so."""
    wrong = [] if status == 2 else [f'status {status}: {said.splitlines()[-1:]}']
    if 'report could not run' not in (said.splitlines() or [''])[-1]:
        wrong.append('the last line does not say that the report could not run')
    if len(error_lines(said)) != 1:
        wrong.append(f'{len(error_lines(said))} lines of ERROR')
    measured = {table: rows for table, rows in rows_of(here.database).items() if table in ('lcophot', 'photreject')}
    wanted = {table: wanted[table] for table in measured}
    return '; '.join([*wrong, *filter(None, [differences(measured, wanted)])])


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
            bucket.gateway.begin(ENDED[name][0])
            more = dict(here.more)
            if name == 'refuses connections':
                here.more['AWS_ENDPOINT_URL'] = 'http://127.0.0.1:9'
            wrong = trouble_of_night(here, wanted, *nightly(here))
            here.more = more
            lost += [f'{name}: {wrong}'] if wrong else []
    tried = len(names)
    with small_disk(place / 'disk', 64) as disk:
        if disk is not None:
            tried += 1
            quiet.clear()
            quiet.out = disk
            wrong = trouble_of_night(quiet, wanted, *nightly(quiet))
            lost += [f'full disk: {wrong}'] if wrong else []
    return Tally(tried, tuple(lost))


# -- a full disk -------------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[Path | None]:
    """A directory with little room: a tmpfs, for which root is needed; None where it cannot be mounted."""
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
    """The report with room for a part of its files, then for all; and the database without room for all rows."""
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
    wrong = [] if status == 2 and len(error_lines(said)) == 1 and 'No space left' in error_lines(said)[0] else [
        f'status {status}: {said.splitlines()[-1:]}']
    wrong += [f'{name}: {trouble}' for name, file in look_at_directory(disk).items()
              if (trouble := broken(name, file.content()))]
    wrong += [f'left over: {name}' for name in os.listdir(disk) if 'partial' in name]
    subprocess.run(['mount', '-o', 'remount,size=4m', disk], check=True)
    status, said = here.run(here.report())
    wrong += [] if status == 0 and 'index.html' in os.listdir(disk) else [f'after: status {status}: {said[-200:]}']
    wrong += [] if rows_of(here.database)['lcophot'] == rows else ['zeropoints changed']
    return '; '.join(wrong)


def database_on_full_disk(here: Place, disk: Path) -> str:
    """What is wrong with a calibration into a database without room, and with the one after there was."""
    here.run(here.calibration())
    wanted = rows_of(here.database)
    here.database = disk / 'lcophotzp.db'
    # Room for the tables, not for the rows: 150 kB hold both where all frames come in one commit.
    (disk / 'ballast').write_bytes(bytes(shutil.disk_usage(disk).free - 110_000))
    status, said = here.run(here.calibration())
    wrong = [] if status == 2 and len(error_lines(said)) == 1 and 'make room' in error_lines(said)[0] else [
        f'status {status}: {said.splitlines()[-1:]}']
    (disk / 'ballast').unlink()
    subprocess.run(['mount', '-o', 'remount,size=4m', disk], check=True)
    status, said = here.run(here.calibration())
    wrong += [] if status == 0 else [f'after: status {status}: {said.splitlines()[-1:]}']
    return '; '.join([*wrong, *filter(None, [differences(rows_of(here.database), wanted)])])


CLASSES: list[tuple[str, Callable[[Path], Tally]]] = [
    ('faults of a bucket', faults_of_a_bucket),
    ('full disk', full_disk),
    ('calibration beside both', calibration_beside_faults),
]
