"""One function over many frames on the workers of a Dask cluster, as `running.processes` does it in processes.

A worker is not ours to start or end.  Its executor is pinned to its address and dies when the scheduler says that the
worker is gone; what the run left there is forgotten by the scheduler when the connection ends.
"""

import asyncio
import logging
import os
import platform
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from typing import Any, Self

from photzp.errors import ClusterUnusable, RunStopped
from photzp.program import code_digest
from photzp.running.processes import CHECK_S, Item, Result, Tools, spread, tell, told_here

log = logging.getLogger('photzp')

CONNECT_S, WORKER_S, CLOSE_S = 10, 60, 2  # how long to wait for a scheduler, a worker, and the end of a connection
# What must be the same for rows to be the same.  The code is that of now: later the files may be of another version.
ENVIRONMENT = {
    'the code': code_digest()[:12],
    'Python': platform.python_version(),
    **{name: version(name) for name in ('numpy', 'scipy', 'astropy')}}


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
    kept = partial(_same_tools, ENVIRONMENT, make, arguments, log.getEffectiveLevel())
    with _Cluster(address, kept) as cluster:
        yield from told_here(spread(partial(tell, work), chunks, lanes=sys.maxsize, start=cluster.start,
                                    prepare=_is_there, last=last, check=cluster.check))


def _same_tools(environment: dict[str, str], *what: Any) -> Tools:
    """The tools, on a worker; raises ClusterUnusable where its code is not that of who asks for them."""
    for name, theirs in environment.items():
        if ENVIRONMENT.get(name) != theirs:
            raise ClusterUnusable(f'{name} is {theirs} here and {ENVIRONMENT.get(name)} on a worker; install the same '
                                  'on all machines, and start the workers again')
    return Tools(*what)


def _is_there(_tools: Tools) -> None:
    """Done as soon as the tools are made."""


class _Cluster:
    """The workers of a Dask cluster, each of which is an executor to one lane at most; on leaving all is cancelled."""

    def __init__(self, address: str, kept: Callable[[], Tools]) -> None:
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
                              "requirements-dask.txt of the checkout, or pip install 'photzp[dask]'") from None
    if log.getEffectiveLevel() > logging.DEBUG:
        for name in ('distributed', 'distributed.client', 'tornado', 'tornado.application', 'asyncio'):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said by us
    try:
        get_address_host_port(address)
    except ValueError as error:
        why = str(error).replace(address, shown)
        raise ClusterUnusable(f'--scheduler {shown}: is no address as tcp://host:8786'
                              + ('' if '@' in why else f' ({why})')) from None
    security, encrypted = Security(), address.startswith('tls:')
    if encrypted and security.get_connection_args('client')['ssl_context'] is None:
        raise ClusterUnusable(f'--scheduler {shown}: no certificates; name them in the configuration of Dask '
                              '(distributed.comm.tls)')
    if security.require_encryption and not encrypted:
        raise ClusterUnusable(f'--scheduler {shown}: the configuration of Dask requires encryption '
                              '(distributed.comm.require-encryption); give the tls:// address of a scheduler')
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
