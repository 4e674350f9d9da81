"""Plots of several series: which are drawn, and which are taken as an earlier run left them."""

from types import SimpleNamespace

import numpy as np
import pytest

from photzp.names import Telescope
from photzp.observatory import load_observatory
from photzp.records import StoredModel
from photzp.report.context import ReportContext
from photzp.report.overviews import Overviews, has_size_class
from photzp.report.results import Results
from photzp.report.settings import ReportSettings
from photzp.report.state import Output, RememberedOverview, ReportState
from photzp.throughput.rows import Series
from photzp.times import Period

LCO = load_observatory()
TELESCOPES = [Telescope('lsc', 'doma', '1m0a'), Telescope('lsc', 'aqwa', '0m4a'), Telescope('cpt', 'doma', '1m0a')]
TIME = np.array(['2026-11-01', '2026-11-02'], 'datetime64[ms]')
LINE = ('lsc-doma-1m0a fa15', 0.0, 1.0)


def stored(telescope, name):
    """Of the third telescope the database has a model, of the others only this run has one."""
    zp = [23.0, 23.1] if telescope.startswith('cpt') else []
    return StoredModel(TIME[:len(zp)], np.array(zp), np.array(zp) * 0)


def overviews(*, held=False, state=None, **settings):
    database = SimpleNamespace(
        telescopes=lambda: TELESCOPES, model=stored,
        zeropoints=lambda **_: type('Rows', (), {'camera': np.array(['fa06']), '__len__': lambda self: 1})())
    store = SimpleNamespace(holds=lambda name, sha256: held)
    context = ReportContext(
        database=database, open_database=lambda: database, store=store, observatory=LCO,
        settings=ReportSettings(**settings), period=Period(now=np.datetime64('2026-11-30', 'ms')), version='1.0')
    every = [Series(telescope, 'rp', ('rp',)) for telescope in TELESCOPES[:2]]
    results = Results(every, state or ReportState(), {}, {})
    for series in every:
        results.shown[series] = SimpleNamespace(
            model=StoredModel(TIME, np.array([23.5, 23.4]), np.zeros(2)),
            result=SimpleNamespace(status=SimpleNamespace(reference_mag=23.8), colorterms=(LINE,)))
    return Overviews(context, results), results


def test_each_class_has_a_plot_with_what_this_run_leaves_out():
    made, _ = overviews()
    drawings = {drawing.name: drawing for drawing in made.of_series()}
    assert set(drawings) == {'allmodels_2m01m0_rp.png', 'allmodels_0m4_rp.png', 'colorterms_rp.png'}
    models = drawings['allmodels_2m01m0_rp.png'].draw.args[1]
    assert [(name, model.modelzp.tolist()) for name, model, _ in models] == [
        ('lsc-doma-1m0a', [23.5, 23.4]), ('cpt-doma-1m0a', [23.0, 23.1])]
    assert models[1][2] == LCO.reference_mag('1m0', 'rp', 'fa06', TIME[1].astype('datetime64[D]').item())
    assert drawings['colorterms_rp.png'].draw.args[1] == [LINE, LINE]


def test_the_plot_of_all_colour_terms_is_left_as_it_is_by_a_run_over_some():
    made, _ = overviews(site='lsc')
    assert 'colorterms_rp.png' not in {drawing.name for drawing in made.of_series()}


@pytest.mark.parametrize('held', [True, False])
def test_what_shows_the_same_is_taken_where_it_is_still_there(held):
    first, _ = overviews()
    outputs = {each.name: RememberedOverview(each.fingerprint, Output(each.name, 10, 10, each.alt))
               for each in first.of_series()}
    made, results = overviews(held=held, state=ReportState(overviews=outputs))
    drawn = [drawing.name for drawing in made.of_series()]
    assert (drawn == [], set(results.overviews) == set(outputs)) == (held, held)
    assert results.counts['unchanged'] == (3 if held else 0)


@pytest.mark.parametrize(('name', 'expected'), [
    ('allmodels_0m4_rp.png', True), ('allmodels_9m0_rp.png', False), ('colorterms_rp.png', True), ('x.png', True)])
def test_a_plot_of_a_class_that_is_gone_has_no_size_class(name, expected):
    assert has_size_class(name, LCO) is expected
