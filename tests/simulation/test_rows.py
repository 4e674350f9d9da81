"""Rows of simulated years: unusable and old ones occur, errors are truthful, weather and noise are as asked for."""

from collections import Counter

import numpy as np
import pytest

from simulation.fleet import YearsSpec
from simulation.years import simulate
from tests.support.simulated import series_rows, simulated_fleet


def test_rows_are_as_a_database_has_them(written):
    _, rows, _ = written
    assert Counter(rows.name.tolist()).most_common(1)[0][1] == 1
    assert len(np.unique(rows.name.astype(str))) == len(rows)
    assert np.isnan(rows.airmass).any()
    assert (rows.zpsig > 0.5).any()
    assert ((rows.zperr > 0) | np.isnan(rows.zperr)).all()
    assert {'gp', 'zp', 'zs'} == set(rows.filter)
    assert not np.isnat(rows.dateobs).any()
    gaps = series_rows(rows, 'lsc-doma-1m0s', 'gp').dateobs
    assert np.diff(gaps).max() > np.timedelta64(7, 'D')


def test_old_rows_have_neither_zperr_nor_pivot(written):
    _, rows, _ = written
    old = np.isnan(rows.zpcolor)
    assert 0 < old.sum() < 0.2 * len(rows)
    assert np.isnan(rows.zperr[old]).all()
    assert (rows.zpcolor[~old] == 1).all()


def test_colour_terms_are_those_of_the_camera_with_their_errors(written):
    _, rows, truth = written
    pulls, sparse = [], []
    for telescope, record in truth['telescopes'].items():
        for true in record['series']['gp']['colorterms']:
            mine = series_rows(rows, telescope, true['filter'])
            mine = mine[(mine.camera == true['camera']) & np.isfinite(mine.colortermerr)]
            pulls.append((mine.colorterm - true['colorterm']) / np.hypot(mine.colortermerr, 0.003))
            sparse.append(mine.nstars < 40)
    assert np.concatenate(sparse).mean() == pytest.approx(0.15, abs=0.02)
    for few in (True, False):
        chosen = np.concatenate(pulls)[np.concatenate(sparse) == few]
        assert abs(chosen.mean()) < 0.1
        assert chosen.std() == pytest.approx(1, abs=0.05)


def test_zp_of_sparse_frames_errs_with_their_colour_terms(written):
    """At the mean colour zp does not know the colour term; at the pivot it takes the error of the term along."""
    _, rows, truth = written
    for telescope in list(truth['telescopes'])[:3]:
        mine = series_rows(rows, telescope, 'gp')
        mine = mine[(mine.nstars < 15) & np.isfinite(mine.zperr)]
        offset = mine.meancolor - 1
        np.testing.assert_allclose(mine.zpcolortermcov, -offset * mine.colortermerr**2, rtol=1e-3, atol=1e-7)
        assert (mine.zperr**2 >= (offset * mine.colortermerr) ** 2 - 1e-7).all()
        assert np.std(offset) == pytest.approx(np.hypot(0.25, 0.6 / np.sqrt(12)), rel=0.2)


def test_some_nights_have_one_frame_and_one_per_night_all():
    for single, low, high in ((False, 0.05, 0.25), (True, 1, 1)):
        spec = YearsSpec(seed=3, telescopes=1, years=1, filters=('rp',), one_per_night=single,
                         nights='ideal')
        (_, by_filter), = simulate(spec)
        counts = np.unique(by_filter['rp'][1]['night'], return_counts=True)[1]
        assert low <= np.mean(counts == 1) <= high


def test_clear_nights_are_those_asked_for(tmp_path):
    for share in (0.6, 0.25):
        spec = YearsSpec(seed=2, telescopes=1, filters=('rp',), photometric=share, nights='ideal')
        (_, by_filter), = simulate(spec)
        _, rows = by_filter['rp']
        nights = np.unique(rows['night'])
        assert len(np.unique(rows['night'][rows['clear']])) / len(nights) == pytest.approx(share, abs=0.05)


def test_extinction_swings_and_nights_scatter_where_asked_for():
    (_, before), (_, after), (_, scattered) = (simulated_fleet(**options)['lsc-doma-1m0s'] for options in (
        {}, {'extinction_swing': 0.2}, {'night_noise_mag': 0.01}))
    series, rows = before['gp']
    moved = after['gp'][1]['zp'] - rows['zp']
    season = np.cos(2 * np.pi * rows['day'] / 365.25)
    good = np.isfinite(rows['airmass'])
    expected = -0.2 * series.extinction * season * (rows['airmass'] - 1)
    np.testing.assert_allclose(moved[good], expected[good], atol=0.05 * 0.2 * series.extinction)
    both = [scattered[name][1]['zp'] - before[name][1]['zp'] for name in ('gp', 'rp')]
    of_night = [dict(zip(before[name][1]['night'].tolist(), shift.tolist(), strict=True))
                for name, shift in zip(('gp', 'rp'), both, strict=True)]
    assert np.std(list(of_night[0].values())) == pytest.approx(0.01, rel=0.1)
    same = of_night[0].keys() & of_night[1].keys()
    assert all(of_night[0][night] == pytest.approx(of_night[1][night]) for night in same)
