"""Values as the pages show them: numbers with a true minus sign, times for people, a dash for what is not known."""

import math
import re
from datetime import UTC, date, datetime, timedelta

import numpy as np

from photzp.times import DAYS_PER_MONTH, DAYS_PER_YEAR, day_of

UNKNOWN = '–'


def anchor(*parts: str) -> str:
    """Name of a place in the page: letters, digits and dashes stay, all else is coded, so that no two are the same."""
    return '.'.join(re.sub(r'[^A-Za-z0-9-]', lambda sign: f'_{ord(sign[0]):x}_', part) for part in parts)


# -- numbers -----------------------------------------------------------------------------------------------------------


def plain(value: float | None, digits: int = 1, factor: float = 1) -> str:
    """A number times a factor."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f'{factor * value:.{digits}f}'
    return text.lstrip('-') if float(text) == 0 else text.replace('-', '−')


def signed(value: float | None, digits: int = 1, factor: float = 1) -> str:
    """The same with a sign in any case but that of nothing."""
    text = plain(value, digits, factor)
    return text if text == UNKNOWN or text[0] == '−' or float(text) == 0 else f'+{text}'


def error_of(value: float | None, digits: int = 1, factor: float = 1) -> str:
    """An error times a factor, with up to two more digits where it would be told as nothing."""
    texts = [plain(value, digits + more, factor) for more in range(3)]
    return next((text for text in texts if text == UNKNOWN or float(text) > 0), texts[0])


def spaced(text: str) -> str:
    """A text with a blank between a number and its m, as '2 m and 1 m telescopes'."""
    return re.sub(r'(?<=\d)m\b', ' m', text)


def known(value: float | None) -> bool:
    """Whether there is a number."""
    return value is not None and math.isfinite(value)


# -- times -------------------------------------------------------------------------------------------------------------


def moment(text: str | None) -> datetime | None:
    """A time or date as datetime with time zone; None where it is none."""
    try:
        found = datetime.fromisoformat(text or '')
    except (ValueError, TypeError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def words(time: datetime | None) -> str | None:
    """A time for people, as 'Fri 21 Nov 2025, 14:05 UTC'; None stays None."""
    return None if time is None else f'{time:%a} {time.day} {time:%b %Y, %H:%M} UTC'


def days_from(text: str | None, now: datetime | None) -> int | None:
    """Whole days from the date of a time to that of now, None where one of them is not known."""
    time = moment(text)
    return None if time is None or now is None else (_date(now) - _date(time)).days


def _date(time: datetime) -> date:
    return date(time.year, time.month, time.day)


def day(text: str | None) -> str:
    """The date of a time, a dash where it is none."""
    time = moment(text)
    return UNKNOWN if time is None else f'{_date(time)}'


def ago(days: int | None) -> str:
    """Days as words, a dash where they are not known."""
    if days is None:
        return UNKNOWN
    if days <= 0:
        return 'today'
    return 'yesterday' if days == 1 else f'{days} d ago'


def date_of(time: np.datetime64) -> str:
    """The date of a datetime64, a dash for NaT."""
    return UNKNOWN if np.isnat(time) else str(day_of(time))


def month_of(time: np.datetime64) -> str:
    """The month of a datetime64, as 'Nov 2025'; a dash for NaT."""
    return UNKNOWN if np.isnat(time) else f'{day_of(time).item():%b %Y}'


def day_of_year(days: float) -> str:
    """A day of the year, as '31 Jan'; a dash where it is not known."""
    if not math.isfinite(days):
        return UNKNOWN
    date_then = date(2001, 1, 1) + timedelta(days=int(days) % 365)
    return f'{date_then.day} {date_then:%b}'


def between(early: np.datetime64, late: np.datetime64) -> str:
    """An interval of dates, as short as it can be told: '3 to 9 Nov 2025', '28 Oct to 3 Nov 2025'."""
    if np.isnat(early):
        return UNKNOWN
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
    """A number of hours for people: days where it is about so many, as 'a day' for 26 hours."""
    days = round(hours / 24)
    if days < 1 or abs(hours - 24 * days) > 0.1 * hours:
        return f'{hours:g} hours'
    return 'a day' if days == 1 else f'{days} days'


def lasting(days: float | None) -> str:
    """A span for people: days, months from two on, years from two on."""
    if days is None or not math.isfinite(days):
        return UNKNOWN
    if days < 61:
        return f'{days:.0f} d'
    return f'{days / DAYS_PER_MONTH:.0f} months' if days < 731 else f'{days / DAYS_PER_YEAR:.1f} years'
