"""The built-in observatory is the documented one; a site's file is laid over it, and refused where it is wrong."""

import hashlib
import math
import re
from collections import Counter
from dataclasses import FrozenInstanceError, asdict, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photzp.errors import ObservatoryInvalid
from photzp.figures import sheet
from photzp.observatory import load_observatory, start_of
from photzp.observatorytables import Event, colours_of

BUILT_IN = load_observatory()


@pytest.fixture
def overlay(tmp_path):
    """Load the built-in observatory with a text laid over it."""

    def load(text):
        path = tmp_path / 'site.toml'
        path.write_text(text, encoding='utf-8')
        return load_observatory(path)

    return load


# --- the built-in tables -------------------------------------------------------------------------------------------


def test_the_mirror_events_are_all_there():
    """Counts and checksum of the engineering log's 178 rows, `telescope|date|kind|note`, sorted."""
    kinds = Counter(event.kind for event in BUILT_IN.events)
    assert kinds == {'cleaning': 115, 'break': 19, 'wash': 17, 'instrument': 13, 'start': 13, 'recoating': 1}
    lines = sorted(f'{e.telescope}|{e.date}|{e.kind}|{e.note}' for e in BUILT_IN.events)
    digest = hashlib.sha256('\n'.join(lines).encode()).hexdigest()
    assert digest == '946a5cd0bd11e31bb414781f2cb2deee5979c6bf92f6bd3c3e92cb9df5a6fbb4'


def test_sites_are_where_they_are():
    places = {name: (site.latitude_deg, site.longitude_deg) for name, site in BUILT_IN.sites.items()}
    assert places == {
        'coj': (-31.273, 149.071), 'cpt': (-32.381, 20.810), 'elp': (30.680, -104.015), 'lsc': (-30.167, -70.805),
        'ogg': (20.707, -156.258), 'tfn': (28.300, -16.512), 'sqa': (34.691, -120.042),
    }  # fmt: skip


def test_telescopes_per_site_and_class():
    assert len(BUILT_IN.telescopes) == 27
    assert Counter(name[:3] for name in BUILT_IN.telescopes) == {
        'lsc': 5, 'coj': 6, 'ogg': 3, 'elp': 5, 'cpt': 4, 'tfn': 4}  # fmt: skip
    assert Counter(name.split('-')[2][:3] for name in BUILT_IN.telescopes) == {'1m0': 12, '0m4': 13, '2m0': 2}
    assert {event.telescope for event in BUILT_IN.events} <= set(BUILT_IN.telescopes)


@pytest.mark.parametrize(('name', 'band', 'extinction'), [
    ('gp', 'g', 0.14), ('rp', 'r', 0.08), ('ip', 'i', 0.06), ('zp', 'z', 0.04), ('zs', 'z', 0.04), ('up', None, 0.59),
    ('U', None, 0.54), ('B', None, 0.23), ('V', None, 0.12), ('R', None, 0.09), ('I', None, 0.04), ('Y', None, 0.03),
])  # fmt: skip
def test_filters(name, band, extinction):
    assert (BUILT_IN.ps1_band(name), BUILT_IN.filters[name].extinction) == (band, extinction)
    assert BUILT_IN.filters[name].reported_as == ('zp' if name == 'zs' else None)


def test_a_filter_that_nobody_knows_has_no_band():
    assert BUILT_IN.ps1_band('H-Alpha') is None


def test_reference_throughput():
    table = {(r.class_, r.filter): r.zp_mag for r in BUILT_IN.reference_throughput}
    assert table == {
        ('1m0', 'gp'): 24.3, ('2m0', 'gp'): 25.4, ('0m4', 'gp'): 21.8, ('1m0', 'rp'): 23.8, ('2m0', 'rp'): 25.35,
        ('0m4', 'rp'): 21.2, ('1m0', 'ip'): 23.5, ('2m0', 'ip'): 25.5, ('0m4', 'ip'): 20.1, ('1m0', 'zp'): 22.2,
        ('2m0', 'zp'): 24.3, ('0m4', 'zp'): 18.4,
    }  # fmt: skip


