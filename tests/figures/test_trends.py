"""The trend of one telescope and filter: all that is promised is on it and readable."""

import numpy as np
import pytest

from photzp.figures.sheet import BLUE, GREY, png
from photzp.figures.trends import TrendData
from photzp.throughput.model import ThroughputFit
from photzp.throughput.summary import Interval
from tests.support.figures import (
    SLOPE,
    TEN_YEARS,
    boxes,
    draw_trend,
    drawn,
    legend_of,
    lines_of,
    made_trend,
    no_fit,
    overlaps,
    texts_of,
)


def test_a_trend_shows_points_by_camera_with_counts(decade):
    data, fit, figure = decade
    for camera in ('fl04', 'fa15'):
        count = np.count_nonzero(data.usable & (data.camera == camera))
        assert f'{camera} ({count})' in legend_of(figure)
    clear = fit.row_clear_probability > 0.5
    dim = np.count_nonzero(data.usable & ~clear)
    assert f'lighter: cloudy, wild, not fitted ({dim})' in legend_of(figure)
    assert f'not usable ({np.count_nonzero(~data.usable)})' in legend_of(figure)
    assert len({line.get_color() for line in lines_of(figure.axes[0], 'f') if 'clear' in line.get_label()}) == 2
    assert len({line.get_marker() for line in lines_of(figure.axes[0], 'f') if 'clear' in line.get_label()}) == 2


def test_cloudy_points_are_lighter_and_unusable_ones_grey(decade):
    axes = decade[2].axes[0]
    clear, = lines_of(axes, 'fl04, clear')
    dim, = lines_of(axes, 'fl04, cloudy')
    unusable, = lines_of(axes, 'not usable')
    assert clear.get_color() == BLUE
    assert sum(dim.get_color()) > 2 > sum(int(clear.get_color()[k:k + 2], 16) / 255 for k in (1, 3, 5))
    assert unusable.get_color() == GREY


def test_points_without_a_date_are_counted_and_not_drawn(decade):
    data, fit, figure = decade
    time = data.time.copy()
    time[:3] = 'NaT'
    later = draw_trend(TrendData(time, data.zp_mag, data.camera, data.usable), fit)
    assert f'without date, not drawn ({np.count_nonzero(np.isfinite(data.zp_mag[:3]))})' in legend_of(later)
    assert 'without date' not in legend_of(figure)


def test_each_interval_has_a_dashed_line_with_its_slope(decade):
    _, fit, figure = decade
    slopes = [line for line in figure.axes[0].lines if str(line.get_label()).endswith('mmag/month')]
    assert [line.get_label() for line in slopes] == 36 * ['−10.0 ± 0.4 mmag/month']
    for line, interval in zip(slopes, fit.intervals, strict=True):
        (first, last), (top, bottom) = line.get_xdata(), line.get_ydata()
        assert line.is_dashed()
        assert (bottom - top) / (last - first) * 30.4375 == pytest.approx(SLOPE)
        assert top == pytest.approx(interval.start_mag)
    written = [text.get_text() for text in figure.axes[0].texts if '±' in text.get_text()]
    assert len(written) == 8  # not of the months between cleanings, 6 pixels each


def test_an_interval_without_a_slope_has_no_dashed_line():
    data, fit = made_trend(span=('2026-01-10', 2), n=9, events=[])
    unknown = [Interval(**{**vars(each), 'slope_mag_per_month': np.nan}) for each in fit.intervals]
    figure = draw_trend(data, ThroughputFit(**{**vars(fit), 'intervals': tuple(unknown)}), events=[])
    assert [line for line in figure.axes[0].lines if 'month' in str(line.get_label())] == []
    assert 'mean slope between steps' not in legend_of(figure)


@pytest.mark.parametrize('reference_mag', [None, 24.0, 28.0, 15.0])
def test_limits_hold_all_clear_points_and_the_model(reference_mag, decade):
    data, fit, _ = decade
    rows = np.flatnonzero(data.usable & (fit.row_clear_probability > 0.5))
    zp = data.zp_mag.copy()
    zp[rows[[7, 8]]] = zp[rows].max() + 0.4, zp[rows].min() - 0.9  # no clear point is too far off to be shown
    data = TrendData(data.time, zp, data.camera, data.usable)
    low, high = draw_trend(data, fit, reference_mag=reference_mag).axes[0].get_ylim()
    clear = zp[rows]
    assert low < clear.min() < clear.max() < high
    assert low < (fit.model_mag - fit.model_error_mag).min() < (fit.model_mag + fit.model_error_mag).max() < high
    assert high - low < 2.5 * np.ptp(clear)
    assert reference_mag != 24.0 or low < 23.8 < 24.0 < high


