"""What a frame costs beside its floors: reading its bytes, and opening it with astropy to read SCI header and CAT.

Frames have the pixels and so the size of real ones, and checksums.  Each figure is CPU time per frame, the least of
several rounds over the same frames in the same run, as others on the machine can only slow a round down.  The
catalogue is warm.  The ratios count; where stars dominate the cost, milliseconds per 1,000 reference stars.
"""

import argparse
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path

from photzp.calibration.calibrate import calibrate_in
from photzp.frames.banzai import read_frame
from photzp.observatory import load_observatory
from ps1catalog import PS1Catalog
from simulation.__main__ import main as simulate


def main(argv=None):
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--frames', type=int, default=40, help='of each regime, 10 to 20 MB each (default: 40)')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--regimes', nargs='+', default=['ordinary', 'plane', 'wide'])
    options = parser.parse_args(argv)
    for regime in options.regimes:
        with tempfile.TemporaryDirectory() as out:
            simulate(['night', out, '--frames', str(options.frames), '--regimes', regime, '--defects', '0',
                             '--noise'])
            print_costs(regime, Path(out), options.rounds)
    return 0


def print_costs(regime, out, rounds):
    observatory, catalog = load_observatory(), PS1Catalog(out / 'ps1')
    truth = json.loads((out / 'truth.json').read_text(encoding='utf-8'))['frames']
    paths = [out / true['path'] for true in truth.values() if true['measurable']]
    references = 0
    for path in paths:
        add_checksums(path)
        frame = read_frame(path, observatory)
        references += len(catalog.cone(frame.ra_deg, frame.dec_deg, frame.radius_deg)) / len(paths)
    works = {'bytes': Path.read_bytes, 'floor': floor, 'read': lambda path: read_frame(path, observatory),
             'all': lambda path: measure(path, observatory, catalog)}
    ms = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            ms[name].append(cpu_ms(work, paths))
    ms = {name: min(rounds_ms) for name, rounds_ms in ms.items()}
    size = sum(path.stat().st_size for path in paths) / len(paths)
    print(f'{regime:10}{len(paths):4d} frames of {size / 1e6:.1f} MB, {references:.0f} reference stars; per frame: '
          f'bytes {ms["bytes"]:.1f} ms, floor {ms["floor"]:.1f} ms, read_frame {ms["read"]:.1f} ms '
          f'(x {ms["read"] / ms["floor"]:.2f}), read + cone + match + fit {ms["all"]:.1f} ms '
          f'(x {ms["all"] / ms["floor"]:.2f}; {1000 * ms["all"] / references:.1f} ms per 1,000 reference stars)',
          flush=True)


def add_checksums(path):
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        with fits.open(path, mode='update', disable_image_compression=True) as hdus:
            for hdu in hdus:
                hdu.add_checksum()


def floor(path):
    from astropy.io import fits

    with fits.open(path, memmap=False, disable_image_compression=True) as hdus:
        header = hdus['SCI'].header if 'SCI' in hdus else hdus[0].header
        return header['EXPTIME'], hdus['CAT'].data['flux'].sum()


def measure(path, observatory, catalog):
    return calibrate_in(catalog, read_frame(path, observatory), observatory)


def cpu_ms(work, paths):
    started = time.process_time()
    for path in paths:
        work(path)
    return 1000 * (time.process_time() - started) / len(paths)


if __name__ == '__main__':
    sys.exit(main())
