"""Shift and rotation of a field against the reference stars, where its world coordinates are far off.

The scale of a camera is known, so only shift and rotation are missing, and both are small: a solution that failed
unnoticed is off by the pointing of the telescope (arcminutes) and by the mounting of the camera (tenths of a degree).
So each rotation of a grid is tried in turn: the bright reference stars are turned by it, each pair of a source and a
reference star votes for its shift, and the shift with most votes over all rotations is taken, if it has more votes
than unrelated stars would give to any shift.  This is a Hough transform.  The number of votes that unrelated stars give
to one shift follows a Poisson distribution; the limit allows for the number of cells and rotations that are tried.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import pdtrc

MAX_SHIFT_ARCSEC = 300.0      # along either axis: pointing error of a telescope that lost its pointing model
MAX_ROTATION_DEG = 1.0        # to either side
_CELL_ARCSEC = 3.0            # votes are counted in squares of two by two cells: distortion moves corners by 5"
_VOTERS = 150                 # number of sources that vote, the brightest
_DEPTH_FACTOR = 1.5           # reference stars per source in the same area: the two are not in the same order of
                              # brightness, because of saturation and colour
_MIN_VOTES = 5                # pairs of stars that have to agree, at least
_FALSE_ALARM = 1e-4           # probability that two fields with no star in common agree on a shift
_REFINEMENTS = 4              # rounds of least squares, with partners within three cells in the first, one in the last


@dataclass(frozen=True)
class FieldVote:
    """A rotation, then a shift, that move reference stars onto their sources.

    Attributes
    ----------
    rotation_deg : float
        About the centre, from the first axis to the second.
    shift_arcsec, centre : ndarray, shape (2,)
        In the tangent plane [arcsec].
    votes : int
        Pairs of stars that agree.
    """

    rotation_deg: float
    shift_arcsec: np.ndarray
    centre: np.ndarray
    votes: int

    def apply(self, xy: np.ndarray) -> np.ndarray:
        """Move reference stars to where the sources have them.

        Parameters
        ----------
        xy : ndarray, shape (n, 2)
            Positions of the reference stars [arcsec].

        Returns
        -------
        ndarray, shape (n, 2)
        """
        return _rotate(xy - self.centre, self.rotation_deg) + self.centre + self.shift_arcsec


def max_votes_by_chance(mean: float, false_alarm: float) -> int:
    """Limit on the votes that unrelated stars give to one shift: more are unlikely to be chance.

    Parameters
    ----------
    mean : float
        Mean number of votes that unrelated stars give to a shift, which follows a Poisson distribution.
    false_alarm : float
        Probability that chance gives more votes than the limit; at least 1e-40, for which the search below is wide
        enough.

    Returns
    -------
    int
        Smallest number of votes that chance exceeds with at most this probability.
    """
    numbers = np.arange(int(mean + 15 * math.sqrt(mean)) + 60)
    return int(np.argmax(pdtrc(numbers, mean) <= false_alarm))


def vote_for_field(source_xy: np.ndarray, reference_xy: np.ndarray) -> FieldVote | None:
    """Find shift and rotation of a field by the votes of pairs of stars.

    Parameters
    ----------
    source_xy, reference_xy : ndarray, shape (n, 2) and (m, 2)
        Positions in one tangent plane [arcsec], the brightest first; references within MAX_SHIFT_ARCSEC of the
        bounding box of the sources.

    Returns
    -------
    FieldVote or None
        None where no shift has more votes than chance may give.
    """
    low, high = source_xy.min(axis=0), source_xy.max(axis=0)
    centre, side = (low + high) / 2, np.maximum(high - low, 1.0)
    sources = source_xy[:_VOTERS]
    area_ratio = np.prod(side + 2 * MAX_SHIFT_ARCSEC) / np.prod(side)
    references = reference_xy[:math.ceil(_DEPTH_FACTOR * area_ratio * len(sources))]
    if len(sources) < _MIN_VOTES or len(references) < _MIN_VOTES:
        return None
    # Half a step of rotation moves a corner by one cell.
    steps = math.ceil(math.radians(MAX_ROTATION_DEG) * np.hypot(*side) / 2 / (2 * _CELL_ARCSEC))
    elections = [(*_best_shift(sources, _rotate(references - centre, angle) + centre), angle)
                 for angle in np.linspace(-MAX_ROTATION_DEG, MAX_ROTATION_DEG, 2 * steps + 1)]
    votes, shift, _, angle = max(elections, key=lambda election: election[0])
    mean_by_chance = float(4 * np.mean([per_cell for _, _, per_cell, _ in elections]))
    trials = len(elections) * (2 * MAX_SHIFT_ARCSEC / _CELL_ARCSEC) ** 2
    if votes < max(_MIN_VOTES, 1 + max_votes_by_chance(mean_by_chance, _FALSE_ALARM / trials)):
        return None
    return _refine(sources, references, FieldVote(float(angle), shift, centre, int(votes)))


def _rotate(xy: np.ndarray, angle_deg: float) -> np.ndarray:
    """Positions (n, 2) turned from the first axis towards the second."""
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return xy @ np.array([[cos, sin], [-sin, cos]])


def _best_shift(source_xy: np.ndarray, reference_xy: np.ndarray) -> tuple[int, np.ndarray, float]:
    """(votes, shift (2,)) of the square of two by two cells with most votes, and mean number of votes per cell."""
    shifts = (source_xy[:, None, :] - reference_xy[None, :, :]).reshape(-1, 2)
    shifts = shifts[np.max(np.abs(shifts), axis=1) < MAX_SHIFT_ARCSEC]
    n = int(2 * MAX_SHIFT_ARCSEC / _CELL_ARCSEC)
    cell = ((shifts + MAX_SHIFT_ARCSEC) / _CELL_ARCSEC).astype(int)
    counts = np.bincount(cell[:, 0] * n + cell[:, 1], minlength=n * n).reshape(n, n)
    squares = counts[:-1, :-1] + counts[1:, :-1] + counts[:-1, 1:] + counts[1:, 1:]
    best = np.unravel_index(np.argmax(squares), squares.shape)
    return int(squares[best]), (np.array(best) + 1) * _CELL_ARCSEC - MAX_SHIFT_ARCSEC, len(shifts) / n**2


def _refine(source_xy: np.ndarray, reference_xy: np.ndarray, vote: FieldVote) -> FieldVote:
    """Shift and rotation by least squares over the sources with a reference star nearby (linear in small angles)."""
    for radius in np.linspace(3 * _CELL_ARCSEC, _CELL_ARCSEC, _REFINEMENTS):
        distance, nearest = cKDTree(vote.apply(reference_xy)).query(source_xy, distance_upper_bound=radius)
        has_partner = np.isfinite(distance)
        if np.count_nonzero(has_partner) < _MIN_VOTES:
            break
        partner_xy = vote.apply(reference_xy[nearest[has_partner]])
        east, north = (partner_xy - vote.centre - vote.shift_arcsec).T
        dx, dy = (source_xy[has_partner] - partner_xy).T
        one, zero = np.ones(len(partner_xy)), np.zeros(len(partner_xy))
        design = np.concatenate([np.stack([one, zero, -north], axis=-1), np.stack([zero, one, east], axis=-1)])
        *shift, angle = np.linalg.lstsq(design, np.concatenate([dx, dy]), rcond=None)[0]
        vote = FieldVote(vote.rotation_deg + math.degrees(angle), vote.shift_arcsec + shift, vote.centre,
                         len(partner_xy))
    return vote
