"""The page that shows the report, and the same facts as JSON: values in, text out.

`render_index` makes one self-contained HTML page: links are relative, nothing is loaded from elsewhere, and there is no
script.  Whatever comes from data is escaped by the template.  `render_status` writes what the page is made of, and
`read_status` reads it back, so that a run over one telescope or one filter can `merge` its rows into those of earlier
runs.  docs/status.md describes the file.

The page answers, from top to bottom, what is asked in the morning: which telescope is low, falls fast or is silent; did
calibration and report run; how is each telescope doing; and what do its years look like.
"""

import json
import math
import re
import types
import typing
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from answers import Answers, as_tree, from_tree
from names import OVERVIEW_FILES, ReportName, parse_report_name
from status import HEALTHY_MAG, RECENT_DAYS, SCHEMA, SeriesStatus, finding

TEMPLATES = Path(__file__).with_name('templates')

FALLING_FAST_MAG_PER_MONTH = 0.010  # chosen because it uses up the healthy band of 0.2 mag in 20 months
SIGNIFICANT = 3                     # standard errors that a slope must be away from zero to be called fast
SILENT_DAYS = 7                     # chosen because a week of bad weather happens, and more is worth a look
DORMANT_DAYS = 180                  # half a year: closed or replaced, named in one line and no longer every morning
OVERDUE_HOURS = 26                  # both scripts run at least once a day; two hours for a slow run
STALE_HOURS = 26                    # a row that older runs left is marked with its date
FILTER_ORDER = ('up', 'U', 'B', 'gp', 'V', 'rp', 'R', 'ip', 'I', 'zp', 'zs', 'Y')  # by wavelength
SCRIPTS = {'photcalibration.py': 'Calibration', 'longtermphotzp.py': 'Report'}
OUTCOMES = {  # of the scripts' exit status: sentence, whether somebody should look
    0: ('ended well', False),
    1: ('ended well, some input was unreadable', False),  # one broken file must not raise the alarm every morning
    2: ('could not run', True),
    3: ('ended, a check has findings', True),
}
SERIES_PLOTS = {'photzptrend': 'Throughput', 'colortermtrend': 'Colour term', 'airmasstrend': 'Extinction',
                'errorhist': 'Errors of single frames'}
OVERVIEW_PLOTS = {'allmodels_2m01m0': 'Throughput of all 2 m and 1 m telescopes',
                  'allmodels_0m4': 'Throughput of all 0.4 m telescopes', 'colorterms': 'Colour terms'}


@dataclass(frozen=True)
class Plot:
    """An image: size [pixel] and the sentence that stands for it where it is not seen."""

    width: int
    height: int
    alt: str


NamedPlot = tuple[str, str, Plot]  # file name, title, plot


@dataclass(frozen=True)
class RunInfo:
    """One run of a script.  Times 'YYYY-MM-DD HH:MM:SS' UTC; ended and status are None where it has not ended."""

    script: str
    started: str | None
    ended: str | None
    status: int | None
    summary: str = ''


@dataclass(frozen=True)
class Page:
    """All that the page shows.

    updated : when it was made, UTC.  plots : {file name: Plot}.  runs : newest first; of the run that makes the page,
    `ended` is `updated`.  version : of the program.  files : names of other files to link to, as mirrormodel-....csv.
    answers : of the whole fleet; without its single nights where it was read from status.json.
    """

    updated: str
    statuses: tuple[SeriesStatus, ...]
    plots: dict[str, Plot]
    runs: tuple[RunInfo, ...] = ()
    version: str = ''
    files: tuple[str, ...] = ()
    answers: Answers = field(default_factory=Answers)


def merge(old: Page | None, new: Page) -> Page:
    """The page of a new run with what it did not look at from an older one.

    old : Page or None.  Rows of the same telescope and filter, and plots of the same name, are those of the new one;
    time, runs and version are the new one's too, and so are the answers, which are always of the whole fleet: a run
    over a part of the time gives none and leaves those that there are.
    """
    rows = {_key(status): status for page in (old, new) if page for status in page.statuses}
    plots = (old.plots if old else {}) | new.plots
    answers = old.answers if old and new.answers.are_none else new.answers
    return replace(new, statuses=tuple(rows[key] for key in sorted(rows)), plots=dict(sorted(plots.items())),
                   files=tuple(sorted({*(old.files if old else ()), *new.files})), answers=answers)


