"""Names of the files of the report: made and parsed here only."""

import re
from dataclasses import dataclass

from photzp.names import Telescope, safe_file, safe_part

SERIES_FILES = {'photzptrend': 'png', 'colortermtrend': 'png', 'airmasstrend': 'png', 'errorhist': 'png',
                'mirrormodel': 'csv', 'trenddata': 'json'}
_STEMS = {'trenddata': 'photzptrend'}  # named as its plot
SIZE_CLASS = '[a-z0-9]{1,20}'  # key of a size class of telescopes, as 0m4: no underscore, which ends it in a file name
OVERVIEW_KIND = f'allmodels_{SIZE_CLASS}|colorterms'
TELESCOPE_PLOT, TELESCOPE_PAGE = 'telescopetrend', 'telescope'  # of one telescope in all filters
STATE_FILE = 'report-state.json'  # memory of the report, see report/state.py
SITE_FILES = ('nightcalendar',)
FITS_FILE = 'report-fits.npz'  # and the fits of all telescopes and filters, see report/fitarchive.py
STATIC_TYPES = ('.css', '.js', '.txt')  # what pages load besides; no other file of the report is of these types
_SERIES_FILE = re.compile(r'([a-z]+)-([^-]+-[^-]+-[^-]+)-(.+)\.(png|csv|json)')
_SERIES_KINDS = {(_STEMS.get(kind, kind), type_): kind for kind, type_ in SERIES_FILES.items()}
_OVERVIEW_FILE = re.compile(rf'({OVERVIEW_KIND})_(.+)\.png')
_SITE_FILE = re.compile(rf'({"|".join(SITE_FILES)})-([^-]+)\.png')


@dataclass(frozen=True, order=True)
class ReportName:
    """The parts of the name of a plot or table of the report.

    Attributes
    ----------
    kind : str
        Key of SERIES_FILES, kind of overview, or one of SITE_FILES.
    telescope : str or None
        site-enclosure-telescope; None in the name of an overview of many telescopes, and of a site.
    filter : str
        '' in the name of a site.
    site : str
        '' in all other names.
    """

    kind: str
    telescope: str | None
    filter: str
    site: str = ''


def trend_plot_name(kind: str, telescope: str, filter_name: str) -> str:
    """Name of the plot or table of one telescope in one filter.

    Parameters
    ----------
    kind : str
        A key of SERIES_FILES.
    telescope : str
        site-enclosure-telescope.
    filter_name : str

    Returns
    -------
    str

    Raises
    ------
    ValueError
        `parse_report_name` could not read the name, or it may not be that of a file.
    """
    stem = _STEMS.get(kind, kind)
    return safe_file(f'{stem}-{Telescope.parse(telescope)}-{safe_part(filter_name)}.{SERIES_FILES[kind]}')


def telescope_plot_name(telescope: str) -> str:
    """Name of the plot of one telescope in all filters.

    Parameters
    ----------
    telescope : str
        site-enclosure-telescope.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        As `trend_plot_name` does.
    """
    return safe_file(f'{TELESCOPE_PLOT}-{Telescope.parse(telescope)}.png')


def telescope_page_name(telescope: str) -> str:
    """Name of the page of one telescope.

    Parameters
    ----------
    telescope : str
        site-enclosure-telescope.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        As `trend_plot_name` does.
    """
    return safe_file(f'{TELESCOPE_PAGE}-{Telescope.parse(telescope)}.html')


def overview_plot_name(kind: str, filter_name: str) -> str:
    """Name of the plot of many telescopes in one filter.

    Parameters
    ----------
    kind : str
        colorterms, or allmodels_<size class>.
    filter_name : str

    Returns
    -------
    str

    Raises
    ------
    ValueError
        There is no such kind, or the name may not be that of a file.
    """
    if re.fullmatch(OVERVIEW_KIND, kind) is None:
        raise ValueError(f'{kind!r} is not a kind of overview: colorterms, or allmodels_ and a size class')
    return safe_file(f'{kind}_{safe_part(filter_name)}.png')


def site_plot_name(kind: str, site: str) -> str:
    """Name of the plot of one site.

    Parameters
    ----------
    kind : str
        One of SITE_FILES.
    site : str

    Returns
    -------
    str

    Raises
    ------
    ValueError
        There is no such kind, or `parse_report_name` could not read the name.
    """
    if kind not in SITE_FILES or '-' in site:
        raise ValueError(f'{kind!r} is not a kind of plot of a site: {", ".join(SITE_FILES)}; or {site!r} is no site')
    return safe_file(f'{kind}-{safe_part(site)}.png')


def size_class_of(name: str) -> str | None:
    """Key of the size class whose overview plot has a name.

    Parameters
    ----------
    name : str
        Name of any file.

    Returns
    -------
    str or None
        Key as in 'allmodels_0m4_rp.png'; None where the name is not that of such a plot.
    """
    overview = _OVERVIEW_FILE.fullmatch(name)
    before, _, size_class = (overview[1] if overview else '').partition('_')
    return size_class if before == 'allmodels' else None


def parse_report_name(name: str) -> ReportName:
    """Parse the name of a plot or table of the report.

    Parameters
    ----------
    name : str

    Returns
    -------
    ReportName

    Raises
    ------
    ValueError
        It is not the name of a plot or table.
    """
    series, overview, site = (pattern.fullmatch(name) for pattern in (_SERIES_FILE, _OVERVIEW_FILE, _SITE_FILE))
    if series and (series[1], series[4]) in _SERIES_KINDS:
        parsed = ReportName(_SERIES_KINDS[series[1], series[4]], series[2], series[3])
    elif overview:
        parsed = ReportName(overview[1], None, overview[2])
    elif site:
        safe_part(site[2])
        return ReportName(site[1], None, '', site[2])
    else:
        raise ValueError(f'{name!r} is not the name of a plot or table of the report')
    for part in (*(parsed.telescope or 'all').split('-'), parsed.filter):
        safe_part(part)
    return parsed


def static_file_name(name: str) -> str:
    """Check that a name may be that of a file which pages load: no other file of the report has its extension.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        The name.

    Raises
    ------
    ValueError
        It may not.
    """
    if not name.endswith(STATIC_TYPES):
        raise ValueError(f'{name!r} does not end in one of {", ".join(STATIC_TYPES)}')
    return safe_file(name)
