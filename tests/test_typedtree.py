"""Dataclasses go to JSON and back, and come from TOML, by their annotations; what is not of them is refused by name."""

import json
import re
import tomllib
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from photzp.typedtree import TreeInvalid, plain, text, typed, without_schema


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
    class_: dict[str, tuple[Inner, ...]]


THERE = Outer(np.datetime64('2025-06-01T01:02:03.004'), 3, True, Inner('x', 0.1), ('y', Inner('z', np.nan)),
              (1.0, np.nan, np.float64(1e-300)), np.array([[1.0, np.nan], [0.1, 2.0]]), {'a b': (Inner('x', 1.0),)})


def test_there_and_back():
    tree = json.loads(json.dumps(plain(THERE), allow_nan=False))
    assert tree['several'] == [1.0, None, 1e-300]
    assert tree['class'] == {'a b': [{'name': 'x', 'value': 1.0}]}
    back = typed(Outer, tree)
    assert (back.when, back.count, back.sure, back.maybe) == (THERE.when, 3, True, THERE.maybe)
    assert back.class_ == THERE.class_
    assert back.when.dtype == THERE.when.dtype
    assert np.isnan(back.pair[1].value)
    np.testing.assert_array_equal(back.grid, THERE.grid)
    assert plain(back) == plain(THERE)


NUMBER, TEXT = st.floats(), st.text(max_size=5)
INNER = st.builds(Inner, TEXT, NUMBER)
OUTER = st.builds(Outer, st.integers(-2**40, 2**41).map(lambda each: np.datetime64(each, 'ms')), st.integers(),
                  st.booleans(), st.none() | INNER, st.tuples(TEXT, INNER), st.lists(NUMBER, max_size=3).map(tuple),
                  arrays(float, (2, 3), elements=NUMBER),
                  st.dictionaries(TEXT, st.lists(INNER, max_size=2).map(tuple), max_size=2))


@given(OUTER)
def test_any_value_comes_back_to_the_last_bit(value):
    """repr of Python's floats is exact, and that of an array is not: it is compared as such."""
    back = typed(Outer, json.loads(json.dumps(plain(value))))
    assert repr(back) == repr(value)
    np.testing.assert_array_equal(back.grid, value.grid)


@given(OUTER)
def test_what_others_read_has_finite_numbers_only(value):
    json.dumps(plain(value, finite=True), allow_nan=False)


@pytest.mark.parametrize(('name', 'value', 'said'), [
    ('when', 'no time', "when: must be a time in quotes, not 'no time'"),
    ('when', 5, 'when: must be a time in quotes, not 5'),
    ('count', 3.0, 'count: must be a whole number, not 3.0'),
    ('count', True, 'count: must be a whole number, not True'),
    ('count', None, 'count: must be a whole number, not None'),
    ('sure', 1, 'sure: must be true or false, not 1'), ('sure', None, 'sure: must be true or false, not None'),
    ('maybe', {}, 'maybe.name: is missing'),
    ('maybe', {'name': 'x', 'value': 'much'}, "maybe.value: must be a number, not 'much'"),
    ('maybe', {'name': 'x', 'value': 10**400}, f'maybe.value: must be a number, not {10**400}'),
    ('maybe', {'name': 'x', 'value': 1.0, 'more': 1}, 'maybe.more: unknown key; known are name, value'),
    ('pair', ['y'], 'pair: must be a list of 2, not of 1'), ('pair', 'yz', 'pair: must be a list'),
    ('pair', ['y', 3], 'pair[1]: must be a table'), ('several', [True], 'several: must be a number, not True'),
    ('several', {}, 'several: must be a list'), ('several', 1.0, 'several: must be a list'),
    ('grid', 3, 'grid: must be a list of numbers, not 3'),
    ('grid', [[1], [1, 2]], 'grid: must be a list of numbers, not [[1], [1, 2]]'),
    ('grid', [{}], 'grid: must be a list of numbers, not [{}]'), ('class', [], 'class: must be a table'),
    ('class', {'k': [3]}, 'class.k[0]: must be a table'),
])  # fmt: skip
def test_what_is_of_another_type_is_refused_with_key_and_rule(name, value, said):
    with pytest.raises(TreeInvalid) as refused:
        typed(Outer, plain(THERE) | {name: value})
    assert str(refused.value) == said


@pytest.mark.parametrize(('tree', 'said'), [
    ({'name': 'x'}, 'value: is missing'), (3, 'must be a table'), (None, 'must be a table'), ([], 'must be a table'),
])  # fmt: skip
def test_a_whole_tree_has_no_key(tree, said):
    with pytest.raises(TreeInvalid) as refused:
        typed(Inner, tree)
    assert str(refused.value) == said


