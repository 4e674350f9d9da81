"""The rule of usable rows."""

import numpy as np
import pytest

from photzp.measurements import usable_rows


def test_usable_rows_by_class_of_the_telescope():
    zp, airmass = np.array([23.0, np.nan, 23.0, 23.0, 23.0]), np.array([1.1, 1.1, np.nan, 1.1, 1.1])
    zpsig = np.array([0.2, 0.1, 0.1, 0.3, np.nan])
    assert usable_rows(zp, airmass, zpsig, '1m0a').tolist() == [True, False, False, False, False]
    assert usable_rows(zp, airmass, zpsig, '0m4a').tolist() == [True, False, False, True, False]


@pytest.mark.parametrize('zp', [-1e5, 0.0, 9.9, 35.1, 99.0, np.inf])
def test_zeropoints_that_no_telescope_has_are_not_usable(zp):
    assert usable_rows(np.array([zp, 23.0]), np.ones(2), np.full(2, 0.1), '1m0a').tolist() == [False, True]
