"""Fields and seeing: offsets of 8 mmag that stay with the field, half of the frames on three, seeing and its slope."""

from collections import Counter

import numpy as np
import pytest

from simulation.fleet import TrueTelescope, YearsSpec
from simulation.pointings import draw_pointings, field_offsets, point_frames
from tests.support.simulated import rng

SPEC = YearsSpec(years=3.0)


def pointings(site='lsc', seed=1, cameras=(('fa10', 0, 1096),)):
    telescope = TrueTelescope(site=site, enclosure='doma', telescope='1m0s', tag='1m005', events=(), cameras=cameras,
                              open_nights=np.ones(SPEC.n_nights, bool), native=False, old_until=0)
    return draw_pointings(telescope, SPEC, rng(seed))


@pytest.fixture(scope='module')
def frames():
    """Frames at all hours of each night: night, day, camera."""
    night = np.repeat(np.arange(SPEC.n_nights), 12)
    return {'night': night, 'day': night + np.tile(np.linspace(0.26, 0.74, 12), SPEC.n_nights),
            'camera': np.full(len(night), 'fa10')}


def test_half_of_the_frames_are_on_three_fields():
    found = pointings()
    counts = Counter(zip(found.ra_deg.ravel().tolist(), found.dec_deg.ravel().tolist(), strict=True))
    share = sum(count for _, count in counts.most_common(3)) / found.ra_deg.size
    assert share == pytest.approx(0.5, abs=0.03)
    assert len(counts) > 1000


def test_offsets_of_fields_scatter_by_8_mmag_and_are_the_same_for_all():
    ra, dec = rng().uniform(0, 360, 20_000), rng(2).uniform(-30, 60, 20_000)
    of_filter = {name: field_offsets(ra, dec, name, SPEC) for name in ('gp', 'rp')}
    for values in of_filter.values():
        assert np.std(values) == pytest.approx(0.008, rel=0.03)
        assert abs(values.mean()) < 0.0003
    assert abs(np.corrcoef(of_filter['gp'], of_filter['rp'])[0, 1]) < 0.03
    np.testing.assert_array_equal(of_filter['gp'], field_offsets(ra, dec, 'gp', YearsSpec(years=1.0)))
    assert np.abs(of_filter['gp'] - field_offsets(ra, dec, 'gp', YearsSpec(seed=2))).max() > 0.01


def test_frames_of_a_field_share_its_offset_whatever_the_pointing_error(frames):
    found = pointings()
    flat = {**found.__dict__, 'fwhm_slope': {'fa10': 0.0}}
    pointed = point_frames(type(found)(**flat), frames, 'rp', SPEC, rng())
    cells = {}
    for effect, ra in zip(pointed.effect.round(9).tolist(), pointed.ra_deg.tolist(), strict=True):
        cells.setdefault(effect, []).append(ra)
    most = max(cells.values(), key=len)
    assert len(most) > 1000
    assert 0.001 < np.std(most) < 0.006
    assert np.std(pointed.effect) == pytest.approx(0.008, rel=0.5)


def test_fields_are_high_at_midnight_and_in_the_catalogue():
    for site in ('lsc', 'ogg'):
        found = pointings(site)
        june = found.ra_deg[165:175].ravel()  # near the solstice, 18 h is highest at midnight
        assert np.angle(np.mean(np.exp(1j * np.deg2rad(june))), deg=True) % 360 == pytest.approx(270, abs=45)
        assert found.dec_deg.min() >= -30
        assert found.dec_deg.max() <= 60


def test_seeing_is_lognormal_and_acts_by_its_slope(frames):
    found = pointings()
    steep = type(found)(**{**found.__dict__, 'fwhm_slope': {'fa10': 1.0}})
    pointed = point_frames(steep, frames, 'rp', SPEC, rng())
    seeing = np.log(pointed.fwhm_arcsec)
    assert np.exp(np.median(seeing)) == pytest.approx(1.8, rel=0.03)
    assert np.std(seeing) == pytest.approx(0.25, rel=0.05)
    assert np.std(pointed.effect - (seeing - np.log(1.8))) == pytest.approx(0.008, rel=0.5)


def test_slopes_of_cameras_scatter_by_10_mmag():
    slopes = [value for seed in range(150) for value in
              pointings(seed=seed, cameras=(('fa10', 0, 500), ('fa40', 500, 1096))).fwhm_slope.values()]
    assert np.std(slopes) == pytest.approx(0.010, rel=0.15)
    assert abs(np.mean(slopes)) < 0.002
