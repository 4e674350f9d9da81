"""The fit finds the planted zeropoint with an honest error, whatever is wrong with some of the stars."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photzp.calibration.zeropoint import StarSample, fit_zeropoint
from photzp.errors import FIT_NOT_CONVERGED, TOO_FEW_STARS, FrameRejected

ZP, COLOUR_TERM = 23.5, 0.05


def planted(seed=0, n=150, *, zp=ZP, colorterm=COLOUR_TERM, loss=0.07, scatter=0.01, mags=(14.0, 18.5),
            colours=(0.5, 2.5), exptime_s=90.0):
    """Stars of a frame: sky noise of 450 electrons, 10 mmag catalogue error, Kron loss `loss` mag at S/N 25.

    The loss goes as the root of the noise; it halves where S/N is four times as large.
    """
    rng = np.random.default_rng(seed)
    mag = mags[0] + (mags[1] - mags[0]) * rng.uniform(size=n) ** 0.5
    colour = rng.uniform(*colours, n)
    flux = exptime_s * 10 ** (-0.4 * (mag - zp - colorterm * (colour - 1)))
    noise = np.sqrt(flux + 450.0**2)
    dimmed = loss / np.sqrt(flux / noise / 25) + rng.normal(0, scatter, n)
    measured = flux * 10 ** (-0.4 * dimmed) + rng.normal(0, noise)
    return StarSample(flux=measured, fluxerr=noise, ref_mag=mag + rng.normal(0, 0.01, n), ref_error=np.full(n, 0.01),
                      colour=colour, exptime_s=exptime_s)


def joined(*samples):
    """The stars of several samples of one exposure time."""
    columns = {key: np.concatenate([getattr(sample, key) for sample in samples])
               for key in ('flux', 'fluxerr', 'ref_mag', 'ref_error', 'colour')}
    return StarSample(**columns, exptime_s=samples[0].exptime_s)


# --- what is recovered ---------------------------------------------------------------------------------------------


def test_a_star_without_any_error_gives_the_zeropoint_by_hand():
    """10,000 electrons in 100 s are -5 mag; a star of 18.5 mag then has a zeropoint of 23.5, at a colour of 1."""
    n = 60
    colour = np.linspace(0.5, 2.5, n)
    bright = StarSample(flux=np.full(n, 1e4), fluxerr=np.full(n, 1e-3), ref_mag=18.5 + 0.1 * (colour - 1),
                        ref_error=np.full(n, 1e-3), colour=colour, exptime_s=100.0)
    fit = fit_zeropoint(bright)
    assert fit.zp_mag == pytest.approx(23.5, abs=1e-4)
    assert fit.colorterm == pytest.approx(0.1, abs=1e-4)
    assert (fit.nstars, fit.colorterm_held) == (60, False)
    assert fit.zpsig_mag < 1e-4


@pytest.mark.parametrize('zp', [18.4, 25.5])
@pytest.mark.parametrize('colorterm', [-0.12, 0.0, 0.08])
def test_planted_zeropoint_and_colour_term(zp, colorterm):
    offset = zp - ZP  # so that the stars keep their counts
    fit = fit_zeropoint(planted(1, 300, zp=zp, colorterm=colorterm, mags=(14.0 + offset, 18.5 + offset)))
    assert fit.zp_mag == pytest.approx(zp, abs=0.01)
    assert fit.colorterm == pytest.approx(colorterm, abs=0.006)
    assert abs(fit.zp_mag - zp) < 3 * fit.zperr_mag < 0.03
    assert abs(fit.colorterm - colorterm) < 3 * fit.colortermerr < 0.01
    assert fit.zpsig_mag == pytest.approx(0.03, abs=0.02)


@pytest.mark.parametrize('loss', [0.0, 0.05, 0.12])
def test_planted_kron_loss(loss):
    fits = [fit_zeropoint(planted(seed, 600, loss=loss, mags=(13.5, 18.5))) for seed in range(4)]
    assert np.mean([fit.kron_loss_mag for fit in fits]) == pytest.approx(loss, abs=0.015)
    assert np.mean([fit.zp_mag for fit in fits]) == pytest.approx(ZP, abs=0.005)


@pytest.fixture(scope='module')
def many_fits():
    """Fits of 200 frames of 50 stars, Kron losses spread as on real frames."""
    losses = np.random.default_rng(99).normal(0.07, 0.03, 200)
    return [fit_zeropoint(planted(seed, 50, loss=loss)) for seed, loss in enumerate(losses)]


def test_errors_are_honest(many_fits):
    """(fit - truth) / error: centred, of width 1, without wings."""
    zp_pull = np.array([(fit.zp_mag - ZP) / fit.zperr_mag for fit in many_fits])
    colour_pull = np.array([(fit.colorterm - COLOUR_TERM) / fit.colortermerr for fit in many_fits])
    assert 0.7 < zp_pull.std() < 1.3
    assert 0.7 < colour_pull.std() < 1.3
    assert abs(zp_pull.mean()) < 0.6
    assert abs(colour_pull.mean()) < 0.3
    assert np.mean(np.abs(zp_pull) > 3) < 0.03


def test_the_covariance_gives_the_error_at_another_colour(many_fits):
    """m_ref - m_inst of a star of g-i = 1 + c is zp + c colorterm; its pull has width 1 there too."""
    for away in (-2.0, -1.0, 3.0):
        error = np.array([(fit.zp_mag - ZP) + away * (fit.colorterm - COLOUR_TERM) for fit in many_fits])
        said = np.sqrt([fit.zperr_mag**2 + away**2 * fit.colortermerr**2 + 2 * away * fit.covariance_mag2
                        for fit in many_fits])
        assert 0.7 < (error / said).std() < 1.3
    assert all(abs(fit.covariance_mag2) <= fit.zperr_mag * fit.colortermerr for fit in many_fits)


def test_scatter_of_the_stars_is_found():
    fit = fit_zeropoint(planted(2, 400, scatter=0.08, mags=(14.0, 16.0)))
    assert fit.zpsig_mag == pytest.approx(0.081, abs=0.012)
    assert fit.scatter_mag == pytest.approx(0.08, abs=0.012)


# --- stars that are wrong ------------------------------------------------------------------------------------------


def with_outliers(sample, by_mag):
    """The sample with the first stars too bright by `by_mag`."""
    flux = sample.flux.copy()
    flux[:len(by_mag)] *= 10 ** (0.4 * np.asarray(by_mag))
    return replace(sample, flux=flux)


@pytest.mark.parametrize('kind', ['all too bright', 'all too faint', 'anything', 'a cluster'])
@pytest.mark.parametrize('seed', range(3))
def test_a_third_of_gross_errors_does_not_move_the_fit(kind, seed):
    rng = np.random.default_rng(seed)
    n = 120
    wrong = rng.uniform(0.4, 3.0, int(0.3 * n))
    wrong = {'all too bright': wrong, 'all too faint': -wrong, 'anything': wrong * rng.choice([-1, 1], len(wrong)),
             'a cluster': np.full(len(wrong), 0.8)}[kind]
    sample = planted(seed, n, mags=(14.0, 17.0))
    fit, clean = fit_zeropoint(with_outliers(sample, wrong)), fit_zeropoint(sample.select(slice(len(wrong), None)))
    assert fit.zp_mag == pytest.approx(ZP, abs=0.02)
    assert fit.zp_mag == pytest.approx(clean.zp_mag, abs=0.01)
    assert fit.colorterm == pytest.approx(COLOUR_TERM, abs=0.012)
    assert not fit.used[:len(wrong)].any()
    assert fit.nstars > 0.6 * n


@pytest.mark.parametrize('too', ['bright', 'faint'])
def test_small_errors_of_a_third_to_one_side_do_not_pull(too):
    """Three stars in ten are off by 0.05 to 0.6 mag to one side, so that clipping cannot tell them from the others."""
    errors = []
    for seed in range(12):
        wrong = np.random.default_rng(seed).uniform(0.05, 0.6, 60) * (1 if too == 'bright' else -1)
        errors.append(fit_zeropoint(with_outliers(planted(seed, 200), wrong)).zp_mag - ZP)
    assert abs(np.mean(errors)) < 0.006
    assert np.std(errors) < 0.02


def test_scatter_of_faint_stars_does_not_drown_the_bright_ones():
    """Faint stars scatter by 0.15 mag more than their noise, and have lost 0.1 mag more than the usual loss."""
    bright, faint = planted(3, 60, mags=(13.0, 15.0)), planted(4, 600, mags=(17.5, 18.5), loss=0.17)
    noise = 10 ** (0.4 * np.random.default_rng(5).normal(0, 0.15, 600))
    fit = fit_zeropoint(joined(bright, replace(faint, flux=faint.flux * noise)))
    assert abs(fit.zp_mag - ZP) < 0.02
    assert abs(fit.zp_mag - ZP) < 4 * fit.zperr_mag


def test_faint_stars_below_the_floor_do_not_count():
    """500 stars of S/N near 5, all found half a magnitude too bright, among 60 good ones."""
    good = planted(3, 60, mags=(14.0, 16.0))
    faint = planted(4, 500, mags=(20.0, 20.3), loss=0.0)
    fit = fit_zeropoint(joined(good, replace(faint, flux=1.6 * np.abs(faint.flux) + 1)))
    assert fit.snr_floor >= 10
    assert not fit.considered[60:].any()
    assert fit.zp_mag == pytest.approx(fit_zeropoint(good).zp_mag, abs=0.006)


def test_masks_and_residuals_belong_to_the_sample():
    sample = with_outliers(planted(5, 80, mags=(14.0, 16.5)), [1.0, -2.0])
    fit = fit_zeropoint(sample)
    assert fit.considered.shape == fit.used.shape == fit.residual_mag.shape == fit.kron_mag.shape == (80,)
    assert fit.nstars == np.count_nonzero(fit.used)
    assert not np.any(fit.used & ~fit.considered)
    assert fit.residual_mag[0] == pytest.approx(1.0, abs=0.15)  # too bright a star: a zeropoint too large
    assert fit.residual_mag[1] == pytest.approx(-2.0, abs=0.15)


# --- what does not change ------------------------------------------------------------------------------------------


def values(fit):
    return np.array([fit.zp_mag, fit.zperr_mag, fit.colorterm, fit.colortermerr, fit.covariance_mag2 * 100,
                     fit.zpsig_mag, fit.kron_loss_mag])


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 50), shift=st.floats(-8, 8))
def test_a_constant_on_all_magnitudes_goes_into_the_zeropoint_alone(seed, shift):
    sample = planted(seed, 50)
    plain, moved = fit_zeropoint(sample), fit_zeropoint(replace(sample, ref_mag=sample.ref_mag + shift))
    np.testing.assert_allclose(values(moved), values(plain) + shift * np.eye(7)[0], rtol=0, atol=2e-5)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 50), order=st.integers(0, 10**6))
def test_the_order_of_the_stars_does_not_matter(seed, order):
    sample = planted(seed, 50)
    order = np.random.default_rng(order).permutation(50)
    plain, shuffled = fit_zeropoint(sample), fit_zeropoint(sample.select(order))
    np.testing.assert_allclose(values(shuffled), values(plain), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(shuffled.used, plain.used[order])


@settings(max_examples=5, deadline=None)
@given(factor=st.floats(0.1, 10))
def test_a_longer_exposure_of_the_same_rate_is_the_same_zeropoint(factor):
    """Ten times the counts in ten times the time; the same counts in ten times the time are 2.5 mag less."""
    sample = planted(7, 50)
    longer = replace(sample, flux=sample.flux * factor, fluxerr=sample.fluxerr * factor,
                     exptime_s=sample.exptime_s * factor)
    slower = replace(sample, exptime_s=sample.exptime_s * factor)
    plain = values(fit_zeropoint(sample))
    np.testing.assert_allclose(values(fit_zeropoint(longer)), plain, rtol=0, atol=2e-5)
    assert fit_zeropoint(slower).zp_mag == pytest.approx(plain[0] - 2.5 * np.log10(factor), abs=2e-5)


def test_the_sample_given_is_not_changed():
    sample = planted(8, 50)
    before = planted(8, 50)
    fit_zeropoint(sample)
    for key in ('flux', 'fluxerr', 'ref_mag', 'ref_error', 'colour'):
        np.testing.assert_array_equal(getattr(sample, key), getattr(before, key))


# --- too little to fit ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize('n', [0, 1, 9])
def test_fewer_than_ten_stars_are_too_few(n):
    with pytest.raises(FrameRejected, match=f'{n} usable stars of the 10 needed') as rejected:
        fit_zeropoint(planted(0, 50).select(slice(n)))
    assert rejected.value.reason is TOO_FEW_STARS


def test_ten_good_stars_are_enough():
    fit = fit_zeropoint(planted(1, 10, mags=(14.0, 16.0), scatter=0.0))
    assert fit.nstars == 10
    assert abs(fit.zp_mag - ZP) < 4 * fit.zperr_mag < 0.2


def test_ten_stars_of_which_most_are_noise_are_too_few():
    bright, faint = planted(0, 6, mags=(14.0, 15.0)), planted(0, 12, mags=(21.0, 21.5))
    with pytest.raises(FrameRejected) as rejected:
        fit_zeropoint(joined(bright, replace(faint, flux=np.abs(faint.flux))))
    assert rejected.value.reason is TOO_FEW_STARS


@pytest.mark.parametrize('seed', range(5))
def test_stars_that_do_not_agree_are_no_fit(seed):
    """Pairs that are not the same star: magnitudes that have nothing to do with the counts."""
    sample = planted(seed, 100)
    unrelated = np.random.default_rng(1000 + seed).uniform(14, 20, 100)
    with pytest.raises(FrameRejected) as rejected:
        fit_zeropoint(replace(sample, ref_mag=unrelated))
    assert rejected.value.reason in (FIT_NOT_CONVERGED, TOO_FEW_STARS)


def test_a_fit_that_did_not_converge_says_so():
    sample = planted(0, 100, mags=(14.0, 15.0))
    with pytest.raises(FrameRejected) as rejected:
        fit_zeropoint(replace(sample, ref_mag=sample.ref_mag + np.where(np.arange(100) % 2, 1.0, -1.0)))
    assert rejected.value.reason is FIT_NOT_CONVERGED


# --- too small a range of colours ----------------------------------------------------------------------------------


def test_a_colour_term_without_colours_is_held_at_its_usual_value():
    """All stars have g-i = 2: without the usual colour term, zp at the pivot would be off by it."""
    sample = planted(2, 80, colorterm=0.07, colours=(1.98, 2.02))
    held = fit_zeropoint(sample, usual_colorterm=(0.07, 0.01))
    assert held.colorterm_held
    assert held.colorterm == pytest.approx(0.07, abs=0.002)
    assert held.zp_mag == pytest.approx(ZP, abs=0.02)
    assert 0.01 <= held.zperr_mag < 0.03  # the error of the usual value, one magnitude of colour away
    without = fit_zeropoint(sample)
    assert (without.colorterm_held, without.colorterm) == (True, pytest.approx(0.0, abs=0.01))
    assert without.zp_mag == pytest.approx(ZP + 0.07, abs=0.02)
    assert abs(without.zp_mag - ZP) < 3 * without.zperr_mag


def test_a_colour_term_with_colours_is_not_held():
    fit = fit_zeropoint(planted(2, 80), usual_colorterm=(0.5, 0.001))
    assert not fit.colorterm_held
    assert fit.colorterm == pytest.approx(COLOUR_TERM, abs=0.01)


def test_stars_all_alike_still_give_a_zeropoint():
    one = planted(3, 1, mags=(15.0, 15.0), colours=(1.0, 1.0), scatter=0.0)
    fit = fit_zeropoint(one.select(np.zeros(20, int)))
    assert fit.colorterm_held
    assert np.isfinite(values(fit)).all()
    assert fit.zp_mag == pytest.approx(ZP, abs=0.05)
