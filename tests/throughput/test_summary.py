"""Intervals, steps and offsets of fits of made telescopes, by what was planted."""

from types import SimpleNamespace

import numpy as np
import pytest

from photzp.throughput.boundaries import references
from photzp.throughput.firststate import first_state
from photzp.throughput.levels import bin_covariances
from photzp.throughput.nightsky import mean_depth, start_state
from photzp.throughput.stepprior import StepAt, jump_of
from photzp.throughput.summary import FilterFit, coefficient, curve_of, doubt_of, intervals_of, offsets_of, steps_of
from photzp.throughput.telescopefit import climb, with_stiffness
from tests.support.telescoperows import nightly, problem_of, rows_of

MONTH = 365.25 / 12
ORIGIN = np.datetime64('2020-01-01T00:00', 'ms')
DAY = np.arange(300.0)
LINE = np.array([24.0, 23.4]) - 0.010 * DAY[:, None] / MONTH


def event(day, kind='wash', **options):
    return StepAt(day=day, kind=kind, written=day, **options)


def fits_of(rows, steps=(), day=DAY, *, stiffened=False):
    """The fit of each filter at given steps, with the usual stiffness or that of the data."""
    edges = [step.day for step in steps if step.kind != 'cleaning']
    tied = {name: references(one, edges, frozenset()) for name, one in rows.items()}
    problem = problem_of(rows, day, tied={name: [group for group, to in of.items() if to != group]
                                          for name, of in tied.items()})
    state = climb(problem, first_state(problem, list(steps), tied, 14.0)[0], list(steps), 8)
    if stiffened:
        state = climb(problem, with_stiffness(problem, state, list(steps)), list(steps), 8)
    covariance, _ = bin_covariances(state.solution)
    return [FilterFit(number=number, name=name, curve=curve_of(problem, state, steps, number, ORIGIN, covariance),
                      problem=problem, state=state, steps=list(steps), edges=edges, other_scale=frozenset())
            for number, name in enumerate(rows)]


def at(day):
    return ORIGIN + np.timedelta64(round(day * 86_400_000), 'ms')


# --- the curve

def test_the_curve_is_the_level_of_the_fit():
    fit = fits_of(nightly(LINE + 0.1 * (DAY > 150.5)[:, None]), [event(150.5)])[1]
    level, error = fit.curve.at(DAY)
    np.testing.assert_allclose(level, fit.state.level[:, 1], atol=0.002)
    assert fit.curve.opened.tolist() == [0, 150.5]
    assert fit.curve.at(np.array([150.5]))[0] - fit.curve.at(np.array([150.5]), before=True)[0] == pytest.approx(
        [0.1], abs=0.01)
    assert 0.001 < error.min() < error.max() < 0.015


# --- intervals

def test_intervals_lie_between_steps():
    steps = [event(60.5, 'cleaning'), event(150.5), StepAt(day=200.5, kind='instrument', changed=frozenset({'gp'})),
             StepAt(day=240.5, kind='break', origin='found', early=239.0, late=242.0)]
    level = LINE + 0.1 * (DAY > 150.5)[:, None] - 0.1 * (DAY > 240.5)[:, None]
    intervals = intervals_of(fits_of(nightly(level), steps)[0])
    assert [each.opened_by for each in intervals] == ['first data', 'cleaning', 'wash', 'camera change', 'jump']
    assert [each.start for each in intervals] == [at(day) for day in (0, 60.5, 150.5, 200.5, 240.5)]
    assert [each.end for each in intervals] == [at(day) for day in (60.5, 150.5, 200.5, 240.5, 299)]
    assert [(each.nights, each.rows) for each in intervals] == [(61, 183), (90, 270), (50, 150), (40, 120), (59, 177)]


