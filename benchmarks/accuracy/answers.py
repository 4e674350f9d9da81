"""How right the answers are for operations: `python -m benchmarks.accuracy.answers --seeds 201 202 203`.

Simulates years of the whole fleet in memory for each seed: clouds, exchanges of cameras, gaps, dusty
seasons with steeper slopes, a yearly swing of extinction, and a step a year that nobody records, of 0.03, 0.05, 0.1 or
0.2 mag, up or down, grey, by colour, or in one filter.

Unrecorded steps are looked for twice: with no event recorded at all, so that washes, breaks and cleanings count, and
with all the others recorded.  A step counts where 60 nights with frames are on either side, up to the next event; it is
right within 7 days.  A step that is found is a false alarm unless there is an event, a change of camera, or a step
that does not count within 7 days, or one of these happened in the same gap.
Widths are robust ones of (value - truth) / error: half the range of the middle 68.3%; 0.8 to 1.25 is aimed at.
"""

import argparse
import sys
import time
from dataclasses import replace

import numpy as np
from scipy.stats import kendalltau

from benchmarks.accuracy import throughput
from photzp.answers import extinction, gains, nights, ranking, shares, steps
from simulation.fleet import DAYS_PER_MONTH, YearsSpec
from simulation.spec import EXTINCTION, REFERENCE_ZP
from simulation.yearfiles import times_of
from simulation.years import simulate

SIZES_MAG = (0.03, 0.05, 0.1, 0.2)
# Rows of the table: planted size, and range of sizes that count for it.
RANGES_MAG = {'0.03': (0.0175, 0.04), '0.05': (0.0375, 0.075), '0.10': (0.0875, 0.15), '0.20 up': (0.1875, np.inf),
              '0.05 up': (0.0499, np.inf)}
DAY = np.timedelta64(1, 'D')
FOUND_DAYS, NIGHTS_BESIDE = 7, 60
THRESHOLDS_PERCENT = (80, 70, 60, 50, 40)
FRAMES_MIN = 5  # nights with fewer do not count
HARD = {'unrecorded_mag': SIZES_MAG, 'dust_factor': 2.5, 'extinction_swing': 0.1}


def add(total, **values):
    for key, value in values.items():
        total.setdefault(key, []).extend(np.atleast_1d(value).tolist())


# --- steps

def watched(telescope, by_filter, spec, recorded):
    """(event, size, whether it counts) of unrecorded events, and the days of all events and exchanges."""
    nights_open = np.flatnonzero(telescope.open_nights)
    hidden = [event for event in telescope.events
              if event.kind != 'instrument' and not (recorded and event.recorded)]
    cameras = [day for _, first, last in telescope.cameras for day in (first, last) if 0 < day < spec.n_nights]
    days = [0, *(event.day for event in telescope.events), *cameras, spec.n_nights]
    events = []
    for event in hidden:
        before = max(day for day in days if day < event.day)
        after = min(day for day in days if day > event.day)
        beside = min(np.count_nonzero((nights_open >= before) & (nights_open < event.day - 0.5)),
                     np.count_nonzero((nights_open >= event.day) & (nights_open < after)))
        events.append((event, max(abs(event.size_in(name)) for name in by_filter), beside >= NIGHTS_BESIDE))
    return events, [*(event.day for event in telescope.events), *cameras]


def number_of(colour):
    return {'grey': 0, 'mirror': 1, 'coloured': 1}.get(colour, 2)


def is_datable(event, clear):
    """Whether clear nights with frames are so near that its date is known to FOUND_DAYS; clear : their days."""
    before, after = clear[clear < event.day - 0.5], clear[clear >= event.day]
    return bool(len(before) and len(after) and after[0] - before[-1] <= 2 * FOUND_DAYS)


def judge_steps(telescope, by_filter, fits, spec, recorded, total):
    """Compare the steps that are found with the hidden ones."""
    name = 'recorded' if recorded else 'bare'
    start = time.process_time()
    found = steps.find_steps(fits)
    add(total, **{f'{name}_seconds': time.process_time() - start, f'{name}_years': spec.years})
    days = np.array([(step.time - throughput.noon_of(telescope, spec)) / DAY for step in found])
    events, all_days = watched(telescope, by_filter, spec, recorded)
    clear = np.unique(np.concatenate([rows['night'][rows['clear']] for _, rows in by_filter.values()]))
    for event, _, counts in events:
        near = np.abs(days - event.day)
        best = int(np.argmin(near)) if len(near) else None
        hit = best is not None and near[best] <= FOUND_DAYS
        if counts:
            add(total, **{f'{name}_size': abs(event.size), f'{name}_colour': number_of(event.colour),
                          f'{name}_hit': hit, f'{name}_datable': is_datable(event, clear)})
        if counts and hit:
            truth = np.array([event.size_in(filter_name) for filter_name in found[best].filters])
            add(total, date_pull=(days[best] - event.day) / found[best].error_days,
                size_pull=(found[best].size_mag - truth) / found[best].error_mag, date_error=near[best],
                colour_found=number_of(found[best].colour), colour_true=number_of(event.colour))
    false = [step for step, day in zip(found, days, strict=True) if not explained(step, day, all_days)]
    add(total, **{f'{name}_false': len(false)})
    return false


