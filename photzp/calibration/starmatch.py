"""Which source of a frame is which reference star: geometry only, arrays in, indices out.

The world coordinates of a frame are a linear solution: the whole field may be off by arcseconds, and the corners by 5"
where the optics distort.  So the bright stars are matched first, in a wide circle: a vote among their offsets finds the
shift, polynomials of low order the distortion.  Then all stars are matched in a tight circle.  Where too many of the
bright sources are left without a partner, the field is turned or far off: shift and rotation are searched for
(calibration/fieldvote.py), and the stars are matched again.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from photzp.calibration.fieldvote import MAX_SHIFT_ARCSEC, max_votes_by_chance, vote_for_field
from photzp.robust import rayleigh_spread

_WIDE_ARCSEC = 5.0            # corners of BANZAI's linear world coordinates are off by up to this
_FAR_ARCSEC = 30.0            # reach of a second vote
_TIGHT_ARCSEC = (0.8, 2.0)    # smallest and largest radius of the final match
_TIGHT_SIGMAS = 4.0           # the final radius in standard deviations of the bright stars' residuals (per axis)
# A stranger is another star than the one looked for.  So many bright stars are matched first that a circle of
# _WIDE_ARCSEC holds this many strangers on average.
_CHANCE_PAIRS = 0.05
_FEWEST_STARS = 30            # least number of bright stars that are matched first
# Offsets source - reference closer than this count as votes for the same shift.  So many bright stars vote that about
# one pair of strangers agrees with a shift by chance.
_VOTE_ARCSEC = 1.0
_MIN_VOTES = 5
_CANDIDATES = 200             # number of offsets, those of the brightest sources, whose votes are counted
_FALSE_ALARM = 1e-4           # probability that two fields with no star in common agree on a shift
# Least share of the bright sources with a partner: a catalogue may lack a fifth of them, and a tenth are no stars.
_DOUBTFUL_SHARE = 0.6
_TERMS_BY_DEGREE = {1: 3, 2: 6, 3: 10}  # number of terms of a polynomial in two variables
_STARS_PER_TERM = 6           # least number, so that a polynomial does not fit noise
# Added to the diagonal of the normal equations, where a star has a weight of up to 1: they are singular for stars on
# a line.
_DAMPING = 1e-9
_SETTLED_ARCSEC = 1e-3        # the fit of the distortion ends when no coefficient changes by more


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Pairs of stars, one to one.

    Attributes
    ----------
    source, reference : ndarray of int, shape (n,)
        Indices into the arrays of sources and reference stars.
    separation_arcsec : ndarray, shape (n,)
        Distance between the two after shift, distortion and rotation were removed.
    offset_arcsec : tuple of float
        Shift east and north that was removed.
    degree : int
        Degree of the distortion polynomials that were removed; 0 for a shift alone.
    radius_arcsec : float
        Radius of the final match.
    rotation_deg : float
        Rotation from east to north that was removed.
    share : float
        Share of the brightest sources that have a partner, 0 to 1.
    """

    source: np.ndarray
    reference: np.ndarray
    separation_arcsec: np.ndarray
    offset_arcsec: tuple[float, float]
    degree: int
    radius_arcsec: float
    rotation_deg: float
    share: float

    def __len__(self) -> int:
        return len(self.source)

    @property
    def doubtful(self) -> bool:
        """Whether so many bright sources have no partner that the frame may show another field.

        Returns
        -------
        bool
        """
        return self.share < _DOUBTFUL_SHARE


def tangent_plane(ra_deg: np.ndarray, dec_deg: np.ndarray, ra0_deg: float, dec0_deg: float) -> np.ndarray:
    """Gnomonic projection of sky positions.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
    ra0_deg, dec0_deg : float
        Tangent point.

    Returns
    -------
    ndarray, shape (n, 2)
        East and north [arcsec]; nan for positions more than 90 degrees away.
    """
    ra, dec = np.radians(np.subtract(ra_deg, ra0_deg)), np.radians(dec_deg)
    sin0, cos0 = math.sin(math.radians(dec0_deg)), math.cos(math.radians(dec0_deg))
    sin_dec, cos_dec = np.sin(dec), np.cos(dec)
    along = cos_dec * np.cos(ra)
    depth = sin_dec * sin0 + along * cos0
    depth = np.where(depth > 0, depth, np.nan)
    east_north = [cos_dec * np.sin(ra) / depth, (sin_dec * cos0 - along * sin0) / depth]
    return np.degrees(np.stack(east_north, axis=-1)) * 3600


