"""Ten processes open an old database together, upgrade it, and write to it."""

import multiprocessing
import sqlite3
from contextlib import closing

from photdbinterface import Measurement, PhotDatabase, RejectedFrame

PROCESSES, FRAMES = 10, 12


def name_of(process, number, level=91):
    return f'lsc1m005-fa15-20190805-{process * 100 + number:04d}-e{level}.fits.fz'


def measured(name, zp):
    return Measurement(name, '2019-08-05 01:00:00.000', 'lsc', 'doma', '1m0a', 'fa15', 'gp', 1.5, zp, 0.3, 0.06)


def work(file, process, barrier):
    """Open with all others at once; measure frames of one's own, one that is everybody's, and reject a few."""
    barrier.wait(timeout=60)
    with PhotDatabase(file) as db:
        run = db.start_run('photcalibration', {'process': process}, '1')
        for number in range(FRAMES):
            db.add(measured(name_of(process, number), zp=process))
            db.add(measured('everybodys-1-e91.fits', zp=process))
            db.reject(RejectedFrame(name_of(process, number, 11), 'too-few-stars'))
        db.store_model('lsc-doma-1m0a', 'gp', ['2019-01-01', '2019-01-02'], [process, process])
        db.finish_run(run, 0, {'measured': FRAMES})


def test_ten_processes_at_once_lose_nothing(tmp_path):
    file = tmp_path / 'lcophotzp.db'
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            'CREATE TABLE lcophot (name TEXT PRIMARY KEY, dateobs TEXT, site TEXT, dome TEXT, telescope TEXT, '
            'camera TEXT, filter TEXT, airmass REAL, zp REAL, colorterm REAL, zpsig REAL)'
        )
        connection.execute('CREATE TABLE telescopemodel (telescopeid TEXT, filter TEXT, dateobs TEXT, modelzp REAL)')
        connection.executemany('INSERT INTO lcophot (name) VALUES (?)', [(f'old-{at}-e91.fits',) for at in range(999)])
    separate = multiprocessing.get_context('forkserver')  # as separate as with spawn, but imports are done once
    separate.set_forkserver_preload(['sqlalchemy.orm', 'sqlalchemy.dialects.postgresql', 'alembic.operations'])
    barrier = separate.Barrier(PROCESSES)
    processes = [separate.Process(target=work, args=(file, number, barrier)) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=90)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert len(list(tmp_path.glob('*before-upgrade*'))) == 1
    with PhotDatabase(file) as db:
        zeropoints = db.zeropoints()
        mine = {name_of(process, number): process for process in range(PROCESSES) for number in range(FRAMES)}
        stored = dict(zip(zeropoints.name, zeropoints.zp, strict=True))
        assert stored.keys() == mine.keys() | {f'old-{at}-e91.fits' for at in range(999)} | {'everybodys-1-e91.fits'}
        assert {name: stored[name] for name in mine} == mine
        assert len(db.rejections()) == PROCESSES * FRAMES
        assert len(db.model('lsc-doma-1m0a', 'gp').modelzp) == 2
        assert sorted(run.options['process'] for run in db.runs()) == list(range(PROCESSES))
        assert {run.status for run in db.runs()} == {0}
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute('PRAGMA integrity_check').fetchone() == ('ok',)
