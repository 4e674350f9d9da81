"""ThroughputFits, and what telescopes say of their site, made by hand, for tests of what is concluded from them."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np

from photzp.throughput.model import SkyEvidence, ThroughputFit
from photzp.throughput.nightsky import DEPTH_MAG
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


def made_evidence(dates, clouds=0.0, *, weight=0.0, value=0.0, coefficients=None):
    """What telescopes say of nights of these dates; one number for clouds of a night stands for all depths."""
    night = np.array(dates, 'datetime64[D]')
    clouds = np.array(clouds, float)
    if clouds.ndim < 2:
        clouds = np.repeat(np.broadcast_to(clouds, len(night))[:, None], len(DEPTH_MAG), axis=1)
    weight, value = (np.broadcast_to(np.array(each, float), len(night)).copy() for each in (weight, value))
    return SkyEvidence(night=night, clouds=clouds, haze_weight=weight, haze_value=value,
                       coefficients=coefficients or {})


@dataclass(frozen=True, kw_only=True)
class PlantedFit(ThroughputFit):
    """A fit whose level and error are functions of the day."""

    level_of: Callable[[np.ndarray], np.ndarray]
    error_of: Callable[[np.ndarray], np.ndarray]

    def at(self, time):
        day = (np.asarray(time, 'datetime64[ms]') - START) / DAY
        return self.level_of(day), self.error_of(day)


def planted_fit(level_of, error_of, *, until=300, steps=(), **options):
    """The fit of clear nights on a level that is a function of the day, with an interval between each two steps."""
    day = np.arange(0.3, until)
    edges = [0, *((one.time - START) / DAY for one in steps), until]
    intervals = [_interval_of(level_of, error_of, *pair, options) for pair in pairwise(edges)]
    made = made_fit(day, level_of(day), clear=np.ones(len(day), bool), intervals=intervals, steps=steps)
    return PlantedFit(level_of=level_of, error_of=error_of,
                      **{field.name: getattr(made, field.name) for field in fields(made)
                         if field.name not in ('model_mag', 'night_residual_mag')},
                      model_mag=level_of(day), night_residual_mag=np.zeros(len(day)))


def _interval_of(level_of, error_of, start, end, options):
    first, last = start + 1e-3, end - 1e-3
    values = {name: float(function(np.array([day]))[0]) for name, function, day in (
        ('start_mag', level_of, first), ('end_mag', level_of, last), ('start_error_mag', error_of, first),
        ('end_error_mag', error_of, last))}
    slope = (values['end_mag'] - values['start_mag']) / (end - start) * 30.4375
    return replace(interval(start, end, slope=slope, **options), **values)


def interval(start, end, opened_by='first data', slope=-0.010, slope_error=0.0005, level=23.5):
    """An Interval between two days."""
    return Interval(
        start=at_day(start), end=at_day(end), opened_by=opened_by, nights=100, rows=400, start_mag=level,
        start_error_mag=0.002, mid_mag=level, mid_error_mag=0.001, end_mag=level, end_error_mag=0.002,
        slope_mag_per_month=slope, slope_error_mag_per_month=slope_error, end_slope_mag_per_month=slope,
        end_slope_error_mag_per_month=slope_error, reference_group=0)


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
