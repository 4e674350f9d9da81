"""The long-term report: rows of the database to models, models to plots, tables and the page.

Everything is wired here and computed elsewhere: `throughputmodel` fits, `trendplots` draws, `webpage` renders,
`reportstore` writes.
"""

import csv
import hashlib
import io
import logging
import struct
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime
from functools import partial
from typing import TextIO

import numpy as np
from matplotlib.figure import Figure

import trendplots
import webpage
from colourterm import CameraColourTerm, with_camera_colourterm
from names import STATE_FILE, overview_plot_name, safe_part, trend_plot_name
from observatory import Observatory
from photdbinterface import PhotDatabase
from photdbtables import StoredModel, TelescopeKey, Zeropoints
from plaintext import csv_cell
from rejections import DatabaseUnusable, UsageInvalid
from reportstate import Output, OverviewMade, ReportState, SeriesMade, code_digest, digest
from reportstore import BucketStore, DirectoryStore
from status import RECENT_DAYS, SeriesStatus, counted_anew, finding, series_status
from throughputmodel import (
    ThroughputFit,
    at_unit_airmass,
    correct_gain,
    fit_throughput,
    local_noon,
    percent_of_reference,
    usable_rows,
)

log = logging.getLogger('photzp.report')

NEW_COLOUR = ('instrument', 'recoating', 'break')  # events after which a colour term may be another one
OLDER = ' (older rows)'  # of the database: their zp holds at g-i = 0
# The columns that the report is made from, and what decides which row of an exposure counts.
COLUMNS = ('name', 'frame', 'processed', 'dateobs', 'camera', 'filter', 'airmass', 'zp', 'colorterm', 'zpsig', 'zperr',
           'colortermerr', 'zpcolor', 'zpcolortermcov', 'colortermheld', 'meancolor')
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
    events = _events_of(observatory, key)
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
        self.whole = self.start is None and self.end is None  # a part of the data must not pass for all
        self.code = code_digest(version)
        self.state = _earlier_state(store.get(STATE_FILE)) if self.whole else ReportState()
        self.counts = Counter[str]()
        self.outputs: dict[str, Output] = {}
        self.statuses: list[SeriesStatus] = []
        self.models: dict[tuple[str, str], list[tuple]] = defaultdict(list)
        self.colorterms: dict[str, list[trendplots.ColortermLine]] = defaultdict(list)

    def one_telescope(self, telescope: TelescopeKey) -> None:
        """Fit, store, draw and tabulate one telescope in all filters, where something of it changed."""
        for filter_name, native in self.filters.items():
            fingerprint = self._fingerprint(telescope, filter_name, native)  # before the rows: newer ones differ later
            kept = self._kept(telescope, filter_name, fingerprint)
            if kept is not None:
                self._take_as_made(telescope, *kept)
            else:
                rows = read_rows(self.database, telescope, filter_name, native, self.observatory, self.start, self.end,
                                 cameracolorterm=self.options.cameracolorterm)
                if rows is None:
                    continue
                self._one_series(telescope, rows, fingerprint)
            self.counts['series'] += 1
            self.counts['zeropoints'] += self.statuses[-1].rows

    # -- what did not change -------------------------------------------------------------------------------------------

    def _fingerprint(self, telescope: TelescopeKey, filter_name: str, native: Sequence[str]) -> str | None:
        """Of all that a series is made from; None where there are no rows, or only a part of them is looked at."""
        if not self.whole:
            return None
        site, dome, telid = telescope
        rows = {name: self.database.digest(COLUMNS, site=site, dome=dome, telescope=telid, filter=name)
                for name in native}
        if not any(rows.values()):
            return None
        observatory, longitude_deg = self.observatory, self._longitude_deg(telescope)
        events = _events_of(observatory, '-'.join(telescope))
        past = sum(local_noon(date, longitude_deg) <= self.now for date, *_ in events)
        references = [entry for entry in observatory.reference_throughput
                      if (entry.class_, entry.filter) == (telid[:3], filter_name)]
        return digest(self.code, self._month(), rows, [observatory.extinction(name) for name in native], longitude_deg,
                      events, past, references, observatory.gain_repairs, sorted(observatory.camera_types),
                      self.options.cameracolorterm)

    def _kept(self, telescope: TelescopeKey, filter_name: str,
              fingerprint: str | None) -> tuple[SeriesMade, StoredModel] | None:
        """What an earlier run made of a series, where it would come out the same and is all there still."""
        key = '-'.join(telescope)
        made = self.state.series.get(f'{key} {filter_name}')
        if made is None or made.fingerprint != fingerprint or not self._is_past(made.status):
            return None
        names = self._names(key, filter_name)
        if not all(name in made.outputs and self.store.holds(name, made.outputs[name].sha256) for name in names):
            return None
        stored = self.database.model(key, filter_name)
        same = made.model == _model_digest(stored.dateobs, stored.modelzp, stored.modelzperr)
        return (made, stored) if same else None

    def _names(self, key: str, filter_name: str) -> list[str]:
        """Names of the files that the options want of a series."""
        kinds = ['mirrormodel']
        if self.options.pertelescopeplots:
            kinds += ['photzptrend', 'airmasstrend', 'colortermtrend']
        if self.options.errorhistogram:
            kinds += ['errorhist']
        return [trend_plot_name(kind, key, filter_name) for kind in kinds]

    def _is_past(self, status: SeriesStatus) -> bool:
        """Whether no row is later than now: such rows are left out of a fit until their time has come."""
        last = status.last_observation  # cut to the second
        return last is None or bool(np.datetime64(last, 'ms') + np.timedelta64(1, 's') <= self.now)

    def _take_as_made(self, telescope: TelescopeKey, made: SeriesMade, stored: StoredModel) -> None:
        """Show a series as an earlier run made it, its days counted to now."""
        key, filter_name = made.status.telescope, made.status.filter
        log.info('%s %s: unchanged since %s', key, filter_name, made.status.made)
        for warning in made.warnings:
            log.warning('%s', warning)
        events = [event[:2] for event in _events_of(self.observatory, key)]
        status = counted_anew(made.status, made.night, made.photometric, events, self.now)
        self.statuses.append(status)
        names = self._names(key, filter_name)
        self.outputs |= {name: made.outputs[name] for name in names}
        self.counts['kept'] += 1
        self.counts['unchanged'] += len(names)
        self.models[_size_class(telescope), filter_name].append(
            (key, stored.dateobs, stored.modelzp, status.reference_mag))
        self.colorterms[filter_name] += [trendplots.ColortermLine(*line) for line in made.colorterms]

    def _month(self) -> str:
        """Up to whose end time is drawn."""
        return str(self.until.astype('datetime64[M]'))

    def _longitude_deg(self, telescope: TelescopeKey) -> float:
        site = self.observatory.sites.get(telescope[0])
        return site.longitude_deg if site else 0.0

    # -- what changed --------------------------------------------------------------------------------------------------

    def _one_series(self, telescope: TelescopeKey, rows: Rows, fingerprint: str | None) -> None:
        z, events = rows.zeropoints, [event[:2] for event in rows.events]
        fit = fit_throughput(
            z.dateobs, np.where(rows.usable, rows.zp_unit, np.nan), rows.zperr, airmass=z.airmass, events=events,
            longitude_deg=self._longitude_deg(telescope), group=rows.group, other_scale=rows.old_groups, now=self.now)
        warnings = self._log(rows, fit)
        status = series_status(
            rows.telescope, rows.filter, list(dict.fromkeys(z.camera.tolist())), fit, rows=len(z),
            last_observation=max(z.dateobs[~np.isnat(z.dateobs)], default=None),
            reference_mag=rows.reference_mag, events=events, now=self.now)
        self.statuses.append(status)
        if self.whole:
            store_model(self.database, rows, fit)
        self._put(trend_plot_name('mirrormodel', rows.telescope, rows.filter), model_csv(rows, fit).encode())
        good = rows.usable & np.isfinite(z.colorterm) & ~z.colortermheld
        self.models[_size_class(telescope), rows.filter].append(
            (rows.telescope, fit.time, fit.model_mag, rows.reference_mag))
        lines = trendplots.colorterm_lines(rows.telescope, z.dateobs[good], z.colorterm[good], z.camera[good],
                                           self.until)
        self.colorterms[rows.filter] += lines
        if self.options.pertelescopeplots:
            self._telescope_plots(rows, fit, finding(status))
        if self.options.errorhistogram:
            self._put_plot('errorhist', rows, trendplots.error_histogram(
                _title(rows), z.zperr, z.zpsig), 'histogram of the errors and the scatter of single frames')
        if fingerprint is not None and self._is_past(status):
            recent = slice(-RECENT_DAYS - 2, None)
            self.state.series[f'{rows.telescope} {rows.filter}'] = SeriesMade(
                fingerprint, _model_digest(fit.time, fit.model_mag, fit.model_error_mag), status,
                tuple(zip(np.datetime_as_string(fit.night[recent]).tolist(), fit.photometric[recent].tolist(),
                          strict=True)),
                tuple(astuple(line) for line in lines), tuple(warnings),
                {name: self.outputs[name] for name in self._names(rows.telescope, rows.filter)})

    def _log(self, rows: Rows, fit: ThroughputFit) -> list[str]:
        """Say what was found; returns what was said as a warning."""
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
        warnings = []
        if np.isnat(z.dateobs).any():
            warnings.append(f'{rows.telescope} {rows.filter}: {np.count_nonzero(np.isnat(z.dateobs))} zeropoints have '
                            'no readable date; see --testdb')
        if rows.has_old_rows:
            warnings += _log_old_rows(rows, fit)
        for warning in warnings:
            log.warning('%s', warning)
        return warnings

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
        self._put(name, content, width, height, alt)

    def _put(self, name: str, content: bytes, width: int | None = None, height: int | None = None,
             alt: str = '') -> None:
        self.store.put(name, content)
        self.outputs[name] = Output(hashlib.sha256(content).hexdigest(), width, height, alt)

    def _put_overview(self, name: str, alt: str, shown: object, draw: Callable[[], Figure]) -> None:
        """Put an overview plot, drawn only where what it shows is not what it showed before."""
        fingerprint = digest(self.code, self._month(), alt, shown)
        made = self.state.overviews.get(name)
        if made and made.fingerprint == fingerprint and self.store.holds(name, made.output.sha256):
            self.outputs[name] = made.output
            self.counts['unchanged'] += 1
        else:
            self._put_png(name, draw(), alt)
        self.state.overviews[name] = OverviewMade(fingerprint, self.outputs[name])

    def finish(self) -> None:
        """Overview plots, then, when all that it shows is in place, the state and the page."""
        if self.options.createsummaryplots:
            self._overview_plots()
        self.store.flush()
        if self.whole:
            self.store.put(STATE_FILE, self.state.text().encode())
        if self.options.renderhtml:
            plots = {name: webpage.Plot(each.width, each.height, each.alt) for name, each in self.outputs.items()
                     if each.width is not None and each.height is not None}
            page = webpage.Page(updated=str(self.now.astype('datetime64[s]')), statuses=tuple(self.statuses),
                                plots=plots, runs=tuple(self._runs()), version=self.version,
                                files=tuple(name for name in self.outputs if name not in plots))
            page = webpage.merge(_earlier_page(self.store.get('status.json')), page)
            page = webpage.only_present(page, self.store.names())
            self.store.put('status.json', webpage.render_status(page).encode())
            self.store.put('index.html', webpage.render_index(page).encode())
            self.store.flush()

    def _overview_plots(self) -> None:
        for (kind, filter_name), models in self._all_models().items():
            self._put_overview(
                overview_plot_name(f'allmodels_{kind}', filter_name),
                f'throughput models of the {SIZE_CLASSES[kind]} in {filter_name}',
                [(name, _model_digest(time, model), reference) for name, time, model, reference in models],
                partial(trendplots.all_models_plot, f'{SIZE_CLASSES[kind]}   {filter_name}', models, self.until))
        if self.options.site is None and self.options.telescope is None:  # else the plot of all is better left as it is
            for filter_name, lines in self.colorterms.items():
                self._put_overview(overview_plot_name('colorterms', filter_name),
                                   f'colour terms of all telescopes in {filter_name}', lines,
                                   partial(trendplots.all_colorterms_plot, f'colour terms   {filter_name}', lines))

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


