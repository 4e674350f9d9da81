"""Headers and tables of FITS files, against what astropy writes and reads."""

import io

import numpy as np
import pytest
from astropy.io import fits

from photzp.frames.fitsfile import FitsFile, FitsInvalid
from tests.support.helpers import table_hdu


@pytest.fixture
def opened(tmp_path):
    """Write HDUs behind a primary one, or bytes, and open the file: opened(hdu, ...) -> FitsFile."""
    files = []

    def write(*hdus, content=None, **how):
        path = tmp_path / f'{len(files)}.fits'
        if content is None:
            fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, **how)
        else:
            path.write_bytes(content)
        files.append(open(path, 'rb', buffering=0))  # noqa: SIM115
        return FitsFile(files[-1])

    yield write
    for file in files:
        file.close()


def content_of(*hdus, **how):
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(buffer, **how)
    return buffer.getvalue()


# --- cards -----------------------------------------------------------------------------------------------------------

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
    content = content_of(fits.ImageHDU(name='SCI'))
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
    content = content_of(fits.ImageHDU(name='SCI'))
    content = content.replace(b'BITPIX  =                    8', b'BITPIX  =                    T')
    with pytest.raises(FitsInvalid, match='BITPIX = True'):
        opened(content=content)
    hdu = fits.ImageHDU(name='SCI')
    hdu.header['AIRMASS'] = 1.25
    broken = content_of(hdu).replace(b'AIRMASS =                 1.25', b'AIRMASS = 1.2.5 nonsense      ')
    with pytest.raises(FitsInvalid, match='card AIRMASS'):
        opened(content=broken).find('SCI').header.get('AIRMASS')


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
    assert (file.find('OTHER'), file.rest) == (None, None)


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
    content = content_of(hdu)
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
    content = content_of() [:2880].replace(b'END', b'   ') + b' ' * 2880 * 2000
    with pytest.raises(FitsInvalid, match='no END'):
        opened(content=content)


def test_what_is_no_extension_ends_the_file(opened):
    content = content_of(table_hdu({'a': [1.0]}, 'X'))
    file = opened(content=content + b'\0' * 5760)
    assert file.find('X').number == 1
    assert (file.find('Y'), file.rest) == (None, len(content))


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
    file = opened(content=content_of() + header.tostring().encode() + stored.tobytes().ljust(2880, b'\0'))
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
    content = content_of(image, table, checksum=True)
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
