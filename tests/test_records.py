"""Columns of rows."""

from dataclasses import fields

import numpy as np

from photzp.records import Zeropoints


def test_some_rows_are_the_same_rows_of_every_column():
    columns = {field.name: np.arange(4) + 10 * n for n, field in enumerate(fields(Zeropoints))}
    some = Zeropoints(**columns)[np.array([False, True, False, True])]
    assert len(some) == 2
    assert {name: values.tolist() for name, values in vars(some).items()} == {
        name: [values[1], values[3]] for name, values in columns.items()}
