"""The synthetic observatory: what it plants is what its files say, by arithmetic that is not its own."""

import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from photzp import errors
from simulation.__main__ import main as simulate
from simulation.files import write_catalogue
from simulation.frame import kron_loss, simulate_frame, true_electrons
from simulation.night import write_night
from simulation.plan import DEFECTS, REGIMES, local_midnight, plan_night
from simulation.sky import PS1_SATURATION_MAG, draw_catalogue, draw_sky, ps1_errors, ps1_to_sdss
from simulation.spec import CAMERAS, FieldSpec

NAME = re.compile(r'[a-z]{3}\dm\d{3}-[a-z]{2}\d{2}-\d{8}-\d{4}-e(91|11)\.fits(\.fz)?')


def rng(seed=1):
    return np.random.default_rng(seed)


@pytest.fixture(scope='module')
def small_night(tmp_path_factory):
    """A small night on disk, and its truth."""
    out = tmp_path_factory.mktemp('night') / 'out'
    assert simulate(['night', str(out), '--frames', '14', '--seed', '3', '--regimes', 'ordinary,pole',
                            '--defects', '0.15', '--twins', '0.3', '--sites', 'cpt,elp,coj']) == 0
    return out, json.loads((out / 'truth.json').read_text())


def files_of(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob('*')) if path.is_file()}


def sky_coordinates(frame):
    """Positions of the rows through the header alone, by astropy."""
    wcs = WCS(fits.Header(frame.header))
    return SkyCoord(*wcs.all_pix2world(frame.columns['x'], frame.columns['y'], 1), unit='deg')


# --- the transformation

def test_transformation_agrees_with_the_hand_worked_numbers():
    # SDSS - PS1 at (g-i)_PS1 = 1, worked by hand from Table 2 of Finkbeiner et al. 2016
    ps1 = np.array([[18.0, 17.4, 17.0, 16.8, 16.7]])
    difference = ps1_to_sdss(ps1)[0] - ps1[0, :4]
    np.testing.assert_allclose(difference, [0.13645, 0.03359, -0.00778, -0.03765], atol=1e-9)


def test_electrons_of_a_star_at_the_pivot():
    # The difference of the rows g and i of Table 2 takes (g-i)_PS1 = 0.8689 to (g-i)_SDSS = 1.  There a star of
    # magnitude zp gives one electron per second, whatever the colour term.
    colour = 0.868904
    by_hand = colour + 0.02978 + 0.13195 * colour - 0.01875 * colour ** 2 + 0.00125 * colour ** 3
    assert by_hand == pytest.approx(1.0, abs=1e-6)
    star = np.array([[17.0 + colour, 17.4, 17.0, 16.8, 16.7]])
    zp = 17.0 - (0.0117 - 0.004 * colour + 0.00066 * colour ** 2 - 0.00058 * colour ** 3)
    for colorterm in (-0.08, 0.0, 0.08):
        spec = FieldSpec(filter_name='ip', zp_mag=zp, colorterm=colorterm, exptime_s=100.0)
        assert true_electrons(star, spec)[0] == pytest.approx(100.0, rel=2e-5)


# --- one frame

def test_clean_bright_stars_give_the_planted_zeropoint_and_colour_term():
    spec = FieldSpec(filter_name='gp', exptime_s=240.0, zp_mag=24.1, colorterm=0.06, stars_per_sqdeg=12000.0,
                     kron_shape='none')
    frame, _, sky = simulate_frame(spec, rng())
    good = frame.usable & (frame.columns['flux'] > 100 * frame.columns['fluxerr'])
    mag = sky.mag[frame.star[good]]
    gi = mag[:, 0] - mag[:, 2]
    c_g, c_i = [-0.01808, -0.13595, 0.01941, -0.00183], [0.0117, -0.004, 0.00066, -0.00058]
    g = mag[:, 0] - sum(c * gi ** k for k, c in enumerate(c_g))
    i = mag[:, 2] - sum(c * gi ** k for k, c in enumerate(c_i))
    m_inst = -2.5 * np.log10(frame.columns['flux'][good] / 240.0)
    slope, zp = np.polyfit(g - i - 1.0, g - m_inst, 1)
    error = 0.010 / np.sqrt(good.sum())  # 8 mmag of flat field and up to 10 mmag of noise
    assert good.sum() > 150
    assert zp == pytest.approx(24.1, abs=4 * error)
    assert slope == pytest.approx(0.06, abs=4 * error / np.std(g - i))


