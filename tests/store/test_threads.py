"""Calls in threads: their results and failures, and the limit on waiting for them."""

from concurrent.futures import FIRST_COMPLETED, Future
from threading import Event

import pytest

from photzp.errors import StoreFailed
from photzp.store.threads import Threads


@pytest.fixture
def gate():
    """An event that lets hanging calls go on at the end of the test."""
    gate = Event()
    yield gate
    gate.set()


def test_a_call_returns_and_raises_what_its_function_does():
    threads = Threads(1, 5, 'here')
    assert threads.call(divmod, 7, 3) == (2, 1)
    with pytest.raises(ZeroDivisionError):
        threads.call(divmod, 7, 0)
    threads.end()


def test_the_limit_holds_for_all_waiting_together(gate):
    threads = Threads(1, 0.2, 'here')
    hanging = threads.submit(gate.wait)
    for _ in range(2):
        with pytest.raises(StoreFailed, match='here is too slow: this run has waited 0 s'):
            threads.wait([hanging])
    threads.wait([])
    threads.end()


def test_waiting_ends_with_the_first_failure_or_the_first_result(gate):
    threads = Threads(2, 5, 'here')
    hanging = threads.submit(gate.wait)
    failed = threads.submit(divmod, 7, 0)
    threads.wait([hanging, failed])
    done = threads.submit(divmod, 7, 3)
    threads.wait([hanging, done], FIRST_COMPLETED)
    assert (hanging.done(), failed.done(), done.result()) == (False, True, (2, 1))
    threads.end()


def test_a_cancelled_call_is_not_made(gate):
    threads = Threads(1, 5, 'here')
    made = []
    blocked, cancelled = threads.submit(gate.wait), threads.submit(made.append, 1)
    assert isinstance(cancelled, Future)
    assert cancelled.cancel()
    gate.set()
    last = threads.submit(made.append, 2)
    threads.wait([blocked, cancelled, last])
    assert made == [2]
    threads.end()
