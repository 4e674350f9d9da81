"""The syntax of names of frames, files and telescopes.  No other module parses or makes names of frames.

A frame is called `<site><tel>-<camera>-<YYYYMMDD>-<nnnn>-<type><level>.fits[.fz]`.  What is before the last dash is the
exposure; one exposure may be on disk at several reduction levels (11 quick look, 91 final) of the same data.
"""

import os
import re
from dataclasses import dataclass
from typing import NamedTuple

_EXTENSION = re.compile(r'\.fits?(\.(fz|gz|bz2))?$', re.IGNORECASE)
_LEVEL = re.compile(r'-[a-z](?P<level>\d{2})$', re.IGNORECASE)
_SAFE_PART = re.compile(r'[A-Za-z0-9][A-Za-z0-9_+.-]{0,63}')  # 64: longer than any name seen, short for any disk
_SAFE_FILE = re.compile(r'[A-Za-z0-9][A-Za-z0-9_+.-]{0,199}')  # 200: leaves room for the mark of a temporary file


@dataclass(frozen=True, order=True, kw_only=True)
class FrameName:
    """The parts of a frame name.

    Attributes
    ----------
    exposure : str
        The name without level and extension.
    name : str
        The base name.
    camera : str
        As in 'fa15'.
    dayobs : str
        Local night, YYYYMMDD.
    obstype : str
        Letter of the type of exposure, such as 'e'.
    level : int
        Reduction level: 11 quick look, 91 final.
    """

    exposure: str
    name: str
    camera: str
    dayobs: str
    obstype: str
    level: int


def parse_frame_name(path: os.PathLike[str] | str, pattern: re.Pattern[str]) -> FrameName:
    """Parse a frame name.

    Parameters
    ----------
    path : str or path
        Only its base name counts.
    pattern : re.Pattern
        With the groups camera, dayobs, obstype and level; matched in full.

    Returns
    -------
    FrameName

    Raises
    ------
    ValueError
        The name does not follow the pattern.
    """
    name = base_name(path)
    match = pattern.fullmatch(name)
    if match is None:
        raise ValueError(f'{name!r} is not a frame name')
    return FrameName(exposure=exposure_of(name), name=name, camera=match['camera'], dayobs=match['dayobs'],
                     obstype=match['obstype'], level=int(match['level']))


def base_name(path: os.PathLike[str] | str) -> str:
    """The last part of a path: older databases hold full paths, newer ones base names of the same frames.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    str
    """
    return os.path.basename(os.fspath(path))


def exposure_of(path: os.PathLike[str] | str) -> str:
    """The exposure that a file belongs to.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    str
        Its base name without reduction level and extension.
    """
    return _LEVEL.sub('', _EXTENSION.sub('', base_name(path)))


def level_of(path: os.PathLike[str] | str) -> int:
    """The reduction level in a frame name.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    int
        91 final, 11 quick look, -1 where the name has none.
    """
    match = _LEVEL.search(_EXTENSION.sub('', base_name(path)))
    return int(match['level']) if match else -1


def safe_part(text: object) -> str:
    """Check that a text may become part of a file name or a query.

    Parameters
    ----------
    text : object

    Returns
    -------
    str
        The text.

    Raises
    ------
    ValueError
        It is not a str of up to 64 letters, digits and ``_ + . -`` that begins with a letter or digit: no path
        separator, no blank, no quote, no character that means something in HTML or SQL.
    """
    if not isinstance(text, str) or _SAFE_PART.fullmatch(text) is None:
        shown = repr(text) if len(repr(text)) < 80 else repr(text)[:76] + '...'
        raise ValueError(f'{shown} is not a name of up to 64 letters, digits and _ + . -')
    return text


def frame_plot(exposure: str, filter_name: str, kind: str) -> str:
    """Name of a diagnostic plot of one frame.

    Parameters
    ----------
    exposure : str
    filter_name : str
    kind : str
        zp, color or residuals.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        A part is not allowed in a file name.
    """
    return f'{safe_part(exposure)}_{safe_part(filter_name)}_{safe_part(kind)}.png'


def safe_file(text: object) -> str:
    """Check that a text may be the name of a file or of an object in a bucket.

    Parameters
    ----------
    text : object

    Returns
    -------
    str
        The text.

    Raises
    ------
    ValueError
        As `safe_part` does, for more than 200 characters.
    """
    if not isinstance(text, str) or _SAFE_FILE.fullmatch(text) is None:
        shown = repr(text) if len(repr(text)) < 80 else repr(text)[:76] + '...'
        raise ValueError(f'{shown} is not a file name of up to 200 letters, digits and _ + . -')
    return text


# -- telescopes and filters --------------------------------------------------------------------------------------------

class Telescope(NamedTuple):
    """A telescope of the network; `str` gives site-enclosure-telescope, such as 'lsc-domb-1m0a'.

    Attributes
    ----------
    site, enclosure, name : str
        As in the columns site, dome and telescope of the database, such as 'lsc', 'domb' and '1m0a'.
    """

    site: str
    enclosure: str
    name: str

    def __str__(self) -> str:
        return '-'.join(self)

    @classmethod
    def parse(cls, text: str) -> 'Telescope':
        """Parse a telescope written as site-enclosure-telescope.

        Parameters
        ----------
        text : str
            Such as 'lsc-domb-1m0a', which `str` of a Telescope gives.

        Returns
        -------
        Telescope

        Raises
        ------
        ValueError
            The text does not have three parts with dashes between, or `safe_part` does not allow one of them.
        """
        parts = [safe_part(part) for part in text.split('-')]
        if len(parts) != 3:
            raise ValueError(f'{text!r} is not site-enclosure-telescope')
        return cls(*parts)

    @property
    def class_(self) -> str:
        """Its class, as in '0m4'; see `class_of`."""
        return class_of(self.name)


SeriesKey = tuple[str, str]  # telescope as site-enclosure-telescope, filter


def class_of(telescope: str) -> str:
    """The class of a telescope, which its name begins with.

    Telescopes of one class are built alike: they share a reference throughput and the limits of usable frames.

    Parameters
    ----------
    telescope : str
        Its name without site and enclosure, such as '0m4a'.

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
