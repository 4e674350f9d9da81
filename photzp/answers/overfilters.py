"""Means over the filters of one telescope, whose errors are not independent.

All filters of a telescope share its grey level: noise of the nights, weeks of haze, the date of a step are common to
them.  So with value v_i and error s_i in filter i and weights w_i that add up to 1, the error of the mean is taken as

    s = sum w_i s_i,

which is the largest that it can be (sum_ij w_i w_j rho_ij s_i s_j with all rho_ij = 1).  A fit has no covariances
between filters; with a grey noise of 8 mmag a night and 5 of each of four filters, s is too large by 12%, while errors
added in quadrature would be too small by 44%.
"""

import numpy as np


def shared_error(error: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Error of the mean over filters.

    Parameters
    ----------
    error : ndarray, shape (f, ...)
        1-sigma error in each filter.
    weight : ndarray, shape (f,), optional
        Relative weights of the mean, all equal by default.

    Returns
    -------
    ndarray, shape (...)
        NaN without a filter.
    """
    if not len(error):
        return np.full(np.shape(error)[1:], np.nan)
    return np.average(error, axis=0, weights=weight)


def weighted_mean(value: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
    """Mean over filters, weighted by the inverse variances.

    Parameters
    ----------
    value, error : ndarray, shape (f,)
        With 1-sigma errors.

    Returns
    -------
    mean, mean_error, chi2 : float
        Mean and its error as above, and chi-square of equal values, which common errors make smaller; NaN, NaN and 0
        without a filter.
    """
    if not len(value):
        return np.nan, np.nan, 0.0
    weight = 1 / error**2
    mean = np.average(value, weights=weight)
    return float(mean), float(shared_error(error, weight)), float(weight @ (value - mean) ** 2)
