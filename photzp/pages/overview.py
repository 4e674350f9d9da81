"""The fleet at a glance: a card for each telescope, the worst first."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from photzp.answers.ranking import MirrorState
from photzp.answers.status import Trend
from photzp.pages.page import Page
from photzp.pages.sparks import Spark, by_week, mean_margins, percent_drawn, spark
from photzp.pages.text import is_known
from photzp.pages.views import TelescopeView

STATES = ('low', 'good', 'unknown')  # the worst first


@dataclass(frozen=True, kw_only=True)
class Card:
    """A telescope in the overview, as the mean over its filters.

    Attributes
    ----------
    telescope : TelescopeView
        Its name, filters and last observation.
    state : str
        One of STATES.
    percent, percent_error : float or None
        Throughput in percent of the reference, and its error.
    slope_mag_per_month, slope_error_mag_per_month : float or None
        Negative for a loss.
    spark : Spark
        Its trend line.
    findings : int
        How many findings are of it.
    """

    telescope: TelescopeView
    state: str
    percent: float | None
    percent_error: float | None
    slope_mag_per_month: float | None
    slope_error_mag_per_month: float | None
    spark: Spark
    findings: int


def cards_of(page: Page, telescopes: Iterable[TelescopeView], healthy_mag: float,
             now: datetime | None) -> tuple[Card, ...]:
    """Make a card for each telescope that has a row.

    Parameters
    ----------
    page : Page
        Answers and trends.
    telescopes : iterable of TelescopeView
        All telescopes of the page.
    healthy_mag : float
        A telescope is low if it is farther below the reference.
    now : datetime or None
        Time of the page.

    Returns
    -------
    tuple of Card
        First telescopes in use, then low ones, then the least percent.
    """
    mirrors = {state.telescope: state for state in page.answers.mirrors}
    trends = {(trend.telescope, trend.filter): trend for trend in page.trends}
    cards = [_card(page, telescope, mirrors.get(telescope.name), trends, healthy_mag, now) for telescope in telescopes
             if any(series.status for series in telescope.series)]
    return tuple(sorted(cards, key=lambda card: (
        card.telescope.dormant, STATES.index(card.state),
        card.percent if card.percent is not None else math.inf, card.telescope.name)))


def _card(page: Page, telescope: TelescopeView, state: MirrorState | None, trends: Mapping[tuple[str, str], Trend],
          healthy_mag: float, now: datetime | None) -> Card:
    """A card with the numbers of the answers; without answers, with the mean of the rows, which has no error."""
    percent_error = slope_error = None
    if state is not None:
        margin = -state.loss_mag if is_known(state.loss_mag) else None
        slope: float | None = -state.rate_mag_per_month
        percent_error, slope_error = state.percent_error, state.rate_error_mag_per_month
    else:
        rows = [series.status for series in telescope.series if series.status]
        margin = _mean(row.zp_mag - row.reference_mag for row in rows
                       if row.zp_mag is not None and row.reference_mag is not None)
        slope = _mean(row.slope_mag_per_month for row in rows if row.slope_mag_per_month is not None)
    weeks = [by_week(trends[telescope.name, series.filter]) for series in telescope.series
             if (telescope.name, series.filter) in trends and (state is None or series.filter in state.filters)]
    return Card(telescope=telescope, state='unknown' if margin is None else 'low' if margin < -healthy_mag else 'good',
                percent=None if margin is None else percent_drawn(margin), percent_error=percent_error,
                slope_mag_per_month=slope, slope_error_mag_per_month=slope_error,
                spark=spark(mean_margins(weeks, margin), now),
                findings=sum(finding.telescope == telescope.name for finding in page.answers.findings))


def _mean(values: Iterable[float]) -> float | None:
    finite = [value for value in values if is_known(value)]
    return sum(finite) / len(finite) if finite else None
