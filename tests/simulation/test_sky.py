"""The simulated sky and its catalogue: stars, errors and transformation are what is promised."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from simulation.frame import simulate_frame
from simulation.sky import PS1_SATURATION_MAG, _ps1_errors, draw_catalogue, draw_sky, ps1_to_sdss
from simulation.spec import FieldSpec
from tests.support.simulated import rng


def test_transformation_agrees_with_the_hand_worked_numbers():
    # SDSS - PS1 at (g-i)_PS1 = 1, worked by hand from Table 2 of Finkbeiner et al. 2016
    ps1 = np.array([[18.0, 17.4, 17.0, 16.8, 16.7]])
    difference = ps1_to_sdss(ps1)[0] - ps1[0, :4]
    np.testing.assert_allclose(difference, [0.13645, 0.03359, -0.00778, -0.03765], atol=1e-9)


def test_galactic_plane_has_over_a_hundred_thousand_stars_per_square_degree():
    spec = FieldSpec(camera='ep', stars_per_sqdeg=120000.0, counts_slope=0.3)
    sky = draw_sky(spec, rng())
    radius = spec.model.half_diagonal_deg + 0.05
    assert (sky.mag[:, 1] < 20).sum() / (np.pi * radius ** 2) > 1e5


def test_catalogue_errors_are_truthful_and_bright_stars_are_wrong():
    spec = FieldSpec(stars_per_sqdeg=30000.0)
    sky = draw_sky(spec, rng())
    err = _ps1_errors(sky.mag, rng())
    assert 0.003 <= err[sky.mag < 16].min() < err[sky.mag < 16].max() < 0.011
    catalogue = draw_catalogue(sky, rng())
    positions = SkyCoord(sky.ra_deg, sky.dec_deg, unit='deg')
    index, distance, _ = SkyCoord(catalogue.ra_deg, catalogue.dec_deg, unit='deg').match_to_catalog_sky(positions)
    assert distance.arcsec.max() < 0.2
    off = catalogue.mag - sky.mag[index]
    fair = sky.mag[index] > PS1_SATURATION_MAG
    pull = (off / catalogue.err)[fair & np.isfinite(off)]
    assert np.std(pull) == pytest.approx(1.0, abs=0.02)
    assert np.nanmin(off[~fair & np.isfinite(off)]) > 0.05


def test_colours_and_rows_of_the_catalogue_can_be_limited():
    _, _, sky = simulate_frame(FieldSpec(colours=(0.8, 1.2)), rng(5))
    assert np.all(np.abs(sky.mag[:, 0] - sky.mag[:, 2] - 1.0) <= 0.2 + 1e-9)
    _, holes, sky = simulate_frame(FieldSpec(catalogue_missing=0.2), rng(5))
    bright = sky.mag[:, 2] < 19
    assert np.mean(holes.valid[bright, 2]) == pytest.approx(0.8, abs=0.03)
