"""The long-term report: rows of the database to models, models to plots, tables and the page.

Everything is wired here and computed elsewhere: `throughputmodel` fits, `trendplots` draws, `webpage` renders,
`reportstore` writes.
"""

import csv
import io
import logging
import struct
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TextIO

import numpy as np
from matplotlib.figure import Figure

import trendplots
import webpage
from colourterm import CameraColourTerm, with_camera_colourterm
from names import overview_plot_name, safe_part, trend_plot_name
from observatory import Observatory
from photdbinterface import PhotDatabase
from photdbtables import StoredModel, TelescopeKey, Zeropoints
from rejections import DatabaseUnusable, UsageInvalid
from reportstore import BucketStore, DirectoryStore
from status import SeriesStatus, finding, series_status
from throughputmodel import (
    ThroughputFit,
    at_unit_airmass,
    correct_gain,
    fit_throughput,
    percent_of_reference,
    usable_rows,
)

log = logging.getLogger('photzp.report')

NEW_COLOUR = ('instrument', 'recoating', 'break')  # events after which a colour term may be another one
OLDER = ' (older rows)'  # of the database: their zp holds at g-i = 0
SIZE_CLASSES = {'2m01m0': '2m and 1m telescopes', '0m4': '0.4m telescopes'}  # that share an overview plot


