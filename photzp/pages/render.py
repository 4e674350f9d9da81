"""The report's pages: a `page.Page` in, HTML out.

Each page is whole in itself: links are relative, nothing is loaded from elsewhere, and nothing is lost without script.
What the scripts of `static/` add is described there; a page's policy (Content-Security-Policy) allows no other, so that
nothing from data could run even if it were not escaped.  Whatever comes from data is escaped by the templates.  A
page links what the `Page` holds, and the pages that `render_telescopes` makes of the same `Page`: put those first.

The index answers, from top to bottom, what is asked in the morning: how the fleet is, the worst telescope first; what
is wrong; which mirror is next; how each telescope and filter is doing; did it work; what did nobody write down; were
the nights clear; and what do the years look like.  The page of a telescope has all that is known of it, the index only
what is needed to choose one: of the largest fleet, HTML and scripts are to stay below 300 kB.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photzp.answers.gains import LOSS_MIN_MAG
from photzp.answers.status import RECENT_DAYS
from photzp.observatory import Observatory
from photzp.pages import answers, overview, sparks, text
from photzp.pages.findings import findings_of
from photzp.pages.gains import events_of, fleet_of
from photzp.pages.groups import filters_of, sites_of
from photzp.pages.page import Page, merge
from photzp.pages.runs import runs_of
from photzp.pages.views import TelescopeView, telescopes_of
from photzp.reportnames import static_file_name

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES, _STATIC = (Path(__file__).with_name(name) for name in ('templates', 'static'))
_LIMITS = {  # rows of a table: those always seen, and those listed on the index, as the pages of telescopes have all
    'shown_findings': 6, 'shown_advice': 8, 'shown_events': 15, 'shown_steps': 8,
    'listed_advice': 16, 'listed_events': 24, 'listed_steps': 12}


def static_files() -> dict[str, bytes]:
    """Read the files that the pages load as they are.

    Returns
    -------
    dict of {str: bytes}
        File name and content of all of `static/` but its README.
    """
    return {static_file_name(path.name): path.read_bytes() for path in sorted(_STATIC.iterdir())
            if path.name != 'README.md'}


def render_index(page: Page, observatory: Observatory) -> str:
    """Make the first page.

    Parameters
    ----------
    page : Page
        What to show; the order of its parts makes no difference.
    observatory : Observatory
        Limits, healthy band, order of filters and size classes.

    Returns
    -------
    str
        HTML.
    """
    return _Pages(page, observatory).index()


def render_telescopes(page: Page, observatory: Observatory) -> dict[str, str]:
    """Make a page for each telescope whose name can be that of a file.

    Parameters
    ----------
    page, observatory
        As for `render_index`.

    Returns
    -------
    dict of {str: str}
        HTML by file name.
    """
    pages = _Pages(page, observatory)
    return {telescope.page: pages.of_telescope(telescope) for telescope in pages.telescopes
            if telescope.page is not None}


class _Pages:
    """The pages of one `Page`."""

    def __init__(self, page: Page, observatory: Observatory) -> None:
        self.page, self.observatory, self.order = merge(None, page), observatory, observatory.wavelength_order
        self.now = text.parse_time(page.updated)
        self.telescopes = telescopes_of(self.page, observatory, self.now)

    def index(self) -> str:
        """HTML of the first page."""
        page, telescopes, limits = self.page, self.telescopes, self.observatory
        cards = overview.cards_of(page, telescopes, limits.throughput.healthy_mag, self.now)
        return self._html(
            'index.html.j2', cards=[card for card in cards if not card.telescope.dormant],
            sparks=sparks.sparks_of(page, self.now), states=overview.STATES, telescopes=telescopes,
            runs=runs_of(page.runs, limits.alarms.run_overdue_hours, self.now),
            filters=filters_of(page, telescopes, limits), sites=sites_of(telescopes),
            dormant=[telescope for telescope in telescopes if telescope.dormant], **self._answers_of_fleet())

    def _answers_of_fleet(self) -> dict[str, Any]:
        """Values of the index that are answers."""
        given, order, advice = self.page.answers, self.order, answers.advice_of(self.page.answers)
        fleet_filters, fleet = fleet_of(given.fleet, order)
        extinction_filters, extinction = answers.extinction_of(given.extinction, order)
        return {
            'findings': findings_of(given.findings), 'advice': advice, 'not_estimated': answers.not_estimated(given),
            'most_light': max((row.advice.light_percent for _, rows in advice for row in rows
                               if text.is_known(row.advice.light_percent)), default=0.0),
            'fleet_filters': fleet_filters, 'fleet': fleet, 'events': events_of(given, order),
            'steps': answers.steps_of(given, order), 'extinction_filters': extinction_filters,
            'extinction': extinction, 'nights': answers.nights_of(self.page)}

    def of_telescope(self, telescope: TelescopeView) -> str:
        """HTML of the page of a telescope."""
        name, given = telescope.name, self.page.answers
        state = next((state for state in given.mirrors if state.telescope == name), None)
        return self._html(
            'telescope.html.j2', telescope=telescope,
            findings=findings_of(finding for finding in given.findings if finding.telescope == name),
            ranks=[(kind, row, len(rows)) for kind, rows in answers.advice_of(given) for row in rows
                   if row.advice.telescope == name], not_estimated=answers.not_estimated(given),
            state=state, reference_percent=answers.reference_percent(state, telescope),
            events=events_of(given, self.order, name), steps=answers.steps_of(given, self.order, name),
            nights=next((nights for nights in answers.nights_of(self.page) if nights.site == telescope.site), None))

    def _html(self, template: str, **values: Any) -> str:
        html = _environment().get_template(template).render(
            page=self.page, updated=text.time_in_words(self.now),
            pages={telescope.name: telescope.page for telescope in self.telescopes if telescope.page is not None},
            band_percent=self.observatory.throughput.healthy_percent,
            closed_days=self.observatory.alarms.closed_days,
            overdue_hours=self.observatory.alarms.run_overdue_hours, **values)
        return html.encode('utf-8', 'replace').decode()  # half a character of UTF-16 cannot be written


@cache
def _environment() -> 'Environment':
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    for function in (text.plain, text.signed, text.error_of, text.ago, text.day, text.date_of, text.month_of,
                     text.hours_in_words):
        environment.filters[function.__name__] = function
    environment.tests.update(known=text.is_known)
    environment.globals.update(
        recent_days=RECENT_DAYS, spark_width=sparks.WIDTH, spark_height=sparks.HEIGHT,
        spark_percent=(sparks.BOTTOM_PERCENT, sparks.TOP_PERCENT), falls_below=answers.falls_below,
        least_loss_mag=LOSS_MIN_MAG, day_of_year=text.day_of_year, **_LIMITS)
    return environment
