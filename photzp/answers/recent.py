"""What changed lately in one telescope and filter, for the alarms.

A change is the median of the last days minus that of a longer time before, which one bad night cannot move.  Days are
counted back from the last night with data, so that a week without data changes nothing.  The error of a median is that
of `photzp.robust.median_error`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from photzp.robust import median_error
from photzp.throughput.model import ThroughputFit
from photzp.throughput.rows import Rows
from photzp.times import days_since

_WEEK_DAYS, WEEK_BEFORE_DAYS = 7, 30      # for the level of throughput
MONTH_DAYS, _MONTH_BEFORE_DAYS = 30, 365  # for what needs many frames
_FEWEST_NIGHTS = 3                        # least number on either side for a median
_FEWEST_FRAMES = 10                       # the same, of frames


@dataclass(frozen=True)
class Change:
    """Change of a median.

    Attributes
    ----------
    value, error : float
        Median lately minus that before, and its 1-sigma error, in the unit of the values.
    lately, before : int
        Numbers of values on each side.
    """

    value: float
    error: float
    lately: int
    before: int


@dataclass(frozen=True)
class Recent:
    """What changed lately in one telescope and filter; None and empty where there are too few data.

    Attributes
    ----------
    week_mag : Change or None
        Change of the level of photometric nights [mag].
    scatter : Change or None
        Change of the natural logarithm of the scatter of single stars (`zpsig`).
    colorterms : tuple of (str, Change)
        Camera, and the change of its colour term [mag/mag].
    cameras : tuple of (str, str, Change)
        Camera, reference camera, and the change of the zeropoint of the first minus that of the second [mag]; their
        constant offset, which the fit has removed, is no part of it.
    """

    week_mag: Change | None = None
    scatter: Change | None = None
    colorterms: tuple[tuple[str, Change], ...] = ()
    cameras: tuple[tuple[str, str, Change], ...] = ()


def _change_of_median(time: np.ndarray, value: np.ndarray, *, lately_days: int, before_days: int,
                      fewest: int) -> Change | None:
    """Median of finite values (n,) in the last days minus that in the days before; None where either side has too few.

    time : (n,) datetime64.  Days count back from the newest of them.
    """
    if not len(time):
        return None
    age = days_since(time.max(), time)
    lately, before = value[age < lately_days], value[(age >= lately_days) & (age < lately_days + before_days)]
    if min(len(lately), len(before)) < fewest:
        return None
    error = math.hypot(median_error(lately), median_error(before))
    return Change(float(np.median(lately) - np.median(before)), error, len(lately), len(before))


def week_change(night: np.ndarray, level_mag: np.ndarray) -> Change | None:
    """Change of the level of throughput in the last week with data, against the month before.

    Parameters
    ----------
    night : ndarray of datetime64[D], shape (n,)
        Photometric nights.
    level_mag : ndarray, shape (n,)
        Level of each.

    Returns
    -------
    Change or None
        In magnitudes; None where either side has too few nights.
    """
    return _change_of_median(night, level_mag, lately_days=_WEEK_DAYS, before_days=WEEK_BEFORE_DAYS,
                             fewest=_FEWEST_NIGHTS)


def _month_change(time: np.ndarray, value: np.ndarray) -> Change | None:
    """Change in the last month of a quantity measured in each frame (n,); values that are not finite are left out."""
    good = np.isfinite(value) & ~np.isnat(time)
    return _change_of_median(time[good], value[good], lately_days=MONTH_DAYS, before_days=_MONTH_BEFORE_DAYS,
                             fewest=_FEWEST_FRAMES)


def _camera_drifts(night: np.ndarray, camera: np.ndarray,
                   residual_mag: np.ndarray) -> Iterator[tuple[str, str, Change]]:
    """Changes of zeropoint differences between cameras of a telescope: (camera, reference camera, Change of the first).

    night (n,) datetime64[D], camera (n,) str, residual_mag (n,) : rows of clear nights in one native filter; residuals
    about a model with a constant offset per camera.  The reference is the camera with most rows; only nights with data
    of both cameras count.
    """
    names, counts = np.unique(camera, return_counts=True)
    if len(names) < 2:
        return
    medians = {str(name): _by_night(night[camera == name], residual_mag[camera == name]) for name in names}
    reference = str(names[counts.argmax()])
    of_reference = medians.pop(reference)
    for name, own in medians.items():
        common = sorted(own.keys() & of_reference.keys())
        apart = np.array([own[date] - of_reference[date] for date in common])
        change = _change_of_median(np.array(common, 'datetime64[D]'), apart, lately_days=MONTH_DAYS,
                                   before_days=_MONTH_BEFORE_DAYS, fewest=_FEWEST_NIGHTS)
        if change is not None:
            yield name, reference, change


def _by_night(night: np.ndarray, value: np.ndarray) -> dict[date, float]:
    """{night: median of its values}, from night (n,) datetime64[D] and value (n,)."""
    order = np.lexsort((value, night))
    nights, first, count = np.unique(night[order], return_index=True, return_counts=True)
    medians = (value[order][first + (count - 1) // 2] + value[order][first + count // 2]) / 2
    return dict(zip(nights.tolist(), medians.tolist(), strict=True))


def recent_changes(rows: Rows, fit: ThroughputFit, night: np.ndarray) -> Recent:
    """Changes of scatter, colour terms and camera offsets in the last month of frames, for the alarms.

    Parameters
    ----------
    rows : Rows
        The n rows of one telescope and filter.  Cameras are compared within each of its native filters, and a camera
        has a colour term in each.
    fit : ThroughputFit
        Fit of these rows.  Cameras are compared by its residuals of clear rows.
    night : ndarray of datetime64[D], shape (n,)
        Night of each row.

    Returns
    -------
    Recent
        `week_mag` is None: `photzp.answers.gather` fills it in, from the other telescopes of the site, too.
    """
    z, used = rows.zeropoints, np.isfinite(fit.row_residual_mag)
    log_scatter = np.log(np.where(used & (z.zpsig > 0), z.zpsig, np.nan))
    colorterms: list[tuple[str, Change]] = []
    measured = rows.usable & np.isfinite(z.colorterm) & ~z.colortermheld
    for filter_name in np.unique(z.filter[measured]):
        for camera in np.unique(z.camera[measured]):
            chosen = measured & (z.camera == camera) & (z.filter == filter_name)
            change = _month_change(z.dateobs[chosen], z.colorterm[chosen])
            if change is not None:
                colorterms.append((str(camera), change))
    cameras: list[tuple[str, str, Change]] = []
    clear = used & (fit.row_clear_probability > 0.5)
    for filter_name in np.unique(z.filter[clear]):
        chosen = clear & (z.filter == filter_name)
        cameras += _camera_drifts(night[chosen], z.camera[chosen], fit.row_residual_mag[chosen])
    return Recent(scatter=_month_change(z.dateobs[used], log_scatter[used]), colorterms=tuple(colorterms),
                  cameras=tuple(cameras))
