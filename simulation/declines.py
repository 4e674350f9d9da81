"""How the level of a telescope falls in real nights: no straight line.

1. A slope of 2 to 20 mmag a month, common to the filters but for colour and 0.5 mmag a month of each; a wash,
   recoating or break begins a new one.  On three of ten telescopes it is 2.5 times as steep in 90 days of each year.
2. After each wash, recoating or break, and from before the first night, 20 to 80 mmag are lost besides, exponentially
   with a time of 30 to 90 days: a clean mirror gets dirty fast.
3. Dust storms: three in five years at a site, of which each telescope takes part with a chance of 60%.  In one to four
   days 0.03 to 0.1 mag are lost.  Rain brings back 30 to 80% of that within two days, one to eight weeks later, unless
   the mirror was cleaned before.

All of it is part of the level.  Sizes are chosen so that the loss of a year stays that of ideal nights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulation.fleet import DAYS_PER_MONTH, FILTER_FACTOR, TrueEvent, TrueTelescope, YearsSpec

_SLOPE_MMAG_PER_MONTH, _OWN_SLOPE_MMAG_PER_MONTH = (2.0, 20.0), 0.5
_DUSTY_SHARE, _DUSTY_FACTOR, _DUSTY_DAYS = 0.3, 2.5, 90
_FAST_MAG, _FAST_DAYS = (0.02, 0.08), (30.0, 90.0)
_FIRST_AGE_DAYS = 300.0
_STORMS_A_YEAR, _STORM_SHARE, _STORM_MAG, _STORM_DAYS = 0.6, 0.6, (0.03, 0.1), (1, 4)
_RAIN_DAYS, _RAIN_SHARE = (7, 56), (0.3, 0.8)
RENEWING = ('wash', 'recoating', 'break')  # begin a new slope


@dataclass(frozen=True, kw_only=True)
class Storm:
    """A dust storm at a site.

    Attributes
    ----------
    day, lasts : int
        When it begins, and how many days it takes.
    rain : int
        Day of the rain after it.
    """

    day: int
    lasts: int
    rain: int


@dataclass(frozen=True, kw_only=True)
class Decline:
    """How a mirror loses light.

    Attributes
    ----------
    starts : tuple of float
        Days at which the slope changes to the next, beginning with 0.
    slopes : tuple of float
        Slopes [mag/day] before colour.
    drift : ndarray (n_nights + 1,)
        All that is no straight line, on each day [mag], before colour.
    """

    starts: tuple[float, ...]
    slopes: tuple[float, ...]
    drift: np.ndarray


def draw_storms(spec: YearsSpec, rng: np.random.Generator) -> list[Storm]:
    """Draw the dust storms of a site.

    Parameters
    ----------
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    list of Storm
        Storms, in any order.
    """
    storms = []
    for day in rng.integers(0, spec.n_nights, rng.poisson(_STORMS_A_YEAR * spec.years)).tolist():
        lasts = int(rng.integers(*_STORM_DAYS, endpoint=True))
        storms.append(Storm(day=day, lasts=lasts, rain=day + lasts + int(rng.integers(*_RAIN_DAYS))))
    return storms


def draw_decline(events: Sequence[TrueEvent], storms: Sequence[Storm], spec: YearsSpec,
                 rng: np.random.Generator) -> Decline:
    """Draw how the mirror of a telescope loses light.

    Parameters
    ----------
    events : sequence of TrueEvent
        Of the telescope.
    storms : sequence of Storm
        Of its site.
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    Decline
        The decline.
    """
    line_rng, storm_rng = rng.spawn(2)
    renewed = sorted({0.0, *(float(event.day) for event in events if event.kind in RENEWING)})
    slopes = -line_rng.uniform(*_SLOPE_MMAG_PER_MONTH, len(renewed)) / 1000 / DAYS_PER_MONTH
    days = np.arange(spec.n_nights + 1, dtype=float)
    drift = _dusty_part(days, renewed, slopes, spec, line_rng)
    for number, (start, end) in enumerate(zip(renewed, [*renewed[1:], np.inf], strict=True)):
        size, time = line_rng.uniform(*_FAST_MAG), line_rng.uniform(*_FAST_DAYS)
        size *= np.exp(-line_rng.uniform(0, _FIRST_AGE_DAYS) / time) if number == 0 else 1.0
        drift -= size * (1 - np.exp(-np.clip(days - start, 0, end - start) / time))
    cleaned = [event.day for event in events if event.kind in (*RENEWING, 'cleaning')]
    for storm in storms:
        drift += _storm_part(days, storm, cleaned, storm_rng)
    return Decline(starts=tuple(renewed), slopes=tuple(slopes.tolist()), drift=drift)


def _dusty_part(days: np.ndarray, starts: Sequence[float], slopes: np.ndarray, spec: YearsSpec,
                rng: np.random.Generator) -> np.ndarray:
    """What steeper slopes in a season of each year add (d,) [mag]."""
    first, share = rng.uniform(0, 365.25), rng.random()
    factor = spec.dust_factor if spec.dust_factor != 1 else _DUSTY_FACTOR if share < _DUSTY_SHARE else 1.0
    dusty = (days[:-1] - first) % 365.25 < _DUSTY_DAYS
    slope = slopes[np.searchsorted(starts, days[:-1], side='right') - 1]
    return np.append(0.0, np.cumsum((factor - 1) * slope * dusty))


def _storm_part(days: np.ndarray, storm: Storm, cleaned: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """What a storm and the rain after it do to one telescope (d,) [mag]."""
    takes_part, size, share = rng.random() < _STORM_SHARE, rng.uniform(*_STORM_MAG), rng.uniform(*_RAIN_SHARE)
    if not takes_part:
        return np.zeros(len(days))
    lost = -size * np.clip((days - storm.day) / storm.lasts, 0, 1)
    if any(storm.day <= day <= storm.rain + 2 for day in cleaned):
        return lost
    return lost + size * share * np.clip((days - storm.rain) / 2, 0, 1)


def pieces_of(decline: Decline, telescope: TrueTelescope, filter_name: str,
              rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Straight pieces of a filter with the steps between them; the first one begins at 0.

    Parameters
    ----------
    decline : Decline
        Of the telescope.
    telescope : TrueTelescope
        With its events.
    filter_name : str
        Key of FILTER_FACTOR.
    rng : numpy.random.Generator
        Source of the own slopes of the filter.

    Returns
    -------
    breaks, level, slope : ndarray (j,)
        As `TrueSeries` has them.
    """
    steps = {0.0: 0.0}
    for event in telescope.events:
        steps[float(event.day)] = steps.get(float(event.day), 0.0) + event.size_in(filter_name)
    breaks = np.array(sorted(steps))
    own = rng.normal(0, _OWN_SLOPE_MMAG_PER_MONTH, len(decline.slopes)) / 1000 / DAYS_PER_MONTH
    slopes = FILTER_FACTOR[filter_name] * np.array(decline.slopes) + own
    slope = slopes[np.searchsorted(decline.starts, breaks, side='right') - 1]
    fallen = np.append(0.0, np.cumsum(slope[:-1] * np.diff(breaks)))
    return breaks, np.cumsum([steps[day] for day in breaks.tolist()]) + fallen, slope
