"""What a run has so far, and what an earlier one left."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

from photzp.report.results import Results, key_of
from photzp.report.state import ReportState
from photzp.throughput.rows import Series
from tests.support.pagesamples import row

ONE, TWO, GONE = (Series(('lsc', dome, '1m0a'), 'rp', ('rp',)) for dome in ('doma', 'domb', 'domc'))


def made(series, rows=10):
    return SimpleNamespace(status=replace(row(), telescope=series.key, filter=series.filter, rows=rows), cameras=())


def results():
    """An earlier run left all three; this one has the first anew."""
    state = ReportState(series={str(series): made(series) for series in (ONE, TWO, GONE)})
    found = Results([TWO, ONE], state, {key_of(made(series).status): None for series in (ONE, TWO, GONE)}, Counter())
    found.show(ONE, made(ONE, rows=11))
    return found


def test_what_is_shown_is_counted_and_comes_in_order():
    found = results()
    found.show(TWO, made(TWO, rows=5))
    assert dict(found.counts) == {'series': 2, 'zeropoints': 16}
    assert [key_of(each.status) for each in found.in_order()] == [(TWO.key, 'rp'), (ONE.key, 'rp')]


def test_what_this_run_has_goes_before_what_an_earlier_one_left():
    assert {key: each.status.rows for key, each in results().latest().items()} == {
        (ONE.key, 'rp'): 11, (TWO.key, 'rp'): 10, (GONE.key, 'rp'): 10}


def test_telescopes_without_rows_and_series_without_a_fit_are_not_known():
    database = SimpleNamespace(telescopes=lambda: [ONE.telescope, TWO.telescope])
    found = results()
    assert list(found.known(database)) == [(ONE.key, 'rp'), (TWO.key, 'rp')]
    del found.fits[TWO.key, 'rp']
    assert list(found.known(database)) == [(ONE.key, 'rp')]
