"""Runs of the scripts, rows of `photrun`."""

import json
import os
import socket
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from photzp.database.session import Session
from photzp.database.tables import RUN
from photzp.database.values import text_of
from photzp.errors import ENDED_WELL
from photzp.plaintext import without_passwords
from photzp.records import Run


def start_run(session: Session, script: str, options: dict[str, Any], version: str) -> int:
    """Note that a script has started.

    Parameters
    ----------
    session : Session
        The database.
    script : str
        Its name.
    options : dict
        Stored as JSON, without the passwords of URLs.
    version : str
        Of the program.

    Returns
    -------
    int
        Number of the run.
    """
    row = {
        'script': script,
        'started': session.stamp(),
        'options': without_passwords(_json_text(options)),
        'version': version,
        'host': socket.gethostname(),
        'pid': os.getpid(),
    }
    with session.writing() as connection:
        key = connection.execute(sa.insert(RUN).values(row)).inserted_primary_key
    assert key is not None, 'one row was inserted'
    return key[0]


def finish_run(session: Session, run_id: int, status: int, counts: dict[str, int],
               per_telescope: dict[str, Any] | None = None) -> None:
    """Note that a run has ended.

    Parameters
    ----------
    session : Session
        The database.
    run_id : int
        Its number.
    status : int
        Its exit status.
    counts : dict
        Frames or series by outcome.
    per_telescope : dict of dict or None
        The same by telescope.
    """
    row = {
        'ended': session.stamp(),
        'status': int(status),
        'counts': _json_text(counts),
        'pertelescope': _json_text(per_telescope or {}),
    }
    with session.writing() as connection:
        connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(row))


def runs(session: Session, limit: int = 100, *, script: str | None = None) -> list[Run]:
    """The last runs.

    Parameters
    ----------
    session : Session
        The database.
    limit : int
        How many at most.
    script : str or None
        Name of the script; None takes all scripts.

    Returns
    -------
    list of Run
        The newest first.
    """
    statement = session.select(RUN, *(column.name for column in RUN.columns))
    if script is not None:
        statement = statement.where(session.column_or_null(RUN.c.script) == script)
    with session.transaction() as connection:
        rows = connection.execute(statement.order_by(session.column_or_null(RUN.c.id).desc()).limit(limit)).all()
    return [_run_of(row) for row in rows]


def last_run(session: Session, script: str) -> Run | None:
    """The newest run of a script.

    Parameters
    ----------
    session : Session
        The database.
    script : str
        Its name.

    Returns
    -------
    Run or None
        None where it never ran.
    """
    return next(iter(runs(session, 1, script=script)), None)


def last_good(session: Session, script: str) -> datetime | None:
    """When a script last ended well, with findings or without.

    Parameters
    ----------
    session : Session
        The database.
    script : str
        Its name.

    Returns
    -------
    datetime.datetime or None
        Naive, in UTC; None for never.
    """
    statement = sa.select(sa.func.max(session.column_or_null(RUN.c.ended))).where(
        session.column_or_null(RUN.c.script) == script, session.column_or_null(RUN.c.status).in_(ENDED_WELL))
    with session.transaction() as connection:
        ended = connection.execute(statement).scalar()
    return None if ended is None else datetime.fromisoformat(ended)


def _run_of(row: sa.Row) -> Run:
    """The run of a row; text that is not JSON reads as an empty dict, since no report should fail for it."""
    values = dict(row._mapping)
    per_telescope = _json_dict(values.pop('pertelescope'))
    jsons = {name: _json_dict(values[name]) for name in ('options', 'counts')}
    texts = {name: None if values[name] is None else text_of(values[name]) for name in ('started', 'ended')}
    status = values['status'] if isinstance(values['status'], int) else None
    return Run(**values | jsons | texts | {'status': status}, per_telescope=per_telescope)


def _json_text(value: object) -> str:
    """JSON of a value; numpy scalars as Python's, other types that JSON lacks as text."""
    return json.dumps(value, default=lambda part: part.item() if isinstance(part, np.generic) else str(part))


def _json_dict(text: object) -> dict[str, Any]:
    """The object in a text of JSON, an empty one where there is none."""
    try:
        value = json.loads(text_of(text))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
