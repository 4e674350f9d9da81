"""The result of a class of faults, for `__main__.py`."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Tally(NamedTuple):
    """Outcome of the cases of one class of fault.

    tried : number of cases.  lost : one text for each case that did not end as promised.
    notes : remarks for readers of the table, e.g. on cases that nothing could have detected.
    """

    tried: int
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def survived(self) -> int:
        """Number of cases that ended as promised."""
        return self.tried - len(self.lost)


FaultClass = tuple[str, Callable[[Path], Tally]]  # name in the table; function of a new, empty directory
