"""The report without a mouse, without colours, without eyes: axe-core's rules, the keyboard, and valid HTML."""

import html5lib
import pytest

from tests.support.axe import violations
from tests.support.browserpages import PHONE

FOCUSABLE = '''() => [...document.querySelectorAll('a[href], button, summary, input, select, textarea, [tabindex="0"]')]
  .filter(each => !each.disabled && each.checkVisibility({checkVisibilityCSS: true}))
  .map((each, n) => { each.dataset.stop = n; return each.outerHTML.slice(0, 80); })'''
# What has the focus: its number, whether a ring shows it, and whether it is seen where it is.
FOCUSED = '''() => {
  const each = document.activeElement, style = getComputedStyle(each), box = each.getClientRects()[0];
  const top = box && document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return {stop: each.dataset.stop, html: each.outerHTML.slice(0, 80),
    ring: style.outlineStyle != 'none' && parseFloat(style.outlineWidth) >= 1,
    seen: !!top && (each.contains(top) || top.contains(each))};
}'''


def telescope_page(directory):
    """Name of the page of a telescope."""
    return min(path.name for path in directory.glob('telescope-*.html'))


@pytest.mark.parametrize('settings', [{}, {'color_scheme': 'dark'}, {'viewport': PHONE},
                                      {'viewport': PHONE, 'color_scheme': 'dark'}],
                         ids=['light', 'dark', 'phone', 'dark-phone'])
def test_axe_finds_nothing(visit, site, years_report, settings):
    for name in ('index.html', telescope_page(years_report)):
        assert violations(visit(f'{site}{name}', **settings)) == []


@pytest.mark.parametrize('settings', [{}, {'color_scheme': 'dark'}], ids=['light', 'dark'])
def test_axe_finds_nothing_in_what_is_chosen_and_opened(visit, site, years_report, settings):
    page = visit(f'{site}index.html?filter=rp&sort=-throughput', **settings)
    page.evaluate('document.querySelectorAll("details").forEach(each => { each.open = true; })')
    assert violations(page) == []
    page.locator('main a[href^="photzptrend-"]:visible').first.click()
    assert page.get_by_role('dialog').is_visible()
    assert violations(page) == []
    page = visit(f'{site}{telescope_page(years_report)}', **settings)
    page.evaluate('document.querySelectorAll("details").forEach(each => { each.open = true; })')
    page.get_by_role('button', name='Zoom').first.click()
    page.locator('.chart .readout').wait_for()
    page.keyboard.press('Shift+ArrowLeft')  # tells of a point
    assert violations(page) == []


def test_axe_sees_what_is_wrong(visit, site):
    page = visit(f'{site}index.html')
    page.add_style_tag(content='h1 { color: #ccc; }')
    page.locator('img').first.evaluate('image => image.removeAttribute("alt")')
    found = '\n'.join(violations(page))
    assert 'color-contrast (serious): <h1>' in found
    assert 'image-alt (critical): <img' in found


def test_the_keyboard_reaches_everything_and_shows_where_it_is(visit, site, years_report):
    for name in ('index.html', telescope_page(years_report)):
        page = visit(f'{site}{name}')
        stops = page.evaluate(FOCUSABLE)
        reached = []
        for _ in stops:
            page.keyboard.press('Tab')
            reached.append(page.evaluate(FOCUSED))
        assert [stop['stop'] for stop in reached] == [str(n) for n in range(len(stops))], name
        assert [stop['html'] for stop in reached if not stop['ring']] == []
        assert [stop['html'] for stop in reached if not stop['seen']] == []


def test_the_first_stop_skips_to_the_content(visit, site, years_report):
    for name in ('index.html', telescope_page(years_report)):
        page = visit(f'{site}{name}')
        page.keyboard.press('Tab')
        skip = page.locator(':focus')
        assert skip.inner_text().startswith('Skip')
        assert skip.bounding_box()['y'] >= 0
        page.keyboard.press('Enter')
        page.keyboard.press('Tab')
        assert page.evaluate('!!document.activeElement.closest("main")')


def test_pages_are_valid_html(years_report):
    for path in years_report.glob('*.html'):
        html5lib.HTMLParser(strict=True).parse(path.read_text(encoding='utf-8'))
