"""Fit the levels of a telescope: nights judged, levels solved, noise and stiffness estimated, in turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from photzp.throughput.envelope import align_filters, best_path
from photzp.throughput.levels import (
    HAZE_MAG,
    TAU_MONTHS,
    Bins,
    Information,
    Jump,
    Solution,
    Stiffness,
    make_bins,
    prior_blocks,
    solve,
)
from photzp.throughput.nightmeans import (
    Covariates,
    NightMeans,
    TelescopeRows,
    from_middle,
    is_near,
    night_means,
    swing_colour,
)
from photzp.throughput.nightsky import (
    MISSING,
    Judged,
    SkyState,
    expected_loglike,
    judge,
    new_state,
    start_state,
    tail_weight,
)
from photzp.times import DAYS_PER_MONTH

BIN_MONTHS = 8 / DAYS_PER_MONTH
# Priors of the noise of nights [mag], grey and by filter: DECam's clear nights in des_sn_zeropoints.
_GREY_MAG, _FILTER_MAG = 0.008, {'zp': 0.015, 'zs': 0.015, 'Y': 0.015}
_FILTER_MAG_OTHER = 0.006
_LASTING_GREY_MAG, _LASTING_MAG = 0.005, {'zp': 0.012, 'zs': 0.012, 'Y': 0.012}
_LASTING_MAG_OTHER = 0.003
_NOISE_NIGHTS, _LASTING_PAIRS = 12.0, 40.0  # weights of these priors
_NOISE_FACTORS, _LASTING_FACTORS = (0.04, 5.0), (0.02, 7.0)  # least and most of the variance, against its prior
_GREY_STIFFNESS = (0.0012, 2.0)  # sqrt(q) [mag/month^1.5]: median and factor of its lognormal prior
_STIFFNESS_GRID = np.array([0.0004, 0.0008, 0.0015, 0.003, 0.006])
_FILTER_SHARE = 0.15
_LAG_DAYS = 12.0
_CAMERA_MAG = 0.3  # between two cameras


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is to be fitted; N nights, F filters, p coefficients.

    Attributes
    ----------
    filters : tuple of str
        Names.
    rows : mapping of str to TelescopeRows
        By filter.
    designs, known_fields : mapping of str to ndarray
        Covariates of rows (n, p), and whether the field of each has an offset.
    covariates : Covariates
        Coefficients and their priors.
    day : ndarray, shape (N,)
        Mean time of the rows of each night.
    window : ndarray of int, shape (2, N)
        Season of each night.
    others : ndarray, shape (N,)
        Log odds of other telescopes.
    """

    filters: tuple[str, ...]
    rows: Mapping[str, TelescopeRows]
    designs: Mapping[str, np.ndarray]
    known_fields: Mapping[str, np.ndarray]
    covariates: Covariates
    day: np.ndarray
    window: np.ndarray
    others: np.ndarray


@dataclass(frozen=True, kw_only=True)
class StepAt:
    """A step of the model.

    Attributes
    ----------
    day : float
        When; no row is at that time.
    kind : str
        Of its event; 'instrument' for a change of cameras, 'break' for a found jump.
    origin : str
        As of `summary.Step`.
    changed : frozenset of str
        Filters whose camera may have changed.
    written : float
        Day of the event; NaN without one.
    early, late : float
        68.3% interval of the day; NaN where that is known.
    log_evidence : float
        For the step against none; NaN where it was not asked for.
    """

    day: float
    kind: str
    origin: str = 'recorded'
    changed: frozenset[str] = frozenset()
    written: float = np.nan
    early: float = np.nan
    late: float = np.nan
    log_evidence: float = np.nan


