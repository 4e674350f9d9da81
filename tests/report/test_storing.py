"""Results of jobs are stored; a job that failed leaves what an earlier run made."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from photzp.names import Telescope
from photzp.observatory import load_observatory
from photzp.report.jobs import Drawing, Failure, File, NightsJob, TelescopeJob
from photzp.report.maker import FoundNights, RowsRead
from photzp.report.results import Results
from photzp.report.state import Output, RememberedOverview, ReportState, RowsSeen
from photzp.report.storing import store_result
from photzp.store.directory import DirectoryStore
from photzp.throughput.rows import Series
from tests.support.madefits import made_evidence

SERIES = Series(Telescope('lsc', 'doma', '1m0a'), 'rp', ('rp',))
DRAWING = Drawing('plot.png', 'a plot', lambda: None, 'new')
EARLIER = Output('0' * 64, 10, 10, 'an earlier plot')


@pytest.fixture
def run(tmp_path):
    """Context and results of a run whose report has an earlier plot."""
    state = ReportState(overviews={'plot.png': RememberedOverview('old', EARLIER)})
    with DirectoryStore(tmp_path) as store:
        yield SimpleNamespace(store=store, results=Results([SERIES], state, {}, {}), root=tmp_path)


def test_a_drawing_is_written_shown_and_remembered(run):
    store_result(run, run.results, DRAWING, File('plot.png', b'png', 3, 2, 'a plot'))
    run.store.flush()
    assert (run.root / 'plot.png').read_bytes() == b'png'
    output = run.results.overviews['plot.png']
    assert (output.width, output.height, output.alt) == (3, 2, 'a plot')
    assert run.results.state.overviews['plot.png'] == RememberedOverview('new', output)


NIGHTS = made_evidence(['2020-01-01'], 2.0)


@pytest.mark.parametrize('is_whole', [True, False])
def test_what_a_telescope_says_is_used_and_that_of_a_whole_run_is_remembered(run, is_whole):
    run.period, run.code, run.settings = SimpleNamespace(is_whole=is_whole), '', SimpleNamespace(cameracolorterm=True)
    run.observatory, run.now = load_observatory(), np.datetime64('2020-02-01', 'ms')
    run.results.state.nights['lsc-doma-1m0a'] = 'of an earlier run'
    seen = RowsSeen(3, '2020-01-01T03:00:00.000')
    store_result(run, run.results, NightsJob((SERIES,)), FoundNights(NIGHTS, RowsRead('0', seen)))
    assert run.results.nights == {'lsc-doma-1m0a': NIGHTS}
    assert run.results.has_new_nights
    remembered = run.results.state.nights.get('lsc-doma-1m0a')
    assert (remembered and remembered.seen) == (seen if is_whole else None)


@pytest.mark.parametrize(('result', 'why'), [
    (None, 'a process died over it'), (Failure('Error()'), 'this program failed on it (Error())')])
def test_a_failed_job_leaves_what_an_earlier_run_made(run, caplog, result, why):
    other = replace(SERIES, filter='gp')
    store_result(run, run.results, DRAWING, result)
    store_result(run, run.results, TelescopeJob((SERIES, other), (SERIES, other), None), result)
    store_result(run, run.results, NightsJob((SERIES,)), result)
    assert run.results.overviews == {'plot.png': EARLIER}
    assert run.results.failed == {SERIES, other}
    assert run.results.failed_nights == {'lsc-doma-1m0a': result}
    assert run.results.counts == {'failed': 4}
    for name in ('plot.png', 'lsc-doma-1m0a rp, gp', 'the nights of lsc-doma-1m0a'):
        assert f'{name}: not made, as {why}' in caplog.text
