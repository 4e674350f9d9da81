"""Zeropoints of frames with one colour term for each camera, in place of the noisy ones of single frames.

A frame measures the zeropoint zp at the pivot colour and the colour term c.  At the mean colour of its stars, x away
from the pivot, the zeropoint zp + c x hardly depends on c; carried to the pivot, it takes up x times the error of c,
which is large where stars are few.  But colour terms are a matter of filter, detector and mirror, and change little
over months.  So the colour terms of all frames of a camera and native filter within a period have a common value C,
from which single frames differ by s (other populations of stars, airmass): a prior on c of variance
t^2 = s^2 + error(C)^2.  With it

    c' = c + K (C - c),    zp' = zp - x K (C - c),    K = e^2 / (e^2 + t^2),    e the error of c,

the product of two Gaussians (Bishop 2006, Pattern Recognition and Machine Learning, sec. 2.3.3).  The error of zp'
follows from those of zp, c and C, which is independent of both; with cov the covariance of zp and c,

    error(zp')^2 = error(zp)^2 + 2 x K cov + x^2 K^2 (e^2 + t^2).

Where e is much smaller than t (hundreds of stars) nothing changes; where it is much larger, c' = C.  A colour term that
was held at a usual value was not measured: K = 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from photzp.robust import GAUSSIAN_MEDIAN_DEVIATION

_PERIOD_DAYS = 183  # half a year: hundreds of frames, less than filters and coatings take to change
_MIN_FRAMES = 20    # in a period, for a colour term that is not that of the very frames it is used on


@dataclass(frozen=True, kw_only=True)
class FrameZeropoints:
    """Zeropoints of frames with their own colour terms; a frame may lack any number (rows of older databases).

    Attributes
    ----------
    zp, zperr : ndarray, shape (n,)
        Zeropoints at the pivot colour, and their 1-sigma errors [mag].
    colorterm, colortermerr : ndarray, shape (n,)
        Colour terms and their 1-sigma errors [mag/mag].
    covariance : ndarray, shape (n,)
        Of zp and colorterm.
    colour_offset : ndarray, shape (n,)
        x, mean colour of the stars minus pivot colour [mag].
    held : ndarray of bool, shape (n,)
        The colour term was not fitted, but held at a usual value.
    time : ndarray of datetime64, shape (n,)
        UTC.
    group : ndarray of int, shape (n,)
        Code of camera and native filter.
    """

    zp: np.ndarray
    zperr: np.ndarray
    colorterm: np.ndarray
    colortermerr: np.ndarray
    covariance: np.ndarray
    colour_offset: np.ndarray
    held: np.ndarray
    time: np.ndarray
    group: np.ndarray


@dataclass(frozen=True, kw_only=True)
class CameraColourTerm:
    """Colour term of one camera and native filter in one period.

    Attributes
    ----------
    group : int
        Code of camera and native filter.
    start, end : datetime64
        First and last frame with a measured colour term.
    colorterm, error : float
        C and its 1-sigma error [mag/mag].
    spread : float
        s, by how much colour terms of frames differ beyond their errors (1 sigma).
    frames : int
        Number of frames with a measured colour term.
    changed : int
        Number of frames that the colour term was applied to.
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
    frames: FrameZeropoints, changes: Sequence[np.datetime64] | np.ndarray = (),
) -> tuple[np.ndarray, np.ndarray, tuple[CameraColourTerm, ...]]:
    """Carry zeropoints to the colour term of their camera and period.

    Parameters
    ----------
    frames : FrameZeropoints
        Frames of one telescope.
    changes : sequence of datetime64
        Times at which an instrument changed, which end a period.

    Returns
    -------
    zp, zperr : ndarray, shape (n,)
        Zeropoints and 1-sigma errors [mag]; unchanged for a frame that lacks a number, or whose period has fewer than
        20 measured colour terms.
    terms : tuple of CameraColourTerm
        The colour terms that were applied.
    """
    zp, zperr, terms = np.array(frames.zp, float), np.array(frames.zperr, float), []
    for rows in _periods(frames, changes):
        measured = rows[~frames.held[rows]]
        if len(measured) < _MIN_FRAMES:
            continue
        value, error, spread = _common_colourterm(frames.colorterm[measured], frames.colortermerr[measured])
        variance, prior = frames.colortermerr[rows] ** 2, spread**2 + error**2
        shift = frames.colour_offset[rows] * np.where(frames.held[rows], 1.0, variance / (variance + prior))  # x K
        zp[rows] -= shift * (value - frames.colorterm[rows])
        zperr[rows] = np.sqrt(zperr[rows] ** 2 + 2 * shift * frames.covariance[rows] + shift**2 * (variance + prior))
        terms.append(CameraColourTerm(
            group=int(frames.group[rows[0]]), start=frames.time[measured].min(), end=frames.time[measured].max(),
            colorterm=value, error=error, spread=spread, frames=len(measured), changed=len(rows)))
    return zp, zperr, tuple(terms)


def _periods(frames: FrameZeropoints, changes: Sequence[np.datetime64] | np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows of each group and period that lack no number.

    A period is half a year, counted from 1970-01-01, and shorter where an instrument changed in it.
    """
    numbers = (frames.zp, frames.zperr, frames.colorterm, frames.colortermerr, frames.covariance, frames.colour_offset)
    complete = np.flatnonzero(np.all(np.isfinite(np.array(numbers, float)), axis=0) & (frames.colortermerr > 0)
                              & ~np.isnat(frames.time))
    if not len(complete):
        return
    time = frames.time[complete]
    days = time.astype('datetime64[D]').astype(int)
    changed = np.searchsorted(np.sort(np.asarray(changes, time.dtype)), time, side='right')
    parts = np.stack([frames.group[complete], changed, days // _PERIOD_DAYS])
    code = np.unique(parts, axis=1, return_inverse=True)[1].ravel()
    order = np.argsort(code, kind='stable')
    yield from np.split(complete[order], np.flatnonzero(np.diff(code[order])) + 1)


def _common_colourterm(colorterm: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
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
