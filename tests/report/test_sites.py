"""The longitude of a site that only the data name: from nights, and not where there are none."""

import math

import numpy as np
import pytest

from photzp.observatory import load_observatory
from photzp.report.sites import longitude_of, with_sites_of_data
from photzp.times import night_of

LCO = load_observatory()
NOW = np.datetime64('2026-01-01', 'ms')
HOUR, DAY = np.timedelta64(3_600_000, 'ms'), np.timedelta64(1, 'D')


def nights(longitude_deg, hours=10.0, count=40, frames=12):
    """Times of frames, (count * frames,): nights of this length around local midnight."""
    midnight = np.datetime64('2024-03-01', 'ms') + (24 - longitude_deg / 15) * HOUR
    offsets = np.linspace(-hours / 2, hours / 2, frames) * HOUR
    return (midnight + np.arange(count)[:, None] * DAY + offsets.astype('timedelta64[ms]')).ravel()


@pytest.mark.parametrize('longitude_deg', [0.0, 20.810, 149.071, 179.0, -70.805, -156.258, -179.9])
@pytest.mark.parametrize('hours', [4.0, 10.0, 14.0, 17.5])
def test_the_longitude_of_nights(longitude_deg, hours):
    found = longitude_of(nights(longitude_deg, hours))
    assert -180 <= found < 180
    assert abs((found - longitude_deg + 180) % 360 - 180) <= 2.5


def test_nights_are_not_cut_by_the_longitude_that_their_frames_show():
    for longitude_deg in np.linspace(-180, 180, 25):
        time = nights(longitude_deg, hours=15.0)
        assert len(np.unique(night_of(time, longitude_of(time)))) == 40


def test_more_frames_in_the_evening_move_the_longitude_and_cut_no_night():
    time = nights(149.0, hours=13.0, frames=40).reshape(40, 40)
    skewed = np.concatenate([time[:, :15].ravel(), time[:, ::5].ravel()])
    assert len(np.unique(night_of(skewed, longitude_of(skewed)))) == 40


def test_some_wrong_clocks_change_nothing():
    right = nights(149.0, count=50)
    assert longitude_of(np.concatenate([right, right[:30] + 12 * HOUR])) == 150.0
    assert longitude_of(np.concatenate([right, right[:120] + 12 * HOUR])) is None


@pytest.mark.parametrize('time', [
    nights(149.0, hours=23.0), nights(149.0, hours=20.0), nights(149.0, count=4), nights(149.0, frames=1, count=19),
    nights(149.0)[:0], np.concatenate([nights(149.0, hours=8), nights(-31.0, hours=8)])])
def test_what_shows_no_longitude(time):
    assert longitude_of(time) is None


def with_sites(**times):
    """The observatory with the sites of a database, which has these times of each and looks up no others."""

    def of_site(site, start, end):
        assert (str(start)[:4], end) == ('1990', NOW)
        return times[site]

    return with_sites_of_data(times.keys(), of_site, LCO, NOW)


def test_an_unknown_site_is_added_with_one_warning_that_says_what_to_write(caplog):
    observatory = with_sites(lsc=None, xyz=nights(149.071))
    assert observatory.longitude_deg('xyz') == 150.0
    assert math.isnan(observatory.sites['xyz'].latitude_deg)
    assert {**observatory.sites, 'xyz': None} == {**LCO.sites, 'xyz': None}
    said, = caplog.messages
    for words in ('site xyz is not in observatory.toml', 'longitude +150 deg', '480 frames',
                  'xyz = {latitude_deg = ..., longitude_deg = ...}', '[sites]', '--observatory'):
        assert words in said


def test_where_frames_show_no_longitude_it_is_0_and_that_is_said(caplog):
    observatory = with_sites(xyz=nights(149.0, hours=23.0))
    assert (observatory, observatory.longitude_deg('xyz')) == (LCO, 0.0)
    said, = caplog.messages
    assert 'site xyz is not in observatory.toml: nights are cut at noon of Greenwich' in said
    assert 'xyz = {latitude_deg' in said


def test_names_that_cannot_be_reported_are_not_looked_at(caplog):
    assert with_sites(**{'lsc': None, '../etc': None, '': None}) == LCO
    assert caplog.messages == []
