"""The noise of nights beyond the errors of their rows: that of each night, and a part that lasts for weeks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from photzp.throughput.fitstate import Problem, State, about, everything_but_level
from photzp.throughput.levelprior import START_SLOPE, TAU_MONTHS
from photzp.throughput.nightsky import MISSING, tail_weight
from photzp.times import DAYS_PER_MONTH

# Priors of the noise of nights [mag], grey and by filter: DECam's clear nights in des_sn_zeropoints.
_GREY_MAG, _FILTER_MAG = 0.008, {'zp': 0.015, 'zs': 0.015, 'Y': 0.015}
_FILTER_MAG_OTHER = 0.006
_LASTING_GREY_MAG, _LASTING_MAG = 0.005, {'zp': 0.012, 'zs': 0.012, 'Y': 0.012}
_LASTING_MAG_OTHER = 0.003
_NOISE_NIGHTS, _LASTING_PAIRS = 12.0, 40.0  # weights of these priors
_NOISE_FACTORS, _LASTING_FACTORS = (0.04, 5.0), (0.02, 7.0)  # least and most of the variance, against its prior
_LAG_DAYS = 12.0
_SLOPE_BINS = 5  # weight of the prior mean slope in that of a telescope


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
        With new covariances of nightly and lasting noise, and mean slope; all else is as before.
    """
    assert state.solution is not None
    means = state.means
    present = means.variance < MISSING / 2
    assert state.bins is not None
    haze = state.solution.haze[state.bins.of_night][:, None] * state.stiffness.haze
    residual = about(means, state.level + haze + means.covariates @ state.beta)
    noise, lasting = prior_noise(problem.filters)
    tails = tail_weight(state.judged.mean**2 / state.judged.variance)
    # Of seasons with few clear nights thin clouds would be a large part.
    own = tail_weight(residual**2 / (means.variance + np.diag(everything_but_level(state))))
    own = own if residual.shape[1] > 1 else np.ones(own.shape)  # of one filter it would be the same weight once more
    weight = np.where(present, own * (state.judged.clear * tails * state.sky.clear**3)[:, None], 0.0)
    lasting_found = _lagged(residual, weight, problem.day, lasting)
    total, number = _moments(residual, weight)
    errors = np.diag(np.sum(weight * np.where(present, means.variance, 0.0), axis=0)
                     / np.maximum(weight.sum(axis=0), 1e-9))
    errors = np.minimum(errors, 0.9 * total * np.eye(len(total)))
    nightly = (number * (total - errors - lasting_found) + _NOISE_NIGHTS * noise) / (number + _NOISE_NIGHTS)
    slopes = state.solution.state[:, 1]
    slope = (slopes.sum(axis=0) + _SLOPE_BINS * START_SLOPE[0]) / (len(slopes) + _SLOPE_BINS)
    return replace(state, noise=_within(nightly, noise, *_NOISE_FACTORS),
                   stiffness=replace(state.stiffness, lasting=lasting_found, slope=slope))


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
