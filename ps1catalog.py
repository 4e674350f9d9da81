"""Reference stars from a local copy of the Pan-STARRS1 (PS1) catalogue, in the layout of WIYN-ODI's QuickReduce.

`SkyTable.fits` lists rectangular regions of the sky and the file that holds the stars of each.  What the catalogue
covers is what that table lists: another catalogue in this layout (ATLAS-REFCAT2, all sky) serves unchanged.
"""

import logging
import math
import os
import stat
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rejections import CatalogMissing

log = logging.getLogger('photzp.ps1catalog')

BANDS = ('g', 'r', 'i', 'z', 'y')

# Errors of builds without error columns [mag]: the mean-magnitude error of a bright PS1 star is below 0.01 mag, and
# 7-12 mmag is how far PS1 itself repeats (Magnier et al. 2020, ApJS 251, 6); what is more the fit finds as scatter.
ERROR_FLOOR_MAG = 0.01

# An error below this is none: no star has 1e10 photons, and a weight of more would overflow.
LEAST_ERROR_MAG = 1e-5

# Two rows nearer than this are the same star: well below the 1.1" seeing of PS1, well above its 5-20 mas astrometry.
DUPLICATE_ARCSEC = 0.3

# Three different region files in a row that are not there, with none read, are a lost mount, not a hole in a catalogue.
LOST_MOUNT_FILES = 3

# SDSS = PS1 - sum_i c_i (g-i)_PS1^i: Finkbeiner et al. 2016, ApJ 822, 66, Table 2.
PS1_TO_SDSS = {
    'g': (-0.01808, -0.13595, +0.01941, -0.00183),
    'r': (-0.01836, -0.03577, +0.02612, -0.00558),
    'i': (+0.01170, -0.00400, +0.00066, -0.00058),
    'z': (-0.01062, +0.07529, -0.03592, +0.00890),
}


@dataclass(frozen=True)
class ReferenceStars:
    """Stars of a cone, arrays of shape (n,).

    mag, mag_error : band -> magnitude [mag] and its error, nan where the catalogue has none.
    covered : the catalogue has a region here.  complete : all region files of the cone could be read.
    system : 'PS1' as in the files, 'SDSS' after ps1_to_sdss.
    """

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    mag: dict[str, np.ndarray]
    mag_error: dict[str, np.ndarray]
    covered: bool = True
    complete: bool = True
    system: str = 'PS1'

    def __len__(self) -> int:
        return len(self.ra_deg)

    def select(self, chosen: np.ndarray) -> 'ReferenceStars':
        """The stars of a boolean mask or index array."""
        return replace(self, ra_deg=self.ra_deg[chosen], dec_deg=self.dec_deg[chosen],
                       mag={band: mag[chosen] for band, mag in self.mag.items()},
                       mag_error={band: error[chosen] for band, error in self.mag_error.items()})


def ps1_to_sdss(stars: ReferenceStars, colour_range_mag: Sequence[float] = (0.4, 2.7)) -> ReferenceStars:
    """A new ReferenceStars in the SDSS system: g, r, i, z of the stars whose (g-i)_PS1 lies inside the range.

    Outside the range (not a star of the main sequence, or not covered by the polynomial) and where g or i is missing,
    the magnitudes are nan.  Errors are those of the band; the polynomial adds less than 0.2 of the colour's error.
    """
    if stars.system != 'PS1':
        raise ValueError(f'the stars are in the {stars.system} system already')
    colour = stars.mag['g'] - stars.mag['i']
    bluest, reddest = colour_range_mag
    colour = np.where((colour > bluest) & (colour < reddest), colour, np.nan)
    mag = {band: stars.mag[band] - np.polynomial.polynomial.polyval(colour, coefficients)
           for band, coefficients in PS1_TO_SDSS.items()}
    return replace(stars, mag=mag, mag_error={band: stars.mag_error[band] for band in mag}, system='SDSS')


