"""How right throughput is through years of real nights: `python -m benchmarks.accuracy.realnights --seeds 11 12`.

Simulates years of a fleet in memory, with the noise, weather and steps of real nights and with ideal ones, fits each
telescope in all its filters, alone and again with what the other telescopes of its site say of the nights, and prints
the figures that were to be reached, each with its goal.  A line for each telescope is printed as soon as it is fitted.

Nights count from 5 frames in all filters on; `trueyears` says which are clear.  The oracle knows level, offsets, the
covariance of the noise of filters and how deep clouds are, and calls each night alone; another one is told the mean
noise of the other nights within 10 days.  Levels count outside the clear nights on either side of a step, a dust storm,
or an exchange of cameras that do not overlap.  Widths are robust ones of (value - truth) / error: half the range of the
middle 68.3%.  A step is to be found where people wrote nothing down, or a date more than 7 days off, and where clear
nights lie within 7 days on both sides; a false one has no event, step, dust storm or exchange of cameras within 7 days
or within the interval of its date.
"""

import argparse
import sys
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.accuracy import yearjudge, yearplots
from benchmarks.accuracy.throughput import width
from benchmarks.accuracy.trueyears import rms, true_years
from benchmarks.accuracy.yearfits import fit_fleet
from simulation.fleet import YearsSpec
from simulation.years import simulate

YEARS = 3


@dataclass(frozen=True)
class Figure:
    """A line of the table: name, key of the totals, how to reduce and print them, and the limits to be reached."""

    name: str
    key: str
    reduce: str
    low: float = -np.inf
    high: float = np.inf


_LEVELS = (
    Figure('g r i', 'gri_error', 'mmag', high=4), Figure('g r i, last 30 days', 'gri_last', 'mmag', high=7),
    Figure('z', 'z_error', 'mmag', high=10), Figure('z, last 30 days', 'z_last', 'mmag', high=15),
    *(Figure(f'{name} (g r i){last}', f'{key}_{what}', 'mmag', high=limit)
      for key, name in (('thin', 'thin clouds'), ('wet', 'wet seasons'), ('few', 'few frames'))
      for what, last, limit in (('error', '', 6), ('last', ', last 30 days', 10))),
    Figure('between the clear nights beside a step', 'inside_error', 'mmag'))
_WIDTHS = tuple(Figure(name, f'{key}_pull', 'width', 0.8, 1.25) for name, key in (
    ('level', 'level'), ('level, g r i', 'gri'), ('level, z', 'z'), ('level in wet seasons', 'wet'),
    ('level, last 30 days', 'last'), ('slope now', 'now'), ('size of steps', 'size'), ('percent', 'percent')))
_PARTS = tuple(Figure(name, f'{key}_pull', 'width') for name, key in (
    ('level under thin clouds', 'thin'), ('level with few frames', 'few'), ('mean slope', 'slope')))
_SIZES = tuple(Figure(f'size of steps, {name}', f'size_pull_{name}', 'width')
               for name in ('recorded', 'moved', 'found'))
REAL = (
    ('nights', (Figure('called right', 'night_right', '%', low=96), Figure('  by an oracle', 'oracle_right', '%'),
                Figure('  by one that knows the weeks around', 'weeks_right', '%'),
                Figure('  clear ones', 'clear_right', '%'), Figure('  cloudy ones', 'cloudy_right', '%'),
                Figure('clear in truth', 'night_share_clear', '%'),
                Figure('by night noise without air and fields', 'own_night_right', '%'),
                Figure('  by an oracle', 'own_oracle_right', '%'),
                Figure('  by one that knows the weeks around', 'own_weeks_right', '%'))),
    ('level rms, mmag', _LEVELS),
    ('robust width of pulls', (*_WIDTHS, *_PARTS, *_SIZES)),
    ('steps', (Figure('in two filters or more, found', 'many_hit', '%', low=90),
               Figure('  unrecorded', 'unrecorded_hit', '%'), Figure('  recorded on a wrong date', 'late_hit', '%'),
               Figure('in one filter, found', 'one_hit', '%', low=80),
               Figure('false ones a telescope-year', 'false_steps', 'a year', high=0.1))),
    ('slopes, mmag a month', (Figure('now', 'now_error', 'mmag'),
                              Figure(f'mean, above {yearjudge.LONG_DAYS} days', 'slope_error', 'mmag'))),
    ('time', (Figure('seconds of processor a telescope', 'seconds', 'mean'),)))
