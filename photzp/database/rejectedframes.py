"""Frames that were opened but not measured, rows of `photreject`, and which frames need not be opened again."""

from collections.abc import Callable, Iterable

import sqlalchemy as sa

from photzp.database.dialects import IN_CHUNK, chunks_of, upsert
from photzp.database.measuredframes import measured_names
from photzp.database.session import Session
from photzp.database.tables import REJECT
from photzp.database.values import key_of, number_of, row_of
from photzp.errors import EXPOSURE_TOO_SHORT
from photzp.measurements import RejectedFrame

FileStat = Callable[[str], tuple[int, int]]  # name of a frame -> size [bytes], mtime [ns]


def reject(session: Session, rejected: RejectedFrame) -> None:
    """Store one frame that was opened but not measured: see `reject_many`.

    Parameters
    ----------
    session : Session
        The database.
    rejected : RejectedFrame
        Replaces an earlier rejection of the same frame.
    """
    reject_many(session, [rejected])


def reject_many(session: Session, rejected: Iterable[RejectedFrame]) -> None:
    """Store frames that were opened but not measured, in one transaction; measurements of theirs stay in `lcophot`.

    Parameters
    ----------
    session : Session
        The database.
    rejected : iterable of RejectedFrame
        Replace earlier rejections of the same frames; of several for one frame, the last is stored.
    """
    looked = session.stamp()
    rows = {key_of(frame.name): row_of(frame, looked=looked) for frame in rejected}
    if rows:
        with session.writing() as connection:
            upsert(connection, REJECT, [row | {'name': name} for name, row in rows.items()])


def rejections(session: Session) -> list[RejectedFrame]:
    """All frames stored as rejected.

    Parameters
    ----------
    session : Session
        The database.

    Returns
    -------
    list of RejectedFrame
        Sorted by name.
    """
    names = ('name', 'reason', 'detail', 'retry', 'size', 'mtime', 'exptime')
    with session.transaction() as connection:
        rows = connection.execute(session.select(REJECT, *names)).all()
    frames = [RejectedFrame(name=row.name, reason=row.reason, detail=row.detail, retry=row.retry, size=row.size,
                            mtime=row.mtime, exptime_s=row.exptime) for row in rows]
    return sorted(frames, key=lambda frame: frame.name)


def rejected_for(session: Session, reason: str) -> set[str]:
    """Which frames were rejected for a given reason, by their latest rejection.

    Parameters
    ----------
    session : Session
        The database.
    reason : str
        Name of an `errors.Reason`.

    Returns
    -------
    set of str
        Base names.
    """
    statement = session.select(REJECT, 'name').where(session.column_or_null(REJECT.c.reason) == reason)
    with session.transaction() as connection:
        return {key_of(name) for name in connection.scalars(statement)}


def known(session: Session, names: Iterable[str], *, mintexp_s: float | None = None,
          stat: FileStat | None = None) -> dict[str, str]:
    """Which frames need not be opened again.

    A frame is measured if it has a row in `lcophot`, under its base name or a path, or if its exposure has one of a
    higher reduction level.  A frame is rejected if its base name has a row in `photreject` which does not say to retry,
    if its file has not changed since, and if it was not rejected only for an exposure time that is long enough now.

    Parameters
    ----------
    session : Session
        The database.
    names : iterable of str
        Base names or paths.
    mintexp_s : float or None
        Shortest exposure time that is measured now [s]; None to ignore exposure times.
    stat : callable or None
        Gives size [bytes] and mtime [ns] of the file of a name; called only for frames that count as rejected in all
        other respects.  Where it raises OSError, the frame is to be opened.  None takes all files as unchanged.

    Returns
    -------
    dict of str
        'measured' or 'rejected', by name; frames that are not in it are to be opened.
    """
    bases = {name: key_of(name) for name in names}
    with session.transaction() as connection:
        measured = measured_names(session, connection, set(bases.values()))
        rejected = _rejection_rows(session, connection, set(bases.values()) - measured)
    verdicts = {name: 'measured' for name, base in bases.items() if base in measured}
    for name, base in bases.items():
        if base in rejected and _still_rejected(rejected[base], name, mintexp_s, stat):
            verdicts[name] = 'rejected'
    return verdicts


def _rejection_rows(session: Session, connection: sa.Connection, names: Iterable[str]) -> dict[str, sa.Row]:
    """{base name: row of `photreject`} for those of the names that have one."""
    statement = session.select(REJECT, 'name', 'reason', 'retry', 'size', 'mtime', 'exptime')
    name = session.column_or_null(REJECT.c.name)
    chunks = (connection.execute(statement.where(name.in_(chunk))) for chunk in chunks_of(list(names), IN_CHUNK))
    return {row.name: row for rows in chunks for row in rows}


def _still_rejected(row: sa.Row, name: str, mintexp_s: float | None, stat: FileStat | None) -> bool:
    """Whether a frame would be rejected again for the reason in its row, as far as one can tell without opening it."""
    if row.retry:
        return False
    if row.reason == EXPOSURE_TOO_SHORT.name and mintexp_s is not None and not number_of(row.exptime) < mintexp_s:
        return False
    try:
        return stat is None or tuple(stat(name)) == (row.size, row.mtime)
    except OSError:
        return False
