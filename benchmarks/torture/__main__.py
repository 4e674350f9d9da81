"""Faults of every kind on purpose, and their outcome: `make torture`.

Prints one table: class of fault, cases tried, survived, lost; then the lost cases, and notes.  Exit
status 1 where anything was lost.  What 'survived' means for each class stands in docs/reliability.md.

To add classes: write `<subject>.py` beside this file with a list

    CLASSES = [('name in the table', function), ...]

where `function(place: Path) -> Tally` (of `tally.py`) gets a new, empty directory and may use it as it likes, and
put the module's name into MODULES below.  An exception of the function counts as one lost case.  Cases are seeded: two
runs try the same.  The quick part of each class goes into tests/torture/test_<subject>.py.
"""

import argparse
import importlib
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.torture.tally import FaultClass, Tally

MODULES = ('frames', 'catalogue', 'database', 'inputs', 'kill', 'together', 'storage', 'places', 'soak')


def registered() -> list[FaultClass]:
    """All classes of fault, in the order of MODULES."""
    return [fault_class for name in MODULES
            for fault_class in importlib.import_module(f'benchmarks.torture.{name}').CLASSES]


def table(tallies: Iterable[tuple[str, Tally]]) -> str:
    """The table of names and tallies as text, with a line of sums."""
    rows = [(name, tally.tried, tally.survived, len(tally.lost)) for name, tally in tallies]
    rows.append(('all', *(sum(row[n] for row in rows) for n in (1, 2, 3))))
    width = max(len(row[0]) for row in rows)
    head = f'{"class of fault":<{width}}  {"tried":>6}  {"survived":>8}  {"lost":>5}'
    lines = [f'{name:<{width}}  {tried:>6}  {survived:>8}  {lost:>5}' for name, tried, survived, lost in rows]
    return '\n'.join([head, '-' * len(head), *lines[:-1], '-' * len(head), lines[-1]])


def try_class(name: str, function: Callable[[Path], Tally], place: Path) -> Tally:
    """The Tally of one class; a mistake of the class itself is a lost case, with its traceback."""
    print(f'{name} ...', end=' ', file=sys.stderr, flush=True)
    begun = time.monotonic()
    try:
        tally = function(place)
    except Exception:  # the other classes are tried all the same
        tally = Tally(1, (traceback.format_exc(),))
    print(f'{tally.tried} cases, {time.monotonic() - begun:.0f} s', file=sys.stderr, flush=True)
    return tally


def main(argv: Sequence[str] | None = None) -> int:
    """Try all classes; returns 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--only', metavar='WORD', default='', help='only classes with this word in their name')
    options = parser.parse_args(argv)
    tallies = []
    for name, function in registered():
        if options.only in name:
            with tempfile.TemporaryDirectory(prefix='torture-') as place:
                tallies.append((name, try_class(name, function, Path(place))))
    print(table(tallies))
    for name, tally in tallies:
        for title, texts in (('lost', tally.lost), ('note', tally.notes)):
            for text in texts:
                print(f'{title}: {name}: {text}')
    return int(any(tally.lost for _, tally in tallies))


if __name__ == '__main__':
    sys.exit(main())
