"""The long-term report: what an earlier run made and did not change since, what is made now, and the page of both.

Everything is wired here and done elsewhere: `series` makes what there is of one telescope and filter, in this process
or in several (`running.processes`), `unchanged` knows what an earlier run left, `overviews` what shows several series,
and `publish` ends the run.  Only this process writes.
"""

import hashlib
import logging
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

from photzp.answers.alarms import Finding
from photzp.answers.gather import Answers, FittedSeries, answer
from photzp.answers.status import SeriesStatus
from photzp.answers.steps import UnrecordedStep
from photzp.figures.fontcache import release_font_list
from photzp.report.context import ReportContext
from photzp.report.jobs import Drawing, Failure, File, StepSearch
from photzp.report.overviews import Overviews
from photzp.report.publish import publish
from photzp.report.results import Results, Shown
from photzp.report.selection import selection
from photzp.report.state import Output, OverviewMade, ReportState, SeriesMade, StepsMade, digest
from photzp.report.unchanged import (
    adopted_extinction,
    as_made,
    fingerprint,
    fitted_extinction,
    model_digest,
    names_of_files,
    remembered,
    unchanged,
)
from photzp.running.processes import can_start, in_processes
from photzp.throughput.rows import Series

if TYPE_CHECKING:  # drawing is imported where there is something to draw: mostly there is not much
    from photzp.report.series import Made

Job = Series | StepSearch | Drawing
log = logging.getLogger('photzp.report')

# Roughly what a job takes [s]: processes are worth starting for more than START_S.
JOB_S = {Series: 0.5, StepSearch: 0.15, Drawing: 0.1}
START_S = 1.2


