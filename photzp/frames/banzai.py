"""One BANZAI frame as a frozen value: what its header says and what its source catalogue holds, without its pixels.

Frames are read as the pipeline wrote them over the years: the science header is in extension SCI (of a packed frame,
its header as a table), in old or cropped files in the primary HDU; the source catalogue CAT has upper or lower case
column names; keywords may be missing, or hold words ('UNKNOWN', 'N/A', 'NaN') where numbers belong.
"""

import math
import os
import re
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from photzp.errors import (
    DEFOCUSED,
    EXPOSURE_TOO_SHORT,
    FILE_UNREADABLE,
    FILTER_NOT_SERVED,
    HEADER_INCOMPLETE,
    NO_SOURCE_CATALOGUE,
    NOT_SCIENCE,
    WCS_FAILED,
    FrameRejected,
)
from photzp.frameformat import Columns
from photzp.frames.fitsfile import BLOCK, FitsFile, FitsInvalid, Header, Table
from photzp.names import base_name, exposure_of, safe_part
from photzp.observatory import Observatory
from photzp.times import time_text

_LONGEST_EXPOSURE_S = 86400.0  # a day: more is a damaged header
_EARLIEST_YEAR, _LATEST_YEAR = 2000, 2100  # before the first robotic telescope of the network; after any of them
_DAYS_OF_NIGHT = 2             # DATE-OBS (UTC) is never farther from DAY-OBS, the local night
MIN_AIRMASS, MAX_AIRMASS = 0.99, 40.0  # 40 at the horizon
_LARGEST_SIDE = 1e6            # of an image [pixel]
_LEAST_E, _MOST_E = 1e-6, 1e15  # no flux or error of a source lies beyond: 1e5 e in each of 1e8 pixels are 1e13


