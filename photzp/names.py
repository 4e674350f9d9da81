"""The grammar of names: frames in, files out.  No other module takes a frame name apart or puts one together.

A frame is called `<site><tel>-<camera>-<YYYYMMDD>-<nnnn>-<type><level>.fits[.fz]`.  What is before the last dash is the
exposure; one exposure may be on disk at several reduction levels (11 quick look, 91 final), which are the same photons.
"""

import os
import re
from dataclasses import dataclass

_EXTENSION = re.compile(r'\.fits?(\.(fz|gz|bz2))?$', re.IGNORECASE)
_LEVEL = re.compile(r'-[a-z](?P<level>\d{2})$', re.IGNORECASE)
_SAFE_PART = re.compile(r'[A-Za-z0-9][A-Za-z0-9_+.-]{0,63}')  # 64: long enough for any name seen, short for any disk


@dataclass(frozen=True, order=True)
class FrameName:
    """A frame name taken apart: base name, exposure, camera, local night (YYYYMMDD), type letter, reduction level."""

    exposure: str
    name: str
    camera: str
    dayobs: str
    obstype: str
    level: int


def parse_frame_name(path: os.PathLike[str] | str, pattern: re.Pattern[str]) -> FrameName:
    """Take a frame name apart.

    path : str or path; only its base name counts.
    pattern : compiled regular expression with the groups camera, dayobs, obstype and level, matched in full.
    Returns a FrameName, or raises ValueError where the name does not follow the pattern.
    """
    name = base_name(path)
    match = pattern.fullmatch(name)
    if match is None:
        raise ValueError(f'{name!r} is not a frame name')
    return FrameName(exposure_of(name), name, match['camera'], match['dayobs'], match['obstype'], int(match['level']))


def base_name(path: os.PathLike[str] | str) -> str:
    """The last part of a path: older databases hold full paths, newer ones base names of the same frames."""
    return os.path.basename(os.fspath(path))


def exposure_of(path: os.PathLike[str] | str) -> str:
    """The exposure a file belongs to: its base name without reduction level and extension."""
    return _LEVEL.sub('', _EXTENSION.sub('', base_name(path)))


def level_of(path: os.PathLike[str] | str) -> int:
    """The reduction level in a frame name (91 final, 11 quick look), -1 where the name has none."""
    match = _LEVEL.search(_EXTENSION.sub('', base_name(path)))
    return int(match['level']) if match else -1


def safe_part(text: object) -> str:
    """Return `text` if it may become part of a file name or a query, else raise ValueError.

    Allowed are up to 64 letters, digits and the signs ``_ + . -``, beginning with a letter or digit: no path
    separator, no blank, no quote, nothing that HTML or SQL would take for its own.
    """
    if not isinstance(text, str) or _SAFE_PART.fullmatch(text) is None:
        shown = repr(text) if len(repr(text)) < 80 else repr(text)[:76] + '...'
        raise ValueError(f'{shown} is not a name of up to 64 letters, digits and _ + . -')
    return text


def frame_plot(exposure: str, filter_name: str, kind: str) -> str:
    """Name of a diagnostic plot of one frame; kind is zp, color or residuals."""
    return f'{safe_part(exposure)}_{safe_part(filter_name)}_{safe_part(kind)}.png'


# -- the files of the report -------------------------------------------------------------------------------------------

SERIES_FILES = {'photzptrend': 'png', 'colortermtrend': 'png', 'airmasstrend': 'png', 'errorhist': 'png',
                'mirrormodel': 'csv', 'trenddata': 'json'}
_STEMS = {'trenddata': 'photzptrend'}  # named as its plot
SIZE_CLASS = '[a-z0-9]{1,20}'  # key of a size class of telescopes, as 0m4: no underscore, which ends it in a file name
OVERVIEW_KIND = f'allmodels_{SIZE_CLASS}|colorterms'
TELESCOPE_PLOT, TELESCOPE_PAGE = 'telescopetrend', 'telescope'  # of one telescope in all filters
STATE_FILE = 'report-state.json'  # what the report keeps of itself, see report/state.py
SITE_FILES = ('nightcalendar',)
FITS_FILE = 'report-fits.npz'  # and the fits of all telescopes and filters, see report/fitarchive.py
STATIC_TYPES = ('.css', '.js', '.txt')  # what pages load besides; no other file of the report is of these types
_SERIES_FILE = re.compile(r'([a-z]+)-([^-]+-[^-]+-[^-]+)-(.+)\.(png|csv|json)')
_SERIES_KINDS = {(_STEMS.get(kind, kind), type_): kind for kind, type_ in SERIES_FILES.items()}
_OVERVIEW_FILE = re.compile(rf'({OVERVIEW_KIND})_(.+)\.png')
_SITE_FILE = re.compile(rf'({"|".join(SITE_FILES)})-([^-]+)\.png')
_SAFE_FILE = re.compile(r'[A-Za-z0-9][A-Za-z0-9_+.-]{0,199}')  # 200: leaves room for the mark of a temporary file


