"""Two real frames of Las Cumbres Observatory, against what the observatory itself measured on them."""

import numpy as np
import pytest
from astropy.io import fits

import photcalibration
from examples import realframes
from photdbinterface import PhotDatabase
from photzp.names import exposure_of
from tests.support.shared import unavailable


@pytest.fixture(scope='module')
def rows(tmp_path_factory):
    out = tmp_path_factory.mktemp('real')
    try:
        realframes.write_real_frames(out)
    except FileNotFoundError as error:
        unavailable(str(error))
    assert photcalibration.main(['--site', 'cpt,ogg', '--imagerootdir', str(out / 'archive'), '--ps1dir',
                                 str(out / 'ps1'), '--photodb', str(out / 'x.db')]) == 0
    with PhotDatabase(out / 'x.db', readonly=True) as opened:
        return opened.zeropoints()


@pytest.mark.parametrize('frame', realframes.FRAMES, ids=lambda frame: frame.name)
def test_zeropoint_agrees_with_the_observatory(rows, frame):
    n = [exposure_of(name) for name in rows.name].index(frame.name)
    # LCO quotes zp at g-i = 0; ours is at g-i = 1.
    assert rows.zp[n] - rows.colorterm[n] == pytest.approx(frame.zp_lco_mag, abs=frame.tolerance_mag)
    assert 0 < rows.zperr[n] < 0.01
    assert 0 < rows.zpsig[n] < 0.06
    assert rows.nstars[n] > 100


def test_colour_term_agrees_with_the_observatory(rows):
    n = [exposure_of(name) for name in rows.name].index('ogg2m001-ep04-20201006-0097')
    assert rows.colorterm[n] == pytest.approx(0.062, abs=0.02)


def test_the_world_coordinates_fit_the_stars(rows):
    # The header was fitted to these very stars: nothing is left to remove but a fraction of a pixel.
    assert (rows.wcsoffset < 0.1).all()


def test_the_zeropoint_is_that_of_the_bright_stars(rows):
    """Stars of 14 to 15 mag on the 1m frame have S/N near 500: a Kron loss of 0.01 to 0.02 mag, whatever its form."""
    frame = realframes.FRAMES[0]
    stars = fits.getdata(realframes._catalogue_path(frame))
    bright = (stars['flag'] == 0) & (stars['imag'] > 14) & (stars['imag'] < 15)
    each = stars['imag'][bright] + 2.5 * np.log10(stars['flux'][bright] / frame.exptime_s)
    n = [exposure_of(name) for name in rows.name].index(frame.name)
    assert np.count_nonzero(bright) > 100
    # SDSS - PS1 in i is -0.008 mag at g-i = 1; the colour term is 0.02.
    assert rows.zp[n] == pytest.approx(np.median(each) - 0.008, abs=0.025)
