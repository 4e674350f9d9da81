"""Statements that differ between SQLite and PostgreSQL do the same on both."""

import sqlalchemy as sa

from photzp.database.dialects import chunks_of, lock, upsert
from photzp.database.tables import REJECT


def test_a_row_is_inserted_or_replaced_and_other_columns_stay(db):
    with db.writing() as connection:
        lock(connection, 'rows')
        upsert(connection, REJECT, [{'name': name, 'reason': 'first', 'detail': name} for name in 'ba'])
        upsert(connection, REJECT, [{'name': name, 'reason': 'second'} for name in 'cb'])
        rows = connection.execute(sa.select(REJECT.c.name, REJECT.c.reason, REJECT.c.detail).order_by('name')).all()
    assert rows == [('a', 'first', 'a'), ('b', 'second', 'b'), ('c', 'second', None)]


def test_chunks_hold_everything_once():
    assert list(chunks_of('abcde', 2)) == ['ab', 'cd', 'e']
    assert list(chunks_of([], 2)) == []
