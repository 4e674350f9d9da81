"""Nights of a site by all its telescopes."""

import numpy as np
import pytest

from photzp.answers import nights
from tests.support.madefits import made_fit, sky


def site(seed=1, telescopes=3, n=300):
    """(fits by telescope and filter, days, cloud) of telescopes under one sky."""
    day, cloud = sky(seed, n)
    rng = np.random.default_rng(seed + 50)
    fits = {}
    for number in range(telescopes):
        observed = rng.random(len(day)) < 0.8
        y = 23.5 - cloud * rng.gamma(9, 1 / 9, len(day)) + rng.normal(0, 0.009, len(day))
        fits[f'lsc-dom{number}-1m0a', 'rp'] = made_fit(day[observed], y[observed], clear=cloud[observed] == 0)
    return fits, day, cloud


def test_nights_are_told_clear_from_cloudy_by_all_telescopes():
    fits, day, cloud = site()
    got = nights.site_nights('lsc', fits)
    truth = dict(zip(day.astype(int).tolist(), (cloud == 0).tolist(), strict=True))
    number = (got.night - got.night[0]).astype(int) + int(day[0])
    seen = [(state, truth[night]) for state, night, frames in
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
    site_nights = nights.SiteNights(site='lsc', night=night, state=state, clear_probability=none, frames=none,
                                    series=none, dimming_mag=none, dimming_error_mag=none)
    january, february = nights.monthly(site_nights)
    assert (january.photometric, january.cloudy, january.unknown, january.fraction) == (1, 0, 1, 1.0)
    assert (february.photometric, february.cloudy, february.unknown) == (2, 1, 0)
    assert february.fraction == pytest.approx(2 / 3)
    # Beta(3, 2): variance 3 * 2 / (25 * 6)
    assert february.fraction_error == pytest.approx(np.sqrt(0.04))
