"""A synthetic observatory with known truth: LCO frames and a PS1 catalogue whose zeropoints were planted.

    python -m simulation night OUT       frames of one night, their PS1 catalogue, and truth.json
    python -m simulation years DATABASE  years of zeropoints of a fleet, their truth and events

What is planted, and how, is told by the modules, from the star to the number in the table: `spec` has what a frame is
drawn from, `sky` the stars and the catalogue, `frame` what a telescope makes of them, `files` the bytes of both, `plan`
the plan of a night, `night` the making of it, and `years` zeropoints over years.  Here is their command line.

Nothing of the science of the product is imported, so that a sign error cannot hide in both; the grammar of names,
errors and the database are shared.  Every random draw comes from a numpy Generator that is handed in: a seed repeats
the run to the byte.
"""

import argparse
import json
import sys
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from photzp.errors import COULD_NOT_RUN, DONE, DatabaseUnusable
from simulation import years
from simulation.night import write_night
from simulation.plan import MIN_USABLE, REGIMES, SITES, plan_night
from simulation.spec import EXTINCTION, KRON_SHAPES, REFERENCE_ZP

# --- commands

def run_night(args: argparse.Namespace) -> None:
    """The command `night`: plan, write, and say what was written."""
    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise ValueError(f'{args.out} is not an empty directory')
    rng = np.random.default_rng(args.seed)
    plans = plan_night(args.frames, rng, sites=args.sites, regimes=args.regimes, date=args.date,
                       defect_share=args.defects, twin_share=args.twins, kron_shape=args.kron_shape)
    records = write_night(args.out, plans, rng, build=args.catalogue, pixels=args.pixels, noise=args.noise)
    write_truth(args.out / 'truth.json', {'seed': args.seed, 'frames': records})
    measurable = sum(record['measurable'] for record in records.values())
    defects = sum(record['defect'] is not None for record in records.values())
    print(f'{len(records)} frames in {args.out}: {measurable} measurable, {defects} with a planted defect, '
          f'{len(records) - measurable - defects} with fewer than {MIN_USABLE} usable stars')


def run_years(args: argparse.Namespace) -> None:
    """The command `years`: zeropoints of a fleet into a new database, truth and events beside it."""
    from photdbinterface import PhotDatabase

    nature = years.Nature(REFERENCE_ZP, EXTINCTION, SITES)
    spec = years.Spec(args.seed, args.telescopes, args.years, args.filters, args.photometric,
                      args.one_per_night, args.start)
    fleet = list(years.simulate(spec, nature))
    PhotDatabase(args.database).close()  # makes the tables
    rows = years.write_database(args.database, fleet, spec)
    truth = args.truth or args.database.with_name(f'{args.database.stem}-truth.json')
    years.write_truth(truth, fleet, spec, nature)
    print(f'{rows} rows of {len(fleet)} telescopes in {args.database}, truth in {truth}, '
          f'events by --observatory {truth.with_name(years.OVERLAY_NAME)}')


def write_truth(path: Path, truth: dict) -> None:
    """Write truth as JSON."""
    path.write_text(json.dumps(truth, indent=1, sort_keys=True) + '\n', encoding='utf-8')


# --- command line

