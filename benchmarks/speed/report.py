"""Cost of the report, from nothing and over an earlier one, compared with reading its rows.

Simulated years of a fleet; each figure is a run of longtermphotzp.py as a process of its own.  The ratios count: the
load of the machine is printed, as others on it make the wall time longer.  `--times 10` does all of it again over ten
times the rows (every frame ten times, with another noise each time), and prints the growth.
"""

import argparse
import contextlib
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
COLUMNS = ('site', 'dome', 'telescope', 'camera', 'filter', 'airmass', 'zp', 'colorterm', 'zpsig', 'zperr',
           'colortermerr', 'zpcolor', 'nstars', 'exptime', 'zpcolortermcov', 'colortermheld', 'meancolor', 'ra', 'dec',
           'fwhm', 'processed')

# Read what the report reads, and nothing else.
SELECT = f"""
import sqlite3, sys
for _ in sqlite3.connect(sys.argv[1]).execute('select name, frame, dateobs, {", ".join(COLUMNS)} from lcophot'):
    pass
"""
# What every run does for the answers: read the fits that are kept, and ask all rooms.
ANSWERS = """
import json, sys
from pathlib import Path
import numpy as np
from photzp.answers.gather import FittedSeries, answer
from photzp.answers.status import SeriesStatus
from photzp.answers.steps import find_steps
from photzp.observatory import load_observatory
from photzp.report.fitarchive import unpack
from photzp.typedtree import typed

out, observatory = Path(sys.argv[1]), load_observatory(sys.argv[2])
fits = unpack((out / 'report-fits.npz').read_bytes())
statuses = [typed(SeriesStatus, each) for each in json.loads((out / 'status.json').read_text())['statuses']]
fleet = {(each.telescope, each.filter): FittedSeries(fits[each.telescope, each.filter], each) for each in statuses}
steps = {telescope: find_steps({name: fit for (other, name), fit in fits.items() if other == telescope})
         for telescope, _ in fits}
answer(fleet, steps, extinction={name: observatory.extinction(name) for _, name in fits}, last_good={},
       limits=observatory.alarms, now=max(fit.time[-1] for fit in fits.values()))
"""
ONE = '(site, dome, telescope) = (select site, dome, telescope from lcophot limit 1)'


def main(argv=None):
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--telescopes', type=int, default=22)
    parser.add_argument('--years', type=float, default=4)
    parser.add_argument('--times', type=int, default=1, help='do it again over so many times the rows')
    parser.add_argument('--processes', type=int, help='of longtermphotzp.py (default: its own)')
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as out:
        database = Path(out) / 'years.db'
        run('-m', 'simulation', 'years', database, '--telescopes', options.telescopes, '--years', options.years,
            '--nights', 'ideal')
        first = measure(database, options.processes)
        if options.times > 1:
            multiply(database, options.times)
            again = measure(database, options.processes)
            print(f'\n{"grew, by a factor of":25} | {"wall":>6} | {"CPU":>6} | MiB of largest')
            for case, cost in again.items():
                wall, cpu, largest = (after / before for before, after in zip(first[case][:3], cost[:3], strict=True))
                print(f'{case:25} | {wall:6.1f} | {cpu:6.1f} | {largest:6.1f}')
    return 0


def measure(database, processes):
    """Print the costs over a database, which gets new nights; returns {case: (wall s, CPU s, MiB, MiB)}."""
    with sqlite3.connect(database) as connection:
        rows, = connection.execute('select count(*) from lcophot').fetchone()
    print(f'\n{rows} rows, {os.cpu_count()} processors\n\ncase                      | wall s |  CPU s | of full | '
          'MiB: largest process | all | load', flush=True)
    with tempfile.TemporaryDirectory() as out:
        return print_costs(database, Path(out), () if processes is None else ('--processes', processes))


