"""What is true of a simulated telescope: which of its nights are clear, where its steps are, and its level.

A night is cloudy where its median frame, of all filters, is dimmed by more than twice the night noise of the telescope,
and clear where by less than half of it; others count as neither.  The night noise is the rms of what a night has on the
mean of its filters that is neither level, cloud nor error of frames, so with extinction, fields and seeing.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from photzp.measurements import UsableLimits, why_unusable
from photzp.throughput.fields import field_cells
from photzp.throughput.model import FilterRows
from photzp.throughput.rows import at_unit_airmass
from photzp.times import days_since, night_of, span_of
from simulation.fleet import TrueEvent, TrueSeries, TrueTelescope, YearsSpec
from simulation.spec import EXTINCTION
from simulation.yearfiles import date_of, times_of

CLOUDY, CLEAR = 2.0, 0.5  # dimming of the median frame in units of the night noise: more is cloudy, less is clear
LEAST_NOISE_MAG = 0.001  # ideal nights have none
NEAR_DAYS = 7
_STORM_MAG_PER_DAY = 0.004  # dust storms take 30 to 100 mmag in four days at most, the fastest decline 3 in one
_SEASON_DAYS, _SEASON_NIGHTS = 25, 10  # on either side of a night; fewer nights are no season
_WET_SHARE = 0.3  # of clear nights in a season: 3% of the nights of usual years, 20% where 27% are of wet seasons
_THIN, _THIN_SHARE = 5.0, 0.4  # thin clouds: so many nights of a season are dimmed by CLEAR to _THIN night noises


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of throughput or camera; days count from the first noon, sizes are by filter [mag], 0 for what is no
    step: a dust storm or the rain after it, which take days, or an exchange of cameras.
    """

    kind: str
    day: float
    last: float
    size: dict[str, float]
    event: TrueEvent | None = None

    @property
    def is_known(self):
        """Whether the fit is told its day: nearly so, by an event or by the camera of the rows."""
        return self.kind in ('camera', 'instrument') or (
            self.event is not None and self.event.recorded
            and abs(self.event.recorded_day - self.event.day) <= NEAR_DAYS)

    def moves(self, name):
        """Whether the level of a filter jumps, or as good as that, on the scale of a fit."""
        return self.size[name] != 0 or self.kind in ('storm', 'camera', 'instrument')


@dataclass(frozen=True, kw_only=True)
class TrueYears:
    """A simulated telescope; `rows` are the usable ones, with 'time', 'date' of the night, 'unit' (zp at airmass 1 by
    the adopted extinction), codes of 'group' and 'field'; `codes` has those of groups by key of TrueSeries.offsets.
    """

    telescope: TrueTelescope
    spec: YearsSpec
    series: dict[str, TrueSeries]
    rows: dict[str, dict[str, np.ndarray]]
    codes: dict[str, dict[tuple[str, str, bool], int]]

    @cached_property
    def zero(self):
        """Time of day 0 of the truth: noon of the site."""
        return np.datetime64(self.spec.start, 'ms') + span_of(0.5 - self.telescope.longitude_deg / 360)

    @cached_property
    def nights(self):
        return _nights(self.rows, self.series)

    @cached_property
    def changes(self):
        return _changes(self.telescope, self.series)

    def day(self, time):
        return days_since(time, self.zero)

    def number(self, date):
        """Numbers of nights by their dates: night k lasts from day k to k + 1."""
        return (np.asarray(date, 'datetime64[D]') - np.datetime64(self.spec.start, 'D')).astype(int)

    def offset(self, name, code):
        """Offset of a group of rows by its code."""
        return next(self.series[name].offsets[key] for key, number in self.codes[name].items() if number == code)

    def events(self):
        """What people wrote down: (date, kind)."""
        return [(date_of(event.recorded_day, self.spec), event.kind) for event in self.telescope.events
                if event.recorded]

    def filter_rows(self):
        """What the fit is given."""
        return {name: FilterRows(
            time=rows['time'], zp=rows['unit'], zperr=rows['zperr'], airmass=rows['airmass'], group=rows['group'],
            field=rows['field'], fwhm=rows['fwhm'],
            other_scale=frozenset(code for key, code in self.codes[name].items() if key[2]))
            for name, rows in self.rows.items()}

    def clear_nights(self, name):
        """Numbers of the nights with frames in a filter that are clear."""
        clear = self.nights['date'][self.nights['clear']]
        return self.number(np.intersect1d(clear, self.rows[name]['date']))

    def beside(self, name, change):
        """The last clear night of a filter before a change and the first one after it, -inf or inf without one."""
        clear = self.clear_nights(name)
        before, after = clear[clear + 1 <= change.day], clear[clear >= change.last]
        return (before[-1] if len(before) else -np.inf), (after[0] if len(after) else np.inf)

    def is_datable(self, change, names):
        """Whether clear nights lie within NEAR_DAYS on both sides of a change in one of some filters."""
        for name in names:
            before, after = self.beside(name, change)
            if change.day - before - 1 <= NEAR_DAYS and after - change.day <= NEAR_DAYS:
                return True
        return False

    def near_change(self, name, numbers):
        """Which nights (m,) are not outside the clear nights on either side of a step."""
        near = np.zeros(len(numbers), bool)
        for change in self.changes:
            if change.moves(name):
                before, after = self.beside(name, change)
                near |= (numbers >= before) & (numbers <= after)
        return near


