"""Results of jobs are stored; a job that failed leaves what an earlier run made."""

from types import SimpleNamespace

import pytest

from photzp.names import Telescope
from photzp.report.jobs import Drawing, Failure, File, StepSearch
from photzp.report.results import Results
from photzp.report.state import Output, RememberedOverview, ReportState
from photzp.report.storing import store_result
from photzp.store.directory import DirectoryStore
from photzp.throughput.rows import Series

SERIES = Series(Telescope('lsc', 'doma', '1m0a'), 'rp', ('rp',))
DRAWING = Drawing('plot.png', 'a plot', lambda: None, 'new')
EARLIER = Output('0' * 64, 10, 10, 'an earlier plot')


@pytest.fixture
def run(tmp_path):
    """Context and results of a run whose report has an earlier plot."""
    state = ReportState(overviews={'plot.png': RememberedOverview('old', EARLIER)})
    with DirectoryStore(tmp_path) as store:
        yield SimpleNamespace(store=store, results=Results([SERIES], state, {}), root=tmp_path)


def test_a_drawing_is_written_shown_and_remembered(run):
    store_result(run, run.results, DRAWING, File('plot.png', b'png', 3, 2, 'a plot'))
    run.store.flush()
    assert (run.root / 'plot.png').read_bytes() == b'png'
    output = run.results.overviews['plot.png']
    assert (output.width, output.height, output.alt) == (3, 2, 'a plot')
    assert run.results.state.overviews['plot.png'] == RememberedOverview('new', output)


@pytest.mark.parametrize(('fingerprint', 'remembered'), [('all rows', True), (None, False)])
def test_steps_are_remembered_only_of_complete_fits(run, fingerprint, remembered):
    store_result(run, run.results, StepSearch('lsc-doma-1m0a', {}, fingerprint), ())
    assert run.results.steps == {'lsc-doma-1m0a': ()}
    assert ('lsc-doma-1m0a' in run.results.state.steps) is remembered


@pytest.mark.parametrize(('result', 'why'), [
    (None, 'a process died over it'), (Failure('Error()'), 'this program failed on it (Error())')])
def test_a_failed_job_leaves_what_an_earlier_run_made(run, caplog, result, why):
    store_result(run, run.results, DRAWING, result)
    store_result(run, run.results, SERIES, result)
    assert run.results.overviews == {'plot.png': EARLIER}
    assert run.results.failed == {SERIES}
    assert run.results.counts == {'failed': 2}
    assert f'lsc-doma-1m0a rp: not made, as {why}' in caplog.text
