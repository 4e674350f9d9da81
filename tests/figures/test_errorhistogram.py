"""Histograms count every frame that has an error, and say if none has one."""

import numpy as np
import pytest

from photzp.figures.errorhistogram import error_histogram
from photzp.figures.sheet import png
from tests.support.figures import legend_of, lines_of


def test_histograms_count_every_frame_that_has_an_error():
    rng = np.random.default_rng(9)
    zperr = np.append(rng.lognormal(np.log(0.004), 0.4, 900), [np.nan] * 50 + [0.0, 7.0])
    zpsig = rng.lognormal(np.log(0.045), 0.3, 952)
    figure = error_histogram('lsc-domb-1m0a   rp', zperr, zpsig)
    outlines = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
    assert [line.get_ydata()[1:-1:2].sum() for line in outlines] == [901, 952]
    known = zperr[zperr > 0]
    assert f'error of the zeropoint, zperr: median {1000 * np.median(known):.3g} mmag (901 frames)' in legend_of(figure)
    assert lines_of(figure.axes[0], 'median of scatter')[0].get_xdata()[0] == pytest.approx(1000 * np.median(zpsig))


def test_a_histogram_without_errors_says_so():
    figure = error_histogram('old rows', np.full(9, np.nan), np.full(9, 0.05))
    assert 'error of the zeropoint, zperr: none known (0 frames)' in legend_of(figure)
    png(figure)
