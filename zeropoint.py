"""The zeropoint of one frame from its matched stars: arrays in, a frozen result out.

Model, per star:  m_ref = m_inst + zp + colorterm ((g-i) - 1) - L(S/N),   m_inst = -2.5 log10(flux / exptime)

m_ref and g-i are in the SDSS system; zp holds at the pivot colour g-i = 1.  L is the loss of Kron fluxes: the noisier a
star, the smaller the aperture that its moments set, and the more light is left out.  L goes to 0 for bright stars, so
zp is their limit.  On two real frames L = B (S/N / 25)^-p with p = 0.5 over a range of 60 in S/N, and B = 0.09 and 0.05
mag; other apertures and seeing may lose light faster with noise.  So B is fitted to each frame for each p of
KRON_POWERS, and the results are averaged with weights by how well each p fits (Bayesian model averaging; Hoeting et al.
1999, Statistical Science 14, 382): the error of zp holds what the frame cannot tell about L.

Stars err in three ways: photon noise and catalogue error, which are known; a common scatter s (flat field, variability,
transformation), which is fitted; and gross errors (blends, galaxies, variables), which a redescending M-estimator
(Tukey's biweight) gives no weight at all.  The scale of that estimator comes from the median of the residuals, so it
cannot shrink round by round as clipping does.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from rejections import FIT_NOT_CONVERGED, TOO_FEW_STARS, FrameRejected

PIVOT_COLOUR = 1.0           # SDSS g-i at which zp holds, near the mean star
MIN_STARS = 10
MAG_PER_RELATIVE = 2.5 / math.log(10)
PEAK_FRACTION = 0.9          # of the saturation limit: detectors bend before they saturate
PLATEAU = (0.95, 3, 1.5)     # of the highest peak; stars; flux ratio among them that only saturation explains

# The first S/N floor with FLOOR_STARS stars above it is used: near the detection limit only stars with lucky noise are
# found, but a sparse frame needs all it has.
SNR_FLOORS = (15.0, 10.0)
FLOOR_STARS = 40

KRON_SNR = 25.0              # S/N at which B, the size of the loss, is defined
KRON_LOSS_MAG = (0.07, 0.03)  # B: mean and spread of the two real frames
KRON_POWERS = (0.5, 1.0, 2.0)
KRON_POWER_PRIOR = (8, 1, 1)  # to one another; p = 0.5 is what both real frames show

MIN_COLOUR_SPREAD = 0.12     # rms of g-i [mag]; with less, a colour term takes up what belongs to zp
MAX_SCATTER_MAG = 0.5        # stars that scatter more were not matched to themselves
MAX_BLEND = 0.02             # light of neighbours in the aperture as a fraction of the star's own
BIWEIGHT = 4.685             # Tukey's constant for 95% efficiency with Gaussian errors
_ITERATIONS = 200
_SCALE_ITERATIONS = 10
_SCATTER_STEPS = 14          # bisections: to a thousandth of the scatter
_TOLERANCE_MAG = 1e-5
_WORST_CONDITION = 1e10       # of the normal matrix; terms of a sound fit are of order one


@dataclass(frozen=True)
class StarSample:
    """Matched stars of one frame, arrays of shape (n,).

    flux, fluxerr : electrons per exposure.  ref_mag, ref_error : SDSS system [mag].  colour : SDSS g-i [mag].
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
        """The stars of a boolean mask or index array."""
        return replace(self, flux=self.flux[chosen], fluxerr=self.fluxerr[chosen], ref_mag=self.ref_mag[chosen],
                       ref_error=self.ref_error[chosen], colour=self.colour[chosen])


