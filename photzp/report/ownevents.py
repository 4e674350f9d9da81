"""Events of a site's own file that do not fit the database: of telescopes without frames, or dated outside their data.

The events of the built-in list are not looked at: it is that of a whole network, which no database needs to hold.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby

import numpy as np

from photzp.measurements import EARLIEST
from photzp.names import Telescope
from photzp.observatory import Observatory, load_observatory
from photzp.observatorytables import Event
from photzp.plaintext import did_you_mean
from photzp.times import day_of

log = logging.getLogger('photzp.report')

# Chosen so that a wash before the first night, or in a time of closure, is no mistake, but a wrong year is one.
_REACH = timedelta(days=366)
_DAY = timedelta(days=1)  # events have local dates, which may be a day ahead of UTC
_EXAMPLES = 3


def warn_of_events(telescopes: Iterable[Telescope], span: Callable[..., tuple[np.datetime64, np.datetime64]],
                   observatory: Observatory, file: str, now: np.datetime64) -> None:
    """Log a warning for each telescope without frames and each event that is dated outside the data of its telescope.

    Parameters
    ----------
    telescopes : iterable of Telescope
        Those of the database.
    span : callable
        First and last exposure of a `site`, `dome` and `telescope` from `start` to `end`, as `PhotDatabase.span`
        returns it.
    observatory : Observatory
        That of the site's own file, over the built-in one.
    file : str
        Name of the site's own file, for the warnings.
    now : numpy.datetime64
        The present, datetime64[ms].
    """
    built_in = set(load_observatory().events)
    own = [event for event in observatory.events if event not in built_in]
    known = {str(telescope): telescope for telescope in telescopes}
    for name, events in groupby(own, key=lambda event: event.telescope):
        if name in known:
            where = dict(zip(('site', 'dome', 'telescope'), known[name], strict=True))
            said = list(_outside(events, span(**where, start=EARLIEST, end=now), now))
        else:
            said = [f'the database has no frames of {name}{did_you_mean(name, known)}: its events '
                    f'({_shortened(f"{event.kind} {event.date}" for event in events)}) change nothing']
        for text in said:
            log.warning('%s: %s', file, text, extra={'telescope': name})


def _outside(events: Iterable[Event], span: tuple[np.datetime64, np.datetime64], now: np.datetime64) -> Iterator[str]:
    """Yield a text for each event of a telescope that cannot be seen in frames of this time; both ends may be NaT."""
    first, last = (None if np.isnat(time) else day_of(time).item() for time in span)
    for event in events:
        what = f'{event.kind} of {event.telescope} on {event.date}'
        if event.date > day_of(now).item() + _DAY:
            yield f'{what} is later than now, and counts from then on: is the date right?'
        elif event.date < EARLIEST.item().date() or (first and last and _is_apart(event, first, last)):
            frames = f'its frames, {first} to {last}' if first and last else 'any frame'
            yield f'{what} is far from {frames}, and changes nothing: is the date right?'


def _is_apart(event: Event, first: date, last: date) -> bool:
    """Whether an event is more than a year before the first or after the last frame; a `start` may be long before."""
    return event.date > last + _REACH or (event.date < first - _REACH and event.kind != 'start')


def _shortened(texts: Iterable[str]) -> str:
    """The first few texts, and how many there are more."""
    all_of_them = list(texts)
    more = len(all_of_them) - _EXAMPLES
    return ', '.join(all_of_them[:_EXAMPLES]) + (f' and {more} more' if more > 0 else '')
