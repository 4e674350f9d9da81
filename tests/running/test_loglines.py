"""Lines of the log, as text and as JSON: nothing from outside can forge one."""

import argparse
import json
import logging
import re
from pathlib import Path

import numpy as np

from photzp.errors import DatabaseUnusable
from photzp.running import script
from photzp.running.loglines import EVERY_LINE, FIELDS, JsonLayout, TextLayout
from tests.support.logs import log_of

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = 'FILTER = \x1b[2J\n2020-01-01 00:00:00Z INFO all done \udcff \u202e postgresql://me:canary@host/db'


def hostile(_options):
    script.log.warning('%s', HOSTILE, extra={'frame': HOSTILE, 'zp': np.float32('nan'), 'nstars': np.int64(7),
                                                  'not a field': 1})
    raise DatabaseUnusable('no: \x07')


def test_a_line_of_json_is_one_object_whatever_is_in_it(capsys):
    status, lines = log_of(capsys, hostile)
    assert status == 2
    warned, ended = map(json.loads, lines)
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert 'canary' not in ''.join(lines)
    assert 'postgresql://me:***@host/db' in warned['message']
    assert warned['message'].isprintable()
    assert warned['frame'] == warned['message']
    assert (warned['zp'], warned['nstars'], warned['script'], warned['level']) == (None, 7, 'test.py', 'WARNING')
    assert 'not a field' not in warned
    assert (ended['level'], ended['message']) == ('ERROR', r'no: \x07')


def test_a_traceback_is_one_field_and_in_text_indented_lines(capsys):
    def fails(_options):
        raise ZeroDivisionError('planted\n2020-01-01 00:00:00Z INFO all done')

    _, (line,) = log_of(capsys, fails)
    trace = json.loads(line)['traceback'].split('\n')
    assert trace[0].startswith('Traceback')
    assert any('planted' in line for line in trace)
    _, (first, *others) = log_of(capsys, fails, 'text')
    assert ' ERROR the run ended by a mistake of this program' in first
    assert others == [f'  {line}' for line in trace]


def test_the_runbook_has_the_fields():
    text = (ROOT / 'docs' / 'operations.md').read_text(encoding='utf-8')
    table = text.partition('| field | meaning |')[2].partition('\n\n')[0]
    assert dict(re.findall(r'^\| `(\w+)` \| (.*) \|$', table, re.MULTILINE)) == EVERY_LINE | FIELDS


def test_layouts_need_no_run():
    record = logging.LogRecord('photzp', logging.WARNING, '', 0, 'x %d', (1,), None)
    assert TextLayout(colour=True).format(record).endswith('Z \033[33mWARNING\033[0m x 1')
    assert json.loads(JsonLayout(script='s').format(record)).keys() == EVERY_LINE.keys()


def test_the_log_has_one_line_an_event_and_no_password(capsys):
    def run(_options):
        log = logging.getLogger('photzp')
        log.info('%s: rejected %d%%', 'x\n2019-01-01 00:00:00Z INFO all is well\x1b[1A %s %n', 100)
        log.warning('cannot reach postgresql://me:canary@host/db')
        raise RuntimeError('postgresql://me:canary@host/db\n2019-01-01 00:00:00Z INFO all is well')

    assert script.run_script(run, argparse.Namespace(log_level='INFO')) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith('2019')] == []
    assert not any('canary' in line or '\x1b' in line for line in lines)
    assert sum(line[:2] == '20' for line in lines) == 3
    assert r'rejected 100%' in lines[0]
