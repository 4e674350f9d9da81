#!/usr/bin/env python3
"""How much faster several processes are than one: `python benchmarks/processes.py --processes 1 2`.

The same simulated frames by the script as its users run it, start and end included, each number of processes in turn
and as often as asked; the fastest run of each counts, as others on the machine can only slow a run down.  Their load
is printed, as it decides what can be seen.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import simulation
from framepool import usable_cores


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--processes', type=int, nargs='+', default=[1, usable_cores()])
    parser.add_argument('--frames', type=int, default=400)
    parser.add_argument('--regimes', default='ordinary')
    parser.add_argument('--repeat', type=int, default=2)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as out:
        simulation.main(['night', out, '--frames', str(options.frames), '--regimes', options.regimes, '--defects', '0',
                         '--no-pixels'])
        measure(Path(out), 1)  # warms the cache of the disk
        seconds = {number: [] for number in options.processes}
        for _ in range(options.repeat):
            for number in options.processes:
                seconds[number].append(measure(Path(out), number))
    frames = options.frames
    first = min(seconds[options.processes[0]])
    for number, each in seconds.items():
        print(f'{number:3d} processes: {frames} frames in {min(each):5.1f} s, {frames / min(each):5.1f} per second, '
              f'x {first / min(each):.2f}')
    print(f'{usable_cores()} cores; load of the machine at the end {os.getloadavg()[0]:.1f}; largest process '
          f'{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB')
    return 0


def measure(out, processes):
    """Wall time [s] of one run over all frames."""
    (out / 'x.db').unlink(missing_ok=True)
    begin = time.perf_counter()
    subprocess.run([sys.executable, ROOT / 'photcalibration.py', '--date', '20200213', '--imagerootdir',
                    out / 'archive', '--ps1dir', out / 'ps1', '--photodb', out / 'x.db', '--processes', str(processes)],
                   check=True, capture_output=True)
    return time.perf_counter() - begin


if __name__ == '__main__':
    sys.exit(main())
