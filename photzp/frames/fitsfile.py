"""Headers and binary tables of a FITS file, read without touching anything else in it.

astropy parses every card and makes an object of every HDU, which costs more than all the science of a frame.  Here a
header stays bytes until a card is asked for, data are skipped by their size, and a table is one numpy array over the
bytes of the file.  Section numbers are those of the FITS standard 4.0 (https://fits.gsfc.nasa.gov/fits_standard.html).

Whatever is not in its plain form is left to astropy, or refused: a card that is not `KEYWORD = value / comment` with a
string, number or T/F (long strings over CONTINUE cards, HIERARCH keywords, complex numbers) has its header parsed by
astropy; a table is read where it is a BINTABLE, and a column where it holds one number or one string in each row.

Sizes that a header states are checked against the size of the file before anything is read.  CHECKSUM and DATASUM
(appendix J) are verified for what is read, where a file has them.
"""

import math
import os
import re
import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

if TYPE_CHECKING:  # imported where it is used
    from astropy.io.fits import Header as AstropyHeader

BLOCK = 2880                       # bytes; every FITS file is whole blocks (sec. 3.1)
CARD = 80                          # bytes
LONGEST_HEADER = 1000 * BLOCK      # 36,000 cards; frames have a few hundred
LARGEST_TABLE = 2**31              # bytes; ten million rows of a catalogue
_AT_ONCE = 10 * BLOCK              # most headers come in one read
_PRIMARY, _EXTENSION = b'SIMPLE  =', b'XTENSION='
_ALL_ONES = 0xFFFFFFFF
_BITPIX = (8, 16, 32, 64, -32, -64)
_NUMBERS = {'L': 'S1', 'B': 'u1', 'I': '>i2', 'J': '>i4', 'K': '>i8', 'E': '>f4', 'D': '>f8'}  # TFORM: sec. 7.3.1
_WIDTHS = {'C': 8, 'M': 16, 'P': 8, 'Q': 16, 'A': 1}  # bytes of what else there is
_TFORM = re.compile(r'(\d*)([LXBIJKAEDCMPQ])')
_VALUE = re.compile(r"= *(?:'(?P<text>(?:[^']|'')*)'|(?P<logical>[TF])|(?P<integer>[+-]?\d+)"
                    r'|(?P<real>[+-]?(?:\d+\.?\d*|\.\d+)(?:[EDed][+-]?\d+)?)|) *(?:/.*)?')


class FitsInvalid(Exception):
    """The file breaks the FITS standard, or is cut short, where it was looked at; the text says where and how."""


class Header:
    """The cards of one HDU, parsed when asked for; of a repeated keyword the first one counts.

    blocks : bytes of the header, whole blocks.  length : of what is before END [bytes].  where : 'HDU 1', for messages.
    """

    def __init__(self, blocks: bytes, length: int, where: str) -> None:
        self.blocks, self.where = blocks, where
        self._cards = blocks[:length]
        text = self._cards.upper()
        self._places = {text[at:at + 8]: at for at in range(len(text) - CARD, -1, -CARD)}

    def __contains__(self, key: str) -> bool:
        return self._place(key) is not None or self._is_hierarch(key)

    def get(self, key: str) -> str | int | float | bool | None:
        """Value of a keyword; None where it is not there or has no value.  Raises FitsInvalid for an unsound card."""
        place = self._place(key)
        if place is None:
            return self._by_astropy(key) if self._is_hierarch(key) else None
        card = self._cards[place + 8:place + CARD].decode('ascii', 'replace').replace('\ufffd', '?')
        found = _VALUE.fullmatch(card)
        if not found or not card.startswith('= ') or (found['text'] or '').rstrip().endswith('&'):
            return self._by_astropy(key)
        return _value(found)

    def integer(self, key: str, default: int | None = None) -> int:
        """Value of a keyword that is a whole number from 0 on, or the default; raises FitsInvalid."""
        value = self.get(key) if key in self else default
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise FitsInvalid(f'{self.where}: {key} = {value!r:.40}, not a number from 0 on')
        return value

    def text(self, key: str) -> str:
        """Value of a keyword where it is a string, without blanks around it, else ''."""
        value = self.get(key)
        return value.strip() if isinstance(value, str) else ''

    def _place(self, key: str) -> int | None:
        return self._places.get(key.ljust(8).encode('ascii', 'replace'))

    def _is_hierarch(self, key: str) -> bool:
        return (b'HIERARCH' in self._places
                and re.search(rb'HIERARCH +' + re.escape(key.encode()) + rb' *=', self._cards) is not None)

    def _by_astropy(self, key: str) -> str | int | float | bool | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                value = self._astropy.get(key)
        except Exception as error:  # astropy meets damaged cards with many kinds of exception
            raise FitsInvalid(f'{self.where}: the card {key} cannot be read ({_one_line(error)})') from error
        return value if isinstance(value, (str, int, float)) else None

    @cached_property
    def _astropy(self) -> 'AstropyHeader':
        from astropy.io import fits

        return fits.Header.fromstring(self._cards)


