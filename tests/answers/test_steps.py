"""Unrecorded steps: those that the fits found, over all filters of a telescope, with size and colour."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photzp.answers import steps
from tests.support.madefits import DAY, at_day, found_step, made_fit, step

DAYS = np.arange(200) + 0.3


def telescope(sizes, *, error=0.003, others=(), **changes):
    """Fits of filters that have a step of these sizes at day 100, and other steps."""
    return {name: made_fit(DAYS, np.full(200, 23.5), steps=(found_step(100, size, error, **changes), *others))
            for name, size in zip(('gp', 'rp', 'ip', 'zp'), sizes, strict=False)}


def test_a_step_is_as_the_fits_have_it():
    got, = steps.find_steps(telescope((-0.06, -0.06, -0.06), reach=1.5, log_evidence=21.5, nights=(31.0, 9.0)))
    assert (got.time, got.early, got.late) == (at_day(100), at_day(98.5), at_day(101.5))
    assert got.error_days == 1.5
    assert (got.llr, got.nights) == (21.5, (31.0, 9.0))
    assert got.filters == ('gp', 'ip', 'rp')
    assert got.joint_mag == pytest.approx(-0.06)
    assert got.joint_error_mag == pytest.approx(0.003)  # not less: the filters share what makes the error
    assert (got.colour, got.filter, got.dof) == ('grey', '', 2)


def test_the_joint_size_is_weighted_and_a_filter_that_is_hardly_used_hardly_counts():
    fits = telescope((-0.10, -0.12)) | {'zp': made_fit(DAYS[:3], np.full(3, 23.5), steps=[found_step(100, -0.3, 0.3)])}
    got, = steps.find_steps(fits)
    assert got.joint_mag == pytest.approx(-0.11, abs=1e-4)
    np.testing.assert_allclose(got.size_mag, [-0.10, -0.12, -0.3])
    np.testing.assert_allclose(got.error_mag, [0.003, 0.003, 0.3])


@pytest.mark.parametrize(('sizes', 'colour', 'only'), [
    ((-0.10, -0.10, -0.10), 'grey', ''), ((-0.25, -0.20, -0.15), 'coloured', ''), ((0.0, 0.1, 0.0), 'one filter', 'rp'),
    ((0.0, 0.012, 0.0), 'coloured', ''),  # 4 sigma of one filter: too little to name it
    ((-0.10,), 'unknown', '')])
def test_the_colour(sizes, colour, only):
    got, = steps.find_steps(telescope(sizes))
    assert (got.colour, got.filter) == (colour, only)
    if only:
        assert (got.joint_mag, got.joint_error_mag) == (pytest.approx(0.1), pytest.approx(0.003))


def test_what_is_recorded_or_of_a_camera_is_no_finding():
    others = (step(30, 'wash', 0.1), step(60, 'wash', 0.1, origin='moved', written=at_day(55)),
              step(150, 'instrument', 0.3, recorded=False, instrumental=True))
    got = steps.find_steps(telescope((-0.1, -0.1), others=others))
    assert [one.time for one in got] == [at_day(100)]


def test_steps_come_in_order_of_time():
    fits = telescope((-0.1, -0.1), others=(found_step(20, 0.2), found_step(150, -0.05)))
    assert [one.time for one in steps.find_steps(fits)] == [at_day(20), at_day(100), at_day(150)]


def test_a_filter_without_the_step_has_no_size():
    fits = telescope((-0.1, -0.1))
    fits['up'] = made_fit(DAYS, np.full(200, 23.5))
    got, = steps.find_steps(fits)
    assert got.filters == ('gp', 'rp', 'up')
    assert np.isnan(got.size_mag[2])
    assert got.dof == 1


def test_without_steps_or_nights_there_is_none():
    assert steps.find_steps({}) == ()
    assert steps.find_steps({'rp': made_fit([], [])}) == ()
    assert steps.find_steps({'rp': made_fit(DAYS, np.full(200, 23.5))}) == ()


@given(order=st.permutations(['gp', 'rp', 'ip', 'zp']))
def test_the_order_of_filters_does_not_matter(order):
    fits = telescope((-0.25, -0.20, -0.15, -0.12))
    one, other = (steps.find_steps(given)[0] for given in (fits, {name: fits[name] for name in order}))
    assert one.filters == other.filters
    assert one.time - other.time == 0 * DAY
    np.testing.assert_array_equal(one.size_mag, other.size_mag)
    assert (one.joint_mag, one.chi2, one.colour) == (other.joint_mag, other.chi2, other.colour)
