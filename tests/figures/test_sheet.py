"""What figures share: scales of round numbers, the end of a month, legends, and bytes of it all."""

import io

import numpy as np
import pytest
from PIL import Image

from photzp.figures.sheet import (
    NAMED_PX,
    axes_px,
    legend,
    margins,
    percent_scale,
    png,
    round_numbers,
    round_percents,
    sheet,
)


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


@pytest.mark.parametrize('height_px', [450, 300])
def test_a_sheet_is_as_large_as_it_says_and_the_same_every_time(height_px):
    pictures = [png(sheet('x', height_px)[0]) for _ in range(2)]
    with Image.open(io.BytesIO(pictures[0])) as image:
        assert image.size == (900, height_px)
    assert pictures[0] == pictures[1]


def test_margins_are_pixels_of_the_sheet():
    figure, axes = sheet('x')
    margins(figure, left=100, right=50, bottom=40, top=10)
    assert axes_px(axes) == pytest.approx((750, 400))


def test_percent_is_laid_where_it_is_on_the_scale_of_magnitudes():
    """Half the light is 0.753 mag less: 2.5 log10(2)."""
    figure, axes = sheet('x')
    axes.set_ylim(23.0, 24.0)
    percent_scale(axes, lambda mag: 100 * 10 ** (0.4 * (mag - 24)), lambda value: 24 + 2.5 * np.log10(value / 100))
    shown = {text.get_text(): text.get_position()[1] for text in figure.texts if text.get_gid() == 'right'}
    assert shown['50'] == pytest.approx(24 - 0.75257, abs=1e-5)
    assert shown['100'] == pytest.approx(24.0)


def test_a_long_legend_counts_what_it_leaves_out():
    figure, axes = sheet('x')
    legend(figure, [axes.plot([0], [0], label=f'camera {n}')[0] for n in range(17)], below_px=NAMED_PX)
    said = [text.get_text() for text in figure.texts if text.get_gid() == 'legend']
    assert len(said) == 15
    assert said[-1] == 'and 3 more'
