"""Where the optics of a telescope put the stars, and what its header says of that.

The header has a linear TAN solution.  The stars follow a radial cubic distortion that it does not contain, and the
solution as a whole is off by up to 1.5", or by much more where a study asks for it.
"""

from dataclasses import dataclass

import numpy as np

from simulation.sky import gnomonic
from simulation.spec import ARCSEC_PER_DEG, FieldSpec


@dataclass(frozen=True)
class Pointing:
    """True linear solution of a frame, and the centre that its header claims.

    Attributes
    ----------
    cd : ndarray (2, 2)
        CD matrix [deg/pixel].
    centre : ndarray (2,)
        True centre [pixel, 1-based].
    crpix : ndarray (2,)
        Centre in the header (CRPIX) [pixel, 1-based].
    """

    cd: np.ndarray
    centre: np.ndarray
    crpix: np.ndarray


def draw_pointing(spec: FieldSpec, rng: np.random.Generator) -> Pointing:
    """Draw the solution of a frame and its error.

    Parameters
    ----------
    spec : FieldSpec
        The frame.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    Pointing
        The solution.
    """
    scale = spec.model.pixel_arcsec / ARCSEC_PER_DEG
    cd = scale * _rotation(np.radians(spec.rotation_deg)) @ np.diag([-spec.parity, 1])
    ny, nx = spec.shape
    centre = np.array([(nx + 1) / 2, (ny + 1) / 2])
    error = rng.uniform(-1, 1, 2) * spec.pointing_arcsec / spec.model.pixel_arcsec
    if spec.wcs_offset_arcsec:
        direction = rng.uniform(0, 2 * np.pi)
        offset = spec.wcs_offset_arcsec / spec.model.pixel_arcsec
        error = error + np.array([np.cos(direction), np.sin(direction)]) * offset
    return Pointing(cd, centre, centre + error)


def _rotation(angle: float) -> np.ndarray:
    """Rotation matrix (2, 2) of an angle [radian]."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def pixel_positions(ra_deg: np.ndarray, dec_deg: np.ndarray, spec: FieldSpec,
                    pointing: Pointing) -> tuple[np.ndarray, np.ndarray]:
    """Positions on the image: TAN projection, then a radial cubic distortion.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray (n,)
        Positions of stars.
    spec : FieldSpec
        The frame.
    pointing : Pointing
        Its solution.

    Returns
    -------
    tuple of ndarray (n,)
        x, y [pixel, 1-based].
    """
    plane = np.vstack(gnomonic(ra_deg, dec_deg, spec.ra_deg, spec.dec_deg))
    offset = np.linalg.solve(pointing.cd, plane)
    corner = np.hypot(*spec.model.shape) / 2
    amount = spec.model.distortion_arcsec if spec.distortion_arcsec is None else spec.distortion_arcsec
    stretch = 1 + amount / spec.model.pixel_arcsec / corner * np.sum((offset / corner) ** 2, axis=0)
    return pointing.centre[0] + offset[0] * stretch, pointing.centre[1] + offset[1] * stretch


def solution_cards(spec: FieldSpec, pointing: Pointing, rng: np.random.Generator) -> dict[str, str | float]:
    """Header cards of the TAN solution, turned by `wcs_rotation_deg` one way or the other.

    Parameters
    ----------
    spec : FieldSpec
        The frame.
    pointing : Pointing
        Its solution.
    rng : numpy.random.Generator
        Draws the direction of the turn.

    Returns
    -------
    dict
        Values by keyword.
    """
    cd, crpix = pointing.cd, pointing.crpix
    if spec.wcs_rotation_deg:
        cd = _rotation(np.radians(spec.wcs_rotation_deg) * rng.choice([-1, 1])) @ cd
    return {'CTYPE1': 'RA---TAN', 'CTYPE2': 'DEC--TAN', 'CUNIT1': 'deg', 'CUNIT2': 'deg',
            'CRVAL1': spec.ra_deg, 'CRVAL2': spec.dec_deg, 'CRPIX1': float(crpix[0]), 'CRPIX2': float(crpix[1]),
            'CD1_1': float(cd[0, 0]), 'CD1_2': float(cd[0, 1]), 'CD2_1': float(cd[1, 0]), 'CD2_2': float(cd[1, 1])}


def cloud_loss(x: np.ndarray, y: np.ndarray, spec: FieldSpec, rng: np.random.Generator) -> np.ndarray:
    """Light lost to a thin cloud over the image: a gradient and a wave, of mean 0.

    Parameters
    ----------
    x, y : ndarray (n,)
        Positions [pixel].
    spec : FieldSpec
        The frame; `cloud_mag` is the half range.
    rng : numpy.random.Generator
        Draws direction and phase.

    Returns
    -------
    ndarray (n,)
        Loss [mag].
    """
    ny, nx = spec.shape
    direction, phase = rng.uniform(0, 2 * np.pi, 2)
    u, v = np.meshgrid(np.linspace(0, nx, 50), np.linspace(0, ny, 50))
    grid = _cloud_pattern(u / nx, v / ny, direction, phase)
    return spec.cloud_mag * (_cloud_pattern(x / nx, y / ny, direction, phase) - grid.mean()) / (np.ptp(grid) / 2)


def _cloud_pattern(u: np.ndarray, v: np.ndarray, direction: float, phase: float) -> np.ndarray:
    """Gradient and wave along a direction [radian], at positions in units of the image's sides."""
    along = np.cos(direction) * (u - 0.5) + np.sin(direction) * (v - 0.5)
    return along + 0.3 * np.sin(2 * np.pi * along + phase)
