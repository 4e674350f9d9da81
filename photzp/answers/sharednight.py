"""The likelihood of a night that several series share: filters of a telescope, telescopes of a site.

Clouds are common to all of them and only dim.  With r_s the mean residual of a night in series s about its clear level,
v_s its variance, rbar the weighted mean of all and V its variance, the likelihood is

    w prod_s [(1 - eps) N(r_s; 0, v_s) + eps / WILD_RANGE_MAG] + (1 - w) g(rbar) S(kappa)

w is the share of clear nights.  g is an exponential of CLOUD_MAG folded with N(0, V).  As prod_s N(r_s; -D, v_s) is
N(rbar; -D, V) times the scatter about rbar, S is that scatter, wider by KAPPA rbar: cloud is not the same for all.
"""

import numpy as np
from scipy.special import log_ndtr

from photzp.throughput.clearsky import CLOUD_MAG
from photzp.throughput.cloudmixture import WILD_RANGE_MAG

# Not those of the clear-sky fit, which are of the rows of one series in a night: here a value is the mean of a night.
KAPPA = 0.3       # scatter of series in a cloudy night, relative to its depth
WILD = 0.01       # share of nightly means that are wild
SHARE_MIN = 0.05  # of clear and of cloudy nights, at any time
NOISE_MAG = 0.003  # scatter of nightly means in clear nights beyond their errors, at least
_LOG_2PI = np.log(2 * np.pi)


def night_likelihood(residual: np.ndarray, weight: np.ndarray, clear: np.ndarray,
                     blur_mag: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log likelihood of nights (..., n), probability that each is clear (..., n), and that a series is not wild.

    residual, weight = 1 / v (..., s, n) : [mag], weight 0 where there is none.  clear : share of clear nights, of a
    shape that fits (..., n).  blur_mag : errors are larger by so much.  A night of no series has likelihood 1 and
    probability 0.
    """
    there = weight > 0
    weight = np.where(there, 1 / (1 / np.where(there, weight, 1.0) + blur_mag**2), 0.0)
    core = np.exp(_log_normal(weight, there) - 0.5 * weight * residual**2) * (1 - WILD)
    density = core + WILD / WILD_RANGE_MAG
    bright = np.where(there, np.log(density), 0.0).sum(axis=-2) + np.log(clear)
    count = there.sum(axis=-2)
    dim = np.logaddexp(_log_cloudy(residual, weight, there), np.log(WILD) - count * np.log(WILD_RANGE_MAG))
    dim = dim + np.log1p(-clear)
    loglike = np.logaddexp(bright, dim)
    return np.where(count > 0, loglike, 0.0), np.where(count > 0, np.exp(bright - loglike), 0.0), core / density


def _log_normal(weight: np.ndarray, there: np.ndarray) -> np.ndarray:
    return np.where(there, 0.5 * (np.log(np.where(there, weight, 1.0)) - _LOG_2PI), 0.0)


def _log_cloudy(residual: np.ndarray, weight: np.ndarray, there: np.ndarray) -> np.ndarray:
    """log g(rbar) S(kappa)."""
    total = np.maximum(weight.sum(axis=-2), 1e-12)
    mean = (weight * residual).sum(axis=-2) / total
    spread = weight / (1 + weight * (KAPPA * mean[..., None, :]) ** 2)
    scatter = _log_normal(spread, there) - 0.5 * spread * (residual - mean[..., None, :]) ** 2
    return scatter.sum(axis=-2) + 0.5 * (_LOG_2PI - np.log(total)) + log_dimmed(-mean, 1 / np.sqrt(total))


def log_dimmed(depth: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Log density of an exponential of mean CLOUD_MAG folded with a Gaussian of sigma (exponentially modified)."""
    ratio = sigma / CLOUD_MAG
    return -np.log(CLOUD_MAG) + 0.5 * ratio**2 - depth / CLOUD_MAG + log_ndtr(depth / sigma - ratio)


def clear_share(clear: np.ndarray, reach: int) -> np.ndarray:
    """Share of clear nights among the `reach` on either side of each, from their probabilities (m,)."""
    total = np.append(0, np.cumsum(clear))
    at = np.arange(len(clear))
    first, last = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(clear))
    return np.clip((total[last] - total[first] + 1) / (last - first + 2), SHARE_MIN, 1 - SHARE_MIN)
