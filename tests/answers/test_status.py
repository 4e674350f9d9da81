"""The line of a telescope and filter: its numbers by hand, what the clock changes in it, what a person would say."""

import math
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from photzp.answers.status import (
    TREND_WEEKS,
    Trend,
    counted_anew,
    judged_anew,
    series_status,
    status_sentence,
    trend_of,
)
from photzp.observatorytables import ThroughputRules
from tests.support.madefits import interval, made_fit
from tests.support.samples import STATUS

ONE = 'lsc-doma-1m0a'
RULES = ThroughputRules(healthy_mag=0.2, reference_error_mag=0.1)


def test_a_trend_has_the_last_night_of_each_week():
    time = np.array(['2025-01-01T12:00', '2025-01-02T03:00', '2025-01-08T23:59', '2025-01-23T00:00'], 'datetime64[ms]')
    trend = trend_of(ONE, 'rp', time, np.array([23.1, 23.2, 23.3004, 23.4]))
    assert trend == Trend(ONE, 'rp', '2024-12-26', (23.1, 23.3, None, None, 23.4))  # 2 and 23 January were Thursdays


def test_a_trend_is_the_newest_year_and_knows_no_clock():
    time = np.datetime64('2020-01-01T00:00', 'ms') + np.arange(0, 1500) * np.timedelta64(1, 'D')
    trend = trend_of(ONE, 'rp', time, np.linspace(23, 24, 1500))
    assert len(trend.zp_mag) == TREND_WEEKS
    week = np.timedelta64(7, 'D')
    last = np.datetime64(trend.first) + (TREND_WEEKS - 1) * week
    assert last <= time[-1] < last + week
    assert trend.zp_mag[-1] == 24.0


def test_nights_without_a_model_or_a_date_are_no_weeks():
    time = np.array(['NaT', '2025-01-02', '2025-01-09'], 'datetime64[ms]')
    assert trend_of(ONE, 'rp', time, np.array([23.0, 23.1, math.nan])) == Trend(ONE, 'rp', '2025-01-02', (23.1,))
    assert trend_of(ONE, 'rp', time[:1], np.array([23.0])) is None


# -- the status --------------------------------------------------------------------------------------------------------

NOW = np.datetime64('2020-02-15T12:00', 'ms')  # 45 days after the first night of `madefits`
EVENTS = ((date(2019, 11, 1), 'start', ''), (date(2020, 1, 31), 'wash', ''), (date(2020, 3, 1), 'cleaning', ''))


def status_of(fit, reference_mag=23.6):
    """The status of four rows with a fit."""
    dateobs = np.array(['2020-01-01T05:00', '2020-02-14T05:00:00.123', '2020-01-02T05:00', 'NaT'], 'datetime64[ms]')
    rows = SimpleNamespace(
        telescope='lsc-doma-1m0a', filter='rp', reference_mag=reference_mag, events=EVENTS,
        zeropoints=SimpleNamespace(dateobs=dateobs, camera=np.array(['fl03', 'fa15', 'fl03', 'fa15'])))
    return series_status(rows, fit, now=NOW, rules=RULES)


def monthly_fit(**changes):
    """45 nights at 23.5 mag, of which the last five were cloudy."""
    day = np.arange(45)
    return made_fit(day, np.full(45, 23.5), clear=day < 40,
                    intervals=[interval(0, 45, slope=-0.012, slope_error=0.0004)], **changes)


def test_a_camera_without_a_date_is_not_the_oldest():
    rows = SimpleNamespace(
        telescope='lsc-doma-1m0a', filter='rp', reference_mag=None, events=(),
        zeropoints=SimpleNamespace(dateobs=np.array(['NaT', '2020-01-02', '2020-01-03'], 'datetime64[ms]'),
                                   camera=np.array(['fa15', 'fl03', 'fa15'])))
    assert series_status(rows, monthly_fit(), now=NOW, rules=RULES).cameras == ('fl03', 'fa15')


def test_the_status_by_hand():
    status = status_of(monthly_fit())
    # 23.5 against 23.6 mag is 10 ** -0.04 = 91.20 %, and 1 mmag of it 0.084 %.
    assert (status.zp_mag, status.zp_error_mag, status.percent, status.percent_error) == (23.5, 0.001, 91.2, 0.1)
    assert status.reference_error_mag == 0.1
    assert (status.slope_mag_per_month, status.slope_error_mag_per_month) == (-0.012, 0.0004)
    assert (status.rows, status.usable_rows, status.nights) == (4, 180, 45)
    assert status.cameras == ('fl03', 'fa15')
    assert status.last_observation == '2020-02-14T05:00:00'
    assert status.updated == status.made == '2020-02-15T12:00:00'
    assert (status.event_date, status.event_kind, status.days_since_event) == ('2020-01-31', 'wash', 15)
    assert (status.nights_observed, status.nights_photometric) == (29, 24)  # from 17 January on


@pytest.mark.parametrize(('reference_mag', 'state'), [
    (23.6, 'good'), (23.69, 'good'), (23.71, 'low'), (23.0, 'good'), (None, 'unknown')])
def test_a_telescope_is_low_more_than_a_fifth_of_a_magnitude_below_its_reference(reference_mag, state):
    status = status_of(monthly_fit(), reference_mag)
    assert status.state == state
    assert (status.percent is None) is (reference_mag is None) is (status.reference_error_mag is None)


def test_of_no_nights_nothing_is_known():
    status = status_of(made_fit([], []))
    assert (status.zp_mag, status.percent, status.slope_mag_per_month, status.state) == (None, None, None, 'unknown')
    assert status_sentence(status) == 'too few points for a model'


def test_a_later_clock_changes_days_and_nothing_else():
    fit = monthly_fit()
    before, later = status_of(fit), NOW + np.timedelta64(20, 'D')
    after = counted_anew(before, fit.night, fit.photometric, EVENTS, later)
    assert (after.event_kind, after.days_since_event) == ('cleaning', 5)
    assert (after.nights_observed, after.nights_photometric) == (9, 4)
    assert after.updated == '2020-03-06T12:00:00'
    counted = {name: getattr(before, name) for name in (
        'event_date', 'event_kind', 'days_since_event', 'nights_observed', 'nights_photometric', 'updated')}
    assert replace(after, **counted) == before


@pytest.mark.parametrize(('changes', 'said'), [
    ({}, 'throughput 83% of reference, falling 4 mmag a month'),
    ({'slope_mag_per_month': 0.0041}, 'throughput 83% of reference, rising 4 mmag a month'),
    ({'slope_error_mag_per_month': 0.0021}, 'throughput 83% of reference, steady'),
    ({'slope_mag_per_month': -0.0004, 'slope_error_mag_per_month': 0.0}, 'throughput 83% of reference, steady'),
    ({'slope_mag_per_month': None}, 'throughput 83% of reference'),
    ({'percent': None}, 'zeropoint 23.60 mag, no reference known, falling 4 mmag a month'),
    ({'zp_mag': None}, 'too few points for a model'),
])
def test_a_series_in_words(changes, said):
    assert status_sentence(replace(STATUS, **changes)) == said


def test_a_state_is_judged_by_the_zeropoint_that_is_shown():
    """23.59997 mag is shown as 23.6, which is within 0.2 mag of 23.8: a later run, which knows no more, agrees."""
    fit = made_fit(np.arange(40), np.full(40, 23.6), level=23.59997)
    status = status_of(fit, reference_mag=23.8)
    assert status.zp_mag == 23.6
    assert status.state == judged_anew(status, RULES).state
