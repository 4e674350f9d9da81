"""Values as the pages show them: numbers with a true minus sign, times for people, a dash for what is not known.

The templates use some of these functions as filters, under the same names.
"""

import math
import re
from datetime import UTC, date, datetime, timedelta

import numpy as np

from photzp.times import DAYS_PER_MONTH, DAYS_PER_YEAR, day_of

_UNKNOWN = '–'


def anchor(*parts: str) -> str:
    """Name a place in a page; different parts give different names.

    Parameters
    ----------
    *parts : str
        Words, as 'telescope' and its name.

    Returns
    -------
    str
        Letters, digits and dashes as they are, everything else coded.
    """
    return '.'.join(re.sub(r'[^A-Za-z0-9-]', lambda character: f'_{ord(character[0]):x}_', part) for part in parts)


# -- numbers -----------------------------------------------------------------------------------------------------------


def is_known(value: float | None) -> bool:
    """Tell whether there is a number.

    Parameters
    ----------
    value : float or None
        None and what is not finite are not known.

    Returns
    -------
    bool
    """
    return value is not None and math.isfinite(value)


def plain(value: float | None, digits: int = 1, factor: float = 1) -> str:
    """Write a number times a factor.

    Parameters
    ----------
    value : float or None
        The number.
    digits : int
        After the point.
    factor : float
        As 1000 for mmag.

    Returns
    -------
    str
        A dash if the number is not known.
    """
    if value is None or not math.isfinite(value):
        return _UNKNOWN
    text = f'{factor * value:.{digits}f}'
    return text.lstrip('-') if float(text) == 0 else text.replace('-', '−')


def signed(value: float | None, digits: int = 1, factor: float = 1) -> str:
    """Write a number times a factor, with a sign unless it is 0.

    Parameters
    ----------
    value, digits, factor
        As for `plain`.

    Returns
    -------
    str
        A dash if the number is not known.
    """
    text = plain(value, digits, factor)
    return text if text == _UNKNOWN or text[0] == '−' or float(text) == 0 else f'+{text}'


def error_of(value: float | None, digits: int = 1, factor: float = 1) -> str:
    """Write an error times a factor, with up to two more digits where it would be written as 0.

    Parameters
    ----------
    value, digits, factor
        As for `plain`.

    Returns
    -------
    str
        A dash if the error is not known.
    """
    texts = [plain(value, digits + more, factor) for more in range(3)]
    return next((text for text in texts if text == _UNKNOWN or float(text) > 0), texts[0])


def spaced(text: str) -> str:
    """Put a blank between a number and its m.

    Parameters
    ----------
    text : str
        As '2m and 1m telescopes'.

    Returns
    -------
    str
        As '2 m and 1 m telescopes'.
    """
    return re.sub(r'(?<=\d)m\b', ' m', text)


# -- times -------------------------------------------------------------------------------------------------------------


def parse_time(text: str | None) -> datetime | None:
    """Read a time or a date.

    Parameters
    ----------
    text : str or None
        In ISO 8601; without a time zone it is in UTC.

    Returns
    -------
    datetime or None
        In UTC, with its time zone; None if the text is none.
    """
    try:
        time = datetime.fromisoformat(text or '')
    except (ValueError, TypeError):
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def time_in_words(time: datetime | None) -> str | None:
    """Write a time for people.

    Parameters
    ----------
    time : datetime or None
        In UTC.

    Returns
    -------
    str or None
        As 'Fri 21 Nov 2025, 14:05 UTC'; None stays None.
    """
    return None if time is None else f'{time:%a} {time.day} {time:%b %Y, %H:%M} UTC'


def days_from(text: str | None, now: datetime | None) -> int | None:
    """Count whole days between dates.

    Parameters
    ----------
    text : str or None
        The earlier time.
    now : datetime or None
        The later time.

    Returns
    -------
    int or None
        None if one of them is not known.
    """
    time = parse_time(text)
    return None if time is None or now is None else (_date(now) - _date(time)).days


def _date(time: datetime) -> date:
    return date(time.year, time.month, time.day)


def day(text: str | None) -> str:
    """Write the date of a time.

    Parameters
    ----------
    text : str or None
        Time or date.

    Returns
    -------
    str
        'YYYY-MM-DD'; a dash if the text is no time.
    """
    time = parse_time(text)
    return _UNKNOWN if time is None else f'{_date(time)}'


def ago(days: int | None) -> str:
    """Write how long ago a day was.

    Parameters
    ----------
    days : int or None
        Days since.

    Returns
    -------
    str
        As 'today' or '3 d ago'; a dash if not known.
    """
    if days is None:
        return _UNKNOWN
    if days <= 0:
        return 'today'
    return 'yesterday' if days == 1 else f'{days} d ago'


def date_of(time: np.datetime64) -> str:
    """Write the date of a time.

    Parameters
    ----------
    time : datetime64
        In UTC.

    Returns
    -------
    str
        'YYYY-MM-DD'; a dash for NaT.
    """
    return _UNKNOWN if np.isnat(time) else str(day_of(time))


def month_of(time: np.datetime64) -> str:
    """Write the month of a time.

    Parameters
    ----------
    time : datetime64
        In UTC.

    Returns
    -------
    str
        As 'Nov 2025'; a dash for NaT.
    """
    return _UNKNOWN if np.isnat(time) else f'{day_of(time).item():%b %Y}'


def day_of_year(days: float) -> str:
    """Write a day of the year.

    Parameters
    ----------
    days : float
        Since 1 January.

    Returns
    -------
    str
        As '31 Jan'; a dash if not known.
    """
    if not math.isfinite(days):
        return _UNKNOWN
    date_then = date(2001, 1, 1) + timedelta(days=int(days) % 365)
    return f'{date_then.day} {date_then:%b}'


def between(early: np.datetime64, late: np.datetime64) -> str:
    """Write an interval of dates, as short as possible.

    Parameters
    ----------
    early, late : datetime64
        First and last day; NaT if not known.

    Returns
    -------
    str
        As '3 to 9 Nov 2025' or '28 Oct to 3 Nov 2025'; a dash if the first day is not known.
    """
    if np.isnat(early):
        return _UNKNOWN
    first = day_of(early).item()
    if np.isnat(late):
        return f'{first.day} {first:%b %Y} or later'
    last = day_of(late).item()
    end = f'{last.day} {last:%b %Y}'
    if first == last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f'{first.day} to {end}'
    return f'{first.day} {first:%b} to {end}' if first.year == last.year else f'{first.day} {first:%b %Y} to {end}'


def hours_in_words(hours: float) -> str:
    """Write a number of hours for people.

    Parameters
    ----------
    hours : float
        How many.

    Returns
    -------
    str
        Days where it is about as many, as 'a day' for 26 hours.
    """
    days = round(hours / 24)
    if days < 1 or abs(hours - 24 * days) > 0.1 * hours:
        return f'{hours:g} hours'
    return 'a day' if days == 1 else f'{days} days'


def days_in_words(days: float | None) -> str:
    """Write a number of days for people.

    Parameters
    ----------
    days : float or None
        How many.

    Returns
    -------
    str
        Days, from two months on months, from two years on years; a dash if not known.
    """
    if days is None or not math.isfinite(days):
        return _UNKNOWN
    if days < 61:
        return f'{days:.0f} d'
    return f'{days / DAYS_PER_MONTH:.0f} months' if days < 731 else f'{days / DAYS_PER_YEAR:.1f} years'
