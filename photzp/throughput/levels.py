"""The level of a telescope in time, in all its filters: a linear Gaussian model whose precision matrix is banded.

Nights are joined to bins of a few days.  In each bin j, at time t_j [month], filter f has a level x, its slope b, and a
lasting part of the noise l; a night n in the bin has in filter f

    y = x + b (t_n - t_j) + l + u_f h + c . beta + noise

with haze h, which dims the blue more, and covariates c (cameras, fields, airmass, ...) whose coefficients beta hold for
all times.  From bin to bin, with dt = t_{j+1} - t_j,

    (x, b) : a local linear trend, x' = x + b dt, b' = b, plus Gaussian changes of covariance C (x) [[dt^3/3, dt^2/2],
             [dt^2/2, dt]], C = q_grey 11' + q_filter 1: an integrated Wiener process (Wahba 1978, J. R. Stat. Soc. B
             40, 364), most of which is the same in all filters; q is larger in the weeks after a step;
    l      : a process of Ornstein and Uhlenbeck, l' = rho l + change, rho = exp(-dt / tau), covariance A at any time;
    h      : another one, of _HAZE_MONTHS;
    a step : between two bins adds a jump to x and a change to b, with the covariances of `Jump`.

So the precision of all unknowns, ordered by bins, is block tridiagonal, and the most likely values and the determinant
come from its banded Cholesky factor, with beta as a border (Rue & Held 2005, Gaussian Markov Random Fields, sec. 2.4).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded

TAU_MONTHS = 0.5  # of the lasting noise: water vapour, haze, flat fields last 5 to 40 days

HAZE_MAG = 0.009  # mag/airmass in r: of haze that comes and goes within months
_HAZE_MONTHS = 1.5
_HAZE_AIRMASS = 1.25  # of a typical frame
# After a step q is larger by _AFTER_STEP^2 [mag/month^1.5], for about _AFTER_MONTHS: clean mirrors get dirty fast.
_AFTER_STEP, _AFTER_MONTHS = 0.010, 1.2
_START_LEVEL_MAG = 3.0   # 1-sigma width of the prior of the first level about the data
_START_SLOPE = (-0.010, 0.012)  # mag/month, mean and width: LCO's mirrors lose 2 to 20 mmag a month
_FILTER_SLOPE = 0.003    # mag/month, of a filter relative to all
_LEAST = 1e-9            # months: two bins at a step may be at the same time
_LEAST_LASTING = 1e-8    # mag^2: keeps the covariance of the lasting noise regular


@dataclass(frozen=True)
class Jump:
    """Prior of a step between two bins, by filter.

    Attributes
    ----------
    mean : ndarray, shape (F,)
        Mean size [mag].
    covariance : ndarray, shape (F, F)
        Of the size [mag^2].
    slope : ndarray, shape (F, F)
        Covariance of the change of slope [(mag/month)^2].
    """

    mean: np.ndarray
    covariance: np.ndarray
    slope: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Stiffness:
    """How fast levels change, and the lasting noise.

    Attributes
    ----------
    grey, filter : float
        q of all filters together, and of each by itself [mag^2/month^3].
    lasting : ndarray, shape (F, F)
        Covariance A of the lasting noise [mag^2].
    colour : ndarray, shape (F,)
        Extinction by haze in each filter, relative to that in r.
    """

    grey: float
    filter: float
    lasting: np.ndarray
    colour: np.ndarray

    @property
    def haze(self) -> np.ndarray:
        """u: dimming of each filter by haze h [airmass], shape (F,)."""
        return _HAZE_AIRMASS * self.colour


@dataclass(frozen=True, kw_only=True)
class Bins:
    """Nights joined to bins.

    Attributes
    ----------
    month : ndarray, shape (J,)
        Time of each bin [month].
    of_night : ndarray of int, shape (N,)
        Bin of each night.
    dt : ndarray, shape (N,)
        Time of each night minus that of its bin [month].
    piece : ndarray of int, shape (J,)
        Number of steps before each bin.
    jumps : tuple of Jump
        Of each step, in order of time.
    """

    month: np.ndarray
    of_night: np.ndarray
    dt: np.ndarray
    piece: np.ndarray
    jumps: tuple[Jump, ...] = ()


def make_bins(month: np.ndarray, steps: np.ndarray, jumps: Sequence[Jump], width: float) -> Bins:
    """Join nights to bins, none of which spans a step.

    Parameters
    ----------
    month : ndarray, shape (N,)
        Time of each night, ascending [month].
    steps : ndarray, shape (S,)
        Times of steps, ascending [month]; each with nights on either side.
    jumps : sequence of Jump
        Of each step.
    width : float
        Longest time between the first and the last night of a bin [month].

    Returns
    -------
    Bins
        In order of time.
    """
    piece = np.searchsorted(steps, month, side='right')
    code = piece * 1_000_000 + (month / width).astype(int)
    _, first, of_night, counts = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
    centre = np.add.reduceat(month, first) / counts
    return Bins(month=centre, of_night=of_night, dt=month - centre[of_night], piece=piece[first], jumps=tuple(jumps))


@dataclass(frozen=True, kw_only=True)
class Information:
    """What nights say: sums of weights and weighted values, as the normal equations need them.

    Attributes
    ----------
    weight : ndarray, shape (N, F, F)
        Inverse covariance of each night, 0 where a filter has no value [mag^-2].
    value : ndarray, shape (N, F)
        Zeropoints [mag].
    covariates : ndarray, shape (N, F, p)
        c of each value.
    normal, right : ndarray, shape (p, p) and (p,)
        What is known of beta besides: its prior, and the contrasts within nights.
    """

    weight: np.ndarray
    value: np.ndarray
    covariates: np.ndarray
    normal: np.ndarray
    right: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Most likely values of all unknowns, given the information.

    Attributes
    ----------
    state : ndarray, shape (J, 3, F)
        x [mag], b [mag/month], l + u h [mag].
    haze : ndarray, shape (J,)
        h [mag/airmass].
    lasting_haze : ndarray, shape (J, F)
        u h [mag].
    beta : ndarray, shape (p,)
        Coefficients of covariates.
    log_evidence : float
        log |prior precision| / 2 - log |posterior precision| / 2 - (prior's part of chi^2) / 2.
    factor : ndarray
        Banded Cholesky factor of the precision of the states.
    border : ndarray, shape (m J, p)
        S^-1 B, with S the precision of states and B that between states and beta.
    schur : ndarray, shape (p, p)
        Covariance of beta.
    diagonal, lower : ndarray, shape (J, m, m) and (J - 1, m, m)
        Blocks of S, with m = 3F + 1.
    right : ndarray, shape (J, m)
        S times the states: their weighted values at given beta.
    """

    state: np.ndarray
    haze: np.ndarray
    lasting_haze: np.ndarray
    beta: np.ndarray
    log_evidence: float
    factor: np.ndarray
    border: np.ndarray
    schur: np.ndarray
    diagonal: np.ndarray
    lower: np.ndarray
    right: np.ndarray

    def covariance(self, functions: np.ndarray) -> np.ndarray:
        """Covariance of linear functions of the states.

        Parameters
        ----------
        functions : ndarray, shape (m J, k)
            Coefficients.

        Returns
        -------
        ndarray, shape (k, k)
            Covariance.
        """
        along = functions.T @ self.border
        return functions.T @ cho_solve_banded((self.factor, True), functions) + along @ self.schur @ along.T


