"""The page says what is known, escapes what comes from data, and loses nothing that a run did not look at."""

import json
import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photzp.answers import gather
from photzp.answers.gather import Answers
from photzp.answers.status import SCHEMA, Trend
from photzp.pages.page import Page, Plot, RunInfo, merge, only_present, read_status, render_status
from photzp.pages.render import render_index, render_telescopes
from photzp.records import CameraSpan
from photzp.reportnames import overview_plot_name
from tests.support.pagesamples import (
    CAMERAS,
    HOSTILE,
    LCO,
    NOW,
    TRENDS,
    Parsed,
    page_of,
    parsed,
    plots_of,
    row,
    unknown,
)
from tests.support.sampleanswers import ANSWERS

FLEET = [row(telescope, name) for telescope in ('lsc-doma-1m0a', 'lsc-domb-1m0a', 'coj-clma-2m0a', 'tfn-aqwa-0m4a')
         for name in ('gp', 'rp', 'ip', 'zp')]
OVERVIEWS = {overview_plot_name(kind, name): Plot(900, 500, f'all in {name}') for name in ('gp', 'rp', 'ip', 'zp')
             for kind in ('allmodels_2m01m0', 'allmodels_0m4', 'colorterms')}


@pytest.fixture(scope='module')
def fleet():
    page = page_of(*FLEET, plots=plots_of(*FLEET) | OVERVIEWS, files=('mirrormodel-lsc-doma-1m0a-rp.csv',))
    return SimpleNamespace(page=page, html=parsed(page))


# -- index.html --------------------------------------------------------------------------------------------------------


def test_overviews_and_trends_are_shown_once_with_size_words_and_lazily(fleet):
    images = fleet.html.all('img')
    shown = {name for name in fleet.page.plots if name in OVERVIEWS or name.startswith('photzptrend-')}
    assert sorted(image['src'] for image in images) == sorted(shown)
    for image in images:
        plot = fleet.page.plots[image['src']]
        assert (image['width'], image['height'], image['alt']) == (str(plot.width), str(plot.height), plot.alt)
        assert image['loading'] == 'lazy'


def test_every_plot_can_be_reached(fleet):
    pages = [fleet.html, *map(Parsed, render_telescopes(fleet.page, LCO).values())]
    assert {link['href'] for html in pages for link in html.all('a')} >= set(fleet.page.plots)


def test_links_lead_somewhere_and_stay_on_the_site(fleet):
    ids = fleet.html.ids()
    assert len(set(ids)) == len(ids)
    links = [link['href'] for link in fleet.html.all('a')]
    assert {link[1:] for link in links if link.startswith('#')} <= set(ids)
    there = {*(image['src'] for image in fleet.html.all('img')), 'status.json', *render_telescopes(fleet.page, LCO)}
    tabs = {'?', *(f'?filter={name}' for name in ('gp', 'rp', 'ip', 'zp'))}
    assert {link for link in links if not link.startswith('#')} == there | tabs
    for attributes in (attributes for _, attributes in fleet.html.elements):
        for address in filter(None, (attributes.get('href'), attributes.get('src'))):
            assert urlsplit(address)[:2] in (('', ''), ('data', ''))


def test_every_site_telescope_and_filter_can_be_linked_to(fleet):
    assert set(fleet.html.ids()) >= {'site.lsc', 'site.coj', 'filter.rp', 'telescope.lsc-doma-1m0a',
                                     'telescope.lsc-doma-1m0a.rp'}
    linked = {link['href'] for link in fleet.html.all('a')}
    assert linked >= {f'#{name}' for name in fleet.html.ids() if '.' in name}


def test_nothing_is_loaded_from_elsewhere_and_only_our_script_runs(fleet):
    tags = {tag for tag, _ in fleet.html.elements}
    assert tags.isdisjoint({'iframe', 'object', 'embed', 'base', 'form'})
    assert fleet.html.all('script') == [{'src': 'page.js', 'defer': None}]
    assert not any(text.strip() for tag, text in fleet.html.texts if tag == 'script')
    assert [link for link in fleet.html.all('link') if link['href'] != 'data:,'] == []
    assert not any(name.startswith('on') for _, attributes in fleet.html.elements for name in attributes)
    assert not re.search(r'url\(|@import', render_index(fleet.page, LCO))


