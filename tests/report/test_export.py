"""Exported tables, read back by astropy and pandas."""

import csv

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st

from photzp.errors import UsageInvalid
from photzp.records import Column
from photzp.report.export import write_table

COLUMNS = (Column('name', '', 'name, "quoted", with # and: colon', str), Column('time', '', 'time, UTC', np.datetime64),
           Column('zp', 'mag', 'zeropoint'), Column('held', '', 'whether it was held', bool))


def piece(names, values):
    count = len(names)
    times = np.datetime64('2024-02-29T23:59:59.875', 'ms') + np.arange(count)
    return {'name': np.array(names, object), 'time': times, 'zp': np.array(values, float),
            'held': np.arange(count) % 2 == 0}


PIECES = [piece(['a-e91', 'with, comma', 'with "quote"'], [24.25, np.nan, -1e-12]), piece([], []),
          piece(['umlaut \u00fc'], [1 / 3])]
NAMES, ZP = ['a-e91', 'with, comma', 'with "quote"', 'umlaut \u00fc'], [24.25, np.nan, -1e-12, 1 / 3]


@pytest.mark.parametrize(('extension', 'form'), [('csv', 'ascii.csv'), ('ecsv', 'ascii.ecsv'), ('parquet', 'parquet')])
def test_astropy_reads_every_format(tmp_path, extension, form):
    path = tmp_path / f'x.{extension}'
    assert write_table(path, COLUMNS, PIECES) == 4
    table = Table.read(path, format=form)
    assert table['name'].tolist() == NAMES
    assert np.array_equal(table['zp'], ZP, equal_nan=True)
    assert [str(value) == 'True' for value in table['held']] == [True, False, True, True]
    assert np.datetime64(str(table['time'][0])) == np.datetime64('2024-02-29T23:59:59.875')
    if extension != 'csv':
        assert str(table['zp'].unit) == 'mag'
        assert [table[column.name].description for column in COLUMNS] == [column.description for column in COLUMNS]


@pytest.mark.parametrize('extension', ['csv', 'ecsv', 'parquet'])
def test_pandas_reads_every_format(tmp_path, extension):
    path = tmp_path / f'x.{extension}'
    write_table(path, COLUMNS, PIECES)
    frame = pd.read_parquet(path) if extension == 'parquet' else pd.read_csv(path, comment='#', parse_dates=['time'])
    assert frame['name'].tolist() == NAMES
    assert np.array_equal(frame['zp'], ZP, equal_nan=True)
    assert frame['time'].dtype.kind == 'M'
    assert frame['held'].dtype == bool


@pytest.mark.parametrize('extension', ['csv', 'ecsv', 'parquet'])
def test_an_old_table_stays_until_the_new_one_is_whole(tmp_path, extension):
    path = tmp_path / f'x.{extension}'
    write_table(path, COLUMNS, PIECES)
    before = path.read_bytes()

    def broken():
        yield PIECES[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_table(path, COLUMNS, broken())
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_another_extension_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(UsageInvalid, match=r'\.csv, \.ecsv, \.parquet'):
        write_table(tmp_path / 'x.xlsx', COLUMNS, PIECES)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_numbers_come_back_exactly(tmp_path_factory, values):
    path = tmp_path_factory.mktemp('numbers') / 'x.csv'
    write_table(path, COLUMNS, [piece(['x'] * len(values), values)])
    with open(path, newline='', encoding='utf-8') as file:
        assert [float(row['zp']) for row in csv.DictReader(file)] == values
