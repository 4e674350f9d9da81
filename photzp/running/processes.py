"""One function over many frames, or series of the report, in processes; results come one by one.

Each worker is a lane of its own: an `Executor` of one worker, which keeps its tools (the observatory, a share of the
catalogue's cache) and does the frames that it is given in their order.  At most `AHEAD` of them are in its hands, so
that what a dying worker held is known without its saying so, memory does not grow with the number of frames, and
nothing that was measured waits for others.  Frames that were in the hands of a worker that died are tried again at the
end, one at a time and with no other worker beside: the one that dies there, too, is the culprit.

A worker process lives no longer than the pipe to its parent: closing it, or the end of the parent however it comes,
ends the worker at once.  They are spawned, so that they inherit no connection to a database, and use one thread each.

`running.cluster` has the same for the workers of a cluster.
"""

import copy
import logging
import math
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from functools import partial
from logging.handlers import QueueHandler
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from photzp.errors import RunStopped, WorkersLost
from photzp.running.loglines import traceback_lines, warnings_logged

log = logging.getLogger('photzp')

TRIES = 3  # of starting a worker
CHECK_S = 2  # between looks at whether results may still be hoped for
AHEAD = 2  # one that is being done, and one for the time until its result has come and gone
_STOPPING = {signal.SIGINT, signal.SIGTERM}
_LOST = ('worker processes die before they begin, most likely for want of memory; give fewer by --processes, or those '
         'of the cluster more memory')

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


class _Supply(Generic[Item]):
    """What is still to be given out, chunk by chunk; what a lane had no worker for comes back to it."""

    def __init__(self, chunks: Iterable[Sequence[Item]]) -> None:
        self._chunks = iter(chunks)
        self._back: deque[Sequence[Item]] = deque()
        self.ended = False

    def draw(self) -> Sequence[Item]:
        """The next chunk, empty where there is none yet, or none any more."""
        if self._back:
            return self._back.popleft()
        chunk = next(self._chunks, None)
        self.ended = chunk is None
        return chunk or ()

    def give_back(self, items: Sequence[Item]) -> None:
        """Take what was drawn and not done; the next that draws gets it."""
        if items:
            self._back.append(items)


