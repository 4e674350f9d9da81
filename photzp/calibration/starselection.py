"""Which stars a zeropoint may rest on: sound sources, and reference stars that are alone and not saturated."""

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
# Peaks that saturation cut off: so many stars within so much of the highest level, with fluxes that differ by a factor.
_PLATEAU_STARS, _PLATEAU_FRACTION, _PLATEAU_FLUX_RATIO = 3, 0.95, 1.5
_MAX_BLENDS = (0.02, 0.05, 0.1)  # light of neighbours in the aperture as a fraction of the star's own
_SAME_STAR_ARCSEC = 1e-3      # a neighbour nearer than this is the star itself
_FAINTEST_NEIGHBOUR_MAG = 6.0  # a neighbour this much fainter adds 0.4%


def usable_stars(stars: 'Stars', *, flags_bad: int, saturation_e: float) -> np.ndarray:
    """Which sources a zeropoint may rest on.

    Parameters
    ----------
    stars : Stars
        All sources of a frame.
    flags_bad : int
        Bits of the flag that disqualify a source.
    saturation_e : float
        Limit on peak + background [electrons]; inf where it is not known, then a plateau of the peaks themselves is
        the limit.

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

    Below saturation the peak of a star goes with its flux; stars of the same peak and very different fluxes have a
    peak that was cut off.
    """
    level = np.where(np.isfinite(level), level, -np.inf)
    at_top = level >= _PLATEAU_FRACTION * level.max(initial=-np.inf)
    if np.count_nonzero(at_top) < _PLATEAU_STARS or not level.max() > 0:
        return math.inf
    fluxes = np.sort(flux[at_top])
    return float(level.max()) if fluxes[-_PLATEAU_STARS + 1] > _PLATEAU_FLUX_RATIO * fluxes[0] else math.inf


def usable_references(headroom_mag: np.ndarray, ref_error: np.ndarray, colour: np.ndarray,
                      blend: np.ndarray) -> np.ndarray:
    """Which reference stars a zeropoint may rest on; nan in any array disqualifies a star.

    Parameters
    ----------
    headroom_mag : ndarray, shape (n,)
        How much fainter than the catalogue's bright limit the star is, at worst in the band, g and i: a saturated g
        or i spoils the colour.
    ref_error : ndarray, shape (n,)
        Error of the magnitude in the band [mag].
    colour : ndarray, shape (n,)
        g-i [mag]; nan outside the range of the transformation.
    blend : ndarray, shape (n,)
        Light of neighbours as a fraction of the star's own, see `blended_fraction`.  The strictest limit that leaves
        twice MIN_STARS is used; where none does, the widest.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    good = (headroom_mag >= 0) & np.isfinite(ref_error) & np.isfinite(colour)
    for limit in _MAX_BLENDS:
        alone = good & (blend <= limit)
        if np.count_nonzero(alone) >= 2 * MIN_STARS:
            break
    return alone


def blended_fraction(xy: np.ndarray, mag: np.ndarray, all_xy: np.ndarray, all_mag: np.ndarray,
                     fwhm_arcsec: float) -> np.ndarray:
    """Light that neighbours add to the aperture of each star, by the catalogue alone.

    A neighbour counts in full within 1.2 FWHM and fades to nothing at 2.2 FWHM: on two real frames the Kron aperture of
    a point source (2.5 times kronrad times a) has a radius of 1.9 FWHM.

    Parameters
    ----------
    xy, mag : ndarray, shape (n, 2) and (n,)
        Positions [arcsec] and magnitudes of the stars.
    all_xy, all_mag : ndarray, shape (m, 2) and (m,)
        The same of all stars of the catalogue, including these; nan adds nothing.
    fwhm_arcsec : float
        Seeing of the frame.

    Returns
    -------
    ndarray, shape (n,)
        As a fraction of the star's own light.
    """
    inner, outer = 1.2 * fwhm_arcsec, 2.2 * fwhm_arcsec
    neighbours = np.flatnonzero(all_mag < np.nanmax(mag, initial=-np.inf) + _FAINTEST_NEIGHBOUR_MAG)
    if not len(neighbours):
        return np.zeros(len(xy))
    tree = partial(cKDTree, balanced_tree=False, compact_nodes=False)  # balancing takes longer than one look-up
    pairs = tree(xy).sparse_distance_matrix(tree(all_xy[neighbours]), outer, output_type='ndarray')
    pairs = pairs[pairs['v'] > _SAME_STAR_ARCSEC]
    share = np.clip((outer - pairs['v']) / (outer - inner), 0, 1)
    light = share * ratio_of_mag(mag[pairs['i']] - all_mag[neighbours[pairs['j']]])
    return np.bincount(pairs['i'], weights=light, minlength=len(xy))
