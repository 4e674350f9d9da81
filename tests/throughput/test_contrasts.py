"""Contrasts within nights against a direct least-squares fit that has a free level for each night."""

from dataclasses import replace

import numpy as np
import pytest

from photzp.throughput import contrasts
from photzp.throughput.contrasts import Contrasts, InNight, clouds_by_scatter, contrasts_of, joined
from photzp.throughput.nightsky import DEPTH_MAG

ERROR = 0.008
BETA, HAZE, COLOUR = np.array([0.12, -0.05]), 0.007, 1.4  # haze of the usual size


def drawn(nights=1, per_night=400, *, scatter=1.0, seed=1):
    """Rows (night, zp, airmass, design) with planted coefficients and haze; levels of nights at random."""
    rng = np.random.default_rng(seed)
    night = np.repeat(np.arange(nights), per_night)
    airmass, design = rng.uniform(1, 2.2, len(night)), rng.normal(0, 1, (len(night), 2))
    level = 23.5 + rng.normal(0, 0.1, nights)
    error = ERROR * np.broadcast_to(scatter, nights)[night] * rng.normal(size=len(night))
    return night, level[night] + design @ BETA - COLOUR * HAZE * airmass + error, airmass, design


def inside(night, zp, airmass, design, near=None):
    """The rows less the means of their nights."""
    number = np.unique(night)

    def less(values):
        return values - np.array([values[night == one].mean(axis=0) for one in number])[np.searchsorted(number, night)]

    return InNight(zp=less(zp), airmass=less(airmass), design=less(design), variance=np.full(len(zp), ERROR**2),
                   near=np.ones(len(zp), bool) if near is None else near, first=np.searchsorted(night, number),
                   nights=number)


def solved(found):
    """beta and h of one night, and their covariance, from the normal equations."""
    normal = np.block([[found.normal, found.haze_crossed.T], [found.haze_crossed, np.diag(found.haze_normal)]])
    return np.linalg.solve(normal, np.append(found.right, found.haze_right)), np.linalg.inv(normal)


def seen(rows, nights=1, beta=None, clear=None):
    return contrasts_of(rows, BETA if beta is None else beta, np.ones(nights) if clear is None else clear, COLOUR)


def test_coefficients_and_haze_of_a_clear_night_are_those_of_least_squares():
    night, zp, airmass, design = drawn()
    direct, *_ = np.linalg.lstsq(np.column_stack([design, -COLOUR * airmass, np.ones(len(zp))]), zp, rcond=None)
    got, covariance = solved(seen(inside(night, zp, airmass, design)))
    np.testing.assert_allclose(got, direct[:3], rtol=1e-9)
    error = np.sqrt(np.diag(covariance))
    assert (np.abs(got - np.append(BETA, HAZE)) < 3 * error).all()
    assert error.max() < 0.003


def test_levels_of_nights_drop_out():
    rows = drawn(nights=5, per_night=30)
    night, zp, airmass, design = rows
    moved = inside(night, zp + np.array([0, 0.3, -0.2, 5, 0.01])[night], airmass, design)
    for name in ('normal', 'right', 'haze_right', 'haze_crossed', 'chi2'):
        np.testing.assert_allclose(getattr(seen(moved, 5), name), getattr(seen(inside(*rows), 5), name), rtol=1e-6,
                                   atol=1e-6)


def test_wild_rows_and_cloudy_nights_say_nothing():
    night, zp, airmass, design = drawn(nights=2, per_night=20)
    near = np.ones(40, bool)
    near[[3, 30]] = False
    whole = inside(night, zp, airmass, design, near)
    spoilt = replace(whole, zp=whole.zp + 3.0 * ~near)
    one, other = (seen(rows, 2, clear=np.array([1.0, 0.0])) for rows in (whole, spoilt))
    np.testing.assert_array_equal(one.right, other.right)
    assert one.freedom.tolist() == [18, 18]
    assert one.haze_normal[0] > 0 == one.haze_normal[1] == one.haze_right[1] == np.abs(one.haze_crossed[1]).max()
    assert one.variance == pytest.approx([19 * ERROR**2] * 2)


