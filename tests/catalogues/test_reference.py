"""From the PS1 to the SDSS system, against numbers worked by hand from the published table."""

import numpy as np
import pytest

from photzp.catalogues.reference import ReferenceStars, ps1_to_sdss


def reference_stars(**mags):
    """Stars with magnitudes 16 unless given."""
    n = max(len(values) for values in mags.values())
    mag = {band: np.array(mags.get(band, [16.0] * n), float) for band in 'grizy'}
    return ReferenceStars(ra_deg=np.zeros(n), dec_deg=np.zeros(n), mag=mag,
                          mag_error={band: np.full(n, 0.01) for band in 'grizy'})


def test_sdss_minus_ps1_of_a_star_of_colour_1():
    """Finkbeiner et al. 2016, Table 2, summed by hand at (g-i)_PS1 = 1."""
    sdss = ps1_to_sdss(reference_stars(g=[17.0], r=[16.0], i=[16.0], z=[16.0]))
    assert sdss.mag['g'][0] - 17.0 == pytest.approx(0.13645, abs=1e-9)
    assert sdss.mag['r'][0] - 16.0 == pytest.approx(0.03359, abs=1e-9)
    assert sdss.mag['i'][0] - 16.0 == pytest.approx(-0.00778, abs=1e-9)
    assert sdss.mag['z'][0] - 16.0 == pytest.approx(-0.03765, abs=1e-9)


def test_sdss_minus_ps1_of_a_star_of_colour_2():
    """The same at (g-i)_PS1 = 2: -(c0 + 2 c1 + 4 c2 + 8 c3)."""
    sdss = ps1_to_sdss(reference_stars(g=[18.0]))
    assert sdss.mag['g'][0] - 18.0 == pytest.approx(0.22698, abs=1e-9)
    assert sdss.mag['r'][0] - 16.0 == pytest.approx(0.03006, abs=1e-9)
    assert sdss.mag['i'][0] - 16.0 == pytest.approx(-0.0017, abs=1e-9)
    assert sdss.mag['z'][0] - 16.0 == pytest.approx(-0.06748, abs=1e-9)


def test_stars_outside_the_colour_range_have_no_sdss_magnitude():
    colours = [0.3, 0.5, 2.6, 2.8, np.nan]
    sdss = ps1_to_sdss(reference_stars(g=16 + np.array(colours)))
    for band in 'griz':
        assert np.isfinite(sdss.mag[band]).tolist() == [False, True, True, False, False]
    assert np.isfinite(ps1_to_sdss(reference_stars(g=[16.3, 16.5]), (0.2, 0.4)).mag['r']).tolist() == [True, False]


def test_a_missing_band_is_missing_alone():
    sdss = ps1_to_sdss(reference_stars(g=[17.0, 17.0], z=[np.nan, 16.0]))
    assert np.isnan(sdss.mag['z']).tolist() == [True, False]
    assert np.isfinite(sdss.mag['r']).all()


def test_the_stars_given_are_not_changed_and_not_transformed_twice():
    stars = reference_stars(g=[17.0])
    sdss = ps1_to_sdss(stars)
    assert (stars.system, sdss.system, stars.mag['g'][0]) == ('PS1', 'SDSS', 17.0)
    with pytest.raises(ValueError, match='SDSS system already'):
        ps1_to_sdss(sdss)


def test_selecting_stars():
    chosen = reference_stars(g=[16.1, 16.2, 16.3]).select(np.array([True, False, True]))
    assert (len(chosen), chosen.mag['g'].tolist(), chosen.mag_error['g'].shape) == (2, [16.1, 16.3], (2,))
