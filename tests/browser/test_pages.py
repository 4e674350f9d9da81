"""The report as people use it, in a real browser; any complaint of the browser fails a test."""

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import urldefrag, urljoin

import pytest
from PIL import Image

import longtermphotzp
from photzp.pages.page import read_status
from tests.support import screenshots
from tests.support.browserpages import FLEET, PHONE, WALL, Visitor, served, write_pages

POLICY = '<meta http-equiv="Content-Security-Policy" content="script-src \'unsafe-inline\'; img-src \'self\'">'
TITLE = 'Telescope throughput'

# Rectangles of all lines of text that is seen, with the text: [[left, top, right, bottom, text], ...].
LINES = '''() => {
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    const seen = node.parentElement.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
    if (!node.data.trim() || !seen) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const half = 0.45 * parseFloat(getComputedStyle(node.parentElement).fontSize);  // letters, without their leading
    for (const box of range.getClientRects()) {
      const middle = (box.top + box.bottom) / 2;
      if (box.width > 2 && box.height > 2)
        found.push([box.left, middle - half, box.right, middle + half, node.data.trim().slice(0, 40)]);
    }
  }
  return found;
}'''
# What makes the page scroll to the side.
BEYOND = '''() => document.scrollingElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('*')].filter(
  each => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth).map(
  each => each.outerHTML.slice(0, 100))'''
SIZES = (320, 640), (390, 844), (768, 1024), (1400, 1000), (1920, 1080)  # 320: as WCAG 2.2, 1.4.10 asks


def pages_of(directory):
    """Names of the pages of a report, a telescope's as good as any other's."""
    return ['index.html', min(path.name for path in directory.glob('telescope-*.html'))]


def overlapping(lines, by=2.5):
    """Pairs of lines of text of which one covers the other by more pixels than that in both directions."""
    found, last = [], []
    for line in sorted(lines, key=lambda line: line[1]):
        last = [other for other in last if other[3] > line[1] + by]
        found += [(other[4], line[4]) for other in last
                  if min(other[2], line[2]) - max(other[0], line[0]) > by]
        last.append(line)
    return found


# -- the fixtures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(('body', 'complaint'), [
    ('<script>console.error("so")</script>', 'console: so'), ('<script>nothing()</script>', 'exception: nothing is'),
    ('<script>alert("hit")</script>', 'dialog: hit'), ('<img src="none.png" alt="">', '404: .*/none.png'),
    ('<img src="http://127.0.0.1:9/x.png" alt="">', 'leaves the host: http://127.0.0.1:9/x.png'),
    (f'{POLICY}<img src="http://localhost:9/x.png" alt="">', 'console: refused: http://localhost:9/x.png'),
    ('<p>nothing</p>', '')])
def test_what_is_wrong_with_a_page_does_not_go_unseen(chromium, tmp_path, body, complaint):
    (tmp_path / 'index.html').write_text(f'<!DOCTYPE html><title>x</title><link rel="icon" href="data:,">{body}')
    visitor = Visitor(chromium)
    with served(tmp_path) as url:
        visitor(f'{url}index.html')
        found = visitor.leave()
    assert bool(found) == bool(complaint)
    assert re.search(complaint, '\n'.join(found))


def test_text_over_text_does_not_go_unseen(visit, tmp_path):
    (tmp_path / 'index.html').write_text('<!DOCTYPE html><title>x</title><link rel="icon" href="data:,"><p>one two'
                                         '<p style="margin-top: -2em">three<p>four')
    with served(tmp_path) as url:
        assert overlapping(visit(f'{url}index.html').evaluate(LINES)) == [('one two', 'three')]


# -- links -------------------------------------------------------------------------------------------------------------


def test_every_link_and_picture_leads_somewhere(visit, site, years_report):
    ids, wanted = {}, set()
    for path in years_report.glob('*.html'):
        page = visit(f'{site}{path.name}')
        ids[page.url] = set(page.locator('[id]').evaluate_all('all => all.map(each => each.id)'))
        wanted |= {urljoin(page.url, address) for address in page.locator('[href], [src]').evaluate_all(
            'all => all.map(each => each.getAttribute("href") || each.getAttribute("src"))')}
    addresses = {urldefrag(address) for address in wanted if not address.startswith('data:')}
    for url in {url for url, _ in addresses}:
        assert page.request.get(url).status == 200, url
    missing = [f'{url}#{name}' for url, name in addresses if name and name not in ids[url.partition('?')[0]]]
    assert missing == []
    assert len(addresses) > 50


