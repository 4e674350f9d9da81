"""Steps that are known before the fit: events, changes of cameras, and those of several filters or in one gap."""

import numpy as np
import pytest

from photzp.throughput.boundaries import INSTRUMENT_DAYS, known_steps, references
from tests.support.telescoperows import rows_of

NIGHT = np.arange(0, 400, 2)  # every second night
DAY = NIGHT.astype(float)


def series(group=0, night=NIGHT):
    """Rows on the days of every second night, in cameras by their codes."""
    return rows_of(night, np.full(len(night), 23.5), day=np.asarray(night, float), group=group)


def steps_of(rows, events=()):
    return known_steps(rows if isinstance(rows, dict) else {'rp': rows}, DAY, list(events))


def told(steps):
    return [(step.day, step.kind, sorted(step.changed)) for step in steps]


# --- events

def test_events_are_steps_at_their_dates():
    events = [(100.5, 'wash'), (200.5, 'cleaning'), (300.5, 'break')]
    steps = steps_of(series(), events)
    assert told(steps) == [(100.5, 'wash', []), (200.5, 'cleaning', []), (300.5, 'break', [])]
    assert [(step.written, step.origin) for step in steps] == [(day, 'recorded') for day, _ in events]


def test_events_without_nights_on_both_sides_are_no_steps():
    events = [(-50.0, 'wash'), (0.0, 'recoating'), (500.0, 'wash'), (-1.0, 'cleaning'), (399.0, 'cleaning')]
    assert steps_of(series(), events) == []


def test_two_events_between_two_nights_are_one_step_on_the_later_date():
    assert told(steps_of(series(), [(100.5, 'recoating'), (101.0, 'wash')])) == [(101.0, 'wash', [])]


def test_a_mirror_event_and_an_instrument_event_between_two_nights_are_that_of_the_mirror_with_new_cameras():
    rows = {'gp': series(), 'rp': series()}
    for events in ([(100.5, 'instrument'), (101.0, 'wash')], [(100.5, 'wash'), (101.0, 'instrument')]):
        (step,) = steps_of(rows, events)
        assert (step.kind, step.changed) == ('wash', {'gp', 'rp'})


def test_cleanings_stay_by_themselves_in_a_gap():
    events = [(100.2, 'cleaning'), (100.5, 'wash'), (101.0, 'cleaning')]
    assert [step.kind for step in steps_of(series(), events)] == ['cleaning', 'wash', 'cleaning']


# --- cameras

def test_cameras_that_never_overlap_are_a_step_between_them():
    group = (NIGHT > 150).astype(int)
    (step,) = steps_of(series(group))
    assert (step.day, step.kind, step.changed) == (151.0, 'instrument', {'rp'})
    assert np.isnan(step.written)
    group[70:80] = [0, 1] * 5
    assert steps_of(series(group)) == []


def test_a_third_camera_within_the_time_of_another_is_no_change():
    group = np.where((NIGHT > 100) & (NIGHT < 130) & (NIGHT % 4 == 0), 7, 0)
    assert steps_of(series(group)) == []


def test_changes_of_several_filters_are_one_step():
    # gp has no rows for twenty days about the change; the gap of rp, which is narrower, dates it.
    group = (NIGHT > 150).astype(int)
    there = np.abs(NIGHT - 150) > 10
    rows = {'gp': series(group[there], NIGHT[there]), 'rp': series(group), 'ip': series()}
    assert told(steps_of(rows)) == [(151.0, 'instrument', ['gp', 'rp'])]


def test_changes_of_several_filters_at_different_times_are_several_steps():
    rows = {'gp': series((NIGHT > 100).astype(int)), 'rp': series((NIGHT > 200).astype(int))}
    assert told(steps_of(rows)) == [(101.0, 'instrument', ['gp']), (201.0, 'instrument', ['rp'])]


@pytest.mark.parametrize(('day', 'moved'), [(151.2, 151.2), (140.0, 151.0), (180.0, 151.0)])
def test_an_instrument_event_is_the_change_of_cameras_it_is_near_to(day, moved):
    (step,) = steps_of(series((NIGHT > 150).astype(int)), [(day, 'instrument')])
    assert (step.day, step.kind, step.written, step.changed) == (moved, 'instrument', day, {'rp'})


def test_an_instrument_event_far_from_any_change_stands_for_itself_in_all_filters():
    rows = {'gp': series((NIGHT > 150).astype(int)), 'rp': series()}
    assert INSTRUMENT_DAYS < 200.5 - 151
    steps = steps_of(rows, [(200.5, 'instrument')])
    assert told(steps) == [(151.0, 'instrument', ['gp']), (200.5, 'instrument', ['gp', 'rp'])]
    assert [np.isnan(step.written) for step in steps] == [True, False]


def test_a_camera_exchanged_on_the_day_of_a_wash_is_a_wash_with_another_camera():
    (step,) = steps_of(series((NIGHT > 150).astype(int)), [(150.5, 'wash')])
    assert (step.day, step.kind, step.changed) == (150.5, 'wash', {'rp'})


def test_a_wash_of_a_telescope_that_keeps_its_camera_is_none_of_a_camera():
    rows = {'gp': series((NIGHT > 150).astype(int)), 'rp': series(NIGHT % 4 // 2), 'ip': series(0, NIGHT[:50])}
    (step,) = steps_of(rows, [(150.5, 'wash')])
    assert step.changed == {'gp'}


def test_a_camera_that_came_some_weeks_after_a_wash_is_a_step_of_its_own():
    steps = steps_of(series((NIGHT > 170).astype(int)), [(150.5, 'wash')])
    assert told(steps) == [(150.5, 'wash', []), (171.0, 'instrument', ['rp'])]


# --- references

def test_groups_that_share_a_piece_count_from_the_one_with_most_rows():
    rows = series(np.where(NIGHT % 6 == 0, 5, 2))
    assert references(rows, [], frozenset()) == {2: 2, 5: 2}


def test_groups_that_a_step_divides_are_references_each():
    rows = series((NIGHT > 150).astype(int))
    assert references(rows, [151.0], frozenset()) == {0: 0, 1: 1}
    assert references(rows, [], frozenset()) == {0: 1, 1: 1}


def test_groups_are_connected_by_others():
    # 0 and 1 share a piece, 1 and 2 the next one.
    group = np.select([NIGHT < 100, NIGHT < 150, NIGHT < 250], [0, 1, 1], 2)
    assert [np.count_nonzero(group == code) for code in (0, 1, 2)] == [50, 75, 75]
    assert references(series(group), [151.0], frozenset()) == {0: 1, 1: 1, 2: 1}


def test_a_group_of_another_scale_is_a_reference_only_where_all_are():
    rows = series(np.where(NIGHT % 6 == 0, 5, 2))
    assert references(rows, [], frozenset({2})) == {2: 5, 5: 5}
    assert references(rows, [], frozenset({2, 5})) == {2: 2, 5: 2}


def test_of_groups_with_as_many_rows_the_lower_code_is_the_reference():
    assert references(series(np.where(NIGHT % 4 == 0, 3, 8)), [], frozenset()) == {3: 3, 8: 3}
