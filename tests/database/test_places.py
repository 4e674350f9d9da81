"""Where a database may be, and what is said when it cannot be used there."""

import logging
import os
import sqlite3
import stat
import tempfile
import traceback
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from photdbinterface import Measurement, PhotDatabase, RejectedFrame, file_system_type, without_passwords
from photzp.database import places
from photzp.errors import DatabaseUnusable

FRAME = Measurement('x-1-e91.fits', '2019-08-05 01:00:00.000', 'lsc', 'doma', '1m0a', 'fa15', 'gp', 1.5, 24.0, 0.3, 0.1)


def journal_mode(file):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute('PRAGMA journal_mode').fetchone()[0]


@pytest.mark.parametrize(
    ('place', 'file'),
    [
        ('new.db', 'new.db'),
        ('.', 'lcophotzp.db'),
        ('deep/er/', 'deep/er/lcophotzp.db'),
        ('deep/er/zp', 'deep/er/zp'),
        ('a b/50% #1?mode=ro&x.db', 'a b/50% #1?mode=ro&x.db'),
        ('~/plots', 'home/plots'),
        ('sqlite:///{}/by/url.db', 'by/url.db'),
        ('sqlite:///~/', 'home/lcophotzp.db'),
    ],
)
def test_a_place_is_a_file_a_directory_or_a_url(tmp_path, monkeypatch, place, file):
    (tmp_path / 'home').mkdir()
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    monkeypatch.chdir(tmp_path)
    with PhotDatabase(place.format(tmp_path)) as db:
        db.add(FRAME)
        assert (tmp_path / file).samefile(db.place)
    assert PhotDatabase.exists(place.format(tmp_path))
    with PhotDatabase(place.format(tmp_path), readonly=True) as db:
        assert len(db.zeropoints()) == 1


def test_the_default_name_in_a_directory_may_be_another(tmp_path):
    with PhotDatabase(tmp_path, default_name='imagezp.db') as db:
        assert db.place == str(tmp_path / 'imagezp.db')


def test_a_database_in_memory_needs_no_file():
    with PhotDatabase('sqlite://') as db:
        db.add(FRAME)
        assert len(db.zeropoints()) == 1


def test_a_database_of_something_else_reads_as_empty_and_keeps_its_tables(tmp_path):
    file = tmp_path / 'other.db'
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute('CREATE TABLE notes (text TEXT)')
    with PhotDatabase(file, readonly=True) as db:
        assert (len(db.zeropoints()), db.telescopes(), db.runs(), db.rejections()) == (0, [], [], [])
        assert (db.known(['x-1-e91.fits']), len(db.model('a', 'b').modelzp)) == ({}, 0)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute('SELECT name FROM sqlite_master').fetchall() == [('notes',)]


# -- journal -----------------------------------------------------------------------------------------------------------

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
    assert file_system_type(path, MOUNTS) == kind


def mounted(monkeypatch, tmp_path, kind):
    """Make the module believe that tmp_path is a mount of this kind."""
    mountinfo = tmp_path / 'mountinfo'
    mountinfo.write_text(f'27 1 254:0 / / rw - ext4 /dev/vda rw\n31 27 0:44 / {tmp_path} rw - {kind} there rw\n')
    monkeypatch.setattr(places, 'MOUNTINFO', mountinfo)


@pytest.mark.parametrize('kind', ['nfs', 'nfs4', 'cifs', 'smb3', 'fuse.glusterfs', '9p', 'lustre', 'ceph'])
def test_on_a_network_file_system_there_is_a_rollback_journal_and_one_warning(monkeypatch, tmp_path, caplog, kind):
    PhotDatabase(tmp_path / 'zp.db').close()
    mounted(monkeypatch, tmp_path, kind)
    caplog.clear()
    with PhotDatabase(tmp_path / 'zp.db') as db:
        db.add(FRAME)
        assert journal_mode(tmp_path / 'zp.db') == 'delete'
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [kind in record.getMessage() for record in warnings] == [True]


