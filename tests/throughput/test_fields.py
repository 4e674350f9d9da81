"""Fields of pointings: dithers belong together, other targets do not, a survey is cut into cells."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import angular_separation, offset_by
from hypothesis import given
from hypothesis import strategies as st

from photzp.throughput.fields import field_cells

RA, DEC, ANGLE = st.floats(-10, 370), st.floats(-90, 90), st.floats(0, 360)


def moved(ra, dec, angle, distance_deg):
    """Positions at a distance from others [deg], in a direction counted from north."""
    return np.array([each.to_value(u.deg) for each in offset_by(*(v * u.deg for v in (ra, dec, angle, distance_deg)))])


def apart_deg(one, other):
    return np.degrees(angular_separation(*map(np.radians, (*one, *other))))


@given(ra=RA, dec=DEC, angles=st.lists(ANGLE, min_size=2, max_size=5), radius=st.floats(0, 0.05))
def test_dithers_about_a_position_are_one_field_anywhere_on_the_sky(ra, dec, angles, radius):
    dithers = [moved(ra, dec, angle, radius) for angle in angles]
    assert field_cells(*np.transpose([(ra, dec), *dithers])).tolist() == [0] * (1 + len(dithers))


@given(ra=RA, dec=DEC, angle=ANGLE)
def test_neighbours_are_two_fields_anywhere_on_the_sky(ra, dec, angle):
    assert sorted(field_cells(*np.transpose([(ra, dec), moved(ra, dec, angle, 0.3)]))) == [0, 1]


@pytest.mark.parametrize(('ra', 'dec'), [(0.0, 0.0), (0.0, 10.0), (180.0, -29.9), (77.7, 90.0), (12.0, -89.9)])
def test_a_field_at_a_border_of_the_grid_is_not_split_and_a_survey_is_cut(ra, dec):
    rng = np.random.default_rng(1)
    for radius, fields in ((0.05, (1, 1)), (1.0, (75, 125))):  # a disc of 1 deg has the area of 79 cells of 0.2 deg
        position = moved(ra, dec, rng.uniform(0, 360, 3000), radius * np.sqrt(rng.uniform(size=3000)))
        codes = field_cells(*position)
        assert fields[0] <= codes.max() + 1 <= fields[1]
        assert set(codes) == set(range(codes.max() + 1))
        for code in set(codes):
            members = position[:, codes == code]
            assert apart_deg(members[:, :1], members).max() < 0.45
        nearby = field_cells(*np.hstack([position, moved(*position, 45.0, 3 / 3600)]))
        assert np.mean(nearby[:3000] == nearby[3000:]) > 0.95  # 3 arcsec cross few borders


def test_fields_do_not_depend_on_the_order_of_the_rows():
    rng = np.random.default_rng(2)
    ra, dec = rng.uniform(358, 362, 2000), rng.uniform(58, 62, 2000)
    order = rng.permutation(2000)
    np.testing.assert_array_equal(field_cells(ra, dec)[order], field_cells(ra[order], dec[order]))


def test_rows_without_a_position_have_no_field():
    nan = np.nan
    codes = field_cells([10.0, nan, 10.0, 200.0, np.inf, 10.0], [20.0, 20.0, nan, 20.0, 20.0, 90.1])
    assert codes[[1, 2, 4, 5]].tolist() == [-1] * 4
    assert sorted(codes[[0, 3]]) == [0, 1]
    assert field_cells([nan], [nan]).tolist() == [-1]
    assert field_cells([], []).shape == (0,)


def test_right_ascension_is_of_any_turn():
    assert len(set(field_cells([-0.005, 359.995, 719.995, 0.004, 360.0], [5.0] * 5))) == 1
