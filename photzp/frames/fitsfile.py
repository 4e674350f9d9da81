"""A FITS file read without touching anything but the headers and tables that are asked for.

astropy parses every card and makes an object of every HDU, which costs more than all the science of a frame.  Here
headers stay bytes until a card is asked for (`fitsheader`), data are skipped by their size, and a table is numpy arrays
over the bytes of the file (`fitstable`).  Section numbers are those of the FITS standard 4.0
(https://fits.gsfc.nasa.gov/fits_standard.html).

Sizes that a header states are checked against the size of the file before anything is read.  CHECKSUM and DATASUM
(appendix J) are verified for the parts that are read, where a file has them.
"""

import math
import os
import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from photzp.frames.fitsheader import CARD, FitsInvalid, Header
from photzp.frames.fitstable import Table

BLOCK = 2880                       # bytes; every FITS file is whole blocks (sec. 3.1)
_LONGEST_HEADER = 1000 * BLOCK     # 36,000 cards; frames have a few hundred
_LARGEST_TABLE = 2**31             # bytes; ten million rows of a catalogue
_MOST_AXES = 999                   # sec. 4.4.1.1
_READ_SIZE = 10 * BLOCK            # most headers come in one read
_PRIMARY, _EXTENSION = b'SIMPLE  =', b'XTENSION='
_ALL_ONES = 0xFFFFFFFF
_BITPIX = (8, 16, 32, 64, -32, -64)


class Hdu:
    """One header, and the place of its data in the file.

    Parameters
    ----------
    number : int
        0 for the primary HDU.
    header : Header
    start : int
        First byte of the data in the file.

    Attributes
    ----------
    name : str
        EXTNAME in capitals; '' where it is missing.
    is_table : bool
        Whether the data are a binary table.
    size : int
        Bytes of the data, without padding.
    end : int
        First byte behind the data and their padding.
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
    axes = [header.integer(f'NAXIS{n}') for n in range(1, header.integer('NAXIS', at_most=_MOST_AXES) + 1)]
    if len(axes) > 1 and axes[0] == 0 and header.get('GROUPS') is True:  # random groups, sec. 6
        axes = axes[1:]
    if not axes:
        return 0
    return abs(int(bitpix)) // 8 * header.integer('GCOUNT', 1) * (header.integer('PCOUNT', 0) + math.prod(axes))


class FitsFile:
    """The HDUs of an open file, each read at the first request; iterating yields every Hdu in turn.

    Parameters
    ----------
    file : binary file
        Opened for reading, best without a buffer.

    Attributes
    ----------
    primary : Hdu
    size : int
        Bytes of the file.
    trailer : int or None
        First byte behind the last extension, where other records follow (sec. 3.5); None where none do, or the
        iteration has not reached it.

    Raises
    ------
    FitsInvalid
        If the file does not begin with a FITS header; so do the methods for a damaged HDU.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._beginning = file.read(_READ_SIZE)  # holds the primary header and mostly that of SCI, too
        self.size = os.fstat(file.fileno()).st_size
        self.trailer: int | None = None
        self._hdus: list[Hdu] = []
        self.primary = self._read_hdu(0)

    def find(self, name: str) -> Hdu | None:
        """The first HDU of a name.

        Parameters
        ----------
        name : str
            EXTNAME in capitals.

        Returns
        -------
        Hdu or None
            None where the file has no such HDU.
        """
        return next((hdu for hdu in self if hdu.name == name), None)

    def __iter__(self) -> Iterator[Hdu]:
        yield from self._hdus
        while (start := self._hdus[-1].end) < self.size:
            if self._read(start, min(len(_EXTENSION), self.size - start)) != _EXTENSION:
                self.trailer = start
                return
            yield self._read_hdu(start)

    def _read_hdu(self, start: int) -> Hdu:
        number = len(self._hdus)
        header = self._read_header(start, f'HDU {number}')
        hdu = Hdu(number, header, start + len(header.blocks))
        if hdu.end > self.size:
            raise FitsInvalid(f'{hdu}: its data end at byte {hdu.end}, the file at {self.size}: truncated')
        self._hdus.append(hdu)
        return hdu

    def _read_header(self, start: int, where: str) -> Header:
        blocks, end = b'', -1
        while end < 0:
            more = self._read(start + len(blocks), min(_READ_SIZE, self.size - start - len(blocks)))
            searched, blocks = len(blocks), blocks + more
            if not blocks.startswith((_PRIMARY, _EXTENSION)[start > 0]):
                raise FitsInvalid(f'{where}: no FITS header at byte {start}')
            end = _find_end_card(blocks, searched)
            if end < 0 and (len(blocks) > _LONGEST_HEADER or not more):
                raise FitsInvalid(f'{where}: its header has no END: truncated')
        length = end + CARD + -(end + CARD) % BLOCK
        if length > len(blocks):
            raise FitsInvalid(f'{where}: its header is truncated')
        return Header(blocks[:length], end, where)

    def _read(self, start: int, size: int) -> bytes:
        if start + size <= len(self._beginning):
            return self._beginning[start:start + size]
        self._file.seek(start)
        content = self._file.read(size)
        if len(content) != size:
            raise FitsInvalid(f'{size} bytes at byte {start}: only {len(content)} could be read')
        return content

    def verify_header(self, hdu: Hdu) -> None:
        """Verify CHECKSUM without reading the data, whose sum DATASUM records.

        The sum over an HDU is all ones, and that of its data is DATASUM, so header and DATASUM make all ones, too.
        Nothing is verified where one of the two is missing or empty.

        Parameters
        ----------
        hdu : Hdu

        Raises
        ------
        FitsInvalid
            If the sum is wrong.
        """
        datasum = _recorded_datasum(hdu)
        if datasum is not None and _has_checksum(hdu):
            _check_sum(hdu, _add(_sum32(hdu.header.blocks), datasum))

    def read_table(self, hdu: Hdu) -> Table:
        """Read a binary table, and verify its CHECKSUM and DATASUM.

        Parameters
        ----------
        hdu : Hdu

        Returns
        -------
        Table
            All rows.

        Raises
        ------
        FitsInvalid
            If the HDU is no table, is too large or damaged.
        """
        if not hdu.is_table:
            raise FitsInvalid(f'{hdu} is not a binary table')
        if hdu.size > _LARGEST_TABLE:
            raise FitsInvalid(f'{hdu}: a table of {hdu.size} bytes')
        data = self._read(hdu.start, hdu.end - hdu.start)
        recorded, has_checksum = _recorded_datasum(hdu), _has_checksum(hdu)
        if recorded is not None or has_checksum:
            datasum = _sum32(data)
            if has_checksum:
                _check_sum(hdu, _add(_sum32(hdu.header.blocks), datasum))
            if recorded not in (None, datasum):
                raise FitsInvalid(f'{hdu}: DATASUM does not fit the data')
        return Table(hdu.header, data, str(hdu))


def _find_end_card(content: bytes, start: int) -> int:
    """Offset of the card END at or after the byte `start`, -1 where there is none."""
    end = content.find(b'END     ', start)
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
    """Whether CHECKSUM is set: an empty string, or zeros as while it is computed, is none (sec. 4.4.2.7)."""
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