@dataclass(frozen=True, kw_only=True)
class State:
    """Values of all that is fitted.

    Attributes
    ----------
    means : NightMeans
        Of the nights.
    noise : ndarray, shape (F, F)
        Covariance of the noise of nights [mag^2].
    stiffness : Stiffness
        Of the levels.
    sky : SkyState
        Shares of clear nights and depths.
    beta : ndarray, shape (p,)
        Coefficients of covariates.
    level, expected : ndarray, shape (N, F)
        Level x; and with covariates and lasting noise what a clear night shows [mag].
    lasting : ndarray, shape (N, F)
        Lasting noise l, which is a part of what is expected [mag].
    judged : Judged
        Of the residuals.
    bins : Bins or None
        Of the solution.
    solution : Solution or None
        The last one.
    prior : tuple or None
        Of the solution, as `prior_blocks` returned it.
    evidence : float
        Logarithm of the evidence, up to a constant of the problem.
    """

    means: NightMeans
    noise: np.ndarray
    stiffness: Stiffness
    sky: SkyState
    beta: np.ndarray
    level: np.ndarray
    expected: np.ndarray
    lasting: np.ndarray
    judged: Judged
    bins: Bins | None = None
    solution: Solution | None = None
    prior: tuple[np.ndarray, ...] | None = None
    evidence: float = -np.inf


def _by_filter(filters: Sequence[str], grey: float, own: Mapping[str, float], other: float) -> np.ndarray:
    """Covariance of a grey part and one of each filter."""
    return grey**2 + np.diag([own.get(name, other) ** 2 for name in filters])


