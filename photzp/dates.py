"""Dates as options and archives write them.  No numpy here: options are read before its threads are limited."""

import re
from datetime import date, datetime, timedelta

_DATE_FORMS = ((r'\d{8}', '%Y%m%d'), (r'\d{4}-\d{2}-\d{2}', '%Y-%m-%d'))


def parse_date(text: str) -> str:
    """Read a date of an option.

    Parameters
    ----------
    text : str
        YYYYMMDD or YYYY-MM-DD.

    Returns
    -------
    str
        YYYYMMDD.

    Raises
    ------
    ValueError
        The text is of another form, or no day of the calendar.
    """
    for form, layout in _DATE_FORMS:
        if re.fullmatch(form, text, re.ASCII):
            try:
                day = datetime.strptime(text, layout)  # noqa: DTZ007  a calendar day has no zone
                return day.date().isoformat().replace('-', '')
            except ValueError:
                raise ValueError(f'{text!r} is not a day of the calendar') from None
    raise ValueError(f'{text!r} is not YYYYMMDD or YYYY-MM-DD')


def last_dates(days: int, today: date) -> tuple[str, ...]:
    """The last dates, today included.

    Parameters
    ----------
    days : int
        Number of dates.
    today : datetime.date
        The last of them, in UTC.

    Returns
    -------
    tuple of str
        Each as YYYYMMDD, the oldest first.

    Raises
    ------
    ValueError
        Fewer than one day, or more than the calendar has.
    """
    if days < 1:
        raise ValueError('at least one day is needed')
    if days > (today - date.min).days:
        raise ValueError(f'{days} days reach back beyond the calendar')
    return tuple((today - timedelta(days=back)).isoformat().replace('-', '') for back in reversed(range(days)))
