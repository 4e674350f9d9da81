"""A simulated night, two real frames and simulated years of a fleet, through the scripts as a user would run them."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from photzp.names import exposure_of
from photzp.program import VERSION
from photzp.robust import robust_spread

if TYPE_CHECKING:  # the database is imported where it is used
    from photzp.records import Zeropoints

ROOT = Path(__file__).resolve().parent.parent
FRAMES, SEED = 60, 1
TELESCOPES, YEARS = 6, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Make the demo in a directory.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        0; the process ends with a message where a part fails.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='directory to write to; an earlier demo in it is replaced')
    parser.add_argument('--frames', type=int, default=FRAMES, help=f'frames of the simulated night (default: {FRAMES})')
    options = parser.parse_args(argv)
    out = options.out.resolve()
    if out.exists() and any(out.iterdir()) and not (out / 'demo.txt').exists():
        parser.error(f'{out}: not empty and not an earlier demo; name another directory')
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / 'demo.txt').write_text('Made by examples/demo.py; removed when it runs again.\n', encoding='utf-8')
    _simulated_night(out, options.frames)
    _real_frames(out)
    _simulated_years(out)
    return 0


def _simulated_night(out: Path, frames: int) -> None:
    """Simulate a night, measure it, measure it again, and compare with what was planted."""
    night = out / 'night'
    print(f'--- a simulated night of {frames} frames', flush=True)
    _run('simulation', 'night', night, '--frames', frames, '--seed', SEED)
    database = out / 'lcophotzp.db'
    calibrate = ('photcalibration.py', '--date', '20200213', '--imagerootdir', night / 'archive', '--ps1dir',
                 night / 'ps1', '--photodb', database)
    # The simulated night holds truncated files: status 1 says that some input was unreadable.
    _run(*calibrate, log=out / 'night.log', expected=(0, 1))
    print('--- the same night by the nightly script, as cron runs it: nothing is new, and the report is made',
          flush=True)
    _nightly(out, night, database)
    print('--- one camera again, with diagnostic plots', flush=True)
    _run('photcalibration.py', '--camera', 'fa15', '--redo', *calibrate[3:], '--diagnosticplotsdir',
         out / 'diagnostics', log=out / 'plots.log', expected=(0, 1))
    truth = json.loads((night / 'truth.json').read_text(encoding='utf-8'))['frames']
    _print_comparison(_read(database), truth)


def _nightly(out: Path, night: Path, database: Path) -> None:
    """Run deploy/runphotzp.sh on the night, and print the lines of its steps."""
    settings = {'PHOTZP_ARCHIVE': night / 'archive', 'PHOTZP_PS1DIR': night / 'ps1', 'PHOTZP_DATABASE': database,
                'PHOTZP_OUTPUTDIR': out / 'nightly', 'PHOTZP_PYTHON': sys.executable, 'PHOTZP_LOG': out / 'nightly.log'}
    environment = _without_cloud() | {name: str(value) for name, value in settings.items()}
    status = subprocess.run([ROOT / 'deploy' / 'runphotzp.sh', '--date', '20200213', '--mintexp', '60'],  # noqa: S603
                            env=environment, check=False).returncode
    if status not in (0, 1):
        sys.exit(f'runphotzp.sh ended with status {status}; see {out / "nightly.log"}')
    lines = (out / 'nightly.log').read_text(encoding='utf-8').splitlines()
    print(*(line for line in lines if 'runphotzp: ' in line), sep='\n', flush=True)


def _without_cloud() -> dict[str, str]:
    """The environment without credentials and settings of a site, which may have some: a demo never publishes."""
    return {key: value for key, value in os.environ.items() if not key.startswith(('AWS_', 'PHOTZP_'))}


def _real_frames(out: Path) -> None:
    """Measure the two real frames if the package with their catalogues is installed."""
    from examples import realframes

    real = out / 'real'
    try:
        frames = realframes.write_real_frames(real)
    except FileNotFoundError as error:
        print(f'--- no real frames: {error}')
        return
    print('--- two real frames of Las Cumbres Observatory', flush=True)
    _run('photcalibration.py', '--site', 'cpt,ogg', '--imagerootdir', real / 'archive', '--ps1dir', real / 'ps1',
         '--photodb', real / 'real.db', '--diagnosticplotsdir', out / 'diagnostics', log=out / 'real.log')
    rows = _read(real / 'real.db')
    row_of = {exposure_of(name): n for n, name in enumerate(rows.name)}
    print(f'{"frame":30}{"filter":8}{"zp(g-i=0)":>10}{"+-":>8}{"LCO":>8}{"colour term":>13}{"zpsig":>8}{"stars":>7}')
    for frame in frames:
        n = row_of[frame.name]
        print(f'{frame.name:30}{frame.filter:8}{rows.zp[n] - rows.colorterm[n]:10.3f}{rows.zperr[n]:8.3f}'
              f'{frame.zp_lco_mag:8.2f}{rows.colorterm[n]:13.4f}{rows.zpsig[n]:8.3f}{rows.nstars[n]:7.0f}')


def _simulated_years(out: Path) -> None:
    """Simulate years of a fleet that end yesterday, and make the report."""
    print(f'--- {YEARS} simulated years of {TELESCOPES} telescopes, and the report', flush=True)
    _run('simulation', 'years', out / 'years.db', '--seed', SEED, '--telescopes', TELESCOPES, '--years', YEARS,
         '--start', _first_day(datetime.now(UTC).date()))
    _record_a_run(out / 'years.db')
    _run('longtermphotzp.py', '--database', out / 'years.db', '--outputdirectory', out / 'report', '--observatory',
         out / 'observatory-years.toml', log=out / 'report.log')


def _first_day(today: date) -> date:
    """First day of simulated years that end yesterday, as each run reports rows of the future anew.

    At some sites the night of a date ends on the next day of UTC.
    """
    return today - timedelta(days=round(365.25 * YEARS) + 1)


def _record_a_run(database: Path) -> None:
    """Record a nightly run for the simulated years, as the page shows when the last one was."""
    from photdbinterface import PhotDatabase

    with PhotDatabase(database) as opened:
        measured = len(opened.zeropoints())
        run_id = opened.start_run('photcalibration.py', {'simulated': True}, VERSION)
        opened.finish_run(run_id, 0, {'measured': measured})


def _run(script: str, *arguments: object, log: Path | None = None, expected: Collection[int] = (0,)) -> None:
    """Run a script or the simulation as a user does, with the log in a file; an unexpected status ends the demo."""
    program = [str(ROOT / script)] if script.endswith('.py') else ['-m', script]
    command = [sys.executable, *program, *map(str, arguments)]
    with open(log or os.devnull, 'w', encoding='utf-8') as errors:
        status = subprocess.run(command, env=_without_cloud(), stderr=errors, check=False,  # noqa: S603
                                cwd=ROOT).returncode
    if status not in expected:
        sys.exit(f'{script} ended with status {status}; see {log or "above"}')


def _read(database: Path) -> 'Zeropoints':
    """All measurements of a database, by column."""
    from photdbinterface import PhotDatabase

    with PhotDatabase(database, readonly=True) as opened:
        return opened.zeropoints()


def _print_comparison(rows: 'Zeropoints', truth: dict[str, dict[str, Any]]) -> None:
    """Print a table of the first frames, and how the night compares with the planted truth."""
    exposures = [exposure_of(name) for name in rows.name]
    measurable = [n for n, exposure in enumerate(exposures) if truth[exposure]['measurable']]
    print(f'{"frame":30}{"filter":8}{"zp":>9}{"+-":>8}{"- truth":>9}{"colour term":>13}{"- truth":>9}{"stars":>7}')
    for n in measurable[:12]:
        true = truth[exposures[n]]
        print(f'{exposures[n]:30}{rows.filter[n]:8}{rows.zp[n]:9.4f}{rows.zperr[n]:8.4f}{rows.zp[n] - true["zp"]:9.4f}'
              f'{rows.colorterm[n]:13.4f}{rows.colorterm[n] - true["colorterm"]:9.4f}{rows.nstars[n]:7.0f}')
    error = np.array([rows.zp[n] - truth[exposures[n]]['zp'] for n in measurable])
    pull = error / rows.zperr[measurable]
    print(f'... {len(measurable)} of {sum(true["measurable"] for true in truth.values())} measurable frames measured; '
          f'zp - truth: median {1000 * np.median(error):+.1f} mmag, rms {1000 * np.sqrt(np.mean(error**2)):.1f} mmag, '
          f'in units of zperr {robust_spread(pull):.2f} wide')


if __name__ == '__main__':
    sys.exit(main())
