"""How much faster several processes are than one: `python -m benchmarks.speed.processes --processes 1 2`.

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

from photzp.running.cores import usable_cores
from simulation.__main__ import main as simulate

SCRIPT = Path(__file__).resolve().parents[2] / 'photcalibration.py'


def main(argv=None):
    """Print one line for each number of processes."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--processes', type=int, nargs='+', default=[1, usable_cores()])
    parser.add_argument('--frames', type=int, default=2000)
    parser.add_argument('--regimes', default='ordinary')
    parser.add_argument('--repeat', type=int, default=2)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as out:
        simulate(['night', out, '--frames', str(options.frames), '--regimes', options.regimes, '--defects', '0',
                         '--no-pixels'])
        measure(Path(out), 1)  # warms the cache of the disk
        seconds = {number: [] for number in options.processes}
        for _ in range(options.repeat):
            for number in options.processes:
                seconds[number].append(measure(Path(out), number))
    first = min(seconds[options.processes[0]])[0]
    for number, runs in seconds.items():
        wall, cpu = min(runs)
        print(f'{number:3d} processes: {options.frames} frames in {wall:5.1f} s, {options.frames / wall:5.1f} per '
              f'second, x {first / wall:.2f}; {1000 * cpu / options.frames:.0f} ms of CPU time a frame')
    print(f'{usable_cores()} cores; load of the machine at the end {os.getloadavg()[0]:.1f}; largest process '
          f'{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB')
    return 0


def measure(out, processes):
    """(wall time, CPU time of all processes) [s] of one run over all frames."""
    (out / 'x.db').unlink(missing_ok=True)
    command = [sys.executable, SCRIPT, '--date', '20200213', '--imagerootdir', out / 'archive', '--ps1dir', out / 'ps1',
               '--photodb', out / 'x.db', '--processes', str(processes)]
    begin, before = time.perf_counter(), cpu_s()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  our own script
    return time.perf_counter() - begin, cpu_s() - before


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == '__main__':
    sys.exit(main())