def test_filters_come_by_wavelength_in_every_telescope(fleet):
    order = [name for name in fleet.html.ids() if name.startswith('telescope.lsc-doma-1m0a.')]
    assert [name.rsplit('.', 1)[1] for name in order] == ['gp', 'rp', 'ip', 'zp']


def test_the_table_says_what_is_known_with_units():
    text = parsed(page_of(row())).text
    assert 'lsc-doma-1m0a wash 30 d ago' in text
    assert 'rp 95.6 ± 0.3' in text
    assert '−4.2 ± 0.4 2025-11-20 yesterday 21 / 14' in text
    assert 'Throughput % of reference' in text
    assert 'Slope mmag/month' in text
    assert 'throughput 96% of reference, falling 4 mmag a month' in text


def test_what_is_not_known_is_a_dash():
    html = parsed(page_of(unknown(), plots={}))
    assert 'None' not in html.text
    assert 'nan' not in html.text.lower()
    assert 'lsc-doma-1m0a – rp – – – – 0 / 0' in html.text
    for name, value in (('percent', math.nan), ('slope_mag_per_month', math.inf), ('event_date', 'soon'),
                        ('last_observation', 'yesterday'), ('updated', ''), ('percent', -3.0), ('percent', 1e9)):
        assert 'lsc-doma-1m0a' in parsed(page_of(row(**{name: value}))).text


def test_an_empty_page_is_a_page():
    html = parsed(Page(updated='', statuses=(), plots={}))
    assert 'There are no zeropoints yet' in html.text
    assert 'Calibration: no run on record' in html.text
    assert html.all('img') == []


def test_a_plot_without_a_row_is_shown_and_a_row_without_a_plot(fleet):
    html = parsed(page_of(row('cpt-doma-1m0a'), plots=plots_of(row('elp-domb-1m0a', 'gp'))))
    assert {'telescope.cpt-doma-1m0a.rp', 'telescope.elp-domb-1m0a.gp'} <= set(html.ids())
    assert len(html.all('img')) == 1


def test_a_plot_whose_name_is_none_is_left_out():
    plots = {f'{HOSTILE}.png': Plot(1, 1, ''), '../up.png': Plot(1, 1, ''), 'javascript:alert(1)': Plot(1, 1, '')}
    assert parsed(page_of(row(), plots=plots, files=('javascript:alert(1)', '../x.csv'))).all('img') == []


def test_the_same_facts_give_the_same_bytes(fleet):
    page = fleet.page
    backwards = replace(page, statuses=page.statuses[::-1], plots=dict(reversed(page.plots.items())))
    assert render_index(backwards, LCO) == render_index(page, LCO)
    assert render_status(backwards) == render_status(page)


# -- what needs attention ----------------------------------------------------------------------------------------------


def test_a_steep_slope_counts_only_beyond_doubt():
    page = page_of(row(slope_mag_per_month=-0.012, slope_error_mag_per_month=0.001),
                   row('coj-clma-2m0a', slope_mag_per_month=-0.030, slope_error_mag_per_month=0.015),
                   row('cpt-doma-1m0a', slope_mag_per_month=0.030, slope_error_mag_per_month=0.001),
                   row('elp-doma-1m0a', slope_mag_per_month=-0.009, slope_error_mag_per_month=0.0), plots={})
    assert parsed(page).text.count('fast') == 1
    assert 'fast −12.0 ± 1.0' in parsed(page).text


def test_a_slope_is_fast_that_uses_up_the_healthy_band_in_20_months():
    page = page_of(row(slope_mag_per_month=-0.006, slope_error_mag_per_month=0.0015), plots={})
    narrow = replace(LCO, throughput=replace(LCO.throughput, healthy_mag=0.1))
    strict = replace(narrow, alarms=replace(narrow.alarms, significance=5.0))
    assert ['fast −6.0' in Parsed(render_index(page, each)).text for each in (LCO, narrow, strict)] == [
        False, True, False]


@pytest.mark.parametrize(('hours', 'said'), [
    (26.0, 'a day'), (12.0, '12 hours'), (36.5, '36.5 hours'), (50.0, '2 days'), (100.0, '4 days')])