class PS1Catalog:
    """The catalogue in a directory; the index is read once, region files are cached within `cache_bytes` of memory.

    Raises CatalogMissing where the directory has no index that can be read.
    """

    def __init__(self, directory: Path | str, *, cache_bytes: int = 512 * 2**20) -> None:
        self.directory = os.path.expanduser(os.fspath(directory))
        self._index = _read_index(self.directory)
        self._cache: OrderedDict[str, np.ndarray] = OrderedDict()
        self._cache_free = cache_bytes
        self._warned: set[str] = set()
        self._missing_in_a_row: set[str] = set()
        self._last_read: str | None = None

    def cone(self, ra_deg: float, dec_deg: float, radius_deg: float) -> ReferenceStars:
        """All stars within radius_deg of (ra_deg, dec_deg), true angular distance, as ReferenceStars.

        Right across RA 0/360 and at the poles.  A region file that is missing or broken is warned of once and leaves
        `complete` False.  Raises CatalogMissing when region after region is missing, as when a mount was lost.
        """
        names = self._index.overlapping(ra_deg, dec_deg, radius_deg)
        tables = [self._region(name) for name in names]
        read = [_in_cone(table, ra_deg, dec_deg, radius_deg) for table in tables if table is not None]
        rows = np.concatenate(read) if read else np.empty((0, 2 + 2 * len(BANDS)))
        if len(read) > 1:
            rows = rows[np.argsort(rows[:, 1], kind='stable')]
        rows = _merge_duplicates(rows)
        return ReferenceStars(
            rows[:, 0], rows[:, 1], {band: rows[:, 2 + n] for n, band in enumerate(BANDS)},
            {band: rows[:, 2 + len(BANDS) + n] for n, band in enumerate(BANDS)},
            covered=bool(names), complete=len(read) == len(names))

    def _region(self, name: str) -> np.ndarray | None:
        """Rows of one region sorted by declination, from the cache or from disk; None where it cannot be read."""
        if name in self._cache:
            self._cache.move_to_end(name)
            return self._cache[name]
        path = self._path(name)
        try:
            table = _read_region(path)
        except Exception as error:  # astropy meets damaged bytes with many kinds of exception
            self._note_unreadable(name, path, error)
            return None
        self._missing_in_a_row.clear()
        self._last_read = path
        self._keep(name, table)
        return table

    def _path(self, name: str) -> str:
        path = os.path.join(self.directory, name)
        return path if os.path.exists(path) or not os.path.exists(path + '.fits') else path + '.fits'

    def _keep(self, name: str, table: np.ndarray) -> None:
        """Put a region into the cache; the ones not used for longest make room.  A huge one is not kept at all."""
        while self._cache and self._cache_free < table.nbytes:
            self._cache_free += self._cache.popitem(last=False)[1].nbytes
        if table.nbytes <= self._cache_free:
            self._cache[name] = table
            self._cache_free -= table.nbytes

    def _note_unreadable(self, name: str, path: str, error: Exception) -> None:
        if name not in self._warned:
            self._warned.add(name)
            why = 'is missing' if isinstance(error, FileNotFoundError) else f'cannot be read ({error})'
            log.warning('reference catalogue: region file %s %s; fields there are measured with fewer stars, '
                        'and looked at again in the next run if rejected', path, why)
        if os.path.exists(path) and getattr(error, 'errno', None) is None:
            return  # its content is broken, but the mount is there
        self._missing_in_a_row.add(name)
        lost = self._last_read is None or not os.access(self._last_read, os.R_OK)
        if lost and len(self._missing_in_a_row) >= LOST_MOUNT_FILES:
            raise CatalogMissing(f'{self.directory}: {LOST_MOUNT_FILES} region files in a row are missing or may not '
                                 f'be read, last {path}; is the catalogue still mounted, and readable for this user?')


