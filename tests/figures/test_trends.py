"""Figures of the long-term report: all that is promised is on them, readable, small, and the same every time.

The throughput is made here, by `Sawtooth`, not fitted: 24.0 mag at the first day, falling by 10 mmag a month, with a
step of 0.1 mag at each event that bounds and of 0.03 mag at each cleaning.
"""

import io
import itertools
import time

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.dates import date2num, num2date
from PIL import Image

from photzp.figures import trends
from photzp.figures.sheet import png
from photzp.throughput.model import ThroughputFit, fit_throughput
from photzp.throughput.summary import Interval, Step

OKABE_ITO = {'#000000', '#e69f00', '#56b4e9', '#009e73', '#f0e442', '#0072b2', '#d55e00', '#cc79a7'}
DAY = np.timedelta64(86_400_000, 'ms')
SLOPE = -0.010  # mag/month
TEN_YEARS = ('2016-04-02', 3600)
TEN_YEARS_EVENTS = [
    ('2016-04-01', 'start'), ('2018-09-14', 'break'), ('2019-10-20', 'wash', 'wet wash'), ('2020-02-03', 'wash'),
    ('2020-05-07', 'recoating'), ('2022-11-01', 'instrument', 'MuSCAT4 installed'),
    *((f'{year}-{month:02}-05', 'cleaning') for year in (2017, 2018, 2021) for month in range(1, 11)),
]  # fmt: skip


class Sawtooth:
    """Throughput as ThroughputFit.at needs it."""

    def __init__(self, origin, steps):
        self.origin, self.steps = origin, steps

    def days(self, moments):
        return (moments - self.origin) / DAY

    def at(self, day):
        model = 24.0 + SLOPE * day / 30.4375
        for step in self.steps:
            model = model + step.size_mag * (day >= self.days(step.time))
        return np.where(day < 0, np.nan, model), np.full(np.shape(day), 0.004)


