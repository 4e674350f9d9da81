"""Extinction of a site: by hand, and a yearly term that was planted."""

from dataclasses import replace

import numpy as np
import pytest

from photzp.answers import extinction
from tests.support.madefits import made_fit

START = np.datetime64('2019-01-01T03:00', 'ms')


def fit_with(offset, error):
    """A fit with this extinction less the adopted one."""
    return replace(made_fit([0.3], [23.5]), extinction_offset_mag=offset, extinction_offset_error_mag=error)


def frames(*arguments, **settings):
    """Sums of the frames of clear nights, see `clear_frames`."""
    return extinction.frame_sums(clear_frames(*arguments, **settings))


def clear_frames(seed, *, mean=0.0, cosine=0.02, sine=-0.01, years=3.0, per_night=6):
    """Frames of clear nights with levels of their own: r = level - (mean + a cos + b sin) (X - 1) + noise."""
    rng = np.random.default_rng(seed)
    night = np.repeat(np.arange(0, round(365.25 * years), 2), per_night)
    time = START + np.round((night + rng.uniform(0, 0.3, len(night))) * 86_400_000).astype('timedelta64[ms]')
    day = (time - time.astype('datetime64[Y]')) / np.timedelta64(1, 'D')
    phase = 2 * np.pi * day / 365.25
    airmass = 1 + rng.exponential(0.28, len(night))
    level = rng.normal(0, 0.01, night.max() + 1)[night]
    residual = level - (mean + cosine * np.cos(phase) + sine * np.sin(phase)) * (airmass - 1)
    return extinction.Frames(time=time, night=time.astype('datetime64[D]'),
                             residual_mag=residual + rng.normal(0, 0.02, len(night)),
                             error_mag=np.full(len(night), 0.02), airmass=airmass,
                             clear_probability=np.ones(len(night)))


def yearly_swing(sums):
    return extinction.site_extinction('lsc', 'gp', 0.14, [fit_with(0.0, 0.001)], sums).swing


def test_telescopes_of_a_site_are_one_mean_with_one_prior():
    # Posteriors that were made of likelihoods 0.02 +- 0.01 under the prior 0 +- 0.03 frames_of_one.
    precision = 1 / 0.01**2 + 1 / 0.03**2
    one = 0.02 / 0.01**2 / precision, 1 / np.sqrt(precision)
    got = extinction.site_extinction('lsc', 'gp', 0.14, [fit_with(*one)] * 4)
    assert got.telescopes == 4
    assert got.chi2 == pytest.approx(0, abs=1e-9)
    total = 4 / 0.01**2 + 1 / 0.03**2
    assert got.k == pytest.approx(0.14 + 4 * 0.02 / 0.01**2 / total)
    assert got.k_error == pytest.approx(1 / np.sqrt(total))
    assert got.adopted == 0.14
    assert got.swing is None


def test_telescopes_that_disagree_enlarge_the_error():
    agreed = extinction.site_extinction('lsc', 'gp', 0.14, [fit_with(0.01, 0.001), fit_with(0.01, 0.001)])
    apart = extinction.site_extinction('lsc', 'gp', 0.14, [fit_with(0.00, 0.001), fit_with(0.02, 0.001)])
    assert apart.k == pytest.approx(agreed.k, abs=1e-6)
    assert apart.chi2 == pytest.approx(200, rel=0.01)
    assert apart.k_error == pytest.approx(agreed.k_error * np.sqrt(200), rel=0.01)


def test_what_no_fit_knows_is_nan():
    got = extinction.site_extinction('lsc', 'gp', 0.14, [fit_with(np.nan, np.nan)])
    assert np.isnan(got.k)
    assert got.telescopes == 0


