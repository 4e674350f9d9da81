"""Read the rows of a series, and make them comparable.

A series is one telescope in one filter as reported.  Gains are repaired, zeropoints carried to the colour term of their
camera, and corrected to airmass 1.  `photzp.measurements` has the rule which rows are used.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from photzp.magnitudes import mag_of_ratio
from photzp.measurements import EARLIEST, LATER, UNUSABLE, Unusable, UsableLimits, possible_airmass, why_unusable
from photzp.names import SeriesKey, Telescope
from photzp.observatory import Events, Observatory, start_of
from photzp.observatorytables import GainRepair
from photzp.records import Database, Zeropoints
from photzp.rowdigest import RowDigest
from photzp.throughput.colourterm import CameraColourTerm, FrameZeropoints, with_camera_colourterm
from photzp.times import ALL_TIME, Period, day_of, instant_of

# Columns that the report reads, with those that decide which row of an exposure counts.
COLUMNS = ('name', 'frame', 'processed', 'dateobs', 'camera', 'filter', 'airmass', 'zp', 'colorterm', 'zpsig', 'zperr',
           'colortermerr', 'zpcolor', 'zpcolortermcov', 'colortermheld', 'meancolor', 'ra', 'dec', 'fwhm')

_NEW_COLOUR = ('instrument', 'recoating', 'break')  # kinds of events after which colour terms may differ
# Chosen as longer than a telescope is closed, and shorter than the steps back of clocks: GPS has one of 19.6 years.
_LONGEST_CLOSURE = np.timedelta64(5 * 365, 'D')
_OLDER = ' (older rows)'  # of the database: their zp holds at g-i = 0


@dataclass(frozen=True)
class Series:
    """One telescope in one filter as reported.

    Attributes
    ----------
    telescope : Telescope
        Site, enclosure and name.
    filter : str
        Filter as reported.
    native : tuple of str
        Native filters that are reported as this one.
    """

    telescope: Telescope
    filter: str
    native: tuple[str, ...]

    @property
    def key(self) -> SeriesKey:
        """Telescope as site-enclosure-telescope, and filter."""
        return str(self.telescope), self.filter

    @property
    def wanted(self) -> dict[str, str | tuple[str, ...]]:
        """Columns of the database and their values in the rows of the series."""
        return {**dict(zip(('site', 'dome', 'telescope'), self.telescope, strict=True)), 'filter': self.native}

    def __str__(self) -> str:
        return f'{self.telescope} {self.filter}'


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of a series, made comparable.

    Attributes
    ----------
    telescope, filter : str
        Site-enclosure-telescope, and filter as reported.
    stored : Zeropoints
        The rows as in the database.
    zeropoints : Zeropoints
        The same, with NaT in place of a date, and NaN in place of an airmass, that no frame can have.
    zp_repaired : ndarray, shape (n,)
        Zeropoints with the gain repaired [mag].
    zp_cameracolour, zperr : ndarray, shape (n,)
        These with the colour term of their camera, and their 1-sigma errors [mag].
    colourterms : tuple of CameraColourTerm
        Colour terms that were applied; their groups are codes of `group`.
    zp_unit : ndarray, shape (n,)
        zp_cameracolour at airmass 1 [mag].
    extinction : ndarray, shape (n,)
        Extinction that was used for that, by native filter [mag/airmass].
    why : ndarray of int8, shape (n,)
        Why the fit may not use the row, as of `measurements.why_unusable`; 0 where it may.
    group : ndarray of int, shape (n,)
        Code of camera, native filter and kind of row: older rows hold zp at g-i = 0.
    group_names : tuple of str
        Names by code.
    events : tuple of (datetime.date, str, str)
        Date, kind and note of events of the telescope.
    reference_mag : float or None
        Zeropoint of a clean telescope; None where unknown.
    unusable : dict of Unusable to int
        Number of rows that are not used by reason, in the order of `UNUSABLE`, rows dated later than now among them.
    coming : numpy.datetime64
        Date of the first row that was left out, as it is dated later than now, datetime64[ms]; NaT without one.
    """

    telescope: str
    filter: str
    stored: Zeropoints
    zeropoints: Zeropoints
    zp_repaired: np.ndarray
    zp_cameracolour: np.ndarray
    zperr: np.ndarray
    colourterms: tuple[CameraColourTerm, ...]
    zp_unit: np.ndarray
    extinction: np.ndarray
    why: np.ndarray
    group: np.ndarray
    group_names: tuple[str, ...]
    events: Events
    reference_mag: float | None
    unusable: dict[Unusable, int]
    coming: np.datetime64

    @property
    def later(self) -> int:
        """Number of rows that were left out, as they are dated later than now."""
        return self.unusable.get(LATER, 0)

    @cached_property
    def usable(self) -> np.ndarray:
        """Which rows the fit may use, bool (n,)."""
        return self.why == 0

    @property
    def old_groups(self) -> frozenset[int]:
        """Codes of the groups of older rows."""
        return frozenset(code for code, name in enumerate(self.group_names) if name.endswith(_OLDER))

    @property
    def has_old_rows(self) -> bool:
        """Whether older and newer rows are mixed."""
        return 0 < len(self.old_groups) < len(self.group_names)


