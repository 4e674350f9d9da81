"""Contrasts within nights against plain least squares, and what the scatter of rows says of clouds."""

import numpy as np
import pytest

from photzp.throughput.contrasts import Contrasts, InNight, clouds_by_scatter, contrasts_of, joined
from photzp.throughput.nightsky import DEPTH_MAG

COLOUR, BETA = 1.4, np.array([0.03, -0.02])


def night_of(rng, *, rows=400, h=0.02, noise=0.01, extra=0.0, nights=1):
    """Rows of some nights in one filter minus their means, for two coefficients; each night has the same h."""
    first = np.arange(nights) * rows
    design, airmass = rng.normal(0, 1, (nights, rows, 2)), rng.uniform(1, 2, (nights, rows, 1))
    zp = design @ BETA[:, None] - COLOUR * h * airmass + rng.normal(0, np.hypot(noise, extra), (nights, rows, 1))
    design, airmass, zp = (values - values.mean(axis=1, keepdims=True) for values in (design, airmass, zp))
    n = nights * rows
    return InNight(zp=zp.reshape(n), airmass=airmass.reshape(n), design=design.reshape(n, 2), first=first,
                   variance=np.full(n, noise**2), near=np.ones(n, bool), nights=np.arange(nights))


def test_coefficients_and_haze_are_those_of_least_squares():
    rows = night_of(np.random.default_rng(1))
    got = contrasts_of(rows, BETA, np.ones(1), COLOUR)
    both = np.zeros((3, 3))
    both[:2, :2], both[2, 2], both[:2, 2], both[2, :2] = got.normal, got.haze_normal[0], *(got.haze_crossed[0],) * 2
    found = np.linalg.solve(both, np.append(got.right, got.haze_right))
    expected = np.linalg.lstsq(np.column_stack([rows.design, -COLOUR * rows.airmass]), rows.zp, rcond=None)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert abs(found[2] - 0.02) < 4 * np.sqrt(np.linalg.inv(both)[2, 2])


def test_nights_that_are_not_clear_count_as_far_as_they_are():
    rows = night_of(np.random.default_rng(2), nights=2)
    one, half = (contrasts_of(rows, BETA, np.array(clear), COLOUR) for clear in ([1.0, 1.0], [0.5, 0.5]))
    np.testing.assert_allclose(half.normal, one.normal / 2)
    np.testing.assert_allclose(half.haze_right, one.haze_right / 2)


def test_a_night_whose_rows_scatter_counts_less():
    calm, rough = (contrasts_of(night_of(np.random.default_rng(3), extra=extra), BETA, np.ones(1), COLOUR)
                   for extra in (0.0, 0.05))
    assert rough.haze_normal[0] < 0.1 * calm.haze_normal[0]


def test_wild_rows_do_not_count():
    rows = night_of(np.random.default_rng(4), rows=50)
    rows.near[7] = False
    wild = contrasts_of(rows, BETA, np.ones(1), COLOUR)
    rows.zp[7] += 1.0
    np.testing.assert_allclose(contrasts_of(rows, BETA, np.ones(1), COLOUR).haze_right, wild.haze_right)


def test_filters_add_up_and_what_a_night_has_of_its_own_limits_what_it_says_of_its_weeks():
    parts = [contrasts_of(night_of(np.random.default_rng(seed)), BETA, np.ones(1), COLOUR) for seed in (5, 6)]
    both = joined(parts)
    np.testing.assert_allclose(both.normal, parts[0].normal + parts[1].normal)
    total = parts[0].haze_normal + parts[1].haze_normal
    np.testing.assert_allclose(1 / both.haze_normal, 1 / total + 0.008**2)  # errors add in squares
    np.testing.assert_allclose(both.haze_right / both.haze_normal, (parts[0].haze_right + parts[1].haze_right) / total)
    assert joined([Contrasts.none(3, 2)]).haze_normal.tolist() == [0, 0, 0]


def scattered(chi2, freedom):
    """Contrasts of nights whose rows have an error of 10 mmag each."""
    none = Contrasts.none(len(chi2), 0)
    none.chi2[:], none.freedom[:], none.variance[:] = chi2, freedom, (np.array(freedom) + 1) * 0.01**2
    return clouds_by_scatter(none, np.array(freedom) + 1)


def test_one_row_says_nothing_and_rows_that_scatter_speak_for_clouds():
    ratios = scattered([0.0, 20.0, 60.0], [0, 20, 20])
    np.testing.assert_allclose(ratios[0], 0.0, atol=1e-12)
    assert (np.diff(ratios[1]) <= 1e-9).all()  # the usual scatter: the deeper a cloud, the less likely
    assert ratios[2].argmax() in (1, 2)  # three times the variance: clouds of some 10 to 30 mmag
    assert ratios[2].max() > 0.3
    # A part of the clouds is even, so that no scatter excludes them.
    assert ratios.min() == pytest.approx(np.log(0.4), abs=0.1)
    assert len(DEPTH_MAG) == ratios.shape[1]
