"""The command line of a script: a parser with one layout of help and errors, and the types of options."""

import argparse
import logging
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NoReturn

from photzp.dates import parse_date
from photzp.errors import COULD_NOT_RUN
from photzp.names import safe_part
from photzp.plaintext import did_you_mean, printable, without_passwords
from photzp.program import VERSION
from photzp.running.loglines import json_line

_MAX_PROCESSES = 1000


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose help has the same width everywhere and no colour, and whose errors are one line.

    Parameters
    ----------
    **settings : object
        As of argparse.ArgumentParser, but for the formatter.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_help_layout, allow_abbrev=False, **settings)
        self.color = False  # Python 3.14 and later
        self._logs_json = False
        self.add_argument('--version', action='version', version=f'%(prog)s {VERSION}')

    def add_log_options(self) -> None:
        """Add --log-level and --log-format: the last group of the help."""
        group = self.add_argument_group('log and summary')
        levels = ('DEBUG', 'INFO')
        group.add_argument('--log-level', choices=levels, default='INFO', help='how much to log (default: INFO)')
        group.add_argument('--log_level', choices=levels, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        group.add_argument('--log-format', choices=('text', 'json'), default='text',
                           help='json: log and summary as one JSON object per line, for log collectors (default: text)')

    def parse_args(self, args: Sequence[str] | None = None,  # type: ignore[override]  # overloads say the same
                   namespace: Any = None) -> Any:
        """As in argparse; the error of an unknown option names the nearest one.

        Parameters
        ----------
        args : sequence of str, optional
            The default is sys.argv[1:].
        namespace : argparse.Namespace, optional
            Filled in, if given.

        Returns
        -------
        argparse.Namespace
            One attribute per option.
        """
        args = sys.argv[1:] if args is None else list(args)
        self._logs_json = '--log-format=json' in args or ('--log-format', 'json') in pairwise(args)
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].partition('=')[0]
            names = [name for action in self._actions for name in action.option_strings]
            self.error(f'{word}: there is no such option{did_you_mean(word, names)}' if word.startswith('-')
                       else f'{word}: belongs to no option; options begin with --')
        return options

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the command line, which may hold the URL of a database, and end with status 2.

        Parameters
        ----------
        message : str
            Of argparse, or of an option's type.
        """
        text = f'{message.removeprefix("argument ")}; see {self.prog} --help'
        line = (json_line(logging.ERROR, text, script=self.prog) if self._logs_json
                else f'{self.prog}: error: {printable(without_passwords(text))}')
        self.exit(COULD_NOT_RUN, f'{line}\n')


def _help_layout(prog: str, **settings: Any) -> argparse.HelpFormatter:
    """The formatter of the help."""
    settings['width'] = 100
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, **settings)


def names_option(text: str) -> tuple[str, ...]:
    """Names separated by commas, as argparse type.

    Parameters
    ----------
    text : str
        As 'lsc, cpt'.

    Returns
    -------
    tuple of str
        At least one, each once and fit for a file name.
    """
    names = tuple(dict.fromkeys(part.strip() for part in text.split(',') if part.strip()))
    if not names:
        raise argparse.ArgumentTypeError('no name given')
    try:
        return tuple(safe_part(name) for name in names)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def whole_number(text: str) -> int:
    """A whole number, as argparse type.

    Parameters
    ----------
    text : str
        As int() reads it.

    Returns
    -------
    int
        Of any sign.
    """
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is no whole number') from None


def processes_option(text: str) -> int:
    """A number of processes, as argparse type.

    Parameters
    ----------
    text : str
        A whole number.

    Returns
    -------
    int
        From 1 to 1000.
    """
    count = whole_number(text)
    if not 1 <= count <= _MAX_PROCESSES:
        raise argparse.ArgumentTypeError(f'{text} processes: must be from 1 to {_MAX_PROCESSES}')
    return count


def date_option(text: str) -> str:
    """A date, as argparse type.

    Parameters
    ----------
    text : str
        YYYYMMDD or YYYY-MM-DD.

    Returns
    -------
    str
        YYYYMMDD.
    """
    try:
        return parse_date(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def yes_or_no_option(text: str) -> bool:
    """A switch, as argparse type.

    Parameters
    ----------
    text : str
        A word for yes or no, in any case.

    Returns
    -------
    bool
    """
    words = {'true': True, 'yes': True, 'on': True, '1': True, 'false': False, 'no': False, 'off': False, '0': False}
    if text.lower() not in words:
        raise argparse.ArgumentTypeError(f'{text!r} is neither True nor False')
    return words[text.lower()]


def percent_option(text: str) -> float:
    """A percentage of the reference, as argparse type.

    Parameters
    ----------
    text : str
        A number between 0 and 200.

    Returns
    -------
    float
    """
    try:
        percent = float(text)
    except ValueError:
        percent = 0.0
    if not 0 < percent < 200:
        raise argparse.ArgumentTypeError(f'{text!r} is no percentage between 0 and 200')
    return percent
