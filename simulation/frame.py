"""One simulated frame: what a telescope, its camera and the pipeline make of a sky.

1. Zeropoint.  m_sdss = m_inst + zp + colorterm ((g-i)_sdss - 1) with m_inst = -2.5 log10(flux / exptime), flux in
   electrons.  To the true electrons come flat-field scatter, variability, blending, the Kron loss of faint stars,
   photon, sky and read noise, saturation, the detection limit, and detections that are no stars.  The true zp is the
   limit for bright stars.
2. Kron loss.  Kron ellipses of faint stars are too small.  On two real LCO frames the loss goes as A / sqrt(S/N), with
   A = 0.44 mag (1m, crowded field) and 0.24 mag (2m, sparse field); A is drawn from 0.2 to 0.5 for each frame.  Other
   shapes, normalised to a loss of 0.09 mag at i = 18 or S/N 26, serve studies of what depends on the shape.
3. Astrometry.  See `optics`.
"""

from dataclasses import dataclass

import numpy as np

from simulation.optics import Pointing, cloud_loss, draw_pointing, pixel_positions, solution_cards
from simulation.sky import COLOUR_RANGE, PS1_SATURATION_MAG, Catalogue, Sky, draw_catalogue, draw_sky, ps1_to_sdss
from simulation.spec import DARK_SKY, FLAGS_NEW, KRON_SHAPES, SEEING_ARCSEC, FieldSpec, flag_values, version_of

_PIVOT_COLOUR = 1.0  # (g-i)_sdss at which zp holds [mag]

_MOFFAT_BETA = 3.0  # wings of seeing-limited stars
_PEAK_SHARE = (_MOFFAT_BETA - 1) / np.pi * 4 * (2 ** (1 / _MOFFAT_BETA) - 1)  # peak pixel / flux * FWHM^2 [pixel]
_KRON_RADIUS_FWHM = 1.7  # aperture radius that gives fluxerr of the two real frames (1.4 and 2.0 FWHM)
_DETECTION_SIGMA, _DETECTION_WIDTH = 5.0, 0.4  # peak pixel over the noise of the sky: 5.4 and 7 on the real frames
_MERGE_FWHM, _TOUCH_FWHM, _LEAK_FWHM = 1.0, 2.5, 3.5  # separations: one detection, flagged, light of the neighbour
_KRON_LOSS_MAG, _KRON_SNR, _KRON_BRIGHT_I, _KRON_FAINT_I = 0.09, 26.0, 13.0, 18.0  # real 1m frame, 250 s, ip
_KRON_AMPLITUDE = (0.2, 0.5)  # A of A / sqrt(S/N) [mag]; measured 0.44 and 0.24
_FLUX_BIAS_MAG = (0.05, 0.6)  # by which stars of `biased_fraction` are too bright
_PS1_MARGIN_MAG = 0.5  # usable stars are fainter than saturation by this
_USABLE_WELL = 0.85  # share of the full well: 0.9 of the smaller of SATURATE and MAXLIN = 0.95 SATURATE

_EDGE_PIXELS = 8
_FWHM_CLEAN_ONLY = (1, 25)  # about from here on fwhm is NaN where a source is flagged


@dataclass(frozen=True, kw_only=True)
class SimulatedFrame:
    """One frame and its truth.

    Attributes
    ----------
    spec : FieldSpec
        The frame was drawn from this.
    columns : dict of ndarray (k,)
        The CAT table by column.
    header : dict
        Header cards of SCI.
    star : ndarray of int (k,)
        Index of the object of the sky behind a row, -1 where there is none.
    usable : ndarray of bool (k,)
        Rows that deserve to be in a fit.
    kron_amplitude_mag : float
        A of the Kron loss A / sqrt(S/N).
    """

    spec: FieldSpec
    columns: dict[str, np.ndarray]
    header: dict[str, str | float]
    star: np.ndarray
    usable: np.ndarray
    kron_amplitude_mag: float

    @property
    def n_usable(self) -> int:
        """Number of rows that deserve to be in a fit.

        Returns
        -------
        int
            Number of usable rows.
        """
        return int(self.usable.sum())


