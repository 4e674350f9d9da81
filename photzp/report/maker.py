"""Does the jobs of a report: reads and fits telescopes, draws; writes nothing.

Any number of makers may be at work, each in a process of its own.  What they return is stored by `storing`.
"""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from photzp.errors import RunStopped
from photzp.names import SeriesKey
from photzp.observatory import Observatory
from photzp.records import Database
from photzp.report.fitarchive import without_rows
from photzp.report.jobs import Drawing, Failure, File, NightsJob, TelescopeJob
from photzp.report.series import MadeSeries, SeriesMaker
from photzp.report.settings import ReportSettings
from photzp.report.sharednights import rounded
from photzp.report.state import RowsSeen
from photzp.report.unchanged import digest_of_rows
from photzp.rowdigest import RowDigest
from photzp.throughput.fitrows import FitRows
from photzp.throughput.model import FilterRows, SkyEvidence, ThroughputFit, fit_telescope, sky_evidence
from photzp.throughput.rows import COLUMNS, Rows, Series, read_rows
from photzp.times import Period

log = logging.getLogger('photzp.report')

_UNKNOWN = np.datetime64('NaT', 'ms')


@dataclass(frozen=True)
class RowsRead:
    """What was read of the rows of a telescope.

    Attributes
    ----------
    digest : str
        Of the rows of all its filters, as `digest_of_rows` has it.
    seen : RowsSeen
        Their number, and which of them count now.
    """

    digest: str
    seen: RowsSeen


@dataclass(frozen=True)
class FoundNights:
    """The result of a NightsJob: what the telescope says of the air, and the rows that this is from."""

    nights: SkyEvidence
    read: RowsRead


@dataclass(frozen=True)
class MadeTelescope:
    """The result of a TelescopeJob.

    Attributes
    ----------
    series : tuple of MadeSeries
        Those of its series that have rows in the period.
    fits : dict of SeriesKey to ThroughputFit
        Of all filters, whatever is shown, without their rows: they are of one fit.
    read : RowsRead
        The rows that these are of.
    """

    series: tuple[MadeSeries, ...]
    fits: dict[SeriesKey, ThroughputFit]
    read: RowsRead


JobResult = FoundNights | MadeTelescope | File | Failure


class Maker:
    """Does jobs.

    Parameters
    ----------
    database : Database
    observatory : Observatory
    settings : ReportSettings
    period : Period
        Time that the report covers; its `now` is set.
    """

    def __init__(self, database: Database, observatory: Observatory, settings: ReportSettings, period: Period) -> None:
        self.database, self.observatory, self.settings, self.period = database, observatory, settings, period
        self._series = SeriesMaker(observatory, settings, period)

    @classmethod
    def in_worker(cls, open_database: Callable[[], Database], observatory: Observatory, settings: ReportSettings,
                  period: Period) -> 'Maker':
        """Build the maker of a worker process, with a database connection of its own.

        Parameters
        ----------
        open_database : callable
            Opens the database for reading.
        observatory, settings, period
            As for the class.

        Returns
        -------
        Maker
        """
        maker = cls(open_database(), observatory, settings, period)
        gc.freeze()  # figures are full of cycles: what was imported need not be searched for garbage each time
        gc.disable()
        return maker

    def do(self, job: NightsJob | TelescopeJob | Drawing) -> JobResult:
        """Do a job.

        Parameters
        ----------
        job : NightsJob, TelescopeJob or Drawing

        Returns
        -------
        FoundNights, MadeTelescope, File or Failure
            A Failure where the job raised an error that is a bug of this program.
        """
        try:
            if isinstance(job, NightsJob):
                return self.nights(job)
            return self.telescope(job) if isinstance(job, TelescopeJob) else job.do()
        except RunStopped:
            raise
        except Exception as error:  # a bug that shows in one telescope must not stop the others
            log.exception('%s: please report this', job)
            return Failure(repr(error)[:200])

    def do_in_worker(self, job: NightsJob | TelescopeJob | Drawing) -> JobResult:
        """Do a job as `do` does, then collect garbage, which `in_worker` has switched off during jobs.

        Parameters
        ----------
        job : NightsJob, TelescopeJob or Drawing

        Returns
        -------
        FoundNights, MadeTelescope, File or Failure
        """
        result = self.do(job)
        gc.collect()
        return result

    def nights(self, job: NightsJob) -> FoundNights:
        """Find what a telescope says of the air.

        Parameters
        ----------
        job : NightsJob

        Returns
        -------
        FoundNights
            Without nights where it has no rows in the period.
        """
        _, rows, read = self._read(job.series, ())
        said = rounded(sky_evidence(rows, **self._known(job.series[0]))) if rows else SkyEvidence.none()
        return FoundNights(said, read)

    def telescope(self, job: TelescopeJob) -> MadeTelescope:
        """Fit a telescope, and make its series.

        Parameters
        ----------
        job : TelescopeJob

        Returns
        -------
        MadeTelescope
        """
        shown, rows, read = self._read(job.series, job.shown)
        fits = fit_telescope(rows, **self._known(job.series[0]), others=job.others) if rows else {}
        kept = {(job.telescope, name): without_rows(fit) for name, fit in fits.items()}
        return MadeTelescope(tuple(self._made(shown, fits)), kept, read)

    def _made(self, shown: list[Rows], fits: dict[str, ThroughputFit]) -> Iterator[MadeSeries]:
        """Yield the series, and forget the rows of each that is made."""
        while shown:
            rows = shown.pop(0)
            yield self._series.made(rows, fits[rows.filter])
            if not gc.isenabled():  # in a worker: the figures of all filters together are large
                gc.collect()

    def _known(self, series: Series) -> dict[str, Any]:
        """What is known of the telescope of a series besides its rows, as a fit is given it."""
        telescope = series.telescope
        return {'longitude_deg': self.observatory.longitude_deg(telescope.site), 'now': self.period.now,
                'events': [event[:2] for event in self.observatory.events_of(str(telescope))]}

    def _read(self, series: Sequence[Series],
              shown: Sequence[Series]) -> tuple[list[Rows], dict[str, FilterRows], RowsRead]:
        """Read a telescope: rows of the filters that are shown, rows of all for the fit, and which these are."""
        kept, telescope = [], FitRows()
        digests, last, coming = [], _UNKNOWN, _UNKNOWN
        for one in series:
            row_digest = RowDigest(COLUMNS)
            rows = read_rows(self.database, one, self.observatory, self.period,
                             cameracolorterm=self.settings.cameracolorterm, digest=row_digest)
            digests.append((one.filter, row_digest))
            if rows is not None:
                telescope.add(rows)
                last = np.fmax.reduce(np.append(rows.zeropoints.dateobs, last))
                coming = np.fmin(coming, rows.coming)
                if one in shown:
                    kept.append(rows)
        seen = RowsSeen(sum(each.rows for _, each in digests),
                        *(None if np.isnat(time) else str(time) for time in (last, coming)))
        return kept, telescope.by_filter(), RowsRead(digest_of_rows(digests), seen)
