"""Every command of README.md and of the runbook works as it is written, in its order, in a home of its own.

The frame archive and catalogue are simulated, with frames of last night; `docker` is stood in for by a program that
runs the command with the volumes it was given.  What sets up the checkout itself is run by `.ci/run`.
"""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from astropy.table import Table

from simulation.__main__ import main as simulate

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r'^```sh\n(.*?)^```$', re.MULTILINE | re.DOTALL)
SET_UP = ('make ', 'python3 -m venv', '.venv/bin/pip')

PYTHON = """#!/bin/sh
# The archive's default place is not ours to write to, and so little takes no processes; an option that is given goes
# after and so before it.
script=$1; shift
case $script in
    *photcalibration.py) exec {warm} "$script" --imagerootdir "$PHOTZP_ARCHIVE" "$@" ;;
    *shardnights.py) exec {warm} "$script" "$@" --imagerootdir "$PHOTZP_ARCHIVE" ;;
    *longtermphotzp.py) exec {warm} "$script" --processes 1 "$@" ;;
    *) exec {warm} "$script" "$@" ;;
esac
"""
DOCKER = """#!{python}
import os, pathlib, sys, tempfile
if sys.argv[1] == 'buildx':
    print('sha256:' + 'ab' * 32)
elif sys.argv[1] == 'build':
    pathlib.Path(os.environ['HOME'], 'docker-build').write_text('\\n'.join(sys.argv[2:]))
elif sys.argv[1] == 'run':
    arguments = iter(sys.argv[2:])
    root = pathlib.Path(tempfile.mkdtemp(dir=os.environ['TMPDIR']))
    (root / 'data').mkdir()
    for argument in arguments:
        if argument == '--volume':
            source, target, *_ = next(arguments).split(':')
            if source == 'photzp' and target == '/data':
                continue  # a volume of its own
            (root / target.lstrip('/')).parent.mkdir(parents=True, exist_ok=True)
            (root / target.lstrip('/')).symlink_to(source)
        elif argument not in ('--rm', '--read-only'):
            break
    assert argument == 'photzp:latest', argument
    command = list(arguments) or ['runphotzp.sh']
    os.environ.update(HOME=str(root / 'data'), PHOTZP_ARCHIVE=str(root / 'archive/engineering'),
                      PHOTZP_PS1DIR=str(root / 'catalog'))
    os.environ['PATH'] = os.pathsep.join(['{root}', '{root}/deploy', os.environ['PATH']])
    os.execvp(command[0], command)
else:
    sys.exit('docker ' + sys.argv[1] + ': not known here')
"""


def blocks(document):
    """The sh blocks of a document, in order."""
    return BLOCK.findall((ROOT / document).read_text(encoding='utf-8'))


def sets_up(block):
    return block.startswith(SET_UP)


@pytest.fixture(scope='module')
def last_night(tmp_path_factory):
    """A small simulated night that was last night: two telescopes in three filters, which make a small report."""
    out = tmp_path_factory.mktemp('documents') / 'night'
    # It ends at 11 UTC of the next day; frames of a time to come would be findings of --testdb.
    date = f'{datetime.now(UTC) - timedelta(hours=35):%Y%m%d}'
    assert simulate(['night', str(out), '--frames', '6', '--seed', '218', '--no-pixels', '--defects', '0',
                            '--sites', 'lsc', '--regimes', 'ordinary', '--date', date]) == 0
    return out


@pytest.fixture
def home(last_night, warm_python, tmp_path):
    """A home directory with catalogue, archive, a few frames in ~/frames and an old database in ~/old."""
    home = tmp_path / 'home'
    (home / 'Catalogs' / 'ps1odi').mkdir(parents=True)
    (home / 'Catalogs' / 'ps1odi' / 'panstarrs').symlink_to(last_night / 'ps1')
    (home / 'archive').symlink_to(last_night / 'archive')
    (home / 'frames').mkdir()
    for path in sorted((last_night / 'archive').glob('lsc/fa15/*/processed/*-e91*'))[:2]:
        shutil.copy(path, home / 'frames')
    (home / 'old').mkdir()
    with closing(sqlite3.connect(home / 'old' / 'lcophotzp.db')) as connection, connection:
        connection.execute('CREATE TABLE lcophot (name TEXT PRIMARY KEY, dateobs TEXT, site TEXT, dome TEXT, telescope '
                           'TEXT, camera TEXT, filter TEXT, airmass REAL, zp REAL, colorterm REAL, zpsig REAL)')
        connection.execute('CREATE TABLE telescopemodel (telescopeid TEXT, filter TEXT, dateobs TEXT, modelzp REAL)')
        connection.executemany(
            "INSERT INTO lcophot VALUES (?, ?, 'lsc', 'doma', '1m0a', 'fa15', 'rp', 1.2, 23.6, 0.01, 0.05)",
            [(f'/archive/lsc1m005-fa15-201908{n:02d}-0100-e91.fits.fz', f'2019-08-{n:02d} 03:00:00.000')
             for n in range(1, 29)])
    programs = tmp_path / 'bin'
    programs.mkdir()
    for name, text in {'python': PYTHON, 'docker': DOCKER}.items():
        (programs / name).write_text(text.replace('{python}', sys.executable).replace('{warm}', warm_python)
                                      .replace('{root}', str(ROOT)))
        (programs / name).chmod(0o755)
    return home


