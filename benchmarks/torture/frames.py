"""Damaged frames through the real script: each is measured as before, or rejected with a reason; nothing else happens.

Whole frames are those of a simulated night (fpacked images, a cropped one in the primary HDU, old and new pipelines)
and the two real catalogues, packed.  None has checksums: what is tried here is what the values alone
can tell.  A case survives where its frame

- is measured with a zeropoint within 5 zperr + 10 mmag of the undamaged frame's, or
- is measured otherwise, and what was altered is one of UNDETECTABLE, which the notes below the table count, or
- is rejected with a reason other than internal-error and worker-died,

and where the log has no traceback, few lines per frame, no Python warning, and the run ends in time.
"""

import gzip
import io
import json
import math
import os
import re
import shutil
import socket
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import cycle
from pathlib import Path

import numpy as np
from astropy.io import fits

from benchmarks.torture import scripts
from benchmarks.torture.scripts import ROOT, Run, as_program, calibrate, calibration
from benchmarks.torture.tally import Tally
from examples import realframes
from photzp.errors import INTERNAL_ERROR, REASONS, WORKER_DIED
from simulation.__main__ import main as simulate

SEED = 7
NOBODY = 65534
LINES_PER_FRAME = 2  # of the log: what came of it, and at most one warning
BLOCK, CARD = 2880, 80
TOLERANCE = 5, 0.010  # zperr, mag
FORBIDDEN = {INTERNAL_ERROR.name, WORKER_DIED.name}
UNDETECTABLE = {
    'EXPTIME': 'the zeropoint is per second, and no other card of a BANZAI frame holds the time',
    'FILTER': 'nothing else in a frame names the filter',
    'flux unit': 'fluxes scaled as a whole, in their values or by TSCAL, are those of another throughput',
    'FITS type': 'all of a column shifted by whole bytes or read as another type reads as other numbers',
}


@dataclass(frozen=True)
class Base:
    """A whole frame: its name, bytes, catalogue directory, and what the script measures on it."""

    name: str
    data: bytes
    ps1: Path
    zp_mag: float = math.nan
    zperr_mag: float = math.nan

    @property
    def suffix(self) -> str:
        """Of the file name: .fits or .fits.fz."""
        return '.fits.fz' if self.name.endswith('.fz') else '.fits'

    @property
    def science(self) -> int:
        """Number of the HDU with the science header."""
        return 1 if len(self.hdus()) > 2 else 0

    def hdus(self) -> list[tuple[int, int, int]]:
        """(start of header, start of data, end) of each HDU."""
        return layout(self.data)


@cache
def layout(data: bytes) -> list[tuple[int, int, int]]:
    with fits.open(io.BytesIO(data), disable_image_compression=True) as hdus:
        infos = [hdu.fileinfo() for hdu in hdus]
    return [(info['hdrLoc'], info['datLoc'], info['datLoc'] + info['datSpan']) for info in infos]


@dataclass(frozen=True)
class Case:
    """One damaged frame: what was done, to which, the bytes (or what makes the file), and what of it was altered."""

    label: str
    base: Base
    content: bytes | Callable[[Path], None]
    altered: frozenset[str] = field(default=frozenset())


# -- whole frames ------------------------------------------------------------------------------------------------------


def bases(place: Path, *, night: Path | None = None, real: bool = True) -> list[Base]:
    """Whole frames with what the script measures on them, the smallest first.

    night : of the simulation, where there is one already.
    """
    found = _simulated(night or _night(place / 'sim')) + (_real(place / 'real') if real else [])
    measured = []
    for ps1 in dict.fromkeys(base.ps1 for base in found):
        directory = place / f'whole-{ps1.parent.name}'
        directory.mkdir()
        for base in found:
            if base.ps1 == ps1:
                (directory / base.name).write_bytes(base.data)
        run = calibrate(directory, ps1, directory / 'x.db', limit_s=120)
        assert run.status == 0, run.log
        zeropoints = {name: (zp, zperr) for name, zp, zperr in scripts.rows(
            directory / 'x.db', 'select name, zp, zperr from lcophot')}
        measured += [Base(base.name, base.data, ps1, *zeropoints[base.name]) for base in found if base.ps1 == ps1]
    return sorted(measured, key=lambda base: len(base.data))


