"""Convert frozen dataclasses to the tables, lists, texts and numbers of JSON and TOML, and back by their annotations.

`plain` makes the tree, and `typed` reads it as the expected type.  Anything else is refused with the path of the key
and the rule: a damaged file, or one of another version, must not pass for one of ours.

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

A dataclass may refuse values in its `__post_init__`, by a `TreeInvalid` with the text 'field: rule', or by a ValueError
with a rule for the whole table.
"""

import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime
from functools import cache, partial
from typing import Annotated, Any, get_args, get_origin

import numpy as np


class TreeInvalid(ValueError):
    """A value is not of the expected type or breaks a rule; the text is the path of its key, and the rule."""


def plain(value: Any, *, finite: bool = False) -> Any:
    """Convert a value to plain dicts, lists, texts and numbers; floats keep every bit.

    Parameters
    ----------
    value : dataclass, tuple, list, dict, ndarray, number, str or None
        May be nested.
    finite : bool
        Infinite numbers become None as nan does, for JSON that other programs read; by default they stay.

    Returns
    -------
    dict, list, str, number or None
        The tree.
    """
    inner = partial(plain, finite=finite)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name.rstrip('_'): inner(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return inner(value.tolist())
    if isinstance(value, dict):
        return {key: inner(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [inner(item) for item in value]
    return None if isinstance(value, float) and (math.isnan(value) or (finite and math.isinf(value))) else value


def typed(hint: Any, tree: Any, where: str = '', *, older: bool = False, newer: bool = False,
          single: bool = False) -> Any:
    """Read a tree as a value of a type: the inverse of `plain`.

    Parameters
    ----------
    hint : type
        The expected type, as in the annotation of a field.
    tree : dict, list, str, number or None
        As a reader of JSON or TOML returns it.
    where : str
        Path of the key of the tree, for messages; '' for a whole file.
    older : bool
        The tree may lack fields that have a default, as earlier versions did not write them.
    newer : bool
        Unknown keys are ignored, as later versions may write some.
    single : bool
        A plain value may stand for a list of one.

    Returns
    -------
    object
        A value of the type.

    Raises
    ------
    TreeInvalid
        A value is of another type or breaks a rule, a key is missing, or unknown.
    """
    return _Reader(older, newer, single)._value(hint, tree, where)


def without_schema(tree: Any, schema: int) -> dict[str, Any]:
    """Check the schema number of a table, and remove it.

    Parameters
    ----------
    tree : object
        Should be a table with the key `schema`.
    schema : int
        The expected number.

    Returns
    -------
    dict
        All other keys of the table.

    Raises
    ------
    TreeInvalid
        It is no table, or its number is missing or another one.
    """
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

    def _value(self, hint: Any, tree: Any, where: str) -> Any:
        """Read a tree as a value of the type `hint`; `where` is the path of its key, for messages."""
        origin, parts = get_origin(hint), get_args(hint)
        if is_dataclass(hint):
            return self._record(hint, tree, where)
        if origin in (types.UnionType, typing.Union):
            return None if tree is None else self._value(next(x for x in parts if x is not type(None)), tree, where)
        if origin is tuple:
            return self._tuple(parts, tree, where)
        if origin is dict:
            return {key: self._value(parts[1], item, _path(where, key)) for key, item in _table(tree, where).items()}
        return _leaf(hint.__metadata__ if origin is Annotated else (_RULES[hint],), tree, where)

    def _record(self, cls: Any, tree: Any, where: str) -> Any:
        """Read a table as a dataclass."""
        known_fields, values = _fields_by_key(cls), {}
        for key in _table(tree, where):
            if key not in known_fields and not self.newer:
                raise TreeInvalid(f'{_path(where, key)}: unknown key; known are {", ".join(known_fields)}')
        for key, (name, hint, has_default) in known_fields.items():
            if key in tree:
                values[name] = self._value(hint, tree[key], _path(where, key))
            elif not (self.older and has_default):
                raise TreeInvalid(f'{_path(where, key)}: is missing')
        try:
            return cls(**values)
        except TreeInvalid as error:
            raise TreeInvalid(_path(where, str(error))) from None
        except ValueError as error:
            raise _refusal(where, error) from None

    def _tuple(self, hints: tuple[Any, ...], tree: Any, where: str) -> tuple[Any, ...]:
        """Read a list as a tuple; the message on a plain value of a tuple[X, ...] has the path of the whole list."""
        of_plain = hints[-1] is ... and hints[0] in _RULES
        if of_plain and self.single and not isinstance(tree, list):
            tree = [tree]
        if not isinstance(tree, list):
            raise _refusal(where, 'must be a list')
        if hints[-1] is ...:
            hints = hints[:1] * len(tree)
        if len(hints) != len(tree):
            raise _refusal(where, f'must be a list of {len(hints)}, not of {len(tree)}')
        return tuple(self._value(hint, item, where if of_plain else f'{where}[{n}]')
                     for n, (hint, item) in enumerate(zip(hints, tree, strict=True)))


@cache
def _fields_by_key(cls: Any) -> dict[str, tuple[str, Any, bool]]:
    """(name, type, has a default) of the fields of a dataclass, by their keys in a table."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name.rstrip('_'): (field.name, hints[field.name], (field.default, field.default_factory) != (
        MISSING, MISSING)) for field in fields(cls)}


def _table(tree: Any, where: str) -> Mapping[str, Any]:
    """The tree, which must be a table."""
    if not isinstance(tree, Mapping):
        raise _refusal(where, 'must be a table')
    return tree


def _path(where: str, key: str) -> str:
    """Path of a key in the table at the path `where`."""
    return f'{where}.{key}' if where else key


def _refusal(where: str, rule: object) -> TreeInvalid:
    """The error for a value at the path `where` that breaks a rule."""
    return TreeInvalid(f'{where}: {rule}' if where else f'{rule}')


# -- plain values ------------------------------------------------------------------------------------------------------


def _leaf(rules: Iterable[Callable[[Any], Any]], value: Any, where: str) -> Any:
    """Apply rules to a plain value, one after the other."""
    try:
        for rule in rules:
            value = rule(value)
    except ValueError as error:
        raise _refusal(where, error) from None
    return value


def _exactly(kind: type, words: str, value: Any) -> Any:
    """Rule: a value of this type and of no subclass; `words` name it in the message."""
    if type(value) is not kind:
        raise ValueError(f'must be {words}, not {value if isinstance(value, datetime) else repr(value)}')
    return value


text = partial(_exactly, str, 'text in quotes')


def _number(value: Any) -> float:
    """Rule: a number, or null for nan."""
    if value is None:
        return math.nan
    if type(value) in (int, float) and value == value:
        with suppress(OverflowError):
            return float(value)
    raise ValueError(f'must be a number, not {value!r}')


def _pattern(value: Any) -> re.Pattern:
    """Rule: a regular expression."""
    try:
        return re.compile(value)
    except (re.error, TypeError, OverflowError) as error:
        raise ValueError(f'is not a regular expression: {error}') from None


def _time(value: Any) -> np.datetime64:
    """Rule: a time as ISO text, or null for NaT."""
    with suppress(ValueError):
        return np.datetime64('NaT', 'ms') if value is None else np.datetime64(text(value))
    raise ValueError(f'must be a time in quotes, not {value!r}')


def _array(value: Any) -> np.ndarray:
    """Rule: a list of numbers, or of lists of them."""
    with suppress(ValueError, TypeError, OverflowError):
        return np.array(_exactly(list, 'a list', value), float)
    raise ValueError(f'must be a list of numbers, not {value!r}')


_RULES: dict[Any, Callable[[Any], Any]] = {
    str: text, float: _number, int: partial(_exactly, int, 'a whole number'),
    bool: partial(_exactly, bool, 'true or false'),
    date: partial(_exactly, date, 'a date without quotes, as 2019-09-22'), re.Pattern: _pattern,
    np.datetime64: _time, np.ndarray: _array}
