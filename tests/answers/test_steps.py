"""Unrecorded steps: planted ones are found with date, size and colour, and weather, slopes and events are none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photzp.answers import steps
from tests.support.madefits import DAY, START, at_day, interval, made_fit, sky, step

SLOPE = -0.010 / 30.4375


def telescope(seed=1, sizes=(-0.06, -0.06), at=100.2, shift=0.0, level=23.5, **options):
    """Fits of filters in which the level changes by `sizes` at a day, under a common sky."""
    day, cloud = sky(seed)
    rng = np.random.default_rng(seed + 100)
    fits = {}
    for name, size in zip(('gp', 'rp', 'ip'), sizes, strict=False):
        y = level + shift + SLOPE * day + size * (day > at) - cloud * rng.gamma(16, 1 / 16, len(day))
        y += rng.normal(0, 0.009, len(day))
        fits[name] = made_fit(day, y, level=level + shift, clear=cloud < 0.02, **options)
    return fits


@pytest.mark.parametrize('seed', [1, 2, 3])
@pytest.mark.parametrize('size', [-0.06, 0.06])
def test_a_grey_step_is_found_with_its_date_and_size(seed, size):
    (got,) = steps.find_steps(telescope(seed, (size, size, size)))
    assert abs(got.time - at_day(100.2)) < 7 * DAY
    assert got.early <= got.time <= got.late
    assert abs(got.joint_mag - size) < 4 * got.joint_error_mag
    assert got.joint_error_mag < 0.005
    assert np.all(np.abs(got.size_mag - size) < 4 * got.error_mag)
    assert got.colour == 'grey'
    assert got.filters == ('gp', 'ip', 'rp')


def test_a_step_of_one_filter_names_it():
    (got,) = steps.find_steps(telescope(4, (0.0, 0.1, 0.0)))
    assert (got.colour, got.filter) == ('one filter', 'rp')
    assert got.joint_mag == pytest.approx(0.1, abs=4 * got.joint_error_mag)


def test_a_step_by_colour():
    (got,) = steps.find_steps(telescope(5, (-0.25, -0.2, -0.15)))
    assert got.colour == 'coloured'
    assert got.chi2 > 20


def test_of_one_filter_alone_the_colour_is_unknown():
    (got,) = steps.find_steps(telescope(6, (-0.1,)))
    assert (got.colour, got.dof) == ('unknown', 0)


@pytest.mark.parametrize('seed', range(10, 16))
def test_without_a_step_none_is_found(seed):
    assert steps.find_steps(telescope(seed, (0.0, 0.0))) == ()
    assert steps.find_steps({}) == ()


@pytest.mark.parametrize('n', [1, 2, 17])
def test_of_few_nights_there_is_none(n):
    day = np.arange(n) + 0.3
    assert steps.find_steps({'rp': made_fit(day, 23.5 + 0.1 * (day > n / 2), clear=np.ones(n, bool))}) == ()


def test_a_season_without_a_clear_night_is_no_step():
    day, cloud = sky(7)
    rng = np.random.default_rng(7)
    cloud[day > 150] = rng.exponential(0.3, np.count_nonzero(day > 150))
    y = 23.5 - cloud
    fits = {name: made_fit(day, y + rng.normal(0, 0.009, len(day)), clear=cloud == 0) for name in ('gp', 'rp')}
    assert steps.find_steps(fits) == ()


def test_a_change_of_slope_is_no_step():
    day, cloud = sky(8)
    rng = np.random.default_rng(8)
    y = 23.5 - np.maximum(day - 100, 0) * 0.04 / 30.4375 - cloud
    fits = {name: made_fit(day, y + rng.normal(0, 0.009, len(day)), clear=cloud == 0) for name in ('gp', 'rp')}
    assert steps.find_steps(fits) == ()


def test_what_an_event_explains_is_no_finding_but_a_jump_of_the_fit_is():
    wash = telescope(9, (0.2, 0.2), at=100.0, intervals=[interval(0, 100), interval(100, 200, 'wash')],
                     steps=[step(100, 'wash', 0.2)])
    assert steps.find_steps(wash) == ()
    jump = telescope(9, (0.2, 0.2), at=100.0, intervals=[interval(0, 100), interval(100, 200, 'jump')],
                     steps=[step(100, 'break', 0.2, recorded=False)])
    assert len(steps.find_steps(jump)) == 1


def test_a_gap_is_the_uncertainty_of_the_date():
    fits = {name: _without(fit, 90, 120) for name, fit in telescope(11, (-0.2, -0.2), at=100.0).items()}
    (got,) = steps.find_steps(fits)
    gap = np.ptp([(time - START) / DAY for time in (got.early, got.late)])
    assert gap == pytest.approx(0.683 * 30, abs=3)
    assert got.error_days == pytest.approx(gap / 2)


def _without(fit, first, last):
    day = (fit.time - START) / DAY
    keep = (day < first) | (day > last)
    return made_fit(day[keep], (fit.model_mag + fit.night_residual_mag)[keep], clear=fit.photometric[keep])


def test_quantiles_of_a_date_are_even_within_a_gap():
    day = np.array([0.0, 1.0, 11.0, 12.0])
    quantiles = steps._posterior_quantiles(day, np.array([1, 2, 3]), np.array([-50.0, 0.0, -50.0]))
    np.testing.assert_allclose(quantiles, [2.585, 6.0, 9.415], atol=1e-6)


def test_noise_that_filters_share_is_seen():
    rng = np.random.default_rng(3)
    common, own = rng.normal(0, 0.02, 4000), rng.normal(0, 0.02, (2, 4000))
    error = np.full((2, 4000), 0.01)
    _, rho = steps._night_noise(own, error, np.ones(4000))
    assert rho == pytest.approx(0.0, abs=0.06)
    noise, rho = steps._night_noise(common + own, error, np.ones(4000))
    np.testing.assert_allclose(noise, np.sqrt(2 * 0.02**2 - 0.01**2), rtol=0.06)
    assert rho == pytest.approx(0.5, abs=0.06)


@settings(max_examples=8, deadline=None)
@given(shift=st.floats(-3, 3))
def test_a_shift_of_all_zeropoints_changes_nothing(shift):
    (before,), (after,) = (steps.find_steps(telescope(12, shift=one)) for one in (0.0, shift))
    assert abs(after.time - before.time) <= np.timedelta64(60_000, 'ms')
    np.testing.assert_allclose(after.size_mag, before.size_mag, atol=1e-6)
    assert after.llr == pytest.approx(before.llr, abs=1e-3)


def test_the_order_of_filters_does_not_matter():
    fits = telescope(13, (-0.06, -0.06, -0.06))
    turned = dict(reversed(fits.items()))
    assert [got.llr for got in steps.find_steps(fits)] == [got.llr for got in steps.find_steps(turned)]
