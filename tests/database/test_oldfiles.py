"""Zeropoints of earlier years in ASCII: eleven columns, words for missing numbers, and lines that are none."""

import math
import sqlite3
from contextlib import closing

import pytest

from photzp.database.oldfiles import OldZeropoint, is_sqlite, read_ascii

LINE = 'lsc1m005-kb78-20160401-0001-e90.fits 2016-04-01T01:02:03.456 lsc doma 1m0a kb78 gp 1.25 24.125 -0.03 0.04'


@pytest.fixture
def file(tmp_path):
    return tmp_path / 'old.db'


def test_a_line_has_eleven_columns(file):
    file.write_text(f'# name dateobs site ...\n\n{LINE}\n  # a comment\n{LINE.replace("1.25", "UNKNOWN")}\n')
    (first, second), unreadable = read_ascii(file)
    assert first == OldZeropoint('lsc1m005-kb78-20160401-0001-e90.fits', '2016-04-01 01:02:03.456', 'lsc', 'doma',
                                 '1m0a', 'kb78', 'gp', 1.25, 24.125, -0.03, 0.04)
    assert math.isnan(second.airmass)
    assert unreadable == []


@pytest.mark.parametrize(('line', 'why'), [
    (LINE + ' 7', '12 columns instead of 11'), (LINE.rpartition(' ')[0], '10 columns instead of 11'),
    (LINE.replace('24.125', 'nan'), 'zp is nan'), (LINE.replace('24.125', 'inf'), 'zp is inf'),
    (LINE.replace('24.125', 'failed'), "could not convert string to float: 'failed'"),
    (LINE.replace('2016-04-01T', '2016-04-31T'), 'day is out of range for month'),
])
def test_what_is_no_line_is_told_by_its_number(file, line, why):
    file.write_text(f'{LINE}\n{line}\n{LINE}\n')
    rows, ((number, said),) = read_ascii(file)
    assert (len(rows), number) == (2, 2)
    assert said.startswith(why)


def test_bytes_that_are_no_text_do_not_stop_the_others(file):
    file.write_bytes(LINE.encode() + b'\n\xff\xfe\0\n' + LINE.encode())
    rows, unreadable = read_ascii(file)
    assert (len(rows), [number for number, _ in unreadable]) == (2, [2])


def test_an_sqlite_file_is_told_from_ascii_by_its_first_bytes(file, tmp_path):
    file.write_text(LINE)
    assert not is_sqlite(file)
    file.write_bytes(b'')
    assert not is_sqlite(file)
    with closing(sqlite3.connect(tmp_path / 'other')) as connection, connection:
        connection.execute('CREATE TABLE t (x)')
    assert is_sqlite(tmp_path / 'other')
