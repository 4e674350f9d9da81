"""Levels in time between knots and beyond them, by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate

from photzp.throughput.curve import Curve
from photzp.throughput.levelprior import REVERT_MONTHS

MONTH = 365.25 / 12
ORIGIN = np.datetime64('2020-01-01T00:00', 'ms')
# Two pieces, of two knots and of one; the first falls by 10 mmag a month, as slopes do in the mean, the second is
# 0.2 mag higher and falls by 20.
CURVE = Curve(origin=ORIGIN, opened=np.array([0.0, 3 * MONTH]), knot=np.array([MONTH, 2 * MONTH, 4 * MONTH]),
              level=np.array([23.50, 23.49, 23.70]), slope=np.array([-0.01, -0.01, -0.02]),
              variance=np.array([[1e-6, 0.0, 4e-6], [1e-6, 1e-6, 4e-6], [9e-6, 0.0, 1e-4]]), stiffness=3e-6,
              mean_slope=-0.01)


def at(months, **options):
    return CURVE.at(np.asarray(months, float) * MONTH, **options)


def test_values_at_knots_and_on_the_line_between_and_beyond_them():
    level, error = at([1, 2, 4, 1.5, 0.2, 2.9, 3.1])
    assert level == pytest.approx([23.50, 23.49, 23.70, 23.495, 23.508, 23.481, 23.718])
    assert error[:3] == pytest.approx([0.001, 0.001, 0.003])


def test_between_knots_it_is_the_cubic_of_their_values_and_slopes():
    # 3 + 2 u - 4 u^2 + u^3 has the values 3 and 2, and the slopes 2 and -3.
    cubic = replace(CURVE, level=np.array([3.0, 2.0, 0.0]), slope=np.array([2.0, -3.0, 0.0]))
    u = np.linspace(0, 1, 7)
    assert cubic.at((1 + u) * MONTH)[0] == pytest.approx(3 + 2 * u - 4 * u**2 + u**3)


def test_a_step_has_a_level_before_and_after():
    assert at([3.0])[0] == pytest.approx([23.72])
    assert at([3.0], before=True)[0] == pytest.approx([23.48])


def test_there_is_nothing_before_the_first_piece():
    level, error = at([-0.1, 0.0])
    assert np.isnan([level[0], error[0]]).all()
    assert np.isfinite([level[1], error[1]]).all()


def test_after_the_last_knot_the_slope_reverts_to_the_mean_one():
    # In steps of a thousandth of a month.
    level, slope = 23.70, -0.02
    for _ in range(7000):
        level, slope = level + slope / 1000, slope - (slope + 0.01) / REVERT_MONTHS / 1000
    assert at([11.0])[0] == pytest.approx([level], abs=1e-4)


def test_errors_beyond_the_last_knot_grow_by_its_slope_and_by_changes_of_slope():
    # A shock of the slope fades like the slope itself: var = 9e-6 + 1e-4 g(t)^2 + q times the integral of g(u)^2.
    def reach(months):
        return REVERT_MONTHS * (1 - np.exp(-months / REVERT_MONTHS))

    months = np.array([0, 0.01, 0.1, 0.5, 3, 12.0])
    grown = [integrate.quad(lambda u: reach(u)**2, 0, end)[0] for end in months]
    _, error = at(4 + months)
    assert error**2 == pytest.approx(9e-6 + 1e-4 * reach(months)**2 + 3e-6 * np.array(grown), rel=1e-4)


def test_errors_of_level_and_slope_that_vary_together():
    _, error = at([2.5])
    assert error[0]**2 == pytest.approx(1e-6 + 2 * 0.5 * 1e-6 + 0.25 * 4e-6 + 3e-6 * 0.5**3 / 3, rel=0.1)


def test_errors_between_knots_are_below_those_of_the_line_through_either():
    dt = np.linspace(0, 1, 11)
    _, error = at(1 + dt)
    assert (error**2 <= 1e-6 + 4e-6 * dt**2 + 3e-6 * dt**3 / 3 + 1e-12).all()
    assert (error**2 <= 1e-6 - 2e-6 * (1 - dt) + 4e-6 * (1 - dt)**2 + 3e-6 * (1 - dt)**3 / 3 + 1e-12).all()


def test_days_count_from_the_origin():
    assert CURVE.days(ORIGIN + np.array([0, 36]).astype('timedelta64[h]')).tolist() == [0, 1.5]


def test_a_curve_of_one_knot_is_a_line():
    one = Curve(origin=ORIGIN, opened=np.array([0.0]), knot=np.array([5.0]), level=np.array([23.0]),
                slope=np.array([-0.01]), variance=np.array([[1e-6, 0, 0]]), stiffness=0.0, mean_slope=-0.01)
    level, error = one.at(np.array([0.0, 5.0, 5 + MONTH]))
    assert level == pytest.approx([23 + 0.05 / MONTH, 23, 22.99])
    assert error == pytest.approx([0.001] * 3)
