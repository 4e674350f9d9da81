"""What `--testdb` finds wrong with the rows of a database, and with its file."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from photzp.database.session import Session
from photzp.database.values import LONGEST_TEXT, number_of, text_of
from photzp.measurements import SANE_ZP_MAG
from photzp.names import base_name, exposure_of, level_of
from photzp.observatory import Observatory

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


def faults_of_rows(rows: Iterable[dict[str, Any]], observatory: Observatory, now: datetime) -> tuple[int, list[str]]:
    """Check every row of `lcophot`.

    Dates that are none or later than now, zeropoints that are no number or beyond any telescope, telescopes that the
    observatory does not list, centres that are no position, a FWHM that is none, several rows of one exposure at one
    reduction level.

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
    count : int
        Number of rows.
    faults : list of str
        One text per kind of fault with examples, the most frequent first.
    """
    frames, kinds, examples = Counter[tuple[str, int]](), Counter[str](), dict[str, list[str]]()
    for row in rows:
        name = text_of(row['name'])
        frames[exposure_of(name), level_of(name)] += 1
        for kind in _faults(row, observatory, f'{now:%Y-%m-%d %H:%M:%S.%f}'):
            kinds[kind] += 1
            if kinds[kind] <= _EXAMPLES:
                examples.setdefault(kind, []).append(base_name(name)[:LONGEST_TEXT])
    faults = [f'{count} x {kind}, as in {", ".join(examples[kind])}' for kind, count in kinds.most_common()]
    twice = [exposure for (exposure, _), count in frames.items() if count > 1]
    if twice:
        faults.append(f'{len(twice)} exposures have several rows, as {", ".join(twice[:_EXAMPLES])}; '
                      'the newest is used')
    return frames.total(), faults


def _faults(row: dict[str, Any], observatory: Observatory, now: str) -> Iterator[str]:
    """Yield the kinds of faults of one row."""
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
    if (row['ra'], row['dec']) != (None, None) and not _is_position(row['ra'], row['dec']):
        yield 'ra and dec are no position'
    if row['fwhm'] is not None and not number_of(row['fwhm']) > 0:
        yield 'fwhm is not above 0'


def _is_position(ra: object, dec: object) -> bool:
    """Whether two values are a right ascension from 0 to 360 and a declination [deg]."""
    return 0 <= number_of(ra) <= 360 and abs(number_of(dec)) <= 90
