"""The answers of `gather.Answers` as the pages show them: what stands in which row, in which order, in which words."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from photzp.answers.alarms import KINDS, Finding
from photzp.answers.extinction import SiteExtinction
from photzp.answers.gains import FleetGain, Gain
from photzp.answers.gather import Answers
from photzp.answers.nights import Month
from photzp.answers.ranking import Advice, MirrorState
from photzp.answers.steps import UnrecordedStep
from photzp.magnitudes import percent_error, percent_gained, percent_lost
from photzp.pages.page import Page, Plot
from photzp.pages.text import between, date_of, known, lasting, plain
from photzp.pages.views import or_none
from photzp.reportnames import parse_report_name

FilterOrder = Callable[[str], tuple[float, str]]  # sort key of filters, as Observatory.wavelength_order
UNITS = {'mag': ('mmag', 1000.0), 'factor': ('times', 1.0)}  # as findings have them: as shown, and the factor


@dataclass(frozen=True)
class FindingLine:
    """Findings of one kind at one telescope: the worst, and (filter and camera, value) of the others, in its unit."""

    telescope: str
    where: str
    text: str
    others: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class FindingGroup:
    """Findings of one kind, a line for each telescope, the worst first; limit : that all of them crossed."""

    kind: str
    meaning: str
    limit: str
    setting: str
    count: int
    lines: tuple[FindingLine, ...]


def findings_of(findings: Iterable[Finding]) -> tuple[FindingGroup, ...]:
    """Findings by kind and limit, in the order that they come in."""
    groups: dict[tuple[str, str, float], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.kind, finding.setting, finding.limit), []).append(finding)
    return tuple(_group(same) for same in groups.values())


def _group(same: list[Finding]) -> FindingGroup:
    by_telescope: dict[str, list[Finding]] = {}
    for finding in same:
        # Without a telescope each is of something else, as of another script.
        by_telescope.setdefault(finding.telescope or finding.text, []).append(finding)
    first = same[0]
    return FindingGroup(first.kind, KINDS.get(first.kind, ''), _with_unit(first.limit, first.unit), first.setting,
                        len(same), tuple(map(_line, by_telescope.values())))


def _line(same: list[Finding]) -> FindingLine:
    worst, *others = same
    return FindingLine(worst.telescope, _where(worst), worst.text.replace('+-', '±'),
                       tuple((_where(each), _with_unit(each.value, each.unit)) for each in others))


def _where(finding: Finding) -> str:
    return ' '.join(part for part in (finding.filter, finding.camera) if part)


def _with_unit(value: float, unit: str) -> str:
    """A value as findings have it, in the unit of the pages."""
    name, factor = UNITS.get(unit, (unit, 1.0))
    return f'{float(f"{factor * value:.3g}"):g} {name}'.replace('-', '−')


# -- which next --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AdviceShown:
    """One telescope in the ranking of one kind of event.

    against : what the loss is counted from, '' for the reference.  below, interval : when it falls below the threshold.
    """

    advice: Advice
    state: MirrorState
    loss_percent: float
    loss_error_percent: float
    against: str
    below: str
    interval: str


def advice_of(answers: Answers) -> tuple[tuple[str, tuple[AdviceShown, ...]], ...]:
    """(kind, its ranking) in the order of the answers; telescopes of which no state is known are left out."""
    states = {state.telescope: state for state in answers.mirrors}
    kinds: dict[str, list[AdviceShown]] = {}
    for advice in answers.advice:
        rows = kinds.setdefault(advice.kind, [])
        if advice.telescope in states:
            rows.append(_advice(advice, states[advice.telescope]))
    return tuple((kind, tuple(sorted(rows, key=lambda row: row.advice.rank))) for kind, rows in kinds.items() if rows)


def _advice(advice: Advice, state: MirrorState) -> AdviceShown:
    loss, loss_error = state.to_gain_mag
    against = ('' if known(state.loss_mag) else 'since recoating' if known(state.since_recoating_mag)
               else 'below its best' if known(state.best_mag) else '')
    return AdviceShown(advice, state, percent_lost(loss), percent_error(-loss, loss_error), against,
                       *falls_below(state))


def falls_below(state: MirrorState) -> tuple[str, str]:
    """When a telescope falls below the threshold, and the interval of that date, in words."""
    if state.is_below:
        word = 'already on' if state.below == state.below_early else 'since'  # below when its line began, or before
        return 'now', '' if np.isnat(state.below) else f'{word} {date_of(state.below)}'
    if np.isnat(state.below) and known(state.percent):
        return 'not in 10 years', '' if np.isnat(state.below_early) else f'{date_of(state.below_early)} at the earliest'
    return date_of(state.below), '' if np.isnat(state.below) else between(state.below_early, state.below_late)


# -- did it work -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FleetShown:
    """Gains of one kind of event: over all filters, and by filter in the order of the table (None where there is none).
    """

    kind: str
    total: FleetGain
    percent: float
    percent_error: float
    lasted: str
    filters: tuple[FleetGain | None, ...]


def fleet_of(fleet: Iterable[FleetGain], order: FilterOrder) -> tuple[tuple[str, ...], tuple[FleetShown, ...]]:
    """(filters, rows by kind); the kind with most events first."""
    cells = {(row.kind, row.filter): row for row in fleet}
    filters = tuple(sorted({name for _, name in cells if name}, key=order))
    rows = [FleetShown(kind, total, percent_gained(total.mean_mag),
                       percent_error(total.mean_mag, total.mean_error_mag), lasting(total.lasted_days),
                       tuple(cells.get((kind, each)) for each in filters))
            for (kind, name), total in cells.items() if not name]
    return filters, tuple(sorted(rows, key=lambda row: (-row.total.number, row.kind)))


@dataclass(frozen=True)
class EventShown:
    """One event: its gain over all filters, by filter (in the order of the columns), and how long it lasted."""

    date: str
    telescope: str
    kind: str
    total: Gain
    filters: tuple[tuple[str, Gain | None], ...]
    lasted: str


def events_of(answers: Answers, order: FilterOrder, telescope: str | None = None) -> tuple[EventShown, ...]:
    """Events, the newest first; of one telescope, or of all."""
    chosen = [gain for gain in answers.events if telescope in (None, gain.telescope)]
    single: dict[tuple[str, str, str], dict[str, Gain]] = defaultdict(dict)
    for gain in answers.gains:
        single[_event_key(gain)][gain.filter] = gain
    names = {name for gain in chosen for name in single[_event_key(gain)]}
    filters = sorted(names, key=order)
    chosen.sort(key=lambda gain: (gain.telescope, gain.kind))
    chosen.sort(key=lambda gain: gain.time, reverse=True)
    return tuple(EventShown(date_of(gain.time), gain.telescope, gain.kind, gain,
                            tuple((name, single[_event_key(gain)].get(name)) for name in filters), _lasted(gain))
                 for gain in chosen)


def _event_key(gain: Gain) -> tuple[str, str, str]:
    return gain.telescope, str(gain.time), gain.kind


def _lasted(gain: Gain) -> str:
    """How long a gain lasted, in words."""
    if gain.instrumental:
        return 'cameras differ in it'
    if gain.outcome == 'no gain' or not known(gain.lasted_days):
        return 'no gain' if gain.outcome == 'no gain' else '–'
    days = lasting(gain.lasted_days)
    return f'lost after {days}' if gain.outcome == 'lost' else f'not lost yet, expected after {days}'


# -- unrecorded steps --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StepShown:
    """A step that no event explains; sizes : (filter, size, error) [mag]; toml : the lines that record it."""

    telescope: str
    date: str
    interval: str
    step: UnrecordedStep
    sizes: tuple[tuple[str, float, float], ...]
    toml: str


def steps_of(answers: Answers, order: FilterOrder, telescope: str | None = None) -> tuple[StepShown, ...]:
    """Steps, the newest first; of one telescope, or of all."""
    chosen = sorted((pair for pair in answers.steps if telescope in (None, pair[0])), key=lambda pair: pair[0])
    return tuple(_step(*pair, order) for pair in sorted(chosen, key=lambda pair: pair[1].time, reverse=True))


def _step(telescope: str, step: UnrecordedStep, order: FilterOrder) -> StepShown:
    sizes = [(name, float(size), float(error)) for name, size, error
             in zip(step.filters, step.size_mag, step.error_mag, strict=True)]
    note = f'found by the report: {1000 * step.joint_mag:+.0f} +- {1000 * step.joint_error_mag:.0f} mmag'
    date = date_of(step.time)
    toml = '\n'.join(('[[events]]', f'telescope = {json.dumps(telescope, ensure_ascii=False)}', f'date = {date}',
                      'kind = "break"', f'note = "{note}"'))
    return StepShown(telescope, date, between(step.early, step.late), step,
                     tuple(sorted(sizes, key=lambda each: order(each[0]))), toml)


# -- extinction, nights ------------------------------------------------------------------------------------------------


def extinction_of(found: Iterable[SiteExtinction], order: FilterOrder) -> tuple[
        tuple[str, ...], tuple[tuple[str, tuple[SiteExtinction | None, ...]], ...]]:
    """(filters, rows): each row a site with its extinction by filter, None where there is none."""
    cells = {(each.site, each.filter): each for each in found}
    filters = tuple(sorted({name for _, name in cells}, key=order))
    sites = sorted({site for site, _ in cells})
    return filters, tuple((site, tuple(cells.get((site, name)) for name in filters)) for site in sites)


@dataclass(frozen=True)
class SiteNightsShown:
    """Nights of a site: calendar as (file name, Plot), months the newest first, and the share of all in words."""

    site: str
    calendar: tuple[str, Plot] | None
    months: tuple[Month, ...]
    photometric: int
    known: int

    @property
    def year(self) -> str:
        """The share of photometric nights in the newest twelve months, in words."""
        return f'{plain(100 * self.photometric / self.known, 0)} %' if self.known else '–'


def nights_of(page: Page) -> tuple[SiteNightsShown, ...]:
    """All sites with nights or a calendar, in order of their names."""
    months = dict(page.answers.months)
    calendars = {parsed.site: (name, plot) for name, plot in page.plots.items()
                 if (parsed := or_none(parse_report_name, name)) and parsed.kind == 'nightcalendar'}
    return tuple(_nights(site, calendars.get(site), tuple(sorted(months.get(site, ()), key=lambda each: each.month)))
                 for site in sorted({*months, *calendars}))


def _nights(site: str, calendar: tuple[str, Plot] | None, months: tuple[Month, ...]) -> SiteNightsShown:
    year = months[-12:]
    photometric = sum(each.photometric for each in year)
    return SiteNightsShown(site, calendar, months[::-1], photometric, photometric + sum(each.cloudy for each in year))
