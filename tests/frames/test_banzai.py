"""One frame: what its header and its source catalogue say, in all the shapes that pipelines wrote over the years."""

import gc
import math
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from photzp.errors import REASONS, FrameRejected
from photzp.frames.banzai import NotSelected, read_frame
from photzp.observatory import load_observatory
from tests.support.helpers import CARDS, FRAME, NX, NY, source_columns, table_hdu, write_frame

LCO = load_observatory()


# --- what a good frame says ----------------------------------------------------------------------------------------


@pytest.mark.parametrize('how', [{'packed': True}, {}, {'primary': True}], ids=['packed', 'image', 'primary'])
def test_a_frame_is_read_wherever_its_image_is(frame, how):
    f = frame(**how)
    assert (f.name, f.exposure) == (FRAME, 'lsc1m005-fa15-20190805-0123')
    assert (f.site, f.enclosure, f.telescope, f.camera) == ('lsc', 'doma', '1m0a', 'fa15')
    assert (f.filter, f.band, f.exptime_s, f.airmass) == ('rp', 'r', 90.0, 1.25)
    assert (f.dateobs, f.fwhm_arcsec, f.saturation_e) == ('2019-08-05 23:59:59.987', 1.8, 100000.0)
    assert f.shape == (NX, NY)
    assert len(f.stars) == 5
    np.testing.assert_array_equal(f.stars.x, [5, 15, 25, 35, 45])
    np.testing.assert_array_equal(f.stars.y, [40, 33, 26, 19, 12])
    np.testing.assert_array_equal(f.stars.flux, [1000, 1001, 1002, 1003, 1004])
    np.testing.assert_array_equal(f.stars.fluxerr, [30, 31, 32, 33, 34])
    np.testing.assert_array_equal(f.stars.peak, [100, 101, 102, 103, 104])
    np.testing.assert_array_equal(f.stars.background, [50, 51, 52, 53, 54])
    np.testing.assert_array_equal(f.stars.flag, [0, 1, 2, 3, 4])


def test_the_sources_are_where_astropy_puts_them(frame):
    f = frame()
    header = fits.Header({key: CARDS[key] for key in CARDS if key[:2] in ('CT', 'CR', 'CD')})
    ra, dec = WCS(header).all_pix2world(f.stars.x, f.stars.y, 1)
    np.testing.assert_allclose(f.stars.ra_deg, ra, rtol=0, atol=1e-9)
    np.testing.assert_allclose(f.stars.dec_deg, dec, rtol=0, atol=1e-9)


# --- quirks of headers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(('value', 'expected'), [
    (1.25, 1.25), ('1.25', 1.25), (1, 1.0), ('UNKNOWN', math.nan), ('N/A', math.nan), ('', math.nan), (0.0, math.nan),
    (-1.0, math.nan), ('inf', math.nan), ('nan', math.nan), (True, math.nan), (99.0, math.nan),
])  # fmt: skip
def test_airmass(frame, value, expected):
    assert frame({'AIRMASS': value}).airmass == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize('key', ['AIRMASS', 'L1FWHM', 'FOCOBOFF', 'WCSERR', 'SATURATE', 'MAXLIN', 'PIPEVER', 'DAY-OBS',
                                 'GAIN', 'OBSTYPE'])
def test_a_keyword_that_may_be_missing(frame, key):
    f = frame(without=(key,))
    assert len(f.stars) == 5
    assert math.isnan(f.airmass) == (key == 'AIRMASS')
    assert math.isnan(f.fwhm_arcsec) == (key == 'L1FWHM')


def test_a_keyword_without_a_value_is_missing(frame):
    f = frame({'AIRMASS': fits.card.Undefined(), 'SATURATE': fits.card.Undefined()})
    assert math.isnan(f.airmass)
    assert f.saturation_e == 100000.0


