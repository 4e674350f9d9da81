"""Read a TOML file of an observatory with its list of events, and lay one file over another."""

import csv
import io
import re
import tomllib
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from photzp.errors import ObservatoryInvalid
from photzp.observatorytables import Event
from photzp.typedtree import TreeInvalid, typed

_SEPARATORS = (',', ';', '\t')  # of CSV, as spreadsheets write it by the language of the computer


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
        tree = tomllib.loads(_text_of(path))
    except OSError as error:
        raise ObservatoryInvalid(f'{path}: cannot be read ({error.strerror}); see --observatory') from None
    except ValueError as error:
        raise ObservatoryInvalid(f'{path}: not valid TOML: {error}') from None
    if isinstance(tree.get('events'), str):
        tree['events'] = _read_events_csv(path.parent / Path(tree['events']).expanduser())
    return tree


def _text_of(path: Path) -> str:
    """The text of a file without the mark that some editors and spreadsheets begin it with; ValueError names a line."""
    content = path.read_bytes()
    try:
        return content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        line = content.count(b'\n', 0, error.start) + 1
        raise ValueError(f'line {line} is not in UTF-8, the encoding to save it in') from None


def with_line(path: Path, refusal: str) -> str:
    """Add to a refusal of an entry of a list the line in which it begins, where its header tells: [[events]].

    Parameters
    ----------
    path : pathlib.Path
        The file that `read_file` has read.
    refusal : str
        Path of a key and a rule, as in 'events[0].kind: is missing'.

    Returns
    -------
    str
        The refusal, with ' (the entry in line 12)' behind it or as it was.
    """
    entry = re.match(r'(\w+)\[(\d+)\]', refusal)
    if entry is None:
        return refusal
    header = re.compile(rf'\s*\[\[\s*{entry[1]}\s*\]\]')
    lines = [number for number, line in enumerate(_text_of(path).splitlines(), 1) if header.match(line)]
    index = int(entry[2])
    return f'{refusal} (the entry in line {lines[index]})' if index < len(lines) else refusal


def _read_events_csv(path: Path) -> list[dict[str, Any]]:
    """Rows telescope,date,kind,note of a CSV file as the tables that TOML would give.

    As spreadsheets write it: the separator may be a semicolon or a tab, the names in the header may have capitals, and
    rows may be empty.
    """
    try:
        text = _text_of(path)
    except (OSError, ValueError) as error:
        raise ObservatoryInvalid(f'{path}: the events file cannot be read ({error})') from None
    header = text.partition('\n')[0]
    separator = max(_SEPARATORS, key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=''), delimiter=separator, strict=True)
    try:
        reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
        if not {'telescope', 'date', 'kind'} <= set(reader.fieldnames):
            raise ObservatoryInvalid(f'{path}: line 1: the header must name telescope,date,kind and may name note')
        return [_csv_event(path, reader.line_num, row) for row in reader if any(_cells(row))]
    except csv.Error as error:
        begins = reader.line_num + 1  # of the row that is not complete
        raise ObservatoryInvalid(f'{path}: line {begins}: {error}: look at its quotation marks') from None


def _cells(row: dict[str, Any]) -> list[str]:
    """Cells of a row that are not empty, those beyond the header among them."""
    texts = [text for value in row.values() for text in (value if isinstance(value, list) else [value])]
    return [text for text in texts if text and text.strip()]


def _csv_event(path: Path, line: int, row: dict[str, Any]) -> dict[str, Any]:
    """The event in a row of a CSV file."""
    if None in row or None in row.values():
        raise ObservatoryInvalid(f'{path}: line {line}: the number of columns differs from the header')
    event = {key: row[key].strip() for key in ('telescope', 'date', 'kind', 'note') if key in row}
    try:
        event['date'] = _csv_date(event['date'])
        return asdict(typed(Event, event, 'event', older=True))
    except ValueError as error:
        raise ObservatoryInvalid(f'{path}: line {line}: {error}') from None


def _csv_date(text: str) -> date:
    """The date in a cell: other forms than ISO's leave open which number is the month."""
    with suppress(ValueError):
        return date.fromisoformat(text)
    raise ValueError(f'event.date: must be year-month-day, as 2019-09-22, not {text!r}')


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
