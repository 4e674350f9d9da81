"""Where the frames of real nights point, in which seeing, and what either does to their zeropoints.

Half of the frames are on three fields of each telescope, a quarter on one of 40 others, a quarter on fields that are
seen once; all are on fields that are high around midnight.  Each field has an offset per filter of 8 mmag rms (errors
of the catalogue: DECam's fields differ by 4 to 13 mmag), the same for all telescopes.  FWHM is lognormal about 1.8
arcsec with a spread of 25%, most of it from night to night; zeropoints of a camera change with its logarithm, by
0 +- 10 mmag per e-fold.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from simulation.fleet import FILTER_FACTOR, TrueTelescope, YearsSpec
from simulation.spec import SITES

_FIELD_MAG = 0.008
_STANDARD_FIELDS, _FAVOURITES, _OWN_FIELDS = 24, 3, 40
_SLOTS = 6  # parts of a night; the telescope stays on a field in each
_FAVOURITE_SHARE, _OWN_SHARE = 0.5, 0.25
_POINTING_DEG = 0.004  # of LCO's telescopes: some 10 arcsec
_DEC_DEG = (-29.0, 60.0)  # Pan-STARRS1 ends at -30
_FWHM_ARCSEC, _FWHM_OF_NIGHTS, _FWHM_OF_FRAMES = 1.8, 0.2, 0.15
_FWHM_SLOPE_MAG = 0.010
_EQUINOX_DAY = 80.0  # of the year; the sun is at right ascension 0
_GRID_DEG = 0.01  # centres closer than this are one field


@dataclass(frozen=True, kw_only=True)
class Pointings:
    """Fields and seeing of a telescope.

    Attributes
    ----------
    ra_deg, dec_deg : ndarray (n_nights, slots)
        Centre of the field in each part of each night.
    fwhm_night : ndarray (n_nights,)
        Logarithm of the seeing of a night, relative to its median.
    fwhm_slope : dict
        Change of zeropoint per e-fold of FWHM [mag] by camera.
    """

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    fwhm_night: np.ndarray
    fwhm_slope: dict[str, float]


def draw_pointings(telescope: TrueTelescope, spec: YearsSpec, rng: np.random.Generator) -> Pointings:
    """Draw fields and seeing of a telescope.

    Parameters
    ----------
    telescope : TrueTelescope
        The telescope.
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws but those of the fields that all telescopes may use.

    Returns
    -------
    Pointings
        Fields and seeing.
    """
    n = spec.n_nights
    latitude = SITES[telescope.site][0]
    favourites = _draw_favourites(latitude, spec, rng)
    own = _draw_fields(_OWN_FIELDS, latitude, rng)
    midnight = _midnight_ra(spec)
    shape = (n, _SLOTS)
    ra = (midnight[:, None] + rng.uniform(-60, 60, shape)) % 360
    dec = np.clip(latitude + rng.uniform(-40, 40, shape), *_DEC_DEG)
    chance = rng.random(shape)
    for fields, here in ((favourites, chance < _FAVOURITE_SHARE),
                         (own, (chance >= _FAVOURITE_SHARE) & (chance < _FAVOURITE_SHARE + _OWN_SHARE))):
        chosen = _draw_visible(fields[:, 0], midnight, rng)[here]
        ra[here], dec[here] = fields[chosen].T
    cameras = dict.fromkeys(name for name, *_ in telescope.cameras)
    return Pointings(ra_deg=ra, dec_deg=dec, fwhm_night=rng.normal(0, _FWHM_OF_NIGHTS, n),
                     fwhm_slope={name: float(rng.normal(0, _FWHM_SLOPE_MAG)) for name in cameras})


def _draw_fields(n: int, latitude: float, rng: np.random.Generator) -> np.ndarray:
    """Draw n fields (n, 2): right ascension and declination [deg]."""
    return np.column_stack([rng.uniform(0, 360, n), np.clip(latitude + rng.uniform(-40, 40, n), *_DEC_DEG)])


def _draw_favourites(latitude: float, spec: YearsSpec, rng: np.random.Generator) -> np.ndarray:
    """Draw the three fields of a telescope, of those that all may use: one in each third of the year (3, 2)."""
    shared = np.random.default_rng([spec.seed, 14])
    ra = np.linspace(0, 360, _STANDARD_FIELDS, endpoint=False) + shared.uniform(0, 10, _STANDARD_FIELDS)
    dec = shared.uniform(-25, 25, _STANDARD_FIELDS) + (5 if latitude > 0 else -4)
    each = _STANDARD_FIELDS // _FAVOURITES
    chosen = rng.integers(0, each) + each * np.arange(_FAVOURITES)
    return np.column_stack([ra, np.clip(dec, *_DEC_DEG)])[chosen]


def _midnight_ra(spec: YearsSpec) -> np.ndarray:
    """Right ascension that is highest at midnight [deg], by night."""
    nights = np.datetime64(spec.start, 'D') + np.arange(spec.n_nights)
    day = (nights - nights.astype('datetime64[Y]').astype('datetime64[D]')).astype(float)
    return ((day - _EQUINOX_DAY) * 360 / 365.25 + 180) % 360


def _draw_visible(ra: np.ndarray, midnight: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one of some fields for each slot of each night, int (n_nights, slots): mostly those that are high."""
    weight = 0.02 + (1 + np.cos(np.deg2rad(ra[None, :] - midnight[:, None]))) ** 3
    edges = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
    chance = rng.random((len(midnight), _SLOTS))
    return np.minimum((chance[:, :, None] > edges[:, None, :]).sum(axis=2), len(ra) - 1)


