"""The files of simulated years, as the product reads them."""

import csv
import sqlite3
import tomllib
from contextlib import closing

import numpy as np
import pytest

from photdbinterface import PhotDatabase
from photzp.names import exposure_of
from photzp.observatory import load_observatory
from simulation.fleet import YearsSpec
from simulation.spec import SITES
from simulation.yearfiles import OVERLAY_NAME, write_database
from simulation.years import simulate
from tests.support.simulated import series_rows


def test_overlay_gives_the_events_of_the_simulated_telescopes(written):
    place, _, truth = written
    overlay = tomllib.loads((place / OVERLAY_NAME).read_text())
    with open(place / overlay['events'], newline='') as file:
        listed = {(row['telescope'], row['date'], row['kind']) for row in csv.DictReader(file)}
    planted = {(name, step['date'], step['kind']) for name, record in truth['telescopes'].items()
               for step in record['series']['gp']['steps'] if step['recorded']}
    assert listed == planted
    observatory = load_observatory(place / OVERLAY_NAME)
    known = {(event.telescope, str(event.date), event.kind) for event in observatory.events
             if event.telescope in truth['telescopes']}
    assert known == planted
    assert set(truth['telescopes']) <= set(observatory.telescopes)


def test_names_are_those_of_frames(written):
    _, rows, _ = written
    assert exposure_of(rows.name[0]) in rows.name[0]
    assert all(name.endswith('-e91.fits.fz') for name in rows.name[:50])


def test_events_are_listed_by_the_date_that_was_written_down(real_years):
    place, _, truth = real_years
    overlay = tomllib.loads((place / OVERLAY_NAME).read_text())
    with open(place / overlay['events'], newline='') as file:
        listed = {(row['telescope'], row['date'], row['kind']) for row in csv.DictReader(file)}
    steps = [(name, step) for name, record in truth['telescopes'].items() for step in record['series']['gp']['steps']]
    assert listed == {(name, step['recorded_date'], step['kind']) for name, step in steps if step['recorded']}
    off = [(np.datetime64(step['recorded_date']) - np.datetime64(step['date'])).astype(int)
           for _, step in steps if step['recorded']]
    assert any(off)
    assert max(map(abs, off)) <= 14
    assert all(step['recorded_date'] is None for _, step in steps if not step['recorded'])


def test_truth_of_nights_tells_cloudy_ones_and_the_level(real_years):
    """Rows of nights without cloud are, but for the noise of nights, at the level, and of others below by the cloud."""
    _, rows, truth = real_years
    telescope = 'lsc-doma-1m0s'
    series = truth['telescopes'][telescope]['series']['zp']
    nights = series['nights']
    mine = series_rows(rows, telescope, 'zp', 'zs')
    noon = np.timedelta64(round((0.5 - SITES['lsc'][1] / 360) * 86_400_000), 'ms')
    place = {date: number for number, date in enumerate(nights['date'])}
    number = np.array([place.get(str((time - noon).astype('datetime64[D]')), -1) for time in mine.dateobs])
    assert np.mean(number < 0) < 0.005  # wrong clocks
    offset = {(o['camera'], o['filter'], o['old']): o['offset'] for o in series['offsets']}
    shift = [offset[key] for key in zip(mine.camera.tolist(), mine.filter.tolist(),
                                       np.isnan(mine.zpcolor).tolist(), strict=True)]
    residual = mine.zp - shift + series['extinction'] * (mine.airmass - 1) - np.array(nights['level'])[number]
    residual[(number < 0) | (mine.zpsig > 0.5) | (mine.airmass > 3)] = np.nan
    dimming = np.array(nights['dimming'])[number]
    clear = residual[dimming == 0]
    assert 1.4826 * np.nanmedian(np.abs(clear)) < 2 * np.hypot(series['night_noise'], 0.02)
    thick = dimming > 0.15
    assert np.nanmedian((residual + dimming)[thick]) == pytest.approx(np.nanmedian(clear), abs=0.02)
    assert sorted(nights['date']) == nights['date']
    assert set(series['clear_nights']) <= set(nights['date'])


def test_truth_is_small_enough_for_a_fleet_of_years(real_years):
    """22 telescopes in 4 filters and 4 years stay below 30 MB."""
    place, _, _ = real_years
    assert (place / 'real-truth.json').stat().st_size * (22 * 4 * 4) / (4 * 2 * 3) < 30e6


@pytest.mark.parametrize('columns', [(), ('ra', 'dec', 'fwhm')])
def test_pointings_are_written_where_the_table_has_columns_for_them(tmp_path, columns):
    spec = YearsSpec(telescopes=1, years=0.2, filters=('rp',), cadence='usual')
    fleet = list(simulate(spec))
    PhotDatabase(tmp_path / 'a.db').close()
    with closing(sqlite3.connect(tmp_path / 'a.db')) as connection, connection:
        known = {row[1] for row in connection.execute('PRAGMA table_info(lcophot)')}
        for name in {'ra', 'dec', 'fwhm'} & known - set(columns):
            connection.execute(f'ALTER TABLE lcophot DROP COLUMN {name}')
        for name in set(columns) - known:
            connection.execute(f'ALTER TABLE lcophot ADD COLUMN {name} REAL')
    rows = fleet[0][1]['rp'][1]
    assert write_database(tmp_path / 'a.db', fleet, spec) == len(rows['zp'])
    if columns:
        with closing(sqlite3.connect(tmp_path / 'a.db')) as connection:
            found = np.array(connection.execute('SELECT ra, dec, fwhm FROM lcophot ORDER BY name').fetchall())
        np.testing.assert_allclose(found, np.column_stack([rows[name] for name in columns]), atol=6e-4)
