"""A synthetic observatory with known truth: LCO frames and a PS1 catalogue whose zeropoints were planted.

The theory of it, from the star to the number in the table:

1. Sky.  Stars are spread evenly over a cap around a field; their counts rise as 10^(slope m) to faint magnitudes.
   Colours follow the stellar locus as a function of g-i (Covey et al. 2007, AJ 134, 2398, rounded to 0.02 mag; SDSS and
   PS1 loci agree to that) with a scatter about it; faint stars are redder.  Some objects are galaxies, whose Kron flux
   exceeds the PSF magnitude of PS1 by 0.1 to 0.5 mag, and some are variable.
2. Catalogue.  PS1 sees the true magnitudes with its own errors (3 to 10 mmag for bright stars, 0.1 mag at its depth of
   21.5), is wrong by tenths of a magnitude where it saturates (g, r, i 13.5, z 13.0), and repeats a few rows.
3. Frame.  m_sdss = m_inst + zp + colorterm ((g-i)_sdss - 1) with m_inst = -2.5 log10(flux / exptime), flux in
   electrons.  PS1 magnitudes become SDSS by the cubic polynomials of Finkbeiner et al. (2016, ApJ 822, 66, Table 2).
   To the true electrons come flat-field scatter, variability, blending, the Kron loss of faint stars, photon, sky and
   read noise, saturation, the detection limit, and detections that are no stars.  The true zp is the limit for bright
   stars.
4. Kron loss.  Kron ellipses of faint stars are too small.  On two real LCO frames the loss goes as A / sqrt(S/N), with
   A = 0.44 mag (1m, crowded field) and 0.24 mag (2m, sparse field); A is drawn from 0.2 to 0.5 for each frame.  Other
   shapes, normalised to a loss of 0.09 mag at i = 18 or S/N 26, are there to study what depends on the shape.
5. Astrometry.  The header has a linear TAN solution.  The stars follow a radial cubic distortion that it does not know,
   and the solution as a whole is off by up to 1.5".

Nothing of the science of the product is imported, so that a sign error cannot hide in both; only the grammar of names
is shared.  Every random draw comes from a numpy Generator that is handed in: a seed repeats the run to the byte.
"""

import argparse
import json
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from astropy.io import fits
from scipy.spatial import cKDTree
from scipy.special import expit

import simulatedyears
from names import exposure_of
from rejections import DatabaseUnusable

ARCSEC_PER_DEG = 3600.0
BANDS = ('g', 'r', 'i', 'z', 'y')  # order of the magnitudes in every (n, 5) array of PS1 magnitudes
BAND_OF_FILTER = {'gp': 'g', 'rp': 'r', 'ip': 'i', 'zp': 'z', 'zs': 'z', 'w': 'r', 'B': 'g'}  # w, B: flux only

# Finkbeiner et al. 2016, Table 2: PS1 - SDSS as a cubic in (g-i)_PS1 [mag], rows g r i z, columns c_0..c_3.
FINKBEINER = np.array([
    [-0.01808, -0.13595, +0.01941, -0.00183],
    [-0.01836, -0.03577, +0.02612, -0.00558],
    [+0.01170, -0.00400, +0.00066, -0.00058],
    [-0.01062, +0.07529, -0.03592, +0.00890],
])
PIVOT_COLOUR = 1.0  # (g-i)_sdss at which zp holds [mag]
COLOUR_RANGE = (0.4, 2.7)  # (g-i)_PS1 where the transformation holds [mag]

# Stellar locus after Covey et al. 2007, Table 3: r-i, i-z at g-i; z-y is about half of i-z (Tonry et al. 2012, Fig. 2).
LOCUS_GI = np.array([0.0, 0.3, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5])
LOCUS_RI = np.array([0.00, 0.07, 0.12, 0.26, 0.42, 0.66, 1.08, 1.52, 1.95])
LOCUS_IZ = np.array([-0.02, 0.01, 0.04, 0.12, 0.22, 0.36, 0.58, 0.82, 1.05])
LOCUS_SCATTER_MAG = 0.025

SKY_BRIGHT_R, SKY_FAINT_R, DENSITY_R = 9.0, 22.5, 20.0  # r range of the stars; densities count stars brighter than 20
PS1_DEPTH_MAG = np.array([22.0, 21.8, 21.5, 20.9, 19.9])  # S/N 10: Chambers et al. 2016, 5 sigma less 0.75 mag, rounded
PS1_SATURATION_MAG = np.array([13.5, 13.5, 13.5, 13.0, 12.0])
PS1_MARGIN_MAG = 0.5  # usable stars are fainter than saturation by this
PS1_RESOLUTION_ARCSEC = 1.0  # closer pairs are one object to PS1 (seeing 1.1 to 1.3")
PS1_ASTROMETRY_ARCSEC = 0.02

# Zeropoints [mag] of a healthy telescope at airmass 1 and extinction [mag/airmass]; B, w: any plausible number serves.
REFERENCE_ZP = {
    '1m0': {'gp': 24.3, 'rp': 23.8, 'ip': 23.5, 'zp': 22.2, 'zs': 22.2, 'w': 25.0, 'B': 23.5},
    '2m0': {'gp': 25.4, 'rp': 25.35, 'ip': 25.5, 'zp': 24.3, 'zs': 24.3, 'w': 26.5, 'B': 24.6},
    '0m4': {'gp': 21.8, 'rp': 21.2, 'ip': 20.1, 'zp': 18.4, 'zs': 18.4, 'w': 22.5, 'B': 21.0},
}
EXTINCTION = {'gp': 0.14, 'rp': 0.08, 'ip': 0.06, 'zp': 0.04, 'zs': 0.04, 'w': 0.1, 'B': 0.23}
DARK_SKY = {'gp': 21.9, 'rp': 20.9, 'ip': 19.9, 'zp': 18.9, 'zs': 18.9, 'w': 20.9, 'B': 22.4}  # [mag/arcsec^2]
SEEING_ARCSEC = {'1m0': (1.4, 2.6), '2m0': (0.9, 1.8), '0m4': (2.0, 3.4)}  # median of the real 1m frame: 2.1

MOFFAT_BETA = 3.0  # wings of seeing-limited stars
PEAK_SHARE = (MOFFAT_BETA - 1) / np.pi * 4 * (2 ** (1 / MOFFAT_BETA) - 1)  # peak pixel / flux * FWHM^2 [pixel]
KRON_RADIUS_FWHM = 1.7  # aperture radius that gives fluxerr of the two real frames (1.4 and 2.0 FWHM)
DETECTION_SIGMA, DETECTION_WIDTH = 5.0, 0.4  # peak pixel over the noise of the sky: 5.4 and 7 on the real frames
MERGE_FWHM, TOUCH_FWHM, LEAK_FWHM = 1.0, 2.5, 3.5  # separations: one detection, flagged, light of the neighbour
KRON_SHAPES = ('snr', 'mag', 'inverse', 'none')
KRON_LOSS_MAG, KRON_SNR, KRON_BRIGHT_I, KRON_FAINT_I = 0.09, 26.0, 13.0, 18.0  # real 1m frame, 250 s, ip
KRON_AMPLITUDE = (0.2, 0.5)  # A of A / sqrt(S/N) [mag]; measured 0.44 and 0.24
USABLE_SNR = 50.0              # Kron fluxes of the two real frames have lost 0.05 mag there, and 0.09 at 25
USABLE_WELL = 0.85  # share of the full well: 0.9 of the smaller of SATURATE and MAXLIN = 0.95 SATURATE
MIN_USABLE = 20  # a frame with fewer usable stars is not called measurable

# What a flag is called since BANZAI 1.15.0, and before: the bits of SEP, where an edge truncates object and aperture
# (2 and 16), and saturation and cosmic rays have none.
FLAGS_NEW = {'bad': 1, 'blend': 2, 'saturated': 4, 'edge': 8, 'cosmic': 16, 'negative': 0}
FLAGS_OLD = {'bad': 32, 'blend': 1, 'saturated': 0, 'edge': 18, 'cosmic': 0, 'negative': 128}
EDGE_PIXELS = 8
FWHM_CLEAN_ONLY = (1, 25)  # about from here on fwhm is NaN where a source is flagged
PIPELINES = ('', '0.9.4', '0.20.1', '1.4.0', '1.9.0', '1.15.0', '1.16.0', '1.18.2', '1.25.1', '1.40.0')


@dataclass(frozen=True)
class CameraModel:
    """A kind of camera: image shape (ny, nx), pixel scale, telescope class, detector in electrons, optics."""

    shape: tuple
    pixel_arcsec: float
    telescope_class: str
    full_well_e: float
    read_noise_e: float
    distortion_arcsec: float  # in the corner
    filters: tuple

    @property
    def half_diagonal_deg(self):
        return float(np.hypot(*self.shape) / 2 * self.pixel_arcsec / ARCSEC_PER_DEG)


