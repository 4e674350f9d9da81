"""Measured frames read from `lcophot`: as arrays, as a digest, or as they are stored."""

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap
from typing import Any, Unpack

import numpy as np
import sqlalchemy as sa

from photzp.database.dialects import READ_CHUNK
from photzp.database.session import Session
from photzp.database.tables import PHOT
from photzp.database.values import CONVERTERS, column_bytes, instants_of, names_of, text_of
from photzp.names import Telescope, base_name, exposure_of, level_of
from photzp.records import ColumnValues, Selection, Zeropoints
from photzp.rowdigest import RowDigest
from photzp.times import day_of, instant_of


def zeropoints(session: Session, *, one_per_exposure: bool = True, digest: RowDigest | None = None,
               **selection: Unpack[Selection]) -> Zeropoints:
    """Read measured frames in order of time.

    Parameters
    ----------
    session : Session
        The database.
    one_per_exposure : bool
        Whether to keep of each exposure only the row of the highest reduction level, and of these the last processed.
    digest : RowDigest or None
        Updated with every row read.  Then only its columns are read, which have to include name, frame, dateobs and
        processed; the other columns of the result are filled with their missing values.
    **selection : Selection
        Which rows, as site='lsc', filter=('zs', 'zp'), start='2019-01-01'.

    Returns
    -------
    Zeropoints
        Of length 0 where there are none.

    Raises
    ------
    ValueError
        For a start or end that is no time.
    """
    start, end = _limits(selection)
    names = (*CONVERTERS, 'frame') if digest is None else digest.names
    statement = session.select(PHOT, *names).where(*_conditions(session, selection), *_days(session, start, end))
    if digest is not None:
        statement = statement.order_by(*_order(session))
    with session.transaction() as connection:
        columns, exposures = _read_columns(connection, statement, names, digest)
    keep = _within(columns['dateobs'], start, end)
    if one_per_exposure:
        keep &= _best_of_exposure(columns['name'], exposures, columns['processed'])
    return _in_order_of_time(columns, keep)


def times(session: Session, **selection: Unpack[Selection]) -> np.ndarray:
    """Start of all exposures, without anything else of them.

    Parameters
    ----------
    session : Session
        The database.
    **selection : Selection
        Which rows.

    Returns
    -------
    ndarray of datetime64[ms], shape (n,)
        UTC, in any order; rows without a date are left out.

    Raises
    ------
    ValueError
        For a start or end that is no time.
    """
    start, end = _limits(selection)
    statement = session.select(PHOT, 'dateobs').where(*_conditions(session, selection), *_days(session, start, end))
    with session.transaction() as connection:
        chunks = [instants_of(chunk['dateobs']) for chunk in _column_chunks(connection, statement, ('dateobs',))]
    time = np.concatenate([np.empty(0, 'datetime64[ms]'), *chunks])
    return time[~np.isnat(time) & _within(time, start, end)]


def span(session: Session, **selection: Unpack[Selection]) -> tuple[np.datetime64, np.datetime64]:
    """First and last exposure.

    Parameters
    ----------
    session : Session
        The database.
    **selection : Selection
        Which rows; start and end count as whole days.

    Returns
    -------
    first, last : numpy.datetime64
        UTC, datetime64[ms]; NaT where there is none, or what is stored is no date.

    Raises
    ------
    ValueError
        For a start or end that is no time.
    """
    start, end = _limits(selection)
    dateobs = session.column_or_null(PHOT.c.dateobs)
    statement = sa.select(sa.func.min(dateobs), sa.func.max(dateobs)).where(
        *_conditions(session, selection), *_days(session, start, end))
    with session.transaction() as connection:
        first, last = instants_of(connection.execute(statement).one())
    return first, last


def digest(session: Session, names: Sequence[str], **values: Unpack[ColumnValues]) -> RowDigest:
    """Digest of some columns of the rows of one telescope; it changes with any change of a value as it is read.

    Parameters
    ----------
    session : Session
        The database.
    names : sequence of str
        The columns.
    **values : ColumnValues
        Which rows.

    Returns
    -------
    RowDigest
        Of all rows, in order of time.
    """
    statement = session.select(PHOT, *names).where(*_conditions(session, values)).order_by(*_order(session))
    result = RowDigest(names)
    with session.transaction() as connection:
        for columns in _column_chunks(connection, statement, names):
            _add(result, columns)
    return result


def count(session: Session, **values: Unpack[ColumnValues]) -> int:
    """Count rows.

    Parameters
    ----------
    session : Session
        The database.
    **values : ColumnValues
        Which rows.

    Returns
    -------
    int
        Their number.
    """
    statement = sa.select(sa.func.count()).select_from(PHOT).where(*_conditions(session, values))
    with session.transaction() as connection:
        return connection.execute(statement).scalar_one()


def telescopes(session: Session) -> list[Telescope]:
    """Telescopes that have measured frames.

    Parameters
    ----------
    session : Session
        The database.

    Returns
    -------
    list of Telescope
        Sorted by site, enclosure and name; rows that lack any of these do not count.
    """
    return [Telescope(*names) for names in _distinct(session, 'site', 'dome', 'telescope')]


def filters(session: Session) -> list[str]:
    """Filters that have measured frames.

    Parameters
    ----------
    session : Session
        The database.

    Returns
    -------
    list of str
        Names, sorted.
    """
    return [name for (name,) in _distinct(session, 'filter')]


