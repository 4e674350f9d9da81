"""When each camera was in use at a telescope, as its frames show."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from photzp.records import CameraSpan
from photzp.times import instant_of

CAMERA_GAP = np.timedelta64(60, 'D')  # without frames, before a camera counts as taken off


def camera_spans(telescope: str, dateobs: np.ndarray, camera: np.ndarray) -> tuple[CameraSpan, ...]:
    """When each camera was in use, from frames of one telescope: dateobs (n,) datetime64, camera (n,) str."""
    spans = []
    for name in np.unique(camera):
        time = np.sort(dateobs[(camera == name) & ~np.isnat(dateobs)]).astype('datetime64[D]')
        parts = np.split(time, np.flatnonzero(np.diff(time) > CAMERA_GAP) + 1) if len(time) else []
        spans += [CameraSpan(telescope, str(name), str(part[0]), str(part[-1]), len(part)) for part in parts]
    return tuple(spans)


def joined_spans(spans: Iterable[CameraSpan]) -> tuple[CameraSpan, ...]:
    """Spans of several filters as those of all frames together, in order of telescope, camera and time."""
    joined: list[CameraSpan] = []
    for span in sorted(spans, key=lambda each: (each.telescope, each.camera, each.first)):
        before = joined[-1] if joined and (joined[-1].telescope, joined[-1].camera) == (span.telescope,
                                                                                        span.camera) else None
        if before and instant_of(span.first) - instant_of(before.last) <= CAMERA_GAP:
            joined[-1] = replace(before, last=max(before.last, span.last), frames=before.frames + span.frames)
        else:
            joined.append(span)
    return tuple(joined)