def test_the_levels_and_slopes_of_an_interval():
    (interval,) = intervals_of(fits_of(nightly(LINE))[0])
    assert (interval.start_mag, interval.mid_mag, interval.end_mag) == pytest.approx(
        (LINE[0, 0], LINE[150, 0], LINE[-1, 0]), abs=0.008)
    for slope, error in ((interval.slope_mag_per_month, interval.slope_error_mag_per_month),
                         (interval.end_slope_mag_per_month, interval.end_slope_error_mag_per_month)):
        assert abs(slope + 0.010) < 3 * error
    assert max(interval.slope_error_mag_per_month, interval.end_slope_error_mag_per_month) < 0.005
    assert interval.mid_error_mag < interval.end_error_mag


def test_the_slope_at_the_end_is_that_of_the_last_60_days():
    bent = LINE - 0.02 * np.maximum(DAY - 180, 0)[:, None] / MONTH
    (interval,) = intervals_of(fits_of(nightly(bent), stiffened=True)[0])
    assert abs(interval.end_slope_mag_per_month + 0.030) < 3 * interval.end_slope_error_mag_per_month
    assert interval.slope_mag_per_month == pytest.approx((bent[-1, 0] - bent[0, 0]) / (299 / MONTH), abs=0.003)


def test_few_nights_have_no_slope():
    _, last = intervals_of(fits_of(nightly(LINE), [event(295.5)])[0])
    assert last.nights == 4
    assert np.isnan([last.slope_mag_per_month, last.end_slope_mag_per_month]).all()
    assert np.isfinite([last.start_mag, last.mid_mag, last.end_mag]).all()
    assert last.end_error_mag > 0


def test_the_reference_of_an_interval_is_its_camera():
    rows = nightly(LINE[:, :1])['gp']
    rows = rows_of(rows.night, rows.zp, group=(rows.night > 150).astype(int))
    step = StepAt(day=150.5, kind='instrument', changed=frozenset({'gp'}))
    assert [each.reference_group for each in intervals_of(fits_of({'gp': rows}, [step])[0])] == [0, 1]


# --- steps

@pytest.mark.parametrize('kind', ['wash', 'cleaning'])
def test_the_size_of_a_step_is_within_its_error(kind):
    size, pulls = (0.15, 0.12)[kind == 'cleaning'], []
    for seed in range(16):
        fit = fits_of(nightly((LINE + size * (DAY > 150.5)[:, None])[100:200], seed=seed), [event(50.5, kind)],
                      DAY[:100])[0]
        (step,) = steps_of(fit)
        pulls.append((step.size_mag - size) / step.error_mag)
        assert 0.001 < step.error_mag < 0.012
    # The noise that the errors allow for is not all there, so these are wide; a cleaning is small before any data.
    assert 0.3 < np.std(pulls) < 1.3
    assert abs(np.mean(pulls)) < 0.8


def test_what_is_told_of_a_step():
    steps = [event(60.5), event(150.5, 'recoating', origin='moved', early=149.0, late=152.5),
             StepAt(day=240.5, kind='break', origin='found', early=239.0, late=242.0, log_evidence=33.0)]
    first, second, third = steps_of(fits_of(nightly(LINE), steps)[0])
    assert (first.time, first.kind, first.origin, first.recorded, first.written) == (
        at(60.5), 'wash', 'recorded', True, at(60.5))
    assert np.isnat([first.early, first.late]).all()
    assert (second.origin, second.early, second.late) == ('moved', at(149.0), at(152.5))
    assert (third.kind, third.recorded, third.log_evidence) == ('break', False, 33.0)
    assert np.isnat(third.written)
    assert not any(step.instrumental for step in (first, second, third))
    assert second.nights == pytest.approx((90, 90), rel=0.05)
    assert first.size_mag == pytest.approx(0, abs=0.015)


GAP = DAY[(DAY < 140) | (DAY > 170)]
GAPPED = LINE[np.isin(DAY, GAP)] + 0.06 * (GAP > 150)[:, None]


