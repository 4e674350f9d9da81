"""The nightly script as cron runs it, on a simulated night: twice, with a step failing, locked, and stopped."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

import photcalibration
from photzp.running.loglines import EVERY_LINE, FIELDS
from tests.support.runs import never_ends, on_a_terminal

ROOT = Path(__file__).resolve().parents[2]
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


def settings_of(place):
    """Environment of a run in a place, where everything is; so little takes no processes."""
    return {'PATH': os.environ['PATH'], 'HOME': str(place), 'PHOTZP_PYTHON': sys.executable, 'PHOTZP_NICE': '0',
            'PHOTZP_PROCESSES': '1',
            'PHOTZP_ARCHIVE': str(place / 'night 1' / 'archive'), 'PHOTZP_PS1DIR': str(place / 'night 1' / 'ps1'),
            'PHOTZP_DATABASE': str(place / 'the database.db'), 'PHOTZP_OUTPUTDIR': str(place / 'the report')}


@pytest.fixture
def settings(small_night, tmp_path):
    """Environment of a run whose every path has a blank in it."""
    place = tmp_path / 'with blanks'
    place.mkdir()
    (place / 'night 1').symlink_to(small_night)
    return settings_of(place)


@pytest.fixture(scope='module')
def done(small_night, tmp_path_factory):
    """A run over that night to its end: .settings .status .lines; only looked at."""
    place = tmp_path_factory.mktemp('done') / 'with blanks'
    place.mkdir()
    (place / 'night 1').symlink_to(small_night)
    status, lines = nightly(settings_of(place), PHOTZP_NDAYS=ALL_NIGHTS)
    return SimpleNamespace(settings=settings_of(place), status=status, lines=lines)


@pytest.fixture
def after(done, warm_python, tmp_path):
    """Environment of a run after that one, in a copy of what it left."""
    shutil.copytree(done.settings['HOME'], tmp_path / 'with blanks', symlinks=True)
    return settings_of(tmp_path / 'with blanks') | {'PHOTZP_PYTHON': warm_python}


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


def test_a_night_twice(done, after, small_night, night):
    lines = done.lines
    assert done.status == 1  # one file cannot be read
    assert [line for line in lines if not DATED.match(line)] == []
    said = of_the_script(lines)
    types = [line.split()[2] for line in said if line.startswith('calibration of') and line.endswith('begins')]
    assert sorted(types) == ['ep', 'fa', 'fl', 'fs', 'kb', 'sq']
    assert 'report is done' in said
    assert re.fullmatch(r'calibration of \w\w is done, but some input was unreadable \(status 1\)', said[-1])
    first = rows(done.settings)
    counted = re.fullmatch(r'in all (\d+) measured, 0 already known, (\d+) rejected: (.*)', said[-2])
    assert int(counted[1]) == len(first)
    assert int(counted[2]) == sum(int(part.split()[0]) for part in counted[3].split(', ')) >= 1
    assert '1 file-unreadable' in counted[3].split(', ')
    assert [line for line in lines if 'WARNING' in line and 'rejected, file-unreadable: the file' in line]
    there = {path.name.rsplit('-', 1)[0] for path in small_night.rglob('*-e91.fits*')}
    measurable = {exposure for exposure in there if night.truth[exposure]['measurable']}
    assert len(measurable) >= 4
    assert measurable <= {name.rsplit('-', 1)[0] for name, _ in first}
    assert (Path(done.settings['PHOTZP_OUTPUTDIR']) / 'index.html').stat().st_size > 1000

    # Again: nothing is measured a second time.
    status, lines = nightly(after, PHOTZP_NDAYS=ALL_NIGHTS)
    assert status == 0  # the broken file has not changed since
    counts = [int(line.split()[0]) for line in of_the_script(lines) if re.match(r'\d+ measured, ', line)]
    assert counts == [0] * 6
    assert rows(after) == first


def test_a_night_in_json_every_line_of_it(settings, warm_python):
    settings['PHOTZP_PYTHON'] = warm_python
    status, lines = nightly(settings, '--date', '20200213', PHOTZP_LOG_FORMAT='json', PHOTZP_CHECK='log')
    events = [json.loads(line) for line in lines]
    assert status == 1
    assert all(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', event['time']) for event in events)
    assert {event['script'] for event in events} == {'runphotzp.sh', 'photcalibration.py', 'longtermphotzp.py'}
    assert all(set(event) <= {*EVERY_LINE, *FIELDS} for event in events)
    measured = [event for event in events if 'zp' in event]
    assert sorted((event['frame'], event['zp']) for event in measured) == [
        (name, round(zp, 4)) for name, zp in rows(settings)]
    broken, = (event for event in events if event.get('reason') == 'file-unreadable' and 'frame' in event)
    assert broken['level'] == 'WARNING'
    counts = next(event['counts'] for event in events if 'measured' in event.get('counts', ()))
    assert counts['measured'] == len(measured)
    findings = next(event['findings'] for event in events if 'findings' in event)
    assert findings == sum('finding' in event for event in events)
    assert events[-1]['message'].endswith('(status 1)')

    status, lines = nightly(settings, '--date', '20200213', '--redo', PHOTZP_LOG_FORMAT='json',
                            PHOTZP_PS1DIR=settings['HOME'] + '/no "catalogue"')
    assert status == 2
    assert any('no "catalogue"' in event['message'] for event in map(json.loads, lines) if event['level'] == 'ERROR')


@pytest.mark.parametrize('text', [
    'echo "raw \\"text\\" \\\\n" >&2; printf "\\e[31mred\\n"; exit 2',
    'kill -9 $$',
])
def test_in_json_also_what_others_say_is_json(tmp_path, text):
    settings = {'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'PHOTZP_CAMERATYPES': 'fs',
                'PHOTZP_LOG_FORMAT': 'json', 'PHOTZP_PYTHON': stand_in(tmp_path, text)}
    status, lines = nightly(settings)
    events = [json.loads(line) for line in lines]
    assert status in (2, 137)
    assert all(event['message'].isprintable() for event in events)
    if 'raw' in text:
        assert any(event['level'] == 'WARNING' and event['message'] == 'raw "text" \\n' for event in events)
    # Other words than json and text are refused, and what cannot begin says so in JSON.
    assert 'must be text or json' in nightly(settings, PHOTZP_LOG_FORMAT='xml')[1][0]
    refused, = map(json.loads, nightly(settings, PHOTZP_CHECK='true')[1])
    assert refused['message'] == 'PHOTZP_CHECK=true: must be yes or log'


def test_colours_are_for_a_terminal_only(tmp_path):
    settings = {'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'PHOTZP_CHECK': 'true', 'TERM': 'xterm'}
    shown = on_a_terminal([str(SCRIPT)], settings)
    assert '\033[31mERROR\033[0m' in shown
    assert '\033' not in on_a_terminal([str(SCRIPT)], settings | {'NO_COLOR': '1'})
    assert '\033' not in nightly(settings)[1][0]


def test_a_failing_step_does_not_stop_the_next(after):
    status, lines = nightly(after, '--date', '20200213', '--redo', PHOTZP_PS1DIR=after['HOME'] + '/no catalogue')
    assert status == 2
    said = of_the_script(lines)
    assert 'calibration could not run' in said
    assert 'report is done' in said
    assert said[-1] == 'calibration could not run (status 2)'
    assert any('SkyTable.fits' in line and '--ps1dir' in line for line in lines)

    status, lines = nightly(after, PHOTZP_NDAYS='0', PHOTZP_CAMERATYPES='fs', PHOTZP_OBSERVATORY='/no/such.toml')
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


def test_settings_come_from_a_file_and_the_environment_goes_before_it(tmp_path):
    settings = {'PATH': os.environ['PATH'], 'HOME': str(tmp_path),
                'PHOTZP_PYTHON': stand_in(tmp_path, 'echo "$script" "$@" >>"$HOME/calls"')}
    file = tmp_path / 'photzp.env'
    file.write_text('# of this site\n\nPHOTZP_CAMERATYPES=sq, kb\nPHOTZP_NDAYS="1"\nPHOTZP_MINTEXP=oops\n')
    status, lines = nightly(settings, PHOTZP_ENVFILE='~/photzp.env', PHOTZP_MINTEXP='30')
    begun = [line for line in of_the_script(lines) if line.endswith('begins')]
    assert begun == ['calibration of sq begins', 'calibration of kb begins', 'report begins']
    assert status == 0
    assert (tmp_path / 'calls').read_text().splitlines() == [
        *(f'photcalibration.py --mintexp=30 --lastNdays=1 --cameratype={name}' for name in ('sq', 'kb')),
        f'longtermphotzp.py --outputdirectory={tmp_path}/lcozpplots']
    file.write_text('PHOTZP_ARCHVE=/archive\n')
    assert nightly(settings, PHOTZP_ENVFILE=str(file))[1][0].partition(' --help')[0].endswith(
        f'{file}, line 1: PHOTZP_ARCHVE is no setting; see {SCRIPT}')
    file.write_text('PHOTZP_NDAYS=1\nrm -rf /\n')
    assert nightly(settings, PHOTZP_ENVFILE=str(file))[0] == 2
    assert nightly(settings, PHOTZP_ENVFILE=str(file))[1][0].endswith(f'{file}, line 2: must be NAME=value')
    assert 'cannot be read; see PHOTZP_ENVFILE' in nightly(settings, PHOTZP_ENVFILE='/no/such file')[1][0]


def stand_in(place, text):
    """An interpreter that tells the types of cameras as Python does, and runs a few lines of shell for a script."""
    program = place / 'stand-in'
    program.write_text(f'#!/bin/bash\n[[ $1 != -P ]] || exec {sys.executable} "$@"\nscript=${{1##*/}}; shift\n{text}\n')
    program.chmod(0o755)
    return str(program)


def wait_for(condition):
    """Wait until something holds, half a minute at most."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail('it never came')