@dataclass(frozen=True)
class ZeropointFit:
    """The zeropoint of a frame, at colour g-i = PIVOT_COLOUR and for bright stars.

    zperr_mag, colortermerr, covariance_mag2 : 1-sigma errors of zp and colour term, and their covariance.
    zpsig_mag : robust scatter of single stars about the fit.  scatter_mag : what of it errors do not explain.
    nstars : stars with weight.  colorterm_held : the colour term is the usual one, not a fit.
    kron_loss_mag : L at S/N = KRON_SNR.  snr_floor : S/N below which stars were left out.
    considered, used : (n,) masks over the sample: above the S/N floor; with weight in the fit.
    residual_mag, kron_mag : (n,) data - model, and L of each star.
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


def usable_stars(flux: np.ndarray, fluxerr: np.ndarray, peak: np.ndarray, background: np.ndarray, flag: np.ndarray, *,
                 flags_bad: int, saturation_e: float) -> np.ndarray:
    """Mask of the sources that a zeropoint may rest on: (n,) bool.

    flags_bad : bits of `flag` that disqualify.  saturation_e : limit on peak + background [electrons], inf where the
    header has none; then a plateau of the peaks themselves is looked for.
    """
    level = peak + background
    good = (flag & flags_bad) == 0
    good &= (flux > 0) & (fluxerr > 0) & np.isfinite(flux) & np.isfinite(fluxerr)
    limit = saturation_e if math.isfinite(saturation_e) else peak_plateau(level[good], flux[good])
    return good & (level < PEAK_FRACTION * limit)


def peak_plateau(level: np.ndarray, flux: np.ndarray) -> float:
    """Level [electrons] at which peaks pile up, inf where they do not.

    Below saturation the peak of a star goes with its flux; stars of the same peak and very different fluxes have a
    peak that was cut off.
    """
    fraction, enough, ratio = PLATEAU
    level = np.where(np.isfinite(level), level, -np.inf)
    top = level >= fraction * level.max(initial=-np.inf)
    if np.count_nonzero(top) < enough or not level.max() > 0:
        return math.inf
    fluxes = np.sort(flux[top])
    return float(level.max()) if fluxes[-enough + 1] > ratio * fluxes[0] else math.inf


def usable_references(headroom_mag: np.ndarray, ref_error: np.ndarray, colour: np.ndarray,
                      blend: np.ndarray) -> np.ndarray:
    """Mask of the reference stars that a zeropoint may rest on: (n,) bool; nan anywhere is not usable.

    headroom_mag : how much fainter than the catalogue's bright limit the star is, in the worst of the filter's band, g
    and i: a saturated g or i spoils the colour.  colour : nan outside the range of the transformation.
    blend : light of neighbours as a fraction of the star's own, see starmatch.blended_fraction.
    """
    return (headroom_mag >= 0) & np.isfinite(ref_error) & np.isfinite(colour) & (blend <= MAX_BLEND)


def fit_zeropoint(sample: StarSample, *, usual_colorterm: tuple[float, float] = (0.0, 0.05)) -> ZeropointFit:
    """Fit the zeropoint of one frame.

    sample : StarSample of usable, matched stars.
    usual_colorterm : (value, error), held where the colours span too little.
    Returns a ZeropointFit.  Raises FrameRejected (too few stars, fit did not converge).
    """
    if len(sample) < MIN_STARS:
        raise FrameRejected(TOO_FEW_STARS, f'{len(sample)} usable stars of the {MIN_STARS} needed')
    x = sample.colour - PIVOT_COLOUR
    y = sample.ref_mag + 2.5 * np.log10(sample.flux / sample.exptime_s)
    snr = _expected_snr(sample, y, x, usual_colorterm[0])
    # The mean of -2.5 log10 of a noisy flux lies above that of the flux itself, to second order by this much.
    y -= MAG_PER_RELATIVE / (2 * snr**2)
    considered, floor = _above_floor(snr)
    error = np.hypot(MAG_PER_RELATIVE / snr, sample.ref_error)
    held = _spread(x[considered]) < MIN_COLOUR_SPREAD
    prior = np.array([(0.0, math.inf), usual_colorterm if held else (usual_colorterm[0], math.inf), KRON_LOSS_MAG])
    losses = [(snr / KRON_SNR) ** -power for power in KRON_POWERS]
    designs = [np.stack([np.ones(len(y)), x, -loss], axis=-1) for loss in losses]
    fits = [_biweight_fit(design[considered], y[considered], error[considered], prior) for design in designs]
    share = _model_shares(fits, error[considered], prior)
    parameters = np.array([fit.parameters for fit in fits])
    mean, covariance = _averaged(parameters, np.array([fit.covariance for fit in fits]), share)
    weight = share @ np.array([fit.weight for fit in fits])
    if np.count_nonzero(weight) < MIN_STARS:
        raise FrameRejected(TOO_FEW_STARS, f'{np.count_nonzero(weight)} stars agree, {MIN_STARS} are needed')
    used = np.zeros(len(y), bool)
    used[considered] = weight > 0
    kron = (share * parameters[:, 2]) @ np.array(losses)
    residual = y - mean[0] - mean[1] * x + kron
    return ZeropointFit(
        zp_mag=float(mean[0]), zperr_mag=math.sqrt(covariance[0, 0]), colorterm=float(mean[1]),
        colortermerr=math.sqrt(covariance[1, 1]), covariance_mag2=float(covariance[0, 1]),
        zpsig_mag=_spread(residual[considered]), scatter_mag=float(share @ [fit.scatter for fit in fits]),
        nstars=int(np.count_nonzero(used)), colorterm_held=bool(held), kron_loss_mag=float(mean[2]), snr_floor=floor,
        considered=considered, used=used, residual_mag=residual, kron_mag=kron)


def _model_shares(fits: list['_BiweightFit'], error: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Posterior share of each model of the Kron loss, summing to 1.

    By Laplace's approximation: minus the log evidence is the biweight's objective at one common scale, plus the prior
    of B, less half the log of B's posterior variance (zp and colour term have the same flat priors in all models).
    """
    sigma = np.hypot(error, np.min([fit.scatter for fit in fits]))
    loss, spread = prior[2]
    cost = []
    for fit in fits:
        u = np.minimum(np.abs(fit.residual / (BIWEIGHT * sigma)), 1)
        objective = np.sum(1 - (1 - u**2) ** 3) * BIWEIGHT**2 / 6
        cost.append(objective + ((fit.parameters[2] - loss) / spread) ** 2 / 2 - math.log(fit.covariance[2, 2]) / 2)
    share = np.array(KRON_POWER_PRIOR) * np.exp(np.min(cost) - np.array(cost))
    return share / share.sum()


