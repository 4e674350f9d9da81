"""A database moves from SQLite to PostgreSQL and back, row for row; or it is copied to a file."""

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa

import longtermphotzp
from photdbinterface import Base, Measurement, PhotDatabase, RejectedFrame
from photzp.database import copying
from photzp.database.copying import _fitting_row, _RowSetDigest
from photzp.database.tables import PHOT
from photzp.errors import DatabaseUnusable
from tests.support.databaserows import measured, model

COUNTS = {'lcophot': 33, 'photreject': 1, 'photrun': 2, 'telescopemodel': 3, 'throughputinterval': 0,
          'throughputstep': 0}


@pytest.fixture
def filled(tmp_path):
    """A database that began as an old one (no key in telescopemodel, text for an airmass), and was written to since."""
    file = tmp_path / 'lcophotzp.db'
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute('CREATE TABLE lcophot (name TEXT PRIMARY KEY, dateobs TEXT, site TEXT, dome TEXT, telescope '
                           'TEXT, camera TEXT, filter TEXT, airmass REAL, zp REAL, colorterm REAL, zpsig REAL)')
        connection.execute('CREATE TABLE telescopemodel (telescopeid TEXT, filter TEXT, dateobs TEXT, modelzp REAL)')
        connection.executemany(
            "INSERT INTO lcophot VALUES (?, '2019-08-05 01:00:00', 'lsc', 'doma', '1m0a', 'fa15', 'rp', ?, ?, NULL, 0)",
            [(f'/archive/old-{n}-e91.fits', 'UNKNOWN' if n == 3 else 1.1, 23.1 + n / 7) for n in range(30)])
        connection.executemany("INSERT INTO telescopemodel VALUES ('lsc-doma-1m0a', 'rp', ?, 23.3)",
                               [('2019-01-01',), ('2019-01-01',), (None,)])
    with PhotDatabase(file) as database:
        database.add_many([Measurement(name=f'new-{n}-e91.fits', dateobs='2020-01-01 01:00:00.000', site='lsc',
                                       dome='doma', telescope='1m0a', camera='fa15', filter='rp', airmass=1.2, zp=1 / 3,
                                       colorterm=0.1, zpsig=0.2, zperr=1e-300, nstars=40, refcomplete=n == 1)
                           for n in range(3)])
        database.reject(RejectedFrame(name='bad-1-e91.fits', reason='too-few-stars',
                                      detail='naïve "quotes" \\ and 100% \U0001f52d', size=2**40, mtime=2**60))
        for number in range(2):
            database.finish_run(database.start_run('photcalibration.py', {'n': number}, '1'), 0, {'measured': 3})
    return file


def rows_of(place):
    """{table: sorted rows} as the database has them, numbers of telescopemodel left out."""
    with PhotDatabase(place, readonly=True) as database, database.transaction() as connection:
        return {name: sorted((tuple(row) for row in connection.execute(sa.select(
            *(column for column in table.columns if column.name != 'entryid')))), key=repr)
            for name, table in Base.metadata.tables.items()}


def test_to_postgresql_and_back(filled, postgresql_schema, tmp_path, capsys):
    assert longtermphotzp.main(['--database', str(filled), '--copyto', postgresql_schema]) == 0
    said = capsys.readouterr().out
    for table, count in COUNTS.items():
        assert f'{table}: {count} rows copied and compared' in said
    assert 'lcophot: 33 rows copied and compared; 1 values were no numbers and are missing now' in said
    assert longtermphotzp.main(['--database', postgresql_schema, '--copyto', str(tmp_path / 'back.db')]) == 0
    there, back = rows_of(postgresql_schema), rows_of(tmp_path / 'back.db')
    assert there == back
    assert {name: len(rows) for name, rows in back.items()} == COUNTS
    before = rows_of(filled)
    assert [row for row in before['lcophot'] if 'UNKNOWN' not in row] == [
        row for row in back['lcophot'] if row[0] != '/archive/old-3-e91.fits']
    assert {name: rows for name, rows in before.items() if name != 'lcophot'} == {
        name: rows for name, rows in back.items() if name != 'lcophot'}


