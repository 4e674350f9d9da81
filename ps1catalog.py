"""Reference stars from a local copy of the Pan-STARRS1 (PS1) catalogue, in the layout of WIYN-ODI's QuickReduce.

`SkyTable.fits` lists rectangular regions of the sky and the file that holds the stars of each.  What the catalogue
covers is what that table lists: another catalogue in this layout (ATLAS-REFCAT2, all sky) serves unchanged.
"""

import logging
import math
import os
import stat
from collections import OrderedDict
from pathlib import Path

import numpy as np

from photzp.catalogues.reference import BANDS, ReferenceStars
from photzp.errors import CatalogMissing
from photzp.frames.fitsfile import FitsFile, Hdu
from photzp.frames.fitsheader import FitsInvalid

log = logging.getLogger('photzp.ps1catalog')

# Errors of builds without error columns [mag]: the mean-magnitude error of a bright PS1 star is below 0.01 mag, and
# 7-12 mmag is how far PS1 itself repeats (Magnier et al. 2020, ApJS 251, 6); what is more the fit finds as scatter.
ERROR_FLOOR_MAG = 0.01

# An error below this is none: no star has 1e10 photons, and a weight of more would overflow.
LEAST_ERROR_MAG = 1e-5

# Two rows nearer than this are the same star: well below the 1.1" seeing of PS1, well above its 5-20 mas astrometry.
DUPLICATE_ARCSEC = 0.3

# Three different region files in a row that are not there, with none read, are a lost mount, not a hole in a catalogue.
LOST_MOUNT_FILES = 3


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
        rows = read[0] if len(read) == 1 else _joined(read, ra_deg)
        return ReferenceStars(
            rows[:, 0], rows[:, 1], {band: rows[:, 2 + n] for n, band in enumerate(BANDS)},
            {band: rows[:, 2 + len(BANDS) + n] for n, band in enumerate(BANDS)},
            covered=bool(names), complete=len(read) == len(names))

    def _region(self, name: str) -> np.ndarray | None:
        """Rows of one region, see _read_region, from the cache or from disk; None where it cannot be read."""
        if name in self._cache:
            self._cache.move_to_end(name)
            return self._cache[name]
        path = self._path(name)
        try:
            table = _read_region(path)
        except (OSError, ValueError, FitsInvalid) as error:
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


class _Index:
    """Regions of SkyTable, arrays (n,) sorted by their lower limit in declination.

    ra_min, ra_max, dec_min, dec_max : limits [deg].  name : files, as bytes, padded as in the table.
    """

    def __init__(self, ra_min: np.ndarray, ra_max: np.ndarray, dec_min: np.ndarray, dec_max: np.ndarray,
                 name: np.ndarray) -> None:
        self._place = np.argsort(dec_min, kind='stable')  # in the table
        width = np.where(ra_max >= ra_min, ra_max - ra_min, ra_max - ra_min + 360.0)  # a region may straddle RA 0
        self._ra_centre = ((ra_min + width / 2) % 360.0)[self._place]
        self._ra_half = np.minimum(width / 2, 180.0)[self._place]
        self._dec_min, self._dec_max = dec_min[self._place], dec_max[self._place]
        self._name = name[self._place]
        self._tallest = np.max(dec_max - dec_min, initial=0.0)

    def overlapping(self, ra_deg: float, dec_deg: float, radius_deg: float) -> tuple[str, ...]:
        """Names of the region files that a cone may touch, without repeats, in the order of the table.

        A cone of radius r about declination d spans asin(sin r / cos d) in RA on either side, everything if it
        holds a pole.
        """
        south, north = dec_deg - radius_deg, dec_deg + radius_deg
        first, last = np.searchsorted(self._dec_min, [south - self._tallest - 1e-9, north + 1e-9])
        near = slice(first, last)
        reach = math.sin(math.radians(min(radius_deg, 90.0))) / max(math.cos(math.radians(dec_deg)), 1e-12)
        half_span = math.degrees(math.asin(reach)) if reach < 1 and abs(dec_deg) + radius_deg < 90 else 180.0
        apart = np.abs((self._ra_centre[near] - ra_deg + 180.0) % 360.0 - 180.0)
        touched = first + np.flatnonzero((self._dec_max[near] >= south)
                                         & (apart <= self._ra_half[near] + half_span + 1e-9))
        touched = touched[np.argsort(self._place[touched])]
        names = (_file_name(name) for name in self._name[touched].tolist())
        return tuple(dict.fromkeys(name for name in names if name))