# --- light, blends and measurement

def _true_electrons(mag: np.ndarray, spec: FieldSpec) -> np.ndarray:
    """Electrons (n,) of objects with PS1 magnitudes (n, 5) in a frame of the planted zeropoint and colour term."""
    sdss = ps1_to_sdss(mag)
    colour = sdss[:, 0] - sdss[:, 2]
    m_inst = sdss[:, spec.band] - spec.true_zp_mag - spec.colorterm * (colour - _PIVOT_COLOUR)
    return spec.exptime_s * 10 ** (-0.4 * m_inst)


def _sky_electrons(spec: FieldSpec) -> float:
    """Electrons per pixel from the sky: dark sky and moonlight, seen by the same telescope."""
    surface = DARK_SKY[spec.filter_name] - spec.sky_brightening_mag
    per_arcsec2 = spec.exptime_s * 10 ** (-0.4 * (surface - spec.true_zp_mag))
    return per_arcsec2 * spec.model.pixel_arcsec ** 2


def _kron_loss(snr: np.ndarray, i_mag: np.ndarray, shape: str, amplitude_mag: float) -> np.ndarray:
    """Loss [mag] (n,) of the Kron flux of stars with a true signal-to-noise ratio and PS1 i magnitude."""
    if shape == 'snr':
        return amplitude_mag / np.sqrt(snr)
    if shape == 'inverse':
        return _KRON_LOSS_MAG * _KRON_SNR / snr
    if shape == 'mag':
        return np.maximum(0.0, _KRON_LOSS_MAG * (i_mag - _KRON_BRIGHT_I) / (_KRON_FAINT_I - _KRON_BRIGHT_I))
    if shape == 'none':
        return np.zeros_like(snr)
    raise ValueError(f'kron shape {shape!r} is none of {", ".join(KRON_SHAPES)}')


def _merge_blends(x: np.ndarray, y: np.ndarray, flux: np.ndarray, radius: float) -> np.ndarray:
    """Index (n,) of the star that each star is merged into: the brightest within `radius` [pixel], transitively."""
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


def _neighbour_light(x: np.ndarray, y: np.ndarray, flux: np.ndarray, fwhm: float) -> tuple[np.ndarray, np.ndarray]:
    """Light [electrons] (n,) that detections get from neighbours, and bool (n,) whether they touch one."""
    from scipy.spatial import cKDTree

    pairs = cKDTree(np.column_stack([x, y])).query_pairs(_LEAK_FWHM * fwhm, output_type='ndarray')
    one, two = np.concatenate([pairs, pairs[:, ::-1]]).T
    distance = np.hypot(x[one] - x[two], y[one] - y[two]) / fwhm
    leak = 0.1 * np.exp(-0.5 * (distance / 1.2) ** 2) * flux[two]
    close = (leak > 0.005 * flux[one]) | ((distance < _TOUCH_FWHM) & (flux[two] > 0.02 * flux[one]))
    light = np.bincount(one, weights=leak, minlength=len(flux))
    return light, np.bincount(one[close], minlength=len(flux)) > 0


@dataclass(frozen=True, kw_only=True)
class _Detections:
    """Detections before measurement (k,): brightest object, position, flux, light of neighbours, cleanness."""

    star: np.ndarray
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    light: np.ndarray
    touched: np.ndarray
    clean: np.ndarray

def _noise_electrons(flux: np.ndarray | float, spec: FieldSpec, fwhm: float) -> np.ndarray:
    """Noise [electrons] (n,) of Kron fluxes: photons, and sky and read noise over the aperture."""
    area = np.pi * (_KRON_RADIUS_FWHM * fwhm) ** 2
    return np.sqrt(np.maximum(flux, 0) + area * (_sky_electrons(spec) + spec.model.read_noise_e ** 2))


