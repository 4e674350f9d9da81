"""The rule of usable rows."""

import numpy as np
import pytest

from photzp.measurements import EARLIEST, UNUSABLE, UsableLimits, usable_rows, why_unusable


def test_usable_rows_by_class_of_the_telescope():
    zp, airmass = np.array([23.0, np.nan, 23.0, 23.0, 23.0]), np.array([1.1, 1.1, np.nan, 1.1, 1.1])
    zpsig = np.array([0.2, 0.1, 0.1, 0.3, np.nan])
    assert usable_rows(zp, airmass, zpsig, '1m0a').tolist() == [True, False, False, False, False]
    assert usable_rows(zp, airmass, zpsig, '0m4a').tolist() == [True, False, False, True, False]


@pytest.mark.parametrize('zp', [-1e5, 0.0, 9.9, 35.1, 99.0, np.inf])
def test_zeropoints_that_no_telescope_has_are_not_usable(zp):
    assert usable_rows(np.array([zp, 23.0]), np.ones(2), np.full(2, 0.1), '1m0a').tolist() == [False, True]


def words(limits, **changes):
    """Why the one row of usual values with these changes is not used, '' where it is."""
    row = {'time': '2019-08-05T23:00', 'zp': 23.5, 'airmass': 1.2, 'zpsig': 0.03} | changes
    why, = why_unusable(np.array([row['time']], 'datetime64[ms]'), *(
        np.array([row[name]], float) for name in ('zp', 'airmass', 'zpsig')), limits)
    return UNUSABLE[why - 1].words if why else ''


@pytest.mark.parametrize(('changes', 'reason'), [
    ({}, ''), ({'time': 'NaT', 'zp': np.nan}, 'without date'), ({'time': '1970-01-01'}, 'dated before 1990'),
    ({'time': '1858-11-17', 'airmass': 0}, 'dated before 1990'), ({'time': '0001-01-01'}, 'dated before 1990'),
    ({'time': '1989-12-31T23:59:59'}, 'dated before 1990'), ({'time': '2015-12-31'}, 'before its start'),
    ({'time': '2016-01-01'}, ''), ({'time': '2020-01-01'}, ''),
    ({'time': '2020-01-01T00:00:00.001'}, 'dated later than now'), ({'zp': np.nan}, 'without zeropoint'),
    ({'zp': 35.1, 'time': '2015-12-31'}, 'with an impossible zeropoint'), ({'airmass': np.nan}, 'without airmass'),
    ({'airmass': 0.0}, 'with an impossible airmass'), ({'airmass': 999.0}, 'with an impossible airmass'),
    ({'airmass': 0.99}, ''), ({'airmass': 40.0}, ''), ({'zpsig': np.nan}, 'without scatter of its stars'),
    ({'zpsig': 0.21}, 'whose stars scatter too much')])
def test_the_first_reason_why_a_row_is_not_used(changes, reason):
    limits = UsableLimits.of('1m0a', np.datetime64('2016-01-01', 'ms'), np.datetime64('2020-01-01', 'ms'))
    assert words(limits, **changes) == reason


def test_without_a_start_and_a_present_all_dates_since_1990_are_used():
    limits = UsableLimits.of('0m4a')
    assert limits.start == EARLIEST
    assert words(limits, time='1990-01-01') == words(limits, time='2999-01-01') == words(limits, zpsig=0.5) == ''
