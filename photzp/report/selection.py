"""The series of a report: telescopes and filters of the database that the settings select."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby

from photzp.errors import DatabaseUnusable, UsageInvalid
from photzp.names import Telescope, safe_part
from photzp.observatory import Observatory
from photzp.plaintext import did_you_mean
from photzp.records import Database
from photzp.report.settings import ReportSettings
from photzp.throughput.rows import Series

log = logging.getLogger('photzp.report')


def selection(database: Database, settings: ReportSettings, observatory: Observatory) -> list[Series]:
    """The series of a database that the settings select.

    Parameters
    ----------
    database : Database
    settings : ReportSettings
    observatory : Observatory

    Returns
    -------
    list of Series
        By telescope; some may have no rows.

    Raises
    ------
    DatabaseUnusable, UsageInvalid
        As `every_series` and `selected` do.
    """
    return selected(every_series(database, observatory), settings)


def every_series(database: Database, observatory: Observatory) -> list[Series]:
    """All telescopes with all filters of a database.

    Parameters
    ----------
    database : Database
    observatory : Observatory

    Returns
    -------
    list of Series
        By telescope; some may have no rows.

    Raises
    ------
    DatabaseUnusable
        The database has no zeropoints.
    """
    telescopes = list(dict.fromkeys(database.telescopes()))  # a damaged index repeats some
    native = database.filters()
    if not telescopes or not native:
        raise DatabaseUnusable(f'{database.place}: holds no zeropoints yet; run photcalibration.py first')
    filters = _by_reported(native, observatory)
    # As in the file, not by wavelength: it is the order of the rows of --export, which other programs read.
    order = {name: n for n, name in enumerate(observatory.filters)}
    names = [name for name in sorted(filters, key=lambda f: (order.get(f, 99), f)) if _can_be_file_names([name])]
    return [Series(telescope, name, tuple(filters[name])) for telescope in telescopes if _can_be_file_names(telescope)
            for name in names]


def selected(every: Sequence[Series], settings: ReportSettings) -> list[Series]:
    """Those of the series that the settings select.

    Parameters
    ----------
    every : sequence of Series
        As `every_series` returns them.
    settings : ReportSettings

    Returns
    -------
    list of Series
        In the same order.

    Raises
    ------
    UsageInvalid
        There is no such site, telescope or filter; the message names those that there are.
    """
    telescopes = list(dict.fromkeys(series.telescope for series in every))
    chosen = {t for t in telescopes if settings.site in (None, t.site)
              and settings.telescope in (None, f'{t.enclosure}-{t.name}')}
    if telescopes and not chosen:
        raise UsageInvalid(_no_such_telescope(telescopes, settings))
    filters = sorted({series.filter for series in every})
    if settings.filter is not None and settings.filter not in filters:
        raise UsageInvalid(f'--filter {settings.filter}: no zeropoints{did_you_mean(settings.filter, filters)}; the '
                           f'database has {", ".join(filters)}')
    return [series for series in every if series.telescope in chosen and settings.filter in (None, series.filter)]


def _by_reported(native: Iterable[str], observatory: Observatory) -> dict[str, list[str]]:
    """Native filters by the filter that they are reported as."""
    filters = defaultdict(list)
    for name in native:
        filters[observatory.reported_as(name)].append(name)
    return filters


def _no_such_telescope(telescopes: Iterable[Telescope], settings: ReportSettings) -> str:
    """The message that the database has no such site or telescope, what is most like it, and what it has."""
    by_site = {site: [f'{enclosure}-{name}' for _, enclosure, name in same]
               for site, same in groupby(sorted(telescopes), key=lambda telescope: telescope.site)}
    if settings.site is not None and settings.site not in by_site:
        option, wanted, names = '--site', settings.site, list(by_site)
    else:
        assert settings.telescope is not None, 'called for a telescope or a site that is not in the database'
        option, wanted = '--telescope', settings.telescope
        names = sorted({name for site, same in by_site.items() if settings.site in (None, site) for name in same})
    where = f' at {settings.site}' if option == '--telescope' and settings.site else ''
    return (f'{option} {wanted}: no such {option[2:]}{where}{did_you_mean(wanted, names)}; the database has '
            + ', '.join(names))


def _can_be_file_names(parts: Iterable[str]) -> bool:
    """Whether all parts may become part of file names; one that may not is logged."""
    try:
        return all(safe_part(part) for part in parts)
    except ValueError as error:
        log.warning('left out of the report: %s', error)
        return False
