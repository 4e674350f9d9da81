"""Ideal nights: clouds of a site, and frames whose pointing is not known."""

import numpy as np
import pytest

from simulation.fleet import YearsSpec
from simulation.idealnights import draw_weather
from simulation.years import simulate
from tests.support.simulated import rng, simulated_fleet

# Of each series, as it was before there were real nights: number of rows, zp of row 100, sums of zp, days and levels.
SERIES = [
    (1649, 23.920589402, 39361.034424, 302005.838535, 9601.059992),
    (1586, 21.828293751, 34601.881115, 290146.331061, 8754.326258),
    (1623, 23.683149013, 39023.81808, 304736.699641, 9665.513604),
    (1714, 22.811868155, 37628.467807, 308472.98627, 8817.587241),
    (1611, 24.118524332, 38703.783276, 286081.152237, 9676.353558),
    (1602, 21.869982828, 35116.644479, 291452.907888, 8829.23551),
]


def test_clouds_are_as_often_and_as_thick_as_asked_for():
    weather = draw_weather(YearsSpec(years=20.0, photometric=0.7), rng())
    assert np.mean(weather == 0) == pytest.approx(0.7, abs=0.02)
    assert weather[weather > 0].mean() == pytest.approx(0.3, rel=0.1)


def test_rows_stay_what_they_were():
    spec = YearsSpec(seed=3, telescopes=3, years=1.0, filters=('gp', 'zp'), nights='ideal', night_noise_mag=0.01)
    found = [(len(rows['zp']), rows['zp'][100], rows['zp'].sum(), rows['day'].sum(), series.at(np.arange(400.0)).sum())
             for _, by_filter in simulate(spec) for series, rows in by_filter.values()]
    np.testing.assert_allclose(found, SERIES, rtol=1e-8)


def test_noise_is_that_of_nights_and_dimming_that_of_clouds():
    for _, by_filter in simulated_fleet(night_noise_mag=0.01).values():
        for _, rows in by_filter.values():
            assert np.std(rows['noise']) == pytest.approx(0.01, rel=0.1)
            assert (rows['dimming'][rows['clear']] == 0).all()
            assert np.isnan(rows['ra']).all()
            assert np.isnan(rows['fwhm']).all()
