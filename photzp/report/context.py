"""The value that every part of a report gets: where rows come from, where files go, what is wanted, and the time."""

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
from photzp.times import Period


@dataclass(frozen=True, kw_only=True)
class ReportContext:
    """The circumstances of one run.

    Attributes
    ----------
    database : Database
        Where zeropoints are read from and models are stored.
    open_database : callable
        Opens the same database for reading, in another process.
    store : ReportStore
        Where the report is written to.
    observatory : Observatory
    settings : ReportSettings
        Which telescopes and filters are reported on, and which plots and pages are made.
    period : Period
        The time that the report covers; it knows the present.
    version : str
        Of the program.
    processes : int
        How many may work.
    """

    database: Database
    open_database: Callable[[], Database]
    store: ReportStore
    observatory: Observatory
    settings: ReportSettings
    period: Period
    version: str
    processes: int = 1

    @property
    def wants_answers(self) -> bool:
        """Whether answers are computed; never from a part of the data, which must not pass for all of it."""
        settings = self.settings
        return self.period.is_whole and any((settings.renderhtml, settings.createsummaryplots, settings.check,
                                             settings.metrics))

    @property
    def now(self) -> np.datetime64:
        """The present, datetime64[ms] UTC."""
        assert self.period.now is not None, 'a report is made at some time'
        return self.period.now

    @property
    def now_s(self) -> datetime:
        """The present, naive UTC, to the second."""
        return self.now.astype('datetime64[s]').item()

    @property
    def month(self) -> str:
        """The month up to whose end plots are drawn, 'YYYY-MM'."""
        return str(self.period.until.astype('datetime64[M]'))

    @property
    def updated(self) -> str:
        """The present as the page shows it, 'YYYY-MM-DDTHH:MM:SS' UTC."""
        return str(self.now.astype('datetime64[s]'))

    @cached_property
    def code(self) -> str:
        """Digest of the program that makes the report."""
        return program_digest(self.version)

    def last_good(self) -> dict[str, datetime | None]:
        """When each script last ended well.

        Returns
        -------
        dict of str to datetime or None
            Naive UTC, None for never; the report's script is taken to do so now.
        """
        return {'photcalibration.py': self.database.last_good('photcalibration.py'), 'longtermphotzp.py': self.now_s}