def prior_blocks(bins: Bins, stiffness: Stiffness, level: np.ndarray) -> tuple[np.ndarray, ...]:
    """Prior of the states as blocks of its precision.

    Parameters
    ----------
    bins : Bins
        J of them.
    stiffness : Stiffness
        For F filters.
    level : ndarray, shape (F,)
        Rough level of each filter, about which the first one lies [mag].

    Returns
    -------
    diagonal : ndarray, shape (J, m, m)
    lower : ndarray, shape (J - 1, m, m)
        Blocks below the diagonal; m = 3F + 1.
    right : ndarray, shape (J, m)
        Precision times mean.
    log_determinant : float
        Of the precision.
    inverse, phi, mean, start, first, q : ndarray
        Of each gap between bins, where a state s is followed by phi s + mean, with the inverse covariance q^-1;
        precision and mean of the state of the first bin; and q.
    """
    q, phi, mean = _gaps(bins, stiffness)
    start, first = _start(level, stiffness.lasting)
    inverse = np.linalg.inv(q)
    diagonal = np.zeros((len(bins.month), *start.shape))
    diagonal[0] = start
    diagonal[1:] += inverse
    back = np.swapaxes(phi, 1, 2) @ inverse
    diagonal[:-1] += back @ phi
    right = np.zeros((len(bins.month), len(first)))
    right[0] = start @ first
    moved = (inverse @ mean[..., None])[..., 0]
    right[1:] += moved
    right[:-1] -= (back @ mean[..., None])[..., 0]
    return (diagonal, -inverse @ phi, right, np.linalg.slogdet(start)[1] - np.linalg.slogdet(q)[1].sum(), inverse,
            phi, mean, start, first, q)


