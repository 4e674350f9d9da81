"""Six nights of the sixty of `make torture`: late frames, previews replaced, a lost mount, a reprocessing."""

from benchmarks.torture import soak


def test_nights_of_cron_end_with_the_rows_of_one_run(tmp_path):
    tally = soak.soak(tmp_path, nights=6, frames=2)
    assert tally.lost == ()
    assert tally.tried > 40
    assert 'open files' in tally.notes[0]


def test_what_creeps_is_seen(tmp_path):
    nights = soak.Soak(here=None, nights=9, rng=None)
    nights.usage = [(100.0, 9, 500.0)] * 3 + [(100.0 + 10 * n, 9 + n, 500.0 + 50 * n) for n in range(6)]
    assert [line.split(' grew')[0] for line in nights.growth()] == ['memory [MB]', 'open files', 'bytes per row']
    nights.usage = [(100.0, 9, 500.0)] * 9
    assert nights.growth() == []
