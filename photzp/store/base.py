"""The interface of a store, the place where a report is written to, and the HTTP headers of its files."""

import hashlib
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Self

from photzp.names import safe_file

MANIFEST = 'manifest.json'  # written by the store itself, see `photzp.store.manifest`
_CONTENT_TYPES = {
    '.png': 'image/png',
    '.html': 'text/html; charset=utf-8',
    '.json': 'application/json',
    '.csv': 'text/csv; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.txt': 'text/plain; charset=utf-8',
}
_IMAGE_CACHE = 'public, max-age=300'  # five minutes: an open page shows new plots soon, scrolling requests nothing
_NO_CACHE = 'no-cache'  # kept, but revalidated every time: page, status and tables are always new


def content_type(name: str) -> str:
    """Content-Type of a file by its extension.

    Parameters
    ----------
    name : str
        File name; the case of its extension does not matter.

    Returns
    -------
    str
        'application/octet-stream' for an extension that no file of the report has.
    """
    return _CONTENT_TYPES.get(Path(name).suffix.lower(), 'application/octet-stream')


def cache_control(name: str) -> str:
    """Cache-Control of a file by its extension.

    Parameters
    ----------
    name : str
        File name.

    Returns
    -------
    str
        Five minutes for images, 'no-cache' for all else.
    """
    return _IMAGE_CACHE if content_type(name).startswith('image/') else _NO_CACHE


class ReportStore(ABC):
    """A place for the files of a report; use it in a `with` block, which waits for unfinished uploads at its end.

    Attributes
    ----------
    place : str
        Path or URL, for people and logs.
    sent : int
        Number of files written so far.
    unchanged : int
        Number of files put so far that were there already with the same content.
    """

    place: str

    def __init__(self) -> None:
        self.sent = self.unchanged = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._close()
        else:
            self._abandon()

    def names(self) -> set[str]:
        """Wait for unfinished uploads, and return the names of the files in the store.

        Returns
        -------
        set of str
            Without the manifest, and without files whose name `put` does not allow.

        Raises
        ------
        StoreFailed
            The store cannot be listed, or a file could not be written.
        """
        return {name for name in self._names() if _is_allowed(name)}

    def get(self, name: str) -> bytes | None:
        """Content of a file.

        Parameters
        ----------
        name : str
            File name.

        Returns
        -------
        bytes or None
            None where there is no such file.
        """
        return self._get(safe_file(name))

    def holds(self, name: str, sha256: str) -> bool:
        """Whether a file is in the store with a given content.

        Parameters
        ----------
        name : str
            File name.
        sha256 : str
            SHA-256 of the content, hexadecimal.

        Returns
        -------
        bool
            True where it is; a bucket compares with its listing and manifest, without reading the content.
        """
        return self._holds(safe_file(name), sha256)

    def put(self, name: str, content: bytes) -> None:
        """Write a file, unless it is there with this content; a bucket may still be sending it on return.

        Parameters
        ----------
        name : str
            File name, other than that of the manifest.
        content : bytes
            Whole content of the file.

        Raises
        ------
        ValueError
            The name is not allowed.
        StoreFailed
            This file, or in a bucket an earlier one, cannot be written.
        """
        self._put(_allowed(name), bytes(content))

    @abstractmethod
    def flush(self) -> None:
        """Wait for unfinished uploads; raises StoreFailed where a file could not be written."""

    @abstractmethod
    def _names(self) -> set[str]:
        """Names of all files in the store, also of the manifest and of files that are not of a report."""

    @abstractmethod
    def _get(self, name: str) -> bytes | None:
        """Content of a file, None where there is none."""

    def _holds(self, name: str, sha256: str) -> bool:
        """Whether a file is there with content of this SHA-256."""
        content = self._get(name)
        return content is not None and hashlib.sha256(content).hexdigest() == sha256

    @abstractmethod
    def _put(self, name: str, content: bytes) -> None:
        """Write a file, unless it is there with this content, and count it."""

    @abstractmethod
    def _close(self) -> None:
        """Finish after success: wait for unfinished uploads."""

    @abstractmethod
    def _abandon(self) -> None:
        """Finish after a failure: start no more uploads."""


def _allowed(name: str) -> str:
    """The name, if a file of the report may have it; else ValueError."""
    if safe_file(name) == MANIFEST:
        raise ValueError(f'{name!r} is the name of the manifest, which the store writes itself')
    return name


def _is_allowed(name: str) -> bool:
    """Whether a file of the report may have this name."""
    with suppress(ValueError):
        return bool(_allowed(name))
    return False
