"""The results of a run so far, and those of an earlier one."""

from dataclasses import replace
from types import SimpleNamespace

from photzp.answers.recent import Recent
from photzp.names import Telescope
from photzp.report.results import Results, ShownSeries
from photzp.report.state import RememberedSeries, ReportState, RowsSeen, SeriesResult
from photzp.throughput.rows import Series
from tests.support.pagesamples import row

ONE, TWO, GONE = (Series(Telescope('lsc', enclosure, '1m0a'), 'rp', ('rp',)) for enclosure in ('doma', 'domb', 'domc'))


def result(series, rows=10):
    status = replace(row(), telescope=str(series.telescope), filter=series.filter, rows=rows)
    return SeriesResult(status=status, nights=(), colorterms=(), warnings=(), recent=Recent(), frames=None, cameras=())


def results():
    """An earlier run left all three; this one has the first anew."""
    every = (ONE, TWO, GONE)
    state = ReportState(series={str(series): RememberedSeries('', RowsSeen(10, None), '', result(series), {})
                                for series in every})
    made = Results([TWO, ONE], state, {series.key: None for series in every}, {})
    made.show(ONE, ShownSeries(result(ONE, rows=11), None, {}))
    return made


def test_what_is_shown_is_counted_and_comes_in_order():
    made = results()
    made.show(TWO, ShownSeries(result(TWO, rows=5), None, {}))
    assert dict(made.counts) == {'series': 2, 'zeropoints': 16}
    assert [shown.result.key for shown in made.in_order()] == [TWO.key, ONE.key]


def test_what_this_run_has_goes_before_what_an_earlier_one_left():
    assert {key: result.status.rows for key, result in results().latest().items()} == {
        ONE.key: 11, TWO.key: 10, GONE.key: 10}


def test_telescopes_without_rows_and_series_without_a_fit_are_left_out():
    database = SimpleNamespace(telescopes=lambda: [ONE.telescope, TWO.telescope])
    made = results()
    assert list(made.with_fit(database)) == [ONE.key, TWO.key]
    del made.fits[TWO.key]
    assert list(made.with_fit(database)) == [ONE.key]
