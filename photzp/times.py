"""Times: any form of them as datetime64[ms] in UTC, spans in days, and nights of a site."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

Date = date | np.datetime64 | str
Time = str | date | datetime | np.datetime64

DAYS_PER_YEAR = 365.25  # Julian
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
MS_PER_DAY = 86_400_000


# -- instants and days -------------------------------------------------------------------------------------------------


def instant_of(time: Time) -> np.datetime64:
    """A time in any form as datetime64[ms].

    Parameters
    ----------
    time : str, datetime.date, datetime.datetime or numpy.datetime64
        A datetime with a time zone is converted to UTC; everything else is in UTC.  A str is as numpy reads it, like
        'YYYY-MM-DD' or 'YYYY-MM-DDTHH:MM:SS.sss'.  A date is its midnight.

    Returns
    -------
    numpy.datetime64
        The time in UTC, datetime64[ms]; NaT stays NaT.

    Raises
    ------
    ValueError
        For a str that is no time.
    """
    if isinstance(time, datetime) and time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    return time.astype('datetime64[ms]') if isinstance(time, np.datetime64) else np.datetime64(time, 'ms')


def day_of(time: Time) -> 'np.datetime64[date]':
    """The date (UTC) of a time.

    Parameters
    ----------
    time : str, datetime.date, datetime.datetime or numpy.datetime64
        As for `instant_of`.

    Returns
    -------
    numpy.datetime64
        datetime64[D]; NaT stays NaT.

    Raises
    ------
    ValueError
        For a str that is no time.
    """
    return instant_of(time).astype('datetime64[D]')


def month_end(time: Time) -> np.datetime64:
    """The end of the month (UTC) of a time.

    Parameters
    ----------
    time : str, datetime.date, datetime.datetime or numpy.datetime64
        As for `instant_of`.

    Returns
    -------
    numpy.datetime64
        Midnight at which the next month begins, datetime64[ms]; NaT stays NaT.

    Raises
    ------
    ValueError
        For a str that is no time.
    """
    return (instant_of(time).astype('datetime64[M]') + np.timedelta64(1, 'M')).astype('datetime64[ms]')


def time_text(time: Time) -> str:
    """A time as the database has it.

    Parameters
    ----------
    time : str, datetime.date, datetime.datetime or numpy.datetime64
        As for `instant_of`.

    Returns
    -------
    str
        'YYYY-MM-DD HH:MM:SS.sss' in UTC; what is beyond a millisecond is cut off.

    Raises
    ------
    ValueError
        For a str that is no time.
    """
    return str(instant_of(time)).replace('T', ' ')


# -- spans -------------------------------------------------------------------------------------------------------------


def days_of(span: Any) -> Any:
    """Spans of time as a number of days.

    Parameters
    ----------
    span : timedelta64 or ndarray of timedelta64
        Of any unit up to weeks.

    Returns
    -------
    numpy.float64 or ndarray of float64
        Days, with a fraction, of the shape of `span`; NaN for NaT.
    """
    return span / np.timedelta64(1, 'D')


def days_since(time: Any, origin: Any) -> Any:
    """Days from one time to others.

    Parameters
    ----------
    time, origin : datetime64 or ndarray of datetime64
        Of shapes that numpy can subtract from one another.

    Returns
    -------
    numpy.float64 or ndarray of float64
        Days, with a fraction, negative before the origin; NaN where one of the two is NaT.
    """
    return days_of(time - origin)


def span_of(days: ArrayLike) -> Any:
    """A number of days as spans of time, the inverse of `days_of` to half a millisecond.

    Parameters
    ----------
    days : array_like of float
        Days, finite, of any shape.

    Returns
    -------
    timedelta64 or ndarray of timedelta64
        timedelta64[ms], of the shape of `days`; rounded to the nearest ms, halves to the even one.
    """
    return np.round(np.asarray(days, float) * MS_PER_DAY).astype('timedelta64[ms]')


@dataclass(frozen=True)
class Period:
    """The time that a report covers, UTC.

    Attributes
    ----------
    start, end : numpy.datetime64 or None
        Its first instant, and the first one after it, datetime64[ms]; None for no limit.
    now : numpy.datetime64 or None
        The present, datetime64[ms]: rows dated later are left out, until a later run.  None takes them, too.
    """

    start: np.datetime64 | None = None
    end: np.datetime64 | None = None
    now: np.datetime64 | None = None

    @classmethod
    def of_dates(cls, start: str | None, end: str | None, now: np.datetime64 | None = None) -> 'Period':
        """The period between two dates as `photzp.dates.parse_date` returns them.

        Parameters
        ----------
        start, end : str or None
            YYYYMMDD: the first date, and the date after the last; None for no limit.
        now : numpy.datetime64, optional
            The present, datetime64[ms].

        Returns
        -------
        Period
        """
        first, after = (None if date is None else np.datetime64(f'{date[:4]}-{date[4:6]}-{date[6:]}', 'ms')
                        for date in (start, end))
        return cls(first, after, now)

    @property
    def is_whole(self) -> bool:
        """Whether it has neither start nor end."""
        return self.start is None and self.end is None

    @property
    def until(self) -> np.datetime64:
        """Its end, or now where that is earlier; NaT where neither is known."""
        return min((time for time in (self.now, self.end) if time is not None), default=np.datetime64('NaT', 'ms'))


ALL_TIME = Period()


# -- nights of a site --------------------------------------------------------------------------------------------------


def night_of(time: ArrayLike, longitude_deg: float) -> np.ndarray:
    """The night that a time belongs to, from local noon to local noon.

    Parameters
    ----------
    time : array_like of datetime64
        Times in UTC, of any shape.
    longitude_deg : float
        Longitude of the site in degrees, positive to the east.

    Returns
    -------
    ndarray of datetime64[D]
        Date on which the night begins, by mean solar time, of the shape of `time`; NaT for NaT.
    """
    return (np.asarray(time, 'datetime64[ms]') + span_of(longitude_deg / 360 - 0.5)).astype('datetime64[D]')


def local_noon(date: Date, longitude_deg: float) -> np.datetime64:
    """Noon of a date at a site.

    Parameters
    ----------
    date : datetime.date, numpy.datetime64 or str
        The date; of a time its date counts.
    longitude_deg : float
        Longitude of the site in degrees, positive to the east.

    Returns
    -------
    numpy.datetime64
        Noon by mean solar time, in UTC, datetime64[ms].

    Raises
    ------
    ValueError
        For a str that is no date.
    """
    return day_of(date) + span_of(0.5 - longitude_deg / 360)
