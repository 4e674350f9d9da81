"""What the report says of each telescope and filter in one line: plain values, ready for a page or for JSON."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from photzp.magnitudes import percent_error, percent_of_reference
from photzp.observatory import Events
from photzp.observatorytables import ThroughputRules
from photzp.throughput.model import ThroughputFit
from photzp.throughput.rows import Rows
from photzp.times import instant_of

RECENT_DAYS = 30
TREND_WEEKS = 53    # a year and the week that has begun
SCHEMA = 1          # of status.json; raised when a field is renamed or changes its meaning


@dataclass(frozen=True, kw_only=True)
class SeriesStatus:
    """One telescope in one filter; None stands for what is not known.

    Attributes
    ----------
    telescope : str
        Site-enclosure-telescope.
    filter : str
        As reported: zs is reported with zp.
    cameras : tuple of str
        All cameras of the rows, oldest first.
    last_observation : str or None
        'YYYY-MM-DDTHH:MM:SS' UTC.
    rows, usable_rows, nights : int
        Numbers of zeropoints, of those that the model rests on, and of their nights.
    zp_mag, zp_error_mag : float or None
        Model zeropoint at airmass 1 at the last usable night, and its 1-sigma error.
    reference_mag : float or None
        Zeropoint of a clean telescope.
    percent, percent_error : float or None
        Throughput in percent of the reference, and its 1-sigma error without that of the reference.
    slope_mag_per_month, slope_error_mag_per_month : float or None
        Present slope; negative is a loss.
    event_date, event_kind : str or None
        Newest event of the mirror or instrument, date as 'YYYY-MM-DD'.
    days_since_event : int or None
        From that date to `updated`.
    nights_observed, nights_photometric : int
        Nights within the last RECENT_DAYS.
    state : str
        'good' (in the healthy band or above), 'low', or 'unknown' (no model or no reference).
    updated : str
        The time to which days are counted, 'YYYY-MM-DDTHH:MM:SS' UTC.
    made : str or None
        When model and plots were made, in the same form; older than `updated` where nothing has changed since.
    reference_error_mag : float or None
        1-sigma error of the reference.
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
    reference_error_mag: float | None = None


@dataclass(frozen=True)
class Trend:
    """The newest year of the model of one telescope and filter, a value a week.

    Attributes
    ----------
    telescope, filter : str
        As in `SeriesStatus`.
    first : str
        Date of the first day of the first week, 'YYYY-MM-DD'.  Weeks begin on Thursdays, as days are counted from
        1 January 1970.
    zp_mag : tuple of (float or None)
        Model zeropoint at airmass 1 at the last night of each week, None without a night.
    """

    telescope: str
    filter: str
    first: str
    zp_mag: tuple[float | None, ...]


def trend_of(telescope: str, filter_name: str, time: np.ndarray, model_mag: np.ndarray) -> Trend | None:
    """The trend of a nightly model.

    It ends with the last night, whatever the time now is, and is rounded to a millimagnitude: an unchanged model gives
    the same trend.

    Parameters
    ----------
    telescope, filter_name : str
        As in `SeriesStatus`.
    time : ndarray of datetime64, shape (n,)
        Times of the nights, in order.
    model_mag : ndarray, shape (n,)
        Model zeropoint at airmass 1 at these times.

    Returns
    -------
    Trend or None
        None where no night has both a time and a model.
    """
    valid = np.isfinite(model_mag) & ~np.isnat(time)
    weeks = time[valid].astype('datetime64[W]').astype(int)
    newest = dict(zip(weeks.tolist(), np.round(model_mag[valid], 3).tolist(), strict=True))  # the last of a week stays
    if not newest:
        return None
    last = max(newest)
    first = max(min(newest), last - TREND_WEEKS + 1)
    return Trend(telescope, filter_name, str(np.datetime64(first, 'W').astype('datetime64[D]')),
                 tuple(newest.get(week) for week in range(first, last + 1)))


def series_status(rows: Rows, fit: ThroughputFit, *, rules: ThroughputRules, now: np.datetime64) -> SeriesStatus:
    """The status of one telescope and filter.

    Parameters
    ----------
    rows : Rows
        All rows of the telescope and filter.
    fit : ThroughputFit
        The fit of these rows.
    rules : ThroughputRules
        Healthy band, and error of references.
    now : numpy.datetime64
        UTC.

    Returns
    -------
    SeriesStatus
        Made now, with its days counted to now.
    """
    z = rows.zeropoints
    zp = float(fit.model_mag[-1]) if len(fit.model_mag) else None
    error = float(fit.model_error_mag[-1]) if len(fit.model_mag) else None
    percent, percent_sigma = None, None
    if zp is not None and error is not None and rows.reference_mag is not None:
        margin = zp - rows.reference_mag
        percent, percent_sigma = percent_of_reference(margin), percent_error(margin, error)
    slope, slope_error = _slope(fit)
    return SeriesStatus(
        telescope=rows.telescope, filter=rows.filter, cameras=_oldest_first(z.camera, z.dateobs),
        last_observation=_text(max(z.dateobs[~np.isnat(z.dateobs)], default=None)), rows=len(z.dateobs),
        usable_rows=int(fit.night_rows.sum()), nights=len(fit.night), zp_mag=_rounded(zp, 4),
        zp_error_mag=_rounded(error, 4), reference_mag=rows.reference_mag, percent=_rounded(percent, 1),
        percent_error=_rounded(percent_sigma, 1), slope_mag_per_month=_rounded(slope, 5),
        slope_error_mag_per_month=_rounded(slope_error, 5),
        state=_state(_rounded(zp, 4), rows.reference_mag, rules.healthy_mag), made=_text(now),  # as `judged_anew` does
        reference_error_mag=None if rows.reference_mag is None else rules.reference_error_mag,
        **_counted_to(now, fit.night, fit.photometric, rows.events))