# -- options -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grown:
    """Of a later version than what is read."""

    name: str
    more: int = 7
    several: dict[str, int] = field(default_factory=dict)


def test_what_an_earlier_version_did_not_write_has_its_default():
    assert typed(Grown, {'name': 'x'}, older=True) == Grown('x', 7, {})
    with pytest.raises(TreeInvalid, match=r'^more: is missing$'):
        typed(Grown, {'name': 'x'})
    with pytest.raises(TreeInvalid, match=r'^name: is missing$'):
        typed(Grown, {'more': 1}, older=True)
    with pytest.raises(TreeInvalid, match=r"^more: must be a whole number, not 'y'$"):
        typed(Grown, {'name': 'x', 'more': 'y'}, older=True)


def test_what_a_later_version_adds_is_left_out():
    later = {'name': 'x', 'more': 1, 'several': {}, 'newest': [1]}
    assert typed(tuple[Grown, ...], [later], newer=True) == (Grown('x', 1),)
    with pytest.raises(TreeInvalid, match=r'^\[0\]\.newest: unknown key; known are name, more, several$'):
        typed(tuple[Grown, ...], [later])


def _even(value):
    if value % 2:
        raise ValueError(f'{value} is odd')
    return value


@dataclass(frozen=True)
class Settings:
    from_: date
    pattern: re.Pattern
    words: tuple[str, ...]
    even: Annotated[int, _even]
    name: Annotated[str, text, str.upper] = 'N'


TOML = 'from = 2024-02-29\npattern = "a+"\nwords = "one"\neven = 4\n'


def test_toml():
    found = typed(Settings, tomllib.loads(TOML + 'name = "n"'), older=True, single=True)
    assert found == Settings(date(2024, 2, 29), re.compile('a+'), ('one',), 4, 'N')
    assert typed(Settings, tomllib.loads(TOML), older=True, single=True) == found


@pytest.mark.parametrize(('line', 'said'), [
    ('from = "2024-02-29"', "from: must be a date without quotes, as 2019-09-22, not '2024-02-29'"),
    ('from = 2024-02-29T12:00:00', 'from: must be a date without quotes, as 2019-09-22, not 2024-02-29 12:00:00'),
    ('pattern = "("', 'pattern: is not a regular expression: missing ), unterminated subpattern'),
    ('pattern = 5', 'pattern: is not a regular expression: '), ('even = 5', 'even: 5 is odd'),
    ('words = ["one", 2]', 'words: must be text in quotes, not 2'),
    ('words = 2', 'words: must be text in quotes, not 2'), ('name = 5', 'name: must be text in quotes, not 5'),
])  # fmt: skip
def test_toml_that_breaks_a_rule_is_refused(line, said):
    key = line.partition(' ')[0]
    kept = '\n'.join(each for each in TOML.splitlines() if not each.startswith(f'{key} '))
    with pytest.raises(TreeInvalid) as refused:
        typed(Settings, tomllib.loads(f'{kept}\n{line}'), older=True, single=True)
    assert str(refused.value).startswith(said)


def test_a_number_is_never_nan():
    """A null says what is missing; nan in a file is a mistake."""
    with pytest.raises(TreeInvalid, match=r'^x\.value: must be a number, not nan$'):
        typed(Inner, tomllib.loads('name = "x"\nvalue = nan'), 'x')


def test_another_schema_is_refused():
    assert without_schema({'schema': 2, 'a': 1}, 2) == {'a': 1}
    for tree, said in (({'schema': 1}, 'its schema is 1, not 2'), ({}, 'its schema is None, not 2'),
                       ([], 'must be a table')):
        with pytest.raises(TreeInvalid, match=rf'^{said}$'):
            without_schema(tree, 2)


@dataclass(frozen=True)
class Checked:
    low: float
    high: float

    def __post_init__(self):
        if self.low < 0:
            raise TreeInvalid('low: must be positive')
        if self.low > self.high:
            raise ValueError('low must be below high')


@pytest.mark.parametrize(('low', 'message'), [(-1, 'several[1].low: must be positive'),
                                              (3, 'several[1]: low must be below high')])
def test_a_dataclass_refuses_values_by_its_own_rules_and_the_path_is_added(low, message):
    with pytest.raises(TreeInvalid) as refused:
        typed(tuple[Checked, ...], [{'low': 1, 'high': 2}, {'low': low, 'high': 2}], 'several')
    assert str(refused.value) == message
