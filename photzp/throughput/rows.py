"""The rows of one telescope and filter as a model takes them: gain repaired, with the colour term of their camera, at
airmass 1."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from photzp.magnitudes import mag_of_ratio
from photzp.names import SeriesKey, Telescope
from photzp.observatory import Events, Observatory
from photzp.records import Database, RowDigest, Zeropoints, possible, usable_rows
from photzp.throughput.colourterm import CameraColourTerm, with_camera_colourterm
from photzp.throughput.model import last_start
from photzp.times import ALL_TIME, Period, day_of, instant_of, local_noon

log = logging.getLogger('photzp.report')

NEW_COLOUR = ('instrument', 'recoating', 'break')  # events after which a colour term may be another one
OLDER = ' (older rows)'  # of the database: their zp holds at g-i = 0
# The columns that the report is made from, and what decides which row of an exposure counts.
COLUMNS = ('name', 'frame', 'processed', 'dateobs', 'camera', 'filter', 'airmass', 'zp', 'colorterm', 'zpsig', 'zperr',
           'colortermerr', 'zpcolor', 'zpcolortermcov', 'colortermheld', 'meancolor')


@dataclass(frozen=True)
class Series:
    """One telescope in one filter as reported.

    native : names of the filters that are reported as this one.  extinction_offset [mag/airmass] : what the extinction
    that brings the rows to airmass 1 is above the adopted one.
    """

    telescope: Telescope
    filter: str
    native: tuple[str, ...]
    extinction_offset: float = 0.0

    @property
    def key(self) -> SeriesKey:
        """Telescope as site-enclosure-telescope, and filter."""
        return str(self.telescope), self.filter

    @property
    def wanted(self) -> dict[str, str | tuple[str, ...]]:
        """What the rows of it hold: column = value or values."""
        return {**dict(zip(('site', 'dome', 'telescope'), self.telescope, strict=True)), 'filter': self.native}

    def __str__(self) -> str:
        return f'{self.telescope} {self.filter}'


@dataclass(frozen=True, kw_only=True)
class Rows:
    """One telescope in one filter as reported: the rows of the database, made comparable; arrays of shape (n,).

    zeropoints : records.Zeropoints.  zp_repaired [mag] : gain repaired.  zp_cameracolour, zperr [mag] : and
        with the colour term of the camera.  zp_unit [mag] : and at airmass 1.
    colourterms : tuple of CameraColourTerm, empty where none was applied; their groups are codes of `group`.
    extinction [mag/airmass] : that this was done with, by native filter; extinction_offset : of it, above the adopted
        one.  usable : rows that the model may rest on.
    events : (date, kind, note) of the telescope.  reference_mag : of a clean telescope, None where not known.
    group : code of camera, native filter and kind of row (older rows hold zp at g-i = 0).  group_names : of the codes.
    opened : datetime64[ms]; rows before it are of the telescope as it was before its `start`.
    later : number of rows that were left out, as they are dated later than now.
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
    extinction_offset: float
    opened: np.datetime64
    later: int

    @property
    def old_groups(self) -> frozenset[int]:
        """Codes of the groups of older rows."""
        return frozenset(code for code, name in enumerate(self.group_names) if name.endswith(OLDER))

    @property
    def has_old_rows(self) -> bool:
        """Whether rows of the pivot colour and rows without one are mixed."""
        return 0 < len(self.old_groups) < len(self.group_names)

    @property
    def unusable(self) -> dict[str, int]:
        """Number of rows that are not usable by why, the first reason of each."""
        z, left, found = self.zeropoints, ~self.usable, {}
        for why, rows in (('without date', np.isnat(z.dateobs)), ('before its start', z.dateobs < self.opened),
                          ('without zeropoint', ~np.isfinite(z.zp)),
                          ('with an impossible zeropoint', ~possible(z.zp)),
                          ('without airmass', ~np.isfinite(z.airmass)), ('whose stars scatter too much', left)):
            found[why] = int(np.count_nonzero(left & rows))
            left = left & ~rows
        return found


