"""Pages with all that a page can show, one with nothing, one of hostile words: python -m tests.support.samplepages DIR

Quick, since no report is made; for checkers of HTML.  To be run in the checkout.
"""

import sys
from dataclasses import replace
from pathlib import Path

from photzp.pages.page import Plot
from photzp.pages.render import render_index, render_telescopes
from photzp.reportnames import overview_plot_name, site_plot_name, telescope_plot_name
from tests.support.pagesamples import CAMERAS, HOSTILE, LCO, page_of, plots_of, row, unknown
from tests.support.sampleanswers import ANSWERS, TELESCOPE

ROWS = (row(), row(filter_name='gp', state='low', percent=70.1), row('lsc-domb-1m0a', slope_mag_per_month=-0.03),
        row('coj-clma-2m0a', last_observation='2024-01-02T03:04:05', days_since_event=700), unknown('tfn-aqwa-0m4a'))
PLOTS = {name: Plot(900, 450, name) for name in (
    overview_plot_name('allmodels_2m01m0', 'rp'), overview_plot_name('colorterms', 'rp'),
    site_plot_name('nightcalendar', 'lsc'), telescope_plot_name(TELESCOPE))}


def pages():
    """{file name: HTML}."""
    many = replace(ANSWERS, **{name: getattr(ANSWERS, name) * 20 for name in ('findings', 'events', 'steps')})
    words = dict.fromkeys(('telescope', 'text'), HOSTILE)
    shown = {
        'whole': page_of(*ROWS, plots=plots_of(*ROWS) | PLOTS, answers=many, cameras=CAMERAS,
                         files=('mirrormodel-lsc-doma-1m0a-rp.csv',)),
        'none': page_of(plots={}),
        'hostile': page_of(row(HOSTILE, HOSTILE, cameras=(HOSTILE,), event_kind=HOSTILE), answers=replace(
            ANSWERS, findings=tuple(replace(each, **words) for each in ANSWERS.findings)), plots={HOSTILE: PLOTS[
                telescope_plot_name(TELESCOPE)]})}
    return {f'{kind}-{name}': html for kind, page in shown.items()
            for name, html in {'index.html': render_index(page, LCO), **render_telescopes(page, LCO)}.items()}


if __name__ == '__main__':
    for name, html in pages().items():
        Path(sys.argv[1], name).write_text(html, encoding='utf-8')
