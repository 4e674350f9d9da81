"""Contrasts between the rows of one night: level and noise of the night drop out of them.

With d a row minus the mean of its night, of zeropoint, covariates c and airmass X,

    d zp = d c . beta - u dX h + error,

where h is the extinction of the night beyond the mean in r, and u its colour.  So they say of beta and of h what night
means cannot tell from the level.  A night whose rows scatter more than usual counts less, as one in the tails of
Student's distribution; its scatter also says whether there were clouds, most of which dim each frame differently.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from photzp.throughput.nightsky import DEPTH_MAG

_NIGHTLY_K = 0.008   # mag/airmass in r: h of single nights beyond that of the weeks around (DECam: 4 to 8 mmag in r)
_FREEDOM = 4.0       # of the tails of nights
_UNEVEN_SHARE = 0.6  # of cloudy nights in which frames are dimmed differently: two of three
_UNEVEN_PART = 0.7   # by which part of the mean dimming of the night they then scatter
_SCATTER_TRUST = 0.1  # weight of the scatter: 0.25 is best on simulated years, but spoils DECam's series
_CHI2_MOST = 6.0     # per degree of freedom, that counts


@dataclass(frozen=True, kw_only=True)
class Contrasts:
    """Sums of contrasts, as normal equations need them.

    Attributes
    ----------
    normal, right : ndarray, shape (p, p) and (p,)
        Of beta, over clear nights.
    haze_normal, haze_right : ndarray, shape (N,)
        Of h of each night [airmass^2/mag^2, airmass/mag], as far as the night is clear.
    haze_crossed : ndarray, shape (N, p)
        Between h and beta.
    chi2, freedom, variance : ndarray, shape (N,)
        Of the rows about the mean of their night: chi^2, its degrees of freedom, and the sum of their
        variances [mag^2].
    """

    normal: np.ndarray
    right: np.ndarray
    haze_normal: np.ndarray
    haze_right: np.ndarray
    haze_crossed: np.ndarray
    chi2: np.ndarray
    freedom: np.ndarray
    variance: np.ndarray

    @classmethod
    def none(cls, nights: int, p: int) -> 'Contrasts':
        """Build those of no rows.

        Parameters
        ----------
        nights, p : int
            Numbers of nights and coefficients.

        Returns
        -------
        Contrasts
            Zeros.
        """
        return cls(normal=np.zeros((p, p)), right=np.zeros(p), haze_normal=np.zeros(nights),
                   haze_right=np.zeros(nights), haze_crossed=np.zeros((nights, p)), chi2=np.zeros(nights),
                   freedom=np.zeros(nights), variance=np.zeros(nights))


@dataclass(frozen=True, kw_only=True)
class InNight:
    """Rows of one filter minus the means of their nights; n rows in m of N nights.

    Attributes
    ----------
    zp, airmass : ndarray, shape (n,)
        Zeropoint [mag], and airmass.
    design : ndarray, shape (n, p)
        Covariates.
    variance : ndarray, shape (n,)
        Of the error of each row [mag^2].
    near : ndarray of bool, shape (n,)
        Not wild.
    first, nights : ndarray of int, shape (m,)
        First row of each night, and its number.
    """

    zp: np.ndarray
    airmass: np.ndarray
    design: np.ndarray
    variance: np.ndarray
    near: np.ndarray
    first: np.ndarray
    nights: np.ndarray


def contrasts_of(rows: InNight, beta: np.ndarray, clear: np.ndarray, colour: float) -> Contrasts:
    """Sum the contrasts of one filter.

    Parameters
    ----------
    rows : InNight
        Rows of the filter.
    beta : ndarray, shape (p,)
        Coefficients as known so far: only for chi^2.
    clear : ndarray, shape (N,)
        Probability of each night to be clear.
    colour : float
        u.

    Returns
    -------
    Contrasts
    """
    found, nights, first = Contrasts.none(len(clear), len(beta)), rows.nights, rows.first
    size = np.diff(np.append(first, len(rows.zp)))
    weight = rows.near / rows.variance
    chi2 = np.add.reduceat(weight * (rows.zp - rows.design @ beta) ** 2, first)
    count = np.add.reduceat(rows.near.astype(float), first)
    of_night = clear[nights] * (_FREEDOM + count - 1) / (_FREEDOM + chi2)
    weighted = rows.design * (weight * np.repeat(of_night, size))[:, None]
    by_haze = -colour * rows.airmass
    found.normal[:], found.right[:] = weighted.T @ rows.design, weighted.T @ rows.zp
    found.haze_normal[nights] = of_night * np.add.reduceat(weight * by_haze**2, first)
    found.haze_right[nights] = of_night * np.add.reduceat(weight * by_haze * rows.zp, first)
    found.haze_crossed[nights] = np.add.reduceat(by_haze[:, None] * weighted, first, axis=0)
    found.chi2[nights], found.freedom[nights] = chi2, np.maximum(count - 1, 0)
    found.variance[nights] = np.add.reduceat(rows.near * rows.variance, first)
    return found


def joined(parts: Sequence[Contrasts]) -> Contrasts:
    """Contrasts of all filters together.

    Parameters
    ----------
    parts : sequence of Contrasts
        One for each filter.

    Returns
    -------
    Contrasts
        What they say of h is of the weeks around: less certain by what h a single night has of its own.
    """
    sums = {field.name: np.sum([getattr(part, field.name) for part in parts], axis=0) for field in fields(Contrasts)}
    of_weeks = 1 / (1 + _NIGHTLY_K**2 * sums['haze_normal'])
    for name in ('haze_normal', 'haze_right', 'haze_crossed'):
        sums[name] = (sums[name].T * of_weeks).T
    return Contrasts(**sums)


def clouds_by_scatter(contrasts: Contrasts, rows: np.ndarray) -> np.ndarray:
    """What the scatter of rows says of the clouds of their night.

    Parameters
    ----------
    contrasts : Contrasts
        Of all filters.
    rows : ndarray of int, shape (N,)
        Number of rows of each night.

    Returns
    -------
    ndarray, shape (N, k)
        Log likelihood with clouds of each element of depths over that without.
    """
    variance = np.maximum(contrasts.variance / np.maximum(rows, 1), 1e-6)
    grown = 1 + (_UNEVEN_PART * DEPTH_MAG) ** 2 / variance[:, None]
    freedom = contrasts.freedom[:, None]
    seen = np.minimum(contrasts.chi2[:, None], _CHI2_MOST * freedom)
    uneven = 0.5 * _SCATTER_TRUST * (seen * (1 - 1 / grown) - freedom * np.log(grown))
    return np.logaddexp(np.log(1 - _UNEVEN_SHARE), np.log(_UNEVEN_SHARE) + uneven)
