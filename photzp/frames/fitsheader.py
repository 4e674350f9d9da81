"""The header of one FITS HDU, kept as bytes until a card is asked for.

A card that is not in its plain form, `KEYWORD = value / comment` with a string, number or T/F, is left to astropy: long
strings over CONTINUE cards, HIERARCH keywords, complex numbers.  Section numbers are those of the FITS standard 4.0
(https://fits.gsfc.nasa.gov/fits_standard.html).
"""

import re
import warnings
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported where it is used
    from astropy.io.fits import Header as AstropyHeader

CARD = 80                          # bytes (sec. 3.3.1)
_VALUE = re.compile(r"= *(?:'(?P<text>(?:[^']|'')*)'|(?P<logical>[TF])|(?P<integer>[+-]?\d+)"
                    r'|(?P<real>[+-]?(?:\d+\.?\d*|\.\d+)(?:[EDed][+-]?\d+)?)|) *(?:/.*)?')


class FitsInvalid(Exception):
    """The file breaks the FITS standard, or is cut short, in a part that was read; the text says where and how."""


class Header:
    """The cards of one HDU, parsed on demand; of a repeated keyword the first card counts.

    Parameters
    ----------
    blocks : bytes
        The header as whole blocks.
    length : int
        Number of bytes before the card END.
    where : str
        Name of the HDU in error messages, as in 'HDU 1'.
    """

    def __init__(self, blocks: bytes, length: int, where: str) -> None:
        self.blocks, self.where = blocks, where
        self._cards = blocks[:length]
        text = self._cards.upper()
        self._offsets = {text[at:at + 8]: at for at in range(len(text) - CARD, -1, -CARD)}

    def __contains__(self, key: str) -> bool:
        return self._offset(key) is not None or self._is_hierarch(key)

    def get(self, key: str) -> str | int | float | bool | None:
        """Value of a keyword.

        Parameters
        ----------
        key : str
            Keyword in capitals.

        Returns
        -------
        str, int, float, bool or None
            None where the keyword is missing, has no value, or a complex one.

        Raises
        ------
        FitsInvalid
            If the card cannot be parsed.
        """
        offset = self._offset(key)
        if offset is None:
            return self._by_astropy(key) if self._is_hierarch(key) else None
        card = self._cards[offset + 8:offset + CARD].decode('ascii', 'replace').replace('\ufffd', '?')
        match = _VALUE.fullmatch(card)
        if not match or not card.startswith('= ') or (match['text'] or '').rstrip().endswith('&'):
            return self._by_astropy(key)
        return _value(match)

    def integer(self, key: str, default: int | None = None, *, at_most: int | None = None) -> int:
        """Value of a keyword that is a whole number, 0 or more.

        Parameters
        ----------
        key : str
            Keyword in capitals.
        default : int, optional
            Value where the keyword is missing; without it a missing keyword is an error.
        at_most : int, optional
            Largest value allowed.

        Returns
        -------
        int

        Raises
        ------
        FitsInvalid
            If the value is of another type or out of range.
        """
        value = self.get(key) if key in self else default
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise FitsInvalid(f'{self.where}: {key} = {value!r:.40}, not a number from 0 on')
        if at_most is not None and value > at_most:
            raise FitsInvalid(f'{self.where}: {key} = {value}, more than {at_most}')
        return value

    def text(self, key: str) -> str:
        """Value of a keyword that is a string.

        Parameters
        ----------
        key : str
            Keyword in capitals.

        Returns
        -------
        str
            Without blanks around it; '' where the value is missing or of another type.
        """
        value = self.get(key)
        return value.strip() if isinstance(value, str) else ''

    def _offset(self, key: str) -> int | None:
        return self._offsets.get(key.ljust(8).encode('ascii', 'replace'))

    def _is_hierarch(self, key: str) -> bool:
        return (b'HIERARCH' in self._offsets
                and re.search(rb'HIERARCH +' + re.escape(key.encode()) + rb' *=', self._cards) is not None)

    def _by_astropy(self, key: str) -> str | int | float | bool | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                value = self._astropy.get(key)
        except Exception as error:  # astropy raises many kinds of exception for damaged cards
            message = ' '.join(str(error).split())[:150]
            raise FitsInvalid(f'{self.where}: the card {key} cannot be read ({message})') from error
        return value if isinstance(value, (str, int, float)) else None

    @cached_property
    def _astropy(self) -> 'AstropyHeader':
        from astropy.io import fits

        return fits.Header.fromstring(self._cards)


def _value(match: re.Match[str]) -> str | int | float | bool | None:
    """Python value of a card that matches _VALUE."""
    if match['text'] is not None:
        return match['text'].replace("''", "'").rstrip(' ')
    if match['logical']:
        return match['logical'] == 'T'
    if match['integer']:
        return int(match['integer'])
    return float(re.sub('[Dd]', 'E', match['real'])) if match['real'] else None
