"""Lines of the log: one an event, for people or as JSON for what collects logs; nothing from outside can forge one.

What both show is the text without passwords and with control characters as escapes.  Beside the text an event may have
fields, given as `extra` to logging; those of `FIELDS` are what JSON shows.
"""

import json
import logging
import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging import LogRecord
from typing import Any, TextIO

from photzp.plaintext import printable, without_passwords

EVERY_LINE = {
    'time': 'when, UTC, ISO 8601 with milliseconds and Z',
    'level': 'DEBUG, INFO, WARNING or ERROR',
    'message': 'the same text as in the log for people',
    'logger': 'part of the program; of a library, its name',
    'script': 'script that says it',
}
FIELDS = {  # beside those of every line, where they are known
    'run': 'number of the run, column `id` of the table `photrun`',
    'frame': 'file name of a frame',
    'reason': 'why a frame has no zeropoint, by the name in the table of reasons',
    'camera': 'camera, as fa15',
    'telescope': 'site, enclosure and telescope, as lsc-doma-1m0a',
    'filter': 'filter, as rp',
    'zp': 'zeropoint [mag]',
    'zperr': 'its error [mag]',
    'nstars': 'number of stars in the fit',
    'finding': 'kind of a finding of --check',
    'counts': 'numbers at the end of a run, an object: frames by what came of them (also with their reason), '
              'series, files',
    'findings': 'number of findings of --check',
    'status': 'exit status',
    'done': 'frames, series or rows that are done, in a line on progress',
    'total': 'how many there are to do',
    'traceback': 'lines of a traceback, joined by line ends',
}
COLOURS = {'WARNING': '\033[33m', 'ERROR': '\033[31m', 'CRITICAL': '\033[31m'}
PLAIN = '\033[0m'


def traceback_lines(record: LogRecord) -> list[str]:
    """The lines of a record's traceback, none where it has none."""
    if record.exc_info and not record.exc_text:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    return [_clean(line) for line in (record.exc_text or '').splitlines()]


class TextLayout(logging.Formatter):
    """A date in UTC, the level, the message; indented lines for a traceback.  colour : of the levels that matter."""

    def __init__(self, *, colour: bool = False) -> None:
        super().__init__()
        self._colours = COLOURS if colour else {}

    def format(self, record: LogRecord) -> str:
        """As a line that no message breaks."""
        moment = time.strftime('%Y-%m-%d %H:%M:%SZ', time.gmtime(record.created))
        colour = self._colours.get(record.levelname)
        level = f'{colour}{record.levelname}{PLAIN}' if colour else record.levelname
        return '\n  '.join([f'{moment} {level} {_clean(record.getMessage())}', *traceback_lines(record)])


class JsonLayout(logging.Formatter):
    """An object a line.  always : fields of every line, as the script."""

    def __init__(self, **always: object) -> None:
        super().__init__()
        self.always: dict[str, object] = always

    def format(self, record: LogRecord) -> str:
        """As a line of ASCII."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec='milliseconds')
        line = {'time': moment.replace('+00:00', 'Z'), 'level': record.levelname, 'message': record.getMessage(),
                'logger': record.name, **self.always}
        line |= {name: value for name, value in vars(record).items() if name in FIELDS}
        if lines := traceback_lines(record):
            line['traceback'] = '\n'.join(lines)
        return json.dumps({name: _json_value(value) if name != 'traceback' else value for name, value in line.items()},
                          allow_nan=False)


def _clean(text: str) -> str:
    return without_passwords(printable(text))


def _json_value(value: Any) -> Any:
    """The value as JSON has it, texts without what may harm; numpy's scalars as Python's, null for no number."""
    if isinstance(value, dict):
        return {_clean(str(key)): _json_value(each) for key, each in value.items()}
    if hasattr(value, 'item'):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (bool, int, float, type(None))) else _clean(str(value))


@contextmanager
def warnings_logged(log: logging.Logger) -> Iterator[None]:
    """Inside, Python's warnings are events of the log."""
    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None,
             line: str | None = None) -> None:
        log.warning('%s: %s (%s, line %d)', category.__name__, message, filename, lineno)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