def _value(found: re.Match[str]) -> str | int | float | bool | None:
    if found['text'] is not None:
        return found['text'].replace("''", "'").rstrip(' ')
    if found['logical']:
        return found['logical'] == 'T'
    if found['integer']:
        return int(found['integer'])
    return float(re.sub('[Dd]', 'E', found['real'])) if found['real'] else None


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())[:150]


class Hdu:
    """One header and where its data are.

    number : 0 for the primary HDU.  name : EXTNAME in capitals.  is_table : a binary one.
    start, size : of the data in the file [bytes], without what fills up the last block.  end : with it.
    """

    def __init__(self, number: int, header: Header, start: int) -> None:
        self.number, self.header, self.start = number, header, start
        self.name = header.text('EXTNAME').upper()
        self.is_table = header.text('XTENSION') in ('BINTABLE', 'A3DTABLE')
        self.size = _data_size(header)
        self.end = start + self.size + -self.size % BLOCK

    def __str__(self) -> str:
        return f'HDU {self.number}' + (f' ({self.name})' if self.name and self.name.isprintable() else '')


def _data_size(header: Header) -> int:
    """Size of the data [bytes]: |BITPIX| / 8 GCOUNT (PCOUNT + product of the NAXISn), sec. 4.4.1.1 and 7.1.1."""
    bitpix = header.get('BITPIX')
    if bitpix not in _BITPIX:
        raise FitsInvalid(f'{header.where}: BITPIX = {bitpix!r:.40}')
    axes = [header.integer(f'NAXIS{n}') for n in range(1, _at_most(header, 'NAXIS') + 1)]
    if len(axes) > 1 and axes[0] == 0 and header.get('GROUPS') is True:  # random groups, sec. 6
        axes = axes[1:]
    if not axes:
        return 0
    return abs(int(bitpix)) // 8 * header.integer('GCOUNT', 1) * (header.integer('PCOUNT', 0) + math.prod(axes))


def _at_most(header: Header, key: str, limit: int = 999) -> int:
    value = header.integer(key)
    if value > limit:
        raise FitsInvalid(f'{header.where}: {key} = {value}, more than {limit}')
    return value


