"""The likelihood of a night that several series share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from photzp.answers import sharednight


def test_a_dimmed_density_is_its_integral():
    depth, sigma = np.linspace(-0.03, 0.5, 12), 0.01
    cloud = np.linspace(0, 3, 300_001)
    folded = [np.trapezoid(np.exp(-cloud / 0.3) / 0.3 * norm.pdf(d - cloud, scale=sigma), cloud) for d in depth]
    np.testing.assert_allclose(np.exp(sharednight._log_dimmed(depth, np.full(12, sigma))), folded, rtol=2e-3, atol=1e-7)


def test_a_night_of_no_series_says_nothing():
    loglike, clear, _ = sharednight.night_likelihood(np.zeros((2, 3)), np.zeros((2, 3)), np.full(3, 0.5))
    assert (loglike == 0).all()
    assert (clear == 0).all()


def test_one_wild_series_does_not_make_a_cloud():
    residual = np.array([[0.0], [0.001], [-1.5]])
    _, clear, tame = sharednight.night_likelihood(residual, np.full((3, 1), 1e4), np.full(1, 0.5))
    assert clear[0] > 0.9
    assert tame[2, 0] < 0.01


@given(residual=st.lists(st.floats(-0.5, 0.05), min_size=2, max_size=5), seed=st.integers(0, 5))
def test_the_order_of_series_does_not_matter(residual, seed):
    values = np.array(residual)[:, None]
    weight = 1 / np.linspace(0.008, 0.02, len(residual))[:, None] ** 2
    order = np.random.default_rng(seed).permutation(len(residual))
    one, other = (sharednight.night_likelihood(values[index], weight[index], np.full(1, 0.6))
                  for index in (slice(None), order))
    np.testing.assert_allclose(one[0], other[0], rtol=1e-9)
    np.testing.assert_allclose(one[1], other[1], atol=1e-9)


def test_the_share_of_clear_nights_is_that_of_the_weeks_around():
    clear = np.repeat([1.0, 0.0], 100)
    share = sharednight.clear_share(clear, 10)
    assert share[50] == 1 - sharednight._SHARE_MIN
    assert share[150] == sharednight._SHARE_MIN
    assert share[100] == pytest.approx(11 / 23)
