"""Calibrations, one that measures again, and reports, all at once on one SQLite file: `make torture`."""

import sqlite3
import subprocess
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.torture.ground import Observer, Place, differences, look_at_directory, make_night, rows_of
from benchmarks.torture.tally import Tally

FEW_PLOTS = ('--no-pertelescopeplots', '--no-errorhistogram')
TIMEOUT_S = 300
# As `photcalibration.py` and `longtermphotzp.py`, on a file system that is told to be a network's: no write-ahead log.
REMOTE = ('import sys; sys.path.insert(0, {root!r}); from photzp.database import journal; '
          'journal._remote_file_system = lambda path: "nfs4"; import {script}; sys.exit({script}.main())')


def cameras_of(archive: Path) -> list[str]:
    """Cameras of an archive, those with most frames first."""
    counts = Counter(path.parents[2].name for path in archive.rglob('*-e91.fits*'))
    return [camera for camera, _ in counts.most_common()]


def as_remote(command: list[str]) -> list[str]:
    """The command, with a rollback journal instead of the write-ahead log."""
    script = Path(command[1])
    return [command[0], '-c', REMOTE.format(root=str(script.parent), script=script.stem), *command[2:]]


def together(place: Path, rounds: int = 5, frames: int = 24, *, remote: bool = False,
             options: Sequence[str] = FEW_PLOTS) -> Tally:
    """Three calibrations of a camera each, one of a fourth camera with --redo, and a report, begun at the same time.

    Each round has a database of its own, in which the fourth camera is measured already.  options : of the reports.
    """
    night = make_night(place / 'night', frames, 6, '--sites', 'lsc', '--regimes', 'ordinary', '--defects', '0.1')
    alone = Place(place / 'alone', night)
    cameras = cameras_of(alone.archive)
    *three, again = cameras[:4]
    kind = as_remote if remote else list

    def measure(here: Place, camera: str, *more: str) -> list[str]:
        return kind(here.calibration('--camera', camera, '--processes', '1', *more))

    alone.run(measure(alone, ','.join(cameras[:4])))
    alone.run(kind(alone.report(*options)))
    wanted, lost = rows_of(alone.database), []
    for number in range(rounds):
        here = Place(place / f'round{number}', night)
        here.run(measure(here, again))
        observer = Observer(lambda out=here.out: look_at_directory(out))
        observer.start()
        commands = [measure(here, camera) for camera in three]
        commands += [measure(here, again, '--redo'), kind(here.report(*options))]
        runs = [here.start(command) for command in commands]
        wrong = ends_of(runs)
        status, said = here.run(kind(here.report(*options)))
        wrong += [] if status == 0 else [f'the report after: {said.splitlines()[-1:]}']
        wrong += [*filter(None, [differences(rows_of(here.database), wanted)]), *records_of(here.database, 7)]
        wrong += observer.stop()
        lost += [f'round {number}: {"; ".join(wrong)}'] if wrong else []
    return Tally(rounds, tuple(lost))


def ends_of(runs: list[subprocess.Popen[str]]) -> list[str]:
    """Wait for all; returns what is wrong with their ends."""
    wrong = []
    for run in runs:
        try:
            said = run.communicate(timeout=TIMEOUT_S)[1]
        except subprocess.TimeoutExpired:
            run.kill()
            said = f'{run.communicate()[1]}did not end within {TIMEOUT_S} s ERROR '
        bad = [line for line in said.splitlines() if ' ERROR ' in line or 'locked' in line or 'Traceback' in line]
        if run.returncode not in (0, 1) or bad:
            wrong.append(f'status {run.returncode}: {bad[-1:]}')
    return wrong


def records_of(database: Path, number: int) -> list[str]:
    """What is wrong with the records of runs: there must be one for each run, and all must have ended."""
    with closing(sqlite3.connect(database)) as connection:
        count, ended = connection.execute('SELECT count(*), count(ended) FROM photrun').fetchone()
    return [] if (count, ended) == (number, number) else [f'{count} runs on record, {ended} ended, of {number}']


def together_without_log(place: Path, rounds: int = 3, frames: int = 24,
                         options: Sequence[str] = FEW_PLOTS) -> Tally:
    """The same as on a network file system: with a rollback journal, where readers wait for writers."""
    return together(place, rounds, frames, remote=True, options=options)


CLASSES = [('all at once on one file', together), ('all at once with a rollback journal', together_without_log)]