_SINISTRO = CameraModel((4096, 4096), 0.389, '1m0', 140000.0, 8.0, 3.0, ('gp', 'rp', 'ip', 'zp', 'zs'))
CAMERAS = {
    'fl': _SINISTRO,
    'fa': _SINISTRO,
    'fs': CameraModel((2048, 2048), 0.304, '2m0', 110000.0, 11.0, 1.5, ('gp', 'rp', 'ip', 'zs')),
    'ep': CameraModel((2048, 2048), 0.267, '2m0', 90000.0, 10.0, 1.0, ('gp', 'rp', 'ip', 'zs')),
    'kb': CameraModel((2048, 3072), 0.571, '0m4', 60000.0, 14.0, 2.5, ('gp', 'rp', 'ip', 'zs')),
    'sq': CameraModel((6388, 9576), 0.734, '0m4', 50000.0, 4.0, 5.0, ('gp', 'rp', 'ip', 'zs')),
}
GAIN_E = 1.0  # products of the pipeline are in electrons


@dataclass(frozen=True)
class Station:
    """One camera on one telescope; `tag` is the telescope's part of a file name."""

    site: str
    enclosure: str
    telescope: str
    tag: str
    camera: str

    @property
    def model(self):
        return CAMERAS[self.camera[:2]]


STATIONS = (
    Station('lsc', 'doma', '1m0a', '1m005', 'fa15'),
    Station('lsc', 'domb', '1m0a', '1m009', 'fa04'),
    Station('lsc', 'domc', '1m0a', '1m004', 'fl03'),
    Station('lsc', 'aqwa', '0m4a', '0m409', 'kb26'),
    Station('cpt', 'domc', '1m0a', '1m012', 'fa06'),
    Station('cpt', 'doma', '1m0a', '1m010', 'fl16'),
    Station('cpt', 'aqwa', '0m4a', '0m407', 'sq33'),
    Station('elp', 'doma', '1m0a', '1m008', 'fa05'),
    Station('elp', 'domb', '1m0a', '1m006', 'fl07'),
    Station('elp', 'aqwa', '0m4a', '0m411', 'kb80'),
    Station('coj', 'clma', '2m0a', '2m002', 'fs01'),
    Station('coj', 'doma', '1m0a', '1m011', 'fa12'),
    Station('coj', 'clma', '0m4a', '0m403', 'sq37'),
    Station('ogg', 'clma', '2m0a', '2m001', 'ep04'),
    Station('ogg', 'clma', '2m0a', '2m001', 'fs02'),
    Station('ogg', 'clma', '0m4b', '0m406', 'sq30'),
    Station('tfn', 'doma', '1m0a', '1m001', 'fa20'),
    Station('tfn', 'aqwa', '0m4a', '0m414', 'sq36'),
)
SITES = {  # latitude, longitude [deg]
    'coj': (-31.273, 149.071), 'cpt': (-32.381, 20.810), 'elp': (30.680, -104.015), 'lsc': (-30.167, -70.805),
    'ogg': (20.707, -156.258), 'tfn': (28.300, -16.512),
}
MAX_ZENITH_DEG = 62.0  # airmass 2.1


@dataclass(frozen=True)
class FieldSpec:
    """One frame to simulate.  None means: the usual value of the camera and filter, or a draw where one is usual.

    stars_per_sqdeg counts stars brighter than r = 20; `camera` is a key of CAMERAS; `pointing_arcsec` is the largest
    error of the solution along an axis; `crop` cuts the image to (ny, nx); `pipeline` is the version that decides what
    flags mean; `airmass` and a cloud of `transparency_mag` take from the reference zeropoint where `zp_mag` is None.
    """

    camera: str = 'fa'
    filter_name: str = 'rp'
    exptime_s: float = 120.0
    ra_deg: float = 150.1
    dec_deg: float = 2.2
    stars_per_sqdeg: float = 3000.0
    counts_slope: float = 0.24
    airmass: float = 1.2
    zp_mag: float | None = None
    transparency_mag: float = 0.0
    colorterm: float = 0.0
    seeing_arcsec: float | None = None
    sky_brightening_mag: float = 0.7
    distortion_arcsec: float | None = None
    pointing_arcsec: float = 1.5
    astrometric_noise_arcsec: float = 0.05
    rotation_deg: float = 0.3
    parity: int = 1
    kron_shape: str = 'snr'
    kron_amplitude_mag: float | None = None
    flat_scatter_mag: float = 0.008
    galaxy_fraction: float = 0.12
    variable_fraction: float = 0.03
    spurious_fraction: float = 0.02
    pipeline: str = '1.40.0'
    crop: tuple | None = None

    @property
    def model(self):
        return CAMERAS[self.camera]

    @property
    def shape(self):
        return self.crop or self.model.shape

    @property
    def band(self):
        return BANDS.index(BAND_OF_FILTER[self.filter_name])

    @property
    def true_zp_mag(self):
        """Zeropoint of this frame [mag]: planted, or the reference of the telescope class through this much air."""
        if self.zp_mag is not None:
            return self.zp_mag
        healthy = REFERENCE_ZP[self.model.telescope_class][self.filter_name]
        return healthy - EXTINCTION[self.filter_name] * (self.airmass - 1) - self.transparency_mag


@dataclass(frozen=True)
class Sky:
    """True objects: positions [deg] (n,), PS1 magnitudes (n, 5), what they are, and where an epoch later they are."""

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    mag: np.ndarray
    galaxy: np.ndarray  # bool (n,)
    kron_excess_mag: np.ndarray  # Kron flux over PSF flux, 0 for stars
    variable_mag: np.ndarray  # half range of the variation, 0 for constant stars

    def __len__(self):
        return len(self.ra_deg)


@dataclass(frozen=True)
class Catalogue:
    """What PS1 lists: positions [deg] (m,), magnitudes and errors (m, 5), NaN where a band has none.

    valid : bool (n, 5), for each object of the sky and band whether the catalogue has a magnitude.
    """

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    mag: np.ndarray
    err: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class SimulatedFrame:
    """One frame and its truth.

    columns : dict of the CAT table, arrays (k,).
    header : dict of SCI header cards.
    star : index (k,) of the object of the sky behind a row, -1 where there is none.
    usable : bool (k,), rows that deserve to be in a fit.
    """

    spec: FieldSpec
    columns: dict
    header: dict
    star: np.ndarray
    usable: np.ndarray
    kron_amplitude_mag: float

    @property
    def n_usable(self):
        return int(self.usable.sum())


# --- colours and the sphere

def ps1_to_sdss(mag):
    """SDSS magnitudes g r i z (n, 4) of PS1 magnitudes (n, >= 4): Finkbeiner et al. 2016."""
    colour = mag[:, 0] - mag[:, 2]
    return mag[:, :4] - np.polynomial.polynomial.polyval(colour, FINKBEINER.T).T


def cap_positions(n, ra_deg, dec_deg, radius_deg, rng):
    """n positions [deg], even over the spherical cap of a radius around a centre; right at the poles."""
    cos_theta = 1 - (1 - np.cos(np.radians(radius_deg))) * rng.random(n)
    theta, phi = np.arccos(cos_theta), 2 * np.pi * rng.random(n)
    dec0 = np.radians(dec_deg)
    east, north = np.sin(theta) * np.sin(phi), np.sin(theta) * np.cos(phi)
    along = np.cos(dec0) * cos_theta - np.sin(dec0) * north
    up = np.sin(dec0) * cos_theta + np.cos(dec0) * north
    ra = ra_deg + np.degrees(np.arctan2(east, along))
    return ra % 360.0, np.degrees(np.arctan2(up, np.hypot(along, east)))


def gnomonic(ra_deg, dec_deg, ra0_deg, dec0_deg):
    """Tangent-plane coordinates xi, eta [deg] (n,) about a centre, NaN on the far side of the sky."""
    da, dec, dec0 = np.radians(ra_deg - ra0_deg), np.radians(dec_deg), np.radians(dec0_deg)
    depth = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * np.cos(dec) * np.cos(da)
    depth = np.where(depth > 0, depth, np.nan)
    xi = np.cos(dec) * np.sin(da) / depth
    eta = (np.cos(dec0) * np.sin(dec) - np.sin(dec0) * np.cos(dec) * np.cos(da)) / depth
    return np.degrees(xi), np.degrees(eta)


def separation_deg(ra1_deg, dec1_deg, ra2_deg, dec2_deg):
    """Angular distance [deg] by the haversine, good for small angles."""
    dra, ddec = np.radians(ra1_deg - ra2_deg) / 2, np.radians(dec1_deg - dec2_deg) / 2
    h = np.sin(ddec) ** 2 + np.cos(np.radians(dec1_deg)) * np.cos(np.radians(dec2_deg)) * np.sin(dra) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(np.clip(h, 0, 1))))


# --- the sky and what PS1 makes of it

def draw_magnitudes(n, slope, rng):
    """n magnitudes r [mag] between the limits of the sky, counts per magnitude rising as 10^(slope r)."""
    low, high = 10 ** (slope * SKY_BRIGHT_R), 10 ** (slope * SKY_FAINT_R)
    return np.log10(low + (high - low) * rng.random(n)) / slope


