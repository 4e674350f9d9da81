"""What a run of the report has so far, series by series: as an earlier run made it, or made now."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from photzp.answers.cameras import joined_spans
from photzp.answers.extinction import FrameSums
from photzp.answers.gather import Answers
from photzp.answers.recent import Recent
from photzp.answers.status import SeriesStatus
from photzp.answers.steps import UnrecordedStep
from photzp.names import SeriesKey
from photzp.records import CameraSpan, Database, StoredModel
from photzp.report.state import Output, ReportState, SeriesMade
from photzp.throughput.model import ThroughputFit
from photzp.throughput.rows import Series


@dataclass(frozen=True)
class Shown:
    """What the report shows of a series, whenever it was made.

    colorterms : fields of ColortermLine by camera.  outputs : {file name: Output}.
    recent : what changed lately.  frames : sums of them.  cameras : when each was in use.
    """

    status: SeriesStatus
    model: StoredModel
    colorterms: tuple[tuple, ...]
    outputs: dict[str, Output]
    recent: Recent
    frames: FrameSums
    cameras: tuple[CameraSpan, ...]


Known = dict[SeriesKey, SeriesMade | Shown]


class Results:
    """All that a run has found out; it grows while the run goes on.

    series : those that are asked for.  state, fits : what an earlier run remembered, brought up to date as series are
    made.  counts : of the caller, kept to what is done.
    shown : by series.  failed : series that could not be made.  overviews : {name of a plot: Output}.
    steps : that nobody recorded, by telescope.  answers : none of a part of the data.
    """

    def __init__(self, series: Sequence[Series], state: ReportState, fits: dict[SeriesKey, ThroughputFit],
                 counts: Counter[str]) -> None:
        self.series, self.state, self.fits, self.counts = series, state, fits, counts
        self.shown: dict[Series, Shown] = {}
        self.failed: set[Series] = set()
        self.overviews: dict[str, Output] = {}
        self.steps: dict[str, tuple[UnrecordedStep, ...]] = {}
        self.answers = Answers()

    def show(self, series: Series, shown: Shown) -> None:
        """Take what the report shows of a series."""
        self.shown[series] = shown
        self.counts['series'] += 1
        self.counts['zeropoints'] += shown.status.rows

    def in_order(self) -> list[Shown]:
        """What is shown, in the order of the series, whatever the order they came in."""
        return [self.shown[series] for series in self.series if series in self.shown]

    def latest(self) -> Known:
        """All series of any run: as this one shows them, or as an earlier one left them."""
        latest: Known = {key_of(made.status): made for made in self.state.series.values()}
        return latest | {key_of(shown.status): shown for shown in self.shown.values()}

    def known(self, database: Database) -> Known:
        """Those of `latest` that there is a fit of, at telescopes that have rows, sorted."""
        there = {'-'.join(telescope) for telescope in database.telescopes()}
        return {key: value for key, value in sorted(self.latest().items()) if key in self.fits and key[0] in there}

    def cameras(self, database: Database) -> tuple[CameraSpan, ...]:
        """When each camera was in use, at all telescopes; where the page is of a part of the data, what that says."""
        return joined_spans(span for each in self.known(database).values() for span in each.cameras)


def key_of(status: SeriesStatus) -> SeriesKey:
    """Telescope and filter of a status."""
    return status.telescope, status.filter
