"""The rule of usable rows, columns of rows, and digests of them."""

from dataclasses import fields

import numpy as np
import pytest

from photzp.records import RowDigest, Zeropoints, usable_rows


def test_usable_rows_by_class_of_the_telescope():
    zp, airmass = np.array([23.0, np.nan, 23.0, 23.0, 23.0]), np.array([1.1, 1.1, np.nan, 1.1, 1.1])
    zpsig = np.array([0.2, 0.1, 0.1, 0.3, np.nan])
    assert usable_rows(zp, airmass, zpsig, '1m0a').tolist() == [True, False, False, False, False]
    assert usable_rows(zp, airmass, zpsig, '0m4a').tolist() == [True, False, False, True, False]


@pytest.mark.parametrize('zp', [-1e5, 0.0, 9.9, 35.1, 99.0, np.inf])
def test_zeropoints_that_no_telescope_has_are_not_usable(zp):
    assert usable_rows(np.array([zp, 23.0]), np.ones(2), np.full(2, 0.1), '1m0a').tolist() == [False, True]


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