@pytest.mark.parametrize('value', ['NaN', 'N/A', 0.0, -1.0])
def test_fwhm_that_is_none(frame, value):
    assert math.isnan(frame({'L1FWHM': value}).fwhm_arcsec)


@pytest.mark.parametrize(('saturate', 'maxlin', 'expected'), [
    (120000.0, 100000.0, 100000.0), (80000, 100000.0, 80000.0), ('UNKNOWN', 100000.0, 100000.0),
    (0, 100000.0, 100000.0), (-5.0, 100000.0, 100000.0), (120000.0, 0, 120000.0), (120000.0, 'N/A', 120000.0),
    ('120000', 'NaN', 120000.0), (0, 'N/A', math.inf), ('', -1, math.inf),
])  # fmt: skip
def test_saturation_is_the_smaller_positive_limit(frame, saturate, maxlin, expected):
    assert frame({'SATURATE': saturate, 'MAXLIN': maxlin}).saturation_e == expected


def test_saturation_without_limits(frame):
    assert frame(without=('SATURATE', 'MAXLIN')).saturation_e == math.inf


@pytest.mark.parametrize(('version', 'since_1_15'), [
    ('1.15.0', True), ('1.15', True), ('1.20.0', True), ('2.0', True), ('1.15.0-3-gdeadbee', True), ('10.1', True),
    ('1.14.9', False), ('1.9.0', False), ('0.9.7', False), ('', False), ('unknown', False), (1.15, False),
    (None, False),
])  # fmt: skip
def test_flags_mean_what_the_version_of_the_pipeline_meant(frame, version, since_1_15):
    """1 bad pixel 2 deblended 4 saturated 8 edge 16 cosmic ray, or SEP's 1 2 16 32 64 128."""
    f = frame(without=('PIPEVER',)) if version is None else frame({'PIPEVER': version})
    expected = {1, 2, 4, 8, 16} if since_1_15 else {1, 2, 16, 32, 64, 128}
    assert {1 << bit for bit in range(12) if f.flags_bad >> bit & 1} == expected


def test_a_damaged_card_of_the_pipeline_makes_the_file_unreadable(tmp_path):
    path = Path(write_frame(tmp_path / FRAME))
    path.write_bytes(path.read_bytes().replace(b"PIPEVER = '1.20", b'PIPEVER = "1.20'))
    with pytest.raises(FrameRejected) as caught:
        read_frame(path, LCO)
    assert caught.value.reason.name == 'file-unreadable'


def test_numbers_that_no_source_has_are_none(frame):
    columns = source_columns()
    for row, (key, value) in enumerate([('flux', 1e200), ('fluxerr', 1e-200), ('peak', -1e16), ('flag', 2**60)]):
        columns[key] = columns[key].astype(float)
        columns[key][row] = value
    columns['x'] = np.append(columns['x'][:-1], 1e7)
    columns['background'][0] = 1e-9  # what is left of a sky that was subtracted
    stars = frame(columns=columns).stars
    assert len(stars) == 4
    assert [name for name in ('flux', 'fluxerr', 'peak', 'background') if np.isnan(getattr(stars, name)).any()] == [
        'flux', 'fluxerr', 'peak']
    assert np.isnan([stars.flux[0], stars.fluxerr[1], stars.peak[2]]).all()
    assert stars.flag[3] == -1
    assert stars.background[0] == 1e-9


@pytest.mark.parametrize('value', [0.0, 0.005, -0.01, '0.0', 'N/A'])
def test_a_focus_offset_within_rounding_is_in_focus(frame, value):
    assert frame({'FOCOBOFF': value}).filter == 'rp'


def test_standards_are_science(frame):
    assert frame({'OBSTYPE': 'STANDARD'}).filter == 'rp'


# --- quirks of catalogues ------------------------------------------------------------------------------------------


@pytest.mark.parametrize('case', [str.upper, str.title])
def test_columns_in_any_case(frame, case):
    f = frame(columns={case(name): values for name, values in source_columns().items()})
    np.testing.assert_array_equal(f.stars.flux, [1000, 1001, 1002, 1003, 1004])


