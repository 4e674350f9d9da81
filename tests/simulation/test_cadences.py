"""Cadences: how many frames, nights and filters each has."""

from collections import Counter

import numpy as np
import pytest

from simulation.cadences import (
    CADENCES,
    draw_airmass,
    draw_cadence,
    draw_counts,
    draw_filter_nights,
    draw_observed,
)
from simulation.fleet import YearsSpec
from tests.support.simulated import rng

SPEC = YearsSpec(years=8.0)


def test_each_cadence_occurs_and_the_usual_one_most_often():
    drawn = Counter(draw_cadence(SPEC, rng(seed)) for seed in range(300))
    assert set(drawn) == set(CADENCES)
    assert drawn.most_common(1)[0][0] == 'usual'
    assert sum(cadence.share for cadence in CADENCES.values()) == pytest.approx(1)


def test_a_cadence_can_be_named_and_one_that_is_not_is_refused():
    assert draw_cadence(YearsSpec(cadence='many'), rng()) == 'many'
    assert draw_cadence(YearsSpec(one_per_night=True), rng()) == 'single'
    with pytest.raises(ValueError, match='sometimes: cadences are mixed, usual'):
        draw_cadence(YearsSpec(cadence='sometimes'), rng())
    with pytest.raises(ValueError, match='many: one frame per night'):
        draw_cadence(YearsSpec(cadence='many', one_per_night=True), rng())


@pytest.mark.parametrize(('cadence', 'mean'), [('usual', 5.1), ('many', 17.7), ('single', 1.0), ('one-filter', 5.1)])
def test_nights_have_so_many_frames(cadence, mean):
    counts = draw_counts(cadence, 5000, rng())
    assert counts.mean() == pytest.approx(mean, rel=0.04)
    assert counts.min() == 1


@pytest.mark.parametrize(('cadence', 'low', 'high'), [('usual', 290, 330), ('forty-nights', 32, 46),
                                                      ('half-years', 210, 260)])
def test_years_have_so_many_nights(cadence, low, high):
    assert low < np.mean([draw_observed(cadence, SPEC, rng(seed)).sum() / 8 for seed in range(5)]) < high


def test_half_years_are_without_frames():
    gaps = np.diff(np.flatnonzero(draw_observed('half-years', SPEC, rng())))
    assert 3 <= np.count_nonzero(gaps >= 148) <= 4
    assert gaps.max() < 270


def test_one_filter_a_night_is_one():
    nights = draw_filter_nights('one-filter', SPEC, rng())
    assert (np.sum(list(nights.values()), axis=0) == 1).all()
    assert all(used.mean() == pytest.approx(0.25, abs=0.04) for used in nights.values())
    assert all(used.all() for used in draw_filter_nights('usual', SPEC, rng()).values())


def test_airmasses_are_confined_where_the_cadence_says_so():
    low, usual = draw_airmass('low-airmass', 2000, rng()), draw_airmass('usual', 2000, rng())
    assert (low.min(), low.max()) == (pytest.approx(1.1, abs=0.01), pytest.approx(1.4, abs=0.01))
    assert (usual.min(), usual.max()) == (pytest.approx(1.0, abs=0.01), pytest.approx(2.4, abs=0.1))
