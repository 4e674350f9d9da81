"""Which mirror next: loss, dates, expected gains and the order, by hand and by planted lines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photzp.answers import ranking
from photzp.throughput.model import fit_throughput

START = np.datetime64('2019-01-01T05:00', 'ms')
DAY = np.timedelta64(86_400_000, 'ms')
MONTH = 30.4375


def fit(level, slope, *, events=(), nights=300, seed=1, jump=0.0):
    """Fit of clear nights on a line that changes by `jump` at day 100."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(nights), 3) + rng.uniform(-0.1, 0.1, 3 * nights)
    zp = level + slope * day / MONTH + jump * (day > 100) + rng.normal(0, 0.01, len(day))
    time = START + np.round(day * 86_400_000).astype('timedelta64[ms]')
    return fit_throughput(time, zp, np.full(len(day), 0.004), longitude_deg=-70.8, events=events)


@pytest.fixture(scope='module')
def dusty():
    """0.1 mag below the reference at first, losing 10 mmag a month in gp and 8 in rp."""
    return {'gp': fit(24.2, -0.010), 'rp': fit(23.7, -0.008, seed=2)}


REFERENCE = {'gp': 24.3, 'rp': 23.8}


def test_loss_rate_and_date_of_a_telescope(dusty):
    now = START + 299 * DAY
    state = ranking.mirror_state('lsc-doma-1m0a', dusty, REFERENCE, now)
    months = 299 / MONTH
    assert state.loss_mag == pytest.approx(0.1 + 0.009 * months, abs=4 * state.loss_error_mag)
    assert state.loss_error_mag < 0.004
    assert state.percent == pytest.approx(100 * 10 ** (-0.4 * state.loss_mag))
    assert state.rate_mag_per_month == pytest.approx(0.009, abs=4 * state.rate_error_mag_per_month)
    assert not state.is_below
    # 80% is 0.2423 mag below: (0.2423 - 0.1) / 0.009 = 15.81 months after the first day.
    date = (state.below - START) / DAY
    assert date == pytest.approx(15.81 * MONTH, abs=4 * ((state.below_late - state.below_early) / DAY / 2))
    assert now < state.below_early < state.below < state.below_late
    assert (state.below_late - state.below_early) < 60 * DAY
    assert np.isnat(state.recoated)
    assert np.isnan(state.since_recoating_mag)


def test_a_telescope_that_is_below_has_been_since_a_date(dusty):
    state = ranking.mirror_state('t', dusty, REFERENCE, START + 299 * DAY, threshold_percent=88.0)
    assert state.is_below
    # 88% is 0.1388 mag below: after 4.31 months
    assert (state.below - START) / DAY == pytest.approx(4.31 * MONTH, abs=12)
    assert state.below_early < state.below


def test_a_telescope_that_was_below_at_its_start_has_no_date_at_which_it_fell(dusty):
    state = ranking.mirror_state('t', dusty, REFERENCE, START + 299 * DAY, threshold_percent=95.0)
    assert state.is_below
    assert state.below_early == state.below < START + DAY


def test_loss_since_the_last_recoating():
    events = [(str((START + 100 * DAY).astype('datetime64[D]')), 'recoating')]
    state = ranking.mirror_state('t', {'rp': fit(23.4, -0.010, events=events, jump=0.3)}, {}, START + 299 * DAY)
    assert state.since_recoating_mag == pytest.approx(0.010 * 199 / MONTH, abs=4 * state.since_recoating_error_mag)
    assert state.since_recoating_error_mag < 0.01
    assert abs(state.recoated - (START + 100 * DAY)) < DAY
    assert np.isnan(state.loss_mag)
    assert np.isnat(state.below)
    assert state.to_gain_mag[0] == state.since_recoating_mag


