"""Trend lines go where the numbers are."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from photzp.answers.status import Trend
from photzp.pages.render import render_index
from photzp.pages.sparks import HEIGHT, WIDTH, Spark, _simplified, by_week, mean_margins, spark, sparks_of
from photzp.pages.text import parse_time
from tests.support.pagesamples import HOSTILE, LCO, NOW, Parsed, page_of, row

ONE = 'lsc-doma-1m0a'
THIS_WEEK = 2916  # NOW is Friday 21 November 2025, 20413 days after Thursday 1 January 1970


def points(path):
    """[(x, y)] of a path of one part."""
    numbers = list(map(float, re.findall(r'[\d.]+', path)))
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_a_line_goes_where_the_numbers_are():
    """Two units a percent from 110 % down, four a week; 0.1 mag is 91.2 %, 0.2 mag 83.2 %, and 0.3 mag 75.9 %."""
    found = spark({THIS_WEEK - 52: -0.1, THIS_WEEK: -0.3}, parse_time(NOW))
    assert found.line == f'M0 38h0M{WIDTH} 68h0'  # a year apart: two dots, no line between
    weeks = {THIS_WEEK - n: -0.3 + 0.2 * n / 52 for n in range(53)}
    assert spark(weeks, parse_time(NOW)) == Spark(f'M0 38L104 54 {WIDTH} 68', f'M{WIDTH} 68h0', '')


def test_a_step_stays_a_step():
    weeks = {THIS_WEEK - n: 0.0 if n < 10 else -0.4 for n in range(53)}
    assert points(spark(weeks, parse_time(NOW)).line) == [(0, 82), (168, 82), (172, 20), (208, 20)]


def test_what_is_older_than_a_year_or_of_the_future_is_not_drawn():
    assert spark({THIS_WEEK - 53: -0.1, THIS_WEEK + 1: -0.1}, parse_time(NOW)) == Spark('', '', '')
    assert spark({THIS_WEEK: -0.1}, None) == Spark('', '', '')


def test_what_is_off_the_axes_runs_along_the_edge_and_is_marked():
    low = spark({THIS_WEEK - 1: -0.1, THIS_WEEK: -2.0}, parse_time(NOW))
    assert points(low.line) == [(WIDTH - 4, 38), (WIDTH, HEIGHT)]
    assert low.off.startswith(f'M{WIDTH} {HEIGHT}l')
    high = spark({THIS_WEEK - 1: 0.4, THIS_WEEK: -0.1}, parse_time(NOW))
    assert points(high.line)[0] == (WIDTH - 4, 0)
    assert high.off.startswith(f'M{WIDTH - 4} 0l')


def test_without_a_reference_the_best_of_the_year_counts_as_one():
    trends = (Trend(ONE, 'rp', '2025-11-13', (23.5, 23.4)),)
    page = page_of(row(ONE, reference_mag=None, percent=None, state='unknown'), trends=trends)
    assert points(sparks_of(page, parse_time(NOW))[ONE, 'rp'].line) == [(WIDTH - 4, 20), (WIDTH, 38)]


def test_the_mean_of_filters_makes_no_step_where_one_of_them_is_missing():
    """Both filters fall by 0.01 mag a week; gp is 1 mag brighter and was not observed in the first week."""
    trends = (Trend(ONE, 'gp', '2025-11-13', (24.01, 24.0)), Trend(ONE, 'rp', '2025-11-06', (23.02, 23.01, 23.0)))
    line = points(spark(mean_margins([by_week(trend) for trend in trends], -0.1), parse_time(NOW)).line)
    expected = [(WIDTH - 4 * n, 2 * (110 - 100 * 10 ** (-0.4 * (0.1 - 0.01 * n)))) for n in (2, 1, 0)]
    assert [line[0], line[-1]] == [(x, round(y)) for x, y in (expected[0], expected[-1])]


def test_a_line_is_drawn_in_the_table_and_on_the_card():
    page = page_of(row(ONE), plots={}, trends=(Trend(ONE, 'rp', '2025-11-13', (23.5, 23.4)),))
    html = Parsed(render_index(page, LCO))
    assert len(html.all('svg')) == 2
    assert all(each['aria-hidden'] == 'true' for each in html.all('svg'))  # the numbers stand beside it



POINTS = st.lists(st.floats(-50, 200), min_size=1, max_size=60).map(lambda ys: [(4.0 * n, y) for n, y in enumerate(ys)])


@given(POINTS)
def test_no_point_is_farther_from_a_simplified_line_than_the_tolerance(line):
    kept = _simplified(line)
    x, y = np.transpose(line)
    assert np.abs(np.interp(x, *np.transpose(kept)) - y).max() <= 0.7 + 1e-9
    assert set(kept) <= set(line)


@given(st.lists(st.none() | st.floats(), max_size=60), st.sampled_from(['2025-11-13', '', HOSTILE, '9999-12-30']),
       st.none() | st.floats())
def test_any_trend_gives_a_page(zp_mag, first, reference_mag):
    page = page_of(row(ONE, reference_mag=reference_mag), plots={}, trends=(Trend(ONE, 'rp', first, tuple(zp_mag)),))
    for path in (each['d'] for each in Parsed(render_index(page, LCO)).all('path')):
        assert re.fullmatch(r'[MLlhvz\d. -]+', path)
