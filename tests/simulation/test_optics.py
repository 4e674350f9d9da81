"""Where the header puts stars, and where they are."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from simulation.frame import simulate_frame
from simulation.optics import cloud_loss
from simulation.spec import FieldSpec
from tests.support.simulated import rng


def sky_coordinates(frame):
    """Positions of the rows through the header alone, by astropy."""
    wcs = WCS(fits.Header(frame.header))
    return SkyCoord(*wcs.all_pix2world(frame.columns['x'], frame.columns['y'], 1), unit='deg')


@pytest.mark.parametrize(('ra_deg', 'dec_deg', 'parity'), [
    (0.02, 4.9, 1), (359.9, -9.1, -1), (38.0, 89.0, -1), (211.0, 89.85, 1), (63.0, -20.0, -1)])
def test_header_puts_stars_where_the_catalogue_has_them(ra_deg, dec_deg, parity):
    spec = FieldSpec(ra_deg=ra_deg, dec_deg=dec_deg, parity=parity, rotation_deg=91.0, pointing_arcsec=0.0,
                     distortion_arcsec=0.0)
    frame, catalogue, _ = simulate_frame(spec, rng())
    reference = SkyCoord(catalogue.ra_deg, catalogue.dec_deg, unit='deg')
    _, distance, _ = sky_coordinates(frame)[frame.usable].match_to_catalog_sky(reference)
    assert frame.n_usable > 100
    assert np.median(distance.arcsec) < 0.15
    assert np.mean(distance.arcsec < 0.5) > 0.97  # one in a hundred has moved since


def test_distortion_and_pointing_are_what_the_header_does_not_know():
    spec = FieldSpec(stars_per_sqdeg=20000.0, pointing_arcsec=0.0, distortion_arcsec=5.0)
    frame, _, sky = simulate_frame(spec, rng())
    there = SkyCoord(sky.ra_deg[frame.star], sky.dec_deg[frame.star], unit='deg')
    distance = sky_coordinates(frame).separation(there).arcsec
    radius = np.hypot(frame.columns['x'] - 2048.5, frame.columns['y'] - 2048.5) / np.hypot(2048, 2048)
    for low, high in ((0.0, 0.2), (0.45, 0.55), (0.7, 0.8), (0.9, 1.0)):
        ring = frame.usable & (radius > low) & (radius < high)
        assert ring.sum() > 10
        # 0.12: noise of the positions, which the distance cannot average away, and r^3 taken at the distorted radius
        assert np.median(distance[ring] - 5.0 * radius[ring] ** 3) == pytest.approx(0.0, abs=0.12)


def misplaced_arcsec(frame, sky):
    """East and north (n, 2) by which the header puts usable stars away from where they are."""
    rows = frame.usable
    there = sky_coordinates(frame)[rows]
    true = SkyCoord(sky.ra_deg[frame.star[rows]], sky.dec_deg[frame.star[rows]], unit='deg')
    east, north = true.spherical_offsets_to(there)
    return np.column_stack([east.arcsec, north.arcsec])


def test_a_solution_is_off_by_just_what_is_asked_for():
    spec = FieldSpec(wcs_offset_arcsec=180.0, pointing_arcsec=0.0, distortion_arcsec=0.0)
    frame, _, sky = simulate_frame(spec, rng(2))
    assert np.hypot(*np.median(misplaced_arcsec(frame, sky), axis=0)) == pytest.approx(180.0, abs=0.1)


def test_a_solution_is_turned_by_just_what_is_asked_for():
    spec = FieldSpec(wcs_rotation_deg=0.3, pointing_arcsec=0.0, distortion_arcsec=0.0)
    frame, _, sky = simulate_frame(spec, rng(3))
    away = np.hypot(frame.columns['x'] - 2048.5, frame.columns['y'] - 2048.5)[frame.usable] * 0.389
    # A turn by an angle a moves what is at a distance d by 2 d sin(a / 2): 5.2" at 1000".
    np.testing.assert_allclose(np.hypot(*misplaced_arcsec(frame, sky).T), 2 * away * np.sin(np.radians(0.15)), atol=0.6)


def test_a_thin_cloud_has_its_range_and_a_mean_of_zero():
    x, y = np.meshgrid(np.linspace(0, 4096, 50), np.linspace(0, 4096, 50))
    loss = cloud_loss(x, y, FieldSpec(cloud_mag=0.1), rng())
    assert np.ptp(loss) == pytest.approx(0.2)
    assert loss.mean() == pytest.approx(0, abs=1e-12)
