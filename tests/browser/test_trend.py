"""The chart of a trend in a real browser: what it says of a point is in the database, and the plot stays without it."""

import json
import re
import shutil
import sqlite3

import pytest

from tests.support.axe import AXE, RULES
from tests.support.browserpages import PHONE, Visitor, served
from tests.support.runs import until
from tests.support.trendsamples import points_of, text_of

DAY = 86400


@pytest.fixture(scope='module')
def telescope(years_report):
    """Name of a telescope."""
    return min(years_report.glob('telescope-*.html')).stem.removeprefix('telescope-')


@pytest.fixture(scope='module')
def frames(years_report, telescope):
    """{frame name: (time, camera)} in the database."""
    site, dome, telid = telescope.split('-')
    with sqlite3.connect(years_report.parent / 'years.db') as connection:
        rows = connection.execute('SELECT name, dateobs, camera FROM lcophot WHERE site = ? AND dome = ? AND '
                                  'telescope = ? AND filter = ?', (site, dome, telid, 'rp')).fetchall()
    connection.close()
    return {name: (dateobs[:19], camera) for name, dateobs, camera in rows}


class Chart:
    """The trend of a page in rp; opens its chart unless told not to."""

    def __init__(self, page, telescope, opened=True):
        self.page = page
        self.section = page.locator(f'[id="telescope.{telescope}.rp"]')
        self.figure = self.section.locator('figure').first
        self.zoom = self.section.get_by_role('button', name='Zoom into')
        if opened:
            self.zoom.click()
            self.section.locator('.chart canvas').first.wait_for()

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def button(self, name):
        self.section.get_by_role('button', name=name, exact=True).click()

    @property
    def told(self):
        """Parts of what is said of a point."""
        return self.section.locator('.readout span').all_inner_texts()

    @property
    def days(self):
        """First and last day of the view, as numbers."""
        first, last = self.section.locator('.range').inner_text().split(' to ')
        return tuple(self.page.evaluate(f'Date.parse("{date}") / {1000 * DAY}') for date in (first, last))

    @property
    def area(self):
        """The place of the axes in the window: a dict of x, y, width and height."""
        self.section.scroll_into_view_if_needed()
        return self.section.locator('.u-over').first.bounding_box()


@pytest.fixture
def chart(visit, site, telescope):
    """The chart, opened."""
    return Chart(visit(f'{site}telescope-{telescope}.html'), telescope)


def test_zoom_by_drag_and_back_by_double_click(chart):
    whole, area = chart.days, chart.area
    mouse = chart.page.mouse
    mouse.move(area['x'] + 0.25 * area['width'], area['y'] + 100)
    mouse.down()
    mouse.move(area['x'] + 0.5 * area['width'], area['y'] + 120, steps=4)
    mouse.up()
    first, last = chart.days
    span = whole[1] - whole[0]
    assert last - first == pytest.approx(span / 4, abs=0.01 * span)
    assert first == pytest.approx(whole[0] + span / 4, abs=0.01 * span)
    mouse.dblclick(area['x'] + 200, area['y'] + 100)
    assert chart.days == whole
    chart.button('Last month')
    assert chart.days[1] - chart.days[0] == pytest.approx(30, abs=2)
    chart.button('Last year')
    assert chart.days[1] - chart.days[0] == pytest.approx(365 * 1.02, abs=2)


def test_the_strip_below_chooses_what_is_shown(chart):
    whole = chart.days
    strip = chart.section.locator('.strip .u-over')
    area = strip.bounding_box()
    mouse = chart.page.mouse
    mouse.move(area['x'] + 0.5 * area['width'], area['y'] + 30)
    mouse.down()
    mouse.move(area['x'] + 0.75 * area['width'], area['y'] + 30, steps=4)
    mouse.up()
    span = whole[1] - whole[0]
    assert chart.days[0] == pytest.approx(whole[0] + span / 2, abs=0.01 * span)
    marked = strip.locator('.u-select').bounding_box()
    assert marked['width'] == pytest.approx(area['width'] / 4, abs=4)
    mouse.click(area['x'] + 20, area['y'] + 30)
    assert strip.locator('.u-select').bounding_box() == marked


