"""Measured and rejected frames as they are stored, and which measurements are used for a throughput model."""

import math
from dataclasses import dataclass

import numpy as np

from photzp.names import class_of

SANE_ZP_MAG = (10.0, 35.0)  # a 1 cm lens and a 30 m telescope are within these limits
_ZPSIG_MAX_MAG = {'0m4': 0.5}  # by telescope class: frames whose stars scatter more about the fit are not used
_ZPSIG_MAX_OTHERS_MAG = 0.2  # the same for all other classes


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One measured frame, a row of `lcophot`; NaN and None are stored as NULL.

    Attributes
    ----------
    name : str
        Base name of the frame, or a path that ends in it.
    dateobs : str
        Start of the exposure, 'YYYY-MM-DD HH:MM:SS.sss' UTC.
    site, dome, telescope, camera, filter : str
        As in the header of the frame; the dome is the enclosure.
    airmass, exptime : float
        Airmass; exposure time [s].
    zp, zperr, zpsig, zpcolor : float
        Zeropoint for stars of g-i = zpcolor in the SDSS system, its 1-sigma error, and the scatter of single stars
        about the fit; all [mag].
    colorterm, colortermerr, zpcolortermcov : float
        Change of zp per magnitude of g-i and its 1-sigma error [mag/mag]; covariance of zp and colorterm [mag^2].
    nstars, nmatched : int or None
        Stars used in the fit; sources that were matched to a reference star.
    colortermheld, refcomplete : bool or None
        The colour term was not fitted but held at a usual value; no part of the reference catalogue was missing.
    wcsoffset, matchsep, matchfrac : float
        Offset that matching removed [arcsec], median separation after it [arcsec], matched fraction of the sources.
    magslope, magslopeerr : float
        Slope of zp with the magnitude of the stars, left by the fit, and its error [mag/mag].
    redchi2, meancolor : float
        Chi-square per degree of freedom before the intrinsic scatter; mean g-i of the stars used [mag].
    ra, dec : float
        Centre of the image by the world coordinates of the header, ICRS [deg], 0 <= ra < 360.
    fwhm : float
        FWHM of the stars by the header [arcsec].
    """

    name: str
    dateobs: str
    site: str
    dome: str
    telescope: str
    camera: str
    filter: str
    airmass: float
    zp: float
    colorterm: float
    zpsig: float
    zperr: float = math.nan
    colortermerr: float = math.nan
    zpcolor: float = math.nan
    nstars: int | None = None
    exptime: float = math.nan
    zpcolortermcov: float = math.nan
    colortermheld: bool | None = None
    refcomplete: bool | None = None
    wcsoffset: float = math.nan
    nmatched: int | None = None
    matchsep: float = math.nan
    matchfrac: float = math.nan
    magslope: float = math.nan
    magslopeerr: float = math.nan
    redchi2: float = math.nan
    meancolor: float = math.nan
    ra: float = math.nan
    dec: float = math.nan
    fwhm: float = math.nan


@dataclass(frozen=True, kw_only=True)
class RejectedFrame:
    """One frame that was looked at and not measured.

    Attributes
    ----------
    name : str
        Base name of the frame, or a path that ends in it.
    reason, detail : str
        Name of an `errors.Reason`, and details for people.
    retry : bool
        The next run opens the frame again although its file has not changed.
    size, mtime : int or None
        Size [bytes] and time of change [ns since 1970] of the file when it was opened; None where there was none.
    exptime_s : float or None
        Exposure time [s], None where it was not known.
    """

    name: str
    reason: str
    detail: str = ''
    retry: bool = False
    size: int | None = None
    mtime: int | None = None
    exptime_s: float | None = None


def usable_rows(zp: np.ndarray, airmass: np.ndarray, zpsig: np.ndarray, telescope: str) -> np.ndarray:
    """Which measurements are used for a throughput model.

    Parameters
    ----------
    zp, airmass, zpsig : ndarray of float, shape (n,)
        Zeropoints [mag], airmasses, and scatter of the stars of each frame about its fit [mag].
    telescope : str
        Name without site and enclosure, such as '0m4a'; its class, '0m4', has its own limit on zpsig.

    Returns
    -------
    ndarray of bool, shape (n,)
        The zeropoint is within `SANE_ZP_MAG`, the airmass is finite, and zpsig is at most its limit; False for NaN.
    """
    limit = _ZPSIG_MAX_MAG.get(class_of(telescope), _ZPSIG_MAX_OTHERS_MAG)
    return possible_zp(zp) & np.isfinite(airmass) & (zpsig <= limit)


def possible_zp(zp: np.ndarray) -> np.ndarray:
    """Which zeropoints are physically possible.

    Parameters
    ----------
    zp : ndarray of float, shape (n,)
        Zeropoints [mag].

    Returns
    -------
    ndarray of bool, shape (n,)
        Within `SANE_ZP_MAG`; False for NaN.
    """
    return (zp >= SANE_ZP_MAG[0]) & (zp <= SANE_ZP_MAG[1])
