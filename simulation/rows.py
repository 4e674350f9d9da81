"""Zeropoints as the frames of simulated years give them: noise, stars, cameras, and rows that are not usable.

It is described in `years`, points 4 and 5; what the frames are taken through is a `Sky`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from simulation.fleet import TrueSeries, TrueTelescope

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
_MIDNIGHT_SPREAD_DAYS = 0.18

# Columns of rows: day (after 0 h UTC of the first date), night (its number), camera, filter, old (bool), airmass, zp,
# zpsig, zperr, ra, dec [deg] and fwhm [arcsec] (NaN in ideal nights), and those of the stars: nstars, meancolor,
# colorterm, colortermerr, covariance (of zp and colorterm) and zp_error (their part in zp).
# Truth of rows: dimming by cloud [mag], noise (all else that is neither level nor error of the frame: night, dk, field,
# seeing) [mag], and clear (bool: no cloud, not wild, usable).
Rows = dict[str, np.ndarray]
ByFilter = dict[str, tuple[TrueSeries, Rows]]  # truth and rows of a telescope


@dataclass(frozen=True, kw_only=True)
class Air:
    """What air and telescope do to frames; arrays are (n,), and what is not known of a frame is NaN.

    Attributes
    ----------
    airmass : ndarray
        Airmass.
    extinction, dimming : ndarray
        By how much extinction above airmass 1, and clouds, dim the frames [mag].
    noise : ndarray
        What their nights, fields and seeing add to their zeropoints [mag].
    ra_deg, dec_deg, fwhm_arcsec : ndarray
        Pointing and seeing.
    """

    airmass: np.ndarray
    extinction: np.ndarray
    dimming: np.ndarray
    noise: np.ndarray
    ra_deg: np.ndarray
    dec_deg: np.ndarray
    fwhm_arcsec: np.ndarray


class Sky(Protocol):
    """What the frames of a telescope in one filter are taken through."""

    def draw_times(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw night and time of each row.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of all draws.

        Returns
        -------
        night, day : ndarray (n,)
            Number of the night, and time from the first noon, in order of time.
        """

    def draw_air(self, frames: dict[str, np.ndarray], rng: np.random.Generator) -> Air:
        """Draw what air and telescope do to frames.

        Parameters
        ----------
        frames : dict of ndarray (n,)
            Their night, day and camera.
        rng : numpy.random.Generator
            Source of all draws.

        Returns
        -------
        Air
            What they do.
        """


def draw_rows(telescope: TrueTelescope, series: TrueSeries, sky: Sky, rng: np.random.Generator) -> Rows:
    """Draw the rows of one telescope and filter.

    Parameters
    ----------
    telescope : TrueTelescope
        The telescope.
    series : TrueSeries
        Its truth in the filter.
    sky : Sky
        What its frames are taken through.
    rng : numpy.random.Generator
        Source of all draws but the noise of nights.

    Returns
    -------
    dict of ndarray (n,)
        Columns, in order of time; a row that is wild, or poor (large zpsig), is not clear.
    """
    night, day = sky.draw_times(rng)
    n = len(night)
    camera, native, old, offset = _draw_groups(telescope, series, night, rng)
    air = sky.draw_air({'night': night, 'day': day, 'camera': camera}, rng)
    zperr, noise = _draw_noise(n, rng)
    wild = _draw_wild(n, rng)
    zp = series.at(day) + offset - air.extinction - air.dimming + air.noise + wild
    zpsig = _ZPSIG_MAG[0] * np.exp(rng.normal(0, _ZPSIG_MAG[1], n))
    poor, blind = rng.random((2, n)) < _UNUSABLE_SHARE
    colorterm = [series.colorterms[key] for key in zip(camera.tolist(), native.tolist(), strict=True)]
    stars = _draw_stars(zperr, zpsig, colorterm, rng.spawn(1)[0])
    zp += noise * np.sqrt(np.maximum(_NOISE_MAG**2 - stars['zperr']**2, 0)) + stars['zp_error']
    zpsig[poor] = rng.uniform(0.55, 0.9, np.count_nonzero(poor))
    zp[poor] += rng.normal(0, 0.3, np.count_nonzero(poor))
    return {'day': day - telescope.longitude_deg / 360 + 0.5, 'night': night, 'camera': camera, 'filter': native,
            'old': old, 'airmass': np.where(blind, np.nan, air.airmass), 'zp': zp, 'zpsig': zpsig, **stars,
            'zperr': np.where(old, np.nan, stars['zperr']), 'clear': (air.dimming == 0) & (wild == 0) & ~poor,
            'dimming': air.dimming, 'noise': air.noise + series.extinction * (air.airmass - 1) - air.extinction,
            'ra': air.ra_deg, 'dec': air.dec_deg, 'fwhm': air.fwhm_arcsec}


def draw_midnights(night: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the times of frames, about midnight.

    Parameters
    ----------
    night : ndarray of int (n,)
        Their nights.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    night, day : ndarray (n,)
        Number of the night, and time from the first noon, in order of time.
    """
    day = np.clip(night + 0.5 + rng.normal(0, _MIDNIGHT_SPREAD_DAYS, len(night)), night + 0.08, night + 0.92)
    order = np.argsort(day, kind='stable')
    return night[order], day[order]


def _draw_noise(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the least zperr [mag] of n frames, and noise in units of its sigma."""
    zperr = np.clip(_ZPERR_MAG[0] * np.exp(rng.normal(0, _ZPERR_MAG[1], n)), 0.0008, 0.015)
    return zperr, rng.normal(size=n)


def _draw_wild(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the gross errors of n frames [mag], 0 for most."""
    is_wild = rng.random(n) < _WILD_SHARE
    return np.where(is_wild, rng.choice([-1, 1], n) * rng.uniform(*_WILD_MAG, n), 0.0)


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
