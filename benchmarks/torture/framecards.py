"""Frames with damaged values of cards in the science header."""

import re
from collections.abc import Iterator, Sequence
from itertools import cycle

import numpy as np
from astropy.io import fits

from benchmarks.torture.baseframes import BLOCK, CARD, Base, Case

TEXTS = ("'UNKNOWN '", "'N/A     '", "'        '", "''", 'T', 'F', '', '12 34', '1.2.3', '(1.0, 2.0)', '-', '1e999',
         '-1E999', "'NaN     '", 'NaN', 'Inf', '9' * 60, '1e-320', '0x10', "'", '1,5', "'one'", '-0', '1_000')
NUMBERED = ('EXPTIME', 'FOCOBOFF', 'SATURATE', 'MAXLIN', 'WCSERR', 'L1FWHM', 'AIRMASS', 'CRVAL1', 'CRPIX2', 'CD1_1')
WORDED = ('FILTER', 'SITEID', 'ENCID', 'TELID', 'INSTRUME', 'OBSTYPE', 'PIPEVER', 'CTYPE1')
NUMBERS = ('0', '-1', '1.5', '1e30', 'T', "''", "'  '", "'x' / " + 'y' * 60, '')
DATES = ('{}', '{}T{}.987', '{}T235959', '{}T23:59:60', '{}T23:59:60.5', '{}T24:00:00', '2019-02-30T00:00:00',
         '{}T23:59', '{}T23:59:59.9999999', '{} 23:59:59', '{}T23:59:59Z', '{}T23:59:59+05:00', '05/08/19',
         '05-Aug-2019 23:59', '1899-12-31T00:00:00', '9999-12-31T23:59:59.9999', '0000-00-00T00:00:00',
         '2019-W31-1T10:00:00', '2019-217T10:00:00', 'T', 'yesterday', '{}T23:59:59,5', '-{}T00:00:00', '1{}T00:00:00',
         '1565049599', '58700.999', '{}T23:59:59.', '2019-8-5T3:5:9', '{}T23:59:59.98.7', '{}T25:00:00', 'UNKNOWN',
         '{}T23:59:59.5' + '0' * 40, '2220{}T00:00:00', '{}T00:00:00 UTC', 'T00:00:00')


def with_card(base: Base, keyword: str, value: str) -> bytes:
    """The frame with the raw value of a card of the science header replaced, or the card added."""
    start, end, _ = base.hdus()[base.science]
    header = base.data[start:end]
    cards = [header[at:at + CARD] for at in range(0, len(header), CARD)]
    text = f'{keyword:<8}= {value}'.encode('ascii', 'replace')[:CARD].ljust(CARD)
    at = next((n for n, card in enumerate(cards) if card[:9] == f'{keyword:<8}='.encode()), None)
    if at is None:
        at = next(n for n, card in enumerate(cards) if card.rstrip() == b'END')
        cards.insert(at, text)
    cards[at] = text
    changed = b''.join(cards).rstrip(b' ')
    return base.data[:start] + changed + b' ' * (-len(changed) % BLOCK) + base.data[end:]


def words_for_numbers(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """Text, logical, complex and unparsable values instead of numbers."""
    bases = cycle(frames)
    for keyword in NUMBERED:
        for text in TEXTS:
            yield _with(next(bases), keyword, text)


def numbers_for_words(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """Numbers and empty values instead of names."""
    bases = cycle(frames)
    for keyword in WORDED:
        for text in NUMBERS:
            yield _with(next(bases), keyword, text)


def exposures(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """Exposure times and filters that are invalid, or another one."""
    bases = cycle(frames)
    for value in ('-30.0', '0.0', '-0.0', '1e-9', '1e9', '86401', '2e5', '30.0', '777.0'):
        yield _with(next(bases), 'EXPTIME', value)
    for value in ("'gp'", "'rp'", "'ip'", "'zs'", "'w'", "'RP'", "' rp'", "'V'", "'air'"):
        yield _with(next(bases), 'FILTER', value)


def dates(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """DATE-OBS in many forms; a date that is stored must have the form of the database."""
    bases = cycle(frames)
    for value in DATES:
        base = next(bases)
        day = '-'.join(re.search(r'-(\d{4})(\d\d)(\d\d)-', base.name).groups())
        yield _with(base, 'DATE-OBS', f"'{value.replace('2220{}', '2220' + day[4:]).format(day, '23:59:59')}'")
    for night in ('20300101', '2019-08-05', '19990101', '99999999', 'UNKNOWN', ''):
        yield _with(next(bases), 'DAY-OBS', f"'{night}'")
    yield _with(next(bases), 'DATE-OBS', '2019.5')


def _with(base: Base, keyword: str, value: str) -> Case:
    """The case of a frame with another card."""
    return Case(f'{keyword} = {value}', base, with_card(base, keyword, value), frozenset({keyword}))


def absurd_coordinates(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """World coordinates that are singular, huge, elsewhere, mirrored, at the pole or not TAN."""
    bases = cycle(frames)
    changes = [{'CD1_1': '0.0', 'CD1_2': '0.0', 'CD2_1': '0.0', 'CD2_2': '0.0'}, {'CD1_1': '1.0', 'CD2_2': '1.0'},
               {'CD1_1': '1e-30', 'CD2_2': '1e-30'}, {'CD1_1': '1e300', 'CD2_2': '1e300'}, {'CRVAL1': '1e300'},
               {'CRVAL1': '-720.0'}, {'CRVAL2': '90.0'}, {'CRVAL2': '-90.0'}, {'CRVAL2': '91.0'}, {'CRVAL1': '123.4'},
               {'CRPIX1': '1e12'}, {'CRPIX1': '-1e5'}, {'CRPIX1': '1e300'}, {'CTYPE1': "'RA---SIN'"},
               {'CTYPE1': "'DEC--TAN'", 'CTYPE2': "'RA---TAN'"}, {'CTYPE2': "'GLAT-TAN'"}, {'CD1_1': '1e-4'},
               {'CD2_2': '-1e-4'}, {'ZNAXIS1': '0'}, {'ZNAXIS1': '-5'}, {'ZNAXIS1': '99999999'}, {'ZNAXIS1': '1'}]
    for change in changes:
        for _ in range(2):
            base = next(bases)
            data = base
            for keyword, value in change.items():
                data = Base(base.name, with_card(data, keyword, value), base.ps1)
            yield Case(', '.join(f'{key} = {value}' for key, value in change.items()), base, data.data)
    for base in frames:
        offsets = rng.normal(0, [0.02, 0.5], (2, 2)).T.ravel()
        header = fits.Header.fromstring(base.data[slice(*base.hdus()[base.science][:2])].decode('ascii'))
        for offset in offsets:
            yield _with(base, 'CRVAL2', f'{header["CRVAL2"] + offset:.8f}')


def missing_cards(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """Cards of the science header that are missing."""
    bases = cycle(frames)
    for keyword in (*NUMBERED, *WORDED, 'DATE-OBS', 'DAY-OBS', 'CRVAL2', 'CRPIX1', 'CD2_2', 'CTYPE2', 'GAIN'):
        base = next(bases)
        start, end, _ = base.hdus()[base.science]
        head = re.sub(rf'{keyword:<8}='.encode(), b'COMMENT  ', base.data[start:end], count=1)
        yield Case(f'no card {keyword}', base, base.data[:start] + head + base.data[end:])
