"""A fit at any time, with a curve and without one."""

import numpy as np

from photzp.throughput.curve import Curve
from photzp.throughput.fitvalues import NEVER, ThroughputFit

ORIGIN = np.datetime64('2020-01-01T00:00', 'ms')


def fit_of(curve):
    none, time = np.empty(0), np.empty(0, 'datetime64[ms]')
    return ThroughputFit(night=time.astype('datetime64[D]'), time=time, model_mag=none, model_error_mag=none,
                         night_rows=none.astype(int), clear_probability=none, photometric=none.astype(bool),
                         row_clear_probability=none, row_residual_mag=none, curve=curve)


def test_a_fit_without_rows_is_nan_at_any_time():
    level, error = fit_of(None).at(np.array(['2020-01-01', '2021-01-01'], 'datetime64[D]'))
    assert level.shape == error.shape == (2,)
    assert np.isnan([level, error]).all()


def test_a_fit_is_its_curve_at_times_of_any_unit():
    curve = Curve(origin=ORIGIN, opened=np.array([0.0]), knot=np.array([10.0]), level=np.array([23.5]),
                  slope=np.array([-0.01]), variance=np.array([[4e-6, 0, 0]]), stiffness=0.0, mean_slope=-0.01)
    for times in ('2020-01-11', np.datetime64('2020-01-11T00:00:00', 's')):
        level, error = fit_of(curve).at(times)
        assert (float(level), float(error)) == (23.5, 0.002)
    assert np.isnan(fit_of(curve).at(np.datetime64('2019-12-31'))[0])


def test_no_time_is_never():
    assert np.isnat(NEVER)
    assert NEVER.dtype == 'datetime64[ms]'


def test_arrays_of_rows_are_not_printed():
    assert 'row_residual_mag' not in repr(fit_of(None))
