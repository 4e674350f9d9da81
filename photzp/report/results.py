"""The results of a run of the report so far, by series (telescope and filter): of this run, or of an earlier one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from photzp.answers.cameras import joined_spans
from photzp.answers.gather import Answers
from photzp.answers.steps import UnrecordedStep
from photzp.names import SeriesKey
from photzp.records import CameraSpan, Database, StoredModel
from photzp.report.jobs import Failure
from photzp.report.state import Output, ReportState, SeriesResult
from photzp.throughput.model import SkyEvidence, ThroughputFit
from photzp.throughput.rows import Series


@dataclass(frozen=True)
class ShownSeries:
    """A series as the report shows it: its result, its model as stored, and its files by name."""

    result: SeriesResult
    model: StoredModel
    outputs: dict[str, Output]


class Results:
    """The results of a run, filled in as it goes on.

    Parameters
    ----------
    series : sequence of Series
        Those that the run reports on.
    state : ReportState
        State that an earlier run left; brought up to date as series are finished.
    fits : dict of SeriesKey to ThroughputFit
        Fits that an earlier run left; brought up to date in the same way.
    nights : dict of str to SkyEvidence
        What telescopes say of the air, likewise.

    Attributes
    ----------
    counts : Counter
        Numbers of things done so far, such as finished series and their zeropoints; right also in an interrupted run.
    shown : dict of Series to ShownSeries
        Series that are finished.
    failed : set of Series
        Series whose plots and tables could not be made.
    has_new_nights : bool
        Whether any of `nights` is of this run.
    failed_nights : dict of str to (Failure or None)
        What became of telescopes whose nights could not be found: None where a process died over it.
    overviews : dict of str to Output
        Plots of several series, by name.
    steps : dict of str to tuple of UnrecordedStep
        Unrecorded steps by telescope.
    answers : Answers
        Answers for the whole fleet; empty in a run over part of the data.
    """

    def __init__(self, series: Sequence[Series], state: ReportState, fits: dict[SeriesKey, ThroughputFit],
                 nights: dict[str, SkyEvidence]) -> None:
        self.series, self.state, self.fits, self.nights = series, state, fits, nights
        self.counts: Counter[str] = Counter()
        self.shown: dict[Series, ShownSeries] = {}
        self.failed: set[Series] = set()
        self.has_new_nights = False
        self.failed_nights: dict[str, Failure | None] = {}
        self.overviews: dict[str, Output] = {}
        self.steps: dict[str, tuple[UnrecordedStep, ...]] = {}
        self.answers = Answers()

    def show(self, series: Series, shown: ShownSeries) -> None:
        """Add a finished series.

        Parameters
        ----------
        series : Series
        shown : ShownSeries
            What the report shows of it.
        """
        self.shown[series] = shown
        self.counts['series'] += 1
        self.counts['zeropoints'] += shown.result.status.rows

    def in_order(self) -> list[ShownSeries]:
        """The finished series, in the order of `series`, whatever the order they came in.

        Returns
        -------
        list of ShownSeries
        """
        return [self.shown[series] for series in self.series if series in self.shown]

    def latest(self) -> dict[SeriesKey, SeriesResult]:
        """The newest result of every series: of this run, or else of an earlier one.

        Returns
        -------
        dict of SeriesKey to SeriesResult
        """
        return {result.key: result for result in (*(made.result for made in self.state.series.values()),
                                                  *(shown.result for shown in self.shown.values()))}

    def with_fit(self, database: Database) -> dict[SeriesKey, SeriesResult]:
        """Results of `latest` for series that have a fit, at telescopes that have measured frames in the database.

        Parameters
        ----------
        database : Database
            Names the telescopes that have measured frames.

        Returns
        -------
        dict of SeriesKey to SeriesResult
            Sorted by key.
        """
        telescopes = {str(telescope) for telescope in database.telescopes()}
        return {key: result for key, result in sorted(self.latest().items(), key=lambda item: item[0])
                if key in self.fits and key[0] in telescopes}

    def cameras(self, database: Database) -> tuple[CameraSpan, ...]:
        """When each camera was in use, at all telescopes, from the frames of all series in `with_fit`.

        Parameters
        ----------
        database : Database
            Names the telescopes that have measured frames.

        Returns
        -------
        tuple of CameraSpan
            In order of telescope, camera and time.
        """
        return joined_spans(span for result in self.with_fit(database).values() for span in result.cameras)