def draw_colours(r, rng):
    """Colours g-i [mag] (n,): turn-off stars, K dwarfs, and M dwarfs whose share grows to faint r."""
    n = len(r)
    share_m = np.clip(0.12 + 0.045 * (r - 14), 0.05, 0.45)
    blue = np.where(rng.random(n) < 0.65, rng.normal(0.65, 0.16, n), rng.normal(1.2, 0.30, n))
    colour = np.where(rng.random(n) < share_m, rng.normal(2.25, 0.38, n), blue)
    return np.where((colour > 0.3) & (colour < 3.0), colour, rng.uniform(0.3, 3.0, n))


def locus_magnitudes(r, gi, rng):
    """PS1 magnitudes g r i z y (n, 5) of stars with magnitude r and colour g-i, scattered about the stellar locus."""
    scatter = rng.normal(0, LOCUS_SCATTER_MAG, (3, len(r)))
    i = r - np.interp(gi, LOCUS_GI, LOCUS_RI) + scatter[0]
    iz = np.interp(gi, LOCUS_GI, LOCUS_IZ)
    z = i - iz + scatter[1]
    return np.column_stack([i + gi, r, i, z, z - 0.5 * iz + scatter[2]])


def drop_close_pairs(ra_deg, dec_deg, r, centre):
    """Indices of the objects that have no brighter one within the resolution of PS1."""
    xi, eta = gnomonic(ra_deg, dec_deg, *centre)
    order = np.argsort(r, kind='stable')
    points = np.column_stack([xi, eta])[order] * ARCSEC_PER_DEG
    pairs = cKDTree(points).query_pairs(PS1_RESOLUTION_ARCSEC, output_type='ndarray')
    return np.sort(np.delete(order, np.unique(pairs[:, 1])))


def draw_sky(spec, rng, *, radius_deg=None):
    """A Sky around the centre of `spec`, out to a radius [deg] (default: the frame and 0.05 deg)."""
    radius = radius_deg or np.hypot(*spec.shape) / 2 * spec.model.pixel_arcsec / ARCSEC_PER_DEG + 0.05
    area = 2 * np.pi * (1 - np.cos(np.radians(radius))) * np.degrees(1) ** 2
    n = rng.poisson(spec.stars_per_sqdeg * area * 10 ** (spec.counts_slope * (SKY_FAINT_R - DENSITY_R)))
    ra, dec = cap_positions(n, spec.ra_deg, spec.dec_deg, radius, rng)
    r = draw_magnitudes(n, spec.counts_slope, rng)
    keep = drop_close_pairs(ra, dec, r, (spec.ra_deg, spec.dec_deg))
    ra, dec, r = ra[keep], dec[keep], r[keep]
    galaxy = rng.random(len(r)) < spec.galaxy_fraction * expit((r - 18.0) / 0.7)
    excess = np.where(galaxy, rng.uniform(0.1, 0.5, len(r)), 0.0)
    variable = np.where(rng.random(len(r)) < spec.variable_fraction, rng.uniform(0.1, 0.5, len(r)), 0.0)
    return Sky(ra, dec, locus_magnitudes(r, draw_colours(r, rng), rng), galaxy, excess, variable)


def ps1_errors(mag, rng):
    """Errors [mag] (n, 5): a floor of 3 to 10 mmag for each star, and 0.1 mag at the depth of a band."""
    floor = rng.uniform(0.003, 0.010, (len(mag), 1))
    return np.hypot(floor, 0.1 * 10 ** (0.4 * (mag - PS1_DEPTH_MAG)))


def draw_catalogue(sky, rng):
    """The Catalogue of a Sky: noise, saturation and depth of PS1, a few rows twice, in no order."""
    err = ps1_errors(sky.mag, rng)
    mag = sky.mag + rng.normal(0, 1, err.shape) * err
    depth = PS1_SATURATION_MAG - sky.mag
    mag = mag + np.where(depth > 0, rng.uniform(0.1, 0.4, err.shape) * (1 + np.maximum(depth, 0)), 0.0)
    seen = rng.random(err.shape) < expit((PS1_DEPTH_MAG - sky.mag) / 0.15)
    mag[~seen], err[~seen] = np.nan, np.nan
    listed = np.flatnonzero(seen.any(axis=1))
    twice = listed[rng.random(len(listed)) < 0.03]
    rows = rng.permutation(np.concatenate([listed, twice]))
    shift = rng.normal(0, PS1_ASTROMETRY_ARCSEC / ARCSEC_PER_DEG, (2, len(rows)))
    dec = np.clip(sky.dec_deg[rows] + shift[1], -90, 90)
    ra = (sky.ra_deg[rows] + shift[0] / np.maximum(np.cos(np.radians(dec)), 1e-5)) % 360
    return Catalogue(ra, dec, mag[rows], err[rows], seen)


# --- one frame: from the sky to pixels

def attitude(spec, rng):
    """Linear solution of a frame: CD matrix (2, 2) [deg], true centre and header centre (CRPIX) [pixel, 1-based]."""
    turn = np.radians(spec.rotation_deg)
    scale = spec.model.pixel_arcsec / ARCSEC_PER_DEG
    cd = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.diag([-spec.parity, 1])
    ny, nx = spec.shape
    centre = np.array([(nx + 1) / 2, (ny + 1) / 2])
    error = rng.uniform(-1, 1, 2) * spec.pointing_arcsec / spec.model.pixel_arcsec
    return cd, centre, centre + error


def pixel_positions(ra_deg, dec_deg, spec, cd, centre):
    """Positions x, y [pixel, 1-based] (n,) where the optics put the stars: TAN, then a radial cubic distortion."""
    plane = np.vstack(gnomonic(ra_deg, dec_deg, spec.ra_deg, spec.dec_deg))
    offset = np.linalg.solve(cd, plane)
    corner = np.hypot(*spec.model.shape) / 2
    amount = spec.model.distortion_arcsec if spec.distortion_arcsec is None else spec.distortion_arcsec
    stretch = 1 + amount / spec.model.pixel_arcsec / corner * np.sum((offset / corner) ** 2, axis=0)
    return centre[0] + offset[0] * stretch, centre[1] + offset[1] * stretch


def true_electrons(mag, spec):
    """Electrons (n,) of objects with PS1 magnitudes (n, 5) in a frame of the planted zeropoint and colour term."""
    sdss = ps1_to_sdss(mag)
    colour = sdss[:, 0] - sdss[:, 2]
    m_inst = sdss[:, spec.band] - spec.true_zp_mag - spec.colorterm * (colour - PIVOT_COLOUR)
    return spec.exptime_s * 10 ** (-0.4 * m_inst)


def sky_electrons(spec):
    """Electrons per pixel from the sky: dark sky and moonlight, seen by the same telescope."""
    surface = DARK_SKY[spec.filter_name] - spec.sky_brightening_mag
    per_arcsec2 = spec.exptime_s * 10 ** (-0.4 * (surface - spec.true_zp_mag))
    return per_arcsec2 * spec.model.pixel_arcsec ** 2


def kron_loss(snr, i_mag, shape, amplitude_mag):
    """Loss [mag] (n,) of the Kron flux of stars with a true signal-to-noise and PS1 i magnitude."""
    if shape == 'snr':
        return amplitude_mag / np.sqrt(snr)
    if shape == 'inverse':
        return KRON_LOSS_MAG * KRON_SNR / snr
    if shape == 'mag':
        return np.maximum(0.0, KRON_LOSS_MAG * (i_mag - KRON_BRIGHT_I) / (KRON_FAINT_I - KRON_BRIGHT_I))
    if shape == 'none':
        return np.zeros_like(snr)
    raise ValueError(f'kron shape {shape!r} is none of {", ".join(KRON_SHAPES)}')


def merge_blends(x, y, flux, radius):
    """Index (n,) of the star that swallows each star: the brightest within `radius` [pixel], and so on upwards."""
    order = np.argsort(-flux, kind='stable')
    pairs = cKDTree(np.column_stack([x, y])[order]).query_pairs(radius, output_type='ndarray')
    host = np.arange(len(flux))
    np.minimum.at(host, pairs[:, 1], pairs[:, 0])
    while not np.array_equal(host, host[host]):
        host = host[host]
    merged = np.empty_like(host)
    merged[order] = order[host]
    return merged


def neighbour_light(x, y, flux, fwhm):
    """Light [electrons] (n,) that detections get from their neighbours, and bool (n,) whether they touch one."""
    pairs = cKDTree(np.column_stack([x, y])).query_pairs(LEAK_FWHM * fwhm, output_type='ndarray')
    one, two = np.concatenate([pairs, pairs[:, ::-1]]).T
    distance = np.hypot(x[one] - x[two], y[one] - y[two]) / fwhm
    leak = 0.1 * np.exp(-0.5 * (distance / 1.2) ** 2) * flux[two]
    close = (leak > 0.005 * flux[one]) | ((distance < TOUCH_FWHM) & (flux[two] > 0.02 * flux[one]))
    light = np.bincount(one, weights=leak, minlength=len(flux))
    return light, np.bincount(one[close], minlength=len(flux)) > 0


