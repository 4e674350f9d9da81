"""Steps in the clear-sky level of a telescope that no event explains, jointly over its filters.

The search uses the mean of each night in each filter, y = model + residual of its `ThroughputFit` [mag], which still
has steps that the fit followed by kinks or jumps.  Recorded events and changes of camera are breaks, where no step is
sought.  At a time between two nights, a line (level and slope, per filter) through the 60 nights before and another
through those after are compared with one line with a kink there: a change of slope is no step.  A night has one
likelihood for all filters (`answers.sharednight`): clouds are common to them and only dim; a cloudy season is no step.

    LLR = [log L(before) + log L(after) - log L(kinked line)] / c,    c = 1 + (F - 1) rho

is the log likelihood ratio of a step; c (the design effect, Kish 1965, Survey Sampling, sec. 5.4) allows for nightly
noise common to the F filters, with correlation rho.  The largest LLR above `LLR_MIN` is a step and a break for the next
search (binary segmentation; Scott & Knott 1974, Biometrics 30, 507).  Every step is then judged anew between its
neighbours.  The likelihood of a step at t is constant between two nights, so the posterior of its time is

    p(t) ~ exp(log L_before(t) + log L_after(t)),

from which time and interval are taken: a gap in the data, or weeks of cloud, make the date uncertain.  As a
change of slope in such a gap looks like a step after it, a step has to be larger than the largest change of slope
times the gap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import chdtrc

from photzp.answers.sharednight import NOISE_MAG, clear_share, night_likelihood
from photzp.robust import INTERVAL_QUANTILES, INTERVAL_SHARE, robust_spread
from photzp.throughput.cloudmixture import SEASON_NIGHTS
from photzp.throughput.linefit import KINK_PRIOR, SLOPE_PRIOR
from photzp.throughput.model import ThroughputFit
from photzp.times import DAYS_PER_MONTH, days_since, instant_of, span_of

LLR_MIN = 16.0         # chosen on simulated years; docs/answers.md has recall and false alarms
NIGHTS_MIN = 8.0       # clear nights on either side, at least: fewer may be weather
_WINDOW = 60           # nights on either side
_SPELL_NIGHTS = 8      # in place of SEASON_NIGHTS, once a fit with the step tells clear nights from cloudy ones
_STRIDE = 4            # a step is looked for before every fourth night, and then dated to the night
_SIZE_ERROR_MAX_MAG = 1.0  # a larger error of the size means that a filter has no nights on one side
# Normal prior of slopes [mag/month], which decides for lines of few nights.  Its width is not that of the fit, whose
# lines are of whole intervals and have kinks as well: a window may lie on one side of a kink.
_SLOPE_MEAN, _SLOPE_SIGMA = SLOPE_PRIOR[0], 0.03
_KINK_MAG_PER_MONTH = KINK_PRIOR[1]  # largest change of slope
_GREY_P = 0.01  # chi-square probability of equal sizes in all filters, below which a step is coloured
_ONE_FILTER_SIGMA = 5.0  # least size of a step in one filter alone, in units of its error
_BLUR_MAG = (0.06, 0.04, 0.03, 0.02, 0.01)  # added to errors in quadrature, round by round, to reach the highest peak
_ROUNDS = 4  # of the same iteration with nothing added


@dataclass(frozen=True, kw_only=True)
class UnrecordedStep:
    """A change of the clear-sky level that no event explains; gains are positive.

    Attributes
    ----------
    time : numpy.datetime64
        Median of its posterior, datetime64[ms].
    early, late : numpy.datetime64
        Central 68.3% interval of the time, datetime64[ms].
    error_days : float
        Half of that interval.
    filters : tuple of str
        All filters of the telescope, f of them.
    size_mag, error_mag : ndarray, shape (f,)
        Size by filter, and its 1-sigma error; NaN where a filter has no nights on one side.
    joint_mag, joint_error_mag : float
        Of a step of the same size in all filters; of that filter, if it is in one only.
    colour : str
        'grey', 'coloured', 'one filter' or 'unknown' (the telescope has only one filter).
    filter : str
        The only filter that changed, '' otherwise.
    chi2 : float
        Of equal sizes in all filters.
    dof : int
        Its degrees of freedom.
    llr : float
        Log likelihood ratio against no step.
    nights : tuple of (float, float)
        Numbers of clear nights before and after that it rests on.
    """

    time: np.datetime64
    early: np.datetime64
    late: np.datetime64
    error_days: float
    filters: tuple[str, ...]
    size_mag: np.ndarray
    error_mag: np.ndarray
    joint_mag: float
    joint_error_mag: float
    colour: str
    filter: str
    chi2: float
    dof: int
    llr: float
    nights: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class _Nights:
    """Nights of a telescope in all filters: days (m,) since origin, y (f, m) [mag], variance of y [mag^2] (inf: no y),
    share of clear nights in the weeks around each (m,), days of breaks since origin, and the design effect c."""

    origin: np.datetime64
    filters: tuple[str, ...]
    day: np.ndarray
    y: np.ndarray
    variance: np.ndarray
    clear: np.ndarray
    breaks: np.ndarray
    design_effect: float = 1.0


@dataclass(frozen=True)
class _LineFits:
    """Lines through windows of nights: loglike (k,), parameters (k, f, p) and covariance (k, f, p, p) of the functions,
    and the probability of each night of the window to be clear (k, n)."""

    loglike: np.ndarray
    parameters: np.ndarray
    covariance: np.ndarray
    probability: np.ndarray

    @property
    def clear(self) -> np.ndarray:
        """Number of clear nights in each window (k,)."""
        return self.probability.sum(axis=1)


def find_steps(fits: Mapping[str, ThroughputFit]) -> tuple[UnrecordedStep, ...]:
    """Find steps of one telescope that nobody recorded.

    Parameters
    ----------
    fits : mapping of str to ThroughputFit
        By filter, of one telescope; those without nights are left out.

    Returns
    -------
    tuple of UnrecordedStep
        In order of time.
    """
    fits = {name: fit for name, fit in sorted(fits.items()) if len(fit.night)}
    return _search(_nightly_means(fits)) if fits else ()


# --- nights

def _nightly_means(fits: Mapping[str, ThroughputFit]) -> _Nights:
    """Nightly means of all filters, by the list of all nights of any filter; each fit has at least one night."""
    night = np.unique(np.concatenate([fit.night for fit in fits.values()]))
    origin = instant_of(night[0])
    shape = len(fits), len(night)
    day, y, clear, error = np.full(shape, np.nan), np.zeros(shape), np.full(shape, np.nan), np.full(shape, np.inf)
    for number, fit in enumerate(fits.values()):
        index = np.searchsorted(night, fit.night)
        day[number, index] = days_since(fit.time, origin)
        y[number, index] = fit.model_mag + fit.night_residual_mag
        error[number, index] = fit.night_residual_error_mag
        clear[number, index] = fit.clear_probability
    explained = {time for fit in fits.values() for time in _explained(fit)}
    day, clear = np.nanmean(day, axis=0), np.nanmean(clear, axis=0)
    noise, rho = _night_noise(y, error, clear)
    return _Nights(origin=origin, filters=tuple(fits), day=day, y=y, variance=error**2 + noise[:, None] ** 2,
                   clear=clear_share(clear, SEASON_NIGHTS),
                   breaks=np.array(sorted(days_since(time, origin) for time in explained)),
                   design_effect=1 + (len(fits) - 1) * rho)


def _explained(fit: ThroughputFit) -> list[np.datetime64]:
    """Times of recorded events and changes of camera."""
    opened = [interval.start for interval in fit.intervals[1:] if interval.opened_by != 'jump']
    return opened + [step.time for step in fit.steps if step.recorded]


def _night_noise(y: np.ndarray, error: np.ndarray, clear: np.ndarray) -> tuple[np.ndarray, float]:
    """Scatter of clear nights beyond their errors (f,) [mag], and the mean correlation rho of nights between filters.

    From differences of consecutive clear nights, by medians: slopes and steps hardly change these.
    """
    good = clear > 0.5
    change, size = np.full((2, len(y), max(int(np.count_nonzero(good)) - 1, 0)), np.nan)
    noise = np.full(len(y), NOISE_MAG)
    for number in range(len(y)):
        values, errors = y[number][good], error[number][good]
        measured = np.isfinite(errors)
        both = measured[1:] & measured[:-1]
        change[number, both] = np.diff(values)[both]
        size[number, both] = np.hypot(errors[1:], errors[:-1])[both]
        if np.count_nonzero(both) >= NIGHTS_MIN:
            excess = robust_spread(change[number, both], centre=0.0) ** 2 - np.median(size[number, both]) ** 2
            noise[number] = np.sqrt(max(excess / 2, NOISE_MAG**2))
    return noise, _mean_correlation(change)


def _mean_correlation(change: np.ndarray) -> float:
    """Mean correlation between rows of (f, n), at least 0, from signs by Kendall's tau: rho = sin(pi/2 tau)."""
    correlations = []
    for one in range(len(change)):
        for other in range(one):
            both = np.isfinite(change[one]) & np.isfinite(change[other])
            if np.count_nonzero(both) >= 2 * NIGHTS_MIN:
                signs = np.sign(change[one, both] * change[other, both])
                correlations.append(np.sin(np.pi / 2 * np.mean(signs)))
    return max(float(np.mean(correlations)), 0.0) if correlations else 0.0


