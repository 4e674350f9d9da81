"""Fits of a level under clouds, against planted skies."""

import numpy as np
import pytest

from photzp.throughput.clearsky import _start_state, _upper_quantile
from photzp.throughput.cloudmixture import make_data, mean_depth
from tests.support.plantedsky import FREE, level_of, planted


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


def test_an_upper_quantile_of_numbers_is_their_quantile():
    y = np.linspace(0, 1, 101)
    data = make_data(y, np.ones(101), np.ones((101, 1)), np.arange(101), FREE)
    for quantile in (0.5, 0.8):
        assert _upper_quantile(data, quantile)[0] == pytest.approx(quantile, abs=0.03)


def test_before_data_half_the_nights_are_clear():
    state = _start_state(7)
    assert state.shares.sum() == pytest.approx(1.0)
    assert set(state.season) == {0.5}
    assert 0.2 < mean_depth(state) < 0.5
