"""One simulated frame: what a telescope, its camera and the pipeline make of a sky.

1. Zeropoint.  m_sdss = m_inst + zp + colorterm ((g-i)_sdss - 1) with m_inst = -2.5 log10(flux / exptime), flux in
   electrons.  To the true electrons come flat-field scatter, variability, blending, the Kron loss of faint stars,
   photon, sky and read noise, saturation, the detection limit, and detections that are no stars.  The true zp is the
   limit for bright stars.
2. Kron loss.  Kron ellipses of faint stars are too small.  On two real LCO frames the loss goes as A / sqrt(S/N), with
   A = 0.44 mag (1m, crowded field) and 0.24 mag (2m, sparse field); A is drawn from 0.2 to 0.5 for each frame.  Other
   shapes, normalised to a loss of 0.09 mag at i = 18 or S/N 26, are there to study what depends on the shape.
3. Astrometry.  The header has a linear TAN solution.  The stars follow a radial cubic distortion that it does not know,
   and the solution as a whole is off by up to 1.5", or by much more where a study asks for it.
"""

from dataclasses import dataclass

import numpy as np

from simulation.sky import (
    COLOUR_RANGE,
    PS1_SATURATION_MAG,
    Catalogue,
    Sky,
    draw_catalogue,
    draw_sky,
    gnomonic,
    ps1_to_sdss,
)
from simulation.spec import (
    ARCSEC_PER_DEG,
    DARK_SKY,
    FLAGS_NEW,
    KRON_SHAPES,
    SEEING_ARCSEC,
    FieldSpec,
    flag_values,
    version_of,
)

PIVOT_COLOUR = 1.0  # (g-i)_sdss at which zp holds [mag]


MOFFAT_BETA = 3.0  # wings of seeing-limited stars
PEAK_SHARE = (MOFFAT_BETA - 1) / np.pi * 4 * (2 ** (1 / MOFFAT_BETA) - 1)  # peak pixel / flux * FWHM^2 [pixel]
KRON_RADIUS_FWHM = 1.7  # aperture radius that gives fluxerr of the two real frames (1.4 and 2.0 FWHM)
DETECTION_SIGMA, DETECTION_WIDTH = 5.0, 0.4  # peak pixel over the noise of the sky: 5.4 and 7 on the real frames
MERGE_FWHM, TOUCH_FWHM, LEAK_FWHM = 1.0, 2.5, 3.5  # separations: one detection, flagged, light of the neighbour
KRON_LOSS_MAG, KRON_SNR, KRON_BRIGHT_I, KRON_FAINT_I = 0.09, 26.0, 13.0, 18.0  # real 1m frame, 250 s, ip
KRON_AMPLITUDE = (0.2, 0.5)  # A of A / sqrt(S/N) [mag]; measured 0.44 and 0.24
FLUX_BIAS_MAG = (0.05, 0.6)  # range of what stars of `biased_fraction` are too bright by
PS1_MARGIN_MAG = 0.5  # usable stars are fainter than saturation by this
USABLE_WELL = 0.85  # share of the full well: 0.9 of the smaller of SATURATE and MAXLIN = 0.95 SATURATE

EDGE_PIXELS = 8
FWHM_CLEAN_ONLY = (1, 25)  # about from here on fwhm is NaN where a source is flagged


@dataclass(frozen=True)
class SimulatedFrame:
    """One frame and its truth.

    columns : dict of the CAT table, arrays (k,).
    header : dict of SCI header cards.
    star : index (k,) of the object of the sky behind a row, -1 where there is none.
    usable : bool (k,), rows that deserve to be in a fit.
    """

    spec: FieldSpec
    columns: dict[str, np.ndarray]
    header: dict[str, str | float]
    star: np.ndarray
    usable: np.ndarray
    kron_amplitude_mag: float

    @property
    def n_usable(self) -> int:
        """How many rows deserve to be in a fit."""
        return int(self.usable.sum())


# --- from the sky to pixels

