"""Zeropoints against airmass, with the extinction that is adopted and that is fitted."""

import numpy as np
import pytest

from photzp.figures.airmass import Extinction, airmass_plot
from photzp.figures.sheet import png
from tests.support.figures import legend_of, lines_of, made_airmass


def test_airmass_has_lines_of_adopted_and_fitted_extinction():
    airmass, residual, clear = made_airmass()
    figure = airmass_plot('lsc-domb-1m0a   rp', airmass, residual, clear, Extinction(0.08, 0.095, 0.001))
    axes = figure.axes[0]
    for label, k in (('adopted: 0.080 mag/airmass', 0.08), ('fitted: 0.095 ± 0.001 mag/airmass', 0.095)):
        line, = lines_of(axes, label)
        x, y = line.get_data()
        assert y == pytest.approx(-k * (x - 1))
        assert label in legend_of(figure)
    low, high = axes.get_ylim()
    good = clear > 0.5
    assert low < residual[good].min() < residual[good].max() < high
    assert axes.get_xlim()[1] > airmass.max()
    assert f'clear ({good.sum()})' in legend_of(figure)
    assert any(text.get_text().endswith('below') for text in axes.texts)


@pytest.mark.parametrize('n', [0, 4])
def test_airmass_without_a_fit(n):
    airmass, residual, clear = made_airmass(20)
    figure = airmass_plot('few', airmass[:n], residual[:n], clear[:n] * np.nan, Extinction(0.08))
    assert not any('fitted' in text for text in legend_of(figure))
    png(figure)
