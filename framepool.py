"""One function over many frames, or series of the report, in processes beside this one; results come one by one.

Each process is a lane of its own: an `Executor` of one worker, which keeps its tools (the observatory, a share of the
catalogue's cache) and does the frames that it is given in their order.  At most `AHEAD` of them are in its hands, so
that what a dying worker held is known without its saying so, memory does not grow with the number of frames, and
nothing that was measured waits for others.  Frames that were in the hands of a worker that died are tried again at the
end, one at a time and with no other worker beside: the one that dies there, too, is the culprit.

A worker lives no longer than the pipe to its parent: closing it, or the end of the parent however it comes, ends the
worker at once.  Workers are spawned, so that they inherit no connection to a database, and use one thread each.
"""

import logging
import math
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from logging.handlers import QueueHandler
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from rejections import RunStopped, WorkersLost

log = logging.getLogger('photzp')

TRIES = 3  # of starting a worker
AHEAD = 2  # one that is being done, and one for the time until its result has come and gone
ONE_THREAD = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')  # read when numpy is imported
_STOPPING = {signal.SIGINT, signal.SIGTERM}
_LOST = 'worker processes die before they begin, most likely for want of memory; give fewer by --processes'

Item = TypeVar('Item')
Result = TypeVar('Result')


def usable_cores(cgroups: Path = Path('/sys/fs/cgroup'), membership: Path = Path('/proc/self/cgroup')) -> int:
    """Number of cores that this process may use: its affinity, and the quota of its control groups rounded up.

    cgroups, membership : where Linux shows them (version 2, https://docs.kernel.org/admin-guide/cgroup-v2.html).
    """
    count = getattr(os, 'process_cpu_count', lambda: len(os.sched_getaffinity(0)))() or 1  # Python 3.13 and later
    own = [line[3:] for line in _text(membership).splitlines() if line.startswith('0::')]
    group = Path(own[0] if own else '/')
    for each in (group, *group.parents):
        quota, _, period = _text(cgroups / each.relative_to('/') / 'cpu.max').partition(' ')
        if quota.isdigit() and period.strip().isdigit():
            count = min(count, math.ceil(int(quota) / int(period)))
    return max(count, 1)


def can_start() -> bool:
    """Whether this system lets processes work together: semaphores need a /dev/shm that may be written."""
    try:
        multiprocessing.get_context('spawn').Lock()
    except (OSError, ImportError) as error:
        log.warning('no worker processes here (%s; is /dev/shm writable?): all is done in this one', error)
        return False
    return True


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding='ascii')
    except OSError:  # not on this kind of system, or not shown to this container
        return ''


# -- lanes -------------------------------------------------------------------------------------------------------------


class _Lane(Generic[Item, Result]):
    """One executor of one worker, started when the first item comes, and the items in its hands in their order."""

    def __init__(self, start: Callable[[], Executor], prepare: Callable[[], None],
                 work: Callable[[Item], Result]) -> None:
        self._start, self._prepare, self._work = start, prepare, work
        self._executor: Executor | None = None
        self._preparing: Future[None] | None = None
        self._held: deque[tuple[Item, Future[Result]]] = deque()
        self._next: deque[Item] = deque()
        self._failed_starts = 0

    @property
    def head(self) -> Future[Any] | None:
        """What comes next from the worker; None where it has nothing to do."""
        return self._preparing or (self._held[0][1] if self._held else None)

    def fill(self, chunks: Iterator[Sequence[Item]]) -> None:
        """Give the worker what it has room for: the rest of its own chunk, then the next one."""
        while len(self._held) < AHEAD:
            if not self._next:
                self._next.extend(next(chunks, ()))
            if not self._next or not self._submit(self._next[0]):
                return
            self._next.popleft()

    def _submit(self, item: Item) -> bool:
        """Give one item to the worker; False where it died and still holds another one."""
        if self._executor is None:
            self._executor = self._start()
            try:
                self._preparing = self._executor.submit(self._prepare)
            except BrokenExecutor:
                raise WorkersLost(_LOST) from None
        try:
            self._held.append((item, self._executor.submit(self._work, item)))
        except BrokenExecutor:
            if self.head is not None:
                return False
            self._executor = None  # it died while it had nothing to do
            return self._submit(item)
        return True

    def take(self) -> list[tuple[Item, Result]]:
        """The item at the head with its result; none where the worker got ready.  Raises BrokenExecutor if it died."""
        if self._preparing is not None:
            self._preparing.result()
            self._preparing, self._failed_starts = None, 0
            return []
        item, future = self._held[0]
        result = future.result()
        self._held.popleft()
        return [(item, result)]

    def give_up(self) -> list[Item]:
        """Forget the worker, which is dead; returns what was in its hands, nothing if it was not ready yet.

        Raises WorkersLost where that happens again and again: then no frame is to blame.
        """
        items = [item for item, _ in self._held]
        self._held.clear()
        if self._preparing is not None:
            self._preparing = None
            self._next.extendleft(reversed(items))
            items = []
            self._failed_starts += 1
            if self._failed_starts == TRIES:
                raise WorkersLost(_LOST)
        self.end()
        return items

    def end(self) -> None:
        """End the worker; another one is started for the next item."""
        if self._executor is not None:
            self._executor.shutdown()
        self._executor = None


