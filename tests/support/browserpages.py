"""A report in a real browser: Chromium of the system, pages on a socket of this machine, and what the browser holds
against them."""

import json
import os
import re
import shutil
import threading
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from photzp.pages.page import read_status, render_status
from photzp.pages.render import render_index, render_telescopes, static_files
from tests.support.pagesamples import LCO

PROGRAMS = ('chromium', 'chromium-browser', 'google-chrome')
DESKTOP, WALL, PHONE = ({'width': 1400, 'height': 1000}, {'width': 1920, 'height': 1080}, {'width': 390, 'height': 844})
FLEET = tuple(f'{site}-{telescope}' for site in ('coj', 'cpt', 'elp', 'lsc', 'ogg', 'tfn')
              for telescope in ('aqwa-0m4a', 'aqwb-0m4a', 'doma-1m0a', 'domb-1m0a', 'domc-1m0a'))
FILTERS = ('up', 'gp', 'V', 'rp', 'ip', 'zp')
SETTINGS = {'viewport': DESKTOP, 'locale': 'en-US', 'timezone_id': 'UTC', 'color_scheme': 'light'}
LISTEN = "addEventListener('securitypolicyviolation', event => console.error(`refused: ${event.blockedURI}`))"


def chromium():
    """Path of the browser, None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def browser():
    """A browser; root has no sandbox, as in a container.  Leave it before anything else runs an event loop.

    Drawing without a graphics card is cheaper than by one that is emulated.
    """
    arguments = ['--disable-gpu', *(['--no-sandbox'] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        try:
            yield running
        finally:
            running.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def copyfile(self, source, outputfile):
        with suppress(ConnectionError):  # the page was left with a picture still under way
            super().copyfile(source, outputfile)


@contextmanager
def served(directory):
    """The files of a directory on a free port of this machine; the URL it starts with."""
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(_Quiet, directory=directory))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f'http://127.0.0.1:{server.server_port}/'
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Visitor:
    """Opens pages, each in a context of its own, and writes down what the browser complains about.

    complaints : errors and warnings of the console, exceptions, dialogs, requests that failed or left the host,
    answers that are no success.  weight : [byte] of all answers, by URL.
    """

    def __init__(self, running):
        self._running, self._contexts, self.complaints, self.weight = running, [], [], {}

    def __call__(self, url, *, clock=False, **settings):
        """The page at a URL, loaded; clock : one that the test moves.  settings : of the context, over SETTINGS."""
        context = self._running.new_context(**SETTINGS | settings)
        self._contexts.append(context)
        context.add_init_script(LISTEN)
        page = context.new_page()
        self._watch(page, urlsplit(url).netloc)
        if clock:
            page.clock.install()
        page.goto(url, wait_until='load')
        return page

    def _watch(self, page, host):
        def note(text):
            self.complaints.append(f'{urlsplit(page.url).path}: {text}')

        page.on('console', lambda said: said.type in ('error', 'warning') and note(f'console: {said.text}'))
        page.on('pageerror', lambda error: note(f'exception: {error}'))
        page.on('dialog', lambda dialog: (note(f'dialog: {dialog.message}'), dialog.dismiss()))
        page.on('request', lambda request: urlsplit(request.url).scheme in ('data', 'blob')
                or urlsplit(request.url).netloc == host or note(f'leaves the host: {request.url}'))
        # Pictures that are still under way when a page is left are given up, which is no failure.
        page.on('requestfailed', lambda request: request.failure == 'net::ERR_ABORTED'
                or note(f'failed: {request.url} {request.failure}'))
        page.on('response', lambda answer: answer.status < 400 or note(f'{answer.status}: {answer.url}'))
        page.on('requestfinished', self._weigh)

    def _weigh(self, request):
        sizes = request.sizes()
        self.weight[request.url] = sizes['responseBodySize'] + sizes['responseHeadersSize']

    def leave(self):
        """Close all pages; returns the complaints."""
        for context in self._contexts:
            context.close()
        return self.complaints


# -- a large fleet -----------------------------------------------------------------------------------------------------


def enlarged(report, out, telescopes, filters):
    """Write the pages of as many telescopes and filters, by the numbers and plots of the first of a finished report.

    Each telescope is 0.012 mag worse than the one before it.  out : a new directory.
    """
    tree = json.loads((report / 'status.json').read_text(encoding='utf-8'))
    one, band = tree['statuses'][0]['telescope'], tree['statuses'][0]['filter']
    others = {row['telescope'] for row in tree['statuses']} - {one}
    renamed = {}
    for name in [*tree['plots'], *tree['files']]:
        if not any(other in name for other in others):
            for telescope in telescopes if one in name else [one]:
                for each in filters if re.search(rf'[-_]{band}\.', name) else [band]:
                    renamed[name.replace(one, telescope).replace(f'{band}.', f'{each}.')] = name
    entries = partial(_for_each, one=one, band=band, telescopes=telescopes, filters=filters)
    answers = {key: entries(value) if isinstance(value, list) else value for key, value in tree['answers'].items()}
    sites = {telescope.split('-')[0] for telescope in telescopes}
    answers['months'] = dict.fromkeys(sites, next(iter(answers['months'].values())))
    tree = {key: entries(value) if isinstance(value, list) and value and isinstance(value[0], dict) else value
            for key, value in tree.items()}
    tree |= {'answers': answers, 'files': [name for name in renamed if renamed[name] in tree['files']],
             'plots': {name: tree['plots'][old] for name, old in renamed.items() if old in tree['plots']}}
    page = read_status(json.dumps(tree))
    out.mkdir()
    for name, old in renamed.items():
        (out / name).symlink_to(report / old)
    write_pages(page, out)


def _for_each(rows, *, one, band, telescopes, filters):
    """Rows of a table of status.json: those of one telescope and filter for each of those wanted, and those of none."""
    made = [row for row in rows if not row.get('telescope')]
    for row in rows:
        if row.get('telescope') == one and row.get('filter') in (None, '', band):
            made += [_worse(row, number) | {'telescope': telescope} | ({'filter': each} if row.get('filter') else {})
                     for number, telescope in enumerate(telescopes)
                     for each in (filters if row.get('filter') else [None])]
    return made


def _worse(row, number):
    """A row of the number-th telescope."""
    less = 0.012 * number
    changes = {'rank': number + 1, 'loss_mag': row.get('loss_mag', 0) + less}
    if row.get('percent') is not None:
        changes['percent'] = row['percent'] * 10 ** (-0.4 * less)
        changes['state'] = 'low' if changes['percent'] < LCO.throughput.healthy_percent else 'good'
    return row | {name: value for name, value in changes.items() if name in row}


def write_pages(page, out):
    """Write what a report writes of a page, but for its plots and tables."""
    pages = {'index.html': render_index(page, LCO), **render_telescopes(page, LCO), 'status.json': render_status(page)}
    for name, text in pages.items():
        (out / name).write_text(text, encoding='utf-8')
    for name, content in static_files().items():
        (out / name).write_bytes(content)
