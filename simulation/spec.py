"""What a simulated frame is drawn from: sites, filters, cameras, flags of the pipeline, and a FieldSpec of it all."""

from dataclasses import dataclass

import numpy as np

ARCSEC_PER_DEG = 3600.0
BANDS = ('g', 'r', 'i', 'z', 'y')  # order of the magnitudes in every (n, 5) array of PS1 magnitudes
_BAND_OF_FILTER = {'gp': 'g', 'rp': 'r', 'ip': 'i', 'zp': 'z', 'zs': 'z', 'w': 'r', 'B': 'g'}  # w, B: flux only

SITES = {  # latitude, longitude [deg]
    'coj': (-31.273, 149.071), 'cpt': (-32.381, 20.810), 'elp': (30.680, -104.015), 'lsc': (-30.167, -70.805),
    'ogg': (20.707, -156.258), 'tfn': (28.300, -16.512),
}
# Zeropoints [mag] of a healthy telescope at airmass 1 and extinction [mag/airmass]; B, w: any plausible number serves.
REFERENCE_ZP = {
    '1m0': {'gp': 24.3, 'rp': 23.8, 'ip': 23.5, 'zp': 22.2, 'zs': 22.2, 'w': 25.0, 'B': 23.5},
    '2m0': {'gp': 25.4, 'rp': 25.35, 'ip': 25.5, 'zp': 24.3, 'zs': 24.3, 'w': 26.5, 'B': 24.6},
    '0m4': {'gp': 21.8, 'rp': 21.2, 'ip': 20.1, 'zp': 18.4, 'zs': 18.4, 'w': 22.5, 'B': 21.0},
}
EXTINCTION = {'gp': 0.14, 'rp': 0.08, 'ip': 0.06, 'zp': 0.04, 'zs': 0.04, 'w': 0.1, 'B': 0.23}
DARK_SKY = {'gp': 21.9, 'rp': 20.9, 'ip': 19.9, 'zp': 18.9, 'zs': 18.9, 'w': 20.9, 'B': 22.4}  # [mag/arcsec^2]
SEEING_ARCSEC = {'1m0': (1.4, 2.6), '2m0': (0.9, 1.8), '0m4': (2.0, 3.4)}  # median of the real 1m frame: 2.1
_USABLE_SNR = 50.0  # Kron fluxes of the two real frames have lost 0.05 mag there, and 0.09 at 25
KRON_SHAPES = ('snr', 'mag', 'inverse', 'none')

# Bits of the flag column since BANZAI 1.15.0, and before: those of SEP, where an edge truncates object and aperture
# (2 and 16), and saturation and cosmic rays have none.
FLAGS_NEW = {'bad': 1, 'blend': 2, 'saturated': 4, 'edge': 8, 'cosmic': 16, 'negative': 0}
_FLAGS_OLD = {'bad': 32, 'blend': 1, 'saturated': 0, 'edge': 18, 'cosmic': 0, 'negative': 128}


@dataclass(frozen=True, kw_only=True)
class CameraModel:
    """A kind of camera.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx) of the image [pixel].
    pixel_arcsec : float
        Pixel scale.
    telescope_class : str
        '1m0', '2m0' or '0m4'.
    full_well_e, read_noise_e : float
        Of the detector, in electrons.
    distortion_arcsec : float
        In the corner of the image.
    filters : tuple of str
        Filters in front of it.
    """

    shape: tuple[int, int]
    pixel_arcsec: float
    telescope_class: str
    full_well_e: float
    read_noise_e: float
    distortion_arcsec: float
    filters: tuple[str, ...] = ('gp', 'rp', 'ip', 'zs')

    @property
    def half_diagonal_deg(self) -> float:
        """Distance from the centre of the image to a corner.

        Returns
        -------
        float
            In degrees.
        """
        return float(np.hypot(*self.shape) / 2 * self.pixel_arcsec / ARCSEC_PER_DEG)


_SINISTRO = CameraModel(shape=(4096, 4096), pixel_arcsec=0.389, telescope_class='1m0', full_well_e=140000.0,
                        read_noise_e=8.0, distortion_arcsec=3.0, filters=('gp', 'rp', 'ip', 'zp', 'zs'))
