"""Magnitudes against numbers worked out by hand and against what defines them."""

import numpy as np
import pytest

from photzp.magnitudes import (
    MAG_PER_RELATIVE,
    RELATIVE_PER_MAG,
    mag_of_percent,
    mag_of_ratio,
    percent_error,
    percent_gained,
    percent_lost,
    percent_of_reference,
    ratio_of_mag,
)


def test_five_magnitudes_are_a_factor_of_a_hundred():
    assert ratio_of_mag(5.0) == pytest.approx(100, rel=1e-15)
    assert mag_of_ratio(100.0) == 5


@pytest.mark.parametrize(('gain_mag', 'ratio'), [
    (0.0, 1.0), (0.752575, 2.0), (-0.752575, 0.5), (1.0, 2.511886), (-0.2, 0.831764), (2.5, 10.0),
])
def test_gains_and_ratios(gain_mag, ratio):
    assert ratio_of_mag(gain_mag) == pytest.approx(ratio, abs=1e-6)
    assert mag_of_ratio(ratio) == pytest.approx(gain_mag, abs=1e-6)


@pytest.mark.parametrize(('margin_mag', 'percent'), [
    (0.0, 100.0), (-0.2, 83.1764), (-0.752575, 50.0), (-1.0, 39.8107), (0.1, 109.6478), (-0.010912, 99.0),
])
def test_percent_of_the_reference(margin_mag, percent):
    assert percent_of_reference(margin_mag) == pytest.approx(percent, abs=1e-4)
    assert percent_of_reference(23.5 + margin_mag, 23.5) == pytest.approx(percent, abs=1e-4)
    assert mag_of_percent(percent) == pytest.approx(margin_mag, abs=1e-6)


@pytest.mark.parametrize(('gain_mag', 'percent'), [
    (0.0, 0.0), (0.752575, 100.0), (-2.5, -90.0), (-0.2, -16.8236), (0.05, 4.7129),
])
def test_percent_gained_and_lost(gain_mag, percent):
    assert percent_gained(gain_mag) == pytest.approx(percent, abs=1e-4)
    assert percent_lost(-gain_mag) == pytest.approx(-percent, abs=1e-4)


def test_no_loss_has_no_sign():
    assert np.copysign(1, [percent_gained(0.0), percent_lost(0.0)]).tolist() == [1, 1]


def test_small_changes():
    # 2.5 / ln 10 = 1.0857362, 0.4 ln 10 = 0.9210340: a hundredth of a magnitude is nearly one percent.
    assert pytest.approx(1.0857362, abs=1e-7) == MAG_PER_RELATIVE
    assert pytest.approx(0.9210340, abs=1e-7) == RELATIVE_PER_MAG
    assert percent_error(0.0, 0.01) == pytest.approx(0.921034, abs=1e-6)
    assert percent_error(-1.0, 0.01) == pytest.approx(0.366670, abs=1e-6)


@pytest.mark.parametrize('gain_mag', [-2.0, -0.2, 0.0, 0.1, 1.0])
def test_the_error_is_what_an_error_changes(gain_mag):
    small = 1e-6
    for percent, sign in ((percent_of_reference, 1), (percent_gained, 1), (percent_lost, -1)):
        change = abs(percent(sign * gain_mag + small) - percent(sign * gain_mag - small)) / 2
        assert percent_error(gain_mag, small) == pytest.approx(change, rel=1e-6)


def test_arrays_keep_their_shape_and_what_is_missing_stays_so():
    gain = np.array([[0.0, -0.2], [np.nan, 2.5]])
    np.testing.assert_allclose(percent_of_reference(gain), [[100, 83.1764], [np.nan, 1000]], atol=1e-4)
    np.testing.assert_allclose(percent_gained(gain), [[0, -16.8236], [np.nan, 900]], atol=1e-4)
    np.testing.assert_allclose(mag_of_ratio(ratio_of_mag(gain)), gain, atol=1e-15)
    np.testing.assert_allclose(percent_error(gain, np.full((2, 2), 0.01)),
                               [[0.921034, 0.766084], [np.nan, 9.21034]], atol=1e-5)
