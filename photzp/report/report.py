"""One run of the long-term report: series that did not change are kept, the others made, and the page shows both.

This module hands out the work, which is done elsewhere: `series` makes one telescope and filter, in this process or in
several (`running.processes`), `unchanged` finds what an earlier run left, `overviews` draws what shows several series,
and `publish` ends the run.  Only this process writes.
"""

from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, groupby
from typing import Any

from photzp.answers.alarms import Finding
from photzp.answers.gather import Answers, FittedSeries, answer
from photzp.answers.status import SeriesStatus
from photzp.figures.fontcache import release_font_list
from photzp.report.context import ReportContext
from photzp.report.jobs import Drawing, StepSearch
from photzp.report.overviews import Overviews
from photzp.report.publish import publish
from photzp.report.results import Results
from photzp.report.selection import selection
from photzp.report.state import ReportState, digest
from photzp.report.storing import Job, store_result
from photzp.report.unchanged import (
    adopted_extinction,
    extinction_offsets,
    find_unchanged,
    names_of_files,
    read_memory,
)
from photzp.running.processes import can_start, in_processes
from photzp.throughput.rows import Series

# Rough time that a job of each type takes [s].  Worker processes are started only for more than START_S [s] of work.
JOB_S = {Series: 0.5, StepSearch: 0.15, Drawing: 0.1}
START_S = 1.2


