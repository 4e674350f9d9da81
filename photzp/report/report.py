"""The long-term report: what an earlier run made and did not change since, what is made now, and the page of both.

Everything is wired here and done elsewhere: `report.series` makes what there is of one telescope and filter, in this
process or in several (`running.processes`), `pages.render` renders, `store` writes.  Only this process writes.
"""

import hashlib
import logging
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from photzp.answers.alarms import Recent
from photzp.answers.cameras import joined_spans
from photzp.answers.extinction import FrameSums, by_site
from photzp.answers.gather import Answers, answer
from photzp.answers.ranking import MirrorState
from photzp.answers.status import SeriesStatus, counted_anew, judged_anew, trend_of
from photzp.answers.steps import UnrecordedStep
from photzp.errors import DONE, DatabaseUnusable, UsageInvalid
from photzp.figures.fontcache import release_font_list
from photzp.names import (
    FITS_FILE,
    STATE_FILE,
    SeriesKey,
    TelescopeKey,
    class_of,
    overview_plot_name,
    safe_part,
    site_plot_name,
    size_class_of,
    telescope_plot_name,
    trend_plot_name,
)
from photzp.observatory import Observatory
from photzp.pages import page as webpage
from photzp.pages import render
from photzp.plaintext import did_you_mean
from photzp.records import CameraSpan, Database, StoredModel
from photzp.report.fitarchive import pack, unpack
from photzp.report.jobs import (
    Drawing,
    Failure,
    File,
    StepSearch,
    calendar_figure,
    colorterms_figure,
    models_figure,
    telescope_figure,
)
from photzp.report.settings import ReportSettings
from photzp.report.state import Output, OverviewMade, ReportState, SeriesMade, StepsMade, digest, program_digest
from photzp.running.processes import can_start, in_processes
from photzp.store.base import ReportStore
from photzp.throughput.model import ThroughputFit
from photzp.throughput.rows import COLUMNS, Series
from photzp.times import day_of, instant_of, local_noon, moment

if TYPE_CHECKING:  # drawing is imported where there is something to draw: mostly there is not much
    from matplotlib.figure import Figure

    from photzp.report.series import Made

Job = Series | StepSearch | Drawing
log = logging.getLogger('photzp.report')

# Roughly what a job takes [s]: processes are worth starting for more than START_S.
JOB_S = {Series: 0.5, StepSearch: 0.15, Drawing: 0.1}
START_S = 1.2
EXTINCTION_ERROR_MAX = 0.01  # mag/airmass: a fitted one is used where it is better than that, 10 mmag at airmass 2


@dataclass(frozen=True)
class Shown:
    """What the report shows of a series, whenever it was made.

    colorterms : fields of ColortermLine by camera.  outputs : {file name: Output}.
    recent : what changed lately.  frames : sums of them.  cameras : when each was in use.
    """

    status: SeriesStatus
    model: StoredModel
    colorterms: tuple[tuple, ...]
    outputs: dict[str, Output]
    recent: Recent
    frames: FrameSums
    cameras: tuple[CameraSpan, ...]


def selection(database: Database, options: ReportSettings,
              observatory: Observatory) -> list[Series]:
    """The series that the options select, by telescope; some may have no rows.

    Raises UsageInvalid for what the database does not have, naming what it has.
    """
    telescopes, native = list(dict.fromkeys(database.telescopes())), database.filters()  # a damaged index repeats some
    if not telescopes or not native:
        raise DatabaseUnusable(f'{database.place}: holds no zeropoints yet; run photcalibration.py first')
    chosen = [t for t in telescopes if options.site in (None, t[0]) and options.telescope in (None, f'{t[1]}-{t[2]}')]
    if not chosen:
        raise UsageInvalid(_no_such_telescope(telescopes, options))
    filters = defaultdict(list)
    for name in native:
        filters[observatory.reported_as(name)].append(name)
    if options.filter is not None and options.filter not in filters:
        raise UsageInvalid(f'--filter {options.filter}: no zeropoints{did_you_mean(options.filter, filters)}; the '
                           f'database has {", ".join(sorted(filters))}')
    # As in the file, not by wavelength: it is the order of the rows of --export, which other programs read.
    order = {name: n for n, name in enumerate(observatory.filters)}
    kept = sorted((name for name in filters if options.filter in (None, name)), key=lambda f: (order.get(f, 99), f))
    named = {name: tuple(filters[name]) for name in kept if _fit_for_names([name])}
    return [Series(telescope, name, named[name]) for telescope in chosen if _fit_for_names(telescope) for name in named]


