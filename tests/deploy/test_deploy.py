"""What is copied to a host or builds an image: examples that work, pins that hold, a Dockerfile that is whole."""

import os
import pwd
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from docker.utils.build import exclude_paths
from packaging.requirements import Requirement

from photdbinterface import Measurement, PhotDatabase
from simulation.fleet import YearsSpec
from simulation.yearfiles import times_of
from simulation.years import simulate
from tests.support.shared import unavailable

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / 'deploy'
NIGHTLY = DEPLOY / 'runphotzp.sh'
DOCKERFILE = (ROOT / 'Dockerfile').read_text(encoding='utf-8')
PROJECT = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))


def lines_of(path):
    """Lines of a file that are neither empty nor comments."""
    return [line for line in path.read_text(encoding='utf-8').splitlines() if line.strip() and not line.startswith('#')]


def documented():
    """{PHOTZP_ variable: default in words} by the help of the nightly script."""
    shown = subprocess.run([NIGHTLY, '--help'], capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r'^  (PHOTZP_\w+) .*\(default:? (.*)\)$', shown, re.MULTILINE))


def test_the_readme_has_the_variables_of_the_nightly_script():
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    rows = dict(re.findall(r'^\| `(PHOTZP_\w+)` \| [^|]+ \| (.*) \|$', readme, re.MULTILINE))
    assert rows.keys() == documented().keys() | {'PHOTZP_ENVFILE'}
    for name in ('PHOTZP_NDAYS', 'PHOTZP_MINTEXP', 'PHOTZP_NICE', 'PHOTZP_LOG', 'PHOTZP_OBSERVATORY'):
        assert rows[name] == documented()[name]


def test_the_example_settings_are_taken(tmp_path):
    example = DEPLOY / 'photzp.env.example'
    names = [line.split('=')[0] for line in lines_of(example)]
    assert set(names) <= documented().keys()
    ended = subprocess.run([NIGHTLY], capture_output=True, text=True, check=False, timeout=60, env={
        'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'PHOTZP_ENVFILE': str(example), 'PHOTZP_CAMERATYPES': 'fs',
        'PHOTZP_ARCHIVE': str(tmp_path / 'no archive'), 'PHOTZP_PYTHON': sys.executable})
    assert ended.returncode == 2
    log = (tmp_path / 'lcozpplots' / 'runphotzp.log').read_text()
    assert 'no archive: the frame archive does not exist' in log
    assert ended.stderr.startswith('runphotzp: calibration of fs could not run; report could not run (status 2)')


def test_the_example_crontab_runs(tmp_path):
    environment, nightly, copy = lines_of(DEPLOY / 'crontab.example')
    assert re.fullmatch(r'PHOTZP_ENVFILE=/\S+', environment)
    for entry in (nightly, copy):
        assert re.match(r'(\d+|\*)(,\d+)* (\d+|\*)(,\d+)* (\d+|\*) (\d+|\*) ([0-7]|\*) +/', entry)
    commands = [' '.join(entry.split()[5:]) for entry in (nightly, copy)]
    assert commands[0] == '/opt/photzp/deploy/runphotzp.sh'
    assert NIGHTLY.stat().st_mode & 0o111
    # cron turns an unescaped % into the end of the command.
    assert not re.search(r'(?<!\\)%', commands[1])
    command = commands[1].replace('\\%', '%').replace('/opt/photzp/.venv/bin/python', sys.executable).replace(
        '/opt/photzp', str(ROOT))
    with PhotDatabase(tmp_path / 'lcozpplots' / 'lcophotzp.db') as database:
        database.add(Measurement(name='x-1-e91.fits', dateobs='2019-08-05 01:00:00.000', site='lsc', dome='doma',
                                 telescope='1m0a', camera='fa15', filter='gp', airmass=1.5, zp=24.0, colorterm=0.3,
                                 zpsig=0.1))
    subprocess.run(['/bin/sh', '-c', command], env={'HOME': str(tmp_path), 'PATH': os.environ['PATH']}, check=True,
                   timeout=60)
    made, = (tmp_path / 'lcozpplots').glob('backup-[0-3].db')
    with PhotDatabase(made, readonly=True) as database:
        assert len(database.zeropoints()) == 1


