"""The mixture gives outliers no weight, finds the scatter that was planted, and says so where the stars disagree."""

import numpy as np
import pytest

from photzp.calibration.mixture import fit_mixture
from photzp.errors import FIT_NOT_CONVERGED, FrameRejected

ZP = 23.5


def stars(seed=0, n=200, *, scatter=0.02, wrong=0.0, by_mag=1.0):
    """design, data, error and S/N of bright stars of one zeropoint; a share of them is off by so many magnitudes."""
    rng = np.random.default_rng(seed)
    snr = rng.uniform(200, 2000, n)
    error = np.hypot(1.0857 / snr, 0.005)
    data = ZP - 0.07 * (snr / 25) ** -0.5 + rng.normal(0, np.hypot(error, scatter))
    data[:round(wrong * n)] += by_mag
    return np.ones((n, 1)), data, error, snr


@pytest.mark.parametrize('by_mag', [0.6, -0.6, 3.0])
def test_outliers_are_told_from_good_stars(by_mag):
    inlier = fit_mixture(*stars(wrong=0.3, by_mag=by_mag)).inlier
    assert inlier[:60].max() < 0.1
    assert np.median(inlier[60:]) > 0.95


@pytest.mark.parametrize('scatter', [0.01, 0.03, 0.1])
def test_the_intrinsic_scatter_is_found(scatter):
    assert fit_mixture(*stars(1, 600, scatter=scatter)).scatter_mag == pytest.approx(scatter, rel=0.2)


def test_data_and_information_give_the_zeropoint_with_its_error():
    """A weighted mean of data that have their loss given back: within its error of the planted one, and that honest."""
    pulls = []
    for seed in range(60):
        design, data, error, snr = stars(seed, 100, wrong=0.2, by_mag=0.8)
        fit = fit_mixture(design, data, error, snr)
        zp = np.average(fit.data + 0.07 * (snr / 25) ** -0.5, weights=fit.information)
        pulls.append((zp - ZP) * np.sqrt(fit.information.sum()))
    assert abs(np.mean(pulls)) < 0.5
    assert 0.7 < np.std(pulls) < 1.3


def test_stars_that_do_not_agree_are_no_fit():
    design, data, error, snr = stars()
    with pytest.raises(FrameRejected, match='the stars do not agree') as rejected:
        fit_mixture(design, data + np.random.default_rng(1).uniform(-3, 3, len(data)), error, snr)
    assert rejected.value.reason is FIT_NOT_CONVERGED


def test_a_design_that_the_stars_do_not_determine_is_no_fit():
    design, data, error, snr = stars()
    with pytest.raises(FrameRejected, match='the stars do not determine the fit'):
        fit_mixture(np.column_stack([design, design]), data, error, snr)
