"""What is done to the telescopes of real nights, and what the list of events has of it.

1. Visits: once in 5 to 16 months a crew visits a site and washes (1 in 2), cleans (2 in 5) or recoats mirrors.  Each
   telescope is part of a visit with a chance of 85%, a recoating is of one telescope while the others are washed.
2. By themselves: some washes and cleanings of one telescope, and breaks of unknown cause, up or down.
3. Cameras: none is exchanged (2 in 5), or one, recorded or not, half of them on a visit; or two overlap for weeks.
   Telescopes of the cadence in-turn have two that change places every three to eight weeks.
4. Steps that nobody records: one in 1.5 years of a telescope, 0.03 to 0.2 mag either way, grey, by colour or in one
   filter.
5. Dates: a quarter of the visits, a tenth of the telescopes of the others, and a third of what is done by itself are
   written down up to 14 days off.

At LCO, 13 of 17 recorded washes and 105 of 115 cleanings share their date with another telescope of the site; it was
visited about once in a year.  A wash gives 0.05 to 0.25 mag, a recoating 0.15 to 0.4, a cleaning 0.02 to 0.08, so that
gains and losses balance over years.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from simulation.fleet import TELESCOPES, TrueEvent, YearsSpec

_VISIT_DAYS = (150, 480)
_VISIT_KINDS, _VISIT_CHANCE = ('wash', 'cleaning', 'recoating'), (0.5, 0.4, 0.1)
_PART_SHARE = 0.85
_OWN_A_YEAR = {'wash': 0.06, 'cleaning': 0.04, 'break': 0.08}
_SIZE_MAG = {'wash': (0.05, 0.25), 'recoating': (0.15, 0.4), 'cleaning': (0.02, 0.08), 'break': (0.1, 0.4)}
_LOSS_SHARE = 0.3  # of breaks
_APART_DAYS = 25  # least time between events of a telescope; two of one date are one visit
_HIDDEN_A_YEAR, _HIDDEN_MAG = 1 / 1.5, (0.03, 0.2)
_HIDDEN_COLOURS = ('grey', 'mirror', 'filter')  # equally often, as in ideal nights
_EXCHANGES, _EXCHANGE_CHANCE = ('none', 'recorded', 'unrecorded', 'overlap'), (0.4, 0.3, 0.15, 0.15)
_ON_VISIT_SHARE = 0.5
_TURN_DAYS = (20, 55)
_WRONG_VISITS, _WRONG_TELESCOPES, _WRONG_OWN, _WRONG_DAYS = 0.25, 0.1, 1 / 3, 14

Cameras = tuple[tuple[str, int, int], ...]
Visit = dict[int, TrueEvent]  # what is done to each telescope of a site, by its number


def draw_visits(site: str, spec: YearsSpec, rng: np.random.Generator) -> list[Visit]:
    """Draw the visits to a site.

    Parameters
    ----------
    site : str
        A site of TELESCOPES.
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    list of dict
        For each visit what was done, by number of the telescope.
    """
    here = [number for number, telescope in enumerate(TELESCOPES) if telescope[0] == site]
    visits, day = [], int(rng.uniform(30, _VISIT_DAYS[1]))
    while day < spec.n_nights - 10:
        kind = str(rng.choice(_VISIT_KINDS, p=_VISIT_CHANCE))
        recoated = rng.choice(here)
        written = _wrong_day(day, spec, rng) if rng.random() < _WRONG_VISITS else None
        visit: Visit = {}
        for number in here:
            of_one = 'wash' if kind == 'recoating' and number != recoated else kind
            size = _draw_size(of_one, rng)
            own = _wrong_day(day, spec, rng) if written is None and rng.random() < _WRONG_TELESCOPES else written
            if rng.random() < _PART_SHARE:
                visit[number] = TrueEvent(day=day, kind=of_one, size=size, written_day=own)
        visits.append(visit)
        day += int(rng.integers(*_VISIT_DAYS))
    return visits


def _wrong_day(day: int, spec: YearsSpec, rng: np.random.Generator) -> float:
    """Draw a day that is up to two weeks off, within the years."""
    off = int(rng.choice([-1, 1]) * rng.integers(1, _WRONG_DAYS, endpoint=True))
    return float(np.clip(day + off, 0, spec.n_nights - 1))


def _draw_size(kind: str, rng: np.random.Generator) -> float:
    """Draw the size of an event [mag]."""
    lost = kind == 'break' and rng.random() < _LOSS_SHARE
    return float(rng.uniform(*_SIZE_MAG[kind])) * (-1 if lost else 1)


def draw_events(number: int, visits: Iterable[Visit], spec: YearsSpec,
                rng: np.random.Generator) -> tuple[TrueEvent, ...]:
    """Draw the events of a telescope but for exchanges of cameras.

    Parameters
    ----------
    number : int
        Index in TELESCOPES.
    visits : iterable of dict
        To its site.
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    tuple of TrueEvent
        In order of time.
    """
    own_rng, hidden_rng = rng.spawn(2)
    events = [visit[number] for visit in visits if number in visit]
    for kind, rate in _OWN_A_YEAR.items():
        for day in own_rng.uniform(20, max(spec.n_nights - 20, 21), own_rng.poisson(rate * spec.years)).astype(int):
            wrong = own_rng.random() < _WRONG_OWN
            event = TrueEvent(day=int(day), kind=kind, size=_draw_size(kind, own_rng),
                              written_day=_wrong_day(int(day), spec, own_rng) if wrong else None)
            if _has_room(event.day, events) and day < spec.n_nights:
                events.append(event)
    events += _draw_hidden(events, spec, hidden_rng)
    return tuple(sorted(events, key=lambda event: event.day))


def _has_room(day: float, events: Iterable[TrueEvent]) -> bool:
    """Whether no event is near a day."""
    return all(abs(day - event.day) >= _APART_DAYS for event in events)


def _draw_hidden(events: Sequence[TrueEvent], spec: YearsSpec, rng: np.random.Generator) -> list[TrueEvent]:
    """Draw steps that nobody records, at any time of the day."""
    steps: list[TrueEvent] = []
    if not spec.hidden_steps:
        return steps
    for day in rng.uniform(0, spec.n_nights, rng.poisson(_HIDDEN_A_YEAR * spec.years)):
        size = float(rng.choice(spec.unrecorded_mag) if spec.unrecorded_mag else
                     np.exp(rng.uniform(*np.log(_HIDDEN_MAG))))
        sign, colour, of = rng.choice([-1, 1]), str(rng.choice(_HIDDEN_COLOURS)), str(rng.choice(spec.filters))
        if _has_room(day, (*events, *steps)):
            steps.append(TrueEvent(day=float(day), kind='unrecorded', size=float(sign) * size, recorded=False,
                                   colour=of if colour == 'filter' else colour))
    return steps


def draw_cameras(number: int, in_turn: bool, events: tuple[TrueEvent, ...], spec: YearsSpec,
                 rng: np.random.Generator) -> tuple[Cameras, tuple[TrueEvent, ...]]:
    """Draw the cameras of a telescope.

    Parameters
    ----------
    number : int
        Index in TELESCOPES.
    in_turn : bool
        Two cameras change places all the time.
    events : tuple of TrueEvent
        As of `draw_events`.
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    cameras : tuple of (str, int, int)
        Name, first day and last day + 1.
    events : tuple of TrueEvent
        With exchanges, in order of time.
    """
    n = spec.n_nights
    first, second = (f'{TELESCOPES[number][-1]}{base + number}' for base in (10, 40))
    if in_turn:
        days = [0, *(int(day) for day in np.cumsum(rng.integers(*_TURN_DAYS, n // _TURN_DAYS[0] + 1)) if day < n), n]
        return tuple(((first, second)[k % 2], day, days[k + 1]) for k, day in enumerate(days[:-1])), events
    exchange = str(rng.choice(_EXCHANGES, p=_EXCHANGE_CHANCE))
    day = int(rng.uniform(0.25, 0.75) * n)
    if exchange == 'overlap':
        return ((first, 0, min(day + int(rng.integers(20, 60)), n)), (second, day, n)), events
    event = _draw_exchange(day, exchange, events, rng)
    change = int(event.day)
    if exchange == 'none' or not 0 < change < n:
        return ((first, 0, n),), events
    return ((first, 0, change), (second, change, n)), tuple(sorted((*events, event), key=lambda each: each.day))


def _draw_exchange(day: int, exchange: str, events: Iterable[TrueEvent], rng: np.random.Generator) -> TrueEvent:
    """Draw when the camera is exchanged: on a day, or on the visit of a wash, with the date that is written for it."""
    washes = [event for event in events if event.kind == 'wash']
    if washes and rng.random() < _ON_VISIT_SHARE:
        wash = washes[int(rng.integers(len(washes)))]
        return replace(wash, kind='instrument', size=0.0, recorded=exchange == 'recorded')
    return TrueEvent(day=day, kind='instrument', recorded=exchange == 'recorded')
