"""Measured and rejected frames as they are stored, and the rule which measurements are used for a throughput model."""

import math
from dataclasses import dataclass

import numpy as np

from photzp.names import class_of

SANE_ZP_MAG = (10.0, 35.0)  # a 1 cm lens and a 30 m telescope are within these limits
SANE_AIRMASS = (0.99, 40.0)  # 1 in the zenith, but for rounding; some 40 at the horizon (Kasten & Young 1989: 38)
# Chosen as no telescope with CCDs that we know is older, while clocks that were never set are at 1980, 1970 or before.
EARLIEST = np.datetime64('1990-01-01', 'ms')
_UNKNOWN = np.datetime64('NaT', 'ms')
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


@dataclass(frozen=True)
class Unusable:
    """A reason why a measured frame is not used for a throughput model.

    Attributes
    ----------
    words : str
        To be put behind a number of zeropoints, as in '3 dated before 1990'.
    fault : str
        What is wrong with the row, as `--testdb` says it; '' where it is right but not good enough.
    """

    words: str
    fault: str = ''


LATER = Unusable('dated later than now', 'dateobs is later than now')
# In the order in which rows are judged: what no frame can have comes first, as somebody has to look at it.
UNUSABLE = (
    Unusable('without date', 'dateobs is not a date and time'),
    Unusable(f'dated before {str(EARLIEST)[:4]}', f'dateobs is before {str(EARLIEST)[:4]}'),
    LATER,
    Unusable('without zeropoint', 'zp is not a number'),
    Unusable('with an impossible zeropoint', 'zp is not between {:g} and {:g} mag'.format(*SANE_ZP_MAG)),
    Unusable('with an impossible airmass', 'airmass is not between {:g} and {:g}'.format(*SANE_AIRMASS)),
    Unusable('before its start'),
    Unusable('without airmass'),
    Unusable('without scatter of its stars'),
    Unusable('whose stars scatter too much'),
)


@dataclass(frozen=True, kw_only=True)
class UsableLimits:
    """What the measurements of one telescope are judged by.

    Attributes
    ----------
    zpsig_mag : float
        Largest scatter of the stars of a frame about its fit.
    start : numpy.datetime64
        Rows before it are not used, datetime64[ms]; not before `EARLIEST`.
    now : numpy.datetime64
        The present, datetime64[ms]: later rows are not used; NaT takes them, too.
    """

    zpsig_mag: float
    start: np.datetime64 = EARLIEST
    now: np.datetime64 = _UNKNOWN

    @classmethod
    def of(cls, telescope: str, start: np.datetime64 = EARLIEST, now: np.datetime64 | None = None) -> 'UsableLimits':
        """The limits of a telescope.

        Parameters
        ----------
        telescope : str
            Name without site and enclosure, such as '0m4a'; its class, '0m4', has its own limit on zpsig.
        start : numpy.datetime64, optional
            Its last `start`, datetime64[ms], as `observatory.start_of` has it.
        now : numpy.datetime64, optional
            The present, datetime64[ms].

        Returns
        -------
        UsableLimits
        """
        return cls(zpsig_mag=_ZPSIG_MAX_MAG.get(class_of(telescope), _ZPSIG_MAX_OTHERS_MAG), start=start,
                   now=_UNKNOWN if now is None else now)


def why_unusable(time: np.ndarray, zp: np.ndarray, airmass: np.ndarray, zpsig: np.ndarray,
                 limits: UsableLimits) -> np.ndarray:
    """Say of each measurement of a telescope why it is not used for a throughput model.

    Parameters
    ----------
    time : ndarray of datetime64, shape (n,)
        Start of the exposures, UTC; NaT where unknown.
    zp, airmass, zpsig : ndarray of float, shape (n,)
        Zeropoints [mag], airmasses, and scatter of the stars of each frame about its fit [mag]; NaN where unknown.
    limits : UsableLimits
        Those of the telescope.

    Returns
    -------
    ndarray of int8, shape (n,)
        0 where the row is used, else the number of the first reason that fits: `UNUSABLE[number - 1]`.
    """
    broken = (
        np.isnat(time), time < EARLIEST, time > limits.now, ~np.isfinite(zp), ~possible_zp(zp),
        np.isfinite(airmass) & ~possible_airmass(airmass), time < limits.start, ~np.isfinite(airmass),
        np.isnan(zpsig), ~(zpsig <= limits.zpsig_mag))
    assert len(broken) == len(UNUSABLE), 'one rule for each reason'
    return np.select(broken, np.arange(1, len(UNUSABLE) + 1, dtype=np.int8), np.int8(0))


def usable_rows(zp: np.ndarray, airmass: np.ndarray, zpsig: np.ndarray, telescope: str) -> np.ndarray:
    """Which measurements are used for a throughput model, if their dates are right.

    Parameters
    ----------
    zp, airmass, zpsig : ndarray of float, shape (n,)
        As for `why_unusable`.
    telescope : str
        Name without site and enclosure.

    Returns
    -------
    ndarray of bool, shape (n,)
        No reason of `UNUSABLE` fits.
    """
    return why_unusable(np.full(len(zp), EARLIEST), zp, airmass, zpsig, UsableLimits.of(telescope)) == 0


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


def possible_airmass(airmass: np.ndarray) -> np.ndarray:
    """Which airmasses are physically possible.

    Parameters
    ----------
    airmass : ndarray of float, shape (n,)
        Airmasses.

    Returns
    -------
    ndarray of bool, shape (n,)
        Within `SANE_AIRMASS`; False for NaN.
    """
    return (airmass >= SANE_AIRMASS[0]) & (airmass <= SANE_AIRMASS[1])
