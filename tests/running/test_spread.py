"""Items over workers that come, go and die: with executors that fail on demand."""

from collections import Counter
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from threading import Timer

import pytest

from photzp.errors import CatalogMissing, WorkersLost
from photzp.running.spread import WorkerSource, spread


class Stand:
    """Makes executors of one 'worker' that does its work at once; it dies over deadly items, and may not get ready.

    deadly : items, each as often as a worker dies over it.  unready : how many workers die at the start.
    """

    def __init__(self, deadly=(), unready=0, kind=None):
        self.deadly, self.unready, self.started, self.kind = Counter(deadly), unready, [], kind or _Worker

    def __call__(self):
        self.started.append(self.kind(self))
        return self.started[-1]

    def running(self):
        return sum(not worker.ended for worker in self.started)


class _Worker(Executor):
    def __init__(self, stand):
        self.stand, self.done, self.ended, self.begun = stand, [], False, False
        self.dead = len(stand.started) < stand.unready

    def submit(self, work, *items):
        """As concurrent.futures has it: what is submitted to a worker that died since fails at once."""
        if self.dead and self.begun:
            raise BrokenProcessPool
        self.begun = True
        future = Future()
        if items and self.stand.deadly[items[0]]:
            self.stand.deadly -= Counter(items)
            self.dead = True
        if self.dead:
            future.set_exception(BrokenProcessPool())
            return future
        self.done += items
        try:
            future.set_result(work(*items))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.ended = True


class _Unheard(_Worker):
    """Its answers take a moment, and are lost where it dies within that."""

    def submit(self, work, *items):
        done, answer = super().submit(work, *items), Future()
        Timer(0.05, self._answer, (answer, done)).start()
        return answer

    def _answer(self, answer, done):
        if self.dead:
            answer.set_exception(BrokenProcessPool())
        else:
            answer.set_result(done.result())


def nothing():
    pass


def square(item):
    return item**2


def test_each_item_comes_with_its_result_once_and_chunks_stay_together():
    stand = Stand()
    chunks = [range(first, first + 4) for first in range(0, 40, 4)]
    assert dict(spread(square, chunks, WorkerSource(stand, nothing, 3))) == {n: n**2 for n in range(40)}
    assert len(stand.started) == 3
    chunk_of = {item: chunk for chunk in chunks for item in chunk}
    for worker in stand.started:
        changes = sum(chunk_of[a] != chunk_of[b] for a, b in zip(worker.done, worker.done[1:], strict=False))
        assert changes == len({chunk_of[item] for item in worker.done}) - 1


def test_only_a_window_of_the_items_is_drawn():
    drawn = []

    def chunks():
        for first in range(0, 3_000_000, 3):
            drawn.append(first)
            yield (first, first + 1, first + 2)

    results = spread(square, chunks(), WorkerSource(Stand(), nothing, 4))
    for taken in range(1, 1000):
        next(results)
        assert 3 * len(drawn) <= taken + 4 * (2 + 3)


@pytest.mark.parametrize('deaths', [1, 2])
def test_an_item_over_which_a_worker_dies_is_tried_again_alone(deaths):
    stand = Stand({17: deaths})
    results = dict(spread(square, [range(10), range(10, 20), range(20, 30)], WorkerSource(stand, nothing, 2)))
    assert results == {n: n**2 for n in range(30)} | ({17: None} if deaths == 2 else {})
    assert stand.running() <= 1  # the last one stays for what may come, and is its starter's to end


def test_an_item_that_kills_at_once_is_not_taken_for_workers_that_do_not_get_ready():
    """As on a cluster: what a worker said is lost when it dies before anybody has heard it."""
    results = spread(square, [range(5)], WorkerSource(Stand({0: 9}, kind=_Unheard), nothing, 1))
    assert dict(results) == {0: None} | {n: n**2 for n in range(1, 5)}


def test_lanes_come_and_go_with_their_workers():
    """As on a cluster: no more lanes than workers, more as others join, and what a lane had left is for the others."""
    stand, places = Stand({3: 1, 20: 1}), [1]

    def start():
        return stand() if sum(not worker.dead and not worker.ended for worker in stand.started) < places[0] else None

    results = spread(square, [range(first, first + 5) for first in range(0, 40, 5)], WorkerSource(start, nothing, 99))
    results_so_far = dict([next(results)])
    assert stand.running() == 1
    places[0] = 3
    results_so_far |= dict(next(results) for _ in range(9))
    assert stand.running() == 3
    places[0] = 1
    assert results_so_far | dict(results) == {n: n**2 for n in range(40)}
    assert stand.running() <= 1


def test_dangerous_items_come_last_and_alone():
    stand = Stand({'b': 1})
    results = spread(str.upper, [['x', 'y']], WorkerSource(stand, nothing, 2), last=['a', 'b', 'c'])
    assert [(next(results), stand.running())[0] for _ in range(2)] == [('x', 'X'), ('y', 'Y')]
    assert [(next(results), stand.running() <= 1) for _ in range(3)] == [
        (('a', 'A'), True), (('b', None), True), (('c', 'C'), True)]


@pytest.mark.parametrize('deadly', [{}, {3: 2}])
def test_a_worker_that_does_not_get_ready_is_started_again(deadly):
    results = dict(spread(square, [range(9)], WorkerSource(Stand(deadly, unready=2), nothing, 1)))
    assert results == {n: n**2 for n in range(9)} | dict.fromkeys(deadly)


def test_workers_that_never_get_ready_and_errors_of_the_run_end_it():
    for last in ([], [5]):
        with pytest.raises(WorkersLost, match='--processes'):
            list(spread(square, [] if last else [range(9)], WorkerSource(Stand(unready=99), nothing, 2),
                        last=last))

    def lost():
        raise CatalogMissing('gone')

    with pytest.raises(CatalogMissing, match='gone'):
        list(spread(square, [range(9)], WorkerSource(Stand(), lost, 2)))
    with pytest.raises(TypeError):
        list(spread(square, [['text']], WorkerSource(Stand(), nothing, 2)))
