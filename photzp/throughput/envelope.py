"""A first guess of the level that no start can lead astray: the most likely path through a grid of levels.

The nights of a telescope have one grey value z each, the mean of its filters, aligned by the medians of their
differences in the same nights (clouds drop out of these).  A level on a grid of _STEP_MAG moves from night to night by
few cells at a cost per cell, or anywhere at a higher cost: a jump.  With the likelihood of `nightsky` for each night
and cell, Viterbi's algorithm (1967, IEEE Trans. Inf. Theory 13, 260) finds the best of all paths.
"""

import numpy as np

from photzp.throughput.nightsky import MISSING, start_state, value_loglike

_STEP_MAG = 0.01
_NOISE_MAG = 0.013       # of a night about the level
_MOVE_COST, _MOVE_COST_MIN = 3.0, 0.5  # of a cell in a night; it falls with the logarithm of the days between nights
_RISE_FACTOR = 1.5       # a rise that is no jump costs more: dust does not leave by itself
_JUMP_COST, _EVENT_COST = 11.0, 4.0  # of a jump at any time, and where an event is recorded
JUMP_MAG = 0.035         # smallest jump that counts
_RUN_NIGHTS = 20         # nights on either side that align filters
_CELLS_MAX = 400


def align_filters(value: np.ndarray, variance: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Difference of each filter from the commonest one, slowly changing.

    Parameters
    ----------
    value, variance : ndarray, shape (N, F)
        Means of nights and their variances [mag, mag^2].
    piece : ndarray of int, shape (N,)
        Number of camera changes before each night, across which nothing is smoothed.

    Returns
    -------
    ndarray, shape (N, F)
        To be subtracted from the values [mag].
    """
    present = variance < MISSING / 2
    reference = int(np.argmax(present.sum(axis=0)))
    shift = np.zeros(value.shape)
    for number in np.unique(piece):
        inside = np.flatnonzero(piece == number)
        for name in range(value.shape[1]):
            if name != reference:
                shift[inside, name] = _difference(value[inside][:, [reference, name]],
                                                  present[inside][:, [reference, name]])
    return shift


def _difference(value: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Running median of the difference of two filters, second minus first, at all nights (N,)."""
    both = np.flatnonzero(present.all(axis=1))
    if len(both) < 3:
        bright = [np.quantile(column[there], 0.8) if there.any() else np.nan
                  for column, there in zip(value.T, present.T, strict=True)]
        return np.full(len(value), np.nan_to_num(bright[1] - bright[0]))
    change = value[both, 1] - value[both, 0]
    index = np.arange(len(both))
    smooth = [np.median(change[max(k - _RUN_NIGHTS, 0):k + _RUN_NIGHTS + 1]) for k in index]
    return np.interp(np.arange(len(value)), both, smooth)


def best_path(value: np.ndarray, variance: np.ndarray, day: np.ndarray, events: np.ndarray) -> np.ndarray:
    """The most likely level of each night.

    Parameters
    ----------
    value, variance : ndarray, shape (N,)
        Grey value of each night and the variance of its error [mag, mag^2].
    day : ndarray, shape (N,)
        Time of each night, ascending.
    events : ndarray of bool, shape (N,)
        A step may well be before the night: an event or a change of cameras is recorded.

    Returns
    -------
    ndarray, shape (N,)
        Level [mag].
    """
    low, high = np.quantile(value, [0.02, 0.995])
    low, high = low - 0.1, high + 0.05
    step = max(_STEP_MAG, (high - low) / _CELLS_MAX)
    cells = np.arange(low, high + step, step)
    emission = value_loglike(value[:, None] - cells, np.sqrt(variance + _NOISE_MAG**2)[:, None],
                             start_state(len(value)).depths)
    score, origin = emission[0], np.zeros((len(value), len(cells)), int)
    own = np.arange(len(cells))
    for night in range(1, len(value)):
        cost = max(_MOVE_COST - np.log(max(day[night] - day[night - 1], 1.0)), _MOVE_COST_MIN)
        best, came = score, own
        for _ in range(2):
            best, came = _moved(best, came, cost)
        jump = int(np.argmax(score))
        jumped = score[jump] - (_EVENT_COST if events[night] else _JUMP_COST)
        came = np.where(jumped > best, jump, came)
        score = np.maximum(best, jumped) + emission[night]
        origin[night] = came
    path = np.empty(len(value), int)
    path[-1] = int(np.argmax(score))
    for night in range(len(value) - 1, 0, -1):
        path[night - 1] = origin[night, path[night]]
    return cells[path]


def _moved(score: np.ndarray, came: np.ndarray, cost: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores after a move by one cell, down or up, and where each comes from."""
    down = np.append(score[1:], -np.inf) - cost
    up = np.append(-np.inf, score[:-1]) - _RISE_FACTOR * cost
    best, origin = score, came
    for moved, source in ((down, np.append(came[1:], 0)), (up, np.append(0, came[:-1]))):
        better = moved > best
        best, origin = np.where(better, moved, best), np.where(better, source, origin)
    return best, origin
