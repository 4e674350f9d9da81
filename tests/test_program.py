"""The digest of the code changes with every file that can change what comes out, and with nothing else."""

import shutil

import pytest

from photzp import program
from tests.support.runs import ROOT


@pytest.mark.parametrize('file', ['photzp/names.py', 'photzp/answers/steps.py', 'photzp/observatory.toml',
                                  'photzp/pages/templates/index.html.j2', 'photdbinterface.py'])
def test_a_change_of_code_is_a_change(tmp_path, file):
    shutil.copytree(ROOT / 'photzp', tmp_path / 'photzp')
    for name in program._TOP_FILES:
        shutil.copy(ROOT / name, tmp_path)
    before = program.code_digest(tmp_path / 'photzp')
    assert before == program.code_digest()
    with open(tmp_path / file, 'a') as changed:
        changed.write('# changed\n')
    assert program.code_digest(tmp_path / 'photzp') != before


def test_what_is_no_code_changes_nothing_and_a_name_counts(tmp_path):
    package = tmp_path / 'photzp'
    (package / 'room').mkdir(parents=True)
    (package / 'room' / 'one.py').write_text('ONE = 1\n')
    before = program.code_digest(package)
    (package / 'room' / 'README.md').write_text('read me')
    (package / 'room' / 'one.pyc').write_bytes(b'compiled')
    (tmp_path / 'other.py').write_text('beside the package, and none of it')
    assert program.code_digest(package) == before
    (package / 'room' / 'one.py').rename(package / 'room' / 'two.py')
    assert program.code_digest(package) != before
