"""What goes into the database comes out of it, on every kind of database behind the one interface.

SQLite, and PostgreSQL on a server of the tests' own; each test makes and drops a schema.
"""

import itertools
import os
import sqlite3
import tempfile
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import photdbinterface
from photdbinterface import Measurement, PhotDatabase, RejectedFrame
from photzp.answers.cameras import camera_spans, joined_spans
from photzp.database.tables import CONVERTERS
from photzp.errors import DatabaseUnusable
from photzp.records import CameraSpan, RowDigest
from photzp.throughput.rows import COLUMNS

E91 = 'lsc1m005-fa15-20190805-0123-e91.fits.fz'
E11 = 'lsc1m005-fa15-20190805-0123-e11.fits.fz'
OTHER = 'lsc1m005-fa15-20190805-0124-e91.fits.fz'


@pytest.fixture(autouse=True, scope='module')
def _no_waiting_for_the_disk():
    """Nobody pulls the plug in these tests: SQLite need not wait until the disk has written."""

    def hurry(connection, _record):
        if isinstance(connection, sqlite3.Connection):
            connection.execute('PRAGMA synchronous=OFF')

    sa.event.listen(sa.Engine, 'connect', hurry)
    yield
    sa.event.remove(sa.Engine, 'connect', hurry)


def measured(name=E91, **values):
    """A measurement with something in every field."""
    usual = Measurement(
        name=name, dateobs='2019-08-05 23:59:59.987', site='lsc', dome='doma', telescope='1m0a', camera='fa15',
        filter='gp', airmass=1.25, zp=24.125, colorterm=-0.03, zpsig=0.04, zperr=0.002, colortermerr=0.004, zpcolor=1.0,
        nstars=212, exptime=60.5, zpcolortermcov=-1e-6, colortermheld=False, refcomplete=True, wcsoffset=0.7,
        nmatched=540, matchsep=0.11, matchfrac=0.31, magslope=0.0012, magslopeerr=0.0009, redchi2=2.5, meancolor=1.0625,
    )  # fmt: skip
    return replace(usual, **values)


def clock(start='2026-01-01 00:00:00'):
    """A clock that goes on by a second at every look."""
    seconds = itertools.count()
    return lambda: datetime.fromisoformat(start).replace(tzinfo=UTC) + timedelta(seconds=next(seconds))


@pytest.fixture(params=['sqlite', 'postgresql'])
def place(request, tmp_path):
    """A new place for a database."""
    return tmp_path / 'zeropoints.db' if request.param == 'sqlite' else request.getfixturevalue('postgresql_schema')


@pytest.fixture
def db(place):
    with PhotDatabase(place, now=clock()) as database:
        yield database


def at(text):
    """A time as arrays give it back: UTC without saying so."""
    return datetime.fromisoformat(text)


def columns(zeropoints, row=0):
    """One row of the arrays as a dict of Python values."""
    return {field.name: getattr(zeropoints, field.name)[row].item() if field.name != 'name' else zeropoints.name[row]
            for field in fields(zeropoints)}  # fmt: skip


def test_what_is_added_is_read_back(db):
    db.add(measured())
    zeropoints = db.zeropoints()
    assert len(zeropoints) == 1
    row = columns(zeropoints)
    assert row.pop('processed') == at('2026-01-01')
    assert row.pop('dateobs') == at('2019-08-05 23:59:59.987')
    expected = {field.name: getattr(measured(), field.name) for field in fields(Measurement)}
    assert row == {name: value for name, value in expected.items() if name != 'dateobs'}


def test_nan_none_infinity_and_numpy_scalars(db):
    db.add(measured(airmass=np.nan, zperr=np.float32('nan'), zpcolor=np.inf, nstars=np.int64(7), zp=np.float32(24.5),
                    colortermheld=np.True_, refcomplete=np.False_, site=np.str_('lsc'), wcsoffset=None))  # fmt: skip
    row = db.zeropoints()
    assert np.isnan([row.airmass[0], row.zperr[0], row.zpcolor[0], row.wcsoffset[0]]).all()
    assert (row.nstars[0], row.zp[0], row.colortermheld[0], row.refcomplete[0]) == (7, 24.5, True, False)
    assert len(db.zeropoints(site='lsc')) == 1


