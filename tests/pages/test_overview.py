"""The overview: which telescope comes first, what its card says, and trend lines that go where the numbers are."""

import re
from dataclasses import replace

import pytest

from photzp.answers.gather import Answers
from photzp.answers.status import Trend
from photzp.pages.overview import cards_of
from photzp.pages.page import merge
from photzp.pages.render import render_index
from photzp.pages.text import parse_time
from photzp.pages.views import telescopes_of
from tests.support.pagesamples import LCO, page_of, row, text_of, unknown
from tests.support.sampleanswers import ANSWERS

ONE, TWO, THREE, FOUR = 'lsc-doma-1m0a', 'coj-clma-2m0a', 'tfn-aqwa-0m4a', 'ogg-clma-0m4b'
STATE = ANSWERS.mirrors[0]


def cards(page):
    now = parse_time(page.updated)
    return cards_of(page, telescopes_of(page, LCO, now), LCO.throughput.healthy_mag, now)


def state(telescope, loss_mag):
    return replace(STATE, telescope=telescope, loss_mag=loss_mag, percent=100 * 10 ** (-0.4 * loss_mag))


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
