"""Numbers, times and names of places as the pages show them."""

import math
import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from photzp.pages.text import anchor, between, day_of_year, days_in_words, error_of, plain, signed


@given(st.lists(st.text(), min_size=1, max_size=3), st.lists(st.text(), min_size=1, max_size=3))
def test_no_two_places_share_an_anchor(one, other):
    assert (anchor(*one) == anchor(*other)) == (one == other)
    assert re.fullmatch(r'[A-Za-z0-9_.-]*', anchor(*one))


def day(text):
    return np.datetime64(text, 'ms')


def test_numbers_and_times_as_text():
    assert [plain(value, 1) for value in (-0.04, -0.06, 12.0, None, math.nan, math.inf)] == [
        '0.0', '−0.1', '12.0', '–', '–', '–']
    assert [error_of(value, 0, 1000) for value in (0.004, 0.0003, 0.00004, 0.0, math.nan)] == [
        '4', '0.3', '0.04', '0', '–']
    assert [signed(value, 0, 1000) for value in (0.0004, -0.0004, 0.05, -0.05)] == ['0', '0', '+50', '−50']
    assert [days_in_words(days) for days in (3.4, 60.9, 61.0, 700.0, 800.0, math.nan)] == [
        '3 d', '61 d', '2 months', '23 months', '2.2 years', '–']
    assert [day_of_year(days) for days in (0.0, 58.9, 364.2, math.nan)] == ['1 Jan', '28 Feb', '31 Dec', '–']
    assert between(day('2025-12-30'), day('2026-01-02')) == '30 Dec 2025 to 2 Jan 2026'
    assert between(day('2025-12-30'), day('2025-12-30')) == '30 Dec 2025'
