"""The table of real nights: a fit that is the truth reaches every goal, and what is spoilt by hand is seen."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy import realnights, trueyears, yearfits, yearjudge, yearplots
from photzp.throughput.model import SkyEvidence, ThroughputFit
from photzp.throughput.summary import Interval, Step
from photzp.times import DAYS_PER_MONTH, span_of
from simulation.fleet import YearsSpec
from simulation.years import simulate


@pytest.fixture(scope='module')
def years():
    """A telescope and a year and a half of real nights, with a step that nobody recorded."""
    spec = YearsSpec(seed=11, telescopes=1, years=1.5, nights='real', filters=('gp', 'rp', 'zp'), cadence='usual')
    (telescope, by_filter), = simulate(spec)
    return trueyears.true_years(telescope, by_filter, spec)


def true_fit(years, name):
    """The fit that is the truth, with errors of 1 mmag."""
    rows, series = years.rows[name], years.series[name]
    night, first, count = np.unique(rows['date'], return_index=True, return_counts=True)
    time = rows['time'][first]
    place = np.searchsorted(years.nights['date'], night)
    clear = years.nights['clear'][place]
    code = int(rows['group'][0])
    level = series.at(years.day(time)) + years.offset(name, code)
    start = max([years.day(time[-1]) - 60] + [c.last + 1e-3 for c in years.changes if c.moves(name)])
    slope = np.diff(series.at(np.array([start, years.day(time[-1])])))[0] / (years.day(time[-1]) - start)
    mags = dict.fromkeys(('start_mag', 'mid_mag', 'end_mag', 'start_error_mag', 'mid_error_mag', 'end_error_mag'), 0.0)
    interval = Interval(
        start=time[0], end=time[-1], opened_by='first data', nights=len(night), rows=int(count.sum()),
        slope_mag_per_month=np.nan, slope_error_mag_per_month=np.nan, reference_group=code,
        end_slope_mag_per_month=slope * DAYS_PER_MONTH, end_slope_error_mag_per_month=1e-3, **mags)
    steps = tuple(found(years, c.day, c.size[name], origin='found') for c in years.changes if c.size[name])
    return ThroughputFit(
        night=night, time=time, model_mag=level, model_error_mag=np.full(len(night), 1e-3), night_rows=count,
        clear_probability=clear.astype(float), photometric=clear, row_clear_probability=np.empty(0),
        row_residual_mag=np.empty(0), intervals=(interval,), steps=steps, night_log_odds=np.where(clear, 9.0, -2.0))


def found(years, day, size, origin):
    time = years.zero + span_of(day)
    return Step(time=time, kind='break', size_mag=size, error_mag=1e-3, instrumental=False, recorded=origin != 'found',
                origin=origin, early=time, late=time)


@pytest.fixture(scope='module')
def fitted(years):
    return yearfits.YearFits(years, {name: true_fit(years, name) for name in years.series}, 0.5)


def spoilt(fitted, **values):
    """The fits with other values, each a function of the fit."""
    fits = {name: replace(fit, **{key: change(fit) for key, change in values.items()})
            for name, fit in fitted.fits.items()}
    return yearfits.YearFits(fitted.years, fits, fitted.seconds)


def values_of(fitted):
    got = yearjudge.judge(fitted)
    return {figure.key: realnights.value_of(figure, got) for _, figures in realnights.REAL for figure in figures}


def test_the_truth_reaches_what_it_can(fitted):
    value = values_of(fitted)
    assert value['night_right'] == value['clear_right'] == value['cloudy_right'] == 100
    assert 100 > value['weeks_right'] > value['oracle_right'] > 85
    assert value['many_hit'] == 100
    for key in ('gri_error', 'gri_last', 'z_error', 'false_steps', 'level_pull', 'size_pull', 'percent_pull',
                'now_error'):
        assert value[key] == pytest.approx(0, abs=1e-6), key
    assert value['seconds'] == 0.5


def test_errors_planted_by_hand_are_seen(fitted):
    day = 20.5
    assert all(abs(change.day - day) > 8 for change in fitted.years.changes)
    wrong = spoilt(fitted, model_mag=lambda fit: fit.model_mag + 0.005, photometric=lambda fit: ~fit.photometric,
                   steps=lambda fit: (found(fitted.years, day, 0.1, 'found'),))
    value = values_of(wrong)
    assert value['gri_error'] == pytest.approx(5) == value['z_last']
    assert value['night_right'] == value['many_hit'] == 0
    assert value['false_steps'] == pytest.approx(1 / 1.5)  # once for all filters
    figure = realnights.Figure('', 'level_pull', 'width')
    assert realnights.centre_of(figure, yearjudge.judge(wrong)) == ('+5.00', '5.00')


def test_a_step_at_the_wrong_date_is_not_found(fitted):
    late = spoilt(fitted, steps=lambda fit: tuple(replace(step, time=step.time + span_of(8.0)) for step in fit.steps))
    assert values_of(late)['many_hit'] == 0
    assert values_of(late)['false_steps'] == 0  # its interval reaches back to the step


def test_a_telescope_is_told_what_the_others_of_its_site_say(fitted, monkeypatch):
    site = [replace(fitted.years, telescope=replace(fitted.years.telescope, enclosure=enclosure))
            for enclosure in ('doma', 'domb', 'domc')]
    alone = replace(fitted.years, telescope=replace(fitted.years.telescope, site='elp'))
    night = fitted.years.nights['date'][:1]
    said = {'doma': 1.0, 'domb': 2.0, 'domc': 4.0}
    told, seen = [], []
    monkeypatch.setattr(yearfits, 'what_it_says', lambda years: (SkyEvidence(
        night=night, clouds=np.full((1, 8), said[years.telescope.enclosure]), haze_weight=np.zeros(1),
        haze_value=np.zeros(1), coefficients={}), 0.25))
    monkeypatch.setattr(yearfits, 'fit_years', lambda years, others=None: (
        told.append(None if others is None else others.clouds[0, 0]), fitted)[1])
    yearfits.fit_fleet([*site, alone], seen=seen.append)
    assert told == [6.0, 5.0, 3.0, None]
    assert [each.seconds for each in seen] == [0.75, 0.75, 0.75, 0.5]  # with the time of what it says itself


def test_an_oracle_calls_nights_by_hand():
    """Night noise 10 mmag, frames without noise: 4 mmag is clear, 50 cloudy, and only what is seen at 25 misleads."""
    depth = np.array([0.0, 0, 4, 50, 60, 60]) / 1000
    seen = depth + np.array([0, 25, 0, 0, 0, 0]) / 1000
    cut, ratio = yearjudge.oracle(seen, np.full(6, 0.010), depth, 0.010)
    assert cut.tolist() == [True, False, True, True, True, True]
    assert ratio.tolist() == [True] * 6  # 25 mmag are as far from 0 as from 50, and nearer to 4 than to 60


def test_verdicts():
    figure = realnights.Figure('', '', 'mmag', high=4)
    assert realnights.verdict(figure, 3.0) == ('< 4', 'ok')
    assert realnights.verdict(figure, 5.0) == ('< 4', 'MISSED')
    assert realnights.verdict(figure, np.nan) == ('< 4', 'none')
    assert realnights.verdict(replace(figure, low=0.8, high=1.25), 0.7) == ('0.8 to 1.25', 'MISSED')


def test_a_telescope_is_drawn(fitted, tmp_path):
    yearplots.draw(fitted, tmp_path, 'one')
    assert (tmp_path / 'one.png').stat().st_size > 10_000
