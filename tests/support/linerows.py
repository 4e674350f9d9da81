"""Rows of a series, made of days, for tests of lines in time."""

import numpy as np

from photzp.throughput.lines import SeriesRows

ORIGIN = np.datetime64('2018-01-01T05:00', 'ms')
MONTH = 30.4375  # days
DAYS = np.arange(0.0, 400.0, 2.0)


def at(day):
    """Time of a day."""
    return ORIGIN + (np.asarray(day) * 86_400_000).astype('timedelta64[ms]')


def series(day, group=None, zp=None):
    """Rows of one a night at days."""
    day = np.asarray(day, float)
    return SeriesRows(time=at(day), zp=np.full(len(day), 23.5) if zp is None else zp, zperr=np.full(len(day), 0.004),
                      group=np.zeros(len(day), int) if group is None else np.asarray(group), night=day.astype(int))
