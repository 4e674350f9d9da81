"""A sample of each kind of damaged frame through the script; all of them are tried by `make torture`."""

import numpy as np
import pytest

from benchmarks.torture import baseframes, frames
from benchmarks.torture.baseframes import Case
from benchmarks.torture.framecards import with_card


@pytest.fixture(scope='module')
def bases(night, tmp_path_factory):
    return baseframes.bases(tmp_path_factory.mktemp('whole'), night=night.root, real=False)[:2]


LEFT_OUT = {'frames that are no files', 'frames of 1,000,000 rows'}  # see tests/frames/test_banzai.py; take too long


@pytest.mark.parametrize('kind', sorted(frames.DAMAGES.keys() - LEFT_OUT))
def test_a_damaged_frame_is_measured_as_before_or_rejected_with_a_reason(bases, tmp_path, kind):
    cases = list(frames.DAMAGES[kind](bases, np.random.default_rng(3)))
    tally = frames.judge(cases[::max(1, len(cases) // 6)], tmp_path)
    assert tally.tried >= 5
    assert tally.lost == ()


def test_what_nothing_reveals_is_counted_apart(bases, tmp_path):
    base = bases[0]
    longer = Case('EXPTIME = 777', base, with_card(base, 'EXPTIME', '777.0'), frozenset({'EXPTIME'}))
    tally = frames.judge([longer], tmp_path)
    assert tally.lost == ()
    assert [note for note in tally.notes if note.startswith('1 undetectable, EXPTIME')]


def test_a_zeropoint_that_differs_for_no_good_reason_is_lost(bases, tmp_path):
    """The judge itself works: the same frame is lost where what was altered is not said."""
    base = bases[0]
    longer = Case('something', base, with_card(base, 'EXPTIME', '777.0'))
    assert len(frames.judge([longer], tmp_path).lost) == 1
