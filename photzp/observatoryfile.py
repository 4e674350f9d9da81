"""Read a TOML file of an observatory with its list of events, and lay one file over another."""

import csv
import tomllib
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from photzp.errors import ObservatoryInvalid
from photzp.observatorytables import Event
from photzp.typedtree import TreeInvalid, typed


def read_file(path: Path) -> dict[str, Any]:
    """Read a file.

    Parameters
    ----------
    path : pathlib.Path
        A TOML file; where `events` names a CSV file, that is read too, a relative name from the same directory.

    Returns
    -------
    dict
        The tables of the file, unchecked.

    Raises
    ------
    ObservatoryInvalid
        A file cannot be read, is no TOML, or a row of the CSV file breaks a rule.
    """
    try:
        with open(path, 'rb') as file:
            tree = tomllib.load(file)
    except OSError as error:
        raise ObservatoryInvalid(f'{path}: cannot be read ({error.strerror}); see --observatory') from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ObservatoryInvalid(f'{path}: not valid TOML: {error}') from None
    if isinstance(tree.get('events'), str):
        tree['events'] = _read_events_csv(path.parent / Path(tree['events']).expanduser())
    return tree


def _read_events_csv(path: Path) -> list[dict[str, Any]]:
    """Rows telescope,date,kind,note of a CSV file as the tables that TOML would give."""
    try:
        with open(path, newline='', encoding='utf-8-sig') as file:
            reader = csv.DictReader(file)
            if not {'telescope', 'date', 'kind'} <= set(reader.fieldnames or ()):
                raise ObservatoryInvalid(f'{path}: line 1: the header must name telescope,date,kind and may name note')
            return [_csv_event(path, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ObservatoryInvalid(f'{path}: the events file cannot be read ({error})') from None


def _csv_event(path: Path, line: int, row: dict[str, Any]) -> dict[str, Any]:
    if None in row or None in row.values():
        raise ObservatoryInvalid(f'{path}: line {line}: the number of columns differs from the header')
    event = {key: row[key].strip() for key in ('telescope', 'date', 'kind', 'note') if key in row}
    try:
        event['date'] = date.fromisoformat(event['date'])
        return asdict(typed(Event, event, 'event', older=True))
    except ValueError as error:
        raise ObservatoryInvalid(f'{path}: line {line}: {error}') from None


def laid_over(below: dict[str, Any], above: dict[str, Any], where: str = '') -> dict[str, Any]:
    """Lay the tables of one file over those of another.

    Parameters
    ----------
    below, above : dict
        Tables, as `read_file` returns them.
    where : str
        Path of the tables in their file, with a dot at the end; '' for whole files.

    Returns
    -------
    dict
        The tables of both, key by key: lists at the top are joined, any other value of `above` replaces the old one.

    Raises
    ------
    TreeInvalid
        One has a table where the other has none.
    """
    merged = dict(below)
    for key, value in above.items():
        old = below.get(key)
        if isinstance(old, dict) != isinstance(value, dict) and old is not None:
            raise TreeInvalid(f'{where}{key}: must be {"a table" if isinstance(old, dict) else "no table"}')
        if isinstance(old, dict):
            merged[key] = laid_over(old, value, f'{where}{key}.')
        elif isinstance(old, list) and isinstance(value, list) and not where:
            merged[key] = old + value
        else:
            merged[key] = value
    return merged
