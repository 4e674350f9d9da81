"""Figures of one frame's fit: every star is on them and counted, and the lines are those of the fit."""

from dataclasses import replace

import numpy as np
import pytest

from photzp.calibration.plots import colour_plot, residual_map, zeropoint_plot
from tests.support.madezeropoints import fitted


def labels(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def faint(fit, n):
    """The fit with its first stars below the floor of signal-to-noise."""
    considered = np.arange(len(fit.considered)) >= n
    return replace(fit, considered=considered, used=fit.used & considered)


@pytest.fixture
def planted():
    """400 stars: 20 not considered, 30 rejected; zeropoint 24, colour term 0.02."""
    sample, fit = fitted(unused=50)
    return sample, faint(fit, 20)


@pytest.mark.parametrize('draw', [zeropoint_plot, colour_plot])
def test_every_star_is_counted_by_what_became_of_it(planted, draw):
    said = labels(draw('x', *planted))
    assert {'S/N below 15 (20)', 'rejected (30)', 'used (350)'} <= set(said)


def test_the_zeropoint_is_a_line_with_its_error(planted):
    figure = zeropoint_plot('a frame', *planted)
    line, = (line for line in figure.axes[0].lines if str(line.get_label()).startswith('zp ='))
    assert line.get_label() == 'zp = 24.0000 ± 0.0020 at g-i = 1, 350 stars'
    assert set(line.get_ydata()) == {24.0}
    assert figure.axes[0].get_title() == 'a frame'


def test_the_colour_term_goes_through_the_zeropoint_at_the_pivot(planted):
    sample, fit = planted
    line, = (line for line in colour_plot('x', sample, fit).axes[0].lines
             if str(line.get_label()).startswith('colour term'))
    assert line.get_label() == 'colour term +0.0200 ± 0.0030'
    # 24 mag at g-i = 1, and 0.02 mag more or less a magnitude of colour from there
    np.testing.assert_allclose(np.interp(1.0, *line.get_data()), 24.0, atol=1e-12)
    np.testing.assert_allclose(np.interp(1.5, *line.get_data()), 24.01, atol=1e-12)
    held = colour_plot('x', sample, replace(fit, colorterm_held=True))
    assert 'colour term +0.0200 held' in labels(held)


def test_limits_hold_all_stars_that_were_used(planted):
    sample, fit = planted
    each = fit.residual_mag[fit.used] + fit.zp_mag
    low, high = zeropoint_plot('x', sample, fit).axes[0].get_ylim()
    assert low < each.min() < each.max() < high < 25  # those that were rejected are 5 mag off


def test_the_map_has_the_stars_that_were_used_where_they_are(planted):
    _, fit = planted
    x, y = np.arange(400.0), np.arange(400.0)[::-1]
    dots, = residual_map('x', x, y, fit).axes[0].collections
    np.testing.assert_array_equal(dots.get_offsets(), np.column_stack([x, y])[fit.used])
    np.testing.assert_array_equal(dots.get_array(), fit.residual_mag[fit.used])
