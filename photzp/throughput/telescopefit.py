"""Fit the levels of a telescope: nights judged, levels solved, noise and stiffness estimated, in turn."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from photzp.throughput.fitstate import Problem, State, about, everything_but_level
from photzp.throughput.levelprior import GREY_STIFFNESS, HAZE_MAG, Bins, make_bins, prior_blocks
from photzp.throughput.levels import Information, solve
from photzp.throughput.nightmeans import NightMeans, TelescopeRows, from_middle, is_near, night_means
from photzp.throughput.nightsky import (
    MISSING,
    Judged,
    SkyState,
    as_clear,
    expected_loglike,
    inverse_covariances,
    judge,
    new_state,
)
from photzp.throughput.noise import prior_noise
from photzp.throughput.siteair import with_others
from photzp.throughput.stepprior import StepAt, jump_of
from photzp.times import DAYS_PER_MONTH

_FULL_ROUNDS = 2  # with all coefficients, after those in which they are held
BIN_MONTHS = 8 / DAYS_PER_MONTH  # chosen because lasting noise is remembered twice as long
# Size of haze and lasting noise relative to the usual ones, each with the logarithm of its prior; and stiffnesses
# [mag/month^1.5], that are compared.
_UNREST = {1.0: 0.0, 0.2: -25.0}  # the low one only where many nights leave no doubt: else it is too sure of levels
_STIFFNESS_GRID = np.array([0.0006, 0.0012, 0.0024, 0.005, 0.010])


def row_kept(rows: TelescopeRows, scatter: float, zp: np.ndarray) -> np.ndarray:
    """Whether each row is near the middle of its night: the others are wild.

    Parameters
    ----------
    rows : TelescopeRows
        Of one filter.
    scatter : float
        Of rows in a night [mag].
    zp : ndarray, shape (n,)
        Zeropoints less their covariates [mag].

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    return is_near(*from_middle(rows, zp), np.hypot(rows.zperr, scatter))


def climb(problem: Problem, state: State, steps: Sequence[StepAt], rounds: int, *, trial: bool = False) -> State:
    """Solve levels and judge nights in turn.

    Parameters
    ----------
    problem : Problem
    state : State
        To begin with.
    steps : sequence of StepAt
        In order of time.
    rounds : int
    trial : bool
        Only a trial of other steps, for which the coefficients of covariates stay, and that is much faster.

    Returns
    -------
    State
    """
    if not trial and rounds > _FULL_ROUNDS:  # with all coefficients a round takes ten times as long
        state, rounds = climb(problem, state, steps, rounds - _FULL_ROUNDS, trial=True), _FULL_ROUNDS
    means, judged, sky, beta = state.means, state.judged, state.sky, state.beta
    prior = prior_blocks(bins := _bins(problem, steps), state.stiffness, _rough_levels(means))
    data, known, judged_in = _Data(problem, state, trial), problem.covariates, _Noise(state)
    for _ in range(rounds):
        solution = solve(bins, prior, data.weighted(judged))
        beta = beta if trial else solution.beta
        x = solution.state[bins.of_night]
        level = x[:, 0] + x[:, 1] * bins.dt[:, None]
        lasting = x[:, 2] + data.haze * solution.haze[bins.of_night][:, None]
        expected = level + lasting + means.covariates @ beta
        judged, evidence = judged_in.judge(expected, lasting, sky)
        sky = new_state(judged, problem.window)
    evidence += solution.log_evidence - 0.5 * np.sum(((beta - known.mean) / known.width) ** 2)
    return replace(state, sky=sky, beta=beta, level=level, expected=expected, lasting=lasting, judged=judged, bins=bins,
                   solution=solution, prior=prior, evidence=float(evidence))


class _Noise:
    """The noise in which nights are judged; their covariances stay the same from round to round."""

    def __init__(self, state: State) -> None:
        self.means, self.noise, self.everything = state.means, state.noise, everything_but_level(state)
        self.inverses = [inverse_covariances(self.means.variance, noise) for noise in (self.noise, self.everything)]

    def judge(self, expected: np.ndarray, lasting: np.ndarray, sky: SkyState) -> tuple[Judged, float]:
        """Judge nights about what is expected (N, F), of which `lasting` may be noise; and their log likelihood."""
        # The lasting noise of a night that stands alone would follow it into any cloud: so nights are judged about the
        # level, and their weights are those about level and lasting noise.
        means, (own, whole) = self.means, self.inverses
        about_level = judge(about(means, expected - lasting), means.variance, self.everything, sky, means.clouds,
                            inverse=whole)
        near = as_clear(about(means, expected), means.variance, self.noise, own)
        return replace(about_level, weight=near.weight), expected_loglike(about_level, near, sky)


