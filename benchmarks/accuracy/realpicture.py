"""The picture of a real series: level with its error band over night means, a panel for each filter."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from photzp.figures.sheet import BLUE, DARK_GREY, DPI, GREEN, GREY, GRID, PURPLE, SMALL, VERMILLION, WIDTH_PX, png

COLOURS = {'gp': BLUE, 'rp': GREEN, 'ip': VERMILLION, 'zp': PURPLE}
PANEL_PX = 170
BELOW_MAG, ABOVE_MAG = 0.14, 0.06  # of a panel, beyond the range of the level
EDGE_MAG = 0.005  # above the lower edge, where nights beyond it are marked


def picture(fits, means):
    """The picture as PNG.

    fits : {filter: ThroughputFit}; means : {filter: NightMeans} of the same nights.
    """
    figure = Figure(figsize=(WIDTH_PX / DPI, (PANEL_PX * len(fits) + 70) / DPI), dpi=DPI, layout='constrained')
    panels = figure.subplots(len(fits), sharex=True, squeeze=False)[:, 0]
    for panel, (name, fit) in zip(panels, fits.items(), strict=True):
        draw_filter(panel, fit, means[name], COLOURS.get(name, BLUE))
        panel.set_ylabel(f'{name} [mag]', fontsize=SMALL)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=SMALL, ncols=len(labels), loc='outside lower center', frameon=False)
    figure.suptitle('DECam, 2013 to 2016: night means at airmass 1, and the level fitted to all filters together',
                    fontsize=11)
    return png(figure)


def draw_filter(panel, fit, means, colour):
    """Nights, level and steps of one filter."""
    time = np.arange(fit.time[0], fit.time[-1] + np.timedelta64(1, 'D'), np.timedelta64(1, 'D'))
    level, error = fit.at(time)
    floor = np.nanmin(level) - BELOW_MAG
    clear = means.of(fit.night[fit.photometric])
    shown = means.mag > floor
    panel.plot(means.time[~clear & shown], means.mag[~clear & shown], 'o', color=GREY, ms=3, label='cloudy')
    panel.plot(means.time[~shown], np.full(np.sum(~shown), floor + EDGE_MAG), 'v', color=GREY, ms=4,
               label='cloudy, beyond the panel')
    panel.plot(means.time[clear & shown], means.mag[clear & shown], 'o', color=colour, ms=3, label='clear')
    panel.fill_between(time, level - error, level + error, color=colour, alpha=0.25, lw=0, label='error of the level')
    panel.plot(time, level, color='black', lw=1, label='level')
    for step in fit.steps:
        panel.axvline(step.time, color=DARK_GREY, lw=0.8, ls='--')
    panel.set_ylim(floor, np.nanmax(level) + ABOVE_MAG)
    panel.yaxis.set_major_locator(MultipleLocator(0.1))
    panel.tick_params(labelsize=SMALL)
    panel.grid(color=GRID, lw=0.6)
    panel.set_axisbelow(True)
