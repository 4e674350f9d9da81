"""The likelihood of nights under clouds, against integrals and derivatives."""

import numpy as np
import pytest

from photzp.throughput.cloudmixture import (
    _NODES_MAG,
    SEASON_NIGHTS,
    SkyState,
    _elements,
    derivatives,
    expect,
    make_data,
    mean_depth,
)
from tests.support.plantedsky import FREE, planted

STATE = SkyState(scatter=0.009, shares=np.array([0.6, *[0.05] * 8]), season=np.full(30, 0.6), kappa=np.full(4, 0.25),
                 wild=0.02)


def test_elements_of_cloud_are_their_integral():
    # The sum of all elements at their full height is a density of 1 above 0: its folding with a Gaussian is Phi.
    from scipy.stats import norm
    depth, tau = np.linspace(-0.05, 1.0, 23), np.full(23, 0.01)
    element, _, _ = _elements(depth, tau)
    np.testing.assert_allclose(element.sum(axis=0), norm.cdf(depth / 0.01), atol=1e-9)
    grid = np.linspace(0, _NODES_MAG[2], 20001)
    hat = np.interp(grid, _NODES_MAG[:3], [0, 1, 0])
    folded = [np.trapezoid(hat * norm.pdf(x - grid, scale=0.01), grid) for x in depth]
    np.testing.assert_allclose(element[1], folded, atol=1e-7)


def test_slopes_of_the_elements_are_their_derivatives():
    depth, step = np.linspace(-0.02, 0.8, 40), 1e-6
    tau = np.full(40, 0.01)
    element, slope, curve = _elements(depth, tau)
    above, below = (np.log(_elements(depth + sign * step, tau)[0]) for sign in (1, -1))
    seen = element > 1e-3
    np.testing.assert_allclose(slope[seen], ((above - below) / (2 * step))[seen], rtol=1e-3, atol=1e-3)
    assert (curve >= 0).all()


def test_a_season_is_the_nights_around():
    data = make_data(np.zeros(5), np.ones(5), np.ones((5, 1)), np.array([3, 3, 4, 4 + SEASON_NIGHTS, 900]),
                     FREE)
    assert data.first.tolist() == [0, 2, 3, 4]
    assert data.night.tolist() == [0, 0, 1, 2, 3]
    assert data.window.tolist() == [[0, 0, 1, 3], [2, 3, 3, 4]]


def planted_data():
    y, error, night, clear = planted(7, nights=30)
    return make_data(y - 23.5, error, np.ones((len(y), 1)), night, FREE), clear


def test_nights_are_clear_or_cloudy_with_probabilities_that_add_up():
    data, clear = planted_data()
    expected = expect(data, data.y, STATE)
    np.testing.assert_allclose(expected.classes.sum(axis=0), 1)
    assert expected.kappa.sum() == pytest.approx(expected.classes[1:].sum())
    np.testing.assert_allclose(np.add.reduceat(expected.weight, data.first), 1)
    assert expected.classes[0][clear].min() > 0.5


def test_the_gradient_is_the_derivative_of_the_likelihood():
    """All rows lie below the level, so that each counts in full in a cloudy night."""
    data, _ = planted_data()
    level, step = 0.05, 1e-6
    expected = expect(data, data.y - level, STATE)
    above, below = (expect(data, data.y - level - shift, STATE).loglike for shift in (step, -step))
    gradient, curvature = derivatives(data, data.y - level, expected)
    assert gradient.sum() == pytest.approx((above - below) / (2 * step), rel=1e-3)
    assert (curvature >= 0).all()


def test_mean_depth_by_hand():
    """All cloud is of the element about 0.3 mag."""
    state = SkyState(scatter=0.01, shares=np.array([0.9, 0, 0, 0, 0, 0.1, 0, 0, 0]), season=np.empty(0),
                     kappa=np.empty(0), wild=0.0)
    assert mean_depth(state) == pytest.approx(_NODES_MAG[4])
