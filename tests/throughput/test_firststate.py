"""The state that a fit starts from: near planted levels, whatever the cameras."""

import numpy as np
import pytest

from photzp.throughput.firststate import first_state
from photzp.throughput.stepprior import StepAt
from tests.support.telescoperows import nightly, problem_of, rows_of

NIGHTS = 300
DAY = np.arange(NIGHTS, dtype=float)
RNG = np.random.default_rng(7)
CLOUD = np.where(RNG.random(NIGHTS) < 0.5, 0, RNG.exponential(0.3, NIGHTS))
LEVEL = np.array([24.0, 23.4, 22.1]) - 0.008 * DAY[:, None] / 30.44


def started(rows, steps=(), tied=None):
    tied = tied or {}
    problem = problem_of(rows, DAY, tied={name: [group for group, to in tied.get(name, {}).items() if to != group]
                                          for name in rows})
    return problem, *first_state(problem, list(steps), tied, 14.0)


def test_levels_of_all_filters_under_clouds():
    _, state, path = started(nightly(LEVEL, cloud=CLOUD))
    assert state.level == pytest.approx(LEVEL, abs=0.035)
    assert np.abs(np.mean(state.level - LEVEL)) < 0.01
    assert np.ptp(path - LEVEL[:, 0]) < 0.05
    assert np.mean((state.judged.clear > 0.5) == (CLOUD < 0.02)) > 0.9
    np.testing.assert_array_equal(state.expected, state.level)


def test_a_wash_is_a_step_of_the_path():
    level = LEVEL + 0.15 * (DAY[:, None] > 180.5)
    _, state, path = started(nightly(level, cloud=CLOUD), [StepAt(day=180.5, kind='wash', written=180.5)])
    apart = np.abs(DAY - 180) > 6  # the nights at the step are cloudy
    assert state.level[apart] == pytest.approx(level[apart], abs=0.035)
    assert path[200] - path[160] == pytest.approx(0.15, abs=0.03)


def test_cameras_of_several_filters_may_change_each_in_its_way():
    level = LEVEL + np.array([0.2, -0.3, 0.0]) * (DAY[:, None] > 180.5)
    step = StepAt(day=180.5, kind='instrument', changed=frozenset({'gp', 'rp'}))
    _, state, _ = started(nightly(level, cloud=CLOUD), [step])
    assert state.level == pytest.approx(level, abs=0.04)


@pytest.mark.parametrize('in_turn', [True, False])
def test_offsets_of_groups_are_found_roughly(in_turn):
    # Two cameras in turn, or in the same nights; the second 0.4 mag brighter.
    rows = nightly(LEVEL[:, :1], cloud=CLOUD)['gp']
    group = rows.night // 10 % 2 if in_turn else np.arange(len(rows.zp)) % 3 % 2
    rows = rows_of(rows.night, rows.zp + 0.4 * group, group=group)
    problem, state, _ = started({'gp': rows}, tied={'gp': {0: 0, 1: 0}})
    assert problem.covariates.columns == (('offset', 'gp', 1),)
    assert state.beta == pytest.approx([0.4], abs=0.08 if in_turn else 0.01)
    assert state.level == pytest.approx(LEVEL[:, :1], abs=0.1 if in_turn else 0.035)


def test_a_filter_that_is_hardly_used_goes_with_the_others():
    rows = nightly(LEVEL, cloud=CLOUD)
    few = rows['ip']
    some = np.isin(few.night, [20, 90, 250])
    rows['ip'] = rows_of(few.night[some], few.zp[some])
    _, state, _ = started(rows)
    assert np.isfinite(state.level).all()
    assert state.level[:, :2] == pytest.approx(LEVEL[:, :2], abs=0.035)
