"""Shares of the loss that events restore: by hand, by drawing, and with nothing on record."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from photzp.answers import shares
from tests.support.sampleanswers import GAIN


def event(kind, share, error=0.02, loss=0.2, **changes):
    """An event that restored this share of a loss, with that error of the share."""
    return replace(GAIN, kind=kind, filter='', gain_mag=share * loss, gain_error_mag=error * loss,
                   loss_before_mag=loss, **changes)


def by_kind(events):
    return {row.kind: row for row in shares.restored_shares(events)}


def test_of_no_event_nothing_is_estimated():
    for events in ([], [event('wash', 0.5, loss=0.03)], [event('wash', np.nan)], [event('break', 0.5)],
                   [replace(event('wash', 0.5), loss_before_mag=np.nan)]):
        rows = shares.restored_shares(events)
        assert [(row.kind, row.number) for row in rows] == [('cleaning', 0), ('wash', 0), ('recoating', 0)]
        assert np.isnan([(row.share, row.share_error, row.share_scatter) for row in rows]).all()


def test_one_event_counts_as_much_as_the_prior():
    # 0.8 +- (0.3 scatter, 0.1 error) and the prior 0.5 +- 0.3: weights 10 and 11.11.
    row = by_kind([event('wash', 0.8, error=0.1)])['wash']
    assert row.share == pytest.approx((10 * 0.8 + 11.1111 * 0.5) / 21.1111, rel=1e-4)
    assert row.share_error == pytest.approx(21.1111**-0.5, rel=1e-4)
    assert (row.number, row.share_scatter) == (1, pytest.approx(0.3))
    assert by_kind([event('wash', 0.8)])['recoating'].number == 0


def test_many_events_speak_for_themselves():
    rng = np.random.default_rng(1)
    drawn = rng.normal(0.65, 0.1, 200)
    row = by_kind([event('wash', share, error=0.01) for share in drawn])['wash']
    assert row.share == pytest.approx(0.65, abs=4 * row.share_error)
    assert row.share_error == pytest.approx(0.1 / np.sqrt(200), rel=0.15)
    assert row.share_scatter == pytest.approx(0.1, rel=0.15)


def test_the_order_is_that_of_drawn_triples_that_are_in_order():
    events = [event('cleaning', 0.55, 0.1), event('wash', 0.45, 0.1), event('recoating', 0.6, 0.1)]
    alone = [by_kind([one])[one.kind] for one in events]
    rng = np.random.default_rng(2)
    drawn = rng.normal([row.share for row in alone], [row.share_error for row in alone], (400_000, 3))
    drawn = drawn[(np.diff(drawn, axis=1) >= 0).all(axis=1)]
    rows = shares.restored_shares(events)
    assert [row.share for row in rows] == pytest.approx(drawn.mean(axis=0), abs=0.003)
    assert [row.share_error for row in rows] == pytest.approx(drawn.std(axis=0), abs=0.003)


def test_two_kinds_far_against_the_order_meet_between():
    # Equal errors: the truncated normal of their difference has almost no width, so both are the mean of the two.
    rows = by_kind([event('cleaning', 0.9, 0.001)] * 400 + [event('recoating', 0.3, 0.001)] * 400)
    assert rows['cleaning'].share == pytest.approx(0.6, abs=0.02)
    assert rows['cleaning'].share <= rows['recoating'].share


def test_a_pair_by_the_formula():
    """E of a + b and of b - a > 0, for a ~ N(0.5, 0.2), b ~ N(0.4, 0.1): b - a ~ N(-0.1, sqrt(0.05)), truncated."""
    (low, _), (high, _) = shares._ordered([(0.5, 0.2), (0.4, 0.1)])
    deviation = np.sqrt(0.05)
    apart = -0.1 + deviation * norm.pdf(0.1 / deviation) / norm.sf(0.1 / deviation)
    assert high - low == pytest.approx(apart, abs=5e-4)
    # cov(a, b - a) = -0.04: a shifts by -0.8 times the shift of the difference.
    assert low == pytest.approx(0.5 - 0.8 * (apart + 0.1), abs=5e-4)


@given(values=st.lists(st.tuples(st.sampled_from(shares.KINDS), st.floats(-0.5, 1.5), st.floats(0.005, 0.5)),
                       min_size=1, max_size=6))
def test_shares_are_always_in_order(values):
    rows = [row for row in shares.restored_shares([event(*one) for one in values]) if row.number]
    known = [row.share for row in rows]
    assert np.isfinite(known).all()
    assert (np.diff(known) >= -1e-9).all()
    assert all(row.share_error > 0 and row.share_scatter > 0 for row in rows)
