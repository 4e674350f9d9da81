"""Trend lines of the last year as SVG paths.

All have the same axes, so that lines can be compared: a year that ends with the page, and throughput from
BOTTOM_PERCENT to TOP_PERCENT of the reference.  If no reference is known, the best of the year counts as one.  What is
off the axes runs along their edge, with a mark where it is farthest off.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from photzp.answers.status import TREND_WEEKS, Trend
from photzp.magnitudes import percent_of_reference
from photzp.pages.page import Page
from photzp.pages.text import parse_time

TOP_PERCENT, BOTTOM_PERCENT = 110, 50  # chosen because LCO's mirrors were let down to 60 % and come back to 105 %
_PER_WEEK, _PER_PERCENT = 4, 2         # units of the picture: whole numbers are fine enough, and short
WIDTH, HEIGHT = _PER_WEEK * (TREND_WEEKS - 1), _PER_PERCENT * (TOP_PERCENT - BOTTOM_PERCENT)
_GAP_WEEKS = 5                         # a line ends where nothing was seen for longer

_Point = tuple[float, float]


@dataclass(frozen=True)
class Spark:
    """A trend line as SVG paths in a picture of WIDTH x HEIGHT; '' if there is nothing to draw.

    Attributes
    ----------
    line : str
        The nightly model.
    end : str
        A dot at its last week.
    off : str
        Marks of what is off the axes.
    """

    line: str
    end: str
    off: str


def sparks_of(page: Page, now: datetime | None) -> dict[tuple[str, str], Spark]:
    """Draw all trends of a page.

    Parameters
    ----------
    page : Page
        Trends, and the references of its rows.
    now : datetime or None
        Time of the page.

    Returns
    -------
    dict of {(str, str): Spark}
        By telescope and filter.
    """
    reference = {(row.telescope, row.filter): row.reference_mag for row in page.statuses}
    return {key: spark(_margins(by_week(trend), reference.get(key)), now) for trend in page.trends
            for key in [(trend.telescope, trend.filter)]}


def by_week(trend: Trend) -> dict[int, float]:
    """Read the weeks of a trend.

    Parameters
    ----------
    trend : Trend
        A value a week.

    Returns
    -------
    dict of {int: float}
        Zeropoint [mag] by week since 1 January 1970; empty if the trend has no valid date.
    """
    first = parse_time(trend.first)
    if first is None:
        return {}
    return {_week(first) + n: zp for n, zp in enumerate(trend.zp_mag) if zp is not None and math.isfinite(zp)}


def _week(time: datetime) -> int:
    return (time.date() - date(1970, 1, 1)).days // 7


def _margins(weeks: Mapping[int, float], reference_mag: float | None) -> dict[int, float]:
    """The same against the reference [mag]; if there is none, against the best."""
    best = max(weeks.values(), default=0.0)
    zero = best if reference_mag is None or not math.isfinite(reference_mag) else reference_mag
    return {week: zp - zero for week, zp in weeks.items()}


def mean_margins(filters: Sequence[Mapping[int, float]], margin_mag: float | None) -> dict[int, float]:
    """Average filters week by week.

    Each filter counts by how it differs from its last week, so that the mean makes no step where one is missing.

    Parameters
    ----------
    filters : sequence of {int: float}
        Zeropoint [mag] by week of each filter.
    margin_mag : float or None
        Mean zeropoint now less the reference, at which the line ends; None if no reference is known.

    Returns
    -------
    dict of {int: float}
        Mean zeropoint less the reference [mag] by week; without one, less the best.
    """
    changes: dict[int, list[float]] = {}
    for weeks in filters:
        for week, zp in weeks.items():
            changes.setdefault(week, []).append(zp - weeks[max(weeks)])
    mean = {week: sum(values) / len(values) for week, values in changes.items()}
    return _margins(mean, None if margin_mag is None else -margin_mag)


def percent_drawn(margin_mag: float) -> float:
    """Convert a zeropoint less that of the reference.

    Parameters
    ----------
    margin_mag : float
        Positive above the reference; more than 10 mag, which is absurd, counts as 10.

    Returns
    -------
    float
        Throughput in percent of the reference, always finite.
    """
    return percent_of_reference(min(margin_mag, 10.0))


def spark(margins: Mapping[int, float], now: datetime | None) -> Spark:
    """Draw a trend line.

    Parameters
    ----------
    margins : mapping of {int: float}
        Zeropoint less the reference [mag] by week since 1 January 1970.
    now : datetime or None
        End of the year that is drawn; None draws nothing.

    Returns
    -------
    Spark
    """
    if now is None:
        return Spark('', '', '')
    points = [(WIDTH - _PER_WEEK * (_week(now) - week), _PER_PERCENT * (TOP_PERCENT - percent_drawn(margin)))
              for week, margin in sorted(margins.items()) if 0 <= _week(now) - week < TREND_WEEKS]
    drawn = [(x, min(max(y, 0), HEIGHT)) for x, y in points]
    line = ''.join(_path(_simplified(run)) for run in _runs(drawn))
    return Spark(line, _path(drawn[-1:]), ''.join(_marks_off(points)))


def _runs(points: Sequence[_Point]) -> Iterator[Sequence[_Point]]:
    """Yield the parts of a line without gaps."""
    starts = [n for n, (x, _) in enumerate(points) if n == 0 or x - points[n - 1][0] > _PER_WEEK * _GAP_WEEKS]
    for start, end in zip(starts, [*starts, len(points)][1:], strict=True):
        yield points[start:end]


def _simplified(points: Sequence[_Point], tolerance: float = 0.7) -> Sequence[_Point]:
    """The points that a line needs so that no other is farther from it than the tolerance in y.

    Douglas and Peucker (1973), The Canadian Cartographer 10, 112.
    """
    if len(points) < 3:
        return points
    (x0, y0), (x1, y1) = points[0], points[-1]
    distance = [abs(y - y0 - (x - x0) * (y1 - y0) / (x1 - x0)) for x, y in points]
    worst = max(range(len(points)), key=distance.__getitem__)
    if distance[worst] <= tolerance:
        return [points[0], points[-1]]
    return [*_simplified(points[:worst + 1], tolerance)[:-1], *_simplified(points[worst:], tolerance)]


def _path(points: Sequence[_Point]) -> str:
    """Points as a path; a single one is a line of no length, which round ends make a dot."""
    if not points:
        return ''
    first, *more = (f'{x:.0f} {y:.0f}' for x, y in points)
    return f'M{first}L{" ".join(more)}' if more else f'M{first}h0'


def _marks_off(points: Sequence[_Point]) -> Iterator[str]:
    """Yield a triangle at the lower and at the upper edge where points are off the picture."""
    if not points:
        return
    for (x, y), edge, height in ((max(points, key=lambda point: point[1]), HEIGHT, -12),
                                 (min(points, key=lambda point: point[1]), 0, 12)):
        if (y - edge) * height < 0:
            yield f'M{x:.0f} {edge}l-9 {height}h18z'
