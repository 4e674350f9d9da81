#!/usr/bin/env python3
"""Measure the photometric zeropoint of BANZAI-reduced frames against a local Pan-STARRS1 catalogue,
into a database."""

import io
import logging
import os
import sys
import time
from argparse import ArgumentTypeError, Namespace
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property, partial
from itertools import groupby
from typing import TYPE_CHECKING

from photzp import program
from photzp.errors import (
    FILE_UNREADABLE,
    INTERNAL_ERROR,
    NO_REFERENCE_STARS,
    OUTSIDE_FOOTPRINT,
    REASONS,
    TOO_FEW_STARS,
    WCS_OFF,
    WORKER_DIED,
    ArchiveMissing,
    FrameRejected,
    RunStopped,
    UsageInvalid,
)
from photzp.plaintext import did_you_mean
from photzp.running import commandline
from photzp.running.commandline import (
    DONE,
    SOME_UNREADABLE,
    Parser,
    date_option,
    log,
    names_option,
    note_run,
    processes_option,
    put_out,
    run_script,
    tell,
    whole_number,
    with_progress,
)

if TYPE_CHECKING:  # imported where they are used, so that --help answers at once
    import numpy as np

    from photdbinterface import Measurement, PhotDatabase, RejectedFrame
    from photzp.calibration.quality import FrameQuality
    from photzp.calibration.starmatch import Matches
    from photzp.calibration.zeropoint import StarSample, ZeropointFit
    from photzp.frames.archive import FrameFile, Listing
    from photzp.frames.banzai import Frame
    from photzp.names import FrameName
    from photzp.observatory import Observatory
    from photzp.store.store import DirectoryStore
    from ps1catalog import PS1Catalog, ReferenceStars

DEFAULT_PS1DIR = '~/Catalogs/ps1odi/panstarrs/'
DEFAULT_DATABASE = '~/lcozpplots/lcophotzp.db'
DEFAULT_ARCHIVE = '/archive/engineering'
CRAWL_DATABASE = 'imagezp.db'

CONE_MARGIN_DEG = 0.01        # beyond the corners: pointing and distortion, and neighbours of the stars at the edge
WCS_SNR = 10.0                # a source above this has a reference star, if the world coordinates are right
WIDER_MARGIN_DEG = 0.1        # where the world coordinates turn out to be far off
USUAL_FWHM_ARCSEC = 2.0       # where the header has none: the usual seeing of the network
CATALOG_CACHE_BYTES = 512 * 2**20  # of all processes together
NEIGHBOURS = 6                # frames that one process takes at a time: consecutive ones are mostly of one field
CLUSTER_WORKERS = 64          # a cluster may grow: frames are cut into chunks as for that many workers
CACHES_PER_HOST = 4           # that share the memory for the catalogue on a machine of a cluster
FEW_FRAMES = 10               # below this, processes take longer to start than the frames take
COMMIT_SHARE, COMMIT_S = 0.1, 1.0  # of the time, and how long what is measured waits at most
UNKNOWN = 'unknown'           # telescope of a frame whose header could not be read
_KNOWN_CHUNK = 5000