@dataclass(frozen=True)
class _Detections:
    """Detections of a frame before measurement: the brightest object of each, position, light, and how clean it is."""

    star: np.ndarray
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    light: np.ndarray
    touched: np.ndarray
    clean: np.ndarray

    def at(self, keep):
        return _Detections(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


def noise_electrons(flux, spec, fwhm):
    """Noise [electrons] (n,) of Kron fluxes: photons, and sky and read noise over the aperture."""
    area = np.pi * (KRON_RADIUS_FWHM * fwhm) ** 2
    return np.sqrt(np.maximum(flux, 0) + area * (sky_electrons(spec) + spec.model.read_noise_e ** 2))


def find_sources(sky, spec, fwhm, cd, centre, rng):
    """The _Detections of a frame: what falls on the detector, blended, above the detection limit."""
    x, y = pixel_positions(sky.ra_deg, sky.dec_deg, spec, cd, centre)
    ny, nx = spec.shape
    star = np.flatnonzero((x > 0.5) & (x < nx + 0.5) & (y > 0.5) & (y < ny + 0.5))
    change = sky.variable_mag[star] * rng.uniform(-1, 1, len(star)) - sky.kron_excess_mag[star]
    change = change + rng.normal(0, spec.flat_scatter_mag, len(star))
    flux = true_electrons(sky.mag[star], spec) * 10 ** (-0.4 * change)
    worth = flux > 1.5 * noise_electrons(0.0, spec, fwhm)  # fainter ones are part of the sky
    star, flux, x, y = star[worth], flux[worth], x[star][worth], y[star][worth]
    host = merge_blends(x, y, flux, MERGE_FWHM * fwhm)
    total = np.bincount(host, weights=flux, minlength=len(flux))
    mean_x, mean_y = (np.bincount(host, weights=flux * v, minlength=len(flux)) for v in (x, y))
    seen = rng.random(len(flux)) < detection_probability(total, spec, fwhm)
    root = np.flatnonzero((host == np.arange(len(flux))) & seen)
    light, touched = neighbour_light(mean_x[root] / total[root], mean_y[root] / total[root], total[root], fwhm)
    return _Detections(star[root], mean_x[root] / total[root], mean_y[root] / total[root], total[root], light, touched,
                       flux[root] > 0.997 * total[root])


def detection_probability(flux, spec, fwhm):
    """Share of stars of a flux [electrons] that are found: half where the peak pixel is 5 sigma above the sky."""
    sigma = np.sqrt(sky_electrons(spec) + spec.model.read_noise_e ** 2)
    return expit((flux * PEAK_SHARE / fwhm ** 2 / sigma - DETECTION_SIGMA) / DETECTION_WIDTH)


def saturate(flux, peak, limit, rng):
    """Flux and peak (n,) as a full well leaves them: peaks end on a plateau, some of the light is lost."""
    full = peak > limit
    plateau = limit * (1 + 0.005 * rng.standard_normal(len(flux)))
    return np.where(full, flux * np.where(full, peak / limit, 1) ** -0.4, flux), np.where(full, plateau, peak), full


def flag_values(pipeline):
    """Names of defects to bits, as the pipeline of a version means them."""
    return FLAGS_NEW if version_of(pipeline) >= (1, 15) else FLAGS_OLD


def version_of(pipeline):
    """A version as a tuple of numbers; frames without one are the oldest."""
    return tuple(int(part) for part in pipeline.split('.')) if pipeline else (0,)


def measure(found, sky, spec, fwhm, amplitude_mag, rng):
    """Kron photometry of detections: dict of flux fluxerr peak flag x y (k,), and snr, marred for the truth."""
    n = len(found.flux)
    noise = noise_electrons(found.flux, spec, fwhm)
    snr = found.flux / noise
    loss = kron_loss(snr, sky.mag[found.star, 2], spec.kron_shape, amplitude_mag)
    stretch = np.where(sky.galaxy[found.star], rng.uniform(1.2, 2.0, n), 1.0)
    peak = found.flux * PEAK_SHARE / (fwhm * stretch) ** 2
    flux, peak, full = saturate(found.flux, peak, spec.model.full_well_e - sky_electrons(spec), rng)
    edge = edge_distance(found.x, found.y, spec.shape) < EDGE_PIXELS
    bad = rng.random(n) < 0.01
    flux = (flux + found.light) * 10 ** (-0.4 * loss) * np.where(edge | bad, rng.uniform(0.6, 1.05, n), 1.0)
    flux = flux + noise * rng.standard_normal(n)
    fluxerr = noise_electrons(flux, spec, fwhm)
    bits = flag_values(spec.pipeline)
    flag = sum(np.where(what, bits[name], 0) for name, what in
               (('saturated', full), ('edge', edge), ('bad', bad), ('blend', found.touched & (rng.random(n) < 0.95))))
    jitter = np.hypot(spec.astrometric_noise_arcsec / spec.model.pixel_arcsec, fwhm / 2.355 / snr)
    wander = np.where(rng.random(n) < 0.01, 10.0, 1.0)  # proper motion since the epoch of the catalogue
    x, y = (v + jitter * wander * rng.standard_normal(n) for v in (found.x, found.y))
    return {'x': x, 'y': y, 'flux': flux, 'fluxerr': fluxerr, 'peak': peak, 'flag': flag, 'size': fwhm * stretch,
            'snr': snr, 'marred': full | edge | bad | found.touched | ~found.clean}


def edge_distance(x, y, shape):
    """Distance [pixel] (n,) to the nearest edge of an image of shape (ny, nx)."""
    return np.minimum(np.minimum(x - 0.5, shape[1] + 0.5 - x), np.minimum(y - 0.5, shape[0] + 0.5 - y))


def usable_stars(star, seen, sky, valid, spec):
    """bool (k,): single, constant, clean stars in the range of colour, magnitude and signal that a fit may use."""
    colour = sky.mag[star, 0] - sky.mag[star, 2]
    bands = sorted({0, 2, spec.band})
    bright = (sky.mag[star][:, bands] < PS1_SATURATION_MAG[bands] + PS1_MARGIN_MAG).any(axis=1)
    well = seen['peak'] + sky_electrons(spec) < USABLE_WELL * spec.model.full_well_e
    single = ~sky.galaxy[star] & (sky.variable_mag[star] == 0) & ~seen['marred']
    inside = (colour > COLOUR_RANGE[0]) & (colour < COLOUR_RANGE[1])
    return single & inside & ~bright & well & (seen['snr'] > USABLE_SNR) & valid[star][:, bands].all(axis=1)


def spurious_sources(n_stars, spec, fwhm, rng):
    """Detections that are no stars, as `measure` gives them: cosmic rays, noise peaks, rows without a flux."""
    n = 3 + rng.poisson(spec.spurious_fraction * n_stars)
    ny, nx = spec.shape
    cosmic = rng.random(n) < 0.5
    floor = noise_electrons(0.0, spec, fwhm)
    flux = np.where(cosmic, rng.lognormal(7.5, 1.0, n), floor * rng.uniform(2, 6, n))
    fluxerr = noise_electrons(flux, spec, fwhm)
    flux[0], fluxerr[1], flux[2], fluxerr[2] = -0.7 * floor, 0.0, 0.0, 0.0
    bits = flag_values(spec.pipeline)
    flag = np.where(cosmic, bits['cosmic'], 0) | np.where(flux <= 0, bits['negative'], 0)
    peak = np.where(cosmic, 0.5, PEAK_SHARE / fwhm ** 2) * np.abs(flux)
    return {'x': rng.uniform(1, nx, n), 'y': rng.uniform(1, ny, n), 'flux': flux, 'fluxerr': fluxerr, 'peak': peak,
            'flag': flag, 'size': np.where(cosmic, 1.2, fwhm)}


def cat_columns(seen, spec, rng):
    """The CAT table, dict of arrays (k,), of measured positions, fluxes, peaks, flags and sizes."""
    n = len(seen['x'])
    size = seen['size'] * rng.normal(1, 0.03, n)
    ellipticity = np.abs(rng.normal(0.10, 0.04, n)) % 0.9
    a = size / 2.355
    radius = size / 2 / np.sqrt(2 ** (1 / MOFFAT_BETA) - 1)  # scale of the Moffat profile
    columns = {'x': seen['x'], 'y': seen['y'], 'peak': seen['peak'], 'flux': seen['flux'], 'fluxerr': seen['fluxerr'],
               'background': sky_electrons(spec) * rng.normal(1, 0.005, n), 'fwhm': size, 'ellipticity': ellipticity,
               'a': a, 'b': a * (1 - ellipticity), 'theta': rng.uniform(-90, 90, n),
               'kronrad': rng.uniform(1.3, 3.3, n)}
    columns.update({f'fluxrad{share}': moffat_radius(share / 100) * radius for share in (25, 50, 75)})
    for diameter, pixels in enumerate(aperture_radii(spec), start=1):
        inside = 1 - (1 + (pixels / radius) ** 2) ** (1 - MOFFAT_BETA)
        error = np.sqrt(np.maximum(inside * seen['flux'], 0)
                        + np.pi * pixels ** 2 * (sky_electrons(spec) + spec.model.read_noise_e ** 2))
        columns[f'fluxaper{diameter}'] = inside * seen['flux'] + 0.3 * error * rng.standard_normal(n)
        columns[f'fluxerr{diameter}'] = error
    if version_of(spec.pipeline) >= FWHM_CLEAN_ONLY:
        columns['fwhm'] = np.where(seen['flag'] == 0, size, np.nan)
    return {**columns, 'flag': seen['flag'].astype(np.int64)}


def moffat_radius(share):
    """Radius, in units of the scale of the profile, that holds a share of the light."""
    return np.sqrt((1 - share) ** (1 / (1 - MOFFAT_BETA)) - 1)


def aperture_radii(spec):
    """Radii [pixel] of fluxaper1..6: diameters of 1 to 6"; twice that in the versions 1.15.0 to 1.16.0."""
    double = spec.pipeline in ('1.15.0', '1.16.0')
    return np.arange(1, 7) / 2 / spec.model.pixel_arcsec * (2 if double else 1)


def observe(sky, valid, spec, rng):
    """A SimulatedFrame of a Sky.

    valid : bool (n, 5), objects and bands the reference catalogue has: `Catalogue.valid`, less missing files.
    """
    low, high = SEEING_ARCSEC[spec.model.telescope_class]
    fwhm = (spec.seeing_arcsec or rng.uniform(low, high)) / spec.model.pixel_arcsec
    amplitude = rng.uniform(*KRON_AMPLITUDE) if spec.kron_amplitude_mag is None else spec.kron_amplitude_mag
    cd, centre, crpix = attitude(spec, rng)
    found = find_sources(sky, spec, fwhm, cd, centre, rng)
    seen = measure(found, sky, spec, fwhm, amplitude, rng)
    usable = usable_stars(found.star, seen, sky, valid, spec)
    extra = spurious_sources(len(found.star), spec, fwhm, rng)
    columns = cat_columns({name: np.concatenate([seen[name], extra[name]]) for name in extra}, spec, rng)
    order = np.argsort(-columns['flux'] if flag_values(spec.pipeline) is FLAGS_NEW else columns['y'], kind='stable')
    pad = len(order) - len(found.star)
    star = np.concatenate([found.star, np.full(pad, -1)])[order]
    usable = np.concatenate([usable, np.zeros(pad, bool)])[order]
    columns = {name: values[order] for name, values in columns.items()}
    header = {**wcs_cards(spec, cd, crpix), 'L1FWHM': round(fwhm * spec.model.pixel_arcsec, 3)}
    return SimulatedFrame(spec, columns, header, star, usable, float(amplitude))


def simulate_frame(spec, rng):
    """One frame in its own sky: (SimulatedFrame, Catalogue, Sky), for tests and studies of accuracy."""
    sky = draw_sky(spec, rng)
    catalogue = draw_catalogue(sky, rng)
    return observe(sky, catalogue.valid, spec, rng), catalogue, sky


# --- headers and FITS

def wcs_cards(spec, cd, crpix):
    """Header cards of a linear TAN solution."""
    return {'CTYPE1': 'RA---TAN', 'CTYPE2': 'DEC--TAN', 'CUNIT1': 'deg', 'CUNIT2': 'deg',
            'CRVAL1': spec.ra_deg, 'CRVAL2': spec.dec_deg, 'CRPIX1': float(crpix[0]), 'CRPIX2': float(crpix[1]),
            'CD1_1': float(cd[0, 0]), 'CD1_2': float(cd[0, 1]), 'CD2_1': float(cd[1, 0]), 'CD2_2': float(cd[1, 1])}


@dataclass(frozen=True)
class PlannedFrame:
    """One frame of a night before it is simulated.

    quirks : header cards that are odd in this frame, None for one that is missing.
    occurrence : how often this defect was planted before; some have two forms.
    """

    station: Station
    spec: FieldSpec
    field: str
    regime: str
    defect: str | None
    occurrence: int
    exposure: str
    dayobs: str
    dateobs: str
    quirks: dict
    upper: bool
    twin: bool

    @property
    def suffix(self):
        return '.fits' if self.spec.crop else '.fits.fz'

    def name(self, level):
        return f'{self.exposure}-e{level}{self.suffix}'

    def path(self, level):
        """Where the frame belongs, below the root of the output."""
        folder = 'processed' if level == 91 else 'preview'
        return Path('archive', self.station.site, self.station.camera, self.dayobs, folder, self.name(level))


def frame_cards(plan, frame, level):
    """All header cards of SCI (dict), with the quirks and defects of this frame."""
    spec, station, model = plan.spec, plan.station, plan.spec.model
    cards = {
        'SITEID': station.site, 'ENCID': station.enclosure, 'TELID': station.telescope, 'INSTRUME': station.camera,
        'TELESCOP': f'{station.tag[:3]}-{station.tag[3:]}', 'FILTER': spec.filter_name, 'EXPTIME': spec.exptime_s,
        'AIRMASS': spec.airmass, 'DATE-OBS': plan.dateobs, 'DAY-OBS': plan.dayobs, 'OBSTYPE': 'EXPOSE',
        'OBJECT': plan.field, 'FOCOBOFF': 0.0, 'SATURATE': model.full_well_e, 'MAXLIN': 0.95 * model.full_well_e,
        'GAIN': GAIN_E, 'WCSERR': 0, 'RLEVEL': level, 'PIPEVER': spec.pipeline or None, **frame.header,
    }
    cards.update(plan.quirks)
    return {key: value for key, value in cards.items() if value is not None}


@lru_cache(maxsize=8)
def compressed_template(shape):
    """Header (text) and data (bytes) of a Rice-compressed image of constant pixels: compressed once per shape."""
    buffer = BytesIO()
    image = fits.CompImageHDU(np.zeros(shape, np.int16), name='SCI', compression_type='RICE_1')
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(buffer)
    with fits.open(BytesIO(buffer.getvalue()), disable_image_compression=True) as hdus:
        info = hdus[1].fileinfo()
        data = buffer.getvalue()[info['datLoc']:info['datLoc'] + info['datSpan']]
        return hdus[1].header.tostring(), data


def header_bytes(header):
    return header.tostring().encode('ascii')


def image_bytes(spec, cards, *, pixels):
    """Primary HDU and SCI as bytes: fpacked pixels of the true shape, or without `pixels` a header with no tiles.

    A cropped frame has a plain image as its primary HDU instead.
    """
    if spec.crop:
        primary = fits.PrimaryHDU(np.zeros(spec.crop, np.uint8))
        primary.header.update(cards)
        return header_bytes(primary.header) + padded(primary.data.tobytes())
    text, data = compressed_template(spec.shape)
    header = fits.Header.fromstring(text)
    header.update(cards)
    if not pixels:
        header['NAXIS2'], header['PCOUNT'], data = 0, 0, b''
    return header_bytes(fits.PrimaryHDU().header) + header_bytes(header) + data


def padded(data):
    """Data filled up to whole FITS blocks of 2880 bytes."""
    return data + bytes(-len(data) % 2880)


@lru_cache(maxsize=4)
def cat_header(names, upper):
    """Header of a CAT extension without rows, names of columns in upper or lower case."""
    units = {'x': 'pixel', 'y': 'pixel', 'fwhm': 'pixel', 'theta': 'degree'}
    return fits.BinTableHDU.from_columns([
        fits.Column(name=name.upper() if upper else name, format='K' if name == 'flag' else 'D',
                    unit=units.get(name, 'count' if name.startswith(('flux', 'peak', 'back')) else None))
        for name in names], name='CAT').header


def cat_bytes(columns, *, upper):
    """The CAT extension as bytes: 8 bytes per number, most significant first."""
    header = cat_header(tuple(columns), upper).copy()
    header['NAXIS2'] = len(columns['x'])
    table = np.empty(len(columns['x']), [(name, '>i8' if name == 'flag' else '>f8') for name in columns])
    for name, values in columns.items():
        table[name] = values
    return header_bytes(header) + padded(table.tobytes())


def frame_bytes(plan, frame, level, *, pixels=True):
    """A whole frame file as bytes, with the defects that concern the file itself."""
    data = image_bytes(plan.spec, frame_cards(plan, frame, level), pixels=pixels)
    if plan.defect != 'no-source-catalogue':
        data += cat_bytes(frame.columns, upper=plan.upper)
    if plan.defect == 'file-unreadable':  # an interrupted copy: half of it, or next to nothing
        data = data[:len(data) // 2 if plan.occurrence % 2 == 0 else 1000]
    return data


# --- the catalogue on disk

BAND_HEIGHT_DEG, CELL_WIDTH_DEG, FOOTPRINT_DEC_DEG = 2.0, 2.5, -30.0


def cell_of(ra_deg, dec_deg):
    """Region (band, index) of positions, (n, 2) int: bands of declination, cells about RA 0 that wrap, a polar cap.

    Band -1 is outside the footprint.
    """
    band = np.floor((np.asarray(dec_deg) - FOOTPRINT_DEC_DEG) / BAND_HEIGHT_DEG).astype(int)
    band = np.where(band < 0, -1, np.minimum(band, 59))
    width = cell_width_deg(band)
    index = np.floor((np.asarray(ra_deg) + width / 2) % 360 / width).astype(int)
    return np.column_stack([band, np.where(band < 0, 0, np.minimum(index, np.round(360 / width).astype(int) - 1))])


def cell_width_deg(band):
    """Width in RA [deg] of the cells of a band; the cap has one cell."""
    low = FOOTPRINT_DEC_DEG + BAND_HEIGHT_DEG * np.asarray(band)
    count = np.maximum(1, np.round(360 * np.cos(np.radians(low)) / CELL_WIDTH_DEG))
    return np.where(np.asarray(band) >= 59, 360.0, 360.0 / count)


def cell_limits(cell, *, negative):
    """R_MIN, R_MAX, D_MIN, D_MAX [deg]; a cell that wraps has R_MIN > R_MAX, or with `negative` R_MIN < 0."""
    band, index = cell
    width = float(cell_width_deg(band))
    low = FOOTPRINT_DEC_DEG + BAND_HEIGHT_DEG * band
    if width == 360.0:
        return 0.0, 360.0, low, 90.0
    ra_min, ra_max = (index - 0.5) * width, (index + 0.5) * width
    return (ra_min if negative or ra_min >= 0 else ra_min + 360), ra_max, low, low + BAND_HEIGHT_DEG


def region_table(catalogue, rows, *, lean, rng):
    """Structured array of one region file: float64 with errors, or lean: float32, no errors, sentinels."""
    kind = np.float32 if lean else np.float64
    values = {'RA': catalogue.ra_deg[rows], 'DEC': catalogue.dec_deg[rows]}
    if not lean:
        error = np.full(len(rows), PS1_ASTROMETRY_ARCSEC / ARCSEC_PER_DEG)
        values.update(RA_err=error, DEC_err=error)
    for k, band in enumerate(BANDS):
        mag = catalogue.mag[rows, k]
        if lean:
            lost = np.isnan(mag) | (rng.random(len(mag)) < 0.005)
            mag = np.where(lost, rng.choice([np.nan, -999.0, 0.0], len(mag)), mag)
        values[band] = mag
        if not lean:
            values[band + '_err'] = catalogue.err[rows, k]
    table = np.empty(len(rows), [(name, kind) for name in values])
    for name, column in values.items():
        table[name] = column
    return table


def write_catalogue(root, catalogues, rng, *, build='full', missing=()):
    """Write SkyTable.fits and the region files of some Catalogues below `root`.

    build : full, lean, or mixed, which alternates from region to region.
    missing : cells that the index names and that have no file.
    """
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    whole = Catalogue(*(np.concatenate([getattr(c, name) for c in catalogues])
                        for name in ('ra_deg', 'dec_deg', 'mag', 'err')), valid=np.empty((0, 5), bool))
    cells = cell_of(whole.ra_deg, whole.dec_deg)
    listed, member = np.unique(cells, axis=0, return_inverse=True)
    order = np.argsort(member.ravel(), kind='stable')
    starts = np.searchsorted(member.ravel()[order], np.arange(len(listed) + 1))
    index = []
    for k, cell in enumerate(map(tuple, listed.tolist())):
        if cell[0] < 0:
            continue
        lean = build == 'lean' or (build == 'mixed' and k % 2 == 1)
        name = f'dec{cell[0]:02d}/region{cell[1]:03d}'
        index.append((*cell_limits(cell, negative=build == 'lean'), name if lean else name + '.fits'))
        if cell in missing:
            continue
        table = region_table(whole, rng.permutation(order[starts[k]:starts[k + 1]]), lean=lean, rng=rng)
        write_bytes(root / f'{name}.fits', table_bytes(table))
    write_sky_table(root / 'SkyTable.fits', index, parents=build == 'lean')


def write_sky_table(path, index, *, parents):
    """The index of regions; with `parents` NULs pad the names and two entries name no file (PARENT 0 and 25)."""
    dtype = [(name, np.float64) for name in ('R_MIN', 'R_MAX', 'D_MIN', 'D_MAX')] + [('NAME', 'S40')]
    if parents:
        dtype.append(('PARENT', np.int32))
        rows = [(*row, 1 + k % 24) for k, row in enumerate(index)]
        rows += [(0.0, 360.0, FOOTPRINT_DEC_DEG, 90.0, 'root', 0), (0.0, 360.0, FOOTPRINT_DEC_DEG, 90.0, 'fine', 25)]
    else:
        rows = [(*row[:4], f'{row[4]:<40}') for row in index]
    write_bytes(path, table_bytes(np.array(rows, dtype), name='SKY_REGION'))


def table_bytes(table, name=None):
    """A FITS file with one binary table, as bytes."""
    buffer = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table, name=name)]).writeto(buffer)
    return buffer.getvalue()


