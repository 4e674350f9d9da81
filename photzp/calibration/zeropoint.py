"""The zeropoint of one frame from its matched stars: arrays in, a frozen result out.

Model, per star:  m_ref = m_inst + zp + colorterm ((g-i) - 1) - L(S/N),   m_inst = -2.5 log10(flux / exptime)

m_ref and g-i are in the SDSS system; zp holds at the pivot colour g-i = 1.  L is the loss of Kron fluxes, which goes to
0 for bright stars, so zp is their limit.

A mixture of good stars and outliers, with a flexible L, gives each star its weight (calibration/mixture.py).  With
these weights zp and colour term follow by least squares, averaged over the possible forms of L
(calibration/kronloss.py).
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from photzp.calibration.kronloss import AveragedFit, average_over_forms, loss_forms
from photzp.calibration.mixture import MixtureFit, fit_mixture
from photzp.errors import FIT_NOT_CONVERGED, TOO_FEW_STARS, FrameRejected
from photzp.magnitudes import MAG_PER_RELATIVE, mag_of_ratio, ratio_of_mag
from photzp.robust import robust_spread

PIVOT_COLOUR = 1.0            # SDSS g-i at which zp holds, near the mean star
MIN_STARS = 10

# The first S/N floor with _FLOOR_STARS stars above it is used: near the detection limit only stars with lucky noise are
# detected, but a sparse frame needs all it has.
_SNR_FLOORS = (15.0, 10.0)
_FLOOR_STARS = 40

_MIN_COLOUR_SPREAD = 0.12     # rms of g-i [mag]; with less, the colour term and zp cannot be told apart
_MIN_AGREEING = 0.4           # mean probability that a star is no outlier; a third may be galaxies and variables
_USED_PROBABILITY = 0.1       # a star counts as used if it is no outlier with more than this probability


@dataclass(frozen=True, kw_only=True)
class StarSample:
    """Matched stars of one frame.

    Attributes
    ----------
    flux, fluxerr : ndarray, shape (n,)
        Electrons per exposure.
    ref_mag, ref_error : ndarray, shape (n,)
        Reference magnitude in the SDSS system [mag].
    colour : ndarray, shape (n,)
        SDSS g-i [mag].
    exptime_s : float
    """

    flux: np.ndarray
    fluxerr: np.ndarray
    ref_mag: np.ndarray
    ref_error: np.ndarray
    colour: np.ndarray
    exptime_s: float

    def __len__(self) -> int:
        return len(self.flux)

    def select(self, chosen: np.ndarray) -> 'StarSample':
        """Some of the stars.

        Parameters
        ----------
        chosen : ndarray
            Boolean mask or indices.

        Returns
        -------
        StarSample
        """
        return replace(self, flux=self.flux[chosen], fluxerr=self.fluxerr[chosen], ref_mag=self.ref_mag[chosen],
                       ref_error=self.ref_error[chosen], colour=self.colour[chosen])


@dataclass(frozen=True, kw_only=True)
class ZeropointFit:
    """The zeropoint of a frame, at colour g-i = PIVOT_COLOUR and for bright stars.

    Attributes
    ----------
    zp_mag, colorterm : float
    zperr_mag, colortermerr : float
        Their 1-sigma errors.
    covariance_mag2 : float
        Covariance of zeropoint and colour term.
    zpsig_mag : float
        Robust scatter of single stars about the fit.
    scatter_mag : float
        Intrinsic scatter, left after photon and catalogue errors.
    nstars : int
        Stars with weight.
    colorterm_held : bool
        The colour term is the usual one, not fitted.
    kron_loss_mag : float
        L at S/N = KRON_SNR.
    snr_floor : float
        S/N below which stars were left out.
    considered, used : ndarray of bool, shape (n,)
        Stars of the sample above the S/N floor; stars with weight in the fit.
    residual_mag, kron_mag : ndarray, shape (n,)
        Data - model, and L of each star of the sample.
    """

    zp_mag: float
    zperr_mag: float
    colorterm: float
    colortermerr: float
    covariance_mag2: float
    zpsig_mag: float
    scatter_mag: float
    nstars: int
    colorterm_held: bool
    kron_loss_mag: float
    snr_floor: float
    considered: np.ndarray = field(repr=False)
    used: np.ndarray = field(repr=False)
    residual_mag: np.ndarray = field(repr=False)
    kron_mag: np.ndarray = field(repr=False)


def fit_zeropoint(sample: StarSample, *, usual_colorterm: tuple[float, float] = (0.0, 0.05)) -> ZeropointFit:
    """Fit the zeropoint of one frame.

    Parameters
    ----------
    sample : StarSample
        Usable stars.
    usual_colorterm : tuple of float
        Colour term and its error, held where the colours span too little.

    Returns
    -------
    ZeropointFit

    Raises
    ------
    FrameRejected
        If there are too few stars, or the fit does not converge.
    """
    if len(sample) < MIN_STARS:
        raise FrameRejected(TOO_FEW_STARS, f'{len(sample)} usable stars of the {MIN_STARS} needed')
    x = sample.colour - PIVOT_COLOUR
    y = sample.ref_mag + mag_of_ratio(sample.flux / sample.exptime_s)
    snr = _expected_snr(sample, y, x, usual_colorterm[0])
    # The mean of -2.5 log10 of a noisy flux lies above that of the flux itself, to second order by this much.
    y -= MAG_PER_RELATIVE / (2 * snr**2)
    considered, snr_floor = _above_floor(snr)
    fit, mixture, held = _solve(x[considered], y[considered], sample.ref_error[considered], snr[considered],
                                usual_colorterm)
    used = np.zeros(len(sample), bool)
    used[considered] = mixture.inlier > _USED_PROBABILITY
    (zp, colorterm), covariance = fit.mean, fit.covariance
    kron = fit.b_mag @ [form.values for form in loss_forms(snr)]
    residual = y - zp - colorterm * x + kron
    return ZeropointFit(
        zp_mag=float(zp), zperr_mag=math.sqrt(covariance[0, 0]), colorterm=float(colorterm),
        colortermerr=math.sqrt(covariance[1, 1]), covariance_mag2=float(covariance[0, 1]),
        zpsig_mag=robust_spread(residual[considered]), scatter_mag=mixture.scatter_mag,
        nstars=int(np.count_nonzero(used)), colorterm_held=held, kron_loss_mag=float(fit.b_mag.sum()),
        snr_floor=snr_floor, considered=considered, used=used, residual_mag=residual, kron_mag=kron)


def _expected_snr(sample: StarSample, y: np.ndarray, x: np.ndarray, colorterm: float) -> np.ndarray:
    """S/N that each star should have by its reference magnitude, so that the cut on it does not prefer lucky noise."""
    bright = sample.flux / sample.fluxerr >= np.quantile(sample.flux / sample.fluxerr, 0.5)
    zp = np.median((y - colorterm * x)[bright])
    expected_flux = sample.exptime_s * ratio_of_mag(zp - sample.ref_mag + colorterm * x)
    return expected_flux / sample.fluxerr


def _above_floor(snr: np.ndarray) -> tuple[np.ndarray, float]:
    """(mask of the stars above the S/N floor, floor)."""
    for floor in _SNR_FLOORS:
        above = snr >= floor
        if np.count_nonzero(above) >= _FLOOR_STARS:
            break
    if np.count_nonzero(above) < MIN_STARS:
        raise FrameRejected(TOO_FEW_STARS,
                            f'{np.count_nonzero(above)} stars of S/N > {floor:g}, {MIN_STARS} are needed')
    return above, floor


def _solve(x: np.ndarray, y: np.ndarray, ref_error: np.ndarray, snr: np.ndarray,
           usual_colorterm: tuple[float, float]) -> tuple[AveragedFit, MixtureFit, bool]:
    """(fit of zp and colour term, outliers, whether the colour term was held) of y = zp + colorterm x - L(snr)."""
    error = np.hypot(MAG_PER_RELATIVE / snr, ref_error)
    held = robust_spread(x) < _MIN_COLOUR_SPREAD
    design, data = np.stack([np.ones(len(y)), x], axis=-1), y
    if held:
        design, data = design[:, :1], y - usual_colorterm[0] * x
    mixture = fit_mixture(design, data, error, snr)
    agreeing = np.count_nonzero(mixture.inlier > _USED_PROBABILITY)
    if agreeing < MIN_STARS:
        raise FrameRejected(TOO_FEW_STARS, f'{agreeing} stars agree, {MIN_STARS} are needed')
    if mixture.inlier.mean() < _MIN_AGREEING:
        raise FrameRejected(FIT_NOT_CONVERGED, f'only {100 * mixture.inlier.mean():.0f}% of the stars agree')
    fit = average_over_forms(design, mixture.data, mixture.information, loss_forms(snr))
    if held:
        fit = _with_held_colorterm(fit, np.average(x, weights=mixture.information), usual_colorterm)
    return fit, mixture, held


def _with_held_colorterm(fit: AveragedFit, mean_x: float, usual_colorterm: tuple[float, float]) -> AveragedFit:
    """The fit of zp alone, of stars with a mean x, as one of zp and colour term with the error of the usual one."""
    slope = np.array([-mean_x, 1.0])  # change of both with the colour term
    covariance = np.outer(slope, slope) * usual_colorterm[1] ** 2
    covariance[0, 0] += fit.covariance[0, 0]
    return replace(fit, mean=np.array([fit.mean[0], usual_colorterm[0]]), covariance=covariance)
