"""Hostile values in headers, rows, file names, tables of the site, settings: nothing leaves the output directory, runs
on the page, forges a line of the log or breaks a query; and secrets that appear in nothing that is written.

The page is opened in Chromium where it is installed, with PLANTED scripts that would change its title.
"""

import csv
import json
import math
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from html.parser import HTMLParser
from itertools import cycle
from pathlib import Path

import numpy as np

import longtermphotzp
from benchmarks.torture.baseframes import Base, Case, bases
from benchmarks.torture.framecards import with_card
from benchmarks.torture.frames import judge
from benchmarks.torture.frametables import edited
from benchmarks.torture.scripts import Run, as_program, calibration, in_process
from benchmarks.torture.tally import Tally
from photzp.pages import render

STATIC = render.static_files()
OWNED = "document.title='owned'"
PAYLOADS: tuple[str | bytes | float, ...] = (
    '../../x', '/etc/passwd', '..', '.', '~root/x', 'a/b', 'C:\\x', f'<script>{OWNED}</script>',
    f'"><img src=x onerror="{OWNED}">', f"'><svg onload={OWNED}>", f'javascript:{OWNED}', f'</title><script>{OWNED}',
    '{{ 7*7 }}', '{% for x in y %}', '${7*7}', '&lt;b&gt;', "x'; DROP TABLE lcophot; --", '" OR 1=1 --',
    "' UNION SELECT 1", '%s%s%n%d', '%(asctime)s', '{0.__class__}', '=1+1', '@SUM(1)', '+1', '-1', '\t=1',
    'two\nlines', 'bell\x07\x1b[2J',
    'nul\0nul', 'a\r\nSet-Cookie: x', 'gp\u202egnp', 'z\u0440', 'zero\u200bwidth', '\ufeffx', '\U0001f52d',
    'x' * 10_000,
    '$\\frac{1}{0}$', '$unclosed', '_hidden', r'\n', '', ' ', 'None', 'nan', b'\xff\xfe', 12.5, math.inf, 'CON', '-rf',
    '__proto__', '\u2028', 'ﬁ', '<!--', ']]>', 'x' * 70)
GOOD = ('lsc', 'doma', '1m0a', 'fa15', 'rp')


# -- rows of a database ------------------------------------------------------------------------------------------------

COLUMNS = ('name', 'dateobs', 'site', 'dome', 'telescope', 'camera', 'filter', 'airmass', 'zp', 'colorterm', 'zpsig')
# What a clock that was never set and a header that was never filled give, besides PAYLOADS.
_NUMBERS = (0.0, -1.0, -999.0, 999.0, 1e308, -1e308, 5e-324)
UNSET: dict[str, tuple] = {
    'dateobs': ('0001-01-01 00:00:00.000', '0000-00-00 00:00:00', '1858-11-17 00:00:00.000', '1970-01-01 00:00:03.000',
                '1980-01-06T00:00:00.000', '2000-01-01 00:00:00', '2062-01-01 00:00:00.000', '9999-12-31 23:59:59.999',
                '2019-02-30 00:00:00.000', 58000.5, 0),
    'airmass': ('UNKNOWN', *_NUMBERS), 'zp': _NUMBERS, 'colorterm': _NUMBERS, 'zpsig': _NUMBERS}


def old_database(path: Path, more: Sequence[tuple] = ()) -> None:
    """A database of an earlier version with 40 good rows, and some more."""
    rng = np.random.default_rng(3)
    rows = [(f'lsc1m005-fa15-201908{n % 28 + 1:02d}-{n:04d}-e91.fits.fz',
             f'2019-08-{n % 28 + 1:02d} 03:00:{n % 60:02d}.000', *GOOD, 1.2, 23.7 + 0.01 * rng.normal(),
             0.05, 0.03) for n in range(40)]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute('CREATE TABLE lcophot (name TEXT PRIMARY KEY, dateobs TEXT, site TEXT, dome TEXT, telescope '
                           'TEXT, camera TEXT, filter TEXT, airmass REAL, zp REAL, colorterm REAL, zpsig REAL)')
        connection.executemany(f'INSERT OR REPLACE INTO lcophot VALUES ({",".join("?" * 11)})', [*rows, *more])


