"""A gateway before an S3 server that refuses, is slow, drops connections or fails for a while."""

import http.client
import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from benchmarks.torture.ground import Place, make_bucket, s3_client, s3_environment, s3_server

_ERROR = ('<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message>'
         '<Region>eu-north-1</Region><Bucket>throughput</Bucket></Error>')


@dataclass(frozen=True)
class Fault:
    """How requests fail: `times` of them after `spared` ones, of `methods` only.

    kind : refused, hangs, drips, drops, halves, slow, or an HTTP status.  error : code and message of S3's answer.
    """

    kind: str | int
    times: float = math.inf
    spared: int = 0
    methods: tuple[str, ...] = ('GET', 'PUT', 'HEAD')
    error: tuple[str, str] = ('InternalError', 'We encountered an internal error. Please try again.')


NO_FAULT = Fault('none', times=0)


class Gateway(ThreadingHTTPServer):
    """A proxy of an S3 server that fails requests as its `fault` says.

    met : number of requests so far of the methods that the fault concerns.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, behind: tuple[str, int]) -> None:
        super().__init__(('127.0.0.1', 0), _Request)
        self.behind, self.ending = behind, threading.Event()
        self._lock = threading.Lock()
        self.begin(NO_FAULT)

    def begin(self, fault: Fault) -> None:
        """Fail the next requests in this way."""
        self.fault, self.met = fault, 0

    def strikes(self, method: str) -> bool:
        """Count a request; whether the fault hits it."""
        fault = self.fault
        if method not in fault.methods:
            return False
        with self._lock:
            self.met += 1
            return fault.spared < self.met <= fault.spared + fault.times

    def handle_error(self, *_: object) -> None:
        """Do not log a client that went away."""


class _Request(BaseHTTPRequestHandler):
    """One request: passed on to the server, unless the fault of the gateway hits it."""

    protocol_version = 'HTTP/1.1'
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Gateway

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _pass_on(self) -> None:
        length = int(self.headers.get('Content-Length') or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client was killed; S3 refuses a part, too
            self.close_connection = True
            return
        fault = self.server.fault
        strikes = self.server.strikes(self.command)
        if strikes and fault.kind in ('drops', 'hangs'):
            self.server.ending.wait(0 if fault.kind == 'drops' else None)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if strikes and isinstance(fault.kind, int):
            status, headers = fault.kind, [('Content-Type', 'application/xml'), ('x-amz-bucket-region', 'eu-north-1')]
            answer = _ERROR.format(code=fault.error[0], message=fault.error[1]).encode()
        else:
            status, headers, answer = self._ask_behind(body)
        if strikes and fault.kind == 'slow':
            time.sleep(0.3)
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ('content-length', 'transfer-encoding', 'connection'):
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(answer)))
        if strikes and fault.kind == 'drips':
            self._drip()
            return
        self.end_headers()
        if strikes and fault.kind == 'halves':
            answer, self.close_connection = answer[:len(answer) // 2], True
        if self.command != 'HEAD':
            self.wfile.write(answer)

    do_GET = do_PUT = do_HEAD = _pass_on  # noqa: N815 (http.server's own names)

    def _ask_behind(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self.server.behind, timeout=30)
        connection.request(self.command, self.path, body, dict(self.headers))
        response = connection.getresponse()
        answer = response.status, response.getheaders(), response.read()
        connection.close()
        return answer

    def _drip(self) -> None:
        """Send a byte now and then, for ever."""
        self.flush_headers()
        self.close_connection = True
        while not self.server.ending.wait(0.2):
            self.wfile.write(b'X')
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Do not log requests."""


class Bucket(NamedTuple):
    """A bucket behind a gateway: place whose report goes there, a client that bypasses the gateway, the gateway."""

    place: Place
    client: object
    gateway: Gateway


@contextmanager
def faulty_bucket(place: Path) -> Iterator[Bucket]:
    """A place whose report goes to an empty bucket behind a `Gateway`."""
    with s3_server() as address, Gateway(address) as gateway:
        threading.Thread(target=gateway.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()
        client = s3_client(address)
        make_bucket(client)
        here = Place(place / 'here')
        here.more = s3_environment(gateway.server_address)
        try:
            yield Bucket(here, client, gateway)
        finally:
            gateway.ending.set()
            gateway.shutdown()
