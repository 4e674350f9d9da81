"""The package as pip installs it: what wheel and sdist hold, and a night that is measured and reported by its commands.

All of it is done without an index, in environments and directories of its own from which nothing of the checkout can be
imported.
"""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from photzp.program import VERSION, code_digest
from tests.support.runs import SAME, arguments, rows

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']
MODULES = {'photcalibration.py', 'longtermphotzp.py', 'ps1catalog.py', 'photdbinterface.py'}
EXTRAS = ('postgresql', 'dask', 'parquet')
FOREIGN = ('simulation', 'examples', 'benchmarks', 'tests')  # what only a checkout has


@pytest.fixture(scope='module')
def built(tmp_path_factory):
    """Files of an sdist and of the wheel that is built of it: .source .sdist .wheel."""
    place = tmp_path_factory.mktemp('built')
    ignored = [line.strip('/') for line in (ROOT / '.gitignore').read_text(encoding='utf-8').split()]
    shutil.copytree(ROOT, place / 'source', symlinks=True, ignore=shutil.ignore_patterns('.git', *ignored))
    quietly([sys.executable, '-m', 'build', '--no-isolation', '--outdir', place, place / 'source'], cwd=place)
    (sdist,), (wheel,) = place.glob('*.tar.gz'), place.glob('*.whl')
    return SimpleNamespace(source=place / 'source', sdist=sdist, wheel=wheel)


@pytest.fixture(scope='module')
def installed(built, tmp_path_factory):
    """A virtual environment with the wheel; all other packages are those that the tests have."""
    place = tmp_path_factory.mktemp('installed') / 'venv'
    quietly([sys.executable, '-m', 'venv', '--without-pip', place])
    pip = [sys.executable, '-m', 'pip', '--disable-pip-version-check', '--python', place / 'bin' / 'python']
    quietly([*pip, 'install', '--no-index', '--no-deps', '--no-build-isolation', built.wheel])
    packages = Path(sysconfig.get_path('purelib', 'venv', {'base': str(place)}))
    others = {sysconfig.get_path('purelib'), sysconfig.get_path('platlib')}
    (packages / 'others.pth').write_text('\n'.join(sorted(others)), encoding='utf-8')
    return SimpleNamespace(bin=place / 'bin', packages=packages)


@pytest.fixture
def run(installed, tmp_path):
    """run(COMMAND, ARGUMENT..., VARIABLE=...) -> finished process; in an empty directory, with the wheel's commands."""
    (tmp_path / 'empty').mkdir()
    environment = {'PATH': f'{installed.bin}:/usr/bin:/bin', 'HOME': str(tmp_path / 'home')}

    def call(*command, **variables):
        return subprocess.run(command, cwd=tmp_path / 'empty', env=environment | variables, text=True,
                              capture_output=True, check=False, timeout=120)
    return call


def quietly(command, **more):
    """Run a command; what it says is shown where it fails."""
    ended = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **more)
    assert ended.returncode == 0, ended.stdout


