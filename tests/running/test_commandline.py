"""What both scripts say and how: log lines as text and JSON, colours, progress, usage errors, pipes that close."""

import argparse
import io
import json
import logging
import os
import re
import subprocess
import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import longtermphotzp
import photcalibration
from photzp.running import commandline
from tests.support.logs import log_of
from tests.support.runs import on_a_terminal

ROOT = Path(__file__).resolve().parents[2]


def speaks(_options):
    logging.getLogger('some.library').warning('a library warns')
    logging.getLogger('some.library').info('a library chats')
    with warnings.catch_warnings():  # pytest makes them errors
        warnings.simplefilter('default')
        warnings.warn('Python warns', UserWarning, stacklevel=1)
    commandline.note_run(17)
    commandline.tell('  12 done', counts={'done': 12})
    return 0


def test_libraries_and_the_summary_speak_the_same_language(capsys):
    options = argparse.Namespace(log_level='INFO', log_format='json')
    handlers = list(logging.getLogger().handlers)
    assert commandline.run_script(speaks, options, 'test.py') == 0
    said = capsys.readouterr()
    library, python = map(json.loads, said.err.splitlines())
    assert (library['logger'], library['message']) == ('some.library', 'a library warns')
    assert python['message'].startswith('UserWarning: Python warns')
    summary = json.loads(said.out)
    assert (summary['message'], summary['counts'], summary['run']) == ('12 done', {'done': 12}, 17)
    assert logging.getLogger().handlers == handlers
    options.log_format = 'text'
    commandline.run_script(speaks, options, 'test.py')
    assert capsys.readouterr().out == '  12 done\n'


# -- colours and progress ----------------------------------------------------------------------------------------------


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


BAR = """
import argparse, sys, time
from photzp.running import commandline
def run(options):
    for n in commandline.with_progress(iter(range(30)), 'frames', 30):
        time.sleep(0.02)
        if n % 10 == 5:
            commandline.log.info('event %d', n)
    return 0
sys.exit(commandline.run_script(run, argparse.Namespace(log_level='INFO', log_format=sys.argv[1])))
"""


@pytest.mark.parametrize('columns', [100, 30])
def test_a_bar_has_rate_and_time_left_and_leaves_lines_whole(columns):
    shown = on_a_terminal([sys.executable, '-c', BAR, 'text'],
                          {**os.environ, 'TERM': 'xterm', 'PYTHONPATH': str(ROOT)}, columns)
    pieces = re.sub(r'\033\[\d*[A-Za-z]', '', shown).replace('\r\n', '\n').replace('\r', '\n').split('\n')
    events = [piece for piece in pieces if 'event' in piece]
    assert all(re.fullmatch(r'\S+ \S+Z INFO event \d+', piece.rstrip()) for piece in events)
    assert len(events) == 3
    bars = [piece for piece in pieces if ' of 30 frames' in piece]
    assert bars[-1].startswith('30 of 30 frames')
    assert max(map(len, bars)) <= columns
    if columns == 100:
        assert all(re.search(r'\| +\S+ frames/s, \d\d:\d\d left$', bar.rstrip()) for bar in bars[2:])


def test_json_on_a_terminal_has_no_bar():
    shown = on_a_terminal([sys.executable, '-c', BAR, 'json'], {**os.environ, 'TERM': 'xterm', 'PYTHONPATH': str(ROOT)})
    assert [json.loads(line)['message'] for line in shown.splitlines()] == ['event 5', 'event 15', 'event 25']


def test_where_nobody_watches_there_is_a_line_now_and_then(capsys, monkeypatch):
    clock = iter(range(0, 100_000, 100))
    monkeypatch.setattr(commandline.time, 'monotonic', lambda: next(clock))

    def run(_options):
        assert list(commandline.with_progress(range(8), 'frames')) == list(range(8))
        return 0

    _, lines = log_of(capsys, run)
    assert [(event['message'], event['done'], event['total']) for event in map(json.loads, lines)] == [
        ('3 of 8 frames, 100 s each, 8 min left', 3, 8), ('6 of 8 frames, 100 s each, 3 min left', 6, 8)]


