"""The run of a script: its log, its summary, colours, and pipes that close."""

import argparse
import io
import json
import logging
import os
import subprocess
import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import photcalibration
from photzp.running import script
from tests.support.runs import on_a_terminal

ROOT = Path(__file__).resolve().parents[2]


def speaks(_options):
    logging.getLogger('some.library').warning('a library warns')
    logging.getLogger('some.library').info('a library chats')
    with warnings.catch_warnings():  # pytest makes them errors
        warnings.simplefilter('default')
        warnings.warn('Python warns', UserWarning, stacklevel=1)
    script.note_run(17)
    script.print_summary('  12 done', counts={'done': 12})
    return 0


def test_libraries_and_the_summary_speak_the_same_language(capsys):
    options = argparse.Namespace(log_level='INFO', log_format='json')
    handlers = list(logging.getLogger().handlers)
    assert script.run_script(speaks, options, 'test.py') == 0
    said = capsys.readouterr()
    library, python = map(json.loads, said.err.splitlines())
    assert (library['logger'], library['message']) == ('some.library', 'a library warns')
    assert python['message'].startswith('UserWarning: Python warns')
    summary = json.loads(said.out)
    assert (summary['message'], summary['counts'], summary['run']) == ('12 done', {'done': 12}, 17)
    assert logging.getLogger().handlers == handlers
    options.log_format = 'text'
    script.run_script(speaks, options, 'test.py')
    assert capsys.readouterr().out == '  12 done\n'


@pytest.mark.parametrize(('more', 'coloured'), [({'TERM': 'xterm'}, True), ({'TERM': 'dumb'}, False),
                                                ({'TERM': 'xterm', 'NO_COLOR': '1'}, False)])
def test_levels_are_coloured_on_a_terminal_that_wants_it(night, tmp_path, more, coloured):
    command = [sys.executable, str(ROOT / 'photcalibration.py'), '--site', 'lcs', '--imagerootdir', str(night.archive),
               '--photodb', str(tmp_path / 'x.db')]
    shown = on_a_terminal(command, {**os.environ, 'NO_COLOR': '', **more})
    assert ('\033[33mWARNING\033[0m' in shown) is coloured
    assert ('\033' in shown) is coloured
    assert 'did you mean lsc?' in shown
    piped = subprocess.run(command, env={**os.environ, 'NO_COLOR': '', **more}, capture_output=True, text=True,
                           check=True)
    assert '\033' not in piped.stderr + piped.stdout


def head(*command):
    """Status and log of a command of which nobody reads more than the first line, and that line."""
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=ROOT) as process:
        line = process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read().decode()
        return process.wait(timeout=60), line.decode().rstrip('\n'), said


def test_a_dry_run_is_paths_for_a_pipe(night, tmp_path):
    command = ['photcalibration.py', '--date', '20200213', '--dry-run', '--imagerootdir', str(night.archive),
               '--photodb', str(tmp_path / 'x.db')]
    whole = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True, cwd=ROOT)
    paths = whole.stdout.splitlines()
    assert len(paths) == len(night.truth)
    assert all(Path(path).is_file() for path in paths)
    assert len(whole.stderr.splitlines()) == 1
    status, first, said = head(*command)
    assert first == paths[0]
    assert status in (0, 141)  # 0 where it was faster than we
    assert said.splitlines() == [line for line in said.splitlines() if ' INFO ' in line]


def test_a_pipe_that_is_closed_and_a_full_disk_end_a_script_in_order():
    code = ('import argparse, sys\nfrom photzp.running import script\n'
            'def run(options):\n    while True:\n        script.print_line("x" * 1000)\n'
            'sys.exit(script.run_script(run, argparse.Namespace(log_level="INFO")))')
    assert head('-c', code) == (141, 'x' * 1000, '')
    with open('/dev/full', 'w') as full:
        ended = subprocess.run([sys.executable, '-c', code], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT,
                               check=False)
    assert ended.returncode == 2
    assert ' ERROR standard output cannot be written (No space left on device)' in ended.stderr


def test_a_caller_in_python_may_keep_the_summary_as_text():
    kept = io.StringIO()
    with redirect_stdout(kept):
        script.print_summary('12 measured', counts={'measured': 12})
    assert kept.getvalue() == '12 measured\n'


def test_a_path_of_any_bytes_is_printed_as_it_is(capfdbinary, tmp_path, night):
    place = tmp_path / 'latin \udce9'
    place.mkdir()
    frame = next(night.archive.rglob('*-e91.fits*'))
    (place / frame.name).symlink_to(frame)
    assert photcalibration.main(['--crawldirectory', str(place), '--dry-run']) == 0
    assert capfdbinary.readouterr().out == os.fsencode(place / frame.name) + b'\n'
