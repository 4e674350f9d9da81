"""Fits of made telescopes: levels within their errors, evidence that rises and that prefers what is true."""

from dataclasses import replace

import numpy as np
import pytest

from photzp.throughput.firststate import first_state
from photzp.throughput.levelprior import HAZE_MAG
from photzp.throughput.levels import bin_covariances
from photzp.throughput.nightmeans import from_middle
from photzp.throughput.noise import prior_noise, with_noise
from photzp.throughput.stepprior import StepAt
from photzp.throughput.telescopefit import climb, row_kept, with_means, with_stiffness
from tests.support.telescoperows import nightly, problem_of, rows_of

NIGHTS = 300
DAY = np.arange(NIGHTS, dtype=float)
RNG = np.random.default_rng(7)
CLOUD = np.where(RNG.random(NIGHTS) < 0.5, 0, RNG.exponential(0.3, NIGHTS))
LEVEL = np.array([24.0, 23.4, 22.1]) - 0.010 * DAY[:, None] / 30.44
WASH = StepAt(day=180.5, kind='wash', written=180.5)
WASHED = LEVEL + 0.15 * (DAY[:, None] > 180.5)


def start(rows, steps=()):
    problem = problem_of(rows, DAY)
    return problem, first_state(problem, list(steps), {}, 14.0)[0]


def fitted(rows, steps=(), rounds=8):
    problem, state = start(rows, steps)
    return problem, climb(problem, state, list(steps), rounds)


def level_errors(state):
    """1-sigma errors of the levels at the bins (J, F) [mag]."""
    within, _ = bin_covariances(state.solution)
    n = state.level.shape[1]
    return np.sqrt(np.einsum('jii->ji', within)[:, :n])


@pytest.mark.parametrize('seed', range(3))
def test_levels_are_within_their_errors(seed):
    _, state = fitted(nightly(WASHED, cloud=CLOUD, seed=seed), [WASH])
    assert np.sqrt(np.mean((state.level - WASHED)**2)) < 0.006
    truth = np.stack([WASHED[state.bins.of_night == number].mean(axis=0) for number in range(len(state.bins.month))])
    pull = (state.solution.state[:, 0] - truth) / level_errors(state)
    assert np.sqrt(np.mean(pull**2)) < 1.6
    assert np.abs(pull).max() < 4


def test_clear_and_cloudy_nights_are_told_apart():
    _, state = fitted(nightly(WASHED, cloud=CLOUD), [WASH])
    assert (state.judged.clear[CLOUD == 0] > 0.5).mean() > 0.96
    assert (state.judged.clear[CLOUD > 0.04] > 0.5).mean() < 0.03


def test_nights_follow_their_weights_and_clouds_none():
    # Twice as deep clouds change nothing where they were deep before.
    deep = np.where(CLOUD > 0, 0.4 + CLOUD, 0)
    (_, one), (_, two) = (fitted(nightly(LEVEL, cloud=factor * deep)) for factor in (1, 2))
    np.testing.assert_allclose(two.level, one.level, atol=5e-4)


def test_the_evidence_rises_from_round_to_round():
    rows = nightly(WASHED, cloud=CLOUD)
    problem, state = start(rows, [WASH])
    evidence = [climb(problem, state, [WASH], rounds).evidence for rounds in range(1, 9)]
    assert (np.diff(evidence) > -0.5).all()
    assert evidence[-1] - evidence[-2] < 0.5


def test_the_evidence_prefers_the_steps_that_are_there():
    other = StepAt(day=90.5, kind='break', origin='found')
    for level, needed in ((WASHED, True), (LEVEL, False)):
        problem, state = start(nightly(level, cloud=CLOUD), [WASH])
        found = replace(WASH, kind='break', origin='found')
        gain = (climb(problem, state, [found], 8, trial=True).evidence
                - climb(problem, state, [], 8, trial=True).evidence)
        assert (gain > 9) == needed
        more = climb(problem, state, [other, found], 8, trial=True).evidence
        assert more < climb(problem, state, [found], 8, trial=True).evidence


