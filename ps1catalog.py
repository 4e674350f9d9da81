"""Reference stars from a local copy of the Pan-STARRS1 (PS1) catalogue, in the layout of WIYN-ODI's QuickReduce.

`SkyTable.fits` lists rectangular regions of the sky and the file that holds the stars of each.  The catalogue covers
the regions of that table: another catalogue in this layout (ATLAS-REFCAT2, all sky) serves unchanged.
"""

import logging
import math
import os
import stat
from collections import OrderedDict
from pathlib import Path

import numpy as np

from photzp.catalogues.reference import ReferenceStars
from photzp.errors import CatalogMissing
from photzp.frames.fitsfile import FitsFile, Hdu
from photzp.frames.fitsheader import FitsInvalid
from photzp.observatorytables import BANDS

log = logging.getLogger('photzp.ps1catalog')

# Error of a magnitude without a usable one, as in builds without error columns: the mean-magnitude error of a bright
# PS1 star is below 0.01 mag, and PS1 itself repeats to 7-12 mmag (Magnier et al. 2020, ApJS 251, 6); the fit takes up
# any further error as scatter.
_DEFAULT_ERROR_MAG = 0.01

# A smaller error is damage: no star has 1e10 photons, and its weight would overflow.
_LEAST_ERROR_MAG = 1e-5

# Two rows nearer than this are the same star: well below the 1.1" seeing of PS1, well above its 5-20 mas astrometry.
_DUPLICATE_ARCSEC = 0.3

# So many different region files missing in a row, with none read, are a lost mount, not a hole in a catalogue.
_LOST_MOUNT_FILES = 3

_RA, _DEC = 0, 1  # columns of the rows of a region, see _read_region
_MAGS, _ERRORS = slice(2, 2 + len(BANDS)), slice(2 + len(BANDS), 2 + 2 * len(BANDS))
_COLUMNS = ('ra', 'dec', *BANDS, *(f'{band}_err' for band in BANDS))


