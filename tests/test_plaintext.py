"""What comes from outside neither forges a line of the log, nor runs in a spreadsheet, nor shows a password."""

import pytest

from photzp.plaintext import csv_cell, did_you_mean, printable, without_passwords


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


@pytest.mark.parametrize(('word', 'known', 'said'), [
    ('--lastndays', ['--lastNdays', '--date'], ' (did you mean --lastNdays?)'),
    ('rpp', ['gp', 'rp'], ' (did you mean rp?)'),
    ('xyz', ['lsc', 'coj'], ''), ('x', [], ''),
])
def test_the_nearest_word(word, known, said):
    assert did_you_mean(word, known) == said


def test_the_password_is_taken_out_of_any_text():
    assert without_passwords('no pg://me:a@b:c@host/db here') == 'no pg://me:***@host/db here'
    assert without_passwords('pg://host:5432/db') == 'pg://host:5432/db'
    assert without_passwords('{"db": "pg://me:a\\"b@host", "x": "a@b"}') == '{"db": "pg://me:***@host", "x": "a@b"}'
    assert without_passwords('pg://host/db?user=me&password=abc&x=1') == 'pg://host/db?user=me&password=***&x=1'
