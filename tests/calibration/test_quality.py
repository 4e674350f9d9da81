"""Quality of a frame: planted slopes, errors and colours come out as planted."""

import numpy as np
import pytest

from photzp.calibration.quality import _mean_colour, _weighted_slope, frame_quality
from tests.support.madezeropoints import fitted


def quality(*args, separations=(0.1,), sources=10, **values):
    return frame_quality(np.array(separations), sources, *fitted(*args, **values))


def test_what_was_matched_is_counted():
    found = quality(separations=[0.1, 0.5, 0.2], sources=12)
    assert (found.nmatched, found.matchfrac, found.matchsep_arcsec) == (3, 0.25, 0.2)


@pytest.mark.parametrize('slope', [0.0, 0.01, -0.03])
def test_a_planted_slope_with_magnitude_is_found(slope):
    found = quality(slope=slope)
    assert abs(found.magslope - slope) < 3 * found.magslopeerr
    # By hand: 12.4 mmag over (4 mag / sqrt(12)) sqrt(400) is 0.54 mmag per mag.
    assert found.magslopeerr == pytest.approx(0.00054, rel=0.15)


def test_the_error_of_the_slope_is_its_scatter():
    found = [quality(60, seed=seed, excess=3.0) for seed in range(300)]
    pulls = [each.magslope / each.magslopeerr for each in found]
    assert np.std(pulls) == pytest.approx(1, abs=0.15)


def test_a_straight_line_by_hand():
    x, error = np.array([0.0, 1.0, 2.0, 9.0]), np.array([1.0, 1.0, 1.0, 1e6])
    slope, slope_error = _weighted_slope(x, np.array([1.0, 3.0, 5.0, 0.0]), error)  # the last has no say
    assert slope == pytest.approx(2.0, abs=1e-6)
    assert slope_error < 1e-4
    assert np.isnan(_weighted_slope(np.ones(5), np.arange(5.0), np.ones(5))).all()


def test_reduced_chi_square_is_of_the_errors_alone():
    assert quality(5000).redchi2 == pytest.approx(1.0, abs=0.06)
    assert quality(5000, excess=2.0, scatter=0.02).redchi2 == pytest.approx(4.0, abs=0.25)
    sample, fit = fitted(12, held=True)
    chi2 = np.sum((fit.residual_mag / np.hypot(1.0857 * 0.01, 0.006)) ** 2)
    assert frame_quality(np.ones(1), 1, sample, fit).redchi2 == pytest.approx(chi2 / 10, rel=1e-3)  # zp, Kron loss


def test_stars_without_weight_do_not_count():
    found, without = quality(unused=50), quality(unused=0)
    assert found.redchi2 == pytest.approx(without.redchi2, abs=0.3)
    assert abs(found.magslope) < 0.003


def test_the_mean_colour_is_weighted_as_the_fit():
    colour = np.array([0.5, 1.5, 2.5])
    assert _mean_colour(colour, np.zeros(3), np.ones(3)) == pytest.approx(1.5)
    assert _mean_colour(colour, np.zeros(3), np.array([1.0, 1.0, 1e6])) == pytest.approx(1.0)
    assert _mean_colour(colour, np.array([0.0, 0.0, 5.0]), np.ones(3)) == pytest.approx(1.0)  # beyond 4.685 sigma
    assert np.isnan(_mean_colour(colour, np.full(3, 9.0), np.ones(3)))


def test_a_frame_without_matches_says_nothing():
    found = quality(separations=(), sources=0)
    assert found.nmatched == 0
    assert np.isnan([found.matchsep_arcsec, found.matchfrac]).all()
