"""The first guess of levels: planted lines and steps under many clouds."""

import numpy as np
import pytest

from photzp.throughput.envelope import JUMP_MAG, align_filters, best_path
from photzp.throughput.nightsky import MISSING

NIGHTS = 400
DAY = np.arange(NIGHTS, dtype=float)
VARIANCE = np.full(NIGHTS, 0.003**2)


def nights(level, *, clear=0.4, seed=1, noise=0.01):
    """One value a night: a level with the noise of nights, under clouds by an exponential law of 0.3 mag."""
    rng = np.random.default_rng(seed)
    share = np.broadcast_to(clear, NIGHTS)
    cloud = np.where(rng.random(NIGHTS) < share, 0, rng.exponential(0.3, NIGHTS))
    return level + rng.normal(0, noise, NIGHTS) - cloud


def path_of(value, events=None):
    return best_path(value, VARIANCE, DAY, np.zeros(NIGHTS, bool) if events is None else events)


def jumps(path):
    return np.flatnonzero(np.abs(np.diff(path)) > JUMP_MAG) + 1


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('slope', [0.0, -0.010, -0.025])  # mag a month
def test_a_line_under_60_percent_of_clouds(slope, seed):
    level = 23.5 + slope * DAY / 30.44
    path = path_of(nights(level, seed=seed))
    assert np.sqrt(np.mean((path - level)**2)) < 0.015
    assert len(jumps(path)) <= (slope < -0.02)  # so steep a decline may look like stairs at first


@pytest.mark.parametrize('size', [0.3, 0.12, -0.12, -0.3])
@pytest.mark.parametrize('seed', range(3))
def test_a_step_under_60_percent_of_clouds(size, seed):
    level = 23.5 - 0.01 * DAY / 30.44 + size * (DAY > 220.5)
    path = path_of(nights(level, seed=seed))
    assert np.sqrt(np.mean((path - level)[np.abs(DAY - 220) > 15]**2)) < 0.012
    (night,) = jumps(path)
    assert abs(night - 221) <= 8


@pytest.mark.parametrize('seed', range(3))
def test_a_small_step_where_an_event_is_recorded(seed):
    # 60 mmag: a jump within two weeks of an event is cheap, so the levels on either side of these are right.
    level = 23.5 + 0.06 * (DAY > 220.5)
    path = path_of(nights(level, seed=seed), np.abs(DAY - 220) < 14)
    assert np.sqrt(np.mean((path - level)[np.abs(DAY - 220) > 20]**2)) < 0.012
    assert np.all(np.abs(jumps(path) - 220) < 15)


@pytest.mark.parametrize('seed', range(4))
def test_a_season_of_clouds_does_not_take_the_level_down(seed):
    # A hundred nights of which one in twenty is clear; their median is dimmed by 0.2 mag.
    level = 23.5 - 0.01 * DAY / 30.44
    wet = (DAY >= 150) & (DAY < 250)
    path = path_of(nights(level, clear=np.where(wet, 0.05, 0.6), seed=seed))
    assert np.abs(path - level)[wet].max() < 0.08
    assert np.abs(path - level)[np.abs(DAY - 200) > 70].max() < 0.035


def test_a_last_month_of_clouds_does_not_take_the_level_down():
    level = np.full(NIGHTS, 23.5)
    path = path_of(nights(level, clear=np.where(DAY < 370, 0.6, 0.0)))
    assert path[-30:] == pytest.approx(level[-30:], abs=0.025)


def test_a_few_nights_far_above_are_not_the_level():
    value = nights(np.full(NIGHTS, 23.5))
    value[[50, 51, 200]] += 0.8
    assert path_of(value) == pytest.approx(np.full(NIGHTS, 23.5), abs=0.025)


@pytest.mark.parametrize('count', [1, 2, 3])
def test_a_handful_of_nights_has_a_path(count):
    path = best_path(23.5 + 0.01 * np.arange(count), VARIANCE[:count], DAY[:count], np.zeros(count, bool))
    assert path == pytest.approx(np.full(count, 23.5), abs=0.05)


# --- filters

def pair(difference, seed=1):
    """Two filters under the same clouds, the second one fainter and missing in half of the nights."""
    rng = np.random.default_rng(seed)
    value = np.stack([np.zeros(NIGHTS), difference], axis=1) + nights(23.5)[:, None] + rng.normal(0, 0.01, (NIGHTS, 2))
    variance = np.full((NIGHTS, 2), 0.003**2)
    variance[::2, 1] = MISSING
    return np.where(variance < MISSING, value, 0.0), variance


def test_the_difference_of_filters_follows_a_slow_change_under_clouds():
    difference = -1.2 - 0.05 * DAY / NIGHTS
    shift = align_filters(*pair(difference), np.zeros(NIGHTS, int))
    assert shift[:, 0].tolist() == [0] * NIGHTS
    assert shift[:, 1] == pytest.approx(difference, abs=0.012)


def test_the_difference_of_filters_may_change_with_a_camera_at_once():
    difference = np.where(DAY < 200, -1.2, -0.9)
    shift = align_filters(*pair(difference), (DAY >= 200).astype(int))
    assert shift[:, 1] == pytest.approx(difference, abs=0.012)


def test_filters_that_share_no_night_are_aligned_by_their_bright_nights():
    value, variance = pair(np.full(NIGHTS, -1.2))
    variance[1::2, 0] = MISSING
    shift = align_filters(value, variance, np.zeros(NIGHTS, int))
    assert shift[:, 1] == pytest.approx(np.full(NIGHTS, -1.2), abs=0.04)


def test_a_filter_without_any_value_is_aligned_by_nothing():
    value, variance = pair(np.full(NIGHTS, -1.2))
    variance[:, 1] = MISSING
    assert np.isfinite(align_filters(value, variance, np.zeros(NIGHTS, int))).all()
