"""The fleet at a glance: a card for each telescope, the worst first, and trend lines as SVG paths.

A trend line has the same axes everywhere, so that lines can be compared: a year that ends with the page, and throughput
from BOTTOM_PERCENT to TOP_PERCENT of the reference.  Where no reference is known, the best of the year counts as one.
What is off the axes runs along their edge, with a mark where it is farthest off.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from photzp.answers.ranking import MirrorState
from photzp.answers.status import TREND_WEEKS, Trend
from photzp.magnitudes import percent_of_reference
from photzp.pages.page import Page
from photzp.pages.text import known, moment
from photzp.pages.views import Telescope

TOP_PERCENT, BOTTOM_PERCENT = 110, 50  # chosen because LCO's mirrors were let down to 60 % and come back to 105 %
PER_WEEK, PER_PERCENT = 4, 2           # units of the picture: whole numbers are fine enough, and short
WIDTH, HEIGHT = PER_WEEK * (TREND_WEEKS - 1), PER_PERCENT * (TOP_PERCENT - BOTTOM_PERCENT)
GAP_WEEKS = 5                          # a line ends where nothing was seen for longer
STATES = ('low', 'good', 'unknown')    # the worst first

Point = tuple[float, float]


@dataclass(frozen=True)
class Spark:
    """A trend line as SVG paths in a picture of WIDTH x HEIGHT; '' where there is nothing to draw.

    line : of the nightly model.  end : a dot at its last week.  off : marks of what is off the axes.
    """

    line: str
    end: str
    off: str


@dataclass(frozen=True)
class Card:
    """A telescope in the overview, as the mean over its filters.

    state : 'low', 'good' or 'unknown'.  percent, percent_error : of the reference.
    slope_mag_per_month, slope_error_mag_per_month : negative is a loss.  findings : how many there are of it.
    """

    telescope: Telescope
    state: str
    percent: float | None
    percent_error: float | None
    slope_mag_per_month: float | None
    slope_error_mag_per_month: float | None
    spark: Spark
    findings: int


def cards_of(page: Page, telescopes: Iterable[Telescope], healthy_mag: float,
             now: datetime | None) -> tuple[Card, ...]:
    """A card for each telescope that has a row: those in use first, then what is low, then the least percent.

    healthy_mag : below the reference by more than that a telescope is low.
    """
    mirrors = {state.telescope: state for state in page.answers.mirrors}
    trends = {(trend.telescope, trend.filter): trend for trend in page.trends}
    cards = [_card(page, each, mirrors.get(each.name), trends, healthy_mag, now) for each in telescopes
             if any(series.status for series in each.series)]
    return tuple(sorted(cards, key=lambda card: (
        card.telescope.dormant, STATES.index(card.state),
        card.percent if card.percent is not None else math.inf, card.telescope.name)))


def sparks_of(page: Page, now: datetime | None) -> dict[tuple[str, str], Spark]:
    """{(telescope, filter): its trend line}."""
    reference = {(each.telescope, each.filter): each.reference_mag for each in page.statuses}
    return {key: spark(_margins(weeks, reference.get(key)), now) for trend in page.trends
            for key, weeks in [((trend.telescope, trend.filter), _by_week(trend))]}


def _card(page: Page, telescope: Telescope, state: MirrorState | None, trends: Mapping[tuple[str, str], Trend],
          healthy_mag: float, now: datetime | None) -> Card:
    """Numbers are those of the answers; without answers the mean of the rows, which has no error."""
    if state is not None:
        margin = -state.loss_mag if known(state.loss_mag) else None
        slope: float | None = -state.rate_mag_per_month
        errors: tuple[float | None, float | None] = (state.percent_error, state.rate_error_mag_per_month)
    else:
        rows = [each.status for each in telescope.series if each.status]
        margin = _mean(row.zp_mag - row.reference_mag for row in rows
                       if row.zp_mag is not None and row.reference_mag is not None)
        slope = _mean(row.slope_mag_per_month for row in rows if row.slope_mag_per_month is not None)
        errors = None, None
    own = [_by_week(trends[key]) for each in telescope.series if (key := (telescope.name, each.filter)) in trends
           and (state is None or each.filter in state.filters)]
    percent = None if margin is None else percent_drawn(margin)
    return Card(telescope, 'unknown' if margin is None else 'low' if margin < -healthy_mag else 'good',
                percent, errors[0], slope, errors[1], spark(_mean_margins(own, margin), now),
                sum(finding.telescope == telescope.name for finding in page.answers.findings))


def _mean(values: Iterable[float]) -> float | None:
    there = [value for value in values if known(value)]
    return sum(there) / len(there) if there else None


def percent_drawn(margin_mag: float) -> float:
    """Throughput in percent of the reference, of a zeropoint less that of the reference."""
    return percent_of_reference(min(margin_mag, 10.0))  # of what is absurd anything will do that can be drawn


# -- trends ------------------------------------------------------------------------------------------------------------


def _by_week(trend: Trend) -> dict[int, float]:
    """{week since 1 January 1970: zeropoint [mag]} of a trend; nothing where its date is none."""
    first = moment(trend.first)
    if first is None:
        return {}
    return {_week(first) + n: zp for n, zp in enumerate(trend.zp_mag) if zp is not None and math.isfinite(zp)}


def _week(time: datetime) -> int:
    return (time.date() - date(1970, 1, 1)).days // 7


def _margins(weeks: Mapping[int, float], reference_mag: float | None) -> dict[int, float]:
    """The same against the reference [mag], or where there is none against the best."""
    best = max(weeks.values(), default=0.0)
    zero = best if reference_mag is None or not math.isfinite(reference_mag) else reference_mag
    return {week: zp - zero for week, zp in weeks.items()}


def _mean_margins(filters: Sequence[Mapping[int, float]], margin_mag: float | None) -> dict[int, float]:
    """Mean of filters against the reference by week [mag], which ends at what is known of it now.

    Each filter counts by how it differs from its last week, so that the mean makes no step where one is missing.
    margin_mag : now; None where no reference is known: then against the best.
    """
    changes: dict[int, list[float]] = {}
    for weeks in filters:
        for week, zp in weeks.items():
            changes.setdefault(week, []).append(zp - weeks[max(weeks)])
    mean = {week: sum(values) / len(values) for week, values in changes.items()}
    return _margins(mean, None if margin_mag is None else -margin_mag)


# -- lines -------------------------------------------------------------------------------------------------------------


def spark(margins: Mapping[int, float], now: datetime | None) -> Spark:
    """The trend line of {week: model - reference [mag]}, of the year that ends with `now`."""
    if now is None:
        return Spark('', '', '')
    points = [(WIDTH - PER_WEEK * (_week(now) - week), PER_PERCENT * (TOP_PERCENT - percent_drawn(margin)))
              for week, margin in sorted(margins.items()) if 0 <= _week(now) - week < TREND_WEEKS]
    drawn = [(x, min(max(y, 0), HEIGHT)) for x, y in points]
    line = ''.join(_path(simplified(run)) for run in _runs(drawn))
    return Spark(line, _path(drawn[-1:]), ''.join(_off(points)))


def _runs(points: Sequence[Point]) -> Iterator[Sequence[Point]]:
    """Yield the parts of a line without gaps."""
    starts = [n for n, (x, _) in enumerate(points) if n == 0 or x - points[n - 1][0] > PER_WEEK * GAP_WEEKS]
    for start, end in zip(starts, [*starts, len(points)][1:], strict=True):
        yield points[start:end]


def simplified(points: Sequence[Point], tolerance: float = 0.7) -> Sequence[Point]:
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
    return [*simplified(points[:worst + 1], tolerance)[:-1], *simplified(points[worst:], tolerance)]


def _path(points: Sequence[Point]) -> str:
    """Points as a path; a single one is a line of no length, which round ends make a dot."""
    if not points:
        return ''
    first, *more = (f'{x:.0f} {y:.0f}' for x, y in points)
    return f'M{first}L{" ".join(more)}' if more else f'M{first}h0'


def _off(points: Sequence[Point]) -> Iterator[str]:
    """Yield a triangle at the lower and at the upper edge where points are off the picture."""
    if not points:
        return
    for (x, y), edge, height in ((max(points, key=lambda point: point[1]), HEIGHT, -12),
                                 (min(points, key=lambda point: point[1]), 0, 12)):
        if (y - edge) * height < 0:
            yield f'M{x:.0f} {edge}l-9 {height}h18z'
