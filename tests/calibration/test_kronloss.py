"""The forms of the Kron loss, and their average, against numbers worked by hand and planted losses."""

import numpy as np
import pytest

from photzp.calibration.kronloss import KRON_SNR, LossForm, average_over_forms, loss_forms


def test_forms_are_one_at_their_signal_to_noise_and_fade_to_nothing():
    snr = np.array([KRON_SNR, 100.0, 1e3, 1e6])
    for form in loss_forms(snr):
        assert form.values[0] == pytest.approx(1.0)
        assert np.all(np.diff(form.values) <= 0)
        assert 0 <= form.values[-1] < 0.01


def test_the_usual_form_is_halved_by_four_times_the_signal():
    forms = loss_forms(np.array([25.0, 100.0, 400.0]))
    np.testing.assert_allclose(max(forms, key=lambda form: form.weight).values, [1, 0.5, 0.25])


def planted(loss, *, n=400, seed=0, snrs=(15.0, 800.0)):
    """design, data, weight of stars with zp 0.3 and noise 1/(S/N), 10 mmag at least, after a loss (function of S/N)."""
    rng = np.random.default_rng(seed)
    snr = np.exp(rng.uniform(*np.log(snrs), n))
    noise = np.hypot(1 / snr, 0.01)
    return snr, np.ones((n, 1)), 0.3 - loss(snr) + rng.normal(0, noise), noise**-2


@pytest.mark.parametrize('loss', [
    lambda snr: 0.35 / np.sqrt(snr), lambda snr: 2.3 / snr, lambda snr: np.zeros_like(snr),
    lambda snr: 0.03 * np.maximum(np.log(1000 / snr), 0),
], ids=['root', 'inverse', 'none', 'logarithm'])  # fmt: skip
def test_planted_losses_are_recovered_within_the_error(loss):
    pulls = []
    for seed in range(20):
        snr, *linear = planted(loss, seed=seed)
        found = average_over_forms(*linear, loss_forms(snr))
        assert found.probability.sum() == pytest.approx(1)
        pulls.append((found.mean[0] - 0.3) / np.sqrt(found.covariance[0, 0]))
    assert np.abs(pulls).max() < 4
    assert abs(np.mean(pulls)) < 1.5


def test_a_frame_that_cannot_tell_says_so():
    """Faint stars alone, whose mean is good to 2 mmag: the error holds the spread of the loss, 0.025 mag at S/N 25."""
    snr, *linear = planted(lambda snr: 0.35 / np.sqrt(snr), n=300, snrs=(22.0, 28.0))
    found = average_over_forms(*linear, loss_forms(snr))
    assert 0.02 < np.sqrt(found.covariance[0, 0]) < 0.06


def test_one_form_is_a_plain_fit_with_a_prior():
    """Two stars of weight 1, one without loss and one with L = B; prior B = 0 +- 1: normal matrix and solution by hand.

    [[2, -1], [-1, 2]] (zp, B) = (0 + 3, -3)  gives  zp = 1, B = -1.
    """
    form = LossForm(np.array([0.0, 1.0]), (0.0, 1.0), 1.0)
    found = average_over_forms(np.ones((2, 1)), np.array([0.0, 3.0]), np.ones(2), [form])
    assert found.mean[0] == pytest.approx(1.0)
    assert found.b_mag[0] == pytest.approx(-1.0)
    assert found.covariance[0, 0] == pytest.approx(2 / 3)
