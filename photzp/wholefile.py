"""Atomic writes: a file is written under a temporary name beside its own, and renamed when it is complete.

Whoever reads the file sees the old one or the new one, and never a part, whatever happens to the process that writes.
A process that is killed leaves its temporary file; where nobody else removes it, the next one overwrites it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class Unneeded(Exception):
    """Raised in the block of `whole_path`: the new file is discarded, and an existing one of that name is kept."""


@contextmanager
def whole_path(path: Path, temporary: Path) -> Iterator[None]:
    """A block that writes to `temporary`, as only another library can; then this takes the place of `path`.

    Parameters
    ----------
    path : what is to appear; a file of that name, or a symbolic link, is replaced
    temporary : in the same directory; removed where the block ends by an exception

    Raises
    ------
    OSError
        The file cannot be put in its place.
    """
    try:
        yield
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if not isinstance(error, Unneeded):
            raise


@contextmanager
def whole_file(path: Path, temporary: Path | None = None, *, new: bool = False) -> Iterator[BinaryIO]:
    """A file open for writing bytes, that takes the place of `path` at the end of the block.

    It is closed before: only then a network file system says that the disk is full.

    Parameters
    ----------
    path : what is to appear; a file of that name, or a symbolic link, is replaced
    temporary : in the same directory, by default .NAME.partial; removed where the block ends by an exception
    new : refuse a temporary file that is there already, and leave it; by default it is overwritten

    Raises
    ------
    OSError
        The file cannot be written; FileExistsError where it has to be new and is not.
    """
    temporary = temporary or path.with_name(f'.{path.name}.partial')
    file = open(temporary, 'xb' if new else 'wb')  # noqa: SIM115 (a file that was there must not be removed)
    with whole_path(path, temporary), file:
        yield file