def test_gain_repairs():
    """Corrections -2.5 log10(a/b): fl06 +0.3227 and kb95 -0.5880 as published, the others worked by hand."""
    table = {r.camera: (round(-2.5 * math.log10(r.ratio[0] / r.ratio[1]), 4), r.from_, r.until)
             for r in BUILT_IN.gain_repairs}
    assert table == {
        'fl06': (0.3227, None, date(2017, 11, 17)), 'fl05': (0.2306, None, None), 'fl11': (0.1682, None, None),
        'kb96': (1.2696, date(2017, 11, 15), date(2018, 4, 10)), 'kb95': (-0.588, date(2018, 9, 18), None),
        'fs01': (-0.0603, None, date(2019, 3, 12)), 'fs02': (-0.0536, None, date(2019, 3, 12)),
    }  # fmt: skip


@pytest.mark.parametrize(('camera', 'kind'), [('fl06', 'fl'), ('fa15', 'fa'), ('fs02', 'fs'), ('ep04', 'ep'),
                                              ('kb95', 'kb'), ('sq33', 'sq'), ('xx01', None), ('', None)])
def test_the_type_of_a_camera(camera, kind):
    assert BUILT_IN.camera_type(camera) == kind


def test_the_longest_camera_type_wins(overlay):
    assert overlay('[camera_types]\nfa1 = {description = "new"}').camera_type('fa15') == 'fa1'


def test_filters_are_in_order_of_wavelength_and_those_without_one_last(overlay):
    def order(observatory, *names):
        return sorted(names, key=observatory.wavelength_order)

    assert order(BUILT_IN, 'w', 'I', 'zp', 'Y', 'rp', 'U', 'R', 'gp', 'B', 'up', 'ip', 'V', 'H-Alpha') == [
        'up', 'U', 'B', 'gp', 'V', 'rp', 'R', 'ip', 'I', 'zp', 'Y', 'H-Alpha', 'w']
    changed = overlay('[filters]\nw = {extinction = 0.1, wavelength_nm = 600}\ngp = {wavelength_nm = 900}')
    assert order(changed, 'gp', 'rp', 'w', 'zp') == ['w', 'rp', 'zp', 'gp']


def test_colours_are_of_a_palette_that_colour_blind_readers_tell_apart():
    palette = {sheet.BLUE, sheet.VERMILLION, sheet.PURPLE, sheet.GREEN, sheet.SKY_BLUE, sheet.BLACK}
    assert {entry.colour for entry in BUILT_IN.filters.values()} - {None} == palette
    assert colours_of(BUILT_IN.filters)['rp'] == sheet.GREEN
    assert 'w' not in colours_of(BUILT_IN.filters)
    assert colours_of(BUILT_IN.camera_types) == {}


@pytest.mark.parametrize(('telescope', 'key'), [
    ('2m0a', '2m01m0'), ('1m0s', '2m01m0'), ('10m4', '2m01m0'), ('1', '2m01m0'), ('x', '2m01m0'), ('0m8a', '0m4'),
    ('0m4b', '0m4'), ('0', '0m4')])  # fmt: skip
def test_telescopes_of_a_size_share_a_plot(telescope, key):
    assert BUILT_IN.size_class(telescope) == key


def test_a_site_adds_a_class_of_telescopes(overlay):
    changed = overlay('[size_classes]\n0m7 = {title = "0.7m telescopes", smallest_m = 0.6}')
    assert changed.size_classes_by_size() == ('2m01m0', '0m7', '0m4')
    assert [changed.size_class(name) for name in ('1m0a', '0m8a', '0m6a', '0m4a')] == ['2m01m0', '0m7', '0m7', '0m4']


def test_a_camera_of_no_type_is_of_the_kind_that_its_name_begins_with():
    assert [BUILT_IN.camera_kind(camera) for camera in ('fa15', 'xx01', '')] == ['fa', 'xx', '']


def test_the_healthy_band(overlay):
    assert BUILT_IN.throughput.healthy_mag == 0.2
    assert BUILT_IN.throughput.reference_error_mag == 0.1
    assert BUILT_IN.throughput.healthy_percent == pytest.approx(83.18, abs=0.01)
    assert overlay('[throughput]\nhealthy_mag = 0.1').throughput.healthy_percent == pytest.approx(91.20, abs=0.01)


