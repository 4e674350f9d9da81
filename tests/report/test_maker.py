"""Jobs of the report are done: what is read, what is fitted, and what a mistake of ours costs."""

from dataclasses import replace

import numpy as np
import pytest

from photdbinterface import Measurement, PhotDatabase
from photzp.errors import DatabaseUnusable
from photzp.names import Telescope
from photzp.observatory import load_observatory
from photzp.report.jobs import Drawing, Failure, NightsJob, TelescopeJob
from photzp.report.maker import Maker
from photzp.report.settings import ReportSettings
from photzp.report.state import RowsSeen
from photzp.report.unchanged import StoredRows
from photzp.throughput.rows import Series
from photzp.times import Period
from tests.support.madefits import made_evidence, made_fit
from tests.support.samefits import all_same

SERIES = Series(Telescope('lsc', 'doma', '1m0a'), 'rp', ('rp',))
OTHER = replace(SERIES, filter='gp', native=('gp',))
JOB = TelescopeJob((OTHER, SERIES), (SERIES,), None)
NOW = np.datetime64('2020-03-01T12:00', 'ms')
LEVEL_MAG, EXTINCTION = 23.5, {name: load_observatory().extinction(name) for name in ('rp', 'gp')}


def measured():
    """40 clear nights of three frames, at airmass 1 to 2."""
    rng = np.random.default_rng(4)
    for number in range(120):
        time = np.datetime64('2020-01-10T03:00', 'ms') + np.timedelta64(number // 3 * 1440 + number % 3 * 60, 'm')
        airmass = rng.uniform(1, 2)
        yield Measurement(name=f'lsc1m005-fa15-20200110-{number:04}-e91.fits', dateobs=str(time).replace('T', ' '),
                          site='lsc', dome='doma', telescope='1m0a', camera='fa15', filter='rp', airmass=airmass,
                          zp=LEVEL_MAG - EXTINCTION['rp'] * (airmass - 1) + rng.normal(0, 0.01),
                          colorterm=rng.normal(0.03, 0.004), zpsig=0.03, zperr=0.004, zpcolor=1.0, colortermerr=0.004,
                          nstars=90, meancolor=1.0)


@pytest.fixture(scope='module')
def database(tmp_path_factory):
    with PhotDatabase(tmp_path_factory.mktemp('maker') / 'x.db') as opened:
        frames = list(measured())
        bluer = EXTINCTION['gp'] - EXTINCTION['rp']
        opened.add_many(frames)
        opened.add_many(replace(each, name=f'g{each.name}', filter='gp', zp=each.zp - bluer * (each.airmass - 1))
                        for each in frames[:9])
        yield opened


@pytest.fixture
def maker(database):
    return Maker(database, load_observatory(), ReportSettings(pertelescopeplots=False), Period(now=NOW))


def test_all_that_comes_of_a_series(maker):
    made, = maker.telescope(JOB).series
    assert np.abs(made.model.modelzp - LEVEL_MAG).max() < made.model.modelzperr.min() < 0.02
    result, status = made.result, made.result.status
    assert (result.key, len(made.model.dateobs)) == (SERIES.key, 40)
    assert status.rows == status.usable_rows == 120
    assert (status.nights, status.cameras) == (40, ('fa15',))
    assert result.nights[-1] == ('2020-02-17', True)  # 03:00 UTC is the evening before in Chile
    assert [(span.first, span.last, span.frames) for span in result.cameras] == [('2020-01-10', '2020-02-18', 120)]
    assert [file.name for file in made.files] == ['mirrormodel-lsc-doma-1m0a-rp.csv', 'errorhist-lsc-doma-1m0a-rp.png']
    assert [one['measurements'] for one in made.intervals] == [66, 54]
    step, = made.steps  # at a cleaning in the observatory's list, which gained nothing here
    assert (step['kind'], str(step['dateobs'])[:10]) == ('cleaning', '2020-01-31')
    assert abs(step['step']) < 4 * step['steperr']


def test_what_was_read_is_what_the_database_has(maker, database):
    for read in (maker.telescope(JOB).read, maker.nights(NightsJob(JOB.series)).read):
        assert read.seen == RowsSeen(129, '2020-02-18T05:00:00.000')
        assert read.digest == StoredRows(database, JOB.series).digest('lsc-doma-1m0a')


def test_a_reading_says_when_the_next_row_of_any_filter_is_to_come(database):
    early = Maker(database, load_observatory(), ReportSettings(), Period(now=np.datetime64('2020-01-10T04:30', 'ms')))
    read = early.nights(NightsJob((OTHER,))).read
    assert read.seen == RowsSeen(9, '2020-01-10T04:00:00.000', '2020-01-10T05:00:00.000')
    before = Maker(database, load_observatory(), ReportSettings(), Period(now=np.datetime64('2020-01-10', 'ms')))
    found = before.nights(NightsJob((OTHER,)))
    assert found.read.seen == RowsSeen(9, None, '2020-01-10T03:00:00.000')
    assert len(found.nights.night) == 0


def test_what_a_telescope_says_is_of_all_its_filters_and_rounded(maker, monkeypatch):
    asked = []

    def say(rows, *, longitude_deg, events, now):
        asked.append((list(rows), longitude_deg, len(events) > 0, now))
        return made_evidence(['2020-01-10', '2020-01-11'], [1.23, -99.0], weight=12.6, value=0.126,
                             coefficients={'extinction gp': (0.0123456, 0.0012345)})

    monkeypatch.setattr('photzp.report.maker.sky_evidence', say)
    said = maker.nights(NightsJob(JOB.series)).nights
    assert all_same({'': said}, {'': made_evidence(['2020-01-10', '2020-01-11'], [1.2, -6.0], weight=13.0, value=0.13,
                                                   coefficients={'extinction gp': (0.01235, 0.00123)})})
    assert asked == [(['gp', 'rp'], load_observatory().longitude_deg('lsc'), True, NOW)]


def test_a_telescope_is_fitted_with_what_the_others_say(maker, monkeypatch):
    asked = []

    def fit(rows, **options):
        asked.append((list(rows), options['others']))
        return {name: made_fit(np.arange(3), np.full(3, 23.5)) for name in rows}

    monkeypatch.setattr('photzp.report.maker.fit_telescope', fit)
    others = made_evidence(['2020-01-10'], 3.0)
    maker.do(replace(JOB, others=others, shown=()))
    (names, given), = asked
    assert names == ['gp', 'rp']
    assert given is others


def test_a_telescope_says_what_its_clear_nights_show(maker):
    said = maker.nights(NightsJob(JOB.series)).nights
    assert len(said.night) == 40
    assert (said.clouds[:, -1] < 0).mean() > 0.9  # the deepest clouds are excluded
    mean, error = said.coefficients['extinction rp']  # the adopted one was planted
    assert abs(mean) < 4 * error
    assert error < 0.02


def test_series_without_rows_in_the_period_make_nothing(database):
    maker = Maker(database, load_observatory(), ReportSettings(), Period.of_dates('20210101', None, NOW))
    assert maker.telescope(JOB).series == ()


def test_a_mistake_of_ours_is_a_failure_and_what_stops_a_run_passes(maker, monkeypatch, caplog):
    def fails(error):
        def draw():
            raise error
        return Drawing('x.png', '', draw, '')

    assert maker.do(fails(ZeroDivisionError('planted'))) == Failure("ZeroDivisionError('planted')")
    assert 'x.png: please report this' in caplog.text
    with pytest.raises(DatabaseUnusable):
        maker.do(fails(DatabaseUnusable('gone')))