class Report:
    """One run of the report, series by series.

    counts : of the caller, kept to what is done, right even when the run is interrupted.
    Raises UsageInvalid and DatabaseUnusable as `selection` does.
    """

    def __init__(self, context: ReportContext, counts: Counter[str]) -> None:
        self.context, self.counts = context, counts
        state, fits = remembered(context.store) if context.whole else (ReportState(), {})
        observatory = context.observatory
        state.extinction = fitted_extinction(state, fits, observatory) if context.options.fit_extinction else {}
        self.series = [
            replace(each, extinction_offset=state.extinction.get(f'{each.telescope[0]} {each.filter}', 0.0))
            for each in selection(context.database, context.options, observatory)]
        self.results = Results(self.series, state, fits, counts)
        self._overviews = Overviews(context, self.results)
        self._settled: deque[Series] = deque()
        self._given_out = 0  # jobs whose results are still to come

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What somebody should look at, the worst first."""
        return self.results.answers.findings

    def statuses(self) -> list[SeriesStatus]:
        """Of the whole fleet, whatever telescopes this run looked at."""
        return [each.status for each in self.results.known(self.context.database).values()]

    def make(self) -> Generator[Series, None, None]:
        """Yield each series once it is in the report, as an earlier run made it or made now; then make the overviews.

        Close the iterator: that ends the processes, whatever they are at.
        """
        with closing(self._done()) as results:
            for job, done in results:
                self._given_out -= 1
                self._take(job, done)
                while self._settled:
                    yield self._settled.popleft()
        yield from self._settled

    def finish(self) -> None:
        """When all that it shows is in place, the state and the page."""
        publish(self.context, self.results)

    # -- jobs ----------------------------------------------------------------------------------------------------------

    def _done(self) -> Generator[tuple[Job, Any], None, None]:
        """What comes of each job; None where a process died over it."""
        context, jobs = self.context, self._jobs()
        while first := self._next_few(jobs):
            release_font_list()
            from photzp.report.series import SeriesMaker

            if sum(JOB_S[type(job)] for job in first) > START_S and context.processes > 1 and can_start():
                arguments = (context.open_database, context.observatory, context.options, context.now)
                with closing(in_processes(SeriesMaker.in_worker, arguments, SeriesMaker.do_in_worker,
                                          chain([[job] for job in first], jobs),
                                          processes=context.processes)) as results:
                    yield from results
            else:
                maker = SeriesMaker(context.database, context.observatory, context.options, context.now)
                yield from ((job, maker.do(job)) for job in first)

    def _next_few(self, jobs: Iterator[Sequence[Job]]) -> list[Job]:
        """Draw jobs until they add up to START_S of work or no more can be done yet."""
        few: list[Job] = []
        for chunk in jobs:
            few += chunk
            if not chunk or sum(JOB_S[type(job)] for job in few) > START_S:
                break
        return few

    def _jobs(self) -> Iterator[Sequence[Job]]:
        """Yield jobs one by one; an empty chunk means: nothing to do until another result was taken."""
        for stage in (self._changed, self._searches, self._drawings):
            for job in stage():
                self._given_out += 1
                yield (job,)
            while self._given_out:
                yield ()

    def _changed(self) -> Iterator[Series]:
        """Yield the series that are to be made; the others are taken as they are."""
        context, results = self.context, self.results
        for series in self.series:
            count = context.database.count(**series.wanted) if context.whole else None
            if count == 0:
                results.fits.pop((series.key, series.filter), None)
                self._settled.append(series)
                continue
            made = results.state.series.get(str(series)) if (series.key, series.filter) in results.fits else None
            kept = unchanged(context, series, made, count)
            if kept is None:
                yield series
            else:
                self.counts['kept'] += 1
                self.counts['unchanged'] += len(names_of_files(series, context.options))
                results.show(series, as_made(context, series, *kept))
                self._settled.append(series)

    def _searches(self) -> Iterator[StepSearch]:
        """Yield the telescopes of which a fit is another one; of the others the steps are known."""
        results = self.results
        known = results.known(self.context.database) if self.context.asked else {}
        for telescope, keys in groupby(known, key=lambda key: key[0]):
            fits = {name: results.fits[telescope, name] for _, name in keys}
            series = {name: results.state.series.get(f'{telescope} {name}') for name in fits}
            made = [each.fingerprint for name, each in series.items()
                    if each is not None and each.status.made == known[telescope, name].status.made]
            of_fits = digest(self.context.code, list(fits), made)
            kept = results.state.steps.pop(telescope, None)
            if kept is not None and kept.fingerprint == of_fits and len(made) == len(fits):
                results.state.steps[telescope] = kept
                results.steps[telescope] = kept.steps
            else:  # where rows of a later time are left out of a fit, it is another one when that has come
                yield StepSearch(telescope, fits, of_fits if len(made) == len(fits) else None)

    def _drawings(self) -> Iterator[Drawing]:
        """Yield the plots that are to be drawn, and ask what they show."""
        summaries = self.context.options.createsummaryplots
        if summaries:
            yield from self._overviews.of_series()
        if self.context.asked:
            self.results.answers = self._answer()
            if summaries:
                yield from self._overviews.of_answers()

    def _answer(self) -> Answers:
        """What the whole fleet says, also telescopes that this run leaves out: they are as an earlier run made them."""
        context, results = self.context, self.results
        known = results.known(context.database)
        fleet = {key: FittedSeries(results.fits[key], each.status, each.recent, each.frames)
                 for key, each in known.items()}
        return answer(fleet, results.steps, extinction=adopted_extinction(results.fits, context.observatory),
                      last_good=context.last_good(), limits=context.observatory.alarms, now=context.now)

    # -- what comes of them --------------------------------------------------------------------------------------------

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

    def _put_series(self, series: Series, made: 'Made') -> None:
        """Put what was made into the database and the store, and remember it."""
        context, results = self.context, self.results
        if context.whole:
            context.database.store_model(series.key, series.filter, made.model.dateobs, made.model.modelzp,
                                         made.model.modelzperr, made.intervals, made.steps)
        outputs = {file.name: self._put(file) for file in made.files}
        results.fits[series.key, series.filter] = made.fit
        results.show(series, Shown(made.status, made.model, made.colorterms, outputs, made.recent, made.frames,
                                   made.cameras))
        if context.whole and made.complete:
            results.state.series[str(series)] = SeriesMade(
                fingerprint(context, series, made.rows), model_digest(made.model), made.status, made.nights,
                made.colorterms, made.warnings, outputs, made.recent, made.frames, made.cameras, made.count)

    def _put_steps(self, search: StepSearch, steps: tuple[UnrecordedStep, ...]) -> None:
        self.results.steps[search.telescope] = steps
        if search.fingerprint is not None:
            self.results.state.steps[search.telescope] = StepsMade(search.fingerprint, steps)

    def _put_drawing(self, drawing: Drawing, file: File) -> None:
        output = self._put(file)
        self.results.overviews[drawing.name] = output
        self.results.state.overviews[drawing.name] = OverviewMade(drawing.fingerprint, output)

    def _leave(self, job: Job, why: str) -> None:
        """Leave what could not be made as an earlier run made it: the next run tries it again."""
        log.error('%s: not made, as %s; what the report has of it is of an earlier run', job, why,
                  extra={'telescope': job.key, 'filter': job.filter} if isinstance(job, Series) else {})
        self.counts['failed'] += 1
        overviews = self.results.state.overviews
        if isinstance(job, Series):
            self.results.failed.add(job)
        elif isinstance(job, Drawing) and job.name in overviews:
            self.results.overviews[job.name] = overviews[job.name].output

    def _put(self, file: File) -> Output:
        self.context.store.put(file.name, file.content)
        return Output(hashlib.sha256(file.content).hexdigest(), file.width, file.height, file.alt)