def test_without_a_model_there_is_no_state_and_a_rising_mirror_has_no_date():
    assert ranking.mirror_state('t', {}, {}, START) is None
    empty = fit_throughput(np.empty(0, 'datetime64[ms]'), np.empty(0), np.empty(0), longitude_deg=0)
    assert ranking.mirror_state('t', {'rp': empty}, {'rp': 23.8}, START) is None
    rising = ranking.mirror_state('t', {'rp': fit(23.7, 0.02)}, {'rp': 23.8}, START + 299 * DAY)
    assert np.isnat(rising.below)
    assert rising.rate_mag_per_month < 0


def test_expected_gain_is_the_mean_of_what_can_be_gained():
    rng = np.random.default_rng(1)
    drawn = np.clip(rng.normal(0.15, 0.08, 400_000), 0, 0.2)
    mean, spread = ranking.expected_gain(0.15, 0.08, 0.2)
    assert mean == pytest.approx(drawn.mean(), abs=3e-4)
    assert spread == pytest.approx(drawn.std(), abs=3e-4)
    assert ranking.expected_gain(0.15, 0.0, 1.0)[0] == pytest.approx(0.15, abs=0.003)
    assert ranking.expected_gain(0.15, 0.08, -0.1) == (0.0, 0.0)


@given(mean=st.floats(-0.1, 0.5), scatter=st.floats(0, 0.3), loss=st.floats(1e-3, 1.0), more=st.floats(0, 0.5))
def test_a_gain_cannot_exceed_the_loss_and_grows_with_it(mean, scatter, loss, more):
    gain, _ = ranking.expected_gain(mean, scatter, loss)
    assert -1e-9 <= gain <= loss + 1e-9
    assert ranking.expected_gain(mean, scatter, loss + more)[0] >= gain - 0.01 * (loss + more)


def test_light_gained_by_hand():
    # 10^-0.12 = 0.75858 of the reference is left; 0.1 mag more is 9.648% of it.
    assert ranking.light_gained(0.3, 0.0, 0.1, 365.25) == pytest.approx(75.858 * 0.09648, rel=1e-4)
    days = np.linspace(0, 365.25, 20001)
    light = 100 * 10 ** (-0.4 * (0.3 + 0.01 * days / MONTH)) * (10**0.04 - 1)
    assert ranking.light_gained(0.3, 0.01, 0.1, 365.25) == pytest.approx(light.mean(), rel=1e-4)
    assert ranking.light_gained(0.3, 0.01, 0.0, 365.25) == 0.0


def test_the_dirtiest_is_first_and_one_of_which_nothing_is_known_last(dusty):
    now = START + 299 * DAY
    states = [ranking.mirror_state(name, dusty, {band: zp + more for band, zp in REFERENCE.items()}, now)
              for name, more in (('clean', -0.15), ('dirty', 0.1), ('dirtier', 0.2))]
    advice = ranking.rank(states, 'wash', 0.8, 0.1)
    assert [(one.rank, one.telescope) for one in advice] == [(1, 'dirtier'), (2, 'dirty'), (3, 'clean')]
    assert all(one.kind == 'wash' and one.gain_mag <= state.loss_mag for one, state in
               zip(advice, states[::-1], strict=True))
    assert advice[0].light_percent > advice[1].light_percent > advice[2].light_percent > 0
    # 80% of the loss, but for the few that would have restored all of it
    assert advice[0].gain_mag == pytest.approx(0.8 * states[2].loss_mag, rel=0.02)
    unknown = ranking.rank(states, 'wash', np.nan, np.nan)
    assert unknown[0].gain_mag == pytest.approx(0.5 * states[2].loss_mag, rel=0.02)
    assert ranking.rank([], 'wash', 0.8, 0.1) == ()


def test_time_between_events_of_one_telescope():
    dates = {'a': [START, START + 300 * DAY, START + 700 * DAY], 'b': [START + 10 * DAY], 'c': []}
    assert ranking.period_of(dates) == pytest.approx(350)
    assert ranking.period_of({}) == ranking.PERIOD_DAYS
