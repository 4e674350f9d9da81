"""One function over many items on several workers; results come one by one, and a worker may die.

A lane is an `Executor` of one worker, which does the items that it is given in their order.  It holds at most two of
them, so that we know which items a worker held when it died, memory does not grow with the number of items, and no
result waits for others.  Items that a worker held when it died are tried again at the end, one at a time and with no
other worker running: one over which a worker dies there, too, is the cause.

`running.processes` starts the executors as processes, `running.cluster` on the workers of a cluster.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from photzp.errors import WorkersLost

log = logging.getLogger('photzp')

CHECK_S = 2  # between calls of `WorkerSource.check`
_TRIES = 3  # of starting a worker
_HELD = 2  # items in a lane: one in work, and one for the time until the result of the first is taken
_LOST = ('worker processes die while they start, most likely for lack of memory; use fewer of them (--processes), or '
         'give those of the cluster more memory')

Item = TypeVar('Item')
Result = TypeVar('Result')


def _nothing_to_check() -> None:
    pass


@dataclass(frozen=True)
class WorkerSource:
    """Where workers come from.

    Attributes
    ----------
    start : callable
        start() returns a new Executor of one worker, or None while no other worker is available; it is asked again
        after each result.
    prepare : callable
        Called in each worker before all else.
    limit : int
        Largest number of workers at a time.
    check : callable
        check() is called every CHECK_S seconds while no result comes; it raises where none can come any more.
    """

    start: Callable[[], Executor | None]
    prepare: Callable[..., None]
    limit: int
    check: Callable[[], None] = _nothing_to_check


def spread(work: Callable[[Item], Result], chunks: Iterable[Sequence[Item]], source: WorkerSource,
           last: Iterable[Item] = ()) -> Iterator[tuple[Item, Result | None]]:
    """Do work on many items.

    Parameters
    ----------
    work : callable
        work(item) returns a result; an exception of it, or of the source's prepare or check, ends the iteration.
    chunks : iterable of sequences
        Items that are best done by one worker; an empty chunk means: nothing to do until another result was taken.
    source : WorkerSource
        Where workers come from.
    last : iterable
        Items to do at the end, each with no other worker running.

    Yields
    ------
    item : object
        In the order of the results.
    result : object or None
        None where a worker died over the item while no other was running.

    Raises
    ------
    WorkersLost
        Workers die again and again before they are ready.
    """
    lanes = _Lanes(work, chunks, source)
    retries = list(last)
    while busy := lanes.fill():
        _wait(busy, source)
        for lane in busy:
            if lane.has_answer:
                results, held = _results_or_held(lane)
                retries += held
                lanes.refill(lane)  # before the caller takes its time
                yield from results
    lanes.end()
    lane = _Lane(work, source)
    yield from ((item, _do_alone(lane, item, source)) for item in retries)


def _results_or_held(lane: '_Lane[Item, Result]') -> tuple[list[tuple[Item, Result]], list[Item]]:
    """What a lane has to take; where its worker died, the items that it held."""
    try:
        return lane.take(), []
    except BrokenExecutor:
        held = lane.forget_worker()
        log.warning('a worker process died while it held %s%s', ' and '.join(map(str, held)) or 'nothing',
                    ': tried again at the end' if held else '')
        return [], held


def _do_alone(lane: '_Lane[Item, Result]', item: Item, source: WorkerSource) -> Result | None:
    """The result of one item with no other worker running; None where the worker dies over it."""
    supply = _Supply([[item]])
    while True:
        lane.fill(supply)
        _wait([lane], source)
        try:
            for _, result in lane.take():
                return result
        except BrokenExecutor:
            if lane.forget_worker():
                log.warning('a worker process died over %s while no other was running', item)
                return None


def _wait(lanes: 'Iterable[_Lane[Item, Result]]', source: WorkerSource) -> None:
    """Wait until one of the lanes has something to take."""
    awaited = [lane.awaited for lane in lanes if lane.awaited is not None]
    assert awaited, 'where no other worker is running, there is one to start'
    while not wait(awaited, CHECK_S, FIRST_COMPLETED).done:
        source.check()


class _Supply(Generic[Item]):
    """The items that no lane has yet, chunk by chunk; a lane gives back what it has no worker for."""

    def __init__(self, chunks: Iterable[Sequence[Item]]) -> None:
        self._chunks = iter(chunks)
        self._returned: deque[Sequence[Item]] = deque()
        self.ended = False

    def draw(self) -> Sequence[Item]:
        """The next chunk; empty where there is none yet, or no more."""
        if self._returned:
            return self._returned.popleft()
        chunk = next(self._chunks, None)
        self.ended = chunk is None
        return chunk or ()

    def give_back(self, items: Sequence[Item]) -> None:
        """Take back items that were drawn and not done."""
        if items:
            self._returned.append(items)


class _Lane(Generic[Item, Result]):
    """An executor of one worker, started when the first item comes, and the items that it holds in their order."""

    def __init__(self, work: Callable[[Item], Result], source: WorkerSource) -> None:
        self._work, self._source = work, source
        self._executor: Executor | None = None
        self._preparing: Future[None] | None = None
        self._held: deque[tuple[Item, Future[Result]]] = deque()
        self._rest: deque[Item] = deque()  # of its chunk
        self._failed_starts = 0

    @property
    def awaited(self) -> Future[Any] | None:
        """The worker's next answer; None where the worker has nothing to do."""
        return self._preparing or (self._held[0][1] if self._held else None)

    @property
    def has_answer(self) -> bool:
        """Whether there is something to take."""
        return self.awaited is not None and self.awaited.done()

    @property
    def is_stuck(self) -> bool:
        """Whether it has items that no worker takes."""
        return bool(self._rest)

    def fill(self, supply: _Supply[Item]) -> bool:
        """Give the worker items of its own chunk, then of the next one, until it holds enough; True if it is busy.

        The worker gets no item before its answer that it is ready has come.  Otherwise, one that dies over an item at
        once, its answer still under way, would count as one that never got ready, and the item would kill the next.
        """
        while len(self._held) < _HELD:
            if not self._rest:
                self._rest.extend(supply.draw())
            if not self._rest or not self._submit(self._rest[0]):
                break
            self._rest.popleft()
        return self.awaited is not None

    def _submit(self, item: Item) -> bool:
        """Give the worker one item; False where there is no worker, it is not ready, or it died and still holds one."""
        if self._executor is None:
            self._start_worker()
        if self._executor is None or self._preparing is not None:
            return False
        try:
            self._held.append((item, self._executor.submit(self._work, item)))
        except BrokenExecutor:
            if self.awaited is None:  # it died while it had nothing to do
                self.end_worker()
                self._start_worker()
            return False
        return True

    def _start_worker(self) -> None:
        """Start a worker, if one is available, and let it get ready."""
        while self._preparing is None and (executor := self._source.start()) is not None:
            self._executor = executor
            try:
                self._preparing = executor.submit(self._source.prepare)
            except BrokenExecutor:
                self.end_worker()
                self._count_failed_start()

    def take(self) -> list[tuple[Item, Result]]:
        """The first item held with its result; empty where the worker got ready.  BrokenExecutor where it died."""
        if self._preparing is not None:
            self._preparing.result()
            self._preparing, self._failed_starts = None, 0
            return []
        item, future = self._held[0]
        result = future.result()
        self._held.popleft()
        return [(item, result)]

    def forget_worker(self) -> list[Item]:
        """Forget a worker that died; returns the items it held, none if it was not ready yet.

        Raises WorkersLost where workers die again and again before they are ready: then no item is the cause.
        """
        items = [item for item, _ in self._held]
        self._held.clear()
        self.end_worker()
        if self._preparing is not None:
            self._preparing = None
            self._count_failed_start()
        return items

    def _count_failed_start(self) -> None:
        self._failed_starts += 1
        if self._failed_starts == _TRIES:
            raise WorkersLost(_LOST)

    def end_worker(self) -> None:
        """End the worker; another one is started for the next item."""
        if self._executor is not None:
            self._executor.shutdown()
        self._executor = None

    def close(self) -> Sequence[Item]:
        """End the worker for good; returns the rest of its chunk."""
        self.end_worker()
        return self._rest


