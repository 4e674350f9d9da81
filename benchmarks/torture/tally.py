"""What a class of faults hands back to `__main__.py`, and what several of them need."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Tally(NamedTuple):
    """What became of the cases of one class of fault.

    tried : number of cases.  lost : one text for each case that did not end as promised: empty is well.
    notes : what a reader of the table has to know, as cases that nothing could have detected.
    """

    tried: int
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def survived(self) -> int:
        """Number of cases that ended as promised."""
        return self.tried - len(self.lost)


FaultClass = tuple[str, Callable[[Path], Tally]]  # what the table calls it; function of a new, empty directory
