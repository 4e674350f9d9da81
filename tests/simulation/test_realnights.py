"""Real nights as a whole: rows add up from truth, level and noise are apart, and telescopes keep their draws."""

import numpy as np
import pytest

from simulation.fleet import YearsSpec
from simulation.realnights import simulate_real
from simulation.spec import SITES


@pytest.fixture(scope='module')
def fleet():
    """Eight telescopes of three years."""
    return list(simulate_real(YearsSpec(seed=6, telescopes=8, years=3.0)))


def offset_of(series, rows):
    keys = zip(rows['camera'].tolist(), rows['filter'].tolist(), rows['old'].tolist(), strict=True)
    return np.array([series.offsets[key] for key in keys])


def test_clear_rows_are_level_extinction_and_noise(fleet):
    for telescope, by_filter in fleet:
        for series, rows in by_filter.values():
            day = rows['day'] + telescope.longitude_deg / 360 - 0.5
            expected = series.at(day) + offset_of(series, rows) - series.extinction * (rows['airmass'] - 1)
            rest = rows['zp'] - expected - rows['noise'] + rows['dimming']
            good = rows['clear'] & np.isfinite(rest)
            assert np.std(rest[good]) == pytest.approx(0.020, rel=0.1)  # the error of frames
            assert abs(np.mean(rest[good])) < 4 * 0.02 / np.sqrt(good.sum())
            usable = np.isfinite(rest) & (rows['zpsig'] < 0.5) & (rows['airmass'] < 3) & (rows['airmass'] > 0.9)
            assert 1.4826 * np.median(np.abs(rest[usable])) == pytest.approx(0.020, rel=0.1)


def test_the_level_has_nothing_of_the_noise(fleet):
    """Between steps, storms and rain it is smooth to a tenth of a mmag."""
    for _, by_filter in fleet:
        for series, rows in by_filter.values():
            daily = series.at(np.arange(0, 1096) + 0.5)
            bends = np.abs(np.diff(daily, 2))
            assert np.quantile(bends, 0.9) < 1e-4
            good = np.isfinite(rows['airmass'])
            assert 0.010 < np.std(rows['noise'][good & (rows['airmass'] < 3)]) < 0.06
            assert abs(np.mean(rows['noise'])) < 0.03


def test_extinction_of_the_night_dims_by_the_whole_airmass(fleet):
    """Frames of a night at airmasses 1 and 2 differ by k + dk, and dk is that of the site."""
    slopes = {}
    for telescope, by_filter in fleet:
        if telescope.cadence not in ('usual', 'many', 'in-turn'):
            continue
        _, rows = by_filter['gp']
        for night in np.unique(rows['night']).tolist():
            here = (rows['night'] == night) & np.isfinite(rows['airmass']) & (rows['airmass'] < 3)
            here &= rows['airmass'] > 0.9
            if here.sum() > 3 and np.ptp(rows['airmass'][here]) > 0.8:
                slopes.setdefault((telescope.site, night), []).append(
                    -np.polyfit(rows['airmass'][here], rows['noise'][here], 1)[0])
    pairs = np.array([values[:2] for values in slopes.values() if len(values) > 1])
    assert len(pairs) > 50
    assert np.corrcoef(pairs.T)[0, 1] > 0.5


def test_few_telescopes_are_of_sites_with_three_two_and_one(fleet):
    count = {site: sum(telescope.site == site for telescope, _ in fleet) for site in SITES}
    assert sorted(count.values()) == [0, 1, 1, 1, 2, 3]
    north = [SITES[telescope.site][0] > 0 for telescope, _ in fleet]
    assert 0 < np.mean(north) < 1


def test_a_telescope_is_the_same_in_a_fleet_of_any_size(fleet):
    telescope, by_filter = next(iter(simulate_real(YearsSpec(seed=6, telescopes=1, years=3.0))))
    assert telescope.events == fleet[0][0].events
    for name, (_, rows) in by_filter.items():
        for key, values in rows.items():
            np.testing.assert_array_equal(values, fleet[0][1][name][1][key])


def test_another_seed_has_other_rows(fleet):
    _, by_filter = next(iter(simulate_real(YearsSpec(seed=7, telescopes=1, years=3.0))))
    assert by_filter['rp'][1]['zp'][:20].tolist() != fleet[0][1]['rp'][1]['zp'][:20].tolist()


def test_telescopes_of_a_site_have_the_same_cloudy_nights(fleet):
    cloudy = []
    for _, by_filter in fleet[:2]:
        rows = by_filter['rp'][1]
        cloudy.append({night: bool(np.median(rows['dimming'][rows['night'] == night]) > 0.02)
                       for night in np.unique(rows['night']).tolist()})
    same = cloudy[0].keys() & cloudy[1].keys()
    assert np.mean([cloudy[0][night] == cloudy[1][night] for night in same]) > 0.9
