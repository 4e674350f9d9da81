"""What the report's pages show, and the same facts as JSON.

`render_status` writes what the pages are made of, and `read_status` reads it back, so that a run over one telescope or
one filter can `merge` its rows into those of earlier runs.  docs/status.md describes the file; `render` makes pages.
"""

import json
import re
from dataclasses import dataclass, field, replace

from photzp.answers.gather import Answers, as_tree, from_tree
from photzp.answers.status import SCHEMA, SeriesStatus, Trend
from photzp.records import CameraSpan
from photzp.typedtree import plain, typed, without_schema


@dataclass(frozen=True)
class Plot:
    """An image: size [pixel] and the sentence that stands for it where it is not seen."""

    width: int
    height: int
    alt: str


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
    """All that the pages show.

    updated : when it was made, UTC.  plots : {file name: Plot}.  runs : newest first; of the run that makes the page,
    `ended` is `updated`.  version : of the program.  files : names of other files to link to, as mirrormodel-....csv.
    cameras : by telescope and time.  trends : by telescope and filter, at most one of each.
    answers : of the whole fleet; without its single nights where it was read from status.json.
    """

    updated: str
    statuses: tuple[SeriesStatus, ...]
    plots: dict[str, Plot]
    runs: tuple[RunInfo, ...] = ()
    version: str = ''
    files: tuple[str, ...] = ()
    cameras: tuple[CameraSpan, ...] = ()
    answers: Answers = field(default_factory=Answers)
    trends: tuple[Trend, ...] = ()


def merge(old: Page | None, new: Page) -> Page:
    """The page of a new run with what it did not look at from an older one.

    old : Page or None.  Rows and trends of the same telescope and filter, plots of the same name, and cameras of the
    same telescope are those of the new one; time, runs and version are the new one's too, and so are the answers, which
    are always of the whole fleet: a run over a part of the time gives none and leaves those that there are.
    """
    rows = {_key(status): status for page in (old, new) if page for status in page.statuses}
    plots = (old.plots if old else {}) | new.plots
    mine = {span.telescope for span in new.cameras}
    cameras = {*new.cameras, *(span for span in (old.cameras if old else ()) if span.telescope not in mine)}
    looked_at = {_key(each) for each in new.statuses}
    trends = {_key(each): each for each in (old.trends if old else ()) if _key(each) not in looked_at}
    trends |= {_key(each): each for each in new.trends}
    answers = old.answers if old and new.answers.is_empty else new.answers
    return replace(new, statuses=tuple(rows[key] for key in sorted(rows)), plots=dict(sorted(plots.items())),
                   files=tuple(sorted({*(old.files if old else ()), *new.files})), answers=answers,
                   trends=tuple(trends[key] for key in sorted(trends)),
                   cameras=tuple(sorted(cameras, key=lambda span: (span.telescope, span.first, span.camera))))


def only_present(page: Page, names: set[str]) -> Page:
    """The page without plots and files that are not among `names`, a set: those of the place it is shown at."""
    return replace(page, plots={name: plot for name, plot in page.plots.items() if name in names},
                   files=tuple(name for name in page.files if name in names))


# -- status.json -------------------------------------------------------------------------------------------------------


def render_status(page: Page) -> str:
    """The page as JSON, a str; a number that is not finite becomes null."""
    page = replace(page, statuses=tuple(sorted(page.statuses, key=_key)), files=tuple(sorted(page.files)))
    tree = plain(replace(page, answers=Answers()), finite=True) | {'schema': SCHEMA, 'answers': as_tree(page.answers)}
    return _in_one_line(json.dumps(tree, indent=1, sort_keys=True, allow_nan=False)) + '\n'


def _in_one_line(text: str) -> str:
    """JSON with each list of numbers in one line; a line never ends inside a string."""
    return re.sub(r'\[\n[-+.\deE,\snul]*\]', lambda numbers: re.sub(r'\s+', '', numbers[0]), text)


def read_status(text: str) -> Page:
    """The inverse of render_status: a Page, or ValueError where the text is not of this schema."""
    try:
        tree = without_schema(json.loads(text, parse_constant=_no_constant), SCHEMA)
        answers = from_tree(tree.pop('answers')) if 'answers' in tree else Answers()
        return replace(typed(Page, tree, older=True, newer=True), answers=answers)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'not a status.json: {error!s:.200}') from None


def _no_constant(name: str) -> None:
    raise ValueError(f'{name} is not a number of JSON')


def _key(each: SeriesStatus | Trend) -> tuple[str, str]:
    return each.telescope, each.filter
