"""The report as its users run it, on simulated years whose truth is known."""

import csv
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table

import longtermphotzp
from photdbinterface import Measurement, PhotDatabase
from photzp.errors import RunStopped
from photzp.pages import render
from photzp.store.directory import DirectoryStore
from simulation.__main__ import main as simulate

ROOT = Path(__file__).resolve().parents[2]
FRAME = 'lsc1m005-fa15-20160101-000'
COLUMNS = '(name, dateobs, site, dome, telescope, camera, filter, airmass, zp, colorterm, zpsig)'
NOW = datetime(2017, 1, 5, 12, tzinfo=UTC)  # the simulated year has just ended


@pytest.fixture(scope='module')
def years(tmp_path_factory):
    """A year of three telescopes in two filters: .database .observatory .truth .telescopes."""
    out = tmp_path_factory.mktemp('years')
    assert simulate(['years', str(out / 'years.db'), '--telescopes', '3', '--years', '1', '--filters', 'gp,zp',
                            '--seed', '3', '--nights', 'ideal']) == 0
    with PhotDatabase(out / 'years.db', readonly=True) as database:
        telescopes = ['-'.join(telescope) for telescope in database.telescopes()]
    return SimpleNamespace(database=out / 'years.db', observatory=out / 'observatory-years.toml', root=out,
                           truth=json.loads((out / 'years-truth.json').read_text(encoding='utf-8')),
                           telescopes=telescopes)


def report(years, out, *arguments, database=None, now=NOW):
    """Run the report in this process at a fixed time; returns its exit status."""
    options = longtermphotzp.parser().parse_args([
        '--database', str(database or years.database), '--outputdirectory', str(out), '--observatory',
        str(years.observatory), '--processes', '1', *arguments])
    return longtermphotzp.run(options, now=now)


@pytest.fixture(scope='module')
def made(years, tmp_path_factory):
    """The whole report: (output directory, database)."""
    out = tmp_path_factory.mktemp('report')
    database = out.parent / 'report.db'
    shutil.copy(years.database, database)
    assert report(years, out, database=database) == 0
    return out, database


def test_every_series_has_its_files_and_nothing_is_left_over(made, years):
    expected = {'index.html', 'status.json', 'report-state.json', 'report-fits.npz', 'colorterms_gp.png',
                'colorterms_zp.png', 'nightcalendar-lsc.png', *render.static_files()}
    for telescope in years.telescopes:
        expected |= {f'telescope-{telescope}.html', f'telescopetrend-{telescope}.png'}
        for name in ('gp', 'zp'):
            expected |= {f'{kind}-{telescope}-{name}.png' for kind in ('photzptrend', 'colortermtrend', 'airmasstrend',
                                                                       'errorhist')}
            expected |= {f'mirrormodel-{telescope}-{name}.csv', f'photzptrend-{telescope}-{name}.json'}
            expected.add(f'allmodels_{"0m4" if "-0m4" in telescope else "2m01m0"}_{name}.png')
    assert {path.name for path in made[0].iterdir()} == expected
    for path in made[0].glob('*.png'):
        assert path.read_bytes().startswith(b'\x89PNG')
        assert path.stat().st_size < 250_000


def test_the_pages_name_only_what_is_there_and_all_of_it(made):
    named = {path.name: set(re.findall(r'(?:src|href)="([^"#:?]+)["#]', path.read_text(encoding='utf-8')))
             for path in made[0].glob('*.html')}
    for names in named.values():
        assert all((made[0] / name).is_file() for name in names)
    static = set(render.static_files())
    assert set().union(*named.values()) - static == {path.name for path in made[0].iterdir()} - {
        'report-state.json', 'report-fits.npz'} - static
    assert named['index.html'] >= {path.name for path in made[0].glob('photzptrend*.png')}


def test_pages_of_telescopes_come_before_the_index_that_names_them(made, years, monkeypatch, tmp_path):
    put, order = DirectoryStore.put, []
    monkeypatch.setattr(DirectoryStore, 'put',
                        lambda self, name, content: (order.append(name), put(self, name, content)))
    shutil.copytree(made[0], tmp_path / 'out')
    assert report(years, tmp_path / 'out', database=made[1]) == 0
    assert order[-1] == 'index.html'
    assert order.index('uPlot.iife.min.js') < order.index(f'telescope-{years.telescopes[0]}.html')
    assert set(order[-1 - len(years.telescopes):-1]) == {f'telescope-{name}.html' for name in years.telescopes}


