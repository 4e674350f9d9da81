"""Extinction of a site in a filter, fitted together with the throughput of its telescopes.

Each `ThroughputFit` has d = k - k_adopted of its telescope, with an error, under a prior N(0, P^2).  The prior counts
once for a site, not once for each telescope: with the likelihood of each, precision q_i = 1/s_i^2 - 1/P^2 and value
d'_i = d_i / (s_i^2 q_i), the site has

    d = sum q_i d'_i / (sum q_i + 1/P^2),    error^2 = B / (sum q_i + 1/P^2)

with B = max(1, chi^2 / (n - 1)) (Birge 1932, Phys. Rev. 40, 207), for telescopes that disagree.

Over the year k may swing: k(t) = k + a cos(2 pi t) + b sin(2 pi t), t in years.  Within a night the level of the sky
and of the telescope drops out (Bouguer's line): with r the residual of a frame and u the functions -(X - 1)(cos, sin),
both less their means of the night, (a, b) is the weighted least squares fit of r to u over all frames of clear nights,
with a constant -(X - 1) beside them, and its covariance the sandwich by the scores of nights (White 1982, Econometrica
50, 1).  With A_n = sum w u u' and c_n = sum w u r of a night, the score is c_n - A_n (k, a, b)', so that sums over
nights of v_n = (A_n, c_n) and of v_n v_n' are all that is needed of the frames (`FrameSums`).  The term is given only
where its error is below 0.006 mag/airmass, and significant where chi^2 of (a, b) = 0 has a chance below 0.1%.  Where
it is, the constant beside it corrects k: without it, k is that of the seasons with most frames.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc

from photzp.names import SeriesKey, site_of
from photzp.throughput.model import ThroughputFit
from photzp.throughput.nightmeans import EXTINCTION_PRIOR
from photzp.times import DAYS_PER_YEAR, days_of, days_since

_PRIOR_MAG = EXTINCTION_PRIOR[1]  # P, mag/airmass
_SWING_ERROR_MAX = 0.006  # mag/airmass: chosen because k of good sites swings by 0.01 to 0.03
_SWING_P = 0.001
_INFORMATION_MIN = 1.0    # (mag/airmass)^-2: less is rounding
_YEARS_MIN = 1.0          # of data, before a yearly term is given


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Frames of one telescope and filter for the yearly term; those with a value that is not finite are not used.

    Attributes
    ----------
    time : ndarray of datetime64[ms], shape (n,)
        Start of each frame.
    night : ndarray of datetime64[D], shape (n,)
        Date of its night.
    residual_mag, error_mag : ndarray, shape (n,)
        `row_residual_mag` of the fit, and its 1-sigma error.
    airmass : ndarray, shape (n,)
        Of each frame.
    clear_probability : ndarray, shape (n,)
        `row_clear_probability` of the fit.
    """

    time: np.ndarray
    night: np.ndarray
    residual_mag: np.ndarray
    error_mag: np.ndarray
    airmass: np.ndarray
    clear_probability: np.ndarray


@dataclass(frozen=True)
class FrameSums:
    """What the yearly term needs of the frames of one telescope and filter.

    Attributes
    ----------
    total : ndarray, shape (12,)
        Sum of v_n over nights: nine values of A_n, then three of c_n.
    products : ndarray, shape (12, 12)
        Sum of v_n v_n' over nights.
    days : float
        From the first frame to the last.
    """

    total: np.ndarray
    products: np.ndarray
    days: float


@dataclass(frozen=True, kw_only=True)
class Swing:
    """Yearly term of k, mean + amplitude cos(2 pi (t - peak)).

    Attributes
    ----------
    amplitude, amplitude_error : float
        mag/airmass; NaN where the data do not determine them.
    peak_day, peak_error_days : float
        Day of the year of largest k; NaN where the term is not significant.
    mean, mean_error : float
        k over the year, less that of the fits [mag/airmass].
    cosine, sine : float
        As fitted [mag/airmass], whether the data determine them or not.
    covariance : ndarray, shape (2, 2)
        Of cosine and sine.
    significant : bool
        The term is not chance.
    """

    amplitude: float
    amplitude_error: float
    peak_day: float
    peak_error_days: float
    mean: float
    mean_error: float
    cosine: float
    sine: float
    covariance: np.ndarray
    significant: bool


