"""What each event at a telescope gave, how long that lasted, and what events of its kind give over the fleet.

A gain is the step of the clear-sky level at the event, g [mag], positive for more light: 100 (10^(0.4 g) - 1) percent.

It is lost again when the loss since makes up for it: after g / r, with r > 0 the loss per month of the line after the
event.  g and r come from the same line: with the level known at its centre, h after the event, a steeper line makes a
larger step, cov(g, r) = h var(r), and by first order

    var(g / r) = [var(g) - 2 (g / r) h var(r) + (g / r)^2 var(r)] / r^2.

Over the fleet, gains differ by more than their errors.  Mean and true scatter t of a kind are those of a random-effects
model, g_i ~ N(mean, t^2 + var_i), t^2 by moments (DerSimonian & Laird 1986, Control. Clin. Trials 7, 177); so are those
of the share of the loss that an event restores, g_i / L_i, where the loss L_i before it is known.
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

_LOSS_MIN_MAG = 0.05  # a smaller loss says little of the share of it that is restored
_RATE_SIGMA = 2.0  # a loss per month less certain than this says nothing of when a gain is lost


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
        Of the event; of a change that no event records, 'instrument' (camera) or 'break' (jump).
    recorded : bool
        An event records it.
    instrumental : bool
        Two cameras differ in it: no gain of a mirror.
    gain_mag, gain_error_mag, gain_percent, gain_percent_error : float
        Positive for more light, with 1-sigma errors.
    lasted_days, lasted_error_days : float
        From the event until the level was down to what it was before; where that has not happened, as predicted by the
        line.  NaN where there is no gain, no slope or no certain loss.
    outcome : str
        'lost' (before the next event or the last night), 'not lost yet', 'no gain', or 'unknown'.
    observed_days : float
        From the event to the next one, or to the last night.
    loss_before_mag : float
        Loss against the reference just before the event.  NaN where no reference is known, or the camera was changed
        later, as the reference is that of the newest camera.
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
        True scatter of events about the mean, without that of errors.
    lasted_days : float
        Median of how long gains lasted, as measured or predicted; NaN where none is known.
    lost : int
        Number of gains that were lost.
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
        Also at jumps and changes of camera that no event records.

    Returns
    -------
    tuple of Gain
        In order of filter and time.
    """
    references = reference_mag or {}
    return tuple(_gain(telescope, name, fit, step, references.get(name, np.nan)) for name, fit in sorted(fits.items())
                 for step in fit.steps if step.recorded or unrecorded)


def _gain(telescope: str, name: str, fit: ThroughputFit, step: Step, reference_mag: float) -> Gain:
    later = [other.time for other in fit.steps if other.time > step.time]
    observed_days = days_since(min([*later, fit.time[-1]]), step.time)
    after = [interval for interval in fit.intervals if interval.start <= step.time][-1]
    same_camera = not any(other.instrumental and other.time >= step.time for other in fit.steps)
    loss = reference_mag - fit.at(step.time - np.timedelta64(1, 's'))[0].item() if same_camera else np.nan
    return Gain(telescope=telescope, filter=name, time=step.time, kind=step.kind, recorded=step.recorded,
                instrumental=step.instrumental, loss_before_mag=loss,
                **_sizes((step.size_mag, step.error_mag), _lasted_days(step, after, _lever_days(step, after, fit)),
                         observed_days))


def _sizes(gain_mag: tuple[float, float], lasted_days: tuple[float, float], observed_days: float) -> dict[str, Any]:
    """Fields of a Gain that follow from gain and duration, each with its error."""
    return {'gain_mag': gain_mag[0], 'gain_error_mag': gain_mag[1], 'gain_percent': percent_gained(gain_mag[0]),
            'gain_percent_error': percent_error(*gain_mag), 'lasted_days': lasted_days[0],
            'lasted_error_days': lasted_days[1], 'outcome': _outcome(gain_mag[0], lasted_days[0], observed_days),
            'observed_days': observed_days}


def _outcome(gain_mag: float, lasted_days: float, observed_days: float) -> str:
    if gain_mag <= 0:
        return 'no gain'
    if np.isnan(lasted_days):
        return 'unknown'
    return 'lost' if lasted_days <= observed_days else 'not lost yet'


def _lever_days(step: Step, after: Interval, fit: ThroughputFit) -> float:
    """h: from the event to the centre of the clear nights after it, for a cleaning from that of those before [day]."""
    day = days_since(fit.time, step.time)
    inside = (fit.time >= after.start) & (fit.time <= after.end)
    centres = [np.average(day[part], weights=fit.clear_probability[part] + 1e-6) if part.any() else 0.0
               for part in (inside & (day >= 0), inside & (day < 0))]
    return float(centres[0] - (centres[1] if step.kind == 'cleaning' else 0.0))


def _lasted_days(step: Step, after: Interval, lever_days: float) -> tuple[float, float]:
    """g / r and its error [day]; nan where there is no gain, or no loss that is _RATE_SIGMA certain."""
    rate, rate_error = -after.slope_mag_per_month, after.slope_error_mag_per_month
    if not (step.size_mag > 0 and rate > _RATE_SIGMA * rate_error):
        return np.nan, np.nan
    months = step.size_mag / rate
    variance = step.error_mag**2 + months * (months - 2 * lever_days / DAYS_PER_MONTH) * rate_error**2
    floor = (step.error_mag / rate) ** 2 / 4  # the covariance is an estimate: it takes no more than half of the error
    return months * DAYS_PER_MONTH, float(np.sqrt(max(variance / rate**2, floor))) * DAYS_PER_MONTH


# --- the fleet

def _random_effects(value: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
    """Mean, its error, and the true scatter of values (n,) with errors; nan without values, scatter 0 of one."""
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
        With filter '', in order of telescope and time; the error is at least that of the scatter of the filters.
    """
    events: dict[tuple[str, np.datetime64, str], list[Gain]] = defaultdict(list)
    for gain in gains:
        events[gain.telescope, gain.time, gain.kind].append(gain)
    return tuple(_joint(same) for _, same in sorted(events.items()))


def _joint(gains: list[Gain]) -> Gain:
    """The gains of one event as one."""
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
    return np.array([getattr(gain, name) for gain in gains])


def fleet_table(gains: Iterable[Gain]) -> tuple[FleetGain, ...]:
    """Gains by kind and filter, and by kind over all filters.

    Instrumental steps are left out, but for events of kind 'instrument'.

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
    return tuple(_cell(kind, name, same) for (kind, name), same in sorted(cells.items()))


def _cell(kind: str, filter_name: str, gains: list[Gain]) -> FleetGain:
    value, error = _column(gains, 'gain_mag'), _column(gains, 'gain_error_mag')
    loss, lasted = _column(gains, 'loss_before_mag'), _column(gains, 'lasted_days')
    large, finite = loss > _LOSS_MIN_MAG, np.isfinite(lasted)
    mean, mean_error, scatter = _random_effects(value, error)
    share, share_error, share_scatter = _random_effects((value / loss)[large], (error / loss)[large])
    return FleetGain(kind=kind, filter=filter_name, number=len(gains), mean_mag=mean, mean_error_mag=mean_error,
                     scatter_mag=scatter, lasted_days=float(np.median(lasted[finite])) if finite.any() else np.nan,
                     lost=sum(gain.outcome == 'lost' for gain in gains), share=share, share_error=share_error,
                     share_scatter=share_scatter)
