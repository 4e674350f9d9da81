"""Dates of steps: wrong ones are moved to their jumps, right ones stay."""

import numpy as np
import pytest

from photzp.throughput.stepdates import EVENT_DAYS, day_before, night_after
from tests.support.telescoperows import event, nightly, problem_of, searched

DAY = np.arange(300.0)
LEVEL = np.array([24.0, 23.4]) - 0.008 * DAY[:, None] / 30.44
AFTER = (DAY > 170.5)[:, None]  # a step lies between nights 170 and 171


@pytest.mark.parametrize('late', [10, -8])
@pytest.mark.parametrize('seed', range(2))
def test_an_event_off_by_days_is_moved_to_its_jump(late, seed):
    _, state, (step,) = searched(LEVEL + 0.1 * AFTER, [event(170.5 + late)], seed=seed)
    assert (step.kind, step.origin, step.written) == ('wash', 'moved', 170.5 + late)
    assert abs(step.day - 170.5) < 4
    assert step.early - 1 <= 170.5 <= step.late + 1
    assert state.level[-1] == pytest.approx(LEVEL[-1] + 0.1, abs=0.015)


@pytest.mark.parametrize(('size', 'off', 'seed'), [(0.05, 14, 2), (0.2, 14, 3), (0.2, -14, 1), (0.2, 12, 0)])
def test_a_jump_two_weeks_from_an_event_is_that_event(size, off, seed):
    # Where a step is found first, beside an event without a jump, or the curve takes the jump after the event.
    _, state, (step,) = searched(LEVEL + size * AFTER, [event(170.5 + off)], seed=seed)
    assert (step.kind, step.origin, step.written) == ('wash', 'moved', 170.5 + off)
    assert abs(step.day - 170.5) < 4
    assert state.level[-1] == pytest.approx(LEVEL[-1] + size, abs=0.015)


def test_an_event_on_its_date_stays_there():
    for level in (LEVEL + 0.1 * AFTER, LEVEL):  # with a jump, and without one
        _, _, (step,) = searched(level, [event(170.5)])
        assert (step.day, step.origin) == (170.5, 'recorded')
        assert np.isnan([step.early, step.late]).all()


def test_an_event_weeks_from_a_jump_is_not_moved_there():
    _, _, steps = searched(LEVEL + 0.1 * AFTER, [event(210.5)])
    assert [(step.kind, step.origin) for step in steps] == [('break', 'found'), ('wash', 'recorded')]
    assert abs(steps[0].day - 170.5) < 4
    assert abs(steps[1].day - 210.5) < EVENT_DAYS


def test_a_change_of_cameras_is_where_its_frames_are():
    _, _, steps = searched(LEVEL + 0.1 * AFTER, [event(175.5, 'instrument', ('gp', 'rp'))])
    assert (steps[-1].day, steps[-1].origin) == (175.5, 'recorded')


def test_a_step_before_a_night_is_midway_to_the_night_before():
    problem = problem_of(nightly(LEVEL[:3]), [0.0, 1.0, 4.0])
    assert day_before(problem, 2) == 2.5
    assert [night_after(problem, event(day)) for day in (-1.0, 0.5, 2.5, 9.0)] == [0, 1, 2, 3]


