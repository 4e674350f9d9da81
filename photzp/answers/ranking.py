"""Which mirror next: the light each telescope has lost, when it falls below a threshold, and what an event would give.

All are means over the filters of a telescope, in magnitudes.  The loss L is the zeropoint of the reference (a clean
telescope) minus that of the telescope, where there is a reference.  With m(t) the mean of model - reference, e(t) its
error, both from the fits (`ThroughputFit.at`), and T = 2.5 log10(threshold / 100), the probability to be below the
threshold at t is Phi((T - m(t)) / e(t)): the date is where it is one half, its interval from 16 to 84%.  Of a telescope
that is below, it is the date since when it has been.  Filters share what makes the level uncertain, so the error of
their mean is the mean of their errors (`photzp.answers.overfilters`).  The reference itself is good to 0.1 mag, which
shifts all dates and percentages of telescopes of a class together and is in no error here.

An event restores a share f of the loss L, f ~ N(share, scatter^2) as found over the fleet (`photzp.answers.shares`),
but no less than none of it and no more than all.  So with G = f L, the expectation of the gain g is

    E[min(max(G, 0), L)] = Int_0^L P(G > x) dx.

The light that it gives, in percent of the reference, averaged over the time tau [month] until the next event is
expected, while throughput falls by r [mag/month] with the event as without it, is

    A = (100 / tau) Int_0^tau 10^(-0.4 (L + r t)) (10^(0.4 g) - 1) dt.

Telescopes are ranked by A, which gains most light for the same number of events if all telescopes count the same.
Where no reference is known, L is against the level after the last recoating, or else the best level since the last
change of camera, and A is in percent of that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtr

from photzp.answers.overfilters import shared_error
from photzp.magnitudes import RELATIVE_PER_MAG, mag_of_percent, percent_error, percent_of_reference, ratio_of_mag
from photzp.robust import INTERVAL_QUANTILES
from photzp.throughput.model import ThroughputFit
from photzp.times import DAYS_PER_MONTH, DAYS_PER_YEAR, days_of, days_since, instant_of, span_of

PERIOD_DAYS = DAYS_PER_YEAR  # between events of a mirror, where the data have none: LCO's are one to two years apart
_THRESHOLD_PERCENT = 80.0  # throughput in percent of the reference
_HORIZON_DAYS = 3652      # nothing is predicted beyond ten years
_STEPS = 201  # points of numerical integrals
_NAT = instant_of('NaT')


@dataclass(frozen=True, kw_only=True)
class MirrorState:
    """A telescope now, as the mean over its filters; NaN and NaT stand for what is not known.

    Attributes
    ----------
    telescope : str
        Site-enclosure-telescope.
    filters : tuple of str
        Filters that the means are over.
    loss_mag, loss_error_mag : float
        Loss against the reference, positive for less light, and its 1-sigma error.
    percent, percent_error : float
        Throughput in percent of the reference, and its 1-sigma error.
    recoated : numpy.datetime64
        Time of the last recoating, datetime64[ms].
    since_recoating_mag, since_recoating_error_mag : float
        Loss since then; NaN where a camera was changed in between.
    best_mag : float
        Loss against the best level since a camera was changed.
    rate_mag_per_month, rate_error_mag_per_month : float
        Loss per month now, positive for a loss, and its 1-sigma error.
    threshold_percent : float
        Threshold of throughput, in percent of the reference.
    is_below : bool
        Throughput is below the threshold now.
    below, below_early, below_late : numpy.datetime64
        When throughput falls below the threshold, or since when it has been, and 68.3% interval, datetime64[ms]; NaT
        beyond ten years.  Where it has been below since its last step (or its first night), `below` and `below_early`
        are the time of that.
    """

    telescope: str
    filters: tuple[str, ...]
    loss_mag: float
    loss_error_mag: float
    percent: float
    percent_error: float
    recoated: np.datetime64
    since_recoating_mag: float
    since_recoating_error_mag: float
    best_mag: float
    rate_mag_per_month: float
    rate_error_mag_per_month: float
    threshold_percent: float
    is_below: bool
    below: np.datetime64
    below_early: np.datetime64
    below_late: np.datetime64

    @property
    def to_gain_mag(self) -> tuple[float, float]:
        """The loss that an event can restore.

        Returns
        -------
        loss_mag, error_mag : float
            Loss and its 1-sigma error, against the reference; else since the last recoating; else against the best
            level, with error 0.
        """
        if np.isfinite(self.loss_mag):
            return self.loss_mag, self.loss_error_mag
        if np.isfinite(self.since_recoating_mag):
            return self.since_recoating_mag, self.since_recoating_error_mag
        return self.best_mag, 0.0


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What an event of a kind at a telescope would give.

    Attributes
    ----------
    telescope : str
        Site-enclosure-telescope.
    kind : str
        Kind of the event.
    rank : int
        1 is the best of its kind.
    gain_mag, gain_error_mag : float
        Expected gain g, and the standard deviation of gains about it.
    light_percent, light_error_percent : float
        A of the module docstring, in percent of the reference, and its 1-sigma error.
    """

    telescope: str
    kind: str
    rank: int
    gain_mag: float
    gain_error_mag: float
    light_percent: float
    light_error_percent: float


