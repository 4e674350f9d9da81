"""Rows of a series as the model takes them: gains as they are now, airmass 1, usable or not."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from photdbinterface import Measurement, PhotDatabase
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
        measured(9, dome='domb')])
    rows = read_rows(database, SERIES, load_observatory(), cameracolorterm=False)
    usable = set(rows.zeropoints.name[rows.usable])
    assert usable == {measured(1).name, measured(7).name}
    assert rows.unusable == {'without date': 1, 'before its start': 0, 'without zeropoint': 1,
                             'with an impossible zeropoint': 1, 'without airmass': 1, 'whose stars scatter too much': 1}


def test_rows_are_brought_to_airmass_1_with_the_extinction_of_their_filter(database):
    database.add_many([measured(1), measured(2, airmass=1.0)])
    extinction = load_observatory().extinction('rp')
    rows = read_rows(database, SERIES, load_observatory(), cameracolorterm=False)
    np.testing.assert_allclose(np.sort(rows.zp_unit), [23.5, 23.5 + extinction], atol=1e-12)
    np.testing.assert_allclose(rows.extinction, extinction)


def test_rows_of_a_time_to_come_are_left_out_and_counted(database, caplog):
    database.add_many([measured(1), measured(2, dateobs='2019-08-07 01:00:00.000')])
    digest = RowDigest(COLUMNS)
    rows = read_rows(database, SERIES, load_observatory(), Period(now=np.datetime64('2019-08-06', 'ms')), digest=digest)
    assert (len(rows.zeropoints), rows.later, digest.rows) == (1, 1, 2)
    assert (rows.zeropoints.ra[0], rows.zeropoints.dec[0], rows.zeropoints.fwhm[0]) == (83.8, -5.4, 1.75)
    assert 'lsc-doma-1m0a rp: 1 zeropoint is dated later than now' in caplog.text
    assert read_rows(database, replace(SERIES, native=('B',)), load_observatory()) is None


def test_cameras_filters_and_older_rows_are_groups_of_their_own(database):
    database.add_many([measured(1), measured(2), measured(3, camera='fl03'), measured(4, zpcolor=np.nan)])
    rows = read_rows(database, SERIES, load_observatory(), cameracolorterm=False)
    group = dict(zip(rows.zeropoints.name, rows.group.tolist(), strict=True))
    assert group[measured(1).name] == group[measured(2).name]
    assert len(set(group.values())) == len(rows.group_names) == 3
    assert rows.old_groups == {group[measured(4).name]}
    assert rows.has_old_rows