CAMERAS = {  # by the first two letters of a camera's name
    'fl': _SINISTRO,
    'fa': _SINISTRO,
    'fs': CameraModel(shape=(2048, 2048), pixel_arcsec=0.304, telescope_class='2m0', full_well_e=110000.0,
                      read_noise_e=11.0, distortion_arcsec=1.5),
    'ep': CameraModel(shape=(2048, 2048), pixel_arcsec=0.267, telescope_class='2m0', full_well_e=90000.0,
                      read_noise_e=10.0, distortion_arcsec=1.0),
    'kb': CameraModel(shape=(2048, 3072), pixel_arcsec=0.571, telescope_class='0m4', full_well_e=60000.0,
                      read_noise_e=14.0, distortion_arcsec=2.5),
    'sq': CameraModel(shape=(6388, 9576), pixel_arcsec=0.734, telescope_class='0m4', full_well_e=50000.0,
                      read_noise_e=4.0, distortion_arcsec=5.0),
}


@dataclass(frozen=True, kw_only=True)
class FieldSpec:
    """One frame to simulate.

    Attributes
    ----------
    camera : str
        Key of CAMERAS.
    filter_name : str
        Key of EXTINCTION.
    exptime_s : float
        Exposure time.
    ra_deg, dec_deg : float
        Centre of the field.
    stars_per_sqdeg : float
        Number of stars brighter than r = 20.
    counts_slope : float
        Star counts rise as 10^(counts_slope m).
    airmass, transparency_mag : float
        Airmass, and depth of a grey cloud; both lower the reference zeropoint where `zp_mag` is None.
    zp_mag : float or None
        True zeropoint at (g-i)_sdss = 1; None for the reference of the telescope class.
    colorterm : float
        True colour term.
    seeing_arcsec : float or None
        None to draw it from SEEING_ARCSEC.
    sky_brightening_mag : float
        Moonlight: the sky is brighter than DARK_SKY by this.
    distortion_arcsec : float or None
        In the corner; None for that of the camera.
    pointing_arcsec : float
        Largest error of the astrometric solution along an axis.
    astrometric_noise_arcsec : float
        Scatter of single stars.
    rotation_deg, parity : float, int
        Orientation of the image; parity is 1 or -1.
    kron_shape : str
        One of KRON_SHAPES.
    kron_amplitude_mag : float or None
        Of the Kron loss; None to draw it.
    flat_scatter_mag : float
        Flat-field error of single stars.
    galaxy_fraction, variable_fraction, spurious_fraction : float
        Share of galaxies among faint objects, of variable objects, and of detections that are no stars.
    pipeline : str
        Version that decides what flags mean; '' for the oldest.
    crop : tuple of int or None
        (ny, nx) that the image is cut to.
    wcs_offset_arcsec, wcs_rotation_deg : float
        For studies: the solution is off by just that, in a random direction.
    biased_fraction : float
        For studies: share of stars that are brighter than their catalogue says.
    cloud_mag : float
        For studies: half range over the field of a thin cloud whose mean is 0.
    colours : tuple of float or None
        For studies: limits of (g-i)_PS1 of all stars.
    catalogue_missing : float
        For studies: share of objects that the catalogue lacks.
    usable_snr : float
        Signal-to-noise ratio of the faintest usable star.
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
    usable_snr: float = _USABLE_SNR

    @property
    def model(self) -> CameraModel:
        """The kind of camera.

        Returns
        -------
        CameraModel
            That of CAMERAS.
        """
        return CAMERAS[self.camera]

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the image.

        Returns
        -------
        tuple of int
            (ny, nx) [pixel], after the crop.
        """
        return self.crop or self.model.shape

    @property
    def band(self) -> int:
        """PS1 band of the filter.

        Returns
        -------
        int
            Index in BANDS.
        """
        return BANDS.index(_BAND_OF_FILTER[self.filter_name])

    @property
    def true_zp_mag(self) -> float:
        """True zeropoint of this frame.

        Returns
        -------
        float
            `zp_mag`, or the reference of the telescope class less extinction and cloud [mag].
        """
        if self.zp_mag is not None:
            return self.zp_mag
        healthy = REFERENCE_ZP[self.model.telescope_class][self.filter_name]
        return healthy - EXTINCTION[self.filter_name] * (self.airmass - 1) - self.transparency_mag


def flag_values(pipeline: str) -> dict[str, int]:
    """Bits of the flag column in a version of the pipeline.

    Parameters
    ----------
    pipeline : str
        Version; '' for the oldest.

    Returns
    -------
    dict
        Bits by the name of the defect.
    """
    return FLAGS_NEW if version_of(pipeline) >= (1, 15) else _FLAGS_OLD


def version_of(pipeline: str) -> tuple[int, ...]:
    """Numbers of a version, which compare as versions do.

    Parameters
    ----------
    pipeline : str
        Version; '' for the oldest.

    Returns
    -------
    tuple of int
        Its parts; (0,) for the oldest.
    """
    return tuple(int(part) for part in pipeline.split('.')) if pipeline else (0,)
