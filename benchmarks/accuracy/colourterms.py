"""What one colour term per camera does for zeropoints: `python -m benchmarks.accuracy.colourterms --seeds 1 2 3`.

Two tables, by number of stars.  First, simulated years (`simulation.years`): the robust scatter of zeropoints of clear
nights about the truth, as measured and with the colour term of their camera; the same for the part of it that the fits
of single frames made (the rest is sky and detector); then the effect on the throughput model.  Second, single
frames of a simulated night, cut down to a few of their stars and fitted by `photzp.calibration.zeropoint`
itself: errors before, with the true colour term at the mean colour of the stars, and with it at the colour that the
covariance of the fit gives for the mean colour, which is why the mean colour is stored besides; the last column is a
fit with the known colour term.
"""

import argparse
import itertools
import json
import math
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy import throughput
from photzp.calibration import zeropoint
from photzp.calibration.calibrate import CONE_MARGIN_DEG, calibrate
from photzp.calibration.quality import frame_quality
from photzp.errors import FrameRejected
from photzp.frames.banzai import read_frame
from photzp.observatory import load_observatory
from photzp.throughput.colourterm import FrameZeropoints, with_camera_colourterm
from ps1catalog import PS1Catalog
from simulation.__main__ import main as run_simulation
from simulation.fleet import YearsSpec
from simulation.yearfiles import date_of, times_of
from simulation.years import simulate

STARS = (10, 15, 20, 40, 100, 401)  # edges of the bins of the years
FEW_STARS = (12, 16, 25, 40, 80)    # that frames are cut down to
TRIALS = 4                          # per frame and number


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--seeds', type=int, nargs='+', default=[1])
    parser.add_argument('--telescopes', type=int, default=22)
    parser.add_argument('--frames', type=int, default=120)
    args = parser.parse_args(argv)
    for seed in args.seeds:
        over_years(YearsSpec(seed=seed, telescopes=args.telescopes, nights='ideal'))
    for seed in args.seeds:
        frames(seed, args.frames)
    return 0


# --- years


def over_years(spec):
    """Print the tables of one simulated fleet."""
    found, models, seconds, rows_done = [], {False: [], True: []}, 0.0, 0
    for telescope, by_filter in simulate(spec):
        changed = {}
        for name, (series, rows) in by_filter.items():
            start = time.process_time()
            zp, zperr = with_camera(telescope, rows, spec)
            seconds += time.process_time() - start
            rows_done += len(zp)
            found.append(residuals(series, rows, zp, zperr))
            changed[name] = series, rows | {'zp': zp, 'zperr': zperr}
        for with_term, seen in ((False, by_filter), (True, changed)):
            models[with_term] += throughput.compare(telescope, seen, spec)
    nstars, before, after, own, error, own_after, error_after = np.concatenate(found, axis=1)
    print(f'\nyears, seed {spec.seed}: zp - truth of clear nights, mmag; {rows_done} rows in {seconds:.1f} s of CPU\n'
          '                  zp - truth     | of it error of fits | width of it / zperr\n'
          'stars       frames  before   after |   before    after   |  before   after')
    for low, high in itertools.pairwise(STARS):
        chosen = (nstars >= low) & (nstars < high)
        widths = [1000 * throughput.width(values[chosen]) for values in (before, after, own, own_after)]
        pulls = [throughput.width(values[chosen]) for values in (own / error, own_after / error_after)]
        print(f'{low:3d} to {high - 1:3d} {np.count_nonzero(chosen):8d}'
              + '{:8.2f}{:8.2f} |{:9.2f}{:9.2f}   |{:8.2f}{:8.2f}'.format(*widths, *pulls), flush=True)
    for with_term, words in ((False, 'own colour terms'), (True, "camera's")):
        got = {key: np.concatenate([np.asarray(differences[key], float) for differences in models[with_term]
                                    if key in differences]) for key in models[with_term][0]}
        rms = [1000 * throughput.rms(got[key]) for key in ('model', 'last', 'slope')]
        pulls = [throughput.width(got[key]) for key in ('slope_pull', 'step_pull')]
        print(f'model, {words:16}: ' + 'rms {:.2f}, last month {:.2f}, slope {:.3f} mmag per month; widths of pulls: '
              'slopes {:.2f}, steps {:.2f}'.format(*rms, *pulls), flush=True)


def with_camera(telescope, rows, spec):
    """zp and zperr of rows with the colour term of their camera, as the report has them."""
    labels = np.char.add(rows['camera'].astype(str), rows['filter'].astype(str))
    changes = [date_of(event.day, spec) for event in telescope.events
               if event.recorded and event.kind in ('instrument', 'recoating', 'break')]
    new = np.where(rows['old'], np.nan, 1.0)
    return with_camera_colourterm(FrameZeropoints(
        zp=rows['zp'], zperr=rows['zperr'], colorterm=rows['colorterm'], colortermerr=new * rows['colortermerr'],
        covariance=new * rows['covariance'], colour_offset=rows['meancolor'] - new, held=np.zeros(len(labels), bool),
        time=times_of(rows, spec), group=np.unique(labels, return_inverse=True)[1]),
        np.array(changes, 'datetime64[ms]'))[:2]


