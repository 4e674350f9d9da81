"""What events gave, on the page: by kind over the fleet, and event by event."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from photzp.answers.gains import FleetGain, Gain
from photzp.answers.gather import Answers
from tests.support.pagesamples import index_of, part, rows_of
from tests.support.sampleanswers import ONE, TWO


def gain(telescope, when, kind, size, name='', **changes):
    lost = Gain(telescope=telescope, filter=name, time=np.datetime64(when, 'ms'), kind=kind, recorded=True,
                instrumental=False, gain_mag=size, gain_error_mag=0.004, gain_percent=100 * (10 ** (0.4 * size) - 1),
                gain_percent_error=0.4, lasted_days=240.0, lasted_error_days=20.0, outcome='lost', observed_days=500.0)
    return replace(lost, **changes)


def test_the_fleet_has_a_row_for_each_kind_the_most_frequent_first():
    recoating = FleetGain(kind='recoating', filter='', number=1, mean_mag=0.2, mean_error_mag=0.01, scatter_mag=0.0,
                          lasted_days=math.nan, lost=0)
    wash = FleetGain(kind='wash', filter='', number=3, mean_mag=0.1, mean_error_mag=0.02, scatter_mag=0.034,
                     lasted_days=450.0, lost=2)
    fleet = (recoating, replace(recoating, filter='rp'), wash, replace(wash, filter='rp', mean_mag=0.11),
             replace(wash, filter='gp', mean_mag=0.12, mean_error_mag=0.03))
    html = part(index_of(Answers(fleet=fleet)), 'gains')
    assert rows_of(html) == [
        ['wash', '3', '+100 ± 20', '+9.6 ± 2.0', '34', '15 months', '2', '+120 ± 30', '+110 ± 20'],
        ['recoating', '1', '+200 ± 10', '+20.2 ± 1.1', '–', '–', '0', '–', '+200 ± 10']]
    assert re.findall(r'<th scope="col" class="number">(gp|rp)<small>mmag', html) == ['gp', 'rp']


def test_the_last_events_have_their_gains_by_filter_the_newest_on_top():
    events = (gain(ONE, '2025-03-04', 'wash', 0.1), gain(TWO, '2025-06-07', 'cleaning', -0.02, outcome='no gain'))
    single = (gain(ONE, '2025-03-04', 'wash', 0.09, 'rp'), gain(ONE, '2025-03-04', 'wash', 0.11, 'gp'),
              gain(TWO, '2025-06-07', 'cleaning', -0.02, 'rp'))
    assert rows_of(part(index_of(Answers(events=events, gains=single)), 'gains')) == [
        ['2025-06-07', TWO, 'cleaning', '−20 ± 4', '−1.8 ± 0.4', '–', '−20 ± 4', 'no gain'],
        ['2025-03-04', ONE, 'wash', '+100 ± 4', '+9.6 ± 0.4', '+110 ± 4', '+90 ± 4', 'lost after 8 months']]


def test_an_event_that_was_moved_tells_when_it_is_recorded():
    moved = gain(ONE, '2025-03-04', 'wash', 0.1, written=np.datetime64('2025-03-15T16:00', 'ms'))
    kept = gain(TWO, '2025-01-04', 'wash', 0.1)
    shown = rows_of(part(index_of(Answers(events=(moved, kept))), 'gains'))
    assert [line[0] for line in shown] == ['2025-03-04 recorded 2025-03-15', '2025-01-04']


def test_a_gain_that_is_unknown_is_a_dash():
    unknown = gain(ONE, '2025-03-04', 'wash', math.nan, gain_error_mag=math.nan, gain_percent_error=math.nan,
                   lasted_days=math.nan, outcome='unknown', instrumental=True)
    line, = rows_of(part(index_of(Answers(events=(unknown,), gains=(replace(unknown, filter='rp'),))), 'gains'))
    assert line[2:] == ['wash', '–', '–', '–', 'unknown, the camera was changed, too']


def test_fifteen_events_are_shown_the_earlier_ones_folded():
    events = tuple(gain(ONE, f'2024-{month:02}-0{number}', 'cleaning', 0.05) for month in range(1, 10)
                   for number in (1, 2))
    shown, rest = part(index_of(Answers(events=events)), 'gains').split('<details>')
    dates = [line[0] for line in rows_of(shown) + rows_of(rest)]
    assert len(rows_of(shown)) == 15
    assert dates == sorted(dates, reverse=True)
    assert len(dates) == 18


@pytest.mark.parametrize(('changes', 'told'), [
    ({}, 'lost after 8 months'), ({'lasted_days': 12.4}, 'lost after 12 d'),
    ({'outcome': 'not lost yet', 'lasted_days': 900.0}, 'not lost yet, expected after 2.5 years'),
    ({'outcome': 'no gain', 'lasted_days': math.nan}, 'no gain'),
    ({'outcome': 'unknown', 'lasted_days': math.nan}, '–'),
    ({'instrumental': True}, 'unknown, the camera was changed, too'),
    ({'instrumental': True, 'kind': 'instrument'}, 'cameras differ in it'),
])
def test_how_long_a_gain_lasted(changes, told):
    events = (replace(gain(ONE, '2025-03-04', 'wash', 0.1), **changes),)
    assert rows_of(part(index_of(Answers(events=events)), 'gains'))[0][-1] == told
