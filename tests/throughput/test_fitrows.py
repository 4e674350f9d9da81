"""Rows of a telescope as the fit takes them: all keep their place, and those that are not usable are NaN."""

from types import SimpleNamespace

import numpy as np

from photzp.throughput.fitrows import FitRows

TIME = np.array(['2020-01-01T03:00', '2020-01-02T03:00', 'NaT'], 'datetime64[ms]')


def rows(name, ra):
    zeropoints = SimpleNamespace(dateobs=TIME, airmass=np.array([1.0, 1.5, 2.0]), ra=np.array(ra),
                                 dec=np.full(3, -30.0), fwhm=np.array([1.5, np.nan, 2.0]))
    return SimpleNamespace(
        filter=name, zeropoints=zeropoints, usable=np.array([True, True, False]), zp_unit=np.array([23.5, 23.6, 23.7]),
        zperr=np.array([0.01, 0.02, 0.03]), group=np.array([0, 1, 0]), old_groups=frozenset({1}))


def test_each_filter_has_what_the_fit_needs():
    telescope = FitRows()
    telescope.add(rows('rp', [10.0, 10.0, 10.0]))
    telescope.add(rows('gp', [10.0, 10.0, 10.0]))
    assert list(telescope.by_filter()) == ['rp', 'gp']
    one = telescope.by_filter()['gp']
    np.testing.assert_array_equal(one.zp, [23.5, 23.6, np.nan])
    np.testing.assert_array_equal(one.time, TIME)
    assert (one.zperr.tolist(), one.airmass.tolist(), one.group.tolist(), one.other_scale) == (
        [0.01, 0.02, 0.03], [1.0, 1.5, 2.0], [0, 1, 0], frozenset({1}))
    np.testing.assert_array_equal(one.fwhm, [1.5, np.nan, 2.0])


def test_a_field_has_one_code_in_all_filters():
    telescope = FitRows()
    telescope.add(rows('gp', [10.0, 200.0, np.nan]))
    telescope.add(rows('rp', [200.001, 300.0, 10.001]))
    gp, rp = (each.field.tolist() for each in telescope.by_filter().values())
    assert (gp[0], gp[1], gp[2]) == (rp[2], rp[0], -1)
    assert len({gp[0], gp[1], rp[1]}) == 3


def test_a_telescope_without_rows_has_no_filters():
    assert FitRows().by_filter() == {}