def test_what_is_told_of_a_point_is_in_the_database(chart, frames, years_report, telescope):
    area, seen = chart.area, set()
    chart.button('Last year')
    for share in (0.2, 0.4, 0.6, 0.8):
        for height in (0.2, 0.3, 0.4, 0.5):
            chart.page.mouse.move(area['x'] + share * area['width'], area['y'] + height * area['height'])
            if chart.told:
                seen.add(tuple(chart.told))
    assert len(seen) > 3
    tree = json.loads((years_report / f'photzptrend-{telescope}-rp.json').read_text())
    for time, zeropoint, *percent, camera, name in (told for told in seen if told[-1].endswith('.fz')):
        assert (time.removesuffix(' UTC').replace('T', ' '), camera) == frames[name]
        if tree['reference_mag'] is not None:
            ratio = 10 ** (0.4 * (float(zeropoint.removesuffix(' mag')) - tree['reference_mag']))
            assert percent == [f'{100 * ratio:.1f} %']


def test_every_point_can_be_reached_by_keys(chart, frames):
    assert chart.page.evaluate('document.activeElement.className') == 'plot'
    chart.press('Shift+ArrowRight')
    last = max(time for time, _ in frames.values())
    assert chart.told[0] == f'{last} UTC'
    told = [chart.told]
    for _ in range(5):
        chart.press('Shift+ArrowLeft')
        told.append(chart.told)
    times = [each[0] for each in told]
    assert times == sorted(times, reverse=True)
    newest = sorted(frames, key=frames.get)[-6:]
    assert {next(part for part in each if '.fits' in part) for each in told} == set(newest)


def test_keys_move_and_zoom_and_bring_the_image_back(chart):
    whole = chart.days
    chart.press('+', '+')
    span = chart.days[1] - chart.days[0]
    assert span == pytest.approx((whole[1] - whole[0]) / 4, abs=2)
    before = chart.days
    chart.press('ArrowRight')
    assert chart.days[0] - before[0] == pytest.approx(span / 4, abs=2)
    chart.press('ArrowLeft', 'ArrowLeft')
    assert chart.days[0] - before[0] == pytest.approx(-span / 4, abs=2)
    chart.press(*['ArrowLeft'] * 20)
    assert chart.days[0] == whole[0]
    chart.press('-')
    assert chart.days[1] - chart.days[0] == pytest.approx(2 * span, abs=3)
    chart.press('Home')
    assert chart.days == whole
    assert not chart.figure.is_visible()
    chart.press('Escape')
    assert chart.figure.is_visible()
    assert chart.section.locator('.chart').count() == 0
    assert chart.zoom.evaluate('button => button === document.activeElement')
    chart.press('Enter')
    chart.section.locator('.chart canvas').first.wait_for()


@pytest.mark.parametrize('settings', [{}, {'color_scheme': 'dark'}, {'viewport': PHONE}],
                         ids=['light', 'dark', 'phone'])
def test_axe_finds_nothing_in_the_chart(visit, site, telescope, settings):
    chart = Chart(visit(f'{site}telescope-{telescope}.html', **settings), telescope)
    chart.press('Shift+ArrowLeft')
    chart.page.evaluate(AXE)
    found = chart.page.evaluate('options => axe.run(".trend", options)', RULES)['violations']
    assert [(each['id'], node['html']) for each in found for node in each['nodes']] == []


def test_on_a_phone_it_fits_and_a_touch_tells_a_point(visit, site, telescope, frames):
    chart = Chart(visit(f'{site}telescope-{telescope}.html', viewport=PHONE, has_touch=True), telescope)
    over = chart.section.locator('.u-over').first
    for height in range(30, 200, 12):
        over.tap(position={'x': 120, 'y': height})
    assert frames.keys() & set(chart.told)
    assert chart.page.evaluate('document.documentElement.scrollWidth') == PHONE['width']
    chart.page.set_viewport_size({'width': 700, 'height': 400})
    until(lambda: chart.area['width'] > 500)


def test_colours_follow_the_system_while_it_is_open(chart):
    black = '''() => { const {width, height} = document.querySelector('.chart canvas');
      const copy = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
      copy.drawImage(document.querySelector('.chart canvas'), 0, 0);
      const all = copy.getImageData(0, 0, width, height).data; let count = 0;
      for (let i = 0; i < all.length; i += 4)
        count += all[i + 3] === 255 && all[i] + all[i + 1] + all[i + 2] === 0;
      return count; }'''
    assert chart.page.evaluate(black) > 500  # of the model
    chart.page.emulate_media(color_scheme='dark')
    until(lambda: chart.page.evaluate(black) == 0)


