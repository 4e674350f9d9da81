"""Errors of the clear-sky parameters: the sandwich of observed information and scores of nights.

The covariance that the likelihood claims is the inverse of the observed information I.  That is the information of
complete data, with known classes of nights, minus the missing part: the covariance of the score of complete data, given
the observed ones (Louis 1982, J. R. Statist. Soc. B 44, 226).  The sandwich replaces the noise that the likelihood
assumes by the observed scatter of the scores of nights, so that noise which the rows of a night share is counted
(Huber 1967, Proc. 5th Berkeley Symp. 1, 221):

    covariance = I^-1 (sum_nights score score^T + prior) I^-1,    I = complete - missing

The score of a night of class k has these entries, with functions h_j of the class:

    parameters:            h_0 clear + h_1 mean,    clear = sum_rows a r / sigma^2,    mean = sum_rows weight a
    share of its season:   h_2 = 1 (clear) - w
    shares of elements:    h_3.. = 1 (element) - its share among cloudy nights

where a is a row of the design; h_0 = 1 for the clear class only, h_1 is the slope of the element for any other.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag

from photzp.throughput.cloudmixture import SEASON_NIGHTS, SEASON_WEIGHT, THIN, Data, Expectation, SkyState, normalised

_MISSING_MAX = 0.98  # of the information, for want of knowing which nights were clear: errors grow 7 times at most
# Nights under the thinnest veils pass for clear where hardly any night is.  Simulated years with three cloudy nights in
# four, and seasons without a clear one, scatter 1.0 to 1.4 times as much as the likelihood says; with two in five, 1.0.
_CONFUSION = 1.0
_WEAK = 1e-10  # smallest eigenvalue of a scaled information matrix: smaller ones are rounding
_TINY = 1e-300  # in place of a variance of 0


def confusion_of(state: SkyState) -> float:
    """Factor on variances for veils that pass for clear sky.

    Parameters
    ----------
    state : SkyState
        Parameters of noise and cloud.

    Returns
    -------
    float
        1 + (mean share of cloudy nights)^4.
    """
    return 1 + _CONFUSION * float(np.mean(1 - state.season)) ** 4


def sandwich(data: Data, residual: np.ndarray, expected: Expectation, state: SkyState) -> np.ndarray:
    """Covariance of the parameters at the maximum, with shares of classes being fitted, too.

    Parameters
    ----------
    data : Data
        The rows.
    residual : ndarray, shape (n,)
        Zeropoints minus clear-sky level [mag].
    expected : Expectation
        Of these residuals.
    state : SkyState
        Parameters of noise and cloud.

    Returns
    -------
    ndarray, shape (p, p)
        Covariance; variances are never below those of the likelihood.
    """
    p = data.design.shape[1]
    scores = _score_parts(data, residual, expected, state)
    precision = 1 / data.prior[:, 1] ** 2
    complete = _complete(data, expected, state, scores)
    complete[:p, :p] += np.diag(precision)
    bread = _inverse_of_difference(complete, _missing(data, residual, expected, scores))[:p]
    prior = np.zeros(len(complete))
    prior[:p] = precision
    nightly = _expected_scores(expected, scores)
    robust = bread @ (nightly.T @ nightly + np.diag(prior)) @ bread.T
    # Where a few nights decide, their scores at the maximum are 0 and say nothing of their noise.
    scale = np.sqrt(np.maximum(np.diag(bread) / np.maximum(np.diag(robust), _TINY), 1))
    return confusion_of(state) * robust * np.outer(scale, scale)


@dataclass(frozen=True)
class _ScoreParts:
    """The parts of the scores of m nights: clear, mean (m, p); functions h (1 + k, m, 3 + q); mask of the nights of
    each season (seasons, m); shares of the elements among cloudy nights (q,), those that are tied as one."""

    clear: np.ndarray
    mean: np.ndarray
    functions: np.ndarray
    seasons: np.ndarray
    cloud: np.ndarray


def _score_parts(data: Data, residual: np.ndarray, expected: Expectation, state: SkyState) -> _ScoreParts:
    """Compute the parts, with a season of twice SEASON_NIGHTS nights with data."""
    core = residual / expected.variance
    clear = np.add.reduceat(data.design * (expected.not_wild * core)[:, None], data.first, axis=0)
    mean = np.add.reduceat(data.design * expected.weight[:, None], data.first, axis=0)
    block = np.append(0, np.cumsum(~THIN[1:]))
    cloud = np.bincount(block, normalised(state.shares[1:]))
    functions = np.zeros((*expected.classes.shape, 3 + len(cloud)))
    functions[0, :, 0] = 1
    functions[1:, :, 1] = expected.slope
    functions[:, :, 2] = -state.season
    functions[0, :, 2] += 1
    functions[1:, :, 3:] = (np.eye(len(cloud))[block] - cloud)[:, None]
    season = np.arange(len(data.first)) // (2 * SEASON_NIGHTS)
    return _ScoreParts(clear, mean, functions, season == np.arange(season[-1] + 1)[:, None], cloud)


def _expected_scores(expected: Expectation, scores: _ScoreParts) -> np.ndarray:
    """Scores of nights given the data: (m, p + seasons + q)."""
    mean = np.einsum('km,kmj->mj', expected.classes, scores.functions)
    return np.concatenate([mean[:, :1] * scores.clear + mean[:, 1:2] * scores.mean, scores.seasons.T * mean[:, 2:3],
                           mean[:, 3:]], axis=1)


def _complete(data: Data, expected: Expectation, state: SkyState, scores: _ScoreParts) -> np.ndarray:
    """Information of data with known classes, in the order of the scores, without the prior of the parameters."""
    clear = expected.classes[0][data.night] * expected.not_wild / expected.variance
    cloudy = np.einsum('km,km->m', expected.classes[1:], expected.curve)
    parameters = (data.design * clear[:, None]).T @ data.design + (scores.mean * cloudy[:, None]).T @ scores.mean
    shrunk = SEASON_WEIGHT * state.shares[0] * (1 - state.shares[0])
    cloud = scores.cloud
    elements = (np.diag(cloud) - np.outer(cloud, cloud)) * np.sum(1 - state.season) + 1e-3 * np.eye(len(cloud))
    return block_diag(parameters, np.diag(scores.seasons @ (state.season * (1 - state.season)) + shrunk), elements)


def _missing(data: Data, residual: np.ndarray, expected: Expectation, scores: _ScoreParts) -> np.ndarray:
    """Information that is missing as classes are unknown: the covariance of the scores, in their order."""
    clear, mean, seasons = scores.clear, scores.mean, scores.seasons
    average = np.einsum('km,kmj->mj', expected.classes, scores.functions)
    centred = (scores.functions - average) * np.sqrt(expected.classes)[:, :, None]
    covariance = np.einsum('kmi,kmj->mij', centred, centred)
    core = residual / expected.variance
    wild = expected.classes[0][data.night] * expected.not_wild * (1 - expected.not_wild) * core**2
    half = clear * covariance[:, 0, 1:2]
    within = ((data.design * wild[:, None]).T @ data.design + half.T @ mean + mean.T @ half
              + (clear * covariance[:, 0, :1]).T @ clear + (mean * covariance[:, 1, 1:2]).T @ mean)
    by_season = seasons @ (clear * covariance[:, 0, 2:3] + mean * covariance[:, 1, 2:3])
    by_cloud = covariance[:, 3:, 0].T @ clear + covariance[:, 3:, 1].T @ mean
    season_cloud = seasons @ covariance[:, 2, 3:]
    return np.block([[within, by_season.T, by_cloud.T],
                     [by_season, np.diag(seasons @ covariance[:, 2, 2]), season_cloud],
                     [by_cloud, season_cloud.T, covariance[:, 3:, 3:].sum(axis=0)]])


def _inverse_of_difference(complete: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """(complete - missing)^-1, where no direction misses more than _MISSING_MAX of its information."""
    size = np.sqrt(np.maximum(np.diag(complete), _TINY))
    values, vectors = np.linalg.eigh(complete / np.outer(size, size))
    root = vectors / np.sqrt(np.maximum(values, _WEAK)) / size[:, None]  # root root^T = complete^-1
    share, directions = np.linalg.eigh(root.T @ missing @ root)
    root = root @ directions / np.sqrt(1 - np.clip(share, 0, _MISSING_MAX))
    return root @ root.T
