"""The digest of the code changes with every file that can change what comes out, and with nothing else."""

import shutil

import pytest

from photzp import program
from tests.support.runs import ROOT as TOP


@pytest.mark.parametrize('file', ['photzp/names.py', 'photzp/answers/steps.py', 'photzp/observatory.toml',
                                  'photzp/pages/templates/index.html.j2', 'photdbinterface.py'])
def test_a_change_of_code_is_a_change(tmp_path, file):
    shutil.copytree(TOP / 'photzp', tmp_path / 'photzp')
    for name in program.BESIDE:
        shutil.copy(TOP / name, tmp_path)
    before = program.code_digest(tmp_path / 'photzp')
    assert before == program.code_digest()
    with open(tmp_path / file, 'a') as changed:
        changed.write('# changed\n')
    assert program.code_digest(tmp_path / 'photzp') != before