def names_of(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_package_and_the_four_modules_and_nothing_else(built):
    package = {str(path.relative_to(built.source)) for path in (built.source / 'photzp').rglob('*') if path.is_file()}
    data = {'photzp/py.typed', 'photzp/observatory.toml', 'photzp/pages/static/uPlot.LICENSE.txt',
            'photzp/pages/templates/index.html.j2'}
    assert data <= package
    held = {name for name in names_of(built.wheel) if '.dist-info/' not in name}
    assert held == package | MODULES


def test_the_wheel_says_what_it_is(built):
    with zipfile.ZipFile(built.wheel) as archive:
        said = message_from_bytes(archive.read(f'photzp-{VERSION}.dist-info/METADATA'))
    assert (said['Name'], said['Version'], said['License-Expression']) == ('photzp', VERSION, 'MIT')
    assert said.get_all('Provides-Extra') == list(EXTRAS)
    required = {}
    for text in said.get_all('Requires-Dist'):
        requirement = Requirement(text)
        extra, = re.findall(r'"(\w+)"', str(requirement.marker)) or ['']
        required.setdefault(extra, set()).add((requirement.name, frozenset(requirement.extras), requirement.specifier))
    basic = written_in('requirements.txt')
    assert required == {'': basic} | {extra: written_in(f'requirements-{extra}.txt') - basic for extra in EXTRAS}


def written_in(name):
    """(name, extras, versions) of each requirement of a file and of those that it refers to."""
    found = set()
    for line in (ROOT / name).read_text(encoding='utf-8').splitlines():
        if line.startswith('-r '):
            found |= written_in(line[3:])
        else:
            requirement = Requirement(line)
            found.add((requirement.name, frozenset(requirement.extras), requirement.specifier))
    return found


def test_the_sdist_holds_nothing_that_only_a_checkout_has(built):
    """That it holds enough is seen by the wheel, which was built of it."""
    with tarfile.open(built.sdist) as archive:
        names = {Path(name).relative_to(f'photzp-{VERSION}') for name in archive.getnames()}
    assert {Path('LICENSE'), Path('README.md'), Path('pyproject.toml')} <= names
    assert {path.parts[0] for path in names if path.parts} & set(FOREIGN) == set()


def test_what_is_installed_is_the_code_of_the_checkout_and_nothing_of_it_is_imported(run, installed):
    """A run from a checkout and a worker with the wheel are the same to a cluster, and to the next report."""
    code = ('import json; from importlib.util import find_spec as find; from photzp.program import code_digest\n'
            'print(json.dumps([code_digest(), *(getattr(find(name), "origin", None) for name in '
            f'("photzp.names", *{FOREIGN}))]))')
    digest, origin, *foreign = json.loads(run('python', '-c', code).stdout)
    assert digest == code_digest()
    assert Path(origin) == installed.packages / 'photzp' / 'names.py'
    assert {str(ROOT / name / '__init__.py') for name in FOREIGN} & set(foreign) == set()


def test_a_night_is_measured_and_reported_by_the_commands(run, night, alone, tmp_path):
    """By two processes each; the rows are those that the script of the checkout makes alone."""
    database, report = tmp_path / 'x.db', tmp_path / 'report'
    measured = run('photcalibration', *arguments(night, database, '--processes', '2'))
    assert measured.returncode == 1, measured.stderr  # the night holds broken files on purpose
    assert rows(database, SAME) == rows(alone, SAME)
    made = run('longtermphotzp', '--database', database, '--outputdirectory', report, '--filter', 'gp',
               '--no-errorhistogram', '--no-createsummaryplots', '--processes', '2')
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1] == f'{report}/index.html'
    names = {path.name for path in report.iterdir()}
    assert {'index.html', 'status.json', 'page.js', 'uPlot.iife.min.js', 'uPlot.LICENSE.txt'} <= names
    assert sum(name.startswith('photzptrend-') and name.endswith('.png') for name in names) >= 3  # worth two processes
    assert list((tmp_path / 'empty').iterdir()) == []


def test_both_commands_say_their_version(run):
    for command in PROJECT['scripts']:
        assert VERSION in run(command, '--version').stdout


def test_in_the_directories_of_the_image_each_module_is_that_of_the_wheel(run, installed, night, tmp_path):
    """/app as the Dockerfile makes it.  Python says on standard error which file each module is of."""
    app = tmp_path / 'app'
    (app / 'deploy').mkdir(parents=True)
    links = re.findall(r'ln -s /opt/venv/bin/(\S+) /app/(\S+)', (ROOT / 'Dockerfile').read_text(encoding='utf-8'))
    assert dict(links) == {command: f'{command}.py' for command in PROJECT['scripts']}
    for command, link in links:
        (app / link).symlink_to(installed.bin / command)
    for script in ('shardnights.py', 'runphotzp.sh'):
        shutil.copy(ROOT / 'deploy' / script, app / 'deploy')
    for script in ('photcalibration.py', 'longtermphotzp.py', 'deploy/shardnights.py'):
        ended = run(app / script, '--version', PYTHONVERBOSE='1')
        assert VERSION in ended.stdout
        files = re.findall(r'matches (\S+)|code object from \'?(\S+\.py)\b', ended.stderr)
        ours = [Path(one or other) for one, other in files if re.search(r'/phot\w+[./]|/longterm\w+[./]', one or other)]
        assert len(ours) > 5
        assert [path for path in ours if installed.packages not in path.parents] == []
    listed = run(app / 'deploy' / 'runphotzp.sh', '--dry-run', '--date', '20200213', PHOTZP_ARCHIVE=str(night.archive))
    assert listed.stdout.count('-e91.fits') > 30, listed.stderr
