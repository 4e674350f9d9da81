"""Extinction of a site in a filter, fitted together with the throughput of its telescopes.

Each `ThroughputFit` has d = k - k_adopted of its telescope, with an error, under a prior N(0, PRIOR_MAG^2).  The prior
counts once for a site, not once for each telescope: with the likelihood of each, precision q_i = 1/s_i^2 -
1/PRIOR_MAG^2 and value d_i / (s_i^2 q_i), the site has

    d = sum q_i d'_i / (sum q_i + 1/PRIOR_MAG^2),    error^2 = B / (sum q_i + 1/PRIOR_MAG^2)

with B = max(1, chi^2 / (n - 1)) (Birge 1932, Phys. Rev. 40, 207), for telescopes that disagree.

Over the year k may swing: k(t) = k + a cos(2 pi t) + b sin(2 pi t), t in years.  Within a night the level of the sky
and of the telescope drops out (Bouguer's line): with r the residual of a frame and u the functions -(X - 1)(cos, sin),
both less their means of the night, (a, b) is the weighted least squares fit of r to u over all frames of clear nights,
with a constant -(X - 1) beside them, and its covariance the sandwich by the scores of nights (White 1982, Econometrica
50, 1).  With A_n = sum w u u' and c_n = sum w u r of a night, the score is c_n - A_n (k, a, b)', so that sums over
nights of v_n = (A_n, c_n) and of v_n v_n' are all that is needed of the frames (`FrameSums`).  The term is given only
where its error is below SWING_ERROR_MAX, and significant where chi^2 of (a, b) = 0 has a chance below SWING_P.  Where
it is, the constant beside it corrects k: without it, k is that of the seasons with most frames.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from photzp.throughput.linefit import EXTINCTION_PRIOR
from photzp.throughput.model import ThroughputFit
from photzp.times import DAYS_PER_YEAR, days_of, days_since

PRIOR_MAG = EXTINCTION_PRIOR[1]  # mag/airmass
SWING_ERROR_MAX = 0.006  # mag/airmass: chosen because k of good sites swings by 0.01 to 0.03
SWING_P = 0.001
INFORMATION_MIN = 1.0    # (mag/airmass)^-2: less is rounding
YEARS_MIN = 1.0          # of data, before a year is spoken of


@dataclass(frozen=True)
class Frames:
    """Frames of one telescope and filter for the yearly term, (n,) each; rows that are not finite are not used.

    time : datetime64[ms].  night : date of the night.  residual_mag : row_residual_mag of the fit, error_mag : of it.
    airmass.  clear_probability : row_clear_probability of the fit.
    """

    time: np.ndarray
    night: np.ndarray
    residual_mag: np.ndarray
    error_mag: np.ndarray
    airmass: np.ndarray
    clear_probability: np.ndarray


@dataclass(frozen=True)
class FrameSums:
    """What the yearly term needs of the frames of one telescope and filter; v holds nine of A_n, then three of c_n.

    total (12,), products (12, 12) : sums of v_n and of v_n v_n' over nights.  days : from the first frame to the last.
    """

    total: np.ndarray
    products: np.ndarray
    days: float


@dataclass(frozen=True)
class Swing:
    """Yearly term of k, mean + amplitude cos(2 pi (t - peak)): nan where the data do not carry it.

    amplitude, amplitude_error [mag/airmass]; peak_day, peak_error_days : day of the year of largest k.
    mean, mean_error : of k over the year, less that of the fits.  cosine, sine, and covariance (2, 2) : as fitted,
    whether carried or not.  significant : it is not chance.
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