IDEAL = (
    ('ideal nights', (Figure('level rms, mmag', 'all_error', 'mmag', high=1.5),
                      Figure('mean slope above 180 days, mmag a month', 'slope_error', 'mmag', high=0.25),
                      Figure('width of pulls of the level', 'level_pull', 'width'),
                      Figure('called right', 'night_right', '%'),
                      Figure('false steps a telescope-year', 'false_steps', 'a year'),
                      Figure('seconds of processor a telescope', 'seconds', 'mean'))),)


def value_of(figure, total):
    """Value of a figure, NaN without data."""
    values = np.array(total.get(figure.key, []), float)
    if not len(values):
        return np.nan
    reduce = {'mmag': lambda: 1000 * rms(values), 'width': lambda: width(values[np.isfinite(values)]),
              '%': lambda: 100 * values.mean(), 'mean': values.mean,
              'a year': lambda: values.sum() / np.sum(total['telescope_years'])}
    return float(reduce[figure.reduce]())


def centre_of(figure, total):
    """Median, and 68.3% quantile of absolute values, as text: what is off on the whole hides in a width."""
    values = np.array(total.get(figure.key, []), float)
    values = values[np.isfinite(values)] * (1000 if figure.reduce == 'mmag' else 1)
    if figure.reduce not in ('mmag', 'width') or not len(values):
        return '', ''
    return f'{np.median(values):+.2f}', f'{np.quantile(np.abs(values), 0.683):.2f}'


def verdict(figure, value):
    """Goal and verdict of a figure as text."""
    if not np.isfinite([figure.low, figure.high]).any():
        return '', ''
    goal = f'{figure.low:g} to {figure.high:g}'
    if not np.isfinite(figure.low):
        goal = f'< {figure.high:g}'
    elif not np.isfinite(figure.high):
        goal = f'> {figure.low:g}'
    return goal, 'none' if np.isnan(value) else 'ok' if figure.low <= value <= figure.high else 'MISSED'


def print_table(parts, total):
    """Print the figures of some telescopes."""
    print(f'{"":42} | {"value":>8} | {"median":>8} | {"68% of |x|":>10} | {"n":>7} | {"goal":>11} |')
    for title, figures in parts:
        print(title)
        for figure in figures:
            value = value_of(figure, total)
            goal, word = verdict(figure, value)
            n = len(total.get(figure.key, []))
            median, most = centre_of(figure, total)
            print(f'  {figure.name:40} | {value:8.2f} | {median:>8} | {most:>10} | {n:7d} | {goal:>11} | {word}')
    if 'oracle_right' in total and parts is REAL:
        short = 100 * (np.mean(total['oracle_right']) - np.mean(total['night_right']))
        print(f'nights short of the oracle: {short:.1f}%, goal < 1 {"ok" if short < 1 else "MISSED"}')
    sys.stdout.flush()