def _parts(n: int) -> tuple[slice, slice, slice, slice]:
    """Where x, b, l and h of n filters stand in the state of a bin."""
    return slice(0, n), slice(n, 2 * n), slice(2 * n, 3 * n), slice(3 * n, 3 * n + 1)


def _gaps(bins: Bins, stiffness: Stiffness) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariance Q (J - 1, m, m), phi (J - 1, m, m) and mean (J - 1, m) of the change of state in each gap."""
    n = len(stiffness.lasting)
    one, eye, (x, b, noise, h) = np.ones((n, n)), np.eye(n), _parts(n)
    dt = np.maximum(np.diff(bins.month), _LEAST)[:, None, None]
    rho, fade = np.exp(-dt / TAU_MONTHS), np.exp(-dt / _HAZE_MONTHS)
    changes = stiffness.grey * one + stiffness.filter * eye
    changes = changes + _softer(bins)[:, None, None] * (one + stiffness.filter / stiffness.grey * eye)
    q, phi = np.zeros((2, len(dt), h.stop, h.stop))
    q[:, x, x], q[:, x, b] = changes * dt**3 / 3 + 1e-9 * eye, changes * dt**2 / 2
    q[:, b, b], q[:, b, x] = changes * dt + 1e-9 * eye, q[:, x, b]
    q[:, noise, noise] = (stiffness.lasting + _LEAST_LASTING * eye) * (1 - rho**2)
    q[:, h, h] = HAZE_MAG**2 * (1 - fade**2)
    phi[:, x, x], phi[:, b, b], phi[:, x, b] = eye, eye, dt * eye
    phi[:, noise, noise], phi[:, h, h] = rho * eye, fade
    mean = np.zeros((len(dt), h.stop))
    for number in np.flatnonzero(np.diff(bins.piece) > 0):
        for jump in bins.jumps[bins.piece[number]:bins.piece[number + 1]]:
            q[number, x, x] += jump.covariance
            q[number, b, b] += jump.slope
            mean[number, x] += jump.mean
    return q, phi, mean


def _start(level: np.ndarray, lasting: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision (m, m) and mean (m,) of the state of the first bin."""
    n = len(level)
    one, eye, (x, b, noise, h) = np.ones((n, n)), np.eye(n), _parts(n)
    start = np.zeros((h.stop, h.stop))
    start[x, x] = np.linalg.inv(_START_LEVEL_MAG**2 * (one + eye))
    start[b, b] = np.linalg.inv(_START_SLOPE[1]**2 * one + _FILTER_SLOPE**2 * eye)
    start[noise, noise], start[h, h] = np.linalg.inv(lasting + _LEAST_LASTING * eye), HAZE_MAG**-2.0
    return start, np.concatenate([level, np.full(n, _START_SLOPE[0]), np.zeros(n + 1)])


def _softer(bins: Bins) -> np.ndarray:
    """What is added to q in each gap between bins (J - 1,)."""
    opened = np.append(-np.inf, bins.month[np.flatnonzero(np.diff(bins.piece) > 0) + 1])
    number = np.searchsorted(opened, bins.month[:-1], side='right') - 1
    return _AFTER_STEP**2 * np.exp(-(bins.month[:-1] - opened[number]) / _AFTER_MONTHS)