def test_rows_without_a_position_are_left_out_and_bad_values_kept_as_they_are(frame):
    columns = source_columns()
    columns['x'][0], columns['y'][1] = np.nan, np.inf
    columns['flux'][2], columns['fluxerr'][3] = -5.0, 0.0
    stars = frame(columns=columns).stars
    np.testing.assert_array_equal(stars.flux, [-5.0, 1003.0, 1004.0])
    np.testing.assert_array_equal(stars.fluxerr, [32.0, 0.0, 34.0])
    assert len(stars.ra_deg) == len(stars.flag) == len(stars) == 3


def test_flags_as_floats_and_arrays_of_the_machines_byte_order(frame):
    f = frame(columns=source_columns() | {'flag': np.array([0.0, 4.0, 16.0, np.nan, 1.0])})
    np.testing.assert_array_equal(f.stars.flag[[0, 1, 2, 4]], [0, 4, 16, 1])
    assert f.stars.flag[3] & f.flags_bad
    assert all(array.dtype.isnative for array in vars(f.stars).values())


def test_an_empty_catalogue_is_no_star(frame):
    assert len(frame(columns=source_columns(0)).stars) == 0


def test_other_extensions_do_not_matter(frame):
    assert len(frame(more=[fits.ImageHDU(np.zeros((9, 9)), name='BPM'), fits.ImageHDU(name='ERR')]).stars) == 5


# --- pixels are left alone -----------------------------------------------------------------------------------------


def test_pixels_are_never_decompressed(tmp_path, monkeypatch):
    path = write_frame(tmp_path / FRAME, packed=True)
    monkeypatch.setattr(fits.CompImageHDU, '__init__', lambda *_, **__: pytest.fail('a packed image was opened'))
    assert len(read_frame(path, LCO).stars) == 5


def test_a_frame_whose_packed_pixels_are_garbage_is_read(tmp_path):
    path = write_frame(tmp_path / FRAME, packed=True)
    with fits.open(path, disable_image_compression=True) as hdus:
        place = hdus['SCI'].fileinfo()
    with open(path, 'r+b') as file:
        file.seek(place['datLoc'])
        file.write(b'\xa5' * place['datSpan'])
    with pytest.raises(Exception), fits.open(path) as hdus, warnings.catch_warnings():  # noqa: B017, PT012
        warnings.simplefilter('ignore')
        assert hdus['SCI'].data.shape
    f = read_frame(path, LCO)
    assert (len(f.stars), f.shape) == (5, (NX, NY))


def test_a_huge_image_costs_no_memory(tmp_path):
    """A file with a hole: 64 MB of pixels that are never read."""
    import tracemalloc

    header = fits.Header(CARDS)
    path = tmp_path / FRAME
    with open(path, 'wb') as file:
        image = fits.Header([('SIMPLE', True), ('BITPIX', -32), ('NAXIS', 2), ('NAXIS1', 4000), ('NAXIS2', 4032),
                             ('EXTEND', True)])
        image.update(header)
        file.write(image.tostring().encode())
        file.seek(4000 * 4032 * 4 - 1, os.SEEK_CUR)
        file.write(b'\0')
        assert file.tell() % 2880 == 0
        table = table_hdu(source_columns(), 'CAT')
        padding = -table.data.nbytes % 2880
        file.write(table.header.tostring().encode() + table.data.tobytes() + b'\0' * padding)
    tracemalloc.start()
    try:
        assert len(read_frame(path, LCO).stars) == 5
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


# --- rejections ----------------------------------------------------------------------------------------------------

