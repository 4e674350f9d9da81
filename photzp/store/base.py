"""What a place for the report can do, and what its files are to a browser."""

from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Self

from photzp.names import safe_file

MANIFEST = 'manifest.json'
CONTENT_TYPES = {
    '.png': 'image/png',
    '.html': 'text/html; charset=utf-8',
    '.json': 'application/json',
    '.csv': 'text/csv; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.txt': 'text/plain; charset=utf-8',
}
IMAGE_CACHE = 'public, max-age=300'  # five minutes: a page left open shows new plots soon, scrolling asks for nothing
NO_CACHE = 'no-cache'  # kept, but asked for every time: page, status and tables are always new


def content_type(name: str) -> str:
    """Content-Type of a file by its extension."""
    return CONTENT_TYPES.get(Path(name).suffix.lower(), 'application/octet-stream')


def cache_control(name: str) -> str:
    """Cache-Control of a file by its extension."""
    return IMAGE_CACHE if content_type(name).startswith('image/') else NO_CACHE


class ReportStore(ABC):
    """A place for the files of a report; use it in a `with` block, which waits for what is on its way.

    place : for people and logs.  sent, unchanged : files written so far, and files that were there already.
    """

    place: str

    def __init__(self) -> None:
        self.sent = self.unchanged = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    @abstractmethod
    def names(self) -> set[str]:
        """Names of the files there."""

    @abstractmethod
    def get(self, name: str) -> bytes | None:
        """Content of a file, None where there is none."""

    @abstractmethod
    def holds(self, name: str, sha256: str) -> bool:
        """Whether a file is there with content of this SHA-256 (hexadecimal)."""

    @abstractmethod
    def put(self, name: str, content: bytes) -> None:
        """Write a file, unless it is there with this content.  Raises ValueError for a name that is none."""

    @abstractmethod
    def flush(self) -> None:
        """Return when all that was put is there."""

    @abstractmethod
    def close(self) -> None:
        """End after success."""

    @abstractmethod
    def abandon(self) -> None:
        """End after a failure."""


def putable(name: str) -> str:
    """A name that may be put; the manifest is the store's own."""
    if safe_file(name) == MANIFEST:
        raise ValueError(f'{name!r} is the name of the list of what was sent')
    return name


def may_be_ours(name: str) -> bool:
    """Whether something of this name may have been put."""
    with suppress(ValueError):
        return bool(putable(name))
    return False
