"""What comes from outside neither forges a line of the log, nor runs in a spreadsheet, nor shows a password."""

import argparse
import logging

import pytest

from photzp.plaintext import csv_cell, printable
from photzp.running import commandline


@pytest.mark.parametrize(('text', 'shown'), [
    ('Zürich, α Cen', 'Zürich, α Cen'), ('two\nlines\r', r'two\nlines\r'), ('\x1b[2J', r'\x1b[2J'), ('a\0b', r'a\x00b'),
    ('gp\u202egnp.exe', r'gp\u202egnp.exe'), ('a\u2028b', r'a\u2028b'), ('\udc80', r'\udc80'), ('\u200b', r'\u200b'),
])  # fmt: skip
def test_what_does_not_print_is_written_as_its_escape(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize(('text', 'cell'), [
    ('=1+1', "'=1+1"), ('@SUM(A1)', "'@SUM(A1)"), ('-2+3', "'-2+3"), ('+1', "'+1"), ('\t=1', "'\t=1"),
    ('\r=1', "'\r=1"), ('fa15', 'fa15'), ('', ''), ('a=b', 'a=b'),
])  # fmt: skip
def test_no_cell_is_a_formula(text, cell):
    assert csv_cell(text) == cell


def test_the_log_has_one_line_an_event_and_no_password(capsys):
    def run(_options):
        log = logging.getLogger('photzp')
        log.info('%s: rejected %d%%', 'x\n2019-01-01 00:00:00Z INFO all is well\x1b[1A %s %n', 100)
        log.warning('cannot reach postgresql://me:canary@host/db')
        raise RuntimeError('postgresql://me:canary@host/db\n2019-01-01 00:00:00Z INFO all is well')

    assert commandline.run_script(run, argparse.Namespace(log_level='INFO')) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith('2019')] == []
    assert not any('canary' in line or '\x1b' in line for line in lines)
    assert sum(line[:2] == '20' for line in lines) == 3
    assert r'rejected 100%' in lines[0]


def test_a_misspelt_option_does_not_show_the_password_of_its_value(capsys):
    with pytest.raises(SystemExit) as caught:
        commandline.Parser(prog='x').parse_args(['--photdb', 'postgresql://me:canary@host/db\n'])
    assert caught.value.code == 2
    assert '--photdb: there is no such option' in (said := capsys.readouterr().err)
    assert 'canary' not in said