def _no_such_telescope(telescopes: Iterable[TelescopeKey], options: ReportSettings) -> str:
    """What of the options the database does not have, what is most like it, and what it has."""
    known = {site: [f'{dome}-{telid}' for _, dome, telid in every]
             for site, every in groupby(sorted(telescopes), key=lambda key: key[0])}
    if options.site is not None and options.site not in known:
        option, wanted, names = '--site', options.site, list(known)
    else:
        assert options.telescope is not None, 'of a telescope or a site that there is not'
        option, wanted = '--telescope', options.telescope
        names = sorted({name for site, every in known.items() if options.site in (None, site) for name in every})
    there = f' at {options.site}' if option == '--telescope' and options.site else ''
    return (f'{option} {wanted}: no such {option[2:]}{there}{did_you_mean(wanted, names)}; the database has '
            + ', '.join(names))


def _fit_for_names(parts: Iterable[str]) -> bool:
    """Whether all parts may become file names; what is not, is said once and left out."""
    try:
        return all(safe_part(part) for part in parts)
    except ValueError as error:
        log.warning('left out of the report: %s', error)
        return False


class Report:
    """One run of the report, series by series.

    open_database : opens the same database for reading, in another process.  store : where the report goes.
    now : naive UTC datetime.  options : what is asked for.  processes : how many may work.
    counts : of the caller, kept to what is done.
    """

    def __init__(self, database: Database, open_database: Callable[[], Database], store: ReportStore,
                 observatory: Observatory, options: ReportSettings, now: datetime, version: str, counts: Counter[str],
                 processes: int = 1) -> None:
        self.database, self.open_database = database, open_database
        self.store, self.observatory, self.options = store, observatory, options
        self.now = instant_of(now)
        self.version, self.processes = version, processes
        self.until = min(self.now, moment(options.end) or self.now)
        self.whole = options.start is None and options.end is None  # a part of the data must not pass for all
        self.code = program_digest(version)
        self.state, self.fits = _remembered(store) if self.whole else (ReportState(), {})
        self.state.extinction = self._fitted_extinction() if options.fit_extinction else {}
        fitted = self.state.extinction
        self.series = [replace(each, extinction_offset=fitted.get(f'{each.telescope[0]} {each.filter}', 0.0))
                       for each in selection(database, options, observatory)]
        self.answers = Answers()  # none of a part of the data
        self.counts = counts
        self.shown: dict[Series, Shown] = {}
        self.failed: set[Series] = set()
        self.overviews: dict[str, Output] = {}
        self._settled: deque[Series] = deque()
        self._given_out = 0  # jobs whose results are still to come
        self._found: dict[str, tuple[UnrecordedStep, ...]] = {}  # steps by telescope

    def make(self) -> Generator[Series, None, None]:
        """Yield each series once it is in the report, as an earlier run made it or made now; then make the overviews.

        Close the iterator: that ends the processes, whatever they are at.
        """
        with closing(self._results()) as results:
            for job, done in results:
                self._given_out -= 1
                self._take(job, done)
                while self._settled:
                    yield self._settled.popleft()
        yield from self._settled

    def _results(self) -> Generator[tuple[Job, Any], None, None]:
        """What comes of each job; None where a process died over it."""
        jobs = self._jobs()
        while first := self._next_few(jobs):
            release_font_list()
            from photzp.report.series import SeriesMaker

            if sum(JOB_S[type(job)] for job in first) > START_S and self.processes > 1 and can_start():
                arguments = (self.open_database, self.observatory, self.options, self.now)
                with closing(in_processes(SeriesMaker.in_worker, arguments, SeriesMaker.do_in_worker,
                                          chain([[job] for job in first], jobs), processes=self.processes)) as results:
                    yield from results
            else:
                maker = SeriesMaker(self.database, self.observatory, self.options, self.now)
                yield from ((job, maker.do(job)) for job in first)

    def _next_few(self, jobs: Iterator[Sequence[Job]]) -> list[Job]:
        """Jobs that can be done now, no more than say whether processes are worth it."""
        few: list[Job] = []
        for chunk in jobs:
            few += chunk
            if not chunk or sum(JOB_S[type(job)] for job in few) > START_S:
                break
        return few

    def _jobs(self) -> Iterator[Sequence[Job]]:
        """Yield what there is to do one by one, and an empty chunk where that depends on what is being done."""
        for stage in (self._changed, self._searches, self._drawings):
            for job in stage():
                self._given_out += 1
                yield (job,)
            while self._given_out:
                yield ()

    def _take(self, job: Job, done: Any) -> None:
        """Put what came of a job where it belongs."""
        if done is None:
            self._leave(job, 'a process died over it, most likely for want of memory')
        elif isinstance(done, Failure):
            self._leave(job, f'this program failed on it ({done.error})')
        elif isinstance(job, Series):
            for each in done:
                self._put_series(job, each)
        elif isinstance(job, StepSearch):
            self._put_steps(job, done)
        else:
            self._put_drawing(job, done)
        if isinstance(job, Series):
            self._settled.append(job)

    # -- what did not change -------------------------------------------------------------------------------------------

    def _changed(self) -> Iterator[Series]:
        """Yield the series that are to be made; the others are taken as they are."""
        for series in self.series:
            count = self.database.count(**series.wanted) if self.whole else None
            if count == 0:
                self.fits.pop((series.key, series.filter), None)
                self._settled.append(series)
                continue
            kept = self._kept(series, count)
            if kept is None:
                yield series
            else:
                self._take_as_made(series, *kept)
                self._settled.append(series)

    def _fitted_extinction(self) -> dict[str, float]:
        """What is fitted of the extinction less what is adopted, by '<site> <filter>', where it is known well enough.

        One that is in use stays as long as the fits agree with it: noise must not make everything anew every night.
        """
        offsets = {}
        frames = {_key_of(made.status): made.frames for made in self.state.series.values()}
        for each in by_site(self.fits, self._adopted(), frames):
            key, offset = f'{each.site} {each.filter}', round(each.k - each.adopted, 3)
            if each.k_error <= EXTINCTION_ERROR_MAX:
                used = self.state.extinction.get(key, np.inf)
                offsets[key] = used if abs(used - offset) <= each.k_error else offset
        return offsets

    def _adopted(self) -> dict[str, float]:
        return {name: self.observatory.extinction(name) for _, name in self.fits}

    def _fingerprint(self, series: Series, rows: str) -> str:
        """Of all that a series is made from; rows : digest of its rows."""
        observatory, longitude = self.observatory, self.observatory.longitude_deg(series.telescope[0])
        events = observatory.events_of(series.key)
        past = sum(local_noon(date, longitude) <= self.now for date, *_ in events)
        references = [entry for entry in observatory.reference_throughput
                      if (entry.class_, entry.filter) == (class_of(series.telescope[2]), series.filter)]
        return digest(self.code, self._month(), rows, [observatory.extinction(name) for name in series.native],
                      series.extinction_offset, longitude, events, past, references, observatory.gain_repairs,
                      sorted(observatory.camera_types), observatory.throughput.healthy_mag,
                      self.options.cameracolorterm)

    def _kept(self, series: Series, count: int | None) -> tuple[SeriesMade, StoredModel] | None:
        """What an earlier run made of a series, where it would come out the same and is all there still."""
        made = self.state.series.get(str(series))
        if (made is None or made.count != count or not self._is_past(made.status)
                or (series.key, series.filter) not in self.fits):
            return None
        names = _names_of_files(series, self.options)
        if not all(name in made.outputs and self.store.holds(name, made.outputs[name].sha256) for name in names):
            return None
        stored = self.database.model(series.key, series.filter)
        rows = str(self.database.digest(COLUMNS, **series.wanted))  # last, as it takes longest
        unchanged = made.fingerprint == self._fingerprint(series, rows) and made.model == _model_digest(stored)
        return (made, stored) if unchanged else None

    def _is_past(self, status: SeriesStatus) -> bool:
        """Whether none of its rows is later than now, as where the clock was put back: such rows count for nothing."""
        last = status.last_observation  # cut to the second
        return last is None or bool(instant_of(last) + np.timedelta64(1, 's') <= self.now)

    def _take_as_made(self, series: Series, made: SeriesMade, stored: StoredModel) -> None:
        """Show a series as an earlier run made it, its days counted to now."""
        about = {'telescope': series.key, 'filter': series.filter}
        log.debug('%s: unchanged since %s', series, made.status.made, extra=about)
        for warning in made.warnings:
            log.warning('%s', warning, extra=about)
        events = [event[:2] for event in self.observatory.events_of(series.key)]
        status = counted_anew(made.status, made.night, made.photometric, events, self.now)
        names = _names_of_files(series, self.options)
        self.counts['kept'] += 1
        self.counts['unchanged'] += len(names)
        self._show(series, Shown(status, stored, made.colorterms, {name: made.outputs[name] for name in names},
                                 made.recent, made.frames, made.cameras))

    def _show(self, series: Series, shown: Shown) -> None:
        self.shown[series] = shown
        self.counts['series'] += 1
        self.counts['zeropoints'] += shown.status.rows

    def _month(self) -> str:
        """Up to whose end time is drawn."""
        return str(self.until.astype('datetime64[M]'))

    # -- what changed --------------------------------------------------------------------------------------------------

    def _put_series(self, series: Series, made: 'Made') -> None:
        """Put what was made into the database and the store, and remember it."""
        if self.whole:
            self.database.store_model(series.key, series.filter, made.model.dateobs, made.model.modelzp,
                                      made.model.modelzperr, made.intervals, made.steps)
        outputs = {file.name: self._put(file) for file in made.files}
        self.fits[series.key, series.filter] = made.fit
        self._show(series, Shown(made.status, made.model, made.colorterms, outputs, made.recent, made.frames,
                                 made.cameras))
        if self.whole and made.complete:
            self.state.series[str(series)] = SeriesMade(
                self._fingerprint(series, made.rows), _model_digest(made.model), made.status, made.nights,
                made.colorterms, made.warnings, outputs, made.recent, made.frames, made.cameras, made.count)

    def _leave(self, job: Job, why: str) -> None:
        """Leave what could not be made as an earlier run made it: the next run tries it again."""
        log.error('%s: not made, as %s; what the report has of it is of an earlier run', job, why,
                  extra={'telescope': job.key, 'filter': job.filter} if isinstance(job, Series) else {})
        self.counts['failed'] += 1
        if isinstance(job, Series):
            self.failed.add(job)
        elif isinstance(job, Drawing) and job.name in self.state.overviews:
            self.overviews[job.name] = self.state.overviews[job.name].output

    def _put(self, file: File) -> Output:
        self.store.put(file.name, file.content)
        return Output(hashlib.sha256(file.content).hexdigest(), file.width, file.height, file.alt)

    # -- what shows several series -------------------------------------------------------------------------------------

    def _searches(self) -> Iterator[StepSearch]:
        """Yield the telescopes of which a fit is another one; of the others the steps are known."""
        known = self._known() if self._is_asked() else {}
        for telescope, keys in groupby(known, key=lambda key: key[0]):
            fits = {name: self.fits[telescope, name] for _, name in keys}
            series = {name: self.state.series.get(f'{telescope} {name}') for name in fits}
            made = [each.fingerprint for name, each in series.items()
                    if each is not None and each.status.made == known[telescope, name].status.made]
            fingerprint = digest(self.code, list(fits), made)
            kept = self.state.steps.pop(telescope, None)
            if kept is not None and kept.fingerprint == fingerprint and len(made) == len(fits):
                self.state.steps[telescope] = kept
                self._found[telescope] = kept.steps
            else:  # where rows of a later time are left out of a fit, it is another one when that has come
                yield StepSearch(telescope, fits, fingerprint if len(made) == len(fits) else None)

    def _put_steps(self, search: StepSearch, steps: tuple[UnrecordedStep, ...]) -> None:
        self._found[search.telescope] = steps
        if search.fingerprint is not None:
            self.state.steps[search.telescope] = StepsMade(search.fingerprint, steps)

    def _is_asked(self) -> bool:
        """Whether the answers are wanted: they are of all the data or none."""
        wanted = ('renderhtml', 'createsummaryplots', 'check', 'metrics')
        return self.whole and any(getattr(self.options, name) for name in wanted)

    def _drawings(self) -> Iterator[Drawing]:
        """Yield the plots that are to be drawn, and ask what they show."""
        if self.options.createsummaryplots:
            yield from self._overview_plots()
        if self._is_asked():
            self.answers = self._answer()
            if self.options.createsummaryplots:
                yield from self._calendars()
                yield from self._telescope_plots()

    def _drawing(self, name: str, alt: str, shown: object, draw: 'Callable[[], Figure]') -> Iterator[Drawing]:
        """Yield a plot where what it shows is not what it showed before; else it is taken as it is."""
        fingerprint = digest(self.code, self._month(), alt, shown)
        made = self.state.overviews.get(name)
        if made and made.fingerprint == fingerprint and self.store.holds(name, made.output.sha256):
            self.overviews[name] = made.output
            self.counts['unchanged'] += 1
        else:
            yield Drawing(name, alt, draw, fingerprint)

    def _put_drawing(self, drawing: Drawing, file: File) -> None:
        self.overviews[drawing.name] = self._put(file)
        self.state.overviews[drawing.name] = OverviewMade(drawing.fingerprint, self.overviews[drawing.name])

    def finish(self) -> None:
        """When all that it shows is in place, the state and the page."""
        self.store.flush()
        if self.whole:
            self._put_state()
        if self.options.renderhtml:
            self._put_page()
            self.store.flush()

    def _put_state(self) -> None:
        """Put what the next run is to remember, and the fits where some are new."""
        if self.counts['series'] > self.counts['kept']:
            content = pack(self.fits)
            self.store.put(FITS_FILE, content)
            self.state.fits = hashlib.sha256(content).hexdigest()
        self.state.overviews = {name: made for name, made in self.state.overviews.items() if self._is_of_today(name)}
        self.store.put(STATE_FILE, self.state.text().encode())

    def _answer(self) -> Answers:
        """What the whole fleet says, also telescopes that this run leaves out: they are as an earlier run made them."""
        known = self._known()
        return answer(
            {key: self.fits[key] for key in known}, [each.status for each in known.values()],
            {key: each.recent for key, each in known.items()},
            reference_mag={key: each.status.reference_mag for key, each in known.items()
                           if each.status.reference_mag is not None},
            extinction=self._adopted(), last_good=self.last_good(), limits=self.observatory.alarms, now=self.now,
            frames={key: each.frames for key, each in known.items()},
            steps={telescope: self._found.get(telescope, ()) for telescope, _ in known})

    def _known(self) -> dict[SeriesKey, SeriesMade | Shown]:
        """All series that there is a fit of, by name: as this run shows them, or as an earlier one left them."""
        there = {'-'.join(telescope) for telescope in self.database.telescopes()}
        known: dict[SeriesKey, SeriesMade | Shown] = {_key_of(made.status): made for made in self.state.series.values()}
        known |= {_key_of(shown.status): shown for shown in self.shown.values()}
        return {key: value for key, value in sorted(known.items()) if key in self.fits and key[0] in there}

    def statuses(self) -> list[SeriesStatus]:
        """Of the whole fleet, whatever telescopes this run looked at."""
        return [each.status for each in self._known().values()]

    @property
    def moment(self) -> datetime:
        """Now, naive UTC, to the second."""
        return self.now.astype('datetime64[s]').item()

    def last_good(self) -> dict[str, datetime | None]:
        """When each script last ended well, naive UTC; this one does so now."""
        return {'photcalibration.py': self.database.last_good('photcalibration.py'),
                'longtermphotzp.py': self.moment}

    def _put_page(self) -> None:
        shown = [self.shown[series] for series in self.series if series in self.shown]  # they came in any order
        outputs = {name: output for each in shown for name, output in each.outputs.items()} | self.overviews
        plots = {name: webpage.Plot(each.width, each.height, each.alt) for name, each in outputs.items()
                 if each.width is not None and each.height is not None}
        trends = (trend_of(each.status.telescope, each.status.filter, each.model.dateobs, each.model.modelzp)
                  for each in shown)
        page = webpage.Page(updated=str(self.now.astype('datetime64[s]')),
                            statuses=tuple(each.status for each in shown), plots=plots, runs=tuple(self._runs()),
                            version=self.version, files=tuple(name for name in outputs if name not in plots),
                            answers=self.answers, cameras=self.cameras, trends=tuple(filter(None, trends)))
        earlier = _earlier_page(self.store.get('status.json'), self.observatory.throughput.healthy_mag)
        page = webpage.merge(earlier, page)
        page = webpage.only_present(page, set(filter(self._is_of_today, self.store.names())))
        for name, content in render.static_files().items():
            self.store.put(name, content)
        self.store.put('status.json', webpage.render_status(page).encode())
        for name, html in render.render_telescopes(page, self.observatory).items():
            self.store.put(name, html.encode())
        self.store.put('index.html', render.render_index(page, self.observatory).encode())  # last: it names the rest

    def _is_of_today(self, name: str) -> bool:
        """Whether a file is not the overview plot of a size class that the observatory's file no longer has."""
        size_class = size_class_of(name)
        return size_class is None or size_class in self.observatory.size_classes

    def _overview_plots(self) -> Iterator[Drawing]:
        healthy_mag = self.observatory.throughput.healthy_mag
        for (size_class, filter_name), models in self._all_models().items():
            title = self.observatory.size_classes[size_class].title
            yield from self._drawing(
                overview_plot_name(f'allmodels_{size_class}', filter_name),
                f'throughput models of the {title} in {filter_name}',
                ([(name, _model_digest(model), reference) for name, model, reference in models], healthy_mag),
                partial(models_figure, f'{title}   {filter_name}', models, self.until, healthy_mag))
        if self.options.site is None and self.options.telescope is None:  # else the plot of all is better left as it is
            colours = self.observatory.camera_colours()
            for filter_name, lines in self._all_colorterms().items():
                yield from self._drawing(
                    overview_plot_name('colorterms', filter_name), f'colour terms of all telescopes in {filter_name}',
                    (lines, colours), partial(colorterms_figure, f'colour terms   {filter_name}', lines, colours))

    def _calendars(self) -> Iterator[Drawing]:
        """The nights of each site."""
        for each in self.answers.nights:
            shown = (each.night, each.state, each.frames)
            yield from self._drawing(site_plot_name('nightcalendar', each.site), f'photometric nights of {each.site}',
                               digest(*shown), partial(calendar_figure, f'nights   {each.site}', *shown, self.until))

    def _telescope_plots(self) -> Iterator[Drawing]:
        """Each telescope in all filters."""
        known = {_key_of(made.status): made.status for made in self.state.series.values()}
        known |= {_key_of(shown.status): shown.status for shown in self.shown.values()}
        healthy_mag = self.observatory.throughput.healthy_mag
        for state in self.answers.mirrors:
            name, alt = state.telescope, f'{state.telescope}, all filters: {_said(state)}'
            keys = sorted((key for key in self.fits if key in known and key[0] == name),
                          key=lambda key: self.observatory.wavelength_order(key[1]))
            trends = [(key[1], self.fits[key], known[key].reference_mag, self.observatory.filter_colour(key[1]))
                      for key in keys]
            marks = _marks(self.answers, name)
            spans = [span for span in self.cameras if span.telescope == name]
            shown = ([(band, digest(fit.time, fit.model_mag, fit.model_error_mag, fit.night_residual_mag,
                                    fit.clear_probability), fit.intervals, reference_mag, colour)
                      for band, fit, reference_mag, colour in trends], marks, spans, state.threshold_percent,
                     healthy_mag)
            yield from self._drawing(telescope_plot_name(name), alt, shown, partial(
                telescope_figure, name, trends, marks, spans, state.threshold_percent, self.until, healthy_mag))

    @cached_property
    def cameras(self) -> tuple[CameraSpan, ...]:
        """When each camera was in use, at all telescopes; where the page is of a part of the data, what that says."""
        return joined_spans(span for each in self._known().values() for span in each.cameras)

    def _all_models(self) -> dict[tuple[str, str], list[tuple[str, StoredModel, float | None]]]:
        """Models by size class and filter: those of this run, and the stored ones of what it leaves out."""
        models = defaultdict(list)
        for series in self.series:
            if series in self.shown:
                shown = self.shown[series]
                models[self.observatory.size_class(series.telescope[2]), series.filter].append(
                    (series.key, shown.model, shown.status.reference_mag))
        done = {series.telescope for series in self.shown}
        filters = dict.fromkeys(series.filter for series in self.series)
        for telescope in self.database.telescopes():
            for filter_name in filters:
                left = telescope not in done or any(
                    (series.telescope, series.filter) == (telescope, filter_name) for series in self.failed)
                stored = self.database.model('-'.join(telescope), filter_name) if left else None
                if stored is not None and len(stored.dateobs):
                    reference_mag = self._stored_reference(telescope, filter_name, stored)
                    models[self.observatory.size_class(telescope[2]), filter_name].append(
                        ('-'.join(telescope), stored, reference_mag))
        return models

    def _all_colorterms(self) -> dict[str, list[tuple]]:
        """Fields of ColortermLine by filter; those of what could not be made are of an earlier run."""
        lines: dict[str, list[tuple]] = defaultdict(list)
        for series in self.series:
            known = self.shown.get(series) or (self.state.series.get(str(series)) if series in self.failed else None)
            if known is not None:
                lines[series.filter] += known.colorterms
        return lines

    def _stored_reference(self, telescope: TelescopeKey, filter_name: str, stored: StoredModel) -> float | None:
        """Reference of a telescope that this run leaves out, by its newest camera; None where none is known."""
        newest = day_of(stored.dateobs[-1])
        z = self.database.zeropoints(site=telescope[0], dome=telescope[1], telescope=telescope[2], start=newest,
                                     end=self.now)
        camera = str(z.camera[-1]) if len(z) else ''
        return self.observatory.reference_mag(class_of(telescope[2]), filter_name, camera, newest.item())

    def _runs(self) -> Iterator[webpage.RunInfo]:
        """This run, and those of the calibration back to one that ended well, for the page to name."""
        updated = str(self.now.astype('datetime64[s]'))
        for run in self.database.runs(1, script='longtermphotzp.py'):
            yield webpage.RunInfo(run.script, run.started, updated, DONE, f'{len(self.shown)} telescopes and filters')
        for run in self.database.runs(20, script='photcalibration.py'):
            yield webpage.RunInfo(run.script, run.started, run.ended, run.status, _summary(run.counts))