def explained(step, day, days):
    """Whether something happened within 7 days, or within the interval of the date."""
    reach = max(FOUND_DAYS, 2 * step.error_days)
    return any(abs(day - other) <= reach for other in days)


# --- gains, extinction, nights, ranking

def judge_gains(telescope, by_filter, fits, spec, total):
    """Pulls of gains and of how long they lasted."""
    zero = throughput.noon_of(telescope, spec)
    for gain in gains.gains_of(telescope.name, fits):
        if gain.instrumental:
            continue
        day = (gain.time - zero) / DAY
        event = min(telescope.events, key=lambda event: abs(event.day - day))
        add(total, gain_pull=(gain.gain_mag - event.size_in(gain.filter)) / gain.gain_error_mag,
            gain_error=gain.gain_error_mag)
        if np.isfinite(gain.lasted_days):
            slope = mean_slope(by_filter[gain.filter][0], fits[gain.filter], gain, zero)
            add(total, lasted_pull=(gain.lasted_days + event.size_in(gain.filter) / slope) / gain.lasted_error_days)


def mean_slope(series, fit, gain, zero):
    """True slope [mag/day] over the interval that a gain's slope is from, without steps."""
    interval = [interval for interval in fit.intervals if interval.start <= gain.time][-1]
    first, last = ((time - zero) / DAY for time in (interval.start, interval.end))
    grid = np.linspace(first + 1e-6, last - 1e-6, 2000)
    return np.mean(series.slope[np.clip(np.searchsorted(series.breaks, grid, side='right') - 1, 0, None)])


def judge_extinction(site, fits, truth, rows, spec, total):
    """Pulls of k and of its yearly term, by site and filter; of k apart where it swings."""
    kind = 'k_swinging' if spec.extinction_swing else 'k'
    for name in spec.filters:
        same = {key: fit for key, fit in fits.items() if key[1] == name}
        frames = []
        for key, fit in same.items():
            of_series = rows[key]
            noise = np.hypot(np.nan_to_num(of_series['zperr']), fit.scatter_mag)
            frames.append(extinction.frame_sums(extinction.Frames(
                time=of_series['time'], night=of_series['night'], residual_mag=fit.row_residual_mag, error_mag=noise,
                airmass=of_series['airmass'], clear_probability=fit.row_clear_probability)))
        got = extinction.site_extinction(site, name, EXTINCTION[name], same.values(), frames)
        add(total, **{f'{kind}_pull': (got.k - truth[name]) / got.k_error, f'{kind}_error': got.k_error})
        if spec.extinction_swing and np.isfinite(got.swing.amplitude):
            swing = truth[name] * spec.extinction_swing
            error = np.sqrt(np.diag(got.swing.covariance))
            add(total, swing_pull=[(got.swing.cosine - swing) / error[0], got.swing.sine / error[1]],
                swing_error=error)


def judge_nights(site, fits, clear_nights, spec, total):
    """Classes of nights with enough frames."""
    got = nights.site_nights(site, fits)
    day = (got.night - np.datetime64(spec.start, 'D')).astype(int)
    enough = got.frames >= FRAMES_MIN
    truth = clear_nights[np.clip(day, 0, spec.n_nights - 1)]
    known = got.state != 'unknown'
    add(total, night_right=((got.state == 'photometric') == truth)[enough & known],
        night_unknown=~known[enough], night_right_all=((got.state == np.where(truth, 'photometric', 'cloudy'))[enough]),
        night_even=((got.clear_probability > 0.5) == truth)[enough])


