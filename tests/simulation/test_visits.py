"""Visits: whole sites on one date, dates that are off, exchanges, and steps that nobody recorded."""

from collections import Counter

import numpy as np
import pytest

from simulation.fleet import TELESCOPES, TrueEvent, YearsSpec
from simulation.visits import draw_cameras, draw_events, draw_visits
from tests.support.simulated import rng

SPEC = YearsSpec(years=4.0)
SIZES = {'wash': (0.05, 0.25), 'recoating': (0.15, 0.4), 'cleaning': (0.02, 0.08), 'break': (0.1, 0.4),
         'unrecorded': (0.03, 0.2)}


@pytest.fixture(scope='module')
def fleets():
    """Events by telescope, of twenty sites with four telescopes."""
    found = []
    for seed in range(20):
        visits = draw_visits('lsc', SPEC, rng(seed))
        found.append([draw_events(number, visits, SPEC, rng(100 * seed + number)) for number in range(4)])
    return found


def test_sizes_are_as_promised(fleets):
    for event in (event for fleet in fleets for events in fleet for event in events):
        low, high = SIZES[event.kind]
        assert low <= abs(event.size) <= high
        assert event.size > 0 or event.kind in ('break', 'unrecorded')
        assert event.recorded == (event.kind != 'unrecorded')
        assert 0 <= event.day < SPEC.n_nights


@pytest.mark.parametrize(('kind', 'low'), [('wash', 13 / 17 - 0.1), ('cleaning', 105 / 115 - 0.15)])
def test_most_share_their_date_with_another_telescope_of_the_site(fleets, kind, low):
    """At LCO 13 of 17 washes do, and 105 of 115 cleanings."""
    shared = []
    for fleet in fleets:
        dates = Counter(event.recorded_day for events in fleet for event in events if event.kind == kind)
        shared += [count > 1 for count in dates.values() for _ in range(count)]
    assert low < np.mean(shared) < 0.99


def test_a_third_of_the_dates_is_up_to_two_weeks_off(fleets):
    off = np.array([event.recorded_day - event.day for fleet in fleets for events in fleet for event in events
                    if event.recorded])
    assert np.mean(off != 0) == pytest.approx(1 / 3, abs=0.08)
    assert np.abs(off).max() == 14
    assert {-1, 1} == set(np.sign(off[off != 0]))


def test_hidden_steps_are_one_in_a_year_and_a_half(fleets):
    steps = [event for fleet in fleets for events in fleet for event in events if event.kind == 'unrecorded']
    assert len(steps) / (20 * 4 * 4.0) == pytest.approx(1 / 1.5, abs=0.15)
    assert {'grey', 'mirror', 'gp', 'rp', 'ip', 'zp'} == {event.colour for event in steps}
    assert 0.3 < np.mean([event.size > 0 for event in steps]) < 0.7
    assert all(event.recorded_day == event.day for event in steps)


def test_hidden_steps_can_be_left_out_and_given_sizes():
    for seed in range(5):
        assert not any(event.kind == 'unrecorded' for event in
                       draw_events(0, [], YearsSpec(hidden_steps=False), rng(seed)))
        sizes = {abs(event.size) for event in draw_events(0, [], YearsSpec(unrecorded_mag=(0.07,)), rng(seed))
                 if event.kind == 'unrecorded'}
        assert sizes <= {0.07}


def test_events_of_a_telescope_are_apart_but_for_those_of_visits(fleets):
    for events in (events for fleet in fleets for events in fleet):
        days = np.array([event.day for event in events])
        assert (np.diff(days) >= 25).all()


def test_cameras_are_exchanged_on_visits_and_between_them():
    kinds = Counter()
    washes = tuple(TrueEvent(day=day, kind='wash', size=0.1, written_day=day + 3.0) for day in (400, 900))
    for seed in range(200):
        cameras, events = draw_cameras(0, False, washes, SPEC, rng(seed))
        exchange = [event for event in events if event.kind == 'instrument']
        assert cameras[0][:2] == ('fa10', 0)
        assert cameras[-1][2] == SPEC.n_nights
        if exchange:
            assert exchange[0].day == cameras[1][1] == cameras[0][2]
            kinds['on visit' if exchange[0].day in (400, 900) else 'alone', exchange[0].recorded] += 1
            if exchange[0].day == 400:
                assert exchange[0].recorded_day == 403
        else:
            kinds['overlap' if len(cameras) == 2 else 'none'] += 1
    assert set(kinds) == {'none', 'overlap', *((where, how) for where in ('on visit', 'alone')
                                               for how in (True, False))}


def test_two_cameras_change_places_every_few_weeks():
    cameras, events = draw_cameras(3, True, (), SPEC, rng())
    assert events == ()
    assert {name for name, *_ in cameras} == {f'{TELESCOPES[3][-1]}{number}' for number in (13, 43)}
    assert [first for _, first, _ in cameras[1:]] == [last for *_, last in cameras[:-1]]
    assert all(20 <= last - first < 55 for _, first, last in cameras[:-1])
    assert (cameras[0][1], cameras[-1][2]) == (0, SPEC.n_nights)
