"""Archive and catalogue are never written, and one directory is: a night as a user whom permissions bind."""

import pytest

from benchmarks.torture import places


def test_one_directory_is_written(tmp_path):
    tally = places.one_directory(tmp_path, frames=4, most=1)
    if not tally.tried:
        pytest.skip(tally.notes[0])
    assert tally.lost == ()


def test_a_write_is_seen(tmp_path):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'folder' / 'frame').write_bytes(b'1')
    before = places.listing(tmp_path)
    assert places.changes(before, places.listing(tmp_path)) == []
    (tmp_path / 'folder' / 'frame').write_bytes(b'2')
    (tmp_path / 'new').touch()
    assert places.changes(before, places.listing(tmp_path)) == ['.', 'folder/frame', 'new']
