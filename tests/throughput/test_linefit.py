"""Lines that were planted are found: with steps, a second camera, a jump, and kinks."""

from dataclasses import replace

import numpy as np
import pytest

from photzp.throughput.boundaries import Boundary, find_boundaries
from photzp.throughput.linefit import fit_lines
from tests.support.linerows import DAYS, MONTH, at, series


def test_a_planted_line_with_a_wash_a_cleaning_and_a_second_camera_is_found():
    rng = np.random.default_rng(2)
    day = np.sort(rng.uniform(0, 400, 800))
    group = (rng.random(800) < 0.3).astype(int)
    zp = 23.5 - 0.010 * day / MONTH + 0.1 * (day > 200) + 0.04 * (day > 300) - 0.07 * group + rng.normal(0, 0.01, 800)
    events = [(at(200.0), 'wash'), (at(300.0), 'cleaning')]
    rows = series(day, group, zp)
    fit = fit_lines(rows, find_boundaries(rows, events), events)
    line = fit.line
    assert [boundary.kind for boundary in fit.boundaries] == ['wash']
    assert (fit.groups, fit.reference) == ([1], {0: 0, 1: 0})
    assert line.kinks == ()
    wash, = line.value(line.design(200.0, 1) - line.design(200.0, 0))[0]
    assert wash == pytest.approx(0.1, abs=0.006)
    cleaning = line.parameters[line.first_step]
    assert cleaning == pytest.approx(0.04, abs=0.006)
    model, error = line.at(rows.day)
    truth = 23.5 - 0.010 * day / MONTH + 0.1 * (day > 200) + 0.04 * (day > 300)
    assert np.abs(model - truth).max() < 0.006
    assert np.median(error) < 0.003


def test_a_jump_that_nobody_recorded_becomes_a_boundary():
    rng = np.random.default_rng(3)
    zp = 23.5 - 0.2 * (DAYS > 199) + rng.normal(0, 0.01, len(DAYS))
    assert fit_lines(series(DAYS, zp=zp), [], []).boundaries == [Boundary(199.0, 'break', recorded=False)]


def test_a_group_of_another_scale_is_no_reference():
    group = np.tile([0, 0, 1], 67)[:200]
    rows = series(DAYS, group, 23.5 - 0.1 * group + np.random.default_rng(5).normal(0, 0.01, 200))
    assert fit_lines(rows, [], []).reference == {0: 0, 1: 0}
    assert fit_lines(replace(rows, other_scale=frozenset({0})), [], []).reference == {0: 1, 1: 1}