def parser() -> Parser:
    """The command line of this script."""
    p = Parser(prog='photcalibration.py', usage='%(prog)s SELECTION [OPTION ...]', description=__doc__, epilog=_EPILOG)
    what = p.add_argument_group('which frames: the SELECTION is one or more of these')
    what.add_argument('--lastNdays', metavar='N', type=whole_number, help='the last N nights, today (UTC) counted')
    what.add_argument('--date', metavar='DATE', nargs='+', type=date_option,
                      help='local nights, YYYYMMDD or YYYY-MM-DD (default: all there are)')
    what.add_argument('--site', metavar='SITE,...', type=names_option,
                      help='sites, as lsc,coj (default: all there are)')
    what.add_argument('--camera', metavar='CAMERA,...', type=names_option, help='cameras, as fa15,fs02')
    what.add_argument('--cameratype', metavar='TYPE,...', type=names_option,
                      help='camera types: fs fl kb fa ep sq (default: all of them)')
    what.add_argument('--crawldirectory', metavar='DIR', help='all frames of one directory; the database is imagezp.db '
                      'in it unless --photodb says otherwise')
    which = p.add_argument_group('which of them are measured')
    which.add_argument('--filter', metavar='FILTER,...', type=names_option, help='only these filters, as gp,rp')
    which.add_argument('--mintexp', metavar='SECONDS', type=_seconds, default=60.0,
                       help='shortest exposure time (default: 60)')
    which.add_argument('--preview', action='store_true', help='quick-look frames (e11) instead of final ones (e91)')
    which.add_argument('--redo', action='store_true', help='measure again what is in the database already')
    which.add_argument('--dry-run', action='store_true',
                       help='only print the paths of the frames that would be opened, one a line')
    where = p.add_argument_group('where things are')
    where.add_argument('--imagerootdir', metavar='DIR', default=DEFAULT_ARCHIVE,
                       help=f'root of the frame archive (default: {DEFAULT_ARCHIVE})')
    where.add_argument('--ps1dir', metavar='DIR', default=DEFAULT_PS1DIR,
                       help=f'directory of the reference catalogue, with SkyTable.fits (default: {DEFAULT_PS1DIR})')
    where.add_argument('--photodb', metavar='DATABASE',
                       help=f'database: a file, a directory or an SQLAlchemy URL (default: {DEFAULT_DATABASE})')
    where.add_argument('--diagnosticplotsdir', metavar='DIR',
                       help='write plots of each fit to this directory (default: no plots)')
    where.add_argument('--observatory', metavar='FILE', help='TOML file laid over the built-in observatory.toml')
    how = p.add_argument_group('computing')
    how.add_argument('--processes', metavar='N', type=processes_option,
                     help='processes that measure (default: one per core that this run may use)')
    how.add_argument('--scheduler', metavar='ADDRESS', help='measure on the workers of a Dask cluster instead, as '
                     'tcp://host:8786; see docs/scaling.md')
    p.add_log_options()
    return p


_EPILOG = """\
examples:
  the last three nights, all cameras    photcalibration.py --lastNdays 3
  one night again                       photcalibration.py --date 20190805 --redo
  one camera again, all nights          photcalibration.py --site lsc --camera fa15 --redo
  which frames would that be?           photcalibration.py --site lsc --camera fa15 --redo --dry-run
  the frames of a directory             photcalibration.py --crawldirectory ~/frames --mintexp 10

exit status: 0 done; 1 done, but some input was unreadable; 2 could not run;
128 + n ended by signal n, what was measured is kept
"""


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float('inf'):
        raise ArgumentTypeError(f'{text!r} is no time in seconds, 0 or more')
    return seconds


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    p = parser()
    options = p.parse_args(argv)
    _check_usage(p, options)
    return run_script(run, options, p.prog)


def _check_usage(p: Parser, options: Namespace) -> None:
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


@dataclass
class Summary:
    """What a run did: frames by outcome, rejections by reason, outcomes per telescope."""

    counts: Counter = field(default_factory=Counter)
    reasons: Counter = field(default_factory=Counter)
    per_telescope: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    seconds: float = 0.0

    def as_counts(self) -> dict[str, int]:
        """Number of frames by outcome, for the database; rejected ones by reason."""
        return {**self.counts, **{f'rejected: {name}': n for name, n in sorted(self.reasons.items())}}

    def tell(self, status: int) -> None:
        """The same on standard output: a line of outcomes, then one per reason, the most frequent first."""
        rejected = sum(self.reasons.values())
        counts = {'measured': self.counts['measured'], 'known': self.counts['known'], 'rejected': rejected,
                  'other_filter': self.counts['other filter'],
                  'unreadable': self.reasons[FILE_UNREADABLE.name] + self.counts['unreadable folder']}
        opened = counts['measured'] + rejected
        rate = f'; {opened / max(self.seconds, 1e-3):.1f} frames per second' if opened else ''
        folders = self.counts['unreadable folder']
        extra = f', {folders} unreadable folder{"s" * (folders > 1)}' if folders else ''
        tell('{measured} measured, {known} already known, {rejected} rejected, {other_filter} of another filter'.format(
            **counts) + extra + rate, counts=counts, status=status)
        for name, n in self.reasons.most_common():
            tell(f'  rejected, {name}: {n} ({REASONS[name].sentence})', reason=name, counts={'frames': n})

    def exit_status(self) -> int:
        """SOME_UNREADABLE where a file or folder could not be read, else DONE."""
        unreadable = self.reasons[FILE_UNREADABLE.name] or self.counts['unreadable folder']
        return SOME_UNREADABLE if unreadable else DONE


