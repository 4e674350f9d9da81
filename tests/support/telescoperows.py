"""Rows of a made telescope for the tests of `photzp.throughput`: nights, clouds and levels that a test plants."""

import numpy as np

from photzp.throughput.firststate import first_state
from photzp.throughput.fitstate import Problem
from photzp.throughput.nightmeans import TelescopeRows, choose_covariates, row_design
from photzp.throughput.noise import with_noise
from photzp.throughput.siteair import told_nights
from photzp.throughput.stepdates import EVENT_DAYS
from photzp.throughput.stepprior import StepAt
from photzp.throughput.stepsearch import find_steps, path_steps
from photzp.throughput.telescopefit import climb, with_means


def rows_of(night, zp, *, day=None, zperr=0.004, airmass=1.0, group=0, field=-1, ln_fwhm=0.0):
    """Rows of one filter, sorted by night; a row is on the day of the number of its night unless days are given."""
    night, zp = np.asarray(night), np.asarray(zp, float)

    def filled(value, kind):
        return np.broadcast_to(np.asarray(value, kind), zp.shape).copy()

    return TelescopeRows(day=filled(night if day is None else day, float), night=night, zp=zp,
                         zperr=filled(zperr, float), airmass=filled(airmass, float), group=filled(group, int),
                         field=filled(field, int), ln_fwhm=filled(ln_fwhm, float))


def problem_of(rows, day, *, tied=None, with_airmass=False, reach=20, others=None):
    """What is fitted of a telescope, from its rows by filter and the day of each night."""
    number = np.arange(len(day))
    covariates = choose_covariates(rows, tied or dict.fromkeys(rows, ()), with_airmass=with_airmass)
    return Problem(
        filters=tuple(rows), rows=rows, covariates=covariates, day=np.asarray(day, float),
        designs={name: row_design(one, name, covariates, 0.0) for name, one in rows.items()},
        known_fields={name: np.ones(len(one.zp), bool) for name, one in rows.items()},
        window=np.stack([np.maximum(number - reach, 0), np.minimum(number + reach + 1, len(day))]),
        others=told_nights(np.datetime64('2020-01-01') + np.floor(day).astype(int), others))


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


def clouds(seed, nights, clear=0.5):
    """Dimming of each night by an exponential law of 0.3 mag, none in a share of them."""
    rng = np.random.default_rng(100 + seed)
    return np.where(rng.random(nights) < clear, 0, rng.exponential(0.3, nights))


def event(day, kind='wash', changed=()):
    """A step that somebody recorded."""
    return StepAt(day=day, kind=kind, written=day, changed=frozenset(changed))


def searched(level, steps=(), *, cloud=None, seed=1):
    """(problem, state, steps) after a search for steps in nights by `nightly`, half of which are cloudy."""
    rows = nightly(level, cloud=clouds(seed, len(level)) if cloud is None else cloud, seed=seed)
    problem = problem_of(rows, np.arange(float(len(level))))
    state, path = first_state(problem, list(steps), {}, EVENT_DAYS)
    steps = path_steps(problem, path, list(steps))
    state = climb(problem, state, steps, 5)
    state = climb(problem, with_noise(problem, with_means(problem, state)), steps, 4)
    return (problem, *find_steps(problem, state, steps))
