"""The throughput of a telescope as a function of time, from the zeropoints of its frames: arrays in, frozen values out.

Throughput is the zeropoint at airmass 1 under a clear sky [mag].  Between bounding events (wash, recoating, break,
instrument) it is a straight line in time, with a step at each cleaning and, where a line is clearly not enough, a few
kinks.  Cameras and native filters that overlap in time are tied by additive offsets to the one with most rows.

The stages of the fit, each a module of this room:

    rows             repairs gains, applies colour terms of cameras (colourterm), corrects to airmass 1
    fit_throughput
      boundaries     where a line ends and the next begins
      linefit        one linear model of lines, offsets and extinction; more boundaries and kinks where needed
        clearsky     fits it where nights are clear or dimmed by cloud (cloudmixture); its errors: sandwich
      summary        intervals, steps and offsets of that fit
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit

from photzp.throughput.boundaries import TimedEvent, find_boundaries
from photzp.throughput.cloudmixture import mean_depth
from photzp.throughput.linefit import fit_lines
from photzp.throughput.lines import Line, SeriesRows
from photzp.throughput.summary import (
    GroupOffset,
    Interval,
    Step,
    intervals_of,
    offsets_of,
    parameter_of,
    steps_of,
)
from photzp.times import Date, instant_of, local_noon, night_of, span_of

_WILD_SIGMA = 5.0  # rows farther from their night do not enter its mean


@dataclass(frozen=True, kw_only=True)
class FilterRows:
    """Rows of one telescope in one filter, in any order; rows that are not finite are not used.

    Attributes
    ----------
    time : ndarray of datetime64[ms], shape (n,)
        UTC.
    zp, zperr : ndarray, shape (n,)
        Gain-corrected zeropoints at airmass 1, and their 1-sigma errors [mag], NaN where unknown.
    airmass : ndarray, shape (n,), or None
        With it, the error of the adopted extinction is fitted, too.
    group : ndarray of int, shape (n,), or None
        Code of camera, native filter and kind of row.
    field : ndarray of int, shape (n,), or None
        Code of the field on the sky, -1 where unknown; the same for all filters of the telescope.
    fwhm : ndarray, shape (n,), or None
        Width of stars [arcsec], NaN where unknown.
    other_scale : frozenset of int
        Groups whose zp means something else (at g-i = 0): references only where no other group is tied to them.
    """

    time: np.ndarray
    zp: np.ndarray
    zperr: np.ndarray
    airmass: np.ndarray | None = None
    group: np.ndarray | None = None
    field: np.ndarray | None = None
    fwhm: np.ndarray | None = None
    other_scale: frozenset[int] = frozenset()


@dataclass(frozen=True)
class SkyEvidence:
    """What other telescopes of the site say of the nights.

    Attributes
    ----------
    night : ndarray of datetime64[D], shape (m,)
        Nights by the date on which they begin, ascending.
    log_odds : ndarray, shape (m,)
        Logarithm of the likelihood of their data if the night was clear, over that if it was cloudy.
    """

    night: np.ndarray
    log_odds: np.ndarray


@dataclass(frozen=True, kw_only=True)
class ThroughputFit:
    """Throughput of one telescope in one filter.

    Without usable rows all arrays and tuples are empty, and numbers NaN.  m nights have usable rows; n rows were given.

    Attributes
    ----------
    night : ndarray of datetime64[D], shape (m,)
        Nights by the date on which they begin, ascending.
    time : ndarray of datetime64[ms], shape (m,)
        Mean time of the usable rows of each night.
    model_mag, model_error_mag : ndarray, shape (m,)
        Zeropoint at airmass 1 under a clear sky, and its 1-sigma error.
    night_rows : ndarray of int, shape (m,)
        Usable rows.
    clear_probability : ndarray, shape (m,)
        Probability that the night was free of cloud.
    photometric : ndarray of bool, shape (m,)
        The night is more likely clear than not.
    row_clear_probability : ndarray, shape (n,)
        Probability that the row is of a clear night and not wild (an outlier); NaN where not used.
    row_residual_mag : ndarray, shape (n,)
        zp - offset - extinction - model; NaN where not used.
    intervals : tuple of Interval
        Between bounding events, in order of time.
    steps : tuple of Step
        At events and jumps, in order of time.
    offsets : tuple of GroupOffset
        Of groups of rows, by their codes.
    scatter_mag : float
        Intrinsic scatter, left after zperr.
    clear_share, wild_share : float
        Shares of clear nights, and of wild rows.
    cloud_mag : float
        Mean dimming in cloudy nights.
    extinction_offset_mag, extinction_offset_error_mag : float
        Fitted minus adopted extinction [mag/airmass]; NaN where no airmass was given.
    night_residual_mag, night_residual_error_mag : ndarray, shape (m,)
        Mean of row_residual_mag without wild rows, about 0 in clear nights and below in cloudy ones; its 1-sigma error
        from zperr and scatter_mag.
    night_log_odds : ndarray, shape (m,)
        Logarithm of the likelihood of the night if clear over that if cloudy, of the telescope in all its filters, as
        its own data have it.
    night_noise_mag : float
        Scatter of clear nights about the level, beyond the errors of their rows.
    """

    night: np.ndarray
    time: np.ndarray
    model_mag: np.ndarray
    model_error_mag: np.ndarray
    night_rows: np.ndarray
    clear_probability: np.ndarray
    photometric: np.ndarray
    row_clear_probability: np.ndarray = field(repr=False)
    row_residual_mag: np.ndarray = field(repr=False)
    intervals: tuple[Interval, ...] = ()
    steps: tuple[Step, ...] = ()
    offsets: tuple[GroupOffset, ...] = ()
    scatter_mag: float = np.nan
    clear_share: float = np.nan
    cloud_mag: float = np.nan
    wild_share: float = np.nan
    extinction_offset_mag: float = np.nan
    extinction_offset_error_mag: float = np.nan
    night_residual_mag: np.ndarray = field(default_factory=lambda: np.empty(0))
    night_residual_error_mag: np.ndarray = field(default_factory=lambda: np.empty(0))
    night_log_odds: np.ndarray = field(default_factory=lambda: np.empty(0))
    night_noise_mag: float = np.nan
    _line: Line | None = field(default=None, repr=False)

    def at(self, time: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Evaluate the model at any times.

        Parameters
        ----------
        time : array_like of datetime64, shape (q,)
            UTC; after the last night the last line goes on, and its error grows.

        Returns
        -------
        model_mag, model_error_mag : ndarray, shape (q,)
            Model and its 1-sigma error; NaN before the first interval.
        """
        time = np.asarray(time, 'datetime64[ms]')
        if self._line is None:
            return np.full(time.shape, np.nan), np.full(time.shape, np.nan)
        return self._line.at(self._line.days(time))


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
        What other telescopes of the site say of the nights.

    Returns
    -------
    dict of str to ThroughputFit
        By filter; classes of nights are those of the telescope.
    """
    events = list(events)
    return {name: fit_throughput(
        one.time, one.zp, one.zperr, airmass=one.airmass, group=one.group, other_scale=one.other_scale,
        longitude_deg=longitude_deg, events=events, now=now) for name, one in rows.items()}


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
    time, zp = np.asarray(time, 'datetime64[ms]'), np.asarray(zp)
    rows = SeriesRows(
        time=time, zp=zp, zperr=np.nan_to_num(np.asarray(zperr, float)), night=night_of(time, longitude_deg),
        group=np.zeros(len(time), int) if group is None else np.asarray(group), other_scale=frozenset(other_scale),
        extra_airmass=None if airmass is None else np.asarray(airmass) - 1)
    timed = [(local_noon(date, longitude_deg), str(kind)) for date, kind in events]
    return _fit_until(rows, timed, instant_of('9999-01-01' if now is None else now))


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


def _fit_until(rows: SeriesRows, events: Sequence[TimedEvent], latest: np.datetime64) -> ThroughputFit:
    """Fit the usable rows between the last `start` and a time."""
    events = sorted((event for event in events if event[0] <= latest), key=lambda event: event[0])
    opened = last_start(events)
    good = np.isfinite(rows.zp) & (rows.time >= opened) & (rows.time <= latest)
    if rows.extra_airmass is not None:
        good &= np.isfinite(rows.extra_airmass)
    used = np.flatnonzero(good)
    if not len(used):
        return _empty_fit(len(rows.time))
    used = used[np.argsort(rows.time[used], kind='stable')]
    return _fit(rows[used], [event for event in events if event[0] > opened], used, len(rows.time))


def _fit(rows: SeriesRows, events: Sequence[TimedEvent], used: np.ndarray, n: int) -> ThroughputFit:
    """Fit rows that are all usable; `used` are their places among the n rows of the caller."""
    fit = fit_lines(rows, find_boundaries(rows, events), events)
    line, sky = fit.line, fit.sky
    first = np.flatnonzero(np.append(True, rows.night[1:] != rows.night[:-1]))
    counts = np.diff(np.append(first, len(rows.day)))
    day = np.add.reduceat(rows.day, first) / counts
    model, error = line.at(day)
    residual, residual_error = _night_means(sky.residual, np.hypot(rows.zperr, sky.state.scatter), first)
    extinction = (np.nan, np.nan) if rows.extra_airmass is None else parameter_of(sky, -1)
    row_clear, row_residual = np.full((2, n), np.nan)
    row_clear[used], row_residual[used] = sky.row_clear, sky.residual
    return ThroughputFit(
        night=rows.night[first], time=rows.time[0] + span_of(day), model_mag=model, model_error_mag=error,
        night_rows=counts, clear_probability=sky.night_clear, photometric=sky.night_clear > 0.5,
        row_clear_probability=row_clear, row_residual_mag=row_residual, intervals=intervals_of(rows, fit),
        steps=steps_of(rows, fit), offsets=offsets_of(rows, fit), scatter_mag=sky.state.scatter,
        clear_share=float(sky.state.shares[0]), cloud_mag=mean_depth(sky.state), wild_share=sky.state.wild,
        extinction_offset_mag=extinction[0], extinction_offset_error_mag=extinction[1],
        night_residual_mag=residual, night_residual_error_mag=residual_error,
        night_log_odds=logit(np.clip(sky.night_clear, 1e-3, 1 - 1e-3)), _line=line)


def _empty_fit(n: int) -> ThroughputFit:
    """The fit of n rows of which none is usable."""
    none, time = np.empty(0), np.empty(0, 'datetime64[ms]')
    return ThroughputFit(
        night=time.astype('datetime64[D]'), time=time, model_mag=none, model_error_mag=none,
        night_rows=none.astype(int), clear_probability=none, photometric=none.astype(bool),
        row_clear_probability=np.full(n, np.nan), row_residual_mag=np.full(n, np.nan))


def _night_means(residual: np.ndarray, error: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean of the rows of each night without wild ones, and its error (m,); first (m,) row of each night.

    Rows are wild where they lie farther from the (upper) median of their night than _WILD_SIGMA errors plus its depth:
    cloud scatters by about its depth.
    """
    counts = np.diff(np.append(first, len(residual)))
    night = np.repeat(np.arange(len(first)), counts)
    median = residual[np.lexsort((residual, night))][first + counts // 2][night]
    weight = (np.abs(residual - median) <= _WILD_SIGMA * error + np.abs(median)) / error**2
    total = np.add.reduceat(weight, first)
    return np.add.reduceat(weight * residual, first) / total, 1 / np.sqrt(total)
