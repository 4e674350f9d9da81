"""A digest of rows of the database: it tells whether any value that the report read has changed since."""

import hashlib
from collections.abc import Iterable, Sequence


class RowDigest:
    """Digest of rows in the order in which they are read: their number, and a SHA-256 of their values.

    Parameters
    ----------
    names : sequence of str
        The columns: fields of `Zeropoints`, and `frame`.

    Attributes
    ----------
    names : sequence of str
        As given.
    rows : int
        Number of rows so far.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names, self.rows = names, 0
        self._hash = hashlib.sha256(repr(names).encode())

    def add(self, rows: int, contents: Iterable[bytes]) -> None:
        """Update the digest with the next chunk of rows; the same rows in other chunks have another digest.

        Parameters
        ----------
        rows : int
            Number of rows in the chunk.
        contents : iterable of bytes
            The values of these rows, one element per column, in the order of `names`.
        """
        self.rows += rows
        for content in contents:
            self._hash.update(content)

    def __str__(self) -> str:
        return self._hash.hexdigest()
