"""The likelihood of nights under clouds, against integrals, derivatives and planted skies."""

import numpy as np
import pytest

from photzp.throughput.clearsky import (
    NODES_MAG,
    SEASON_NIGHTS,
    _elements,
    fit_clear_sky,
    make_data,
    mean_depth,
    start_state,
    upper_quantile,
)


def test_elements_of_cloud_are_their_integral():
    # The sum of all elements at their full height is a density of 1 above 0: its folding with a Gaussian is Phi.
    from scipy.stats import norm
    depth, tau = np.linspace(-0.05, 1.0, 23), np.full(23, 0.01)
    element, _, _ = _elements(depth, tau)
    np.testing.assert_allclose(element.sum(axis=0), norm.cdf(depth / 0.01), atol=1e-9)
    grid = np.linspace(0, NODES_MAG[2], 20001)
    hat = np.interp(grid, NODES_MAG[:3], [0, 1, 0])
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


def planted(seed, nights=200, clear=0.6, level=23.5):
    """(y, error, night) of four rows a night; nights that are not clear are dimmed by 0.3 mag on average."""
    rng = np.random.default_rng(seed)
    night = np.repeat(np.arange(nights), 4)
    cloud = np.where(rng.random(nights) < clear, 0.0, rng.exponential(0.3, nights))
    return level - cloud[night] + rng.normal(0, 0.01, len(night)), np.full(len(night), 0.004), night, cloud == 0


def level_of(y, error, night):
    """Fit one level."""
    return fit_clear_sky(make_data(y, error, np.ones((len(y), 1)), night, np.array([[0.0, np.inf]])))


@pytest.mark.parametrize(('clear', 'limit_mag'), [(0.9, 0.002), (0.6, 0.003), (0.2, 0.006)])
def test_the_level_is_that_of_clear_nights_however_many_there_are(clear, limit_mag):
    y, error, night, truth = planted(1, clear=clear)
    found = level_of(y, error, night)
    assert found.parameters[0] == pytest.approx(23.5, abs=limit_mag)
    assert found.state.scatter == pytest.approx(np.sqrt(0.01**2 - 0.004**2), abs=0.002)
    assert found.night_clear.mean() == pytest.approx(truth.mean(), abs=0.06)
    assert found.night_clear[truth].mean() > found.night_clear[~truth].mean() + 0.5
    deep = ~truth & (np.add.reduceat(y, np.arange(0, len(y), 4)) / 4 < 23.4)
    assert found.night_clear[deep].max() < 0.01


def test_errors_of_the_level_are_honest():
    pulls = []
    for seed in range(40):
        found = level_of(*planted(seed, nights=60)[:3])
        pulls.append((found.parameters[0] - 23.5) / np.sqrt(found.covariance[0, 0]))
    assert abs(np.mean(pulls)) < 0.5
    assert 0.6 < np.std(pulls) < 1.4


def test_a_season_is_the_nights_around():
    data = make_data(np.zeros(5), np.ones(5), np.ones((5, 1)), np.array([3, 3, 4, 4 + SEASON_NIGHTS, 900]),
                     np.array([[0.0, np.inf]]))
    assert data.first.tolist() == [0, 2, 3, 4]
    assert data.night.tolist() == [0, 0, 1, 2, 3]
    assert data.window.tolist() == [[0, 0, 1, 3], [2, 3, 3, 4]]


def test_an_upper_quantile_of_numbers_is_their_quantile():
    y = np.linspace(0, 1, 101)
    data = make_data(y, np.ones(101), np.ones((101, 1)), np.arange(101), np.array([[0.0, np.inf]]))
    for quantile in (0.5, 0.8):
        assert upper_quantile(data, quantile)[0] == pytest.approx(quantile, abs=0.03)


def test_before_data_half_the_nights_are_clear():
    state = start_state(7)
    assert state.shares.sum() == pytest.approx(1.0)
    assert set(state.season) == {0.5}
    assert 0.2 < mean_depth(state) < 0.5
