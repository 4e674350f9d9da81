"""Weeks of cron in a few minutes: morning and evening, late frames, a mount lost for a night: `make torture`."""

import contextlib
import gc
import io
import os
import random
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import longtermphotzp
import photcalibration
from benchmarks.torture.ground import NIGHT, Place, Rows, differences, make_night, rows_of
from benchmarks.torture.tally import Tally
from photzp.running.script import run_script

FIRST = date(2020, 2, 13)  # of the night that all others are copies of
LATE_SHARE, LATE_DAYS = 0.15, 2
LOOK_BACK = 4  # days that each run looks at: longer than any frame is late and the catalogue is lost
PROGRAM_EVERY = 9  # so many runs, one is a process of its own
MORE_MB, MORE_BYTES_A_ROW = 12, 1.1  # that count as growth, over the last two thirds
FEW_PLOTS = ('--no-pertelescopeplots', '--no-errorhistogram', '--no-createsummaryplots')
_DATES = re.compile(rb'20200213|2020-02-1[34]')


@dataclass(kw_only=True)
class Soak:
    """An archive that gets frames night by night, the runs over it, and the resources that they use.

    usage : (resident memory [MB], open files, bytes of the database per row) after each morning.
    """

    here: Place
    nights: int
    rng: random.Random
    coming: dict[tuple[int, str], list[tuple[Path, bytes]]] = field(default_factory=lambda: defaultdict(list))
    usage: list[tuple[float, int, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    runs: int = 0

    def plan(self, base: Path) -> None:
        """Plan when frames come: a preview in the evening, the final one in the morning after, some two days late."""
        for path in sorted(base.rglob('*.fits*')):
            content, final = path.read_bytes(), '-e91' in path.name
            for night in range(self.nights):
                late = LATE_DAYS if random.Random(f'{path.name[:24]} {night}').random() < LATE_SHARE else 0
                target = self.here.archive / str(path.relative_to(base)).replace(NIGHT, f'{day(night):%Y%m%d}')
                hour = (night + 1 + late, 'morning') if final else (night + late, 'evening')
                self.coming[hour].append((target, moved(content, night)))

    def days(self) -> Iterator[tuple[int, str]]:
        """The hours of cron, in order, until the last frame has come and was measured."""
        return ((number, hour) for number in range(self.nights + LATE_DAYS + 2) for hour in ('morning', 'evening'))

    def go(self, lost_night: int, redo_night: int) -> None:
        """Run all of it: a mount is lost in one night, and nights are measured again in another."""
        away = self.here.ps1.with_name('unmounted')
        for number, hour in self.days():
            self.arrive(number, hour)
            if (number, hour) == (lost_night, 'evening'):
                self.here.ps1.rename(away)
            if (number, hour) == (lost_night + 1, 'evening'):
                away.rename(self.here.ps1)
            lost = away.exists()
            status = self.calibrate(number, '--preview') if hour == 'evening' else self.calibrate(number)
            if status != (2 if lost else 0):
                self.wrong.append(f'{hour} of day {number}: calibration ended with status {status}')
            if (number, hour) == (redo_night, 'evening'):
                self.calibrate(number, '--redo', back=10)
            self.report(number, whole=hour == 'morning' and number % 5 == 4)
            if hour == 'morning':
                self.usage.append(self.measure())

    def arrive(self, number: int, hour: str) -> None:
        """Frames come in; a preview goes when its final frame comes."""
        for target, content in self.coming.pop((number, hour), ()):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            if '-e91' in target.name:
                for preview in self.here.archive.rglob(target.name.replace('-e91', '-e11')):
                    preview.unlink()

    def calibrate(self, number: int, *options: str, back: int = LOOK_BACK) -> int:
        """One run over the last days: in this process, or now and then in one of its own; returns its status."""
        self.runs += 1
        today = day(number)
        command = self.here.command('photcalibration.py', '--imagerootdir', self.here.archive, '--ps1dir',
                                    self.here.ps1, '--photodb', self.here.database, '--processes', '1', *options)
        if self.runs % PROGRAM_EVERY == 0:
            nights = [f'{today - timedelta(days):%Y%m%d}' for days in range(back)]
            return self.here.run([*command, '--date', *nights])[0]
        given = photcalibration.parser().parse_args([*command[2:], '--lastNdays', str(back)])
        return quietly(partial(run_script, partial(photcalibration.run, today=today), given))

    def report(self, number: int, *, whole: bool = True) -> None:
        """One report, with all its plots or with none, which is faster."""
        self.runs += 1
        command = self.here.report(*([] if whole else FEW_PLOTS))
        now = datetime.combine(day(number), datetime.min.time(), UTC) + timedelta(hours=23)
        status = quietly(partial(run_script, partial(longtermphotzp.run, now=now),
                                 longtermphotzp.parser().parse_args(command[2:])))
        with closing(sqlite3.connect(self.here.database)) as connection:
            empty = connection.execute('SELECT count(*) FROM lcophot').fetchone() == (0,)
        if status != (2 if empty else 0):
            self.wrong.append(f'day {number}: report ended with status {status}')

    def measure(self) -> tuple[float, int, float]:
        """(resident memory [MB], open files, bytes of the database per row of any table) now."""
        gc.collect()
        pages = int(Path('/proc/self/statm').read_text(encoding='ascii').split()[1])
        with closing(sqlite3.connect(self.here.database)) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = sum(connection.execute(f'SELECT count(*) FROM {name}').fetchone()[0] for name in tables)
        return (pages * os.sysconf('SC_PAGE_SIZE') / 2**20, len(os.listdir('/proc/self/fd')),
                sum(path.stat().st_size for path in self.here.database.parent.iterdir()) / rows)

    def growth(self) -> list[str]:
        """Resources that grew over the last two thirds of the nights."""
        first, last = self.usage[len(self.usage) // 3], self.usage[-1]
        return [f'{name} grew from {first[n]:.0f} to {last[n]:.0f}' for n, (name, most) in enumerate(
            (('memory [MB]', first[0] + MORE_MB), ('open files', first[1]),
             ('bytes per row', first[2] * MORE_BYTES_A_ROW))) if last[n] > most]


def day(number: int) -> date:
    """Date of the night of this number."""
    return FIRST + timedelta(number)


def moved(content: bytes, nights: int) -> bytes:
    """A frame without checksums, observed so many nights later."""
    new = {b'20200213': f'{day(nights):%Y%m%d}', b'2020-02-13': str(day(nights)), b'2020-02-14': str(day(nights + 1))}
    return _DATES.sub(lambda match: new[match[0]].encode(), content)


def quietly(function: partial[int]) -> int:
    """Call a script's function, without its output."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return function()


def finals(rows: Rows) -> Rows:
    """The rows without those of previews."""
    return {table: {row for row in table_rows if not any('-e11' in str(value) for value in row)}
            for table, table_rows in rows.items()}


def soak(place: Path, nights: int = 60, frames: int = 5) -> Tally:
    """Each run is a case; so are the comparison with one run over all of it, and three resources that may grow."""
    base = make_night(place / 'base', frames, 8, '--sites', 'lsc', '--regimes', 'ordinary', '--defects', '0',
                      '--twins', '1')
    (place / 'soak' / 'night').mkdir(parents=True)
    (base / 'ps1').rename(place / 'soak' / 'night' / 'ps1')
    here = Place(place / 'soak')
    (here.archive / 'lsc').mkdir(parents=True)
    one = Soak(here=here, nights=nights, rng=random.Random(nights))
    one.plan(base / 'archive')
    one.go(lost_night=nights // 2, redo_night=2 * nights // 3)
    single = Soak(here=Place(place / 'single', here.night), nights=nights, rng=random.Random(0))
    status = single.calibrate(nights + LATE_DAYS + 1, back=nights + LATE_DAYS + 3)
    if status:
        return Tally(one.runs + 4, (*one.wrong, f'the single run ended with status {status}'))
    single.report(nights + LATE_DAYS + 1)
    found, wanted = rows_of(here.database), rows_of(single.here.database)
    wrong = [*one.wrong, *single.wrong, *filter(None, [differences(finals(found), wanted)])]
    exposures = {row[0].rsplit('-', 1)[0] for row in wanted['lcophot']}
    wrong += [f'{row[0]} has no final frame' for row in found['lcophot'] - finals(found)['lcophot']
              if row[0].rsplit('-', 1)[0] not in exposures]
    wrong += [f'left over: {path.name}' for path in here.out.iterdir() if 'partial' in path.name]
    if nights >= 30:
        wrong += one.growth()
    first, last = one.usage[len(one.usage) // 3], one.usage[-1]
    notes = (f'{nights} nights, {one.runs} runs, {len(wanted["lcophot"])} zeropoints; from a third of the nights to '
             f'the end: memory {first[0]:.0f} to {last[0]:.0f} MB, open files {first[1]} to {last[1]}, database '
             f'{first[2]:.0f} to {last[2]:.0f} bytes per row',)
    return Tally(one.runs + 4, tuple(wrong), notes)


CLASSES = [('60 nights of cron', soak)]
