"""The model as curves to draw, one for each interval between steps."""

import numpy as np
from matplotlib.axes import Axes

from photzp.throughput.model import ThroughputFit

_PIECE = np.timedelta64(10, 'D')  # of a line between two points: what the level follows takes a month or more
_LEAST_PIECES = 8  # of an interval

Curve = tuple[np.ndarray, np.ndarray, np.ndarray]  # time, model_mag, error_mag of an interval


def model_curves(fit: ThroughputFit) -> list[Curve]:
    """Sample the model in each interval between steps.

    Parameters
    ----------
    fit : ThroughputFit
        Model of one telescope and filter.

    Returns
    -------
    list of (ndarray of datetime64, ndarray, ndarray), each of shape (m,)
        Time, model and its error [mag] of each interval that has a model.
    """
    curves = []
    for interval in fit.intervals:
        start, end = interval.start, max(interval.end - np.timedelta64(1, 'ms'), interval.start)
        pieces = max(_LEAST_PIECES, int((end - start) / _PIECE))
        time = np.unique(start + (end - start) * np.arange(pieces + 1) // pieces)
        model, error = fit.at(time)
        if np.isfinite(model).any():
            curves.append((time, model, error))
    return curves


def dot_if_short(axes: Axes, day: np.ndarray) -> str:
    """Choose a marker for a line.

    Parameters
    ----------
    axes : Axes
        Axes with their final time.
    day : ndarray of float, shape (m,)
        Days of the line, as matplotlib counts them.

    Returns
    -------
    str
        'o' where the line is too short to be seen, else ''.
    """
    return 'o' if np.ptp(day) < 0.004 * np.ptp(axes.get_xlim()) else ''
