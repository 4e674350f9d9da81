"""Measured frames, rows of `lcophot`: they are stored, and frames that have one are found.

A frame is known by its base name.  Older rows have a full path for a name: the same frame, which keeps its row.  The
column `frame` holds the exposure; rows are looked up by it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from photzp.database.dialects import IN_CHUNK, chunks_of, upsert
from photzp.database.session import Session
from photzp.database.tables import PHOT, REJECT
from photzp.database.values import key_of, row_of, text_of
from photzp.measurements import Measurement
from photzp.names import base_name, exposure_of, level_of


def add(session: Session, measurement: Measurement) -> None:
    """Store one measurement: see `add_many`.

    Parameters
    ----------
    session : Session
        The database.
    measurement : Measurement
        In place of an earlier one of the same frame.
    """
    add_many(session, [measurement])


def add_many(session: Session, measurements: Iterable[Measurement]) -> None:
    """Store measurements in one transaction; each replaces all columns of an earlier row of the same frame.

    A row that has a full path of the frame for its name keeps it.  What `photreject` has under the same base name is
    removed.

    Parameters
    ----------
    session : Session
        The database.
    measurements : iterable of Measurement
        Of several of one frame the last counts.
    """
    processed = session.stamp()
    rows = {key_of(measurement.name): row_of(measurement, processed=processed) for measurement in measurements}
    if not rows:
        return
    with session.writing() as connection:
        keys = _keys_of(session, connection, rows)
        upsert(connection, PHOT, [row | {'name': keys[name]} for name, row in rows.items()])
        for names in chunks_of(list(rows), IN_CHUNK):
            connection.execute(sa.delete(REJECT).where(REJECT.c.name.in_(names)))


def _keys_of(session: Session, connection: sa.Connection, names: Iterable[str]) -> dict[str, str]:
    """The key under which each base name is stored: itself, unless only a full path of it is stored."""
    stored = set(_stored_names(session, connection, {exposure_of(name) for name in names}))
    paths = {base_name(key): key for key in sorted(stored)}
    return {name: name if name in stored else paths.get(name, name) for name in names}


def _stored_names(session: Session, connection: sa.Connection, exposures: Iterable[str]) -> Iterator[str]:
    """Yield the names of all rows of these exposures, and of the rows of an older program, without an exposure."""
    frame, name = session.column_or_null(PHOT.c.frame), session.column_or_null(PHOT.c.name)
    names = session.select(PHOT, 'name')
    yield from map(text_of, connection.scalars(names.where(frame.is_(None), name.is_not(None))))
    for chunk in chunks_of(list(exposures), IN_CHUNK):
        yield from connection.scalars(names.where(frame.in_(chunk)))


def measured_names(session: Session, connection: sa.Connection, names: Iterable[str]) -> set[str]:
    """Which frames have a row, or a row of a higher level of the same exposure.

    Parameters
    ----------
    session : Session
        The database.
    connection : sqlalchemy.Connection
        In a transaction of the session.
    names : iterable of str
        Base names.

    Returns
    -------
    set of str
        Those of the names.
    """
    exposures = {name: exposure_of(name) for name in names}
    rows = defaultdict(set)
    for key in _stored_names(session, connection, set(exposures.values())):
        rows[exposure_of(key)].add(base_name(key))
    return {
        name
        for name, exposure in exposures.items()
        if name in rows[exposure] or any(level_of(name) < level_of(stored) for stored in rows[exposure])
    }