@dataclass(frozen=True, order=True)
class ReportName:
    """The name of a plot or table of the report taken apart.

    telescope : None for an overview of many telescopes, and for a site.  filter : '' for a site.  site : '' else.
    """

    kind: str
    telescope: str | None
    filter: str
    site: str = ''


def trend_plot_name(kind: str, telescope: str, filter_name: str) -> str:
    """Name of the plot or table of one telescope in one filter.

    kind : a key of SERIES_FILES.  telescope : site-enclosure-telescope.
    Raises ValueError where the name could not be taken apart again, or is none for a file.
    """
    stem = _STEMS.get(kind, kind)
    return safe_file(f'{stem}-{_telescope(telescope)}-{safe_part(filter_name)}.{SERIES_FILES[kind]}')


def telescope_plot_name(telescope: str) -> str:
    """Name of the plot of one telescope in all filters; raises ValueError as trend_plot_name does."""
    return safe_file(f'{TELESCOPE_PLOT}-{_telescope(telescope)}.png')


def telescope_page_name(telescope: str) -> str:
    """Name of the page of one telescope; raises ValueError as trend_plot_name does."""
    return safe_file(f'{TELESCOPE_PAGE}-{_telescope(telescope)}.html')


def _telescope(text: str) -> str:
    """Return `text` if it is site-enclosure-telescope, else raise ValueError."""
    if len([safe_part(part) for part in text.split('-')]) != 3:
        raise ValueError(f'{text!r} is not site-enclosure-telescope')
    return text


def overview_plot_name(kind: str, filter_name: str) -> str:
    """Name of the plot of many telescopes in one filter; kind is colorterms, or allmodels_<size class>."""
    if re.fullmatch(OVERVIEW_KIND, kind) is None:
        raise ValueError(f'{kind!r} is not a kind of overview: colorterms, or allmodels_ and a size class')
    return safe_file(f'{kind}_{safe_part(filter_name)}.png')


def site_plot_name(kind: str, site: str) -> str:
    """Name of the plot of one site; kind is one of SITE_FILES.  ValueError where it could not be taken apart again."""
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
    """Take the name of a plot or table of the report apart: a ReportName, or ValueError where it is none."""
    series, overview, site = (each.fullmatch(name) for each in (_SERIES_FILE, _OVERVIEW_FILE, _SITE_FILE))
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
    """Return `name` if it may be that of a file which pages load: by its type it is no other file of the report.

    Raises ValueError else.
    """
    if not name.endswith(STATIC_TYPES):
        raise ValueError(f'{name!r} does not end in one of {", ".join(STATIC_TYPES)}')
    return safe_file(name)


def safe_file(text: object) -> str:
    """Return `text` if it may be the name of a file or an object in a bucket, else raise ValueError.

    As safe_part, with up to 200 signs.
    """
    if not isinstance(text, str) or _SAFE_FILE.fullmatch(text) is None:
        shown = repr(text) if len(repr(text)) < 80 else repr(text)[:76] + '...'
        raise ValueError(f'{shown} is not a file name of up to 200 letters, digits and _ + . -')
    return text


# -- telescopes and filters --------------------------------------------------------------------------------------------

TelescopeKey = tuple[str, str, str]  # site, enclosure (column dome), telescope
SeriesKey = tuple[str, str]  # telescope as site-enclosure-telescope, filter


def class_of(telescope: str) -> str:
    """The class of a telescope, which its name begins with.

    Telescopes of one class are built alike: they share a reference throughput and the limits of usable frames.

    Parameters
    ----------
    telescope : str
        Its name without site and enclosure, as in '0m4a'.

    Returns
    -------
    str
        Its first three characters, as in '0m4'; of a shorter name all of it.
    """
    return telescope[:3]


def site_of(telescope: str) -> str:
    """The site of a telescope.

    Parameters
    ----------
    telescope : str
        Site-enclosure-telescope, as in 'lsc-doma-1m0a'.

    Returns
    -------
    str
        What is before the first dash, as in 'lsc'.
    """
    return telescope.partition('-')[0]
