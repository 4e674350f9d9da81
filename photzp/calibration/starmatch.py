"""Which source of a frame is which reference star: geometry only, arrays in, indices out.

The world coordinates of a frame are a linear solution: the whole field may be off by arcseconds, and the corners by 5"
where the optics distort.  So the bright stars are matched first, in a wide circle; a vote among their offsets finds the
shift, polynomials of low order the distortion; then all stars are matched in a tight one.  Where that leaves too many
of the bright sources without a partner, the field is turned or far off, and a search for shift and rotation
(calibration/fieldvote.py) goes before.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from photzp.calibration.fieldvote import MAX_SHIFT_ARCSEC, most_by_chance, vote_for_field
from photzp.magnitudes import ratio_of_mag
from photzp.robust import rayleigh_spread

WIDE_ARCSEC = 5.0             # corners of BANZAI's linear world coordinates are off by up to this
FAR_FACTOR = 6                # a second vote goes this much farther, to 30"
TIGHT_ARCSEC = (0.8, 2.0)     # least and largest radius of the final match
TIGHT_SIGMAS = 4.0            # the final radius in standard deviations of the bright stars' residuals (per axis)
CHANCE_PAIRS = 0.05           # bright stars are taken so few that a wide circle holds this many strangers
FEWEST_STARS = 30             # and no fewer than these
# Offsets this near together are one vote.  Of the brightest stars so many have a vote that one of all their offsets
# falls into such a circle by chance.
VOTE_ARCSEC = 1.0
MIN_VOTES = 5
CANDIDATES = 200              # shifts of the brightest sources, one of which most agree with
FALSE_ALARM = 1e-4            # how often fields that have nothing in common may pass for the same
DOUBTFUL_SHARE = 0.6          # of the brightest sources: a catalogue may lack a fifth, and a tenth are no stars
TERMS_BY_DEGREE = {1: 3, 2: 6, 3: 10}
STARS_PER_TERM = 6            # of a polynomial, so that noise does not fit itself
DAMPING = 1e-9                # stars, in a fit of the distortion
SETTLED_ARCSEC = 1e-3         # a fit of the distortion that changes by less is done
SAME_STAR_ARCSEC = 1e-3       # a neighbour nearer than this is the star itself
FAINTEST_NEIGHBOUR_MAG = 6.0  # a neighbour this much fainter adds 0.4%


@dataclass(frozen=True)
class Matches:
    """Pairs of stars, one to one; arrays of shape (n,) unless said otherwise.

    source, reference : indices into the arrays given.
    separation_arcsec : left between the two after what was removed.
    offset_arcsec : (2,) shift east and north that was removed.
    degree : of the polynomials that were removed besides; 0 for a shift alone.
    radius_arcsec : of the final match.
    rotation_deg : that was removed, from east to north.
    share : of the brightest sources, how many have a partner (0 to 1).
    """

    source: np.ndarray
    reference: np.ndarray
    separation_arcsec: np.ndarray
    offset_arcsec: tuple[float, float]
    degree: int
    radius_arcsec: float
    rotation_deg: float = 0.0
    share: float = 0.0

    def __len__(self) -> int:
        return len(self.source)

    @property
    def doubtful(self) -> bool:
        """So many bright sources have no partner that the field may be another one."""
        return self.share < DOUBTFUL_SHARE


def tangent_plane(ra_deg: np.ndarray, dec_deg: np.ndarray, ra0_deg: float, dec0_deg: float) -> np.ndarray:
    """Gnomonic projection about (ra0, dec0): (n, 2) array of east and north [arcsec]; nan beyond 90 degrees."""
    ra, dec = np.radians(np.subtract(ra_deg, ra0_deg)), np.radians(dec_deg)
    sin0, cos0 = math.sin(math.radians(dec0_deg)), math.cos(math.radians(dec0_deg))
    sin_dec, cos_dec = np.sin(dec), np.cos(dec)
    along = cos_dec * np.cos(ra)
    depth = sin_dec * sin0 + along * cos0
    depth = np.where(depth > 0, depth, np.nan)
    east_north = [cos_dec * np.sin(ra) / depth, (sin_dec * cos0 - along * sin0) / depth]
    return np.degrees(np.stack(east_north, axis=-1)) * 3600


def match_stars(source_xy: np.ndarray, source_flux: np.ndarray, reference_xy: np.ndarray, reference_mag: np.ndarray, *,
                wide_arcsec: float = WIDE_ARCSEC) -> Matches:
    """Match sources and reference stars one to one, after removing what the world coordinates have wrong.

    source_xy, reference_xy : (n, 2), (m, 2) positions in one tangent plane [arcsec].
    source_flux, reference_mag : (n,), (m,) to know the bright ones by; nan counts as faint.
    Returns Matches, empty where nothing agrees.
    """
    source_xy, reference_xy = np.asarray(source_xy, float), np.asarray(reference_xy, float)
    source_order = np.argsort(-np.nan_to_num(source_flux, nan=-np.inf), kind='stable')
    reference_mag = np.nan_to_num(reference_mag, nan=np.inf)
    near = _within_box(reference_xy, source_xy, FAR_FACTOR * wide_arcsec)
    matches = _match_near(source_xy, source_order, reference_xy, reference_mag, near, wide_arcsec)
    if not matches.doubtful or not len(source_xy):
        return matches
    near = _within_box(reference_xy, source_xy, MAX_SHIFT_ARCSEC)
    near = _brightest(reference_mag, near, len(near))
    vote = vote_for_field(source_xy[source_order], reference_xy[near]) if len(near) else None
    if vote is None:
        return matches
    moved = vote.moved(reference_xy)
    near = _within_box(moved, source_xy, wide_arcsec)
    found = _match_near(source_xy, source_order, moved, reference_mag, near, wide_arcsec)
    if found.share <= matches.share:
        return matches
    offset = np.add(found.offset_arcsec, vote.shift_arcsec)
    return replace(found, offset_arcsec=(float(offset[0]), float(offset[1])),
                   rotation_deg=found.rotation_deg + vote.rotation_deg)


def _brightest(mag: np.ndarray, among: np.ndarray, count: int) -> np.ndarray:
    """So many of the indices `among`, of the brightest, which come first."""
    if count < len(among):
        among = among[np.argpartition(mag[among], count)[:count]]
    return among[np.argsort(mag[among], kind='stable')]


def _match_near(source_xy: np.ndarray, brightest: np.ndarray, reference_xy: np.ndarray, reference_mag: np.ndarray,
                near: np.ndarray, wide_arcsec: float) -> Matches:
    """Matches of a field that is off by less than FAR_FACTOR * wide_arcsec and not turned.

    brightest, near : indices of the sources, the brightest first, and of the reference stars that are in the field.
    """
    if not len(source_xy) or not len(near):
        return _no_matches()
    voters = max(FEWEST_STARS, int(math.sqrt(_area(source_xy, wide_arcsec) / math.pi) / VOTE_ARCSEC))
    count = _bright_count(source_xy, wide_arcsec)
    brightest_reference = _brightest(reference_mag, near, max(voters, count))
    for radius in (wide_arcsec, FAR_FACTOR * wide_arcsec):
        offset = _vote(source_xy[brightest[:voters]], reference_xy[brightest_reference[:voters]], radius)
        if offset is not None:
            break
    else:
        return _no_matches()
    bright, bright_reference = brightest[:count], brightest_reference[:count]
    removed, degree, sigma, rotation = _remove_distortion(
        source_xy[bright], reference_xy[bright_reference], offset, wide_arcsec)
    radius = float(np.clip(TIGHT_SIGMAS * sigma, *TIGHT_ARCSEC))
    moved = reference_xy[near] + removed(reference_xy[near])
    source, reference, separation = _mutual_nearest(source_xy, moved, radius)
    share = float(np.isin(brightest[:voters], source).mean())
    return Matches(source, near[reference], separation, (float(offset[0]), float(offset[1])), degree, radius, rotation,
                   share)


def _no_matches() -> Matches:
    none = np.empty(0, int)
    return Matches(none, none, np.empty(0), (0.0, 0.0), 0, 0.0)


def _within_box(xy: np.ndarray, around: np.ndarray, margin: float) -> np.ndarray:
    """Indices of the points of `xy` inside the bounding box of `around`, a margin added."""
    if not len(around):
        return np.empty(0, int)
    low, high = around.min(axis=0) - margin, around.max(axis=0) + margin
    return np.flatnonzero(np.all((xy >= low) & (xy <= high), axis=1))


def _area(xy: np.ndarray, radius: float) -> float:
    """Area of the bounding box [square arcsec], which is taken to hold a few circles of the radius at least."""
    return np.prod(np.maximum(np.ptp(xy, axis=0), 4 * radius))


def _bright_count(xy: np.ndarray, radius: float) -> int:
    """How many stars the box of `xy` may hold so that a circle holds CHANCE_PAIRS of them by chance."""
    return max(FEWEST_STARS, int(CHANCE_PAIRS * _area(xy, radius) / (math.pi * radius**2)))


def _vote(source_xy: np.ndarray, reference_xy: np.ndarray, radius: float) -> np.ndarray | None:
    """The shift source - reference that most pairs agree on within VOTE_ARCSEC, or None where none stands out.

    source_xy, reference_xy : (n, 2), (m, 2), the brightest first.  It is one of those of the brightest sources.
    """
    pairs = _tree(source_xy).sparse_distance_matrix(_tree(reference_xy), radius, output_type='ndarray')
    if not len(pairs):
        return None
    pairs = np.sort(pairs, order=('i', 'j'))
    shifts = source_xy[pairs['i']] - reference_xy[pairs['j']]
    votes = _tree(shifts)
    counts = votes.query_ball_point(shifts[:CANDIDATES], VOTE_ARCSEC, return_length=True)
    # Strangers fill the circle evenly: the elected shift has to have more votes than their noise gives to any shift.
    by_chance = len(source_xy) * len(reference_xy) * (math.pi * VOTE_ARCSEC**2) / _area(reference_xy, radius)
    if counts.max() < max(min(MIN_VOTES, len(source_xy)), 1 + most_by_chance(by_chance, FALSE_ALARM / len(shifts))):
        return None
    offset = shifts[counts.argmax()]
    for _ in range(3):
        offset = shifts[votes.query_ball_point(offset, VOTE_ARCSEC)].mean(axis=0)
    return offset


def _remove_distortion(source_xy: np.ndarray, reference_xy: np.ndarray, offset: np.ndarray,
                       wide_arcsec: float) -> tuple[Callable[[np.ndarray], np.ndarray], int, float, float]:
    """Fit shift and distortion to the bright stars.

    Returns (function of (n, 2) positions giving (n, 2) shifts, degree, sigma per axis [arcsec] of the residuals,
    rotation [deg] at the centre).
    """
    centre, scale = reference_xy.mean(axis=0), max(np.ptp(reference_xy, axis=0).max() / 2, 1.0)

    def terms(xy: np.ndarray, degree: int) -> np.ndarray:
        u, v = ((xy - centre) / scale).T
        powers = [(u**0, v**0)]
        for _ in range(degree):
            powers.append((powers[-1][0] * u, powers[-1][1] * v))
        return np.stack([powers[i][0] * powers[j][1] for i in range(degree + 1) for j in range(degree + 1 - i)])

    degree, coefficients = 0, offset[None, :]
    sigma = TIGHT_ARCSEC[1] / TIGHT_SIGMAS
    for radius in (wide_arcsec, wide_arcsec, wide_arcsec / 2, wide_arcsec / 2):
        moved = reference_xy + terms(reference_xy, degree).T @ coefficients
        source, reference, _ = _mutual_nearest(source_xy, moved, radius)
        shifts = source_xy[source] - reference_xy[reference]
        fitting = [d for d, n in TERMS_BY_DEGREE.items() if len(source) >= STARS_PER_TERM * n]
        degree = max(fitting, default=0)
        design = terms(reference_xy[reference], degree)
        coefficients, sigma = _robust_lstsq(design, shifts, shifts - (moved - reference_xy)[reference])
        if not len(source):
            break
    # Terms run in the order 1, v, v^2 ..., u, uv ...: east by v (north) and north by u (east) make the rotation.
    turn = (coefficients[degree + 1, 1] - coefficients[1, 0]) / 2 / scale if degree else 0.0
    return (lambda xy: terms(xy, degree).T @ coefficients), degree, sigma, math.degrees(turn)


def _robust_lstsq(design: np.ndarray, values: np.ndarray, residuals: np.ndarray) -> tuple[np.ndarray, float]:
    """Least squares of (n, 2) values with Tukey's biweight, from starting residuals; design (terms, n).

    Returns (coefficients (terms, 2), sigma per axis).
    """
    sigma, coefficients = 1.0, np.zeros((len(design), 2))
    for _ in range(10):
        distance = np.hypot(*residuals.T)
        sigma = max(rayleigh_spread(distance), 0.02) if len(distance) else 1.0
        weight = np.clip(1 - (distance / (5 * sigma)) ** 2, 0, None) ** 2
        weighted = design * weight
        before = coefficients
        # Terms are of order one, so the normal equations are sound; a trace of damping is for stars on a line.
        coefficients = np.linalg.solve(weighted @ design.T + DAMPING * np.eye(len(design)), weighted @ values)
        residuals = values - design.T @ coefficients
        if np.max(np.abs(coefficients - before)) < SETTLED_ARCSEC:
            break
    return coefficients, sigma


def _tree(xy: np.ndarray) -> cKDTree:
    """Built for a few look-ups: balancing it would take longer than they do."""
    return cKDTree(xy, balanced_tree=False, compact_nodes=False)


def _mutual_nearest(one: np.ndarray, other: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs that are each other's nearest within radius: (index into one, index into other, distance)."""
    if not len(one) or not len(other):
        return np.empty(0, int), np.empty(0, int), np.empty(0)
    one_tree, other_tree = _tree(one), _tree(other)
    distance, nearest = other_tree.query(one, distance_upper_bound=radius)
    found = np.flatnonzero(np.isfinite(distance))
    partners, which = np.unique(nearest[found], return_inverse=True)  # a star in a million copies is looked up once
    _, back = one_tree.query(other[partners], distance_upper_bound=radius)
    mutual = found[back[which] == found]
    return mutual, nearest[mutual], distance[mutual]