def print_costs(database, out, more):
    """Time the cases one after the other, each over the results of the one before."""
    arguments = ('--database', database, '--outputdirectory', out, '--observatory',
                 database.with_name('observatory-years.toml'), *more)
    costs = {}
    for case, where in (('full report', None), ('nothing new', None), ('one telescope new', ONE),
                        ('a new night of all', 'true'), ('the answers alone', None),
                        ('a bare SELECT of the rows', None)):
        if where:
            add_night(database, where)
        if 'SELECT' in case:
            costs[case] = command([sys.executable, '-c', SELECT, database])
        elif 'answers' in case:
            costs[case] = command([sys.executable, '-c', ANSWERS, out, database.with_name('observatory-years.toml')])
        else:
            costs[case] = run('longtermphotzp.py', *arguments)
        wall, cpu, largest, together = costs[case]
        print(f'{case:25} | {wall:6.1f} | {cpu:6.1f} | {cpu / costs["full report"][1]:7.3f} | {largest:20.0f} | '
              f'{together:.0f} | {os.getloadavg()[0]:.1f}', flush=True)
    return costs


def run(script, *arguments):
    """What a script costs in a process of its own: see `command`."""
    return command([sys.executable, *((TOP / script,) if script != '-m' else ('-m',)), *arguments])


def command(words):
    """(wall s, CPU s, MiB of the largest process, MiB of all together) of a command with all that it starts.

    Memory is resident memory, looked at ten times a second; what processes share is counted in each.
    """
    def cpu():
        return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])

    wall, before, largest, together = time.perf_counter(), cpu(), 0, 0
    with subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:  # noqa: S603
        os.set_blocking(process.stderr.fileno(), False)
        errors = b''
        while process.poll() is None:
            errors += process.stderr.read() or b''
            sizes = list(resident(process.pid))
            largest, together = max([largest, *sizes]), max(together, sum(sizes))
            time.sleep(0.1)
        errors += process.stderr.read() or b''
    if process.returncode:
        raise SystemExit(errors.decode())
    return time.perf_counter() - wall, cpu() - before, largest / 1024, together / 1024


def resident(pid):
    """Yield the resident memory of a process and of all below it [KiB]."""
    with contextlib.suppress(OSError):  # it has ended since
        for line in Path(f'/proc/{pid}/status').read_text().splitlines():
            if line.startswith('VmRSS:'):
                yield int(line.split()[1])
        for task in Path(f'/proc/{pid}/task').iterdir():
            for child in (task / 'children').read_text().split():
                yield from resident(child)


def multiply(database, times):
    """Repeat every frame until there are `times` of it, minutes apart, with 12 mmag of noise (rms) of its own."""
    columns = ', '.join(COLUMNS)
    values = columns.replace(' zp,', ' zp + ((rowid * 7919 + {n} * 104729) % 1000 - 500) / 24000.0,')
    with sqlite3.connect(database) as connection:
        last, = connection.execute('select max(rowid) from lcophot').fetchone()
        for n in range(1, times):
            connection.execute(
                f"insert into lcophot (name, frame, dateobs, {columns}) select '{n}-' || name, '{n}-' || frame, "
                f"strftime('%Y-%m-%d %H:%M:%f', dateobs, '+{n} minutes'), {values.format(n=n)} from lcophot "
                f'where rowid <= {last}')


def add_night(database, where):
    """Measure the last night of the telescopes of a condition once more a day later."""
    columns, again = ', '.join(COLUMNS), time.time_ns()
    with sqlite3.connect(database) as connection:
        connection.execute(
            f"insert into lcophot (name, frame, dateobs, {columns}) select '{again}-' || name, '{again}-' || frame, "
            f"strftime('%Y-%m-%d %H:%M:%f', dateobs, '+1 day'), {columns} from lcophot "
            f"where dateobs > (select date(max(dateobs), '-1 day') from lcophot where {where}) and {where}")


if __name__ == '__main__':
    sys.exit(main())