def _summary(counts: dict[str, int]) -> str:
    return ', '.join(f'{count} {name}' for name, count in counts.items() if count)


def _earlier_page(content: bytes | None, healthy_mag: float) -> webpage.Page | None:
    """The page that an earlier run left, its rows judged by this healthy band; None where there is none to be read."""
    if content is None:
        return None
    try:
        page = webpage.read_status(content.decode())
        return replace(page, statuses=tuple(judged_anew(status, healthy_mag) for status in page.statuses))
    except ValueError as error:
        log.warning('status.json of an earlier run cannot be read (%s): the page is made anew', error)
        return None


def _remembered(store: ReportStore) -> tuple[ReportState, dict[SeriesKey, ThroughputFit]]:
    """What an earlier run remembered and its fits: both, or nothing."""
    state = _earlier_state(store.get(STATE_FILE))
    if not state.series:
        return state, {}
    content = store.get(FITS_FILE) or b''
    try:
        if hashlib.sha256(content).hexdigest() != state.fits:
            raise ValueError(f'it is not the one that {STATE_FILE} names')
        return state, unpack(content)
    except ValueError as error:
        log.warning('%s of an earlier run cannot be used (%s): everything is made anew', FITS_FILE, error)
        return ReportState(), {}


def _key_of(status: SeriesStatus) -> SeriesKey:
    return status.telescope, status.filter


