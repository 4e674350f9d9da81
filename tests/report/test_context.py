"""What follows from the circumstances of a run."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from photzp.observatory import load_observatory
from photzp.report.context import ReportContext
from photzp.report.settings import ReportSettings
from photzp.times import Period

NOW = np.datetime64('2026-11-30T15:30:00.123', 'ms')
TO_THE_SECOND = datetime(2026, 11, 30, 15, 30, tzinfo=UTC).replace(tzinfo=None)
BEFORE = TO_THE_SECOND - timedelta(days=1)


def context(start=None, end=None, **settings):
    database = SimpleNamespace(last_good=lambda script: BEFORE if 'photcal' in script else None)
    return ReportContext(database=database, open_database=lambda: database, store=None, observatory=load_observatory(),
                         settings=ReportSettings(**settings), period=Period.of_dates(start, end, NOW), version='1.0')


def test_a_report_of_everything_goes_to_now():
    made = context()
    assert (made.wants_answers, made.now, made.month) == (True, NOW, '2026-11')
    assert (made.updated, made.now_s) == ('2026-11-30T15:30:00', TO_THE_SECOND)


@pytest.mark.parametrize(('dates', 'month'), [
    ({'end': '20190806'}, '2019-08'), ({'end': '20300101'}, '2026-11'), ({'start': '20190806'}, '2026-11')])
def test_a_part_of_the_time_has_no_answers(dates, month):
    made = context(**dates)
    assert (made.wants_answers, made.month) == (False, month)


def test_answers_are_left_out_where_nothing_shows_them():
    quiet = {'renderhtml': False, 'createsummaryplots': False}
    assert not context(**quiet).wants_answers
    assert context(**quiet, check=True).wants_answers
    assert context(**quiet, metrics=True).wants_answers


def test_the_run_itself_ends_well_now():
    assert context().last_good() == {'photcalibration.py': BEFORE,
                                     'longtermphotzp.py': TO_THE_SECOND}
