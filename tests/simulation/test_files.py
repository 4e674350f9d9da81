"""Simulated frames and catalogues on disk, read by astropy alone."""

import numpy as np
import pytest
from astropy.io import fits

from simulation.files import write_catalogue
from simulation.sky import draw_catalogue, draw_sky
from simulation.spec import CAMERAS, FieldSpec
from tests.support.simulated import rng


def test_frames_on_disk_agree_with_truth(small_night):
    out, truth = small_night
    assert truth['seed'] == 3
    assert len(truth['frames']) == 14
    for exposure, record in truth['frames'].items():
        assert record['name'].startswith(exposure + '-e91.fits')
        if record['defect'] == 'file-unreadable':
            continue
        with fits.open(out / record['path']) as hdus:
            header, names = hdus['SCI'].header, [column.lower() for column in hdus['CAT'].columns.names]
            assert len(hdus['CAT'].data) == record['n_rows']
        assert header.get('EXPTIME', record['exptime_s']) == record['exptime_s']
        assert (header['SITEID'], header['FILTER']) == (record['site'], record['filter'])
        assert {'x', 'y', 'peak', 'flux', 'fluxerr', 'background', 'fwhm', 'ellipticity', 'flag'} <= set(names)
        assert record['measurable'] == (record['defect'] is None and record['n_usable'] >= 20)


def test_fpacked_pixels_open_with_their_true_shape(small_night):
    out, truth = small_night
    record = next(r for r in truth['frames'].values() if r['camera'].startswith('f') and r['measurable'])
    with fits.open(out / record['path']) as hdus:
        shape = CAMERAS[record['camera'][:2]].shape
        assert isinstance(hdus['SCI'], fits.CompImageHDU)
        assert hdus['SCI'].shape == shape
        assert hdus['SCI'].section[5:7, :4].shape == (2, 4)


@pytest.mark.parametrize('build', ['full', 'lean', 'mixed'])
def test_catalogue_on_disk_holds_every_row_once(tmp_path, build):
    spec = FieldSpec(ra_deg=0.05, dec_deg=9.95, camera='ep', stars_per_sqdeg=5000.0)
    catalogue = draw_catalogue(draw_sky(spec, rng()), rng())
    write_catalogue(tmp_path, [catalogue], rng(), build=build)
    index = fits.getdata(tmp_path / 'SkyTable.fits', 'SKY_REGION')
    assert ('PARENT' in index.columns.names) == (build == 'lean')
    rows = 0
    for region in index:
        if build == 'lean' and not 0 < region['PARENT'] < 25:
            continue
        name = region['NAME'].strip('\0 ')
        table = fits.getdata(tmp_path / (name if name.endswith('.fits') else name + '.fits'))
        width = (region['R_MAX'] - region['R_MIN']) % 360 or 360
        assert ((table['RA'] - region['R_MIN'] + 1e-4) % 360 <= width + 2e-4).all()
        assert ((table['DEC'] > region['D_MIN'] - 1e-5) & (table['DEC'] < region['D_MAX'] + 1e-5)).all()
        lean = 'g_err' not in table.columns.names
        assert table['g'].dtype == (np.dtype('>f4') if lean else np.dtype('>f8'))
        rows += len(table)
    assert rows == len(catalogue.ra_deg)
    assert any(region['R_MIN'] > region['R_MAX'] or region['R_MIN'] < 0 for region in index)
