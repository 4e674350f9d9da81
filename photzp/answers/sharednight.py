"""The likelihood of a night that several series share: filters of a telescope, telescopes of a site.

Clouds are common to all of them and only dim.  With r_s the mean residual of a night in series s about its clear level,
v_s its variance, rbar the weighted mean of all and V its variance, the likelihood is

    w prod_s [(1 - eps) N(r_s; 0, v_s) + eps / WILD_RANGE_MAG] + (1 - w) g(rbar) S(kappa)

w is the share of clear nights.  g is an exponential of CLOUD_MAG folded with N(0, V).  As prod_s N(r_s; -D, v_s) is
N(rbar; -D, V) times the scatter about rbar, S is that scatter, wider by kappa rbar: cloud is not the same for all.
"""

import numpy as np
from scipy.special import log_ndtr

from photzp.throughput.clearsky import CLOUD_MAG
from photzp.throughput.cloudmixture import WILD_RANGE_MAG

# Not those of the clear-sky fit, which are of the rows of one series in a night: here a value is the mean of a night.
_KAPPA = 0.3       # scatter of series in a cloudy night, relative to its depth
_WILD = 0.01       # eps, share of nightly means that are wild
_SHARE_MIN = 0.05  # of clear and of cloudy nights, at any time
NOISE_MAG = 0.003  # scatter of nightly means in clear nights beyond their errors, at least
_LOG_2PI = np.log(2 * np.pi)


def night_likelihood(residual: np.ndarray, weight: np.ndarray, clear: np.ndarray,
                     blur_mag: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log likelihood of nights, and the probabilities that follow from it.

    Parameters
    ----------
    residual : ndarray, shape (..., s, n)
        Mean residual of each night in each series [mag].
    weight : ndarray, shape (..., s, n)
        1 / variance [mag^-2], 0 where a series has no such night.
    clear : ndarray, of a shape that broadcasts to (..., n)
        Share of clear nights.
    blur_mag : float
        Errors are larger by so much, in quadrature.

    Returns
    -------
    loglike : ndarray, shape (..., n)
        0 for a night of no series.
    probability : ndarray, shape (..., n)
        That each night is clear; 0 for a night of no series.
    tame : ndarray, shape (..., s, n)
        Probability, in a clear night, that the value of a series is not wild.
    """
    present = weight > 0
    weight = np.where(present, 1 / (1 / np.where(present, weight, 1.0) + blur_mag**2), 0.0)
    core = np.exp(_log_normal(weight, present) - 0.5 * weight * residual**2) * (1 - _WILD)
    density = core + _WILD / WILD_RANGE_MAG
    bright = np.where(present, np.log(density), 0.0).sum(axis=-2) + np.log(clear)
    count = present.sum(axis=-2)
    dim = np.logaddexp(_log_cloudy(residual, weight, present), np.log(_WILD) - count * np.log(WILD_RANGE_MAG))
    dim = dim + np.log1p(-clear)
    loglike = np.logaddexp(bright, dim)
    return np.where(count > 0, loglike, 0.0), np.where(count > 0, np.exp(bright - loglike), 0.0), core / density


def _log_normal(weight: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Log of the factor of normal distributions, 0 where there is no value."""
    return np.where(present, 0.5 * (np.log(np.where(present, weight, 1.0)) - _LOG_2PI), 0.0)


def _log_cloudy(residual: np.ndarray, weight: np.ndarray, present: np.ndarray) -> np.ndarray:
    """log g(rbar) S(kappa)."""
    total = np.maximum(weight.sum(axis=-2), 1e-12)
    mean = (weight * residual).sum(axis=-2) / total
    spread = weight / (1 + weight * (_KAPPA * mean[..., None, :]) ** 2)
    scatter = _log_normal(spread, present) - 0.5 * spread * (residual - mean[..., None, :]) ** 2
    return scatter.sum(axis=-2) + 0.5 * (_LOG_2PI - np.log(total)) + _log_dimmed(-mean, 1 / np.sqrt(total))


def _log_dimmed(depth: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Log density of an exponential of mean CLOUD_MAG folded with a Gaussian of sigma (exponentially modified)."""
    ratio = sigma / CLOUD_MAG
    return -np.log(CLOUD_MAG) + 0.5 * ratio**2 - depth / CLOUD_MAG + log_ndtr(depth / sigma - ratio)


def clear_share(clear: np.ndarray, reach: int) -> np.ndarray:
    """Share of clear nights around each night.

    Parameters
    ----------
    clear : ndarray, shape (m,)
        Probability that each night is clear, in order of time.
    reach : int
        Number of nights on either side that count.

    Returns
    -------
    ndarray, shape (m,)
        With one clear and one cloudy night added, and kept away from 0 and 1.
    """
    total = np.append(0, np.cumsum(clear))
    index = np.arange(len(clear))
    first, last = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(clear))
    return np.clip((total[last] - total[first] + 1) / (last - first + 2), _SHARE_MIN, 1 - _SHARE_MIN)
