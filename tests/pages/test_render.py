"""Pages are whole in themselves, run nothing but their own script, and say so to browsers."""

import pytest

from photzp.pages.render import render_index, render_telescopes
from tests.support.pagesamples import LCO, Parsed, page_of, row


@pytest.mark.parametrize('html', [render_index(page_of(row()), LCO), *render_telescopes(page_of(row()), LCO).values()])
def test_browsers_are_told_to_run_nothing_else(html):
    """The policy stands before all that it is for, and allows no script that is written into the page."""
    policy, = (each['content'] for each in Parsed(html).all('meta') if 'http-equiv' in each)
    rules = dict(rule.strip().split(' ', 1) for rule in policy.split(';'))
    assert rules['default-src'] == rules['base-uri'] == rules['form-action'] == "'none'"
    assert rules['script-src'] == rules['connect-src'] == "'self'"
    assert html.index('http-equiv') < html.index('<script')


def test_the_page_says_what_it_is_to_browsers():
    html = render_index(page_of(), LCO)
    assert html.startswith('<!DOCTYPE html>\n<html lang="en">')
    head = Parsed(html).all('meta')
    assert {'charset': 'utf-8'} in head
    assert any(each.get('name') == 'viewport' for each in head)
