"""SQLite keeps a write-ahead log on a local file system, and a rollback journal on one of a network."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from photdbinterface import PhotDatabase
from photzp.database import journal
from tests.support.databaserows import measured


def journal_mode(file):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute('PRAGMA journal_mode').fetchone()[0]


MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
31 27 0:44 / /data rw,relatime - nfs4 server:/data rw,vers=4.2
32 27 0:45 / /data/local\\040disk rw - xfs /dev/vdb rw
33 27 0:46 / /over rw - ext4 /dev/vdc rw
34 27 0:47 / /over rw - fuse.sshfs me@host:/ rw
garbage
"""


@pytest.mark.parametrize(
    ('path', 'kind'),
    [
        ('/home/me/zp.db', 'ext4'),
        ('/data/zp.db', 'nfs4'),
        ('/database/zp.db', 'ext4'),
        ('/data/local disk/zp.db', 'xfs'),
        ('/over/zp.db', 'fuse.sshfs'),
    ],
)
def test_the_file_system_is_that_of_the_longest_and_last_mount_point(path, kind):
    assert journal._file_system_type(Path(path), MOUNTS) == kind


def mounted(monkeypatch, tmp_path, kind):
    """Make the module believe that tmp_path is a mount of this kind."""
    mountinfo = tmp_path / 'mountinfo'
    mountinfo.write_text(f'27 1 254:0 / / rw - ext4 /dev/vda rw\n31 27 0:44 / {tmp_path} rw - {kind} there rw\n')
    monkeypatch.setattr(journal, '_MOUNTINFO', mountinfo)


@pytest.mark.parametrize('kind', ['nfs', 'nfs4', 'cifs', 'smb3', 'fuse.glusterfs', '9p', 'lustre', 'ceph'])
def test_on_a_network_file_system_there_is_a_rollback_journal_and_one_warning(monkeypatch, tmp_path, caplog, kind):
    PhotDatabase(tmp_path / 'zp.db').close()
    mounted(monkeypatch, tmp_path, kind)
    caplog.clear()
    with PhotDatabase(tmp_path / 'zp.db') as db:
        db.add(measured())
        assert journal_mode(tmp_path / 'zp.db') == 'delete'
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [kind in record.getMessage() for record in warnings] == [True]


@pytest.mark.parametrize('kind', ['ext4', 'xfs', 'overlay', 'fuseblk', 'tmpfs'])
def test_on_a_local_file_system_there_is_a_write_ahead_log(monkeypatch, tmp_path, caplog, kind):
    mounted(monkeypatch, tmp_path, kind)
    with PhotDatabase(tmp_path / 'zp.db') as db:
        db.add(measured())
        assert journal_mode(tmp_path / 'zp.db') == 'wal'
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_where_the_system_does_not_tell_its_mounts_sqlite_decides(monkeypatch, tmp_path):
    monkeypatch.setattr(journal, '_MOUNTINFO', tmp_path / 'no such file')
    PhotDatabase(tmp_path / 'zp.db').close()
    assert journal_mode(tmp_path / 'zp.db') == 'wal'
