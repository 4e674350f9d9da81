"""Where a database is: a file, a directory, or an SQLAlchemy URL of SQLite or PostgreSQL."""

import os
import re
from pathlib import Path
from urllib.parse import quote, quote_plus

import sqlalchemy as sa
from sqlalchemy import exc

from photzp.errors import DatabaseUnusable

Place = str | os.PathLike[str] | sa.URL  # a file, a directory or a URL
_KINDS = ('sqlite', 'postgresql')


def locate(place: Place, default_name: str) -> tuple[sa.URL, Path | None]:
    """Find out which database a place names.

    Parameters
    ----------
    place : str, os.PathLike or sqlalchemy.URL
        A file, a directory (which need not exist if the path ends in a slash), or a URL; `~` is expanded.
    default_name : str
        Name of the file in a directory.

    Returns
    -------
    url : sqlalchemy.URL
        With the driver.
    file : Path or None
        None where the database is not an SQLite file.

    Raises
    ------
    DatabaseUnusable
        For a URL that cannot be understood or names another kind of database.
    """
    url = sa.URL.create('sqlite')
    if isinstance(place, sa.URL) or re.match(r'[A-Za-z][\w+]*://', os.fspath(place)):
        url = _parse_url(place if isinstance(place, sa.URL) else os.fspath(place))
        if url.get_backend_name() != 'sqlite' or (url.database or ':memory:').startswith((':', 'file:')):
            return url, None
        if url.query:
            raise DatabaseUnusable('the URL of an SQLite file takes no options; leave out what follows the ?')
        place = str(url.database)
    text = os.path.expanduser(os.fspath(place))
    file = Path(text)
    if text.endswith(os.sep) or file.is_dir():
        file = file / default_name
    return url.set(database=str(file)), file


def _parse_url(text: str | sa.URL) -> sa.URL:
    """SQLAlchemy URL of a text.  No message repeats the text: its password cannot be recognised."""
    rule = ('a database URL is dialect://user:password@host/name, with characters like @ : / in the password '
            'percent-encoded')
    try:
        url = sa.make_url(text)
    except (exc.ArgumentError, ValueError):
        raise DatabaseUnusable(f'the URL of the database cannot be understood; {rule}') from None
    if '@' in (url.host or ''):
        raise DatabaseUnusable(f'the URL of the database has more than one @; {rule}')
    if url.get_backend_name() not in _KINDS:
        kind = url.get_backend_name()
        raise DatabaseUnusable(f'a database may be {" or ".join(_KINDS)}, not {kind}; name another database')
    return url.set(drivername='postgresql+psycopg') if url.drivername == 'postgresql' else url


def secrets_of(url: sa.URL) -> set[str]:
    """All forms in which the password of a URL may turn up in a message.

    Parameters
    ----------
    url : sqlalchemy.URL
        As `locate` returns it.

    Returns
    -------
    set of str
        The password and the values of options like it, as they are and percent-encoded.
    """
    words = [url.password, *(value for key, value in url.query.items() if 'pass' in key.lower())]
    return {form for word in words if word for form in (str(word), quote(str(word), safe=''), quote_plus(str(word)))}


def exists(place: Place, *, default_name: str = 'lcophotzp.db') -> bool:
    """Whether there is a database at a place.

    Parameters
    ----------
    place, default_name
        As for `locate`.

    Returns
    -------
    bool
        True for a server, whose databases are only seen on opening.
    """
    _, file = locate(place, default_name)
    return file is None or file.is_file()


def check_file(file: Path, readonly: bool) -> None:
    """Make the parent directories of a database file, and refuse it early where it cannot be used.

    Parameters
    ----------
    file : Path
        The database; where it is written to, it may be missing.
    readonly : bool
        Only check that the file exists.

    Raises
    ------
    DatabaseUnusable
        With the reason, and what to do.
    """
    if readonly:
        if not file.is_file():
            raise DatabaseUnusable(f'{file}: there is no such database; measure some frames first, or name another')
        return
    if file.exists() and not file.is_file():  # SQLite would wait for a FIFO for ever
        raise DatabaseUnusable(f'{file}: is not a regular file; name another database')
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnusable(
            f'{file}: its directory cannot be made ({error.strerror}); name another database') from None
    for path in (file.parent, file):
        if path.exists() and not os.access(path, os.W_OK):
            raise DatabaseUnusable(
                f'{file}: a database is written to, and {path} is read-only; make it writable, or name another database'
            )
