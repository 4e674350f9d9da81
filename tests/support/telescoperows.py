"""Rows of a made telescope for the tests of `photzp.throughput`: nights, clouds and levels that a test plants."""

import numpy as np

from photzp.throughput.fitstate import Problem
from photzp.throughput.nightmeans import TelescopeRows, choose_covariates, row_design


def rows_of(night, zp, *, day=None, zperr=0.004, airmass=1.0, group=0, field=-1, ln_fwhm=0.0):
    """Rows of one filter, sorted by night; a row is on the day of the number of its night unless days are given."""
    night, zp = np.asarray(night), np.asarray(zp, float)

    def filled(value, kind):
        return np.broadcast_to(np.asarray(value, kind), zp.shape).copy()

    return TelescopeRows(day=filled(night if day is None else day, float), night=night, zp=zp,
                         zperr=filled(zperr, float), airmass=filled(airmass, float), group=filled(group, int),
                         field=filled(field, int), ln_fwhm=filled(ln_fwhm, float))


def problem_of(rows, day, *, tied=None, with_airmass=False, reach=20):
    """What is fitted of a telescope, from its rows by filter and the day of each night."""
    number = np.arange(len(day))
    covariates = choose_covariates(rows, tied or dict.fromkeys(rows, ()), with_airmass=with_airmass)
    return Problem(
        filters=tuple(rows), rows=rows, covariates=covariates, day=np.asarray(day, float),
        designs={name: row_design(one, name, covariates, 0.0) for name, one in rows.items()},
        known_fields={name: np.ones(len(one.zp), bool) for name, one in rows.items()},
        window=np.stack([np.maximum(number - reach, 0), np.minimum(number + reach + 1, len(day))]),
        others=np.zeros(len(day)))


def nightly(level, *, per_night=3, noise=0.006, scatter=0.01, cloud=0.0, seed=1):
    """{filter: rows} of nights 0, 1, ...: level (N, F) minus clouds (N,), with noise of nights and of rows [mag]."""
    rng = np.random.default_rng(seed)
    level = np.asarray(level, float)
    night = np.repeat(np.arange(len(level)), per_night)
    seen = level + rng.normal(0, noise, level.shape) + rng.normal(0, noise, (len(level), 1))
    seen = seen - np.reshape(cloud, (-1, 1))
    names = ('gp', 'rp', 'ip', 'zp')[:level.shape[1]]
    return {name: rows_of(night, seen[night, number] + rng.normal(0, scatter, len(night)))
            for number, name in enumerate(names)}
