"""Levels in time against dense Gaussian algebra: the covariances of the processes, conditioned on the data.

The prior is built from the covariance functions of the processes, not from bin to bin: slopes that revert to a mean
after white shocks, integrated once, processes of Ornstein and Uhlenbeck, and steps.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.linalg import block_diag, cho_solve_banded
from scipy.stats import multivariate_normal

from photzp.throughput import levelprior
from photzp.throughput.levelprior import Jump, Stiffness, make_bins, prior_blocks
from photzp.throughput.levels import Information, bin_covariances, jump_evidence, solve

LEVEL = np.array([24.3, 22.2])
STIFFNESS = Stiffness(grey=0.002**2, filter=0.0005**2, colour=np.array([1.4, 0.6]), slope=np.array([-0.015, -0.008]),
                      haze_mag=0.006,
                      lasting=np.array([[3e-5, 1e-5], [1e-5, 8e-5]]))
WASH = Jump(mean=np.array([0.02, 0.03]), covariance=np.array([[0.04, 0.038], [0.038, 0.04]]),
            slope=np.array([[4e-4, 3e-4], [3e-4, 4e-4]]), cleaned=True, slope_mean=-0.02)
CLEANING = Jump(mean=np.zeros(2), covariance=np.array([[0.0026, 0.0025], [0.0025, 0.0026]]), slope=1e-5 * np.eye(2))
WIDTH = np.array([0.5, 0.03, 0.1])  # of the prior of beta
MONTH = np.sort(np.random.default_rng(3).uniform(0, 7, 30))
STEPS = np.array([2.0, 4.5])
NODES, WEIGHTS = np.polynomial.legendre.leggauss(6)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What `Information` has sums of: which values are there, and contrasts = along h + covariates . beta + noise."""

    present: np.ndarray
    contrast: np.ndarray
    along: np.ndarray
    covariates: np.ndarray
    variance: np.ndarray


def information(month, seed=5, p=3):
    """Values of two filters with covariates; a third of the nights lack one of the filters, and half have contrasts."""
    rng = np.random.default_rng(seed)
    n = len(month)
    noise = np.array([[1.0e-4, 4e-5], [4e-5, 2e-4]])
    present = np.ones((n, 2), bool)
    present[::6, 0] = present[3::6, 1] = False
    weight = np.zeros((n, 2, 2))
    for night, there in enumerate(present):
        weight[night][np.ix_(there, there)] = np.linalg.inv(noise[np.ix_(there, there)] * rng.uniform(0.5, 2))
    value, covariates = LEVEL + rng.normal(0, 0.05, (n, 2)), rng.normal(0, 1, (n, 2, p))
    seen = Seen(present=present, contrast=rng.normal(0, 0.01, n), along=rng.normal(0, 0.4, n) * (np.arange(n) % 2),
                covariates=rng.normal(0, 0.3, (n, p)), variance=rng.uniform(0.002, 0.006, n)**2)
    weighted = seen.covariates / seen.variance[:, None]
    return Information(
        weight=weight, value=value, covariates=covariates, haze=-STIFFNESS.colour * rng.uniform(1, 2, (n, 2)),
        normal=np.diag(1 / WIDTH[:p]**2) + weighted.T @ seen.covariates, right=weighted.T @ seen.contrast,
        haze_normal=seen.along**2 / seen.variance, haze_right=seen.along * seen.contrast / seen.variance,
        haze_crossed=seen.along[:, None] * weighted), seen


def of_slope(dt):
    """What is left of a slope beyond the mean one after some months."""
    return np.exp(-dt / levelprior.REVERT_MONTHS)


def of_level(dt):
    """What it has changed the level by [month]."""
    return levelprior.REVERT_MONTHS * (1 - of_slope(dt))