def print_line(seed, fitted, got):
    """One telescope on one line."""
    years = fitted.years
    right, oracle = (100 * np.mean(got[key]) if got[key] else np.nan for key in ('night_right', 'oracle_right'))
    level = ' '.join(f'{1000 * rms(got[f"{name}_error"]):5.1f}/{1000 * rms(got[f"{name}_last"]):5.1f}'
                     for name in fitted.fits)
    hits = [f'{sum(got.get(key, []))}/{len(got.get(key, []))}' for key in ('many_hit', 'one_hit')]
    print(f'{seed:4d} {years.telescope.name:13} {years.telescope.cadence:12} | '
          f'{np.mean(got["night_share_clear"]):4.2f} {right:5.1f} {oracle:5.1f} {len(got["night_right"]):4d} | {level} '
          f'| {1000 * np.median(got["gri_error"] or [np.nan]):+5.1f} {width(got["level_pull"]):5.2f} | '
          f'{hits[0]} {hits[1]} {got["false_steps"][0]} | {1000 * years.nights["night_noise"][""]:4.1f} | '
          f'{fitted.seconds:6.2f}', flush=True)


def spec_of(seed, nights, args):
    """The years to simulate."""
    spec = YearsSpec(seed=seed, telescopes=args.telescopes, years=YEARS, nights=nights)
    return replace(spec, cadence=args.cadence, wet=args.wet, veil=args.veil) if nights == 'real' else spec


def run(seed, nights, args, total, worst):
    """Fit one fleet; figures go to `total` and `worst`."""
    spec = spec_of(seed, nights, args)

    def seen(fitted):
        got = yearjudge.judge(fitted)
        got['all_error'] = got.get('gri_error', []) + got.get('z_error', [])
        for key, values in got.items():
            total.setdefault(key, []).extend(values)
        for name in fitted.fits:
            error = 1000 * np.array(got[f'{name}_error'] or [np.nan])
            worst.append((rms(error), np.median(error), seed, nights, fitted.years.telescope.name, name,
                          np.mean(got['night_share_clear'])))
        print_line(seed, fitted, got)
        for day, step, name in yearjudge.false_steps(fitted):
            print(f'     false step in {name} on day {day:.0f}, {str(step.time)[:10]}: {step.size_mag:+.3f} '
                  f'+- {step.error_mag:.3f} mag', flush=True)
        if args.plot:
            yearplots.draw(fitted, args.plot, f'{nights}-{seed}-{fitted.years.telescope.name}')

    fleet = (true_years(telescope, by_filter, spec) for telescope, by_filter in simulate(spec))
    fit_fleet(fleet, alone=args.alone, seen=seen)


def print_worst(worst, n):
    """The telescopes and filters with the largest errors of the level."""
    print('\nworst: rms and median of the error, mmag; seed, nights, telescope, filter, share of clear nights')
    for row in sorted((row for row in worst if np.isfinite(row[0])), reverse=True)[:n]:
        print('  {:6.1f} {:+7.1f}  {} {} {} {} {:.2f}'.format(*row))


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--seeds', type=int, nargs='+', default=[1, 2, 3])
    parser.add_argument('--telescopes', type=int, default=8)
    parser.add_argument('--nights', nargs='+', choices=('real', 'ideal'), default=['real', 'ideal'])
    parser.add_argument('--alone', action='store_true', help='without what other telescopes of the site say')
    parser.add_argument('--cadence', default='mixed', help='of all telescopes, as in YearsSpec')
    parser.add_argument('--wet', action=argparse.BooleanOptionalAction, help='wet seasons, as in YearsSpec')
    parser.add_argument('--veil', action=argparse.BooleanOptionalAction, help='veils of weeks, as in YearsSpec')
    parser.add_argument('--worst', type=int, default=0, metavar='N', help='list the N worst levels')
    parser.add_argument('--plot', metavar='DIR', help='draw each telescope')
    return parser.parse_args(argv)


def main(argv=None):
    args = parse(argv)
    for nights in args.nights:
        total, worst = {}, []
        print(f'\n=== {nights} nights\nseed telescope     cadence      | clear right% oracle nights | rms/last 30 days '
              'of each filter, mmag | median width | steps found: many one false | night noise | s')
        for seed in args.seeds:
            run(seed, nights, args, total, worst)
        print()
        print_table(REAL if nights == 'real' else IDEAL, total)
        if args.worst:
            print_worst(worst, args.worst)
    return 0


if __name__ == '__main__':
    sys.exit(main())
