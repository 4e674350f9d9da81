"""One function over many frames on the workers of a Dask cluster, as `running.processes` does it in processes.

Others start and end the workers.  An executor is pinned to the address of one worker and dies when the scheduler says
that the worker is gone; the scheduler forgets what is left of the run when the connection ends.
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
from photzp.running.spread import CHECK_S, Item, Result, WorkerSource, spread
from photzp.running.worker import Tools, do_item, replay_logs

log = logging.getLogger('photzp')

_CONNECT_S, _WORKER_S, _CLOSE_S = 10, 60, 2  # how long to wait for a scheduler, a worker, and the end of a connection
# What must be the same on all machines, so that the same frames give the same rows.  The digest of the code is taken
# now, at the import: an update may replace the files while the program runs.
_ENVIRONMENT = {
    'the code': code_digest()[:12],
    'Python': platform.python_version(),
    **{name: version(name) for name in ('numpy', 'scipy', 'astropy')}}


def on_cluster(make: Callable[..., Any], arguments: tuple[Any, ...], work: Callable[[Any, Item], Result],
               chunks: Iterable[Sequence[Item]], *, address: str,
               last: Iterable[Item] = ()) -> Generator[tuple[Item, Result | None], None, None]:
    """Do work on many items on the workers of a Dask cluster, also those that join later.

    Each process of the cluster does one item at a time, however many threads it has.  The tools live in the memory of
    the cluster while this run is connected.

    Parameters
    ----------
    make : callable
        make(*arguments) returns the tools of a worker, and is called once in each.
    arguments : tuple
        They can be pickled.
    work : callable
        work(tools, item) returns a result.  What it logs is logged here, a warning once.
    chunks : iterable of sequences
        Items that are best done by one worker, see `spread`.
    address : str
        Of the scheduler, as tcp://host:8786.  Scheduler and workers must have this package in the same version.
    last : iterable
        Items to do at the end, each with no other worker running.

    Yields
    ------
    item : object
        In the order in which the results come.
    result : object or None
        None where the item killed its worker.

    Raises
    ------
    ClusterUnusable
        The scheduler cannot be reached or is lost, scheduler or workers lack this package or have another version, or
        there is no worker for 60 s.
    """
    make_tools = partial(_make_tools, _ENVIRONMENT, make, arguments, log.getEffectiveLevel())
    with _Cluster(address, make_tools) as cluster:
        source = WorkerSource(cluster.start, _do_nothing, sys.maxsize, cluster.check)
        yield from replay_logs(spread(partial(do_item, work), chunks, source, last))


def _make_tools(environment: dict[str, str], *arguments: Any) -> Tools:
    """Make the tools, on a worker; ClusterUnusable where its code is not that of the run."""
    for name, expected in environment.items():
        if _ENVIRONMENT.get(name) != expected:
            raise ClusterUnusable(f'{name} is {expected} here and {_ENVIRONMENT.get(name)} on a worker; install the '
                                  'same on all machines, and start the workers again')
    return Tools(*arguments)


def _do_nothing(_tools: Tools) -> None:
    """Return as soon as the tools are made."""


class _Cluster:
    """The workers of a Dask cluster, each used by at most one executor; leaving the block cancels all that is left."""

    def __init__(self, address: str, make_tools: Callable[[], Tools]) -> None:
        self.place = address.rpartition('@')[2]  # for messages, without what may be a password
        self.make_tools = make_tools
        self.client = _connect(address, self.place)
        self._comm = self.client.scheduler_comm
        self._changed = threading.Condition()
        self._events = 0
        self._workers: set[str] = set()
        self._executors: dict[str, _PinnedExecutor] = {}

    def __enter__(self) -> Self:
        try:
            self.client.subscribe_topic('all', self._note_event)
            self._await_first_worker()
            before = -1
            while before != self._events:  # ask again where a worker came or went while the answer was under way
                before = self._events
                self._workers = set(self.client.scheduler_info(n_workers=-1)['workers'])
        except BaseException:
            self.__exit__()
            raise
        log.info('%d workers at %s', len(self._workers), self.place)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(TimeoutError):  # the scheduler forgets what is ours when the connection breaks
            self.client.close(timeout=_CLOSE_S)

    def _await_first_worker(self) -> None:
        """Wait for any worker; from then on no event is missed, as messages keep their order."""
        try:  # the answer does not matter, not even that it is an error, as where each worker died so far
            self.client.submit(os.getpid, pure=False, priority=1).exception(timeout=_WORKER_S)
        except TimeoutError:
            raise self._no_worker() from None
        self.check()

    def _no_worker(self) -> ClusterUnusable:
        """The error to raise where no worker came in time."""
        return ClusterUnusable(f'--scheduler {self.place}: no worker for {_WORKER_S} s; start some, as docs/scaling.md '
                               'says')

    def _note_event(self, event: tuple[float, dict[str, Any]]) -> None:
        """Note a worker that came or went; called in the thread of the client."""
        action, worker = event[1].get('action'), event[1].get('worker', '')
        if action not in ('add-worker', 'remove-worker'):
            return
        with self._changed:
            self._events += 1
            if action == 'add-worker':
                self._workers.add(worker)
            else:
                self._workers.discard(worker)
                if worker in self._executors:
                    self._executors.pop(worker).lose()
            self._changed.notify_all()

    def start(self) -> Executor | None:
        """An executor on a worker that has none, None where all have one; waits where there is no worker at all."""
        with self._changed:
            self._changed.wait_for(lambda: self._workers or self.loss(), _WORKER_S)
            self.check()
            if not self._workers:
                raise self._no_worker()
            free = self._workers - self._executors.keys()
            if not free:
                return None
            executor = _PinnedExecutor(self, min(free))
            self._executors[executor.worker] = executor
            return executor

    def check(self) -> None:
        """Raise ClusterUnusable where the scheduler is lost: what is submitted meanwhile would never be answered."""
        if loss := self.loss():
            raise loss

    def loss(self) -> ClusterUnusable | None:
        """The error to raise where the scheduler is gone, or is another one."""
        if self.client.status == 'running' and self.client.scheduler_comm is self._comm:
            return None
        return ClusterUnusable(f'--scheduler {self.place}: the scheduler was lost or restarted; what was measured is '
                               'kept, the next run goes on from there')

    def release(self, executor: '_PinnedExecutor') -> None:
        """Make the worker of an executor free for another one."""
        with self._changed:
            if self._executors.get(executor.worker) is executor:
                del self._executors[executor.worker]


def _connect(address: str, place: str) -> Any:
    """Connect to a scheduler as a distributed.Client; raises ClusterUnusable."""
    try:
        from distributed import Client
    except ModuleNotFoundError as missing:
        raise ClusterUnusable(f'--scheduler needs {missing.name}, which is not installed for {sys.executable}: install '
                              "requirements-dask.txt of the checkout, or pip install 'photzp[dask]'") from None
    if log.getEffectiveLevel() > logging.DEBUG:
        for name in ('distributed', 'distributed.client', 'tornado', 'tornado.application', 'asyncio'):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # this module logs what matters
    _check_address(address, place)
    try:
        return Client(address, timeout=_CONNECT_S, set_as_default=False, name='photzp')
    except OSError as error:
        raise ClusterUnusable(f'--scheduler {place}: no scheduler answers within {_CONNECT_S} s; is it running, and '
                              f'may this host reach it? ({type(error).__name__})') from None


def _check_address(address: str, place: str) -> None:
    """Raise ClusterUnusable for what is not an address, or does not fit Dask's settings of encryption."""
    from distributed import Security
    from distributed.comm import get_address_host_port

    try:
        get_address_host_port(address)
    except ValueError as error:
        reason = str(error).replace(address, place)
        raise ClusterUnusable(f'--scheduler {place}: is no address as tcp://host:8786'
                              + ('' if '@' in reason else f' ({reason})')) from None
    security, encrypted = Security(), address.startswith('tls:')
    if encrypted and security.get_connection_args('client')['ssl_context'] is None:
        raise ClusterUnusable(f'--scheduler {place}: no certificates; name them in the configuration of Dask '
                              '(distributed.comm.tls)')
    if security.require_encryption and not encrypted:
        raise ClusterUnusable(f'--scheduler {place}: the configuration of Dask requires encryption '
                              '(distributed.comm.require-encryption); give the tls:// address of a scheduler')


