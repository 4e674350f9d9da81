"""Fits come back from their archive as they went in, to the last bit; what is damaged is refused."""

import io
import json
import zipfile
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from photzp.report.fitarchive import (
    CURVE,
    CURVE_VALUES,
    EVIDENCE,
    NIGHTLY,
    VALUES,
    pack,
    unpack,
    unpack_nights,
    without_rows,
)
from photzp.report.sharednights import digest_of_evidence, evidence_of_others
from photzp.throughput.curve import Curve
from photzp.throughput.model import SkyEvidence, ThroughputFit, fit_throughput
from photzp.throughput.nightsky import DEPTH_MAG
from photzp.throughput.summary import GroupOffset, Interval, Step
from tests.support.madefits import made_evidence
from tests.support.samefits import all_same

DAY = np.timedelta64(1, 'D')
START = np.datetime64('2016-01-01T03:00', 'ms')
RNG = np.random.default_rng(5)
NIGHTS = {
    'lsc-doma-1m0a': made_evidence(
        ['2016-01-01', '2016-01-03'], RNG.normal(0, 3, (2, len(DEPTH_MAG))), weight=[12345.0, 0.0],
        value=[-67.89, 0.1], coefficients={'cos gp': (1 / 3, 1e-5), 'extinction gp': (0.01234, 0.00056)}),
    'coj-clma-2m0a': made_evidence([], coefficients={'extinction rp': (-0.002, 0.001)}),
    'coj-clma-0m4b': made_evidence([]),
    'lsc-domb-1m0a': made_evidence(['2016-01-02'], RNG.normal(0, 3, (1, len(DEPTH_MAG))), weight=7.0, value=0.25)}


@pytest.fixture(scope='module')
def fits():
    """Fits of two years: with a wash, a cleaning and two cameras; of airmass too; and one without rows."""
    rng = np.random.default_rng(8)
    time = START + np.sort(rng.uniform(0, 730, 600)) * DAY.astype('timedelta64[ms]')
    day = (time - START) / DAY
    zp = 24.0 - 0.008 * day / 30.4 + 0.1 * (day > 400) + 0.03 * (day > 550) + rng.normal(0, 0.01, len(day))
    events = [('2017-02-04', 'wash'), ('2017-07-04', 'cleaning')]
    two = fit_throughput(time, zp, np.full(len(zp), 0.004), longitude_deg=-70.8, events=events,
                         group=(rng.random(len(zp)) < 0.3).astype(int), airmass=rng.uniform(1, 2, len(zp)))
    assert two.steps
    assert len(two.offsets) == 2
    return {('lsc-doma-1m0a', 'gp'): two,
            ('coj-clma-2m0a', 'rp'): fit_throughput(time[:90], zp[:90], np.full(90, np.nan), longitude_deg=149.0),
            ('lsc-doma-1m0a', 'zp'): fit_throughput(time[:0], zp[:0], zp[:0], longitude_deg=149.0)}


def test_every_field_of_a_fit_is_kept_but_its_rows():
    rows = {'row_clear_probability', 'row_residual_mag'}
    assert {*NIGHTLY, *VALUES, 'curve'} | rows == {field.name for field in fields(ThroughputFit)}
    assert {*CURVE, *CURVE_VALUES} == {field.name for field in fields(Curve)}


def test_fits_come_back_to_the_last_bit(fits):
    kept = {key: without_rows(fit) for key, fit in sorted(fits.items())}
    back = unpack(pack(fits, NIGHTS))
    assert all_same(kept, back)
    assert pack(back, NIGHTS) == pack(fits, NIGHTS) == pack(dict(reversed(fits.items())), NIGHTS)
    later = START + np.arange(0, 900, 7) * DAY
    for key, fit in fits.items():
        assert all(np.array_equal(one, other, equal_nan=True)
                   for one, other in zip(fit.at(later), back[key].at(later), strict=True))


def test_what_telescopes_say_comes_back_to_the_last_bit(fits):
    content = pack(fits, NIGHTS)
    assert content == pack(fits, dict(reversed(NIGHTS.items())))
    assert all_same(dict(sorted(NIGHTS.items())), unpack_nights(content))
    assert {*EVIDENCE, 'coefficients'} == {field.name for field in fields(SkyEvidence)}


def test_what_comes_back_has_the_same_digest():
    """A run that reads what telescopes said must not take it for something else."""
    back = unpack_nights(pack({}, NIGHTS))
    for telescope, said in NIGHTS.items():
        assert digest_of_evidence(back[telescope]) == digest_of_evidence(said)
        assert digest_of_evidence(evidence_of_others(telescope, back)) == digest_of_evidence(
            evidence_of_others(telescope, NIGHTS))


NUMBER = st.floats(allow_nan=True, allow_infinity=True)
TIME = st.integers(-2**40, 2**41).map(lambda each: np.datetime64(each, 'ms'))
TEXT = st.text(max_size=5)


