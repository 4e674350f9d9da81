"""Tabs, sorting, the full view of a plot and the wall screen, in a real browser; any complaint of it fails a test."""

import os
import re
import shutil

import pytest
from playwright.sync_api import expect

from tests.support.browserpages import FILTERS, FLEET, served

SHOWN = '''() => [...document.querySelectorAll('table.status tbody tr')].filter(row => row.checkVisibility())
  .map(row => [...row.cells].map(cell => cell.innerText.trim()))'''


def rows(page):
    """Text of the cells of the rows of the status table that are seen, from the top."""
    return page.evaluate(SHOWN)


def tab(page, name):
    return page.get_by_role('navigation', name='Filter').get_by_role('link', name=name, exact=True)


def number(text):
    """The first number of a cell, None where nothing is known."""
    found = re.search(r'[-+]?\d+(\.\d+)?', text.replace('\u2212', '-'))
    return float(found[0]) if found else None


# -- filters -----------------------------------------------------------------------------------------------------------


def test_a_filter_stays_in_the_address(visit, site):
    page = visit(f'{site}index.html')
    assert {row[1] for row in rows(page)} == {'gp', 'rp'}
    tab(page, 'rp').click()
    expect(page).to_have_url(re.compile(r'\?filter=rp$'))
    for _ in range(2):
        assert {row[1] for row in rows(page)} == {'rp'}
        assert tab(page, 'rp').get_attribute('aria-current') == 'true'
        assert page.locator('.tabs [aria-current]').count() == 1
        page.reload()
    tab(page, 'gp').click()
    page.go_back()
    assert {row[1] for row in rows(page)} == {'rp'}
    page.go_back()
    assert {row[1] for row in rows(page)} == {'gp', 'rp'}
    page.go_forward()
    assert {row[1] for row in rows(page)} == {'rp'}


def test_a_filter_shows_its_plots_and_cards_only(visit, fleet_site):
    page = visit(f'{fleet_site}index.html?filter=ip')
    assert {row[1] for row in rows(page)} == {'ip'}
    assert page.locator('.overview:visible h3').all_inner_texts() == ['ip']
    cards = page.locator('.fleet li:visible')
    assert cards.count() == len(FLEET)
    percents = dict(zip(cards.locator('h3 a').all_inner_texts(),
                        map(number, cards.locator('.percent').all_inner_texts()), strict=True))
    assert percents == pytest.approx({row[0].split('\n')[0]: number(row[2]) for row in rows(page)}, abs=0.51)
    assert list(percents.values()) == sorted(percents.values())


@pytest.mark.parametrize('asked', ['', '?filter=nothing', '?filter=%3Cscript%3Ealert(1)%3C/script%3E', '?sort=-',
                                   '?filter=rp&filter=gp&sort=nothing', '?sort=__proto__&filter=constructor'])
def test_an_address_that_asks_for_nothing_known_is_no_harm(visit, site, asked):
    page = visit(f'{site}index.html{asked}')
    assert {row[1] for row in rows(page)} == ({'rp'} if 'filter=rp' in asked else {'gp', 'rp'})
    assert page.locator('[aria-sort]').count() == 0


def test_a_link_to_a_plot_wins_over_a_filter(visit, site, years_report):
    name = min(path.stem for path in years_report.glob('photzptrend-*-rp.png')).split('-', 1)[1].removesuffix('-rp')
    page = visit(f'{site}index.html?filter=gp#telescope.{name}.rp')
    expect(page.locator(f'[id="telescope.{name}.rp"]')).to_be_in_viewport()


# -- sorting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(('heading', 'column'), [('Throughput', 2), ('Slope', 4)])
def test_the_table_sorts_by_its_numbers(visit, fleet_site, heading, column):
    page = visit(f'{fleet_site}index.html')
    before = rows(page)
    assert len(before) == len(FLEET) * len(FILTERS)
    head = page.get_by_role('columnheader', name=heading)
    for order, sign in (('ascending', 1), ('descending', -1)):
        head.get_by_role('button').press('Enter')
        assert head.get_attribute('aria-sort') == order
        assert page.locator('[aria-sort]').count() == 1
        values = [number(row[column]) for row in rows(page)]
        assert [sign * value for value in values] == sorted(sign * value for value in values)
        kept = page.url
    page.goto(kept)
    assert [number(row[column]) for row in rows(page)] == values
    head.get_by_role('button').click()
    assert page.locator('[aria-sort]').count() == 0
    assert [row[1:] for row in rows(page)] == [row[1:] for row in before]


