"""Nights of a site by all its telescopes, and the likelihood of a night that series share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from photzp.answers import nights, sharednight
from tests.support.madefits import made_fit, sky


def site(seed=1, telescopes=3, n=300):
    """(fits by telescope and filter, days, cloud) of telescopes under one sky."""
    day, cloud = sky(seed, n)
    rng = np.random.default_rng(seed + 50)
    fits = {}
    for number in range(telescopes):
        there = rng.random(len(day)) < 0.8
        y = 23.5 - cloud * rng.gamma(9, 1 / 9, len(day)) + rng.normal(0, 0.009, len(day))
        fits[f'lsc-dom{number}-1m0a', 'rp'] = made_fit(day[there], y[there], clear=cloud[there] == 0)
    return fits, day, cloud


def test_nights_are_told_clear_from_cloudy_by_all_telescopes():
    fits, day, cloud = site()
    got = nights.site_nights('lsc', fits)
    truth = dict(zip(day.astype(int).tolist(), (cloud == 0).tolist(), strict=True))
    number = (got.night - got.night[0]).astype(int) + int(day[0])
    seen = [(state, truth[each]) for state, each, frames in
            zip(got.state.tolist(), number.tolist(), got.frames.tolist(), strict=True) if frames >= 5]
    right = [state == ('photometric' if clear else 'cloudy') for state, clear in seen]
    assert len(right) > 200
    assert np.mean(right) > 0.95
    deep = [state for (state, clear) in seen if state == 'photometric' and not clear]
    assert len(deep) < 0.05 * len(seen)


def test_nights_without_frames_are_unknown():
    fits, day, _ = site(2)
    got = nights.site_nights('lsc', fits)
    assert len(got.night) == int(day[-1]) - int(day[0]) + 1
    empty = got.frames == 0
    assert empty.any()
    assert (got.state[empty] == 'unknown').all()
    assert np.isnan(got.clear_probability[empty]).all()
    assert np.isnan(got.dimming_mag[empty]).all()
    assert (got.series[~empty] > 0).all()
    assert (got.frames == 4 * got.series).all()


def test_a_cloud_is_over_all_but_a_fault_of_one_series_is_none():
    day = np.arange(60) + 0.3
    fits = {}
    for number in range(5):
        y = np.full(60, 23.5)
        y[30] -= 0.15
        if number == 0:
            y[40] -= 0.15
        fits[f't{number}', 'rp'] = made_fit(day, y, clear=np.ones(60, bool))
    got = nights.site_nights('lsc', fits)
    assert got.state[30] == 'cloudy'
    assert got.state[40] == 'photometric'
    assert got.dimming_mag[30] == pytest.approx(0.15)


def test_a_site_without_nights_is_empty():
    got = nights.site_nights('lsc', {})
    assert len(got.night) == len(got.state) == 0
    assert nights.monthly(got) == ()


def test_the_months_by_hand():
    night = np.arange('2020-01-30', '2020-02-04', dtype='datetime64[D]')
    none = np.zeros(5)
    state = np.array(['photometric', 'unknown', 'cloudy', 'photometric', 'photometric'])
    site_nights = nights.SiteNights('lsc', night, state, none, none, none, none, none)
    january, february = nights.monthly(site_nights)
    assert (january.photometric, january.cloudy, january.unknown, january.fraction) == (1, 0, 1, 1.0)
    assert (february.photometric, february.cloudy, february.unknown) == (2, 1, 0)
    assert february.fraction == pytest.approx(2 / 3)
    # Beta(3, 2): variance 3 * 2 / (25 * 6)
    assert february.fraction_error == pytest.approx(np.sqrt(0.04))


# --- the likelihood of a night

def test_a_dimmed_density_is_its_integral():
    depth, sigma = np.linspace(-0.03, 0.5, 12), 0.01
    cloud = np.linspace(0, 3, 300_001)
    folded = [np.trapezoid(np.exp(-cloud / 0.3) / 0.3 * norm.pdf(each - cloud, scale=sigma), cloud) for each in depth]
    np.testing.assert_allclose(np.exp(sharednight.log_dimmed(depth, np.full(12, sigma))), folded, rtol=2e-3, atol=1e-7)


def test_a_night_of_no_series_says_nothing():
    loglike, clear, _ = sharednight.night_likelihood(np.zeros((2, 3)), np.zeros((2, 3)), np.full(3, 0.5))
    assert (loglike == 0).all()
    assert (clear == 0).all()


def test_one_wild_series_does_not_make_a_cloud():
    residual = np.array([[0.0], [0.001], [-1.5]])
    _, clear, tame = sharednight.night_likelihood(residual, np.full((3, 1), 1e4), np.full(1, 0.5))
    assert clear[0] > 0.9
    assert tame[2, 0] < 0.01


@given(residual=st.lists(st.floats(-0.5, 0.05), min_size=2, max_size=5), seed=st.integers(0, 5))
def test_the_order_of_series_does_not_matter(residual, seed):
    values = np.array(residual)[:, None]
    weight = 1 / np.linspace(0.008, 0.02, len(residual))[:, None] ** 2
    order = np.random.default_rng(seed).permutation(len(residual))
    one, other = (sharednight.night_likelihood(values[each], weight[each], np.full(1, 0.6))
                  for each in (slice(None), order))
    np.testing.assert_allclose(one[0], other[0], rtol=1e-9)
    np.testing.assert_allclose(one[1], other[1], atol=1e-9)


def test_the_share_of_clear_nights_is_that_of_the_weeks_around():
    clear = np.repeat([1.0, 0.0], 100)
    share = sharednight.clear_share(clear, 10)
    assert share[50] == 1 - sharednight.SHARE_MIN
    assert share[150] == sharednight.SHARE_MIN
    assert share[100] == pytest.approx(11 / 23)
