"""A database moves from SQLite to PostgreSQL and back, row for row."""

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa

import longtermphotzp
from photdbinterface import Base, Measurement, PhotDatabase, RejectedFrame
from photzp.errors import DatabaseUnusable

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
        database.add_many([Measurement(f'new-{n}-e91.fits', '2020-01-01 01:00:00.000', 'lsc', 'doma', '1m0a', 'fa15',
                                       'rp', 1.2, 1 / 3, 0.1, 0.2, zperr=1e-300, nstars=40, refcomplete=n == 1)
                           for n in range(3)])
        database.reject(RejectedFrame('bad-1-e91.fits', 'too-few-stars', 'naïve "quotes" \\ and 100% \U0001f52d',
                                      size=2**40, mtime=2**60))
        for number in range(2):
            database.finish_run(database.start_run('photcalibration.py', {'n': number}, '1'), 0, {'measured': 3})
    return file


def rows_of(place):
    """{table: sorted rows} as the database has them, numbers of telescopemodel left out."""
    with PhotDatabase(place, readonly=True) as database, database._transaction() as connection:
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
        database.store_model('lsc-doma-1m0a', 'gp', ['2019-01-01'], [24.0])
        assert len(database.model('lsc-doma-1m0a', 'gp').modelzp) == 1


def test_only_an_empty_database_is_copied_to(filled, tmp_path, capsys):
    other = tmp_path / 'other.db'
    assert longtermphotzp.main(['--database', str(filled), '--copyto', str(other)]) == 0
    assert longtermphotzp.main(['--database', str(filled), '--copyto', str(other)]) == 2
    assert 'holds rows in lcophot already; only an empty database takes those of another' in capsys.readouterr().err
    assert longtermphotzp.main(['--database', str(filled), '--copyto', str(filled)]) == 2


def test_what_does_not_come_back_is_no_copy(filled, tmp_path, monkeypatch):
    """A store that drops a row, as a broken disk or driver might."""
    import photdbinterface

    honest = photdbinterface.fitting_row
    monkeypatch.setattr(photdbinterface, 'fitting_row', lambda table, row: honest(table, row) | (
        {'zp': float('inf')} if row.get('name') == 'new-1-e91.fits' else {}))
    with PhotDatabase(filled, readonly=True) as database, PhotDatabase(tmp_path / 'other.db') as other:
        with other._writing() as connection:
            connection.execute(sa.text(
                'CREATE TRIGGER t AFTER INSERT ON lcophot BEGIN UPDATE lcophot SET zp = 1 WHERE zp > 100; END'))
        with pytest.raises(DatabaseUnusable, match='lcophot does not give back what was put into it'):
            other.copy_from(database)
        assert len(other.zeropoints()) == 0
