"""What both scripts share between argparse and their work: help layout, option types, log, summary, progress, and the
one place that turns failure into an exit status.

Exit status: 0 done; 1 done, but some input was unreadable; 2 could not run; 3 done, and a check has findings;
128 + n where signal n ended the run (what was measured by then is kept).
"""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from itertools import pairwise
from types import FrameType
from typing import Any, BinaryIO, NoReturn, TypeVar

from photzp.dates import parse_date
from photzp.errors import COULD_NOT_RUN, SIGNALLED, RunStopped
from photzp.names import safe_part
from photzp.plaintext import did_you_mean, printable, without_passwords
from photzp.program import VERSION
from photzp.running.loglines import JsonLayout, TextLayout, warnings_logged

ONE_THREAD = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')  # read when numpy is imported

BAR = '{n_fmt} of {total_fmt}{unit} |{bar}| {rate_noinv_fmt}, {remaining} left'
MAX_PROCESSES = 1000
PROGRESS_S = 300.0  # between lines on progress where nobody watches: a night is a few, years of frames some hundred

log = logging.getLogger('photzp')

Item = TypeVar('Item')


class Interrupted(BaseException):
    """A signal asks the run to end; not an Exception, so that no handler of bad frames takes it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_status = SIGNALLED + number


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose help has the same width everywhere and no colour, and whose errors are one line."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_help_layout, allow_abbrev=False, **settings)
        self.color = False  # Python 3.14 and later
        self._says_json = False
        self.add_argument('--version', action='version', version=f'%(prog)s {VERSION}')

    def add_log_options(self) -> None:
        """Add what the log is to be like: the last group of the help."""
        group = self.add_argument_group('what is said')
        levels = ('DEBUG', 'INFO')
        group.add_argument('--log-level', choices=levels, default='INFO', help='how much to log (default: INFO)')
        group.add_argument('--log_level', choices=levels, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        group.add_argument('--log-format', choices=('text', 'json'), default='text',
                           help='json: an object a line, for log and summary, as for Kubernetes (default: text)')

    def parse_args(self, args: Sequence[str] | None = None,  # type: ignore[override]  # overloads say the same
                   namespace: Any = None) -> Any:
        """As in argparse; an option that there is not is an error that names the nearest."""
        args = sys.argv[1:] if args is None else list(args)
        self._says_json = '--log-format=json' in args or ('--log-format', 'json') in pairwise(args)
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].partition('=')[0]
            known = [name for action in self._actions for name in action.option_strings]
            self.error(f'{word}: there is no such option{did_you_mean(word, known)}' if word.startswith('-')
                       else f'{word}: belongs to no option; options begin with --')
        return options

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, which may hold the URL of a database, and end with status 2."""
        said = f'{message.removeprefix("argument ")}; see {self.prog} --help'
        if self._says_json:
            record = logging.LogRecord(log.name, logging.ERROR, '', 0, said, None, None)
            line = JsonLayout(script=self.prog).format(record)
        else:
            line = f'{self.prog}: error: {printable(without_passwords(said))}'
        self.exit(COULD_NOT_RUN, f'{line}\n')


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


def whole_number(text: str) -> int:
    """argparse type: a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is no whole number') from None


def processes_option(text: str) -> int:
    """argparse type: a number of processes."""
    count = whole_number(text)
    if not 1 <= count <= MAX_PROCESSES:
        raise argparse.ArgumentTypeError(f'{text} processes: must be from 1 to {MAX_PROCESSES}')
    return count


def date_option(text: str) -> str:
    """argparse type: a date YYYYMMDD or YYYY-MM-DD, as YYYYMMDD."""
    try:
        return parse_date(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run_script(run: Callable[[argparse.Namespace], int], options: argparse.Namespace, script: str = '') -> int:
    """Call run(options) and return the exit status, whatever happens; one clear line for what was to be expected.

    script : name for the log.
    """
    os.environ.update(dict.fromkeys(ONE_THREAD, '1'))  # for workers, too, so that all have the same numbers
    with _logging(options.log_level, getattr(options, 'log_format', 'text'), script):
        return _exit_status(run, options)


def _exit_status(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    try:
        with _signals_raise(signal.SIGTERM, signal.SIGINT):
            return run(options)
    except RunStopped as error:
        log.error('%s', error)
        return COULD_NOT_RUN
    except Interrupted as signalled:
        if signalled.exit_status != SIGNALLED + signal.SIGPIPE:  # whoever read has what he wanted, as of `| head`
            log.warning('stopped by %s; what was measured is kept, the next run goes on from there', signalled)
        return signalled.exit_status
    except ModuleNotFoundError as error:
        log.error('%s is not installed for %s: run with the Python of the program (in a checkout, that of .venv), or '
                  'install requirements.txt', error.name, sys.executable)
        return COULD_NOT_RUN
    except Exception:  # Python's own status of a crash is 1, which here says 'done'
        log.exception('the run ended by a mistake of this program; please report this')
        return COULD_NOT_RUN


@contextmanager
def _logging(level: str, form: str, script: str) -> Iterator[None]:
    """Inside, one line an event on standard error: our own from `level` on, warnings of libraries, and Python's."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLayout(script=script) if form == 'json' else TextLayout(colour=_in_colour()))
    others = logging.getLogger()
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(level)
    others.addHandler(handler)
    try:
        with warnings_logged(log):
            yield
    finally:
        others.removeHandler(handler)