def solve(bins: Bins, prior: tuple[np.ndarray, ...], data: Information, haze: np.ndarray) -> Solution:
    """Find the most likely levels.

    Parameters
    ----------
    bins : Bins
        Of the nights.
    prior : tuple
        As `prior_blocks` returns it.
    data : Information
        Of the same nights.
    haze : ndarray, shape (F,)
        u of each filter.

    Returns
    -------
    Solution
        With its covariances.
    """
    diagonal, lower, right, log_determinant = prior[:4]
    observed, weighted, crossed = _observed(bins, data, haze)
    diagonal, right = diagonal + observed, right + weighted
    factor = cholesky_banded(_banded(diagonal, lower), lower=True, check_finite=False)
    size = right.size
    both = cho_solve_banded((factor, True), np.column_stack([right.ravel(), crossed.reshape(size, -1)]),
                            check_finite=False)
    free, border = both[:, 0], both[:, 1:]
    b = crossed.reshape(size, -1)
    normal, beta_right = _beta_equations(data)
    inner = normal - b.T @ border
    schur = np.linalg.inv(inner)
    beta = schur @ (beta_right - b.T @ free)
    state = free - border @ beta
    log_posterior = 2 * np.log(factor[0]).sum() + np.linalg.slogdet(inner)[1]
    s = state.reshape(right.shape)
    values, lasting_haze = s[:, :-1].reshape(len(s), 3, -1).copy(), s[:, -1:] * haze
    values[:, 2] += lasting_haze
    return Solution(state=values, haze=s[:, -1], lasting_haze=lasting_haze, beta=beta, factor=factor, border=border,
                    schur=schur, diagonal=diagonal, lower=lower, right=right - crossed @ beta,
                    log_evidence=float(0.5 * (log_determinant - log_posterior - _prior_chi2(s, prior))))


def _beta_equations(data: Information) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations (p, p) and (p,) of beta at given levels."""
    weighted = data.weight @ data.covariates
    return (data.normal + np.tensordot(data.covariates, weighted, axes=((0, 1), (0, 1))),
            data.right + np.tensordot(data.value, weighted, axes=((0, 1), (0, 1))))


def _prior_chi2(states: np.ndarray, prior: tuple[np.ndarray, ...]) -> float:
    """(s - mean)' precision (s - mean) of states s (J, m) under their prior."""
    inverse, phi, mean, start, first = prior[4:9]
    # Of differences: the products of the banded precision with levels of 24 mag would cancel but for rounding.
    begun = states[0] - first
    change = states[1:] - (phi @ states[:-1, :, None])[..., 0] - mean
    return float(begun @ start @ begun + np.einsum('ji,jik,jk->', change, inverse, change))


