"""Cost before the first frame: help, the index of a large catalogue, and a run with nothing to do.

Programs are timed as their users start them, with the bare start of Python and of its libraries beside them; each
figure is the CPU time of the least of several starts, in the same run.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from photdbinterface import Measurement, PhotDatabase, RejectedFrame
from ps1catalog import PS1Catalog
from simulation.files import write_bytes, write_sky_table

TOP = Path(__file__).resolve().parents[2]
PER_NIGHT = 200
ROW = {'dateobs': '2020-01-01 00:00:00.000', 'site': 'lsc', 'dome': 'doma', 'telescope': '1m0a', 'camera': 'fa15',
       'filter': 'rp', 'airmass': 1.2, 'zp': 23.5, 'colorterm': 0.1, 'zpsig': 0.03, 'exptime': 60.0}


def main(argv=None):
    """Print one line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--known', type=int, default=20_000, help='frames that the database knows (default: 20000)')
    parser.add_argument('--regions', type=int, default=100_000, help='regions of the catalogue (default: 100000)')
    parser.add_argument('--starts', type=int, default=5)
    options = parser.parse_args(argv)
    bare = start_s(['-c', 'pass'], options.starts)
    print(f'python -c pass: {bare:.3f} s of CPU time')
    for name, arguments in (('import numpy, astropy.io.fits', ['-c', 'import numpy, astropy.io.fits']),
                            ('photcalibration.py --help', ['photcalibration.py', '--help']),
                            ('longtermphotzp.py --help', ['longtermphotzp.py', '--help'])):
        seconds = start_s(arguments, options.starts)
        print(f'{name}: {seconds:.3f} s (x {seconds / bare:.1f})', flush=True)
    with tempfile.TemporaryDirectory() as out:
        nothing_to_do(Path(out), options.known, options.starts)
        large_index(Path(out), options.regions)
    return 0


def start_s(arguments, starts):
    """CPU time [s] of a Python process, the least of so many starts."""
    seconds = []
    for _ in range(starts):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, cwd=TOP, capture_output=True)  # noqa: S603
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(seconds)


def nothing_to_do(out, count, starts):
    """A second run over frames of which half were measured and half rejected; beside importing what it needs."""
    first = out / 'archive' / 'frame'
    write_bytes(first, b' ' * 2880)
    seen = first.stat()
    names = [f'lsc1m005-fa15-{date(2020, 1, 1) + timedelta(days=k // PER_NIGHT):%Y%m%d}-{k % PER_NIGHT:04d}-e91.fits.fz'
             for k in range(count)]
    for name in names:
        folder = out / 'archive' / 'lsc' / 'fa15' / name.split('-')[2] / 'processed'
        folder.mkdir(parents=True, exist_ok=True)
        os.link(first, folder / name)
    with PhotDatabase(out / 'x.db') as database:
        database.add_many(Measurement(name=name, **ROW) for name in names[::2])
        database.reject_many(RejectedFrame(name=name, reason='too-few-stars', detail='', retry=False, size=seen.st_size,
                                           mtime=seen.st_mtime_ns, exptime_s=60.0) for name in names[1::2])
    floor = start_s(['-c', 'import numpy, sqlalchemy'], starts)
    seconds = start_s(['photcalibration.py', '--site', 'lsc', '--imagerootdir', str(out / 'archive'), '--photodb',
                       str(out / 'x.db')], starts)
    print(f'nothing to do over {count} known frames: {seconds:.2f} s (x {seconds / floor:.1f} of importing numpy and '
          f'sqlalchemy, {floor:.2f} s)', flush=True)


def large_index(out, count):
    """Reading SkyTable.fits of so many square regions, all over what PS1 covers, and asking it for a field."""
    side = np.sqrt(0.75 * 41253 / count)
    regions = []
    for south in np.arange(-30, 90, side):
        around = max(1, round(360 * np.cos(np.radians(south + side / 2)) / side))
        regions += [(360 / around * k, 360 / around * (k + 1), south, south + side, f'{south:+.2f}/{k:04d}.fits')
                    for k in range(around)]
    write_sky_table(out / 'SkyTable.fits', regions, parents=False)
    works = (out / 'SkyTable.fits').read_bytes, lambda: PS1Catalog(out)
    bytes_ms, index_ms = (1000 * least_s(work) for work in works)
    catalog, rng = PS1Catalog(out), np.random.default_rng(1)
    places = rng.uniform([0, -29, 0.3], [360, 89, 0.3], (200, 3))
    field_ms = 1000 * least_s(lambda: [catalog._index.overlapping(*place) for place in places]) / len(places)
    print(f'SkyTable of {len(regions)} regions: reading the bytes {bytes_ms:.1f} ms, the index {index_ms:.1f} ms '
          f'(x {index_ms / bytes_ms:.1f}), regions of one field {field_ms:.3f} ms')


def least_s(work):
    seconds = []
    for _ in range(5):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


if __name__ == '__main__':
    sys.exit(main())