def test_kron_loss_makes_faint_stars_fainter_and_spares_bright_ones():
    snr, i_mag = np.array([26.0, 1e8]), np.array([18.0, 13.0])
    assert kron_loss(snr, i_mag, 'snr', 0.44)[0] == pytest.approx(0.44 / np.sqrt(26))
    for shape in ('inverse', 'mag'):
        np.testing.assert_allclose(kron_loss(snr, i_mag, shape, 0.44), [0.09, 0.0], atol=1e-4)
    assert not kron_loss(snr, i_mag, 'none', 0.44).any()
    with pytest.raises(ValueError, match="kron shape 'cubic' is none of snr, mag, inverse, none"):
        kron_loss(snr, i_mag, 'cubic', 0.44)


def test_kron_loss_of_a_frame_is_the_one_that_was_asked_for():
    spec = FieldSpec(filter_name='ip', stars_per_sqdeg=20000.0, kron_amplitude_mag=0.4, exptime_s=250.0)
    with_loss, without = (simulate_frame(s, rng(4))[0] for s in (spec, replace(spec, kron_shape='none')))
    flux, plain = (frame.columns['flux'][frame.usable] for frame in (with_loss, without))
    snr = plain / without.columns['fluxerr'][without.usable]
    faint = (snr > 30) & (snr < 60)
    loss = -2.5 * np.log10(np.sort(flux)[::-1][faint] / np.sort(plain)[::-1][faint])
    assert np.median(loss) == pytest.approx(0.4 / np.sqrt(np.median(snr[faint])), rel=0.15)


@pytest.mark.parametrize(('ra_deg', 'dec_deg', 'parity'), [
    (0.02, 4.9, 1), (359.9, -9.1, -1), (38.0, 89.0, -1), (211.0, 89.85, 1), (63.0, -20.0, -1)])
def test_header_puts_stars_where_the_catalogue_has_them(ra_deg, dec_deg, parity):
    spec = FieldSpec(ra_deg=ra_deg, dec_deg=dec_deg, parity=parity, rotation_deg=91.0, pointing_arcsec=0.0,
                     distortion_arcsec=0.0)
    frame, catalogue, _ = simulate_frame(spec, rng())
    reference = SkyCoord(catalogue.ra_deg, catalogue.dec_deg, unit='deg')
    _, distance, _ = sky_coordinates(frame)[frame.usable].match_to_catalog_sky(reference)
    assert frame.n_usable > 100
    assert np.median(distance.arcsec) < 0.15
    assert np.mean(distance.arcsec < 0.5) > 0.97  # one in a hundred has moved since


def test_distortion_and_pointing_are_what_the_header_does_not_know():
    spec = FieldSpec(stars_per_sqdeg=20000.0, pointing_arcsec=0.0, distortion_arcsec=5.0)
    frame, _, sky = simulate_frame(spec, rng())
    there = SkyCoord(sky.ra_deg[frame.star], sky.dec_deg[frame.star], unit='deg')
    distance = sky_coordinates(frame).separation(there).arcsec
    radius = np.hypot(frame.columns['x'] - 2048.5, frame.columns['y'] - 2048.5) / np.hypot(2048, 2048)
    for low, high in ((0.0, 0.2), (0.45, 0.55), (0.7, 0.8), (0.9, 1.0)):
        ring = frame.usable & (radius > low) & (radius < high)
        assert ring.sum() > 10
        # 0.12: noise of the positions, which the distance cannot average away, and r^3 taken at the distorted radius
        assert np.median(distance[ring] - 5.0 * radius[ring] ** 3) == pytest.approx(0.0, abs=0.12)


def test_rows_that_are_not_good_stars_occur():
    frame, catalogue, sky = simulate_frame(FieldSpec(stars_per_sqdeg=30000.0, filter_name='ip'), rng())
    columns = frame.columns
    assert {0, 1, 2, 4, 8, 16} <= set(columns['flag'].tolist())
    assert (columns['flux'] <= 0).any()
    assert (columns['fluxerr'] == 0).any()
    assert (frame.star < 0).any()
    assert sky.galaxy[frame.star].any()
    assert (sky.variable_mag > 0).any()
    assert len(np.unique(catalogue.ra_deg.round(4))) < len(catalogue.ra_deg)
    assert all(columns[name].dtype == np.float64 for name in columns if name != 'flag')
    assert columns['flag'].dtype == np.int64