class _Lanes(Generic[Item, Result]):
    """All lanes of a run, and the supply that they share."""

    def __init__(self, work: Callable[[Item], Result], chunks: Iterable[Sequence[Item]], source: WorkerSource) -> None:
        self._work, self._source, self._supply = work, source, _Supply(chunks)
        self._lanes: list[_Lane[Item, Result]] = []

    def fill(self) -> list[_Lane[Item, Result]]:
        """Give idle lanes items, and add lanes while there are items and workers; returns the busy ones."""
        for lane in tuple(self._lanes):
            if lane.awaited is None:
                self.refill(lane)
        while len(self._lanes) < self._source.limit:
            lane = _Lane(self._work, self._source)
            if not lane.fill(self._supply):
                self._supply.give_back(lane.close())
                break
            self._lanes.append(lane)
        return [lane for lane in self._lanes if lane.awaited is not None]

    def refill(self, lane: _Lane[Item, Result]) -> None:
        """Give a lane items; it is closed where it has no worker for them, or no more items will come."""
        if not lane.fill(self._supply) and (lane.is_stuck or self._supply.ended):
            self._lanes.remove(lane)
            self._supply.give_back(lane.close())

    def end(self) -> None:
        """End all workers."""
        for lane in self._lanes:
            lane.end_worker()