def residuals(series, rows, zp, zperr):
    """(7, n) of the clear rows that can be changed: stars, zp - truth before and after, and the error of the fit of
    the frame with its sigma, before and after."""
    offset = np.array([series.offsets[key] for key in zip(
        rows['camera'].tolist(), rows['filter'].tolist(), rows['old'].tolist(), strict=True)])
    true = series.at(rows['day']) + offset - series.extinction * (rows['airmass'] - 1)
    chosen = rows['clear'] & ~rows['old'] & np.isfinite(rows['airmass'])
    return np.stack([rows['nstars'], rows['zp'] - true, zp - true, rows['zp_error'], rows['zperr'],
                     rows['zp_error'] + zp - rows['zp'], zperr])[:, chosen]


# --- single frames


def frames(seed, nframes):
    """Print the table of one simulated night."""
    with tempfile.TemporaryDirectory() as out:
        run_simulation(['night', out, '--frames', str(nframes), '--seed', str(seed), '--no-pixels'])
        night = list(calibrated(Path(out)))
    qualities = [calibration.quality for calibration, *_ in night]
    slopes, errors = np.array([(quality.magslope, quality.magslopeerr) for quality in qualities]).T
    print(f'\nslope of zp with magnitude that the fits of {len(night)} whole frames left: median '
          f'{1000 * np.median(slopes):+.1f} mmag/mag, {np.median(slopes / errors):+.2f} of its error, width of '
          f'slope / error {throughput.width(slopes / errors):.2f}; reduced chi-square: median '
          f'{np.median([quality.redchi2 for quality in qualities]):.2f}')
    print(f'single frames of seed {seed} with some of their stars, zp - truth: rms, mmag, and width over the error\n'
          'stars     fits   as fitted         true colour term   by covariance    known term')
    for number in FEW_STARS:
        rng = np.random.default_rng([seed, number])
        found = [result for calibration, true, usual in night for _ in range(TRIALS)
                 if (result := one_fit(calibration, true, usual, number, rng)) is not None]
        errors, sigmas = np.array(found).transpose(1, 2, 0)
        print(f'{number:5d}{len(found):9d}' + ''.join(
            f'{1000 * throughput.rms(error):9.2f}{throughput.width(error / sigma):7.2f}  ' for error, sigma in
            zip(errors, sigmas, strict=True)), flush=True)


def calibrated(out):
    """Yield (Calibration, truth, usual colour term) of the frames that are measured."""
    observatory, catalog = load_observatory(), PS1Catalog(out / 'ps1')
    for true in json.loads((out / 'truth.json').read_text(encoding='utf-8'))['frames'].values():
        if true['measurable']:
            frame = read_frame(out / true['path'], observatory)
            cone = catalog.cone(frame.ra_deg, frame.dec_deg, frame.radius_deg + CONE_MARGIN_DEG)
            try:
                calibration = calibrate(frame, cone, observatory)
            except FrameRejected as rejection:
                print(f'{frame.exposure}: {rejection}', file=sys.stderr)
                continue
            yield calibration, true, observatory.usual_colorterm(frame.camera, frame.filter)


def one_fit(calibration, true, usual, number, rng):
    """(errors of zp, their sigmas) four ways from `number` stars of a frame; None where they make no fit."""
    bright = np.flatnonzero(calibration.fit.considered)
    if len(bright) < number:
        return None
    sample = calibration.sample.select(rng.choice(bright, number, replace=False))
    try:
        fit = zeropoint.fit_zeropoint(sample, usual_colorterm=usual)
        known = fit_with_colourterm(sample, true['colorterm'])
    except FrameRejected:
        return None
    if fit.colorterm_held:
        return None
    by_mean = frame_quality(np.empty(0), 0, sample, fit).meancolour_mag - 1
    by_covariance = -fit.covariance_mag2 / fit.colortermerr**2
    zps, sigmas = [fit.zp_mag], [fit.zperr_mag]
    for x in (by_mean, by_covariance):
        zps.append(fit.zp_mag - x * (true['colorterm'] - fit.colorterm))
        sigmas.append(math.sqrt(fit.zperr_mag**2 + 2 * x * fit.covariance_mag2 + (x * fit.colortermerr) ** 2))
    return np.array([*zps, known.zp_mag]) - true['zp'], [*sigmas, known.zperr_mag]


def fit_with_colourterm(sample, colorterm):
    """The fit of a sample whose colour term is known."""
    flattened = replace(sample, ref_mag=sample.ref_mag - colorterm * (sample.colour - 1), colour=np.ones(len(sample)))
    return zeropoint.fit_zeropoint(flattened, usual_colorterm=(0.0, 1e-6))


if __name__ == '__main__':
    sys.exit(main())
