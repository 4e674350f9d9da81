"""Pictures of simulated telescopes: nights, model and truth of each filter, to see where a fit goes wrong.

On the left zeropoints, on the right everything minus the true level.  Nights that are called clear are blue, those
called cloudy grey; red rings are clear in truth and called cloudy, orange ones cloudy and called clear.  Lines are
steps: true ones green where recorded, red where not, thin grey for dates as they were written down, dust storms orange;
those of the model below, dotted black where recorded, blue where moved, magenta where found.
"""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.accuracy.yearjudge import called_clear, edges, is_found

_ABOVE, _BELOW, _ZOOM = 0.10, 0.35, 0.06  # mag about the true level


def draw(fitted, folder, name):
    """Draw one telescope into <folder>/<name>.png."""
    figure = Figure(figsize=(24, 4.5 * len(fitted.fits)), layout='constrained')
    axes = figure.subplots(len(fitted.fits), 2, squeeze=False, sharex=True)
    for row, filter_name in zip(axes, fitted.fits, strict=True):
        _draw_filter(row, fitted, filter_name)
    figure.suptitle(f'{name} {fitted.years.telescope.cadence}, night noise '
                    f'{1000 * fitted.years.nights["night_noise"][""]:.1f} mmag')
    FigureCanvasAgg(figure)
    Path(folder).mkdir(parents=True, exist_ok=True)
    figure.savefig(Path(folder) / f'{name}.png', dpi=60)


def night_values(fitted, name):
    """Median zp of each night of a fit, on the scale of the model."""
    rows, fit = fitted.years.rows[name], fitted.fits[name]
    offset = np.array([fitted.years.offset(name, code) for code in range(len(fitted.years.codes[name]))])
    zp = rows['unit'] - offset[rows['group']] + fitted.scale(name, rows['time'])
    place = np.searchsorted(fit.night, rows['date'])
    order = np.lexsort((zp, place))
    count = np.bincount(place, minlength=len(fit.night))
    return zp[order][np.cumsum(count) - count + count // 2]


def _draw_filter(axes, fitted, name):
    years, fit = fitted.years, fitted.fits[name]
    day, truth, value = years.day(fit.time), fitted.level(name, fit.time), night_values(fitted, name)
    place = np.searchsorted(years.nights['date'], fit.night)
    called, clear, cloudy = called_clear(fitted)[place], years.nights['clear'][place], years.nights['cloudy'][place]
    for panel, base in zip(axes, (0, truth), strict=True):
        panel.plot(day[~called], (value - base)[~called], '.', color='0.7', ms=4)
        panel.plot(day[called], (value - base)[called], '.', color='tab:blue', ms=4)
        for which, colour in ((clear & ~called, 'red'), (cloudy & called, 'orange')):
            panel.plot(day[which], (value - base)[which], 'o', mfc='none', color=colour, ms=6)
        panel.plot(day, truth - base, color='green', lw=1)
        panel.plot(day, fit.model_mag - base, color='black', lw=1.2)
        panel.fill_between(day, fit.model_mag - fit.model_error_mag - base, fit.model_mag + fit.model_error_mag - base,
                           color='black', alpha=0.2, lw=0)
        _draw_steps(panel, fitted, name)
    error = fit.model_mag - truth
    axes[0].set(ylim=(truth.min() - _BELOW, truth.max() + _ABOVE), ylabel=name)
    axes[1].set(ylim=(-_ZOOM, _ZOOM), title=f'minus truth: rms {1000 * np.std(error):.1f}, median '
                                            f'{1000 * np.median(error):+.1f} mmag, clear {clear.mean():.2f}')


def _draw_steps(panel, fitted, name):
    """Lines at true steps and at those of the model."""
    years = fitted.years
    for change in years.changes:
        recorded = change.event is None or change.event.recorded
        if change.kind == 'storm':
            panel.axvspan(change.day, change.last, 0.5, 1, color='orange', alpha=0.4)
            continue
        style = '-' if change.size[name] else ':'
        panel.axvline(change.day, 0.5, 1, color='green' if recorded else 'red', lw=1, ls=style)
        if change.event is not None and recorded:
            panel.axvline(change.event.recorded_day, 0.5, 1, color='0.6', lw=0.7)
    for step in fitted.fits[name].steps:
        day, early, late = edges(years, step)
        colour = 'magenta' if is_found(step) else 'blue' if step.origin == 'moved' else 'black'
        panel.axvline(day, 0, 0.5, color=colour, lw=1.2, ls=':')
        panel.axvspan(early, late, 0, 0.05, color=colour, alpha=0.4)
