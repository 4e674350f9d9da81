"""What the fits of the whole fleet say to operations: all answers of this room, asked for in one call.

`answer` takes the fits of all telescopes and filters, whenever they were made, and what the observatory knows; it
computes nothing of its own.  See docs/answers.md for what each answer means.  `as_tree` and `from_tree` are for JSON.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from photzp.answers.alarms import (
    Change,
    Finding,
    Recent,
    run_findings,
    series_findings,
    silent_findings,
    step_findings,
    week_change,
    worst_first,
)
from photzp.answers.extinction import FrameSums, SiteExtinction, by_site
from photzp.answers.gains import FleetGain, Gain, fleet_table, gains_of, over_filters
from photzp.answers.nights import Month, SiteNights, monthly, site_nights
from photzp.answers.ranking import Advice, MirrorState, mirror_state, period_of, rank
from photzp.answers.status import SeriesStatus
from photzp.answers.steps import UnrecordedStep, find_steps
from photzp.names import SeriesKey
from photzp.observatorytables import AlarmLimits
from photzp.throughput.model import ThroughputFit
from photzp.times import day_of
from photzp.typedtree import plain, typed, without_schema

KINDS = ('cleaning', 'wash', 'recoating')  # events of a mirror that somebody may decide on
SCHEMA = 1  # of the answers in status.json; raised when a field is added, renamed or changes its meaning


@dataclass(frozen=True)
class Answers:
    """All answers.

    findings : worst first.  steps : (telescope, UnrecordedStep), in order of telescope and time.
    gains : per event and filter; events : per event, over its filters.  fleet : by kind and filter.
    mirrors : by telescope.  advice : by kind of KINDS, best first, of telescopes in use.
    extinction : by site and filter.  nights, months : by site.
    """

    findings: tuple[Finding, ...] = ()
    steps: tuple[tuple[str, UnrecordedStep], ...] = ()
    gains: tuple[Gain, ...] = ()
    events: tuple[Gain, ...] = ()
    fleet: tuple[FleetGain, ...] = ()
    mirrors: tuple[MirrorState, ...] = ()
    advice: tuple[Advice, ...] = ()
    extinction: tuple[SiteExtinction, ...] = ()
    nights: tuple[SiteNights, ...] = ()
    months: tuple[tuple[str, tuple[Month, ...]], ...] = ()

    @property
    def are_none(self) -> bool:
        """Whether nothing was asked: of any fit there are months."""
        return not (self.months or self.findings)


def answer(fits: Mapping[SeriesKey, ThroughputFit], statuses: Iterable[SeriesStatus],
           recent: Mapping[SeriesKey, Recent], *, reference_mag: Mapping[SeriesKey, float],
           extinction: Mapping[str, float], last_good: Mapping[str, datetime | None], limits: AlarmLimits,
           now: np.datetime64, frames: Mapping[SeriesKey, FrameSums] | None = None,
           steps: Mapping[str, tuple[UnrecordedStep, ...]] | None = None) -> Answers:
    """Ask all modules of the room.

    fits : of every telescope and filter.  statuses, recent : of the same, as far as known.
    reference_mag : zeropoint of a clean telescope, as far as known.  extinction : adopted, by filter [mag/airmass].
    last_good : when each script last ended well, naive UTC, None for never.  now : naive UTC.
    frames : for the yearly term of extinction.  steps : by telescope, what `find_steps` found before in these fits.
    """
    moment = now.astype('datetime64[s]').item()
    by_telescope: dict[str, dict[str, ThroughputFit]] = defaultdict(dict)
    by_site_fits: dict[str, dict[SeriesKey, ThroughputFit]] = defaultdict(dict)
    for (telescope, name), fit in sorted(fits.items()):
        by_telescope[telescope][name] = fit
        by_site_fits[telescope.partition('-')[0]][telescope, name] = fit
    known = {telescope: {name: mag for (key, name), mag in reference_mag.items() if key == telescope}
             for telescope in by_telescope}
    found = {telescope: find_steps(each) for telescope, each in by_telescope.items() if telescope not in (steps or {})}
    told = tuple((telescope, step) for telescope in by_telescope for step in (found | dict(steps or {}))[telescope])
    gains = tuple(gain for telescope, each in by_telescope.items()
                  for gain in gains_of(telescope, each, known[telescope]))
    fleet = fleet_table(gains)
    before = day_of(now) - np.timedelta64(limits.closed_days, 'D')
    closed = _closed(by_telescope, before)
    used = {telescope: each if telescope in closed else _used(each, before) for telescope, each in by_telescope.items()}
    mirrors = tuple(state for telescope, each in used.items() if (state := mirror_state(
        telescope, each, known[telescope], closed.get(telescope, now), limits.throughput_below_percent)) is not None)
    in_use = tuple(state for state in mirrors if state.telescope not in closed)  # no other mirror is cleaned
    nights = tuple(site_nights(site, each) for site, each in by_site_fits.items())
    statuses = tuple(statuses)
    recent = {key: replace(recent.get(key, Recent()), week_mag=week)
              for each in by_site_fits.values() for key, week in _weeks(each)}
    findings = worst_first((*run_findings(dict(last_good), moment, limits),
                            *_of_series(statuses, recent, limits, moment), *_of_steps(told, limits, moment)))
    return Answers(findings, told, gains, over_filters(gains), fleet, mirrors, tuple(_advice(in_use, gains, fleet)),
                   by_site(fits, extinction, frames), nights, tuple((each.site, monthly(each)) for each in nights))


def _closed(by_telescope: Mapping[str, Mapping[str, ThroughputFit]], before: np.datetime64) -> dict[str, np.datetime64]:
    """The last night of each telescope whose last night is before a time: it stays where it was then."""
    last = {telescope: max((fit.time[-1] for fit in fits.values() if len(fit.time)), default=before)
            for telescope, fits in by_telescope.items()}
    return {telescope: time for telescope, time in last.items() if time < before}


def _used(fits: Mapping[str, ThroughputFit], before: np.datetime64) -> dict[str, ThroughputFit]:
    """The filters of a telescope whose last night is not before a time: the others say nothing of the mirror now."""
    return {name: fit for name, fit in fits.items() if len(fit.time) and fit.time[-1] >= before}


def _weeks(fits: Mapping[SeriesKey, ThroughputFit]) -> Iterator[tuple[SeriesKey, Change | None]]:
    """How the level of each telescope and filter of one site changed within the week.

    Nights count that were photometric by its own fit, or by the other telescopes of the site: its own fit takes the
    first nights after a fall for cloudy ones, as cloud dims in just that way.
    """
    for telescope in {telescope: None for telescope, _ in fits}:
        others = site_nights('', {key: fit for key, fit in fits.items() if key[0] != telescope})
        clear = others.night[others.state == 'photometric']
        for key, fit in fits.items():
            if key[0] == telescope:
                good = fit.photometric | np.isin(fit.night, clear)
                yield key, week_change(fit.night[good], (fit.model_mag + fit.night_residual_mag)[good])


def _of_series(statuses: Iterable[SeriesStatus], recent: Mapping[SeriesKey, Recent], limits: AlarmLimits,
               now: datetime) -> Iterator[Finding]:
    """Of telescopes that are silent, and of the series that are not closed."""
    silent: dict[str, int] = {}
    for status in statuses:
        days = 0
        if status.last_observation is not None:
            days = (now.date() - datetime.fromisoformat(status.last_observation).date()).days  # as the page counts
            silent[status.telescope] = min(days, silent.get(status.telescope, days))
        if days <= limits.closed_days:
            yield from series_findings(status, recent.get((status.telescope, status.filter), Recent()), limits)
    yield from silent_findings(silent, limits)


def _of_steps(steps: Iterable[tuple[str, UnrecordedStep]], limits: AlarmLimits, now: datetime) -> Iterator[Finding]:
    """Of steps by telescope."""
    for telescope, step in steps:
        yield from step_findings(telescope, (step.filter,) if step.filter else step.filters,
                                 day_of(step.time).item(), step.joint_mag, step.joint_error_mag, limits,
                                 now.date())


def _advice(mirrors: tuple[MirrorState, ...], gains: Iterable[Gain], fleet: Iterable[FleetGain]) -> Iterator[Advice]:
    """The ranking for each kind of event, by what events of that kind gave in the fleet and how often they come."""
    for kind in KINDS:
        row = next((row for row in fleet if (row.kind, row.filter) == (kind, '')), None)
        times: dict[str, set[np.datetime64]] = defaultdict(set)
        for gain in gains:
            if gain.kind == kind:
                times[gain.telescope].add(gain.time)
        share, scatter = (np.nan, np.nan) if row is None else (row.share, float(np.hypot(row.share_scatter,
                                                                                         row.share_error)))
        yield from rank(mirrors, kind, share, scatter, period_of(times))


# -- JSON --------------------------------------------------------------------------------------------------------------


def as_tree(answers: Answers) -> dict[str, Any]:
    """All answers but the single nights as dicts and lists; numbers that are not finite and NaT become None."""
    tree = plain(replace(answers, nights=()), finite=True)
    del tree['nights']
    return {**tree, 'schema': SCHEMA, 'steps': [{'telescope': telescope, **step} for telescope, step in tree['steps']],
            'months': dict(tree['months'])}


def from_tree(tree: Any) -> Answers:
    """The inverse of as_tree; ValueError where the tree is none of this schema."""
    try:
        tree = without_schema(tree, SCHEMA)
        steps = [[step['telescope'], {name: value for name, value in step.items() if name != 'telescope'}]
                 for step in tree['steps']]
        months = [list(each) for each in sorted(tree['months'].items())]
        return typed(Answers, {**tree, 'steps': steps, 'months': months, 'nights': []})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'no answers: {error}') from None
