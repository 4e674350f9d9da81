"""Throughput models: their nights (`telescopemodel`), and how they are made up (`throughputinterval`, `-step`)."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import ArrayLike

from photzp.database.dialects import WRITE_CHUNK, chunks_of, lock
from photzp.database.session import Session
from photzp.database.tables import INTERVAL, MODEL, STEP
from photzp.database.values import instants_of, numbers_of, plain
from photzp.records import StoredModel


def store_model(session: Session, telescopeid: str, filter: str, dateobs: ArrayLike,  # noqa: A002, PLR0913 (columns)
                modelzp: ArrayLike, modelzperr: ArrayLike | None = None,
                intervals: Iterable[dict[str, Any]] = (), steps: Iterable[dict[str, Any]] = ()) -> None:
    """Replace the throughput model of one telescope and filter, in one transaction.

    Parameters
    ----------
    session : Session
        The database.
    telescopeid, filter : str
        site-enclosure-telescope, and the filter as reported.
    dateobs : array_like of datetime64, shape (n,)
        Times of the nightly model, in any order.
    modelzp, modelzperr : array_like of float, shape (n,)
        Zeropoint with error [mag]; NaN where missing, the errors None where all are.
    intervals, steps : iterable of dict
        Columns of `throughputinterval` and `throughputstep`.

    Raises
    ------
    ValueError
        The arrays of the model differ in length, or a time is missing.
    """
    dateobs = np.asarray(dateobs, dtype='datetime64[ms]')
    modelzperr = np.full(len(dateobs), np.nan) if modelzperr is None else modelzperr
    if np.isnat(dateobs).any():
        raise ValueError('a throughput model needs a time in every row')
    times = [text.replace('T', ' ') for text in np.datetime_as_string(dateobs).tolist()]  # as `time_text`, at once
    columns = zip(times, np.asarray(modelzp).tolist(), np.asarray(modelzperr).tolist(), strict=True)
    nightly = [{'dateobs': time, 'modelzp': zp, 'modelzperr': zperr} for time, zp, zperr in columns]
    series = {'telescopeid': telescopeid, 'filter': filter}
    with session.writing() as connection:
        lock(connection, f'{telescopeid} {filter}')  # else two processes delete the same rows, and both add theirs
        for table, rows in ((MODEL, nightly), (INTERVAL, intervals), (STEP, steps)):
            rows = [series | {name: plain(value) for name, value in row.items()} for row in rows]
            connection.execute(sa.delete(table).where(*(table.c[name] == value for name, value in series.items())))
            for chunk in chunks_of(rows, WRITE_CHUNK):
                connection.execute(sa.insert(table).inline(), chunk)


def model(session: Session, telescopeid: str, filter: str) -> StoredModel:  # noqa: A002 (the name of the column)
    """The stored model of one telescope and filter.

    Parameters
    ----------
    session : Session
        The database.
    telescopeid, filter : str
        site-enclosure-telescope, and the filter as reported.

    Returns
    -------
    StoredModel
        Of length 0 where there is none.
    """
    rows = _rows(session, MODEL, telescopeid, filter)
    dateobs = instants_of([row['dateobs'] for row in rows])
    modelzp, modelzperr = (numbers_of([row[name] for row in rows]) for name in ('modelzp', 'modelzperr'))
    order = np.argsort(dateobs, kind='stable')
    return StoredModel(dateobs[order], modelzp[order], modelzperr[order])


def intervals_and_steps(session: Session, telescopeid: str,
                        filter: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:  # noqa: A002 (as above)
    """Stored intervals and steps of the model of one telescope and filter.

    Parameters
    ----------
    session : Session
        The database.
    telescopeid, filter : str
        site-enclosure-telescope, and the filter as reported.

    Returns
    -------
    intervals, steps : list of dict
        Columns of `throughputinterval` and `throughputstep`, all but the number of the row.
    """
    return _rows(session, INTERVAL, telescopeid, filter), _rows(session, STEP, telescopeid, filter)


def _rows(session: Session, table: sa.Table, telescopeid: str, filter_name: str) -> list[dict[str, Any]]:
    """Rows of one telescope and filter, by column, without their numbers."""
    names = [column.name for column in table.columns if not column.primary_key]
    telescope, band = session.column_or_null(table.c.telescopeid), session.column_or_null(table.c.filter)
    with session.transaction() as connection:
        rows = connection.execute(session.select(table, *names).where(telescope == telescopeid, band == filter_name))
        return [dict(zip(names, row, strict=True)) for row in rows]