# --- one telescope

def mirror_state(telescope: str, fits: Mapping[str, ThroughputFit], reference_mag: Mapping[str, float],
                 now: np.datetime64, threshold_percent: float = _THRESHOLD_PERCENT) -> MirrorState | None:
    """The state of a telescope at a time.

    Parameters
    ----------
    telescope : str
        Site-enclosure-telescope.
    fits : mapping of str to ThroughputFit
        By filter.
    reference_mag : mapping of str to float
        Zeropoint of a clean telescope by filter, as far as known.  Where any filter has one, only those with one count.
    now : numpy.datetime64
        UTC.
    threshold_percent : float
        In percent of the reference.

    Returns
    -------
    MirrorState or None
        None where no filter has a model.
    """
    fits = {name: fit for name, fit in sorted(fits.items()) if fit.intervals}
    with_reference = {name: fit for name, fit in fits.items() if name in reference_mag}
    used = with_reference or fits
    if not used:
        return None
    now = instant_of(now)
    recoated, since_recoating, since_recoating_error = _since_recoating(used, now)
    return MirrorState(
        telescope=telescope, filters=tuple(used), recoated=recoated, since_recoating_mag=since_recoating,
        since_recoating_error_mag=since_recoating_error, threshold_percent=threshold_percent,
        best_mag=_mean([_below_best(fit, now) for fit in used.values()]), **_rate(used),
        **_against_reference(with_reference, reference_mag, now, threshold_percent))


def _mean(values: Iterable[float] | np.ndarray) -> float:
    values = np.asarray(values, float)
    return float(values.mean()) if len(values) else np.nan


def _rate(fits: Mapping[str, ThroughputFit]) -> dict[str, Any]:
    """Fields of a MirrorState: the mean loss per month, at the end of each fit."""
    newest = [fit.intervals[-1] for fit in fits.values()]
    rates = np.array([(-line.end_slope_mag_per_month, line.end_slope_error_mag_per_month) for line in newest])
    rates = rates[np.isfinite(rates).all(axis=1)]
    return {'rate_mag_per_month': _mean(rates[:, 0]), 'rate_error_mag_per_month': float(shared_error(rates[:, 1]))}


def _against_reference(fits: Mapping[str, ThroughputFit], reference_mag: Mapping[str, float], now: np.datetime64,
                       threshold_percent: float) -> dict[str, Any]:
    """Fields of a MirrorState that need a reference."""
    loss, error, percent, percent_sigma = np.nan, np.nan, np.nan, np.nan
    below, early, late = _NAT, _NAT, _NAT
    if fits:
        margin, margin_error = _mean_margin(fits, reference_mag, np.array([now]))
        loss, error = -float(margin[0]), float(margin_error[0])
        percent, percent_sigma = percent_of_reference(-loss), percent_error(-loss, error)
        below, early, late = _crossing_dates(fits, reference_mag, now, threshold_percent)
    return {'loss_mag': loss, 'loss_error_mag': error, 'percent': percent, 'percent_error': percent_sigma,
            'is_below': bool(percent < threshold_percent), 'below': below, 'below_early': early, 'below_late': late}