class FitsFile:
    """The HDUs of an open file, each read when it is come to.

    file : opened for reading bytes, best without a buffer.  Raises FitsInvalid for what is not FITS.
    rest : where something begins [byte] that is no extension, which ends the file (sec. 3.5); None where nothing does,
    or where it was not come to.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._beginning = file.read(_AT_ONCE)  # holds the primary header and mostly that of SCI, too
        self.size = os.fstat(file.fileno()).st_size
        self.rest: int | None = None
        self._seen: list[Hdu] = []
        self.primary = self._read_hdu(0)

    def find(self, name: str) -> Hdu | None:
        """The first HDU of a name, in capitals; None where there is none."""
        return next((hdu for hdu in self if hdu.name == name), None)

    def __iter__(self) -> Iterator[Hdu]:
        yield from self._seen
        while (at := self._seen[-1].end) < self.size:
            if self._read(at, min(len(_EXTENSION), self.size - at)) != _EXTENSION:
                self.rest = at
                return
            yield self._read_hdu(at)

    def _read_hdu(self, at: int) -> Hdu:
        number = len(self._seen)
        header = self._read_header(at, f'HDU {number}')
        hdu = Hdu(number, header, at + len(header.blocks))
        if hdu.end > self.size:
            raise FitsInvalid(f'{hdu}: its data end at byte {hdu.end}, the file at {self.size}: truncated')
        self._seen.append(hdu)
        return hdu

    def _read_header(self, at: int, where: str) -> Header:
        blocks, end = b'', -1
        while end < 0:
            more = self._read(at + len(blocks), min(_AT_ONCE, self.size - at - len(blocks)))
            searched, blocks = len(blocks), blocks + more
            if not blocks.startswith((_PRIMARY, _EXTENSION)[at > 0]):
                raise FitsInvalid(f'{where}: no FITS header at byte {at}')
            end = _end_card(blocks, searched)
            if end < 0 and (len(blocks) > LONGEST_HEADER or not more):
                raise FitsInvalid(f'{where}: its header has no END: truncated')
        length = end + CARD + -(end + CARD) % BLOCK
        if length > len(blocks):
            raise FitsInvalid(f'{where}: its header is truncated')
        return Header(blocks[:length], end, where)

    def _read(self, at: int, size: int) -> bytes:
        if at + size <= len(self._beginning):
            return self._beginning[at:at + size]
        self._file.seek(at)
        content = self._file.read(size)
        if len(content) != size:
            raise FitsInvalid(f'{size} bytes at byte {at}: only {len(content)} could be read')
        return content

    def verify_header(self, hdu: Hdu) -> None:
        """Check CHECKSUM without reading the data, whose sum DATASUM records; raises FitsInvalid.

        The sum over an HDU is all ones, and that of its data is DATASUM, so header and DATASUM make all ones, too.
        Where one of the two is missing or empty, that is undefined, there is nothing to check.
        """
        datasum = _recorded_datasum(hdu)
        if datasum is not None and _has_checksum(hdu):
            _check_sum(hdu, _add(_sum32(hdu.header.blocks), datasum))

    def read_table(self, hdu: Hdu) -> 'Table':
        """All rows of a binary table; CHECKSUM and DATASUM are verified.  Raises FitsInvalid."""
        if not hdu.is_table:
            raise FitsInvalid(f'{hdu} is not a binary table')
        if hdu.size > LARGEST_TABLE:
            raise FitsInvalid(f'{hdu}: a table of {hdu.size} bytes')
        data = self._read(hdu.start, hdu.end - hdu.start)
        recorded, checked = _recorded_datasum(hdu), _has_checksum(hdu)
        if recorded is not None or checked:
            datasum = _sum32(data)
            if checked:
                _check_sum(hdu, _add(_sum32(hdu.header.blocks), datasum))
            if recorded not in (None, datasum):
                raise FitsInvalid(f'{hdu}: DATASUM does not fit the data')
        return Table(hdu, data)


def _end_card(content: bytes, first: int) -> int:
    """Place of the card END at or after the byte `first`, -1 where there is none."""
    end = content.find(b'END     ', first)
    while end % CARD and end >= 0:
        end = content.find(b'END     ', end + 1)
    return end


# --- checksums: ones' complement sums of 32-bit words, appendix J ---------------------------------------------------


def _sum32(content: bytes) -> int:
    """Ones' complement sum of whole blocks: carries beyond 32 bits come back at the lower end."""
    total = int(np.frombuffer(content, '>u4').sum(dtype=np.uint64))
    return _add(total & _ALL_ONES, total >> 32)


def _add(one: int, other: int) -> int:
    total = one + other
    return (total & _ALL_ONES) + (total >> 32)


def _has_checksum(hdu: Hdu) -> bool:
    """An empty string, or zeros as while it is computed, is no checksum (sec. 4.4.2.7)."""
    return bool(hdu.header.text('CHECKSUM').strip('0'))


