"""Scripts killed at any moment, with all their processes: `make torture`, points of docs/reliability.md."""

import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from benchmarks.torture.ground import (
    BUCKET,
    Observer,
    Place,
    Rows,
    differences,
    half_written,
    kill_group,
    look_at_bucket,
    look_at_directory,
    make_bucket,
    make_night,
    names_below,
    rows_of,
    s3_client,
    s3_environment,
    s3_server,
)
from benchmarks.torture.tally import Tally
from simulation.__main__ import main as simulate

KILLS = 50
OLD_ROWS = 300


class Killed:
    """A command killed again and again from the same beginning, and the expected outcome of the run after.

    begin : directory with the state before the run.  look : function of an Observer.
    """

    def __init__(self, place: Place, command: list[str], begin: Path, look) -> None:
        self.place, self.command, self.begin, self.look = place, command, begin, look
        self.before: Rows = {}
        self.after: Rows = {}
        self.files: set[str] = set()
        self.seconds = 0.0

    def rehearse(self) -> None:
        """Run undisturbed once, and note how long it takes, its rows and its files."""
        self._begin_anew()
        self.before = rows_of(self.place.database) if self.place.database.exists() else {}
        begun = time.monotonic()
        self._finish()
        self.seconds = time.monotonic() - begun
        self.after, self.files = rows_of(self.place.database), self._files()

    def kill(self, share: float) -> str:
        """Kill a run after this share of its time, look, and run again; returns what is wrong."""
        self._begin_anew()
        observer = Observer(self.look)
        observer.start()
        process = self.place.start(self.command)
        time.sleep(share * self.seconds)
        kill_group(process)
        try:
            rows = rows_of(self.place.database) if self.place.database.exists() else {}
            wrong = [half_written(rows, self.before, self.after)]
            self._finish()
            wrong += [differences(rows_of(self.place.database), self.after), self._piled()]
        except (RuntimeError, sqlite3.Error) as error:
            wrong = [str(error)]
        return '; '.join([*filter(None, wrong), *observer.stop()])

    def _begin_anew(self) -> None:
        self.place.clear()
        shutil.copytree(self.begin, self.place.directory, dirs_exist_ok=True)

    def _finish(self) -> None:
        status, said = self.place.run(self.command)
        if status not in (0, 1):
            raise RuntimeError(f'the run ended with status {status}: {said.splitlines()[-1:]}')

    def _files(self) -> set[str]:
        """All files but those of the night."""
        return {name for name in names_below(self.place.directory) if name.partition('/')[0] in
                ('data', 'out', 'home', 'tmp')}

    def _piled(self) -> str:
        more, fewer = self._files() - self.files, self.files - self._files()
        return ', '.join([*(f'left over: {name}' for name in sorted(more)), *(f'lacking: {name}' for name in fewer)])


def kill_many(killed: Killed, kills: int, seed: int) -> Tally:
    """Kill at random times, from the start of the interpreter to the end of the run."""
    killed.rehearse()
    rng = random.Random(seed)
    lost = []
    for number in range(kills):
        share = rng.uniform(0.05, 1.0)
        wrong = killed.kill(share)
        if wrong:
            lost.append(f'kill {number} at {share * killed.seconds:.2f} s: {wrong}')
    return Tally(kills, tuple(lost))