@dataclass(frozen=True, kw_only=True)
class SiteExtinction:
    """Extinction of one site in one filter.

    Attributes
    ----------
    site, filter : str
        Their names.
    k, k_error : float
        As fitted [mag/airmass]; NaN where no telescope has a fitted extinction.
    adopted : float
        Of the observatory's table [mag/airmass].
    telescopes : int
        Number of telescopes with a fitted extinction.
    chi2 : float
        Of their agreement, with one degree of freedom less than telescopes.
    swing : Swing or None
        Yearly term, None where no frames were given.
    """

    site: str
    filter: str
    k: float
    k_error: float
    adopted: float
    telescopes: int
    chi2: float
    swing: Swing | None


def site_extinction(site: str, filter_name: str, adopted: float, fits: Iterable[ThroughputFit],
                    sums: Iterable[FrameSums] = ()) -> SiteExtinction:
    """Extinction of a site in a filter.

    Parameters
    ----------
    site, filter_name : str
        Their names, for the result.
    adopted : float
        Extinction that the fits were given [mag/airmass].
    fits : iterable of ThroughputFit
        Of all telescopes of the site in that filter.
    sums : iterable of FrameSums
        Of the frames of each telescope, for the yearly term.

    Returns
    -------
    SiteExtinction
        Its k corrected by the yearly term where that is significant.
    """
    offsets = np.array([(fit.extinction_offset_mag, fit.extinction_offset_error_mag) for fit in fits]).reshape(-1, 2)
    value, error = offsets[np.isfinite(offsets).all(axis=1)].T
    offset, offset_error, chi2 = _posterior(value, error)
    sums = tuple(sums)
    swing = _yearly_swing(sums) if sums else None
    if swing is not None and swing.significant:
        offset, offset_error = offset + swing.mean, max(offset_error, swing.mean_error)
    return SiteExtinction(site=site, filter=filter_name, k=adopted + offset, k_error=offset_error, adopted=adopted,
                          telescopes=len(value), chi2=chi2, swing=swing)


