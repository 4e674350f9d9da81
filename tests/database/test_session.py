"""Databases that are opened for reading or writing, and what is said when one cannot be used."""

import logging
import sqlite3
import traceback
from contextlib import closing

import pytest
import sqlalchemy as sa

from photdbinterface import PhotDatabase, RejectedFrame
from photzp.database import session
from photzp.errors import DatabaseUnusable
from tests.support.databaserows import E11, OTHER, measured, refused


def test_reading_only(db, place):
    db.add(measured())
    with PhotDatabase(place, readonly=True) as reader:
        assert list(reader.zeropoints().zp) == [24.125]
        assert reader.known([E11]) == {E11: 'measured'}
        for write in (lambda: reader.add(measured(OTHER)), lambda: reader.start_run('x', {}, '1')):
            with pytest.raises(DatabaseUnusable, match='reading only'):
                write()
    assert len(db.zeropoints()) == 1


def test_a_database_in_memory_needs_no_file():
    with PhotDatabase('sqlite://') as db:
        db.add(measured())
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


def test_a_file_that_is_no_database(tmp_path):
    file = tmp_path / 'image.fits'
    file.write_bytes(b'SIMPLE  =                    T' * 200)
    refused(file, 'not a database', 'name another')
    refused(file, 'not a database', readonly=True)
    assert file.read_bytes() == b'SIMPLE  =                    T' * 200


def test_a_lock_that_is_not_released(tmp_path, monkeypatch):
    monkeypatch.setattr(session, '_BUSY_TIMEOUT_S', 0.05)
    with PhotDatabase(tmp_path) as db, closing(sqlite3.connect(db.place, isolation_level=None)) as other:
        other.execute('BEGIN IMMEDIATE')
        with pytest.raises(DatabaseUnusable, match=r'lcophotzp.db.*locked.*another process'):
            db.add(measured())
        refused(tmp_path, 'locked')
        assert len(db.zeropoints()) == 0
        other.execute('ROLLBACK')
        db.add(measured())
        assert len(db.zeropoints()) == 1


def test_a_full_disk(tmp_path):
    def small(connection, _record):
        connection.execute('PRAGMA max_page_count=40')

    PhotDatabase(tmp_path).close()
    sa.event.listen(sa.Engine, 'connect', small)
    try:
        with PhotDatabase(tmp_path) as db:
            db.add(measured())
            with pytest.raises(DatabaseUnusable, match=r'lcophotzp.db.*full.*make room'):
                db.reject_many(RejectedFrame(name=f'{at}-e91.fits', reason='x' * 100) for at in range(5000))
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


def test_a_driver_that_repeats_the_password_is_not_quoted(monkeypatch):
    def fails(*_, **__):
        raise sa.exc.ArgumentError('cannot open host 127.0.0.1 as me with s3cr@t or s3cr%40t')

    monkeypatch.setattr(session.sa, 'create_engine', fails)
    with pytest.raises(DatabaseUnusable, match=r'with \*\*\* or \*\*\*') as caught:
        PhotDatabase('postgresql://me:s3cr%40t@127.0.0.1/zp')
    assert 'postgresql+psycopg://me:***@127.0.0.1/zp' in str(caught.value)