@dataclass(frozen=True)
class Rows:
    """One telescope in one filter as reported: the rows of the database, made comparable; arrays of shape (n,).

    zeropoints : photdbinterface.Zeropoints.  zp_repaired [mag] : gain repaired.  zp_cameracolour, zperr [mag] : and
        with the colour term of the camera.  zp_unit [mag] : and at airmass 1.
    colourterms : tuple of colourterm.CameraColourTerm, empty where none was applied; their groups are codes of `group`.
    extinction [mag/airmass] : adopted, by native filter.  usable : rows that the model may rest on.
    events : (date, kind, note) of the telescope.  reference_mag : of a clean telescope, None where not known.
    group : code of camera, native filter and kind of row (older rows hold zp at g-i = 0).  group_names : of the codes.
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
    events: tuple[tuple[date, str, str], ...]
    reference_mag: float | None

    @property
    def old_groups(self) -> frozenset[int]:
        """Codes of the groups of older rows."""
        return frozenset(code for code, name in enumerate(self.group_names) if name.endswith(OLDER))

    @property
    def has_old_rows(self) -> bool:
        """Whether rows of the pivot colour and rows without one are mixed."""
        return 0 < len(self.old_groups) < len(self.group_names)


def selection(database: PhotDatabase, options: Namespace,
              observatory: Observatory) -> tuple[list[TelescopeKey], dict[str, list[str]]]:
    """Telescopes (site, dome, telescope) and filters {reported: [native]} that the options select.

    Raises UsageInvalid for what the database does not have, naming what it has.
    """
    telescopes, native = database.telescopes(), database.filters()
    if not telescopes or not native:
        raise DatabaseUnusable(f'{database.place}: holds no zeropoints yet; run photcalibration.py first')
    chosen = [t for t in telescopes if options.site in (None, t[0]) and options.telescope in (None, f'{t[1]}-{t[2]}')]
    if not chosen:
        wanted = '-'.join(part for part in (options.site, options.telescope) if part)
        raise UsageInvalid(f'{wanted}: no such telescope; the database has '
                           + ', '.join('-'.join(telescope) for telescope in telescopes))
    filters = defaultdict(list)
    for name in native:
        filters[observatory.reported_as(name)].append(name)
    if options.filter is not None and options.filter not in filters:
        raise UsageInvalid(f'--filter {options.filter}: no zeropoints; the database has {", ".join(sorted(filters))}')
    order = {name: n for n, name in enumerate(observatory.filters)}
    kept = sorted((name for name in filters if options.filter in (None, name)), key=lambda f: (order.get(f, 99), f))
    return [t for t in chosen if _fit_for_names(t)], {name: filters[name] for name in kept if _fit_for_names([name])}


def _fit_for_names(parts: Iterable[str]) -> bool:
    """Whether all parts may become file names; what is not, is said once and left out."""
    try:
        return all(safe_part(part) for part in parts)
    except ValueError as error:
        log.warning('left out of the report: %s', error)
        return False


def read_rows(database: PhotDatabase, telescope: TelescopeKey, filter_name: str, native: Sequence[str],
              observatory: Observatory, start: np.datetime64 | None = None, end: np.datetime64 | None = None, *,
              cameracolorterm: bool = True) -> Rows | None:
    """The rows of one telescope and filter as `Rows`; None where there are none in the dates.

    cameracolorterm : give each zeropoint the colour term of its camera, see `colourterm`.
    """
    site, dome, telid = telescope
    z = database.zeropoints(site=site, dome=dome, telescope=telid, filter=native, start=start, end=end)
    if not len(z):
        return None
    repairs = [(r.camera, r.from_, r.until, r.ratio) for r in observatory.gain_repairs]
    zp_repaired = correct_gain(z.zp, z.camera, z.dateobs, repairs)
    extinction = _by_value(z.filter, observatory.extinction)
    labels = [f'{camera} {name}{"" if pivot else OLDER}' for camera, name, pivot in
              zip(z.camera, z.filter, np.isfinite(z.zpcolor), strict=True)]
    group_names, group = np.unique(labels, return_inverse=True)
    usable = usable_rows(z.zp, z.airmass, z.zpsig, telid) & ~np.isnat(z.dateobs)
    key = '-'.join(telescope)
    newest = int(np.flatnonzero(usable)[-1]) if usable.any() else -1
    day = z.dateobs[newest].astype('datetime64[D]').item()
    reference_mag = observatory.reference_mag(telid[:3], filter_name, str(z.camera[newest]), day) if day else None
    events = tuple((event.date, event.kind, event.note) for event in observatory.events if event.telescope == key)
    zp_cameracolour, zperr = zp_repaired, z.zperr
    colourterms: tuple[CameraColourTerm, ...] = ()
    if cameracolorterm:
        changes = np.array([date for date, kind, _ in events if kind in NEW_COLOUR], 'datetime64[ms]')
        zp_cameracolour, zperr, colourterms = with_camera_colourterm(
            zp_repaired, z.zperr, z.colorterm, z.colortermerr, z.zpcolortermcov, z.meancolor - z.zpcolor,
            z.colortermheld, z.dateobs, group, changes)
    return Rows(key, filter_name, z, zp_repaired, zp_cameracolour, zperr, colourterms,
                at_unit_airmass(zp_cameracolour, z.airmass, extinction), extinction, usable, group,
                tuple(group_names.tolist()), events, reference_mag)


def _by_value(values: np.ndarray, function: Callable[[str], float]) -> np.ndarray:
    """function(value) of every value of an array, called once per different value."""
    different, inverse = np.unique(values, return_inverse=True)
    return np.array([function(str(value)) for value in different])[inverse]


class Report:
    """One run of the report, telescope by telescope.

    store : reportstore.  now : naive UTC datetime.  options : of longtermphotzp.py.
    """

    def __init__(self, database: PhotDatabase, store: DirectoryStore | BucketStore, observatory: Observatory,
                 options: Namespace, now: datetime, version: str) -> None:
        self.database, self.store, self.observatory, self.options = database, store, observatory, options
        self.now: np.datetime64 = np.datetime64(now, 'ms')
        self.version = version
        self.start, self.end = _moment(options.start), _moment(options.end)
        self.until = self.now if self.end is None else min(self.now, self.end)
        self.telescopes, self.filters = selection(database, options, observatory)
        self.plots: dict[str, webpage.Plot] = {}
        self.files: list[str] = []
        self.statuses: list[SeriesStatus] = []
        self.models: dict[tuple[str, str], list[tuple]] = defaultdict(list)
        self.colorterms: dict[str, list[tuple]] = defaultdict(list)

    def one_telescope(self, telescope: TelescopeKey, counts: Counter) -> None:
        """Fit, store, draw and tabulate one telescope in all filters."""
        for filter_name, native in self.filters.items():
            rows = read_rows(self.database, telescope, filter_name, native, self.observatory, self.start, self.end,
                             cameracolorterm=self.options.cameracolorterm)
            if rows is not None:
                self._one_series(telescope, rows)
                counts['series'] += 1
                counts['zeropoints'] += len(rows.zeropoints)

    def _one_series(self, telescope: TelescopeKey, rows: Rows) -> None:
        z, events = rows.zeropoints, [event[:2] for event in rows.events]
        site = self.observatory.sites.get(telescope[0])
        fit = fit_throughput(
            z.dateobs, np.where(rows.usable, rows.zp_unit, np.nan), rows.zperr, airmass=z.airmass, events=events,
            longitude_deg=site.longitude_deg if site else 0.0, group=rows.group, other_scale=rows.old_groups,
            now=self.now)
        self._log(rows, fit)
        status = series_status(
            rows.telescope, rows.filter, list(dict.fromkeys(z.camera.tolist())), fit, rows=len(z),
            last_observation=max(z.dateobs[~np.isnat(z.dateobs)], default=None),
            reference_mag=rows.reference_mag, events=events, now=self.now)
        self.statuses.append(status)
        if self.start is None and self.end is None:  # a part of the data must not replace the model of all
            store_model(self.database, rows, fit)
        table = trend_plot_name('mirrormodel', rows.telescope, rows.filter)
        self.store.put(table, model_csv(rows, fit).encode())
        self.files.append(table)
        good = rows.usable & np.isfinite(z.colorterm) & ~z.colortermheld
        self.models[_size_class(telescope), rows.filter].append(
            (rows.telescope, fit.time, fit.model_mag, rows.reference_mag))
        self.colorterms[rows.filter].append((rows.telescope, z.dateobs[good], z.colorterm[good], z.camera[good]))
        if self.options.pertelescopeplots:
            self._telescope_plots(rows, fit, finding(status))
        if self.options.errorhistogram:
            self._put_plot('errorhist', rows, trendplots.error_histogram(
                _title(rows), z.zperr, z.zpsig), 'histogram of the errors and the scatter of single frames')

    def _log(self, rows: Rows, fit: ThroughputFit) -> None:
        z = rows.zeropoints
        log.info('%s %s: %d zeropoints, %d usable, %d nights', rows.telescope, rows.filter, len(z),
                 np.count_nonzero(rows.usable), len(fit.night))
        for found in rows.colourterms:
            log.debug('%s %s: %s from %s to %s: colour term %+.4f +- %.4f, %.4f between frames', rows.telescope,
                      rows.filter, rows.group_names[found.group], *np.array([found.start, found.end], 'datetime64[D]'),
                      found.colorterm, found.error, found.spread)
        if rows.colourterms:
            log.info('%s %s: %d zeropoints have the colour term of their camera', rows.telescope, rows.filter,
                     sum(found.changed for found in rows.colourterms))
        if np.isnat(z.dateobs).any():
            log.warning('%s %s: %d zeropoints have no readable date; see --testdb', rows.telescope, rows.filter,
                        np.count_nonzero(np.isnat(z.dateobs)))
        if rows.has_old_rows:
            _log_old_rows(rows, fit)

    def _telescope_plots(self, rows: Rows, fit: ThroughputFit, said: str) -> None:
        z = rows.zeropoints
        shown = ~np.isnat(z.dateobs) & np.isfinite(rows.zp_repaired)
        zp = np.where(np.isfinite(rows.zp_unit), rows.zp_unit, rows.zp_cameracolour) - _offsets(rows, fit)
        data = trendplots.TrendData(z.dateobs, zp, z.camera, rows.usable & shown)
        self._put_plot('photzptrend', rows, trendplots.trend_plot(
            _title(rows), data, fit, events=rows.events, reference_mag=rows.reference_mag, until=self.until), said)
        # The residual is what is left after the adopted extinction and what the fit added to it: both go back in.
        fitted_k = rows.extinction + (fit.extinction_offset_mag if np.isfinite(fit.extinction_offset_mag) else 0.0)
        adopted = float(np.median(rows.extinction))
        self._put_plot('airmasstrend', rows, trendplots.airmass_plot(
            _title(rows), z.airmass, fit.row_residual_mag - fitted_k * (z.airmass - 1), fit.row_clear_probability,
            adopted, adopted + fit.extinction_offset_mag, fit.extinction_offset_error_mag),
            f'zeropoint against airmass; adopted extinction {adopted:.2f} mag per airmass')
        terms = np.isfinite(z.colorterm) & ~np.isnat(z.dateobs)
        median = np.median(z.colorterm[terms]) if terms.any() else np.nan
        self._put_plot('colortermtrend', rows, trendplots.colorterm_plot(
            _title(rows), z.dateobs[terms], z.colorterm[terms], z.camera[terms], self.until),
            f'colour term against time, median {median:+.3f}')

    def _put_plot(self, kind: str, rows: Rows, figure: Figure, said: str) -> None:
        self._put_png(trend_plot_name(kind, rows.telescope, rows.filter), figure,
                      f'{rows.telescope} {rows.filter}: {said}')

    def _put_png(self, name: str, figure: Figure, alt: str) -> None:
        content = trendplots.png(figure)
        width, height = struct.unpack('>II', content[16:24])  # of the PNG's first chunk
        self.store.put(name, content)
        self.plots[name] = webpage.Plot(width, height, alt)

    def finish(self) -> None:
        """Overview plots, then, when all that it shows is in place, the page."""
        if self.options.createsummaryplots:
            self._overview_plots()
        self.store.flush()
        if self.options.renderhtml:
            page = webpage.Page(updated=str(self.now.astype('datetime64[s]')), statuses=tuple(self.statuses),
                                plots=self.plots, runs=tuple(self._runs()), version=self.version,
                                files=tuple(self.files))
            page = webpage.merge(_earlier_page(self.store.get('status.json')), page)
            page = webpage.only_present(page, self.store.names())
            self.store.put('status.json', webpage.render_status(page).encode())
            self.store.put('index.html', webpage.render_index(page).encode())
            self.store.flush()

    def _overview_plots(self) -> None:
        for (kind, filter_name), models in self._all_models().items():
            self._put_png(overview_plot_name(f'allmodels_{kind}', filter_name), trendplots.all_models_plot(
                f'{SIZE_CLASSES[kind]}   {filter_name}', models, self.until),
                f'throughput models of the {SIZE_CLASSES[kind]} in {filter_name}')
        if self.options.site is None and self.options.telescope is None:  # else the plot of all is better left as it is
            for filter_name, entries in self.colorterms.items():
                self._put_png(overview_plot_name('colorterms', filter_name), trendplots.all_colorterms_plot(
                    f'colour terms   {filter_name}', entries, self.until),
                    f'colour terms of all telescopes in {filter_name}')

    def _all_models(self) -> dict[tuple[str, str], list[tuple]]:
        """Models by class and filter: those of this run, and the stored ones of telescopes that it leaves out."""
        models = {key: list(entries) for key, entries in self.models.items()}
        done = {status.telescope for status in self.statuses}
        for telescope in self.database.telescopes():
            key = '-'.join(telescope)
            for filter_name in self.filters:
                stored = None if key in done else self.database.model(key, filter_name)
                if stored is not None and len(stored.dateobs):
                    reference_mag = self._stored_reference(telescope, filter_name, stored)
                    models.setdefault((_size_class(telescope), filter_name), []).append(
                        (key, stored.dateobs, stored.modelzp, reference_mag))
        return models

    def _stored_reference(self, telescope: TelescopeKey, filter_name: str, stored: StoredModel) -> float | None:
        """Reference of a telescope that this run leaves out, by its newest camera; None where none is known."""
        newest = stored.dateobs[-1].astype('datetime64[D]')
        z = self.database.zeropoints(site=telescope[0], dome=telescope[1], telescope=telescope[2], start=newest)
        return self.observatory.reference_mag(telescope[2][:3], filter_name, str(z.camera[-1]) if len(z) else '',
                                              newest.item())

    def _runs(self) -> Iterator[webpage.RunInfo]:
        """This run, and those of the calibration back to one that ended well, for the page to name."""
        updated = str(self.now.astype('datetime64[s]'))
        for run in self.database.runs(1, script='longtermphotzp.py'):
            yield webpage.RunInfo(run.script, run.started, updated, 0, f'{len(self.statuses)} telescopes and filters')
        for run in self.database.runs(20, script='photcalibration.py'):
            yield webpage.RunInfo(run.script, run.started, run.ended, run.status, _summary(run.counts))


def _moment(date: str | None) -> np.datetime64 | None:
    """YYYYMMDD as datetime64[ms]; None stays None."""
    return None if date is None else np.datetime64(f'{date[:4]}-{date[4:6]}-{date[6:]}', 'ms')


def _summary(counts: dict[str, int]) -> str:
    return ', '.join(f'{count} {name}' for name, count in counts.items() if count)


def _earlier_page(content: bytes | None) -> webpage.Page | None:
    """The page that an earlier run left; None where there is none, or one that cannot be read."""
    if content is None:
        return None
    try:
        return webpage.read_status(content.decode())
    except ValueError as error:
        log.warning('status.json of an earlier run cannot be read (%s): the page is made anew', error)
        return None


def _title(rows: Rows) -> str:
    return f'{rows.telescope}   {rows.filter}'


def _size_class(telescope: TelescopeKey) -> str:
    """Key of SIZE_CLASSES: a telescope class is a diameter with m for the point, as 0m4 or 1m0."""
    diameter = telescope[2][:3].replace('m', '.')
    return '0m4' if diameter < '1' else '2m01m0'


def _log_old_rows(rows: Rows, fit: ThroughputFit) -> None:
    """Say by how much older rows were moved to the scale of the new ones, and where nothing ties the two."""
    apart = []
    for offset in (offset for offset in fit.offsets if offset.group in rows.old_groups and offset.rows):
        name = rows.group_names[offset.group]
        if offset.reference in rows.old_groups:
            apart.append(name)
        else:
            log.info('%s %s: %s tied to %s by %+.4f +- %.4f mag', rows.telescope, rows.filter, name,
                     rows.group_names[offset.reference], offset.offset_mag, offset.error_mag)
    if apart:
        log.warning('%s %s: nothing ties %s, whose zp is at g-i = 0, to the new rows: a step between them is no change '
                    'of throughput; measure some nights of the old time again (docs/operations.md)', rows.telescope,
                    rows.filter, ' and '.join(apart))


def _offsets(rows: Rows, fit: ThroughputFit) -> np.ndarray:
    """Offset of each row's camera and native filter from the scale of the model [mag] (n,)."""
    offsets = np.zeros(len(rows.group_names))
    for offset in fit.offsets:
        offsets[offset.group] = offset.offset_mag
    return offsets[rows.group]


