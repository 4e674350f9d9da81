"""Two real frames of Las Cumbres Observatory, rebuilt from the source catalogues that the package lco-banzai carries.

The catalogues (`banzai/tests/data/*-matched-cat.fits` of lco-banzai 1.40.0, GPL-3.0, read where it is installed and not
imported) hold the sources of one frame each with the PS1 magnitudes of the stars they were matched to.  From them this
writes a BANZAI frame (the source catalogue as it is; a header with a TAN solution fitted to the stars) and a PS1 tree.
The header has what the pipeline writes for a missing value: AIRMASS 'UNKNOWN', no SATURATE, no PIPEVER (the flags are
SEP's own); the time of day is made up.
"""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # imported where it is used
    from astropy.io.fits import FITS_rec

_PACKAGE = 'lco-banzai'


@dataclass(frozen=True, kw_only=True)
class RealFrame:
    """Facts of one frame that its catalogue lacks, and what LCO measured with the earlier code.

    Attributes
    ----------
    name : str
        Of the frame, up to its reduction level.
    site, enclosure, telescope, camera, filter, dateobs : str
        Values of its header.
    exptime_s : float
        Exposure time.
    shape : tuple of int
        (nx, ny) of the image [pixel].
    zp_lco_mag, tolerance_mag : float
        LCO's own zeropoint at g-i = 0, and how far it can be trusted.
    """

    name: str
    site: str
    enclosure: str
    telescope: str
    camera: str
    filter: str
    exptime_s: float
    dateobs: str
    shape: tuple[int, int]
    zp_lco_mag: float
    tolerance_mag: float


FRAMES = (
    RealFrame(name='cpt1m012-fa06-20200113-0102', site='cpt', enclosure='domc', telescope='1m0a', camera='fa06',
              filter='ip', exptime_s=250.032, dateobs='2020-01-13T20:00:00.000', shape=(4096, 4096), zp_lco_mag=23.1,
              tolerance_mag=0.05),
    RealFrame(name='ogg2m001-ep04-20201006-0097', site='ogg', enclosure='clma', telescope='2m0a', camera='ep04',
              filter='gp', exptime_s=60.0, dateobs='2020-10-07T06:00:00.000', shape=(2048, 2048), zp_lco_mag=25.15,
              tolerance_mag=0.03),
)


def _catalogue_path(frame: RealFrame) -> Path:
    """Path of the catalogue of a frame in the installed package; FileNotFoundError if that is not installed."""
    try:
        path = Path(str(metadata.distribution(_PACKAGE).locate_file(
            f'banzai/tests/data/{frame.name}-matched-cat.fits')))
    except metadata.PackageNotFoundError:
        raise FileNotFoundError(f'the package {_PACKAGE} is not installed') from None
    if not path.is_file():
        raise FileNotFoundError(f'{path}: not in this build of {_PACKAGE}')
    return path


def write_real_frames(out: Path | str) -> tuple[RealFrame, ...]:
    """Write both frames and their reference stars.

    Parameters
    ----------
    out : Path or str
        Directory; frames go to `archive`, the catalogue to `ps1` in it.

    Returns
    -------
    tuple of RealFrame
        FRAMES.

    Raises
    ------
    FileNotFoundError
        The package with the source catalogues is not installed.
    """
    from astropy.io import fits

    regions = []
    for frame in FRAMES:
        catalogue = fits.getdata(_catalogue_path(frame))
        _write_frame(Path(out) / 'archive', frame, catalogue)
        regions.append(_write_region(Path(out) / 'ps1', frame, catalogue))
    names, *limits = zip(*regions, strict=True)
    columns = [fits.Column(name, 'D', array=values) for name, values in
               zip(('R_MIN', 'R_MAX', 'D_MIN', 'D_MAX'), limits, strict=True)]
    table = fits.BinTableHDU.from_columns([*columns, fits.Column('NAME', '64A', array=names)], name='SKY_REGION')
    table.writeto(Path(out) / 'ps1' / 'SkyTable.fits', overwrite=True)
    return FRAMES


def _write_frame(root: Path, frame: RealFrame, catalogue: 'FITS_rec') -> None:
    """Write a frame at its place in an archive."""
    from astropy.io import fits

    day = frame.name.split('-')[2]
    folder = root / frame.site / frame.camera / day / 'processed'
    folder.mkdir(parents=True, exist_ok=True)
    science = fits.ImageHDU(np.zeros(frame.shape[::-1], np.uint8), name='SCI')
    science.header.update(
        SITEID=frame.site, ENCID=frame.enclosure, TELID=frame.telescope, INSTRUME=frame.camera, FILTER=frame.filter,
        EXPTIME=frame.exptime_s, AIRMASS='UNKNOWN', OBSTYPE='EXPOSE', FOCOBOFF=0.0, WCSERR=0, **{
            'DATE-OBS': frame.dateobs, 'DAY-OBS': day})
    science.header.update(_tan_header(catalogue))
    sources = fits.BinTableHDU(catalogue, name='CAT')
    fits.HDUList([fits.PrimaryHDU(), science, sources]).writeto(folder / f'{frame.name}-e91.fits', overwrite=True)


def _tan_header(catalogue: 'FITS_rec') -> dict[str, str | float]:
    """Header cards of a TAN solution fitted to the stars."""
    from astropy import units
    from astropy.coordinates import SkyCoord
    from astropy.wcs.utils import fit_wcs_from_points

    sky = SkyCoord(catalogue['ra'] * units.deg, catalogue['dec'] * units.deg)
    wcs = fit_wcs_from_points((catalogue['x'] - 1, catalogue['y'] - 1), sky, projection='TAN')  # 0-based pixels there
    header: dict[str, str | float] = {'CTYPE1': 'RA---TAN', 'CTYPE2': 'DEC--TAN'}
    for axis in (0, 1):
        header |= {f'CRPIX{axis + 1}': wcs.wcs.crpix[axis], f'CRVAL{axis + 1}': wcs.wcs.crval[axis]}
        header |= {f'CD{axis + 1}_{other + 1}': wcs.pixel_scale_matrix[axis, other] for other in (0, 1)}
    return header


def _write_region(root: Path, frame: RealFrame, catalogue: 'FITS_rec') -> tuple[str, float, float, float, float]:
    """Write the reference stars as one region file; returns its row (name, ra and dec limits) of SkyTable."""
    from astropy.io import fits

    root.mkdir(parents=True, exist_ok=True)
    missing = np.full(len(catalogue), np.nan)
    columns = [fits.Column('RA', 'D', array=catalogue['ra'] % 360), fits.Column('DEC', 'D', array=catalogue['dec'])]
    for band in 'grizy':
        measured = f'{band}mag' in catalogue.names
        columns.append(fits.Column(band, 'D', array=catalogue[f'{band}mag'] if measured else missing))
        columns.append(fits.Column(f'{band}_err', 'D', array=catalogue[f'{band}magerr'] if measured else missing))
    fits.BinTableHDU.from_columns(columns).writeto(root / f'{frame.name}.fits', overwrite=True)
    ra, dec = catalogue['ra'] % 360, catalogue['dec']
    return frame.name, ra.min() - 0.1, ra.max() + 0.1, dec.min() - 0.1, dec.max() + 0.1
