"""Steps that nobody recorded are found, wrong dates are moved, and quiet years and weather have no steps."""

import numpy as np
import pytest

from photzp.throughput.firststate import first_state
from photzp.throughput.noise import with_noise
from photzp.throughput.stepprior import StepAt
from photzp.throughput.stepsearch import (
    EVENT_DAYS,
    FOUND_COST,
    NIGHTS_MIN,
    clear_beside,
    day_before,
    find_steps,
    path_steps,
)
from photzp.throughput.telescopefit import climb, with_means
from tests.support.telescoperows import nightly, problem_of

NIGHTS = 400
DAY = np.arange(NIGHTS, dtype=float)
LEVEL = np.array([24.0, 23.4, 22.1]) - 0.008 * DAY[:, None] / 30.44
AFTER = (DAY > 220.5)[:, None]  # a step lies between nights 220 and 221


def clouds(seed, clear=0.5):
    rng = np.random.default_rng(100 + seed)
    return np.where(rng.random(NIGHTS) < clear, 0, rng.exponential(0.3, NIGHTS))


def searched(level, steps=(), *, cloud=None, seed=1):
    """(problem, state, steps) of a telescope under clouds in half of all nights."""
    rows = nightly(level, cloud=clouds(seed) if cloud is None else cloud, seed=seed)
    problem = problem_of(rows, DAY)
    state, path = first_state(problem, list(steps), {}, EVENT_DAYS)
    steps = path_steps(problem, path, list(steps))
    state = climb(problem, state, steps, 5)
    state = climb(problem, with_noise(problem, with_means(problem, state)), steps, 4)
    return (problem, *find_steps(problem, state, steps))


def event(day, kind='wash', changed=()):
    return StepAt(day=day, kind=kind, written=day, changed=frozenset(changed))


# --- steps that nobody recorded

@pytest.mark.parametrize('seed', range(2))
@pytest.mark.parametrize('size', [0.3, 0.1, 0.05, -0.05, -0.1, -0.3])
def test_a_step_is_found_within_days(size, seed):
    _, state, (step,) = searched(LEVEL + size * AFTER, seed=seed)
    assert abs(step.day - 220.5) < 4
    assert (step.kind, step.origin, np.isnan(step.written)) == ('break', 'found', True)
    assert step.early <= step.day <= step.late
    assert step.late - step.early < 7
    assert step.log_evidence > FOUND_COST
    assert state.level[-1] - state.level[100] == pytest.approx(LEVEL[-1] - LEVEL[100] + size, abs=0.015)


@pytest.mark.parametrize('seed', range(2))
def test_a_step_in_one_filter_is_found(seed):
    _, state, (step,) = searched(LEVEL + np.array([0.0, 0.06, 0.0]) * AFTER, seed=seed)
    assert abs(step.day - 220.5) < 3
    change = state.level[230] - state.level[210]
    assert change == pytest.approx([0, 0.06, 0], abs=0.02)


def test_two_steps_are_found():
    level = LEVEL + 0.12 * AFTER - 0.08 * (DAY > 90.5)[:, None]
    _, _, steps = searched(level)
    assert [step.day for step in steps] == pytest.approx([90.5, 220.5], abs=4)


@pytest.mark.parametrize('seed', range(4))
def test_quiet_years_have_no_steps(seed):
    _, state, steps = searched(LEVEL, seed=seed)
    assert steps == []
    assert np.sqrt(np.mean((state.level - LEVEL)**2)) < 0.005


@pytest.mark.parametrize('seed', range(3))
def test_a_wet_season_is_no_step(seed):
    # A hundred nights of which one in twenty is clear.
    rng = np.random.default_rng(seed)
    share = np.where((DAY >= 150) & (DAY < 250), 0.05, 0.6)
    cloud = np.where(rng.random(NIGHTS) < share, 0, rng.exponential(0.3, NIGHTS))
    _, state, steps = searched(LEVEL, cloud=cloud, seed=seed)
    assert steps == []
    assert np.abs(state.level - LEVEL).max() < 0.02