def match_stars(source_xy: np.ndarray, source_flux: np.ndarray, reference_xy: np.ndarray,
                reference_mag: np.ndarray) -> Matches:
    """Match sources and reference stars one to one, after removing the errors of the world coordinates.

    Parameters
    ----------
    source_xy : ndarray, shape (n, 2)
        Positions in a tangent plane [arcsec].
    source_flux : ndarray, shape (n,)
        In any unit, to select the bright sources; nan counts as faint.
    reference_xy : ndarray, shape (m, 2)
        Positions in the same plane.
    reference_mag : ndarray, shape (m,)
        In any band, to select the bright stars; nan counts as faint.

    Returns
    -------
    Matches
        Empty where no shift stands out against chance.
    """
    source_xy, reference_xy = np.asarray(source_xy, float), np.asarray(reference_xy, float)
    source_order = np.argsort(-np.nan_to_num(source_flux, nan=-np.inf), kind='stable')
    reference_mag = np.nan_to_num(reference_mag, nan=np.inf)
    near = _within_box(reference_xy, source_xy, _FAR_ARCSEC)
    matches = _match_near(source_xy, source_order, reference_xy, reference_mag, near)
    if not matches.doubtful or not len(source_xy):
        return matches
    near = _within_box(reference_xy, source_xy, MAX_SHIFT_ARCSEC)
    near = _brightest(reference_mag, near, len(near))
    vote = vote_for_field(source_xy[source_order], reference_xy[near]) if len(near) else None
    if vote is None:
        return matches
    moved = vote.apply(reference_xy)
    near = _within_box(moved, source_xy, _WIDE_ARCSEC)
    after_vote = _match_near(source_xy, source_order, moved, reference_mag, near)
    if after_vote.share <= matches.share:
        return matches
    offset = np.add(after_vote.offset_arcsec, vote.shift_arcsec)
    return replace(after_vote, offset_arcsec=(float(offset[0]), float(offset[1])),
                   rotation_deg=after_vote.rotation_deg + vote.rotation_deg)


def _brightest(mag: np.ndarray, among: np.ndarray, count: int) -> np.ndarray:
    """The indices of the `count` brightest stars of the indices `among`, the brightest first."""
    if count < len(among):
        among = among[np.argpartition(mag[among], count)[:count]]
    return among[np.argsort(mag[among], kind='stable')]


def _match_near(source_xy: np.ndarray, source_order: np.ndarray, reference_xy: np.ndarray, reference_mag: np.ndarray,
                near: np.ndarray) -> Matches:
    """Match a field that is off by less than _FAR_ARCSEC and not rotated; positions in arcsec.

    source_order : indices of all sources, the brightest first.  near : indices of the reference stars in the field.
    """
    if not len(source_xy) or not len(near):
        return _no_matches()
    box_area = _area(source_xy)
    voters = max(_FEWEST_STARS, int(math.sqrt(box_area / math.pi) / _VOTE_ARCSEC))
    count = max(_FEWEST_STARS, int(_CHANCE_PAIRS * box_area / (math.pi * _WIDE_ARCSEC**2)))
    reference_order = _brightest(reference_mag, near, max(voters, count))
    for radius in (_WIDE_ARCSEC, _FAR_ARCSEC):
        offset = _vote(source_xy[source_order[:voters]], reference_xy[reference_order[:voters]], radius)
        if offset is not None:
            break
    else:
        return _no_matches()
    distortion = _fit_distortion(source_xy[source_order[:count]], reference_xy[reference_order[:count]], offset)
    radius = float(np.clip(_TIGHT_SIGMAS * distortion.sigma_arcsec, *_TIGHT_ARCSEC))
    moved = reference_xy[near] + distortion.shift_at(reference_xy[near])
    source, reference, separation = _mutual_nearest(source_xy, moved, radius)
    return Matches(
        source=source, reference=near[reference], separation_arcsec=separation,
        offset_arcsec=(float(offset[0]), float(offset[1])), degree=distortion.degree, radius_arcsec=radius,
        rotation_deg=distortion.rotation_deg, share=float(np.isin(source_order[:voters], source).mean()))


