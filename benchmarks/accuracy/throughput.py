"""How well the throughput model finds planted truths: `python -m benchmarks.accuracy.throughput --seeds 1 2 3`.

Simulates years of the whole fleet in memory for each seed and regime, fits them, and prints one row
each.  `oracle` is the slope by least squares on the frames that were clear in truth, with the same lines, steps and
offsets: nothing can do better.  Slopes of intervals shorter than 180 days are left out of the rms, not out of the
widths, which are the robust ones of (value - truth) / error.  `earlier` is the approach that this model replaces: per
night with more than 3 points the mean of those within 0.03 mag of the brightest, then a running median of 9 nights.
`false` counts the jumps and kinks that were found and are not there.
"""

import argparse
import sys
import time
from dataclasses import replace

import numpy as np

from photzp.measurements import usable_rows
from photzp.throughput.model import fit_throughput
from photzp.throughput.rows import at_unit_airmass
from simulation.fleet import DAYS_PER_MONTH, YearsSpec
from simulation.spec import EXTINCTION
from simulation.yearfiles import date_of, times_of
from simulation.years import simulate

REGIMES = {'60% clear': {}, '25% clear': {'photometric': 0.25}, 'one per night': {'one_per_night': True}}
LONG_DAYS = 180  # slopes of shorter intervals are left out of the rms, not out of the pulls
LAST_DAYS = 30


def noon_of(telescope, spec):
    """Time of day 0 of the truth: noon of the site."""
    noon = 0.5 - telescope.longitude_deg / 360
    return np.datetime64(spec.start, 'ms') + np.timedelta64(round(noon * 86_400_000), 'ms')


def fit_series(telescope, series, rows, spec):
    """Fit one telescope and filter: (ThroughputFit, codes of groups by key, seconds)."""
    keys = list(zip(rows['camera'].tolist(), rows['filter'].tolist(), rows['old'].tolist(), strict=True))
    codes = {key: number for number, key in enumerate(sorted(set(keys)))}
    group = np.array([codes[key] for key in keys])
    times = times_of(rows, spec)
    events = [(date_of(event.day, spec), event.kind) for event in telescope.events if event.recorded]
    start = time.perf_counter()
    zp = at_unit_airmass(rows['zp'], rows['airmass'], EXTINCTION[series.filter])
    good = usable_rows(rows['zp'], rows['airmass'], rows['zpsig'], telescope.telescope)
    fit = fit_throughput(times[good], zp[good], rows['zperr'][good], longitude_deg=telescope.longitude_deg,
                         group=group[good], airmass=rows['airmass'][good], events=events)
    return fit, codes, time.perf_counter() - start


def earlier_model(fit_time, zp, nights):
    """The earlier approach: (times of nights (m,), model (m,))."""
    day, model = [], []
    for night in np.unique(nights):
        values = zp[nights == night]
        if len(values) > 3:
            model.append(values[values > values.max() - 0.03].mean())
            day.append(fit_time[nights == night].mean())
    model = np.array(model)
    return np.array(day), np.array([np.median(model[max(k - 4, 0):k + 5]) for k in range(len(model))])


def compare(telescope, series, rows, spec):
    """Differences of one series: a dict of arrays [mag, mag/month]."""
    fit, codes, seconds = fit_series(telescope, series, rows, spec)
    zero = noon_of(telescope, spec)
    offset_of = {number: series.offsets[key] for key, number in codes.items()}

    def truth(times):
        return series.at((times - zero) / np.timedelta64(1, 'D'))

    opened = np.array([interval.start for interval in fit.intervals])
    scale = np.array([offset_of[interval.reference_group] for interval in fit.intervals])
    piece = np.clip(np.searchsorted(opened, fit.time, side='right') - 1, 0, None)
    error = fit.model_mag - truth(fit.time) - scale[piece]
    last = fit.time > fit.time[-1] - np.timedelta64(LAST_DAYS, 'D')
    result = {'model': error, 'model_pull': error / fit.model_error_mag, 'last': error[last], 'seconds': [seconds],
              'found': [sum(interval.kinks + (interval.opened_by == 'jump') for interval in fit.intervals)]}
    zp = at_unit_airmass(rows['zp'], rows['airmass'], EXTINCTION[series.filter])
    good = usable_rows(rows['zp'], rows['airmass'], rows['zpsig'], telescope.telescope)
    oracle = oracle_slopes(fit, codes, times_of(rows, spec), zp, rows, good & rows['clear'])
    result |= slope_errors(fit, series, zero, oracle) | step_errors(fit, truth, scale, opened)
    offsets = [(o.offset_mag - offset_of[o.group] + offset_of[o.reference]) / o.error_mag
               for o in fit.offsets if o.group != o.reference]
    wrong_k = fit.extinction_offset_mag - (series.extinction - EXTINCTION[series.filter])
    result |= {'offset_pull': offsets, 'extinction_pull': [wrong_k / fit.extinction_offset_error_mag]}
    if not spec.one_per_night:
        day, model = earlier_model(rows['day'][good], zp[good], rows['night'][good])
        when = np.datetime64(spec.start, 'ms') + np.round(day * 86_400_000).astype('timedelta64[ms]')
        scales = scale[np.clip(np.searchsorted(opened, when, side='right') - 1, 0, None)]
        result['earlier'] = model - truth(when) - scales
        result['earlier_last'] = result['earlier'][when > when[-1] - np.timedelta64(LAST_DAYS, 'D')]
    return result