@pytest.mark.parametrize('seed', range(2))
def test_two_weeks_of_even_veil_are_no_step(seed):
    # Longer ones cannot be told from dirt and a wash where the site has one telescope.
    veil = 0.08 * ((DAY > 200) & (DAY < 215))
    _, state, steps = searched(LEVEL, cloud=clouds(seed) + veil, seed=seed)
    assert steps == []
    assert np.abs(state.level - LEVEL).max() < 0.015


@pytest.mark.parametrize('size', [0.2, -0.2])
def test_a_step_thirty_days_ago_is_in_the_level(size):
    level = LEVEL + size * (DAY > NIGHTS - 30.5)[:, None]
    _, state, (step,) = searched(level)
    assert abs(step.day - (NIGHTS - 30.5)) < 3
    assert state.level[-1] == pytest.approx(level[-1], abs=0.015)


@pytest.mark.parametrize('size', [0.1, -0.1])
def test_a_few_clear_nights_are_no_step_yet(size):
    cloud = clouds(1)
    last = np.flatnonzero(cloud == 0)[-5]  # five clear nights, fewer than NIGHTS_MIN
    assert NIGHTS_MIN > 5
    _, _, steps = searched(LEVEL + size * (last <= DAY)[:, None], cloud=cloud)
    assert steps == []


# --- dates

@pytest.mark.parametrize('late', [10, -8])
@pytest.mark.parametrize('seed', range(2))
def test_an_event_off_by_days_is_moved_to_its_jump(late, seed):
    _, state, (step,) = searched(LEVEL + 0.1 * AFTER, [event(220.5 + late)], seed=seed)
    assert (step.kind, step.origin, step.written) == ('wash', 'moved', 220.5 + late)
    assert abs(step.day - 220.5) < 4
    assert step.early - 1 <= 220.5 <= step.late + 1
    assert state.level[-1] == pytest.approx(LEVEL[-1] + 0.1, abs=0.015)


def test_an_event_on_its_date_stays_there():
    for level in (LEVEL + 0.1 * AFTER, LEVEL):  # with a jump, and without one
        _, _, (step,) = searched(level, [event(220.5)])
        assert (step.day, step.origin) == (220.5, 'recorded')
        assert np.isnan([step.early, step.late]).all()


def test_an_event_weeks_from_a_jump_is_not_moved_there():
    _, _, steps = searched(LEVEL + 0.1 * AFTER, [event(260.5)])
    assert [(step.kind, step.origin) for step in steps] == [('break', 'found'), ('wash', 'recorded')]
    assert abs(steps[0].day - 220.5) < 4
    assert abs(steps[1].day - 260.5) < EVENT_DAYS


def test_a_change_of_cameras_is_where_its_frames_are():
    _, _, steps = searched(LEVEL + 0.1 * AFTER, [event(225.5, 'instrument', ('gp', 'rp', 'ip'))])
    assert (steps[-1].day, steps[-1].origin) == (225.5, 'recorded')


# --- parts

def test_jumps_of_a_path_are_steps_but_for_those_near_an_event():
    problem = problem_of(nightly(LEVEL), DAY)
    path = 23.0 + 0.1 * (DAY > 100) - 0.02 * (DAY > 150) + 0.1 * (DAY > 208) - 0.2 * (DAY > 300)
    got = path_steps(problem, path, [event(200.5), event(302.5, 'instrument', ('gp',))])
    assert [(step.day, step.origin) for step in got] == [(100.5, 'found'), (200.5, 'recorded'), (302.5, 'recorded')]
    got = path_steps(problem, path, [StepAt(day=306.5, kind='instrument', changed=frozenset({'gp'}))])
    assert [step.day for step in got] == [100.5, 208.5, 300.5, 306.5]


def test_a_step_before_a_night_is_midway_to_the_night_before():
    problem = problem_of(nightly(LEVEL[:3]), [0.0, 1.0, 4.0])
    assert day_before(problem, 2) == 2.5


def test_clear_nights_beside_a_step_end_at_the_next_steps():
    problem, state, _ = searched(LEVEL, cloud=np.zeros(NIGHTS))
    steps = [event(100.5), event(220.5), event(300.5)]
    assert clear_beside(problem, state, steps, steps[1]) == pytest.approx((120, 80), rel=0.02)
    assert clear_beside(problem, state, steps, steps[2]) == pytest.approx((80, 99), rel=0.02)