def run(options: Namespace, *, today: date | None = None) -> int:
    """Measure all frames selected; returns the exit status.

    today : datetime.date that --lastNdays counts from, the UTC date of the clock by default.
    Raises RunStopped where the run cannot begin or go on.
    """
    from photdbinterface import PhotDatabase
    from photzp.observatory import load_observatory

    if options.scheduler:
        options = _same_places_everywhere(options)
    observatory = load_observatory(options.observatory)
    _check_known('--cameratype', options.cameratype, observatory.camera_types)
    _check_known('--filter', options.filter, observatory.filters)
    listing = _list_frames(options, observatory, today or datetime.now(UTC).date())
    for folder, why in listing.unreadable:
        log.warning('%s: the folder cannot be listed (%s)', folder, why)
    place, default_name = _database(options)
    if options.dry_run:
        return _dry_run(options, listing, place, default_name)
    with PhotDatabase(place, default_name=default_name) as database:
        return _run_in(database, options, observatory, listing)


def _check_known(option: str, names: Iterable[str] | None, known: Collection[str]) -> None:
    for name in names or ():
        if name not in known:
            raise UsageInvalid(f'{option} {name}: unknown{did_you_mean(name, known)}; known are {" ".join(known)}')


def _list_frames(options: Namespace, observatory: 'Observatory', today: date) -> 'Listing':
    from photzp.frames.archive import Selection, crawl_directory, find_frames, last_dates

    if options.crawldirectory is not None:
        listing = crawl_directory(os.path.expanduser(options.crawldirectory), observatory)
        if not listing.frames and not listing.unreadable:
            log.warning('%s: holds no file with the name of a frame, as lsc1m005-fa15-20190805-0123-e91.fits.fz; of '
                        'folders in it nothing is looked at', options.crawldirectory)
        return listing
    dates = last_dates(options.lastNdays, today) if options.lastNdays is not None else options.date
    selection = Selection(options.site, options.camera, options.cameratype, tuple(dates) if dates else None,
                          options.preview)
    root = os.path.expanduser(options.imagerootdir)
    listing = find_frames(root, observatory, selection)
    if not listing.frames and not listing.unreadable:
        _warn_of_nothing(root, options, observatory)
    return listing


def _warn_of_nothing(root: str, options: Namespace, observatory: 'Observatory') -> None:
    """Nothing was found: tell a quiet night from a lost mount, a level too deep, or a name that is not there."""
    sites = options.site or tuple(observatory.sites)
    there = sorted(os.listdir(root))
    if not set(there) & set(sites):
        nearest = did_you_mean(sites[0], there) if options.site else ''
        log.warning('%s: holds no folder of %s, but %s%s; is it mounted, and is --imagerootdir right?', root,
                    ', '.join(sites), ', '.join(there[:8]) or 'nothing', nearest)
    elif options.camera or options.date:
        asked = [f'--{name} {",".join(given[:3])}' for name in ('site', 'camera', 'cameratype', 'date')
                 if (given := getattr(options, name))]
        log.warning('%s: holds no %s frame of %s; is it all spelt as in the archive?%s', root,
                    'quick-look' if options.preview else 'final', ' '.join(asked),
                    '' if options.preview else ' --preview would look for quick-look frames')


def _database(options: Namespace) -> tuple[str, str]:
    """(place, name of the file if the place is a directory) of the database."""
    if options.crawldirectory is not None and options.photodb is None:
        return os.path.join(os.path.expanduser(options.crawldirectory), CRAWL_DATABASE), CRAWL_DATABASE
    return options.photodb or DEFAULT_DATABASE, os.path.basename(DEFAULT_DATABASE)


