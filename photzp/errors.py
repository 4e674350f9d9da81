"""The registry of failures: why a frame has no zeropoint, and why a run could not go on.

A frame that cannot be measured raises `FrameRejected` with one `Reason` of this module.  The database stores the name
of the reason and the summary counts it; people read the sentence.  Whatever stops a whole run is a `RunStopped`, which
the scripts turn into exit status 2 and one line on the terminal.
"""

from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True)
class Reason:
    """One reason for a frame to have no zeropoint.

    Attributes
    ----------
    name : str
        Name in the database and the summary: an interface, never renamed.
    sentence : str
        The same for people.
    passing : bool
        The cause may pass: a later run tries the frame again even if its file did not change.
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

    Parameters
    ----------
    reason : Reason
        Why, one of the registry.
    detail : str
        The case of this frame, for instance the keyword and its value; '' for none.
    exptime_s : float, optional
        Exposure time, where it had been read before.
    passing : bool, optional
        Whether a later run tries the unchanged file again; by default as the reason says.
    """

    def __init__(self, reason: Reason, detail: str = '', *, exptime_s: float | None = None,
                 passing: bool | None = None) -> None:
        super().__init__(f'{reason.sentence}: {detail}' if detail else reason.sentence)
        self.passing = reason.passing if passing is None else passing
        self.reason = reason
        self.detail = detail
        self.exptime_s = exptime_s

    def __reduce__(self) -> tuple[partial['FrameRejected'], tuple[Reason, str]]:
        """Pickle all attributes, to hand it to another process; by default only the text would be kept."""
        return (partial(FrameRejected, exptime_s=self.exptime_s, passing=self.passing), (self.reason, self.detail))


class RunStopped(Exception):
    """The run cannot go on; the text says what, why, and what to do."""


class UsageInvalid(RunStopped):
    """The options select something that the observatory does not have."""


class ArchiveMissing(RunStopped):
    """The root of the frame archive, or the directory to crawl, does not exist."""


class CatalogMissing(RunStopped):
    """The reference catalogue is missing, or was lost during the run."""


class DatabaseUnusable(RunStopped):
    """The database cannot be opened, read or written."""


class ObservatoryInvalid(RunStopped):
    """The description of the observatory breaks a rule; the text names file, key and rule."""


class WorkersLost(RunStopped):
    """The worker processes die before they measure a frame."""


class ClusterUnusable(RunStopped):
    """The cluster cannot be reached, was lost, or has other software than this machine."""


class StoreFailed(RunStopped):
    """The output place (directory or bucket) cannot be written."""


# -- exit statuses -----------------------------------------------------------------------------------------------------

DONE, SOME_UNREADABLE, COULD_NOT_RUN, FINDINGS = 0, 1, 2, 3
ENDED_WELL = (DONE, SOME_UNREADABLE, FINDINGS)  # of runs that did all their work
SIGNALLED = 128  # plus the number of the signal that ended the run, as in shells