class Dense:
    """The joint Gaussian of states, beta and data: first the values of nights, then the contrasts within them."""

    def __init__(self, bins, jumps, stiffness, data, seen):
        present, self.seen = seen.present, seen
        self.states = self.prior(bins, jumps, stiffness)
        self.mean = self.prior_mean(bins, jumps)
        n, m = len(data.value), len(self.mean) // len(bins.month)
        p = data.covariates.shape[2]
        design, contrasts = np.zeros((n, 2, len(self.mean))), np.zeros((n, len(self.mean)))
        for night in range(n):
            for name in range(2):
                at = design[night, name, m * bins.of_night[night]:][:m]
                at[[name, 2 + name, 4 + name, 6]] = 1, bins.dt[night], 1, data.haze[night, name]
            contrasts[night, m * bins.of_night[night] + 6] = seen.along[night]
        rows = present.ravel()
        self.design = np.vstack([np.hstack([design.reshape(2 * n, -1), data.covariates.reshape(2 * n, p)])[rows],
                                 np.hstack([contrasts, seen.covariates])])
        self.joint = np.zeros((len(self.mean) + p,) * 2)
        self.joint[:len(self.mean), :len(self.mean)] = self.states
        self.joint[len(self.mean):, len(self.mean):] = np.diag(WIDTH[:p]**2)
        self.centre = np.append(self.mean, np.zeros(p))
        self.noise = np.zeros((2 * n, 2 * n))
        for night, there in enumerate(present):
            at = 2 * night + np.flatnonzero(there)
            self.noise[np.ix_(at, at)] = np.linalg.inv(data.weight[night][np.ix_(there, there)])
        self.noise = block_diag(self.noise[np.ix_(rows, rows)], np.diag(seen.variance))
        self.value = np.append(data.value.ravel()[rows], seen.contrast)
        spread = self.design @ self.joint @ self.design.T + self.noise
        gain = np.linalg.solve(spread, self.design @ self.joint).T
        self.posterior = self.centre + gain @ (self.value - self.design @ self.centre)
        self.covariance = self.joint - gain @ self.design @ self.joint
        self.log_evidence = multivariate_normal(self.design @ self.centre, spread).logpdf(self.value)

    def log_data(self, posterior):
        """Log likelihood of the data at given states and beta; of contrasts without haze, which `solve` adds."""
        residual = self.value - self.design @ posterior
        contrasts = slice(len(self.value) - len(self.seen.contrast), None)
        p = self.seen.covariates.shape[1]
        residual[contrasts] = self.seen.contrast - self.seen.covariates @ posterior[len(posterior) - p:]
        return multivariate_normal(np.zeros(len(self.value)), self.noise).logpdf(residual)

    @staticmethod
    def prior_mean(bins, jumps):
        t = (bins.month - bins.month[0])[:, None]
        mean = np.zeros((len(t), 7))
        beyond = levelprior.START_SLOPE[0] - STIFFNESS.slope  # of the first slope, which reverts to the mean one
        mean[:, :2] = LEVEL + STIFFNESS.slope * t + beyond * of_level(t)
        mean[:, 2:4] = STIFFNESS.slope + beyond * of_slope(t)
        for number, jump in enumerate(jumps):
            after = bins.piece > number
            since = t[after] - t[after][0]  # the change of slope is at the end of the gap, as in `prior`
            mean[after, :2] += jump.mean + jump.slope_mean * of_level(since)
            mean[after, 2:4] += jump.slope_mean * of_slope(since)
        return mean.ravel()

    @staticmethod
    def prior(bins, jumps, stiffness):
        """Covariance of (x, b, l, h) of all bins from those of their processes."""
        t, n = bins.month - bins.month[0], len(bins.month)
        one, eye = np.ones((2, 2)), np.eye(2)
        cov = np.zeros((n, 7, n, 7))
        both = (of_level, of_slope)
        cleaned = np.array([any(jump.cleaned for jump in jumps[low:high])
                            for low, high in zip(np.append(0, bins.piece[:-1]), bins.piece, strict=True)])
        for i in range(n):
            for j in range(n):
                first, gap = min(t[i], t[j]), abs(t[i] - t[j])
                lines = np.einsum('a,b,fg->abfg', [f(t[i]) for f in both], [f(t[j]) for f in both],
                                  0.012**2 * one + 0.003**2 * eye)
                lines[0, 0] += 9.0 * (one + eye)
                for k in np.flatnonzero(t[1:] <= first + 1e-12):
                    # White shocks of the slope, of a density that is constant between bins, by Gauss's quadrature.
                    opened = np.flatnonzero(cleaned[:k + 1])
                    q = stiffness.grey * one + stiffness.filter * eye
                    if len(opened):
                        soft = levelprior._AFTER_STEP**2 * np.exp(-(t[k] - t[opened[-1]]) / levelprior._AFTER_MONTHS)
                        q = q + soft * (one + stiffness.filter / stiffness.grey * eye)
                    u = t[k] + (t[k + 1] - t[k]) * (NODES + 1) / 2
                    lines += np.einsum('u,au,bu,fg->abfg', WEIGHTS * (t[k + 1] - t[k]) / 2,
                                       [f(t[i] - u) for f in both], [f(t[j] - u) for f in both], q)
                    # A step is at the end of a gap, and so is what keeps the covariance of a gap regular.
                    size, bend = 1e-9 * eye, 1e-9 * eye
                    for number in range(bins.piece[k], bins.piece[k + 1]):
                        size, bend = size + jumps[number].covariance, bend + jumps[number].slope
                    since = t[i] - t[k + 1], t[j] - t[k + 1]
                    lines += np.einsum('a,b,fg->abfg', [f(since[0]) for f in both], [f(since[1]) for f in both], bend)
                    lines[0, 0] += size
                cov[i, :4, j, :4] = lines.transpose(0, 2, 1, 3).reshape(4, 4)
                cov[i, 4:6, j, 4:6] = (stiffness.lasting + 1e-8 * eye) * np.exp(-gap / levelprior.TAU_MONTHS)
                cov[i, 6, j, 6] = stiffness.haze_mag**2 * np.exp(-gap / levelprior._HAZE_MONTHS)
        return cov.reshape(7 * n, 7 * n)


