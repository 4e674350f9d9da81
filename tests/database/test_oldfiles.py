"""Zeropoints of earlier years, in ASCII or SQLite, are taken in once, and lines that are none are reported."""

import math
import sqlite3
from contextlib import closing
from dataclasses import fields

import pytest

from photdbinterface import Measurement, PhotDatabase
from photzp.database.oldfiles import _is_sqlite, import_file
from tests.support.databaserows import measured

LINE = 'lsc1m005-kb78-20160401-0001-e90.fits 2016-04-01T01:02:03.456 lsc doma 1m0a kb78 gp 1.25 24.125 -0.03 0.04'
SECOND = LINE.replace('-0001-', '-0002-')


@pytest.fixture
def file(tmp_path):
    return tmp_path / 'old.db'


@pytest.fixture
def database(tmp_path):
    with PhotDatabase(tmp_path / 'new.db') as opened:
        yield opened


def test_a_line_has_eleven_columns(database, file):
    file.write_text(f'# name dateobs site ...\n\n{LINE}\n  # a comment\n{SECOND.replace("1.25", "UNKNOWN")}\n')
    assert import_file(database, file) == (2, 0, [])
    rows = database.zeropoints()
    assert [values[0] for values in (rows.name, rows.dateobs.astype(str), rows.site, rows.dome, rows.telescope,
                                     rows.camera, rows.filter, rows.airmass, rows.zp, rows.colorterm, rows.zpsig)] == [
        'lsc1m005-kb78-20160401-0001-e90.fits', '2016-04-01T01:02:03.456', 'lsc', 'doma', '1m0a', 'kb78', 'gp', 1.25,
        24.125, -0.03, 0.04]
    assert math.isnan(rows.airmass[1])


@pytest.mark.parametrize(('line', 'why'), [
    (LINE + ' 7', '12 columns instead of 11'), (LINE.rpartition(' ')[0], '10 columns instead of 11'),
    (LINE.replace('24.125', 'nan'), 'zp is nan'), (LINE.replace('24.125', 'inf'), 'zp is inf'),
    (LINE.replace('24.125', 'failed'), "could not convert string to float: 'failed'"),
    (LINE.replace('2016-04-01T', '2016-04-31T'), 'day is out of range for month'),
])
def test_what_is_no_line_is_reported_with_its_number(database, file, line, why):
    file.write_text(f'{LINE}\n{line}\n{SECOND}\n')
    new, old, ((place, said),) = import_file(database, file)
    assert (new, old, place) == (2, 0, 'line 2')
    assert said.startswith(why)


def test_bytes_that_are_no_text_do_not_stop_the_others(database, file):
    file.write_bytes(LINE.encode() + b'\n\xff\xfe\0\n' + SECOND.encode())
    new, old, unreadable = import_file(database, file)
    assert (new, old, [place for place, _ in unreadable]) == (2, 0, ['line 2'])


def test_an_sqlite_file_is_known_by_its_first_bytes(file, tmp_path):
    file.write_text(LINE)
    assert not _is_sqlite(file)
    file.write_bytes(b'')
    assert not _is_sqlite(file)
    with closing(sqlite3.connect(tmp_path / 'other')) as connection, connection:
        connection.execute('CREATE TABLE t (x)')
    assert _is_sqlite(tmp_path / 'other')


def test_rows_are_taken_in_once_and_never_over_newer_ones(database, file):
    second = SECOND.split()[0]
    file.write_text(f'/x/{LINE}\n{SECOND}\nno line\n')
    database.add(measured(second, zp=23.0))
    assert import_file(database, file) == (1, 1, [('line 3', '2 columns instead of 11')])
    assert import_file(database, file) == (0, 2, [('line 3', '2 columns instead of 11')])
    rows = database.zeropoints()
    assert dict(zip(rows.name, rows.zp, strict=True)) == {LINE.split()[0]: 24.125, second: 23.0}


def test_rows_of_a_database_are_taken_in_with_all_their_columns(database, file):
    with PhotDatabase(file) as old:
        old.add(measured())
    assert import_file(database, file) == (1, 0, [])
    rows = database.zeropoints()
    assert str(rows.dateobs[0]) == '2019-08-05T23:59:59.987'
    for field in fields(Measurement):
        if field.name != 'dateobs':
            assert getattr(rows, field.name)[0] == getattr(measured(), field.name)


def test_a_file_that_is_not_there_is_reported(database, tmp_path):
    new, old, ((place, why),) = import_file(database, tmp_path / 'none')
    assert (new, old, place) == (0, 0, 'file')
    assert 'No such file' in why