def test_old_pipelines_do_not_flag_saturation_but_peaks_end_on_a_plateau():
    spec = FieldSpec(stars_per_sqdeg=30000.0, pipeline='1.4.0', exptime_s=300.0)
    columns = simulate_frame(spec, rng())[0].columns
    plateau = columns['peak'] + columns['background'] > 0.97 * spec.model.full_well_e
    assert plateau.sum() > 10
    assert not (columns['flag'] & 4).any()
    newer = simulate_frame(replace(spec, pipeline='1.15.0'), rng())[0].columns
    assert (newer['flag'][newer['peak'] + newer['background'] > 0.97 * spec.model.full_well_e] & 4).mean() > 0.95


def test_galactic_plane_has_over_a_hundred_thousand_stars_per_square_degree():
    spec = FieldSpec(camera='ep', stars_per_sqdeg=120000.0, counts_slope=0.3)
    sky = draw_sky(spec, rng())
    radius = spec.model.half_diagonal_deg + 0.05
    assert (sky.mag[:, 1] < 20).sum() / (np.pi * radius ** 2) > 1e5


def test_catalogue_errors_are_truthful_and_bright_stars_are_wrong():
    spec = FieldSpec(stars_per_sqdeg=30000.0)
    sky = draw_sky(spec, rng())
    err = ps1_errors(sky.mag, rng())
    assert 0.003 <= err[sky.mag < 16].min() < err[sky.mag < 16].max() < 0.011
    catalogue = draw_catalogue(sky, rng())
    positions = SkyCoord(sky.ra_deg, sky.dec_deg, unit='deg')
    index, distance, _ = SkyCoord(catalogue.ra_deg, catalogue.dec_deg, unit='deg').match_to_catalog_sky(positions)
    assert distance.arcsec.max() < 0.2
    off = catalogue.mag - sky.mag[index]
    fair = sky.mag[index] > PS1_SATURATION_MAG
    pull = (off / catalogue.err)[fair & np.isfinite(off)]
    assert np.std(pull) == pytest.approx(1.0, abs=0.02)
    assert np.nanmin(off[~fair & np.isfinite(off)]) > 0.05


# --- a night as a plan

def test_every_defect_and_regime_is_in_a_night_of_200_frames():
    plans = plan_night(200, rng())
    defects = Counter(plan.defect for plan in plans if plan.defect)
    assert len(defects) == len(DEFECTS) == 11
    assert set(defects) <= set(errors.REASONS)
    assert sum(defects.values()) == 16
    assert set(REGIMES) == {plan.regime for plan in plans}
    assert {plan.spec.camera for plan in plans} == set(CAMERAS)
    assert {plan.spec.filter_name for plan in plans} >= {'gp', 'rp', 'ip', 'zp', 'zs'}
    assert len({plan.exposure for plan in plans}) == 200


def test_names_and_places_follow_the_archive():
    for plan in plan_night(100, rng(), date='20190805'):
        assert NAME.fullmatch(plan.name(91))
        folder = f'archive/{plan.station.site}/{plan.station.camera}/20190805/processed'
        assert plan.path(91).parent.as_posix() == folder
        assert plan.path(11).parent.name == 'preview'
        assert plan.twin is False or plan.defect is None


def test_nights_run_from_local_noon_to_local_noon():
    # the middle of the night of 5 August is 05:02 UTC of 6 August in Chile (70.8 W), 14:04 UTC of 5 August in Australia
    assert local_midnight('20190805', 'lsc').isoformat()[:16] == '2019-08-06T04:43'
    assert local_midnight('20190805', 'coj').isoformat()[:16] == '2019-08-05T14:03'


def test_a_night_can_be_narrowed():
    plans = plan_night(30, rng(), sites=('lsc',), regimes=('plane',), defect_share=0.0)
    assert {plan.station.site for plan in plans} == {'lsc'}
    assert {plan.regime for plan in plans} == {'plane'}
    with pytest.raises(ValueError, match='no camera of lsc reaches a field of pole'):
        plan_night(3, rng(), sites=('lsc',), regimes=('pole',))


# --- a night on disk