def _mean_margin(fits: Mapping[str, ThroughputFit], reference_mag: Mapping[str, float],
                 time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over filters of model - reference at times (q,) and its error [mag]."""
    values = [(model - reference_mag[name], error) for name, fit in fits.items() for model, error in [fit.at(time)]]
    margin, error = np.array(values).transpose(1, 0, 2)
    return margin.mean(axis=0), shared_error(error)


def _crossing_dates(fits: Mapping[str, ThroughputFit], reference_mag: Mapping[str, float], now: np.datetime64,
                    threshold_percent: float) -> tuple[np.datetime64, np.datetime64, np.datetime64]:
    """(date, early, late) at which the mean of the filters falls below the threshold, or since when it has been."""
    start = max(max([fit.intervals[-1].start, *(step.time for step in fit.steps)]) for fit in fits.values())
    age = max(int(days_since(now, start)), 0)
    time = np.append(min(start, now), now + span_of(np.arange(-age, _HORIZON_DAYS)))
    margin, error = _mean_margin(fits, reference_mag, time)
    chance = ndtr((mag_of_percent(threshold_percent) - margin) / np.maximum(error, 1e-6))
    early, middle, late = (_change_near(time, chance >= q, age + 1) for q in INTERVAL_QUANTILES)
    return middle, early, late


def _change_near(time: np.ndarray, is_below: np.ndarray, now: int) -> np.datetime64:
    """The first of the times (n,) from which on it is below up to `now` (an index), or else the first one after now."""
    if is_below[now]:
        above = np.flatnonzero(~is_below[:now])
        return time[above[-1] + 1] if len(above) else time[0]
    return time[now + np.argmax(is_below[now:])] if is_below[now:].any() else _NAT


def _since_recoating(fits: Mapping[str, ThroughputFit], now: np.datetime64) -> tuple[np.datetime64, float, float]:
    """Time of the last recoating, loss since then and its error, as means over filters."""
    times = [step.time for fit in fits.values() for step in fit.steps if step.kind == 'recoating' and step.recorded]
    if not times:
        return _NAT, np.nan, np.nan
    last = max(times)
    values = []
    for fit in fits.values():
        same_camera = not any(step.instrumental and step.time > last for step in fit.steps)
        opened = [interval for interval in fit.intervals if interval.start == last]
        if same_camera and opened:
            model, error = fit.at(np.array([now]))
            values.append((opened[0].start_mag - model[0], np.hypot(opened[0].start_error_mag, error[0])))
    loss, error = np.array(values).reshape(-1, 2).T
    return last, _mean(loss), float(shared_error(error))


def _below_best(fit: ThroughputFit, now: np.datetime64) -> float:
    """Loss against the best level since the last change of camera [mag]."""
    changed = max([step.time for step in fit.steps if step.instrumental], default=fit.time[0])
    levels = [interval.start_mag for interval in fit.intervals if interval.start >= changed]
    levels += fit.model_mag[fit.time >= changed].tolist()
    return float(max(levels, default=fit.model_mag[-1]) - fit.at(np.array([now]))[0][0])


# --- the fleet

def expected_gain(mean_mag: float, scatter_mag: float, loss_mag: float) -> tuple[float, float]:
    """Expected gain of an event that can restore no more than the loss.

    Parameters
    ----------
    mean_mag, scatter_mag : float
        Mean and standard deviation of the gain G before the limits, normally distributed [mag].
    loss_mag : float
        Loss L before the event [mag].

    Returns
    -------
    mean, deviation : float
        Mean and standard deviation of g = min(max(G, 0), L) [mag]; 0 where nothing is lost, NaN where L is NaN.

    Notes
    -----
    The second moment is E[g^2] = Int_0^L 2 x P(G > x) dx.
    """
    if not loss_mag > 0:
        return (0.0, 0.0) if loss_mag <= 0 else (np.nan, np.nan)
    x = np.linspace(0, loss_mag, _STEPS)
    chance = ndtr((mean_mag - x) / max(scatter_mag, 1e-6))
    mean, square = np.trapezoid(chance, x), np.trapezoid(2 * x * chance, x)
    return float(mean), float(np.sqrt(max(square - mean**2, 0)))


def light_gained(loss_mag: float, rate_mag_per_month: float, gain_mag: float, period_days: float) -> float:
    """Light that an event gives.

    Parameters
    ----------
    loss_mag : float
        Loss against the reference before the event.
    rate_mag_per_month : float
        Loss per month, with the event as without it; positive for a loss.
    gain_mag : float
        Gain of the event, positive for more light.
    period_days : float
        Time until the next event [day].

    Returns
    -------
    float
        A of the module docstring: percent of the reference, averaged over the period.
    """
    fall = RELATIVE_PER_MAG * rate_mag_per_month * period_days / DAYS_PER_MONTH
    mean = -np.expm1(-fall) / fall if abs(fall) > 1e-9 else 1.0
    return float(percent_of_reference(-loss_mag) * (ratio_of_mag(gain_mag) - 1) * mean)


def period_of(events: Mapping[str, Iterable[np.datetime64]]) -> float:
    """Median time between events of the same telescope.

    Parameters
    ----------
    events : mapping of str to iterable of numpy.datetime64
        Times by telescope, in any order.

    Returns
    -------
    float
        Days; PERIOD_DAYS where no telescope has had two events.
    """
    gaps = [days_of(np.diff(np.sort(np.asarray(list(times), 'datetime64[ms]')))) for times in events.values()]
    days = np.concatenate(gaps) if gaps else np.empty(0)
    return float(np.median(days)) if len(days) else PERIOD_DAYS


def rank(states: Iterable[MirrorState], kind: str, share: float, share_scatter: float,
         period_days: float = PERIOD_DAYS) -> tuple[Advice, ...]:
    """Advice on an event of one kind at each telescope.

    Parameters
    ----------
    states : iterable of MirrorState
        The telescopes.
    kind : str
        Kind of the event, for the result.
    share, share_scatter : float
        Mean share of the loss that events of this kind restore (see `RestoredShare`), and its scatter, which is to
        include the error of the mean.
    period_days : float
        Time between events [day].

    Returns
    -------
    tuple of Advice
        The best first; telescopes of which nothing is known come last.  Empty where the share is NaN: of a kind that
        is not on record, nothing can be advised.
    """
    if not np.isfinite([share, share_scatter]).all():
        return ()
    advices = [_advice(state, kind, share, share_scatter, period_days) for state in states]
    advices.sort(key=lambda advice: (-np.nan_to_num(advice.light_percent, nan=-np.inf), advice.telescope))
    return tuple(replace(advice, rank=number) for number, advice in enumerate(advices, start=1))


def _advice(state: MirrorState, kind: str, share: float, share_scatter: float, period_days: float) -> Advice:
    """Advice without its rank; the error of its light adds those from loss and scatter of gains in quadrature."""
    loss, loss_error = state.to_gain_mag
    rate = float(np.nan_to_num(state.rate_mag_per_month))

    def gain(loss_mag: float) -> tuple[float, float]:
        return expected_gain(share * loss_mag, share_scatter * abs(loss_mag), loss_mag)

    def light_percent(loss_mag: float, sigmas: float) -> float:
        mean_gain_mag, gain_scatter_mag = gain(loss_mag)
        return light_gained(loss_mag, rate, mean_gain_mag + sigmas * gain_scatter_mag, period_days)

    expected_percent = light_percent(loss, 0)
    error = np.hypot(light_percent(loss + loss_error, 0) - expected_percent, light_percent(loss, 1) - expected_percent)
    gain_mag, gain_error_mag = gain(loss)
    return Advice(telescope=state.telescope, kind=kind, rank=0, gain_mag=gain_mag, gain_error_mag=gain_error_mag,
                  light_percent=expected_percent, light_error_percent=float(error))