def _find_sources(sky: Sky, spec: FieldSpec, fwhm: float, pointing: Pointing,
                  rng: np.random.Generator) -> _Detections:
    """Draw the detections of a frame: objects on the detector, blended, above the detection limit."""
    x, y = pixel_positions(sky.ra_deg, sky.dec_deg, spec, pointing)
    ny, nx = spec.shape
    star = np.flatnonzero((x > 0.5) & (x < nx + 0.5) & (y > 0.5) & (y < ny + 0.5))
    change = sky.variable_mag[star] * rng.uniform(-1, 1, len(star)) - sky.kron_excess_mag[star]
    change = change + rng.normal(0, spec.flat_scatter_mag, len(star))
    biased = rng.random(len(star)) < spec.biased_fraction if spec.biased_fraction else np.zeros(len(star), bool)
    if spec.biased_fraction:
        change = change - biased * rng.uniform(*_FLUX_BIAS_MAG, len(star))
    if spec.cloud_mag:
        change = change + cloud_loss(x[star], y[star], spec, rng)
    flux = _true_electrons(sky.mag[star], spec) * 10 ** (-0.4 * change)
    bright = flux > 1.5 * _noise_electrons(0.0, spec, fwhm)  # fainter ones are part of the sky
    star, flux, biased, x, y = star[bright], flux[bright], biased[bright], x[star][bright], y[star][bright]
    host = _merge_blends(x, y, flux, _MERGE_FWHM * fwhm)
    total = np.bincount(host, weights=flux, minlength=len(flux))
    mean_x, mean_y = (np.bincount(host, weights=flux * v, minlength=len(flux)) for v in (x, y))
    seen = rng.random(len(flux)) < _detection_probability(total, spec, fwhm)
    root = np.flatnonzero((host == np.arange(len(flux))) & seen)
    x, y = mean_x[root] / total[root], mean_y[root] / total[root]
    light, touched = _neighbour_light(x, y, total[root], fwhm)
    return _Detections(star=star[root], x=x, y=y, flux=total[root], light=light, touched=touched,
                       clean=(flux[root] > 0.997 * total[root]) & ~biased[root])


def _detection_probability(flux: np.ndarray, spec: FieldSpec, fwhm: float) -> np.ndarray:
    """Probability to detect stars of a flux [electrons]: half where the peak pixel is 5 sigma above the sky."""
    from scipy.special import expit

    sigma = np.sqrt(_sky_electrons(spec) + spec.model.read_noise_e ** 2)
    return expit((flux * _PEAK_SHARE / fwhm ** 2 / sigma - _DETECTION_SIGMA) / _DETECTION_WIDTH)


