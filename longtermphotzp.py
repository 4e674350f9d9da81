#!/usr/bin/env python3
"""Show how the throughput of each telescope changes over the years: models, trend plots and an HTML
index from the database of zeropoints, in a directory or, with AWS_S3_BUCKET set, in an S3 bucket."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from photzp import program
from photzp.errors import COULD_NOT_RUN, DONE, FINDINGS, SOME_UNREADABLE, DatabaseUnusable, UsageInvalid
from photzp.running.commandline import Parser, date_option, percent_option, processes_option, yes_or_no_option
from photzp.running.progress import with_progress
from photzp.running.script import Interrupted, log, note_run, print_summary, run_script, standard_output

if TYPE_CHECKING:  # imported where they are used, so that --help answers at once
    from photdbinterface import PhotDatabase
    from photzp.answers.alarms import Finding
    from photzp.observatory import Observatory
    from photzp.report.context import ReportContext
    from photzp.report.report import Report
    from photzp.report.settings import ReportSettings
    from photzp.store.base import ReportStore
    from photzp.times import Period

DEFAULT_DIRECTORY = '~/lcozpplots'
DEFAULT_DATABASE = '~/lcozpplots/lcophotzp.db'
SWITCHES = {
    'pertelescopeplots': 'plots of each telescope and filter',
    'createsummaryplots': 'plots of all telescopes together',
    'renderhtml': 'pages (index.html and one per telescope) and status.json',
    'errorhistogram': 'histograms of the errors of single frames',
}
OLD_FILES = '???-*.db'


def parser() -> Parser:
    """The command line of this script.

    Returns
    -------
    Parser
    """
    p = Parser(prog='longtermphotzp.py', usage='%(prog)s [OPTION ...]', description=__doc__, epilog=_EPILOG)
    what = p.add_argument_group('which telescopes and nights')
    what.add_argument('--site', help='only this site, such as lsc (default: all sites)')
    what.add_argument('--telescope', help='only this telescope, as enclosure-telescope: domb-1m0a (default: all)')
    what.add_argument('--filter', help='only this filter: gp, rp, ip or zp (default: every filter with data)')
    what.add_argument('--start', metavar='DATE', type=date_option,
                      help='leave out frames before this date, YYYYMMDD or YYYY-MM-DD (UTC)')
    what.add_argument('--end', metavar='DATE', type=date_option, help='leave out frames of this date and later')
    shown = p.add_argument_group('what is drawn')
    for name, words in SWITCHES.items():
        _add_switch(shown, name, f'{words} (default: True)', f'no {words}')
    fit = p.add_argument_group('how zeropoints are made comparable')
    _add_switch(fit, 'cameracolorterm',
                'correct zeropoints to the colour term of their camera in that half-year (default: True)',
                'leave each zeropoint at the colour term of its own frame')
    fit.add_argument('--fit-extinction', action='store_true',
                     help='changes nothing: the extinction of a site is always fitted with the throughput of its '
                     'telescopes')
    _add_alarms(p)
    where = p.add_argument_group('where things are')
    where.add_argument('--database', default=DEFAULT_DATABASE,
                       help=f'database: a file, a directory or an SQLAlchemy URL (default: {DEFAULT_DATABASE})')
    where.add_argument('--outputdirectory', metavar='DIR', default=DEFAULT_DIRECTORY,
                       help=f'directory to write to if AWS_S3_BUCKET is not set (default: {DEFAULT_DIRECTORY})')
    where.add_argument('--observatory', metavar='FILE',
                       help='TOML file that extends and overrides the built-in observatory.toml')
    _add_other_tasks(p)
    computing = p.add_argument_group('computing')
    computing.add_argument('--processes', metavar='N', type=processes_option,
                           help='number of processes that fit and draw (default: one per core that this run may use)')
    p.add_log_options()
    return p


def _add_switch(group: argparse._ArgumentGroup, name: str, on: str, off: str) -> None:
    group.add_argument(f'--{name}', nargs='?', const=True, default=True, type=yes_or_no_option, metavar='BOOL', help=on)
    group.add_argument(f'--no-{name}', dest=name, action='store_false', help=off)


def _add_alarms(p: Parser) -> None:
    alarms = p.add_argument_group('findings (what somebody should look at)')
    alarms.add_argument('--check', action='store_true',
                        help='print one line per finding of the whole fleet, the worst first, and end with status 3 '
                        'if there is any; the limits are in [alarms] of observatory.toml')
    alarms.add_argument('--threshold', metavar='PERCENT', type=percent_option,
                        help='throughput below this percentage of the reference is a finding (default: 80, '
                        'from observatory.toml)')
    alarms.add_argument('--metrics', metavar='FILE',
                        help='write state and findings of the whole fleet for Prometheus to this file, such as '
                        "photzp.prom in the directory of the node exporter's textfile collector")


def _add_other_tasks(p: Parser) -> None:
    other = p.add_argument_group('instead of a report (one of these)').add_mutually_exclusive_group()
    other.add_argument('--export', metavar='FILE',
                       help='write the zeropoints as a table to a file whose name ends in .csv, .ecsv or .parquet; '
                       '- writes CSV to standard output')
    other.add_argument('--backup', metavar='FILE',
                       help='copy the SQLite database to this file, even while other processes write to it')
    other.add_argument('--copyto', metavar='DATABASE',
                       help='copy every row to another database, new or empty, for instance from SQLite to '
                       'PostgreSQL, and compare the two')
    other.add_argument('--testdb', action='store_true', help='read and check every record of the database')
    other.add_argument('--importold', action='store_true',
                       help=f'import old files {OLD_FILES} (ASCII or SQLite) of the output directory into the database')


_EPILOG = """\
examples:
  everything, into ~/lcozpplots         longtermphotzp.py
  one telescope; the rest stays         longtermphotzp.py --site lsc --telescope domb-1m0a
  plots of one filter, no pages         longtermphotzp.py --filter rp --no-renderhtml
  list the findings                     longtermphotzp.py --check --threshold 75
  numbers for your own tools            longtermphotzp.py --export zeropoints.ecsv --start 20240101
  a look at the first rows              longtermphotzp.py --export - | head
  the report into an S3 bucket          AWS_S3_BUCKET=throughput longtermphotzp.py