def field_offsets(ra_deg: np.ndarray, dec_deg: np.ndarray, filter_name: str, spec: YearsSpec) -> np.ndarray:
    """Offsets of fields: the same field has the same one, whoever observes it.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray (n,)
        Centres of fields.
    filter_name : str
        Key of FILTER_FACTOR.
    spec : YearsSpec
        Which years; another seed has other offsets.

    Returns
    -------
    ndarray (n,)
        In mag.
    """
    cell = (np.round(ra_deg / _GRID_DEG) * 100_003 + np.round((dec_deg + 90) / _GRID_DEG)).astype(np.uint64)
    number = list(FILTER_FACTOR).index(filter_name)
    mixed = _mixed(_mixed(cell) + np.uint64(spec.seed * 16 + number))
    return _FIELD_MAG * ndtri((mixed.astype(float) + 0.5) / 2.0**64 * (1 - 1e-12) + 5e-13)


def _mixed(value: np.ndarray) -> np.ndarray:
    """Hash of 64 bits (finaliser of splitmix64, Steele, Lea and Flood 2014), as no generator starts from 10^5 seeds."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@dataclass(frozen=True, kw_only=True)
class FramePointings:
    """Pointing and seeing of frames.

    Attributes
    ----------
    ra_deg, dec_deg, fwhm_arcsec : ndarray (n,)
        As rows have them.
    effect : ndarray (n,)
        What field and seeing do to the zeropoint [mag].
    """

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    fwhm_arcsec: np.ndarray
    effect: np.ndarray


def point_frames(pointings: Pointings, frames: dict[str, np.ndarray], filter_name: str, spec: YearsSpec,
                 rng: np.random.Generator) -> FramePointings:
    """Point frames.

    Parameters
    ----------
    pointings : Pointings
        Of their telescope.
    frames : dict of ndarray (n,)
        Their night, day (from the first noon) and camera.
    filter_name : str
        Key of FILTER_FACTOR.
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    FramePointings
        Where they point, in which seeing.
    """
    night = frames['night']
    slot = np.clip(((frames['day'] - night - 0.25) / 0.5 * _SLOTS).astype(int), 0, _SLOTS - 1)
    ra, dec = pointings.ra_deg[night, slot], pointings.dec_deg[night, slot]
    of_frames = pointings.fwhm_night[night] + rng.normal(0, _FWHM_OF_FRAMES, len(night))
    slope = np.array([pointings.fwhm_slope[name] for name in frames['camera'].tolist()])
    shift = rng.normal(0, _POINTING_DEG, (2, len(night)))
    return FramePointings(
        ra_deg=(ra + shift[0] / np.cos(np.deg2rad(dec))) % 360, dec_deg=dec + shift[1],
        fwhm_arcsec=_FWHM_ARCSEC * np.exp(of_frames),
        effect=field_offsets(ra, dec, filter_name, spec) + slope * of_frames)
