"""World coordinates of a frame, against those of astropy."""

import math

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord, angular_separation
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from photzp.errors import REASONS, FrameRejected
from photzp.frames.tanwcs import TanWCS
from tests.support.helpers import CARDS, NX, NY


def astropy_wcs(crval, crpix, cd):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = 'RA---TAN', 'DEC--TAN'
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cd = crval, crpix, cd
    return wcs


@given(ra=st.floats(-10, 370), dec=st.floats(-89.99, 89.99), scale=st.floats(0.1, 2.0), angle=st.floats(0, 360),
       parity=st.sampled_from([-1, 1]), x=st.lists(st.floats(-2000, 6000), min_size=1, max_size=5))
def test_sky_positions_equal_those_of_astropy_anywhere_on_the_sky(ra, dec, scale, angle, parity, x):
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    cd = np.array([[parity * cos, -sin], [parity * sin, cos]]) * scale / 3600
    x, y = np.array(x), np.array(x)[::-1]
    found_ra, found_dec = TanWCS((ra, dec), (2000.5, 1900.0), cd).sky(x, y)
    wanted_ra, wanted_dec = astropy_wcs((ra, dec), (2000.5, 1900.0), cd).all_pix2world(x, y, 1)
    apart = angular_separation(*np.radians([found_ra, found_dec, wanted_ra, wanted_dec]))
    assert np.degrees(apart).max() * 3600 < 1e-5
    assert np.all((found_ra >= 0) & (found_ra < 360))


@pytest.mark.parametrize(('ra', 'dec'), [(0.001, 10.0), (-0.001, 10.0), (359.999, -45.0), (12.0, 89.999)])
def test_fields_across_ra_0_and_the_pole(frame, ra, dec):
    f = frame({'CRVAL1': ra, 'CRVAL2': dec})
    wcs = astropy_wcs((ra, dec), (30.0, 20.0), [[CARDS['CD1_1'], 2e-6], [2e-6, CARDS['CD2_2']]])
    apart = SkyCoord(f.stars.ra_deg, f.stars.dec_deg, unit='deg').separation(
        SkyCoord(*wcs.all_pix2world(f.stars.x, f.stars.y, 1), unit='deg'))
    assert apart.arcsec.max() < 1e-5
    assert 0 <= f.ra_deg < 360
    assert np.all((f.stars.ra_deg >= 0) & (f.stars.ra_deg < 360))


@pytest.mark.parametrize('cd', [
    [[-1e-4, 0], [0, 1e-4]], [[0.7e-4, 0.7e-4], [-0.7e-4, 0.7e-4]],
    [[-1e-4, 0], [0, 3e-4]],  # binned along one axis
])  # fmt: skip
@pytest.mark.parametrize('crpix', [(32.5, 24.5), (-3000.0, 900.0)])  # the second one is of a cropped frame
def test_the_circle_about_the_centre_holds_the_corners(frame, cd, crpix):
    f = frame({'CD1_1': cd[0][0], 'CD1_2': cd[0][1], 'CD2_1': cd[1][0], 'CD2_2': cd[1][1],
               'CRPIX1': crpix[0], 'CRPIX2': crpix[1]})
    wcs = astropy_wcs((150.0, -20.0), crpix, cd)
    corners = wcs.all_pix2world([0.5, NX + 0.5, 0.5, NX + 0.5], [0.5, 0.5, NY + 0.5, NY + 0.5], 1)
    centre = SkyCoord(f.ra_deg, f.dec_deg, unit='deg')
    assert centre.separation(SkyCoord(*wcs.all_pix2world((NX + 1) / 2, (NY + 1) / 2, 1), unit='deg')) < 1e-5 * u.arcsec
    apart = centre.separation(SkyCoord(*corners, unit='deg')).deg
    assert apart.max() <= f.radius_deg * (1 + 1e-9)
    assert f.radius_deg < 1.3 * apart.max()


def test_elements_of_the_cd_matrix_that_are_not_written_are_0(frame):
    f = frame(without=('CD1_2', 'CD2_1'))
    np.testing.assert_array_equal(f.wcs.cd_deg, [[-1.08e-4, 0], [0, 1.08e-4]])


def test_a_header_without_any_scale_is_incomplete(frame):
    with pytest.raises(FrameRejected, match='CD1_1 is missing') as rejected:
        frame(without=('CD1_1', 'CD1_2', 'CD2_1', 'CD2_2'))
    assert rejected.value.reason is REASONS['header-incomplete']
