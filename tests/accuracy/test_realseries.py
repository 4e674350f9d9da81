"""The benchmark on a real series: its data, its rule for clear nights, its pulls, its tables, by hand-made nights."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from benchmarks.accuracy import realseries
from benchmarks.accuracy.decam import (
    envelope,
    field_offsets,
    judge,
    night_means,
    nights_of,
    read_rows,
)
from benchmarks.accuracy.realpicture import picture
from photzp.throughput.model import FilterRows

MIDNIGHT = np.datetime64('2014-11-01T05', 'ms')  # at CTIO


def rows_of(night, zp, field=None, error=0.01):
    """Rows at midnight of numbered nights."""
    night = np.asarray(night)
    return FilterRows(time=MIDNIGHT + night * np.timedelta64(1, 'D'), zp=np.asarray(zp, float),
                      zperr=np.full(len(night), error), airmass=np.ones(len(night)),
                      field=np.zeros(len(night), int) if field is None else np.asarray(field))


def date(number):
    return np.datetime64('2014-10-31') + number


@pytest.fixture(scope='module')
def series():
    return realseries.RealSeries.read()


def test_the_data_are_those_of_2763_exposures_at_airmass_1():
    rows = read_rows()
    assert {name: len(one.zp) for name, one in rows.items()} == {'gp': 562, 'rp': 573, 'ip': 576, 'zp': 1052}
    first = rows['gp'].time.argmin()
    # 2013-08-30T03:41:45.600, gp, E1, airmass 1.2559, zp 25.2674, error 0.0105; 0.14 mag/airmass.
    assert rows['gp'].time[first] == np.datetime64('2013-08-30T03:41:45.600')
    assert rows['gp'].zp[first] == pytest.approx(25.2674 + 0.14 * 0.2559)
    assert (rows['gp'].airmass[first], rows['gp'].zperr[first]) == (1.2559, 0.0105)
    assert rows['gp'].field.max() == rows['zp'].field.max() == 7
    assert len(np.unique(np.concatenate([nights_of(one) for one in rows.values()]))) == 215


def test_means_of_nights():
    means = night_means(rows_of([0, 0, 3], [25, 25.2, 24]), np.array([0.1, 0.1, 0]))
    assert means.night.tolist() == [date(0), date(3)]
    assert means.mag == pytest.approx([25, 24])
    assert means.error_mag == pytest.approx([0.01 / np.sqrt(2), 0.01])
    assert means.time.tolist() == [MIDNIGHT, MIDNIGHT + np.timedelta64(3, 'D')]
    assert means.rows.tolist() == [2, 1]


def test_the_envelope_is_what_a_fifth_of_the_nights_within_60_days_exceed():
    means = night_means(rows_of([0, 1, 2, 3, 4, 5, 66], [25, 25.1, 25.2, 25.3, 25.4, 25.5, 20]))
    assert envelope(means)[[0, 5, 6]] == pytest.approx([25.4, 25.4, 20])


def test_nights_are_clear_or_dim_by_all_filters_that_they_have():
    night = np.arange(10)
    level = np.full(10, 25.0)
    g, r, i = level.copy(), level.copy(), level.copy()
    g[1], r[1], i[1] = 24.97, 24.98, 24.99   # within 40 mmag of the envelope
    g[2], r[2], i[2] = 25, 25, 24.95         # one filter is not
    g[3], r[3], i[3] = 24.8, 24.8, 24.8      # dim in all
    g[4], r[4], i[4] = 24.8, 24.8, 24.92     # not in all
    rows = {'gp': rows_of(night[:9], g[:9]), 'rp': rows_of(night, r), 'ip': rows_of(night[:8], i[:8])}
    judged = judge(rows)
    # Night 8 has g and r; night 9 has only r.
    assert judged.clear.tolist() == [date(number) for number in (0, 1, 5, 6, 7, 8)]
    assert judged.dim.tolist() == [date(3)]


def test_offsets_of_fields_come_from_differences_within_nights_and_tell_no_level():
    rng = np.random.default_rng(4)
    night = np.repeat(np.arange(60), 3)
    field = np.tile([0, 1, 2], 60)
    clouds = rng.normal(0, 0.05, 60)[night]
    zp = 25 + clouds + np.array([0.012, -0.012, 0])[field] + rng.normal(0, 0.003, 180)
    # Twenty nights have one field alone, far below, and say nothing of it.
    rows = rows_of([*night, *range(100, 120)], [*zp, *np.full(20, 24.7)], [*field, *np.full(20, 2)])
    offset = field_offsets(rows, np.unique(nights_of(rows)))
    assert [offset[rows.field == code][0] for code in (0, 1, 2)] == pytest.approx([0.012, -0.012, 0], abs=0.002)


def fit_of(level=25.0, error=0.006, noise=0.008, scatter=0.02):
    return SimpleNamespace(
        at=lambda time: (np.full(len(time), level), np.full(len(time), error)), night_noise_mag=noise,
        scatter_mag=scatter)


def test_a_pull_holds_error_of_the_level_noise_of_the_night_and_error_of_the_mean():
    means = night_means(rows_of([0, 0, 0, 0, 1], [25.02] * 4 + [24.97]))
    predicted = realseries.predict(fit_of(), means)
    # Four rows: sqrt(6^2 + 8^2 + 10^2 / 4 + 20^2 / 4) = 15 mmag; one row: sqrt(6^2 + 8^2 + 10^2 + 20^2) = 24.5.
    assert predicted.pull == pytest.approx([20 / 15, -30 / np.sqrt(600)])
    without = realseries.predict(fit_of(noise=np.nan), means)
    assert without.noise_mag[0] == pytest.approx(np.sqrt(25 + 100) / 1000)


def test_the_mean_of_nights_has_independent_noise_and_a_common_error_of_the_level():
    means = night_means(rows_of([0, 1, 2, 3], [25.01, 25.02, 25.03, 26], error=0))
    predicted = realseries.predict(fit_of(noise=0.012, scatter=0), means)
    chosen = np.array([True, True, True, False])
    assert predicted.pull_of_mean(chosen) == pytest.approx(20 / np.sqrt(6**2 + 12**2 / 3))


def test_a_block_that_is_left_out_is_hidden_from_its_fit_and_the_first_and_last_are_never(series, monkeypatch):
    seen = []

    def fit(self, nights):
        seen.append(nights)
        return {name: fit_of(level=np.median(means.mag)) for name, means in self.means.items()}

    monkeypatch.setattr(realseries.RealSeries, 'fit', fit)
    pulls = realseries.left_out(series)
    assert len(seen) == 6
    block = realseries.block_of(series.nights, series.nights[0])
    hidden = [set(series.nights) - set(nights) for nights in seen]
    assert set.union(*hidden) == set(series.nights[(block > block[0]) & (block < block[-1])])
    assert sum(map(len, hidden)) == len(set.union(*hidden))
    for name, (single, raw, several) in pulls.items():
        clear = np.isin(series.means[name].night, sorted(set.union(*hidden))).sum()
        assert len(single) == len(raw) == clear
        assert 10 < len(several) < clear / 3


def test_the_last_nights_are_those_after_seven_tenths(series, monkeypatch):
    seen = []
    monkeypatch.setattr(realseries.RealSeries, 'fit',
                        lambda self, nights: seen.extend(nights) or {name: fit_of() for name in self.rows})
    last = realseries.the_last(series)
    assert len(seen) == 150  # of 215
    assert all(of.means.night.min() > max(seen) for of in last.values())
    assert sum(len(of.means.night) for of in last.values()) > 100


def test_a_share_counts_the_nights_that_the_fit_has():
    fit = SimpleNamespace(night=np.array([date(0), date(1), date(2)]), photometric=np.array([True, True, False]))
    nights = np.array([date(1), date(2), date(9)])
    assert realseries.called(fit, nights, clear=True) == 0.5
    assert realseries.called(fit, nights[:1], clear=False) == 0


@pytest.mark.parametrize(('value', 'text'), [
    (0.8, '1'), (1.3, '1'), (0.79, '1 (!)'), (1.31, '1 (!)'), (np.nan, '1 (!)')])
def test_what_misses_its_goal_is_marked(value, text):
    assert realseries.judged_by(value, 'block nights', '1') == text


def test_tables_take_the_place_of_those_before():
    document = 'before\n\n<!-- tables of realseries -->\n\nold\n\n<!-- end of these tables -->\nafter\n'
    once = realseries.refreshed(document, r'new \1')
    assert once == document.replace('old', r'new \1')
    assert realseries.refreshed(once, r'new \1') == once
    with pytest.raises(ValueError, match='no place for the tables'):
        realseries.refreshed('nothing', 'new')


def test_the_document_has_the_place_and_the_picture():
    document = realseries.DOCUMENT.read_text(encoding='utf-8')
    assert realseries.refreshed(document, 'x') != document
    assert f'({realseries.PICTURE.name})' in document
    assert realseries.PICTURE.read_bytes().startswith(b'\x89PNG')


def test_the_picture_shows_clear_nights_in_colour_cloudy_ones_in_grey_and_the_level():
    means = night_means(rows_of(np.arange(100), np.where(np.arange(100) < 50, 25, 24.9)))
    fit = SimpleNamespace(time=means.time, night=means.night, photometric=np.arange(100) < 50, steps=(),
                          at=lambda time: (np.full(len(time), 25.0), np.full(len(time), 0.01)))
    image = np.asarray(Image.open(io.BytesIO(picture({'gp': fit}, {'gp': means}))).convert('RGB')).astype(int)
    upper, lower = np.split(image[40:-70], 2)  # the level is above the middle, the cloudy nights below

    def count(part, colour):
        return np.sum(np.abs(part - np.array(colour)).max(-1) < 12)

    blue, grey = (0, 0x72, 0xb2), (0x9a, 0x9a, 0x9a)
    assert count(upper, blue) > 200 > count(lower, blue)
    assert count(lower, grey) > 200
