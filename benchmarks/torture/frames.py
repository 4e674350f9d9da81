"""Damaged frames through the real script: each is measured as before, or rejected with a reason; nothing else happens.

Whole frames (`baseframes.py`) are those of a simulated night (fpacked images, a cropped one in the primary HDU, old and
new pipelines) and the two real catalogues, packed.  Damage is done to their bytes (`framebytes.py`), cards
(`framecards.py`) and tables (`frametables.py`).  Frames have no checksums, so that only their values can reveal damage.
A case survives where its frame

- is measured with a zeropoint within 5 zperr + 10 mmag of the undamaged frame's, or
- is measured otherwise, and an item of UNDETECTABLE was altered, which the notes below the table count, or
- is rejected with a reason other than internal-error and worker-died,

and where the log has no traceback, few lines per frame, no Python warning, and the run ends in time.
"""

import os
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from benchmarks.torture import framebytes, framecards, frametables, scripts
from benchmarks.torture.baseframes import Base, Case, bases
from benchmarks.torture.scripts import Run, as_program, calibrate, calibration
from benchmarks.torture.tally import Tally
from photzp.errors import INTERNAL_ERROR, REASONS, WORKER_DIED

SEED = 7
NOBODY = 65534
LINES_PER_FRAME = 2  # of the log: the result, and at most one warning
TOLERANCE = 5, 0.010  # zperr, mag
FORBIDDEN = {INTERNAL_ERROR.name, WORKER_DIED.name}
UNDETECTABLE = {
    'EXPTIME': 'the zeropoint is per second, and no other card of a BANZAI frame holds the time',
    'FILTER': 'nothing else in a frame names the filter',
    'flux unit': 'fluxes scaled as a whole, in their values or by TSCAL, are those of another throughput',
    'FITS type': 'all of a column shifted by whole bytes or read as another type reads as other numbers',
}

Damage = Callable[[Sequence[Base], np.random.Generator], Iterator[Case]]

def _missing_parts(frames: Sequence[Base], rng: np.random.Generator) -> Iterator[Case]:
    """Extensions, columns and cards that are missing."""
    yield from frametables.missing_parts(frames, rng)
    yield from framecards.missing_cards(frames, rng)


DAMAGES: dict[str, Damage] = {
    'frames cut off or grown': framebytes.truncated,
    'frames with bits flipped in headers': framebytes.flipped_in_headers,
    'frames with bits flipped in tables': framebytes.flipped_in_tables,
    'frames with lost pages': framebytes.lost_pages,
    'frames with words for numbers': framecards.words_for_numbers,
    'frames with numbers for names': framecards.numbers_for_words,
    'frames with other exposures, filters': framecards.exposures,
    'frames with dates of many shapes': framecards.dates,
    'frames with absurd coordinates': framecards.absurd_coordinates,
    'frames with columns of other types': frametables.wrong_types,
    'frames with missing parts': _missing_parts,
    'frames with NaN, infinite, zero values': frametables.not_numbers,
    'frames of no, one, repeated rows': frametables.row_counts,
    'frames of 1,000,000 rows': frametables.crowds,
    'frames with damaged packing': framebytes.damaged_packing,
    'frames that are no files': framebytes.not_files,
}


# -- what becomes of them ----------------------------------------------------------------------------------------------


def judge(cases: Iterable[Case], place: Path, *, run: Callable[..., Run] = calibrate) -> Tally:
    """Put the frames into directories, one per catalogue, run the script, and compare each case with what is promised.

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
        named = dict(_write(group, directory))
        ended = run(directory, ps1, directory / 'x.db', limit_s=120 + 3 * len(group))  # of a busy machine
        lost += _trouble_of_run(ended, named)
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


def _write(cases: Sequence[Case], directory: Path) -> Iterator[tuple[str, Case]]:
    """Write the frames; yields their names."""
    for number, case in enumerate(cases):
        prefix = case.base.name.rsplit('-', 2)[0]
        name = f'{prefix}-{number:04d}-e91{case.base.suffix}'
        if callable(case.content):
            case.content(directory / name)
        else:
            (directory / name).write_bytes(case.content)
        yield name, case


def _trouble_of_run(run: Run, named: dict[str, Case]) -> list[str]:
    """What is wrong with the run as a whole."""
    lines = run.log.splitlines()
    trouble = [run.trouble] if run.trouble else []
    if run.status not in (0, 1, None):
        trouble.append(f'exit status {run.status}: {run.log[-600:]}')
    if len(lines) > LINES_PER_FRAME * len(named) + 10:
        trouble.append(f'{len(lines)} lines of log for {len(named)} frames, as {lines[len(lines) // 2]}')
    trouble += [f'a warning of Python: {line}' for line in lines if 'Warning' in line and 'rejected' not in line]
    return trouble


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
    """The class of fault of one kind of damage."""
    def try_all(place: Path) -> Tally:
        return judge(damage(bases(place), np.random.default_rng(SEED)), place)
    return try_all


def in_worker_processes(place: Path) -> Tally:
    """A sample of all kinds of damage through the script as a program, with two processes."""
    frames = bases(place)
    kinds = [list(damage(frames[:2], np.random.default_rng(SEED + 1)))
             for damage in DAMAGES.values() if damage is not frametables.crowds]
    cases = [case for kind in kinds for case in kind[::max(1, len(kind) // 4)]]
    return judge(cases, place, run=_as_program)


def _as_program(frames: Path, ps1: Path, database: Path, *, limit_s: float) -> Run:
    return as_program('photcalibration.py', calibration(frames, ps1, database, '--processes', 2), limit_s=limit_s)


def _as_nobody(frames: Path, ps1: Path, database: Path, *, limit_s: float) -> Run:
    """In this process; root, to whom nothing is forbidden, becomes nobody for the time being."""
    import alembic.operations  # noqa: F401  now, as nobody may have no permission to read it

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
    """Anything but a file, or one without permission to read."""
    frames = bases(place)
    for path in (place, *place.glob('sim'), *place.glob('real')):
        path.chmod(0o755)
    return judge(framebytes.not_files(frames, np.random.default_rng(SEED)), place, run=_as_nobody)


def with_checksums(place: Path) -> Tally:
    """Frames with CHECKSUM and DATASUM, one bit flipped in the science header or in CAT: each must be detected."""
    frames = [Base(base.name, frametables.edited(base, _summed), base.ps1, base.zp_mag, base.zperr_mag)
              for base in bases(place)]
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
    """Add checksums."""
    for hdu in hdus:
        hdu.add_checksum()


def _anywhere(base: Base, rng: np.random.Generator) -> Iterator[Case]:
    """One bit flipped anywhere in the science header or in CAT."""
    (start, end, _), (head, _, tail) = base.hdus()[base.science], base.hdus()[-1]
    for at in (*rng.integers(start, end, 10).tolist(), *rng.integers(head, tail, 20).tolist()):
        yield framebytes.flipped(base, at, int(rng.integers(8)))


def _verifies(base: Base, place: Path) -> bool:
    """Whether the reader verifies checksums: it refuses a frame with another flux of one star."""
    _, start, _ = base.hdus()[-1]
    data = bytearray(base.data)
    data[start + 7] ^= 1
    return any('file-unreadable' in note for note in judge([Case('', base, bytes(data))], place).notes)


CLASSES = [(name, _class(damage)) for name, damage in DAMAGES.items() if damage is not framebytes.not_files] + [
    ('frames that are no files', no_files), ('frames with checksums, one bit flipped', with_checksums),
    ('frames of all these kinds, by two processes', in_worker_processes)]
