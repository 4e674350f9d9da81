"""The files of a simulation, byte by byte: frames as BANZAI leaves them, and PS1 as a tree of FITS tables.

A frame is a primary HDU, the image SCI with the header, and the table CAT with the sources.  A defect may spoil cards,
leave out CAT, or cut the file off.  Images are blank, so that one of each shape is compressed and its bytes are used
again; with noise they have the size of real ones.  The tree is SkyTable.fits, an index of regions, with one file per
region of the sky.
"""

from collections.abc import Container, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from simulation.frame import SimulatedFrame
from simulation.plan import PlannedFrame
from simulation.sky import PS1_ASTROMETRY_ARCSEC, Catalogue
from simulation.spec import ARCSEC_PER_DEG, BANDS, FieldSpec

if TYPE_CHECKING:  # imported where it is used
    from astropy.io.fits import Header

_GAIN_E = 1.0  # products of the pipeline are in electrons
_BAND_HEIGHT_DEG, _CELL_WIDTH_DEG, _FOOTPRINT_DEC_DEG = 2.0, 2.5, -30.0


# --- frames

def _frame_cards(plan: PlannedFrame, frame: SimulatedFrame, level: int) -> dict[str, Any]:
    """All header cards of SCI, with the quirks and defects of this frame."""
    spec, station, model = plan.spec, plan.station, plan.spec.model
    cards = {
        'SITEID': station.site, 'ENCID': station.enclosure, 'TELID': station.telescope, 'INSTRUME': station.camera,
        'TELESCOP': f'{station.tag[:3]}-{station.tag[3:]}', 'FILTER': spec.filter_name, 'EXPTIME': spec.exptime_s,
        'AIRMASS': spec.airmass, 'DATE-OBS': plan.dateobs, 'DAY-OBS': plan.dayobs, 'OBSTYPE': 'EXPOSE',
        'OBJECT': plan.field, 'FOCOBOFF': 0.0, 'SATURATE': model.full_well_e, 'MAXLIN': 0.95 * model.full_well_e,
        'GAIN': _GAIN_E, 'WCSERR': 0, 'RLEVEL': level, 'PIPEVER': spec.pipeline or None, **frame.header,
    }
    cards.update(plan.quirks)
    return {key: value for key, value in cards.items() if value is not None}


@lru_cache(maxsize=8)
def _compressed_template(shape: tuple[int, int], noise: bool = False) -> tuple[str, bytes]:
    """Header and data of a Rice-compressed image, compressed once per shape: zeros, or noise of 8 to 9 bits per pixel,
    with which a file has the size of a real one.
    """
    from astropy.io import fits

    buffer = BytesIO()
    pixels = np.random.default_rng(0).normal(0, 100, shape) if noise else np.zeros(shape)
    image = fits.CompImageHDU(pixels.astype(np.int16), name='SCI', compression_type='RICE_1')
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(buffer)
    with fits.open(BytesIO(buffer.getvalue()), disable_image_compression=True) as hdus:
        info = hdus[1].fileinfo()
        data = buffer.getvalue()[info['datLoc']:info['datLoc'] + info['datSpan']]
        return hdus[1].header.tostring(), data


def _header_bytes(header: 'Header') -> bytes:
    """A header in a file: cards, END and blanks up to a whole block."""
    return header.tostring().encode('ascii')


def _image_bytes(spec: FieldSpec, cards: dict[str, Any], *, pixels: bool, noise: bool = False) -> bytes:
    """Primary HDU and SCI: fpacked pixels of the true shape, or without `pixels` a header with no tiles; a plain
    image in the primary HDU for a cropped frame.
    """
    from astropy.io import fits

    if spec.crop:
        primary = fits.PrimaryHDU(np.zeros(spec.crop, np.uint8))
        primary.header.update(cards)
        return _header_bytes(primary.header) + _padded(primary.data.tobytes())
    text, data = _compressed_template(spec.shape, noise and pixels)
    header = fits.Header.fromstring(text)
    header.update(cards)
    if not pixels:
        header['NAXIS2'], header['PCOUNT'], data = 0, 0, b''
    return _header_bytes(fits.PrimaryHDU().header) + _header_bytes(header) + data


def _padded(data: bytes) -> bytes:
    """Data filled up to whole FITS blocks of 2880 bytes."""
    return data + bytes(-len(data) % 2880)


