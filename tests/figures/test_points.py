"""Points of single frames: none of ink is lost, cameras keep their colours, and what is outside is counted."""

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.dates import date2num

from photzp.figures.sheet import CAMERA_COLOURS, LINE_COLOURS
from photzp.figures.trends import TrendData
from tests.support.figures import OKABE_ITO, draw_trend, lines_of, made_trend


def test_points_off_the_plot_are_marked_with_their_number(decade):
    data, _, figure = decade
    axes = figure.axes[0]
    low, high = axes.get_ylim()
    below, above = (np.count_nonzero(data.usable & beyond) for beyond in (data.zp_mag < low, data.zp_mag > high))
    assert below > 10 < above + 5
    texts = [text.get_text() for text in axes.texts]
    assert f'▾ {below} below' in texts
    assert f'▴ {above} above' in texts
    triangles, = lines_of(axes, 'below')
    assert triangles.get_marker() == 'v'
    assert 0 < len(triangles.get_xdata()) <= below


def test_no_triangles_where_all_points_are_on_the_plot():
    data, fit = made_trend(n=300)
    quiet = TrendData(data.time, fit.at(data.time)[0], data.camera, data.usable)
    axes = draw_trend(quiet, fit).axes[0]
    assert lines_of(axes, 'below') + lines_of(axes, 'above') == []


def test_thinning_leaves_no_clear_point_without_ink():
    """30,000 points become fewer, but each of them is within a pixel of one that is drawn."""
    data, fit = made_trend(n=30_000)
    figure = draw_trend(data, fit)
    axes = figure.axes[0]
    line, = lines_of(axes, 'fa15, clear')
    rows = data.usable & (data.camera == 'fa15') & (fit.row_clear_probability > 0.5)
    assert 500 < len(line.get_xdata()) < rows.sum()
    place = axes.transData.transform(np.column_stack([date2num(data.time[rows]), data.zp_mag[rows]]))
    ink = axes.transData.transform(line.get_xydata())
    near = [np.hypot(*(ink - point).T).min() for point in place[::50]]
    assert max(near) < 1.5


def test_cameras_are_told_apart_by_colours_of_a_colour_blind_palette():
    figure = draw_trend(*made_trend(cameras=('fl05', 'fl11', 'fa05', 'fa11', 'fa20')))
    colours = [to_hex(line.get_color()) for line in figure.axes[0].lines if ', clear' in str(line.get_label())]
    assert len(set(colours)) == 5
    assert set(colours) <= OKABE_ITO
    everywhere = {to_hex(colour) for colour in (*CAMERA_COLOURS, *LINE_COLOURS)}
    assert everywhere <= OKABE_ITO


def test_a_new_camera_changes_no_older_one():
    old, new = (draw_trend(*made_trend(cameras=names)).axes[0] for names in (('fl04', 'fa15'), ('fl04', 'fa15', 'aa1')))
    for name in ('fl04', 'fa15'):
        assert lines_of(old, f'{name}, clear')[0].get_color() == lines_of(new, f'{name}, clear')[0].get_color()