def oracle_slopes(fit, codes, times, zp, rows, clear):
    """Slopes of all intervals by least squares on clear frames [mag/month]."""
    keys = zip(rows['camera'][clear].tolist(), rows['filter'][clear].tolist(), rows['old'][clear].tolist(), strict=True)
    group = np.array([codes[key] for key in keys])
    line = fit._line
    offsets = [group == offset.group for offset in fit.offsets if offset.group != offset.reference]
    design = np.column_stack([line.design(line.days(times[clear])), *offsets, 1 - rows['airmass'][clear]])
    found = np.linalg.lstsq(design, zp[clear] - zp[clear].mean(), rcond=None)[0]
    return found[len(fit.intervals):2 * len(fit.intervals)]


def slope_errors(fit, series, zero, oracle):
    """Errors of the long intervals, of the oracle there, and pulls of all."""
    long, best, pulls = [], [], []
    for interval, slope in zip(fit.intervals, oracle, strict=True):
        middle = (interval.start + (interval.end - interval.start) / 2 - zero) / np.timedelta64(1, 'D')
        true = series.slope[np.clip(np.searchsorted(series.breaks, middle, side='right') - 1, 0, None)]
        error = interval.slope_mag_per_month - true * DAYS_PER_MONTH
        if np.isfinite(error):
            pulls.append(error / interval.slope_error_mag_per_month)
            if interval.end - interval.start > np.timedelta64(LONG_DAYS, 'D'):
                long.append(error)
                best.append(slope - true * DAYS_PER_MONTH)
    return {'slope': long, 'oracle': best, 'slope_pull': pulls}


def step_errors(fit, truth, scale, opened):
    errors, pulls = [], []
    for step in fit.steps:
        near = np.timedelta64(30, 's')  # truth is rounded to seconds
        true = (truth(step.time + near) - truth(step.time - near)).item()
        if step.kind != 'cleaning':
            after = int(np.searchsorted(opened, step.time, side='right')) - 1
            true += scale[after] - scale[after - 1]
        errors.append(step.size_mag - true)
        pulls.append(errors[-1] / step.error_mag)
    return {'step': errors, 'step_pull': pulls}


def rms(values):
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else np.nan


def width(values):
    """Robust width of pulls: half the range of the middle 68.3%."""
    return float(np.diff(np.quantile(values, [0.1585, 0.8415]))[0] / 2) if len(values) else np.nan


def run(spec):
    """All differences of one simulated fleet."""
    total = {}
    for telescope, by_filter in simulate(spec):
        for series, rows in by_filter.values():
            for key, values in compare(telescope, series, rows, spec).items():
                total.setdefault(key, []).append(np.asarray(values, float))
    return {key: np.concatenate(values) for key, values in total.items()}


def line_of(got):
    """The figures of one fleet as text."""
    model = got['model']
    mmag = [1000 * value for value in (rms(model), np.median(model), np.abs(model).max(), rms(got['last']),
                                       rms(got['slope']), rms(got['oracle']))]
    pulls = [width(got[f'{key}_pull']) for key in ('model', 'slope', 'step', 'offset', 'extinction')]
    earlier = [1000 * rms(got.get(key, [])) for key in ('earlier', 'earlier_last')]
    return ('{:5.2f} {:6.2f} {:6.1f} {:5.2f} | {:6.3f} {:6.3f} |'.format(*mmag)
            + ' {:5.2f} {:5.2f} {:5.2f} {:6.2f} {:4.2f}'.format(*pulls)
            + ' | {:6.1f} {:6.1f} | {:5.0f} | {:6.3f}'.format(*earlier, got['found'].sum(), np.mean(got['seconds'])))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--seeds', type=int, nargs='+', default=[1, 2, 3])
    parser.add_argument('--telescopes', type=int, default=22)
    parser.add_argument('--regimes', nargs='+', choices=REGIMES, default=list(REGIMES))
    args = parser.parse_args(argv)
    print('               |      | model - truth, mmag       | slope, mmag/mo | width of pulls                |'
          ' earlier, mmag |\n'
          'regime         | seed |   rms median  worst  last |    rms oracle | model slope  step offset  ext |'
          '    rms   last | false |  s/fit')
    for name in args.regimes:
        for seed in args.seeds:
            spec = replace(YearsSpec(seed=seed, telescopes=args.telescopes, nights='ideal'), **REGIMES[name])
            print(f'{name:14} | {seed:4d} | {line_of(run(spec))}', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