def store_model(database: PhotDatabase, rows: Rows, fit: ThroughputFit) -> None:
    """Put a fit into the database: nights, intervals and steps."""
    database.store_model(
        rows.telescope, rows.filter, fit.time, fit.model_mag, fit.model_error_mag,
        intervals=[{'starttime': i.start, 'endtime': i.end, 'openedby': i.opened_by, 'nights': i.nights,
                    'measurements': i.rows, 'startzp': i.start_mag, 'startzperr': i.start_error_mag,
                    'endzp': i.end_mag, 'endzperr': i.end_error_mag, 'slope': i.slope_mag_per_month,
                    'slopeerr': i.slope_error_mag_per_month} for i in fit.intervals],
        steps=[{'dateobs': s.time, 'kind': s.kind, 'step': s.size_mag, 'steperr': s.error_mag,
                'instrumental': s.instrumental} for s in fit.steps])


def model_csv(rows: Rows, fit: ThroughputFit) -> str:
    """The nightly model as CSV: night, time, zeropoint with error, percent of the reference, and what it rests on."""
    file = io.StringIO(newline='')
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow(('night', 'time_utc', 'modelzp_mag', 'modelzperr_mag', 'percent_of_reference', 'zeropoints',
                     'photometric'))
    for n in range(len(fit.night)):
        percent = ('' if rows.reference_mag is None else
                   f'{percent_of_reference(fit.model_mag[n], rows.reference_mag):.2f}')
        writer.writerow((fit.night[n], fit.time[n], f'{fit.model_mag[n]:.4f}', f'{fit.model_error_mag[n]:.4f}', percent,
                         fit.night_rows[n], int(fit.photometric[n])))
    return file.getvalue()


