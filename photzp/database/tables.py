"""The tables of the database as classes, and the way of values between their rows and records or arrays.

Missing numbers are NULL in the database and NaN in arrays; text or infinity in a column of numbers is read as missing.
Times are UTC, 'YYYY-MM-DD HH:MM:SS.sss' in the database and datetime64[ms] in arrays.  A measured frame has the
exposure (the base name without level and extension) in the column `frame`, beside the name under which it is stored.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column

from photzp.names import base_name, exposure_of, level_of
from photzp.records import Column, Measurement, RejectedFrame, RowDigest, Run, StoredModel, Zeropoints
from photzp.times import instant_of, time_text

READ_CHUNK = 5_000  # rows per conversion to arrays: a few MB at a time
LONGEST_TEXT = 100  # of a site, camera, ...: `names.safe_part` allows 64, so that no two good ones are made one


class Base(DeclarativeBase):
    """The tables.  Beyond the key every column may be NULL: older rows, and other programs' rows, lack some."""

    type_annotation_map = {str: sa.Text, float: sa.Double}  # noqa: RUF012 (SQLAlchemy's own idiom)


def _column(unit: str, meaning: str, **settings: Any) -> MappedColumn[Any]:
    """A column that says what it holds and in which unit, '' for none."""
    return mapped_column(doc=meaning, info={'unit': unit}, **settings)


class LcoPhot(Base):
    """One measured frame."""

    __tablename__ = 'lcophot'
    name: Mapped[str] = _column('', 'name of the frame, the key; a path in older rows', primary_key=True)
    dateobs: Mapped[str | None] = _column('', 'start of the exposure')
    site: Mapped[str | None] = _column('', 'site, as lsc')
    dome: Mapped[str | None] = _column('', 'enclosure, as doma')
    telescope: Mapped[str | None] = _column('', 'telescope, as 1m0a')
    camera: Mapped[str | None] = _column('', 'camera, as fa15')
    filter: Mapped[str | None] = _column('', 'filter as in the header of the frame')
    airmass: Mapped[float | None] = _column('', 'airmass')
    zp: Mapped[float | None] = _column('mag', 'zeropoint at g-i = zpcolor, SDSS system, in the limit of bright stars')
    colorterm: Mapped[float | None] = _column('mag/mag', 'colour term, change of zp per magnitude of SDSS g-i')
    zpsig: Mapped[float | None] = _column('mag', 'robust scatter of single stars about the fit')
    zperr: Mapped[float | None] = _column('mag', 'error of zp; without that of the PS1 system itself')
    colortermerr: Mapped[float | None] = _column(
        'mag/mag', 'error of colorterm; where it was held, that of the usual value')
    zpcolor: Mapped[float | None] = _column(
        'mag', 'SDSS g-i at which zp holds; NULL in older rows, whose zp is at g-i = 0')
    nstars: Mapped[int | None] = _column('', 'stars used in the fit')
    exptime: Mapped[float | None] = _column('s', 'exposure time')
    zpcolortermcov: Mapped[float | None] = _column('mag^2', 'covariance of zp and colorterm')
    colortermheld: Mapped[bool | None] = _column('', '1 where the colour term was not fitted but held at a usual value')
    refcomplete: Mapped[bool | None] = _column('', '0 where a part of the reference catalogue was missing')
    wcsoffset: Mapped[float | None] = _column('arcsec', 'offset between frame and catalogue that matching removed')
    nmatched: Mapped[int | None] = _column('', 'sources that were matched to a reference star, one to one')
    matchsep: Mapped[float | None] = _column('arcsec', 'median separation of the matches, after what matching removed')
    matchfrac: Mapped[float | None] = _column('', 'nmatched as a fraction of all sources of the frame')
    magslope: Mapped[float | None] = _column(
        'mag/mag', 'slope of zp with the magnitude of the stars used, left by the fit; 0 is good')
    magslopeerr: Mapped[float | None] = _column('mag/mag', 'error of magslope')
    redchi2: Mapped[float | None] = _column(
        '', 'chi-square of the stars used per degree of freedom, by photon and catalogue errors alone, '
        'before the intrinsic scatter')
    meancolor: Mapped[float | None] = _column('mag', 'mean SDSS g-i of the stars used, weighted as in the fit')
    processed: Mapped[str | None] = _column('', 'when the frame was measured')
    frame: Mapped[str | None] = _column('', 'the exposure: the base name without level and extension')
    __table_args__ = (
        sa.Index('ix_lcophot_frame', 'frame'),
        sa.Index('ix_lcophot_series', 'site', 'dome', 'telescope', 'filter', 'dateobs'),
    )