def _averaged(parameters: np.ndarray, covariances: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of a mixture: within the models, and between them."""
    mean = share @ parameters
    apart = parameters - mean
    return mean, np.tensordot(share, covariances, 1) + (apart * share[:, None]).T @ apart


def _expected_snr(sample: StarSample, y: np.ndarray, x: np.ndarray, colorterm: float) -> np.ndarray:
    """S/N that each star should have by its reference magnitude, so that the cut on it does not prefer lucky noise."""
    bright = sample.flux / sample.fluxerr >= np.quantile(sample.flux / sample.fluxerr, 0.5)
    zp = np.median((y - colorterm * x)[bright])
    expected_flux = sample.exptime_s * 10 ** (-0.4 * (sample.ref_mag - zp - colorterm * x))
    return expected_flux / sample.fluxerr


def _above_floor(snr: np.ndarray) -> tuple[np.ndarray, float]:
    for floor in SNR_FLOORS:
        above = snr >= floor
        if np.count_nonzero(above) >= FLOOR_STARS:
            break
    if np.count_nonzero(above) < MIN_STARS:
        found = np.count_nonzero(above)
        raise FrameRejected(TOO_FEW_STARS, f'{found} stars of S/N > {floor:g}, {MIN_STARS} are needed')
    return above, floor


def _spread(values: np.ndarray) -> float:
    """Standard deviation by the median of absolute deviations."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


@dataclass(frozen=True)
class _BiweightFit:
    parameters: np.ndarray
    covariance: np.ndarray
    residual: np.ndarray
    weight: np.ndarray
    scatter: float


def _biweight_fit(design: np.ndarray, y: np.ndarray, error: np.ndarray, prior: np.ndarray) -> _BiweightFit:
    """Linear M-estimate with Tukey's biweight, a fitted common scatter and Gaussian priors.

    design (n, p), y (n,), error (n,) [mag]; prior (p, 2): value and width, inf where there is none.
    Start: the median, with the priors' values for all but the first parameter.
    """
    value, width = prior.T
    precision = np.diag(1 / width**2)
    parameters = value.copy()
    parameters[0] = np.median(y - design @ np.where(np.arange(len(value)) == 0, 0.0, value))
    previous = np.full(len(value), np.inf)
    for iteration in range(_ITERATIONS):
        residual = y - design @ parameters
        if iteration < _SCALE_ITERATIONS:  # with the scale fixed then, each step lowers the objective
            scatter = _common_scatter(residual, error)
            sigma = np.hypot(error, scatter)
        weight = np.clip(1 - (residual / (BIWEIGHT * sigma)) ** 2, 0, None) ** 2
        normal = (design * (weight / sigma**2)[:, None]).T @ design + precision
        if np.linalg.cond(normal) > _WORST_CONDITION:
            raise FrameRejected(FIT_NOT_CONVERGED, 'the stars do not determine the fit')
        parameters = np.linalg.solve(normal, (design * (weight / sigma**2)[:, None]).T @ y + precision @ value)
        if np.max(np.abs(parameters - previous)) < _TOLERANCE_MAG:
            break
        previous = parameters
    else:
        raise FrameRejected(FIT_NOT_CONVERGED, f'after {_ITERATIONS} iterations')
    if scatter > MAX_SCATTER_MAG:
        raise FrameRejected(FIT_NOT_CONVERGED, f'the stars do not agree, scatter {scatter:.2f} mag')
    residual = y - design @ parameters
    return _BiweightFit(parameters, _sandwich(design, residual, sigma, precision), residual, weight, scatter)


def _common_scatter(residual: np.ndarray, error: np.ndarray) -> float:
    """s >= 0 such that residual / sqrt(error^2 + s^2) has unit spread about zero, by bisection."""
    deviation, variance = np.abs(residual), error**2

    def spread(scatter: float) -> float:
        return 1.4826 * float(np.median(deviation / np.sqrt(variance + scatter**2)))

    if spread(1e-9) <= 1:
        return 0.0
    low, high = 0.0, 2 * 1.4826 * float(np.median(deviation))  # there the spread is 0.5 at most
    for _ in range(_SCATTER_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if spread(middle) > 1 else (low, middle)
    return high


def _sandwich(design: np.ndarray, residual: np.ndarray, sigma: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Covariance of a linear M-estimate (Huber 1981, Robust Statistics, sec. 7.6), priors counted as data.

    With psi Tukey's function of u = residual / sigma:  C = M^-1 (sum psi^2 a a^T / sigma^2 + precision) M^-1,
    M = sum psi' a a^T / sigma^2 + precision; scaled by n / (n - p) for the parameters spent.
    """
    u = residual / (BIWEIGHT * sigma)
    inside = np.abs(u) < 1
    psi = np.where(inside, residual / sigma * (1 - u**2) ** 2, 0.0)
    slope = np.where(inside, (1 - u**2) * (1 - 5 * u**2), 0.0)
    scaled = design / sigma[:, None]
    bread = np.linalg.inv((scaled * slope[:, None]).T @ scaled + precision)
    used, spent = np.count_nonzero(inside), design.shape[1]
    filling = (scaled * (psi**2)[:, None]).T @ scaled * used / max(used - spent, 1) + precision
    return bread @ filling @ bread.T
