"""The observatory as data: sites, telescopes, cameras, filters, events, and how its archive and frames are written.

`load_observatory()` reads `observatory.toml` beside this module; `load_observatory(file)` lays a site's own file over
it.  Everything is checked on reading: a file that breaks a rule is refused with file, key and rule.
"""

import csv
import math
import re
import tomllib
import typing
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from photzp.errors import ObservatoryInvalid
from photzp.magnitudes import percent_of_reference
from photzp.names import class_of
from photzp.reportnames import SIZE_CLASS
from photzp.typedtree import TreeInvalid, text, typed

BUILT_IN = Path(__file__).with_name('observatory.toml')
EVENT_KINDS = ('start', 'cleaning', 'wash', 'recoating', 'break', 'instrument')
BANDS = ('g', 'r', 'i', 'z', 'y')
Events = tuple[tuple[date, str, str], ...]  # date, kind, note
HEALTHY_MAX_MAG = 2.5  # mag, 10 % of the reference: a healthy band is narrower
USUAL_COLORTERM = (0.0, 0.05)  # value and error where observatory.toml has none: see its comment on colour_terms
LISTS = ('reference_throughput', 'gain_repairs', 'colour_terms', 'events', 'telescopes')  # a site's are added to ours

_of_toml = partial(typed, older=True, single=True)  # an optional key may be missing, and `x = 1` stands for `x = [1]`


def _telescope(name: object) -> str:
    if not isinstance(name, str) or re.fullmatch(r'[a-z0-9]+-[a-z0-9]+-[a-z0-9]+', name) is None:
        raise ValueError(f'{name!r} is not site-enclosure-telescope, as in lsc-doma-1m0a')
    return name


def _event_kind(name: str) -> str:
    if name not in EVENT_KINDS:
        raise ValueError(f'{name!r} is not one of {", ".join(EVENT_KINDS)}')
    return name


@dataclass(frozen=True)
class Site:
    """Where a site is [deg]; longitude positive to the east."""

    latitude_deg: float
    longitude_deg: float


@dataclass(frozen=True)
class CameraType:
    """A kind of camera; the type of a camera is the first letters of its name.

    colour : '#rrggbb', of its colour terms in figures; None for the next of the palette.
    """

    description: str
    colour: str | None = None


@dataclass(frozen=True)
class Filter:
    """ps1_band is None where the reference catalogue does not serve the filter; extinction in mag per airmass.

    wavelength_nm : effective, orders filters on pages and in figures; None comes last.
    colour : '#rrggbb', of its lines in figures; None for the next of the palette.
    """

    extinction: float
    ps1_band: str | None = None
    reported_as: str | None = None
    wavelength_nm: float | None = None
    colour: str | None = None


@dataclass(frozen=True)
class SizeClass:
    """Telescopes that share an overview plot: those from this diameter up to that of the next larger class."""

    title: str
    smallest_m: float


@dataclass(frozen=True)
class Event:
    """Something that happened at a telescope (site-enclosure-telescope) on a date; kind is one of EVENT_KINDS."""

    telescope: Annotated[str, text, _telescope]
    date: date
    kind: Annotated[str, text, _event_kind]
    note: str = ''


@dataclass(frozen=True)
class ReferenceThroughput:
    """Zeropoint [mag] at airmass 1 and g-i = 1 of a clean telescope of a class, as '1m0'; None: no narrower."""

    class_: str
    filter: str
    zp_mag: float
    camera_type: str | None = None
    from_: date | None = None


@dataclass(frozen=True)
class GainRepair:
    """A camera whose header gain was wrong: ratio (gain in the header, true gain), in from_ <= date < until."""

    camera: str
    ratio: tuple[float, ...]
    from_: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class ColourTerm:
    """The usual colour term of a camera or camera type in a filter, and how far single cameras lie from it."""

    camera: str
    filter: str
    colorterm: float
    error: float


@dataclass(frozen=True)
class ArchiveLayout:
    """Where frames are below the root, and how their names are made; the types of frames that are measured."""

    path: str
    final_folder: str
    preview_folder: str
    frame_pattern: re.Pattern
    name_types: tuple[str, ...]
    header_types: tuple[str, ...]


@dataclass(frozen=True)
class Keywords:
    """Header keywords, by what they say."""

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