def write_bytes(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# --- a night

@dataclass(frozen=True)
class Field:
    """A place on the sky that a night goes to: density of stars to r = 20, slope of counts, empty hole [deg]."""

    name: str
    regime: str
    ra_deg: float
    dec_deg: float
    stars_per_sqdeg: float
    counts_slope: float = 0.24
    hole_deg: float = 0.0


FIELDS = (
    Field('cosmos', 'ordinary', 150.12, 2.21, 2300.0),
    Field('eri', 'ordinary', 52.9, -18.7, 2000.0),
    Field('virgo', 'ordinary', 186.3, 12.7, 2400.0),
    Field('aqr', 'ordinary', 329.4, -12.9, 3500.0),
    Field('her', 'ordinary', 250.4, 27.2, 4000.0),
    Field('vul', 'plane', 292.3, 18.6, 150000.0, 0.30),
    Field('sgr', 'plane', 274.7, -16.2, 120000.0, 0.30),
    Field('mon', 'plane', 104.3, -4.4, 105000.0, 0.30),
    Field('sgp', 'sparse', 12.9, -26.1, 1600.0, 0.20),
    Field('ngp', 'sparse', 194.8, 27.4, 1600.0, 0.20),
    Field('wrap-east', 'wrap', 0.04, 4.9, 2600.0),
    Field('wrap-west', 'wrap', 359.83, -9.1, 2600.0),
    Field('polaris', 'pole', 38.0, 89.0, 3500.0),
    Field('pole', 'pole', 211.0, 89.85, 3500.0),
    Field('m44', 'wide', 130.1, 19.7, 2500.0),
    Field('orion', 'wide', 83.4, -1.6, 3200.0),
    Field('gap-north', 'incomplete', 232.1, 10.12, 3000.0),
    Field('gap-south', 'incomplete', 63.2, -20.11, 3000.0),
    Field('south', 'outside', 201.4, -44.6, 4000.0),
    Field('void', 'empty', 30.2, -14.9, 3000.0, hole_deg=1.0),
)
REGIMES = {  # share of a night, camera types that go there; the last two serve planted defects only
    'ordinary': (0.52, ('fl', 'fa', 'fs', 'ep', 'kb')), 'plane': (0.12, ('fl', 'fa', 'fs', 'ep')),
    'sparse': (0.09, ('fs', 'ep', 'kb')), 'wrap': (0.10, ('fl', 'fa', 'fs', 'ep', 'sq')),
    'pole': (0.07, ('fl', 'fa', 'sq')), 'wide': (0.07, ('sq',)), 'incomplete': (0.03, ('fl', 'fa')),
    'outside': (0.0, ('fl', 'fa')), 'empty': (0.0, ('fl', 'fa')),
}
DEFECTS = ('file-unreadable', 'header-incomplete', 'filter-not-served', 'not-science', 'too-few-stars', 'wcs-failed',
           'exposure-too-short', 'defocused', 'no-source-catalogue', 'outside-footprint', 'no-reference-stars')
DEFECT_REGIME = {'outside-footprint': 'outside', 'no-reference-stars': 'empty'}
DEFECT_CARDS = {  # one form or two of each
    'wcs-failed': ({'WCSERR': 4},), 'defocused': ({'FOCOBOFF': 2.0},),
    'not-science': ({'OBSTYPE': 'BIAS'}, {'OBSTYPE': 'SKYFLAT'}),
    'header-incomplete': ({'EXPTIME': None}, {'INSTRUME': None}),
}
EXPOSURES_S = (60.0, 80.0, 120.0, 180.0, 240.0, 300.0)
SPARSE_EXPOSURE_S, SHORT_EXPOSURE_S = 60.0, 30.0
CLOUD_MAG = 7.0  # leaves next to nothing


def allot(n, shares, rng):
    """n labels in random order, as many of each as its share says (largest remainders); shares is a dict."""
    names = list(shares)
    exact = n * np.array([shares[name] for name in names]) / sum(shares.values())
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind='stable')[:n - counts.sum()]] += 1
    return [str(label) for label in rng.permutation(np.repeat(names, counts))]