def made_fit(moments, events, clear):
    """A ThroughputFit of a sawtooth over rows at `moments`, whose row_clear_probability is `clear`."""
    origin, last = moments.min(), moments.max()
    inside = [(np.datetime64(day, 'ms') + DAY // 2, kind) for day, kind, *_ in events]
    inside = sorted((day, kind) for day, kind in inside if origin < day < last and kind != 'start')
    steps = tuple(Step(time=day, kind=kind, size_mag=0.03 if kind == 'cleaning' else 0.1, error_mag=0.005,
                       instrumental=kind == 'instrument') for day, kind in inside)
    line = Sawtooth(origin, steps)
    edges = [origin, *(step.time for step in steps if step.kind != 'cleaning'), last]
    intervals = []
    for start, end in itertools.pairwise(edges):
        first, final = line.at(line.days(np.array([start, end - DAY // 1000])))[0]
        intervals.append(Interval(
            start=start, end=end, opened_by='wash', nights=100, rows=500, start_mag=first, start_error_mag=0.004,
            mid_mag=(first + final) / 2, mid_error_mag=0.004, end_mag=final, end_error_mag=0.004,
            slope_mag_per_month=SLOPE, slope_error_mag_per_month=0.0004, end_slope_mag_per_month=SLOPE,
            end_slope_error_mag_per_month=0.0004, kinks=0, reference_group=0))
    night = np.unique(moments.astype('datetime64[D]'))
    nightly = night.astype('datetime64[ms]')
    model, error = line.at(np.maximum(line.days(nightly), 0))
    every = np.ones(len(night))
    return ThroughputFit(
        night=night, time=nightly, model_mag=model, model_error_mag=error, night_rows=every.astype(int),
        clear_probability=every, photometric=every > 0, row_clear_probability=clear,
        row_residual_mag=np.full(len(moments), 0.0), intervals=tuple(intervals), steps=steps, _line=line)


def no_fit(n):
    none = np.full(n, np.nan)
    return fit_throughput(np.full(n, 'NaT', 'datetime64[ms]'), none, none, longitude_deg=0.0)


def made_trend(span=TEN_YEARS, n=2000, cameras=('fl04', 'fa15'), events=TEN_YEARS_EVENTS):
    """(TrendData, ThroughputFit): noise of 20 mmag, cloud on 40%, 1% wild, 2% not usable."""
    rng = np.random.default_rng(20160402)
    start, days = span
    day = np.sort(rng.uniform(0, days, n))
    day[[0, -1]] = 0, days
    moments = np.datetime64(start, 'ms') + np.round(day * 86_400_000).astype('timedelta64[ms]')
    cloudy, wild, usable = rng.uniform(size=n) < 0.4, rng.uniform(size=n) < 0.01, rng.uniform(size=n) > 0.02
    fit = made_fit(moments, events, np.where(usable, np.where(cloudy | wild, 0.01, 0.99), np.nan))
    zp = fit.at(moments)[0] + rng.normal(0, 0.02, n) - cloudy * rng.exponential(0.3, n)
    zp[wild] += rng.choice([-1, 1], wild.sum()) * rng.uniform(1, 3, wild.sum())
    camera = np.array(cameras)[(day / (days + 1) * len(cameras)).astype(int)]
    return trends.TrendData(moments, zp, camera, usable), fit


def draw_trend(data, fit, title='lsc-domb-1m0a   rp', events=TEN_YEARS_EVENTS, reference_mag=24.0, until='2026-02-10'):
    return trends.trend_plot(title, data, fit, events=events, reference_mag=reference_mag, healthy_mag=0.2,
                             until=until)


@pytest.fixture(scope='module')
def decade():
    data, fit = made_trend()
    return data, fit, draw_trend(data, fit)


def texts_of(figure, gid):
    """Texts of a legend, of a scale, or the name of one."""
    return [text for text in figure.texts if text.get_gid() == gid]


def legend_of(figure):
    return [text.get_text() for text in texts_of(figure, 'legend')]


def lines_of(axes, start):
    """Lines whose label begins so."""
    return [line for line in axes.lines if str(line.get_label()).startswith(start)]


def event_days(axes, label):
    """Dates of the lines of a kind of event."""
    found = [each for each in axes.collections if isinstance(each, LineCollection) and each.get_label() == label]
    return [f'{num2date(segment[0][0]):%Y-%m-%d}' for each in found for segment in each.get_segments()]


def boxes(texts, renderer):
    shown = [text for text in texts if text.get_visible() and text.get_text()]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in shown]


def overlaps(labelled):
    return [(a, b) for (a, one), (b, other) in itertools.combinations(labelled, 2)
            if one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1]


def drawn(figure):
    """Draw a figure: its renderer."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas.get_renderer()


# --- the trend

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
    assert clear.get_color() == trends.BLUE
    assert sum(dim.get_color()) > 2 > sum(int(clear.get_color()[k:k + 2], 16) / 255 for k in (1, 3, 5))
    assert unusable.get_color() == trends.GREY


def test_events_are_lines_at_their_dates(decade):
    axes = decade[2].axes[0]
    assert len(event_days(axes, 'cleaning')) == 30
    assert event_days(axes, 'cleaning')[:2] == ['2017-01-05', '2017-02-05']
    assert event_days(axes, 'wash, recoating, break') == ['2018-09-14', '2019-10-20', '2020-02-03', '2020-05-07']
    assert event_days(axes, 'instrument change') == ['2022-11-01']
    assert 'MuSCAT4 installed' in [text.get_text() for text in axes.texts]
    assert {'cleaning (30)', 'wash, recoating, break (4)', 'instrument change (1)'} <= set(legend_of(decade[2]))


def test_events_have_the_colours_that_are_promised(decade):
    kinds = {each.get_label(): each for each in decade[2].axes[0].collections if isinstance(each, LineCollection)}
    assert to_hex(kinds['cleaning'].get_color()[0]) == trends.GREY
    assert to_hex(kinds['wash, recoating, break'].get_color()[0]) == '#e69f00'
    assert to_hex(kinds['instrument change'].get_color()[0]) == '#0072b2'


def test_an_unrecorded_change_of_camera_is_marked_and_a_recorded_one_only_once(decade):
    data, fit, _ = decade
    unrecorded = [event for event in TEN_YEARS_EVENTS if event[1] != 'instrument']
    axes = draw_trend(data, fit, events=unrecorded).axes[0]
    assert event_days(axes, 'instrument change') == ['2022-11-01']
    assert 'camera change' in [text.get_text() for text in axes.texts]


def test_events_outside_the_time_axis_are_left_out():
    data, fit = made_trend(span=('2026-01-10', 21), events=[])
    events = [('2020-01-01', 'wash'), ('2026-01-15', 'cleaning'), ('2027-01-01', 'cleaning')]
    axes = draw_trend(data, fit, events=events).axes[0]
    assert event_days(axes, 'cleaning') == ['2026-01-15']
    assert event_days(axes, 'wash, recoating, break') == []


def test_each_interval_has_a_dashed_line_with_its_slope(decade):
    _, fit, figure = decade
    slopes = [line for line in figure.axes[0].lines if str(line.get_label()).endswith('mmag/month')]
    assert [line.get_label() for line in slopes] == ['−10.0 ± 0.4 mmag/month'] * len(fit.intervals) == 6 * [
        '−10.0 ± 0.4 mmag/month']
    for line, interval in zip(slopes, fit.intervals, strict=True):
        (first, last), (top, bottom) = line.get_xdata(), line.get_ydata()
        assert line.is_dashed()
        assert (bottom - top) / (last - first) * 30.4375 == pytest.approx(SLOPE)
        assert top == pytest.approx(interval.start_mag)
    written = [text.get_text() for text in figure.axes[0].texts if '±' in text.get_text()]
    assert len(written) == len(slopes)


def test_an_interval_without_a_slope_has_no_dashed_line():
    data, fit = made_trend(span=('2026-01-10', 2), n=9, events=[])
    unknown = [Interval(**{**vars(each), 'slope_mag_per_month': np.nan}) for each in fit.intervals]
    figure = draw_trend(data, ThroughputFit(**{**vars(fit), 'intervals': tuple(unknown)}), events=[])
    assert [line for line in figure.axes[0].lines if 'month' in str(line.get_label())] == []
    assert 'slope between cleanings' not in legend_of(figure)


def test_the_model_has_both_sides_of_each_step(decade):
    _, fit, figure = decade
    models = [line for line in figure.axes[0].lines if str(line.get_label()).startswith('model')]
    bands = [each for each in figure.axes[0].collections if each.get_zorder() == 4]
    assert len(models) == len(bands) == len(fit.intervals)
    cleanings = [step for step in fit.steps if step.kind == 'cleaning']
    x = np.concatenate([line.get_xdata() for line in models])
    y = np.concatenate([line.get_ydata() for line in models])
    for step in cleanings:
        beside = np.abs(x - date2num(step.time)) < 1e-6
        assert np.ptp(y[beside]) == pytest.approx(0.03, abs=1e-4)


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


@pytest.mark.parametrize('reference_mag', [None, 24.0, 28.0, 15.0])
def test_limits_hold_all_clear_points_and_the_model(reference_mag, decade):
    data, fit, _ = decade
    rows = np.flatnonzero(data.usable & (fit.row_clear_probability > 0.5))
    zp = data.zp_mag.copy()
    zp[rows[[7, 8]]] = zp[rows].max() + 0.4, zp[rows].min() - 0.9  # no clear point is too far off to be shown
    data = trends.TrendData(data.time, zp, data.camera, data.usable)
    low, high = draw_trend(data, fit, reference_mag=reference_mag).axes[0].get_ylim()
    clear = zp[rows]
    assert low < clear.min() < clear.max() < high
    assert low < (fit.model_mag - fit.model_error_mag).min() < (fit.model_mag + fit.model_error_mag).max() < high
    assert high - low < 2.5 * np.ptp(clear)
    assert reference_mag != 24.0 or low < 23.8 < 24.0 < high


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
    quiet = trends.TrendData(data.time, fit.at(data.time)[0], data.camera, data.usable)
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
    few = trends.TrendData(data.time[:n], data.zp_mag[:n], data.camera[:n], np.ones(n, bool))
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


@pytest.mark.parametrize(('until', 'end'), [('2026-02-10', '2026-03-01'), ('2026-02-28', '2026-03-01'),
                                            ('2025-12-31T23:59:59', '2026-01-01')])
def test_time_ends_with_the_month(until, end):
    one = np.array(['2024-01-01'], 'datetime64[ms]')
    right = trends.colorterm_plot('x', one, [0.05], ['fa15'], until).axes[0].get_xlim()[1]
    assert 0 < date2num(np.datetime64(end)) - right < 0.001


def test_names_with_dollars_are_no_mathematics():
    data, fit = made_trend(n=50, cameras=('f$^$', 'f$_b'), events=[])
    events = [('2024-01-01', 'instrument', 'paid $5 and $_6')]
    figure = draw_trend(data, fit, title='$x_', events=events)
    png(figure)
    assert 'paid $5 and $_6' in [text.get_text() for text in figure.axes[0].texts]


# --- readable

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


def test_cameras_are_told_apart_by_colours_of_a_colour_blind_palette():
    figure = draw_trend(*made_trend(cameras=('fl05', 'fl11', 'fa05', 'fa11', 'fa20')))
    colours = [to_hex(line.get_color()) for line in figure.axes[0].lines if ', clear' in str(line.get_label())]
    assert len(set(colours)) == 5
    assert set(colours) <= OKABE_ITO
    everywhere = {to_hex(colour) for colour in (*trends.CAMERA_COLOURS, *trends.LINE_COLOURS)}
    assert everywhere <= OKABE_ITO


def test_a_new_camera_changes_no_older_one():
    old, new = (draw_trend(*made_trend(cameras=names)).axes[0] for names in (('fl04', 'fa15'), ('fl04', 'fa15', 'aa1')))
    for name in ('fl04', 'fa15'):
        assert lines_of(old, f'{name}, clear')[0].get_color() == lines_of(new, f'{name}, clear')[0].get_color()


def test_a_legend_counts_cameras_that_it_leaves_out_and_keeps_all_other_keys():
    said = legend_of(draw_trend(*made_trend(cameras=tuple(f'fa{number:02}' for number in range(22)))))
    assert said[0] == '17 older cameras'
    assert [text.split()[0] for text in said[1:6]] == ['fa17', 'fa18', 'fa19', 'fa20', 'fa21']
    assert {'model ± error', 'slope between cleanings [mmag/month]', 'good: 23.8 to 24 mag'} <= set(said)


def test_a_model_of_one_night_can_be_seen():
    data, fit = made_trend(span=('2025-02-09', 0.2), n=30)
    model, = lines_of(draw_trend(data, fit, events=[], until='2026-02-10').axes[0], 'model')
    assert model.get_marker() == 'o'
    model, *_ = lines_of(draw_trend(*made_trend(n=300)).axes[0], 'model')
    assert model.get_marker() != 'o'
    figure = trends.all_models_plot('x', made_models(1), '2026-02-10', healthy_mag=0.2)
    line, = lines_of(figure.axes[0], 'lsc-')
    assert (line.get_marker(), line.get_markevery()) == ('o', [-1])


# --- the other kinds

def made_airmass(n=20_000):
    rng = np.random.default_rng(7)
    airmass = 1 / np.cos(np.radians(rng.uniform(0, 66, n)))
    clear = np.where(rng.uniform(size=n) < 0.6, 0.98, 0.02)
    residual = -0.095 * (airmass - 1) + rng.normal(0, 0.02, n) - (clear < 0.5) * rng.exponential(0.3, n)
    clear[::50] = np.nan
    return airmass, residual, clear


def test_airmass_has_lines_of_adopted_and_fitted_extinction():
    airmass, residual, clear = made_airmass()
    figure = trends.airmass_plot('lsc-domb-1m0a   rp', airmass, residual, clear, 0.08, 0.095, 0.001)
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
    figure = trends.airmass_plot('few', airmass[:n], residual[:n], clear[:n] * np.nan, 0.08, np.nan, np.nan)
    assert not any('fitted' in text for text in legend_of(figure))
    png(figure)


def test_colour_terms_have_the_median_of_each_camera():
    data, _ = made_trend(n=6000)
    colorterm = np.where(data.camera == 'fl04', 0.02, 0.05) + np.random.default_rng(8).normal(0, 0.008, 6000)
    colorterm[100], colorterm[101] = 3.0, np.nan
    figure = trends.colorterm_plot('lsc-domb-1m0a   rp', data.time, colorterm, data.camera, '2026-02-10')
    for name in ('fl04', 'fa15'):
        median = np.nanmedian(colorterm[data.camera == name])
        line, = lines_of(figure.axes[0], f'median of {name}')
        assert line.get_ydata() == pytest.approx([median, median])
        assert any(text.startswith(f'{name} (') and f'median {median:+.4f}' in text for text in legend_of(figure))
    low, high = figure.axes[0].get_ylim()
    regular = np.delete(colorterm, [100, 101])
    assert low < regular.min() < regular.max() < high < 0.2
    assert '▴ 1 above' in [text.get_text() for text in figure.axes[0].texts]


def test_no_colour_terms_is_said():
    none = np.empty(0)
    figure = trends.colorterm_plot('none', none.astype('datetime64[ms]'), none, none.astype(str), '2026-02-10')
    assert 'no colour terms' in [text.get_text() for text in figure.axes[0].texts]
    png(figure)


def test_histograms_count_every_frame_that_has_an_error():
    rng = np.random.default_rng(9)
    zperr = np.append(rng.lognormal(np.log(0.004), 0.4, 900), [np.nan] * 50 + [0.0, 7.0])
    zpsig = rng.lognormal(np.log(0.045), 0.3, 952)
    figure = trends.error_histogram('lsc-domb-1m0a   rp', zperr, zpsig)
    outlines = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
    assert [line.get_ydata()[1:-1:2].sum() for line in outlines] == [901, 952]
    known = zperr[zperr > 0]
    assert f'error of the zeropoint, zperr: median {1000 * np.median(known):.3g} mmag (901 frames)' in legend_of(figure)
    assert lines_of(figure.axes[0], 'median of scatter')[0].get_xdata()[0] == pytest.approx(1000 * np.median(zpsig))


def test_a_histogram_without_errors_says_so():
    figure = trends.error_histogram('old rows', np.full(9, np.nan), np.full(9, 0.05))
    assert 'error of the zeropoint, zperr: none known (0 frames)' in legend_of(figure)
    png(figure)


def made_models(n=20, reference_mag=24.0):
    moments = np.datetime64('2016-01-01', 'ms') + np.arange(3650) * DAY
    return [(f'lsc-dom{number:02}-1m0a', moments, 24.0 - 0.01 * number - 1e-4 * (np.arange(3650) % (700 + 9 * number)),
             reference_mag) for number in range(n)]


def test_all_models_are_told_apart_and_ordered_by_current_value():
    models = made_models()[::-1]
    figure = trends.all_models_plot('2m0 and 1m0   rp', models, '2026-02-10', healthy_mag=0.2)
    axes, = figure.axes
    lines = lines_of(axes, 'lsc-')
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 20
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    current = {name: model[-1] for name, _, model, _ in models}
    assert [label.split()[0] for label in labels] == sorted(current, key=current.get, reverse=True)
    assert labels[0].endswith(f'{100 * 10 ** (0.4 * (max(current.values()) - 24)):.0f}%')
    assert lines[3].get_ydata()[-1] == pytest.approx(models[3][2][-1] - 24.0)
    renderer = drawn(figure)
    legend = boxes(axes.get_legend().get_texts(), renderer)
    ticks = boxes(texts_of(figure, 'bottom'), renderer)
    assert overlaps(legend) == overlaps(ticks) == []
    assert all(box.x1 <= 900 and box.y0 >= 0 for _, box in legend)


def test_lines_of_models_are_not_drawn_across_gaps_and_steps():
    moments = np.datetime64('2020-01-01', 'ms') + np.array([0, 1, 2, 200, 201]) * DAY
    figure = trends.all_models_plot('x', [('a-b-1m0a', moments, np.array([24, 24, 23.8, 23.8, 23.8]), 24.0)],
                                        '2020-12-01', healthy_mag=0.2)
    line, = lines_of(figure.axes[0], 'a-b')
    assert np.flatnonzero(np.isnan(line.get_ydata())).tolist() == [2, 4]


def test_models_without_a_reference_have_a_panel_of_their_own():
    figure = trends.all_models_plot('x', made_models(3) + made_models(5, None)[3:], '2026-02-10', healthy_mag=0.2)
    relative, absolute = figure.axes
    assert (len(lines_of(relative, 'lsc-')), len(lines_of(absolute, 'lsc-'))) == (3, 2)
    right = [text.get_window_extent(drawn(figure)) for text in texts_of(figure, 'right')]
    assert len(right) >= 3
    assert min(box.y0 for box in right) > absolute.get_window_extent().y1
    assert np.nanmax(lines_of(absolute, 'lsc-dom03')[0].get_ydata()) == pytest.approx(23.97)
    png(figure)


@pytest.mark.parametrize('models', [[], [('a-b-1m0a', np.empty(0, 'datetime64[ms]'), np.empty(0), None)],
                                    [('a-b-1m0a', ['2020-01-01'], [np.nan], 24.0)]])
def test_no_models_is_said(models):
    figure = trends.all_models_plot('none', models, '2026-02-10', healthy_mag=0.2)
    assert 'no models' in [text.get_text() for text in figure.axes[0].texts]
    png(figure)


def test_all_colour_terms_have_a_line_for_each_camera():
    rng = np.random.default_rng(10)
    moments = np.datetime64('2024-01-01', 'ms') + np.arange(800) * DAY
    camera = np.repeat(['fl04', 'fa15'], 400)
    terms = np.where(camera == 'fl04', 0.02, 0.05) + rng.normal(0, 0.008, 800)
    entries = [(f'lsc-dom{number:02}-1m0a', moments, terms + 0.001 * number, camera) for number in range(11)]
    entries.append(('ogg-clma-0m4b', moments, terms, np.full(800, 'sq40')))
    lines = [line for entry in entries
             for line in trends.colorterm_lines(*entry, '2026-02-10', kind_of=lambda camera: camera[:2])]
    figure = trends.all_colorterms_plot('colour terms   rp', lines, {})
    axes = figure.axes[0]
    dots = [line for line in axes.lines if line.get_marker() == 'o' and 'last half year' not in line.get_label()]
    assert [line.get_label() for line in dots][:2] == ['lsc-dom00-1m0a  fl04', 'lsc-dom00-1m0a  fa15']
    assert len(dots) == 23
    assert dots[1].get_xdata()[0] == pytest.approx(np.median(terms[400:]))
    recent, = lines_of(axes, 'lsc-dom00-1m0a  fa15, last half year')
    since = np.datetime64('2026-03-01') - np.timedelta64(trends.RECENT_DAYS, 'D')
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
    lines = trends.colorterm_lines('a-b-1m0a', moments, np.zeros(3), np.array(list(kinds)), '2026-02-10',
                                   kind_of=kinds.get)
    assert [line.kind for line in lines] == ['aa', 'bb', 'cc']
    first, second, third, *_ = trends.LINE_COLOURS
    for colours, wanted in (({}, [first, second, third]), ({'bb': '#123456'}, [first, '#123456', second]),
                            ({'cc': first.lower(), 'xx': second}, [second, third, first.lower()])):
        axes = trends.all_colorterms_plot('x', lines, colours).axes[0]
        assert [lines_of(axes, f'median of {kind}')[0].get_color() for kind in kinds.values()] == wanted


def test_no_colour_terms_of_any_telescope_is_said():
    assert trends.colorterm_lines('a-b-1m0a', ['2020-01-01'], [np.nan], ['fa15'], '2026-02-10', kind_of=str) == []
    figure = trends.all_colorterms_plot('none', [], {})
    assert 'no colour terms' in [text.get_text() for text in figure.axes[0].texts]


# --- bytes

def heavy(kind):
    """A figure of each kind from as many points as the largest series have."""
    cameras = ('fl05', 'fl11', 'fa05', 'fa11', 'fa20')
    if kind == 'airmass':
        return trends.airmass_plot('x', *made_airmass(30_000), 0.08, 0.095, 0.001)
    if kind == 'models':
        return trends.all_models_plot('x', made_models(), '2026-02-10', healthy_mag=0.2)
    data, fit = made_trend(n=30_000, cameras=cameras)
    if kind == 'trend':
        return draw_trend(data, fit)
    return trends.colorterm_plot('x', data.time, data.zp_mag - 24, data.camera, '2026-02-10')


@pytest.mark.parametrize('kind', ['trend', 'airmass', 'colorterm', 'models'])
def test_a_png_is_small_and_the_same_every_time(kind):
    """What 256 colours change is not seen: next to no pixel by more than 40 of 255."""
    figure = heavy(kind)
    content = png(figure)
    assert len(content) < 250_000
    assert content == png(heavy(kind))
    for stamp in (b'tEXt', b'iTXt', b'tIME', b'atplotlib'):
        assert stamp not in content
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size, image.mode) == ('PNG', (900, 450), 'P')
        few = np.asarray(image.convert('RGB')).astype(int)
    away = np.abs(few - np.asarray(figure.canvas.buffer_rgba())[..., :3]).max(axis=2)
    assert np.mean(away > 40) < 0.001


def test_a_figure_does_not_change_within_a_month():
    data, fit = made_trend(n=50, events=[])
    one, other = (png(draw_trend(data, fit, events=[], until=f'2026-02-{day}')) for day in (10, 27))
    assert one == other


def test_thirty_thousand_points_take_little_longer_than_a_few():
    """Measured as a ratio, because others may need the machine: 1.5, where 0.35 s of processor time were needed."""
    took = {}
    for n in (300, 30_000):
        data, fit = made_trend(n=n)
        begun = time.process_time()
        png(draw_trend(data, fit))
        took[n] = time.process_time() - begun
    assert took[30_000] < 4 * took[300]
