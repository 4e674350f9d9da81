"""A kink is found where a line turns, and none where it is straight."""

import numpy as np
import pytest

from photzp.throughput.kinks import find_kink
from photzp.throughput.linefit import fit_lines
from tests.support.linerows import MONTH, series

DAY = np.arange(0.0, 600.0)
NOISE_MAG = np.random.default_rng(6).normal(0, 0.01, len(DAY))


def planted(change):
    """Rows of a line whose slope changes on day 300 [mag/month]."""
    return series(DAY, zp=23.5 - 0.010 * DAY / MONTH + change * np.maximum(DAY - 300, 0) / MONTH + NOISE_MAG)


def test_a_straight_line_has_no_kink():
    rows = planted(0.0)
    fit = fit_lines(rows, [], [])
    assert fit.line.kinks == ()
    assert find_kink(rows, fit.line, fit.data, fit.sky) is None


def test_a_line_that_turns_has_a_kink_there():
    fit = fit_lines(planted(-0.02), [], [])
    assert min(abs(day - 300) for _, day in fit.line.kinks) <= 30
    assert fit.line.parameters[fit.line.first_step:].sum() == pytest.approx(-0.02, abs=0.004)


def test_the_newest_months_stay_a_line():
    assert fit_lines(planted(-0.02)[DAY < 350], [], []).line.kinks == ()
