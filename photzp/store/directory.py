"""A directory as the place for the report."""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO

from photzp.errors import StoreFailed
from photzp.names import safe_file
from photzp.store.base import ReportStore, may_be_ours, putable
from photzp.wholefile import whole_file

LEFTOVER_AGE_S = 86_400  # chosen because no file takes a day to be written; for file systems that know no locks
_TEMPORARY = re.compile(r'\..+\.partial-\d+-\d+')


class DirectoryStore(ReportStore):
    """A directory; files appear in it complete or not at all.  Raises StoreFailed where it cannot be written."""

    def __init__(self, directory: Path | str) -> None:
        super().__init__()
        self._directory = Path(directory).expanduser()
        self.place = str(self._directory)
        self._numbers = count(1)
        with self._telling(self._directory):
            self._directory.mkdir(parents=True, exist_ok=True)
            self._remove_leftovers()
        if not os.access(self._directory, os.W_OK | os.X_OK):
            raise StoreFailed(f'{self.place}: the directory cannot be written; see its permissions, or name another')

    def names(self) -> set[str]:
        """Names of the files there, a set."""
        with self._telling(self._directory), os.scandir(self._directory) as entries:
            return {entry.name for entry in entries if entry.is_file() and may_be_ours(entry.name)}

    def get(self, name: str) -> bytes | None:
        """Content of a file, None where there is none."""
        path = self._directory / safe_file(name)
        with self._telling(path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def holds(self, name: str, sha256: str) -> bool:
        """Whether a file is there with content of this SHA-256 (hexadecimal)."""
        content = self.get(name)
        return content is not None and hashlib.sha256(content).hexdigest() == sha256

    def put(self, name: str, content: bytes) -> None:
        """Write a file, unless it is there with this content.  Raises ValueError for a name that is none."""
        path = self._directory / putable(name)
        with self._telling(path):
            if _holds(path, content):
                self.unchanged += 1
                return
            try:
                self._replace(path, content)
            except (FileNotFoundError, FileExistsError):  # another run took the unlocked temporary file for a leftover,
                self._replace(path, content)              # or a process of the same number, on another host, left one
            self.sent += 1

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing to end here."""

    abandon = close

    def _replace(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f'.{path.name}.partial-{os.getpid()}-{next(self._numbers)}')
        with whole_file(path, temporary, new=True) as file:
            _try_lock(file)
            file.write(content)

    def _remove_leftovers(self) -> None:
        """Remove the temporary files of runs that were killed: those that nobody holds a lock on, and all old ones."""
        for path in self._directory.iterdir():
            if _TEMPORARY.fullmatch(path.name):
                with suppress(OSError), path.open('rb+') as file:
                    if _try_lock(file) or time.time() - path.stat().st_mtime > LEFTOVER_AGE_S:
                        path.unlink()

    @contextmanager
    def _telling(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreFailed(f'{path}: {error.strerror or error}; make room or see the permissions, or name another '
                              'directory') from None


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file holds this content."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


def _try_lock(file: IO[bytes]) -> bool:
    """Lock an open file against other processes; False where another one has it, or the file system knows no locks."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
