"""Why a frame has no zeropoint, and why a run could not go on: the one registry.

A frame that cannot be measured raises `FrameRejected` with one `Reason` of this page.  The name of the reason is what
the database stores and the summary counts; the sentence is what a person reads.  Everything that stops a whole run is a
`RunStopped`, which the scripts turn into exit status 2 and one line on the terminal.
"""

from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True)
class Reason:
    """One way for a frame to have no zeropoint.

    name : what the database and the summary say; an interface, never renamed.
    sentence : the same for people.
    passing : True where a later run should look again although the file did not change.
    """

    name: str
    sentence: str
    passing: bool = False


_ALL = (
    Reason('wcs-failed', 'the astrometry of the frame failed (WCSERR is not 0)'),
    Reason('filter-not-served', 'the reference catalogue has no magnitudes for this filter'),
    Reason('exposure-too-short', 'the exposure is shorter than --mintexp'),
    Reason('defocused', 'the telescope was defocused on purpose (FOCOBOFF)'),
    Reason('not-science', 'this is not a science exposure (OBSTYPE)'),
    Reason('no-source-catalogue', 'the file has no usable source catalogue (extension CAT)'),
    Reason('outside-footprint', 'the field lies outside the reference catalogue'),
    Reason('no-reference-stars', 'the reference catalogue has no usable star in this field'),
    Reason('wcs-off', 'the sources are not where the world coordinates put the reference stars'),
    Reason('too-few-stars', 'too few stars are left to fit a zeropoint'),
    Reason('fit-not-converged', 'the fit of the zeropoint did not converge'),
    Reason('header-incomplete', 'a header keyword that is needed is missing or not usable'),
    Reason('file-unreadable', 'the file cannot be read', passing=True),
    Reason('internal-error', 'this program failed on the frame; the log shows where', passing=True),
    Reason('worker-died', 'the process that measured the frame died, most likely for want of memory', passing=True),
)
REASONS = {reason.name: reason for reason in _ALL}
(WCS_FAILED, FILTER_NOT_SERVED, EXPOSURE_TOO_SHORT, DEFOCUSED, NOT_SCIENCE, NO_SOURCE_CATALOGUE, OUTSIDE_FOOTPRINT,
 NO_REFERENCE_STARS, WCS_OFF, TOO_FEW_STARS, FIT_NOT_CONVERGED, HEADER_INCOMPLETE, FILE_UNREADABLE,
 INTERNAL_ERROR, WORKER_DIED) = _ALL


class FrameRejected(Exception):
    """This frame gets no zeropoint.

    reason : one `Reason` of the registry.
    detail : what was found in this frame, for instance the keyword and its value.
    exptime_s : exposure time where it was known by then, else None.
    passing : whether a later run should look again at the unchanged file; None for what the reason says.
    """

    def __init__(self, reason: Reason, detail: str = '', *, exptime_s: float | None = None,
                 passing: bool | None = None) -> None:
        super().__init__(f'{reason.sentence}: {detail}' if detail else reason.sentence)
        self.passing = reason.passing if passing is None else passing
        self.reason = reason
        self.detail = detail
        self.exptime_s = exptime_s

    def __reduce__(self) -> tuple[partial['FrameRejected'], tuple[Reason, str]]:
        """What a process needs to hand it to another; the default would give the text alone."""
        return (partial(FrameRejected, exptime_s=self.exptime_s, passing=self.passing), (self.reason, self.detail))


class RunStopped(Exception):
    """The run cannot go on; the text says what, why, and what to do."""


class UsageInvalid(RunStopped):
    """The options ask for something that the observatory does not have."""


class ArchiveMissing(RunStopped):
    """The root of the frame archive, or the directory to crawl, does not exist."""


class CatalogMissing(RunStopped):
    """The reference catalogue is not there, or was lost during the run."""


class DatabaseUnusable(RunStopped):
    """The database cannot be opened, read or written."""


class ObservatoryInvalid(RunStopped):
    """The description of the observatory breaks a rule; the text names file, key and rule."""


class WorkersLost(RunStopped):
    """Processes that are to measure frames die before they measure any."""


class ClusterUnusable(RunStopped):
    """The cluster that is to measure frames cannot be reached, was lost, or is not like this machine."""


class StoreFailed(RunStopped):
    """The output place (directory or bucket) cannot be written."""


# -- exit statuses -----------------------------------------------------------------------------------------------------

DONE, SOME_UNREADABLE, COULD_NOT_RUN, FINDINGS = 0, 1, 2, 3
ENDED_WELL = (DONE, SOME_UNREADABLE, FINDINGS)  # the run did its work, whatever it found
SIGNALLED = 128  # and the number of the signal that ended the run, as shells have it
