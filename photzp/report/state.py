"""What the report remembers of itself at the place that it writes to, so that what did not change is not made again.

Each telescope and filter, and each overview plot, has a fingerprint of all that it is made from, and the SHA-256 of the
files that were made of it.  Where the fingerprint is the same and the files are there as they were written, a run takes
them as they are.  The clock is no part of a fingerprint, but the month is: axes of time end with it.

`report-state.json` is kept beside the report, so that every destination has its own, and beside it the fits of all
series (`fitarchive`), whose SHA-256 it names.  Without one of the two, or where it is damaged, everything is made anew:
deleting them is always safe.
"""

import hashlib
import json
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np

from photzp.answers.extinction import FrameSums
from photzp.answers.recent import Recent
from photzp.answers.status import SeriesStatus
from photzp.answers.steps import UnrecordedStep
from photzp.program import code_digest
from photzp.records import CameraSpan
from photzp.typedtree import plain, typed, without_schema

SCHEMA = 4
LIBRARIES = ('matplotlib', 'numpy', 'pillow', 'scipy')  # that a number or a pixel of the report depends on
ColortermFields = tuple[str, str, int, float, float, float, float | None]  # of figures.trends.ColortermLine


@dataclass(frozen=True)
class Output:
    """A file of the report: its SHA-256 (hexadecimal); of an image also its size [pixel] and what it says."""

    sha256: str
    width: int | None = None
    height: int | None = None
    alt: str = ''


@dataclass(frozen=True)
class SeriesMade:
    """What a run made of one telescope and filter.

    fingerprint : of all that it was made from.  model : digest of the model that was put into the database.
    status : as it was then.  nights : (date, photometric) of the newest nights, as many as a status counts.
    colorterms : fields of ColortermLine by camera.  warnings : what was logged as one.
    outputs : {file name: Output}.  recent : what changed lately.  frames : sums of them, for the yearly extinction.
    cameras : when each was in use.  count : of the rows of the database.
    """

    fingerprint: str
    model: str
    status: SeriesStatus
    nights: tuple[tuple[str, bool], ...]
    colorterms: tuple[ColortermFields, ...]
    warnings: tuple[str, ...]
    outputs: dict[str, Output]
    recent: Recent
    frames: FrameSums
    cameras: tuple[CameraSpan, ...]
    count: int

    @property
    def night(self) -> np.ndarray:
        """Dates of the newest nights, datetime64[D] (n,)."""
        return np.array([date for date, _ in self.nights], 'datetime64[D]')

    @property
    def photometric(self) -> np.ndarray:
        """Which of them were, bool (n,)."""
        return np.array([clear for _, clear in self.nights], bool)


@dataclass(frozen=True)
class OverviewMade:
    """An overview plot that a run made, and the fingerprint of what it shows."""

    fingerprint: str
    output: Output


@dataclass(frozen=True)
class StepsMade:
    """The steps that a run found in the fits of a telescope, and the fingerprint of these fits."""

    fingerprint: str
    steps: tuple[UnrecordedStep, ...]


@dataclass
class ReportState:
    """All that is remembered: series by '<telescope> <filter>', overviews by file name.

    fits : SHA-256 of the file of the fits that belong to it.  steps : by telescope.
    extinction : by '<site> <filter>', the fitted one less the adopted one [mag/airmass], where series were brought to
        airmass 1 with it.
    """

    series: dict[str, SeriesMade] = field(default_factory=dict)
    overviews: dict[str, OverviewMade] = field(default_factory=dict)
    fits: str = ''
    extinction: dict[str, float] = field(default_factory=dict)
    steps: dict[str, StepsMade] = field(default_factory=dict)

    def text(self) -> str:
        """As JSON, the inverse of `read`; the same state gives the same text."""
        return json.dumps({'schema': SCHEMA, **plain(self)}, sort_keys=True, separators=(',', ':')) + '\n'

    @classmethod
    def read(cls, text: str) -> 'ReportState':
        """The state in a text; ValueError where it is none of this schema."""
        try:
            return typed(cls, without_schema(json.loads(text), SCHEMA))
        except (ValueError, RecursionError) as error:
            raise ValueError(f'not a report-state.json: {error!s:.200}') from None


def digest(*parts: object) -> str:
    """SHA-256 (hexadecimal) of arrays and of plain values by their repr; in another order they give another one."""
    found = hashlib.sha256()
    for part in parts:
        kind, content = (part.dtype.str, part.tobytes()) if isinstance(part, np.ndarray) else ('', repr(part).encode())
        found.update(f'{kind} {len(content)} '.encode() + content)
    return found.hexdigest()


def program_digest(version_text: str) -> str:
    """Digest of the version of the program, its code, and the versions of LIBRARIES."""
    return digest(version_text, code_digest(), *(version(name) for name in LIBRARIES))