def _saturate(flux: np.ndarray, peak: np.ndarray, limit: float,
              rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flux and peak (n,) after a full well (peaks on a plateau, light lost), and bool (n,) where it was full."""
    full = peak > limit
    plateau = limit * (1 + 0.005 * rng.standard_normal(len(flux)))
    return np.where(full, flux * np.where(full, peak / limit, 1) ** -0.4, flux), np.where(full, plateau, peak), full


def _measure(detected: _Detections, sky: Sky, spec: FieldSpec, fwhm: float, amplitude_mag: float,
             rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Kron photometry of detections: x y flux fluxerr peak flag size (k,), and for the truth snr and marred."""
    n = len(detected.flux)
    noise = _noise_electrons(detected.flux, spec, fwhm)
    snr = detected.flux / noise
    loss = _kron_loss(snr, sky.mag[detected.star, 2], spec.kron_shape, amplitude_mag)
    stretch = np.where(sky.galaxy[detected.star], rng.uniform(1.2, 2.0, n), 1.0)
    peak = detected.flux * _PEAK_SHARE / (fwhm * stretch) ** 2
    flux, peak, full = _saturate(detected.flux, peak, spec.model.full_well_e - _sky_electrons(spec), rng)
    edge = _edge_distance(detected.x, detected.y, spec.shape) < _EDGE_PIXELS
    bad = rng.random(n) < 0.01
    flux = (flux + detected.light) * 10 ** (-0.4 * loss) * np.where(edge | bad, rng.uniform(0.6, 1.05, n), 1.0)
    flux = flux + noise * rng.standard_normal(n)
    fluxerr = _noise_electrons(flux, spec, fwhm)
    bits = flag_values(spec.pipeline)
    blend = detected.touched & (rng.random(n) < 0.95)
    flag = sum(np.where(rows, bits[name], 0) for name, rows in
               (('saturated', full), ('edge', edge), ('bad', bad), ('blend', blend)))
    jitter = np.hypot(spec.astrometric_noise_arcsec / spec.model.pixel_arcsec, fwhm / 2.355 / snr)
    wander = np.where(rng.random(n) < 0.01, 10.0, 1.0)  # proper motion since the epoch of the catalogue
    x, y = (v + jitter * wander * rng.standard_normal(n) for v in (detected.x, detected.y))
    return {'x': x, 'y': y, 'flux': flux, 'fluxerr': fluxerr, 'peak': peak, 'flag': flag, 'size': fwhm * stretch,
            'snr': snr, 'marred': full | edge | bad | detected.touched | ~detected.clean}


def _edge_distance(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Distance [pixel] (n,) to the nearest edge of an image of shape (ny, nx)."""
    return np.minimum(np.minimum(x - 0.5, shape[1] + 0.5 - x), np.minimum(y - 0.5, shape[0] + 0.5 - y))


def _usable_stars(star: np.ndarray, measured: dict[str, np.ndarray], sky: Sky, valid: np.ndarray,
                  spec: FieldSpec) -> np.ndarray:
    """bool (k,): single, constant, clean stars in the range of colour, magnitude and signal that a fit may use."""
    colour = sky.mag[star, 0] - sky.mag[star, 2]
    bands = sorted({0, 2, spec.band})
    bright = (sky.mag[star][:, bands] < PS1_SATURATION_MAG[bands] + _PS1_MARGIN_MAG).any(axis=1)
    well = measured['peak'] + _sky_electrons(spec) < _USABLE_WELL * spec.model.full_well_e
    single = ~sky.galaxy[star] & (sky.variable_mag[star] == 0) & ~measured['marred']
    inside = (colour > COLOUR_RANGE[0]) & (colour < COLOUR_RANGE[1])
    return single & inside & ~bright & well & (measured['snr'] > spec.usable_snr) & valid[star][:, bands].all(axis=1)


def _spurious_sources(n_stars: int, spec: FieldSpec, fwhm: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw detections that are no stars, with columns of `_measure`: cosmic rays, noise peaks, rows without a flux."""
    n = 3 + rng.poisson(spec.spurious_fraction * n_stars)
    ny, nx = spec.shape
    cosmic = rng.random(n) < 0.5
    floor = _noise_electrons(0.0, spec, fwhm)
    flux = np.where(cosmic, rng.lognormal(7.5, 1.0, n), floor * rng.uniform(2, 6, n))
    fluxerr = _noise_electrons(flux, spec, fwhm)
    flux[0], fluxerr[1], flux[2], fluxerr[2] = -0.7 * floor, 0.0, 0.0, 0.0
    bits = flag_values(spec.pipeline)
    flag = np.where(cosmic, bits['cosmic'], 0) | np.where(flux <= 0, bits['negative'], 0)
    peak = np.where(cosmic, 0.5, _PEAK_SHARE / fwhm ** 2) * np.abs(flux)
    return {'x': rng.uniform(1, nx, n), 'y': rng.uniform(1, ny, n), 'flux': flux, 'fluxerr': fluxerr, 'peak': peak,
            'flag': flag, 'size': np.where(cosmic, 1.2, fwhm)}


# --- the table and the whole frame

def _cat_columns(measured: dict[str, np.ndarray], spec: FieldSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The CAT table, arrays (k,) by column, of measured positions, fluxes, peaks, flags and sizes."""
    n = len(measured['x'])
    size = measured['size'] * rng.normal(1, 0.03, n)
    ellipticity = np.abs(rng.normal(0.10, 0.04, n)) % 0.9
    a = size / 2.355
    radius = size / 2 / np.sqrt(2 ** (1 / _MOFFAT_BETA) - 1)  # scale of the Moffat profile
    columns = {**{name: measured[name] for name in ('x', 'y', 'peak', 'flux', 'fluxerr')},
               'background': _sky_electrons(spec) * rng.normal(1, 0.005, n), 'fwhm': size, 'ellipticity': ellipticity,
               'a': a, 'b': a * (1 - ellipticity), 'theta': rng.uniform(-90, 90, n),
               'kronrad': rng.uniform(1.3, 3.3, n)}
    columns.update({f'fluxrad{share}': _moffat_radius(share / 100) * radius for share in (25, 50, 75)})
    for diameter, pixels in enumerate(_aperture_radii(spec), start=1):
        inside = 1 - (1 + (pixels / radius) ** 2) ** (1 - _MOFFAT_BETA)
        error = np.sqrt(np.maximum(inside * measured['flux'], 0)
                        + np.pi * pixels ** 2 * (_sky_electrons(spec) + spec.model.read_noise_e ** 2))
        columns[f'fluxaper{diameter}'] = inside * measured['flux'] + 0.3 * error * rng.standard_normal(n)
        columns[f'fluxerr{diameter}'] = error
    if version_of(spec.pipeline) >= _FWHM_CLEAN_ONLY:
        columns['fwhm'] = np.where(measured['flag'] == 0, size, np.nan)
    return {**columns, 'flag': measured['flag'].astype(np.int64)}


def _moffat_radius(share: float) -> float:
    """Radius, in units of the scale of the profile, that holds a share of the light."""
    return np.sqrt((1 - share) ** (1 / (1 - _MOFFAT_BETA)) - 1)


def _aperture_radii(spec: FieldSpec) -> np.ndarray:
    """Radii [pixel] of fluxaper1..6: diameters of 1 to 6"; twice that in the versions 1.15.0 to 1.16.0."""
    double = spec.pipeline in ('1.15.0', '1.16.0')
    return np.arange(1, 7) / 2 / spec.model.pixel_arcsec * (2 if double else 1)


def observe(sky: Sky, valid: np.ndarray, spec: FieldSpec, rng: np.random.Generator) -> SimulatedFrame:
    """Observe a sky.

    Parameters
    ----------
    sky : Sky
        True objects (n of them).
    valid : ndarray of bool (n, 5)
        Objects and bands of the reference catalogue: `Catalogue.valid`, less missing files.
    spec : FieldSpec
        What the frame is drawn from.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    SimulatedFrame
        The frame and its truth.
    """
    low, high = SEEING_ARCSEC[spec.model.telescope_class]
    fwhm = (spec.seeing_arcsec or rng.uniform(low, high)) / spec.model.pixel_arcsec
    amplitude = rng.uniform(*_KRON_AMPLITUDE) if spec.kron_amplitude_mag is None else spec.kron_amplitude_mag
    pointing = draw_pointing(spec, rng)
    detected = _find_sources(sky, spec, fwhm, pointing, rng)
    measured = _measure(detected, sky, spec, fwhm, amplitude, rng)
    usable = _usable_stars(detected.star, measured, sky, valid, spec)
    spurious = _spurious_sources(len(detected.star), spec, fwhm, rng)
    columns = _cat_columns({name: np.concatenate([measured[name], spurious[name]]) for name in spurious}, spec, rng)
    order = np.argsort(-columns['flux'] if flag_values(spec.pipeline) is FLAGS_NEW else columns['y'], kind='stable')
    pad = len(order) - len(detected.star)
    header = {**solution_cards(spec, pointing, rng), 'L1FWHM': round(fwhm * spec.model.pixel_arcsec, 3)}
    return SimulatedFrame(
        spec=spec, columns={name: values[order] for name, values in columns.items()}, header=header,
        star=np.concatenate([detected.star, np.full(pad, -1)])[order],
        usable=np.concatenate([usable, np.zeros(pad, bool)])[order], kron_amplitude_mag=float(amplitude))


def simulate_frame(spec: FieldSpec, rng: np.random.Generator) -> tuple[SimulatedFrame, Catalogue, Sky]:
    """Simulate one frame in its own sky, for tests and studies of accuracy.

    Parameters
    ----------
    spec : FieldSpec
        What the frame is drawn from.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    tuple
        The SimulatedFrame, its Catalogue and its Sky.
    """
    sky = draw_sky(spec, rng)
    catalogue = draw_catalogue(sky, rng, missing=spec.catalogue_missing)
    return observe(sky, catalogue.valid, spec, rng), catalogue, sky