def spread(work: Callable[[Item], Result], chunks: Iterable[Sequence[Item]], *, lanes: int,
           start: Callable[[], Executor], prepare: Callable[[], None],
           last: Iterable[Item] = ()) -> Iterator[tuple[Item, Result | None]]:
    """Yield each item with work(item), as they come; None instead for an item whose worker died over it alone.

    chunks : sequences of items that are best done by one worker.  last : items to be done at the end, each alone.
    lanes : number of executors at once.  start : callable that returns a new Executor of one worker.
    prepare : called in each worker before all else.
    An exception of work or prepare ends the iteration.  Raises WorkersLost where workers do not even get ready.
    """
    chunks = iter(chunks)
    every: list[_Lane[Item, Result]] = [_Lane(start, prepare, work) for _ in range(lanes)]
    doubtful = list(last)
    for lane in every:
        lane.fill(chunks)
    while heads := [lane.head for lane in every if lane.head is not None]:
        wait(heads, return_when=FIRST_COMPLETED)
        for lane in every:
            if lane.head is None or not lane.head.done():
                continue
            done: list[tuple[Item, Result]] = []
            try:
                done = lane.take()
            except BrokenExecutor:
                lost = lane.give_up()
                log.warning('a worker process died, with %s in its hands%s', ' and '.join(map(str, lost)) or 'nothing',
                            ': tried again at the end' if lost else '')
                doubtful += lost
            lane.fill(chunks)  # before the caller takes its time
            yield from done
    if doubtful:
        for lane in every:
            lane.end()  # the memory is for those that follow
        lane = _Lane(start, prepare, work)
        yield from ((item, _alone(lane, item)) for item in doubtful)


def _alone(lane: _Lane[Item, Result], item: Item) -> Result | None:
    """The result of one item with nothing beside it; None where the worker dies over it."""
    lane.fill(iter([[item]]))
    while lane.head is not None:
        try:
            for _, result in lane.take():
                return result
        except BrokenExecutor:
            if lane.give_up():
                log.warning('a worker process died over %s, which it had to itself', item)
            else:
                lane.fill(iter(()))
    return None


# -- processes ---------------------------------------------------------------------------------------------------------


def in_processes(make: Callable[..., Any], arguments: tuple[Any, ...], work: Callable[[Any, Item], Result],
                 chunks: Iterable[Sequence[Item]], *, processes: int,
                 last: Iterable[Item] = ()) -> Generator[tuple[Item, Result | None], None, None]:
    """`spread` over processes: yield each item with work(tools, item), None where it killed its worker.

    make, arguments : tools = make(*arguments) are made once in each worker.  All must pickle.
    What workers log is logged here, a warning once whichever worker gives it.
    Close the iterator: that ends the workers, whatever they are at.
    """
    prepare = partial(_get_ready, make, arguments, log.getEffectiveLevel())
    warned: set[str] = set()
    with _Workers() as workers:
        for item, done in spread(partial(_use, work), chunks, lanes=processes, start=workers.start, prepare=prepare,
                                 last=last):
            if done is None:
                yield item, None
                continue
            result, records = done
            for record in records:
                _relay(record, warned)
            if isinstance(result, RunStopped):
                raise result
            yield item, result


def _relay(record: logging.LogRecord, warned: set[str]) -> None:
    if record.levelno >= logging.WARNING:
        if record.getMessage() in warned:
            return
        warned.add(record.getMessage())
    logging.getLogger(record.name).handle(record)


class _Workers:
    """Starts executors of one process each; on leaving the block all of them end at once."""

    def __enter__(self) -> Self:
        resource_tracker.ensure_running()  # beforehand: its start would let signals through again
        self._context = multiprocessing.get_context('spawn')
        self._reader, self._writer = self._context.Pipe(duplex=False)
        self._started: list[Executor] = []
        return self

    def start(self) -> Executor:
        """An executor whose one process is running."""
        with _signals_wait():  # else one that comes now would find the process half made, and on the terminal kill it
            executor = ProcessPoolExecutor(1, self._context, _begin, (self._reader,))
            self._started.append(executor)
            executor.submit(os.getpid)  # starts the process
        return executor

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._writer.close()
        for executor in self._started:
            executor.shutdown(cancel_futures=True)
        self._reader.close()


@contextmanager
def _signals_wait() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: Connection) -> None:
    """First of all in a worker: the terminal's Ctrl-C is for the parent, and the end of the parent is ours."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    os.environ.update(dict.fromkeys(ONE_THREAD, '1'))


def _end_with(parent: Connection) -> None:
    parent.poll(None)  # nothing is ever sent: it returns when the other end is closed
    os._exit(0)


_tools: Any = None  # of this worker
_records: list[logging.LogRecord] = []


class _Keeper(QueueHandler):
    def enqueue(self, record: logging.LogRecord) -> None:
        _records.append(record)


def _get_ready(make: Callable[..., Any], arguments: tuple[Any, ...], level: int) -> None:
    global _tools
    log.handlers[:] = [_Keeper(None)]  # type: ignore[arg-type]  # it has its own place
    log.propagate = False
    log.setLevel(level)
    _tools = make(*arguments)


def _use(work: Callable[[Any, Item], Result], item: Item) -> tuple[Result | RunStopped, list[logging.LogRecord]]:
    """The result, or what stops the run, with what was logged on the way."""
    result: Result | RunStopped
    try:
        result = work(_tools, item)
    except RunStopped as stopped:
        result = stopped
    told = _records.copy()
    _records.clear()
    return result, told
