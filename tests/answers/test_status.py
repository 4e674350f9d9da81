"""The line of a telescope and filter: its numbers by hand, what the clock changes in it, what a person would say."""

import math

import numpy as np

from photzp.answers.status import TREND_WEEKS, Trend, trend_of

ONE = 'lsc-doma-1m0a'


def test_a_trend_has_the_last_night_of_each_week():
    time = np.array(['2025-01-01T12:00', '2025-01-02T03:00', '2025-01-08T23:59', '2025-01-23T00:00'], 'datetime64[ms]')
    trend = trend_of(ONE, 'rp', time, np.array([23.1, 23.2, 23.3004, 23.4]))
    assert trend == Trend(ONE, 'rp', '2024-12-26', (23.1, 23.3, None, None, 23.4))  # 2 and 23 January were Thursdays


def test_a_trend_is_the_newest_year_and_knows_no_clock():
    time = np.datetime64('2020-01-01T00:00', 'ms') + np.arange(0, 1500) * np.timedelta64(1, 'D')
    trend = trend_of(ONE, 'rp', time, np.linspace(23, 24, 1500))
    assert len(trend.zp_mag) == TREND_WEEKS
    assert np.datetime64(trend.first) + 7 * (TREND_WEEKS - 1) <= time[-1] < np.datetime64(trend.first) + 7 * TREND_WEEKS
    assert trend.zp_mag[-1] == 24.0


def test_nights_without_a_model_or_a_date_are_no_weeks():
    time = np.array(['NaT', '2025-01-02', '2025-01-09'], 'datetime64[ms]')
    assert trend_of(ONE, 'rp', time, np.array([23.0, 23.1, math.nan])) == Trend(ONE, 'rp', '2025-01-02', (23.1,))
    assert trend_of(ONE, 'rp', time[:1], np.array([23.0])) is None
