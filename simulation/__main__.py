"""A synthetic observatory with known truth: LCO frames and a PS1 catalogue whose zeropoints were planted.

    python -m simulation night OUT       frames of one night, their PS1 catalogue, and truth.json
    python -m simulation years DATABASE  years of zeropoints of a fleet, their truth and events

The modules describe what is planted, and how.  A night: `spec` has what a frame is drawn from, `sky` the stars and the
catalogue, `optics` and `frame` what a telescope makes of them, `files` the bytes of both, `fields` where a night
observes, `plan` its frames, `night` all of it.  Years: `fleet` has telescopes, `histories` what happens to them, `rows`
their zeropoints, `yearfiles` the files, `years` all of it.  Here is their command line.

Nothing of the science of the product is imported, so that a sign error cannot hide in both; the grammar of names,
errors and the database are shared.  Every random draw comes from a numpy Generator that is a parameter: a seed repeats
the run to the byte.
"""

import argparse
import json
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from photzp.errors import COULD_NOT_RUN, DONE, DatabaseUnusable
from simulation.cadences import CADENCES
from simulation.fields import REGIMES
from simulation.fleet import FILTER_FACTOR, TELESCOPES, YearsSpec
from simulation.night import write_night
from simulation.plan import MIN_USABLE, NightSpec, plan_night
from simulation.spec import KRON_SHAPES, SITES
from simulation.yearfiles import OVERLAY_NAME, write_database, write_truth
from simulation.years import simulate

# --- commands

def _run_night(args: argparse.Namespace) -> None:
    """Run the command `night`: plan, write, and print what was written."""
    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise ValueError(f'{args.out} is not an empty directory')
    rng = np.random.default_rng(args.seed)
    plans = plan_night(NightSpec(
        frames=args.frames, sites=args.sites, regimes=args.regimes, date=args.date, defect_share=args.defects,
        twin_share=args.twins, kron_shape=args.kron_shape), rng)
    records = write_night(args.out, plans, rng, build=args.catalogue, pixels=args.pixels, noise=args.noise)
    truth = json.dumps({'seed': args.seed, 'frames': records}, indent=1, sort_keys=True)
    (args.out / 'truth.json').write_text(truth + '\n', encoding='utf-8')
    measurable = sum(record['measurable'] for record in records.values())
    defects = sum(record['defect'] is not None for record in records.values())
    print(f'{len(records)} frames in {args.out}: {measurable} measurable, {defects} with a planted defect, '
          f'{len(records) - measurable - defects} with fewer than {MIN_USABLE} usable stars')


def _run_years(args: argparse.Namespace) -> None:
    """Run the command `years`: zeropoints of a fleet into a new database, truth and events beside it."""
    from photdbinterface import PhotDatabase

    spec = YearsSpec(seed=args.seed, telescopes=args.telescopes, years=args.years, filters=args.filters,
                     photometric=args.photometric, one_per_night=args.one_per_night, start=args.start,
                     nights=args.nights, cadence=args.cadence, wet=args.wet, veil=args.veil)
    fleet = list(simulate(spec))
    PhotDatabase(args.database).close()  # makes the tables
    rows = write_database(args.database, fleet, spec)
    truth = args.truth or args.database.with_name(f'{args.database.stem}-truth.json')
    write_truth(truth, fleet, spec)
    print(f'{rows} rows of {len(fleet)} telescopes in {args.database}, truth in {truth}, '
          f'events by --observatory {truth.with_name(OVERLAY_NAME)}')


# --- command line

def _name_list(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """A type for argparse: a comma list of known names."""
    def names(text: str) -> tuple[str, ...]:
        parts = tuple(part.strip() for part in text.split(',') if part.strip())
        unknown = [part for part in parts if part not in known]
        if unknown or not parts:
            raise argparse.ArgumentTypeError(f'{",".join(unknown) or "nothing"}: choose from {", ".join(known)}')
        return parts
    return names


def _checked(convert: Callable[[str], Any], is_valid: Callable[[Any], bool], rule: str) -> Callable[[str], Any]:
    """A type for argparse: a text that can be converted to a valid value; `rule` says which those are."""
    def value_of(text: str) -> Any:
        with suppress(ValueError):
            value = convert(text)
            if is_valid(value):
                return value
        raise argparse.ArgumentTypeError(f'{text} is not {rule}')
    return value_of


def _date(form: str) -> Callable[[str], str]:
    """Function that reads a date in a form of strptime and writes it in the same form."""
    return lambda text: datetime.strptime(text, form).replace(tzinfo=UTC).strftime(form)


_SHARE = _checked(float, lambda value: 0 <= value <= 1, 'between 0 and 1')
_COUNT = _checked(int, lambda value: value >= 1, 'above 0')
_DAY = _checked(_date('%Y%m%d'), bool, 'a date YYYYMMDD')
_ISO_DAY = _checked(_date('%Y-%m-%d'), bool, 'a date YYYY-MM-DD')


def _parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description='A synthetic observatory with known truth.')
    commands = parser.add_subparsers(dest='command', required=True)
    _add_night(commands.add_parser('night', help='frames of one night, a PS1 catalogue and truth.json'))
    _add_years(commands.add_parser('years', help='years of zeropoints of a fleet in a database, and their truth'))
    return parser


