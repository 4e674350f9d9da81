"""Alarms on planted changes: what crossed its limit rings, what did not is quiet, the worst comes first."""

import re
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from photzp.answers import alarms
from photzp.answers.recent import Recent, _camera_drifts, _month_change, week_change
from photzp.errors import ObservatoryInvalid
from photzp.observatory import load_observatory
from tests.support.sampleanswers import ANSWERS
from tests.support.samples import STATUS

LIMITS = load_observatory().alarms
NIGHTS = np.datetime64('2023-01-01', 'D') + np.arange(400)


def kinds(status=STATUS, recent=Recent()):  # noqa: B008  a frozen value
    return [finding.kind for finding in alarms.series_findings(status, recent, LIMITS)]


def test_a_healthy_series_is_quiet():
    assert kinds() == []


@pytest.mark.parametrize(('percent', 'expected'), [(80.0, []), (79.9, ['below-threshold']), (None, [])])
def test_throughput_below_the_threshold(percent, expected):
    assert kinds(replace(STATUS, percent=percent)) == expected


@pytest.mark.parametrize('seed', range(5))
def test_a_fall_within_a_week_is_found_with_its_size(seed):
    random = np.random.default_rng(seed)
    level = 23.6 + random.normal(0, 0.01, len(NIGHTS))
    level[-6:] -= 0.12
    week = week_change(NIGHTS, level)
    assert kinds(recent=Recent(week_mag=week)) == ['fell-in-week']
    assert abs(week.value + 0.12) < 4 * week.error < 0.06
    rising = Recent(week_mag=replace(week, value=0.12))
    assert kinds(recent=rising) == []


def test_noise_of_a_week_rings_rarely():
    random = np.random.default_rng(7)
    rung = sum(bool(kinds(recent=Recent(week_mag=week_change(NIGHTS, random.normal(23.6, 0.03, 400)))))
               for _ in range(500))
    assert rung <= 5


def test_cameras_that_move_apart_are_named():
    random = np.random.default_rng(1)
    night = np.repeat(NIGHTS, 4)
    camera = np.tile(['fa15', 'fa15', 'fa15', 'fa03'], len(NIGHTS))
    residual = random.normal(0, 0.01, len(night)) + np.repeat(random.normal(0, 0.1, len(NIGHTS)), 4)  # clouds of both
    assert kinds(recent=Recent(cameras=tuple(_camera_drifts(night, camera, residual)))) == []
    residual[(camera == 'fa03') & (night > NIGHTS[-25])] += 0.06
    changes = tuple(_camera_drifts(night, camera, residual))
    assert [(name, reference) for name, reference, _ in changes] == [('fa03', 'fa15')]
    finding, = alarms.series_findings(STATUS, Recent(cameras=changes), LIMITS)
    assert (finding.kind, finding.camera) == ('cameras-disagree', 'fa03')
    assert abs(finding.value - 0.06) < 4 * finding.error


def test_a_colour_term_that_moved_and_scatter_that_grew():
    random = np.random.default_rng(2)
    term = random.normal(0.05, 0.01, len(NIGHTS))
    scatter = np.log(random.normal(0.03, 0.004, len(NIGHTS)))
    scatter[5] = np.nan
    before = Recent(colorterms=(('fa15', _month_change(NIGHTS, term)),), scatter=_month_change(NIGHTS, scatter))
    assert kinds(recent=before) == []
    term[-29:] += 0.08
    scatter[-29:] += np.log(2)
    after = Recent(colorterms=(('fa15', _month_change(NIGHTS, term)),), scatter=_month_change(NIGHTS, scatter))
    findings = list(alarms.series_findings(STATUS, after, LIMITS))
    assert [finding.kind for finding in findings] == ['colour-term-moved', 'scatter-grew']
    assert abs(findings[1].value - 2) < 4 * findings[1].error


@pytest.mark.parametrize(('size', 'error', 'day', 'rings'), [
    (-0.12, 0.01, date(2024, 4, 20), True), (0.12, 0.01, date(2024, 4, 20), True),
    (-0.04, 0.005, date(2024, 4, 20), False), (-0.12, 0.05, date(2024, 4, 20), False),
    (-0.12, 0.01, date(2024, 1, 1), False)])
def test_an_unrecorded_step_is_news_for_a_while(size, error, day, rings):
    ((telescope, step),) = ANSWERS.steps  # in gp and rp
    step = replace(step, time=np.datetime64(day, 'ms'), joint_mag=size, joint_error_mag=error)
    findings = list(alarms.step_findings([(telescope, step)], LIMITS, date(2024, 5, 1)))
    assert bool(findings) == rings
    assert all('gp rp' in finding.line() and '2024-04-20' in finding.line() for finding in findings)


def test_a_silent_telescope_rings_until_it_counts_as_closed():
    silent = {'a': 7, 'b': 8, 'c': 180, 'd': 181}
    assert [finding.telescope for finding in alarms.silent_findings(silent, LIMITS)] == ['b', 'c']


def test_an_overdue_run_rings_and_one_that_never_was():
    now = datetime(2024, 5, 1, 12)  # noqa: DTZ001  naive UTC, as the database has it
    last = {'a.py': datetime(2024, 4, 30, 11), 'b.py': datetime(2024, 4, 30, 9), 'c.py': None}  # noqa: DTZ001
    assert [finding.text.split()[0] for finding in alarms.run_findings(last, now, LIMITS)] == ['b.py', 'c.py']


def test_the_worst_comes_first():
    far, near = (alarms.Finding(kind='below-threshold', telescope='x', filter='rp', camera='', text='t', value=value,
                                error=1.0, limit=80.0, unit='%', setting='throughput_below_percent',
                                excess=(80 - value) / 80) for value in (50.0, 79.0))
    run = alarms.Finding(kind='run-overdue', telescope='', filter='', camera='', text='t', value=30.0, error=None,
                         limit=26.0, unit='hours', setting='run_overdue_hours', excess=0.1)
    assert alarms.worst_first([near, far, run]) == (run, far, near)


def test_every_line_says_where_its_limit_is_set():
    finding, = alarms.series_findings(replace(STATUS, percent=71.25), Recent(), LIMITS)
    assert finding.line() == ('below-threshold: lsc-doma-1m0a rp: throughput 71.2 +- 0.8 % of reference '
                              '(throughput_below_percent = 80)')


def test_limits_that_make_no_sense_are_refused(tmp_path):
    path = tmp_path / 'site.toml'
    path.write_text('[alarms]\nscatter_grew_factor = 0.5\n')
    with pytest.raises(ObservatoryInvalid, match=r'alarms\.scatter_grew_factor: must be more than 1'):
        load_observatory(path)


def test_the_runbook_has_every_kind():
    text = (Path(__file__).resolve().parents[2] / 'docs' / 'operations.md').read_text(encoding='utf-8')
    table = text[text.index('| kind | what it means'):]
    assert re.findall(r'^\| `([a-z-]+)` \|', table, re.MULTILINE)[:len(alarms.KINDS)] == list(alarms.KINDS)
