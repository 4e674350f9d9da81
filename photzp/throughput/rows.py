"""Read the rows of a series, and make them comparable.

A series is one telescope in one filter as reported.  Gains are repaired, zeropoints carried to the colour term of their
camera, and corrected to airmass 1.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from photzp.magnitudes import mag_of_ratio
from photzp.measurements import possible_zp, usable_rows
from photzp.names import SeriesKey, Telescope
from photzp.observatory import Events, Observatory
from photzp.observatorytables import GainRepair
from photzp.records import Database, Zeropoints
from photzp.rowdigest import RowDigest
from photzp.throughput.colourterm import CameraColourTerm, FrameZeropoints, with_camera_colourterm
from photzp.throughput.model import last_start
from photzp.times import ALL_TIME, Period, day_of, instant_of, local_noon

log = logging.getLogger('photzp.report')

# Columns that the report reads, with those that decide which row of an exposure counts.
COLUMNS = ('name', 'frame', 'processed', 'dateobs', 'camera', 'filter', 'airmass', 'zp', 'colorterm', 'zpsig', 'zperr',
           'colortermerr', 'zpcolor', 'zpcolortermcov', 'colortermheld', 'meancolor', 'ra', 'dec', 'fwhm')

_NEW_COLOUR = ('instrument', 'recoating', 'break')  # kinds of events after which colour terms may differ
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
    zeropoints : Zeropoints
        The rows as in the database.
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
    usable : ndarray of bool, shape (n,)
        The fit may use the row.
    group : ndarray of int, shape (n,)
        Code of camera, native filter and kind of row: older rows hold zp at g-i = 0.
    group_names : tuple of str
        Names by code.
    events : tuple of (datetime.date, str, str)
        Date, kind and note of events of the telescope.
    reference_mag : float or None
        Zeropoint of a clean telescope; None where unknown.
    opened : numpy.datetime64
        Last `start` of the telescope, datetime64[ms]; earlier rows are not used.
    later : int
        Number of rows that were left out, as they are dated later than now.
    """

    telescope: str
    filter: str
    zeropoints: Zeropoints
    zp_repaired: np.ndarray
    zp_cameracolour: np.ndarray
    zperr: np.ndarray
    colourterms: tuple[CameraColourTerm, ...]
    zp_unit: np.ndarray
    extinction: np.ndarray
    usable: np.ndarray
    group: np.ndarray
    group_names: tuple[str, ...]
    events: Events
    reference_mag: float | None
    opened: np.datetime64
    later: int

    @property
    def old_groups(self) -> frozenset[int]:
        """Codes of the groups of older rows."""
        return frozenset(code for code, name in enumerate(self.group_names) if name.endswith(_OLDER))

    @property
    def has_old_rows(self) -> bool:
        """Whether older and newer rows are mixed."""
        return 0 < len(self.old_groups) < len(self.group_names)

    @property
    def unusable(self) -> dict[str, int]:
        """Number of rows that are not usable by reason, of which the first one that fits a row counts."""
        z, left, counts = self.zeropoints, ~self.usable, {}
        for reason, rows in (('without date', np.isnat(z.dateobs)), ('before its start', z.dateobs < self.opened),
                             ('without zeropoint', ~np.isfinite(z.zp)),
                             ('with an impossible zeropoint', ~possible_zp(z.zp)),
                             ('without airmass', ~np.isfinite(z.airmass)), ('whose stars scatter too much', left)):
            counts[reason] = int(np.count_nonzero(left & rows))
            left = left & ~rows
        return counts


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
        Rows outside are left out; the log says how many are dated later than now.
    cameracolorterm : bool
        Give each zeropoint the colour term of its camera, see `throughput.colourterm`.
    digest : RowDigest, optional
        Updated with every row read, also rows dated later than now; then only its columns are read.

    Returns
    -------
    Rows or None
        None where the period has no rows.
    """
    telescope, now = series.telescope, period.now
    z = database.zeropoints(site=telescope.site, dome=telescope.enclosure, telescope=telescope.name,
                            filter=series.native, start=period.start, end=period.end, digest=digest)
    z, later = (z, 0) if now is None else _until(z, now, series)
    return _comparable(z, series, observatory, now, cameracolorterm, later) if len(z) else None


def _comparable(z: Zeropoints, series: Series, observatory: Observatory, now: np.datetime64 | None,
                cameracolorterm: bool, later: int) -> Rows:
    """Make rows of the database comparable."""
    telescope = series.telescope
    events = observatory.events_of(str(telescope))
    timed = [(local_noon(date, observatory.longitude_deg(telescope.site)), kind) for date, kind, _ in events]
    opened = last_start(event for event in timed if now is None or event[0] <= now)
    usable = usable_rows(z.zp, z.airmass, z.zpsig, telescope.name) & (z.dateobs >= opened)
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
    newest = int(np.flatnonzero(usable)[-1]) if usable.any() else -1
    day = day_of(z.dateobs[newest]).item()
    reference_mag = observatory.reference_mag(telescope.class_, series.filter, str(z.camera[newest]),
                                              day) if day else None
    return Rows(
        telescope=str(telescope), filter=series.filter, zeropoints=z, zp_repaired=zp_repaired, zp_cameracolour=zp,
        zperr=zperr, colourterms=colourterms, zp_unit=at_unit_airmass(zp, z.airmass, extinction),
        extinction=extinction, usable=usable, group=group, group_names=group_names, events=events,
        reference_mag=reference_mag, opened=opened, later=later)


def _until(z: Zeropoints, now: np.datetime64, series: Series) -> tuple[Zeropoints, int]:
    """Leave out rows dated later than now, and log their number: (the other rows, number)."""
    later = z.dateobs > now
    if not (count := int(np.count_nonzero(later))):
        return z, 0
    log.warning('%s: %d zeropoint%s dated later than now, and left out until then; see --testdb', series, count,
                ' is' if count == 1 else 's are', extra={'telescope': str(series.telescope), 'filter': series.filter})
    return Zeropoints(**{name: values[~later] for name, values in vars(z).items()}), count


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
