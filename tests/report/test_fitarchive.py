"""Fits come back from their archive as they went in, to the last bit; what is damaged is refused."""

import io
import zipfile
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from photzp.report.fitarchive import CURVE, CURVE_VALUES, NIGHTLY, VALUES, pack, unpack, unpack_nights, without_rows
from photzp.throughput.curve import Curve
from photzp.throughput.model import SkyEvidence, ThroughputFit, fit_throughput
from photzp.throughput.summary import GroupOffset, Interval, Step
from tests.support.samefits import all_same

DAY = np.timedelta64(1, 'D')
START = np.datetime64('2016-01-01T03:00', 'ms')
NIGHTS = {'lsc-doma-1m0a': SkyEvidence(np.array(['2016-01-01', '2016-01-03'], 'datetime64[D]'), np.array([2.1, -6.0])),
          'coj-clma-2m0a': SkyEvidence(np.array([], 'datetime64[D]'), np.array([]))}


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


def test_nights_come_back(fits):
    content = pack(fits, NIGHTS)
    assert content == pack(fits, dict(reversed(NIGHTS.items())))
    back = unpack_nights(content)
    assert list(back) == sorted(NIGHTS)
    for telescope, nights in back.items():
        np.testing.assert_array_equal(nights.night, NIGHTS[telescope].night, strict=True)
        np.testing.assert_array_equal(nights.log_odds, NIGHTS[telescope].log_odds, strict=True)


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


@pytest.mark.parametrize('member', ['index.npy', 'telescope_night.npy', 'telescope_log_odds.npy'])
def test_nights_that_are_damaged_are_refused(fits, member):
    with pytest.raises(ValueError, match='not an archive of fits'):
        unpack_nights(without_member(pack(fits, NIGHTS), member))


def test_another_schema_is_refused(fits, monkeypatch):
    content = pack(fits, NIGHTS)
    monkeypatch.setattr('photzp.report.fitarchive.SCHEMA', 4)
    with pytest.raises(ValueError, match='its schema is 3, not 4'):
        unpack(content)
