"""Which series a report is made of: telescopes and filters of the database that the options select."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby

from photzp.errors import DatabaseUnusable, UsageInvalid
from photzp.names import TelescopeKey, safe_part
from photzp.observatory import Observatory
from photzp.plaintext import did_you_mean
from photzp.records import Database
from photzp.report.settings import ReportSettings
from photzp.throughput.rows import Series

log = logging.getLogger('photzp.report')


def selection(database: Database, options: ReportSettings,
              observatory: Observatory) -> list[Series]:
    """The series that the options select, by telescope; some may have no rows.

    Raises UsageInvalid for what the database does not have, naming what it has.
    """
    telescopes, native = list(dict.fromkeys(database.telescopes())), database.filters()  # a damaged index repeats some
    if not telescopes or not native:
        raise DatabaseUnusable(f'{database.place}: holds no zeropoints yet; run photcalibration.py first')
    chosen = [t for t in telescopes if options.site in (None, t[0]) and options.telescope in (None, f'{t[1]}-{t[2]}')]
    if not chosen:
        raise UsageInvalid(_no_such_telescope(telescopes, options))
    filters = defaultdict(list)
    for name in native:
        filters[observatory.reported_as(name)].append(name)
    if options.filter is not None and options.filter not in filters:
        raise UsageInvalid(f'--filter {options.filter}: no zeropoints{did_you_mean(options.filter, filters)}; the '
                           f'database has {", ".join(sorted(filters))}')
    # As in the file, not by wavelength: it is the order of the rows of --export, which other programs read.
    order = {name: n for n, name in enumerate(observatory.filters)}
    kept = sorted((name for name in filters if options.filter in (None, name)), key=lambda f: (order.get(f, 99), f))
    named = {name: tuple(filters[name]) for name in kept if _fit_for_names([name])}
    return [Series(telescope, name, named[name]) for telescope in chosen if _fit_for_names(telescope) for name in named]


def _no_such_telescope(telescopes: Iterable[TelescopeKey], options: ReportSettings) -> str:
    """What of the options the database does not have, what is most like it, and what it has."""
    known = {site: [f'{dome}-{telid}' for _, dome, telid in every]
             for site, every in groupby(sorted(telescopes), key=lambda key: key[0])}
    if options.site is not None and options.site not in known:
        option, wanted, names = '--site', options.site, list(known)
    else:
        assert options.telescope is not None, 'of a telescope or a site that there is not'
        option, wanted = '--telescope', options.telescope
        names = sorted({name for site, every in known.items() if options.site in (None, site) for name in every})
    there = f' at {options.site}' if option == '--telescope' and options.site else ''
    return (f'{option} {wanted}: no such {option[2:]}{there}{did_you_mean(wanted, names)}; the database has '
            + ', '.join(names))


def _fit_for_names(parts: Iterable[str]) -> bool:
    """Whether all parts may become file names; what is not, is said once and left out."""
    try:
        return all(safe_part(part) for part in parts)
    except ValueError as error:
        log.warning('left out of the report: %s', error)
        return False
