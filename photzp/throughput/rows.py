"""The rows of one telescope and filter as the report takes them: repaired, at the colour term of their camera and at
airmass 1; and the same for other tools."""

import logging
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
import sqlalchemy as sa

from photdbinterface import PhotDatabase
from photzp.database.tables import LcoPhot, RowDigest, TelescopeKey, Zeropoints
from photzp.observatory import Observatory
from photzp.pages.page import CameraSpan
from photzp.report.export import Column
from photzp.throughput.colourterm import CameraColourTerm, with_camera_colourterm
from photzp.throughput.model import at_unit_airmass, correct_gain, last_start, local_noon, possible, usable_rows

log = logging.getLogger('photzp.report')

Events = tuple[tuple[date, str, str], ...]  # date, kind, note

NEW_COLOUR = ('instrument', 'recoating', 'break')  # events after which a colour term may be another one
OLDER = ' (older rows)'  # of the database: their zp holds at g-i = 0
CAMERA_GAP = np.timedelta64(60, 'D')  # without frames, before a camera counts as taken off
# The columns that the report is made from, and what decides which row of an exposure counts.
COLUMNS = ('name', 'frame', 'processed', 'dateobs', 'camera', 'filter', 'airmass', 'zp', 'colorterm', 'zpsig', 'zperr',
           'colortermerr', 'zpcolor', 'zpcolortermcov', 'colortermheld', 'meancolor')


@dataclass(frozen=True)
class Series:
    """One telescope in one filter as reported.

    native : names of the filters that are reported as this one.  extinction_offset [mag/airmass] : what the extinction
    that brings the rows to airmass 1 is above the adopted one.
    """

    telescope: TelescopeKey
    filter: str
    native: tuple[str, ...]
    extinction_offset: float = 0.0

    @property
    def key(self) -> str:
        """The telescope as site-enclosure-telescope."""
        return '-'.join(self.telescope)

    @property
    def wanted(self) -> dict[str, str | tuple[str, ...]]:
        """What the rows of it hold: column = value or values."""
        return {**dict(zip(('site', 'dome', 'telescope'), self.telescope, strict=True)), 'filter': self.native}

    def __str__(self) -> str:
        return f'{self.key} {self.filter}'


