"""Stores in tests: a gateway before a server of S3 that records, refuses and delays requests, and files to put."""

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from photzp.store.s3client import Patience

KEY, SECRET = 'AKIDEXAMPLEONLY', 'wJalrXUtnFEMIK7MDENGbPxRfiCYKEY'
QUICK = Patience(attempts=2, connect_s=1, read_s=2)
PNG = b'\x89PNG\r\n\x1a\n' + bytes(range(256)) * 40
ERROR = '<?xml version="1.0"?><Error><Code>{}</Code><Message>{}</Message></Error>'


class Gateway(ThreadingHTTPServer):
    """Stands before the S3 server and passes requests on: records them, and refuses or delays them on demand.

    asked : [(method, path)] in the order of their ends.  refuse(method, path) : (status, code) or None.
    delay_s : of each image, so that what waits for images is seen to wait.  page_size : objects in a page of a listing.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, behind):
        super().__init__(('127.0.0.1', 0), _Passage)
        self.behind, self.asked, self.refuse, self.delay_s = behind, [], lambda *_: None, 0
        self.url = f'http://127.0.0.1:{self.server_address[1]}'
        self.page_size = 1000
        self.at_once, self.most_at_once, self.lock = 0, 0, threading.Lock()

    def puts(self):
        """Names of the objects sent, in the order of their ends."""
        return [path.rsplit('/', 1)[-1] for method, path in self.asked if method == 'PUT']


class _Passage(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = -1
    disable_nagle_algorithm = True

    def handle_expect_100(self):
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _pass_on(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        path, server = self.path.split('?')[0], self.server
        with server.lock:
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        if path.endswith('.png'):
            time.sleep(server.delay_s)
        refusal = server.refuse(self.command, path)
        if refusal:
            status, headers, answer = refusal[0], [], ERROR.format(refusal[1], 'on demand').encode()
        else:
            connection = http.client.HTTPConnection(*server.behind, timeout=10)
            query = f'&max-keys={server.page_size}' if 'list-type' in self.path else ''
            connection.request(self.command, self.path + query, body, dict(self.headers))
            response = connection.getresponse()
            status, headers, answer = response.status, response.getheaders(), response.read()
            connection.close()
        with server.lock:
            server.at_once -= 1
            server.asked.append((self.command, path))
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ('content-length', 'transfer-encoding', 'connection'):
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = _pass_on  # noqa: N815 (http.server's own names)

    def log_message(self, *_):
        """Say nothing."""


def fill(place, files):
    """Put files in a run of their own: (sent, unchanged)."""
    with place.open() as store:
        for name, content in files.items():
            store.put(name, content)
    return store.sent, store.unchanged


def fill_and_fail(place, files):
    """Put files, one after the other, in a run that fails by itself; returns its store."""
    with place.open() as store:
        for name, content in files.items():
            store.put(name, content)
            store.flush()
        raise ZeroDivisionError


PLOTS = {f'plot{number}.png': PNG for number in range(6)}
FILES = {'photzptrend-lsc-doma-1m0a-rp.png': PNG, 'mirrormodel-lsc-doma-1m0a-rp.csv': b'date,zp\n', 'empty.csv': b'',
         'index.html': b'<p>', 'status.json': b'{}'}
