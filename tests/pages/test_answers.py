"""What the pages say of answers made by hand: the right numbers in the right order, and nothing that is not there."""

import math
import re
import tomllib
from collections import Counter
from dataclasses import replace
from datetime import date

import html5lib
import numpy as np
import pytest

from photzp.answers.alarms import Finding
from photzp.answers.extinction import SiteExtinction
from photzp.answers.gather import Answers
from photzp.answers.nights import Month
from photzp.answers.ranking import Advice, MirrorState
from photzp.answers.shares import RestoredShare
from photzp.observatory import load_observatory
from photzp.pages.answers import falls_below
from photzp.pages.page import Plot, read_status, render_status
from photzp.pages.render import render_index, render_telescopes
from photzp.reportnames import site_plot_name, telescope_page_name
from tests.support.pagesamples import HOSTILE, LCO, Parsed, index_of, page_of, part, row, rows_of, text_of
from tests.support.sampleanswers import ANSWERS, FINDINGS, GAIN, NEVER, ONE, TELESCOPE, TWO

CALENDAR = {site_plot_name('nightcalendar', 'lsc'): Plot(900, 500, 'photometric nights of lsc')}


def day(text):
    return np.datetime64(text, 'ms')


# -- which next --------------------------------------------------------------------------------------------------------


def state(telescope, **changes):
    return replace(MirrorState(telescope=telescope, filters=('gp', 'rp'), loss_mag=0.25, loss_error_mag=0.01,
                               percent=79.43, percent_error=0.73, recoated=day('2024-05-01'), since_recoating_mag=0.21,
                               since_recoating_error_mag=0.02, best_mag=0.2, rate_mag_per_month=0.0123,
                               rate_error_mag_per_month=0.0004, threshold_percent=80.0, is_below=False,
                               below=day('2026-03-04'), below_early=day('2026-02-11'),
                               below_late=day('2026-04-30')), **changes)


def advice(telescope, rank, kind='wash', light=8.25):
    return Advice(telescope=telescope, kind=kind, rank=rank, gain_mag=0.1234, gain_error_mag=0.04, light_percent=light,
                  light_error_percent=1.5)


def test_the_ranking_has_its_numbers_in_its_order():
    answers = Answers(mirrors=(state(ONE), state(TWO, loss_mag=0.1)),
                      advice=(advice(TWO, 1), advice(ONE, 2, light=2.04), advice(ONE, 1, 'recoating')))
    html = part(index_of(answers), 'next')
    wash, recoating = html.split('<h3>Recoating</h3>')
    assert rows_of(wash) == [
        ['1', TWO, '8.8 ± 0.8', '12.3 ± 0.4', '2026-03-04', '11 Feb to 30 Apr 2026', '123 ± 40', '8.2 ± 1.5', ''],
        ['2', ONE, '20.6 ± 0.7', '12.3 ± 0.4', '2026-03-04', '11 Feb to 30 Apr 2026', '123 ± 40', '2.0 ± 1.5', '']]
    assert [line[:2] for line in rows_of(recoating)] == [['1', ONE]]
    assert 'Falls below 80 %' in text_of(wash)
    for unit in ('Loss %', 'Loss a month mmag', '68 % interval', 'Expected gain mmag', 'Light gained % of reference'):
        assert unit in text_of(wash)


def test_of_a_kind_that_is_not_on_record_the_page_says_that_nothing_is_estimated():
    shares = (RestoredShare(kind='wash', number=2, share=0.5, share_error=0.1, share_scatter=0.2),
              RestoredShare(kind='recoating', number=0))
    answers = Answers(mirrors=(state(ONE),), advice=(advice(ONE, 1),), shares=shares)
    wash, recoating = part(index_of(answers), 'next').split('<h3>Recoating</h3>')
    assert rows_of(wash)[0][1] == ONE
    assert text_of(recoating).startswith('Not estimated: no recoating is on record before which the loss is known')
    none = index_of(Answers(mirrors=(state(ONE),), shares=shares[1:]))
    assert 'Not estimated' in part(none, 'next')
    assert 'href="#next"' in none
    assert 'id="next"' not in index_of(Answers(shares=shares[1:]))  # no telescope to advise on
    own = render_telescopes(page_of(row(), answers=answers), LCO)[telescope_page_name(ONE)]
    assert 'Rank for a recoating not estimated' in text_of(own)
    closed = page_of(row(last_observation='2020-01-01T00:00:00'), answers=answers)
    assert 'not estimated' not in text_of(render_telescopes(closed, LCO)[telescope_page_name(ONE)])


def test_the_error_of_the_reference_stands_beside_that_of_the_percentage():
    page = page_of(row(reference_mag=23.8, reference_error_mag=0.1), answers=Answers(mirrors=(state(ONE),)))
    told = text_of(render_telescopes(page, LCO)[telescope_page_name(ONE)])
    assert '79 % of reference, ± 0.7 %, and ± 7 % of the reference itself' in told  # 79.4 * 0.921 * 0.1
    assert '23.80 ± 0.10' in told


