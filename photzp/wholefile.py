"""Atomic writes: a file is written under a temporary name beside its own, and renamed when it is complete.

Whoever reads the file sees the old one or the new one, and never a part, whatever happens to the process that writes.
A process that is killed leaves its temporary file, which the next write of that file overwrites.
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
    """Rename a temporary file to its final name at the end of a block, in which another library writes it.

    Parameters
    ----------
    path : pathlib.Path
        Final name; a file or symbolic link of that name is replaced.
    temporary : pathlib.Path
        The file that the block writes, in the same directory; removed where the block ends by an exception.

    Yields
    ------
    None
        Nothing: the block knows the path.

    Raises
    ------
    OSError
        The file cannot be renamed.
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
    """Open a file for writing that appears under its final name, complete, at the end of a block.

    It is closed before it is renamed: some network file systems report a full disk only then.

    Parameters
    ----------
    path : pathlib.Path
        Final name; a file or symbolic link of that name is replaced.
    temporary : pathlib.Path, optional
        Name in the same directory to write to, by default .NAME.partial; removed where the block ends by an exception.
    new : bool
        Refuse an existing temporary file, and leave it; by default it is overwritten.

    Yields
    ------
    BinaryIO
        The temporary file, open for writing bytes.

    Raises
    ------
    OSError
        The file cannot be written; FileExistsError where `new` refuses it.
    """
    temporary = temporary or path.with_name(f'.{path.name}.partial')
    file = open(temporary, 'xb' if new else 'wb')  # noqa: SIM115 (an existing file that is refused must not be removed)
    with whole_path(path, temporary), file:
        yield file