def run_as_written(document, home, python, camera_types):
    """Run the blocks of a document one after the other as a shell would; the first command that fails is shown.

    python, camera_types : of the nightly runs.
    """
    script = '\n'.join(block for block in blocks(document) if not sets_up(block))
    script = re.sub(r'(?<!:)/archive/engineering|/new/archive', '~/archive', script)  # not the path in a container
    path = os.pathsep.join([str(home.parent / 'bin'), str(Path(sys.executable).parent), os.environ['PATH']])
    environment = {'PATH': path, 'HOME': str(home), 'PHOTZP_ARCHIVE': str(home / 'archive'), 'PHOTZP_NICE': '0',
                   'PHOTZP_PROCESSES': '1', 'PHOTZP_CAMERATYPES': camera_types, 'PHOTZP_PYTHON': python,
                   'TMPDIR': str(home.parent)}
    ended = subprocess.run(['bash', '-euxo', 'pipefail', '-c', script], cwd=ROOT, env=environment, text=True,
                           capture_output=True, check=False, timeout=900)
    assert ended.returncode == 0, '\n'.join(ended.stderr.splitlines()[-15:])

    return ended.stdout


def count(database):
    """Number of measured frames in a database."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute('select count(*) from lcophot').fetchone()[0]


def test_what_sets_up_the_checkout_is_run_by_the_gate():
    gate = (ROOT / '.ci' / 'run').read_text(encoding='utf-8').splitlines()
    lines = [line for block in blocks('README.md') if sets_up(block) for line in block.splitlines()]
    assert lines == ['make demo', 'make test', 'python3 -m venv .venv', '.venv/bin/pip install -r requirements.txt']
    assert [line for line in lines if line not in gate] == []


def test_the_readme_works_as_it_is_written(home, warm_python):
    assert 'kind: CronJob' in run_as_written('README.md', home, warm_python, 'fa')
    database = home / 'lcozpplots' / 'lcophotzp.db'
    assert count(database) >= 5
    assert count(home / 'lcozpplots' / 'lcophotzp-copy.db') >= 5
    assert (home / 'lcozpplots' / 'index.html').exists()
    assert json.loads((home / 'lcozpplots' / 'status.json').read_text())['statuses']
    assert len(Table.read(home / 'zeropoints.ecsv')) >= 5
    assert count(home / 'frames' / 'imagezp.db') == len(list((home / 'frames').glob('*-e91*'))) > 0
    assert list((home / 'frames' / 'plots').glob('*_zp.png'))
    built = (home / 'docker-build').read_text().splitlines()
    assert 'PYTHON_IMAGE=python:3.13-slim-trixie@sha256:' + 'ab' * 32 in built
    assert 'BASE_DIGEST=sha256:' + 'ab' * 32 in built


def test_the_runbook_works_as_it_is_written(home, warm_python):
    said = run_as_written('docs/operations.md', home, warm_python, 'fa,fl')
    place = home / 'lcozpplots'
    assert 'no findings' in said
    assert count(place / 'lcophotzp.db') >= 28 + 5  # the old rows, and last night's
    assert count(place / 'backup-0.db') == count(place / 'damaged' / 'lcophotzp.db') == count(place / 'lcophotzp.db')
    assert list((place / 'damaged').glob('lcophotzp.db.before-upgrade-*'))
    assert (home / 'elsewhere' / 'index.html').exists()
    statuses = json.loads((place / 'status.json').read_text())['statuses']
    assert {row['cameras'][0] for row in statuses if row['telescope'] == 'lsc-doma-1m0a'} == {'fa15'}