def test_reference_stars_are_used_half_a_magnitude_below_saturation():
    assert [BUILT_IN.reference_catalogue.bright_limit_mag(band) for band in 'griz'] == [14.0, 14.0, 14.0, 13.5]
    assert BUILT_IN.reference_catalogue.bright_limit_mag('y') < 0


def test_an_observatory_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        BUILT_IN.events = ()


# --- laying a file over it -----------------------------------------------------------------------------------------

WASH = Event('lsc-doma-1m0a', date(2024, 5, 1), 'wash', 'by hand')
WASH_TOML = '{telescope = "lsc-doma-1m0a", date = 2024-05-01, kind = "wash", note = "by hand"}'


def test_one_wash_is_added_without_copying_the_rest(overlay):
    changed = overlay(f'events = [{WASH_TOML}]')
    assert set(changed.events) - set(BUILT_IN.events) == {WASH}
    assert len(changed.events) == len(BUILT_IN.events) + 1
    assert replace(changed, events=BUILT_IN.events) == BUILT_IN


def test_an_event_said_twice_is_one_event(overlay):
    assert overlay(f'events = [{WASH_TOML}, {WASH_TOML}]') == overlay(f'events = [{WASH_TOML}]')


def test_events_that_differ_in_their_note_stay_in_the_order_of_the_file(overlay):
    """An order by hashes would be another one in each run, and the report would be made anew each time."""
    notes = [f'{number} wash' for number in range(9, 0, -1)]
    events = ', '.join(WASH_TOML.replace('by hand', note) for note in notes)
    assert [event.note for event in overlay(f'events = [{events}]').events if event.date == WASH.date] == notes


def test_an_empty_file_changes_nothing(overlay):
    assert overlay('') == BUILT_IN


def test_single_values_replace_and_their_neighbours_stay(overlay):
    changed = overlay('[filters]\ngp = {extinction = 0.2}\nw = {extinction = 0.1, ps1_band = "r"}\n'
                      '[reference_catalogue]\ncolour_range_mag = [0.5, 2.0]\n[keywords]\nsaturation = "FULLWELL"')
    assert (changed.filters['gp'].extinction, changed.ps1_band('gp'), changed.ps1_band('w')) == (0.2, 'g', 'r')
    assert changed.reference_catalogue.colour_range_mag == (0.5, 2.0)
    assert changed.reference_catalogue.saturation_mag == BUILT_IN.reference_catalogue.saturation_mag
    assert changed.keywords.saturation == ('FULLWELL',)
    assert changed.keywords.site == 'SITEID'


def test_a_cameras_own_colour_term_beats_its_types(overlay):
    changed = overlay('colour_terms = [{camera = "ep04", filter = "gp", colorterm = 0.07, error = 0.01},'
                      ' {camera = "ep", filter = "gp", colorterm = 0.05, error = 0.02}]')
    assert changed.usual_colorterm('ep04', 'gp') == (0.07, 0.01)
    assert changed.usual_colorterm('ep03', 'gp') == (0.05, 0.02)
    assert changed.usual_colorterm('ep04', 'rp')[0] == 0.0


def _toml(value):
    if isinstance(value, dict):
        return '{' + ', '.join(f'{key} = {_toml(item)}' for key, item in value.items() if item is not None) + '}'
    if isinstance(value, (list, tuple)):
        return '[' + ', '.join(map(_toml, value)) + ']'
    return f'"{value}"' if isinstance(value, str) else str(value)


def _as_written(entry):
    return {key.rstrip('_'): value for key, value in asdict(entry).items()} if not isinstance(entry, str) else entry


@pytest.mark.parametrize('key', ['events', 'telescopes', 'gain_repairs'])
@settings(max_examples=8)
@given(data=st.data())
def test_saying_again_what_is_built_in_changes_nothing(tmp_path_factory, key, data):
    """A gain repair listed twice must not be applied twice: a site may start from a copy of the built-in file."""
    entries = data.draw(st.lists(st.sampled_from(getattr(BUILT_IN, key)), min_size=1, max_size=5))
    path = tmp_path_factory.mktemp('overlay') / 'site.toml'
    path.write_text(f'{key} = {_toml([_as_written(entry) for entry in entries])}')
    assert getattr(load_observatory(path), key) == getattr(BUILT_IN, key)


