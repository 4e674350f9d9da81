"""Fit the levels of a telescope: nights judged, levels solved, noise and stiffness estimated, in turn."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from photzp.throughput.fitstate import Problem, State, about, everything_but_level
from photzp.throughput.levelprior import GREY_STIFFNESS, HAZE_MAG, Bins, make_bins, prior_blocks
from photzp.throughput.levels import Information, solve
from photzp.throughput.nightmeans import NightMeans, TelescopeRows, from_middle, is_near, night_means
from photzp.throughput.nightsky import MISSING, Judged, expected_loglike, judge, new_state
from photzp.throughput.stepprior import StepAt, jump_of
from photzp.times import DAYS_PER_MONTH

_FULL_ROUNDS = 2  # with all coefficients, after those in which they are held
BIN_MONTHS = 8 / DAYS_PER_MONTH  # chosen because lasting noise is remembered twice as long
# Sizes of haze [mag/airmass in r] and stiffnesses [mag/month^1.5] that are compared.  The factor of the lognormal prior
# of haze is chosen on simulated years; the usual size is in the error of the level whichever is taken (`summary`).
_HAZE_GRID, _HAZE_FACTOR = (0.0015, 0.007), 1.2
_STIFFNESS_GRID = np.array([0.0006, 0.0012, 0.0024, 0.005])


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
    bins = _bins(problem, steps)
    prior = prior_blocks(bins, state.stiffness, _rough_levels(means))
    data, everything = _Data(problem, state, trial), everything_but_level(state)
    for _ in range(rounds):
        solution = solve(bins, prior, data.weighted(judged), state.stiffness.haze)
        beta = beta if trial else solution.beta
        x = solution.state[bins.of_night]
        level = x[:, 0] + x[:, 1] * bins.dt[:, None]
        expected = level + x[:, 2] + means.covariates @ beta
        # The lasting noise of a night that stands alone would follow it into any cloud: so nights are judged about the
        # level, and their weights are those about level and lasting noise.
        about_level = judge(about(means, expected - x[:, 2]), means.variance, everything, sky)
        near = judge(about(means, expected), means.variance, state.noise, sky)
        evidence = expected_loglike(about_level, near, sky)
        judged = replace(about_level, weight=near.weight)
        sky = new_state(judged, problem.window, problem.others)
    evidence += solution.log_evidence - 0.5 * np.sum((beta / problem.covariates.width) ** 2)
    return replace(state, sky=sky, beta=beta, level=level, expected=expected, lasting=x[:, 2], judged=judged,
                   bins=bins, solution=solution, prior=prior, evidence=float(evidence))


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
        self.normal, self.right = means.normal + np.diag(1 / problem.covariates.width**2), means.right
        if trial:
            self.value = means.value - means.covariates @ state.beta
            self.covariates = np.empty((*means.value.shape, 0))
            self.normal, self.right = np.empty((0, 0)), np.empty(0)

    def weighted(self, judged: Judged) -> Information:
        """With the weights of judged nights."""
        return Information(weight=judged.weight * judged.clear[:, None, None] * self.pairs, value=self.value,
                           covariates=self.covariates, normal=self.normal, right=self.right)


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
    return replace(state, means=means)


def with_stiffness(problem: Problem, state: State, steps: Sequence[StepAt]) -> State:
    """Stiffness and size of haze of the highest evidence.

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
    best = None
    for root, haze_mag in product(_STIFFNESS_GRID, _HAZE_GRID):
        stiffness = replace(state.stiffness.of_grey(root), haze_mag=haze_mag)
        trial = climb(problem, replace(state, stiffness=stiffness), steps, 2, trial=True)
        prior = -0.5 * ((np.log(root / GREY_STIFFNESS[0]) / np.log(GREY_STIFFNESS[1])) ** 2
                        + (np.log(haze_mag / HAZE_MAG) / np.log(_HAZE_FACTOR)) ** 2)
        if best is None or trial.evidence + prior > best[0]:
            best = trial.evidence + prior, trial
    assert best is not None
    return best[1]
