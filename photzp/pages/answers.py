"""Other answers of `gather.Answers` as the pages show them: advice, unrecorded steps, extinction and nights."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from photzp.answers.extinction import SiteExtinction
from photzp.answers.gather import Answers
from photzp.answers.nights import Month
from photzp.answers.ranking import Advice, MirrorState
from photzp.answers.steps import UnrecordedStep
from photzp.magnitudes import percent_error, percent_lost
from photzp.pages.gains import FilterOrder
from photzp.pages.page import Page, Plot
from photzp.pages.text import between, date_of, is_known, plain
from photzp.pages.views import TelescopeView, parsed_name

# -- which next --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AdviceView:
    """One telescope in the ranking of one kind of event.

    Attributes
    ----------
    advice : Advice
        Rank and expected gain.
    state : MirrorState
        The telescope now.
    loss_percent, loss_error_percent : float
        Light lost, and its error.
    against : str
        What the loss is counted from, '' for the reference.
    below, interval : str
        When it falls below the threshold, and the interval of that date.
    """

    advice: Advice
    state: MirrorState
    loss_percent: float
    loss_error_percent: float
    against: str
    below: str
    interval: str


def advice_of(answers: Answers) -> tuple[tuple[str, tuple[AdviceView, ...]], ...]:
    """Show the ranking of each kind of event.

    Parameters
    ----------
    answers : Answers
        Advice, and the state of the telescopes.

    Returns
    -------
    tuple of (str, tuple of AdviceView)
        Kind and its ranking, in the order of the answers, without telescopes of unknown state.
    """
    states = {state.telescope: state for state in answers.mirrors}
    kinds: dict[str, list[AdviceView]] = {}
    for advice in answers.advice:
        rows = kinds.setdefault(advice.kind, [])
        if advice.telescope in states:
            rows.append(_advice(advice, states[advice.telescope]))
    return tuple((kind, tuple(sorted(rows, key=lambda row: row.advice.rank))) for kind, rows in kinds.items() if rows)


def not_estimated(answers: Answers) -> tuple[str, ...]:
    """Name the kinds of events of which nothing is advised, as none is on record before which the loss is known.

    Parameters
    ----------
    answers : Answers
        Shares by kind, and the state of the telescopes.

    Returns
    -------
    tuple of str
        In the order of the answers; none where there is no telescope to advise on.
    """
    return tuple(share.kind for share in answers.shares if share.number == 0) if answers.mirrors else ()


def _advice(advice: Advice, state: MirrorState) -> AdviceView:
    loss, loss_error = state.to_gain_mag
    against = ('' if is_known(state.loss_mag) else 'since recoating' if is_known(state.since_recoating_mag)
               else 'below its best' if is_known(state.best_mag) else '')
    below, interval = falls_below(state)
    return AdviceView(advice=advice, state=state, loss_percent=percent_lost(loss),
                      loss_error_percent=percent_error(-loss, loss_error), against=against, below=below,
                      interval=interval)


def falls_below(state: MirrorState) -> tuple[str, str]:
    """Write when a telescope falls below the threshold.

    Parameters
    ----------
    state : MirrorState
        The telescope now.

    Returns
    -------
    date : str
        Date, 'now' or 'not in 10 years'; a dash if not known.
    interval : str
        Interval of that date, or since when; '' if not known.
    """
    if state.is_below:
        word = 'already on' if state.below == state.below_early else 'since'  # below when its line began, or before
        return 'now', '' if np.isnat(state.below) else f'{word} {date_of(state.below)}'
    if np.isnat(state.below) and is_known(state.percent):
        return 'not in 10 years', '' if np.isnat(state.below_early) else f'{date_of(state.below_early)} at the earliest'
    return date_of(state.below), '' if np.isnat(state.below) else between(state.below_early, state.below_late)


def reference_percent(state: MirrorState | None, telescope: TelescopeView) -> float | None:
    """The error of a percent of the reference that is the reference's own.

    Parameters
    ----------
    state : MirrorState or None
        The telescope now.
    telescope : TelescopeView
        Its filters.

    Returns
    -------
    float or None
        1-sigma error in percent of the reference; None where no reference is known.
    """
    errors = [series.status.reference_error_mag for series in telescope.series
              if series.status is not None and series.status.reference_error_mag is not None]
    return percent_error(-state.loss_mag, max(errors)) if state is not None and errors else None


# -- unrecorded steps --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class StepView:
    """A step that no event explains.

    Attributes
    ----------
    telescope, date, interval : str
        Where, when, and the interval of that date.
    step : UnrecordedStep
        Over all filters.
    sizes : tuple of (str, float, float)
        Filter, size and error [mag].
    toml : str
        Lines of observatory.toml that record it.
    """

    telescope: str
    date: str
    interval: str
    step: UnrecordedStep
    sizes: tuple[tuple[str, float, float], ...]
    toml: str


def steps_of(answers: Answers, order: FilterOrder, telescope: str | None = None) -> tuple[StepView, ...]:
    """Show steps that no event explains.

    Parameters
    ----------
    answers : Answers
        Steps by telescope.
    order : callable
        Sort key of filters.
    telescope : str or None
        Its steps alone; None for those of all telescopes.

    Returns
    -------
    tuple of StepView
        The newest first.
    """
    chosen = sorted((pair for pair in answers.steps if telescope in (None, pair[0])), key=lambda pair: pair[0])
    return tuple(_step(*pair, order) for pair in sorted(chosen, key=lambda pair: pair[1].time, reverse=True))


def _step(telescope: str, step: UnrecordedStep, order: FilterOrder) -> StepView:
    sizes = [(name, float(size), float(error)) for name, size, error
             in zip(step.filters, step.size_mag, step.error_mag, strict=True)]
    note = f'found by the report: {1000 * step.joint_mag:+.0f} +- {1000 * step.joint_error_mag:.0f} mmag'
    date = date_of(step.time)
    toml = '\n'.join(('[[events]]', f'telescope = {json.dumps(telescope, ensure_ascii=False)}', f'date = {date}',
                      'kind = "break"', f'note = "{note}"'))
    return StepView(telescope=telescope, date=date, interval=between(step.early, step.late), step=step,
                    sizes=tuple(sorted(sizes, key=lambda size: order(size[0]))), toml=toml)


# -- extinction, nights ------------------------------------------------------------------------------------------------


def extinction_of(extinctions: Iterable[SiteExtinction], order: FilterOrder) -> tuple[
        tuple[str, ...], tuple[tuple[str, tuple[SiteExtinction | None, ...]], ...]]:
    """Show extinction by site.

    Parameters
    ----------
    extinctions : iterable of SiteExtinction
        By site and filter.
    order : callable
        Sort key of filters.

    Returns
    -------
    filters : tuple of str
        Columns.
    rows : tuple of (str, tuple of SiteExtinction or None)
        Site and its extinction by filter; None if there is none.
    """
    cells = {(extinction.site, extinction.filter): extinction for extinction in extinctions}
    filters = tuple(sorted({name for _, name in cells}, key=order))
    sites = sorted({site for site, _ in cells})
    return filters, tuple((site, tuple(cells.get((site, name)) for name in filters)) for site in sites)


@dataclass(frozen=True)
class SiteNightsView:
    """Nights of a site.

    Attributes
    ----------
    site : str
        Code of the site.
    calendar : (str, Plot) or None
        File name and plot.
    months : tuple of Month
        The newest first.
    photometric, known : int
        Nights in the newest twelve months: photometric ones, and those known to be so or cloudy.
    """

    site: str
    calendar: tuple[str, Plot] | None
    months: tuple[Month, ...]
    photometric: int
    known: int

    @property
    def year(self) -> str:
        """The share of photometric nights in the newest twelve months, in words.

        Returns
        -------
        str
            A dash if no night is known.
        """
        return f'{plain(100 * self.photometric / self.known, 0)} %' if self.known else '–'


def nights_of(page: Page) -> tuple[SiteNightsView, ...]:
    """Show the nights of all sites that have months or a calendar.

    Parameters
    ----------
    page : Page
        Months in its answers, calendars among its plots.

    Returns
    -------
    tuple of SiteNightsView
        In order of their names.
    """
    months = dict(page.answers.months)
    calendars = {parsed.site: (name, plot) for name, plot in page.plots.items()
                 if (parsed := parsed_name(name)) and parsed.kind == 'nightcalendar'}
    return tuple(_nights(site, calendars.get(site), tuple(sorted(months.get(site, ()), key=lambda month: month.month)))
                 for site in sorted({*months, *calendars}))


def _nights(site: str, calendar: tuple[str, Plot] | None, months: tuple[Month, ...]) -> SiteNightsView:
    year = months[-12:]
    photometric = sum(month.photometric for month in year)
    return SiteNightsView(site, calendar, months[::-1], photometric,
                          photometric + sum(month.cloudy for month in year))
