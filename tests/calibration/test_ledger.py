"""What came of frames goes to the database first, then into the log and the summary."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest

from photzp.calibration.ledger import _LONGEST_WAIT_S, Ledger, Summary
from photzp.calibration.worker import Outcome
from photzp.errors import FILE_UNREADABLE, TOO_FEW_STARS, DatabaseUnusable, FrameRejected
from photzp.measurements import Measurement, RejectedFrame

TELESCOPE = 'lsc-doma-1m0a'
ROW = Measurement(name='x-0001-e91.fits', dateobs='2019-08-05 01:00:00.000', site='lsc', dome='doma', telescope='1m0a',
                  camera='fa15', filter='rp', airmass=1.5, zp=23.5, colorterm=0.02, zpsig=0.03, zperr=0.004,
                  colortermerr=0.002, nstars=120)
MEASURED = Outcome((9, 7), TELESCOPE, ROW)
REJECTED = Outcome((9, 7), TELESCOPE, rejection=FrameRejected(TOO_FEW_STARS, '3 of 5', exptime_s=60.0))
UNREADABLE = Outcome((0, 7), rejection=FrameRejected(FILE_UNREADABLE, 'cut', exptime_s=30.0))
OF_ANOTHER_FILTER = Outcome((9, 7), TELESCOPE)


class Rows:
    """A database that keeps what it is given, and fails where it is told to."""

    def __init__(self):
        self.measured, self.rejected, self.commits, self.fail = [], [], 0, False

    def add_many(self, measurements):
        if self.fail:
            raise DatabaseUnusable('the disk is full')
        self.measured += measurements
        self.commits += 1

    def reject_many(self, rejected):
        self.rejected += rejected


def frame(number):
    return SimpleNamespace(name=SimpleNamespace(name=f'x-{number:04}-e91.fits', camera='fa15'))


@pytest.fixture
def clock(monkeypatch):
    """The clock of the ledger: a list of one time that the test moves."""
    now = [100.0]
    monkeypatch.setattr('photzp.calibration.ledger.time.monotonic', lambda: now[0])
    return now


def test_what_came_of_frames_is_in_database_log_and_summary(caplog):
    database, summary = Rows(), Summary()
    ledger = Ledger(database, summary)
    with caplog.at_level('INFO'):
        for number, outcome in enumerate((MEASURED, REJECTED, UNREADABLE, OF_ANOTHER_FILTER), start=1):
            ledger.record(frame(number), outcome)
        ledger.commit()
    assert database.measured == [ROW]
    assert database.rejected == [
        RejectedFrame(name='x-0002-e91.fits', reason='too-few-stars', detail='3 of 5', retry=False, size=9, mtime=7,
                      exptime_s=60.0),
        RejectedFrame(name='x-0003-e91.fits', reason='file-unreadable', detail='cut', retry=True, size=0, mtime=7,
                      exptime_s=30.0)]
    assert summary.as_counts() == {'measured': 1, 'other filter': 1, 'rejected: file-unreadable': 1,
                                   'rejected: too-few-stars': 1}
    assert summary.per_telescope == {'lsc-doma-1m0a': {'measured': 1, 'rejected: too-few-stars': 1},
                                     'unknown': {'rejected: file-unreadable': 1}}
    assert [record.levelname for record in caplog.records] == ['INFO', 'INFO', 'WARNING']  # that may pass
    assert caplog.messages[0].startswith('x-0001-e91.fits: rp zp 23.5000 +- 0.0040, ')
    assert [getattr(record, 'telescope', None) for record in caplog.records] == ['lsc-doma-1m0a'] * 2 + [None]


def test_a_frame_whose_reference_stars_were_not_all_there_is_looked_at_again():
    database = Rows()
    incomplete = FrameRejected(TOO_FEW_STARS, '3 of 5', passing=True)
    Ledger(database, Summary()).record(frame(1), replace(REJECTED, rejection=incomplete))
    assert [rejected.retry for rejected in database.rejected] == [True]


def test_frames_wait_for_a_commit_a_second_at_most(clock):
    database, summary = Rows(), Summary()
    ledger = Ledger(database, summary)
    slow = database.add_many

    def take_half_a_second(measurements):
        clock[0] += 0.5
        slow(measurements)

    database.add_many = take_half_a_second
    ledger.record(frame(1), MEASURED)  # at once: nothing was committed yet
    assert (database.commits, summary.counts['measured']) == (1, 1)
    clock[0] += _LONGEST_WAIT_S - 0.01
    ledger.record(frame(2), MEASURED)
    assert (database.commits, summary.counts['measured']) == (1, 1)  # neither there nor told of
    clock[0] += 0.01
    ledger.record(frame(3), MEASURED)
    assert (database.commits, summary.counts['measured']) == (2, 3)


def test_what_the_database_did_not_take_is_not_told(caplog):
    database, summary = Rows(), Summary()
    database.fail = True
    ledger = Ledger(database, summary)
    with caplog.at_level('INFO'), pytest.raises(DatabaseUnusable):
        ledger.record(frame(1), MEASURED)
    assert (caplog.messages, summary.as_counts()) == ([], {})
    database.fail = False
    ledger.commit()  # at the end of the run: what failed is not tried again
    assert database.measured == []


def test_the_outcomes_of_a_summary_add_up_to_the_frames():
    reasons = Counter({'file-unreadable': 1, 'wcs-failed': 5})
    first, *listed = (line for line, _ in Summary(Counter({'measured': 54}), reasons).lines())
    (last, fields), = Summary(Counter({'measured': 54, 'unreadable folder': 1})).lines()
    assert first.startswith('54 measured, 0 already known, 6 rejected, 0 of another filter; ')
    assert '  rejected, file-unreadable: 1 (the file cannot be read)' in listed
    assert last.startswith('54 measured, 0 already known, 0 rejected, 0 of another filter, 1 unreadable folder; ')
    assert fields == {
        'counts': {'measured': 54, 'known': 0, 'rejected': 0, 'other_filter': 0, 'unreadable': 1}, 'status': 1}