def test_a_second_measurement_replaces_every_column(db):
    db.add(measured())
    db.add(Measurement(E91, '2020-01-01T00:00:00.000', 'ogg', 'clma', '2m0a', 'fs02', 'rp', 2.0, 25.0, 0.1, 0.2))
    zeropoints = db.zeropoints(one_per_exposure=False)
    assert len(zeropoints) == 1
    row = columns(zeropoints)
    assert (row['site'], row['camera'], row['zp'], row['dateobs']) == ('ogg', 'fs02', 25.0, at('2020-01-01'))
    unset = ('zperr', 'zpcolor', 'nstars', 'exptime', 'wcsoffset', 'nmatched', 'matchsep', 'matchfrac', 'magslope',
             'magslopeerr', 'redchi2', 'meancolor')
    assert np.isnan([row[name] for name in unset]).all()
    assert row['processed'] == at('2026-01-01 00:00:01')


def test_a_path_counts_as_its_base_name(db):
    db.add(measured(f'/archive/engineering/lsc/fa15/20190805/processed/{E91}'))
    assert list(db.zeropoints().name) == [E91]
    assert db.known([E91, f'/elsewhere/{E91}']) == {E91: 'measured', f'/elsewhere/{E91}': 'measured'}


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
    db.reject(RejectedFrame('bad\udcff-1-e91.fits', 'file-unreadable', detail='\udcff\0'))
    assert [each.detail for each in db.rejections()] == ['\\udcff']


# -- what needs no second look -----------------------------------------------------------------------------------------

SIZE, MTIME = 3_000_000_000, 1_700_000_000_123_456_789


def unchanged(name):
    return SIZE, MTIME


def rejected(name=E91, **values):
    return replace(RejectedFrame(name, 'too-few-stars', 'found 3', False, SIZE, MTIME, 60.0), **values)


def test_a_rejected_frame_is_read_back_and_known_under_its_own_name_only(db):
    db.reject(rejected(E11))
    assert db.rejections() == [rejected(E11)]
    assert db.known([E11, E91, OTHER], mintexp_s=60, stat=unchanged) == {E11: 'rejected'}
    assert db.known([f'/some/{E11}']) == {f'/some/{E11}': 'rejected'}


def test_a_measured_frame_makes_lower_levels_known_and_not_higher_ones(db):
    db.add(measured(E11))
    assert db.known([E11, E91]) == {E11: 'measured'}
    db.add(measured(E91))
    assert db.known([E11, E91, OTHER]) == {E11: 'measured', E91: 'measured'}


def test_a_rejected_final_frame_does_not_hide_the_measured_quick_look(db):
    db.add(measured(E11))
    db.reject(rejected(E91))
    assert list(db.zeropoints().name) == [E11]
    assert db.known([E11, E91], stat=unchanged) == {E11: 'measured', E91: 'rejected'}


def test_measuring_a_frame_removes_its_rejection_and_no_other(db):
    db.reject_many([rejected(E11), rejected(E91), rejected(OTHER)])
    db.add(measured(f'/some/{E91}'))
    assert [each.name for each in db.rejections()] == [E11, OTHER]


def test_rejecting_a_measured_frame_takes_nothing_away(db):
    db.add(measured())
    db.reject(rejected())
    assert len(db.zeropoints()) == 1
    assert db.known([E91]) == {E91: 'measured'}


@pytest.mark.parametrize(
    ('change', 'now', 'mintexp_s', 'stands'),
    [
        ({}, (SIZE, MTIME), 60, True),
        ({'retry': True}, (SIZE, MTIME), 60, False),
        ({}, (SIZE + 1, MTIME), 60, False),
        ({}, (SIZE, MTIME + 1), 60, False),
        ({'size': None, 'mtime': None}, (SIZE, MTIME), 60, False),
        ({'reason': 'exposure-too-short', 'exptime_s': 30.0}, (SIZE, MTIME), 60, True),
        ({'reason': 'exposure-too-short', 'exptime_s': 30.0}, (SIZE, MTIME), 30, False),
        ({'reason': 'exposure-too-short', 'exptime_s': 30.0}, (SIZE, MTIME), None, True),
        ({'reason': 'exposure-too-short', 'exptime_s': None}, (SIZE, MTIME), 60, False),
        ({'reason': 'too-few-stars', 'exptime_s': 90.0}, (SIZE, MTIME), 60, True),
    ],
)
def test_when_a_rejection_stands(db, change, now, mintexp_s, stands):
    db.reject(rejected(**change))
    assert db.known([E91], mintexp_s=mintexp_s, stat=lambda name: now) == ({E91: 'rejected'} if stands else {})


