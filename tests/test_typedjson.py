"""Dataclasses go to JSON and back by their annotations, and what is not of them is refused."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from photzp.typedjson import plain, typed


@dataclass(frozen=True)
class Inner:
    name: str
    value: float


@dataclass(frozen=True)
class Outer:
    when: np.datetime64
    count: int
    sure: bool
    maybe: Inner | None
    pair: tuple[str, Inner]
    several: tuple[float, ...]
    grid: np.ndarray


THERE = Outer(np.datetime64('2025-06-01T01:02:03.004'), 3, True, Inner('x', 0.1), ('y', Inner('z', np.nan)),
              (1.0, np.nan, np.float64(1e-300)), np.array([[1.0, np.nan], [0.1, 2.0]]))


def test_there_and_back():
    tree = json.loads(json.dumps(plain(THERE), allow_nan=False))
    assert tree['several'] == [1.0, None, 1e-300]
    back = typed(Outer, tree)
    assert (back.when, back.count, back.sure, back.maybe) == (THERE.when, 3, True, THERE.maybe)
    assert back.when.dtype == THERE.when.dtype
    assert np.isnan(back.pair[1].value)
    np.testing.assert_array_equal(back.grid, THERE.grid)
    assert plain(back) == plain(THERE)


@pytest.mark.parametrize(('name', 'value'), [
    ('when', 'no time'), ('when', 5), ('count', 3.0), ('count', True), ('count', None), ('sure', 1), ('sure', None),
    ('maybe', {}), ('maybe', {'name': 'x', 'value': 'much'}), ('pair', ['y']), ('pair', 'yz'), ('several', [True]),
    ('several', {}), ('grid', 3), ('grid', [[1], [1, 2]]), ('maybe', {'name': 'x', 'value': 1.0, 'more': 1}),
])  # fmt: skip
def test_what_is_of_another_type_is_refused(name, value):
    with pytest.raises(ValueError):  # numpy and we say it in many words
        typed(Outer, plain(THERE) | {name: value})


def test_what_is_missing_is_refused():
    with pytest.raises(ValueError, match='is no Inner'):
        typed(Inner, {'name': 'x'})
