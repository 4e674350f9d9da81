"""What all rooms share: measured frames and what is stored beside them, the rule of usable rows, and the database that
they come from, described here by its methods only."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from photzp.names import TelescopeKey, class_of
from photzp.times import Time

ZPSIG_MAX_MAG = {'0m4': 0.5}  # by telescope class: frames whose stars scatter more are not used
ZPSIG_MAX_OTHERS_MAG = 0.2
SANE_ZP_MAG = (10.0, 35.0)  # a lens of 1 cm, a telescope of 30 m


def usable_rows(zp: np.ndarray, airmass: np.ndarray, zpsig: np.ndarray, telescope: str) -> np.ndarray:
    """Mask of the rows that a model may rest on (n,); telescope : as in '0m4a', its class decides on zpsig."""
    limit = ZPSIG_MAX_MAG.get(class_of(telescope), ZPSIG_MAX_OTHERS_MAG)
    return possible(zp) & np.isfinite(airmass) & (zpsig <= limit)


def possible(zp: np.ndarray) -> np.ndarray:
    """Mask of the zeropoints that some telescope can have (n,); NaN is none."""
    return (zp >= SANE_ZP_MAG[0]) & (zp <= SANE_ZP_MAG[1])


@dataclass(frozen=True)
class Measurement:
    """One measured frame, a row of `lcophot`: the columns of LcoPhot say what each value means.

    NaN and None are stored as NULL.  name : base name, or a path that ends in it.
    dateobs : 'YYYY-MM-DD HH:MM:SS.sss' UTC.
    """

    name: str
    dateobs: str
    site: str
    dome: str
    telescope: str
    camera: str
    filter: str
    airmass: float
    zp: float
    colorterm: float
    zpsig: float
    zperr: float = math.nan
    colortermerr: float = math.nan
    zpcolor: float = math.nan
    nstars: int | None = None
    exptime: float = math.nan
    zpcolortermcov: float = math.nan
    colortermheld: bool | None = None
    refcomplete: bool | None = None
    wcsoffset: float = math.nan
    nmatched: int | None = None
    matchsep: float = math.nan
    matchfrac: float = math.nan
    magslope: float = math.nan
    magslopeerr: float = math.nan
    redchi2: float = math.nan
    meancolor: float = math.nan


@dataclass(frozen=True)
class RejectedFrame:
    """One frame that was looked at and not measured.

    name : base name, or a path that ends in it.
    reason, detail : name of a `errors.Reason`, and what was found.
    retry : True where the next run should look again although nothing changed.
    size [bytes], mtime [ns] : of the file when it was looked at, None where there was none.
    exptime_s : exposure time, None where it was not known.
    """

    name: str
    reason: str
    detail: str = ''
    retry: bool = False
    size: int | None = None
    mtime: int | None = None
    exptime_s: float | None = None


@dataclass(frozen=True)
class Zeropoints:
    """Measured frames by column, in order of time: arrays of one length n, named as the columns of `lcophot`.

    name : object array of base names.  dateobs, processed : datetime64[ms], NaT where missing.
    site, dome, telescope, camera, filter : str arrays, '' where missing.
    colortermheld, refcomplete : bool; rows older than these columns read False and True.
    All others : float64, NaN where missing; units as in `Measurement`.
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
    processed: np.ndarray

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.name)

    def __getitem__(self, rows: np.ndarray | slice) -> 'Zeropoints':
        """The same columns of some rows: a mask, an index array or a slice."""
        return Zeropoints(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class StoredModel:
    """Throughput model of one telescope and filter in order of time.

    dateobs (n,) datetime64[ms]; modelzp, modelzperr (n,) [mag], modelzperr NaN where missing.
    """

    dateobs: np.ndarray
    modelzp: np.ndarray
    modelzperr: np.ndarray


@dataclass(frozen=True)
class Run:
    """One run of a script: `ended` and `status` are None while it runs, and for ever where it was killed."""

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
    """A time in which a camera was in use at a telescope; dates 'YYYY-MM-DD'; frames : with a zeropoint."""

    telescope: str
    camera: str
    first: str
    last: str
    frames: int


@dataclass(frozen=True)
class Column:
    """One column: name, unit in astropy's spelling ('' for none), meaning, and the type of its values.

    kind : str, float, bool, or np.datetime64 for times [ms, UTC].
    """

    name: str
    unit: str
    description: str
    kind: type = float


class RowDigest:
    """Digest of rows in a fixed order: their number, and a SHA-256 over the values as they are read.

    names : of the columns, names of fields of `Zeropoints` and `frame`.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names, self.rows = names, 0
        self._found = hashlib.sha256(repr(names).encode())

    def add(self, rows: int, contents: Iterable[bytes]) -> None:
        """Take a chunk of rows: their number, and for each of the names what its values are read as."""
        self.rows += rows
        for content in contents:
            self._found.update(content)

    def __str__(self) -> str:
        return self._found.hexdigest()


# -- the database ------------------------------------------------------------------------------------------------------

FileFacts = Callable[[str], tuple[int, int]]  # name of a frame -> size [bytes], mtime [ns]
Watch = Callable[[Iterator[Any], str, int], Iterator[Any]]


def unwatched(items: Iterator[Any], _units: str, _total: int) -> Iterator[Any]:
    """The items, with nobody who is told how many are done."""
    return items


class Database(Protocol):
    """The database of zeropoints, as far as the package knows it; `PhotDatabase` is one and says what each does."""

    place: str

    def add_many(self, measurements: Iterable[Measurement]) -> None:
        """Store measurements in one transaction."""

    def reject_many(self, rejected: Iterable[RejectedFrame]) -> None:
        """Note frames that were looked at and not measured."""

    def known(self, names: Iterable[str], *, mintexp_s: float | None = None,
              stat: FileFacts | None = None) -> dict[str, str]:
        """Which of these frames need no second look."""
        ...

    def zeropoints(self, *, site: str | Iterable[str] | None = None, dome: str | Iterable[str] | None = None,
                   telescope: str | Iterable[str] | None = None, camera: str | Iterable[str] | None = None,
                   filter: str | Iterable[str] | None = None,  # noqa: A002 (the name of the column)
                   start: Time | None = None, end: Time | None = None, one_per_exposure: bool = True,
                   digest: RowDigest | None = None) -> Zeropoints:
        """Measured frames in order of time."""
        ...

    def digest(self, names: Sequence[str], **wanted: str | Iterable[str]) -> RowDigest:
        """Digest of some columns of the rows of one telescope."""
        ...

    def count(self, **wanted: str | Iterable[str]) -> int:
        """Number of rows."""
        ...

    def telescopes(self) -> list[TelescopeKey]:
        """Telescopes that have rows."""
        ...

    def filters(self) -> list[str]:
        """Filters that have rows."""
        ...

    def columns(self) -> tuple[Column, ...]:
        """What each column of `Zeropoints` means."""
        ...

    def store_model(self, telescopeid: str, filter: str, dateobs: Any,  # noqa: A002
                    modelzp: Sequence[float] | np.ndarray, modelzperr: Sequence[float] | np.ndarray | None = None,
                    intervals: Iterable[dict[str, Any]] = (), steps: Iterable[dict[str, Any]] = ()) -> None:
        """Replace the throughput model of one telescope and filter."""

    def model(self, telescopeid: str, filter: str) -> StoredModel:  # noqa: A002
        """The stored model of one telescope and filter."""
        ...

    def integrity(self) -> list[str]:
        """What the database itself finds wrong with its file."""
        ...

    def raw_rows(self) -> Iterator[dict[str, Any]]:
        """Every row of `lcophot` as stored."""
        ...

    def runs(self, limit: int = 100, *, script: str | None = None) -> list[Run]:
        """The last runs, newest first."""
        ...

    def last_good(self, script: str) -> datetime | None:
        """When a script last ended well."""
        ...
