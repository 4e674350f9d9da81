"""Tiny frames and tiny reference catalogues, written with astropy alone: nothing here comes from the product."""

import io
from pathlib import Path

import numpy as np
from astropy.io import fits

FRAME = 'lsc1m005-fa15-20190805-0123-e91.fits.fz'
NX, NY = 64, 48
CARDS = {
    'SITEID': 'lsc', 'ENCID': 'doma', 'TELID': '1m0a', 'INSTRUME': 'fa15', 'FILTER': 'rp', 'EXPTIME': 90.0,
    'AIRMASS': 1.25, 'DATE-OBS': '2019-08-05T23:59:59.987', 'DAY-OBS': '20190805', 'OBSTYPE': 'EXPOSE',
    'FOCOBOFF': 0.0, 'SATURATE': 120000.0, 'MAXLIN': 100000.0, 'GAIN': 1.0, 'WCSERR': 0, 'L1FWHM': 1.8,
    'PIPEVER': '1.20.0', 'CTYPE1': 'RA---TAN', 'CTYPE2': 'DEC--TAN', 'CRVAL1': 150.0, 'CRVAL2': -20.0,
    'CRPIX1': 30.0, 'CRPIX2': 20.0, 'CD1_1': -1.08e-4, 'CD1_2': 2e-6, 'CD2_1': 2e-6, 'CD2_2': 1.08e-4,
}  # fmt: skip


def source_columns(n=5):
    """Columns of a source catalogue with n rows, no two alike."""
    rows = np.arange(n, dtype=float)
    return {'x': 5 + 10 * rows, 'y': 40 - 7 * rows, 'peak': 100 + rows, 'flux': 1000 + rows, 'fluxerr': 30 + rows,
            'background': 50 + rows, 'fwhm': 4 + rows, 'flag': np.arange(n, dtype='i8')}


def table_hdu(columns, name=None):
    """A binary table of the arrays in a dict."""
    arrays = {key: np.asarray(values) for key, values in columns.items()}
    rows = np.zeros(len(next(iter(arrays.values()))), [(key, a.dtype, a.shape[1:]) for key, a in arrays.items()])
    for key, values in arrays.items():
        rows[key] = values
    return fits.BinTableHDU(rows, name=name)


def fits_content(*hdus, **how):
    """Bytes of a FITS file with HDUs behind a primary one."""
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(buffer, **how)
    return buffer.getvalue()


def write_frame(path, cards=None, *, without=(), columns=None, packed=False, primary=False, more=(), checksum=False):
    """Write a frame: `cards` change the header, `without` names the ones left out; returns the path as text.

    columns : dict of arrays, or False for no catalogue.  packed : image fpacked, which takes longer to write.
    primary : image in the primary HDU.  checksum : of every HDU.
    """
    header = fits.Header([(key, value) for key, value in (CARDS | (cards or {})).items() if key not in without])
    pixels = np.arange(NX * NY, dtype='f4').reshape(NY, NX)
    if primary:
        hdus = [fits.PrimaryHDU(pixels, header)]
    else:
        image = fits.CompImageHDU if packed else fits.ImageHDU
        hdus = [fits.PrimaryHDU(), image(pixels, header, name='SCI')]
    if columns is not False:
        hdus.append(table_hdu(source_columns() if columns is None else columns, 'CAT'))
    fits.HDUList([*hdus, *more]).writeto(path, checksum=checksum)
    return str(path)


def star_columns(ra, dec, *, errors=True, kind='f8', **mags):
    """Columns of a region file; every band is 16 mag and every error 0.005 mag unless given (g_err=... and so on)."""
    ra = np.atleast_1d(np.asarray(ra, float))
    columns = {'RA': ra, 'DEC': np.broadcast_to(dec, ra.shape)}
    for band in 'grizy':
        columns[band] = mags.get(band, 16.0)
        if errors:
            columns[f'{band}_err'] = mags.get(f'{band}_err', 0.005)
    return {key: np.broadcast_to(np.asarray(values, kind), ra.shape) for key, values in columns.items()}


def write_region(directory, name, columns):
    """Write one region file, folders included."""
    path = Path(directory, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList([fits.PrimaryHDU(), table_hdu(columns)]).writeto(path, overwrite=True)
    return path


def write_sky_table(directory, regions, *, parents=None, padding=''):
    """Write SkyTable.fits; regions : (name, r_min, r_max, d_min, d_max) each; padding is put behind each name."""
    names, *limits = zip(*regions, strict=True)
    padded = [(name + padding).encode() for name in names]
    columns = [fits.Column(key, 'D', array=np.array(values, float))
               for key, values in zip(('R_MIN', 'R_MAX', 'D_MIN', 'D_MAX'), limits, strict=True)]
    columns.append(fits.Column('NAME', f'{max(map(len, padded))}A', array=np.array(padded)))
    if parents is not None:
        columns.append(fits.Column('PARENT', 'J', array=np.array(parents)))
    table = fits.BinTableHDU.from_columns(columns, name='SKY_REGION')
    Path(directory).mkdir(parents=True, exist_ok=True)
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(Path(directory, 'SkyTable.fits'), overwrite=True)
    return Path(directory)


def write_one_region(directory, ra, dec, **columns):
    """A whole-sky catalogue of one region file, all.fits."""
    write_sky_table(directory, [('all.fits', 0, 360, -90, 90)])
    write_region(directory, 'all.fits', star_columns(ra, dec, **columns))
    return Path(directory)
