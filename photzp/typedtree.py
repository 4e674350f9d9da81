"""Convert frozen dataclasses to the tables, lists, texts and numbers of JSON and TOML, and back by their annotations.

`plain` makes the tree, and `typed` reads it as the type that is expected.  It refuses everything else, and names the
path of the key and the rule: a file that is damaged, or of another version, must not pass for one of ours.

    annotation                   in the tree
    a dataclass                  a table of its fields; the key of a field `class_` is `class`
    dict[str, X]                 a table of any keys
    tuple[X, ...], tuple[X, Y]   a list
    X | None                     null for None
    float                        a number; null for nan
    np.datetime64                ISO text of its resolution; null for NaT
    np.ndarray                   a list of numbers, or of lists: an array of doubles
    date, re.Pattern             a date of TOML; a text (these are read only)
    Annotated[X, rule, ...]      each rule takes a value and returns it, or raises ValueError; instead of the rule of X
"""

import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from functools import cache, partial
from typing import Annotated, Any, get_args, get_origin

import numpy as np


class TreeInvalid(ValueError):
    """A value in a tree is not of the type that is expected; the text has the path of its key, and the rule."""


def plain(value: Any, *, finite: bool = False) -> Any:
    """A value as plain dicts, lists, texts and numbers; floats keep every bit.

    Parameters
    ----------
    value : dataclass, tuple, list, dict, array, number, text or None
    finite : infinite numbers become None as nan does, for JSON that others read; otherwise they stay
    """
    inner = partial(plain, finite=finite)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name.rstrip('_'): inner(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return inner(value.tolist())
    if isinstance(value, dict):
        return {key: inner(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [inner(each) for each in value]
    return None if isinstance(value, float) and (math.isnan(value) or (finite and math.isinf(value))) else value


def typed(hint: Any, tree: Any, where: str = '', *, older: bool = False, newer: bool = False,
          single: bool = False) -> Any:
    """The value of a type that a tree stands for: the inverse of `plain`.

    Parameters
    ----------
    hint : the type, as a field of a dataclass is annotated
    tree : what a reader of JSON or TOML returns
    where : path of the key of the tree, for messages; '' for a whole file
    older : fields that have a default may be missing, as in what an earlier version wrote
    newer : keys that no field has are left out, as a later version may write some
    single : one plain value may stand for a list of one

    Raises
    ------
    TreeInvalid
        A value is of another type, a key is missing, or unknown.
    """
    return _Reader(older, newer, single).value(hint, tree, where)


def without_schema(tree: Any, schema: int) -> dict[str, Any]:
    """What a table holds beside the number of its schema.  Raises TreeInvalid where that is missing or another one."""
    number = _table(tree, '').get('schema')
    if number != schema:
        raise TreeInvalid(f'its schema is {number!r}, not {schema}')
    return {key: value for key, value in tree.items() if key != 'schema'}


@dataclass(frozen=True)
class _Reader:
    """The options of `typed`."""

    older: bool
    newer: bool
    single: bool

    def value(self, hint: Any, tree: Any, where: str) -> Any:
        """The value of a type that a tree stands for."""
        origin, parts = get_origin(hint), get_args(hint)
        if is_dataclass(hint):
            return self._record(hint, tree, where)
        if origin in (types.UnionType, typing.Union):
            return None if tree is None else self.value(next(x for x in parts if x is not type(None)), tree, where)
        if origin is tuple:
            return self._tuple(parts, tree, where)
        if origin is dict:
            return {key: self.value(parts[1], each, _path(where, key)) for key, each in _table(tree, where).items()}
        return _leaf(hint.__metadata__ if origin is Annotated else (_RULES[hint],), tree, where)

    def _record(self, cls: Any, tree: Any, where: str) -> Any:
        known, values = _known(cls), {}
        for key in _table(tree, where):
            if key not in known and not self.newer:
                raise TreeInvalid(f'{_path(where, key)}: unknown key; known are {", ".join(known)}')
        for key, (name, hint, has_default) in known.items():
            if key in tree:
                values[name] = self.value(hint, tree[key], _path(where, key))
            elif not (self.older and has_default):
                raise TreeInvalid(f'{_path(where, key)}: is missing')
        return cls(**values)

    def _tuple(self, hints: tuple[Any, ...], tree: Any, where: str) -> tuple[Any, ...]:
        """A list; messages name one of plain values as a whole."""
        as_one = hints[-1] is ... and hints[0] in _RULES
        if as_one and self.single and not isinstance(tree, list):
            tree = [tree]
        if not isinstance(tree, list):
            raise _refusal(where, 'must be a list')
        if hints[-1] is ...:
            hints = hints[:1] * len(tree)
        if len(hints) != len(tree):
            raise _refusal(where, f'must be a list of {len(hints)}, not of {len(tree)}')
        return tuple(self.value(hint, each, where if as_one else f'{where}[{n}]')
                     for n, (hint, each) in enumerate(zip(hints, tree, strict=True)))


@cache
def _known(cls: Any) -> dict[str, tuple[str, Any, bool]]:
    """(name, type, whether it has a default) of the fields of a dataclass, by key."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name.rstrip('_'): (field.name, hints[field.name], (field.default, field.default_factory) != (
        MISSING, MISSING)) for field in fields(cls)}


def _table(tree: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(tree, Mapping):
        raise _refusal(where, 'must be a table')
    return tree


def _path(where: str, key: str) -> str:
    return f'{where}.{key}' if where else key


def _refusal(where: str, rule: object) -> TreeInvalid:
    return TreeInvalid(f'{where}: {rule}' if where else f'{rule}')


# -- plain values ------------------------------------------------------------------------------------------------------


def _leaf(rules: Iterable[Callable[[Any], Any]], value: Any, where: str) -> Any:
    try:
        for rule in rules:
            value = rule(value)
    except ValueError as error:
        raise _refusal(where, error) from None
    return value


def _exactly(kind: type, words: str, value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f'must be {words}, not {value!r}')
    return value


text = partial(_exactly, str, 'text in quotes')


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if type(value) in (int, float) and value == value:
        with suppress(OverflowError):
            return float(value)
    raise ValueError(f'must be a number, not {value!r}')


def _pattern(value: Any) -> re.Pattern:
    try:
        return re.compile(value)
    except (re.error, TypeError, OverflowError) as error:
        raise ValueError(f'is not a regular expression: {error}') from None


def _time(value: Any) -> np.datetime64:
    with suppress(ValueError):
        return np.datetime64('NaT', 'ms') if value is None else np.datetime64(text(value))
    raise ValueError(f'must be a time in quotes, not {value!r}')


def _array(value: Any) -> np.ndarray:
    with suppress(ValueError, TypeError, OverflowError):
        return np.array(_exactly(list, 'a list', value), float)
    raise ValueError(f'must be a list of numbers, not {value!r}')


_RULES: dict[Any, Callable[[Any], Any]] = {
    str: text, float: _number, int: partial(_exactly, int, 'a whole number'),
    bool: partial(_exactly, bool, 'true or false'),
    date: partial(_exactly, date, 'a date without quotes, as 2019-09-22'), re.Pattern: _pattern,
    np.datetime64: _time, np.ndarray: _array}
