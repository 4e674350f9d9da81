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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from photzp.magnitudes import percent_error, percent_gained
from photzp.throughput.model import ThroughputFit
from photzp.throughput.summary import Interval, Step
from photzp.times import DAYS_PER_MONTH, days_since

LOSS_MIN_MAG = 0.05  # a smaller loss says little of the share of it that is restored
RATE_SIGMA = 2.0  # a loss per month less certain than this says nothing of when a gain is lost


@dataclass(frozen=True)
class Gain:
    """Change of throughput at an event in one filter.

    telescope, filter : names.  time : datetime64[ms] of the event.  kind : of the event; of a change that no event
        records, 'instrument' (camera) or 'break' (jump).  recorded : an event records it.
    instrumental : two cameras differ in it: no gain of a mirror.
    gain_mag, gain_error_mag, gain_percent, gain_percent_error : positive for more light.
    lasted_days, lasted_error_days : from the event until the level was down to what it was before; where that has not
        happened, what the line foretells; nan where there is no gain, no slope or no certain loss.
    outcome : 'lost' (before the next event or the last night), 'not lost yet', 'no gain', or 'unknown'.
    observed_days : from the event to the next one, or to the last night.
    loss_before_mag : against the reference, just before the event; nan where none is known, or the camera was changed
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


@dataclass(frozen=True)
class FleetGain:
    """Gains of one kind over the fleet.

    kind, filter : '' for all filters together, where an event counts once, as the mean of its filters.
    number : of events.  mean_mag, mean_error_mag : of the random-effects model; nan without events.
    scatter_mag : true scatter of events about it, without that of errors.
    lasted_days : median of what was lost or is foretold; nan where nothing is known.  lost : of how many it was lost.
    share, share_error, share_scatter : of the loss that an event restores, by the same model; nan where no loss before
        an event is known to be above LOSS_MIN_MAG.
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
    """Gains at all events of one telescope, in order of filter and time.

    fits : by filter.  reference_mag : zeropoint of a clean telescope by filter, as far as known.
    unrecorded : those at jumps and changes of camera that no event records, too.
    """
    known = reference_mag or {}
    return tuple(_gain(telescope, name, fit, step, known.get(name, np.nan)) for name, fit in sorted(fits.items())
                 for step in fit.steps if step.recorded or unrecorded)


def _gain(telescope: str, name: str, fit: ThroughputFit, step: Step, reference_mag: float) -> Gain:
    later = [other.time for other in fit.steps if other.time > step.time]
    observed = days_since(min([*later, fit.time[-1]]), step.time)
    after = [interval for interval in fit.intervals if interval.start <= step.time][-1]
    lasted, error = lasted_days(step, after, lever_days(step, after, fit))
    same_camera = not any(other.instrumental and other.time >= step.time for other in fit.steps)
    loss = reference_mag - fit.at(step.time - np.timedelta64(1, 's'))[0].item() if same_camera else np.nan
    return Gain(telescope, name, step.time, step.kind, step.recorded, step.instrumental, step.size_mag, step.error_mag,
                percent_gained(step.size_mag), percent_error(step.size_mag, step.error_mag), lasted, error,
                _outcome(step.size_mag, lasted, observed), observed, loss)


def _outcome(gain_mag: float, lasted: float, observed: float) -> str:
    if gain_mag <= 0:
        return 'no gain'
    if np.isnan(lasted):
        return 'unknown'
    return 'lost' if lasted <= observed else 'not lost yet'


def lever_days(step: Step, after: Interval, fit: ThroughputFit) -> float:
    """h: from the event to the centre of the clear nights after it, for a cleaning from that of those before [day]."""
    day = days_since(fit.time, step.time)
    inside = (fit.time >= after.start) & (fit.time <= after.end)
    centres = [np.average(day[here], weights=fit.clear_probability[here] + 1e-6) if here.any() else 0.0
               for here in (inside & (day >= 0), inside & (day < 0))]
    return float(centres[0] - (centres[1] if step.kind == 'cleaning' else 0.0))


def lasted_days(step: Step, after: Interval, lever_days: float) -> tuple[float, float]:
    """g / r and its error [day]; nan where there is no gain, or no loss that is RATE_SIGMA certain."""
    rate, rate_error = -after.slope_mag_per_month, after.slope_error_mag_per_month
    if not (step.size_mag > 0 and rate > RATE_SIGMA * rate_error):
        return np.nan, np.nan
    months = step.size_mag / rate
    variance = step.error_mag**2 + months * (months - 2 * lever_days / DAYS_PER_MONTH) * rate_error**2
    floor = (step.error_mag / rate) ** 2 / 4  # the covariance is an estimate: it takes no more than half of the error
    return months * DAYS_PER_MONTH, float(np.sqrt(max(variance / rate**2, floor))) * DAYS_PER_MONTH


# --- the fleet

def random_effects(value: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
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
    """Each event once: weighted means over its filters, filter ''; the error is at least that of their scatter."""
    events: dict[tuple[str, np.datetime64, str], list[Gain]] = {}
    for gain in gains:
        events.setdefault((gain.telescope, gain.time, gain.kind), []).append(gain)
    return tuple(_joint(same) for _, same in sorted(events.items()))


def _joint(same: list[Gain]) -> Gain:
    value, error = (np.array([getattr(gain, name) for gain in same]) for name in ('gain_mag', 'gain_error_mag'))
    mean, mean_error, _ = random_effects(value, error)
    lasted, lasted_error = (np.array([getattr(gain, name) for gain in same])
                            for name in ('lasted_days', 'lasted_error_days'))
    known = np.isfinite(lasted)
    days, days_error, _ = random_effects(lasted[known], lasted_error[known])
    first, observed = same[0], max(gain.observed_days for gain in same)
    instrumental = any(gain.instrumental for gain in same)
    return Gain(first.telescope, '', first.time, first.kind, first.recorded, instrumental, mean, mean_error,
                percent_gained(mean), percent_error(mean, mean_error), days, days_error,
                _outcome(mean, days, observed), observed, float(np.mean([gain.loss_before_mag for gain in same])))


def fleet_table(gains: Iterable[Gain]) -> tuple[FleetGain, ...]:
    """Gains by kind and filter, and by kind over all filters ('' as filter), in order of kind and filter.

    Instrumental steps are left out, but for events of kind 'instrument'.
    """
    good = [gain for gain in gains if gain.kind == 'instrument' or not gain.instrumental]
    cells: dict[tuple[str, str], list[Gain]] = {}
    for gain in (*over_filters(good), *good):
        cells.setdefault((gain.kind, gain.filter), []).append(gain)
    return tuple(_cell(kind, name, same) for (kind, name), same in sorted(cells.items()))


def _cell(kind: str, name: str, same: list[Gain]) -> FleetGain:
    value, error, loss = (np.array([getattr(gain, name) for gain in same])
                          for name in ('gain_mag', 'gain_error_mag', 'loss_before_mag'))
    known = loss > LOSS_MIN_MAG
    lasted = [gain.lasted_days for gain in same if np.isfinite(gain.lasted_days)]
    return FleetGain(kind, name, len(same), *random_effects(value, error),
                     float(np.median(lasted)) if lasted else np.nan, sum(gain.outcome == 'lost' for gain in same),
                     *random_effects((value / loss)[known], (error / loss)[known]))
