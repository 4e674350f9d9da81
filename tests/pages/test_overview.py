"""The overview: which telescope comes first, what its card says, and trend lines that go where the numbers are."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photzp.answers.gather import Answers
from photzp.answers.status import Trend
from photzp.pages.overview import HEIGHT, WIDTH, Spark, cards_of, simplified, spark, sparks_of
from photzp.pages.page import merge
from photzp.pages.render import render_index
from photzp.pages.text import moment
from photzp.pages.views import Filter, telescopes_of
from tests.support.pagesamples import HOSTILE, LCO, NOW, Parsed, page_of, row, text_of, unknown
from tests.support.sampleanswers import ANSWERS

ONE, TWO, THREE, FOUR = 'lsc-doma-1m0a', 'coj-clma-2m0a', 'tfn-aqwa-0m4a', 'ogg-clma-0m4b'
STATE = ANSWERS.mirrors[0]
THIS_WEEK = 2916  # NOW is Friday 21 November 2025, 20413 days after Thursday 1 January 1970


def cards(page):
    now = moment(page.updated)
    return cards_of(page, telescopes_of(page, LCO, now), LCO.throughput.healthy_mag, now)


def state(telescope, loss_mag):
    return replace(STATE, telescope=telescope, loss_mag=loss_mag, percent=100 * 10 ** (-0.4 * loss_mag))


def points(path):
    """[(x, y)] of a path of one part."""
    numbers = list(map(float, re.findall(r'[\d.]+', path)))
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_a_filter_without_a_name_is_not_all_filters():
    codes = [Filter(name, (), ()).code for name in ('', '_', 'rp')]
    assert codes == ['_', '_5f_', 'rp']


# -- trends of models --------------------------------------------------------------------------------------------------


def test_a_run_that_finds_no_model_leaves_no_trend_of_an_earlier_one():
    trends = tuple(Trend(name, 'rp', '2025-11-20', (23.0,)) for name in (ONE, TWO))
    old = page_of(row(ONE), row(TWO), trends=trends)
    assert merge(old, page_of(unknown(ONE))).trends == trends[1:]


# -- cards -------------------------------------------------------------------------------------------------------------


def test_the_worst_telescope_comes_first():
    rows = (row(ONE), row(TWO), unknown(THREE), row(FOUR))
    page = page_of(*rows, plots={}, answers=Answers(mirrors=(state(ONE, 0.21), state(TWO, 0.02), state(FOUR, 0.7))))
    assert [(card.telescope.name, card.state) for card in cards(page)] == [
        (FOUR, 'low'), (ONE, 'low'), (TWO, 'good'), (THREE, 'unknown')]


def test_a_telescope_that_closed_is_last_and_has_no_card_on_the_page():
    page = page_of(row(ONE), row(TWO, last_observation='2024-01-01T00:00:00', state='low', percent=40.0), plots={})
    assert [card.telescope.name for card in cards(page)] == [ONE, TWO]
    assert re.findall(r'<li class="\w+" data-at="([^"]+)">', render_index(page, LCO)) == [f'telescope.{ONE}']


def test_a_card_says_what_the_answers_say():
    answers = replace(ANSWERS, findings=ANSWERS.findings * 2, mirrors=(replace(STATE, rate_mag_per_month=0.0112),))
    page = page_of(row(ONE, last_observation='2025-11-12T00:00:00'), plots={}, answers=answers)
    card, = re.findall(r'<li class="low".*?</li>', render_index(page, LCO), re.DOTALL)
    assert text_of(card) == f'{ONE} low 76 % −11.2 mmag/month 9 d ago 2 findings'
    assert f'<a href="telescope-{ONE}.html">{ONE}</a>' in card


def test_without_answers_a_card_has_the_mean_of_the_rows():
    """Losses of 0.1 and 0.3 mag are 0.2 mag in the mean, which is 83.2 %; slopes of 2 and 6 mmag are 4."""
    page = page_of(row(ONE, zp_mag=23.7, reference_mag=23.8, slope_mag_per_month=-0.002),
                   row(ONE, 'gp', zp_mag=24.0, reference_mag=24.3, slope_mag_per_month=-0.006), unknown(ONE, 'zp'))
    card, = cards(page)
    assert card.percent == pytest.approx(83.176, abs=0.001)
    assert card.slope_mag_per_month == pytest.approx(-0.004)
    assert card.percent_error is card.slope_error_mag_per_month is None


def test_a_telescope_of_which_only_files_are_left_has_no_card():
    page = page_of(row(ONE), files=(f'mirrormodel-{TWO}-rp.csv',))
    assert [card.telescope.name for card in cards(page)] == [ONE]


def test_the_page_counts_its_findings_at_the_top():
    head = render_index(page_of(row(), plots={}, answers=ANSWERS), LCO).split('<main ')[0]
    assert '<a href="#findings" class="bad">1 finding</a>' in head
    assert '<a href="#findings">No findings</a>' in render_index(page_of(row(), plots={}), LCO)


# -- lines -------------------------------------------------------------------------------------------------------------


def test_a_line_goes_where_the_numbers_are():
    """Two units a percent from 110 % down, four a week; 0.1 mag is 91.2 %, 0.2 mag 83.2 %, and 0.3 mag 75.9 %."""
    found = spark({THIS_WEEK - 52: -0.1, THIS_WEEK: -0.3}, moment(NOW))
    assert found.line == f'M0 38h0M{WIDTH} 68h0'  # a year apart: two dots, no line between
    weeks = {THIS_WEEK - n: -0.3 + 0.2 * n / 52 for n in range(53)}
    assert spark(weeks, moment(NOW)) == Spark(f'M0 38L104 54 {WIDTH} 68', f'M{WIDTH} 68h0', '')


def test_a_step_stays_a_step():
    weeks = {THIS_WEEK - n: 0.0 if n < 10 else -0.4 for n in range(53)}
    assert points(spark(weeks, moment(NOW)).line) == [(0, 82), (168, 82), (172, 20), (208, 20)]


def test_what_is_older_than_a_year_or_of_the_future_is_not_drawn():
    assert spark({THIS_WEEK - 53: -0.1, THIS_WEEK + 1: -0.1}, moment(NOW)) == Spark('', '', '')
    assert spark({THIS_WEEK: -0.1}, None) == Spark('', '', '')


def test_what_is_off_the_axes_runs_along_the_edge_and_is_marked():
    low = spark({THIS_WEEK - 1: -0.1, THIS_WEEK: -2.0}, moment(NOW))
    assert points(low.line) == [(WIDTH - 4, 38), (WIDTH, HEIGHT)]
    assert low.off.startswith(f'M{WIDTH} {HEIGHT}l')
    high = spark({THIS_WEEK - 1: 0.4, THIS_WEEK: -0.1}, moment(NOW))
    assert points(high.line)[0] == (WIDTH - 4, 0)
    assert high.off.startswith(f'M{WIDTH - 4} 0l')


def test_without_a_reference_the_best_of_the_year_counts_as_one():
    trends = (Trend(ONE, 'rp', '2025-11-13', (23.5, 23.4)),)
    page = page_of(row(ONE, reference_mag=None, percent=None, state='unknown'), trends=trends)
    assert points(sparks_of(page, moment(NOW))[ONE, 'rp'].line) == [(WIDTH - 4, 20), (WIDTH, 38)]


def test_the_mean_of_filters_makes_no_step_where_one_of_them_is_missing():
    """Both filters fall by 0.01 mag a week; gp is 1 mag brighter and was not observed in the first week."""
    trends = (Trend(ONE, 'gp', '2025-11-13', (24.01, 24.0)), Trend(ONE, 'rp', '2025-11-06', (23.02, 23.01, 23.0)))
    page = page_of(row(ONE), row(ONE, 'gp'), trends=trends, answers=Answers(mirrors=(state(ONE, 0.1),)))
    card, = cards(page)
    expected = [(WIDTH - 4 * n, 2 * (110 - 100 * 10 ** (-0.4 * (0.1 - 0.01 * n)))) for n in (2, 1, 0)]
    assert points(card.spark.line)[::len(points(card.spark.line)) - 1] == [
        (x, round(y)) for x, y in (expected[0], expected[-1])]


def test_a_line_is_drawn_in_the_table_and_on_the_card():
    page = page_of(row(ONE), plots={}, trends=(Trend(ONE, 'rp', '2025-11-13', (23.5, 23.4)),))
    html = Parsed(render_index(page, LCO))
    assert len(html.all('svg')) == 2
    assert all(each['aria-hidden'] == 'true' for each in html.all('svg'))  # the numbers stand beside it


POINTS = st.lists(st.floats(-50, 200), min_size=1, max_size=60).map(lambda ys: [(4.0 * n, y) for n, y in enumerate(ys)])


@given(POINTS)
def test_no_point_is_farther_from_a_simplified_line_than_the_tolerance(line):
    kept = simplified(line)
    x, y = np.transpose(line)
    assert np.abs(np.interp(x, *np.transpose(kept)) - y).max() <= 0.7 + 1e-9
    assert set(kept) <= set(line)


@given(st.lists(st.none() | st.floats(), max_size=60), st.sampled_from(['2025-11-13', '', HOSTILE, '9999-12-30']),
       st.none() | st.floats())
def test_any_trend_gives_a_page(zp_mag, first, reference_mag):
    page = page_of(row(ONE, reference_mag=reference_mag), plots={}, trends=(Trend(ONE, 'rp', first, tuple(zp_mag)),))
    for path in (each['d'] for each in Parsed(render_index(page, LCO)).all('path')):
        assert re.fullmatch(r'[MLlhvz\d. -]+', path)
