"""The newest run of each script as the index shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from photzp.errors import COULD_NOT_RUN, DONE, ENDED_WELL, FINDINGS, SIGNALLED, SOME_UNREADABLE
from photzp.pages.page import RunInfo
from photzp.pages.text import parse_time, time_in_words

_TITLES = {'photcalibration.py': 'Calibration', 'longtermphotzp.py': 'Report'}
_OUTCOMES = {  # by exit status: sentence, whether somebody should look
    DONE: ('ended well', False),
    # One broken file must not raise the alarm every morning.
    SOME_UNREADABLE: ('ended well, some input was unreadable', False),
    COULD_NOT_RUN: ('could not run', True),
    FINDINGS: ('ended, a check has findings', True),
}


@dataclass(frozen=True, kw_only=True)
class RunView:
    """The newest run of a script.

    Attributes
    ----------
    title : str
        Name of the script for people.
    outcome : str
        How it ended, in words.
    bad : bool
        Whether somebody should look.
    when : str or None
        When it ended, else when it started, in words.
    hours : float or None
        From then to the page.
    summary : str
        What it did.
    last_good : str or None
        When the script last ended well, in words; None if that is this run, or never.
    """

    title: str
    outcome: str
    bad: bool
    when: str | None = None
    hours: float | None = None
    summary: str = ''
    last_good: str | None = None


def runs_of(runs: Sequence[RunInfo], overdue_hours: float, now: datetime | None) -> tuple[RunView, ...]:
    """Show the newest run of each script.

    Parameters
    ----------
    runs : sequence of RunInfo
        Runs of all scripts, in any order.
    overdue_hours : float
        Age beyond which the newest run is too old.
    now : datetime or None
        Time of the page.

    Returns
    -------
    tuple of RunView
        First the scripts that should have run, then others by name.
    """
    scripts = [*_TITLES, *sorted({run.script for run in runs} - {*_TITLES})]
    return tuple(_newest(script, [run for run in runs if run.script == script], overdue_hours, now)
                 for script in scripts)


def _newest(script: str, runs: Sequence[RunInfo], overdue_hours: float, now: datetime | None) -> RunView:
    """The newest of the runs of a script."""
    title = _TITLES.get(script, script)
    if not runs:
        return RunView(title=title, outcome='no run on record', bad=True)
    run = max(runs, key=lambda run: run.started or '')
    outcome, bad = _outcome(run)
    good = [other.ended for other in runs if other.status in ENDED_WELL and other.ended]
    when = parse_time(run.ended or run.started)
    hours = None if when is None or now is None else (now - when).total_seconds() / 3600
    if hours is not None and hours > overdue_hours:
        outcome, bad = f'{outcome}; nothing since', True
    return RunView(title=title, outcome=outcome, bad=bad, when=time_in_words(when), hours=hours, summary=run.summary,
                   last_good=(time_in_words(parse_time(max(good))) if good and run.status not in ENDED_WELL else None))


def _outcome(run: RunInfo) -> tuple[str, bool]:
    """How a run ended in words, and whether somebody should look."""
    if run.status is None:
        return ('has not ended: it is running, or was killed', True) if run.ended is None else ('made this page', False)
    if run.status > SIGNALLED:
        return f'was stopped by signal {run.status - SIGNALLED}', True
    return _OUTCOMES.get(run.status, (f'failed with exit status {run.status}', True))
