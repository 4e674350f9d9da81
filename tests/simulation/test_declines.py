"""Declines: fast after a wash, storms and rain, and pieces that join where no event is."""

import numpy as np
import pytest

from simulation.declines import Storm, draw_decline, draw_storms, pieces_of
from simulation.fleet import FILTER_FACTOR, TrueEvent, TrueTelescope, YearsSpec
from tests.support.simulated import rng

SPEC = YearsSpec(years=3.0, dust_factor=1.0 + 1e-12)  # no dusty season
WASH = TrueEvent(day=500, kind='wash', size=0.2)


def telescope(*events):
    return TrueTelescope(site='lsc', enclosure='doma', telescope='1m0s', tag='1m005', events=events,
                         cameras=(('fa10', 0, SPEC.n_nights),), open_nights=np.ones(SPEC.n_nights, bool), native=False,
                         old_until=0)


def test_a_mirror_gets_dirty_fast_after_a_wash():
    for seed in range(20):
        drift = draw_decline([WASH], [], SPEC, rng(seed)).drift
        first, later = drift[500] - drift[530], drift[800] - drift[830]
        assert first > 3 * later > 0
        assert 0.02 * (1 - np.exp(-300 / 30)) * 0.95 < drift[500] - drift[800] <= 0.08
        assert drift[0] == 0


def test_slopes_are_those_of_ideal_nights_and_begin_anew_with_a_wash_only():
    cleaning = TrueEvent(day=200, kind='cleaning', size=0.05)
    decline = draw_decline([cleaning, WASH], [], SPEC, rng())
    assert decline.starts == (0.0, 500.0)
    month = 1000 * 30.4375
    assert all(-20 <= slope * month <= -2 for seed in range(20)
               for slope in draw_decline([WASH], [], SPEC, rng(seed)).slopes)


def test_a_storm_takes_light_in_days_and_rain_gives_some_back():
    storm = Storm(day=300, lasts=3, rain=330)
    calm = [draw_decline([], [], SPEC, rng(seed)).drift for seed in range(60)]
    stormy = [draw_decline([], [storm], SPEC, rng(seed)).drift for seed in range(60)]
    parts = np.array([after - before for after, before in zip(stormy, calm, strict=True)])
    hit = parts[parts[:, 310] < 0]
    assert 0.4 < len(hit) / len(parts) < 0.8
    assert (hit[:, :301] == 0).all()
    assert ((hit[:, 303] <= -0.03) & (hit[:, 303] >= -0.1)).all()
    np.testing.assert_allclose(hit[:, 330], hit[:, 303])
    share = 1 - hit[:, -1] / hit[:, 303]
    assert 0.3 <= share.min() < share.max() <= 0.8


def test_rain_does_nothing_for_a_mirror_that_was_cleaned_before():
    storm, wash = Storm(day=300, lasts=3, rain=330), TrueEvent(day=320, kind='wash', size=0.2)
    for seed in range(10):
        part = draw_decline([wash], [storm], SPEC, rng(seed)).drift - draw_decline([wash], [], SPEC, rng(seed)).drift
        np.testing.assert_allclose(part[303:], part[303])


def test_storms_come_as_often_as_said():
    storms = [storm for seed in range(100) for storm in draw_storms(YearsSpec(years=5.0), rng(seed))]
    assert len(storms) / 500 == pytest.approx(0.6, abs=0.1)
    assert all(storm.day + storm.lasts < storm.rain for storm in storms)


def test_dusty_seasons_are_steeper_without_steps():
    usual = draw_decline([], [], SPEC, rng()).drift
    dusty = draw_decline([], [], YearsSpec(years=3.0, dust_factor=2.5), rng()).drift
    slope = draw_decline([], [], SPEC, rng()).slopes[0]
    daily = np.diff(dusty - usual)
    np.testing.assert_allclose(np.unique(np.round(daily / slope, 6)), [0, 1.5], atol=1e-5)
    assert np.count_nonzero(daily / slope > 1) == pytest.approx(270, abs=30)


@pytest.mark.parametrize('name', FILTER_FACTOR)
def test_pieces_join_but_for_the_steps(name):
    exchange = TrueEvent(day=500, kind='instrument', size=0.0)
    hidden = TrueEvent(day=700.25, kind='unrecorded', size=-0.1, colour='grey', recorded=False)
    events = (WASH, exchange, hidden)
    decline = draw_decline(events, [], SPEC, rng())
    breaks, level, slope = pieces_of(decline, telescope(*events), name, rng())
    assert breaks.tolist() == [0.0, 500.0, 700.25]
    assert level[0] == 0
    steps = level[1:] - level[:-1] - slope[:-1] * np.diff(breaks)
    np.testing.assert_allclose(steps, [0.2 * FILTER_FACTOR[name], -0.1])
    assert slope[1] == slope[2] != slope[0]
