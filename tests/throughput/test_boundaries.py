"""Where lines end: at events, at changes of cameras, and at jumps that nobody recorded."""

import numpy as np
import pytest

from photzp.throughput.boundaries import Boundary, find_boundaries, find_jump
from photzp.throughput.cloudmixture import make_data
from photzp.throughput.lines import Line
from tests.support.linerows import DAYS, ORIGIN, at, series


def test_events_that_bound_are_boundaries_and_cleanings_are_none():
    events = [(at(100.5), 'wash'), (at(200.5), 'cleaning'), (at(300.5), 'break'), (at(900.0), 'wash')]
    assert find_boundaries(series(DAYS), events) == [Boundary(100.5, 'wash'), Boundary(300.5, 'break')]


def test_two_events_between_two_nights_are_one_boundary():
    events = [(at(100.5), 'recoating'), (at(101.0), 'wash')]
    assert find_boundaries(series(DAYS), events) == [Boundary(101.0, 'wash')]
    events = [(at(100.5), 'instrument'), (at(101.0), 'wash')]
    assert find_boundaries(series(DAYS), events) == [Boundary(101.0, 'wash', instrumental=True)]


def test_cameras_that_never_overlap_are_a_boundary_between_them():
    group = (DAYS > 150).astype(int)
    assert find_boundaries(series(DAYS, group), []) == [
        Boundary(151.0, 'instrument', recorded=False, instrumental=True)]
    group[70:80] = [0, 1] * 5
    assert find_boundaries(series(DAYS, group), []) == []


@pytest.mark.parametrize(('day', 'moved'), [(151.2, 151.2), (140.0, 151.0), (180.0, 151.0)])
def test_an_instrument_event_is_the_change_of_cameras_it_is_near_to(day, moved):
    group = (DAYS > 150).astype(int)
    found = find_boundaries(series(DAYS, group), [(at(day), 'instrument')])
    assert found == [Boundary(pytest.approx(moved), 'instrument', instrumental=True)]


def test_an_instrument_event_far_from_any_change_stands_for_itself():
    group = (DAYS > 150).astype(int)
    found = find_boundaries(series(DAYS, group), [(at(200.5), 'instrument')])
    assert [(each.day, each.recorded) for each in found] == [(151.0, False), (200.5, True)]


def jump_of(zp):
    rows = series(DAYS, zp=zp)
    data = make_data(zp, rows.zperr, np.ones((len(zp), 1)), rows.night, np.array([[0.0, np.inf]]))
    return find_jump(rows, Line(origin=ORIGIN, opened=np.array([0.0]), centre=np.array([0.0])), data, zp)


def test_a_jump_lies_where_the_upper_envelope_changes():
    rng = np.random.default_rng(4)
    cloud = rng.exponential(0.3, len(DAYS)) * (rng.random(len(DAYS)) < 0.5)
    assert jump_of(rng.normal(0, 0.01, len(DAYS)) - cloud) is None
    assert jump_of(rng.normal(0, 0.01, len(DAYS)) - cloud + 0.3 * (DAYS > 250)) == pytest.approx(251, abs=4)
    assert jump_of(rng.normal(0, 0.01, len(DAYS)) - 0.1 * (DAYS > 250)) is None


def test_a_few_cloudy_nights_at_the_end_are_no_fall_and_a_few_bright_ones_are_a_rise():
    assert jump_of(-0.3 * (DAYS > 370)) is None
    assert jump_of(0.3 * (DAYS > 370)) == pytest.approx(371, abs=8)
