"""The air over a site in real nights: extinction of each night, haze, and clouds that all its telescopes share.

Extinction: each night differs from the mean of the years by dk, which dims a frame by dk X.  Its parts are

- 0.008 mag/airmass rms in r, proportional to wavelength^-1.3 (aerosol), correlated over 4 days;
- a yearly swing of 10 to 25% of k, highest in the middle of summer, so opposite in the hemispheres;
- haze, now and then: of weeks, and more rarely of months, 0.01 to 0.04 mag/airmass in r.

Clouds are grey.  A third of the cloudy nights are even, so that all frames are dimmed by the same; a quarter are clear
for half their length; else the depth differs from frame to frame.  Depths are lognormal with a median of 0.08 mag, so
that some are of 10 mmag.  In wet seasons of 100 days 5 to 10% of the nights are clear.  Now and then a veil lies evenly
over the site for weeks, in clear and cloudy nights.

How much of all this there is follows what DECam's nights of the DES supernova fields show (scatter of clear nights and
its correlation between filters and days) and what users of real series report; the rest is chosen so that each case is
met in a fleet of four years.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulation.fleet import FILTER_FACTOR, YearsSpec
from simulation.spec import EXTINCTION, SITES

_K_SPREAD = 0.1  # of the adopted value, between sites; that of ideal nights
_WAVELENGTH_UM = {'gp': 0.48, 'rp': 0.62, 'ip': 0.755, 'zp': 0.87}  # effective ones of SDSS, to two digits
_AEROSOL_EXPONENT = -1.3  # Angstrom's classical value
_NIGHTLY_K, _NIGHTLY_DAYS = 0.008, 4.0  # in r [mag/airmass], and the time in which it is forgotten
_SWING = (0.10, 0.25)
_SUMMER = {True: 196.0, False: 13.5}  # day of the year, in the north and in the south
_SUMMER_SPREAD_DAYS = 20.0
_HAZE_K = (0.01, 0.04)  # in r [mag/airmass]
_HAZE = ((0.6, 14, 40), (0.15, 60, 150))  # how many a year, and how long [days]
_MEMORY, _SEASON = 0.6, 0.35  # of clouds, as in ideal nights
_CLOUD_MAG = (0.08, 1.0)  # median, and spread of its logarithm
_EVEN_SHARE, _HALF_SHARE = 1 / 3, 1 / 4  # of cloudy nights
_FRAMES_SHAPE = 2.0  # of the Gamma distribution of frames about the depth of their night: spread 70%
_TURN = (0.4, 0.6)  # part of the day from noon at which half nights change
_WET_DAYS, _WET_CLEAR, _WET_CHANCE = 100, (0.05, 0.10), 0.3
_VEIL_DAYS, _VEIL_MAG, _VEIL_CHANCE = (14, 35), (0.02, 0.10), 0.25
CLEAR, EVEN, HALF, UNEVEN = range(4)


@dataclass(frozen=True, kw_only=True)
class SiteWeather:
    """The air over a site.

    Attributes
    ----------
    extinction : dict
        Mean over the years [mag/airmass] by filter.
    excess : dict
        What each night has beyond it [mag/airmass] by filter, (n_nights,) each; 0 on average.
    kind : ndarray of int (n_nights,)
        CLEAR, EVEN, HALF or UNEVEN.
    depth : ndarray (n_nights,)
        Of the clouds [mag]; 0 in clear nights.
    veil : ndarray (n_nights,)
        Dimming of the whole night by a veil of weeks [mag].
    turn : ndarray (n_nights,)
        When half nights change: part of the day from noon, negative where clouds come first.
    wet : ndarray of bool (n_nights,)
        Nights of wet seasons.
    """

    extinction: dict[str, float]
    excess: dict[str, np.ndarray]
    kind: np.ndarray
    depth: np.ndarray
    veil: np.ndarray
    turn: np.ndarray
    wet: np.ndarray

    def draw_dimming(self, night: np.ndarray, day: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw how much clouds dim frames.

        Parameters
        ----------
        night : ndarray of int (n,)
            Their nights.
        day : ndarray (n,)
            Their times from the first noon.
        rng : numpy.random.Generator
            Source of all draws.

        Returns
        -------
        ndarray (n,)
            In mag; 0 without cloud.
        """
        uneven = rng.gamma(_FRAMES_SHAPE, 1 / _FRAMES_SHAPE, len(night))
        cloud = self.depth[night] * np.where(self.kind[night] == EVEN, 1.0, uneven)
        turn = self.turn[night]
        is_late = day - night > np.abs(turn)
        is_clear = (self.kind[night] == HALF) & (is_late == (turn < 0))
        return self.veil[night] + np.where(is_clear, 0.0, cloud)


def draw_site_weather(site: str, spec: YearsSpec, rng: np.random.Generator) -> SiteWeather:
    """Draw the air over a site.

    Parameters
    ----------
    site : str
        Key of `spec.SITES`.
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    SiteWeather
        The air.
    """
    n = spec.n_nights
    k_rng, cloud_rng, wet_rng, veil_rng = rng.spawn(4)
    extinction = {name: EXTINCTION[name] * (1 + k_rng.normal(0, _K_SPREAD)) for name in FILTER_FACTOR}
    wet = _draw_wet(spec, wet_rng)
    cloudy = _draw_cloudy(spec, wet, wet_rng, cloud_rng)
    chance = cloud_rng.random(n)
    kind = np.select([~cloudy, chance < _EVEN_SHARE, chance < _EVEN_SHARE + _HALF_SHARE], [CLEAR, EVEN, HALF], UNEVEN)
    depth = _CLOUD_MAG[0] * np.exp(cloud_rng.normal(0, _CLOUD_MAG[1], n))
    turn = cloud_rng.uniform(*_TURN, n) * cloud_rng.choice([-1, 1], n)
    return SiteWeather(extinction=extinction, excess=_draw_excess(site, extinction, spec, k_rng), kind=kind,
                       depth=np.where(cloudy, depth, 0.0), veil=_draw_veil(spec, veil_rng), turn=turn, wet=wet)