def _file_name(padded: bytes) -> str:
    """A name of SkyTable without what it is padded with; '' for one that would lead out of the catalogue."""
    name = padded.decode('ascii', 'replace').replace('\0', ' ').strip()
    return '' if os.path.isabs(name) or '..' in name.split('/') else name


def _read_index(directory: str) -> _Index:
    path = os.path.join(directory, 'SkyTable.fits')
    advice = 'name the directory that holds SkyTable.fits by --ps1dir'
    if os.path.isdir(directory) and not os.access(directory, os.X_OK):
        raise CatalogMissing(f'{directory}: may not be read by this user; see its permissions, or {advice}')
    if not os.path.isfile(path):
        raise CatalogMissing(f'{path}: the reference catalogue has no SkyTable.fits here; {advice}')
    try:
        with open(path, 'rb', buffering=0) as file:
            fits = FitsFile(file)
            table = fits.read_table(fits.find('SKY_REGION') or _first_extension(fits))
        limits = [table.numbers(key) for key in ('r_min', 'r_max', 'd_min', 'd_max')]
        names = table.text('name')
        parent = table.numbers('parent') if 'parent' in table else np.ones(len(table))
    except (OSError, ValueError, KeyError, FitsInvalid) as error:
        raise CatalogMissing(f'{path}: cannot be read as a table SKY_REGION with R_MIN R_MAX D_MIN D_MAX NAME '
                             f'({type(error).__name__}: {error}); {advice}') from error
    # What is no angle is damage; left as it is, it would overflow below.
    limits = [np.where(np.abs(limit) <= 720, limit, np.nan) for limit in limits]
    real = (parent > 0) & (parent < 25) & np.isfinite(limits).all(axis=0)
    if not any(_file_name(name) for name in names[real].tolist()):
        raise CatalogMissing(f'{path}: lists no region file; {advice}')
    r_min, r_max, d_min, d_max = (limit[real] for limit in limits)
    return _Index(r_min, r_max, d_min, d_max, names[real])


def _first_extension(fits: FitsFile) -> Hdu:
    hdus = iter(fits)
    next(hdus)
    for hdu in hdus:
        return hdu
    raise FitsInvalid('the file has no extension')


