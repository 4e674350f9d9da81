"""The earlier approach on the same frames: every pair of a star and a reference star within 5" is a match."""

import numpy as np
from scipy.spatial import cKDTree

from photzp.calibration.starmatch import tangent_plane
from photzp.catalogues.reference import ps1_to_sdss


def single_zeropoints(frame, references):
    """(zeropoint, g-i) of each pair [mag]."""
    sdss = ps1_to_sdss(references)
    good = np.isfinite(sdss.mag[frame.band])
    star = tangent_plane(frame.stars.ra_deg, frame.stars.dec_deg, frame.ra_deg, frame.dec_deg)
    reference = tangent_plane(references.ra_deg, references.dec_deg, frame.ra_deg, frame.dec_deg)[good]
    pairs = cKDTree(star).sparse_distance_matrix(cKDTree(reference), 5.0, output_type='ndarray')
    pairs = pairs[frame.stars.flux[pairs['i']] > 0]
    zp = sdss.mag[frame.band][good][pairs['j']] + 2.5 * np.log10(frame.stars.flux[pairs['i']] / frame.exptime_s)
    return zp, (sdss.mag['g'] - sdss.mag['i'])[good][pairs['j']]
