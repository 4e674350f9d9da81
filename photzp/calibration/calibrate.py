"""The zeropoint of one frame: reference stars of its field, matched to its sources, selected, fitted and judged.

numpy, scipy and what rests on them is imported where it is used, so that a run with nothing to measure starts at once.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from photzp.errors import NO_REFERENCE_STARS, OUTSIDE_FOOTPRINT, TOO_FEW_STARS, WCS_OFF, FrameRejected

if TYPE_CHECKING:
    import numpy as np

    from photzp.calibration.quality import FrameQuality
    from photzp.calibration.starmatch import Matches
    from photzp.calibration.zeropoint import StarSample, ZeropointFit
    from photzp.catalogues.reference import ReferenceCatalogue, ReferenceStars
    from photzp.frames.banzai import Frame
    from photzp.observatory import Observatory

CONE_MARGIN_DEG = 0.01        # beyond the corners: pointing and distortion, and neighbours of the stars at the edge
WCS_SNR = 10.0                # a source above this has a reference star, if the world coordinates are right
WIDER_MARGIN_DEG = 0.1        # where the world coordinates turn out to be far off
USUAL_FWHM_ARCSEC = 2.0       # where the header has none: the usual seeing of the network
UNKNOWN = 'unknown'           # telescope of a frame whose header could not be read


@dataclass
class Field:
    """What was learnt of a frame before it was measured or rejected."""

    telescope: str = UNKNOWN
    exptime_s: float | None = None
    complete: bool | None = None


def calibrate_in(catalog: 'ReferenceCatalogue', frame: 'Frame', observatory: 'Observatory',
                 field: Field | None = None) -> 'Calibration':
    """The Calibration of a frame against a reference catalogue; in `field` is noted whether its files were complete.

    Raises FrameRejected, with the reason, where the field or the stars do not allow one.
    Where the world coordinates are off, or no stars agree, the frame is tried again in a wider field.
    """
    field = Field() if field is None else field
    try:
        calibration = calibrate(frame, _reference_field(frame, catalog, CONE_MARGIN_DEG, field), observatory)
        if calibration.offset_arcsec <= 3600 * CONE_MARGIN_DEG:
            return calibration
    except FrameRejected as rejection:
        if rejection.reason not in (WCS_OFF, TOO_FEW_STARS):
            raise
    return calibrate(frame, _reference_field(frame, catalog, WIDER_MARGIN_DEG, field), observatory)


def _reference_field(frame: 'Frame', catalog: 'ReferenceCatalogue', margin_deg: float,
                     field: Field) -> 'ReferenceStars':
    references = catalog.cone(frame.ra_deg, frame.dec_deg, frame.radius_deg + margin_deg)
    field.complete = references.complete
    return references


@dataclass(frozen=True)
class Calibration:
    """A frame with its fit, the stars of the fit, their pixels, the shift that matching removed, and its quality."""

    frame: 'Frame'
    fit: 'ZeropointFit'
    sample: 'StarSample'
    x: 'np.ndarray'
    y: 'np.ndarray'
    offset_arcsec: float
    quality: 'FrameQuality'


def calibrate(frame: 'Frame', references: 'ReferenceStars', observatory: 'Observatory') -> Calibration:
    """The zeropoint of one frame.

    frame : Frame.  references : ReferenceStars of its field.  Returns a Calibration.
    Raises FrameRejected where the field or the stars do not allow one.
    """
    import numpy as np

    from photzp.calibration.quality import frame_quality
    from photzp.calibration.starmatch import blended_fraction, match_stars, tangent_plane
    from photzp.calibration.zeropoint import StarSample, fit_zeropoint, usable_references
    from photzp.catalogues.reference import has_sdss, ps1_to_sdss

    if not references.covered:
        raise FrameRejected(OUTSIDE_FOOTPRINT, f'RA {frame.ra_deg:.3f}, Dec {frame.dec_deg:+.3f}')
    reference_xy = tangent_plane(references.ra_deg, references.dec_deg, frame.ra_deg, frame.dec_deg)
    matches = match_stars(tangent_plane(frame.stars.ra_deg, frame.stars.dec_deg, frame.ra_deg, frame.dec_deg),
                          frame.stars.flux, reference_xy, references.mag[frame.band])
    ps1_mag = references.mag[frame.band]
    headroom_mag = np.min([references.mag[band] - observatory.reference_catalogue.bright_limit_mag(band)
                           for band in {frame.band, 'g', 'i'}], axis=0)
    colour_range_mag = observatory.reference_catalogue.colour_range_mag
    if not np.any((headroom_mag >= 0) & has_sdss(references, colour_range_mag)):
        raise FrameRejected(NO_REFERENCE_STARS, f'RA {frame.ra_deg:.3f}, Dec {frame.dec_deg:+.3f}'
                            + ('' if references.complete else '; files of the catalogue are missing here'))
    stars, s, r = frame.stars, matches.source, matches.reference
    good = _usable(frame)
    _check_wcs(frame, good, references, matches)
    s, r = s[good[s]], r[good[s]]
    fwhm_arcsec = frame.fwhm_arcsec if np.isfinite(frame.fwhm_arcsec) else USUAL_FWHM_ARCSEC
    blend = blended_fraction(reference_xy[r], ps1_mag[r], reference_xy, ps1_mag, fwhm_arcsec)
    sdss = ps1_to_sdss(references.select(r), colour_range_mag)
    colour = sdss.mag['g'] - sdss.mag['i']
    good = usable_references(headroom_mag[r], sdss.mag_error[frame.band], colour, blend)
    s = s[good]
    sample = StarSample(stars.flux[s], stars.fluxerr[s], sdss.mag[frame.band][good], sdss.mag_error[frame.band][good],
                        colour[good], frame.exptime_s)
    fit = fit_zeropoint(sample, usual_colorterm=observatory.usual_colorterm(frame.camera, frame.filter))
    quality = frame_quality(matches.separation_arcsec, len(stars.flux), sample, fit)
    return Calibration(frame, fit, sample, stars.x[s], stars.y[s], float(np.hypot(*matches.offset_arcsec)), quality)


def _usable(frame: 'Frame') -> 'np.ndarray':
    from photzp.calibration.zeropoint import usable_stars

    stars = frame.stars
    return usable_stars(stars.flux, stars.fluxerr, stars.peak, stars.background, stars.flag,
                        flags_bad=frame.flags_bad, saturation_e=frame.saturation_e)


def _check_wcs(frame: 'Frame', good: 'np.ndarray', references: 'ReferenceStars', matches: 'Matches') -> None:
    """Tell a field that is somewhere else from one with too few stars: enough of both, and none agrees."""
    import numpy as np

    from photzp.calibration.fieldvote import MAX_ROTATION_DEG, MAX_SHIFT_ARCSEC
    from photzp.calibration.zeropoint import MIN_STARS

    found = np.count_nonzero(good & (frame.stars.flux > WCS_SNR * frame.stars.fluxerr))
    if len(matches) < MIN_STARS <= min(int(found), len(references) // 2) and matches.doubtful:
        raise FrameRejected(WCS_OFF, f'{len(matches)} of {found} good sources have a reference star; shifts to '
                            f"{MAX_SHIFT_ARCSEC / 60:g}' and rotations to {MAX_ROTATION_DEG:g} deg were tried")