def test_only_files_whose_rejection_would_stand_are_looked_at_on_disk(db):
    looked = []

    def stat(name):
        looked.append(name)
        raise FileNotFoundError(name)

    db.add(measured(OTHER))
    db.reject_many([rejected(OTHER), rejected(E91), rejected('x-1-e91.fits', retry=True)])
    assert db.known([OTHER, f'/some/{E91}', 'x-1-e91.fits', 'never-seen-e91.fits'], stat=stat) == {OTHER: 'measured'}
    assert looked == [f'/some/{E91}']


def test_known_asks_for_many_names_at_once(db):
    names = [f'lsc1m005-fa15-20190805-{number:04d}-e91.fits.fz' for number in range(4000)]
    db.add_many(measured(name) for name in names[::2])
    db.reject_many(rejected(name) for name in names[1::4])
    verdicts = db.known(names, stat=unchanged)
    assert {name for name, verdict in verdicts.items() if verdict == 'measured'} == set(names[::2])
    assert {name for name, verdict in verdicts.items() if verdict == 'rejected'} == set(names[1::4])


FRAME_NAMES = st.builds(
    lambda folder, number, level: f'{folder}lsc1m005-fa15-20190805-{number:04d}-e{level}.fits.fz',
    st.sampled_from(['', '/archive/', '/another/place/']), st.integers(1, 3), st.sampled_from([11, 91]),
)  # fmt: skip
ACTS = st.sampled_from(['add', 'reject'])
STEPS = st.lists(st.tuples(ACTS, st.lists(FRAME_NAMES, min_size=1, max_size=3)), max_size=9)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_in_any_order_nothing_is_lost_and_an_exposure_counts_once(steps):
    zeropoint_of, rejections = {}, set()
    with tempfile.TemporaryDirectory() as directory, PhotDatabase(Path(directory) / 'z.db', now=clock()) as db:
        for zp, (act, names) in enumerate(steps):
            bases = {os.path.basename(name) for name in names}
            if act == 'add':
                db.add_many(measured(name, zp=zp) for name in names)
                zeropoint_of |= dict.fromkeys(bases, float(zp))
                rejections -= bases
            else:
                db.reject_many(rejected(name) for name in names)
                rejections |= bases
        every = db.zeropoints(one_per_exposure=False)
        assert dict(zip(every.name, every.zp, strict=True)) == zeropoint_of
        assert len(every) == len(zeropoint_of)
        assert {each.name for each in db.rejections()} == rejections
        best = db.zeropoints()
        exposures = [name.split('-e')[0] for name in best.name]
        assert sorted(exposures) == sorted({name.split('-e')[0] for name in zeropoint_of})
        for name in best.name:
            assert 'e91' in name or name.replace('-e11', '-e91') not in zeropoint_of
        exposures = [f'lsc1m005-fa15-20190805-{number:04d}' for number in (1, 2, 3)]
        all_names = [f'{exposure}-e{level}.fits.fz' for exposure in exposures for level in (11, 91)]
        expected = {name: 'rejected' for name in all_names if name in rejections}
        expected |= {name: 'measured' for name in all_names
                     if name in zeropoint_of or name.replace('-e11', '-e91') in zeropoint_of}  # fmt: skip
        assert db.known(all_names, stat=unchanged) == expected


# -- throughput model and runs -----------------------------------------------------------------------------------------


