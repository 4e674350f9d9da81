"""The sky of a simulation, and what PS1 makes of it: stars, their colours, and a catalogue with errors.

1. Sky.  Stars are spread evenly over a cap around a field; their counts rise as 10^(slope m) to faint magnitudes.
   Colours follow the stellar locus as a function of g-i (Covey et al. 2007, AJ 134, 2398, rounded to 0.02 mag; SDSS and
   PS1 loci agree to that) with a scatter about it; faint stars are redder.  Some objects are galaxies, whose Kron flux
   exceeds the PSF magnitude of PS1 by 0.1 to 0.5 mag, and some are variable.
2. Catalogue.  PS1 sees the true magnitudes with its own errors (3 to 10 mmag for bright stars, 0.1 mag at its depth of
   21.5), is wrong by tenths of a magnitude where it saturates (g, r, i 13.5, z 13.0), and repeats a few rows.

Of a FieldSpec, the centre, the extent and the stars are used.  PS1 magnitudes are transformed to SDSS by the cubic
polynomials of Finkbeiner et al. (2016, ApJ 822, 66, Table 2).
"""

from dataclasses import dataclass

import numpy as np

from simulation.spec import ARCSEC_PER_DEG, FieldSpec

# Finkbeiner et al. 2016, Table 2: PS1 - SDSS as a cubic in (g-i)_PS1 [mag], rows g r i z, columns c_0..c_3.
_FINKBEINER = np.array([
    [-0.01808, -0.13595, +0.01941, -0.00183],
    [-0.01836, -0.03577, +0.02612, -0.00558],
    [+0.01170, -0.00400, +0.00066, -0.00058],
    [-0.01062, +0.07529, -0.03592, +0.00890],
])
COLOUR_RANGE = (0.4, 2.7)  # (g-i)_PS1 where the transformation holds [mag]

# Stellar locus after Covey et al. 2007, Table 3: r-i, i-z at g-i; z-y is about half of i-z (Tonry et al. 2012, Fig. 2).
_LOCUS_GI = np.array([0.0, 0.3, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5])
_LOCUS_RI = np.array([0.00, 0.07, 0.12, 0.26, 0.42, 0.66, 1.08, 1.52, 1.95])
_LOCUS_IZ = np.array([-0.02, 0.01, 0.04, 0.12, 0.22, 0.36, 0.58, 0.82, 1.05])
_LOCUS_SCATTER_MAG = 0.025

_SKY_BRIGHT_R, _SKY_FAINT_R, _DENSITY_R = 9.0, 22.5, 20.0  # range of r; densities count brighter stars than 20
_PS1_DEPTH_MAG = np.array([22.0, 21.8, 21.5, 20.9, 19.9])  # S/N 10: Chambers et al. 2016, 5 sigma less 0.75 mag
PS1_SATURATION_MAG = np.array([13.5, 13.5, 13.5, 13.0, 12.0])
_PS1_RESOLUTION_ARCSEC = 1.0  # closer pairs are one object to PS1 (seeing 1.1 to 1.3")
PS1_ASTROMETRY_ARCSEC = 0.02


@dataclass(frozen=True, kw_only=True)
class Sky:
    """True objects of a field.

    Attributes
    ----------
    ra_deg, dec_deg : ndarray (n,)
        Positions.
    mag : ndarray (n, 5)
        PS1 magnitudes in the order of BANDS.
    galaxy : ndarray of bool (n,)
        True for galaxies.
    kron_excess_mag : ndarray (n,)
        Kron flux over PSF flux, 0 for stars.
    variable_mag : ndarray (n,)
        Half range of the variation, 0 for constant stars.
    """

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    mag: np.ndarray
    galaxy: np.ndarray
    kron_excess_mag: np.ndarray
    variable_mag: np.ndarray

    def __len__(self) -> int:
        return len(self.ra_deg)


@dataclass(frozen=True)
class Catalogue:
    """What PS1 lists of a Sky of n objects.

    Attributes
    ----------
    ra_deg, dec_deg : ndarray (m,)
        Positions.
    mag, err : ndarray (m, 5)
        Magnitudes and errors in the order of BANDS; NaN where a band has none.
    valid : ndarray of bool (n, 5)
        Whether the catalogue has a magnitude, for each object of the sky and band.
    """

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    mag: np.ndarray
    err: np.ndarray
    valid: np.ndarray


# --- colours and the sphere

