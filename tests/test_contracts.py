"""The rules of `make lint` on who may use what: each forbidden thing, planted once in a copy, is found.

A contract of import-linter passes in silence where it names a module that nobody imports, also a misspelt one.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['tool']
CONTRACTS = SETTINGS['importlinter']['contracts']
FORBIDDEN = [contract for contract in CONTRACTS if contract['type'] == 'forbidden']
LAYERS, = (contract for contract in CONTRACTS if contract['type'] == 'layers')
MODULES = [part for layer in LAYERS['layers'] for part in re.split(r' [|:] ', layer)]
ROOMS = {'calibration', 'report', 'pages', 'answers', 'figures', 'throughput', 'database', 'store', 'running', 'frames',
         'catalogues'}
PLANTED = 'planted'  # name of the module that breaks the rules of its room


@pytest.fixture
def checkout(tmp_path):
    """A copy of what import-linter reads."""
    for package in SETTINGS['importlinter']['root_packages']:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns('__pycache__', 'static'))
    shutil.copy(ROOT / 'pyproject.toml', tmp_path)
    return tmp_path


def lint(checkout):
    """(Exit status, what was said) of the linter of imports, its lines joined again."""
    program = Path(sys.executable).with_name('lint-imports')
    ended = subprocess.run([program, '--no-cache'], cwd=checkout, capture_output=True, text=True, check=False)
    return ended.returncode, re.sub(r'\s+', ' ', ended.stdout + ended.stderr)


def test_the_code_as_it_is_keeps_the_contracts(checkout):
    status, said = lint(checkout)
    assert status == 0, said
    assert f'Contracts: {len(CONTRACTS)} kept, 0 broken.' in said


def test_every_forbidden_import_is_found(checkout):
    """One module in each room, and in the simulation, that imports all that its contracts forbid."""
    planted = {}
    for contract in FORBIDDEN:
        for source in contract['source_modules']:
            planted.setdefault(source, []).extend(contract['forbidden_modules'])
    for source, names in planted.items():
        if source == 'photzp':
            file, module = checkout / 'photzp' / 'names.py', 'photzp.names'
        else:
            file, module = checkout.joinpath(*source.split('.'), f'{PLANTED}.py'), f'{source}.{PLANTED}'
        with open(file, 'a') as opened:
            opened.writelines(f'import {name}\n' for name in names)
        planted[source] = [(module, name) for name in names]
    status, said = lint(checkout)
    assert status == 1
    missed = [pair for pairs in planted.values() for pair in pairs if '{} -> {} (l.'.format(*pair) not in said]
    assert missed == []
    assert f'{len(CONTRACTS)} broken' in said


def test_the_contracts_name_every_room_and_what_it_may_not_import():
    """The table of docs/architecture.md, written down a second time: rooms that a room may import."""
    may = {'calibration': {'frames', 'catalogues', 'figures', 'store'}, 'answers': {'throughput'},
           'figures': {'throughput'}, 'pages': {'answers'},
           'report': {'throughput', 'answers', 'figures', 'pages', 'store', 'running'}}
    forbids = {contract['source_modules'][0].removeprefix('photzp.'): set(contract['forbidden_modules'])
               for contract in FORBIDDEN if len(contract['source_modules']) == 1}
    for room in ROOMS:
        assert forbids[room] == {f'photzp.{other}' for other in ROOMS - {room} - may.get(room, set())}, room
    files = set(MODULES) - ROOMS
    assert forbids['simulation'] >= {f'photzp.{name}' for name in (ROOMS | files) - {'errors', 'names'}}


def test_the_contracts_are_spelt_right():
    """A misspelt name would be planted as it is, and found: so each one has to be a module that there is."""
    named = {name for contract in FORBIDDEN for name in contract['source_modules'] + contract['forbidden_modules']}
    assert [name for name in named if find_spec(name) is None] == []
    above, science = FORBIDDEN[0], FORBIDDEN[-1]
    assert {f'{path.stem}' for path in ROOT.glob('*.py')} < set(above['forbidden_modules'])
    assert set(science['source_modules']) == {'photzp.throughput', 'photzp.answers', 'photzp.calibration'}
    assert set(science['forbidden_modules']) == {'sqlalchemy', 'matplotlib', 'boto3', 'astropy'}
    assert science['ignore_imports'] == ['photzp.calibration.plots -> matplotlib']


@pytest.mark.parametrize('change', ['a new room', 'a new file', 'a room less', 'an empty package'])
def test_the_layers_are_all_there_and_no_others(checkout, change):
    package = checkout / 'photzp'
    if change == 'a new room':
        (package / 'attic').mkdir()
        (package / 'attic' / '__init__.py').touch()
    elif change == 'a new file':
        (package / 'attic.py').touch()
    elif change == 'a room less':
        shutil.rmtree(package / 'store')
    else:
        for path in package.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (package / '__init__.py').touch()
    status, said = lint(checkout)
    assert status == 1, said
    assert 'attic' in said or 'Missing layer' in said


OUTSIDE = {
    'import argparse': 'TID251', 'import sys\n\nsys.exit(1)': 'TID251', 'import os\n\nhome = os.environ': 'TID251',
    'import os\n\nhome = os.environb': 'TID251', "from os import getenv": 'TID251', 'from os import getenvb': 'TID251',
    'from datetime import UTC, datetime\n\nnow = datetime.now(UTC)': 'TID251',
    'import datetime\n\nclock = datetime.datetime.utcnow': 'TID251',
    'from datetime import datetime\n\nclock = datetime.today': 'TID251',
    'from datetime import date\n\nclock = date.today': 'TID251',
    'def draw() -> None:\n    """Draw."""\n    from matplotlib import pyplot': 'TID251',
    'from . import names': 'TID252',
    'def length(text: str):\n    """Its length."""\n    return len(text)': 'ANN201',
    'def length(text) -> int:\n    """Its length."""\n    return len(text)': 'ANN001',
    'def length(text: str) -> int:\n    return len(text)': 'D103', 'class Place:\n    pass': 'D101',
    'class Place:\n    """A place."""\n\n    def name(self) -> str:\n        return "here"': 'D102',
}  # fmt: skip


@pytest.mark.parametrize('room', ['photzp/answers', 'simulation', ''])
@pytest.mark.parametrize(('code', 'rule'), OUTSIDE.items())
def test_only_scripts_touch_the_outside_world_and_what_is_public_is_told(code, rule, room):
    """In a room of the package, in the simulation, and in a new file at the top."""
    text = f'"""A planted module."""\n\n{code}\n'
    said = subprocess.run([Path(sys.executable).with_name('ruff'), 'check', '--no-cache', '--output-format', 'concise',
                           '--stdin-filename', ROOT / room / f'{PLANTED}.py', '-'], input=text, cwd=ROOT,
                          capture_output=True, text=True, check=False).stdout
    assert f' {rule} ' in said


def test_a_module_without_a_docstring_is_found():
    said = subprocess.run([Path(sys.executable).with_name('ruff'), 'check', '--no-cache', '--output-format', 'concise',
                           '--stdin-filename', ROOT / 'photzp' / f'{PLANTED}.py', '-'], input='LIMIT = 1\n', cwd=ROOT,
                          capture_output=True, text=True, check=False).stdout
    assert ' D100 ' in said


UNDOCUMENTED = {  # a function that breaks each rule of numpydoc
    'PR01': 'def f(a):\n    """Do.\n\n    Once more.\n    """\n',
    'PR02': 'def f(a):\n    """Do.\n\n    Parameters\n    ----------\n    a, b : int\n    """\n',
    'PR03': 'def f(a, b):\n    """Do.\n\n    Parameters\n    ----------\n    b : int\n    a : int\n    """\n',
    'RT01': 'def f():\n    """Do.\n\n    Once more.\n    """\n    return 1\n',
    'YD01': 'def f():\n    """Do.\n\n    Once more.\n    """\n    yield 1\n',
    'GL08': 'def f():\n    return 1\n',
}


def test_every_rule_of_docstrings_is_found(tmp_path):
    for rule, code in UNDOCUMENTED.items():
        (tmp_path / f'{rule}.py').write_text(f'"""A module."""\n\n\n{code}')
    ended = subprocess.run([Path(sys.executable).with_name('numpydoc'), 'lint', '--config', ROOT,
                            *sorted(tmp_path.glob('*.py'))], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    found = set(re.findall(r'(\w+)\.py:\d+: (\w+)', ended.stdout + ended.stderr))
    assert found == {(rule, rule) for rule in UNDOCUMENTED}
    assert set(UNDOCUMENTED) == set(SETTINGS['numpydoc_validation']['checks'])


def test_every_ban_has_a_case_that_shows_it():
    banned = SETTINGS['ruff']['lint']['flake8-tidy-imports']['banned-api']
    cases = '\n'.join(code for code, rule in OUTSIDE.items() if rule == 'TID251')
    for name in banned:
        assert name.rpartition('.')[2] in cases, name


def test_no_figure_is_drawn_by_pyplot():
    """The scripts are exempt from the ban of ruff for what else it bans."""
    folders = ('photzp', 'simulation', 'examples')
    files = [*ROOT.glob('*.py'), *(path for folder in folders for path in (ROOT / folder).rglob('*.py'))]
    assert len(files) > 80
    assert [path for path in files if re.search(r'\bpyplot\b', path.read_text(encoding='utf-8'))] == []
