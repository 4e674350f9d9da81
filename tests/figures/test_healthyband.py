"""The reference on an axis of zeropoints: percent at the right, and the band of good throughput."""

import numpy as np
import pytest

from tests.support.figures import boxes, draw_trend, drawn, legend_of, texts_of


def test_the_second_axis_is_percent_of_the_reference(decade):
    """By hand: 24.0 is 100% of 24.0; 2.5 log10 1.5 = 0.440228 mag above it is 150%."""
    figure, axes = decade[2], decade[2].axes[0]
    renderer, middle = drawn(figure), {}
    for _, box in boxes(texts_of(figure, 'right'), renderer):
        assert box.x0 > axes.get_window_extent().x1
    for text in texts_of(figure, 'right'):
        box = text.get_window_extent(renderer)
        middle[int(text.get_text())] = axes.transData.inverted().transform((0, (box.y0 + box.y1) / 2))[1]
    pixel = np.ptp(axes.get_ylim()) / axes.get_window_extent().height
    assert [middle[percent] for percent in (100, 150)] == pytest.approx([24.0, 24.440228], abs=1.5 * pixel)
    assert '%' in texts_of(figure, 'right name')[0].get_text()


def test_the_green_band_is_that_of_good_throughput(decade):
    band, = [patch for patch in decade[2].axes[0].patches if patch.get_label() == 'good throughput']
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((23.8, 24.0))
    assert 'good: 23.8 to 24 mag' in legend_of(decade[2])


def test_without_a_reference_there_is_no_percent_and_no_band(decade):
    figure = draw_trend(*decade[:2], reference_mag=None)
    assert texts_of(figure, 'right') == texts_of(figure, 'right name') == []
    assert [patch for patch in figure.axes[0].patches if patch.get_label() == 'good throughput'] == []
    assert not any('good' in text for text in legend_of(figure))