class Report:
    """One run of the report, series by series.

    Parameters
    ----------
    context : ReportContext

    Attributes
    ----------
    series : list of Series
        The series that the run reports on.
    results : Results
        Filled in as the run goes on.

    Raises
    ------
    UsageInvalid, DatabaseUnusable
        As `selection` does.
    """

    def __init__(self, context: ReportContext) -> None:
        self.context = context
        settings, observatory = context.settings, context.observatory
        state, fits = read_memory(context.store) if context.period.is_whole else (ReportState(), {})
        state.extinction = extinction_offsets(state, fits, observatory) if settings.fit_extinction else {}
        self.series = [
            replace(series, extinction_offset=state.extinction.get(f'{series.telescope.site} {series.filter}', 0.0))
            for series in selection(context.database, settings, observatory)]
        self.results = Results(self.series, state, fits)
        self._overviews = Overviews(context, self.results)
        self._finished: deque[Series] = deque()
        self._pending = 0  # jobs whose results are still to come

    @property
    def counts(self) -> Counter[str]:
        """Numbers of series, zeropoints and files so far, also after an interrupted run."""
        return self.results.counts

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings of the whole fleet, the worst first."""
        return self.results.answers.findings

    def statuses(self) -> list[SeriesStatus]:
        """The status of every telescope and filter of the fleet, whatever telescopes this run covers.

        Returns
        -------
        list of SeriesStatus
        """
        return [result.status for result in self.results.with_fit(self.context.database).values()]

    def make(self) -> Generator[Series, None, None]:
        """Make all series, then the plots that show several of them; close the iterator to end the processes.

        Yields
        ------
        Series
            Each as soon as it is in the report, kept or made.
        """
        with closing(self._job_results()) as job_results:
            for job, result in job_results:
                self._pending -= 1
                store_result(self.context, self.results, job, result)
                if isinstance(job, Series):
                    self._finished.append(job)
                while self._finished:
                    yield self._finished.popleft()
        yield from self._finished

    def finish(self) -> None:
        """Publish state and pages, once all that they show is in place."""
        publish(self.context, self.results)

    # -- jobs ----------------------------------------------------------------------------------------------------------

    def _job_results(self) -> Generator[tuple[Job, Any], None, None]:
        """Yield each job with its result, None where it killed its process; processes start only if worth it."""
        context, chunks = self.context, self._job_chunks()
        while first := _next_few(chunks):
            release_font_list()  # before the import of figures, which waits for that list
            from photzp.report.series import SeriesMaker

            if sum(JOB_S[type(job)] for job in first) > START_S and context.processes > 1 and can_start():
                arguments = (context.open_database, context.observatory, context.settings, context.period)
                with closing(in_processes(SeriesMaker.in_worker, arguments, SeriesMaker.do_in_worker,
                                          chain([[job] for job in first], chunks),
                                          processes=context.processes)) as results:
                    yield from results
            else:
                maker = SeriesMaker(context.database, context.observatory, context.settings, context.period)
                yield from ((job, maker.do(job)) for job in first)

    def _job_chunks(self) -> Iterator[Sequence[Job]]:
        """Yield each job as a chunk of one; an empty chunk means that the next job waits for results still to come."""
        for stage in (self._changed_series, self._step_searches, self._drawings):
            for job in stage():
                self._pending += 1
                yield (job,)
            while self._pending:
                yield ()

    def _changed_series(self) -> Iterator[Series]:
        """Yield the series that are to be made; the others are kept as an earlier run made them."""
        context, results = self.context, self.results
        for series in self.series:
            rows = context.database.count(**series.wanted) if context.period.is_whole else None
            if rows == 0:
                results.fits.pop(series.key, None)
                self._finished.append(series)
                continue
            remembered = results.state.series.get(str(series)) if series.key in results.fits else None
            kept = find_unchanged(context, series, remembered, rows)
            if kept is None:
                yield series
            else:
                self.counts['kept'] += 1
                self.counts['unchanged'] += len(names_of_files(series, context.settings))
                results.show(series, kept)
                self._finished.append(series)

    def _step_searches(self) -> Iterator[StepSearch]:
        """Yield a search for each telescope that has a new fit; the steps of the others are remembered."""
        results = self.results
        latest = results.with_fit(self.context.database) if self.context.wants_answers else {}
        for telescope, keys in groupby(latest, key=lambda key: key[0]):
            fits = {name: results.fits[telescope, name] for _, name in keys}
            remembered_series = {name: results.state.series.get(f'{telescope} {name}') for name in fits}
            fingerprints = [series.fingerprint for name, series in remembered_series.items() if series is not None
                            and series.result.status.made == latest[telescope, name].status.made]
            fits_fingerprint = digest(self.context.code, list(fits), fingerprints)
            remembered = results.state.steps.pop(telescope, None)
            # A series with rows dated in the future is not remembered, as its fit changes when that time has come.
            is_complete = len(fingerprints) == len(fits)
            if remembered is not None and remembered.fingerprint == fits_fingerprint and is_complete:
                results.state.steps[telescope] = remembered
                results.steps[telescope] = remembered.steps
            else:
                yield StepSearch(telescope, fits, fits_fingerprint if is_complete else None)

    def _drawings(self) -> Iterator[Drawing]:
        """Yield the plots to be drawn, and compute the answers that some of them show."""
        summaries = self.context.settings.createsummaryplots
        if summaries:
            yield from self._overviews.of_series()
        if self.context.wants_answers:
            self.results.answers = _fleet_answers(self.context, self.results)
            if summaries:
                yield from self._overviews.of_answers()


def _next_few(chunks: Iterator[Sequence[Job]]) -> list[Job]:
    """Take jobs from an iterator of chunks until they are more than START_S of work, or no more can be done yet."""
    few: list[Job] = []
    for chunk in chunks:
        few += chunk
        if not chunk or sum(JOB_S[type(job)] for job in few) > START_S:
            break
    return few


def _fleet_answers(context: ReportContext, results: Results) -> Answers:
    """Compute the answers for the whole fleet; telescopes that this run leaves out are as an earlier run made them."""
    latest = results.with_fit(context.database)
    fleet = {key: FittedSeries(results.fits[key], result.status, result.recent, result.frames)
             for key, result in latest.items()}
    return answer(fleet, results.steps, extinction=adopted_extinction(results.fits, context.observatory),
                  last_good=context.last_good(), limits=context.observatory.alarms, now=context.now)
