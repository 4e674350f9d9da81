"""Times and dates: any form of them as datetime64[ms] in UTC, dates of files and options, and nights of a site."""

import re
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike

Date = date | np.datetime64 | str
Time = str | date | datetime | np.datetime64

DAYS_PER_MONTH = 30.4375  # Julian year / 12
_DATE_FORMS = ((r'\d{8}', '%Y%m%d'), (r'\d{4}-\d{2}-\d{2}', '%Y-%m-%d'))


def parse_date(text: str) -> str:
    """YYYYMMDD or YYYY-MM-DD as YYYYMMDD; ValueError for anything else, also for a day that no calendar has."""
    for form, layout in _DATE_FORMS:
        if re.fullmatch(form, text, re.ASCII):
            try:
                day = datetime.strptime(text, layout)  # noqa: DTZ007  a calendar day has no zone
                return day.date().isoformat().replace('-', '')
            except ValueError:
                raise ValueError(f'{text!r} is not a day of the calendar') from None
    raise ValueError(f'{text!r} is not YYYYMMDD or YYYY-MM-DD')


def last_dates(days: int, today: date) -> tuple[str, ...]:
    """The last `days` dates as YYYYMMDD, `today` (a datetime.date, UTC) counted, the oldest first."""
    if days < 1:
        raise ValueError('at least one day is needed')
    if days > (today - date.min).days:
        raise ValueError(f'{days} days reach back beyond the calendar')
    return tuple((today - timedelta(days=back)).isoformat().replace('-', '') for back in reversed(range(days)))


def moment(date: str | None) -> np.datetime64 | None:
    """YYYYMMDD as datetime64[ms]; None stays None."""
    return None if date is None else np.datetime64(f'{date[:4]}-{date[4:6]}-{date[6:]}', 'ms')


def instant_of(time: Time) -> np.datetime64:
    """A time (str, date, datetime with or without time zone, datetime64) as datetime64[ms], UTC."""
    if isinstance(time, datetime) and time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    return time.astype('datetime64[ms]') if isinstance(time, np.datetime64) else np.datetime64(time, 'ms')


def time_text(time: Time) -> str:
    """A time as the database has it, 'YYYY-MM-DD HH:MM:SS.sss' in UTC."""
    return str(instant_of(time)).replace('T', ' ')


def night_of(time: ArrayLike, longitude_deg: float) -> np.ndarray:
    """Date on which the night of a time begins (from local noon to local noon): datetime64[D]."""
    shift = np.timedelta64(round((longitude_deg / 360 - 0.5) * 86_400_000), 'ms')
    return (np.asarray(time, 'datetime64[ms]') + shift).astype('datetime64[D]')


def local_noon(date: Date, longitude_deg: float) -> np.datetime64:
    """Noon of a date at a site, UTC: datetime64[ms]."""
    noon = np.timedelta64(round((0.5 - longitude_deg / 360) * 86_400_000), 'ms')
    return instant_of(date).astype('datetime64[D]') + noon