def _night(out: Path) -> Path:
    with redirect_stdout(io.StringIO()):
        assert simulate(['night', str(out), '--frames', '24', '--seed', '11', '--defects', '0', '--twins', '0',
                                '--no-pixels']) == 0
    return out


def _simulated(out: Path) -> list[Base]:
    """Up to five frames of a simulated night: one cropped, the others fpacked, of 50 to 300 stars."""
    truth = json.loads((out / 'truth.json').read_text(encoding='utf-8'))['frames']
    usable = [each for each in truth.values() if each['measurable'] and 50 < each['n_usable'] < 300]
    cropped = [each for each in usable if each['name'].endswith('.fits')][:1]
    packed = [each for each in usable if each['name'].endswith('.fz') and not each['name'].startswith('tfn')][:4]
    return [Base(each['name'], (out / each['path']).read_bytes(), out / 'ps1') for each in cropped + packed]


def _real(out: Path) -> list[Base]:
    """The two real frames with an fpacked image; none where their package is not installed."""
    try:
        frames = realframes.write_real_frames(out)
    except FileNotFoundError:
        return []
    found = []
    for frame in frames:
        path, = (out / 'archive').rglob(f'{frame.name}-e91.fits')
        with fits.open(path) as hdus:
            packed = fits.CompImageHDU(np.zeros_like(hdus['SCI'].data), hdus['SCI'].header, name='SCI')
            whole = io.BytesIO()
            fits.HDUList([fits.PrimaryHDU(), packed, hdus['CAT']]).writeto(whole)
        found.append(Base(f'{path.name}.fz', whole.getvalue(), out / 'ps1'))
    return found


# -- damage ------------------------------------------------------------------------------------------------------------

Damage = Callable[[Sequence[Base], np.random.Generator], Iterator[Case]]


