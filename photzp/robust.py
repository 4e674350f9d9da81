"""Spreads and errors from medians, which outliers hardly move, scaled to be right for Gaussian values."""

import numpy as np

# Half of the values of a Gaussian lie within 0.6745 sigma of its centre, so sigma is 1.4826 times the median absolute
# deviation (MAD; Rousseeuw & Croux 1993, J. Amer. Statist. Assoc. 88, 1273).  Both are rounded, as stored results have
# been computed with these digits.
GAUSSIAN_MEDIAN_DEVIATION = 0.6745
_MAD_TO_SIGMA = 1.4826
# The error of the median is sqrt(pi / 2) times that of the mean (Kendall & Stuart, vol. 1, sec. 10.12).
_MEDIAN_ERROR = 1.2533
# The median distance of points that scatter as a Gaussian in each of two dimensions is sqrt(2 ln 2) sigma, the median
# of a Rayleigh distribution.
_RAYLEIGH_MEDIAN = 1.177
# Quantiles that stand for the 1-sigma interval and the value of any distribution, and the share between the outer two.
INTERVAL_QUANTILES = (0.1585, 0.5, 0.8415)
INTERVAL_SHARE = 0.683


def robust_spread(values: np.ndarray, centre: float | None = None) -> float:
    """Standard deviation of values from their median absolute deviation.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite values, at least one, in any unit.
    centre : float, optional
        Centre of the deviations, by default the median of the values.

    Returns
    -------
    float
        1.4826 times the median absolute deviation, in the unit of the values; 0 where more than half are equal.
    """
    middle = np.median(values) if centre is None else centre
    return float(_MAD_TO_SIGMA * np.median(np.abs(values - middle)))


def median_error(values: np.ndarray) -> float:
    """1-sigma error of the median of values, from their robust spread.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite values, at least one, in any unit.

    Returns
    -------
    float
        1.2533 s / sqrt(n), where s is the robust spread, in the unit of the values.
    """
    return float(_MEDIAN_ERROR * robust_spread(values) / np.sqrt(len(values)))


def rayleigh_spread(distances: np.ndarray) -> float:
    """Standard deviation per axis of points that scatter in a plane, from their median distance to the expected place.

    Parameters
    ----------
    distances : ndarray, shape (n,)
        Finite distances, at least one, in any unit.

    Returns
    -------
    float
        Their median divided by 1.177, in the unit of the distances.
    """
    return float(np.median(distances) / _RAYLEIGH_MEDIAN)
