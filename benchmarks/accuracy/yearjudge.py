"""Fits of simulated years against the truth: nights, level, slopes, steps.  Every judge adds lists to a dict."""

import numpy as np

from benchmarks.accuracy.trueyears import CLEAR, CLOUDY, LEAST_NOISE_MAG, NEAR_DAYS, medians
from photzp.magnitudes import percent_error, percent_of_reference
from photzp.times import DAYS_PER_MONTH
from simulation.spec import EXTINCTION, REFERENCE_ZP

FRAMES_MIN = 5  # of a night that counts
LAST_DAYS, SLOPE_DAYS, LONG_DAYS = 30, 60, 180
_LEAST_SLOPE_DAYS = 7  # a slope over less has no truth of its own
_STEP_MAG, _STEP_NOISES = 0.05, 5.0
_RED = ('zp', 'zs', 'Y')
_MEDIAN_ERROR = np.sqrt(np.pi / 2)  # of a median, relative to that of a mean
_AROUND_DAYS = 10  # in which lasting noise is much the same
_WRITTEN_DAYS = 0.6  # an event is at noon of its date


def add(total, **values):
    for key, value in values.items():
        total.setdefault(key, []).extend(np.atleast_1d(value).tolist())


def judge(fitted):
    """All figures of one telescope."""
    total = {'seconds': [fitted.seconds]}
    judge_nights(fitted, total)
    for name in fitted.fits:
        judge_level(fitted, name, total)
        judge_now(fitted, name, total)
        judge_slopes(fitted, name, total)
        judge_sizes(fitted, name, total)
    judge_found(fitted, total)
    return total


# --- nights

def called_clear(fitted):
    """Whether each night is called clear: by most of its frames, where filters differ; False without a fit."""
    nights = fitted.years.nights['date']
    votes = np.zeros(len(nights))
    for fit in fitted.fits.values():
        place = np.searchsorted(nights, fit.night)
        votes[place] += np.where(fit.photometric, 1, -1) * fit.night_rows
    return votes > 0


def judge_nights(fitted, total):
    """Nights called right; `own` ones by the narrower night noise, without extinction, fields and seeing."""
    years = fitted.years
    nights, called = years.nights, called_clear(fitted)
    lasting = np.array([noise_around(nights['date'], noise) for noise in nights['noise']])
    seen = [oracle_depths(years), grey_depths(years, np.zeros_like(lasting)), grey_depths(years, lasting)]
    for key, scale in (('', nights['night_noise']['']), ('own_', nights['night_noise']['own'])):
        clear = nights['depth'] < CLEAR * scale
        counts = (nights['frames'] >= FRAMES_MIN) & (clear | (nights['depth'] > CLOUDY * scale))
        right, truth = (called == clear)[counts], clear[counts]
        oracles = [max(oracle(depth[counts], error[counts], nights['depth'][counts], scale), key=np.sum)
                   for depth, error in seen]
        add(total, **{f'{key}night_right': right, f'{key}oracle_right': max(oracles[:2], key=np.sum),
                      f'{key}weeks_right': oracles[2], f'{key}clear_right': right[truth],
                      f'{key}cloudy_right': right[~truth]})
    add(total, night_share_clear=nights['clear'])


def dimmed_frames(years, name):
    """What the frames of a filter lack to the true level at their mean extinction [mag], and their own noise."""
    rows = years.rows[name]
    offset = np.array([years.offset(name, code) for code in range(len(years.codes[name]))])[rows['group']]
    air = (years.series[name].extinction - EXTINCTION[name]) * (rows['airmass'] - 1)
    dimmed = years.series[name].at(years.day(rows['time'])) - (rows['unit'] + air - offset)
    own = dimmed - rows['dimming'] + rows['noise']
    return dimmed, 1.4826 * np.median(np.abs(own - np.median(own)))


def oracle_depths(years):
    """Median dimming of all frames of each night, and its error from night noise and frames."""
    dates = years.nights['date']
    found = [(years.rows[name]['date'], *dimmed_frames(years, name)) for name in years.rows]
    place = np.searchsorted(dates, np.concatenate([date for date, _, _ in found]))
    variance = np.concatenate([np.full(len(date), frame**2) for date, _, frame in found])
    count = years.nights['frames']
    of_frames = _MEDIAN_ERROR**2 * np.bincount(place, variance) / count**2
    depth = medians(np.concatenate([dimmed for _, dimmed, _ in found]), place, len(dates))
    return depth, np.sqrt(years.nights['night_noise']['']**2 + of_frames)


def noise_around(date, noise):
    """Mean noise (m,) of the nights within _AROUND_DAYS of each one, without itself; 0 where there is none."""
    seen = np.isfinite(noise)
    first, after = np.searchsorted(date, date - _AROUND_DAYS), np.searchsorted(date, date + _AROUND_DAYS, side='right')
    total, count = (np.append(0, np.cumsum(values)) for values in (np.where(seen, noise, 0), seen))
    count = (count[after] - count[first] - seen)
    return (total[after] - total[first] - np.where(seen, noise, 0)) / np.maximum(count, 1)


