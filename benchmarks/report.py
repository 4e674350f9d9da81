#!/usr/bin/env python3
"""What the report costs, from nothing and over an earlier one, beside reading the rows it is made from.

Simulated years of a fleet; each figure is a run of longtermphotzp.py as a process of its own.  The ratios count.
"""

import argparse
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
COLUMNS = ('site', 'dome', 'telescope', 'camera', 'filter', 'airmass', 'zp', 'colorterm', 'zpsig', 'zperr',
           'colortermerr', 'zpcolor', 'nstars', 'exptime', 'zpcolortermcov', 'colortermheld', 'meancolor', 'processed')

ONE = '(site, dome, telescope) = (select site, dome, telescope from lcophot limit 1)'


def main(argv=None):
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--telescopes', type=int, default=22)
    parser.add_argument('--years', type=int, default=4)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as out:
        database = Path(out) / 'years.db'
        run('simulation.py', 'years', database, '--telescopes', options.telescopes, '--years', options.years)
        with sqlite3.connect(database) as connection:
            rows, = connection.execute('select count(*) from lcophot').fetchone()
        print(f'{rows} rows, {os.cpu_count()} processors\n\ncase                     | wall s |  CPU s | of full')
        print_costs(database, Path(out) / 'report')
    return 0


def print_costs(database, out):
    """Time the cases one after the other: each finds what the one before it left."""
    arguments = ('--database', database, '--outputdirectory', out, '--observatory',
                 database.with_name('observatory-years.toml'))
    full = None
    for case, where in (('full report', None), ('nothing new', None), ('one telescope new', ONE),
                        ('a new night of all', 'true')):
        if where:
            add_night(database, where)
        seconds = run('longtermphotzp.py', *arguments)
        full = full or seconds
        print(f'{case:24} | {seconds[0]:6.1f} | {seconds[1]:6.1f} | {seconds[1] / full[1]:7.3f}', flush=True)
    seconds = timed(lambda: select_all(database))
    print(f'{"a bare SELECT of the rows":24} | {seconds[0]:6.1f} | {seconds[1]:6.1f} | {seconds[1] / full[1]:7.3f}')


def run(script, *arguments):
    """(wall, CPU) seconds of a script in a process of its own."""
    command = [sys.executable, TOP / script, *map(str, arguments)]
    return timed(lambda: subprocess.run(command, check=True, capture_output=True))  # noqa: S603 (all of it from here)


def timed(act):
    """(wall, CPU) seconds of this process and its children."""
    def cpu():
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    wall, before = time.perf_counter(), cpu()
    act()
    return time.perf_counter() - wall, cpu() - before


def add_night(database, where):
    """Measure the last night of the telescopes of a condition once more a day later."""
    columns, again = ', '.join(COLUMNS), time.time_ns()
    with sqlite3.connect(database) as connection:
        connection.execute(
            f"insert into lcophot (name, frame, dateobs, {columns}) select '{again}-' || name, '{again}-' || frame, "
            f"strftime('%Y-%m-%d %H:%M:%f', dateobs, '+1 day'), {columns} from lcophot "
            f"where dateobs > (select date(max(dateobs), '-1 day') from lcophot where {where}) and {where}")


def select_all(database):
    """Read what the report reads, and nothing else."""
    with sqlite3.connect(database) as connection:
        for _ in connection.execute(f'select name, frame, dateobs, {", ".join(COLUMNS)} from lcophot'):
            pass


if __name__ == '__main__':
    sys.exit(main())
