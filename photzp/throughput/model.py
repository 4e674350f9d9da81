"""The throughput of a telescope as a function of time, from the zeropoints of its frames: arrays in, frozen values out.

Throughput is the zeropoint at airmass 1 under a clear sky and the mean extinction of the site [mag].  All filters of a
telescope are fitted together.  A night n has in filter f, at airmass X, the mean

    y = level(t) + lasting noise(t) + noise of the night - haze(t) X + c . beta + error - cloud,    cloud >= 0,

with a level that is smooth between steps.  Clouds dim all filters alike, haze the blue more; mean extinction and its
yearly swing are among the covariates c.  The stages of the fit, each a module of this room:

    rows             repairs gains, applies colour terms of cameras (colourterm), corrects to airmass 1
    fit_telescope
      boundaries     events and changes of cameras: steps that are known before the fit
      nightmeans     rows to means of nights, with their covariates c (cameras, airmass, fields, widths of stars)
      contrasts      what the rows of one night say by their differences
      siteair        what other telescopes of the site say of the air; sky_evidence is what is told them
      firststate     where the fit starts: the best of all paths through a grid of levels (envelope)
      telescopefit   in turn: which nights are clear (nightsky), the levels (levels, by levelprior), their stiffness
      noise          of each night; the usual size of the part that lasts for weeks
      stepsearch     steps that nobody recorded, by their priors (stepprior)
      stepdates      dates of steps: of those found, and of events that were recorded days off
      summary        intervals, steps and offsets of that fit; its level in time (curve), all of it as fitvalues

What is fitted, and its values between these stages, are in fitstate.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike

from photzp.throughput.boundaries import EVENT_KINDS, known_steps, references
from photzp.throughput.firststate import first_state
from photzp.throughput.fitstate import Problem, State, everything_but_level
from photzp.throughput.fitvalues import FilterRows, SkyEvidence, ThroughputFit
from photzp.throughput.levels import bin_covariances
from photzp.throughput.nightmeans import WILD_SIGMA, TelescopeRows, choose_covariates, row_design
from photzp.throughput.nightsky import SEASON_NIGHTS, mean_depth, photometric
from photzp.throughput.noise import with_noise
from photzp.throughput.siteair import evidence_of, told_coefficients, told_nights
from photzp.throughput.stepdates import EVENT_DAYS
from photzp.throughput.stepprior import StepAt
from photzp.throughput.stepsearch import find_steps, path_steps
from photzp.throughput.summary import FilterFit, curve_of, intervals_of, offsets_of, own_extinction, steps_of
from photzp.throughput.telescopefit import climb, row_kept, with_means, with_stiffness
from photzp.times import DAYS_PER_YEAR, Date, days_since, instant_of, local_noon, night_of, span_of

TimedEvent = tuple[np.datetime64, str]  # time of an event, and its kind


def fit_telescope(rows: Mapping[str, FilterRows], *, longitude_deg: float, events: Iterable[tuple[Date, str]] = (),
                  now: Date | datetime | None = None, others: SkyEvidence | None = None) -> dict[str, ThroughputFit]:
    """Fit the throughput of one telescope in all its filters together.

    Parameters
    ----------
    rows : mapping of str to FilterRows
        By filter.
    longitude_deg : float
        Longitude of the site, positive to the east.
    events : iterable of (date, str)
        Local dates, and kinds as in observatory.toml; the last `start` opens the fit.
    now : date or datetime, optional
        Rows and events after it are not used.
    others : SkyEvidence, optional
        What other telescopes of the site say of its air.

    Returns
    -------
    dict of str to ThroughputFit
        By filter; classes of nights are those of the telescope.
    """
    telescope = _telescope(rows, longitude_deg, events, now, others)
    fits = telescope.fit() if telescope else {}
    return {name: fits[name] if name in fits else _empty_fit(len(one.time)) for name, one in rows.items()}


def sky_evidence(rows: Mapping[str, FilterRows], *, longitude_deg: float, events: Iterable[tuple[Date, str]] = (),
                 now: Date | datetime | None = None) -> SkyEvidence:
    """Find what one telescope says of the air over its site, for the fits of the others there.

    The fit is only as good as that takes: with the steps of the first guess that the evidence needs.

    Parameters
    ----------
    rows, longitude_deg, events, now
        As for `fit_telescope`.

    Returns
    -------
    SkyEvidence
        Without any night where no row is usable.
    """
    telescope = _telescope(rows, longitude_deg, events, now, None)
    return telescope.sky() if telescope else SkyEvidence.none()


def _telescope(rows: Mapping[str, FilterRows], longitude_deg: float, events: Iterable[tuple[Date, str]],
               now: Date | datetime | None, others: SkyEvidence | None) -> '_Telescope | None':
    """The usable rows of a telescope; None without any."""
    latest = instant_of('9999-01-01' if now is None else now)
    timed = sorted((time, str(kind)) for time, kind in ((local_noon(date, longitude_deg), kind)
                                                       for date, kind in events) if time <= latest)
    opened = last_start(timed)
    used = {name: index for name, one in rows.items() if len(index := _usable(one, opened, latest))}
    if not used:
        return None
    return _Telescope({name: rows[name] for name in used}, used, longitude_deg,
                      [event for event in timed if event[0] > opened], others)


def fit_throughput(  # noqa: PLR0913  (arrays and facts of one series)
    time: ArrayLike, zp: ArrayLike, zperr: ArrayLike, *, longitude_deg: float, group: ArrayLike | None = None,
    airmass: ArrayLike | None = None, other_scale: Iterable[int] = (), events: Iterable[tuple[Date, str]] = (),
    now: Date | datetime | None = None) -> ThroughputFit:
    """Fit the throughput of one telescope in one filter.  Rows that are not finite are not used.

    Parameters
    ----------
    time : array_like of datetime64, shape (n,)
        UTC, in any order.
    zp, zperr : array_like, shape (n,)
        Gain-corrected zeropoints at airmass 1, and their 1-sigma errors [mag], NaN where unknown.
    longitude_deg : float
        Longitude of the site, positive to the east.
    group : array_like of int, shape (n,), optional
        Code of camera, native filter and kind of row.
    airmass : array_like, shape (n,), optional
        With it, the error of the adopted extinction is fitted, too.
    other_scale : iterable of int
        Groups whose zp means something else (at g-i = 0): references only where no other group is tied to them.
    events : iterable of (date, str)
        Local dates, and kinds as in observatory.toml; the last `start` opens the fit.
    now : date or datetime, optional
        Rows and events after it are not used.

    Returns
    -------
    ThroughputFit
    """
    n = len(np.asarray(time))
    rows = FilterRows(
        time=np.asarray(time, 'datetime64[ms]'), zp=np.asarray(zp, float), zperr=np.asarray(zperr, float),
        airmass=None if airmass is None else np.asarray(airmass, float),
        group=np.zeros(n, int) if group is None else np.asarray(group), other_scale=frozenset(other_scale))
    return fit_telescope({'': rows}, longitude_deg=longitude_deg, events=events, now=now)['']


def last_start(events: Iterable[TimedEvent]) -> np.datetime64:
    """Find the last `start` of a telescope; rows before it are not used.

    Parameters
    ----------
    events : iterable of (datetime64, str)
        Time and kind.

    Returns
    -------
    numpy.datetime64
        Its time; a date long ago without one.
    """
    return max((time for time, kind in events if kind == 'start'), default=instant_of('0001-01-01'))


def _usable(rows: FilterRows, opened: np.datetime64, latest: np.datetime64) -> np.ndarray:
    """Places of the rows of a filter that can be used, in order of time."""
    good = np.isfinite(rows.zp) & (rows.time >= opened) & (rows.time <= latest)
    if rows.airmass is not None:
        good &= np.isfinite(rows.airmass)
    used = np.flatnonzero(good)
    return used[np.argsort(rows.time[used], kind='stable')]


def _empty_fit(n: int) -> ThroughputFit:
    """The fit of n rows of which none is usable."""
    none, time = np.empty(0), np.empty(0, 'datetime64[ms]')
    return ThroughputFit(
        night=time.astype('datetime64[D]'), time=time, model_mag=none, model_error_mag=none,
        night_rows=none.astype(int), clear_probability=none, photometric=none.astype(bool),
        row_clear_probability=np.full(n, np.nan), row_residual_mag=np.full(n, np.nan))


class _Telescope:
    """The usable rows of a telescope, and their fit."""

    def __init__(self, rows: Mapping[str, FilterRows], used: Mapping[str, np.ndarray], longitude_deg: float,
                 events: Sequence[TimedEvent], others: SkyEvidence | None) -> None:
        self.given, self.used = rows, used
        times = {name: one.time[used[name]] for name, one in rows.items()}
        self.origin = min(time[0] for time in times.values())
        nights = {name: night_of(time, longitude_deg) for name, time in times.items()}
        self.night = np.unique(np.concatenate(list(nights.values())))
        self.rows = {name: self._rows_of(name, times[name], nights[name]) for name in rows}
        counts = [np.bincount(one.night, minlength=len(self.night)) for one in self.rows.values()]
        sums = [np.bincount(one.night, one.day, len(self.night)) for one in self.rows.values()]
        self.day = np.sum(sums, axis=0) / np.sum(counts, axis=0)
        self.events = [(float(days_since(time, self.origin)), kind) for time, kind in events if kind in EVENT_KINDS]
        self.others = others

    def _rows_of(self, name: str, time: np.ndarray, night: np.ndarray) -> TelescopeRows:
        given, used = self.given[name], self.used[name]
        n = len(used)
        width = np.full(n, np.nan) if given.fwhm is None else given.fwhm[used]
        known = np.isfinite(width) & (width > 0)
        logs = np.log(np.where(known, width, 1.0))
        return TelescopeRows(
            day=days_since(time, self.origin), night=np.searchsorted(self.night, night), zp=given.zp[used],
            zperr=np.nan_to_num(given.zperr[used]),
            airmass=np.ones(n) if given.airmass is None else given.airmass[used],
            group=np.zeros(n, int) if given.group is None else given.group[used],
            field=np.full(n, -1) if given.field is None else given.field[used],
            ln_fwhm=np.where(known, logs - np.median(logs[known]), 0.0) if known.any() else np.zeros(n))

    def sky(self) -> SkyEvidence:
        """What the telescope says of its site."""
        problem, _, state, _ = self._solved(roughly=True)
        return evidence_of(problem, state, self.night)

    def fit(self) -> dict[str, ThroughputFit]:
        """Fit all filters."""
        problem, edges, state, steps = self._solved(roughly=False)
        assert state.solution is not None
        covariance, _ = bin_covariances(state.solution)
        return {name: self._fit_of(FilterFit(
            number=number, name=name, curve=curve_of(problem, state, steps, number, self.origin, covariance),
            problem=problem, state=state, steps=steps, edges=edges, other_scale=self.given[name].other_scale))
            for number, name in enumerate(problem.filters)}

    def _solved(self, roughly: bool) -> tuple[Problem, list[float], State, list[StepAt]]:
        """The problem, days of steps across which groups are not tied, its solution and steps."""
        steps = known_steps(self.rows, self.day, self.events)
        edges = [step.day for step in steps if step.kind != 'cleaning']
        tied = {name: references(one, edges, self.given[name].other_scale) for name, one in self.rows.items()}
        problem = self._problem({name: [group for group, to in of.items() if to != group] for name, of in tied.items()})
        return problem, edges, *_fitted(problem, steps, tied, roughly)

    def _problem(self, tied: Mapping[str, Sequence[int]]) -> Problem:
        with_airmass = all(one.airmass is not None for one in self.given.values())
        covariates = choose_covariates(self.rows, tied, with_airmass=with_airmass)
        if self.others is not None:
            covariates = told_coefficients(covariates, self.others)
        year_day = float(days_since(self.origin, self.origin.astype('datetime64[Y]')) % DAYS_PER_YEAR)
        known = {name: [column[2] for column in covariates.columns if column[:2] == ('field', name)]
                 for name in self.rows}
        window = np.stack([np.searchsorted(self.day, self.day - SEASON_NIGHTS),
                           np.searchsorted(self.day, self.day + SEASON_NIGHTS, side='right')])
        return Problem(
            filters=tuple(self.rows), rows=self.rows, covariates=covariates, day=self.day, window=window,
            designs={name: row_design(one, name, covariates, year_day) for name, one in self.rows.items()},
            known_fields={name: np.isin(one.field, known[name]) | (one.field < 0) for name, one in self.rows.items()},
            others=told_nights(self.night, self.others))

    def _fit_of(self, fit: FilterFit) -> ThroughputFit:
        """What is returned of one filter."""
        state, number, one, curve = fit.state, fit.number, self.rows[fit.name], fit.curve
        counts = state.means.rows[:, number]
        there = np.flatnonzero(counts)
        day = np.bincount(one.night, one.day, len(self.night))[there] / counts[there]
        model, error = curve.at(day)
        design = fit.problem.designs[fit.name] @ fit.state.beta
        clear, log_odds = photometric(state.judged, state.sky, fit.problem.others.clouds)
        apart = one.zp - design - curve.at(one.day)[0]
        noise = everything_but_level(state)[number, number]
        kept = row_kept(one, state.means.scatter[number], one.zp - design)
        near = np.abs(apart) <= WILD_SIGMA * np.sqrt(noise + state.means.scatter[number] ** 2 + one.zperr**2)
        row_clear, row_residual = np.full((2, len(self.given[fit.name].time)), np.nan)
        row_clear[self.used[fit.name]] = clear[one.night] * np.where(kept & near, 1.0, 0.01)
        row_residual[self.used[fit.name]] = apart
        expected = state.means.covariates[:, number] @ fit.state.beta
        residual = (state.means.value[:, number] - expected)[there] - model
        k, k_error = own_extinction(fit)
        return ThroughputFit(
            night=self.night[there], time=self.origin + span_of(day), model_mag=model, model_error_mag=error,
            night_rows=counts[there], clear_probability=clear[there], photometric=clear[there] > 0.5,
            row_clear_probability=row_clear, row_residual_mag=row_residual, intervals=intervals_of(fit),
            steps=steps_of(fit), offsets=offsets_of(fit), scatter_mag=float(state.means.scatter[number]),
            clear_share=float(clear[there].mean()), cloud_mag=mean_depth(state.sky),
            wild_share=float(np.mean(~kept)), extinction_offset_mag=k, extinction_offset_error_mag=k_error,
            night_residual_mag=residual, night_residual_error_mag=np.sqrt(state.means.variance[there, number]),
            night_log_odds=log_odds[there], night_noise_mag=float(np.sqrt(noise)), curve=curve)


def _fitted(problem: Problem, steps: list[StepAt], tied: Mapping[str, Mapping[int, int]],
            roughly: bool) -> tuple[State, list[StepAt]]:
    """Fit a telescope: from the best path to the last step and noise."""
    state, path = first_state(problem, steps, tied, EVENT_DAYS)
    steps = path_steps(problem, path, steps)
    state = climb(problem, state, steps, 5)
    for _ in range(1 if roughly else 2):
        state = climb(problem, with_noise(problem, with_means(problem, state)), steps, 4)
        state, steps = find_steps(problem, with_stiffness(problem, state, steps), steps, roughly)
    state = climb(problem, with_noise(problem, with_means(problem, state)), steps, 4)
    if roughly:
        return state, steps
    return climb(problem, with_stiffness(problem, state, steps), steps, 8), steps