@dataclass(frozen=True)
class TanWCS:
    """Linear gnomonic (TAN) world coordinates, FITS paper II (Calabretta & Greisen 2002, A&A 395, 1077).

    crval_deg : (ra, dec) of the tangent point.  crpix : 1-based pixel of it.  cd_deg : (2, 2) matrix [deg/pixel].
    """

    crval_deg: tuple[float, float]
    crpix: tuple[float, float]
    cd_deg: np.ndarray

    def sky(self, x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """(ra, dec) [deg] of 1-based pixel positions x, y of shape (n,); 0 <= ra < 360."""
        offset = np.stack([np.asarray(x, float) - self.crpix[0], np.asarray(y, float) - self.crpix[1]])
        xi, eta = np.radians(self.cd_deg @ offset)
        ra0, dec0 = np.radians(self.crval_deg)
        # The star's direction is (1, xi, eta) in the frame of the tangent point, turned by dec0, then by ra0.
        along = math.cos(dec0) - eta * math.sin(dec0)
        ra = ra0 + np.arctan2(xi, along)
        dec = np.arctan2(math.sin(dec0) + eta * math.cos(dec0), np.hypot(xi, along))
        return np.degrees(ra) % 360.0, np.degrees(dec)


@dataclass(frozen=True)
class Stars:
    """Sources of a frame, arrays of shape (n,); x, y 1-based pixels; flux, fluxerr, peak, background in electrons."""

    x: np.ndarray
    y: np.ndarray
    ra_deg: np.ndarray
    dec_deg: np.ndarray
    flux: np.ndarray
    fluxerr: np.ndarray
    peak: np.ndarray
    background: np.ndarray
    flag: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Frame:
    """One exposure: name and facts of the header, field on the sky, sources.

    dateobs : 'YYYY-MM-DD HH:MM:SS.sss' UTC.  airmass : nan where the header has none.
    saturation_e : smaller positive one of the header's limits [electrons], inf where it has none.
    fwhm_arcsec : of the stars, nan where the header has none.
    flags_bad : bits of `stars.flag` that disqualify a star, by the version of the pipeline.
    radius_deg : of the circle about (ra_deg, dec_deg) that holds the whole image.
    """

    name: str
    exposure: str
    dateobs: str
    site: str
    enclosure: str
    telescope: str
    camera: str
    filter: str
    band: str
    exptime_s: float
    airmass: float
    saturation_e: float
    fwhm_arcsec: float
    flags_bad: int
    shape: tuple[int, int]
    wcs: TanWCS
    ra_deg: float
    dec_deg: float
    radius_deg: float
    stars: Stars = field(repr=False)


def read_frame(path: Path | str, observatory: Observatory, *, min_exptime_s: float = 0.0,
               filters: Collection[str] | None = None) -> Frame:
    """Read one frame.

    path : file.  observatory : keywords, columns and rules.  min_exptime_s : shorter ones are rejected.
    filters : names to read, None for all; another one raises NotSelected.
    Raises FrameRejected, with the reason, for everything that cannot be measured.
    """
    try:
        _check_whole(os.stat(path))
        with open(path, 'rb', buffering=0) as file:
            fits = FitsFile(file)
            header = _science_header(fits)
            facts = _header_facts(header, observatory, min_exptime_s, filters)
            table = _source_table(fits, observatory.columns)
    except FitsInvalid as error:  # damaged content stays as it is until the file changes
        raise FrameRejected(FILE_UNREADABLE, str(error), passing=False) from error
    except OSError as error:  # what the system refuses may pass
        raise FrameRejected(FILE_UNREADABLE, f'{type(error).__name__}: {error}', passing=True) from error
    return _frame(path, facts, table)


def _check_whole(found: os.stat_result) -> None:
    """Refuse what would block for ever (a FIFO) and files cut off in the middle of a block."""
    if not stat.S_ISREG(found.st_mode):
        raise FrameRejected(FILE_UNREADABLE, 'not a regular file', passing=False)
    if found.st_size % BLOCK or not found.st_size:
        raise FrameRejected(FILE_UNREADABLE, f'{found.st_size} bytes are not whole FITS blocks', passing=False)


class NotSelected(Exception):
    """The frame is not of a filter that was asked for."""


def _science_header(fits: FitsFile) -> Header:
    hdu = fits.find('SCI') or fits.primary
    if hdu is fits.primary and not hdu.header.get('NAXIS'):
        raise FitsInvalid('no science header: no extension SCI, no primary image' + _rest(fits))
    fits.verify_header(hdu)
    return hdu.header


def _rest(fits: FitsFile) -> str:
    return '' if fits.rest is None else f', and what begins at byte {fits.rest} is no extension'


def _header_facts(header: Header, observatory: Observatory, min_exptime_s: float,
                  filters: Collection[str] | None) -> dict[str, Any]:
    """Everything of the header that a Frame needs, as a dict; the cheapest and most telling checks come first."""
    keys = observatory.keywords
    facts: dict[str, Any] = {}
    obstype = header.get(keys.obstype)
    if isinstance(obstype, str) and obstype.strip().upper() not in observatory.archive.header_types:
        raise FrameRejected(NOT_SCIENCE, f'{keys.obstype} = {_shown(obstype)}')
    facts['filter'] = _identifier(header, keys.filter)
    if filters is not None and facts['filter'] not in filters:
        raise NotSelected(facts['filter'])
    facts['band'] = observatory.ps1_band(facts['filter'])
    if facts['band'] is None:
        raise FrameRejected(FILTER_NOT_SERVED, f'{keys.filter} = {facts["filter"]}')
    exptime_s = facts['exptime_s'] = _number(header, keys.exptime)
    if not 0 < exptime_s <= _LONGEST_EXPOSURE_S:
        raise FrameRejected(HEADER_INCOMPLETE, f'{keys.exptime} = {exptime_s}, not an exposure time')
    if exptime_s < min_exptime_s:
        raise FrameRejected(EXPOSURE_TOO_SHORT, f'{exptime_s:g} s < {min_exptime_s:g} s', exptime_s=exptime_s)
    focus_offset_mm = _optional_number(header, keys.focus_offset)
    if abs(focus_offset_mm) > observatory.frame.focus_offset_max_mm:
        raise FrameRejected(DEFOCUSED, f'{keys.focus_offset} = {focus_offset_mm:g} mm', exptime_s=exptime_s)
    wcs_error = _optional_number(header, keys.wcs_error)
    if wcs_error != 0 and not math.isnan(wcs_error):
        raise FrameRejected(WCS_FAILED, f'{keys.wcs_error} = {wcs_error:g}', exptime_s=exptime_s)
    for name in ('site', 'enclosure', 'telescope', 'camera'):
        facts[name] = _identifier(header, getattr(keys, name))
    airmass = _optional_number(header, keys.airmass)
    facts['airmass'] = airmass if MIN_AIRMASS <= airmass <= MAX_AIRMASS else math.nan
    facts['dateobs'] = _dateobs(header, keys.dateobs, keys.dayobs)
    limits = [_optional_number(header, key) for key in keys.saturation]
    facts['saturation_e'] = min((limit for limit in limits if limit > 0), default=math.inf)
    fwhm_arcsec = _optional_number(header, keys.fwhm)
    facts['fwhm_arcsec'] = fwhm_arcsec if 0.2 <= fwhm_arcsec <= 30 else math.nan
    facts['shape'] = _shape(header)
    facts['wcs'] = _tan_wcs(header)
    facts['flags_bad'] = _flags_bad(header, observatory)
    return facts


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:56] + '...'


