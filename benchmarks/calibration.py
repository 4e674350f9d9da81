#!/usr/bin/env python3
"""What a frame costs beside its floor: opening it with astropy and reading the SCI header and the CAT table.

Each figure is CPU time per frame of the same frames in the same run; the ratios are what counts.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import photcalibration
import simulation
from banzaiframe import read_frame
from observatory import load_observatory
from ps1catalog import PS1Catalog


def main(argv=None):
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--frames', type=int, default=40)
    options = parser.parse_args(argv)
    for regime in ('ordinary', 'plane', 'wide'):
        with tempfile.TemporaryDirectory() as out:
            simulation.main(['night', out, '--frames', str(options.frames), '--regimes', regime, '--defects', '0'])
            print_costs(regime, Path(out))
    return 0


def print_costs(regime, out):
    observatory, catalog = load_observatory(), PS1Catalog(out / 'ps1')
    truth = json.loads((out / 'truth.json').read_text(encoding='utf-8'))['frames']
    paths = [out / true['path'] for true in truth.values() if true['measurable']]
    for path in paths:
        floor(path)
        measure(path, observatory, catalog)  # warms the caches of disk and catalogue
    floor_ms, read_ms, all_ms = (cpu_ms(work, paths) for work in (
        floor, lambda path: read_frame(path, observatory), lambda path: measure(path, observatory, catalog)))
    print(f'{regime:10}{len(paths):4d} frames; per frame: floor {floor_ms:6.1f} ms, read_frame {read_ms:6.1f} ms '
          f'(x {read_ms / floor_ms:.2f}), read + cone + match + fit {all_ms:6.1f} ms (x {all_ms / floor_ms:.2f})',
          flush=True)


def floor(path):
    from astropy.io import fits

    with fits.open(path, memmap=False, disable_image_compression=True) as hdus:
        header = hdus['SCI'].header if 'SCI' in hdus else hdus[0].header
        return header['EXPTIME'], hdus['CAT'].data['flux'].sum()


def measure(path, observatory, catalog):
    frame = read_frame(path, observatory)
    references = catalog.cone(frame.ra_deg, frame.dec_deg, frame.radius_deg + photcalibration.CONE_MARGIN_DEG)
    return photcalibration.calibrate(frame, references, observatory)


def cpu_ms(work, paths):
    started = time.process_time()
    for path in paths:
        work(path)
    return 1000 * (time.process_time() - started) / len(paths)


if __name__ == '__main__':
    sys.exit(main())
