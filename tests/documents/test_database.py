"""docs/database.md describes the tables there are: every column in its order, each with a meaning."""

import re
from pathlib import Path

import pytest

from photdbinterface import Base

TEXT = (Path(__file__).resolve().parents[2] / 'docs' / 'database.md').read_text(encoding='utf-8')
SECTIONS = {part.split('\n', 1)[0]: part for part in TEXT.split('\n## ')[1:]}
UNITS = {'', 'mag', 'mag/mag', 'mag^2', 'mag/month', 'arcsec', 'deg', 's', 'ns', 'byte'}


def rows(table):
    """(column, unit, meaning) of each row of a section."""
    return re.findall(r'^\| `(\w+)` \| ([^|]*?) ?\| (.+) \|$', SECTIONS[table], re.MULTILINE)


def test_each_table_has_a_section():
    assert set(SECTIONS) == set(Base.metadata.tables)


@pytest.mark.parametrize('table', sorted(Base.metadata.tables))
def test_each_column_has_a_row(table):
    assert [column for column, *_ in rows(table)] == [column.name for column in Base.metadata.tables[table].columns]
    assert {unit for _, unit, _ in rows(table)} <= UNITS
    assert all(meaning.strip() for *_, meaning in rows(table))


def test_meanings_of_measured_frames_are_those_of_the_code():
    """They are written to exported tables."""
    columns = Base.metadata.tables['lcophot'].columns
    assert rows('lcophot') == [(column.name, column.info['unit'], column.doc) for column in columns]
