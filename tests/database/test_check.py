"""What --testdb finds in rows, each kind by itself, and in the file."""

import math
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from photdbinterface import PhotDatabase
from photzp.database import check
from photzp.database.check import faults_of_rows
from photzp.observatory import load_observatory
from tests.support.databaserows import OTHER, measured

OBSERVATORY = load_observatory()
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROW = {'name': 'lsc1m005-fa15-20190805-0123-e91.fits.fz', 'dateobs': '2019-08-05 23:59:59.987', 'site': 'lsc',
       'dome': 'doma', 'telescope': '1m0a', 'airmass': 1.2, 'zp': 24.1, 'zpsig': 0.03, 'ra': 359.9, 'dec': -29.5,
       'fwhm': 1.8}


def faults(*rows):
    checked = faults_of_rows((ROW | row for row in rows), OBSERVATORY, NOW)
    return checked.total, checked.faults


def unused(*rows):
    return faults_of_rows((ROW | row for row in rows), OBSERVATORY, NOW).unused


def test_rows_that_are_right_are_counted():
    assert faults({}, {'name': 'lsc1m005-fa15-20190805-0124-e91.fits.fz', 'dateobs': '2019-08-06T00:01:02',
                       'ra': None, 'dec': None, 'fwhm': None}) == (2, [])


@pytest.mark.parametrize(('wrong', 'said'), [
    ({'dateobs': '2019-08-05'}, 'dateobs is not a date and time'),
    ({'dateobs': None}, 'dateobs is not a date and time'),
    ({'dateobs': '2019-13-05 00:00:00'}, 'dateobs is not a date and time'),
    ({'dateobs': '2019-02-30 00:00:00'}, 'dateobs is not a date and time'),
    ({'dateobs': '2026-01-01T00:00:01'}, 'dateobs is later than now'),
    ({'dateobs': '1970-01-01 00:00:03.000'}, 'dateobs is before 1990'),
    ({'dateobs': '0001-01-01 00:00:00.000'}, 'dateobs is before 1990'),
    ({'airmass': 0.0}, 'airmass is not between 0.99 and 40'), ({'airmass': 999}, 'airmass is not between 0.99 and 40'),
    ({'zp': None}, 'zp is not a number'), ({'zp': math.nan}, 'zp is not a number'), ({'zp': 'x'}, 'zp is not a number'),
    ({'zp': 9.9}, 'zp is not between 10 and 35 mag'), ({'zp': 35.1}, 'zp is not between 10 and 35 mag'),
    ({'dome': 'domx'}, 'telescope lsc-domx-1m0a is not in observatory.toml'),
    ({'ra': -0.1}, 'ra and dec are no position'), ({'ra': 361.0}, 'ra and dec are no position'),
    ({'dec': None}, 'ra and dec are no position'), ({'dec': -90.1}, 'ra and dec are no position'),
    ({'ra': '05:35:17'}, 'ra and dec are no position'),
    ({'fwhm': 0.0}, 'fwhm is not above 0'), ({'fwhm': -1.8}, 'fwhm is not above 0'),
    ({'fwhm': 'NaN'}, 'fwhm is not above 0'),
])
def test_what_is_wrong_with_a_row_is_said_with_its_frame(wrong, said):
    assert faults(wrong) == (1, [f'1 x {said}, as in {ROW["name"]}'])


@pytest.mark.parametrize(('right', 'said'), [
    ({'airmass': None}, 'without airmass'), ({'airmass': 'UNKNOWN'}, 'without airmass'),
    ({'zpsig': 0.3}, 'whose stars scatter too much'), ({'zpsig': None}, 'without scatter of its stars'),
    ({'dateobs': '2016-01-01 00:00:00.000'}, 'before its start')])
def test_what_the_report_does_not_use_is_named_and_no_fault(right, said):
    assert unused({}, right) == [f'1 {said}, as in {ROW["name"]}']
    assert faults(right) == (1, [])


def test_each_telescope_has_its_own_limits_and_start():
    smaller = {'telescope': '0m4a', 'dome': 'aqwa', 'zpsig': 0.3, 'dateobs': '2016-01-01 00:00:00.000'}
    assert unused(smaller, {'zpsig': 0.3}, smaller) == [f'1 whose stars scatter too much, as in {ROW["name"]}']


def test_more_rows_than_are_judged_at_a_time(monkeypatch):
    monkeypatch.setattr(check, 'READ_CHUNK', 2)
    assert faults(*({'name': f'x-{number}-e91.fits', 'zp': None} for number in range(5))) == (
        5, ['5 x zp is not a number, as in x-0-e91.fits, x-1-e91.fits, x-2-e91.fits'])


def test_the_most_frequent_comes_first_with_three_examples():
    rows = [{'name': f'/archive/x-{number}-e91.fits', 'zp': 0.0} for number in range(5)]
    assert faults({'dateobs': None}, *rows) == (6, [
        '5 x zp is not between 10 and 35 mag, as in x-0-e91.fits, x-1-e91.fits, x-2-e91.fits',
        f'1 x dateobs is not a date and time, as in {ROW["name"]}'])


def test_exposures_that_are_there_twice():
    assert faults({}, {'name': f'/archive/{ROW["name"]}'}, {'name': ROW['name'].replace('e91', 'e11')}) == (
        3, ['1 exposures have several rows, as lsc1m005-fa15-20190805-0123; the newest is used'])


def test_rows_of_a_database_are_checked_as_they_are_stored(db):
    db.add_many([measured(), measured(OTHER, zp=99.0)])
    checked = faults_of_rows(db.raw_rows(), OBSERVATORY, NOW)
    assert (checked.total, checked.faults) == (2, [f'1 x zp is not between 10 and 35 mag, as in {OTHER}'])
    assert db.integrity() == []


def test_a_damaged_file(tmp_path):
    with PhotDatabase(tmp_path / 'x.db') as database:
        database.add_many(measured(f'x-{number}-e91.fits') for number in range(9))
    with closing(sqlite3.connect(tmp_path / 'x.db')) as connection, connection:
        index = connection.execute("SELECT * FROM sqlite_schema WHERE name = 'ix_lcophot_frame'").fetchone()
        connection.execute('PRAGMA writable_schema=ON')
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'ix_lcophot_frame'")
    with closing(sqlite3.connect(tmp_path / 'x.db')) as connection, connection:
        connection.execute("INSERT INTO lcophot (name, frame) VALUES ('y', 'y')")
        connection.execute('PRAGMA writable_schema=ON')
        connection.execute('INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)', index)
    with PhotDatabase(tmp_path / 'x.db', readonly=True) as database:
        assert any('ix_lcophot_frame' in line for line in database.integrity())