def test_the_eight_best_are_shown_the_others_folded():
    names = [f'lsc-dom{letter}-1m0a' for letter in 'abcdefghijk']
    answers = Answers(mirrors=tuple(map(state, names)),
                      advice=tuple(advice(name, rank) for rank, name in enumerate(names, start=1)))
    shown, rest = part(index_of(answers), 'next').split('<details>')
    assert [line[1] for line in rows_of(shown)] == names[:8]
    assert [line[1] for line in rows_of(rest)] == names[8:]


def test_what_a_mirror_does_not_tell_is_a_dash():
    bare = state(ONE, loss_mag=math.nan, percent=math.nan, since_recoating_mag=math.nan, best_mag=math.nan,
                 rate_mag_per_month=math.nan, below=NEVER, below_early=NEVER, below_late=NEVER)
    nothing = Advice(telescope=ONE, kind='wash', rank=1, gain_mag=math.nan, gain_error_mag=math.nan,
                     light_percent=math.nan, light_error_percent=math.nan)
    html = part(index_of(Answers(mirrors=(bare,), advice=(nothing,))), 'next')
    assert rows_of(html) == [['1', ONE, *['–'] * 6, '']]
    assert 'nan' not in html.lower()


def test_without_a_reference_the_loss_says_what_it_is_counted_from():
    for changes, told in (({}, '17.6 ± 1.5 since recoating'),
                          ({'since_recoating_mag': math.nan}, '16.8 ± 0.0 below its best')):
        bare = state(ONE, loss_mag=math.nan, percent=math.nan, **changes)
        assert rows_of(part(index_of(Answers(mirrors=(bare,), advice=(advice(ONE, 1),))), 'next'))[0][2] == told


@pytest.mark.parametrize(('changes', 'told'), [
    ({}, ('2026-03-04', '11 Feb to 30 Apr 2026')),
    ({'is_below': True}, ('now', 'since 2026-03-04')),
    ({'is_below': True, 'below_early': np.datetime64('2026-03-04', 'ms')}, ('now', 'already on 2026-03-04')),
    ({'is_below': True, 'below': NEVER}, ('now', '')),
    ({'below': NEVER}, ('not in 10 years', '2026-02-11 at the earliest')),
    ({'below': NEVER, 'below_early': NEVER}, ('not in 10 years', '')),
    ({'below': NEVER, 'below_early': NEVER, 'percent': math.nan}, ('–', '')),
    ({'below_late': NEVER}, ('2026-03-04', '11 Feb 2026 or later')),
])
def test_when_a_telescope_falls_below_the_threshold(changes, told):
    assert falls_below(state(ONE, **changes)) == told


# -- unrecorded steps, extinction, nights ------------------------------------------------------------------------------


def test_a_step_has_date_sizes_colour_and_lines_that_record_it(tmp_path):
    html = part(index_of(ANSWERS), 'steps')
    line, = rows_of(html)
    assert line[:5] == [TELESCOPE, '2025-06-01 1 to 3 Jun 2025', '−100 ± 10', 'gp −100 ± 10 rp –', 'unknown']
    suggested = re.search(r'<pre>(.*?)</pre>', html, re.DOTALL)[1].replace('&#34;', '"')
    event, = tomllib.loads(suggested)['events']
    assert (event['telescope'], event['date'], event['kind']) == (TELESCOPE, date(2025, 6, 1), 'break')
    (tmp_path / 'site.toml').write_text(suggested, encoding='utf-8')
    before, after = load_observatory(), load_observatory(tmp_path / 'site.toml')
    assert len(after.events) == len(before.events) + 1


def test_steps_come_newest_first_and_tell_the_filter_that_changed():
    telescope, step = ANSWERS.steps[0]
    steps = tuple((telescope, replace(step, time=step.time + np.timedelta64(number, 'D'))) for number in range(9))
    steps += ((TWO, replace(step, colour='one filter', filter='rp', time=day('2025-09-01'))),)
    shown, rest = part(index_of(Answers(steps=steps)), 'steps').split('earlier steps</summary>')
    assert rows_of(shown)[0][0] == TWO
    assert rows_of(shown)[0][4] == 'one filter: rp'
    assert [len(rows_of(shown)), len(rows_of(rest))] == [8, 2]


