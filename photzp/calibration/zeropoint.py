"""The zeropoint of one frame from its matched stars: arrays in, a frozen result out.

Model, per star:  m_ref = m_inst + zp + colorterm ((g-i) - 1) - L(S/N),   m_inst = -2.5 log10(flux / exptime)

m_ref and g-i are in the SDSS system; zp holds at the pivot colour g-i = 1.  L is the loss of Kron fluxes, which goes to
0 for bright stars (calibration/kronloss.py), so zp is their limit.

Residuals r are drawn from a mixture (Hogg, Bovy & Lang 2010, arXiv:1008.4686, sec. 3, made one-sided):

    p(r) = (1 - e+ - e-) N(r; sigma^2) + (e+ Phi(r / sigma) + e- Phi(-r / sigma)) / W
    sigma^2 = photon noise^2 + catalogue error^2 + s0^2 + s1^2 (25 / (S/N))

s0 is the scatter of bright stars (flat field, variability, transformation); s1 that of faint ones beyond their noise,
which goes as the loss of Kron fluxes does and is three times the noise on a real crowded frame.  e+ and e- are
shares of stars that are too bright or too faint by anything up to W: blends, galaxies, variables, wrong partners.  They
are fitted for themselves, so that gross errors to one side do not pull: the estimate redescends, and its scale cannot
shrink round by round as that of clipping does.  All is found by maximum likelihood with a flexible L (expectation
maximisation for the shares, Fisher's scoring for the rest); then the weights stand, and the forms of L are
averaged.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import ndtr

from photzp.calibration.kronloss import B_MAG, KRON_SNR, average_over_forms, loss_forms
from photzp.errors import FIT_NOT_CONVERGED, TOO_FEW_STARS, FrameRejected
from photzp.magnitudes import MAG_PER_RELATIVE, mag_of_ratio, ratio_of_mag
from photzp.robust import robust_spread

PIVOT_COLOUR = 1.0           # SDSS g-i at which zp holds, near the mean star
MIN_STARS = 10
PEAK_FRACTION = 0.9          # of the saturation limit: detectors bend before they saturate
PLATEAU = (0.95, 3, 1.5)     # of the highest peak; stars; flux ratio among them that only saturation explains

# The first S/N floor with FLOOR_STARS stars above it is used: near the detection limit only stars with lucky noise are
# found, but a sparse frame needs all it has.
SNR_FLOORS = (15.0, 10.0)
FLOOR_STARS = 40

MIN_COLOUR_SPREAD = 0.12     # rms of g-i [mag]; with less, a colour term takes up what belongs to zp
MAX_SCATTER_MAG = 0.5        # stars that scatter more were not matched to themselves
MAX_BLENDS = (0.02, 0.05, 0.1)  # light of neighbours in the aperture as a fraction of the star's own
MIN_AGREEING = 0.4            # share of stars that must be no gross errors: besides a third, galaxies and variables are
USED_WEIGHT = 0.1             # a star that is more surely than this no gross error is counted as used

OUTLIER_MAG = 0.6             # W: gross errors to one side; larger ones count as if they were this likely, too
OUTLIER_PRIOR = (0.5, 10.0)   # gross errors to each side among so many stars, added to those found
SCATTER_PRIOR_MAG = (0.012, 0.03)  # s0 and s1 of ...
SCATTER_PRIOR_STARS = 5.0     # ... so many stars, added to those there are
FLEXIBLE_SNRS = np.array([10.0, 40.0, 160.0, 640.0, 2560.0])  # knots of the flexible L
FLEXIBLE_MAG = 0.03           # how far L may be off its usual form at each of them
_DENSEST_STARS = 500          # of the smallest errors, among which the densest place is looked for ...
_DENSEST_PLACES = 100         # ... at so many of them
_ITERATIONS = 200
_PACE = 0.5, 20, 0.1          # part of a step of the scatter for so many iterations, and from then on: it may cycle
_TOLERANCE_MAG = 2e-5
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
    blend : light of neighbours as a fraction of the star's own, see blended_fraction.  The strictest of
    MAX_BLENDS is used that leaves twice MIN_STARS; where none does, the widest.
    """
    good = (headroom_mag >= 0) & np.isfinite(ref_error) & np.isfinite(colour)
    for limit in MAX_BLENDS:
        alone = good & (blend <= limit)
        if np.count_nonzero(alone) >= 2 * MIN_STARS:
            break
    return alone


