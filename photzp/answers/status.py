"""What the report says of each telescope and filter in one line: plain values, ready for a page or for JSON."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from photzp.magnitudes import percent_error, percent_of_reference
from photzp.throughput.model import ThroughputFit
from photzp.times import instant_of

RECENT_DAYS = 30
TREND_WEEKS = 53    # a year and the week that has begun
SCHEMA = 1          # of status.json; raised when a field is renamed or changes its meaning


@dataclass(frozen=True)
class SeriesStatus:
    """One telescope in one filter; None stands for what is not known.

    telescope : site-enclosure-telescope.  filter : as reported (zs is reported with zp).  cameras : seen, oldest first.
    last_observation : 'YYYY-MM-DDTHH:MM:SS' UTC.  rows, usable_rows, nights : what the model rests on.
    zp_mag, zp_error_mag : model zeropoint at airmass 1 at the last usable night.  reference_mag : of a clean telescope.
    percent, percent_error : throughput in percent of the reference.
    slope_mag_per_month, slope_error_mag_per_month : now; negative is a loss.
    event_date, event_kind, days_since_event : of the newest event of the mirror or instrument.
    nights_observed, nights_photometric : within the last RECENT_DAYS.
    state : 'good' (in the healthy band or above), 'low', or 'unknown' (no model or no reference).
    updated : to when the row counts its days, 'YYYY-MM-DDTHH:MM:SS' UTC.
    made : when model and plots were made, the same way; older than updated where nothing has changed since.
    """

    telescope: str
    filter: str
    cameras: tuple[str, ...]
    last_observation: str | None
    rows: int
    usable_rows: int
    nights: int
    zp_mag: float | None
    zp_error_mag: float | None
    reference_mag: float | None
    percent: float | None
    percent_error: float | None
    slope_mag_per_month: float | None
    slope_error_mag_per_month: float | None
    event_date: str | None
    event_kind: str | None
    days_since_event: int | None
    nights_observed: int
    nights_photometric: int
    state: str
    updated: str
    made: str | None = None


@dataclass(frozen=True)
class Trend:
    """The newest year of the model of one telescope and filter, a value a week.

    first : date of the first day of the first week, 'YYYY-MM-DD'; weeks begin on Thursdays, as days are counted from
    1 January 1970.  zp_mag : model zeropoint at airmass 1 at the last night of each week [mag], None without a night.
    """

    telescope: str
    filter: str
    first: str
    zp_mag: tuple[float | None, ...]


def trend_of(telescope: str, filter_name: str, time: np.ndarray, model_mag: np.ndarray) -> Trend | None:
    """The trend of a nightly model, None where there is none.

    time (n,) datetime64 in order; model_mag (n,) [mag].  It ends with the last night, whatever the time now is, and is
    rounded to a millimagnitude: an unchanged model gives the same trend.
    """
    known = np.isfinite(model_mag) & ~np.isnat(time)
    week = time[known].astype('datetime64[W]').astype(int)
    newest = dict(zip(week.tolist(), np.round(model_mag[known], 3).tolist(), strict=True))  # the last of a week stays
    if not newest:
        return None
    last = max(newest)
    first = max(min(newest), last - TREND_WEEKS + 1)
    return Trend(telescope, filter_name, str(np.datetime64(first, 'W').astype('datetime64[D]')),
                 tuple(newest.get(each) for each in range(first, last + 1)))


def series_status(telescope: str, filter_name: str, cameras: Iterable[str], fit: ThroughputFit, *, rows: int,
                  last_observation: np.datetime64 | None, reference_mag: float | None, healthy_mag: float,
                  events: Iterable[tuple[date, str]], now: np.datetime64) -> SeriesStatus:
    """The status of one telescope and filter.

    fit : ThroughputFit.  last_observation, now : datetime64.  reference_mag : None where not known.
    healthy_mag : of the healthy band, below the reference.
    events : (date, kind) pairs, dates as datetime.date.
    """
    modelled = len(fit.model_mag) > 0
    zp, error = (float(fit.model_mag[-1]), float(fit.model_error_mag[-1])) if modelled else (None, None)
    margin = None if zp is None or reference_mag is None else zp - reference_mag
    slope, slope_error = _slope(fit)
    return SeriesStatus(
        telescope=telescope, filter=filter_name, cameras=tuple(cameras), last_observation=_text(last_observation),
        rows=rows, usable_rows=int(fit.night_rows.sum()), nights=len(fit.night), zp_mag=_rounded(zp, 4),
        zp_error_mag=_rounded(error, 4), reference_mag=reference_mag,
        percent=_rounded(None if margin is None else percent_of_reference(margin), 1),
        percent_error=_rounded(None if margin is None or error is None else percent_error(margin, error), 1),
        slope_mag_per_month=_rounded(slope, 5), slope_error_mag_per_month=_rounded(slope_error, 5),
        state=_state(_rounded(zp, 4), reference_mag, healthy_mag), made=_text(now),  # as `judged_anew` does
        **_counted_to(now, fit.night, fit.photometric, events))


def judged_anew(status: SeriesStatus, healthy_mag: float) -> SeriesStatus:
    """The status with its state by this healthy band: a run with another one may have left it."""
    return replace(status, state=_state(status.zp_mag, status.reference_mag, healthy_mag))


def counted_anew(status: SeriesStatus, night: np.ndarray, photometric: np.ndarray, events: Iterable[tuple[date, str]],
                 now: np.datetime64) -> SeriesStatus:
    """The status of an unchanged series at a later time: what it counts in days is counted to `now`.

    night, photometric (n,) : of its fit, at least the last RECENT_DAYS + 1 of them.  events, now : as in series_status.
    """
    return replace(status, **_counted_to(now, night, photometric, events))


def _counted_to(now: np.datetime64, night: np.ndarray, photometric: np.ndarray,
                events: Iterable[tuple[date, str]]) -> dict[str, Any]:
    """The fields of a status that the clock alone changes."""
    event_date, event_kind = _newest_event(events, now)
    today = now.astype('datetime64[D]')
    recent = night > today - np.timedelta64(RECENT_DAYS, 'D')
    return {
        'event_date': None if event_date is None else event_date.isoformat(), 'event_kind': event_kind,
        'days_since_event': None if event_date is None else (today.item() - event_date).days,
        'nights_observed': int(np.count_nonzero(recent)),
        'nights_photometric': int(np.count_nonzero(recent & photometric)), 'updated': str(now.astype('datetime64[s]')),
    }


def _slope(fit: ThroughputFit) -> tuple[float, float] | tuple[None, None]:
    """(slope, error) at the end of the newest interval [mag/month]; None where there is none."""
    if not fit.intervals or not np.isfinite(fit.intervals[-1].end_slope_mag_per_month):
        return None, None
    return fit.intervals[-1].end_slope_mag_per_month, fit.intervals[-1].end_slope_error_mag_per_month


def _newest_event(events: Iterable[tuple[date, str]], now: np.datetime64) -> tuple[date, str] | tuple[None, None]:
    past = [(day, kind) for day, kind in events if kind != 'start' and instant_of(day) <= now]
    return max(past, default=(None, None))


def _state(zp_mag: float | None, reference_mag: float | None, healthy_mag: float) -> str:
    if zp_mag is None or reference_mag is None:
        return 'unknown'
    return 'good' if zp_mag >= reference_mag - healthy_mag else 'low'


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), digits)


def _text(moment: np.datetime64 | None) -> str | None:
    return None if moment is None or np.isnat(moment) else str(moment.astype('datetime64[s]'))


def finding(status: SeriesStatus) -> str:
    """What a person would say of a series: 'throughput 83% of reference, falling 9 mmag a month'."""
    if status.zp_mag is None:
        return 'too few points for a model'
    if status.percent is None:
        said = f'zeropoint {status.zp_mag:.2f} mag, no reference known'
    else:
        said = f'throughput {status.percent:.0f}% of reference'
    if status.slope_mag_per_month is None:
        return said
    change = 1000 * status.slope_mag_per_month
    if abs(change) < 2 * 1000 * (status.slope_error_mag_per_month or 0.0) or abs(change) < 0.5:
        return f'{said}, steady'
    return f'{said}, {"falling" if change < 0 else "rising"} {abs(change):.0f} mmag a month'