def hostile_rows() -> Iterator[tuple[str, tuple]]:
    """(Column and payload, row) for every column and payload, UNSET ones among them."""
    for n, column in enumerate(COLUMNS):
        for number, payload in enumerate((*PAYLOADS, *UNSET.get(column, ()))):
            row = [f'lsc1m005-fa15-20190901-{number:04d}{n:02d}-e91.fits.fz', '2019-09-01 03:00:00.000', *GOOD, 1.2,
                   23.7, 0.05, 0.03]
            row[n] = payload
            yield f'{column} = {payload!r:.60}', tuple(row)


def report(database: Path, out: Path, *more: object, limit_s: float = 300) -> Run:
    """Run longtermphotzp.py in this process."""
    return in_process(longtermphotzp.main, ['--database', database, '--outputdirectory', out, *more], limit_s=limit_s)


def rows_of_a_database(place: Path) -> Tally:
    """Each hostile row in a database of its own, checked and exported; then all of them in one, reported."""
    cases = list(hostile_rows())
    lost = []
    for label, row in cases:
        for old in place.glob('x.db*'):
            old.unlink()
        old_database(place / 'x.db', [row])
        for arguments in (['--export', place / 'x.csv'], ['--testdb']):
            run = report(place / 'x.db', place / 'none', *arguments)
            trouble = run.trouble or _log_trouble(run)
            if trouble or run.status not in (0, 1):
                lost.append(f'{label}: {arguments[0]}: {trouble or run.log}')
        lost += [f'{label}: cell {cell}' for cell in formulas(place / 'x.csv')]
    together, notes = all_together(place / 'all')
    return Tally(len(cases) + 1, tuple(lost) + tuple(together), tuple(notes))


def all_together(place: Path, step: int = 1) -> tuple[list[str], list[str]]:
    """The report of a database with all hostile rows, or every `step`th: (what is wrong, notes)."""
    (place / 'deep' / 'er').mkdir(parents=True)
    database, out = place / 'deep' / 'x.db', place / 'deep' / 'er' / 'out'
    old_database(database, list({row[0]: row for _, row in hostile_rows()}.values())[::step])
    run = report(database, out, '--log-level', 'DEBUG')
    trouble = run.trouble or _log_trouble(run)
    if trouble or run.status != 0:
        return [f'the report ended with {run.status}: {trouble or run.log[-500:]}'], []
    strangers = {path.name for path in place.rglob('*') if path.is_file()} - {path.name for path in out.iterdir()}
    wrong = [f'written outside the output directory: {name}' for name in strangers if not name.startswith('x.db')]
    return wrong + page_trouble(out), browser_note()


def formulas(path: Path) -> list[str]:
    """Cells of a CSV file that a spreadsheet would run."""
    with open(path, newline='', encoding='utf-8') as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    return [cell[:60] for cell in cells if re.match(r'\s*[=+@-]', cell) and not re.fullmatch(r'-?[\d.e+-]+', cell)]


def _log_trouble(run: Run) -> str | None:
    """A line of the log in another form, or with control characters of a terminal."""
    for line in run.log.splitlines() + run.out.splitlines():
        if not line.isprintable() or 'Warning: ' in line:
            return f'line {line!r:.200}'
    strange = [line for line in run.log.splitlines() if not re.match(r'20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ [A-Z]+ ', line)]
    return f'line {strange[0]!r:.200}' if strange else None


# -- the page ----------------------------------------------------------------------------------------------------------