def test_extinction_is_fitted_beside_adopted():
    found = (SiteExtinction(site='lsc', filter='rp', k=0.0912, k_error=0.0041, adopted=0.08, telescopes=3, chi2=1.0,
                            swing=None),
             SiteExtinction(site='lsc', filter='gp', k=0.15, k_error=0.004, adopted=0.14, telescopes=3, chi2=1.0,
                            swing=None),
             SiteExtinction(site='coj', filter='rp', k=math.nan, k_error=math.nan, adopted=0.08, telescopes=0, chi2=0.0,
                            swing=None))
    html = part(index_of(Answers(extinction=found)), 'extinction')
    assert rows_of(html) == [['coj', '–', '– adopted 0.080'],
                             ['lsc', '0.150 ± 0.004 adopted 0.140', '0.091 ± 0.004 adopted 0.080']]
    assert 'gp mag/airmass rp mag/airmass' in text_of(html)
    assert rows_of(part(index_of(ANSWERS), 'extinction'))[0][1] == (
        '0.150 ± 0.004 adopted 0.140 ± 0.020 over the year, largest 31 Jan')


def test_nights_have_a_calendar_and_the_share_of_the_newest_month():
    months = (('coj', (Month(month=np.datetime64('2025-11'), photometric=0, cloudy=0, unknown=30, fraction=math.nan,
                             fraction_error=math.nan),)),
              ('lsc', (Month(month=np.datetime64('2025-10'), photometric=12, cloudy=8, unknown=11, fraction=0.6,
                             fraction_error=0.1),
                       Month(month=np.datetime64('2025-11'), photometric=9, cloudy=3, unknown=8, fraction=0.75,
                             fraction_error=0.12))))
    html = part(index_of(Answers(months=months), plots=CALENDAR), 'nights')
    assert 'coj Nov 2025: – % photometric 0 photometric, 0 cloudy, 30 unknown last 12 months –' in text_of(html)
    assert 'lsc Nov 2025: 75 ± 12 % photometric 9 photometric, 3 cloudy, 8 unknown last 12 months 66 %' in text_of(html)
    assert [image['src'] for image in Parsed(f'<div>{html}</div>').all('img')] == list(CALENDAR)


def test_parts_without_an_answer_are_left_out_with_their_links():
    html = index_of(Answers())
    for name in ('next', 'gains', 'steps', 'nights', 'extinction'):
        assert f'id="{name}"' not in html
        assert f'#{name}"' not in html


# -- pages in general --------------------------------------------------------------------------------------------------


def test_pages_are_valid_html():
    page = page_of(row(), row(filter_name='gp'), answers=replace(ANSWERS, findings=FINDINGS), plots=CALENDAR)
    for html in (render_index(page, LCO), *render_telescopes(page, LCO).values(), render_index(page_of(), LCO)):
        html5lib.HTMLParser(strict=True).parse(html)


def test_the_same_answers_give_the_same_pages_also_by_way_of_status_json():
    page = page_of(row(), answers=replace(ANSWERS, findings=FINDINGS), plots=CALENDAR)
    again = read_status(render_status(page))
    assert render_index(again, LCO) == render_index(page, LCO)
    assert render_telescopes(again, LCO) == render_telescopes(page, LCO)


def test_ids_are_unique_and_links_lead_to_them():
    html = Parsed(index_of(replace(ANSWERS, findings=FINDINGS), plots=CALENDAR))
    assert len(set(html.ids())) == len(html.ids())
    links = {link['href'] for link in html.all('a')}
    assert {link[1:] for link in links if link.startswith('#')} <= set(html.ids())
    # Telescopes of which nothing is known but an answer have no page: none of theirs is linked to.
    assert {link for link in links if link.endswith('.html')} == {telescope_page_name(ONE)}
    assert TWO in html.text


def of(text):
    """Answers in which every name and text is this one."""
    step = replace(ANSWERS.steps[0][1], filters=(text, text), colour=text, filter=text)
    changed = {'telescope': text, 'filter': text, 'kind': text}
    events = (replace(GAIN, telescope=text, kind=text, filter=''),)
    return Answers(
        findings=(Finding(kind=text, telescope=text, filter=text, camera=text, text=text, value=1.0, error=None,
                          limit=1.0, unit=text, setting=text, excess=1.0),), steps=((text, step),),
        gains=(replace(GAIN, **changed),), events=events,
        fleet=(replace(ANSWERS.fleet[0], kind=text, filter=''), replace(ANSWERS.fleet[0], kind=text, filter=text)),
        mirrors=(state(text),), advice=(advice(text, 1, text),),
        extinction=(replace(ANSWERS.extinction[0], site=text, filter=text),),
        months=((text, ANSWERS.months[0][1]),))


@pytest.mark.parametrize('text', [HOSTILE, '</style><script>', '{% raw %}', '-->', '</pre>', '\x1b[2J', '\ud83d', ''])
def test_nothing_in_an_answer_becomes_an_element(text):
    expected, found = (Counter((tag, *sorted(attributes)) for tag, attributes in Parsed(index_of(of(name))).elements)
                       for name in ('a b', text or ' '))
    assert found == expected
    index_of(of(text)).encode()
