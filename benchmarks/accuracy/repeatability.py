"""Real frames: how well zeropoints repeat, and what the selection of stars does.

Run by `python -m benchmarks.accuracy.repeatability`.

1. Repeatability.  The source distribution of stellarphot 2.1.2 (BSD licence; fetched by pip into a cache, never
   installed or imported) carries aperture photometry of 94 frames of one field, EY UMa in R over three hours of one
   night, and the ATLAS-REFCAT2 stars there.  They go through `match_stars` and `fit_zeropoint`; zp is held against
   airmass by a robust straight line.  Every frame has the same stars, so errors of the catalogue, the flat field and
   the transformation of R to r are in all zeropoints alike: they are a part of zperr, but not of the scatter.  A second
   fit therefore takes for reference what the stars themselves show on the average of all frames; then only what
   differs between frames is left in both.  The error of the catalogue is tested by halves: two random halves of the
   stars of one frame must agree within their errors.
2. Selection.  Two real LCO frames: zeropoint of single stars by magnitude and by distance from the
   centre, of all matches, of the stars of the fit, and of these with the loss of Kron fluxes removed.
"""

import argparse
import io
import itertools
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from examples import realframes
from photzp.calibration.calibrate import CONE_MARGIN_DEG, calibrate
from photzp.calibration.starmatch import match_stars, tangent_plane
from photzp.calibration.starselection import usable_references
from photzp.calibration.zeropoint import StarSample, fit_zeropoint
from photzp.catalogues.reference import ReferenceStars, ps1_to_sdss
from photzp.errors import FrameRejected
from photzp.frames.banzai import read_frame
from photzp.observatory import load_observatory
from photzp.robust import median_error, robust_spread
from ps1catalog import PS1Catalog

SDIST = 'stellarphot-2.1.2'
PHOTOMETRY = f'{SDIST}/stellarphot/differential_photometry/tests/data/2014-12-29-ey-uma-9.fits'
REFERENCES = f'{SDIST}/stellarphot/tests/data/all_refcat2_ey_uma.ecsv'
GAIN = 1.5                   # electrons per ADU of the camera, an Aspen CG16M (stellarphot's own test data say so)
COLOUR_RANGE_MAG = (0.4, 2.7)  # PS1 g-i of stars, as in observatory.toml
USUAL_COLORTERM = (0.1, 0.1)   # R lies redward of r; held where colours span too little, which they do not here
HALVES = 600
MAG_EDGES = (13, 14, 15, 16, 17, 18, 19, 20, 21)
DISTANCE_EDGES = (0, 0.25, 0.5, 0.75, 1)


@dataclass(frozen=True, kw_only=True)
class StarField:
    """Photometry of one field on many frames.

    frame, star (k,) : number of frame and of star of each measurement; flux, fluxerr (k,) [electrons]; ra_deg, dec_deg
    (k,).  airmass, exptime_s (frames,).  references : ReferenceStars.
    """

    frame: np.ndarray
    star: np.ndarray
    flux: np.ndarray
    fluxerr: np.ndarray
    ra_deg: np.ndarray
    dec_deg: np.ndarray
    airmass: np.ndarray
    exptime_s: np.ndarray
    references: ReferenceStars


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """Zeropoints of the frames of a field, arrays (frames,) [mag], about their line with airmass.

    k, k_error : extinction by that line [mag/airmass].
    """

    zp: np.ndarray
    zperr: np.ndarray
    colorterm: np.ndarray
    nstars: np.ndarray
    residual: np.ndarray
    k: float
    k_error: float


def cached_sdist():
    """Path of the source distribution in the cache."""
    cache = Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache').expanduser()
    return cache / 'photzp' / f'{SDIST}.tar.gz'


def fetch_sdist():
    """Path of the source distribution, fetched by pip unless it is in the cache; OSError if pip cannot."""
    path = cached_sdist()
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        name, version = SDIST.rsplit('-', 1)
        command = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', name, '--dest',
                   str(path.parent), f'{name}=={version}']
        done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 (all of it from here)
        if done.returncode or not path.is_file():
            raise OSError(f'pip cannot download {SDIST}: {done.stderr.strip()[-300:]}')
    return path


def read_field(sdist):
    """The `StarField` in a source distribution; OSError or KeyError if that is another one."""
    from astropy.io import fits
    from astropy.table import Table

    with tarfile.open(sdist) as archive:
        photometry, references = (archive.extractfile(name).read() for name in (PHOTOMETRY, REFERENCES))
    t = fits.getdata(io.BytesIO(photometry), 1)
    _, first, frame = np.unique(t['file'], return_index=True, return_inverse=True)
    flux = GAIN * t['aperture_net_flux'].astype(float)
    r = Table.read(references.decode(), format='ascii.ecsv')
    mags, errors = ({band: np.asarray(r[f'{what}{band}mag'], float) for band in 'griz'} for what in ('', 'e_'))
    return StarField(frame=frame, star=t['star_id'].astype(int), flux=flux,
                 fluxerr=flux * t['mag_error'].astype(float) * np.log(10) / 2.5, ra_deg=t['RA'].astype(float),
                 dec_deg=t['Dec'].astype(float), airmass=t['airmass'][first].astype(float),
                 exptime_s=t['exposure'][first].astype(float), references=ReferenceStars(
                     ra_deg=np.asarray(r['RA_ICRS'], float), dec_deg=np.asarray(r['DE_ICRS'], float),
                     mag=mags, mag_error=errors))