def truncated(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """Cut off at any byte, at whole blocks, and at the ends of headers and data."""
    for base in frames:
        size = len(base.data)
        marks = {at + step for hdu in base.hdus() for at in hdu for step in (-BLOCK, -1, 0, 1)}
        blocks = rng.choice(size // BLOCK, 8, replace=False) * BLOCK
        for at in sorted({*marks, *rng.integers(0, size, 8).tolist(), *blocks.tolist()} & {*range(size)}):
            yield Case(f'cut off at byte {at} of {size}', base, base.data[:at])
    for base in frames[:2]:
        yield Case('grown by a block of noise', base, base.data + rng.bytes(BLOCK))
        yield Case('grown by zeros', base, base.data + bytes(7 * BLOCK))
        yield Case('twice in one file', base, base.data * 2)


def flipped_in_headers(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """One bit of the science header or of that of CAT, in cards that hold something."""
    for base in frames:
        for hdu in (base.science, -1):
            start, end, _ = base.hdus()[hdu]
            full = [at for at in range(start, end) if base.data[at] != 32]
            for at in rng.choice(full, 20, replace=False).tolist():
                yield _flipped(base, at, int(rng.integers(8)))


def flipped_in_tables(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """One, ten or a hundred bits of the rows of CAT."""
    for base in frames:
        _, start, end = base.hdus()[-1]
        for count in (1,) * 10 + (10,) * 6 + (100,) * 6:
            data = bytearray(base.data)
            for at in rng.integers(start, end, count).tolist():
                data[at] ^= 1 << int(rng.integers(8))
            yield Case(f'{count} bits of the rows flipped', base, bytes(data))


def _flipped(base: Base, at: int, bit: int) -> Case:
    data = bytearray(base.data)
    data[at] ^= 1 << bit
    card = next(start for start, end, _ in reversed(base.hdus()) if start <= at)
    line = base.data[card + (at - card) // CARD * CARD:][:CARD].decode('ascii', 'replace')
    return Case(f'bit {bit} of byte {at} flipped, in {line.strip()!r}', base, bytes(data),
                frozenset({_subject(line[:8].strip())}))


def _subject(keyword: str) -> str:
    """What of UNDETECTABLE a card is about, else the keyword."""
    return {'TFORM': 'FITS type', 'TZERO': 'flux unit', 'TSCAL': 'flux unit'}.get(keyword.rstrip('0123456789'), keyword)


def lost_pages(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """Zeros, noise or another part of the file in place of a page of 512 or 4096 bytes, as after a broken copy."""
    for base in frames:
        for size in (512, 4096):
            for filling in ('zeros', 'noise', 'a repeated page'):
                for hdu in (base.science, -1):
                    start, _, end = base.hdus()[hdu]
                    at = int(rng.integers(start, end)) // size * size
                    page = {'zeros': bytes(size), 'noise': rng.bytes(size), 'a repeated page': base.data[:size]}
                    data = base.data[:at] + page[filling] + base.data[at + size:]
                    yield Case(f'{filling} in {size} bytes at {at}', base, data[:len(base.data)])


# -- values of cards ---------------------------------------------------------------------------------------------------

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
    """The frame with the raw value of a card of the science header replaced; added where it is not there."""
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
    """Text, logical values, complex and unparsable ones where numbers belong."""
    some = cycle(frames)
    for keyword in NUMBERED:
        for text in TEXTS:
            yield _with(next(some), keyword, text)


def numbers_for_words(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """Numbers and nothing where names belong."""
    some = cycle(frames)
    for keyword in WORDED:
        for text in NUMBERS:
            yield _with(next(some), keyword, text)


def exposures(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """Times and filters that are none, or another one."""
    some = cycle(frames)
    for value in ('-30.0', '0.0', '-0.0', '1e-9', '1e9', '86401', '2e5', '30.0', '777.0'):
        yield _with(next(some), 'EXPTIME', value)
    for value in ("'gp'", "'rp'", "'ip'", "'zs'", "'w'", "'RP'", "' rp'", "'V'", "'air'"):
        yield _with(next(some), 'FILTER', value)


def dates(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """DATE-OBS of many shapes; what is stored as one must be a date of the shape that the database has."""
    some = cycle(frames)
    for value in DATES:
        base = next(some)
        day = '-'.join(re.search(r'-(\d{4})(\d\d)(\d\d)-', base.name).groups())
        yield _with(base, 'DATE-OBS', f"'{value.replace('2220{}', '2220' + day[4:]).format(day, '23:59:59')}'")
    for night in ('20300101', '2019-08-05', '19990101', '99999999', 'UNKNOWN', ''):
        yield _with(next(some), 'DAY-OBS', f"'{night}'")
    yield _with(next(some), 'DATE-OBS', '2019.5')


def _with(base: Base, keyword: str, value: str) -> Case:
    return Case(f'{keyword} = {value}', base, with_card(base, keyword, value), frozenset({keyword}))


def absurd_coordinates(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """World coordinates that are singular, huge, elsewhere, mirrored, at the pole or not TAN."""
    some = cycle(frames)
    changes = [{'CD1_1': '0.0', 'CD1_2': '0.0', 'CD2_1': '0.0', 'CD2_2': '0.0'}, {'CD1_1': '1.0', 'CD2_2': '1.0'},
               {'CD1_1': '1e-30', 'CD2_2': '1e-30'}, {'CD1_1': '1e300', 'CD2_2': '1e300'}, {'CRVAL1': '1e300'},
               {'CRVAL1': '-720.0'}, {'CRVAL2': '90.0'}, {'CRVAL2': '-90.0'}, {'CRVAL2': '91.0'}, {'CRVAL1': '123.4'},
               {'CRPIX1': '1e12'}, {'CRPIX1': '-1e5'}, {'CRPIX1': '1e300'}, {'CTYPE1': "'RA---SIN'"},
               {'CTYPE1': "'DEC--TAN'", 'CTYPE2': "'RA---TAN'"}, {'CTYPE2': "'GLAT-TAN'"}, {'CD1_1': '1e-4'},
               {'CD2_2': '-1e-4'}, {'ZNAXIS1': '0'}, {'ZNAXIS1': '-5'}, {'ZNAXIS1': '99999999'}, {'ZNAXIS1': '1'}]
    for change in changes:
        for _ in range(2):
            base = next(some)
            data = base
            for keyword, value in change.items():
                data = Base(base.name, with_card(data, keyword, value), base.ps1)
            yield Case(', '.join(f'{key} = {value}' for key, value in change.items()), base, data.data)
    for base in frames:
        offsets = rng.normal(0, [0.02, 0.5], (2, 2)).T.ravel()
        header = fits.Header.fromstring(base.data[slice(*base.hdus()[base.science][:2])].decode('ascii'))
        for offset in offsets:
            yield _with(base, 'CRVAL2', f'{header["CRVAL2"] + offset:.8f}')


# -- tables ------------------------------------------------------------------------------------------------------------


def edited(base: Base, edit: Callable[[fits.HDUList], None]) -> bytes:
    """The frame after a change by astropy."""
    with fits.open(io.BytesIO(base.data), disable_image_compression=True) as hdus:
        for hdu in hdus:
            hdu.data  # noqa: B018  read now, written again below
        edit(hdus)
        out = io.BytesIO()
        hdus.writeto(out, output_verify='ignore')
    return out.getvalue()


def _column(table: fits.FITS_rec, name: str) -> str:
    return next(each for each in table.names if each.lower() == name)


def _columns(table: fits.FITS_rec) -> dict[str, np.ndarray]:
    return {name: np.array(table[name]) for name in table.names}


def _set_table(hdus: fits.HDUList, columns: dict[str, np.ndarray]) -> None:
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    count = len(next(iter(arrays.values()), ()))
    rows = np.zeros(count, [(name, a.dtype, a.shape[1:]) for name, a in arrays.items()])
    for name, values in arrays.items():
        rows[name] = values
    hdus['CAT'] = fits.BinTableHDU(rows, name='CAT')


def _retyped(hdus: fits.HDUList, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    columns = _columns(hdus['CAT'].data)
    found = _column(hdus['CAT'].data, name)
    columns[found] = change(columns[found])
    _set_table(hdus, columns)


TYPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    'float32': lambda column: column.astype('f4'),
    'int16': lambda column: np.clip(column, -32768, 32767).astype('i2'),
    'int64': lambda column: column.astype('i8'),
    'text': lambda column: np.array([f'{value:.6g}' for value in column.tolist()], 'S12'),
    'words': lambda column: np.full(len(column), 'UNKNOWN', 'S7'),
    'bool': lambda column: column > 0,
    'complex': lambda column: column.astype('c16'),
    'vector': lambda column: np.repeat(column[:, None], 3, axis=1),
    'vector of none': lambda column: np.zeros((len(column), 0)),
}


def wrong_types(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """Columns of CAT as other types; the exact ones are still measured, all others rejected."""
    some = cycle(frames)
    for kind, change in TYPES.items():
        for name in ('x', 'flux', 'fluxerr', 'flag', 'peak'):
            base = next(some)
            with suppress(ValueError):  # a text of a text
                yield Case(f'{name} as {kind}', base, edited(base, partial(_retyped, name=name, change=change)))
    for base in frames:
        yield Case('flux scaled by TSCAL', base, _scaled(base), frozenset({'flux unit'}))


def _scaled(base: Base) -> bytes:
    def edit(hdus: fits.HDUList) -> None:
        names = [name.lower() for name in hdus['CAT'].data.names]
        hdus['CAT'].header[f'TSCAL{names.index("flux") + 1}'] = 2.0
    return edited(base, edit)


def missing_parts(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """Extensions, columns and cards that are not there, or there twice."""
    for base, name in zip(cycle(frames), ('x', 'y', 'flux', 'fluxerr', 'peak', 'background', 'flag'), strict=False):
        def drop(hdus: fits.HDUList, name: str = name) -> None:
            columns = _columns(hdus['CAT'].data)
            del columns[_column(hdus['CAT'].data, name)]
            _set_table(hdus, columns)
        yield Case(f'no column {name}', base, edited(base, drop))
    for base in frames:
        yield Case('no CAT', base, edited(base, lambda hdus: hdus.pop('CAT')))
        yield Case('CAT is an image', base, edited(base, lambda hdus: hdus.__setitem__(
            'CAT', fits.ImageHDU(np.zeros((9, 9)), name='CAT'))))
        yield Case('CAT is called CAT2', base, edited(base, lambda hdus: setattr(hdus['CAT'], 'name', 'CAT2')))
        yield Case('CAT twice', base, edited(base, lambda hdus: hdus.append(hdus['CAT'].copy())))
        start, _, end = base.hdus()[-1]
        yield Case('primary HDU and CAT only', base, base.data[:BLOCK] + base.data[start:end])
        yield Case('no primary HDU', base, base.data[base.hdus()[1][0]:])
        yield Case('SCI is called SKY', base, base.data.replace(b"EXTNAME = 'SCI     '", b"EXTNAME = 'SKY     '", 1))
    some = cycle(frames)
    for keyword in (*NUMBERED, *WORDED, 'DATE-OBS', 'DAY-OBS', 'CRVAL2', 'CRPIX1', 'CD2_2', 'CTYPE2', 'GAIN'):
        base = next(some)
        start, end, _ = base.hdus()[base.science]
        head = re.sub(rf'{keyword:<8}='.encode(), b'COMMENT  ', base.data[start:end], count=1)
        yield Case(f'no card {keyword}', base, base.data[:start] + head + base.data[end:])


def not_numbers(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """NaN, infinite, huge, zero and negative values in a column: in a few rows, in half, in all."""
    some = cycle(frames)
    for name in ('x', 'flux', 'fluxerr', 'peak', 'background', 'flag'):
        for value in (math.nan, math.inf, -math.inf, 1e300, 1e-300, 0.0, -1.0):
            for share in (0.05, 0.5, 1.0):
                def spoil(hdus: fits.HDUList, name: str = name, value: float = value, share: float = share) -> None:
                    table = hdus['CAT'].data
                    bad = rng.random(len(table)) < share
                    column = np.array(table[_column(table, name)], float)
                    column[bad] = value
                    _retyped(hdus, name, lambda _: column)
                base = next(some)
                yield Case(f'{name} = {value} in {share:.0%} of the rows', base, edited(base, spoil))


def row_counts(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """CAT of no row or of one; all stars twice and ten times; nothing but one star; NAXIS2 that lies."""
    for base in frames:
        for label, pick in (('no row', slice(0, 0)), ('one row', slice(0, 1)), ('nine rows', slice(0, 9))):
            yield Case(label, base, edited(base, partial(_picked, pick=lambda n, pick=pick: np.arange(n)[pick])))
        for label, times in (('every star twice', 2), ('every star ten times', 10)):
            yield Case(label, base, edited(base, partial(_picked, pick=lambda n, times=times: np.tile(
                np.arange(n), times))))
        yield Case('one star in all rows', base, edited(base, partial(_picked, pick=lambda n: np.zeros(n, int))))
        yield Case('half of the rows twice', base, edited(base, partial(_picked, pick=lambda n: np.append(
            np.arange(n), rng.choice(n, n // 2, replace=False)))))
    for base in frames:
        for rows in ('999999999999', '-1', '1'):
            start, end, _ = base.hdus()[-1]
            head = re.sub(rb'NAXIS2  = +\d+', b'NAXIS2  = ' + rows.rjust(20).encode(), base.data[start:end])
            yield Case(f'NAXIS2 of CAT = {rows}', base, base.data[:start] + head[:end - start] + base.data[end:])


def crowds(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """A million rows: one star, the stars of the frame, or noise and the stars."""
    for base in frames[:2]:
        yield Case('one star in 1,000,000 rows', base, edited(base, partial(_picked, pick=lambda n: np.zeros(
            1_000_000, int))))
        yield Case('1,000,000 rows of its stars', base, edited(base, partial(_picked, pick=lambda n: np.resize(
            np.arange(n), 1_000_000))))
        yield Case('1,000,000 rows of noise and its stars', base, edited(base, partial(_crowded, rng=rng)))


def _picked(hdus: fits.HDUList, pick: Callable[[int], np.ndarray]) -> None:
    table = hdus['CAT'].data
    rows = pick(len(table))
    _set_table(hdus, {name: values[rows] for name, values in _columns(table).items()})


def _crowded(hdus: fits.HDUList, rng: np.random.Generator, count: int = 1_000_000) -> None:
    """The stars of the frame, and detections of noise all over it."""
    table = hdus['CAT'].data
    columns = {name: np.resize(values, count) for name, values in _columns(table).items()}
    size = {axis: float(np.max(table[_column(table, axis)])) for axis in 'xy'}
    for name, values in columns.items():
        if name.lower() in size:
            values[len(table):] = rng.uniform(1, size[name.lower()], count - len(table))
        elif name.lower() == 'flux':
            values[len(table):] = rng.exponential(np.min(np.abs(table[name])) + 1, count - len(table))
    _set_table(hdus, columns)


# -- files -------------------------------------------------------------------------------------------------------------


def damaged_packing(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """gzip where FITS belongs, whole and damaged; fpack's own cards and pixels spoilt; other files by this name."""
    for base in frames:
        packed = gzip.compress(base.data)
        yield Case('gzipped', base, packed)
        yield Case('gzipped and padded', base, packed + bytes(-len(packed) % BLOCK))
        broken = bytearray(packed)
        broken[len(packed) // 2] ^= 255
        yield Case('gzipped and broken', base, bytes(broken) + bytes(-len(packed) % BLOCK))
        yield Case('gzipped and cut off', base, packed[:len(packed) // 2 // BLOCK * BLOCK])
        for text in (b"ZCMPTYPE= 'RICE_1", b'ZBITPIX =', b'ZNAXIS  =', b'ZIMAGE  ='):
            if text in base.data:
                yield Case(f'{text.decode()} spoilt', base, base.data.replace(text, text[:-4] + b'#@!?', 1))
    for label, content in (('zeros', bytes(10 * BLOCK)), ('noise', rng.bytes(10 * BLOCK)), ('an empty file', b''),
                           ('a PNG', b'\x89PNG\r\n\x1a\n' + rng.bytes(2 * BLOCK - 8)),
                           ('a web page', b'<html><body>503 Service Unavailable</body></html>'.ljust(BLOCK)),
                           ('SIMPLE = F', b'SIMPLE  =                    F'.ljust(BLOCK)),
                           ('a header that never ends', b'SIMPLE  =                    T'.ljust(CARD) * 36 * 400),
                           ('a zip bomb', gzip.compress(bytes(300_000_000)).ljust(300 * BLOCK, b'\0')[:300 * BLOCK])):
        yield Case(label, frames[0], content)


def not_files(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """A directory, FIFO, socket, device, dangling link, link to itself and so on where a frame should be."""
    base = frames[0]

    def loop(path: Path) -> None:
        path.symlink_to(path.name)

    def bound(path: Path) -> None:
        os.chdir(path.parent)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
        os.chdir(ROOT)

    def sparse(path: Path) -> None:
        path.write_bytes(base.data)
        os.truncate(path, 200_000_000 * BLOCK)

    def unreadable(path: Path) -> None:
        path.write_bytes(base.data)
        path.chmod(0)

    yield Case('a file that may not be read', base, unreadable)
    yield Case('a directory', base, Path.mkdir)
    yield Case('a FIFO', base, os.mkfifo)
    yield Case('a dangling link', base, lambda path: path.symlink_to('nowhere'))
    yield Case('a link to itself', base, loop)
    yield Case('a link to a directory', base, lambda path: path.symlink_to('.'))
    yield Case('a link to /dev/zero', base, lambda path: path.symlink_to('/dev/zero'))
    yield Case('a link to /dev/full', base, lambda path: path.symlink_to('/dev/full'))
    yield Case('a link to /proc/self/mem', base, lambda path: path.symlink_to('/proc/self/mem'))
    yield Case('a link to /proc/cpuinfo', base, lambda path: path.symlink_to('/proc/cpuinfo'))
    yield Case('a socket', base, bound)
    yield Case('a sparse file of 0.5 TB', base, sparse)


DAMAGES: dict[str, Damage] = {
    'frames cut off or grown': truncated,
    'frames with bits flipped in headers': flipped_in_headers,
    'frames with bits flipped in tables': flipped_in_tables,
    'frames with lost pages': lost_pages,
    'frames with words for numbers': words_for_numbers,
    'frames with numbers for names': numbers_for_words,
    'frames with other exposures, filters': exposures,
    'frames with dates of many shapes': dates,
    'frames with absurd coordinates': absurd_coordinates,
    'frames with columns of other types': wrong_types,
    'frames with missing parts': missing_parts,
    'frames with NaN, infinite, zero values': not_numbers,
    'frames of no, one, repeated rows': row_counts,
    'frames of 1,000,000 rows': crowds,
    'frames with damaged packing': damaged_packing,
    'frames that are no files': not_files,
}


# -- what becomes of them ----------------------------------------------------------------------------------------------


def judge(cases: Iterable[Case], place: Path, *, run: Callable[..., Run] = calibrate) -> Tally:
    """Put the frames into directories, one per catalogue, run the script, and hold each case against what is promised.

    run : function (directory, ps1, database, limit_s=seconds) -> Run.
    """
    groups = defaultdict(list)
    for case in cases:
        groups[case.base.ps1].append(case)
    lost: list[str] = []
    undetectable: dict[str, int] = Counter()
    ends: dict[str, int] = Counter()
    for number, (ps1, group) in enumerate(groups.items()):
        directory = place / str(number)
        directory.mkdir()
        named = dict(_written(group, directory))
        done = run(directory, ps1, directory / 'x.db', limit_s=120 + 3 * len(group))  # of a busy machine
        lost += _of_the_run(done, named)
        measured = {name: values for name, *values in scripts.rows(
            directory / 'x.db', 'select name, zp, zperr, dateobs from lcophot')}
        rejected = dict(scripts.rows(directory / 'x.db', 'select name, reason from photreject'))
        for name, case in named.items():
            end = _end(case, measured.get(name), rejected.get(name))
            (undetectable if end in UNDETECTABLE else ends)[end] += 1
            if end.startswith('lost: '):
                lost.append(f'{case.label} ({case.base.name}): {end[6:]}')
        shutil.rmtree(directory)
    notes = [', '.join(f'{count} {end}' for end, count in sorted(ends.items(), key=lambda item: -item[1])
                       if not end.startswith('lost: '))]
    notes += [f'{count} undetectable, {name}: {UNDETECTABLE[name]}' for name, count in undetectable.items()]
    return Tally(sum(map(len, groups.values())), tuple(lost), tuple(filter(None, notes)))


def _written(cases: Sequence[Case], directory: Path) -> Iterator[tuple[str, Case]]:
    for number, case in enumerate(cases):
        prefix = case.base.name.rsplit('-', 2)[0]
        name = f'{prefix}-{number:04d}-e91{case.base.suffix}'
        if callable(case.content):
            case.content(directory / name)
        else:
            (directory / name).write_bytes(case.content)
        yield name, case


def _of_the_run(run: Run, named: dict[str, Case]) -> list[str]:
    """What is wrong with the run as a whole."""
    lines = run.log.splitlines()
    found = [run.trouble] if run.trouble else []
    if run.status not in (0, 1, None):
        found.append(f'exit status {run.status}: {run.log[-600:]}')
    if len(lines) > LINES_PER_FRAME * len(named) + 10:
        found.append(f'{len(lines)} lines of log for {len(named)} frames, as {lines[len(lines) // 2]}')
    found += [f'a warning of Python: {line}' for line in lines if 'Warning' in line and 'rejected' not in line]
    return found


def _end(case: Case, measured: Sequence | None, rejected: str | None) -> str:
    """How a case ended: 'measured', a reason, a key of UNDETECTABLE, or 'lost: ' and why."""
    if (measured is None) == (rejected is None):
        return f'lost: {"neither" if measured is None else "both"} measured and rejected'
    if measured is None:
        known = rejected in REASONS and rejected not in FORBIDDEN
        return f'rejected as {rejected}' if known else f'lost: rejected as {rejected}'
    zp, zperr, dateobs = measured
    if zp is None or zperr is None or not re.fullmatch(r'20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}', dateobs):
        return f'lost: stored as zp {zp} +- {zperr} of {dateobs}'
    limit = TOLERANCE[0] * max(zperr, case.base.zperr_mag) + TOLERANCE[1]
    if abs(zp - case.base.zp_mag) <= limit:
        return 'measured as before'
    reasons = case.altered & UNDETECTABLE.keys()
    return min(reasons) if reasons else (f'lost: zp {zp:.4f} +- {zperr:.4f} instead of {case.base.zp_mag:.4f} +- '
                                         f'{case.base.zperr_mag:.4f}')


def _class(damage: Damage) -> Callable[[Path], Tally]:
    def tried(place: Path) -> Tally:
        return judge(damage(bases(place), np.random.default_rng(SEED)), place)
    return tried


def in_worker_processes(place: Path) -> Tally:
    """A sample of all kinds of damage through the script as a program, with two processes."""
    frames = bases(place)
    kinds = [list(damage(frames[:2], np.random.default_rng(SEED + 1)))
             for damage in DAMAGES.values() if damage is not crowds]
    cases = [case for kind in kinds for case in kind[::max(1, len(kind) // 4)]]
    return judge(cases, place, run=_as_program)


def _as_program(frames: Path, ps1: Path, database: Path, *, limit_s: float) -> Run:
    return as_program('photcalibration.py', calibration(frames, ps1, database, '--processes', 2), limit_s=limit_s)


def _as_nobody(frames: Path, ps1: Path, database: Path, *, limit_s: float) -> Run:
    """In this process, which is nobody for so long where it is root, to whom nothing is forbidden."""
    import alembic.operations  # noqa: F401  now, as nobody may not be allowed to read it

    if os.geteuid() != 0:
        return calibrate(frames, ps1, database, limit_s=limit_s)
    for above in (frames, frames.parent):
        os.chown(above, NOBODY, NOBODY)
    for below in frames.iterdir():
        os.chown(below, NOBODY, NOBODY, follow_symlinks=False)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        return calibrate(frames, ps1, database, limit_s=limit_s)
    finally:
        os.setresuid(0, 0, 0)


def no_files(place: Path) -> Tally:
    """What is no file, or one that may not be read."""
    frames = bases(place)
    for path in (place, *place.glob('sim'), *place.glob('real')):
        path.chmod(0o755)
    return judge(not_files(frames, np.random.default_rng(SEED)), place, run=_as_nobody)


def with_checksums(place: Path) -> Tally:
    """Frames with CHECKSUM and DATASUM, one bit flipped in the science header or in CAT: each must be detected."""
    frames = [Base(base.name, edited(base, _summed), base.ps1, base.zp_mag, base.zperr_mag) for base in bases(place)]
    rng = np.random.default_rng(SEED)
    cases = [case for base in frames for case in _anywhere(base, rng)]
    whole = judge([Case('whole', base, base.data) for base in frames], place)
    if not _verifies(frames[0], place):
        return Tally(0, whole.lost, ('waiting: the reader does not verify checksums yet',))
    tally = judge(cases, place)
    measured = sum(int(part.split()[0]) for note in tally.notes for part in note.split(', ') if 'measured' in part)
    missed = (f'{measured} altered frames were measured',) if measured else ()
    return Tally(whole.tried + tally.tried, whole.lost + tally.lost + missed, tally.notes)


def _summed(hdus: fits.HDUList) -> None:
    for hdu in hdus:
        hdu.add_checksum()


def _anywhere(base: Base, rng: np.random.Generator) -> Iterator[Case]:
    (start, end, _), (head, _, tail) = base.hdus()[base.science], base.hdus()[-1]
    for at in (*rng.integers(start, end, 10).tolist(), *rng.integers(head, tail, 20).tolist()):
        yield _flipped(base, at, int(rng.integers(8)))


def _verifies(base: Base, place: Path) -> bool:
    """Whether the reader looks at checksums at all: it refuses a frame with another flux of one star."""
    _, start, _ = base.hdus()[-1]
    data = bytearray(base.data)
    data[start + 7] ^= 1
    return any('file-unreadable' in note for note in judge([Case('', base, bytes(data))], place).notes)


CLASSES = [(name, _class(damage)) for name, damage in DAMAGES.items() if damage is not not_files] + [
    ('frames that are no files', no_files), ('frames with checksums, one bit flipped', with_checksums),
    ('frames of all these kinds, by two processes', in_worker_processes)]