def test_a_link_to_a_telescope_and_filter_shows_its_plot(visit, site, years_report):
    name = min(path.stem for path in years_report.glob('photzptrend-*-rp.png')).removeprefix('photzptrend-')
    anchor = f'telescope.{name.removesuffix("-rp")}.rp'
    page = visit(f'{site}index.html#{anchor}')
    plot = page.locator(f'[id="{anchor}"] img').first
    plot.scroll_into_view_if_needed()
    page.wait_for_function('image => image.complete && image.naturalWidth > 100', arg=plot.element_handle())
    assert page.locator(f'[id="{anchor}"]').first.bounding_box()['y'] < 1000


def test_the_report_works_from_a_file(visit, years_report):
    page = visit((years_report / 'index.html').as_uri())
    assert page.title() == TITLE


# -- widths, schemes, paper, no script ---------------------------------------------------------------------------------


def test_nothing_overlaps_or_goes_beyond_the_side(visit, site, years_report):
    for name in pages_of(years_report):
        page = visit(f'{site}{name}')
        for width, height in SIZES:
            page.set_viewport_size({'width': width, 'height': height})
            assert (name, page.evaluate(BEYOND)) == (name, [])
            assert (name, width, overlapping(page.evaluate(LINES))) == (name, width, [])


def test_a_large_fleet_fits_a_phone(visit, fleet_site):
    page = visit(f'{fleet_site}index.html', viewport=PHONE)
    assert page.evaluate(BEYOND) == []
    assert overlapping(page.evaluate(LINES)) == []


def test_without_script_everything_is_there(visit, site, years_report):
    page = visit(f'{site}index.html', java_script_enabled=False)
    for name in ('findings', 'next', 'gains', 'status', 'nights', 'extinction'):
        assert page.locator(f'#{name}').is_visible()
    telescopes = {path.stem.removeprefix('telescope-') for path in years_report.glob('telescope-*.html')}
    said = page.locator('main').inner_text()
    assert all(telescope in said for telescope in telescopes)
    drawn = set(page.locator('img').evaluate_all('all => all.map(each => each.getAttribute("src"))'))
    assert drawn >= {path.name for path in years_report.glob('photzptrend-*.png')}
    assert page.locator('table.status tbody tr').count() == 2 * len(telescopes)


def test_a_page_of_a_telescope_has_its_plot_without_script(visit, site, years_report):
    page = visit(f'{site}{pages_of(years_report)[1]}', java_script_enabled=False)
    assert page.locator('img[src^="telescopetrend-"]').is_visible()
    assert page.locator('table.filters tbody tr').count() == 2


def test_dark_is_dark_and_light_is_light(visit, site, years_report):
    shade = '() => getComputedStyle(document.body).backgroundColor'
    for name in pages_of(years_report):
        page, shades = visit(f'{site}{name}'), []
        for scheme in ('light', 'dark'):
            page.emulate_media(color_scheme=scheme)
            shades.append(sum(map(int, re.findall(r'\d+', page.evaluate(shade)))) / 3)
        assert shades[0] > 240
        assert shades[1] < 40


def test_paper_has_all_of_it(visit, site):
    page = visit(f'{site}index.html')
    page.emulate_media(media='print')
    assert not page.locator('nav').first.is_visible()
    assert page.locator('table.status').is_visible()


def test_who_wants_no_motion_gets_none(visit, site, years_report):
    moving = '''() => [...document.querySelectorAll('*')].filter(each => {
      const style = getComputedStyle(each), long = /[1-9]/;
      return style.scrollBehavior == 'smooth' || long.test(style.transitionDuration)
        || style.animationName != 'none'; }).map(each => each.outerHTML.slice(0, 80))'''
    for name in pages_of(years_report):
        assert visit(f'{site}{name}', reduced_motion='reduce').evaluate(moving) == []


# -- a large fleet -----------------------------------------------------------------------------------------------------


def test_the_first_view_of_a_large_fleet_is_light(visit, fleet_site):
    visit(f'{fleet_site}index.html').wait_for_timeout(300)  # what would be loaded without scrolling is, by then
    assert sum(visit.weight.values()) < 300_000, visit.weight


def test_the_wall_screen_shows_the_whole_fleet(visit, fleet_site):
    page = visit(f'{fleet_site}index.html', viewport=WALL)
    boxes = page.locator('.fleet li').evaluate_all('all => all.map(each => each.getBoundingClientRect().toJSON())')
    assert len(boxes) == len(FLEET)
    assert max(box['bottom'] for box in boxes) <= WALL['height']


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_screenshots_are_as_large_as_the_screen(chromium, years_report, tmp_path):
    some = {name: screenshots.PICTURES[name] for name in ('wall.png', 'telescope-phone.png')}
    assert screenshots.take(chromium, years_report, tmp_path, some) == []
    for name, size in (('wall.png', WALL), ('telescope-phone.png', PHONE)):
        with Image.open(tmp_path / name) as image:
            assert image.size == (size['width'], size['height'])
            assert len(image.getcolors(1 << 24)) > 50