REJECTED = [
    ('wcs-failed', {'WCSERR': 4}, 'WCSERR = 4'),
    ('wcs-failed', {'WCSERR': '4'}, 'WCSERR = 4'),
    ('wcs-failed', {'WCSERR': 1.0}, 'WCSERR = 1'),
    ('wcs-failed', {'CD1_1': 0.0, 'CD1_2': 0.0}, 'pixel scale 0'),
    ('wcs-failed', {'CRVAL2': 95.0}, 'CRVAL2 = 95'),
    ('filter-not-served', {'FILTER': 'B'}, 'FILTER = B'),
    ('filter-not-served', {'FILTER': 'H-Alpha'}, 'FILTER = H-Alpha'),
    ('exposure-too-short', {'EXPTIME': 9.5}, '9.5 s < 10 s'),
    ('defocused', {'FOCOBOFF': 2.5}, 'FOCOBOFF = 2.5 mm'),
    ('defocused', {'FOCOBOFF': -0.5}, 'FOCOBOFF = -0.5 mm'),
    ('not-science', {'OBSTYPE': 'SKYFLAT'}, "OBSTYPE = 'SKYFLAT'"),
    ('not-science', {'OBSTYPE': 'BIAS'}, "OBSTYPE = 'BIAS'"),
    ('header-incomplete', {'EXPTIME': 'N/A'}, "EXPTIME is 'N/A', not a number"),
    ('header-incomplete', {'EXPTIME': 0.0}, 'EXPTIME = 0'),
    ('header-incomplete', {'EXPTIME': -60.0}, 'EXPTIME = -60'),
    ('header-incomplete', {'EXPTIME': 1e9}, 'EXPTIME = 1'),
    ('header-incomplete', {'EXPTIME': True}, 'EXPTIME is True'),
    ('header-incomplete', {'SITEID': '../etc'}, "SITEID is '../etc', not a name"),
    ('header-incomplete', {'INSTRUME': '<b>fa15</b>'}, 'INSTRUME is'),
    ('header-incomplete', {'TELID': ''}, 'TELID is'),
    ('header-incomplete', {'ENCID': 5}, 'ENCID is 5'),
    ('header-incomplete', {'FILTER': "rp'; DROP"}, 'FILTER is'),
    ('header-incomplete', {'DATE-OBS': 'N/A'}, "DATE-OBS is 'N/A', not a date and time"),
    ('header-incomplete', {'DATE-OBS': '2019-08-05'}, 'DATE-OBS is'),
    ('header-incomplete', {'DATE-OBS': '2019-02-30T00:00:00'}, 'DATE-OBS is'),
    ('header-incomplete', {'DATE-OBS': '1970-01-01T00:00:00'}, 'DATE-OBS is'),
    ('header-incomplete', {'CTYPE1': 'GLON-TAN'}, "CTYPE1 = 'GLON-TAN'"),
    ('header-incomplete', {'CRVAL1': 'N/A'}, "CRVAL1 is 'N/A'"),
]


@pytest.mark.parametrize(('reason', 'cards', 'detail'), REJECTED, ids=[f'{r[0]}-{r[2]}' for r in REJECTED])
def test_rejected_with_the_reason_and_what_was_found(frame, reason, cards, detail):
    with pytest.raises(FrameRejected) as rejected:
        frame(cards, min_exptime_s=10.0)
    assert rejected.value.reason is REASONS[reason]
    assert detail in rejected.value.detail
    assert str(rejected.value).startswith(REASONS[reason].sentence)


@pytest.mark.parametrize('key', ['SITEID', 'ENCID', 'TELID', 'INSTRUME', 'FILTER', 'EXPTIME', 'DATE-OBS', 'CTYPE1',
                                 'CTYPE2', 'CRVAL1', 'CRVAL2', 'CRPIX1', 'CRPIX2'])
def test_a_keyword_that_is_missing_is_named(frame, key):
    with pytest.raises(FrameRejected) as rejected:
        frame(without=(key,))
    assert rejected.value.reason is REASONS['header-incomplete']
    assert key in rejected.value.detail