def judge_ranking(fleet, spec, total):
    """Losses, dates and the order of telescopes against the truth."""
    references = {telescope.name: {name: zp + scale[name] for name, zp in
                                   REFERENCE_ZP[telescope.telescope[:3]].items() if name in fits}
                  for telescope, fits, _, scale in fleet}
    all_gains = [gain for telescope, fits, _, _ in fleet
                 for gain in gains.gains_of(telescope.name, fits, references[telescope.name])]
    restored = shares.restored_shares(gains.over_filters(all_gains))
    found, truths = [], {}
    for telescope, fits, by_filter, _ in fleet:
        reference = references[telescope.name]
        now = max(fit.time[-1] for fit in fits.values())
        state = ranking.mirror_state(telescope.name, fits, reference, now)
        found.append(state)
        loss, rate = truth_of(telescope, by_filter, now, spec)
        truths[telescope.name] = loss, rate
        add(total, loss_pull=(state.loss_mag - loss) / state.loss_error_mag,
            rate_pull=(state.rate_mag_per_month - rate) / state.rate_error_mag_per_month)
        judge_date(telescope.name, fits, reference, now, (loss, rate), total)
    for row in restored:
        kind = row.kind
        share, scatter = row.share, np.hypot(row.share_scatter, row.share_error)
        advice = ranking.rank(found, kind, share, scatter)
        if len(advice) < 2:  # not estimated, or there is no order
            continue
        gain = {name: ranking.expected_gain(share * loss, scatter * abs(loss), loss)[0]
                for name, (loss, _) in truths.items()}
        truth = {name: ranking.light_gained(loss, rate, gain[name], ranking.PERIOD_DAYS)
                 for name, (loss, rate) in truths.items()}
        add(total, **{f'{kind}_tau': kendalltau([-row.rank for row in advice],
                                                [truth[row.telescope] for row in advice]).statistic})
        best = sorted(truth.values())[::-1]
        add(total, **{f'{kind}_top': max(truth, key=truth.get) in [row.telescope for row in advice[:3]],
                      f'{kind}_light': sum(truth[row.telescope] for row in advice[:3]) / sum(best[:3])})


def truth_of(telescope, by_filter, now, spec):
    """(mean loss, rate) of the truth at a time."""
    day = (now - throughput.noon_of(telescope, spec)) / DAY
    healthy = REFERENCE_ZP[telescope.telescope[:3]]
    loss = np.mean([healthy[name] - series.at(np.array([day]))[0] for name, (series, _) in by_filter.items()])
    slope = np.mean([series.slope[np.searchsorted(series.breaks, day, side='right') - 1]
                     for series, _ in by_filter.values()])
    return loss, -slope * DAYS_PER_MONTH


def judge_date(name, fits, reference, now, truth, total):
    """The date at which the highest of some thresholds is passed, with true loss and rate; slopes stay the same."""
    loss, rate = truth
    for threshold in THRESHOLDS_PERCENT:
        state = ranking.mirror_state(name, fits, reference, now, threshold)
        sides = [(edge - state.below) / DAY for edge in (state.below_early, state.below_late)]
        left = (-2.5 * np.log10(threshold / 100) - loss) / rate * DAYS_PER_MONTH
        if not state.is_below and state.below > now and np.isfinite(sides).all():
            error = left - (state.below - now) / DAY
            add(total, below_pull=error / abs(sides[int(error > 0)]), below_error=error)
            return


# --- a fleet

def scale_of(telescope, by_filter, fits):
    """Offset of the last interval's camera, by filter: the reference holds for that camera."""
    result = {}
    for name, (series, _) in by_filter.items():
        fit, codes = fits[name]
        group = fit.intervals[-1].reference_group
        result[name] = next(series.offsets[key] for key, code in codes.items() if code == group)
    return result


class SimulatedSite:
    """Results of the telescopes of a site: fits and frames by telescope and filter, true k, clear nights."""

    def __init__(self, spec):
        self.fits, self.rows, self.extinction = {}, {}, {}
        self.clear = np.zeros(spec.n_nights, bool)

    def take(self, telescope, by_filter, fits, spec):
        for name, (series, rows) in by_filter.items():
            good = throughput.usable(telescope, rows)
            self.fits[telescope.name, name] = fits[name]
            self.extinction[name] = series.extinction
            self.rows[telescope.name, name] = {key: rows[key][good] for key in ('night', 'airmass', 'zperr')} | {
                'time': times_of(rows, spec)[good]}
            self.clear[rows['night'][rows['clear']]] = True


def run(spec, hard, total, false):
    """All figures of one seed: steps and the swing in hard years, the rest in those of which all is recorded."""
    sites = {}
    for telescope, by_filter in simulate(hard):
        for recorded in (False, True):
            seen = telescope if recorded else replace(telescope, events=())
            fits = {key: value[0] for key, value in throughput.fits_of(seen, by_filter, hard).items()}
            false += [(hard.seed, telescope.name, step) for step in
                      judge_steps(telescope, by_filter, fits, hard, recorded, total)]
        sites.setdefault(telescope.site, SimulatedSite(hard)).take(telescope, by_filter, fits, hard)
    for name, site in sites.items():
        judge_extinction(name, site.fits, site.extinction, site.rows, hard, total)
    fleet, sites = [], {}
    for telescope, by_filter in simulate(spec):
        found = throughput.fits_of(telescope, by_filter, spec)
        fits = {name: value[0] for name, value in found.items()}
        fleet.append((telescope, fits, by_filter, scale_of(telescope, by_filter, found)))
        judge_gains(telescope, by_filter, fits, spec, total)
        sites.setdefault(telescope.site, SimulatedSite(spec)).take(telescope, by_filter, fits, spec)
    for name, site in sites.items():
        judge_extinction(name, site.fits, site.extinction, site.rows, spec, total)
        judge_nights(name, site.fits, site.clear, spec, total)
    judge_ranking(fleet, spec, total)