def _dry_run(options: Namespace, listing: 'Listing', place: str, default_name: str) -> int:
    """Print the path of each frame that would be opened; writes nothing."""
    from photdbinterface import PhotDatabase

    todo: Sequence[FrameFile] = listing.frames
    if not options.redo and PhotDatabase.exists(place, default_name=default_name):
        with PhotDatabase(place, default_name=default_name, readonly=True) as database:
            todo = list(_unknown_frames(database, listing.frames, options.mintexp, Counter()))
    log.info('%d frames found, %d to measure', len(listing.frames), len(todo))
    for frame in todo:
        put_out(frame.path)
    return SOME_UNREADABLE if listing.unreadable else DONE


def _run_in(database: 'PhotDatabase', options: Namespace, observatory: 'Observatory', listing: 'Listing') -> int:
    """The run with its record in the database: begun, and ended whatever ends it."""
    summary = Summary()
    summary.counts['unreadable folder'] = len(listing.unreadable)
    run_id = database.start_run('photcalibration.py', _recorded(options, database), program.VERSION)
    note_run(run_id)
    started, status = time.monotonic(), commandline.COULD_NOT_RUN
    try:
        todo: Sequence[FrameFile] = listing.frames
        if not options.redo:
            todo = list(_unknown_frames(database, listing.frames, options.mintexp, summary.counts))
        log.info('%d frames found, %d to measure, into %s', len(listing.frames), len(todo), database.place)
        if todo:  # with nothing to do, nothing is loaded
            deadly, ledger = database.rejected_for(WORKER_DIED.name), Ledger(database, summary)
            try:
                with closing(_outcomes(todo, options, observatory, deadly)) as outcomes:
                    for frame_file, outcome in with_progress(outcomes, 'frames', len(todo)):
                        ledger.note(frame_file, outcome)
            finally:  # whatever ends it, what was measured is kept
                ledger.write()
        status = summary.exit_status()
    except commandline.Interrupted as signalled:
        status = signalled.exit_status
        raise
    finally:
        summary.seconds = time.monotonic() - started
        database.finish_run(run_id, status, summary.as_counts(), summary.per_telescope)
    summary.tell(status)
    return status


def _outcomes(todo: Sequence['FrameFile'], options: Namespace, observatory: 'Observatory',
              deadly: Collection[str]) -> Generator[tuple['FrameFile', 'Outcome'], None, None]:
    """Measure the frames, here or on a cluster; those that killed a process before come last, each alone."""
    last = [frame for frame in todo if frame.name.name in deadly]
    frames = [frame for frame in todo if frame.name.name not in deadly] if last else todo
    measured = _on_cluster if options.scheduler else _on_this_machine
    with closing(measured(frames, last, options, observatory)) as results:
        for frame, outcome in results:
            yield frame, outcome or Outcome(_stat(frame.path), rejection=FrameRejected(WORKER_DIED))


def _on_this_machine(frames: Sequence['FrameFile'], last: Sequence['FrameFile'], options: Namespace,
                     observatory: 'Observatory') -> Generator[tuple['FrameFile', 'Outcome | None'], None, None]:
    """In this process, or in several where it is worth it."""
    processes = _processes(options.processes, len(frames))
    if processes > 1 or last:
        from photzp.running.processes import can_start, in_processes

        if not can_start():
            processes, frames, last = 1, [*frames, *last], []
    if processes == 1 and frames:
        calibrator = Calibrator(options, observatory)
        yield from ((frame, calibrator.outcome(frame)) for frame in frames)
        frames = ()
    if frames or last:
        with closing(in_processes(Calibrator, (options, observatory, processes), Calibrator.outcome,
                                  _neighbours(frames, processes), processes=processes, last=last)) as results:
            yield from results


def _on_cluster(frames: Sequence['FrameFile'], last: Sequence['FrameFile'], options: Namespace,
                observatory: 'Observatory') -> Generator[tuple['FrameFile', 'Outcome | None'], None, None]:
    from photzp.running.cluster import on_cluster

    return on_cluster(calibrator_there, (options, observatory), Calibrator.outcome,
                      _neighbours(frames, CLUSTER_WORKERS), address=options.scheduler, last=last)


def calibrator_there(options: Namespace, observatory: 'Observatory') -> 'Calibrator':
    """A Calibrator on another machine; raises ArchiveMissing where that does not see the frames."""
    root = options.crawldirectory or options.imagerootdir
    if not (os.path.isdir(root) and os.access(root, os.R_OK | os.X_OK) and os.listdir(root)):
        raise ArchiveMissing(f'{root}: is not there, empty, or not readable on a machine that is to measure; mount '
                             'it on all machines of the cluster in the same place')
    return Calibrator(options, observatory, CACHES_PER_HOST)


