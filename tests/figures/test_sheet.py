"""What figures share: scales of round numbers, the end of a month, legends, and bytes of it all."""

import numpy as np
import pytest

from photzp.figures.sheet import NAMED_PX, legend, png, round_numbers, round_percents, sheet


@pytest.mark.parametrize(('low', 'high', 'labels'), [
    (23.31, 23.82, ['23.4', '23.5', '23.6', '23.7', '23.8']),
    (0, 1234, ['0', '200', '400', '600', '800', '1000', '1200']),
    (-0.021, 0.019, ['−0.020', '−0.015', '−0.010', '−0.005', '0.000', '0.005', '0.010', '0.015']),
])
def test_numbers_are_round_and_all_with_as_many_digits(low, high, labels):
    assert round_numbers(low, high, 9)[1] == labels


@pytest.mark.parametrize(('low', 'high', 'expected'), [
    (55, 125, {60, 80, 100, 120}), (3, 160, {5, 10, 20, 50, 100}), (95, 101, {95, 100}), (2e-3, 3e6, {0.02, 10, 1e5}),
    (80, 4000, {100, 200, 500, 1000, 2000})])
def test_percents_are_round_and_spread_over_the_whole_scale(low, high, expected):
    found = round_percents(low, high)
    assert expected <= set(found)
    assert low <= found[0] < found[-1] <= high
    assert np.diff(np.log(found)).min() > np.log(high / low) / 9


def test_keys_of_a_legend_do_not_move_what_they_stand_for():
    figure, axes = sheet('x')
    line, = axes.plot([1, 2], [3, 4], label='a line')
    legend(figure, [line], below_px=NAMED_PX)
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([1, 2], [3, 4])
    png(figure)
