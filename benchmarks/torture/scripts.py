"""The scripts as users run them, with a time limit, their log and output, and warnings as errors."""

import io
import os
import signal
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import photcalibration

ROOT = Path(__file__).resolve().parents[2]
TRACE = 'Traceback (most recent call last)'


class TookTooLong(BaseException):
    """The time limit is over; not an Exception, so that no handler of bad frames catches it."""


@dataclass(frozen=True)
class Run:
    """What a script did: exit status (None where it took too long), standard error, standard output."""

    status: int | None
    log: str
    out: str

    @property
    def trouble(self) -> str | None:
        """An outcome that no input may lead to, or None."""
        if self.status is None:
            return f'took too long; last said: {self.log.splitlines()[-1:]}'
        return f'traceback: {self.log[self.log.index(TRACE):][-600:]}' if TRACE in self.log + self.out else None


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TookTooLong in the main thread where the block is not over in time."""
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def in_process(main: Callable[[Sequence[str]], int], arguments: Sequence[object], *, limit_s: float) -> Run:
    """Call main(arguments) of a script in this process; Python's warnings are errors."""
    log, out = io.StringIO(), io.StringIO()
    status = None
    with redirect_stderr(log), redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter('error')
        try:
            with time_limit(limit_s):
                status = main([str(argument) for argument in arguments])
        except TookTooLong:
            pass
        except SystemExit as error:
            status = error.code
    return Run(status, log.getvalue(), out.getvalue())


def as_program(script: str, arguments: Sequence[object], *, limit_s: float, environment: dict[str, str] | None = None,
               **settings: object) -> Run:
    """Run a script as a program of its own, without credentials of whoever runs this."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(('AWS_', 'PHOTZP_'))}
    try:
        ended = subprocess.run([sys.executable, '-W', 'error', ROOT / script, *map(str, arguments)], check=False,
                              capture_output=True, timeout=limit_s, env=clean | (environment or {}), **settings)
    except subprocess.TimeoutExpired as late:
        return Run(None, (late.stderr or b'').decode(errors='replace'), (late.stdout or b'').decode(errors='replace'))
    return Run(ended.returncode, ended.stderr.decode(errors='replace'), ended.stdout.decode(errors='replace'))


def calibration(frames: Path, ps1: Path, database: object, *more: object) -> list[object]:
    """The command line that measures all frames of a directory."""
    return ['--crawldirectory', frames, '--ps1dir', ps1, '--photodb', database, '--mintexp', 1, *more]


def calibrate(frames: Path, ps1: Path, database: object, *more: object, limit_s: float) -> Run:
    """Measure all frames of a directory in this process."""
    return in_process(photcalibration.main, calibration(frames, ps1, database, '--processes', 1, *more),
                      limit_s=limit_s)


def rows(database: Path | str, sql: str) -> list[tuple]:
    """Rows of an SQLite file, read without the product."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()
