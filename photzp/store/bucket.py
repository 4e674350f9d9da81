"""An S3 bucket as the place for the report: AWS's, or any that speaks the same."""

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import urlsplit

from photzp.errors import StoreFailed
from photzp.names import safe_file
from photzp.store.base import MANIFEST, ReportStore, cache_control, content_type, may_be_ours, putable
from photzp.typedtree import plain, typed

log = logging.getLogger('photzp.store')

MANIFEST_SCHEMA = 1
UPLOADS = 8  # at a time; chosen because more gain nothing on a line of 100 Mbit/s and 250 kB an image
MOST_WAITING = 64  # contents held in memory until they are sent: 16 MB of images
Result = TypeVar('Result')
_SECRETS = ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN')


@dataclass(frozen=True)
class Entry:
    """What the manifest says of an object: SHA-256 (hexadecimal) and size [byte] of its content, and its ETag."""

    sha256: str
    size: int
    etag: str


@dataclass(frozen=True)
class Patience:
    """How long a bucket is waited for: attempts per request (botocore's standard mode) and times [s].

    read_s : between two bytes of an answer.  waiting_s : of a whole run, for all that it waits for; chosen because a
        report of 250 MB takes 200 s on a line of 10 Mbit/s.
    """

    attempts: int = 5
    connect_s: float = 5
    read_s: float = 30
    waiting_s: float = 900


def _is_address(url: str | None) -> bool:
    """Whether a URL names a server and nothing but it."""
    try:
        parts = urlsplit(url or '')
        return bool(parts.hostname) and '@' not in parts.netloc and (parts.port or 0) >= 0
    except ValueError:
        return False


