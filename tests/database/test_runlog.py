"""Runs of the scripts are recorded."""

import os
from pathlib import Path

import numpy as np


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
