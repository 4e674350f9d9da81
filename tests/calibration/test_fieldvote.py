"""Shift and rotation of a field are found against strangers, and nothing is found where there is nothing."""

import numpy as np
import pytest
from scipy.stats import poisson

from photzp.calibration.fieldvote import (
    MAX_ROTATION_DEG,
    MAX_SHIFT_ARCSEC,
    FieldVote,
    max_votes_by_chance,
    vote_for_field,
)
from photzp.calibration.starmatch import match_stars


def planted(seed, *, n=400, side_arcsec=1500.0, shift=(0.0, 0.0), rotation_deg=0.0, missing=0.3):
    """(sources, references), the brightest first: references turned about the centre and shifted, a share missing.

    The reference stars go five minutes of arc beyond the image on all sides.
    """
    rng = np.random.default_rng(seed)
    wide = side_arcsec / 2 + 300
    reference = rng.uniform(-wide, wide, (round(n * (2 * wide / side_arcsec) ** 2), 2))
    cos, sin = np.cos(np.radians(rotation_deg)), np.sin(np.radians(rotation_deg))
    east, north = reference.T
    source = np.stack([cos * east - sin * north, sin * east + cos * north], axis=-1) + shift
    source = source[rng.uniform(size=len(source)) > missing] + 0.0
    inside = np.all(np.abs(source) < side_arcsec / 2, axis=1)
    return source[inside] + rng.normal(0, 0.1, (np.count_nonzero(inside), 2)), reference


def error_arcsec(vote, shift, rotation_deg):
    """How far the vote puts points of the image from where they belong, at worst [arcsec]."""
    grid = np.array([(x, y) for x in (-700.0, 0.0, 700.0) for y in (-700.0, 0.0, 700.0)])
    angle = np.radians(rotation_deg)
    right = grid @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) + shift
    return np.hypot(*(vote.apply(grid) - right).T).max()


@pytest.mark.parametrize('n', [12, 40, 400, 6000])
@pytest.mark.parametrize(('shift', 'rotation_deg'), [
    ((0.0, 0.0), 0.3), ((120.0, -134.0), 0.0), ((-127.0, 127.0), 0.3), ((170.0, 60.0), -0.3), ((0.0, 0.0), 0.0),
])  # fmt: skip
def test_shift_and_rotation_are_found(n, shift, rotation_deg):
    vote = vote_for_field(*planted(1, n=n, shift=shift, rotation_deg=rotation_deg))
    assert vote.rotation_deg == pytest.approx(rotation_deg, abs=0.02)
    assert error_arcsec(vote, shift, rotation_deg) < 0.5


@pytest.mark.parametrize('n', [12, 100, 2000])
def test_strangers_elect_nothing(n):
    elected = [vote_for_field(planted(seed, n=n)[0], planted(seed + 100, n=n)[1]) for seed in range(12)]
    assert elected == [None] * 12


def test_what_is_farther_than_the_limits_is_not_found():
    assert MAX_SHIFT_ARCSEC < 700
    assert vote_for_field(*planted(2, n=100, shift=(700.0, 0.0))) is None
    assert vote_for_field(*planted(2, n=100, rotation_deg=3 * MAX_ROTATION_DEG)) is None


def test_a_quarter_of_a_turn_takes_east_to_north():
    turn = FieldVote(90.0, np.zeros(2), np.zeros(2), 9)
    np.testing.assert_allclose(turn.apply(np.array([[1.0, 0.0], [0.0, 1.0]])), [[0, 1], [-1, 0]], atol=1e-12)
    turn_and_shift = FieldVote(90.0, np.array([10.0, 0.0]), np.array([1.0, 1.0]), 9)
    np.testing.assert_allclose(turn_and_shift.apply(np.array([[2.0, 1.0]])), [[11.0, 2.0]], atol=1e-12)


@pytest.mark.parametrize('n', [40, 400, 6000])
def test_stars_of_a_turned_and_shifted_field_are_matched(n):
    """The whole way: what was removed is recorded, and every partner is the right one."""
    shift, rotation_deg = (-127.0, 127.0), 0.3
    source, reference = planted(3, n=n, shift=shift, rotation_deg=rotation_deg)
    matches = match_stars(source, np.linspace(2, 1, len(source)), reference, np.linspace(15, 20, len(reference)))
    assert matches.offset_arcsec == pytest.approx(shift, abs=1)
    assert matches.rotation_deg == pytest.approx(rotation_deg, abs=0.01)
    assert matches.share > 0.95
    assert not matches.doubtful
    assert len(matches) > 0.98 * len(source)
    assert np.median(matches.separation_arcsec) < 0.2


def test_a_field_that_is_right_needs_no_vote(monkeypatch):
    def never(*_):
        raise AssertionError('asked for a vote')

    monkeypatch.setattr('photzp.calibration.starmatch.vote_for_field', never)
    source, reference = planted(4, shift=(1.0, -2.0))
    matches = match_stars(source, np.linspace(2, 1, len(source)), reference, np.linspace(15, 20, len(reference)))
    assert matches.share > 0.95
    assert abs(matches.rotation_deg) < 0.01


def test_positions_that_are_no_numbers_do_no_harm():
    source, reference = np.full((20, 2), np.nan), np.random.default_rng(0).uniform(0, 900, (50, 2))
    assert len(match_stars(source, np.ones(20), reference, np.ones(50))) == 0
    assert len(match_stars(reference[:20], np.ones(20), np.full((50, 2), np.nan), np.ones(50))) == 0


@pytest.mark.parametrize('mean', [0.0, 1e-9, 0.02, 0.7, 3.0, 55.5, 900.0])
@pytest.mark.parametrize('false_alarm', [0.3, 1e-4, 1e-8, 1e-14])
def test_the_votes_that_chance_gives_are_those_of_poissons_distribution(mean, false_alarm):
    assert max_votes_by_chance(mean, false_alarm) == max(poisson.isf(false_alarm, mean), 0)
