"""Before an older database is upgraded it is copied, or it is not upgraded; see also test_upgrade.py."""

import sqlite3
from contextlib import closing

from photzp.database import backups
from tests.support.databaserows import refused


def test_a_copy_that_cannot_be_made_prevents_the_upgrade(tmp_path, monkeypatch):
    file = tmp_path / 'zp.db'
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute('CREATE TABLE lcophot (name TEXT PRIMARY KEY, dateobs TEXT)')

    def no_room(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(backups.shutil, 'copymode', no_room)
    refused(file, 'No space left', 'before-upgrade')
    assert [path.name for path in tmp_path.iterdir()] == ['zp.db']
    with closing(sqlite3.connect(file)) as connection:
        assert [row[1] for row in connection.execute('PRAGMA table_info(lcophot)')] == ['name', 'dateobs']
        assert connection.execute('SELECT name FROM sqlite_master').fetchone() == ('lcophot',)
