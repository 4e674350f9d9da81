"""Diagnostic figures of the fit of one frame."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from photzp.calibration.zeropoint import StarSample, ZeropointFit
from photzp.figures.sheet import BLUE, GREY, VERMILLION

_SIZE_INCHES, _DPI = (8.0, 5.0), 110
_MAX_POINTS = 20_000  # more would only overlap
_LOSS_POINTS = 30     # of the line of the Kron loss


def zeropoint_plot(title: str, sample: StarSample, fit: ZeropointFit) -> Figure:
    """Plot zeropoints of single stars, without the colour term, against reference magnitude.

    Parameters
    ----------
    title : str
    sample : StarSample
    fit : ZeropointFit
        Fit over the sample.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _figure(title)
    star_zp_mag = fit.residual_mag + fit.zp_mag - fit.kron_mag
    _plot_stars(axes, sample.ref_mag, star_zp_mag, fit)
    mag, level = _medians(sample.ref_mag[fit.considered], (fit.zp_mag - fit.kron_mag)[fit.considered])
    axes.plot(mag, level, color='black', lw=1.0, ls='--',
              label=f'less the Kron loss, {fit.kron_loss_mag:.3f} mag at S/N 25')
    axes.axhline(fit.zp_mag, color='black', lw=1.2,
                 label=f'zp = {fit.zp_mag:.4f} ± {fit.zperr_mag:.4f} at g-i = 1, {fit.nstars} stars')
    axes.set(xlabel='reference magnitude (SDSS) [mag]', ylabel='zeropoint of single stars [mag]')
    _set_limits(axes, star_zp_mag[fit.used], fit.zpsig_mag)
    axes.legend(loc='best', fontsize=8)
    return figure


def colour_plot(title: str, sample: StarSample, fit: ZeropointFit) -> Figure:
    """Plot zeropoints of single stars, without the Kron loss, against colour, and the fitted colour term.

    Parameters
    ----------
    title : str
    sample : StarSample
    fit : ZeropointFit
        Fit over the sample.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _figure(title)
    star_zp_mag = fit.residual_mag + fit.zp_mag + fit.colorterm * (sample.colour - 1)
    _plot_stars(axes, sample.colour, star_zp_mag, fit)
    colours = np.array([sample.colour.min(), sample.colour.max()])
    held = 'held' if fit.colorterm_held else f'± {fit.colortermerr:.4f}'
    axes.plot(colours, fit.zp_mag + fit.colorterm * (colours - 1), color='black', lw=1.2,
              label=f'colour term {fit.colorterm:+.4f} {held}')
    axes.set(xlabel='g - i (SDSS) [mag]', ylabel='zeropoint of single stars [mag]')
    _set_limits(axes, star_zp_mag[fit.used], fit.zpsig_mag)
    axes.legend(loc='best', fontsize=8)
    return figure


def residual_map(title: str, x: np.ndarray, y: np.ndarray, fit: ZeropointFit) -> Figure:
    """Plot residuals of the used stars over the image.

    Parameters
    ----------
    title : str
    x, y : ndarray, shape (n,)
        Pixels of the sample's stars.
    fit : ZeropointFit
        Fit over the sample.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _figure(title)
    span = 2.5 * max(fit.zpsig_mag, 1e-3)
    dots = axes.scatter(x[fit.used], y[fit.used], c=fit.residual_mag[fit.used], s=10, cmap='PuOr', vmin=-span,
                        vmax=span, rasterized=True)
    figure.colorbar(dots, ax=axes, label='residual, star - fit [mag]')
    axes.set(xlabel='x [pixel]', ylabel='y [pixel]', aspect='equal')
    return figure


def _medians(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Medians of x and y in bins of equal number along x: stars of one magnitude differ in noise, and so in loss."""
    bins = np.array_split(np.argsort(x), min(_LOSS_POINTS, len(x)))
    return np.array([np.median(x[stars]) for stars in bins]), np.array([np.median(y[stars]) for stars in bins])


def _figure(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout='constrained')
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.25, lw=0.5)
    return figure, axes


def _plot_stars(axes: Axes, x: np.ndarray, y: np.ndarray, fit: ZeropointFit) -> None:
    """Plot all stars by their part in the fit, with their numbers in the legend."""
    rejected = fit.considered & ~fit.used
    groups = ((~fit.considered, GREY, f'S/N below {fit.snr_floor:g}', '.'), (rejected, VERMILLION, 'rejected', 'x'),
              (fit.used, BLUE, 'used', 'o'))
    for members, colour, label, marker in groups:
        shown = np.flatnonzero(members)[:: max(1, int(np.count_nonzero(members)) // _MAX_POINTS)]
        axes.plot(x[shown], y[shown], marker, color=colour, ms=3, alpha=0.6, ls='none', rasterized=True,
                  label=f'{label} ({np.count_nonzero(members)})')


def _set_limits(axes: Axes, used: np.ndarray, sigma: float) -> None:
    """Show all used stars, with a margin for others."""
    margin = max(4 * sigma, 0.05)
    axes.set_ylim(used.min() - margin, used.max() + margin)
