"""How far measured zeropoints are from the truth on simulated nights, beside the earlier approach on the same frames.

The earlier approach (`earlier.py`): zp is the median over all pairs.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.accuracy.earlier import single_zeropoints
from benchmarks.accuracy.throughput import rms
from photzp.calibration.calibrate import CONE_MARGIN_DEG, calibrate
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
            of_seed = list(measure_night(Path(out)))
        rows += of_seed
        print_row(f'seed {seed}', of_seed)
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
        earlier_zp = np.median(single_zeropoints(frame, references)[0])
        row = {'regime': true['regime'], 'old': earlier_zp - true['zp'], 'zp': None}
        try:
            fit = calibrate(frame, references, observatory).fit
            row |= {'zp': fit.zp_mag - true['zp'], 'zperr': fit.zperr_mag,
                    'ct': fit.colorterm - true['colorterm'], 'cterr': fit.colortermerr}
        except FrameRejected as rejection:
            print(f'{frame.exposure}: {rejection}', file=sys.stderr)
        yield row


def print_row(name, rows):
    measured = [row for row in rows if row['zp'] is not None]
    zp, zperr, ct, cterr = (np.array([row[key] for row in measured]) for key in ('zp', 'zperr', 'ct', 'cterr'))
    old = np.array([row['old'] for row in rows])
    figures = (1000 * np.median(zp), 1000 * rms(zp), robust_spread(zp / zperr), 1000 * np.abs(zp).max(), 1000 * rms(ct),
               robust_spread(ct / cterr), np.sum(np.abs(zp) > 5 * zperr + 0.010), 1000 * np.median(old),
               1000 * old.std())
    print(f'{name:16}{len(rows):9d}{100 * len(measured) / len(rows):8.1f}%'
          + ''.join(f'{value:9.2f}' for value in figures), flush=True)


if __name__ == '__main__':
    sys.exit(main())