def regime_places(sites, regimes):
    """For each regime the (station, field) pairs that these sites can reach; regimes without any are left out."""
    places = {}
    for regime in regimes:
        pairs = [(station, field) for station in STATIONS for field in FIELDS
                 if field.regime == regime and station.site in sites and station.camera[:2] in REGIMES[regime][1]
                 and abs(SITES[station.site][0] - field.dec_deg) < MAX_ZENITH_DEG]
        if pairs:
            places[regime] = pairs
    return places


def plan_night(n_frames, rng, *, sites=tuple(SITES), regimes=None, date='20200213', defect_share=0.08,
               twin_share=0.1, kron_shape='snr'):
    """Plan a night without making it: a list of n_frames PlannedFrame, sorted by exposure.

    defect_share : share of frames with a planted defect; kinds follow in the order of DEFECTS.
    Raises ValueError where no camera of the sites reaches any field of the regimes.
    """
    regimes = regimes or [name for name, (share, _) in REGIMES.items() if share > 0]
    places = regime_places(sites, [*regimes, *(r for r in DEFECT_REGIME.values() if r not in regimes)])
    shares = {name: max(REGIMES[name][0], 0.01) for name in regimes if name in places}
    if not shares:
        raise ValueError(f'no camera of {",".join(sites)} reaches a field of {",".join(regimes)}')
    kinds = [d for d in DEFECTS if DEFECT_REGIME.get(d, next(iter(shares))) in places]
    n_defects = round(defect_share * n_frames)
    planted = [kinds[k % len(kinds)] for k in range(n_defects)]
    slots = [None] * (n_frames - n_defects)
    labels = [(DEFECT_REGIME.get(d, next(iter(shares))), d, planted[:k].count(d)) for k, d in enumerate(planted)]
    labels += [(regime, None, 0) for regime in allot(len(slots), shares, rng)] if slots else []
    stations = draw_stations(rng)
    drafts = [draft_frame(*label, places, stations, date, kron_shape, rng) for label in labels]
    return number_frames(drafts, twin_share, rng)


