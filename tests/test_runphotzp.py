"""The nightly script as cron runs it, on a simulated night: twice, with a step failing, locked, and stopped."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from conftest import unavailable

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / 'deploy' / 'runphotzp.sh'
ALL_NIGHTS = '20000'  # days back: the simulated night is of 2020
DATED = re.compile(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ (INFO|WARNING|ERROR) ')
ALL_WELL = 'INFO runphotzp: all done (status 0)'


@pytest.fixture(scope='module')
def small_night(night, tmp_path_factory):
    """Two cameras of the simulated night, of two types, and a file that cannot be read."""
    root = tmp_path_factory.mktemp('small') / 'night 1'
    root.mkdir()
    (root / 'ps1').symlink_to(night.ps1)
    folders = {}
    for folder in sorted(night.archive.glob('*/*/*/processed')):
        measurable = sum(night.truth[path.name.rsplit('-', 1)[0]]['measurable'] for path in folder.iterdir())
        if measurable >= 2:
            folders.setdefault(folder.parent.parent.name[:2], folder)
    for folder in list(folders.values())[:2]:
        shutil.copytree(folder, root / 'archive' / folder.relative_to(night.archive))
    broken = next(root.rglob('*-e91.fits*'))
    broken.with_name(broken.name.replace('-e91', '-s91')).write_bytes(broken.read_bytes()[:3000])
    return root


@pytest.fixture
def settings(small_night, tmp_path):
    """Environment of a run whose every path has a blank in it."""
    place = tmp_path / 'with blanks'
    place.mkdir()
    (place / 'night 1').symlink_to(small_night)
    return {'PATH': os.environ['PATH'], 'HOME': str(place), 'PHOTZP_PYTHON': sys.executable, 'PHOTZP_NICE': '0',
            'PHOTZP_ARCHIVE': str(place / 'night 1' / 'archive'), 'PHOTZP_PS1DIR': str(place / 'night 1' / 'ps1'),
            'PHOTZP_DATABASE': str(place / 'the database.db'), 'PHOTZP_OUTPUTDIR': str(place / 'the report')}


def nightly(settings, *arguments, **changes):
    """Run it to its end; returns (status, lines of standard error)."""
    ended = subprocess.run([SCRIPT, *arguments], env=settings | changes, capture_output=True, text=True, timeout=600,
                           check=False)
    assert ended.stdout == ''
    return ended.returncode, ended.stderr.splitlines()


def rows(settings):
    """(name, zp) of what is in the database, by name."""
    with closing(sqlite3.connect(settings['PHOTZP_DATABASE'])) as connection:
        return sorted(connection.execute('select name, zp from lcophot'))


def of_the_script(lines):
    return [line.partition('runphotzp: ')[2] for line in lines if 'runphotzp: ' in line]


def test_a_night_twice(settings, small_night, night):
    status, lines = nightly(settings, PHOTZP_NDAYS=ALL_NIGHTS)
    assert status == 1  # one file cannot be read
    assert [line for line in lines if not DATED.match(line)] == []
    said = of_the_script(lines)
    types = [line.split()[2] for line in said if line.startswith('calibration of') and line.endswith('begins')]
    assert sorted(types) == ['ep', 'fa', 'fl', 'fs', 'kb', 'sq']
    assert 'report is done' in said
    assert re.fullmatch(r'calibration of \w\w is done, but some input was unreadable \(status 1\)', said[-1])
    first = rows(settings)
    there = {path.name.rsplit('-', 1)[0] for path in small_night.rglob('*-e91.fits*')}
    measurable = {exposure for exposure in there if night.truth[exposure]['measurable']}
    assert len(measurable) >= 4
    assert measurable <= {name.rsplit('-', 1)[0] for name, _ in first}
    assert (Path(settings['PHOTZP_OUTPUTDIR']) / 'index.html').stat().st_size > 1000

    # Again, all at once by one selection: nothing is measured a second time.
    status, lines = nightly(settings, '--date', '20200213', '--mintexp', '10')
    assert status in (0, 1)
    assert any(re.match(r'0 measured, \d+ already known', line) for line in of_the_script(lines))
    assert rows(settings) == first


def test_a_failing_step_does_not_stop_the_next(settings):
    nightly(settings, '--date', '20200213')
    status, lines = nightly(settings, '--date', '20200213', '--redo', PHOTZP_PS1DIR=settings['HOME'] + '/no catalogue')
    assert status == 2
    said = of_the_script(lines)
    assert 'calibration could not run' in said
    assert 'report is done' in said
    assert said[-1] == 'calibration could not run (status 2)'
    assert any('SkyTable.fits' in line and '--ps1dir' in line for line in lines)

    status, lines = nightly(settings, PHOTZP_NDAYS='0', PHOTZP_CAMERATYPES='fs', PHOTZP_OBSERVATORY='/no/such.toml')
    assert status == 2
    assert of_the_script(lines)[-1] == 'calibration of fs could not run; report could not run (status 2)'


def test_the_log_goes_to_a_file_and_the_verdict_to_cron(settings):
    log = Path(settings['HOME'], 'the log')
    log.write_text('what was there before\n')
    small = {'PHOTZP_CAMERATYPES': 'ep', 'PHOTZP_NDAYS': '1', 'PHOTZP_LOG': '~/the log'}
    status, lines = nightly(settings, **small)  # no frames of today: calibration is done, there is nothing to report
    assert status == 2
    assert lines == [f'runphotzp: report could not run (status 2); see {log}']
    logged = log.read_text().splitlines()
    assert logged[0] == 'what was there before'
    assert logged[-1].endswith('WARNING runphotzp: report could not run (status 2)')
    assert any('holds no zeropoints yet' in line for line in logged)


def test_settings_come_from_a_file_and_the_environment_goes_before_it(settings):
    file = Path(settings['HOME'], 'photzp.env')
    file.write_text('# of this site\n\nPHOTZP_CAMERATYPES=sq, kb\nPHOTZP_NDAYS="1"\nPHOTZP_MINTEXP=oops\n')
    status, lines = nightly(settings, PHOTZP_ENVFILE='~/photzp.env', PHOTZP_MINTEXP='30')
    begun = [line for line in of_the_script(lines) if line.endswith('begins')]
    assert begun == ['calibration of sq begins', 'calibration of kb begins', 'report begins']
    assert status == 2
    assert not any('oops' in line for line in lines)
    file.write_text('PHOTZP_NDAYS=1\nrm -rf /\n')
    assert nightly(settings, PHOTZP_ENVFILE=str(file)) == (2, [nightly(settings, PHOTZP_ENVFILE=str(file))[1][0]])
    assert nightly(settings, PHOTZP_ENVFILE=str(file))[1][0].endswith(f'{file}, line 2: must be NAME=value')
    assert 'cannot be read; see PHOTZP_ENVFILE' in nightly(settings, PHOTZP_ENVFILE='/no/such file')[1][0]


def test_runs_never_overlap(settings):
    if shutil.which('flock') is None:
        unavailable('flock (util-linux) is not installed')
    Path(settings['PHOTZP_OUTPUTDIR']).mkdir()
    lock = Path(settings['PHOTZP_OUTPUTDIR'], '.runphotzp.lock')
    lock.write_text('process 1 on elsewhere\n')
    holder = subprocess.Popen(['flock', lock, 'sleep', '60'])
    try:
        time.sleep(0.3)
        status, lines = nightly(settings)
    finally:
        holder.kill()
        holder.wait()
    assert status == 2
    assert [line.partition('Z ')[2] for line in lines] == [
        'ERROR runphotzp: another run is going on (process 1 on elsewhere); nothing was done']
    assert not Path(settings['PHOTZP_DATABASE']).exists()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_script_that_runs_and_what_was_measured_is_kept(settings, number):
    running = subprocess.Popen([SCRIPT, '--date', '20200213'], env=settings, stderr=subprocess.PIPE, text=True)
    lines = []
    for line in running.stderr:
        lines.append(line.rstrip())
        if ' zp ' in line and sum(' zp ' in one for one in lines) == 2:
            running.send_signal(number)
    status = running.wait(timeout=30)
    running.stderr.close()
    assert status == 128 + number
    assert of_the_script(lines)[-1] == f'stopped by signal {number.value}; what was measured is kept (status {status})'
    assert 'report begins' not in of_the_script(lines)
    kept = rows(settings)
    assert len(kept) >= 2
    nightly(settings, '--date', '20200213')
    assert set(kept) < set(rows(settings))


def test_help_is_its_first_comment(settings):
    shown = subprocess.run([SCRIPT, '--help'], env=settings, capture_output=True, text=True, check=True).stdout
    text = SCRIPT.read_text()
    for name in set(re.findall(r'PHOTZP_\w+', text)):
        assert name in shown, f'{name} is read but not documented'
