"""Gain of throughput at each event of a telescope, how long it lasted, and the mean gain of such events in the fleet.

A gain is the step of the clear-sky level at the event, g [mag], positive for more light: 100 (10^(0.4 g) - 1) percent.
Where the fit moved an event to the jump near it, the gain is that at the jump; where there is no jump, it is about 0
within its error.  Where a camera was exchanged on the same date, nothing tells the gain of the mirror from the
difference of the cameras: it is unknown.

It is lost again when the loss since the event is as large: after g / r months, where r > 0 [mag/month] is the mean loss
per month of the interval after the event.  g and r come from the same nights, whose level is known best at their mean
time, h months after the event: a steeper decline makes a larger step, cov(g, r) = h var(r), and to first order

    var(g / r) = [var(g) - 2 (g / r) h var(r) + (g / r)^2 var(r)] / r^2.

Over the filters of a telescope, the mean is weighted; its error is that of `photzp.answers.overfilters`, with the
scatter between filters beside it.

Over the fleet, gains differ by more than their errors.  Mean and intrinsic scatter t of a kind of event are those of a
random-effects model, g_i ~ N(mean, t^2 + var_i), with t^2 by the method of moments (DerSimonian & Laird 1986, Control.
Clin. Trials 7, 177); so are those of the share of the loss that an event restores, g_i / L_i, where the loss
L_i [mag] before it is known.  What is expected of the next event is in `photzp.answers.shares`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from photzp.answers.overfilters import shared_error
from photzp.magnitudes import percent_error, percent_gained
from photzp.throughput.model import ThroughputFit
from photzp.throughput.summary import NEVER, Interval, Step
from photzp.times import DAYS_PER_MONTH, days_since

LOSS_MIN_MAG = 0.05  # of a smaller loss, the restored share is too uncertain
_RATE_SIGMA = 2.0  # least ratio of loss per month to its error, for a prediction of when a gain is lost


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Change of throughput at an event in one filter.

    Attributes
    ----------
    telescope, filter : str
        Their names; filter '' for the mean over filters.
    time : numpy.datetime64
        Of the event, datetime64[ms]; of one that was moved, that of the jump.
    kind : str
        Kind of the event; of a change that no event records, 'instrument' (camera) or 'break' (jump).
    recorded : bool
        The change is at a recorded event.
    instrumental : bool
        A camera was changed at the event, so that its step is no gain of a mirror.
    gain_mag, gain_error_mag, gain_percent, gain_percent_error : float
        Positive for more light, with 1-sigma errors; NaN where a camera was changed at an event of the mirror.  Of kind
        'instrument', the step.
    lasted_days, lasted_error_days : float
        Time from the event until the level is back to that before it, g / r of the module docstring, which may be in
        the future; and its 1-sigma error.  NaN without a gain, or a significant loss per month.
    outcome : str
        'lost' (before the next event or the last night), 'not lost yet', 'no gain', or 'unknown'.
    observed_days : float
        Time from the event to the next step of any kind, or to the last night.
    written : numpy.datetime64
        When an event is recorded that was moved to the jump near it, datetime64[ms]; NaT for all others.
    loss_before_mag : float
        Zeropoint of the reference minus the level just before the event.  NaN where no reference is known, or the
        camera was changed at the event or later, as the reference is that of the newest camera.
    """

    telescope: str
    filter: str
    time: np.datetime64
    kind: str
    recorded: bool
    instrumental: bool
    gain_mag: float
    gain_error_mag: float
    gain_percent: float
    gain_percent_error: float
    lasted_days: float
    lasted_error_days: float
    outcome: str
    observed_days: float
    loss_before_mag: float = np.nan
    written: np.datetime64 = NEVER


@dataclass(frozen=True, kw_only=True)
class FleetGain:
    """Gains of one kind of event over the fleet.

    Attributes
    ----------
    kind : str
        Of the events.
    filter : str
        '' for all filters together, where an event counts once, as the mean of its filters.
    number : int
        Of events.
    mean_mag, mean_error_mag : float
        Mean gain by the random-effects model, and its 1-sigma error.
    scatter_mag : float
        Intrinsic scatter of events about the mean, without that from measurement errors.
    lasted_days : float
        Median of `Gain.lasted_days`; NaN where none is known.
    lost : int
        Number of gains whose outcome is 'lost'.
    share, share_error, share_scatter : float
        Share of the loss that an event restores, its error and scatter, by the same model; NaN where no loss before an
        event is known to be above 0.05 mag.
    """

    kind: str
    filter: str
    number: int
    mean_mag: float
    mean_error_mag: float
    scatter_mag: float
    lasted_days: float
    lost: int
    share: float = np.nan
    share_error: float = np.nan
    share_scatter: float = np.nan


