"""Which source of a frame is which reference star: geometry only, arrays in, indices out.

The world coordinates of a frame are a linear solution: the whole field may be off by arcseconds, and the corners by 5"
where the optics distort.  So the bright stars are matched first, in a wide circle; a vote among their offsets finds the
shift, polynomials of low order the distortion; then all stars are matched in a tight one.  Where that leaves too many
of the bright sources without a partner, the field is turned or far off, and a search for shift and rotation
(fieldvote.py) goes before.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import poisson

from fieldvote import MAX_SHIFT_ARCSEC, vote_for_field

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
FALSE_ALARM = 1e-4            # how often fields that have nothing in common may pass for the same
DOUBTFUL_SHARE = 0.6          # of the brightest sources: a catalogue may lack a fifth, and a tenth are no stars
TERMS_BY_DEGREE = {1: 3, 2: 6, 3: 10}
STARS_PER_TERM = 6            # of a polynomial, so that noise does not fit itself
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
    dec0 = math.radians(dec0_deg)
    depth = np.sin(dec) * math.sin(dec0) + np.cos(dec) * math.cos(dec0) * np.cos(ra)
    depth = np.where(depth > 0, depth, np.nan)
    east = np.cos(dec) * np.sin(ra) / depth
    north = (np.sin(dec) * math.cos(dec0) - np.cos(dec) * math.sin(dec0) * np.cos(ra)) / depth
    return np.degrees(np.stack([east, north], axis=-1)) * 3600


def match_stars(source_xy: np.ndarray, source_flux: np.ndarray, reference_xy: np.ndarray, reference_mag: np.ndarray, *,
                wide_arcsec: float = WIDE_ARCSEC) -> Matches:
    """Match sources and reference stars one to one, after removing what the world coordinates have wrong.

    source_xy, reference_xy : (n, 2), (m, 2) positions in one tangent plane [arcsec].
    source_flux, reference_mag : (n,), (m,) to know the bright ones by; nan counts as faint.
    Returns Matches, empty where nothing agrees.
    """
    source_xy, reference_xy = np.asarray(source_xy, float), np.asarray(reference_xy, float)
    source_order = np.argsort(-np.nan_to_num(source_flux, nan=-np.inf), kind='stable')
    near = _by_brightness(reference_xy, reference_mag, source_xy, FAR_FACTOR * wide_arcsec)
    matches = _match_near(source_xy, source_order, reference_xy, near, wide_arcsec)
    if not matches.doubtful or not len(source_xy):
        return matches
    near = _by_brightness(reference_xy, reference_mag, source_xy, MAX_SHIFT_ARCSEC)
    vote = vote_for_field(source_xy[source_order], reference_xy[near]) if len(near) else None
    if vote is None:
        return matches
    moved = vote.moved(reference_xy)
    near = _by_brightness(moved, reference_mag, source_xy, wide_arcsec)
    found = _match_near(source_xy, source_order, moved, near, wide_arcsec)
    if found.share <= matches.share:
        return matches
    offset = np.add(found.offset_arcsec, vote.shift_arcsec)
    return replace(found, offset_arcsec=(float(offset[0]), float(offset[1])),
                   rotation_deg=found.rotation_deg + vote.rotation_deg)


def _by_brightness(reference_xy: np.ndarray, reference_mag: np.ndarray, source_xy: np.ndarray,
                   margin: float) -> np.ndarray:
    """Indices of the reference stars within a margin of the sources' box, the brightest first; nan counts as faint."""
    near = _within_box(reference_xy, source_xy, margin)
    return near[np.argsort(np.nan_to_num(reference_mag[near], nan=np.inf), kind='stable')]


