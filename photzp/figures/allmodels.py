"""Models of all telescopes of a size class in one filter."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from photzp.figures.healthyband import HealthyBand, draw_healthy_band
from photzp.figures.scales import number_scale, time_axis, time_scale
from photzp.figures.sheet import (
    DPI,
    HEIGHT_PX,
    LEFT_PX,
    LINE_COLOURS,
    SMALL,
    WIDTH_PX,
    draw_remark,
    draw_title,
    hide_ticks,
    set_margins,
)
from photzp.magnitudes import percent_of_reference
from photzp.times import Date

_LINE_STYLES = ('-', '--', ':')  # 7 colours in 3 styles: 21 lines
_GAP_DAYS, _JUMP_MAG = 60, 0.05  # lines are not drawn across longer gaps and larger steps

_Style = tuple[str, str]  # colour, line style


@dataclass(frozen=True)
class DrawnModel:
    """The model of one telescope.

    Attributes
    ----------
    telescope : str
        Name for the legend.
    time : ndarray of datetime64, shape (m,)
        Nights.
    model_mag : ndarray of float, shape (m,)
        Zeropoints; those that are not finite are left out.
    reference_mag : float or None
        Zeropoint of the clean telescope; None if not known.
    """

    telescope: str
    time: np.ndarray
    model_mag: np.ndarray
    reference_mag: float | None


def all_models_plot(title: str, models: Iterable[DrawnModel], until: Date, *, healthy_mag: float) -> Figure:
    """Draw models relative to the reference of each telescope, with a legend in the order of current values.

    Telescopes without a reference are drawn in a panel of their own, in magnitudes.

    Parameters
    ----------
    title : str
        Text at the top.
    models : iterable of DrawnModel
        Telescopes in the order of their colours.
    until : Date
        Day in the last month shown.
    healthy_mag : float
        Depth of the healthy band below the reference.

    Returns
    -------
    Figure
    """
    figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI)
    styled = [(_finite_nights(model), _line_style(number)) for number, model in enumerate(models)]
    styled = [(model, style) for model, style in styled if len(model.time)]
    panels = [panel for relative in (True, False)
              if (panel := [pair for pair in styled if (pair[0].reference_mag is not None) is relative])] or [[]]
    shares = [max(len(panel), 0.3 * len(styled), 1) for panel in panels]
    times = np.concatenate([np.empty(0, 'datetime64[ms]'), *(model.time for model, _ in styled)])
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=shares)[:, 0]
    figure.subplots_adjust(hspace=0.08)
    set_margins(figure, left=LEFT_PX, right=245, bottom=34, top=30)
    for axes, panel in zip(grid, panels, strict=True):
        time_axis(hide_ticks(axes), times, until)
        _draw_panel(axes, panel, healthy_mag)
        time_scale(axes, labels=axes is grid[-1])
    if not styled:
        draw_remark(grid[0], 'no models')
    draw_title(figure, title)
    return figure


def _finite_nights(model: DrawnModel) -> DrawnModel:
    """The same in order of time and without nights that have no model."""
    rows = np.flatnonzero(np.isfinite(model.model_mag) & ~np.isnat(model.time))
    rows = rows[np.argsort(model.time[rows], kind='stable')]
    return replace(model, time=model.time[rows], model_mag=model.model_mag[rows])


def _line_style(number: int) -> _Style:
    count = len(LINE_COLOURS)
    return LINE_COLOURS[number % count], _LINE_STYLES[number // count % len(_LINE_STYLES)]


def _draw_panel(axes: Axes, panel: Sequence[tuple[DrawnModel, _Style]], healthy_mag: float) -> None:
    """Lines of telescopes, all with or all without a reference, and a legend beside them by current value."""
    relative = bool(panel) and panel[0][0].reference_mag is not None
    current = []
    for model, (colour, style) in panel:
        if model.reference_mag is None:
            value, now = model.model_mag, f'{model.model_mag[-1]:.2f}'
        else:
            value = model.model_mag - model.reference_mag
            now = f'{percent_of_reference(model.model_mag[-1], model.reference_mag):.0f}%'
        line, = axes.plot(*_with_gaps(model.time, value), color=colour, ls=style, lw=1.6, marker='o', ms=3.5,
                          markevery=[-1], label=f'{model.telescope}  {now}')  # the dot is all there is of one night
        current.append((-value[-1], model.telescope, line))
    if relative:
        draw_healthy_band(axes, HealthyBand(0.0, healthy_mag))
    number_scale(axes, 'left', 'zeropoint − reference [mag]' if relative else 'zeropoint\n[mag]')
    legend = axes.legend(handles=[line for *_, line in sorted(current, key=lambda entry: entry[:2])], loc='upper left',
                         bbox_to_anchor=(1.105, 1.03), fontsize=SMALL, frameon=False, handlelength=2.6,
                         labelspacing=0.25, borderpad=0)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a name with two $ would be read as mathematical notation


def _with_gaps(time: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days and values, with NaN between them where no line is drawn."""
    day = date2num(time)
    after = np.flatnonzero((np.diff(day) > _GAP_DAYS) | (np.abs(np.diff(value)) > _JUMP_MAG)) + 1
    return np.insert(day, after, np.nan), np.insert(value, after, np.nan)
