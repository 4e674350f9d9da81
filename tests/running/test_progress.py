"""Progress as a bar on a terminal, and as lines of the log elsewhere."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from photzp.running import progress
from photzp.running.progress import with_progress
from tests.support.logs import log_of
from tests.support.runs import on_a_terminal

ROOT = Path(__file__).resolve().parents[2]


BAR = """
import argparse, sys, time
from photzp.running.progress import with_progress
from photzp.running.script import log, run_script
def run(options):
    for n in with_progress(iter(range(30)), 'frames', 30):
        time.sleep(0.02)
        if n % 10 == 5:
            log.info('event %d', n)
    return 0
sys.exit(run_script(run, argparse.Namespace(log_level='INFO', log_format=sys.argv[1])))
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
    monkeypatch.setattr(progress.time, 'monotonic', lambda: next(clock))

    def run(_options):
        assert list(with_progress(range(8), 'frames')) == list(range(8))
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
    assert progress._progress_line(done, total, 'frames', seconds) == said
