"""Rows of a telescope as the fit takes them: all keep their place, and those that are not usable are NaN."""

from types import SimpleNamespace

import numpy as np

from photzp.throughput.telescoperows import TelescopeRows

TIME = np.array(['2020-01-01T03:00', '2020-01-02T03:00', 'NaT'], 'datetime64[ms]')


def rows(name, **columns):
    zeropoints = SimpleNamespace(dateobs=TIME, airmass=np.array([1.0, 1.5, 2.0]), **columns)
    return SimpleNamespace(
        filter=name, zeropoints=zeropoints, usable=np.array([True, True, False]), zp_unit=np.array([23.5, 23.6, 23.7]),
        zperr=np.array([0.01, 0.02, 0.03]), group=np.array([0, 1, 0]), old_groups=frozenset({1}))


def test_each_filter_has_what_the_fit_needs():
    telescope = TelescopeRows()
    telescope.add(rows('gp'))
    telescope.add(rows('rp', fwhm=np.array([1.5, np.nan, 2.0])))
    assert list(telescope.filters) == ['gp', 'rp']
    one, other = telescope.filters.values()
    np.testing.assert_array_equal(one.zp, [23.5, 23.6, np.nan])
    np.testing.assert_array_equal(one.time, TIME)
    assert (one.zperr.tolist(), one.airmass.tolist(), one.group.tolist(), one.other_scale) == (
        [0.01, 0.02, 0.03], [1.0, 1.5, 2.0], [0, 1, 0], frozenset({1}))
    assert one.fwhm is None
    np.testing.assert_array_equal(other.fwhm, [1.5, np.nan, 2.0])