def old_database(file: Path) -> None:
    """Make a database of the first version."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            'CREATE TABLE lcophot (name TEXT PRIMARY KEY, dateobs TEXT, site TEXT, dome TEXT, telescope TEXT, '
            'camera TEXT, filter TEXT, airmass REAL, zp REAL, colorterm REAL, zpsig REAL)')
        connection.executemany(
            "INSERT INTO lcophot VALUES (?, '2019-01-01 00:00:00.000', 'lsc', 'doma', '1m0a', 'fa15', 'rp', 1.2, 23.1, "
            '0.01, 0.03)', [(f'/old/lsc1m005-fa15-20190101-{number:04d}-e91.fits',) for number in range(OLD_ROWS)])


def killed_calibration(place: Path, kills: int = KILLS, frames: int = 12, options: tuple[object, ...] = (),
                       shares: tuple[tuple[str, float], ...] = (('new', 0.7), ('old', 0.2), ('redo', 0.1))) -> Tally:
    """Of a night into a new database, into one of an older kind, and over itself with --redo and plots of the fits."""
    night = make_night(place / 'night', frames, 5, '--sites', 'lsc', '--defects', '0.15', '--twins', '0.2')
    here = Place(place / 'here', night)
    lost, tried = [], 0
    for name, share in shares:
        more = ('--redo', '--diagnosticplotsdir', here.out) if name == 'redo' else ()
        killed = Killed(here, here.calibration(*more, *options), beginning(place / name, here),
                        partial(look_at_directory, here.out))
        tally = kill_many(killed, max(round(share * kills), 1), seed=kills)
        tried += tally.tried
        lost += [f'{name}: {text}' for text in tally.lost]
    return Tally(tried, tuple(lost))


def beginning(directory: Path, here: Place) -> Path:
    """Fill a directory with the state before a calibration, by its name: new, old or redo."""
    (directory / 'data').mkdir(parents=True)
    if directory.name == 'old':
        old_database(directory / 'data' / 'lcophotzp.db')
    elif directory.name == 'redo':
        here.clear()
        here.run(here.calibration())
        shutil.copyfile(here.database, directory / 'data' / 'lcophotzp.db')
    return directory


def years_of(place: Path, telescopes: int = 2, years: float = 0.1) -> Path:
    """A directory that begins with a database of zeropoints of some time."""
    begin = place / 'begin'
    (begin / 'data').mkdir(parents=True)
    if simulate(['years', str(begin / 'data' / 'lcophotzp.db'), '--telescopes', str(telescopes), '--years',
                        str(years), '--filters', 'gp', '--seed', '3', '--nights', 'ideal']):
        raise RuntimeError('the years could not be simulated')
    return begin


def killed_report_in_directory(place: Path, kills: int = KILLS, options: tuple[object, ...] = ()) -> Tally:
    """Of two telescopes, into a directory."""
    here = Place(place / 'here')
    killed = Killed(here, here.report(*options), years_of(place), partial(look_at_directory, here.out))
    return kill_many(killed, kills, seed=kills)


@contextmanager
def bucket_place(place: Path) -> Iterator[tuple[Place, object]]:
    """A Place whose report goes to a bucket, and a client of it."""
    with s3_server() as address:
        client = s3_client(address)
        make_bucket(client)
        here = Place(place / 'here')
        here.more = s3_environment(address)
        yield here, client


class KilledOverBucket(Killed):
    """As `Killed`, with the bucket for the output directory: emptied before, and its listing compared after."""

    def __init__(self, place: Place, command: list[str], begin: Path, client: object) -> None:
        super().__init__(place, command, begin, partial(look_at_bucket, client, BUCKET))
        self.client = client

    def _begin_anew(self) -> None:
        super()._begin_anew()
        for name in self.look():
            self.client.delete_object(Bucket=BUCKET, Key=name)

    def _files(self) -> set[str]:
        return super()._files() | {f'bucket/{name}' for name in self.look()}


def killed_report_in_bucket(place: Path, kills: int = KILLS, options: tuple[object, ...] = ()) -> Tally:
    """Of two telescopes, into a bucket."""
    with bucket_place(place) as (here, client):
        return kill_many(KilledOverBucket(here, here.report(*options), years_of(place), client), kills, seed=kills)


CLASSES = [
    ('photcalibration.py killed', killed_calibration),
    ('longtermphotzp.py killed, directory', killed_report_in_directory),
    ('longtermphotzp.py killed, bucket', killed_report_in_bucket),
]