def read_rows(database: Database, series: Series, observatory: Observatory, period: Period = ALL_TIME, *,
              cameracolorterm: bool = True, digest: RowDigest | None = None) -> Rows | None:
    """Read the rows of a series, and make them comparable.

    Parameters
    ----------
    database : Database
        Where the rows are.
    series : Series
        Telescope and filter.
    observatory : Observatory
        Gain repairs, extinction, events and references.
    period : Period
        Rows outside are left out.
    cameracolorterm : bool
        Give each zeropoint the colour term of its camera, see `throughput.colourterm`.
    digest : RowDigest, optional
        Updated with every row read, also rows dated later than now; then only its columns are read.

    Returns
    -------
    Rows or None
        None where the database has no rows; of length 0 where all of them are dated later than now.
    """
    telescope, now = series.telescope, period.now
    z = database.zeropoints(site=telescope.site, dome=telescope.enclosure, telescope=telescope.name,
                            filter=series.native, start=period.start, end=period.end, digest=digest)
    if not len(z):
        return None
    why = why_unusable_rows(z, series, observatory, now)
    counts = np.bincount(why, minlength=len(UNUSABLE) + 1)[1:].tolist()
    unusable = {reason: count for reason, count in zip(UNUSABLE, counts, strict=True) if count}
    later = np.zeros(len(z), bool) if now is None else z.dateobs > now
    coming = np.fmin.reduce(np.append(z.dateobs[later], np.datetime64('NaT', 'ms')))
    believed = _without_impossible(z[~later], start_of(observatory, str(telescope), now))
    judged = _Judged(z[~later], believed, why[~later], unusable, coming)
    return _comparable(judged, series, observatory, cameracolorterm)


def why_unusable_rows(z: Zeropoints, series: Series, observatory: Observatory,
                      now: np.datetime64 | None) -> np.ndarray:
    """Say of each row of a series why it is not used.

    Parameters
    ----------
    z : Zeropoints
        The n rows as in the database.
    series : Series
    observatory : Observatory
        Has the `start` of the telescope.
    now : numpy.datetime64 or None
        The present, datetime64[ms]; None takes rows of any later date.

    Returns
    -------
    ndarray of int8, shape (n,)
        As of `measurements.why_unusable`.
    """
    telescope = series.telescope
    limits = UsableLimits.of(telescope.name, start_of(observatory, str(telescope), now), now)
    return why_unusable(z.dateobs, z.zp, z.airmass, z.zpsig, limits)


@dataclass(frozen=True)
class _Judged:
    """Rows of a series with what is wrong with them; the fields are those of Rows."""

    stored: Zeropoints
    zeropoints: Zeropoints
    why: np.ndarray
    unusable: dict[Unusable, int]
    coming: np.datetime64


