"""Zeropoints as the frames of simulated years give them: weather, noise, stars, cameras, and rows that are not usable.

It is described in `years`, points 3 to 5.
"""

from collections.abc import Sequence

import numpy as np

from simulation.fleet import TrueSeries, TrueTelescope, YearsSpec

_CLOUD_MAG = 0.3  # mean depth
_CLOUD_SHAPE = 4.0  # of the Gamma distribution of frames in a cloudy night about its depth: spread 50%
_WEATHER_MEMORY, _SEASON = 0.6, 0.35  # correlation from night to night; relative swing of the share of cloudy nights
_NOISE_MAG = 0.020
_ZPERR_MAG = (0.004, 0.4)  # median, and spread of its logarithm
_ZPSIG_MAG = (0.045, 0.3)
_WILD_SHARE, _WILD_MAG = 0.01, (0.2, 3.0)
_UNUSABLE_SHARE = 0.01
_COLORTERM_OF_FRAMES = 0.003  # spread of the frames of a camera
_SPARSE_SHARE = 0.15  # of frames with the fewer stars
_STARS, _SPARSE_STARS = (40, 400), (10, 40)
# Stars scatter by 0.6 mag in g-i, and the means of fields by 0.25 mag besides: as in simulated frames.
_STAR_COLOUR_MAG, _FIELD_COLOUR_MAG = 0.6, 0.25
_SINGLE_NIGHTS = 0.12
_ROWS_PER_NIGHT = 5.65  # in nights with more than one: 550,000 rows for 22 telescopes, 4 years, 4 filters
_MIDNIGHT_SPREAD_DAYS = 0.18

# Columns of rows: day (after 0 h UTC of the first date), night (its number), camera, filter, old (bool), airmass, zp,
# zpsig, zperr, clear (bool), and those of the stars: nstars, meancolor, colorterm, colortermerr, covariance (of zp and
# colorterm) and zp_error (their part in zp).
Rows = dict[str, np.ndarray]
ByFilter = dict[str, tuple[TrueSeries, Rows]]  # truth and rows of a telescope


def draw_weather(spec: YearsSpec, rng: np.random.Generator) -> np.ndarray:
    """Draw the clouds of a site: a Gaussian process with memory, cut at a level that swings with the season.

    Parameters
    ----------
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    ndarray (n_nights,)
        Dimming of each night [mag], 0 in clear ones.
    """
    n = spec.n_nights
    latent = np.empty(n)
    kicks = rng.normal(size=n)
    latent[0] = kicks[0]
    for night in range(1, n):
        latent[night] = _WEATHER_MEMORY * latent[night - 1] + np.sqrt(1 - _WEATHER_MEMORY**2) * kicks[night]
    season = 1 + _SEASON * np.cos(2 * np.pi * (np.arange(n) / 365.25 - rng.random()))
    quantile = np.argsort(np.argsort(latent)) / n
    cloudy = quantile < np.clip((1 - spec.photometric) * season, 0, 1)
    return np.where(cloudy, rng.exponential(_CLOUD_MAG, n), 0.0)


def draw_rows(telescope: TrueTelescope, series: TrueSeries, weather: np.ndarray, spec: YearsSpec,
              rng: np.random.Generator) -> Rows:
    """Draw the rows of one telescope and filter.

    Parameters
    ----------
    telescope : TrueTelescope
        The telescope.
    series : TrueSeries
        Its truth in the filter.
    weather : ndarray (n_nights,)
        Clouds of its site [mag].
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws but the noise of nights.

    Returns
    -------
    dict of ndarray (n,)
        Columns, in order of time.
    """
    night, day = _draw_times(telescope.open_nights, spec, rng)
    camera, native, old, offset = _draw_groups(telescope, series, night, rng)
    airmass, zp = _draw_air(series.at(day) + offset, series, day, weather[night], spec, rng)
    zperr, noise = _draw_noise(len(night), rng)
    wild = _draw_wild(len(night), rng)
    zp += _noise_of_nights(telescope, spec)[night]
    zp += wild
    zpsig = _ZPSIG_MAG[0] * np.exp(rng.normal(0, _ZPSIG_MAG[1], len(night)))
    poor, blind = rng.random((2, len(night))) < _UNUSABLE_SHARE
    colorterm = [series.colorterms[key] for key in zip(camera.tolist(), native.tolist(), strict=True)]
    stars = _draw_stars(zperr, zpsig, colorterm, rng.spawn(1)[0])
    zp += noise * np.sqrt(np.maximum(_NOISE_MAG**2 - stars['zperr']**2, 0)) + stars['zp_error']
    zpsig[poor] = rng.uniform(0.55, 0.9, np.count_nonzero(poor))
    zp[poor] += rng.normal(0, 0.3, np.count_nonzero(poor))
    return {'day': day - telescope.longitude_deg / 360 + 0.5, 'night': night, 'camera': camera, 'filter': native,
            'old': old, 'airmass': np.where(blind, np.nan, airmass), 'zp': zp, 'zpsig': zpsig, **stars,
            'zperr': np.where(old, np.nan, stars['zperr']), 'clear': (weather[night] == 0) & (wild == 0) & ~poor}


