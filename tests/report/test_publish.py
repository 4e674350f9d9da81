"""The end of a run: what it leaves at the place of the report; the pages themselves are tested by those of pages/."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from photzp.observatory import load_observatory
from photzp.report.context import ReportContext
from photzp.report.publish import publish
from photzp.report.results import Results
from photzp.report.settings import ReportSettings
from photzp.report.state import Output, RememberedOverview, ReportState
from photzp.store.directory import DirectoryStore
from photzp.times import Period


@pytest.fixture
def published(tmp_path):
    """published(**settings) -> names of the files, after a run that has nothing but an overview plot of a class."""
    def run(start=None, **settings):
        database = SimpleNamespace(telescopes=list, runs=lambda *_, **__: [], last_good=lambda script: None)
        with DirectoryStore(tmp_path) as store:
            context = ReportContext(
                database=database, open_database=lambda: database, store=store, observatory=load_observatory(),
                settings=ReportSettings(**settings), version='1.0',
                period=Period.of_dates(start, None, np.datetime64('2026-11-30T15:30', 'ms')))
            overviews = {f'allmodels_{name}_rp.png': RememberedOverview('f', Output('0' * 64, 10, 10, 'x'))
                         for name in ('0m4', '9m0')}
            publish(context, Results([], ReportState(overviews=overviews), {}, {}))
        return {path.name for path in tmp_path.iterdir()}

    return run


def test_a_whole_report_leaves_state_status_and_pages(published, tmp_path):
    assert published() >= {'report-state.json', 'status.json', 'index.html', 'page.js'}
    assert json.loads((tmp_path / 'status.json').read_text())['updated'] == '2026-11-30T15:30:00'
    assert list(json.loads((tmp_path / 'report-state.json').read_text())['overviews']) == ['allmodels_0m4_rp.png']


def test_a_part_of_the_time_leaves_no_state(published):
    assert published(start='20190805') >= {'status.json', 'index.html'}
    assert 'report-state.json' not in published(start='20190805')


def test_without_pages_there_is_the_state_only(published):
    assert published(renderhtml=False) == {'report-state.json'}


@pytest.mark.parametrize('content', [b'', b'[]', b'{"schema": 0}', b'\xff'])
def test_an_earlier_page_that_cannot_be_read_is_said_and_replaced(published, tmp_path, caplog, content):
    (tmp_path / 'status.json').write_bytes(content)
    assert 'index.html' in published()
    assert 'status.json of an earlier run cannot be read' in caplog.text
