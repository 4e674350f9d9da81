"""Simulated years: what is in the database follows from the truth beside it, by arithmetic that is not its own."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from simulation.__main__ import main as run_simulation
from simulation.fleet import YearsSpec
from simulation.spec import SITES
from simulation.years import simulate
from tests.support.simulated import series_rows


def true_zeropoint(series, times):
    """Truth of the JSON at datetime64 times, without offsets of cameras."""
    value = np.full(len(times), np.nan)
    for piece in series['pieces']:
        start = np.datetime64(piece['start'])
        months = (times - start) / np.timedelta64(1, 'D') / 30.4375
        value = np.where(times >= start, piece['zp'] + piece['slope_mag_per_month'] * months, value)
    return value


def clear_residuals(rows, telescope, record, filter_name):
    """zp - truth of the rows of clear nights [mag], by the record alone."""
    series = record['series'][filter_name]
    mine = series_rows(rows, telescope, filter_name, *(('zs',) if filter_name == 'zp' else ()))
    longitude = SITES[telescope[:3]][1]
    noon = np.timedelta64(round((0.5 - longitude / 360) * 86_400_000), 'ms')
    night = (mine.dateobs - noon).astype('datetime64[D]')
    mine = mine[np.isin(night, np.array(series['clear_nights'], 'datetime64[D]')) & (mine.zpsig < 0.5)]
    offset = {(o['camera'], o['filter'], o['old']): o['offset'] for o in series['offsets']}
    shift = [offset[key] for key in zip(mine.camera.tolist(), mine.filter.tolist(),
                                       np.isnan(mine.zpcolor).tolist(), strict=True)]
    return mine.zp - true_zeropoint(series, mine.dateobs) - shift + series['extinction'] * (mine.airmass - 1)


def test_clear_rows_scatter_about_the_truth_by_the_noise(written):
    _, rows, truth = written
    for telescope, record in truth['telescopes'].items():
        for filter_name in ('gp', 'zp'):
            residual = clear_residuals(rows, telescope, record, filter_name)
            residual = residual[np.isfinite(residual)]
            assert abs(np.median(residual)) < 4 * 1.25 * 0.02 / np.sqrt(len(residual))
            assert 1.4826 * np.median(np.abs(residual)) == pytest.approx(0.02, rel=0.15)
            wild = np.abs(residual) > 0.12
            assert 0 < wild.mean() < 0.03


def test_a_fleet_of_four_years_has_about_550000_rows():
    spec = YearsSpec(seed=1, telescopes=4, nights='ideal')
    rows = sum(len(rows['zp']) for _, by_filter in simulate(spec)
               for _, rows in by_filter.values())
    assert rows * 22 / 4 == pytest.approx(550_000, rel=0.06)


def test_a_seed_repeats_and_another_differs(tmp_path):
    texts = []
    for number, seed in enumerate(('7', '7', '8')):
        file = tmp_path / f'{number}.db'
        assert run_simulation(['years', str(file), '--seed', seed, '--telescopes', '2', '--years', '0.2',
                               '--truth', str(tmp_path / f'{number}' / 'truth.json')]) == 0
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute('SELECT * FROM lcophot ORDER BY name').fetchall()
        texts.append((rows, (tmp_path / f'{number}' / 'truth.json').read_text()))
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_what_cannot_be_is_refused(tmp_path, capsys):
    file = tmp_path / 'a.db'
    assert run_simulation(['years', str(file), '--telescopes', '23']) == 2
    assert 'there are 1 to 22' in capsys.readouterr().err
    assert run_simulation(['years', str(file), '--telescopes', '1', '--years', '0.1']) == 0
    assert run_simulation(['years', str(file), '--telescopes', '1', '--years', '0.1']) == 2
    assert 'has rows already' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run_simulation(['years', str(file), '--start', '2016-02-31'])


@pytest.mark.parametrize(('options', 'message'), [
    ({'nights': 'so-so'}, 'so-so: nights are real or ideal'),
    ({'nights': 'ideal', 'wet': True, 'cadence': 'many'}, 'cadence, wet: only real nights have that'),
    ({'cadence': 'daily'}, 'daily: cadences are mixed')])
def test_nights_that_cannot_be_had_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        list(simulate(YearsSpec(telescopes=1, years=0.1, **options)))


def test_nights_are_real_unless_asked_for(real_years, written):
    assert real_years[2]['settings']['nights'] == 'real'
    assert written[2]['settings']['nights'] == 'ideal'
    noises = [series['night_noise'] for _, _, truth in (written, real_years)
              for record in truth['telescopes'].values() for series in record['series'].values()]
    assert noises.count(0) == 16
    assert sum(noise > 0.008 for noise in noises) == 8


def test_a_fleet_of_real_years_has_about_as_many_rows_as_one_of_ideal_years():
    rows = [len(rows['zp']) for _, by_filter in simulate(YearsSpec(seed=1, years=1.0, filters=('rp',)))
            for _, rows in by_filter.values()]
    assert sum(rows) * 16 == pytest.approx(550_000, rel=0.2)
