"""One function over many frames, or series of the report, in processes or on a cluster; results come one by one.

Each worker is a lane of its own: an `Executor` of one worker, which keeps its tools (the observatory, a share of the
catalogue's cache) and does the frames that it is given in their order.  At most `AHEAD` of them are in its hands, so
that what a dying worker held is known without its saying so, memory does not grow with the number of frames, and
nothing that was measured waits for others.  Frames that were in the hands of a worker that died are tried again at the
end, one at a time and with no other worker beside: the one that dies there, too, is the culprit.

A worker process lives no longer than the pipe to its parent: closing it, or the end of the parent however it comes,
ends the worker at once.  They are spawned, so that they inherit no connection to a database, and use one thread each.

A worker of a cluster (Dask's) is not ours to start or end.  Its executor is pinned to its address and dies when the
scheduler says that the worker is gone; what the run left there is forgotten by the scheduler when the connection ends.
"""

import asyncio
import copy
import logging
import math
import multiprocessing
import os
import platform
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from logging.handlers import QueueHandler
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from loglines import traceback_lines, warnings_logged
from rejections import ClusterUnusable, RunStopped, WorkersLost

log = logging.getLogger('photzp')

TRIES = 3  # of starting a worker
CONNECT_S, WORKER_S, CLOSE_S = 10, 60, 2  # how long to wait for a scheduler, a worker, and the end of a connection
CHECK_S = 2  # between looks at whether results may still be hoped for
AHEAD = 2  # one that is being done, and one for the time until its result has come and gone
# What must be the same for rows to be the same.  The code is that of now: later the files may be of another version.
_MODULES = sorted(Path(__file__).parent.glob('*.py'))
ENVIRONMENT = {
    'the code': sha256(b''.join(path.read_bytes() for path in _MODULES)).hexdigest()[:12],
    'Python': platform.python_version(),
    **{name: version(name) for name in ('numpy', 'scipy', 'astropy')}}
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
        yield from _told_here(spread(partial(_use, work), chunks, lanes=processes, start=workers.start,
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


_tools: '_Tools | None' = None  # of this worker


def _get_ready(make: Callable[..., Any], arguments: tuple[Any, ...], level: int) -> None:
    global _tools
    _tools = _Tools(make, arguments, level)


def _use(work: Callable[[Any, Item], Result], item: Item) -> '_Told[Result]':
    assert _tools is not None, 'a lane gets ready first'
    return _tell(work, _tools, item)


# -- a cluster ---------------------------------------------------------------------------------------------------------


def on_cluster(make: Callable[..., Any], arguments: tuple[Any, ...], work: Callable[[Any, Item], Result],
               chunks: Iterable[Sequence[Item]], *, address: str,
               last: Iterable[Item] = ()) -> Generator[tuple[Item, Result | None], None, None]:
    """`spread` over the workers of a Dask cluster, also those that join later; as `in_processes` in all else.

    address : of the scheduler, as tcp://host:8786.
    One frame at a time is done in each process of the cluster, however many threads it has.  The tools live in the
    memory of the cluster for as long as this run is connected.  Scheduler and workers must be able to import our
    modules, and have the same ones.  Raises ClusterUnusable where that does not hold, where the scheduler cannot be
    reached or is lost, and where there is no worker for WORKER_S.
    """
    kept = partial(_Tools, _by_name(make), arguments, log.getEffectiveLevel(), ENVIRONMENT)
    with _Cluster(address, kept) as cluster:
        yield from _told_here(spread(partial(_tell, _by_name(work)), chunks, lanes=sys.maxsize, start=cluster.start,
                                     prepare=_is_there, last=last, check=cluster.check))


def _by_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function of the module that a script is for others: of __main__ they know nothing."""
    if function.__module__ != '__main__':
        return function
    module = import_module(Path(str(sys.modules['__main__'].__file__)).stem)
    found: Callable[..., Any] = attrgetter(function.__qualname__)(module)
    return found


def _is_there(_tools: '_Tools') -> None:
    """Done as soon as the tools are made."""


class _Cluster:
    """The workers of a Dask cluster, each of which is an executor to one lane at most; on leaving all is cancelled."""

    def __init__(self, address: str, kept: Callable[[], '_Tools']) -> None:
        self.shown, self.kept = address.rpartition('@')[2], kept  # what is before an @ is nobody's business
        self.client = _connected(address, self.shown)
        self._comm = self.client.scheduler_comm
        self._changed = threading.Condition()
        self._news = 0
        self._workers: set[str] = set()
        self._running: dict[str, _Pinned] = {}

    def __enter__(self) -> Self:
        try:
            self.client.subscribe_topic('all', self._hear)
            self._first_answer()
            before = -1
            while before != self._news:  # else one that came or went since the answer was given is taken wrongly
                before = self._news
                self._workers = set(self.client.scheduler_info(n_workers=-1)['workers'])
        except BaseException:
            self.__exit__()
            raise
        log.info('%d workers at %s', len(self._workers), self.shown)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(TimeoutError):  # the scheduler forgets what is ours when it misses us
            self.client.close(timeout=CLOSE_S)

    def _first_answer(self) -> None:
        """Wait for any worker; from then on nothing that happens to one is missed, as messages keep their order."""
        try:  # what the answer is does not matter, not even that it is an error, as where each worker died so far
            self.client.submit(os.getpid, pure=False, priority=1).exception(timeout=WORKER_S)
        except TimeoutError:
            raise self._no_worker() from None
        self.check()

    def _no_worker(self) -> ClusterUnusable:
        return ClusterUnusable(f'--scheduler {self.shown}: no worker for {WORKER_S} s; start some, as docs/scaling.md '
                               'says')

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """What the scheduler tells of its workers; called in the thread of the client."""
        action, worker = event[1].get('action'), event[1].get('worker', '')
        if action not in ('add-worker', 'remove-worker'):
            return
        with self._changed:
            self._news += 1
            if action == 'add-worker':
                self._workers.add(worker)
            else:
                self._workers.discard(worker)
                if worker in self._running:
                    self._running.pop(worker).lose()
            self._changed.notify_all()

    def start(self) -> Executor | None:
        """An executor at a worker that has none, None where all have one; waits where no worker is left at all."""
        with self._changed:
            self._changed.wait_for(lambda: self._workers or self.lost(), WORKER_S)
            if lost := self.lost():
                raise lost
            if not self._workers:
                raise self._no_worker()
            free = self._workers - self._running.keys()
            if not free:
                return None
            executor = _Pinned(self, min(free))
            self._running[executor.worker] = executor
            return executor

    def check(self) -> None:
        """Raise ClusterUnusable where the scheduler is lost: what is submitted as it goes is never heard of again."""
        if lost := self.lost():
            raise lost

    def lost(self) -> ClusterUnusable | None:
        """What there is to say where the scheduler is not there any more, or is another one."""
        if self.client.status == 'running' and self.client.scheduler_comm is self._comm:
            return None
        return ClusterUnusable(f'--scheduler {self.shown}: the scheduler was lost or restarted; what was measured is '
                               'kept, the next run goes on from there')

    def leave(self, executor: '_Pinned') -> None:
        """Let another lane have the worker of an executor."""
        with self._changed:
            if self._running.get(executor.worker) is executor:
                del self._running[executor.worker]


def _connected(address: str, shown: str) -> Any:
    """A distributed.Client; raises ClusterUnusable."""
    try:
        from distributed import Client, Security
        from distributed.comm import get_address_host_port
    except ModuleNotFoundError as missing:
        raise ClusterUnusable(f'--scheduler needs {missing.name}, which is not installed for {sys.executable}: install '
                              'requirements-dask.txt') from None
    if log.getEffectiveLevel() > logging.DEBUG:
        for name in ('distributed', 'distributed.client', 'tornado', 'tornado.application', 'asyncio'):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said by us
    try:
        get_address_host_port(address)
        if address.startswith('tls:') and Security().get_connection_args('client')['ssl_context'] is None:
            raise ValueError('no certificates: see distributed.comm.tls of the configuration of Dask')
    except ValueError as error:
        why = str(error).replace(address, shown)
        raise ClusterUnusable(f'--scheduler {shown}: is no address as tcp://host:8786'
                              + ('' if '@' in why else f' ({why})')) from None
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False, name='photzp')
    except OSError as error:
        raise ClusterUnusable(f'--scheduler {shown}: no scheduler answers within {CONNECT_S} s; is it running, and may '
                              f'this host reach it? ({type(error).__name__})') from None


class _Pinned(Executor):
    """One worker of a cluster; what is submitted is called with its tools first.

    It dies with the worker, and is not revived by another one at the same address.
    """

    def __init__(self, cluster: _Cluster, worker: str) -> None:
        self._cluster, self.worker = cluster, worker
        self._ask = partial(cluster.client.submit, workers=[worker], allow_other_workers=False, retries=0, pure=False)
        self._tools = self._ask(cluster.kept)
        self._open: dict[Future[Any], Any] = {}  # what is awaited, and the future of Dask by which it comes
        self._lock = threading.Lock()
        self._ended = False

    def submit(self, work: Callable[..., Result], /, *items: Any, **_: Any) -> Future[Result]:
        """As in concurrent.futures; the work is given (tools, *items)."""
        self._cluster.check()
        outer: Future[Result] = Future()
        with self._lock:
            if self._ended:
                raise BrokenExecutor(self.worker)
            self._open[outer] = self._ask(work, self._tools, *items)
        self._cluster.client.loop.add_callback(self._pass_on, outer)
        return outer

    async def _pass_on(self, outer: Future[Any]) -> None:
        """Give on what comes, unless it was given up before; runs in the thread of the client."""
        while (inner := self._open.get(outer)) is not None:
            result, error = None, None
            try:
                result = await inner
            except Exception as raised:
                error = raised
            if isinstance(error, OSError) and inner.status != 'error':
                await asyncio.sleep(CHECK_S)  # it is there, but a slow scheduler did not get it through: ask again
                continue
            with self._lock:
                if self._open.pop(outer, None) is None:
                    return
            if error is None:
                outer.set_result(result)
            else:
                outer.set_exception(self._in_our_words(error))

    def _in_our_words(self, error: Exception) -> Exception:
        from distributed import KilledWorker

        if isinstance(error, CancelledError) and (lost := self._cluster.lost()):
            return lost
        if isinstance(error, (KilledWorker, CancelledError)):  # or somebody had all workers restarted
            return BrokenExecutor(self.worker)
        missing = error if isinstance(error, ImportError) else error.__cause__
        if isinstance(missing, ImportError):
            return ClusterUnusable(f'--scheduler {self._cluster.shown}: scheduler or workers lack what they are to run '
                                   f'({missing}); start them as docs/scaling.md says')
        return type(error)(f'{error} (worker {self.worker})') if isinstance(error, RunStopped) else error

    def lose(self) -> None:
        """The worker is gone, and what it held with it."""
        with self._lock:
            self._ended = True
            held, self._open = self._open, {}
        for outer, inner in held.items():
            inner.release()
            outer.set_exception(BrokenExecutor(self.worker))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel what is not done and forget the tools; the worker itself is not ours to end."""
        self.lose()
        self._tools.release()
        self._cluster.leave(self)


# -- what every worker does --------------------------------------------------------------------------------------------


_one_at_a_time = threading.Lock()  # a process of a cluster may have several threads; catalogue and astropy expect one


class _Tools:
    """What a worker works with, and what was logged when it was made.

    Raises ClusterUnusable where the code is not that of who asks for it.
    """

    def __init__(self, make: Callable[..., Any], arguments: tuple[Any, ...], level: int,
                 environment: dict[str, str] | None = None) -> None:
        self._again = (make, arguments, level, environment)
        for name, theirs in (environment or {}).items():
            if ENVIRONMENT.get(name) != theirs:
                raise ClusterUnusable(f'{name} is {theirs} here and {ENVIRONMENT.get(name)} on a worker; install the '
                                      'same on all machines, and start the workers again')
        self.level = level
        with _one_at_a_time, _listening(level) as self.told:
            self.made = make(*arguments)

    def __reduce__(self) -> tuple[type['_Tools'], tuple[Any, ...]]:
        """A worker short of memory may put it to disk; it is made anew then, without its caches."""
        return _Tools, self._again


_Told = tuple[Result | RunStopped, list[logging.LogRecord]]


def _tell(work: Callable[[Any, Item], Result], tools: _Tools, item: Item) -> _Told[Result]:
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


def _told_here(results: Iterator[tuple[Item, _Told[Result] | None]]) -> Iterator[tuple[Item, Result | None]]:
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