def remembering(n: int, days: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a Gaussian process of variance 1 that forgets exponentially (Ornstein-Uhlenbeck).

    Parameters
    ----------
    n : int
        Number of nights.
    days : float
        Time after which the correlation is 1/e.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    ndarray (n,)
        Of each night.
    """
    memory = np.exp(-1 / days)
    kicks = rng.normal(size=n) * np.append(1.0, np.full(n - 1, np.sqrt(1 - memory**2)))
    values = np.empty(n)
    last = 0.0
    for night, kick in enumerate(kicks.tolist()):
        last = memory * last + kick
        values[night] = last
    return values


def _day_of_year(spec: YearsSpec) -> np.ndarray:
    """Day of the year of each night."""
    nights = np.datetime64(spec.start, 'D') + np.arange(spec.n_nights)
    return (nights - nights.astype('datetime64[Y]').astype('datetime64[D]')).astype(float)


def _draw_excess(site: str, extinction: dict[str, float], spec: YearsSpec,
                 rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw dk of each night by filter [mag/airmass]."""
    n = spec.n_nights
    peak = _SUMMER[SITES[site][0] > 0] + rng.normal(0, _SUMMER_SPREAD_DAYS)
    amplitude = rng.uniform(*_SWING)
    swing = (spec.extinction_swing or amplitude) * np.cos(2 * np.pi * (_day_of_year(spec) - peak) / 365.25)
    aerosol = _NIGHTLY_K * remembering(n, _NIGHTLY_DAYS, rng) + _draw_haze(spec, rng)
    excess = {}
    for name, k in extinction.items():
        factor = (_WAVELENGTH_UM[name] / _WAVELENGTH_UM['rp']) ** _AEROSOL_EXPONENT
        of_night = factor * aerosol + k * swing
        excess[name] = of_night - of_night.mean()
    return excess


def _draw_haze(spec: YearsSpec, rng: np.random.Generator) -> np.ndarray:
    """Draw the haze of each night in r [mag/airmass]: it comes in days and goes in a third of its time."""
    nights = np.arange(spec.n_nights, dtype=float)
    haze = np.zeros(spec.n_nights)
    for rate, shortest, longest in _HAZE:
        for start in rng.uniform(0, spec.n_nights, rng.poisson(rate * spec.years)):
            length, rise = rng.uniform(shortest, longest), rng.uniform(2, 5)
            shape = np.interp(nights, start + np.array([0, rise, 2 / 3 * length, length]), [0, 1, 1, 0])
            haze += rng.uniform(*_HAZE_K) * shape
    return haze


def _each_year(spec: YearsSpec, chance: float, forced: bool | None, rng: np.random.Generator) -> Iterator[int]:
    """Numbers of the years in which something happens: all or none where it is forced, else by chance."""
    for year in range(int(np.ceil(spec.years))):
        if rng.random() < (chance if forced is None else float(forced)):
            yield year


def _draw_wet(spec: YearsSpec, rng: np.random.Generator) -> np.ndarray:
    """Draw which nights are of wet seasons; these begin at about the same time of each year."""
    wet = np.zeros(spec.n_nights, bool)
    begins = rng.uniform(0, min(365.25, max(spec.n_nights - _WET_DAYS, 1)))
    for year in _each_year(spec, _WET_CHANCE, spec.wet, rng):
        first = max(int(begins + 365.25 * year + rng.normal(0, 10)), 0)
        wet[first:first + _WET_DAYS] = True
    return wet


def _draw_cloudy(spec: YearsSpec, wet: np.ndarray, wet_rng: np.random.Generator,
                 rng: np.random.Generator) -> np.ndarray:
    """Draw which nights have clouds, bool (n_nights,): spells, more of them in some season, and wet seasons."""
    n = spec.n_nights
    latent = remembering(n, -1 / np.log(_MEMORY), rng)
    season = 1 + _SEASON * np.cos(2 * np.pi * (np.arange(n) / 365.25 - rng.random()))
    share = np.clip((1 - spec.photometric) * season, 0, 1)
    cloudy = np.zeros(n, bool)
    cloudy[~wet] = _rank(latent[~wet]) < share[~wet]
    starts = np.flatnonzero(wet & ~np.append(False, wet[:-1]))
    for first, last in zip(starts, np.append(starts, n)[1:], strict=True):
        here = np.arange(first, last)[wet[first:last]]
        cloudy[here] = _rank(latent[here]) < 1 - wet_rng.uniform(*_WET_CLEAR)
    return cloudy


def _rank(values: np.ndarray) -> np.ndarray:
    """Rank of each value, 0 to 1."""
    return np.argsort(np.argsort(values)) / max(len(values), 1)


def _draw_veil(spec: YearsSpec, rng: np.random.Generator) -> np.ndarray:
    """Draw the veil of each night [mag]; it differs by a tenth from night to night."""
    veil = np.zeros(spec.n_nights)
    for year in _each_year(spec, _VEIL_CHANCE, spec.veil, rng):
        first = int(365.25 * year + rng.uniform(0, 365.25))
        length = int(rng.integers(*_VEIL_DAYS, endpoint=True))
        here = slice(first, first + length)
        veil[here] = rng.uniform(*_VEIL_MAG) * np.clip(rng.normal(1, 0.1, len(veil[here])), 0.5, 1.5)
    return veil
