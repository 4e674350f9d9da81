"""What pages load is there, as its authors made it, and can be taken for nothing else."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from photzp.figures.sheet import CAMERA_COLOURS
from photzp.pages.render import static_files
from photzp.reportnames import parse_report_name, static_file_name
from photzp.store.base import content_type

STATIC = Path(__file__).resolve().parents[2] / 'photzp' / 'pages' / 'static'
UPLOT = '1.6.32'
HASHES = {  # of dist/ and LICENSE in the npm package of this version
    'uPlot.iife.min.js': '19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f',
    'uPlot.min.css': 'df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04',
    'uPlot.LICENSE.txt': '8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd',
}


@pytest.mark.parametrize('name', HASHES)
def test_uplot_is_as_its_authors_made_it(name):
    assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == HASHES[name]


def test_the_version_of_uplot_is_written_down():
    assert f'uPlot (v{UPLOT})' in (STATIC / 'uPlot.iife.min.js').read_text(encoding='utf-8').splitlines()[0]
    assert f' {UPLOT}, MIT' in (STATIC / 'README.md').read_text(encoding='utf-8')
    assert 'The MIT License' in (STATIC / 'uPlot.LICENSE.txt').read_text(encoding='utf-8')


def test_every_file_has_a_content_type_and_a_name_that_no_other_file_of_the_report_has():
    files = static_files()
    assert files.keys() == {path.name for path in STATIC.iterdir()} - {'README.md'}
    for name in files:
        assert content_type(name).endswith('; charset=utf-8')
        with pytest.raises(ValueError):
            parse_report_name(name)


@pytest.mark.parametrize('name', ['index.html', 'status.json', 'photzptrend-lsc-doma-1m0a-rp.png', '../page.js', '.css',
                                  'mirrormodel-lsc-doma-1m0a-rp.csv', 'page.js\n', 'report-fits.npz', ''])
def test_other_files_are_none_that_pages_load(name):
    with pytest.raises(ValueError):
        static_file_name(name)


def test_nothing_is_loaded_from_elsewhere():
    for path in STATIC.glob('*.css'):
        assert not re.search(r'url\(|@import', path.read_text(encoding='utf-8')), path.name
    for path in STATIC.glob('*.js'):
        addresses = set(re.findall(r'https?://[^\s"\'`)]+', path.read_text(encoding='utf-8')))
        said = {'https://github.com/leeoniya/uPlot', 'http://localhost:8000/${location.pathname.split('}  # not opened
        assert addresses <= said, path.name


def schemes():
    """{name: colour} of trend.css, light and dark."""
    light, dark = (dict(re.findall(r'--trend-([\w-]+): (#\w{6})', part))
                   for part in (STATIC / 'trend.css').read_text(encoding='utf-8').split('@media (prefers')[:2])
    return light, {**light, **dark}


def test_cameras_have_the_colours_of_the_plot():
    light, _ = schemes()
    assert tuple(light[f'camera-{n}'] for n in range(len(CAMERA_COLOURS))) == CAMERA_COLOURS
    assert f'COLOURS = {len(CAMERA_COLOURS)};' in (STATIC / 'trendchart.js').read_text(encoding='utf-8')


def contrast(one, other):
    """By WCAG 2.2, of two colours as #rrggbb."""
    parts = (np.array([int(colour[n:n + 2], 16) for n in (1, 3, 5)]) / 255 for colour in (one, other))
    light = sorted(float(np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
                         @ [0.2126, 0.7152, 0.0722]) for part in parts)
    return (light[1] + 0.05) / (light[0] + 0.05)


@pytest.mark.parametrize('scheme', schemes(), ids=['light', 'dark'])
def test_text_on_the_canvas_can_be_read(scheme):
    assert contrast('#000000', '#ffffff') == pytest.approx(21)
    for name in ('text', 'muted', 'cleaning-text', 'mirror-text', 'instrument-text'):
        assert contrast(scheme[name], scheme['back']) >= 4.5, name


def test_signs_are_seen_on_a_dark_page():
    _, dark = schemes()
    signs = ('camera', 'mirror', 'instrument', 'cleaning', 'model', 'unusable')
    assert [name for name in dark if name.startswith(signs) and contrast(dark[name], dark['back']) < 3] == []
