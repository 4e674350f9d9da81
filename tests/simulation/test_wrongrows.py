"""Wrong clocks and airmasses: few, of each kind, and not clear."""

import numpy as np
import pytest

from simulation.fleet import YearsSpec
from simulation.wrongrows import spoil_rows
from simulation.yearfiles import times_of
from tests.support.simulated import rng

N = 200_000
SPEC = YearsSpec(start='2016-01-01')


def test_one_row_in_a_thousand_is_wrong_in_one_of_five_ways():
    rows = {'day': np.linspace(0, 1000, N), 'airmass': np.full(N, 1.2), 'clear': np.ones(N, bool), 'zp': np.zeros(N)}
    spoiled = spoil_rows(rows, SPEC, rng())
    moved, odd = spoiled['day'] != rows['day'], spoiled['airmass'] != 1.2
    assert np.mean(moved | odd) == pytest.approx(0.001, rel=0.25)
    assert not (moved & odd).any()
    np.testing.assert_array_equal(spoiled['clear'], ~(moved | odd))
    years = times_of(spoiled, SPEC)[moved].astype('datetime64[Y]').astype(int) + 1970
    assert {1858, 1970} < set(years.tolist())
    assert all(year in (1858, 1970) or year >= 2050 for year in years.tolist())
    assert set(spoiled['airmass'][odd].tolist()) == {0.0, 999.0}
    assert 0.4 < np.mean(odd) / 0.0004 < 1.6
    assert (rows['airmass'] == 1.2).all()
