"""Where a database may be: a file, a directory or a URL; files that cannot be used are refused early."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from photdbinterface import PhotDatabase
from tests.support.databaserows import measured, refused


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
        db.add(measured())
        assert (tmp_path / file).samefile(db.place)
    assert PhotDatabase.exists(place.format(tmp_path))
    with PhotDatabase(place.format(tmp_path), readonly=True) as db:
        assert len(db.zeropoints()) == 1


def test_the_default_name_in_a_directory_may_be_another(tmp_path):
    with PhotDatabase(tmp_path, default_name='imagezp.db') as db:
        assert db.place == str(tmp_path / 'imagezp.db')


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
        db.add(measured())
    file.chmod(stat.S_IREAD)
    refused(file, 'read-only', 'make it writable')
    file.chmod(0o644)
    unprivileged.chmod(0o555)
    refused(file, f'{unprivileged} is read-only')
    refused(unprivileged / 'new.db', f'{unprivileged} is read-only')
    refused(unprivileged / 'sub' / 'new.db', 'cannot be made')
    with PhotDatabase(file, readonly=True) as db:
        assert len(db.zeropoints()) == 1