def _observed(bins: Bins, data: Information, haze: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums over the nights of each bin: precision (J, m, m), weighted values (J, m), and those with beta (J, m, p)."""
    first = np.flatnonzero(np.append(True, np.diff(bins.of_night) > 0))
    dt = bins.dt[:, None, None]
    w0, w1, w2 = (np.add.reduceat(data.weight * dt**power, first, axis=0) for power in range(3))
    wh, wh1 = (w0 @ haze)[..., None], (w1 @ haze)[..., None]
    observed = np.block([[w0, w1, w0, wh], [w1, w2, w1, wh1], [w0, w1, w0, wh],
                         [np.swapaxes(wh, 1, 2), np.swapaxes(wh1, 1, 2), np.swapaxes(wh, 1, 2),
                          (wh[..., 0] @ haze)[:, None, None]]])
    values = data.weight @ data.value[..., None]
    covariates = data.weight @ data.covariates
    v0, v1 = (np.add.reduceat(values[..., 0] * dt[..., 0]**power, first, axis=0) for power in range(2))
    c0, c1 = (np.add.reduceat(covariates * dt**power, first, axis=0) for power in range(2))
    return (observed, np.concatenate([v0, v1, v0, (v0 @ haze)[:, None]], axis=1),
            np.concatenate([c0, c1, c0, np.einsum('jfp,f->jp', c0, haze)[:, None]], axis=1))


def _banded(diagonal: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Lower banded form of a block tridiagonal matrix, as scipy's cholesky_banded takes it."""
    n, m, _ = diagonal.shape
    banded = np.zeros((2 * m, n * m))
    for column in range(m):
        for row in range(column, m):
            banded[row - column, column::m] = diagonal[:, row, column]
        for row in range(m):
            banded[m + row - column, column:(n - 1) * m:m] = lower[:, row, column]
    return banded


def bin_covariances(solution: Solution) -> tuple[np.ndarray, np.ndarray]:
    """Posterior covariances of states of each bin and of neighbours.

    Parameters
    ----------
    solution : Solution
        J bins, m = 3F + 1.

    Returns
    -------
    within : ndarray, shape (J, m, m)
        Of each bin.
    between : ndarray, shape (J - 1, m, m)
        Of each bin (rows) with the next one (columns).

    Notes
    -----
    By the recursion of Takahashi for blocks; beta's part is added.
    """
    diagonal, lower = solution.diagonal, solution.lower
    n, m, _ = diagonal.shape
    inverse, gains = np.empty_like(diagonal), np.empty_like(lower)
    inverse[0] = np.linalg.inv(diagonal[0])
    for j in range(n - 1):
        gains[j] = inverse[j] @ lower[j].T
        inverse[j + 1] = np.linalg.inv(diagonal[j + 1] - lower[j] @ gains[j])
    within, between = inverse, np.empty_like(lower)
    for j in range(n - 2, -1, -1):
        between[j] = -gains[j] @ within[j + 1]
        within[j] = inverse[j] - between[j] @ gains[j].T
    border = solution.border.reshape(n, m, -1)
    within = within + border @ solution.schur @ np.swapaxes(border, 1, 2)
    return within, between + border[:-1] @ solution.schur @ np.swapaxes(border[1:], 1, 2)


def jump_evidence(solution: Solution, prior: tuple[np.ndarray, ...], jump: Jump) -> np.ndarray:
    """Logarithm of the evidence for one more step in each gap between bins, at given weights of nights and beta.

    Parameters
    ----------
    solution : Solution
        Without it.
    prior : tuple
        As `prior_blocks` returned it.
    jump : Jump
        Prior of the step.

    Returns
    -------
    ndarray, shape (J - 1,)
        Against no step there.

    Notes
    -----
    The nights before the gap predict the state after it as N(m, S), those after it say L, l of it: their likelihood is
    exp(l's - s'Ls / 2).  With z = l - Lm the evidence is z' S (1 + LS)^-1 z / 2 - log |1 + LS| / 2; a step adds its
    covariance to S.  Covariances forward and information backward (Kalman; Durbin & Koopman 2012, Time Series Analysis
    by State Space Methods, sec. 4) are not inverted in between: changes within a few days are as small as rounding.
    """
    n = jump.covariance.shape[0]
    mean, spread = _from_before(solution, prior)
    score, information = _from_after(solution, prior)
    score = score - (information @ mean[..., None])[..., 0]
    own = np.zeros(spread.shape[1:])
    own[:n, :n], own[n:2 * n, n:2 * n] = jump.covariance, jump.slope
    return _evidence(score, information, spread + own) - _evidence(score, information, spread)


def _evidence(score: np.ndarray, information: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Log evidence (k,) of scores (k, m) and their information (k, m, m) for states of given covariances (k, m, m)."""
    both = np.eye(spread.shape[1]) + information @ spread
    gain = np.einsum('ki,kij,kj->k', score, spread, np.linalg.solve(both, score[..., None])[..., 0])
    return 0.5 * (gain - np.linalg.slogdet(both)[1])


def _from_before(solution: Solution, prior: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean (J - 1, m) and covariance (J - 1, m, m) of the state after each gap as the nights before it predict it."""
    phi, moved, start, first, q = prior[5:]
    observed, weighted = solution.diagonal - prior[0], solution.right - prior[2]
    mean, spread = np.empty(moved.shape), np.empty(q.shape)
    state, covariance = first, np.linalg.inv(start)
    for j in range(len(q)):
        covariance = np.linalg.solve(np.eye(len(first)) + covariance @ observed[j], covariance)
        state = state + covariance @ (weighted[j] - observed[j] @ state)
        state, covariance = phi[j] @ state + moved[j], phi[j] @ covariance @ phi[j].T + q[j]
        mean[j], spread[j] = state, covariance
    return mean, spread


def _from_after(solution: Solution, prior: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """What the nights after each gap say of the state there: weighted values (J - 1, m), information (J - 1, m, m)."""
    phi, moved, _, _, q = prior[5:]
    observed, weighted = solution.diagonal - prior[0], solution.right - prior[2]
    values, information = np.empty(moved.shape), np.empty(q.shape)
    value, known = weighted[-1], observed[-1]
    for j in range(len(q) - 1, -1, -1):
        values[j], information[j] = value, known
        back = phi[j].T @ np.linalg.inv(np.eye(len(value)) + known @ q[j])
        value = weighted[j] + back @ (value - known @ moved[j])
        known = observed[j] + back @ known @ phi[j]
    return values, information
