"""How far a field is shifted and turned against the reference stars, where its world coordinates are far off.

The scale of a camera is known, so shift and rotation are all that is missing, and both are small: a solution that
failed unnoticed is off by the pointing of the telescope (minutes of arc) and by the mounting of the camera (tenths of a
degree).  So each rotation of a grid is tried in turn: the bright sources are turned by it, each pair of a source and a
bright reference star votes for its shift, and the shift that holds more votes than chance gives to any is elected.
That is the Hough transform of the problem; chance is Poisson's, over all cells of all rotations.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import pdtrc

MAX_SHIFT_ARCSEC = 300.0      # five minutes of arc: blind pointing of a telescope that lost its model
MAX_ROTATION_DEG = 1.0
CELL_ARCSEC = 3.0             # votes are counted in squares of two by two cells: distortion moves corners by 5"
VOTERS = 150                  # bright sources that vote, against reference stars of the same surface density
DEEPER = 1.5                  # ... and somewhat deeper, as saturation and colour change the order
MIN_VOTES = 5
FALSE_ALARM = 1e-4            # how often fields that have nothing in common may pass for the same
_REFINEMENTS = 4


@dataclass(frozen=True)
class FieldVote:
    """A rotation [deg] about `centre` (2,), then a shift (2,) [arcsec], that take reference stars to their sources."""

    rotation_deg: float
    shift_arcsec: np.ndarray
    centre: np.ndarray
    votes: int

    def moved(self, xy: np.ndarray) -> np.ndarray:
        """Positions (n, 2) [arcsec] of reference stars where the sources have them."""
        return turned(xy - self.centre, self.rotation_deg) + self.centre + self.shift_arcsec


def turned(xy: np.ndarray, angle_deg: float) -> np.ndarray:
    """Positions (n, 2) turned from the first axis towards the second."""
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return xy @ np.array([[cos, sin], [-sin, cos]])


def most_by_chance(mean: float, false_alarm: float) -> int:
    """The number of votes that Poisson's distribution exceeds with no more than a probability, 1e-40 or more."""
    numbers = np.arange(int(mean + 15 * math.sqrt(mean)) + 60)
    return int(np.argmax(pdtrc(numbers, mean) <= false_alarm))


def vote_for_field(source_xy: np.ndarray, reference_xy: np.ndarray) -> FieldVote | None:
    """Elect shift and rotation.

    source_xy, reference_xy : (n, 2), (m, 2) positions in one tangent plane [arcsec], the brightest first; references
    within MAX_SHIFT_ARCSEC of the sources' box.  Returns a FieldVote, or None where nothing stands out.
    """
    low, high = source_xy.min(axis=0), source_xy.max(axis=0)
    centre, side = (low + high) / 2, np.maximum(high - low, 1.0)
    sources = source_xy[:VOTERS]
    around = np.prod(side + 2 * MAX_SHIFT_ARCSEC) / np.prod(side)
    references = reference_xy[:math.ceil(DEEPER * around * len(sources))]
    if len(sources) < MIN_VOTES or len(references) < MIN_VOTES:
        return None
    # Half a step of rotation moves a corner by one cell.
    steps = math.ceil(math.radians(MAX_ROTATION_DEG) * np.hypot(*side) / 2 / (2 * CELL_ARCSEC))
    counted = [(*_best_shift(sources, turned(references - centre, angle) + centre), angle)
               for angle in np.linspace(-MAX_ROTATION_DEG, MAX_ROTATION_DEG, 2 * steps + 1)]
    votes, shift, _, angle = max(counted, key=lambda found: found[0])
    by_chance = float(4 * np.mean([per_cell for _, _, per_cell, _ in counted]))
    trials = len(counted) * (2 * MAX_SHIFT_ARCSEC / CELL_ARCSEC) ** 2
    if votes < max(MIN_VOTES, 1 + most_by_chance(by_chance, FALSE_ALARM / trials)):
        return None
    return _refined(sources, references, FieldVote(float(angle), shift, centre, int(votes)))


def _best_shift(source_xy: np.ndarray, reference_xy: np.ndarray) -> tuple[int, np.ndarray, float]:
    """(votes, shift (2,), votes per cell in the mean) of the square of two by two cells that holds most votes."""
    shifts = (source_xy[:, None, :] - reference_xy[None, :, :]).reshape(-1, 2)
    shifts = shifts[np.max(np.abs(shifts), axis=1) < MAX_SHIFT_ARCSEC]
    n = int(2 * MAX_SHIFT_ARCSEC / CELL_ARCSEC)
    cell = ((shifts + MAX_SHIFT_ARCSEC) / CELL_ARCSEC).astype(int)
    counts = np.bincount(cell[:, 0] * n + cell[:, 1], minlength=n * n).reshape(n, n)
    squares = counts[:-1, :-1] + counts[1:, :-1] + counts[:-1, 1:] + counts[1:, 1:]
    best = np.unravel_index(np.argmax(squares), squares.shape)
    return int(squares[best]), (np.array(best) + 1) * CELL_ARCSEC - MAX_SHIFT_ARCSEC, len(shifts) / n**2


def _refined(source_xy: np.ndarray, reference_xy: np.ndarray, vote: FieldVote) -> FieldVote:
    """Shift and rotation by least squares over the sources that have a reference star near (linear in small angles)."""
    for radius in np.linspace(3 * CELL_ARCSEC, CELL_ARCSEC, _REFINEMENTS):
        distance, nearest = cKDTree(vote.moved(reference_xy)).query(source_xy, distance_upper_bound=radius)
        found = np.isfinite(distance)
        if np.count_nonzero(found) < MIN_VOTES:
            break
        at = vote.moved(reference_xy[nearest[found]])
        (east, north), (dx, dy) = (at - vote.centre - vote.shift_arcsec).T, (source_xy[found] - at).T
        one, none = np.ones(len(at)), np.zeros(len(at))
        design = np.concatenate([np.stack([one, none, -north], axis=-1), np.stack([none, one, east], axis=-1)])
        *more, angle = np.linalg.lstsq(design, np.concatenate([dx, dy]), rcond=None)[0]
        vote = FieldVote(vote.rotation_deg + math.degrees(angle), vote.shift_arcsec + more, vote.centre, len(at))
    return vote