@st.composite
def any_fits(draw):
    """A fit of any values whatever."""
    n, q, m = (draw(st.integers(0, 3)) for _ in range(3))

    def values(kind, *shape):
        return draw(arrays(kind, shape))

    nightly = {name: values(np.dtype(kind), n) for name, kind in NIGHTLY.items()}
    number = {float: NUMBER, int: st.integers(-9, 2**40), np.datetime64: TIME, str: TEXT, bool: st.booleans(),
              tuple[float, float]: st.tuples(NUMBER, NUMBER)}
    one_of = {cls: st.builds(cls, **{field.name: number[field.type] for field in fields(cls)})
              for cls in (Interval, Step, GroupOffset)}
    several = {name: tuple(draw(st.lists(one_of[cls], max_size=2))) for name, cls in
               (('intervals', Interval), ('steps', Step), ('offsets', GroupOffset))}
    scalars = {name: draw(NUMBER) for name, hint in VALUES.items() if hint is float}
    curve = Curve(origin=draw(TIME), opened=values(float, q), knot=values(float, m), level=values(float, m),
                  slope=values(float, m), variance=values(float, m, 3), stiffness=draw(NUMBER),
                  mean_slope=draw(NUMBER))
    return ThroughputFit(**nightly, row_clear_probability=np.empty(0), row_residual_mag=np.empty(0), **several,
                         **scalars, curve=draw(st.sampled_from([curve, None])))


@given(st.dictionaries(st.tuples(TEXT, TEXT), any_fits(), max_size=3))
def test_any_fits_come_back(fits):
    assert all_same(dict(sorted(fits.items())), unpack(pack(fits, {})))


def without_member(content, name):
    old, new = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(new, 'w') as file:
        for member in old.namelist():
            if member != name:
                file.writestr(member, old.read(member))
    return new.getvalue()


def with_array(content, name, change):
    """An archive with another array in place of one."""
    old, new, member = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO(), io.BytesIO()
    np.save(member, change(np.load(io.BytesIO(old.read(name)))))
    with zipfile.ZipFile(new, 'w') as file:
        for each in old.namelist():
            file.writestr(each, member.getvalue() if each == name else old.read(each))
    return new.getvalue()


def with_flipped_bit(content):
    content = bytearray(content)
    content[len(content) // 3] ^= 1
    return bytes(content)


@pytest.mark.parametrize('damage', [
    lambda content: b'', lambda content: b'no archive', lambda content: content[:-200], with_flipped_bit,
    lambda content: without_member(content, 'index.npy'), lambda content: without_member(content, 'model_mag.npy'),
    lambda content: content.replace(b'model_mag.npy', b'model_mog.npy'),
])  # fmt: skip
def test_what_is_damaged_is_refused(fits, damage):
    content = pack(fits, NIGHTS)
    assert damage(content) != content
    with pytest.raises(ValueError, match='not an archive of fits'):
        unpack(damage(content))


@pytest.mark.parametrize('member', ['index.npy', *(f'telescope_{name}.npy' for name in EVIDENCE)])
def test_what_telescopes_say_is_refused_where_an_array_is_missing(fits, member):
    with pytest.raises(ValueError, match='not an archive of fits'):
        unpack_nights(without_member(pack(fits, NIGHTS), member))


@pytest.mark.parametrize('damage', [
    lambda clouds: clouds[:-1], lambda clouds: clouds[:0], lambda clouds: clouds[::len(DEPTH_MAG)],
    lambda clouds: np.append(clouds, 0.0), lambda clouds: clouds.astype(np.float32),
    lambda clouds: clouds.reshape(-1, len(DEPTH_MAG)), lambda clouds: clouds.astype(object)])
def test_clouds_that_are_damaged_are_refused(fits, damage):
    with pytest.raises(ValueError, match='not an archive of fits'):
        unpack_nights(with_array(pack(fits, NIGHTS), 'telescope_clouds.npy', damage))


@pytest.mark.parametrize('said', [None, [], {'cos': 0.1}, {'cos': [0.1]}, {'cos': [0.1, '0.2']}, {'cos': [0.1] * 3}])
def test_coefficients_that_are_damaged_are_refused(fits, said):
    def damage(index):
        tree = json.loads(index.tobytes())
        tree['nights'][0][2] = said
        return np.frombuffer(json.dumps(tree).encode(), np.uint8)

    with pytest.raises(ValueError, match='not an archive of fits'):
        unpack_nights(with_array(pack(fits, NIGHTS), 'index.npy', damage))


@pytest.mark.parametrize('name', ['model_mag.npy', 'curve_level.npy'])
def test_fits_with_more_values_than_the_index_says_are_refused(fits, name):
    with pytest.raises(ValueError, match='has more than the'):
        unpack(with_array(pack(fits, NIGHTS), name, lambda values: np.append(values, 0.0)))


@pytest.mark.parametrize('read', [unpack, unpack_nights])
def test_another_schema_is_refused(fits, monkeypatch, read):
    monkeypatch.setattr('photzp.report.fitarchive.SCHEMA', 3)
    content = pack(fits, NIGHTS)
    monkeypatch.undo()
    with pytest.raises(ValueError, match='its schema is 3, not 4'):
        read(content)
