"""A damaged reference catalogue under the real script.

A case survives where the run ends in time, without a traceback and with few lines of log, and either

- ends with status 2 and one ERROR line that names the catalogue, or
- measures each frame within 5 zperr + 10 mmag of the zeropoint by the whole catalogue, or rejects it with a reason, or
- measures it otherwise, and an item of UNDETECTABLE was altered.

No file outside the catalogue is ever opened.
"""

import io
import math
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from astropy.io import fits

from benchmarks.torture import scripts
from benchmarks.torture.baseframes import BLOCK, Base, bases, layout
from benchmarks.torture.frames import FORBIDDEN, SEED, TOLERANCE
from benchmarks.torture.scripts import calibrate
from benchmarks.torture.tally import Tally
from photzp.errors import REASONS

UNDETECTABLE = {'magnitudes as a whole': 'a region file holds no second copy of its magnitudes, and a shift of all of '
                'them is that of another throughput'}


@dataclass(frozen=True)
class Case:
    """A damaged catalogue: description, a function that damages a whole one in a directory, altered items."""

    label: str
    damage: Callable[[Path], None]
    altered: frozenset[str] = field(default=frozenset())


def regions(ps1: Path) -> list[Path]:
    """Region files of a catalogue."""
    return sorted(path for path in ps1.rglob('*.fits') if path.name != 'SkyTable.fits')


def _rewrite(change: Callable[[bytes], bytes], which: str) -> Callable[[Path], None]:
    def damage(ps1: Path) -> None:
        for path in [ps1 / 'SkyTable.fits'] if which == 'SkyTable' else regions(ps1):
            path.write_bytes(change(path.read_bytes()))
    return damage


def _flip(data: bytes, *, seed: int, count: int, head: bool | None) -> bytes:
    """Bits flipped in the header of the table (head), in its rows, or anywhere (None)."""
    rng = np.random.default_rng(seed)
    _, start, end = layout(data)[1]
    first, last = {True: (BLOCK, start), False: (start, end), None: (0, len(data))}[head]
    full = [at for at in range(first, last) if data[at] != 32] if head else range(first, last)
    changed = bytearray(data)
    for at in rng.choice(full, min(count, len(full)), replace=False).tolist():
        changed[at] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _edit(data: bytes, *, edit: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """The table after a change of its rows as a structured array."""
    with fits.open(io.BytesIO(data)) as hdus:
        table = edit(np.array(hdus[1].data))
        out = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table, name=hdus[1].name)]).writeto(out)
    return out.getvalue()


def _set(table: np.ndarray, *, name: str, value: object, share: float = 1.0) -> np.ndarray:
    table[name][np.random.default_rng(1).random(len(table)) < share] = value
    return table


def _without(table: np.ndarray, *, name: str) -> np.ndarray:
    kept = [column for column in table.dtype.names if column != name]
    return table[kept].copy()


def _as_text(table: np.ndarray, *, name: str) -> np.ndarray:
    new = np.zeros(len(table), [(column, 'S12' if column == name else table.dtype[column])
                                for column in table.dtype.names])
    for column in table.dtype.names:
        new[column] = table[column].astype('S12') if column == name else table[column]
    return new


