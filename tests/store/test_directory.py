"""Files of a directory appear whole, and what a file system refuses is reported."""

import os
import time

import pytest

from photzp.errors import StoreFailed
from photzp.store.open import open_store
from tests.support.stores import FILES, PNG, fill


def test_unchanged_files_keep_their_time_and_changed_ones_are_replaced_as_a_whole(directory):
    fill(directory, FILES)
    for name in FILES:
        os.utime(directory.path / name, (1, 1))
    with (directory.path / 'index.html').open('rb') as reader:
        fill(directory, FILES | {'index.html': b'longer than before'})
        assert reader.read() == b'<p>'  # who reads the old page goes on reading it
    assert [name for name in FILES if (directory.path / name).stat().st_mtime != 1] == ['index.html']


def test_files_can_be_read_by_a_web_server(directory):
    before = os.umask(0o022)
    try:
        fill(directory, {'index.html': b'<p>'})
    finally:
        os.umask(before)
    assert (directory.path / 'index.html').stat().st_mode & 0o777 == 0o644


def test_temporary_files_of_killed_runs_are_removed_and_those_in_use_are_kept(directory):
    import fcntl

    fill(directory, FILES)
    killed, running = (directory.path / f'.index.html.partial-1-{number}' for number in (1, 2))
    killed.write_bytes(b'half')
    other = directory.path / '.partial-notes'
    other.write_text('mine')
    with running.open('wb') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with directory.open() as store:
            assert store.names() == set(FILES)
        assert (killed.exists(), running.exists(), other.exists()) == (False, True, True)


def test_temporary_files_do_not_pile_up_where_there_are_no_locks(directory, monkeypatch):
    fill(directory, FILES)
    monkeypatch.setattr('photzp.store.directory._try_lock', lambda file: False)
    old, young = (directory.path / f'.index.html.partial-1-{number}' for number in (1, 2))
    for path, days in ((old, 2), (young, 0.5)):
        path.write_bytes(b'half')
        os.utime(path, (time.time() - days * 86400,) * 2)
    with directory.open():
        assert (old.exists(), young.exists()) == (False, True)


def test_a_leftover_of_a_process_of_the_same_number_is_no_obstacle(directory, monkeypatch):
    """In a container every run may have the same number."""
    fill(directory, {})
    monkeypatch.setattr('photzp.store.directory._try_lock', lambda file: False)
    left = directory.path / f'.index.html.partial-{os.getpid()}-1'
    left.write_bytes(b'half')
    assert fill(directory, {'index.html': b'<p>'}) == (1, 0)
    assert (directory.path / 'index.html').read_bytes() == b'<p>'
    assert left.read_bytes() == b'half'  # it may be somebody's who is at it


def test_a_temporary_file_that_was_taken_away_is_written_again(directory, monkeypatch):
    replace, taken = os.replace, []

    def once_too_late(source, target):
        if not taken:
            taken.append(os.unlink(source))
        replace(source, target)

    monkeypatch.setattr(os, 'replace', once_too_late)
    assert fill(directory, {'a.png': PNG}) == (1, 0)
    assert (directory.path / 'a.png').read_bytes() == PNG


def test_a_full_disk_is_reported_with_path_and_cause_and_leaves_nothing_behind(directory, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device')

    fill(directory, {'a.png': b'old'})
    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(StoreFailed, match=r'plots/a\.png: No space left on device; make room'):
        fill(directory, {'a.png': b'new'})
    assert [path.name for path in directory.path.iterdir()] == ['a.png']
    assert (directory.path / 'a.png').read_bytes() == b'old'


def test_a_file_where_the_directory_should_be_is_reported(tmp_path):
    (tmp_path / 'file').write_text('x')
    for path in (tmp_path / 'file', tmp_path / 'file' / 'below'):
        with pytest.raises(StoreFailed, match=r'file.*(File exists|Not a directory)'):
            open_store(path, {})


def test_a_directory_that_cannot_be_written_is_reported_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'access', lambda *_: False)
    with pytest.raises(StoreFailed, match='cannot be written; see its permissions'):
        open_store(tmp_path, {})


def test_a_directory_in_place_of_a_file_is_reported(directory):
    (directory.path / 'a.png').mkdir(parents=True)
    with directory.open() as store:
        with pytest.raises(StoreFailed, match=r'a\.png'):
            store.get('a.png')
        with pytest.raises(StoreFailed, match=r'a\.png'):
            store.put('a.png', PNG)