def _posterior(value: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
    """d, its error, and chi^2 from posteriors (n,) that each contain the prior; nan, nan, 0 without any."""
    if not len(value):
        return np.nan, np.nan, 0.0
    precision = np.maximum(1 / error**2 - 1 / _PRIOR_MAG**2, 1e-3 / error**2)
    likely = value / error**2 / precision
    chi2 = float(precision @ (likely - precision @ likely / precision.sum()) ** 2)
    total = precision.sum() + 1 / _PRIOR_MAG**2
    birge = max(chi2 / (len(value) - 1), 1.0) if len(value) > 1 else 1.0
    return float(precision @ likely / total), float(np.sqrt(birge / total)), chi2


def frame_sums(frames: Frames) -> FrameSums:
    """The sums of frames that the yearly term needs.

    Parameters
    ----------
    frames : Frames
        Of one telescope and filter.

    Returns
    -------
    FrameSums
        Zeros where no frame can be used.
    """
    functions, residual, weight, night, days = _within_nights(frames)
    pairs = (functions[:, :, None] * functions[:, None, :]).reshape(-1, 9)
    columns = np.concatenate([pairs, functions * residual[:, None]], axis=1) * weight[:, None]
    nightly = np.stack([np.bincount(night, column) for column in columns.T], axis=1)
    return FrameSums(nightly.sum(axis=0), nightly.T @ nightly, days)


def _yearly_swing(sums: Iterable[FrameSums]) -> Swing:
    """The yearly term of k from the frames of all telescopes of a site in one filter."""
    total, products, span = np.zeros(12), np.zeros((12, 12)), 0.0
    for one in sums:
        total, products, span = total + one.total, products + one.products, max(span, one.days)
    normal = total[:9].reshape(3, 3)
    parameters = np.linalg.lstsq(normal, total[9:], rcond=None)[0]
    score = np.concatenate([-np.kron(np.eye(3), parameters), np.eye(3)], axis=1)  # of a night: score @ v_n
    bread = np.linalg.pinv(normal)
    covariance = bread @ score @ products @ score.T @ bread
    determined = span >= _YEARS_MIN * DAYS_PER_YEAR and np.linalg.eigvalsh(normal)[0] > _INFORMATION_MIN
    return _swing(parameters, covariance, determined)


def _within_nights(frames: Frames) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Functions (n, 3), residuals, weights, numbers of nights (n,) less the means of their nights, and span [day]."""
    values = np.stack([frames.residual_mag, frames.error_mag, frames.airmass, frames.clear_probability])
    good = np.isfinite(values).all(axis=0)
    residual, error, airmass, clear = values[:, good]
    if not len(residual):
        return np.empty((0, 3)), residual, residual, residual.astype(int), 0.0
    _, night = np.unique(frames.night[good], return_inverse=True)
    day = days_since(frames.time[good], frames.time[good].astype('datetime64[Y]'))
    phase = 2 * np.pi * day / DAYS_PER_YEAR
    functions = -(airmass - 1)[:, None] * np.stack([np.ones_like(phase), np.cos(phase), np.sin(phase)], axis=1)
    weight = clear / error**2
    total = np.maximum(np.bincount(night, weight), 1e-12)
    means = np.stack([np.bincount(night, weight * column) / total for column in functions.T], axis=1)
    span = days_of(np.ptp(frames.time[good]))
    residual = residual - (np.bincount(night, weight * residual) / total)[night]
    return functions - means[night], residual, weight, night, float(span)


def _swing(parameters: np.ndarray, covariance: np.ndarray, determined: bool) -> Swing:
    """Amplitude, phase and their errors by first order, from (mean, cosine, sine)."""
    value, within = parameters[1:], covariance[1:, 1:]
    amplitude = float(np.hypot(*value))
    along = value / max(amplitude, 1e-12)
    error, across = (_root(axis @ within @ axis) for axis in (along, np.array([-along[1], along[0]])))
    swing = Swing(amplitude=np.nan, amplitude_error=np.nan, peak_day=np.nan, peak_error_days=np.nan,
                  mean=float(parameters[0]), mean_error=_root(covariance[0, 0]), cosine=float(value[0]),
                  sine=float(value[1]), covariance=within, significant=False)
    if not (determined and 0 < error < _SWING_ERROR_MAX):
        return swing
    swing = replace(swing, amplitude=amplitude, amplitude_error=error)
    if chdtrc(2, value @ np.linalg.solve(within, value)) >= _SWING_P:
        return swing
    year = DAYS_PER_YEAR / (2 * np.pi)
    return replace(swing, peak_day=float(np.arctan2(value[1], value[0]) % (2 * np.pi)) * year,
                   peak_error_days=across / amplitude * year, significant=True)


def _root(variance: float) -> float:
    """The standard deviation; 0 where rounding made a variance of next to nothing negative."""
    return math.sqrt(max(float(variance), 0.0))


def by_site(fits: Mapping[SeriesKey, ThroughputFit], adopted: Mapping[str, float],
            sums: Mapping[SeriesKey, FrameSums] | None = None) -> tuple[SiteExtinction, ...]:
    """Extinction of all sites and filters.

    Parameters
    ----------
    fits : mapping of (str, str) to ThroughputFit
        By telescope (site-enclosure-telescope) and filter.
    adopted : mapping of str to float
        Extinction that the fits were given, by filter [mag/airmass].
    sums : mapping of (str, str) to FrameSums, optional
        By telescope and filter, for the yearly term.

    Returns
    -------
    tuple of SiteExtinction
        In order of site and filter.
    """
    sums = sums or {}
    groups: dict[tuple[str, str], list[SeriesKey]] = defaultdict(list)
    for telescope, name in sorted(fits):
        groups[site_of(telescope), name].append((telescope, name))
    return tuple(site_extinction(site, name, adopted[name], [fits[key] for key in keys],
                                 [sums[key] for key in keys if key in sums])
                 for (site, name), keys in sorted(groups.items()))
