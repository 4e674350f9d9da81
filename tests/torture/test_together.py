"""Five scripts at once on one SQLite file, once; `make torture` does it again and again."""

from benchmarks.torture import together


def test_all_at_once_without_a_write_ahead_log(tmp_path):
    """The harder of the two: readers wait for writers."""
    options = (*together.FEW_PLOTS, '--processes', '1')
    tally = together.together_without_log(tmp_path, rounds=1, frames=12, options=options)
    assert (tally.tried, tally.lost) == (1, ())