def write_zeropoints(file: TextIO, database: PhotDatabase, telescopes: Iterable[TelescopeKey],
                     native: dict[str, list[str]], options: Namespace, observatory: Observatory) -> int:
    """Write the zeropoints of telescopes and filters as CSV; returns how many rows.

    Columns are those of `lcophot` as measured, zp_repaired, with the gain repairs of observatory.toml, and
    zp_cameracolor with zperr_cameracolor, with the colour term of the camera besides.
    """
    writer = csv.writer(file, lineterminator='\n')
    columns, total = None, 0
    start, end = (_moment(date) for date in (options.start, options.end))
    for telescope in telescopes:
        for filter_name, natives in native.items():
            rows = read_rows(database, telescope, filter_name, natives, observatory, start, end,
                             cameracolorterm=options.cameracolorterm)
            if rows is None:
                continue
            if columns is None:
                columns = [field.name for field in fields(rows.zeropoints)]
                writer.writerow((*columns, 'zp_repaired', 'zp_cameracolor', 'zperr_cameracolor'))
            values = [getattr(rows.zeropoints, name).tolist() if name not in ('dateobs', 'processed') else
                      np.datetime_as_string(getattr(rows.zeropoints, name)).tolist() for name in columns]
            more = [np.round(each, 6).tolist() for each in (rows.zp_repaired, rows.zp_cameracolour, rows.zperr)]
            writer.writerows(zip(*values, *more, strict=True))
            total += len(rows.zeropoints)
    return total
