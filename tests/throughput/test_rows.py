"""Rows of a series as the model takes them: gains as they are now, airmass 1, usable or not."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from photdbinterface import Measurement, PhotDatabase
from photzp.measurements import LATER
from photzp.names import Telescope
from photzp.observatory import load_observatory
from photzp.observatorytables import GainRepair
from photzp.rowdigest import RowDigest
from photzp.throughput.rows import COLUMNS, Series, _correct_gain, at_unit_airmass, read_rows
from photzp.times import Period


def test_gain_correction_is_the_tabulated_one_and_ends_on_its_date():
    # fl06 1.82/2.45: -2.5 log10(0.742857) = +0.3227; kb95 2.75/1.6: -0.5880
    time = np.array(['2017-11-16', '2017-11-17', '2018-09-18', '2018-09-17'], 'datetime64[ms]')
    repairs = [GainRepair('fl06', (1.82, 2.45), until=date(2017, 11, 17)),
               GainRepair('kb95', (2.75, 1.6), from_=date(2018, 9, 18))]
    zp = _correct_gain(np.zeros(4), np.array(['fl06', 'fl06', 'kb95', 'kb95']), time, repairs)
    np.testing.assert_allclose(zp, [0.3227, 0, -0.5880, 0], atol=5e-5)


def test_unit_airmass_adds_what_the_air_took():
    np.testing.assert_allclose(at_unit_airmass(np.array([23.0, 23.0]), np.array([1.0, 2.0]), 0.14), [23.0, 23.14])


# -- rows of a database ------------------------------------------------------------------------------------------------

SERIES = Series(Telescope('lsc', 'doma', '1m0a'), 'rp', ('rp',))


def measured(number, **changes):
    usual = Measurement(name=f'lsc1m005-fa15-20190805-{number:04}-e91.fits', dateobs='2019-08-05 23:00:00.000',
                        site='lsc', dome='doma', telescope='1m0a', camera='fa15', filter='rp', airmass=2.0, zp=23.5,
                        colorterm=0.02, zpsig=0.03, zperr=0.004, zpcolor=1.0, nstars=90, ra=83.8, dec=-5.4, fwhm=1.75)
    return replace(usual, **changes)


@pytest.fixture
def database(tmp_path):
    with PhotDatabase(tmp_path / 'x.db') as opened:
        yield opened


def test_each_row_that_is_not_usable_has_one_reason(database):
    database.add_many([
        measured(1), measured(2, dateobs='no date'), measured(3, zp=np.nan, zpsig=9.0), measured(4, zp=99.0),
        measured(5, airmass=np.nan), measured(6, zpsig=0.21), measured(7, zpsig=0.19), measured(8, filter='gp'),
        measured(9, dome='domb'), measured(10, airmass=999.0), measured(11, dateobs='1970-01-01 00:00:03.000'),
        measured(12, dateobs='2015-01-01 00:00:00.000'), measured(13, zpsig=np.nan)])
    rows = read_rows(database, SERIES, load_observatory(), cameracolorterm=False)
    usable = set(rows.zeropoints.name[rows.usable])
    assert usable == {measured(1).name, measured(7).name}
    assert [(reason.words, count) for reason, count in rows.unusable.items()] == [
        ('without date', 1), ('dated before 1990', 1), ('without zeropoint', 1), ('with an impossible zeropoint', 1),
        ('with an impossible airmass', 1), ('before its start', 1), ('without airmass', 1),  # LCO's list: since 2016
        ('without scatter of its stars', 1), ('whose stars scatter too much', 1)]


EPOCHS = ['1970-01-01 00:00:03.000', '1858-11-17 00:00:00.000', '0001-01-01 00:00:00.000', '1980-01-06 00:00:00.000']


@pytest.mark.parametrize('dateobs', EPOCHS)
def test_a_date_of_a_clock_that_was_never_set_is_no_date(database, dateobs):
    database.add_many([measured(1), measured(2, dateobs=dateobs, camera='fa99')])
    rows = read_rows(database, SERIES, load_observatory())
    assert np.isnat(rows.zeropoints.dateobs[rows.zeropoints.camera == 'fa99']).all()
    assert rows.stored.dateobs[rows.stored.camera == 'fa99'] == np.datetime64(dateobs)
    assert rows.usable.tolist() == [False, True]
    assert rows.reference_mag == load_observatory().reference_mag('1m0', 'rp', 'fa15', date(2019, 8, 5))


def test_dates_before_the_start_count_as_known_unless_they_are_far_from_all_others(database):
    dates = ('2000-01-01', '2007-04-16', '2014-06-01', '2015-12-01', '2019-08-05')  # LCO's list: since 2016-04
    database.add_many(measured(number, dateobs=f'{date} 00:00:00.000') for number, date in enumerate(dates))
    rows = read_rows(database, SERIES, load_observatory())
    assert [str(day) for day in rows.zeropoints.dateobs.astype('datetime64[D]')] == ['NaT', 'NaT', *dates[2:]]
    assert [(reason.words, count) for reason, count in rows.unusable.items()] == [('before its start', 4)]
    elsewhere = replace(SERIES, telescope=Telescope('lsc', 'domx', '1m0a'))  # without a start
    database.add_many(measured(number + 9, dome='domx', dateobs=f'{date} 00:00:00.000')
                      for number, date in enumerate(dates))
    assert read_rows(database, elsewhere, load_observatory()).usable.all()


@pytest.mark.parametrize('airmass', [0.0, -1.0, 0.98, 40.1, 999.0])
def test_an_airmass_that_no_frame_has_corrects_no_zeropoint(database, airmass):
    database.add_many([measured(1, airmass=airmass)])
    rows = read_rows(database, SERIES, load_observatory(), cameracolorterm=False)
    assert not rows.usable.any()
    assert np.isnan(rows.zp_unit).all()
    assert (rows.zp_cameracolour, rows.stored.airmass) == (23.5, airmass)


def test_rows_are_brought_to_airmass_1_with_the_extinction_of_their_filter(database):
    database.add_many([measured(1), measured(2, airmass=1.0)])
    extinction = load_observatory().extinction('rp')
    rows = read_rows(database, SERIES, load_observatory(), cameracolorterm=False)
    np.testing.assert_allclose(np.sort(rows.zp_unit), [23.5, 23.5 + extinction], atol=1e-12)
    np.testing.assert_allclose(rows.extinction, extinction)


def test_rows_of_a_time_to_come_are_left_out_and_counted(database):
    database.add_many([measured(1), measured(2, dateobs='2019-08-07 01:00:00.000')])
    digest = RowDigest(COLUMNS)
    rows = read_rows(database, SERIES, load_observatory(), Period(now=np.datetime64('2019-08-06', 'ms')), digest=digest)
    assert (len(rows.zeropoints), rows.later, digest.rows) == (1, 1, 2)
    assert rows.unusable == {LATER: 1}
    assert rows.coming == np.datetime64('2019-08-07T01:00', 'ms')
    assert (rows.zeropoints.ra[0], rows.zeropoints.dec[0], rows.zeropoints.fwhm[0]) == (83.8, -5.4, 1.75)
    assert read_rows(database, replace(SERIES, native=('B',)), load_observatory()) is None


def test_a_series_of_a_time_to_come_is_empty_and_not_lost(database):
    database.add_many([measured(1), measured(2)])
    rows = read_rows(database, SERIES, load_observatory(), Period(now=np.datetime64('2019-01-01', 'ms')))
    assert (len(rows.zeropoints), rows.unusable, rows.reference_mag, rows.group_names) == (0, {LATER: 2}, None, ())


def test_cameras_filters_and_older_rows_are_groups_of_their_own(database):
    database.add_many([measured(1), measured(2), measured(3, camera='fl03'), measured(4, zpcolor=np.nan)])
    rows = read_rows(database, SERIES, load_observatory(), cameracolorterm=False)
    group = dict(zip(rows.zeropoints.name, rows.group.tolist(), strict=True))
    assert group[measured(1).name] == group[measured(2).name]
    assert len(set(group.values())) == len(rows.group_names) == 3
    assert rows.old_groups == {group[measured(4).name]}
    assert rows.has_old_rows
