"""The end of a run: the memory for the next one, status.json, and the pages."""

import logging
from collections.abc import Iterator
from dataclasses import replace

from photzp.answers.status import judged_anew, trend_of
from photzp.errors import DONE
from photzp.observatorytables import ThroughputRules
from photzp.pages.page import Page, Plot, RunInfo, merge, only_present, read_status, render_status
from photzp.pages.render import render_index, render_telescopes, static_files
from photzp.records import Database
from photzp.report.context import ReportContext
from photzp.report.memory import write_memory
from photzp.report.overviews import has_size_class
from photzp.report.results import Results

STATUS_FILE = 'status.json'

log = logging.getLogger('photzp.report')


def publish(context: ReportContext, results: Results) -> None:
    """Write state and pages, once all that they show is in place.

    Parameters
    ----------
    context : ReportContext
    results : Results
    """
    context.store.flush()
    if context.period.is_whole:
        _put_state(context, results)
    if context.settings.renderhtml:
        _put_pages(context, results)
        context.store.flush()


def _put_state(context: ReportContext, results: Results) -> None:
    """Write the memory for the next run."""
    state, counts = results.state, results.counts
    state.overviews = {name: remembered for name, remembered in state.overviews.items()
                       if has_size_class(name, context.observatory)}
    write_memory(context.store, state, results.fits, results.nights,
                 is_new=counts['series'] > counts['kept'] or results.has_new_nights)


def _put_pages(context: ReportContext, results: Results) -> None:
    store, observatory = context.store, context.observatory
    earlier = _earlier_page(store.get(STATUS_FILE), observatory.throughput)
    page = merge(earlier, _page(context, results))
    page = only_present(page, {name for name in store.names() if has_size_class(name, observatory)})
    for name, content in static_files().items():
        store.put(name, content)
    store.put(STATUS_FILE, render_status(page).encode())
    for name, html in render_telescopes(page, observatory).items():
        store.put(name, html.encode())
    store.put('index.html', render_index(page, observatory).encode())  # last: it names the rest


def _page(context: ReportContext, results: Results) -> Page:
    """The page of this run alone."""
    shown = results.in_order()
    outputs = {name: output for series in shown for name, output in series.outputs.items()} | results.overviews
    plots = {name: Plot(output.width, output.height, output.alt) for name, output in outputs.items()
             if output.width is not None and output.height is not None}
    trends = (trend_of(*series.result.key, series.model.dateobs, series.model.modelzp) for series in shown)
    return Page(
        updated=context.updated, statuses=tuple(series.result.status for series in shown), plots=plots,
        runs=tuple(_runs(context.database, context.updated, len(results.shown))), version=context.version,
        files=tuple(name for name in outputs if name not in plots), answers=results.answers,
        cameras=results.cameras(context.database), trends=tuple(filter(None, trends)))


def _earlier_page(content: bytes | None, rules: ThroughputRules) -> Page | None:
    """The page that an earlier run left, its rows judged by these rules; None where it cannot be read."""
    if content is None:
        return None
    try:
        page = read_status(content.decode())
        return replace(page, statuses=tuple(judged_anew(status, rules) for status in page.statuses))
    except ValueError as error:
        log.warning('%s of an earlier run cannot be read (%s): the page is made anew', STATUS_FILE, error)
        return None


def _runs(database: Database, updated: str, series: int) -> Iterator[RunInfo]:
    """This run, and the newest runs of the calibration."""
    for run in database.runs(1, script='longtermphotzp.py'):
        yield RunInfo(run.script, run.started, updated, DONE, f'{series} telescopes and filters')
    for run in database.runs(20, script='photcalibration.py'):
        summary = ', '.join(f'{count} {name}' for name, count in run.counts.items() if count)
        yield RunInfo(run.script, run.started, run.ended, run.status, summary)
