"""Matching finds the planted pairs, and none where there are none."""

import numpy as np
import pytest
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from photzp.calibration.starmatch import match_stars, tangent_plane

SINISTRO_ARCSEC = 1580.0  # side of a 26' field


def planted(seed, *, per_sq_deg=5000, side_arcsec=SINISTRO_ARCSEC, offset=(0.0, 0.0), corner_arcsec=0.0, noise=0.1):
    """Sources that are 70% of the reference stars, moved, and a tenth of spurious ones in no order.

    corner_arcsec : radial displacement that grows with the cube of the radius to this in the corners.
    Returns (source_xy, source_flux, reference_xy, reference_mag, reference of each source or -1).
    """
    rng = np.random.default_rng(seed)
    n = round(per_sq_deg * (side_arcsec / 3600) ** 2)
    reference = rng.uniform(-side_arcsec / 2, side_arcsec / 2, (n, 2))
    mag = 15 + 5 * rng.uniform(size=n) ** 0.3
    to_corner = reference / (side_arcsec / 2) / np.sqrt(2)  # of length 1 in the corners
    moved = reference + offset + corner_arcsec * to_corner * np.sum(to_corner**2, axis=1, keepdims=True)
    spurious = n // 10
    truth = np.concatenate([np.flatnonzero(rng.uniform(size=n) < 0.7), np.full(spurious, -1)])
    source = moved[truth] + rng.normal(0, noise, (len(truth), 2))
    source_mag = mag[truth] + rng.normal(0, 0.05, len(truth))
    source[truth < 0] = rng.uniform(-side_arcsec / 2, side_arcsec / 2, (spurious, 2))
    source_mag[truth < 0] = rng.uniform(15, 20, spurious)
    order = rng.permutation(len(truth))
    return source[order], 10 ** (-0.4 * (source_mag[order] - 25)), reference, mag, truth[order]


def matched(scene):
    """(matches, share of the planted pairs that were found, number of pairs that were not planted)."""
    *arrays, truth = scene
    matches = match_stars(*arrays)
    right = np.count_nonzero(truth[matches.source] == matches.reference)
    return matches, right / np.count_nonzero(truth >= 0), len(matches) - right


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('angle', [0.0, 1.0, 4.0])
def test_an_offset_of_3_arcsec_is_found_and_removed(seed, angle):
    offset = 3 * np.cos(angle), 3 * np.sin(angle)
    matches, share, wrong = matched(planted(seed, offset=offset))
    assert np.hypot(*np.subtract(matches.offset_arcsec, offset)) < 0.1
    assert share > 0.99
    assert wrong <= 2
    assert np.median(matches.separation_arcsec) == pytest.approx(0.118, abs=0.03)  # 1.177 x 0.1": only noise is left


@pytest.mark.parametrize('per_sq_deg', [600, 5000, 50_000])
def test_a_field_that_is_far_off_is_found_by_a_second_vote(per_sq_deg):
    matches, share, wrong = matched(planted(7, per_sq_deg=per_sq_deg, offset=(-14.0, 21.0), corner_arcsec=2.0))
    assert np.hypot(*np.subtract(matches.offset_arcsec, (-14.0, 21.0))) < 1.5  # of which the distortion takes a part
    assert share > 0.93  # the stars at two edges have left the image
    assert wrong <= 0.005 * len(matches) + 2


@pytest.mark.parametrize('per_sq_deg', [600, 5000])
@pytest.mark.parametrize('offset', [(0, 0), (1.2, -0.9)])
def test_a_distortion_of_5_arcsec_in_the_corners_is_removed(per_sq_deg, offset):
    scene = planted(4, per_sq_deg=per_sq_deg, corner_arcsec=5.0, offset=offset)
    matches, share, wrong = matched(scene)
    assert matches.degree == 3
    assert share > 0.98
    assert wrong <= 2
    in_corner = np.all(np.abs(scene[0][matches.source]) > 0.42 * SINISTRO_ARCSEC, axis=1)
    assert np.count_nonzero(in_corner) >= 2
    assert np.median(matches.separation_arcsec[in_corner]) < 0.3


@pytest.mark.parametrize(('offset', 'corner'), [((2.4, 1.8), 0.0), ((0.0, 0.0), 5.0), ((0.9, 1.2), 3.0)])
def test_the_galactic_plane_is_matched_rightly(offset, corner):
    """120,000 stars per square degree: in 5" about a source there is another star nearly every time."""
    matches, share, wrong = matched(
        planted(5, per_sq_deg=120_000, side_arcsec=900, offset=offset, corner_arcsec=corner))
    assert share > 0.99
    assert wrong < 0.005 * len(matches)


