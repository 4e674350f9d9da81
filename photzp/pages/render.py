"""The report's pages: a `page.Page` in, HTML out.

Each page is whole in itself: links are relative, nothing is loaded from elsewhere, and nothing is lost without script.
What the scripts of `static/` add is described there; a page's policy (Content-Security-Policy) allows no other, so that
nothing from data could run even where it was not escaped.  Whatever comes from data is escaped by the templates.  A
page links what the `Page` holds, and the pages that `render_telescopes` makes of the same `Page`: put those first.

The index answers, from top to bottom, what is asked in the morning: how the fleet is, the worst telescope first; what
is wrong; which mirror is next; how each telescope and filter is doing; did it work; what did nobody write down; were
the nights clear; and what do the years look like.  The page of a telescope has all that is known of it, the index only
what is needed to choose one: of the largest fleet, HTML and scripts are to stay below 300 kB.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photzp.answers.status import RECENT_DAYS
from photzp.observatory import Observatory
from photzp.pages import answers, overview, text
from photzp.pages.page import Page, merge
from photzp.pages.views import Telescope, filters_of, runs_of, sites_of, telescopes_of
from photzp.reportnames import static_file_name

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES, STATIC = (Path(__file__).with_name(name) for name in ('templates', 'static'))
SHOWN_FINDINGS, SHOWN_ADVICE, SHOWN_EVENTS, SHOWN_STEPS = 6, 8, 15, 8  # of each; the rest can be unfolded
LISTED_ADVICE, LISTED_EVENTS, LISTED_STEPS = 16, 24, 12  # on the index; all are on the pages of their telescopes


def static_files() -> dict[str, bytes]:
    """{file name: content} of what the pages load and nothing is put into: all of `static/` but its README."""
    return {static_file_name(path.name): path.read_bytes() for path in sorted(STATIC.iterdir())
            if path.name != 'README.md'}


def render_index(page: Page, observatory: Observatory) -> str:
    """The first page as HTML, a str; the same page gives the same text, whatever the order of its parts.

    observatory : whose limits, healthy band, order of filters and size classes the page has.
    """
    page = merge(None, page)
    now = text.moment(page.updated)
    telescopes = telescopes_of(page, observatory, now)
    advice, order = answers.advice_of(page.answers), observatory.wavelength_order
    fleet_filters, fleet = answers.fleet_of(page.answers.fleet, order)
    extinction_filters, extinction = answers.extinction_of(page.answers.extinction, order)
    return _html('index.html.j2', page, observatory, now, telescopes, {
        'cards': [card for card in overview.cards_of(page, telescopes, observatory.throughput.healthy_mag, now)
                  if not card.telescope.dormant],
        'sparks': overview.sparks_of(page, now), 'states': overview.STATES,
        'telescopes': telescopes, 'runs': runs_of(page.runs, observatory.alarms.run_overdue_hours, now),
        'filters': filters_of(page, telescopes, observatory),
        'sites': sites_of(telescopes), 'dormant': [each for each in telescopes if each.dormant],
        'findings': answers.findings_of(page.answers.findings), 'advice': advice,
        'most_light': max((row.advice.light_percent for _, rows in advice for row in rows
                           if text.known(row.advice.light_percent)), default=0.0),
        'fleet_filters': fleet_filters, 'fleet': fleet, 'events': answers.events_of(page.answers, order),
        'steps': answers.steps_of(page.answers, order), 'extinction_filters': extinction_filters,
        'extinction': extinction, 'nights': answers.nights_of(page)})


def render_telescopes(page: Page, observatory: Observatory) -> dict[str, str]:
    """{file name: HTML} of a page for each telescope whose name can be that of a file; else as render_index."""
    page = merge(None, page)
    now = text.moment(page.updated)
    telescopes = telescopes_of(page, observatory, now)
    return {each.page: _telescope(page, each, observatory, now, telescopes) for each in telescopes
            if each.page is not None}


def _telescope(page: Page, telescope: Telescope, observatory: Observatory, now: datetime | None,
               telescopes: Sequence[Telescope]) -> str:
    name, given, order = telescope.name, page.answers, observatory.wavelength_order
    own = [finding for finding in given.findings if finding.telescope == name]
    ranks = [(kind, row, len(rows)) for kind, rows in answers.advice_of(given)
             for row in rows if row.advice.telescope == name]
    return _html('telescope.html.j2', page, observatory, now, telescopes, {
        'telescope': telescope, 'findings': answers.findings_of(own), 'ranks': ranks,
        'state': next((state for state in given.mirrors if state.telescope == name), None),
        'events': answers.events_of(given, order, name), 'steps': answers.steps_of(given, order, name),
        'nights': next((each for each in answers.nights_of(page) if each.site == telescope.site), None)})


def _html(template: str, page: Page, observatory: Observatory, now: datetime | None, telescopes: Iterable[Telescope],
          values: Mapping[str, Any]) -> str:
    limits = observatory.alarms
    html = _environment().get_template(template).render(
        page=page, pages={each.name: each.page for each in telescopes if each.page is not None},
        updated=text.words(now), band_percent=observatory.throughput.healthy_percent,
        closed_days=limits.closed_days, overdue_hours=limits.run_overdue_hours, **values)
    return html.encode('utf-8', 'replace').decode()  # half a sign of UTF-16 cannot be written


@cache
def _environment() -> 'Environment':
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    for filter_ in (text.plain, text.signed, text.error_of, text.ago, text.day, text.date_of,
                    text.month_of, text.hours_in_words):
        made.filters[filter_.__name__] = filter_
    made.tests.update(known=text.known)
    made.globals.update(
        recent_days=RECENT_DAYS, shown_findings=SHOWN_FINDINGS, shown_advice=SHOWN_ADVICE, shown_events=SHOWN_EVENTS,
        shown_steps=SHOWN_STEPS, listed_advice=LISTED_ADVICE, listed_events=LISTED_EVENTS, listed_steps=LISTED_STEPS,
        spark_width=overview.WIDTH, spark_height=overview.HEIGHT,
        spark_percent=(overview.BOTTOM_PERCENT, overview.TOP_PERCENT), falls_below=answers.falls_below,
        day_of_year=text.day_of_year)
    return made
