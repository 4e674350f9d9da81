"""Magnitudes, flux ratios and percents of light: the one place where they are turned into one another.

All magnitudes here are gains g: positive for more light, as a zeropoint less an earlier one or less that of a clean
telescope.  A loss, or the magnitudes of two stars, enter with the opposite sign.  By Pogson (1856, MNRAS 17, 12)

    ratio of fluxes = 10^(0.4 g),    g = 2.5 log10(ratio)

Functions take a number or an array of any shape and return the same.
"""

import math
from typing import TypeVar

import numpy as np

Numbers = TypeVar('Numbers', float, np.ndarray)

# By first order, a relative change of a flux is a change in magnitudes times RELATIVE_PER_MAG, and the other way round.
MAG_PER_RELATIVE = 2.5 / math.log(10)
RELATIVE_PER_MAG = 0.4 * math.log(10)


def ratio_of_mag(gain_mag: Numbers) -> Numbers:
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


def mag_of_ratio(ratio: Numbers) -> Numbers:
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


def percent_of_reference(model_mag: Numbers, reference_mag: float = 0.0) -> Numbers:
    """Throughput in percent of the reference.

    Parameters
    ----------
    model_mag : float or ndarray
        Zeropoint, or without `reference_mag` the zeropoint less that of the reference.
    reference_mag : float
        Zeropoint of the reference, a clean telescope.

    Returns
    -------
    float or ndarray
        Percent: 100 at the reference, less than that below it.
    """
    return 100 * ratio_of_mag(model_mag - reference_mag)


def mag_of_percent(percent: Numbers) -> Numbers:
    """Zeropoint less that of the reference, the inverse of `percent_of_reference`.

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


def percent_gained(gain_mag: Numbers) -> Numbers:
    """Gain in percent of the light before it.

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


def percent_lost(loss_mag: Numbers) -> Numbers:
    """Loss in percent of the light before it.

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


def percent_error(gain_mag: Numbers, error_mag: Numbers) -> Numbers:
    """Error of `percent_of_reference`, `percent_gained` and `percent_lost`, which is the same for all three.

    Parameters
    ----------
    gain_mag : float or ndarray
        The difference in magnitudes that the percent was computed from, positive for more light.
    error_mag : float or ndarray
        1-sigma error of it, small against 1 mag: the error is propagated to first order.

    Returns
    -------
    float or ndarray
        1-sigma error in percent.
    """
    # Not times RELATIVE_PER_MAG: the last digit of stored errors depends on the order.
    return percent_of_reference(gain_mag) * 0.4 * math.log(10) * error_mag
