"""Means over filters whose errors are common."""

import numpy as np
import pytest

from photzp.answers.overfilters import shared_error, weighted_mean


def test_noise_that_filters_share_does_not_average_out():
    rng = np.random.default_rng(1)
    grey = rng.normal(0, 0.010, 20_000)
    drawn = grey + rng.normal(0, 0.003, (4, 20_000))
    error = shared_error(np.full(4, np.hypot(0.010, 0.003)))
    assert 1.0 < error / np.std(drawn.mean(axis=0)) < 1.06


def test_the_error_of_a_mean_is_that_of_errors_that_go_together():
    # Weights 1/4 and 1 (of errors 2 and 1): mean (0.25 * 6 + 1 * 1) / 1.25 = 2, error (0.25 * 2 + 1 * 1) / 1.25 = 1.2.
    mean, error, chi2 = weighted_mean(np.array([6.0, 1.0]), np.array([2.0, 1.0]))
    assert (mean, error) == pytest.approx((2.0, 1.2))
    assert chi2 == pytest.approx((6 - 2) ** 2 / 4 + 1)
    assert shared_error(np.array([[1.0, 2.0], [3.0, 4.0]])) == pytest.approx([2.0, 3.0])


def test_of_no_filter_nothing_is_known():
    assert np.isnan(weighted_mean(np.empty(0), np.empty(0))[:2]).all()
    assert np.isnan(shared_error(np.empty(0)))
    assert np.isnan(shared_error(np.empty((0, 3)))).all()
