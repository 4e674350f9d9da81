#!/usr/bin/env python3
"""Rehearse the Dockerfile where no container engine runs: do its own COPY and RUN lines in a plain directory, then run
the result as its own user on a simulated night.

Debian's release of the same name, made by debootstrap, stands in for the base image; every stage that the last one
needs is a directory of its own, and RUN lines run in it by chroot.  What a missing file or package would break in the
image, breaks here.  Needs root and Linux; nothing outside the working directory is written.
"""

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from docker.utils.build import exclude_paths
from dockerfile_parse import DockerfileParser

CHECKOUT = Path(__file__).resolve().parent.parent
PIP_SETTINGS = ('PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy')
DATE = '20200213'  # of the simulated night
ALL_NIGHTS = '20000'  # days back
# What each module named on the command line is of, and whether it was compiled when the image was made.
IMPORT = """\
import importlib, json, pathlib, sys
specs = {name: importlib.import_module(name).__spec__ for name in sys.argv[1:]}
print(json.dumps({name: [spec.origin, pathlib.Path(spec.cached).is_file()] for name, spec in specs.items()}))
"""


class Stage:
    """One stage of a Dockerfile: its root directory and what its lines have set so far."""

    def __init__(self, root, arguments):
        self.root, self.arguments = root, dict(arguments)
        self.environment = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'}
        self.user, self.directory, self.command = '0:0', '/', None

    def resolve(self, text):
        """The text with ${NAME} of ARG and ENV filled in."""
        values = self.arguments | self.environment
        return re.sub(r'\$\{(\w+)\}', lambda name: values.get(name[1], ''), text)

    def run(self, command, *, extra=None, check=True, **more):
        """Run a command (list) in the root, in processes and mounts of its own; returns the finished process.

        extra : environment besides that of the image.
        """
        uid, gid = self.user.split(':')
        variables = [f'{name}={value}' for name, value in (self.environment | (extra or {})).items()]
        return subprocess.run(
            ['unshare', '--mount', '--pid', '--fork', f'--mount-proc={self.root}/proc', 'chroot',
             f'--userspec={uid}:{gid}', self.root, '/usr/bin/env', '-i', f'--chdir={self.directory}', *variables,
             *command], check=check, text=True, **more)