def raw_rows(session: Session) -> Iterator[dict[str, Any]]:
    """Every row of `lcophot` as stored.

    Parameters
    ----------
    session : Session
        The database.

    Yields
    ------
    dict
        name, dateobs, site, dome, telescope, filter, airmass, zp, zpsig, ra, dec and fwhm, as the driver gives them.
    """
    names = ('name', 'dateobs', 'site', 'dome', 'telescope', 'filter', 'airmass', 'zp', 'zpsig', 'ra', 'dec', 'fwhm')
    statement = session.select(PHOT, *names)
    with session.transaction(yield_per=READ_CHUNK) as connection:
        for row in connection.execute(statement):
            yield dict(zip(names, row, strict=True))


# -- statements --------------------------------------------------------------------------------------------------------


def _limits(selection: Selection) -> tuple[np.datetime64 | None, np.datetime64 | None]:
    """Take start and end out of a selection."""
    start, end = selection.pop('start', None), selection.pop('end', None)
    return None if start is None else instant_of(start), None if end is None else instant_of(end)


def _conditions(session: Session, values: Mapping[str, Any]) -> Iterator[sa.ColumnElement[bool]]:
    """Yield WHERE conditions for the values of columns; TypeError for a column that rows cannot be selected by."""
    columns = ColumnValues.__annotations__
    if unknown := values.keys() - columns.keys():
        raise TypeError(f'rows are selected by {", ".join(columns)}, not by {", ".join(sorted(unknown))}')
    for name, value in values.items():
        if value is not None:
            yield session.column_or_null(PHOT.c[name]).in_([value] if isinstance(value, str) else list(value))


def _days(session: Session, start: np.datetime64 | None, end: np.datetime64 | None) -> Iterator[sa.ColumnElement[bool]]:
    """Yield WHERE conditions that select whole days, as dateobs has a blank or a T between date and time."""
    dateobs = session.column_or_null(PHOT.c.dateobs)
    if start is not None:
        yield dateobs >= str(day_of(start))
    if end is not None:
        yield dateobs < str(day_of(end) + np.timedelta64(1, 'D'))


def _order(session: Session) -> tuple[sa.ColumnElement, sa.ColumnElement]:
    """ORDER BY for the rows of one telescope, so that they always come in the same order."""
    return session.column_or_null(PHOT.c.dateobs), session.column_or_null(PHOT.c.name)


def _distinct(session: Session, *names: str) -> list[tuple]:
    """Distinct combinations of values of text columns, sorted; rows in which any of these is NULL do not count."""
    with session.transaction() as connection:
        rows = connection.execute(session.select(PHOT, *names).distinct())
        return sorted(tuple(row) for row in rows if all(isinstance(part, str) for part in row))


# -- rows to arrays ----------------------------------------------------------------------------------------------------


def _column_chunks(connection: sa.Connection, statement: sa.Select, names: Sequence[str]) -> Iterator[dict[str, tuple]]:
    """Yield chunks of READ_CHUNK rows as columns, with the driver's own rows: SQLAlchemy's take as long again."""
    cursor = connection.execute(statement).cursor
    assert cursor is not None, 'a SELECT has one'
    while rows := cursor.fetchmany(READ_CHUNK):
        yield dict(zip(names, zip(*rows, strict=True), strict=True))


def _add(digest: RowDigest, columns: dict[str, tuple]) -> None:
    """Update a digest with a chunk of its columns."""
    digest.add(len(columns[digest.names[0]]), starmap(column_bytes, columns.items()))


def _read_columns(connection: sa.Connection, statement: sa.Select, names: Sequence[str],
                  digest: RowDigest | None) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Read rows in chunks: arrays (n,) by column, and the number of the exposure of each row (n,).

    The statement selects the columns of these names, among them `name` and `frame`; columns that are not read are
    filled with their missing values.
    """
    parts = {name: [CONVERTERS[name](())] for name in names if name != 'frame'}
    numbers: dict[str, int] = {}
    exposures = [np.empty(0, dtype=np.int64)]
    for columns in _column_chunks(connection, statement, names):
        if digest is not None:
            _add(digest, columns)
        for name in parts:
            parts[name].append(CONVERTERS[name](columns[name]))
        chunk = (frame or exposure_of(text_of(name))
                 for frame, name in zip(columns['frame'], columns['name'], strict=True))
        exposures.append(np.array([numbers.setdefault(exposure, len(numbers)) for exposure in chunk]))
    read = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    length = len(read['name'])
    missing = {name: np.repeat(convert((None,)), length) for name, convert in CONVERTERS.items() if name not in parts}
    return read | missing, np.concatenate(exposures)


def _within(dateobs: np.ndarray, start: np.datetime64 | None, end: np.datetime64 | None) -> np.ndarray:
    """Mask of the times with start <= time < end; None for no limit."""
    keep = np.ones(len(dateobs), bool)
    if start is not None:
        keep &= dateobs >= start
    if end is not None:
        keep &= dateobs < end
    return keep


def _best_of_exposure(names: np.ndarray, exposures: np.ndarray, processed: np.ndarray) -> np.ndarray:
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


def _in_order_of_time(columns: dict[str, np.ndarray], keep: np.ndarray) -> Zeropoints:
    """The rows of a mask, with base names, in order of time."""
    rows = np.flatnonzero(keep)
    rows = rows[np.argsort(columns['dateobs'][rows], kind='stable')]
    columns = {name: values[rows] for name, values in columns.items()}
    columns['name'] = names_of(base_name(name) if os.sep in name else name for name in columns['name'])
    return Zeropoints(**columns)
