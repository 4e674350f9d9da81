"""What the pages weigh: all that a browser loads before anybody scrolls, and the parts of the index.

Of a report (pageweight.py DIRECTORY), or of a fleet made up here: 30 telescopes x 6 filters, with findings, rankings,
events and unrecorded steps as many as years bring.
"""

import argparse
import gzip
import re
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from photzp.answers.alarms import Finding
from photzp.answers.gains import Gain
from photzp.answers.gather import Answers
from photzp.answers.nights import Month
from photzp.answers.ranking import Advice, MirrorState
from photzp.answers.status import SeriesStatus, status_sentence, trend_of
from photzp.answers.steps import UnrecordedStep
from photzp.observatory import load_observatory
from photzp.pages.page import Page, Plot, RunInfo
from photzp.pages.render import render_index, render_telescopes, static_files
from photzp.reportnames import overview_plot_name, site_plot_name, trend_plot_name

LCO = load_observatory()
NOW, TODAY = '2025-11-21T14:05:00', date(2025, 11, 21)
FILTERS = ('up', 'gp', 'V', 'rp', 'ip', 'zp')
SITES = ('coj', 'cpt', 'elp', 'lsc', 'ogg', 'tfn')
ENCLOSURES = ('aqwa-0m4a', 'aqwb-0m4a', 'doma-1m0a', 'domb-1m0a', 'domc-1m0a')
TELESCOPES = tuple(f'{site}-{name}' for site in SITES for name in ENCLOSURES)
NEVER = np.datetime64('NaT', 'ms')
LOADED = re.compile(r'<script src="([^"]+)"|<link rel="stylesheet" href="([^"]+)"|'
                    r'<img src="([^"]+)"(?![^>]*loading="lazy")')


def main(argv=None):
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('report', type=Path, nargs='?', metavar='DIRECTORY', help='a report (default: made up)')
    options = parser.parse_args(argv)
    files = made_up(np.random.default_rng(1)) if options.report is None else {
        path.name: path.read_bytes() for path in options.report.iterdir() if path.suffix in ('.html', '.js', '.css')}
    print('page                            |  HTML | scripts, styles, images | together [bytes] | HTML by gzip')
    for name in ('index.html', max((name for name in files if name.startswith('telescope-')), default='index.html')):
        html, loaded = files[name], loaded_by(files[name], files)
        print(f'{name:31} | {len(html):5} | {loaded:23} | {len(html) + loaded:16} | {len(gzip.compress(html)):12}')
    print('\nparts of the index: ' + ', '.join(f'{name} {size}' for name, size in parts(files['index.html'].decode())))
    return 0


def loaded_by(html, files):
    """Bytes of what a page loads by itself; an image that does so is 100 kB, whatever it is."""
    names = (next(filter(None, groups)) for groups in LOADED.findall(html.decode()))
    return sum(len(files[name]) if name in files else 100_000 for name in names)


def parts(html):
    """[(name, bytes)] of the sections of the index, the heaviest first."""
    sizes = Counter()
    for part in re.split(r'(?=<h2 id=|<section id="site\.|<section class="fleet)', html):
        name = re.match(r'<h2 id="(\w+)|<section id="(site)|<section class="(fleet)', part)
        sizes[next(filter(None, name.groups())) if name else 'head'] += len(part.encode())
    return sizes.most_common()


# -- a fleet that is made up -------------------------------------------------------------------------------------------


def made_up(rng):
    """{file name: content} of pages and what they load."""
    statuses = [status(telescope, name, rng) for telescope in TELESCOPES for name in FILTERS]
    plots = {trend_plot_name(kind, each.telescope, each.filter): Plot(
        900, 450, f'{each.telescope} {each.filter}: {status_sentence(each)}') for each in statuses
        for kind in ('photzptrend', 'colortermtrend', 'airmasstrend', 'errorhist')}
    plots |= {overview_plot_name(kind, name): Plot(900, 450, f'throughput models in {name}') for name in FILTERS
              for kind in ('allmodels_2m01m0', 'allmodels_0m4', 'colorterms')}
    plots |= {site_plot_name('nightcalendar', site): Plot(900, 500, f'photometric nights of {site}') for site in SITES}
    page = Page(updated=NOW, statuses=tuple(statuses), plots=plots, version='1.0',
                runs=(RunInfo('photcalibration.py', NOW, NOW, 0, '2412 measured'),),
                answers=answers(statuses, rng), trends=tuple(trend(each, rng) for each in statuses))
    pages = {'index.html': render_index(page, LCO), **render_telescopes(page, LCO)}
    return {**{name: html.encode() for name, html in pages.items()}, **static_files()}


