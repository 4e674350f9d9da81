"""The noise of nights from planted noise: grey, of each filter, and lasting."""

import numpy as np
import pytest

from photzp.throughput.firststate import first_state
from photzp.throughput.fitstate import everything_but_level
from photzp.throughput.levelprior import TAU_MONTHS
from photzp.throughput.noise import prior_noise, with_noise
from photzp.throughput.telescopefit import climb, with_means
from tests.support.telescoperows import problem_of, rows_of

NIGHTS = 500
DAY = np.arange(NIGHTS, dtype=float)
LEVEL = np.array([24.0, 23.4]) - 0.008 * DAY[:, None] / 30.44


def lasting(rng, sigma):
    """A process of Ornstein and Uhlenbeck on every day (N,)."""
    rho = np.exp(-1 / (TAU_MONTHS * 30.44))
    values = [rng.normal(0, sigma)]
    for _ in range(NIGHTS - 1):
        values.append(rho * values[-1] + rng.normal(0, sigma * np.sqrt(1 - rho**2)))
    return np.array(values)


def fitted(*, grey=0.008, own=(0.006, 0.006), last=(0.0, 0.0), cloud=0.0, seed=1):
    """The state after a few rounds of the fit: Student's noise of nights, and what lasts, grey and own."""
    rng = np.random.default_rng(seed)
    tails = np.sqrt(6 / rng.chisquare(6, (NIGHTS, 1)))
    noise = tails * (rng.normal(0, grey, (NIGHTS, 1)) + rng.normal(0, own, (NIGHTS, 2)))
    lasts = np.stack([lasting(rng, last[1]), lasting(rng, last[1])], axis=1) + lasting(rng, last[0])[:, None]
    seen = LEVEL + noise - np.reshape(cloud, (-1, 1)) + lasts
    night = np.repeat(np.arange(NIGHTS), 4)
    rows = {name: rows_of(night, seen[night, number] + rng.normal(0, 0.006, len(night)))
            for number, name in enumerate(('rp', 'ip'))}
    problem = problem_of(rows, DAY)
    state = climb(problem, first_state(problem, [], {}, 14.0)[0], [], 5)
    for _ in range(4):
        state = climb(problem, with_noise(problem, with_means(problem, state)), [], 4)
    return state


def whole(state):
    """Covariance of noise that is there for a night and of that which lasts."""
    return state.noise + state.stiffness.lasting


@pytest.mark.parametrize(('grey', 'own'), [(0.008, (0.006, 0.006)), (0.012, (0.005, 0.012)), (0.005, (0.003, 0.004))])
def test_the_noise_of_nights_is_measured(grey, own):
    got = whole(fitted(grey=grey, own=own))
    assert np.sqrt(np.diag(got)) == pytest.approx(np.hypot(grey, own), rel=0.2)
    assert np.sqrt(got[0, 1]) == pytest.approx(grey, rel=0.25)


def test_clouds_do_not_raise_the_noise():
    rng = np.random.default_rng(3)
    cloud = np.where(rng.random(NIGHTS) < 0.5, 0, rng.exponential(0.2, NIGHTS))
    plain, cloudy = fitted(), fitted(cloud=cloud)
    assert np.sqrt(np.diag(whole(cloudy))) == pytest.approx(np.sqrt(np.diag(whole(plain))), rel=0.25)


def test_noise_that_lasts_is_of_its_usual_size_and_no_noise_of_a_night():
    # Planted at its usual size and not at all.  Level and haze follow a part of it, so that of nights comes out low.
    usual = prior_noise(['rp', 'ip'])[1]
    for last in ((0, 0), (0.005, 0.003)):
        state = fitted(grey=0.006, own=(0.004, 0.004), last=last)
        np.testing.assert_array_equal(state.stiffness.lasting, usual)
        planted = np.sqrt(0.006**2 + 0.004**2 + np.sum(np.square(last)))
        assert np.sqrt(np.diag(whole(state))) == pytest.approx(planted, rel=0.25)
        # About the level a clear night has all of them and haze of its usual size, which is not planted here.
        assert np.sqrt(np.diag(everything_but_level(state))) == pytest.approx(
            np.hypot(planted, 0.007 * np.array([1.25, 1.25 * 0.77])), rel=0.25)


def test_few_nights_leave_the_noise_near_its_prior():
    rng = np.random.default_rng(2)
    rows = {'gp': rows_of(np.arange(4), 24 + rng.normal(0, 0.05, 4))}
    problem = problem_of(rows, np.arange(4.0))
    state = with_noise(problem, climb(problem, first_state(problem, [], {}, 14.0)[0], [], 5))
    noise, last = prior_noise(['gp'])
    assert 0.5 < np.sqrt(state.noise[0, 0] / noise[0, 0]) < 2.3
    assert 0.5 < np.sqrt(state.stiffness.lasting[0, 0] / last[0, 0]) < 2


def test_covariances_are_such_and_within_the_limits_of_their_prior():
    state = fitted(grey=0.06, own=(0.001, 0.03))
    prior = prior_noise(['gp', 'rp'])[0]
    values = np.linalg.eigvals(np.linalg.solve(prior, state.noise))
    assert values.min() > 0.03
    assert values.max() < 6


def test_noise_before_any_data_is_that_of_decam():
    # DECam's clear nights: 8 to 11 mmag grey, 1 to 11 of each filter, 20 of z; lasting 4 to 8, z 25 (water vapour).
    noise, last = prior_noise(['gp', 'rp', 'zp'])
    assert np.sqrt(noise[0, 1]) == pytest.approx(0.0095, abs=0.002)
    assert np.sqrt(noise[0, 0] - noise[0, 1]) == pytest.approx(0.006, abs=0.005)
    assert np.sqrt(noise[2, 2] - noise[0, 2]) == pytest.approx(0.020, abs=0.008)
    assert np.sqrt(last[0, 0]) == pytest.approx(0.006, abs=0.003)
    assert np.sqrt(last[2, 2]) > 2 * np.sqrt(last[0, 0])
