"""How far measured zeropoints are from the truth on simulated nights, beside the earlier approach on the same frames.

The earlier approach: every reference star within 5" of a source is its match, and zp is the median over the pairs.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from photzp.calibration.calibrate import CONE_MARGIN_DEG, calibrate
from photzp.calibration.starmatch import tangent_plane
from photzp.catalogues.reference import ps1_to_sdss
from photzp.errors import FrameRejected
from photzp.frames.banzai import read_frame
from photzp.observatory import load_observatory
from photzp.robust import robust_spread
from ps1catalog import PS1Catalog
from simulation.__main__ import main as simulate
from simulation.spec import KRON_SHAPES

COLUMNS = ('n', 'meas.', 'median', 'rms', 'width', 'max', 'ct rms', 'ct wid', '>5s+10', 'old med', 'old rms')


def main(argv=None):
    """Print one table: a row per seed and all frames, then a row per kind of field over all seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seeds', type=int, nargs='+', default=[1, 2, 3])
    parser.add_argument('--frames', type=int, default=200)
    parser.add_argument('--kron-shape', default='snr', choices=KRON_SHAPES)
    options = parser.parse_args(argv)
    print('zp - truth and colour term - truth in mmag; width: robust, in units of the error; old: earlier approach')
    print(f'{"frames":16}' + ''.join(f'{name:>9}' for name in COLUMNS))
    rows = []
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as out:
            simulate(['night', out, '--frames', str(options.frames), '--seed', str(seed), '--no-pixels',
                             '--kron-shape', options.kron_shape])
            rows += (found := list(measure_night(Path(out))))
        print_row(f'seed {seed}', found)
    print_row('all', rows)
    for regime in sorted({row['regime'] for row in rows}):
        print_row(regime, [row for row in rows if row['regime'] == regime])
    return 0


def measure_night(out):
    """A dict per measurable frame: errors against the truth, None where the frame was rejected."""
    observatory, catalog = load_observatory(), PS1Catalog(out / 'ps1')
    truth = json.loads((out / 'truth.json').read_text(encoding='utf-8'))['frames']
    for true in (true for true in truth.values() if true['measurable']):
        frame = read_frame(out / true['path'], observatory)
        references = catalog.cone(frame.ra_deg, frame.dec_deg, frame.radius_deg + CONE_MARGIN_DEG)
        row = {'regime': true['regime'], 'old': earlier_zeropoint(frame, references) - true['zp'], 'zp': None}
        try:
            fit = calibrate(frame, references, observatory).fit
            row |= {'zp': fit.zp_mag - true['zp'], 'zperr': fit.zperr_mag,
                    'ct': fit.colorterm - true['colorterm'], 'cterr': fit.colortermerr}
        except FrameRejected as rejection:
            print(f'{frame.exposure}: {rejection}', file=sys.stderr)
        yield row


def earlier_zeropoint(frame, references):
    """Median zeropoint over all pairs within 5", by the earlier approach."""
    sdss = ps1_to_sdss(references)
    good = np.isfinite(sdss.mag[frame.band])
    star = tangent_plane(frame.stars.ra_deg, frame.stars.dec_deg, frame.ra_deg, frame.dec_deg)
    reference = tangent_plane(references.ra_deg, references.dec_deg, frame.ra_deg, frame.dec_deg)[good]
    pairs = cKDTree(star).sparse_distance_matrix(cKDTree(reference), 5.0, output_type='ndarray')
    flux, mag = frame.stars.flux[pairs['i']], sdss.mag[frame.band][good][pairs['j']]
    return np.median((mag + 2.5 * np.log10(np.where(flux > 0, flux, np.nan) / frame.exptime_s))[flux > 0])


def print_row(name, rows):
    done = [row for row in rows if row['zp'] is not None]
    zp, zperr, ct, cterr = (np.array([row[key] for row in done]) for key in ('zp', 'zperr', 'ct', 'cterr'))
    old = np.array([row['old'] for row in rows])
    figures = (1000 * np.median(zp), 1000 * rms(zp), robust_spread(zp / zperr), 1000 * np.abs(zp).max(), 1000 * rms(ct),
               robust_spread(ct / cterr), np.sum(np.abs(zp) > 5 * zperr + 0.010), 1000 * np.median(old),
               1000 * old.std())
    print(f'{name:16}{len(rows):9d}{100 * len(done) / len(rows):8.1f}%' + ''.join(f'{value:9.2f}' for value in figures),
          flush=True)


def rms(values):
    return np.sqrt(np.mean(values**2))


if __name__ == '__main__':
    sys.exit(main())