class _Suspects(HTMLParser):
    """Collects items that no page may have: scripts but those of static/, handlers, links that lead elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == 'script' and data.strip():
            self.found.append(f'<script> with {data!r:.60}')

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get('src' if tag == 'script' else 'href') in STATIC and tag in ('script', 'link'):
            return
        if tag in ('script', 'iframe', 'object', 'embed', 'base', 'form', 'math') or (
                tag == 'svg' and given.keys() != {'viewbox', 'preserveaspectratio', 'aria-hidden'}):
            self.found.append(f'<{tag}>')
        for name, value in attrs:
            if name.startswith('on'):
                self.found.append(f'{tag} {name}={value}')
            ours = re.fullmatch(r'#[\w.-]+|data:,|\?(filter=[\w-]+)?|[\w+][\w+.-]*\.(png|csv|json)|'
                                r'(index|telescope-[\w+.-]+)\.html(#[\w.-]+)?', value or '')
            if name in ('href', 'src') and not ours:
                self.found.append(f'{tag} {name}={value}')


def page_trouble(out: Path) -> list[str]:
    """What is wrong with the pages of a report: in their text, and in the index as Chromium shows it."""
    wrong = []
    for page in sorted(out.glob('*.html')):
        parser = _Suspects()
        parser.feed(page.read_text(encoding='utf-8'))
        wrong += [f'{page.name} has {found:.200}' for found in parser.found]
    json.loads((out / 'status.json').read_text(encoding='utf-8'))
    dom = opened(out / 'index.html')
    if dom is not None and '<title>Telescope throughput</title>' not in dom:
        wrong.append(f'the title changed in the browser: {re.findall("<title>.*?</title>", dom)}')
    return wrong


def opened(page: Path) -> str | None:
    """The document of a page in Chromium after its scripts ran; None if that is not installed."""
    browser = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
    if browser is None:
        if 'PHOTZP_REQUIRE_ALL' in os.environ:
            raise FileNotFoundError('Chromium is not installed (apt-get install chromium)')
        return None
    ended = subprocess.run([browser, '--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=2000',
                           f'--user-data-dir={page.parent}/../browser', '--dump-dom', page.as_uri()], check=True,
                          capture_output=True, timeout=120)
    return ended.stdout.decode(errors='replace')


def browser_note() -> list[str]:
    """Whether the page was opened in a browser."""
    return [] if shutil.which('chromium') else ['Chromium is not installed: the page was parsed, and not opened']


# -- an earlier status.json and the tables of the site -----------------------------------------------------------------


def older_status(place: Path) -> Tally:
    """Hostile values in each text of the status.json and report-state.json that an earlier run left."""
    old_database(place / 'x.db')
    out = place / 'out'
    assert report(place / 'x.db', out).status == 0
    whole = {name: (out / name).read_text(encoding='utf-8') for name in ('status.json', 'report-state.json')}
    lost, tried = [], 0
    texts = [payload for payload in PAYLOADS if isinstance(payload, str)]
    for name, text in whole.items():
        for payload in texts[7:40:2]:
            tree = json.loads(text)
            _plant(tree, payload)
            (out / name).write_text(json.dumps(tree), encoding='utf-8')
            run = report(place / 'x.db', out, '--site', 'lsc')
            tried += 1
            wrong = run.trouble or _log_trouble(run) or '; '.join(_parsed_trouble(out))
            if wrong or run.status != 0:
                lost.append(f'{name} with {payload!r:.60}: {wrong or run.log[-300:]}')
    (out / 'status.json').write_text(json.dumps(_planted_everywhere(json.loads(whole['status.json']), texts)))
    run = report(place / 'x.db', out)
    lost += [f'{trouble}' for trouble in [run.trouble, *page_trouble(out)] if trouble]
    return Tally(tried + 1, tuple(lost), tuple(browser_note()))


def _parsed_trouble(out: Path) -> list[str]:
    parser = _Suspects()
    parser.feed((out / 'index.html').read_text(encoding='utf-8'))
    return parser.found


def _plant(tree: object, payload: str) -> None:
    """Put a payload into every text, and into every key that names a file."""
    if isinstance(tree, dict):
        for key, value in list(tree.items()):
            if isinstance(value, str):
                tree[key] = payload
            _plant(tree[key], payload)
            if key.endswith(('.png', '.csv')):
                tree[payload] = tree.pop(key)
    elif isinstance(tree, list):
        for n, value in enumerate(tree):
            if isinstance(value, str):
                tree[n] = payload
            _plant(tree[n], payload)


def _planted_everywhere(tree: dict, payloads: Sequence[str]) -> dict:
    """A status with one row, plot and file per payload, and everything else as it was."""
    row, plot = tree['statuses'][0], next(iter(tree['plots'].values()))
    for payload in payloads:
        tree['statuses'].append({**row, 'telescope': f'{payload}-doma-1m0a', 'filter': payload, 'cameras': [payload],
                                 'event_kind': payload, 'state': payload, 'made': payload})
        tree['plots'][payload] = {**plot, 'alt': payload}
        tree['plots'][f'photzptrend-lsc-doma-1m0a-{payload}.png'] = {**plot, 'alt': payload}
        tree['files'] += [payload, f'mirrormodel-lsc-doma-1m0a-{payload}.csv']
    return tree


def overlays(place: Path) -> Tally:
    """Notes, filters and names of a file laid over observatory.toml."""
    old_database(place / 'x.db')
    lost, tried = [], 0
    for payload in (payload for payload in PAYLOADS if isinstance(payload, str)):
        text = json.dumps(payload.encode('utf-8', 'replace').decode()).replace('\x7f', '')
        for table in (f'[[events]]\ntelescope = "lsc-doma-1m0a"\ndate = 2019-08-10\nkind = "wash"\nnote = {text}\n',
                      f'[camera_types.{text}]\ndescription = {text}\n', f'telescopes = [{text}]\n'):
            (place / 'site.toml').write_text(table, encoding='utf-8')
            run = report(place / 'x.db', place / 'out', '--observatory', place / 'site.toml')
            tried += 1
            wrong = run.trouble or _log_trouble(run)
            if wrong or run.status not in (0, 2) or (run.status == 2) != (' ERROR ' in run.log):
                lost.append(f'{table[:80]!r}: {wrong or run.log[-300:]}')
    return Tally(tried, (*lost, *page_trouble(place / 'out')), tuple(browser_note()))


# -- headers and names of frames ---------------------------------------------------------------------------------------


def headers(place: Path) -> Tally:
    """Hostile words in each card of a name, with diagnostic plots; a frame in a directory with a hostile name."""
    frames = bases(place, real=False)[:2]
    cases = list(header_cases(frames))
    lost: list[str] = []

    def run(frames: Path, ps1: Path, database: Path, *, limit_s: float) -> Run:
        ended = as_program('photcalibration.py', calibration(frames, ps1, database, '--processes', 1,
                                                            '--diagnosticplotsdir', place / 'plots'), limit_s=limit_s)
        trouble = _log_trouble(ended)
        lost.extend([trouble] if trouble else [])
        return ended

    before = {path for path in place.rglob('*') if path.is_file()}
    tally = judge(cases, place, run=run)
    after = {path for path in place.rglob('*') if path.is_file()} - before
    lost += [f'written outside: {path}' for path in after if path.parent != place / 'plots']
    for name in ('two\nlines', '$(touch owned)', "q'uo\"te", '%s%n', '\x1b[31m', 'gp\u202e'):
        directory = place / name
        directory.mkdir()
        (directory / frames[0].name).write_bytes(frames[0].data)
        ended = as_program('photcalibration.py', calibration(directory, frames[0].ps1, directory / 'x.db'), limit_s=60)
        if _log_trouble(ended) or ended.status != 0:
            lost.append(f'directory {name!r}: {_log_trouble(ended) or ended.log}')
    return Tally(tally.tried + 6, (*tally.lost, *lost), tally.notes)


def header_cases(frames: Sequence[Base]) -> Iterator[Case]:
    """FITS headers hold ASCII only; what is longer than a card comes by CONTINUE."""
    some = cycle(frames)
    for keyword in ('SITEID', 'ENCID', 'TELID', 'INSTRUME', 'FILTER'):
        for payload in PAYLOADS:
            if isinstance(payload, str):
                base = next(some)
                text = payload.encode('ascii', 'replace').decode().replace("'", "''")[:66]
                yield Case(f'{keyword} = {text!r}', base, with_card(base, keyword, f"'{text}'"), frozenset({keyword}))
        base = next(some)
        yield Case(f'{keyword} of 10 kB', base, edited(base, partial(_long, keyword=keyword)),
                   frozenset({keyword}))


def _long(hdus: object, keyword: str) -> None:
    hdu = hdus['SCI'] if 'SCI' in hdus else hdus[0]
    hdu.header[keyword] = 'x' * 10_000


# -- secrets -----------------------------------------------------------------------------------------------------------

CANARY = 'c4n4ry'


def secrets(place: Path) -> Tally:
    """A canary for each secret, in runs that fail in many ways: it occurs in no log and no file."""
    frames = bases(place, real=False)[:1]
    directory, database = place / 'frames', place / 'x.db'
    directory.mkdir()
    (directory / frames[0].name).write_bytes(frames[0].data)
    old_database(database)
    calibrate = partial(calibration, directory, frames[0].ps1)
    urls = [f'postgresql://me:{CANARY}@127.0.0.1:1/zp', f'postgresql://me:{CANARY}%40@127.0.0.1:1/zp?connect_timeout=1',
            f'postgresql://127.0.0.1:1/zp?user=me&password={CANARY}', f'postgresql://me:{CANARY}@b@127.0.0.1/zp',
            f'mysql://me:{CANARY}@127.0.0.1/zp', f'nonsense://me:{CANARY}@x', f'postgresql://me:{CANARY}@[::1/zp',
            f'postgresql://me:{CANARY}@127.0.0.1:port/zp', f'sqlite:///{place}/y.db?password={CANARY}']
    keys = {'AWS_ACCESS_KEY_ID': f'AKIA{CANARY}', 'AWS_SECRET_ACCESS_KEY': f'secret/{CANARY}', 'AWS_SESSION_TOKEN':
            f'token{CANARY}', 'AWS_S3_BUCKET': 'throughput', 'AWS_DEFAULT_REGION': 'us-west-2', 'AWS_MAX_ATTEMPTS': '1'}
    runs = [('photcalibration.py', calibrate(url), {}, (0, 2)) for url in urls]
    runs += [('longtermphotzp.py', ['--database', url], {}, (0, 2)) for url in urls]
    runs += [('photcalibration.py', ['--photdb', urls[0]], {}, (2,)),
             ('longtermphotzp.py', ['--databse', urls[0]], {}, (2,)), ('longtermphotzp.py', [urls[0]], {}, (2,)),
             ('longtermphotzp.py', ['--database', database, '--copyto', urls[0]], {}, (2,)),
             ('photcalibration.py', calibrate('postgresql://me@127.0.0.1:1/zp'), {'PGPASSWORD': CANARY}, (2,))]
    runs += [('longtermphotzp.py', ['--database', database], keys | {'AWS_ENDPOINT_URL': endpoint}, (2,))
             for endpoint in ('http://127.0.0.1:1', f'http://me:{CANARY}@127.0.0.1:1', 'file:///etc', 'ftp://127.0.0.1',
                              'javascript:x', f'http://{CANARY}:x', 'not a url')]
    runs += [('longtermphotzp.py', ['--database', database], keys | {
        'AWS_S3_BUCKET': bucket, 'AWS_ENDPOINT_URL': 'http://127.0.0.1:1'}, (2,))
        for bucket in ('../x', 'a b', 'x?y=z', 'two\nlines', 'x/../../y', 'ü' * 70)]
    lost = []
    for script, arguments, environment, statuses in runs:
        run = as_program(script, [*arguments, '--log-level', 'DEBUG'], limit_s=240, environment=environment)
        said = run.log + run.out
        wrong = run.trouble or (f'status {run.status}: {run.log[-300:]}' if run.status not in statuses else '')
        if CANARY in said:
            wrong = f'said: {next(line for line in said.splitlines() if CANARY in line)}'
        if wrong:
            lost.append(f'{script} {" ".join(map(str, arguments))[-80:]} {environment}: {wrong}')
    written = [path for path in place.rglob('*') if path.is_file() and CANARY.encode() in path.read_bytes()]
    return Tally(len(runs), (*lost, *(f'{path} holds the canary' for path in written)))


CLASSES = [('secrets in what is said and written', secrets),
           ('hostile rows of a database', rows_of_a_database),
           ('hostile status and state of the report', older_status),
           ('hostile tables of the site', overlays), ('hostile headers and names of frames', headers)]
