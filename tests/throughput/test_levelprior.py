"""Bins of nights, and what is assumed of levels before any data.  Whole posteriors: test_levels.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photzp.throughput.levelprior import Jump, Stiffness, make_bins, prior_blocks

LEVEL = np.array([24.3, 22.2])
STIFFNESS = Stiffness(grey=0.002**2, filter=0.0005**2, colour=np.array([1.4, 0.6]), slope=np.full(2, -0.010),
                      haze_mag=0.006,
                      lasting=np.array([[3e-5, 1e-5], [1e-5, 8e-5]]))
WASH = Jump(mean=np.array([0.02, 0.03]), covariance=np.array([[0.04, 0.038], [0.038, 0.04]]),
            slope=np.array([[4e-4, 3e-4], [3e-4, 4e-4]]), cleaned=True)


# --- bins

@given(st.lists(st.integers(0, 800), min_size=2, max_size=40, unique=True), st.floats(0.05, 1.0), st.floats(0.5, 7.5))
def test_no_bin_spans_a_step_or_more_than_its_width(nights, width, step):
    month = np.sort(nights) / 100
    bins = make_bins(month, np.array([step]), [WASH], width)
    for number in range(len(bins.month)):
        inside = month[bins.of_night == number]
        assert np.ptp(inside) <= width + 1e-12
        assert bins.month[number] == pytest.approx(inside.mean())
        assert bins.piece[number] == (inside[0] >= step) == (inside[-1] >= step)
    np.testing.assert_allclose(bins.month[bins.of_night] + bins.dt, month, atol=1e-12)
    assert (np.diff(bins.month) > 0).all()


def test_nights_without_a_gap_are_joined_to_as_few_bins_as_their_width_asks_for():
    bins = make_bins(np.arange(0, 2, 0.05), np.empty(0), [], 0.25)
    assert len(bins.month) == 8
    assert np.bincount(bins.of_night).tolist() == [5] * 8


# --- stiffness

def test_a_filter_by_itself_changes_far_less_than_all_of_them():
    other = STIFFNESS.of_grey(0.003)
    assert np.sqrt(other.grey) == pytest.approx(0.003)
    assert np.sqrt(other.filter) < 0.3 * 0.003
    np.testing.assert_array_equal(other.lasting, STIFFNESS.lasting)


def test_haze_dims_by_its_colour_and_the_airmass_of_a_typical_frame():
    assert STIFFNESS.haze[0] / STIFFNESS.haze[1] == pytest.approx(1.4 / 0.6)
    assert 1.0 < STIFFNESS.haze[0] / 1.4 < 1.6


# --- the prior as a whole

def dense(bins):
    """Mean (J, m) and covariance (J, m, J, m) of the states, from the blocks of their precision."""
    prior = prior_blocks(bins, STIFFNESS, LEVEL)
    n, m = prior.right.shape
    precision = np.zeros((n, m, n, m))
    for number in range(n):
        precision[number, :, number] = prior.diagonal[number]
    for number in range(n - 1):
        precision[number + 1, :, number] = prior.lower[number]
        precision[number, :, number + 1] = prior.lower[number].T
    flat = precision.reshape(n * m, n * m)
    assert prior.log_determinant == pytest.approx(np.linalg.slogdet(flat)[1], abs=1e-3)
    covariance = np.linalg.inv(flat)
    return (covariance @ prior.right.ravel()).reshape(n, m), covariance.reshape(n, m, n, m)


def change(covariance, before, after):
    """1-sigma width of the change of the level between two bins, for either filter [mag]."""
    variance = covariance[after, :2, after, :2] - covariance[before, :2, after, :2]
    variance = variance - covariance[after, :2, before, :2] + covariance[before, :2, before, :2]
    return np.sqrt(np.diag(variance))


def test_before_any_data_a_telescope_loses_10_mmag_a_month_and_a_step_adds_its_mean():
    bins = make_bins(np.arange(0.5, 7), np.array([3.0]), [WASH], 0.2)
    mean, _ = dense(bins)
    line = LEVEL - 0.010 * np.arange(7)[:, None]
    np.testing.assert_allclose(mean[:, :2], line + np.array([0.02, 0.03]) * (np.arange(7) >= 3)[:, None], atol=2e-4)


def test_before_any_data_levels_are_free_and_their_changes_are_not():
    bins = make_bins(np.arange(0.5, 7), np.array([3.0]), [WASH], 0.2)
    _, covariance = dense(bins)
    assert np.sqrt(covariance[0, 0, 0, 0]) > 2
    assert 0.005 < change(covariance, 0, 1)[0] < 0.02  # mag in a month
    assert 0.2 < change(covariance, 2, 3)[0] < 0.22  # over a wash
    assert change(covariance, 3, 4)[0] > 1.5 * change(covariance, 0, 1)[0]  # clean mirrors get dirty fast


def test_lasting_noise_and_haze_are_as_wide_at_any_time_and_fade():
    bins = make_bins(np.arange(0.5, 7), np.array([3.0]), [WASH], 0.2)
    _, covariance = dense(bins)
    for number in (0, 3, 6):
        np.testing.assert_allclose(covariance[number, 4:6, number, 4:6], STIFFNESS.lasting, rtol=0.01, atol=2e-8)
        assert np.sqrt(covariance[number, 6, number, 6]) == pytest.approx(0.006)
    kept = [covariance[0, at, 4, at] / covariance[0, at, 0, at] for at in (4, 6)]
    assert kept[0] < 0.01 < kept[1] < 0.2  # after four months


def test_both_steps_of_one_gap_count():
    month, both = np.arange(0.5, 7), np.array([3.0, 3.1])
    _, one = dense(make_bins(month, both[:1], [WASH], 0.2))
    _, two = dense(make_bins(month, both, [WASH, WASH], 0.2))
    added = change(two, 2, 3)**2 - change(one, 2, 3)**2
    np.testing.assert_allclose(added, 0.04, rtol=1e-3)
