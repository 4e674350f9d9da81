"""The Python of docs/library.md runs as it is written."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import photcalibration
from simulation.__main__ import main as simulate

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / 'docs' / 'library.md').read_text(encoding='utf-8')
BLOCKS = re.findall(r'^```python\n(.*?)^```$', DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def home(tmp_path):
    """A home directory with the catalogue, a database, and a frame of the name in the document."""
    assert simulate(['night', str(tmp_path / 'night'), '--frames', '12', '--seed', '4', '--no-pixels',
                            '--defects', '0', '--sites', 'lsc', '--regimes', 'ordinary']) == 0
    catalog = tmp_path / 'Catalogs' / 'ps1odi' / 'panstarrs'
    catalog.parent.mkdir(parents=True)
    catalog.symlink_to(tmp_path / 'night' / 'ps1')
    (tmp_path / 'lcozpplots').mkdir()
    assert photcalibration.main(['--site', 'lsc', '--imagerootdir', str(tmp_path / 'night' / 'archive'), '--ps1dir',
                                 str(catalog), '--photodb', str(tmp_path / 'lcozpplots' / 'lcophotzp.db')]) == 0
    frame = next((tmp_path / 'night' / 'archive').glob('lsc/fa*/*/processed/*-e91*'))
    shutil.copy(frame, tmp_path / re.search(r"read_frame\('([^']+)'", DOCUMENT)[1])
    return tmp_path


def test_the_python_of_the_document_runs(home):
    code = '\n'.join(BLOCKS) + '\nprint(len(x), len(magnitude), len(residual), len(r_sdss), "+".join(fits), percent)\n'
    environment = {'PATH': os.environ['PATH'], 'HOME': str(home), 'PYTHONPATH': str(ROOT)}
    ended = subprocess.run([sys.executable, '-W', 'error', '-c', code], cwd=home, env=environment, text=True,
                           capture_output=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    frame, database, arrays = ended.stdout.splitlines()
    assert re.fullmatch(r'\S+-e91\.fits\.fz: 2\d\.\d{3} \+- 0\.0\d\d mag, \d+ stars', frame)
    assert int(database.split()[0]) >= 1
    assert len({*arrays.split()[:3]}) == 1
    assert arrays.split()[4] == 'ip'  # the filter of doma's camera, of those in the document


def test_one_frame_takes_five_lines():
    lines = [line for line in BLOCKS[0].splitlines() if line and not line.startswith('from')]
    assert len(lines) == 5