@pytest.mark.parametrize('columns', [
    False, {'ra': [1.0], 'dec': [2.0]}, {k: v for k, v in source_columns().items() if k != 'flux'},
    source_columns() | {'flux': np.array(['a'] * 5)}, source_columns() | {'flux': np.ones((5, 2))},
], ids=['none', 'other', 'no flux', 'text', 'two per row'])  # fmt: skip
def test_without_a_usable_source_catalogue(frame, columns):
    with pytest.raises(FrameRejected) as rejected:
        frame(columns=columns)
    assert rejected.value.reason is REASONS['no-source-catalogue']


def test_an_image_called_cat_is_no_catalogue(frame):
    with pytest.raises(FrameRejected) as rejected:
        frame(columns=False, more=[fits.ImageHDU(np.zeros((3, 3)), name='CAT')])
    assert rejected.value.reason is REASONS['no-source-catalogue']


def test_an_exposure_of_the_least_time_is_long_enough(frame):
    assert frame({'EXPTIME': 60.0}, min_exptime_s=60.0).exptime_s == 60.0


def test_a_rejection_carries_the_exposure_time_where_it_is_known(frame):
    with pytest.raises(FrameRejected) as rejected:
        frame({'EXPTIME': 30.0}, min_exptime_s=60.0)
    assert rejected.value.exptime_s == 30.0


def test_a_filter_that_was_not_asked_for_is_no_rejection(frame, tmp_path):
    with pytest.raises(NotSelected):
        frame({'FILTER': 'B'}, filters=('gp', 'rp'))
    (tmp_path / FRAME).unlink()
    assert frame(filters=('gp', 'rp')).filter == 'rp'


# --- files that cannot be read -------------------------------------------------------------------------------------


def unreadable(path):
    with pytest.raises(FrameRejected) as rejected:
        read_frame(path, LCO)
    assert rejected.value.reason is REASONS['file-unreadable']
    assert rejected.value.reason.passing
    assert '\n' not in rejected.value.detail
    return rejected.value.detail


def test_a_file_that_is_not_there(tmp_path):
    assert 'No such file' in unreadable(tmp_path / FRAME)


def test_a_directory(tmp_path):
    assert 'not a regular file' in unreadable(tmp_path)


def test_a_fifo_does_not_block(tmp_path):
    os.mkfifo(tmp_path / FRAME)
    assert 'not a regular file' in unreadable(tmp_path / FRAME)


@pytest.mark.parametrize('content', [b'', b'hello', b'\0' * 5760, b'SIMPLE  =                    T',
                                     b'\x1f\x8b\x08zip'])
def test_a_file_that_is_not_fits(tmp_path, content):
    (tmp_path / FRAME).write_bytes(content)
    unreadable(tmp_path / FRAME)


@pytest.mark.parametrize('how', [{'packed': True}, {}, {'primary': True}], ids=['packed', 'image', 'primary'])
def test_a_file_cut_anywhere_before_the_end_of_its_catalogue_is_unreadable(tmp_path, how):
    """A frame is being copied, or was cut short: it must be looked at again, whatever was cut.

    Only a cut right between two extensions leaves a whole file: one that has no source catalogue.
    """
    whole = write_frame(tmp_path / ('whole-' + FRAME), columns=source_columns(400), **how)
    with fits.open(whole, disable_image_compression=True) as hdus:
        places = [hdu.fileinfo() for hdu in hdus]
    content = Path(whole).read_bytes()
    between = {place['hdrLoc'] for place in places}
    end = places[-1]['datLoc'] + 400 * 64
    cuts = sorted({*range(1, end, 2880), *range(0, end, 2880), *(at + 700 for at in between), end - 1} - between)
    verdicts = {}
    for cut in cuts:
        path = tmp_path / f'{cut}-{FRAME}'
        path.write_bytes(content[:cut])
        try:
            read_frame(path, LCO)
            verdicts[cut] = 'read'
        except FrameRejected as rejected:
            verdicts[cut] = rejected.reason.name
    gc.collect()  # a file that was left open is noticed here, where warnings are errors
    assert {cut: verdict for cut, verdict in verdicts.items() if verdict != 'file-unreadable'} == {}


