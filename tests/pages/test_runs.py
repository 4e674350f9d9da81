"""The newest runs on the page: how they ended, and whether somebody should look."""

import re

import pytest

from photzp.pages.page import RunInfo
from photzp.pages.render import render_index
from tests.support.pagesamples import LCO, RUNS, page_of, parsed, row, text_of


def runs_panel(page):
    return text_of(re.search(r'<section class="runs"[^>]*>(.*?)</section>', render_index(page, LCO), re.DOTALL)[1])


def run(status, ended='2025-11-21 08:12:00', started='2025-11-21 08:00:00', script='photcalibration.py', summary=''):
    return RunInfo(script, started, ended, status, summary)


@pytest.mark.parametrize(('runs', 'told', 'bad'), [
    ([run(0)], 'Calibration: ended well', False),
    ([run(1)], 'Calibration: ended well, some input was unreadable', False),
    ([run(2)], 'Calibration: could not run', True),
    ([run(143)], 'Calibration: was stopped by signal 15', True),
    ([run(7)], 'Calibration: failed with exit status 7', True),
    ([run(-9)], 'Calibration: failed with exit status -9', True),
    ([run(None, None)], 'Calibration: has not ended: it is running, or was killed', True),
    ([run(0, '2025-11-19 08:12:00', '2025-11-19 08:00:00')], 'Calibration: ended well; nothing since', True),
    ([], 'Calibration: no run on record', True),
    ([run(0), run(2, started='2025-11-20 20:00:00')], 'Calibration: ended well', False),
    ([run(0, 'at noon', None)], 'Calibration: ended well', False),
])
def test_how_the_last_run_ended_is_told_and_a_failure_is_seen_at_once(runs, told, bad):
    page = page_of(row(), plots={}, runs=(RUNS[0], *runs))
    html = parsed(page)
    assert told in runs_panel(page)
    alarms = [attributes for attributes in html.all('p') if attributes.get('class') == 'bad alarm']
    assert len(alarms) == bad


def test_after_a_failure_the_last_good_run_is_named():
    runs = (RUNS[0], run(2, summary='no catalogue'), run(0, '2025-11-20 20:12:00', '2025-11-20 20:00:00'))
    told = runs_panel(page_of(runs=runs))
    assert 'no catalogue · last ended well Thu 20 Nov 2025, 20:12 UTC' in told


def test_a_run_of_another_script_is_shown_too():
    assert 'wash.py: ended well' in runs_panel(page_of(runs=(*RUNS, run(0, script='wash.py'))))