def test_a_fit_over_the_usable_rows_alone_is_the_same_figure(decade):
    data, fit, _ = decade
    fewer = ThroughputFit(**{**vars(fit), 'row_clear_probability': fit.row_clear_probability[data.usable]})
    one, other = (draw_trend(data, each).axes[0] for each in (fit, fewer))
    assert one.get_ylim() == other.get_ylim()
    assert [line.get_label() for line in one.lines] == [line.get_label() for line in other.lines]


def test_a_fit_of_other_rows_is_refused(decade):
    with pytest.raises(ValueError, match='a fit over 7 rows is not one of these 2000 rows'):
        draw_trend(decade[0], no_fit(7))


@pytest.mark.parametrize('n', [0, 3])
def test_too_few_points_are_drawn_without_a_model(n):
    data, _ = made_trend(span=('2026-01-10', 21), n=5, events=[])
    few = TrendData(data.time[:n], data.zp_mag[:n], data.camera[:n], np.ones(n, bool))
    figure = draw_trend(few, no_fit(n), events=[])
    assert 'too few points for a model' in [text.get_text() for text in figure.axes[0].texts]
    assert not any('model' in text for text in legend_of(figure))
    low, high = figure.axes[0].get_ylim()
    assert np.all((few.zp_mag > low) & (few.zp_mag < high))
    assert len(png(figure)) > 1000


def test_rows_without_time_or_zeropoint_are_left_out():
    data, fit = made_trend(n=100, events=[])
    data.time[3], data.zp_mag[4] = np.datetime64('NaT', 'ms'), np.nan
    figure = draw_trend(data, fit, events=[])
    count = sum(int(text.split('(')[1][:-1]) for text in legend_of(figure) if text.startswith(('fl', 'fa')))
    assert count == np.count_nonzero(np.delete(data.usable, [3, 4]))
    png(figure)


def test_names_with_dollars_are_no_mathematics():
    data, fit = made_trend(n=50, cameras=('f$^$', 'f$_b'), events=[])
    events = [('2024-01-01', 'instrument', 'paid $5 and $_6')]
    figure = draw_trend(data, fit, title='$x_', events=events)
    png(figure)
    assert 'paid $5 and $_6' in [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize('span', [TEN_YEARS, ('2006-01-01', 7300), ('2024-01-15', 750), ('2025-07-01', 220),
                                  ('2025-12-01', 70), ('2026-01-20', 21), ('2026-02-09', 0.5)])
def test_no_labels_overlap_and_none_is_small(span):
    figure = draw_trend(*made_trend(span=span, n=300, cameras=('fl05', 'fl11', 'fa05', 'fa11', 'fa20')))
    renderer, axes = drawn(figure), figure.axes[0]
    ticks = boxes(texts_of(figure, 'bottom') + texts_of(figure, 'bottom end'), renderer)
    assert overlaps(ticks) == []
    assert len(ticks) >= 4
    for side in ('left', 'right'):
        labels = boxes(texts_of(figure, side) + texts_of(figure, f'{side} name'), renderer)
        assert len(labels) >= 4
        assert overlaps(labels) == []
    slopes = [text for text in axes.texts if '±' in text.get_text()]
    above = boxes([*slopes, figure._suptitle], renderer)
    assert overlaps(above) == []
    legend = boxes(texts_of(figure, 'legend'), renderer)
    assert overlaps(legend + ticks) == []
    for _, box in above + ticks + legend:
        assert box.x0 >= 0 <= box.y0
        assert box.x1 <= 900 >= 2 * box.y1
    texts = [text for text in figure.findobj(lambda artist: hasattr(artist, 'get_fontsize')) if text.get_text()]
    assert min(text.get_fontsize() for text in texts) >= 8


def test_a_legend_counts_cameras_that_it_leaves_out_and_keeps_all_other_keys():
    said = legend_of(draw_trend(*made_trend(cameras=tuple(f'fa{number:02}' for number in range(22)))))
    assert said[0] == '17 older cameras'
    assert [text.split()[0] for text in said[1:6]] == ['fa17', 'fa18', 'fa19', 'fa20', 'fa21']
    assert {'model ± error', 'mean slope between steps [mmag/month]', 'good: 23.8 to 24 mag'} <= set(said)
