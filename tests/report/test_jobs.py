"""Jobs of the report: they cross to a process whole, and what comes of them is a file that a page can show."""

import io
import pickle
from functools import partial

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from photzp.names import Telescope
from photzp.records import CameraSpan, StoredModel
from photzp.report.jobs import (
    Drawing,
    NightsJob,
    TelescopeJob,
    TelescopeTrends,
    calendar_figure,
    colorterms_figure,
    image_file,
    models_figure,
    telescope_figure,
)
from photzp.throughput.rows import Series
from tests.support.madefits import at_day, made_fit

UNTIL = at_day(200)
DAY = np.arange(120) + 0.3
NOISE = np.random.default_rng(1).normal(0, 0.009, 120)


def test_an_image_has_its_size_in_pixels_and_its_words():
    file = image_file('x.png', Figure(figsize=(3.2, 1.5), dpi=100), 'an empty figure')
    with Image.open(io.BytesIO(file.content)) as image:
        assert image.format == 'PNG'
        assert (file.width, file.height) == image.size == (320, 150)
    assert (file.name, file.alt) == ('x.png', 'an empty figure')


def test_a_job_is_named_by_what_comes_of_it():
    every = tuple(Series(Telescope('lsc', 'doma', '1m0a'), name, (name,)) for name in ('gp', 'rp', 'ip'))
    assert str(NightsJob(every)) == 'the nights of lsc-doma-1m0a'
    assert str(TelescopeJob(every, every[1:], None)) == 'lsc-doma-1m0a rp, ip'
    assert NightsJob(every).telescope == TelescopeJob(every, every[:1], None).telescope == 'lsc-doma-1m0a'


MODEL = StoredModel(at_day(0) + np.arange(50) * np.timedelta64(1, 'D'), np.full(50, 23.5), np.full(50, 0.002))
FIGURES = {
    'models': partial(models_figure, 'gp', [('lsc-doma-1m0a', MODEL, 23.6), ('coj-clma-2m0a', MODEL, None)], UNTIL,
                      0.2),
    'colour terms': partial(colorterms_figure, 'gp', [], {}),
    'telescope': partial(telescope_figure, TelescopeTrends(
        telescope='lsc-doma-1m0a', trends=[('gp', made_fit(DAY, 23.5 + NOISE), 23.6, '#0072B2')],
        marks=[(at_day(60), 'wash', 5.0, 0.4)],
        spans=[CameraSpan('lsc-doma-1m0a', 'fa15', '2020-01-01', '2020-04-01', 100)], threshold_percent=80.0,
        healthy_mag=0.2), UNTIL),
    'calendar': partial(calendar_figure, 'lsc', DAY.astype('datetime64[D]'), np.full(120, 'photometric'),
                        np.full(120, 4), UNTIL),
}


@pytest.mark.parametrize('kind', FIGURES)
def test_a_drawing_is_the_same_file_in_another_process(kind):
    drawing = Drawing(f'{kind}.png', 'what it shows', FIGURES[kind], 'fingerprint')
    here, there = drawing.do(), pickle.loads(pickle.dumps(drawing)).do()
    assert here == there
    assert here.content.startswith(b'\x89PNG')
    assert (here.name, here.alt, str(drawing)) == (f'{kind}.png', 'what it shows', f'{kind}.png')
