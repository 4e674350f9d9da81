"""The model as it is drawn: both sides of each step, and a dot where a line is too short."""

import numpy as np
import pytest
from matplotlib.dates import date2num

from photzp.figures.allmodels import all_models_plot
from photzp.figures.curves import model_curves
from photzp.throughput.model import fit_throughput
from tests.support.figures import DAY, draw_trend, lines_of, made_models, made_trend


def test_the_model_has_both_sides_of_each_step(decade):
    _, fit, figure = decade
    models = [line for line in figure.axes[0].lines if str(line.get_label()).startswith('model')]
    bands = [each for each in figure.axes[0].collections if each.get_zorder() == 4]
    assert len(models) == len(bands) == len(fit.intervals)
    cleanings = [step for step in fit.steps if step.kind == 'cleaning']
    x = np.concatenate([line.get_xdata() for line in models])
    y = np.concatenate([line.get_ydata() for line in models])
    for step in cleanings:
        beside = np.abs(x - date2num(step.time)) < 1e-6
        assert np.ptp(y[beside]) == pytest.approx(0.03, abs=1e-4)


def test_a_jump_is_not_drawn_as_a_slope():
    rng = np.random.default_rng(3)
    number = np.repeat(np.arange(150), 3)
    time = np.datetime64('2020-01-01T03:00', 'ms') + (number * DAY)
    zp = 23.5 + 0.2 * (number > 70) + rng.normal(0, 0.01, len(time))
    fit = fit_throughput(time, zp, np.full(len(time), 0.004), longitude_deg=-70.8)
    step, = fit.steps
    (_, before, _), (_, after, _) = model_curves(fit)
    assert after[0] - before[-1] == pytest.approx(step.size_mag, abs=1e-4) == pytest.approx(0.2, abs=0.02)


def test_a_model_of_one_night_can_be_seen():
    data, fit = made_trend(span=('2025-02-09', 0.2), n=30)
    model, = lines_of(draw_trend(data, fit, events=[], until='2026-02-10').axes[0], 'model')
    assert model.get_marker() == 'o'
    model, *_ = lines_of(draw_trend(*made_trend(n=300)).axes[0], 'model')
    assert model.get_marker() != 'o'
    figure = all_models_plot('x', made_models(1), '2026-02-10', healthy_mag=0.2)
    line, = lines_of(figure.axes[0], 'lsc-')
    assert (line.get_marker(), line.get_markevery()) == ('o', [-1])
