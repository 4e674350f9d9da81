#!/usr/bin/env python3
"""Measure the photometric zeropoint of BANZAI-reduced frames against a local Pan-STARRS1 catalogue,
into a database."""

import os
import sys
import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from photzp import program
from photzp.calibration.ledger import Ledger, Summary
from photzp.calibration.worker import Calibrator, MeasureSettings, Outcome, remote_calibrator
from photzp.dates import last_dates
from photzp.errors import COULD_NOT_RUN, DONE, SOME_UNREADABLE, WORKER_DIED, FrameRejected, UsageInvalid
from photzp.frames.archive import FrameFile, Listing, Selection, crawl_directory, find_frames, size_and_mtime
from photzp.plaintext import did_you_mean
from photzp.running.commandline import Parser, date_option, names_option, processes_option, whole_number
from photzp.running.progress import with_progress
from photzp.running.script import Interrupted, log, note_run, print_line, print_summary, run_script

if TYPE_CHECKING:  # imported where they are used, so that --help answers at once
    from photdbinterface import PhotDatabase
    from photzp.observatory import Observatory
    from ps1catalog import PS1Catalog

DEFAULT_DATABASE = '~/lcozpplots/lcophotzp.db'
_DEFAULT_PS1DIR = '~/Catalogs/ps1odi/panstarrs/'
_DEFAULT_ARCHIVE = '/archive/engineering'
_CRAWL_DATABASE = 'imagezp.db'

_FRAMES_PER_CHUNK = 6         # frames that a process takes at a time: consecutive frames are mostly of one field
_CLUSTER_WORKERS = 64         # frames are cut into chunks as for so many workers, since a cluster may grow
_CATALOG_CACHE_BYTES = 512 * 2**20  # memory for the reference catalogue, of all processes together
_CACHES_PER_HOST = 4          # workers that share this memory on each machine of a cluster
_FEW_FRAMES = 10              # fewer frames are measured in this process: others would take longer to start
_NAMES_PER_QUERY = 5000       # frames that the database is asked about at a time


def parser() -> Parser:
    """The command line of this script.

    Returns
    -------
    Parser
    """
    p = Parser(prog='photcalibration.py', usage='%(prog)s SELECTION [OPTION ...]', description=__doc__, epilog=_EPILOG)
    _add_frame_options(p)
    where = p.add_argument_group('where things are')
    where.add_argument('--imagerootdir', metavar='DIR', default=_DEFAULT_ARCHIVE,
                       help=f'root of the frame archive (default: {_DEFAULT_ARCHIVE})')
    where.add_argument('--ps1dir', metavar='DIR', default=_DEFAULT_PS1DIR,
                       help=f'directory of the reference catalogue, with SkyTable.fits (default: {_DEFAULT_PS1DIR})')
    where.add_argument('--photodb', metavar='DATABASE',
                       help=f'database: a file, a directory or an SQLAlchemy URL (default: {DEFAULT_DATABASE})')
    where.add_argument('--diagnosticplotsdir', metavar='DIR',
                       help='write plots of each fit to this directory (default: no plots)')
    where.add_argument('--observatory', metavar='FILE',
                       help='TOML file that extends and overrides the built-in observatory.toml')
    how = p.add_argument_group('computing')
    how.add_argument('--processes', metavar='N', type=processes_option,
                     help='number of processes that measure (default: one per core that this run may use)')
    how.add_argument('--scheduler', metavar='ADDRESS', help='measure on the workers of a Dask cluster instead; the '
                     'address of its scheduler, such as tcp://host:8786; see docs/scaling.md')
    p.add_log_options()
    return p


def _add_frame_options(p: Parser) -> None:
    frames = p.add_argument_group('which frames: SELECTION is at least one of these')
    frames.add_argument('--lastNdays', metavar='N', type=whole_number, help='the last N nights, including today (UTC)')
    frames.add_argument('--date', metavar='DATE', nargs='+', type=date_option,
                        help='local nights, YYYYMMDD or YYYY-MM-DD (default: all nights)')
    frames.add_argument('--site', metavar='SITE,...', type=names_option,
                        help='sites, such as lsc,coj (default: all sites)')
    frames.add_argument('--camera', metavar='CAMERA,...', type=names_option, help='cameras, such as fa15,fs02')
    frames.add_argument('--cameratype', metavar='TYPE,...', type=names_option,
                        help='camera types: fs fl kb fa ep sq (default: all types)')
    frames.add_argument('--crawldirectory', metavar='DIR', help='all frames of one directory; the database is '
                        'imagezp.db in it unless --photodb names another')
    which = p.add_argument_group('which of these frames are measured')
    which.add_argument('--filter', metavar='FILTER,...', type=names_option, help='only these filters, such as gp,rp')
    which.add_argument('--mintexp', metavar='SECONDS', type=_seconds, default=60.0,
                       help='shortest exposure time (default: 60)')
    which.add_argument('--preview', action='store_true', help='quick-look frames (e11) instead of final ones (e91)')
    which.add_argument('--redo', action='store_true', help='measure again frames that are in the database already')
    which.add_argument('--dry-run', action='store_true',
                       help='only print the paths of the frames that would be opened, one per line')


