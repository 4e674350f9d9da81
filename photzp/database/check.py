"""What is wrong with the rows of a database, and rows of older files taken into it."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from photzp.database.oldfiles import is_sqlite, read_ascii
from photzp.database.tables import LONGEST_TEXT, text_of
from photzp.errors import DatabaseUnusable
from photzp.names import base_name, exposure_of, level_of
from photzp.observatory import Observatory
from photzp.records import SANE_ZP_MAG, Database, Measurement, Watch, unwatched
from photzp.times import time_text

_DATE = re.compile(r'\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[ T]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?')
_EXAMPLES = 3
OpenOld = Callable[[Path | str], AbstractContextManager[Database]]


def findings(database: Database, observatory: Observatory, now: datetime,
             watch: Watch = unwatched) -> tuple[int, list[str]]:
    """Check every record: (number of zeropoints, list of findings as text).

    now : UTC.  watch : as of PhotDatabase.copy_from.
    Looked for: damage of the file, dates that are none or later than now, zeropoints that are no number or beyond any
    telescope, telescopes that the observatory does not list, several rows of one exposure at one reduction level.
    """
    total, seen, kinds = 0, Counter[tuple[str, int]](), Counter[str]()
    examples: dict[str, list[str]] = {}
    for row in watch(database.raw_rows(), 'rows', database.count()):
        total += 1
        name = text_of(row['name'])
        seen[(exposure_of(name), level_of(name))] += 1
        for kind in _row_findings(row, observatory, f'{now:%Y-%m-%d %H:%M:%S.%f}'):
            kinds[kind] += 1
            examples.setdefault(kind, [])
            if len(examples[kind]) < _EXAMPLES:
                examples[kind].append(base_name(name)[:LONGEST_TEXT])
    found = [f'the file is damaged: {text}' for text in database.integrity()]
    found += [f'{count} x {kind}, as in {", ".join(examples[kind])}' for kind, count in kinds.most_common()]
    twice = [exposure for (exposure, _), count in seen.items() if count > 1]
    if twice:
        found.append(f'{len(twice)} exposures have several rows, as {", ".join(twice[:_EXAMPLES])}; the newest is used')
    return total, found


def _row_findings(row: dict[str, Any], observatory: Observatory, now: str) -> Iterator[str]:
    if not isinstance(row['dateobs'], str) or _DATE.fullmatch(row['dateobs']) is None:
        yield 'dateobs is not a date and time'
    elif row['dateobs'].replace('T', ' ') > now:
        yield 'dateobs is later than now'
    zp = row['zp']
    if not isinstance(zp, (int, float)) or not math.isfinite(zp):
        yield 'zp is not a number'
    elif not SANE_ZP_MAG[0] <= zp <= SANE_ZP_MAG[1]:
        yield f'zp is not between {SANE_ZP_MAG[0]:g} and {SANE_ZP_MAG[1]:g} mag'
    telescope = f'{row["site"]}-{row["dome"]}-{row["telescope"]}'
    if telescope not in observatory.telescopes:
        yield f'telescope {telescope[:LONGEST_TEXT]} is not in observatory.toml'


def import_file(database: Database, path: Path | str, open_old: OpenOld) -> tuple[int, int, list[tuple[str, str]]]:
    """Take the rows of one older file into the database that it does not have.

    open_old : opens an SQLite file for reading.

    Returns (new, known, unreadable): numbers, and a list of (place in the file, what is wrong there).
    """
    try:
        if is_sqlite(path):
            with open_old(path) as old:
                measurements, unreadable = _measurements(old), []
        else:
            rows, bad = read_ascii(path)
            measurements = [Measurement(**asdict(row) | {'name': base_name(row.name)}) for row in rows]
            unreadable = [(f'line {number}', why) for number, why in bad]
    except (DatabaseUnusable, OSError) as error:
        return 0, 0, [('file', str(error))]
    known = database.known([m.name for m in measurements])
    new = {m.name: m for m in measurements if known.get(m.name) != 'measured'}
    database.add_many(new.values())
    return len(new), len(measurements) - len(new), unreadable


def _measurements(old: Database) -> list[Measurement]:
    """Every row of another database as a Measurement; rows without a date cannot be placed in time and are kept too."""
    rows = old.zeropoints(one_per_exposure=False)
    columns = [name for name in Measurement.__dataclass_fields__ if name != 'dateobs']
    return [Measurement(dateobs=time_text(rows.dateobs[n]),
                        **{name: getattr(rows, name)[n] for name in columns}) for n in range(len(rows))]