def solved(month, steps, jumps, data, stiffness=STIFFNESS):
    bins = make_bins(month, np.asarray(steps), jumps, 5 / 30.4375)
    prior = prior_blocks(bins, stiffness, LEVEL)
    return bins, prior, solve(bins, prior, data)


def whole(solution):
    """States and beta, in the order of the dense calculation."""
    states = np.concatenate([solution.state.reshape(len(solution.haze), -1), solution.haze[:, None]], axis=1)
    return np.append(states.ravel(), solution.beta)


def evidence(solution, dense):
    """Log evidence: that of the solution, the data's part at the maximum, and the prior of beta."""
    p = len(solution.beta)
    return (solution.log_evidence + dense.log_data(whole(solution))
            - 0.5 * np.sum((solution.beta / WIDTH[:p])**2) - np.log(WIDTH[:p]).sum())


CASES = {
    'steps': (STEPS, [WASH, CLEANING], 3), 'no steps': ([], [], 3), 'no covariates': (STEPS, [WASH, CLEANING], 0),
    'two steps in one gap': ([2.0, 2.0001], [WASH, CLEANING], 3)}


@pytest.mark.parametrize(('steps', 'jumps', 'p'), CASES.values(), ids=CASES)
def test_levels_are_those_of_dense_algebra(steps, jumps, p):
    data, seen = information(MONTH, p=p)
    bins, _, solution = solved(MONTH, steps, jumps, data)
    dense = Dense(bins, jumps, STIFFNESS, data, seen)
    np.testing.assert_allclose(whole(solution), dense.posterior, atol=1e-6)
    n = len(dense.mean)
    within, between = bin_covariances(solution)
    expected = dense.covariance[:n, :n].reshape(len(bins.month), 7, len(bins.month), 7)
    own = np.arange(len(bins.month))
    np.testing.assert_allclose(within, expected[own, :, own], atol=1e-9)
    np.testing.assert_allclose(between, expected[own[:-1], :, own[1:]], atol=1e-9)
    np.testing.assert_allclose(solution.schur, dense.covariance[n:, n:], rtol=1e-6)
    functions = np.random.default_rng(1).normal(size=(n, 2))
    np.testing.assert_allclose(solution.covariance(functions), functions.T @ dense.covariance[:n, :n] @ functions,
                               rtol=1e-6)
    assert evidence(solution, dense) == pytest.approx(dense.log_evidence, abs=1e-4)


def test_what_a_filter_lacks_does_not_matter():
    data, seen = information(MONTH)
    other = replace(data, value=np.where(seen.present, data.value, 99.0))
    _, _, solution = solved(MONTH, STEPS, [WASH, CLEANING], data)
    _, _, same = solved(MONTH, STEPS, [WASH, CLEANING], other)
    np.testing.assert_allclose(whole(same), whole(solution), atol=1e-9)


def test_contrasts_are_further_data_of_the_coefficients():
    # Differences within nights that say beta_1 = 0.2 +- 0.001: a weighted mean with what the nights say.
    data, _ = information(MONTH)
    _, _, before = solved(MONTH, STEPS, [WASH, CLEANING], data)
    normal, right = data.normal.copy(), data.right.copy()
    normal[1, 1] += 1e6
    right[1] += 0.2e6
    _, _, solution = solved(MONTH, STEPS, [WASH, CLEANING], replace(data, normal=normal, right=right))
    precision = 1 / before.schur[1, 1]
    assert solution.beta[1] == pytest.approx((precision * before.beta[1] + 0.2e6) / (precision + 1e6), abs=1e-6)
    assert solution.schur[1, 1] == pytest.approx(1 / (precision + 1e6), rel=1e-6)


