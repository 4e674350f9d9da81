"""Frozen dataclasses as plain values for JSON, and back by their annotations.

`plain` makes dicts, lists, text and numbers: nan and NaT become None, an infinite number stays one, times are ISO text
of their resolution.  `typed` is the inverse, by the type that is expected, and refuses everything else: a file that was
damaged or written by another version must not pass for one of ours.
"""

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """A dataclass, tuple, array or number as what JSON knows; floats keep every bit."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and value != value else value


def typed(hint: Any, tree: Any) -> Any:
    """The value of a type, as annotated in a dataclass, that `plain` has made `tree` of; ValueError where it is none.

    None is nan of a float and NaT of a time; arrays are of doubles.
    """
    if is_dataclass(hint):
        return _instance(hint, tree)
    if isinstance(hint, types.UnionType):
        return None if tree is None else typed(next(each for each in hint.__args__ if each is not type(None)), tree)
    if typing.get_origin(hint) is tuple:
        return _tuple(hint.__args__, tree)
    if hint is np.datetime64 and isinstance(tree, (str, type(None))):
        return np.datetime64('NaT' if tree is None else tree)
    if hint is np.ndarray and isinstance(tree, list):
        return np.array(tree, float)
    if hint is float and (tree is None or type(tree) in (int, float)):
        return np.nan if tree is None else float(tree)
    if hint in (int, str, bool) and type(tree) is hint:
        return tree
    raise ValueError(f'{tree!r:.80} is no {hint}')


def _instance(cls: Any, tree: Any) -> Any:
    hints = _hints(cls)
    if not isinstance(tree, Mapping) or tree.keys() != hints.keys():
        raise ValueError(f'{tree!r:.80} is no {cls.__name__}')
    return cls(**{name: typed(hint, tree[name]) for name, hint in hints.items()})


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _tuple(hints: tuple[Any, ...], tree: Any) -> tuple[Any, ...]:
    if not isinstance(tree, list):
        raise ValueError(f'{tree!r:.80} is no list')
    if hints[-1] is ...:
        return tuple(typed(hints[0], each) for each in tree)
    if len(tree) != len(hints):
        raise ValueError(f'{tree!r:.80} has not {len(hints)} parts')
    return tuple(typed(hint, each) for hint, each in zip(hints, tree, strict=True))
