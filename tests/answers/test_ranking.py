"""Which mirror next: loss, dates, expected gains and the order, by hand and by planted levels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photzp.answers import ranking
from tests.support.madefits import DAY, START, found_step, made_fit, planted_fit, step

MONTH = 30.4375


def fit(level, slope, *, error=0.002, slope_error=0.0005, **options):
    """A fit of 300 nights on a line, whose error grows after them."""
    return planted_fit(lambda day: level + slope * day / MONTH,
                       lambda day: np.hypot(error, slope_error * np.maximum(day - 300, 0) / MONTH),
                       slope_error=slope_error, **options)


@pytest.fixture(scope='module')
def dusty():
    """0.1 mag below the reference at first, losing 10 mmag a month in gp and 8 in rp."""
    return {'gp': fit(24.2, -0.010), 'rp': fit(23.7, -0.008, error=0.004)}


REFERENCE = {'gp': 24.3, 'rp': 23.8}
NOW = START + 299 * DAY


def test_loss_rate_and_date_of_a_telescope(dusty):
    state = ranking.mirror_state('lsc-doma-1m0a', dusty, REFERENCE, NOW)
    assert state.loss_mag == pytest.approx(0.1 + 0.009 * 299 / MONTH)
    assert state.loss_error_mag == pytest.approx(0.003)  # of 0.002 and 0.004: filters share what makes the error
    assert state.percent == pytest.approx(100 * 10 ** (-0.4 * state.loss_mag))
    assert state.percent_error == pytest.approx(state.percent * 0.4 * np.log(10) * 0.003)
    assert state.rate_mag_per_month == pytest.approx(0.009, rel=1e-3)
    assert state.rate_error_mag_per_month == pytest.approx(0.0005)
    assert not state.is_below
    # 80% is 0.2423 mag below: (0.2423 - 0.1) / 0.009 = 15.81 months after the first day.
    assert (state.below - START) / DAY == pytest.approx(15.81 * MONTH, abs=1.5)
    # About 0.003 + 0.0005 * 6 months = 0.0043 mag in quadrature then, at 0.009 mag a month: half a month either way.
    assert (state.below_late - state.below_early) / DAY / 2 == pytest.approx(0.0043 / 0.009 * MONTH, rel=0.1)
    assert NOW < state.below_early < state.below < state.below_late
    assert np.isnat(state.recoated)
    assert np.isnan(state.since_recoating_mag)


def test_a_telescope_that_is_below_has_been_since_a_date(dusty):
    state = ranking.mirror_state('t', dusty, REFERENCE, NOW, threshold_percent=88.0)
    assert state.is_below
    # 88% is 0.1388 mag below: after 4.31 months
    assert (state.below - START) / DAY == pytest.approx(4.31 * MONTH, abs=1.5)
    assert state.below_early < state.below < state.below_late < NOW


def test_a_telescope_that_was_below_at_its_start_has_no_date_at_which_it_fell(dusty):
    state = ranking.mirror_state('t', dusty, REFERENCE, NOW, threshold_percent=95.0)
    assert state.is_below
    assert state.below_early == state.below == START


def test_a_level_that_came_back_is_not_below_since_it_once_was():
    """Below 80% (0.2423 mag) from day 46 to 154, in haze or dust; it falls again by 0.02 mag a month."""
    def level(day):
        return 23.8 - 0.1 - np.where(day < 200, 0.2 * np.exp(-0.5 * ((day - 100) / 60) ** 2) + 0.01, 0.0) \
            - 0.02 * np.maximum(day - 200, 0) / MONTH

    fits = {'rp': planted_fit(level, lambda day: np.full(len(day), 0.001))}
    state = ranking.mirror_state('t', fits, {'rp': 23.8}, NOW)
    assert not state.is_below
    assert (state.below - START) / DAY == pytest.approx(200 + 0.1423 / 0.02 * MONTH, abs=1.5)
    then = ranking.mirror_state('t', fits, {'rp': 23.8}, START + 100 * DAY)
    assert then.is_below
    # 0.2 exp(-x^2 / 2) = 0.1323 at x = 0.909: 54.5 days before the middle
    assert (then.below - START) / DAY == pytest.approx(100 - 60 * np.sqrt(2 * np.log(0.2 / 0.1323)), abs=1.5)


def test_a_step_that_nobody_recorded_is_in_loss_percent_and_date():
    fallen = planted_fit(lambda day: 23.8 - 0.1 - 0.2 * (day > 270), lambda day: np.full(len(day), 0.003),
                         steps=[found_step(270, -0.2)])
    state = ranking.mirror_state('t', {'rp': fallen}, {'rp': 23.8}, NOW)
    assert state.loss_mag == pytest.approx(0.3)
    assert state.percent == pytest.approx(75.86, abs=0.01)  # 10^-0.12
    assert state.is_below
    assert abs(state.below - (START + 270 * DAY)) <= DAY


def test_loss_since_the_last_recoating():
    recoated = planted_fit(lambda day: 23.4 + 0.3 * (day > 100) - 0.010 * day / MONTH,
                           lambda day: np.full(len(day), 0.003), steps=[step(100, 'recoating', 0.3)])
    state = ranking.mirror_state('t', {'rp': recoated, 'gp': recoated}, {}, NOW)
    assert state.since_recoating_mag == pytest.approx(0.010 * 199 / MONTH, abs=1e-5)
    assert state.since_recoating_error_mag == pytest.approx(np.hypot(0.003, 0.003))
    assert state.recoated == START + 100 * DAY
    assert np.isnan(state.loss_mag)
    assert np.isnat(state.below)
    assert state.to_gain_mag[0] == state.since_recoating_mag


def test_without_a_model_there_is_no_state_and_a_rising_mirror_has_no_date():
    assert ranking.mirror_state('t', {}, {}, START) is None
    assert ranking.mirror_state('t', {'rp': made_fit([], [])}, {'rp': 23.8}, START) is None
    rising = ranking.mirror_state('t', {'rp': fit(23.7, 0.02)}, {'rp': 23.8}, NOW)
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
    states = [ranking.mirror_state(name, dusty, {band: zp + more for band, zp in REFERENCE.items()}, NOW)
              for name, more in (('clean', -0.15), ('dirty', 0.1), ('dirtier', 0.2))]
    advice = ranking.rank(states, 'wash', 0.8, 0.1)
    assert [(one.rank, one.telescope) for one in advice] == [(1, 'dirtier'), (2, 'dirty'), (3, 'clean')]
    assert all(one.kind == 'wash' and one.gain_mag <= state.loss_mag for one, state in
               zip(advice, states[::-1], strict=True))
    assert advice[0].light_percent > advice[1].light_percent > advice[2].light_percent > 0
    # 80% of the loss, but for the few that would have restored all of it
    assert advice[0].gain_mag == pytest.approx(0.8 * states[2].loss_mag, rel=0.02)
    assert ranking.rank([], 'wash', 0.8, 0.1) == ()


def test_of_a_kind_that_is_not_on_record_nothing_is_advised(dusty):
    state = ranking.mirror_state('t', dusty, REFERENCE, NOW)
    assert ranking.rank([state], 'recoating', np.nan, np.nan) == ()


def test_time_between_events_of_one_telescope():
    dates = {'a': [START, START + 300 * DAY, START + 700 * DAY], 'b': [START + 10 * DAY], 'c': []}
    assert ranking.period_of(dates) == pytest.approx(350)
    assert ranking.period_of({}) == ranking.PERIOD_DAYS
