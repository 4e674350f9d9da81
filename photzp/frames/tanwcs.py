"""The world coordinates of a frame: linear gnomonic (TAN), as the pipeline writes them into the header."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from photzp.errors import HEADER_INCOMPLETE, WCS_FAILED, FrameRejected
from photzp.frames.cards import number, shown
from photzp.frames.fitsheader import Header


@dataclass(frozen=True)
class TanWCS:
    """Linear gnomonic (TAN) world coordinates.

    Attributes
    ----------
    crval_deg : tuple of float
        Right ascension and declination of the tangent point [deg].
    crpix : tuple of float
        Pixel position x, y of the tangent point; the centre of the first pixel is 1, 1.
    cd_deg : ndarray, shape (2, 2)
        Matrix from pixels to projected coordinates [deg/pixel].

    References
    ----------
    FITS paper II: Calabretta & Greisen 2002, A&A 395, 1077.
    """

    crval_deg: tuple[float, float]
    crpix: tuple[float, float]
    cd_deg: np.ndarray

    def sky(self, x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Sky positions of pixels.

        Parameters
        ----------
        x, y : array_like, shape (n,)
            Pixel positions; the centre of the first pixel is 1, 1.

        Returns
        -------
        ra, dec : ndarray, shape (n,)
            In degrees; 0 <= ra < 360.
        """
        offset = np.stack([np.asarray(x, float) - self.crpix[0], np.asarray(y, float) - self.crpix[1]])
        xi, eta = np.radians(self.cd_deg @ offset)
        ra0, dec0 = np.radians(self.crval_deg)
        # The star's direction is (1, xi, eta) in the frame of the tangent point, turned by dec0, then by ra0.
        along = math.cos(dec0) - eta * math.sin(dec0)
        ra = ra0 + np.arctan2(xi, along)
        dec = np.arctan2(math.sin(dec0) + eta * math.cos(dec0), np.hypot(xi, along))
        return np.degrees(ra) % 360.0 % 360.0, np.degrees(dec)  # twice, as -1e-20 % 360 is 360

    def circle(self, shape: tuple[int, int]) -> tuple[float, float, float]:
        """The circle on the sky about the centre of an image that encloses the whole image.

        Parameters
        ----------
        shape : tuple of int
            Width and height of the image [pixel].

        Returns
        -------
        ra_deg, dec_deg, radius_deg : float
            Centre and radius [deg].
        """
        nx, ny = shape
        (ra,), (dec,) = self.sky([(nx + 1) / 2], [(ny + 1) / 2])
        corners = self.cd_deg @ np.array([[nx, nx], [ny, -ny]]) / 2
        return float(ra), float(dec), float(np.hypot(*corners).max())


def read_tan_wcs(header: Header) -> TanWCS:
    """Read the world coordinates of a header.

    Parameters
    ----------
    header : Header
        With the CD matrix [deg/pixel], or a PC matrix and CDELT (FITS paper I: Greisen & Calabretta 2002, A&A 395,
        1061).

    Returns
    -------
    TanWCS
        Without distortion terms, whatever the header has of them.

    Raises
    ------
    FrameRejected
        If a card is missing, the projection is not TAN, CRVAL2 is beyond the pole, or the pixel scale is not between
        0.01 and 60 arcsec.
    """
    for axis, projection in ((1, 'RA---TAN'), (2, 'DEC--TAN')):
        ctype = header.get(f'CTYPE{axis}')
        if ctype != projection:
            raise FrameRejected(HEADER_INCOMPLETE,
                                f'CTYPE{axis} = {shown(ctype)}, not the {projection} that is read')
    crval = number(header, 'CRVAL1'), number(header, 'CRVAL2')
    crpix = number(header, 'CRPIX1'), number(header, 'CRPIX2')
    cd = np.array([[_cd_element(header, i, j) for j in (1, 2)] for i in (1, 2)])
    # The clip to 1 deg/pixel, far above the limit, keeps the determinant of absurd values from overflowing.
    scale_arcsec = 3600 * math.sqrt(abs(np.linalg.det(np.clip(cd, -1, 1))))
    if not (0.01 < scale_arcsec < 60 and abs(crval[1]) <= 90):
        raise FrameRejected(WCS_FAILED, f'CRVAL2 = {crval[1]:g}, pixel scale {scale_arcsec:g} arcsec make no sense')
    return TanWCS(crval, crpix, cd)


def _cd_element(header: Header, i: int, j: int) -> float:
    """Element CDi_j [deg/pixel]; where there is no CD matrix, PCi_j * CDELTi (FITS paper I)."""
    if any(f'CD{k}_{m}' in header for k in (1, 2) for m in (1, 2)):
        return number(header, f'CD{i}_{j}') if f'CD{i}_{j}' in header else 0.0
    if 'CDELT1' not in header:
        raise FrameRejected(HEADER_INCOMPLETE, 'CD1_1 is missing')
    rotation = number(header, f'PC{i}_{j}') if f'PC{i}_{j}' in header else float(i == j)
    return rotation * number(header, f'CDELT{i}')
