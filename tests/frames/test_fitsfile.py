"""HDUs and checksums of FITS files, against what astropy writes."""

import io

import numpy as np
import pytest
from astropy.io import fits

from photzp.frames.fitsheader import FitsInvalid
from tests.support.helpers import fits_content, table_hdu

# --- sizes -----------------------------------------------------------------------------------------------------------

SHAPES = [
    fits.ImageHDU(np.zeros((7, 5), 'f4'), name='X'), fits.ImageHDU(np.zeros((2, 3, 500), 'i2'), name='X'),
    fits.ImageHDU(name='X'), fits.CompImageHDU(np.zeros((100, 100), 'i4'), name='X'),
    table_hdu({'a': np.arange(700.0)}, 'X'), table_hdu({'a': np.zeros(0)}, 'X'),
    fits.BinTableHDU.from_columns([fits.Column('v', 'PJ()', array=np.array([np.arange(900), np.arange(3)], object))],
                                  name='X'),
    fits.GroupsHDU(fits.GroupData(np.ones((4, 3, 3)), parnames=['u'], pardata=[np.ones(4)], bitpix=-32)),
]  # fmt: skip


@pytest.mark.parametrize('hdu', SHAPES, ids=lambda hdu: type(hdu).__name__)
def test_what_follows_data_of_any_kind_is_found(opened, tmp_path, hdu):
    last = table_hdu({'a': [1.0, 2.0]}, 'last')
    if isinstance(hdu, fits.GroupsHDU):
        fits.HDUList([hdu, last]).writeto(tmp_path / 'groups.fits')
        file = opened(content=(tmp_path / 'groups.fits').read_bytes())
    else:
        file = opened(hdu, last)
        assert file.find('X').name == 'X'
    assert file.read_table(file.find('LAST')).numbers('a').tolist() == [1.0, 2.0]
    assert (file.find('OTHER'), file.trailer) == (None, None)


def test_the_first_of_two_extensions_counts(opened):
    file = opened(table_hdu({'a': [1.0]}, 'X'), table_hdu({'a': [2.0]}, 'x'))
    assert file.read_table(file.find('X')).numbers('a').tolist() == [1.0]


@pytest.mark.parametrize(('key', 'value'), [
    ('NAXIS1', 10**6), ('NAXIS2', 10**15), ('PCOUNT', 10**9), ('GCOUNT', 10**9), ('GCOUNT', 0), ('NAXIS2', -1),
    ('BITPIX', 7), ('NAXIS', 1000), ('TFIELDS', 10**6), ('NAXIS1', 15),
])  # fmt: skip
def test_sizes_that_cannot_be_cost_nothing(opened, key, value):
    import tracemalloc

    hdu = table_hdu({'a': np.arange(50.0), 'b': np.arange(50.0)}, 'X')
    content = fits_content(hdu)
    card = next(content[at:at + 80] for at in range(2880, 5760, 80) if content[at:at + 8] == key.ljust(8).encode())
    content = content[:2880] + content[2880:].replace(card, f'{key:8}= {value:>20}'.ljust(80).encode())
    tracemalloc.start()
    try:
        with pytest.raises(FitsInvalid, match=r'HDU 1'):  # noqa: PT012
            file = opened(content=content)
            file.read_table(file.find('X'))
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_a_header_without_an_end_is_given_up(opened):
    content = fits_content()[:2880].replace(b'END', b'   ') + b' ' * 2880 * 2000
    with pytest.raises(FitsInvalid, match='no END'):
        opened(content=content)


def test_what_is_no_extension_ends_the_file(opened):
    content = fits_content(table_hdu({'a': [1.0]}, 'X'))
    file = opened(content=content + b'\0' * 5760)
    assert file.find('X').number == 1
    assert (file.find('Y'), file.trailer) == (None, len(content))


def test_an_image_is_no_table(opened):
    file = opened(fits.ImageHDU(np.zeros((3, 3)), name='X'))
    with pytest.raises(FitsInvalid, match=r'HDU 1 \(X\) is not a binary table'):
        file.read_table(file.find('X'))


# --- checksums -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def summed():
    """A packed image and a table with checksums by astropy: the bytes, and the place (header, data, end) of each."""
    image = fits.CompImageHDU(np.arange(4800, dtype='i2').reshape(60, 80), name='SCI')
    table = table_hdu({'a': np.random.default_rng(1).normal(size=999), 'k': np.arange(999)}, 'CAT')
    content = fits_content(image, table, checksum=True)
    with fits.open(io.BytesIO(content), disable_image_compression=True) as hdus:
        places = {hdu.name: (hdu.fileinfo()['hdrLoc'], hdu.fileinfo()['datLoc'],
                             hdu.fileinfo()['datLoc'] + hdu.fileinfo()['datSpan']) for hdu in hdus}
    return content, places


def flipped(content, byte, bit=1):
    return content[:byte] + bytes([content[byte] ^ bit]) + content[byte + 1:]


def read_all(file):
    file.verify_header(file.find('SCI'))
    return file.read_table(file.find('CAT'))


def test_what_astropy_wrote_with_checksums_is_read(opened, summed):
    assert len(read_all(opened(content=summed[0]))) == 999


@pytest.mark.parametrize('at', [0, 1, 8, 777, 7777])
def test_one_bit_of_a_table_is_noticed(opened, summed, at):
    content, places = summed
    file = opened(content=flipped(content, places['CAT'][1] + at))
    with pytest.raises(FitsInvalid, match=r'HDU 2 \(CAT\): (CHECKSUM|DATASUM) does not fit'):
        read_all(file)


@pytest.mark.parametrize(('name', 'number'), [('SCI', 1), ('CAT', 2)])
def test_one_bit_of_a_header_is_noticed(opened, summed, name, number):
    content, places = summed
    byte = places[name][1] - 40  # in the blanks behind END
    with pytest.raises(FitsInvalid, match=rf'HDU {number} \({name}\): CHECKSUM does not fit'):
        read_all(opened(content=flipped(content, byte)))


def test_pixels_are_not_looked_at(opened, summed):
    content, places = summed
    assert len(read_all(opened(content=flipped(content, places['SCI'][1] + 100)))) == 999


@pytest.mark.parametrize('value', ['', '0' * 16])
def test_an_undefined_checksum_is_none(opened, value):
    hdu = table_hdu({'a': [1.0]}, 'CAT')
    hdu.header['CHECKSUM'], hdu.header['DATASUM'] = value, ''
    file = opened(hdu)
    assert len(file.read_table(file.find('CAT'))) == 1


@pytest.mark.parametrize('value', ['12345', 'abc', '99999999999'])
def test_a_sum_of_the_data_alone_is_checked_too(opened, value):
    hdu = table_hdu({'a': [1.0]}, 'CAT')
    hdu.header['DATASUM'] = value
    file = opened(hdu)
    with pytest.raises(FitsInvalid, match=r'HDU 1 \(CAT\): DATASUM'):
        file.read_table(file.find('CAT'))
