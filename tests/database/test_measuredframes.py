"""What is stored of measured frames comes out again, on every kind of database."""

import sqlite3
from dataclasses import fields
from datetime import datetime

import numpy as np
import pytest
import sqlalchemy as sa

from photdbinterface import Measurement, PhotDatabase
from photzp.errors import DatabaseUnusable
from tests.support.databaserows import E91, OTHER, measured


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
    db.add(Measurement(name=E91, dateobs='2020-01-01T00:00:00.000', site='ogg', dome='clma', telescope='2m0a',
                       camera='fs02', filter='rp', airmass=2.0, zp=25.0, colorterm=0.1, zpsig=0.2))
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


def test_an_add_is_all_or_nothing(db):
    with pytest.raises((DatabaseUnusable, sa.exc.StatementError, TypeError)):
        db.add_many([measured(E91), measured(OTHER, zp=object())])
    assert len(db.zeropoints()) == 0


def test_the_exposure_is_stored_beside_the_name(tmp_path):
    with PhotDatabase(tmp_path) as db:
        db.add(measured(f'/some/{E91}'))
    connection = sqlite3.connect(tmp_path / 'lcophotzp.db')
    assert connection.execute('SELECT name, frame FROM lcophot').fetchall() == [(E91, 'lsc1m005-fa15-20190805-0123')]
    connection.close()