@dataclass(frozen=True)
class Rows:
    """One telescope in one filter as reported: the rows of the database, made comparable; arrays of shape (n,).

    zeropoints : photdbinterface.Zeropoints.  zp_repaired [mag] : gain repaired.  zp_cameracolour, zperr [mag] : and
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


def read_rows(database: PhotDatabase, series: Series, observatory: Observatory, start: np.datetime64 | None = None,
              end: np.datetime64 | None = None, *, cameracolorterm: bool = True, now: np.datetime64 | None = None,
              told: RowDigest | None = None) -> Rows | None:
    """The rows of one telescope and filter as `Rows`; None where there are none in the dates.

    cameracolorterm : give each zeropoint the colour term of its camera, see `throughput.colourterm`.
    now : rows of a later time are left out, and the log says how many.
    told : counts the rows of the database in, also those of a later time; then only its columns are read.
    """
    site, dome, telid = series.telescope
    z = database.zeropoints(site=site, dome=dome, telescope=telid, filter=series.native, start=start, end=end,
                            told=told)
    z, later = (z, 0) if now is None else _until(z, now, series)
    if not len(z):
        return None
    repairs = [(r.camera, r.from_, r.until, r.ratio) for r in observatory.gain_repairs]
    zp_repaired = correct_gain(z.zp, z.camera, z.dateobs, repairs)
    extinction = _by_value(z.filter, observatory.extinction) + series.extinction_offset
    group_names, group = _groups(z)
    events = events_of(observatory, series.key)
    timed = [(local_noon(date, longitude_deg(observatory, series.telescope)), kind) for date, kind, _ in events]
    opened = last_start(event for event in timed if now is None or event[0] <= now)
    usable = usable_rows(z.zp, z.airmass, z.zpsig, telid) & (z.dateobs >= opened)
    newest = int(np.flatnonzero(usable)[-1]) if usable.any() else -1
    day = z.dateobs[newest].astype('datetime64[D]').item()
    reference_mag = observatory.reference_mag(telid[:3], series.filter, str(z.camera[newest]), day) if day else None
    zp_cameracolour, zperr = zp_repaired, z.zperr
    colourterms: tuple[CameraColourTerm, ...] = ()
    if cameracolorterm:
        changes = np.array([date for date, kind, _ in events if kind in NEW_COLOUR], 'datetime64[ms]')
        zp_cameracolour, zperr, colourterms = with_camera_colourterm(
            zp_repaired, z.zperr, z.colorterm, z.colortermerr, z.zpcolortermcov, z.meancolor - z.zpcolor,
            z.colortermheld, z.dateobs, group, changes)
    return Rows(series.key, series.filter, z, zp_repaired, zp_cameracolour, zperr, colourterms,
                at_unit_airmass(zp_cameracolour, z.airmass, extinction), extinction, usable, group,
                group_names, events, reference_mag, series.extinction_offset, opened, later)


def _until(z: Zeropoints, now: np.datetime64, series: Series) -> tuple[Zeropoints, int]:
    """Those that are not later than now, or without a date, and the number of the others, which the log gets, too."""
    later = z.dateobs > now
    if not (count := int(np.count_nonzero(later))):
        return z, 0
    log.warning('%s: %d zeropoint%s dated later than now, and left out until then; see --testdb', series, count,
                ' is' if count == 1 else 's are', extra={'telescope': series.key, 'filter': series.filter})
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


def camera_spans(telescope: str, dateobs: np.ndarray, camera: np.ndarray) -> tuple[CameraSpan, ...]:
    """When each camera was in use, from frames of one telescope: dateobs (n,) datetime64, camera (n,) str."""
    spans = []
    for name in np.unique(camera):
        time = np.sort(dateobs[(camera == name) & ~np.isnat(dateobs)]).astype('datetime64[D]')
        parts = np.split(time, np.flatnonzero(np.diff(time) > CAMERA_GAP) + 1) if len(time) else []
        spans += [CameraSpan(telescope, str(name), str(part[0]), str(part[-1]), len(part)) for part in parts]
    return tuple(spans)


def joined_spans(spans: Iterable[CameraSpan]) -> tuple[CameraSpan, ...]:
    """Spans of several filters as those of all frames together, in order of telescope, camera and time."""
    joined: list[CameraSpan] = []
    for span in sorted(spans, key=lambda each: (each.telescope, each.camera, each.first)):
        before = joined[-1] if joined and (joined[-1].telescope, joined[-1].camera) == (span.telescope,
                                                                                        span.camera) else None
        if before and np.datetime64(span.first) - np.datetime64(before.last) <= CAMERA_GAP:
            joined[-1] = replace(before, last=max(before.last, span.last), frames=before.frames + span.frames)
        else:
            joined.append(span)
    return tuple(joined)


def moment(date: str | None) -> np.datetime64 | None:
    """YYYYMMDD as datetime64[ms]; None stays None."""
    return None if date is None else np.datetime64(f'{date[:4]}-{date[4:6]}-{date[6:]}', 'ms')


def events_of(observatory: Observatory, key: str) -> Events:
    """Events of a telescope by its key, site-enclosure-telescope."""
    return tuple((event.date, event.kind, event.note) for event in observatory.events if event.telescope == key)


def longitude_deg(observatory: Observatory, telescope: TelescopeKey) -> float:
    """Longitude of a telescope's site, 0 where the site is not known."""
    site = observatory.sites.get(telescope[0])
    return site.longitude_deg if site else 0.0


MADE_HERE = (  # of a zeropoint by the report, beside the columns of the database
    Column('zp_repaired', 'mag', 'zp with the gain repairs of observatory.toml'),
    Column('zp_cameracolor', 'mag', 'zp_repaired with the colour term of the camera'),
    Column('zperr_cameracolor', 'mag', 'error of zp_cameracolor'))
_KINDS = {'dateobs': np.datetime64, 'processed': np.datetime64, 'colortermheld': bool, 'refcomplete': bool}


def exported_columns() -> tuple[Column, ...]:
    """Columns of exported zeropoints: those of `lcophot` as measured, and MADE_HERE."""
    columns = LcoPhot.__table__.columns
    stored = [columns[field.name] for field in fields(Zeropoints)]
    return (*(Column(each.name, each.info['unit'], each.doc or '',
                     _KINDS.get(each.name, str if isinstance(each.type, sa.Text) else float)) for each in stored),
            *MADE_HERE)


def exported_zeropoints(database: PhotDatabase, every: Iterable[Series], options: Namespace,
                        observatory: Observatory) -> Iterator[dict[str, np.ndarray]]:
    """Zeropoints of some series, within the dates that the options select: a dict of columns for each."""
    start, end = (moment(date) for date in (options.start, options.end))
    for series in every:
        rows = read_rows(database, series, observatory, start, end, cameracolorterm=options.cameracolorterm)
        if rows is not None:
            made = (rows.zp_repaired, rows.zp_cameracolour, rows.zperr)
            yield {**{field.name: getattr(rows.zeropoints, field.name) for field in fields(Zeropoints)},
                   **{column.name: np.round(each, 6) for column, each in zip(MADE_HERE, made, strict=True)}}
