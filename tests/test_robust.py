"""Robust spreads against numbers worked out by hand, samples of known spread, and scipy's distributions."""

import math

import numpy as np
import pytest
from scipy import stats

from photzp import robust
from photzp.robust import median_error, rayleigh_spread, robust_spread

# Median 2, absolute deviations 0 0 1 1 2 4 7 with the median 1.
SEVEN = np.array([1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0])


def normal(n, sigma=1.0):
    """Values that are spread as evenly as n of a Gaussian can be."""
    return sigma * stats.norm.ppf((np.arange(n) + 0.5) / n)


def test_constants_are_those_of_the_distributions():
    assert round(stats.norm.ppf(0.75), 4) == robust.GAUSSIAN_MEDIAN_DEVIATION
    assert round(1 / stats.norm.ppf(0.75), 4) == robust._MAD_TO_SIGMA
    assert round(math.sqrt(math.pi / 2), 4) == robust._MEDIAN_ERROR
    assert round(stats.rayleigh.median(), 3) == robust._RAYLEIGH_MEDIAN
    assert round(stats.norm.cdf(1) - stats.norm.cdf(-1), 3) == robust.INTERVAL_SHARE
    low, middle, high = robust.INTERVAL_QUANTILES
    assert (low + high, middle) == (1, 0.5)
    assert high - low == pytest.approx(robust.INTERVAL_SHARE, abs=1e-12)


def test_spread_by_hand():
    assert robust_spread(SEVEN) == 1.4826
    assert robust_spread(np.array([3.0, 3.0, 3.0, 8.0])) == 0
    # About 0 the absolute values 1 1 3 count, about the median 1 the deviations 0 2 2.
    assert robust_spread(np.array([3.0, -1.0, 1.0]), centre=0.0) == 1.4826
    assert robust_spread(np.array([3.0, -1.0, 1.0])) == 2 * 1.4826


def test_spread_of_gaussian_values_is_their_standard_deviation():
    assert robust_spread(23 + normal(2001, sigma=0.02)) == pytest.approx(0.02, rel=1e-3)


def test_a_tenth_of_wild_values_hardly_moves_the_spread():
    values = normal(2000)
    values[::10] = 1e6
    assert robust_spread(values) == pytest.approx(1, rel=0.15)


def test_error_of_a_median_by_hand():
    assert median_error(SEVEN) == pytest.approx(0.70231, abs=1e-5)  # 1.2533 x 1.4826 / sqrt(7)


def test_error_of_a_median_is_what_medians_scatter_by():
    samples = np.random.default_rng(1).normal(0, 3, (4000, 201))
    scatter = np.std(np.median(samples, axis=1))
    assert np.mean([median_error(sample) for sample in samples]) == pytest.approx(scatter, rel=0.04)


def test_spread_of_distances_is_that_of_each_axis():
    assert rayleigh_spread(np.array([0.1, 1.177, 50.0])) == 1
    distances = 0.3 * stats.rayleigh.ppf((np.arange(1001) + 0.5) / 1001)
    assert rayleigh_spread(distances) == pytest.approx(0.3, rel=1e-3)
