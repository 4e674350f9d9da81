"""What is read from the database, and the interface of the database that the package relies on: a Protocol."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Protocol, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from photzp.measurements import Measurement, RejectedFrame
from photzp.names import Telescope
from photzp.rowdigest import RowDigest
from photzp.times import Time

OneOrMore = str | Iterable[str]


class ColumnValues(TypedDict, total=False):
    """Selection of rows by the values of columns.

    Attributes
    ----------
    site, dome, telescope, camera, filter : str, iterable of str or None
        One value or several; None, or no such key, takes all.
    """

    site: OneOrMore | None
    dome: OneOrMore | None
    telescope: OneOrMore | None
    camera: OneOrMore | None
    filter: OneOrMore | None


class Selection(ColumnValues, total=False):
    """Selection of rows by the values of columns and by time.

    Attributes
    ----------
    start, end : str, datetime.date, datetime.datetime, numpy.datetime64 or None
        start <= dateobs < end, in UTC; None, or no such key, sets no limit.
    """

    start: Time | None
    end: Time | None


@dataclass(frozen=True, kw_only=True)
class Zeropoints:
    """Measured frames by column, in order of time: arrays of one length n, named as the columns of `lcophot`.

    Attributes
    ----------
    name : ndarray of object
        Base names.
    dateobs, processed : ndarray of datetime64[ms]
        Start of the exposure, and when the frame was measured, UTC; NaT where missing.
    site, dome, telescope, camera, filter : ndarray of str
        '' where missing.
    colortermheld, refcomplete : ndarray of bool
        False and True in rows older than these columns.
    airmass, zp, ..., fwhm : ndarray of float
        All others, with meanings and units as in `Measurement`; NaN where missing.
    """

    name: np.ndarray
    dateobs: np.ndarray
    site: np.ndarray
    dome: np.ndarray
    telescope: np.ndarray
    camera: np.ndarray
    filter: np.ndarray
    airmass: np.ndarray
    zp: np.ndarray
    colorterm: np.ndarray
    zpsig: np.ndarray
    zperr: np.ndarray
    colortermerr: np.ndarray
    zpcolor: np.ndarray
    nstars: np.ndarray
    exptime: np.ndarray
    zpcolortermcov: np.ndarray
    colortermheld: np.ndarray
    refcomplete: np.ndarray
    wcsoffset: np.ndarray
    nmatched: np.ndarray
    matchsep: np.ndarray
    matchfrac: np.ndarray
    magslope: np.ndarray
    magslopeerr: np.ndarray
    redchi2: np.ndarray
    meancolor: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    fwhm: np.ndarray
    processed: np.ndarray

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.name)

    def __getitem__(self, rows: np.ndarray | slice) -> 'Zeropoints':
        """The same columns of some rows: a mask, an index array or a slice."""
        return Zeropoints(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


@dataclass(frozen=True)
class StoredModel:
    """Throughput model of one telescope and filter in order of time.

    Attributes
    ----------
    dateobs : ndarray of datetime64[ms], shape (n,)
        One time per night, UTC.
    modelzp, modelzperr : ndarray of float, shape (n,)
        Zeropoint at airmass 1 under a clear sky, and its error, NaN where missing [mag].
    """

    dateobs: np.ndarray
    modelzp: np.ndarray
    modelzperr: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a script.

    Attributes
    ----------
    id, script : int, str
        Number of the run, name of the script.
    started, ended : str, str or None
        'YYYY-MM-DD HH:MM:SS.sss' UTC; `ended` is None while it runs, and stays so where it was killed.
    status : int or None
        Exit status, None as `ended`.
    options, counts : dict
        Options given by name; number of frames or series by outcome.
    per_telescope : dict of dict
        The counts of each telescope.
    version, host, pid : str, str, int
        Version of the program, the machine it ran on, and the number of its process.
    """

    id: int
    script: str
    started: str
    ended: str | None
    status: int | None
    options: dict[str, Any]
    counts: dict[str, int]
    per_telescope: dict[str, dict[str, int]]
    version: str
    host: str
    pid: int


