"""Columns of rows, and digests of them."""

from dataclasses import fields

import numpy as np

from photzp.records import RowDigest, Zeropoints


def test_some_rows_are_the_same_rows_of_every_column():
    columns = {field.name: np.arange(4) + 10 * n for n, field in enumerate(fields(Zeropoints))}
    some = Zeropoints(**columns)[np.array([False, True, False, True])]
    assert len(some) == 2
    assert {name: values.tolist() for name, values in vars(some).items()} == {
        name: [values[1], values[3]] for name, values in columns.items()}


def test_a_digest_knows_columns_number_and_order_of_rows():
    def digest(names, *chunks):
        found = RowDigest(names)
        for chunk in chunks:
            found.add(2, chunk)
        return found.rows, str(found)

    one = digest(('zp',), [b'a'], [b'b'])
    assert one == digest(('zp',), [b'a'], [b'b'])
    assert one[0] == 4
    others = {digest(('zperr',), [b'a'], [b'b']), digest(('zp',), [b'b'], [b'a']), digest(('zp',), [b'a'])}
    assert len(others | {one}) == 4