def test_a_trial_leaves_the_coefficients_as_they_are():
    rows = nightly(LEVEL[:, :1], cloud=CLOUD)['gp']
    rows = rows_of(rows.night, rows.zp, group=np.arange(len(rows.zp)) % 2)
    problem = problem_of({'gp': rows}, DAY, tied={'gp': [1]})
    state = first_state(problem, [], {'gp': {0: 0, 1: 0}}, 14.0)[0]
    trial, free = (climb(problem, state, [], 4, trial=trial) for trial in (True, False))
    np.testing.assert_array_equal(trial.beta, state.beta)
    assert abs(free.beta[0]) < 0.004
    np.testing.assert_allclose(trial.level, free.level, atol=0.005)


def test_the_start_does_not_matter():
    # From levels that are 50 mmag off, either way, from all nights clear, and from none.
    problem, state = start(nightly(WASHED, cloud=CLOUD), [WASH])
    reached = climb(problem, state, [WASH], 20)
    for clear in (0.95, 0.05):
        judged = replace(state.judged, clear=np.full(NIGHTS, clear))
        other = climb(problem, replace(state, judged=judged), [WASH], 20)
        np.testing.assert_allclose(other.level, reached.level, atol=0.003)


def test_means_of_nights_are_anew_at_the_coefficients_of_the_state():
    problem, state = fitted(nightly(LEVEL, cloud=CLOUD))
    again = with_means(problem, state).means
    assert np.abs(again.value - state.means.value).mean() < 0.001
    assert 0.008 < again.scatter.mean() < 0.012  # planted: 10 mmag, with errors of 4 stated


def test_the_stiffness_is_that_of_the_data():
    # A steady level, and one that after five months begins to lose 30 mmag a month.
    bent = LEVEL[:1] - 0.03 * np.maximum(DAY / 30.44 - 5, 0)[:, None]
    roots = []
    for level in (LEVEL, bent):
        problem, state = fitted(nightly(level, cloud=CLOUD))
        state = climb(problem, with_stiffness(problem, state, []), [], 8)
        roots.append(np.sqrt(state.stiffness.grey))
        assert np.sqrt(np.mean((state.level - level)**2)) < 0.01
    assert roots[1] > 1.5 * roots[0]


def test_haze_in_the_data_is_evidence_for_it():
    # Two months of haze in turn with two without, which dims gp by 30 mmag, and rp and ip less.
    haze = np.array([1.41, 1.0, 0.77]) * (0.021 * (np.sin(2 * np.pi * DAY / 60) > 0))[:, None]
    gains = []
    for level in (LEVEL, LEVEL - haze):
        problem, state = fitted(nightly(level, cloud=CLOUD))
        small, usual = (climb(problem, replace(state, stiffness=replace(state.stiffness, haze_mag=size)), [], 4,
                              trial=True).evidence for size in (0.0015, 0.007))
        gains.append(usual - small)
    assert gains[1] > gains[0] + 5


def test_haze_and_lasting_noise_are_small_only_where_the_data_leave_no_doubt():
    # Nights that differ by 1 mmag for ten months; the usual 6 mmag, of which most lasts, is in the others.
    rng, month = np.random.default_rng(5), DAY / 30.44
    waves = 0.012 * np.sin(2 * np.pi * month[:, None] / np.array([0.7, 1.1, 0.9]) + rng.uniform(0, 6, 3))
    usual = prior_noise(('gp', 'rp', 'ip'))[1]
    sizes = []
    for level, noise in ((LEVEL, 0.001), (LEVEL + waves, 0.006)):
        problem, state = fitted(nightly(level, noise=noise, scatter=0.002, per_night=20))
        stiffness = with_stiffness(problem, with_noise(problem, with_means(problem, state)), []).stiffness
        np.testing.assert_allclose(stiffness.lasting, (stiffness.haze_mag / HAZE_MAG)**2 * usual)
        sizes.append(stiffness.haze_mag / HAZE_MAG)
    assert sizes == pytest.approx([0.2, 1.0])


def test_wild_rows_are_not_kept():
    zp = 23.5 + np.array([0.004, -0.01, 0.0, 0.007, 0.5, -0.003])
    rows = rows_of(np.zeros(6, int), zp)
    assert row_kept(rows, 0.01, zp).tolist() == [True] * 4 + [False, True]
    assert row_kept(rows, 0.2, zp).all()
    assert np.abs(from_middle(rows, zp)[0]).argmax() == 4