def test_numbers_go_on_after_a_copy(filled, postgresql_schema):
    assert longtermphotzp.main(['--database', str(filled), '--copyto', postgresql_schema]) == 0
    with PhotDatabase(postgresql_schema) as database:
        assert database.start_run('photcalibration.py', {}, '1') == 3
        database.store_model('lsc-doma-1m0a', 'gp', *model(['2019-01-01'], [24.0]))
        assert len(database.model('lsc-doma-1m0a', 'gp').modelzp) == 1


def test_only_an_empty_database_is_copied_to(filled, tmp_path, capsys):
    other = tmp_path / 'other.db'
    assert longtermphotzp.main(['--database', str(filled), '--copyto', str(other)]) == 0
    assert longtermphotzp.main(['--database', str(filled), '--copyto', str(other)]) == 2
    assert 'holds rows in lcophot already; only an empty database takes those of another' in capsys.readouterr().err
    assert longtermphotzp.main(['--database', str(filled), '--copyto', str(filled)]) == 2


def test_what_does_not_come_back_is_no_copy(filled, tmp_path, monkeypatch):
    """A store that drops a row, as a broken disk or driver might."""
    honest = copying._fitting_row
    monkeypatch.setattr(copying, '_fitting_row', lambda table, row: honest(table, row) | (
        {'zp': float('inf')} if row.get('name') == 'new-1-e91.fits' else {}))
    with PhotDatabase(filled, readonly=True) as database, PhotDatabase(tmp_path / 'other.db') as other:
        with other.writing() as connection:
            connection.execute(sa.text(
                'CREATE TRIGGER t AFTER INSERT ON lcophot BEGIN UPDATE lcophot SET zp = 1 WHERE zp > 100; END'))
        with pytest.raises(DatabaseUnusable, match='lcophot reads back differently from what was written'):
            other.copy_from(database)
        assert len(other.zeropoints()) == 0


def test_a_copy_is_whole_and_replaces_an_older_one(tmp_path):
    with PhotDatabase(tmp_path / 'own.db') as db:
        db.add(measured('x-1-e91.fits'))
        db.backup(tmp_path / 'copy.db')
        db.add(measured('x-2-e91.fits'))  # the write-ahead log holds it now
        db.backup(tmp_path / 'copy.db')
    with PhotDatabase(tmp_path / 'copy.db', readonly=True) as copy:
        assert set(copy.zeropoints().name) == {'x-1-e91.fits', 'x-2-e91.fits'}
    assert not list(tmp_path.glob('*.partial'))


def test_a_copy_that_cannot_be_made_leaves_the_older_one(tmp_path):
    with PhotDatabase(tmp_path / 'own.db') as db:
        with pytest.raises(DatabaseUnusable, match=r'no/such/copy\.db: the copy cannot be written .* see --backup'):
            db.backup(tmp_path / 'no' / 'such' / 'copy.db')
        (tmp_path / 'link.db').symlink_to(tmp_path / 'own.db')
        with pytest.raises(DatabaseUnusable, match='is the database itself'):
            db.backup(tmp_path / 'link.db')
    with PhotDatabase('sqlite://') as memory, pytest.raises(DatabaseUnusable, match='pg_dump'):
        memory.backup(tmp_path / 'copy.db')
    assert not (tmp_path / 'copy.db').exists()


def test_a_row_of_any_database_fits_the_columns_or_is_missing():
    row = {'name': 'x', 'zp': '24.1', 'nstars': 7.0, 'airmass': float('nan'), 'colortermheld': 1, 'site': 5}
    assert _fitting_row(PHOT, row) == {
        'name': 'x', 'zp': None, 'nstars': 7, 'airmass': None, 'colortermheld': True, 'site': '5'}


def test_a_digest_knows_rows_and_not_their_order():
    def of(*rows):
        digest = _RowSetDigest()
        digest.add({'a': a, 'b': b} for a, b in rows)
        return digest

    assert of((1, 'x'), (2, 'y')) == of((2, 'y'), (1, 'x'))
    for other in (of((1, 'x')), of((1, 'y'), (2, 'x')), of((1, 'x'), (1, 'x')), of((1, 'x'), ('2', 'y'))):
        assert other != of((1, 'x'), (2, 'y'))