def _same_places_everywhere(options: Namespace) -> Namespace:
    """The options with absolute paths: home and working directory of another machine are its own."""
    paths = {name: os.path.abspath(os.path.expanduser(getattr(options, name)))
             for name in ('ps1dir', 'imagerootdir', 'crawldirectory', 'diagnosticplotsdir') if getattr(options, name)}
    return Namespace(**{**vars(options), **paths})


def _processes(asked: int | None, frames: int) -> int:
    """How many processes are worth it: never more than frames for them."""
    if asked == 1 or frames < FEW_FRAMES:
        return 1
    if asked is None:
        from photzp.running.processes import usable_cores

        asked = usable_cores()
    return min(asked, frames // (FEW_FRAMES // 2))


def _neighbours(frames: Sequence['FrameFile'], processes: int) -> Iterator[Sequence['FrameFile']]:
    """Consecutive frames of one camera and night, a few at a time, so that all processes have some."""
    size = max(1, min(NEIGHBOURS, len(frames) // (2 * processes)))
    for _, night in groupby(frames, key=lambda frame: (frame.name.camera, frame.name.dayobs)):
        together = list(night)
        yield from (together[first:first + size] for first in range(0, len(together), size))


def _recorded(options: Namespace, database: 'PhotDatabase') -> dict[str, object]:
    """The options as the database keeps them, without any password of a URL."""
    given = {name: value for name, value in vars(options).items() if value not in (None, False)}
    if options.scheduler:
        given['scheduler'] = options.scheduler.rpartition('@')[2]
    return {**given, **({'photodb': database.place} if options.photodb else {})}


def _unknown_frames(database: 'PhotDatabase', frames: Sequence['FrameFile'], min_exptime_s: float,
                    counts: Counter) -> Iterator['FrameFile']:
    """The frames that the database does not settle; the others are counted as known."""
    for first in range(0, len(frames), _KNOWN_CHUNK):
        chunk = {frame.name.name: frame for frame in frames[first:first + _KNOWN_CHUNK]}
        known = database.known(list(chunk), mintexp_s=min_exptime_s, stat=partial(_stat_of, chunk))
        counts['known'] += len(known)
        yield from (frame for name, frame in chunk.items() if name not in known)


def _stat_of(frames: dict[str, 'FrameFile'], name: str) -> tuple[int, int]:
    return _stat(frames[name].path)


def _stat(path: str) -> tuple[int, int]:
    """(size [bytes], time of change [ns]) of a file, zeros where it is not there (any more)."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


@dataclass(frozen=True)
class Outcome:
    """What came of one frame: a measurement, a rejection, or neither where it is of another filter.

    seen : (size [bytes], time of change [ns]) of the file when it was opened.
    """

    seen: tuple[int, int]
    field: 'Field' = field(default_factory=lambda: Field())
    measurement: 'Measurement | None' = None
    rejection: FrameRejected | None = None


class Calibrator:
    """Measures frames, with the observatory and the catalogue at hand: what each process has one of.

    processes : number of those that share the memory for the catalogue.
    Raises CatalogMissing where there is no catalogue.
    """

    def __init__(self, options: Namespace, observatory: 'Observatory', processes: int = 1) -> None:
        from ps1catalog import PS1Catalog

        self.options, self.observatory = options, observatory
        self.catalog = PS1Catalog(options.ps1dir, cache_bytes=CATALOG_CACHE_BYTES // processes)

    @cached_property
    def plots(self) -> 'DirectoryStore':
        """Where plots go: in it they appear whole.  Raises StoreFailed where they cannot."""
        from photzp.figures.fontcache import release_font_list
        from photzp.store.store import DirectoryStore

        release_font_list()  # once, before the first figure
        return DirectoryStore(self.options.diagnosticplotsdir)

    def outcome(self, frame_file: 'FrameFile') -> Outcome:
        """Measure one frame, and plot it where asked for; one that cannot be measured never ends the run."""
        from photzp.frames.banzai import NotSelected

        name, seen, field = frame_file.name.name, _stat(frame_file.path), Field()
        log.debug('%s: is looked at', frame_file.path)
        try:
            calibration = _measure(frame_file.path, self.catalog, self.observatory, self.options, field)
        except NotSelected as other:
            log.debug('%s: filter %s is not asked for', name, other)
            return Outcome(seen, field)
        except FrameRejected as rejection:
            return Outcome(seen, field, rejection=rejection)
        except RunStopped:
            raise
        except Exception as error:  # a mistake of ours in one frame must not cost the others theirs
            log.exception('%s: please report this', name, extra={'frame': name})
            return Outcome(seen, field, rejection=FrameRejected(INTERNAL_ERROR, repr(error)[:200]))
        if self.options.diagnosticplotsdir:
            _write_plots(self.plots, calibration)
        return Outcome(seen, field, _measurement(calibration, field.complete))


class Ledger:
    """Takes what came of frames into the database, the log and the summary.

    A commit waits for the disk, on many for longer than a frame takes.  So the next one comes when commits have taken
    COMMIT_SHARE of the time, but no later than after COMMIT_S: until then frames wait for it.
    """

    def __init__(self, database: 'PhotDatabase', summary: Summary) -> None:
        self._database, self._summary = database, summary
        self._waiting: deque[tuple[FrameName, Outcome]] = deque()
        self._due = 0.0

    def note(self, frame_file: 'FrameFile', outcome: Outcome) -> None:
        """Take what came of one frame."""
        self._waiting.append((frame_file.name, outcome))
        if time.monotonic() >= self._due:
            self.write()

    def write(self) -> None:
        """Commit what waits, and only then tell of it; a signal in between leaves it waiting."""
        begun = time.monotonic()
        try:
            self._database.add_many(outcome.measurement for _, outcome in self._waiting if outcome.measurement)
            self._database.reject_many(_rejected(frame.name, outcome) for frame, outcome in self._waiting
                                       if outcome.rejection)
        except RunStopped:
            self._waiting.clear()
            raise
        ended = time.monotonic()
        self._due = ended + min((ended - begun) / COMMIT_SHARE, COMMIT_S)
        while self._waiting:
            frame, outcome = self._waiting.popleft()
            self._tell(frame.name, frame.camera, outcome)

    def _tell(self, name: str, camera: str, outcome: Outcome) -> None:
        measured, rejection, telescope = outcome.measurement, outcome.rejection, outcome.field.telescope
        known = {'frame': name, 'camera': camera, **({'telescope': telescope} if telescope != UNKNOWN else {})}
        if rejection is not None:
            reason = rejection.reason
            self._summary.reasons[reason.name] += 1
            self._summary.per_telescope[telescope][f'rejected: {reason.name}'] += 1
            # One that may pass is of the archive, the machine or this program: somebody should look at it.
            log.log(logging.WARNING if reason.passing else logging.INFO, '%s: rejected, %s: %s', name, reason.name,
                    rejection, extra={**known, 'reason': reason.name})
        elif measured is None:
            self._summary.counts['other filter'] += 1
        else:
            self._summary.counts['measured'] += 1
            self._summary.per_telescope[telescope]['measured'] += 1
            log.info('%s: %s zp %.4f +- %.4f, colour term %+.4f +- %.4f, scatter %.3f, %d stars', name, measured.filter,
                     measured.zp, measured.zperr, measured.colorterm, measured.colortermerr, measured.zpsig,
                     measured.nstars, extra={**known, 'filter': measured.filter, 'zp': round(measured.zp, 4),
                                             'zperr': round(measured.zperr, 4), 'nstars': measured.nstars})


def _rejected(name: str, outcome: Outcome) -> 'RejectedFrame':
    from photdbinterface import RejectedFrame

    rejection, field = outcome.rejection, outcome.field
    assert rejection is not None, 'asked for rejected frames only'
    size, mtime = outcome.seen
    return RejectedFrame(
        name=name, reason=rejection.reason.name, detail=rejection.detail,
        retry=rejection.passing or field.complete is False, size=size, mtime=mtime,
        exptime_s=field.exptime_s or rejection.exptime_s)


@dataclass
class Field:
    """What was learnt of a frame before it was measured or rejected."""

    telescope: str = UNKNOWN
    exptime_s: float | None = None
    complete: bool | None = None


def _measure(path: str, catalog: 'PS1Catalog', observatory: 'Observatory', options: Namespace,
             field: Field) -> 'Calibration':
    from photzp.frames.banzai import read_frame

    frame = read_frame(path, observatory, min_exptime_s=options.mintexp, filters=options.filter)
    field.telescope = f'{frame.site}-{frame.enclosure}-{frame.telescope}'
    field.exptime_s = frame.exptime_s
    return calibrate_in(catalog, frame, observatory, field)


def calibrate_in(catalog: 'PS1Catalog', frame: 'Frame', observatory: 'Observatory',
                 field: Field | None = None) -> 'Calibration':
    """The Calibration of a frame against a PS1Catalog; in `field` is noted whether its files were complete.

    Raises FrameRejected, with the reason, where the field or the stars do not allow one.
    Where the world coordinates are off, or no stars agree, the frame is tried again in a wider field.
    """
    field = Field() if field is None else field
    try:
        calibration = calibrate(frame, _reference_field(frame, catalog, CONE_MARGIN_DEG, field), observatory)
        if calibration.offset_arcsec <= 3600 * CONE_MARGIN_DEG:
            return calibration
    except FrameRejected as rejection:
        if rejection.reason not in (WCS_OFF, TOO_FEW_STARS):
            raise
    return calibrate(frame, _reference_field(frame, catalog, WIDER_MARGIN_DEG, field), observatory)


def _reference_field(frame: 'Frame', catalog: 'PS1Catalog', margin_deg: float, field: Field) -> 'ReferenceStars':
    references = catalog.cone(frame.ra_deg, frame.dec_deg, frame.radius_deg + margin_deg)
    field.complete = references.complete
    return references


@dataclass(frozen=True)
class Calibration:
    """A frame with its fit, the stars of the fit, their pixels, the shift that matching removed, and its quality."""

    frame: 'Frame'
    fit: 'ZeropointFit'
    sample: 'StarSample'
    x: 'np.ndarray'
    y: 'np.ndarray'
    offset_arcsec: float
    quality: 'FrameQuality'


def calibrate(frame: 'Frame', references: 'ReferenceStars', observatory: 'Observatory') -> Calibration:
    """The zeropoint of one frame.

    frame : Frame.  references : ps1catalog.ReferenceStars of its field.  Returns a Calibration.
    Raises FrameRejected where the field or the stars do not allow one.
    """
    import numpy as np

    from photzp.calibration.quality import frame_quality
    from photzp.calibration.starmatch import blended_fraction, match_stars, tangent_plane
    from photzp.calibration.zeropoint import StarSample, fit_zeropoint, usable_references
    from ps1catalog import has_sdss, ps1_to_sdss

    if not references.covered:
        raise FrameRejected(OUTSIDE_FOOTPRINT, f'RA {frame.ra_deg:.3f}, Dec {frame.dec_deg:+.3f}')
    reference_xy = tangent_plane(references.ra_deg, references.dec_deg, frame.ra_deg, frame.dec_deg)
    matches = match_stars(tangent_plane(frame.stars.ra_deg, frame.stars.dec_deg, frame.ra_deg, frame.dec_deg),
                          frame.stars.flux, reference_xy, references.mag[frame.band])
    ps1_mag = references.mag[frame.band]
    headroom_mag = np.min([references.mag[band] - observatory.bright_limit_mag(band)
                           for band in {frame.band, 'g', 'i'}], axis=0)
    colour_range_mag = observatory.reference_catalogue.colour_range_mag
    if not np.any((headroom_mag >= 0) & has_sdss(references, colour_range_mag)):
        raise FrameRejected(NO_REFERENCE_STARS, f'RA {frame.ra_deg:.3f}, Dec {frame.dec_deg:+.3f}'
                            + ('' if references.complete else '; files of the catalogue are missing here'))
    stars, s, r = frame.stars, matches.source, matches.reference
    good = _usable(frame)
    _check_wcs(frame, good, references, matches)
    s, r = s[good[s]], r[good[s]]
    fwhm_arcsec = frame.fwhm_arcsec if np.isfinite(frame.fwhm_arcsec) else USUAL_FWHM_ARCSEC
    blend = blended_fraction(reference_xy[r], ps1_mag[r], reference_xy, ps1_mag, fwhm_arcsec)
    sdss = ps1_to_sdss(references.select(r), colour_range_mag)
    colour = sdss.mag['g'] - sdss.mag['i']
    good = usable_references(headroom_mag[r], sdss.mag_error[frame.band], colour, blend)
    s = s[good]
    sample = StarSample(stars.flux[s], stars.fluxerr[s], sdss.mag[frame.band][good], sdss.mag_error[frame.band][good],
                        colour[good], frame.exptime_s)
    fit = fit_zeropoint(sample, usual_colorterm=observatory.usual_colorterm(frame.camera, frame.filter))
    quality = frame_quality(matches.separation_arcsec, len(stars.flux), sample, fit)
    return Calibration(frame, fit, sample, stars.x[s], stars.y[s], float(np.hypot(*matches.offset_arcsec)), quality)


def _usable(frame: 'Frame') -> 'np.ndarray':
    from photzp.calibration.zeropoint import usable_stars

    stars = frame.stars
    return usable_stars(stars.flux, stars.fluxerr, stars.peak, stars.background, stars.flag,
                        flags_bad=frame.flags_bad, saturation_e=frame.saturation_e)


def _check_wcs(frame: 'Frame', good: 'np.ndarray', references: 'ReferenceStars', matches: 'Matches') -> None:
    """Tell a field that is somewhere else from one with too few stars: enough of both, and none agrees."""
    import numpy as np

    from photzp.calibration.fieldvote import MAX_ROTATION_DEG, MAX_SHIFT_ARCSEC
    from photzp.calibration.zeropoint import MIN_STARS

    found = np.count_nonzero(good & (frame.stars.flux > WCS_SNR * frame.stars.fluxerr))
    if len(matches) < MIN_STARS <= min(int(found), len(references) // 2) and matches.doubtful:
        raise FrameRejected(WCS_OFF, f'{len(matches)} of {found} good sources have a reference star; shifts to '
                            f"{MAX_SHIFT_ARCSEC / 60:g}' and rotations to {MAX_ROTATION_DEG:g} deg were tried")


def _measurement(calibration: Calibration, complete: bool | None) -> 'Measurement':
    from photdbinterface import Measurement
    from photzp.calibration.zeropoint import PIVOT_COLOUR

    frame, fit, quality = calibration.frame, calibration.fit, calibration.quality
    return Measurement(
        name=frame.name, dateobs=frame.dateobs, site=frame.site, dome=frame.enclosure, telescope=frame.telescope,
        camera=frame.camera, filter=frame.filter, airmass=frame.airmass, zp=fit.zp_mag, colorterm=fit.colorterm,
        zpsig=fit.zpsig_mag, zperr=fit.zperr_mag, colortermerr=fit.colortermerr, zpcolor=PIVOT_COLOUR,
        nstars=fit.nstars, exptime=frame.exptime_s, zpcolortermcov=fit.covariance_mag2,
        colortermheld=fit.colorterm_held, refcomplete=complete, wcsoffset=calibration.offset_arcsec,
        nmatched=quality.nmatched, matchsep=quality.matchsep_arcsec, matchfrac=quality.matchfrac,
        magslope=quality.magslope, magslopeerr=quality.magslopeerr, redchi2=quality.redchi2,
        meancolor=quality.meancolour_mag)


def _write_plots(plots: 'DirectoryStore', calibration: Calibration) -> None:
    from photzp.calibration.plots import colour_plot, residual_map, zeropoint_plot
    from photzp.names import frame_plot

    frame, fit, sample = calibration.frame, calibration.fit, calibration.sample
    title = f'{frame.exposure}   {frame.filter}   {frame.exptime_s:g} s'
    figures = {'zp': zeropoint_plot(title, sample, fit), 'color': colour_plot(title, sample, fit),
               'residuals': residual_map(title, calibration.x, calibration.y, fit)}
    for kind, figure in figures.items():
        image = io.BytesIO()
        figure.savefig(image, format='png')
        plots.put(frame_plot(frame.exposure, frame.filter, kind), image.getvalue())


if __name__ == '__main__':
    sys.exit(main())
