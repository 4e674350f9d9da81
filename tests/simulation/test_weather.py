"""The air over sites: rms, colour, memory and season of extinction, and shares of clear nights, by the numbers of its
docstring."""

import numpy as np
import pytest

from simulation.fleet import YearsSpec
from simulation.spec import EXTINCTION
from simulation.weather import CLEAR, EVEN, HALF, draw_site_weather, remembering
from tests.support.simulated import rng


def weather(site='lsc', seed=1, years=20.0, **options):
    return draw_site_weather(site, YearsSpec(seed=seed, years=years, **options), rng(seed))


def swing(site, seed):
    """Amplitude of the yearly swing relative to k, as it is on 1 January."""
    air = weather(site, seed)
    year = np.exp(2j * np.pi * np.arange(len(air.kind)) / 365.25)
    return 2 * np.mean(air.excess['gp'] * year).real / air.extinction['gp']


def test_a_process_that_forgets_has_variance_1_and_its_time():
    values = remembering(100_000, 10.0, rng())
    assert values.std() == pytest.approx(1, abs=0.05)
    assert np.corrcoef(values[:-10], values[10:])[0, 1] == pytest.approx(np.exp(-1), abs=0.05)


def test_extinction_of_the_night_is_bluer_than_grey_and_forgotten_in_days():
    of_nights = {name: [] for name in EXTINCTION}
    for seed in range(6):
        excess = weather(seed=seed, extinction_swing=1e-9).excess
        for name, values in excess.items():
            of_nights[name].append(values[7:] - np.mean([values[k:len(values) - 7 + k] for k in range(7)], axis=0))
            assert abs(values.mean()) < 1e-12
    size = {name: np.std(values) for name, values in of_nights.items() if values}
    assert size['gp'] / size['rp'] == pytest.approx((0.48 / 0.62) ** -1.3, rel=0.01)
    assert size['zp'] / size['rp'] == pytest.approx((0.87 / 0.62) ** -1.3, rel=0.01)
    quiet = [np.percentile(np.abs(weather(seed=seed, extinction_swing=1e-9).excess['rp']), 50) for seed in range(8)]
    assert np.median(quiet) == pytest.approx(0.6745 * 0.008, rel=0.3)  # haze shifts the median a little
    values = weather(extinction_swing=1e-9).excess['rp']
    steps = [np.median(np.abs(values[lag:] - values[:-lag])) for lag in (1, 12)]
    assert steps[0] / steps[1] == pytest.approx(np.sqrt(1 - np.exp(-0.25)) / np.sqrt(1 - np.exp(-3)), rel=0.15)


@pytest.mark.parametrize(('site', 'sign'), [('lsc', 1), ('coj', 1), ('cpt', 1), ('elp', -1), ('ogg', -1), ('tfn', -1)])
def test_extinction_is_highest_in_summer(site, sign):
    found = [sign * swing(site, seed) for seed in range(4)]
    assert min(found) > 0.05
    assert max(found) < 0.30


def test_shares_and_depths_of_clouds_are_as_planted():
    air = weather(wet=False, photometric=0.6)
    cloudy = air.kind != CLEAR
    assert 1 - cloudy.mean() == pytest.approx(0.6, abs=0.03)
    assert np.mean(air.kind[cloudy] == EVEN) == pytest.approx(1 / 3, abs=0.04)
    assert np.mean(air.kind[cloudy] == HALF) == pytest.approx(1 / 4, abs=0.04)
    assert np.median(air.depth[cloudy]) == pytest.approx(0.08, rel=0.1)
    assert 0.005 < np.mean(air.depth[cloudy] < 0.01) < 0.04
    assert (air.depth[~cloudy] == 0).all()


def test_wet_seasons_have_a_hundred_days_with_few_clear_nights():
    air = weather(wet=True)
    starts = np.flatnonzero(air.wet & ~np.append(False, air.wet[:-1]))
    assert 18 <= len(starts) <= 20
    for first in starts[:-1]:
        clear = air.kind[first:first + 100] == CLEAR
        assert air.wet[first:first + 100].all()
        assert 0.04 <= clear.mean() <= 0.10
    assert not weather(wet=False).wet.any()
    assert 0 < np.mean([weather(seed=seed).wet.mean() for seed in range(10)]) < 0.15


def test_even_nights_dim_all_frames_alike_and_half_nights_half_of_them():
    air = weather(veil=False)
    hours = np.linspace(0.2, 0.8, 40)
    for kind, low, high in ((CLEAR, 1, 1), (EVEN, 0, 0), (HALF, 0.25, 0.75)):
        night = np.flatnonzero(air.kind == kind)[3]
        dimming = air.draw_dimming(np.full(40, night), night + hours, rng())
        assert low <= np.mean(dimming == 0) <= high
        if kind == EVEN:
            assert np.ptp(dimming) == 0
        if kind == HALF:
            assert np.count_nonzero(np.diff(dimming == 0)) == 1


def test_a_veil_lies_over_the_site_for_weeks():
    air = weather(veil=True)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], air.veil > 0, [0]]).astype(int)))
    lengths = edges[1::2] - edges[::2]
    assert np.median(lengths) == pytest.approx(24.5, abs=6)
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        assert 0.015 < np.median(air.veil[first:last]) < 0.13
    night = int(edges[0])
    dimming = air.draw_dimming(np.full(9, night), night + np.linspace(0.3, 0.7, 9), rng())
    assert dimming.min() >= air.veil[night]
    assert not weather(veil=False).veil.any()
