#!/usr/bin/env python3
"""Run photcalibration.py on a range of nights, or on one of the shards that the range is cut into.

Shard i of S takes the nights from number floor(i N / S) to before floor((i + 1) N / S) of N nights in order: the shards
are disjoint, together they are the range, and no two differ by more than one night.
"""

import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

if (Path(__file__).resolve().parents[1] / 'photzp').is_dir():  # those of the checkout, else, as in the image, of pip
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import photcalibration
from photzp.errors import DONE, UsageInvalid
from photzp.running.commandline import Parser, date_option
from photzp.running.script import print_summary, run_script


def parser() -> Parser:
    """The command line of this script."""
    p = Parser(prog='shardnights.py', description=__doc__, epilog=_EPILOG)
    p.add_argument('--first', metavar='DATE', type=date_option, required=True, help='first night, as YYYYMMDD')
    p.add_argument('--last', metavar='DATE', type=date_option, required=True, help='last night, counted')
    p.add_argument('--shard', metavar='I', type=int, default=0, help='which shard, from 0 (default: 0)')
    p.add_argument('--shards', metavar='S', type=int, default=1, help='how many there are (default: 1)')
    p.add_log_options()
    p.add_argument('options', metavar='-- OPTION', nargs='*', help='options of photcalibration.py')
    return p


_EPILOG = """\
example:
  shardnights.py --first 20160401 --last 20241231 --shard 5 --shards 64 -- --photodb postgresql://me@host/photzp

exit status: that of photcalibration.py; 2 also for several shards into one SQLite file
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    p = parser()
    options = p.parse_args(argv)
    if options.first > options.last:
        p.error(f'--first {options.first} is after --last {options.last}')
    if not 0 <= options.shard < options.shards:
        p.error(f'--shard {options.shard}: must be from 0 to {options.shards - 1}, one less than --shards')
    return run_script(run, options, p.prog)


def run(options: Namespace) -> int:
    """Measure the nights of the shard; returns the exit status of photcalibration.py.

    Raises UsageInvalid where several shards would write to one SQLite file.
    """
    nights = nights_of_shard(date.fromisoformat(options.first), date.fromisoformat(options.last),
                             options.shard, options.shards)
    print_summary(f'shard {options.shard} of {options.shards}: '
                  + (f'{len(nights)} nights, {nights[0]} to {nights[-1]}' if nights else 'no nights'))
    if not nights:
        return DONE
    said = ['--log-level', options.log_level, '--log-format', options.log_format]
    arguments = [*said, *options.options, '--date', *nights]
    measuring = photcalibration.parser().parse_args(arguments)
    if options.shards > 1 and not measuring.dry_run and _is_file(measuring.photodb):
        raise UsageInvalid('--photodb: an SQLite file does not take several shards, which run on different machines; '
                           'name a PostgreSQL server by its URL, or use one shard')
    return photcalibration.main(arguments)


def nights_of_shard(first: date, last: date, shard: int, shards: int) -> list[str]:
    """The nights of one shard as YYYYMMDD, in order.

    first, last : the range, both ends counted.  shard : 0 to shards - 1.
    """
    count = (last - first).days + 1
    numbers = range(shard * count // shards, (shard + 1) * count // shards)
    return [(first + timedelta(days=number)).isoformat().replace('-', '') for number in numbers]


def _is_file(place: str | None) -> bool:
    from photzp.database.places import locate

    return locate(place or photcalibration.DEFAULT_DATABASE, 'lcophotzp.db')[0].get_backend_name() == 'sqlite'


if __name__ == '__main__':
    sys.exit(main())
