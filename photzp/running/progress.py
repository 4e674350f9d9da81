"""The progress of a run: a bar where a person watches, else a line of the log now and then."""

import logging
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from photzp.running.loglines import json_layout
from photzp.running.script import is_watched

log = logging.getLogger('photzp')

_BAR = '{n_fmt} of {total_fmt}{unit} |{bar}| {rate_noinv_fmt}, {remaining} left'
_LINE_EVERY_S = 300.0  # chosen because a night gives a few lines then, and years of frames some hundred

Item = TypeVar('Item')


def with_progress(items: Iterable[Item], units: str, total: int | None = None) -> Iterator[Item]:
    """Pass items on, and show how many are done, the rate and the time left.

    Parameters
    ----------
    items : iterable
        An item is done when the next one is asked for.
    units : str
        What they are, as 'frames'.
    total : int, optional
        Their number, where they have no len; None where it is not known.

    Yields
    ------
    object
        The items.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if total in (0, 1):
        yield from items
        return
    if not is_watched() or json_layout():
        yield from _with_lines(items, units, total)
        return
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    layout = None if total is None else _BAR
    with logging_redirect_tqdm(loggers=[log]):
        yield from tqdm(items, unit=f' {units}', total=total, dynamic_ncols=True, bar_format=layout)


def _with_lines(items: Iterable[Item], units: str, total: int | None) -> Iterator[Item]:
    """Pass items on, with a line of the log every _LINE_EVERY_S seconds."""
    start = last_line = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last_line >= _LINE_EVERY_S:
            last_line = now
            log.info('%s', _progress_line(done, total, units, now - start), extra={'done': done, 'total': total})


def _progress_line(done: int, total: int | None, units: str, elapsed_s: float) -> str:
    """As '1200 of 6000 frames, 38/s, 2 min left'."""
    rate = done / elapsed_s
    shown_rate = f'{rate:.{rate < 10:d}f}/s' if rate >= 1 else f'{1 / rate:.{rate > 0.1:d}f} s each'
    if total is None:
        return f'{done} {units}, {shown_rate}'
    left_s = (total - done) / rate
    left = f'{left_s / 3600:.1f} h' if left_s > 5400 else f'{left_s / 60:.0f} min' if left_s > 90 else f'{left_s:.0f} s'
    return f'{done} of {total} {units}, {shown_rate}, {left} left'