def test_a_night_that_scatters_counts_less():
    # By the weight of Student's distribution: (4 + dof) / (4 + chi^2), which a night of usual scatter has as 1.
    night, zp, airmass, design = drawn(nights=2, per_night=200, scatter=[1.0, 5.0])
    got = seen(inside(night, zp, airmass, design), 2)
    weight = got.haze_normal / [np.sum((COLOUR * (airmass[night == one] - airmass[night == one].mean()))**2) / ERROR**2
                                for one in (0, 1)]
    assert weight[0] == pytest.approx(1, abs=0.3)
    assert weight[1] == pytest.approx(1 / 25, rel=0.3)


def test_the_weight_of_a_night_by_hand():
    # Three rows that differ by +-2 and 0 errors: chi^2 = 8 of two degrees of freedom, so (4 + 2) / (4 + 8) = 1/2.
    rows = inside(np.zeros(3, int), 23.5 + ERROR * np.array([2.0, -2.0, 0.0]), np.array([1.0, 1.0, 1.6]),
                  np.zeros((3, 2)))
    got = seen(rows)
    assert got.chi2[0] == pytest.approx(8)
    assert got.haze_normal[0] == pytest.approx(0.5 * COLOUR**2 * (2 * 0.2**2 + 0.4**2) / ERROR**2)
    assert got.haze_right[0] == pytest.approx(0, abs=1e-6)


def test_the_coefficients_known_so_far_matter_for_the_scatter_alone():
    night, zp, airmass, design = drawn(nights=3, per_night=50)
    rows = inside(night, zp, airmass, design)
    good, bad = seen(rows, 3), seen(rows, 3, beta=BETA + 0.1)
    assert (bad.chi2 > 10 * good.chi2).all()
    np.testing.assert_allclose(bad.right / bad.normal[0, 0], good.right / good.normal[0, 0], rtol=0.2, atol=0.02)


def test_filters_add_up_and_a_single_night_says_less_of_the_haze_of_weeks():
    night, zp, airmass, design = drawn(nights=2, per_night=40)
    one = seen(inside(night, zp, airmass, design), 2)
    both = joined([one, one, Contrasts.none(2, 2)])
    np.testing.assert_allclose(both.normal, 2 * one.normal)
    np.testing.assert_allclose(both.chi2, 2 * one.chi2)
    # h of the weeks has the variance of that of the night, and what the night has of its own, 8 mmag per airmass.
    np.testing.assert_allclose(1 / both.haze_normal, 1 / (2 * one.haze_normal) + 0.008**2)
    np.testing.assert_allclose(both.haze_right / both.haze_normal, one.haze_right / one.haze_normal)
    np.testing.assert_allclose(both.haze_crossed / both.haze_normal[:, None],
                               one.haze_crossed / one.haze_normal[:, None])


# --- clouds

def told(chi2, freedom, rows=10):
    """What nights (N, k) say whose rows have errors of 10 mmag."""
    freedom = np.atleast_1d(np.asarray(freedom, float))
    found = replace(Contrasts.none(len(freedom), 1), chi2=np.atleast_1d(np.asarray(chi2, float)), freedom=freedom,
                    variance=np.full(len(freedom), rows * 0.01**2))
    return clouds_by_scatter(found, np.full(len(freedom), rows))


@pytest.mark.parametrize('rows', [0, 1])
def test_nights_of_one_row_say_nothing_of_clouds(rows):
    np.testing.assert_allclose(told(0.0, 0.0, rows), 0, atol=1e-12)


def test_rows_that_scatter_are_dimmed_by_deeper_clouds():
    quiet, restless = told([9.0, 9 * 100.0], [9, 9])
    assert (quiet < 0).all()
    assert (np.diff(quiet) < 0).all()
    assert restless[3] > 0.2 > 0 > quiet[3]
    assert (restless > quiet).all()


def test_a_third_of_clouds_lie_evenly_over_the_night():
    # However quiet its rows are, a night is never less likely than by the share of clouds that are even.
    assert told(0.0, 1000.0).min() == pytest.approx(np.log(1 - contrasts._UNEVEN_SHARE), abs=1e-6)
    assert abs(contrasts._UNEVEN_SHARE - 2 / 3) < 0.1


def test_more_scatter_than_some_says_no_more():
    np.testing.assert_array_equal(told(9 * 6.0, 9.0), told(9 * 600.0, 9.0))
    assert told(9.0, 9.0).shape == (1, len(DEPTH_MAG))