def _identifier(header: Header, key: str) -> str:
    value = header.get(key)
    try:
        return safe_part(value.strip() if isinstance(value, str) else value)
    except ValueError:
        said = f'is {_shown(value)}, not a name' if key in header else 'is missing'
        raise FrameRejected(HEADER_INCOMPLETE, f'{key} {said}') from None


def _number(header: Header, key: str) -> float:
    value = _optional_number(header, key)
    if not math.isfinite(value):
        said = f'is {_shown(header.get(key))}, not a number' if key in header else 'is missing'
        raise FrameRejected(HEADER_INCOMPLETE, f'{key} {said}')
    return value


def _optional_number(header: Header, key: str) -> float:
    """A number from the header; nan where it is missing, a word, or true/false."""
    value = header.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _dateobs(header: Header, key: str, night_key: str) -> str:
    """Start of the exposure as 'YYYY-MM-DD HH:MM:SS.sss' UTC; the card of the night must agree, where it is a date."""
    value = header.get(key)
    try:
        # A leap second (60) has no place in datetime; half a minute earlier is near enough for a date.
        text = re.sub(r':60(\.\d*)?$', ':59.999', str(value).strip().removesuffix('Z'))
        fraction = re.fullmatch(r'(.*?)\.(\d+)', text)
        if fraction:
            text = f'{fraction[1]}.{fraction[2][:6]:0<6}'
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None or not re.search(r'\d:\d', text):
            raise ValueError
        if not _EARLIEST_YEAR <= moment.year <= _LATEST_YEAR:
            raise ValueError
    except ValueError:
        said = f'is {_shown(value)}, not a date and time' if key in header else 'is missing'
        raise FrameRejected(HEADER_INCOMPLETE, f'{key} {said}') from None
    night = _night(header.get(night_key))
    if night is not None and abs((moment.date() - night).days) > _DAYS_OF_NIGHT:
        raise FrameRejected(HEADER_INCOMPLETE, f'{key} = {_shown(value)} is not of the night {night_key} = {night}')
    return time_text(moment)


def _night(value: object) -> date | None:
    """The local night that a card names, as 20190805 or 2019-08-05; None where it names none."""
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        return None


def _shape(header: Header) -> tuple[int, int]:
    """(nx, ny) of the image in pixels; a packed image keeps its own shape in ZNAXISn."""
    prefix = 'ZNAXIS' if 'ZNAXIS1' in header else 'NAXIS'
    sides = [_number(header, f'{prefix}{axis}') for axis in (1, 2)]
    if not all(1 <= side <= _LARGEST_SIDE for side in sides):
        raise FrameRejected(HEADER_INCOMPLETE, f'{prefix}1 x {prefix}2 = {sides[0]:g} x {sides[1]:g}, not an image')
    return int(sides[0]), int(sides[1])


def _tan_wcs(header: Header) -> TanWCS:
    for axis, kind in ((1, 'RA---TAN'), (2, 'DEC--TAN')):
        found = header.get(f'CTYPE{axis}')
        if found != kind:
            raise FrameRejected(HEADER_INCOMPLETE, f'CTYPE{axis} = {_shown(found)}, not the {kind} that is read')
    crval = _number(header, 'CRVAL1'), _number(header, 'CRVAL2')
    crpix = _number(header, 'CRPIX1'), _number(header, 'CRPIX2')
    cd = np.array([[_element(header, i, j) for j in (1, 2)] for i in (1, 2)])
    scale_arcsec = 3600 * math.sqrt(abs(np.linalg.det(np.clip(cd, -1, 1))))  # a degree a pixel is absurd enough
    if not (0.01 < scale_arcsec < 60 and abs(crval[1]) <= 90):
        raise FrameRejected(WCS_FAILED, f'CRVAL2 = {crval[1]:g}, pixel scale {scale_arcsec:g} arcsec make no sense')
    return TanWCS(crval, crpix, cd)