def _read_region(path: str) -> np.ndarray:
    """(n, 2 + 2 * 5) array: RA, DEC, magnitudes, errors, sorted by DEC, each star once; what is no magnitude is nan."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # a FIFO would be waited for, for ever
        raise ValueError('it is not a regular file')
    with open(path, 'rb', buffering=0) as file:
        fits = FitsFile(file)
        table = fits.read_table(_first_extension(fits))
    rows = np.full((len(table), 2 + 2 * len(BANDS)), np.nan)
    for n, key in enumerate(('ra', 'dec', *BANDS, *(f'{band}_err' for band in BANDS))):
        if key in table:
            rows[:, n] = table.numbers(key)
        elif key in ('ra', 'dec', 'g', 'i'):
            raise ValueError(f'the table has no column {key}')
    mags, errors = rows[:, 2:2 + len(BANDS)], rows[:, 2 + len(BANDS):]
    mags[~((mags > 0) & (mags < 40))] = np.nan  # sentinels: NaN, -999, 0
    errors[~((errors >= LEAST_ERROR_MAG) & (errors < 10))] = np.nan
    errors[np.isnan(errors) & np.isfinite(mags)] = ERROR_FLOOR_MAG
    np.copyto(errors, np.nan, where=np.isnan(mags))
    rows = rows[(np.abs(rows[:, 0]) <= 720) & (np.abs(rows[:, 1]) <= 90)]
    rows = rows[np.argsort(rows[:, 1], kind='stable')]
    return np.delete(rows, _worse_duplicates(rows), axis=0)


def _in_cone(rows: np.ndarray, ra_deg: float, dec_deg: float, radius_deg: float) -> np.ndarray:
    """Rows (sorted by declination) within the cone, by haversines, which stay exact for small distances."""
    first, last = np.searchsorted(rows[:, 1], [dec_deg - radius_deg, dec_deg + radius_deg + 1e-12])
    ra, dec = rows[first:last, 0], rows[first:last, 1]
    half_ra = np.abs(np.sin(np.radians(ra - ra_deg) / 2))
    dec, dec0 = np.radians(dec), math.radians(dec_deg)
    haversine = np.sin((dec - dec0) / 2) ** 2 + math.cos(dec0) * np.cos(dec) * half_ra**2
    limit = math.sin(math.radians(min(radius_deg, 180.0)) / 2) ** 2
    return rows[first + np.flatnonzero(haversine <= limit)]


def _joined(tables: list[np.ndarray], ra_deg: float) -> np.ndarray:
    """Rows of several regions, with a star that several of them list only once.  Each region lists it once."""
    if not tables:
        return np.empty((0, 2 + 2 * len(BANDS)))
    rows = np.concatenate(tables)
    shared = np.flatnonzero(_in_overlap(tables, ra_deg))
    shared = shared[np.argsort(rows[shared, 1], kind='stable')]
    return np.delete(rows, shared[_worse_duplicates(rows[shared])], axis=0)


def _in_overlap(tables: list[np.ndarray], ra_deg: float) -> np.ndarray:
    """Mask over the rows of all regions: which lie within the limits of another one in RA and declination.

    RA is counted from ra_deg.  Limits are those of the rows themselves, a little widened.
    """
    ra, dec = (np.concatenate([table[:, n] for table in tables]) for n in (0, 1))
    ra = (ra - ra_deg + 180.0) % 360.0
    margin = 2 * DUPLICATE_ARCSEC / 3600
    margin_ra = margin / max(math.cos(math.radians(np.abs(dec).max(initial=0.0))), 1e-9)
    shared, end = np.zeros(len(ra), bool), 0
    for own in (slice(end, end := end + len(table)) for table in tables if len(table)):
        west, south = ra[own].min() - margin_ra, dec[own].min() - margin
        width, height = ra[own].max() - west + margin_ra, dec[own].max() - south + margin
        inside = ((ra - west) % 360.0 <= width) & (np.abs(dec - south - height / 2) <= height / 2)
        inside[own] = False
        shared |= inside
    return shared


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


def _worse_duplicates(rows: np.ndarray) -> np.ndarray:
    """Indices of rows that are a star of which there is a better row: one with more magnitudes, then smaller errors.

    rows : sorted by declination.
    """
    if len(rows) < 2:
        return np.empty(0, int)
    mags = np.isfinite(rows[:, 2:2 + len(BANDS)]).sum(axis=1)
    errors = np.nansum(rows[:, 2 + len(BANDS):], axis=1)
    quality = np.lexsort((np.arange(len(rows)), errors, -mags)).argsort()  # 0 is best
    # Copies of one star may be thousands, whose pairs would be millions: all but the best are set aside beforehand.
    place = np.cumsum(np.append(True, np.any(rows[1:, :2] != rows[:-1, :2], axis=1)))
    order = np.lexsort((quality, place))
    copies = order[np.append(False, np.diff(place[order]) == 0)]
    kept = np.delete(np.arange(len(rows)), copies)
    pairs = kept[_near_pairs(rows[kept, 0], rows[kept, 1], DUPLICATE_ARCSEC)]
    worse = np.where(quality[pairs[:, 0]] > quality[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    return np.concatenate([copies, worse])
