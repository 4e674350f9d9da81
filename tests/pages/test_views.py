"""The page of a telescope has all that is known of it, and of no other; nothing on it leads nowhere."""

import math
import re
from dataclasses import replace

import html5lib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photzp.answers.alarms import Finding
from photzp.answers.nights import Month
from photzp.answers.ranking import Advice
from photzp.pages.page import Plot
from photzp.pages.render import render_index, render_telescopes, static_files
from photzp.records import CameraSpan
from photzp.reportnames import site_plot_name, telescope_page_name, telescope_plot_name
from tests.support.pagesamples import (
    CAMERAS,
    HOSTILE,
    LCO,
    Parsed,
    page_of,
    part,
    plots_of,
    row,
    rows_of,
    text_of,
    unknown,
)
from tests.support.sampleanswers import ANSWERS

ONE, TWO = 'lsc-doma-1m0a', 'coj-clma-2m0a'
OTHER = Finding(kind='silent', telescope=TWO, filter='', camera='', text='no zeropoint for 9 days', value=9.0,
                error=None, limit=7.0, unit='days', setting='silent_days', excess=2 / 7)
MONTHS = (*(Month(month=np.datetime64(f'2024-{month:02}'), photometric=month, cloudy=10, unknown=20 - month,
                  fraction=month / (month + 10), fraction_error=0.1)
            for month in range(1, 13)), Month(month=np.datetime64('2025-01'), photometric=0, cloudy=0, unknown=31,
                                              fraction=math.nan, fraction_error=math.nan))
PLOTS = {telescope_plot_name(ONE): Plot(900, 480, f'{ONE}, all filters: throughput 76% of reference'),
         site_plot_name('nightcalendar', 'lsc'): Plot(900, 500, 'photometric nights of lsc')}
ROWS = (row(ONE), row(ONE, 'gp'), row(TWO))


def test_a_telescope_that_is_closed_has_the_throughput_of_its_last_night():
    for seen, said in (('2025-11-20T23:59:59', False), ('2025-03-01T00:00:00', True)):
        page = page_of(row(ONE, last_observation=seen), plots={}, answers=ANSWERS)
        html = render_telescopes(page, LCO)[telescope_page_name(ONE)]
        assert (', when last seen' in html) is said
        assert ('Falls below 80 %' in html) is not said


@pytest.fixture(scope='module')
def page():
    answers = replace(ANSWERS, findings=(*ANSWERS.findings, OTHER), months=(('lsc', MONTHS),),
                      advice=(Advice(telescope=TWO, kind='wash', rank=1, gain_mag=0.2, gain_error_mag=0.1,
                                     light_percent=12.0, light_error_percent=1.0),
                              Advice(telescope=ONE, kind='wash', rank=2, gain_mag=0.104, gain_error_mag=0.02,
                                     light_percent=8.04, light_error_percent=2.0)),
                      mirrors=(*ANSWERS.mirrors, replace(ANSWERS.mirrors[0], telescope=TWO)))
    return page_of(*ROWS, plots=plots_of(row(ONE)) | PLOTS, answers=answers, cameras=CAMERAS,
                   files=(f'mirrormodel-{ONE}-rp.csv', f'photzptrend-{ONE}-rp.json'))


@pytest.fixture(scope='module')
def html(page):
    return render_telescopes(page, LCO)[telescope_page_name(ONE)]


def test_every_telescope_has_a_page_that_the_index_leads_to(page):
    pages = render_telescopes(page, LCO)
    assert set(pages) == {'telescope-lsc-doma-1m0a.html', 'telescope-coj-clma-2m0a.html'}
    linked = {link['href'] for link in Parsed(render_index(page, LCO)).all('a')}
    assert set(pages) == {link for link in linked if link.startswith('telescope-')}


def test_the_state_now_is_told_with_errors_and_the_date_of_the_threshold(html):
    text = text_of(html)
    assert '76 % of reference, ± 0.7 %' in text
    assert 'Loss against the reference 300 ± 10 mmag' in text
    assert 'Loss since the last recoating –' in text
    assert 'Loss a month 10.0 ± 1.0 mmag' in text
    assert 'Falls below 80 % now already on 2025-06-01' in text
    assert 'Last event wash 2025-10-22' in text
    assert 'Rank for a wash 2 of 2 gives 104 mmag, 8.0 % of light' in text


def test_a_telescope_of_which_nothing_is_known_has_dashes():
    pages = render_telescopes(page_of(unknown(), plots={}), LCO)
    text = text_of(pages[telescope_page_name(ONE)])
    assert '– no reference known' in text
    assert rows_of(part(pages[telescope_page_name(ONE)], 'filters')) == [
        ['rp', '–', '–', '–', '–', '–', '0 / 0', '–']]
    assert 'nan' not in text.lower()
    assert 'None' not in text
    assert 'No event is on record' in text


def test_only_its_own_findings_are_on_the_page(html):
    found = text_of(part(html, 'findings'))
    assert found == ('Findings Below threshold 1 throughput is below the threshold; limit 80 % '
                     'throughput_below_percent rp throughput 71.0 ± 0.6 % of reference')


def test_the_figure_stands_with_the_sentence_that_it_shows(html):
    image, *_, calendar = Parsed(html).all('img')
    assert (image['src'], image['width'], image['alt']) == (
        telescope_plot_name(ONE), '900', f'{ONE}, all filters: throughput 76% of reference')
    assert calendar['src'] == 'nightcalendar-lsc.png'


