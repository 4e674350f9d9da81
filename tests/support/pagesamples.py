"""Pages made by hand, and taken apart."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

from photzp.answers.status import SeriesStatus, Trend
from photzp.observatory import load_observatory
from photzp.pages.page import Page, Plot, RunInfo
from photzp.pages.render import render_index
from photzp.records import CameraSpan
from photzp.reportnames import trend_plot_name

LCO = load_observatory()
NOW = '2025-11-21T14:05:00'
VOID = {'meta', 'link', 'img', 'br', 'hr', 'input'}
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>\'{{7*7}}&amp;'
RUNS = (RunInfo('longtermphotzp.py', '2025-11-21 14:00:00.000', NOW, 0, '88 series'),
        RunInfo('photcalibration.py', '2025-11-21 08:00:00.000', '2025-11-21 08:12:00.000', 0, '412 measured'))


CAMERAS = (CameraSpan('lsc-doma-1m0a', 'fl03', '2019-01-02', '2023-05-04', 1500),
           CameraSpan('lsc-doma-1m0a', 'fa15', '2023-05-06', '2025-11-20', 2500))
TRENDS = (Trend('lsc-doma-1m0a', 'rp', '2025-10-30', (23.8, None, 23.79, 23.78)),)


def row(telescope='lsc-doma-1m0a', filter_name='rp', **changes):
    """A healthy series, observed yesterday."""
    healthy = SeriesStatus(
        telescope=telescope, filter=filter_name, cameras=('fl03', 'fa15'), last_observation='2025-11-20T23:59:59',
        rows=4000, usable_rows=2500, nights=700, zp_mag=23.7512, zp_error_mag=0.0031, reference_mag=23.8, percent=95.6,
        percent_error=0.3, slope_mag_per_month=-0.0042, slope_error_mag_per_month=0.0004, event_date='2025-10-22',
        event_kind='wash', days_since_event=30, nights_observed=21, nights_photometric=14, state='good', updated=NOW)
    return replace(healthy, **changes)


def unknown(telescope='lsc-doma-1m0a', filter_name='rp'):
    """A series of which nothing is known."""
    fields = ('last_observation', 'zp_mag', 'zp_error_mag', 'reference_mag', 'percent', 'percent_error', 'event_date',
              'slope_mag_per_month', 'slope_error_mag_per_month', 'event_kind', 'days_since_event')
    return row(telescope, filter_name, cameras=(), rows=0, usable_rows=0, nights=0, nights_observed=0,
               nights_photometric=0, state='unknown', **dict.fromkeys(fields))


def plots_of(*rows):
    names = [trend_plot_name(kind, each.telescope, each.filter) for each in rows
             for kind in ('photzptrend', 'colortermtrend', 'airmasstrend')]
    return {name: Plot(900, 450, f'{name}: throughput 96% of reference') for name in names}


def page_of(*rows, plots=None, runs=RUNS, **more):
    return Page(NOW, rows, plots_of(*rows) if plots is None else plots, runs, '0.1.0', **more)


class Parsed(HTMLParser):
    """The page taken apart: elements with their attributes in order, text by element, and whether tags balance."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.texts = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []
        self.text = ' '.join(' '.join(text for tag, text in self.texts if tag != 'style').split())

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), f'an attribute twice in {tag}'
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else '', data))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self):
        return [attributes['id'] for _, attributes in self.elements if 'id' in attributes]


def part(html, name):
    """A part of a page, from its heading to the next one."""
    return re.search(rf'(<h2 id="{name}">.*?)(?=<h2|</main>)', html, re.DOTALL)[1]


def text_of(html):
    return ' '.join(unescape(re.sub(r'<[^>]*>', ' ', html)).split())


def rows_of(html):
    """Text of the cells of all rows in the bodies of tables, in order."""
    return [[text_of(cell) for cell in re.findall(r'<t[dh]\b.*?</t[dh]>', line, re.DOTALL)]
            for body in re.findall(r'<tbody.*?</tbody>', html, re.DOTALL)
            for line in re.findall(r'<tr\b.*?</tr>', body, re.DOTALL)]


def parsed(page):
    return Parsed(render_index(page, LCO))
