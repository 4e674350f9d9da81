"""The data of a trend can be read back by what docs/trenddata.md says, to the last frame name."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photzp.pages import trenddata
from photzp.pages.trenddata import Points, _frame_columns
from tests.support.trendsamples import CURVE, NAMES, TIME, points_of, text_of

TEXT = (Path(__file__).resolve().parents[2] / 'docs' / 'trenddata.md').read_text(encoding='utf-8')
DOCUMENTED = {}
exec(re.search(r'```python\n(.*?)```', TEXT, re.DOTALL)[1], DOCUMENTED)


def read(points, **changes):
    """(tree, points as the document reads them)."""
    text = text_of(points, **changes)
    return json.loads(text), list(DOCUMENTED['points'](text))


def test_points_come_back_as_the_document_reads_them():
    tree, points = read(points_of())
    assert [point[1:] for point in points] == [
        (pytest.approx(23.7512, abs=0.0005), 'fa15', NAMES[0]), (pytest.approx(23.7, abs=0.0005), 'fa15', NAMES[1]),
        (pytest.approx(23.65, abs=0.0005), 'fl03', NAMES[2]), (pytest.approx(23.5, abs=0.0005), 'fl03', NAMES[3])]
    assert [np.datetime64(time, 's') for time, *_ in points] == TIME.astype('datetime64[s]').tolist()
    assert tree['points']['clear'] == [6, 5, -1, -2]


def test_the_model_is_there_by_interval():
    tree, _ = read(points_of(), curves=(CURVE, CURVE))
    model = tree['model']
    assert model['start'] == [0, 2]
    assert model['time'] == 2 * TIME[:2].astype('datetime64[s]').astype(int).tolist()
    assert tree['zero_mag'] + np.array(model['zp']) / 1000 == pytest.approx([23.7, 23.69, 23.7, 23.69], abs=6e-5)
    assert model['error'] == [3.1, None, 3.1, None]


def test_time_ends_with_the_month_so_that_the_same_data_give_the_same_file_tomorrow():
    tree, _ = read(points_of())
    assert np.datetime64(tree['until'], 's') == np.datetime64('2019-09-01')
    assert text_of(points_of(), until=np.datetime64('2019-08-31T23:59', 'ms')) == text_of(points_of())


def test_every_field_and_column_is_documented():
    cells = re.findall(r'^\| (`[^|]*`) \|', TEXT, re.MULTILINE)
    rows = {name for cell in cells for name in re.findall(r'`(\w+)`', cell)}
    tree, _ = read(points_of())
    assert rows == {*tree, *tree['points'], *tree['frames']}
    assert f'format: {trenddata._SCHEMA} ' in TEXT
    assert all(f'`{column}`' in TEXT for column in tree['model'])
    assert tree['units'].keys() <= {*tree['points'], *tree['model']}


def test_order_of_rows_does_not_matter():
    order = [2, 0, 3, 1]
    shuffled = Points(**{name: column[order] for name, column in vars(points_of()).items()})
    assert text_of(shuffled) == text_of(points_of())


def test_points_without_time_or_zeropoint_or_beyond_all_measure_are_left_out():
    time, zp = TIME.copy(), np.array([23.7, np.nan, 1e300, 23.5])
    time[0] = np.datetime64('NaT', 'ms')
    assert [name for *_, name in read(points_of(time=time, zp_mag=zp))[1]] == [NAMES[3]]


def test_no_points_and_no_model_are_a_file_all_the_same():
    tree, points = read(points_of(name=()), curves=(), reference_mag=None)
    assert points == []
    assert (tree['cameras'], tree['model']['time'], tree['reference_mag']) == ([], [], None)


@pytest.mark.parametrize('text', ['</script><script>alert(1)</script>', '"\\', '\u2028', '\ud83d', 'é', '\x00'])
def test_whatever_a_name_holds_is_ascii_in_the_file_and_comes_back(text):
    camera = np.array([text, 'fa15', 'fa15', 'fa15'], object)
    found = text_of(points_of(name=(text, *NAMES[1:]), camera=camera), events=[('2019-08-06', 'wash', text)])
    assert found.isascii()
    assert found.count('\n') == 1
    assert next(DOCUMENTED['points'](found))[2:] == (text, text)
    assert json.loads(found)['events'] == [['2019-08-06', 'wash', text]]


@given(st.lists(st.one_of(
    st.text(), st.from_regex(r'[a-z]{0,3}[0-9]{6,12}-[0-9]{1,12}(-e91\.fits(\.fz)?)?', fullmatch=True)), max_size=20))
@settings(deadline=None)
def test_any_names_come_back_exactly(names):
    frames = json.loads(json.dumps(_frame_columns(names)))
    n = len(names)
    tree = {'points': {'time': [0] * n, 'zp': [0] * n, 'camera': [0] * n}, 'frames': frames, 'zero_mag': 0.0,
            'cameras': ['fa15']}
    assert [name for *_, name in DOCUMENTED['points'](json.dumps(tree))] == names


def test_names_of_frames_take_little_room():
    """A year of a camera, 40 frames a night: as on a telescope of the network."""
    names = [f'lsc1m005-fa15-2019{1 + n // 1200:02d}{1 + n // 40 % 30:02d}-{100 + n % 40:04d}-e91.fits.fz'
             for n in range(12 * 1200)]
    assert len(json.dumps(_frame_columns(names), separators=(',', ':'))) < 9 * len(names)
