"""Fields of a simulated night: each can be observed by a camera for it."""

from simulation.fields import FIELDS, REGIMES, reachable_fields
from simulation.spec import SITES


def test_every_field_is_reached_by_a_camera_of_its_regime():
    places = reachable_fields(tuple(SITES), REGIMES)
    assert {field.name for pairs in places.values() for _, field in pairs} == {field.name for field in FIELDS}
    for regime, pairs in places.items():
        assert {station.camera[:2] for station, _ in pairs} <= set(REGIMES[regime].cameras)


def test_no_site_observes_what_is_low_above_its_horizon():
    places = reachable_fields(('coj', 'elp'), ('ordinary', 'pole'))
    assert {station.site for station, _ in places['pole']} == {'elp'}  # 1 deg from the celestial pole
    # latitude -31.3 deg: 62 deg from the zenith is a declination of 30.7 deg at most
    assert max(field.dec_deg for station, field in places['ordinary'] if station.site == 'coj') < 30.7


def test_regimes_without_any_field_in_reach_are_left_out():
    assert reachable_fields(('lsc',), ('pole', 'plane')).keys() == {'plane'}
