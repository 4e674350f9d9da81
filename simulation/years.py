"""Years of zeropoints of a whole fleet, with known truth, for `python -m simulation years`.

What is planted, in magnitudes of zeropoint at airmass 1:

1. Mirrors lose 2 to 20 mmag a month.  A wash, recoating or break (bounding events) changes throughput by 0.1 to 0.4
   mag and begins a new slope; a cleaning gives back 20 to 80 mmag and leaves the slope as it is.
2. Cameras are exchanged, with an offset: in a night, recorded as an event or not, or after weeks with both.  Some
   telescopes use the native filter zs besides zp; some rows are old ones without zperr and zpcolor, with an offset.
3. Sky: extinction differs from the adopted one by site and filter.  Nights are cloudy or clear for a whole site, in
   spells and with a season; in a cloudy night every frame is dimmed by the same grey cloud of exponential depth, more
   or less (Gamma distributed about it).
4. Frames: Gaussian noise of 20 mmag in all, zperr being a part of it; 1% wild values on either side; nights without
   frames, nights with one, gaps of weeks; a few rows that are not usable (large zpsig, no airmass).
5. Stars: most frames have 40 to 400, some 10 to 40.  zperr falls with their number; so does the error of the colour
   term, which at the pivot makes an error of zp that is the larger, the farther the mean colour of the stars lies from
   it.  The colour term is one per camera and native filter, but for a little from frame to frame.

None of the science of the product is imported.  The same seed gives the same rows.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

DAYS_PER_MONTH = 30.4375
SLOPE_MMAG_PER_MONTH = (2.0, 20.0)
STEP_MAG = (0.1, 0.4)
CLEANING_MAG = (0.02, 0.08)
BOUNDING = ('wash', 'recoating', 'break')
SAME_SLOPE = ('cleaning', 'unrecorded')
UNRECORDED_COLOURS = ('grey', 'mirror', 'filter')  # equally often
UNRECORDED_DAYS = 75  # least time between an unrecorded step and any other event
DUST_FIRST_DAY, DUST_DAYS = 120, 90  # of each year
# Dust and ageing aluminium take more from the blue: size of slopes and steps by filter, relative to the mirror's.
FILTER_FACTOR = {'gp': 1.1, 'rp': 1.0, 'ip': 0.95, 'zp': 0.9}
CAMERA_OFFSET_MAG = 0.15
NATIVE_OFFSET_MAG = (0.10, 0.02)  # zs - zp: mean and spread
OLD_OFFSET_MAG = 0.03
EXTINCTION_SPREAD = 0.1  # of the adopted value; k of good sites differ by about that
CLOUD_MAG = 0.3  # mean depth
CLOUD_SHAPE = 4.0  # of the Gamma distribution of frames in a cloudy night about its depth: spread 50%
WEATHER_MEMORY, SEASON = 0.6, 0.35  # correlation from night to night; relative swing of the share of cloudy nights
NOISE_MAG = 0.020
ZPERR_MAG = (0.004, 0.4)  # median, and spread of its logarithm
ZPSIG_MAG = (0.045, 0.3)
WILD_SHARE, WILD_MAG = 0.01, (0.2, 3.0)
UNUSABLE_SHARE = 0.01
COLORTERM, COLORTERM_OF_FRAMES = (0.02, 0.02), 0.003  # of cameras: mean and spread; spread of the frames of one
SPARSE_SHARE = 0.15  # of frames with the fewer stars
STARS, SPARSE_STARS = (40, 400), (10, 40)
# Stars scatter by 0.6 mag in g-i, and the means of fields by 0.25 mag besides: as in simulated frames.
STAR_COLOUR_MAG, FIELD_COLOUR_MAG = 0.6, 0.25
LOST_NIGHTS, SINGLE_NIGHTS = 0.12, 0.12
ROWS_PER_NIGHT = 5.65  # in nights with more than one: 550,000 rows for 22 telescopes, 4 years, 4 filters
QUIET_DAYS = 330  # least time between bounding events: LCO's are one to two years apart
MIDNIGHT_SPREAD_DAYS = 0.18

# Site, enclosure, telescope, tag in frame names, camera type.  The telescopes are called s, t, u where real ones are a,
# b, c, so that the events of real telescopes, which stay in force beside an overlay, are not taken for theirs.
TELESCOPES = (
    ('lsc', 'doma', '1m0s', '1m005', 'fa'), ('lsc', 'domb', '1m0s', '1m009', 'fa'),
    ('lsc', 'domc', '1m0s', '1m004', 'fa'), ('lsc', 'aqwa', '0m4s', '0m409', 'kb'),
    ('coj', 'clma', '2m0s', '2m002', 'ep'), ('coj', 'doma', '1m0s', '1m011', 'fa'),
    ('coj', 'domb', '1m0s', '1m003', 'fa'), ('coj', 'clma', '0m4s', '0m403', 'kb'),
    ('ogg', 'clma', '2m0s', '2m001', 'ep'), ('ogg', 'clma', '0m4t', '0m406', 'kb'),
    ('ogg', 'clma', '0m4u', '0m404', 'kb'), ('elp', 'doma', '1m0s', '1m008', 'fa'),
    ('elp', 'domb', '1m0s', '1m006', 'fa'), ('elp', 'aqwa', '0m4s', '0m411', 'kb'),
    ('cpt', 'doma', '1m0s', '1m010', 'fa'), ('cpt', 'domb', '1m0s', '1m013', 'fa'),
    ('cpt', 'domc', '1m0s', '1m012', 'fa'), ('cpt', 'aqwa', '0m4s', '0m407', 'kb'),
    ('tfn', 'doma', '1m0s', '1m001', 'fa'), ('tfn', 'domb', '1m0s', '1m014', 'fa'),
    ('tfn', 'aqwa', '0m4s', '0m414', 'kb'), ('tfn', 'aqwa', '0m4t', '0m416', 'kb'),
)
OVERLAY_NAME = 'observatory-years.toml'
EXCHANGES = ('none', 'recorded', 'none', 'overlap', 'none', 'unrecorded')  # in turn over the telescopes
COLUMNS = ('name', 'dateobs', 'site', 'dome', 'telescope', 'camera', 'filter', 'airmass', 'zp', 'colorterm', 'zpsig',
           'zperr', 'colortermerr', 'zpcolor', 'nstars', 'exptime', 'zpcolortermcov', 'colortermheld', 'refcomplete',
           'wcsoffset', 'nmatched', 'meancolor', 'processed', 'frame')


@dataclass(frozen=True)
class Nature:
    """What the synthetic observatory is made of.

    reference_zp : by class and filter; extinction : adopted, by filter; sites : (latitude, longitude) [deg]."""

    reference_zp: dict[str, dict[str, float]]
    extinction: dict[str, float]
    sites: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Spec:
    """Which years to simulate.  filters : of gp, rp, ip, zp; photometric : share of nights without cloud.

    What follows changes nothing where it is left at its default.  unrecorded_mag : sizes of steps that nobody records,
    one a year.  dust_factor : slopes are so much steeper in DUST_DAYS of each year.  extinction_swing : of k over
    the year, relative.  night_noise_mag : grey scatter of the nights of each telescope.
    """

    seed: int = 1
    telescopes: int = len(TELESCOPES)
    years: float = 4.0
    filters: tuple[str, ...] = tuple(FILTER_FACTOR)
    photometric: float = 0.6
    one_per_night: bool = False
    start: str = '2016-01-01'
    unrecorded_mag: tuple[float, ...] = ()
    dust_factor: float = 1.0
    extinction_swing: float = 0.0
    night_noise_mag: float = 0.0

    @property
    def n_nights(self) -> int:
        """How many nights, at least one."""
        return max(round(365.25 * self.years), 1)


@dataclass(frozen=True)
class Event:
    """Something at a telescope; day counts from the first; size in mag; recorded: it is in the list of events.

    colour : 'mirror' (by FILTER_FACTOR), 'grey' (the same in all filters), or the only filter that it acts on.
    """

    day: float
    kind: str
    size: float = 0.0
    recorded: bool = True
    colour: str = 'mirror'

    def size_in(self, filter_name: str) -> float:
        """Size in one filter [mag]."""
        factors = {'mirror': FILTER_FACTOR[filter_name], 'grey': 1.0}
        return self.size * factors.get(self.colour, float(self.colour == filter_name))


@dataclass(frozen=True)
class Telescope:
    """A telescope and its history: events, (camera, first day, last day + 1) of each camera, days without frames."""

    site: str
    enclosure: str
    telescope: str
    tag: str
    events: tuple[Event, ...]
    cameras: tuple[tuple[str, int, int], ...]
    open_nights: np.ndarray
    native: bool
    old_until: int

    @property
    def name(self) -> str:
        """site-enclosure-telescope."""
        return f'{self.site}-{self.enclosure}-{self.telescope}'


@dataclass(frozen=True)
class Series:
    """Truth of one telescope and filter.

    breaks (j,) [day], level (j,) [mag], slope (j,) [mag/day] : throughput is level + slope (t - break) from each break
    to the next.  offsets : mag by (camera, native filter, old).  extinction : true k.  colorterms : by (camera, native
    filter).
    """

    filter: str
    breaks: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    offsets: dict[tuple[str, str, bool], float]
    extinction: float
    colorterms: dict[tuple[str, str], float]

    def at(self, day: np.ndarray) -> np.ndarray:
        """True zeropoint at airmass 1 on the scale of offset 0; day (q,), from the first noon."""
        piece = np.clip(np.searchsorted(self.breaks, day, side='right') - 1, 0, None)
        return self.level[piece] + self.slope[piece] * (day - self.breaks[piece])


ByFilter = dict[str, tuple[Series, dict[str, np.ndarray]]]  # filter: truth and rows of `draw_rows`


# --- histories

def spread_days(n: int, n_nights: int, rng: np.random.Generator, *, least: int = QUIET_DAYS) -> list[int]:
    """n days in order, at least `least` apart and from either end, or evenly far where there is no room for that."""
    least = min(least, int(0.9 * n_nights / (n + 1)))
    cuts = np.cumsum(rng.dirichlet(np.ones(n + 1))[:n]) * (n_nights - (n + 1) * least)
    return [int(day) for day in cuts + least * np.arange(1, n + 1)]


def draw_events(number: int, n_nights: int, exchange: str, rng: np.random.Generator) -> tuple[Event, ...]:
    """Events of telescope `number`.  The second has none; the third was washed, the fourth cleaned in the last days."""
    if number == 1:
        return ()
    instruments = exchange in ('recorded', 'unrecorded')
    days = spread_days(max(round(n_nights / 1461 * rng.choice([1, 2])), 0) + instruments, n_nights, rng)
    kinds = [str(rng.choice(BOUNDING, p=[0.5, 0.25, 0.25])) for _ in days]
    if instruments and days:
        kinds[rng.integers(len(days))] = 'instrument'
    events = [Event(day, kind, 0.0 if kind == 'instrument' else draw_step(kind, rng),
                    kind != 'instrument' or exchange == 'recorded') for day, kind in zip(days, kinds, strict=True)]
    if number == 2 and n_nights > 300:
        events.append(Event(n_nights - 25, 'wash', draw_step('wash', rng)))
    cleanings = [int(day) for day in rng.uniform(60, max(n_nights - 60, 61), rng.integers(0, 3))]
    if number == 3:
        cleanings.append(n_nights - 5)
    for day in cleanings:
        if all(abs(day - event.day) >= min(60, n_nights - day) for event in events) and 0 < day < n_nights:
            events.append(Event(day, 'cleaning', rng.uniform(*CLEANING_MAG)))
    return tuple(sorted(events, key=lambda event: event.day))


def draw_unrecorded(events: Sequence[Event], spec: Spec, rng: np.random.Generator) -> list[Event]:
    """Steps that nobody records, at any time of the day, where there is room for them."""
    found: list[Event] = []
    if not spec.unrecorded_mag or spec.n_nights <= 2 * UNRECORDED_DAYS:
        return found
    for day in rng.uniform(UNRECORDED_DAYS, spec.n_nights - UNRECORDED_DAYS, round(4 * spec.years)):
        room = all(abs(day - event.day) >= UNRECORDED_DAYS for event in (*events, *found))
        if room and len(found) < round(spec.years):
            size, sign = rng.choice(spec.unrecorded_mag), rng.choice([-1, 1])
            colour = str(rng.choice(UNRECORDED_COLOURS))
            colour = str(rng.choice(spec.filters)) if colour == 'filter' else colour
            found.append(Event(float(day), 'unrecorded', float(size * sign), False, colour))
    return found


def draw_step(kind: str, rng: np.random.Generator) -> float:
    """Size of a bounding event: a break may as well be a loss."""
    return float(rng.uniform(*STEP_MAG)) * (-1 if kind == 'break' and rng.random() < 0.3 else 1)


def draw_cameras(number: int, kind: str, exchange: str, events: Iterable[Event], n_nights: int,
                 rng: np.random.Generator) -> tuple[tuple[str, int, int], ...]:
    """(camera, first day, last day + 1) of each camera of a telescope."""
    first, second = (f'{kind}{base + number}' for base in (10, 40))
    if exchange == 'overlap':
        day = spread_days(1, n_nights, rng, least=n_nights // 4)[0]
        return (first, 0, min(day + int(rng.integers(20, 60)), n_nights)), (second, day, n_nights)
    change = [int(event.day) for event in events if event.kind == 'instrument']
    if change:
        return (first, 0, change[0]), (second, change[0], n_nights)
    return ((first, 0, n_nights),)


def draw_open_nights(n_nights: int, years: float, rng: np.random.Generator) -> np.ndarray:
    """Mask of the nights with frames: single ones are lost, and gaps of weeks."""
    there = rng.random(n_nights) >= LOST_NIGHTS
    for start in rng.integers(0, n_nights, max(round(rng.integers(2, 5) * years / 4), 0)):
        there[start:start + rng.integers(10, 40)] = False
    return there


def draw_telescope(number: int, spec: Spec, rng: np.random.Generator) -> Telescope:
    """Telescope `number` of TELESCOPES and its history."""
    site, enclosure, telescope, tag, kind = TELESCOPES[number]
    exchange = EXCHANGES[number % len(EXCHANGES)]
    events = draw_events(number, spec.n_nights, exchange, rng)
    unrecorded = draw_unrecorded(events, spec, np.random.default_rng([spec.seed, 2, number]))  # moves nothing else
    events = tuple(sorted((*events, *unrecorded), key=lambda event: event.day))
    cameras = draw_cameras(number, kind, exchange, events, spec.n_nights, rng)
    old_until = int(rng.uniform(0.2, 0.4) * spec.n_nights) if number % 11 == 6 else 0
    return Telescope(site, enclosure, telescope, tag, events, cameras,
                     draw_open_nights(spec.n_nights, spec.years, rng), number % 5 == 0, old_until)


def draw_series(telescope: Telescope, filter_name: str, extinction: float, nature: Nature,
                rng: np.random.Generator) -> Series:
    """Truth of one filter: the telescope's events, with sizes and slopes by colour."""
    factor = FILTER_FACTOR[filter_name]
    healthy = nature.reference_zp[telescope.telescope[:3]][filter_name]
    breaks, level, slope = [0.0], [healthy - rng.uniform(0.02, 0.3)], [draw_slope(factor, rng)]
    for event in telescope.events:
        before = level[-1] + slope[-1] * (event.day - breaks[-1])
        breaks.append(float(event.day))
        level.append(before + event.size_in(filter_name))
        slope.append(slope[-1] if event.kind in SAME_SLOPE else draw_slope(factor, rng))
    offsets = {}
    for number, (camera, *_) in enumerate(telescope.cameras):
        base = rng.normal(0, CAMERA_OFFSET_MAG) if number else 0.0
        native = rng.normal(*NATIVE_OFFSET_MAG)
        for native_filter in (filter_name, *(('zs',) if telescope.native and filter_name == 'zp' else ())):
            shift = base + (native if native_filter != filter_name else 0.0)
            offsets[camera, native_filter, False] = float(shift)
            if telescope.old_until:
                offsets[camera, native_filter, True] = float(shift + rng.normal(0, OLD_OFFSET_MAG))
    colour_rng, = rng.spawn(1)  # one of its own: what is drawn here moves nothing else
    colorterms = {key[:2]: float(colour_rng.normal(*COLORTERM)) for key in offsets if not key[2]}
    return Series(filter_name, np.array(breaks), np.array(level), np.array(slope), offsets, extinction, colorterms)


