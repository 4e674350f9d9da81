"""A real series, and which of its nights are clear by a rule that knows no model.

The series is that of DECam in g, r, i, z, see data/README.md: `read_rows`.

The rule (`judge`): the upper envelope of a filter in a night is the value that a fifth of its night means within 60
days exceed.  A night is clear if its mean lies less than 40 mmag below the envelope in each of g, r and i, and dim if
it lies more than 100 mmag below in each.  Filters without data in that night are passed over; with fewer than two of
the three, and between clear and dim, a night is not judged.  z has no say, as water vapour moves it by as much as thin
cloud does.
"""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photzp.observatory import load_observatory
from photzp.throughput.model import FilterRows
from photzp.throughput.rows import at_unit_airmass
from photzp.times import days_of, night_of

DATA = Path(__file__).with_name('data') / 'des_sn_zeropoints.csv.gz'
LONGITUDE_DEG = -70.81           # of CTIO
JUDGES = ('gp', 'rp', 'ip')
# Of the envelope: what comes and goes within two months is weather, as the haze of January and February 2014; in that
# time the level falls by 10 mmag at most.  Clear nights scatter by 12 to 20 mmag, and lie 5 mmag below it on average.
WINDOW_DAYS, UPPER = 60, 0.8
CLEAR_MAG, DIM_MAG = 0.040, 0.100
FIELD_MAG = 0.008                # prior of the offsets of fields, as of the model


@dataclass(frozen=True, kw_only=True)
class NightMeans:
    """Means of one filter by night, arrays (m,): night, mean time, mean zp at airmass 1 and its error by zperr [mag],
    number of rows."""

    night: np.ndarray
    time: np.ndarray
    mag: np.ndarray
    error_mag: np.ndarray
    rows: np.ndarray

    def of(self, nights):
        """Where the night of each mean is among some nights."""
        return np.isin(self.night, nights)

    def at(self, chosen):
        """Those of a mask (m,)."""
        return NightMeans(**{name: values[chosen] for name, values in vars(self).items()})


@dataclass(frozen=True)
class Judged:
    """Nights that are clear, and nights that are dim, by the rule above; arrays of datetime64[D]."""

    clear: np.ndarray
    dim: np.ndarray


def read_rows(path=DATA):
    """The series as the model takes it: {filter: FilterRows}."""
    with gzip.open(path, 'rt', encoding='utf-8') as file:
        columns = {name: np.array(values) for name, *values in zip(*csv.reader(file), strict=True)}
    time = columns['time_utc'].astype('datetime64[ms]')
    airmass, zp, zperr = (columns[name].astype(float) for name in ('airmass', 'zp_mag', 'zperr_mag'))
    field = np.unique(columns['field'], return_inverse=True)[1]
    observatory, rows = load_observatory(), {}
    for name in (*JUDGES, 'zp'):
        k = columns['filter'] == name
        rows[name] = FilterRows(
            time=time[k], zp=at_unit_airmass(zp[k], airmass[k], observatory.extinction(name)), zperr=zperr[k],
            airmass=airmass[k], field=field[k])
    return rows


def some(rows, chosen):
    """FilterRows of a mask (n,); of the columns that the series has."""
    return FilterRows(**{name: getattr(rows, name)[chosen] for name in ('time', 'zp', 'zperr', 'airmass', 'field')})


def nights_of(rows):
    """Night of each row."""
    return night_of(rows.time, LONGITUDE_DEG)


def night_means(rows, offset_mag=0.0):
    """NightMeans of one filter; offset_mag, of each row, is taken from it first."""
    night, code, count = np.unique(nights_of(rows), return_inverse=True, return_counts=True)
    first = rows.time.min()
    day = np.bincount(code, days_of(rows.time - first)) / count
    return NightMeans(
        night=night, time=first + np.round(day * 86_400_000).astype('timedelta64[ms]'),
        mag=np.bincount(code, rows.zp - offset_mag) / count,
        error_mag=np.sqrt(np.bincount(code, rows.zperr**2)) / count, rows=count)


def envelope(means):
    """Upper envelope at each night [mag]."""
    near = np.abs(days_of(means.night[:, None] - means.night)) <= WINDOW_DAYS
    return np.array([np.quantile(means.mag[one], UPPER) for one in near])


def judge(rows):
    """Nights judged by the rule above: Judged."""
    below = {}
    for name in JUDGES:
        means = night_means(rows[name])
        for night, depth in zip(means.night, envelope(means) - means.mag, strict=True):
            below.setdefault(night, []).append(depth)
    several = {night: depths for night, depths in below.items() if len(depths) > 1}
    clear = [night for night, depths in several.items() if max(depths) < CLEAR_MAG]
    dim = [night for night, depths in several.items() if min(depths) > DIM_MAG]
    return Judged(*(np.array(sorted(nights), 'datetime64[D]') for nights in (clear, dim)))


def field_offsets(rows, clear):
    """Offset of the field of each row (n,) [mag], from differences within clear nights alone: they tell no level.

    Least squares of nights and fields, with the prior of fields; one row counts as much as another.
    """
    used = np.isin(nights_of(rows), clear)
    fields = int(rows.field.max()) + 1
    night = np.unique(nights_of(rows)[used], return_inverse=True)[1]
    design = np.eye(fields)[rows.field[used]]
    within = design - _mean_by(night, design)[night]
    values = rows.zp[used] - _mean_by(night, rows.zp[used][:, None])[night, 0]
    noise = max(float(np.std(values)), 1e-6)
    normal = within.T @ within + np.eye(fields) * (noise / FIELD_MAG)**2
    return np.linalg.solve(normal, within.T @ values)[rows.field]


def _mean_by(code, values):
    """Means (m, k) of values (n, k) by code (n,)."""
    return np.array([np.bincount(code, column) for column in values.T]).T / np.bincount(code)[:, None]