def test_a_model_is_replaced_per_telescope_and_filter(db):
    days = np.arange('2019-01-01', '2019-01-11', dtype='datetime64[D]')
    db.store_model('lsc-doma-1m0a', 'gp', days, np.linspace(24, 23, 10), np.full(10, 0.01))
    db.store_model('lsc-doma-1m0a', 'rp', days, np.full(10, 23.8))
    db.store_model('lsc-doma-1m0a', 'gp', days[[4, 2, 3]], [1.0, 2.0, np.nan], [0.1, np.nan, 0.3])
    model = db.model('lsc-doma-1m0a', 'gp')
    np.testing.assert_array_equal(model.dateobs, days[2:5].astype('datetime64[ms]'))
    np.testing.assert_array_equal(model.modelzp, [2.0, np.nan, 1.0])
    np.testing.assert_array_equal(model.modelzperr, [np.nan, 0.3, 0.1])
    assert len(db.model('lsc-doma-1m0a', 'rp').modelzp) == 10
    db.store_model('lsc-doma-1m0a', 'gp', [], [])
    assert len(db.model('lsc-doma-1m0a', 'gp').modelzp) == 0


@pytest.mark.parametrize(('dates', 'zps'), [(['2019-01-01'], [1.0, 2.0]), (['NaT'], [1.0]), (['someday'], [1.0])])
def test_a_model_that_makes_no_sense_leaves_the_old_one_alone(db, dates, zps):
    db.store_model('lsc-doma-1m0a', 'gp', ['2018-01-01'], [24.0])
    with pytest.raises(ValueError):
        db.store_model('lsc-doma-1m0a', 'gp', dates, zps)
    assert list(db.model('lsc-doma-1m0a', 'gp').modelzp) == [24.0]


def test_runs_are_recorded_from_start_to_end(db):
    first = db.start_run('photcalibration', {'site': 'lsc', 'ps1dir': Path('/cat'), 'photodb': 'pg://me:pw@h/d'}, '1.0')
    killed = db.start_run('photcalibration', {}, '1.1')
    report = db.start_run('longtermphotzp', {'n': np.int64(3)}, '1.1')
    db.finish_run(first, 1, {'measured': np.int64(12), 'wcs-failed': 1}, {'lsc-doma-1m0a': {'measured': 12}})
    db.finish_run(report, 0, {})
    runs = {run.id: run for run in db.runs()}
    assert list(runs) == [report, killed, first]
    run = runs[first]
    assert (run.script, run.status, run.version, run.pid) == ('photcalibration', 1, '1.0', os.getpid())
    assert (run.started, run.ended) == ('2026-01-01 00:00:00.000', '2026-01-01 00:00:03.000')
    assert run.options == {'site': 'lsc', 'ps1dir': '/cat', 'photodb': 'pg://me:***@h/d'}
    assert run.counts == {'measured': 12, 'wcs-failed': 1}
    assert run.per_telescope == {'lsc-doma-1m0a': {'measured': 12}}
    assert (runs[killed].ended, runs[killed].status, runs[killed].counts) == (None, None, {})
    assert db.last_run('photcalibration').id == killed
    assert db.last_run('never') is None
    assert [run.id for run in db.runs(1)] == [report]


def test_reading_only(db, place):
    db.add(measured())
    with PhotDatabase(place, readonly=True) as reader:
        assert list(reader.zeropoints().zp) == [24.125]
        assert reader.known([E11]) == {E11: 'measured'}
        for write in (lambda: reader.add(measured(OTHER)), lambda: reader.start_run('x', {}, '1')):
            with pytest.raises(DatabaseUnusable, match='reading only'):
                write()
    assert len(db.zeropoints()) == 1


def test_opening_again_adds_nothing_and_keeps_all(place):
    for number in range(3):
        with PhotDatabase(place) as db:
            db.add(measured(f'x-{number}-e91.fits'))
    with PhotDatabase(place) as db:
        assert len(db.zeropoints()) == 3


def test_an_add_is_all_or_nothing(db):
    with pytest.raises((DatabaseUnusable, sa.exc.StatementError, TypeError)):
        db.add_many([measured(E91), measured(OTHER, zp=object())])
    assert len(db.zeropoints()) == 0


