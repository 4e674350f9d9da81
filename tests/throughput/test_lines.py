"""Lines of throughput in time by hand: pieces, steps and kinks."""

import numpy as np
import pytest

from photzp.throughput.lines import Line, nights_in
from photzp.times import days_since
from tests.support.linerows import MONTH, ORIGIN, at, series

# Two pieces: 23.5 mag at day 50, falling by 10 mmag a month, with a cleaning of 40 mmag at day 70; from day 100 on
# 23.6 mag at day 150, steady, and falling by 20 mmag a month after day 200.
LINE = Line(origin=ORIGIN, opened=np.array([0.0, 100.0]), centre=np.array([50.0, 150.0]), steps=((0, 70.0),),
            kinks=((1, 200.0),), parameters=np.array([23.5, 23.6, -0.010, 0.0, 0.04, -0.020]),
            covariance=np.diag([1e-6] * 6), doubt=np.array([0.0, 9e-6]))


@pytest.mark.parametrize(('day', 'mag'), [
    (50, 23.5), (0, 23.5 + 0.010 * 50 / MONTH), (69.9, 23.5 - 0.010 * 19.9 / MONTH),
    (70, 23.54 - 0.010 * 20 / MONTH), (99.9, 23.54 - 0.010 * 49.9 / MONTH), (100, 23.6), (200, 23.6),
    (200 + MONTH, 23.58), (300, 23.6 - 0.020 * 100 / MONTH)])
def test_a_line_by_hand(day, mag):
    assert LINE.at(np.array([day]))[0] == pytest.approx(mag, abs=1e-12)


def test_errors_of_a_line_by_hand():
    day = np.array([50.0, 50.0 - MONTH, 150.0, -1.0])
    model, error = LINE.at(day)
    # 1 mmag of the level; with the slope a month away, sqrt(2); with 3 mmag of doubt of the second level, sqrt(10)
    np.testing.assert_allclose(error[:3], [0.001, 0.001 * np.sqrt(2), 0.001 * np.sqrt(10)])
    assert np.isnan(model[3])
    assert np.isnan(error[3])


def test_days_lie_in_the_piece_that_opened_last():
    assert LINE.piece([-5.0, 0.0, 99.9, 100.0, 1e4]).tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_allclose(LINE.days(at([0.0, 1.5])), [0.0, 1.5])
    assert days_since(ORIGIN + np.timedelta64(36, 'h'), ORIGIN) == 1.5


def test_a_line_beyond_its_piece_is_that_of_the_piece():
    """What a step is: the difference of both pieces at one day."""
    functions = LINE.design(100.0, 1) - LINE.design(100.0, 0)
    assert LINE.value(functions)[0][0] == pytest.approx(23.6 - (23.54 - 0.010 * 50 / MONTH))


def test_nights_are_counted_by_piece():
    rows = series([0.0, 0.1, 1.0, 120.0, 130.0, 130.2])
    assert nights_in(rows, LINE).tolist() == [2, 2]