class PS1Catalog:
    """The catalogue in a directory: the index is read once, region files stay in memory up to a limit.

    Parameters
    ----------
    directory : str or Path
        With `SkyTable.fits` in it; `~` is expanded.
    cache_bytes : int
        Memory for the rows of region files.

    Raises
    ------
    CatalogMissing
        If the directory has no index that can be read.
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
        """All stars within a true angular distance of a position, also across RA 0/360 and at the poles.

        Parameters
        ----------
        ra_deg, dec_deg, radius_deg : float

        Returns
        -------
        ReferenceStars
            Not `complete` where a region file is missing or broken; the log warns of each such file once.

        Raises
        ------
        CatalogMissing
            If region after region is missing, as when a mount was lost.
        """
        names = self._index.overlapping(ra_deg, dec_deg, radius_deg)
        regions = [self._region(name) for name in names]
        parts = [_in_cone(rows, ra_deg, dec_deg, radius_deg) for rows in regions if rows is not None]
        rows = parts[0] if len(parts) == 1 else _join(parts, ra_deg)
        return ReferenceStars(
            ra_deg=rows[:, _RA], dec_deg=rows[:, _DEC], mag=dict(zip(BANDS, rows[:, _MAGS].T, strict=True)),
            mag_error=dict(zip(BANDS, rows[:, _ERRORS].T, strict=True)), covered=bool(names),
            complete=len(parts) == len(names))

    def _region(self, name: str) -> np.ndarray | None:
        """Rows of one region, see _read_region, from the cache or from disk; None where it cannot be read."""
        if name in self._cache:
            self._cache.move_to_end(name)
            return self._cache[name]
        path = self._path(name)
        try:
            rows = _read_region(path)
        except (OSError, ValueError, FitsInvalid) as error:
            self._report_unreadable(name, path, error)
            return None
        self._missing_in_a_row.clear()
        self._last_read = path
        self._keep(name, rows)
        return rows

    def _path(self, name: str) -> str:
        path = os.path.join(self.directory, name)
        return path if os.path.exists(path) or not os.path.exists(path + '.fits') else path + '.fits'

    def _keep(self, name: str, rows: np.ndarray) -> None:
        """Put a region into the cache in place of the least recently used ones, if it fits at all."""
        while self._cache and self._cache_free < rows.nbytes:
            self._cache_free += self._cache.popitem(last=False)[1].nbytes
        if rows.nbytes <= self._cache_free:
            self._cache[name] = rows
            self._cache_free -= rows.nbytes

    def _report_unreadable(self, name: str, path: str, error: Exception) -> None:
        """Warn of a region file, the first time; CatalogMissing where the mount seems to be lost."""
        if name not in self._warned:
            self._warned.add(name)
            problem = 'is missing' if isinstance(error, FileNotFoundError) else f'cannot be read ({error})'
            log.warning('reference catalogue: region file %s %s; fields there are measured with fewer stars, '
                        'and tried again in the next run if rejected', path, problem)
        if os.path.exists(path) and getattr(error, 'errno', None) is None:
            return  # its content is broken, but the mount is there
        self._missing_in_a_row.add(name)
        lost = self._last_read is None or not os.access(self._last_read, os.R_OK)
        if lost and len(self._missing_in_a_row) >= _LOST_MOUNT_FILES:
            raise CatalogMissing(f'{self.directory}: {_LOST_MOUNT_FILES} region files in a row are missing or may not '
                                 f'be read, last {path}; is the catalogue still mounted, and readable for this user?')


class _Index:
    """Regions of SkyTable sorted by their lower limit in declination, from limits [deg] and padded file names (n,)."""

    def __init__(self, ra_min: np.ndarray, ra_max: np.ndarray, dec_min: np.ndarray, dec_max: np.ndarray,
                 name: np.ndarray) -> None:
        self._table_row = np.argsort(dec_min, kind='stable')
        width = np.where(ra_max >= ra_min, ra_max - ra_min, ra_max - ra_min + 360.0)  # a region may straddle RA 0
        self._ra_centre = ((ra_min + width / 2) % 360.0)[self._table_row]
        self._ra_half_width = np.minimum(width / 2, 180.0)[self._table_row]
        self._dec_min, self._dec_max = dec_min[self._table_row], dec_max[self._table_row]
        self._name = name[self._table_row]
        self._max_height = np.max(dec_max - dec_min, initial=0.0)

    def overlapping(self, ra_deg: float, dec_deg: float, radius_deg: float) -> tuple[str, ...]:
        """Names of the region files that a cone may touch, without repeats, in the order of the table.

        A cone of radius r about declination d spans asin(sin r / cos d) in RA on either side, everything if it
        holds a pole.
        """
        south, north = dec_deg - radius_deg, dec_deg + radius_deg
        first, last = np.searchsorted(self._dec_min, [south - self._max_height - 1e-9, north + 1e-9])
        near = slice(first, last)
        sine = math.sin(math.radians(min(radius_deg, 90.0))) / max(math.cos(math.radians(dec_deg)), 1e-12)
        half_span = math.degrees(math.asin(sine)) if sine < 1 and abs(dec_deg) + radius_deg < 90 else 180.0
        ra_distance = np.abs((self._ra_centre[near] - ra_deg + 180.0) % 360.0 - 180.0)
        touched = first + np.flatnonzero((self._dec_max[near] >= south)
                                         & (ra_distance <= self._ra_half_width[near] + half_span + 1e-9))
        touched = touched[np.argsort(self._table_row[touched])]
        names = (_file_name(name) for name in self._name[touched].tolist())
        return tuple(dict.fromkeys(name for name in names if name))


def _file_name(padded: bytes) -> str:
    """A name of SkyTable without its padding; '' for one that would lead out of the catalogue."""
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
    # A limit that is no angle is damage, and would overflow later.
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
    """Rows (n, 12) sorted by declination, each star once: RA, DEC, magnitudes, errors; nan for no magnitude."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # reading a FIFO would block for ever
        raise ValueError('it is not a regular file')
    with open(path, 'rb', buffering=0) as file:
        fits = FitsFile(file)
        table = fits.read_table(_first_extension(fits))
    rows = np.full((len(table), len(_COLUMNS)), np.nan)
    for n, key in enumerate(_COLUMNS):
        if key in table:
            rows[:, n] = table.numbers(key)
        elif key in ('ra', 'dec', 'g', 'i'):
            raise ValueError(f'the table has no column {key}')
    mags, errors = rows[:, _MAGS], rows[:, _ERRORS]
    mags[~((mags > 0) & (mags < 40))] = np.nan  # sentinels: NaN, -999, 0
    errors[~((errors >= _LEAST_ERROR_MAG) & (errors < 10))] = np.nan
    errors[np.isnan(errors) & np.isfinite(mags)] = _DEFAULT_ERROR_MAG
    np.copyto(errors, np.nan, where=np.isnan(mags))
    rows = rows[(np.abs(rows[:, _RA]) <= 720) & (np.abs(rows[:, _DEC]) <= 90)]
    rows = rows[np.argsort(rows[:, _DEC], kind='stable')]
    return np.delete(rows, _worse_duplicates(rows), axis=0)


