"""Events are lines in a trend, in their place and colours."""

from dataclasses import replace

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from photzp.figures.events import dated_events
from photzp.figures.sheet import GREY, VERMILLION
from tests.support.figures import DAY, TEN_YEARS_EVENTS, draw_trend, event_days, legend_of, made_trend


def test_events_are_lines_at_their_dates(decade):
    axes = decade[2].axes[0]
    assert len(event_days(axes, 'cleaning')) == 30
    assert event_days(axes, 'cleaning')[:2] == ['2017-01-05', '2017-02-05']
    assert event_days(axes, 'wash, recoating, break') == ['2018-09-14', '2019-10-20', '2020-02-03', '2020-05-07']
    assert event_days(axes, 'instrument change') == ['2022-11-01']
    assert 'MuSCAT4 installed' in [text.get_text() for text in axes.texts]
    assert {'cleaning (30)', 'wash, recoating, break (4)', 'instrument change (1)'} <= set(legend_of(decade[2]))


def test_events_have_the_colours_that_are_promised(decade):
    kinds = {each.get_label(): each for each in decade[2].axes[0].collections if isinstance(each, LineCollection)}
    assert to_hex(kinds['cleaning'].get_color()[0]) == GREY
    assert to_hex(kinds['wash, recoating, break'].get_color()[0]) == '#e69f00'
    assert to_hex(kinds['instrument change'].get_color()[0]) == '#0072b2'


def test_an_unrecorded_change_of_camera_is_marked_and_a_recorded_one_only_once(decade):
    data, fit, _ = decade
    unrecorded = [event for event in TEN_YEARS_EVENTS if event[1] != 'instrument']
    axes = draw_trend(data, fit, events=unrecorded).axes[0]
    assert event_days(axes, 'instrument change') == ['2022-11-01']
    assert 'camera change' in [text.get_text() for text in axes.texts]


def test_a_step_that_nobody_recorded_is_marked(decade):
    data, fit, _ = decade
    steps = [replace(step, origin='found') if str(step.time).startswith('2019-10-20') else step for step in fit.steps]
    figure = draw_trend(data, replace(fit, steps=tuple(steps)), events=[])
    assert event_days(figure.axes[0], 'unrecorded step') == ['2019-10-20']
    assert 'unrecorded step (1)' in legend_of(figure)
    line, = (each for each in figure.axes[0].collections if each.get_label() == 'unrecorded step')
    assert to_hex(line.get_color()[0]) == VERMILLION.lower()


def test_an_event_that_the_model_moved_has_the_date_of_its_jump(decade):
    steps = [replace(step, origin='moved', written=step.time, time=step.time + 9 * DAY) if step.kind == 'wash' else step
             for step in decade[1].steps]
    dated = dated_events([('2019-10-20', 'wash', 'wet'), ('2019-10-21', 'wash'), ('2019-10-20', 'cleaning')], steps)
    assert dated == [(np.datetime64('2019-10-29'), 'wash', 'wet'), (np.datetime64('2019-10-21'), 'wash'),
                     (np.datetime64('2019-10-20'), 'cleaning')]


def test_events_outside_the_time_axis_are_left_out():
    data, fit = made_trend(span=('2026-01-10', 21), events=[])
    events = [('2020-01-01', 'wash'), ('2026-01-15', 'cleaning'), ('2027-01-01', 'cleaning')]
    axes = draw_trend(data, fit, events=events).axes[0]
    assert event_days(axes, 'cleaning') == ['2026-01-15']
    assert event_days(axes, 'wash, recoating, break') == []
