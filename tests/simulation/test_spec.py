"""What a frame is drawn from: cameras as published, flags by version of the pipeline, zeropoints through the air."""

from dataclasses import replace

import pytest

from simulation.spec import CAMERAS, FieldSpec, flag_values, version_of


@pytest.mark.parametrize(('camera', 'field_arcmin'), [
    # Sinistro: https://lco.global/observatory/instruments/sinistro
    # MuSCAT3: https://lco.global/observatory/instruments/muscat3
    ('fa', (26.5, 26.5)), ('fl', (26.5, 26.5)), ('ep', (9.1, 9.1))])
def test_fields_of_cameras_are_those_of_the_observatory(camera, field_arcmin):
    model = CAMERAS[camera]
    assert [side * model.pixel_arcsec / 60 for side in model.shape] == pytest.approx(field_arcmin, rel=0.02)


def test_the_half_diagonal_by_hand():
    # 4096 pixels of 0.389" are 1593.3", half of it times the root of 2 is 1126.7" or 0.31296 deg
    assert CAMERAS['fa'].half_diagonal_deg == pytest.approx(0.31296, abs=1e-5)


def test_the_zeropoint_is_that_of_a_clean_telescope_less_air_and_cloud():
    spec = FieldSpec(camera='fa', filter_name='gp', airmass=2.0, transparency_mag=0.3)
    assert spec.true_zp_mag == pytest.approx(24.3 - 0.14 - 0.3)
    assert replace(spec, zp_mag=21.0).true_zp_mag == 21.0


def test_filters_have_their_bands_and_images_may_be_cut():
    assert [FieldSpec(filter_name=name).band for name in ('gp', 'rp', 'ip', 'zp', 'zs', 'w', 'B')] == [
        0, 1, 2, 3, 3, 1, 0]
    assert FieldSpec(camera='kb').shape == (2048, 3072)
    assert FieldSpec(camera='kb', crop=(100, 200)).shape == (100, 200)


@pytest.mark.parametrize(('pipeline', 'saturated', 'edge'), [
    ('1.15.0', 4, 8), ('1.40.0', 4, 8), ('2.0', 4, 8), ('1.9.6', 0, 18), ('1.14.9', 0, 18), ('', 0, 18)])
def test_flags_changed_their_meaning_with_version_1_15(pipeline, saturated, edge):
    """Versions are numbers: 1.9 is older than 1.15."""
    flags = flag_values(pipeline)
    assert (flags['saturated'], flags['edge']) == (saturated, edge)
    assert version_of('1.9.6') < version_of('1.15.0')