def grey_depths(years, known):
    """Grey dimming of each night and its error, from the medians of the filters and the covariance of what is not known
    of their noise (filters, m).
    """
    nights, dates = years.nights, years.nights['date']
    depth, variance = np.full((2, *nights['noise'].shape), np.nan)
    for number, (name, rows) in enumerate(years.rows.items()):
        place = np.searchsorted(dates, rows['date'])
        dimmed, frame = dimmed_frames(years, name)
        depth[number] = medians(dimmed, place, len(dates)) + known[number]
        variance[number] = (_MEDIAN_ERROR * frame) ** 2 / np.maximum(np.bincount(place, minlength=len(dates)), 1)
    seen = np.isfinite(depth)
    common = np.where(np.isfinite(nights['noise']), nights['noise'] - known, 0)
    pairs = np.maximum(seen.astype(float) @ seen.T, 1)  # filters that are never used together share nothing
    covariance = common @ common.T / pairs
    grey, error = np.empty((2, len(dates)))
    for night, here in enumerate(seen.T):
        inverse = np.linalg.inv(covariance[np.ix_(here, here)] + np.diag(variance[here, night] + LEAST_NOISE_MAG**2))
        error[night] = 1 / np.sqrt(inverse.sum())
        grey[night] = inverse.sum(axis=0) @ depth[here, night] * error[night] ** 2
    return grey, error


def oracle(seen, error, depth, scale):
    """Which nights are called right by two classifiers that know level, noise and offsets, but nothing of the night: a
    cut halfway, and the likelihood ratio with the true depths of all other nights.
    """
    truth = depth < CLEAR * scale
    pull = (seen[:, None] - depth[None, :]) / error[:, None]
    likelihood = np.exp(-0.5 * np.minimum(pull**2, 1400))
    np.fill_diagonal(likelihood, 0)  # a night does not know of itself
    ratio = likelihood[:, truth].sum(axis=1) > likelihood[:, ~truth].sum(axis=1)
    return (seen < (CLEAR + CLOUDY) / 2 * scale) == truth, ratio == truth


# --- level, and what a reader sees of the last night

def colour_of(name):
    return 'z' if name in _RED else 'gri'


def level_errors(fitted, name):
    """(error, pull, whether it counts) of all nights of a filter."""
    fit = fitted.fits[name]
    error = fit.model_mag - fitted.level(name, fit.time)
    outside = ~fitted.years.near_change(name, fitted.years.number(fit.night))
    return error, error / fit.model_error_mag, outside


def is_last(fit):
    return fit.time > fit.time[-1] - np.timedelta64(LAST_DAYS, 'D')


def few_frames(years):
    """Whether a telescope has few frames: one in a night and filter, one filter in a night, or few nights."""
    nights = years.nights
    filters = sum(np.isin(nights['date'], rows['date']).astype(int) for rows in years.rows.values())
    return (np.median(nights['frames'] / filters) < 2 or np.median(filters) < 2
            or len(nights['date']) < 60 * years.spec.years)


def judge_level(fitted, name, total):
    years, fit = fitted.years, fitted.fits[name]
    error, pull, outside = level_errors(fitted, name)
    last = is_last(fit)
    place = np.searchsorted(years.nights['date'], fit.night)
    regimes = {colour_of(name): np.ones(len(error), bool), 'thin': years.nights['thin'][place],
               'wet': years.nights['wet'][place], 'few': np.full(len(error), few_frames(years))}
    for regime, which in regimes.items():
        if regime in ('z', 'gri') or name not in _RED:
            add(total, **{f'{regime}_error': error[which & outside], f'{regime}_last': error[which & outside & last]})
        add(total, **{f'{regime}_pull': pull[which & outside]})
    add(total, level_pull=pull[outside], last_pull=pull[outside & last], inside_error=error[~outside],
        **{f'{name}_error': error[outside], f'{name}_last': error[outside & last]})


def judge_now(fitted, name, total):
    """Percent of the last night, and slope there."""
    years, fit = fitted.years, fitted.fits[name]
    end = fit.time[-1:]
    scale = fitted.scale(name, end)[0]
    reference = REFERENCE_ZP[years.telescope.telescope[:3]][name] + scale
    gain, truth = fit.model_mag[-1] - reference, fitted.level(name, end)[0] - reference
    if level_errors(fitted, name)[2][-1]:
        error = percent_of_reference(gain) - percent_of_reference(truth)
        add(total, percent_pull=error / percent_error(gain, fit.model_error_mag[-1]))
    day = years.day(end[0])
    steps = [change.last for change in years.changes if change.last < day and change.moves(name)]
    first = max([day - SLOPE_DAYS, years.day(fit.time[0]), *[step + 1e-3 for step in steps]])
    slope, error = fit.intervals[-1].end_slope_mag_per_month, fit.intervals[-1].end_slope_error_mag_per_month
    if np.isfinite(slope) and day - first > _LEAST_SLOPE_DAYS:
        true = np.diff(years.series[name].at(np.array([first, day])))[0] / (day - first) * DAYS_PER_MONTH
        add(total, now_error=slope - true, now_pull=(slope - true) / error)


