"""Points of a trend made by hand, and their file."""

from dataclasses import replace

import numpy as np

from photzp.pages.trenddata import Chart, Points, trend_json

NAMES = ('lsc1m005-fa15-20190805-0123-e91.fits.fz', 'lsc1m005-fa15-20190805-0124-e11.fits.fz', 'old_fl03_7.fits',
         'lsc1m005-fl03-20190806-0001-e91.fits')
TIME = np.array(['2019-08-05T23:59:59.987', '2019-08-06T00:10:00', '2019-08-06T09:00:00', '2019-08-07T01:02:03'],
                'datetime64[ms]')
CURVE = (TIME[:2], np.array([23.70004, 23.69]), np.array([0.0031, np.inf]))


def points_of(name=NAMES, time=TIME, **changes):
    n = len(name)
    columns = {'time': np.asarray(time)[:n], 'zp_mag': np.array([23.7512, 23.7, 23.65, 23.5])[:n],
               'camera': np.array(['fa15', 'fa15', 'fl03', 'fl03'])[:n], 'name': np.array(name, object),
               'usable': np.array([True, True, True, False])[:n],
               'clear_probability': np.array([0.51, 0.5, np.nan, np.nan])[:n]}
    return Points(**{**columns, **changes})


def text_of(points, curves=(CURVE,), events=(('2019-08-06', 'wash', 'CO2'),), **changes):
    """The file; changes : of its Chart."""
    chart = Chart('lsc-doma-1m0a', 'rp', 23.8, 0.2, np.datetime64('2019-08-20', 'ms'))
    return trend_json(replace(chart, **changes), points, curves, events)