def test_the_page_of_a_telescope_has_its_cameras_and_a_picture_that_says_what_it_shows(made, years):
    status = json.loads((made[0] / 'status.json').read_text(encoding='utf-8'))
    assert {span['telescope'] for span in status['cameras']} == set(years.telescopes)
    for telescope in years.telescopes:
        plot = status['plots'][f'telescopetrend-{telescope}.png']
        assert re.match(rf'{telescope}, all filters: (throughput \d+% of reference|no reference known)', plot['alt'])
        page = (made[0] / f'telescope-{telescope}.html').read_text(encoding='utf-8')
        for span in status['cameras']:
            row = f'<th scope="row">{span["camera"]}</th><td>{span["first"]}</td><td>{span["last"]}</td>'
            assert (row in page) == (span['telescope'] == telescope)
        assert sum(span['frames'] for span in status['cameras'] if span['telescope'] == telescope) == sum(
            row['rows'] for row in status['statuses'] if row['telescope'] == telescope)


def test_status_and_csv_and_database_tell_the_same(made, years):
    out, database = made
    status = json.loads((out / 'status.json').read_text(encoding='utf-8'))
    rows = {(row['telescope'], row['filter']): row for row in status['statuses']}
    trends = {(trend['telescope'], trend['filter']): trend for trend in status['trends']}
    assert set(rows) == set(trends) == {(telescope, name) for telescope in years.telescopes for name in ('gp', 'zp')}
    with PhotDatabase(database, readonly=True) as opened:
        for (telescope, name), row in rows.items():
            model = opened.model(telescope, name)
            with open(out / f'mirrormodel-{telescope}-{name}.csv', encoding='utf-8') as file:
                lines = list(csv.DictReader(file))
            assert len(lines) == len(model.dateobs) == row['nights'] > 50
            assert float(lines[-1]['modelzp_mag']) == pytest.approx(model.modelzp[-1], abs=1e-4)
            assert row['last_observation'].startswith('2016-12')
            assert row['zp_mag'] == pytest.approx(model.modelzp[-1], abs=1e-4)
            assert trends[telescope, name]['zp_mag'][-1] == pytest.approx(model.modelzp[-1], abs=6e-4)
            assert len(trends[telescope, name]['zp_mag']) in (52, 53)  # of the one year that is simulated
            intervals, steps = opened.intervals_and_steps(telescope, name)
            assert intervals
            assert all(step['steperr'] > 0 for step in steps)


def test_percent_is_that_of_the_reference(made):
    status = json.loads((made[0] / 'status.json').read_text(encoding='utf-8'))
    known = [row for row in status['statuses'] if row['reference_mag'] is not None]
    assert known
    for row in known:
        assert row['percent'] == pytest.approx(100 * 10 ** (0.4 * (row['zp_mag'] - row['reference_mag'])), abs=0.1)


def test_a_second_run_writes_nothing_new_but_the_page(made, years, capsys):
    kept = [path for path in made[0].iterdir() if path.suffix in ('.png', '.csv', '.js', '.css', '.txt')]
    times = {path.name: path.stat().st_mtime_ns for path in kept}
    assert report(years, made[0], database=made[1]) == 0
    assert {path.name: path.stat().st_mtime_ns for path in kept} == times


def test_a_run_for_one_telescope_leaves_the_others_on_the_page(made, years, tmp_path):
    out = tmp_path / 'out'
    shutil.copytree(made[0], out)
    site, telescope = years.telescopes[0].split('-', 1)
    assert report(years, out, '--site', site, '--telescope', telescope, '--filter', 'gp') == 0
    before, status = (json.loads((place / 'status.json').read_text(encoding='utf-8')) for place in (made[0], out))
    assert len(status['statuses']) == 2 * len(years.telescopes)
    assert status['trends'] == before['trends']
    page = (out / 'index.html').read_text(encoding='utf-8')
    assert all(f'photzptrend-{name}-zp.png' in page for name in years.telescopes)