def test_sites_and_filters_are_kept_apart():
    fits = {('lsc-doma-1m0a', 'gp'): fit_with(0.01, 0.002), ('lsc-domb-1m0a', 'gp'): fit_with(0.01, 0.002),
            ('lsc-doma-1m0a', 'rp'): fit_with(0.0, 0.002), ('coj-doma-1m0a', 'gp'): fit_with(-0.01, 0.002)}
    got = extinction.by_site(fits, {'gp': 0.14, 'rp': 0.08})
    assert [(one.site, one.filter, one.telescopes) for one in got] == [
        ('coj', 'gp', 1), ('lsc', 'gp', 2), ('lsc', 'rp', 1)]
    assert [one.k for one in got] == pytest.approx([0.13, 0.15, 0.08], abs=2e-4)


def test_a_yearly_term_is_found_with_its_date_and_corrects_the_mean():
    swing = yearly_swing([frames(1, mean=0.005), frames(2, mean=0.005)])
    error = np.sqrt(np.diag(swing.covariance))
    assert swing.significant
    assert np.abs([swing.cosine - 0.02, swing.sine + 0.01] / error).max() < 4
    assert swing.amplitude == pytest.approx(np.hypot(0.02, 0.01), abs=4 * swing.amplitude_error)
    assert swing.peak_day == pytest.approx(np.arctan2(-0.01, 0.02) % (2 * np.pi) / (2 * np.pi) * 365.25,
                                           abs=4 * swing.peak_error_days)
    assert swing.peak_error_days < 15
    got = extinction.site_extinction('lsc', 'gp', 0.14, [fit_with(0.0, 0.001)], [frames(1, mean=0.005)])
    assert got.k == pytest.approx(0.145, abs=4 * got.k_error)


def test_pulls_of_the_yearly_term_have_unit_width():
    pulls = []
    for seed in range(40):
        swing = yearly_swing([frames(seed, years=1.2, per_night=4)])
        pulls += list(np.array([swing.cosine - 0.02, swing.sine + 0.01]) / np.sqrt(np.diag(swing.covariance)))
    assert 0.8 < np.std(pulls) < 1.25


NO_FRAMES = extinction.FrameSums(np.zeros(12), np.zeros((12, 12)), 0.0)


@pytest.mark.parametrize('sums', [[NO_FRAMES], [frames(3, years=0.6)], [frames(4, years=2.0, per_night=1)]])
def test_a_yearly_term_that_the_data_do_not_determine_is_nan(sums):
    swing = yearly_swing(sums)
    assert np.isnan(swing.amplitude)
    assert not swing.significant


def test_no_yearly_term_is_not_significant():
    swing = yearly_swing([frames(5, cosine=0.0, sine=0.0)])
    assert not swing.significant
    assert np.isnan(swing.peak_day)
    assert swing.amplitude < 4 * swing.amplitude_error


def test_sums_give_what_frames_give():
    """The estimate and its sandwich, from the frames themselves."""
    both = [clear_frames(seed, mean=0.005, years=1.5, per_night=5) for seed in (7, 8)]
    swing = yearly_swing(map(extinction.frame_sums, both))
    rows = []
    for frames_of_one in both:
        year = (frames_of_one.time - frames_of_one.time.astype('datetime64[Y]')) / np.timedelta64(1, 'D') / 365.25
        phase = 2 * np.pi * year
        u = -(frames_of_one.airmass - 1)[:, None] * np.stack([phase * 0 + 1, np.cos(phase), np.sin(phase)], axis=1)
        for night in np.unique(frames_of_one.night):
            chosen = frames_of_one.night == night
            residual = frames_of_one.residual_mag[chosen]
            rows.append((u[chosen] - u[chosen].mean(axis=0), residual - residual.mean()))
    u, r = np.concatenate([u for u, _ in rows]), np.concatenate([r for _, r in rows])
    parameters = np.linalg.lstsq(u, r, rcond=None)[0]
    np.testing.assert_allclose((swing.mean, swing.cosine, swing.sine), parameters, rtol=1e-6)
    scores = np.array([u.T @ (r - u @ parameters) for u, r in rows])
    bread = np.linalg.inv(u.T @ u)
    np.testing.assert_allclose(swing.covariance, (bread @ scores.T @ scores @ bread)[1:, 1:], rtol=1e-6)