def _add_night(parser: argparse.ArgumentParser) -> None:
    """Add the options of `night`."""
    parser.set_defaults(run=_run_night)
    add = parser.add_argument
    add('out', metavar='OUT', type=Path, help='directory to write to, new or empty')
    add('--frames', type=_COUNT, default=200, metavar='N', help='number of exposures (default: 200)')
    add('--seed', type=int, default=1, metavar='S', help='the same seed gives the same files (default: 1)')
    add('--sites', type=_name_list(SITES), default=tuple(SITES), metavar='SITE[,SITE]',
        help=f'sites that observe (default: {",".join(SITES)})')
    add('--date', type=_DAY, default='20200213', metavar='YYYYMMDD', help='the night (default: 20200213)')
    add('--regimes', type=_name_list(REGIMES), metavar='NAME[,NAME]',
        help='kinds of fields (default: all, in a natural mixture): ' + ', '.join(REGIMES))
    add('--defects', type=_SHARE, default=0.08, metavar='SHARE',
        help='share of frames with a planted defect (default: 0.08)')
    add('--twins', type=_SHARE, default=0.1, metavar='SHARE',
        help='share of frames with a quick-look twin e11 (default: 0.1)')
    add('--kron-shape', choices=KRON_SHAPES, default='snr',
        help='how the loss of Kron fluxes goes with brightness (default: snr)')
    add('--catalogue', choices=('full', 'lean', 'mixed'), default='full',
        help='columns of the PS1 files: float64 with errors, float32 without, or in turn (default: full)')
    add('--pixels', action=argparse.BooleanOptionalAction, default=True,
        help='write compressed images of the true shape (default), or headers without pixels')
    add('--noise', action='store_true',
        help='give the pixels noise, so that files are as large as real ones')


def _add_years(parser: argparse.ArgumentParser) -> None:
    """Add the options of `years`."""
    parser.set_defaults(run=_run_years)
    add = parser.add_argument
    add('database', metavar='DATABASE', type=Path, help='SQLite file to write to, new or without rows')
    add('--seed', type=int, default=1, metavar='S', help='the same seed gives the same rows (default: 1)')
    add('--telescopes', type=_COUNT, default=len(TELESCOPES), metavar='N',
        help='number of telescopes (default: all %(default)s)')
    add('--years', type=float, default=4.0, metavar='Y', help='how long (default: 4)')
    add('--filters', type=_name_list(FILTER_FACTOR), metavar='F[,F]',
        default=tuple(FILTER_FACTOR), help='default: all of gp,rp,ip,zp')
    add('--photometric', type=_SHARE, default=0.6, metavar='SHARE',
        help='share of nights without cloud (default: 0.6)')
    add('--nights', choices=('real', 'ideal'), default='real',
        help='real: as described in simulation/years.py (default); ideal: clear or cloudy, without noise of their own')
    add('--cadence', choices=('mixed', *CADENCES), default='mixed', metavar='NAME',
        help=f'how often telescopes observe in real nights: mixed (default), {", ".join(CADENCES)}')
    for name, what in (('wet', 'a wet season of 100 days'), ('veil', 'a veil of some weeks')):
        add(f'--{name}', action=argparse.BooleanOptionalAction,
            help=f'real nights have {what} in each year of each site, or never (default: now and then)')
    add('--one-per-night', action='store_true', help='one exposure per night and filter')
    add('--start', type=_ISO_DAY, default='2016-01-01', metavar='YYYY-MM-DD',
        help='first night (default: 2016-01-01)')
    add('--truth', type=Path, metavar='FILE', help='default: DATABASE without its ending, and -truth.json')


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit status: 0 done, 2 could not run.
    """
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except (ValueError, OSError, DatabaseUnusable) as error:
        print(f'simulation: {error}', file=sys.stderr)
        return COULD_NOT_RUN
    return DONE


if __name__ == '__main__':
    sys.exit(main())
