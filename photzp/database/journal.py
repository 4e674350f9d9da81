"""The journal of an SQLite file: a write-ahead log where the file system has shared memory, else a rollback journal."""

import logging
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

log = logging.getLogger('photzp.database')

_MOUNTINFO = Path('/proc/self/mountinfo')  # Linux only; elsewhere SQLite's own answer has to do
# File systems without the shared memory that SQLite's write-ahead log needs (https://sqlite.org/wal.html).
_REMOTE_FILE_SYSTEMS = re.compile(
    r'nfs\d?|cifs|smb\w*|ncpfs|afs|coda|9p|virtiofs|fuse\..*|lustre|ceph|glusterfs|gpfs|beegfs|panfs|orangefs|pvfs2'
    r'|ocfs2|gfs2'
)


def choose_journal(engine: sa.Engine, file: Path) -> None:
    """Set a write-ahead log on a local file system (readers never wait), a rollback journal on a remote one.

    A remote file system costs one warning; a journal that cannot be changed now, a line of information.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Of the file.
    file : Path
        The database.
    """
    remote = _remote_file_system(file)
    mode = 'delete' if remote else 'wal'
    if remote:
        log.warning('%s is on a network file system (%s): slower, and only as safe as its locks', file, remote)
    with closing(engine.raw_connection()) as connection:
        try:
            for statement in ('PRAGMA journal_mode', f'PRAGMA journal_mode={mode}'):
                answer = connection.cursor().execute(statement).fetchone()[0]
                if answer == mode:
                    return
        except sqlite3.Error as error:
            answer = f'{error}'  # another process is changing it: this one, or the next, works with either
    log.info('%s: journal mode is not %s (%s); it works all the same', file, mode, answer)


def _remote_file_system(path: Path) -> str:
    """Type of the network file system that a path is on, '' where it is a local or an unknown one."""
    try:
        kind = _file_system_type(path.resolve(), _MOUNTINFO.read_text(errors='surrogateescape'))
    except OSError:
        return ''
    return kind if _REMOTE_FILE_SYSTEMS.fullmatch(kind) else ''


def _file_system_type(path: Path, mountinfo: str) -> str:
    """Type of the file system of an absolute path, from the text of /proc/self/mountinfo (see `man 5 proc`).

    Of all mount points above the path the longest counts, of equal ones the last, which hides those before.
    """
    longest, kind = '', ''
    for line in mountinfo.splitlines():
        before, _, after = line.partition(' - ')
        point = re.sub(r'\\([0-7]{3})', lambda match: chr(int(match[1], 8)), (before.split() + [''] * 5)[4])
        if point and path.is_relative_to(point) and len(point) >= len(longest):
            longest, kind = point, (after.split() or [''])[0]
    return kind