class TelescopeModel(Base):
    """One date of the throughput model of a telescope and filter.  Some databases have no `entryid`: never used."""

    __tablename__ = 'telescopemodel'
    entryid: Mapped[int] = mapped_column(primary_key=True)
    telescopeid: Mapped[str | None]
    filter: Mapped[str | None]
    dateobs: Mapped[str | None]
    modelzp: Mapped[float | None]
    modelzperr: Mapped[float | None]
    __table_args__ = (sa.Index('ix_telescopemodel_series', 'telescopeid', 'filter', 'dateobs'),)


class ThroughputInterval(Base):
    """One interval of a throughput model between events: a line with its slope.  Times as in `lcophot`."""

    __tablename__ = 'throughputinterval'
    id: Mapped[int] = mapped_column(primary_key=True)
    telescopeid: Mapped[str | None]
    filter: Mapped[str | None]
    starttime: Mapped[str | None]
    endtime: Mapped[str | None]
    openedby: Mapped[str | None]
    nights: Mapped[int | None]
    measurements: Mapped[int | None]
    startzp: Mapped[float | None]
    startzperr: Mapped[float | None]
    endzp: Mapped[float | None]
    endzperr: Mapped[float | None]
    slope: Mapped[float | None]
    slopeerr: Mapped[float | None]
    __table_args__ = (sa.Index('ix_throughputinterval_series', 'telescopeid', 'filter'),)


class ThroughputStep(Base):
    """One step of a throughput model at an event, gains positive; `instrumental` where two cameras differ in it."""

    __tablename__ = 'throughputstep'
    id: Mapped[int] = mapped_column(primary_key=True)
    telescopeid: Mapped[str | None]
    filter: Mapped[str | None]
    dateobs: Mapped[str | None]
    kind: Mapped[str | None]
    step: Mapped[float | None]
    steperr: Mapped[float | None]
    instrumental: Mapped[bool | None]
    __table_args__ = (sa.Index('ix_throughputstep_series', 'telescopeid', 'filter'),)


class PhotReject(Base):
    """One frame that was looked at and not measured; `RejectedFrame` says what the columns mean."""

    __tablename__ = 'photreject'
    name: Mapped[str] = mapped_column(primary_key=True)
    frame: Mapped[str | None]
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    retry: Mapped[bool | None]
    size: Mapped[int | None] = mapped_column(sa.BigInteger)
    mtime: Mapped[int | None] = mapped_column(sa.BigInteger)
    exptime: Mapped[float | None]
    looked: Mapped[str | None]


class PhotRun(Base):
    """One run of a script; `Run` says what the columns mean."""

    __tablename__ = 'photrun'
    id: Mapped[int] = mapped_column(primary_key=True)
    script: Mapped[str | None] = mapped_column(index=True)
    started: Mapped[str | None]
    ended: Mapped[str | None]
    status: Mapped[int | None]
    options: Mapped[str | None]
    counts: Mapped[str | None]
    pertelescope: Mapped[str | None]
    version: Mapped[str | None]
    host: Mapped[str | None]
    pid: Mapped[int | None]


PHOT, MODEL, INTERVAL, STEP, REJECT, RUN = (Base.metadata.tables[model.__tablename__] for model in (
    LcoPhot, TelescopeModel, ThroughputInterval, ThroughputStep, PhotReject, PhotRun))


# -- values to the database --------------------------------------------------------------------------------------------


def row_of(record: Measurement | RejectedFrame, **more: object) -> dict[str, Any]:
    """{column: value} of a Measurement or RejectedFrame."""
    row = {name: _plain(value) for name, value in asdict(record).items()} | more
    row['frame'] = exposure_of(row['name'])
    if 'dateobs' in row:
        row['dateobs'] = row['dateobs'].replace('T', ' ')
    return row


def key_of(name: str) -> str:
    """The base name of a frame as it is stored."""
    return _plain(base_name(name))


