"""Intervals, steps and offsets of a line by hand.  Those of fits: test_model.py."""

from dataclasses import replace

import numpy as np
import pytest

from photzp.throughput.boundaries import Boundary
from photzp.throughput.clearsky import ClearSkyFit
from photzp.throughput.linefit import LineFit
from photzp.throughput.lines import Line
from photzp.throughput.summary import intervals_of, offsets_of, steps_of
from tests.support.linerows import MONTH, ORIGIN, at, series

# 23.5 mag on day 50, falling by 10 mmag a month, with a cleaning of 40 mmag on day 70; after a wash on day 100
# 23.6 mag on day 150, steady, and falling by 20 mmag a month after day 200.  Camera 1 is 70 mmag fainter.
LINE = Line(origin=ORIGIN, opened=np.array([0.0, 100.0]), centre=np.array([50.0, 150.0]), steps=((0, 70.0),),
            kinks=((1, 200.0),), parameters=np.array([23.5, 23.6, -0.010, 0.0, 0.04, -0.020]),
            covariance=np.diag([1e-6] * 6), doubt=np.array([0.0, 9e-6]))
ROWS = series(np.arange(0, 301, 3.0), np.arange(101) % 2)
SKY = ClearSkyFit(**dict.fromkeys(ClearSkyFit.__dataclass_fields__)
                  | {'parameters': np.append(LINE.parameters, -0.07), 'covariance': np.diag([1e-6] * 6 + [4e-6])})
FIT = LineFit(line=LINE, boundaries=[Boundary(100.0, 'wash')], reference={0: 0, 1: 0}, groups=[1], data=None, sky=SKY)


def test_intervals_by_hand():
    first, second = intervals_of(ROWS, FIT)
    assert (first.opened_by, second.opened_by) == ('first data', 'wash')
    assert (first.start, first.end, second.start, second.end) == tuple(at([0, 100, 100, 300]))
    assert (first.rows, second.rows, second.nights, first.kinks, second.kinks) == (34, 67, 67, 0, 1)
    assert (first.start_mag, first.mid_mag) == pytest.approx((23.5 + 0.5 / MONTH, 23.5))
    assert first.end_mag == pytest.approx(23.54 - 0.5 / MONTH)
    assert first.mid_error_mag == pytest.approx(0.001)
    assert (first.slope_mag_per_month, first.end_slope_mag_per_month) == pytest.approx((-0.010, -0.010))
    assert (second.slope_mag_per_month, second.end_slope_mag_per_month) == pytest.approx((-0.010, -0.020))
    assert second.end_slope_error_mag_per_month == pytest.approx(0.001 * np.sqrt(2))


def test_few_nights_have_no_slope():
    few = ROWS[np.append(np.arange(34), [40, 60, 70, 80])]
    _, second = intervals_of(few, FIT)
    assert second.nights == 4
    assert np.isnan(second.slope_mag_per_month)


def test_steps_by_hand():
    cleaning, wash = steps_of(ROWS, FIT)
    assert (cleaning.time, cleaning.kind, cleaning.size_mag, cleaning.error_mag) == (at(70), 'cleaning', 0.04, 0.001)
    assert (wash.time, wash.kind, wash.recorded, wash.instrumental) == (at(100), 'wash', True, False)
    assert wash.size_mag == pytest.approx(23.6 - (23.54 - 0.5 / MONTH))


def test_a_step_between_scales_of_two_cameras_is_instrumental():
    rows = series(ROWS.day, (ROWS.day > 100).astype(int))
    _, wash = steps_of(rows, replace(FIT, reference={0: 0, 1: 1}, groups=[]))
    assert wash.instrumental


def test_offsets_by_hand():
    reference, other = offsets_of(ROWS, FIT)
    assert (reference.offset_mag, reference.error_mag, reference.rows) == (0.0, 0.0, 51)
    assert (other.group, other.reference, other.offset_mag, other.rows) == (1, 0, -0.07, 50)
    assert other.error_mag == pytest.approx(0.002)
