"""Models of many telescopes: distinct lines, gaps, panels, and a legend by current value."""

import numpy as np
import pytest

from photzp.figures.allmodels import DrawnModel, all_models_plot
from photzp.figures.sheet import png
from tests.support.figures import DAY, boxes, drawn, lines_of, made_models, overlaps, texts_of


def test_all_models_are_told_apart_and_ordered_by_current_value():
    models = made_models()[::-1]
    figure = all_models_plot('2m0 and 1m0   rp', models, '2026-02-10', healthy_mag=0.2)
    axes, = figure.axes
    lines = lines_of(axes, 'lsc-')
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 20
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    current = {model.telescope: model.model_mag[-1] for model in models}
    assert [label.split()[0] for label in labels] == sorted(current, key=current.get, reverse=True)
    assert labels[0].endswith(f'{100 * 10 ** (0.4 * (max(current.values()) - 24)):.0f}%')
    assert lines[3].get_ydata()[-1] == pytest.approx(models[3].model_mag[-1] - 24.0)
    renderer = drawn(figure)
    legend = boxes(axes.get_legend().get_texts(), renderer)
    ticks = boxes(texts_of(figure, 'bottom'), renderer)
    assert overlaps(legend) == overlaps(ticks) == []
    assert all(box.x1 <= 900 and box.y0 >= 0 for _, box in legend)


def test_lines_of_models_are_not_drawn_across_gaps_and_steps():
    moments = np.datetime64('2020-01-01', 'ms') + np.array([0, 1, 2, 200, 201]) * DAY
    figure = all_models_plot('x', [DrawnModel('a-b-1m0a', moments, np.array([24, 24, 23.8, 23.8, 23.8]), 24.0)],
                             '2020-12-01', healthy_mag=0.2)
    line, = lines_of(figure.axes[0], 'a-b')
    assert np.flatnonzero(np.isnan(line.get_ydata())).tolist() == [2, 4]


def test_models_without_a_reference_have_a_panel_of_their_own():
    figure = all_models_plot('x', made_models(3) + made_models(5, None)[3:], '2026-02-10', healthy_mag=0.2)
    relative, absolute = figure.axes
    assert (len(lines_of(relative, 'lsc-')), len(lines_of(absolute, 'lsc-'))) == (3, 2)
    right = [text.get_window_extent(drawn(figure)) for text in texts_of(figure, 'right')]
    assert len(right) >= 3
    assert min(box.y0 for box in right) > absolute.get_window_extent().y1
    assert np.nanmax(lines_of(absolute, 'lsc-dom03')[0].get_ydata()) == pytest.approx(23.97)
    png(figure)


@pytest.mark.parametrize('models', [
    [], [DrawnModel('a-b-1m0a', np.empty(0, 'datetime64[ms]'), np.empty(0), None)],
    [DrawnModel('a-b-1m0a', np.array(['2020-01-01'], 'datetime64[ms]'), np.array([np.nan]), 24.0)]])
def test_no_models_is_said(models):
    figure = all_models_plot('none', models, '2026-02-10', healthy_mag=0.2)
    assert 'no models' in [text.get_text() for text in figure.axes[0].texts]
    png(figure)
