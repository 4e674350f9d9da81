"""A report in a real browser: Chromium of the system, pages on a socket of this machine, and what the browser holds
against them."""

import os
import shutil
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

PROGRAMS = ('chromium', 'chromium-browser', 'google-chrome')
DESKTOP, WALL, PHONE = ({'width': 1400, 'height': 1000}, {'width': 1920, 'height': 1080}, {'width': 390, 'height': 844})
SETTINGS = {'viewport': DESKTOP, 'locale': 'en-US', 'timezone_id': 'UTC', 'color_scheme': 'light'}
LISTEN = "addEventListener('securitypolicyviolation', event => console.error(`refused: ${event.blockedURI}`))"


def chromium():
    """Path of the browser, None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def browser():
    """A browser; root has no sandbox, as in a container.  Leave it before anything else runs an event loop."""
    arguments = ['--no-sandbox'] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        try:
            yield running
        finally:
            running.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


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

    def __call__(self, url, **settings):
        """The page at a URL, loaded; settings : of the context, over SETTINGS."""
        context = self._running.new_context(**SETTINGS | settings)
        self._contexts.append(context)
        context.add_init_script(LISTEN)
        page = context.new_page()
        self._watch(page, urlsplit(url).netloc)
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