def main(argv=None):
    """Build, run, and print what was found; returns 0 where all of it worked."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n', maxsplit=1)[0])
    parser.add_argument('--suite', default='trixie', help='Debian release of the base image (default: trixie)')
    parser.add_argument('--base', type=Path, help='directory that keeps the stand-in of the base image between runs')
    parser.add_argument('--target', default='', metavar='STAGE', help='build this stage, and run the command after --')
    parser.add_argument('command', metavar='-- COMMAND', nargs='*', help='to run in the stage instead of its own')
    options = parser.parse_args(argv)
    if os.geteuid() != 0 or shutil.which('debootstrap') is None:
        parser.error('needs root and debootstrap (apt-get install debootstrap)')
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix='rehearsal-') as work:
        base = options.base or Path(work, 'base')
        make_base(base, options.suite)
        image = build(CHECKOUT / 'Dockerfile', base, Path(work), options.target)
        if options.target:
            status = image.run(options.command or image.command, check=False).returncode
            if status:
                sys.exit(f'{" ".join(options.command or image.command)}: ended with status {status}')
        else:
            check_contents(image)
            check_run(image, Path(work))
    print(f'rehearsal passed in {time.monotonic() - started:.0f} s')
    return 0


def make_base(root, suite):
    """Make the stand-in of the base image, unless it is there: a minimal Debian, its Python called as in the image."""
    if not (root / 'usr/local/bin/python').is_symlink():
        print(f'--- a minimal Debian {suite} stands in for the base image', flush=True)
        packages = 'python3,python3-venv,ca-certificates'
        subprocess.run(['debootstrap', '--variant=minbase', f'--include={packages}', suite, root], check=True,
                       stdout=subprocess.DEVNULL)
        (root / 'usr/local/bin/python').symlink_to('/usr/bin/python3')


def build(dockerfile, base, work, target=''):
    """Do the lines of the target (the last stage has no name) and of what it copies from; returns its `Stage`."""
    lines = [line for line in DockerfileParser(path=str(dockerfile), cache_content=True).structure
             if line['instruction'] != 'COMMENT']
    froms = {name: set(re.findall(r'--from=(\w+)', text)) for name, text in stage_texts(dockerfile)}
    needed = {target} | froms[target]
    stages, given, stage = {}, {}, None
    for line in lines:
        instruction, value = line['instruction'], line['value']
        if instruction == 'FROM':
            name = value.partition(' AS ')[2]
            stage = None
            if name in needed:
                stage = stages[name] = Stage(work / f'stage-{name or "last"}', given)
                subprocess.run(['cp', '--archive', '--reflink=auto', base, stage.root], check=True)
        elif stage is None and instruction == 'ARG' and not stages:
            given.update([value.split('=', 1)])
        if stage is not None:
            print(f'{line["startline"] + 1:4d} {instruction} {value[:90]}', flush=True)
            do_line(stage, instruction, value, stages)
    return stages[target]


def stage_texts(dockerfile):
    """(name, text) of each stage of a Dockerfile; the name of one without is empty."""
    for text in re.split(r'^FROM ', dockerfile.read_text(encoding='utf-8'), flags=re.MULTILINE)[1:]:
        yield text.splitlines()[0].partition(' AS ')[2], text


def do_line(stage, instruction, value, stages):
    """Do one line of a Dockerfile in its stage; one of a kind that is not known here is an error."""
    if instruction == 'COPY':
        copy(stage, value, stages)
    elif instruction == 'RUN':
        run_connected(stage, value)
    elif instruction == 'ENV':
        pairs = re.findall(r'(\w+)=("[^"]*"|\S+)', value)
        stage.environment.update({name: stage.resolve(text.strip('"')) for name, text in pairs})
    elif instruction == 'ARG':
        name, _, default = value.partition('=')
        stage.arguments.setdefault(name, default)
    elif instruction == 'USER':
        stage.user = value
    elif instruction == 'WORKDIR':
        stage.directory = value
        (stage.root / value.lstrip('/')).mkdir(parents=True, exist_ok=True)
    elif instruction == 'CMD':
        stage.command = json.loads(value)
    elif instruction not in ('FROM', 'LABEL', 'VOLUME'):
        sys.exit(f'{instruction} {value}: this rehearsal does not know how')


def copy(stage, value, stages):
    """COPY [--from=STAGE] SOURCE... TARGET, as root; of the context only what .dockerignore lets through."""
    words = value.split()
    origin = stages[words.pop(0).removeprefix('--from=')].root if words[0].startswith('--from=') else CHECKOUT
    *patterns, target = words
    target_path = stage.root / target.lstrip('/')
    allowed = context_files() if origin == CHECKOUT else None
    sources = [name for pattern in patterns for name in glob.glob(pattern.lstrip('/'), root_dir=origin)]
    kept = [name for name in sources if allowed is None or (origin / name).is_dir() or name in allowed]
    if not kept:
        sys.exit(f'COPY {value}: no such file in the context; see .dockerignore')
    for name in kept:
        if (origin / name).is_dir():
            shutil.copytree(origin / name, target_path, symlinks=True, dirs_exist_ok=True,
                            ignore=ignored_in(origin, allowed))
        else:
            target_path.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin / name, target_path)
            os.chown(target_path / Path(name).name, 0, 0)


def ignored_in(origin, allowed):
    """What copytree leaves out: what .dockerignore holds back of the context; nothing of another stage."""
    def ignore(folder, names):
        return [name for name in names
                if allowed is not None and str(Path(folder, name).relative_to(origin)) not in allowed]
    return ignore


def context_files():
    """Names of the files of the build context, by .dockerignore as the engine reads it."""
    lines = (CHECKOUT / '.dockerignore').read_text(encoding='utf-8').splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith('#')]
    return set(exclude_paths(str(CHECKOUT), patterns, dockerfile='Dockerfile'))


def run_connected(stage, command):
    """RUN: as the stage's user, with this machine's way to the package index, of which nothing stays in the root."""
    certificates = os.environ.get('PIP_CERT')
    settings = {name: os.environ[name] for name in (*PIP_SETTINGS, 'PIP_CERT') if name in os.environ}
    lent = [Path('/etc/resolv.conf'), *([Path(certificates)] if certificates else [])]
    places = {stage.root / path.relative_to('/'): path for path in lent}
    before = {place: place.read_bytes() if place.is_file() else None for place in places}
    for place, path in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    try:
        stage.run(['/bin/sh', '-c', command], extra=stage.arguments | settings, stdout=subprocess.DEVNULL)
    except subprocess.CalledProcessError as error:
        sys.exit(f'RUN {command}: ended with status {error.returncode}')
    finally:
        for place, content in before.items():
            place.unlink() if content is None else place.write_bytes(content)


def check_contents(image):
    """What must not be in the image, and who owns what."""
    if image.user.startswith(('0', 'root')):
        sys.exit('the image runs as root')
    tools = [name for name in ('pip', 'pip3', 'gcc', 'cc', 'make', 'git', 'curl', 'wget')
             if image.run(['sh', '-c', f'command -v {name}'], check=False, stdout=subprocess.DEVNULL).returncode == 0]
    if tools:
        sys.exit(f'tools of the build are left: {tools}')
    for script in ('photcalibration.py', 'longtermphotzp.py', 'runphotzp.sh', 'shardnights.py'):
        shown = image.run([script, '--help'], stdout=subprocess.PIPE).stdout
        if 'usage' not in shown:
            sys.exit(f'{script} --help shows {shown[:40]!r}')
    number = check_modules(image)
    print(f'--- {number} modules import as user {image.user}; no pip, compiler or downloader is left')


def check_modules(image):
    """All modules of the checkout import from where pip puts packages, and have bytecode; returns how many."""
    wanted = {'.'.join(path.relative_to(CHECKOUT).with_suffix('').parts).removesuffix('.__init__')
              for path in [*CHECKOUT.glob('*.py'), *(CHECKOUT / 'photzp').rglob('*.py')]}
    found = json.loads(image.run(['python', '-c', IMPORT, *sorted(wanted), 'psycopg'], stdout=subprocess.PIPE).stdout)
    strays = {name: path for name, (path, compiled) in found.items() if '/site-packages/' not in path or not compiled}
    if strays:
        sys.exit(f'not in site-packages, or without bytecode: {strays}')
    copies = [path for path in (image.root / 'app').rglob('*.py') if path.stem in wanted and not path.is_symlink()]
    if copies:
        sys.exit(f'a second copy of a module, which its script would use: {copies}')
    return len(wanted)


def check_run(image, work):
    """The default command on a simulated night, and that it wrote nowhere but in /data.

    Warnings are errors, as in the tests: the image has a newer Python and newer packages than most checkouts.
    """
    night = work / 'night'
    subprocess.run([sys.executable, '-m', 'simulation', 'night', night, '--frames', '24', '--seed', '3', '--no-pixels',
                    '--defects', '0.2'], cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(night / 'archive', image.root / 'archive/engineering')
    shutil.copytree(night / 'ps1', image.root / 'catalog', dirs_exist_ok=True)
    for folder in ('tmp', 'var/tmp'):  # as with a read-only root file system; an engine gives /dev/shm all the same
        (image.root / folder).chmod(0o755)
    marker = work / 'marker'
    marker.touch()
    steps = 0
    for selection in ([], ['--date', DATE]):  # camera type by camera type, as every night; and all of them at once
        ended = image.run([*image.command, *selection], check=False, stderr=subprocess.PIPE,
                          extra={'PHOTZP_NDAYS': ALL_NIGHTS, 'PYTHONWARNINGS': 'error'})
        print(*(f'    {line}' for line in ended.stderr.splitlines() if 'runphotzp:' in line), sep='\n', flush=True)
        if ended.returncode not in (0, 1):  # 1: the night holds broken files on purpose
            sys.exit(f'{image.command} ended with status {ended.returncode}:\n{ended.stderr}')
        steps += len(re.findall('calibration of .* begins', ended.stderr))
    if steps < 2:
        sys.exit(f'{image.command} did not go by camera types, of which observatory.toml has several')
    found = subprocess.run(['find', image.root, '-xdev', '-newer', marker, '-type', 'f'], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split('\n')
    written = {os.path.relpath(path, image.root) for path in found if path} - {'.'}
    outside = sorted(path for path in written if not path.startswith(('data/', 'proc/')))
    if outside or not {f'data/lcozpplots/{name}' for name in ('index.html', 'uPlot.iife.min.js')} <= written:
        sys.exit(f'written outside /data: {outside}; in it: {sorted(written)[:20]}')
    print(f'--- {" ".join(image.command)} made {len(written)} files as user {image.user}, all of them in /data')


if __name__ == '__main__':
    sys.exit(main())