def match_frame(field, number):
    """(StarSample, star numbers) of one frame by the product's own matching.

    ATLAS-REFCAT2 does not saturate at 13.5 mag (its bright stars come from Gaia and APASS), so no bright limit holds.
    """
    rows = np.flatnonzero(field.frame == number)
    references = field.references
    centre = np.median(field.ra_deg[rows]), np.median(field.dec_deg[rows])
    matches = match_stars(tangent_plane(field.ra_deg[rows], field.dec_deg[rows], *centre), field.flux[rows],
                          tangent_plane(references.ra_deg, references.dec_deg, *centre), references.mag['r'])
    sdss = ps1_to_sdss(references, COLOUR_RANGE_MAG)
    r, s = matches.reference, rows[matches.source]
    colour = (sdss.mag['g'] - sdss.mag['i'])[r]
    good = usable_references(np.full(len(r), np.inf), sdss.mag_error['r'][r], colour, np.zeros(len(r)))
    good &= field.flux[s] > 0
    r, s, colour = r[good], s[good], colour[good]
    sample = StarSample(flux=field.flux[s], fluxerr=field.fluxerr[s], ref_mag=sdss.mag['r'][r],
                        ref_error=sdss.mag_error['r'][r], colour=colour, exptime_s=float(field.exptime_s[number]))
    return sample, field.star[s]


def self_calibrated(samples, stars, fits):
    """The samples with each star's reference magnitude replaced by that of all frames together.

    The mean residual of a star over the frames is the error of catalogue, flat field and transformation for it.
    """
    all_stars = np.concatenate(stars)
    residual = np.concatenate([fit.residual_mag for fit in fits])
    residuals = {star: residual[all_stars == star] for star in np.unique(all_stars)}
    shift = {star: np.median(values) for star, values in residuals.items()}
    error = {star: max(median_error(values), 1e-4) for star, values in residuals.items()}
    return [replace(sample, ref_mag=sample.ref_mag - [shift[star] for star in numbers],
                    ref_error=np.array([error[star] for star in numbers]))
            for sample, numbers in zip(samples, stars, strict=True)]


def about_line(x, y):
    """(slope, its error, residuals) of a robust straight line y(x), by Tukey's biweight about the median."""
    weight = np.ones(len(x))
    for _ in range(50):
        dx, dy = (values - np.average(values, weights=weight) for values in (x, y))
        slope = np.sum(weight * dx * dy) / np.sum(weight * dx**2)
        residual = dy - slope * dx
        weight = np.clip(1 - (residual / (4.685 * robust_spread(residual))) ** 2, 0, None) ** 2
    return slope, robust_spread(residual) / np.sqrt(np.sum(weight * dx**2)), residual


def repeatability(field):
    """{name: Repeated} of both kinds of fit."""
    matched = [match_frame(field, number) for number in range(len(field.airmass))]
    samples, stars = zip(*matched, strict=True)
    results, fits = {}, [fit_zeropoint(sample, usual_colorterm=USUAL_COLORTERM) for sample in samples]
    for name in ('catalogue magnitudes', 'magnitudes from the frames'):
        if results:
            samples = self_calibrated(samples, stars, fits)
            fits = [fit_zeropoint(sample, usual_colorterm=USUAL_COLORTERM) for sample in samples]
        zp, zperr, colorterm, nstars = np.array([
            (fit.zp_mag, fit.zperr_mag, fit.colorterm, fit.nstars) for fit in fits]).T
        slope, slope_error, residual = about_line(field.airmass, zp)
        results[name] = Repeated(zp=zp, zperr=zperr, colorterm=colorterm, nstars=nstars, residual=residual, k=-slope,
                                 k_error=slope_error)
    return results


def halves(field, rng):
    """Pulls of the difference of zp between random halves of the stars of a frame, and how many pairs gave none.

    A held colour term has an error that both halves share, so such pairs are left out, too.
    """
    pulls, failed = [], 0
    for _ in range(HALVES):
        sample, _ = match_frame(field, int(rng.integers(len(field.airmass))))
        order = rng.permutation(len(sample))
        try:
            one, two = (fit_zeropoint(sample.select(part), usual_colorterm=USUAL_COLORTERM)
                        for part in (order[::2], order[1::2]))
        except FrameRejected:
            failed += 1
            continue
        if one.colorterm_held or two.colorterm_held:
            failed += 1
        else:
            pulls.append((one.zp_mag - two.zp_mag) / np.hypot(one.zperr_mag, two.zperr_mag))
    return np.array(pulls), failed