def ps1_to_sdss(mag: np.ndarray) -> np.ndarray:
    """Transform PS1 magnitudes to SDSS.

    Parameters
    ----------
    mag : ndarray (n, 4 or more)
        PS1 magnitudes g r i z.

    Returns
    -------
    ndarray (n, 4)
        SDSS magnitudes g r i z.

    References
    ----------
    Finkbeiner et al. 2016, ApJ 822, 66, Table 2.
    """
    colour = mag[:, 0] - mag[:, 2]
    return mag[:, :4] - np.polynomial.polynomial.polyval(colour, _FINKBEINER.T).T


def _cap_positions(n: int, ra_deg: float, dec_deg: float, radius_deg: float,
                   rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw n positions [deg], even over the spherical cap of a radius around a centre; right at the poles."""
    cos_theta = 1 - (1 - np.cos(np.radians(radius_deg))) * rng.random(n)
    theta, phi = np.arccos(cos_theta), 2 * np.pi * rng.random(n)
    dec0 = np.radians(dec_deg)
    east, north = np.sin(theta) * np.sin(phi), np.sin(theta) * np.cos(phi)
    along = np.cos(dec0) * cos_theta - np.sin(dec0) * north
    up = np.sin(dec0) * cos_theta + np.cos(dec0) * north
    ra = ra_deg + np.degrees(np.arctan2(east, along))
    return ra % 360.0, np.degrees(np.arctan2(up, np.hypot(along, east)))


def gnomonic(ra_deg: np.ndarray, dec_deg: np.ndarray, ra0_deg: float, dec0_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Project positions onto the tangent plane.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray (n,)
        Positions.
    ra0_deg, dec0_deg : float
        Centre.

    Returns
    -------
    tuple of ndarray (n,)
        xi, eta [deg]; NaN on the far side of the sky.
    """
    da, dec, dec0 = np.radians(ra_deg - ra0_deg), np.radians(dec_deg), np.radians(dec0_deg)
    depth = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * np.cos(dec) * np.cos(da)
    depth = np.where(depth > 0, depth, np.nan)
    xi = np.cos(dec) * np.sin(da) / depth
    eta = (np.cos(dec0) * np.sin(dec) - np.sin(dec0) * np.cos(dec) * np.cos(da)) / depth
    return np.degrees(xi), np.degrees(eta)


def separation_deg(ra1_deg: np.ndarray, dec1_deg: np.ndarray, ra2_deg: np.ndarray | float,
                   dec2_deg: np.ndarray | float) -> np.ndarray:
    """Angular distance by the haversine formula, exact for small angles.

    Parameters
    ----------
    ra1_deg, dec1_deg : ndarray (n,)
        Positions.
    ra2_deg, dec2_deg : ndarray (n,) or float
        Positions, or one position.

    Returns
    -------
    ndarray (n,)
        Distance [deg].
    """
    dra, ddec = np.radians(ra1_deg - ra2_deg) / 2, np.radians(dec1_deg - dec2_deg) / 2
    h = np.sin(ddec) ** 2 + np.cos(np.radians(dec1_deg)) * np.cos(np.radians(dec2_deg)) * np.sin(dra) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(np.clip(h, 0, 1))))


# --- stars, galaxies and the catalogue

def _draw_magnitudes(n: int, slope: float, rng: np.random.Generator) -> np.ndarray:
    """Draw n magnitudes r [mag] between the limits of the sky, counts per magnitude rising as 10^(slope r)."""
    low, high = 10 ** (slope * _SKY_BRIGHT_R), 10 ** (slope * _SKY_FAINT_R)
    return np.log10(low + (high - low) * rng.random(n)) / slope


def _draw_colours(r: np.ndarray, rng: np.random.Generator, limits: tuple[float, float] | None = None) -> np.ndarray:
    """Draw g-i [mag] (n,) of turn-off stars, K dwarfs, and M dwarfs, of which there are more at faint r; or even
    between two limits.
    """
    n = len(r)
    if limits:
        return rng.uniform(*limits, n)
    share_m = np.clip(0.12 + 0.045 * (r - 14), 0.05, 0.45)
    blue = np.where(rng.random(n) < 0.65, rng.normal(0.65, 0.16, n), rng.normal(1.2, 0.30, n))
    colour = np.where(rng.random(n) < share_m, rng.normal(2.25, 0.38, n), blue)
    return np.where((colour > 0.3) & (colour < 3.0), colour, rng.uniform(0.3, 3.0, n))