_EPILOG = """\
examples:
  the last three nights, all cameras    photcalibration.py --lastNdays 3
  one night again                       photcalibration.py --date 20190805 --redo
  one camera again, all nights          photcalibration.py --site lsc --camera fa15 --redo
  list the frames it would open         photcalibration.py --site lsc --camera fa15 --redo --dry-run
  the frames of a directory             photcalibration.py --crawldirectory ~/frames --mintexp 10

exit status: 0 done; 1 done, but some input was unreadable; 2 could not run;
128 + n ended by signal n, finished measurements are kept
"""


def _seconds(text: str) -> float:
    """Parse an option that is a time [s], 0 or more."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float('inf'):
        raise ArgumentTypeError(f'{text!r} is not a time in seconds, 0 or more')
    return seconds


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, and measure the selected frames.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the name of the program; by default those of this process.

    Returns
    -------
    int
        Exit status, as --help explains it.
    """
    p = parser()
    options = p.parse_args(argv)
    _check_usage(p, options)
    return run_script(run, options, p.prog)


def _check_usage(p: Parser, options: Namespace) -> None:
    """End with a message where options exclude each other, or none selects frames."""
    if options.lastNdays is not None and options.date:
        p.error('--date and --lastNdays exclude each other')
    if options.lastNdays is not None and not 1 <= options.lastNdays <= 100_000:
        p.error(f'--lastNdays {options.lastNdays}: must be a number of days, at least 1')
    if options.scheduler is not None and options.processes is not None:
        p.error('--scheduler and --processes exclude each other: a cluster has as many as it has workers')
    places = [name for name in ('camera', 'cameratype', 'crawldirectory') if getattr(options, name) is not None]
    if len(places) > 1:
        p.error(f'--{places[0]} and --{places[1]} exclude each other')
    others = [name for name in ('site', 'date', 'lastNdays') if getattr(options, name) is not None]
    if options.crawldirectory is not None and (others or options.preview):
        p.error(f'--crawldirectory takes all frames of the directory; --{(others or ["preview"])[0]} cannot go with it')
    if not places and not others:
        p.error('nothing selected: give at least one of --lastNdays, --date, --site, --camera, --cameratype, '
                '--crawldirectory')


def run(options: Namespace, *, today: date | None = None) -> int:
    """Measure the selected frames.

    Parameters
    ----------
    options : Namespace
        Parsed options.
    today : date, optional
        --lastNdays counts from it; the UTC date of the clock by default.

    Returns
    -------
    int
        Exit status.

    Raises
    ------
    RunStopped
        If the run cannot begin or go on.
    """
    from photdbinterface import PhotDatabase
    from photzp.observatory import load_observatory

    if options.scheduler:
        options = _same_places_everywhere(options)
    observatory = load_observatory(options.observatory)
    _check_known('--cameratype', options.cameratype, observatory.camera_types)
    _check_known('--filter', options.filter, observatory.filters)
    listing = _list_frames(options, observatory, today or datetime.now(UTC).date())
    for folder, reason in listing.unreadable:
        log.warning('%s: the folder cannot be listed (%s)', folder, reason)
    place, default_name = _database(options)
    if options.dry_run:
        return _dry_run(options, listing, place, default_name)
    with PhotDatabase(place, default_name=default_name) as database:
        return _run_in(database, options, observatory, listing)


def _check_known(option: str, names: Iterable[str] | None, known: Collection[str]) -> None:
    """Raise UsageInvalid for a name that observatory.toml does not have."""
    for name in names or ():
        if name not in known:
            raise UsageInvalid(f'{option} {name}: unknown{did_you_mean(name, known)}; known are {" ".join(known)}')


def _list_frames(options: Namespace, observatory: 'Observatory', today: date) -> Listing:
    if options.crawldirectory is not None:
        listing = crawl_directory(os.path.expanduser(options.crawldirectory), observatory)
        if not listing.frames and not listing.unreadable:
            log.warning('%s: holds no file with the name of a frame, as lsc1m005-fa15-20190805-0123-e91.fits.fz; '
                        'folders in it are not searched', options.crawldirectory)
        return listing
    dates = last_dates(options.lastNdays, today) if options.lastNdays is not None else options.date
    selection = Selection(sites=options.site, cameras=options.camera, camera_types=options.cameratype,
                          dates=tuple(dates) if dates else None, preview=options.preview)
    root = os.path.expanduser(options.imagerootdir)
    listing = find_frames(root, observatory, selection)
    if not listing.frames and not listing.unreadable:
        _warn_of_no_frames(root, options, observatory)
    return listing