def print_repeatability(field):
    print(f'{len(field.airmass)} frames of one field, airmass {field.airmass.min():.2f} to {field.airmass.max():.2f}; '
          'mmag\n'
          'reference                   stars      k (error)   scatter   from frame to next   zperr   width of pulls')
    for name, of in repeatability(field).items():
        successive = np.diff(of.residual) / np.sqrt(2)
        print(f'{name:27}{np.median(of.nstars):6.0f}{of.k:8.3f} ({of.k_error:.3f})'
              f'{1000 * robust_spread(of.residual):10.2f}{1000 * robust_spread(successive):16.2f}'
              f'{1000 * np.median(of.zperr):13.2f}{robust_spread(of.residual / of.zperr):14.2f}')
    pulls, failed = halves(field, np.random.default_rng(1))
    print(f'random halves of the stars: width of (zp - zp of the other half) / error {robust_spread(pulls):.2f}, '
          f'{len(pulls)} pairs ({failed} with too few stars or colours)')


# --- the selection


def all_matches(frame, references, calibration):
    """Single-star zeropoints less the fitted one [mag] of all matches: (PS1 magnitude, distance from the centre as a
    fraction of the half-diagonal, difference)."""
    stars = frame.stars
    star_xy, reference_xy = (tangent_plane(each.ra_deg, each.dec_deg, frame.ra_deg, frame.dec_deg)
                             for each in (stars, references))
    matches = match_stars(star_xy, stars.flux, reference_xy, references.mag[frame.band])
    sdss = ps1_to_sdss(references, COLOUR_RANGE_MAG)
    s, r = matches.source, matches.reference
    colour = (sdss.mag['g'] - sdss.mag['i'])[r]
    fit = calibration.fit
    with np.errstate(divide='ignore', invalid='ignore'):
        each = sdss.mag[frame.band][r] + 2.5 * np.log10(stars.flux[s] / frame.exptime_s)
    return (sdss.mag[frame.band][r], distance(frame, stars.x[s], stars.y[s]),
            each - fit.colorterm * (colour - 1) - fit.zp_mag)


def distance(frame, x, y):
    nx, ny = frame.shape
    return np.hypot(x - nx / 2, y - ny / 2) / np.hypot(nx / 2, ny / 2)


def print_selection(calibration, frame, references):
    fit, sample = calibration.fit, calibration.sample
    before = all_matches(frame, references, calibration)
    used = fit.used
    where = distance(frame, calibration.x, calibration.y)[used]
    after = sample.ref_mag[used], where, (fit.residual_mag - fit.kron_mag)[used], fit.residual_mag[used]
    print(f'\n{frame.exposure} {frame.filter}: zp of single stars less that of the fit, mmag\n'
          '                   all matches        stars of the fit    Kron loss removed\n'
          'bin             n  median scatter     n  median scatter  median scatter')
    for column, edges, form in ((0, MAG_EDGES, '{} to {} mag'), (1, DISTANCE_EDGES, 'r {:.2f} to {:.2f}')):
        for low, high in itertools.pairwise(edges):
            matched, inside = ((low <= values[column]) & (values[column] < high) for values in (before, after))
            print_bin(form.format(low, high), before[2][matched & np.isfinite(before[2])], after[2][inside],
                      after[3][inside])


def print_bin(name, before, after, corrected):
    """One line; bins of fewer than 5 matches are left out."""
    def figures(values):
        text = f'{1000 * np.median(values):8.0f}{1000 * robust_spread(values):8.0f}' if len(values) >= 5 else ''
        return text or f'{"-":>8}{"-":>8}'

    if len(before) >= 5:
        print(f'{name:12}{len(before):5d}{figures(before)}{len(after):6d}{figures(after)}{figures(corrected)}')


def selection():
    """Print the tables of both real frames."""
    observatory = load_observatory()
    with tempfile.TemporaryDirectory() as out:
        realframes.write_real_frames(out)
        catalog = PS1Catalog(Path(out) / 'ps1')
        for path in sorted(Path(out).glob('archive/*/*/*/*/*.fits')):
            frame = read_frame(path, observatory)
            cone = catalog.cone(frame.ra_deg, frame.dec_deg, frame.radius_deg + CONE_MARGIN_DEG)
            print_selection(calibrate(frame, cone, observatory), frame, cone)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--sdist', metavar='FILE', type=Path, help=f'{SDIST}.tar.gz (default: fetched by pip into '
                        f'{cached_sdist()})')
    options = parser.parse_args(argv)
    status = 0
    try:
        print_repeatability(read_field(options.sdist or fetch_sdist()))
    except (OSError, KeyError) as error:
        print(f'repeatability is left out: {error}', file=sys.stderr)
        status = 1 if options.sdist else 0
    try:
        selection()
    except FileNotFoundError as error:
        print(f'the two real frames are left out: {error}', file=sys.stderr)
    return status


if __name__ == '__main__':
    sys.exit(main())
