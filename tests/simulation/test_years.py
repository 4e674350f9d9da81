"""Simulated years: what is in the database follows from the truth beside it, by arithmetic that is not its own."""

import csv
import json
import sqlite3
import tomllib
from collections import Counter
from contextlib import closing

import numpy as np
import pytest

from photdbinterface import PhotDatabase
from photzp.names import exposure_of
from photzp.observatory import load_observatory
from simulation import years
from simulation.__main__ import main as simulate
from simulation.plan import SITES
from simulation.spec import EXTINCTION, REFERENCE_ZP

NATURE = years.Nature(REFERENCE_ZP, EXTINCTION, SITES)
OPTIONS = ('--telescopes', '8', '--years', '1.5', '--filters', 'gp,zp')


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    """(directory, Zeropoints, truth) of some telescopes."""
    place = tmp_path_factory.mktemp('years')
    assert simulate(['years', str(place / 'years.db'), '--seed', '5', *OPTIONS]) == 0
    with PhotDatabase(place / 'years.db', readonly=True) as database:
        rows = database.zeropoints()
    return place, rows, json.loads((place / 'years-truth.json').read_text())


def series_rows(rows, telescope, *filters):
    site, dome, name = telescope.split('-')
    return rows[(rows.site == site) & (rows.dome == dome) & (rows.telescope == name) & np.isin(rows.filter, filters)]


def true_zeropoint(series, times):
    """Truth of the JSON at datetime64 times, without offsets of cameras."""
    value = np.full(len(times), np.nan)
    for piece in series['pieces']:
        start = np.datetime64(piece['start'])
        months = (times - start) / np.timedelta64(1, 'D') / 30.4375
        value = np.where(times >= start, piece['zp'] + piece['slope_mag_per_month'] * months, value)
    return value


def clear_residuals(rows, telescope, record, filter_name):
    """zp - truth of the rows of clear nights [mag], by the record alone."""
    series = record['series'][filter_name]
    mine = series_rows(rows, telescope, filter_name, *(('zs',) if filter_name == 'zp' else ()))
    longitude = SITES[telescope[:3]][1]
    noon = np.timedelta64(round((0.5 - longitude / 360) * 86_400_000), 'ms')
    night = (mine.dateobs - noon).astype('datetime64[D]')
    mine = mine[np.isin(night, np.array(series['clear_nights'], 'datetime64[D]')) & (mine.zpsig < 0.5)]
    offset = {(o['camera'], o['filter'], o['old']): o['offset'] for o in series['offsets']}
    shift = [offset[key] for key in zip(mine.camera.tolist(), mine.filter.tolist(),
                                        np.isnan(mine.zpcolor).tolist(), strict=True)]
    return mine.zp - true_zeropoint(series, mine.dateobs) - shift + series['extinction'] * (mine.airmass - 1)


def test_clear_rows_scatter_about_the_truth_by_the_noise(written):
    _, rows, truth = written
    for telescope, record in truth['telescopes'].items():
        for filter_name in ('gp', 'zp'):
            residual = clear_residuals(rows, telescope, record, filter_name)
            residual = residual[np.isfinite(residual)]
            assert abs(np.median(residual)) < 4 * 1.25 * 0.02 / np.sqrt(len(residual))
            assert 1.4826 * np.median(np.abs(residual)) == pytest.approx(0.02, rel=0.15)
            wild = np.abs(residual) > 0.12
            assert 0 < wild.mean() < 0.03


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


def test_clear_nights_are_those_asked_for(tmp_path):
    for share in (0.6, 0.25):
        spec = years.Spec(seed=2, telescopes=1, filters=('rp',), photometric=share)
        (_, by_filter), = years.simulate(spec, NATURE)
        _, rows = by_filter['rp']
        nights = np.unique(rows['night'])
        assert len(np.unique(rows['night'][rows['clear']])) / len(nights) == pytest.approx(share, abs=0.05)