def _plain(value: Any) -> Any:
    """A value as every driver takes it: numpy scalars as Python's, NaN as None, text without what cannot be encoded."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode('utf-8', 'backslashreplace').decode().replace('\0', '')
    return value


def stored_value(value: Any) -> Any:
    """As `_plain`, and times as the database has them."""
    return time_text(value) if isinstance(value, np.datetime64) else _plain(value)


def json_text(value: object) -> str:
    """JSON of a value; numpy scalars as Python's, what JSON does not know as text."""
    return json.dumps(value, default=lambda each: each.item() if isinstance(each, np.generic) else str(each))


# -- values from the database ------------------------------------------------------------------------------------------


def _numbers(values: Sequence) -> np.ndarray:
    """float64 array of a column; NULL, text and infinity are NaN."""
    try:
        numbers = np.array(values, dtype=float)
    except (TypeError, ValueError):
        numbers = np.array([number_of(value) for value in values])
    return np.where(np.isfinite(numbers), numbers, np.nan)


def number_of(value: object) -> float:
    """The value where it is a number, else NaN."""
    return value if isinstance(value, (int, float)) else math.nan


def text_of(value: object) -> str:
    """A value of a column of texts as str: SQLite keeps there what it is given, also bytes; NULL is ''."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode('utf-8', 'backslashreplace')
    return '' if value is None else str(value)


def _texts(values: Sequence) -> np.ndarray:
    """str array of a column; NULL is ''.  Cut at LONGEST_TEXT, as all of the array is as wide as the longest."""
    return np.array([text_of(value)[:LONGEST_TEXT] for value in values], dtype=str)


def names_of(values: Iterable[object]) -> np.ndarray:
    """object array of a column of names: they are many and long, and arrays of str are as wide as the longest."""
    return np.array([text_of(value) for value in values], dtype=object)


_TIME = re.compile(r'(\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?)(?:Z|\+00:00)?')

_USUAL_TIMES = re.compile(r'(?:(?:\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{3}|NaT)(?:\||$))+')


def _instants(values: Sequence) -> np.ndarray:
    """datetime64[ms] array of a column of times with a blank or a T in the middle; what is no time is NaT."""
    texts = [value if isinstance(value, str) else 'NaT' for value in values]
    try:
        if _USUAL_TIMES.fullmatch('|'.join(texts)):  # all at once, ten times faster
            return np.array(texts, dtype='datetime64[ms]')
    except ValueError:  # the 30th of February, say: look for it one by one
        pass
    return np.array([_instant_or_nat(text) for text in texts], dtype='datetime64[ms]')


def _instant_or_nat(text: str) -> np.datetime64:
    match = _TIME.fullmatch(text)
    try:
        return instant_of(match[1] if match else 'NaT')
    except ValueError:
        return instant_of('NaT')


def _flags(when_missing: bool) -> Callable[[Sequence], np.ndarray]:
    """Converter of a column of booleans to a bool array."""
    return lambda values: np.array([when_missing if value is None else bool(value) for value in values], dtype=bool)


CONVERTERS = {field.name: _numbers for field in fields(Zeropoints)} | {
    'name': names_of,
    'dateobs': _instants,
    'processed': _instants,
    'colortermheld': _flags(False),
    'refcomplete': _flags(True),
    **dict.fromkeys(('site', 'dome', 'telescope', 'camera', 'filter'), _texts),
}


def column_bytes(name: str, values: Sequence) -> bytes:
    """What tells the values of a column of CONVERTERS (or `frame`) apart, where they would be read as different."""
    if CONVERTERS.get(name) is _numbers:
        return _numbers(values).tobytes()
    return repr(values).encode('utf-8', 'backslashreplace')


def digested(columns: Mapping[str, Sequence], names: Iterable[str]) -> Iterator[bytes]:
    """For a RowDigest, a chunk of READ_CHUNK rows (or the last one): what the values of each column are read as."""
    return (column_bytes(name, columns[name]) for name in names)


def described_columns() -> tuple[Column, ...]:
    """A Column for each field of `Zeropoints`: its unit, its meaning, and the type of its values."""
    kinds = {'dateobs': np.datetime64, 'processed': np.datetime64, 'colortermheld': bool, 'refcomplete': bool}
    columns = [PHOT.c[field.name] for field in fields(Zeropoints)]
    return tuple(Column(each.name, each.info['unit'], each.doc or '',
                        kinds.get(each.name, str if isinstance(each.type, sa.Text) else float)) for each in columns)


def plain_rows(connection: sa.Connection, statement: sa.Select) -> Iterator[Sequence[Any]]:
    """Yield rows in chunks, as the driver has them: SQLAlchemy's own rows take as long again."""
    cursor = connection.execute(statement).cursor
    assert cursor is not None, 'a SELECT has one'
    while rows := cursor.fetchmany(READ_CHUNK):
        yield rows