def _warn_of_no_frames(root: str, options: Namespace, observatory: 'Observatory') -> None:
    """Warn where a lost mount, a wrong root or a misspelt name may be why no frame was listed, not a quiet night."""
    sites = options.site or tuple(observatory.sites)
    folders = sorted(os.listdir(root))
    if not set(folders) & set(sites):
        nearest = did_you_mean(sites[0], folders) if options.site else ''
        log.warning('%s: holds no folder of %s, but %s%s; is it mounted, and is --imagerootdir right?', root,
                    ', '.join(sites), ', '.join(folders[:8]) or 'nothing', nearest)
    elif options.camera or options.date:
        selection = [f'--{name} {",".join(values[:3])}' for name in ('site', 'camera', 'cameratype', 'date')
                     if (values := getattr(options, name))]
        log.warning('%s: holds no %s frame of %s; is it all spelt as in the archive?%s', root,
                    'quick-look' if options.preview else 'final', ' '.join(selection),
                    '' if options.preview else ' --preview would look for quick-look frames')


def _database(options: Namespace) -> tuple[str, str]:
    """(place of the database, name of its file if the place is a directory)."""
    if options.crawldirectory is not None and options.photodb is None:
        return os.path.join(os.path.expanduser(options.crawldirectory), _CRAWL_DATABASE), _CRAWL_DATABASE
    return options.photodb or DEFAULT_DATABASE, os.path.basename(DEFAULT_DATABASE)


def _dry_run(options: Namespace, listing: Listing, place: str, default_name: str) -> int:
    """Print the path of each frame that would be opened; writes nothing."""
    from photdbinterface import PhotDatabase

    todo: Sequence[FrameFile] = listing.frames
    if not options.redo and PhotDatabase.exists(place, default_name=default_name):
        with PhotDatabase(place, default_name=default_name, readonly=True) as database:
            todo = _unknown_frames(database, listing.frames, options.mintexp)
    log.info('%d frames found, %d to measure', len(listing.frames), len(todo))
    for frame in todo:
        print_line(frame.path)
    return SOME_UNREADABLE if listing.unreadable else DONE


def _run_in(database: 'PhotDatabase', options: Namespace, observatory: 'Observatory', listing: Listing) -> int:
    """Measure into the database, with a record of the run there, which is completed whatever ends it."""
    summary = Summary()
    summary.counts['unreadable folder'] = len(listing.unreadable)
    run_id = database.start_run('photcalibration.py', _options_on_record(options, database), program.VERSION)
    note_run(run_id)
    started, status = time.monotonic(), COULD_NOT_RUN
    try:
        todo: Sequence[FrameFile] = listing.frames
        if todo and not options.redo:
            todo = _unknown_frames(database, listing.frames, options.mintexp)
            summary.counts['known'] = len(listing.frames) - len(todo)
        log.info('%d frames found, %d to measure, into %s', len(listing.frames), len(todo), database.place)
        if todo:  # with nothing to do, nothing is loaded
            killers, ledger = database.rejected_for(WORKER_DIED.name), Ledger(database, summary)
            try:
                with closing(_outcomes(todo, options, observatory, killers)) as outcomes:
                    for frame_file, outcome in with_progress(outcomes, 'frames', len(todo)):
                        ledger.record(frame_file, outcome)
            finally:  # whatever ends the run, finished measurements are kept
                ledger.commit()
        status = summary.exit_status()
    except Interrupted as signalled:
        status = signalled.exit_status
        raise
    finally:
        summary.seconds = time.monotonic() - started
        database.finish_run(run_id, status, summary.as_counts(), summary.per_telescope)
    for line, fields in summary.lines():
        print_summary(line, **fields)
    return status


def _outcomes(todo: Sequence[FrameFile], options: Namespace, observatory: 'Observatory',
              killers: Collection[str]) -> Generator[tuple[FrameFile, Outcome], None, None]:
    """Measure the frames, here or on a cluster; those that killed a process before come last, each alone."""
    last = [frame for frame in todo if frame.name.name in killers]
    frames = [frame for frame in todo if frame.name.name not in killers] if last else todo
    measured = _on_cluster if options.scheduler else _on_this_machine
    with closing(measured(frames, last, options, observatory)) as results:
        for frame, outcome in results:
            yield frame, outcome or Outcome(size_and_mtime(frame.path), rejection=FrameRejected(WORKER_DIED))