@lru_cache(maxsize=4)
def _cat_header(names: tuple[str, ...], upper: bool) -> 'Header':
    """Header of a CAT extension without rows, names of columns in upper or lower case."""
    from astropy.io import fits

    units = {'x': 'pixel', 'y': 'pixel', 'fwhm': 'pixel', 'theta': 'degree'}
    return fits.BinTableHDU.from_columns([
        fits.Column(name=name.upper() if upper else name, format='K' if name == 'flag' else 'D',
                    unit=units.get(name, 'count' if name.startswith(('flux', 'peak', 'back')) else None))
        for name in names], name='CAT').header


def _cat_bytes(columns: dict[str, np.ndarray], *, upper: bool) -> bytes:
    """The CAT extension: 8 bytes per number, big-endian."""
    header = _cat_header(tuple(columns), upper).copy()
    header['NAXIS2'] = len(columns['x'])
    table = np.empty(len(columns['x']), [(name, '>i8' if name == 'flag' else '>f8') for name in columns])
    for name, values in columns.items():
        table[name] = values
    return _header_bytes(header) + _padded(table.tobytes())


def frame_bytes(plan: PlannedFrame, frame: SimulatedFrame, level: int, *, pixels: bool = True,
                noise: bool = False) -> bytes:
    """A whole frame file, with the defects that concern the file itself.

    Parameters
    ----------
    plan : PlannedFrame
        Names, quirks and defect.
    frame : SimulatedFrame
        Header and table.
    level : int
        Reduction level, 91 or 11.
    pixels : bool, optional
        Compressed images of the true shape; otherwise headers without pixels.
    noise : bool, optional
        Pixels with noise, so that files are as large as real ones.

    Returns
    -------
    bytes
        Content of the file.
    """
    data = _image_bytes(plan.spec, _frame_cards(plan, frame, level), pixels=pixels, noise=noise)
    if plan.defect != 'no-source-catalogue':
        data += _cat_bytes(frame.columns, upper=plan.upper)
    if plan.defect == 'file-unreadable':  # an interrupted copy: half of it, or next to nothing
        data = data[:len(data) // 2 if plan.occurrence % 2 == 0 else 1000]
    return data


# --- the catalogue

def cell_of(ra_deg: ArrayLike, dec_deg: ArrayLike) -> np.ndarray:
    """Region of positions: bands of declination, cells about RA 0 that wrap, a polar cap.

    Parameters
    ----------
    ra_deg, dec_deg : array_like (n,)
        Positions.

    Returns
    -------
    ndarray of int (n, 2)
        Band and index; band -1 is outside the footprint.
    """
    band = np.floor((np.asarray(dec_deg) - _FOOTPRINT_DEC_DEG) / _BAND_HEIGHT_DEG).astype(int)
    band = np.where(band < 0, -1, np.minimum(band, 59))
    width = _cell_width_deg(band)
    index = np.floor((np.asarray(ra_deg) + width / 2) % 360 / width).astype(int)
    return np.column_stack([band, np.where(band < 0, 0, np.minimum(index, np.round(360 / width).astype(int) - 1))])


def _cell_width_deg(band: ArrayLike) -> np.ndarray:
    """Width in RA [deg] of the cells of a band; the cap has one cell."""
    low = _FOOTPRINT_DEC_DEG + _BAND_HEIGHT_DEG * np.asarray(band)
    count = np.maximum(1, np.round(360 * np.cos(np.radians(low)) / _CELL_WIDTH_DEG))
    return np.where(np.asarray(band) >= 59, 360.0, 360.0 / count)


def _cell_limits(cell: tuple[int, int], *, negative: bool) -> tuple[float, float, float, float]:
    """R_MIN, R_MAX, D_MIN, D_MAX [deg]; a cell that wraps has R_MIN > R_MAX, or with `negative` R_MIN < 0."""
    band, index = cell
    width = float(_cell_width_deg(band))
    low = _FOOTPRINT_DEC_DEG + _BAND_HEIGHT_DEG * band
    if width == 360.0:
        return 0.0, 360.0, low, 90.0
    ra_min, ra_max = (index - 0.5) * width, (index + 0.5) * width
    return (ra_min if negative or ra_min >= 0 else ra_min + 360), ra_max, low, low + _BAND_HEIGHT_DEG


def _region_table(catalogue: Catalogue, rows: np.ndarray, *, lean: bool, rng: np.random.Generator) -> np.ndarray:
    """Structured array of one region file: float64 with errors, or lean: float32, no errors, sentinels."""
    kind = np.float32 if lean else np.float64
    values = {'RA': catalogue.ra_deg[rows], 'DEC': catalogue.dec_deg[rows]}
    if not lean:
        error = np.full(len(rows), PS1_ASTROMETRY_ARCSEC / ARCSEC_PER_DEG)
        values.update(RA_err=error, DEC_err=error)
    for k, band in enumerate(BANDS):
        mag = catalogue.mag[rows, k]
        if lean:
            lost = np.isnan(mag) | (rng.random(len(mag)) < 0.005)
            mag = np.where(lost, rng.choice([np.nan, -999.0, 0.0], len(mag)), mag)
        values[band] = mag
        if not lean:
            values[band + '_err'] = catalogue.err[rows, k]
    table = np.empty(len(rows), [(name, kind) for name in values])
    for name, column in values.items():
        table[name] = column
    return table


def write_catalogue(root: Path | str, catalogues: Sequence[Catalogue], rng: np.random.Generator, *, build: str = 'full',
                    missing: Container[tuple[int, int]] = ()) -> None:
    """Write SkyTable.fits and the region files of some catalogues.

    Parameters
    ----------
    root : Path or str
        Directory, made where it is missing.
    catalogues : sequence of Catalogue
        Rows to write.
    rng : numpy.random.Generator
        Draws the order of rows and sentinels.
    build : str, optional
        'full', 'lean', or 'mixed', which alternates from region to region.
    missing : container of (int, int), optional
        Cells (band, index) that the index names and that have no file.
    """
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    ra_deg, dec_deg, mag, err = (np.concatenate([getattr(catalogue, name) for catalogue in catalogues])
                                 for name in ('ra_deg', 'dec_deg', 'mag', 'err'))
    whole = Catalogue(ra_deg, dec_deg, mag, err, valid=np.empty((0, 5), bool))
    cells = cell_of(whole.ra_deg, whole.dec_deg)
    listed, member = np.unique(cells, axis=0, return_inverse=True)
    order = np.argsort(member.ravel(), kind='stable')
    starts = np.searchsorted(member.ravel()[order], np.arange(len(listed) + 1))
    index = []
    for k, cell in enumerate(map(tuple, listed.tolist())):
        if cell[0] < 0:
            continue
        lean = build == 'lean' or (build == 'mixed' and k % 2 == 1)
        name = f'dec{cell[0]:02d}/region{cell[1]:03d}'
        index.append((*_cell_limits(cell, negative=build == 'lean'), name if lean else name + '.fits'))
        if cell in missing:
            continue
        table = _region_table(whole, rng.permutation(order[starts[k]:starts[k + 1]]), lean=lean, rng=rng)
        write_bytes(root / f'{name}.fits', _table_bytes(table))
    write_sky_table(root / 'SkyTable.fits', index, parents=build == 'lean')


def write_sky_table(path: Path, index: Sequence[tuple], *, parents: bool) -> None:
    """Write an index of regions.

    Parameters
    ----------
    path : Path
        File to write.
    index : sequence of tuple
        R_MIN, R_MAX, D_MIN, D_MAX [deg] and NAME of each region.
    parents : bool
        Names are padded with NULs, and two entries name no file (PARENT 0 and 25).
    """
    dtype: list[tuple[str, Any]] = [(name, np.float64) for name in ('R_MIN', 'R_MAX', 'D_MIN', 'D_MAX')]
    dtype.append(('NAME', 'S40'))
    if parents:
        dtype.append(('PARENT', np.int32))
        rows = [(*row, 1 + k % 24) for k, row in enumerate(index)]
        rows += [(0.0, 360.0, _FOOTPRINT_DEC_DEG, 90.0, 'root', 0), (0.0, 360.0, _FOOTPRINT_DEC_DEG, 90.0, 'fine', 25)]
    else:
        rows = [(*row[:4], f'{row[4]:<40}') for row in index]
    write_bytes(path, _table_bytes(np.array(rows, dtype), name='SKY_REGION'))


def _table_bytes(table: np.ndarray, name: str | None = None) -> bytes:
    """A FITS file with one binary table, as bytes."""
    from astropy.io import fits

    buffer = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table, name=name)]).writeto(buffer)
    return buffer.getvalue()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, and make the directories above it.

    Parameters
    ----------
    path : Path
        File to write.
    data : bytes
        Its content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