def with_dust(series: Series, spec: Spec) -> Series:
    """The series with slopes that are steeper in DUST_DAYS of each year."""
    if spec.dust_factor == 1:
        return series
    first = np.arange(DUST_FIRST_DAY, spec.n_nights, 365.25)
    breaks = np.unique(np.concatenate([series.breaks, first, first + DUST_DAYS]))
    here = np.searchsorted(series.breaks, breaks, side='right') - 1
    dusty = (breaks - DUST_FIRST_DAY) % 365.25 < DUST_DAYS
    slope = series.slope[here] * np.where(dusty & (breaks >= DUST_FIRST_DAY), spec.dust_factor, 1.0)
    before = series.level[:-1] + series.slope[:-1] * np.diff(series.breaks)
    steps = np.where(np.isin(breaks, series.breaks), np.append(0, series.level[1:] - before)[here], 0.0)
    level = series.level[0] + np.cumsum(steps) + np.append(0, np.cumsum(slope[:-1] * np.diff(breaks)))
    return replace(series, breaks=breaks, level=level, slope=slope)


def draw_slope(factor: float, rng: np.random.Generator) -> float:
    """Slope [mag/day]."""
    return -float(np.clip(rng.uniform(*SLOPE_MMAG_PER_MONTH) * factor, *SLOPE_MMAG_PER_MONTH)) / 1000 / DAYS_PER_MONTH


