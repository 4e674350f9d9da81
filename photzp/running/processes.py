"""One function over many frames, or series of the report, in processes of this machine.

A worker process lives no longer than the pipe to its parent: closing it, or the end of the parent however it comes,
ends the worker at once.  Workers are spawned, so that they inherit no connection to a database, and use one thread
each.
"""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Self

from photzp.running.spread import Item, Result, WorkerSource, spread
from photzp.running.worker import Recorded, Tools, do_item, replay_logs

log = logging.getLogger('photzp')

_STOPPING = {signal.SIGINT, signal.SIGTERM}


def can_start() -> bool:
    """Whether this system lets processes work together; a warning says why not.

    Returns
    -------
    bool
        False where semaphores cannot be made, which need a writable /dev/shm.
    """
    try:
        multiprocessing.get_context('spawn').Lock()
    except (OSError, ImportError) as error:
        log.warning('no worker processes here (%s; is /dev/shm writable?): this process does all the work', error)
        return False
    return True


def in_processes(make: Callable[..., Any], arguments: tuple[Any, ...], work: Callable[[Any, Item], Result],
                 chunks: Iterable[Sequence[Item]], *, processes: int,
                 last: Iterable[Item] = ()) -> Generator[tuple[Item, Result | None], None, None]:
    """Do work on many items in processes, as `spread` does; close the iterator to end the processes at once.

    Parameters
    ----------
    make : callable
        make(*arguments) returns the tools of a worker, and is called once in each.
    arguments : tuple
        All pickle.
    work : callable
        work(tools, item) returns a result.  What it logs is logged here, a warning once.
    chunks : iterable of sequences
        Items that are best done by one worker, see `spread`.
    processes : int
        Largest number at a time.
    last : iterable
        Items to do at the end, each with no other worker running.

    Yields
    ------
    item : object
        In the order in which the results come.
    result : object or None
        None where the item killed its process.
    """
    with _Workers() as workers:
        prepare = partial(_make_tools, make, arguments, log.getEffectiveLevel())
        yield from replay_logs(spread(partial(_do_item, work), chunks, WorkerSource(workers.start, prepare, processes),
                                      last))


class _Workers:
    """Starts executors of one process each; on leaving the block all of them end at once."""

    def __enter__(self) -> Self:
        resource_tracker.ensure_running()  # beforehand: starting it later would unblock signals
        self._context = multiprocessing.get_context('spawn')
        self._reader, self._writer = self._context.Pipe(duplex=False)
        self._started: list[Executor] = []
        return self

    def start(self) -> Executor:
        """An executor whose one process is running."""
        with _signals_blocked():  # else a signal could come while the process is half made, and kill it
            executor = ProcessPoolExecutor(1, self._context, _start_worker, (self._reader,))
            self._started.append(executor)
            executor.submit(os.getpid)  # starts the process
            # Its end of the pipe of results is then the only one: if it dies in the middle of a result, reading ends.
            executor._result_queue._writer.close()  # type: ignore[attr-defined]
        return executor

    def __exit__(self, *_: object) -> None:
        self._writer.close()
        for executor in self._started:
            executor.shutdown(cancel_futures=True)
        self._reader.close()


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Inside, signals that end the run wait."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# -- in a worker -------------------------------------------------------------------------------------------------------


def _start_worker(parent: Connection) -> None:
    """First of all in a worker: leave the terminal's Ctrl-C to the parent, and end when the parent ends."""
    threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)


def _exit_with_parent(parent: Connection) -> None:
    """End this process when the other end of the pipe is closed; nothing is ever sent."""
    parent.poll(None)
    os._exit(0)


_tools: Tools | None = None  # of this worker


def _make_tools(make: Callable[..., Any], arguments: tuple[Any, ...], level: int) -> None:
    """Make the tools of this worker."""
    global _tools
    _tools = Tools(make, arguments, level)


def _do_item(work: Callable[[Any, Item], Result], item: Item) -> Recorded[Result]:
    """Do one item with the tools of this worker."""
    assert _tools is not None, 'a worker is prepared first'
    return do_item(work, _tools, item)