def read_columns(connection: sa.Connection, statement: sa.Select, names: Sequence[str],
                 digest: RowDigest | None = None) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Read rows in chunks: ({column: array (n,)} of CONVERTERS, number of the exposure (n,) int).

    names : of the columns that the statement gives, among them `name` and `frame`; others are as where they are
        missing.  digest : updated with every row read.
    """
    parts = {name: [CONVERTERS[name](())] for name in names if name != 'frame'}
    numbers: dict[str, int] = {}
    exposures = [np.empty(0, dtype=np.int64)]
    for rows in plain_rows(connection, statement):
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        if digest is not None:
            digest.add(len(rows), digested(columns, digest.names))
        for name in parts:
            parts[name].append(CONVERTERS[name](columns[name]))
        named = (frame or exposure_of(text_of(name))
                 for frame, name in zip(columns['frame'], columns['name'], strict=True))
        exposures.append(np.array([numbers.setdefault(exposure, len(numbers)) for exposure in named]))
    read = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    count = len(read['name'])
    missing = {name: np.repeat(convert((None,)), count) for name, convert in CONVERTERS.items() if name not in parts}
    return read | missing, np.concatenate(exposures)


def best_of_exposure(names: np.ndarray, exposures: np.ndarray, processed: np.ndarray) -> np.ndarray:
    """Mask of one row per exposure: the highest level, then the newest, then a base name before a path, then the last.

    names (n,) as stored; exposures (n,) numbers from 0; processed (n,) datetime64, NaT counts as the oldest.
    """
    twins = np.flatnonzero(np.bincount(exposures)[exposures] > 1)
    levels = np.array([level_of(names[row]) for row in twins], dtype=int)
    plain = np.array([os.sep not in names[row] for row in twins], dtype=bool)
    order = np.lexsort((plain, processed[twins].astype(np.int64), levels, exposures[twins]))
    ordered = exposures[twins][order]
    last = np.append(ordered[1:] != ordered[:-1], True)[: len(twins)]
    best = np.ones(len(names), bool)
    best[twins[order[~last]]] = False
    return best


def model_of(rows: Sequence[sa.Row]) -> StoredModel:
    """The `StoredModel` of rows (dateobs, modelzp, modelzperr) in any order."""
    times, modelzp, modelzperr = zip(*rows, strict=True) if rows else ((), (), ())
    dateobs = _instants(times)
    order = np.argsort(dateobs, kind='stable')
    return StoredModel(dateobs[order], _numbers(modelzp)[order], _numbers(modelzperr)[order])


def run_of(row: sa.Row) -> Run:
    """The `Run` of a row of `photrun`."""
    values = dict(row._mapping)
    per_telescope = _json_dict(values.pop('pertelescope'))
    jsons = {name: _json_dict(values[name]) for name in ('options', 'counts')}
    texts = {name: None if values[name] is None else text_of(values[name]) for name in ('started', 'ended')}
    status = values['status'] if isinstance(values['status'], int) else None
    return Run(**values | jsons | texts | {'status': status}, per_telescope=per_telescope)


def _json_dict(text: object) -> dict[str, Any]:
    """The object in a text of JSON; an empty one where there is none: a record of a run is not worth the report."""
    try:
        found = json.loads(text_of(text))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


# -- rows from one database to another ---------------------------------------------------------------------------------


def fitting_row(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """A row of any database with values that the columns of every database hold; what fits none is None."""
    return {name: _fitting(table.c[name].type.python_type, value) for name, value in row.items()}


def _fitting(kind: type, value: Any) -> Any:
    if kind is str:
        return _plain(value) if isinstance(value, str) else None if value is None else str(value)
    number = number_of(value)
    return None if not math.isfinite(number) else kind(number)


class Fingerprint:
    """What a set of rows is told by, whatever their order: their number, and the sum of their hashes."""

    def __init__(self) -> None:
        self.rows, self._sum = 0, 0

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Count rows in, each a dict of one set of columns."""
        for row in rows:
            self.rows += 1
            self._sum += int.from_bytes(hashlib.sha256(repr(list(row.values())).encode()).digest(), 'big')

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fingerprint) and (self.rows, self._sum) == (other.rows, other._sum)

    __hash__ = None  # type: ignore[assignment]  # it changes