def fit_zeropoint(sample: StarSample, *, usual_colorterm: tuple[float, float] = (0.0, 0.05)) -> ZeropointFit:
    """Fit the zeropoint of one frame.

    sample : StarSample of usable, matched stars.
    usual_colorterm : (value, error), held where the colours span too little.
    Returns a ZeropointFit.  Raises FrameRejected (too few stars, fit did not converge).
    """
    if len(sample) < MIN_STARS:
        raise FrameRejected(TOO_FEW_STARS, f'{len(sample)} usable stars of the {MIN_STARS} needed')
    x = sample.colour - PIVOT_COLOUR
    y = sample.ref_mag + mag_of_ratio(sample.flux / sample.exptime_s)
    snr = _expected_snr(sample, y, x, usual_colorterm[0])
    # The mean of -2.5 log10 of a noisy flux lies above that of the flux itself, to second order by this much.
    y -= MAG_PER_RELATIVE / (2 * snr**2)
    considered, floor = _above_floor(snr)
    error = np.hypot(MAG_PER_RELATIVE / snr, sample.ref_error)
    held = robust_spread(x[considered]) < MIN_COLOUR_SPREAD
    design, data = np.stack([np.ones(len(y)), x], axis=-1), y
    if held:
        design, data = design[:, :1], y - usual_colorterm[0] * x
    mixture = _fit_mixture(design[considered], data[considered], error[considered], snr[considered])
    used = np.zeros(len(y), bool)
    used[considered] = mixture.inlier > USED_WEIGHT
    if np.count_nonzero(used) < MIN_STARS:
        raise FrameRejected(TOO_FEW_STARS, f'{np.count_nonzero(used)} stars agree, {MIN_STARS} are needed')
    if mixture.inlier.mean() < MIN_AGREEING:
        raise FrameRejected(FIT_NOT_CONVERGED, f'only {100 * mixture.inlier.mean():.0f}% of the stars agree')
    fit = average_over_forms(design[considered], mixture.data, mixture.information, loss_forms(snr[considered]))
    mean, covariance = fit.mean, fit.covariance
    if held:
        mean_x = np.average(x[considered], weights=mixture.information)
        mean, covariance = _with_held_colorterm(mean, covariance, mean_x, usual_colorterm)
    kron = fit.amounts @ [form.values for form in loss_forms(snr)]
    residual = y - mean[0] - mean[1] * x + kron
    return ZeropointFit(
        zp_mag=float(mean[0]), zperr_mag=math.sqrt(covariance[0, 0]), colorterm=float(mean[1]),
        colortermerr=math.sqrt(covariance[1, 1]), covariance_mag2=float(covariance[0, 1]),
        zpsig_mag=robust_spread(residual[considered]), scatter_mag=mixture.scatter_mag,
        nstars=int(np.count_nonzero(used)), colorterm_held=bool(held), kron_loss_mag=float(fit.amounts.sum()),
        snr_floor=floor, considered=considered, used=used, residual_mag=residual, kron_mag=kron)


