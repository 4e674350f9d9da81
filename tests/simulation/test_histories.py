"""Histories of simulated telescopes: sizes, slopes, cameras and steps are as promised."""

import numpy as np
import pytest

from simulation.fleet import YearsSpec
from simulation.years import simulate
from tests.support.simulated import simulated_fleet


def test_truth_keeps_to_what_is_promised(written):
    _, _, truth = written
    for record in truth['telescopes'].values():
        for series in record['series'].values():
            slopes = [-piece['slope_mag_per_month'] for piece in series['pieces']]
            assert min(slopes) >= 0.002 - 1e-6
            assert max(slopes) <= 0.020 + 1e-6
            for step in series['steps']:
                low, high = {'cleaning': (0.018, 0.088), 'instrument': (0, 0)}.get(step['kind'], (0.09, 0.44))
                assert low <= abs(step['size']) <= high


def test_cameras_change_with_and_without_overlap():
    spec = YearsSpec(seed=4, telescopes=12, filters=('rp',), nights='ideal')
    kinds = set()
    for telescope, by_filter in simulate(spec):
        rows = by_filter['rp'][1]
        cameras = np.unique(rows['camera'])
        if len(cameras) == 2:
            first, second = (rows['night'][rows['camera'] == camera] for camera, *_ in telescope.cameras)
            recorded = any(event.kind == 'instrument' and event.recorded for event in telescope.events)
            kinds.add(('overlap' if first.max() >= second.min() else 'none', recorded))
    assert kinds == {('overlap', False), ('none', True), ('none', False)}


def test_unrecorded_steps_are_of_the_sizes_and_colours_that_were_asked_for():
    steps = [(event, series) for telescope, by_filter in simulated_fleet(unrecorded_mag=(0.05, 0.2)).values()
             for event in telescope.events if event.kind == 'unrecorded' for series, _ in by_filter.values()]
    assert {abs(event.size) for event, _ in steps} == {0.05, 0.2}
    assert {event.colour for event, _ in steps} == {'grey', 'mirror', 'gp', 'rp'}
    assert not any(event.recorded for event, _ in steps)
    factors = {'grey': (1.0, 1.0), 'mirror': (1.1, 1.0), 'gp': (1.0, 0.0), 'rp': (0.0, 1.0)}
    for event, series in steps:
        before, after = series.at(np.array([event.day - 1e-6, event.day + 1e-6]))
        factor = factors[event.colour][0 if series.filter == 'gp' else 1]
        assert after - before == pytest.approx(event.size * factor, abs=1e-6)


def test_dusty_seasons_have_steeper_slopes_and_no_steps_of_their_own():
    usual, dusty = simulated_fleet(), simulated_fleet(dust_factor=2.5)
    for name, (telescope, by_filter) in usual.items():
        for filter_name, (series, _) in by_filter.items():
            other = dusty[name][1][filter_name][0]
            for event in telescope.events:
                near = np.array([event.day - 1e-6, event.day + 1e-6])
                assert np.diff(other.at(near)) == pytest.approx(np.diff(series.at(near)), abs=1e-6)
            for first, last, factor in ((10, 20, 1.0), (125, 135, 2.5), (205, 206, 2.5), (215, 225, 1.0)):
                if not any(first <= event.day <= last for event in telescope.events):
                    days = np.array([first, last], float)
                    assert np.diff(other.at(days)) == pytest.approx(factor * np.diff(series.at(days)), rel=1e-6)
