#!/usr/bin/env python3
"""Pictures of a report as people see it: screenshots.py REPORT DIRECTORY

Desktop, wall screen, phone, dark, paper, the full view of a plot, one filter, the page of a telescope and its chart.
The checkout is to be in PYTHONPATH.
"""

import argparse
import sys
from pathlib import Path

from browserpages import PHONE, WALL, Visitor, browser, chromium, served

DARK = {'color_scheme': 'dark'}
PICTURES = {  # file name: (page, settings of the browser)
    'desktop.png': ('index.html', {}), 'desktop-dark.png': ('index.html', DARK),
    'wall.png': ('index.html', {'viewport': WALL}), 'wall-dark.png': ('index.html', {'viewport': WALL} | DARK),
    'phone.png': ('index.html', {'viewport': PHONE}), 'phone-dark.png': ('index.html', {'viewport': PHONE} | DARK),
    'telescope.png': ('telescope', {}), 'telescope-dark.png': ('telescope', DARK),
    'telescope-phone.png': ('telescope', {'viewport': PHONE}),
}
WHOLE = ('desktop.png', 'phone.png', 'telescope.png')  # also from top to bottom, as ...-whole.png


def take(running, report, out, pictures=PICTURES):
    """Write pictures of the report in a directory to another, by a running browser; returns what it complains about."""
    telescope = min(path.name for path in report.glob('telescope-*.html'))
    out.mkdir(parents=True, exist_ok=True)
    visit = Visitor(running)
    with served(report) as url:
        for name, (page, settings) in pictures.items():
            shown = visit(f'{url}{telescope if page == "telescope" else page}', **settings)
            seen(shown)
            shown.screenshot(path=out / name)
            if name in WHOLE:
                shown.screenshot(path=out / name.replace('.png', '-whole.png'), full_page=True)
        shown = visit(f'{url}index.html')
        seen(shown)
        shown.pdf(path=out / 'paper.pdf', format='A4', print_background=True)
        return visit.leave()


def seen(page):
    """Scroll down and up again, so that pictures are loaded that wait for being seen."""
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
