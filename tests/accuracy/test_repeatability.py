"""94 real frames of one field: zeropoints repeat as well as their errors say.

The data come with the source distribution of stellarphot 2.1.2, which `make accuracy` fetches into a cache; without it
these tests are skipped.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.accuracy import repeatability
from photzp.calibration.zeropoint import StarSample
from photzp.robust import robust_spread


@pytest.fixture(scope='module')
def field():
    path = repeatability.cached_sdist()
    if not path.is_file():
        pytest.skip(f'{path} is not there: make accuracy fetches it')
    return repeatability.read_field(path)


@pytest.fixture(scope='module')
def results(field):
    return repeatability.repeatability(field)


def test_every_frame_has_a_zeropoint_from_all_stars_in_the_catalogue(field, results):
    assert len(field.airmass) == 94
    found = results['catalogue magnitudes']
    assert np.isfinite(found.zp).all()
    assert found.nstars.min() >= 18
    # The second-brightest star on the first frame by hand: 415035 ADU in 90 s, 1.5 electrons each; PS1 r 11.294 and g-i
    # 0.470, so SDSS r 11.324 and g-i 0.558.  It scatters about the fit of all by 0.03 mag or so.
    by_hand = 11.324 + 2.5 * np.log10(415035 * 1.5 / 90)
    assert found.zp[0] + found.colorterm[0] * (0.558 - 1) == pytest.approx(by_hand, abs=0.06)


def test_extinction_is_that_of_a_clear_night(results):
    """R at a site 311 m high: 0.08 to 0.15 mag per airmass, clear sky."""
    for found in results.values():
        assert 0.08 < found.k < 0.15
        assert 0 < found.k_error < 0.03


def test_zeropoints_repeat_as_their_errors_say(results):
    found = results['magnitudes from the frames']
    assert robust_spread(found.residual) < 0.012
    # Below 1: the doubt about the loss of light is in zperr, and is the same in all frames.
    assert 0.5 < robust_spread(found.residual / found.zperr) < 1.2


def test_catalogue_errors_are_in_zperr_and_not_in_the_scatter(results):
    with_them, without = results.values()
    assert robust_spread(with_them.residual / with_them.zperr) < 0.8
    assert np.median(with_them.zperr) > 1.2 * np.median(without.zperr)


def test_halves_of_the_stars_agree_within_their_errors(field, monkeypatch):
    monkeypatch.setattr(repeatability, 'HALVES', 80)
    pulls, _ = repeatability.halves(field, np.random.default_rng(3))
    assert len(pulls) > 20
    assert 0.5 < robust_spread(pulls) < 1.2  # both halves hold the same doubt about the loss of light


# --- the statistics of it, on planted numbers


def test_a_robust_line_by_hand():
    rng = np.random.default_rng(2)
    x = np.linspace(1, 1.4, 100)
    y = 20 - 0.12 * x + rng.normal(0, 0.005, 100)
    y[::10] -= 0.3  # clouds
    slope, error, residual = repeatability.about_line(x, y)
    assert abs(slope + 0.12) < 3 * error < 0.02
    assert robust_spread(residual) == pytest.approx(0.005, rel=0.4)


def test_what_all_frames_share_is_taken_out():
    """Three stars, wrong in the catalogue by +0.02, 0 and -0.05 mag, on 40 frames with noise of their own."""
    rng = np.random.default_rng(4)
    wrong = np.array([0.02, 0.0, -0.05])
    sample = StarSample(flux=np.ones(3), fluxerr=np.ones(3), ref_mag=np.full(3, 15.0) + wrong,
                        ref_error=np.full(3, 0.01), colour=np.ones(3), exptime_s=90.0)
    samples = [sample] * 40
    fits = [SimpleNamespace(residual_mag=wrong + rng.normal(0, 0.004, 3)) for _ in samples]
    numbers = [np.array([7, 8, 9])] * 40
    corrected = repeatability.self_calibrated(samples, numbers, fits)
    np.testing.assert_allclose(corrected[5].ref_mag, 15.0, atol=0.003)
    np.testing.assert_allclose(corrected[5].ref_error, 1.25 * 0.004 / np.sqrt(40), rtol=0.5)
