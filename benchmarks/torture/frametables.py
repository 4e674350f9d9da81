"""Frames with a damaged table of sources, and with extensions missing."""

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import cycle

import numpy as np
from astropy.io import fits

from benchmarks.torture.baseframes import BLOCK, Base, Case


def edited(base: Base, edit: Callable[[fits.HDUList], None]) -> bytes:
    """The frame after an edit by astropy."""
    with fits.open(io.BytesIO(base.data), disable_image_compression=True) as hdus:
        for hdu in hdus:
            hdu.data  # noqa: B018  read now, written again below
        edit(hdus)
        out = io.BytesIO()
        hdus.writeto(out, output_verify='ignore')
    return out.getvalue()


def _column(table: fits.FITS_rec, name: str) -> str:
    """The name of a column, in its upper or lower case."""
    return next(column for column in table.names if column.lower() == name)


def _columns(table: fits.FITS_rec) -> dict[str, np.ndarray]:
    """All columns of a table."""
    return {name: np.array(table[name]) for name in table.names}


def _set_table(hdus: fits.HDUList, columns: dict[str, np.ndarray]) -> None:
    """Replace CAT by a table of these columns."""
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    count = len(next(iter(arrays.values()), ()))
    rows = np.zeros(count, [(name, a.dtype, a.shape[1:]) for name, a in arrays.items()])
    for name, values in arrays.items():
        rows[name] = values
    hdus['CAT'] = fits.BinTableHDU(rows, name='CAT')


def _retyped(hdus: fits.HDUList, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change a column of CAT."""
    columns = _columns(hdus['CAT'].data)
    column = _column(hdus['CAT'].data, name)
    columns[column] = change(columns[column])
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
    """Columns of CAT of other types; frames with exact ones are still measured, all others rejected."""
    bases = cycle(frames)
    for kind, change in TYPES.items():
        for name in ('x', 'flux', 'fluxerr', 'flag', 'peak'):
            base = next(bases)
            with suppress(ValueError):  # a text of a text
                yield Case(f'{name} as {kind}', base, edited(base, partial(_retyped, name=name, change=change)))
    for base in frames:
        yield Case('flux scaled by TSCAL', base, _scaled(base), frozenset({'flux unit'}))


def _scaled(base: Base) -> bytes:
    """The frame with fluxes scaled by TSCAL."""
    def edit(hdus: fits.HDUList) -> None:
        names = [name.lower() for name in hdus['CAT'].data.names]
        hdus['CAT'].header[f'TSCAL{names.index("flux") + 1}'] = 2.0
    return edited(base, edit)


def missing_parts(frames: Sequence[Base], _rng: np.random.Generator) -> Iterator[Case]:
    """Extensions and columns that are missing, or double."""
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


def not_numbers(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """NaN, infinite, huge, zero and negative values in a column: in a few rows, in half, in all."""
    bases = cycle(frames)
    for name in ('x', 'flux', 'fluxerr', 'peak', 'background', 'flag'):
        for value in (math.nan, math.inf, -math.inf, 1e300, 1e-300, 0.0, -1.0):
            for share in (0.05, 0.5, 1.0):
                def spoil(hdus: fits.HDUList, name: str = name, value: float = value, share: float = share) -> None:
                    table = hdus['CAT'].data
                    bad = rng.random(len(table)) < share
                    column = np.array(table[_column(table, name)], float)
                    column[bad] = value
                    _retyped(hdus, name, lambda _: column)
                base = next(bases)
                yield Case(f'{name} = {value} in {share:.0%} of the rows', base, edited(base, spoil))


def row_counts(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """CAT with no row or one; all stars twice and ten times; one star only; a wrong NAXIS2."""
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
    """Replace the rows of CAT by those of some indices."""
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
