"""The memory of the report, kept beside it, so that what did not change is not made again.

Each telescope and filter, and each overview plot, has a fingerprint of all that it is made from, and the SHA-256 of the
files that were made from it.  Where the fingerprint is the same and the files are as they were written, a run keeps
them.  The clock is no part of a fingerprint, but the month is: axes of time end with it.

`report-state.json` is kept beside the report, so that every destination has its own, and beside it the fits of all
series and the nights of telescopes (`fitarchive`), whose SHA-256 it names.  Without one of the two, or where it is
damaged, everything is made anew: deleting them is always safe.
"""

import hashlib
import json
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np

from photzp.answers.extinction import FrameSums
from photzp.answers.recent import Recent
from photzp.answers.status import SeriesStatus
from photzp.names import SeriesKey
from photzp.program import code_digest
from photzp.records import CameraSpan
from photzp.typedtree import plain, typed, without_schema

SCHEMA = 7
LIBRARIES = ('matplotlib', 'numpy', 'pillow', 'scipy')  # that a number or a pixel of the report depends on
ColortermFields = tuple[str, str, int, float, float, float, float | None]  # of figures.colourterms.ColortermLine


@dataclass(frozen=True)
class Output:
    """A file of the report: its SHA-256 (hexadecimal); of an image also its size [pixel] and its text alternative."""

    sha256: str
    width: int | None = None
    height: int | None = None
    alt: str = ''


@dataclass(frozen=True, kw_only=True)
class SeriesResult:
    """The result of one telescope and filter, as far as a later run needs it.

    Attributes
    ----------
    status : SeriesStatus
        Its days are counted to the time at which it was made.
    nights : tuple of (str, bool)
        Date and whether it was photometric, of the newest nights, as many as a status counts.
    colorterms : tuple of tuple
        Fields of ColortermLine of each camera.
    warnings : tuple of str
        Warnings that were logged.
    recent : Recent
        Recent changes of its frames, for the alarms.
    frames : FrameSums
        Sums over frames, for the yearly term of extinction.
    cameras : tuple of CameraSpan
        When each camera was in use.
    """

    status: SeriesStatus
    nights: tuple[tuple[str, bool], ...]
    colorterms: tuple[ColortermFields, ...]
    warnings: tuple[str, ...]
    recent: Recent
    frames: FrameSums
    cameras: tuple[CameraSpan, ...]

    @property
    def key(self) -> SeriesKey:
        """Telescope and filter."""
        return self.status.telescope, self.status.filter

    @property
    def night(self) -> np.ndarray:
        """Dates of `nights`, datetime64[D] (n,)."""
        return np.array([date for date, _ in self.nights], 'datetime64[D]')

    @property
    def photometric(self) -> np.ndarray:
        """Whether each of `nights` was photometric, bool (n,)."""
        return np.array([clear for _, clear in self.nights], bool)


@dataclass(frozen=True)
class RowsSeen:
    """Which rows of a telescope, in all its filters, a run has read.

    Attributes
    ----------
    rows : int
        Their number in the database.
    last : str or None
        Time of the newest one that is used, 'YYYY-MM-DDTHH:MM:SS.sss' UTC.
    coming : str or None
        Time of the first one that was left out, as it was dated later than now: from then on it counts.
    """

    rows: int
    last: str | None
    coming: str | None = None


@dataclass(frozen=True)
class RememberedSeries:
    """The result of a series and what shows whether it still holds.

    Attributes
    ----------
    fingerprint : str
        Digest of all that the series was made from.
    seen : RowsSeen
        Rows of its telescope.
    model : str
        Digest of the model that was put into the database.
    result : SeriesResult
    outputs : dict of str to Output
        Its files by name.
    """

    fingerprint: str
    seen: RowsSeen
    model: str
    result: SeriesResult
    outputs: dict[str, Output]


@dataclass(frozen=True)
class RememberedNights:
    """What shows whether the nights of a telescope, which are kept with the fits, still hold.

    Attributes
    ----------
    fingerprint : str
        Digest of all that they were found from.
    seen : RowsSeen
        Rows of the telescope.
    """

    fingerprint: str
    seen: RowsSeen


@dataclass(frozen=True)
class RememberedOverview:
    """An overview plot that a run made, and the fingerprint of what it shows."""

    fingerprint: str
    output: Output


@dataclass
class ReportState:
    """All that is remembered.

    Attributes
    ----------
    series : dict of str to RememberedSeries
        By '<telescope> <filter>'.
    overviews : dict of str to RememberedOverview
        By file name.
    fits : str
        SHA-256 of the file of the fits that belong to the state.
    nights : dict of str to RememberedNights
        By telescope.
    """

    series: dict[str, RememberedSeries] = field(default_factory=dict)
    overviews: dict[str, RememberedOverview] = field(default_factory=dict)
    fits: str = ''
    nights: dict[str, RememberedNights] = field(default_factory=dict)

    def text(self) -> str:
        """The state as JSON, the inverse of `read`.

        Returns
        -------
        str
            The same for the same state.
        """
        return json.dumps({'schema': SCHEMA, **plain(self)}, sort_keys=True, separators=(',', ':')) + '\n'

    @classmethod
    def read(cls, text: str) -> 'ReportState':
        """Read a state.

        Parameters
        ----------
        text : str
            As `text` returned it.

        Returns
        -------
        ReportState

        Raises
        ------
        ValueError
            The text is no state of this schema.
        """
        try:
            return typed(cls, without_schema(json.loads(text), SCHEMA))
        except (ValueError, RecursionError) as error:
            raise ValueError(f'not a report-state.json: {error!s:.200}') from None


def digest(*parts: object) -> str:
    """SHA-256 over arrays, and over other values by their repr.

    Parameters
    ----------
    *parts : ndarray or object
        Their order counts.

    Returns
    -------
    str
        Hexadecimal.
    """
    sha256 = hashlib.sha256()
    for part in parts:
        kind, content = (part.dtype.str, part.tobytes()) if isinstance(part, np.ndarray) else ('', repr(part).encode())
        sha256.update(f'{kind} {len(content)} '.encode() + content)
    return sha256.hexdigest()


def program_digest(version_text: str) -> str:
    """Digest of the program: its version, its code, and the versions of LIBRARIES.

    Parameters
    ----------
    version_text : str
        Version of the program.

    Returns
    -------
    str
        Hexadecimal.
    """
    return digest(version_text, code_digest(), *(version(name) for name in LIBRARIES))
