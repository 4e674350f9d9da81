"""Databases of both kinds; each test has a new one."""

import sqlite3

import pytest
import sqlalchemy as sa

from photdbinterface import PhotDatabase
from tests.support.databaserows import clock


@pytest.fixture(autouse=True, scope='package')
def _no_waiting_for_the_disk():
    """Nobody pulls the plug in these tests: SQLite need not wait until the disk has written."""

    def hurry(connection, _record):
        if isinstance(connection, sqlite3.Connection):
            connection.execute('PRAGMA synchronous=OFF')

    sa.event.listen(sa.Engine, 'connect', hurry)
    yield
    sa.event.remove(sa.Engine, 'connect', hurry)


@pytest.fixture(params=['sqlite', 'postgresql'])
def place(request, tmp_path):
    """A new place for a database."""
    return tmp_path / 'zeropoints.db' if request.param == 'sqlite' else request.getfixturevalue('postgresql_schema')


@pytest.fixture
def db(place):
    """A new database."""
    with PhotDatabase(place, now=clock()) as database:
        yield database