def draw_weather(spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Cloud of each night of a site [mag], 0 in clear ones: a Gaussian process with memory, cut at a level that swings
    with the season."""
    n = spec.n_nights
    latent = np.empty(n)
    kicks = rng.normal(size=n)
    latent[0] = kicks[0]
    for night in range(1, n):
        latent[night] = WEATHER_MEMORY * latent[night - 1] + np.sqrt(1 - WEATHER_MEMORY**2) * kicks[night]
    season = 1 + SEASON * np.cos(2 * np.pi * (np.arange(n) / 365.25 - rng.random()))
    quantile = np.argsort(np.argsort(latent)) / n
    cloudy = quantile < np.clip((1 - spec.photometric) * season, 0, 1)
    return np.where(cloudy, rng.exponential(CLOUD_MAG, n), 0.0)


# --- rows

def draw_rows(telescope: Telescope, series: Series, weather: np.ndarray, spec: Spec, longitude_deg: float,
              rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Rows of one telescope and filter: a dict of arrays, in order of time."""
    nights = np.flatnonzero(telescope.open_nights)
    counts = np.where(rng.random(len(nights)) < SINGLE_NIGHTS, 1, 2 + rng.poisson(ROWS_PER_NIGHT - 2, len(nights)))
    night = np.repeat(nights, 1 if spec.one_per_night else counts)
    day = np.clip(night + 0.5 + rng.normal(0, MIDNIGHT_SPREAD_DAYS, len(night)), night + 0.08, night + 0.92)
    order = np.argsort(day, kind='stable')
    night, day = night[order], day[order]
    camera, native, old, offset = draw_groups(telescope, series, night, rng)
    airmass = np.minimum(1 + rng.exponential(0.28, len(night)), 2.4)
    cloud = weather[night] * rng.gamma(CLOUD_SHAPE, 1 / CLOUD_SHAPE, len(night))
    zperr = np.clip(ZPERR_MAG[0] * np.exp(rng.normal(0, ZPERR_MAG[1], len(night))), 0.0008, 0.015)
    noise = rng.normal(size=len(night))
    k = series.extinction * (1 + spec.extinction_swing * np.cos(2 * np.pi * day / 365.25))
    zp = series.at(day) + offset - k * (airmass - 1) - cloud
    if spec.night_noise_mag:
        night_rng = np.random.default_rng([spec.seed, 3, *telescope.tag.encode()])
        zp += night_rng.normal(0, spec.night_noise_mag, spec.n_nights)[night]
    wild = rng.random(len(night)) < WILD_SHARE
    zp += np.where(wild, rng.choice([-1, 1], len(night)) * rng.uniform(*WILD_MAG, len(night)), 0.0)
    zpsig = ZPSIG_MAG[0] * np.exp(rng.normal(0, ZPSIG_MAG[1], len(night)))
    poor, blind = rng.random((2, len(night))) < UNUSABLE_SHARE
    colorterm = [series.colorterms[key] for key in zip(camera.tolist(), native.tolist(), strict=True)]
    stars = draw_stars(zperr, zpsig, colorterm, rng.spawn(1)[0])
    zp += noise * np.sqrt(np.maximum(NOISE_MAG**2 - stars['zperr']**2, 0)) + stars['zp_error']
    zpsig[poor] = rng.uniform(0.55, 0.9, np.count_nonzero(poor))
    zp[poor] += rng.normal(0, 0.3, np.count_nonzero(poor))
    return {'day': day - longitude_deg / 360 + 0.5, 'night': night, 'camera': camera, 'filter': native, 'old': old,
            'airmass': np.where(blind, np.nan, airmass), 'zp': zp, 'zpsig': zpsig, **stars,
            'zperr': np.where(old, np.nan, stars['zperr']), 'clear': (weather[night] == 0) & ~wild & ~poor}


def draw_stars(zperr: np.ndarray, zpsig: np.ndarray, colorterm: Sequence[float],
               rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What the stars of each frame make of zp and colour term: a dict of arrays (n,).

    zperr, zpsig, colorterm (n,) : error of zp at the mean colour if not for the number of stars; scatter of single
    stars; colour term of the camera.  Returns nstars, meancolor (g-i), colorterm and colortermerr, zperr and
    covariance at the pivot g-i = 1, and zp_error, the error of zp that was made there.
    """
    few = rng.random(len(zperr)) < SPARSE_SHARE
    least, most = np.where(few[:, None], SPARSE_STARS, STARS).T
    nstars = np.round(np.exp(rng.uniform(np.log(least), np.log(most)))).astype(int)
    offset = rng.normal(0, np.hypot(FIELD_COLOUR_MAG, STAR_COLOUR_MAG / np.sqrt(nstars)))  # from the pivot
    colortermerr = zpsig / STAR_COLOUR_MAG / np.sqrt(nstars)
    at_mean = np.maximum(zperr, zpsig / np.sqrt(nstars))
    colour_error = colortermerr * rng.normal(size=len(zperr))
    return {'nstars': nstars, 'meancolor': 1 + offset, 'colortermerr': colortermerr,
            'colorterm': colorterm + rng.normal(0, COLORTERM_OF_FRAMES, len(zperr)) + colour_error,
            'zperr': np.hypot(at_mean, offset * colortermerr), 'covariance': -offset * colortermerr**2,
            'zp_error': at_mean * rng.normal(size=len(zperr)) - offset * colour_error}


def draw_groups(telescope: Telescope, series: Series, night: np.ndarray,
                rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Camera, native filter, whether the row is an old one, and offset [mag] of each row, by night (n,)."""
    camera = np.full(len(night), telescope.cameras[0][0])
    for name, first, _ in telescope.cameras[1:]:
        both = (night >= first) & (night < telescope.cameras[0][2])
        camera[(night >= first) & (~both | (rng.random(len(night)) < 0.5))] = name
    native = np.full(len(night), series.filter)
    if telescope.native and series.filter == 'zp':
        native[rng.random(len(night)) < 0.35] = 'zs'
    old = night < telescope.old_until - 60 * rng.random(len(night))  # the last weeks were partly reduced again
    offset = np.array([series.offsets[key] for key in zip(camera.tolist(), native.tolist(), old.tolist(), strict=True)])
    return camera, native, old, offset


def simulate(spec: Spec, nature: Nature) -> Iterator[tuple[Telescope, ByFilter]]:
    """Yield (telescope, {filter: (Series, rows)}) for each telescope; the same for each seed and Spec.

    Raises ValueError for more telescopes than there are, or filters that are none.
    """
    if not 1 <= spec.telescopes <= len(TELESCOPES):
        raise ValueError(f'{spec.telescopes} telescopes: there are 1 to {len(TELESCOPES)}')
    weather_seed, *seeds = np.random.SeedSequence(spec.seed).spawn(1 + len(TELESCOPES))
    sites = np.random.default_rng(weather_seed).spawn(len(nature.sites))
    skies = {}
    for site, rng in zip(sorted(nature.sites), sites, strict=True):
        extinction = {name: nature.extinction[name] * (1 + rng.normal(0, EXTINCTION_SPREAD)) for name in FILTER_FACTOR}
        skies[site] = draw_weather(spec, rng), extinction
    for number, seed in enumerate(seeds[:spec.telescopes]):
        rng = np.random.default_rng(seed)
        telescope = draw_telescope(number, spec, rng)
        weather, extinction = skies[telescope.site]
        by_filter = {}
        for filter_name, filter_rng in zip(FILTER_FACTOR, rng.spawn(len(FILTER_FACTOR)), strict=True):
            if filter_name in spec.filters:
                series = draw_series(telescope, filter_name, extinction[filter_name], nature, filter_rng)
                longitude = nature.sites[telescope.site][1]
                series = with_dust(series, spec)
                by_filter[filter_name] = series, draw_rows(telescope, series, weather, spec, longitude, filter_rng)
        yield telescope, by_filter


# --- files

def times_of(rows: dict[str, np.ndarray], spec: Spec) -> np.ndarray:
    """UTC of rows, datetime64[ms]; day 0 is the date `spec.start` at 0 h UTC, noon of the site at day 0.5 - lon/360."""
    return np.datetime64(spec.start, 'ms') + np.round(rows['day'] * 86_400_000).astype('timedelta64[ms]')


def database_rows(telescope: Telescope, by_filter: ByFilter, spec: Spec, rng: np.random.Generator) -> Iterator[tuple]:
    """Rows of `lcophot` of one telescope, tuples in the order of COLUMNS."""
    rows = {key: np.concatenate([rows[key] for _, rows in by_filter.values()])
            for key in ('day', 'night', 'camera', 'filter', 'old', 'airmass', 'zp', 'zpsig', 'zperr', 'nstars',
                        'meancolor', 'colorterm', 'colortermerr', 'covariance')}
    order = np.argsort(rows['day'], kind='stable')
    rows = {key: values[order] for key, values in rows.items()}
    n = len(order)
    dayobs = np.datetime_as_string(np.datetime64(spec.start, 'D') + rows['night']).tolist()
    first = np.searchsorted(rows['night'], rows['night'])
    # The number in a name counts the frames of the night, whichever camera took them.
    frames = [f'{telescope.site}{telescope.tag}-{camera}-{date[:4]}{date[5:7]}{date[8:]}-{number:04d}'
              for camera, date, number in zip(rows['camera'].tolist(), dayobs, (np.arange(n) - first + 1).tolist(),
                                              strict=True)]
    dateobs = np.char.replace(np.datetime_as_string(times_of(rows, spec)), 'T', ' ').tolist()
    old = rows['old']
    new = {key: plain(np.where(old, np.nan, rows[key]), 8) for key in ('colortermerr', 'covariance', 'meancolor')}
    nmatched = np.round(rows['nstars'] * rng.uniform(1.2, 3, n)).astype(int)
    columns = [
        [frame + '-e91.fits.fz' for frame in frames], dateobs, [telescope.site] * n, [telescope.enclosure] * n,
        [telescope.telescope] * n, rows['camera'].tolist(), rows['filter'].tolist(), plain(rows['airmass']),
        plain(rows['zp']), plain(rows['colorterm'], 8), plain(rows['zpsig']), plain(rows['zperr']),
        new['colortermerr'], plain(np.where(old, np.nan, 1.0)), rows['nstars'].tolist(),
        rng.choice([30.0, 60.0, 120.0, 300.0], n).tolist(), new['covariance'], [None if o else 0 for o in old],
        [None if o else 1 for o in old], plain(np.where(old, np.nan, rng.uniform(0, 1.5, n))),
        [None if o else number for o, number in zip(old, nmatched.tolist(), strict=True)], new['meancolor'], dateobs,
        frames]
    return zip(*columns, strict=True)


def plain(values: np.ndarray, decimals: int = 5) -> list[float | None]:
    """Values of a float array as SQLite takes them: rounded (to 0.01 mmag), NaN as None."""
    return [None if value != value else value for value in np.round(values, decimals).tolist()]


def write_database(file: Path | str, fleet: Sequence[tuple[Telescope, ByFilter]], spec: Spec) -> int:
    """Write rows of (telescope, by_filter) pairs into the table lcophot of an SQLite file that has it; how many."""
    statement = f'INSERT INTO lcophot ({",".join(COLUMNS)}) VALUES ({",".join("?" * len(COLUMNS))})'  # noqa: S608
    rngs = np.random.default_rng([spec.seed, 1]).spawn(len(fleet))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute('PRAGMA synchronous = OFF')
        if connection.execute('SELECT 1 FROM lcophot LIMIT 1').fetchone():
            raise ValueError(f'{file} has rows already: name a new database')
        # Indexes are made again afterwards: faster than to keep them up row by row.
        indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE tbl_name = 'lcophot' "
                                     "AND type = 'index' AND sql IS NOT NULL").fetchall()
        for name, _ in indexes:
            connection.execute(f'DROP INDEX "{name}"')
        written = 0
        for (telescope, by_filter), rng in zip(fleet, rngs, strict=True):
            written += connection.executemany(statement, database_rows(telescope, by_filter, spec, rng)).rowcount
        for _, sql in indexes:
            connection.execute(sql)
    return written


def date_of(day: float, spec: Spec) -> str:
    """The date of a day as text."""
    return str(np.datetime64(spec.start, 'D') + np.timedelta64(int(day), 'D'))


def truth_of_telescope(telescope: Telescope, by_filter: ByFilter, spec: Spec, longitude_deg: float) -> dict[str, Any]:
    """Truth of one telescope for JSON."""
    noon = 0.5 - longitude_deg / 360  # of day 0, in days after 0 h UTC
    series = {}
    for name, (truth, rows) in by_filter.items():
        starts = [str(np.datetime64(spec.start, 's') + np.timedelta64(round((day + noon) * 86400), 's'))
                  for day in truth.breaks]
        series[name] = {
            'pieces': [{'start': start, 'zp': round(float(level), 6), 'slope_mag_per_month':
                        round(float(slope) * DAYS_PER_MONTH, 7)}
                       for start, level, slope in zip(starts, truth.level, truth.slope, strict=True)],
            'steps': [{'date': date_of(event.day, spec), 'kind': event.kind, 'recorded': event.recorded,
                       'size': round(event.size_in(name), 6)} for event in telescope.events],
            'offsets': [{'camera': camera, 'filter': native, 'old': old, 'offset': round(offset, 6)}
                        for (camera, native, old), offset in truth.offsets.items()],
            'colorterms': [{'camera': camera, 'filter': native, 'colorterm': round(value, 6)}
                           for (camera, native), value in truth.colorterms.items()],
            'extinction': round(truth.extinction, 5), 'rows': len(rows['zp']),
            'clear_nights': [date_of(night, spec) for night in np.unique(rows['night'][rows['clear']])]}
    cameras = [{'camera': camera, 'from': date_of(first, spec), 'until': date_of(last, spec)}
               for camera, first, last in telescope.cameras]
    return {'telescope': telescope.name, 'cameras': cameras, 'series': series}


def write_truth(path: Path, fleet: Sequence[tuple[Telescope, ByFilter]], spec: Spec, nature: Nature) -> None:
    """Write truth as JSON, and beside it the list of events as CSV and an overlay of observatory.toml that names it."""
    records = {telescope.name: truth_of_telescope(telescope, by_filter, spec, nature.sites[telescope.site][1])
               for telescope, by_filter in fleet}
    settings = {'seed': spec.seed, 'start': spec.start, 'years': spec.years, 'photometric': spec.photometric,
                'one_per_night': spec.one_per_night}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({'settings': settings, 'telescopes': records}, indent=1) + '\n', encoding='utf-8')
    events = [f'{telescope.name},{date_of(event.day, spec)},{event.kind},simulated'
              for telescope, _ in fleet for event in telescope.events if event.recorded]
    table = path.with_name(f'{path.stem}-events.csv')
    table.write_text('\n'.join(['telescope,date,kind,note', *events]) + '\n', encoding='utf-8')
    path.with_name(OVERLAY_NAME).write_text(
        f'# The telescopes of simulated years and their events.\nevents = "{table.name}"\n'
        f'telescopes = {json.dumps([telescope.name for telescope, _ in fleet])}\n', encoding='utf-8')