def test_filters_have_their_numbers_and_lead_to_their_plots(html):
    rows = rows_of(part(html, 'filters'))
    assert [line[0] for line in rows] == ['gp', 'rp']
    assert rows[1][1:] == ['95.6 ± 0.3', '−4.2 ± 0.4', '23.751 ± 0.003 2500 of 4000 used, 700 nights', '23.80',
                           '2025-11-20', '21 / 14',
                           'Throughput Colour term Extinction CSV JSON']
    linked = [link['href'] for link in Parsed(f'<div>{part(html, "filters")}</div>').all('a')]
    assert linked == [f'#telescope.{ONE}.rp', f'photzptrend-{ONE}-rp.png', f'colortermtrend-{ONE}-rp.png',
                      f'airmasstrend-{ONE}-rp.png', f'mirrormodel-{ONE}-rp.csv', f'photzptrend-{ONE}-rp.json']


def test_a_filter_has_its_trend_with_the_finding_and_all_that_there_is_of_it(html):
    trend = re.search(rf'<section class="trend" id="telescope.{ONE}.rp".*?</section>', html, re.DOTALL)[0]
    assert f'data-trend="photzptrend-{ONE}-rp.json"' in trend
    assert text_of(re.search(r'<h3>.*?</h3>', trend)[0]) == 'rp throughput 96% of reference, falling 4 mmag a month'
    pictures = [image['src'] for image in Parsed(trend).all('img')]
    assert pictures == [f'{kind}-{ONE}-rp.png' for kind in ('photzptrend', 'colortermtrend', 'airmasstrend')]
    links = [link['href'] for link in Parsed(trend).all('a')]
    assert {*pictures, f'mirrormodel-{ONE}-rp.csv', f'photzptrend-{ONE}-rp.json'} == set(links)
    assert '<summary>Colour term, Extinction</summary>' in trend


def test_without_the_data_there_is_nothing_to_zoom_into(page):
    html = render_telescopes(replace(page, files=()), LCO)[telescope_page_name(ONE)]
    assert 'data-trend' not in html
    assert f'photzptrend-{ONE}-rp.png' in html


def test_a_page_is_the_same_in_the_next_run_of_a_day_where_nothing_changed(page):
    later = replace(page, updated='2025-11-21T20:05:00', runs=())
    assert render_telescopes(later, LCO) == render_telescopes(page, LCO)


def test_places_that_are_linked_to_are_there(page, html):
    for each in render_telescopes(page, LCO).values():
        assert set(re.findall(r'href="#([^"]*)"', each)) <= set(Parsed(each).ids())
    assert f'href="#telescope.{ONE}.rp"' in html


def test_events_and_steps_are_those_of_the_telescope(page, html):
    assert rows_of(part(html, 'events')) == [
        ['2025-06-01 recorded 2025-06-09', 'cleaning', '+50 ± 4', '+4.7 ± 0.4', '+50 ± 4', '–']]
    assert rows_of(part(html, 'steps'))[0][:2] == ['2025-06-01 1 to 3 Jun 2025', '−100 ± 10']
    other = render_telescopes(page, LCO)[telescope_page_name(TWO)]
    assert 'id="steps"' not in other
    assert 'cleaning' not in text_of(part(other, 'events')).replace('Gain:', '')


def test_cameras_come_newest_first_with_their_times(html):
    assert rows_of(part(html, 'cameras')) == [['fa15', '2023-05-06', '2025-11-20', '2500'],
                                              ['fl03', '2019-01-02', '2023-05-04', '1500']]


def test_nights_by_month_are_those_of_the_site(html):
    rows = rows_of(part(html, 'nights'))
    assert rows[0] == ['Jan 2025', '0', '0', '31', '–']
    assert rows[1] == ['Dec 2024', '12', '10', '8', '55 ± 10']
    assert [line[0] for line in rows][-2:] == ['Feb 2024', 'Jan 2024']
    assert '<summary>1 earlier months</summary>' in html


def test_a_page_names_only_what_the_page_holds(page):
    there = {*page.plots, *page.files, *static_files(), 'index.html', 'status.json'}
    for html in render_telescopes(page, LCO).values():
        parsed = Parsed(html)
        addresses = {each[name] for _, each in parsed.elements for name in ('href', 'src', 'data-trend')
                     if name in each}
        assert {address for address in addresses - {'data:,'} if address[0] != '#'} <= there
        assert len(set(parsed.ids())) == len(parsed.ids())
        assert {tag for tag, _ in parsed.elements}.isdisjoint({'iframe', 'object', 'embed', 'base', 'form'})
        assert re.findall(r'<script[^>]*>[^<]', html) == []
        html5lib.HTMLParser(strict=True).parse(html)


def test_the_same_facts_give_the_same_pages(page):
    backwards = replace(page, statuses=page.statuses[::-1], plots=dict(reversed(page.plots.items())),
                        cameras=page.cameras[::-1])
    assert render_telescopes(backwards, LCO) == render_telescopes(page, LCO)


@pytest.mark.parametrize('text', [HOSTILE, '</style><script>', '{% raw %}', '\ud83d', '</pre><b>'])
def test_nothing_in_the_data_becomes_an_element(text):
    def tags(name):
        page = page_of(row(ONE, name, cameras=(name,), event_kind=name), plots={}, cameras=(
            CameraSpan(ONE, name, name, name, 3),), answers=replace(
                ANSWERS, findings=(replace(ANSWERS.findings[0], text=name, camera=name, filter=name),)))
        html, = render_telescopes(page, LCO).values()
        html.encode()
        return [tag for tag, _ in Parsed(html).elements]

    assert tags(text) == tags('plain')


@given(st.lists(st.text(max_size=9) | st.just(ONE), max_size=4))
@settings(deadline=None, max_examples=30)
def test_a_name_that_is_none_for_a_file_gets_no_page(names):
    pages = render_telescopes(page_of(*(row(name) for name in names), plots={}), LCO)
    assert set(pages) == ({telescope_page_name(ONE)} if ONE in names else set())