def with_gap(steps):
    rows = nightly(GAPPED)
    return [steps_of(fit) for fit in fits_of({name: rows_of(one.night, one.zp, day=GAP[one.night])
                                              for name, one in rows.items()}, steps, GAP)]


def test_two_cleanings_in_a_gap_share_what_was_measured():
    steps = [event(150.5, 'cleaning'), event(160.5, 'cleaning')]
    for one, two in with_gap(steps):
        (alone,) = with_gap(steps[:1])[0]
        assert one.size_mag + two.size_mag == pytest.approx(0.06, abs=0.02)
        assert one.size_mag == pytest.approx(two.size_mag, abs=1e-4)
        # Each may be any part of the sum: its error is that of the prior, and not that of the sum.
        prior = np.sqrt(jump_of(steps[0], ('gp', 'rp')).covariance[0, 0])
        assert alone.error_mag < 0.02 < one.error_mag < prior
        assert one.error_mag == pytest.approx(prior / np.sqrt(2), rel=0.1)


def test_of_a_wash_and_a_cleaning_in_a_gap_the_wash_has_most():
    cleaning, wash = with_gap([event(150.5, 'cleaning'), event(160.5)])[0]
    assert cleaning.size_mag + wash.size_mag == pytest.approx(0.06, abs=0.025)
    prior = jump_of(event(150.5, 'cleaning'), ('gp', 'rp'))
    assert abs(cleaning.size_mag - prior.mean[0]) < 0.01
    assert cleaning.error_mag == pytest.approx(np.sqrt(prior.covariance[0, 0]), rel=0.1)


def test_a_step_with_another_camera_is_instrumental_in_its_filter():
    rows = nightly(LINE)
    gp = rows['gp']
    rows['gp'] = rows_of(gp.night, gp.zp, group=(gp.night > 150).astype(int))
    gp_fit, rp_fit = fits_of(rows, [event(150.5, changed=frozenset({'gp'}))])
    assert steps_of(gp_fit)[0].instrumental
    assert not steps_of(rp_fit)[0].instrumental
    # It is so by its groups, too, where nobody told of a change.
    assert steps_of(fits_of(rows, [event(150.5)])[0])[0].instrumental


def test_a_level_is_doubtful_by_the_chance_that_none_of_its_nights_was_clear():
    clear = np.array([0.9, 0.8, 0.5, 0.4, 1.0])
    state = SimpleNamespace(judged=SimpleNamespace(clear=clear), sky=start_state(5))
    problem = SimpleNamespace(day=np.arange(5.0))
    got = doubt_of(problem, state, [event(1.5), event(3.5)])
    assert got / mean_depth(state.sky)**2 == pytest.approx([0.1 * 0.2, 0.5 * 0.6, 0], abs=1e-6)


def test_a_step_after_which_there_is_one_night_is_as_doubtful_as_that():
    cloud = np.zeros(300)
    few, several = (steps_of(fits_of(nightly(LINE, cloud=cloud), [event(day)])[0])[0] for day in (298.5, 250.5))
    assert few.error_mag > 1.5 * several.error_mag


# --- coefficients

def test_offsets_of_groups():
    rows = nightly(LINE[:, :1])['gp']
    group = np.where(np.arange(len(rows.zp)) % 3 == 0, 1, 0)
    fit = fits_of({'gp': rows_of(rows.night, rows.zp - 0.07 * group, group=group)})[0]
    reference, other = offsets_of(fit)
    assert (reference.group, reference.reference, reference.offset_mag, reference.error_mag) == (0, 0, 0.0, 0.0)
    assert (other.group, other.reference, reference.rows, other.rows) == (1, 0, 600, 300)
    assert abs(other.offset_mag + 0.07) < 3 * other.error_mag
    assert other.error_mag < 0.003
    assert coefficient(fit, ('offset', 'gp', 1)) == (other.offset_mag, other.error_mag)
    assert np.isnan(coefficient(fit, ('extinction', 'gp'))).all()
