"""One simulated frame: what is planted is what it holds, by arithmetic that is not its own."""

from dataclasses import replace

import numpy as np
import pytest

from simulation.frame import _kron_loss, _true_electrons, simulate_frame
from simulation.spec import FieldSpec
from tests.support.simulated import rng


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
        assert _true_electrons(star, spec)[0] == pytest.approx(100.0, rel=2e-5)


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
    assert _kron_loss(snr, i_mag, 'snr', 0.44)[0] == pytest.approx(0.44 / np.sqrt(26))
    for shape in ('inverse', 'mag'):
        np.testing.assert_allclose(_kron_loss(snr, i_mag, shape, 0.44), [0.09, 0.0], atol=1e-4)
    assert not _kron_loss(snr, i_mag, 'none', 0.44).any()
    with pytest.raises(ValueError, match="kron shape 'cubic' is none of snr, mag, inverse, none"):
        _kron_loss(snr, i_mag, 'cubic', 0.44)


def test_kron_loss_of_a_frame_is_the_one_that_was_asked_for():
    spec = FieldSpec(filter_name='ip', stars_per_sqdeg=20000.0, kron_amplitude_mag=0.4, exptime_s=250.0)
    with_loss, without = (simulate_frame(s, rng(4))[0] for s in (spec, replace(spec, kron_shape='none')))
    flux, plain = (frame.columns['flux'][frame.usable] for frame in (with_loss, without))
    snr = plain / without.columns['fluxerr'][without.usable]
    faint = (snr > 30) & (snr < 60)
    loss = -2.5 * np.log10(np.sort(flux)[::-1][faint] / np.sort(plain)[::-1][faint])
    assert np.median(loss) == pytest.approx(0.4 / np.sqrt(np.median(snr[faint])), rel=0.15)


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


# --- what studies of accuracy ask for

def brightness(spec, seed=4):
    """By how many mag unflagged stars of S/N > 100 are brighter than the planted zeropoint has them: (n,)."""
    spec = replace(spec, kron_shape='none', galaxy_fraction=0.0, variable_fraction=0.0)
    frame, _, sky = simulate_frame(spec, rng(seed))
    rows = (frame.star >= 0) & (frame.columns['flag'] == 0) & (frame.columns['flux'] > 100 * frame.columns['fluxerr'])
    planted = _true_electrons(sky.mag[frame.star[rows]], spec)
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
