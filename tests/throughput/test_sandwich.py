"""Errors of a level under clouds are what its fits scatter by."""

import numpy as np
import pytest

from photzp.throughput.cloudmixture import SkyState
from photzp.throughput.sandwich import _inverse_of_difference, confusion_of
from tests.support.plantedsky import level_of, planted


def test_errors_of_the_level_are_honest():
    pulls = []
    for seed in range(40):
        found = level_of(*planted(seed, nights=60)[:3])
        pulls.append((found.parameters[0] - 23.5) / np.sqrt(found.covariance[0, 0]))
    assert abs(np.mean(pulls)) < 0.5
    assert 0.6 < np.std(pulls) < 1.4


def test_variances_grow_where_hardly_any_night_is_clear():
    def confusion(*season):
        return confusion_of(SkyState(scatter=0.01, shares=np.empty(0), season=np.array(season), kappa=np.empty(0),
                                     wild=0.0))

    assert confusion(1.0, 1.0) == 1
    assert confusion(0.4, 0.6) == pytest.approx(1 + 0.5**4)
    assert confusion(0.0) == 2


def test_the_inverse_of_an_information_by_hand():
    complete = np.array([[4.0, 1.0], [1.0, 3.0]])
    missing = np.array([[1.0, 0.5], [0.5, 1.0]])
    np.testing.assert_allclose(_inverse_of_difference(complete, missing), np.linalg.inv(complete - missing))
    np.testing.assert_allclose(_inverse_of_difference(np.eye(2), np.eye(2)), np.eye(2) * 50)  # 98% missing at most
