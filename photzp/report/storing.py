"""The results of jobs go into the database, the store, and the memory for the next run."""

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from photzp.answers.steps import UnrecordedStep
from photzp.report.context import ReportContext
from photzp.report.jobs import Drawing, Failure, File, StepSearch
from photzp.report.results import Results, ShownSeries
from photzp.report.state import Output, RememberedOverview, RememberedSeries, RememberedSteps
from photzp.report.unchanged import fingerprint, model_digest
from photzp.store.base import ReportStore
from photzp.throughput.rows import Series

if TYPE_CHECKING:  # drawing is imported where there is something to draw: mostly there is not much
    from photzp.report.series import MadeSeries

Job = Series | StepSearch | Drawing
log = logging.getLogger('photzp.report')


def store_result(context: ReportContext, results: Results, job: Job, result: Any) -> None:
    """Store the result of a job; one that failed leaves what an earlier run made, and the next run tries it again.

    Parameters
    ----------
    context : ReportContext
    results : Results
        Gets the result.
    job : Series, StepSearch or Drawing
    result : tuple of MadeSeries, tuple of UnrecordedStep, File, Failure or None
        As `SeriesMaker.do` returned it; None where a process died over the job.
    """
    if result is None:
        _keep_earlier(results, job, 'a process died over it, most likely for want of memory')
    elif isinstance(result, Failure):
        _keep_earlier(results, job, f'this program failed on it ({result.error})')
    elif isinstance(job, Series):
        for made in result:
            _store_series(context, results, job, made)
    elif isinstance(job, StepSearch):
        _store_steps(results, job, result)
    else:
        _store_drawing(context.store, results, job, result)


def _store_series(context: ReportContext, results: Results, series: Series, made: 'MadeSeries') -> None:
    is_whole, model = context.period.is_whole, made.model
    if is_whole:
        context.database.store_model(*series.key, model.dateobs, model.modelzp, model.modelzperr, made.intervals,
                                     made.steps)
    outputs = {file.name: _store_file(context.store, file) for file in made.files}
    results.fits[series.key] = made.fit
    results.show(series, ShownSeries(made.result, model, outputs))
    if is_whole and made.is_complete:
        results.state.series[str(series)] = RememberedSeries(
            fingerprint(context, series, made.digest), model_digest(model), made.result, outputs)


def _store_steps(results: Results, search: StepSearch, steps: tuple[UnrecordedStep, ...]) -> None:
    results.steps[search.telescope] = steps
    if search.fingerprint is not None:
        results.state.steps[search.telescope] = RememberedSteps(search.fingerprint, steps)


def _store_drawing(store: ReportStore, results: Results, drawing: Drawing, file: File) -> None:
    output = _store_file(store, file)
    results.overviews[drawing.name] = output
    results.state.overviews[drawing.name] = RememberedOverview(drawing.fingerprint, output)


def _keep_earlier(results: Results, job: Job, why: str) -> None:
    """Keep what an earlier run made in place of a job that failed."""
    about = {'telescope': str(job.telescope), 'filter': job.filter} if isinstance(job, Series) else {}
    log.error('%s: not made, as %s; what the report has of it is of an earlier run', job, why, extra=about)
    results.counts['failed'] += 1
    if isinstance(job, Series):
        results.failed.add(job)
    elif isinstance(job, Drawing) and job.name in results.state.overviews:
        results.overviews[job.name] = results.state.overviews[job.name].output


def _store_file(store: ReportStore, file: File) -> Output:
    store.put(file.name, file.content)
    return Output(hashlib.sha256(file.content).hexdigest(), file.width, file.height, file.alt)
