"""Reference stars of a field: the answer of a reference catalogue, and the way from the PS1 to the SDSS system."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

# SDSS = PS1 - sum_i c_i (g-i)_PS1^i: Finkbeiner et al. 2016, ApJ 822, 66, Table 2.
_PS1_TO_SDSS = {
    'g': (-0.01808, -0.13595, +0.01941, -0.00183),
    'r': (-0.01836, -0.03577, +0.02612, -0.00558),
    'i': (+0.01170, -0.00400, +0.00066, -0.00058),
    'z': (-0.01062, +0.07529, -0.03592, +0.00890),
}


@dataclass(frozen=True, kw_only=True)
class ReferenceStars:
    """Stars within a cone.

    Attributes
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
    mag, mag_error : dict of str to ndarray, shape (n,)
        Magnitude and its error by band [mag]; nan where the catalogue has none.
    covered : bool
        The catalogue has a region here.
    complete : bool
        All region files of the cone could be read.
    system : str
        'PS1' as in the files, 'SDSS' after `ps1_to_sdss`.
    """

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    mag: dict[str, np.ndarray]
    mag_error: dict[str, np.ndarray]
    covered: bool = True
    complete: bool = True
    system: str = 'PS1'

    def __len__(self) -> int:
        return len(self.ra_deg)

    def select(self, chosen: np.ndarray) -> 'ReferenceStars':
        """Some of the stars.

        Parameters
        ----------
        chosen : ndarray
            Boolean mask or indices.

        Returns
        -------
        ReferenceStars
        """
        return replace(self, ra_deg=self.ra_deg[chosen], dec_deg=self.dec_deg[chosen],
                       mag={band: mag[chosen] for band, mag in self.mag.items()},
                       mag_error={band: error[chosen] for band, error in self.mag_error.items()})


class ReferenceCatalogue(Protocol):
    """A catalogue of reference stars, wherever it comes from; `PS1Catalog` is one."""

    def cone(self, ra_deg: float, dec_deg: float, radius_deg: float) -> ReferenceStars:
        """The stars within a radius of a position.

        Parameters
        ----------
        ra_deg, dec_deg, radius_deg : float

        Returns
        -------
        ReferenceStars
            In any order; none, and not `covered`, where the catalogue has no stars.
        """
        ...


def has_sdss(stars: ReferenceStars, colour_range_mag: Sequence[float] = (0.4, 2.7)) -> np.ndarray:
    """Which stars can be transformed to the SDSS system.

    Parameters
    ----------
    stars : ReferenceStars
        In the PS1 system.
    colour_range_mag : sequence of float
        Bluest and reddest g-i.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    colour = stars.mag['g'] - stars.mag['i']
    bluest, reddest = colour_range_mag
    return (colour > bluest) & (colour < reddest)


def ps1_to_sdss(stars: ReferenceStars, colour_range_mag: Sequence[float] = (0.4, 2.7)) -> ReferenceStars:
    """Transform magnitudes from the PS1 to the SDSS system.

    Parameters
    ----------
    stars : ReferenceStars
        In the PS1 system.
    colour_range_mag : sequence of float
        Bluest and reddest g-i that the transformation holds for.

    Returns
    -------
    ReferenceStars
        With g, r, i, z.  Magnitudes are nan where g or i is missing, or g-i lies outside the range: no star of the
        main sequence, or not covered by the polynomial.  Errors are those of the PS1 band; the polynomial adds less
        than 0.2 of the colour's error.

    Raises
    ------
    ValueError
        If the stars are not in the PS1 system.

    References
    ----------
    Finkbeiner et al. 2016, ApJ 822, 66, Table 2.
    """
    if stars.system != 'PS1':
        raise ValueError(f'the stars are in the {stars.system} system already')
    colour = np.where(has_sdss(stars, colour_range_mag), stars.mag['g'] - stars.mag['i'], np.nan)
    mag = {band: stars.mag[band] - np.polynomial.polynomial.polyval(colour, coefficients)
           for band, coefficients in _PS1_TO_SDSS.items()}
    return replace(stars, mag=mag, mag_error={band: stars.mag_error[band] for band in mag}, system='SDSS')