def _earlier_state(content: bytes | None) -> ReportState:
    """What an earlier run remembered; nothing where that cannot be read."""
    if content is None:
        return ReportState()
    try:
        return ReportState.read(content.decode())
    except ValueError as error:
        log.warning('%s of an earlier run cannot be read (%s): everything is made anew', STATE_FILE, error)
        return ReportState()


def _events_of(observatory: Observatory, key: str) -> tuple[tuple[date, str, str], ...]:
    """(date, kind, note) of a telescope."""
    return tuple((event.date, event.kind, event.note) for event in observatory.events if event.telescope == key)


def _model_digest(time: np.ndarray, *mag: np.ndarray) -> str:
    """Digest of a model, the same before and after the database."""
    return digest(time.astype('datetime64[ms]'), *(np.where(np.isfinite(each), each, np.nan) for each in mag))


def _title(rows: Rows) -> str:
    return f'{rows.telescope}   {rows.filter}'


def _size_class(telescope: TelescopeKey) -> str:
    """Key of SIZE_CLASSES: a telescope class is a diameter with m for the point, as 0m4 or 1m0."""
    diameter = telescope[2][:3].replace('m', '.')
    return '0m4' if diameter < '1' else '2m01m0'


def _log_old_rows(rows: Rows, fit: ThroughputFit) -> list[str]:
    """Say by how much older rows were moved to the scale of the new ones; returns warnings where nothing ties them."""
    apart = []
    for offset in (offset for offset in fit.offsets if offset.group in rows.old_groups and offset.rows):
        name = rows.group_names[offset.group]
        if offset.reference in rows.old_groups:
            apart.append(name)
        else:
            log.info('%s %s: %s tied to %s by %+.4f +- %.4f mag', rows.telescope, rows.filter, name,
                     rows.group_names[offset.reference], offset.offset_mag, offset.error_mag)
    if not apart:
        return []
    return [f'{rows.telescope} {rows.filter}: nothing ties {" and ".join(apart)}, whose zp is at g-i = 0, to the new '
            'rows: a step between them is no change of throughput; measure some nights of the old time again '
            '(docs/operations.md)']


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


def _cells(values: np.ndarray) -> list:
    """A column as cells of CSV."""
    if values.dtype.kind == 'M':
        return np.datetime_as_string(values).tolist()
    return [csv_cell(value) if isinstance(value, str) else value for value in values.tolist()]


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
            values = [_cells(getattr(rows.zeropoints, name)) for name in columns]
            more = [np.round(each, 6).tolist() for each in (rows.zp_repaired, rows.zp_cameracolour, rows.zperr)]
            writer.writerows(zip(*values, *more, strict=True))
            total += len(rows.zeropoints)
    return total
