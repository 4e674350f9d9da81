"""One colour term for each camera: zeropoints freed of what single frames cannot tell about it.  Arrays in and out.

A frame measures zp at the pivot colour and the colour term c.  At the mean colour of its stars, x away from the pivot,
the zeropoint zp + c x hardly depends on c; carried to the pivot it takes x times the error of c along, which is large
where stars are few.  But colour terms are a matter of filter, detector and mirror, and change little over months.  So
the colour terms of all frames of a camera and native filter within a period have a common value C, from which single
frames differ by s (other populations of stars, airmass): a prior on c of variance t^2 = s^2 + error(C)^2.  With it

    c' = c + K (C - c),    zp' = zp - x K (C - c),    K = e^2 / (e^2 + t^2),    e the error of c,

the product of two Gaussians (Bishop 2006, Pattern Recognition and Machine Learning, sec. 2.3.3).  With e_zp = the error
of zp and cov its covariance with c, the error of zp' follows from those of zp, c and C, which is independent of both:

    error(zp')^2 = e_zp^2 + 2 x K cov + x^2 K^2 (e^2 + t^2).

Where e is much smaller than t (hundreds of stars) nothing changes; where it is much larger, c' = C.  A colour term that
was held at a usual value was not measured: K = 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from photzp.robust import GAUSSIAN_MEDIAN_DEVIATION
from photzp.times import instant_of

PERIOD_DAYS = 183            # half a year: hundreds of frames, less than filters and coatings take to change
MIN_FRAMES = 20              # in a period, for a colour term that is not that of the very frames it is used on


@dataclass(frozen=True)
class CameraColourTerm:
    """Colour term of one camera and native filter in one period.

    group : code of camera and native filter.  start, end : datetime64, first and last frame it was found from.
    colorterm, error : C and its 1-sigma error.  spread : s, by how much frames differ beyond their errors.
    frames : with a measured colour term.  changed : zeropoints that it was applied to.
    """

    group: int
    start: np.datetime64
    end: np.datetime64
    colorterm: float
    error: float
    spread: float
    frames: int
    changed: int


def with_camera_colourterm(
    zp: np.ndarray, zperr: np.ndarray, colorterm: np.ndarray, colortermerr: np.ndarray, covariance: np.ndarray,
    colour_offset: np.ndarray, held: np.ndarray, time: np.ndarray, group: np.ndarray,
    changes: Sequence[np.datetime64] | np.ndarray = (),
) -> tuple[np.ndarray, np.ndarray, tuple[CameraColourTerm, ...]]:
    """Zeropoints with the colour term of their camera and period in place of their own.

    zp, zperr, colorterm, colortermerr (n,) [mag]; covariance (n,) of zp and colorterm [mag^2].
    colour_offset (n,) : x, mean colour of the fit less the colour at which zp holds [mag].
    held (n,) bool : the colour term was not fitted.  time (n,) datetime64.  group (n,) int : camera and native filter.
    changes : datetimes at which an instrument changed, where a period ends.
    Returns zp (n,), zperr (n,), and the colour terms used.  A row that lacks any of these numbers (those of older
    databases), or whose period has fewer than MIN_FRAMES measured colour terms, is returned as it is.
    """
    zp, zperr = np.array(zp, float), np.array(zperr, float)
    numbers = (zp, zperr, colorterm, colortermerr, covariance, colour_offset)
    complete = np.all(np.isfinite(numbers), axis=0) & (colortermerr > 0) & ~np.isnat(time)
    if not complete.any():
        return zp, zperr, ()
    found = []
    code = _period_codes(time, group, complete, changes)
    order = np.argsort(code, kind='stable')  # rows without a period come first, with code -1
    first = np.flatnonzero(np.diff(code[order], prepend=-1))
    for rows in np.split(order, first)[1:]:
        measured = rows[~held[rows]]
        if len(measured) < MIN_FRAMES:
            continue
        value, error, spread = common_colourterm(colorterm[measured], colortermerr[measured])
        variance, prior = colortermerr[rows] ** 2, spread**2 + error**2
        shift = colour_offset[rows] * np.where(held[rows], 1.0, variance / (variance + prior))  # x K
        zp[rows] -= shift * (value - colorterm[rows])
        zperr[rows] = np.sqrt(zperr[rows] ** 2 + 2 * shift * covariance[rows] + shift**2 * (variance + prior))
        found.append(CameraColourTerm(int(group[rows[0]]), time[measured].min(), time[measured].max(), value, error,
                                      spread, len(measured), len(rows)))
    return zp, zperr, tuple(found)


def _period_codes(time: np.ndarray, group: np.ndarray, complete: np.ndarray,
                  changes: Sequence[np.datetime64] | np.ndarray) -> np.ndarray:
    """Code of group and period of each row (n,), from 0, and -1 for rows that are not complete.

    A period is half a year, counted from 1970-01-01, and shorter where an instrument changed in it.
    """
    days = np.where(complete, time, instant_of('1970-01-01')).astype('datetime64[D]').astype(int)
    changed = np.searchsorted(np.sort(np.asarray(changes, time.dtype)), time, side='right')
    parts = [np.unique(part[complete], return_inverse=True)[1] for part in (group, changed, days // PERIOD_DAYS)]
    one = np.zeros_like(parts[0])
    for part in parts:
        one = one * (int(np.max(part)) + 1) + part
    code = np.full(len(time), -1)
    code[complete] = np.unique(one, return_inverse=True)[1]
    return code


def common_colourterm(colorterm: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
    """Common value of colour terms (n,) with errors (n,): (value, its error, spread beyond the errors).

    The median weighted by 1 / sigma, sigma^2 = error^2 + spread^2, is the maximum-likelihood location for Laplace's
    distribution; for Gaussian errors its variance is pi/2 over the sum of 1 / sigma^2.  The spread makes the median of
    |deviation| / sigma that of a Gaussian, 0.6745.
    """
    spread = 0.0
    for _ in range(3):  # value and spread depend on each other, weakly
        sigma = np.hypot(error, spread)
        value = _weighted_median(colorterm, 1 / sigma)
        spread = _spread_beyond(np.abs(colorterm - value), error)
    return value, float(np.sqrt(np.pi / 2 / np.sum(1 / (error**2 + spread**2)))), spread


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _spread_beyond(deviation: np.ndarray, error: np.ndarray) -> float:
    """s >= 0 such that deviation / sqrt(error^2 + s^2) has the median of a Gaussian, c = 0.6745.

    It exceeds c where (deviation / c)^2 - error^2 exceeds s^2, so the median of that is s^2.
    """
    return float(np.sqrt(max(np.median((deviation / GAUSSIAN_MEDIAN_DEVIATION) ** 2 - error**2), 0.0)))
