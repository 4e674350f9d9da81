"""What `--testdb` finds wrong with the rows of a database, and with its file."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import numpy as np

from photzp.database.dialects import READ_CHUNK
from photzp.database.session import Session
from photzp.database.values import LONGEST_TEXT, instants_of, number_of, numbers_of, text_of
from photzp.measurements import UNUSABLE, Unusable, UsableLimits, why_unusable
from photzp.names import Telescope, base_name, exposure_of, level_of
from photzp.observatory import Observatory, start_of
from photzp.times import instant_of

_DATE = re.compile(r'\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[ T]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?')
_EXAMPLES = 3


def integrity(session: Session) -> list[str]:
    """What SQLite finds wrong with its file; a server looks after itself.

    Parameters
    ----------
    session : Session
        The database.

    Returns
    -------
    list of str
        One text per fault.
    """
    with session.transaction() as connection:
        if connection.dialect.name != 'sqlite':
            return []
        lines = connection.exec_driver_sql('PRAGMA integrity_check').scalars().all()
    return [line for line in lines if line != 'ok']


@dataclass(frozen=True)
class CheckedRows:
    """What `faults_of_rows` found.

    Attributes
    ----------
    total : int
        Number of rows.
    faults : list of str
        One text per kind of fault with examples, the most frequent first.
    unused : list of str
        The same per reason why the report does not use rows that have no fault.
    """

    total: int
    faults: list[str]
    unused: list[str]


class _Kinds:
    """Kinds of rows: their numbers, and names of frames as examples."""

    def __init__(self) -> None:
        self._counts, self._examples = Counter[str](), dict[str, list[str]]()

    def add(self, kind: str, name: str) -> None:
        """Count a row."""
        self._counts[kind] += 1
        if self._counts[kind] <= _EXAMPLES:
            self._examples.setdefault(kind, []).append(base_name(name)[:LONGEST_TEXT])

    def lines(self, form: str) -> list[str]:
        """A text per kind, the most frequent first."""
        return [f'{form.format(count, kind)}, as in {", ".join(self._examples[kind])}'
                for kind, count in self._counts.most_common()]


def faults_of_rows(rows: Iterable[dict[str, Any]], observatory: Observatory, now: datetime) -> CheckedRows:
    """Check every row of `lcophot`.

    Reasons why rows are not used (`photzp.measurements`), telescopes that the observatory does not list, centres that
    are no position, a FWHM that is none, several rows of one exposure at one reduction level.

    Parameters
    ----------
    rows : iterable of dict
        As `PhotDatabase.raw_rows` yields them.
    observatory : Observatory
        Its telescopes.
    now : datetime.datetime
        UTC.

    Returns
    -------
    CheckedRows
    """
    frames, faults, unused = Counter[tuple[str, int]](), _Kinds(), _Kinds()
    rows = iter(rows)
    while chunk := list(islice(rows, READ_CHUNK)):
        for telescope, of_telescope in _by_telescope(chunk).items():
            reasons = _reasons(of_telescope, telescope, observatory, instant_of(now))
            for row, reason in zip(of_telescope, reasons, strict=True):
                name = text_of(row['name'])
                frames[exposure_of(name), level_of(name)] += 1
                for kind in _faults(row, str(telescope), reason, observatory):
                    faults.add(kind, name)
                if reason is not None and not reason.fault:
                    unused.add(reason.words, name)
    lines = faults.lines('{} x {}')
    twice = [exposure for (exposure, _), count in frames.items() if count > 1]
    if twice:
        lines.append(f'{len(twice)} exposures have several rows, as {", ".join(twice[:_EXAMPLES])}; '
                     'the newest is used')
    return CheckedRows(frames.total(), lines, unused.lines('{} {}'))


def _by_telescope(rows: Iterable[dict[str, Any]]) -> dict[Telescope, list[dict[str, Any]]]:
    """Rows by their telescope."""
    groups: dict[Telescope, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(Telescope(*(text_of(row[name]) for name in ('site', 'dome', 'telescope'))), []).append(row)
    return groups


def _reasons(rows: list[dict[str, Any]], telescope: Telescope, observatory: Observatory,
             now: np.datetime64) -> list[Unusable | None]:
    """Why each row of a telescope is not used, None where it is."""
    texts = [row['dateobs'] for row in rows]
    has_form = np.array([isinstance(text, str) and _DATE.fullmatch(text) is not None for text in texts])
    time = np.where(has_form, instants_of(texts), np.datetime64('NaT', 'ms'))
    zp, airmass, zpsig = (numbers_of([row[name] for row in rows]) for name in ('zp', 'airmass', 'zpsig'))
    limits = UsableLimits.of(telescope.name, start_of(observatory, str(telescope), now), now)
    why = why_unusable(time, zp, airmass, zpsig, limits)
    return [UNUSABLE[number - 1] if number else None for number in why.tolist()]


def _faults(row: dict[str, Any], telescope: str, reason: Unusable | None, observatory: Observatory) -> Iterator[str]:
    """Yield the kinds of faults of one row of a telescope, which is not used for a reason, or used for None."""
    if reason is not None and reason.fault:
        yield reason.fault
    if telescope not in observatory.telescopes:
        yield f'telescope {telescope[:LONGEST_TEXT]} is not in observatory.toml'
    if (row['ra'], row['dec']) != (None, None) and not _is_position(row['ra'], row['dec']):
        yield 'ra and dec are no position'
    if row['fwhm'] is not None and not number_of(row['fwhm']) > 0:
        yield 'fwhm is not above 0'


def _is_position(ra: object, dec: object) -> bool:
    """Whether two values are a right ascension from 0 to 360 and a declination [deg]."""
    return 0 <= number_of(ra) <= 360 and abs(number_of(dec)) <= 90
