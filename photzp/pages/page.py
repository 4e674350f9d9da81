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
    """An image.

    Attributes
    ----------
    width, height : int
        Size [pixel].
    alt : str
        Sentence for readers who do not see it.
    """

    width: int
    height: int
    alt: str


@dataclass(frozen=True)
class RunInfo:
    """One run of a script.

    Attributes
    ----------
    script : str
        File name, as 'photcalibration.py'.
    started, ended : str or None
        'YYYY-MM-DD HH:MM:SS' UTC; `ended` is None if the run has not ended.
    status : int or None
        Exit status; None if the run has not ended.
    summary : str
        What it did.
    """

    script: str
    started: str | None
    ended: str | None
    status: int | None
    summary: str = ''


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that the pages show.

    Attributes
    ----------
    updated : str
        When it was made, 'YYYY-MM-DDTHH:MM:SS' UTC.
    statuses : tuple of SeriesStatus
        One row for each telescope and filter.
    plots : dict of {str: Plot}
        By file name.
    runs : tuple of RunInfo
        Newest first; the run that makes the page ends at `updated`.
    version : str
        Of the program.
    files : tuple of str
        Names of other files to link to, as 'mirrormodel-....csv'.
    cameras : tuple of CameraSpan
        By telescope and time.
    answers : Answers
        Of the whole fleet; without its single nights if it was read from status.json.
    trends : tuple of Trend
        At most one for each telescope and filter.
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
    """Add to the page of a new run what the run did not look at.

    Parameters
    ----------
    old : Page or None
        Page of earlier runs; None if there is none.
    new : Page
        Page of this run.

    Returns
    -------
    Page
        With time, version and runs of the new one; its rows and trends before those of the same telescope and filter,
        its plots before those of the same name, its cameras before those of the same telescope.  Its answers, too,
        which are always of the whole fleet, unless it has none, being of a part of the time.
    """
    rows = {_key(row): row for page in (old, new) if page for row in page.statuses}
    plots = (old.plots if old else {}) | new.plots
    telescopes = {span.telescope for span in new.cameras}
    cameras = {*new.cameras, *(span for span in (old.cameras if old else ()) if span.telescope not in telescopes)}
    looked_at = {_key(row) for row in new.statuses}
    trends = {_key(trend): trend for trend in (old.trends if old else ()) if _key(trend) not in looked_at}
    trends |= {_key(trend): trend for trend in new.trends}
    answers = old.answers if old and new.answers.is_empty else new.answers
    return replace(new, statuses=tuple(rows[key] for key in sorted(rows)), plots=dict(sorted(plots.items())),
                   files=tuple(sorted({*(old.files if old else ()), *new.files})), answers=answers,
                   trends=tuple(trends[key] for key in sorted(trends)),
                   cameras=tuple(sorted(cameras, key=lambda span: (span.telescope, span.first, span.camera))))


def only_present(page: Page, names: set[str]) -> Page:
    """Take plots and files from a page that are not where it is shown.

    Parameters
    ----------
    page : Page
        Page that may name files of earlier runs.
    names : set of str
        Names of the files that are there.

    Returns
    -------
    Page
    """
    return replace(page, plots={name: plot for name, plot in page.plots.items() if name in names},
                   files=tuple(name for name in page.files if name in names))


# -- status.json -------------------------------------------------------------------------------------------------------


def render_status(page: Page) -> str:
    """Write a page as JSON.

    Parameters
    ----------
    page : Page
        Page to write.

    Returns
    -------
    str
        Text of status.json; a number that is not finite is null.
    """
    page = replace(page, statuses=tuple(sorted(page.statuses, key=_key)), files=tuple(sorted(page.files)))
    tree = plain(replace(page, answers=Answers()), finite=True) | {'schema': SCHEMA, 'answers': as_tree(page.answers)}
    return _number_lists_in_one_line(json.dumps(tree, indent=1, sort_keys=True, allow_nan=False)) + '\n'


def _number_lists_in_one_line(text: str) -> str:
    """JSON with each list of numbers in one line; a line never ends inside a string."""
    return re.sub(r'\[\n[-+.\deE,\snul]*\]', lambda numbers: re.sub(r'\s+', '', numbers[0]), text)


def read_status(text: str) -> Page:
    """Read what `render_status` wrote.

    Parameters
    ----------
    text : str
        Text of status.json.

    Returns
    -------
    Page

    Raises
    ------
    ValueError
        If the text is not of this schema.
    """
    try:
        tree = without_schema(json.loads(text, parse_constant=_refuse_constant), SCHEMA)
        answers = from_tree(tree.pop('answers')) if 'answers' in tree else Answers()
        return replace(typed(Page, tree, older=True, newer=True), answers=answers)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'not a status.json: {error!s:.200}') from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f'{name} is not a number of JSON')


def _key(row: SeriesStatus | Trend) -> tuple[str, str]:
    return row.telescope, row.filter