# --- files that break a rule ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(('text', 'key', 'rule'), [
    ('sits = {}', 'sits', 'unknown key; known are sites, telescopes'),
    ('sites = 5', 'sites', 'must be a table'),
    ('[sites]\nxyz = 5', 'sites.xyz', 'must be a table'),
    ('[sites]\nlsc = 5', 'sites.lsc', 'must be a table'),
    ('[sites]\nxyz = {latitude_deg = 9.0}', 'sites.xyz.longitude_deg', 'is missing'),
    ('[sites]\nxyz = {latitude_deg = 99, longitude_deg = 0}', 'sites.xyz', 'latitude must be within 90'),
    ('[sites]\nxyz = {latitude_deg = 9, longitude_deg = inf}', 'sites.xyz', 'longitude within 360'),
    ('[sites]\nlsc = {altitude_m = 2000}', 'sites.lsc.altitude_m', 'unknown key; known are latitude_deg'),
    ('[filters]\ngp = {ps1_band = "q"}', 'filters.gp.ps1_band', 'must be one of g, r, i, z, y'),
    ('[filters]\ngp = {reported_as = "q"}', 'filters.gp.reported_as', "'q' is not a filter"),
    ('[filters]\ngp = {wavelength_nm = 0}', 'filters.gp.wavelength_nm', 'must be a positive number of nanometres'),
    ('[filters]\ngp = {wavelength_nm = inf}', 'filters.gp.wavelength_nm', 'must be a positive number of nanometres'),
    ('[filters]\ngp = {wavelength_nm = "480"}', 'filters.gp.wavelength_nm', "must be a number, not '480'"),
    ('[filters]\ngp = {colour = "blue"}', 'filters.gp.colour', 'in hexadecimal, as "#0072B2", not \'blue\''),
    ('[camera_types]\nfa = {colour = "#12345"}', 'camera_types.fa.colour', "in hexadecimal"),
    ('[camera_types]\nfa = {colour = 5}', 'camera_types.fa.colour', 'must be text in quotes, not 5'),
    ('[throughput]\nhealthy_mag = 0', 'throughput.healthy_mag', 'must be more than 0 and less than 2.5 mag'),
    ('[throughput]\nhealthy_mag = 2.5', 'throughput.healthy_mag', 'must be more than 0 and less than 2.5 mag'),
    ('[throughput]\nreference_error_mag = -0.1', 'throughput.reference_error_mag', 'must be 0 or more'),
    ('[throughput]\nhealthy_mag = "0.1"', 'throughput.healthy_mag', 'must be a number'),
    ('[throughput]\nhealthy = 0.1', 'throughput.healthy', 'unknown key; known are healthy_mag'),
    ('[size_classes]\n0m7 = {smallest_m = 0.7}', 'size_classes.0m7.title', 'is missing'),
    ('[size_classes]\n0m7 = {title = "x", smallest_m = -1}', 'size_classes.0m7.smallest_m', '0 or more'),
    ('[size_classes]\n0m7 = {title = "x", smallest_m = inf}', 'size_classes.0m7.smallest_m', 'a diameter in metres'),
    ('[size_classes]\n1m0 = {title = "x", smallest_m = 1}', 'size_classes.2m01m0.smallest_m',
     'another class begins at 1 m too'),
    ('[size_classes]\n"0_7" = {title = "x", smallest_m = 0.7}', 'size_classes.0_7', 'lower-case letters and digits'),
    ('[alarms]\nsilent_days = 0', 'alarms.silent_days', 'must be more than 0'),
    ('[alarms]\nclosed_days = 30.5', 'alarms.closed_days', 'must be a whole number, not 30.5'),
    ('[filters]\ngp = {extinction = "big"}', 'filters.gp.extinction', "must be a number, not 'big'"),
    ('[filters]\ngp = {extinction = true}', 'filters.gp.extinction', 'must be a number, not True'),
    ('[filters]\ngp = {extinction = nan}', 'filters.gp.extinction', 'must be a number, not nan'),
    ('[filters]\ngp = {extinction = {a = 1}}', 'filters.gp.extinction', 'must be no table'),
    ('gain_repairs = 1', 'gain_repairs', 'must be a list'),
    ('telescopes = "lsc-doma-1m0a"', 'telescopes', 'must be a list'),
    ('[reference_catalogue]\ncolour_range_mag = [2.7, 0.4]', 'reference_catalogue.colour_range_mag', 'the bluer first'),
    ('[reference_catalogue]\ncolour_range_mag = 0.4', 'reference_catalogue.colour_range_mag', 'must be two colours'),
    ('[reference_catalogue]\nsaturation_mag = {g = "x"}', 'reference_catalogue.saturation_mag.g', 'must be a number'),
    ('[archive]\nframe_pattern = "("', 'archive.frame_pattern', 'is not a regular expression'),
    ('[archive]\nframe_pattern = 5', 'archive.frame_pattern', 'is not a regular expression'),
    ('[archive]\nframe_pattern = "(?P<camera>.)(?P<level>.)(?P<obstype>.)"', 'archive.frame_pattern',
     'the group dayobs is missing'),
    ('[archive]\npath = "/{site}"', 'archive.path', 'must be folder names or {site}'),
    ('[archive]\npath = "{telescope}"', 'archive.path', 'must be folder names or {site}'),
    ('[keywords]\nsite = 5', 'keywords.site', 'must be text in quotes, not 5'),
    ('[keywords]\nsaturation = [1]', 'keywords.saturation', 'must be text in quotes, not 1'),
    ('[frame]\nflags_bad = 1.5', 'frame.flags_bad', 'must be a whole number, not 1.5'),
    ('[columns]\nz = "z"', 'columns.z', 'unknown key; known are x, y, flux'),
])  # fmt: skip
def test_a_broken_rule_is_refused_with_file_key_and_rule(overlay, text, key, rule):
    with pytest.raises(ObservatoryInvalid) as refused:
        overlay(text)
    file, _, said = str(refused.value).partition('site.toml: ')
    assert file.endswith('/')
    assert said.startswith(f'{key}: ')
    assert rule in said


