"""Conversion between magnitudes, flux ratios and percents of light.

All magnitudes here are gains g, positive for more light: a zeropoint minus an earlier one, or minus that of a clean
telescope.  A loss, or a difference of stellar magnitudes, has the opposite sign.  By Pogson (1856, MNRAS 17, 12)

    ratio of fluxes = 10^(0.4 g),    g = 2.5 log10(ratio)

Functions take a number or an array of any shape, and return the same.
"""

import math
from typing import TypeVar

import numpy as np

_Numbers = TypeVar('_Numbers', float, np.ndarray)

# To first order, relative change of flux = RELATIVE_PER_MAG * change in magnitudes, and MAG_PER_RELATIVE the inverse.
MAG_PER_RELATIVE = 2.5 / math.log(10)
RELATIVE_PER_MAG = 0.4 * math.log(10)


def ratio_of_mag(gain_mag: _Numbers) -> _Numbers:
    """Ratio of the fluxes after and before a gain.

    Parameters
    ----------
    gain_mag : float or ndarray
        Gain in magnitudes, positive for more light.

    Returns
    -------
    float or ndarray
        The ratio: 1 for no change, above 1 for more light.
    """
    return 10 ** (0.4 * gain_mag)


def mag_of_ratio(ratio: _Numbers) -> _Numbers:
    """Gain in magnitudes of a ratio of fluxes, the inverse of `ratio_of_mag`.

    Parameters
    ----------
    ratio : float or ndarray
        Ratio of two fluxes, above 0.

    Returns
    -------
    float or ndarray
        Gain in magnitudes, positive for a ratio above 1.
    """
    return 2.5 * np.log10(ratio)


def percent_of_reference(model_mag: _Numbers, reference_mag: float = 0.0) -> _Numbers:
    """Throughput in percent of the reference.

    Parameters
    ----------
    model_mag : float or ndarray
        Zeropoint; without `reference_mag`, zeropoint minus that of the reference.
    reference_mag : float
        Zeropoint of the reference, a clean telescope.

    Returns
    -------
    float or ndarray
        Percent: 100 at the reference, less where the zeropoint is fainter.
    """
    return 100 * ratio_of_mag(model_mag - reference_mag)


def mag_of_percent(percent: _Numbers) -> _Numbers:
    """Zeropoint minus that of the reference, the inverse of `percent_of_reference`.

    Parameters
    ----------
    percent : float or ndarray
        Throughput in percent of the reference, above 0.

    Returns
    -------
    float or ndarray
        Difference in magnitudes: 0 for 100 percent, negative below.
    """
    return mag_of_ratio(percent / 100)


def percent_gained(gain_mag: _Numbers) -> _Numbers:
    """Gain in percent of the light before the change.

    Parameters
    ----------
    gain_mag : float or ndarray
        Gain in magnitudes, positive for more light.

    Returns
    -------
    float or ndarray
        Percent, positive for more light.
    """
    return 100 * (ratio_of_mag(gain_mag) - 1)


def percent_lost(loss_mag: _Numbers) -> _Numbers:
    """Loss in percent of the light before the change.

    Parameters
    ----------
    loss_mag : float or ndarray
        Loss in magnitudes, positive for less light.

    Returns
    -------
    float or ndarray
        Percent, positive for less light.
    """
    return 100 * (1 - ratio_of_mag(-loss_mag))


def percent_error(gain_mag: _Numbers, error_mag: _Numbers) -> _Numbers:
    """Error of `percent_of_reference`, `percent_gained` and `percent_lost`: the same for all three.

    Parameters
    ----------
    gain_mag : float or ndarray
        The difference in magnitudes that the percent was computed from, positive for more light.
    error_mag : float or ndarray
        1-sigma error of the gain, small against 1 mag, as it is propagated to first order.

    Returns
    -------
    float or ndarray
        1-sigma error in percent.
    """
    # Not times RELATIVE_PER_MAG: the last digit of stored errors depends on the order of the factors.
    return percent_of_reference(gain_mag) * 0.4 * math.log(10) * error_mag