def test_a_sparse_field_is_matched():
    matches, share, wrong = matched(planted(6, per_sq_deg=300, side_arcsec=1000, offset=(2.4, -1.8)))
    assert (share, wrong) == (1.0, 0)
    assert matches.degree == 0


@pytest.mark.parametrize(('per_sq_deg', 'side_arcsec'), [(200, 1000), (2000, 1580), (8000, 1580), (50_000, 900)])
def test_nothing_is_matched_where_nothing_agrees(per_sq_deg, side_arcsec):
    """Sixty pairs of unrelated fields; the pairs that chance alone puts together must not pass for a solution."""
    n = round(per_sq_deg * (side_arcsec / 3600) ** 2)
    matches = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        one, other = rng.uniform(0, side_arcsec, (2, n, 2))
        matches.append(len(match_stars(one, rng.uniform(1, 2, n), other, rng.uniform(15, 20, n))))
    assert np.count_nonzero(matches) == 0


def test_fields_that_do_not_overlap_are_not_matched():
    source, flux, reference, mag, _ = planted(7)
    assert len(match_stars(source + 10_000, flux, reference, mag)) == 0


@pytest.mark.parametrize(('sources', 'references'), [(0, 0), (0, 5), (5, 0)])
def test_nothing_with_nothing_is_nothing(sources, references):
    matches = match_stars(np.zeros((sources, 2)), np.ones(sources), np.zeros((references, 2)), np.ones(references))
    assert (len(matches), matches.source.dtype.kind, matches.reference.dtype.kind) == (0, 'i', 'i')


def test_what_is_not_a_number_does_no_harm():
    source, flux, reference, mag, truth = planted(8, offset=(1, 1))
    flux[::10], mag[::10] = np.nan, np.nan
    lost = np.arange(len(reference)) % 7 == 3
    reference[lost] = np.nan
    matches, _, wrong = matched((source, flux, reference, mag, truth))
    assert wrong <= 2
    assert not np.any(lost[matches.reference])
    assert len(matches) > 0.98 * np.count_nonzero((truth >= 0) & ~lost[truth])


def test_the_arrays_given_are_not_changed():
    scene = planted(9, per_sq_deg=600)
    before = [array.copy() for array in scene[:4]]
    match_stars(*scene[:4])
    for array, copy in zip(scene, before, strict=False):
        np.testing.assert_array_equal(array, copy)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 60), crowd=st.floats(5, 500), noise=st.floats(0, 3))
def test_pairs_are_one_to_one_within_the_radius(seed, n, crowd, noise):
    rng = np.random.default_rng(seed)
    reference = rng.uniform(0, crowd, (n, 2))
    source = reference[rng.integers(0, n, n)] + rng.normal(0, noise, (n, 2))  # some stars are there twice
    matches = match_stars(source, rng.uniform(1, 2, n), reference, rng.uniform(15, 20, n))
    assert len(set(matches.source)) == len(set(matches.reference)) == len(matches)
    assert np.all(matches.separation_arcsec <= matches.radius_arcsec)


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_the_stars_does_not_matter(seed):
    source, flux, reference, mag, _ = planted(3, per_sq_deg=600, offset=(1, -2))
    rng = np.random.default_rng(seed)
    s, r = rng.permutation(len(source)), rng.permutation(len(reference))
    plain = match_stars(source, flux, reference, mag)
    shuffled = match_stars(source[s], flux[s], reference[r], mag[r])
    pairs = set(zip(plain.source, plain.reference, strict=True))
    assert set(zip(s[shuffled.source], r[shuffled.reference], strict=True)) == pairs


# --- the tangent plane ---------------------------------------------------------------------------------------------


@given(ra0=st.floats(0, 360), dec0=st.floats(-89.9, 89.9), east=st.floats(-7000, 7000), north=st.floats(-7000, 7000))
def test_the_tangent_plane_is_that_of_astropy(ra0, dec0, east, north):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = 'RA---TAN', 'DEC--TAN'
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = (ra0, dec0), (1, 1), (1 / 3600, 1 / 3600)
    ra, dec = wcs.all_pix2world([east], [north], 0)
    np.testing.assert_allclose(tangent_plane(ra, dec, ra0, dec0), [[east, north]], rtol=0, atol=1e-4)


def test_the_other_side_of_the_sky_is_not_in_the_plane():
    xy = tangent_plane([10.0, 190.0, 101.0], [0.0, 0.0, 0.0], 10.0, 0.0)
    assert np.isnan(xy).all(axis=1).tolist() == [False, True, True]
