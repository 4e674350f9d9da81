"""Labels above axes: each in the lowest lane that is free."""

from matplotlib.backends.backend_agg import FigureCanvasAgg

from photzp.figures.lanes import Label, write_labels
from photzp.figures.sheet import LINE_PX, axes_px, sheet


def written(spans, most):
    """(height, lanes by text) of labels with these spans, whose texts are their numbers."""
    figure, axes = sheet('x')
    height = write_labels(axes, [Label(str(n), sum(span) / 2, span) for n, span in enumerate(spans)],
                          width_px=axes_px(axes)[0], most=most, gap_px=3)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    top = axes.get_window_extent().y1
    return height, {text.get_text(): int((text.get_window_extent(canvas.get_renderer()).y0 - top) // LINE_PX)
                    for text in axes.texts}


def test_a_label_takes_the_lowest_lane_that_is_free():
    spans = [(0, 50), (10, 30), (40, 70), (51, 60), (52, 99)]
    assert written(spans, 3) == (3 * LINE_PX, {'0': 0, '1': 1, '2': 1, '3': 0, '4': 2})


def test_a_label_without_a_free_lane_is_left_out_and_takes_no_room():
    assert written([(0, 50), (10, 90), (60, 70)], 1) == (LINE_PX, {'0': 0, '2': 0})
    assert written([], 4) == (0, {})


def test_a_label_may_have_a_line_below_it_and_dollars_in_it():
    figure, axes = sheet('x')
    write_labels(axes, [Label('$x_', 100, (80, 120), bar=(50, 150))], width_px=500, most=1, gap_px=3)
    line, = axes.lines
    assert line.get_xdata() == [0.1, 0.3]
    FigureCanvasAgg(figure).draw()