def _element(header: Header, i: int, j: int) -> float:
    """Element CDi_j [deg/pixel] of the linear part; where there is no CD matrix, PCi_j * CDELTi (FITS paper I)."""
    if any(f'CD{k}_{m}' in header for k in (1, 2) for m in (1, 2)):
        return _number(header, f'CD{i}_{j}') if f'CD{i}_{j}' in header else 0.0
    if 'CDELT1' not in header:
        raise FrameRejected(HEADER_INCOMPLETE, 'CD1_1 is missing')
    rotation = _number(header, f'PC{i}_{j}') if f'PC{i}_{j}' in header else float(i == j)
    return rotation * _number(header, f'CDELT{i}')


def _source_table(fits: FitsFile, columns: Columns) -> dict[str, np.ndarray]:
    """The columns of CAT that are needed, as float arrays."""
    hdu = fits.find('CAT')
    if hdu is None and fits.rest is not None:
        raise FitsInvalid('no extension CAT' + _rest(fits))
    if hdu is None:
        raise FrameRejected(NO_SOURCE_CATALOGUE, 'no extension CAT')
    if not hdu.is_table:
        raise FrameRejected(NO_SOURCE_CATALOGUE, 'the extension CAT is not a binary table')
    table = fits.read_table(hdu)
    arrays: dict[str, np.ndarray] = {}
    for key in ('x', 'y', 'flux', 'flux_error', 'peak', 'background', 'flag'):
        name = getattr(columns, key).lower()
        if name in table:
            arrays[key] = _numbers(table, name)
        elif key in ('peak', 'background', 'flag'):
            arrays[key] = np.zeros(len(table))
        else:
            raise FrameRejected(NO_SOURCE_CATALOGUE, f'CAT has no column {name}')
    return arrays


def _numbers(table: Table, name: str) -> np.ndarray:
    try:
        return table.numbers(name)
    except ValueError as error:
        raise FrameRejected(NO_SOURCE_CATALOGUE, f'CAT: {error}') from None


def _flags_bad(header: Header, observatory: Observatory) -> int:
    rules = observatory.frame
    version = _version(header.get(observatory.keywords.pipeline))
    return rules.flags_bad if version >= _version(rules.flags_since) else rules.flags_bad_before


def _version(text: object) -> tuple[int, ...]:
    """'1.15.0', '1.15' or '1.15.0-1-gabc' as (1, 15); () where there is none, which is older than all."""
    match = re.match(r'\s*(\d+(?:\.\d+)*)', text) if isinstance(text, str) else None
    return tuple(int(part) for part in re.sub(r'(\.0+)+$', '', match[1]).split('.')) if match else ()


def _frame(path: Path | str, facts: dict[str, Any], table: dict[str, np.ndarray]) -> Frame:
    nx, ny = facts['shape']
    wcs = facts['wcs']
    (ra,), (dec,) = wcs.sky([(nx + 1) / 2], [(ny + 1) / 2])
    corners = wcs.cd_deg @ np.array([[nx, nx], [ny, -ny]]) / 2
    radius_deg = float(np.hypot(*corners).max())
    whole = np.all([np.abs(table[key]) <= _LARGEST_SIDE for key in ('x', 'y')], axis=0)
    x, y = table['x'][whole], table['y'][whole]
    star_ra, star_dec = wcs.sky(x, y)
    flux, fluxerr, peak, background = (_sane(table[key][whole], least) for key, least in (
        ('flux', _LEAST_E), ('flux_error', _LEAST_E), ('peak', 0.0), ('background', 0.0)))
    flag = table['flag'][whole]
    stars = Stars(x, y, star_ra, star_dec, flux, fluxerr, peak, background,
                  np.where(np.abs(flag) < 2**53, flag, -1.0).astype(np.int64))
    name = base_name(path)
    return Frame(name=name, exposure=exposure_of(name), ra_deg=float(ra), dec_deg=float(dec),
                 radius_deg=radius_deg, stars=stars, **facts)


def _sane(values: np.ndarray, least_e: float) -> np.ndarray:
    """Numbers of electrons; nan where a damaged byte made one that no source has, which would overflow further on."""
    size = np.abs(values)
    return np.where((size <= _MOST_E) & ((size >= least_e) | (values == 0)), values, np.nan)