def test_a_seed_repeats_the_files(tmp_path):
    runs = []
    for name in 'ab':
        argv = ['night', str(tmp_path / name), '--frames', '5', '--seed', '8', '--regimes', 'sparse', '--no-pixels']
        assert simulate(argv) == 0
        runs.append(files_of(tmp_path / name))
    assert runs[0] == runs[1]
    assert len(runs[0]) > 8
    frame = next(path for path in runs[0] if path.endswith('-e91.fits.fz'))
    with fits.open(tmp_path / 'a' / frame) as hdus:  # without pixels, the header still has the true shape
        assert hdus['SCI'].shape == CAMERAS[frame.split('/')[2][:2]].shape
        assert hdus['CAT'].data['flux'].dtype == np.dtype('>f8')


def test_frames_on_disk_agree_with_truth(small_night):
    out, truth = small_night
    assert truth['seed'] == 3
    assert len(truth['frames']) == 14
    for exposure, record in truth['frames'].items():
        assert record['name'].startswith(exposure + '-e91.fits')
        if record['defect'] == 'file-unreadable':
            continue
        with fits.open(out / record['path']) as hdus:
            header, names = hdus['SCI'].header, [column.lower() for column in hdus['CAT'].columns.names]
            assert len(hdus['CAT'].data) == record['n_rows']
        assert header.get('EXPTIME', record['exptime_s']) == record['exptime_s']
        assert (header['SITEID'], header['FILTER']) == (record['site'], record['filter'])
        assert {'x', 'y', 'peak', 'flux', 'fluxerr', 'background', 'fwhm', 'ellipticity', 'flag'} <= set(names)
        assert record['measurable'] == (record['defect'] is None and record['n_usable'] >= 20)


def test_twins_have_the_same_photons(small_night):
    out, truth = small_night
    twins = [record for record in truth['frames'].values() if record['twin']]
    assert twins
    for record in twins:
        quick = out / record['path'].replace('processed', 'preview').replace('-e91', '-e11')
        assert fits.getdata(quick, 'CAT').tobytes() == fits.getdata(out / record['path'], 'CAT').tobytes()


def test_fpacked_pixels_open_with_their_true_shape(small_night):
    out, truth = small_night
    record = next(r for r in truth['frames'].values() if r['camera'].startswith('f') and r['measurable'])
    with fits.open(out / record['path']) as hdus:
        shape = CAMERAS[record['camera'][:2]].shape
        assert isinstance(hdus['SCI'], fits.CompImageHDU)
        assert hdus['SCI'].shape == shape
        assert hdus['SCI'].section[5:7, :4].shape == (2, 4)


@pytest.mark.parametrize('build', ['full', 'lean', 'mixed'])
def test_catalogue_on_disk_holds_every_row_once(tmp_path, build):
    spec = FieldSpec(ra_deg=0.05, dec_deg=9.95, camera='ep', stars_per_sqdeg=5000.0)
    catalogue = draw_catalogue(draw_sky(spec, rng()), rng())
    write_catalogue(tmp_path, [catalogue], rng(), build=build)
    index = fits.getdata(tmp_path / 'SkyTable.fits', 'SKY_REGION')
    assert ('PARENT' in index.columns.names) == (build == 'lean')
    rows = 0
    for region in index:
        if build == 'lean' and not 0 < region['PARENT'] < 25:
            continue
        name = region['NAME'].strip('\0 ')
        table = fits.getdata(tmp_path / (name if name.endswith('.fits') else name + '.fits'))
        width = (region['R_MAX'] - region['R_MIN']) % 360 or 360
        assert ((table['RA'] - region['R_MIN'] + 1e-4) % 360 <= width + 2e-4).all()
        assert ((table['DEC'] > region['D_MIN'] - 1e-5) & (table['DEC'] < region['D_MAX'] + 1e-5)).all()
        lean = 'g_err' not in table.columns.names
        assert table['g'].dtype == (np.dtype('>f4') if lean else np.dtype('>f8'))
        rows += len(table)
    assert rows == len(catalogue.ra_deg)
    assert any(region['R_MIN'] > region['R_MAX'] or region['R_MIN'] < 0 for region in index)


def test_fields_with_gaps_say_which_files_are_missing(tmp_path):
    plans = plan_night(1, rng(), regimes=('incomplete',), defect_share=0.0)
    write_night(tmp_path, plans, rng(), pixels=False)
    index = fits.getdata(tmp_path / 'ps1' / 'SkyTable.fits', 'SKY_REGION')
    there = [(tmp_path / 'ps1' / region['NAME'].strip()).exists() for region in index]
    assert there.count(False) == 1


