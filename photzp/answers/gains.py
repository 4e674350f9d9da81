"""Gain of throughput at each event of a telescope, how long it lasted, and the mean gain of such events in the fleet.

A gain is the step of the clear-sky level at the event, g [mag], positive for more light: 100 (10^(0.4 g) - 1) percent.

It is lost again when the loss since the event is as large: after g / r months, where r > 0 [mag/month] is the loss per
month of the line fitted after the event.  g and r come from the same line, whose level is known best at its centre, h
months after the event: a steeper line makes a larger step, cov(g, r) = h var(r), and to first order

    var(g / r) = [var(g) - 2 (g / r) h var(r) + (g / r)^2 var(r)] / r^2.

Over the fleet, gains differ by more than their errors.  Mean and intrinsic scatter t of a kind of event are those of a
random-effects model, g_i ~ N(mean, t^2 + var_i), with t^2 by the method of moments (DerSimonian & Laird 1986, Control.
Clin. Trials 7, 177); so are those of the share of the loss that an event restores, g_i / L_i, where the loss
L_i [mag] before it is known.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from photzp.magnitudes import percent_error, percent_gained
from photzp.throughput.model import ThroughputFit
from photzp.throughput.summary import Interval, Step
from photzp.times import DAYS_PER_MONTH, days_since

_LOSS_MIN_MAG = 0.05  # of a smaller loss, the restored share is too uncertain
_RATE_SIGMA = 2.0  # least ratio of loss per month to its error, for a prediction of when a gain is lost


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Change of throughput at an event in one filter.

    Attributes
    ----------
    telescope, filter : str
        Their names; filter '' for the mean over filters.
    time : numpy.datetime64
        Of the event, datetime64[ms].
    kind : str
        Kind of the event; of a change that no event records, 'instrument' (camera) or 'break' (jump).
    recorded : bool
        The change is at a recorded event.
    instrumental : bool
        It includes the difference of two cameras, and so is no gain of a mirror.
    gain_mag, gain_error_mag, gain_percent, gain_percent_error : float
        Positive for more light, with 1-sigma errors.
    lasted_days, lasted_error_days : float
        Time from the event until the level is back to that before it, g / r of the module docstring, which may be in
        the future; and its 1-sigma error.  NaN without a gain, or a significant loss per month.
    outcome : str
        'lost' (before the next event or the last night), 'not lost yet', 'no gain', or 'unknown'.
    observed_days : float
        Time from the event to the next step of any kind, or to the last night.
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
    observed_days = days_since(min([*later_times, fit.time[-1]]), step.time)
    interval = [each for each in fit.intervals if each.start <= step.time][-1]
    same_camera = not any(other.instrumental and other.time >= step.time for other in fit.steps)
    loss = reference_mag - fit.at(step.time - np.timedelta64(1, 's'))[0].item() if same_camera else np.nan
    return Gain(telescope=telescope, filter=filter_name, time=step.time, kind=step.kind, recorded=step.recorded,
                instrumental=step.instrumental, loss_before_mag=loss,
                **_sizes((step.size_mag, step.error_mag),
                         _lasted_days(step, interval, _lever_days(step, interval, fit)), observed_days))


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
    """h [day]: from the event to the mean time of clear nights after it; for a cleaning, from that of those before."""
    day = days_since(fit.time, step.time)
    inside = (fit.time >= interval.start) & (fit.time <= interval.end)
    centres = [np.average(day[part], weights=fit.clear_probability[part] + 1e-6) if part.any() else 0.0
               for part in (inside & (day >= 0), inside & (day < 0))]
    return float(centres[0] - (centres[1] if step.kind == 'cleaning' else 0.0))


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

def _random_effects(value: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
    """Mean, its error, and intrinsic scatter of values (n,) with errors; nan for no value, scatter 0 for one."""
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
    """The gain of one event as the weighted mean of its gains in all filters."""
    mean, mean_error, _ = _random_effects(_column(gains, 'gain_mag'), _column(gains, 'gain_error_mag'))
    lasted, lasted_error = _column(gains, 'lasted_days'), _column(gains, 'lasted_error_days')
    finite = np.isfinite(lasted)
    days, days_error, _ = _random_effects(lasted[finite], lasted_error[finite])
    first = gains[0]
    return Gain(telescope=first.telescope, filter='', time=first.time, kind=first.kind, recorded=first.recorded,
                instrumental=any(gain.instrumental for gain in gains),
                loss_before_mag=float(np.mean([gain.loss_before_mag for gain in gains])),
                **_sizes((mean, mean_error), (days, days_error), max(gain.observed_days for gain in gains)))


def _column(gains: Iterable[Gain], name: str) -> np.ndarray:
    """The values of one field of gains, shape (n,)."""
    return np.array([getattr(gain, name) for gain in gains])


def fleet_table(gains: Iterable[Gain]) -> tuple[FleetGain, ...]:
    """Gains by kind and filter, and by kind over all filters.

    Steps that include the difference of two cameras are left out, except those of kind 'instrument'.

    Parameters
    ----------
    gains : iterable of Gain
        Per event and filter, of the whole fleet.

    Returns
    -------
    tuple of FleetGain
        In order of kind and filter; filter '' is all filters together.
    """
    good = [gain for gain in gains if gain.kind == 'instrument' or not gain.instrumental]
    cells: dict[tuple[str, str], list[Gain]] = defaultdict(list)
    for gain in (*over_filters(good), *good):
        cells[gain.kind, gain.filter].append(gain)
    return tuple(_fleet_gain(kind, name, same) for (kind, name), same in sorted(cells.items()))


def _fleet_gain(kind: str, filter_name: str, gains: list[Gain]) -> FleetGain:
    """Mean, scatter and duration of the gains of one kind of event in one filter."""
    value, error = _column(gains, 'gain_mag'), _column(gains, 'gain_error_mag')
    loss, lasted = _column(gains, 'loss_before_mag'), _column(gains, 'lasted_days')
    large, finite = loss > _LOSS_MIN_MAG, np.isfinite(lasted)
    mean, mean_error, scatter = _random_effects(value, error)
    share, share_error, share_scatter = _random_effects((value / loss)[large], (error / loss)[large])
    return FleetGain(kind=kind, filter=filter_name, number=len(gains), mean_mag=mean, mean_error_mag=mean_error,
                     scatter_mag=scatter, lasted_days=float(np.median(lasted[finite])) if finite.any() else np.nan,
                     lost=sum(gain.outcome == 'lost' for gain in gains), share=share, share_error=share_error,
                     share_scatter=share_scatter)