def draw_stations(rng):
    """How each station is tonight: dust [mag] per telescope, and colour term and offset per camera and filter."""
    dust = {(s.site, s.tag): rng.uniform(0.0, 0.38) for s in STATIONS}
    state = {}
    for s in STATIONS:
        for filter_name in EXTINCTION:
            state[s.camera, filter_name] = (dust[s.site, s.tag] + rng.uniform(0.0, 0.02),
                                            float(np.clip(rng.normal(0, 0.035), -0.08, 0.08)))
    return state


def draft_frame(regime, defect, occurrence, places, stations, date, kron_shape, rng):
    """One frame of a night, still without a number."""
    station, field = places[regime][rng.integers(len(places[regime]))]
    spec = draft_spec(regime, station, field, rng)
    if defect == 'filter-not-served':
        spec = replace(spec, filter_name=('w', 'B')[occurrence % 2])
    if defect == 'exposure-too-short':
        spec = replace(spec, exptime_s=SHORT_EXPOSURE_S)
    if defect == 'too-few-stars':
        spec = replace(spec, transparency_mag=CLOUD_MAG)
    dust, colorterm = stations[station.camera, spec.filter_name]
    spec = replace(spec, zp_mag=round(spec.true_zp_mag - dust, 4), colorterm=round(colorterm, 4),
                   kron_shape=kron_shape)
    quirks = draw_quirks(spec.pipeline, rng)
    if defect in DEFECT_CARDS:
        quirks.update(DEFECT_CARDS[defect][occurrence % len(DEFECT_CARDS[defect])])
    dateobs = local_midnight(date, station.site) + timedelta(hours=rng.uniform(-4.8, 4.8))
    dateobs = dateobs.isoformat(timespec='milliseconds')
    return PlannedFrame(station, spec, field.name, regime, defect, occurrence, '', date, dateobs, quirks,
                        bool(rng.random() < 0.3), False)


def draft_spec(regime, station, field, rng):
    """The FieldSpec of a frame of a night: filter, exposure, air, cloud, optics, version of the pipeline."""
    filters = ('zs',) if regime == 'sparse' and station.model.telescope_class == '2m0' else station.model.filters
    zenith = np.radians(abs(SITES[station.site][0] - field.dec_deg))
    cropped = station.camera[:2] in ('fl', 'fa') and field.stars_per_sqdeg > 1e5 and rng.random() < 0.3
    return FieldSpec(
        camera=station.camera[:2], filter_name=str(rng.choice(filters)),
        exptime_s=SPARSE_EXPOSURE_S if regime == 'sparse' else float(rng.choice(EXPOSURES_S)),
        ra_deg=field.ra_deg, dec_deg=field.dec_deg, stars_per_sqdeg=field.stars_per_sqdeg,
        counts_slope=field.counts_slope, airmass=round(min(1 / np.cos(zenith) * (1 + rng.exponential(0.12)), 2.6), 4),
        transparency_mag=min(rng.exponential(0.25), 0.8) if rng.random() < 0.1 else 0.0,
        sky_brightening_mag=rng.uniform(0, 1.5),
        distortion_arcsec=station.model.distortion_arcsec * rng.uniform(0.6, 1.0),
        rotation_deg=rng.uniform(-1, 1) + float(rng.choice([0, 90, 180, 270])), parity=int(rng.choice([-1, 1])),
        pipeline=str(rng.choice(PIPELINES)), crop=(1500, 1500) if cropped else None)


def draw_quirks(pipeline, rng):
    """Header cards that are odd in some frames, as they are in real ones; None for a missing card."""
    quirks = {}
    if rng.random() < 0.05:
        quirks['AIRMASS'] = str(rng.choice(['UNKNOWN', 'N/A']))
    if rng.random() < 0.03:
        quirks['L1FWHM'] = 'NaN'
    for key, share in (('FOCOBOFF', 0.15), ('WCSERR', 0.04), ('MAXLIN', 0.05)):
        if rng.random() < share:
            quirks[key] = None
    if 'MAXLIN' not in quirks or flag_values(pipeline) is FLAGS_NEW:  # else nothing would tell of saturation
        forms = ({}, {'SATURATE': None}, {'SATURATE': 0.0}, {'SATURATE': 'N/A'})
        quirks.update(forms[rng.choice(len(forms), p=[0.88, 0.06, 0.03, 0.03])])
    return quirks


def local_midnight(date, site):
    """UTC of mean local midnight in the night (local noon to local noon) that begins on a date YYYYMMDD."""
    day = datetime.strptime(date, '%Y%m%d').replace(tzinfo=UTC)
    return (day + timedelta(days=1, hours=-SITES[site][1] / 15)).replace(tzinfo=None)


def number_frames(drafts, twin_share, rng):
    """Give drafts the running numbers of their cameras, in order of time, and some of them a quick-look twin."""
    last, frames = {}, []
    for draft in sorted(drafts, key=lambda d: (d.station.camera, d.dateobs)):
        camera = draft.station.camera
        last[camera] = last.get(camera, int(rng.integers(15, 120))) + int(rng.integers(1, 4))
        exposure = f'{draft.station.site}{draft.station.tag}-{camera}-{draft.dayobs}-{last[camera]:04d}'
        twin = draft.defect is None and bool(rng.random() < twin_share)
        frames.append(replace(draft, exposure=exposure, twin=twin))
    return sorted(frames, key=lambda f: f.exposure)


def truth_of(plan, frame):
    """The record of one frame in truth.json."""
    return {
        'name': plan.name(91), 'path': plan.path(91).as_posix(), 'site': plan.station.site,
        'enclosure': plan.station.enclosure, 'telescope': plan.station.telescope, 'camera': plan.station.camera,
        'filter': plan.spec.filter_name, 'dateobs': plan.dateobs, 'exptime_s': plan.spec.exptime_s,
        'airmass': plan.spec.airmass, 'zp': plan.spec.true_zp_mag, 'colorterm': plan.spec.colorterm,
        'kron_amplitude_mag': round(frame.kron_amplitude_mag, 4), 'n_rows': len(frame.star),
        'n_usable': frame.n_usable, 'measurable': plan.defect is None and frame.n_usable >= MIN_USABLE,
        'defect': plan.defect, 'regime': plan.regime, 'field': plan.field, 'twin': plan.twin,
        'pipeline': plan.spec.pipeline, 'quirks': plan.quirks,
    }


