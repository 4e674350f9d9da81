"""Databases of earlier years, made here by hand: they open, are upgraded once, and lose nothing."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import numpy as np
import pytest

from photdbinterface import PhotDatabase
from photzp.database import upgrade
from tests.support.databaserows import measured, model

LCOPHOT = (
    'CREATE TABLE lcophot (name TEXT PRIMARY KEY, dateobs TEXT, site TEXT, dome TEXT, telescope TEXT, camera TEXT, '
    'filter TEXT, airmass REAL, zp REAL, colorterm REAL, zpsig REAL)'
)
MODELS = {
    'without key': 'CREATE TABLE telescopemodel (telescopeid TEXT, filter TEXT, dateobs TEXT, modelzp REAL)',
    'with entryid': 'CREATE TABLE telescopemodel (entryid INTEGER PRIMARY KEY, telescopeid TEXT, filter TEXT, '
                    'dateobs TEXT, modelzp REAL)',
}  # fmt: skip
FOLDER = '/archive/engineering/lsc/fa15/20160401/processed/'
IN_PATH, IN_BOTH, QUICK, FINAL, OTHER = (
    f'lsc1m005-fa15-20160401-{rest}.fits.fz' for rest in ('0001-e91', '0002-e91', '0003-e11', '0003-e91', '0004-e91')
)
ROWS = [  # airmass, zp, colorterm, zpsig vary as they do in old databases
    (FOLDER + IN_PATH, '2016-04-01 01:00:00.000', 'lsc', 'doma', '1m0a', 'fa15', 'gp', 1.1, 24.1, 0.01, 0.05),
    (IN_BOTH, '2016-04-01 02:00:00.000', 'lsc', 'doma', '1m0a', 'fa15', 'gp', 'N/A', 24.21, 0.02, 0.05),
    (FOLDER + IN_BOTH, '2016-04-01 02:00:00.000', 'lsc', 'doma', '1m0a', 'fa15', 'gp', 'UNKNOWN', 24.2, 0.02, 0.05),
    (QUICK, '2016-04-01T03:00:00.500', 'lsc', 'doma', '1m0a', 'fa15', 'rp', 1.3, 23.3, None, 0.05),
    (FINAL, '2016-04-01 03:00:00.500', 'lsc', 'doma', '1m0a', 'fa15', 'rp', 1.3, 23.4, float('nan'), 0.05),
    (OTHER, '2016-04-01 04:00:00.000', 'lsc', 'doma', '1m0a', 'fa15', 'rp', None, 'failed', 0.0, float('inf')),
    ('nameless.fits', None, None, None, None, None, None, None, None, None, None),
]
MODEL_ROWS = [
    ('lsc-doma-1m0a', 'gp', '2016-04-02 00:00:00', 24.2),
    ('lsc-doma-1m0a', 'gp', '2016-04-01 00:00:00', 24.1),
    ('lsc-doma-1m0a', 'gp', '2016-04-01 00:00:00', 24.1),
    ('lsc-doma-1m0a', 'rp', '2016-04-01 00:00:00', None),
]


def make(file, variant, rows=ROWS):
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(LCOPHOT)
        connection.execute(MODELS[variant])
        connection.executemany(f'INSERT INTO lcophot VALUES ({",".join("?" * 11)})', rows)
        connection.executemany(
            'INSERT INTO telescopemodel (telescopeid, filter, dateobs, modelzp) VALUES (?, ?, ?, ?)', MODEL_ROWS
        )


def contents(file):
    """Everything an old program would see, row by row."""
    with closing(sqlite3.connect(file)) as connection:
        columns = 'name, dateobs, site, dome, telescope, camera, filter, airmass, zp, colorterm, zpsig'
        return (
            connection.execute(f'SELECT {columns} FROM lcophot ORDER BY rowid').fetchall(),
            connection.execute('SELECT telescopeid, filter, dateobs, modelzp FROM telescopemodel').fetchall(),
        )


def schema(file):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute('SELECT sql FROM sqlite_master ORDER BY name').fetchall()


@pytest.fixture(params=MODELS)
def old(request, tmp_path):
    """An old database of each variant."""
    file = tmp_path / 'lcophotzp.db'
    make(file, request.param)
    return file


def in_2026():
    return datetime(2026, 5, 6, 23, 30, tzinfo=UTC)


def test_an_upgrade_changes_no_row_and_leaves_a_copy(old):
    before, old_schema = contents(old), schema(old)
    old.with_name('lcophotzp.db.before-upgrade-20260301.partial').write_bytes(b'of a run that was killed')
    PhotDatabase(old, now=in_2026).close()
    assert contents(old) == before
    copy = old.with_name('lcophotzp.db.before-upgrade-20260506')
    assert contents(copy) == before
    assert schema(copy) == old_schema
    assert not list(old.parent.glob('*.partial'))


def test_the_second_opening_upgrades_nothing(old):
    PhotDatabase(old).close()
    upgraded = schema(old)
    PhotDatabase(old).close()
    assert schema(old) == upgraded
    assert len(list(old.parent.glob('*before-upgrade*'))) == 1


def test_a_copy_is_never_overwritten(old):
    earlier = old.with_name('lcophotzp.db.before-upgrade-20260506')
    earlier.write_text('dear')
    PhotDatabase(old, now=in_2026).close()
    assert earlier.read_text() == 'dear'
    assert contents(old.with_name('lcophotzp.db.before-upgrade-20260506-2')) == contents(old)


def test_a_copy_of_a_run_that_was_killed_before_its_upgrade_is_the_one(old, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(upgrade, 'add_columns', killed)
        with pytest.raises(KeyboardInterrupt):
            PhotDatabase(old, now=in_2026)
    before = contents(old)
    PhotDatabase(old, now=in_2026).close()
    (copy,) = old.parent.glob('*before-upgrade*')
    assert contents(copy) == contents(old) == before


def test_a_new_database_leaves_no_copy(tmp_path):
    PhotDatabase(tmp_path).close()
    (tmp_path / 'empty.db').touch()
    PhotDatabase(tmp_path / 'empty.db').close()
    assert not list(tmp_path.glob('*before-upgrade*'))


@pytest.mark.parametrize('readonly', [True, False])
def test_old_rows_read_the_same_before_and_after_the_upgrade(old, readonly):
    before, old_schema = contents(old), schema(old)
    with PhotDatabase(old, readonly=readonly) as db:
        rows = db.zeropoints(one_per_exposure=False)
        best = db.zeropoints()
        known = db.known([IN_PATH, IN_BOTH, QUICK, FINAL, 'lsc1m005-fa15-20160401-0001-e11.fits.fz', 'new.fits'])
        stored = db.model('lsc-doma-1m0a', 'gp')
        runs, rejections = db.runs(), db.rejections()
        assert db.telescopes() == [('lsc', 'doma', '1m0a')]
        assert db.filters() == ['gp', 'rp']
        assert len(db.zeropoints(filter='gp', start='2016-04-01', end='2016-04-02')) == 2
    assert list(rows.name) == [IN_PATH, IN_BOTH, IN_BOTH, QUICK, FINAL, OTHER, 'nameless.fits']
    nan = np.nan
    np.testing.assert_array_equal(rows.airmass, [1.1, nan, nan, 1.3, 1.3, nan, nan])
    np.testing.assert_array_equal(rows.zp, [24.1, 24.21, 24.2, 23.3, 23.4, nan, nan])
    np.testing.assert_array_equal(rows.colorterm, [0.01, 0.02, 0.02, nan, nan, 0.0, nan])
    np.testing.assert_array_equal(rows.zpsig, [0.05] * 5 + [nan, nan])
    assert str(rows.dateobs[3]) == '2016-04-01T03:00:00.500'
    assert np.isnat(rows.dateobs[6])
    assert (rows.site[0], rows.site[6]) == ('lsc', '')
    assert np.isnan([rows.zperr, rows.zpcolor, rows.nstars, rows.exptime, rows.wcsoffset, rows.nmatched, rows.matchsep,
                     rows.matchfrac, rows.magslope, rows.magslopeerr, rows.redchi2, rows.meancolor, rows.ra, rows.dec,
                     rows.fwhm]).all()
    assert np.isnat(rows.processed).all()
    assert rows.refcomplete.all()
    assert not rows.colortermheld.any()
    np.testing.assert_array_equal(best.zp, [24.1, 24.21, 23.4, nan, nan])
    assert set(known) == {IN_PATH, IN_BOTH, QUICK, FINAL, 'lsc1m005-fa15-20160401-0001-e11.fits.fz'}
    np.testing.assert_array_equal(stored.modelzp, [24.1, 24.1, 24.2])
    assert np.isnan(stored.modelzperr).all()
    assert (runs, rejections) == ([], [])
    assert contents(old) == before
    assert (schema(old) == old_schema) is readonly


def test_a_frame_stored_under_a_path_is_replaced_in_place(old):
    with PhotDatabase(old) as db:
        db.add_many([measured(IN_PATH, zp=25.0), measured(f'/new/place/{IN_BOTH}', zp=26.0),
                     measured('new.fits', zp=27.0)])
    before, (after, _) = ROWS, contents(old)
    changed = {row[0]: row[8] for row in after if row[8] in (25.0, 26.0, 27.0)}
    assert changed == {FOLDER + IN_PATH: 25.0, IN_BOTH: 26.0, 'new.fits': 27.0}
    assert [row[0] for row in after] == [row[0] for row in before] + ['new.fits']
    assert after[2][8] == 24.2
    with PhotDatabase(old, readonly=True) as db:
        assert sorted(db.zeropoints(filter='gp').zp) == [25.0, 26.0, 27.0]


def test_of_a_path_and_a_base_name_the_base_name_is_replaced(old):
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute('INSERT INTO lcophot (name) VALUES (?)', (f'relative/{IN_BOTH}',))
    with PhotDatabase(old) as db:
        db.add(measured(IN_BOTH, zp=26.0))
    assert {row[0] for row in contents(old)[0] if row[8] == 26.0} == {IN_BOTH}


def test_a_model_replaces_duplicates_whether_there_is_a_key_or_not(old):
    with PhotDatabase(old) as db:
        db.store_model('lsc-doma-1m0a', 'gp', *model(['2026-01-01'], [23.9], [0.01]))
        db.store_model('ogg-clma-2m0a', 'gp', *model(['2026-01-01', '2026-01-02'], [25.0, 25.1]))
    _, models = contents(old)
    assert models == [
        ('lsc-doma-1m0a', 'rp', '2016-04-01 00:00:00', None),
        ('lsc-doma-1m0a', 'gp', '2026-01-01 00:00:00.000', 23.9),
        ('ogg-clma-2m0a', 'gp', '2026-01-01 00:00:00.000', 25.0),
        ('ogg-clma-2m0a', 'gp', '2026-01-02 00:00:00.000', 25.1),
    ]


def test_a_model_that_cannot_be_stored_leaves_the_old_one(old):
    with PhotDatabase(old) as db:
        before = contents(old)
        with closing(sqlite3.connect(old)) as connection, connection:
            connection.execute("CREATE TRIGGER no BEFORE INSERT ON telescopemodel BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(Exception, match='no'):
            db.store_model('lsc-doma-1m0a', 'gp', *model(['2026-01-01'], [23.9]))
        assert contents(old) == before


def test_what_a_newer_or_other_program_added_stays(old):
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute('ALTER TABLE lcophot ADD COLUMN seeing REAL')
        connection.execute('ALTER TABLE lcophot ADD COLUMN zperr REAL')
        connection.execute('UPDATE lcophot SET seeing = 1.75, zperr = 0.5')
        connection.execute('CREATE TABLE notes (text TEXT)')
        connection.execute("INSERT INTO notes VALUES ('keep')")
    with PhotDatabase(old) as db:
        assert (db.zeropoints().zperr == 0.5).all()
        db.add_many([measured(FINAL, zp=25.0), measured('new.fits', zp=27.0)])
    with closing(sqlite3.connect(old)) as connection:
        seeing = dict(connection.execute('SELECT name, seeing FROM lcophot'))
        assert connection.execute('SELECT text FROM notes').fetchall() == [('keep',)]
    assert seeing == {row[0]: 1.75 for row in ROWS} | {'new.fits': None}


def test_rows_that_an_older_program_writes_after_the_upgrade_are_seen(old):
    name = 'lsc1m005-fa15-20160401-0009-e91.fits.fz'
    quick = name.replace('e91', 'e11')
    with PhotDatabase(old) as db:
        with closing(sqlite3.connect(old)) as connection, connection:
            connection.execute('INSERT INTO lcophot (name, zp) VALUES (?, 1.0), (?, 2.0)', (name, f'/some/{quick}'))
        assert db.known([name, quick]) == {name: 'measured', quick: 'measured'}
        assert 1.0 in db.zeropoints().zp
        assert 2.0 not in db.zeropoints().zp
        db.add(measured(quick, zp=3.0))
    with PhotDatabase(old) as db:
        assert set(db.zeropoints(one_per_exposure=False).zp) >= {1.0, 3.0}
        assert 2.0 not in db.zeropoints(one_per_exposure=False).zp
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute('SELECT count(*) FROM lcophot WHERE frame IS NULL').fetchone() == (0,)


def test_many_rows_are_upgraded_in_chunks(tmp_path):
    file = tmp_path / 'many.db'
    names = [f'lsc1m005-fa15-{20160401 + at // 5000}-{at % 5000:04d}-e91.fits.fz' for at in range(25_000)]
    make(file, 'without key', [(name, *ROWS[0][1:]) for name in names])
    with PhotDatabase(file) as db:
        assert len(db.zeropoints()) == 25_000
    with closing(sqlite3.connect(file)) as connection:
        wrong = "SELECT count(*) FROM lcophot WHERE frame || '-e91.fits.fz' IS NOT name"
        assert connection.execute(wrong).fetchone() == (0,)


def test_steps_of_an_earlier_version_have_no_origin(tmp_path):
    file = tmp_path / 'lcophotzp.db'
    PhotDatabase(file).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        for column in ('origin', 'early', 'late'):
            connection.execute(f'ALTER TABLE throughputstep DROP COLUMN {column}')
        connection.execute("INSERT INTO throughputstep (telescopeid, filter, dateobs, kind, step) VALUES "
                           "('lsc-doma-1m0a', 'gp', '2019-01-01 16:00:00.000', 'wash', 0.1)")
    with PhotDatabase(file) as database:
        _, (step,) = database.intervals_and_steps('lsc-doma-1m0a', 'gp')
    assert (step['kind'], step['step']) == ('wash', 0.1)
    assert [step[name] for name in ('origin', 'early', 'late')] == [None] * 3
    assert len(list(tmp_path.glob('*before-upgrade*'))) == 1
