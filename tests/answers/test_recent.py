"""Changes of medians: their errors are honest, and they depend on nothing but the change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photzp.answers import recent

NIGHTS = np.datetime64('2023-01-01', 'D') + np.arange(400)


def test_two_nights_are_no_week():
    assert recent.week_change(NIGHTS[[0, 1, 2, 3, 398, 399]], np.zeros(6)) is None
    assert recent.week_change(NIGHTS[:0], np.zeros(0)) is None


@pytest.mark.parametrize('seed', range(3))
def test_errors_of_changes_are_honest(seed):
    """Pulls of no change have a width of one, within what 300 trials and small samples allow."""
    random = np.random.default_rng(seed)
    changes = [recent._month_change(NIGHTS, random.normal(0, 0.02, len(NIGHTS))) for _ in range(300)]
    pulls = [change.value / change.error for change in changes]
    assert 0.8 < np.std(pulls) < 1.25


def test_one_camera_cannot_disagree():
    assert not list(recent._camera_drifts(NIGHTS, np.full(len(NIGHTS), 'fa15'), np.zeros(len(NIGHTS))))


@given(st.floats(-5, 5), st.permutations(range(60)))
def test_changes_know_neither_the_zeropoint_nor_the_order(shift, order):
    time = NIGHTS[:400:7][:60]
    value = np.sin(np.arange(len(time)) * 1.7)
    order = [index for index in order if index < len(time)]
    one = recent._month_change(time, value)
    other = recent._month_change(time[order], value[order] + shift)
    assert (one is None) == (other is None)
    if one is not None:
        assert other.value == pytest.approx(one.value, abs=1e-9)
        assert other.error == pytest.approx(one.error, abs=1e-9)
