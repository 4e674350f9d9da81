"""A lock of matplotlib's list of fonts whose holder was killed goes; one whose holder lives stays."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import matplotlib as mpl
import pytest

from photzp.figures import fontcache

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture
def lock(tmp_path, monkeypatch):
    monkeypatch.setattr(mpl, 'get_cachedir', lambda: str(tmp_path))
    path = tmp_path / 'fontlist-v390.json.matplotlib-lock'
    path.touch()
    (tmp_path / 'fontlist-v390.json').touch()
    return path


def test_a_lock_that_was_left_goes_and_the_list_stays(lock):
    os.utime(lock, (0, 0))
    fontcache.release_font_list()
    assert [path.name for path in lock.parent.iterdir()] == ['fontlist-v390.json']


def test_a_young_lock_is_waited_for(lock, monkeypatch):
    monkeypatch.setattr(fontcache, '_LOCK_S', 0.2)
    fontcache.release_font_list()
    assert not lock.exists()


def test_a_lock_that_is_taken_again_meanwhile_stays(lock, monkeypatch):
    monkeypatch.setattr(fontcache, '_LOCK_S', 0.5)
    again = threading.Timer(0.1, os.utime, (lock, (time.time() + 9, time.time() + 9)))
    again.start()
    fontcache.release_font_list()
    again.join()
    assert lock.exists()


def test_a_directory_that_is_not_there_is_no_trouble(tmp_path, monkeypatch):
    monkeypatch.setattr(mpl, 'get_cachedir', lambda: str(tmp_path / 'none'))
    fontcache.release_font_list()


def test_no_figure_is_imported():
    code = ('import sys; from photzp.figures.fontcache import release_font_list; release_font_list(); '
            'print("matplotlib.font_manager" in sys.modules)')
    done = subprocess.run([sys.executable, '-c', code], cwd=TOP, check=True, capture_output=True, text=True)
    assert done.stdout == 'False\n'