def _no_matches() -> Matches:
    """The result where no star is matched."""
    none = np.empty(0, int)
    return Matches(source=none, reference=none, separation_arcsec=np.empty(0), offset_arcsec=(0.0, 0.0), degree=0,
                   radius_arcsec=0.0, rotation_deg=0.0, share=0.0)


def _within_box(xy: np.ndarray, around: np.ndarray, margin: float) -> np.ndarray:
    """Indices of the points of `xy` (n, 2) inside the bounding box of `around` (m, 2), widened by a margin [arcsec]."""
    if not len(around):
        return np.empty(0, int)
    low, high = around.min(axis=0) - margin, around.max(axis=0) + margin
    return np.flatnonzero(np.all((xy >= low) & (xy <= high), axis=1))


def _area(xy: np.ndarray, radius: float = _WIDE_ARCSEC) -> float:
    """Area of the bounding box [arcsec^2], with sides of at least two diameters of a circle of this radius [arcsec]."""
    return np.prod(np.maximum(np.ptp(xy, axis=0), 4 * radius))


def _vote(source_xy: np.ndarray, reference_xy: np.ndarray, radius: float) -> np.ndarray | None:
    """The shift source - reference that most pairs agree on within _VOTE_ARCSEC, or None where none stands out.

    source_xy, reference_xy : (n, 2), (m, 2) [arcsec], the brightest first; their pairs within `radius` [arcsec] vote.
    """
    pairs = _tree(source_xy).sparse_distance_matrix(_tree(reference_xy), radius, output_type='ndarray')
    if not len(pairs):
        return None
    pairs = np.sort(pairs, order=('i', 'j'))
    shifts = source_xy[pairs['i']] - reference_xy[pairs['j']]
    shift_tree = _tree(shifts)
    votes = shift_tree.query_ball_point(shifts[:_CANDIDATES], _VOTE_ARCSEC, return_length=True)
    # Strangers are spread evenly: the shift that is taken needs more votes than chance gives to any of the shifts.
    mean_by_chance = len(source_xy) * len(reference_xy) * (math.pi * _VOTE_ARCSEC**2) / _area(reference_xy, radius)
    enough = 1 + max_votes_by_chance(mean_by_chance, _FALSE_ALARM / len(shifts))
    if votes.max() < max(min(_MIN_VOTES, len(source_xy)), enough):
        return None
    offset = shifts[votes.argmax()]
    for _ in range(3):
        offset = shifts[shift_tree.query_ball_point(offset, _VOTE_ARCSEC)].mean(axis=0)
    return offset


@dataclass(frozen=True, kw_only=True)
class _Distortion:
    """Polynomials in the position that shift reference stars onto sources."""

    centre: np.ndarray        # (2,) [arcsec]: position of u = v = 0
    scale: float              # [arcsec] per unit of u and v, which are from about -1 to 1 in the frame
    degree: int
    coefficients: np.ndarray  # (terms, 2) [arcsec]: shift to the east and to the north per term
    sigma_arcsec: float       # standard deviation of the residuals per axis

    def terms(self, xy: np.ndarray) -> np.ndarray:
        """Design matrix (terms, n) at positions (n, 2) [arcsec]: 1, v, v^2 ..., u, uv ...; u is east, v north."""
        u, v = ((xy - self.centre) / self.scale).T
        powers = [(u**0, v**0)]
        for _ in range(self.degree):
            powers.append((powers[-1][0] * u, powers[-1][1] * v))
        return np.stack([powers[i][0] * powers[j][1] for i in range(self.degree + 1)
                         for j in range(self.degree + 1 - i)])

    def shift_at(self, xy: np.ndarray) -> np.ndarray:
        """Shift (n, 2) [arcsec] of reference stars at positions (n, 2) [arcsec]."""
        return self.terms(xy).T @ self.coefficients

    @property
    def rotation_deg(self) -> float:
        """Rotation at the centre, from the slopes of east with v (north) and of north with u (east)."""
        if not self.degree:
            return 0.0
        east_by_v, north_by_u = self.coefficients[1, 0], self.coefficients[self.degree + 1, 1]
        return math.degrees((north_by_u - east_by_v) / 2 / self.scale)


