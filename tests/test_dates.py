"""Dates of options against the calendar."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photzp.dates import last_dates, parse_date


@given(st.dates())
def test_every_day_of_the_calendar_is_read_in_both_forms(day):
    plain = f'{day.year:04d}{day.month:02d}{day.day:02d}'
    assert parse_date(plain) == plain
    assert parse_date(f'{plain[:4]}-{plain[4:6]}-{plain[6:]}') == plain


@pytest.mark.parametrize('text', [
    '', '2019', '2019080', '201908051', '20190229', '20190431', '20191301', '20190800', '00000101', '2019-8-5',
    '2019/08/05', '2019-0805', '201908-05', ' 20190805', '20190805\n', '٢٠١٩٠٨٠٥', 'today', '-2019080',
])  # fmt: skip
def test_anything_else_is_no_date(text):
    with pytest.raises(ValueError):
        parse_date(text)


def test_the_29th_of_february_exists_every_fourth_year():
    assert parse_date('2020-02-29') == '20200229'


def test_last_days_count_today():
    assert last_dates(1, date(2020, 3, 1)) == ('20200301',)
    assert last_dates(3, date(2020, 3, 1)) == ('20200228', '20200229', '20200301')


@given(st.integers(1, 400), st.dates(date(2015, 1, 1), date(2060, 1, 1)))
def test_last_days_are_consecutive(days, today):
    dates = [date.fromisoformat(text) for text in last_dates(days, today)]
    assert (len(dates), dates[-1]) == (days, today)
    assert all(after - before == timedelta(days=1) for before, after in pairwise(dates))


@pytest.mark.parametrize('days', [0, -1, 10**6])
def test_days_that_make_no_sense_are_refused(days):
    with pytest.raises(ValueError):
        last_dates(days, date(2020, 3, 1))
