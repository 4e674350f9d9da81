"""Frame names are taken apart as the archive writes them, and nothing unsafe becomes a file name."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from photzp.names import (
    Telescope,
    base_name,
    class_of,
    exposure_of,
    frame_plot,
    level_of,
    parse_frame_name,
    safe_file,
    safe_part,
)
from photzp.observatory import load_observatory

PATTERN = load_observatory().archive.frame_pattern
SIGNS = set(string.ascii_letters + string.digits + '_+.-')
E91 = 'lsc1m005-fa15-20190805-0123-e91.fits.fz'


def test_a_name_is_taken_apart():
    frame = parse_frame_name('/archive/lsc/fa15/20190805/processed/' + E91, PATTERN)
    assert frame.name == E91
    assert frame.exposure == 'lsc1m005-fa15-20190805-0123'
    assert (frame.camera, frame.dayobs, frame.obstype, frame.level) == ('fa15', '20190805', 'e', 91)


@given(site=st.sampled_from(['lsc', 'coj', 'ogg']), telescope=st.sampled_from(['1m005', '0m404', '2m002', '0m4a']),
       camera=st.from_regex(r'[a-z]{2}[0-9]{2,3}', fullmatch=True), day=st.dates(), number=st.integers(0, 9999),
       kind=st.sampled_from('esbdf'), level=st.integers(0, 99), extension=st.sampled_from(['.fits', '.fits.fz']),
       folder=st.sampled_from(['', '/a/b-e91.fits/', './']))
def test_what_a_name_is_built_of_comes_out_of_it(site, telescope, camera, day, number, kind, level, extension, folder):
    date = day.isoformat().replace('-', '')
    exposure = f'{site}{telescope}-{camera}-{date}-{number:04d}'
    name = f'{exposure}-{kind}{level:02d}{extension}'
    frame = parse_frame_name(folder + name, PATTERN)
    assert (frame.exposure, frame.name, frame.camera, frame.dayobs) == (exposure, name, camera, date)
    assert (frame.obstype, frame.level) == (kind, level)
    assert (base_name(folder + name), exposure_of(folder + name), level_of(folder + name)) == (name, exposure, level)


@pytest.mark.parametrize('name', [
    '', 'README', E91 + '\n', ' ' + E91, E91 + '.part', E91.replace('-e91', ''), E91.replace('-e91', '-x9'),
    E91.replace('20190805', '2019-08-05'), E91.upper(), 'bpm_lsc_005_fa15_20180901_bin1x1.fits',
    E91.replace('0123', '٠١٢٣'), E91.replace('.fits.fz', '.jpg'),
])  # fmt: skip
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match='is not a frame name'):
        parse_frame_name(name, PATTERN)


@pytest.mark.parametrize('ending', ['-e91.fits.fz', '-e11.fits.fz', '-e91.fits', '-e00.fits.gz', '-s91.FITS', ''])
def test_all_files_of_an_exposure_share_its_name(ending):
    assert exposure_of('lsc1m005-fa15-20190805-0123' + ending) == 'lsc1m005-fa15-20190805-0123'


@pytest.mark.parametrize(('name', 'level'), [
    (E91, 91), (E91.replace('e91', 'e11'), 11), ('/old/path/' + E91, 91), ('lsc1m005-fa15-20190805-0123', -1),
    ('image.fits', -1), ('', -1),
])  # fmt: skip
def test_level_of_a_name(name, level):
    assert level_of(name) == level


@pytest.mark.parametrize('text', ['lsc', '0m4a', 'rp', 'fa15', 'V+', 'N2.5', 'a' * 64])
def test_names_of_the_network_are_safe(text):
    assert safe_part(text) == text


@pytest.mark.parametrize('text', ['', '..', '../x', 'a/b', 'a\\b', "a'b", '<b>', ' a', 'a ', 'a\n', '.hidden', '-rf',
                                  'ä', '²', 'a\0', 'a' * 65, None, 5, b'lsc', True])
def test_unsafe_names_are_refused_in_a_short_sentence(text):
    with pytest.raises(ValueError, match='is not a name of up to 64 letters, digits') as refused:
        safe_part(text)
    assert len(str(refused.value)) < 160


@given(st.text() | st.text(sorted(SIGNS), max_size=70))
@example('<script>')
@example('x' * 10000)
def test_a_safe_name_is_one_plain_path_component(text):
    refusal = None
    try:
        safe_part(text)
    except ValueError as error:
        refusal = str(error)
    plain = 0 < len(text) <= 64 and not set(text) - SIGNS and text[0].isalnum()
    assert (refusal is None) == plain
    assert len(refusal or '') < 160


def test_the_plots_of_a_frame_are_named_after_it():
    exposure = exposure_of(E91)
    assert frame_plot(exposure, 'gp', 'zp') == 'lsc1m005-fa15-20190805-0123_gp_zp.png'
    assert frame_plot(exposure, 'gp', 'color') == 'lsc1m005-fa15-20190805-0123_gp_color.png'
    with pytest.raises(ValueError):
        frame_plot(exposure, '../gp', 'zp')


@pytest.mark.parametrize('name', ['index.html', 'a' * 200])
def test_file_names_are_safe(name):
    assert safe_file(name) == name


def test_the_class_of_a_telescope_begins_its_name():
    assert [class_of(name) for name in ('0m4a', '1m0a', '2m0b')] == ['0m4', '1m0', '2m0']
    assert [class_of(name) for name in ('1m0', '1m', '')] == ['1m0', '1m', '']


def test_a_telescope_is_three_names_and_one_text():
    telescope = Telescope.parse('lsc-domb-1m0a')
    assert telescope == ('lsc', 'domb', '1m0a') == (telescope.site, telescope.enclosure, telescope.name)
    assert (str(telescope), f'{telescope}', telescope.class_) == ('lsc-domb-1m0a', 'lsc-domb-1m0a', '1m0')


@pytest.mark.parametrize('text', [
    '', 'lsc', 'lsc-domb', 'lsc-domb-1m0a-x', 'lsc--1m0a', 'lsc-..-1m0a', 'l c-domb-1m0a'])
def test_other_texts_are_no_telescope(text):
    with pytest.raises(ValueError, match='is not'):
        Telescope.parse(text)