def attitude(spec: FieldSpec, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linear solution of a frame: CD matrix (2, 2) [deg], true centre and header centre (CRPIX) [pixel, 1-based]."""
    turn = np.radians(spec.rotation_deg)
    scale = spec.model.pixel_arcsec / ARCSEC_PER_DEG
    cd = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.diag([-spec.parity, 1])
    ny, nx = spec.shape
    centre = np.array([(nx + 1) / 2, (ny + 1) / 2])
    error = rng.uniform(-1, 1, 2) * spec.pointing_arcsec / spec.model.pixel_arcsec
    if spec.wcs_offset_arcsec:
        direction = rng.uniform(0, 2 * np.pi)
        far = spec.wcs_offset_arcsec / spec.model.pixel_arcsec
        error = error + np.array([np.cos(direction), np.sin(direction)]) * far
    return cd, centre, centre + error


def header_cd(spec: FieldSpec, cd: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The CD matrix as the header has it: turned by `wcs_rotation_deg` one way or the other."""
    if not spec.wcs_rotation_deg:
        return cd
    turn = np.radians(spec.wcs_rotation_deg) * rng.choice([-1, 1])
    return np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ cd


def cloud_mag(x: np.ndarray, y: np.ndarray, spec: FieldSpec, rng: np.random.Generator) -> np.ndarray:
    """Light lost [mag] (n,) to a thin cloud at pixels x, y: a gradient and a wave over the image, 0 in the mean."""
    ny, nx = spec.shape
    direction, phase = rng.uniform(0, 2 * np.pi, 2)

    def pattern(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        along = np.cos(direction) * (np.asarray(x) / nx - 0.5) + np.sin(direction) * (np.asarray(y) / ny - 0.5)
        return along + 0.3 * np.sin(2 * np.pi * along + phase)

    grid = pattern(*np.meshgrid(np.linspace(0, nx, 50), np.linspace(0, ny, 50)))
    return spec.cloud_mag * (pattern(x, y) - grid.mean()) / (np.ptp(grid) / 2)


def pixel_positions(ra_deg: np.ndarray, dec_deg: np.ndarray, spec: FieldSpec, cd: np.ndarray,
                    centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions x, y [pixel, 1-based] (n,) where the optics put the stars: TAN, then a radial cubic distortion."""
    plane = np.vstack(gnomonic(ra_deg, dec_deg, spec.ra_deg, spec.dec_deg))
    offset = np.linalg.solve(cd, plane)
    corner = np.hypot(*spec.model.shape) / 2
    amount = spec.model.distortion_arcsec if spec.distortion_arcsec is None else spec.distortion_arcsec
    stretch = 1 + amount / spec.model.pixel_arcsec / corner * np.sum((offset / corner) ** 2, axis=0)
    return centre[0] + offset[0] * stretch, centre[1] + offset[1] * stretch


# --- light, blends and measurement

def true_electrons(mag: np.ndarray, spec: FieldSpec) -> np.ndarray:
    """Electrons (n,) of objects with PS1 magnitudes (n, 5) in a frame of the planted zeropoint and colour term."""
    sdss = ps1_to_sdss(mag)
    colour = sdss[:, 0] - sdss[:, 2]
    m_inst = sdss[:, spec.band] - spec.true_zp_mag - spec.colorterm * (colour - PIVOT_COLOUR)
    return spec.exptime_s * 10 ** (-0.4 * m_inst)


def sky_electrons(spec: FieldSpec) -> float:
    """Electrons per pixel from the sky: dark sky and moonlight, seen by the same telescope."""
    surface = DARK_SKY[spec.filter_name] - spec.sky_brightening_mag
    per_arcsec2 = spec.exptime_s * 10 ** (-0.4 * (surface - spec.true_zp_mag))
    return per_arcsec2 * spec.model.pixel_arcsec ** 2


def kron_loss(snr: np.ndarray, i_mag: np.ndarray, shape: str, amplitude_mag: float) -> np.ndarray:
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


def merge_blends(x: np.ndarray, y: np.ndarray, flux: np.ndarray, radius: float) -> np.ndarray:
    """Index (n,) of the star that swallows each star: the brightest within `radius` [pixel], and so on upwards."""
    from scipy.spatial import cKDTree

    order = np.argsort(-flux, kind='stable')
    pairs = cKDTree(np.column_stack([x, y])[order]).query_pairs(radius, output_type='ndarray')
    host = np.arange(len(flux))
    np.minimum.at(host, pairs[:, 1], pairs[:, 0])
    while not np.array_equal(host, host[host]):
        host = host[host]
    merged = np.empty_like(host)
    merged[order] = order[host]
    return merged


def neighbour_light(x: np.ndarray, y: np.ndarray, flux: np.ndarray, fwhm: float) -> tuple[np.ndarray, np.ndarray]:
    """Light [electrons] (n,) that detections get from their neighbours, and bool (n,) whether they touch one."""
    from scipy.spatial import cKDTree

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

    def at(self, keep: np.ndarray) -> '_Detections':
        return _Detections(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


def noise_electrons(flux: np.ndarray | float, spec: FieldSpec, fwhm: float) -> np.ndarray:
    """Noise [electrons] (n,) of Kron fluxes: photons, and sky and read noise over the aperture."""
    area = np.pi * (KRON_RADIUS_FWHM * fwhm) ** 2
    return np.sqrt(np.maximum(flux, 0) + area * (sky_electrons(spec) + spec.model.read_noise_e ** 2))


def find_sources(sky: Sky, spec: FieldSpec, fwhm: float, cd: np.ndarray, centre: np.ndarray,
                 rng: np.random.Generator) -> _Detections:
    """The _Detections of a frame: what falls on the detector, blended, above the detection limit."""
    x, y = pixel_positions(sky.ra_deg, sky.dec_deg, spec, cd, centre)
    ny, nx = spec.shape
    star = np.flatnonzero((x > 0.5) & (x < nx + 0.5) & (y > 0.5) & (y < ny + 0.5))
    change = sky.variable_mag[star] * rng.uniform(-1, 1, len(star)) - sky.kron_excess_mag[star]
    change = change + rng.normal(0, spec.flat_scatter_mag, len(star))
    biased = rng.random(len(star)) < spec.biased_fraction if spec.biased_fraction else np.zeros(len(star), bool)
    if spec.biased_fraction:
        change = change - biased * rng.uniform(*FLUX_BIAS_MAG, len(star))
    if spec.cloud_mag:
        change = change + cloud_mag(x[star], y[star], spec, rng)
    flux = true_electrons(sky.mag[star], spec) * 10 ** (-0.4 * change)
    worth = flux > 1.5 * noise_electrons(0.0, spec, fwhm)  # fainter ones are part of the sky
    star, flux, biased, x, y = star[worth], flux[worth], biased[worth], x[star][worth], y[star][worth]
    host = merge_blends(x, y, flux, MERGE_FWHM * fwhm)
    total = np.bincount(host, weights=flux, minlength=len(flux))
    mean_x, mean_y = (np.bincount(host, weights=flux * v, minlength=len(flux)) for v in (x, y))
    seen = rng.random(len(flux)) < detection_probability(total, spec, fwhm)
    root = np.flatnonzero((host == np.arange(len(flux))) & seen)
    light, touched = neighbour_light(mean_x[root] / total[root], mean_y[root] / total[root], total[root], fwhm)
    return _Detections(star[root], mean_x[root] / total[root], mean_y[root] / total[root], total[root], light, touched,
                       (flux[root] > 0.997 * total[root]) & ~biased[root])


def detection_probability(flux: np.ndarray, spec: FieldSpec, fwhm: float) -> np.ndarray:
    """Share of stars of a flux [electrons] that are found: half where the peak pixel is 5 sigma above the sky."""
    from scipy.special import expit

    sigma = np.sqrt(sky_electrons(spec) + spec.model.read_noise_e ** 2)
    return expit((flux * PEAK_SHARE / fwhm ** 2 / sigma - DETECTION_SIGMA) / DETECTION_WIDTH)


def saturate(flux: np.ndarray, peak: np.ndarray, limit: float,
             rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flux and peak (n,) as a full well leaves them: peaks end on a plateau, some of the light is lost."""
    full = peak > limit
    plateau = limit * (1 + 0.005 * rng.standard_normal(len(flux)))
    return np.where(full, flux * np.where(full, peak / limit, 1) ** -0.4, flux), np.where(full, plateau, peak), full


def measure(found: _Detections, sky: Sky, spec: FieldSpec, fwhm: float, amplitude_mag: float,
            rng: np.random.Generator) -> dict[str, np.ndarray]:
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


def edge_distance(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Distance [pixel] (n,) to the nearest edge of an image of shape (ny, nx)."""
    return np.minimum(np.minimum(x - 0.5, shape[1] + 0.5 - x), np.minimum(y - 0.5, shape[0] + 0.5 - y))


def usable_stars(star: np.ndarray, seen: dict[str, np.ndarray], sky: Sky, valid: np.ndarray,
                 spec: FieldSpec) -> np.ndarray:
    """bool (k,): single, constant, clean stars in the range of colour, magnitude and signal that a fit may use."""
    colour = sky.mag[star, 0] - sky.mag[star, 2]
    bands = sorted({0, 2, spec.band})
    bright = (sky.mag[star][:, bands] < PS1_SATURATION_MAG[bands] + PS1_MARGIN_MAG).any(axis=1)
    well = seen['peak'] + sky_electrons(spec) < USABLE_WELL * spec.model.full_well_e
    single = ~sky.galaxy[star] & (sky.variable_mag[star] == 0) & ~seen['marred']
    inside = (colour > COLOUR_RANGE[0]) & (colour < COLOUR_RANGE[1])
    return single & inside & ~bright & well & (seen['snr'] > spec.usable_snr) & valid[star][:, bands].all(axis=1)


def spurious_sources(n_stars: int, spec: FieldSpec, fwhm: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
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


# --- the table and the whole frame

def cat_columns(seen: dict[str, np.ndarray], spec: FieldSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
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


def moffat_radius(share: float) -> float:
    """Radius, in units of the scale of the profile, that holds a share of the light."""
    return np.sqrt((1 - share) ** (1 / (1 - MOFFAT_BETA)) - 1)


def aperture_radii(spec: FieldSpec) -> np.ndarray:
    """Radii [pixel] of fluxaper1..6: diameters of 1 to 6"; twice that in the versions 1.15.0 to 1.16.0."""
    double = spec.pipeline in ('1.15.0', '1.16.0')
    return np.arange(1, 7) / 2 / spec.model.pixel_arcsec * (2 if double else 1)


def wcs_cards(spec: FieldSpec, cd: np.ndarray, crpix: np.ndarray) -> dict[str, str | float]:
    """Header cards of a linear TAN solution."""
    return {'CTYPE1': 'RA---TAN', 'CTYPE2': 'DEC--TAN', 'CUNIT1': 'deg', 'CUNIT2': 'deg',
            'CRVAL1': spec.ra_deg, 'CRVAL2': spec.dec_deg, 'CRPIX1': float(crpix[0]), 'CRPIX2': float(crpix[1]),
            'CD1_1': float(cd[0, 0]), 'CD1_2': float(cd[0, 1]), 'CD2_1': float(cd[1, 0]), 'CD2_2': float(cd[1, 1])}


def observe(sky: Sky, valid: np.ndarray, spec: FieldSpec, rng: np.random.Generator) -> SimulatedFrame:
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
    header = {**wcs_cards(spec, header_cd(spec, cd, rng), crpix), 'L1FWHM': round(fwhm * spec.model.pixel_arcsec, 3)}
    return SimulatedFrame(spec, columns, header, star, usable, float(amplitude))


def simulate_frame(spec: FieldSpec, rng: np.random.Generator) -> tuple[SimulatedFrame, Catalogue, Sky]:
    """One frame in its own sky: (SimulatedFrame, Catalogue, Sky), for tests and studies of accuracy."""
    sky = draw_sky(spec, rng)
    catalogue = draw_catalogue(sky, rng, missing=spec.catalogue_missing)
    return observe(sky, catalogue.valid, spec, rng), catalogue, sky