# --- lines through windows

def _fit_lines(nights: _Nights, first: np.ndarray, last: np.ndarray, splits: np.ndarray, *,
               kinked: bool = False) -> _LineFits:
    """Lines through nights first to last - 1 (k,), with their level in the middle between a split (k,) and the night
    before, at t_0.

    Functions: 1 and t - t_0 [month]; kinked: 1, min(t - t_0, 0) and max(t - t_0, 0).
    """
    index = first[:, None] + np.arange(int((last - first).max()))
    inside = index < last[:, None]
    index = np.where(inside, index, 0)
    middle = (nights.day[splits - 1] + nights.day[splits]) / 2
    x = (nights.day[index] - middle[:, None]) / DAYS_PER_MONTH
    functions = np.stack([np.ones_like(x), *([np.minimum(x, 0), np.maximum(x, 0)] if kinked else [x])], axis=-1)
    y = np.moveaxis(nights.y[:, index], 0, 1)
    weight = np.where(inside[:, None], 1 / np.moveaxis(nights.variance[:, index], 0, 1), 0.0)
    clear = nights.clear[index]
    residual = y - _start(x, y, weight, np.average(clear, weights=inside, axis=1))
    for blur in (*_BLUR_MAG, *[0.0] * _ROUNDS):
        _, probability, tame = night_likelihood(residual, weight, clear, blur)
        parameters, covariance = _solve(functions, y, weight * tame * probability[:, None])
        residual = y - np.einsum('knp,kfp->kfn', functions, parameters)
    loglike, probability, _ = night_likelihood(residual, weight, clear)
    prior = -0.5 * ((parameters[..., 1:] - _SLOPE_MEAN) / _SLOPE_SIGMA) ** 2
    return _LineFits(loglike.sum(axis=1) + prior.sum(axis=(1, 2)), parameters, covariance, probability)