def test_what_is_started_how(tmp_path):
    tell = 'printf "%s " "$script" "$(nice)" "$@" >>"$HOME/calls"; echo >>"$HOME/calls"; echo told'
    base = {'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'PHOTZP_PYTHON': stand_in(tmp_path, tell)}
    status, lines = nightly(base, TZ='Asia/Tokyo')
    assert status == 0
    assert lines[-1].endswith(ALL_WELL)
    told = next(line for line in lines if line.endswith('told'))
    assert abs(datetime.fromisoformat(told[:19] + '+00:00') - datetime.now(UTC)) < timedelta(hours=1)
    niceness = os.nice(0) + 10
    *calibrations, report = (tmp_path / 'calls').read_text().splitlines()
    assert calibrations == [f'photcalibration.py {niceness} --mintexp=10 --lastNdays=3 --cameratype={name} '
                            for name in ('fl', 'fa', 'fs', 'ep', 'kb', 'sq')]
    assert report == f'longtermphotzp.py {niceness} --outputdirectory={tmp_path}/lcozpplots '
    (tmp_path / 'calls').unlink()
    everything = {'ARCHIVE': 'a b', 'PS1DIR': '-c', 'DATABASE': '~/d', 'OBSERVATORY': 'e', 'OUTPUTDIR': '~/o&o',
                  'NDAYS': '7', 'MINTEXP': '2', 'CAMERATYPES': 'fs, kb\nep', 'NICE': '0', 'CHECK': 'log',
                  'THRESHOLD': '75', 'METRICS': '~/m n', 'PROCESSES': '5'}
    nightly(base, **{f'PHOTZP_{name}': value for name, value in everything.items()})
    *calibrations, report = (tmp_path / 'calls').read_text().splitlines()
    settings = '--mintexp=2 --observatory=e --imagerootdir=a b --ps1dir=-c --processes=5 --photodb=~/d'
    assert calibrations == [f'photcalibration.py {os.nice(0)} {settings} --lastNdays=7 --cameratype={name} '
                            for name in ('fs', 'kb', 'ep')]
    assert report == (f'longtermphotzp.py {os.nice(0)} --outputdirectory={tmp_path}/o&o --observatory=e '
                      '--processes=5 --check --threshold=75 --metrics=~/m n --database=~/d ')


@pytest.mark.parametrize(('overlay', 'said'), [
    ('sites = 3\n', 'sites'), ('[camera_types.zz]\ndescription = 1\n', 'camera_types')])
def test_camera_types_that_cannot_be_told_are_warned_of(tmp_path, overlay, said):
    """One run of all cameras then, which says the same of the file; it never passes for the ordinary way."""
    (tmp_path / 'site.toml').write_text(overlay)
    tell = 'printf "%s " "$script" "$@" >>"$HOME/calls"; echo >>"$HOME/calls"'
    base = {'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'PHOTZP_PYTHON': stand_in(tmp_path, tell)}
    status, lines = nightly(base, PHOTZP_OBSERVATORY=str(tmp_path / 'site.toml'))
    assert status == 0
    warning = next(line for line in lines if ' WARNING ' in line)
    assert 'the camera types cannot be told, so one run takes all of them: ' in warning
    assert str(tmp_path / 'site.toml') in warning
    assert said in warning
    calibration, _ = (tmp_path / 'calls').read_text().splitlines()
    assert calibration.startswith('photcalibration.py ')
    assert '--cameratype' not in calibration


def test_what_python_warns_of_is_no_camera_type(tmp_path):
    """A stand-in that complains on standard error where it is asked for the types, and tells them all the same."""
    tell = 'printf "%s " "$script" "$@" >>"$HOME/calls"; echo >>"$HOME/calls"'
    program = Path(stand_in(tmp_path, tell))
    asked = '[[ $1 != -P ]] || '
    program.write_text(program.read_text().replace(asked, f'{asked}echo "a warning" >&2\n{asked}', 1))
    nightly({'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'PHOTZP_PYTHON': str(program)})
    *calibrations, _ = (tmp_path / 'calls').read_text().splitlines()
    assert [line.rpartition('=')[2].strip() for line in calibrations] == ['fl', 'fa', 'fs', 'ep', 'kb', 'sq']


@pytest.mark.parametrize(('statuses', 'worst', 'said'), [
    ((0, 0, 0), 0, 'all done'),
    ((1, 0, 0), 1, 'calibration of fs is done, but some input was unreadable'),
    ((1, 2, 0), 2, 'calibration of fs is done, but some input was unreadable; calibration of kb could not run'),
    ((2, 137, 0), 2, 'calibration of fs could not run; calibration of kb failed with status 137'),
    ((137, 1, 0), 137, 'calibration of fs failed with status 137; calibration of kb is done, but some input was'),
    ((0, 127, 0), 2, 'calibration of kb could not run'),
    ((0, 0, 3), 3, 'report is done and has findings'),
])  # fmt: skip
def test_the_verdict(tmp_path, statuses, worst, said):
    text = 'case $script$* in *=fs) exit {};; *=kb) exit {};; *) exit {};; esac'.format(*statuses)
    status, lines = nightly({'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'PHOTZP_CAMERATYPES': 'fs,kb',
                             'PHOTZP_PYTHON': stand_in(tmp_path, text)})
    assert status == worst
    assert of_the_script(lines)[-1].startswith(said)
    assert len([line for line in of_the_script(lines) if line.endswith('begins')]) == 3


@pytest.mark.parametrize(('check', 'calibration', 'worst', 'last'), [
    ('yes', 0, 3, 'WARNING runphotzp: report is done, 12 findings (status 3)'),
    ('yes', 2, 2, 'WARNING runphotzp: calibration of fs could not run; report is done, 12 findings (status 2)'),
    ('log', 0, 0, 'WARNING runphotzp: all done; 12 findings (status 0)'),
    ('log', 1, 1, 'calibration of fs is done, but some input was unreadable; 12 findings (status 1)'),
])  # fmt: skip
def test_findings_are_done_and_counted(tmp_path, check, calibration, worst, last):
    text = (f'[[ $script == photcalibration.py ]] && exit {calibration}; '
            'printf "%s\\n" "88 telescopes" "12 findings" "silent: lsc: 3 findings"; exit 3')
    base = {'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'PHOTZP_CAMERATYPES': 'fs', 'PHOTZP_CHECK': check,
            'PHOTZP_PYTHON': stand_in(tmp_path, text), 'PHOTZP_LOG': '~/log'}
    status, lines = nightly(base)
    logged = (tmp_path / 'log').read_text().splitlines()
    assert status == worst
    assert logged[-1].endswith(last)
    assert any(line.endswith('INFO runphotzp: silent: lsc: 3 findings') for line in logged)
    assert bool(lines) is (worst != 0)  # what cron mails
    assert not (tmp_path / 'lcozpplots' / '.runphotzp.findings').exists()


@pytest.mark.parametrize(('setting', 'line'), [
    ('PHOTZP_CHECK=true', 'ERROR runphotzp: PHOTZP_CHECK=true: must be yes or log'),
    ('PHOTZP_LOG=/dev/full', 'the log could not be written (status 2); see /dev/full'),
    ('PHOTZP_LOG=/no/such/place', 'ERROR runphotzp: /no/such/place: cannot be written; see PHOTZP_LOG'),
    ('PHOTZP_OUTPUTDIR=/dev/null/x', 'ERROR runphotzp: /dev/null/x: cannot be made; see PHOTZP_OUTPUTDIR'),
    ('PHOTZP_OUTPUTDIR=~root/x', 'of ~ only ~/ is expanded; write the whole path'),
    ('PHOTZP_PYTHON=/no/python', 'report could not run (status 2)'),
    ('HOME=', 'could not run (status 2)'),
])  # fmt: skip
def test_a_run_that_cannot_be_says_so_and_never_passes_for_done(tmp_path, setting, line):
    name, _, value = setting.partition('=')
    settings = {'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'PHOTZP_OUTPUTDIR': str(tmp_path),
                'PHOTZP_CAMERATYPES': 'fs', 'PHOTZP_PYTHON': stand_in(tmp_path, 'exit 2')}
    status, lines = nightly(settings | {name: value})
    assert status == 2
    assert lines[-1].endswith(line)


def test_an_end_that_was_not_foreseen_is_no_success(tmp_path):
    """As with an unset variable: cron without HOME, for one."""
    ended = subprocess.run([SCRIPT], env={'PATH': os.environ['PATH']}, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert 'HOME: is not set' in ended.stderr
    assert ended.stderr.endswith('runphotzp: ended before its time (status 2)\n')


def test_called_by_a_link_from_elsewhere(tmp_path):
    (tmp_path / 'nightly').symlink_to(SCRIPT)
    settings = {'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'PHOTZP_CAMERATYPES': 'fs', 'CDPATH': str(tmp_path),
                'PHOTZP_PYTHON': stand_in(tmp_path, 'exit 0')}
    ended = subprocess.run(['./nightly'], cwd=tmp_path, env=settings, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_runs_never_overlap_even_if_the_shell_is_killed(tmp_path):
    base = {'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'PHOTZP_CAMERATYPES': 'fs', 'PHOTZP_LOG': '~/log'}
    slow = stand_in(tmp_path, 'touch "$HOME/begun"; until [[ -e $HOME/go ]]; do sleep 0.05; done; touch "$HOME/ended"')
    running = subprocess.Popen([SCRIPT], env=base | {'PHOTZP_PYTHON': slow}, stderr=subprocess.DEVNULL)
    wait_for((tmp_path / 'begun').exists)
    running.kill()
    running.wait()
    status, lines = nightly(base, PHOTZP_PYTHON='/bin/true')
    assert status == 2
    assert re.search(rf'another run is going on \(process {running.pid}, script \d+ on .*\); nothing', lines[0])
    assert 'another run is going on' in (tmp_path / 'log').read_text().splitlines()[-1]
    (tmp_path / 'go').touch()
    wait_for((tmp_path / 'ended').exists)
    wait_for(lambda: nightly(base, PHOTZP_PYTHON='/bin/true')[0] == 0)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_script_that_runs_and_what_was_measured_is_kept(settings, done, tmp_path, number, capsys):
    # Reading the last frame never ends, so that the signal surely comes in the middle of the run.
    shutil.copytree(settings['PHOTZP_ARCHIVE'], tmp_path / 'archive')
    settings['PHOTZP_ARCHIVE'] = str(tmp_path / 'archive')
    selected = ['--date', '20200213', '--imagerootdir', settings['PHOTZP_ARCHIVE']]
    assert photcalibration.main([*selected, '--dry-run']) == 0
    measured = {name for name, _ in rows(done.settings)}
    *_, held = (path for path in capsys.readouterr().out.split('\n') if Path(path).name in measured)
    # A shell cannot trap what was ignored when it began, as in background jobs: the test may be run in one.
    running = subprocess.Popen([SCRIPT, '--date', '20200213'], env=settings | never_ends(held), stderr=subprocess.PIPE,
                               text=True, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
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
    assert set(kept) < set(rows(done.settings))
    # The rest is measured by the next run.
    assert photcalibration.main([*selected, '--mintexp', '10', '--ps1dir', settings['PHOTZP_PS1DIR'], '--photodb',
                                 settings['PHOTZP_DATABASE']]) < 2
    assert rows(settings) == rows(done.settings)


def test_help_is_its_first_comment(settings):
    shown = subprocess.run([SCRIPT, '--help'], env=settings, capture_output=True, text=True, check=True).stdout
    text = SCRIPT.read_text()
    for name in set(re.findall(r'PHOTZP_\w+', text)):
        assert name in shown, f'{name} is read but not documented'


@pytest.mark.parametrize(('url', 'named', 'password'), [
    ('postgresql://me:canary@host/zp?x=1', 'postgresql://me@host/zp?x=1', 'canary'),
    ('postgresql+psycopg://me:a%40b%5cn@host:5432/zp', 'postgresql+psycopg://me@host:5432/zp', r'a@b\n'),
    ('postgresql://me@host/zp', 'postgresql://me@host/zp', ''), ('/data/a:b@c.db', '/data/a:b@c.db', ''),
    ('sqlite:////data/a:b@c.db', 'sqlite:////data/a:b@c.db', ''),
])  # fmt: skip
def test_the_password_of_a_database_is_not_on_the_command_line(settings, tmp_path, url, named, password):
    python = tmp_path / 'python'
    python.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" "$PGPASSWORD" >> {tmp_path}/seen\n')
    python.chmod(0o755)
    status, lines = nightly(settings, '--date', '20200213', PHOTZP_PYTHON=str(python), PHOTZP_DATABASE=url)
    assert status == 0
    calibration, first, report, second = (tmp_path / 'seen').read_text().splitlines()
    assert f'--photodb={named} ' in f'{calibration} '
    assert f'--database={named} ' in f'{report} '
    assert first == second == password
    assert not any('canary' in line for line in lines)