@pytest.mark.parametrize('kind', ['ext4', 'xfs', 'overlay', 'fuseblk', 'tmpfs'])
def test_on_a_local_file_system_there_is_a_write_ahead_log(monkeypatch, tmp_path, caplog, kind):
    mounted(monkeypatch, tmp_path, kind)
    with PhotDatabase(tmp_path / 'zp.db') as db:
        db.add(FRAME)
        assert journal_mode(tmp_path / 'zp.db') == 'wal'
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_where_the_system_does_not_tell_its_mounts_sqlite_decides(monkeypatch, tmp_path):
    monkeypatch.setattr(places, 'MOUNTINFO', tmp_path / 'no such file')
    PhotDatabase(tmp_path / 'zp.db').close()
    assert journal_mode(tmp_path / 'zp.db') == 'wal'


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def unprivileged():
    """A directory whose permissions count: for the time of the test root becomes nobody."""
    pytest.importorskip('alembic.operations')  # now, as nobody may not be allowed to read it
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if os.geteuid() != 0:
            yield directory
            directory.chmod(0o755)
            return
        os.chown(directory, 65534, 65534)
        os.setresuid(65534, 65534, 0)
        try:
            yield directory
        finally:
            os.setresuid(0, 0, 0)


def refused(place, *texts, **options):
    """The database is refused, and the message has the path and these words."""
    with pytest.raises(DatabaseUnusable) as caught:
        PhotDatabase(place, **options).close()
    for text in (str(place), *texts):
        assert text in str(caught.value)


def test_a_file_that_is_no_database(tmp_path):
    file = tmp_path / 'image.fits'
    file.write_bytes(b'SIMPLE  =                    T' * 200)
    refused(file, 'not a database', 'name another')
    refused(file, 'not a database', readonly=True)
    assert file.read_bytes() == b'SIMPLE  =                    T' * 200


def test_a_database_that_is_not_there_cannot_be_read(tmp_path):
    refused(tmp_path / 'none.db', 'no such database', readonly=True)
    refused(tmp_path, 'no such database', readonly=True)
    assert not PhotDatabase.exists(tmp_path / 'none.db')
    assert not PhotDatabase.exists(tmp_path)
    assert PhotDatabase.exists('postgresql://me@host/zp')
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').touch()
    refused(tmp_path / 'file' / 'sub' / 'zp.db', 'cannot be made', 'name another')


def test_a_read_only_file_or_directory_can_be_read_but_not_written(unprivileged):
    file = unprivileged / 'zp.db'
    with PhotDatabase(file) as db:
        db.add(FRAME)
    file.chmod(stat.S_IREAD)
    refused(file, 'read-only', 'make it writable')
    file.chmod(0o644)
    unprivileged.chmod(0o555)
    refused(file, f'{unprivileged} is read-only')
    refused(unprivileged / 'new.db', f'{unprivileged} is read-only')
    refused(unprivileged / 'sub' / 'new.db', 'cannot be made')
    with PhotDatabase(file, readonly=True) as db:
        assert len(db.zeropoints()) == 1


