"""One telescope and filter in the report: all that comes of it, and what a mistake of ours costs."""

import csv
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from photdbinterface import Measurement, PhotDatabase
from photzp.errors import DatabaseUnusable
from photzp.names import Telescope
from photzp.observatory import load_observatory
from photzp.report.jobs import Drawing, Failure
from photzp.report.series import SeriesMaker, _model_csv
from photzp.report.settings import ReportSettings
from photzp.throughput.rows import Series
from photzp.times import Period
from tests.support.madefits import made_fit

SERIES = Series(Telescope('lsc', 'doma', '1m0a'), 'rp', ('rp',))
NOW = np.datetime64('2020-03-01T12:00', 'ms')
LEVEL_MAG, EXTINCTION = 23.5, load_observatory().extinction('rp')


def measured():
    """40 clear nights of three frames, at airmass 1 to 2."""
    rng = np.random.default_rng(4)
    for number in range(120):
        time = np.datetime64('2020-01-10T03:00', 'ms') + np.timedelta64(number // 3 * 1440 + number % 3 * 60, 'm')
        airmass = rng.uniform(1, 2)
        yield Measurement(
            f'lsc1m005-fa15-20200110-{number:04}-e91.fits', str(time).replace('T', ' '), 'lsc', 'doma', '1m0a', 'fa15',
            'rp', airmass, LEVEL_MAG - EXTINCTION * (airmass - 1) + rng.normal(0, 0.01), rng.normal(0.03, 0.004), 0.03,
            zperr=0.004, zpcolor=1.0, colortermerr=0.004, nstars=90, meancolor=1.0)


@pytest.fixture(scope='module')
def database(tmp_path_factory):
    with PhotDatabase(tmp_path_factory.mktemp('series') / 'x.db') as opened:
        opened.add_many(measured())
        yield opened


@pytest.fixture
def maker(database):
    return SeriesMaker(database, load_observatory(), ReportSettings(pertelescopeplots=False), Period(now=NOW))


def test_all_that_comes_of_a_series(maker):
    made, = maker.make(SERIES)
    assert made.model.modelzp == pytest.approx(np.full(40, LEVEL_MAG), abs=0.01)
    result, status = made.result, made.result.status
    assert (result.rows, made.is_complete, len(made.model.dateobs)) == (120, True, 40)
    assert status.rows == status.usable_rows == 120
    assert (status.nights, status.cameras) == (40, ('fa15',))
    assert result.nights[-1] == ('2020-02-17', True)  # 03:00 UTC is the evening before in Chile
    assert [(span.first, span.last, span.frames) for span in result.cameras] == [('2020-01-10', '2020-02-18', 120)]
    assert [file.name for file in made.files] == ['mirrormodel-lsc-doma-1m0a-rp.csv', 'errorhist-lsc-doma-1m0a-rp.png']
    assert made.intervals[0]['measurements'] == 120
    step, = made.steps  # at a cleaning in the observatory's list, which gained nothing here
    assert (step['kind'], str(step['dateobs'])[:10]) == ('cleaning', '2020-01-31')
    assert abs(step['step']) < 4 * step['steperr']


def test_a_series_without_rows_makes_nothing(maker):
    assert maker.make(replace(SERIES, native=('B',))) == ()


def test_a_mistake_of_ours_is_a_failure_and_what_stops_a_run_passes(maker, monkeypatch, caplog):
    def fails(error):
        def draw():
            raise error
        return Drawing('x.png', '', draw, '')

    assert maker.do(fails(ZeroDivisionError('planted'))) == Failure("ZeroDivisionError('planted')")
    assert 'x.png: please report this' in caplog.text
    with pytest.raises(DatabaseUnusable):
        maker.do(fails(DatabaseUnusable('gone')))


def test_the_table_of_a_model_by_hand():
    fit = made_fit([0, 1, 40], [23.5, 23.5, 23.2], level=23.5)
    # 23.5 mag against a reference of 23.6 is 10 ** -0.04 = 91.20 %
    first, *rows = csv.reader(_model_csv(SimpleNamespace(reference_mag=23.6), fit).splitlines())
    assert first == ['night', 'time_utc', 'modelzp_mag', 'modelzperr_mag', 'percent_of_reference', 'zeropoints',
                     'photometric']
    assert rows[0] == ['2020-01-01', '2020-01-01T05:00:00.000', '23.5000', '0.0010', '91.20', '4', '1']
    assert rows[2] == ['2020-02-10', '2020-02-10T05:00:00.000', '23.5000', '0.0010', '91.20', '4', '0']
    assert next(csv.reader(_model_csv(SimpleNamespace(reference_mag=None), fit).splitlines()[1:]))[4] == ''