@pytest.fixture(scope='module')
def with_only(years, tmp_path_factory):
    """with_only(kind) -> (options, directory) of a report of one series with this kind of output only, made once."""
    others = ['--no-pertelescopeplots', '--no-createsummaryplots', '--no-renderhtml', '--no-errorhistogram']
    site, telescope = years.telescopes[0].split('-', 1)

    @cache
    def made_with(only):
        options = ['--site', site, '--telescope', telescope, '--filter', 'gp',
                   *(other for other in others if other != f'--no-{only}')]
        out = tmp_path_factory.mktemp(only)
        assert report(years, out, *options) == 0
        return options, out

    return made_with


@pytest.mark.parametrize(('switch', 'missing'), [
    (('--no-pertelescopeplots',), 'photzptrend-*'), (('--pertelescopeplots', 'False'), 'airmasstrend-*'),
    (('--no-createsummaryplots',), 'allmodels*'), (('--createsummaryplots', 'no'), 'allmodels*'),
    (('--no-renderhtml',), 'index.html'), (('--renderhtml', 'False'), 'status.json'),
    (('--no-errorhistogram',), 'errorhist*'), (('--errorhistogram', 'false'), 'errorhist*'),
])
def test_switches_turn_things_off(years, with_only, tmp_path, switch, missing):
    on, out = with_only(switch[0].removeprefix('--').removeprefix('no-'))
    assert list(out.glob(missing))
    assert report(years, tmp_path / 'off', *on, *switch) == 0
    assert not list((tmp_path / 'off').glob(missing))


def test_a_part_of_the_data_does_not_replace_the_stored_model(made, years, tmp_path):
    telescope = years.telescopes[0]
    with PhotDatabase(made[1], readonly=True) as opened:
        before = opened.model(telescope, 'gp').modelzp
    assert report(years, tmp_path, '--start', '20160901', '--filter', 'gp', '--no-pertelescopeplots',
                  database=made[1]) == 0
    with PhotDatabase(made[1], readonly=True) as opened:
        np.testing.assert_array_equal(opened.model(telescope, 'gp').modelzp, before)


def test_what_does_not_exist_is_said_with_what_does(years, tmp_path, capsys):
    def said(*arguments, database=years.database):
        status = longtermphotzp.main(['--database', str(database), '--outputdirectory', str(tmp_path / 'out'),
                                      *arguments])
        return status, capsys.readouterr().err

    telescope = years.telescopes[0]
    for arguments, words in ((('--site', 'lcs'), ('lcs', 'did you mean lsc?', 'has lsc')),
                             (('--telescope', 'domx-9m0a'), ('domx-9m0a', telescope.partition('-')[2])),
                             (('--telescope', telescope), (f'did you mean {telescope.partition("-")[2]}?',)),
                             (('--filter', 'rp'), ('rp', 'gp, zp'))):
        status, text = said(*arguments)
        assert status == 2
        assert all(word in text for word in words), text
    missing = tmp_path / 'missing.db'
    status, text = said(database=missing)
    assert (status, missing.exists()) == (2, False)
    assert str(missing) in text
    with PhotDatabase(tmp_path / 'empty.db'):
        pass
    status, text = said(database=tmp_path / 'empty.db')
    assert status == 2
    assert 'photcalibration.py' in text
    (tmp_path / 'text.db').write_text('this is no database at all' * 100)
    status, text = said(database=tmp_path / 'text.db')
    assert status == 2
    assert 'text.db' in text
    assert 'Traceback' not in text


def test_a_telescope_with_two_points_gets_a_plot_and_the_report_goes_on(years, tmp_path):
    database = tmp_path / 'few.db'
    shutil.copy(years.database, database)
    kept = years.telescopes[0]
    connection = sqlite3.connect(database)
    connection.execute("delete from lcophot where site || '-' || dome || '-' || telescope != ?", (kept,))
    connection.execute(f"insert into lcophot {COLUMNS} values "
                       "('xyz1m099-fa99-20160601-0001-e91.fits.fz', '2016-06-01 10:00:00.000', 'xyz',"
                       " 'doma', '1m0a', 'fa99', 'gp', 1.2, 23.5, 0.01, 0.03)")
    connection.commit()
    connection.close()
    assert report(years, tmp_path / 'out', '--filter', 'gp', database=database) == 0
    assert (tmp_path / 'out' / 'photzptrend-xyz-doma-1m0a-gp.png').is_file()
    page = (tmp_path / 'out' / 'index.html').read_text(encoding='utf-8')
    assert f'photzptrend-{kept}-gp.png' in page
    assert 'xyz-doma-1m0a' in page