def _comparable(judged: _Judged, series: Series, observatory: Observatory, cameracolorterm: bool) -> Rows:
    """Make rows of the database comparable."""
    telescope, z = series.telescope, judged.zeropoints
    events = observatory.events_of(str(telescope))
    group_names, group = _groups(z)
    zp_repaired = _correct_gain(z.zp, z.camera, z.dateobs, observatory.gain_repairs)
    zp, zperr = zp_repaired, z.zperr
    colourterms: tuple[CameraColourTerm, ...] = ()
    if cameracolorterm:
        zp, zperr, colourterms = with_camera_colourterm(FrameZeropoints(
            zp=zp_repaired, zperr=z.zperr, colorterm=z.colorterm, colortermerr=z.colortermerr,
            covariance=z.zpcolortermcov, colour_offset=z.meancolor - z.zpcolor, held=z.colortermheld, time=z.dateobs,
            group=group), np.array([date for date, kind, _ in events if kind in _NEW_COLOUR], 'datetime64[ms]'))
    extinction = _by_value(z.filter, observatory.extinction)
    return Rows(
        **vars(judged), telescope=str(telescope), filter=series.filter, zp_repaired=zp_repaired, zp_cameracolour=zp,
        zperr=zperr, colourterms=colourterms, zp_unit=at_unit_airmass(zp, z.airmass, extinction),
        extinction=extinction, group=group, group_names=group_names, events=events,
        reference_mag=_reference_mag(z, judged.why, series, observatory))


def _without_impossible(z: Zeropoints, start: np.datetime64) -> Zeropoints:
    """Rows, in order of time, without the dates and airmasses that no frame can have: these are as good as unknown.

    Dates before the start of the telescope are of frames that are not used; those far before all others are of a clock
    that was never set, or of a receiver of GPS whose weeks began anew.
    """
    time = np.where(z.dateobs < EARLIEST, np.datetime64('NaT', 'ms'), z.dateobs)
    gaps = np.flatnonzero((np.diff(time) > _LONGEST_CLOSURE) & (time[:-1] < start))
    if len(gaps):
        time[:gaps[-1] + 1] = np.datetime64('NaT', 'ms')
    return replace(z, dateobs=time, airmass=np.where(possible_airmass(z.airmass), z.airmass, np.nan))


def _reference_mag(z: Zeropoints, why: np.ndarray, series: Series, observatory: Observatory) -> float | None:
    """Zeropoint of a clean telescope with its newest camera, that of rows that are used if there are any."""
    dated = np.flatnonzero(why == 0) if (why == 0).any() else np.flatnonzero(~np.isnat(z.dateobs))
    if not len(dated):
        return None
    camera, day = str(z.camera[dated[-1]]), day_of(z.dateobs[dated[-1]]).item()
    return observatory.reference_mag(series.telescope.class_, series.filter, camera, day)


def _groups(z: Zeropoints) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of camera, native filter and kind of row, sorted, and the code of each row (n,)."""
    (cameras, camera), (filters, name) = (np.unique(names, return_inverse=True) for names in (z.camera, z.filter))
    codes, group = np.unique((camera * len(filters) + name) * 2 + np.isfinite(z.zpcolor), return_inverse=True)
    names = np.array([f'{cameras[code // 2 // len(filters)]} {filters[code // 2 % len(filters)]}'
                      f'{"" if code % 2 else _OLDER}' for code in codes.tolist()])
    order = np.argsort(names)
    return tuple(names[order].tolist()), np.argsort(order)[group]


def _by_value(values: np.ndarray, function: Callable[[str], float]) -> np.ndarray:
    """Apply a function to every value of an array, calling it once per different value."""
    different, inverse = np.unique(values, return_inverse=True)
    return np.array([function(str(value)) for value in different])[inverse]


def _correct_gain(zp: np.ndarray, camera: np.ndarray, time: np.ndarray, repairs: Iterable[GainRepair]) -> np.ndarray:
    """Correct zeropoints (n,) of cameras whose header gain was wrong by -2.5 log10(header gain / true gain)."""
    zp = np.array(zp, float)
    for repair in repairs:
        rows = camera == repair.camera
        if repair.from_ is not None:
            rows = rows & (time >= instant_of(repair.from_))
        if repair.until is not None:
            rows = rows & (time < instant_of(repair.until))
        zp[rows] -= mag_of_ratio(repair.ratio[0] / repair.ratio[1])
    return zp


def at_unit_airmass(zp: np.ndarray, airmass: np.ndarray, extinction: np.ndarray | float) -> np.ndarray:
    """Correct zeropoints to airmass 1: zp + k (X - 1).

    Parameters
    ----------
    zp : ndarray, shape (n,)
        Zeropoints [mag].
    airmass : ndarray, shape (n,)
        X.
    extinction : float or ndarray, shape (n,)
        k [mag/airmass].

    Returns
    -------
    ndarray, shape (n,)
        Zeropoints at airmass 1 [mag].
    """
    return zp + extinction * (np.asarray(airmass) - 1)
