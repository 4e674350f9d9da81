"""Whole frames that damage begins with: of a simulated night, and the two real catalogues, packed."""

import io
import json
import math
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from astropy.io import fits

from benchmarks.torture import scripts
from benchmarks.torture.scripts import calibrate
from examples import realframes
from simulation.__main__ import main as simulate

BLOCK, CARD = 2880, 80


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
        """Ending of the file name: .fits or .fits.fz."""
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
    """(start of header, start of data, end) of each HDU."""
    with fits.open(io.BytesIO(data), disable_image_compression=True) as hdus:
        infos = [hdu.fileinfo() for hdu in hdus]
    return [(info['hdrLoc'], info['datLoc'], info['datLoc'] + info['datSpan']) for info in infos]


@dataclass(frozen=True)
class Case:
    """A damaged frame: description, the whole frame, bytes or a function that makes the file, altered items."""

    label: str
    base: Base
    content: bytes | Callable[[Path], None]
    altered: frozenset[str] = field(default=frozenset())


def bases(place: Path, *, night: Path | None = None, real: bool = True) -> list[Base]:
    """Whole frames with what the script measures on them, the smallest first.

    night : directory of a simulated night; without one, a night is simulated.
    """
    frames = _simulated(night or _night(place / 'sim')) + (_real(place / 'real') if real else [])
    measured = []
    for ps1 in dict.fromkeys(base.ps1 for base in frames):
        directory = place / f'whole-{ps1.parent.name}'
        directory.mkdir()
        for base in frames:
            if base.ps1 == ps1:
                (directory / base.name).write_bytes(base.data)
        run = calibrate(directory, ps1, directory / 'x.db', limit_s=120)
        assert run.status == 0, run.log
        zeropoints = {name: (zp, zperr) for name, zp, zperr in scripts.rows(
            directory / 'x.db', 'select name, zp, zperr from lcophot')}
        measured += [Base(base.name, base.data, ps1, *zeropoints[base.name]) for base in frames if base.ps1 == ps1]
    return sorted(measured, key=lambda base: len(base.data))


def _night(out: Path) -> Path:
    with redirect_stdout(io.StringIO()):
        assert simulate(['night', str(out), '--frames', '24', '--seed', '11', '--defects', '0', '--twins', '0',
                         '--no-pixels']) == 0
    return out


def _simulated(out: Path) -> list[Base]:
    """Up to five frames of a simulated night: one cropped, the others fpacked, of 50 to 300 stars."""
    truth = json.loads((out / 'truth.json').read_text(encoding='utf-8'))['frames']
    usable = [frame for frame in truth.values() if frame['measurable'] and 50 < frame['n_usable'] < 300]
    cropped = [frame for frame in usable if frame['name'].endswith('.fits')][:1]
    packed = [frame for frame in usable
              if frame['name'].endswith('.fz') and not frame['name'].startswith('tfn')][:4]
    return [Base(frame['name'], (out / frame['path']).read_bytes(), out / 'ps1') for frame in cropped + packed]


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
