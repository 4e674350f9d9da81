"""A directory as the place for the report: a reader sees the old file or the new one, never a part.

A file is written under a temporary name and renamed.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO

from photzp.errors import StoreFailed
from photzp.store.base import ReportStore
from photzp.wholefile import whole_file

_LEFTOVER_AGE_S = 86_400  # no file takes a day to be written: an older temporary file is a leftover, even without locks
_TEMPORARY = re.compile(r'\..+\.partial-\d+-\d+')


class DirectoryStore(ReportStore):
    """A directory, created where it does not exist.

    Parameters
    ----------
    directory : pathlib.Path or str
        A leading ~ is expanded.

    Raises
    ------
    StoreFailed
        The directory cannot be written.
    """

    def __init__(self, directory: Path | str) -> None:
        super().__init__()
        self._directory = Path(directory).expanduser()
        self.place = str(self._directory)
        self._numbers = count(1)
        with _os_errors_as_store_failed(self._directory):
            self._directory.mkdir(parents=True, exist_ok=True)
            self._remove_leftovers()
        if not os.access(self._directory, os.W_OK | os.X_OK):
            raise StoreFailed(f'{self.place}: the directory cannot be written; see its permissions, or name another')

    def _names(self) -> set[str]:
        with _os_errors_as_store_failed(self._directory), os.scandir(self._directory) as entries:
            return {entry.name for entry in entries if entry.is_file()}

    def _get(self, name: str) -> bytes | None:
        path = self._directory / name
        with _os_errors_as_store_failed(path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def _put(self, name: str, content: bytes) -> None:
        """Write a file and count it; a failure over its temporary file is met with one more try, under a new name."""
        path = self._directory / name
        with _os_errors_as_store_failed(path):
            if _has_content(path, content):
                self.unchanged += 1
                return
            try:
                self._replace(path, content)
            except (FileNotFoundError, FileExistsError):
                # Where the file system has no locks, another run may have removed the temporary file as a leftover; and
                # a process of the same ID on another host may have left a file of its name.
                self._replace(path, content)
            self.sent += 1

    def flush(self) -> None:
        """Do nothing: `put` returns when the file is written."""

    def _close(self) -> None:
        pass

    _abandon = _close

    def _replace(self, path: Path, content: bytes) -> None:
        """Write a file under a temporary name that no earlier call of this process used, and rename it."""
        temporary = path.with_name(f'.{path.name}.partial-{os.getpid()}-{next(self._numbers)}')
        with whole_file(path, temporary, new=True) as file:
            _try_lock(file)
            file.write(content)

    def _remove_leftovers(self) -> None:
        """Remove temporary files of runs that were killed: those that can be locked, and those older than a day."""
        for path in self._directory.iterdir():
            if _TEMPORARY.fullmatch(path.name):
                with suppress(OSError), path.open('rb+') as file:
                    if _try_lock(file) or time.time() - path.stat().st_mtime > _LEFTOVER_AGE_S:
                        path.unlink()


@contextmanager
def _os_errors_as_store_failed(path: Path) -> Iterator[None]:
    """Raise StoreFailed with path and cause for any OSError of the block."""
    try:
        yield
    except OSError as error:
        raise StoreFailed(f'{path}: {error.strerror or error}; make room or see the permissions, or name another '
                          'directory') from None


def _has_content(path: Path, content: bytes) -> bool:
    """Whether there is a file with this content."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


def _try_lock(file: IO[bytes]) -> bool:
    """Lock an open file against other processes; False where another one has it, or the file system has no locks."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