def only_present(page: Page, names: set[str]) -> Page:
    """The page without plots and files that are not among `names`, a set: those of the place it is shown at."""
    return replace(page, plots={name: plot for name, plot in page.plots.items() if name in names},
                   files=tuple(name for name in page.files if name in names))


# -- status.json -------------------------------------------------------------------------------------------------------


def render_status(page: Page) -> str:
    """The page as JSON, a str; a number that is not finite becomes null."""
    tree = {
        'schema': SCHEMA, 'updated': page.updated, 'version': page.version,
        'statuses': [status.as_dict() for status in sorted(page.statuses, key=_key)],
        'plots': {name: asdict(plot) for name, plot in page.plots.items()},
        'files': sorted(page.files), 'runs': [asdict(run) for run in page.runs], 'answers': as_tree(page.answers),
    }
    return json.dumps(_finite(tree), indent=1, sort_keys=True, allow_nan=False) + '\n'


def read_status(text: str) -> Page:
    """The inverse of render_status: a Page, or ValueError where the text is not of this schema."""
    try:
        tree = json.loads(text, parse_constant=_no_constant)
        if tree['schema'] != SCHEMA:
            raise ValueError(f'its schema is {tree["schema"]!r}, not {SCHEMA}')
        statuses = tuple(_checked(SeriesStatus, _cameras_as_tuple(entry)) for entry in tree['statuses'])
        plots = {name: _checked(Plot, entry) for name, entry in tree['plots'].items()}
        return _checked(Page, {'updated': tree['updated'], 'version': tree['version'], 'statuses': statuses,
                               'plots': plots, 'files': tuple(tree['files']),
                               'answers': from_tree(tree['answers']) if 'answers' in tree else Answers(),
                               'runs': tuple(_checked(RunInfo, entry) for entry in tree['runs'])})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f'not a status.json: {error}') from None


def _no_constant(name: str) -> None:
    raise ValueError(f'{name} is not a number of JSON')


def _cameras_as_tuple(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, 'cameras': tuple(entry['cameras'])}


def _checked(cls: Any, entry: dict[str, Any]) -> Any:
    """An instance of a dataclass of the values in a dict; ValueError where one is missing or of another type.

    A field with a default may be missing: an earlier version did not write it.
    """
    hints = typing.get_type_hints(cls)
    values = {field.name: entry[field.name] for field in fields(cls)
              if field.name in entry or field.default is MISSING}
    for name, value in values.items():
        if not _is_a(value, hints[name]):
            raise ValueError(f'{name} of a {cls.__name__} is {value!r:.80}')
    return cls(**values)


