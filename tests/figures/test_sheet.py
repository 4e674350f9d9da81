"""A sheet of the size asked for, and a file that is small and the same every time."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from photzp.figures.airmass import Extinction, airmass_plot
from photzp.figures.allmodels import all_models_plot
from photzp.figures.colourterms import colorterm_plot
from photzp.figures.sheet import axes_px, png, set_margins, sheet
from tests.support.figures import draw_trend, made_airmass, made_models, made_trend


@pytest.mark.parametrize('height_px', [450, 300])
def test_a_sheet_is_as_large_as_it_says_and_the_same_every_time(height_px):
    pictures = [png(sheet('x', height_px)[0]) for _ in range(2)]
    with Image.open(io.BytesIO(pictures[0])) as image:
        assert image.size == (900, height_px)
    assert pictures[0] == pictures[1]


def test_margins_are_pixels_of_the_sheet():
    figure, axes = sheet('x')
    set_margins(figure, left=100, right=50, bottom=40, top=10)
    assert axes_px(axes) == pytest.approx((750, 400))


def heavy(kind):
    """A figure of each kind from as many points as the largest series have."""
    cameras = ('fl05', 'fl11', 'fa05', 'fa11', 'fa20')
    if kind == 'airmass':
        return airmass_plot('x', *made_airmass(30_000), Extinction(0.08, 0.095, 0.001))
    if kind == 'models':
        return all_models_plot('x', made_models(), '2026-02-10', healthy_mag=0.2)
    data, fit = made_trend(n=30_000, cameras=cameras)
    if kind == 'trend':
        return draw_trend(data, fit)
    return colorterm_plot('x', data.time, data.zp_mag - 24, data.camera, '2026-02-10')


@pytest.mark.parametrize('kind', ['trend', 'airmass', 'colorterm', 'models'])
def test_a_png_is_small_and_the_same_every_time(kind):
    """What 256 colours change is not seen: next to no pixel by more than 40 of 255."""
    figure = heavy(kind)
    content = png(figure)
    assert len(content) < 250_000
    assert content == png(heavy(kind))
    for stamp in (b'tEXt', b'iTXt', b'tIME', b'atplotlib'):
        assert stamp not in content
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size, image.mode) == ('PNG', (900, 450), 'P')
        few = np.asarray(image.convert('RGB')).astype(int)
    away = np.abs(few - np.asarray(figure.canvas.buffer_rgba())[..., :3]).max(axis=2)
    assert np.mean(away > 40) < 0.001


def test_a_figure_does_not_change_within_a_month():
    data, fit = made_trend(n=50, events=[])
    one, other = (png(draw_trend(data, fit, events=[], until=f'2026-02-{day}')) for day in (10, 27))
    assert one == other


def test_thirty_thousand_points_take_little_longer_than_a_few():
    """Measured as a ratio, because others may need the machine: 1.5, where 0.35 s of processor time were needed."""
    took = {}
    for n in (300, 30_000):
        data, fit = made_trend(n=n)
        took[n] = min(seconds_of(lambda data=data, fit=fit: png(draw_trend(data, fit))) for _ in range(3))
    assert took[30_000] < 4 * took[300]


def seconds_of(draw):
    begun = time.process_time()
    draw()
    return time.process_time() - begun
