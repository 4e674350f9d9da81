"""The figure of a telescope: losses, events with their gains and cameras are all on it, in the right place."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import date2num

from photzp.figures.sheet import LINE_COLOURS, png
from photzp.figures.telescopes import EventMark, FilterTrend, Levels, telescope_plot
from photzp.records import CameraSpan
from photzp.throughput.model import fit_throughput

UNTIL = np.datetime64('2025-01-20')
WASH = np.datetime64('2024-07-01T12:00', 'ms')
RNG = np.random.default_rng(3)


def made_trend(name, reference_mag, start_mag=24.0):
    """300 clear nights that lose 10 mmag a month, with 5 mmag noise, and a wash of 0.1 mag in the middle."""
    time = np.datetime64('2024-03-01T03:00', 'ms') + np.arange(300) * np.timedelta64(1, 'D').astype('timedelta64[ms]')
    months = (time - time[0]) / np.timedelta64(1, 'D') / 30.4375
    zp = start_mag - 0.01 * months + 0.1 * (time > WASH) + RNG.normal(0, 0.005, 300)
    events = [(WASH.astype('datetime64[D]'), 'wash')]
    fit = fit_throughput(time, zp, np.full(300, 0.005), longitude_deg=0.0, events=events)
    return FilterTrend(name, fit, reference_mag)


TRENDS = [made_trend('gp', 24.1), made_trend('zp', 24.2)]
EVENTS = [EventMark(WASH, 'wash', 0.1, 0.004), EventMark(np.datetime64('2024-05-01', 'ms'), 'cleaning', 0.021, 0.004),
          EventMark(np.datetime64('2019-05-01', 'ms'), 'wash', 0.3, 0.004)]
CAMERAS = [CameraSpan('lsc-doma-1m0a', 'fa15', '2024-06-02', '2024-12-25', 90),
           CameraSpan('lsc-doma-1m0a', 'fl03', '2024-03-01', '2024-06-01', 90)]


def drawn(trends=TRENDS, events=EVENTS, cameras=CAMERAS, title='lsc-doma-1m0a', healthy_mag=0.2):
    return telescope_plot(title, trends, events, cameras, Levels(80.0, healthy_mag), UNTIL)


def lines(figure, name):
    return [line for line in figure.axes[0].lines if str(line.get_label()).startswith(name)]


def test_losses_are_counted_from_the_reference_and_go_down():
    figure = drawn()
    axes = figure.axes[0]
    for name, first in (('gp', 100), ('zp', 200)):
        line = lines(figure, f'{name}, line 1')[0]
        assert line.get_ydata()[0] == pytest.approx(first, abs=5)
        assert line.get_ydata()[-1] == pytest.approx(first + 10 * 122 / 30.44, abs=5)
        after = lines(figure, f'{name}, line 2')[0]
        assert after.get_ydata()[0] == pytest.approx(first + 10 * 122 / 30.44 - 100, abs=6)
    low, high = axes.get_ylim()
    assert low > high
    assert low > 242.3 > high  # the threshold of 80%
    threshold, = lines(figure, 'threshold')
    assert threshold.get_ydata()[0] == pytest.approx(242.28, abs=0.01)


def test_without_a_reference_losses_are_counted_from_the_best_level():
    figure = drawn([made_trend('rp', None)])
    best = min(line.get_ydata().min() for line in lines(figure, 'rp, line'))
    assert best == pytest.approx(0, abs=1e-6)
    assert next(text for text in figure.texts if text.get_gid() == 'legend').get_text() == 'rp (below its best)'
    assert lines(figure, 'threshold') == []


def test_clear_nights_lie_on_the_lines():
    nights = lines(drawn(), 'gp, clear nights')[0]
    assert len(nights.get_xdata()) > 250
    assert np.std(nights.get_ydata()[:120] - 100 - 10 * np.arange(len(nights.get_ydata()))[:120] / 30.44) < 8


def test_events_within_the_time_are_marked_and_say_what_they_gave():
    figure = drawn()
    axes = figure.axes[0]
    assert [line.get_xdata()[0] for line in lines(figure, 'wash')] == [pytest.approx(date2num(WASH))]
    assert [text.get_text() for text in axes.texts] == ['+21', 'wash +100 ± 4']
    labels = [text.get_text() for text in figure.texts if text.get_gid() == 'legend']
    assert labels == ['gp', 'zp', 'healthy', '80 %', 'cleaning', 'wash, recoating, break']


def test_filters_come_as_given_in_colours_of_their_own_or_of_the_palette():
    figure = drawn([replace(TRENDS[1], colour='#123456'), TRENDS[0]])
    labels = [text.get_text() for text in figure.texts if text.get_gid() == 'legend']
    assert labels[:2] == ['zp', 'gp']
    assert [lines(figure, f'{name}, line 1')[0].get_color() for name in ('zp', 'gp')] == ['#123456', LINE_COLOURS[1]]


@pytest.mark.parametrize('healthy_mag', [0.1, 0.5])
def test_the_healthy_band_is_as_deep_as_it_is_given(healthy_mag):
    axes = drawn(healthy_mag=healthy_mag).axes[0]
    band, = (patch for patch in axes.patches if patch.get_label() == 'healthy')
    assert (band.get_y(), band.get_height()) == (0, pytest.approx(1000 * healthy_mag))
    assert max(axes.get_ylim()) > 1000 * healthy_mag  # and all of it is seen


def test_labels_of_events_do_not_overlap():
    days = [np.datetime64('2024-06-01', 'ms') + np.timedelta64(6 * number, 'D') for number in range(12)]
    figure = drawn(events=[EventMark(day, 'wash', 0.1, 0.004) for day in days])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in figure.axes[0].texts]
    assert len(boxes) >= 5
    assert not any(one.overlaps(other) for n, one in enumerate(boxes) for other in boxes[:n])
    assert max(box.y1 for box in boxes) < figure.get_figheight() * figure.dpi - 20


def test_cameras_have_a_row_each_the_newest_on_top():
    figure = drawn()
    strip, height = figure.axes[1], figure.axes[0].get_position().y0
    labels = [text for text in figure.texts if text.get_gid() == 'left' and text.get_window_extent().y1 <
              height * figure.get_figheight() * figure.dpi]
    assert [text.get_text() for text in labels] == ['fl03', 'fa15']
    bars = {bar.get_y() + bar.get_height() / 2: (bar.get_x(), bar.get_x() + bar.get_width()) for bar in strip.patches}
    for row, span in enumerate(sorted(CAMERAS, key=lambda span: span.first)):
        assert bars[row] == tuple(pytest.approx(date2num(np.datetime64(day))) for day in (span.first, span.last))


def test_both_panels_share_the_time():
    figure = drawn()
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    assert figure.axes[0].get_position().x0 == figure.axes[1].get_position().x0


def test_a_figure_of_nothing_says_so():
    figure = drawn([], [], [])
    assert 'too few points for a model' in [text.get_text() for text in figure.axes[0].texts]
    assert png(figure).startswith(b'\x89PNG')


def test_text_from_outside_is_no_formula():
    figure = drawn([FilterTrend('$x^', TRENDS[0].fit, 24.0)], [EventMark(WASH, r'$\frac', np.nan, np.nan)],
                   [replace(CAMERAS[0], camera='$y_')], title='$z')
    assert png(figure).startswith(b'\x89PNG')


def test_the_same_telescope_gives_the_same_small_file():
    content = png(drawn())
    assert content == png(drawn(TRENDS, EVENTS, CAMERAS[::-1]))
    assert len(content) < 100_000