def prior_noise(filters: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Covariances of nightly and lasting noise before any data.

    Parameters
    ----------
    filters : sequence of str
        F names.

    Returns
    -------
    nightly, lasting : ndarray, shape (F, F)
        Covariances [mag^2].
    """
    return (_by_filter(filters, _GREY_MAG, _FILTER_MAG, _FILTER_MAG_OTHER),
            _by_filter(filters, _LASTING_GREY_MAG, _LASTING_MAG, _LASTING_MAG_OTHER))


def jump_of(step: StepAt, filters: Sequence[str]) -> Jump:
    """Prior of a step.

    Parameters
    ----------
    step : StepAt
    filters : sequence of str
        Names of the filters of the telescope.

    Returns
    -------
    Jump
        By its kind, its origin and the cameras that changed.
    """
    one, eye = np.ones((len(filters), len(filters))), np.eye(len(filters))
    camera = _CAMERA_MAG**2 * np.diag([float(name in step.changed) for name in filters])
    if step.kind == 'cleaning':
        return Jump(np.full(len(filters), 0.03), 0.05**2 * one + 0.01**2 * eye + camera,
                    0.004**2 * one + 0.001**2 * eye)
    grey, own = (0.2, 0.04) if step.origin != 'found' else (0.12, 0.04)
    if step.kind == 'instrument' and len(step.changed) < len(filters):
        grey, own = 0.0, 0.001  # only some filters have another camera
    slope = 0.010 if step.origin == 'found' else 0.025
    return Jump(np.zeros(len(filters)), grey**2 * one + own**2 * eye + camera, slope**2 * one + 0.003**2 * eye)


def first_state(problem: Problem, steps: Sequence[StepAt], tied: Mapping[str, Mapping[int, int]],
                event_days: float) -> tuple[State, np.ndarray]:
    """State of the best path through a grid of levels.

    Parameters
    ----------
    problem : Problem
    steps : sequence of StepAt
        Known ones, in order of time.
    tied : mapping of str to mapping of int to int
        {group: its reference} by filter.
    event_days : float
        So far off may the date of an event be.

    Returns
    -------
    state : State
    path : ndarray, shape (N,)
        Grey level of each night [mag].
    """
    n_nights, day = len(problem.day), problem.day
    noise, lasting = prior_noise(problem.filters)
    beta = _start_offsets(problem, tied)
    means = night_means(problem.rows, problem.designs, beta, np.full(n_nights, 1.0), problem.known_fields)
    corrected = np.where(means.variance < MISSING / 2, means.value - means.covariates @ beta, 0.0)
    cameras = np.array([step.day for step in steps if step.changed])
    shift = align_filters(corrected, means.variance, np.searchsorted(cameras, day))
    weight = 1 / (means.variance + 0.01**2)
    grey = np.sum(weight * (corrected - shift), axis=1) / weight.sum(axis=1)
    path = best_path(grey, 1 / weight.sum(axis=1), day, _may_jump(day, steps, event_days))
    level = path[:, None] + shift
    sky = start_state(n_nights)
    residual = _residual(means, level + means.covariates @ beta)
    root = _GREY_STIFFNESS[0]
    return State(means=means, noise=noise, sky=sky, beta=beta, level=level, expected=level + means.covariates @ beta,
                 lasting=np.zeros(level.shape),
                 stiffness=Stiffness(grey=root**2, filter=(_FILTER_SHARE * root) ** 2, lasting=lasting,
                                     colour=np.array([swing_colour(name) for name in problem.filters])),
                 judged=judge(residual, means.variance, noise + lasting, sky)), path


def _may_jump(day: np.ndarray, steps: Sequence[StepAt], event_days: float) -> np.ndarray:
    """Whether a known step may be before each night (N,)."""
    events = np.zeros(len(day), bool)
    for step in steps:
        reach = 0.0 if step.changed else event_days
        events |= (day >= step.day - reach) & (np.append(-np.inf, day[:-1]) <= step.day + reach)
    return events


def _start_offsets(problem: Problem, tied: Mapping[str, Mapping[int, int]]) -> np.ndarray:
    """Rough offsets of groups from their references: of medians in the same nights, else of bright nights (p,)."""
    beta = np.zeros(len(problem.covariates.columns))
    for name, references in tied.items():
        rows = problem.rows[name]
        for group, reference in references.items():
            if group != reference:
                column = problem.covariates.columns.index(('offset', name, group))
                beta[column] = _rough_offset(rows, group, reference)
    return beta


def _rough_offset(rows: TelescopeRows, group: int, reference: int) -> float:
    """Offset of one group from another [mag]."""
    ours, theirs = rows.group == group, rows.group == reference
    both = np.intersect1d(rows.night[ours], rows.night[theirs])
    if len(both) >= 3:
        return float(np.median([np.median(rows.zp[ours & (rows.night == night)])
                                - np.median(rows.zp[theirs & (rows.night == night)]) for night in both]))
    days = rows.day[ours]
    near = theirs & (rows.day >= days[0] - 60) & (rows.day <= days[-1] + 60)
    near = near if near.any() else theirs
    return float(np.quantile(rows.zp[ours], 0.8) - np.quantile(rows.zp[near], 0.8))


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


def _residual(means: NightMeans, expected: np.ndarray) -> np.ndarray:
    return _where_present(means, means.value - expected)


def _where_present(means: NightMeans, values: np.ndarray) -> np.ndarray:
    return np.where(means.variance < MISSING / 2, values, 0.0)


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
    bins = make_bins(problem.day / DAYS_PER_MONTH, np.array([step.day for step in steps]) / DAYS_PER_MONTH,
                     [jump_of(step, problem.filters) for step in steps], BIN_MONTHS)
    means, judged, sky, beta = state.means, state.judged, state.sky, state.beta
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
        apart = _residual(means, expected)
        about_level = judge(apart + _where_present(means, x[:, 2]), means.variance, everything, sky)
        near = judge(apart, means.variance, state.noise, sky)
        evidence = expected_loglike(about_level, near, sky)
        judged = replace(about_level, weight=near.weight)
        sky = new_state(judged, problem.window, problem.others)
    evidence += solution.log_evidence - 0.5 * np.sum((beta / problem.covariates.width) ** 2)
    return replace(state, sky=sky, beta=beta, level=level, expected=expected, lasting=x[:, 2], judged=judged,
                   bins=bins, solution=solution, prior=prior, evidence=float(evidence))


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


def everything_but_level(state: State) -> np.ndarray:
    """Covariance of a clear night about the level.

    Parameters
    ----------
    state : State

    Returns
    -------
    ndarray, shape (F, F)
        Of noise of the night, lasting noise, and haze [mag^2].
    """
    haze = HAZE_MAG * state.stiffness.haze
    return state.noise + state.stiffness.lasting + np.outer(haze, haze)


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


def with_noise(problem: Problem, state: State) -> State:
    """Noise of nights from the residuals of clear ones.

    Parameters
    ----------
    problem : Problem
    state : State
        With a solution.

    Returns
    -------
    State
        With new covariances of nightly and lasting noise; all else is as before.
    """
    assert state.solution is not None
    means = state.means
    present = means.variance < MISSING / 2
    assert state.bins is not None
    haze = state.solution.haze[state.bins.of_night][:, None] * state.stiffness.haze
    residual = _residual(means, state.level + haze + means.covariates @ state.beta)
    noise, lasting = prior_noise(problem.filters)
    tails = tail_weight(state.judged.mean**2 / state.judged.variance)
    # Of seasons with few clear nights thin clouds would be a large part.
    own = tail_weight(residual**2 / (means.variance + np.diag(everything_but_level(state))))
    weight = np.where(present, own * (state.judged.clear * tails * state.sky.clear**3)[:, None], 0.0)
    lasting_found = _lagged(residual, weight, problem.day, lasting)
    total, number = _moments(residual, weight)
    errors = np.diag(np.sum(weight * np.where(present, means.variance, 0.0), axis=0)
                     / np.maximum(weight.sum(axis=0), 1e-9))
    errors = np.minimum(errors, 0.5 * total * np.eye(len(total)))
    nightly = (number * (total - errors - lasting_found) + _NOISE_NIGHTS * noise) / (number + _NOISE_NIGHTS)
    return replace(state, noise=_within(nightly, noise, *_NOISE_FACTORS),
                   stiffness=replace(state.stiffness, lasting=lasting_found))


def _moments(residual: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean products of residuals by pair of filters, and the numbers of nights they are of (F, F)."""
    root = np.sqrt(weight)
    number = root.T @ root
    return (root * residual).T @ (root * residual) / np.maximum(number, 1e-9), number


def _lagged(residual: np.ndarray, weight: np.ndarray, day: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Covariance of the lasting noise, from products of nights up to _LAG_DAYS apart."""
    total, number = _LASTING_PAIRS * prior, np.full(prior.shape, _LASTING_PAIRS)
    root = np.sqrt(weight)
    for lag in range(1, 8):
        apart = day[lag:] - day[:-lag]
        near = (apart <= _LAG_DAYS)[:, None]
        one, other = root[:-lag] * near, root[lag:] * near
        memory = np.exp(-apart / DAYS_PER_MONTH / TAU_MONTHS)[:, None]
        product = (one * residual[:-lag] * memory).T @ (other * residual[lag:])
        count = (one * memory**2).T @ other
        total = total + (product + product.T) / 2
        number = number + (count + count.T) / 2
    return _within(total / number, prior, *_LASTING_FACTORS)


def _within(matrix: np.ndarray, prior: np.ndarray, least: float, most: float) -> np.ndarray:
    """The covariance nearest to a matrix that in no direction is less or more than so many times the prior.

    Clouds that pass for clear nights would otherwise raise the noise, so that more of them pass, and so on.
    """
    root = np.linalg.cholesky(prior)
    inverse = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(inverse @ (matrix + matrix.T) @ inverse.T / 2)
    half = root @ (vectors * np.sqrt(np.clip(values, least, most)))
    return half @ half.T


def with_stiffness(problem: Problem, state: State, steps: Sequence[StepAt]) -> State:
    """Stiffness of the highest evidence.

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
        Fitted with that stiffness, at the coefficients of covariates of before.
    """
    best = None
    for root in _STIFFNESS_GRID:
        stiffness = replace(state.stiffness, grey=root**2, filter=(_FILTER_SHARE * root) ** 2)
        trial = climb(problem, replace(state, stiffness=stiffness), steps, 2, trial=True)
        prior = -0.5 * (np.log(root / _GREY_STIFFNESS[0]) / np.log(_GREY_STIFFNESS[1])) ** 2
        if best is None or trial.evidence + prior > best[0]:
            best = trial.evidence + prior, trial
    assert best is not None
    return best[1]
