"""What the fits of the whole fleet say to operations: all answers of this room, asked for in one call.

`answer` takes the fits of all telescopes and filters, whenever they were made, and what the observatory knows; it
computes nothing of its own.  See docs/answers.md for what each answer means.  `as_tree` and `from_tree` are for JSON.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from photzp.answers.alarms import (
    Finding,
    run_findings,
    series_findings,
    silent_findings,
    step_findings,
    worst_first,
)
from photzp.answers.extinction import FrameSums, SiteExtinction, by_site
from photzp.answers.gains import FleetGain, Gain, fleet_table, gains_of, over_filters
from photzp.answers.nights import Month, SiteNights, monthly, site_nights
from photzp.answers.ranking import Advice, MirrorState, mirror_state, period_of, rank
from photzp.answers.recent import Change, Recent, week_change
from photzp.answers.shares import RestoredShare, restored_shares
from photzp.answers.status import SeriesStatus
from photzp.answers.steps import UnrecordedStep
from photzp.names import SeriesKey, site_of
from photzp.observatorytables import AlarmLimits
from photzp.throughput.model import ThroughputFit
from photzp.times import day_of
from photzp.typedtree import plain, typed, without_schema

_SCHEMA = 2  # of the answers in status.json; raised when a field is added, renamed or changes its meaning

_Fleet = Mapping[SeriesKey, 'FittedSeries']


@dataclass(frozen=True)
class FittedSeries:
    """What the answers are made from, of one telescope in one filter.

    Attributes
    ----------
    fit : ThroughputFit
        May be without its rows.
    status : SeriesStatus
        Its reference is that of the answers.
    recent : Recent
        What changed lately in frames.
    frames : FrameSums or None
        Of its frames; without them there is no yearly term of extinction.
    """

    fit: ThroughputFit
    status: SeriesStatus
    recent: Recent = field(default_factory=Recent)
    frames: FrameSums | None = None


@dataclass(frozen=True, kw_only=True)
class Answers:
    """All answers.

    Attributes
    ----------
    findings : tuple of Finding
        Worst first.
    steps : tuple of (str, UnrecordedStep)
        With their telescopes, in order of telescope and time.
    gains, events : tuple of Gain
        Per event and filter, and per event over its filters.
    fleet : tuple of FleetGain
        By kind and filter.
    shares : tuple of RestoredShare
        Cleaning, wash, recoating: what the advice rests on.
    mirrors : tuple of MirrorState
        By telescope.
    advice : tuple of Advice
        By kind of event, best first, of telescopes in use; none of a kind whose share is not estimated.
    extinction : tuple of SiteExtinction
        By site and filter.
    nights : tuple of SiteNights
        By site.
    months : tuple of (str, tuple of Month)
        By site.
    """

    findings: tuple[Finding, ...] = ()
    steps: tuple[tuple[str, UnrecordedStep], ...] = ()
    gains: tuple[Gain, ...] = ()
    events: tuple[Gain, ...] = ()
    fleet: tuple[FleetGain, ...] = ()
    shares: tuple[RestoredShare, ...] = ()
    mirrors: tuple[MirrorState, ...] = ()
    advice: tuple[Advice, ...] = ()
    extinction: tuple[SiteExtinction, ...] = ()
    nights: tuple[SiteNights, ...] = ()
    months: tuple[tuple[str, tuple[Month, ...]], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether no answers were computed (a run over part of the data).

        Returns
        -------
        bool
            True without months, which there are of any fit, and without findings.
        """
        return not (self.months or self.findings)


def answer(fleet: Mapping[SeriesKey, FittedSeries], steps: Mapping[str, tuple[UnrecordedStep, ...]], *,
           extinction: Mapping[str, float], last_good: Mapping[str, datetime | None], limits: AlarmLimits,
           now: np.datetime64) -> Answers:
    """Ask all modules of the room.

    Parameters
    ----------
    fleet : mapping of (str, str) to FittedSeries
        By telescope (site-enclosure-telescope) and filter.
    steps : mapping of str to tuple of UnrecordedStep
        By telescope, as `find_steps` returns them; telescopes without steps may be missing.
    extinction : mapping of str to float
        Adopted extinction by filter [mag/airmass].
    last_good : mapping of str to (datetime or None)
        When each script last ended well, naive UTC; None for never.
    limits : AlarmLimits
        [alarms] of observatory.toml.
    now : numpy.datetime64
        UTC.

    Returns
    -------
    Answers
        Of the whole fleet.
    """
    fleet = dict(sorted(fleet.items()))
    sums = {key: series.frames for key, series in fleet.items() if series.frames is not None}
    sites: dict[str, dict[SeriesKey, ThroughputFit]] = defaultdict(dict)
    for key, series in fleet.items():
        sites[site_of(key[0])][key] = series.fit
    in_order = tuple((telescope, step) for telescope in _telescopes(fleet) for step in steps.get(telescope, ()))
    weeks = {key: change for fits in sites.values() for key, change in _week_changes(fits)}
    time = now.astype('datetime64[s]').item()
    findings = worst_first((*run_findings(last_good, time, limits), *_series_findings(fleet, weeks, limits, time),
                            *step_findings(in_order, limits, time.date())))
    nights = tuple(site_nights(site, fits) for site, fits in sites.items())
    return Answers(findings=findings, steps=in_order, nights=nights,
                   months=tuple((one.site, monthly(one)) for one in nights),
                   extinction=by_site({key: series.fit for key, series in fleet.items()}, extinction, sums),
                   **_mirror_answers(fleet, limits, now))


