"""The files of simulated years: rows of a database, their truth as JSON, and the list of events."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from simulation.fleet import DAYS_PER_MONTH, TrueSeries, TrueTelescope, YearsSpec
from simulation.rows import ByFilter, Rows

OVERLAY_NAME = 'observatory-years.toml'
_COLUMNS = ('name', 'dateobs', 'site', 'dome', 'telescope', 'camera', 'filter', 'airmass', 'zp', 'colorterm', 'zpsig',
           'zperr', 'colortermerr', 'zpcolor', 'nstars', 'exptime', 'zpcolortermcov', 'colortermheld', 'refcomplete',
           'wcsoffset', 'nmatched', 'meancolor', 'processed', 'frame')
_POINTING = {'ra': 6, 'dec': 6, 'fwhm': 3}  # columns that not every database has, with their decimals


def times_of(rows: Rows, spec: YearsSpec) -> np.ndarray:
    """Times of rows.

    Parameters
    ----------
    rows : dict of ndarray (n,)
        As of `draw_rows`.
    spec : YearsSpec
        Which years.

    Returns
    -------
    ndarray of datetime64[ms] (n,)
        UTC.
    """
    return np.datetime64(spec.start, 'ms') + np.round(rows['day'] * 86_400_000).astype('timedelta64[ms]')


def _database_rows(telescope: TrueTelescope, by_filter: ByFilter, spec: YearsSpec,
                   rng: np.random.Generator) -> Iterator[tuple]:
    """Rows of `lcophot` of one telescope, in the order of _COLUMNS and _POINTING."""
    rows = {key: np.concatenate([rows[key] for _, rows in by_filter.values()])
            for key in ('day', 'night', 'camera', 'filter', 'old', 'airmass', 'zp', 'zpsig', 'zperr', 'nstars',
                        'meancolor', 'colorterm', 'colortermerr', 'covariance', *_POINTING)}
    order = np.lexsort((rows['day'], rows['night']))
    rows = {key: values[order] for key, values in rows.items()}
    n = len(order)
    dayobs = np.datetime_as_string(np.datetime64(spec.start, 'D') + rows['night']).tolist()
    first = np.searchsorted(rows['night'], rows['night'])
    # The number in a name counts the frames of the night, whichever camera took them.
    frames = [f'{telescope.site}{telescope.tag}-{camera}-{date[:4]}{date[5:7]}{date[8:]}-{number:04d}'
              for camera, date, number in zip(rows['camera'].tolist(), dayobs, (np.arange(n) - first + 1).tolist(),
                                              strict=True)]
    dateobs = [time.replace('T', ' ') for time in np.datetime_as_string(times_of(rows, spec)).tolist()]
    old = rows['old']
    of_new = {key: _plain(np.where(old, np.nan, rows[key]), 8) for key in ('colortermerr', 'covariance', 'meancolor')}
    nmatched = np.round(rows['nstars'] * rng.uniform(1.2, 3, n)).astype(int)
    columns = [
        [frame + '-e91.fits.fz' for frame in frames], dateobs, [telescope.site] * n, [telescope.enclosure] * n,
        [telescope.telescope] * n, rows['camera'].tolist(), rows['filter'].tolist(), _plain(rows['airmass']),
        _plain(rows['zp']), _plain(rows['colorterm'], 8), _plain(rows['zpsig']), _plain(rows['zperr']),
        of_new['colortermerr'], _plain(np.where(old, np.nan, 1.0)), rows['nstars'].tolist(),
        rng.choice([30.0, 60.0, 120.0, 300.0], n).tolist(), of_new['covariance'],
        [None if is_old else 0 for is_old in old], [None if is_old else 1 for is_old in old],
        _plain(np.where(old, np.nan, rng.uniform(0, 1.5, n))),
        [None if is_old else number for is_old, number in zip(old, nmatched.tolist(), strict=True)],
        of_new['meancolor'], dateobs, frames,
        *(_plain(rows[key], decimals) for key, decimals in _POINTING.items())]
    return zip(*columns, strict=True)


def _plain(values: np.ndarray, decimals: int = 5) -> list[float | None]:
    """Rounded floats for SQLite, None for NaN."""
    return [None if value != value else value for value in np.round(values, decimals).tolist()]


def write_database(file: Path | str, fleet: Sequence[tuple[TrueTelescope, ByFilter]], spec: YearsSpec) -> int:
    """Write the rows of a fleet into a database.

    Parameters
    ----------
    file : Path or str
        SQLite file with an empty table lcophot.
    fleet : sequence of (TrueTelescope, dict)
        As of `simulate`.
    spec : YearsSpec
        Which years.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    ValueError
        The table has rows.
    """
    rngs = np.random.default_rng([spec.seed, 1]).spawn(len(fleet))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute('PRAGMA synchronous = OFF')
        columns, statement = _insertion(connection)
        if connection.execute('SELECT 1 FROM lcophot LIMIT 1').fetchone():
            raise ValueError(f'{file} has rows already: name a new database')
        # Indexes are made again afterwards, which is faster than to update them with each row.
        indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE tbl_name = 'lcophot' "
                                     "AND type = 'index' AND sql IS NOT NULL").fetchall()
        for name, _ in indexes:
            connection.execute(f'DROP INDEX "{name}"')
        written = 0
        for (telescope, by_filter), rng in zip(fleet, rngs, strict=True):
            rows = (row[:len(columns)] for row in _database_rows(telescope, by_filter, spec, rng))
            written += connection.executemany(statement, rows).rowcount
        for _, sql in indexes:
            connection.execute(sql)
    return written


def _insertion(connection: sqlite3.Connection) -> tuple[tuple[str, ...], str]:
    """Columns to write, and the statement that does it: tables of earlier versions have no pointing."""
    known = {row[1] for row in connection.execute('PRAGMA table_info(lcophot)')}
    columns = (*_COLUMNS, *(name for name in _POINTING if name in known))
    return columns, f'INSERT INTO lcophot ({",".join(columns)}) VALUES ({",".join("?" * len(columns))})'  # noqa: S608


def date_of(day: float, spec: YearsSpec) -> str:
    """Date of a day.

    Parameters
    ----------
    day : float
        From the first night.
    spec : YearsSpec
        Which years.

    Returns
    -------
    str
        YYYY-MM-DD.
    """
    return str(np.datetime64(spec.start, 'D') + np.timedelta64(int(day), 'D'))


def _truth_of_telescope(telescope: TrueTelescope, by_filter: ByFilter, spec: YearsSpec) -> dict[str, Any]:
    """Truth of one telescope for JSON."""
    noon = 0.5 - telescope.longitude_deg / 360  # of day 0, in days after 0 h UTC
    series = {}
    for name, (truth, rows) in by_filter.items():
        starts = [str(np.datetime64(spec.start, 's') + np.timedelta64(round((day + noon) * 86400), 's'))
                  for day in truth.breaks]
        series[name] = {
            'pieces': [{'start': start, 'zp': round(float(level), 6), 'slope_mag_per_month':
                        round(float(slope) * DAYS_PER_MONTH, 7)}
                       for start, level, slope in zip(starts, truth.level, truth.slope, strict=True)],
            'steps': [{'date': date_of(event.day, spec), 'kind': event.kind, 'recorded': event.recorded,
                       'recorded_date': date_of(event.recorded_day, spec) if event.recorded else None,
                       'size': round(event.size_in(name), 6)} for event in telescope.events],
            'offsets': [{'camera': camera, 'filter': native, 'old': old, 'offset': round(offset, 6)}
                        for (camera, native, old), offset in truth.offsets.items()],
            'colorterms': [{'camera': camera, 'filter': native, 'colorterm': round(value, 6)}
                           for (camera, native), value in truth.colorterms.items()],
            'extinction': round(truth.extinction, 5), 'rows': len(rows['zp']),
            'night_noise': round(truth.night_noise_mag, 5),
            'clear_nights': [date_of(night, spec) for night in np.unique(rows['night'][rows['clear']])],
            'nights': _truth_of_nights(truth, rows, spec)}
    cameras = [{'camera': camera, 'from': date_of(first, spec), 'until': date_of(last, spec)}
               for camera, first, last in telescope.cameras]
    return {'telescope': telescope.name, 'cadence': telescope.cadence, 'cameras': cameras, 'series': series}


def _truth_of_nights(truth: TrueSeries, rows: Rows, spec: YearsSpec) -> dict[str, list[Any]]:
    """Date, median dimming of the frames by cloud, and level at local midnight [mag], of each night with frames."""
    order = np.lexsort((rows['dimming'], rows['night']))
    night, first, count = np.unique(rows['night'][order], return_index=True, return_counts=True)
    dimming = rows['dimming'][order]
    median = (dimming[first + (count - 1) // 2] + dimming[first + count // 2]) / 2
    return {'date': [date_of(each, spec) for each in night], 'dimming': np.round(median, 4).tolist(),
            'level': np.round(truth.at(night + 0.5), 4).tolist()}


def write_truth(path: Path, fleet: Sequence[tuple[TrueTelescope, ByFilter]], spec: YearsSpec) -> None:
    """Write the truth of a fleet as JSON, and beside it the events as CSV and a file for --observatory that names it.

    Parameters
    ----------
    path : Path
        JSON file.
    fleet : sequence of (TrueTelescope, dict)
        As of `simulate`.
    spec : YearsSpec
        Which years.
    """
    records = {telescope.name: _truth_of_telescope(telescope, by_filter, spec) for telescope, by_filter in fleet}
    settings = {'seed': spec.seed, 'start': spec.start, 'years': spec.years, 'photometric': spec.photometric,
                'one_per_night': spec.one_per_night, 'nights': spec.nights, 'cadence': spec.cadence,
                'wet': spec.wet, 'veil': spec.veil}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({'settings': settings, 'telescopes': records}, indent=1) + '\n', encoding='utf-8')
    events = [f'{telescope.name},{date_of(event.recorded_day, spec)},{event.kind},simulated'
              for telescope, _ in fleet for event in telescope.events if event.recorded]
    table = path.with_name(f'{path.stem}-events.csv')
    table.write_text('\n'.join(['telescope,date,kind,note', *events]) + '\n', encoding='utf-8')
    path.with_name(OVERLAY_NAME).write_text(
        f'# The telescopes of simulated years and their events.\nevents = "{table.name}"\n'
        f'telescopes = {json.dumps([telescope.name for telescope, _ in fleet])}\n', encoding='utf-8')
