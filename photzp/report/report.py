"""One run of the long-term report: series that did not change are kept, the others made, and the page shows both.

A telescope is fitted in all its filters together, and with what the other telescopes of its site say of the air,
whatever of them the run reports on.  So a run has three stages: the nights of each telescope by itself; telescopes with
what the others say; plots that show several telescopes.

This module hands out the work, which is done elsewhere: `maker` does jobs, in this process or in several
(`running.processes`), `unchanged` finds what an earlier run left, `sharednights` brings the nights of a site together,
`overviews` draws what shows several series, and `publish` ends the run.  Only this process writes.
"""

from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain, groupby
from typing import Any

from photzp.answers.alarms import Finding
from photzp.answers.gather import Answers, FittedSeries, answer
from photzp.answers.status import SeriesStatus
from photzp.answers.steps import UnrecordedStep, find_steps
from photzp.figures.fontcache import release_font_list
from photzp.report.context import ReportContext
from photzp.report.jobs import Drawing, NightsJob, TelescopeJob
from photzp.report.memory import read_memory
from photzp.report.overviews import Overviews
from photzp.report.publish import publish
from photzp.report.results import Results
from photzp.report.selection import every_series, selected
from photzp.report.sharednights import evidence_of_others
from photzp.report.state import ReportState
from photzp.report.storing import Job, store_result
from photzp.report.unchanged import StoredRows, are_nights_unchanged, find_unchanged, names_of_files
from photzp.running.processes import can_start, in_processes
from photzp.throughput.model import SkyEvidence
from photzp.throughput.rows import Series

# Rough time of fitting a telescope, of drawing a series, and of drawing another plot [s].  Worker processes are started
# only for more than START_S [s] of work, and more than one job.
FIT_S, SERIES_S, DRAWING_S = 2.0, 0.5, 0.1
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
        As `every_series` and `selected` do.
    """

    def __init__(self, context: ReportContext) -> None:
        self.context = context
        every = every_series(context.database, context.observatory)
        self.series = selected(every, context.settings)
        self.results = Results(self.series, *(
            read_memory(context.store) if context.period.is_whole else (ReportState(), {}, {})))
        self._stored = StoredRows(context.database, every)
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
                if isinstance(job, TelescopeJob):
                    self._finished.extend(job.shown)
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
            from photzp.report.maker import Maker

            if _is_worth_processes(first) and context.processes > 1 and can_start():
                arguments = (context.open_database, context.observatory, context.settings, context.period)
                with closing(in_processes(Maker.in_worker, arguments, Maker.do_in_worker,
                                          chain([[job] for job in first], chunks),
                                          processes=context.processes)) as results:
                    yield from results
            else:
                maker = Maker(context.database, context.observatory, context.settings, context.period)
                yield from ((job, maker.do(job)) for job in first)

    def _job_chunks(self) -> Iterator[Sequence[Job]]:
        """Yield each job as a chunk of one; an empty chunk means that the next job waits for results still to come."""
        for stage in (self._changed_nights, self._changed_telescopes, self._drawings):
            for job in stage():
                self._pending += 1
                yield (job,)
            while self._pending:
                yield ()

    def _changed_nights(self) -> Iterator[NightsJob]:
        """Yield the telescopes whose nights are to be found, as another one of the site is reported on."""
        reported = {str(series.telescope) for series in self.series}
        state, nights, stored = self.results.state, self.results.nights, self._stored
        for site in dict.fromkeys(series.telescope.site for series in self.series):
            telescopes = stored.at(site)
            for telescope in telescopes:
                remembered = state.nights.get(telescope) if telescope in nights else None
                if (any(other in reported for other in telescopes if other != telescope)
                        and not are_nights_unchanged(self.context, stored, telescope, remembered)):
                    yield NightsJob(stored.series(telescope))

    def _changed_telescopes(self) -> Iterator[TelescopeJob]:
        """Yield the telescopes of which series are to be made, that with most rows first; other series are kept."""
        stored, results = self._stored, self.results
        shown = {telescope: list(same) for telescope, same in groupby(self.series, key=lambda each: each.telescope)}
        for telescope in sorted(shown, key=lambda each: -stored.number(str(each))):
            series, name = stored.series(str(telescope)), str(telescope)
            others = evidence_of_others(name, {other: results.nights[other] for other in stored.at(telescope.site)
                                               if other in results.nights})
            changed = [one for one in shown[telescope] if not self._is_kept(one, one in series, others)]
            if not changed:
                continue
            job = TelescopeJob(series, tuple(changed), others)
            if name in results.failed_nights:  # most likely it would fail again
                store_result(self.context, results, job, results.failed_nights[name])
                self._finished.extend(changed)
            else:
                yield job

    def _is_kept(self, series: Series, has_rows: bool, others: SkyEvidence | None) -> bool:
        """Whether there is nothing to make of a series: it has no rows, or is as an earlier run made it."""
        context, results = self.context, self.results
        if has_rows:
            remembered = results.state.series.get(str(series)) if series.key in results.fits else None
            kept = find_unchanged(context, self._stored, series, remembered, others)
            if kept is None:
                return False
            self.counts['kept'] += 1
            self.counts['unchanged'] += len(names_of_files(series, context.settings))
            results.show(series, kept)
        else:
            results.fits.pop(series.key, None)
        self._finished.append(series)
        return True

    def _drawings(self) -> Iterator[Drawing]:
        """Yield the plots to be drawn, and compute the answers that some of them show."""
        summaries = self.context.settings.createsummaryplots
        if summaries:
            yield from self._overviews.of_series()
        if self.context.wants_answers:
            self.results.steps = _steps(self.context, self.results)
            self.results.answers = _fleet_answers(self.context, self.results)
            if summaries:
                yield from self._overviews.of_answers()


def _next_few(chunks: Iterator[Sequence[Job]]) -> list[Job]:
    """Take jobs from an iterator of chunks until they are worth processes, or no more can be done yet."""
    few: list[Job] = []
    for chunk in chunks:
        few += chunk
        if not chunk or _is_worth_processes(few):
            break
    return few


def _is_worth_processes(jobs: Sequence[Job]) -> bool:
    """Whether several processes do these jobs sooner than this one."""
    return len(jobs) > 1 and sum(map(_cost_s, jobs)) > START_S


def _cost_s(job: Job) -> float:
    """Rough time that a job takes [s]."""
    if isinstance(job, TelescopeJob):
        return FIT_S + SERIES_S * len(job.shown)
    return FIT_S if isinstance(job, NightsJob) else DRAWING_S


def _steps(context: ReportContext, results: Results) -> dict[str, tuple[UnrecordedStep, ...]]:
    """Steps of each telescope that nobody recorded, from the newest fits of all its filters."""
    telescopes = groupby(results.with_fit(context.database), key=lambda key: key[0])
    return {telescope: find_steps({key[1]: results.fits[key] for key in keys}) for telescope, keys in telescopes}


def _fleet_answers(context: ReportContext, results: Results) -> Answers:
    """Compute the answers for the whole fleet; telescopes that this run leaves out are as an earlier run made them."""
    latest = results.with_fit(context.database)
    fleet = {key: FittedSeries(results.fits[key], result.status, result.recent, result.frames)
             for key, result in latest.items()}
    adopted = {name: context.observatory.extinction(name) for _, name in latest}
    return answer(fleet, results.steps, extinction=adopted, last_good=context.last_good(),
                  limits=context.observatory.alarms, now=context.now)
