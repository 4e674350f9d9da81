"""What --testdb finds in rows, each kind by itself, and what is taken in from older files."""

import math
from datetime import UTC, datetime

import pytest

from photdbinterface import Measurement, PhotDatabase
from photzp.database.check import findings, import_file
from photzp.observatory import load_observatory

OBSERVATORY = load_observatory()
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROW = {'name': 'lsc1m005-fa15-20190805-0123-e91.fits.fz', 'dateobs': '2019-08-05 23:59:59.987', 'site': 'lsc',
       'dome': 'doma', 'telescope': '1m0a', 'zp': 24.1}


class Rows:
    """A database of rows as they are stored."""

    def __init__(self, *rows, damage=()):
        self.rows, self.damage = [ROW | row for row in rows], list(damage)

    def raw_rows(self):
        return iter(self.rows)

    def count(self):
        return len(self.rows)

    def integrity(self):
        return self.damage


def found(*rows, damage=()):
    return findings(Rows(*rows, damage=damage), OBSERVATORY, NOW)


def test_rows_that_are_right_are_counted():
    assert found({}, {'name': 'lsc1m005-fa15-20190805-0124-e91.fits.fz', 'dateobs': '2019-08-06T00:01:02'}) == (2, [])


@pytest.mark.parametrize(('wrong', 'said'), [
    ({'dateobs': '2019-08-05'}, 'dateobs is not a date and time'),
    ({'dateobs': None}, 'dateobs is not a date and time'),
    ({'dateobs': '2019-13-05 00:00:00'}, 'dateobs is not a date and time'),
    ({'dateobs': '2026-01-01T00:00:01'}, 'dateobs is later than now'),
    ({'zp': None}, 'zp is not a number'), ({'zp': math.nan}, 'zp is not a number'), ({'zp': 'x'}, 'zp is not a number'),
    ({'zp': 9.9}, 'zp is not between 10 and 35 mag'), ({'zp': 35.1}, 'zp is not between 10 and 35 mag'),
    ({'dome': 'domx'}, 'telescope lsc-domx-1m0a is not in observatory.toml'),
])
def test_what_is_wrong_with_a_row_is_said_with_its_frame(wrong, said):
    assert found(wrong) == (1, [f'1 x {said}, as in {ROW["name"]}'])


def test_the_most_frequent_comes_first_with_three_examples():
    rows = [{'name': f'/archive/x-{number}-e91.fits', 'zp': 0.0} for number in range(5)]
    assert found({'dateobs': None}, *rows) == (6, [
        '5 x zp is not between 10 and 35 mag, as in x-0-e91.fits, x-1-e91.fits, x-2-e91.fits',
        f'1 x dateobs is not a date and time, as in {ROW["name"]}'])


def test_a_damaged_file_and_exposures_that_are_there_twice():
    total, said = found({}, {'name': f'/archive/{ROW["name"]}'}, {'name': ROW['name'].replace('e91', 'e11')},
                        damage=['row 3 missing from index'])
    assert total == 3
    assert said == ['the file is damaged: row 3 missing from index',
                    '1 exposures have several rows, as lsc1m005-fa15-20190805-0123; the newest is used']


# -- older files -------------------------------------------------------------------------------------------------------

LINE = '{} 2016-04-01T01:02:03.456 lsc doma 1m0a kb78 gp UNKNOWN {} -0.03 0.04\n'


@pytest.fixture
def database(tmp_path):
    with PhotDatabase(tmp_path / 'new.db') as opened:
        yield opened


def open_old(path):
    return PhotDatabase(path, readonly=True)


def test_rows_of_a_text_are_taken_in_once_and_never_over_newer_ones(database, tmp_path):
    file = tmp_path / 'old.txt'
    file.write_text(LINE.format('/x/a-1-e90.fits', 24.1) + LINE.format('b-1-e90.fits', 24.2) + 'no line\n')
    database.add(Measurement('b-1-e90.fits', '2016-04-01 01:02:03.456', 'lsc', 'doma', '1m0a', 'kb78', 'gp', 1.2, 23.0,
                             0.0, 0.04))
    assert import_file(database, file, open_old) == (1, 1, [('line 3', '2 columns instead of 11')])
    assert import_file(database, file, open_old) == (0, 2, [('line 3', '2 columns instead of 11')])
    rows = database.zeropoints()
    assert dict(zip(rows.name, rows.zp, strict=True)) == {'a-1-e90.fits': 24.1, 'b-1-e90.fits': 23.0}
    assert math.isnan(rows.airmass[rows.name == 'a-1-e90.fits'][0])


def test_rows_of_a_database_are_taken_in_with_all_their_columns(database, tmp_path):
    with PhotDatabase(tmp_path / 'old.db') as old:
        old.add(Measurement('c-1-e91.fits', '2019-04-01 01:02:03.456', 'lsc', 'doma', '1m0a', 'fa15', 'gp', 1.2, 23.0,
                            0.1, 0.04, zperr=0.003, nstars=50, exptime=30.0, colortermheld=True))
    assert import_file(database, tmp_path / 'old.db', open_old) == (1, 0, [])
    rows = database.zeropoints()
    assert (rows.name[0], rows.zperr[0], rows.nstars[0], rows.colortermheld[0]) == ('c-1-e91.fits', 0.003, 50, True)
    assert str(rows.dateobs[0]) == '2019-04-01T01:02:03.456'


def test_a_file_that_is_not_there_is_told(database, tmp_path):
    new, known, ((place, why),) = import_file(database, tmp_path / 'none', open_old)
    assert (new, known, place) == (0, 0, 'file')
    assert 'No such file' in why