class BucketStore(ReportStore):
    """A bucket; what it holds is noted in its manifest, see `photzp.store.open`.

    Raises StoreFailed where it cannot be listed.
    """

    def __init__(self, bucket: str, environment: Mapping[str, str], patience: Patience) -> None:
        super().__init__()
        self._bucket = bucket
        self.place = f's3://{bucket}'
        self._secrets = [environment.get(name) for name in _SECRETS]
        self._running: dict[Future, str] = {}
        self._fresh: dict[str, Entry] = {}  # what this run sent
        self._failure: BaseException | None = None
        self._patience, self._waited_s = patience, 0.0
        self._threads = _Threads(UPLOADS)
        try:
            with self._telling():
                self._client = self._connect(environment, patience)
            self._listing = self._ask(self._list)
            self._known = self._read_manifest()
        except BaseException:
            self._threads.end()
            raise

    def names(self) -> set[str]:
        """Names of the objects there, a set; waits for what is being sent."""
        self.flush()
        return {name for name in {*self._listing, *self._fresh} if may_be_ours(name)}

    def get(self, name: str) -> bytes | None:
        """Content of an object, None where there is none."""
        self._wait_for(self._sending(safe_file(name)))
        return self._ask(self._fetch, name) if name in self._listing or name in self._fresh else None

    def holds(self, name: str, sha256: str) -> bool:
        """Whether an object is there, by listing and manifest, with content of this SHA-256 (hexadecimal)."""
        self._wait_for(self._sending(safe_file(name)))
        there = self._fresh.get(name) or self._known.get(name)
        return there is not None and there.sha256 == sha256

    def put(self, name: str, content: bytes) -> None:
        """Start to send an object, unless it is there with this content.

        Raises ValueError for a name that is none, StoreFailed where this or an earlier object could not be sent.
        """
        self._wait_for(self._running if putable(name).endswith('.html') else self._sending(name))
        content = bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        there = self._fresh.get(name) or self._known.get(name)
        if there and (there.sha256, there.size) == (sha256, len(content)):
            self.unchanged += 1
            return
        if len(self._running) >= MOST_WAITING:
            self._wait(self._running, FIRST_COMPLETED)
        self._running[self._threads.submit(self._send, name, content, sha256)] = name

    def flush(self) -> None:
        """Wait until everything is sent; raises StoreFailed where something could not be."""
        self._wait_for(self._running)

    def close(self) -> None:
        """Wait until everything is sent, and write the manifest."""
        try:
            self.flush()
        except StoreFailed:
            self.abandon()
            raise
        try:
            self._write_manifest()
        finally:
            self._threads.end()

    def abandon(self) -> None:
        """End after a failure: start no more uploads, and note in the manifest what was sent."""
        self._cancel()
        with suppress(StoreFailed):
            self._wait(self._running)
        with suppress(StoreFailed):
            self._collect()
        try:
            self._write_manifest()
        except StoreFailed as failure:
            log.warning('%s: the manifest could not be written; the next run sends again what this one sent (%s)',
                        self.place, failure)
        finally:
            self._threads.end()

    # -- uploads -------------------------------------------------------------------------------------------------------

    def _send(self, name: str, content: bytes, sha256: str) -> Entry:
        """Send one object, in a thread of the pool; returns its entry of the manifest."""
        return Entry(sha256, len(content), self._upload(name, content))

    def _upload(self, name: str, content: bytes) -> str:
        """Send one object; returns its ETag."""
        with self._telling():
            answer = self._client.put_object(Bucket=self._bucket, Key=name, Body=content,
                                             ContentType=content_type(name), CacheControl=cache_control(name))
        return answer.get('ETag', '').strip('"')

    def _sending(self, name: str) -> list[Future]:
        return [future for future, running in self._running.items() if running == name]

    def _wait_for(self, futures: Iterable[Future]) -> None:
        """Wait for some uploads; the first failure ends all that have not begun."""
        try:
            self._wait(futures)
        except StoreFailed as failure:
            self._failure = self._failure or failure
        self._collect()

    def _wait(self, futures: Iterable[Future], until: str = FIRST_EXCEPTION) -> None:
        """Wait until one of the futures, or all, are done; StoreFailed where the patience of this run is at its end."""
        futures, begun = list(futures), time.monotonic()
        done, going_on = wait(futures, max(self._patience.waiting_s - self._waited_s, 0), until)
        self._waited_s += time.monotonic() - begun
        enough = done if until == FIRST_COMPLETED else (not going_on or any(map(_has_failed, done)))
        if futures and not enough:
            raise StoreFailed(f'the bucket {self.place} is too slow: this run has waited {self._waited_s:.0f} s for it '
                              'in all; see AWS_ENDPOINT_URL and the network')

    def _ask(self, function: Callable[..., Result], *arguments: object) -> Result:
        """What a function that talks to the bucket returns, in a thread, so that there is an end to waiting for it."""
        future = self._threads.submit(function, *arguments)
        self._wait([future])
        return future.result()

    def _collect(self) -> None:
        """Take note of the uploads that ended; raises the first failure, now and ever after."""
        for future in [future for future in self._running if future.done()]:
            name = self._running.pop(future)
            if future.cancelled():
                continue
            if future.exception() is None:
                self._fresh[name] = future.result()
                self.sent += 1
            else:
                self._failure = self._failure or future.exception()
        if self._failure:
            self._cancel()
            raise self._failure

    def _cancel(self) -> None:
        for future in self._running:
            future.cancel()

    # -- what is there -------------------------------------------------------------------------------------------------

    def _fetch(self, name: str) -> bytes | None:
        """Content of an object, None where there is none."""
        with self._telling():
            from botocore.exceptions import HTTPClientError, IncompleteReadError

            for attempt in range(1, self._patience.attempts + 1):
                try:
                    answer = self._client.get_object(Bucket=self._bucket, Key=name)
                except self._client.exceptions.NoSuchKey:
                    return None
                try:
                    return answer['Body'].read()
                except (HTTPClientError, IncompleteReadError):  # botocore tries again only what fails before the body
                    if attempt == self._patience.attempts:
                        raise
        return None

    def _list(self) -> dict[str, tuple[int, str]]:
        """{name: (size, ETag)} of all objects."""
        with self._telling():
            pages = self._client.get_paginator('list_objects_v2').paginate(Bucket=self._bucket)
            objects = (each for page in pages for each in page.get('Contents', ()))
            return {each['Key']: (each['Size'], each.get('ETag', '').strip('"')) for each in objects}

    def _read_manifest(self) -> dict[str, Entry]:
        """Entries of the manifest that the listing agrees with."""
        content = self._ask(self._fetch, MANIFEST) if MANIFEST in self._listing else None
        entries = _manifest_entries(content, self.place)
        return {name: entry for name, entry in entries.items()
                if self._listing.get(name) == (entry.size, entry.etag)}

    def _write_manifest(self) -> None:
        """Write the manifest where something was sent: what another run noted in the meantime stays in it."""
        if not self._fresh:
            return
        objects = _manifest_entries(self._ask(self._fetch, MANIFEST), self.place) | self._fresh
        text = json.dumps({'schema': MANIFEST_SCHEMA, 'objects': plain(objects)}, indent=1, sort_keys=True)
        self._ask(self._upload, MANIFEST, text.encode())

    # -- boto3 ---------------------------------------------------------------------------------------------------------

    def _connect(self, environment: Mapping[str, str], patience: Patience) -> Any:
        """An S3 client; threads may share it."""
        import boto3
        from botocore.config import Config

        session = boto3.Session()
        credentials = session.get_credentials()
        if credentials:
            self._secrets += [credentials.access_key, credentials.secret_key, credentials.token]
        own_server = environment.get('AWS_ENDPOINT_URL_S3') or environment.get('AWS_ENDPOINT_URL')
        if '://' in (own_server or '') and not _is_address(own_server):
            self._secrets.append(own_server)  # boto3 repeats it, and nobody knows what was meant
        return session.client('s3', config=Config(
            retries={'mode': 'standard', 'total_max_attempts': patience.attempts},
            connect_timeout=patience.connect_s, read_timeout=patience.read_s, max_pool_connections=UPLOADS,
            s3={'addressing_style': 'path'} if own_server else None))  # bucket.server is rarely in its name service

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Turn whatever boto3 raises into StoreFailed: bucket and cause, nothing of the keys."""
        try:
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            raise StoreFailed(f'{self.place}: AWS_S3_BUCKET is set, but boto3 is not installed') from None
        try:
            yield
        except ClientError as error:
            told = error.response.get('Error', {})
            cause = f'{told.get("Code", "unknown error")}: {told.get("Message", "")} ({error.operation_name})'
        except (BotoCoreError, OSError, ValueError) as error:
            cause = str(error)
        else:
            return
        raise StoreFailed(f'the bucket {self.place} cannot be used: {self._redacted(cause)}; see AWS_S3_BUCKET, the '
                          'credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) and AWS_ENDPOINT_URL') from None

    def _redacted(self, text: str) -> str:
        """The text without credentials, in one line."""
        secrets = {part for secret in self._secrets if secret for part in (secret, *secret.split())}
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, '***')
        return ' '.join(re.sub(r'://[^/\s@]*@', '://***@', text).split())


class _Threads:
    """Threads for calls that may hang: unlike an executor's, they do not keep the program from ending."""

    def __init__(self, number: int) -> None:
        self._calls: SimpleQueue[tuple[Future, Callable[[], object]] | None] = SimpleQueue()
        self._threads = [Thread(target=self._serve, name=f'upload-{n}', daemon=True) for n in range(number)]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., Result], *arguments: object) -> 'Future[Result]':
        """Call function(*arguments) as soon as a thread is free."""
        future: Future[Result] = Future()
        self._calls.put((future, partial(function, *arguments)))
        return future

    def end(self) -> None:
        """Let every thread end after the calls that were submitted."""
        for _ in self._threads:
            self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            future, function = call
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except BaseException as error:
                    future.set_exception(error)


def _has_failed(future: Future) -> bool:
    return not future.cancelled() and future.exception() is not None


def _manifest_entries(content: bytes | None, place: str) -> dict[str, Entry]:
    """{name: entry} of a manifest; nothing where there is none or it is damaged: then everything is sent again."""
    if content is None:
        return {}
    try:
        manifest = json.loads(content)
        if manifest['schema'] != MANIFEST_SCHEMA:
            return {}
        return typed(dict[str, Entry], manifest['objects'], 'objects', newer=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        log.warning('%s: %s is damaged (%.200s); everything is sent again', place, MANIFEST, error)
        return {}