def _bins(problem: Problem, steps: Sequence[StepAt]) -> Bins:
    """Bins of all nights between the steps."""
    return make_bins(problem.day / DAYS_PER_MONTH, np.array([step.day for step in steps]) / DAYS_PER_MONTH,
                     [jump_of(step, problem.filters) for step in steps], BIN_MONTHS)


def _rough_levels(means: NightMeans) -> np.ndarray:
    """Median of the values of each filter (F,), 0 without any."""
    present = means.variance.T < MISSING / 2
    return np.array([np.median(value[there]) if there.any() else 0.0
                     for value, there in zip(means.value.T, present, strict=True)])


class _Data:
    """The means of nights as the levels are solved from them; in a trial without their covariates."""

    def __init__(self, problem: Problem, state: State, trial: bool) -> None:
        means = state.means
        self.pairs = _pairs(means.variance < MISSING / 2)
        self.value, self.covariates = means.value, means.covariates
        prior, contrasts = problem.covariates, means.contrasts
        self.normal = contrasts.normal + np.diag(1 / prior.width**2)
        self.right = contrasts.right + prior.mean / prior.width**2
        self.haze, self.haze_normal = -state.stiffness.colour * means.airmass, contrasts.haze_normal
        self.haze_right, self.haze_crossed = contrasts.haze_right, contrasts.haze_crossed
        if trial:
            self.value = means.value - means.covariates @ state.beta
            self.covariates = np.empty((*means.value.shape, 0))
            self.normal, self.right = np.empty((0, 0)), np.empty(0)
            self.haze_right = contrasts.haze_right - contrasts.haze_crossed @ state.beta
            self.haze_crossed = np.empty((len(means.value), 0))

    def weighted(self, judged: Judged) -> Information:
        """With the weights of judged nights."""
        return Information(weight=judged.weight * judged.clear[:, None, None] * self.pairs, value=self.value,
                           covariates=self.covariates, normal=self.normal, right=self.right,
                           haze=self.haze, haze_normal=self.haze_normal, haze_right=self.haze_right,
                           haze_crossed=self.haze_crossed)


def _pairs(present: np.ndarray) -> np.ndarray:
    return present[:, :, None] & present[:, None, :]


def with_means(problem: Problem, state: State) -> State:
    """Means of nights anew, with the coefficients and classes of the state.

    Parameters
    ----------
    problem : Problem
    state : State
        With a solution.

    Returns
    -------
    State
        With new means; all else is as before.
    """
    assert state.solution is not None
    means = night_means(problem.rows, problem.designs, state.beta, state.judged.clear, problem.known_fields)
    return replace(state, means=with_others(means, problem))


def with_stiffness(problem: Problem, state: State, steps: Sequence[StepAt]) -> State:
    """Stiffness, and size of haze and lasting noise, of the highest evidence.

    Parameters
    ----------
    problem : Problem
    state : State
        To begin with.
    steps : sequence of StepAt
        In order of time.

    Returns
    -------
    State
        Fitted with these, at the coefficients of covariates of before.
    """
    best, lasting = None, prior_noise(problem.filters)[1]
    for root, (unrest, log_prior) in product(_STIFFNESS_GRID, _UNREST.items()):
        stiffness = replace(state.stiffness.of_grey(root), haze_mag=unrest * HAZE_MAG, lasting=unrest**2 * lasting)
        trial = climb(problem, replace(state, stiffness=stiffness), steps, 2, trial=True)
        log_prior -= 0.5 * (np.log(root / GREY_STIFFNESS[0]) / np.log(GREY_STIFFNESS[1])) ** 2
        if best is None or trial.evidence + log_prior > best[0]:
            best = trial.evidence + log_prior, trial
    assert best is not None
    return best[1]
