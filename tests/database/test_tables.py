"""Rows become arrays and arrays rows: what is no number is missing, what is no time is NaT."""

from dataclasses import fields

import numpy as np
import pytest

import photdbinterface
from photdbinterface import Measurement
from photzp.database.tables import CONVERTERS, PHOT, Fingerprint, best_of_exposure, fitting_row, row_of


def test_the_dataclasses_follow_the_tables():
    stored = {column.name for column in photdbinterface.LcoPhot.__table__.columns}
    assert {field.name for field in fields(Measurement)} | {'processed', 'frame'} == stored
    assert {field.name for field in fields(photdbinterface.Zeropoints)} | {'frame'} == stored


@pytest.mark.parametrize(('column', 'stored', 'read'), [
    ('zp', [24.1, 3, None, 'UNKNOWN', float('inf'), b'1'], [24.1, 3.0] + 4 * [np.nan]),
    ('airmass', [], []),
    ('site', ['lsc', None, b'coj', 7, 'x' * 101], ['lsc', '', 'coj', '7', 'x' * 100]),
    ('colortermheld', [1, 0, None], [True, False, False]),
    ('refcomplete', [1, 0, None], [True, False, True]),  # of rows older than the column all was there
])
def test_columns_are_read_as_their_kind(column, stored, read):
    found = CONVERTERS[column](stored)
    np.testing.assert_array_equal(found, np.array(read, found.dtype))


@pytest.mark.parametrize(('text', 'time'), [
    ('2019-08-05 23:59:59.987', '2019-08-05T23:59:59.987'), ('2019-08-05T23:59:59', '2019-08-05T23:59:59'),
    ('2019-08-05T23:59:59.9876Z', '2019-08-05T23:59:59.987'), ('2019-08-05', '2019-08-05'),
    ('2019-08-05 23:59:59.987+00:00', '2019-08-05T23:59:59.987'),
    ('2019-02-30 00:00:00.000', 'NaT'), ('2019-08-05 23:59:59+02:00', 'NaT'), ('now', 'NaT'), (None, 'NaT'), (5, 'NaT'),
])
def test_times_with_a_blank_or_a_t_and_what_is_none(text, time):
    usual = '2020-01-01 00:00:00.000'
    found = CONVERTERS['dateobs']([usual, text, usual])
    np.testing.assert_array_equal(found, np.array([usual, time, usual], 'datetime64[ms]'))


def test_of_an_exposure_the_final_frame_then_the_newest_then_a_base_name_counts():
    day = np.datetime64('2020-01-01', 'ms')
    rows = [  # name, exposure, processed, whether it is the one
        ('a-e11.fits', 0, day + np.timedelta64(9, 'ms'), False), ('a-e91.fits', 0, day, True),
        ('b-e91.fits', 1, day, False), ('/x/b-e91.fits', 1, day + np.timedelta64(1, 'ms'), True),
        ('c-e91.fits', 2, day, True), ('/x/c-e91.fits', 2, day, False),
        ('d-e91.fits', 3, np.datetime64('NaT', 'ms'), True)]
    names, exposures, processed, best = zip(*rows, strict=True)
    found = best_of_exposure(np.array(names, object), np.array(exposures), np.array(processed))
    assert found.tolist() == list(best)


def test_a_row_of_any_database_fits_the_columns_or_is_missing():
    row = {'name': 'x', 'zp': '24.1', 'nstars': 7.0, 'airmass': float('nan'), 'colortermheld': 1, 'site': 5}
    assert fitting_row(PHOT, row) == {
        'name': 'x', 'zp': None, 'nstars': 7, 'airmass': None, 'colortermheld': True, 'site': '5'}


def test_a_fingerprint_knows_rows_and_not_their_order():
    def of(*rows):
        found = Fingerprint()
        found.add({'a': a, 'b': b} for a, b in rows)
        return found

    assert of((1, 'x'), (2, 'y')) == of((2, 'y'), (1, 'x'))
    for other in (of((1, 'x')), of((1, 'y'), (2, 'x')), of((1, 'x'), (1, 'x')), of((1, 'x'), ('2', 'y'))):
        assert other != of((1, 'x'), (2, 'y'))


def test_what_no_driver_takes_is_made_plain():
    measured = Measurement('/x/a-e91.fits', '2019-08-05T01:00:00.000', 'l\0sc', 'doma', '1m0a', 'fa15', '\ud83d',
                           np.float64('nan'), np.float32(24.5), 0.1, float('inf'), nstars=np.int64(7))
    row = row_of(measured, processed='now')
    assert (row['dateobs'], row['site'], row['filter']) == ('2019-08-05 01:00:00.000', 'lsc', '\\ud83d')
    assert (row['airmass'], row['zp'], row['zpsig'], row['nstars']) == (None, 24.5, None, 7)
    assert {type(row['zp']), type(row['nstars'])} == {float, int}
    assert (row['name'], row['frame'], row['processed']) == ('/x/a-e91.fits', 'a', 'now')