def test_the_example_for_logrotate_rotates(tmp_path):
    logrotate = shutil.which('logrotate', path=os.environ['PATH'] + ':/usr/sbin')
    if logrotate is None:
        unavailable('logrotate is not installed')
    log = tmp_path / 'runphotzp.log'
    user = pwd.getpwuid(os.geteuid()).pw_name
    text = (DEPLOY / 'logrotate.example').read_text(encoding='utf-8').replace('/home/photzp/lcozpplots', str(tmp_path))
    settings = tmp_path / 'logrotate.conf'
    settings.write_text(text.replace('su photzp photzp', f'su {user} {user}').replace('dateext', 'nodateext'))
    settings.chmod(0o644)
    for content in ('first\n', 'second\n', 'third\n'):
        log.write_text(content)
        subprocess.run([logrotate, '--force', '--state', tmp_path / 'state', settings], check=True)
    assert sorted(path.name for path in tmp_path.glob('runphotzp.log*')) == [
        'runphotzp.log.1', 'runphotzp.log.2.gz', 'runphotzp.log.3.gz']
    assert (tmp_path / 'runphotzp.log.1').read_text() == 'third\n'


def requirements(path):
    """{name: Requirement} of a requirements file and those that it includes."""
    found = {}
    for line in lines_of(path):
        if line.startswith('-r '):
            found |= requirements(path.parent / line[3:])
        elif not line.startswith(' '):
            requirement = Requirement(line.rstrip(' \\'))
            found[requirement.name.lower()] = requirement
    return found


def test_the_lock_holds_what_is_required_by_hash():
    assert_pinned('requirements.lock', requirements(ROOT / 'requirements-postgresql.txt'))


def test_what_builds_the_wheel_is_pinned_by_hash():
    wanted = [Requirement(text) for text in PROJECT['build-system']['requires']]
    assert [requirements(ROOT / 'requirements-dev.txt')[one.name] for one in wanted] == wanted
    assert_pinned('requirements-build.txt', {one.name: one for one in wanted})


def assert_pinned(name, wanted):
    """A file pins versions that are wanted, and each of its packages by hash."""
    pinned = requirements(ROOT / name)
    for package, requirement in wanted.items():
        version = str(pinned[package].specifier).removeprefix('==')
        assert requirement.specifier.contains(version), f'{package} {version} is not {requirement}; run make lock'
    entries = re.split(r'^(?=\S)', (ROOT / name).read_text(encoding='utf-8'), flags=re.MULTILINE)[1:]
    assert len(entries) == len(pinned)
    assert [entry for entry in entries if '==' not in entry or '--hash=sha256:' not in entry] == []


def test_the_image_is_built_of_all_that_the_wheel_is_made_of():
    """pip compiles and installs in a stage of its own; of that the last one takes the whole virtual environment."""
    _, build, *_, last = re.split(r'^FROM ', DOCKERFILE, flags=re.MULTILINE)
    copied = {path.relative_to(ROOT) for source in copied_from_context(build) for path in ROOT.glob(source)}
    setuptools, project = PROJECT['tool']['setuptools'], PROJECT['project']
    dynamic = setuptools['dynamic']
    files = [each['file'] for each in (dynamic['dependencies'], *dynamic['optional-dependencies'].values())]
    needed = {'photzp', 'pyproject.toml', project['readme'], *(f'{name}.py' for name in setuptools['py-modules']),
              *(name for names in files for name in names), *(Path(name).parts[0] for name in project['license-files'])}
    assert {Path(name) for name in needed} <= copied
    assert build.count('--require-hashes') == build.count('pip install') - 1 == 2  # all but the wheel itself
    assert copied_from_context(last) == ['deploy/runphotzp.sh', 'deploy/shardnights.py']


def copied_from_context(stage):
    """What the COPY lines of a stage name of the checkout."""
    return [source for sources in re.findall(r'^COPY (?!--from)(.*) \S+$', stage, re.MULTILINE)
            for source in sources.split()]


