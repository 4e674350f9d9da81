"""Throughput models are replaced as a whole, or not at all."""

import numpy as np
import pytest

from tests.support.databaserows import model


def test_a_model_is_replaced_per_telescope_and_filter(db):
    days = np.arange('2019-01-01', '2019-01-11', dtype='datetime64[D]')
    db.store_model('lsc-doma-1m0a', 'gp', *model(days, np.linspace(24, 23, 10), np.full(10, 0.01)))
    db.store_model('lsc-doma-1m0a', 'rp', *model(days, np.full(10, 23.8)))
    db.store_model('lsc-doma-1m0a', 'gp', *model(days[[4, 2, 3]], [1.0, 2.0, np.nan], [0.1, np.nan, 0.3]))
    stored = db.model('lsc-doma-1m0a', 'gp')
    np.testing.assert_array_equal(stored.dateobs, days[2:5].astype('datetime64[ms]'))
    np.testing.assert_array_equal(stored.modelzp, [2.0, np.nan, 1.0])
    np.testing.assert_array_equal(stored.modelzperr, [np.nan, 0.3, 0.1])
    assert len(db.model('lsc-doma-1m0a', 'rp').modelzp) == 10
    db.store_model('lsc-doma-1m0a', 'gp', *model([], []))
    assert len(db.model('lsc-doma-1m0a', 'gp').modelzp) == 0


@pytest.mark.parametrize(('dates', 'zps'), [(['2019-01-01'], [1.0, 2.0]), (['NaT'], [1.0]), (['someday'], [1.0])])
def test_a_model_that_makes_no_sense_leaves_the_old_one_alone(db, dates, zps):
    db.store_model('lsc-doma-1m0a', 'gp', *model(['2018-01-01'], [24.0]))
    with pytest.raises(ValueError):
        db.store_model('lsc-doma-1m0a', 'gp', dates, zps, zps)
    assert list(db.model('lsc-doma-1m0a', 'gp').modelzp) == [24.0]


def test_intervals_and_steps_belong_to_their_model(db):
    day = np.datetime64('2019-01-01', 'ms')
    interval = {'starttime': day, 'openedby': 'first data', 'nights': np.int64(3), 'slope': np.nan}
    db.store_model('lsc-doma-1m0a', 'gp', *model(['2019-01-01'], [24.0]), [interval], [{'dateobs': day, 'step': 0.1}])
    db.store_model('lsc-doma-1m0a', 'rp', *model(['2019-01-01'], [24.0]), [interval] * 2)
    (stored,), (step,) = db.intervals_and_steps('lsc-doma-1m0a', 'gp')
    assert (stored['starttime'], stored['openedby'], stored['nights']) == ('2019-01-01 00:00:00.000', 'first data', 3)
    assert (stored['slope'], stored['startzp'], stored['telescopeid'], stored['filter']) == (
        None, None, 'lsc-doma-1m0a', 'gp')
    assert (step['dateobs'], step['step'], step['instrumental']) == ('2019-01-01 00:00:00.000', 0.1, None)
    assert [len(rows) for rows in db.intervals_and_steps('lsc-doma-1m0a', 'rp')] == [2, 0]
    db.store_model('lsc-doma-1m0a', 'gp', *model([], []))
    assert db.intervals_and_steps('lsc-doma-1m0a', 'gp') == ([], [])


def test_a_step_has_its_origin_and_the_interval_of_its_time(db):
    found = {'dateobs': np.datetime64('2019-02-03T04:05:06.789', 'ms'), 'kind': 'break', 'step': -0.05,
             'origin': 'found', 'early': np.datetime64('2019-02-01', 'ms'), 'late': np.datetime64('NaT', 'ms')}
    db.store_model('lsc-doma-1m0a', 'gp', *model(['2019-01-01'], [24.0]), (), [found])
    _, (step,) = db.intervals_and_steps('lsc-doma-1m0a', 'gp')
    assert {name: step[name] for name in found} == {
        **found, 'dateobs': '2019-02-03 04:05:06.789', 'early': '2019-02-01 00:00:00.000', 'late': None}
