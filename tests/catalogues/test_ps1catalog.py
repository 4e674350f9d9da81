"""Reference stars: every star of a cone once, whatever the sky's coordinates and the catalogue's build do."""

import logging
import math
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord, angular_separation
from hypothesis import example, given, settings
from hypothesis import strategies as st

from photzp.errors import CatalogMissing
from ps1catalog import PS1Catalog
from tests.support.helpers import star_columns, write_one_region, write_region, write_sky_table

ARCSEC = 1 / 3600


@pytest.fixture(autouse=True)
def _log_can_be_heard(monkeypatch):
    """A script that ran before may have taken the log for itself."""
    monkeypatch.setattr(logging.getLogger('photzp'), 'propagate', True)


def sky(n, seed):
    """n directions, even over the sphere: (ra, dec) [deg]."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))


def positions(stars):
    return {(round(ra % 360, 6) % 360, round(dec, 6)) for ra, dec in zip(stars.ra_deg, stars.dec_deg, strict=True)}


# --- the cone ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def tiled(tmp_path_factory):
    """The sphere in 60 x 60 degree regions, each with its stars, and all the stars."""
    directory = tmp_path_factory.mktemp('tiled')
    ra, dec = sky(6000, seed=1)
    polar = np.linspace(0, 350, 36)  # rings about the poles and stars on either side of RA 0
    ra = np.concatenate([ra, polar, polar, [0, 0, 359.9999, 1e-4, 0, 180]])
    dec = np.concatenate([dec, np.full(36, 89.9), np.full(36, -89.9), [0, 5, 5, 5, 90, -90]])
    regions = []
    for r in range(0, 360, 60):
        for d in range(-90, 90, 60):
            here = (ra >= r) & (ra < r + 60) & (dec >= d) & ((dec < d + 60) | (d == 30))
            name = f'r{r}d{d}.fits'
            regions.append((name, r, r + 60, d, d + 60))
            write_region(directory, name, star_columns(ra[here], dec[here]))
    write_sky_table(directory, regions)
    return PS1Catalog(directory), ra, dec


@settings(max_examples=40)
@given(ra=st.floats(-360, 720), dec=st.floats(-90, 90), radius=st.floats(0.01, 40))
@example(ra=0.0, dec=0.0, radius=5.0)
@example(ra=359.9, dec=5.0, radius=0.3)
@example(ra=-0.1, dec=5.0, radius=0.3)
@example(ra=123.0, dec=90.0, radius=0.2)
@example(ra=123.0, dec=-90.0, radius=0.2)
@example(ra=17.0, dec=89.8, radius=0.5)
@example(ra=200.0, dec=-89.95, radius=0.1)
@example(ra=30.0, dec=30.0, radius=0.01)
def test_a_cone_holds_what_brute_force_finds(tiled, ra, dec, radius):
    catalog, all_ra, all_dec = tiled
    apart = np.degrees(angular_separation(*np.radians([ra, dec]), *np.radians([all_ra, all_dec])))
    doubtful = np.abs(apart - radius) < 1e-7
    found = positions(catalog.cone(ra, dec, radius))
    unsure = {(round(r, 6) % 360, round(d, 6)) for r, d in zip(all_ra[doubtful], all_dec[doubtful], strict=True)}
    inside = apart <= radius
    wanted = {(round(r, 6) % 360, round(d, 6)) for r, d in zip(all_ra[inside], all_dec[inside], strict=True)}
    assert found - unsure == wanted - unsure


def test_a_cone_is_measured_in_true_angles(tmp_path):
    """At declination 80 degrees 1 degree of RA is a sixth of a degree on the sky."""
    catalog = PS1Catalog(write_one_region(tmp_path, [101.0, 110.0], [80.0, 80.0]))
    (first,) = catalog.cone(100.0, 80.0, 0.2).ra_deg
    assert first == 101.0
    apart = SkyCoord(100, 80, unit='deg').separation(SkyCoord(110, 80, unit='deg'))
    assert 1.73 < apart.deg < 1.74
    assert len(catalog.cone(100.0, 80.0, 1.73)) == 1
    assert len(catalog.cone(100.0, 80.0, 1.74)) == 2


@pytest.mark.parametrize('limits', [(350, 10), (-10, 10), (350, 370), (0, 360), (-180, 180)])
def test_a_region_across_ra_0_is_found_from_both_sides(tmp_path, limits):
    write_sky_table(tmp_path, [('zero.fits', *limits, -5, 5)])
    write_region(tmp_path, 'zero.fits', star_columns([359.95, 0.05, -0.02], 0.0))
    catalog = PS1Catalog(tmp_path)
    for ra in (359.9, 0.0, 0.1, -0.1, 360.0):
        assert len(catalog.cone(ra, 0.0, 0.3)) == 3
    assert catalog.cone(8.0, 0.0, 0.3).covered
    assert catalog.cone(352.0, 0.0, 0.3).covered
    if limits in ((350, 10), (-10, 10), (350, 370)):
        assert not catalog.cone(180.0, 0.0, 0.3).covered


def test_what_is_covered_is_read_from_the_table(tmp_path):
    write_sky_table(tmp_path, [('a.fits', 10, 20, -60, -50)])
    write_region(tmp_path, 'a.fits', star_columns(15.0, -55.0))
    catalog = PS1Catalog(tmp_path)
    south = catalog.cone(15.0, -55.0, 0.5)
    assert (len(south), south.covered, south.complete) == (1, True, True)
    empty = catalog.cone(12.0, -52.0, 0.5)
    assert (len(empty), empty.covered, empty.complete) == (0, True, True)
    outside = catalog.cone(15.0, 30.0, 0.5)
    assert (len(outside), outside.covered, outside.complete) == (0, False, True)
    assert catalog.cone(20.4, -55.0, 0.5).covered


# --- builds of the catalogue ---------------------------------------------------------------------------------------


def test_magnitudes_and_errors_come_through(tmp_path):
    write_one_region(tmp_path, [15.0], 5.0, g=17.5, r=17.0, i=16.75, z=16.5, y=16.25, g_err=0.01, i_err=0.02)
    stars = PS1Catalog(tmp_path).cone(15.0, 5.0, 0.1)
    assert [stars.mag[band][0] for band in 'grizy'] == [17.5, 17.0, 16.75, 16.5, 16.25]
    assert (stars.mag_error['g'][0], stars.mag_error['i'][0], stars.mag_error['r'][0]) == (0.01, 0.02, 0.005)
    assert stars.system == 'PS1'


def test_a_build_without_errors_gets_a_floor(tmp_path):
    stars = PS1Catalog(write_one_region(tmp_path, [15.0], 5.0, errors=False)).cone(15.0, 5.0, 0.1)
    for band in 'grizy':
        assert 0.005 <= stars.mag_error[band][0] <= 0.02  # PS1 repeats to 7-12 mmag


@pytest.mark.parametrize('sentinel', [np.nan, -999.0, 0.0])
def test_an_error_that_is_no_error_gets_the_floor(tmp_path, sentinel):
    stars = PS1Catalog(write_one_region(tmp_path, [15.0], 5.0, r_err=sentinel)).cone(15.0, 5.0, 0.1)
    assert 0.005 <= stars.mag_error['r'][0] <= 0.02
    assert stars.mag_error['g'][0] == 0.005


@pytest.mark.parametrize('sentinel', [np.nan, -999.0, 0.0, np.inf, 99.0])
def test_sentinels_are_no_magnitudes(tmp_path, sentinel):
    stars = PS1Catalog(write_one_region(tmp_path, [15.0, 15.05], 5.0, r=[sentinel, 16.0])).cone(15.0, 5.0, 0.1)
    assert np.isnan(stars.mag['r']).tolist() == [True, False]
    assert np.isnan(stars.mag_error['r']).tolist() == [True, False]
    assert np.isfinite(stars.mag['g']).all()


def test_a_build_in_float32(tmp_path):
    write_one_region(tmp_path, [15.0], 5.0, kind='f4', g=17.53)
    stars = PS1Catalog(tmp_path).cone(15.0, 5.0, 0.1)
    assert stars.mag['g'][0] == pytest.approx(17.53, abs=1e-6)
    assert stars.mag['g'].dtype == stars.ra_deg.dtype == np.float64


def test_a_build_with_lower_case_columns_and_without_z_and_y(tmp_path):
    columns = {key.lower(): values for key, values in star_columns([15.0], 5.0, errors=False).items()
               if key not in ('z', 'y')}
    write_sky_table(tmp_path, [('a.fits', 0, 360, -90, 90)])
    write_region(tmp_path, 'a.fits', columns)
    stars = PS1Catalog(tmp_path).cone(15.0, 5.0, 0.1)
    assert stars.mag['g'][0] == 16.0
    assert math.isnan(stars.mag['z'][0])


def test_rows_without_a_position_are_dropped(tmp_path):
    write_one_region(tmp_path, [15.0, np.nan, 15.0], [5.0, 5.0, np.nan])
    assert len(PS1Catalog(tmp_path).cone(15.0, 5.0, 0.1)) == 1


# --- duplicates ----------------------------------------------------------------------------------------------------


def test_a_row_that_is_there_twice_is_one_star(tmp_path):
    write_one_region(tmp_path, [15.0, 15.02, 15.0], 5.0)
    assert sorted(PS1Catalog(tmp_path).cone(15.0, 5.0, 0.1).ra_deg) == [15.0, 15.02]


def test_the_better_measured_of_two_rows_is_kept(tmp_path):
    write_one_region(tmp_path, [15.0, 15.0 + 0.1 * ARCSEC, 15.02, 15.02], 5.0, g=[16.0, 16.01, 17.0, 17.01],
                     y=[np.nan, 15.0, 15.0, 15.0], g_err=[0.001, 0.02, 0.02, 0.01])
    stars = PS1Catalog(tmp_path).cone(15.0, 5.0, 0.1)
    assert sorted(stars.mag['g']) == [16.01, 17.01]


def test_two_stars_an_arcsecond_apart_are_two(tmp_path):
    assert len(PS1Catalog(write_one_region(tmp_path, [15.0, 15.0 + ARCSEC], 0.0)).cone(15.0, 0.0, 0.1)) == 2


def test_the_same_star_in_neighbouring_regions_is_one_also_across_ra_0_and_at_the_pole(tmp_path):
    write_sky_table(tmp_path, [('a.fits', 0, 180, 0, 90), ('b.fits', 180, 360, 0, 90)])
    write_region(tmp_path, 'a.fits', star_columns([0.0, 10.0], [5.0, 90.0]))
    write_region(tmp_path, 'b.fits', star_columns([360.0, 250.0], [5.0, 90.0]))
    catalog = PS1Catalog(tmp_path)
    assert len(catalog.cone(0.0, 5.0, 0.1)) == 1
    assert len(catalog.cone(100.0, 89.99, 0.1)) == 1


@pytest.mark.parametrize(('ra0', 'dec0'), [(40.0, 10.0), (0.0, -20.0), (359.9, 88.0), (0.0, 89.9)])
def test_regions_that_overlap_list_each_star_once(tmp_path, ra0, dec0):
    """A degree on either side of the seam is in both files, as catalogues with margins have it."""
    rng = np.random.default_rng(3)
    east = rng.uniform(-3, 3, 3000) / math.cos(math.radians(dec0))
    dec = 89.999 - np.abs(89.999 - dec0 - rng.uniform(-1, 1, 3000))
    for name, chosen in (('west.fits', east < 1), ('east.fits', east > -1), ('south.fits', dec < dec0)):
        order = rng.permutation(np.flatnonzero(chosen))
        write_region(tmp_path, name, star_columns((ra0 + east[order]) % 360, dec[order]))
    write_sky_table(tmp_path, [(name, 0, 360, -90, 90) for name in ('west.fits', 'east.fits', 'south.fits')])
    apart = np.degrees(angular_separation(*np.radians([ra0, dec0]), *np.radians([ra0 + east, dec])))
    found = PS1Catalog(tmp_path).cone(ra0, dec0, 0.9)
    inside = {(round((ra0 + ra) % 360, 6), round(d, 6)) for ra, d, r in zip(east, dec, apart, strict=True) if r <= 0.9}
    assert (len(found), positions(found)) == (len(inside), inside)


@settings(max_examples=10)
@given(copies=st.lists(st.integers(0, 19), min_size=1, max_size=30), seed=st.integers(0, 999))
def test_copies_in_any_order_change_nothing(tmp_path_factory, copies, seed):
    rng = np.random.default_rng(seed)
    ra, dec = 15 + np.arange(20) * 2e-3, np.full(20, 5.0)
    rows = rng.permutation(np.concatenate([np.arange(20), copies]))
    stars = PS1Catalog(write_one_region(tmp_path_factory.mktemp('copies'), ra[rows], dec[rows])).cone(15.0, 5.0, 0.2)
    assert sorted(stars.ra_deg) == sorted(ra)


# --- the index -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('padding', ['', '   ', '\0\0'])
@pytest.mark.parametrize(('name', 'file'), [('a.fits', 'a.fits'), ('a', 'a.fits'), ('a', 'a'),
                                            ('south/b', 'south/b.fits'), ('south/b.fits', 'south/b.fits')])
def test_names_of_region_files(tmp_path, name, file, padding):
    write_sky_table(tmp_path, [(name, 10, 20, 0, 10), ('another-longer-name.fits', 20, 30, 0, 10)], padding=padding)
    write_region(tmp_path, file, star_columns(15.0, 5.0))
    stars = PS1Catalog(tmp_path).cone(15.0, 5.0, 0.1)
    assert (len(stars), stars.complete) == (1, True)


def test_only_parents_from_1_to_24_name_files(tmp_path, caplog):
    write_sky_table(tmp_path, [(f'{n}.fits', 10, 20, 0, 10) for n in range(5)], parents=[-1, 0, 1, 24, 25])
    for n in (2, 3):
        write_region(tmp_path, f'{n}.fits', star_columns(15.0 + 0.01 * n, 5.0))
    stars = PS1Catalog(tmp_path).cone(15.0, 5.0, 0.1)
    assert (len(stars), stars.complete, caplog.records) == (2, True, [])


@pytest.mark.parametrize('name', ['../secret.fits', '/etc/passwd', 'a/../../b'])
def test_names_do_not_lead_out_of_the_catalogue(tmp_path, name):
    write_sky_table(tmp_path / 'ps1', [(name, 0, 360, -90, 90), ('a.fits', 10, 20, 0, 10)])
    write_region(tmp_path, 'secret.fits', star_columns(15.0, 5.0))
    write_region(tmp_path / 'ps1', 'a.fits', star_columns(15.0, 5.0))
    stars = PS1Catalog(tmp_path / 'ps1').cone(15.0, 5.0, 0.1)
    assert (len(stars), stars.complete) == (1, True)
    assert not PS1Catalog(tmp_path / 'ps1').cone(200.0, 5.0, 0.1).covered


def test_a_directory_without_a_table_is_named_with_the_option(tmp_path):
    with pytest.raises(CatalogMissing, match=re.escape(str(tmp_path)) + r'/SkyTable\.fits.*--ps1dir'):
        PS1Catalog(tmp_path)
    with pytest.raises(CatalogMissing, match=r'nowhere/SkyTable\.fits.*--ps1dir'):
        PS1Catalog(tmp_path / 'nowhere')


@pytest.mark.parametrize('order', ['as written', 'reversed'])
def test_the_index_gives_what_a_look_at_every_region_gives(tmp_path, order):
    """Bands of different heights, one region that covers all, in any order of the table."""
    rng = np.random.default_rng(5)
    limits = [(ra, ra + 20, dec, dec + height) for height in (2, 9) for ra in range(0, 360, 20)
              for dec in range(-30, 84, height)] + [(0, 360, -90, 90)]
    regions = [(f'{k}.fits', *limit) for k, limit in enumerate(limits)][::1 if order == 'as written' else -1]
    catalog = PS1Catalog(write_sky_table(tmp_path, regions))
    for ra, dec in zip(rng.uniform(0, 360, 60), rng.uniform(-35, 80, 60), strict=True):
        names = catalog._index.overlapping(ra, dec, 0.5)
        span = math.degrees(math.asin(math.sin(math.radians(0.5)) / math.cos(math.radians(dec))))
        wanted = [name for name, west, east, south, north in regions if south - 0.5 <= dec <= north + 0.5
                  and abs((ra - (west + east) / 2 + 180) % 360 - 180) <= (east - west) / 2 + span]
        assert list(names) == wanted


def test_a_region_whose_checksum_does_not_fit_is_broken(tmp_path, caplog):
    from astropy.io import fits

    write_one_region(tmp_path, [15.0], 5.0)
    path = tmp_path / 'all.fits'
    with fits.open(path) as hdus:
        hdus.writeto(path, overwrite=True, checksum=True)
    assert len(PS1Catalog(tmp_path).cone(15.0, 5.0, 0.1)) == 1
    content = bytearray(path.read_bytes())
    content[-2880] ^= 1
    path.write_bytes(content)
    stars = PS1Catalog(tmp_path).cone(15.0, 5.0, 0.1)
    assert (len(stars), stars.complete) == (0, False)
    assert 'CHECKSUM does not fit' in caplog.text


def test_a_home_directory_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    write_one_region(tmp_path / 'ps1', 15.0, 5.0)
    assert len(PS1Catalog('~/ps1').cone(15.0, 5.0, 0.1)) == 1


@pytest.mark.parametrize('content', [b'', b'not FITS'])
def test_a_broken_table_is_named_with_the_option(tmp_path, content):
    (tmp_path / 'SkyTable.fits').write_bytes(content)
    with pytest.raises(CatalogMissing, match=r'SkyTable\.fits: cannot be read .*--ps1dir'):
        PS1Catalog(tmp_path)


def test_a_table_that_lists_nothing_is_named_with_the_option(tmp_path):
    write_sky_table(tmp_path, [('', 0, 360, -90, 90)], padding=' ')
    with pytest.raises(CatalogMissing, match=r'lists no region file.*--ps1dir'):
        PS1Catalog(tmp_path)


# --- region files that are missing or broken -----------------------------------------------------------------------


def row_of_regions(directory, present, n=8):
    """Regions 0..n-1 of 10 degrees each, one star in the middle of those that are present."""
    write_sky_table(directory, [(f'{k}.fits', 10 * k, 10 * k + 10, 0, 10) for k in range(n)])
    for k in present:
        write_region(directory, f'{k}.fits', star_columns(10 * k + 5.0, 5.0))
    return PS1Catalog(directory)


def look(catalog, k):
    return catalog.cone(10 * k + 5.0, 5.0, 1.0)


def test_a_missing_file_is_one_warning_and_an_incomplete_result(tmp_path, caplog):
    catalog = row_of_regions(tmp_path, [0, 2])
    for _ in range(3):
        missing = look(catalog, 1)
        assert (len(missing), missing.covered, missing.complete) == (0, True, False)
    edge = catalog.cone(20.0, 5.0, 6.0)
    assert (len(edge), edge.complete) == (1, False)
    assert look(catalog, 2).complete
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert str(tmp_path / '1.fits') in record.getMessage()


@pytest.mark.parametrize('damage', ['cut', 'text', 'image', 'columns', 'empty'])
def test_a_broken_file_is_one_warning_and_an_incomplete_result(tmp_path, caplog, damage):
    catalog = row_of_regions(tmp_path, [0, 1])
    path = tmp_path / '1.fits'
    if damage == 'columns':
        write_region(tmp_path, '1.fits', {'RA': [15.0], 'DEC': [5.0], 'V': [12.0]})
    elif damage == 'image':
        from astropy.io import fits

        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((3, 3)))]).writeto(path, overwrite=True)
    else:
        path.write_bytes({'cut': path.read_bytes()[:-2890], 'text': b'moved to tape', 'empty': b''}[damage])
    for _ in range(2):
        assert (len(look(catalog, 1)), look(catalog, 1).complete) == (0, False)
    assert (len(look(catalog, 0)), look(catalog, 0).complete) == (1, True)
    (record,) = caplog.records
    assert (record.levelno, '1.fits' in record.getMessage()) == (logging.WARNING, True)


def test_a_file_that_comes_back_is_read(tmp_path):
    catalog = row_of_regions(tmp_path, [0])
    assert not look(catalog, 1).complete
    write_region(tmp_path, '1.fits', star_columns(15.0, 5.0))
    assert (len(look(catalog, 1)), look(catalog, 1).complete) == (1, True)


def test_three_missing_files_in_a_row_with_none_read_are_a_lost_mount(tmp_path):
    catalog = row_of_regions(tmp_path, [])
    look(catalog, 0)
    look(catalog, 1)
    with pytest.raises(CatalogMissing, match=re.escape(str(tmp_path)) + '.*mounted'):
        look(catalog, 2)


def test_a_mount_that_is_lost_during_the_run_ends_it(tmp_path):
    catalog = row_of_regions(tmp_path / 'ps1', range(8))
    look(catalog, 0)
    (tmp_path / 'ps1').rename(tmp_path / 'gone')
    look(catalog, 1)
    look(catalog, 2)
    with pytest.raises(CatalogMissing):
        look(catalog, 3)


def test_one_cone_over_three_missing_regions_of_a_lost_mount_ends_it(tmp_path):
    with pytest.raises(CatalogMissing):
        row_of_regions(tmp_path, []).cone(25.0, 5.0, 20.0)


def test_one_missing_file_looked_at_often_is_no_lost_mount(tmp_path):
    catalog = row_of_regions(tmp_path, [])
    for _ in range(10):
        assert not look(catalog, 1).complete


@pytest.mark.parametrize('order', [(1, 0, 3, 2, 5, 4), (0, 1, 2, 3, 4, 5, 1, 3, 5), (0, 1, 3, 5), (2, 1, 5, 3, 1)])
def test_missing_files_between_others_that_are_there_are_holes(tmp_path, order):
    """Also when they are looked at one after the other, as long as what was read before is still on disk."""
    catalog = row_of_regions(tmp_path, [0, 2, 4])
    assert [look(catalog, k).complete for k in order] == [k in (0, 2, 4) for k in order]


def test_the_count_of_missing_files_begins_anew_with_each_file_read(tmp_path):
    catalog = row_of_regions(tmp_path, [0, 2])
    for k in (1, 3, 0, 5, 2):
        look(catalog, k)
    Path(tmp_path, '2.fits').unlink()
    assert not look(catalog, 6).complete
    assert not look(catalog, 7).complete
    with pytest.raises(CatalogMissing):
        look(catalog, 4)


def test_three_broken_files_are_no_lost_mount(tmp_path):
    catalog = row_of_regions(tmp_path, [])
    for k in range(4):
        Path(tmp_path, f'{k}.fits').write_bytes(b'broken')
        assert not look(catalog, k).complete


# --- the cache -----------------------------------------------------------------------------------------------------


def test_a_region_is_read_once(tmp_path):
    catalog = row_of_regions(tmp_path, [0])
    assert len(look(catalog, 0)) == 1
    Path(tmp_path, '0.fits').unlink()
    assert (len(look(catalog, 0)), look(catalog, 0).complete) == (1, True)


def test_what_was_not_used_for_longest_makes_room(tmp_path):
    write_sky_table(tmp_path, [(f'{k}.fits', 10 * k, 10 * k + 10, 0, 10) for k in range(3)])
    for k in range(3):
        write_region(tmp_path, f'{k}.fits', star_columns(np.linspace(10 * k + 4, 10 * k + 6, 1000), 5.0))
    catalog = PS1Catalog(tmp_path, cache_bytes=250_000)  # 1000 stars are 96 kB: two regions
    for k in (0, 1, 0, 2):
        assert len(look(catalog, k)) > 500
    for k in range(3):
        Path(tmp_path, f'{k}.fits').unlink()
    assert [look(catalog, k).complete for k in (0, 2, 1)] == [True, True, False]


def test_the_cache_is_bounded_in_memory(tmp_path):
    write_sky_table(tmp_path, [(f'{k}.fits', 10 * k, 10 * k + 10, 0, 10) for k in range(6)])
    for k in range(6):
        write_region(tmp_path, f'{k}.fits', star_columns(np.full(20000, 10 * k + 5.0), np.linspace(0, 9.9, 20000)))
    catalog = PS1Catalog(tmp_path, cache_bytes=4_000_000)  # of 12 MB
    tracemalloc.start()
    try:
        for k in range(6):
            assert len(look(catalog, k)) > 1000
        assert tracemalloc.get_traced_memory()[0] < 5e6
    finally:
        tracemalloc.stop()


def test_a_region_larger_than_the_cache_is_served_all_the_same(tmp_path):
    catalog = PS1Catalog(write_one_region(tmp_path, np.linspace(10, 20, 1000), 5.0), cache_bytes=1000)
    assert len(catalog.cone(15.0, 5.0, 1.0)) == len(catalog.cone(15.0, 5.0, 1.0)) == 200


def test_a_caller_cannot_spoil_the_cache(tmp_path):
    catalog = PS1Catalog(write_one_region(tmp_path, [15.0, 15.05], 5.0))
    catalog.cone(15.0, 5.0, 0.2).mag['g'][:] = 99.0
    assert catalog.cone(15.0, 5.0, 0.2).mag['g'].tolist() == [16.0, 16.0]


# --- PS1 to SDSS ---------------------------------------------------------------------------------------------------


def test_three_files_that_may_not_be_read_are_a_lost_mount(tmp_path, monkeypatch):
    """As by permissions, or by a stale handle of a network mount; root may read all, so the refusal is planted."""
    catalog = row_of_regions(tmp_path, range(3))

    def refuse(path):
        raise PermissionError(13, 'Permission denied', path)

    monkeypatch.setattr('ps1catalog._read_region', refuse)
    assert not look(catalog, 0).complete
    assert not look(catalog, 1).complete
    with pytest.raises(CatalogMissing, match='3 region files in a row are missing or may not be read'):
        look(catalog, 2)
