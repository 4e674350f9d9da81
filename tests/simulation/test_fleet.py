"""Values of simulated years, by hand."""

import numpy as np
import pytest

from simulation.fleet import TELESCOPES, TrueEvent, TrueSeries, YearsSpec
from simulation.spec import SITES


def test_zeropoints_follow_the_pieces():
    series = TrueSeries(filter='rp', breaks=np.array([0.0, 100.0]), level=np.array([23.0, 23.3]),
                    slope=np.array([-0.001, -0.002]), offsets={}, extinction=0.08, colorterms={})
    np.testing.assert_allclose(series.at(np.array([0.0, 50.0, 100.0, 110.0])), [23.0, 22.95, 23.3, 23.28])


@pytest.mark.parametrize(('colour', 'gp', 'rp'), [('mirror', 0.22, 0.2), ('grey', 0.2, 0.2), ('rp', 0.0, 0.2)])
def test_steps_have_a_size_by_filter(colour, gp, rp):
    event = TrueEvent(day=3.0, kind='wash', size=0.2, colour=colour)
    assert (event.size_in('gp'), event.size_in('rp')) == (pytest.approx(gp), pytest.approx(rp))


def test_there_is_at_least_one_night():
    assert YearsSpec(years=0.0).n_nights == 1
    assert YearsSpec(years=4.0).n_nights == 1461


def test_telescopes_are_at_the_sites_and_named_unlike_real_ones():
    assert {site for site, *_ in TELESCOPES} == set(SITES)
    assert {telescope[-1] for _, _, telescope, *_ in TELESCOPES} == {'s', 't', 'u'}
