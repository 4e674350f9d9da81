"""Nights of a site by all its telescopes."""

from dataclasses import replace

import numpy as np
import pytest

from photzp.answers import nights
from tests.support.madefits import made_fit, sky


def odds_of(values, deviation=0.01, noise=0.02):
    """Log likelihood ratio of values drawn from N(0, deviation) if clear, from N(-deviation, noise) if not."""
    return (np.log(noise / deviation) - 0.5 * (values / deviation) ** 2
            + 0.5 * ((values + deviation) / noise) ** 2)


def site(seed=1, telescopes=3, n=300):
    """(fits by telescope and filter, days, whether each is clear): ratios that tell little of one telescope alone."""
    rng = np.random.default_rng(seed + 50)
    day, cloud = sky(seed, n)
    clear, fits = cloud == 0, {}
    for number in range(telescopes):
        observed = rng.random(len(day)) < 0.8
        values = np.where(clear, rng.normal(0, 0.01, len(day)), rng.normal(-0.01, 0.02, len(day)))
        fits[f'lsc-dom{number}-1m0a', 'rp'] = made_fit(day[observed], 23.5 + values[observed], clear=clear[observed],
                                                       log_odds=odds_of(values[observed]))
    return fits, day, clear


def test_probabilities_of_nights_are_honest():
    """Of nights said to be clear with a probability near p, a share near p is clear, by ratios that are true."""
    said, true = [], []
    for seed in range(1, 9):
        fits, day, clear = site(seed)
        got = nights.site_nights('lsc', fits)
        at = (got.night - got.night[0]).astype(int) + int(min(fit.night[0] for fit in fits.values()).astype(int)
                                                          - np.datetime64('2020-01-01').astype(int))
        truth = dict(zip(day.astype(int).tolist(), clear.tolist(), strict=True))
        good = np.isfinite(got.clear_probability)
        said += got.clear_probability[good].tolist()
        true += [truth[number] for number in at[good].tolist()]
    said, true = np.array(said), np.array(true)
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1)):
        chosen = (said >= low) & (said <= high)
        assert np.count_nonzero(chosen) > 60
        assert abs(said[chosen].mean() - true[chosen].mean()) < 0.08


def test_more_telescopes_say_more():
    known = [np.mean(nights.site_nights('lsc', site(3, telescopes)[0]).state != 'unknown') for telescopes in (1, 3, 9)]
    assert known[0] < known[1] < known[2]


def test_the_share_of_clear_nights_decides_where_telescopes_say_little():
    """Odds of e^0.5 = 1.65 for one night among clear ones: by Bayes 0.95 * 1.65 / (0.95 * 1.65 + 0.05) = 0.97."""
    odds = np.full(60, 6.0)
    odds[30] = 0.5
    got = nights.site_nights('lsc', {('t', 'rp'): made_fit(np.arange(60) + 0.3, np.full(60, 23.5), log_odds=odds)})
    assert got.clear_probability[30] == pytest.approx(0.97, abs=0.003)
    among_cloud = nights.site_nights('lsc', {
        ('t', 'rp'): made_fit(np.arange(60) + 0.3, np.full(60, 23.5), log_odds=np.where(odds == 6, -6, odds))})
    assert among_cloud.clear_probability[30] == pytest.approx(0.05 * 1.65 / (0.05 * 1.65 + 0.95), abs=0.003)
    assert among_cloud.state[30] == 'cloudy'


def test_filters_of_a_telescope_are_one_witness():
    fits, _, _ = site(2, telescopes=1)
    (key, fit), = fits.items()
    twice = {key: fit, (key[0], 'gp'): fit}
    one, other = nights.site_nights('lsc', fits), nights.site_nights('lsc', twice)
    np.testing.assert_array_equal(one.clear_probability, other.clear_probability)
    assert (other.series == 2 * one.series).all()


def test_a_night_that_one_filter_has_alone_counts():
    day = np.arange(60) + 0.3
    odds = np.full(60, 3.0)
    odds[45] = -5.0
    fits = {('t', 'gp'): made_fit(day[:40], np.full(40, 23.5), log_odds=odds[:40]),
            ('t', 'rp'): made_fit(day[20:], np.full(40, 23.5), log_odds=odds[20:])}
    got = nights.site_nights('lsc', fits)
    assert (got.state == 'photometric').sum() == 59
    assert got.state[45] == 'cloudy'


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


@pytest.mark.parametrize('nothing', [np.nan, 0.0])
def test_a_night_of_which_no_telescope_says_anything_is_unknown_also_among_clear_ones(nothing):
    odds = np.full(60, 6.0)
    odds[30] = nothing
    got = nights.site_nights('lsc', {('t', 'rp'): made_fit(np.arange(60) + 0.3, np.full(60, 23.5), log_odds=odds)})
    assert got.state[30] == 'unknown'
    assert (np.delete(got.state, 30) == 'photometric').all()


def test_a_night_without_a_finite_mean_has_no_dimming():
    fit = made_fit(np.arange(60) + 0.3, np.full(60, 23.45), clear=np.ones(60, bool))
    residual = fit.night_residual_mag.copy()
    residual[30] = np.nan
    got = nights.site_nights('lsc', {('t', 'rp'): replace(fit, night_residual_mag=residual)})
    assert np.isnan(got.dimming_mag[30])
    assert got.dimming_mag[29] == pytest.approx(0.05)


def test_a_cloud_is_over_all_but_a_fault_of_one_telescope_is_none():
    day = np.arange(60) + 0.3
    fits = {}
    for number in range(5):
        y = np.full(60, 23.5)
        y[30] -= 0.15
        if number == 0:
            y[40] -= 0.15
        fits[f't{number}', 'rp'] = made_fit(day, y, log_odds=np.where(y < 23.4, -200.0, 2.0))
    got = nights.site_nights('lsc', fits)
    assert got.state[30] == 'cloudy'
    assert got.state[40] == 'photometric'  # -200 of one telescope count as -6, and 4 others say 2 each
    assert got.dimming_mag[30] == pytest.approx(0.15)
    assert got.dimming_mag[40] == pytest.approx(0.03)


def test_a_site_without_nights_is_empty():
    for fits in ({}, {('t', 'rp'): made_fit([], [])}):
        got = nights.site_nights('lsc', fits)
        assert len(got.night) == len(got.state) == 0
        assert nights.monthly(got) == ()


def test_the_share_of_clear_nights_is_that_of_the_weeks_around():
    share = nights._clear_share(np.repeat([1.0, 0.0], 100))
    assert share[50] == 1 - nights._SHARE_MIN
    assert share[150] == nights._SHARE_MIN
    assert share[100] == pytest.approx(21 / 43)  # 20 clear nights and 21 cloudy ones, and one more of each


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