def test_the_exposure_is_stored_beside_the_name(tmp_path):
    with PhotDatabase(tmp_path) as db:
        db.add(measured(f'/some/{E91}'))
        db.reject(rejected(E11))
    connection = sqlite3.connect(tmp_path / 'lcophotzp.db')
    assert connection.execute('SELECT name, frame FROM lcophot').fetchall() == [(E91, 'lsc1m005-fa15-20190805-0123')]
    assert connection.execute('SELECT frame FROM photreject').fetchall() == [('lsc1m005-fa15-20190805-0123',)]
    connection.close()


# -- cameras -----------------------------------------------------------------------------------------------------------


def test_the_times_of_cameras_go_on_over_months_and_end_with_a_gap(db):
    times = {'fl03': ('2019-01-05 03:00:00.000', '2019-01-31T23:00:00.000', '2019-02-03 01:00:00.000',
                      '2019-06-10 01:00:00.000', 'not a date'),
             'fa15': ('2019-02-10 00:00:00.000', '2019-04-10 00:00:00.000')}
    db.add_many(measured(f'lsc1m005-{camera}-20190101-{number:04}-e91.fits', camera=camera, dateobs=time)
                for camera, each in times.items() for number, time in enumerate(each))
    db.add(measured('coj2m002-fl03-20190101-0001-e91.fits', site='coj', dateobs='2019-03-01 00:00:00.000',
                    camera='fl03'))
    z = db.zeropoints(site='lsc')
    assert joined_spans(camera_spans('lsc-doma-1m0a', z.dateobs, z.camera)) == tuple(
        CameraSpan('lsc-doma-1m0a', *span) for span in (
            ('fa15', '2019-02-10', '2019-04-10', 2), ('fl03', '2019-01-05', '2019-02-03', 3),
            ('fl03', '2019-06-10', '2019-06-10', 1)))


# -- digests -----------------------------------------------------------------------------------------------------------

SERIES = {'site': 'lsc', 'dome': 'doma', 'telescope': '1m0a', 'filter': 'gp'}


@pytest.mark.parametrize('changed', [
    {'dateobs': '2019-08-05 23:59:59.988'}, {'camera': 'fa16'}, {'airmass': 1.2500000000000002}, {'airmass': np.nan},
    {'zp': 24.125000000000004}, {'colorterm': 0.03}, {'zpsig': 0.041}, {'zperr': np.nan}, {'colortermerr': 0.005},
    {'zpcolor': np.nan}, {'zpcolortermcov': 1e-6}, {'colortermheld': True}, {'meancolor': 1.0}, {'name': E11},
    {'site': 'coj'}, {'dome': 'domb'}, {'telescope': '1m0b'}, {'filter': 'rp'},
])  # fmt: skip
def test_a_digest_changes_with_every_value(place, changed):
    digests = []
    for values in ({}, changed, {}):
        with PhotDatabase(place, now=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as database:
            database.add(measured(OTHER))
            database.add(measured(**values))
            digests.append(str(database.digest(COLUMNS, **SERIES)))
            with database._writing() as connection:
                connection.execute(sa.delete(photdbinterface.PHOT))
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
    found = set()
    rows = [measured(E91), measured(OTHER, dateobs='2019-08-05 22:00:00.000'), measured(E11)]
    for order, year in ((rows, 2026), (rows[::-1], 2026), (rows, 2027)):
        with PhotDatabase(place, now=lambda year=year: datetime(year, 1, 1, tzinfo=UTC)) as database:
            for row in order:
                database.add(row)
            found.add(str(database.digest(COLUMNS, **SERIES)))
            with database._writing() as connection:
                connection.execute(sa.delete(photdbinterface.PHOT))
    assert len(found) == 2


def test_the_digest_of_many_rows_changes_with_one(tmp_path):
    with PhotDatabase(tmp_path / 'many.db') as database:
        rows = [measured(f'lsc1m005-fa15-20190805-{number:04d}-e91.fits.fz', zp=24 + number / 1e5)
                for number in range(6000)]
        database.add_many(rows)
        before = str(database.digest(('zp',), **SERIES))
        database.add(replace(rows[5500], zp=20.0))
        assert str(database.digest(('zp',), **SERIES)) != before
