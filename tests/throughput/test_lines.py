"""Lines of throughput in time by hand: pieces, steps, kinks, and the boundaries between them."""


import numpy as np
import pytest

from photzp.throughput.lines import Boundary, Line, Series, days_since, find_boundaries, fit_pieces, nights_in

ORIGIN = np.datetime64('2018-01-01T05:00', 'ms')
MONTH = 30.4375  # days
# Two pieces: 23.5 mag at day 50, falling by 10 mmag a month, with a cleaning of 40 mmag at day 70; from day 100 on
# 23.6 mag at day 150, steady, and falling by 20 mmag a month after day 200.
LINE = Line(ORIGIN, np.array([0.0, 100.0]), np.array([50.0, 150.0]), steps=((0, 70.0),), kinks=((1, 200.0),),
            parameters=np.array([23.5, 23.6, -0.010, 0.0, 0.04, -0.020]), covariance=np.diag([1e-6] * 6),
            doubt=np.array([0.0, 9e-6]))


def at(day):
    return ORIGIN + (np.asarray(day) * 86_400_000).astype('timedelta64[ms]')


def series(day, group=None, zp=None):
    """Rows of one a night at days."""
    day = np.asarray(day, float)
    zp = np.full(len(day), 23.5) if zp is None else zp
    group = np.zeros(len(day), int) if group is None else np.asarray(group)
    return Series(at(day), zp, np.full(len(day), 0.004), group, None, day.astype(int))


@pytest.mark.parametrize(('day', 'mag'), [
    (50, 23.5), (0, 23.5 + 0.010 * 50 / MONTH), (69.9, 23.5 - 0.010 * 19.9 / MONTH),
    (70, 23.54 - 0.010 * 20 / MONTH), (99.9, 23.54 - 0.010 * 49.9 / MONTH), (100, 23.6), (200, 23.6),
    (200 + MONTH, 23.58), (300, 23.6 - 0.020 * 100 / MONTH)])
def test_a_line_by_hand(day, mag):
    assert LINE.at(np.array([day]))[0] == pytest.approx(mag, abs=1e-12)


def test_errors_of_a_line_by_hand():
    day = np.array([50.0, 50.0 - MONTH, 150.0, -1.0])
    model, error = LINE.at(day)
    # 1 mmag of the level; with the slope a month away, sqrt(2); with 3 mmag of doubt of the second level, sqrt(10)
    np.testing.assert_allclose(error[:3], [0.001, 0.001 * np.sqrt(2), 0.001 * np.sqrt(10)])
    assert np.isnan(model[3])
    assert np.isnan(error[3])


def test_days_lie_in_the_piece_that_opened_last():
    assert LINE.piece([-5.0, 0.0, 99.9, 100.0, 1e4]).tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_allclose(LINE.days(at([0.0, 1.5])), [0.0, 1.5])
    assert days_since(ORIGIN + np.timedelta64(36, 'h'), ORIGIN) == 1.5


def test_a_line_beyond_its_piece_is_that_of_the_piece():
    """What a step is: the difference of both pieces at one day."""
    functions = LINE.design(100.0, 1) - LINE.design(100.0, 0)
    assert LINE.value(functions)[0][0] == pytest.approx(23.6 - (23.54 - 0.010 * 50 / MONTH))


# -- boundaries --------------------------------------------------------------------------------------------------------

DAYS = np.arange(0.0, 400.0, 2.0)


def test_events_that_bound_are_boundaries_and_cleanings_are_none():
    events = [(at(100.5), 'wash'), (at(200.5), 'cleaning'), (at(300.5), 'break'), (at(900.0), 'wash')]
    assert find_boundaries(series(DAYS), events) == [Boundary(100.5, 'wash'), Boundary(300.5, 'break')]


def test_two_events_between_two_nights_are_one_boundary():
    events = [(at(100.5), 'recoating'), (at(101.0), 'wash')]
    assert find_boundaries(series(DAYS), events) == [Boundary(101.0, 'wash')]
    events = [(at(100.5), 'instrument'), (at(101.0), 'wash')]
    assert find_boundaries(series(DAYS), events) == [Boundary(101.0, 'wash', instrumental=True)]


def test_cameras_that_never_overlap_are_a_boundary_between_them():
    group = (DAYS > 150).astype(int)
    assert find_boundaries(series(DAYS, group), []) == [
        Boundary(151.0, 'instrument', recorded=False, instrumental=True)]
    group[70:80] = [0, 1] * 5
    assert find_boundaries(series(DAYS, group), []) == []


@pytest.mark.parametrize(('day', 'moved'), [(151.2, 151.2), (140.0, 151.0), (180.0, 151.0)])
def test_an_instrument_event_is_the_change_of_cameras_it_is_near_to(day, moved):
    group = (DAYS > 150).astype(int)
    found = find_boundaries(series(DAYS, group), [(at(day), 'instrument')])
    assert found == [Boundary(pytest.approx(moved), 'instrument', instrumental=True)]


def test_an_instrument_event_far_from_any_change_stands_for_itself():
    group = (DAYS > 150).astype(int)
    found = find_boundaries(series(DAYS, group), [(at(200.5), 'instrument')])
    assert [(each.day, each.recorded) for each in found] == [(151.0, False), (200.5, True)]


# -- fits --------------------------------------------------------------------------------------------------------------


def test_a_planted_line_with_a_wash_a_cleaning_and_a_second_camera_is_found():
    rng = np.random.default_rng(2)
    day = np.sort(rng.uniform(0, 400, 800))
    group = (rng.random(800) < 0.3).astype(int)
    zp = 23.5 - 0.010 * day / MONTH + 0.1 * (day > 200) + 0.04 * (day > 300) - 0.07 * group + rng.normal(0, 0.01, 800)
    events = [(at(200.0), 'wash'), (at(300.0), 'cleaning')]
    rows = series(day, group, zp)
    line, _, groups, boundaries, reference = fit_pieces(rows, find_boundaries(rows, events), events)
    assert [boundary.kind for boundary in boundaries] == ['wash']
    assert (groups, reference) == ([1], {0: 0, 1: 0})
    assert line.kinks == ()
    wash, = line.value(line.design(200.0, 1) - line.design(200.0, 0))[0]
    assert wash == pytest.approx(0.1, abs=0.006)
    cleaning = line.parameters[2 * len(line.opened)]
    assert cleaning == pytest.approx(0.04, abs=0.006)
    model, error = line.at(rows.day)
    truth = 23.5 - 0.010 * day / MONTH + 0.1 * (day > 200) + 0.04 * (day > 300)
    assert np.abs(model - truth).max() < 0.006
    assert np.median(error) < 0.003


def test_a_jump_that_nobody_recorded_becomes_a_boundary():
    rng = np.random.default_rng(3)
    zp = 23.5 - 0.2 * (DAYS > 199) + rng.normal(0, 0.01, len(DAYS))
    _, _, _, boundaries, _ = fit_pieces(series(DAYS, zp=zp), [], [])
    assert boundaries == [Boundary(199.0, 'break', recorded=False)]


def test_nights_are_counted_by_piece():
    rows = series([0.0, 0.1, 1.0, 120.0, 130.0, 130.2])
    assert nights_in(rows, LINE).tolist() == [2, 2]