def test_a_report_has_stopped_when_a_run_is_overdue(hours, said):
    observatory = replace(LCO, alarms=replace(LCO.alarms, run_overdue_hours=hours))
    assert f'if that is more than {said} ago, the report has stopped' in render_index(page_of(), observatory)


def test_where_no_run_is_ever_overdue_no_report_has_stopped():
    observatory = replace(LCO, alarms=replace(LCO.alarms, run_overdue_hours=math.inf))
    assert 'has stopped' not in render_index(page_of(), observatory)


def test_a_silent_telescope_and_one_that_is_low_are_marked():
    html = render_index(page_of(row(last_observation='2025-11-13T20:00:00', percent=70.0, state='low'), plots={}), LCO)
    assert '<small class="bad">8 d ago</small>' in html
    assert '<span class="tag">low</span>' in html
    assert 'class="bad">' not in render_index(page_of(row(last_observation='2025-11-14T20:00:00'), plots={}), LCO)


@pytest.mark.parametrize(('last', 'told'), [
    ('2024-01-01T00:00:00', True), ('2025-06-20T00:00:00', False), (None, False),
])  # fmt: skip
def test_a_telescope_that_closed_is_named_in_one_line(last, told):
    text = parsed(page_of(row(last_observation=last), row('coj-clma-2m0a'), plots={})).text
    assert ('Not seen for more than 180 days, closed or replaced: lsc-doma-1m0a' in text) == told


def test_a_telescope_that_observes_in_one_filter_is_not_closed():
    page = page_of(row(), row(filter_name='gp', last_observation='2024-10-01T00:00:00'), plots={})
    assert 'closed or replaced' not in parsed(page).text
    assert '2024-10-01 416 d ago' in parsed(page).text


def test_rows_of_an_older_run_are_dated_and_their_days_go_on():
    page = page_of(row(updated='2025-11-01T14:05:00', days_since_event=10), plots={})
    assert 'as of 2025-11-01' in parsed(page).text
    assert 'wash 30 d ago' in parsed(page).text
    assert 'as of' not in parsed(page_of(row(), plots={})).text


# -- hostile strings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('text', [HOSTILE, '</style><script>', '{% raw %}', '-->', '\x1b[2J', 'a' * 5000, '-', '#',
                                  'javascript:alert(1)', '\ud83d', '\0', '\u202egpj'])
def test_nothing_in_the_data_becomes_an_element(text):
    harmless, hostile = (
        page_of(row(name, name, cameras=(name,), event_kind=name, state=name, event_date=name, last_observation=name),
                plots={'photzptrend-lsc-doma-1m0a-rp.png': Plot(9, 9, name)})
        for name in ('plain', text))
    expected, found = (Counter((tag, *sorted(attributes)) for tag, attributes in parsed(page).elements)
                       for page in (harmless, hostile))
    assert found == expected
    render_index(hostile, LCO).encode()
    if text.isprintable():
        assert parsed(hostile).all('img')[0]['alt'] == text


def test_nothing_in_a_run_becomes_an_element():
    page = page_of(runs=(RunInfo(HOSTILE, HOSTILE, HOSTILE, 7, HOSTILE),))
    assert parsed(replace(page, updated=HOSTILE, version=HOSTILE)).all('img') == []
    assert parsed(page).all('script') == [{'src': 'page.js', 'defer': None}]


@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6)), max_size=8))
@settings(deadline=None, max_examples=60)
def test_any_names_give_a_page_whose_links_lead_somewhere(names):
    html = parsed(page_of(*(row(telescope, name) for telescope, name in names), plots={}))
    ids = html.ids()
    assert len(set(ids)) == len(ids)
    assert {link['href'][1:] for link in html.all('a') if link['href'].startswith('#')} <= set(ids)


# -- status.json and merging -------------------------------------------------------------------------------------------

TELESCOPES = st.sampled_from(['lsc-doma-1m0a', 'coj-clma-2m0a', HOSTILE])
NUMBERS = st.none() | st.floats(-100, 100)
ROWS = st.builds(row, TELESCOPES, st.sampled_from(['gp', 'rp']), percent=NUMBERS, slope_mag_per_month=NUMBERS,
                 state=st.sampled_from(['good', 'low', 'unknown']), event_kind=st.none() | st.text(max_size=5),
                 cameras=st.lists(st.text(max_size=4), max_size=2).map(tuple))
