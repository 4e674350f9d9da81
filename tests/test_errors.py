"""The registry of reasons, and what a rejection and a run that stopped carry."""

import pickle

from photzp import errors
from photzp.errors import TOO_FEW_STARS, FrameRejected


def test_a_rejection_crosses_the_border_of_processes_whole():
    sent = FrameRejected(TOO_FEW_STARS, '3 of 5', exptime_s=12.5, passing=True)
    got = pickle.loads(pickle.dumps(sent))
    assert type(got) is FrameRejected
    assert (got.reason, got.detail, got.exptime_s, got.passing, str(got)) == (
        TOO_FEW_STARS, '3 of 5', 12.5, True, str(sent))


def test_every_reason_has_the_name_of_its_constant():
    """The constants are unpacked from one tuple by place: a line too many would shift them all."""
    for name, reason in errors.REASONS.items():
        assert getattr(errors, name.replace('-', '_').upper()) is reason


def test_a_rejection_says_what_was_found_and_passes_as_its_reason_does():
    assert str(FrameRejected(TOO_FEW_STARS)) == 'too few stars are left to fit a zeropoint'
    assert str(FrameRejected(TOO_FEW_STARS, '3 of 5')) == 'too few stars are left to fit a zeropoint: 3 of 5'
    passing = {name for name, reason in errors.REASONS.items() if FrameRejected(reason).passing}
    assert passing == {'file-unreadable', 'internal-error', 'worker-died'}
    assert FrameRejected(TOO_FEW_STARS, passing=True).passing
    assert not FrameRejected(errors.FILE_UNREADABLE, passing=False).passing
