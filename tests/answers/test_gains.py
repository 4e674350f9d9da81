"""Gains of events, how long they lasted, and the table of the fleet, against arithmetic by hand and planted truths."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photzp.answers import gains
from tests.support.madefits import at_day, interval, made_fit, step

MONTH = 30.4375


def washed(size=0.1, slope=-0.010, until=200.0, error=0.003, **options):
    """A fit with a wash at day 100."""
    day = np.arange(0.3, until, 1.0)
    return made_fit(day, np.full(len(day), 23.5), steps=[step(100, 'wash', size, error, **options)],
                    intervals=[interval(0, 100), interval(100, until, 'wash', slope=slope)])


def test_a_gain_in_percent_and_how_long_it_lasted():
    # 0.1 mag is 10^0.04 = 1.09648; at 10 mmag a month it is lost after 10 months.
    (gain,) = gains.gains_of('lsc-doma-1m0a', {'rp': washed()})
    assert (gain.telescope, gain.filter, gain.kind, gain.outcome) == ('lsc-doma-1m0a', 'rp', 'wash', 'not lost yet')
    assert gain.gain_percent == pytest.approx(9.648, abs=1e-3)
    assert gain.gain_percent_error == pytest.approx(1.09648 * 0.921034 * 0.3, rel=1e-4)
    assert gain.lasted_days == pytest.approx(10 * MONTH)
    assert gain.observed_days == pytest.approx(99.3)


def test_a_gain_that_was_lost_and_what_cannot_be_told():
    outcome = {name: gains.gains_of('t', {'rp': fit})[0] for name, fit in {
        'lost': washed(0.02), 'no gain': washed(-0.1), 'rising': washed(slope=0.01), 'no slope': washed(slope=np.nan),
        'uncertain': washed(slope=-0.0009)}.items()}
    assert outcome['lost'].outcome == 'lost'
    assert outcome['lost'].lasted_days == pytest.approx(2 * MONTH)
    assert outcome['no gain'].outcome == 'no gain'
    assert {outcome[name].outcome for name in ('rising', 'no slope', 'uncertain')} == {'unknown'}
    assert all(np.isnan(outcome[name].lasted_days) for name in ('no gain', 'rising', 'no slope', 'uncertain'))


def test_a_gain_is_watched_until_the_next_event():
    fit = washed()
    fit = replace(fit, steps=(*fit.steps, step(130, 'cleaning', 0.02)))
    assert [gain.observed_days for gain in gains.gains_of('t', {'rp': fit})] == pytest.approx([30, 69.3])


def test_the_error_of_how_long_it_lasted_counts_that_a_steeper_line_makes_a_larger_step():
    rng = np.random.default_rng(1)
    rate = rng.normal(0.010, 0.0005, 100_000)                   # mag/month
    size = 0.1 + (rate - 0.010) * 50 / MONTH + rng.normal(0, 0.002, len(rate))  # the level is known 50 days after
    event = step(100, 'wash', 0.1, np.std(size))
    days, error = gains._lasted_days(event, interval(100, 200, slope=-0.010, slope_error=0.0005), 50)
    assert days == pytest.approx(10 * MONTH)
    assert error == pytest.approx(np.std(size / rate) * MONTH, rel=0.03)


def test_changes_that_no_event_records_are_left_out_unless_asked_for():
    fit = washed(recorded=False)
    assert gains.gains_of('t', {'rp': fit}) == ()
    assert len(gains.gains_of('t', {'rp': fit}, unrecorded=True)) == 1


def test_an_event_that_was_moved_says_when_it_was_recorded():
    moved, recorded = (gains.gains_of('t', {'rp': washed(**changes)})[0]
                       for changes in ({'origin': 'moved', 'written': at_day(109)}, {}))
    assert (moved.time, moved.written) == (at_day(100), at_day(109))
    assert np.isnat(recorded.written)
    assert gains.over_filters([moved])[0].written == at_day(109)


def test_an_event_without_a_jump_keeps_its_gain_of_about_0():
    fit = washed(-0.001, error=0.004)
    gain, = gains.gains_of('t', {'rp': fit})
    assert (gain.gain_mag, gain.gain_error_mag, gain.outcome) == (-0.001, 0.004, 'no gain')
    row = next(row for row in gains.fleet_table([gain]) if row.filter == '')
    assert (row.number, row.mean_mag) == (1, -0.001)


def test_a_gain_is_unknown_where_a_camera_was_changed_on_the_same_date():
    fits = {'gp': washed(0.9, instrumental=True), 'rp': washed(0.8, instrumental=True)}
    both = gains.gains_of('t', fits)
    one, = gains.over_filters(both)
    for gain in (*both, one):
        assert np.isnan([gain.gain_mag, gain.gain_error_mag, gain.gain_percent, gain.lasted_days]).all()
        assert (gain.instrumental, gain.outcome) == (True, 'unknown')
    assert gains.fleet_table(both) == ()
    # Where one filter has kept its camera, that one knows.
    one, = gains.over_filters(gains.gains_of('t', fits | {'rp': washed(0.1)}))
    assert (one.gain_mag, one.gain_error_mag, one.instrumental) == (pytest.approx(0.1), pytest.approx(0.003), False)


def test_the_step_of_a_camera_itself_is_known():
    fit = made_fit(np.arange(0.3, 200), np.full(200, 23.5), intervals=[interval(0, 100), interval(100, 200)],
                   steps=[step(100, 'instrument', -0.3, instrumental=True)])
    gain, = gains.gains_of('t', {'rp': fit})
    assert (gain.gain_mag, gain.instrumental) == (-0.3, True)


@pytest.mark.parametrize('first', [120.3, 20.3])
def test_a_filter_that_was_not_in_use_at_an_event_has_the_step_of_the_others(first):
    """Its first night was after the wash, or its last one before it: it cannot tell how long the gain lasted."""
    day = first + np.arange(30)
    fit = made_fit(day, np.full(30, 23.5), steps=[step(100, 'wash', 0.1, 0.05)],
                   intervals=[interval(first, first + 30, slope=np.nan)])
    gain, = gains.gains_of('t', {'zp': fit})
    assert (gain.gain_mag, gain.gain_error_mag, gain.outcome) == (0.1, 0.05, 'unknown')
    assert gain.observed_days == pytest.approx(max(first + 29 - 100, 0))


def test_filters_of_an_event_do_not_average_out_what_they_share():
    one, = gains.over_filters(gains.gains_of('t', {name: washed(0.1) for name in ('gp', 'rp', 'ip', 'zp')}))
    assert (one.gain_mag, one.gain_error_mag) == (pytest.approx(0.1), pytest.approx(0.003))
    apart, = gains.over_filters(gains.gains_of('t', {'gp': washed(0.12), 'rp': washed(0.08)}))
    # The common 0.003, and a scatter t^2 = 0.04^2 / 2 - 0.003^2 of which the mean of two has half.
    assert apart.gain_error_mag == pytest.approx(np.hypot(0.003, np.sqrt((0.04**2 / 2 - 0.003**2) / 2)), rel=1e-6)


def test_a_filter_without_a_reference_does_not_hide_the_loss_of_an_event():
    one, other = (gains.gains_of('t', {name: washed(0.1)})[0] for name in ('rp', 'up'))
    mean, = gains.over_filters([replace(one, loss_before_mag=0.2), other])
    assert mean.loss_before_mag == 0.2


def test_random_effects_finds_mean_and_scatter_of_planted_gains():
    rng = np.random.default_rng(2)
    error = rng.uniform(0.002, 0.02, 4000)
    value = rng.normal(0.05, 0.015, 4000) + error * rng.normal(size=4000)
    mean, mean_error, scatter = gains.random_effects(value, error)
    assert abs(mean - 0.05) < 4 * mean_error
    assert mean_error < 0.0004
    assert scatter == pytest.approx(0.015, rel=0.08)
    assert gains.random_effects(np.array([0.1]), np.array([0.02])) == pytest.approx((0.1, 0.02, 0.0))
    assert np.isnan(gains.random_effects(np.empty(0), np.empty(0))).all()


@given(values=st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(0.001, 0.1)), min_size=1, max_size=8),
       shift=st.floats(-1, 1), seed=st.integers(0, 9))
def test_random_effects_moves_with_all_values_and_knows_no_order(values, shift, seed):
    value, error = np.array(values).T
    mean, mean_error, scatter = gains.random_effects(value, error)
    assert value.min() - 1e-9 <= mean <= value.max() + 1e-9
    assert gains.random_effects(value + shift, error) == pytest.approx((mean + shift, mean_error, scatter), abs=1e-6)
    order = np.random.default_rng(seed).permutation(len(value))
    assert gains.random_effects(value[order], error[order]) == pytest.approx((mean, mean_error, scatter), abs=1e-6)


def test_the_share_of_the_loss_that_events_restore():
    (one,), (other,) = (gains.gains_of(name, {'rp': washed(size)}) for name, size in (('a', 0.12), ('b', 0.24)))
    assert np.isnan(one.loss_before_mag)
    all_gains = [replace(one, loss_before_mag=0.2), replace(other, loss_before_mag=0.3), replace(other, telescope='c'),
            replace(other, telescope='d', loss_before_mag=0.01)]
    row = next(row for row in gains.fleet_table(all_gains) if row.filter == 'rp')
    assert row.number == 4
    assert row.share == pytest.approx(0.7, abs=0.002)  # 0.6 and 0.8
    assert row.share_scatter == pytest.approx(np.sqrt(0.2**2 / 2), rel=0.02)


def test_the_table_counts_an_event_once_over_its_filters_and_no_camera():
    all_gains = [*gains.gains_of('a', {'gp': washed(0.12), 'rp': washed(0.10)}),
                 *gains.gains_of('b', {'rp': washed(0.30)}),
                 *gains.gains_of('c', {'rp': washed(0.9, instrumental=True)})]
    table = {(row.kind, row.filter): row for row in gains.fleet_table(all_gains)}
    assert {key: row.number for key, row in table.items()} == {('wash', ''): 2, ('wash', 'gp'): 1, ('wash', 'rp'): 2}
    # 0.11 +- 0.01 of two filters that disagree, and 0.30: the scatter is far above the errors, so the mean is even.
    assert table['wash', ''].mean_mag == pytest.approx((0.11 + 0.30) / 2, abs=0.001)
    assert table['wash', 'rp'].mean_mag == pytest.approx(0.20, abs=1e-6)
    assert table['wash', 'rp'].scatter_mag == pytest.approx(np.sqrt(0.2**2 / 2 - 0.003**2), rel=1e-6)
    assert table['wash', 'gp'].lasted_days == pytest.approx(12 * MONTH)
    assert gains.fleet_table([]) == ()