def judge_slopes(fitted, name, total):
    """Mean slopes of intervals, which leave out the steps inside."""
    years = fitted.years
    for interval in fitted.fits[name].intervals:
        first, last = years.day(interval.start), years.day(interval.end)
        if not np.isfinite(interval.slope_mag_per_month):
            continue
        inside = sum(change.size[name] for change in years.changes if first + 1 <= change.day < last - 1)
        change = np.diff(years.series[name].at(np.array([first + 1e-3, last - 1e-3])))[0] - inside
        error = interval.slope_mag_per_month - change / (last - first) * DAYS_PER_MONTH
        add(total, slope_pull=error / interval.slope_error_mag_per_month)
        if last - first > LONG_DAYS:
            add(total, slope_error=error)


# --- steps

def edges(years, step):
    """Days (day, early, late) of a step of a fit; the day is its only date where it has no interval."""
    day = years.day(step.time)
    early, late = (day if np.isnat(when) else years.day(when) for when in (step.early, step.late))
    return day, early, late


def is_found(step):
    """Whether neither an event nor an exchange of cameras explains a step."""
    return step.origin == 'found' or (step.origin == 'recorded' and not step.recorded and not step.instrumental)


def true_size(fitted, name, step):
    """True size of a step: that of its events, by the date that was written down, or of those near a found one; None
    where it cannot be told, as another change is near.
    """
    years = fitted.years
    day, early, late = edges(years, step)
    written = day if np.isnat(step.written) else years.day(step.written)
    own = [change for change in years.changes if change.event is not None and change.event.recorded
           and abs(np.floor(change.event.recorded_day) - written) < _WRITTEN_DAYS]
    if not own or is_found(step):
        own = [change for change in years.changes
               if min(early, day) - NEAR_DAYS <= change.day <= max(late, day) + NEAR_DAYS]
        if not any(change.size[name] for change in own) and not step.instrumental:
            return None
    size = sum(change.size[name] for change in own)
    around = step.time + np.array([-1, 1]) * np.timedelta64(60, 's')
    return size + float(np.diff(fitted.scale(name, around))[0])


def judge_sizes(fitted, name, total):
    """Sizes of steps; two of one filter on a date have none of their own, false ones are counted elsewhere."""
    steps = fitted.fits[name].steps
    for step in steps:
        alone = sum(abs(other.time - step.time) < np.timedelta64(1, 'D') for other in steps) == 1
        true = true_size(fitted, name, step) if alone else None
        if true is not None and np.isfinite(step.size_mag):
            error = step.size_mag - true
            add(total, size_error=error, size_pull=error / step.error_mag,
                **{f'size_pull_{"found" if is_found(step) else step.origin}': error / step.error_mag})


def steps_of(fitted):
    """Steps of all filters of a telescope: (step, filter)."""
    return [(step, name) for name, fit in fitted.fits.items() for step in fit.steps]


def false_steps(fitted):
    """Found steps that nothing explains, once for all filters: within NEAR_DAYS or within their interval."""
    years, false = fitted.years, []
    spans = [(change.day, change.last) for change in years.changes]
    spans += [(last, last) for _, _, last in years.telescope.cameras]
    for step, name in steps_of(fitted):
        day, early, late = edges(years, step)
        told = any(min(day - NEAR_DAYS, early) <= last and first <= max(day + NEAR_DAYS, late) for first, last in spans)
        if is_found(step) and not told and all(abs(day - other) > 1 for other, _, _ in false):
            false.append((day, step, name))
    return false


def wanted_steps(years):
    """Steps to be found, without those of which the fit is told: (change, filters, kind)."""
    known = [change for change in years.changes if change.is_known or change.kind == 'storm']
    wanted = []
    for change in years.changes:
        told = any(other.day - NEAR_DAYS <= change.day <= other.last + NEAR_DAYS for other in known)
        if change.event is None or told:
            continue
        large = [name for name, size in change.size.items() if abs(size) >= _STEP_MAG]
        acting = [name for name, size in change.size.items() if size]
        noise = years.nights['night_noise']
        if len(large) >= 2 and years.is_datable(change, large):
            wanted.append((change, large, 'late' if change.event.recorded else 'unrecorded'))
        elif len(acting) == 1 and years.is_datable(change, acting) and (
                abs(change.size[acting[0]]) >= _STEP_NOISES * noise[acting[0]]):
            wanted.append((change, acting, 'one'))
    return wanted


def judge_found(fitted, total):
    """Which of the wanted steps are found, and false ones."""
    years = fitted.years
    for change, names, kind in wanted_steps(years):
        near = [years.day(step.time) - change.day for step, name in steps_of(fitted) if name in names]
        hit = min(np.abs(near), default=np.inf) <= NEAR_DAYS
        add(total, **{f'{kind}_hit': hit})
        if kind != 'one':
            add(total, many_hit=hit)
    add(total, false_steps=len(false_steps(fitted)), telescope_years=years.spec.years)
