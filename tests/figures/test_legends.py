"""Legends: keys that leave what they stand for in its place, and a count of what is left out."""

from photzp.figures.legends import draw_legend
from photzp.figures.scales import NAMED_SCALE_PX
from photzp.figures.sheet import png, sheet


def test_keys_of_a_legend_do_not_move_what_they_stand_for():
    figure, axes = sheet('x')
    line, = axes.plot([1, 2], [3, 4], label='a line')
    draw_legend(figure, [line], below_px=NAMED_SCALE_PX)
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([1, 2], [3, 4])
    png(figure)


def test_a_long_legend_counts_what_it_leaves_out():
    figure, axes = sheet('x')
    draw_legend(figure, [axes.plot([0], [0], label=f'camera {n}')[0] for n in range(17)], below_px=NAMED_SCALE_PX)
    said = [text.get_text() for text in figure.texts if text.get_gid() == 'legend']
    assert len(said) == 15
    assert said[-1] == 'and 3 more'
