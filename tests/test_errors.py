"""The registry of reasons, and what a rejection and a run that stopped carry."""

import pickle

from photzp.errors import TOO_FEW_STARS, FrameRejected


def test_a_rejection_crosses_the_border_of_processes_whole():
    sent = FrameRejected(TOO_FEW_STARS, '3 of 5', exptime_s=12.5, passing=True)
    got = pickle.loads(pickle.dumps(sent))
    assert type(got) is FrameRejected
    assert (got.reason, got.detail, got.exptime_s, got.passing, str(got)) == (
        TOO_FEW_STARS, '3 of 5', 12.5, True, str(sent))