@dataclass(frozen=True)
class SiteExtinction:
    """Extinction of one site in one filter [mag/airmass].

    k, k_error : fitted; adopted : of the table.  telescopes : with a fit.  chi2 : of their agreement, dof one less.
    swing : yearly term, None where no frames were given.
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
    """Extinction of a site in a filter from the fits of all its telescopes in it.

    adopted : k [mag/airmass] that the fits were given.  sums : of each telescope, for the yearly term.
    """
    found = [(fit.extinction_offset_mag, fit.extinction_offset_error_mag) for fit in fits]
    value, error = np.array([pair for pair in found if np.isfinite(pair).all()]).reshape(-1, 2).T
    offset, offset_error, chi2 = combined(value, error)
    sums = tuple(sums)
    swing = yearly_swing(sums) if sums else None
    if swing is not None and swing.significant:
        offset, offset_error = offset + swing.mean, max(offset_error, swing.mean_error)
    return SiteExtinction(site, filter_name, adopted + offset, offset_error, adopted, len(value), chi2, swing)


def with_prior_about(offset: float, error: float, extinction_offset: float) -> float:
    """Fitted minus adopted extinction of a fit whose rows were given another one, by so much: as the fit would have it.

    Its prior is about what the rows were given, c, instead of the adopted extinction: in sum of precisions q + 1/P^2 =
    1/s^2 the mean moves by c s^2 / P^2, and that is taken back.  offset, error : of the fit, against what it was given.
    """
    return offset + extinction_offset * (1 - (error / PRIOR_MAG) ** 2) if extinction_offset else offset


def combined(value: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
    """d, its error, and chi^2 of posteriors (n,) that had the prior each; nan, nan, 0 without any."""
    if not len(value):
        return np.nan, np.nan, 0.0
    precision = np.maximum(1 / error**2 - 1 / PRIOR_MAG**2, 1e-3 / error**2)
    likely = value / error**2 / precision
    chi2 = float(precision @ (likely - precision @ likely / precision.sum()) ** 2)
    total = precision.sum() + 1 / PRIOR_MAG**2
    birge = max(chi2 / (len(value) - 1), 1.0) if len(value) > 1 else 1.0
    return float(precision @ likely / total), float(np.sqrt(birge / total)), chi2


def frame_sums(frames: Frames) -> FrameSums:
    """The sums of the frames of one telescope and filter."""
    functions, residual, weight, night, days = _within_nights(frames)
    pairs = (functions[:, :, None] * functions[:, None, :]).reshape(-1, 9)
    columns = np.concatenate([pairs, functions * residual[:, None]], axis=1) * weight[:, None]
    nightly = np.stack([np.bincount(night, column) for column in columns.T], axis=1)
    return FrameSums(nightly.sum(axis=0), nightly.T @ nightly, days)


def yearly_swing(sums: Iterable[FrameSums]) -> Swing:
    """The yearly term of k from the frames of all telescopes of a site in one filter."""
    total, products, span = np.zeros(12), np.zeros((12, 12)), 0.0
    for each in sums:
        total, products, span = total + each.total, products + each.products, max(span, each.days)
    normal = total[:9].reshape(3, 3)
    found = np.linalg.lstsq(normal, total[9:], rcond=None)[0]
    score = np.concatenate([-np.kron(np.eye(3), found), np.eye(3)], axis=1)  # of a night: score @ v_n
    bread = np.linalg.pinv(normal)
    covariance = bread @ score @ products @ score.T @ bread
    carried = span >= YEARS_MIN * DAYS_PER_YEAR and np.linalg.eigvalsh(normal)[0] > INFORMATION_MIN
    return _swing(found, covariance, carried)


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


def _swing(found: np.ndarray, covariance: np.ndarray, carried: bool) -> Swing:
    """Amplitude, phase and their errors by first order, from (mean, cosine, sine)."""
    value, within = found[1:], covariance[1:, 1:]
    amplitude = float(np.hypot(*value))
    along = value / max(amplitude, 1e-12)
    error, across = (_root(each @ within @ each) for each in (along, np.array([-along[1], along[0]])))
    fitted = float(found[0]), _root(covariance[0, 0]), float(value[0]), float(value[1]), within
    if not (carried and 0 < error < SWING_ERROR_MAX):
        return Swing(np.nan, np.nan, np.nan, np.nan, *fitted, False)
    if chdtrc(2, value @ np.linalg.solve(within, value)) >= SWING_P:
        return Swing(amplitude, error, np.nan, np.nan, *fitted, False)
    year = DAYS_PER_YEAR / (2 * np.pi)
    peak = float(np.arctan2(value[1], value[0]) % (2 * np.pi)) * year
    return Swing(amplitude, error, peak, across / amplitude * year, *fitted, True)


def _root(variance: float) -> float:
    """The standard deviation; 0 where rounding made a variance of next to nothing negative."""
    return math.sqrt(max(float(variance), 0.0))


def by_site(fits: Mapping[tuple[str, str], ThroughputFit], adopted: Mapping[str, float],
            sums: Mapping[tuple[str, str], FrameSums] | None = None) -> tuple[SiteExtinction, ...]:
    """Extinction of all sites and filters, in order of site and filter.

    fits : by (telescope as site-enclosure-telescope, filter).  adopted : k [mag/airmass] by filter.  sums : as fits,
    for the yearly term; without them there is none.
    """
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for telescope, name in sorted(fits):
        groups.setdefault((telescope.partition('-')[0], name), []).append((telescope, name))
    return tuple(site_extinction(site, name, adopted[name], [fits[key] for key in same],
                                 [sums[key] for key in same if key in sums] if sums else ())
                 for (site, name), same in sorted(groups.items()))