def _is_a(value: object, hint: Any) -> bool:
    """Whether a value is of a type as annotated here: int counts as float, bool counts as neither."""
    if isinstance(hint, types.UnionType):
        return any(_is_a(value, each) for each in hint.__args__)
    origin = typing.get_origin(hint)
    if origin is tuple:
        return isinstance(value, tuple) and all(_is_a(each, hint.__args__[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict)  # its values were checked when they were made
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _finite(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: _finite(value) for name, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree


def _key(status: SeriesStatus) -> tuple[str, str]:
    return status.telescope, status.filter


# -- index.html --------------------------------------------------------------------------------------------------------


def render_index(page: Page) -> str:
    """The page as HTML, a str; the same page gives the same text, whatever the order of its parts."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters.update(plain=_plain, signed=_signed, ago=_ago, day=_day)
    page = merge(None, page)
    now = _moment(page.updated)
    telescopes = _telescopes(page, now)
    html = environment.get_template('index.html.j2').render(
        page=page, updated=_words(now), attention=_attention(telescopes), runs=_runs(page.runs, now),
        filters=_filters(page, telescopes), telescopes=telescopes, sites=_sites(telescopes),
        band_percent=100 * 10 ** (-0.4 * HEALTHY_MAG), recent_days=RECENT_DAYS, silent_days=SILENT_DAYS,
        dormant_days=DORMANT_DAYS, fast_mmag=1000 * FALLING_FAST_MAG_PER_MONTH)
    return html.encode('utf-8', 'replace').decode()  # half a sign of UTF-16 cannot be written


def anchor(*parts: str) -> str:
    """Name of a place in the page: letters, digits and dashes stay, all else is coded, so that no two are the same."""
    return '.'.join(re.sub(r'[^A-Za-z0-9-]', lambda sign: f'_{ord(sign[0]):x}_', part) for part in parts)


@dataclass(frozen=True)
class Series:
    """One telescope in one filter as the page shows it; status is None where only plots are left of it."""

    telescope: str
    filter: str
    status: SeriesStatus | None
    plots: tuple[NamedPlot, ...]
    table: str | None  # file name of the nightly model
    days_silent: int | None
    as_of: str | None  # date of the row where it is older than the page
    days_since_event: int | None
    made: str | None  # when model and plots were made, in words

    @property
    def anchor(self) -> str:
        """Where the page shows it."""
        return anchor('telescope', self.telescope, self.filter)

    @property
    def low(self) -> bool:
        """Whether the throughput is below the healthy band."""
        return bool(self.status and self.status.state == 'low')

    @property
    def falls_fast(self) -> bool:
        """Whether the throughput falls faster than FALLING_FAST_MAG_PER_MONTH, beyond doubt."""
        if self.status is None or self.status.slope_mag_per_month is None:
            return False
        slope, error = self.status.slope_mag_per_month, self.status.slope_error_mag_per_month or 0.0
        return slope <= -FALLING_FAST_MAG_PER_MONTH and -slope >= SIGNIFICANT * error

    @property
    def silent(self) -> bool:
        """Whether nothing was seen for more than SILENT_DAYS."""
        return self.days_silent is not None and self.days_silent > SILENT_DAYS

    @property
    def finding(self) -> str | None:
        """What a person would say of it, None without a row."""
        return finding(self.status) if self.status else None


@dataclass(frozen=True)
class Telescope:
    """One telescope with its series, filters by wavelength."""

    name: str
    series: tuple[Series, ...]

    @property
    def site(self) -> str:
        """Code of the site."""
        return self.name.split('-')[0]

    @property
    def anchor(self) -> str:
        """Where the page shows it."""
        return anchor('telescope', self.name)

    @property
    def days_silent(self) -> int | None:
        """Days since the last observation in any filter, None where none is known."""
        return min((each.days_silent for each in self.series if each.days_silent is not None), default=None)

    @property
    def dormant(self) -> bool:
        """Whether nothing was seen for more than DORMANT_DAYS."""
        return self.days_silent is not None and self.days_silent > DORMANT_DAYS

    @property
    def event(self) -> Series | None:
        """The series with the newest event, None where no event is known."""
        known = [(each.status.event_date, each) for each in self.series if each.status and each.status.event_date]
        return max(known, key=lambda pair: pair[0])[1] if known else None


def _telescopes(page: Page, now: datetime | None) -> tuple[Telescope, ...]:
    """All telescopes with a row or a plot, in order of their names."""
    statuses = {_key(status): status for status in page.statuses}
    plots, tables = _plots_by_series(page), _tables_by_series(page)
    keys = sorted({*statuses, *plots, *tables}, key=lambda key: (key[0], _wavelength(key[1])))
    return tuple(
        Telescope(name, tuple(_series(key, statuses.get(key), plots.get(key, ()), tables.get(key), now)
                              for key in group))
        for name, group in groupby(keys, key=lambda key: key[0]))


def _series(key: tuple[str, str], status: SeriesStatus | None, plots: Iterable[NamedPlot], table: str | None,
            now: datetime | None) -> Series:
    made = _moment(status.updated) if status else None
    old = made is not None and now is not None and (now - made).total_seconds() > 3600 * STALE_HOURS
    return Series(*key, status, tuple(plots), table,
                  days_silent=_days(status.last_observation if status else None, now),
                  as_of=status.updated[:10] if status and old else None,
                  days_since_event=_days(status.event_date if status else None, now),
                  made=_words(_moment(status.made)) if status else None)


def _plots_by_series(page: Page) -> dict[tuple[str, str], list[NamedPlot]]:
    """{(telescope, filter): [(file name, title, Plot)]}, in the order of SERIES_PLOTS."""
    found = defaultdict(list)
    for kind, title in SERIES_PLOTS.items():
        for name, plot in page.plots.items():
            parsed = _parsed(name)
            if parsed and parsed.telescope and parsed.kind == kind:
                found[parsed.telescope, parsed.filter].append((name, title, plot))
    return found


def _tables_by_series(page: Page) -> dict[tuple[str, str], str]:
    named = ((_parsed(name), name) for name in page.files)
    return {(parsed.telescope, parsed.filter): name for parsed, name in named if parsed and parsed.telescope}


def _parsed(name: str) -> ReportName | None:
    try:
        return parse_report_name(name)
    except ValueError:
        return None


@dataclass(frozen=True)
class Filter:
    """One filter: its overview plots, and the series in it."""

    name: str
    plots: tuple[NamedPlot, ...]
    series: tuple[Series, ...]

    @property
    def anchor(self) -> str:
        """Where the page shows it."""
        return anchor('filter', self.name)


def _filters(page: Page, telescopes: Iterable[Telescope]) -> tuple[Filter, ...]:
    """All filters with a row or a plot, by wavelength."""
    series, plots = defaultdict(list), defaultdict(list)
    for telescope in telescopes:
        for each in telescope.series:
            series[each.filter].append(each)
    for kind in OVERVIEW_FILES:
        for name, plot in page.plots.items():
            parsed = _parsed(name)
            if parsed and parsed.kind == kind:
                plots[parsed.filter].append((name, OVERVIEW_PLOTS[kind], plot))
    return tuple(Filter(name, tuple(plots[name]), tuple(series[name]))
                 for name in sorted({*series, *plots}, key=_wavelength))


def _wavelength(filter_name: str) -> tuple[int, str]:
    known = filter_name in FILTER_ORDER
    return (FILTER_ORDER.index(filter_name) if known else len(FILTER_ORDER)), filter_name


@dataclass(frozen=True)
class Site:
    """One site with its telescopes."""

    name: str
    telescopes: tuple[Telescope, ...]

    @property
    def anchor(self) -> str:
        """Where the page shows it."""
        return anchor('site', self.name)


def _sites(telescopes: Iterable[Telescope]) -> tuple[Site, ...]:
    by_site = defaultdict(list)
    for telescope in telescopes:
        by_site[telescope.site].append(telescope)
    return tuple(Site(name, tuple(by_site[name])) for name in sorted(by_site))


@dataclass(frozen=True)
class Attention:
    """What somebody should look at.  low, falling : (Telescope, its series concerned, the worst first).

    silent, dormant : telescopes, the one that was last seen first.
    """

    low: tuple[tuple[Telescope, tuple[Series, ...]], ...]
    falling: tuple[tuple[Telescope, tuple[Series, ...]], ...]
    silent: tuple[Telescope, ...]
    dormant: tuple[Telescope, ...]


def _attention(telescopes: Sequence[Telescope]) -> Attention:
    awake = [telescope for telescope in telescopes if not telescope.dormant]
    silent = [each for each in awake if each.days_silent is not None and each.days_silent > SILENT_DAYS]
    return Attention(
        low=_worst(awake, lambda each: each.low, lambda status: status.percent),
        falling=_worst(awake, lambda each: each.falls_fast, lambda status: status.slope_mag_per_month),
        silent=tuple(sorted(silent, key=_last_seen)),
        dormant=tuple(sorted((each for each in telescopes if each.dormant), key=_last_seen)))


def _last_seen(telescope: Telescope) -> float:
    return _or_last(telescope.days_silent)


def _worst(telescopes: Iterable[Telescope], concerned: Callable[[Series], bool],
           value: Callable[[SeriesStatus], float | None]) -> tuple[tuple[Telescope, tuple[Series, ...]], ...]:
    """(Telescope, series) where series are concerned, the lowest value first in both."""
    def rank(series: Series) -> float:
        return _or_last(value(series.status) if series.status else None)

    found = [(each, tuple(sorted(filter(concerned, each.series), key=rank))) for each in telescopes]
    return tuple(sorted(((each, series) for each, series in found if series), key=lambda pair: rank(pair[1][0])))


def _or_last(value: float | None) -> float:
    return math.inf if value is None else value


@dataclass(frozen=True)
class RunShown:
    """The newest run of a script in words; bad where somebody should look."""

    title: str
    script: str
    outcome: str
    bad: bool
    when: str | None
    hours: float | None
    summary: str
    last_good: str | None


def _runs(runs: Sequence[RunInfo], now: datetime | None) -> tuple[RunShown, ...]:
    """The newest run of each script, those that should be there first."""
    names = [*SCRIPTS, *sorted({run.script for run in runs} - {*SCRIPTS})]
    return tuple(_run_shown(name, [run for run in runs if run.script == name], now) for name in names)


def _run_shown(script: str, runs: Sequence[RunInfo], now: datetime | None) -> RunShown:
    title = SCRIPTS.get(script, script)
    if not runs:
        return RunShown(title, script, 'no run on record', True, None, None, '', None)
    run = max(runs, key=lambda run: run.started or '')
    outcome, bad = _outcome(run)
    good = [each.ended for each in runs if each.status in (0, 1, 3) and each.ended]
    when = _moment(run.ended or run.started)
    hours = None if when is None or now is None else (now - when).total_seconds() / 3600
    if hours is not None and hours > OVERDUE_HOURS:
        outcome, bad = f'{outcome}; nothing since', True
    return RunShown(title, script, outcome, bad, _words(when), hours, run.summary,
                    _words(_moment(max(good))) if good and run.status not in (0, 1, 3) else None)


def _outcome(run: RunInfo) -> tuple[str, bool]:
    """(sentence, whether somebody should look)."""
    if run.status is None:
        return ('has not ended: it is running, or was killed', True) if run.ended is None else ('made this page', False)
    if run.status > 128:
        return f'was stopped by signal {run.status - 128}', True
    return OUTCOMES.get(run.status, (f'failed with exit status {run.status}', True))


# -- values as text ----------------------------------------------------------------------------------------------------


def _moment(text: str | None) -> datetime | None:
    """A time or date as datetime with time zone; None where it is none."""
    try:
        moment = datetime.fromisoformat(text or '')
    except (ValueError, TypeError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _words(moment: datetime | None) -> str | None:
    """A time for people, as 'Fri 21 Nov 2025, 14:05 UTC'; None stays None."""
    return None if moment is None else f'{moment:%a} {moment.day} {moment:%b %Y, %H:%M} UTC'


def _days(text: str | None, now: datetime | None) -> int | None:
    """Whole days from the date of a time to that of now, None where one of them is not known."""
    moment = _moment(text)
    if moment is None or now is None:
        return None
    return (_date(now) - _date(moment)).days


def _date(moment: datetime) -> date:
    return date(moment.year, moment.month, moment.day)


def _day(text: str | None) -> str:
    """The date of a time, a dash where it is none."""
    moment = _moment(text)
    return '–' if moment is None else f'{_date(moment)}'


def _plain(value: float | None, digits: int = 1, factor: float = 1) -> str:
    """A number with a true minus sign, a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return '–'
    return f'{factor * value:.{digits}f}'.replace('-', '−')


def _signed(value: float | None, digits: int = 1, factor: float = 1) -> str:
    """The same with a sign in any case."""
    if value is None or not math.isfinite(value):
        return '–'
    return f'{factor * value:+.{digits}f}'.replace('-', '−')


def _ago(days: int | None) -> str:
    """Days as words, a dash where they are not known."""
    if days is None:
        return '–'
    if days <= 0:
        return 'today'
    return 'yesterday' if days == 1 else f'{days} d ago'