class _Lane(Generic[Item, Result]):
    """One executor of one worker, started when the first item comes, and the items in its hands in their order."""

    def __init__(self, start: Callable[[], Executor | None], prepare: Callable[..., None],
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

    @property
    def is_stuck(self) -> bool:
        """Whether it has items that no worker takes."""
        return bool(self._next)

    def fill(self, supply: _Supply[Item]) -> bool:
        """Give the worker what it has room for: the rest of its own chunk, then the next one; True if it is busy.

        It gets nothing before it was heard to be ready.  Else one that dies over an item at once, its answer still
        under way, would pass for one that never got ready, and the item would go to the next and the next.
        """
        while len(self._held) < AHEAD:
            if not self._next:
                self._next.extend(supply.draw())
            if not self._next or not self._submit(self._next[0]):
                break
            self._next.popleft()
        return self.head is not None

    def _submit(self, item: Item) -> bool:
        """Give one item to the worker; False where there is none, or it is not ready, or died and still holds one."""
        if self._executor is None:
            self._begin()
        if self._executor is None or self._preparing is not None:
            return False
        try:
            self._held.append((item, self._executor.submit(self._work, item)))
        except BrokenExecutor:
            if self.head is None:  # it died while it had nothing to do
                self.end()
                self._begin()
            return False
        return True

    def _begin(self) -> None:
        """Start a worker, if there is one, and let it get ready."""
        while self._preparing is None and (executor := self._start()) is not None:
            self._executor = executor
            try:
                self._preparing = executor.submit(self._prepare)
            except BrokenExecutor:
                self.end()
                self._note_failed_start()

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
        self.end()
        if self._preparing is not None:
            self._preparing = None
            self._note_failed_start()
        return items

    def _note_failed_start(self) -> None:
        self._failed_starts += 1
        if self._failed_starts == TRIES:
            raise WorkersLost(_LOST)

    def end(self) -> None:
        """End the worker; another one is started for the next item."""
        if self._executor is not None:
            self._executor.shutdown()
        self._executor = None

    def leave(self) -> Sequence[Item]:
        """End the worker for good; returns what of its chunk it did not get."""
        self.end()
        return self._next


def spread(work: Callable[[Item], Result], chunks: Iterable[Sequence[Item]], *, lanes: int,
           start: Callable[[], Executor | None], prepare: Callable[..., None], last: Iterable[Item] = (),
           check: Callable[[], None] = lambda: None) -> Iterator[tuple[Item, Result | None]]:
    """Yield each item with work(item), as they come; None instead for an item whose worker died over it alone.

    chunks : sequences of items that are best done by one worker.  An empty one says that there is nothing until the
        caller has had another result; where none is to come, that is the end.
    last : items to be done at the end, each alone.
    lanes : largest number of executors at once.  start : callable that returns a new Executor of one worker, or None
        while there is no worker beside those that run; it is asked again after each result.
    prepare : called in each worker before all else.  check : called every CHECK_S while nothing comes.
    An exception of work, prepare or check ends the iteration.  Raises WorkersLost where workers do not even get ready.
    """
    supply = _Supply(chunks)
    every: list[_Lane[Item, Result]] = []
    doubtful = list(last)
    while heads := _employ(every, lanes, partial(_Lane, start, prepare, work), supply):
        _wait(heads, check)
        for lane in tuple(every):  # some may leave
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
            _refill(every, lane, supply)  # before the caller takes its time
            yield from done
    for lane in every:
        lane.end()
    lane = _Lane(start, prepare, work)
    yield from ((item, _alone(lane, item, check)) for item in doubtful)


def _wait(heads: Iterable[Future[Any]], check: Callable[[], None]) -> None:
    """Until one of them is done."""
    while not wait(heads, CHECK_S, FIRST_COMPLETED).done:
        check()


def _employ(every: list[_Lane[Item, Result]], lanes: int, another: Callable[[], _Lane[Item, Result]],
            supply: _Supply[Item]) -> list[Future[Any]]:
    """Give idle lanes items, and add lanes as long as there are both; returns what comes next from each."""
    for lane in tuple(every):
        if lane.head is None:
            _refill(every, lane, supply)
    while len(every) < lanes:
        lane = another()
        if not lane.fill(supply):
            supply.give_back(lane.leave())
            break
        every.append(lane)
    return [lane.head for lane in every if lane.head is not None]


def _refill(every: list[_Lane[Item, Result]], lane: _Lane[Item, Result], supply: _Supply[Item]) -> None:
    """Give a lane items; it leaves where it has no worker for them, or there are none and none are to come."""
    if not lane.fill(supply) and (lane.is_stuck or supply.ended):
        every.remove(lane)
        supply.give_back(lane.leave())


def _alone(lane: _Lane[Item, Result], item: Item, check: Callable[[], None]) -> Result | None:
    """The result of one item with nothing beside it; None where the worker dies over it."""
    supply = _Supply([[item]])
    while True:
        lane.fill(supply)
        assert lane.head is not None, 'where no other lane is, there is a worker for this one'
        _wait([lane.head], check)
        try:
            for _, result in lane.take():
                return result
        except BrokenExecutor:
            if lane.give_up():
                log.warning('a worker process died over %s, which it had to itself', item)
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
    with _Workers() as workers:
        prepare = partial(_get_ready, make, arguments, log.getEffectiveLevel())
        yield from told_here(spread(partial(_use, work), chunks, lanes=processes, start=workers.start,
                                    prepare=prepare, last=last))


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


def _end_with(parent: Connection) -> None:
    parent.poll(None)  # nothing is ever sent: it returns when the other end is closed
    os._exit(0)


_tools: 'Tools | None' = None  # of this worker


def _get_ready(make: Callable[..., Any], arguments: tuple[Any, ...], level: int) -> None:
    global _tools
    _tools = Tools(make, arguments, level)


def _use(work: Callable[[Any, Item], Result], item: Item) -> 'Told[Result]':
    assert _tools is not None, 'a lane gets ready first'
    return tell(work, _tools, item)


# -- what every worker does --------------------------------------------------------------------------------------------


_one_at_a_time = threading.Lock()  # a process of a cluster may have several threads; catalogue and astropy expect one


class Tools:
    """What a worker works with, and what was logged when it was made."""

    def __init__(self, make: Callable[..., Any], arguments: tuple[Any, ...], level: int) -> None:
        self._again = (make, arguments, level)
        self.level = level
        with _one_at_a_time, _listening(level) as self.told:
            self.made = make(*arguments)

    def __reduce__(self) -> tuple[type['Tools'], tuple[Any, ...]]:
        """A worker short of memory may put it to disk; it is made anew then, without its caches."""
        return Tools, self._again


Told = tuple[Result | RunStopped, list[logging.LogRecord]]


def tell(work: Callable[[Any, Item], Result], tools: Tools, item: Item) -> Told[Result]:
    """The result, or what stops the run, with what was logged on the way."""
    result: Result | RunStopped
    with _one_at_a_time, _listening(tools.level) as told:
        try:
            result = work(tools.made, item)
        except RunStopped as stopped:
            result = stopped
    earlier, tools.told = tools.told, []
    return result, earlier + told


class _Keeper(QueueHandler):
    """Keeps what its own thread logs."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # a list takes the place of the queue
        self.records: list[logging.LogRecord] = []
        thread = threading.get_ident()
        self.addFilter(lambda record: record.thread == thread)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """A copy that pickles, its traceback still apart from its text."""
        traceback_lines(record)
        told = copy.copy(record)
        told.msg, told.args, told.exc_info = record.getMessage(), None, None
        return told

    def enqueue(self, record: logging.LogRecord) -> None:
        """Keep what `prepare` made."""
        self.records.append(record)


@contextmanager
def _listening(level: int) -> Iterator[list[logging.LogRecord]]:
    """Inside, what is logged goes to the list, and nowhere else."""
    keeper, others = _Keeper(), logging.getLogger()
    before, log.handlers[:], log.propagate = log.handlers[:], [keeper], False
    log.setLevel(level)
    others.addHandler(keeper)
    try:
        with warnings_logged(log):
            yield keeper.records
    finally:
        others.removeHandler(keeper)
        log.handlers[:] = before


def told_here(results: Iterator[tuple[Item, Told[Result] | None]]) -> Iterator[tuple[Item, Result | None]]:
    """Results without what was logged, which is logged here."""
    warned: set[str] = set()
    for item, done in results:
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
