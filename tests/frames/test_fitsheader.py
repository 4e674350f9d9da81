"""Cards of FITS headers, against what astropy reads."""

import pytest
from astropy.io import fits

from photzp.frames.fitsheader import FitsInvalid
from tests.support.helpers import fits_content

CARDS = [
    'A       =                  1.5 / number', 'A       = 1.5D-03', 'A       =                    T / logical',
    'A       = F', 'A       =                  -17', 'A       = +007 / comment', 'A       = 1E5', 'A       = .5',
    "A       = 'text    '           / comment", "A       = 'it''s / not a comment'", "A       = '  left'",
    "A       = ''",
    "A       = 'a' 'b'", 'A       =                      / nothing', 'A       =', "A       = 'long&'",
    'A       = (1.0, 2.0)', 'a       =                   12', 'A       = 12345678901234567890123',
]  # fmt: skip


@pytest.mark.parametrize('card', CARDS)
def test_a_card_has_the_value_that_astropy_gives_it(opened, card):
    content = fits_content(fits.ImageHDU(name='SCI'))
    end = content.index(b'END' + b' ' * 77, 2880)
    content = content[:end] + card.encode().ljust(80) + content[end:len(content) - 80]
    header = opened(content=content).find('SCI').header
    wanted = fits.Header.fromstring(card.ljust(80)).get('A')
    if isinstance(wanted, (fits.card.Undefined, complex)):
        wanted = None
    found = header.get('A')
    assert (found, type(found)) == (wanted, type(wanted))
    assert 'A' in header


def test_the_first_of_two_cards_counts_and_a_missing_one_is_none(opened):
    hdu = fits.ImageHDU(name='SCI')
    hdu.header.extend([('TWICE', 1), ('TWICE', 2)], unique=False)
    header = opened(hdu).find('SCI').header
    assert (header.get('TWICE'), header.get('NEVER'), 'NEVER' in header) == (1, None, False)


def test_long_strings_and_long_keywords(opened):
    hdu = fits.ImageHDU(name='SCI')
    hdu.header['LONG'] = 'a very long string ' * 8
    hdu.header['HIERARCH ESO TEL AIRM'] = 1.5
    header = opened(hdu).find('SCI').header
    assert header.get('LONG') == ('a very long string ' * 8).rstrip()
    assert (header.get('ESO TEL AIRM'), header.get('ESO TEL')) == (1.5, None)


def test_a_card_that_makes_no_sense_is_named(opened):
    content = fits_content(fits.ImageHDU(name='SCI'))
    content = content.replace(b'BITPIX  =                    8', b'BITPIX  =                    T')
    with pytest.raises(FitsInvalid, match='BITPIX = True'):
        opened(content=content)
    hdu = fits.ImageHDU(name='SCI')
    hdu.header['AIRMASS'] = 1.25
    broken = fits_content(hdu).replace(b'AIRMASS =                 1.25', b'AIRMASS = 1.2.5 nonsense      ')
    with pytest.raises(FitsInvalid, match='card AIRMASS'):
        opened(content=broken).find('SCI').header.get('AIRMASS')
