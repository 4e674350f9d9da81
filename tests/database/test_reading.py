"""Rows are selected, the best of each exposure is read, in order of time; digests of rows; the times of cameras."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
import sqlalchemy as sa

from photdbinterface import PhotDatabase, RejectedFrame
from photzp.answers.cameras import camera_spans, joined_spans
from photzp.database.reading import _best_of_exposure
from photzp.database.tables import PHOT
from photzp.database.values import CONVERTERS
from photzp.records import CameraSpan
from photzp.rowdigest import RowDigest
from photzp.throughput.rows import COLUMNS
from tests.support.databaserows import E11, E91, OTHER, SERIES, clock, measured


@pytest.mark.parametrize('order', [(E11, E91), (E91, E11)])
def test_of_one_exposure_the_final_level_is_read_whichever_came_first(db, order):
    for name in order:
        db.add(measured(name, zp=91.0 if name == E91 else 11.0))
    assert list(db.zeropoints().zp) == [91.0]
    assert sorted(db.zeropoints(one_per_exposure=False).zp) == [11.0, 91.0]


def test_of_one_level_the_row_processed_last_is_read(place):
    twin = E91.removesuffix('.fz')
    for first, second in [(E91, twin), (twin, E91)]:
        with PhotDatabase(place, now=clock()) as db:
            db.add(measured(second, zp=0.0))
        with PhotDatabase(place, now=clock('2027-01-01')) as db:
            db.add_many([measured(first, zp=1.0), measured(OTHER)])
            db.add(measured(second, zp=2.0))
            assert list(db.zeropoints().zp[db.zeropoints().name != OTHER]) == [2.0]


def test_rows_come_in_order_of_time_whatever_the_order_of_writing(db):
    days = np.random.default_rng(5).permutation(28) + 1
    db.add_many(measured(f'x-fa15-201908{day:02d}-0001-e91.fits', dateobs=f'2019-08-{day:02d} 03:00:00.000', zp=day)
                for day in days)  # fmt: skip
    zeropoints = db.zeropoints()
    np.testing.assert_array_equal(zeropoints.zp, np.arange(1, 29))
    assert len(zeropoints[zeropoints.zp > 20]) == 8
    assert list(zeropoints[:2].name) == ['x-fa15-20190801-0001-e91.fits', 'x-fa15-20190802-0001-e91.fits']


def test_selection_by_column_and_time(db):
    db.add_many([
        measured('a-1-e91.fits', site='lsc', filter='zs', dateobs='2019-08-05 00:00:00.000'),
        measured('b-1-e91.fits', site='elp', filter='zp', dateobs='2019-08-05T12:00:00.000'),
        measured('c-1-e91.fits', site='elp', filter='gp', dateobs='2019-08-06 00:00:00.000'),
    ])  # fmt: skip

    def names(**selection):
        return ''.join(name[0] for name in db.zeropoints(**selection).name)

    assert names() == 'abc'
    assert names(site='elp') == 'bc'
    assert names(filter=['zs', 'zp']) == 'ab'
    assert names(site='elp', filter='zs') == ''
    assert names(start='2019-08-05 12:00') == 'bc'
    assert names(end='2019-08-05 12:00') == 'a'
    assert names(start='2019-08-05', end='2019-08-06') == 'ab'
    assert names(start=datetime(2019, 8, 6, 2, tzinfo=timezone(timedelta(hours=2)))) == 'c'
    assert names(start=np.datetime64('2019-08-05T12:00:00.001')) == 'c'
    assert db.telescopes() == [('elp', 'doma', '1m0a'), ('lsc', 'doma', '1m0a')]
    assert db.filters() == ['gp', 'zp', 'zs']


def test_times_and_span_of_a_selection(db):
    dates = ('2019-08-05 00:00:00.000', '1970-01-01 00:00:03.000', '2019-08-07T05:00:00.250', 'no date', '2062-01-01')
    db.add_many(measured(f'a-{number}-e91.fits', site='elp', dateobs=date) for number, date in enumerate(dates))
    db.add(measured('b-1-e91.fits', site='lsc', dateobs='2018-08-05 00:00:00.000'))
    expected = np.array(['2019-08-05', '2019-08-07T05:00:00.250'], 'datetime64[ms]')
    within = {'start': '1990-01-01', 'end': '2019-08-07T05:00:01'}
    np.testing.assert_array_equal(np.sort(db.times(site='elp', **within)), expected)
    np.testing.assert_array_equal(db.span(site='elp', **within), expected)
    assert len(db.times()) == 5
    assert db.times(site='xyz').tolist() == []
    assert np.isnat(db.span(site='xyz')).all()
    assert np.isnat(db.span(site='elp')[1])  # 'no date' comes after all dates


def test_an_empty_database_reads_as_empty_arrays_of_the_right_kind(db):
    zeropoints = db.zeropoints()
    assert len(zeropoints) == 0
    assert zeropoints.dateobs.dtype == 'datetime64[ms]'
    assert zeropoints.zp.dtype == float
    assert zeropoints.refcomplete.dtype == bool
    assert zeropoints.site.dtype.kind == 'U'
    assert (db.telescopes(), db.filters(), db.runs(), db.rejections(), db.known([])) == ([], [], [], [], {})
    assert len(db.model('lsc-doma-1m0a', 'gp').modelzp) == 0


def test_odd_times_and_text_that_no_driver_takes(db):
    times = ['2019-02-30 00:00:00.000', 'now', '2019', '', '2019-08-05T01:02:03Z', '2019-08-05 01:02:03.123456']
    db.add_many(measured(f'{at}-1-e91.fits', dateobs=time) for at, time in enumerate(times))
    zeropoints = db.zeropoints()
    assert list(zeropoints.dateobs[:2].astype(str)) == ['2019-08-05T01:02:03.000', '2019-08-05T01:02:03.123']
    assert np.isnat(zeropoints.dateobs[2:]).sum() == 4
    db.reject(RejectedFrame(name='bad\udcff-1-e91.fits', reason='file-unreadable', detail='\udcff\0'))
    assert [frame.detail for frame in db.rejections()] == ['\\udcff']


def test_the_times_of_cameras_go_on_over_months_and_end_with_a_gap(db):
    times = {'fl03': ('2019-01-05 03:00:00.000', '2019-01-31T23:00:00.000', '2019-02-03 01:00:00.000',
                      '2019-06-10 01:00:00.000', 'not a date'),
             'fa15': ('2019-02-10 00:00:00.000', '2019-04-10 00:00:00.000')}
    db.add_many(measured(f'lsc1m005-{camera}-20190101-{number:04}-e91.fits', camera=camera, dateobs=time)
                for camera, starts in times.items() for number, time in enumerate(starts))
    db.add(measured('coj2m002-fl03-20190101-0001-e91.fits', site='coj', dateobs='2019-03-01 00:00:00.000',
                    camera='fl03'))
    z = db.zeropoints(site='lsc')
    assert joined_spans(camera_spans('lsc-doma-1m0a', z.dateobs, z.camera)) == tuple(
        CameraSpan('lsc-doma-1m0a', *span) for span in (
            ('fa15', '2019-02-10', '2019-04-10', 2), ('fl03', '2019-01-05', '2019-02-03', 3),
            ('fl03', '2019-06-10', '2019-06-10', 1)))


@pytest.mark.parametrize('changed', [
    {'dateobs': '2019-08-05 23:59:59.988'}, {'camera': 'fa16'}, {'airmass': 1.2500000000000002}, {'airmass': np.nan},
    {'zp': 24.125000000000004}, {'colorterm': 0.03}, {'zpsig': 0.041}, {'zperr': np.nan}, {'colortermerr': 0.005},
    {'zpcolor': np.nan}, {'zpcolortermcov': 1e-6}, {'colortermheld': True}, {'meancolor': 1.0}, {'ra': 0.0},
    {'dec': np.nan}, {'fwhm': 1.8}, {'name': E11},
    {'site': 'coj'}, {'dome': 'domb'}, {'telescope': '1m0b'}, {'filter': 'rp'},
])  # fmt: skip
def test_a_digest_changes_with_every_value(place, changed):
    digests = []
    for values in ({}, changed, {}):
        with PhotDatabase(place, now=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as database:
            database.add(measured(OTHER))
            database.add(measured(**values))
            digests.append(str(database.digest(COLUMNS, **SERIES)))
            with database.writing() as connection:
                connection.execute(sa.delete(PHOT))
            assert database.digest(COLUMNS, **SERIES).rows == database.count(**SERIES) == 0
    assert digests[0] == digests[2] != digests[1]


def test_what_is_read_is_what_the_digest_says_and_other_columns_are_missing(db):
    db.add_many(measured(name, zp=zp, nstars=50) for name, zp in ((E91, 23.0), (OTHER, np.nan)))
    digest = RowDigest(COLUMNS)
    some, every = db.zeropoints(**SERIES, digest=digest), db.zeropoints(**SERIES)
    assert (str(digest), digest.rows) == (str(db.digest(COLUMNS, **SERIES)), 2)
    for name in CONVERTERS:
        if name in COLUMNS:
            np.testing.assert_array_equal(getattr(some, name), getattr(every, name))
        else:
            assert len(getattr(some, name)) == 2
    assert np.isnan(some.nstars).all()
    assert (every.nstars == 50).all()


def test_a_digest_is_of_the_rows_in_their_order_of_time_and_of_the_time_of_processing(place):
    digests = set()
    rows = [measured(E91), measured(OTHER, dateobs='2019-08-05 22:00:00.000'), measured(E11)]
    for order, year in ((rows, 2026), (rows[::-1], 2026), (rows, 2027)):
        with PhotDatabase(place, now=lambda year=year: datetime(year, 1, 1, tzinfo=UTC)) as database:
            for row in order:
                database.add(row)
            digests.add(str(database.digest(COLUMNS, **SERIES)))
            with database.writing() as connection:
                connection.execute(sa.delete(PHOT))
    assert len(digests) == 2


def test_the_digest_of_many_rows_changes_with_one(tmp_path):
    with PhotDatabase(tmp_path / 'many.db') as database:
        rows = [measured(f'lsc1m005-fa15-20190805-{number:04d}-e91.fits.fz', zp=24 + number / 1e5)
                for number in range(6000)]
        database.add_many(rows)
        before = str(database.digest(('zp',), **SERIES))
        database.add(replace(rows[5500], zp=20.0))
        assert str(database.digest(('zp',), **SERIES)) != before


def test_of_an_exposure_the_final_frame_then_the_newest_then_a_base_name_counts():
    day = np.datetime64('2020-01-01', 'ms')
    rows = [  # name, exposure, processed, whether it is the one
        ('a-e11.fits', 0, day + np.timedelta64(9, 'ms'), False), ('a-e91.fits', 0, day, True),
        ('b-e91.fits', 1, day, False), ('/x/b-e91.fits', 1, day + np.timedelta64(1, 'ms'), True),
        ('c-e91.fits', 2, day, True), ('/x/c-e91.fits', 2, day, False),
        ('d-e91.fits', 3, np.datetime64('NaT', 'ms'), True)]
    names, exposures, processed, best = zip(*rows, strict=True)
    mask = _best_of_exposure(np.array(names, object), np.array(exposures), np.array(processed))
    assert mask.tolist() == list(best)


@pytest.mark.parametrize('selection', [{'zp': 23.0}, {'sites': 'lsc'}])
def test_rows_are_selected_by_few_columns(db, selection):
    for method in (db.zeropoints, db.count):
        with pytest.raises(TypeError, match=f'rows are selected by .*, not by {next(iter(selection))}'):
            method(**selection)
    with pytest.raises(TypeError, match='not by start'):
        db.count(start='2019-01-01')