@pytest.mark.parametrize(('text', 'key', 'rule'), [
    ('events = [{telescope = "lsc-doma-1m0a", date = 2024-05-01, kind = "polish"}]', 'kind', "'polish' is not one of"),
    ('events = [{telescope = "lsc", date = 2024-05-01, kind = "wash"}]', 'telescope', 'is not site-enclosure-tele'),
    ('events = [{telescope = "lsc-doma-1m0a", kind = "wash"}]', 'date', 'is missing'),
    ('events = [{telescope = "lsc-doma-1m0a", date = "2024", kind = "wash"}]', 'date',
     'a date without quotes, as 2019-09-22'),
    ('gain_repairs = [{camera = "fa15", from = 2024-03-02, until = 2024-03-02, ratio = [1, 2]}]', 'until',
     'must be after from, 2024-03-02, not 2024-03-02'),
    ('events = [{telescope = "lsc-doma-1m0a", date = 2024-05-01T12:00:00, kind = "wash"}]', 'date', 'must be a date'),
    ('events = ["wash"]', '', 'must be a table'),
    ('telescopes = ["lsc"]', '', 'is not site-enclosure-telescope'),
    ('gain_repairs = [{camera = "fl01", ratio = [1.0]}]', 'ratio', 'must be two positive gains'),
    ('gain_repairs = [{camera = "fl01", ratio = [1.0, -1.0]}]', 'ratio', 'must be two positive gains'),
    ('reference_throughput = [{class = "1m0", filter = "gp"}]', 'zp_mag', 'is missing'),
    ('colour_terms = [{camera = "ep04", filter = "gp", colorterm = 0.07, error = 0}]', 'error', 'positive'),
    ('colour_terms = [{camera = "ep04", filter = "gp", colorterm = 0.07, error = -1}]', 'error', 'positive'),
])  # fmt: skip
def test_a_broken_entry_of_a_list_is_refused_with_key_and_rule(overlay, text, key, rule):
    with pytest.raises(ObservatoryInvalid) as refused:
        overlay(text)
    list_key = text.partition(' ')[0]
    assert re.search(rf'site\.toml: {list_key}\[\d+\]{key and "[.]"}{key}: .*{rule}', str(refused.value))