exit status: 0 done; 1 done, but some input was unreadable or a telescope failed
(--testdb: there are findings); 2 could not run; 3 done, and --check has findings;
128 + n ended by signal n
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments of the command line; those of the process by default.

    Returns
    -------
    int
        Exit status.
    """
    p = parser()
    options = p.parse_args(argv)
    if options.start and options.end and options.start >= options.end:
        p.error(f'--start {options.start} is not before --end {options.end}')
    if options.start or options.end:
        of_all = [name for name in ('check', 'metrics') if getattr(options, name)]
        if of_all:
            p.error(f'--{of_all[0].replace("_", "-")} needs all of the time: not with --start or --end')
    return run_script(run, options, p.prog)


def run(options: argparse.Namespace, *, now: datetime | None = None) -> int:
    """Make the report, or do another task of the command line.

    Parameters
    ----------
    options : argparse.Namespace
    now : datetime.datetime, optional
        With time zone; the clock's by default.

    Returns
    -------
    int
        Exit status.

    Raises
    ------
    RunStopped
        The run is not possible.
    """
    from photdbinterface import PhotDatabase

    now, observatory = (now or datetime.now(UTC)).astimezone(UTC), _observatory(options)
    if not options.importold and not PhotDatabase.exists(options.database):
        raise DatabaseUnusable(f'{options.database}: there is no such database; measure frames by photcalibration.py '
                               'first, or name another by --database')
    with PhotDatabase(options.database, readonly=bool(options.testdb or options.copyto or options.backup)) as database:
        if options.testdb:
            return _check_database(database, observatory, now)
        if options.copyto:
            return _copy_rows(database, options.copyto)
        if options.backup:
            return _back_up(database, Path(options.backup).expanduser())
        if options.importold:
            return _import_old(database, Path(options.outputdirectory).expanduser())
        observatory = _with_sites_of_data(database, options, observatory, now)
        if options.export:
            return _export(database, options, observatory, now)
        return _recorded_run(database, options, observatory, now)


def _observatory(options: argparse.Namespace) -> 'Observatory':
    from photzp.observatory import load_observatory

    observatory = load_observatory(options.observatory)
    percent = options.threshold or observatory.alarms.throughput_below_percent
    return replace(observatory, alarms=replace(observatory.alarms, throughput_below_percent=percent))


def _with_sites_of_data(database: 'PhotDatabase', options: argparse.Namespace, observatory: 'Observatory',
                        now: datetime) -> 'Observatory':
    """The observatory with the sites that only the database has; logs which events of --observatory do not fit it."""
    from photzp.report.ownevents import warn_of_events
    from photzp.report.sites import with_sites_of_data
    from photzp.times import instant_of

    telescopes = database.telescopes()
    if options.observatory:
        warn_of_events(telescopes, database.span, observatory, options.observatory, instant_of(now))
    sites = {telescope.site for telescope in telescopes if options.site in (None, telescope.site)}
    return with_sites_of_data(sites, database.times, observatory, instant_of(now))


def _recorded_run(database: 'PhotDatabase', options: argparse.Namespace, observatory: 'Observatory',
                  now: datetime) -> int:
    """The report with its record in the database: begun, and ended whatever ends it."""
    from photzp.report.report import Report
    from photzp.store.open import open_store

    metrics_file = _metrics_file(options)
    if options.fit_extinction:
        log.info('--fit-extinction changes nothing: extinction is always fitted with the throughput')
    given = {name: value for name, value in vars(options).items() if value is not None}
    run_id = database.start_run('longtermphotzp.py', {**given, 'database': database.place}, program.VERSION)
    note_run(run_id)
    status, counts = COULD_NOT_RUN, Counter[str]()
    try:
        with open_store(os.path.expanduser(options.outputdirectory), os.environ) as store:
            report = Report(_context(database, store, options, observatory, now))
            counts = report.counts
            with closing(report.make()) as series:
                for _ in with_progress(series, 'series', len(report.series)):
                    pass
            report.finish()
        counts.update(sent=store.sent, unchanged=store.unchanged)
        if metrics_file:
            _write_metrics(metrics_file, report)
        status = SOME_UNREADABLE if counts['failed'] else DONE
        if options.check:
            counts['findings'] = len(report.findings)
            status = FINDINGS if report.findings else status
    except Interrupted as signalled:
        status = signalled.exit_status
        raise
    finally:
        database.finish_run(run_id, status, dict(counts))
    _sum_up(counts, status, store.place.rstrip('/') + ('/index.html' if options.renderhtml else ''))
    if options.check:
        _print_findings(report.findings)
    return status


def _context(database: 'PhotDatabase', store: 'ReportStore', options: argparse.Namespace, observatory: 'Observatory',
             now: datetime) -> 'ReportContext':
    from photdbinterface import PhotDatabase
    from photzp.report.context import ReportContext
    from photzp.running.cores import usable_cores

    return ReportContext(
        database=database, open_database=partial(PhotDatabase, options.database, readonly=True), store=store,
        observatory=observatory, settings=_report_settings(options), period=_period(options, now),
        version=program.VERSION, processes=options.processes or usable_cores())


def _period(options: argparse.Namespace, now: datetime | None = None) -> 'Period':
    """The period of --start and --end; without `now` also rows dated in the future are in it."""
    from photzp.times import Period, instant_of

    return Period.of_dates(options.start, options.end, None if now is None else instant_of(now))


def _write_metrics(path: Path, report: 'Report') -> None:
    from photzp.answers.metrics import render_metrics, write_metrics

    context = report.context
    write_metrics(path, render_metrics(report.statuses(), report.findings, context.last_good(), context.now_s,
                                       shares=report.results.answers.shares))


def _sum_up(counts: Counter[str], status: int, place: str) -> None:
    print_summary(f'{counts["series"]} telescopes and filters ({counts["kept"]} unchanged) from {counts["zeropoints"]} '
                  f'zeropoints; {counts["sent"]} files written, {counts["unchanged"]} unchanged:', counts=dict(counts),
                  status=status)
    print_summary(place)
    if not counts['series']:
        log.warning('there are no zeropoints of this selection; see --start, --end and --filter')


def _report_settings(options: argparse.Namespace) -> 'ReportSettings':
    from photzp.report.settings import ReportSettings

    given = {field.name: getattr(options, field.name) for field in fields(ReportSettings)}
    return ReportSettings(**given | {'metrics': bool(options.metrics)})


def _metrics_file(options: argparse.Namespace) -> Path | None:
    """The file for metrics, None without --metrics; UsageInvalid at once where its directory is missing."""
    path = Path(options.metrics).expanduser() if options.metrics else None
    if path and not path.parent.is_dir():
        raise UsageInvalid(f'--metrics {path}: there is no directory {path.parent}; make it, or name another file')
    return path


def _print_findings(findings: 'Sequence[Finding]') -> None:
    number = len(findings)
    print_summary('no findings' if not number else f'{number} finding{"s" if number > 1 else ""}', findings=number)
    for finding in findings:
        where = {name: getattr(finding, name) for name in ('telescope', 'filter', 'camera') if getattr(finding, name)}
        print_summary(finding.line(), finding=finding.kind, **where)


def _check_database(database: 'PhotDatabase', observatory: 'Observatory', now: datetime) -> int:
    """Read every record and print what is wrong; DONE where nothing is, SOME_UNREADABLE where something is."""
    from photzp.database.check import faults_of_rows

    rows = with_progress(database.raw_rows(), 'rows', database.count())
    checked = faults_of_rows(rows, observatory, now)
    faults = [f'the file is damaged: {fault}' for fault in database.integrity()] + checked.faults
    print_summary(f'{checked.total} zeropoints in {database.place}', counts={'zeropoints': checked.total})
    for line in faults:
        print_summary(f'  {line}')
    for line in checked.unused:
        print_summary(f'  not wrong, but not used by the report: {line}')
    print_summary('no findings' if not faults else f'{len(faults)} findings', findings=len(faults))
    return SOME_UNREADABLE if faults else DONE


def _back_up(database: 'PhotDatabase', path: Path) -> int:
    database.backup(path)
    print_summary(f'{database.place} copied to {path}')
    return DONE


def _copy_rows(database: 'PhotDatabase', copy: str) -> int:
    """Copy all rows to another, empty database, and print how many of each table."""
    from photdbinterface import PhotDatabase

    with PhotDatabase(copy) as other:
        for table, (rows, lost) in other.copy_from(database, with_progress).items():
            print_summary(f'{table}: {rows} rows copied and compared'
                          + (f'; {lost} values were no numbers and are missing now' if lost else ''))
        print_summary(f'{database.place} copied to {other.place}')
    return DONE


def _import_old(database: 'PhotDatabase', directory: Path) -> int:
    """Import old ASCII and SQLite files of a directory; SOME_UNREADABLE where one could not be read."""
    from photzp.database.oldfiles import import_file

    own = Path(database.place)
    paths = [path for path in sorted(directory.glob(OLD_FILES)) if not (own.exists() and path.samefile(own))]
    if not paths:
        print_summary(f'{directory}: holds no file {OLD_FILES}; name the directory that does by --outputdirectory')
    status = DONE
    for path in with_progress(paths, 'files'):
        new, known, unreadable = import_file(database, path)
        print_summary(f'{path}: {new} new, {known} known, {len(unreadable)} unreadable')
        for place, why in unreadable:
            print_summary(f'  {place}: {why}')
            status = SOME_UNREADABLE
    return status


def _export(database: 'PhotDatabase', options: argparse.Namespace, observatory: 'Observatory', now: datetime) -> int:
    from photzp.report.export import check_name, exported_columns, exported_zeropoints, write_csv, write_table
    from photzp.report.selection import selection
    from photzp.times import instant_of

    path = Path(options.export).expanduser()
    if options.export != '-':
        check_name(path)
    settings = _report_settings(options)
    selected = with_progress(selection(database, settings, observatory), 'series')
    pieces = exported_zeropoints(database, selected, _period(options), observatory,
                                 cameracolorterm=settings.cameracolorterm, now=instant_of(now))
    if options.export == '-':
        with standard_output() as file:
            rows = write_csv(file, exported_columns(database), pieces)
        log.info('%d zeropoints', rows)
    else:
        try:
            rows = write_table(path, exported_columns(database), pieces)
        except OSError as error:
            raise DatabaseUnusable(f'{path}: cannot be written ({error.strerror}); see --export') from None
        print_summary(f'{rows} zeropoints in {path}', counts={'zeropoints': rows})
    if not rows:
        log.warning('there are no zeropoints of this selection; see --start, --end and --filter')
    return DONE


if __name__ == '__main__':
    sys.exit(main())
