"""Columns of binary tables, against what astropy writes."""

import numpy as np
import pytest
from astropy.io import fits

from tests.support.helpers import fits_content, table_hdu

# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(('form', 'values'), [
    ('D', [1.5, np.nan, -1e300]), ('E', [0.5, -2.0, np.inf]), ('K', [2**52, -1, 0]), ('J', [1, -2, 3]),
    ('I', [-32768, 0, 32767]), ('B', [0, 1, 255]), ('L', [True, False, True]), ('1D', [1.0, 2.0, 3.0]),
])  # fmt: skip
def test_numbers_of_any_kind(opened, form, values):
    columns = [fits.Column('first', '3A', array=['a', 'b', 'c']), fits.Column('Value', form, array=np.array(values)),
               fits.Column('last', 'I', array=[7, 8, 9])]
    file = opened(fits.BinTableHDU.from_columns(columns, name='X'))
    table = file.read_table(file.find('X'))
    np.testing.assert_array_equal(table.numbers('value'), np.array(values, float))
    assert table.numbers('value').dtype.isnative
    assert table.text('first').tolist() == [b'a', b'b', b'c']
    assert (len(table), 'last' in table, 'Value' in table) == (3, True, False)


@pytest.mark.parametrize(('form', 'how', 'values'), [
    ('I', {'bzero': 32768}, [0, 40000, 65535]), ('J', {'bzero': 2**31}, [0, 2**31, 2**32 - 1]),
    ('D', {'bscale': 2.0}, [2.0, 3.0, -4.0]),
])  # fmt: skip
def test_scaled_numbers(opened, form, how, values):
    column = fits.Column('a', form, array=np.array(values), **how)
    file = opened(fits.BinTableHDU.from_columns([column], name='X'))
    np.testing.assert_array_equal(file.read_table(file.find('X')).numbers('a'), values)


def test_whole_numbers_that_stand_for_others(opened):
    """Sec. 7.3.2: physical = TZERO + TSCAL * stored."""
    stored = np.array([0, 1, -26], '>i2')
    header = table_hdu({'a': stored}, 'X').header
    header['TSCAL1'], header['TZERO1'] = 0.5, 10.0
    file = opened(content=fits_content() + header.tostring().encode() + stored.tobytes().ljust(2880, b'\0'))
    np.testing.assert_array_equal(file.read_table(file.find('X')).numbers('a'), [10.0, 10.5, -3.0])


def test_a_null_is_no_number(opened):
    column = fits.Column('a', 'J', array=np.array([1, -99, 3]), null=-99)
    file = opened(fits.BinTableHDU.from_columns([column], name='X'))
    np.testing.assert_array_equal(file.read_table(file.find('X')).numbers('a'), [1, np.nan, 3])


@pytest.mark.parametrize(('form', 'array'), [
    ('2D', np.ones((3, 2))), ('5A', ['a', 'b', 'c']), ('PJ()', np.array([[1], [2], [3]], object)),
    ('C', np.ones(3, 'c8')), ('3X', np.ones((3, 3), bool)), ('0D', None),
], ids=['two', 'text', 'array', 'complex', 'bits', 'none'])  # fmt: skip
def test_what_is_not_one_number_per_row(opened, form, array):
    columns = [fits.Column('a', form, array=array), fits.Column('b', 'D', array=[1.0, 2.0, 3.0])]
    file = opened(fits.BinTableHDU.from_columns(columns, name='X'))
    table = file.read_table(file.find('X'))
    with pytest.raises(ValueError, match='column a is not one number per row'):
        table.numbers('a')
    assert table.numbers('b').tolist() == [1.0, 2.0, 3.0]
