"""Checked values of header cards: a frame is rejected where one that it needs is missing or unsound."""

import math
import re
from datetime import date, datetime

from photzp.errors import HEADER_INCOMPLETE, FrameRejected
from photzp.frames.fitsheader import Header
from photzp.names import safe_part
from photzp.times import time_text

_EARLIEST_YEAR, _LATEST_YEAR = 2000, 2100  # before the first robotic telescope of the network; after any of them
_MOST_DAYS_FROM_NIGHT = 2      # DATE-OBS (UTC) is never farther from DAY-OBS, the local night


def shown(value: object) -> str:
    """Value of a card for a message.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
        Its repr, 60 characters at most.
    """
    text = repr(value)
    return text if len(text) <= 60 else text[:56] + '...'


def identifier(header: Header, key: str) -> str:
    """A name that is safe as part of a file name or a query.

    Parameters
    ----------
    header : Header
    key : str
        Keyword.

    Returns
    -------
    str
        Without blanks around it.

    Raises
    ------
    FrameRejected
        If the card is missing or holds no such name.
    """
    value = header.get(key)
    try:
        return safe_part(value.strip() if isinstance(value, str) else value)
    except ValueError:
        raise _incomplete(header, key, value, 'a name') from None


def number(header: Header, key: str) -> float:
    """A finite number.

    Parameters
    ----------
    header : Header
    key : str
        Keyword.

    Returns
    -------
    float

    Raises
    ------
    FrameRejected
        If the card is missing or holds no number.
    """
    value = optional_number(header, key)
    if not math.isfinite(value):
        raise _incomplete(header, key, header.get(key), 'a number')
    return value


def optional_number(header: Header, key: str) -> float:
    """A number that may be missing.

    Parameters
    ----------
    header : Header
    key : str
        Keyword.

    Returns
    -------
    float
        nan where the card is missing, holds a word, or true or false.
    """
    value = header.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def start_time(header: Header, key: str, night_key: str) -> str:
    """Start of the exposure; the card of the local night must agree, where it holds a date.

    Parameters
    ----------
    header : Header
    key, night_key : str
        Keywords of the time and of the local night.

    Returns
    -------
    str
        'YYYY-MM-DD HH:MM:SS.sss' UTC.

    Raises
    ------
    FrameRejected
        If the card is missing, holds no time, or one of another night.
    """
    value = header.get(key)
    try:
        time = _parse_time(str(value).strip().removesuffix('Z'))
    except ValueError:
        raise _incomplete(header, key, value, 'a date and time') from None
    night = _parse_night(header.get(night_key))
    if night is not None and abs((time.date() - night).days) > _MOST_DAYS_FROM_NIGHT:
        raise FrameRejected(HEADER_INCOMPLETE, f'{key} = {shown(value)} is not of the night {night_key} = {night}')
    return time_text(time)


def _parse_time(text: str) -> datetime:
    """A time of day and a date without time zone; ValueError for any other text."""
    # A leap second (60) has no place in datetime; half a minute earlier is near enough for a date.
    text = re.sub(r':60(\.\d*)?$', ':59.999', text)
    if fraction := re.fullmatch(r'(.*?)\.(\d+)', text):
        text = f'{fraction[1]}.{fraction[2][:6]:0<6}'
    time = datetime.fromisoformat(text)
    if time.tzinfo is not None or not re.search(r'\d:\d', text):
        raise ValueError
    if not _EARLIEST_YEAR <= time.year <= _LATEST_YEAR:
        raise ValueError
    return time


def _parse_night(value: object) -> date | None:
    """The local night, from 20190805 or 2019-08-05; None where the card holds no date."""
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        return None


def _incomplete(header: Header, key: str, value: object, kind: str) -> FrameRejected:
    """The rejection for a card that is missing or not of a kind."""
    problem = f'is {shown(value)}, not {kind}' if key in header else 'is missing'
    return FrameRejected(HEADER_INCOMPLETE, f'{key} {problem}')
