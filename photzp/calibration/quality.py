"""What tells a good zeropoint from a doubtful one: numbers of a fit that a scientist can cut on, arrays in, values out.

None of them enters the zeropoint.  A slope of zp with magnitude that is not 0 says that light is lost or gained with
brightness (a loss of Kron fluxes that the fit did not take up, a detector that bends); a reduced chi-square far above 1
that stars scatter by more than their errors; few matches among the detections that field and catalogue do not agree.
"""

import math
from dataclasses import dataclass

import numpy as np

from photzp.calibration.zeropoint import StarSample, ZeropointFit
from photzp.magnitudes import MAG_PER_RELATIVE

FITTED = 3                   # parameters of a fit: zeropoint, colour term, Kron loss
BIWEIGHT = 4.685             # Tukey's constant for 95% efficiency with Gaussian errors


@dataclass(frozen=True)
class FrameQuality:
    """Quality of one measured frame; nan where the stars do not tell.

    nmatched : sources that were matched to a reference star, one to one.
    matchsep_arcsec : median separation of the two, after what matching removed.
    matchfrac : nmatched as a fraction of all sources of the frame.
    magslope, magslopeerr [mag/mag] : slope of zp with the magnitude of the stars used, after the fit, and its error.
    redchi2 : chi-square of the stars used per degree of freedom by photon and catalogue errors alone, before the
        intrinsic scatter.
    meancolour_mag : mean SDSS g-i of the stars used, weighted as in the fit; there zp hardly depends on the colour
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

    separation_arcsec (m,) : of all matches.  nsources : sources in the frame.  sample, fit : stars offered to the fit,
    and what it made of them.
    """
    used, stars = fit.used, sample.select(fit.used)
    residual = fit.residual_mag[used]
    error = np.hypot(MAG_PER_RELATIVE * stars.fluxerr / stars.flux, stars.ref_error)
    sigma = np.hypot(error, fit.scatter_mag)
    slope, slope_error = weighted_slope(stars.ref_mag, residual, sigma)
    nmatched = len(separation_arcsec)
    freedom = len(stars) - FITTED + fit.colorterm_held
    return FrameQuality(
        nmatched=nmatched, matchsep_arcsec=float(np.median(separation_arcsec)) if nmatched else math.nan,
        matchfrac=nmatched / nsources if nsources else math.nan, magslope=slope, magslopeerr=slope_error,
        redchi2=float(np.sum((residual / error) ** 2) / freedom) if freedom > 0 else math.nan,
        meancolour_mag=mean_colour(stars.colour, residual, sigma))


def weighted_slope(x: np.ndarray, y: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """Slope of a straight line y(x) by weighted least squares, and its 1-sigma error; nan where x does not vary.

    x, y, error (n,).  The error is that of the residuals themselves (White 1980, Econometrica 48, 817), scaled by
    n / (n - 2), so that it holds where `error` does not.
    """
    weight = 1 / error**2
    dx, dy = (values - np.average(values, weights=weight) for values in (x, y))
    spread = np.sum(weight * dx**2)
    if len(x) < 3 or not spread > 0:
        return math.nan, math.nan
    slope = np.sum(weight * dx * dy) / spread
    variance = np.sum((weight * dx * (dy - slope * dx)) ** 2) / spread**2
    return float(slope), math.sqrt(variance * len(x) / (len(x) - 2))


def mean_colour(colour: np.ndarray, residual: np.ndarray, sigma: np.ndarray) -> float:
    """Mean colour by weights much as those of the fit, Tukey's biweight over the variance; nan without weight.

    colour, residual, sigma (n,) [mag].  The covariance of zp and colour term tells much the same,
    1 - cov / colortermerr^2: see `benchmarks/accuracy/colourterms.py`.
    """
    weight = np.clip(1 - (residual / (BIWEIGHT * sigma)) ** 2, 0, None) ** 2 / sigma**2
    total = np.sum(weight)
    return float(np.sum(weight * colour) / total) if total > 0 else math.nan
