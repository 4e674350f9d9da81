"""What every part of a report is given: where rows come from, where files go, what to make, and the time of the run."""

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
    """Inputs, outputs and settings of one run of the report.

    Attributes
    ----------
    database : Database
        Where zeropoints are read from and models are stored.
    open_database : callable
        Opens the same database for reading, in another process.
    store : ReportStore
        Where the report is written to.
    observatory : Observatory
        Facts of sites, cameras and filters, from observatory.toml.
    settings : ReportSettings
        Which telescopes and filters are reported on, and which plots and pages are made.
    period : Period
        The time that the report covers, and the present.
    version : str
        Version of the program.
    processes : int
        Largest number of processes.
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
        """Whether to compute answers for the whole fleet: an option asks for them, and all data are reported on."""
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
        """The present, UTC without time zone, to the second."""
        return self.now.astype('datetime64[s]').item()

    @property
    def month(self) -> str:
        """The month in which plots end, 'YYYY-MM'."""
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
        """When each script last finished without failing.

        Returns
        -------
        dict of str to datetime or None
            By name of the script, UTC without time zone; None for never.  For the report's own script, which is still
            running, this is the present.
        """
        return {'photcalibration.py': self.database.last_good('photcalibration.py'), 'longtermphotzp.py': self.now_s}