def blended_fraction(xy: np.ndarray, mag: np.ndarray, all_xy: np.ndarray, all_mag: np.ndarray,
                     fwhm_arcsec: float) -> np.ndarray:
    """How much light neighbours add to each star's aperture, as a fraction of its own, from the catalogue alone.

    xy, mag : (n, 2) positions [arcsec] and (n,) magnitudes of the stars.  all_xy, all_mag : the same of every star of
    the catalogue, these among them; nan adds nothing.  Returns (n,).
    A neighbour counts in full within 1.2 FWHM and fades to nothing at 2.2 FWHM: on two real frames the Kron aperture of
    a point source (2.5 times kronrad times a) has a radius of 1.9 FWHM.
    """
    fraction = np.zeros(len(xy))
    inner, outer = 1.2 * fwhm_arcsec, 2.2 * fwhm_arcsec
    seen = np.flatnonzero(all_mag < np.nanmax(mag, initial=-np.inf) + FAINTEST_NEIGHBOUR_MAG)
    if not len(seen):
        return fraction
    pairs = _tree(xy).sparse_distance_matrix(_tree(all_xy[seen]), outer, output_type='ndarray')
    pairs = pairs[pairs['v'] > SAME_STAR_ARCSEC]
    share = np.clip((outer - pairs['v']) / (outer - inner), 0, 1)
    light = share * ratio_of_mag(mag[pairs['i']] - all_mag[seen[pairs['j']]])
    return np.bincount(pairs['i'], weights=light, minlength=len(xy))