def _on_this_machine(frames: Sequence[FrameFile], last: Sequence[FrameFile], options: Namespace,
                     observatory: 'Observatory') -> Generator[tuple[FrameFile, Outcome | None], None, None]:
    """Measure in this process, or in several for many frames; no outcome for a frame that kills its process."""
    processes = _processes(options.processes, len(frames))
    if processes > 1 or last:
        from photzp.running.processes import can_start, in_processes

        if not can_start():
            processes, frames, last = 1, [*frames, *last], []
    if processes == 1 and frames:
        calibrator = Calibrator(*_calibrator_arguments(options, observatory, 1))
        yield from ((frame, calibrator.outcome(frame)) for frame in frames)
        frames = ()
    if frames or last:
        with closing(in_processes(
                Calibrator, _calibrator_arguments(options, observatory, processes), Calibrator.outcome,
                _chunks(frames, processes), processes=processes, last=last)) as results:
            yield from results


def _on_cluster(frames: Sequence[FrameFile], last: Sequence[FrameFile], options: Namespace,
                observatory: 'Observatory') -> Generator[tuple[FrameFile, Outcome | None], None, None]:
    from photzp.running.cluster import on_cluster

    root = options.crawldirectory or options.imagerootdir
    return on_cluster(
        remote_calibrator, (root, *_calibrator_arguments(options, observatory, _CACHES_PER_HOST)), Calibrator.outcome,
        _chunks(frames, _CLUSTER_WORKERS), address=options.scheduler, last=last)


def _calibrator_arguments(options: Namespace, observatory: 'Observatory', calibrators: int,
                          ) -> tuple['Callable[[], PS1Catalog]', MeasureSettings, 'Observatory']:
    """Arguments of each of so many Calibrators, which share the memory for the catalogue."""
    from ps1catalog import PS1Catalog

    settings = MeasureSettings(options.mintexp, options.filter, options.diagnosticplotsdir)
    return partial(PS1Catalog, options.ps1dir, cache_bytes=_CATALOG_CACHE_BYTES // calibrators), settings, observatory


def _same_places_everywhere(options: Namespace) -> Namespace:
    """The options with absolute paths, since another machine has its own home and working directory."""
    paths = {name: os.path.abspath(os.path.expanduser(getattr(options, name)))
             for name in ('ps1dir', 'imagerootdir', 'crawldirectory', 'diagnosticplotsdir') if getattr(options, name)}
    return Namespace(**{**vars(options), **paths})


def _processes(requested: int | None, frames: int) -> int:
    """Number of processes for so many frames: as requested, or one per core, but none for a few frames."""
    if requested == 1 or frames < _FEW_FRAMES:
        return 1
    if requested is None:
        from photzp.running.cores import usable_cores

        requested = usable_cores()
    return min(requested, frames // (_FEW_FRAMES // 2))


def _chunks(frames: Sequence[FrameFile], processes: int) -> Iterator[Sequence[FrameFile]]:
    """Consecutive frames of one camera and night, a few at a time, so that all processes have some."""
    size = max(1, min(_FRAMES_PER_CHUNK, len(frames) // (2 * processes)))
    for _, group in groupby(frames, key=lambda frame: (frame.name.camera, frame.name.dayobs)):
        night = list(group)
        yield from (night[first:first + size] for first in range(0, len(night), size))


def _options_on_record(options: Namespace, database: 'PhotDatabase') -> dict[str, object]:
    """The options as the database keeps them, without any password of a URL."""
    record = {name: value for name, value in vars(options).items() if value not in (None, False)}
    if options.scheduler:
        record['scheduler'] = options.scheduler.rpartition('@')[2]
    if options.photodb:
        record['photodb'] = database.place
    return record


def _unknown_frames(database: 'PhotDatabase', frames: Sequence[FrameFile], min_exptime_s: float) -> list[FrameFile]:
    """The frames that are to be measured: without those that the database knows already."""
    unknown = []
    for first in range(0, len(frames), _NAMES_PER_QUERY):
        by_name = {frame.name.name: frame for frame in frames[first:first + _NAMES_PER_QUERY]}
        known = database.known(list(by_name), mintexp_s=min_exptime_s, stat=partial(_size_and_mtime_of, by_name))
        unknown += [frame for name, frame in by_name.items() if name not in known]
    return unknown


def _size_and_mtime_of(frames: dict[str, FrameFile], name: str) -> tuple[int, int]:
    return size_and_mtime(frames[name].path)


if __name__ == '__main__':
    sys.exit(main())
