"""The ledger of a run: the outcome of each frame goes to the database, then to the log and into the summary."""

import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from photzp.calibration.worker import UNKNOWN_TELESCOPE, Outcome
from photzp.errors import DONE, FILE_UNREADABLE, REASONS, SOME_UNREADABLE, RunStopped

if TYPE_CHECKING:
    from photzp.frames.archive import FrameFile
    from photzp.measurements import RejectedFrame
    from photzp.names import FrameName
    from photzp.records import Database

log = logging.getLogger('photzp')

_COMMIT_SHARE = 0.1   # largest share of the time that commits may take, ...
_LONGEST_WAIT_S = 1.0  # ... but no outcome waits longer for the next one


@dataclass
class Summary:
    """The outcomes of a run, counted.

    Attributes
    ----------
    counts : Counter
        Frames by outcome; rejected ones are in `reasons`.
    reasons : Counter
        Rejected frames by name of the reason.
    per_telescope : dict of str to Counter
        Frames by outcome, for each telescope.
    seconds : float
        Duration of the run.
    """

    counts: Counter = field(default_factory=Counter)
    reasons: Counter = field(default_factory=Counter)
    per_telescope: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    seconds: float = 0.0

    def as_counts(self) -> dict[str, int]:
        """Number of frames by outcome, as the database keeps it.

        Returns
        -------
        dict of str to int
            Rejected frames by reason.
        """
        return {**self.counts, **{f'rejected: {name}': n for name, n in sorted(self.reasons.items())}}

    def lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Lines of the log for people: one of outcomes, then one per reason, the most frequent first.

        Yields
        ------
        line : str
        fields : dict
            Fields of the JSON log.
        """
        rejected = sum(self.reasons.values())
        counts = {'measured': self.counts['measured'], 'known': self.counts['known'], 'rejected': rejected,
                  'other_filter': self.counts['other filter'],
                  'unreadable': self.reasons[FILE_UNREADABLE.name] + self.counts['unreadable folder']}
        opened = counts['measured'] + rejected
        rate = f'; {opened / max(self.seconds, 1e-3):.1f} frames per second' if opened else ''
        folders = self.counts['unreadable folder']
        extra = f', {folders} unreadable folder{"s" * (folders > 1)}' if folders else ''
        line = '{measured} measured, {known} already known, {rejected} rejected, {other_filter} of another filter'
        yield line.format(**counts) + extra + rate, {'counts': counts, 'status': self.exit_status()}
        for name, n in self.reasons.most_common():
            yield f'  rejected, {name}: {n} ({REASONS[name].sentence})', {'reason': name, 'counts': {'frames': n}}

    def exit_status(self) -> int:
        """Exit status of the run.

        Returns
        -------
        int
            SOME_UNREADABLE where a file or folder could not be read, else DONE.
        """
        unreadable = self.reasons[FILE_UNREADABLE.name] or self.counts['unreadable folder']
        return SOME_UNREADABLE if unreadable else DONE


class Ledger:
    """Records outcomes of frames in the database, the log and the summary.

    A commit waits for the disk, often longer than a frame takes.  So outcomes are collected, and committed together
    when commits have taken a tenth of the time, but no later than after a second.

    Parameters
    ----------
    database : Database
    summary : Summary
        Counts the outcomes that were committed.
    """

    def __init__(self, database: 'Database', summary: Summary) -> None:
        self._database, self._summary = database, summary
        self._waiting: deque[tuple[FrameName, Outcome]] = deque()
        self._due = 0.0

    def record(self, frame_file: 'FrameFile', outcome: Outcome) -> None:
        """Record the outcome of one frame, with the next commit.

        Parameters
        ----------
        frame_file : FrameFile
        outcome : Outcome

        Raises
        ------
        DatabaseUnusable
            If a commit fails.
        """
        self._waiting.append((frame_file.name, outcome))
        if time.monotonic() >= self._due:
            self.commit()

    def commit(self) -> None:
        """Commit the outcomes that wait, and only then log and count them; a signal in between leaves them waiting.

        Raises
        ------
        DatabaseUnusable
            If it fails; these outcomes are not tried again.
        """
        begun = time.monotonic()
        try:
            self._database.add_many(outcome.measurement for _, outcome in self._waiting if outcome.measurement)
            self._database.reject_many(_rejected(frame.name, outcome) for frame, outcome in self._waiting
                                       if outcome.rejection)
        except RunStopped:
            self._waiting.clear()
            raise
        ended = time.monotonic()
        self._due = ended + min((ended - begun) / _COMMIT_SHARE, _LONGEST_WAIT_S)
        while self._waiting:
            frame, outcome = self._waiting.popleft()
            self._log(frame.name, frame.camera, outcome)

    def _log(self, name: str, camera: str, outcome: Outcome) -> None:
        """Log and count an outcome."""
        measured, rejection, telescope = outcome.measurement, outcome.rejection, outcome.telescope
        fields = {'frame': name, 'camera': camera}
        if telescope != UNKNOWN_TELESCOPE:
            fields['telescope'] = telescope
        if rejection is not None:
            reason = rejection.reason
            self._summary.reasons[reason.name] += 1
            self._summary.per_telescope[telescope][f'rejected: {reason.name}'] += 1
            # A reason that may pass lies in the archive, the machine or this program: somebody should look at it.
            log.log(logging.WARNING if reason.passing else logging.INFO, '%s: rejected, %s: %s', name, reason.name,
                    rejection, extra={**fields, 'reason': reason.name})
        elif measured is None:
            self._summary.counts['other filter'] += 1
        else:
            self._summary.counts['measured'] += 1
            self._summary.per_telescope[telescope]['measured'] += 1
            log.info('%s: %s zp %.4f +- %.4f, colour term %+.4f +- %.4f, scatter %.3f, %d stars', name, measured.filter,
                     measured.zp, measured.zperr, measured.colorterm, measured.colortermerr, measured.zpsig,
                     measured.nstars, extra={**fields, 'filter': measured.filter, 'zp': round(measured.zp, 4),
                                             'zperr': round(measured.zperr, 4), 'nstars': measured.nstars})


def _rejected(name: str, outcome: Outcome) -> 'RejectedFrame':
    from photzp.measurements import RejectedFrame

    rejection = outcome.rejection
    assert rejection is not None, 'called for rejected frames only'
    size, mtime = outcome.size_and_mtime
    return RejectedFrame(name=name, reason=rejection.reason.name, detail=rejection.detail, retry=rejection.passing,
                         size=size, mtime=mtime, exptime_s=rejection.exptime_s)
