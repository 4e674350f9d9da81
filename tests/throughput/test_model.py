"""The throughput model against planted truths, and at the edges where there is next to nothing to fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photzp.throughput.model import fit_throughput
from photzp.times import DAYS_PER_MONTH, local_noon, night_of

START = np.datetime64('2018-01-01T00:00', 'ms')
LONGITUDE = -70.8
MONTH = DAYS_PER_MONTH


def sky(seed=1, nights=300, per_night=4, clear=0.6, level=23.5, slope=-0.010, noise=0.02, wild=0.01):
    """(time, zp, zperr, clear) of a site in Chile, a line in time under a sky that is cloudy by the night."""
    rng = np.random.default_rng(seed)
    night = np.repeat(np.arange(nights), per_night)
    day = night + 0.5 + LONGITUDE / -360 + 0.5 + rng.uniform(-0.15, 0.15, len(night))
    cloud = np.where(rng.random(nights) < clear, 0.0, rng.exponential(0.3, nights))[night]
    zp = level + slope * (day - day.min()) / MONTH + rng.normal(0, noise, len(night))
    zp -= cloud * rng.gamma(4, 0.25, len(night))
    zp += np.where(rng.random(len(night)) < wild, rng.uniform(-2, 2, len(night)), 0)
    return START + (day * 86_400_000).astype('timedelta64[ms]'), zp, np.full(len(night), 0.004), cloud == 0


def fit(time, zp, zperr=None, **options):
    zperr = np.full(len(zp), 0.004) if zperr is None else zperr
    return fit_throughput(time, zp, zperr, longitude_deg=LONGITUDE, **options)


def days(number):
    return np.timedelta64(round(number * 86_400_000), 'ms')




# --- planted truths

@pytest.mark.parametrize(('clear', 'per_night', 'limit'), [(0.6, 4, 0.003), (0.25, 4, 0.008), (0.6, 1, 0.008)])
def test_a_line_under_clouds(clear, per_night, limit):
    time, zp, zperr, _ = sky(clear=clear, per_night=per_night)
    got = fit(time, zp, zperr)
    truth = 23.5 - 0.010 * ((got.time - time[0]) / days(1)) / MONTH
    assert np.sqrt(np.mean((got.model_mag - truth) ** 2)) < limit
    (interval,) = got.intervals
    assert abs(interval.slope_mag_per_month + 0.010) < 4 * interval.slope_error_mag_per_month
    assert interval.slope_error_mag_per_month < 0.002
    assert got.scatter_mag == pytest.approx(np.sqrt(0.02**2 - 0.004**2), abs=0.003)
    assert got.clear_share == pytest.approx(clear, abs=0.12)


def test_photometric_nights_and_wild_rows_are_recognised():
    time, zp, zperr, clear = sky(seed=3)
    got = fit(time, zp, zperr)
    night_clear = clear[::4]
    deep = np.array([zp[4 * k:4 * k + 4].mean() - got.model_mag[k] < -0.06 for k in range(300)])
    assert got.photometric[night_clear].mean() > 0.97
    assert got.photometric[~night_clear & deep].mean() < 0.03
    assert got.row_clear_probability[np.abs(got.row_residual_mag) > 0.2].max() < 0.05


@pytest.mark.parametrize('off_mag', [-15, 10, 15, 50, 1e5])
def test_wild_rows_however_far_off_do_not_move_the_line(off_mag):
    time, zp, *_ = sky(seed=5, wild=0)
    clean = fit(time, zp)
    zp[::7] += off_mag
    spoiled = fit(time, zp)
    np.testing.assert_allclose(spoiled.model_mag, clean.model_mag, atol=0.02)
    assert np.all(spoiled.row_clear_probability[::7] < 0.5)


def test_residuals_of_nights_are_means_without_wild_rows():
    time, zp, zperr, _ = sky(seed=3, nights=60, wild=0.0)
    zp[4 * 20] += 1.0
    zp[4 * 30 + 1] -= 0.7
    zp[4 * 40:4 * 41] -= 0.3
    got = fit(time, zp, zperr)
    keep = np.ones(len(zp), bool)
    keep[[4 * 20, 4 * 30 + 1]] = False
    for night in (10, 20, 30, 40):
        rows = np.arange(4 * night, 4 * night + 4)
        rows = rows[keep[rows]]
        assert got.night_residual_mag[night] == pytest.approx(got.row_residual_mag[rows].mean(), abs=1e-9)
        assert got.night_residual_error_mag[night] == pytest.approx(
            np.hypot(0.004, got.scatter_mag) / np.sqrt(len(rows)))


def test_steps_of_bounding_events_and_cleanings():
    time, zp, zperr, _ = sky(seed=4, nights=600)
    wash, cleaning = np.datetime64('2018-09-01'), np.datetime64('2019-03-01')
    zp = zp + 0.2 * (time > local_noon(wash, LONGITUDE)) + 0.04 * (time > local_noon(cleaning, LONGITUDE))
    got = fit(time, zp, zperr, events=[(cleaning, 'cleaning'), (wash, 'wash')])
    assert [(step.kind, step.instrumental) for step in got.steps] == [('wash', False), ('cleaning', False)]
    for step, size in zip(got.steps, (0.2, 0.04), strict=True):
        assert abs(step.size_mag - size) < 4 * step.error_mag
        assert step.error_mag < 0.006
    assert [interval.opened_by for interval in got.intervals] == ['first data', 'wash']
    assert got.intervals[1].start == got.intervals[0].end == local_noon(wash, LONGITUDE)
    assert got.steps[0].time == local_noon(wash, LONGITUDE)


def test_newest_month_of_a_cloudy_season_is_not_dimmed():
    # The last 45 nights are all cloudy: the line holds where the clouds would take it down by 0.2 mag.
    time, zp, zperr, _ = sky(seed=5, nights=400)
    rng = np.random.default_rng(5)
    zp[-180:] -= np.repeat(rng.exponential(0.3, 45), 4)
    got = fit(time, zp, zperr)
    truth = 23.5 - 0.010 * ((got.time - time[0]) / days(1)) / MONTH
    assert np.abs(got.model_mag - truth)[-45:].max() < 0.012


@pytest.mark.parametrize(('size', 'at'), [(0.3, 400), (-0.2, 200), (0.15, 585)])
@pytest.mark.parametrize('clear', [0.6, 0.25])
def test_a_jump_that_no_event_records(clear, size, at):
    time, zp, zperr, _ = sky(seed=2, nights=600, clear=clear)
    jumped = (time - time[0]) / days(1) > at
    got = fit(time, zp + size * jumped, zperr)
    (step,) = got.steps
    assert (step.kind, step.recorded, got.intervals[1].opened_by) == ('break', False, 'jump')
    assert abs(step.size_mag - size) < 4 * step.error_mag
    truth = 23.5 + size - 0.010 * ((got.time - time[0]) / days(1)) / MONTH
    assert np.abs(got.model_mag - truth)[-10:].max() < 0.015
    assert fit(time, zp, zperr).steps == ()


def test_a_curve_gets_kinks_and_a_line_none():
    time, zp, zperr, _ = sky(seed=6, nights=700)
    assert fit(time, zp, zperr).intervals[0].kinks == 0
    since = (time - time[0]) / days(1)
    bend = -0.03 * np.maximum(since - 350, 0) / MONTH
    got = fit(time, zp + bend, zperr)
    assert got.intervals[0].kinks >= 1
    assert got.intervals[0].end_slope_mag_per_month == pytest.approx(-0.040, abs=0.004)
    truth = 23.5 - 0.010 * ((got.time - time[0]) / days(1)) / MONTH
    truth -= 0.03 * np.maximum((got.time - time[0]) / days(1) - 350, 0) / MONTH
    assert np.sqrt(np.mean((got.model_mag - truth) ** 2)) < 0.005


def test_extinction_that_the_table_lacks_is_fitted():
    time, zp, zperr, _ = sky(seed=7)
    airmass = 1 + np.random.default_rng(7).exponential(0.3, len(zp))
    got = fit(time, zp - 0.02 * (airmass - 1), zperr, airmass=airmass)
    assert abs(got.extinction_offset_mag - 0.02) < 4 * got.extinction_offset_error_mag
    assert got.extinction_offset_error_mag < 0.005
    assert np.isnan(fit(time, zp, zperr).extinction_offset_mag)


# --- cameras

def test_cameras_that_overlap_get_an_offset():
    time, zp, zperr, _ = sky(seed=8)
    group = np.where(np.random.default_rng(8).random(len(zp)) < 0.3, 5, 2)
    got = fit(time, zp + 0.1 * (group == 5), zperr, group=group)
    assert [(offset.group, offset.reference) for offset in got.offsets] == [(2, 2), (5, 2)]
    assert abs(got.offsets[1].offset_mag - 0.1) < 4 * got.offsets[1].error_mag
    assert got.offsets[1].error_mag < 0.004
    assert got.steps == ()


def test_cameras_without_overlap_are_an_instrument_step():
    time, zp, zperr, _ = sky(seed=9)
    group = (time > time[0] + days(150)).astype(int)
    got = fit(time, zp + 0.15 * group, zperr, group=group)
    (step,) = got.steps
    assert (step.kind, step.instrumental) == ('instrument', True)
    assert abs(step.size_mag - 0.15) < 4 * step.error_mag
    assert [interval.opened_by for interval in got.intervals] == ['first data', 'camera change']
    assert [interval.reference_group for interval in got.intervals] == [0, 1]


def test_a_camera_change_at_a_wash_is_no_gain_of_the_mirror():
    time, zp, zperr, _ = sky(seed=9)
    wash = np.datetime64('2018-06-01')
    group = (time > local_noon(wash, LONGITUDE)).astype(int)
    (step,) = fit(time, zp + 0.15 * group, zperr, group=group, events=[(wash, 'wash')]).steps
    assert (step.kind, step.instrumental) == ('wash', True)


def test_an_instrument_event_is_the_camera_change_it_is_near_to():
    time, zp, zperr, _ = sky(seed=9)
    group = (time > time[0] + days(150)).astype(int)
    event = (time[0] + days(144)).astype('datetime64[D]')
    got = fit(time, zp, zperr, group=group, events=[(event, 'instrument')])
    assert [interval.opened_by for interval in got.intervals] == ['first data', 'instrument']
    assert abs(got.steps[0].time - (time[0] + days(150))) < days(1.5)


# --- next to nothing

def test_no_rows():
    none = np.empty(0)
    for got in (fit(none.astype('datetime64[ms]'), none, none), fit(np.array([START]), np.array([np.nan]))):
        assert len(got.night) == len(got.model_mag) == 0
        assert got.intervals == got.steps == got.offsets == ()
        assert np.isnan(got.at(np.array([START]))[0]).all()


@pytest.mark.parametrize('rows', [1, 2, 5])
def test_one_night_is_a_level_that_may_be_cloudy(rows):
    time = START + np.arange(rows) * np.timedelta64(10, 'm')
    got = fit(time, 23.5 + 0.01 * np.arange(rows))
    assert len(got.night) == 1
    assert got.model_mag[0] == pytest.approx(23.5, abs=0.06)
    assert 0.05 < got.model_error_mag[0] < 1
    assert np.isnan(got.intervals[0].slope_mag_per_month)


def test_all_nights_cloudy_is_near_the_brightest():
    rng = np.random.default_rng(10)
    time, zp, zperr, _ = sky(seed=10, nights=60, wild=0, slope=0)
    depth = np.repeat(rng.exponential(0.3, 60), 4)
    got = fit(time, 23.5 - depth + rng.normal(0, 0.02, len(zp)), zperr)
    assert abs(got.intervals[0].mid_mag - 23.5) < 0.06
    assert (got.model_mag - 23.5 > -3 * got.model_error_mag).all()


def test_cleaning_in_the_night_before_the_last_data():
    time, zp, zperr, _ = sky(seed=11, clear=1.0)
    cleaned = got_last = night_of(time[-1], LONGITUDE)
    zp = zp + 0.05 * (time > local_noon(cleaned, LONGITUDE))
    got = fit(time, zp, zperr, events=[(cleaned, 'cleaning')])
    assert got.night[-1] == got_last
    (step,) = got.steps
    assert abs(step.size_mag - 0.05) < 3 * step.error_mag
    cloudy = zp - 0.5 * (time > local_noon(cleaned, LONGITUDE))
    (step,) = fit(time, cloudy, zperr, events=[(cleaned, 'cleaning')]).steps
    assert step.size_mag > -0.1
    assert step.error_mag > 0.02


def test_events_without_rows_on_both_sides_have_no_step():
    time, zp, zperr, _ = sky(nights=60)
    events = [('2017-01-01', 'wash'), ('2019-01-01', 'wash'), ('2019-02-01', 'cleaning'), ('2017-02-01', 'cleaning')]
    got = fit(time, zp, zperr, events=events)
    assert got.steps == ()
    assert len(got.intervals) == 1


def test_an_interval_of_two_nights_has_no_slope():
    time, zp, zperr, _ = sky(nights=100)
    got = fit(time, zp, zperr, events=[(night_of(time[-1], LONGITUDE) - np.timedelta64(1, 'D'), 'wash')])
    assert np.isnan(got.intervals[1].slope_mag_per_month)
    assert np.isfinite(got.intervals[1].end_mag)
    assert got.intervals[1].end_error_mag > 2 * got.intervals[0].end_error_mag


def test_start_opens_the_fit_and_now_ends_it():
    time, zp, zperr, _ = sky(nights=200)
    got = fit(time, zp, zperr, events=[('2018-02-01', 'start'), ('2018-05-01', 'wash')], now='2018-04-01')
    assert got.night[0] == np.datetime64('2018-02-01')
    assert got.time[-1] < np.datetime64('2018-04-01')
    assert len(got.intervals) == 1
    assert np.isnan(got.row_clear_probability).sum() == np.count_nonzero(
        (time < local_noon('2018-02-01', LONGITUDE)) | (time > np.datetime64('2018-04-01')))


def test_errors_grow_after_the_last_night():
    time, zp, zperr, _ = sky(nights=100)
    got = fit(time, zp, zperr)
    _, error = got.at(got.time[-1] + np.array([0, 30, 60]).astype('timedelta64[D]'))
    assert (np.diff(error) > 0).all()
    assert np.isnan(got.at(got.time[:1] - days(5))[0]).all()


def test_rows_without_zperr():
    time, zp, zperr, _ = sky(seed=12)
    got = fit(time, zp, np.full(len(zp), np.nan))
    assert np.abs(got.model_mag - fit(time, zp, zperr).model_mag).max() < 0.001


# --- what must not matter

CACHED = sky(seed=13, nights=80, per_night=3)


@settings(max_examples=10, deadline=None)
@given(st.floats(-30, 30))
def test_a_constant_shifts_the_model(shift):
    time, zp, zperr, _ = CACHED
    np.testing.assert_allclose(fit(time, zp + shift, zperr).model_mag, fit(time, zp, zperr).model_mag + shift,
                               atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(240)))
def test_the_order_of_rows_does_not_matter(order):
    time, zp, zperr, _ = CACHED
    order = np.array(order)
    straight, mixed = fit(time, zp, zperr), fit(time[order], zp[order], zperr[order])
    np.testing.assert_allclose(mixed.model_mag, straight.model_mag, atol=1e-6)
    np.testing.assert_allclose(mixed.row_residual_mag, straight.row_residual_mag[order], atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(0, 79), max_size=25), st.floats(0.1, 2))
def test_more_cloud_does_not_raise_the_model(nights, depth):
    time, zp, zperr, _ = CACHED
    dimmed = zp - depth * np.isin(np.repeat(np.arange(80), 3), list(nights))
    clear, cloudy = fit(time, zp, zperr), fit(time, dimmed, zperr)
    assert (cloudy.model_mag - clear.model_mag < 3 * cloudy.model_error_mag).all()
    assert (cloudy.model_mag - clear.model_mag > -5 * cloudy.model_error_mag).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_a_handful_of_rows_never_breaks_the_fit(seed, rows):
    rng = np.random.default_rng(seed)
    time = START + (rng.uniform(0, 400, rows) * 86_400_000).astype('timedelta64[ms]')
    events = [(night_of(START + days(each), LONGITUDE), kind)
              for each, kind in zip(rng.uniform(0, 400, 4), ('wash', 'cleaning', 'instrument', 'break'), strict=True)]
    got = fit(time, 23 + rng.normal(0, 0.3, rows), group=rng.integers(0, 3, rows), events=events,
              airmass=1 + rng.random(rows))
    assert np.isfinite(got.model_mag).all()
    assert (got.model_error_mag > 0).all()
    assert np.abs(got.model_mag - 23).max() < 5


def test_older_rows_are_moved_to_the_scale_of_the_new_ones_however_few_these_are():
    time, zp, zperr, _ = sky(seed=11)
    old = np.arange(len(time)) % 10 > 0  # nine of ten
    zp = zp + np.where(old, -0.08, 0.0)
    got = fit(time, zp, zperr, group=old.astype(int), other_scale=[1])
    truth = 23.5 - 0.010 * ((got.time - time[0]) / days(1)) / MONTH
    assert abs(np.mean(got.model_mag - truth)) < 0.004
    offset = got.offsets[1]
    assert (offset.group, offset.reference) == (1, 0)
    assert abs(offset.offset_mag + 0.08) < 4 * offset.error_mag < 0.02