def true_years(telescope, by_filter, spec):
    """Take a telescope of `simulate`."""
    rows = {name: _usable(rows, telescope, spec) for name, (_, rows) in by_filter.items()}
    codes = {}
    for name, one in rows.items():
        one['unit'] = at_unit_airmass(one['zp'], one['airmass'], EXTINCTION[name])
        keys = list(zip(one['camera'].tolist(), one['filter'].tolist(), one['old'].tolist(), strict=True))
        codes[name] = {key: number for number, key in enumerate(sorted(set(keys)))}
        one['group'] = np.array([codes[name][key] for key in keys], int)
    sky = [np.concatenate([one[key] for one in rows.values()]) for key in ('ra', 'dec')]
    fields = np.split(field_cells(*sky), np.cumsum([len(one['zp']) for one in rows.values()])[:-1])
    for one, field in zip(rows.values(), fields, strict=True):
        one['field'] = field
    return TrueYears(telescope=telescope, spec=spec, series={name: series for name, (series, _) in by_filter.items()},
                     rows=rows, codes=codes)


def _usable(rows, telescope, spec):
    """The rows that a fit may use, with times and dates of nights."""
    time = times_of(rows, spec)
    rows = rows | {'time': time, 'date': night_of(time, telescope.longitude_deg)}
    last = np.datetime64(spec.start, 'ms') + span_of(spec.n_nights + 1)
    limits = UsableLimits.of(telescope.telescope, now=last)
    good = why_unusable(time, rows['zp'], rows['airmass'], rows['zpsig'], limits) == 0
    order = np.flatnonzero(good)[np.argsort(time[good], kind='stable')]
    return {key: np.asarray(values)[order] for key, values in rows.items()}


def _nights(rows, series):
    """Nights of a telescope: date, frames, depth (dimming of the median frame), clear, cloudy, wet, thin, all (m,);
    noise (filters, m), means of nights, NaN without frames; and night_noise, of the telescope and of each filter.
    """
    every = {key: np.concatenate([one[key] for one in rows.values()]) for key in ('date', 'dimming')}
    date, inverse, frames = np.unique(every['date'], return_inverse=True, return_counts=True)
    depth = medians(every['dimming'], inverse, len(date))
    noise = np.full((len(rows), len(date)), np.nan)
    for number, one in enumerate(rows.values()):
        here = np.searchsorted(date, one['date'])
        total, count = np.bincount(here, one['noise'], len(date)), np.bincount(here, minlength=len(date))
        noise[number] = np.divide(total, count, out=noise[number], where=count > 0)
    scale = max(float(rms(np.nanmean(noise, axis=0))), LEAST_NOISE_MAG)
    clear, cloudy = depth < CLEAR * scale, depth > CLOUDY * scale
    by_filter = {name: float(rms(values[np.isfinite(values)])) for name, values in zip(rows, noise, strict=True)}
    own = max(float(np.median([one.night_noise_mag for one in series.values()])), LEAST_NOISE_MAG)
    return {'date': date, 'frames': frames, 'depth': depth, 'noise': noise, 'clear': clear, 'cloudy': cloudy,
            'night_noise': {'': scale, 'own': own, **by_filter}, 'wet': _share_near(date, clear) < _WET_SHARE,
            'thin': _share_near(date, ~clear & (depth < _THIN * scale)) > _THIN_SHARE}


def medians(values, group, n):
    """Median of each of n groups, NaN of an empty one."""
    order = np.lexsort((values, group))
    count = np.bincount(group, minlength=n)
    first = np.cumsum(count) - count
    ordered = np.append(values[order], np.nan)
    middle = (ordered[first + np.maximum(count - 1, 0) // 2] + ordered[first + count // 2]) / 2
    return np.where(count > 0, middle, np.nan)


def rms(values):
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else np.nan


def _share_near(date, which):
    """Share of some nights among those within _SEASON_DAYS; NaN with few of them."""
    first = np.searchsorted(date, date - _SEASON_DAYS)
    after = np.searchsorted(date, date + _SEASON_DAYS, side='right')
    total = np.append(0, np.cumsum(which))
    return np.where(after - first >= _SEASON_NIGHTS, (total[after] - total[first]) / (after - first), np.nan)


def _changes(telescope, series):
    """All changes in order of time: events, dust storms with rain, and exchanges of cameras that are no event."""
    changes = [Change(kind=event.kind, day=event.day, last=event.day, event=event,
                      size={name: event.size_in(name) for name in series}) for event in telescope.events]
    none = dict.fromkeys(series, 0.0)
    changes += [Change(kind='storm', day=first, last=last, size=none) for first, last in _storms(series)]
    told = {change.day for change in changes if change.kind == 'instrument'}
    days = {float(first) for _, first, _ in telescope.cameras if first > 0} - told
    # Cameras in turn or at the same time are tied to one another: their exchange moves no level of a fit.
    times = pairwise(telescope.cameras)
    tied = len(telescope.cameras) > 2 or any(last > first for (_, _, last), (_, first, _) in times)
    changes += [Change(kind='tied' if tied else 'camera', day=day, last=day, size=none) for day in days]
    return sorted(changes, key=lambda change: change.day)


def _storms(series):
    """First and last day of the spans in which the level falls or rises as fast as nothing else does."""
    drift = next(iter(series.values())).drift
    fast = np.flatnonzero(np.abs(np.diff(drift)) > _STORM_MAG_PER_DAY)
    spans = np.split(fast, np.flatnonzero(np.diff(fast) > 1) + 1) if len(fast) else []
    return [(float(span[0]), float(span[-1] + 1)) for span in spans]