@dataclass(frozen=True)
class _Index:
    """Regions of SkyTable as arrays: centre and half-width in RA, limits in declination [deg], file name."""

    ra_centre: np.ndarray
    ra_half: np.ndarray
    dec_min: np.ndarray
    dec_max: np.ndarray
    name: np.ndarray

    def overlapping(self, ra_deg: float, dec_deg: float, radius_deg: float) -> tuple[str, ...]:
        """Names of the region files that a cone may touch, without repeats, in the order of the table.

        A cone of radius r about declination d spans asin(sin r / cos d) in RA on either side, everything if it
        holds a pole.
        """
        in_dec = (self.dec_max >= dec_deg - radius_deg) & (self.dec_min <= dec_deg + radius_deg)
        reach = math.sin(math.radians(min(radius_deg, 90.0))) / max(math.cos(math.radians(dec_deg)), 1e-12)
        half_span = math.degrees(math.asin(reach)) if reach < 1 and abs(dec_deg) + radius_deg < 90 else 180.0
        apart = np.abs((self.ra_centre - ra_deg + 180.0) % 360.0 - 180.0)
        touched = in_dec & (apart <= self.ra_half + half_span + 1e-9)
        return tuple(dict.fromkeys(self.name[touched].tolist()))


def _read_index(directory: str) -> '_Index':
    from astropy.io import fits

    path = os.path.join(directory, 'SkyTable.fits')
    advice = 'name the directory that holds SkyTable.fits by --ps1dir'
    if os.path.isdir(directory) and not os.access(directory, os.X_OK):
        raise CatalogMissing(f'{directory}: may not be read by this user; see its permissions, or {advice}')
    if not os.path.isfile(path):
        raise CatalogMissing(f'{path}: the reference catalogue has no SkyTable.fits here; {advice}')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with open(path, 'rb') as file, fits.open(file, memmap=False) as hdus:
                table = hdus['SKY_REGION' if 'SKY_REGION' in hdus else 1].data
                limits = [np.array(table[key], float) for key in ('R_MIN', 'R_MAX', 'D_MIN', 'D_MAX')]
                names = np.array([str(name).replace('\0', ' ').strip() for name in table['NAME']], dtype=object)
                upper = {name.upper(): name for name in table.names}
                parent = np.array(table[upper['PARENT']], float) if 'PARENT' in upper else np.ones(len(names))
    except Exception as error:
        raise CatalogMissing(f'{path}: cannot be read as a table SKY_REGION with R_MIN R_MAX D_MIN D_MAX NAME '
                             f'({type(error).__name__}: {error}); {advice}') from error
    # What is no angle is damage; left as it is, it would overflow below.
    r_min, r_max, dec_min, dec_max = (np.where(np.abs(each) <= 720, each, np.nan) for each in limits)
    # Names stay inside the catalogue, whatever the table says.
    inside = np.array([bool(name) and not os.path.isabs(name) and '..' not in name.split('/') for name in names], bool)
    width = np.where(r_max >= r_min, r_max - r_min, r_max - r_min + 360.0)  # a region may straddle RA 0
    real = inside & (parent > 0) & (parent < 25) & np.isfinite(width + dec_min + dec_max)
    if not real.any():
        raise CatalogMissing(f'{path}: lists no region file; {advice}')
    return _Index(((r_min + width / 2) % 360.0)[real], np.minimum(width / 2, 180.0)[real], dec_min[real], dec_max[real],
                  names[real])


def _read_region(path: str) -> np.ndarray:
    """(n, 2 + 2 * 5) array: RA, DEC, magnitudes, errors, sorted by DEC; what is no magnitude is nan."""
    from astropy.io import fits

    if not stat.S_ISREG(os.stat(path).st_mode):  # a FIFO would be waited for, for ever
        raise ValueError('it is not a regular file')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        warnings.filterwarnings('error', message='.*(truncated|corrupted)')
        with open(path, 'rb') as file, fits.open(file, memmap=False) as hdus:
            table = hdus[1].data
            there = {name.lower(): name for name in table.names}
            rows = np.full((len(table), 2 + 2 * len(BANDS)), np.nan)
            for n, key in enumerate(('ra', 'dec', *BANDS, *(f'{band}_err' for band in BANDS))):
                if key in there:
                    rows[:, n] = table[there[key]]
                elif key in ('ra', 'dec', 'g', 'i'):
                    raise ValueError(f'the table has no column {key}')
    mags, errors = rows[:, 2:2 + len(BANDS)], rows[:, 2 + len(BANDS):]
    mags[~((mags > 0) & (mags < 40))] = np.nan  # sentinels: NaN, -999, 0
    errors[~((errors >= LEAST_ERROR_MAG) & (errors < 10))] = np.nan
    errors[np.isnan(errors) & np.isfinite(mags)] = ERROR_FLOOR_MAG
    np.copyto(errors, np.nan, where=np.isnan(mags))
    rows = rows[(np.abs(rows[:, 0]) <= 720) & (np.abs(rows[:, 1]) <= 90)]
    return rows[np.argsort(rows[:, 1], kind='stable')]


