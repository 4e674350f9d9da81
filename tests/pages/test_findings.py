"""Findings on the page: the worst first, a line for each telescope, with the limit that was crossed."""

import re

from photzp.answers.gather import Answers
from tests.support.pagesamples import index_of, part, text_of
from tests.support.sampleanswers import FINDINGS, ONE, THREE, TWO, low


def test_findings_come_first_worst_first_a_line_for_each_telescope():
    html = index_of(Answers(findings=FINDINGS))
    assert html.index('id="findings"') < html.index('id="status"')
    found = part(html, 'findings')
    assert text_of(found).startswith('Findings 7 ')
    assert re.findall(r'<h3>([^<]+) <span class="count">(\d+)<', found) == [
        ('Run overdue', '1'), ('Silent', '1'), ('Below threshold', '3'), ('Fell in week', '1'),
        ('Cameras disagree', '1')]
    assert [text_of(line) for line in re.findall(r'<li>.*?</li>', found)] == [
        'photcalibration.py has never ended well', f'{THREE} no zeropoint for 9 days',
        f'{TWO} rp throughput 60.0 ± 0.3 % of reference', f'{ONE} rp throughput 71.3 ± 0.3 % of reference also gp 76 %',
        f'{ONE} ip 63 ± 5 mmag below', f'{ONE} rp fa15 moved +41 ± 6 mmag against fa03']


def test_findings_name_the_limit_and_its_setting_and_lead_to_the_telescope():
    found = part(index_of(Answers(findings=FINDINGS)), 'findings')
    text = text_of(found)
    for limit in ('limit 80 % throughput_below_percent', 'limit 7 days silent_days', 'limit 50 mmag fell_in_week_mag',
                  'limit 26 hours run_overdue_hours'):
        assert limit in text
    assert f'<a href="telescope-{ONE}.html">{ONE}</a>' in found


def test_a_long_list_is_folded_and_nothing_is_lost():
    names = [f'lsc-dom{letter}-1m0a' for letter in 'abcdefghij']
    found = part(index_of(Answers(findings=tuple(low(name, 'rp', 70.0) for name in names))), 'findings')
    shown, rest = found.split('<details>')
    assert [shown.count('<li>'), rest.count('<li>')] == [6, 4]
    assert '<summary>4 more</summary>' in rest
    assert all(name in found for name in names)


def test_without_findings_the_page_says_so():
    assert text_of(part(index_of(Answers()), 'findings')) == 'Findings 0 No limit is crossed.'
