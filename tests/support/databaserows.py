"""Rows for tests of the database."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from photdbinterface import Measurement, PhotDatabase
from photzp.errors import DatabaseUnusable

E91 = 'lsc1m005-fa15-20190805-0123-e91.fits.fz'
E11 = 'lsc1m005-fa15-20190805-0123-e11.fits.fz'
OTHER = 'lsc1m005-fa15-20190805-0124-e91.fits.fz'
SERIES = {'site': 'lsc', 'dome': 'doma', 'telescope': '1m0a', 'filter': 'gp'}  # of what `measured` returns


def measured(name=E91, **values):
    """A measurement with something in every field."""
    usual = Measurement(
        name=name, dateobs='2019-08-05 23:59:59.987', site='lsc', dome='doma', telescope='1m0a', camera='fa15',
        filter='gp', airmass=1.25, zp=24.125, colorterm=-0.03, zpsig=0.04, zperr=0.002, colortermerr=0.004, zpcolor=1.0,
        nstars=212, exptime=60.5, zpcolortermcov=-1e-6, colortermheld=False, refcomplete=True, wcsoffset=0.7,
        nmatched=540, matchsep=0.11, matchfrac=0.31, magslope=0.0012, magslopeerr=0.0009, redchi2=2.5, meancolor=1.0625,
        ra=359.9375, dec=-29.5, fwhm=1.75,
    )  # fmt: skip
    return replace(usual, **values)


def model(days, modelzp, modelzperr=None):
    """Times, zeropoints and errors of a throughput model, without errors unless they are given."""
    return np.array(days, 'datetime64[ms]'), np.asarray(modelzp, float), modelzperr


def clock(start='2026-01-01 00:00:00'):
    """A clock that goes on by a second at every look."""
    seconds = itertools.count()
    return lambda: datetime.fromisoformat(start).replace(tzinfo=UTC) + timedelta(seconds=next(seconds))


def refused(place, *texts, **options):
    """The database is refused, and the message has the path and these words."""
    with pytest.raises(DatabaseUnusable) as caught:
        PhotDatabase(place, **options).close()
    for text in (str(place), *texts):
        assert text in str(caught.value)
