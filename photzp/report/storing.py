"""The results of jobs go into the database, the store, and the memory for the next run."""

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from photzp.records import Database
from photzp.report.context import ReportContext
from photzp.report.jobs import Drawing, Failure, File, NightsJob, TelescopeJob
from photzp.report.results import Results, ShownSeries
from photzp.report.state import Output, RememberedNights, RememberedOverview, RememberedSeries
from photzp.report.unchanged import fingerprint, model_digest, nights_fingerprint
from photzp.store.base import ReportStore
from photzp.throughput.rows import Series

if TYPE_CHECKING:  # drawing is imported where there is something to draw: mostly there is not much
    from photzp.report.maker import FoundNights, MadeTelescope
    from photzp.report.series import MadeSeries

Job = NightsJob | TelescopeJob | Drawing
log = logging.getLogger('photzp.report')


def store_result(context: ReportContext, results: Results, job: Job, result: Any) -> None:
    """Store the result of a job; one that failed leaves what an earlier run made, and the next run tries it again.

    Parameters
    ----------
    context : ReportContext
    results : Results
        Gets the result.
    job : NightsJob, TelescopeJob or Drawing
    result : FoundNights, MadeTelescope, File, Failure or None
        As `Maker.do` returned it; None where a process died over the job.
    """
    if result is None or isinstance(result, Failure):
        _keep_earlier(results, job, result)
    elif isinstance(job, NightsJob):
        _store_nights(context, results, job, result)
    elif isinstance(job, TelescopeJob):
        _store_telescope(context, results, job, result)
    else:
        _store_drawing(context.store, results, job, result)


def _store_nights(context: ReportContext, results: Results, job: NightsJob, found: 'FoundNights') -> None:
    results.nights[job.telescope] = found.nights
    results.has_new_nights = True
    results.state.nights.pop(job.telescope, None)
    if context.period.is_whole:
        results.state.nights[job.telescope] = RememberedNights(
            nights_fingerprint(context, job.series, found.read.digest), found.read.seen)


def _store_telescope(context: ReportContext, results: Results, job: TelescopeJob, made: 'MadeTelescope') -> None:
    by_key = {one.result.key: one for one in made.series}
    pairs = [(series, by_key[series.key]) for series in job.shown if series.key in by_key]
    if context.period.is_whole:
        for series, one in pairs:  # all before any file: the models of a telescope are of one fit
            _store_model(context.database, series, one)
    results.fits.update(made.fits)
    nights = nights_fingerprint(context, job.series, made.read.digest)
    for series, one in pairs:
        outputs = {file.name: _store_file(context.store, file) for file in one.files}
        results.show(series, ShownSeries(one.result, one.model, outputs))
        if context.period.is_whole:
            results.state.series[str(series)] = RememberedSeries(
                fingerprint(context, series, nights, job.others), made.read.seen, model_digest(one.model), one.result,
                outputs)


def _store_model(database: Database, series: Series, made: 'MadeSeries') -> None:
    model = made.model
    database.store_model(*series.key, model.dateobs, model.modelzp, model.modelzperr, made.intervals, made.steps)


def _store_drawing(store: ReportStore, results: Results, drawing: Drawing, file: File) -> None:
    output = _store_file(store, file)
    results.overviews[drawing.name] = output
    results.state.overviews[drawing.name] = RememberedOverview(drawing.fingerprint, output)


def _keep_earlier(results: Results, job: Job, failure: Failure | None) -> None:
    """Keep what an earlier run made in place of a job that failed, or over which a process died."""
    why = ('a process died over it, most likely for want of memory' if failure is None else
           f'this program failed on it ({failure.error})')
    about = {} if isinstance(job, Drawing) else {'telescope': job.telescope}
    log.error('%s: not made, as %s; what the report has of it is of an earlier run', job, why, extra=about)
    results.counts['failed'] += len(job.shown) if isinstance(job, TelescopeJob) else 1
    if isinstance(job, TelescopeJob):
        results.failed.update(job.shown)
    elif isinstance(job, NightsJob):
        results.failed_nights[job.telescope] = failure
    elif job.name in results.state.overviews:
        results.overviews[job.name] = results.state.overviews[job.name].output


def _store_file(store: ReportStore, file: File) -> Output:
    store.put(file.name, file.content)
    return Output(hashlib.sha256(file.content).hexdigest(), file.width, file.height, file.alt)