def field_sky(field, plans, rng):
    """Sky, Catalogue and the cells without a file, for all frames of a night in one field."""
    radius = max(plan.spec.model.half_diagonal_deg for plan in plans) + 0.1
    sky = draw_sky(plans[0].spec, rng, radius_deg=max(radius, 1.5 * field.hole_deg))
    catalogue = dig_hole(draw_catalogue(sky, rng), sky, field)
    cells = cell_of(sky.ra_deg, sky.dec_deg)
    there, lost = cells[:, 0] >= 0, set()
    if field.regime == 'incomplete':
        away = cells[(cells != cell_of([field.ra_deg], [field.dec_deg])).any(axis=1)]
        names, counts = np.unique(away, axis=0, return_counts=True)
        gap = names[counts.argmax()]
        there, lost = there & (cells != gap).any(axis=1), {tuple(gap.tolist())}
    return sky, replace(catalogue, valid=catalogue.valid & there[:, None]), lost


def dig_hole(catalogue, sky, field):
    """The Catalogue without its rows in the hole of a field."""
    keep = separation_deg(catalogue.ra_deg, catalogue.dec_deg, field.ra_deg, field.dec_deg) >= field.hole_deg
    outside = separation_deg(sky.ra_deg, sky.dec_deg, field.ra_deg, field.dec_deg) >= field.hole_deg
    rows = (getattr(catalogue, name)[keep] for name in ('ra_deg', 'dec_deg', 'mag', 'err'))
    return Catalogue(*rows, valid=catalogue.valid & outside[:, None])


def write_night(out, plans, rng, *, build='full', pixels=True):
    """Write the frames of a plan, their catalogue and nothing else below `out`; returns records for truth.json.

    The seed of a frame follows from its place in the plan, so that no frame depends on how another one was made.
    """
    out = Path(out)
    frame_rngs = dict(zip((plan.exposure for plan in plans), rng.spawn(len(plans)), strict=True))
    fields = [field for field in FIELDS if any(plan.field == field.name for plan in plans)]
    records, catalogues, missing = {}, [], set()
    for field, field_rng in zip(fields, rng.spawn(len(fields)), strict=True):
        here = [plan for plan in plans if plan.field == field.name]
        sky, catalogue, lost = field_sky(field, here, field_rng)
        catalogues.append(catalogue)
        missing |= lost
        for plan in here:
            frame = observe(sky, catalogue.valid, plan.spec, frame_rngs[plan.exposure])
            for level in (91, 11) if plan.twin else (91,):
                write_bytes(out / plan.path(level), frame_bytes(plan, frame, level, pixels=pixels))
            records[exposure_of(plan.name(91))] = truth_of(plan, frame)
    write_catalogue(out / 'ps1', catalogues, rng.spawn(1)[0], build=build, missing=missing)
    return dict(sorted(records.items()))


def night(args):
    """The command `night`: plan, write, and say what was written."""
    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise ValueError(f'{args.out} is not an empty directory')
    rng = np.random.default_rng(args.seed)
    plans = plan_night(args.frames, rng, sites=args.sites, regimes=args.regimes, date=args.date,
                       defect_share=args.defects, twin_share=args.twins, kron_shape=args.kron_shape)
    records = write_night(args.out, plans, rng, build=args.catalogue, pixels=args.pixels)
    write_truth(args.out / 'truth.json', {'seed': args.seed, 'frames': records})
    measurable = sum(record['measurable'] for record in records.values())
    defects = sum(record['defect'] is not None for record in records.values())
    print(f'{len(records)} frames in {args.out}: {measurable} measurable, {defects} with a planted defect, '
          f'{len(records) - measurable - defects} with fewer than {MIN_USABLE} usable stars')


def years(args):
    """The command `years`: zeropoints of a fleet into a new database, truth and events beside it."""
    from photdbinterface import PhotDatabase

    nature = simulatedyears.Nature(REFERENCE_ZP, EXTINCTION, SITES)
    spec = simulatedyears.Spec(args.seed, args.telescopes, args.years, args.filters, args.photometric,
                               args.one_per_night, args.start)
    fleet = list(simulatedyears.simulate(spec, nature))
    PhotDatabase(args.database).close()  # makes the tables
    rows = simulatedyears.write_database(args.database, fleet, spec)
    truth = args.truth or args.database.with_name(f'{args.database.stem}-truth.json')
    simulatedyears.write_truth(truth, fleet, spec, nature)
    print(f'{rows} rows of {len(fleet)} telescopes in {args.database}, truth in {truth}, '
          f'events by --observatory {truth.with_name(simulatedyears.OVERLAY_NAME)}')


def write_truth(path, truth):
    path.write_text(json.dumps(truth, indent=1, sort_keys=True) + '\n', encoding='utf-8')


# --- command line

def name_list(known):
    """A type for argparse: a comma list of known names."""
    def names(text):
        parts = tuple(part.strip() for part in text.split(',') if part.strip())
        unknown = [part for part in parts if part not in known]
        if unknown or not parts:
            raise argparse.ArgumentTypeError(f'{",".join(unknown) or "nothing"}: choose from {", ".join(known)}')
        return parts
    return names


def share(text):
    """A type for argparse: a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not between 0 and 1')
    return value


def day(text):
    """A type for argparse: a date YYYYMMDD."""
    try:
        return datetime.strptime(text, '%Y%m%d').replace(tzinfo=UTC).strftime('%Y%m%d')
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text} is not a date YYYYMMDD') from None


def iso_day(text):
    """A type for argparse: a date YYYY-MM-DD."""
    try:
        return datetime.strptime(text, '%Y-%m-%d').replace(tzinfo=UTC).strftime('%Y-%m-%d')
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text} is not a date YYYY-MM-DD') from None


def count(text):
    """A type for argparse: a whole number above 0."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return value


def build_parser():
    parser = argparse.ArgumentParser(description='A synthetic observatory with known truth.')
    commands = parser.add_subparsers(dest='command', required=True)
    add = commands.add_parser('night', help='frames of one night, a PS1 catalogue and truth.json')
    add.set_defaults(run=night)
    add.add_argument('out', metavar='OUT', type=Path, help='directory to write to, new or empty')
    add.add_argument('--frames', type=count, default=200, metavar='N', help='number of exposures (default: 200)')
    add.add_argument('--seed', type=int, default=1, metavar='S', help='the same seed gives the same files (default: 1)')
    add.add_argument('--sites', type=name_list(SITES), default=tuple(SITES), metavar='SITE[,SITE]',
                     help=f'sites that observe (default: {",".join(SITES)})')
    add.add_argument('--date', type=day, default='20200213', metavar='YYYYMMDD', help='the night (default: 20200213)')
    add.add_argument('--regimes', type=name_list(REGIMES), metavar='NAME[,NAME]',
                     help='kinds of fields (default: all, in a natural mixture): ' + ', '.join(REGIMES))
    add.add_argument('--defects', type=share, default=0.08, metavar='SHARE',
                     help='share of frames with a planted defect (default: 0.08)')
    add.add_argument('--twins', type=share, default=0.1, metavar='SHARE',
                     help='share of frames with a quick-look twin e11 (default: 0.1)')
    add.add_argument('--kron-shape', choices=KRON_SHAPES, default='snr',
                     help='how the loss of Kron fluxes goes with brightness (default: snr)')
    add.add_argument('--catalogue', choices=('full', 'lean', 'mixed'), default='full',
                     help='columns of the PS1 files: float64 with errors, float32 without, or in turn (default: full)')
    add.add_argument('--pixels', action=argparse.BooleanOptionalAction, default=True,
                     help='write compressed images of the true shape (default), or headers without pixels')
    add = commands.add_parser('years', help='years of zeropoints of a fleet in a database, and their truth')
    add.set_defaults(run=years)
    add.add_argument('database', metavar='DATABASE', type=Path, help='SQLite file to write to, new or without rows')
    add.add_argument('--seed', type=int, default=1, metavar='S', help='the same seed gives the same rows (default: 1)')
    add.add_argument('--telescopes', type=count, default=len(simulatedyears.TELESCOPES), metavar='N',
                     help='number of telescopes (default: all %(default)s)')
    add.add_argument('--years', type=float, default=4.0, metavar='Y', help='how long (default: 4)')
    add.add_argument('--filters', type=name_list(simulatedyears.FILTER_FACTOR), metavar='F[,F]',
                     default=tuple(simulatedyears.FILTER_FACTOR), help='default: all of gp,rp,ip,zp')
    add.add_argument('--photometric', type=share, default=0.6, metavar='SHARE',
                     help='share of nights without cloud (default: 0.6)')
    add.add_argument('--one-per-night', action='store_true', help='one exposure per night and filter')
    add.add_argument('--start', type=iso_day, default='2016-01-01', metavar='YYYY-MM-DD',
                     help='first night (default: 2016-01-01)')
    add.add_argument('--truth', type=Path, metavar='FILE', help='default: DATABASE without its ending, and -truth.json')
    return parser


def main(argv=None):
    """Run a command; returns the exit status: 0 done, 2 could not run."""
    args = build_parser().parse_args(argv)
    try:
        args.run(args)
    except (ValueError, OSError, DatabaseUnusable) as error:
        print(f'simulation.py: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
