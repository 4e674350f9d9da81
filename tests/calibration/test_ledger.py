"""What came of frames goes to the database first, then into the log and the summary."""

from collections import Counter

from photzp.calibration.ledger import Summary


def test_the_outcomes_of_a_summary_add_up_to_the_frames():
    reasons = Counter({'file-unreadable': 1, 'wcs-failed': 5})
    first, *listed = (line for line, _ in Summary(Counter({'measured': 54}), reasons).lines())
    (last, fields), = Summary(Counter({'measured': 54, 'unreadable folder': 1})).lines()
    assert first.startswith('54 measured, 0 already known, 6 rejected, 0 of another filter; ')
    assert '  rejected, file-unreadable: 1 (the file cannot be read)' in listed
    assert last.startswith('54 measured, 0 already known, 0 rejected, 0 of another filter, 1 unreadable folder; ')
    assert fields == {'counts': {'measured': 54, 'known': 0, 'rejected': 0, 'other_filter': 0, 'unreadable': 1}, 'status': 1}
