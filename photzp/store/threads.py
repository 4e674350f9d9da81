"""Threads for calls that may hang, with a limit on how long a run waits for them."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, wait
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

from photzp.errors import StoreFailed

Result = TypeVar('Result')


class Threads:
    """Daemon threads: unlike those of an executor, they do not keep the program from ending.

    Parameters
    ----------
    number : int
        Number of threads.
    waiting_s : float
        Longest total time that all calls of `wait` may take [s].
    place : str
        What they talk to, for the message of StoreFailed.
    """

    def __init__(self, number: int, waiting_s: float, place: str) -> None:
        self._waiting_s, self._waited_s, self._place = waiting_s, 0.0, place
        self._calls: SimpleQueue[tuple[Future, Callable[[], object]] | None] = SimpleQueue()
        self._threads = [Thread(target=self._serve, name=f'upload-{n}', daemon=True) for n in range(number)]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., Result], *arguments: object) -> Future[Result]:
        """Call a function as soon as a thread is free.

        Parameters
        ----------
        function : callable
            What to call.
        *arguments : object
            Its arguments.

        Returns
        -------
        concurrent.futures.Future
            Of what the function returns or raises.
        """
        future: Future[Result] = Future()
        self._calls.put((future, partial(function, *arguments)))
        return future

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Call a function in a thread, and wait for it.

        Parameters
        ----------
        function : callable
            What to call.
        *arguments : object
            Its arguments.

        Returns
        -------
        object
            What the function returns.

        Raises
        ------
        StoreFailed
            The time limit is over, or the function raises it.
        """
        future = self.submit(function, *arguments)
        self.wait([future])
        return future.result()

    def wait(self, futures: Iterable[Future], until: str = FIRST_EXCEPTION) -> None:
        """Wait for calls.

        Parameters
        ----------
        futures : iterable of concurrent.futures.Future
            As returned by `submit`.
        until : str
            FIRST_EXCEPTION: until all are done, or one has failed.  FIRST_COMPLETED: until one is done.

        Raises
        ------
        StoreFailed
            The time limit is over.
        """
        futures, start = list(futures), time.monotonic()
        done, pending = wait(futures, max(self._waiting_s - self._waited_s, 0), until)
        self._waited_s += time.monotonic() - start
        enough = done if until == FIRST_COMPLETED else (not pending or any(map(_has_failed, done)))
        if futures and not enough:
            raise StoreFailed(f'the bucket {self._place} is too slow: this run has waited {self._waited_s:.0f} s for '
                              'it in all; see AWS_ENDPOINT_URL and the network')

    def end(self) -> None:
        """Let every thread end after the calls that were submitted."""
        for _ in self._threads:
            self._calls.put(None)

    def _serve(self) -> None:
        """Make the calls, in one of the threads."""
        while (call := self._calls.get()) is not None:
            future, function = call
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except BaseException as error:
                    future.set_exception(error)


def _has_failed(future: Future) -> bool:
    """Whether a future that is done holds an error."""
    return not future.cancelled() and future.exception() is not None
