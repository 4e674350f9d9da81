"""The noise of nights beyond the errors of their rows: that of each night, and a part that lasts for weeks.

That of each night is fitted; the other part has its usual size, or a fifth of that (`telescopefit`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from photzp.throughput.fitstate import Problem, State, about, everything_but_level
from photzp.throughput.levelprior import START_SLOPE
from photzp.throughput.nightsky import MISSING, tail_weight

# Priors of the noise of nights [mag], grey and by filter: DECam's clear nights in des_sn_zeropoints.
_GREY_MAG, _FILTER_MAG = 0.008, {'zp': 0.015, 'zs': 0.015, 'Y': 0.015}
_FILTER_MAG_OTHER = 0.006
_LASTING_GREY_MAG, _LASTING_MAG = 0.005, {'zp': 0.012, 'zs': 0.012, 'Y': 0.012}
_LASTING_MAG_OTHER = 0.003
_NOISE_NIGHTS = 12.0  # weight of the prior of the nightly noise
_NOISE_FACTORS = (0.04, 5.0)  # least and most of its variance, against the prior
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
        With new covariance of nightly noise, and mean slope; all else is as before.
    """
    assert state.solution is not None
    means = state.means
    present = means.variance < MISSING / 2
    assert state.bins is not None
    haze = state.solution.haze[state.bins.of_night][:, None] * -state.stiffness.colour * means.airmass
    residual = about(means, state.level + haze + means.covariates @ state.beta)
    noise, _ = prior_noise(problem.filters)
    tails = tail_weight(state.judged.mean**2 / state.judged.variance)
    # Of seasons with few clear nights thin clouds would be a large part.
    own = tail_weight(residual**2 / (means.variance + np.diag(everything_but_level(state))))
    own = own if residual.shape[1] > 1 else np.ones(own.shape)  # of one filter it would be the same weight once more
    weight = np.where(present, own * (state.judged.clear * tails * state.sky.clear**3)[:, None], 0.0)
    total, number = _moments(residual, weight)
    errors = np.diag(np.sum(weight * np.where(present, means.variance, 0.0), axis=0)
                     / np.maximum(weight.sum(axis=0), 1e-9))
    errors = np.minimum(errors, 0.9 * total * np.eye(len(total)))
    nightly = (number * (total - errors - state.stiffness.lasting) + _NOISE_NIGHTS * noise) / (number + _NOISE_NIGHTS)
    slopes = state.solution.state[:, 1]
    slope = (slopes.sum(axis=0) + _SLOPE_BINS * START_SLOPE[0]) / (len(slopes) + _SLOPE_BINS)
    return replace(state, noise=_within(nightly, noise, *_NOISE_FACTORS),
                   stiffness=replace(state.stiffness, slope=slope))


def _moments(residual: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean products of residuals by pair of filters, and the numbers of nights they are of (F, F)."""
    root = np.sqrt(weight)
    number = root.T @ root
    return (root * residual).T @ (root * residual) / np.maximum(number, 1e-9), number


def _within(matrix: np.ndarray, prior: np.ndarray, least: float, most: float) -> np.ndarray:
    """The covariance nearest to a matrix that in no direction is less or more than so many times the prior.

    Clouds that pass for clear nights would otherwise raise the noise, so that more of them pass, and so on.
    """
    root = np.linalg.cholesky(prior)
    inverse = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(inverse @ (matrix + matrix.T) @ inverse.T / 2)
    half = root @ (vectors * np.sqrt(np.clip(values, least, most)))
    return half @ half.T