def _telescopes(fleet: _Fleet) -> dict[str, dict[str, FittedSeries]]:
    """The series by telescope, then filter."""
    telescopes: dict[str, dict[str, FittedSeries]] = defaultdict(dict)
    for (telescope, name), series in fleet.items():
        telescopes[telescope][name] = series
    return telescopes


# -- mirrors -----------------------------------------------------------------------------------------------------------


def _mirror_answers(fleet: _Fleet, limits: AlarmLimits, now: np.datetime64) -> dict[str, Any]:
    """Fields of Answers: what events gave, how mirrors are now, and which is next."""
    gains: list[Gain] = []
    mirrors: list[MirrorState] = []
    in_use: list[MirrorState] = []  # no other mirror is cleaned
    for telescope, series in _telescopes(fleet).items():
        fits = {name: one.fit for name, one in series.items()}
        references = {name: one.status.reference_mag for name, one in series.items()
                      if one.status.reference_mag is not None}
        gains += gains_of(telescope, fits, references)
        current, time = _current(fits, now, limits.closed_days)
        state = mirror_state(telescope, current, references, time, limits.throughput_below_percent)
        if state is not None:
            mirrors.append(state)
            if time == now:
                in_use.append(state)
    events = over_filters(gains)
    shares = restored_shares(events)
    return {'gains': tuple(gains), 'events': events, 'fleet': fleet_table(gains), 'shares': shares,
            'mirrors': tuple(mirrors), 'advice': tuple(_advice(in_use, events, shares))}


def _current(fits: Mapping[str, ThroughputFit], now: np.datetime64,
             closed_days: int) -> tuple[Mapping[str, ThroughputFit], np.datetime64]:
    """The filters of a telescope that say something of its mirror now, and the time that this is.

    Filters without a night for `closed_days` are left out; where that is all of them, the telescope is closed and stays
    at its last night.
    """
    before = day_of(now) - np.timedelta64(closed_days, 'D')
    last = {name: fit.time[-1] for name, fit in fits.items() if len(fit.time)}
    if last and max(last.values()) < before:
        return fits, max(last.values())
    return {name: fits[name] for name, time in last.items() if time >= before}, now


def _advice(mirrors: Iterable[MirrorState], events: Iterable[Gain],
            shares: Iterable[RestoredShare]) -> Iterator[Advice]:
    """The ranking for each kind of event, by what events of that kind restore and how often they come."""
    mirrors = list(mirrors)
    times: dict[str, dict[str, set[np.datetime64]]] = defaultdict(lambda: defaultdict(set))
    for event in events:
        times[event.kind][event.telescope].add(event.time)
    for row in shares:
        scatter = float(np.hypot(row.share_scatter, row.share_error))
        yield from rank(mirrors, row.kind, row.share, scatter, period_of(times[row.kind]))


# -- findings ----------------------------------------------------------------------------------------------------------


def _week_changes(fits: Mapping[SeriesKey, ThroughputFit]) -> Iterator[tuple[SeriesKey, Change | None]]:
    """How the level of each telescope and filter of one site changed within the week.

    Nights count that were photometric by its own fit, or by the other telescopes of the site: until a fall has lasted
    for the nights that a step needs, its own fit takes them for cloudy ones, as cloud dims in just that way.
    """
    for telescope in dict.fromkeys(telescope for telescope, _ in fits):
        others = site_nights('', {key: fit for key, fit in fits.items() if key[0] != telescope})
        clear = others.night[others.state == 'photometric']
        for key, fit in fits.items():
            if key[0] == telescope:
                good = fit.photometric | np.isin(fit.night, clear)
                yield key, week_change(fit.night[good], (fit.model_mag + fit.night_residual_mag)[good])


def _series_findings(fleet: _Fleet, weeks: Mapping[SeriesKey, Change | None], limits: AlarmLimits,
                     now: datetime) -> Iterator[Finding]:
    """Findings of telescopes that are silent, and of the series that are not closed."""
    days_silent: dict[str, int] = {}
    for (telescope, name), series in fleet.items():
        days = 0
        if series.status.last_observation is not None:
            last = datetime.fromisoformat(series.status.last_observation)
            days = (now.date() - last.date()).days  # as the page counts
            days_silent[telescope] = min(days, days_silent.get(telescope, days))
        if days <= limits.closed_days:
            recent = replace(series.recent, week_mag=weeks[telescope, name])
            yield from series_findings(series.status, recent, limits)
    yield from silent_findings(days_silent, limits)


# -- JSON --------------------------------------------------------------------------------------------------------------


def as_tree(answers: Answers) -> dict[str, Any]:
    """All answers but the single nights, for JSON.

    Parameters
    ----------
    answers : Answers
        Of the whole fleet.

    Returns
    -------
    dict
        Of dicts and lists; numbers that are not finite and NaT become None.
    """
    tree = plain(replace(answers, nights=()), finite=True)
    del tree['nights']
    return {**tree, 'schema': _SCHEMA, 'steps': [{'telescope': telescope, **step} for telescope, step in tree['steps']],
            'months': dict(tree['months'])}


def from_tree(tree: Any) -> Answers:
    """The inverse of `as_tree`.

    Parameters
    ----------
    tree : dict
        As read from JSON.

    Returns
    -------
    Answers
        Without the single nights.

    Raises
    ------
    ValueError
        Where the tree is none of this schema.
    """
    try:
        tree = without_schema(tree, _SCHEMA)
        steps = [[step['telescope'], {name: value for name, value in step.items() if name != 'telescope'}]
                 for step in tree['steps']]
        months = [list(pair) for pair in sorted(tree['months'].items())]
        return typed(Answers, {**tree, 'steps': steps, 'months': months, 'nights': []})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'no answers: {error}') from None