PLOTS = st.dictionaries(st.sampled_from(['a.png', 'b.png', HOSTILE]),
                        st.builds(Plot, st.integers(1, 999), st.integers(1, 999), st.text(max_size=9)))
RUNINFOS = st.builds(RunInfo, st.text(max_size=5), st.none() | st.text(max_size=5), st.none(),
                     st.none() | st.integers(-2, 200), st.text(max_size=5))
SPANS = st.builds(CameraSpan, TELESCOPES, st.text(max_size=4), st.text(max_size=4), st.just(''), st.integers(0, 9))
PAGES = st.builds(Page, updated=st.sampled_from([NOW, '', 'x']), statuses=st.lists(ROWS, max_size=4).map(tuple),
                  plots=PLOTS, runs=st.lists(RUNINFOS, max_size=3).map(tuple), version=st.text(max_size=5),
                  files=st.lists(st.text(max_size=5), max_size=3).map(tuple),
                  cameras=st.lists(SPANS, max_size=3, unique_by=lambda span: (
                      span.telescope, span.first, span.camera)).map(tuple),
                  trends=st.lists(st.builds(Trend, TELESCOPES, st.sampled_from(['gp', 'rp']), st.sampled_from(
                      ['2025-01-02', '', HOSTILE]), st.lists(NUMBERS, max_size=3).map(tuple)), max_size=3,
                      unique_by=lambda trend: (trend.telescope, trend.filter)).map(tuple))


@given(PAGES)
def test_what_is_written_is_read_back(page):
    page = merge(None, page)
    assert read_status(render_status(page)) == page
    assert render_status(read_status(render_status(page))) == render_status(page)


@given(st.none() | PAGES, PAGES)
def test_a_run_replaces_what_it_looked_at_and_keeps_the_rest(old, new):
    merged = merge(old, new)
    keys = [(each.telescope, each.filter) for each in merged.statuses]
    mine = {(each.telescope, each.filter): each for each in new.statuses}
    theirs = {(each.telescope, each.filter): each for each in (old.statuses if old else ())}
    assert keys == sorted({*mine, *theirs})
    assert all(each == mine.get(key, theirs.get(key)) for key, each in zip(keys, merged.statuses, strict=True))
    assert merged.plots == (old.plots if old else {}) | new.plots
    assert set(merged.files) == {*new.files, *(old.files if old else ())}
    trends = {(each.telescope, each.filter): each for each in (old.trends if old else ())
              if (each.telescope, each.filter) not in mine}
    assert {(each.telescope, each.filter): each for each in merged.trends} == trends | {
        (each.telescope, each.filter): each for each in new.trends}
    looked_at = {span.telescope for span in new.cameras}
    left = [span for span in (old.cameras if old else ()) if span.telescope not in looked_at]
    assert Counter(merged.cameras) == Counter([*new.cameras, *left])
    assert (merged.updated, merged.runs, merged.version) == (new.updated, new.runs, new.version)


@given(PAGES, PAGES, PAGES)
def test_merging_again_changes_nothing_and_the_order_of_merging_does_not_matter(one, two, three):
    assert merge(merge(one, two), two) == merge(one, two)
    assert merge(merge(one, two), three) == merge(one, merge(two, three))


def test_what_is_gone_is_not_shown():
    page = page_of(row(), files=('mirrormodel-lsc-doma-1m0a-rp.csv', 'gone.csv'))
    name = 'photzptrend-lsc-doma-1m0a-rp.png'
    kept = only_present(page, {name, 'mirrormodel-lsc-doma-1m0a-rp.csv', 'other.png'})
    assert (set(kept.plots), kept.files) == ({name}, ('mirrormodel-lsc-doma-1m0a-rp.csv',))


def test_the_json_is_for_programs():
    tree = json.loads(render_status(page_of(row(percent=math.nan))))
    assert tree['schema'] == SCHEMA
    assert set(tree) == {'schema', 'updated', 'version', 'statuses', 'plots', 'files', 'runs', 'answers', 'cameras',
                         'trends'}
    assert tree['statuses'][0]['percent'] is None
    assert tree['statuses'][0]['cameras'] == ['fl03', 'fa15']
    assert tree['plots']['photzptrend-lsc-doma-1m0a-rp.png']['width'] == 900
    assert tree['runs'][0]['script'] == 'longtermphotzp.py'


