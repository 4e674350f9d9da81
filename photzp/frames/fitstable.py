"""A binary table of a FITS file (standard 4.0, sec. 7.3): numpy arrays over its bytes, one column at a time.

A column is read where it holds one number or one string in each row; other columns are skipped by their width.
"""

import re

import numpy as np

from photzp.frames.fitsheader import FitsInvalid, Header

_MOST_COLUMNS = 999  # sec. 7.3.1
_TFORM = re.compile(r'(\d*)([LXBIJKAEDCMPQ])')
_NUMBER_TYPES = {'L': 'S1', 'B': 'u1', 'I': '>i2', 'J': '>i4', 'K': '>i8', 'E': '>f4', 'D': '>f8'}  # by code of TFORM
_OTHER_WIDTHS = {'C': 8, 'M': 16, 'P': 8, 'Q': 16, 'A': 1}  # bytes of an element, by code of TFORM


class Table:
    """Rows of a binary table; columns are asked for by their name in small letters.

    Parameters
    ----------
    header : Header
        Header of the table.
    data : bytes
        Its data, padding included.
    where : str
        Name of the HDU in error messages, as in 'HDU 2 (CAT)'.

    Raises
    ------
    FitsInvalid
        If the header does not describe the data.
    """

    def __init__(self, header: Header, data: bytes, where: str) -> None:
        self._header, self._data, self._where = header, data, where
        if header.integer('BITPIX') != 8 or header.integer('NAXIS') != 2:
            raise FitsInvalid(f'{where}: a table has BITPIX 8 and NAXIS 2')
        self._row_size, self._row_count = header.integer('NAXIS1'), header.integer('NAXIS2')
        if self._row_size * self._row_count > len(data):
            raise FitsInvalid(f'{where}: {self._row_count} rows of {self._row_size} bytes in {len(data)} bytes')
        self._columns: dict[str, tuple[int, int, str, int]] = {}  # number, offset in the row, code of TFORM, repeat
        offset = 0
        for number in range(1, header.integer('TFIELDS', at_most=_MOST_COLUMNS) + 1):
            form = _TFORM.match(header.text(f'TFORM{number}'))
            if not form:
                raise FitsInvalid(f'{where}: TFORM{number} = {header.get(f"TFORM{number}")!r:.40}')
            code, repeat = form[2], int(form[1] or 1)
            self._columns[header.text(f'TTYPE{number}').lower()] = number, offset, code, repeat
            offset += _width(code, repeat)
        if offset != self._row_size:
            raise FitsInvalid(f'{where}: columns of {offset} bytes in rows of NAXIS1 = {self._row_size}')

    def __len__(self) -> int:
        return self._row_count

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def numbers(self, name: str) -> np.ndarray:
        """A column of numbers, scaled by TSCAL and TZERO.

        Parameters
        ----------
        name : str
            Name of the column in small letters.

        Returns
        -------
        ndarray of float, shape (n,)
            nan for the null value TNULL.

        Raises
        ------
        KeyError
            If there is no such column.
        ValueError
            If the column does not hold one number per row.
        """
        number, _, code, repeat = self._columns[name]
        if code not in _NUMBER_TYPES or repeat != 1:
            raise ValueError(f'the column {name} is not one number per row')
        stored = self._stored(name, _NUMBER_TYPES[code])
        if code == 'L':
            return (stored == b'T').astype(float)
        values = stored.astype(float)
        if f'TSCAL{number}' in self._header or f'TZERO{number}' in self._header:
            values = values * self._factor(f'TSCAL{number}', 1.0) + self._factor(f'TZERO{number}', 0.0)
        if code in 'BIJK' and isinstance(null := self._header.get(f'TNULL{number}'), int):
            values[stored == null] = np.nan
        return values

    def text(self, name: str) -> np.ndarray:
        """A column of strings.

        Parameters
        ----------
        name : str
            Name of the column in small letters.

        Returns
        -------
        ndarray of bytes, shape (n,)

        Raises
        ------
        KeyError
            If there is no such column.
        ValueError
            If the column does not hold strings.
        """
        _, _, code, repeat = self._columns[name]
        if code != 'A' or not repeat:
            raise ValueError(f'the column {name} is no text')
        return self._stored(name, f'S{repeat}')

    def _stored(self, name: str, dtype: str) -> np.ndarray:
        """A column as stored in the file, a view of the data."""
        if not self._row_count:
            return np.empty(0, dtype)
        offset = self._columns[name][1]
        return np.ndarray(self._row_count, dtype, buffer=self._data, offset=offset, strides=(self._row_size,))

    def _factor(self, key: str, default: float) -> float:
        value = self._header.get(key)
        if value is not None and not isinstance(value, (int, float)):
            raise FitsInvalid(f'{self._where}: {key} = {value!r:.40}, not a number')
        return default if value is None else float(value)


def _width(code: str, repeat: int) -> int:
    """Bytes of a column in each row (sec. 7.3.1, Table 18); X counts bits."""
    if code == 'X':
        return -(-repeat // 8)
    return repeat * (_OTHER_WIDTHS.get(code) or np.dtype(_NUMBER_TYPES[code]).itemsize)