def _match_near(source_xy: np.ndarray, brightest: np.ndarray, reference_xy: np.ndarray, brightest_reference: np.ndarray,
                wide_arcsec: float) -> Matches:
    """Matches of a field that is off by less than FAR_FACTOR * wide_arcsec and not turned; orders are indices."""
    if not len(source_xy) or not len(brightest_reference):
        return _no_matches()
    voters = max(FEWEST_STARS, int(math.sqrt(_area(source_xy, wide_arcsec) / math.pi) / VOTE_ARCSEC))
    for radius in (wide_arcsec, FAR_FACTOR * wide_arcsec):
        offset = _vote(source_xy[brightest[:voters]], reference_xy[brightest_reference[:voters]], radius)
        if offset is not None:
            break
    else:
        return _no_matches()
    count = _bright_count(source_xy, wide_arcsec)
    bright, bright_reference = brightest[:count], brightest_reference[:count]
    removed, degree, sigma, rotation = _remove_distortion(
        source_xy[bright], reference_xy[bright_reference], offset, wide_arcsec)
    radius = float(np.clip(TIGHT_SIGMAS * sigma, *TIGHT_ARCSEC))
    near = np.sort(brightest_reference)
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
    """The shift source - reference that most pairs agree on within VOTE_ARCSEC, or None where none stands out."""
    tree = cKDTree(reference_xy)
    neighbours = tree.query_ball_point(source_xy, radius)
    source = np.repeat(np.arange(len(source_xy)), [len(found) for found in neighbours])
    if not len(source):
        return None
    reference = np.concatenate([found for found in neighbours if found]).astype(int)
    shifts = source_xy[source] - reference_xy[reference]
    votes = cKDTree(shifts)
    counts = votes.query_ball_point(shifts, VOTE_ARCSEC, return_length=True)
    # Strangers fill the circle evenly: the elected shift has to have more votes than their noise gives to any shift.
    by_chance = len(source_xy) * len(reference_xy) * (math.pi * VOTE_ARCSEC**2) / _area(reference_xy, radius)
    if counts.max() < max(min(MIN_VOTES, len(source_xy)), 1 + poisson.isf(FALSE_ALARM / len(shifts), by_chance)):
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
        return np.stack([u**i * v**j for i in range(degree + 1) for j in range(degree + 1 - i)], axis=-1)

    degree, coefficients = 0, offset[None, :]
    sigma = TIGHT_ARCSEC[1] / TIGHT_SIGMAS
    for radius in (wide_arcsec, wide_arcsec, wide_arcsec / 2, wide_arcsec / 2):
        moved = reference_xy + terms(reference_xy, degree) @ coefficients
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
    return (lambda xy: terms(xy, degree) @ coefficients), degree, sigma, math.degrees(turn)


def _robust_lstsq(design: np.ndarray, values: np.ndarray, residuals: np.ndarray) -> tuple[np.ndarray, float]:
    """Least squares of (n, 2) values with Tukey's biweight, from starting residuals; (coefficients, sigma per axis)."""
    sigma = 1.0
    for _ in range(10):
        distance = np.hypot(*residuals.T)
        sigma = max(np.median(distance) / 1.177, 0.02) if len(distance) else 1.0  # median of a Rayleigh distribution
        weight = np.clip(1 - (distance / (5 * sigma)) ** 2, 0, None)
        coefficients = np.linalg.lstsq(design * weight[:, None], values * weight[:, None], rcond=None)[0]
        residuals = values - design @ coefficients
    return coefficients, sigma


def _mutual_nearest(one: np.ndarray, other: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs that are each other's nearest within radius: (index into one, index into other, distance)."""
    if not len(one) or not len(other):
        return np.empty(0, int), np.empty(0, int), np.empty(0)
    one_tree, other_tree = (cKDTree(xy, balanced_tree=False, compact_nodes=False) for xy in (one, other))
    distance, nearest = other_tree.query(one, distance_upper_bound=radius)
    _, back = one_tree.query(other, distance_upper_bound=radius)
    found = np.flatnonzero(np.isfinite(distance))
    mutual = found[back[nearest[found]] == found]
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
    pairs = cKDTree(xy).sparse_distance_matrix(cKDTree(all_xy[seen]), outer, output_type='ndarray')
    pairs = pairs[pairs['v'] > SAME_STAR_ARCSEC]
    share = np.clip((outer - pairs['v']) / (outer - inner), 0, 1)
    light = share * 10 ** (-0.4 * (all_mag[seen[pairs['j']]] - mag[pairs['i']]))
    return np.bincount(pairs['i'], weights=light, minlength=len(xy))