def status(telescope, name, rng):
    """A row of the status with numbers of ordinary length."""
    loss, slope = rng.uniform(0, 0.5), -rng.uniform(0, 0.02)
    return SeriesStatus(telescope=telescope, filter=name, cameras=('fa15',), last_observation='2025-11-20T23:59:59',
                        rows=4000, usable_rows=2500, nights=700, zp_mag=23.8 - loss, zp_error_mag=0.0031,
                        reference_mag=23.8, percent=100 * 10 ** (-0.4 * loss), percent_error=0.3,
                        slope_mag_per_month=slope, slope_error_mag_per_month=0.0004, event_date='2025-10-22',
                        event_kind='wash', days_since_event=30, nights_observed=21, nights_photometric=14,
                        state='low' if loss > 0.2 else 'good', updated=NOW, made=NOW)


def trend(row, rng):
    """A year of a model that falls, with a wash in it."""
    time = np.datetime64(TODAY) - np.arange(370, -1, -1)
    model = row.zp_mag - row.slope_mag_per_month / 30 * np.arange(370, -1, -1.0)
    model[:rng.integers(0, 370)] -= 0.2
    return trend_of(row.telescope, row.filter, time, model)


def answers(statuses, rng):
    """Answers of a fleet after years: 120 events, 40 unrecorded steps, three kinds in the ranking."""
    low = [row for row in statuses if row.state == 'low'][:60]
    events = [event(TELESCOPES[n % 30], '', n, rng) for n in range(120)]
    days = [np.datetime64(TODAY - timedelta(days=9 * n), 'ms') for n in range(40)]
    return Answers(
        findings=tuple(Finding(kind='below-threshold', telescope=each.telescope, filter=each.filter, camera='',
                               text=f'throughput {each.percent:.1f} +- 0.3 % of reference', value=each.percent,
                               error=0.3, limit=80.0, unit='%', setting='throughput_below_percent', excess=0.1)
                       for each in low),
        steps=tuple((TELESCOPES[n % 30], UnrecordedStep(time=day, early=day, late=day + np.timedelta64(2, 'D'),
                                                        error_days=1.0, filters=FILTERS, size_mag=rng.normal(0, 0.1, 6),
                                                        error_mag=np.full(6, 0.01), joint_mag=-0.1,
                                                        joint_error_mag=0.01, colour='grey', filter='', chi2=4.0, dof=5,
                                                        llr=80.5, nights=(30.0, 25.5))) for n, day in enumerate(days)),
        gains=tuple(event(each.telescope, name, n, rng) for n, each in enumerate(events) for name in FILTERS),
        events=tuple(events), mirrors=tuple(mirror(telescope, rng) for telescope in TELESCOPES),
        advice=tuple(Advice(telescope=telescope, kind=kind, rank=n + 1, gain_mag=0.1234, gain_error_mag=0.04,
                            light_percent=8.25, light_error_percent=1.5)
                     for kind in ('cleaning', 'wash', 'recoating') for n, telescope in enumerate(TELESCOPES)),
        months=tuple((site, tuple(Month(month=np.datetime64(f'2025-{month:02}'), photometric=20, cloudy=8, unknown=2,
                                        fraction=0.714, fraction_error=0.08)
                                  for month in range(1, 12))) for site in SITES))


def event(telescope, name, n, rng):
    """The n-th event from now."""
    day = np.datetime64(TODAY - timedelta(days=9 * n), 'ms')
    return Gain(telescope=telescope, filter=name, time=day, kind='wash', recorded=True, instrumental=False,
                gain_mag=rng.uniform(0, 0.4), gain_error_mag=0.01, gain_percent=20.1, gain_percent_error=0.9,
                lasted_days=200.0, lasted_error_days=9.0, outcome='lost', observed_days=300.0, loss_before_mag=0.3)


def mirror(telescope, rng):
    """Where a telescope stands."""
    loss = rng.uniform(0, 0.5)
    day = np.datetime64(TODAY, 'ms')
    return MirrorState(telescope=telescope, filters=FILTERS, loss_mag=loss, loss_error_mag=0.01,
                       percent=100 * 10 ** (-0.4 * loss), percent_error=0.7, recoated=day, since_recoating_mag=0.21,
                       since_recoating_error_mag=0.02, best_mag=0.2, rate_mag_per_month=0.0123,
                       rate_error_mag_per_month=0.0004, threshold_percent=80.0, is_below=False, below=day,
                       below_early=day - np.timedelta64(20, 'D'), below_late=day + np.timedelta64(50, 'D'))


if __name__ == '__main__':
    sys.exit(main())