def _recorded_datasum(hdu: Hdu) -> int | None:
    if not (text := hdu.header.text('DATASUM')):
        return None
    if not re.fullmatch(r'\d{1,10}', text, re.ASCII) or int(text) > _ALL_ONES:
        raise FitsInvalid(f'{hdu}: DATASUM = {text!r:.40}, not a sum of 32 bits')
    return int(text)


def _check_sum(hdu: Hdu, total: int) -> None:
    if total != _ALL_ONES:
        raise FitsInvalid(f'{hdu}: CHECKSUM does not fit its content')


# --- tables ---------------------------------------------------------------------------------------------------------


class Table:
    """Rows of a binary table (sec. 7.3), as they are in the file; columns are asked for by name, in small letters.

    Raises FitsInvalid where the header does not describe the data.
    """

    def __init__(self, hdu: Hdu, data: bytes) -> None:
        self._hdu, header = hdu, hdu.header
        if header.integer('BITPIX') != 8 or header.integer('NAXIS') != 2:
            raise FitsInvalid(f'{hdu}: a table has BITPIX 8 and NAXIS 2')
        self._row, self._count = header.integer('NAXIS1'), header.integer('NAXIS2')
        if self._row * self._count > len(data):
            raise FitsInvalid(f'{hdu}: {self._count} rows of {self._row} bytes in {len(data)} bytes')
        self._data = data
        self._columns: dict[str, tuple[int, int, str, int]] = {}
        at = 0
        for n in range(1, _at_most(header, 'TFIELDS') + 1):
            form = _TFORM.match(header.text(f'TFORM{n}'))
            if not form:
                raise FitsInvalid(f'{hdu}: TFORM{n} = {header.get(f"TFORM{n}")!r:.40}')
            repeat = int(form[1] or 1)
            self._columns[header.text(f'TTYPE{n}').lower()] = n, at, form[2], repeat
            at += _width(form[2], repeat)
        if at != self._row:
            raise FitsInvalid(f'{hdu}: columns of {at} bytes in rows of NAXIS1 = {self._row}')

    def __len__(self) -> int:
        return self._count

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def numbers(self, name: str) -> np.ndarray:
        """A column (n,) as floats, scaled as the header says; nan where TNULL says that there is none.

        name : in small letters.  Raises ValueError where the column is not one number per row.
        """
        n, _, code, repeat = self._columns[name]
        if code not in _NUMBERS or repeat != 1:
            raise ValueError(f'the column {name} is not one number per row')
        stored = self._raw(name, _NUMBERS[code])
        if code == 'L':
            return (stored == b'T').astype(float)
        header = self._hdu.header
        values = stored.astype(float)
        if f'TSCAL{n}' in header or f'TZERO{n}' in header:
            values = values * self._factor(f'TSCAL{n}', 1.0) + self._factor(f'TZERO{n}', 0.0)
        if code in 'BIJK' and isinstance(null := header.get(f'TNULL{n}'), int):
            values[stored == null] = np.nan
        return values

    def text(self, name: str) -> np.ndarray:
        """A column of strings (n,), as bytes; ValueError where it is none."""
        _, _, code, repeat = self._columns[name]
        if code != 'A' or not repeat:
            raise ValueError(f'the column {name} is no text')
        return self._raw(name, f'S{repeat}')

    def _raw(self, name: str, dtype: str) -> np.ndarray:
        if not self._count:
            return np.empty(0, dtype)
        at = self._columns[name][1]
        return np.ndarray(self._count, dtype, buffer=self._data, offset=at, strides=(self._row,))

    def _factor(self, key: str, default: float) -> float:
        value = self._hdu.header.get(key)
        if value is not None and not isinstance(value, (int, float)):
            raise FitsInvalid(f'{self._hdu}: {key} = {value!r:.40}, not a number')
        return default if value is None else float(value)


def _width(code: str, repeat: int) -> int:
    """Bytes of a field: sec. 7.3.1, Table 18; X are bits."""
    if code == 'X':
        return -(-repeat // 8)
    return repeat * (_WIDTHS.get(code) or np.dtype(_NUMBERS[code]).itemsize)
