"""Labels above axes: each in the lowest lane that is free."""

from matplotlib.backends.backend_agg import FigureCanvasAgg

from photzp.figures.lanes import choose_lanes, lane_transform, lanes_px, write_in_lane
from photzp.figures.sheet import LINE_PX, sheet


def test_a_label_takes_the_lowest_lane_that_is_free():
    assert choose_lanes([(0, 50), (10, 30), (40, 70), (51, 60), (52, 99)], 3) == [0, 1, 1, 0, 2]


def test_a_label_without_a_free_lane_has_none_and_takes_no_room():
    assert choose_lanes([(0, 50), (10, 90), (60, 70)], 1) == [0, None, 0]
    assert choose_lanes([], 4) == []


def test_lanes_are_as_high_as_the_highest_in_use():
    assert [lanes_px(lanes) for lanes in ([], [None], [0, 1, None, 0])] == [0, 0, 2 * LINE_PX]


def test_a_lane_lies_a_line_of_text_above_the_one_below():
    figure, axes = sheet('x')
    for lane in (0, 1):
        write_in_lane(axes, 0.5, '$x_', lane_transform(axes, lane, gap_px=3))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    low, high = (text.get_window_extent(canvas.get_renderer()) for text in axes.texts)
    assert 2 < low.y0 - axes.get_window_extent().y1 < 5
    assert high.y0 - low.y0 == LINE_PX