def test_the_schema_is_documented():
    text = (Path(__file__).resolve().parents[2] / 'docs' / 'status.md').read_text(encoding='utf-8')
    documented = set(re.findall(r'^\| `(\w+)` \|', text, re.MULTILINE))
    tree = json.loads(render_status(page_of(row(), answers=ANSWERS, cameras=CAMERAS, trends=TRENDS)))
    given = tree['answers']
    entries = (tree, tree['statuses'][0], tree['runs'][0], tree['cameras'][0], tree['trends'][0],
               next(iter(tree['plots'].values())),
               given, given['months']['lsc'][0], given['extinction'][1]['swing'],
               *(given[name][0] for name in given if name not in ('schema', 'months')))
    assert documented == {name for entry in entries for name in entry}
    assert f'`schema` | integer | {SCHEMA}' in text
    assert f'`schema` | integer | {gather.as_tree(gather.Answers())["schema"]} ' in text[text.index('## answers'):]


def test_answers_are_read_back():
    text = render_status(page_of(row(), answers=ANSWERS))
    back = read_status(text).answers
    assert render_status(page_of(row(), answers=back)) == text
    assert (back.findings, back.gains[0].time, back.months[0][1][0]) == (
        ANSWERS.findings, ANSWERS.gains[0].time, ANSWERS.months[0][1][0])
    assert np.isnat(back.mirrors[0].recoated)
    np.testing.assert_array_equal(back.steps[0][1].size_mag, ANSWERS.steps[0][1].size_mag)
    np.testing.assert_array_equal(back.extinction[1].swing.covariance, ANSWERS.extinction[1].swing.covariance)


def test_answers_are_of_the_newest_run_that_gave_any():
    old, new, none = page_of(answers=ANSWERS), page_of(answers=Answers(months=(('coj', ()),))), page_of()
    assert merge(old, new).answers is new.answers
    assert merge(old, none).answers is merge(None, old).answers is ANSWERS


def test_a_status_of_an_earlier_version_has_no_answers():
    tree = json.loads(render_status(page_of(row(), answers=ANSWERS)))
    del tree['answers']
    assert read_status(json.dumps(tree)).answers == Answers()


def test_numbers_of_a_trend_stand_in_one_line_and_words_stay_as_they_are():
    words = '[\n 1,\n 2]'
    text = render_status(replace(page_of(row(), trends=TRENDS), version=words))
    assert '"zp_mag": [23.8,null,23.79,23.78]' in text
    assert read_status(text).version == words


def damaged(**changes):
    return json.dumps(json.loads(render_status(page_of(row()))) | changes)


@pytest.mark.parametrize('text', [
    '', '{', '[]', 'null', '3', '{}', '[' * 100_000, damaged(schema=SCHEMA + 1), damaged(statuses=None),
    damaged(statuses=[3]), damaged(statuses=[{}]), damaged(plots=[]), damaged(plots={'a.png': None}),
    damaged(updated=5),
    damaged(plots={'a.png': {'width': '9', 'height': 9, 'alt': ''}}), damaged(runs=[{'script': 'x'}]), damaged(runs=3),
    damaged(cameras=3), damaged(cameras=[{'telescope': 'x'}]), damaged(trends=3), damaged(trends=[{'zp_mag': 3}]),
    damaged(trends=[{'telescope': 'x', 'filter': 'rp', 'first': '2025-01-02', 'zp_mag': ['a']}]),
    damaged(answers=None), damaged(answers={'schema': 0}), damaged(answers={'schema': 2, 'findings': [3]}),
    damaged(files=[3]), damaged(plots={'a.png': {'width': True, 'height': 9, 'alt': ''}}),
    damaged().replace('95.6', '"high"'), damaged().replace('95.6', 'NaN'), damaged().replace('["fl03", "fa15"]', '[1]'),
])  # fmt: skip
def test_what_is_no_status_is_refused(text):
    with pytest.raises(ValueError, match=r'not a status\.json: '):
        read_status(text)
