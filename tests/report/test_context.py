"""What follows from the circumstances of a run."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from photzp.observatory import load_observatory
from photzp.report.context import ReportContext
from photzp.report.settings import ReportSettings

NOW = np.datetime64('2026-11-30T15:30:00.123', 'ms')
TO_THE_SECOND = datetime(2026, 11, 30, 15, 30, tzinfo=UTC).replace(tzinfo=None)
BEFORE = TO_THE_SECOND - timedelta(days=1)


def context(**settings):
    database = SimpleNamespace(last_good=lambda script: BEFORE if 'photcal' in script else None)
    return ReportContext(database, lambda: database, None, load_observatory(), ReportSettings(**settings), NOW, '1.0')


def test_a_report_of_everything_goes_to_now():
    made = context()
    assert (made.whole, made.asked, made.until, made.month) == (True, True, NOW, '2026-11')
    assert (made.updated, made.moment) == ('2026-11-30T15:30:00', TO_THE_SECOND)


@pytest.mark.parametrize(('settings', 'until', 'month'), [
    ({'end': '20190806'}, '2019-08-06', '2019-08'), ({'end': '20300101'}, str(NOW), '2026-11'),
    ({'start': '20190806'}, str(NOW), '2026-11')])
def test_a_part_of_the_time_is_no_whole_report_and_has_no_answers(settings, until, month):
    made = context(**settings)
    assert (made.whole, made.asked) == (False, False)
    assert (made.until, made.month) == (np.datetime64(until, 'ms'), month)


def test_nobody_asks_where_nothing_shows_the_answers():
    quiet = {'renderhtml': False, 'createsummaryplots': False}
    assert not context(**quiet).asked
    assert context(**quiet, check=True).asked
    assert context(**quiet, metrics=True).asked


def test_the_run_itself_ends_well_now():
    assert context().last_good() == {'photcalibration.py': BEFORE,
                                     'longtermphotzp.py': TO_THE_SECOND}