class _PinnedExecutor(Executor):
    """One worker of a cluster; it dies with the worker, and is not revived by another one at the same address."""

    def __init__(self, cluster: _Cluster, worker: str) -> None:
        self._cluster, self.worker = cluster, worker
        self._submit_pinned = partial(cluster.client.submit, workers=[worker], allow_other_workers=False, retries=0,
                                      pure=False)
        self._tools = self._submit_pinned(cluster.make_tools)
        self._pending: dict[Future[Any], Any] = {}  # {future that `submit` returned: future of Dask}
        self._lock = threading.Lock()
        self._ended = False

    def submit(self, work: Callable[..., Result], /, *items: Any, **_: Any) -> Future[Result]:
        """Call work(tools, *items) on the worker, as Executor.submit does; raises BrokenExecutor after its end."""
        self._cluster.check()
        outer: Future[Result] = Future()
        with self._lock:
            if self._ended:
                raise BrokenExecutor(self.worker)
            self._pending[outer] = self._submit_pinned(work, self._tools, *items)
        self._cluster.client.loop.add_callback(self._pass_on, outer)
        return outer

    async def _pass_on(self, outer: Future[Any]) -> None:
        """Pass the result of Dask on to a future of `submit`, unless `lose` gave it up; runs in the client's thread."""
        while (inner := self._pending.get(outer)) is not None:
            result, error = None, None
            try:
                result = await inner
            except Exception as raised:
                error = raised
            if isinstance(error, OSError) and inner.status != 'error':
                await asyncio.sleep(CHECK_S)  # the result exists, but a slow scheduler did not deliver it: ask again
                continue
            with self._lock:
                if self._pending.pop(outer, None) is None:
                    return
            if error is None:
                outer.set_result(result)
            else:
                outer.set_exception(self._our_error(error))

    def _our_error(self, error: Exception) -> Exception:
        """Translate an error of Dask into one of this program; errors of the work stay as they are."""
        from distributed import KilledWorker

        if isinstance(error, CancelledError) and (loss := self._cluster.loss()):
            return loss
        if isinstance(error, (KilledWorker, CancelledError)):  # cancelled: all workers were restarted
            return BrokenExecutor(self.worker)
        missing = error if isinstance(error, ImportError) else error.__cause__
        if isinstance(missing, ImportError):
            return ClusterUnusable(f'--scheduler {self._cluster.place}: scheduler or workers lack what they are to run '
                                   f'({missing}); start them as docs/scaling.md says')
        return type(error)(f'{error} (worker {self.worker})') if isinstance(error, RunStopped) else error

    def lose(self) -> None:
        """End the executor: all pending futures fail with BrokenExecutor, and nothing is submitted any more."""
        with self._lock:
            self._ended = True
            pending, self._pending = self._pending, {}
        for outer, inner in pending.items():
            inner.release()
            outer.set_exception(BrokenExecutor(self.worker))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel what is not done and release tools and worker; the process of the worker goes on."""
        self.lose()
        self._tools.release()
        self._cluster.release(self)
