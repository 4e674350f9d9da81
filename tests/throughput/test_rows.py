"""Rows of a series as the model takes them: gains as they are now, airmass 1, usable or not."""

import numpy as np

from photzp.throughput.rows import at_unit_airmass, correct_gain


def test_gain_correction_is_the_tabulated_one_and_ends_on_its_date():
    # fl06 1.82/2.45: -2.5 log10(0.742857) = +0.3227; kb95 2.75/1.6: -0.5880
    time = np.array(['2017-11-16', '2017-11-17', '2018-09-18', '2018-09-17'], 'datetime64[ms]')
    repairs = [('fl06', None, '2017-11-17', (1.82, 2.45)), ('kb95', '2018-09-18', None, (2.75, 1.6))]
    zp = correct_gain(np.zeros(4), np.array(['fl06', 'fl06', 'kb95', 'kb95']), time, repairs)
    np.testing.assert_allclose(zp, [0.3227, 0, -0.5880, 0], atol=5e-5)


def test_unit_airmass_adds_what_the_air_took():
    np.testing.assert_allclose(at_unit_airmass(np.array([23.0, 23.0]), np.array([1.0, 2.0]), 0.14), [23.0, 23.14])