def test_a_fleet_of_four_years_has_about_550000_rows():
    spec = years.Spec(seed=1, telescopes=4)
    rows = sum(len(rows['zp']) for _, by_filter in years.simulate(spec, NATURE)
               for _, rows in by_filter.values())
    assert rows * 22 / 4 == pytest.approx(550_000, rel=0.06)


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
        spec = years.Spec(seed=3, telescopes=1, years=1, filters=('rp',), one_per_night=single)
        (_, by_filter), = years.simulate(spec, NATURE)
        counts = np.unique(by_filter['rp'][1]['night'], return_counts=True)[1]
        assert low <= np.mean(counts == 1) <= high


def test_cameras_change_with_and_without_overlap():
    spec = years.Spec(seed=4, telescopes=12, filters=('rp',))
    kinds = set()
    for telescope, by_filter in years.simulate(spec, NATURE):
        rows = by_filter['rp'][1]
        cameras = np.unique(rows['camera'])
        if len(cameras) == 2:
            first, second = (rows['night'][rows['camera'] == camera] for camera, *_ in telescope.cameras)
            recorded = any(event.kind == 'instrument' and event.recorded for event in telescope.events)
            kinds.add(('overlap' if first.max() >= second.min() else 'none', recorded))
    assert kinds == {('overlap', False), ('none', True), ('none', False)}


def test_overlay_gives_the_events_of_the_simulated_telescopes(written):
    place, _, truth = written
    overlay = tomllib.loads((place / years.OVERLAY_NAME).read_text())
    with open(place / overlay['events'], newline='') as file:
        listed = {(row['telescope'], row['date'], row['kind']) for row in csv.DictReader(file)}
    planted = {(name, step['date'], step['kind']) for name, record in truth['telescopes'].items()
               for step in record['series']['gp']['steps'] if step['recorded']}
    assert listed == planted
    observatory = load_observatory(place / years.OVERLAY_NAME)
    known = {(event.telescope, str(event.date), event.kind) for event in observatory.events
             if event.telescope in truth['telescopes']}
    assert known == planted
    assert set(truth['telescopes']) <= set(observatory.telescopes)


def test_a_seed_repeats_and_another_differs(tmp_path):
    texts = []
    for number, seed in enumerate(('7', '7', '8')):
        file = tmp_path / f'{number}.db'
        assert simulate(['years', str(file), '--seed', seed, '--telescopes', '2', '--years', '0.2',
                                '--truth', str(tmp_path / f'{number}' / 'truth.json')]) == 0
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute('SELECT * FROM lcophot ORDER BY name').fetchall()
        texts.append((rows, (tmp_path / f'{number}' / 'truth.json').read_text()))
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_names_are_those_of_frames(written):
    _, rows, _ = written
    assert exposure_of(rows.name[0]) in rows.name[0]
    assert all(name.endswith('-e91.fits.fz') for name in rows.name[:50])


def test_what_cannot_be_is_refused(tmp_path, capsys):
    file = tmp_path / 'a.db'
    assert simulate(['years', str(file), '--telescopes', '23']) == 2
    assert 'there are 1 to 22' in capsys.readouterr().err
    assert simulate(['years', str(file), '--telescopes', '1', '--years', '0.1']) == 0
    assert simulate(['years', str(file), '--telescopes', '1', '--years', '0.1']) == 2
    assert 'has rows already' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        simulate(['years', str(file), '--start', '2016-02-31'])


# --- what is planted beyond the usual

def simulated(**options):
    """{name: (Telescope, {filter: (Series, rows)})}."""
    spec = years.Spec(seed=9, telescopes=6, years=3.0, filters=('gp', 'rp'), **options)
    return {telescope.name: (telescope, by_filter) for telescope, by_filter in years.simulate(spec, NATURE)}


def test_unrecorded_steps_are_of_the_sizes_and_colours_that_were_asked_for():
    steps = [(event, series) for telescope, by_filter in simulated(unrecorded_mag=(0.05, 0.2)).values()
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
    usual, dusty = simulated(), simulated(dust_factor=2.5)
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


def test_extinction_swings_and_nights_scatter_where_asked_for():
    usual, swinging, noisy = simulated(), simulated(extinction_swing=0.2), simulated(night_noise_mag=0.01)
    (_, before), (_, after), (_, scattered) = (fleet['lsc-doma-1m0s'] for fleet in (usual, swinging, noisy))
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