def _in_cone(rows: np.ndarray, ra_deg: float, dec_deg: float, radius_deg: float) -> np.ndarray:
    """Rows (sorted by declination) within the cone, by haversines, which stay exact for small distances."""
    first, last = np.searchsorted(rows[:, 1], [dec_deg - radius_deg, dec_deg + radius_deg + 1e-12])
    rows = rows[first:last]
    ra, dec = np.radians(rows[:, 0]), np.radians(rows[:, 1])
    ra0, dec0 = math.radians(ra_deg), math.radians(dec_deg)
    haversine = np.sin((dec - dec0) / 2) ** 2 + math.cos(dec0) * np.cos(dec) * np.sin((ra - ra0) / 2) ** 2
    return rows[haversine <= math.sin(math.radians(min(radius_deg, 180.0)) / 2) ** 2]


def _near_pairs(ra_deg: np.ndarray, dec_deg: np.ndarray, limit_arcsec: float) -> np.ndarray:
    """Indices (k, 2) of all pairs nearer than a small limit; positions (n,) sorted by declination.

    Each star is compared with the next in declination, the one after that, and so on, until all of those are too far.
    """
    limit = math.radians(limit_arcsec / 3600)
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    cos_dec = np.cos(dec)
    first, pairs = np.arange(len(ra)), [np.empty((0, 2), int)]
    for ahead in range(1, len(ra)):
        first = first[first < len(ra) - ahead]
        first = first[dec[first + ahead] - dec[first] <= limit]
        if not len(first):
            break
        second = first + ahead
        # Chord on the unit sphere: exact at the pole and across RA 0.
        chord2 = (4 * cos_dec[first] * cos_dec[second] * np.sin((ra[first] - ra[second]) / 2) ** 2
                  + (dec[first] - dec[second]) ** 2)
        near = chord2 <= limit**2
        pairs.append(np.stack([first[near], second[near]], axis=-1))
    return np.concatenate(pairs)


def _merge_duplicates(rows: np.ndarray) -> np.ndarray:
    """One row per star: of rows that are the same star, the one with most magnitudes, then the smaller errors.

    rows : sorted by declination.
    """
    if len(rows) < 2:
        return rows
    place = np.cumsum(np.append(True, np.any(rows[1:, :2] != rows[:-1, :2], axis=1)))
    if place[-1] < len(rows):  # copies of one star, which may be thousands: their pairs would be millions
        order = np.lexsort((_rank(rows), place))
        rows = rows[np.sort(order[np.append(True, np.diff(place[order]) > 0)])]
    pairs = _near_pairs(rows[:, 0], rows[:, 1], DUPLICATE_ARCSEC)
    if not len(pairs):
        return rows
    quality = _rank(rows)
    worse = np.where(quality[pairs[:, 0]] > quality[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    return np.delete(rows, worse, axis=0)


def _rank(rows: np.ndarray) -> np.ndarray:
    """Rank of each row among all, 0 for the best: the most magnitudes, then the smaller errors, then the first."""
    mags = np.isfinite(rows[:, 2:2 + len(BANDS)]).sum(axis=1)
    errors = np.nansum(rows[:, 2 + len(BANDS):], axis=1)
    return np.lexsort((np.arange(len(rows)), errors, -mags)).argsort()