def _with_held_colorterm(zp: np.ndarray, variance: np.ndarray, mean_x: float,
                         usual_colorterm: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """(zp, colour term) and their covariance (2, 2), where zp of stars of colour mean_x was fitted with a given one."""
    slope = np.array([-mean_x, 1.0])  # how both change with the colour term
    covariance = np.outer(slope, slope) * usual_colorterm[1] ** 2
    covariance[0, 0] += variance[0, 0]
    return np.array([zp[0], usual_colorterm[0]]), covariance


def _expected_snr(sample: StarSample, y: np.ndarray, x: np.ndarray, colorterm: float) -> np.ndarray:
    """S/N that each star should have by its reference magnitude, so that the cut on it does not prefer lucky noise."""
    bright = sample.flux / sample.fluxerr >= np.quantile(sample.flux / sample.fluxerr, 0.5)
    zp = np.median((y - colorterm * x)[bright])
    expected_flux = sample.exptime_s * ratio_of_mag(zp - sample.ref_mag + colorterm * x)
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


@dataclass(frozen=True)
class _Mixture:
    """What the mixture says of each star (n,): probability that it is no gross error, the data that a linear model is
    to be fitted to, with which weight [1/mag^2]; and the scatter [mag] that errors do not explain."""

    inlier: np.ndarray
    data: np.ndarray
    information: np.ndarray
    scatter_mag: float


def _fit_mixture(design: np.ndarray, y: np.ndarray, error: np.ndarray, snr: np.ndarray) -> _Mixture:
    """Maximum likelihood of the mixture, with a flexible L.

    Two starts, of which the likelier end counts: the median with all the scatter there is, and where stars are densest
    with the scatter of good ones, which finds them where many others are off by the same amount.
    """
    full, value, precision = _with_flexible_loss(design, snr)
    shapes = np.stack([np.ones(len(y)), KRON_SNR / snr], axis=-1)  # of the variances
    each = y - full[:, 1:] @ value[1:]
    scatter = robust_spread(each)
    if scatter > MAX_SCATTER_MAG:
        raise FrameRejected(FIT_NOT_CONVERGED, f'the stars do not agree, scatter {scatter:.2f} mag')
    wide = np.full(2, max(scatter, SCATTER_PRIOR_MAG[0]) ** 2 / 2)
    narrow = np.square(SCATTER_PRIOR_MAG)
    ends, failed = [], None
    for zp, variances in (np.median(each), wide), (_densest(each, np.sqrt(error**2 + shapes @ narrow)), narrow):
        try:
            ends.append(_climb(full, y, error, shapes, value, precision, float(zp), variances))
        except FrameRejected as rejection:  # the other start may end well
            failed = rejection
    if failed and not ends:
        raise failed
    return max(ends, key=lambda end: end[0])[1]


def _densest(each: np.ndarray, sigma: np.ndarray) -> float:
    """The one of the values (n,) that has most others within reach, each of them spread out by its sigma."""
    sharpest = np.argsort(sigma, kind='stable')[:_DENSEST_STARS]
    each, sigma = each[sharpest], sigma[sharpest]
    places = slice(0, _DENSEST_PLACES)
    apart = (each[places, None] - each) / np.hypot(sigma[places, None], sigma)
    return float(each[np.argmax((np.exp(-(apart**2) / 2) / sigma).sum(axis=1))])


def _climb(full: np.ndarray, y: np.ndarray, error: np.ndarray, shapes: np.ndarray, value: np.ndarray,
           precision: np.ndarray, zp: float, variances: np.ndarray) -> tuple[float, _Mixture]:
    """(log posterior, _Mixture) of the local maximum above a start."""
    parameters = np.append(zp, value[1:])
    residual = y - full @ parameters
    shares = np.array([0.05, 0.05])
    for iteration in range(_ITERATIONS):
        pace = _PACE[0] if iteration < _PACE[1] else _PACE[2]
        sigma2 = error**2 + shapes @ variances
        inlier, outlier_slope, likelihood = _split(residual, np.sqrt(sigma2), shares)
        score = inlier * residual / sigma2 - outlier_slope
        normal = (full * (inlier / sigma2)[:, None]).T @ full + np.diag(precision)
        covariance = _inverse(normal)
        step = covariance @ (full.T @ score - precision * (parameters - value))
        parameters = parameters + step
        residual = y - full @ parameters
        spent = float(len(value) - precision @ np.diag(covariance))
        variances = variances * np.exp(pace * _scatter_step(variances, residual, error, shapes, inlier, spent))
        gross = np.array([np.sum((1 - inlier)[side]) for side in (residual > 0, residual <= 0)])
        shares = (gross + OUTLIER_PRIOR[0]) / (len(y) + OUTLIER_PRIOR[1])
        if np.max(np.abs(step)) < _TOLERANCE_MAG:
            break
    else:
        raise FrameRejected(FIT_NOT_CONVERGED, f'after {_ITERATIONS} iterations')
    scatter2 = (inlier @ (shapes @ variances)) / inlier.sum()
    # Around the flexible fit the likelihood is quadratic: what it says of L is data for the forms of L.
    data = y - residual + score * sigma2 / np.maximum(inlier, 1e-12)
    prior = -precision @ (parameters - value) ** 2 / 2 + _log_prior_of_scatter(variances)
    return float(np.log(likelihood).sum() + prior), _Mixture(
        inlier, data, _information(inlier, score, residual, sigma2, spent), math.sqrt(scatter2))


def _inverse(normal: np.ndarray) -> np.ndarray:
    """Inverse of a normal matrix; FrameRejected where it has none that can be relied on (condition in the 1-norm)."""
    try:
        inverse = np.linalg.inv(normal)
        condition = np.abs(normal).sum(axis=0).max() * np.abs(inverse).sum(axis=0).max()
    except np.linalg.LinAlgError:
        condition = math.inf
    if not condition <= _WORST_CONDITION:
        raise FrameRejected(FIT_NOT_CONVERGED, 'the stars do not determine the fit')
    return inverse


def _log_prior_of_scatter(variances: np.ndarray) -> float:
    """That of _scatter_step."""
    return float(-SCATTER_PRIOR_STARS / 2 * np.sum(np.log(variances) + np.square(SCATTER_PRIOR_MAG) / variances))


def _information(inlier: np.ndarray, score: np.ndarray, residual: np.ndarray, sigma2: np.ndarray,
                 spent: float) -> np.ndarray:
    """What each star tells of its mean (n,) [1/mag^2]: curvature^2 / square of the score (Huber 1981, sec. 3.2).

    Both are means over the stars, in units of their noise, shared out by the weights of the stars.
    """
    curvature = _mean_with_prior(inlier * (1 - (1 - inlier) * residual**2 / sigma2))
    square = _mean_with_prior(score**2 * sigma2 * len(score) / max(len(score) - spent, 1))
    return inlier / sigma2 * curvature**2 / square / inlier.mean()


def _mean_with_prior(values: np.ndarray) -> float:
    """Mean with some values of 1 added, which few stars cannot tell from their own."""
    return (values.sum() + SCATTER_PRIOR_STARS) / (len(values) + SCATTER_PRIOR_STARS)


def _with_flexible_loss(design: np.ndarray, snr: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Design (n, p + 6) with a flexible loss, the usual form and hats in ln S/N; values, precisions of its priors."""
    knots = np.log(FLEXIBLE_SNRS)
    hats = [np.interp(np.log(snr), knots, row) for row in np.eye(len(knots))]
    full = np.column_stack([design, -(snr / KRON_SNR) ** -0.5, *(-hat for hat in hats)])
    flat, value = np.zeros(design.shape[1]), np.zeros(full.shape[1])
    value[len(flat)] = B_MAG[0]
    return full, value, np.concatenate([flat, [B_MAG[1] ** -2], np.full(len(knots), FLEXIBLE_MAG**-2)])


def _split(residual: np.ndarray, sigma: np.ndarray,
           shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(probability that a star is no gross error, score of the gross errors, p(r)) by the mixture of this page."""
    u = residual / sigma
    normal = np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi) / sigma
    inlier = (1 - shares.sum()) * normal
    outlier = (shares[0] * ndtr(u) + shares[1] * ndtr(-u)) / OUTLIER_MAG
    total = inlier + outlier
    return inlier / total, (shares[0] - shares[1]) * normal / OUTLIER_MAG / total, total


def _scatter_step(variances: np.ndarray, residual: np.ndarray, error: np.ndarray, shapes: np.ndarray,
                  inlier: np.ndarray, spent: float) -> np.ndarray:
    """One step of Fisher's scoring for the logarithms of the variances (2,).

    Log likelihood: sum of inlier (-ln sigma^2 - residual^2 / sigma^2) / 2, the same of SCATTER_PRIOR_STARS stars each
    that have SCATTER_PRIOR_MAG for a residual and nothing but one of the variances.
    """
    parts = shapes * variances
    sigma2 = error**2 + parts.sum(axis=1)
    weight = inlier / (2 * sigma2**2)
    excess = residual**2 * inlier.sum() / max(inlier.sum() - spent, 1.0) - sigma2
    score = parts.T @ (weight * excess) + SCATTER_PRIOR_STARS / 2 * (np.square(SCATTER_PRIOR_MAG) / variances - 1)
    information = (parts * weight[:, None]).T @ parts + SCATTER_PRIOR_STARS / 2 * np.eye(2)
    return np.clip(np.linalg.solve(information, score), -1, 1)