def test_nothing_is_loaded_before_it_is_wanted(chromium, site, telescope):
    visitor = Visitor(chromium)
    page = visitor(f'{site}telescope-{telescope}.html')
    loaded = {url.rpartition('/')[2] for url in visitor.weight}
    assert not any(name.endswith('.json') or 'uPlot' in name or name == 'trendchart.js' for name in loaded)
    Chart(page, telescope)
    page.wait_for_timeout(500)  # what has come is told a moment later
    more = {url.rpartition('/')[2] for url in visitor.weight} - loaded
    assert more >= {f'photzptrend-{telescope}-rp.json', 'uPlot.iife.min.js', 'uPlot.min.css', 'trendchart.js'}
    assert visitor.leave() == []


def test_without_script_there_is_the_plot(visit, site, telescope):
    chart = Chart(visit(f'{site}telescope-{telescope}.html', java_script_enabled=False), telescope, opened=False)
    assert chart.figure.locator('img').is_visible()
    assert chart.section.locator('button').count() == 0


def test_from_a_file_the_plot_stays_and_a_line_says_what_to_do(visit, years_report, telescope):
    chart = Chart(visit(f'file://{years_report}/telescope-{telescope}.html'), telescope, opened=False)
    chart.zoom.click()
    said = chart.section.locator('.tools [role=status]')
    said.get_by_text('python3 -m http.server').wait_for()
    assert f'http://localhost:8000/telescope-{telescope}.html' in said.inner_text()
    assert chart.figure.is_visible()


@pytest.mark.parametrize(('change', 'told'), [
    (lambda path: path.unlink(), 'could not be loaded: the server answers 404'),
    (lambda path: path.write_text('{"schema":1'), 'is damaged'),
    (lambda path: path.write_text('{"schema":0}'), 'is of another version'),
    (lambda path: path.write_text(text_of(points_of(name=()), curves=())), 'There are no points'),
    (lambda path: path.with_name('uPlot.iife.min.js').unlink(), 'uPlot.iife.min.js could not be loaded'),
])  # fmt: skip
def test_where_the_data_cannot_be_had_the_plot_stays_and_a_line_says_why(chromium, years_report, telescope, tmp_path,
                                                                         change, told):
    shutil.copytree(years_report, tmp_path / 'out')
    change(tmp_path / 'out' / f'photzptrend-{telescope}-rp.json')
    visitor = Visitor(chromium)
    with served(tmp_path / 'out') as url:
        chart = Chart(visitor(f'{url}telescope-{telescope}.html'), telescope, opened=False)
        chart.zoom.click()
        chart.section.get_by_text(told).wait_for()
        assert chart.figure.is_visible()
        assert chart.zoom.is_enabled()
        assert all('404' in each for each in visitor.leave())


def test_nothing_in_the_data_becomes_an_element(visit, years_report, telescope, tmp_path):
    hostile = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}'
    shutil.copytree(years_report, tmp_path / 'out')
    points = points_of(name=[hostile] * 4, camera=points_of().camera.astype(object))
    points.camera[:] = hostile
    (tmp_path / 'out' / f'photzptrend-{telescope}-rp.json').write_text(text_of(points, events=[
        ('2019-08-06', hostile, hostile)]))
    with served(tmp_path / 'out') as url:
        chart = Chart(visit(f'{url}telescope-{telescope}.html'), telescope)
        chart.press('Shift+ArrowLeft')
        assert chart.told.count(hostile) == 2
        assert hostile in chart.section.locator('.keys').inner_text()
        assert chart.section.locator('.chart').locator('img, script').count() == 0


def test_the_chart_has_as_many_points_of_each_camera_as_the_plot_counts(chart, years_report, telescope):
    tree = json.loads((years_report / f'photzptrend-{telescope}-rp.json').read_text())
    keys = chart.section.locator('.keys').inner_text()
    for n, camera in enumerate(tree['cameras']):
        usable = sum(clear >= -1 for clear, of in zip(tree['points']['clear'], tree['points']['camera'], strict=True)
                     if of == n)
        assert re.search(rf'{camera} \({usable}\)', keys)
