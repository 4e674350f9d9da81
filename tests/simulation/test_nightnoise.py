"""Noise of nights: rms, correlation between filters and nights, and tails, by the numbers of its docstring."""

import numpy as np
import pytest

from simulation.fleet import YearsSpec
from simulation.nightnoise import draw_night_noise
from tests.support.simulated import rng


@pytest.fixture(scope='module')
def noises():
    """Of twenty telescopes over 20 years."""
    return [draw_night_noise(YearsSpec(years=20.0), rng(seed)) for seed in range(20)]


def test_nights_scatter_by_what_is_said(noises):
    for noise in noises:
        for name, values in noise.of_nights.items():
            assert np.std(values) == pytest.approx(noise.rms[name], rel=0.15)
    rms = {name: np.array([noise.rms[name] for noise in noises]) for name in noises[0].rms}
    grey_and_lasting = np.hypot(0.008, 0.004)
    assert rms['rp'].mean() == pytest.approx(np.hypot(grey_and_lasting, 0.0075), rel=0.1)
    assert rms['zp'].mean() == pytest.approx(np.sqrt(0.008**2 + 0.020**2 + 0.012**2), rel=0.1)
    assert rms['rp'].min() > np.hypot(0.006, 0.005)
    assert rms['rp'].max() < np.hypot(0.010, np.hypot(0.010, 0.004)) + 1e-6


def test_filters_share_the_grey_part(noises):
    shared = [np.corrcoef(noise.of_nights['gp'], noise.of_nights['rp'])[0, 1] for noise in noises]
    expected = (0.008**2 + 0.004**2 / 2) / (0.008**2 + 0.0075**2 + 0.004**2)
    assert np.mean(shared) == pytest.approx(expected, abs=0.06)


def test_a_part_lasts_for_weeks(noises):
    """Nights two weeks apart share the lasting part, a little forgotten, and flat fields."""
    covariance = {name: np.mean([np.mean(noise.of_nights[name][14:] * noise.of_nights[name][:-14])
                                 for noise in noises]) for name in ('rp', 'zp')}
    time = np.linspace(5, 40, 1000)
    kept = np.mean(np.exp(-14 / time))
    flats = 0.005**2 * 1.5 / 365.25 * np.mean(np.clip(np.arange(14, 61) - 14, 0, None))
    assert covariance['rp'] == pytest.approx(0.004**2 * kept + flats, rel=0.4)
    assert covariance['zp'] == pytest.approx(0.012**2 * kept + flats, rel=0.4)


def test_tails_are_heavier_than_those_of_a_gaussian(noises):
    values = np.concatenate([noise.of_nights['ip'] / np.std(noise.of_nights['ip']) for noise in noises])
    assert np.mean(np.abs(values) > 4) > 10 * 6.3e-5  # a Gaussian has 6.3e-5 beyond 4 sigma


def test_the_grey_part_can_be_named():
    noise = draw_night_noise(YearsSpec(night_noise_mag=0.03), rng())
    assert noise.rms['rp'] == pytest.approx(0.031, abs=0.001)
