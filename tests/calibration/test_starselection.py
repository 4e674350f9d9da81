"""Stars that a zeropoint may rest on: sound sources, and reference stars that are alone and not saturated."""

import numpy as np
import pytest

from photzp.calibration.starselection import neighbour_flux_ratio, usable_references, usable_stars
from photzp.frames.banzai import Stars

# --- sources and references ----------------------------------------------------------------------------------------


def usable(*, flags_bad=31, saturation_e=100_000.0, **columns):
    """usable_stars of one good star for each value given."""
    n = max(map(np.size, columns.values()))
    star = {'flux': 1e5, 'fluxerr': 400.0, 'peak': 5000.0, 'background': 300.0, 'flag': 0} | columns
    arrays = {key: np.broadcast_to(np.asarray(value), (n,)) for key, value in star.items()}
    stars = Stars(**arrays, **dict.fromkeys(('x', 'y', 'ra_deg', 'dec_deg'), np.zeros(n)))
    return usable_stars(stars, flags_bad=flags_bad, saturation_e=saturation_e).tolist()


def test_flags_disqualify_by_their_bits():
    assert usable(flag=[0, 1, 2, 4, 8, 16, 32, 20]) == [True, False, False, False, False, False, True, False]
    assert usable(flag=[0, 1, 4, 8, 64, 128, -1], flags_bad=243) == [True, False, True, True, False, False, False]


def test_flux_and_error_must_be_positive_numbers():
    assert usable(flux=[1e5, 0.0, -5.0, np.nan, np.inf]) == [True, False, False, False, False]
    assert usable(fluxerr=[400.0, 0.0, -5.0, np.nan, np.inf]) == [True, False, False, False, False]


def test_peak_and_background_stay_below_nine_tenths_of_saturation():
    assert usable(peak=[80_000.0, 80_000.0, 91_000.0, np.nan], background=[9_900.0, 10_100.0, 0.0, 0.0]) == [
        True, False, False, False]


def saturating(well_e, n=60, seed=0):
    """Flux and peak [electrons] of stars whose peak is a twentieth of their flux, cut off at the full well."""
    rng = np.random.default_rng(seed)
    flux = 10 ** rng.uniform(4, 7.0, n)
    return flux, np.minimum(flux / 20 * rng.uniform(0.9, 1.1, n), well_e)


@pytest.mark.parametrize('seed', range(4))
def test_a_plateau_of_saturated_stars_that_nobody_flagged_is_found(seed):
    flux, peak = saturating(60_000.0, seed=seed)
    good = np.array(usable(flux=flux, peak=peak, background=100.0, saturation_e=np.inf, flags_bad=243))
    assert np.count_nonzero(peak >= 60_000) >= 5
    assert not good[peak >= 60_000].any()
    assert good[peak < 50_000].all()


@pytest.mark.parametrize('seed', range(4))
def test_without_a_plateau_all_stars_are_kept(seed):
    flux, peak = saturating(np.inf, seed=seed)
    assert all(usable(flux=flux, peak=peak, saturation_e=np.inf, flags_bad=243))


def test_without_peaks_nothing_is_known_of_saturation():
    assert usable(flux=[1e4, 1e5, 1e6, 1e7], peak=0.0, background=0.0, saturation_e=np.inf) == [True] * 4
    assert usable(flux=[], flag=np.zeros(0, int), saturation_e=np.inf) == []


def test_where_few_stars_are_alone_some_company_is_allowed():
    def usable_of(neighbour_ratio):
        n = len(neighbour_ratio)
        return usable_references(np.ones(n), np.full(n, 0.1), np.ones(n), np.asarray(neighbour_ratio)).sum()

    assert usable_of([0.01] * 20 + [0.04] * 50) == 20
    assert usable_of([0.01] * 19 + [0.04] * 50 + [0.09] * 50) == 69
    assert usable_of([0.01] * 5 + [0.04] * 5 + [0.09] * 5 + [0.2] * 50) == 15


def test_references_must_be_unsaturated_complete_and_alone():
    nan = np.nan
    assert usable_references(
        headroom_mag=np.array([0.1, 0.0, -0.1, nan, 1, 1, 1, 1, 1]),
        ref_error=np.array([0.1, 0.1, 0.1, 0.1, nan, 0.1, 0.1, 0.1, 0.1]),
        colour=np.array([1, 1, 1, 1, 1, nan, 1, 1, 1]),
        neighbour_ratio=np.array([0, 0, 0, 0, 0, 0, 0.5, nan, 0.01]),
    ).tolist() == [True, True, False, False, False, False, False, False, True]  # fmt: skip


# --- blends --------------------------------------------------------------------------------------------------------


def blend_of(distance, fainter_mag=0.0, fwhm=2.0):
    """Blended fraction of a star with one neighbour at a distance [FWHM]."""
    xy, mag = np.array([[0.0, 0.0], [distance * fwhm, 0.0]]), np.array([16.0, 16.0 + fainter_mag])
    return neighbour_flux_ratio(xy[:1], mag[:1], xy, mag, fwhm)[0]


@pytest.mark.parametrize(('distance', 'fainter_mag', 'fraction'), [
    (0.5, 0.0, 1.0), (1.1, 0.0, 1.0), (1.1, 2.5, 0.1), (1.1, 5.0, 0.01), (1.1, -2.5, 10.0), (2.3, 0.0, 0.0),
    (2.3, -5.0, 0.0), (30.0, -9.0, 0.0), (1.1, np.nan, 0.0),
])  # fmt: skip
def test_light_of_a_neighbour(distance, fainter_mag, fraction):
    """A star 2.5 mag fainter has a tenth of the light."""
    assert blend_of(distance, fainter_mag) == pytest.approx(fraction, rel=1e-9)


def test_light_of_a_neighbour_fades_with_distance():
    fractions = [blend_of(distance) for distance in np.arange(1.0, 2.5, 0.1)]
    assert fractions == sorted(fractions, reverse=True)
    assert 0.3 < blend_of(1.7) < 0.7


def test_light_of_several_neighbours_adds_up_and_the_star_itself_is_none():
    xy = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [100.0, 0.0]])
    mag = np.full(4, 16.0)
    np.testing.assert_allclose(neighbour_flux_ratio(xy, mag, xy, mag, 2.0), [2.0, 2.0, 2.0, 0.0])


def test_no_stars_no_blends():
    none = np.empty((0, 2)), np.empty(0)
    assert neighbour_flux_ratio(*none, *none, 2.0).shape == (0,)
    assert neighbour_flux_ratio(np.zeros((1, 2)), np.array([np.nan]), np.zeros((1, 2)), np.array([np.nan]), 2.0) == 0
