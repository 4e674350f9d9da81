"""What every part of a report is given: where its rows come from, where it goes, what is asked for, and when."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from photzp.observatory import Observatory
from photzp.records import Database
from photzp.report.settings import ReportSettings
from photzp.report.state import program_digest
from photzp.store.base import ReportStore
from photzp.times import moment


@dataclass(frozen=True)
class ReportContext:
    """The circumstances of one run.

    open_database : opens the same database for reading, in another process.  store : where the report goes.
    options : what is asked for.  now : datetime64[ms], UTC.  version : of the program.
    processes : how many may work.
    """

    database: Database
    open_database: Callable[[], Database]
    store: ReportStore
    observatory: Observatory
    options: ReportSettings
    now: np.datetime64
    version: str
    processes: int = 1

    @property
    def whole(self) -> bool:
        """Whether the report is of all the time there is: a part of the data must not pass for all."""
        return self.options.start is None and self.options.end is None

    @property
    def asked(self) -> bool:
        """Whether the answers are wanted: they are of all the data or none."""
        options = self.options
        return self.whole and any((options.renderhtml, options.createsummaryplots, options.check, options.metrics))

    @property
    def until(self) -> np.datetime64:
        """To when the report goes."""
        return min(self.now, moment(self.options.end) or self.now)

    @property
    def month(self) -> str:
        """The month up to whose end time is drawn, 'YYYY-MM'."""
        return str(self.until.astype('datetime64[M]'))

    @property
    def updated(self) -> str:
        """Now as the page tells it, 'YYYY-MM-DDTHH:MM:SS' UTC."""
        return str(self.now.astype('datetime64[s]'))

    @property
    def moment(self) -> datetime:
        """Now, naive UTC, to the second."""
        return self.now.astype('datetime64[s]').item()

    @cached_property
    def code(self) -> str:
        """Digest of the program that makes the report."""
        return program_digest(self.version)

    def last_good(self) -> dict[str, datetime | None]:
        """When each script last ended well, naive UTC; the report's does so now."""
        return {'photcalibration.py': self.database.last_good('photcalibration.py'), 'longtermphotzp.py': self.moment}