def test_contrasts_are_further_data_of_the_haze_of_their_bin():
    # Differences within one night that say h = 0.02 +- 0.001: a weighted mean with what is known of it before.
    data, _ = information(MONTH, p=0)
    bins, _, before = solved(MONTH, STEPS, [WASH, CLEANING], data)
    normal, right, number = data.haze_normal.copy(), data.haze_right.copy(), bins.of_night[11]
    normal[11] += 1e6
    right[11] += 0.02e6
    _, _, solution = solved(MONTH, STEPS, [WASH, CLEANING], replace(data, haze_normal=normal, haze_right=right))
    precision = 1 / bin_covariances(before)[0][number, 6, 6]
    assert solution.haze[number] == pytest.approx((precision * before.haze[number] + 0.02e6) / (precision + 1e6),
                                                  abs=1e-7)
    assert bin_covariances(solution)[0][number, 6, 6] == pytest.approx(1 / (precision + 1e6), rel=1e-6)


def test_the_evidence_of_a_further_step_is_the_difference_with_and_without_it(monkeypatch):
    monkeypatch.setattr(levelprior, '_AFTER_STEP', 0.0)  # the softer weeks after a step are no part of this estimate
    found = replace(CLEANING, slope=np.array([[1e-4, 5e-5], [5e-5, 1e-4]]))
    data, seen = information(MONTH, p=0)
    bins, prior, solution = solved(MONTH, STEPS[:1], [WASH], data)
    without = Dense(bins, [WASH], STIFFNESS, data, seen).log_evidence
    gains = jump_evidence(solution, prior, found)
    assert len(gains) == len(bins.month) - 1
    for gap in (1, 13):  # of 0.4 and 0.01 months
        last, first = (MONTH[bins.of_night == number][place] for number, place in ((gap, -1), (gap + 1, 0)))
        if not last < STEPS[0] < first:
            steps = np.sort([STEPS[0], (last + first) / 2])
            jumps = [WASH, found] if steps[0] == STEPS[0] else [found, WASH]
            more = make_bins(MONTH, steps, jumps, 5 / 30.4375)
            np.testing.assert_array_equal(more.of_night, bins.of_night)
            gain = Dense(more, jumps, STIFFNESS, data, seen).log_evidence - without
            assert gains[gap] == pytest.approx(gain, abs=1e-4)


def drawn(step_mag):
    """Nights of a steady telescope, with a step after 4 months; without covariates or contrasts."""
    rng = np.random.default_rng(8)
    month = np.sort(rng.uniform(0, 8, 60))
    data, _ = information(month, p=0)
    return month, replace(data, weight=np.tile(np.linalg.inv(1e-4 * np.eye(2)), (60, 1, 1)),
                          value=LEVEL - 0.01 * month[:, None] + step_mag * (month > 4)[:, None]
                          + rng.normal(0, 0.01, (60, 2)), haze_normal=np.zeros(60), haze_right=np.zeros(60))


@pytest.mark.parametrize(('step_mag', 'needed'), [(0.0, False), (0.1, True), (-0.1, True)])
def test_a_step_pays_only_where_there_is_one(step_mag, needed):
    month, data = drawn(step_mag)
    _, prior, solution = solved(month, [], [], data)
    gains = jump_evidence(solution, prior, CLEANING)
    bins, _, stepped = solved(month, [4.0], [CLEANING], data)
    at = np.flatnonzero(np.diff(bins.piece) > 0)[0]
    assert (gains[at] > 5) == needed
    assert (gains[at] < 0) == (not needed)
    size = stepped.state[at + 1, 0] - stepped.state[at, 0]
    np.testing.assert_allclose(size, step_mag, atol=0.02)


def test_the_solution_of_levels_however_high_is_as_exact():
    month, data = drawn(0.1)
    _, _, low = solved(month, [4.0], [WASH], data)
    bins = make_bins(month, np.array([4.0]), [WASH], 5 / 30.4375)
    high = solve(bins, prior_blocks(bins, STIFFNESS, LEVEL + 100), replace(data, value=data.value + 100))
    np.testing.assert_allclose(high.state[:, 0] - 100, low.state[:, 0], atol=1e-6)
    assert high.log_evidence == pytest.approx(low.log_evidence, abs=1e-4)


def test_bin_covariances_are_blocks_of_the_inverse():
    data, _ = information(MONTH, p=0)
    _, _, solution = solved(MONTH, STEPS, [WASH, CLEANING], data)
    within, between = bin_covariances(solution)
    m = within.shape[1]
    inverse = cho_solve_banded((solution.factor, True), np.eye(m * len(within)))
    for number in (0, 7, len(between) - 1):
        at, after = slice(m * number, m * number + m), slice(m * number + m, m * number + 2 * m)
        np.testing.assert_allclose(within[number], inverse[at, at], atol=1e-9)
        np.testing.assert_allclose(between[number], inverse[at, after], atol=1e-9)