def _draw_times(open_nights: np.ndarray, spec: YearsSpec, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw night and day (time from the first noon) of each row, in order of time."""
    nights = np.flatnonzero(open_nights)
    counts = np.where(rng.random(len(nights)) < _SINGLE_NIGHTS, 1, 2 + rng.poisson(_ROWS_PER_NIGHT - 2, len(nights)))
    night = np.repeat(nights, 1 if spec.one_per_night else counts)
    day = np.clip(night + 0.5 + rng.normal(0, _MIDNIGHT_SPREAD_DAYS, len(night)), night + 0.08, night + 0.92)
    order = np.argsort(day, kind='stable')
    return night[order], day[order]


def _draw_air(zp: np.ndarray, series: TrueSeries, day: np.ndarray, cloud: np.ndarray, spec: YearsSpec,
              rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw airmass, and the zeropoints that air and the clouds of their nights leave."""
    airmass = np.minimum(1 + rng.exponential(0.28, len(zp)), 2.4)
    cloud = cloud * rng.gamma(_CLOUD_SHAPE, 1 / _CLOUD_SHAPE, len(zp))
    k = series.extinction * (1 + spec.extinction_swing * np.cos(2 * np.pi * day / 365.25))
    return airmass, zp - k * (airmass - 1) - cloud


def _draw_noise(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the least zperr [mag] of n frames, and noise in units of its sigma."""
    zperr = np.clip(_ZPERR_MAG[0] * np.exp(rng.normal(0, _ZPERR_MAG[1], n)), 0.0008, 0.015)
    return zperr, rng.normal(size=n)


def _draw_wild(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the gross errors of n frames [mag], 0 for most."""
    is_wild = rng.random(n) < _WILD_SHARE
    return np.where(is_wild, rng.choice([-1, 1], n) * rng.uniform(*_WILD_MAG, n), 0.0)


def _noise_of_nights(telescope: TrueTelescope, spec: YearsSpec) -> np.ndarray:
    """Grey scatter of the nights of a telescope [mag], the same in all filters."""
    rng = np.random.default_rng([spec.seed, 3, *telescope.tag.encode()])
    return rng.normal(0, spec.night_noise_mag, spec.n_nights)


def _draw_stars(zperr: np.ndarray, zpsig: np.ndarray, colorterm: Sequence[float],
                rng: np.random.Generator) -> Rows:
    """Draw the stars of frames and their part in zp and colour term, at the pivot g-i = 1; `zperr` is the least error
    of zp at the mean colour, `zpsig` the scatter of single stars, `colorterm` that of the camera, all (n,).
    """
    few = rng.random(len(zperr)) < _SPARSE_SHARE
    least, most = np.where(few[:, None], _SPARSE_STARS, _STARS).T
    nstars = np.round(np.exp(rng.uniform(np.log(least), np.log(most)))).astype(int)
    offset = rng.normal(0, np.hypot(_FIELD_COLOUR_MAG, _STAR_COLOUR_MAG / np.sqrt(nstars)))  # from the pivot
    colortermerr = zpsig / _STAR_COLOUR_MAG / np.sqrt(nstars)
    at_mean = np.maximum(zperr, zpsig / np.sqrt(nstars))
    colour_error = colortermerr * rng.normal(size=len(zperr))
    return {'nstars': nstars, 'meancolor': 1 + offset, 'colortermerr': colortermerr,
            'colorterm': colorterm + rng.normal(0, _COLORTERM_OF_FRAMES, len(zperr)) + colour_error,
            'zperr': np.hypot(at_mean, offset * colortermerr), 'covariance': -offset * colortermerr**2,
            'zp_error': at_mean * rng.normal(size=len(zperr)) - offset * colour_error}


def _draw_groups(telescope: TrueTelescope, series: TrueSeries, night: np.ndarray,
                 rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw camera, native filter, whether it is old, and offset [mag] of each row, by its night (n,)."""
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
