"""Many processes open an old database together, upgrade it, and write to it: on SQLite, and on PostgreSQL."""

import multiprocessing

import pytest
import sqlalchemy as sa

from photdbinterface import PhotDatabase, RejectedFrame
from tests.support.databaserows import measured, model

FRAMES = 6

EVERYBODYS = [f'everybodys-{number}-e91.fits' for number in range(2, 40)]


def name_of(process, number, level=91):
    return f'lsc1m005-fa15-20190805-{process * 100 + number:04d}-e{level}.fits.fz'


def work(place, process, barrier):
    """Open with all others at once; measure frames of one's own, some that are everybody's, and reject a few."""
    barrier.wait(timeout=60)
    with PhotDatabase(place) as db:
        run = db.start_run('photcalibration', {'process': process}, '1')
        for number in range(FRAMES):
            db.add(measured(name_of(process, number), zp=process))
            db.add(measured('everybodys-1-e91.fits', zp=process))
            together = [measured(name, zp=process) for name in EVERYBODYS]
            db.add_many(reversed(together) if process % 2 else together)  # the order in which rows are locked
            db.reject(RejectedFrame(name=name_of(process, number, 11), reason='too-few-stars'))
            db.store_model('lsc-doma-1m0a', 'gp', *model(['2019-01-01', '2019-01-02'], [process, process]))
            assert len(db.model('lsc-doma-1m0a', 'gp').modelzp) == 2  # whosever it is, it is one and whole
        db.finish_run(run, 0, {'measured': FRAMES})


@pytest.fixture(params=['sqlite', 'postgresql'])
def old_database(request, tmp_path):
    """(place, number of processes) of a database of an old kind, with 999 rows."""
    if request.param == 'sqlite':
        place, processes = tmp_path / 'lcophotzp.db', 10
        engine = sa.create_engine(f'sqlite:///{place}')
    else:
        place, processes = request.getfixturevalue('postgresql_schema'), 4
        engine = sa.create_engine(place)
    with engine.begin() as connection:
        connection.execute(sa.text(
            'CREATE TABLE lcophot (name TEXT PRIMARY KEY, dateobs TEXT, site TEXT, dome TEXT, telescope TEXT, '
            'camera TEXT, filter TEXT, airmass REAL, zp REAL, colorterm REAL, zpsig REAL)'))
        connection.execute(sa.text(
            'CREATE TABLE telescopemodel (telescopeid TEXT, filter TEXT, dateobs TEXT, modelzp REAL)'))
        connection.execute(sa.text('INSERT INTO lcophot (name) VALUES (:name)'),
                           [{'name': f'old-{at}-e91.fits'} for at in range(999)])
    engine.dispose()
    return place, processes


def test_many_processes_at_once_lose_nothing(old_database, tmp_path):
    place, count = old_database
    separate = multiprocessing.get_context('forkserver')  # as separate as with spawn, but imports are done once
    separate.set_forkserver_preload(['sqlalchemy.orm', 'sqlalchemy.dialects.postgresql', 'alembic.operations'])
    barrier = separate.Barrier(count)
    processes = [separate.Process(target=work, args=(place, number, barrier)) for number in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=90)
    assert [process.exitcode for process in processes] == [0] * count
    assert len(list(tmp_path.glob('*before-upgrade*'))) == (1 if list(tmp_path.iterdir()) else 0)
    with PhotDatabase(place) as db:
        zeropoints = db.zeropoints()
        mine = {name_of(process, number): process for process in range(count) for number in range(FRAMES)}
        stored = dict(zip(zeropoints.name, zeropoints.zp, strict=True))
        everybodys = {'everybodys-1-e91.fits', *EVERYBODYS}
        assert stored.keys() == mine.keys() | {f'old-{at}-e91.fits' for at in range(999)} | everybodys
        assert {name: stored[name] for name in mine} == mine
        assert len({stored[name] for name in EVERYBODYS}) == 1  # one transaction is all of one process
        assert len(db.rejections()) == count * FRAMES
        assert len(db.model('lsc-doma-1m0a', 'gp').modelzp) == 2
        assert sorted(run.options['process'] for run in db.runs()) == list(range(count))
        assert {run.status for run in db.runs()} == {0}
        assert db.integrity() == []