def read_rows(database: Database, series: Series, observatory: Observatory, period: Period = ALL_TIME, *,
              cameracolorterm: bool = True, digest: RowDigest | None = None) -> Rows | None:
    """The rows of one telescope and filter as `Rows`; None where there are none in the dates.

    cameracolorterm : give each zeropoint the colour term of its camera, see `throughput.colourterm`.
    period : rows outside of it are left out; of those dated later than now the log says how many.
    digest : updated with every row read, also rows dated later than now; then only its columns are read.
    """
    telescope, now = series.telescope, period.now
    z = database.zeropoints(site=telescope.site, dome=telescope.enclosure, telescope=telescope.name,
                            filter=series.native, start=period.start, end=period.end, digest=digest)
    z, later = (z, 0) if now is None else _until(z, now, series)
    if not len(z):
        return None
    repairs = [(r.camera, r.from_, r.until, r.ratio) for r in observatory.gain_repairs]
    zp_repaired = correct_gain(z.zp, z.camera, z.dateobs, repairs)
    extinction = _by_value(z.filter, observatory.extinction) + series.extinction_offset
    group_names, group = _groups(z)
    events = observatory.events_of(str(telescope))
    timed = [(local_noon(date, observatory.longitude_deg(telescope.site)), kind) for date, kind, _ in events]
    opened = last_start(event for event in timed if now is None or event[0] <= now)
    usable = usable_rows(z.zp, z.airmass, z.zpsig, telescope.name) & (z.dateobs >= opened)
    newest = int(np.flatnonzero(usable)[-1]) if usable.any() else -1
    day = day_of(z.dateobs[newest]).item()
    camera = str(z.camera[newest])
    reference_mag = observatory.reference_mag(telescope.class_, series.filter, camera, day) if day else None
    zp_cameracolour, zperr = zp_repaired, z.zperr
    colourterms: tuple[CameraColourTerm, ...] = ()
    if cameracolorterm:
        changes = np.array([date for date, kind, _ in events if kind in NEW_COLOUR], 'datetime64[ms]')
        zp_cameracolour, zperr, colourterms = with_camera_colourterm(
            zp_repaired, z.zperr, z.colorterm, z.colortermerr, z.zpcolortermcov, z.meancolor - z.zpcolor,
            z.colortermheld, z.dateobs, group, changes)
    return Rows(
        telescope=str(telescope), filter=series.filter, zeropoints=z, zp_repaired=zp_repaired,
        zp_cameracolour=zp_cameracolour, zperr=zperr, colourterms=colourterms,
        zp_unit=at_unit_airmass(zp_cameracolour, z.airmass, extinction), extinction=extinction, usable=usable,
        group=group, group_names=group_names, events=events, reference_mag=reference_mag,
        extinction_offset=series.extinction_offset, opened=opened, later=later)


def _until(z: Zeropoints, now: np.datetime64, series: Series) -> tuple[Zeropoints, int]:
    """Those that are not later than now, or without a date, and the number of the others, which the log gets, too."""
    later = z.dateobs > now
    if not (count := int(np.count_nonzero(later))):
        return z, 0
    log.warning('%s: %d zeropoint%s dated later than now, and left out until then; see --testdb', series, count,
                ' is' if count == 1 else 's are', extra={'telescope': str(series.telescope), 'filter': series.filter})
    return Zeropoints(**{name: values[~later] for name, values in vars(z).items()}), count


def _groups(z: Zeropoints) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of camera, native filter and kind of row, sorted, and the code of each row (n,)."""
    (cameras, camera), (filters, name) = (np.unique(each, return_inverse=True) for each in (z.camera, z.filter))
    codes, group = np.unique((camera * len(filters) + name) * 2 + np.isfinite(z.zpcolor), return_inverse=True)
    names = np.array([f'{cameras[code // 2 // len(filters)]} {filters[code // 2 % len(filters)]}'
                      f'{"" if code % 2 else OLDER}' for code in codes.tolist()])
    order = np.argsort(names)
    return tuple(names[order].tolist()), np.argsort(order)[group]


def _by_value(values: np.ndarray, function: Callable[[str], float]) -> np.ndarray:
    """function(value) of every value of an array, called once per different value."""
    different, inverse = np.unique(values, return_inverse=True)
    return np.array([function(str(value)) for value in different])[inverse]


GainRepair = tuple[str, date | None, date | None, Sequence[float]]  # camera, from, until, (a, b)


def correct_gain(zp: np.ndarray, camera: np.ndarray, time: np.ndarray, repairs: Iterable[GainRepair]) -> np.ndarray:
    """Zeropoints of cameras whose header gain was wrong, corrected by -2.5 log10(a / b): (n,) mag.

    camera (n,) str; time (n,) datetime64; repairs : tuples (camera, from, until, (a, b)), with dates or None for no
    limit; `until` is the first date without the repair.
    """
    zp = np.array(zp, float)
    for name, first, until, (a, b) in repairs:
        rows = np.asarray(camera) == name
        if first is not None:
            rows = rows & (time >= instant_of(first))
        if until is not None:
            rows = rows & (time < instant_of(until))
        zp[rows] -= mag_of_ratio(a / b)
    return zp


def at_unit_airmass(zp: np.ndarray, airmass: np.ndarray, extinction: np.ndarray | float) -> np.ndarray:
    """zp + k (X - 1): (n,) mag; extinction k in mag per airmass."""
    return zp + extinction * (np.asarray(airmass) - 1)
