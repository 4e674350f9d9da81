"""Scales of round numbers and percents, and the end of a month."""

import numpy as np
import pytest
from matplotlib.dates import date2num

from photzp.figures.scales import _round_numbers, _round_percents, percent_scale, time_axis
from photzp.figures.sheet import sheet


@pytest.mark.parametrize(('low', 'high', 'labels'), [
    (23.31, 23.82, ['23.4', '23.5', '23.6', '23.7', '23.8']),
    (0, 1234, ['0', '200', '400', '600', '800', '1000', '1200']),
    (-0.021, 0.019, ['−0.020', '−0.015', '−0.010', '−0.005', '0.000', '0.005', '0.010', '0.015']),
])
def test_numbers_are_round_and_all_with_as_many_digits(low, high, labels):
    assert _round_numbers(low, high, 9)[1] == labels


@pytest.mark.parametrize(('low', 'high', 'expected'), [
    (55, 125, {60, 80, 100, 120}), (3, 160, {5, 10, 20, 50, 100}), (95, 101, {95, 100}), (2e-3, 3e6, {0.02, 10, 1e5}),
    (80, 4000, {100, 200, 500, 1000, 2000})])
def test_percents_are_round_and_spread_over_the_whole_scale(low, high, expected):
    found = _round_percents(low, high)
    assert expected <= set(found)
    assert low <= found[0] < found[-1] <= high
    assert np.diff(np.log(found)).min() > np.log(high / low) / 9


def test_percent_is_laid_where_it_is_on_the_scale_of_magnitudes():
    """Half the light is 0.753 mag less: 2.5 log10(2)."""
    figure, axes = sheet('x')
    axes.set_ylim(23.0, 24.0)
    percent_scale(axes, lambda mag: 100 * 10 ** (0.4 * (mag - 24)), lambda value: 24 + 2.5 * np.log10(value / 100))
    shown = {text.get_text(): text.get_position()[1] for text in figure.texts if text.get_gid() == 'right'}
    assert shown['50'] == pytest.approx(24 - 0.75257, abs=1e-5)
    assert shown['100'] == pytest.approx(24.0)


@pytest.mark.parametrize(('until', 'end'), [('2026-02-10', '2026-03-01'), ('2026-02-28', '2026-03-01'),
                                            ('2025-12-31T23:59:59', '2026-01-01')])
def test_time_ends_with_the_month(until, end):
    axes = sheet('x')[1]
    time_axis(axes, np.array(['2024-01-01'], 'datetime64[ms]'), until)
    right = axes.get_xlim()[1]
    assert 0 < date2num(np.datetime64(end)) - right < 0.001
