"""Under a name there is the old file or the new one, whole, and nothing is left beside it."""

import os
import signal
import subprocess
import sys

import pytest

from photzp.wholefile import Unneeded, whole_file, whole_path
from tests.support.runs import ROOT

KILLED = """
import os, signal, sys
from pathlib import Path
from photzp.wholefile import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b'new' * 100_000)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / 'a.csv').write_bytes(b'old')
    return tmp_path / 'a.csv'


def names(path):
    return sorted(each.name for each in path.parent.iterdir())


def test_the_old_file_is_there_until_the_new_one_is_whole(path):
    with whole_file(path) as file:
        file.write(b'new')
        file.flush()
        assert path.read_bytes() == b'old'
        assert names(path) == ['.a.csv.partial', 'a.csv']
    assert path.read_bytes() == b'new'
    assert names(path) == ['a.csv']


def test_a_file_that_was_not_there_appears(tmp_path):
    with whole_file(tmp_path / 'b') as file:
        file.write(b'new')
        assert not (tmp_path / 'b').exists()
    assert (tmp_path / 'b').read_bytes() == b'new'


@pytest.mark.parametrize('error', [ZeroDivisionError, KeyboardInterrupt, OSError])
def test_a_failure_leaves_the_old_file_and_nothing_else(path, error):
    def half_written():
        with whole_file(path) as file:
            file.write(b'new')
            raise error

    with pytest.raises(error):
        half_written()
    assert path.read_bytes() == b'old'
    assert names(path) == ['a.csv']


def test_the_file_is_closed_before_it_takes_its_place(path, monkeypatch):
    """What a close refuses (a full disk of a network file system) must not replace anything."""
    replace, opened = os.replace, []
    monkeypatch.setattr(os, 'replace', lambda *names: opened.append(file.closed) or replace(*names))
    with whole_file(path) as file:
        file.write(b'new')
    assert opened == [True]


def test_a_refusal_to_replace_leaves_the_old_file(path, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(OSError, match='No space left'), whole_file(path) as file:
        file.write(b'new')
    assert path.read_bytes() == b'old'
    assert names(path) == ['a.csv']


def test_a_writer_that_is_killed_leaves_the_old_file_and_the_next_one_clears_up(path):
    ended = subprocess.run([sys.executable, '-c', KILLED, path], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_bytes() == b'old'
    assert names(path) == ['.a.csv.partial', 'a.csv']
    with whole_file(path) as file:
        file.write(b'new')
    assert path.read_bytes() == b'new'
    assert names(path) == ['a.csv']


def test_a_temporary_file_that_has_to_be_new_leaves_one_of_another(path):
    other = path.with_name('.a.csv.partial-1-1')
    other.write_bytes(b'of another')
    with pytest.raises(FileExistsError), whole_file(path, other, new=True):
        pytest.fail('it was not new')
    assert other.read_bytes() == b'of another'
    assert path.read_bytes() == b'old'


def test_the_mask_decides_who_may_read(tmp_path):
    before = os.umask(0o027)
    try:
        with whole_file(tmp_path / 'b', new=True):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / 'b').stat().st_mode & 0o777 == 0o640


def test_a_symbolic_link_is_replaced_and_what_it_names_stays(path):
    link = path.with_name('link')
    link.symlink_to(path)
    with whole_file(link) as file:
        file.write(b'new')
    assert not link.is_symlink()
    assert (link.read_bytes(), path.read_bytes()) == (b'new', b'old')


def test_another_library_writes_to_a_path(path):
    temporary = path.with_name('a.partial')
    with whole_path(path, temporary):
        temporary.write_bytes(b'new')
        assert path.read_bytes() == b'old'
    assert path.read_bytes() == b'new'
    assert names(path) == ['a.csv']


def test_what_is_not_needed_after_all_is_removed_in_silence(path):
    temporary = path.with_name('a.partial')
    with whole_path(path, temporary):
        temporary.write_bytes(b'new')
        raise Unneeded
    assert path.read_bytes() == b'old'
    assert names(path) == ['a.csv']
    with whole_path(path, temporary):  # nor need anything have been written
        raise Unneeded
    assert names(path) == ['a.csv']
