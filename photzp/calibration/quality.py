"""Quality of a zeropoint: numbers of a fit that a scientist can cut on, arrays in, values out.

None of them enters the zeropoint.  A slope of zp with magnitude shows that light is lost or gained with brightness: a
loss of Kron fluxes that the fit did not take up, or a detector that is not linear.  A reduced chi-square far above 1
shows that stars scatter by more than their errors; few matches among the sources, that field and catalogue disagree.
"""

import math
from dataclasses import dataclass

import numpy as np

from photzp.calibration.zeropoint import StarSample, ZeropointFit
from photzp.magnitudes import MAG_PER_RELATIVE

_FIT_PARAMETERS = 3          # zeropoint, colour term, Kron loss
_BIWEIGHT = 4.685            # Tukey's constant for 95% efficiency with Gaussian errors


@dataclass(frozen=True, kw_only=True)
class FrameQuality:
    """Quality of one measured frame; nan where there are too few stars.

    Attributes
    ----------
    nmatched : int
        Sources matched to a reference star, one to one.
    matchsep_arcsec : float
        Median separation of the two, after the errors of the world coordinates were removed.
    matchfrac : float
        nmatched as a fraction of all sources of the frame.
    magslope, magslopeerr : float
        Slope of zp with the magnitude of the stars used, after the fit, and its error [mag/mag].
    redchi2 : float
        Chi-square of the stars used per degree of freedom, by photon and catalogue errors without intrinsic scatter.
    meancolour_mag : float
        Mean SDSS g-i of the stars used, weighted as in the fit: the colour at which zp hardly depends on the colour
        term.
    """

    nmatched: int
    matchsep_arcsec: float
    matchfrac: float
    magslope: float
    magslopeerr: float
    redchi2: float
    meancolour_mag: float


def frame_quality(separation_arcsec: np.ndarray, nsources: int, sample: StarSample, fit: ZeropointFit) -> FrameQuality:
    """The quality of a fit.

    Parameters
    ----------
    separation_arcsec : ndarray, shape (m,)
        Of all matches.
    nsources : int
        Sources in the frame.
    sample : StarSample
        Stars offered to the fit.
    fit : ZeropointFit
        Result of the fit.

    Returns
    -------
    FrameQuality
    """
    used, stars = fit.used, sample.select(fit.used)
    residual = fit.residual_mag[used]
    error = np.hypot(MAG_PER_RELATIVE * stars.fluxerr / stars.flux, stars.ref_error)
    sigma = np.hypot(error, fit.scatter_mag)
    slope, slope_error = _weighted_slope(stars.ref_mag, residual, sigma)
    nmatched = len(separation_arcsec)
    freedom = len(stars) - _FIT_PARAMETERS + fit.colorterm_held
    return FrameQuality(
        nmatched=nmatched, matchsep_arcsec=float(np.median(separation_arcsec)) if nmatched else math.nan,
        matchfrac=nmatched / nsources if nsources else math.nan, magslope=slope, magslopeerr=slope_error,
        redchi2=float(np.sum((residual / error) ** 2) / freedom) if freedom > 0 else math.nan,
        meancolour_mag=_mean_colour(stars.colour, residual, sigma))


def _weighted_slope(x: np.ndarray, y: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """(slope, 1-sigma error) of a straight line y(x) by weighted least squares; nan where x does not vary.

    The error is that of the residuals themselves (White 1980, Econometrica 48, 817), scaled by n / (n - 2), so that it
    holds where `error` does not.
    """
    weight = 1 / error**2
    dx, dy = (values - np.average(values, weights=weight) for values in (x, y))
    spread = np.sum(weight * dx**2)
    if len(x) < 3 or not spread > 0:
        return math.nan, math.nan
    slope = np.sum(weight * dx * dy) / spread
    variance = np.sum((weight * dx * (dy - slope * dx)) ** 2) / spread**2
    return float(slope), math.sqrt(variance * len(x) / (len(x) - 2))


def _mean_colour(colour: np.ndarray, residual: np.ndarray, sigma: np.ndarray) -> float:
    """Mean colour by weights similar to those of the fit, Tukey's biweight over the variance; nan without weight.

    The covariance of zp and colour term gives nearly the same colour, 1 - cov / colortermerr^2: see
    `benchmarks/accuracy/colourterms.py`.
    """
    weight = np.clip(1 - (residual / (_BIWEIGHT * sigma)) ** 2, 0, None) ** 2 / sigma**2
    total = np.sum(weight)
    return float(np.sum(weight * colour) / total) if total > 0 else math.nan