def test_the_context_of_the_image_is_the_checkout_without_what_is_made_in_it(tmp_path):
    lines = lines_of(ROOT / '.dockerignore')
    assert [line for line in lines if line.startswith('!') and not list(ROOT.glob(line[1:]))] == []
    names = ['photzp/names.py', 'photzp/pages/static/page.js', 'simulation/spec.py', 'examples/demo.py', 'LICENSE',
             'tests/conftest.py', 'requirements-extra-dask.txt', 'deploy/kubernetes/README.md', 'pyproject.toml']
    made = ['build/lib/photzp/names.py', 'dist/photzp.whl', 'photzp.egg-info/PKG-INFO', 'photzp/__pycache__/names.pyc',
            '.venv/bin/python', 'demo/years.db']
    for name in names + made:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    sent = {name for name in exclude_paths(str(tmp_path), lines) if (tmp_path / name).is_file()}
    assert sent == set(names)
    assert {'build/', 'dist/', '*.egg-info/'} <= set(lines_of(ROOT / '.gitignore'))


def test_no_user_but_the_last_is_named_in_the_dockerfile():
    """Non-root, and nothing after USER that would need root."""
    last = DOCKERFILE.split('\nFROM ')[-1]
    assert re.findall(r'^USER (.*)$', last, re.MULTILINE) == ['10001:10001']
    after = last.split('\nUSER ')[1]
    assert not re.search(r'^(RUN|COPY|ADD) ', after, re.MULTILINE)


@pytest.mark.parametrize('script', ['build_image.sh', 'publish_image.sh'])
def test_image_scripts_without_arguments_say_how(script):
    ended = subprocess.run([DEPLOY / script], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert f'usage: {script}' in ended.stderr


def test_publishing_never_shows_the_password(tmp_path):
    docker = tmp_path / 'docker'
    docker.write_text('#!/bin/sh\necho "$@" >>"$CALLS"\n[ "$1" != login ] || cat >>"$CALLS".password\n')
    docker.chmod(0o755)
    environment = {'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'CALLS': str(tmp_path / 'calls'),
                   'REGISTRY_USER': 'robot', 'REGISTRY_PASSWORD': 'hush'}
    ended = subprocess.run([DEPLOY / 'publish_image.sh', 'photzp:1', 'registry.example.org/lco', 'abc', 'v1'],
                           env=environment, capture_output=True, text=True, check=True)
    assert (tmp_path / 'calls').read_text().splitlines() == [
        'login --username robot --password-stdin registry.example.org',
        'tag photzp:1 registry.example.org/lco/photzp:abc', 'push registry.example.org/lco/photzp:abc',
        'tag photzp:1 registry.example.org/lco/photzp:v1', 'push registry.example.org/lco/photzp:v1',
        'logout registry.example.org']
    assert (tmp_path / 'calls.password').read_text() == 'hush\n'
    assert 'hush' not in ended.stdout + ended.stderr


def test_a_demo_never_publishes(monkeypatch):
    """Neither by credentials of the environment, nor by a site's file that holds some."""
    from examples import demo

    for name in ('AWS_S3_BUCKET', 'AWS_ACCESS_KEY_ID', 'PHOTZP_ENVFILE', 'PHOTZP_OUTPUTDIR'):
        monkeypatch.setenv(name, 'of the site')
    assert 'of the site' not in demo._without_cloud().values()
    assert demo._without_cloud()['PATH'] == os.environ['PATH']


def test_the_simulated_years_of_a_demo_end_before_today():
    from examples import demo

    start = demo._first_day(date(2025, 12, 20)).isoformat()
    spec = YearsSpec(seed=demo.SEED, telescopes=demo.TELESCOPES, years=demo.YEARS, filters=('rp',), one_per_night=True,
                     start=start)
    times = np.concatenate([times_of(rows, spec) for _, series in simulate(spec) for _, rows in series.values()])
    last = times[times < np.datetime64('2050')].max()  # but for the planted rows whose clock is ahead
    assert np.datetime64('2025-12-19') < last < np.datetime64('2025-12-20')
