"""Lines of the log: one an event, for people or as JSON for log collectors; no input can forge one.

Both show the text without passwords and with control characters as escapes.  Beside the text an event may have fields,
given as `extra` to logging; JSON shows those of `FIELDS`.
"""

import json
import logging
import math
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from logging import LogRecord
from typing import Any, TextIO

from photzp.plaintext import printable, without_passwords

log = logging.getLogger('photzp')

EVERY_LINE = {
    'time': 'time in UTC, ISO 8601 with milliseconds and Z',
    'level': 'DEBUG, INFO, WARNING or ERROR',
    'message': 'the same text as in the log for people',
    'logger': 'part of the program, or name of a library',
    'script': 'script that logged it',
}
FIELDS = {  # beside those of every line, where they are known
    'run': 'number of the run, column `id` of the table `photrun`',
    'frame': 'file name of a frame',
    'reason': 'reason why a frame has no zeropoint, by its name in the README',
    'camera': 'camera, such as fa15',
    'telescope': 'site-enclosure-telescope, such as lsc-doma-1m0a',
    'filter': 'filter, such as rp',
    'zp': 'zeropoint [mag]',
    'zperr': 'error of zp [mag]',
    'nstars': 'number of stars in the fit',
    'finding': 'kind of a finding of --check',
    'counts': 'numbers at the end of a run, an object: frames by outcome and by reason, series, files',
    'findings': 'number of findings of --check',
    'status': 'exit status',
    'done': 'number of frames, series or rows done, in a line on progress',
    'total': 'number of them to do in all',
    'traceback': 'traceback, with line ends',
}
_COLOURS = {'WARNING': '\033[33m', 'ERROR': '\033[31m', 'CRITICAL': '\033[31m'}
_PLAIN = '\033[0m'


class TextLayout(logging.Formatter):
    """A date in UTC, the level, the message; indented lines for a traceback.

    Parameters
    ----------
    colour : bool
        Whether levels from WARNING on are coloured.
    """

    def __init__(self, *, colour: bool = False) -> None:
        super().__init__()
        self._colours = _COLOURS if colour else {}

    def format(self, record: LogRecord) -> str:
        """The line of an event, which no message breaks.

        Parameters
        ----------
        record : logging.LogRecord
            The event.

        Returns
        -------
        str
            More than one line only for a traceback.
        """
        utc = time.strftime('%Y-%m-%d %H:%M:%SZ', time.gmtime(record.created))
        colour = self._colours.get(record.levelname)
        level = f'{colour}{record.levelname}{_PLAIN}' if colour else record.levelname
        return '\n  '.join([f'{utc} {level} {_clean(record.getMessage())}', *traceback_lines(record)])


class JsonLayout(logging.Formatter):
    """An object a line.

    Parameters
    ----------
    **always : object
        Fields of every line, as the script.

    Attributes
    ----------
    always : dict
        As above; may be added to.
    """

    def __init__(self, **always: object) -> None:
        super().__init__()
        self.always: dict[str, object] = always

    def format(self, record: LogRecord) -> str:
        """The line of an event.

        Parameters
        ----------
        record : logging.LogRecord
            The event; of its attributes those of `FIELDS` are shown.

        Returns
        -------
        str
            A JSON object in ASCII.
        """
        utc = datetime.fromtimestamp(record.created, UTC).isoformat(timespec='milliseconds')
        line = {'time': utc.replace('+00:00', 'Z'), 'level': record.levelname, 'message': record.getMessage(),
                'logger': record.name, **self.always}
        line |= {name: value for name, value in vars(record).items() if name in FIELDS}
        if lines := traceback_lines(record):
            line['traceback'] = '\n'.join(lines)
        return json.dumps({name: _json_value(value) if name != 'traceback' else value for name, value in line.items()},
                          allow_nan=False)


def json_layout() -> JsonLayout | None:
    """The layout of the log where it is JSON.

    Returns
    -------
    JsonLayout or None
        None where the log is text.
    """
    return next((handler.formatter for handler in log.handlers if isinstance(handler.formatter, JsonLayout)), None)


def json_line(level: int, message: str, fields: Mapping[str, object] | None = None, **always: object) -> str:
    """A line of JSON for an event that is not logged.

    Parameters
    ----------
    level : int
        As logging.INFO.
    message : str
        Text of the event.
    fields : mapping of str to object, optional
        Of `FIELDS`.
    **always : object
        As of `JsonLayout`.

    Returns
    -------
    str
        A JSON object in ASCII.
    """
    record = LogRecord(log.name, level, '', 0, message, None, None)
    vars(record).update(fields or {})
    return JsonLayout(**always).format(record)


def traceback_lines(record: LogRecord) -> list[str]:
    """Lines of a record's traceback.

    Parameters
    ----------
    record : logging.LogRecord
        Its traceback is kept as text from here on.

    Returns
    -------
    list of str
        Without passwords and control characters; empty where the record has no traceback.
    """
    if record.exc_info and not record.exc_text:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    return [_clean(line) for line in (record.exc_text or '').splitlines()]


def _clean(text: str) -> str:
    """A text without passwords and control characters."""
    return without_passwords(printable(text))


def _json_value(value: Any) -> Any:
    """A value as JSON has it, its texts cleaned; scalars of numpy as Python's, null for no finite number."""
    if isinstance(value, dict):
        return {_clean(str(key)): _json_value(inner) for key, inner in value.items()}
    if hasattr(value, 'item'):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (bool, int, float, type(None))) else _clean(str(value))


@contextmanager
def log_to(handler: logging.Handler, level: int | str) -> Iterator[None]:
    """Inside, a handler gets our own events, those of libraries, and Python's warnings.

    Parameters
    ----------
    handler : logging.Handler
        The only one of our own events.
    level : int or str
        From which on our own events count, as logging.INFO.
    """
    root = logging.getLogger()
    before, log.handlers[:], log.propagate = log.handlers[:], [handler], False
    log.setLevel(level)
    root.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _log_warning
            yield
    finally:
        root.removeHandler(handler)
        log.handlers[:] = before


def _log_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int,
                 file: TextIO | None = None, line: str | None = None) -> None:
    """Log a warning of Python; takes the place of warnings.showwarning."""
    log.warning('%s: %s (%s, line %d)', category.__name__, message, filename, lineno)
