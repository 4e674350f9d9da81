"""Times and dates against numbers worked out by hand, the calendar, and published day numbers."""

from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photzp.times import (
    ALL_TIME,
    DAYS_PER_MONTH,
    Period,
    day_of,
    days_of,
    days_since,
    instant_of,
    local_noon,
    month_end,
    night_of,
    span_of,
    time_text,
)

# --- periods

def test_a_period_goes_from_midnight_to_midnight():
    period = Period.of_dates('20200229', '20200302')
    assert (period.start, period.end) == (np.datetime64('2020-02-29', 'ms'), np.datetime64('2020-03-02', 'ms'))
    assert period.start.dtype == period.end.dtype == 'datetime64[ms]'
    assert Period.of_dates(None, None) == ALL_TIME


NOW = np.datetime64('2026-11-30T15:30:00.123', 'ms')


@pytest.mark.parametrize(('start', 'end', 'now', 'is_whole', 'until'), [
    (None, None, NOW, True, NOW), (None, '20190806', NOW, False, np.datetime64('2019-08-06')),
    (None, '20300101', NOW, False, NOW), ('20190806', None, NOW, False, NOW),
    (None, '20190806', None, False, np.datetime64('2019-08-06'))])
def test_a_period_ends_with_its_end_or_now(start, end, now, is_whole, until):
    period = Period.of_dates(start, end, now)
    assert (period.is_whole, period.until) == (is_whole, until)


def test_a_period_without_end_in_no_known_present_ends_at_no_known_time():
    assert np.isnat(ALL_TIME.until)


# --- instants and days


@pytest.mark.parametrize('time', [
    '2020-02-29T23:30', '2020-02-29 23:30:00.000', datetime.fromisoformat('2020-02-29T23:30'),
    datetime.fromisoformat('2020-03-01T01:30+02:00'), datetime.fromisoformat('2020-02-29T18:30-05:00'),
    np.datetime64('2020-02-29T23:30', 'm'), np.datetime64('2020-02-29T23:30', 'us'),
])
def test_every_form_of_a_time_is_the_same_instant(time):
    assert instant_of(time) == np.datetime64('2020-02-29T23:30:00.000')
    assert instant_of(time).dtype == 'datetime64[ms]'
    assert day_of(time) == np.datetime64('2020-02-29')
    assert day_of(time).dtype == 'datetime64[D]'
    assert time_text(time) == '2020-02-29 23:30:00.000'


@pytest.mark.parametrize('day', ['2020-02-29', date(2020, 2, 29), np.datetime64('2020-02-29')])
def test_a_date_is_its_midnight(day):
    assert instant_of(day) == np.datetime64('2020-02-29T00:00:00.000')
    assert day_of(day) == np.datetime64('2020-02-29')


def test_what_is_no_time():
    for nothing in ('NaT', np.datetime64('NaT', 'ms')):
        assert np.isnat(instant_of(nothing))
        assert np.isnat(day_of(nothing))
        assert np.isnat(month_end(nothing))
    for text in ('2019-02-29', 'yesterday', '2020-01-01T25:00'):
        with pytest.raises(ValueError):
            instant_of(text)


@pytest.mark.parametrize(('time', 'end'), [
    ('2026-02-10', '2026-03-01'), ('2026-12-31T23:59:59', '2027-01-01'), (date(2024, 2, 29), '2024-03-01'),
    (np.datetime64('2026-03-01', 'ms'), '2026-04-01'), (np.datetime64('2026-04-30', 'D'), '2026-05-01'),
    (datetime.fromisoformat('2026-01-31T20:00-05:00'), '2026-03-01'),
])  # fmt: skip
def test_a_month_ends_where_the_next_one_begins(time, end):
    assert month_end(time) == np.datetime64(end, 'ms')
    assert month_end(time).dtype == 'datetime64[ms]'


def test_the_text_of_a_time_is_cut_to_the_millisecond():
    assert time_text(datetime.fromisoformat('2019-08-05T01:02:03.456999')) == '2019-08-05 01:02:03.456'


# --- spans

def test_days_between_dates():
    # The modified Julian date of 2000-01-01 is 51544; it counts from 1858-11-17.
    assert days_since(np.datetime64('2000-01-01'), np.datetime64('1858-11-17')) == 51544
    # 2024 is a leap year; three quarters of a day from midnight to 18 h.
    times = np.array(['2024-02-27T18:00', '2024-02-28T00:00', '2024-03-01T18:00', 'NaT'], 'datetime64[ms]')
    np.testing.assert_array_equal(days_since(times, np.datetime64('2024-02-28')), [-0.25, 0, 2.75, np.nan])


def test_spans_in_days():
    assert days_of(np.timedelta64(36, 'h')) == 1.5
    assert days_of(np.timedelta64(2, 'W')) == 14
    assert span_of(1.5) == np.timedelta64(129_600_000, 'ms')
    assert span_of(1.5).dtype == 'timedelta64[ms]'
    np.testing.assert_array_equal(span_of([[0.0, -1.0], [1 / 86_400_000, 365.25]]),
                                  np.array([[0, -86_400_000], [1, 31_557_600_000]], 'timedelta64[ms]'))


@given(st.integers(-10**13, 10**13))  # three centuries
def test_a_span_comes_back_to_the_millisecond(milliseconds):
    span = np.timedelta64(milliseconds, 'ms')
    assert span_of(days_of(span)) == span


def test_a_month_is_the_mean_one_of_a_julian_century():
    assert DAYS_PER_MONTH == 36525 / 1200


# --- nights of a site

def test_a_night_runs_from_local_noon_to_local_noon():
    # Noon at 149.071 E is 02:03:42.96 UTC, at 70.805 W 16:43:13.2 UTC
    for longitude, noon in ((149.071, '2019-05-05T02:03:42.960'), (-70.805, '2019-05-05T16:43:13.200')):
        noon = np.datetime64(noon, 'ms')
        assert local_noon('2019-05-05', longitude) == noon
        assert night_of(noon, longitude) == np.datetime64('2019-05-05')
        assert night_of(noon - np.timedelta64(1, 'ms'), longitude) == np.datetime64('2019-05-04')
        assert local_noon(np.datetime64('2019-05-05T23:59', 'ms'), longitude) == noon
        assert local_noon(date(2019, 5, 5), longitude) == noon


def test_nights_of_many_times_keep_their_shape():
    # Hawaii, 155.471 W: noon is 22:21:53.04 UTC, so a night begins on the date before that of most of its frames.
    times = np.array([['2019-05-05T22:21:53.039', '2019-05-05T22:21:53.040'], ['2019-05-06T10:00', 'NaT']],
                     'datetime64[ms]')
    expected = np.array([['2019-05-04', '2019-05-05'], ['2019-05-05', 'NaT']], 'datetime64[D]')
    np.testing.assert_array_equal(night_of(times, -155.471), expected)