@pytest.mark.parametrize(('text', 'message'), [
    ('columns = {q = 1}', 'columns.q: unknown key; known are x, y, flux, flux_error, peak, background, flag'),
    ('telescopes = [5]', 'telescopes[0]: 5 is not site-enclosure-telescope, as in lsc-doma-1m0a'),
    ('events = [{telescope = 5, date = 2024-05-01, kind = "wash"}]',
     'events[0].telescope: must be text in quotes, not 5'),
    ('events = [{telescope = "lsc-doma-1m0a", date = 2024-05-01, kind = 5}]',
     'events[0].kind: must be text in quotes, not 5'),
    ('events = [{telescope = "lsc-doma-1m0a", date = "x", kind = "wash"}]',
     "events[0].date: must be a date without quotes, as 2019-09-22, not 'x'"),
    ('gain_repairs = [{camera = "fl01", ratio = 5, from = "x"}]',
     "gain_repairs[0].from: must be a date without quotes, as 2019-09-22, not 'x'"),
    ('reference_throughput = [{class_ = "1m0"}]',
     'reference_throughput[0].class_: unknown key; known are class, filter, zp_mag, camera_type, from'),
    ('reference_catalogue = {saturation_mag = {x = nan}}',
     'reference_catalogue.saturation_mag.x: must be a number, not nan'),
])  # fmt: skip
def test_the_words_of_a_refusal(overlay, tmp_path, text, message):
    """People search for them."""
    with pytest.raises(ObservatoryInvalid) as refused:
        overlay(text)
    assert str(refused.value) == f'{tmp_path / "site.toml"}: {message}'


@pytest.mark.parametrize('text', ['telescopes = ["lsc-doma-1m0x", "lsc"]', 'gain_repairs = [{}]', 'events = [{}]'])
def test_the_number_of_a_broken_entry_counts_in_the_file_that_was_given(overlay, text):
    """There is where a person looks for it, not in a list joined in memory."""
    key, _, entries = text.partition(' = ')
    with pytest.raises(ObservatoryInvalid) as refused:
        overlay(text)
    assert f'site.toml: {key}[{entries.count(",")}]' in str(refused.value)


def test_an_entry_with_a_header_is_refused_with_its_line(overlay):
    with pytest.raises(ObservatoryInvalid, match=r"events\[1\]\.kind: 'Wash' is not .*mean wash.*line 6"):
        overlay(''.join(f'[[events]]\ntelescope = "lsc-doma-1m0a"\ndate = 2024-05-01\nkind = "{kind}"\n\n'
                        for kind in ('wash', 'Wash')))


def test_the_start_of_a_telescope(overlay):
    coming, past, none = overlay(
        'events = [{telescope = "coj-x-1m0a", date = 2018-03-01, kind = "start"},'
        '{telescope = "coj-x-1m0a", date = 2016-03-01, kind = "start"},'
        '{telescope = "coj-x-1m0a", date = 2019-03-01, kind = "wash"},'
        '{telescope = "coj-y-1m0a", date = 1926-03-01, kind = "start"}]'), '2017-01-01', '1990-01-01'
    noon = np.datetime64('2018-03-01T02:03:42.960')  # 12 h - 149.071 deg / 15
    assert start_of(coming, 'coj-x-1m0a') == noon
    assert start_of(coming, 'coj-x-1m0a', np.datetime64(past)) == noon - np.timedelta64(730, 'D')
    assert start_of(coming, 'coj-y-1m0a') == start_of(coming, 'coj-z-1m0a') == np.datetime64(none)


def test_broken_toml_is_refused_with_its_line(overlay):
    with pytest.raises(ObservatoryInvalid, match=r'site\.toml: not valid TOML: .*line 2'):
        overlay('events = []\nsites = {\n')


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / 'latin.toml').write_bytes(b'# caf\xe9\n')
    with pytest.raises(ObservatoryInvalid, match=r'latin\.toml: not valid TOML: line 1 is not in UTF-8'):
        load_observatory(tmp_path / 'latin.toml')


@pytest.mark.parametrize('name', ['none.toml', '.'])
def test_a_file_that_cannot_be_read_is_refused_with_the_option(tmp_path, name):
    with pytest.raises(ObservatoryInvalid, match=r'cannot be read .*--observatory'):
        load_observatory(tmp_path / name)