# --- the command

def test_output_is_not_mixed_with_what_is_there(tmp_path, capsys):
    (tmp_path / 'x').write_text('')
    assert simulate(['night', str(tmp_path)]) == 2
    assert 'is not an empty directory' in capsys.readouterr().err


@pytest.mark.parametrize('argv', [['--sites', 'xyz'], ['--date', '2019-8'], ['--frames', '0'], ['--defects', '2'], []])
def test_usage_errors_end_with_status_2(argv, tmp_path):
    with pytest.raises(SystemExit) as stop:
        simulate(['night', *([str(tmp_path / 'o')] if argv else []), *argv])
    assert stop.value.code == 2


# --- what studies of accuracy ask for

def misplaced_arcsec(frame, sky):
    """East and north (n, 2) by which the header puts usable stars away from where they are."""
    rows = frame.usable
    there = sky_coordinates(frame)[rows]
    true = SkyCoord(sky.ra_deg[frame.star[rows]], sky.dec_deg[frame.star[rows]], unit='deg')
    east, north = true.spherical_offsets_to(there)
    return np.column_stack([east.arcsec, north.arcsec])


def test_a_solution_is_off_by_just_what_is_asked_for():
    spec = FieldSpec(wcs_offset_arcsec=180.0, pointing_arcsec=0.0, distortion_arcsec=0.0)
    frame, _, sky = simulate_frame(spec, rng(2))
    assert np.hypot(*np.median(misplaced_arcsec(frame, sky), axis=0)) == pytest.approx(180.0, abs=0.1)


def test_a_solution_is_turned_by_just_what_is_asked_for():
    spec = FieldSpec(wcs_rotation_deg=0.3, pointing_arcsec=0.0, distortion_arcsec=0.0)
    frame, _, sky = simulate_frame(spec, rng(3))
    away = np.hypot(frame.columns['x'] - 2048.5, frame.columns['y'] - 2048.5)[frame.usable] * 0.389
    # A turn by an angle a moves what is at a distance d by 2 d sin(a / 2): 5.2" at 1000".
    np.testing.assert_allclose(np.hypot(*misplaced_arcsec(frame, sky).T), 2 * away * np.sin(np.radians(0.15)), atol=0.6)


def brightness(spec, seed=4):
    """By how many mag unflagged stars of S/N > 100 are brighter than the planted zeropoint has them: (n,)."""
    spec = replace(spec, kron_shape='none', galaxy_fraction=0.0, variable_fraction=0.0)
    frame, _, sky = simulate_frame(spec, rng(seed))
    rows = (frame.star >= 0) & (frame.columns['flag'] == 0) & (frame.columns['flux'] > 100 * frame.columns['fluxerr'])
    planted = true_electrons(sky.mag[frame.star[rows]], spec)
    return 2.5 * np.log10(frame.columns['flux'][rows] / planted)


def test_a_share_of_the_stars_is_too_bright():
    too_bright = brightness(FieldSpec(biased_fraction=0.3, stars_per_sqdeg=9000.0)) > 0.045
    assert np.mean(too_bright) == pytest.approx(0.3, abs=0.08)
    assert np.mean(brightness(FieldSpec()) > 0.045) < 0.06
    with_bias, _, _ = simulate_frame(FieldSpec(biased_fraction=0.3), rng(4))
    without, _, _ = simulate_frame(FieldSpec(), rng(4))
    assert with_bias.n_usable < 0.8 * without.n_usable


def test_a_thin_cloud_scatters_and_keeps_the_mean():
    clear, cloudy = brightness(FieldSpec()), brightness(FieldSpec(cloud_mag=0.1))
    assert np.std(cloudy[np.abs(cloudy) < 0.2]) > 0.03 > 2 * np.std(clear[np.abs(clear) < 0.05])
    assert abs(np.median(cloudy)) < 0.04


def test_colours_and_rows_of_the_catalogue_can_be_limited():
    _, _, sky = simulate_frame(FieldSpec(colours=(0.8, 1.2)), rng(5))
    assert np.all(np.abs(sky.mag[:, 0] - sky.mag[:, 2] - 1.0) <= 0.2 + 1e-9)
    _, holes, sky = simulate_frame(FieldSpec(catalogue_missing=0.2), rng(5))
    bright = sky.mag[:, 2] < 19
    assert np.mean(holes.valid[bright, 2]) == pytest.approx(0.8, abs=0.03)