def name_list(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """A type for argparse: a comma list of known names."""
    def names(text: str) -> tuple[str, ...]:
        parts = tuple(part.strip() for part in text.split(',') if part.strip())
        unknown = [part for part in parts if part not in known]
        if unknown or not parts:
            raise argparse.ArgumentTypeError(f'{",".join(unknown) or "nothing"}: choose from {", ".join(known)}')
        return parts
    return names


def share(text: str) -> float:
    """A type for argparse: a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not between 0 and 1')
    return value


def day(text: str) -> str:
    """A type for argparse: a date YYYYMMDD."""
    try:
        return datetime.strptime(text, '%Y%m%d').replace(tzinfo=UTC).strftime('%Y%m%d')
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text} is not a date YYYYMMDD') from None


def iso_day(text: str) -> str:
    """A type for argparse: a date YYYY-MM-DD."""
    try:
        return datetime.strptime(text, '%Y-%m-%d').replace(tzinfo=UTC).strftime('%Y-%m-%d')
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text} is not a date YYYY-MM-DD') from None


def count(text: str) -> int:
    """A type for argparse: a whole number above 0."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return value


def build_parser() -> argparse.ArgumentParser:
    """The command line of this script."""
    parser = argparse.ArgumentParser(description='A synthetic observatory with known truth.')
    commands = parser.add_subparsers(dest='command', required=True)
    add = commands.add_parser('night', help='frames of one night, a PS1 catalogue and truth.json')
    add.set_defaults(run=run_night)
    add.add_argument('out', metavar='OUT', type=Path, help='directory to write to, new or empty')
    add.add_argument('--frames', type=count, default=200, metavar='N', help='number of exposures (default: 200)')
    add.add_argument('--seed', type=int, default=1, metavar='S', help='the same seed gives the same files (default: 1)')
    add.add_argument('--sites', type=name_list(SITES), default=tuple(SITES), metavar='SITE[,SITE]',
                     help=f'sites that observe (default: {",".join(SITES)})')
    add.add_argument('--date', type=day, default='20200213', metavar='YYYYMMDD', help='the night (default: 20200213)')
    add.add_argument('--regimes', type=name_list(REGIMES), metavar='NAME[,NAME]',
                     help='kinds of fields (default: all, in a natural mixture): ' + ', '.join(REGIMES))
    add.add_argument('--defects', type=share, default=0.08, metavar='SHARE',
                     help='share of frames with a planted defect (default: 0.08)')
    add.add_argument('--twins', type=share, default=0.1, metavar='SHARE',
                     help='share of frames with a quick-look twin e11 (default: 0.1)')
    add.add_argument('--kron-shape', choices=KRON_SHAPES, default='snr',
                     help='how the loss of Kron fluxes goes with brightness (default: snr)')
    add.add_argument('--catalogue', choices=('full', 'lean', 'mixed'), default='full',
                     help='columns of the PS1 files: float64 with errors, float32 without, or in turn (default: full)')
    add.add_argument('--pixels', action=argparse.BooleanOptionalAction, default=True,
                     help='write compressed images of the true shape (default), or headers without pixels')
    add.add_argument('--noise', action='store_true',
                     help='give the pixels noise, so that files are as large as real ones')
    add = commands.add_parser('years', help='years of zeropoints of a fleet in a database, and their truth')
    add.set_defaults(run=run_years)
    add.add_argument('database', metavar='DATABASE', type=Path, help='SQLite file to write to, new or without rows')
    add.add_argument('--seed', type=int, default=1, metavar='S', help='the same seed gives the same rows (default: 1)')
    add.add_argument('--telescopes', type=count, default=len(years.TELESCOPES), metavar='N',
                     help='number of telescopes (default: all %(default)s)')
    add.add_argument('--years', type=float, default=4.0, metavar='Y', help='how long (default: 4)')
    add.add_argument('--filters', type=name_list(years.FILTER_FACTOR), metavar='F[,F]',
                     default=tuple(years.FILTER_FACTOR), help='default: all of gp,rp,ip,zp')
    add.add_argument('--photometric', type=share, default=0.6, metavar='SHARE',
                     help='share of nights without cloud (default: 0.6)')
    add.add_argument('--one-per-night', action='store_true', help='one exposure per night and filter')
    add.add_argument('--start', type=iso_day, default='2016-01-01', metavar='YYYY-MM-DD',
                     help='first night (default: 2016-01-01)')
    add.add_argument('--truth', type=Path, metavar='FILE', help='default: DATABASE without its ending, and -truth.json')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 2 could not run."""
    args = build_parser().parse_args(argv)
    try:
        args.run(args)
    except (ValueError, OSError, DatabaseUnusable) as error:
        print(f'simulation: {error}', file=sys.stderr)
        return COULD_NOT_RUN
    return DONE


if __name__ == '__main__':
    sys.exit(main())
