"""Listing an archive: right frames, one per exposure, by name alone."""

import os
from pathlib import Path

import pytest

from photzp.errors import ArchiveMissing
from photzp.frames.archive import Selection, crawl_directory, find_frames
from photzp.observatory import load_observatory

LCO = load_observatory()


def put(root, name, folder='processed', *, camera=None, day=None):
    """An empty file where the archive keeps the frame of that name."""
    named_camera, named_day = name.split('-')[1:3]
    path = Path(root, name[:3], camera or named_camera, day or named_day, folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return str(path)


@pytest.fixture
def archive(tmp_path):
    """Two sites, three cameras, two nights; quick looks, final frames and much that is not ours."""
    for name in (
        'lsc1m005-fa15-20190805-0123-e91.fits.fz', 'lsc1m005-fa15-20190805-0122-e91.fits.fz',
        'lsc1m005-fa15-20190806-0007-s91.fits.fz', 'lsc1m009-fl03-20190805-0001-e91.fits',
        'coj2m002-fs01-20190805-0050-e91.fits.fz',
    ):  # fmt: skip
        put(tmp_path, name)
    put(tmp_path, 'lsc1m005-fa15-20190805-0200-e11.fits.fz', 'preview')
    put(tmp_path, 'lsc1m005-fa15-20190805-0124-b91.fits.fz')  # a bias
    put(tmp_path, 'lsc1m005-fa15-20190805-0125-e91-wcs.txt')
    put(tmp_path, 'lsc1m005-fa15-20190805-bias-bin1x1.fits.fz')
    put(tmp_path, 'lsc1m005-xx01-20190805-0001-e91.fits.fz')  # of no camera type that is known
    (tmp_path / 'readme.txt').touch()
    (tmp_path / 'lsc' / '.snapshot').mkdir()
    return tmp_path


def numbers(listing):
    """camera-night-number of each frame listed."""
    return ['-'.join(f.name.exposure.split('-')[1:]) for f in listing.frames]


def found(root, **selection):
    return numbers(find_frames(root, LCO, Selection(**selection)))


def test_everything_is_listed_in_order(archive):
    listing = find_frames(archive, LCO, Selection())
    assert numbers(listing) == ['fa15-20190805-0122', 'fa15-20190805-0123', 'fa15-20190806-0007', 'fl03-20190805-0001',
                                'fs01-20190805-0050']
    assert listing.unreadable == ()
    assert all(os.path.isfile(frame.path) for frame in listing.frames)


@pytest.mark.parametrize(('selection', 'expected'), [
    ({'sites': ('coj',)}, ['fs01-20190805-0050']),
    ({'sites': ('coj', 'coj', 'tfn')}, ['fs01-20190805-0050']),
    ({'cameras': ('fl03', 'fs01')}, ['fl03-20190805-0001', 'fs01-20190805-0050']),
    ({'cameras': ('xx01',)}, ['xx01-20190805-0001']),
    ({'camera_types': ('fs',)}, ['fs01-20190805-0050']),
    ({'camera_types': ('fl', 'fs'), 'sites': ('lsc',)}, ['fl03-20190805-0001']),
    ({'dates': ('20190806',)}, ['fa15-20190806-0007']),
    ({'dates': ('20190804', '20190806', '20190806')}, ['fa15-20190806-0007']),
    ({'preview': True}, ['fa15-20190805-0200']),
    ({'preview': True, 'sites': ('coj',)}, []),
    ({'sites': ('tfn',)}, []),
    ({'cameras': ('fa99',)}, []),
    ({'dates': ('20200101',)}, []),
])  # fmt: skip
def test_selections(archive, selection, expected):
    assert found(archive, **selection) == expected


def test_a_root_that_does_not_exist_is_an_error_with_the_option(tmp_path):
    with pytest.raises(ArchiveMissing, match=r'nowhere: .*--imagerootdir'):
        find_frames(tmp_path / 'nowhere', LCO, Selection())
    with pytest.raises(ArchiveMissing, match=r'nowhere: .*--crawldirectory'):
        crawl_directory(tmp_path / 'nowhere', LCO)


def test_a_root_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(ArchiveMissing):
        find_frames(tmp_path / 'file', LCO, Selection())


def test_an_empty_root_is_an_empty_listing(tmp_path):
    assert find_frames(tmp_path, LCO, Selection()).frames == ()


@pytest.mark.parametrize('order', [('e11.fits.fz', 'e91.fits.fz'), ('e91.fits', 'e11.fits.fz'),
                                   ('e91.fits', 'e91.fits.fz')])
def test_one_frame_per_exposure_the_final_one(tmp_path, order):
    for ending in order:
        put(tmp_path, f'lsc1m005-fa15-20190805-0123-{ending}')
    (frame,) = find_frames(tmp_path, LCO, Selection()).frames
    assert frame.name.level == 91
    if 'e91.fits.fz' in order:
        assert frame.path.endswith('e91.fits.fz')


def test_twins_in_different_folders_are_one_exposure(tmp_path):
    put(tmp_path, 'lsc1m005-fa15-20190805-0123-e11.fits.fz', day='20190804')
    final = put(tmp_path, 'lsc1m005-fa15-20190805-0123-e91.fits.fz')
    put(tmp_path, 'lsc1m005-fa15-20190805-0123-e11.fits.fz', day='20190807')
    assert [frame.path for frame in find_frames(tmp_path, LCO, Selection()).frames] == [final]


def test_frames_of_another_night_or_camera_in_a_folder_are_not_of_the_selection(tmp_path):
    put(tmp_path, 'lsc1m005-fa15-20190805-0123-e91.fits.fz', day='20190806')
    put(tmp_path, 'lsc1m005-fa15-20190806-0123-e91.fits.fz', camera='fa16')
    assert found(tmp_path, dates=('20190806',), cameras=('fa15',)) == []
    assert found(tmp_path, dates=('20190806',)) == ['fa15-20190806-0123']


def test_nothing_is_opened(archive, monkeypatch):
    monkeypatch.setattr('builtins.open', lambda *_, **__: pytest.fail('a file was opened'))
    monkeypatch.setattr(os, 'open', lambda *_, **__: pytest.fail('a file was opened'))
    assert len(found(archive)) == 5


def test_a_folder_that_cannot_be_listed_is_reported_and_the_others_are_listed(archive, monkeypatch):
    """By a stand-in for the operating system, since root may list anything."""
    bad = str(archive / 'lsc' / 'fa15' / '20190805' / 'processed')
    closed = str(archive / 'coj')

    def refuse(then):
        def listing(folder):
            if os.fspath(folder) in (bad, closed):
                raise PermissionError(13, 'Permission denied', folder)
            return then(folder)

        return listing

    monkeypatch.setattr(os, 'listdir', refuse(os.listdir))
    monkeypatch.setattr(os, 'scandir', refuse(os.scandir))
    listing = find_frames(archive, LCO, Selection())
    assert numbers(listing) == ['fa15-20190806-0007', 'fl03-20190805-0001']
    assert sorted(listing.unreadable) == [(closed, 'Permission denied'), (bad, 'Permission denied')]


def test_crawling_takes_one_directory_whatever_the_camera(tmp_path):
    for name in ('lsc1m005-xx01-20190805-0123-e91.fits.fz', 'lsc1m005-fa15-20190806-0001-e11.fits',
                 'lsc1m005-fa15-20190805-0123-e11.fits.fz', 'lsc1m005-fa15-20190805-0123-e91.fits.fz',
                 'lsc1m005-fa15-20190805-0124-f91.fits.fz', 'imagezp.db', 'frame.fits'):
        (tmp_path / name).touch()
    put(tmp_path, 'lsc1m005-fa15-20190805-0999-e91.fits.fz')  # in a folder below
    listing = crawl_directory(tmp_path, LCO)
    assert [f.name.name for f in listing.frames] == [
        'lsc1m005-fa15-20190805-0123-e91.fits.fz', 'lsc1m005-fa15-20190806-0001-e11.fits',
        'lsc1m005-xx01-20190805-0123-e91.fits.fz']


def test_another_layout_needs_no_code(tmp_path):
    (tmp_path / 'site.toml').write_text(
        '[archive]\npath = "data/{dayobs}/{camera}"\nname_types = ["d"]\n'
        "frame_pattern = '(?P<dayobs>\\d{8})_(?P<camera>[a-z]+)_\\d+_(?P<obstype>[a-z])(?P<level>\\d)\\.fit'\n"
        '[camera_types]\ncam = {description = "a camera"}\n')
    folder = tmp_path / 'data' / '20240101' / 'camx'
    folder.mkdir(parents=True)
    (folder / '20240101_camx_17_d2.fit').touch()
    (folder / '20240101_camx_18_b2.fit').touch()
    listing = find_frames(tmp_path, load_observatory(tmp_path / 'site.toml'), Selection(dates=('20240101',)))
    assert [f.name.name for f in listing.frames] == ['20240101_camx_17_d2.fit']
