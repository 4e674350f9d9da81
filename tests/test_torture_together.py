"""Five scripts at once on one SQLite file, once; `make torture` does it again and again."""

import torture_together


def test_all_at_once_without_a_write_ahead_log(tmp_path):
    """The harder of the two: readers wait for writers."""
    options = (*torture_together.FEW_PLOTS, '--processes', '1')
    tally = torture_together.together_without_log(tmp_path, rounds=1, frames=12, options=options)
    assert (tally.tried, tally.lost) == (1, ())
