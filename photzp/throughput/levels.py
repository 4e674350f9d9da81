"""The level of a telescope in time, in all its filters: a linear Gaussian model whose precision matrix is banded.

Nights are joined to bins of a few days.  In each bin j, at time t_j [month], filter f has a level x, its slope b, and a
lasting part of the noise l; a night n in the bin has in filter f

    y = x + b (t_n - t_j) + l + u_f h + c . beta + noise

with haze h, whose u_f is minus colour times airmass, and covariates c (cameras, fields, ...) whose coefficients beta
hold for all times.  The states of the bins follow each other as `levelprior` says: each depends on the one before
it alone.

So the precision of all unknowns, ordered by bins, is block tridiagonal, and the most likely values and the determinant
come from its banded Cholesky factor, with beta as a border (Rue & Held 2005, Gaussian Markov Random Fields, sec. 2.4).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded

from photzp.throughput.levelprior import Bins, Jump, LevelPrior


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
    haze : ndarray, shape (N, F)
        u of each value: minus the colour of haze times the airmass.
    haze_normal, haze_right : ndarray, shape (N,)
        What is known of h besides, from contrasts within nights.
    haze_crossed : ndarray, shape (N, p)
        Between h and beta.
    """

    weight: np.ndarray
    value: np.ndarray
    covariates: np.ndarray
    normal: np.ndarray
    right: np.ndarray
    haze: np.ndarray
    haze_normal: np.ndarray
    haze_right: np.ndarray
    haze_crossed: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Most likely values of all unknowns, given the information.

    Attributes
    ----------
    state : ndarray, shape (J, 3, F)
        x [mag], b [mag/month], l [mag].
    haze : ndarray, shape (J,)
        h [mag/airmass].
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


def solve(bins: Bins, prior: LevelPrior, data: Information) -> Solution:
    """Find the most likely levels.

    Parameters
    ----------
    bins : Bins
        Of the nights.
    prior : LevelPrior
        Of these bins.
    data : Information
        Of the same nights.

    Returns
    -------
    Solution
        With its covariances.
    """
    observed, weighted, crossed = _observed(bins, data)
    diagonal, right = prior.diagonal + observed, prior.right + weighted
    factor = cholesky_banded(_banded(diagonal, prior.lower), lower=True, check_finite=False)
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
    return Solution(state=s[:, :-1].reshape(len(s), 3, -1), haze=s[:, -1], beta=beta, factor=factor, border=border,
                    schur=schur, diagonal=diagonal, lower=prior.lower, right=right - crossed @ beta,
                    log_evidence=float(0.5 * (prior.log_determinant - log_posterior - _prior_chi2(s, prior)))
                    + _haze_loglike(data, s[bins.of_night, -1], beta))


def _haze_loglike(data: Information, h: np.ndarray, beta: np.ndarray) -> float:
    """Log likelihood of the haze h (N,) by the contrasts within nights, up to what does not depend on it."""
    return float(np.sum((data.haze_right - data.haze_crossed @ beta) * h - 0.5 * data.haze_normal * h**2))


def _beta_equations(data: Information) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations (p, p) and (p,) of beta at given levels."""
    weighted = data.weight @ data.covariates
    return (data.normal + np.tensordot(data.covariates, weighted, axes=((0, 1), (0, 1))),
            data.right + np.tensordot(data.value, weighted, axes=((0, 1), (0, 1))))


def _prior_chi2(states: np.ndarray, prior: LevelPrior) -> float:
    """(s - mean)' precision (s - mean) of states s (J, m) under their prior."""
    # Of differences: the products of the banded precision with levels of 24 mag would cancel but for rounding.
    begun = states[0] - prior.first
    change = states[1:] - (prior.phi @ states[:-1, :, None])[..., 0] - prior.mean
    return float(begun @ prior.start @ begun + np.einsum('ji,jik,jk->', change, prior.inverse, change))


def _observed(bins: Bins, data: Information) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums over the nights of each bin: precision (J, m, m), weighted values (J, m), and those with beta (J, m, p)."""
    first = np.flatnonzero(np.append(True, np.diff(bins.of_night) > 0))
    dt, haze = bins.dt[:, None, None], data.haze
    w0, w1, w2 = (np.add.reduceat(data.weight * dt**power, first, axis=0) for power in range(3))
    by_haze = data.weight @ haze[..., None]
    wh, wh1 = (np.add.reduceat(by_haze * dt**power, first, axis=0) for power in range(2))
    hh = np.add.reduceat(np.sum(by_haze[..., 0] * haze, axis=1) + data.haze_normal, first)[:, None, None]
    observed = np.block([[w0, w1, w0, wh], [w1, w2, w1, wh1], [w0, w1, w0, wh],
                         [np.swapaxes(wh, 1, 2), np.swapaxes(wh1, 1, 2), np.swapaxes(wh, 1, 2), hh]])
    values = data.weight @ data.value[..., None]
    covariates = data.weight @ data.covariates
    v0, v1 = (np.add.reduceat(values[..., 0] * dt[..., 0]**power, first, axis=0) for power in range(2))
    c0, c1 = (np.add.reduceat(covariates * dt**power, first, axis=0) for power in range(2))
    vh = np.add.reduceat(np.sum(values[..., 0] * haze, axis=1) + data.haze_right, first)
    ch = np.add.reduceat(np.einsum('nfp,nf->np', covariates, haze) + data.haze_crossed, first, axis=0)
    return (observed, np.concatenate([v0, v1, v0, vh[:, None]], axis=1),
            np.concatenate([c0, c1, c0, ch[:, None]], axis=1))


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


def jump_evidence(solution: Solution, prior: LevelPrior, jump: Jump) -> np.ndarray:
    """Logarithm of the evidence for one more step in each gap between bins, at given weights of nights and beta.

    Parameters
    ----------
    solution : Solution
        Without it.
    prior : LevelPrior
        With which it was solved.
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


def _from_before(solution: Solution, prior: LevelPrior) -> tuple[np.ndarray, np.ndarray]:
    """Mean (J - 1, m) and covariance (J - 1, m, m) of the state after each gap as the nights before it predict it."""
    phi, moved, q = prior.phi, prior.mean, prior.q
    observed, weighted = solution.diagonal - prior.diagonal, solution.right - prior.right
    mean, spread = np.empty(moved.shape), np.empty(q.shape)
    state, covariance = prior.first, np.linalg.inv(prior.start)
    for j in range(len(q)):
        covariance = np.linalg.solve(np.eye(len(state)) + covariance @ observed[j], covariance)
        state = state + covariance @ (weighted[j] - observed[j] @ state)
        state, covariance = phi[j] @ state + moved[j], phi[j] @ covariance @ phi[j].T + q[j]
        mean[j], spread[j] = state, covariance
    return mean, spread


def _from_after(solution: Solution, prior: LevelPrior) -> tuple[np.ndarray, np.ndarray]:
    """What the nights after each gap say of the state there: weighted values (J - 1, m), information (J - 1, m, m)."""
    phi, moved, q = prior.phi, prior.mean, prior.q
    observed, weighted = solution.diagonal - prior.diagonal, solution.right - prior.right
    values, information = np.empty(moved.shape), np.empty(q.shape)
    value, known = weighted[-1], observed[-1]
    for j in range(len(q) - 1, -1, -1):
        values[j], information[j] = value, known
        back = phi[j].T @ np.linalg.inv(np.eye(len(value)) + known @ q[j])
        value = weighted[j] + back @ (value - known @ moved[j])
        known = observed[j] + back @ known @ phi[j]
    return values, information