@dataclass(frozen=True)
class Columns:
    """Columns of the source catalogue, by what they hold."""

    x: str
    y: str
    flux: str
    flux_error: str
    peak: str
    background: str
    flag: str


@dataclass(frozen=True)
class FrameRules:
    """When a frame is defocused [mm], and which flag bits disqualify a star, by version of the pipeline."""

    focus_offset_max_mm: float
    flags_since: str
    flags_bad: int
    flags_bad_before: int


@dataclass(frozen=True)
class ReferenceRules:
    """Saturation of the reference catalogue by band, the margin kept to it, and the range of g-i used [mag]."""

    saturation_mag: dict[str, float]
    margin_mag: float
    colour_range_mag: tuple[float, ...]


@dataclass(frozen=True)
class ThroughputRules:
    """A telescope within `healthy_mag` of its reference is in the healthy band."""

    healthy_mag: float

    @property
    def healthy_percent(self) -> float:
        """The lower end of the healthy band in percent of the reference."""
        return percent_of_reference(-self.healthy_mag)


@dataclass(frozen=True)
class AlarmLimits:
    """Beyond which values `longtermphotzp.py --check` has a finding; see observatory.toml for each."""

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


@dataclass(frozen=True)
class Observatory:
    """Everything of `observatory.toml`, checked; see the comments there for the meaning of each entry."""

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

    def ps1_band(self, filter_name: str) -> str | None:
        """Band of the reference catalogue for a filter, None where it is not served or not known."""
        known = self.filters.get(filter_name)
        return known.ps1_band if known else None

    def camera_type(self, camera: str) -> str | None:
        """The camera type a camera's name begins with, the longest one where several fit, None where none does."""
        fitting = [name for name in self.camera_types if camera.startswith(name)]
        return max(fitting, key=len, default=None)

    def camera_kind(self, camera: str) -> str:
        """The camera type of a camera, or what may be one where the file has none: its first two letters."""
        return self.camera_type(camera) or camera[:2]

    def camera_colours(self) -> dict[str, str]:
        """Colours of the camera types that the file gives one."""
        return {name: entry.colour for name, entry in self.camera_types.items() if entry.colour}

    def filter_colour(self, filter_name: str) -> str | None:
        """Colour of a filter in figures, None where the file gives it none."""
        known = self.filters.get(filter_name)
        return known.colour if known else None

    def wavelength_order(self, filter_name: str) -> tuple[float, str]:
        """Sort key that puts filters in order of wavelength; those without one come last, by name."""
        known = self.filters.get(filter_name)
        return (known.wavelength_nm if known else None) or math.inf, filter_name

    def size_classes_by_size(self) -> tuple[str, ...]:
        """Keys of size_classes, the largest telescopes first."""
        return tuple(sorted(self.size_classes, key=lambda key: -self.size_classes[key].smallest_m))

    def size_class(self, telescope: str) -> str:
        """Key of the size class of a telescope, whose name begins with its diameter [m] with m for the point, as 1m0a.

        A name that begins with no diameter counts among the largest.
        """
        found = re.match(r'(\d+)(?:m(\d*))?', class_of(telescope))
        diameter_m = float(f'{found[1]}.{found[2] or 0}') if found else math.inf
        keys = self.size_classes_by_size()
        return next((key for key in keys if self.size_classes[key].smallest_m <= diameter_m), keys[-1])

    def bright_limit_mag(self, band: str) -> float:
        """Reference stars brighter than this [mag] are not used: the catalogue is saturated near it."""
        rules = self.reference_catalogue
        return rules.saturation_mag.get(band, -99.0) + rules.margin_mag

    def usual_colorterm(self, camera: str, filter_name: str) -> tuple[float, float]:
        """(colour term, its error) that a camera usually has in a filter; a camera's own entry beats its type's."""
        for wanted in (camera, self.camera_type(camera)):
            fitting = [t for t in self.colour_terms if (t.camera, t.filter) == (wanted, filter_name)]
            if fitting:
                return fitting[-1].colorterm, fitting[-1].error
        return USUAL_COLORTERM

    def reported_as(self, filter_name: str) -> str:
        """The filter that a native filter is reported with: itself unless the file says otherwise."""
        known = self.filters.get(filter_name)
        return (known.reported_as if known else None) or filter_name

    def extinction(self, filter_name: str) -> float:
        """Extinction [mag/airmass] adopted for a native filter; 0 where the filter is not known."""
        known = self.filters.get(filter_name)
        return known.extinction if known else 0.0

    def longitude_deg(self, site: str) -> float:
        """Longitude of a site [deg], positive to the east; 0 where the site is not known."""
        known = self.sites.get(site)
        return known.longitude_deg if known else 0.0

    def events_of(self, telescope: str) -> Events:
        """Events of a telescope, site-enclosure-telescope, in the order of the file."""
        return tuple((event.date, event.kind, event.note) for event in self.events if event.telescope == telescope)

    def reference_mag(self, telescope_class: str, filter_name: str, camera: str, day: date) -> float | None:
        """Zeropoint [mag] of a clean telescope (class as '1m0') with a camera on a day; None where none is known."""
        fitting = [entry.zp_mag for entry in self.reference_throughput
                   if (entry.class_, entry.filter) == (telescope_class, filter_name)
                   and entry.camera_type in (None, self.camera_type(camera))
                   and (entry.from_ is None or entry.from_ <= day)]
        return fitting[-1] if fitting else None