@pytest.mark.parametrize(('done', 'total', 'seconds', 'said'), [
    (1200, 6000, 31.58, '1200 of 6000 frames, 38/s, 2 min left'),
    (1, 2, 45, '1 of 2 frames, 45 s each, 45 s left'),
    (100, 100_000, 300, '100 of 100000 frames, 3.0 s each, 83.2 h left'),
    (5000, None, 2, '5000 frames, 2500/s'),
])
def test_progress_in_words(done, total, seconds, said):
    assert commandline.progress_line(done, total, 'frames', seconds) == said


# -- usage and pipes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(('arguments', 'said'), [
    (['--databse', 'x'], '--databse: there is no such option (did you mean --database?)'),
    (['--export', 'x.csv', '--testdb'], '--testdb: not allowed with argument --export'),
    (['--threshold', 'low'], "--threshold: 'low' is no percentage between 0 and 200"),
    (['--log-format', 'xml'], "--log-format: invalid choice: 'xml'"),
    (['--renderhtml=maybe'], "'maybe' is neither True nor False"),
])
def test_a_usage_error_is_one_line_in_either_form(capsys, arguments, said):
    for more in ([], ['--log-format=json']):
        with pytest.raises(SystemExit) as ended:
            longtermphotzp.main([*more, *arguments])
        assert ended.value.code == 2
        line, = capsys.readouterr().err.splitlines()
        message = json.loads(line)['message'] if more else line.removeprefix('longtermphotzp.py: error: ')
        assert message.startswith(said) or said in message
        assert message.endswith('; see longtermphotzp.py --help')


@pytest.mark.parametrize('script', [photcalibration, longtermphotzp])
def test_the_help_is_no_wider_than_a_hundred_columns(script):
    text = script.parser().format_help()
    assert max(map(len, text.splitlines())) <= 100
    examples = re.findall(r'^  \S.*?  +((?:AWS_S3_BUCKET=\S+ )?\w+\.py .*|\w+\.py)$', text, re.MULTILINE)
    assert len(examples) >= 5
    for example in examples:
        arguments = example.partition('.py')[2].partition('|')[0].split()
        script.parser().parse_args(arguments)


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
    code = ('import argparse, sys\nfrom photzp.running import commandline\n'
            'def run(options):\n    while True:\n        commandline.put_out("x" * 1000)\n'
            'sys.exit(commandline.run_script(run, argparse.Namespace(log_level="INFO")))')
    assert head('-c', code) == (141, 'x' * 1000, '')
    with open('/dev/full', 'w') as full:
        ended = subprocess.run([sys.executable, '-c', code], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT,
                               check=False)
    assert ended.returncode == 2
    assert ' ERROR standard output cannot be written (No space left on device)' in ended.stderr


def test_a_caller_in_python_may_keep_the_summary_as_text():
    kept = io.StringIO()
    with redirect_stdout(kept):
        commandline.tell('12 measured', counts={'measured': 12})
    assert kept.getvalue() == '12 measured\n'


def test_a_path_of_any_bytes_is_printed_as_it_is(capfdbinary, tmp_path, night):
    place = tmp_path / 'latin \udce9'
    place.mkdir()
    frame = next(night.archive.rglob('*-e91.fits*'))
    (place / frame.name).symlink_to(frame)
    assert photcalibration.main(['--crawldirectory', str(place), '--dry-run']) == 0
    assert capfdbinary.readouterr().out == os.fsencode(place / frame.name) + b'\n'


def test_a_misspelt_option_does_not_show_the_password_of_its_value(capsys):
    with pytest.raises(SystemExit) as caught:
        commandline.Parser(prog='x').parse_args(['--photdb', 'postgresql://me:canary@host/db\n'])
    assert caught.value.code == 2
    assert '--photdb: there is no such option' in (said := capsys.readouterr().err)
    assert 'canary' not in said