def gains_of(telescope: str, fits: Mapping[str, ThroughputFit], reference_mag: Mapping[str, float] | None = None, *,
             unrecorded: bool = False) -> tuple[Gain, ...]:
    """Gains at all events of one telescope.

    Parameters
    ----------
    telescope : str
        Its name, for the result.
    fits : mapping of str to ThroughputFit
        By filter.
    reference_mag : mapping of str to float, optional
        Zeropoint of a clean telescope by filter, as far as known.
    unrecorded : bool
        Whether to include jumps and changes of camera that no event records.

    Returns
    -------
    tuple of Gain
        In order of filter and time.
    """
    references = reference_mag or {}
    return tuple(_gain(telescope, name, fit, step, references.get(name, np.nan)) for name, fit in sorted(fits.items())
                 for step in fit.steps if step.recorded or unrecorded)


def _gain(telescope: str, filter_name: str, fit: ThroughputFit, step: Step, reference_mag: float) -> Gain:
    """The gain at one step of a telescope in one filter, with reference_mag the zeropoint of a clean telescope."""
    later_times = [other.time for other in fit.steps if other.time > step.time]
    observed_days = max(days_since(min([*later_times, fit.time[-1]]), step.time), 0.0)
    same_camera = not any(other.instrumental and other.time >= step.time for other in fit.steps)
    loss = reference_mag - fit.at(step.time - np.timedelta64(1, 's'))[0].item() if same_camera else np.nan
    size, lasted = (step.size_mag, step.error_mag), (np.nan, np.nan)
    if step.instrumental and step.kind != 'instrument':
        size = np.nan, np.nan
    else:
        opened = [each for each in fit.intervals if each.start <= step.time]  # none where the filter was not in use yet
        if opened:
            lasted = _lasted_days(step, opened[-1], _lever_days(step, opened[-1], fit))
    return Gain(telescope=telescope, filter=filter_name, time=step.time, kind=step.kind, recorded=step.recorded,
                instrumental=step.instrumental, loss_before_mag=loss,
                written=step.written if step.origin == 'moved' else NEVER, **_sizes(size, lasted, observed_days))


def _sizes(gain_mag: tuple[float, float], lasted_days: tuple[float, float], observed_days: float) -> dict[str, Any]:
    """Fields of a Gain that follow from gain and duration, each with its error."""
    return {'gain_mag': gain_mag[0], 'gain_error_mag': gain_mag[1], 'gain_percent': percent_gained(gain_mag[0]),
            'gain_percent_error': percent_error(*gain_mag), 'lasted_days': lasted_days[0],
            'lasted_error_days': lasted_days[1], 'outcome': _outcome(gain_mag[0], lasted_days[0], observed_days),
            'observed_days': observed_days}


def _outcome(gain_mag: float, lasted_days: float, observed_days: float) -> str:
    """The field `outcome` of a Gain."""
    if gain_mag <= 0:
        return 'no gain'
    if np.isnan(lasted_days):
        return 'unknown'
    return 'lost' if lasted_days <= observed_days else 'not lost yet'


def _lever_days(step: Step, interval: Interval, fit: ThroughputFit) -> float:
    """h [day]: from the event to the mean time of clear nights after it, within its interval."""
    day = days_since(fit.time, step.time)
    after = (fit.time >= step.time) & (fit.time <= interval.end)
    return float(np.average(day[after], weights=fit.clear_probability[after] + 1e-6)) if after.any() else 0.0


def _lasted_days(step: Step, interval: Interval, lever_days: float) -> tuple[float, float]:
    """g / r and its error [day]; nan where there is no gain, or a loss per month below _RATE_SIGMA errors."""
    rate, rate_error = -interval.slope_mag_per_month, interval.slope_error_mag_per_month
    if not (step.size_mag > 0 and rate > _RATE_SIGMA * rate_error):
        return np.nan, np.nan
    months = step.size_mag / rate
    variance = step.error_mag**2 + months * (months - 2 * lever_days / DAYS_PER_MONTH) * rate_error**2
    floor = (step.error_mag / rate) ** 2 / 4  # at least half of the error from g alone: cov(g, r) is approximate
    return months * DAYS_PER_MONTH, float(np.sqrt(max(variance / rate**2, floor))) * DAYS_PER_MONTH


# --- the fleet

