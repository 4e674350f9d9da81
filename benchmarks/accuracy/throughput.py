"""How well the throughput model finds planted truths: `python -m benchmarks.accuracy.throughput --seeds 1 2 3`.

Simulates years of the whole fleet in memory for each seed and regime, fits each telescope in all its filters, and
prints one row each.  `oracle` is the slope of a straight line by least squares through the frames of the interval that
were clear in truth, with offsets of cameras: in ideal nights nothing can do better.  Slopes of intervals shorter than
180 days are left out of the rms, not out of the widths, which are the robust ones of (value - truth) / error.
`earlier` is the approach of the first reports: per night with more than 3 points the mean of those within 0.03 mag of
the brightest, then a running median of 9 nights.  `false` counts the steps, by telescope, that were found and are not
there.
"""

import argparse
import sys
import time
from dataclasses import replace

import numpy as np

from photzp.measurements import usable_rows
from photzp.throughput.fields import field_cells
from photzp.throughput.model import FilterRows, fit_telescope
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


def filter_rows(telescope, by_filter, spec):
    """What a fit is given: ({filter: FilterRows}, {filter: {key of an offset: code of the group}})."""
    rows, codes = {}, {}
    every = [np.concatenate([table[key] for _, table in by_filter.values()]) for key in ('ra', 'dec')]
    fields = np.split(field_cells(*every), np.cumsum([len(table['zp']) for _, table in by_filter.values()])[:-1])
    for (name, (series, table)), field in zip(by_filter.items(), fields, strict=True):
        keys = list(zip(table['camera'].tolist(), table['filter'].tolist(), table['old'].tolist(), strict=True))
        codes[name] = {key: number for number, key in enumerate(sorted(set(keys)))}
        zp = at_unit_airmass(table['zp'], table['airmass'], EXTINCTION[series.filter])
        rows[name] = FilterRows(
            time=times_of(table, spec), zp=np.where(usable(telescope, table), zp, np.nan), zperr=table['zperr'],
            airmass=table['airmass'], group=np.array([codes[name][key] for key in keys], int), field=field,
            fwhm=table['fwhm'], other_scale=frozenset(code for key, code in codes[name].items() if key[2]))
    return rows, codes


def usable(telescope, rows):
    """Which rows of a series the product uses; all their dates are right."""
    return usable_rows(rows['zp'], rows['airmass'], rows['zpsig'], telescope.telescope)


def fits_of(telescope, by_filter, spec):
    """{filter: (ThroughputFit, codes of groups by key)} of a telescope, which is fitted in all filters together."""
    rows, codes = filter_rows(telescope, by_filter, spec)
    events = [(date_of(event.day, spec), event.kind) for event in telescope.events if event.recorded]
    fits = fit_telescope(rows, longitude_deg=telescope.longitude_deg, events=events)
    return {name: (fits[name], codes[name]) for name in rows}


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


def compare(telescope, by_filter, spec):
    """Differences of a telescope: a list of dicts of arrays [mag, mag/month], one by filter."""
    start = time.perf_counter()
    fits = fits_of(telescope, by_filter, spec)
    differences = [compare_filter(telescope, *by_filter[name], *fits[name], spec) for name in by_filter]
    found = {step.time for fit, _ in fits.values() for step in fit.steps if step.origin == 'found'}
    differences[0] |= {'seconds': [time.perf_counter() - start], 'found': [len(found)]}
    return differences


def compare_filter(telescope, series, rows, fit, codes, spec):
    """Differences of one filter."""
    zero = noon_of(telescope, spec)
    offset_of = {number: series.offsets[key] for key, number in codes.items()}

    def truth(times):
        return series.at((times - zero) / np.timedelta64(1, 'D'))

    opened = np.array([interval.start for interval in fit.intervals])
    scale = np.array([offset_of[interval.reference_group] for interval in fit.intervals])

    def scale_at(times):
        return scale[np.clip(np.searchsorted(opened, times, side='right') - 1, 0, None)]

    error = fit.model_mag - truth(fit.time) - scale_at(fit.time)
    last = fit.time > fit.time[-1] - np.timedelta64(LAST_DAYS, 'D')
    zp = at_unit_airmass(rows['zp'], rows['airmass'], EXTINCTION[series.filter])
    good = usable(telescope, rows)
    offsets = [(o.offset_mag - offset_of[o.group] + offset_of[o.reference]) / o.error_mag
               for o in fit.offsets if o.group != o.reference]
    wrong_k = fit.extinction_offset_mag - (series.extinction - EXTINCTION[series.filter])
    result = {'model': error, 'model_pull': error / fit.model_error_mag, 'last': error[last], 'offset_pull': offsets,
              'extinction_pull': [wrong_k / fit.extinction_offset_error_mag]}
    oracle = oracle_slopes(fit, series, times_of(rows, spec), zp, rows, good & rows['clear'])
    result |= slope_errors(fit, series, zero, oracle) | step_errors(fit, truth, scale_at)
    if not spec.one_per_night:
        day, model = earlier_model(rows['day'][good], zp[good], rows['night'][good])
        when = np.datetime64(spec.start, 'ms') + np.round(day * 86_400_000).astype('timedelta64[ms]')
        result['earlier'] = model - truth(when) - scale_at(when)
        result['earlier_last'] = result['earlier'][when > when[-1] - np.timedelta64(LAST_DAYS, 'D')]
    return result


def oracle_slopes(fit, series, times, zp, rows, clear):
    """Slope of each interval by least squares on its clear frames [mag/month]; NaN with too few of them.

    Offsets of groups and extinction are those of the truth.
    """
    offset = np.array([series.offsets[key] for key in zip(
        rows['camera'].tolist(), rows['filter'].tolist(), rows['old'].tolist(), strict=True)])
    level = zp - offset + (series.extinction - EXTINCTION[series.filter]) * (rows['airmass'] - 1)
    slopes = []
    for interval in fit.intervals:
        inside = clear & (times >= interval.start) & (times < interval.end)
        month = (times[inside] - interval.start) / np.timedelta64(1, 'D') / DAYS_PER_MONTH
        enough = np.count_nonzero(inside) > 2 and np.ptp(month) > 0
        slopes.append(np.polyfit(month, level[inside], 1)[0] if enough else np.nan)
    return slopes


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
                if np.isfinite(slope):
                    best.append(slope - true * DAYS_PER_MONTH)
    return {'slope': long, 'oracle': best, 'slope_pull': pulls}


def step_errors(fit, truth, scale_at):
    """Errors of the sizes of steps that somebody recorded, or that are changes of cameras, and their pulls."""
    errors, pulls = [], []
    near = np.timedelta64(30, 's')  # truth is rounded to seconds
    for step in fit.steps:
        if step.origin != 'found':
            happened = step.time if np.isnat(step.written) else step.written
            true = truth(happened + near) - truth(happened - near) + scale_at(step.time) - scale_at(step.time - near)
            errors.append(step.size_mag - true.item())
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
        for differences in compare(telescope, by_filter, spec):
            for key, values in differences.items():
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
