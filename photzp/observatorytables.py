"""The tables of `observatory.toml` as frozen values, each of which checks its own rules; `frameformat` has some more.

The comments of `observatory.toml` say what each entry is for.  A broken rule is a `TreeInvalid` that names the key.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated

from photzp.frameformat import ArchiveLayout, Columns, FrameRules, Keywords
from photzp.magnitudes import percent_of_reference
from photzp.plaintext import did_you_mean
from photzp.reportnames import SIZE_CLASS
from photzp.typedtree import TreeInvalid, text

_EVENT_KINDS = ('start', 'cleaning', 'wash', 'recoating', 'break', 'instrument')
_TELESCOPE = re.compile('[a-z0-9]+-[a-z0-9]+-[a-z0-9]+')
BANDS = ('g', 'r', 'i', 'z', 'y')  # of Pan-STARRS1
_HEALTHY_MAX_MAG = 2.5  # 10 % of the reference: a healthy band is narrower


def _telescope(name: object) -> str:
    if not isinstance(name, str) or _TELESCOPE.fullmatch(name) is None:
        small = name.strip().lower() if isinstance(name, str) else ''
        hint = f' (did you mean {small}?)' if _TELESCOPE.fullmatch(small) else ''
        raise ValueError(f'{name!r} is not site-enclosure-telescope, as in lsc-doma-1m0a{hint}')
    return name


def _event_kind(name: str) -> str:
    if name not in _EVENT_KINDS:
        raise ValueError(f'{name!r} is not one of {", ".join(_EVENT_KINDS)}{did_you_mean(name, _EVENT_KINDS)}')
    return name


def _check_colour(colour: str | None) -> None:
    if colour is not None and re.fullmatch('#[0-9a-fA-F]{6}', colour) is None:
        raise TreeInvalid(f'colour: must be red, green and blue in hexadecimal, as "#0072B2", not {colour!r}')


@dataclass(frozen=True)
class Site:
    """Where a site is.

    Attributes
    ----------
    latitude_deg, longitude_deg : float
        Degrees, positive to the north and to the east; the latitude is NaN where only the data name the site.
    """

    latitude_deg: float
    longitude_deg: float

    def __post_init__(self) -> None:
        if abs(self.latitude_deg) > 90 or abs(self.longitude_deg) > 360:
            raise ValueError('latitude must be within 90 and longitude within 360 degrees')


@dataclass(frozen=True)
class CameraType:
    """A kind of camera; its key is the first letters of the names of such cameras.

    Attributes
    ----------
    description : str
        For people.
    colour : str or None
        '#rrggbb', of its colour terms in figures; None for the next of the palette.
    """

    description: str
    colour: str | None = None

    def __post_init__(self) -> None:
        _check_colour(self.colour)


@dataclass(frozen=True)
class Filter:
    """A native filter, as headers name it.

    Attributes
    ----------
    extinction : float
        Magnitudes per airmass.
    ps1_band : str or None
        Band of the reference catalogue; None where it serves no zeropoint for the filter.
    reported_as : str or None
        Filter with which the report combines it; None for itself.
    wavelength_nm : float or None
        Effective wavelength, orders filters on pages and in figures; None comes last.
    colour : str or None
        '#rrggbb', of its lines in figures; None for the next of the palette.
    """

    extinction: float
    ps1_band: str | None = None
    reported_as: str | None = None
    wavelength_nm: float | None = None
    colour: str | None = None

    def __post_init__(self) -> None:
        if self.ps1_band not in (None, *BANDS):
            raise TreeInvalid(f'ps1_band: must be one of {", ".join(BANDS)}')
        if self.wavelength_nm is not None and not 0 < self.wavelength_nm < math.inf:
            raise TreeInvalid('wavelength_nm: must be a positive number of nanometres')
        _check_colour(self.colour)


def colours_of(entries: Mapping[str, CameraType | Filter]) -> dict[str, str]:
    """Colours of camera types or filters in figures.

    Parameters
    ----------
    entries : mapping of str to CameraType or Filter
        The table of the observatory.

    Returns
    -------
    dict of str to str
        '#rrggbb' by key, of the entries that have a colour.
    """
    return {key: entry.colour for key, entry in entries.items() if entry.colour}


@dataclass(frozen=True)
class SizeClass:
    """Telescopes that share an overview plot.

    Attributes
    ----------
    title : str
        For people.
    smallest_m : float
        Smallest diameter in metres; the next larger class begins at its own.
    """

    title: str
    smallest_m: float

    def __post_init__(self) -> None:
        if not 0 <= self.smallest_m < math.inf:
            raise TreeInvalid('smallest_m: must be a diameter in metres, 0 or more')


@dataclass(frozen=True)
class Event:
    """A dated event at a telescope that may change its throughput.

    Attributes
    ----------
    telescope : str
        Site-enclosure-telescope.
    date : datetime.date
        Local date.
    kind : str
        start, cleaning, wash, recoating, break or instrument.
    note : str
        For people.
    """

    telescope: Annotated[str, text, _telescope]
    date: date
    kind: Annotated[str, text, _event_kind]
    note: str = ''


@dataclass(frozen=True)
class ReferenceThroughput:
    """Throughput of a clean telescope.

    Attributes
    ----------
    class_ : str
        Telescope class, as '1m0'.
    filter : str
        Filter as reported.
    zp_mag : float
        Zeropoint at airmass 1 and g-i = 1.
    camera_type : str or None
        The only camera type that it holds for; None for all.
    from_ : datetime.date or None
        First date that it holds for; None for all.
    """

    class_: str
    filter: str
    zp_mag: float
    camera_type: str | None = None
    from_: date | None = None


@dataclass(frozen=True)
class GainRepair:
    """A camera whose header gain was wrong, in from_ <= date < until.

    Attributes
    ----------
    camera : str
        Name of the camera.
    ratio : tuple of float
        Gain in the header and true gain.
    from_, until : datetime.date or None
        First date with, and first date without the repair; None for no limit.
    """

    camera: str
    ratio: tuple[float, ...]
    from_: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if len(self.ratio) != 2 or min(self.ratio) <= 0:
            raise TreeInvalid('ratio: must be two positive gains')
        if self.from_ and self.until and not self.from_ < self.until:
            raise TreeInvalid(f'until: must be after from, {self.from_}, not {self.until}')


@dataclass(frozen=True)
class ColourTerm:
    """The usual colour term in a filter.

    Attributes
    ----------
    camera : str
        Camera or camera type.
    filter : str
        Native filter.
    colorterm, error : float
        Colour term, and how far single cameras lie from it (1 sigma) [mag/mag].
    """

    camera: str
    filter: str
    colorterm: float
    error: float

    def __post_init__(self) -> None:
        if self.error <= 0:
            raise TreeInvalid('error: must be positive')


@dataclass(frozen=True)
class ReferenceRules:
    """Which stars of the reference catalogue are used.

    Attributes
    ----------
    saturation_mag : dict of str to float
        Saturation of the catalogue, by band.
    margin_mag : float
        Stars must be fainter than saturation by this.
    colour_range_mag : tuple of float
        Bluest and reddest g-i.
    """

    saturation_mag: dict[str, float]
    margin_mag: float
    colour_range_mag: tuple[float, ...]

    def __post_init__(self) -> None:
        colours = self.colour_range_mag
        if len(colours) != 2 or not colours[0] < colours[1]:
            raise TreeInvalid('colour_range_mag: must be two colours, the bluer first')

    def bright_limit_mag(self, band: str) -> float:
        """Magnitude of the brightest stars that are used.

        Parameters
        ----------
        band : str
            Band of the catalogue.

        Returns
        -------
        float
            Far below any star where the band has no saturation.
        """
        return self.saturation_mag.get(band, -99.0) + self.margin_mag


@dataclass(frozen=True)
class ThroughputRules:
    """When a telescope counts as healthy.

    Attributes
    ----------
    healthy_mag : float
        Width of the healthy band below the reference.
    reference_error_mag : float
        1-sigma error of the reference zeropoints, common to all telescopes of a class.
    """

    healthy_mag: float
    reference_error_mag: float

    def __post_init__(self) -> None:
        if not 0 < self.healthy_mag < _HEALTHY_MAX_MAG:
            raise TreeInvalid(f'healthy_mag: must be more than 0 and less than {_HEALTHY_MAX_MAG} mag')
        if not 0 <= self.reference_error_mag < _HEALTHY_MAX_MAG:
            raise TreeInvalid(f'reference_error_mag: must be 0 or more and less than {_HEALTHY_MAX_MAG} mag')

    @property
    def healthy_percent(self) -> float:
        """Lower end of the healthy band in percent of the reference."""
        return percent_of_reference(-self.healthy_mag)


@dataclass(frozen=True, kw_only=True)
class AlarmLimits:
    """Limits beyond which `longtermphotzp.py --check` has a finding.

    Attributes
    ----------
    throughput_below_percent : float
        Throughput in percent of the reference.
    fell_in_week_mag, step_mag, cameras_apart_mag, colorterm_moved, scatter_grew_factor : float
        Changes; `observatory.toml` says of what.
    step_news_days, silent_days, closed_days : int
        Age up to which a step is news; days of silence after which a telescope is reported, and counts as closed.
    run_overdue_hours : float
        Time since the last run that ended well.
    significance : float
        Standard errors that a change must be, too.
    """

    throughput_below_percent: float
    fell_in_week_mag: float
    step_mag: float
    step_news_days: int
    cameras_apart_mag: float
    colorterm_moved: float
    scatter_grew_factor: float
    silent_days: int
    closed_days: int
    run_overdue_hours: float
    significance: float

    def __post_init__(self) -> None:
        for name, limit in asdict(self).items():
            smallest = 1 if name == 'scatter_grew_factor' else 0
            if not limit > smallest:
                raise TreeInvalid(f'{name}: must be more than {smallest}')


@dataclass(frozen=True, kw_only=True)
class ObservatoryTables:
    """All tables and lists of `observatory.toml`; tables are by key.

    Attributes
    ----------
    sites, camera_types, size_classes : dict
        Tables by the key of the site, camera type and size class.
    filters : dict of str to Filter
        By the native name, that of headers.
    telescopes : tuple of str
        Site-enclosure-telescope.
    events : tuple of Event
        In order of telescope, date and kind.
    reference_throughput, gain_repairs, colour_terms : tuple
        In order of the file; of several entries that fit, the last one counts.
    archive, keywords, columns, frame : ArchiveLayout, Keywords, Columns, FrameRules
        How frames are written.
    reference_catalogue, throughput, alarms : ReferenceRules, ThroughputRules, AlarmLimits
        Limits.
    """

    sites: dict[str, Site]
    telescopes: tuple[Annotated[str, _telescope], ...]
    camera_types: dict[str, CameraType]
    filters: dict[str, Filter]
    events: tuple[Event, ...]
    reference_throughput: tuple[ReferenceThroughput, ...]
    gain_repairs: tuple[GainRepair, ...]
    colour_terms: tuple[ColourTerm, ...]
    archive: ArchiveLayout
    keywords: Keywords
    columns: Columns
    frame: FrameRules
    reference_catalogue: ReferenceRules
    alarms: AlarmLimits
    throughput: ThroughputRules
    size_classes: dict[str, SizeClass]

    def __post_init__(self) -> None:
        for name, entry in self.filters.items():
            if entry.reported_as not in (None, *self.filters):
                raise TreeInvalid(f'filters.{name}.reported_as: {entry.reported_as!r} is not a filter of this file')
        for name, size in self.size_classes.items():
            if re.fullmatch(SIZE_CLASS, name) is None:
                raise TreeInvalid(f'size_classes.{name}: the key becomes part of file names: up to 20 lower-case '
                                  'letters and digits')
            if [other.smallest_m for other in self.size_classes.values()].count(size.smallest_m) > 1:
                raise TreeInvalid(f'size_classes.{name}.smallest_m: another class begins at {size.smallest_m:g} m too')
