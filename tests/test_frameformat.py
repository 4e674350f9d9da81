"""The layout of an archive is refused where names of frames or folders could not be read by it."""

import re
from dataclasses import replace

import pytest

from photzp.observatory import load_observatory
from photzp.typedtree import TreeInvalid

ARCHIVE = load_observatory().archive


def test_the_built_in_pattern_takes_a_frame_name_apart():
    match = ARCHIVE.frame_pattern.fullmatch('lsc1m005-fa15-20190805-0123-e91.fits.fz')
    assert match.groupdict() == {'camera': 'fa15', 'dayobs': '20190805', 'obstype': 'e', 'level': '91'}


@pytest.mark.parametrize('path', ['{site}', 'frames/{site}/{camera}', '{site}/{camera}/{dayobs}/{folder}', 'a b/c'])
def test_folders_are_names_or_parts_of_a_selection(path):
    assert replace(ARCHIVE, path=path).path == path


@pytest.mark.parametrize('path', ['', '/{site}', '{site}/', '{site}//{camera}', '{telescope}', 'a{site}', '{site'])
def test_other_paths_are_refused(path):
    with pytest.raises(TreeInvalid, match=r'^path: must be folder names or \{site\}'):
        replace(ARCHIVE, path=path)


def test_a_pattern_without_a_group_is_refused():
    with pytest.raises(TreeInvalid, match=r'^frame_pattern: the group dayobs is missing, as in'):
        replace(ARCHIVE, frame_pattern=re.compile('(?P<camera>.)(?P<level>.)(?P<obstype>.)'))