def byte_cases(rng: np.random.Generator) -> Iterator[Case]:
    """SkyTable and region files cut off, with bits flipped, or other bytes altogether."""
    for which in ('SkyTable', 'region'):
        for share in (0.0, 0.01, 0.3, 0.5, 0.7, 0.9, 0.99):
            yield Case(f'{which} cut off at {share:.0%}', _rewrite(
                lambda data, share=share: data[:int(share * len(data))], which))
            yield Case(f'{which} cut off at {share:.0%}, whole blocks', _rewrite(
                lambda data, share=share: data[:int(share * len(data)) // BLOCK * BLOCK], which))
        for head, count, times in ((True, 1, 40), (True, 5, 10), (False, 1, 15), (False, 100, 15), (None, 1000, 5)):
            for _ in range(times):
                where = {True: 'header', False: 'rows', None: 'all'}[head]
                yield Case(f'{which}: {count} bits flipped in {where}', _rewrite(
                    partial(_flip, seed=int(rng.integers(2**31)), count=count, head=head), which))
        for label, content in (('zeros', bytes(BLOCK)), ('noise', rng.bytes(BLOCK)), ('text', b'gone fishing\n')):
            yield Case(f'{which} of {label}', _rewrite(lambda _, content=content: content, which))


def value_cases(_rng: np.random.Generator) -> Iterator[Case]:
    """Columns missing, of other types, NaN, infinite and huge; names that lead out of the catalogue."""
    for name in ('R_MIN', 'R_MAX', 'D_MIN', 'D_MAX', 'NAME'):
        yield Case(f'SkyTable without {name}', _rewrite(partial(_edit, edit=partial(_without, name=name)), 'SkyTable'))
    for name in ('R_MIN', 'R_MAX', 'D_MIN', 'D_MAX'):
        yield Case(f'SkyTable with {name} as text', _rewrite(partial(_edit, edit=partial(_as_text, name=name)),
                                                             'SkyTable'))
        for value in (math.nan, math.inf, -1e300, 1e308, 0.0, -720.0):
            for share in (0.3, 1.0):
                yield Case(f'SkyTable with {name} = {value} in {share:.0%}', _rewrite(
                    partial(_edit, edit=partial(_set, name=name, value=value, share=share)), 'SkyTable'))
    for value in ('../outside', '/etc/passwd', '../../../../../dev/zero', '', '.', '..', 'dec19', 'a/../../x', '~/x',
                  '\x1b[31mred', 'two\nlines', "'; DROP TABLE", 'n' * 40, 'SkyTable.fits', '/dev/stdin'):
        yield Case(f'SkyTable that names {value!r}', _rewrite(
            partial(_edit, edit=partial(_set, name='NAME', value=value.encode())), 'SkyTable'))
    yield Case('SkyTable of a million rows', _rewrite(partial(_edit, edit=lambda t: np.resize(t, 1_000_000)),
                                                      'SkyTable'))
    yield Case('SkyTable of no row', _rewrite(partial(_edit, edit=lambda t: t[:0]), 'SkyTable'))
    for name in ('RA', 'DEC', 'g', 'i', 'r', 'r_err'):
        yield Case(f'regions without {name}', _rewrite(partial(_edit, edit=partial(_without, name=name)), 'region'))
        yield Case(f'regions with {name} as text', _rewrite(partial(_edit, edit=partial(_as_text, name=name)),
                                                            'region'))
        for value in (math.nan, math.inf, 1e300, 1e-300, -1.0, 0.0):
            for share in (0.05, 1.0):
                yield Case(f'regions with {name} = {value} in {share:.0%}', _rewrite(
                    partial(_edit, edit=partial(_set, name=name, value=value, share=share)), 'region'))
    yield Case('regions of no star', _rewrite(partial(_edit, edit=lambda t: t[:0]), 'region'))
    yield Case('regions of one star', _rewrite(partial(_edit, edit=lambda t: t[:1]), 'region'))
    yield Case('every star five times', _rewrite(partial(_edit, edit=lambda t: np.tile(t, 5)), 'region'))
    yield Case('one star 20,000 times', _rewrite(partial(_edit, edit=lambda t: np.repeat(t[:1], 20_000)), 'region'))


def file_cases(_rng: np.random.Generator) -> Iterator[Case]:
    """No file, or something else, instead of SkyTable, a region or the catalogue itself."""
    def replaced(which: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
        def damage(ps1: Path) -> None:
            for path in [ps1 / 'SkyTable.fits'] if which == 'SkyTable' else regions(ps1):
                path.unlink()
                make(path)
        return damage

    for which in ('SkyTable', 'region'):
        yield Case(f'{which} missing', replaced(which, lambda path: None))
        yield Case(f'{which} a directory', replaced(which, Path.mkdir))
        yield Case(f'{which} a FIFO', replaced(which, os.mkfifo))
        yield Case(f'{which} a dangling link', replaced(which, lambda path: path.symlink_to('nowhere')))
        yield Case(f'{which} a link to itself', replaced(which, lambda path: path.symlink_to(path.name)))
        yield Case(f'{which} a link to /dev/zero', replaced(which, lambda path: path.symlink_to('/dev/zero')))
    yield Case('no catalogue', shutil.rmtree)
    yield Case('a file for a catalogue', lambda ps1: (shutil.rmtree(ps1), ps1.write_text('x')))
    yield Case('an empty directory', lambda ps1: (shutil.rmtree(ps1), ps1.mkdir()))
    yield Case('a link to itself for a catalogue', lambda ps1: (shutil.rmtree(ps1), ps1.symlink_to(ps1.name)))


KINDS = {'catalogues cut off, with bits flipped': byte_cases, 'catalogues with other columns, values, names':
         value_cases, 'catalogues that are no files': file_cases}


def judge(cases: Sequence[Case], frames: Sequence[Base], place: Path) -> Tally:
    """Try each case on these frames, all of one catalogue."""
    whole, damaged, directory = frames[0].ps1, place / 'ps1', place / 'frames'
    _narrow(whole, frames, place / 'whole')
    directory.mkdir()
    for base in frames:
        (directory / base.name).write_bytes(base.data)
    (place / 'outside.fits').write_bytes(b'never to be read')
    lost, ends = [], Counter()
    for number, case in enumerate(cases):
        if damaged.is_symlink() or damaged.is_file():
            damaged.unlink()
        shutil.rmtree(damaged, ignore_errors=True)
        shutil.copytree(place / 'whole', damaged)
        case.damage(damaged)
        database = place / f'{number}.db'
        run = calibrate(directory, damaged, database, limit_s=60)
        end = run.trouble or _end(case, run, database, frames)
        ends[end if end in (*UNDETECTABLE, 'refused', 'measured or rejected') else 'lost'] += 1
        if end not in (*UNDETECTABLE, 'refused', 'measured or rejected'):
            lost.append(f'{case.label}: {end}')
        database.unlink(missing_ok=True)
    notes = [', '.join(f'{count} {end}' for end, count in ends.items() if end not in UNDETECTABLE)]
    notes += [f'{count} undetectable, {end}: {UNDETECTABLE[end]}' for end, count in ends.items() if end in UNDETECTABLE]
    return Tally(len(cases), tuple(lost), tuple(notes))


def _narrow(whole: Path, frames: Sequence[Base], out: Path) -> None:
    """A copy of a catalogue with only the regions that these frames need, so that damage of each region counts."""
    from photzp.frames.banzai import read_frame
    from photzp.observatory import load_observatory
    from ps1catalog import PS1Catalog

    needed: set[str] = set()
    for base in frames:
        path = out.parent / base.name
        path.write_bytes(base.data)
        frame = read_frame(path, load_observatory())
        path.unlink()
        needed |= {*PS1Catalog(whole)._index.overlapping(frame.ra_deg, frame.dec_deg, frame.radius_deg + 0.2)}
    for path in regions(whole):
        name = path.relative_to(whole).as_posix()
        if name in needed or name.removesuffix('.fits') in needed:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, out / name)
    shutil.copy(whole / 'SkyTable.fits', out)


def _end(case: Case, run: scripts.Run, database: Path, frames: Sequence[Base]) -> str:
    """How a case ended: 'refused', 'measured or rejected', a key of UNDETECTABLE, or what is wrong."""
    lines = run.log.splitlines()
    errors = [line for line in lines if ' ERROR ' in line]
    if any('Warning' in line for line in lines) or len(lines) > 4 * len(frames) + 10:
        return f'{len(lines)} lines of log, as {lines[-2:]}'
    if any(not line[:4].isdigit() or '\x1b' in line for line in lines):
        return f'a line of the log in another form: {lines}'
    if run.status == 2:
        is_clear = len(errors) == 1 and ('ps1' in errors[0] or 'SkyTable' in errors[0])
        return 'refused' if is_clear else f'status 2 with {errors}'
    if run.status not in (0, 1) or errors:
        return f'status {run.status} with {errors}'
    measured = {name: values for name, *values in scripts.rows(database, 'select name, zp, zperr from lcophot')}
    rejected = dict(scripts.rows(database, 'select name, reason from photreject'))
    for base in frames:
        reason = rejected.get(base.name)
        if (base.name in measured) == (reason is not None) or reason in FORBIDDEN or reason not in (*REASONS, None):
            return f'{base.name}: {measured.get(base.name)}, {reason}'
        if base.name in measured:
            zp, zperr = measured[base.name]
            if not abs(zp - base.zp_mag) <= TOLERANCE[0] * max(zperr, base.zperr_mag) + TOLERANCE[1]:
                return min(case.altered & UNDETECTABLE.keys(), default=(
                    f'{base.name}: zp {zp:.4f} +- {zperr:.4f} instead of {base.zp_mag:.4f} +- {base.zperr_mag:.4f}'))
    return 'measured or rejected'


def _class(kind: Callable[[np.random.Generator], Iterator[Case]]) -> Callable[[Path], Tally]:
    """The class of fault of one kind of cases."""
    def try_all(place: Path) -> Tally:
        frames = [base for base in bases(place, real=False) if base.zperr_mag < 0.008][:2]
        cases = list(kind(np.random.default_rng(SEED)))
        return judge(cases, frames, place)
    return try_all


CLASSES = [(name, _class(kind)) for name, kind in KINDS.items()]