def report_steps(total, name, label):
    """Print recall and false alarms."""
    size, hit, colour, datable = (np.array(total[f'{name}_{key}']) for key in ('size', 'hit', 'colour', 'datable'))
    print(f'\nunrecorded steps, {label}\n'
          'size, mag  | all          | grey         | by colour    | one filter   | datable')
    for row, (low, high) in RANGES_MAG.items():
        cells = []
        for which in (True, colour == 0, colour == 1, colour == 2, datable):
            chosen = (size > low) & (size < high) & which
            share = 100 * hit[chosen].mean() if chosen.any() else np.nan
            cells.append(f'{hit[chosen].sum():3.0f} of {chosen.sum():3d} {share:3.0f}%')
        print(f'{row:10} | ' + ' | '.join(cells))
    print(f'false alarms: {sum(total[f"{name}_false"])} in {sum(total[f"{name}_years"]):.0f} telescope-years; '
          f'{np.mean(total[f"{name}_seconds"]):.2f} s of processor a telescope')


def report(total, false):
    """Print the tables."""
    report_steps(total, 'bare', 'no event recorded')
    report_steps(total, 'recorded', 'all others recorded')
    print('\nfalse: seed, telescope, date, size, error, colour, llr, nights')
    for seed, telescope, step in false:
        print(f'  {seed} {telescope} {str(step.time)[:10]} {step.error_days:4.1f} {step.joint_mag:+.3f} '
              f'{step.joint_error_mag:.3f} {step.colour} {step.filter} {step.llr:.0f} '
              f'{step.nights[0]:.0f} {step.nights[1]:.0f}')
    colours, true = (np.array(total.get(f'colour_{which}', [])) for which in ('found', 'true'))
    for number, label in enumerate(('grey', 'by colour', 'one filter')):
        said = np.bincount(colours[true == number].astype(int), minlength=3)
        print(f'truly {label:10}: said to be grey {said[0]}, coloured {said[1]}, in one filter {said[2]}')
    print('\npulls        |     n | median | width | median error')
    for key in ('date', 'size', 'gain', 'lasted', 'k', 'k_swinging', 'swing', 'loss', 'rate', 'below'):
        pulls = np.array(total.get(f'{key}_pull', []))
        pulls = pulls[np.isfinite(pulls)]
        if not len(pulls):
            continue
        error = np.median(np.abs(total[f'{key}_error'])) if f'{key}_error' in total else np.nan
        print(f'{key:12} | {len(pulls):5d} | {np.median(pulls):+6.2f} | {throughput.width(pulls):5.2f} | {error:.4f}')
    print(f'\nnights of {FRAMES_MIN} or more frames: right {100 * np.mean(total["night_right"]):.1f}% of '
          f'{len(total["night_right"])} that are called, {100 * np.mean(total["night_unknown"]):.1f}% unknown; '
          f'right of all {100 * np.mean(total["night_right_all"]):.1f}%, at even odds '
          f'{100 * np.mean(total["night_even"]):.1f}%')
    for kind in ('cleaning', 'wash', 'recoating'):
        if f'{kind}_tau' not in total:
            print(f'ranking by {kind:10}: not estimated')
            continue
        tau, top, light = (np.mean(total[f'{kind}_{key}']) for key in ('tau', 'top', 'light'))
        print(f'ranking by {kind:10}: Kendall tau {tau:.2f}, true best in the first three {100 * top:.0f}%, light of '
              f'the first three {100 * light:.1f}% of that of the best three')


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--seeds', type=int, nargs='+', default=[201, 202, 203])
    parser.add_argument('--telescopes', type=int, default=22)
    parser.add_argument('--night-noise', type=float, default=0.0, help='grey scatter of nights [mag]')
    args = parser.parse_args(argv)
    total, false = {}, []
    for seed in args.seeds:
        spec = YearsSpec(seed=seed, telescopes=args.telescopes, night_noise_mag=args.night_noise, nights='ideal')
        run(spec, replace(spec, **HARD), total, false)
        print(f'\n=== up to seed {seed}', flush=True)
        report(total, false)
    return 0


if __name__ == '__main__':
    sys.exit(main())
