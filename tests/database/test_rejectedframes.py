"""Frames that were looked at and not measured, and which frames need no second look."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from photdbinterface import RejectedFrame
from photzp.database.tables import REJECT
from tests.support.databaserows import E11, E91, OTHER, measured

SIZE, MTIME = 3_000_000_000, 1_700_000_000_123_456_789


def unchanged(name):
    return SIZE, MTIME


def rejected(name=E91, **values):
    usual = RejectedFrame(name=name, reason='too-few-stars', detail='found 3', retry=False, size=SIZE, mtime=MTIME,
                          exptime_s=60.0)
    return replace(usual, **values)


def test_a_rejected_frame_is_read_back_and_known_under_its_own_name_only(db):
    db.reject(rejected(E11))
    assert db.rejections() == [rejected(E11)]
    assert db.known([E11, E91, OTHER], mintexp_s=60, stat=unchanged) == {E11: 'rejected'}
    assert db.known([f'/some/{E11}']) == {f'/some/{E11}': 'rejected'}


def test_a_measured_frame_makes_lower_levels_known_and_not_higher_ones(db):
    db.add(measured(E11))
    assert db.known([E11, E91]) == {E11: 'measured'}
    db.add(measured(E91))
    assert db.known([E11, E91, OTHER]) == {E11: 'measured', E91: 'measured'}


def test_a_rejected_final_frame_does_not_hide_the_measured_quick_look(db):
    db.add(measured(E11))
    db.reject(rejected(E91))
    assert list(db.zeropoints().name) == [E11]
    assert db.known([E11, E91], stat=unchanged) == {E11: 'measured', E91: 'rejected'}


def test_measuring_a_frame_removes_its_rejection_and_no_other(db):
    db.reject_many([rejected(E11), rejected(E91), rejected(OTHER)])
    db.add(measured(f'/some/{E91}'))
    assert [frame.name for frame in db.rejections()] == [E11, OTHER]


def test_rejecting_a_measured_frame_takes_nothing_away(db):
    db.add(measured())
    db.reject(rejected())
    assert len(db.zeropoints()) == 1
    assert db.known([E91]) == {E91: 'measured'}


@pytest.mark.parametrize(
    ('change', 'now', 'mintexp_s', 'stands'),
    [
        ({}, (SIZE, MTIME), 60, True),
        ({'retry': True}, (SIZE, MTIME), 60, False),
        ({}, (SIZE + 1, MTIME), 60, False),
        ({}, (SIZE, MTIME + 1), 60, False),
        ({'size': None, 'mtime': None}, (SIZE, MTIME), 60, False),
        ({'reason': 'exposure-too-short', 'exptime_s': 30.0}, (SIZE, MTIME), 60, True),
        ({'reason': 'exposure-too-short', 'exptime_s': 30.0}, (SIZE, MTIME), 30, False),
        ({'reason': 'exposure-too-short', 'exptime_s': 30.0}, (SIZE, MTIME), None, True),
        ({'reason': 'exposure-too-short', 'exptime_s': None}, (SIZE, MTIME), 60, False),
        ({'reason': 'too-few-stars', 'exptime_s': 90.0}, (SIZE, MTIME), 60, True),
    ],
)
def test_when_a_rejection_stands(db, change, now, mintexp_s, stands):
    db.reject(rejected(**change))
    assert db.known([E91], mintexp_s=mintexp_s, stat=lambda name: now) == ({E91: 'rejected'} if stands else {})


def test_only_files_whose_rejection_would_stand_are_looked_at_on_disk(db):
    looked = []

    def stat(name):
        looked.append(name)
        raise FileNotFoundError(name)

    db.add(measured(OTHER))
    db.reject_many([rejected(OTHER), rejected(E91), rejected('x-1-e91.fits', retry=True)])
    assert db.known([OTHER, f'/some/{E91}', 'x-1-e91.fits', 'never-seen-e91.fits'], stat=stat) == {OTHER: 'measured'}
    assert looked == [f'/some/{E91}']


def test_known_asks_for_many_names_at_once(db):
    names = [f'lsc1m005-fa15-20190805-{number:04d}-e91.fits.fz' for number in range(4000)]
    db.add_many(measured(name) for name in names[::2])
    db.reject_many(rejected(name) for name in names[1::4])
    verdicts = db.known(names, stat=unchanged)
    assert {name for name, verdict in verdicts.items() if verdict == 'measured'} == set(names[::2])
    assert {name for name, verdict in verdicts.items() if verdict == 'rejected'} == set(names[1::4])


def test_the_exposure_is_stored_beside_the_name(db):
    db.reject(rejected(f'/some/{E11}'))
    with db.transaction() as connection:
        rows = connection.execute(sa.select(REJECT.c.name, REJECT.c.frame)).all()
    assert rows == [(E11, 'lsc1m005-fa15-20190805-0123')]
