"""Rows become arrays and arrays rows: what is no number is missing, what is no time is NaT."""

import numpy as np
import pytest

from photdbinterface import Measurement
from photzp.database.values import CONVERTERS, row_of


@pytest.mark.parametrize(('column', 'stored', 'read'), [
    ('zp', [24.1, 3, None, 'UNKNOWN', float('inf'), b'1'], [24.1, 3.0] + 4 * [np.nan]),
    ('airmass', [], []),
    ('site', ['lsc', None, b'coj', 7, 'x' * 101], ['lsc', '', 'coj', '7', 'x' * 100]),
    ('colortermheld', [1, 0, None], [True, False, False]),
    ('refcomplete', [1, 0, None], [True, False, True]),  # of rows older than the column all was there
])
def test_columns_are_read_as_their_kind(column, stored, read):
    array = CONVERTERS[column](stored)
    np.testing.assert_array_equal(array, np.array(read, array.dtype))


@pytest.mark.parametrize(('text', 'time'), [
    ('2019-08-05 23:59:59.987', '2019-08-05T23:59:59.987'), ('2019-08-05T23:59:59', '2019-08-05T23:59:59'),
    ('2019-08-05T23:59:59.9876Z', '2019-08-05T23:59:59.987'), ('2019-08-05', '2019-08-05'),
    ('2019-08-05 23:59:59.987+00:00', '2019-08-05T23:59:59.987'),
    ('2019-02-30 00:00:00.000', 'NaT'), ('2019-08-05 23:59:59+02:00', 'NaT'), ('now', 'NaT'), (None, 'NaT'), (5, 'NaT'),
])
def test_times_with_a_blank_or_a_t_and_what_is_none(text, time):
    usual = '2020-01-01 00:00:00.000'
    array = CONVERTERS['dateobs']([usual, text, usual])
    np.testing.assert_array_equal(array, np.array([usual, time, usual], 'datetime64[ms]'))


def test_what_no_driver_takes_is_made_plain():
    measured = Measurement(name='/x/a-e91.fits', dateobs='2019-08-05T01:00:00.000', site='l\0sc', dome='doma',
                           telescope='1m0a', camera='fa15', filter='\ud83d', airmass=np.float64('nan'),
                           zp=np.float32(24.5), colorterm=0.1, zpsig=float('inf'), nstars=np.int64(7))
    row = row_of(measured, processed='now')
    assert (row['dateobs'], row['site'], row['filter']) == ('2019-08-05 01:00:00.000', 'lsc', '\\ud83d')
    assert (row['airmass'], row['zp'], row['zpsig'], row['nstars']) == (None, 24.5, None, 7)
    assert {type(row['zp']), type(row['nstars'])} == {float, int}
    assert (row['name'], row['frame'], row['processed']) == ('/x/a-e91.fits', 'a', 'now')
