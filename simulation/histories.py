"""What happens to telescopes over the years: events, exchanges of cameras, nights without frames, and zeropoints.

It is described in `years`, points 1 and 2.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from simulation.fleet import DAYS_PER_MONTH, FILTER_FACTOR, TELESCOPES, TrueEvent, TrueSeries, TrueTelescope, YearsSpec
from simulation.spec import REFERENCE_ZP

_SLOPE_MMAG_PER_MONTH = (2.0, 20.0)
_STEP_MAG = (0.1, 0.4)
_CLEANING_MAG = (0.02, 0.08)
_BOUNDING = ('wash', 'recoating', 'break')
_SAME_SLOPE = ('cleaning', 'unrecorded')
_QUIET_DAYS = 330  # least time between bounding events: LCO's are one to two years apart
_UNRECORDED_COLOURS = ('grey', 'mirror', 'filter')  # equally often
_UNRECORDED_DAYS = 75  # least time between an unrecorded step and any other event
_DUST_FIRST_DAY, _DUST_DAYS = 120, 90  # of each year
_CAMERA_OFFSET_MAG = 0.15
_NATIVE_OFFSET_MAG = (0.10, 0.02)  # zs - zp: mean and spread
_OLD_OFFSET_MAG = 0.03
_COLORTERM = (0.02, 0.02)  # of cameras: mean and spread
_LOST_NIGHTS = 0.12
_EXCHANGES = ('none', 'recorded', 'none', 'overlap', 'none', 'unrecorded')  # in turn over the telescopes


def _spread_days(n: int, n_nights: int, rng: np.random.Generator, *, least: int = _QUIET_DAYS) -> list[int]:
    """Draw n days in order, at least `least` apart and from either end, or less where there is no room for that."""
    least = min(least, int(0.9 * n_nights / (n + 1)))
    cuts = np.cumsum(rng.dirichlet(np.ones(n + 1))[:n]) * (n_nights - (n + 1) * least)
    return [int(day) for day in cuts + least * np.arange(1, n + 1)]


def _draw_events(number: int, n_nights: int, exchange: str, rng: np.random.Generator) -> tuple[TrueEvent, ...]:
    """Draw the events of telescope `number`: none of 1; 2 was washed, 3 cleaned in the last days."""
    if number == 1:
        return ()
    instruments = exchange in ('recorded', 'unrecorded')
    days = _spread_days(max(round(n_nights / 1461 * rng.choice([1, 2])), 0) + instruments, n_nights, rng)
    kinds = [str(rng.choice(_BOUNDING, p=[0.5, 0.25, 0.25])) for _ in days]
    if instruments and days:
        kinds[rng.integers(len(days))] = 'instrument'
    events = [TrueEvent(day=day, kind=kind, size=0.0 if kind == 'instrument' else _draw_step(kind, rng),
                        recorded=kind != 'instrument' or exchange == 'recorded')
              for day, kind in zip(days, kinds, strict=True)]
    if number == 2 and n_nights > 300:
        events.append(TrueEvent(day=n_nights - 25, kind='wash', size=_draw_step('wash', rng)))
    cleanings = [int(day) for day in rng.uniform(60, max(n_nights - 60, 61), rng.integers(0, 3))]
    if number == 3:
        cleanings.append(n_nights - 5)
    for day in cleanings:
        if all(abs(day - event.day) >= min(60, n_nights - day) for event in events) and 0 < day < n_nights:
            events.append(TrueEvent(day=day, kind='cleaning', size=rng.uniform(*_CLEANING_MAG)))
    return tuple(sorted(events, key=lambda event: event.day))


def _draw_unrecorded(events: Sequence[TrueEvent], spec: YearsSpec, rng: np.random.Generator) -> list[TrueEvent]:
    """Draw steps that nobody records, at any time of the day, where there is room for them."""
    steps: list[TrueEvent] = []
    if not spec.unrecorded_mag or spec.n_nights <= 2 * _UNRECORDED_DAYS:
        return steps
    for day in rng.uniform(_UNRECORDED_DAYS, spec.n_nights - _UNRECORDED_DAYS, round(4 * spec.years)):
        room = all(abs(day - event.day) >= _UNRECORDED_DAYS for event in (*events, *steps))
        if room and len(steps) < round(spec.years):
            size, sign = rng.choice(spec.unrecorded_mag), rng.choice([-1, 1])
            colour = str(rng.choice(_UNRECORDED_COLOURS))
            colour = str(rng.choice(spec.filters)) if colour == 'filter' else colour
            steps.append(TrueEvent(day=float(day), kind='unrecorded', size=float(size * sign), recorded=False,
                                   colour=colour))
    return steps


def _draw_step(kind: str, rng: np.random.Generator) -> float:
    """Draw the size of a bounding event [mag]; a break may be a loss."""
    return float(rng.uniform(*_STEP_MAG)) * (-1 if kind == 'break' and rng.random() < 0.3 else 1)


def _draw_cameras(names: tuple[str, str], exchange: str, events: Iterable[TrueEvent], n_nights: int,
                  rng: np.random.Generator) -> tuple[tuple[str, int, int], ...]:
    """Draw when a telescope had its first and its second camera: (name, first day, last day + 1) of each."""
    first, second = names
    if exchange == 'overlap':
        day = _spread_days(1, n_nights, rng, least=n_nights // 4)[0]
        return (first, 0, min(day + int(rng.integers(20, 60)), n_nights)), (second, day, n_nights)
    change = [int(event.day) for event in events if event.kind == 'instrument']
    if change:
        return (first, 0, change[0]), (second, change[0], n_nights)
    return ((first, 0, n_nights),)


def _draw_open_nights(n_nights: int, years: float, rng: np.random.Generator) -> np.ndarray:
    """Draw which nights have frames, bool (n_nights,): single ones are lost, and gaps of weeks."""
    is_open = rng.random(n_nights) >= _LOST_NIGHTS
    for start in rng.integers(0, n_nights, max(round(rng.integers(2, 5) * years / 4), 0)):
        is_open[start:start + rng.integers(10, 40)] = False
    return is_open


def draw_telescope(number: int, spec: YearsSpec, rng: np.random.Generator) -> TrueTelescope:
    """Draw the history of a telescope.

    Parameters
    ----------
    number : int
        Index in TELESCOPES.
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws but those of unrecorded steps.

    Returns
    -------
    TrueTelescope
        The telescope.
    """
    site, enclosure, telescope, tag, kind = TELESCOPES[number]
    exchange = _EXCHANGES[number % len(_EXCHANGES)]
    events = _draw_events(number, spec.n_nights, exchange, rng)
    unrecorded = _draw_unrecorded(events, spec, np.random.default_rng([spec.seed, 2, number]))  # other draws stay
    events = tuple(sorted((*events, *unrecorded), key=lambda event: event.day))
    cameras = _draw_cameras((f'{kind}{10 + number}', f'{kind}{40 + number}'), exchange, events, spec.n_nights, rng)
    old_until = int(rng.uniform(0.2, 0.4) * spec.n_nights) if number % 11 == 6 else 0
    return TrueTelescope(site=site, enclosure=enclosure, telescope=telescope, tag=tag, events=events, cameras=cameras,
                     open_nights=_draw_open_nights(spec.n_nights, spec.years, rng), native=number % 5 == 0,
                     old_until=old_until)


def draw_series(telescope: TrueTelescope, filter_name: str, extinction: float, spec: YearsSpec,
                rng: np.random.Generator) -> TrueSeries:
    """Draw the truth of a telescope in one filter: its events, with sizes and slopes of that filter.

    Parameters
    ----------
    telescope : TrueTelescope
        The telescope.
    filter_name : str
        Key of FILTER_FACTOR.
    extinction : float
        True extinction of the site [mag/airmass].
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    TrueSeries
        The truth.
    """
    factor = FILTER_FACTOR[filter_name]
    healthy = REFERENCE_ZP[telescope.telescope[:3]][filter_name]
    breaks, level, slope = [0.0], [healthy - rng.uniform(0.02, 0.3)], [_draw_slope(factor, rng)]
    for event in telescope.events:
        before = level[-1] + slope[-1] * (event.day - breaks[-1])
        breaks.append(float(event.day))
        level.append(before + event.size_in(filter_name))
        slope.append(slope[-1] if event.kind in _SAME_SLOPE else _draw_slope(factor, rng))
    offsets, colorterms = draw_cameras_in(filter_name, telescope, rng)
    series = TrueSeries(filter=filter_name, breaks=np.array(breaks), level=np.array(level), slope=np.array(slope),
                    offsets=offsets, extinction=extinction, colorterms=colorterms)
    return _with_dust(series, spec)


def draw_cameras_in(filter_name: str, telescope: TrueTelescope, rng: np.random.Generator) -> tuple[
        dict[tuple[str, str, bool], float], dict[tuple[str, str], float]]:
    """Draw offsets and colour terms of the cameras of a telescope in one filter.

    Parameters
    ----------
    filter_name : str
        Key of FILTER_FACTOR.
    telescope : TrueTelescope
        The telescope.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    offsets, colorterms : dict
        As `TrueSeries` has them.
    """
    offsets = {}
    for number, camera in enumerate(dict.fromkeys(name for name, *_ in telescope.cameras)):
        base = rng.normal(0, _CAMERA_OFFSET_MAG) if number else 0.0
        native = rng.normal(*_NATIVE_OFFSET_MAG)
        for native_filter in (filter_name, *(('zs',) if telescope.native and filter_name == 'zp' else ())):
            shift = base + (native if native_filter != filter_name else 0.0)
            offsets[camera, native_filter, False] = float(shift)
            if telescope.old_until:
                offsets[camera, native_filter, True] = float(shift + rng.normal(0, _OLD_OFFSET_MAG))
    colour_rng, = rng.spawn(1)  # so that other draws stay
    colorterms = {key[:2]: float(colour_rng.normal(*_COLORTERM)) for key in offsets if not key[2]}
    return offsets, colorterms


def _with_dust(series: TrueSeries, spec: YearsSpec) -> TrueSeries:
    """The series with slopes that are steeper in _DUST_DAYS of each year."""
    if spec.dust_factor == 1:
        return series
    first = np.arange(_DUST_FIRST_DAY, spec.n_nights, 365.25)
    breaks = np.unique(np.concatenate([series.breaks, first, first + _DUST_DAYS]))
    here = np.searchsorted(series.breaks, breaks, side='right') - 1
    dusty = (breaks - _DUST_FIRST_DAY) % 365.25 < _DUST_DAYS
    slope = series.slope[here] * np.where(dusty & (breaks >= _DUST_FIRST_DAY), spec.dust_factor, 1.0)
    before = series.level[:-1] + series.slope[:-1] * np.diff(series.breaks)
    steps = np.where(np.isin(breaks, series.breaks), np.append(0, series.level[1:] - before)[here], 0.0)
    level = series.level[0] + np.cumsum(steps) + np.append(0, np.cumsum(slope[:-1] * np.diff(breaks)))
    return replace(series, breaks=breaks, level=level, slope=slope)


def _draw_slope(factor: float, rng: np.random.Generator) -> float:
    """Draw a slope [mag/day]."""
    return -float(np.clip(rng.uniform(*_SLOPE_MMAG_PER_MONTH) * factor, *_SLOPE_MMAG_PER_MONTH)) / 1000 / DAYS_PER_MONTH
