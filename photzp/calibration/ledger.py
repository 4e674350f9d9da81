"""The ledger of a run: what came of each frame goes to the database, to the log and into the summary."""

import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from photzp.calibration.calibrate import UNKNOWN
from photzp.calibration.worker import Outcome
from photzp.errors import DONE, FILE_UNREADABLE, REASONS, SOME_UNREADABLE, RunStopped

if TYPE_CHECKING:
    from photzp.frames.archive import FrameFile
    from photzp.measurements import RejectedFrame
    from photzp.names import FrameName
    from photzp.records import Database

log = logging.getLogger('photzp')

COMMIT_SHARE, COMMIT_S = 0.1, 1.0  # of the time, and how long what is measured waits at most


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

    def lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """For people: a line of outcomes, then one per reason, the most frequent first; each with its fields."""
        rejected = sum(self.reasons.values())
        counts = {'measured': self.counts['measured'], 'known': self.counts['known'], 'rejected': rejected,
                  'other_filter': self.counts['other filter'],
                  'unreadable': self.reasons[FILE_UNREADABLE.name] + self.counts['unreadable folder']}
        opened = counts['measured'] + rejected
        rate = f'; {opened / max(self.seconds, 1e-3):.1f} frames per second' if opened else ''
        folders = self.counts['unreadable folder']
        extra = f', {folders} unreadable folder{"s" * (folders > 1)}' if folders else ''
        said = '{measured} measured, {known} already known, {rejected} rejected, {other_filter} of another filter'
        yield said.format(**counts) + extra + rate, {'counts': counts, 'status': self.exit_status()}
        for name, n in self.reasons.most_common():
            yield f'  rejected, {name}: {n} ({REASONS[name].sentence})', {'reason': name, 'counts': {'frames': n}}

    def exit_status(self) -> int:
        """SOME_UNREADABLE where a file or folder could not be read, else DONE."""
        unreadable = self.reasons[FILE_UNREADABLE.name] or self.counts['unreadable folder']
        return SOME_UNREADABLE if unreadable else DONE


class Ledger:
    """Takes what came of frames into the database, the log and the summary.

    A commit waits for the disk, on many for longer than a frame takes.  So the next one comes when commits have taken
    COMMIT_SHARE of the time, but no later than after COMMIT_S: until then frames wait for it.
    """

    def __init__(self, database: 'Database', summary: Summary) -> None:
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
    from photzp.measurements import RejectedFrame

    rejection, field = outcome.rejection, outcome.field
    assert rejection is not None, 'asked for rejected frames only'
    size, mtime = outcome.seen
    return RejectedFrame(
        name=name, reason=rejection.reason.name, detail=rejection.detail,
        retry=rejection.passing or field.complete is False, size=size, mtime=mtime,
        exptime_s=field.exptime_s or rejection.exptime_s)