def _in_cone(rows: np.ndarray, ra_deg: float, dec_deg: float, radius_deg: float) -> np.ndarray:
    """Rows (sorted by declination) within the cone, by haversines, which stay exact for small distances."""
    first, last = np.searchsorted(rows[:, _DEC], [dec_deg - radius_deg, dec_deg + radius_deg + 1e-12])
    ra, dec = rows[first:last, _RA], rows[first:last, _DEC]
    half_ra = np.abs(np.sin(np.radians(ra - ra_deg) / 2))
    dec, dec0 = np.radians(dec), math.radians(dec_deg)
    haversine = np.sin((dec - dec0) / 2) ** 2 + math.cos(dec0) * np.cos(dec) * half_ra**2
    limit = math.sin(math.radians(min(radius_deg, 180.0)) / 2) ** 2
    return rows[first + np.flatnonzero(haversine <= limit)]


def _join(regions: list[np.ndarray], ra_deg: float) -> np.ndarray:
    """Rows of several regions, each of which lists a star once, without stars that another region lists, too."""
    if not regions:
        return np.empty((0, len(_COLUMNS)))
    rows = np.concatenate(regions)
    shared = np.flatnonzero(_in_overlap(regions, ra_deg))
    shared = shared[np.argsort(rows[shared, _DEC], kind='stable')]
    return np.delete(rows, shared[_worse_duplicates(rows[shared])], axis=0)


def _in_overlap(regions: list[np.ndarray], ra_deg: float) -> np.ndarray:
    """Mask over the rows of all regions: which lie within the limits of another one in RA and declination.

    RA is counted from ra_deg.  Limits are those of the rows themselves, a little widened.
    """
    ra, dec = (np.concatenate([rows[:, column] for rows in regions]) for column in (_RA, _DEC))
    ra = (ra - ra_deg + 180.0) % 360.0
    margin = 2 * _DUPLICATE_ARCSEC / 3600
    margin_ra = margin / max(math.cos(math.radians(np.abs(dec).max(initial=0.0))), 1e-9)
    shared, end = np.zeros(len(ra), bool), 0
    for own in (slice(end, end := end + len(rows)) for rows in regions if len(rows)):
        west, south = ra[own].min() - margin_ra, dec[own].min() - margin
        width, height = ra[own].max() - west + margin_ra, dec[own].max() - south + margin
        inside = ((ra - west) % 360.0 <= width) & (np.abs(dec - south - height / 2) <= height / 2)
        inside[own] = False
        shared |= inside
    return shared


def _near_pairs(ra_deg: np.ndarray, dec_deg: np.ndarray, limit_arcsec: float) -> np.ndarray:
    """Indices (k, 2) of all pairs nearer than a small limit; positions (n,) sorted by declination.

    Each star is compared with the next in declination, the one after it, and so on, until all of these are too far.
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
    """Indices of the rows (sorted by declination) that have a better row of the same star.

    A row with more magnitudes is better, of two with as many the one of smaller errors.
    """
    if len(rows) < 2:
        return np.empty(0, int)
    mags = np.isfinite(rows[:, _MAGS]).sum(axis=1)
    errors = np.nansum(rows[:, _ERRORS], axis=1)
    quality = np.lexsort((np.arange(len(rows)), errors, -mags)).argsort()  # 0 is best
    # Thousands of copies of one star would make millions of pairs: all but the best are set aside beforehand.
    position = np.cumsum(np.append(True, np.any(rows[1:, :2] != rows[:-1, :2], axis=1)))
    order = np.lexsort((quality, position))
    copies = order[np.append(False, np.diff(position[order]) == 0)]
    kept = np.delete(np.arange(len(rows)), copies)
    pairs = kept[_near_pairs(rows[kept, _RA], rows[kept, _DEC], _DUPLICATE_ARCSEC)]
    worse = np.where(quality[pairs[:, 0]] > quality[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    return np.concatenate([copies, worse])
