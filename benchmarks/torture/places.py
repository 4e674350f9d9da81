"""Nothing is written but in one directory: `make torture`."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from benchmarks.torture.ground import NIGHT, ROOT, Place, kill_group, make_night
from benchmarks.torture.tally import Tally

NOBODY = 65534


PROBE = 'import numpy, os, sys; sys.exit(os.access(sys.argv[1], os.W_OK) or not os.access(sys.argv[2], os.W_OK))'


def unprivileged(read_only: Path, writable: Path) -> list[str] | None:
    """Start of a command that permissions bind; empty if they bind this process; None if that is impossible.

    As nobody, if that user can reach interpreter and directories; else as root without its capabilities.
    """
    if os.geteuid() != 0:
        return []
    if shutil.which('setpriv') is None:
        return None
    for owner, way in ((NOBODY, ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups']),
                       (0, ['setpriv', '--bounding-set=-all', '--inh-caps=-all'])):
        os.chown(writable, owner, owner)
        if subprocess.run([*way, sys.executable, '-c', PROBE, read_only, writable], check=False, capture_output=True,
                          cwd='/').returncode == 0:
            return way
    return None


def listing(directory: Path) -> dict[str, tuple]:
    """{path: properties that a write would change} of all below a directory, itself included."""
    properties = {}
    for path in (directory, *directory.rglob('*')):
        facts = path.lstat()
        properties[str(path.relative_to(directory))] = (
            stat.S_IFMT(facts.st_mode), facts.st_size, facts.st_mtime_ns, facts.st_ino)
    return properties


def make_read_only(directory: Path) -> None:
    """No write permission for anybody on anything below a directory, itself included."""
    for path in (directory, *directory.rglob('*')):
        path.chmod(path.stat().st_mode & ~0o222)


def changes(before: dict[str, tuple], after: dict[str, tuple]) -> list[str]:
    """Paths that came, went, or were written."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def one_directory(place: Path, frames: int = 6, most: int = 5) -> Tally:
    """Nightly runs and each script in odd ways, as a user that permissions bind, with all but one directory read-only.

    Archive, catalogue, home, temporary and working directory are compared before and after, and so is the checkout.
    """
    here = Place(place, make_night(place / 'night', frames, 5, '--sites', 'lsc', '--regimes', 'ordinary',
                                   '--defects', '0.3', '--twins', '0.5'))
    here.database = here.out / 'lcophotzp.db'
    kept = ('night', 'home', 'tmp', 'data')
    for name in kept:
        make_read_only(place / name)
    place.chmod(0o755)
    way = unprivileged(place / 'night', here.out)
    if way is None:
        return Tally(0, (), ('root, and no setpriv (package util-linux) that works: not tried',))
    lost = []
    program = {name: listing(ROOT / name) for name in ('photzp', 'deploy', 'docs')}
    before = {name: listing(place / name) for name in kept}
    outside = outside_of(place, here.out)
    here.more = {'PHOTZP_PYTHON': sys.executable, 'PHOTZP_ARCHIVE': str(here.archive), 'PHOTZP_PS1DIR': str(here.ps1),
                 'PHOTZP_OUTPUTDIR': str(here.out), 'PHOTZP_DATABASE': str(here.database), 'PHOTZP_NICE': '0'}
    environment = {name: value for name, value in here.environment().items() if name != 'MPLCONFIGDIR'}
    environment['PYTHONDONTWRITEBYTECODE'] = '1'  # an installed program has its bytecode, a checkout may be new
    nightly = [str(ROOT / 'deploy' / 'runphotzp.sh'), '--date', NIGHT, '--mintexp', '10']
    commands = [('the nightly script', nightly), ('the nightly script again', [*nightly, '--redo']),
                ('previews', here.calibration('--preview')), ('a check', here.report('--testdb')),
                ('a list', here.calibration('--dry-run', '--redo'))]
    for name, command in commands[:most]:
        wrong = run_as(way, command, environment, place)
        wrong += [f'written: {folder}/{path}' for folder in kept
                  for path in changes(before[folder], listing(place / folder))]
        wrong += [f'written: {path}' for path in outside_of(place, here.out) if path not in outside]
        wrong += [f'written: {folder}/{path}' for folder, was in program.items()
                  for path in changes(was, listing(ROOT / folder))]
        lost += [f'{name}: {"; ".join(wrong)}'] if wrong else []
    for path in place.rglob('*'):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)  # so that it can be removed
    return Tally(len(commands[:most]), tuple(lost), (f'as {" ".join(way) or "this user"}',))


def outside_of(place: Path, out: Path) -> list[str]:
    """Names in a place, without the output directory."""
    return sorted(path.name for path in place.iterdir() if path != out)


def run_as(way: list[str], command: list[str], environment: dict[str, str], place: Path) -> list[str]:
    """Run a command; returns lines that it should not log, e.g. on files that it must not write."""
    process = subprocess.Popen([*way, *command], env=environment, cwd=place / 'tmp', stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        said = process.communicate(timeout=300)[1]
    except subprocess.TimeoutExpired:
        kill_group(process)
        return ['did not end']
    bad = [line for line in said.splitlines() if ' ERROR ' in line or 'denied' in line or 'temporary cache' in line]
    return [] if process.returncode in (0, 1) and not bad else [f'status {process.returncode}: {(bad or [said])[-1]}']


CLASSES = [('only one directory is written', one_directory)]
