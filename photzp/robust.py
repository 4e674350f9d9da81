"""Spreads and errors that outliers hardly move: from medians, scaled so that they hold for Gaussian values."""

import numpy as np

# Of a Gaussian with sigma = 1: half of the values are within 0.6745 of the centre, and sigma is 1.4826 times the median
# absolute deviation (Rousseeuw & Croux 1993, J. Amer. Statist. Assoc. 88, 1273).  Each is rounded by itself, as stored
# results have been computed with these digits.
GAUSSIAN_MEDIAN_DEVIATION = 0.6745
MAD_TO_SIGMA = 1.4826
# The error of the median is sqrt(pi / 2) times that of the mean (Kendall & Stuart, vol. 1, sec. 10.12).
MEDIAN_ERROR = 1.2533
# Half of the distances of points that scatter as a Gaussian in each of two dimensions are below sqrt(2 ln 2) sigma, the
# median of a Rayleigh distribution.
RAYLEIGH_MEDIAN = 1.177
# Quantiles that stand for value and 1-sigma interval where a distribution is no Gaussian, and what is between them.
INTERVAL_QUANTILES = (0.1585, 0.5, 0.8415)
INTERVAL_SHARE = 0.683


def robust_spread(values: np.ndarray, centre: float | None = None) -> float:
    """Standard deviation of values by the median of their absolute deviations.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite values, at least one, in any unit.
    centre : float, optional
        Where deviations count from; without it the median of the values.

    Returns
    -------
    float
        1.4826 times the median absolute deviation, in the unit of the values; 0 where more than half are equal.
    """
    middle = np.median(values) if centre is None else centre
    return float(MAD_TO_SIGMA * np.median(np.abs(values - middle)))


def median_error(values: np.ndarray) -> float:
    """1-sigma error of the median of values, from their robust spread.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite values, at least one, in any unit.

    Returns
    -------
    float
        1.2533 s / sqrt(n) with s the robust spread, in the unit of the values.
    """
    return float(MEDIAN_ERROR * robust_spread(values) / np.sqrt(len(values)))


def rayleigh_spread(distances: np.ndarray) -> float:
    """Standard deviation per axis of points in a plane, by the median of their distances from where they should be.

    Parameters
    ----------
    distances : ndarray, shape (n,)
        Finite distances, at least one, in any unit.

    Returns
    -------
    float
        Their median over 1.177, in the unit of the distances.
    """
    return float(np.median(distances) / RAYLEIGH_MEDIAN)