def random_effects(value: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
    """Mean and intrinsic scatter of values that differ by more than their errors.

    Parameters
    ----------
    value, error : ndarray, shape (n,)
        Values and their independent 1-sigma errors.

    Returns
    -------
    mean, mean_error, scatter : float
        By the random-effects model of the module docstring; NaN for no value, scatter 0 for one.
    """
    if not len(value):
        return np.nan, np.nan, np.nan
    weight = 1 / error**2
    chi2 = weight @ (value - weight @ value / weight.sum()) ** 2
    freedom = weight.sum() - weight @ weight / weight.sum()
    scatter2 = max((chi2 - (len(value) - 1)) / freedom, 0.0) if len(value) > 1 else 0.0
    weight = 1 / (error**2 + scatter2)
    return float(weight @ value / weight.sum()), float(1 / np.sqrt(weight.sum())), float(np.sqrt(scatter2))


def over_filters(gains: Iterable[Gain]) -> tuple[Gain, ...]:
    """Each event once, with the weighted means over its filters.

    Parameters
    ----------
    gains : iterable of Gain
        Per event and filter.

    Returns
    -------
    tuple of Gain
        With filter '', in order of telescope and time; the error allows for scatter between filters.
    """
    events: dict[tuple[str, np.datetime64, str], list[Gain]] = defaultdict(list)
    for gain in gains:
        events[gain.telescope, gain.time, gain.kind].append(gain)
    return tuple(_mean_over_filters(same) for _, same in sorted(events.items()))


def _mean_over_filters(gains: list[Gain]) -> Gain:
    """The gain of one event as the weighted mean of its gains in those filters in which it is known."""
    known = [gain for gain in gains if np.isfinite(gain.gain_mag)]
    loss = _column(known or gains, 'loss_before_mag')
    loss = loss[np.isfinite(loss)]
    first = gains[0]
    return Gain(telescope=first.telescope, filter='', time=first.time, kind=first.kind, recorded=first.recorded,
                instrumental=any(gain.instrumental for gain in known or gains), written=first.written,
                loss_before_mag=float(loss.mean()) if len(loss) else np.nan,
                **_sizes(_mean(known, 'gain_mag', 'gain_error_mag'), _mean(known, 'lasted_days', 'lasted_error_days'),
                         max(gain.observed_days for gain in gains)))


def _mean(gains: list[Gain], name: str, name_of_error: str) -> tuple[float, float]:
    """Weighted mean of a field over the filters in which it is known, and its error: shared, and by their scatter."""
    value, error = _column(gains, name), _column(gains, name_of_error)
    finite = np.isfinite(value)
    value, error = value[finite], error[finite]
    mean, _, scatter = random_effects(value, error)
    weight = 1 / (error**2 + scatter**2)
    between = scatter * np.sqrt(weight @ weight) / weight.sum() if len(value) else np.nan
    return mean, float(np.hypot(shared_error(error, weight), between))


def _column(gains: Iterable[Gain], name: str) -> np.ndarray:
    """The values of one field of gains, shape (n,)."""
    return np.array([getattr(gain, name) for gain in gains], float)


def fleet_table(gains: Iterable[Gain]) -> tuple[FleetGain, ...]:
    """Gains by kind and filter, and by kind over all filters.

    Gains that are not known, as a camera was changed at the event, are left out.

    Parameters
    ----------
    gains : iterable of Gain
        Per event and filter, of the whole fleet.

    Returns
    -------
    tuple of FleetGain
        In order of kind and filter; filter '' is all filters together.
    """
    good = [gain for gain in gains if np.isfinite(gain.gain_mag)]
    cells: dict[tuple[str, str], list[Gain]] = defaultdict(list)
    for gain in (*over_filters(good), *good):
        cells[gain.kind, gain.filter].append(gain)
    return tuple(_fleet_gain(kind, name, same) for (kind, name), same in sorted(cells.items()))


def shares_restored(gains: Iterable[Gain]) -> tuple[np.ndarray, np.ndarray]:
    """Share of the loss that each event restored, of those before which the loss is known and above 0.05 mag.

    Parameters
    ----------
    gains : iterable of Gain
        Any.

    Returns
    -------
    share, error : ndarray, shape (n,)
        1 for all of the loss; 1-sigma error from that of the gain.
    """
    gains = list(gains)
    value, error, loss = (_column(gains, name) for name in ('gain_mag', 'gain_error_mag', 'loss_before_mag'))
    large = (loss > LOSS_MIN_MAG) & np.isfinite(value)
    return (value / loss)[large], (error / loss)[large]


def _fleet_gain(kind: str, filter_name: str, gains: list[Gain]) -> FleetGain:
    """Mean, scatter and duration of the gains of one kind of event in one filter."""
    lasted = _column(gains, 'lasted_days')
    finite = np.isfinite(lasted)
    mean, mean_error, scatter = random_effects(_column(gains, 'gain_mag'), _column(gains, 'gain_error_mag'))
    share, share_error, share_scatter = random_effects(*shares_restored(gains))
    return FleetGain(kind=kind, filter=filter_name, number=len(gains), mean_mag=mean, mean_error_mag=mean_error,
                     scatter_mag=scatter, lasted_days=float(np.median(lasted[finite])) if finite.any() else np.nan,
                     lost=sum(gain.outcome == 'lost' for gain in gains), share=share, share_error=share_error,
                     share_scatter=share_scatter)
