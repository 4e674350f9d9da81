"""In any order of writing and rejecting nothing is lost."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from photdbinterface import PhotDatabase, RejectedFrame
from tests.support.databaserows import clock, measured

FRAME_NAMES = st.builds(
    lambda folder, number, level: f'{folder}lsc1m005-fa15-20190805-{number:04d}-e{level}.fits.fz',
    st.sampled_from(['', '/archive/', '/another/place/']), st.integers(1, 3), st.sampled_from([11, 91]),
)  # fmt: skip


ACTS = st.sampled_from(['add', 'reject'])


STEPS = st.lists(st.tuples(ACTS, st.lists(FRAME_NAMES, min_size=1, max_size=3)), max_size=9)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_in_any_order_nothing_is_lost_and_an_exposure_counts_once(steps):
    zeropoint_of, rejections = {}, set()
    with tempfile.TemporaryDirectory() as directory, PhotDatabase(Path(directory) / 'z.db', now=clock()) as db:
        for zp, (act, names) in enumerate(steps):
            bases = {os.path.basename(name) for name in names}
            if act == 'add':
                db.add_many(measured(name, zp=zp) for name in names)
                zeropoint_of |= dict.fromkeys(bases, float(zp))
                rejections -= bases
            else:
                db.reject_many(RejectedFrame(name=name, reason='too-few-stars') for name in names)
                rejections |= bases
        every = db.zeropoints(one_per_exposure=False)
        assert dict(zip(every.name, every.zp, strict=True)) == zeropoint_of
        assert len(every) == len(zeropoint_of)
        assert {frame.name for frame in db.rejections()} == rejections
        best = db.zeropoints()
        exposures = [name.split('-e')[0] for name in best.name]
        assert sorted(exposures) == sorted({name.split('-e')[0] for name in zeropoint_of})
        for name in best.name:
            assert 'e91' in name or name.replace('-e11', '-e91') not in zeropoint_of
        exposures = [f'lsc1m005-fa15-20190805-{number:04d}' for number in (1, 2, 3)]
        all_names = [f'{exposure}-e{level}.fits.fz' for exposure in exposures for level in (11, 91)]
        expected = {name: 'rejected' for name in all_names if name in rejections}
        expected |= {name: 'measured' for name in all_names
                     if name in zeropoint_of or name.replace('-e11', '-e91') in zeropoint_of}  # fmt: skip
        assert db.known(all_names) == expected


def test_opening_again_adds_nothing_and_keeps_all(place):
    for number in range(3):
        with PhotDatabase(place) as db:
            db.add(measured(f'x-{number}-e91.fits'))
    with PhotDatabase(place) as db:
        assert len(db.zeropoints()) == 3
