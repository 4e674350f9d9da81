"""Pictures of a report as people see it: python -m tests.support.screenshots REPORT DIRECTORY

Desktop, wall screen, phone, dark, paper, the full view of a plot, one filter, the page of a telescope and its chart.
To be run in the checkout.
"""

import argparse
import sys
from pathlib import Path

from tests.support.browserpages import PHONE, WALL, Visitor, browser, chromium, served

DARK = {'color_scheme': 'dark'}
INDEX, TELESCOPE = 'index.html', 'telescope-*.html'


def plot(page):
    """Open the full view of a plot."""
    page.locator('main a[href^="allmodels_"]').first.click()
    page.wait_for_function('document.querySelector("dialog img").complete')


def chart(page):
    """Put the chart in the place of the first trend, and tell of its last point."""
    page.get_by_role('button', name='Zoom').first.click()
    page.get_by_role('button', name='Last year').click()
    page.locator('.chart').scroll_into_view_if_needed()
    page.locator('.chart .plot').press('Shift+ArrowLeft')


PICTURES = {  # file name: (page, settings of the browser, what to do before)
    'desktop.png': (INDEX, {}, None), 'desktop-dark.png': (INDEX, DARK, None),
    'wall.png': (INDEX, {'viewport': WALL}, None), 'wall-dark.png': (INDEX, {'viewport': WALL} | DARK, None),
    'phone.png': (INDEX, {'viewport': PHONE}, None), 'phone-dark.png': (INDEX, {'viewport': PHONE} | DARK, None),
    'filter.png': (f'{INDEX}?filter=rp', {}, None), 'plot.png': (INDEX, {}, plot),
    'telescope.png': (TELESCOPE, {}, None), 'telescope-dark.png': (TELESCOPE, DARK, None),
    'telescope-phone.png': (TELESCOPE, {'viewport': PHONE}, None),
    'chart.png': (TELESCOPE, {}, chart), 'chart-dark.png': (TELESCOPE, DARK, chart),
    'chart-phone.png': (TELESCOPE, {'viewport': PHONE}, chart), 'paper.pdf': (INDEX, {}, None),
}
WHOLE = ('desktop.png', 'phone.png', 'telescope.png')  # also from top to bottom, as ...-whole.png


def take(running, report, out, pictures=PICTURES):
    """Write pictures of the report in a directory to another, by a running browser; returns what it complains about."""
    telescope = min(path.name for path in report.glob(TELESCOPE))
    out.mkdir(parents=True, exist_ok=True)
    visit = Visitor(running)
    with served(report) as url:
        for name, (address, settings, before) in pictures.items():
            page = visit(f'{url}{address.replace(TELESCOPE, telescope)}', **settings)
            load_all(page)
            if before:
                before(page)
            if name.endswith('.pdf'):
                page.pdf(path=out / name, format='A4', print_background=True)
            else:
                page.screenshot(path=out / name)
            if name in WHOLE:
                page.screenshot(path=out / name.replace('.png', '-whole.png'), full_page=True)
        return visit.leave()


def load_all(page):
    """Load the pictures that wait for being seen."""
    page.evaluate('document.querySelectorAll("img").forEach(image => { image.loading = "eager"; })')
    page.wait_for_load_state('networkidle')


def main(argv=None):
    """Take the pictures; returns 0, or 1 where the browser complains."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('report', type=Path)
    parser.add_argument('out', type=Path, metavar='directory')
    options = parser.parse_args(argv)
    if chromium() is None:
        parser.error('Chromium is not installed (apt-get install chromium)')
    with browser() as running:
        complaints = take(running, options.report, options.out)
    print(*sorted(options.out.iterdir()), *complaints, sep='\n')
    return bool(complaints)


if __name__ == '__main__':
    sys.exit(main())
