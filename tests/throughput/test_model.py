"""The throughput model against planted truths, and at the edges where there is next to nothing to fit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photzp.throughput.model import FilterRows, SkyEvidence, fit_telescope, fit_throughput, sky_evidence
from photzp.throughput.nightsky import DEPTH_MAG
from photzp.times import DAYS_PER_MONTH, local_noon, night_of

START = np.datetime64('2018-01-01T00:00', 'ms')
LONGITUDE = -70.8
MONTH = DAYS_PER_MONTH
LEVEL = {'gp': 24.2, 'rp': 23.8, 'ip': 23.4}
COLOUR = {'gp': 1.41, 'rp': 1.0, 'ip': 0.77}  # of haze


def days(number):
    return np.timedelta64(round(number * 86_400_000), 'ms')


def sky(seed=1, nights=200, per_night=4, clear=0.6, level=23.5, slope=-0.010, noise=0.02, wild=0.01):
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


def off(got, time, change=0.0):
    """Model minus the line of `sky`, with a change of it, at the nights [mag]."""
    return got.model_mag - (23.5 + change - 0.010 * ((got.time - time[0]) / days(1)) / MONTH)


def fading(rng, sigma, nights, memory_days):
    """A process of Ornstein and Uhlenbeck, night by night."""
    rho = np.exp(-1 / memory_days)
    shocks = rng.normal(0, sigma * np.sqrt(1 - rho**2), nights)
    shocks[0] = rng.normal(0, sigma)
    return np.array([sum(shocks[:k + 1] * rho**np.arange(k, -1, -1)) for k in range(nights)])


def telescope(seed=1, nights=200, per_night=4, *, filters=('gp', 'rp'), steps=(), cloud=None, hazy=False):
    """({filter: rows}, {filter: level by night}, cloud) with a grey noise of nights of 8 mmag and 6 of each filter.

    Half of the nights are cloudy; `steps` are (night, size).  A hazy sky has haze and noise that last for weeks.
    """
    rng = np.random.default_rng(seed)
    if cloud is None:
        cloud = np.where(rng.random(nights) < 0.5, 0.0, rng.exponential(0.3, nights))
    grey = rng.normal(0, 0.008, nights) - cloud
    haze = fading(rng, 0.010, nights, 40) if hazy else np.zeros(nights)
    rows, levels = {}, {}
    night = np.repeat(np.arange(nights), per_night)
    for name in filters:
        level = LEVEL[name] - 0.010 * np.arange(nights) / MONTH
        for at, size in steps:
            level = level + size * (np.arange(nights) >= at)
        own = rng.normal(0, 0.006, nights) + (fading(rng, 0.004, nights, 15) if hazy else 0)
        day = night + 0.5 + LONGITUDE / -360 + 0.5 + rng.uniform(-0.15, 0.15, len(night))
        zp = (level + grey + own - COLOUR[name] * haze)[night] + rng.normal(0, 0.01, len(night))
        rows[name] = FilterRows(time=START + (day * 86_400_000).astype('timedelta64[ms]'), zp=zp,
                                zperr=np.full(len(night), 0.004))
        levels[name] = level
    return rows, levels, cloud


def fits_of(rows, **options):
    return fit_telescope(rows, longitude_deg=LONGITUDE, **options)


def date_before(night):
    """Local date on whose noon the night with this number begins."""
    return night_of(START + days(1.2), LONGITUDE) + np.asarray(night).astype('timedelta64[D]')


# --- planted truths in one filter

@pytest.mark.parametrize(('clear', 'per_night', 'limit'), [(0.6, 4, 0.004), (0.25, 4, 0.009), (0.6, 1, 0.009)])
def test_a_line_under_clouds(clear, per_night, limit):
    time, zp, zperr, _ = sky(clear=clear, per_night=per_night, nights=300)
    got = fit(time, zp, zperr)
    assert np.sqrt(np.mean(off(got, time)**2)) < limit
    (interval,) = got.intervals
    assert abs(interval.slope_mag_per_month + 0.010) < 4 * interval.slope_error_mag_per_month
    assert interval.slope_error_mag_per_month < 0.003
    if per_night > 1:  # rows of a night show their scatter
        assert got.scatter_mag == pytest.approx(np.sqrt(0.02**2 - 0.004**2), abs=0.003)
    assert clear - 0.12 < got.clear_share < clear + 0.18  # thin cloud counts as clear


def test_photometric_nights_and_wild_rows_are_recognised():
    time, zp, zperr, clear = sky(seed=3)
    got = fit(time, zp, zperr)
    night_clear = clear[::4]
    deep = np.array([zp[4 * k:4 * k + 4].mean() - got.model_mag[k] < -0.06 for k in range(200)])
    assert got.photometric[night_clear].mean() > 0.97
    assert got.photometric[~night_clear & deep].mean() < 0.05
    assert got.row_clear_probability[np.abs(got.row_residual_mag) > 0.2].max() < 0.05


@pytest.mark.parametrize('off_mag', [-15, 10])  # zeropoints further off are not read
def test_wild_rows_however_far_off_do_not_move_the_level(off_mag):
    time, zp, *_ = sky(seed=5, wild=0, nights=120)
    clean = fit(time, zp)
    zp[::7] += off_mag
    spoiled = fit(time, zp)
    np.testing.assert_allclose(spoiled.model_mag, clean.model_mag, atol=0.02)
    assert np.all(spoiled.row_clear_probability[::7] < 0.5)


def test_a_night_all_of_whose_rows_are_wild_is_not_photometric():
    time, zp, zperr, _ = sky(seed=5, wild=0, clear=1.0, nights=100)
    zp[4 * 30:4 * 31] += 3.0
    zp[4 * 60:4 * 61] -= 3.0
    got = fit(time, zp, zperr)
    assert not got.photometric[[30, 60]].any()
    assert got.photometric.mean() > 0.95
    assert np.abs(off(got, time)).max() < 0.012


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
        assert got.night_residual_mag[night] == pytest.approx(got.row_residual_mag[rows].mean(), abs=1e-4)
        assert got.night_residual_error_mag[night] == pytest.approx(
            np.hypot(0.004, got.scatter_mag) / np.sqrt(len(rows)), rel=1e-4)


def test_steps_of_bounding_events_and_cleanings():
    time, zp, zperr, _ = sky(seed=4, nights=500)
    wash, cleaning = np.datetime64('2018-09-01'), np.datetime64('2019-02-01')
    zp = zp + 0.2 * (time > local_noon(wash, LONGITUDE)) + 0.04 * (time > local_noon(cleaning, LONGITUDE))
    got = fit(time, zp, zperr, events=[(cleaning, 'cleaning'), (wash, 'wash')])
    assert [(step.kind, step.instrumental) for step in got.steps] == [('wash', False), ('cleaning', False)]
    for step, size in zip(got.steps, (0.2, 0.04), strict=True):
        assert abs(step.size_mag - size) < 3 * step.error_mag
        assert step.error_mag < 0.015
    assert [interval.opened_by for interval in got.intervals] == ['first data', 'wash', 'cleaning']
    assert got.intervals[1].start == got.intervals[0].end == local_noon(wash, LONGITUDE)
    assert got.steps[0].time == local_noon(wash, LONGITUDE)


def test_newest_month_of_a_cloudy_season_is_not_dimmed():
    # The last 45 nights are all cloudy: the level holds where the clouds would take it down by 0.2 mag.
    time, zp, zperr, _ = sky(seed=5, nights=300)
    zp[-180:] -= np.repeat(np.random.default_rng(5).exponential(0.3, 45), 4)
    got = fit(time, zp, zperr)
    assert np.abs(off(got, time))[-45:].max() < 0.015


@pytest.mark.parametrize(('clear', 'size', 'at'), [
    (0.6, 0.3, 250), (0.25, 0.3, 250), (0.6, -0.2, 150), (0.25, -0.2, 150), (0.6, 0.15, 385), (0.6, -0.2, 370)])
def test_a_jump_that_no_event_records_is_in_the_level(clear, size, at):
    # The last ones are 15 and 30 days ago.
    time, zp, zperr, _ = sky(seed=2, nights=400, clear=clear)
    got = fit(time, zp + size * ((time - time[0]) / days(1) > at), zperr)
    (step,) = got.steps
    assert (step.kind, step.recorded, step.origin, got.intervals[1].opened_by) == ('break', False, 'found', 'jump')
    assert step.early <= step.time <= step.late
    assert abs((step.time - time[0]) / days(1) - at) < 7
    assert abs(step.size_mag - size) < 4 * step.error_mag
    assert np.abs(off(got, time, size))[-10:].max() < 0.02


@pytest.mark.parametrize('clear', [0.6, 0.25])
def test_a_line_has_no_steps(clear):
    time, zp, zperr, _ = sky(seed=2, nights=400, clear=clear)
    assert fit(time, zp, zperr).steps == ()


def test_the_level_follows_a_bend():
    # From 10 mmag a month to 30: no step, and the slope of the last weeks.
    time, zp, zperr, _ = sky(seed=6, nights=400)
    bend = -0.02 * np.maximum((time - time[0]) / days(1) - 200, 0) / MONTH
    got = fit(time, zp + bend, zperr)
    (interval,) = got.intervals
    assert abs(interval.end_slope_mag_per_month + 0.030) < 3 * interval.end_slope_error_mag_per_month
    bent = -0.02 * np.maximum((got.time - time[0]) / days(1) - 200, 0) / MONTH
    assert np.sqrt(np.mean((off(got, time) - bent)**2)) < 0.008


def test_extinction_that_the_table_lacks_is_fitted():
    time, zp, zperr, _ = sky(seed=7)
    airmass = 1 + np.random.default_rng(7).exponential(0.3, len(zp))
    got = fit(time, zp - 0.02 * (airmass - 1), zperr, airmass=airmass)
    assert abs(got.extinction_offset_mag - 0.02) < 3 * got.extinction_offset_error_mag
    assert got.extinction_offset_error_mag < 0.015
    assert np.isnan(fit(time, zp, zperr).extinction_offset_mag)


# --- a telescope in several filters

@pytest.mark.parametrize('per_night', [20, 5, 1])
def test_nights_are_called_the_same_however_many_rows_they_have(per_night):
    # A clear night scatters by 10 mmag about the level, where the mean of 20 rows is good to 2.
    rows, levels, cloud = telescope(seed=2, per_night=per_night)
    for name, got in fits_of(rows).items():
        assert got.photometric[cloud == 0].mean() > 0.96
        assert got.photometric[cloud > 0.04].mean() < 0.05
        assert np.sqrt(np.mean((got.model_mag - levels[name])**2)) < 0.009


def test_a_night_above_the_level_is_clear():
    rows, _, _ = telescope(cloud=np.zeros(200))
    bright = {name: replace(one, zp=one.zp + 0.03 * (np.arange(800) // 4 == 100)) for name, one in rows.items()}
    assert all(got.photometric[100] for got in fits_of(bright).values())


def test_a_night_has_one_class_for_all_filters_and_a_filter_may_be_wild():
    rows, _, cloud = telescope(seed=3, filters=('gp', 'rp', 'ip'))
    clear = np.flatnonzero(cloud == 0)[20]
    wild = np.isin(np.arange(800) // 4, clear)
    rows['rp'] = replace(rows['rp'], zp=rows['rp'].zp - 0.4 * wild)
    fits = fits_of(rows)
    assert [got.photometric[clear] for got in fits.values()] == [True] * 3
    for got in fits.values():
        np.testing.assert_array_equal(got.clear_probability, fits['gp'].clear_probability)


@pytest.fixture(scope='module')
def hazy():
    """Fits of telescopes under haze that lasts, with a wash of 0.12 mag; each with its levels."""
    found = []
    for seed in range(5):
        rows, levels, _ = telescope(seed, steps=[(120, 0.12)], hazy=True)
        found.append((fits_of(rows, events=[(date_before(120), 'wash')]), levels))
    return found


def pulls(hazy, pull):
    return np.array([pull(got, levels[name]) for fits, levels in hazy for name, got in fits.items()])


def test_errors_of_levels_slopes_and_steps_hold_what_lasts(hazy):
    level = pulls(hazy, lambda got, level: ((got.model_mag - level) / got.model_error_mag)[10::30])
    assert 0.4 < np.sqrt(np.mean(level**2)) < 1.4
    slope = pulls(hazy, lambda got, _: (got.intervals[-1].end_slope_mag_per_month + 0.010)
                  / got.intervals[-1].end_slope_error_mag_per_month)
    assert 0.2 < np.sqrt(np.mean(slope**2)) < 1.6
    size = pulls(hazy, lambda got, _: (got.steps[0].size_mag - 0.12) / got.steps[0].error_mag)
    assert 0.2 < np.sqrt(np.mean(size**2)) < 1.6


def test_levels_under_haze_are_right(hazy):
    rms = pulls(hazy, lambda got, level: np.mean((got.model_mag - level)**2))
    assert np.sqrt(np.mean(rms)) < 0.010
    assert [len(got.steps) for fits, _ in hazy for got in fits.values()] == [1] * 10


def test_a_wash_recorded_ten_days_late_is_moved_in_all_filters():
    rows, levels, _ = telescope(seed=4, steps=[(120, 0.12)])
    for name, got in fits_of(rows, events=[(date_before(130), 'wash')]).items():
        (step,) = got.steps
        assert (step.kind, step.origin, step.written) == ('wash', 'moved', local_noon(date_before(130), LONGITUDE))
        assert abs(step.time - local_noon(date_before(120), LONGITUDE)) < days(4)
        assert np.abs(got.model_mag - levels[name])[-30:].max() < 0.015


def test_two_cleanings_in_a_gap_leave_the_level_after_them_alone():
    rows, levels, _ = telescope(steps=[(130, 0.06)])
    there = ~np.isin(np.arange(800) // 4, np.arange(110, 130))
    rows = {name: replace(one, time=one.time[there], zp=one.zp[there], zperr=one.zperr[there])
            for name, one in rows.items()}
    one, both = (fits_of(rows, events=[(date_before(night), 'cleaning') for night in nights])
                 for nights in ((120,), (115, 125)))
    for name, got in both.items():
        np.testing.assert_allclose(got.model_mag, one[name].model_mag, atol=0.004)
        assert got.model_mag[-1] == pytest.approx(levels[name][-1], abs=0.012)
        assert sum(step.size_mag for step in got.steps) == pytest.approx(one[name].steps[0].size_mag, abs=0.008)
        assert min(step.error_mag for step in got.steps) > 1.3 * one[name].steps[0].error_mag


def test_a_filter_that_is_hardly_used_takes_the_step_of_the_others():
    rows, *_ = telescope(seed=6, steps=[(120, 0.15)], filters=('gp', 'rp', 'ip'))
    few = np.isin(np.arange(800) // 4, [5, 60, 100])
    rows['ip'] = replace(rows['ip'], time=rows['ip'].time[few], zp=rows['ip'].zp[few], zperr=rows['ip'].zperr[few])
    got = fits_of(rows, events=[(date_before(120), 'wash')])['ip']
    (step,) = got.steps
    assert abs(step.size_mag - 0.15) < 3 * step.error_mag
    assert 0.01 < step.error_mag < 0.1


def test_what_others_say_of_the_extinction_is_told_from_what_a_telescope_says():
    rng = np.random.default_rng(3)
    night = np.repeat(np.arange(200), 4)
    airmass = rng.uniform(1.1, 1.4, 800)
    zp = 23.5 - 0.03 * (airmass - 1) + rng.normal(0, 0.008, 200)[night] + rng.normal(0, 0.01, 800)
    time = START + (86_400_000 * (night + rng.uniform(0.4, 0.6, 800))).astype('timedelta64[ms]')
    rows = {'rp': FilterRows(time=time, zp=zp, zperr=np.full(800, 0.005), airmass=airmass)}
    others = replace(SkyEvidence.none(), coefficients={'extinction rp': (0.03, 0.002)})
    alone, told = (fits_of(rows, others=each)['rp'] for each in (None, others))
    assert abs(told.model_mag[100] - 23.5) < abs(alone.model_mag[100] - 23.5) + 0.001
    assert told.model_error_mag[100] < alone.model_error_mag[100]
    # Its own value of the extinction stays what its rows say.
    assert told.extinction_offset_mag == pytest.approx(alone.extinction_offset_mag, abs=0.003)
    assert told.extinction_offset_error_mag == pytest.approx(alone.extinction_offset_error_mag, rel=0.1)


def test_what_other_telescopes_say_decides_where_a_telescope_cannot():
    rows, _, cloud = telescope(seed=2)
    night = date_before(np.arange(200))
    alone, told = (fits_of(rows, others=others)['gp'] for others in (
        None, replace(SkyEvidence.none(), night=night, haze_weight=np.zeros(200), haze_value=np.zeros(200),
                      clouds=np.tile(np.where(cloud > 0, 3.0, -3.0)[:, None], len(DEPTH_MAG)))))
    thin = (cloud > 0) & (cloud < 0.05)
    assert told.clear_probability[thin].mean() < 0.85 * alone.clear_probability[thin].mean()
    # What a telescope says itself does not repeat what it was told.
    np.testing.assert_allclose(np.clip(told.night_log_odds, -4, 4), np.clip(alone.night_log_odds, -4, 4), atol=1.0)


def test_evidence_of_the_sky_tells_clear_nights_from_cloudy_ones():
    rows, _, cloud = telescope(seed=2)
    said = sky_evidence(rows, longitude_deg=LONGITUDE)
    np.testing.assert_array_equal(said.night, date_before(np.arange(200)))
    assert said.clouds.shape == (200, len(DEPTH_MAG))
    deepest = DEPTH_MAG[said.clouds.argmax(axis=1)]
    deep = (cloud > 0.2) & (cloud < 2)
    assert np.median(np.abs(np.log(deepest[deep] / cloud[deep]))) < np.log(1.7)  # elements are apart by a factor of 2
    assert (said.clouds[cloud == 0].max(axis=1) < 1).mean() > 0.9
    empty = sky_evidence({'gp': replace(rows['gp'], zp=np.full(len(rows['gp'].zp), np.nan))}, longitude_deg=LONGITUDE)
    assert (len(empty.night), empty.clouds.shape, empty.coefficients) == (0, (0, len(DEPTH_MAG)), {})


# --- cameras

def test_cameras_that_overlap_get_an_offset():
    time, zp, zperr, _ = sky(seed=8)
    group = np.where(np.random.default_rng(8).random(len(zp)) < 0.3, 5, 2)
    got = fit(time, zp + 0.1 * (group == 5), zperr, group=group)
    assert [(offset.group, offset.reference) for offset in got.offsets] == [(2, 2), (5, 2)]
    assert abs(got.offsets[1].offset_mag - 0.1) < 3 * got.offsets[1].error_mag
    assert got.offsets[1].error_mag < 0.005
    assert got.steps == ()


def test_cameras_without_overlap_are_an_instrument_step():
    time, zp, zperr, _ = sky(seed=9)
    group = (time > time[0] + days(100)).astype(int)
    got = fit(time, zp + 0.15 * group, zperr, group=group)
    (step,) = got.steps
    assert (step.kind, step.instrumental) == ('instrument', True)
    assert abs(step.size_mag - 0.15) < 3 * step.error_mag
    assert [interval.opened_by for interval in got.intervals] == ['first data', 'camera change']
    assert [interval.reference_group for interval in got.intervals] == [0, 1]


def test_a_camera_exchanged_on_the_day_of_a_wash_is_no_gain_of_the_mirror():
    rows, levels, _ = telescope(steps=[(120, 0.1)])
    group = (np.arange(800) // 4 >= 120).astype(int)
    rows['gp'] = replace(rows['gp'], zp=rows['gp'].zp - 0.3 * group, group=group)
    fits = fits_of(rows, events=[(date_before(120), 'wash')])
    steps = {name: got.steps for name, got in fits.items()}
    assert [(step.kind, step.instrumental) for (step,) in steps.values()] == [('wash', True), ('wash', False)]
    assert steps['gp'][0].size_mag == pytest.approx(-0.2, abs=0.03)
    assert steps['rp'][0].size_mag == pytest.approx(0.1, abs=0.03)
    assert np.abs(fits['gp'].model_mag + 0.3 * (np.arange(200) >= 120) - levels['gp'])[[100, 150, 199]].max() < 0.015


def test_an_instrument_event_is_the_camera_change_it_is_near_to():
    time, zp, zperr, _ = sky(seed=9)
    group = (time > time[0] + days(100)).astype(int)
    event = (time[0] + days(94)).astype('datetime64[D]')
    got = fit(time, zp, zperr, group=group, events=[(event, 'instrument')])
    assert [interval.opened_by for interval in got.intervals] == ['first data', 'instrument']
    assert abs(got.steps[0].time - (time[0] + days(100))) < days(1.5)


def test_older_rows_are_moved_to_the_scale_of_the_new_ones_however_few_these_are():
    time, zp, zperr, _ = sky(seed=11)
    old = np.arange(len(time)) % 10 > 0  # nine of ten
    zp = zp + np.where(old, -0.08, 0.0)
    got = fit(time, zp, zperr, group=old.astype(int), other_scale=[1])
    assert abs(np.mean(off(got, time))) < 0.006
    offset = got.offsets[1]
    assert (offset.group, offset.reference) == (1, 0)
    assert abs(offset.offset_mag + 0.08) < 4 * offset.error_mag < 0.03


# --- next to nothing

def test_no_rows():
    none = np.empty(0)
    for got in (fit(none.astype('datetime64[ms]'), none, none), fit(np.array([START]), np.array([np.nan]))):
        assert len(got.night) == len(got.model_mag) == 0
        assert got.intervals == got.steps == got.offsets == ()
        assert np.isnan(got.at(np.array([START]))[0]).all()


def test_a_filter_without_rows_is_empty_beside_the_others():
    rows, _, _ = telescope(nights=40)
    bad = replace(rows['rp'], zp=np.full(160, np.nan))
    fits = fits_of({'gp': rows['gp'], 'rp': bad})
    alone = fits_of({'gp': rows['gp']})
    assert len(fits['rp'].night) == 0
    assert np.isnan(fits['rp'].row_clear_probability).all()
    np.testing.assert_array_equal(fits['gp'].model_mag, alone['gp'].model_mag)


@pytest.mark.parametrize('rows', [1, 2, 5])
def test_one_night_is_a_level_that_may_be_cloudy(rows):
    time = START + np.arange(rows) * np.timedelta64(10, 'm')
    got = fit(time, 23.5 + 0.01 * np.arange(rows))
    assert len(got.night) == 1
    assert got.model_mag[0] == pytest.approx(23.5, abs=0.06)
    assert 0.04 < got.model_error_mag[0] < 1
    assert np.isnan(got.intervals[0].slope_mag_per_month)


def test_all_nights_cloudy_is_near_the_brightest():
    rng = np.random.default_rng(10)
    time, zp, zperr, _ = sky(seed=10, nights=60, wild=0, slope=0)
    depth = np.repeat(rng.exponential(0.3, 60), 4)
    got = fit(time, 23.5 - depth + rng.normal(0, 0.02, len(zp)), zperr)
    assert abs(got.intervals[0].mid_mag - 23.5) < 0.07
    assert (got.model_mag < 23.53).all()  # no night tells that there is no clear one: the error does not hold that


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
    assert got.intervals[1].end_error_mag > 1.1 * got.intervals[0].end_error_mag


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
    time, zp, zperr, _ = sky(seed=12, nights=100)
    got = fit(time, zp, np.full(len(zp), np.nan))
    assert np.abs(got.model_mag - fit(time, zp, zperr).model_mag).max() < 0.002


# --- what must not matter

CACHED = sky(seed=13, nights=60, per_night=3)


@pytest.fixture(scope='module')
def straight():
    return fit(*CACHED[:3])


def test_one_filter_is_a_telescope_of_one_filter(straight):
    time, zp, zperr, _ = CACHED
    (same,) = fits_of({'': FilterRows(time=time, zp=zp, zperr=zperr)}).values()
    np.testing.assert_array_equal(same.model_mag, straight.model_mag)
    np.testing.assert_array_equal(same.clear_probability, straight.clear_probability)


@settings(max_examples=5)
@given(st.floats(-30, 30))
def test_a_constant_shifts_the_model(straight, shift):
    time, zp, zperr, _ = CACHED
    np.testing.assert_allclose(fit(time, zp + shift, zperr).model_mag, straight.model_mag + shift, atol=1e-6)


@settings(max_examples=5)
@given(st.permutations(range(180)))
def test_the_order_of_rows_does_not_matter(straight, order):
    time, zp, zperr, _ = CACHED
    order = np.array(order)
    mixed = fit(time[order], zp[order], zperr[order])
    np.testing.assert_allclose(mixed.model_mag, straight.model_mag, atol=1e-6)
    np.testing.assert_allclose(mixed.row_residual_mag, straight.row_residual_mag[order], atol=1e-6)


@pytest.mark.parametrize('steps', [(), [(60, 0.1)]])
def test_the_order_of_filters_does_not_matter(steps):
    rows, _, _ = telescope(nights=120, filters=('gp', 'rp', 'ip'), steps=steps)
    one, other = fits_of(rows), fits_of({name: rows[name] for name in ('ip', 'gp', 'rp')})
    for name, got in one.items():
        np.testing.assert_allclose(other[name].model_mag, got.model_mag, atol=2e-4)
        np.testing.assert_allclose(other[name].clear_probability, got.clear_probability, atol=0.02)
        for here, there in zip(other[name].steps, got.steps, strict=True):
            assert abs(here.time - there.time) < days(0.01)


@settings(max_examples=5)
@given(st.sets(st.integers(0, 59), max_size=20), st.floats(0.1, 2))
def test_more_cloud_does_not_raise_the_model(straight, nights, depth):
    time, zp, zperr, _ = CACHED
    cloudy = fit(time, zp - depth * np.isin(np.repeat(np.arange(60), 3), list(nights)), zperr)
    assert (cloudy.model_mag - straight.model_mag < 3 * cloudy.model_error_mag).all()
    assert (cloudy.model_mag - straight.model_mag > -5 * cloudy.model_error_mag).all()


@settings(max_examples=15)
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
