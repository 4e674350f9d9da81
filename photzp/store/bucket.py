"""An S3 bucket as the place for the report.

Uploads start at once, several at a time; a page (.html) is sent only after everything that was put before it, and the
manifest last.  A run that fails half-way still lists in the manifest what it sent, so that the next run does not send
it again.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future
from contextlib import suppress

from photzp.errors import StoreFailed
from photzp.store.base import MANIFEST, ReportStore
from photzp.store.manifest import Entry, manifest_content, read_manifest
from photzp.store.s3client import CONNECTIONS, Patience, S3Bucket
from photzp.store.threads import Threads

log = logging.getLogger('photzp.store')

_MAX_PENDING = 64  # files held in memory until they are sent: about 16 MB of images


class BucketStore(ReportStore):
    """A bucket, with its listing and manifest as they were when it was opened.

    Parameters
    ----------
    bucket : str
        Its name.
    environment : mapping of str to str
        As os.environ.
    patience : Patience
        How long to wait for the bucket.

    Raises
    ------
    StoreFailed
        The bucket cannot be listed.
    """

    def __init__(self, bucket: str, environment: Mapping[str, str], patience: Patience) -> None:
        super().__init__()
        self._bucket = S3Bucket(bucket, environment, patience)
        self.place = self._bucket.place
        self._pending: dict[Future[Entry], str] = {}
        self._new_entries: dict[str, Entry] = {}  # of the objects that this run sent
        self._failure: BaseException | None = None
        self._threads = Threads(CONNECTIONS, patience.waiting_s, self.place)
        try:
            self._listing = self._threads.call(self._bucket.listing)
            self._earlier_entries = self._valid_entries()
        except BaseException:
            self._threads.end()
            raise

    def _names(self) -> set[str]:
        self.flush()
        return {*self._listing, *self._new_entries}

    def _get(self, name: str) -> bytes | None:
        self._finish(self._uploads_of(name))
        is_there = name in self._listing or name in self._new_entries
        return self._threads.call(self._bucket.fetch, name) if is_there else None

    def _holds(self, name: str, sha256: str) -> bool:
        self._finish(self._uploads_of(name))
        entry = self._entry(name)
        return entry is not None and entry.sha256 == sha256

    def _put(self, name: str, content: bytes) -> None:
        self._finish(self._pending if name.endswith('.html') else self._uploads_of(name))
        sha256 = hashlib.sha256(content).hexdigest()
        entry = self._entry(name)
        if entry and (entry.sha256, entry.size) == (sha256, len(content)):
            self.unchanged += 1
            return
        if len(self._pending) >= _MAX_PENDING:
            self._threads.wait(self._pending, FIRST_COMPLETED)
        self._pending[self._threads.submit(self._send, name, content, sha256)] = name

    def flush(self) -> None:
        """Wait until everything is sent; raises StoreFailed where something could not be."""
        self._finish(self._pending)

    def _close(self) -> None:
        """Wait until everything is sent, and write the manifest."""
        try:
            self.flush()
        except StoreFailed:
            self._abandon()
            raise
        try:
            self._write_manifest()
        finally:
            self._threads.end()

    def _abandon(self) -> None:
        """Finish after a failure: cancel uploads not begun, await the others, and list those sent in the manifest."""
        self._cancel()
        with suppress(StoreFailed):
            self._threads.wait(self._pending)
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
        """Send one object, in a thread; returns its entry of the manifest."""
        return Entry(sha256, len(content), self._bucket.upload(name, content))

    def _uploads_of(self, name: str) -> list[Future[Entry]]:
        """The pending uploads of one object."""
        return [future for future, pending in self._pending.items() if pending == name]

    def _finish(self, futures: Iterable[Future[Entry]]) -> None:
        """Wait for these uploads; raises the first failure of any upload, which cancels all that have not begun."""
        try:
            self._threads.wait(futures)
        except StoreFailed as failure:
            self._failure = self._failure or failure
        self._collect()

    def _collect(self) -> None:
        """Take finished uploads from those pending, and count them; raises the first failure, also in later calls."""
        for future in [future for future in self._pending if future.done()]:
            name = self._pending.pop(future)
            if future.cancelled():
                continue
            if future.exception() is None:
                self._new_entries[name] = future.result()
                self.sent += 1
            else:
                self._failure = self._failure or future.exception()
        if self._failure:
            self._cancel()
            raise self._failure

    def _cancel(self) -> None:
        """Cancel the uploads that have not begun."""
        for future in self._pending:
            future.cancel()

    # -- the manifest --------------------------------------------------------------------------------------------------

    def _entry(self, name: str) -> Entry | None:
        """The entry of an object in the manifest, the newest one; None where it has none."""
        return self._new_entries.get(name) or self._earlier_entries.get(name)

    def _valid_entries(self) -> dict[str, Entry]:
        """Entries of the manifest whose size and ETag are those of the listing."""
        content = self._threads.call(self._bucket.fetch, MANIFEST) if MANIFEST in self._listing else None
        return {name: entry for name, entry in read_manifest(content, self.place).items()
                if self._listing.get(name) == (entry.size, entry.etag)}

    def _write_manifest(self) -> None:
        """Write the manifest if something was sent; entries that another run wrote in the meantime stay in it."""
        if not self._new_entries:
            return
        entries = read_manifest(self._threads.call(self._bucket.fetch, MANIFEST), self.place) | self._new_entries
        self._threads.call(self._bucket.upload, MANIFEST, manifest_content(entries))