def _locus_magnitudes(r: np.ndarray, gi: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw PS1 magnitudes (n, 5) of stars with magnitude r and colour g-i, scattered about the stellar locus."""
    scatter = rng.normal(0, _LOCUS_SCATTER_MAG, (3, len(r)))
    i = r - np.interp(gi, _LOCUS_GI, _LOCUS_RI) + scatter[0]
    iz = np.interp(gi, _LOCUS_GI, _LOCUS_IZ)
    z = i - iz + scatter[1]
    return np.column_stack([i + gi, r, i, z, z - 0.5 * iz + scatter[2]])


def _drop_close_pairs(ra_deg: np.ndarray, dec_deg: np.ndarray, r: np.ndarray,
                      centre: tuple[float, float]) -> np.ndarray:
    """Indices of the objects that have no brighter one within the resolution of PS1."""
    from scipy.spatial import cKDTree

    xi, eta = gnomonic(ra_deg, dec_deg, *centre)
    order = np.argsort(r, kind='stable')
    points = np.column_stack([xi, eta])[order] * ARCSEC_PER_DEG
    pairs = cKDTree(points).query_pairs(_PS1_RESOLUTION_ARCSEC, output_type='ndarray')
    return np.sort(np.delete(order, np.unique(pairs[:, 1])))


def draw_sky(spec: FieldSpec, rng: np.random.Generator, *, radius_deg: float | None = None) -> Sky:
    """Draw the objects around the centre of a field.

    Parameters
    ----------
    spec : FieldSpec
        The field.
    rng : numpy.random.Generator
        Source of all draws.
    radius_deg : float, optional
        How far out; by default the frame and 0.05 deg.

    Returns
    -------
    Sky
        The objects.
    """
    from scipy.special import expit

    radius = radius_deg or np.hypot(*spec.shape) / 2 * spec.model.pixel_arcsec / ARCSEC_PER_DEG + 0.05
    area = 2 * np.pi * (1 - np.cos(np.radians(radius))) * np.degrees(1) ** 2
    n = rng.poisson(spec.stars_per_sqdeg * area * 10 ** (spec.counts_slope * (_SKY_FAINT_R - _DENSITY_R)))
    ra, dec = _cap_positions(n, spec.ra_deg, spec.dec_deg, radius, rng)
    r = _draw_magnitudes(n, spec.counts_slope, rng)
    keep = _drop_close_pairs(ra, dec, r, (spec.ra_deg, spec.dec_deg))
    ra, dec, r = ra[keep], dec[keep], r[keep]
    galaxy = rng.random(len(r)) < spec.galaxy_fraction * expit((r - 18.0) / 0.7)
    excess = np.where(galaxy, rng.uniform(0.1, 0.5, len(r)), 0.0)
    variable = np.where(rng.random(len(r)) < spec.variable_fraction, rng.uniform(0.1, 0.5, len(r)), 0.0)
    return Sky(ra_deg=ra, dec_deg=dec, mag=_locus_magnitudes(r, _draw_colours(r, rng, spec.colours), rng),
               galaxy=galaxy, kron_excess_mag=excess, variable_mag=variable)


def _ps1_errors(mag: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw errors [mag] (n, 5): a floor of 3 to 10 mmag for each star, and 0.1 mag at the depth of a band."""
    floor = rng.uniform(0.003, 0.010, (len(mag), 1))
    return np.hypot(floor, 0.1 * 10 ** (0.4 * (mag - _PS1_DEPTH_MAG)))


def draw_catalogue(sky: Sky, rng: np.random.Generator, *, missing: float = 0.0) -> Catalogue:
    """Draw what PS1 lists: with noise, saturation and depth, a few rows twice, in no order.

    Parameters
    ----------
    sky : Sky
        True objects.
    rng : numpy.random.Generator
        Source of all draws.
    missing : float, optional
        Share of the objects that it lacks.

    Returns
    -------
    Catalogue
        Its rows.
    """
    from scipy.special import expit

    err = _ps1_errors(sky.mag, rng)
    mag = sky.mag + rng.normal(0, 1, err.shape) * err
    depth = PS1_SATURATION_MAG - sky.mag
    mag = mag + np.where(depth > 0, rng.uniform(0.1, 0.4, err.shape) * (1 + np.maximum(depth, 0)), 0.0)
    seen = rng.random(err.shape) < expit((_PS1_DEPTH_MAG - sky.mag) / 0.15)
    if missing:
        seen &= rng.random((len(seen), 1)) >= missing
    mag[~seen], err[~seen] = np.nan, np.nan
    listed = np.flatnonzero(seen.any(axis=1))
    twice = listed[rng.random(len(listed)) < 0.03]
    rows = rng.permutation(np.concatenate([listed, twice]))
    shift = rng.normal(0, PS1_ASTROMETRY_ARCSEC / ARCSEC_PER_DEG, (2, len(rows)))
    dec = np.clip(sky.dec_deg[rows] + shift[1], -90, 90)
    ra = (sky.ra_deg[rows] + shift[0] / np.maximum(np.cos(np.radians(dec)), 1e-5)) % 360
    return Catalogue(ra, dec, mag[rows], err[rows], seen)