def _fit_distortion(source_xy: np.ndarray, reference_xy: np.ndarray, offset: np.ndarray) -> _Distortion:
    """Fit shift and distortion to bright sources (n, 2) and reference stars (m, 2) from a first shift (2,) [arcsec]."""
    distortion = _Distortion(
        centre=reference_xy.mean(axis=0), scale=max(np.ptp(reference_xy, axis=0).max() / 2, 1.0), degree=0,
        coefficients=offset[None, :], sigma_arcsec=_TIGHT_ARCSEC[1] / _TIGHT_SIGMAS)
    for radius in (_WIDE_ARCSEC, _WIDE_ARCSEC, _WIDE_ARCSEC / 2, _WIDE_ARCSEC / 2):
        moved = reference_xy + distortion.shift_at(reference_xy)
        source, reference, _ = _mutual_nearest(source_xy, moved, radius)  # indices
        shifts = source_xy[source] - reference_xy[reference]
        degrees = [degree for degree, terms in _TERMS_BY_DEGREE.items() if len(source) >= _STARS_PER_TERM * terms]
        distortion = replace(distortion, degree=max(degrees, default=0))  # for its terms: coefficients follow
        coefficients, sigma = _robust_lstsq(distortion.terms(reference_xy[reference]), shifts,
                                            shifts - (moved - reference_xy)[reference])
        distortion = replace(distortion, coefficients=coefficients, sigma_arcsec=sigma)
        if not len(source):
            break
    return distortion


def _robust_lstsq(design: np.ndarray, values: np.ndarray, residuals: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit values (n, 2) [arcsec] by Tukey's biweight: (coefficients (terms, 2), sigma of the residuals per axis).

    design : (terms, n).  residuals : (n, 2) [arcsec], of which the first weights are made.
    """
    sigma, coefficients = 1.0, np.zeros((len(design), 2))
    for _ in range(10):
        distance = np.hypot(*residuals.T)
        sigma = max(rayleigh_spread(distance), 0.02) if len(distance) else 1.0
        weight = np.clip(1 - (distance / (5 * sigma)) ** 2, 0, None) ** 2
        weighted = design * weight
        before = coefficients
        # Terms are of order one, so the normal equations are well conditioned.
        coefficients = np.linalg.solve(weighted @ design.T + _DAMPING * np.eye(len(design)), weighted @ values)
        residuals = values - design.T @ coefficients
        if np.max(np.abs(coefficients - before)) < _SETTLED_ARCSEC:
            break
    return coefficients, sigma


def _tree(xy: np.ndarray) -> cKDTree:
    """A k-d tree that is not balanced, as balancing takes longer than the few look-ups that are made in it."""
    return cKDTree(xy, balanced_tree=False, compact_nodes=False)


def _mutual_nearest(one: np.ndarray, other: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs that are each other's nearest within radius [arcsec]: (index into one, index into other, distance)."""
    if not len(one) or not len(other):
        return np.empty(0, int), np.empty(0, int), np.empty(0)
    one_tree, other_tree = _tree(one), _tree(other)
    distance, nearest = other_tree.query(one, distance_upper_bound=radius)
    has_neighbour = np.flatnonzero(np.isfinite(distance))
    # A star that is the nearest of many is looked up once.
    partners, partner_of = np.unique(nearest[has_neighbour], return_inverse=True)
    _, back = one_tree.query(other[partners], distance_upper_bound=radius)
    mutual = has_neighbour[back[partner_of] == has_neighbour]
    return mutual, nearest[mutual], distance[mutual]