@dataclass(frozen=True)
class CameraSpan:
    """A time in which a camera was in use at a telescope.

    Attributes
    ----------
    telescope, camera : str
        site-enclosure-telescope, and the camera.
    first, last : str
        Dates 'YYYY-MM-DD' of its first and last frame.
    frames : int
        Number of its frames with a zeropoint.
    """

    telescope: str
    camera: str
    first: str
    last: str
    frames: int


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name, unit, description : str
        The unit in astropy's spelling, '' for none.
    kind : type
        Type of its values: str, float, bool, or numpy.datetime64 for times [ms, UTC].
    """

    name: str
    unit: str
    description: str
    kind: type = float


class Database(Protocol):
    """The interface of the database of zeropoints that the package relies on; `PhotDatabase` has it.

    Its methods raise DatabaseUnusable where the database cannot be read or written.
    """

    place: str

    def add_many(self, measurements: Iterable[Measurement]) -> None:
        """Store measurements in one transaction, each in place of an earlier one of the same frame.

        Parameters
        ----------
        measurements : iterable of Measurement
            At most one of a frame.
        """

    def reject_many(self, rejected: Iterable[RejectedFrame]) -> None:
        """Note frames that were looked at and not measured, in one transaction.

        Parameters
        ----------
        rejected : iterable of RejectedFrame
            At most one of a frame.
        """

    def zeropoints(self, *, one_per_exposure: bool = True, digest: RowDigest | None = None,
                   **selection: Unpack[Selection]) -> Zeropoints:
        """Read measured frames in order of time.

        Parameters
        ----------
        one_per_exposure : bool
            Of several rows of one exposure only the best is returned.
        digest : RowDigest or None
            Updated with every row read; with a digest only the columns of its `names` are read.
        **selection : Selection
            Which rows.

        Returns
        -------
        Zeropoints
            Of length 0 where there are none.
        """
        ...

    def digest(self, names: Sequence[str], **values: Unpack[ColumnValues]) -> RowDigest:
        """Digest of some columns of the rows of one telescope; it differs where any value read would differ.

        Parameters
        ----------
        names : sequence of str
            The columns.
        **values : ColumnValues
            Which rows.

        Returns
        -------
        RowDigest
            Of all rows, in order of time.
        """
        ...

    def count(self, **values: Unpack[ColumnValues]) -> int:
        """Count rows.

        Parameters
        ----------
        **values : ColumnValues
            Which rows.

        Returns
        -------
        int
            Their number.
        """
        ...

    def telescopes(self) -> list[Telescope]:
        """Telescopes that have rows.

        Returns
        -------
        list of Telescope
            Sorted.
        """
        ...

    def filters(self) -> list[str]:
        """Filters that have rows.

        Returns
        -------
        list of str
            Names, sorted.
        """
        ...

    def columns(self) -> tuple[Column, ...]:
        """Name, unit, meaning and type of each field of `Zeropoints`.

        Returns
        -------
        tuple of Column
            In the order of the fields.
        """
        ...

    def store_model(self, telescopeid: str, filter: str, dateobs: ArrayLike,  # noqa: A002, PLR0913 (columns)
                    modelzp: ArrayLike, modelzperr: ArrayLike | None = None,
                    intervals: Iterable[dict[str, Any]] = (), steps: Iterable[dict[str, Any]] = ()) -> None:
        """Replace the throughput model of one telescope and filter, in one transaction.

        Parameters
        ----------
        telescopeid, filter : str
            site-enclosure-telescope, and the filter as reported.
        dateobs, modelzp, modelzperr : array_like
            The nightly model: times, zeropoints and errors [mag].
        intervals, steps : iterable of dict
            Columns of `throughputinterval` and `throughputstep`.
        """

    def model(self, telescopeid: str, filter: str) -> StoredModel:  # noqa: A002 (the name of the column)
        """The stored model of one telescope and filter.

        Parameters
        ----------
        telescopeid, filter : str
            site-enclosure-telescope, and the filter as reported.

        Returns
        -------
        StoredModel
            Of length 0 where there is none.
        """
        ...

    def runs(self, limit: int = 100, *, script: str | None = None) -> list[Run]:
        """The last runs.

        Parameters
        ----------
        limit : int
            How many at most.
        script : str or None
            Name of the script; None takes all scripts.

        Returns
        -------
        list of Run
            The newest first.
        """
        ...

    def last_good(self, script: str) -> datetime | None:
        """When a script last ended well, with findings or without.

        Parameters
        ----------
        script : str
            Its name.

        Returns
        -------
        datetime.datetime or None
            Naive, in UTC; None for never.
        """
        ...
