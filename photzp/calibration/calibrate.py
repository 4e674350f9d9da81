"""The zeropoint of one frame: its sources matched to reference stars, both selected, the fit, and its quality."""

from dataclasses import dataclass

import numpy as np

from photzp.calibration.fieldvote import MAX_ROTATION_DEG, MAX_SHIFT_ARCSEC
from photzp.calibration.quality import FrameQuality, frame_quality
from photzp.calibration.starmatch import Matches, match_stars, tangent_plane
from photzp.calibration.starselection import neighbour_flux_ratio, usable_references, usable_stars
from photzp.calibration.zeropoint import MIN_STARS, StarSample, ZeropointFit, fit_zeropoint
from photzp.catalogues.reference import ReferenceCatalogue, ReferenceStars, has_sdss, ps1_to_sdss
from photzp.errors import NO_REFERENCE_STARS, OUTSIDE_FOOTPRINT, TOO_FEW_STARS, WCS_OFF, FrameRejected
from photzp.frames.banzai import Frame
from photzp.observatory import Observatory

CONE_MARGIN_DEG = 0.01        # beyond the corners: pointing and distortion, and neighbours of the stars at the edge
_WIDER_MARGIN_DEG = 0.1       # where the world coordinates turn out to be far off
_WCS_SNR = 10.0               # a source above this has a reference star, if the world coordinates are right
_USUAL_FWHM_ARCSEC = 2.0      # where the header has none: the usual seeing of the network


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A frame with its zeropoint.

    Attributes
    ----------
    frame : Frame
    fit : ZeropointFit
    sample : StarSample
        Stars offered to the fit.
    x, y : ndarray, shape (n,)
        1-based pixels of the sample's stars.
    offset_arcsec : float
        Size of the shift that matching removed.
    quality : FrameQuality
    references_complete : bool
        All region files of the catalogue could be read.
    """

    frame: Frame
    fit: ZeropointFit
    sample: StarSample
    x: np.ndarray
    y: np.ndarray
    offset_arcsec: float
    quality: FrameQuality
    references_complete: bool


def calibrate_in(catalog: ReferenceCatalogue, frame: Frame, observatory: Observatory) -> Calibration:
    """Measure the zeropoint of a frame against a reference catalogue.

    Where the world coordinates are off, or no stars agree, the frame is tried again in a wider field.

    Parameters
    ----------
    catalog : ReferenceCatalogue
    frame : Frame
    observatory : Observatory
        Bright limits and colour range of the catalogue, usual colour terms.

    Returns
    -------
    Calibration

    Raises
    ------
    FrameRejected
        If the field or the stars do not allow a zeropoint, with the reason and the exposure time; passing where region
        files of the catalogue could not be read.
    """
    try:
        calibration = _calibrate_within(CONE_MARGIN_DEG, catalog, frame, observatory)
        if calibration.offset_arcsec <= 3600 * CONE_MARGIN_DEG:
            return calibration
    except FrameRejected as rejection:
        if rejection.reason not in (WCS_OFF, TOO_FEW_STARS):
            raise
    return _calibrate_within(_WIDER_MARGIN_DEG, catalog, frame, observatory)


def _calibrate_within(margin_deg: float, catalog: ReferenceCatalogue, frame: Frame,
                      observatory: Observatory) -> Calibration:
    """Calibrate a frame against the stars of the circle about it, a margin added."""
    references = catalog.cone(frame.ra_deg, frame.dec_deg, frame.radius_deg + margin_deg)
    try:
        return calibrate(frame, references, observatory)
    except FrameRejected as rejection:
        rejection.exptime_s = frame.exptime_s
        rejection.passing = rejection.passing or not references.complete
        raise


def calibrate(frame: Frame, references: ReferenceStars, observatory: Observatory) -> Calibration:
    """Measure the zeropoint of a frame against the reference stars of its field.

    Parameters
    ----------
    frame : Frame
    references : ReferenceStars
        In the PS1 system.
    observatory : Observatory
        Bright limits and colour range of the catalogue, usual colour terms.

    Returns
    -------
    Calibration

    Raises
    ------
    FrameRejected
        If the field or the stars do not allow a zeropoint, with the reason.
    """
    if not references.covered:
        raise FrameRejected(OUTSIDE_FOOTPRINT, _position(frame))
    source_xy, reference_xy = (tangent_plane(stars.ra_deg, stars.dec_deg, frame.ra_deg, frame.dec_deg)
                               for stars in (frame.stars, references))
    matches = match_stars(source_xy, frame.stars.flux, reference_xy, references.mag[frame.band])
    source, sample = _select(frame, references, reference_xy, matches, observatory)
    fit = fit_zeropoint(sample, usual_colorterm=observatory.usual_colorterm(frame.camera, frame.filter))
    return Calibration(
        frame=frame, fit=fit, sample=sample, x=frame.stars.x[source], y=frame.stars.y[source],
        offset_arcsec=float(np.hypot(*matches.offset_arcsec)),
        quality=frame_quality(matches.separation_arcsec, len(frame.stars), sample, fit),
        references_complete=references.complete)


def _position(frame: Frame) -> str:
    return f'RA {frame.ra_deg:.3f}, Dec {frame.dec_deg:+.3f}'


def _select(frame: Frame, references: ReferenceStars, reference_xy: np.ndarray, matches: Matches,
            observatory: Observatory) -> tuple[np.ndarray, StarSample]:
    """(indices of the sources, sample) of the matched stars that a zeropoint may rest on."""
    band, colour_range_mag = frame.band, observatory.reference_catalogue.colour_range_mag
    headroom_mag = np.min([references.mag[name] - observatory.reference_catalogue.bright_limit_mag(name)
                           for name in {band, 'g', 'i'}], axis=0)
    if not np.any((headroom_mag >= 0) & has_sdss(references, colour_range_mag)):
        note = '' if references.complete else '; files of the catalogue are missing here'
        raise FrameRejected(NO_REFERENCE_STARS, _position(frame) + note)
    stars = frame.stars
    usable = usable_stars(stars, flags_bad=frame.flags_bad, saturation_e=frame.saturation_e)
    _check_wcs(frame, usable, references, matches)
    source, reference = (indices[usable[matches.source]] for indices in (matches.source, matches.reference))
    fwhm_arcsec = frame.fwhm_arcsec if np.isfinite(frame.fwhm_arcsec) else _USUAL_FWHM_ARCSEC
    mag = references.mag[band]
    neighbour_ratio = neighbour_flux_ratio(reference_xy[reference], mag[reference], reference_xy, mag, fwhm_arcsec)
    sdss = ps1_to_sdss(references.select(reference), colour_range_mag)
    colour = sdss.mag['g'] - sdss.mag['i']
    good = usable_references(headroom_mag[reference], sdss.mag_error[band], colour, neighbour_ratio)
    source = source[good]
    return source, StarSample(
        flux=stars.flux[source], fluxerr=stars.fluxerr[source], ref_mag=sdss.mag[band][good],
        ref_error=sdss.mag_error[band][good], colour=colour[good], exptime_s=frame.exptime_s)


def _check_wcs(frame: Frame, usable: np.ndarray, references: ReferenceStars, matches: Matches) -> None:
    """Reject a frame whose field is somewhere else: it has enough sources and reference stars, but they disagree."""
    bright = int(np.count_nonzero(usable & (frame.stars.flux > _WCS_SNR * frame.stars.fluxerr)))
    if len(matches) < MIN_STARS <= min(bright, len(references) // 2) and matches.doubtful:
        raise FrameRejected(WCS_OFF, f'{len(matches)} of {bright} good sources have a reference star; shifts to '
                            f"{MAX_SHIFT_ARCSEC / 60:g}' and rotations to {MAX_ROTATION_DEG:g} deg were tried")
