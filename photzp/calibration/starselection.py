"""Which stars are used for a zeropoint: sources without defects, and reference stars not blended and not saturated."""

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from photzp.calibration.zeropoint import MIN_STARS
from photzp.magnitudes import ratio_of_mag

if TYPE_CHECKING:
    from photzp.frames.banzai import Stars

_PEAK_FRACTION = 0.9          # of the saturation limit: detectors are not linear just below it
# Saturation cuts off peaks where at least this many stars have a peak above this fraction of the highest level, and
# fluxes that differ by more than this factor.
_PLATEAU_STARS, _PLATEAU_FRACTION, _PLATEAU_FLUX_RATIO = 3, 0.95, 1.5
_MAX_NEIGHBOUR_RATIOS = (0.02, 0.05, 0.1)  # limits on flux of neighbours in the aperture / flux of the star
_SAME_STAR_ARCSEC = 1e-3      # a neighbour nearer than this is the star itself
_FAINTEST_NEIGHBOUR_MAG = 6.0  # fainter than the faintest star: such a neighbour adds 0.4% to its flux


def usable_stars(stars: 'Stars', *, flags_bad: int, saturation_e: float) -> np.ndarray:
    """Which sources are used for a zeropoint.

    Parameters
    ----------
    stars : Stars
        All sources of a frame.
    flags_bad : int
        Bits of the source flag of which any one excludes a source.
    saturation_e : float
        Saturation limit on peak + background [electrons]; where it is not known (inf), the level at which the peaks
        of the sources pile up is taken, if there is one.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    level = stars.peak + stars.background
    good = (stars.flag & flags_bad) == 0
    good &= (stars.flux > 0) & (stars.fluxerr > 0) & np.isfinite(stars.flux) & np.isfinite(stars.fluxerr)
    limit = saturation_e if math.isfinite(saturation_e) else _peak_plateau(level[good], stars.flux[good])
    return good & (level < _PEAK_FRACTION * limit)


def _peak_plateau(level: np.ndarray, flux: np.ndarray) -> float:
    """Level [electrons] at which peaks pile up, inf where they do not.

    Below saturation the peak of a star is proportional to its flux; stars of the same peak but very different fluxes
    are saturated.
    """
    level = np.where(np.isfinite(level), level, -np.inf)
    at_top = level >= _PLATEAU_FRACTION * level.max(initial=-np.inf)
    if np.count_nonzero(at_top) < _PLATEAU_STARS or not level.max() > 0:
        return math.inf
    fluxes = np.sort(flux[at_top])
    return float(level.max()) if fluxes[-_PLATEAU_STARS + 1] > _PLATEAU_FLUX_RATIO * fluxes[0] else math.inf


def usable_references(headroom_mag: np.ndarray, ref_error: np.ndarray, colour: np.ndarray,
                      neighbour_ratio: np.ndarray) -> np.ndarray:
    """Which reference stars are used for a zeropoint; a star with nan in any array is not.

    Parameters
    ----------
    headroom_mag : ndarray, shape (n,)
        Magnitude of the star minus the bright limit of the catalogue, the smallest of those in the band of the frame,
        g and i: a star saturated in g or i has a wrong colour.
    ref_error : ndarray, shape (n,)
        1-sigma error of the magnitude in the band of the frame [mag].
    colour : ndarray, shape (n,)
        g-i [mag]; nan outside the range of the transformation.
    neighbour_ratio : ndarray, shape (n,)
        Flux of neighbours over flux of the star, see `neighbour_flux_ratio`.  The strictest limit on it that leaves
        2 MIN_STARS stars is used; where none does, the widest.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    good = (headroom_mag >= 0) & np.isfinite(ref_error) & np.isfinite(colour)
    for limit in _MAX_NEIGHBOUR_RATIOS:
        alone = good & (neighbour_ratio <= limit)
        if np.count_nonzero(alone) >= 2 * MIN_STARS:
            break
    return alone


def neighbour_flux_ratio(xy: np.ndarray, mag: np.ndarray, all_xy: np.ndarray, all_mag: np.ndarray,
                         fwhm_arcsec: float) -> np.ndarray:
    """Flux of neighbours in the aperture of each star over the flux of the star, computed from the catalogue alone.

    A neighbour counts in full up to 1.2 FWHM from the star, and linearly less up to 2.2 FWHM, where it counts nothing.
    The aperture is BANZAI's Kron aperture, whose radius for a point source (2.5 times columns kronrad times a) is
    1.9 FWHM on two real frames.

    Parameters
    ----------
    xy, mag : ndarray, shape (n, 2) and (n,)
        Positions in the tangent plane [arcsec] and magnitudes of the stars.
    all_xy, all_mag : ndarray, shape (m, 2) and (m,)
        The same of all stars of the catalogue, including those of `xy`; a star with nan magnitude adds nothing.
    fwhm_arcsec : float
        Full width at half maximum of point sources in the frame.

    Returns
    -------
    ndarray, shape (n,)
        0 without neighbours; more than 1 where they are brighter than the star.
    """
    inner, outer = 1.2 * fwhm_arcsec, 2.2 * fwhm_arcsec
    neighbours = np.flatnonzero(all_mag < np.nanmax(mag, initial=-np.inf) + _FAINTEST_NEIGHBOUR_MAG)
    if not len(neighbours):
        return np.zeros(len(xy))
    make_tree = partial(cKDTree, balanced_tree=False, compact_nodes=False)  # balancing takes longer than one look-up
    pairs = make_tree(xy).sparse_distance_matrix(make_tree(all_xy[neighbours]), outer, output_type='ndarray')
    pairs = pairs[pairs['v'] > _SAME_STAR_ARCSEC]
    weight = np.clip((outer - pairs['v']) / (outer - inner), 0, 1)
    ratio = weight * ratio_of_mag(mag[pairs['i']] - all_mag[neighbours[pairs['j']]])
    return np.bincount(pairs['i'], weights=ratio, minlength=len(xy))
