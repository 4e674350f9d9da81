"""How many rows a second each kind of database takes, and how large they are: `python -m benchmarks.speed.database`.

Rows are written as photcalibration.py does, one transaction each, by one writer and by four at once; the floor is an
INSERT of a name alone, committed, by the bare driver.  The ratios count: what a commit costs is up to the disk.
PostgreSQL is a server of this benchmark's own, once as it is by default, when a commit waits for the disk, and once so
that it does not (synchronous_commit off: a crash of the server costs the last rows, and damages nothing).
"""

import argparse
import multiprocessing
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from functools import partial

import psycopg
import sqlalchemy as sa

from photdbinterface import Measurement, PhotDatabase
from tests.support import postgresqlserver

WRITERS = 4


def main(argv=None):
    """Print a line for each way of writing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rows', type=int, default=2000)
    parser.add_argument('--directory', help='where the databases are put: the disk that is measured')
    options = parser.parse_args(argv)
    tempfile.tempdir = options.directory
    with tempfile.TemporaryDirectory() as out:
        print_rates('SQLite', f'{out}/zp.db', partial(sqlite_floor, f'{out}/floor.db', options.rows), options.rows)
    if postgresqlserver.programs() is None:
        print('PostgreSQL is not installed')
        return 0
    for kind, setting in (('PostgreSQL', ''), ('without synchronous_commit', '?options=-csynchronous_commit%3Doff')):
        with postgresqlserver.server(fsync=True) as server:
            url = server.url + setting
            print_rates(kind, url, partial(postgresql_floor, url, options.rows), options.rows)
    print(f'{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}')
    return 0


def print_rates(kind, place, floor, rows):
    """Time the ways of writing one after the other, into the same database."""
    PhotDatabase(place).close()
    floor_s, before = timed(floor), time.process_time()
    one_s, cpu_s = timed(lambda: write(place, 0, rows)), time.process_time() - before
    for way, seconds in (('the floor', floor_s), ('one writer', one_s),
                         (f'{WRITERS} writers', timed(lambda: write_at_once(place, rows))),
                         ('1000 rows a transaction', timed(lambda: write(place, WRITERS + 1, 10 * rows, 1000)) / 10)):
        print(f'{kind:26} | {way:23} | {rows / seconds:8.0f} rows per second | x {floor_s / seconds:5.2f}', flush=True)
    size, count = size_of(place)
    print(f'{kind:26} | {1000 * cpu_s / rows:.1f} ms of CPU time a row for one writer; {count} rows of '
          f'{size / count:.0f} bytes, indexes counted', flush=True)


def timed(work):
    """Wall time of a call [s]."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def measured(writer, number):
    """A measurement with a value in every column."""
    name = f'lsc1m005-fa{writer:02d}-20{number // 10000:06d}-{number % 10000:04d}-e91.fits.fz'
    return Measurement(
        name, '2019-08-05 23:59:59.987', 'lsc', 'doma', '1m0a', f'fa{writer:02d}', 'gp', 1.2345, 24.1 + number / 7e6,
        0.0123 + number / 7e7, 0.0412, 0.0021, 0.0041, 1.0, 212, 60.5, -1.1e-6, False, True, 0.71, 540, 0.112, 0.31,
        0.0012, 0.0009, 2.51, 1.0625)


def write(place, writer, rows, together=1):
    """Add so many rows, so many in one transaction."""
    with PhotDatabase(place) as database:
        for first in range(0, rows, together):
            database.add_many([measured(writer, number) for number in range(first, first + together)])


def write_at_once(place, rows):
    """The same by several processes, which share the rows."""
    spawn = multiprocessing.get_context('fork')
    processes = [spawn.Process(target=write, args=(place, 1 + writer, rows // WRITERS)) for writer in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0, 'a writer failed'


def sqlite_floor(file, rows):
    """Committed INSERTs by the driver, with the write-ahead log that the product has."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute('pragma journal_mode=wal')
        connection.execute('create table floor (name text primary key)')
        for number in range(rows):
            connection.execute('insert into floor values (?)', (measured(0, number).name,))


def postgresql_floor(url, rows):
    """Committed INSERTs by the driver."""
    address = sa.make_url(url).set(drivername='postgresql').render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute('create table floor (name text primary key)')
        for number in range(rows):
            connection.execute('insert into floor values (%s)', (measured(0, number).name,))


def size_of(place):
    """(bytes, rows) of the table of measurements with its indexes."""
    server = '://' in place
    with sa.create_engine(place if server else f'sqlite:///{place}').connect() as connection:
        size = ("select pg_total_relation_size('lcophot')" if server else
                "select (select page_count from pragma_page_count) * (select page_size from pragma_page_size)")
        return connection.scalar(sa.text(size)), connection.scalar(sa.text('select count(*) from lcophot'))


if __name__ == '__main__':
    sys.exit(main())
