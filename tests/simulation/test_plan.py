"""A night as a plan: every defect and field, names and places as in the archive."""

import re
from collections import Counter

import pytest

from photzp import errors
from simulation.fields import REGIMES
from simulation.plan import DEFECTS, NightSpec, _local_midnight, plan_night
from simulation.spec import CAMERAS
from tests.support.simulated import rng

NAME = re.compile(r'[a-z]{3}\dm\d{3}-[a-z]{2}\d{2}-\d{8}-\d{4}-e(91|11)\.fits(\.fz)?')


def test_every_defect_and_regime_is_in_a_night_of_200_frames():
    plans = plan_night(NightSpec(frames=200), rng())
    defects = Counter(plan.defect for plan in plans if plan.defect)
    assert len(defects) == len(DEFECTS) == 11
    assert set(defects) <= set(errors.REASONS)
    assert sum(defects.values()) == 16
    assert set(REGIMES) == {plan.regime for plan in plans}
    assert {plan.spec.camera for plan in plans} == set(CAMERAS)
    assert {plan.spec.filter_name for plan in plans} >= {'gp', 'rp', 'ip', 'zp', 'zs'}
    assert len({plan.exposure for plan in plans}) == 200


def test_names_and_places_follow_the_archive():
    for plan in plan_night(NightSpec(frames=100, date='20190805'), rng()):
        assert NAME.fullmatch(plan.name(91))
        folder = f'archive/{plan.station.site}/{plan.station.camera}/20190805/processed'
        assert plan.path(91).parent.as_posix() == folder
        assert plan.path(11).parent.name == 'preview'
        assert plan.twin is False or plan.defect is None


def test_nights_run_from_local_noon_to_local_noon():
    # the middle of the night of 5 August is 05:02 UTC of 6 August in Chile (70.8 W), 14:04 UTC of 5 August in Australia
    assert _local_midnight('20190805', 'lsc').isoformat()[:16] == '2019-08-06T04:43'
    assert _local_midnight('20190805', 'coj').isoformat()[:16] == '2019-08-05T14:03'


def test_a_night_can_be_narrowed():
    plans = plan_night(NightSpec(frames=30, sites=('lsc',), regimes=('plane',), defect_share=0.0), rng())
    assert {plan.station.site for plan in plans} == {'lsc'}
    assert {plan.regime for plan in plans} == {'plane'}
    with pytest.raises(ValueError, match='no camera of lsc reaches a field of pole'):
        plan_night(NightSpec(frames=3, sites=('lsc',), regimes=('pole',)), rng())