def _start(x: np.ndarray, y: np.ndarray, weight: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """Lines (k, f, n) of the prior's mean slope through the median of the brightest nights, a share `clear` (k,).

    A night is as bright as the median of its filters, so that an outlier in one filter does not count.
    """
    usual, present = _SLOPE_MEAN * x[:, None], weight > 0
    flat = y - usual
    level = _ranked(flat, present, 0.5)[:, :, None]
    bright = _ranked(np.swapaxes(flat - level, 1, 2), np.swapaxes(present, 1, 2), 0.5)
    least = _ranked(bright, np.asarray(present.any(axis=1)), clear)
    best = _ranked(flat, present & (bright >= least[:, None])[:, None], 0.5)[:, :, None]
    return np.where(np.isfinite(best), best, np.where(np.isfinite(level), level, 0.0)) + usual


def _ranked(values: np.ndarray, present: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """The value which a given share of the present values exceeds, along the last axis; -inf where none is present."""
    count = present.sum(axis=-1)
    index = np.minimum((share * count).astype(int), np.maximum(count - 1, 0))
    falling = -np.sort(np.where(present, -values, np.inf), axis=-1)
    return np.take_along_axis(falling, index[..., None], axis=-1)[..., 0]


def _solve(functions: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted least squares with the prior of slopes: parameters (k, f, p) and their covariance (k, f, p, p)."""
    size = functions.shape[-1]
    products = (functions[..., :, None] * functions[..., None, :]).reshape(*functions.shape[:2], -1)
    normal = (weight @ products).reshape(*weight.shape[:2], size, size)
    precision = np.append(1e-6, np.full(size - 1, _SLOPE_SIGMA ** -2.0))
    covariance = np.linalg.inv(normal + np.diag(precision))
    right = (weight * y) @ functions + precision * np.append(0.0, np.full(size - 1, _SLOPE_MEAN))
    return np.einsum('kfij,kfj->kfi', covariance, right), covariance


# --- search

def _search(nights: _Nights) -> tuple[UnrecordedStep, ...]:
    """The steps of a telescope, in order of time."""
    edges = sorted({0, len(nights.day), *np.searchsorted(nights.day, nights.breaks).tolist()})
    explained = set(edges)
    llr = np.full(len(nights.day), -np.inf)
    candidates = np.arange(0, len(nights.day), _STRIDE)
    changed = candidates
    while True:
        llr[changed] = _ratios(nights, changed, np.array(edges))
        best = int(np.argmax(llr))
        if not llr[best] >= LLR_MIN:
            break
        edges = sorted({*edges, best})
        changed = candidates[abs(candidates - best) <= _WINDOW]
        llr[best] = -np.inf
    steps = [_measured_step(nights, edge, edges) for edge in edges if edge not in explained]
    return tuple(step for step in steps if _is_certain(step))


def _is_certain(step: UnrecordedStep) -> bool:
    """Whether a step is likely, has enough nights, and exceeds what a change of slope makes within its interval."""
    if step.llr < LLR_MIN or min(step.nights) < NIGHTS_MIN:
        return False
    months = days_since(step.late, step.early) / INTERVAL_SHARE / DAYS_PER_MONTH
    return bool(np.nanmax(np.abs([*step.size_mag, step.joint_mag])) > _KINK_MAG_PER_MONTH * months)


def _windows(splits: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the first night and of the last night + 1 around each split (k,): _WINDOW nights, within its edges."""
    right = np.searchsorted(edges, splits, side='right')
    return (np.maximum(splits - _WINDOW, edges[np.maximum(right - 1, 0)]),
            np.minimum(splits + _WINDOW, edges[np.minimum(right, len(edges) - 1)]))


def _ratios(nights: _Nights, splits: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """LLR of a step before each of these nights (k,); -inf where too few clear nights are on a side."""
    first, last = _windows(splits, edges)
    llr = np.full(len(splits), -np.inf)
    enough = np.flatnonzero((splits - first >= NIGHTS_MIN) & (last - splits >= NIGHTS_MIN))
    if not len(enough):
        return llr
    first, last, splits = first[enough], last[enough], splits[enough]
    before, after = _two_lines(nights, first, splits, last)
    kinked = _fit_lines(nights, first, last, splits, kinked=True)
    value = (before.loglike + after.loglike - kinked.loglike) / nights.design_effect
    llr[enough] = np.where(np.minimum(before.clear, after.clear) >= NIGHTS_MIN, value, -np.inf)
    return llr


def _two_lines(nights: _Nights, first: np.ndarray, splits: np.ndarray,
               last: np.ndarray) -> tuple[_LineFits, _LineFits]:
    """Lines before and after each split (k,)."""
    return _fit_lines(nights, first, splits, splits), _fit_lines(nights, splits, last, splits)


def _measured_step(nights: _Nights, edge: int, edges: Sequence[int]) -> UnrecordedStep:
    """The step near one of the edges, dated and measured anew between its neighbours."""
    others = np.array([other for other in edges if other != edge])
    (low,), (high,) = _windows(np.array([edge]), others)
    reach = int(NIGHTS_MIN)
    splits = np.arange(max(edge - _WINDOW // 2, low + reach), min(edge + _WINDOW // 2, high - reach) + 1)
    first, last = np.full(len(splits), low), np.full(len(splits), high)
    for _ in range(2):
        nights = _with_own_classes(nights, low, edge, high)
        before, after = _two_lines(nights, first, splits, last)
        value = (before.loglike + after.loglike) / nights.design_effect
        best = int(np.argmax(value))
        edge = int(splits[best])
    kinked = _fit_lines(nights, np.array([low]), np.array([high]), np.array([edge]), kinked=True)
    early, middle, late = _posterior_quantiles(nights.day, splits, value - value[best])
    size = after.parameters[best, :, 0] - before.parameters[best, :, 0]
    variance = after.covariance[best, :, 0, 0] + before.covariance[best, :, 0, 0]
    return UnrecordedStep(
        time=nights.origin + span_of(middle), early=nights.origin + span_of(early),
        late=nights.origin + span_of(late), error_days=float(late - early) / 2, filters=nights.filters,
        llr=float(value[best] - kinked.loglike[0] / nights.design_effect),
        nights=(float(before.clear[best]), float(after.clear[best])),
        **_sizes(nights.filters, size, variance, nights.design_effect))


def _with_own_classes(nights: _Nights, low: int, edge: int, high: int) -> _Nights:
    """Nights with shares of clear ones from lines before and after the step: a fit without the step biases them."""
    before, after = _two_lines(nights, np.array([low]), np.array([edge]), np.array([high]))
    clear = nights.clear.copy()
    clear[low:high] = clear_share(np.append(before.probability[0], after.probability[0]), _SPELL_NIGHTS)
    return replace(nights, clear=clear)


def _posterior_quantiles(day: np.ndarray, splits: np.ndarray, loglike: np.ndarray) -> np.ndarray:
    """16, 50 and 84% quantiles [day] of the time of a step, whose likelihood is constant between two nights."""
    mass = np.exp(loglike) * (day[splits] - day[splits - 1])
    total = np.append(0, np.cumsum(mass)) / mass.sum()
    return np.interp(INTERVAL_QUANTILES, total, np.append(day[splits[0] - 1], day[splits]))


def _sizes(filters: Sequence[str], size: np.ndarray, variance: np.ndarray, design_effect: float) -> dict[str, Any]:
    """Fields of an UnrecordedStep that follow from its size in each filter (f,)."""
    measured = variance < _SIZE_ERROR_MAX_MAG**2
    error = np.sqrt(variance)
    weight = measured / variance
    joint, joint_error = float(weight @ size / weight.sum()), float(np.sqrt(design_effect / weight.sum()))
    chi2, dof = float(weight @ (size - joint) ** 2), int(np.count_nonzero(measured)) - 1
    colour, only = _colour(size[measured], error[measured], chi2, dof)
    name = ''
    if only is not None:
        index = int(np.flatnonzero(measured)[only])
        joint, joint_error, name = float(size[index]), float(error[index]), filters[index]
    return {'size_mag': np.where(measured, size, np.nan), 'error_mag': np.where(measured, error, np.nan),
            'joint_mag': joint, 'joint_error_mag': joint_error, 'colour': colour, 'filter': name, 'chi2': chi2,
            'dof': dof}


def _colour(size: np.ndarray, error: np.ndarray, chi2: float, dof: int) -> tuple[str, int | None]:
    """The field `colour` for sizes (f,) with errors, and the index of the only filter that changed, else None."""
    if dof < 1:
        return 'unknown', None
    if chdtrc(dof, chi2) > _GREY_P:
        return 'grey', None
    pull = size / error
    top = int(np.argmax(np.abs(pull)))
    others = np.delete(pull, top)
    quiet = chdtrc(dof, others @ others) > _GREY_P
    return ('one filter', top) if quiet and abs(pull[top]) >= _ONE_FILTER_SIGMA else ('coloured', None)
