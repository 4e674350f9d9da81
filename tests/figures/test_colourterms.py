"""Colour terms of a telescope and of the fleet: medians, spreads, colours of camera types."""

import numpy as np
import pytest

from photzp.figures.colourterms import _RECENT_DAYS, all_colorterms_plot, colorterm_lines, colorterm_plot
from photzp.figures.sheet import LINE_COLOURS, png
from tests.support.figures import DAY, boxes, drawn, legend_of, lines_of, made_trend, overlaps, texts_of


def test_colour_terms_have_the_median_of_each_camera():
    data, _ = made_trend(n=6000)
    colorterm = np.where(data.camera == 'fl04', 0.02, 0.05) + np.random.default_rng(8).normal(0, 0.008, 6000)
    colorterm[100] = 3.0
    figure = colorterm_plot('lsc-domb-1m0a   rp', data.time, colorterm, data.camera, '2026-02-10')
    for name in ('fl04', 'fa15'):
        median = np.median(colorterm[data.camera == name])
        line, = lines_of(figure.axes[0], f'median of {name}')
        assert line.get_ydata() == pytest.approx([median, median])
        assert any(text.startswith(f'{name} (') and f'median {median:+.4f}' in text for text in legend_of(figure))
    low, high = figure.axes[0].get_ylim()
    regular = np.delete(colorterm, 100)
    assert low < regular.min() < regular.max() < high < 0.2
    assert '▴ 1 above' in [text.get_text() for text in figure.axes[0].texts]


def test_no_colour_terms_is_said():
    none = np.empty(0)
    figure = colorterm_plot('none', none.astype('datetime64[ms]'), none, none.astype(str), '2026-02-10')
    assert 'no colour terms' in [text.get_text() for text in figure.axes[0].texts]
    png(figure)


def test_all_colour_terms_have_a_line_for_each_camera():
    rng = np.random.default_rng(10)
    moments = np.datetime64('2024-01-01', 'ms') + np.arange(800) * DAY
    camera = np.repeat(['fl04', 'fa15'], 400)
    terms = np.where(camera == 'fl04', 0.02, 0.05) + rng.normal(0, 0.008, 800)
    entries = [(f'lsc-dom{number:02}-1m0a', moments, terms + 0.001 * number, camera) for number in range(11)]
    entries.append(('ogg-clma-0m4b', moments, terms, np.full(800, 'sq40')))
    lines = [line for entry in entries
             for line in colorterm_lines(*entry, '2026-02-10', kind_of=lambda camera: camera[:2])]
    figure = all_colorterms_plot('colour terms   rp', lines, {})
    axes = figure.axes[0]
    dots = [line for line in axes.lines if line.get_marker() == 'o' and 'last half year' not in line.get_label()]
    assert [line.get_label() for line in dots][:2] == ['lsc-dom00-1m0a  fl04', 'lsc-dom00-1m0a  fa15']
    assert len(dots) == 23
    assert dots[1].get_xdata()[0] == pytest.approx(np.median(terms[400:]))
    recent, = lines_of(axes, 'lsc-dom00-1m0a  fa15, last half year')
    since = np.datetime64('2026-03-01') - np.timedelta64(_RECENT_DAYS, 'D')
    assert recent.get_xdata()[0] == pytest.approx(np.median(terms[moments >= since]))
    assert lines_of(axes, 'lsc-dom00-1m0a  fl04, last half year') == []
    renderer = drawn(figure)
    assert len(texts_of(figure, 'left')) == 23
    for labels in (texts_of(figure, 'left'), texts_of(figure, 'bottom'), axes.texts):
        assert overlaps(boxes(labels, renderer)) == []
        assert all(box.x0 >= 0 and box.x1 <= 900 for _, box in boxes(labels, renderer))


def test_camera_types_have_colours_of_their_own_and_the_others_what_is_left_of_the_palette():
    moments = np.datetime64('2024-01-01', 'ms') + np.arange(3) * DAY
    kinds = {'aa01': 'aa', 'bb01': 'bb', 'cc01': 'cc'}
    lines = colorterm_lines('a-b-1m0a', moments, np.zeros(3), np.array(list(kinds)), '2026-02-10',
                                   kind_of=kinds.get)
    assert [line.kind for line in lines] == ['aa', 'bb', 'cc']
    first, second, third, *_ = LINE_COLOURS
    for colours, wanted in (({}, [first, second, third]), ({'bb': '#123456'}, [first, '#123456', second]),
                            ({'cc': first.lower(), 'xx': second}, [second, third, first.lower()])):
        axes = all_colorterms_plot('x', lines, colours).axes[0]
        assert [lines_of(axes, f'median of {kind}')[0].get_color() for kind in kinds.values()] == wanted


def test_no_colour_terms_of_any_telescope_is_said():
    moments = np.array(['2020-01-01'], 'datetime64[ms]')
    assert colorterm_lines('a-b-1m0a', moments, np.array([np.nan]), np.array(['fa15']), '2026-02-10', kind_of=str) == []
    figure = all_colorterms_plot('none', [], {})
    assert 'no colour terms' in [text.get_text() for text in figure.axes[0].texts]
