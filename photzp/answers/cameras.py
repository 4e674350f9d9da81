"""When each camera was in use at a telescope, as its frames show."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from photzp.records import CameraSpan
from photzp.times import instant_of

_GAP = np.timedelta64(60, 'D')  # without frames, before a camera counts as taken off


def camera_spans(telescope: str, dateobs: np.ndarray, camera: np.ndarray) -> tuple[CameraSpan, ...]:
    """When each camera was in use, from frames of one telescope.

    Parameters
    ----------
    telescope : str
        Site-enclosure-telescope.
    dateobs : ndarray of datetime64, shape (n,)
        Start of each frame, NaT where it is not known.
    camera : ndarray of str, shape (n,)
        Camera of each frame.

    Returns
    -------
    tuple of CameraSpan
        In order of camera and time.
    """
    spans = []
    for name in np.unique(camera):
        days = np.sort(dateobs[(camera == name) & ~np.isnat(dateobs)]).astype('datetime64[D]')
        parts = np.split(days, np.flatnonzero(np.diff(days) > _GAP) + 1) if len(days) else []
        spans += [CameraSpan(telescope, str(name), str(part[0]), str(part[-1]), len(part)) for part in parts]
    return tuple(spans)


def joined_spans(spans: Iterable[CameraSpan]) -> tuple[CameraSpan, ...]:
    """Spans of several filters as those of all frames together.

    Parameters
    ----------
    spans : iterable of CameraSpan
        Of any telescopes and filters, as `camera_spans` returns them.

    Returns
    -------
    tuple of CameraSpan
        In order of telescope, camera and time.
    """
    joined: list[CameraSpan] = []
    for span in sorted(spans, key=lambda span: (span.telescope, span.camera, span.first)):
        before = joined[-1] if joined else None
        if (before and (before.telescope, before.camera) == (span.telescope, span.camera)
                and instant_of(span.first) - instant_of(before.last) <= _GAP):
            joined[-1] = replace(before, last=max(before.last, span.last), frames=before.frames + span.frames)
        else:
            joined.append(span)
    return tuple(joined)