SHAPES = pytest.mark.parametrize('how', [{'packed': True}, {}, {'primary': True}], ids=['packed', 'image', 'primary'])


@SHAPES
def test_a_bit_that_was_flipped_is_noticed_where_the_file_has_checksums(tmp_path, how):
    path = Path(write_frame(tmp_path / FRAME, checksum=True, **how))
    assert len(read_frame(path, LCO).stars) == 5
    whole = path.read_bytes()
    with fits.open(path, disable_image_compression=True) as hdus:
        science = hdus[0 if how.get('primary') else 'SCI'].fileinfo()
        catalogue = hdus['CAT'].fileinfo()
    filter_name = whole.index(b"'rp      '") + 1
    for byte in (filter_name, science['datLoc'] - 1, catalogue['datLoc'] - 1, catalogue['datLoc'] + 9):
        path.write_bytes(whole[:byte] + bytes([whole[byte] ^ 4]) + whole[byte + 1:])
        hdu = 'CAT' if byte >= catalogue['hdrLoc'] else 'HDU 0' if how.get('primary') else 'SCI'
        with pytest.raises(FrameRejected, match=rf'{hdu}.*(CHECKSUM|DATASUM) does not fit') as rejected:
            read_frame(path, LCO)
        assert (rejected.value.reason, rejected.value.passing) == (REASONS['file-unreadable'], False)
    pixel = science['datLoc'] + 9
    path.write_bytes(whole[:pixel] + bytes([whole[pixel] ^ 4]) + whole[pixel + 1:])
    assert len(read_frame(path, LCO).stars) == 5  # pixels are not read


@SHAPES
def test_damage_anywhere_is_a_frame_or_a_rejection(tmp_path, how):
    """Bytes overwritten at random in headers and catalogue; nothing but FrameRejected comes out, and never a hang."""
    whole = Path(write_frame(tmp_path / FRAME, columns=source_columns(200), **how)).read_bytes()
    rng, path = np.random.default_rng(7), tmp_path / f'damaged-{FRAME}'
    verdicts = set()
    for _ in range(150):
        content = bytearray(whole)
        at = rng.integers(len(whole), size=rng.integers(1, 40))
        content[:] = whole
        for byte in at:
            content[byte] = rng.choice(np.frombuffer(b"\0\xff '=/0129T.-EN&", np.uint8))
        path.write_bytes(content)
        try:
            verdicts.add(len(read_frame(path, LCO).stars) <= 200)
        except FrameRejected as rejected:
            verdicts.add(rejected.reason.name)
    assert {True, 'file-unreadable'} <= verdicts


def test_what_follows_the_last_extension_does_not_matter(tmp_path):
    """Such records are allowed (FITS standard 4.0, sec. 3.5); a catalogue that is not found may be one that was hit."""
    path = Path(write_frame(tmp_path / FRAME, primary=True))
    whole = path.read_bytes()
    path.write_bytes(whole + b'\0' * 2880)
    assert len(read_frame(path, LCO).stars) == 5
    path.write_bytes(whole.replace(b'XTENSION', b'XTENSI?N'))
    assert f'what begins at byte {whole.index(b"XTENSION")} is no extension' in unreadable(path)


def test_every_reason_that_reading_can_give_is_provoked():
    """The others belong to the catalogue, the fit and the program itself."""
    provoked = {reason for reason, *_ in REJECTED} | {'no-source-catalogue', 'file-unreadable'}
    assert set(REASONS) - provoked == {'outside-footprint', 'no-reference-stars', 'wcs-off', 'too-few-stars',
                                       'fit-not-converged', 'internal-error', 'worker-died'}
