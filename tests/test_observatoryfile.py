"""Events come from a CSV file as from TOML, refused by line; a file is laid over another key by key."""

from datetime import date

import pytest

from photzp.errors import ObservatoryInvalid
from photzp.observatoryfile import laid_over, read_file, with_line
from photzp.typedtree import TreeInvalid

WASH = {'telescope': 'lsc-doma-1m0a', 'date': date(2024, 5, 1), 'kind': 'wash', 'note': 'by hand'}


@pytest.fixture
def events(tmp_path):
    """Read the events of a file that names a CSV file, which holds a text."""

    def read(text):
        (tmp_path / 'washes.csv').write_text(text, encoding='utf-8')
        (tmp_path / 'site.toml').write_text('events = "washes.csv"')
        return read_file(tmp_path / 'site.toml')['events']

    return read


def test_events_csv_is_looked_up_beside_the_file_that_names_it(events, tmp_path, monkeypatch):
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert events('﻿telescope,date,kind,note\nlsc-doma-1m0a,2024-05-01,wash,by hand\n\n'
                  'lsc-domb-1m0a, 2024-05-02 ,wash,\n') == [
        WASH, {'telescope': 'lsc-domb-1m0a', 'date': date(2024, 5, 2), 'kind': 'wash', 'note': ''}]


def test_events_csv_needs_no_notes_and_any_order_of_columns(events):
    assert events('kind,telescope,date\nwash,lsc-doma-1m0a,2024-05-01\n') == [WASH | {'note': ''}]


@pytest.mark.parametrize('rows', [
    '\ufefftelescope,date,kind,note\r\nlsc-doma-1m0a,2024-05-01,wash,by hand\r\n',
    'telescope;date;kind;note\nlsc-doma-1m0a;2024-05-01;wash;by hand\n',
    'telescope\tdate\tkind\tnote\nlsc-doma-1m0a\t2024-05-01\twash\tby hand\n',
    'Telescope, Date ,KIND,Note\n lsc-doma-1m0a , 2024-05-01, wash , by hand\n',
    'telescope,date,kind,note\nlsc-doma-1m0a,2024-05-01,wash,by hand\n,,,\n  ,,\n\n'])
def test_events_csv_as_spreadsheets_write_it(events, rows):
    assert events(rows) == [WASH]


def test_a_toml_file_with_a_mark_at_its_beginning(tmp_path):
    (tmp_path / 'site.toml').write_bytes(b'\xef\xbb\xbfa = 1\r\nb = 2\r\n')
    assert read_file(tmp_path / 'site.toml') == {'a': 1, 'b': 2}


def test_the_line_in_which_an_entry_begins(tmp_path):
    (tmp_path / 'site.toml').write_text('# washes\n[[events]]\na = 1\n\n [[ events ]]\nb = 1\n[[other]]\nc = [[1]]\n')
    assert with_line(tmp_path / 'site.toml', 'events[1].date: x') == 'events[1].date: x (the entry in line 5)'
    assert with_line(tmp_path / 'site.toml', 'other[0]: x') == 'other[0]: x (the entry in line 7)'
    assert with_line(tmp_path / 'site.toml', 'events[2].date: x') == 'events[2].date: x'
    assert with_line(tmp_path / 'site.toml', 'archive.path: x') == 'archive.path: x'


@pytest.mark.parametrize(('rows', 'line', 'rule'), [
    ('telescope,date,kind\nlsc-doma-1m0a,01.05.2024,wash\n', 2,
     "event.date: must be year-month-day, as 2019-09-22, not '01.05.2024'"),
    ('telescope,date,kind\nlsc-doma-1m0a,05/01/2024,wash\n', 2, "must be year-month-day, .*'05/01/2024'"),
    ('telescope,date,kind\nLSC-doma-1m0a,2024-05-01,wash\n', 2, r'did you mean lsc-doma-1m0a\?'),
    ('telescope,date,kind\nlsc-doma-1m0a,2024-05-01,Wash\n', 2, r'did you mean wash\?'),
    ('telescope,date,kind,note\nlsc-doma-1m0a,2024-05-01,wash,"open\nlsc-doma-1m0a,2024-06-01,wash,\n', 2, 'quotation'),
    ('telescope,date\n', 1, 'the header must name telescope,date,kind'),
    ('', 1, 'the header must name telescope,date,kind'),
    ('telescope,date,kind\nlsc-doma-1m0a,2024-05-01,wash\nlsc-doma-1m0a,2024-13-01,wash\n', 3, '2024-13-01|month'),
    ('telescope,date,kind\nlsc-doma-1m0a,2024-05-01,polish\n', 2, "'polish' is not one of start, cleaning, wash"),
    ('telescope,date,kind\nlsc-doma,2024-05-01,wash\n', 2, "'lsc-doma' is not site-enclosure-telescope"),
    ('telescope,date,kind\n\n\nlsc-doma-1m0a,2024-05-01\n', 4, 'number of columns'),
    ('telescope,date,kind\nlsc-doma-1m0a,2024-05-01,wash,oh,no\n', 2, 'number of columns'),
])  # fmt: skip
def test_a_bad_csv_is_refused_with_file_line_and_rule(events, rows, line, rule):
    with pytest.raises(ObservatoryInvalid, match=rf'washes\.csv: line {line}: .*({rule})'):
        events(rows)


def test_a_missing_csv_is_named(tmp_path):
    (tmp_path / 'site.toml').write_text('events = "none.csv"')
    with pytest.raises(ObservatoryInvalid, match=r'none\.csv: the events file cannot be read'):
        read_file(tmp_path / 'site.toml')


def test_a_binary_csv_is_named(tmp_path):
    (tmp_path / 'bad.csv').write_bytes(b'telescope,date,kind\n\xff\xfe\x00\n')
    (tmp_path / 'site.toml').write_text('events = "bad.csv"')
    with pytest.raises(ObservatoryInvalid, match=r'bad\.csv: the events file cannot be read .line 2 is not in UTF-8'):
        read_file(tmp_path / 'site.toml')


def test_tables_are_laid_over_each_other_key_by_key_and_lists_at_the_top_are_joined():
    below = {'sites': {'lsc': {'a': 1, 'b': [1]}}, 'events': [1], 'telescopes': [1]}
    above = {'sites': {'lsc': {'b': [2]}, 'xyz': {}}, 'events': [2]}
    assert laid_over(below, above) == {
        'sites': {'lsc': {'a': 1, 'b': [2]}, 'xyz': {}}, 'events': [1, 2], 'telescopes': [1]}
    assert below['events'] == [1]
    with pytest.raises(TreeInvalid, match=r'^sites\.lsc: must be a table$'):
        laid_over(below, {'sites': {'lsc': 5}})
    with pytest.raises(TreeInvalid, match=r'^events: must be no table$'):
        laid_over(below, {'events': {}})