def test_a_copy_that_cannot_be_made_prevents_the_upgrade(tmp_path, monkeypatch):
    file = tmp_path / 'zp.db'
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute('CREATE TABLE lcophot (name TEXT PRIMARY KEY, dateobs TEXT)')

    def no_room(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(places.shutil, 'copymode', no_room)
    refused(file, 'No space left', 'before-upgrade')
    assert [path.name for path in tmp_path.iterdir()] == ['zp.db']
    with closing(sqlite3.connect(file)) as connection:
        assert [row[1] for row in connection.execute('PRAGMA table_info(lcophot)')] == ['name', 'dateobs']
        assert connection.execute('SELECT name FROM sqlite_master').fetchone() == ('lcophot',)


def test_a_lock_that_is_not_released(tmp_path, monkeypatch):
    monkeypatch.setattr(places, 'BUSY_TIMEOUT_S', 0.05)
    with PhotDatabase(tmp_path) as db, closing(sqlite3.connect(db.place, isolation_level=None)) as other:
        other.execute('BEGIN IMMEDIATE')
        with pytest.raises(DatabaseUnusable, match=r'lcophotzp.db.*locked.*another process'):
            db.add(FRAME)
        refused(tmp_path, 'locked')
        assert len(db.zeropoints()) == 0
        other.execute('ROLLBACK')
        db.add(FRAME)
        assert len(db.zeropoints()) == 1


def test_a_full_disk(tmp_path):
    def small(connection, _record):
        connection.execute('PRAGMA max_page_count=40')

    PhotDatabase(tmp_path).close()
    sa.event.listen(sa.Engine, 'connect', small)
    try:
        with PhotDatabase(tmp_path) as db:
            db.add(FRAME)
            with pytest.raises(DatabaseUnusable, match=r'lcophotzp.db.*full.*make room'):
                db.reject_many(RejectedFrame(f'{at}-e91.fits', 'x' * 100) for at in range(5000))
            assert len(db.zeropoints()) == 1
            assert db.rejections() == []
    finally:
        sa.event.remove(sa.Engine, 'connect', small)


@pytest.mark.parametrize(
    'url',
    [
        'postgresql://me:{}@127.0.0.1:1/zp',
        'postgresql+psycopg://127.0.0.1:1/zp?user=me&password={}',
        'postgresql://me:x@y{}@127.0.0.1:1/zp',
        'postgresql://me:x/{}@127.0.0.1/zp?connect_timeout=1',
        'postgresql://me:@{}:{}/zp',
        'mysql://me:{}@127.0.0.1/zp',
        'nonsense://me:{}@127.0.0.1/zp',
        'postgresql+nonsense://me:{}@127.0.0.1/zp',
    ],
)
@pytest.mark.parametrize('secret', ['s3cret', 's3cr%23t'])
def test_no_message_has_a_password(url, secret, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(DatabaseUnusable) as caught:
        PhotDatabase(url.format(secret, secret)).close()
    said = ''.join(traceback.format_exception(caught.value, chain=True)).split('DatabaseUnusable: ')[1] + caplog.text
    assert 's3cr' not in said


def test_the_password_is_taken_out_of_any_text():
    assert without_passwords('no pg://me:a@b:c@host/db here') == 'no pg://me:***@host/db here'
    assert without_passwords('pg://host:5432/db') == 'pg://host:5432/db'
    assert without_passwords('{"db": "pg://me:a\\"b@host", "x": "a@b"}') == '{"db": "pg://me:***@host", "x": "a@b"}'
    assert without_passwords('pg://host/db?user=me&password=abc&x=1') == 'pg://host/db?user=me&password=***&x=1'


def test_a_driver_that_repeats_the_password_is_not_quoted(monkeypatch):
    def fails(*_, **__):
        raise sa.exc.ArgumentError('cannot open host 127.0.0.1 as me with s3cr@t or s3cr%40t')

    monkeypatch.setattr(places.sa, 'create_engine', fails)
    with pytest.raises(DatabaseUnusable, match=r'with \*\*\* or \*\*\*') as caught:
        PhotDatabase('postgresql://me:s3cr%40t@127.0.0.1/zp')
    assert 'postgresql+psycopg://me:***@127.0.0.1/zp' in str(caught.value)


def test_a_copy_is_whole_and_replaces_an_older_one(tmp_path):
    with PhotDatabase(tmp_path / 'own.db') as db:
        db.add(FRAME)
        db.backup(tmp_path / 'copy.db')
        db.add(replace(FRAME, name='x-2-e91.fits'))  # the write-ahead log holds it now
        db.backup(tmp_path / 'copy.db')
    with PhotDatabase(tmp_path / 'copy.db', readonly=True) as copy:
        assert set(copy.zeropoints().name) == {'x-1-e91.fits', 'x-2-e91.fits'}
    assert not list(tmp_path.glob('*.partial'))


def test_a_copy_that_cannot_be_made_leaves_the_older_one(tmp_path):
    with PhotDatabase(tmp_path / 'own.db') as db:
        with pytest.raises(DatabaseUnusable, match=r'no/such/copy\.db: the copy cannot be written .* see --backup'):
            db.backup(tmp_path / 'no' / 'such' / 'copy.db')
        (tmp_path / 'link.db').symlink_to(tmp_path / 'own.db')
        with pytest.raises(DatabaseUnusable, match='is the database itself'):
            db.backup(tmp_path / 'link.db')
    with PhotDatabase('sqlite://') as memory, pytest.raises(DatabaseUnusable, match='pg_dump'):
        memory.backup(tmp_path / 'copy.db')
    assert not (tmp_path / 'copy.db').exists()