def _earlier_state(content: bytes | None) -> ReportState:
    """What an earlier run remembered; nothing where that cannot be read."""
    if content is None:
        return ReportState()
    try:
        return ReportState.read(content.decode())
    except ValueError as error:
        log.warning('%s of an earlier run cannot be read (%s): everything is made anew', STATE_FILE, error)
        return ReportState()


def _model_digest(model: StoredModel) -> str:
    """Digest of a model, the same before and after the database."""
    return digest(model.dateobs.astype('datetime64[ms]'),
                  *(np.where(np.isfinite(each), each, np.nan) for each in (model.modelzp, model.modelzperr)))


def _said(state: MirrorState) -> str:
    """What a person would say of a telescope; rounded, so that it stays the same for a while."""
    said = 'no reference known' if np.isnan(state.percent) else f'throughput {state.percent:.0f}% of reference'
    rate = 1000 * state.rate_mag_per_month
    if not abs(rate) > max(2000 * state.rate_error_mag_per_month, 0.5):
        return said
    return f'{said}, {"falling" if rate > 0 else "rising"} {abs(rate):.0f} mmag a month'


def _marks(answers: Answers, telescope: str) -> list[tuple[np.datetime64, str, float, float]]:
    """Fields of EventMark of one telescope: events, and steps that none explains."""
    return [(gain.time, gain.kind, gain.gain_mag, gain.gain_error_mag) for gain in answers.events
            if gain.telescope == telescope] + [
        (step.time, 'unrecorded', step.joint_mag, step.joint_error_mag) for name, step in answers.steps
        if name == telescope]


def _names_of_files(series: Series, options: ReportSettings) -> list[str]:
    """Names of the files that the options want of a series."""
    kinds = ['mirrormodel']
    if options.pertelescopeplots:
        kinds += ['photzptrend', 'trenddata', 'airmasstrend', 'colortermtrend']
    if options.errorhistogram:
        kinds += ['errorhist']
    return [trend_plot_name(kind, series.key, series.filter) for kind in kinds]
