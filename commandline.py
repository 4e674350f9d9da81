"""What both scripts share between argparse and their work: help layout, option types, logging, and the one place that
turns failure into an exit status.

Exit status: 0 done; 1 done, but some input was unreadable; 2 could not run; 3 done, and a check has findings;
128 + n where signal n ended the run (what was measured by then is kept).
"""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn, TypeVar

from framearchive import parse_date
from names import safe_part
from plaintext import printable, without_passwords
from rejections import RunStopped

VERSION = '0.1.0'
DONE, SOME_UNREADABLE, COULD_NOT_RUN, FINDINGS = 0, 1, 2, 3

ONE_THREAD = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')  # read when numpy is imported

log = logging.getLogger('photzp')

Item = TypeVar('Item')


class Interrupted(BaseException):
    """A signal asks the run to end; not an Exception, so that no handler of bad frames takes it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose help has the same width everywhere and no colour."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_help_layout, allow_abbrev=False, **settings)
        self.color = False  # Python 3.14 and later
        self.add_argument('--version', action='version', version=f'%(prog)s {VERSION}')
        self.add_argument('--log-level', '--log_level', choices=('DEBUG', 'INFO'), default='INFO',
                          help='how much to log (default: INFO)')

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, which may hold the URL of a database, and end with status 2."""
        super().error(printable(without_passwords(message)))


def _help_layout(prog: str, **settings: Any) -> argparse.HelpFormatter:
    settings['width'] = 100
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, **settings)


def names_option(text: str) -> tuple[str, ...]:
    """argparse type: names separated by commas, as a tuple; each one fit for a file name."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(',') if part.strip()))
    if not names:
        raise argparse.ArgumentTypeError('no name given')
    try:
        return tuple(safe_part(name) for name in names)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def date_option(text: str) -> str:
    """argparse type: a date YYYYMMDD or YYYY-MM-DD, as YYYYMMDD."""
    try:
        return parse_date(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run_script(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Call run(options) and return the exit status, whatever happens; one clear line for what was to be expected."""
    os.environ.update(dict.fromkeys(ONE_THREAD, '1'))  # for workers, too, so that all have the same numbers
    _start_logging(options.log_level)
    try:
        with _signals_raise(signal.SIGTERM, signal.SIGINT):
            return run(options)
    except RunStopped as error:
        log.error('%s', error)
        return COULD_NOT_RUN
    except Interrupted as signalled:
        log.warning('stopped by %s; what was measured is kept, the next run goes on from there', signalled)
        return signalled.exit_status
    except ModuleNotFoundError as error:
        log.error('%s is not installed for %s: install requirements.txt, or run with the Python of .venv', error.name,
                  sys.executable)
        return COULD_NOT_RUN
    except Exception:  # Python's own status of a crash is 1, which here says 'done'
        log.exception('the run ended by a mistake of this program; please report this')
        return COULD_NOT_RUN


def _start_logging(level: str) -> None:
    """One line an event on standard error, with UTC dates."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Layout('%(asctime)sZ %(levelname)s %(message)s', datefmt='%Y-%m-%d %H:%M:%S'))
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(level)


class _Layout(logging.Formatter):
    """Lines that nothing from outside can forge: one for a message, indented ones for a traceback, no passwords."""

    converter = staticmethod(time.gmtime)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (the name that logging gives it)
        record.message = without_passwords(printable(record.message))
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return '\n'.join(f'  {without_passwords(printable(line))}' for line in super().formatException(ei).split('\n'))


@contextmanager
def _signals_raise(*numbers: int) -> Iterator[None]:
    """Inside, the signals raise Interrupted in the main thread; a second one while cleaning up is not heeded."""
    def stop(number: int, _stack: FrameType | None) -> None:
        for again in numbers:
            signal.signal(again, signal.SIG_IGN)
        raise Interrupted(number)

    try:
        before = {number: signal.signal(number, stop) for number in numbers}
    except ValueError:  # not in the main thread: whoever runs us there handles signals
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def with_progress(items: Iterable[Item], unit: str, total: int | None = None) -> Iterator[Item]:
    """The items, behind a progress bar with rate and time left where a person watches.

    total : their number, where they have no len.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    with logging_redirect_tqdm(loggers=[log]):
        yield from tqdm(items, unit=unit, total=total, dynamic_ncols=True)