def test_a_hostile_telescope_is_left_out_and_said(years, tmp_path, capsys):
    database = tmp_path / 'hostile.db'
    shutil.copy(years.database, database)
    connection = sqlite3.connect(database)
    connection.execute(f"insert into lcophot {COLUMNS} values "
                       "('x-e91.fits', '2016-06-01 10:00:00.000', '../../x', '<b>', '1m0a', 'fa99', 'gp',"
                       " 1.2, 23.5, 0.01, 0.03)")
    connection.commit()
    connection.close()
    assert longtermphotzp.main(['--database', str(database), '--outputdirectory', str(tmp_path / 'out'), '--filter',
                                'gp', '--no-pertelescopeplots', '--no-createsummaryplots', '--no-errorhistogram',
                                '--processes', '1']) == 0
    assert '../../x' in capsys.readouterr().err
    assert '<b>' not in (tmp_path / 'out' / 'index.html').read_text(encoding='utf-8')
    assert {path.name for path in tmp_path.iterdir()} <= {'out', 'hostile.db', 'hostile.db-wal', 'hostile.db-shm'}


def test_export_has_every_row(years, tmp_path, capsys):
    path = tmp_path / 'all.csv'
    assert report(years, tmp_path, '--export', str(path)) == 0
    with open(path, newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    connection = sqlite3.connect(years.database)
    stored = dict(connection.execute('select name, zp from lcophot').fetchall())
    connection.close()
    assert len(rows) == len(stored) > 1000
    assert all(float(row['zp']) == stored[row['name']] for row in rows)
    with pytest.raises(RunStopped, match='--export'):
        report(years, tmp_path, '--export', str(tmp_path / 'no' / 'such' / 'folder.csv'))


WRONG = {'dated before 1990': ('dateobs', '1970-01-01 00:00:03.000'),
         'dated later than now': ('dateobs', '2162-01-01 00:00:00.000'),
         'with an impossible airmass': ('airmass', 999.0), 'with an impossible zeropoint': ('zp', -99.0)}


def test_export_says_which_rows_the_report_uses(years, tmp_path):
    database = tmp_path / 'bad.db'
    shutil.copy(years.database, database)
    with closing(sqlite3.connect(database)) as connection, connection:
        good = connection.execute('select name from lcophot where zpsig < 0.1 and airmass > 0 order by name')
        names = dict(zip([name for name, in good], WRONG, strict=False))
        for name, reason in names.items():
            column, value = WRONG[reason]
            connection.execute(f'update lcophot set {column} = ? where name = ?', (value, name))
    assert report(years, tmp_path, '--export', str(tmp_path / 'x.parquet'), database=database) == 0
    table = Table.read(tmp_path / 'x.parquet')
    said = {row['name']: row['reason'] for row in table if row['name'] in names}
    assert said == names
    assert all(np.array(table['usable']) == (np.array(table['reason']) == ''))
    assert np.count_nonzero(table['usable']) > 1000
    stored = {reason: table[WRONG[reason][0]][table['name'] == name][0] for name, reason in names.items()}
    assert str(stored['dated before 1990'])[:10] == '1970-01-01'  # as measured
    assert stored['with an impossible airmass'] == 999.0


@pytest.mark.parametrize('extension', ['ecsv', 'parquet'])
def test_export_says_what_its_columns_are(years, tmp_path, extension):
    path = tmp_path / f'gp.{extension}'
    assert report(years, tmp_path, '--filter', 'gp', '--export', str(path)) == 0
    table = Table.read(path)
    assert {str(table[name].unit) for name in ('zp', 'zperr', 'zp_repaired', 'zp_cameracolor')} == {'mag'}
    assert all(column.description for column in table.itercols())
    assert set(table['filter']) == {'gp'}


def test_export_has_zeropoints_with_the_colour_term_of_the_camera(years, tmp_path):
    exported = {}
    for switch in ('--cameracolorterm', '--no-cameracolorterm'):
        assert report(years, tmp_path, '--filter', 'gp', '--export', str(tmp_path / 'x.csv'), switch) == 0
        with open(tmp_path / 'x.csv', newline='', encoding='utf-8') as file:
            exported[switch] = list(csv.DictReader(file))
    with_it, without = exported.values()
    assert all(row['zp_cameracolor'] == row['zp_repaired'] for row in without)
    assert all(float(row['zp']) == float(own['zp']) for row, own in zip(with_it, without, strict=True))
    # Where stars are few and far from the pivot in colour, zeropoints move by the colour term's error and err less.
    few = [row for row in with_it if int(float(row['nstars'])) < 20 and abs(float(row['meancolor']) - 1) > 0.5]
    assert len(few) > 20
    shrunk = np.array([float(row['zperr_cameracolor']) / float(row['zperr']) for row in few])
    assert (shrunk < 1).all()
    assert np.median(shrunk) < 0.85
    for row in few:
        moved = float(row['zp_cameracolor']) - float(row['zp_repaired'])
        lever = abs(float(row['meancolor']) - 1) * float(row['colortermerr'])
        assert 0 <= abs(moved) < 5 * lever


def test_the_log_says_that_colour_terms_are_of_the_camera(years, tmp_path, capsys):
    site, telescope = years.telescopes[0].split('-', 1)
    quick = ('--site', site, '--telescope', telescope, '--filter', 'gp', '--no-pertelescopeplots',
             '--no-createsummaryplots', '--no-errorhistogram', '--no-renderhtml', '--database', str(years.database),
             '--outputdirectory', str(tmp_path))
    assert longtermphotzp.main([*quick]) == 0
    assert re.search(r'gp: \d+ zeropoints have the colour term of their camera', capsys.readouterr().err)
    assert longtermphotzp.main([*quick, '--no-cameracolorterm']) == 0
    assert 'colour term' not in capsys.readouterr().err


def test_testdb_finds_what_is_wrong_and_changes_nothing(years, tmp_path, capsys):
    database = tmp_path / 'bad.db'
    shutil.copy(years.database, database)
    connection = sqlite3.connect(database)
    midnight = '2016-01-01 00:00:00.000'
    for name, date, site, zp in ((f'{FRAME}1-e91.fits.fz', 'yesterday', 'lsc', 23.0),
                                 (f'/a/{FRAME}2-e91.fits.fz', midnight, 'lsc', 23.0),
                                 (f'{FRAME}2-e91.fits.fz', midnight, 'lsc', 23.1),
                                 (f'{FRAME}3-e91.fits.fz', midnight, 'lsc', 99.0),
                                 (f'{FRAME}4-e91.fits.fz', midnight, 'lsc', None),
                                 (f'{FRAME}5-e91.fits.fz', midnight, 'moon', 23.0),
                                 (f'{FRAME}6-e91.fits.fz', '2162-01-01T00:00:00.000', 'lsc', 23.0)):
        connection.execute(f'insert into lcophot {COLUMNS} values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
                           (name, date, site, 'doma', '1m0a', 'fa15', 'gp', 'UNKNOWN', zp, 0.0, 0.03))
    connection.commit()
    connection.close()
    content = database.read_bytes()
    assert report(years, tmp_path, '--testdb', database=database) == 1
    said = capsys.readouterr().out
    for words in ('dateobs is not', '1 x dateobs is later than now', 'zp is not a number', 'zp is not between',
                  'moon-doma-1m0a', 'several rows'):
        assert words in said
    assert database.read_bytes() == content


QUICK = ('--no-pertelescopeplots', '--no-createsummaryplots', '--no-errorhistogram')


def test_a_site_that_is_not_in_the_file_has_the_nights_that_its_frames_show(made, years, tmp_path, caplog):
    shutil.copy(years.database, tmp_path / 'x.db')
    with closing(sqlite3.connect(tmp_path / 'x.db')) as connection, connection:
        connection.execute("update lcophot set site = 'xyz'")
    assert report(years, tmp_path / 'out', *QUICK, database=tmp_path / 'x.db') == 0
    found, known = (json.loads((place / 'status.json').read_text()) for place in (tmp_path / 'out', made[0]))
    assert [entry['nights'] for entry in found['statuses']] == [entry['nights'] for entry in known['statuses']]
    said, = (text for text in caplog.messages if 'site xyz' in text)
    assert 'longitude -70 deg is taken' in said


def test_events_that_fit_no_data_are_named(years, tmp_path, caplog):
    telescope = years.telescopes[0]
    events = (('lcs' + telescope[3:], '2016-06-01'), (telescope, '2062-06-01'), (telescope, '2016-06-01'))
    (tmp_path / 'site.toml').write_text(''.join(
        f'[[events]]\ntelescope = "{name}"\ndate = {date}\nkind = "wash"\n' for name, date in events))
    assert report(years, tmp_path / 'out', *QUICK, '--filter', 'gp', '--observatory', str(tmp_path / 'site.toml')) == 0
    said = [text for text in caplog.messages if 'site.toml' in text]
    assert len(said) == 2
    assert f'(did you mean {telescope}?)' in said[0]
    assert '2062-06-01 is later than now' in said[1]


def test_old_files_are_taken_in_once(years, tmp_path, capsys):
    (tmp_path / 'lsc-2016.db').write_text(
        '# name dateobs ...\n'
        'lsc1m005-fl15-20160801-0001-e91.fits.fz 2016-08-01T23:00:00.000 lsc doma 1m0a fl15 gp 1.20 23.95 0.10 0.03\n'
        '/a/x/lsc1m005-fl15-20160801-0002-e91.fits.fz 2016-08-01T23:05:00 lsc doma 1m0a fl15 gp UNKNOWN 23.9 0.1 0.03\n'
        'one two three\n'
        'lsc1m005-fl15-20160801-0003-e91.fits.fz not-a-date lsc doma 1m0a fl15 gp 1.2 23.9 0.1 0.03\n',
        encoding='utf-8')
    old = sqlite3.connect(tmp_path / 'coj-2015.db')
    old.execute('create table lcophot (name TEXT PRIMARY KEY, dateobs TEXT, site TEXT, dome TEXT, telescope TEXT, '
                'camera TEXT, filter TEXT, airmass REAL, zp REAL, colorterm REAL, zpsig REAL)')
    old.execute("insert into lcophot values ('coj1m003-fl12-20150801-0001-e91.fits.fz', '2015-08-01 10:00:00.000', "
                "'coj', 'doma', '1m0a', 'fl12', 'rp', 'UNKNOWN', 23.5, 0.05, 0.04)")
    old.commit()
    old.close()
    database = tmp_path / 'new' / 'lcophotzp.db'
    assert report(years, tmp_path, '--importold', database=database) == 1  # two lines cannot be read
    said = capsys.readouterr().out
    assert 'lsc-2016.db: 2 new, 0 known, 2 unreadable' in said
    assert 'line 4' in said
    assert 'line 5' in said
    assert 'coj-2015.db: 1 new, 0 known, 0 unreadable' in said
    assert report(years, tmp_path, '--importold', database=database) == 1
    assert '0 new, 2 known' in capsys.readouterr().out
    with PhotDatabase(database, readonly=True) as opened:
        z = opened.zeropoints()
    assert list(z.name) == ['coj1m003-fl12-20150801-0001-e91.fits.fz', 'lsc1m005-fl15-20160801-0001-e91.fits.fz',
                            'lsc1m005-fl15-20160801-0002-e91.fits.fz']
    np.testing.assert_array_equal(z.airmass, [np.nan, 1.2, np.nan])
    assert report(years, tmp_path / 'out', '--no-createsummaryplots', database=database) == 0
    assert (tmp_path / 'out' / 'photzptrend-coj-doma-1m0a-rp.png').is_file()


def test_every_run_leaves_its_record(made):
    with PhotDatabase(made[1], readonly=True) as opened:
        run = opened.runs(script='longtermphotzp.py')[-1]
    assert run.status == 0
    assert run.counts['series'] == 6


def test_help_answers_without_loading_the_science():
    code = ("import sys, longtermphotzp\ntry:\n    longtermphotzp.main(['--help'])\nexcept SystemExit:\n    pass\n"
            "slow = {'numpy', 'astropy', 'sqlalchemy', 'matplotlib', 'scipy', 'boto3', 'jinja2'}\n"
            'print(sorted(slow & set(sys.modules)), file=sys.stderr)')
    found = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert found.stderr.strip() == '[]'


@pytest.fixture
def s3(monkeypatch):
    """A server that speaks S3 on a port of this machine, and the environment that leads to it: its client."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for key, value in {'AWS_S3_BUCKET': 'throughput', 'AWS_ACCESS_KEY_ID': 'AKIDEXAMPLE', 'AWS_DEFAULT_REGION':
                       'us-east-1', 'AWS_SECRET_ACCESS_KEY': 'not-to-be-seen', 'AWS_ENDPOINT_URL':
                       f'http://{host}:{port}', 'AWS_EC2_METADATA_DISABLED': 'true'}.items():
        monkeypatch.setenv(key, value)
    client = boto3.client('s3')
    yield client
    client.close()
    server.stop()


def test_report_into_a_bucket(years, tmp_path, s3, capsys):
    s3.create_bucket(Bucket='throughput')
    site, telescope = years.telescopes[0].split('-', 1)
    select = ('--site', site, '--telescope', telescope, '--filter', 'gp', '--no-errorhistogram')
    assert report(years, tmp_path / 'unused', *select) == 0
    objects = {entry['Key']: entry for entry in s3.list_objects_v2(Bucket='throughput')['Contents']}
    assert not (tmp_path / 'unused').exists()
    trend = f'photzptrend-{years.telescopes[0]}-gp.png'
    assert {'index.html', 'status.json', 'manifest.json', trend} < set(objects)
    head = s3.head_object(Bucket='throughput', Key='index.html')
    assert head['ContentType'].startswith('text/html')
    assert s3.head_object(Bucket='throughput', Key='uPlot.iife.min.js')['ContentType'].startswith('text/javascript')
    newest_image = max(entry['LastModified'] for key, entry in objects.items() if key.endswith('.png'))
    assert newest_image <= objects['index.html']['LastModified'] <= objects['manifest.json']['LastModified']
    capsys.readouterr()
    assert report(years, tmp_path / 'unused', *select) == 0
    assert re.search(r'([0-3]) files written', capsys.readouterr().out)  # page and status: the run's own times


def test_a_bucket_that_is_not_there_is_one_clear_error(years, tmp_path, s3, capsys, monkeypatch):
    monkeypatch.setenv('AWS_S3_BUCKET', 'nobody-made-this')
    assert longtermphotzp.main(['--database', str(years.database), '--filter', 'gp', '--no-pertelescopeplots']) == 2
    said = capsys.readouterr()
    assert 'nobody-made-this' in said.err
    assert 'Traceback' not in said.err
    assert 'not-to-be-seen' not in said.out + said.err


@pytest.mark.parametrize('overlap', [True, False])
def test_older_rows_at_another_colour(years, tmp_path, capsys, monkeypatch, overlap):
    """Sixty nights with zp at g-i = 0, 0.08 mag below that at g-i = 1 which few new rows hold."""
    rng = np.random.default_rng(8)
    rows = []
    for night in range(60):
        for number in range(3):
            new = night >= 54 if overlap and number == 0 else night >= 60
            month, day = f'{night // 28 + 3:02d}', f'{night % 28 + 1:02d}'
            rows.append(Measurement(name=f'elp1m008-fa05-2016{month}{day}-{number:04d}-e91.fits.fz',
                                    dateobs=f'2016-{month}-{day} 0{3 + number}:00:00.000', site='elp', dome='doma',
                                    telescope='1m0a', camera='fa05', filter='gp', airmass=1.0,
                                    zp=24.10 - 0.08 * (not new) + rng.normal(0, 0.005), colorterm=0.08, zpsig=0.03,
                                    zperr=0.003, zpcolor=1.0 if new else np.nan))
    if not overlap:
        rows += [replace(row, name=row.name.replace('20163', '20165').replace('-2016', '-2017'),
                         dateobs=row.dateobs.replace('2016', '2017'), zpcolor=1.0, zp=row.zp + 0.08)
                 for row in rows[:9]]
    with PhotDatabase(tmp_path / 'old.db') as database:
        database.add_many(rows)
    later = datetime(2017, 6, 1, tzinfo=UTC)
    options = ['--database', str(tmp_path / 'old.db'), '--outputdirectory', str(tmp_path / 'out')]
    monkeypatch.setattr(longtermphotzp, 'run', lambda given, run=longtermphotzp.run: run(given, now=later))
    assert longtermphotzp.main(options) == 0
    logged = capsys.readouterr().err
    status, = json.loads((tmp_path / 'out' / 'status.json').read_text())['statuses']
    assert status['zp_mag'] == pytest.approx(24.10, abs=0.015)
    tied = re.search(r'fa05 gp \(older rows\) tied to fa05 gp by (\S+) ', logged)
    apart = 'nothing ties fa05 gp (older rows), whose zp is at g-i = 0, to the new rows' in logged
    assert apart is not overlap
    assert (tied is not None) is overlap
    if overlap:
        assert float(tied[1]) == pytest.approx(-0.08, abs=0.01)