def _in_colour() -> bool:
    """Whether standard error is a terminal that shows colours, to somebody who wants them (https://no-color.org)."""
    return _watched() and not os.environ.get('NO_COLOR')


def _watched() -> bool:
    """Whether a person is at standard error, with a terminal that can go back in a line."""
    return sys.stderr.isatty() and os.environ.get('TERM') != 'dumb'


def _json_layout() -> JsonLayout | None:
    return next((each.formatter for each in log.handlers if isinstance(each.formatter, JsonLayout)), None)


def note_run(run_id: int) -> None:
    """From here on, lines in JSON have the number of the run."""
    if layout := _json_layout():
        layout.always['run'] = run_id


# -- summary and progress ----------------------------------------------------------------------------------------------


def tell(message: str, **fields: object) -> None:
    """A line of the summary on standard output; where the log is JSON, as an event of it with the fields."""
    if layout := _json_layout():
        record = logging.LogRecord(log.name, logging.INFO, '', 0, message.strip(), None, None)
        vars(record).update(fields)
        put_out(layout.format(record))
    else:
        put_out(printable(message))


def put_out(line: str) -> None:
    """Write a line to standard output at once; a path as its bytes, whatever they are.

    Raises Interrupted where nobody reads it any more, as a shell tells of SIGPIPE; RunStopped where it cannot be
    written.
    """
    with _reader():
        if hasattr(sys.stdout, 'buffer'):
            sys.stdout.buffer.write(os.fsencode(line) + b'\n')
        else:  # a caller in Python keeps it as text
            print(line)


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Standard output, for bytes; what is written is out on leaving.  Raises as put_out does."""
    with _reader():
        yield sys.stdout.buffer


@contextmanager
def _reader() -> Iterator[None]:
    """Inside, standard output is written; it is out on leaving."""
    try:
        sys.stdout.flush()
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter tries again at its end
        raise Interrupted(signal.SIGPIPE) from None
    except OSError as error:
        raise RunStopped(f'standard output cannot be written ({error.strerror}); see where it goes') from None


def with_progress(items: Iterable[Item], units: str, total: int | None = None) -> Iterator[Item]:
    """The items, behind a progress bar with rate and time left where a person watches; else with a line now and then.

    units : what they are, as 'frames'.  total : their number, where they have no len.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if total in (0, 1):  # there is no way to go
        yield from items
        return
    if not _watched() or _json_layout():
        yield from _with_lines(items, units, total)
        return
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    layout = None if total is None else BAR
    with logging_redirect_tqdm(loggers=[log]):
        yield from tqdm(items, unit=f' {units}', total=total, dynamic_ncols=True, bar_format=layout)


def _with_lines(items: Iterable[Item], units: str, total: int | None) -> Iterator[Item]:
    begun = said = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - said >= PROGRESS_S:
            said = now
            log.info('%s', progress_line(done, total, units, now - begun), extra={'done': done, 'total': total})


def progress_line(done: int, total: int | None, units: str, seconds: float) -> str:
    """As '1200 of 6000 frames, 38/s, 2 min left'."""
    rate = done / seconds
    said = f'{rate:.{rate < 10:d}f}/s' if rate >= 1 else f'{1 / rate:.{rate > 0.1:d}f} s each'
    if total is None:
        return f'{done} {units}, {said}'
    left_s = (total - done) / rate
    left = f'{left_s / 3600:.1f} h' if left_s > 5400 else f'{left_s / 60:.0f} min' if left_s > 90 else f'{left_s:.0f} s'
    return f'{done} of {total} {units}, {said}, {left} left'


# -- signals -----------------------------------------------------------------------------------------------------------


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
