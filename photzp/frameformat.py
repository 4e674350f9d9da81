"""How an archive and its frames are written: the tables archive, keywords, columns and frame of `observatory.toml`."""

import re
from dataclasses import dataclass

from photzp.typedtree import TreeInvalid


@dataclass(frozen=True, kw_only=True)
class ArchiveLayout:
    """Where frames are below the root of the archive, how they are named, and which are measured.

    Attributes
    ----------
    path : str
        Folders, each a name or one of {site}, {camera}, {dayobs}, {folder}.
    final_folder, preview_folder : str
        What {folder} is for final and for quick-look frames.
    frame_pattern : re.Pattern
        Matches a frame name, with the groups camera, dayobs, obstype and level.
    name_types, header_types : tuple of str
        Frames to measure: type letters in their names, OBSTYPE in their headers.
    """

    path: str
    final_folder: str
    preview_folder: str
    frame_pattern: re.Pattern
    name_types: tuple[str, ...]
    header_types: tuple[str, ...]

    def __post_init__(self) -> None:
        missing = {'camera', 'dayobs', 'obstype', 'level'} - set(self.frame_pattern.groupindex)
        if missing:
            raise TreeInvalid(f'frame_pattern: the group {sorted(missing)[0]} is missing, as in (?P<camera>...)')
        part = r'({(site|camera|dayobs|folder)}|[^{}/]+)'
        if re.fullmatch(f'{part}(/{part})*', self.path) is None:
            raise TreeInvalid('path: must be folder names or {site}, {camera}, {dayobs}, {folder} between slashes')


@dataclass(frozen=True, kw_only=True)
class Keywords:
    """Keywords of the header of a frame.

    Attributes
    ----------
    site, enclosure, telescope, camera, filter, exptime, airmass, dateobs, dayobs, obstype : str
        Keyword of what the name says.
    focus_offset, wcs_error, fwhm, pipeline : str
        Keyword of the offset from focus, of the status of the astrometry, of the seeing, and of the pipeline's version.
    saturation : tuple of str
        Keywords of the saturation limit, the first one in a header counts.
    """

    site: str
    enclosure: str
    telescope: str
    camera: str
    filter: str
    exptime: str
    airmass: str
    dateobs: str
    dayobs: str
    obstype: str
    focus_offset: str
    saturation: tuple[str, ...]
    wcs_error: str
    fwhm: str
    pipeline: str


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Columns of the source catalogue of a frame.

    Attributes
    ----------
    x, y, flux, flux_error, peak, background, flag : str
        Column of what the name says, in any case.
    """

    x: str
    y: str
    flux: str
    flux_error: str
    peak: str
    background: str
    flag: str


@dataclass(frozen=True)
class FrameRules:
    """Which frames count as defocused, and which flags disqualify a star.

    Attributes
    ----------
    focus_offset_max_mm : float
        A frame with a larger offset was defocused on purpose.
    flags_since : str
        Version of the pipeline since which `flags_bad` holds.
    flags_bad, flags_bad_before : int
        Flag bits that disqualify a star, since that version and before it.
    """

    focus_offset_max_mm: float
    flags_since: str
    flags_bad: int
    flags_bad_before: int
