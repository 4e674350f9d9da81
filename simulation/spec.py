"""What a simulated frame is drawn from: filters, kinds of cameras, flags of the pipeline, and a FieldSpec of it all."""

from dataclasses import dataclass

import numpy as np

ARCSEC_PER_DEG = 3600.0
BANDS = ('g', 'r', 'i', 'z', 'y')  # order of the magnitudes in every (n, 5) array of PS1 magnitudes
BAND_OF_FILTER = {'gp': 'g', 'rp': 'r', 'ip': 'i', 'zp': 'z', 'zs': 'z', 'w': 'r', 'B': 'g'}  # w, B: flux only

# Zeropoints [mag] of a healthy telescope at airmass 1 and extinction [mag/airmass]; B, w: any plausible number serves.
REFERENCE_ZP = {
    '1m0': {'gp': 24.3, 'rp': 23.8, 'ip': 23.5, 'zp': 22.2, 'zs': 22.2, 'w': 25.0, 'B': 23.5},
    '2m0': {'gp': 25.4, 'rp': 25.35, 'ip': 25.5, 'zp': 24.3, 'zs': 24.3, 'w': 26.5, 'B': 24.6},
    '0m4': {'gp': 21.8, 'rp': 21.2, 'ip': 20.1, 'zp': 18.4, 'zs': 18.4, 'w': 22.5, 'B': 21.0},
}
EXTINCTION = {'gp': 0.14, 'rp': 0.08, 'ip': 0.06, 'zp': 0.04, 'zs': 0.04, 'w': 0.1, 'B': 0.23}
DARK_SKY = {'gp': 21.9, 'rp': 20.9, 'ip': 19.9, 'zp': 18.9, 'zs': 18.9, 'w': 20.9, 'B': 22.4}  # [mag/arcsec^2]
SEEING_ARCSEC = {'1m0': (1.4, 2.6), '2m0': (0.9, 1.8), '0m4': (2.0, 3.4)}  # median of the real 1m frame: 2.1
USABLE_SNR = 50.0  # Kron fluxes of the two real frames have lost 0.05 mag there, and 0.09 at 25
KRON_SHAPES = ('snr', 'mag', 'inverse', 'none')

# What a flag is called since BANZAI 1.15.0, and before: the bits of SEP, where an edge truncates object and aperture
# (2 and 16), and saturation and cosmic rays have none.
FLAGS_NEW = {'bad': 1, 'blend': 2, 'saturated': 4, 'edge': 8, 'cosmic': 16, 'negative': 0}
FLAGS_OLD = {'bad': 32, 'blend': 1, 'saturated': 0, 'edge': 18, 'cosmic': 0, 'negative': 128}


@dataclass(frozen=True)
class CameraModel:
    """A kind of camera: image shape (ny, nx), pixel scale, telescope class, detector in electrons, optics."""

    shape: tuple[int, int]
    pixel_arcsec: float
    telescope_class: str
    full_well_e: float
    read_noise_e: float
    distortion_arcsec: float  # in the corner
    filters: tuple[str, ...]

    @property
    def half_diagonal_deg(self) -> float:
        """From the centre of the image to a corner [deg]."""
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


@dataclass(frozen=True)
class FieldSpec:
    """One frame to simulate.  None means: the usual value of the camera and filter, or a draw where one is usual.

    stars_per_sqdeg counts stars brighter than r = 20; `camera` is a key of CAMERAS; `pointing_arcsec` is the largest
    error of the solution along an axis; `crop` cuts the image to (ny, nx); `pipeline` is the version that decides what
    flags mean; `airmass` and a cloud of `transparency_mag` take from the reference zeropoint where `zp_mag` is None.
    For studies: `wcs_offset_arcsec` and `wcs_rotation_deg` put the solution off by just that, in a random direction;
    `biased_fraction` of the stars are brighter than their catalogue says; `cloud_mag` is the half range of a thin
    cloud over the field, whose mean is 0; `colours` are limits of (g-i)_PS1 for all stars; `catalogue_missing` is the
    share of rows that the catalogue lacks; `usable_snr` is the signal-to-noise of the faintest usable star.
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
    crop: tuple[int, int] | None = None
    wcs_offset_arcsec: float = 0.0
    wcs_rotation_deg: float = 0.0
    biased_fraction: float = 0.0
    cloud_mag: float = 0.0
    colours: tuple[float, float] | None = None
    catalogue_missing: float = 0.0
    usable_snr: float = USABLE_SNR

    @property
    def model(self) -> CameraModel:
        """The kind of camera."""
        return CAMERAS[self.camera]

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx) of the image [pixel], cropped where it is."""
        return self.crop or self.model.shape

    @property
    def band(self) -> int:
        """Index of the filter's band in BANDS."""
        return BANDS.index(BAND_OF_FILTER[self.filter_name])

    @property
    def true_zp_mag(self) -> float:
        """Zeropoint of this frame [mag]: planted, or the reference of the telescope class through this much air."""
        if self.zp_mag is not None:
            return self.zp_mag
        healthy = REFERENCE_ZP[self.model.telescope_class][self.filter_name]
        return healthy - EXTINCTION[self.filter_name] * (self.airmass - 1) - self.transparency_mag


def flag_values(pipeline: str) -> dict[str, int]:
    """Names of defects to bits, as the pipeline of a version means them."""
    return FLAGS_NEW if version_of(pipeline) >= (1, 15) else FLAGS_OLD


def version_of(pipeline: str) -> tuple[int, ...]:
    """A version as a tuple of numbers; frames without one are the oldest."""
    return tuple(int(part) for part in pipeline.split('.')) if pipeline else (0,)
