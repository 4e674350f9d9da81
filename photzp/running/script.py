"""The run of a script: its log on standard error, its summary on standard output, and one place that turns failure
into an exit status.

Exit status: 0 done; 1 done, but some input was unreadable; 2 could not run; 3 done, and a check has findings;
128 + n where signal n ended the run (what was measured by then is kept).
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import BinaryIO

from photzp.errors import COULD_NOT_RUN, SIGNALLED, RunStopped
from photzp.plaintext import printable
from photzp.running.loglines import JsonLayout, TextLayout, json_layout, json_line, log_to

_ONE_THREAD = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')  # read when numpy is imported

log = logging.getLogger('photzp')


class Interrupted(BaseException):
    """A signal asks the run to end; not an Exception, so that no handler of bad frames takes it for one.

    Parameters
    ----------
    number : int
        Of the signal.

    Attributes
    ----------
    exit_status : int
        128 + number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_status = SIGNALLED + number


def run_script(run: Callable[[argparse.Namespace], int], options: argparse.Namespace, script: str = '') -> int:
    """Call run(options); an expected failure (RunStopped) becomes one line of the log, any other a traceback.

    Parameters
    ----------
    run : callable
        Returns an exit status.
    options : argparse.Namespace
        With log_level, and optionally log_format.
    script : str, optional
        Name for the log in JSON.

    Returns
    -------
    int
        Exit status.
    """
    os.environ.update(dict.fromkeys(_ONE_THREAD, '1'))  # for workers, too, so that all have the same numbers
    with log_to(_handler(getattr(options, 'log_format', 'text'), script), options.log_level):
        return _exit_status(run, options)


def _exit_status(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """The exit status of run(options), with failures logged."""
    try:
        with _signals_raise(signal.SIGTERM, signal.SIGINT):
            return run(options)
    except RunStopped as error:
        log.error('%s', error)
        return COULD_NOT_RUN
    except Interrupted as signalled:
        if signalled.exit_status != SIGNALLED + signal.SIGPIPE:  # the reader has what it wanted, as `head`
            log.warning('stopped by %s; what was measured is kept, the next run goes on from there', signalled)
        return signalled.exit_status
    except ModuleNotFoundError as error:
        log.error('%s is not installed for %s: run with the Python of the program (in a checkout, that of .venv), or '
                  'install requirements.txt', error.name, sys.executable)
        return COULD_NOT_RUN
    except Exception:  # Python's own status of a crash is 1, which here means 'done'
        log.exception('the run ended by a mistake of this program; please report this')
        return COULD_NOT_RUN


@contextmanager
def _signals_raise(*numbers: int) -> Iterator[None]:
    """Inside, the signals raise Interrupted in the main thread; after the first, others are ignored."""
    def stop(number: int, _stack: FrameType | None) -> None:
        for ignored in numbers:
            signal.signal(ignored, signal.SIG_IGN)
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


# -- the log -----------------------------------------------------------------------------------------------------------


def _handler(form: str, script: str) -> logging.Handler:
    """One line an event on standard error, as text or JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLayout(script=script) if form == 'json' else TextLayout(colour=_in_colour()))
    return handler


def _in_colour() -> bool:
    """Whether standard error is a terminal that shows colours, and nobody has turned them off (https://no-color.org)."""
    return is_watched() and not os.environ.get('NO_COLOR')


def is_watched() -> bool:
    """Whether a person watches standard error.

    Returns
    -------
    bool
        True where it is a terminal that can rewrite a line.
    """
    return sys.stderr.isatty() and os.environ.get('TERM') != 'dumb'


def note_run(run_id: int) -> None:
    """From here on, lines of the log in JSON have the number of the run.

    Parameters
    ----------
    run_id : int
        Column `id` of the table `photrun`.
    """
    if layout := json_layout():
        layout.always['run'] = run_id


# -- standard output ---------------------------------------------------------------------------------------------------


def print_summary(message: str, **fields: object) -> None:
    """Print a line of the summary; where the log is JSON, as an event of it.

    Parameters
    ----------
    message : str
        The line.
    **fields : object
        Fields of the event, as of `loglines.FIELDS`.
    """
    layout = json_layout()
    print_line(json_line(logging.INFO, message.strip(), fields, **layout.always) if layout else printable(message))


def print_line(line: str) -> None:
    """Write a line to standard output at once; a path as its bytes, whatever they are.

    Parameters
    ----------
    line : str
        Without its end.

    Raises
    ------
    Interrupted
        Nobody reads standard output any more; the exit status is that of SIGPIPE.
    RunStopped
        Standard output cannot be written.
    """
    with _written():
        if hasattr(sys.stdout, 'buffer'):
            sys.stdout.buffer.write(os.fsencode(line) + b'\n')
        else:  # a caller in Python keeps it as text
            print(line)


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Standard output for bytes, flushed on leaving the block.

    Yields
    ------
    BinaryIO
        Writable.

    Raises
    ------
    Interrupted, RunStopped
        As of `print_line`.
    """
    with _written():
        yield sys.stdout.buffer


@contextmanager
def _written() -> Iterator[None]:
    """Inside, standard output is written; it is flushed on leaving."""
    try:
        sys.stdout.flush()
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter tries again at its end
        raise Interrupted(signal.SIGPIPE) from None
    except OSError as error:
        raise RunStopped(f'standard output cannot be written ({error.strerror}); see where it goes') from None
