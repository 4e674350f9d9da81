"""One BANZAI frame as a frozen value: facts of its header and the sources of its catalogue, without its pixels.

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
from pathlib import Path
from typing import Any

import numpy as np

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
from photzp.frames.cards import identifier, number, optional_number, shown, start_time
from photzp.frames.fitsfile import BLOCK, FitsFile
from photzp.frames.fitsheader import FitsInvalid, Header
from photzp.frames.tanwcs import TanWCS, read_tan_wcs
from photzp.measurements import SANE_AIRMASS
from photzp.names import base_name, exposure_of
from photzp.observatory import Observatory

_LONGEST_EXPOSURE_S = 86400.0  # a day: more is a damaged header
_MIN_FWHM_ARCSEC, _MAX_FWHM_ARCSEC = 0.2, 30.0  # chosen because no site is as sharp, and no frame in focus as blurred
_LARGEST_SIDE = 1e6            # of an image [pixel]
_LEAST_E, _MOST_E = 1e-6, 1e15  # no flux or error of a source lies beyond: 1e5 e in each of 1e8 pixels are 1e13


@dataclass(frozen=True, kw_only=True)
class Stars:
    """Sources of a frame.

    Attributes
    ----------
    x, y : ndarray, shape (n,)
        1-based pixels.
    ra_deg, dec_deg : ndarray, shape (n,)
    flux, fluxerr, peak, background : ndarray, shape (n,)
        Electrons per exposure; nan for a damaged number.
    flag : ndarray of int, shape (n,)
        Bits that the pipeline set.
    """

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


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One exposure: names and facts of the header, field on the sky, sources.

    Attributes
    ----------
    name, exposure : str
        Base name of the file, and the same without reduction level and extension.
    dateobs : str
        Start, 'YYYY-MM-DD HH:MM:SS.sss' UTC.
    site, enclosure, telescope, camera, filter : str
    band : str
        Band of the reference catalogue for the filter.
    exptime_s : float
    airmass : float
        nan where the header has none.
    saturation_e : float
        Smaller positive one of the header's limits [electrons]; inf where it has none.
    fwhm_arcsec : float
        FWHM of the stars; nan where the header has none of 0.2 to 30.
    flags_bad : int
        Bits of `stars.flag` that disqualify a star, by the version of the pipeline.
    shape : tuple of int
        Width and height [pixel].
    wcs : TanWCS
    ra_deg, dec_deg, radius_deg : float
        Centre of the image, and radius of the circle about it that holds the whole image.
    stars : Stars
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


class NotSelected(Exception):
    """The frame is of a filter that is not to be measured."""


def read_frame(path: Path | str, observatory: Observatory, *, min_exptime_s: float = 0.0,
               filters: Collection[str] | None = None) -> Frame:
    """Read one frame.

    Parameters
    ----------
    path : str or Path
    observatory : Observatory
        Keywords, columns and rules.
    min_exptime_s : float
        Frames of a shorter exposure are rejected.
    filters : collection of str, optional
        Names of the filters to read; all without it.

    Returns
    -------
    Frame

    Raises
    ------
    FrameRejected
        If the frame cannot be measured, with the reason.
    NotSelected
        If its filter is not among `filters`.
    """
    try:
        _check_whole(os.stat(path))
        with open(path, 'rb', buffering=0) as file:
            fits = FitsFile(file)
            header_values = _header_values(_science_header(fits), observatory, min_exptime_s, filters)
            columns = _source_columns(fits, observatory.columns)
    except FitsInvalid as error:  # damaged content stays as it is until the file changes
        raise FrameRejected(FILE_UNREADABLE, str(error), passing=False) from error
    except OSError as error:  # a refusal of the system may pass
        raise FrameRejected(FILE_UNREADABLE, f'{type(error).__name__}: {error}', passing=True) from error
    wcs = header_values['wcs']
    ra_deg, dec_deg, radius_deg = wcs.circle(header_values['shape'])
    name = base_name(path)
    return Frame(name=name, exposure=exposure_of(name), ra_deg=ra_deg, dec_deg=dec_deg, radius_deg=radius_deg,
                 stars=_stars(columns, wcs), **header_values)


def _check_whole(status: os.stat_result) -> None:
    """Refuse what would block for ever (a FIFO) and files cut off in the middle of a block."""
    if not stat.S_ISREG(status.st_mode):
        raise FrameRejected(FILE_UNREADABLE, 'not a regular file', passing=False)
    if status.st_size % BLOCK or not status.st_size:
        raise FrameRejected(FILE_UNREADABLE, f'{status.st_size} bytes are not whole FITS blocks', passing=False)


# --- the header -----------------------------------------------------------------------------------------------------


def _science_header(fits: FitsFile) -> Header:
    hdu = fits.find('SCI') or fits.primary
    if hdu is fits.primary and not hdu.header.get('NAXIS'):
        raise FitsInvalid('no science header: no extension SCI, no primary image' + _trailer_note(fits))
    fits.verify_header(hdu)
    return hdu.header


def _trailer_note(fits: FitsFile) -> str:
    """A hint that an extension which was not found may be damaged."""
    return '' if fits.trailer is None else f', and what begins at byte {fits.trailer} is no extension'


def _header_values(header: Header, observatory: Observatory, min_exptime_s: float,
                   filters: Collection[str] | None) -> dict[str, Any]:
    """The fields of Frame that the header gives, by name; the cheapest and most selective checks come first."""
    keys = observatory.keywords
    filter_name, band = _filter_and_band(header, observatory, filters)
    exptime_s = _checked_exptime_s(header, observatory, min_exptime_s)
    names = {name: identifier(header, getattr(keys, name)) for name in ('site', 'enclosure', 'telescope', 'camera')}
    airmass = optional_number(header, keys.airmass)
    dateobs = start_time(header, keys.dateobs, keys.dayobs)
    saturation_limits = [optional_number(header, key) for key in keys.saturation]
    fwhm_arcsec = optional_number(header, keys.fwhm)
    return {
        'filter': filter_name, 'band': band, 'exptime_s': exptime_s, **names, 'dateobs': dateobs,
        'airmass': airmass if SANE_AIRMASS[0] <= airmass <= SANE_AIRMASS[1] else math.nan,
        'saturation_e': min((limit for limit in saturation_limits if limit > 0), default=math.inf),
        'fwhm_arcsec': fwhm_arcsec if _MIN_FWHM_ARCSEC <= fwhm_arcsec <= _MAX_FWHM_ARCSEC else math.nan,
        'shape': _shape(header), 'wcs': read_tan_wcs(header), 'flags_bad': _flags_bad(header, observatory)}


def _filter_and_band(header: Header, observatory: Observatory, filters: Collection[str] | None) -> tuple[str, str]:
    """Filter and band of the reference catalogue, of a science frame in a filter that is to be measured."""
    keys = observatory.keywords
    obstype = header.get(keys.obstype)
    if isinstance(obstype, str) and obstype.strip().upper() not in observatory.archive.header_types:
        raise FrameRejected(NOT_SCIENCE, f'{keys.obstype} = {shown(obstype)}')
    filter_name = identifier(header, keys.filter)
    if filters is not None and filter_name not in filters:
        raise NotSelected(filter_name)
    band = observatory.ps1_band(filter_name)
    if band is None:
        raise FrameRejected(FILTER_NOT_SERVED, f'{keys.filter} = {filter_name}')
    return filter_name, band


def _checked_exptime_s(header: Header, observatory: Observatory, min_exptime_s: float) -> float:
    """Exposure time of a frame that was exposed for long enough, in focus, and has world coordinates."""
    keys = observatory.keywords
    exptime_s = number(header, keys.exptime)
    if not 0 < exptime_s <= _LONGEST_EXPOSURE_S:
        raise FrameRejected(HEADER_INCOMPLETE, f'{keys.exptime} = {exptime_s}, not an exposure time')
    if exptime_s < min_exptime_s:
        raise FrameRejected(EXPOSURE_TOO_SHORT, f'{exptime_s:g} s < {min_exptime_s:g} s', exptime_s=exptime_s)
    focus_offset_mm = optional_number(header, keys.focus_offset)
    if abs(focus_offset_mm) > observatory.frame.focus_offset_max_mm:
        raise FrameRejected(DEFOCUSED, f'{keys.focus_offset} = {focus_offset_mm:g} mm', exptime_s=exptime_s)
    wcs_error = optional_number(header, keys.wcs_error)
    if wcs_error != 0 and not math.isnan(wcs_error):
        raise FrameRejected(WCS_FAILED, f'{keys.wcs_error} = {wcs_error:g}', exptime_s=exptime_s)
    return exptime_s


def _shape(header: Header) -> tuple[int, int]:
    """(nx, ny) of the image in pixels; a packed image keeps its own shape in ZNAXISn."""
    prefix = 'ZNAXIS' if 'ZNAXIS1' in header else 'NAXIS'
    sides = [number(header, f'{prefix}{axis}') for axis in (1, 2)]
    if not all(1 <= side <= _LARGEST_SIDE for side in sides):
        raise FrameRejected(HEADER_INCOMPLETE, f'{prefix}1 x {prefix}2 = {sides[0]:g} x {sides[1]:g}, not an image')
    return int(sides[0]), int(sides[1])


def _flags_bad(header: Header, observatory: Observatory) -> int:
    rules = observatory.frame
    version = _version(header.get(observatory.keywords.pipeline))
    return rules.flags_bad if version >= _version(rules.flags_since) else rules.flags_bad_before


def _version(text: object) -> tuple[int, ...]:
    """'1.15.0', '1.15' or '1.15.0-1-gabc' as (1, 15); () where there is none, which sorts before all."""
    match = re.match(r'\s*(\d+(?:\.\d+)*)', text) if isinstance(text, str) else None
    return tuple(int(part) for part in re.sub(r'(\.0+)+$', '', match[1]).split('.')) if match else ()


# --- the source catalogue -------------------------------------------------------------------------------------------


def _source_columns(fits: FitsFile, columns: Columns) -> dict[str, np.ndarray]:
    """The columns of CAT that are needed, as float arrays by field of Columns."""
    hdu = fits.find('CAT')
    if hdu is None and fits.trailer is not None:
        raise FitsInvalid('no extension CAT' + _trailer_note(fits))
    if hdu is None:
        raise FrameRejected(NO_SOURCE_CATALOGUE, 'no extension CAT')
    if not hdu.is_table:
        raise FrameRejected(NO_SOURCE_CATALOGUE, 'the extension CAT is not a binary table')
    table = fits.read_table(hdu)
    arrays: dict[str, np.ndarray] = {}
    for key in ('x', 'y', 'flux', 'flux_error', 'peak', 'background', 'flag'):
        name = getattr(columns, key).lower()
        if name in table:
            try:
                arrays[key] = table.numbers(name)
            except ValueError as error:
                raise FrameRejected(NO_SOURCE_CATALOGUE, f'CAT: {error}') from None
        elif key in ('peak', 'background', 'flag'):
            arrays[key] = np.zeros(len(table))
        else:
            raise FrameRejected(NO_SOURCE_CATALOGUE, f'CAT has no column {name}')
    return arrays


def _stars(columns: dict[str, np.ndarray], wcs: TanWCS) -> Stars:
    """The sources that have a position."""
    has_position = np.all([np.abs(columns[key]) <= _LARGEST_SIDE for key in ('x', 'y')], axis=0)
    columns = {key: values[has_position] for key, values in columns.items()}
    ra_deg, dec_deg = wcs.sky(columns['x'], columns['y'])
    flag = columns['flag']
    return Stars(
        x=columns['x'], y=columns['y'], ra_deg=ra_deg, dec_deg=dec_deg,
        flux=_sane(columns['flux'], _LEAST_E), fluxerr=_sane(columns['flux_error'], _LEAST_E),
        peak=_sane(columns['peak'], 0.0), background=_sane(columns['background'], 0.0),
        flag=np.where(np.abs(flag) < 2**53, flag, -1.0).astype(np.int64))


def _sane(values: np.ndarray, least_e: float) -> np.ndarray:
    """Numbers of electrons; nan for those that no source has, from a damaged byte, which would overflow later."""
    size = np.abs(values)
    return np.where((size <= _MOST_E) & ((size >= least_e) | (values == 0)), values, np.nan)
