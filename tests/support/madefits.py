"""ThroughputFits made by hand, for tests of what is concluded from them."""

import numpy as np

from photzp.throughput.model import ThroughputFit
from photzp.throughput.summary import Interval, Step

START = np.datetime64('2020-01-01T05:00', 'ms')
DAY = np.timedelta64(86_400_000, 'ms')


def at_day(day):
    return START + np.timedelta64(round(day * 86_400_000), 'ms')


def made_fit(day, y, *, error=0.009, level=23.5, clear=None, intervals=(), steps=(), rows=4, log_odds=None):
    """The fit of nights (day, y) about a flat model, with an error of their means."""
    day, y = np.asarray(day, float), np.asarray(y, float)
    time = START + np.round(day * 86_400_000).astype('timedelta64[ms]')
    clear = y > level - 0.1 if clear is None else clear
    odds = np.where(clear, 3.0, -4.0) if log_odds is None else log_odds
    none = np.full(len(y), np.nan)
    return ThroughputFit(
        night=time.astype('datetime64[D]'), time=time, model_mag=np.full(len(y), level),
        model_error_mag=np.full(len(y), 0.001), night_rows=np.full(len(y), rows),
        clear_probability=np.where(clear, 0.95, 0.02), photometric=clear, row_clear_probability=none,
        row_residual_mag=none, intervals=tuple(intervals), steps=tuple(steps), night_residual_mag=y - level,
        night_residual_error_mag=np.full(len(y), error), night_log_odds=np.asarray(odds, float), night_noise_mag=0.009)


def interval(start, end, opened_by='first data', slope=-0.010, slope_error=0.0005, level=23.5):
    """An Interval between two days."""
    return Interval(
        start=at_day(start), end=at_day(end), opened_by=opened_by, nights=100, rows=400, start_mag=level,
        start_error_mag=0.002, mid_mag=level, mid_error_mag=0.001, end_mag=level, end_error_mag=0.002,
        slope_mag_per_month=slope, slope_error_mag_per_month=slope_error, end_slope_mag_per_month=slope,
        end_slope_error_mag_per_month=slope_error, kinks=0, reference_group=0)


def step(day, kind, size, error=0.003, *, instrumental=False, recorded=True, **changes):
    """A Step at a day, as an event records it."""
    return Step(**{'time': at_day(day), 'kind': kind, 'size_mag': size, 'error_mag': error,
                   'instrumental': instrumental, 'recorded': recorded, 'early': at_day(day), 'late': at_day(day),
                   'written': at_day(day)} | changes)


def found_step(day, size, error=0.003, *, reach=2.0, log_evidence=30.0, nights=(40.0, 25.0)):
    """A Step that nobody recorded, at a day known to so many days on either side."""
    return Step(time=at_day(day), kind='break', size_mag=size, error_mag=error, instrumental=False, recorded=False,
                origin='found', early=at_day(day - reach), late=at_day(day + reach), log_evidence=log_evidence,
                nights=nights)


def sky(seed, n=200, clear=0.6, lost=0.1):
    """(days with frames (m,), cloud of each [mag])."""
    rng = np.random.default_rng(seed)
    day = np.flatnonzero(rng.random(n) > lost) + 0.3
    return day, np.where(rng.random(len(day)) < clear, 0.0, rng.exponential(0.3, len(day)))