def _oldest_first(camera: np.ndarray, time: np.ndarray) -> tuple[str, ...]:
    """Cameras in the order of their first rows; rows without a time come last."""
    return tuple(dict.fromkeys(camera[np.argsort(time, kind='stable')].tolist()))


def judged_anew(status: SeriesStatus, rules: ThroughputRules) -> SeriesStatus:
    """The status with its state by these rules: a run with others may have left it.

    Parameters
    ----------
    status : SeriesStatus
        As an earlier run made it.
    rules : ThroughputRules
        Healthy band, and error of references.

    Returns
    -------
    SeriesStatus
        The same but for its state and the error of its reference.
    """
    return replace(status, state=_state(status.zp_mag, status.reference_mag, rules.healthy_mag),
                   reference_error_mag=None if status.reference_mag is None else rules.reference_error_mag)


def counted_anew(status: SeriesStatus, night: np.ndarray, photometric: np.ndarray, events: Events,
                 now: np.datetime64) -> SeriesStatus:
    """The status of an unchanged series at a later time, with its days counted to that time.

    Parameters
    ----------
    status : SeriesStatus
        As an earlier run made it.
    night : ndarray of datetime64[D], shape (n,)
        Nights of its fit, at least the last RECENT_DAYS + 1 of them.
    photometric : ndarray of bool, shape (n,)
        Which of them were photometric.
    events : tuple of (datetime.date, str, str)
        Date, kind and note of the events of the telescope.
    now : numpy.datetime64
        UTC.

    Returns
    -------
    SeriesStatus
        The same but for what the clock changes.
    """
    return replace(status, **_counted_to(now, night, photometric, events))


def _counted_to(now: np.datetime64, night: np.ndarray, photometric: np.ndarray, events: Events) -> dict[str, Any]:
    """The fields of a status that the clock alone changes."""
    event_date, event_kind = _newest_event(events, now)
    today = now.astype('datetime64[D]')
    recent = night > today - np.timedelta64(RECENT_DAYS, 'D')
    return {
        'event_date': None if event_date is None else event_date.isoformat(), 'event_kind': event_kind,
        'days_since_event': None if event_date is None else (today.item() - event_date).days,
        'nights_observed': int(np.count_nonzero(recent)),
        'nights_photometric': int(np.count_nonzero(recent & photometric)), 'updated': _text(now),
    }


def _slope(fit: ThroughputFit) -> tuple[float, float] | tuple[None, None]:
    """(slope, error) at the end of the newest interval [mag/month]; None where there is none."""
    if not fit.intervals or not np.isfinite(fit.intervals[-1].end_slope_mag_per_month):
        return None, None
    return fit.intervals[-1].end_slope_mag_per_month, fit.intervals[-1].end_slope_error_mag_per_month


def _newest_event(events: Events, now: np.datetime64) -> tuple[date, str] | tuple[None, None]:
    past = [(day, kind) for day, kind, _ in events if kind != 'start' and instant_of(day) <= now]
    return max(past, default=(None, None))


def _state(zp_mag: float | None, reference_mag: float | None, healthy_mag: float) -> str:
    if zp_mag is None or reference_mag is None:
        return 'unknown'
    return 'good' if zp_mag >= reference_mag - healthy_mag else 'low'


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), digits)


def _text(time: np.datetime64 | None) -> str | None:
    return None if time is None or np.isnat(time) else str(time.astype('datetime64[s]'))


def status_sentence(status: SeriesStatus) -> str:
    """A status in words.

    Parameters
    ----------
    status : SeriesStatus
        Of one telescope and filter.

    Returns
    -------
    str
        As in 'throughput 83% of reference, falling 9 mmag a month'.
    """
    if status.zp_mag is None:
        return 'too few points for a model'
    if status.percent is None:
        level = f'zeropoint {status.zp_mag:.2f} mag, no reference known'
    else:
        level = f'throughput {status.percent:.0f}% of reference'
    if status.slope_mag_per_month is None:
        return level
    change = 1000 * status.slope_mag_per_month
    if abs(change) < 2 * 1000 * (status.slope_error_mag_per_month or 0.0) or abs(change) < 0.5:
        return f'{level}, steady'
    return f'{level}, {"falling" if change < 0 else "rising"} {abs(change):.0f} mmag a month'
