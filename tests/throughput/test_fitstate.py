"""Values about what is expected of them, and the covariance of clear nights."""

from types import SimpleNamespace

import numpy as np
import pytest

from photzp.throughput.fitstate import about, everything_but_level
from photzp.throughput.levelprior import Stiffness
from photzp.throughput.nightsky import MISSING


def test_values_about_what_is_expected_are_0_where_there_is_none():
    means = SimpleNamespace(value=np.array([[23.5, 0.0], [23.4, 22.1]]),
                            variance=np.array([[1e-5, MISSING], [1e-5, 1e-5]]))
    got = about(means, np.array([[23.6, 22.0], [23.4, 22.0]]))
    assert got == pytest.approx(np.array([[-0.1, 0.0], [0.0, 0.1]]))


def test_a_clear_night_scatters_by_its_noise_by_lasting_noise_and_by_haze():
    stiffness = Stiffness(grey=1e-6, filter=1e-8, lasting=np.diag([4e-6, 9e-6]), slope=np.full(2, -0.01),
                          haze_mag=0.004, colour=np.array([2.0, 1.0]))
    state = SimpleNamespace(noise=np.array([[5e-5, 1e-5], [1e-5, 6e-5]]), stiffness=stiffness)
    got = everything_but_level(state)
    haze = 0.004 * stiffness.haze
    assert got[0, 0] == pytest.approx(5e-5 + 4e-6 + haze[0]**2)
    assert got[0, 1] == got[1, 0] == pytest.approx(1e-5 + haze[0] * haze[1])
    assert haze[0] == pytest.approx(2 * haze[1])  # bluer light is dimmed more