def load_observatory(overlay: Path | str | None = None) -> Observatory:
    """Read the built-in description and, where `overlay` is given, lay that file over it.

    Raises ObservatoryInvalid naming the file, the line or key, and the rule it breaks.
    """
    tree, file = _read_toml(BUILT_IN), BUILT_IN
    try:
        if overlay is not None:
            file = Path(overlay).expanduser()
            above = _read_toml(file)
            _check_lists(_lists_of(above))  # alone, so that a message counts the entries of this file
            tree = _overlay(tree, above)
        return _checked(_of_toml(Observatory, tree))
    except TreeInvalid as error:
        raise ObservatoryInvalid(f'{file}: {error}') from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with open(path, 'rb') as file:
            tree = tomllib.load(file)
    except OSError as error:
        raise ObservatoryInvalid(f'{path}: cannot be read ({error.strerror}); see --observatory') from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ObservatoryInvalid(f'{path}: not valid TOML: {error}') from None
    if isinstance(tree.get('events'), str):
        tree['events'] = _read_events_csv(path.parent / Path(tree['events']).expanduser())
    return tree


def _read_events_csv(path: Path) -> list[dict[str, Any]]:
    """Rows telescope,date,kind,note of a CSV file as the tables that TOML would give."""
    try:
        with open(path, newline='', encoding='utf-8-sig') as file:
            reader = csv.DictReader(file)
            if not {'telescope', 'date', 'kind'} <= set(reader.fieldnames or ()):
                raise ObservatoryInvalid(f'{path}: line 1: the header must name telescope,date,kind and may name note')
            return [_csv_event(path, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ObservatoryInvalid(f'{path}: the events file cannot be read ({error})') from None


def _csv_event(path: Path, line: int, row: dict[str, Any]) -> dict[str, Any]:
    if None in row or None in row.values():
        raise ObservatoryInvalid(f'{path}: line {line}: the number of columns differs from the header')
    event = {key: row[key].strip() for key in ('telescope', 'date', 'kind', 'note') if key in row}
    try:
        event['date'] = date.fromisoformat(event['date'])
        return asdict(_of_toml(Event, event, 'event'))
    except ValueError as error:
        raise ObservatoryInvalid(f'{path}: line {line}: {error}') from None


def _overlay(below: dict[str, Any], above: dict[str, Any], where: str = '') -> dict[str, Any]:
    """Tables are laid over each other key by key, lists are joined, anything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = below.get(key)
        if isinstance(old, dict) != isinstance(value, dict) and old is not None:
            raise TreeInvalid(f'{where}{key}: must be {"a table" if isinstance(old, dict) else "no table"}')
        if isinstance(old, dict):
            merged[key] = _overlay(old, value, f'{where}{key}.')
        elif isinstance(old, list) and isinstance(value, list) and not where:
            merged[key] = old + value
        else:
            merged[key] = value
    return merged


def _lists_of(tree: dict[str, Any]) -> dict[str, Any]:
    """The lists of a file, by key."""
    hints = typing.get_type_hints(Observatory, include_extras=True)
    return {key: _of_toml(hints[key], tree.get(key, []), key) for key in LISTS}


def _check_lists(lists: dict[str, Any]) -> None:
    """Rules of the entries of lists, by key."""
    for n, repair in enumerate(lists['gain_repairs']):
        if len(repair.ratio) != 2 or min(repair.ratio) <= 0:
            raise TreeInvalid(f'gain_repairs[{n}].ratio: must be two positive gains')
        if repair.from_ and repair.until and not repair.from_ < repair.until:
            raise TreeInvalid(f'gain_repairs[{n}].until: must be after from, {repair.from_}, not {repair.until}')
    for n, term in enumerate(lists['colour_terms']):
        if term.error <= 0:
            raise TreeInvalid(f'colour_terms[{n}].error: must be positive')


def _checked(observatory: Observatory) -> Observatory:
    """The observatory where no rule between its entries is broken; what a list has twice counts once."""
    _check_lists(vars(observatory))
    for name, entry in observatory.filters.items():
        if entry.ps1_band not in (None, *BANDS):
            raise TreeInvalid(f'filters.{name}.ps1_band: must be one of {", ".join(BANDS)}')
        if entry.reported_as not in (None, *observatory.filters):
            raise TreeInvalid(f'filters.{name}.reported_as: {entry.reported_as!r} is not a filter of this file')
    for name, site in observatory.sites.items():
        if not (abs(site.latitude_deg) <= 90 and abs(site.longitude_deg) <= 360):
            raise TreeInvalid(f'sites.{name}: latitude must be within 90 and longitude within 360 degrees')
    colours = observatory.reference_catalogue.colour_range_mag
    if len(colours) != 2 or not colours[0] < colours[1]:
        raise TreeInvalid('reference_catalogue.colour_range_mag: must be two colours, the bluer first')
    for name, limit in asdict(observatory.alarms).items():
        if not limit > (1 if name == 'scatter_grew_factor' else 0):
            raise TreeInvalid(f'alarms.{name}: must be more than {1 if name == "scatter_grew_factor" else 0}')
    _check_display(observatory)
    missing = {'camera', 'dayobs', 'obstype', 'level'} - set(observatory.archive.frame_pattern.groupindex)
    if missing:
        raise TreeInvalid(f'archive.frame_pattern: the group {sorted(missing)[0]} is missing, as in (?P<camera>...)')
    part = r'({(site|camera|dayobs|folder)}|[^{}/]+)'
    if re.fullmatch(f'{part}(/{part})*', observatory.archive.path) is None:
        raise TreeInvalid('archive.path: must be folder names or {site}, {camera}, {dayobs}, {folder} between slashes')
    once = dict.fromkeys  # in the order of the files, so that what sorts alike comes the same in every run
    return replace(observatory, gain_repairs=tuple(once(observatory.gain_repairs)),
                   telescopes=tuple(once(observatory.telescopes)),
                   events=tuple(sorted(once(observatory.events), key=lambda e: (e.telescope, e.date, e.kind))))


def _check_display(observatory: Observatory) -> None:
    """Rules of what pages and figures show."""
    for name, entry in observatory.filters.items():
        if entry.wavelength_nm is not None and not 0 < entry.wavelength_nm < math.inf:
            raise TreeInvalid(f'filters.{name}.wavelength_nm: must be a positive number of nanometres')
    for table in ('filters', 'camera_types'):
        for name, entry in getattr(observatory, table).items():
            if entry.colour is not None and re.fullmatch('#[0-9a-fA-F]{6}', entry.colour) is None:
                raise TreeInvalid(f'{table}.{name}.colour: must be red, green and blue in hexadecimal, as "#0072B2", '
                               f'not {entry.colour!r}')
    for name, size in observatory.size_classes.items():
        if re.fullmatch(SIZE_CLASS, name) is None:
            raise TreeInvalid(f'size_classes.{name}: the key becomes part of file names: up to 20 lower-case letters '
                           'and digits')
        if not 0 <= size.smallest_m < math.inf:
            raise TreeInvalid(f'size_classes.{name}.smallest_m: must be a diameter in metres, 0 or more')
        if [other.smallest_m for other in observatory.size_classes.values()].count(size.smallest_m) > 1:
            raise TreeInvalid(f'size_classes.{name}.smallest_m: another class begins at {size.smallest_m:g} m too')
    if not 0 < observatory.throughput.healthy_mag < HEALTHY_MAX_MAG:
        raise TreeInvalid(f'throughput.healthy_mag: must be more than 0 and less than {HEALTHY_MAX_MAG} mag')
