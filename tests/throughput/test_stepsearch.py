"""Steps that nobody recorded are found, and quiet years and weather have none."""

import numpy as np
import pytest

from photzp.throughput import stepsearch
from photzp.throughput.stepprior import StepAt
from photzp.throughput.stepsearch import FOUND_COST, NIGHTS_MIN, clear_beside, path_steps
from tests.support.telescoperows import clouds, event, nightly, problem_of, searched

NIGHTS = 300
DAY = np.arange(NIGHTS, dtype=float)
LEVEL = np.array([24.0, 23.4, 22.1]) - 0.008 * DAY[:, None] / 30.44
AFTER = (DAY > 170.5)[:, None]  # a step lies between nights 170 and 171


# --- steps that nobody recorded

@pytest.mark.parametrize('seed', range(2))
@pytest.mark.parametrize('size', [0.3, 0.1, 0.05, -0.05, -0.1, -0.3])
def test_a_step_is_found_within_days(size, seed):
    _, state, (step,) = searched(LEVEL + size * AFTER, seed=seed)
    assert abs(step.day - 170.5) < 4
    assert (step.kind, step.origin, np.isnan(step.written)) == ('break', 'found', True)
    assert step.early <= step.day <= step.late
    assert step.late - step.early < 7
    assert step.log_evidence > FOUND_COST
    assert state.level[-1] - state.level[100] == pytest.approx(LEVEL[-1] - LEVEL[100] + size, abs=0.015)


@pytest.mark.parametrize('seed', range(2))
def test_a_step_in_one_filter_is_found(seed):
    _, state, (step,) = searched(LEVEL + np.array([0.0, 0.06, 0.0]) * AFTER, seed=seed)
    assert abs(step.day - 170.5) < 3
    change = state.level[180] - state.level[160]
    assert change == pytest.approx([0, 0.06, 0], abs=0.02)


def test_two_steps_are_found():
    level = LEVEL + 0.12 * AFTER - 0.08 * (DAY > 90.5)[:, None]
    _, _, steps = searched(level)
    assert [step.day for step in steps] == pytest.approx([90.5, 170.5], abs=4)


@pytest.mark.parametrize('seed', range(4))
def test_quiet_years_have_no_steps(seed):
    _, state, steps = searched(LEVEL, seed=seed)
    assert steps == []
    assert np.sqrt(np.mean((state.level - LEVEL)**2)) < 0.005


@pytest.mark.parametrize('seed', range(3))
def test_a_wet_season_is_no_step(seed):
    # A hundred nights of which one in twenty is clear.
    rng = np.random.default_rng(seed)
    share = np.where((DAY >= 120) & (DAY < 220), 0.05, 0.6)
    cloud = np.where(rng.random(NIGHTS) < share, 0, rng.exponential(0.3, NIGHTS))
    _, state, steps = searched(LEVEL, cloud=cloud, seed=seed)
    assert steps == []
    assert np.abs(state.level - LEVEL).max() < 0.02


@pytest.mark.parametrize('seed', range(2))
def test_two_weeks_of_even_veil_are_no_step(seed):
    # Longer ones cannot be told from dirt and a wash where the site has one telescope.
    veil = 0.08 * ((DAY > 200) & (DAY < 215))
    _, state, steps = searched(LEVEL, cloud=clouds(seed, NIGHTS) + veil, seed=seed)
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
    cloud = clouds(1, NIGHTS)
    last = np.flatnonzero(cloud == 0)[-5]  # five clear nights, fewer than NIGHTS_MIN
    assert NIGHTS_MIN > 5
    _, _, steps = searched(LEVEL + size * (last <= DAY)[:, None], cloud=cloud)
    assert steps == []


@pytest.mark.parametrize('later', [True, False])
def test_seven_clear_nights_of_overwhelming_evidence_are_a_step_where_a_later_one_shows_that_it_lasts(later):
    # A fall of 0.2 mag, seven clear nights, then a wash that makes it up, or clouds to the end.
    cloud = np.where((DAY > 177) & (DAY < 230), np.random.default_rng(1).uniform(0.3, 1.5, NIGHTS), 0.0)
    level = LEVEL - 0.2 * ((DAY > 170.5) & (DAY < 230))[:, None]
    number = NIGHTS if later else 230
    _, _, steps = searched(level[:number], steps=[event(229.5)] if later else (), cloud=cloud[:number])
    found = [step.day for step in steps if step.origin == 'found']
    assert found == (pytest.approx([170.5], abs=1) if later else [])


def test_a_small_step_needs_more_evidence(monkeypatch):
    level = LEVEL + 0.036 * AFTER
    assert searched(level, seed=2)[2] == []
    monkeypatch.setattr(stepsearch, '_SMALL_COST', FOUND_COST)
    (step,) = searched(level, seed=2)[2]
    assert abs(step.day - 170.5) < 4
    assert FOUND_COST < step.log_evidence < 20


# --- parts

def test_jumps_of_a_path_are_steps_but_for_those_near_an_event():
    problem = problem_of(nightly(LEVEL), DAY)
    path = 23.0 + 0.1 * (DAY > 100) - 0.02 * (DAY > 150) + 0.1 * (DAY > 208) - 0.2 * (DAY > 280)
    got = path_steps(problem, path, [event(200.5), event(282.5, 'instrument', ('gp',))])
    assert [(step.day, step.origin) for step in got] == [(100.5, 'found'), (200.5, 'recorded'), (282.5, 'recorded')]
    got = path_steps(problem, path, [StepAt(day=286.5, kind='instrument', changed=frozenset({'gp'}))])
    assert [step.day for step in got] == [100.5, 208.5, 280.5, 286.5]


def test_clear_nights_beside_a_step_end_at_the_next_steps():
    problem, state, _ = searched(LEVEL, cloud=np.zeros(NIGHTS))
    steps = [event(100.5), event(220.5), event(280.5)]
    assert clear_beside(problem, state, steps, steps[1]) == pytest.approx((120, 60), rel=0.02)
    assert clear_beside(problem, state, steps, steps[2]) == pytest.approx((60, 19), rel=0.05)
