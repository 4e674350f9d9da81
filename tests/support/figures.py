"""Figures to test and what is found on them.

The throughput is made here, by `Sawtooth`, not fitted: 24.0 mag at the first day, falling by 10 mmag a month, with a
step of 0.1 mag at each event that bounds and of 0.03 mag at each cleaning.
"""

import itertools

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.dates import num2date

from photzp.figures.allmodels import DrawnModel
from photzp.figures.healthyband import HealthyBand
from photzp.figures.trends import TrendData, trend_plot
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
    edges = [origin, *(step.time for step in steps), last]
    intervals = []
    for start, end in itertools.pairwise(edges):
        first, final = line.at(line.days(np.array([start, end - DAY // 1000])))[0]
        intervals.append(Interval(
            start=start, end=end, opened_by='wash', nights=100, rows=500, start_mag=first, start_error_mag=0.004,
            mid_mag=(first + final) / 2, mid_error_mag=0.004, end_mag=final, end_error_mag=0.004,
            slope_mag_per_month=SLOPE, slope_error_mag_per_month=0.0004, end_slope_mag_per_month=SLOPE,
            end_slope_error_mag_per_month=0.0004, reference_group=0))
    night = np.unique(moments.astype('datetime64[D]'))
    nightly = night.astype('datetime64[ms]')
    model, error = line.at(np.maximum(line.days(nightly), 0))
    every = np.ones(len(night))
    return ThroughputFit(
        night=night, time=nightly, model_mag=model, model_error_mag=error, night_rows=every.astype(int),
        clear_probability=every, photometric=every > 0, row_clear_probability=clear,
        row_residual_mag=np.full(len(moments), 0.0), intervals=tuple(intervals), steps=steps, curve=line)


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
    return TrendData(moments, zp, camera, usable), fit


def draw_trend(data, fit, title='lsc-domb-1m0a   rp', events=TEN_YEARS_EVENTS, reference_mag=24.0, until='2026-02-10'):
    band = None if reference_mag is None else HealthyBand(reference_mag, 0.2)
    return trend_plot(title, data, fit, events=events, band=band, until=until)


def made_models(n=20, reference_mag=24.0):
    moments = np.datetime64('2016-01-01', 'ms') + np.arange(3650) * DAY
    return [DrawnModel(f'lsc-dom{number:02}-1m0a', moments,
                           24.0 - 0.01 * number - 1e-4 * (np.arange(3650) % (700 + 9 * number)), reference_mag)
            for number in range(n)]


def made_airmass(n=20_000):
    rng = np.random.default_rng(7)
    airmass = 1 / np.cos(np.radians(rng.uniform(0, 66, n)))
    clear = np.where(rng.uniform(size=n) < 0.6, 0.98, 0.02)
    residual = -0.095 * (airmass - 1) + rng.normal(0, 0.02, n) - (clear < 0.5) * rng.exponential(0.3, n)
    clear[::50] = np.nan
    return airmass, residual, clear


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