# -- hostile words -----------------------------------------------------------------------------------------------------


HIT = 'window.hit=true;alert(1);document.title=1'
HOSTILE = (f'<script>{HIT}</script>', f'"><img src=x onerror="{HIT}">', f"'><svg onload={HIT}>", f'javascript:{HIT}',
           f'</title><script>{HIT}', f'</script><script>{HIT}//', '<img src=http://127.0.0.1:9/x.png>', f'`;{HIT}//',
           '{{7*7}}')


def assert_nothing_ran(page):
    """Scroll through it, unfold and press everything; `visit` sees requests, dialogs and exceptions."""
    page.evaluate('document.querySelectorAll("details").forEach(each => { each.open = true; })')
    page.mouse.wheel(0, 100_000)
    for button in page.locator('button:visible').all():
        button.click()
    assert page.evaluate('window.hit') is None
    assert page.title().endswith('hroughput')


@pytest.fixture(scope='module')
def hostile_report(tmp_path_factory):
    """A report of rows that have scripts in each of their words, and of an event with one in its note."""
    out = tmp_path_factory.mktemp('hostile')
    good = ('lsc1m005-fa15-20190801-0001-e91.fits', 'lsc', 'doma', '1m0a', 'fa15', 'rp')
    rows = [(f'lsc1m005-fa15-201908{n + 1:02d}-{n:04d}-e91.fits', n, good[1:]) for n in range(28)]
    for number, text in enumerate(HOSTILE):
        rows.append((text, number, good[1:]))
        for n in range(1, 6):
            words = (*good[1:n], text, *good[n + 1:])
            rows.append((f'lsc1m005-fa15-20190901-{number:02d}{n:02d}-e91.fits', number, words))
    with closing(sqlite3.connect(out / 'x.db')) as connection, connection:
        connection.execute('CREATE TABLE lcophot (name TEXT PRIMARY KEY, dateobs TEXT, site TEXT, dome TEXT, telescope '
                           'TEXT, camera TEXT, filter TEXT, airmass REAL, zp REAL, colorterm REAL, zpsig REAL)')
        connection.executemany('INSERT INTO lcophot VALUES (?, ?, ?, ?, ?, ?, ?, 1.2, ?, 0.05, 0.03)',
                               [(name, f'2019-08-{night + 1:02d} 03:00:00.000', *words, 23.5 - 0.01 * night)
                                for name, night, words in rows])
    (out / 'site.toml').write_text('[[events]]\ntelescope = "lsc-doma-1m0a"\ndate = 2019-08-10\nkind = "wash"\n'
                                   f"note = '{HOSTILE[0]}'\n")
    options = longtermphotzp.parser().parse_args(['--database', str(out / 'x.db'), '--outputdirectory',
                                                  str(out / 'report'), '--observatory', str(out / 'site.toml'),
                                                  '--processes', '1'])
    assert longtermphotzp.run(options, now=datetime(2019, 9, 2, 12, tzinfo=UTC)) == 0
    return out / 'report'


def test_nothing_from_a_header_runs(visit, hostile_report):
    assert len([*hostile_report.glob('*.html')]) == 2  # words that are no names make no telescopes
    with served(hostile_report) as url:
        for path in hostile_report.glob('*.html'):
            assert_nothing_ran(visit(f'{url}{path.name}'))


@pytest.mark.parametrize('text', [''.join(HOSTILE[:3] + HOSTILE[4:]), HOSTILE[3]], ids=['elements', 'address'])
def test_nothing_runs_wherever_it_stands(visit, years_report, tmp_path, text):
    tree = json.loads((years_report / 'status.json').read_text(encoding='utf-8'))
    kept = tree['statuses'][0]['telescope']
    write_pages(read_status(json.dumps(planted(tree, text, kept))), tmp_path)
    assert len([*tmp_path.glob('*.html')]) == 2
    with served(tmp_path) as url:
        for path in tmp_path.glob('*.html'):
            page = visit(f'{url}{path.name}')
            assert text in page.locator('main').inner_text()
            assert_nothing_ran(page)


def planted(tree, text, kept):
    """JSON with a text for each text but one, for all that is not a date, and for the names of plots and files."""
    if isinstance(tree, dict):
        return {text if name.endswith('.png') else name: planted(value, text, kept) for name, value in tree.items()}
    if isinstance(tree, list):
        return [planted(each, text, kept) for each in tree]
    return text if isinstance(tree, str) and tree != kept and not re.match(r'\d{4}-\d\d', tree) else tree