def test_every_row_says_its_telescope_wherever_it_stands(visit, fleet_site):
    page = visit(f'{fleet_site}index.html?sort=throughput')
    assert {row[0].split('\n')[0] for row in rows(page)} == set(FLEET)


# -- a plot at full size -----------------------------------------------------------------------------------------------


def opened(page, name):
    """Open the full view of a plot by the keyboard; (link, dialog)."""
    link = page.locator(f'main a[href="{name}"]').first
    link.evaluate('link => { const place = link.closest("details"); if (place) place.open = true; }')
    link.focus()
    link.press('Enter')
    return link, page.get_by_role('dialog')


def test_a_plot_is_seen_whole_and_left_by_the_keyboard(visit, site, years_report):
    names = sorted(path.name for path in years_report.glob('photzptrend-*-rp.png'))
    page = visit(f'{site}index.html')
    link, dialog = opened(page, names[0])
    image = dialog.locator('img')
    expect(image).to_have_attribute('src', names[0])
    assert image.get_attribute('alt') == link.locator('img').get_attribute('alt')
    for key, number_ in (('ArrowRight', 1), ('ArrowRight', 2), ('ArrowRight', 2), ('ArrowLeft', 1), ('ArrowLeft', 0)):
        page.keyboard.press(key)
        expect(image).to_have_attribute('src', names[number_])
    page.keyboard.press('ArrowUp')
    expect(image).to_have_attribute('src', names[0].replace('-rp', '-gp'))
    page.wait_for_function('image => image.complete && image.naturalWidth > 0', arg=image.element_handle())
    box, view = image.bounding_box(), page.viewport_size
    assert box['x'] >= 0
    assert box['y'] >= 0
    assert box['x'] + box['width'] <= view['width']
    assert box['y'] + box['height'] <= view['height']
    page.keyboard.press('Escape')
    expect(dialog).to_be_hidden()
    assert link.evaluate('link => document.activeElement === link')


def test_the_focus_stays_in_the_full_view(visit, site, years_report):
    page = visit(f'{site}index.html')
    _, dialog = opened(page, min(path.name for path in years_report.glob('photzptrend-*-rp.png')))
    for _ in range(12):
        page.keyboard.press('Tab')
        assert page.evaluate('document.activeElement === document.body || !!document.activeElement.closest("dialog")')
    dialog.get_by_role('button', name='Close').click()
    expect(dialog).to_be_hidden()


def test_a_plot_with_a_modifier_opens_as_a_file(visit, site, years_report):
    name = min(path.name for path in years_report.glob('allmodels_*.png'))
    page = visit(f'{site}index.html')
    with page.context.expect_page() as other:
        page.locator(f'main a[href="{name}"]').first.click(modifiers=['ControlOrMeta'])
    assert other.value.url == f'{site}{name}'
    assert not page.get_by_role('dialog').is_visible()


# -- a page that is left open ------------------------------------------------------------------------------------------


def test_a_wall_screen_shows_a_new_report(visit, years_report, tmp_path):
    for path in (*years_report.glob('*.html'), *years_report.glob('*.js'), *years_report.glob('*.css')):
        shutil.copy(path, tmp_path)
    shown = tmp_path / 'index.html'
    text = shown.read_text(encoding='utf-8')
    shown.write_text(re.sub(r'<img [^>]*>', '', text), encoding='utf-8')
    os.utime(shown, (1_600_000_000, 1_600_000_000))
    with served(tmp_path) as url:
        page = visit(f'{url}index.html?filter=rp', clock=True)
        page.evaluate('window.same = true')
        with page.expect_response(lambda answer: answer.request.method == 'HEAD'):
            page.clock.fast_forward(301_000)
        assert page.evaluate('window.same') is True
        shown.write_text(shown.read_text(encoding='utf-8').replace('<h1>', '<h1>New: '), encoding='utf-8')
        with page.expect_navigation():
            page.clock.fast_forward(301_000)
        assert page.locator('h1').inner_text().startswith('New: ')
        assert page.url.endswith('?filter=rp')


# -- paper -------------------------------------------------------------------------------------------------------------


def test_what_is_folded_is_on_paper(visit, fleet_site):
    page = visit(f'{fleet_site}index.html')
    page.emulate_media(media='print')
    page.evaluate('dispatchEvent(new Event("beforeprint"))')
    assert page.locator('#next ~ section details table').first.is_visible()
