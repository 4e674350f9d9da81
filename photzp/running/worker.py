"""What each worker does: make its tools once, do one item at a time, and send along what was logged meanwhile.

What workers log is replayed in the first process, where the one log of the run is written.
"""

import copy
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import QueueHandler
from typing import Any

from photzp.errors import RunStopped
from photzp.running.loglines import log_to, traceback_lines
from photzp.running.spread import Item, Result

_one_at_a_time = threading.Lock()  # a process of a cluster may have several threads; catalogue and astropy expect one

Recorded = tuple[Result | RunStopped, list[logging.LogRecord]]


class Tools:
    """What a worker uses for all its items, as the observatory or a share of the catalogue's cache.

    Parameters
    ----------
    make : callable
        make(*arguments) returns the tools.
    arguments : tuple
        All pickle.
    level : int
        From which on to record the log.

    Attributes
    ----------
    level : int
        As above.
    made : object
        The tools.
    records : list of logging.LogRecord
        What was logged while they were made, until it is sent along with the first result.
    """

    def __init__(self, make: Callable[..., Any], arguments: tuple[Any, ...], level: int) -> None:
        self._again = (make, arguments, level)
        self.level = level
        with _recording(level) as self.records:
            self.made = make(*arguments)

    def __reduce__(self) -> tuple[type['Tools'], tuple[Any, ...]]:
        """A worker short of memory may put the tools to disk; they are made again then, without their caches."""
        return Tools, self._again


def do_item(work: Callable[[Any, Item], Result], tools: Tools, item: Item) -> Recorded[Result]:
    """Do work on one item, in a worker.

    Parameters
    ----------
    work : callable
        work(tools, item) returns a result.
    tools : Tools
        Of this worker.
    item : object
        What to do.

    Returns
    -------
    result : object or RunStopped
        A RunStopped that the work raised is returned, so that what was logged before comes with it.
    records : list of logging.LogRecord
        What was logged on the way.
    """
    result: Result | RunStopped
    with _recording(tools.level) as records:
        try:
            result = work(tools.made, item)
        except RunStopped as stopped:
            result = stopped
    earlier, tools.records = tools.records, []
    return result, earlier + records


class _Recorder(QueueHandler):
    """Keeps what its own thread logs."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # a list takes the place of the queue
        self.records: list[logging.LogRecord] = []
        thread = threading.get_ident()
        self.addFilter(lambda record: record.thread == thread)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """A copy that pickles, its traceback still apart from its text."""
        traceback_lines(record)
        copied = copy.copy(record)
        copied.msg, copied.args, copied.exc_info = record.getMessage(), None, None
        return copied

    def enqueue(self, record: logging.LogRecord) -> None:
        """Keep what `prepare` made."""
        self.records.append(record)


@contextmanager
def _recording(level: int) -> Iterator[list[logging.LogRecord]]:
    """Inside, only this thread works, and what it logs goes to the list."""
    recorder = _Recorder()
    with _one_at_a_time, log_to(recorder, level):
        yield recorder.records


def replay_logs(results: Iterator[tuple[Item, Recorded[Result] | None]]) -> Iterator[tuple[Item, Result | None]]:
    """Log the workers' records in this process; a warning once, whichever worker gives it.

    Parameters
    ----------
    results : iterator of (item, result of `do_item` or None)
        As of `spread`.

    Yields
    ------
    item : object
        As given.
    result : object or None
        Without the records; None as given.

    Raises
    ------
    RunStopped
        The work raised it.
    """
    warned: set[str] = set()
    for item, recorded in results:
        if recorded is None:
            yield item, None
            continue
        result, records = recorded
        for record in records:
            _replay(record, warned)
        if isinstance(result, RunStopped):
            raise result
        yield item, result


def _replay(record: logging.LogRecord, warned: set[str]) -> None:
    """Log a record, unless it is a warning that was given before."""
    if record.levelno >= logging.WARNING:
        if record.getMessage() in warned:
            return
        warned.add(record.getMessage())
    logging.getLogger(record.name).handle(record)
